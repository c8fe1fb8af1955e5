//! Labels in other forms than one file of values: folders of masks, DICOM segmentations.

use crate::real_data::real;
use corridor::ingest::{self, IngestError, RawLabels, Warning, nifti};
use corridor::labels::numbering;
use corridor::space::{Affine, Dir, Point};
use corridor::volume::{Grid, Volume};
use corridor::work::Work;
use std::collections::BTreeMap;
use std::path::Path;

fn read(path: &Path) -> Result<RawLabels, IngestError> {
    ingest::load_labels(path, &Work::silent())
}

/// An oblique grid without any symmetry.
fn grid(size: [usize; 3]) -> Grid {
    let (i, j) = (Dir::new(0.6, 0.8, 0.0) * 0.9, Dir::new(-0.8, 0.6, 0.0) * 1.1);
    Grid::new(size, Affine::from_columns(i, j, Dir::Z * 2.5, Point::new(-30.0, 12.0, 250.0)))
        .unwrap()
}

/// Segment 1 high on one side, segment 2 low on the other; nothing between them in two slices.
fn truth() -> Volume<u16> {
    Volume::from_fn(grid([7, 5, 6]), |[i, j, k]| match (i, j, k) {
        (1..4, 0..2, 4..6) => 1,
        (4..7, 2..5, 0..2) => 2,
        _ => 0,
    })
}

fn assert_same(found: &RawLabels, truth: &Volume<u16>) {
    assert_eq!(found.volume.data(), truth.data());
    assert!(found.volume.grid().is_close_to(truth.grid(), 1e-3), "another place");
    assert!(found.has_space);
}

fn write_masks(folder: &Path, labels: &Volume<u16>, names: &[(u16, &str)]) {
    for (value, name) in names {
        let mask = labels.map(|label| u16::from(label == value));
        nifti::write_labels(&folder.join(format!("{name}.nii.gz")), &mask).unwrap();
    }
}

#[test]
fn a_folder_of_masks_is_one_label_map() {
    let folder = tempfile::tempdir().unwrap();
    write_masks(folder.path(), &truth(), &[(1, "vertebrae_L4"), (2, "vertebrae_L5")]);
    let found = read(folder.path()).unwrap();
    assert_same(&found, &truth());
    let names = [(1, "vertebrae_L4".to_owned()), (2, "vertebrae_L5".to_owned())];
    assert_eq!(found.names, BTreeMap::from(names));
    assert_eq!(found.hash, ingest::labels_hash(&found.volume));
    assert_eq!(found.warnings, []);
}

#[test]
fn a_voxel_of_two_masks_goes_to_the_first_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    write_masks(folder.path(), &truth(), &[(1, "a"), (1, "b"), (2, "c")]);
    let found = read(folder.path()).unwrap();
    assert_same(&found, &truth().map(|value| if *value == 2 { 3 } else { *value }));
    assert_eq!(found.warnings, [Warning::OverlappingSegments { count: 12 }]);
}

#[test]
fn a_folder_that_is_no_set_of_masks_is_refused_by_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("b.nii.gz");
    assert!(matches!(read(folder.path()), Err(IngestError::NoLabels { .. })));
    nifti::write_labels(&folder.path().join("a.nii.gz"), &truth().map(|v| v / 2)).unwrap();
    nifti::write_labels(&other, &truth()).unwrap();
    let refused = read(folder.path());
    assert!(matches!(refused, Err(IngestError::NotAMask { path, .. }) if path == other));
    nifti::write_labels(&other, &Volume::from_fn(grid([7, 5, 5]), |[i, ..]| i as u16 / 6)).unwrap();
    let refused = read(folder.path());
    assert!(matches!(refused, Err(IngestError::MaskElsewhere { path }) if path == other));
    std::fs::remove_file(&other).unwrap();
    assert_same(&read(folder.path()).unwrap(), &truth().map(|v| v / 2));
}

#[test]
fn masks_of_other_structures_are_never_taken_for_vertebrae() {
    let folder = tempfile::tempdir().unwrap();
    write_masks(folder.path(), &truth(), &[(1, "aorta"), (2, "hip_left")]);
    let raw = read(folder.path()).unwrap();
    let refused = numbering::name_labels(raw.volume, &raw.names, &raw.hash, None).unwrap_err();
    assert!(refused.to_string().contains("aorta, hip_left"), "{refused}");
}

