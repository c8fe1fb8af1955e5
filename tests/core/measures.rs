//! `corridor measure`: the numbers of a case as a whole.

use crate::anatomy_table;
use crate::case_spine::demo;
use crate::memory_fs::MemoryFs;
use crate::plan_auto::{l4_to_s1, made};
use crate::real_data::{s0327, s0328, verse014};
use corridor::anatomy::density::{self, Region, Untold};
use corridor::case::film::Film;
use corridor::case::measures::{self, Measures};
use corridor::case::request::CaseRequest;
use corridor::case::spine::{self, Spine};
use corridor::clearance::ScrewShape;
use corridor::cli::measure;
use corridor::labels::edit::{Mending, Stroke};
use corridor::labels::{Level, Lying, Posture};
use corridor::phantom::{Phantom, Spec};
use corridor::plan::{CaseHashes, CaseRef, Header, Plan, RenamedLevel, Screw, file};
use corridor::platform::fs::{FileSystem, RealFs};
use corridor::space::{Dir, Patient, Point, Side};
use corridor::work::Work;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

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
        let model = spine.at_level(level).unwrap();
        let anatomy = &model.anatomy;
        let depth_mm = |p| model.field.quick_distance_mm(p);
        let up = anatomy.patient_from_vertebra.dir(Dir::Z);
        assert_eq!(anatomy.pedicles.len(), 2);
        for pedicle in &anatomy.pedicles {
            let [from, to] = [-5.0, 25.0].map(|mm| pedicle.isthmus + pedicle.axis * mm);
            for (ct, hu) in [(ct, 180.0), (&poor, 100.0)] {
                let name = format!("{level} {} of {hu} HU", pedicle.side);
                let own = density::of_pedicle(ct, pedicle, up, depth_mm).unwrap();
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

/// What stands under each head of a table, by the head's name.
fn under_heads<'a>(head: &'a str, row: &'a str) -> BTreeMap<&'a str, &'a str> {
    let cells = |line: &'a str| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
    assert_eq!(cells(head).count(), cells(row).count(), "{head}\n{row}");
    cells(head).zip(cells(row)).collect()
}

/// The page of measures shows the same rows.
#[test]
fn under_each_head_of_the_tables_stands_the_number_that_it_names() {
    let got = measured(&l4_to_s1().spine);
    let (text, json) = (measure::as_text(&got), measure::as_json(&got));
    let lines: Vec<&str> = text.lines().collect();
    let tenth = |value: &Value| format!("{:.1}", value.as_f64().unwrap());
    let heads: Vec<&str> = lines.iter().filter(|l| l.starts_with("level  ")).copied().collect();
    for (n, level) in got.levels.iter().enumerate().filter(|(_, l)| l.level != Level::S1) {
        let of_level = |line: &&&str| line.starts_with(&format!("{}  ", level.level));
        let rows: Vec<&str> = lines.iter().filter(of_level).copied().collect();
        assert_eq!((heads.len(), rows.len()), (2, 3), "{text}");
        let level_json = &json["levels"][n];
        for (row, side) in rows.iter().zip(Side::BOTH) {
            let cells = under_heads(heads[0], row);
            assert_eq!(cells["side"], side.to_string());
            let all = level_json["pedicles"].as_array().unwrap();
            let pedicle = all.iter().find(|p| p["side"] == json!(side)).unwrap();
            for what in ["width", "height", "least", "chord"] {
                let name = format!("{what} mm");
                assert_eq!(cells[&name[..]], tenth(&pedicle[format!("{what}_mm")]), "{row}");
            }
            for what in ["transverse", "sagittal"] {
                let name = format!("{what} deg");
                assert_eq!(cells[&name[..]], tenth(&pedicle[format!("{what}_deg")]), "{row}");
            }
            let hu = pedicle["density"]["mean_hu"].as_f64().unwrap();
            assert_eq!(cells["mean HU"], format!("{hu:.0}"), "{row}");
        }
        let cells = under_heads(heads[1], rows[2]);
        let size = |what: &str| {
            let of = |way: &str| tenth(&level_json[format!("{what}_{way}_mm")]);
            format!("{} x {}", of("width"), of("depth"))
        };
        assert_eq!(
            (cells["body w x d mm"], cells["canal w x d mm"]),
            (&*size("body"), &*size("canal"))
        );
        for (side, head) in Side::BOTH.into_iter().zip(["foramen left mm", "right mm"]) {
            let mut all = got.foramina.iter();
            let one = all.find(|f| f.upper == level.level && f.side == side).unwrap();
            assert_eq!(cells[head], format!("{:.1}", one.height_mm), "{head}");
        }
        let body = level.body.unwrap();
        assert_eq!(cells["body HU"], format!("{:.0}", body.mean_hu));
        assert_eq!(cells["sd HU"], format!("{:.0}", body.sd_hu));
    }
}

/// A screw along a pedicle, from so far behind its isthmus to so far before it, mm.
fn along_pedicle(spine: &Spine, level: Level, side: Side, [from, to]: [f64; 2]) -> Screw {
    let model = spine.at_level(level).unwrap();
    let pedicle = model.anatomy.pedicle(side).unwrap();
    let (entry, axis) = (pedicle.isthmus + pedicle.axis * from, pedicle.axis);
    let shape = ScrewShape { entry, axis, length_mm: to - from, diameter_mm: 4.0 };
    Screw::placed((model.id, level), side, &shape, "test", jiff::Timestamp::UNIX_EPOCH)
}

#[test]
fn the_density_along_each_planned_screw_is_told_with_the_rule_that_it_falls_under() {
    let sound = &l4_to_s1().spine;
    let ct = sound.ct.as_deref().unwrap();
    let poor = Spine { ct: Some(Arc::new(ct.map(|hu| hu - 80))), ..sound.clone() };
    let without = Spine { ct: None, ..sound.clone() };
    let mut astray = along_pedicle(sound, Level::L5, Side::Right, [-5.0, 25.0]);
    astray.entry = astray.entry + Dir::Z * 1000.0;
    let plan = Plan {
        screws: vec![along_pedicle(sound, Level::L4, Side::Left, [-5.0, 25.0]), astray],
        ..Plan::default()
    };
    let rule = "flag: L4 left: path under about 123 HU: screws loosened more often (Yamamoto 2025";
    for (spine, hu) in [(sound, 180.0), (&poor, 100.0)] {
        let got = measures::of_plan(spine, &plan, Posture::Supine);
        let text = measure::as_text(&got);
        let rows: Vec<&str> = text.lines().skip_while(|l| !l.starts_with("paths: HU")).collect();
        let mean = rows[2].strip_prefix("L4 left").unwrap().split_whitespace().nth(2).unwrap();
        assert!((mean.parse::<f64>().unwrap() - hu).abs() < 10.0, "{text}");
        assert!(rows[3].starts_with("L5 right") && rows[3].contains("outside the CT"), "{text}");
        assert_eq!(text.contains(rule), hu < 120.0, "{text}");
        let json = measure::as_json(&got);
        let [path, astray] = [&json["paths"][0], &json["paths"][1]];
        assert_eq!((&path["level"], &path["side"]), (&json!("L4"), &json!("left")));
        assert_eq!(path["screw"], json!(plan.screws[0].id));
        assert!((path["density"]["mean_hu"].as_f64().unwrap() - hu).abs() < 10.0, "{path}");
        assert_eq!(path["flags"].as_array().unwrap().len(), usize::from(hu < 120.0), "{path}");
        assert!(astray["density"].is_null(), "{astray}");
        assert_eq!(astray["no_density_because"], json!("outside the CT"));
        let mut bare = Vec::new();
        keys_without_unit(&json, "", &mut bare);
        assert!(bare.is_empty(), "{bare:?}");
        // What the panel of the screw that is worked on shows.
        let shown = measures::along(spine, &plan.screws[0]);
        assert_eq!(shown, got.paths[0].density);
    }
    assert!(!measure::as_text(&measured(&poor)).contains("paths:"), "no screw is planned");
    assert!(measures::of_plan(&without, &plan, Posture::Supine).paths.is_empty());
}

/// In the body every dark voxel has one value: the CT was cut off, though the path does not show it.
#[test]
fn on_a_ct_that_was_cut_off_no_path_is_flagged() {
    let sound = &l4_to_s1().spine;
    let local = sound.at_level(Level::L4).unwrap().anatomy.patient_from_vertebra.inverse();
    let mut ct = sound.ct.as_deref().unwrap().map(|hu| hu - 80);
    let screw = along_pedicle(sound, Level::L4, Side::Left, [-5.0, 3.0]);
    for is_cut in [false, true] {
        let grid = ct.grid().clone();
        for ((k, j, i), hu) in ct.data_mut().indexed_iter_mut() {
            let is_body = local.point(grid.centre([i, j, k])).vec().y < 8.0;
            if is_cut && is_body && *hu < 90 {
                *hu = 0;
            }
        }
        let spine = Spine { ct: Some(Arc::new(ct.clone())), ..sound.clone() };
        let path = measures::along(&spine, &screw).unwrap();
        assert!(path.density.mean_hu < 123.0 && !path.density.is_clipped, "{path:?}");
        assert_eq!(path.flags.is_empty(), is_cut, "{path:?}");
    }
}

/// The concave pedicle of T10 is 4.4 mm wide, of which 2.8 mm are cortex of 900 HU: 418 HU were told.
#[test]
fn of_a_pedicle_that_is_mostly_cortex_no_density_is_told_and_of_others_that_of_the_bone_inside() {
    let names = ["T10", "T11", "T12"].map(|name| name.parse::<Level>().unwrap());
    let mut spec = anatomy_table::spec(11, names.to_vec(), 12.0, true);
    spec.deformity.curves.truncate(1);
    let got = measured(&made(&spec).spine);
    let all =
        got.levels.iter().flat_map(|l| l.pedicles.iter().map(|(side, d)| (l.level, *side, *d)));
    let all: Vec<_> = all.collect();
    assert_eq!(all.len(), 6);
    for (level, side, density) in &all {
        let Ok(told) = density else { continue };
        assert!((told.mean_hu - 180.0).abs() < 15.0, "{level} {side}: {told:?}");
    }
    let of = |wanted: (Level, Side)| all.iter().find(|(l, s, _)| (*l, *s) == wanted).unwrap().2;
    let [t10, t11, t12] = names;
    assert_eq!(of((t10, Side::Left)), Err(Untold::TooNarrow));
    for wide in [(t11, Side::Right), (t12, Side::Left)] {
        assert!(of(wide).is_ok(), "{wide:?} is 7 mm wide and more");
    }

    let text = measure::as_text(&got);
    let row = text.lines().find(|line| line.starts_with("T10    left")).unwrap();
    assert!(row.ends_with("too narrow to measure"), "{row}");
    let json = measure::as_json(&got);
    let pedicle = &json["levels"][0]["pedicles"][0];
    assert_eq!((&json["levels"][0]["level"], &pedicle["side"]), (&json!("T10"), &json!("left")));
    assert!(pedicle["density"].is_null());
    assert_eq!(pedicle["no_density_because"], json!("too narrow to measure"));
}

/// What the panel plots over the depth of a screw: its depth is that from the entry, and its mean the whole.
#[test]
fn the_density_over_the_depth_of_a_path_rises_where_the_path_enters_bone() {
    let spine = &l4_to_s1().spine;
    let ct = spine.ct.as_deref().unwrap();
    let l4 = spine.at_level(Level::L4).unwrap();
    for pedicle in &l4.anatomy.pedicles {
        let at = |mm: f64| pedicle.isthmus + pedicle.axis * mm;
        let behind = (0..400).map(|n| f64::from(n) * 0.1);
        let enters = behind.clone().find(|mm| l4.field.signed_distance_mm(at(-mm)) < 0.0).unwrap();
        let start = enters + 12.0;
        let [from, to] = [at(-start), at(25.0)];
        let rows = density::along(ct, from, to, 2.0);
        assert_eq!(rows.len(), from.distance(to) as usize + 1, "{}", pedicle.side);
        assert!(rows.iter().enumerate().all(|(n, [mm, _])| (mm - n as f64).abs() < 1e-9));
        let outside = rows.iter().filter(|[mm, _]| *mm < 6.0);
        assert!(outside.clone().all(|[_, hu]| *hu < 130.0), "{} {rows:?}", pedicle.side);
        let first = rows.iter().find(|[_, hu]| *hu > 300.0).unwrap()[0];
        assert!((first - 12.0).abs() < 4.0, "{}: bone from {first} mm", pedicle.side);
        // Inside the pedicle and the body beyond it there are 180 HU.
        let inside = rows.iter().filter(|[mm, _]| (start..start + 20.0).contains(mm));
        assert!(inside.clone().all(|[_, hu]| (hu - 180.0).abs() < 40.0), "{rows:?}");
        let mean = rows.iter().map(|[_, hu]| hu).sum::<f64>() / rows.len() as f64;
        let whole = density::of_path(ct, from, to, 2.0).unwrap();
        assert!((mean - whole.mean_hu).abs() < 1e-6, "{mean} {whole:?}");
    }
}

/// What the panel draws of the column, seen from the front and from the side.
#[test]
fn both_films_show_bodies_where_they_lie_and_plates_as_steep_as_the_angles_say() {
    let got = measured(demo());
    let phantom = Phantom::new(&Spec::demo()).unwrap();
    for (film, across, letters) in [(Film::Coronal, 0, ["R", "L"]), (Film::Sagittal, 1, ["A", "P"])]
    {
        assert_eq!(film.letters(), letters);
        let bodies = film.bodies(&got);
        assert_eq!(bodies.len(), phantom.bones().len());
        for ((level, [x, z]), bone) in bodies.iter().zip(phantom.bones()).take(5) {
            let made = bone.patient_from_vertebra().origin().vec();
            assert_eq!(*level, bone.level());
            let off = [x - made[across], z - made.z];
            assert!(off.iter().all(|mm| mm.abs() < 4.0), "{level}: {off:?} mm off");
        }
    }
    let steep = |film: Film| -> Vec<f64> {
        let lines = film.plates(&got, 16.0);
        let length = |[[ax, az], [bx, bz]]: &[[f64; 2]; 2]| (bx - ax).hypot(bz - az);
        assert!(lines.iter().all(|line| (length(line) - 32.0).abs() < 1e-9));
        // Upper and lower ones of L1 to L5, then that of S1.
        assert_eq!(lines.len(), 11);
        lines.iter().map(|[a, b]| ((b[1] - a[1]) / (b[0] - a[0])).atan().to_degrees()).collect()
    };
    let [front, side] = [Film::Coronal, Film::Sagittal].map(steep);
    assert!((side[10] - got.alignment.sacral_slope_deg.unwrap()).abs() < 1e-6);
    assert_eq!(got.alignment.lordosis.len(), 5);
    for (n, lordosis) in got.alignment.lordosis.iter().enumerate() {
        assert!((side[10] - side[2 * n] - lordosis.deg).abs() < 1e-6, "{lordosis:?} {side:?}");
    }
    let place = |level| got.levels.iter().position(|at| at.level == level).unwrap();
    for curve in &got.alignment.curves {
        let lower = (2 * place(curve.lower) + 1).min(10);
        let cobb_deg = (front[2 * place(curve.upper)] - front[lower]).abs();
        assert!((cobb_deg - curve.cobb_deg).abs() < 1e-6, "{curve:?} {front:?}");
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
