//! `corridor measure`: the numbers of a case as a whole.

use crate::case_spine::demo;
use crate::memory_fs::MemoryFs;
use crate::plan_auto::l4_to_s1;
use crate::real_data::{s0327, s0328, verse014};
use corridor::anatomy::density::{self, Region};
use corridor::case::measures::{self, Measures};
use corridor::case::request::CaseRequest;
use corridor::case::spine::{self, Spine};
use corridor::cli::measure;
use corridor::labels::edit::{Mending, Stroke};
use corridor::labels::{Level, Lying, Posture};
use corridor::phantom::{Phantom, Spec};
use corridor::plan::{CaseHashes, CaseRef, Header, Plan, RenamedLevel, file};
use corridor::platform::fs::{FileSystem, RealFs};
use corridor::space::{Dir, Patient, Point};
use corridor::work::Work;
use serde_json::{Value, json};
use std::path::Path;

fn measured(spine: &Spine) -> Measures {
    measures::of(spine, Posture::Supine)
}

/// Every number of a document hangs on a key that says its unit, or counts or names something.
fn keys_without_unit(value: &Value, key: &str, found: &mut Vec<String>) {
    const UNITS: [&str; 6] = ["_mm", "_mm3", "_deg", "_hu", "_lps", "deg"];
    match value {
        Value::Number(_) if !UNITS.iter().any(|unit| key.ends_with(unit)) => found.push(key.into()),
        Value::Array(all) => all.iter().for_each(|value| keys_without_unit(value, key, found)),
        Value::Object(all) => {
            all.iter().for_each(|(key, value)| keys_without_unit(value, key, found));
        }
        _ => {}
    }
}

/// The air on the line from one isthmus to the next, each a level's.
fn foramen_mm(phantom: &Phantom, levels: [Level; 2], isthmuses: [Point<Patient>; 2]) -> f64 {
    const STEPS: u32 = 4000;
    let [above, below] = isthmuses;
    let bones = levels.map(|level| phantom.bone(level).unwrap());
    let is_air = |n: &u32| {
        let p = above.lerp(below, f64::from(*n) / f64::from(STEPS));
        bones.iter().all(|bone| bone.value(p) < 0.0)
    };
    above.distance(below) * (0..STEPS).filter(is_air).count() as f64 / f64::from(STEPS)
}

#[test]
fn the_built_in_case_is_measured_as_it_was_made() {
    let got = measured(demo());
    let phantom = Phantom::new(&Spec::demo()).unwrap();
    let truth = phantom.truth();
    let all = got.alignment.lordosis.iter().zip(&truth.alignment.lordosis);
    assert_eq!(got.alignment.lordosis.len(), truth.alignment.lordosis.len());
    for (got, truth) in all.chain(got.alignment.segments.iter().zip(&truth.alignment.segments)) {
        assert_eq!((got.upper, got.lower), (truth.upper, truth.lower));
        assert!((got.deg - truth.deg).abs() < 1.5, "{got:?} {truth:?}");
    }
    for level in &got.levels {
        let body = level.body.unwrap();
        // The cancellous bone is made of 180 HU; the cortex is left out.
        assert!(
            (body.mean_hu - 180.0).abs() < 10.0 && !body.is_clipped,
            "{}: {body:?}",
            level.level
        );
        // Around those of S1 lie the canal's wall and the foramen's roof: 205 and 219 HU were told.
        assert_eq!(level.pedicles.len(), if level.level == Level::S1 { 0 } else { 2 });
    }
    for turn in &got.alignment.rotation {
        let wanted = truth.level(turn.level).unwrap().rotation_deg();
        assert!((turn.deg - wanted).abs() < 1.5, "{turn:?} {wanted}");
    }
    assert_eq!(got.foramina.len(), 10);
    for foramen in &got.foramina {
        let levels = [foramen.upper, foramen.lower];
        let isthmus = |level| truth.level(level).unwrap().pedicle(foramen.side).isthmus;
        let wanted = foramen_mm(&phantom, levels, levels.map(isthmus));
        assert!((foramen.height_mm - wanted).abs() < 1.0, "{foramen:?} {wanted}");
        let values = levels.map(|level| phantom.bone(level).unwrap().value(foramen.centre));
        assert!(values.into_iter().all(|value| value < 0.0), "{foramen:?}");
    }
    let mut bare = Vec::new();
    keys_without_unit(&measure::as_json(&got), "", &mut bare);
    assert!(bare.is_empty(), "{bare:?}");
    let text = measure::as_text(&got);
    assert!(text.contains("lying on the back") && text.contains("standing target"), "{text}");
    assert!(!text.contains("strength"));
}