#[test]
fn real_masks_are_the_levels_of_the_real_label_map() {
    let Some(folder) = real("totalseg_s0327_labels_C7-S1") else { return };
    let named = |path: &str| {
        let raw = read(&folder.join(path)).unwrap();
        numbering::name_labels(raw.volume, &raw.names, &raw.hash, None).unwrap().labels
    };
    let (masks, whole) = (named("segmentations"), named("s0327_spine_labels.nii.gz"));
    let levels: Vec<String> = masks.vertebrae.iter().map(|v| v.level.to_string()).collect();
    assert_eq!(levels, ["T7", "L4", "S1"]);
    for mask in masks.vertebrae.iter().filter(|v| v.level.to_string() != "S1") {
        let other = whole.at_level(mask.level).unwrap();
        let differ = masks.volume.data().iter().zip(whole.volume.data());
        let differ = differ.filter(|(a, b)| (**a == mask.value) != (**b == other.value)).count();
        assert_eq!(differ, 0, "{}", mask.level);
    }
}

/// Elements of Explicit VR Little Endian, in the order in which they are added.
#[derive(Default)]
struct Elements(Vec<u8>);

impl Elements {
    fn add(mut self, group: u16, element: u16, vr: &[u8; 2], value: &[u8]) -> Self {
        let padded = value.len().next_multiple_of(2);
        self.0.extend(group.to_le_bytes());
        self.0.extend(element.to_le_bytes());
        self.0.extend(vr);
        if [b"OB", b"OW", b"SQ"].contains(&vr) {
            self.0.extend([0, 0]);
            self.0.extend((padded as u32).to_le_bytes());
        } else {
            self.0.extend((padded as u16).to_le_bytes());
        }
        self.0.extend(value);
        self.0.resize(self.0.len() + padded - value.len(), b' ');
        self
    }
    fn short(self, group: u16, element: u16, value: u16) -> Self {
        self.add(group, element, b"US", &value.to_le_bytes())
    }
    fn sequence(self, group: u16, element: u16, items: Vec<Self>) -> Self {
        let mut bytes = Vec::new();
        for item in items {
            bytes.extend([0xFE, 0xFF, 0x00, 0xE0]);
            bytes.extend((item.0.len() as u32).to_le_bytes());
            bytes.extend(item.0);
        }
        self.add(group, element, b"SQ", &bytes)
    }
}

/// How a segmentation stores its pixels.
#[derive(Clone, Copy, PartialEq)]
enum Stored {
    Binary,
    Fractional,
    LabelMap,
}

