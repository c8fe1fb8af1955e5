//! Commands from their arguments to what they print and write.

use crate::catalogue::hospitals_rods;
use clap::Parser as _;
use corridor::case::spine::{self, Source, VertebraModel};
use corridor::clearance::ScrewShape;
use corridor::cli::{Request, run::run_headless, said_once};
use corridor::ingest::nifti;
use corridor::labels::edit::{Mending, Stroke};
use corridor::labels::numbering::Numbering;
use corridor::labels::{Level, VertebraId};
use corridor::phantom::{Phantom, Spec};
use corridor::plan::bent::RodChoice;
use corridor::plan::{Alternative, Header, Plan, PlanFile, RenamedLevel, Screw, file};
use corridor::space::Side;
use corridor::work::Work;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tempfile::TempDir;

/// Labels of one L4 of large voxels, and the model that the program makes of them.
struct Case {
    folder: TempDir,
    labels: PathBuf,
    l4: Arc<VertebraModel>,
}

fn case() -> &'static Case {
    static CASE: OnceLock<Case> = OnceLock::new();
    CASE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let labels = folder.path().join("labels.nii");
        let phantom = Phantom::new(&Spec { levels: vec![Level::L4], ..Spec::default() }).unwrap();
        let (_, map) = phantom.images(&phantom.grid(2.0));
        nifti::write_labels(&labels, &map.volume).unwrap();
        let numbering = Some(Numbering::Verse);
        let source = Source::Files { ct: None, labels: Some(labels.clone()), numbering };
        let l4 = spine::load(&source, &Work::silent()).unwrap().vertebrae[0].clone();
        Case { folder, labels, l4 }
    })
}

/// What a command on that case prints, and why it failed where it did.
fn run(command: &str, args: &[&str]) -> (String, Option<String>) {
    let labels = case().labels.to_str().unwrap();
    let case = ["corridor", command, "--labels", labels, "--numbering", "verse"];
    let request = Request::try_parse_from(case.iter().chain(args)).unwrap();
    let mut out = Vec::new();
    let done = run_headless(&request.command.unwrap(), &mut out).unwrap();
    (String::from_utf8(out).unwrap(), done.err().map(|fault| said_once(&fault)))
}

/// The same of a plan that nothing ties to these labels.
fn run_on(command: &str, plan: &Path, args: &[&str]) -> (String, Option<String>) {
    let of_plan = ["--accept-unknown", "--plan", plan.to_str().unwrap()];
    run(command, &[&of_plan, args].concat())
}

fn screw(side: Side) -> Screw {
    let l4 = &case().l4;
    let pedicle = l4.anatomy.pedicle(side).unwrap();
    let (entry, axis) = (pedicle.isthmus - pedicle.axis * 15.0, pedicle.axis);
    let shape = ScrewShape { entry, axis, length_mm: 35.0, diameter_mm: 5.0 };
    Screw::placed((l4.id, l4.level), side, &shape, "test", jiff::Timestamp::UNIX_EPOCH)
}

fn both() -> Plan {
    Plan { screws: Side::BOTH.map(screw).to_vec(), ..Plan::default() }
}

fn write(path: &Path, plan: &Plan) -> Vec<u8> {
    let text = file::print(&Header::default(), plan).unwrap();
    fs::write(path, &text).unwrap();
    text.into_bytes()
}

fn read(path: &Path) -> PlanFile {
    file::parse(&fs::read_to_string(path).unwrap(), jiff::Timestamp::UNIX_EPOCH).unwrap()
}

/// A folder of its own for a test.
fn folder(name: &str) -> PathBuf {
    let folder = case().folder.path().join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The line of a table that begins with these words.
fn line<'t>(text: &'t str, words: &[&str]) -> &'t str {
    let begins = |line: &&str| line.split_whitespace().take(words.len()).eq(words.iter().copied());
    text.lines().find(begins).unwrap_or_else(|| panic!("no {words:?} in\n{text}"))
}

