//! Bad input ends in a sentence that names the file and says what to do.

use crate::ingest_phantom::{Acquisition, Spoken, ct, grid, write_nifti_sform, write_nrrd};
use corridor::ingest::{self, IngestError, RawLabels, Warning};
use corridor::space::{Affine, Point};
use corridor::volume::{Grid, Volume};
use corridor::work::{CancelToken, Work};
use glam::{DAffine3, DVec3};
use std::path::Path;

fn error(path: &Path) -> IngestError {
    match ingest::load(path, &Work::silent()) {
        Err(error) => {
            let text = error.to_string();
            let name = path.file_name().unwrap().to_string_lossy();
            assert!(text.contains(&*name), "does not name the file: {text}");
            error
        }
        Ok(_) => panic!("{} was read", path.display()),
    }
}

#[test]
fn what_is_not_there_or_not_an_image() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert!(matches!(error(&at("nothing.nii")), IngestError::NoSuchPath { .. }));
    std::fs::create_dir(at("empty")).unwrap();
    assert!(matches!(error(&at("empty")), IngestError::EmptyFolder { .. }));
    std::fs::write(at("letter.nii.gz"), "Dear Sir or Madam").unwrap();
    assert!(matches!(error(&at("letter.nii.gz")), IngestError::NotAnImage { .. }));
    std::fs::write(at("nothing.dcm"), "").unwrap();
    assert!(matches!(error(&at("nothing.dcm")), IngestError::NotAnImage { .. }));
    assert!(matches!(error(folder.path()), IngestError::NoDicom { volumes: 0, .. }));
}

#[test]
fn a_folder_with_one_volume_is_that_volume() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        write_nrrd(&folder.path().join(name), &ct(Acquisition::Axial), Spoken::Lps);
    };
    write("a.nrrd");
    assert!(ingest::load(folder.path(), &Work::silent()).is_ok());
    write("b.nrrd");
    assert!(matches!(error(folder.path()), IngestError::NoDicom { volumes: 2, .. }));
}

#[test]
fn a_truncated_nifti_names_the_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.nii");
    write_nifti_sform(&path, &ct(Acquisition::Axial), false);
    let whole = std::fs::read(&path).unwrap();
    let cut = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        error(&path)
    };
    let image = (whole.len() - 352) as u64;
    match cut(&whole[..352 + 1000]) {
        IngestError::Truncated { expected_bytes, found_bytes, what: "image", .. } => {
            assert_eq!((expected_bytes, found_bytes), (image, 1000));
        }
        other => panic!("{other}"),
    }
    assert!(matches!(cut(&whole[..100]), IngestError::Truncated { what: "header", .. }));
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, &whole).unwrap();
    let gz = gz.finish().unwrap();
    assert!(matches!(cut(&gz[..gz.len() / 2]), IngestError::Truncated { what: "image", .. }));
    assert!(matches!(cut(&gz[..gz.len() - 3]), IngestError::Damaged { .. }));
    let mut rotten = gz.clone();
    let last = rotten.len() - 8;
    rotten[last] ^= 1;
    assert!(matches!(cut(&rotten), IngestError::Damaged { .. }));
}

#[test]
fn damaged_and_foreign_headers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.nii");
    write_nifti_sform(&path, &ct(Acquisition::Axial), false);
    let whole = std::fs::read(&path).unwrap();
    let with = |at: usize, bytes: &[u8]| {
        let mut all = whole.clone();
        all[at..at + bytes.len()].copy_from_slice(bytes);
        std::fs::write(&path, all).unwrap();
        error(&path)
    };
    assert!(matches!(with(40, &[0, 0]), IngestError::BadHeader { field: "dim[0]", .. }));
    assert!(matches!(with(42, &[0, 0]), IngestError::BadHeader { field: "dim", .. }));
    assert!(matches!(with(40, &[4, 0, 2, 0, 2, 0, 2, 0, 3, 0]), IngestError::Unsupported { .. }));
    assert!(matches!(with(70, &[128, 0]), IngestError::Unsupported { field: "datatype", .. }));
    assert!(matches!(with(344, b"ni1\0"), IngestError::Unsupported { .. }));
    assert!(matches!(with(344, b"\0\0\0\0"), IngestError::Unsupported { .. }));
    assert!(matches!(with(344, b"huh?"), IngestError::BadHeader { field: "magic", .. }));
    // A flat sform and no qform: the spacing, all zero here, is flat as well.
    assert!(matches!(with(280, &[0; 48]), IngestError::Grid { .. }));
}

