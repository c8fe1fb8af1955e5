//! What looks wrong about a spine as a whole: fused and wedged levels, labels that leak or lie in
//! pieces, metal.
//!
//! In: a [`Spine`]. Out: sentences that name the level. Nothing is refused: what can be measured
//! is measured, and the doubt stands beside it.

use super::spine::{Spine, VertebraModel};
use super::{bridged, leaks};
use crate::anatomy::EndPlate;
use crate::labels::Level;
use crate::mesh;
use crate::space::Dir;
use std::collections::BTreeMap;

/// Plates nearer to each other than this have no disc between them, mm.
const LEAST_DISC_MM: f64 = 1.5;
/// Plates of one body that lean apart by more than this are no usual body's, degrees: sideways, and
/// from front to back, where L5 is a wedge in everybody.
const MOST_WEDGE_DEG: [f64; 2] = [15.0, 25.0];
/// In a column whose other plates turn to the side by this much more than one body's own do, a curve
/// may have wedged that body, degrees.
const CURVE_DEG: f64 = 20.0;
/// Nor does any vertebra's upper end lie this far over the lower end of the one above it, mm, nor
/// so far under it for every level that they are apart: the tallest body with its disc takes 45 mm.
const MOST_OVERLAP_MM: f64 = 15.0;
const MOST_APART_MM: f64 = 60.0;
/// A bone this many times as large as the mean of its neighbours, or this small a part of it.
const ODD_VOLUME: [f64; 2] = [0.6, 1.6];
/// The same for the first and the last, which have but one neighbour: from level to level volumes
/// change by a quarter at most.
const ODD_END_VOLUME: [f64; 2] = [0.5, 1.8];
/// A bone that fills less than this share of its label's voxels is but one piece of it. Real
/// surfaces fill 0.8 and more of labels that are drawn generously.
const LEAST_FILLED: f64 = 0.6;
/// Denser than any bone, HU; and the share of a bone's voxels that must be.
const METAL_HU: i16 = 2200;
const METAL_SHARE: f64 = 0.002;

/// Everything that looks wrong, cranial levels first.
pub fn of(spine: &Spine) -> Vec<String> {
    let mut doubts: Vec<String> = spine.vertebrae.iter().filter_map(|v| wedged(spine, v)).collect();
    let pairs = || spine.vertebrae.windows(2).map(|pair| (&pair[0], &pair[1]));
    doubts.extend(pairs().filter_map(|(upper, lower)| out_of_order(upper, lower)));
    doubts.extend(pairs().filter_map(|(upper, lower)| missing(upper, lower)));
    doubts.extend(pairs().filter_map(|(upper, lower)| fused(upper, lower)));
    doubts.extend(bridged::of(spine));
    doubts.extend(odd_volumes(spine));
    doubts.extend(leaks::of(spine));
    doubts.extend(pieces(spine));
    doubts.extend(metal(spine));
    doubts
}

/// A body whose ends lean apart: a half vertebra, a wedge, a body in a strong curve, or a label that
/// holds part of a body.
fn wedged(spine: &Spine, vertebra: &VertebraModel) -> Option<String> {
    let (upper, lower) = (vertebra.anatomy.upper_plate?, vertebra.anatomy.lower_plate?);
    let local = vertebra.anatomy.patient_from_vertebra.inverse();
    let leans = |plate: EndPlate| {
        let up = local.dir(plate.up).vec();
        [up.x, up.y].map(|aside| aside.atan2(up.z).to_degrees())
    };
    let ([x, y], [below_x, below_y]) = (leans(upper), leans(lower));
    let [aside, along] = [(x - below_x).abs(), (y - below_y).abs()];
    let level = vertebra.level;
    let [most_aside, most_along] = MOST_WEDGE_DEG;
    if aside > most_aside {
        let curve = match curve_beside_deg(spine, vertebra) > aside + CURVE_DEG {
            true => "a body that the curve has wedged, ",
            false => "",
        };
        return Some(format!(
            "{level}: its end plates lean apart sideways by {aside:.0} degrees: {curve}a half vertebra, or a label that is not whole"
        ));
    }
    (along > most_along).then(|| {
        format!("{level}: its end plates lean apart from front to back by {along:.0} degrees: a broken or a half vertebra, or a label that is not whole")
    })
}

/// By how much the plates of all other vertebrae lean apart sideways at most, degrees.
fn curve_beside_deg(spine: &Spine, vertebra: &VertebraModel) -> f64 {
    let others = spine.vertebrae.iter().filter(|v| v.id != vertebra.id);
    let plates = others.flat_map(|v| [v.anatomy.upper_plate, v.anatomy.lower_plate]).flatten();
    let leans = plates.map(|plate| plate.up.dot(Dir::X).atan2(plate.up.dot(Dir::Z)).to_degrees());
    let range = leans.map(|deg| [deg, deg]).reduce(|[a, b], [deg, _]| [a.min(deg), b.max(deg)]);
    range.map_or(0.0, |[least, most]| most - least)
}

/// The lower end of one vertebra over the upper end of the next, mm along that one's normal, and how
/// far apart the two are in all.
fn gap_mm(upper: &VertebraModel, lower: &VertebraModel) -> Option<[f64; 2]> {
    let (above, below) = (upper.anatomy.lower_plate?, lower.anatomy.upper_plate?);
    let apart = above.centre - below.centre;
    Some([apart.dot(below.up), apart.length()])
}