#[test]
fn nothing_is_written_over_what_a_command_reads() {
    let here = folder("outputs");
    let plan = here.join("plan.json");
    let bytes = write(&plan, &both());
    let labels = fs::read(&case().labels).unwrap();
    let journal = here.join("plan.json.journal");
    let otherwise = here.join("../outputs/plan.json");
    let tries = [
        ["--csv", plan.to_str().unwrap()],
        ["--markups", plan.to_str().unwrap()],
        ["--csv", otherwise.to_str().unwrap()],
        ["--csv", journal.to_str().unwrap()],
        ["--markups", case().labels.to_str().unwrap()],
    ];
    for args in tries {
        for replace in [&[][..], &["--replace"]] {
            let why = run_on("grade", &plan, &[&args, replace].concat()).1.unwrap();
            assert!(why.contains(args[1]) && why.contains("what is read here"), "{args:?}: {why}");
            assert_eq!(fs::read(&plan).unwrap(), bytes, "{args:?}");
            assert_eq!(fs::read(&case().labels).unwrap(), labels, "{args:?}");
            assert!(!journal.exists());
        }
    }
    // The case's own plan is read where none is named.
    let own = case().folder.path().join("labels.corridor-plan.json");
    let why = run("grade", &["--csv", own.to_str().unwrap(), "--replace"]).1.unwrap();
    assert!(why.contains("what is read here") && !own.exists(), "{why}");
    let over = ["--auto", "--replace", "-o", case().labels.to_str().unwrap()];
    let why = run("plan", &over).1.unwrap();
    assert!(why.contains("labels.nii") && why.contains("what is read here"), "{why}");
    assert_eq!(fs::read(&case().labels).unwrap(), labels);
}

#[test]
fn a_file_that_is_there_is_written_over_where_that_is_said_alone() {
    let here = folder("replace");
    let [plan, table, lines] = ["plan.json", "t.csv", "t.mrk.json"].map(|name| here.join(name));
    write(&plan, &both());
    fs::write(&lines, "kept").unwrap();
    let [csv, markups] = [&table, &lines].map(|path| path.to_str().unwrap());
    let args = ["--csv", csv, "--markups", markups];
    let why = run_on("grade", &plan, &args).1.unwrap();
    assert!(why.contains(markups) && why.contains("--replace"), "{why}");
    assert_eq!(fs::read_to_string(&lines).unwrap(), "kept");
    assert!(!table.exists(), "neither is written where one may not be");
    let (text, why) = run_on("grade", &plan, &[&args[..], &["--replace"]].concat());
    assert_eq!(why, None);
    assert!(text.contains(&format!("written: {csv}\nwritten: {markups}\n")), "{text}");
    assert_eq!(fs::read_to_string(&table).unwrap().lines().count(), 3);
    assert!(fs::read_to_string(&lines).unwrap().contains("L4 left"));

    let twice = here.join("both");
    let twice = twice.to_str().unwrap();
    let why = run_on("grade", &plan, &["--csv", twice, "--markups", twice]).1.unwrap();
    assert!(why.contains(twice) && why.contains("two outputs"), "{why}");
    let nowhere = here.join("no/such/t.csv");
    let (text, why) = run_on("grade", &plan, &["--csv", nowhere.to_str().unwrap()]);
    assert!(why.unwrap().contains("no/such/t.csv can not be written"));
    line(&text, &["L4", "left"]);
}

/// L4 called L3, with a dab of its label taken away.
fn relabelled() -> Plan {
    let l4 = &case().l4;
    let back = *l4.mesh.positions.iter().max_by(|a, b| a.vec().y.total_cmp(&b.vec().y)).unwrap();
    Plan {
        renamed: [(l4.id, RenamedLevel { from: Level::L4, to: Level::L3 })].into(),
        label_edits: vec![Mending::Stroke(Stroke::new(&[back], 4.0, 0, None))],
        ..Plan::default()
    }
}

#[test]
fn the_names_and_labels_of_a_plan_are_planned_on_and_kept() {
    let here = folder("named");
    let [given, made] = ["given.json", "made.json"].map(|name| here.join(name));
    let relabelled = relabelled();
    let l3 = |side| Screw { level: Level::L3, ..screw(side) };
    let rod_choice = RodChoice { rod: Some("cocr-5.5".to_owned()), ..RodChoice::default() };
    let first = Alternative {
        name: "first".to_owned(),
        screws: vec![l3(Side::Left)],
        ..Alternative::default()
    };
    let screws = vec![l3(Side::Left)];
    let alternatives = vec![first];
    write(&given, &Plan { screws, rod_choice, alternatives, ..relabelled.clone() });
    let output = ["--auto", "-o", made.to_str().unwrap()];
    let (text, why) = run_on("plan", &given, &output);
    assert_eq!(why, None, "{text}");
    line(&text, &["L3", "left"]);
    assert!(text.lines().all(|line| !line.starts_with("L4")), "{text}");
    let plan = read(&made).plan;
    assert_eq!((&plan.renamed, &plan.label_edits), (&relabelled.renamed, &relabelled.label_edits));
    // Only its screws are the new ones.
    let before = read(&given).plan;
    assert_eq!((&plan.rod_choice, &plan.alternatives), (&before.rod_choice, &before.alternatives));
    assert_eq!(plan.alternatives.len(), 1);
    assert_eq!(plan.screws.len(), 2);
    assert!(plan.screws.iter().all(|s| s.level == Level::L3 && s.author == "corridor auto"));
    // Nothing ties that plan to these labels, and nobody said that they belong together.
    let given = given.to_str().unwrap();
    let why = run("plan", &["--auto", "--plan", given]).1.unwrap();
    assert!(why.contains("--accept-unknown"), "{why}");
    let why = run("plan", &["--auto", "--plan", "nowhere.json"]).1.unwrap();
    assert!(why.contains("nowhere.json") && why.contains("leave --plan out"), "{why}");
}