#[test]
fn a_ct_is_no_label_map_but_a_label_map_looks_like_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ct.nrrd");
    let image = ct(Acquisition::Axial);
    write_nrrd(&path, &image, Spoken::Lps);
    let refused = ingest::load_labels(&path, &Work::silent());
    assert!(matches!(refused, Err(IngestError::NotLabels { value, .. }) if value < 0.0));
    assert!(!ingest::looks_like_labels(&image));
    assert!(ingest::looks_like_labels(&image.map(|hu| if *hu > 500 { 20 } else { 0 })));
    assert!(!ingest::looks_like_labels(&image.map(|_| 0)));
    let refused = ingest::load_labels(folder.path(), &Work::silent());
    assert!(matches!(refused, Err(IngestError::NotLabels { .. })), "the only file counts");
}

#[test]
fn a_cancelled_read_stops() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ct.nrrd");
    write_nrrd(&path, &ct(Acquisition::Axial), Spoken::Lps);
    let cancel = CancelToken::default();
    cancel.cancel();
    let stopped = ingest::load(&path, &Work::new(|_, _| {}, cancel));
    assert!(matches!(stopped, Err(IngestError::Cancelled(_))));
}

fn labels_of(volume: Volume<u16>, has_space: bool) -> RawLabels {
    let hash = ingest::labels_hash(&volume);
    RawLabels {
        volume,
        names: Default::default(),
        drawn_on: None,
        has_space,
        hash,
        warnings: Vec::new(),
    }
}

/// Labels on a coarser, shifted grid: a block around the bead.
fn coarse_labels(shift_mm: f64) -> Volume<u16> {
    let map = DAffine3::from_scale_rotation_translation(
        DVec3::splat(2.0),
        glam::DQuat::IDENTITY,
        DVec3::new(-10.0 + shift_mm, -40.0, 10.0),
    );
    let grid = Grid::new([24, 24, 24], Affine::new(map)).unwrap();
    let centres = grid.clone();
    Volume::from_fn(grid, move |v| {
        let p = centres.centre(v);
        let bead = Point::new(14.0 + shift_mm, -22.0, 38.0);
        u16::from(p.distance(bead) < 8.0) * 21
    })
}

#[test]
fn labels_of_another_grid_are_resampled_where_both_know_their_place() {
    let ct = grid(Acquisition::Sagittal);
    let placed =
        ingest::labels_on_grid(labels_of(coarse_labels(0.0), true), &ct, true, &Work::silent())
            .unwrap();
    assert_eq!(placed.warnings, [Warning::Resampled]);
    assert_eq!(placed.volume.grid(), &ct);
    assert_eq!(placed.drawn_on.as_ref(), Some(coarse_labels(0.0).grid()));
    let at = |x: f64, y: f64, z: f64| placed.volume.nearest(Point::new(x, y, z));
    assert_eq!(at(14.0, -22.0, 38.0), Some(21));
    assert_eq!(at(0.0, -22.0, 38.0), Some(0));
    let volume = |v: &Volume<u16>| {
        v.data().iter().filter(|l| **l == 21).count() as f64 * v.grid().voxel_volume_mm3()
    };
    let (before, after) = (volume(&coarse_labels(0.0)), volume(&placed.volume));
    assert!((after / before - 1.0).abs() < 0.05, "{before} mm3 became {after} mm3");
}

#[test]
fn the_border_of_a_label_map_cropped_to_what_it_holds_tells_of_no_cut() {
    let drawn_on = |labels: Volume<u16>| {
        let ct = grid(Acquisition::Sagittal);
        let labels = labels_of(labels, true);
        ingest::labels_on_grid(labels, &ct, true, &Work::silent()).unwrap().drawn_on
    };
    let crop = |first, size| coarse_labels(0.0).part(first, size).unwrap();
    assert_eq!(drawn_on(crop([9, 6, 11], [7, 7, 7])), None);
    let cut_above = crop([8, 6, 11], [8, 7, 4]);
    assert_eq!(drawn_on(cut_above.clone()).as_ref(), Some(cut_above.grid()));
}

#[test]
fn labels_of_another_grid_are_refused_where_one_does_not_know_its_place() {
    let ct = grid(Acquisition::Axial);
    let place = |labels: RawLabels, ct_knows: bool| {
        ingest::labels_on_grid(labels, &ct, ct_knows, &Work::silent())
    };
    let silent = |result: Result<RawLabels, IngestError>| match result {
        Err(IngestError::OtherGridWithoutSpace { silent, .. }) => silent,
        other => panic!("{other:?}"),
    };
    assert_eq!(silent(place(labels_of(coarse_labels(0.0), false), true)), "label map");
    assert_eq!(silent(place(labels_of(coarse_labels(0.0), true), false)), "CT");
    let same = Volume::from_fn(ct.clone(), |[i, _, _]| i as u16);
    assert!(place(labels_of(same.clone(), true), true).unwrap().warnings.is_empty());
    assert!(place(labels_of(same.clone(), false), false).is_ok(), "one voxel order for both");
    assert_eq!(silent(place(labels_of(same, false), true)), "label map");
    let elsewhere = place(labels_of(coarse_labels(500.0), true), true);
    assert!(matches!(elsewhere, Err(IngestError::LabelsElsewhere)));
}