/// A DICOM segmentation as other programs write it: frames in no order, and only those slices of a
/// segment in which it lies.
fn write_seg(path: &Path, labels: &Volume<u16>, stored: Stored) {
    let [ni, nj, nk] = labels.grid().size();
    let segments: Vec<u16> = if stored == Stored::LabelMap { vec![0] } else { vec![2, 1] };
    let (mut frames, mut pixels) = (Vec::new(), Vec::new());
    for segment in segments {
        for k in (0..nk).rev() {
            let layer = labels.data().index_axis(ndarray::Axis(0), k);
            let is_empty = layer.iter().all(|v| *v == 0 || (segment != 0 && *v != segment));
            if is_empty {
                continue;
            }
            let [x, y, z] = labels.grid().centre([0, 0, k]).to_array();
            let position = Elements::default().add(
                0x20,
                0x32,
                b"DS",
                format!("{x:.4}\\{y:.4}\\{z:.4}").as_bytes(),
            );
            let mut frame = Elements::default().sequence(0x20, 0x9113, vec![position]);
            if segment != 0 {
                let number = Elements::default().short(0x62, 0x0B, segment);
                frame = frame.sequence(0x62, 0x0A, vec![number]);
            }
            frames.push(frame);
            pixels.extend(layer.iter().map(|v| match stored {
                Stored::LabelMap => *v as u8,
                Stored::Fractional if *v == segment => 128,
                Stored::Fractional => 127 * u8::from(*v != 0),
                Stored::Binary => u8::from(*v == segment),
            }));
        }
    }
    let bits = match stored {
        Stored::Binary => 1,
        _ => 8,
    };
    let pixels = match stored {
        Stored::Binary => pixels
            .chunks(8)
            .map(|eight| eight.iter().enumerate().map(|(n, bit)| bit << n).sum())
            .collect(),
        _ => pixels,
    };
    let kind: &[u8] = match stored {
        Stored::Binary => b"BINARY",
        Stored::Fractional => b"FRACTIONAL",
        Stored::LabelMap => b"LABELMAP",
    };
    let named = |number: u16, name: &[u8]| {
        Elements::default().short(0x62, 0x04, number).add(0x62, 0x05, b"LO", name)
    };
    let measures =
        Elements::default().add(0x18, 0x50, b"DS", b"2.5").add(0x28, 0x30, b"DS", b"1.1\\0.9");
    let turned = Elements::default().add(0x20, 0x37, b"DS", b"0.6\\0.8\\0\\-0.8\\0.6\\0");
    let shared = Elements::default().sequence(0x20, 0x9116, vec![turned]).sequence(
        0x28,
        0x9110,
        vec![measures],
    );
    let count = frames.len().to_string();
    let object = Elements::default()
        .add(0x08, 0x60, b"CS", b"SEG")
        .short(0x28, 0x02, 1)
        .add(0x28, 0x04, b"CS", b"MONOCHROME2")
        .add(0x28, 0x08, b"IS", count.as_bytes())
        .short(0x28, 0x10, nj as u16)
        .short(0x28, 0x11, ni as u16)
        .short(0x28, 0x100, bits)
        .short(0x28, 0x101, bits)
        .short(0x28, 0x102, bits - 1)
        .short(0x28, 0x103, 0)
        .add(0x62, 0x01, b"CS", kind)
        .sequence(0x62, 0x02, vec![named(1, b"L4 vertebra"), named(2, b"L5 vertebra")])
        .short(0x62, 0x0E, 255)
        .sequence(0x5200, 0x9229, vec![shared])
        .sequence(0x5200, 0x9230, frames)
        .add(0x7FE0, 0x10, b"OB", &pixels);
    let meta = Elements::default().add(2, 0x10, b"UI", b"1.2.840.10008.1.2.1\0");
    let bytes = [vec![0; 128], b"DICM".to_vec(), meta.0, object.0].concat();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_dicom_segmentation_is_read_in_all_its_kinds() {
    for stored in [Stored::Binary, Stored::Fractional, Stored::LabelMap] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.dcm");
        write_seg(&path, &truth(), stored);
        for path in [path.as_path(), folder.path()] {
            let found = read(path).unwrap();
            assert_same(&found, &truth());
            let names = [(1, "L4 vertebra".to_owned()), (2, "L5 vertebra".to_owned())];
            assert_eq!(found.names, BTreeMap::from(names));
            assert_eq!(found.warnings, []);
            // Slices that hold nothing are left out; beside its rows and columns a file knows nothing.
            let drawn_on = found.drawn_on.unwrap();
            let last = truth().grid().centre([6, 4, 5]);
            assert!(drawn_on.holds(last) && drawn_on.holds(last + Dir::Z * 50.0));
            assert!(drawn_on.holds(last - Dir::Z * 80.0));
            assert!(!drawn_on.holds(last + Dir::new(0.6, 0.8, 0.0) * 2.0));
        }
    }
}

#[test]
fn segmentations_that_are_cut_short_or_two_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.dcm");
    write_seg(&path, &truth(), Stored::Binary);
    let whole = std::fs::read(&path).unwrap();
    for end in (0..whole.len()).step_by(37) {
        std::fs::write(&path, &whole[..end]).unwrap();
        assert!(read(&path).is_err(), "{end} of {} bytes", whole.len());
    }
    std::fs::write(&path, &whole).unwrap();
    std::fs::write(folder.path().join("again.dcm"), &whole).unwrap();
    let refused = read(folder.path());
    assert!(matches!(refused, Err(IngestError::SeveralSegmentations { count: 2, .. })));
}

#[test]
fn real_segmentations_land_on_the_same_labels_as_nrrd() {
    let Some(root) = real("dicom_torture_shared") else { return };
    for size in ["23x38x3", "24x38x3"] {
        let folder = root.join("dcmqi_seg").join(size);
        let seg = read(&folder.join("seg/label.seg")).unwrap();
        let nrrd = read(&folder.join("nrrd/label.nrrd")).unwrap();
        let placed =
            ingest::labels_on_grid(seg, nrrd.volume.grid(), true, &Work::silent()).unwrap();
        let differ = placed.volume.data().iter().zip(nrrd.volume.data());
        assert_eq!(differ.filter(|(a, b)| (**a != 0) != (**b != 0)).count(), 0, "{size}");
        assert!(placed.volume.data().iter().any(|v| *v != 0), "{size}");
    }
    let spine = read(&root.join("dcmqi_seg/partial_overlaps.dcm")).unwrap();
    assert!(spine.names.len() > 1, "{:?}", spine.names);
    let ct = root.join("highdicom_seg/ct_image.dcm");
    assert!(matches!(read(&ct), Err(IngestError::NotASegmentation { found, .. }) if found == "CT"));
}
