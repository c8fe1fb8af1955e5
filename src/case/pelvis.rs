//! Sacrum and ilium as one bone, for screws that run through both.
//!
//! In: a spine whose sacrum stands, and which of its labels are the hip bones. Out: a [`Pelvis`], for
//! each side a [`PelvicBone`], what of the hip bone a screw can reach fused with the sacrum. A hip bone
//! that can not be used is told in a sentence.
//!
//! Both bones take seconds where a vertebra takes tenths. So when labels are mended the sides that
//! hang on them are only called due at first, and nothing is judged by what they were before.

use super::spine::{Spine, VertebraModel};
use crate::anatomy::{Pedicle, VertebraAnatomy};
use crate::clearance::{self, Field, ScrewShape, iliac};
use crate::labels::{Ilia, LabelMap, LabelledVertebra, Level, VertebraId, end_at, stats};
use crate::mesh::{self, TriMesh};
use crate::plan::check::IliumCut;
use crate::space::{Affine, Dir, Patient, Point, Side, Vertebra};
use crate::surface::{self, MadeFrom, Surface, SurfaceError};
use crate::volume::{Grid, Volume};
use crate::work::{Cancelled, Work};
use glam::DVec3;
use rayon::prelude::*;
use std::array::from_fn;
use std::sync::Arc;

/// What is kept of the two bones, in the frame of the sacrum: from the midline outwards, from front
/// to back, from below to above, mm. More than the longest screw reaches.
const OUTWARD_MM: [f64; 2] = [-22.0, 112.0];
const BACK_MM: [f64; 2] = [-92.0, 66.0];
const UP_MM: [f64; 2] = [-84.0, 52.0];
/// Distance of the nodes of the fused surface, mm.
const NODE_MM: f64 = 0.8;

/// Where image or labels end inside an ilium it matters to a screw this near, mm: clearances are told
/// to that end there, as if it were cortex.
const NEAR_END_MM: f64 = 5.0;
/// No farther from their entry than this do screws of usual lengths reach, mm.
const REACH_MM: f64 = 100.0;

/// Sacrum and ilium of both sides.
#[derive(Clone, Debug, Default)]
pub struct Pelvis {
    /// The bones that stand, left first.
    pub bones: Vec<Arc<PelvicBone>>,
    /// Sides whose bone is to be made, or made anew.
    pub due: Vec<DueBone>,
    /// Sides whose hip bone is labelled and can not be used, and why; whole sentences.
    pub left_out: Vec<(Side, String)>,
}

/// A side whose bone does not stand: labels that it is made from changed, or it was never made.
#[derive(Clone, Debug)]
pub struct DueBone {
    /// The ilium's side.
    pub side: Side,
    /// As it was before; to be seen until the new one stands, not to be judged by.
    pub before: Option<Arc<PelvicBone>>,
}

impl Pelvis {
    /// No bone stands, and all that are labelled are due.
    pub fn to_be_made(ilia: Ilia) -> Self {
        Self::default().touched(ilia, |_| true)
    }
    /// The same once labels of some sides were touched: their bones are due.
    pub fn touched(&self, ilia: Ilia, is_touched: impl Fn(Side) -> bool) -> Self {
        let labelled = Side::BOTH.into_iter().filter(|side| ilia.of(*side).is_some());
        let due = labelled.filter(|side| self.is_due(*side) || is_touched(*side));
        let before = |side| self.seen().find(|bone| bone.side == side).cloned();
        let due: Vec<_> = due.map(|side| DueBone { side, before: before(side) }).collect();
        let stands = |bone: &&Arc<PelvicBone>| due.iter().all(|due| due.side != bone.side);
        let bones = self.bones.iter().filter(stands).cloned().collect();
        Self { bones, due, left_out: self.left_out.clone() }
    }
    /// The bone of one side; `None` while it is due, and where there is none.
    pub fn of(&self, side: Side) -> Option<&Arc<PelvicBone>> {
        self.bones.iter().find(|bone| bone.side == side)
    }
    /// Whether the bone of a side is older than its labels.
    pub fn is_due(&self, side: Side) -> bool {
        self.due.iter().any(|due| due.side == side)
    }
    /// The bones that stand, and in the place of those that are due what they were before.
    pub fn seen(&self) -> impl Iterator<Item = &Arc<PelvicBone>> {
        self.bones.iter().chain(self.due.iter().filter_map(|due| due.before.as_ref()))
    }
    /// Whether there is a bone to be seen, or one to come.
    pub fn is_empty(&self) -> bool {
        self.bones.is_empty() && self.due.is_empty()
    }
}

