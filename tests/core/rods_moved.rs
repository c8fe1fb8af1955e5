//! Rods for a spine that is moved to a target first.

use crate::catalogue::hospitals_rods;
use crate::plan_auto::{l4_to_s1, plan};
use corridor::case::compare::Compared;
use corridor::case::judge;
use corridor::case::rods::{RodSheet, bent_rods_of, sheet};
use corridor::case::suggest::Wish;
use corridor::cli::grade;
use corridor::implant::{Catalogue, Rods};
use corridor::labels::Level;
use corridor::plan::auto::{Rules, construct};
use corridor::plan::bend::HOW_TO_BEND;
use corridor::plan::bent::{MOST_BENDS, RodChoice};
use corridor::plan::check::{Issue, Weight};
use corridor::plan::correct::{CorrectError, Target, lordosis_deg};
use corridor::plan::{Header, Plan, RenamedLevel, file};
use corridor::space::{Point, Side};
use serde_json::json;

#[test]
fn rods_join_the_heads_where_the_moved_spine_has_them() {
    let spine = &l4_to_s1().spine;
    let catalogue = Catalogue::builtin().unwrap();
    let offered = catalogue.rods().unwrap();
    let screws = plan(spine, &Wish::default()).screws.into_iter().map(|(screw, _)| screw).collect();
    let plan = Plan { screws, ..Plan::default() };
    let plate = |level: Level| spine.at_level(level).unwrap().anatomy.upper_plate.unwrap().up;
    let now = lordosis_deg(plate(Level::L4), plate(Level::S1));
    let target = Target { lordosis_deg: Some(now + 8.0), coronal_part: 0.0 };
    let (moved, rods) = judge::rods_towards(spine, &plan, target, offered).unwrap();
    assert_eq!(
        moved.iter().map(|m| m.level).collect::<Vec<_>>(),
        [Level::L4, Level::L5, Level::S1]
    );
    let mut renamed = plan.clone();
    let l4 = spine.at_level(Level::L4).unwrap().id;
    renamed.renamed.insert(l4, RenamedLevel { from: Level::L4, to: Level::L3 });
    let (called, _) = judge::rods_towards(spine, &renamed, target, offered).unwrap();
    assert_eq!(called[0].level, Level::L3, "as the plan calls it");
    let reached = lordosis_deg(moved[0].motion.dir(plate(Level::L4)), plate(Level::S1));
    assert!((reached - now - 8.0).abs() < 1e-6, "{reached} from {now}");
    let rules = Rules::builtin().unwrap();
    let as_it_is = judge::rods_of(&plan, offered);
    for (n, one) in rods.iter().enumerate() {
        let rod = one.rod.as_ref().unwrap();
        assert_eq!(one.screws.len(), 3);
        for (id, misfit) in one.screws.iter().zip(&rod.misfit_mm) {
            let screw = plan.screw(*id).unwrap();
            let motion = moved.iter().find(|m| m.level == screw.level).unwrap().motion;
            let head = motion.point(construct::head(&screw.shape(), &rules));
            let nearest = rod.line.iter().map(|p| p.distance(head)).fold(f64::INFINITY, f64::min);
            // Points of the line are a millimetre apart.
            assert!(nearest < misfit + 0.6, "{}: {nearest} of {misfit}", screw.name());
        }
        // More lordosis brings the heads behind it nearer together.
        assert!(rod.length_mm() < as_it_is[n].rod.as_ref().unwrap().length_mm() - 1.0);
    }
    // The plan keeps what its rods are laid for, and its sheet is that of the moved spine.
    let aimed = Plan { rod_target: target, ..plan.clone() };
    let text = file::print(&Header::default(), &aimed).unwrap();
    let read = file::parse(&text, jiff::Timestamp::UNIX_EPOCH).unwrap().plan;
    assert_eq!(read.rod_target, target);
    assert!(!file::print(&Header::default(), &plan).unwrap().contains("rod_target"));
    let usual = RodChoice::default();
    let made = sheet(spine, &aimed, read.rod_target, &usual, None, &catalogue).unwrap();
    assert_eq!(made.moved, moved);
    for ((one, laid), side) in made.rods.iter().zip(&rods).zip(Side::BOTH) {
        assert_eq!((&one.curve, one.side, laid.side), (laid.rod.as_ref().unwrap(), side, side));
        let table = &one.bent.table;
        assert!((1..=MOST_BENDS).contains(&table.bends.len()), "{table:?}");
        assert_eq!((&table.impossible, one.bent.warnings.len()), (&vec![], 0));
        assert!(one.bent.read_back_mm < 0.05, "{}", one.bent.read_back_mm);
        let sites: Vec<String> = one.sites.iter().map(ToString::to_string).collect();
        assert_eq!(sites, ["L4", "L5", "S1"]);
    }
    // The plan keeps what its rods are made of; what is not on offer is named with what is.
    let chosen = RodChoice { rod: Some("cocr-6.0".into()), bender: Some("machine".into()) };
    let text =
        file::print(&Header::default(), &Plan { rod_choice: chosen.clone(), ..aimed.clone() });
    let text = text.unwrap();
    let kept = file::parse(&text, jiff::Timestamp::UNIX_EPOCH).unwrap().plan;
    assert_eq!(kept.rod_choice, chosen);
    let made = sheet(spine, &kept, kept.rod_target, &chosen, None, &catalogue).unwrap();
    assert_eq!((&*made.kind.id, &*made.bender.id), ("cocr-6.0", "machine"));
    // What checks and comparisons tell is the misfit of the rods of the sheet.
    let told = bent_rods_of(spine, &kept, &catalogue).unwrap();
    for (one, told) in made.rods.iter().zip(told) {
        assert_eq!(&one.bent, told.rod.as_ref().unwrap());
    }
    assert_eq!(made.rods.len(), 2);
    let none = RodChoice { bender: Some("knee".into()), ..chosen };
    let why =
        sheet(spine, &kept, Target::default(), &none, None, &catalogue).unwrap_err().to_string();
    assert!(why.contains("no bender knee: there are hand, machine"), "{why}");
    let wrong = text.replace("\"coronal_part\": 0.0", "\"coronal_part\": 7.0");
    let refused = file::parse(&wrong, jiff::Timestamp::UNIX_EPOCH).unwrap_err().to_string();
    assert!(refused.contains("a part from 0 to 1"), "{refused}");
    let wrong = Target { lordosis_deg: Some(f64::NAN), coronal_part: 0.0 };
    assert_eq!(judge::rods_towards(spine, &plan, wrong, offered), Err(CorrectError::NoTarget));
    let none = judge::rods_towards(spine, &Plan::default(), target, offered);
    assert_eq!(none, Err(CorrectError::TooFew));
}

