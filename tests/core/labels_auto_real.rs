//! Labels made from real CTs alone, beside those that others made of them.

use crate::labels_auto::{L2, L5, SACRUM, assert_borders_are_honest, dice, names, segmented};
use crate::real_data::real;
use corridor::ingest;
use corridor::labels::auto::{Automatic, LOW_CONFIDENCE};
use corridor::labels::stats;
use corridor::space::Point;
use corridor::volume::{Grid, Volume};
use corridor::work::Work;
use std::collections::BTreeMap;
use std::path::Path;

/// The overlap (Dice) of bone with bone, whatever its level: of all levels that are whole in `truth`
/// with what was found of those levels, within 3 mm of them. Ribs, hips and neighbours that are cut
/// off or have no label are left out.
fn bone_dice(truth: &Volume<u16>, found: &Volume<u16>) -> f64 {
    const NEAR_MM: f64 = 3.0;
    let levels = stats::of(truth);
    let is_whole = |value: u16| levels.get(&value).is_some_and(|level| !level.is_cut_off());
    let spacing = truth.grid().spacing_mm();
    let reach = spacing.map(|mm| (NEAR_MM / mm) as isize);
    let side = |axis: usize| -reach[axis]..=reach[axis];
    let all = side(0).flat_map(|i| side(1).flat_map(move |j| side(2).map(move |k| [i, j, k])));
    let far = |d: &[isize; 3]| (0..3).map(|a| (d[a] as f64 * spacing[a]).powi(2)).sum::<f64>();
    let ball: Vec<[isize; 3]> = all.filter(|d| far(d) <= NEAR_MM * NEAR_MM).collect();
    let value = |at: [isize; 3]| {
        let at = at.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        truth.data().get([at[2], at[1], at[0]]).copied().unwrap_or(0)
    };
    let (mut both, mut sum) = (0.0, 0.0);
    for ((k, j, i), found) in found.data().indexed_iter() {
        let at = [i, j, k].map(|n| n as isize);
        let is_near = || ball.iter().any(|d| is_whole(value([0, 1, 2].map(|a| at[a] + d[a]))));
        let [a, b] =
            [is_whole(value(at)), is_whole(*found) && is_near()].map(|is| f64::from(u8::from(is)));
        (both, sum) = (both + a * b, sum + a + b);
    }
    2.0 * both / sum
}

/// A real CT, what is labelled on it in VerSe's numbering, and what is found in it.
fn real_ct(
    case: &str,
    [ct, labels]: [&str; 2],
    verse_from: fn(u16) -> u16,
) -> Option<(Volume<u16>, Automatic)> {
    let folder = real(case)?;
    let ct = ingest::load(&folder.join(ct), &Work::silent()).unwrap().ct;
    let truth = labelled(&folder.join(labels), ct.grid(), verse_from);
    let found = segmented(&ct);
    assert_borders_are_honest(&dice(&truth, &found.volume), &found);
    Some((truth, found))
}

/// What a file labels on this grid, in VerSe's numbering.
fn labelled(file: &Path, grid: &Grid, verse_from: fn(u16) -> u16) -> Volume<u16> {
    let labels = ingest::load_labels(file, &Work::silent()).unwrap();
    let labels = ingest::labels_on_grid(labels, grid, true, &Work::silent()).unwrap();
    labels.volume.map(|value| verse_from(*value))
}

/// TotalSegmentator counts upwards: sacrum 25, S1 26, L5 27, L1 31, T12 32, T1 43.
pub fn verse_from_total(value: u16) -> u16 {
    match value {
        25..=26 => SACRUM,
        27..=43 => 51 - value,
        _ => 0,
    }
}

/// By overlap with labels that others made every whole vertebra above the sacrum has its own name,
/// and bone is bone. A sacrum of which less was found must be flagged.
fn assert_like_labels(truth: &Volume<u16>, found: &Automatic, count: usize) {
    let labelled = stats::of(truth);
    let whole: BTreeMap<u16, f64> = dice(truth, &found.volume)
        .into_iter()
        .filter(|(value, _)| labelled.get(value).is_some_and(|level| !level.is_cut_off()))
        .collect();
    for (value, dice) in &whole {
        let level = found.levels.iter().find(|level| level.value == *value);
        let is_flagged = level.is_some_and(|level| level.confidence < LOW_CONFIDENCE);
        let may_be_poor = *value == SACRUM && is_flagged;
        assert!(*dice >= 0.85 || may_be_poor, "value {value}: Dice {dice:.3} {level:?}");
    }
    assert_eq!(whole.keys().filter(|value| **value != SACRUM).count(), count, "{whole:?}");
    let bone = bone_dice(truth, &found.volume);
    assert!(bone >= 0.90, "bone: Dice {bone:.3}");
}

