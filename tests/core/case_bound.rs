//! Screws whose vertebra the open labels do not have are bound to the vertebra of their level.

use crate::case_session::{PLAN, SOON};
use crate::memory_fs::MemoryFs;
use crate::plan_auto::{l4_to_s1, plan};
use crate::plan_samples::{level, now, opening, screw};
use corridor::case::clock::SteppingClock;
use corridor::case::suggest::{self, Wish};
use corridor::case::{Command, Location, Notice, Opening, Session, open as reopen};
use corridor::implant::Catalogue;
use corridor::labels::{LabelMap, LabelledVertebra, Level, VertebraId};
use corridor::plan::auto::Rules;
use corridor::plan::{
    Alternative, CaseHashes, CaseRef, Header, Plan, RenamedLevel, Screw, ScrewId, ScrewState, file,
};
use corridor::platform::fs::FileSystem;
use corridor::space::{Dir, Point, Side};
use corridor::volume::{Grid, Volume};
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;

/// The vertebra of these labels that they call so.
fn own(name: &str) -> VertebraId {
    VertebraId::of_label(
        "new labels",
        match name {
            "L3" => 22,
            "L4" => 23,
            "L5" => 24,
            _ => 0,
        },
    )
}

/// L3, L4 and L5 as blocks of 40 mm, one upon the other: L5 from 0 mm up.
fn labels() -> LabelMap {
    let grid = Grid::along_axes(Point::new(-40.0, -40.0, 1.0), 2.0, [40, 40, 60]);
    let volume = Volume::from_fn(grid, |[_, _, k]| 24 - (k / 20) as u16);
    let vertebra = |(name, value): (&str, u16)| LabelledVertebra {
        id: own(name),
        level: level(name),
        value,
        is_cut_off: false,
    };
    let vertebrae = [("L3", 22), ("L4", 23), ("L5", 24)].map(vertebra).into();
    LabelMap { volume, vertebrae }
}

/// The CT and these labels, as the program finds them.
fn over_labels() -> Opening {
    let mut opening = opening("3f9a22c1");
    opening.hashes.labels_hash = Some("new labels".to_owned());
    Opening { labels: Some(Arc::new(labels())), ..opening }
}

/// A screw of other labels, called so, that runs forward at this height.
fn at(n: u128, name: &str, up_mm: f64) -> Screw {
    Screw {
        id: ScrewId(Uuid::from_u128(n)),
        vertebra: VertebraId::of_label("old labels", name.as_bytes()[1].into()),
        level: level(name),
        side: Side::Left,
        entry: Point::new(20.0, 20.0, up_mm),
        axis: -Dir::Y,
        length_mm: 40.0,
        ..screw(0)
    }
}

fn of_screws(screws: Vec<Screw>) -> Plan {
    let mut plan = Plan { screws, ..Plan::default() };
    plan.sort();
    plan
}

/// The text of a plan of that CT, on labels that it does not tell.
fn text(plan: &Plan) -> String {
    let hashes = CaseHashes { ct_content_hash: Some("3f9a22c1".to_owned()), ..Default::default() };
    let header = Header { case: CaseRef { hashes, ..CaseRef::default() }, ..Header::default() };
    file::print(&header, plan).unwrap()
}

fn put(fs: &MemoryFs, text: &str) {
    fs.put(Path::new(PLAN), text.as_bytes());
}

fn session(fs: &MemoryFs, opening: &Opening) -> (Session, Vec<Notice>) {
    let clock = Arc::new(SteppingClock::new(now()));
    Session::open(Location::at(PLAN), opening, clock, Arc::new(fs.clone())).unwrap()
}

/// What becomes of a plan file that is read over these labels.
fn bound(plan: &Plan) -> (Plan, Vec<Notice>) {
    let fs = MemoryFs::new();
    put(&fs, &text(plan));
    let (file, notices) = reopen::read(&Location::at(PLAN), &over_labels(), now(), &fs).unwrap();
    (file.plan, notices)
}

fn vertebrae(plan: &Plan) -> Vec<VertebraId> {
    plan.all_screws().map(|screw| screw.vertebra).collect()
}