#[test]
fn labels_alone_have_no_density_and_a_ct_that_was_cut_off_says_so() {
    if let Some(spine) = s0327() {
        let got = measured(spine);
        assert!(got.levels.iter().all(|l| l.body.is_none() && l.flags.is_empty()));
        assert!(got.notices.iter().any(|n| n.contains("no density")), "{:?}", got.notices);
    }
    if let Some(spine) = s0328() {
        let got = measured(spine);
        assert!(got.notices.iter().any(|n| n.contains("cut off below")), "{:?}", got.notices);
        assert!(got.levels.iter().all(|l| l.flags.is_empty()));
        assert_eq!(got.alignment.lordosis.len(), 5);
    }
}

/// Inside the cortex the phantom has 180 HU.
#[test]
fn pedicles_and_paths_read_the_bone_that_is_there_and_a_poor_path_is_flagged() {
    let spine = &l4_to_s1().spine;
    let ct = spine.ct.as_deref().unwrap();
    let poor = ct.map(|hu| hu - 80);
    for level in [Level::L4, Level::L5] {
        let anatomy = &spine.at_level(level).unwrap().anatomy;
        let up = anatomy.patient_from_vertebra.dir(Dir::Z);
        assert_eq!(anatomy.pedicles.len(), 2);
        for pedicle in &anatomy.pedicles {
            let [from, to] = [-5.0, 25.0].map(|mm| pedicle.isthmus + pedicle.axis * mm);
            for (ct, hu) in [(ct, 180.0), (&poor, 100.0)] {
                let name = format!("{level} {} of {hu} HU", pedicle.side);
                let own = density::of_pedicle(ct, pedicle, up).unwrap();
                assert!((own.mean_hu - hu).abs() < 10.0, "{name}: {own:?}");
                let path = density::of_path(ct, from, to, 2.0).unwrap();
                assert!((path.mean_hu - hu).abs() < 10.0, "{name}: {path:?}");
                let flags = density::flags(level, Region::Path, &path);
                assert_eq!(flags.len(), usize::from(hu < 120.0), "{name}: {flags:?}");
                assert!(flags.iter().all(|flag| !flag.source.is_empty()));
            }
        }
    }
}

#[test]
fn a_real_lumbar_ct_reads_within_what_is_published() {
    let Some(spine) = verse014() else { return };
    let got = measured(spine);
    for level in &got.levels {
        let [width, depth] = level.model.anatomy.body_mm.unwrap();
        // At its waist, where the chords are, a body is narrower than its end plates.
        assert!((28.0..60.0).contains(&width) && (20.0..45.0).contains(&depth), "{width} {depth}");
        let hu = level.body.unwrap().mean_hu;
        assert!((20.0..350.0).contains(&hu), "{}: {hu}", level.level);
        for pedicle in &level.model.anatomy.pedicles {
            // The left one of L5 is not led into the body; that has to be said.
            let name = format!("{} pedicle leaves bone", pedicle.side);
            let is_told = level.model.anatomy.warnings.iter().any(|w| w.contains(&name));
            let is_usual = (35.0..65.0).contains(&pedicle.chord_mm);
            assert!(is_usual || is_told, "{} {pedicle:?}", level.level);
        }
    }
    assert!(got.alignment.pelvis.is_none(), "S1 and hips are not labelled");
}