fn planned() -> Plan {
    let planned = plan(&l4_to_s1().spine, &Wish::default());
    Plan { screws: planned.screws.into_iter().map(|(screw, _)| screw).collect(), ..Plan::default() }
}

fn sheet_of(plan: &Plan) -> RodSheet {
    sheet_from(&Catalogue::builtin().unwrap(), plan)
}

fn sheet_from(catalogue: &Catalogue, plan: &Plan) -> RodSheet {
    let spine = &l4_to_s1().spine;
    sheet(spine, plan, plan.rod_target, &plan.rod_choice, None, catalogue).unwrap()
}

#[test]
fn json_tells_the_target_and_how_each_level_moves_as_the_text_does() {
    let plan = planned();
    let at_rest = grade::rods_as_json(&sheet_of(&plan));
    assert_eq!(at_rest["target"], json!({ "lordosis_deg": null, "coronal_part": 0.0 }));
    assert_eq!(at_rest["moved"], json!([]));
    let rod_target = Target { lordosis_deg: Some(30.0), coronal_part: 0.5 };
    let made = sheet_of(&Plan { rod_target, ..plan });
    let told = grade::rods_as_json(&made);
    assert_eq!(told["target"], json!({ "lordosis_deg": 30.0, "coronal_part": 0.5 }));
    let (levels, text) = (told["moved"].as_array().unwrap(), grade::rods_as_text(&made));
    assert_eq!(levels.len(), 3);
    for (moved, level) in made.moved.iter().zip(levels) {
        let number = |key: &str| level[key].as_f64().unwrap();
        let name = level["level"].as_str().unwrap();
        assert_eq!(name, moved.level.to_string());
        assert_eq!([number("disc_back_deg"), number("disc_left_deg")], moved.disc_deg);
        assert!(
            text.contains(&format!("{name}: turned by {:.1}, ", number("turned_deg"))),
            "{text}"
        );
        // A place moved by the matrix is where the motion has it.
        let at = [10.0, -20.0, 30.0];
        let row = |n: usize| {
            let of = |m: usize| level["motion_lps_mm"][n][m].as_f64().unwrap();
            of(0) * at[0] + of(1) * at[1] + of(2) * at[2] + of(3)
        };
        let there = moved.motion.point(Point::from(at));
        assert!(there.distance(Point::new(row(0), row(1), row(2))) < 1e-9, "{name}");
    }
}

