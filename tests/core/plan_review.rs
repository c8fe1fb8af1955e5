//! Suggested screws come into a plan, leave it, and can be asked why they are good.

use crate::plan_auto::{l4_to_s1, plan};
use corridor::case::Command;
use corridor::case::suggest::{self, Wish};
use corridor::implant::Catalogue;
use corridor::labels::Level;
use corridor::plan::auto::Rules;
use corridor::plan::{Plan, RenamedLevel, Screw, ScrewId, ScrewState};
use corridor::space::Dir;

fn suggested() -> Vec<Screw> {
    let wish = Wish { levels: vec![Level::L4, Level::L5], ..Wish::default() };
    plan(&l4_to_s1().spine, &wish).screws.into_iter().map(|(screw, _)| screw).collect()
}

#[test]
fn suggestions_leave_a_persons_screws_alone_and_replace_older_ones() {
    let screws = suggested();
    let accepted = Screw { state: ScrewState::Accepted, ..screws[0].clone() };
    let by_hand = Screw { id: ScrewId::random(), state: ScrewState::Reviewed, ..screws[1].clone() };
    let older = Screw { length_mm: 30.0, ..screws[2].clone() };
    let mut before = Plan::default();
    before.screws = vec![accepted.clone(), by_hand.clone(), older.clone()];
    before.sort();
    let (gone, come) = suggest::changes(&before, screws.clone());
    assert_eq!(gone, [older]);
    assert_eq!(come, screws[2..], "the pedicles of a person's screws get no other");
    let command = Command::Exchange { before: gone, after: come };
    let mut after = before.clone();
    command.apply(&mut after).unwrap();
    assert_eq!(after.screws.len(), 4);
    assert!(after.screws.contains(&accepted) && after.screws.contains(&by_hand));
    assert_eq!(command.audit(), "planned 2 screws automatically");
    command.inverse().apply(&mut after).unwrap();
    assert_eq!(after, before, "one undo takes all back");
}

#[test]
fn why_says_the_score_of_a_screw_wherever_it_came_from() {
    let (rules, catalogue) = (Rules::builtin().unwrap(), Catalogue::builtin().unwrap());
    let spine = &l4_to_s1().spine;
    let why = |screw: &Screw| suggest::why(spine, screw, &rules, &catalogue);
    let wish = Wish { levels: vec![Level::L4], ..Wish::default() };
    for (screw, found) in plan(spine, &wish).screws {
        let score = why(&screw).unwrap();
        for name in ["canal", "wall", "end plate", "convergence"] {
            let [a, b] = [&score, &found.score].map(|s| s.term(name).unwrap().measure.unwrap());
            assert!((a - b).abs() < 0.3, "{} {name}: {a} {b}", screw.title());
        }
        // Inwards by 3 mm it comes nearer to the canal: the term says so, and so does the whole.
        let inwards = -Dir::X * (3.0 * screw.side.sign());
        let medial = Screw { entry: screw.entry + inwards, ..screw.clone() };
        let worse = why(&medial).unwrap();
        assert!(worse.total < score.total, "{}: {} {}", screw.title(), worse.total, score.total);
        let canal = |s: &corridor::plan::auto::Score| s.term("canal").unwrap().measure.unwrap();
        assert!(canal(&worse) < canal(&score) - 1.0);
    }
    let far = Screw { entry: suggested()[0].entry + Dir::X * 80.0, ..suggested()[0].clone() };
    assert_eq!(why(&far), None, "beside all bone there is nothing to score");
}

#[test]
fn a_renamed_vertebra_is_planned_under_its_new_name() {
    let spine = &l4_to_s1().spine;
    let l4 = spine.at_level(Level::L4).unwrap().id;
    let mut plan = Plan::default();
    plan.renamed.insert(l4, RenamedLevel { from: Level::L4, to: Level::L3 });
    let named = spine.named_by(&plan);
    assert_eq!(named.at_level(Level::L3).unwrap().id, l4);
    assert!(named.at_level(Level::L4).is_none());
    assert_eq!(spine.at_level(Level::L4).unwrap().id, l4, "the spine itself keeps its names");
}
