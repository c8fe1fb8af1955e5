//! Real scans have the size, spacing, place and HU that their descriptions give.

use crate::ingest_formats::read;
use crate::real_data::real;
use corridor::ingest::{self, RawLabels};
use corridor::space::orientation::letters;
use corridor::space::{Dir, Point};
use corridor::volume::{Grid, Volume};
use corridor::work::Work;
use std::path::Path;

fn labels(path: &Path) -> RawLabels {
    ingest::load_labels(path, &Work::silent()).unwrap_or_else(|e| panic!("{e}"))
}

fn range<T: Copy + Ord>(volume: &Volume<T>) -> (T, T) {
    let values = || volume.data().iter().copied();
    (values().min().unwrap(), values().max().unwrap())
}

fn assert_spacing(grid: &Grid, expected: [f64; 3]) {
    let got = grid.spacing_mm();
    assert!((0..3).all(|a| (got[a] - expected[a]).abs() < 1e-4), "{got:?}");
}

/// The dominant letter of each voxel axis.
fn axes(grid: &Grid) -> String {
    let letter = |d| letters(grid.patient_from_voxel().dir(d)).chars().next().unwrap();
    [Dir::X, Dir::Y, Dir::Z].map(letter).iter().collect()
}

#[test]
fn verse014_ct_and_labels_share_one_oblique_grid() {
    let Some(case) = real("verse014_lumbar_ct") else { return };
    let study = read(&case.join("sub-verse014_ct.nii.gz"));
    assert_eq!(study.ct.grid().size(), [186, 186, 40]);
    assert_spacing(study.ct.grid(), [1.0, 1.0, 2.0]);
    assert_eq!(axes(study.ct.grid()), "PIR");
    assert_eq!(range(&study.ct), (-1291, 1699));
    let labels = labels(&case.join("sub-verse014_seg-vert_msk.nii.gz"));
    assert!(labels.volume.grid().is_close_to(study.ct.grid(), 1e-3), "qform against sform");
    assert!(range(&labels.volume).1 >= 24);
    let l5 = mean_position(&labels.volume, 24);
    let l1 = mean_position(&labels.volume, 20);
    assert!((l1 - l5).dot(Dir::Z) > 80.0, "L1 lies above L5");
    // Bone is brighter than what surrounds it: labels lie on the CT, not on its mirror image.
    let mean_hu = |value: u16| {
        let hu: Vec<f64> = labels
            .volume
            .data()
            .iter()
            .zip(study.ct.data())
            .filter(|(label, _)| **label == value)
            .map(|(_, hu)| f64::from(*hu))
            .collect();
        hu.iter().sum::<f64>() / hu.len() as f64
    };
    assert!(mean_hu(22) > mean_hu(0) + 150.0, "{} and {}", mean_hu(22), mean_hu(0));
}

fn mean_position(labels: &Volume<u16>, value: u16) -> Point<corridor::space::Patient> {
    let (mut sum, mut count) = (glam::DVec3::ZERO, 0.0);
    for ((k, j, i), label) in labels.data().indexed_iter() {
        if *label == value {
            sum += labels.grid().centre([i, j, k]).vec();
            count += 1.0;
        }
    }
    Point::from_vec(sum / count)
}

#[test]
fn totalseg_s0328_nrrd_and_nifti_labels_share_one_grid() {
    let Some(case) = real("totalseg_s0328_bone") else { return };
    let study = read(&case.join("ct328_bone.nrrd"));
    assert_eq!(study.ct.grid().size(), [265, 265, 269]);
    assert_spacing(study.ct.grid(), [1.5, 1.5, 1.5]);
    assert_eq!(range(&study.ct), (0, 1998));
    assert!(!ingest::looks_like_labels(&study.ct));
    let labels = labels(&case.join("s0328_spine_labels.nii.gz"));
    assert!(labels.volume.grid().is_close_to(study.ct.grid(), 1e-3), "NIfTI against NRRD");
    let at_bone = labels
        .volume
        .data()
        .iter()
        .zip(study.ct.data())
        .filter(|(label, _)| (26..=35).contains(*label));
    let (bright, all) = at_bone.fold((0, 0), |(b, n), (_, hu)| (b + i32::from(*hu > 0), n + 1));
    let share = f64::from(bright) / f64::from(all);
    assert!((0.70..0.80).contains(&share), "{share} of the vertebrae are above 200 HU");
}

#[test]
fn totalseg_s0327_labels_are_oblique_and_alone() {
    let Some(case) = real("totalseg_s0327_labels_C7-S1") else { return };
    let path = case.join("s0327_spine_labels.nii.gz");
    let labels = labels(&path);
    assert_eq!(labels.volume.grid().size(), [222, 166, 429]);
    assert_spacing(labels.volume.grid(), [1.5, 1.5, 1.5]);
    assert_eq!(axes(labels.volume.grid()), "RAS");
    let turn = labels.volume.grid().patient_from_voxel().dir(Dir::X).angle_to_rad(-Dir::X);
    assert!((turn.to_degrees() - 3.55).abs() < 0.05, "{}", turn.to_degrees());
    assert_eq!(range(&labels.volume), (0, 44));
    assert!(ingest::looks_like_labels(&read(&path).ct));
}

#[test]
fn acrin001_dicom_has_its_size_range_and_padding() {
    let Some(case) = real("acrin001_lumbar_dicom") else { return };
    let study = read(&case);
    assert_eq!(study.ct.grid().size(), [512, 512, 99]);
    assert_spacing(study.ct.grid(), [0.9765625, 0.9765625, 4.25]);
    assert_eq!(axes(study.ct.grid()), "LPS");
    assert_eq!(range(&study.ct), (-3024, 1288));
    assert!(study.warnings.is_empty(), "{:?}", study.warnings);
    assert!(study.identity.patient_hash.is_some());
}

#[test]
fn lidc0314_dicom_has_its_own_intercept_and_a_file_stands_for_the_series() {
    let Some(case) = real("lidc0314_thoracic_dicom") else { return };
    let study = read(&case);
    assert_eq!(study.ct.grid().size(), [512, 512, 275]);
    assert_spacing(study.ct.grid(), [0.78125, 0.78125, 1.0]);
    assert_eq!(axes(study.ct.grid()), "LPS");
    // Stored from 0: an intercept of -1024 would give -1024 here.
    assert_eq!(range(&study.ct), (-1000, 1979));
    assert!(study.warnings.is_empty(), "{:?}", study.warnings);
}

/// 20 slices of JPEG 2000, and a segmentation of the same slices in NIfTI.
#[test]
fn totalseg_example_jpeg_2000_and_nifti_lie_on_each_other() {
    let Some(case) = real("totalseg_example_ct_3mm") else { return };
    let study = read(&case.join("example_ct_dicom_20slices"));
    let labels = labels(&case.join("example_seg_dicom.nii.gz"));
    assert_eq!(study.ct.grid().size(), [512, 512, 20]);
    let far = study.ct.grid().corners().into_iter().map(|corner| {
        let nearest = |c: Point<_>| c.distance(corner);
        labels.volume.grid().corners().into_iter().map(nearest).fold(f64::MAX, f64::min)
    });
    assert!(far.fold(0.0, f64::max) < 1e-3, "DICOM against NIfTI");
    assert!(range(&study.ct).0 <= -1000 && range(&study.ct).1 > 500);
}