fn issues(plan: &Plan) -> Vec<Issue> {
    judge::check(&l4_to_s1().spine, plan, &Catalogue::builtin().unwrap())
}

#[test]
fn checks_and_comparison_tell_of_the_rods_of_the_sheet() {
    let (spine, catalogue) = (&l4_to_s1().spine, Catalogue::builtin().unwrap());
    let as_it_is = planned();
    let told = |plan: &Plan| {
        let missed = issues(plan).into_iter().filter(|issue| issue.what.contains("the rod passes"));
        missed.map(|issue| issue.what).collect::<Vec<_>>()
    };
    for lordosis_deg in [None, Some(-100.0), Some(100.0)] {
        let rod_target = Target { lordosis_deg, coronal_part: 0.0 };
        let plan = Plan { rod_target, ..as_it_is.clone() };
        let rods = sheet_of(&plan).rods;
        let heads = rods.iter().flat_map(|one| one.sites.iter().zip(&one.bent.misfit_mm));
        let missed = heads.filter(|(_, mm)| **mm > 3.0).count();
        assert_eq!(told(&plan).len(), missed, "{lordosis_deg:?}: {:?}", told(&plan));
        assert!(missed > 0 || lordosis_deg != Some(-100.0), "else nothing is tried here");
        let compared = Compared::of(spine, &plan, &catalogue).summary.misfit_mm;
        let shown: Vec<_> = rods.iter().map(|one| Some(one.bent.rms_misfit_mm())).collect();
        assert_eq!(compared.to_vec(), shown, "{lordosis_deg:?}");
    }
    // A target that can not be reached is told where there are screws to join.
    let rod_target = Target { lordosis_deg: Some(20.0), coronal_part: 0.0 };
    let of_l4 =
        |plan: &Plan| plan.screws.iter().filter(|s| s.level == Level::L4).cloned().collect();
    let one_level = Plan { screws: of_l4(&as_it_is), rod_target, ..Plan::default() };
    assert!(issues(&one_level).iter().all(|issue| !issue.what.contains("rods")));
    let mut twice = one_level;
    let another =
        corridor::plan::Screw { id: corridor::plan::ScrewId::random(), ..twice.screws[0].clone() };
    twice.screws.push(another);
    twice.sort();
    let said = issues(&twice);
    let unlaid = said.iter().find(|issue| issue.what.contains("the rods can not be laid"));
    assert!(unlaid.is_some_and(|issue| issue.weight == Weight::Look), "{said:?}");
}

