//! What is kept between sessions: the same to the last bit, only of whom it may, never damaged.

use corridor::case::kept::Kept;
use corridor::case::spine::{self, Source, Spine};
use corridor::ingest::nifti;
use corridor::labels::numbering::Numbering;
use corridor::space::{Dir, Point};
use corridor::volume::{Grid, Volume};
use corridor::work::Work;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// CT and labels of two balls of bone called L3 and L4.
fn case(folder: &Path) -> Source {
    let grid = Grid::along_axes(Point::new(-20.0, 10.0, 30.0), 1.0, [40, 36, 62]);
    let balls = [Point::new(0.0, 27.0, 75.0), Point::new(1.0, 28.0, 46.0)];
    let depth = |n: usize, p| 11.0 - balls[n].distance(p);
    let place = grid.clone();
    let labels = Volume::from_fn(grid.clone(), |voxel| {
        let p = place.centre(voxel);
        (0..2).find(|&n| depth(n, p) > 0.0).map_or(0, |n| 22 + n as u16)
    });
    let ct = Volume::from_fn(grid, |voxel| {
        let p = place.centre(voxel) + Dir::X * 0.2;
        (depth(0, p).max(depth(1, p)).clamp(-1.0, 1.0) * 400.0) as i16 + 400
    });
    let (ct_file, labels_file) = (folder.join("ct.nii.gz"), folder.join("labels.nii.gz"));
    nifti::write_ct(&ct_file, &ct).unwrap();
    nifti::write_labels(&labels_file, &labels).unwrap();
    Source::Files {
        ct: Some(ct_file),
        labels: Some(labels_file),
        numbering: Some(Numbering::Verse),
    }
}

fn kept(folder: &TempDir, program: &str) -> Kept {
    Kept::in_folder(folder.path().join("kept"), program.to_owned())
}

fn load(source: &Source, kept: &Kept) -> Spine {
    spine::load_kept(source, Some(kept), &Work::silent()).unwrap()
}

fn files(kept: &Kept) -> Vec<PathBuf> {
    fs::read_dir(kept.folder())
        .map_or_else(|_| Vec::new(), |entries| entries.map(|entry| entry.unwrap().path()).collect())
}

/// Everything of the surfaces and what is made of them, to the last bit.
fn assert_same(one: &Spine, other: &Spine) {
    let bits = |spine: &Spine| {
        let fields = spine.vertebrae.iter().flat_map(|v| v.surface.field.data());
        fields.map(|value| value.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(one.vertebrae.len(), 2, "{:?}", one.warnings);
    assert!(bits(one) == bits(other), "the surfaces differ");
    for (a, b) in one.vertebrae.iter().zip(&other.vertebrae) {
        assert!(a.mesh == b.mesh && a.id == b.id && a.anatomy == b.anatomy);
        let probe = a.mesh.positions[7] + Dir::new(0.3, -0.4, 1.1);
        assert_eq!(a.field.signed_distance_mm(probe), b.field.signed_distance_mm(probe));
    }
    assert_eq!(one.warnings, other.warnings);
}

#[test]
fn a_case_that_was_kept_comes_back_to_the_last_bit() {
    let folder = tempfile::tempdir().unwrap();
    let source = case(folder.path());
    let kept = kept(&folder, "this build").all();
    let fresh = load(&source, &kept);
    let found = files(&kept);
    let [file] = &found[..] else { panic!("{found:?}") };
    let changed = fs::metadata(file).unwrap().len();
    let again = load(&source, &kept);
    assert_same(&fresh, &again);
    assert_eq!(fs::metadata(file).unwrap().len(), changed);
    let without = spine::load(&source, &Work::silent()).unwrap();
    assert_same(&fresh, &without);
}

#[test]
fn a_patient_is_kept_only_when_asked_for_and_nothing_names_him() {
    let folder = tempfile::tempdir().unwrap();
    let source = case(folder.path());
    let kept = kept(&folder, "this build");
    load(&source, &kept);
    assert!(files(&kept).is_empty());
    load(&source, &kept.clone().all());
    let name = files(&kept)[0].file_stem().unwrap().to_str().unwrap().to_owned();
    assert!(name.len() == 64 && name.chars().all(|c| c.is_ascii_hexdigit()), "{name}");
    let content = fs::read(&files(&kept)[0]).unwrap();
    let holds = |text: &str| content.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(!holds("labels") && !holds(folder.path().to_str().unwrap()));
}

#[test]
fn what_is_damaged_or_of_another_build_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let source = case(folder.path());
    let this = kept(&folder, "this build").all();
    let fresh = load(&source, &this);
    let file = files(&this)[0].clone();
    let good = fs::read(&file).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 4;
    for damaged in [flipped, good[..good.len() - 9].to_vec(), Vec::new()] {
        fs::write(&file, damaged).unwrap();
        assert_same(&fresh, &load(&source, &this));
        assert!(fs::read(&file).unwrap() == good, "it is mended");
    }
    assert_same(&fresh, &load(&source, &kept(&folder, "another build").all()));
    assert_eq!(files(&this).len(), 2, "each build has its own");
}

#[test]
fn where_nothing_can_be_kept_the_case_opens_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let source = case(folder.path());
    fs::write(folder.path().join("kept"), b"a file in the folder's place").unwrap();
    let fresh = load(&source, &kept(&folder, "this build").all());
    assert_same(&fresh, &spine::load(&source, &Work::silent()).unwrap());
}
