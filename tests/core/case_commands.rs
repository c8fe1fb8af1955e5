//! Edits and their undoing: any sequence leads back to the first bytes and forth to the last.

use crate::plan_samples::{level, now, screw, vertebra};
use corridor::case::command::{Command, CommandError};
use corridor::case::history::{Edit, History, Revision, Step, StepError};
use corridor::case::journal::{self, Soundness};
use corridor::labels::edit::{Mending, Stroke};
use corridor::plan::alternative::free_name;
use corridor::plan::bent::RodChoice;
use corridor::plan::correct::Target;
use corridor::plan::file;
use corridor::plan::{Alternative, Header, Plan, Screw, ScrewState};
use corridor::space::{Dir, Point};
use proptest::prelude::*;

fn bytes(plan: &Plan) -> String {
    file::print(&Header::default(), plan).unwrap()
}

fn step(command: Command) -> Step {
    Step::new(Edit { at: now(), command })
}

/// What a person could do next, chosen by two numbers; `None` where it makes no sense now.
fn command(plan: &Plan, kind: u8, n: u8) -> Option<Command> {
    let some = || plan.screws.get(usize::from(n) % plan.screws.len().max(1)).cloned();
    match kind {
        0 | 1 => {
            let mut new = screw(u128::from(n));
            new.level = known_level(plan, &new.level.to_string());
            plan.screw(new.id).is_none().then_some(Command::Place(new))
        }
        2 => Some(Command::Delete(some()?)),
        3 => {
            let before = some()?;
            let mut after = before.clone();
            after.entry = after.entry + Dir::new(0.1 * f64::from(n), -0.3, 0.7);
            after.state = ScrewState::Accepted;
            Some(Command::change(before, after))
        }
        4 => {
            let name = ["L1", "L2", "L3", "L4", "L5"][usize::from(n) % 5];
            let after = level(["L6", "T13", "L5", name][usize::from(n / 5) % 4]);
            Some(Command::RenameLevel {
                vertebra: vertebra(name),
                before: known_level(plan, name),
                after,
            })
        }
        5 => exchange(plan, n),
        6 => alternative(plan, n),
        7 => Some(Command::AimRods {
            before: plan.rod_target,
            after: Target {
                lordosis_deg: n.is_multiple_of(2).then_some(f64::from(n) / 3.0),
                coronal_part: f64::from(n) / 255.0,
            },
        }),
        8 => Some(Command::Mend(mending(n))),
        9 => {
            let called =
                ["L1", "L2", "L3", "L4", "L5"].map(|l| (vertebra(l), known_level(plan, l)));
            Command::shift_levels(&called[..usize::from(n) % 6], i32::from(n % 5) - 2)
        }
        10 => Some(Command::AcceptLabels {
            before: plan.accepted_labels.clone(),
            after: (!n.is_multiple_of(3)).then(|| format!("labels {n}")),
        }),
        11 => Some(replace(plan, n)),
        12 => Some(Command::MakeRods {
            before: plan.rod_choice.clone(),
            after: RodChoice {
                rod: n.is_multiple_of(2).then(|| "cocr-6.0".to_owned()),
                bender: n.is_multiple_of(4).then(|| "machine".to_owned()),
            },
        }),
        _ => Some(Command::SetNotes { before: plan.notes.clone(), after: format!("note {n}") }),
    }
}

/// How many kinds of wishes [`command`] knows.
const KINDS: u8 = 14;

/// The plan file as somebody else left it: another plan, this one read from its file, or most of it
/// gone.
fn replace(plan: &Plan, n: u8) -> Command {
    let after = match n % 3 {
        0 => base(),
        1 => file::parse(&bytes(plan), now()).unwrap().plan,
        _ => Plan { screws: Vec::new(), notes: format!("note {n}"), ..plan.clone() },
    };
    Command::Replace { before: Box::new(plan.clone()), after: Box::new(after) }
}