#[test]
fn a_screw_is_judged_in_the_vertebra_that_the_plan_calls_so() {
    let here = folder("renamed");
    let path = here.join("plan.json");
    // As a plan written by hand: it names the level alone.
    let vertebra = VertebraId::of_label("by hand", 1);
    let by_hand = Screw { level: Level::L3, vertebra, ..screw(Side::Left) };
    write(&path, &Plan { screws: vec![by_hand], ..relabelled() });
    let (text, why) = run_on("grade", &path, &[]);
    assert_eq!(why, None);
    assert!(line(&text, &["L3", "left", "5", "x", "35"]).contains(" A"), "{text}");
    let json: Value = serde_json::from_str(&run_on("grade", &path, &["--json"]).0).unwrap();
    assert_eq!(json["screws"][0]["vertebra_id"], case().l4.id.to_string());
    assert!(text.contains("1 screw names no vertebra of these labels"), "{text}");
    let plans = ["--accept-unknown", "--plans", path.to_str().unwrap()];
    let (text, _) = run("compare", &plans);
    assert!(!line(&text, &["L3", "left"]).contains("not judged"), "{text}");
}

#[test]
fn a_planned_screw_says_as_much_as_a_graded_one() {
    let made = folder("sure").join("plan.json");
    let auto = ["--auto", "--style", "cortical"];
    let of_made = ["--plan", made.to_str().unwrap()];
    let (planned, why) = run("plan", &[&auto[..], &["-o", of_made[1]]].concat());
    assert_eq!(why, None, "{planned}");
    let (table, _) = run("grade", &of_made);
    let json = |command, args: [&[&str]; 2]| {
        serde_json::from_str::<Value>(&run(command, &args.concat()).0).unwrap()
    };
    let graded = json("grade", [&of_made, &["--json"]]);
    let auto = json("plan", [&auto, &["--json"]]);
    for (n, side) in ["left", "right"].into_iter().enumerate() {
        for text in [&planned, &table] {
            assert!(line(text, &["L4", side]).contains("A, could be B"), "{text}");
        }
        // A plan file rounds places to nanometres.
        let end = |of: &Value| of["screws"][n]["band"]["breach_mm"][1].as_f64().unwrap();
        assert!((end(&auto) - end(&graded)).abs() < 1e-3, "{auto}");
        assert_eq!(auto["screws"][n]["band"]["grades"], graded["screws"][n]["band"]["grades"]);
    }
    assert_eq!(auto["issues"], graded["issues"]);
    assert!(!auto["issues"].as_array().unwrap().is_empty(), "2 mm are too thick to plan on");
    for issue in auto["issues"].as_array().unwrap() {
        assert!(planned.contains(issue["what"].as_str().unwrap()), "{planned}");
    }
    assert!(planned.contains("off aim deg") && !planned.contains("angles deg"), "{planned}");
}

#[test]
fn a_command_that_planned_nothing_fails_and_leaves_the_file() {
    let path = folder("nothing").join("plan.json");
    let bytes = write(&path, &both());
    let args = ["--auto", "--levels", "C3", "--replace", "-o", path.to_str().unwrap()];
    let (text, why) = run("plan", &args);
    assert!(text.contains("refused: C3: the case has no vertebra"), "{text}");
    assert!(why.unwrap().contains("no screw was planned"));
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let (text, why) = run("plan", &["--auto", "--levels", "C3", "--json"]);
    assert!(why.is_some() && serde_json::from_str::<Value>(&text).is_ok(), "{text}");
    let (text, why) = run("plan", &["--auto", "--levels", "C3,L4"]);
    assert_eq!((why, text.contains("refused: C3")), (None, true), "one refusal is no failure");
}

