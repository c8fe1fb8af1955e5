//! Sacrum and ilium as one bone, for screws that run through both.
//!
//! In: a spine whose sacrum stands, and which of its labels are the hip bones. Out: for each side a
//! [`PelvicBone`], what of the hip bone a screw can reach fused with the sacrum. A hip bone that can
//! not be used is told in a sentence.

use super::spine::{Spine, VertebraModel};
use crate::anatomy::{Pedicle, VertebraAnatomy};
use crate::clearance::{self, Field, iliac};
use crate::labels::{LabelMap, LabelledVertebra, Level, VertebraId};
use crate::mesh::{self, TriMesh};
use crate::space::{Affine, Dir, Patient, Point, Side, Vertebra};
use crate::surface::{self, Surface, SurfaceError};
use crate::volume::Grid;
use crate::work::{Cancelled, Work};
use glam::DVec3;
use rayon::prelude::*;
use std::sync::Arc;

/// What is kept of the two bones, in the frame of the sacrum: from the midline outwards, from front
/// to back, from below to above, mm. More than the longest screw reaches.
const OUTWARD_MM: [f64; 2] = [-22.0, 112.0];
const BACK_MM: [f64; 2] = [-92.0, 66.0];
const UP_MM: [f64; 2] = [-84.0, 52.0];
/// Distance of the nodes of the fused surface, mm.
const NODE_MM: f64 = 0.8;

/// The sacrum and the ilium of one side, with the joint between them, as one bone.
#[derive(Clone, Debug)]
pub struct PelvicBone {
    /// The ilium's side.
    pub side: Side,
    /// The surface of both.
    pub mesh: TriMesh,
    /// The ilium's own surface, as far as it is kept: what is seen of it beside the sacrum.
    pub ilium: TriMesh,
    /// Signed distance to it.
    pub field: Field,
    /// What was measured on the sacrum, with the corridor into the ilium as its one pedicle; without
    /// any where there is no corridor.
    pub anatomy: VertebraAnatomy,
}

impl PelvicBone {
    /// The corridor into the ilium; `None` where there is none.
    pub fn corridor(&self) -> Option<&Pedicle> {
        self.anatomy.pedicle(self.side)
    }
}

/// The bones of both sides, left first; of `known` those that still hold. Where a hip bone is
/// labelled that can not be used, a sentence says so.
pub(super) fn of(
    spine: &Spine,
    known: &[Arc<PelvicBone>],
    work: &Work,
) -> Result<(Vec<Arc<PelvicBone>>, Vec<String>), Cancelled> {
    let (Some(labels), Some(sacrum)) = (&spine.labels, spine.at_level(Level::S1)) else {
        return Ok(Default::default());
    };
    let wanted = Side::BOTH.into_iter().filter_map(|side| Some((side, spine.ilia.of(side)?)));
    let wanted: Vec<(Side, u16)> = wanted.collect();
    let made: Vec<_> = wanted
        .into_par_iter()
        .map(|(side, value)| match known.iter().find(|bone| bone.side == side) {
            Some(bone) => Ok(Arc::clone(bone)),
            None => bone(spine, labels, sacrum, (side, value), work).map(Arc::new),
        })
        .collect();
    let (mut bones, mut said) = (Vec::new(), Vec::new());
    for bone in made {
        match bone {
            Ok(bone) => bones.push(bone),
            Err(NoBone::Cancelled(cancelled)) => return Err(cancelled),
            Err(why) => said.push(why.to_string()),
        }
    }
    Ok((bones, said))
}

/// Why a side has no such bone.
#[derive(Debug, thiserror::Error)]
enum NoBone {
    #[error(
        "the hip bone that the labels call {side} lies on the other side: it is left out, check \
         the labels"
    )]
    OtherSide { side: Side },
    #[error("the {side} ilium is left out: {why}")]
    NoSurface { side: Side, why: String },
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