fn mending(n: u8) -> Mending {
    let at = Point::new(f64::from(n), -2.5, 7.25);
    match n {
        0 => Mending::Clean(20),
        _ => Mending::Stroke(Stroke::new(&[at, at + Dir::X * 9.0], 3.0, u16::from(n % 2), Some(4))),
    }
}

/// Keeps the plan as it is, takes up one that was kept, or drops it.
fn alternative(plan: &Plan, n: u8) -> Option<Command> {
    let some = plan.alternatives.get(usize::from(n) % plan.alternatives.len().max(1));
    match (n % 3, some) {
        (1, Some(one)) => Some(Command::DropAlternative(one.clone())),
        (2, Some(one)) => Some(Command::TakeUp {
            name: one.name.clone(),
            before: plan.screws.clone(),
            after: one.screws.clone(),
        }),
        _ => Some(Command::KeepAlternative(Alternative {
            name: free_name(&plan.alternatives),
            screws: plan.screws.clone(),
            ..Alternative::default()
        })),
    }
}

/// All suggestions anew, or a review of all screws.
fn exchange(plan: &Plan, n: u8) -> Option<Command> {
    let before = plan.screws.clone();
    let after = if n.is_multiple_of(2) {
        let accepted = |s: &Screw| Screw { state: ScrewState::Accepted, ..s.clone() };
        before.iter().map(accepted).collect()
    } else {
        let mut new = screw(u128::from(n));
        new.level = known_level(plan, &new.level.to_string());
        vec![new]
    };
    Some(Command::Exchange { before, after })
}

/// What the plan calls the vertebra that the labels call `name`.
fn known_level(plan: &Plan, name: &str) -> corridor::labels::Level {
    plan.renamed.get(&vertebra(name)).map_or(level(name), |renamed| renamed.to)
}

