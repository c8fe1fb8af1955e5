//! Labels that reach into soft tissue, as far as the CT shows it.
//!
//! In: a [`Spine`] with a CT. Out: a sentence for each level whose label leaks. From every place of
//! a declared surface one looks outwards to where the label ends, and from there back in to where
//! the CT shows bone; what lies between is soft tissue under the label. The surface itself moves by
//! one and a half voxels at most, so a label that is a voxel too fat does no harm and one that is
//! more than that makes pedicles wide.
//!
//! A label leaks where either holds:
//! * it holds more than a voxel of soft tissue (1 mm at least, 2 mm at most) on [`MOST_SHARE`] of
//!   its border, of all of it or of that around the pedicles, which are small beside the body.
//!   Right labels of phantoms show 0 %, of thin bone in slices of 3 mm 5 %; an expert's of a real CT
//!   5 % at most, labels of voxels of 3 mm 13 %; a voxel too fat, cornerwise too, 32 %; two voxels
//!   too fat 43 % and more;
//! * one patch of the surface, [`MOST_PATCH_MM2`] or larger, has no bone within [`DEEP_MM`] under
//!   it, end plates left out: a ball of 22 mm beside a body makes 500 mm² and more, an expert's
//!   labels 30 mm² at most.
//!
//! Places next to another vertebra are left out, since joints and discs are judged by their end
//! plates. Bone is what is denser than any soft tissue without contrast; vessels full of contrast
//! hide a leak into them, and the hollow wings of an old sacrum in slices of 3 mm look like one.

use super::spine::{Spine, VertebraModel};
use crate::labels::LabelMap;
use crate::mesh::TriMesh;
use crate::space::{Dir, Patient, Point};
use crate::volume::Volume;
use glam::DVec3;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Denser than any soft tissue without contrast, HU.
const BONE_HU: f64 = 110.0;
/// So much soft tissue under a label is too much: a voxel, but within these, mm.
const TOO_MUCH_MM: [f64; 2] = [1.0, 2.0];
/// And on this share of the border the label leaks.
const MOST_SHARE: f64 = 0.35;
/// Without bone this far under the surface, mm, on a patch of this size, mm², it leaks as well.
const DEEP_MM: f64 = 4.0;
const MOST_PATCH_MM2: f64 = 300.0;
/// Only where the surface does not look up or down (the part of its normal along the vertebra's top):
/// in thick slices the thin end plate of dark bone is not seen over a whole body.
const MOST_UPRIGHT: f64 = 0.8;
/// How far a place lies from its pedicle's axis at most, mm.
const AROUND_PEDICLE_MM: f64 = 16.0;
/// Fewer places than this tell no share.
const FEWEST: usize = 200;
/// A label is followed outwards this far, in steps of this, mm.
const OUTWARDS_MM: f64 = 4.0;
const STEP_MM: f64 = 0.25;
/// Where this share of what lies outside has the lowest HU of the CT, no soft tissue is seen.
const MOST_CUT_OFF: f64 = 0.5;

/// What leaks, cranial levels first; nothing where there is no CT or no soft tissue in it.
pub(super) fn of(spine: &Spine) -> Vec<String> {
    let (Some(ct), Some(labels)) = (&spine.ct, &spine.labels) else { return Vec::new() };
    let Some(lowest) = ct.data().iter().copied().min() else { return Vec::new() };
    let look = Look { ct, labels, lowest_hu: f64::from(lowest) };
    spine.vertebrae.iter().filter_map(|v| look.leak(v)).collect()
}

/// What was seen at one place of a surface.
#[derive(Clone, Copy)]
struct Place {
    /// Soft tissue from the label's end inwards, mm; at most what says that it is deep.
    soft_mm: f64,
    /// More than that is too much here, mm.
    limit_mm: f64,
    /// No bone is near under the surface.
    is_deep: bool,
    /// The CT has its lowest HU outside.
    is_cut_off: bool,
}

struct Look<'a> {
    ct: &'a Volume<i16>,
    labels: &'a LabelMap,
    lowest_hu: f64,
}

