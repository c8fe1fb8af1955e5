//! The shared torture set: every transfer syntax, broken and foreign files. None may panic, and
//! CT slices decode to the reference pixels of its manifest.

use crate::ingest_formats::read;
use crate::real_data::real;
use corridor::ingest::{self, IngestError, Study, Warning};
use corridor::work::Work;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn every_file(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            every_file(&entry.path(), found);
        } else {
            found.push(entry.path());
        }
    }
}

#[test]
fn no_file_and_no_folder_of_the_torture_set_panics() {
    let Some(root) = real("dicom_torture_shared") else { return };
    let mut files = Vec::new();
    every_file(&root, &mut files);
    assert!(files.len() > 370, "{} files", files.len());
    let mut folders: Vec<PathBuf> =
        files.iter().filter_map(|f| f.parent()).map(Into::into).collect();
    folders.sort();
    folders.dedup();
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    let mut try_one = |path: &Path| {
        let outcome = match ingest::load(path, &Work::silent()) {
            Ok(_) => "read",
            Err(error) => {
                assert!(error.to_string().len() > 20);
                "refused"
            }
        };
        *outcomes.entry(outcome).or_default() += 1;
    };
    folders.iter().for_each(|folder| try_one(folder));
    // Each file alone, away from the rest of its series.
    let alone = tempfile::tempdir().unwrap();
    let copy = alone.path().join("file");
    for file in &files {
        std::fs::copy(file, &copy).unwrap();
        try_one(&copy);
        let _ = ingest::load_labels(&copy, &Work::silent());
    }
    assert!(outcomes["read"] > 10, "{outcomes:?}");
}

/// A row of the manifest that a CT slice can be checked against.
struct Reference {
    file: String,
    transfer_syntax: String,
    bits: u32,
    least: i64,
    pixels_sha256: String,
}

/// Rows of decodable grey CT files with one frame.
fn references(manifest: &str) -> Vec<Reference> {
    let mut rows = manifest.lines().map(split_csv);
    let header = rows.next().unwrap();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    rows.filter(|row| row[at("modality")] == "CT" && row[at("decode")] == "ok")
        .filter(|row| row[at("frames")] == "1")
        .map(|row| Reference {
            file: row[at("file")].clone(),
            transfer_syntax: row[at("ts")].clone(),
            bits: row[at("bits")].parse().unwrap(),
            least: row[at("min")].parse().unwrap(),
            pixels_sha256: row[at("pix_sha256")].clone(),
        })
        .collect()
}

fn split_csv(line: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().unwrap().push(c),
        }
    }
    fields
}

/// One slice makes no volume: three copies of it, each a millimetre above the other, do. The copies
/// differ in the last number of their position, changed in place.
fn thrice(file: &Path) -> Option<Result<Study, IngestError>> {
    let whole = std::fs::read(file).unwrap();
    // ImagePositionPatient, in either byte order, with or without a VR.
    let tag = [[0x20, 0, 0x32, 0], [0, 0x20, 0, 0x32]];
    let start = whole.windows(4).position(|w| tag.iter().any(|t| w == t))? + 8;
    let text = |b: &u8| b.is_ascii_digit() || b"+-.\\eE ".contains(b);
    let length = whole[start..].iter().position(|b| !text(b))?;
    let value = &whole[start..start + length];
    let last = start + value.iter().rposition(|b| *b == b'\\')? + 1;
    let folder = tempfile::tempdir().unwrap();
    for n in 0..3 {
        let mut copy = whole.clone();
        let room = start + length - last;
        let z = format!("{n:<room$}");
        copy[last..start + length].copy_from_slice(&z.as_bytes()[..room]);
        std::fs::write(folder.path().join(n.to_string()), copy).unwrap();
    }
    Some(ingest::load(folder.path(), &Work::silent()))
}

/// What must not decode here, and how its error names it.
fn refusal(reference: &Reference) -> Option<&'static str> {
    match reference.transfer_syntax.as_str() {
        "1.2.840.10008.1.2.4.80" => Some("JPEG-LS Lossless"),
        "1.2.840.10008.1.2.4.81" => Some("JPEG-LS Lossy"),
        // 12-bit lossy JPEG.
        "1.2.840.10008.1.2.4.51" => Some("JPEG Extended"),
        _ if reference.file.ends_with("6293") || reference.file.ends_with("6924") => {
            Some("CT scout")
        }
        _ => None,
    }
}

