//! The house keeps its own rules: imports go one way, every file says what it owns, every test
//! file is declared, and no path of a machine or host of a registry is written down.

use std::fs;
use std::path::{Path, PathBuf};

/// Every file with this ending below a folder, sorted.
fn files_below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The modules of the crate in the order `lib.rs` declares them.
fn modules_in_order() -> Vec<String> {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    lib.lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect()
}

/// Names of crate modules that a source text mentions as `crate::name`.
fn mentioned(source: &str) -> Vec<String> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .collect()
}

/// The part of a file before its inline tests, which may look wherever they like.
fn without_tests(source: &str) -> &str {
    source.split("#[cfg(test)]").next().unwrap_or(source)
}

#[test]
fn imports_go_one_way() {
    let order = modules_in_order();
    assert!(order.len() > 10, "lib.rs lists the modules: {order:?}");
    let place = |name: &str| order.iter().position(|m| m == name);
    let mut wrong = Vec::new();
    for path in files_below(&root().join("src"), "rs") {
        let inside = path.strip_prefix(root().join("src")).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        let Some(own) = place(module) else { continue };
        for name in mentioned(without_tests(&fs::read_to_string(&path).unwrap())) {
            if place(&name).is_some_and(|other| other > own) {
                wrong.push(format!("{} imports {name}", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_core_does_not_name_the_engine() {
    let order = modules_in_order();
    let engine: Vec<&str> =
        ["app", "scene", "interact", "panel", "desktop", "xr", "program"].into();
    for module in order.iter().filter(|m| !engine.contains(&m.as_str())) {
        let folder = root().join("src").join(module);
        let mut files = files_below(&folder, "rs");
        files.extend(Some(folder.with_extension("rs")).filter(|p| p.exists()));
        for path in files {
            let source = fs::read_to_string(&path).unwrap();
            assert!(!source.contains("bevy::"), "{} uses Bevy", path.display());
        }
    }
}

#[test]
fn every_file_says_what_it_owns() {
    for folder in ["src", "tests", "benches"] {
        for path in files_below(&root().join(folder), "rs") {
            let source = fs::read_to_string(&path).unwrap();
            assert!(source.starts_with("//!"), "{} does not open with //!", path.display());
        }
    }
}

#[test]
fn every_test_file_is_declared() {
    for binary in ["core", "app", "xr"] {
        let folder = root().join("tests").join(binary);
        let Ok(main) = fs::read_to_string(folder.join("main.rs")) else { continue };
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let name = entry.path().file_stem().unwrap().to_str().unwrap().to_owned();
            if name != "main" && entry.path().extension().is_some_and(|e| e == "rs") {
                assert!(main.contains(&format!("mod {name};")), "tests/{binary}/{name}.rs");
            }
        }
    }
}

#[test]
fn unsafe_code_stands_in_one_file() {
    for path in files_below(&root().join("src"), "rs") {
        let source = fs::read_to_string(&path).unwrap();
        let has_unsafe = source.lines().any(|l| l.contains("unsafe {") || l.contains("unsafe fn"));
        assert!(!has_unsafe || path.ends_with("xr/raw.rs"), "{} is unsafe", path.display());
    }
}

#[test]
fn axes_are_swapped_in_one_file() {
    for path in files_below(&root().join("src"), "rs") {
        let source = fs::read_to_string(&path).unwrap();
        let swaps = ["(x, z, -y)", "[x, z, -y]", "(-x, -y, z)", "[-x, -y, z]", "(x, -z, y)"];
        let found = swaps.iter().find(|s| without_tests(&source).contains(*s));
        let is_home = path.ends_with("space/convert.rs");
        assert!(found.is_none() || is_home, "{} swaps axes: {found:?}", path.display());
    }
}
