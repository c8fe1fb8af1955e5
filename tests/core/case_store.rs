//! Where a plan lives, and a case as a folder.

use crate::memory_fs::MemoryFs;
use corridor::case::bundle::{self, Bundle, BundleError};
use corridor::case::store::{Opened, Reason, StoreError, locate};
use corridor::plan::CaseHashes;
use corridor::platform::fs::RealFs;
use std::path::Path;

fn hashes() -> CaseHashes {
    CaseHashes {
        ct_content_hash: Some("0123456789abcdef0123456789abcdef".to_owned()),
        ..CaseHashes::default()
    }
}

#[test]
fn without_being_told_a_plan_lives_beside_its_image() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    std::fs::create_dir(root.join("series 4")).unwrap();
    for (image, plan) in [
        ("ct.nii.gz", "ct.corridor-plan.json"),
        ("a.b.nrrd", "a.b.corridor-plan.json"),
        ("IM0001", "IM0001.corridor-plan.json"),
        (".hidden", ".hidden.corridor-plan.json"),
        ("series 4", "series 4.corridor-plan.json"),
    ] {
        let image = root.join(image);
        if !image.exists() {
            std::fs::write(&image, "").unwrap();
        }
        let found = locate(Opened::Image(&image), None, &hashes(), None, &RealFs).unwrap();
        assert_eq!(found.plan(), root.join(plan));
        assert_eq!(found.reason(), Reason::BesideImage);
        assert!(found.to_string().contains("beside the image"));
    }
}

#[test]
fn of_read_only_media_the_plan_lives_in_the_users_data() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("ct.nii.gz");
    std::fs::write(&image, "").unwrap();
    let fs = MemoryFs::new();
    fs.set_writable("/home/user/data");
    let data = Path::new("/home/user/data");
    let found = locate(Opened::Image(&image), None, &hashes(), Some(data), &fs).unwrap();
    assert_eq!(found.plan(), data.join("corridor/cases/0123456789abcdef/plan.json"));
    assert!(found.to_string().contains("read-only"));
    let homeless = locate(Opened::Image(&image), None, &hashes(), None, &fs);
    assert!(matches!(homeless, Err(StoreError::NoDataFolder)));
}

#[test]
fn the_demo_has_its_own_place() {
    let data = tempfile::tempdir().unwrap();
    let found = locate(Opened::Demo, None, &hashes(), Some(data.path()), &RealFs).unwrap();
    assert_eq!(found.plan(), data.path().join("corridor/demo/plan.json"));
    assert!(!data.path().join("corridor").exists(), "looking makes nothing");
    assert!(found.to_string().contains("demo"));
}

#[test]
fn a_place_that_was_asked_for_is_taken_or_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let ask = |plan: &Path| locate(Opened::Demo, Some(plan), &hashes(), None, &RealFs);
    let found = ask(&root.join("x.plan.json")).unwrap();
    assert_eq!(found.reason(), Reason::Asked);
    assert_eq!(found.journal(), root.join("x.plan.json.journal"));
    assert_eq!(found.lock(), root.join("x.plan.json.lock"));
    assert!(matches!(ask(&root), Err(StoreError::Folder(_))));
    assert!(matches!(ask(&root.join("no/x.json")), Err(StoreError::NoFolder(_))));
}

#[cfg(unix)]
#[test]
fn a_link_to_a_plan_is_the_plan_itself() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    std::fs::write(root.join("real.json"), "{}").unwrap();
    std::os::unix::fs::symlink(root.join("real.json"), root.join("link.json")).unwrap();
    let found = locate(Opened::Demo, Some(&root.join("link.json")), &hashes(), None, &RealFs);
    assert_eq!(found.unwrap().plan(), root.join("real.json"));
}

#[test]
fn a_bundle_reads_back_what_it_was_made_of_and_stays_inside() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    assert!(!bundle::is_bundle(root));
    let made = Bundle {
        ct: Some(root.join("ct.nii.gz")),
        labels: Some(root.join("labels/l.nrrd")),
        plan: root.join("plan.json"),
    };
    bundle::write(root, &made, &RealFs).unwrap();
    assert!(bundle::is_bundle(root));
    assert_eq!(bundle::read(root, &RealFs).unwrap(), made);
    let text = std::fs::read_to_string(root.join("case.json")).unwrap();
    assert!(!text.contains(&root.display().to_string()), "paths are relative: {text}");

    let outside = Bundle { ct: Some("/elsewhere/ct.nii".into()), ..made };
    assert!(matches!(bundle::write(root, &outside, &RealFs), Err(BundleError::Outside { .. })));
    for (text, word) in [
        ("{\"schema\":1,\"ct\":\"../ct.nii\"}", "not inside"),
        ("{\"schema\":1,\"ct\":\"/ct.nii\"}", "not inside"),
        ("{\"schema\":2,\"ct\":\"ct.nii\"}", "newer"),
        ("{\"schema\":1}", "neither"),
        ("{", "no readable case"),
    ] {
        std::fs::write(root.join("case.json"), text).unwrap();
        let sentence = bundle::read(root, &RealFs).unwrap_err().to_string();
        assert!(sentence.contains(word), "{sentence}");
    }
}