#[test]
fn screws_of_a_plan_that_names_levels_alone_go_where_their_vertebra_goes() {
    let fs = MemoryFs::new();
    let mut value: serde_json::Value =
        serde_json::from_str(&text(&of_screws(vec![at(1, "L3", 100.0), at(2, "L4", 60.0)])))
            .unwrap();
    for screw in value["screws"].as_array_mut().unwrap() {
        screw.as_object_mut().unwrap().remove("vertebra_id");
    }
    put(&fs, &value.to_string());
    let (mut session, notices) = session(&fs, &over_labels());
    assert_eq!(notices, [], "nothing that its writer does not know");
    assert_eq!(vertebrae(session.plan()), [own("L3"), own("L4")]);
    assert!(!session.can_undo());
    let names = [("L3", "L4"), ("L4", "L5"), ("L5", "L6")];
    let before = names.map(|(before, _)| (own(before), level(before)));
    session.shift_levels(&before, 1).unwrap().unwrap();
    let levels: Vec<Level> = session.plan().screws.iter().map(|s| s.level).collect();
    assert_eq!(levels, [level("L4"), level("L5")]);
}

#[test]
fn a_plan_of_other_labels_is_bound_by_one_edit_and_looking_leaves_its_file_alone() {
    let fs = MemoryFs::new();
    let mut old = opening("3f9a22c1");
    old.hashes.labels_hash = Some("old labels".to_owned());
    let (mut first, _) = session(&fs, &old);
    first.place(at(1, "L3", 100.0)).unwrap();
    let kept =
        Alternative { name: "A".into(), screws: vec![at(2, "L4", 60.0)], ..Default::default() };
    first.apply(Command::KeepAlternative(kept)).unwrap();
    let before = Arc::clone(first.plan());
    first.close(SOON).unwrap();
    let bytes = fs.read(Path::new(PLAN)).unwrap();

    let (looked, notices) = session(&fs, &over_labels());
    assert_eq!(notices, [Notice::OtherLabels], "which says it already");
    assert_eq!(vertebrae(looked.plan()), [own("L3"), own("L4")]);
    assert_eq!(looked.next_undo().unwrap(), "matched 2 screws to vertebrae by level");
    let revision = looked.revision();
    looked.close(SOON).unwrap();
    assert_eq!(fs.read(Path::new(PLAN)).unwrap(), bytes);

    let (mut again, notices) = session(&fs, &over_labels());
    assert_eq!((notices, again.revision()), (Vec::new(), revision), "said and done once");
    assert_eq!(vertebrae(again.plan()), [own("L3"), own("L4")]);
    let bound = Arc::clone(again.plan());
    again.undo().unwrap();
    assert_eq!(*again.plan(), before);
    again.redo().unwrap();
    assert_eq!(*again.plan(), bound);
    while again.can_undo() {
        again.undo().unwrap();
    }
    assert!(again.plan().screws.is_empty() && again.plan().alternatives.is_empty());
}

/// What was undone before is not lost by opening the plan over other labels.
#[test]
fn what_was_undone_can_be_done_again_in_the_vertebrae_of_other_labels() {
    let fs = MemoryFs::new();
    let mut old = opening("3f9a22c1");
    old.hashes.labels_hash = Some("old labels".to_owned());
    let (mut first, _) = session(&fs, &old);
    let l3 = at(1, "L3", 100.0);
    first.place(l3.clone()).unwrap();
    first.place(at(2, "L4", 60.0)).unwrap();
    first.rename_level(l3.vertebra, level("L3"), level("L2")).unwrap();
    for _ in 0..2 {
        first.undo().unwrap();
    }
    first.close(SOON).unwrap();
    let (second, _) = session(&fs, &over_labels());
    assert_eq!(vertebrae(second.plan()), [own("L3")]);
    let (plan, revision) = (Arc::clone(second.plan()), second.revision());
    second.close(SOON).unwrap();
    let (mut third, notices) = session(&fs, &over_labels());
    assert_eq!((notices, third.plan(), third.revision()), (Vec::new(), &plan, revision));
    third.redo().unwrap();
    assert_eq!(vertebrae(third.plan()), [own("L3"), own("L4")]);
    third.redo().unwrap();
    let named: Vec<_> = third.plan().screws.iter().map(|s| (s.vertebra, s.level)).collect();
    assert_eq!(named, [(own("L3"), level("L2")), (own("L4"), level("L4"))]);
    assert!(!third.can_redo());
}