/// What a hospital has measured on its own rods is what sheet, checks and comparison go by.
#[test]
fn a_hospitals_own_rods_are_bent_by_its_own_springback() {
    let plate =
        |level: Level| l4_to_s1().spine.at_level(level).unwrap().anatomy.upper_plate.unwrap().up;
    let now = lordosis_deg(plate(Level::L4), plate(Level::S1));
    let rod_target = Target { lordosis_deg: Some(now + 8.0), coronal_part: 0.0 };
    let plan = Plan { rod_target, ..planned() };
    let own_rods = Some(Rods::from_ron(hospitals_rods(), "ours.ron").unwrap());
    let hospital = Catalogue { own_rods, ..Catalogue::builtin().unwrap() };
    let [ours, theirs] = [sheet_of(&plan), sheet_from(&hospital, &plan)];
    assert_eq!([&*ours.kind.id, &*theirs.kind.id], ["ti-5.5", "ours-5.5"]);
    for one in &theirs.rods {
        assert!(!one.bent.table.bends.is_empty());
        for bend in &one.bent.table.bends {
            let stays = 0.86 * bend.set_deg - 0.5;
            assert!((bend.bend_deg - stays).abs() < 1e-9, "{bend:?} leaves {stays}");
        }
    }
    // A rod that the program carries is not on offer there, and the checks say so.
    let rod_choice = RodChoice { rod: Some("cocr-6.0".into()), bender: None };
    let other = Plan { rod_choice, ..plan.clone() };
    let said = |catalogue: &Catalogue| {
        let issues = judge::check(&l4_to_s1().spine, &other, catalogue);
        issues.into_iter().find(|issue| issue.what.contains("no rod cocr-6.0"))
    };
    assert!(said(&hospital).is_some_and(|issue| issue.what.contains("there are ours-5.5")));
    assert_eq!(said(&Catalogue::builtin().unwrap()), None);
    let compared = Compared::of(&l4_to_s1().spine, &plan, &hospital).summary.misfit_mm;
    let shown: Vec<_> = theirs.rods.iter().map(|one| Some(one.bent.rms_misfit_mm())).collect();
    assert_eq!(compared.to_vec(), shown);
}

#[test]
fn a_side_without_a_rod_says_why_by_its_screws() {
    let whole = planned();
    // One screw on the right; on the left two of one place.
    let mut plan = whole.clone();
    plan.screws.retain(|s| s.side == Side::Left || s.level == Level::L4);
    let first = plan.screws.iter().find(|s| s.side == Side::Left).unwrap().clone();
    plan.screws.push(corridor::plan::Screw { id: corridor::plan::ScrewId::random(), ..first });
    plan.sort();
    let made = sheet_of(&plan);
    assert!(made.rods.is_empty());
    let text = grade::rods_as_text(&made);
    let left = "left rod: none, as the heads of two screws of L4 left are less than a millimetre \
                apart; move or delete one of them";
    assert!(text.contains(left), "{text}");
    assert!(
        text.contains("right rod: none, as L4 right stands alone; place another one"),
        "{text}"
    );
    let json = grade::rods_as_json(&made);
    assert_eq!(json["without"][0]["side"], "left");
    assert_eq!(json["without"][1]["why"], "L4 right stands alone");
    let said = issues(&plan);
    let missing: Vec<_> = said.iter().filter(|i| i.what.starts_with("no rod joins")).collect();
    assert_eq!(missing.len(), 1, "one screw needs no rod: {said:?}");
    assert_eq!(missing[0].weight, Weight::Look);
    assert!(missing[0].what.contains("left side: the heads of two screws of L4 left"));
    assert!(!missing[0].hint.is_empty());
    // Where both sides have one, nothing is said, and the way to bend it stands over each table.
    let made = sheet_of(&whole);
    assert!(made.without.is_empty() && issues(&whole).iter().all(|i| !i.what.contains("no rod")));
    let text = grade::rods_as_text(&made);
    assert_eq!(text.matches(&format!("{HOW_TO_BEND}\nbend  feed mm")).count(), 2, "{text}");
    for one in &made.rods {
        let ends = [&one.bent.line[0], &one.bent.line[one.bent.line.len() - 1]];
        assert!(ends[0].vec().z > ends[1].vec().z + 30.0, "the cranial end first: {ends:?}");
    }
}