/// The sacrum and the ilium of one side, with the joint between them, as one bone.
#[derive(Clone, Debug)]
pub struct PelvicBone {
    /// The ilium's side.
    pub side: Side,
    /// The surface of both.
    pub mesh: TriMesh,
    /// The ilium by itself.
    pub ilium: Arc<Ilium>,
    /// Signed distance to it.
    pub field: Field,
    /// What was measured on the sacrum, with the corridor into the ilium as its one pedicle; without
    /// any where there is no corridor.
    pub anatomy: VertebraAnatomy,
    /// Places of the ilium, as far as it is kept, at which the image or the label map ends, LPS mm.
    pub ends: Vec<Point<Patient>>,
    /// One of them lies in the way of a screw along the corridor.
    pub is_cut_off: bool,
}

/// The hip bone of one side by itself, as far as the image holds it.
#[derive(Clone, Debug)]
pub struct Ilium {
    /// Its surface.
    pub surface: Surface,
    /// The mesh of that: what is seen of it.
    pub mesh: TriMesh,
    /// What it was made from.
    pub made_from: MadeFrom,
}

impl PelvicBone {
    /// The corridor into the ilium; `None` where there is none.
    pub fn corridor(&self) -> Option<&Pedicle> {
        self.anatomy.pedicle(self.side)
    }
    /// What a person should know of it; a whole sentence.
    pub fn warning(&self) -> Option<String> {
        let side = self.side;
        self.is_cut_off.then(|| {
            format!(
                "the image or the label map ends inside the {side} ilium, in the way of a screw into \
                 it: before you plan one, take an image and labels that hold more of it"
            )
        })
    }
    /// Whether the ilium's end in image or labels lies beside a screw, or ahead of it on the way on
    /// through bone; `None` where it is farther from both, or the ilium is whole.
    pub fn cut_at(&self, screw: &ScrewShape) -> Option<IliumCut> {
        let tip = screw.entry + screw.axis * screw.length_mm;
        let ahead_mm = way_in_bone_mm(&self.field, tip, screw.axis, REACH_MM - screw.length_mm);
        let near_mm = NEAR_END_MM + screw.diameter_mm / 2.0;
        let ends_near = |from, to| self.ends_within(near_mm, [from, to]);
        if ends_near(screw.entry, tip) {
            return Some(IliumCut::Beside);
        }
        ends_near(tip, tip + screw.axis * ahead_mm).then_some(IliumCut::Ahead)
    }
    /// Whether the ilium ends within so many mm of the corridor, as far as screws reach.
    fn ends_in_corridor(&self) -> bool {
        let Some(Pedicle { isthmus, axis, least_mm, .. }) = self.corridor().copied() else {
            return false;
        };
        let way_mm = |along, most_mm| way_in_bone_mm(&self.field, isthmus, along, most_mm);
        let from_entry_mm = way_mm(-axis, REACH_MM);
        let way_on_mm = way_mm(axis, REACH_MM - from_entry_mm);
        self.ends_within(NEAR_END_MM + least_mm / 2.0, [isthmus, isthmus + axis * way_on_mm])
    }
    /// Whether the ilium ends within so many mm of a line between two points.
    fn ends_within(&self, mm: f64, [from, to]: [Point<Patient>; 2]) -> bool {
        let along = to - from;
        let off_mm = |p: Point<Patient>| {
            let part = (p - from).dot(along) / along.dot(along).max(1e-12);
            p.distance(from + along * part.clamp(0.0, 1.0))
        };
        self.ends.iter().any(|end| off_mm(*end) < mm)
    }
}

/// How far bone goes on from a place in this direction, mm; no farther than `most_mm`.
fn way_in_bone_mm(bone: &Field, from: Point<Patient>, along: Dir<Patient>, most_mm: f64) -> f64 {
    const STEP_MM: f64 = 0.5;
    let mut way_mm = 0.0;
    while way_mm < most_mm && bone.quick_distance_mm(from + along * way_mm) > 0.0 {
        way_mm += STEP_MM;
    }
    way_mm
}

