//! DICOM series: the same phantom lands where NIfTI and NRRD put it, and broken series are told.

use crate::ingest_dicom_writer::{
    FRAME_OF_REFERENCE, NAME, PATIENT_ID, SliceFile, bytes, slices, write_phantom, write_series,
};
use crate::ingest_formats::{assert_lands_on, read};
use crate::ingest_phantom::{ACQUISITIONS, Acquisition, ct};
use corridor::ingest::{self, IngestError, Warning, content_hash};
use corridor::labels::Lying;
use corridor::work::Work;
use glam::DVec3;
use std::path::Path;

fn refused(path: &Path) -> IngestError {
    match ingest::load(path, &Work::silent()) {
        Err(error) => error,
        Ok(study) => panic!("read as {}", study.description),
    }
}

fn axial() -> Vec<SliceFile> {
    slices(&ct(Acquisition::Axial))
}

fn loaded(slices: &[SliceFile]) -> ingest::Study {
    let folder = tempfile::tempdir().unwrap();
    write_series(folder.path(), slices);
    read(folder.path())
}

#[test]
fn every_acquisition_lands_where_it_was() {
    for acquisition in ACQUISITIONS {
        let folder = tempfile::tempdir().unwrap();
        write_phantom(folder.path(), acquisition);
        let study = read(folder.path());
        let truth = ct(acquisition);
        assert_lands_on(&study.ct, &truth, &format!("{acquisition:?} DICOM"));
        assert_eq!(study.identity.content_hash, content_hash(&truth), "{acquisition:?}");
        assert!(study.warnings.is_empty(), "{:?}", study.warnings);
        assert_eq!(study.window, Some((2500.0, 480.0)));
        assert!(study.has_space);
    }
}

#[test]
fn a_file_stands_for_its_series_and_a_lone_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_phantom(folder.path(), Acquisition::Coronal);
    let mut other = axial();
    other.iter_mut().for_each(|slice| slice.series_uid = "9.9.9".to_owned());
    write_series(folder.path(), &other);
    let any = std::fs::read_dir(folder.path()).unwrap().flatten().map(|e| e.path());
    let coronal = any.filter(|p| p.to_string_lossy().contains("1.2.3.4-")).min().unwrap();
    let study = read(&coronal);
    assert_eq!(study.identity.content_hash, content_hash(&ct(Acquisition::Coronal)));

    let alone = tempfile::tempdir().unwrap();
    let path = alone.path().join("slice");
    std::fs::write(&path, bytes(&axial()[0])).unwrap();
    assert!(matches!(refused(&path), IngestError::NoVolume { slices: 1, .. }));
}

#[test]
fn the_largest_ct_series_is_taken_and_scouts_and_others_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    write_phantom(folder.path(), Acquisition::Axial);
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let mut small = axial();
    small.truncate(9);
    small.iter_mut().for_each(|slice| slice.series_uid = "9.1".to_owned());
    write_series(&inner, &small);
    let mut mr: Vec<SliceFile> = axial().into_iter().chain(axial()).collect();
    for (n, slice) in mr.iter_mut().enumerate() {
        (slice.modality, slice.series_uid, slice.number) = ("MR", "9.2".to_owned(), n);
    }
    write_series(&inner, &mr);
    std::fs::write(folder.path().join("README.txt"), "not an image").unwrap();
    let study = read(folder.path());
    assert_eq!(study.identity.content_hash, content_hash(&ct(Acquisition::Axial)));
    assert_eq!(study.warnings, [Warning::OtherSeries { others: 2 }]);

    let only = tempfile::tempdir().unwrap();
    write_series(only.path(), &mr);
    match refused(only.path()) {
        IngestError::NoCt { found, .. } => assert_eq!(found, "MR"),
        other => panic!("{other}"),
    }
    let mut scouts = axial();
    scouts.iter_mut().for_each(|slice| slice.image_type = "ORIGINAL\\PRIMARY\\LOCALIZER");
    let folder = tempfile::tempdir().unwrap();
    write_series(folder.path(), &scouts);
    assert!(matches!(refused(folder.path()), IngestError::NoCt { .. }));
}