/// A plan as a file gives it, with keys that nobody knows.
fn base() -> Plan {
    let mut one = screw(200);
    one.unknown.insert("torque_nm".to_owned(), 1.5.into());
    Plan { screws: vec![one], ..Plan::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn undone_to_the_start_it_has_its_first_bytes_and_redone_its_last(
        wishes in prop::collection::vec((0..KINDS, 0_u8..60), 1..40),
    ) {
        let mut history = History::new(base(), Revision(0));
        for (kind, n) in wishes {
            if let Some(command) = command(history.plan(), kind, n) {
                history.take(step(command)).unwrap();
            }
        }
        let last = bytes(history.plan());
        let undone = (0..).take_while(|_| history.take(Step::Undo).is_ok()).count();
        prop_assert_eq!(bytes(history.plan()), bytes(&base()));
        for _ in 0..undone {
            history.take(Step::Redo).unwrap();
        }
        prop_assert_eq!(bytes(history.plan()), last);
    }

    /// Edits, undos and redos in any order: the shortest way leads to the same plan, the same undo
    /// stack and the same revision, through the journal's bytes.
    #[test]
    fn the_journal_tells_the_same_history(
        wishes in prop::collection::vec((0..KINDS + 5, 0_u8..60), 1..40),
    ) {
        let mut history = History::new(base(), Revision(7));
        for (kind, n) in wishes {
            let next = match kind {
                0..KINDS => command(history.plan(), kind, n).map(step),
                KINDS | 15 | 16 => Some(Step::Undo),
                _ => Some(Step::Redo),
            };
            if let Some(next) = next {
                let _nothing_left = history.take(next);
            }
        }
        let (text, _) = journal::write_whole(&Header::default(), &history, None, None).unwrap();
        let (replay, soundness) = journal::replay(text.as_bytes()).unwrap();
        let mut again = replay.unwrap().history;
        prop_assert_eq!(soundness, Soundness::Whole);
        prop_assert_eq!(again.revision(), history.revision());
        loop {
            prop_assert_eq!(again.plan(), history.plan());
            prop_assert_eq!(again.next_redo(), history.next_redo());
            let ended = history.take(Step::Undo).is_err();
            prop_assert_eq!(again.take(Step::Undo).is_err(), ended);
            if ended {
                break;
            }
        }
    }
}

/// Every command of the audit trail is among the wishes, but the two that only an undo makes.
#[test]
fn every_kind_of_edit_is_wished_for() {
    let mut plan = base();
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..800_u32 {
        let (kind, n) = (round * 5 % u32::from(KINDS), round * 11 % 59);
        let Some(command) = command(&plan, kind as u8, n as u8) else { continue };
        command.apply(&mut plan).unwrap();
        let text = serde_json::to_value(&command).unwrap();
        seen.extend(text.as_object().unwrap().keys().cloned());
    }
    let all = "accept_labels aim_rods change delete drop_alternative exchange keep_alternative make_rods \
               mend place rename_level rename_levels replace set_notes take_up";
    assert_eq!(seen.into_iter().collect::<Vec<_>>().join(" "), all);
}

#[test]
fn an_edit_that_does_not_fit_changes_nothing() {
    let mut plan = base();
    let before = plan.clone();
    let there = plan.screws[0].clone();
    let mut stale = there.clone();
    stale.length_mm = 50.0;
    let mut flat = screw(1);
    flat.diameter_mm = 0.0;
    let mut nan = screw(1);
    nan.entry = [f64::NAN, 0.0, 0.0].into();
    let mut misnamed = screw(205);
    misnamed.level = level("T12");
    for (wrong, word) in [
        (Command::Place(there.clone()), "already"),
        (Command::Delete(stale.clone()), "no longer"),
        (Command::change(stale, there.clone()), "no longer"),
        (Command::change(there, screw(5)), "id"),
        (Command::Place(flat), "diameter"),
        (Command::Place(nan), "entry"),
        (Command::Place(misnamed), "calls L1"),
        (Command::SetNotes { before: "other".into(), after: String::new() }, "changed"),
        (
            Command::RenameLevel {
                vertebra: vertebra("L1"),
                before: level("L2"),
                after: level("L3"),
            },
            "called L1",
        ),
    ] {
        let sentence = wrong.apply(&mut plan).unwrap_err().to_string();
        assert!(sentence.contains(word), "{sentence}");
        assert_eq!(plan, before);
    }
}

#[test]
fn a_renamed_vertebra_takes_its_screws_along_and_only_them() {
    let mut plan = Plan { screws: vec![screw(0), screw(1), screw(5)], ..Plan::default() };
    plan.sort();
    let rename = |before, after| Command::RenameLevel {
        vertebra: vertebra("L1"),
        before: level(before),
        after: level(after),
    };
    rename("L1", "T13").apply(&mut plan).unwrap();
    let levels: Vec<String> = plan.screws.iter().map(|s| s.level.to_string()).collect();
    assert_eq!(levels, ["T13", "T13", "L2"]);
    rename("T13", "L1").apply(&mut plan).unwrap();
    assert!(plan.renamed.is_empty(), "its own name again leaves no trace");
    let error = rename("T13", "L1").apply(&mut plan).unwrap_err();
    assert!(matches!(error, CommandError::RenamedMeanwhile { .. }));
}

#[test]
fn nothing_to_undo_is_said() {
    let mut history = History::new(Plan::default(), Revision(0));
    assert_eq!(history.take(Step::Undo), Err(StepError::Nothing));
    assert_eq!(history.take(Step::Redo), Err(StepError::Nothing));
    assert_eq!(history.revision(), Revision(0));
}

#[test]
fn every_edit_has_its_line() {
    let (one, mut moved) = (screw(3), screw(3));
    moved.length_mm = 50.0;
    assert_eq!(Command::Place(one.clone()).audit(), "placed L4 right, 6.5 x 45 mm");
    let change = Command::change(one.clone(), moved);
    assert_eq!(change.audit(), "resized L4 right");
    assert!(one.name().starts_with("L4 right screw "));
}

#[test]
fn all_names_move_at_once_and_come_back() {
    use corridor::labels::{Level, VertebraId};
    let level = |name: &str| name.parse::<Level>().unwrap();
    let id = |n| VertebraId::of_label("shift", n);
    let called = [(id(1), level("T12")), (id(2), level("L1")), (id(3), level("S1"))];
    let command = Command::shift_levels(&called, -1).unwrap();
    let mut plan = Plan::default();
    command.apply(&mut plan).unwrap();
    assert_eq!(plan.renamed[&id(1)].to, level("T11"));
    assert_eq!(plan.renamed[&id(2)].to, level("T12"));
    assert!(!plan.renamed.contains_key(&id(3)), "the sacrum keeps its name");
    assert_eq!(command.audit(), "renamed 2 levels, T12 to T11 first");
    command.inverse().apply(&mut plan).unwrap();
    assert_eq!(plan, Plan::default());
    assert!(Command::shift_levels(&[(id(1), level("C1"))], -1).is_none());
}

/// What the vertebrae are called after an edit, in the order given.
fn called(
    plan: &Plan,
    vertebrae: &[(corridor::labels::VertebraId, corridor::labels::Level)],
) -> Vec<String> {
    let now = |(id, level): &(_, _)| plan.renamed.get(id).map_or(*level, |r| r.to).to_string();
    vertebrae.iter().map(now).collect()
}

#[test]
fn five_lumbar_vertebrae_become_six_with_one_click_and_come_back() {
    use corridor::labels::VertebraId;
    for (before, after) in [
        (vec!["L1", "L2", "L3", "L4", "L5", "S1"], vec!["L2", "L3", "L4", "L5", "L6", "S1"]),
        (
            vec!["T11", "T12", "L1", "L2", "L3", "L4", "L5"],
            vec!["T12", "L1", "L2", "L3", "L4", "L5", "L6"],
        ),
        (vec!["T12", "T13", "L1", "L5", "S1"], vec!["T13", "L1", "L2", "L6", "S1"]),
    ] {
        let id = |n: usize| VertebraId::of_label("six", n as u16);
        let vertebrae: Vec<_> =
            before.iter().enumerate().map(|(n, l)| (id(n), l.parse().unwrap())).collect();
        let command = Command::shift_levels(&vertebrae, 1).expect("one more fits above the sacrum");
        let mut plan = Plan::default();
        command.apply(&mut plan).unwrap();
        assert_eq!(called(&plan, &vertebrae), after);
        // A seventh there is not.
        let now: Vec<_> =
            vertebrae.iter().zip(&after).map(|((id, _), l)| (*id, l.parse().unwrap())).collect();
        assert_eq!(Command::shift_levels(&now, 1), None);
        let back = Command::shift_levels(&now, -1).expect("the names they had");
        let mut again = plan.clone();
        back.apply(&mut again).unwrap();
        assert_eq!(again, Plan::default());
        command.inverse().apply(&mut plan).unwrap();
        assert_eq!(plan, Plan::default());
    }
}

#[test]
fn no_shift_gives_two_vertebrae_one_name() {
    use corridor::labels::{Level, VertebraId};
    let all: Vec<_> = Level::all().map(|l| (VertebraId::of_label("all", 0), l)).collect();
    for (first, down) in (0..all.len()).flat_map(|n| (-3..=3).map(move |down| (n, down))) {
        for last in first..all.len() {
            let Some(Command::RenameLevels(renamings)) =
                Command::shift_levels(&all[first..=last], down)
            else {
                continue;
            };
            let names: std::collections::BTreeSet<Level> =
                renamings.iter().map(|r| r.after).collect();
            assert_eq!(names.len(), renamings.len(), "{renamings:?}");
            assert!(!names.contains(&Level::S1));
        }
    }
    let twice = [all[20], all[20]];
    assert_eq!(Command::shift_levels(&twice, 1), None);
}

#[test]
fn accepting_labels_is_an_edit_like_any_other() {
    let accept = Command::AcceptLabels { before: None, after: Some("abc".to_owned()) };
    let mut plan = Plan::default();
    accept.apply(&mut plan).unwrap();
    assert_eq!(plan.accepted_labels.as_deref(), Some("abc"));
    assert!(accept.apply(&mut plan).is_err(), "it is accepted already");
    accept.inverse().apply(&mut plan).unwrap();
    assert_eq!(plan, Plan::default());
}
