//! Where the real cases lie, when they are there. They are never part of the project.

use corridor::case::spine::{self, Source, Spine};
use corridor::work::Work;
use std::path::PathBuf;
use std::sync::OnceLock;

/// The folder of an unpacked real case. Says on a line of its own whether the test runs on it, so
/// that `tests/run` can count.
#[allow(clippy::print_stdout, reason = "tests/run counts these lines")]
pub fn real(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("CORRIDOR_DATA").map(PathBuf::from).or_else(|| {
        std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/corridor/data"))
    });
    let case = root.map(|root| root.join(name)).filter(|case| case.is_dir());
    match &case {
        Some(_) => {
            println!("REAL DATA: {name}");
            note_for_the_count(name);
        }
        None => println!("SKIPPED real data: {name}"),
    }
    case
}

/// Adds a line to the log that `tests/run` counts, where it asks for one.
fn note_for_the_count(name: &str) {
    use std::io::Write as _;
    let Some(log) = std::env::var_os("CORRIDOR_REAL_DATA_LOG") else { return };
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let mut log = std::fs::OpenOptions::new().append(true).create(true).open(log).unwrap();
    writeln!(log, "{test} {name}").unwrap();
}

fn load(ct: Option<PathBuf>, labels: PathBuf) -> Spine {
    let source = Source::Files { ct, labels: Some(labels), numbering: None };
    spine::load(&source, &Work::silent()).unwrap()
}

/// The lumbar CT with an expert's labels, loaded once for all tests of a run.
pub fn verse014() -> Option<&'static Spine> {
    static HELD: OnceLock<Spine> = OnceLock::new();
    let folder = real("verse014_lumbar_ct")?;
    let [ct, labels] = ["sub-verse014_ct.nii.gz", "sub-verse014_seg-vert_msk.nii.gz"];
    Some(HELD.get_or_init(|| load(Some(folder.join(ct)), folder.join(labels))))
}

/// The CT without HU under 200 and its labels, loaded once for all tests of a run.
pub fn s0328() -> Option<&'static Spine> {
    static HELD: OnceLock<Spine> = OnceLock::new();
    let folder = real("totalseg_s0328_bone")?;
    let [ct, labels] = ["ct328_bone.nrrd", "s0328_spine_labels.nii.gz"];
    Some(HELD.get_or_init(|| load(Some(folder.join(ct)), folder.join(labels))))
}

/// The labels of a whole column without a CT, loaded once for all tests of a run.
pub fn s0327() -> Option<&'static Spine> {
    static HELD: OnceLock<Spine> = OnceLock::new();
    let folder = real("totalseg_s0327_labels_C7-S1")?;
    Some(HELD.get_or_init(|| load(None, folder.join("s0327_spine_labels.nii.gz"))))
}
