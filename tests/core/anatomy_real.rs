//! The measured anatomy of real spines: no truth is known, but sides, order and sizes are.

use crate::real_data::real;
use corridor::anatomy::{VertebraAnatomy, measure};
use corridor::ingest;
use corridor::labels::{LabelMap, LabelledVertebra, Level, VertebraId};
use corridor::space::{Dir, Side};
use corridor::surface;
use corridor::volume::Volume;
use corridor::work::Work;
use std::path::Path;

/// Labels of a file whose numbering is known, without any guessing.
fn labels(path: &Path, level_of: impl Fn(u16) -> Option<Level>) -> LabelMap {
    let raw = ingest::load_labels(path, &Work::silent()).unwrap();
    let size = raw.volume.grid().size();
    let mut seen = std::collections::BTreeMap::<u16, bool>::new();
    for ((k, j, i), value) in raw.volume.data().indexed_iter() {
        let on_border = [i, j, k].iter().zip(size).any(|(n, of)| *n == 0 || n + 1 == of);
        *seen.entry(*value).or_default() |= on_border;
    }
    let mut vertebrae: Vec<LabelledVertebra> = seen
        .into_iter()
        .filter_map(|(value, is_cut_off)| {
            let id = VertebraId::of_label(&raw.hash, value);
            Some(LabelledVertebra { id, level: level_of(value)?, value, is_cut_off })
        })
        .collect();
    vertebrae.sort_by_key(|v| v.level);
    LabelMap { volume: raw.volume, vertebrae }
}

fn verse(value: u16) -> Option<Level> {
    match value {
        1..=7 => Level::new('C', value as u8),
        8..=19 => Level::new('T', value as u8 - 7),
        20..=25 => Level::new('L', value as u8 - 19),
        _ => None,
    }
}

fn total_segmentator(value: u16) -> Option<Level> {
    match value {
        26 => Some(Level::S1),
        27..=31 => Level::new('L', 32 - value as u8),
        32..=43 => Level::new('T', 44 - value as u8),
        44..=50 => Level::new('C', 51 - value as u8),
        _ => None,
    }
}

fn measure_all(labels: &LabelMap, ct: Option<&Volume<i16>>) -> Vec<(Level, VertebraAnatomy)> {
    let one = |v: &LabelledVertebra| {
        let surface = surface::declare(labels, v, ct, &Work::silent()).unwrap();
        (v.level, measure(labels, v, &surface, ct))
    };
    labels.vertebrae.iter().map(one).collect()
}

/// What holds of every measured vertebra, whoever's it is.
fn check_sides(all: &[(Level, VertebraAnatomy)]) {
    for (level, anatomy) in all {
        let frame = anatomy.patient_from_vertebra;
        assert!(frame.dir(Dir::X).dot(Dir::X) > 0.8, "{level}: its left is not the patient's");
        for pedicle in &anatomy.pedicles {
            let local = frame.inverse();
            let isthmus = local.point(pedicle.isthmus).vec();
            let canal = local.point(anatomy.canal_centre).vec();
            assert!(isthmus.x * pedicle.side.sign() > 5.0, "{level} {} {isthmus}", pedicle.side);
            assert!(canal.x.abs() < 5.0 && canal.y > 10.0, "{level}: canal at {canal}");
            assert!(local.dir(pedicle.axis).vec().y < -0.8, "{level}: {:?}", pedicle.axis);
        }
    }
}

/// The levels whose two pedicles were found.
fn complete(all: &[(Level, VertebraAnatomy)]) -> Vec<String> {
    all.iter().filter(|(_, a)| a.pedicles.len() == 2).map(|(level, _)| level.to_string()).collect()
}

/// Convergence towards the midline, degrees.
fn convergence_deg(anatomy: &VertebraAnatomy, side: Side) -> f64 {
    let pedicle = anatomy.pedicle(side).unwrap();
    let axis = anatomy.patient_from_vertebra.inverse().dir(pedicle.axis).vec();
    (-axis.x * side.sign()).atan2(-axis.y).to_degrees()
}

#[test]
fn a_lumbar_ct_with_cut_processes_gives_all_ten_pedicles() {
    let Some(case) = real("verse014_lumbar_ct") else { return };
    let labels = labels(&case.join("sub-verse014_seg-vert_msk.nii.gz"), verse);
    let ct = ingest::load(&case.join("sub-verse014_ct.nii.gz"), &Work::silent()).unwrap().ct;
    let all = measure_all(&labels, Some(&ct));
    check_sides(&all);
    assert_eq!(complete(&all), ["L1", "L2", "L3", "L4", "L5"]);
    for (level, anatomy) in &all {
        let angles = Side::BOTH.map(|side| convergence_deg(anatomy, side));
        assert!(angles.iter().all(|deg| (-5.0..40.0).contains(deg)), "{level}: {angles:?}");
        let widths = Side::BOTH.map(|side| anatomy.pedicle(side).unwrap().width_mm);
        if level.number() < 5 {
            // The two sides of one person are alike; the range is that of the literature.
            assert!((widths[0] - widths[1]).abs() < 2.0, "{level}: {widths:?}");
            assert!(widths.iter().all(|w| (5.0..16.5).contains(w)), "{level}: {widths:?}");
        } else {
            // At L5 the transverse process springs from the pedicle: what reads too wide is said.
            let too_wide = widths.iter().filter(|w| **w > 21.6).count();
            let said = anatomy.warnings.iter().filter(|w| w.contains("mm wide")).count();
            assert_eq!(too_wide, said, "{widths:?} {:?}", anatomy.warnings);
        }
    }
}

#[test]
fn a_whole_column_of_labels_alone_is_measured_from_the_second_thoracic_on() {
    let Some(case) = real("totalseg_s0327_labels_C7-S1") else { return };
    let labels = labels(&case.join("s0327_spine_labels.nii.gz"), total_segmentator);
    let all = measure_all(&labels, None);
    check_sides(&all);
    let complete = complete(&all);
    for level in ["T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "L1", "L2"] {
        assert!(complete.iter().any(|l| l == level), "{level} is missing of {complete:?}");
    }
    // The upper thoracic pedicles turn inwards, the middle ones hardly.
    let at = |name: &str| &all.iter().find(|(level, _)| level.to_string() == name).unwrap().1;
    for side in Side::BOTH {
        assert!(convergence_deg(at("T2"), side) > 15.0);
        assert!(convergence_deg(at("T10"), side).abs() < 10.0);
    }
    assert!(at("C7").pedicles.is_empty() && !at("C7").warnings.is_empty());
}
