//! Damaged headers end in an error or in an image, never in a panic.

use crate::ingest_dicom_writer::{bytes, slices};
use crate::ingest_phantom::{Acquisition, Spoken, ct, write_nifti_sform, write_nrrd};
use corridor::ingest;
use corridor::volume::Volume;
use corridor::work::Work;
use proptest::prelude::*;
use std::sync::OnceLock;

/// A few voxels are enough: the header is what is damaged.
fn tiny() -> Volume<i16> {
    let whole = ct(Acquisition::Oblique);
    let map = whole.grid().patient_from_voxel();
    let grid = corridor::volume::Grid::new([4, 3, 3], map).unwrap();
    Volume::from_fn(grid, |[i, j, k]| (i * 100 + j * 10 + k) as i16)
}

/// The files to damage, and the whole neighbours of the DICOM one.
struct Originals {
    files: Vec<(&'static str, Vec<u8>)>,
    neighbours: Vec<Vec<u8>>,
}

fn originals() -> &'static Originals {
    static MADE: OnceLock<Originals> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write_nifti_sform(&at("a.nii"), &tiny(), false);
        write_nrrd(&at("a.nrrd"), &tiny(), Spoken::Ras);
        ingest::nifti::write_ct(&at("a.nii.gz"), &tiny()).unwrap();
        let mut slices: Vec<Vec<u8>> = slices(&tiny()).iter().map(bytes).collect();
        let mut files: Vec<_> = ["a.nii", "a.nii.gz", "a.nrrd"]
            .map(|name| (name, std::fs::read(at(name)).unwrap()))
            .to_vec();
        files.push(("a.dcm", slices.remove(1)));
        Originals { files, neighbours: slices }
    })
}

/// Puts a damaged file among whole neighbours and reads it both ways.
fn survives(name: &str, damaged: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, damaged).unwrap();
    if name == "a.dcm" {
        for (n, whole) in originals().neighbours.iter().enumerate() {
            std::fs::write(folder.path().join(n.to_string()), whole).unwrap();
        }
        let _ = ingest::load(folder.path(), &Work::silent());
    }
    let _ = ingest::load(&path, &Work::silent());
    let _ = ingest::load_labels(&path, &Work::silent());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn truncation_never_panics(which in 0_usize..4, keep in 0.0_f64..1.0) {
        let (name, whole) = &originals().files[which];
        survives(name, &whole[..(whole.len() as f64 * keep) as usize]);
    }

    #[test]
    fn flipped_bits_never_panic(
        which in 0_usize..4,
        flips in prop::collection::vec((0.0_f64..1.0, 0_u8..8), 1..12),
    ) {
        let (name, whole) = &originals().files[which];
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