/// An expert's labels of five lumbar vertebrae.
#[test]
fn the_lumbar_vertebrae_of_a_real_ct_get_their_names() {
    let files = ["sub-verse014_ct.nii.gz", "sub-verse014_seg-vert_msk.nii.gz"];
    let Some((expert, found)) = real_ct("verse014_lumbar_ct", files, |value| value) else { return };
    assert_like_labels(&expert, &found, 5);
}

/// Everything under 200 HU is 0 in it, a quarter of the marrow among that.
#[test]
fn the_vertebrae_of_a_real_ct_of_bone_alone_get_their_names() {
    let files = ["ct328_bone.nrrd", "s0328_spine_labels.nii.gz"];
    let case = "totalseg_s0328_bone";
    let Some((truth, found)) = real_ct(case, files, verse_from_total) else { return };
    assert_like_labels(&truth, &found, 7);
    // Wings and bodies are 0 in a shell with holes. Measured: 0.87; 0.72 without what is told in `wings`.
    let sacrum = dice(&truth, &found.volume)[&SACRUM];
    assert!(sacrum >= 0.85, "sacrum: Dice {sacrum:.3}");
}

#[test]
fn the_lumbar_vertebrae_of_a_real_ct_of_3_mm_get_their_names() {
    let files = ["example_ct.nii.gz", "vertebrae_T11-S1.nii.gz"];
    let case = "totalseg_example_ct_3mm";
    let Some((truth, found)) = real_ct(case, files, verse_from_total) else { return };
    assert_like_labels(&truth, &found, 5);
    // S2 and below are in another file, without S1. Measured of the whole: 0.855.
    let file = real(case).unwrap().join("all_structures_fast.nii.gz");
    let below = labelled(&file, truth.grid(), |value| if value == 25 { SACRUM } else { 0 });
    let whole = Volume::from_fn(truth.grid().clone(), |[i, j, k]| {
        truth.data()[[k, j, i]].max(below.data()[[k, j, i]])
    });
    let sacrum = dice(&whole, &found.volume)[&SACRUM];
    assert!(sacrum >= 0.85, "sacrum: Dice {sacrum:.3}");
}

/// A chest from C7 or T1 to T12, by eye and to one level, that nobody labelled.
#[test]
fn the_vertebrae_of_a_real_chest_are_counted_right_or_not_sure() {
    let Some(folder) = real("lidc0314_thoracic_dicom") else { return };
    let found = segmented(&ingest::load(&folder.join("dicom"), &Work::silent()).unwrap().ct);
    let is_low = found.levels.iter().all(|level| level.confidence < LOW_CONFIDENCE);
    assert!(is_low || (12..=14).contains(&found.levels.len()), "{:?}", names(&found));
    assert!(found.levels.len() >= 10 && found.warnings[0].contains("not sure"), "{found:?}");
}

/// On other voxels cortex is duller: the even marrow of S1 and L5 was taken for contrast in a vessel, and
/// all names slid down by one.
#[test]
fn the_vertebrae_of_a_real_ct_keep_their_names_on_other_voxels() {
    let Some(folder) = real("totalseg_example_ct_3mm") else { return };
    let ct = ingest::load(&folder.join("example_ct.nii.gz"), &Work::silent()).unwrap().ct;
    let part = on_voxels_of(2.0, &ct, f64::NEG_INFINITY..f64::INFINITY);
    let truth = labelled(&folder.join("vertebrae_T11-S1.nii.gz"), part.grid(), verse_from_total);
    let found = segmented(&part);
    let dices = dice(&truth, &found.volume);
    let is_found = |value: u16| dices[&value] >= 0.8;
    assert!((L2 - 1..=L5).all(is_found), "{dices:.3?} {:?}", names(&found));
}