#[test]
fn the_command_measures_the_spine_as_its_plan_mends_and_names_it() {
    let work = Work::silent();
    let given = demo();
    let [l3, l5] = [Level::L3, Level::L5].map(|level| given.at_level(level).unwrap().clone());
    let l6: Level = "L6".parse().unwrap();
    let back = *l3.mesh.positions.iter().max_by(|a, b| a.vec().y.total_cmp(&b.vec().y)).unwrap();
    let value = given.labels.as_ref().unwrap().vertebra(l3.id).unwrap().value;
    let plan = Plan {
        renamed: [(l5.id, RenamedLevel { from: Level::L5, to: l6 })].into(),
        label_edits: vec![Mending::Stroke(Stroke::new(&[back], 8.0, 0, Some(value)))],
        ..Plan::default()
    };
    let header = Header {
        case: CaseRef { hashes: given.hashes.clone(), ..CaseRef::default() },
        ..Header::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let named = folder.path().join("plan.json");
    std::fs::write(&named, file::print(&header, &plan).unwrap()).unwrap();
    let of_plan = |plan| CaseRequest { plan: Some(plan), ..CaseRequest::demo() };
    let read = |plan| measure::read(&of_plan(plan), None, &RealFs, &work);

    let got = measure::as_json(&read(named).unwrap());
    let shown = spine::mended(given, given, &plan, &work).unwrap();
    let panel = measure::as_json(&measures::of_plan(&shown, &plan, Posture::Supine));
    for part in ["levels", "alignment", "hips", "labels", "pedicles_are"] {
        assert_eq!(got[part], panel[part], "{part}");
    }
    let names: Vec<_> = got["levels"].as_array().unwrap().iter().map(|l| &l["level"]).collect();
    assert!(names.contains(&&json!("L6")) && !names.contains(&&json!("L5")), "{names:?}");
    let plain = measure::as_json(&measured(given));
    assert_ne!(got["levels"][2], plain["levels"][2], "the stroke moves the numbers of L3");
    assert!(got["pedicles_are"].as_str().unwrap().contains("outer cortex at the isthmus"));

    let missing = folder.path().join("none.json");
    let refusal = read(missing).unwrap_err().to_string();
    assert!(refusal.contains("none.json"), "{refusal}");
}

#[test]
fn labels_that_a_person_accepted_are_not_called_unreviewed() {
    let one = l4_to_s1();
    let hashes = CaseHashes { labels_hash: Some("abc".to_owned()), ..CaseHashes::default() };
    let automatic = Some(std::sync::Arc::default());
    let warnings = vec![spine::NOT_REVIEWED.to_owned()];
    let spine = Spine { hashes, automatic, warnings, ..one.spine.clone() };
    let told = |plan: &Plan| {
        let got = measures::of_plan(&spine, plan, Posture::Supine);
        let is_noted = got.notices.iter().any(|n| n == spine::NOT_REVIEWED);
        (is_noted, measure::as_json(&got)["labels"].as_str().unwrap().to_owned())
    };
    assert_eq!(told(&Plan::default()), (true, "automatic, not reviewed".to_owned()));
    let accepted = Plan { accepted_labels: Some("abc".to_owned()), ..Plan::default() };
    assert_eq!(told(&accepted), (false, "automatic, accepted by a person".to_owned()));
}

#[test]
fn the_posture_of_the_file_counts_and_one_that_contradicts_it_is_told() {
    let told = |lying: Option<Lying>, posture: Option<Posture>| {
        let spine = Spine { lying, ..l4_to_s1().spine.clone() };
        let got = measures::of(&spine, posture.unwrap_or_else(|| spine.posture()));
        let heading = format!("angles of the column, {}\n", got.alignment.posture);
        assert!(measure::as_text(&got).contains(&heading));
        let is_ours = |notice: &&String| notice.contains("Patient Position");
        (got.alignment.posture, got.notices.iter().find(is_ours).cloned().unwrap_or_default())
    };
    let quiet = |posture| (posture, String::new());
    assert_eq!(told(None, None), quiet(Posture::Supine));
    assert_eq!(told(None, Some(Posture::Prone)), quiet(Posture::Prone), "the file says nothing");
    assert_eq!(told(Some(Lying::Back), None), quiet(Posture::Supine));
    assert_eq!(told(Some(Lying::Belly), None), quiet(Posture::Prone));
    let (posture, notice) = told(Some(Lying::Belly), Some(Posture::Supine));
    assert_eq!(posture, Posture::Supine, "a person has the last word");
    let parts = ["told as lying on the back", "says lying on the belly", "find out"];
    assert!(parts.iter().all(|part| notice.contains(part)), "{notice}");
    let (posture, notice) = told(Some(Lying::Side), None);
    assert_eq!(posture, Posture::Supine);
    assert!(notice.contains("measured lying on the side"), "{notice}");
}

#[test]
fn surfaces_are_written_as_they_are_judged_against() {
    let got = measured(&l4_to_s1().spine);
    let fs = MemoryFs::new();
    let written = measure::write_surfaces(&got, Path::new("/out"), &fs).unwrap();
    let names: Vec<_> = written.iter().map(|file| file.file_name().unwrap()).collect();
    assert_eq!(names, ["L4.stl", "L5.stl", "S1.stl"]);
    for (level, file) in got.levels.iter().zip(&written) {
        let (bytes, mesh) = (fs.read(file).unwrap(), &level.model.mesh);
        assert_eq!(bytes.len(), 84 + 50 * mesh.triangles.len());
        let corner = |n: usize| f32::from_le_bytes(bytes[96 + 4 * n..][..4].try_into().unwrap());
        let first = mesh.positions[mesh.triangles[0][0] as usize].to_array();
        assert_eq!([0, 1, 2].map(corner), first.map(|x| x as f32));
    }
    fs.set_room(Some(0));
    let why = measure::write_surfaces(&got, Path::new("/full"), &fs).unwrap_err();
    assert!(why.to_string().contains("L4.stl"), "{why}");
}