#[test]
fn a_plan_that_is_bound_is_opened_and_saved_as_the_same_bytes() {
    let fs = MemoryFs::new();
    put(&fs, &text(&of_screws(vec![at(1, "L3", 100.0), at(2, "L4", 60.0)])));
    let saved = || {
        let (session, notices) = session(&fs, &over_labels());
        session.save();
        session.close(SOON).unwrap();
        (fs.read(Path::new(PLAN)).unwrap(), notices)
    };
    let (first, notices) = saved();
    assert_eq!(notices, [Notice::Matched { screws: 2 }]);
    assert!(String::from_utf8_lossy(&first).contains(&own("L4").to_string()));
    assert_eq!(saved(), (first, Vec::new()));
}

#[test]
fn a_plan_file_that_another_program_only_laid_out_anew_is_not_changed_elsewhere() {
    let fs = MemoryFs::new();
    let mut old = opening("3f9a22c1");
    old.hashes.labels_hash = Some("old labels".to_owned());
    let (mut first, _) = session(&fs, &old);
    first.place(at(1, "L3", 100.0)).unwrap();
    first.close(SOON).unwrap();
    let laid_out = fs.read(Path::new(PLAN)).unwrap();
    put(&fs, &String::from_utf8(laid_out).unwrap().replace("  ", "\t"));
    let (second, notices) = session(&fs, &over_labels());
    assert_eq!(notices, [Notice::OtherLabels]);
    assert_eq!(vertebrae(second.plan()), [own("L3")]);
}

/// Where it is not sure which vertebra is meant, the checks tell, and nothing is tied.
#[test]
fn a_screw_is_bound_to_no_vertebra_that_may_be_another_one() {
    let stays = |plan: Plan| {
        let (found, notices) = bound(&plan);
        assert_eq!((&found, notices), (&plan, Vec::new()));
    };
    // It runs in the bone that these labels call L4: either name may be the wrong one.
    stays(of_screws(vec![at(1, "L3", 60.0)]));
    // Not labelled.
    stays(of_screws(vec![at(1, "L1", 60.0)]));
    // Two are called L4 by the plan.
    let renamed = RenamedLevel { from: level("L3"), to: level("L4") };
    let twice = [(own("L3"), renamed)].into();
    stays(Plan { renamed: twice, ..of_screws(vec![at(1, "L4", 60.0)]) });
    // Another screw calls that vertebra L2, and a file may not call one vertebra by two names.
    let other = Screw { vertebra: own("L4"), ..at(2, "L2", 60.0) };
    stays(of_screws(vec![at(1, "L4", 60.0), other]));
    // Beside all bone nothing speaks against the name.
    let (found, _) = bound(&of_screws(vec![at(1, "L4", 500.0)]));
    assert_eq!(vertebrae(&found), [own("L4")]);
}

#[test]
fn bound_screws_are_left_alone_by_the_next_planning_and_have_a_score() {
    let spine = &l4_to_s1().spine;
    let wish = Wish { levels: vec![Level::L5], ..Wish::default() };
    let planned: Vec<Screw> = plan(spine, &wish).screws.into_iter().map(|(s, _)| s).collect();
    let reviewed = |s: &Screw| Screw {
        id: ScrewId::random(),
        vertebra: VertebraId::of_label("old labels", 1),
        state: ScrewState::Reviewed,
        ..s.clone()
    };
    let theirs = of_screws(planned.iter().map(reviewed).collect());
    let (rules, catalogue) = (Rules::builtin().unwrap(), Catalogue::builtin().unwrap());
    assert!(suggest::why(spine, &theirs.screws[0], &rules, &catalogue).is_some());
    let fs = MemoryFs::new();
    put(&fs, &text(&theirs));
    let over = Opening { labels: spine.labels.clone(), ..opening("3f9a22c1") };
    let (file, notices) = reopen::read(&Location::at(PLAN), &over, now(), &fs).unwrap();
    assert_eq!(notices, [Notice::Matched { screws: 2 }]);
    assert_eq!(suggest::changes(&file.plan, planned), (Vec::new(), Vec::new()));
}