/// Hip bones hold marrow too, closed in by cortex for longer than the canal of two vertebrae is: that was
/// followed in place of it.
#[test]
fn the_canal_of_a_pelvis_with_two_vertebrae_is_found_between_its_hip_bones() {
    let Some(folder) = real("totalseg_example_ct_3mm") else { return };
    let ct = ingest::load(&folder.join("example_ct.nii.gz"), &Work::silent()).unwrap().ct;
    let file = folder.join("vertebrae_T11-S1.nii.gz");
    let l4 = stats::of(&labelled(&file, ct.grid(), verse_from_total))[&(L5 - 1)].centroid.vec().z;
    let part = of_heights(&ct, f64::NEG_INFINITY..l4 + 20.0);
    let truth = labelled(&file, part.grid(), verse_from_total);
    let found = segmented(&part);
    let dices = dice(&truth, &found.volume);
    assert!((L5 - 1..=L5).all(|value| dices[&value] >= 0.8), "{dices:.3?} {:?}", names(&found));
}

/// Cut close over L3: the marrow under its upper end plate was taken for the first disc, and a third of it
/// was called L2.
#[test]
fn a_crop_of_a_real_ct_that_ends_on_an_end_plate_keeps_its_first_whole_vertebra() {
    let Some(folder) = real("verse014_lumbar_ct") else { return };
    let ct = ingest::load(&folder.join("sub-verse014_ct.nii.gz"), &Work::silent()).unwrap().ct;
    let file = folder.join("sub-verse014_seg-vert_msk.nii.gz");
    let l3 = stats::of(&labelled(&file, ct.grid(), |value| value))[&(L2 + 1)].centroid.vec().z;
    for above_l3_mm in [14.5, 17.5] {
        let part = of_heights(&ct, f64::NEG_INFINITY..l3 + above_l3_mm);
        let truth = labelled(&file, part.grid(), |value| value);
        let found = segmented(&part);
        // Measured of L3: 0.86 and 0.84.
        let dices = dice(&truth, &found.volume);
        let is_found = |value: u16| dices[&value] >= 0.8;
        assert!((L2 + 1..=L5).all(is_found), "{dices:.3?} {:?}", names(&found));
    }
}

/// From the middle of L2 to the middle of L5 nothing tells what a vertebra is called.
#[test]
fn a_crop_of_a_real_ct_without_sacrum_and_ribs_is_not_sure_of_any_name() {
    let Some(folder) = real("verse014_lumbar_ct") else { return };
    let ct = ingest::load(&folder.join("sub-verse014_ct.nii.gz"), &Work::silent()).unwrap().ct;
    let labels = folder.join("sub-verse014_seg-vert_msk.nii.gz");
    let labels = ingest::load_labels(&labels, &Work::silent()).unwrap();
    let expert = stats::of(&labels.volume);
    let [top, bottom] = [L2, L5].map(|value| expert[&value].centroid.vec().z);
    let part = of_heights(&ct, bottom..top);
    let found = segmented(&part);
    assert!(found.levels.len() >= 3, "{:?}", names(&found));
    assert!(found.levels.iter().all(|l| l.confidence <= 0.1), "{:?}", found.levels);
    assert!(found.warnings[0].contains("not sure"), "{:?}", found.warnings);
}

/// The part of a CT between two heights, LPS z, on voxels of 1 mm along the patient's axes.
fn of_heights(ct: &Volume<i16>, heights: std::ops::Range<f64>) -> Volume<i16> {
    on_voxels_of(1.0, ct, heights)
}

/// The same on voxels of another size.
fn on_voxels_of(voxel_mm: f64, ct: &Volume<i16>, heights: std::ops::Range<f64>) -> Volume<i16> {
    let corners = ct.grid().corners().map(|p| p.vec());
    let low = corners.iter().copied().reduce(glam::DVec3::min).unwrap();
    let high = corners.iter().copied().reduce(glam::DVec3::max).unwrap();
    let (low, high) = (low.with_z(low.z.max(heights.start)), high.with_z(high.z.min(heights.end)));
    let size = (high - low).to_array().map(|mm| (mm / voxel_mm) as usize + 1);
    let grid = Grid::along_axes(Point::from_vec(low), voxel_mm, size);
    let middles = grid.clone();
    Volume::from_fn(grid, |at| {
        ct.trilinear(middles.centre(at)).map_or(-1000, |hu| hu.round() as i16)
    })
}