#[test]
fn plans_of_one_name_are_told_apart_and_what_is_to_know_is_said_once() {
    let here = folder("compared");
    let paths = ["a", "b"].map(|name| here.join(name).join("plan.json"));
    let wide = Screw { diameter_mm: 20.0, ..screw(Side::Left) };
    let plans = [both(), Plan { screws: vec![wide], ..Plan::default() }];
    for (path, plan) in paths.iter().zip(&plans) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        write(path, plan);
    }
    let names = paths.each_ref().map(|path| path.to_str().unwrap());
    let (text, why) = run("compare", &["--accept-unknown", "--plans", names[0], names[1]]);
    assert_eq!(why, None);
    let header = line(&text, &["level", "side"]);
    assert!(names.iter().all(|name| header.contains(name)), "{text}");
    let notes: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("note: ")).collect();
    let of_wide: Vec<_> = notes.iter().filter(|note| note.contains("L4 left 20 x 35")).collect();
    assert_eq!(of_wide.len(), 1, "{notes:?}");
    assert!(of_wide[0].starts_with(&format!("{}: ", names[1])), "{notes:?}");
    let (graded, _) = run_on("grade", &paths[0], &[]);
    let of_first: Vec<&str> = graded.lines().filter_map(|l| l.strip_prefix("note: ")).collect();
    assert!(!of_first.is_empty(), "that the plan was accepted is to be told");
    for note in of_first {
        assert_eq!(notes.iter().filter(|n| **n == note).count(), 1, "{note}\n{notes:?}");
    }
}

#[test]
fn a_rod_that_is_not_on_offer_keeps_no_table_back() {
    let here = folder("rods");
    let (path, table) = (here.join("plan.json"), here.join("t.csv"));
    let rod_choice = RodChoice { rod: Some("gold".to_owned()), ..RodChoice::default() };
    write(&path, &Plan { rod_choice, ..both() });
    let (text, why) = run_on("grade", &path, &["--rods", "--csv", table.to_str().unwrap()]);
    line(&text, &["L4", "left"]);
    assert!(text.contains("there is no rod gold"), "the checks, too: {text}");
    assert!(text.contains("written: ") && table.exists(), "{text}");
    let why = why.unwrap();
    assert!(why.contains("gold") && why.contains("choose one in the plan, or with --rod"), "{why}");
    let (text, why) = run_on("grade", &path, &["--rods", "--json"]);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["rods"]["error"].as_str(), why.as_deref());
    assert!(json["screws"][0]["clearance_mm"].is_number());
}

#[test]
fn a_hospitals_rods_are_those_on_offer_and_a_fault_names_file_rod_and_field() {
    let here = folder("own-rods");
    let (path, file) = (here.join("plan.json"), here.join("ours.ron"));
    let named = file.to_str().unwrap();
    let rod_choice = RodChoice { rod: Some("gold".to_owned()), ..RodChoice::default() };
    write(&path, &Plan { rod_choice, ..both() });
    fs::write(&file, hospitals_rods()).unwrap();
    let (text, why) = run_on("grade", &path, &["--rods", "--rods-file", named]);
    let said = "there is no rod gold: there are ours-5.5";
    assert!(text.contains(said) && why.unwrap().contains(said), "{text}");
    // It is read here, so nothing is written over it.
    let over = ["--rods-file", named, "--csv", named, "--replace"];
    assert!(run_on("grade", &path, &over).1.unwrap().contains("what is read here"));
    assert_eq!(fs::read_to_string(&file).unwrap(), hospitals_rods());
    let wrong = hospitals_rods().replace("spring_factor: 0.86", "spring_factor: 1.4");
    fs::write(&file, wrong).unwrap();
    for command in [&["grade"][..], &["plan", "--auto"]] {
        let args = [&command[1..], &["--rods-file", named]].concat();
        let why = run(command[0], &args).1.unwrap();
        let fault =
            format!("the file of rods {named}, rod \"ours-5.5\", spring_factor: 1.4 is over 1");
        assert!(why.contains(&fault), "{why}");
    }
    fs::remove_file(&file).unwrap();
    let why = run("grade", &["--rods-file", named]).1.unwrap();
    assert!(why.contains(named) && why.contains("name a file that is there"), "{why}");
}

#[test]
fn why_a_screw_is_not_judged_stands_below_the_table() {
    let path = folder("unjudged").join("plan.json");
    let vertebra = VertebraId::of_label("none", 1);
    let astray = Screw { level: "T4".parse().unwrap(), vertebra, ..screw(Side::Right) };
    write(&path, &Plan { screws: vec![astray, screw(Side::Left)], ..Plan::default() });
    let (text, why) = run_on("grade", &path, &[]);
    assert_eq!(why, None);
    let cells: Vec<&str> = line(&text, &["T4", "right"]).split_whitespace().collect();
    assert_eq!(cells[5..], ["-", "-", "-", "-", "-", "-", "reviewed"], "{text}");
    let below = text.split_once("L4").unwrap().1;
    assert!(below.contains("T4 right: the case has no vertebra of that level"), "{text}");
}
