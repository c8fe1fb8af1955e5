//! Where the real cases lie, when they are there. They are never part of the project.

use std::path::PathBuf;

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