/// True when the layer's stored values hash to the manifest's. HU = stored + intercept in all of
/// these files; the intercept follows from the least value.
fn has_reference_pixels(study: &Study, reference: &Reference) -> bool {
    let layer = study.ct.data().index_axis(ndarray::Axis(0), 1);
    let intercept = i64::from(*layer.iter().min().unwrap()) - reference.least;
    let is_big_endian = reference.transfer_syntax == "1.2.840.10008.1.2.2";
    let bytes: Vec<u8> = layer
        .iter()
        .map(|hu| (i64::from(*hu) - intercept) as i16)
        .flat_map(|v| if is_big_endian { v.to_be_bytes() } else { v.to_le_bytes() })
        .collect();
    let hash: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    hash.starts_with(&reference.pixels_sha256)
}

#[test]
fn ct_slices_decode_to_the_reference_pixels_or_name_their_coding() {
    let Some(root) = real("dicom_torture_shared") else { return };
    let manifest = std::fs::read_to_string(root.join("MANIFEST.csv")).unwrap();
    let (mut checked, mut refused) = (0, 0);
    for reference in references(&manifest) {
        let name = &reference.file;
        // A deflated header can not be patched; lossy 8-bit decoders may differ.
        let Some(result) = thrice(&root.join(name)).filter(|_| reference.bits > 8) else {
            continue;
        };
        match (result, refusal(&reference)) {
            (Ok(study), None) => {
                assert!(has_reference_pixels(&study, &reference), "{name}: other pixels");
                checked += 1;
            }
            (Err(error), Some(named)) => {
                assert!(error.to_string().contains(named), "{name}: {error}");
                refused += 1;
            }
            (Ok(_), Some(_)) => panic!("{name} was read"),
            (Err(error), None) => panic!("{name}: {error}"),
        }
    }
    assert!(checked >= 120 && refused >= 4, "{checked} checked, {refused} refused");
}

/// One image as three files, as one file of three frames, and as labels in NRRD.
#[test]
fn frames_of_one_file_lie_where_single_slices_lie() {
    let Some(root) = real("dicom_torture_shared") else { return };
    for size in ["23x38x3", "24x38x3"] {
        let folder = root.join("dcmqi_seg").join(size);
        let slices = read(&folder.join("image"));
        let frames = read(&folder.join("multiframe/mf.dcm"));
        let labels = read(&folder.join("nrrd/label.nrrd"));
        assert!(frames.ct.grid().is_close_to(slices.ct.grid(), 1e-4), "{size}");
        assert!(labels.ct.grid().is_close_to(slices.ct.grid(), 1e-4), "{size}");
        assert_eq!(frames.ct.data(), slices.ct.data(), "{size}");
    }
}

/// A real head CT with a tilted gantry whose steps change from 1.08 to 4.22 to 7 mm.
#[test]
fn a_tilted_series_of_changing_steps_keeps_its_longest_even_part() {
    let Some(root) = real("dicom_torture_shared") else { return };
    let study = read(&root.join("gantry_tilt_GE_head"));
    assert_eq!(study.ct.grid().size(), [512, 512, 14]);
    match study.warnings[..] {
        [Warning::UnevenSlices { kept: 14, left_out: 14 }, Warning::GantryTilt { degrees }] => {
            assert!((degrees - 18.5).abs() < 1e-3, "{degrees}");
        }
        _ => panic!("{:?}", study.warnings),
    }
    let step = study.ct.grid().patient_from_voxel().map().matrix3.z_axis;
    assert!((step - glam::DVec3::new(0.0, 0.0, 4.22)).length() < 1e-6, "{step}");
}

#[test]
fn ibsi_dicom_and_its_nifti_mask_lie_on_each_other() {
    let Some(root) = real("dicom_torture_shared") else { return };
    let folder = root.join("ibsi_ct_phantom_rtstruct");
    let ct = read(&folder.join("dicom/image")).ct;
    let mask = read(&folder.join("mask")).ct;
    assert!(mask.grid().is_close_to(ct.grid(), 1e-3));
}