/// The pelvis of a spine with the bones that are due. Where a hip bone is labelled that can not be used,
/// a sentence says so.
pub(super) fn made(spine: &Spine, work: &Work) -> Result<Pelvis, Cancelled> {
    let Pelvis { bones, due, left_out } = &spine.pelvis;
    let (Some(labels), Some(sacrum)) = (&spine.labels, spine.at_level(Level::S1)) else {
        return Ok(Pelvis::default());
    };
    let wanted = due.iter().filter_map(|due| Some((due, spine.ilia.of(due.side)?)));
    let wanted: Vec<(&DueBone, u16)> = wanted.collect();
    let made: Vec<_> = wanted
        .into_par_iter()
        .map(|(due, value)| (due.side, bone(spine, labels, sacrum, (due, value), work)))
        .collect();
    let is_as_before = |(side, _): &&(Side, String)| !spine.pelvis.is_due(*side);
    let (mut bones, mut left_out): (Vec<_>, Vec<_>) =
        (bones.clone(), left_out.iter().filter(is_as_before).cloned().collect());
    for (side, bone) in made {
        match bone {
            Ok(bone) => bones.push(Arc::new(bone)),
            Err(NoBone::Cancelled(cancelled)) => return Err(cancelled),
            Err(why) => left_out.push((side, why.to_string())),
        }
    }
    bones.sort_by_key(|bone| bone.side);
    left_out.sort();
    Ok(Pelvis { bones, due: Vec::new(), left_out })
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
    (due, value): (&DueBone, u16),
    work: &Work,
) -> Result<PelvicBone, NoBone> {
    let side = due.side;
    let no_surface = |why: &str| NoBone::NoSurface { side, why: why.to_owned() };
    let part =
        reachable(labels, sacrum, side).ok_or_else(|| no_surface("the image does not reach it"))?;
    let ends =
        ends(labels, spine.drawn_on.as_ref(), value, reach(labels.volume.grid(), sacrum, side));
    let voxels = |part: &LabelMap| part.volume.data().iter().filter(|v| **v == value).count();
    let beyond = reachable(labels, sacrum, side.opposite()).map_or(0, |part| voxels(&part));
    match voxels(&part) {
        here if here < beyond => return Err(NoBone::OtherSide { side }),
        0 => return Err(no_surface("its label does not reach the sacrum")),
        _ => {}
    }
    let (part, vertebra) = around_ilium(labels, value, !ends.is_empty())
        .ok_or_else(|| no_surface("it has no voxel"))?;
    let before = due.before.as_ref().map(|bone| &bone.ilium);
    let ilium =
        ilium(&part, &vertebra, spine.ct.as_deref(), before, work).map_err(|why| match why {
            SurfaceError::Cancelled(cancelled) => cancelled.into(),
            why => no_surface(&why.to_string()),
        })?;
    let field = Field::to_mesh(&ilium.surface, &ilium.mesh, work)?;
    let both = clearance::fused(&sacrum.field, &field, nodes(sacrum, side), work)?
        .ok_or_else(|| no_surface("nothing of it can be reached"))?;
    finished(&both, ilium, ends, sacrum, side, work)
}

/// The ilium by itself, counted as one of the vertebrae of `part`; as it was `before` where it is made from
/// the same.
fn ilium(
    part: &LabelMap,
    ilium: &LabelledVertebra,
    ct: Option<&Volume<i16>>,
    before: Option<&Arc<Ilium>>,
    work: &Work,
) -> Result<Arc<Ilium>, SurfaceError> {
    let LabelledVertebra { level, value, .. } = *ilium;
    let made_from = surface::made_from(part, ilium, ct.is_some())
        .ok_or(SurfaceError::NoVoxels { level, value })?;
    if let Some(before) = before.filter(|before| before.made_from == made_from) {
        return Ok(Arc::clone(before));
    }
    let surface = surface::declare(part, ilium, ct, work)?;
    let mesh = mesh::extract(&surface);
    Ok(Arc::new(Ilium { surface, mesh, made_from }))
}

/// Mesh, distance and corridor of the fused surface.
fn finished(
    surface: &Surface,
    ilium: Arc<Ilium>,
    ends: Vec<Point<Patient>>,
    sacrum: &VertebraModel,
    side: Side,
    work: &Work,
) -> Result<PelvicBone, NoBone> {
    let mesh = mesh::extract(surface);
    let field = Field::to_mesh(surface, &mesh, work)?;
    let corridor = iliac::corridor(&field, &sacrum.anatomy, side);
    let pedicles = corridor.into_iter().collect();
    let anatomy = VertebraAnatomy { pedicles, warnings: Vec::new(), ..sacrum.anatomy.clone() };
    let bone = PelvicBone { side, mesh, ilium, field, anatomy, ends, is_cut_off: false };
    Ok(PelvicBone { is_cut_off: bone.ends_in_corridor(), ..bone })
}

