//! The measured anatomy of real spines: no truth is known, but sides, order and sizes are.

use crate::real_data::real;
use corridor::anatomy::{VertebraAnatomy, measure};
use corridor::ingest;
use corridor::labels::{LabelMap, LabelledVertebra, Level, VertebraId};
use corridor::space::{Dir, Point, Side};
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
        (v.level, measure(labels, v, &surface))
    };
    let all: Vec<_> = labels.vertebrae.iter().map(one).collect();
    for (level, anatomy) in &all {
        let f = anatomy.patient_from_vertebra;
        println!("{level} z {:?} x {:?} {:?}", f.dir(Dir::Z), f.dir(Dir::X), anatomy.warnings);
        for p in &anatomy.pedicles {
            let local = f.inverse().dir(p.axis).vec();
            let converge = (-local.x * p.side.sign()).atan2(-local.y).to_degrees();
            let i = f.inverse().point(p.isthmus);
            println!(
                "   {:5} width {:5.2} height {:5.2} converge {:5.1} cranial {:5.1} span {:?} at {:?}",
                p.side.to_string(),
                p.width_mm,
                p.height_mm,
                converge,
                local.z.asin().to_degrees(),
                p.span_mm,
                i
            );
        }
    }
    all
}

#[test]
fn verse014_lumbar() {
    let Some(case) = real("verse014_lumbar_ct") else { return };
    let labels = labels(&case.join("sub-verse014_seg-vert_msk.nii.gz"), verse);
    let ct = ingest::load(&case.join("sub-verse014_ct.nii.gz"), &Work::silent()).unwrap().ct;
    measure_all(&labels, Some(&ct));
}

#[test]
fn totalseg_thoracolumbar() {
    let Some(case) = real("totalseg_s0327_labels_C7-S1") else { return };
    let labels = labels(&case.join("s0327_spine_labels.nii.gz"), total_segmentator);
    measure_all(&labels, None);
}
#[test]
fn totalseg_lumbar() {
    let Some(case) = real("totalseg_s0328_bone") else { return };
    let labels = labels(&case.join("s0328_spine_labels.nii.gz"), total_segmentator);
    measure_all(&labels, None);
}
