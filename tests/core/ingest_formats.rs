//! The same CT in every format lands on the same place and has the same hash.

use crate::ingest_phantom::{
    ACQUISITIONS, Acquisition, BEAD, Spoken, ct, find_bead, hu, write_nifti_sform, write_nrrd,
};
use corridor::ingest::{self, Study, content_hash, nifti, nrrd};
use corridor::volume::Volume;
use corridor::work::Work;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const AGREE_MM: f64 = 1e-4;

pub fn read(path: &Path) -> Study {
    ingest::load(path, &Work::silent()).unwrap_or_else(|e| panic!("{e}"))
}

/// Every corner of `truth` is a corner of `got`, and the bead lies in the same place.
pub fn assert_lands_on(got: &Volume<i16>, truth: &Volume<i16>, what: &str) {
    for corner in truth.grid().corners() {
        let nearest =
            got.grid().corners().into_iter().map(|c| c.distance(corner)).fold(f64::MAX, f64::min);
        assert!(nearest < AGREE_MM, "{what}: a corner is {nearest} mm off");
    }
    let apart = find_bead(got).distance(find_bead(truth));
    assert!(apart < AGREE_MM, "{what}: the bead is {apart} mm off");
    let [ni, nj, nk] = got.grid().size();
    for v in [[0, 0, 0], [ni - 1, 0, 0], [0, nj - 1, 0], [0, 0, nk - 1]] {
        let expected = hu(got.grid().centre(v));
        let found = got.get(v).copied().unwrap();
        // A value on the edge of rounding may differ by one.
        assert!((found - expected).abs() <= 1, "{what}: {found} at {v:?}, not {expected}");
    }
}

fn written(folder: &Path, acquisition: Acquisition) -> Vec<PathBuf> {
    let ct = ct(acquisition);
    let at = |name: &str| folder.join(name);
    write_nifti_sform(&at("sform.nii"), &ct, false);
    write_nifti_sform(&at("sform_big.nii"), &ct, true);
    nifti::write_ct(&at("ours.nii.gz"), &ct).unwrap();
    nifti::write_ct(&at("qform.nii"), &ct).unwrap();
    let mut bytes = std::fs::read(at("qform.nii")).unwrap();
    bytes[254..256].fill(0);
    bytes[280..328].fill(0);
    std::fs::write(at("qform.nii"), bytes).unwrap();
    write_nrrd(&at("lps.nrrd"), &ct, Spoken::Lps);
    write_nrrd(&at("ras.nrrd"), &ct, Spoken::Ras);
    write_nrrd(&at("las.nrrd"), &ct, Spoken::Las);
    nrrd::write(&at("ours.nrrd"), &ct).unwrap();
    [
        "sform.nii",
        "sform_big.nii",
        "ours.nii.gz",
        "qform.nii",
        "lps.nrrd",
        "ras.nrrd",
        "las.nrrd",
        "ours.nrrd",
    ]
    .map(at)
    .to_vec()
}

#[test]
fn nifti_and_nrrd_of_one_ct_land_on_each_other() {
    for acquisition in ACQUISITIONS {
        let folder = tempfile::tempdir().unwrap();
        let truth = ct(acquisition);
        assert!(find_bead(&truth).distance(BEAD) < 0.01, "{acquisition:?}");
        for path in written(folder.path(), acquisition) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let study = read(&path);
            assert!(study.has_space && study.warnings.is_empty(), "{name}: {:?}", study.warnings);
            assert_lands_on(&study.ct, &truth, &format!("{acquisition:?} {name}"));
            assert_eq!(study.identity.content_hash, content_hash(&truth), "{acquisition:?} {name}");
            assert_eq!(study.identity.frame_of_reference_hash, None);
        }
    }
}

#[test]
fn one_lattice_read_in_three_directions_is_one_ct() {
    let [axial, sagittal, coronal, oblique] = ACQUISITIONS.map(|a| content_hash(&ct(a)));
    assert_eq!(axial, sagittal);
    assert_eq!(axial, coronal);
    assert_ne!(axial, oblique);
    assert_eq!(axial.len(), 64);
}

/// Our own writer's labels, with every value of a `u16`.
#[test]
fn labels_keep_values_and_names() {
    let folder = tempfile::tempdir().unwrap();
    let labels = ct(Acquisition::Oblique).map(|hu| if *hu > 500 { *hu as u16 + 40_000 } else { 0 });
    let names = BTreeMap::from([(40_501, "L4 vertebra".to_owned()), (41_000, "L5".to_owned())]);
    let (nii, seg) = (folder.path().join("l.nii.gz"), folder.path().join("l.seg.nrrd"));
    nifti::write_labels(&nii, &labels).unwrap();
    nrrd::write_labels(&seg, &labels, &names).unwrap();
    let from_nii = ingest::load_labels(&nii, &Work::silent()).unwrap();
    let from_seg = ingest::load_labels(&seg, &Work::silent()).unwrap();
    assert_eq!(from_nii.volume.data(), labels.data());
    assert_eq!(from_seg.volume.data(), labels.data());
    assert_eq!(from_nii.hash, from_seg.hash);
    assert_eq!(from_seg.names, names);
    assert!(from_nii.names.is_empty() && from_nii.has_space && from_seg.has_space);
}

