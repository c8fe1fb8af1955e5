//! Damaged headers end in an error or in an image, never in a panic.

use crate::ingest_dicom_writer::{bytes, slices};
use crate::ingest_phantom::{Acquisition, Spoken, ct, write_nifti_sform, write_nrrd};
use corridor::ingest;
use corridor::volume::Volume;
use corridor::work::Work;
use proptest::prelude::*;
use std::path::Path;

/// A few voxels are enough: the header is what is damaged.
fn tiny() -> Volume<i16> {
    let whole = ct(Acquisition::Oblique);
    let map = whole.grid().patient_from_voxel();
    let grid = corridor::volume::Grid::new([4, 3, 3], map).unwrap();
    Volume::from_fn(grid, |[i, j, k]| (i * 100 + j * 10 + k) as i16)
}

fn originals() -> Vec<(&'static str, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let (nii, nrrd) = (folder.path().join("a.nii"), folder.path().join("a.nrrd"));
    write_nifti_sform(&nii, &tiny(), false);
    write_nrrd(&nrrd, &tiny(), Spoken::Ras);
    let gz = folder.path().join("a.nii.gz");
    ingest::nifti::write_ct(&gz, &tiny()).unwrap();
    let read = |path: &Path| std::fs::read(path).unwrap();
    vec![
        ("a.nii", read(&nii)),
        ("a.nii.gz", read(&gz)),
        ("a.nrrd", read(&nrrd)),
        ("a.dcm", bytes(&slices(&tiny())[1])),
    ]
}

/// Puts a damaged file among whole neighbours and reads it both ways.
fn survives(name: &str, damaged: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, damaged).unwrap();
    if name == "a.dcm" {
        for (n, slice) in slices(&tiny()).iter().enumerate().filter(|(n, _)| *n != 1) {
            std::fs::write(folder.path().join(format!("{n}")), bytes(slice)).unwrap();
        }
        let _ = ingest::load(folder.path(), &Work::silent());
    }
    let _ = ingest::load(&path, &Work::silent());
    let _ = ingest::load_labels(&path, &Work::silent());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn truncation_never_panics(which in 0_usize..4, keep in 0.0_f64..1.0) {
        let (name, whole) = &originals()[which];
        survives(name, &whole[..(whole.len() as f64 * keep) as usize]);
    }

    #[test]
    fn flipped_bits_never_panic(
        which in 0_usize..4,
        flips in prop::collection::vec((0.0_f64..1.0, 0_u8..8), 1..12),
    ) {
        let (name, whole) = &originals()[which];
        let mut damaged = whole.clone();
        // Preamble and pixels hold nothing to damage.
        let header = if *name == "a.dcm" { 128..whole.len() - 60 } else { 0..whole.len().min(360) };
        for (place, bit) in flips {
            let at = header.start + ((header.len() as f64) * place) as usize;
            damaged[at] ^= 1 << bit;
        }
        survives(name, &damaged);
    }
}