/// The corners of the box that is kept, LPS mm.
fn corners(sacrum: &VertebraModel, side: Side) -> [Point<Patient>; 8] {
    let outward = OUTWARD_MM.map(|mm| mm * side.sign());
    from_fn(|n| {
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

/// The first voxel and the size of the part of a grid that a screw can reach.
fn reach(grid: &Grid, sacrum: &VertebraModel, side: Side) -> [[usize; 3]; 2] {
    let into = grid.voxel_from_patient();
    let far = DVec3::INFINITY;
    let (low, high) = corners(sacrum, side)
        .map(|corner| into.point(corner).vec())
        .into_iter()
        .fold((far, -far), |(low, high), p| (low.min(p), high.max(p)));
    let last = DVec3::from_array(grid.size().map(|n| n as f64 - 1.0));
    let [low, high] = [low.floor(), high.ceil()].map(|p| p.clamp(DVec3::ZERO, last));
    let [first, end] = [low, high].map(|p| p.to_array().map(|x| x as usize));
    [first, from_fn(|n| end[n] - first[n] + 1)]
}

/// That part of the labels; `None` where the image does not hold it.
fn reachable(labels: &LabelMap, sacrum: &VertebraModel, side: Side) -> Option<LabelMap> {
    let [first, size] = reach(labels.volume.grid(), sacrum, side);
    let volume = labels.volume.part(first, size)?;
    Some(LabelMap { volume, vertebrae: labels.vertebrae.clone() })
}

/// Where the image, or the grid that the labels were drawn on, ends inside a label, of the voxels of
/// this part: centres, LPS mm.
fn ends(
    labels: &LabelMap,
    drawn_on: Option<&Grid>,
    value: u16,
    [first, size]: [[usize; 3]; 2],
) -> Vec<Point<Patient>> {
    let along = |axis: usize| first[axis]..first[axis] + size[axis];
    let of_slice = |k: usize| {
        let rows = along(1).flat_map(move |j| along(0).map(move |i| [i, j, k]));
        let own = rows.filter(|index| labels.volume.get(*index) == Some(&value));
        let at_end = own.filter(|index| end_at(&labels.volume, drawn_on, *index).is_some());
        at_end.map(|index| labels.volume.grid().centre(index)).collect::<Vec<_>>()
    };
    along(2).into_par_iter().flat_map_iter(of_slice).collect()
}

/// The part of the labels around a hip bone, in which it counts as one of the bones, whose surfaces end where
/// others begin; `None` where it has no voxel. Its surface hangs on nothing that is farther away.
fn around_ilium(
    labels: &LabelMap,
    value: u16,
    is_cut_off: bool,
) -> Option<(LabelMap, LabelledVertebra)> {
    let grid = labels.volume.grid();
    let reach = surface::reach_voxels(grid);
    let (low, high) = stats::bounds(&labels.volume, value)?;
    let first: [usize; 3] = from_fn(|n| low[n].saturating_sub(reach[n]));
    let end: [usize; 3] = from_fn(|n| (high[n] + reach[n] + 1).min(grid.size()[n]));
    let volume = labels.volume.part(first, from_fn(|n| end[n] - first[n]))?;
    let id = VertebraId::of_label("ilium", value);
    let ilium = LabelledVertebra { id, level: Level::S1, value, is_cut_off };
    let vertebrae = labels.vertebrae.iter().chain([&ilium]).cloned().collect();
    Some((LabelMap { volume, vertebrae }, ilium))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ilium_ends_where_the_image_or_its_labels_do_and_nowhere_else() {
        let grid = Grid::along_axes(Point::ORIGIN, 2.0, [12, 9, 9]);
        // A bar along the first axis, from the image's end on.
        let inside = |n: usize| (3..6).contains(&n);
        let volume =
            Volume::from_fn(grid.clone(), |[i, j, k]| u16::from(i < 8 && inside(j) && inside(k)));
        let labels = LabelMap { volume, vertebrae: Vec::new() };
        let all = [[0; 3], [12, 9, 9]];
        let places = |drawn_on: Option<&Grid>, part| {
            let found = ends(&labels, drawn_on, 1, part);
            let mut places: Vec<f64> = found.iter().map(|p| p.vec().x).collect();
            places.sort_by(f64::total_cmp);
            places.dedup();
            (found.len(), places)
        };
        assert_eq!(places(None, all), (9, vec![0.0]));
        let drawn_on = grid.part([0; 3], [8, 9, 9]).expect("a part of it");
        assert_eq!(places(Some(&drawn_on), all), (18, vec![0.0, 14.0]));
        // Where no screw reaches it may end.
        assert_eq!(places(Some(&drawn_on), [[1, 0, 0], [6, 9, 9]]), (0, Vec::new()));
        assert!(ends(&labels, None, 2, all).is_empty());
    }
}