#[test]
fn slope_and_intercept_make_hu_and_zero_means_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scaled.nii");
    let truth = ct(Acquisition::Axial);
    write_nifti_sform(&path, &truth, false);
    let plain = std::fs::read(&path).unwrap();
    let with = |slope: f32, intercept: f32| {
        let mut bytes = plain.clone();
        bytes[112..116].copy_from_slice(&slope.to_le_bytes());
        bytes[116..120].copy_from_slice(&intercept.to_le_bytes());
        std::fs::write(&path, bytes).unwrap();
        read(&path).ct.data()[[3, 2, 1]]
    };
    let stored = truth.data()[[3, 2, 1]];
    assert_eq!(with(2.0, -1000.0), stored * 2 - 1000);
    assert_eq!(with(0.0, -1000.0), stored);
    assert_eq!(with(f32::NAN, f32::NAN), stored);
}

#[test]
fn every_number_type_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("typed.nii");
    let small = ct(Acquisition::Axial).map(|hu| hu.rem_euclid(100));
    write_nifti_sform(&path, &small, false);
    let header = std::fs::read(&path).unwrap()[..352].to_vec();
    type Store = fn(i16) -> Vec<u8>;
    let types: [(i16, Store); 10] = [
        (2, |v| (v as u8).to_le_bytes().to_vec()),
        (256, |v| (v as i8).to_le_bytes().to_vec()),
        (512, |v| (v as u16).to_le_bytes().to_vec()),
        (4, |v| v.to_le_bytes().to_vec()),
        (768, |v| (v as u32).to_le_bytes().to_vec()),
        (8, |v| i32::from(v).to_le_bytes().to_vec()),
        (1280, |v| (v as u64).to_le_bytes().to_vec()),
        (1024, |v| i64::from(v).to_le_bytes().to_vec()),
        (16, |v| (f32::from(v) + 0.2).to_le_bytes().to_vec()),
        (64, |v| (f64::from(v) - 0.2).to_le_bytes().to_vec()),
    ];
    for (code, store) in types {
        let mut bytes = header.clone();
        bytes[70..72].copy_from_slice(&code.to_le_bytes());
        bytes.extend(small.data().iter().flat_map(|v| store(*v)));
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(read(&path).ct.data(), small.data(), "datatype {code}");
    }
}

/// A detached header, numbers as text, and two layers that overlap.
#[test]
fn nrrd_text_detached_and_layered() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let place = "space: LPS\nspace origin: (1,2,3)\n";
    std::fs::write(at("data.txt"), "0 1 2 3\n4 5 -6 7.4\n").unwrap();
    let detached = format!(
        "NRRD0004\ntype: float\ndimension: 3\nsizes: 2 2 2\n{place}\
         space directions: (1,0,0) (0,1,0) (0,0,2)\nencoding: ascii\ndata file: data.txt\n"
    );
    std::fs::write(at("detached.nhdr"), detached).unwrap();
    let study = read(&at("detached.nhdr"));
    assert_eq!(study.ct.data().iter().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, -6, 7]);
    assert_eq!(study.ct.grid().centre([1, 1, 1]).to_array(), [2.0, 3.0, 5.0]);

    let layered = format!(
        "NRRD0004\ntype: unsigned char\ndimension: 4\nsizes: 2 3 1 1\n{place}\
         space directions: none (1,0,0) (0,1,0) (0,0,2)\nkinds: list domain domain domain\n\
         encoding: raw\nSegment0_Name:=L4\nSegment0_LabelValue:=1\nSegment0_Layer:=0\n\
         Segment1_Name:=L5\nSegment1_LabelValue:=1\nSegment1_Layer:=1\n\n"
    );
    let mut bytes = layered.into_bytes();
    bytes.extend([1, 0, 0, 1, 1, 1]);
    std::fs::write(at("layers.seg.nrrd"), bytes).unwrap();
    let labels = ingest::load_labels(&at("layers.seg.nrrd"), &Work::silent()).unwrap();
    assert_eq!(labels.volume.data().iter().copied().collect::<Vec<_>>(), [1, 2, 1]);
    assert_eq!(labels.names, BTreeMap::from([(1, "L4".to_owned()), (2, "L5".to_owned())]));
    assert_eq!(labels.warnings, [ingest::Warning::OverlappingSegments { count: 1 }]);
}

#[test]
fn an_image_without_a_place_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nowhere.nii");
    write_nifti_sform(&path, &ct(Acquisition::Axial), false);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[254..256].fill(0);
    for (n, mm) in [1.0_f32, 0.7, 0.8, 1.1].into_iter().enumerate() {
        bytes[76 + 4 * n..80 + 4 * n].copy_from_slice(&mm.to_le_bytes());
    }
    std::fs::write(&path, bytes).unwrap();
    let study = read(&path);
    assert!(!study.has_space);
    assert_eq!(study.warnings, [ingest::Warning::NoSpace]);
    let spacing = study.ct.grid().spacing_mm();
    assert!((spacing[1] - 0.8).abs() < 1e-6, "{spacing:?}");

    let text = "NRRD0004\ntype: short\ndimension: 3\nsizes: 1 1 2\nspace: scanner-xyz\n\
                space directions: (1,0,0) (0,1,0) (0,0,2)\nspace origin: (0,0,0)\n\
                encoding: text\n\n5 6\n";
    let path = folder.path().join("scanner.nrrd");
    std::fs::write(&path, text).unwrap();
    assert!(!read(&path).has_space);
}