impl Look<'_> {
    fn leak(&self, vertebra: &VertebraModel) -> Option<String> {
        let own = self.labels.vertebra(vertebra.id)?.value;
        let mesh = &vertebra.mesh;
        let along = mesh.positions.par_iter().zip(&mesh.normals);
        let places: Vec<Option<Place>> = along.map(|(p, out)| self.place(own, *p, *out)).collect();
        let seen = || places.iter().flatten();
        let cut_off = seen().filter(|place| place.is_cut_off).count();
        if cut_off as f64 >= MOST_CUT_OFF * seen().count() as f64 {
            return None;
        }
        let level = vertebra.level;
        let advice = "its pedicles may read too wide; mend it with the eraser or load other labels";
        let near = |p: &Point<Patient>| is_near_pedicle(vertebra, *p);
        let beside = mesh.positions.iter().zip(&places).filter(|(p, _)| near(p));
        let parts = [
            (share(seen()), "of its border"),
            (
                share(beside.filter_map(|(_, place)| place.as_ref())),
                "of the border of its pedicles",
            ),
        ];
        if let Some((share, of)) = parts.into_iter().find(|(share, _)| *share > MOST_SHARE) {
            let percent = 100.0 * share;
            return Some(format!(
                "{level}: its label reaches into soft tissue on {percent:.0} % {of}: {advice}"
            ));
        }
        let up = vertebra.anatomy.patient_from_vertebra.dir(Dir::Z);
        let is_aside = |out: &Dir<Patient>| out.dot(up).abs() < MOST_UPRIGHT;
        let is_deep = places.iter().zip(&mesh.normals);
        let is_deep = is_deep.map(|(place, out)| place.is_some_and(|p| p.is_deep) && is_aside(out));
        let is_deep: Vec<bool> = is_deep.collect();
        let patch_mm2 = largest_patch_mm2(mesh, &is_deep);
        (patch_mm2 > MOST_PATCH_MM2).then(|| {
            let cm2 = patch_mm2 / 100.0;
            format!("{level}: its label takes in soft tissue, or its bone is as dark there: {cm2:.0} cm² of its border lie over {DEEP_MM:.0} mm from any bone; {advice}")
        })
    }
    /// What is seen at `p`; `None` beside another vertebra and where the CT ends.
    fn place(&self, own: u16, p: Point<Patient>, out: Dir<Patient>) -> Option<Place> {
        let at = |mm: f64| p + out * mm;
        let outwards = || (0..=(OUTWARDS_MM / STEP_MM) as u8).map(|n| f64::from(n) * STEP_MM);
        let label = |mm: f64| self.labels.volume.nearest(at(mm)).unwrap_or(0);
        let is_other = |value: u16| value != own && self.is_vertebra(value);
        if outwards().any(|mm| is_other(label(mm))) {
            return None;
        }
        let within = outwards().take_while(|mm| label(*mm) == own);
        let end_mm = within.last().unwrap_or(0.0);
        let outside_hu = self.ct.trilinear(at(OUTWARDS_MM))?;
        let mut soft_mm = 0.0;
        while soft_mm < end_mm + DEEP_MM && self.ct.trilinear(at(end_mm - soft_mm))? < BONE_HU {
            soft_mm += STEP_MM;
        }
        let grid = self.labels.volume.grid();
        let [x, y, z] = grid.spacing_mm().map(|mm| mm * mm);
        let squared_mm2 = DVec3::new(x, y, z);
        let voxel_mm = squared_mm2 * (grid.voxel_from_patient().map().matrix3 * out.vec());
        Some(Place {
            soft_mm,
            limit_mm: voxel_mm.length().clamp(TOO_MUCH_MM[0], TOO_MUCH_MM[1]),
            is_deep: soft_mm >= end_mm + DEEP_MM,
            is_cut_off: outside_hu <= self.lowest_hu,
        })
    }
    fn is_vertebra(&self, value: u16) -> bool {
        value != 0 && self.labels.vertebrae.iter().any(|v| v.value == value)
    }
}

/// The share of places with too much soft tissue; 0 where they are few.
fn share<'a>(places: impl Iterator<Item = &'a Place>) -> f64 {
    let (mut all, mut soft) = (0usize, 0usize);
    for place in places {
        all += 1;
        soft += usize::from(place.soft_mm > place.limit_mm);
    }
    if all < FEWEST { 0.0 } else { soft as f64 / all as f64 }
}

fn is_near_pedicle(vertebra: &VertebraModel, p: Point<Patient>) -> bool {
    vertebra.anatomy.pedicles.iter().any(|pedicle| {
        let from = p - pedicle.isthmus;
        let along = from.dot(pedicle.axis);
        let aside = (from - pedicle.axis * along).length();
        (pedicle.span_mm[0]..pedicle.span_mm[1]).contains(&along) && aside < AROUND_PEDICLE_MM
    })
}

/// Area of the largest connected patch of triangles whose corners are all marked, mm².
fn largest_patch_mm2(mesh: &TriMesh, is_marked: &[bool]) -> f64 {
    let mut leader: Vec<usize> = (0..is_marked.len()).collect();
    let marked = || {
        let corners = mesh.triangles.iter().map(|t| t.map(|n| n as usize));
        corners.filter(|corners| corners.iter().all(|n| is_marked[*n]))
    };
    for [a, b, c] in marked() {
        let first = lead(&mut leader, a);
        for other in [b, c] {
            let other = lead(&mut leader, other);
            leader[other] = first;
        }
    }
    let mut areas = BTreeMap::<usize, f64>::new();
    for [a, b, c] in marked() {
        let [p, q, r] = [a, b, c].map(|n| mesh.positions[n].vec());
        *areas.entry(lead(&mut leader, a)).or_default() += (q - p).cross(r - p).length() / 2.0;
    }
    areas.into_values().fold(0.0, f64::max)
}

/// The one that stands for all that are joined with `n`.
fn lead(leader: &mut [usize], mut n: usize) -> usize {
    while leader[n] != n {
        leader[n] = leader[leader[n]];
        n = leader[n];
    }
    n
}