/// Two vertebrae that can not be neighbours in one spine.
fn out_of_order(upper: &VertebraModel, lower: &VertebraModel) -> Option<String> {
    let [gap, apart] = gap_mm(upper, lower)?;
    let most_mm = MOST_APART_MM * steps(upper.level, lower.level) as f64;
    let is_wrong = gap < -MOST_OVERLAP_MM || apart > most_mm;
    let (names, side) = ([upper.level, lower.level], if gap < 0.0 { "under" } else { "over" });
    is_wrong.then(|| {
        let [upper, lower] = names;
        format!("{upper} and {lower}: {upper} ends {apart:.0} mm from where {lower} begins, and {side} it: levels out of order, or two people in one label map")
    })
}

/// How many levels one is from another; the rare ones lie between no others.
fn steps(a: Level, b: Level) -> usize {
    let between = Level::all().filter(|l| (a.min(b)..a.max(b)).contains(l));
    between.filter(|l| !l.is_rare() || *l == a.min(b)).count()
}

/// A level between two that the labels do not have.
fn missing(upper: &VertebraModel, lower: &VertebraModel) -> Option<String> {
    (!upper.is_followed_by(lower)).then(|| {
        let names = [upper.level, lower.level];
        format!("{} and {}: no level between them is labelled, so nothing is told of joints and foramina there", names[0], names[1])
    })
}

fn fused(upper: &VertebraModel, lower: &VertebraModel) -> Option<String> {
    let [gap, apart] = gap_mm(upper, lower)?;
    let names = format!("{} and {}", upper.level, lower.level);
    let meet = apart < MOST_APART_MM && (-MOST_OVERLAP_MM..LEAST_DISC_MM).contains(&gap);
    meet.then(|| {
        format!("{names}: their end plates are {gap:.1} mm apart: fused, or labels that leak through the disc")
    })
}

/// Bones much larger or smaller than their neighbours; the sacrum and what is cut off are left out.
fn odd_volumes(spine: &Spine) -> Vec<String> {
    let whole: Vec<(Level, f64)> = spine
        .vertebrae
        .iter()
        .filter(|v| v.level != Level::S1 && !v.is_cut_off)
        .map(|v| (v.level, mesh::volume_mm3(&v.mesh)))
        .collect();
    let odd = |n: usize| {
        let (level, own) = whole[n];
        let beside = [n.checked_sub(1), Some(n + 1)].into_iter().flatten();
        let near = beside.filter_map(|m| whole.get(m)).filter(|v| steps(v.0, level) == 1);
        let volumes: Vec<f64> = near.map(|v| v.1).collect();
        let mean = volumes.iter().sum::<f64>() / volumes.len().max(1) as f64;
        let [least, most] = if volumes.len() == 2 { ODD_VOLUME } else { ODD_END_VOLUME };
        let is_odd = !volumes.is_empty() && !(least..most).contains(&(own / mean));
        is_odd.then(|| {
            format!("{level}: its bone is {:.1} times as large as its neighbours': its label may leak or miss a part", own / mean)
        })
    };
    (0..whole.len()).filter_map(odd).collect()
}

/// Labels of which the bone, which is their largest piece, is only a part: two patients in one
/// label map, or a label that was given twice.
fn pieces(spine: &Spine) -> Vec<String> {
    let Some(labels) = &spine.labels else { return Vec::new() };
    let voxel_mm3 = labels.volume.grid().voxel_volume_mm3();
    let mut counts: BTreeMap<u16, f64> = BTreeMap::new();
    for value in labels.volume.data().iter().filter(|value| **value != 0) {
        *counts.entry(*value).or_default() += voxel_mm3;
    }
    let of_level = |v: &VertebraModel| {
        let all = counts.get(&labels.vertebra(v.id)?.value)?;
        let share = mesh::volume_mm3(&v.mesh) / all;
        (share < LEAST_FILLED).then(|| {
            let level = v.level;
            format!("{level}: its label lies in pieces, of which the largest, {:.0} % of it, was taken: two patients in one file, or a label given twice", 100.0 * share)
        })
    };
    spine.vertebrae.iter().filter_map(|v| of_level(v)).collect()
}

fn metal(spine: &Spine) -> Vec<String> {
    let (Some(ct), Some(labels)) = (&spine.ct, &spine.labels) else { return Vec::new() };
    if ct.grid().size() != labels.volume.grid().size() {
        return Vec::new();
    }
    let mut counts: BTreeMap<u16, [usize; 2]> = BTreeMap::new();
    for (label, hu) in labels.volume.data().iter().zip(ct.data()).filter(|(label, _)| **label != 0)
    {
        let [all, dense] = counts.entry(*label).or_default();
        *all += 1;
        *dense += usize::from(*hu > METAL_HU);
    }
    let of_level = |v: &VertebraModel| {
        let [all, dense] = counts.get(&labels.vertebra(v.id)?.value)?;
        let share = *dense as f64 / *all as f64;
        let level = v.level;
        (share > METAL_SHARE).then(|| {
            format!("{level}: {:.1} % of it is denser than bone: an implant, whose streaks may move what is measured", 100.0 * share)
        })
    };
    spine.vertebrae.iter().filter_map(|v| of_level(v)).collect()
}