fn bone(
    spine: &Spine,
    labels: &LabelMap,
    sacrum: &VertebraModel,
    (side, value): (Side, u16),
    work: &Work,
) -> Result<PelvicBone, NoBone> {
    let no_surface = |why: &str| NoBone::NoSurface { side, why: why.to_owned() };
    let part =
        reachable(labels, sacrum, side).ok_or_else(|| no_surface("the image does not reach it"))?;
    let voxels = |part: &LabelMap| part.volume.data().iter().filter(|v| **v == value).count();
    let beyond = reachable(labels, sacrum, side.opposite()).map_or(0, |part| voxels(&part));
    match voxels(&part) {
        here if here < beyond => return Err(NoBone::OtherSide { side }),
        0 => return Err(no_surface("its label does not reach the sacrum")),
        _ => {}
    }
    let (part, ilium) = with_ilium(part, value);
    let surface =
        surface::declare(&part, &ilium, spine.ct.as_deref(), work).map_err(|why| match why {
            SurfaceError::Cancelled(cancelled) => cancelled.into(),
            why => no_surface(&why.to_string()),
        })?;
    let own = mesh::extract(&surface);
    let field = Field::to_mesh(&surface, &own, work)?;
    let both = clearance::fused(&sacrum.field, &field, nodes(sacrum, side))
        .ok_or_else(|| no_surface("nothing of it can be reached"))?;
    finished(&both, own, sacrum, side, work)
}

/// Mesh, distance and corridor of the fused surface.
fn finished(
    surface: &Surface,
    ilium: TriMesh,
    sacrum: &VertebraModel,
    side: Side,
    work: &Work,
) -> Result<PelvicBone, NoBone> {
    let mesh = mesh::extract(surface);
    let field = Field::to_mesh(surface, &mesh, work)?;
    let corridor = iliac::corridor(&field, &sacrum.anatomy, side);
    let pedicles = corridor.into_iter().collect();
    let anatomy = VertebraAnatomy { pedicles, warnings: Vec::new(), ..sacrum.anatomy.clone() };
    Ok(PelvicBone { side, mesh, ilium, field, anatomy })
}

/// The corners of the box that is kept, LPS mm.
fn corners(sacrum: &VertebraModel, side: Side) -> [Point<Patient>; 8] {
    let outward = OUTWARD_MM.map(|mm| mm * side.sign());
    std::array::from_fn(|n| {
        let at = Point::<Vertebra>::new(outward[n & 1], BACK_MM[n >> 1 & 1], UP_MM[n >> 2 & 1]);
        sacrum.anatomy.patient_from_vertebra.point(at)
    })
}

/// The nodes of the fused surface: along the axes of the sacrum.
fn nodes(sacrum: &VertebraModel, side: Side) -> Grid {
    let frame = sacrum.anatomy.patient_from_vertebra;
    let [low, high] = if side == Side::Left { OUTWARD_MM } else { OUTWARD_MM.map(|mm| -mm) };
    let [low, high] = [low.min(high), low.max(high)];
    let first = frame.point(Point::new(low, BACK_MM[0], UP_MM[0]));
    let count = |[low, high]: [f64; 2]| ((high - low) / NODE_MM).ceil() as usize + 1;
    let axis = |d: Dir<Vertebra>| frame.dir(d) * NODE_MM;
    let map = Affine::from_columns(axis(Dir::X), axis(Dir::Y), axis(Dir::Z), first);
    let size = [count([low, high]), count(BACK_MM), count(UP_MM)];
    // Three axes at right angles always make a grid.
    Grid::new(size, map).unwrap_or_else(|_| Grid::along_axes(first, NODE_MM, size))
}

/// The part of the labels that a screw can reach; `None` where the image does not.
fn reachable(labels: &LabelMap, sacrum: &VertebraModel, side: Side) -> Option<LabelMap> {
    let grid = labels.volume.grid();
    let into = grid.voxel_from_patient();
    let far = DVec3::INFINITY;
    let (low, high) = corners(sacrum, side)
        .map(|corner| into.point(corner).vec())
        .into_iter()
        .fold((far, -far), |(low, high), p| (low.min(p), high.max(p)));
    let last = DVec3::from_array(grid.size().map(|n| n as f64 - 1.0));
    let [low, high] = [low.floor(), high.ceil()].map(|p| p.clamp(DVec3::ZERO, last));
    let [first, end] = [low, high].map(|p| p.to_array().map(|x| x as usize));
    let volume = labels.volume.part(first, std::array::from_fn(|n| end[n] - first[n] + 1))?;
    Some(LabelMap { volume, vertebrae: labels.vertebrae.clone() })
}

/// Labels in which the ilium counts as one of the bones, whose surfaces end where others begin.
fn with_ilium(mut part: LabelMap, value: u16) -> (LabelMap, LabelledVertebra) {
    let id = VertebraId::of_label("ilium", value);
    let ilium = LabelledVertebra { id, level: Level::S1, value, is_cut_off: false };
    part.vertebrae.push(ilium.clone());
    (part, ilium)
}