#[test]
fn nothing_that_identifies_a_patient_leaves() {
    let study = loaded(&axial());
    let everything = format!("{:?} {} {:?}", study.identity, study.description, study.warnings);
    for secret in [NAME, "Nobody", PATIENT_ID, FRAME_OF_REFERENCE] {
        assert!(!everything.contains(secret), "{secret} leaks: {everything}");
    }
    // printf 'pid:ID-0815' | sha256sum
    assert_eq!(
        study.identity.patient_hash.as_deref(),
        Some("8ed3ed8838346078f8cc92f90c604b2e0bc5d73dc3d7a99ed328d8beb49dc786")
    );
    assert_eq!(study.identity.frame_of_reference_hash.map(|h| h.len()), Some(64));
    assert!(study.description.contains("kernel BONE, 120 kVp"), "{}", study.description);
}

#[test]
fn how_the_patient_lay_is_read_where_the_series_says_it_in_one_voice() {
    let lying = |words: [&'static str; 2]| {
        let mut slices = axial();
        for (n, slice) in slices.iter_mut().enumerate() {
            slice.patient_position = words[n % 2];
        }
        loaded(&slices).lying
    };
    assert_eq!(lying(["HFS", "HFS"]), Some(Lying::Back));
    assert_eq!(lying(["FFP", "FFP"]), Some(Lying::Belly));
    assert_eq!(lying(["HFDR", "HFDR"]), Some(Lying::Side));
    assert_eq!(lying(["", "HFP"]), Some(Lying::Belly), "one that is silent contradicts nobody");
    assert_eq!(lying(["", ""]), None);
    assert_eq!(lying(["HFQ", "HFQ"]), None);
    assert_eq!(lying(["HFS", "HFP"]), None, "two that contradict each other");
}

#[test]
fn a_missing_slice_leaves_the_longer_part() {
    let mut slices = axial();
    slices.remove(9);
    let study = loaded(&slices);
    assert_eq!(study.warnings, [Warning::UnevenSlices { kept: 20, left_out: 9 }]);
    assert_eq!(study.ct.grid().size()[2], 20);
}

#[test]
fn a_gantry_tilt_is_placed_by_its_true_shear() {
    let mut slices = axial();
    for (n, slice) in slices.iter_mut().enumerate() {
        slice.position += DVec3::Y * (0.4 * n as f64);
    }
    let study = loaded(&slices);
    let k = study.ct.grid().patient_from_voxel().map().matrix3.z_axis;
    assert!((k - DVec3::new(0.0, 0.4, 1.1)).length() < 1e-9, "{k}");
    let expected = 0.4_f64.atan2(1.1).to_degrees();
    match study.warnings[..] {
        [Warning::GantryTilt { degrees }] => assert!((degrees - expected).abs() < 1e-6),
        _ => panic!("{:?}", study.warnings),
    }
}

#[test]
fn slices_at_one_place_or_of_mixed_orientation_make_no_volume() {
    let folder = tempfile::tempdir().unwrap();
    let mut slices = axial();
    let place = slices[0].position;
    slices.iter_mut().for_each(|slice| slice.position = place);
    write_series(folder.path(), &slices);
    assert!(matches!(refused(folder.path()), IngestError::NoVolume { slices: 1, .. }));

    let mut mixed = axial();
    let count = mixed.len();
    mixed[count - 1].row = DVec3::Y;
    mixed[count - 1].column = -DVec3::Z;
    let study = loaded(&mixed);
    assert_eq!(study.warnings, [Warning::OddSlices { count: 1 }]);
}

#[test]
fn a_truncated_slice_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let slices = axial();
    write_series(folder.path(), &slices);
    let whole = bytes(&slices[4]);
    let cut = folder.path().join("1.2.3.4-595-5");
    assert!(cut.exists(), "the name that the writer gives slice 5");
    std::fs::write(&cut, &whole[..whole.len() - 500]).unwrap();
    let error = refused(folder.path());
    assert!(error.to_string().contains("1.2.3.4-595-5"), "{error}");
    match error {
        IngestError::Truncated { expected_bytes, found_bytes, .. } => {
            assert_eq!(expected_bytes - found_bytes, 500);
        }
        other => panic!("{other:?}"),
    }
    // Cut inside the header, the file is no image any more: the series has a gap.
    std::fs::write(&cut, &whole[..400]).unwrap();
    let study = read(folder.path());
    assert!(
        study.warnings.contains(&Warning::UnreadableFiles { count: 1 }),
        "{:?}",
        study.warnings
    );
    assert!(matches!(study.warnings[..], [_, Warning::UnevenSlices { kept: 25, left_out: 4 }]));
    assert!(matches!(refused(&cut), IngestError::Truncated { .. } | IngestError::CutShort { .. }));
}
