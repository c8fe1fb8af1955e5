//! The shared torture set: every transfer syntax, broken and foreign files. None may panic, and
//! CT slices decode to the reference pixels of its manifest.

use crate::ingest_formats::read;
use crate::real_data::real;
use corridor::ingest::{self, IngestError, Warning};
use corridor::work::Work;
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
    for path in files.iter().chain(&folders) {
        let outcome = match ingest::load(path, &Work::silent()) {
            Ok(_) => "read",
            Err(error) => {
                assert!(error.to_string().len() > 20);
                "refused"
            }
        };
        *outcomes.entry(outcome).or_default() += 1;
        let _ = ingest::load_labels(path, &Work::silent());
    }
    assert!(outcomes["read"] > 10, "{outcomes:?}");
}
