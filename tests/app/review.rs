//! What a person does with suggestions, names and automatic labels: each one edit, one undo.

use crate::stack::{self, MIDDLE, block_spine, core_app, interaction_app};
use bevy::prelude::*;
use corridor::app::closeup::Closeup;
use corridor::app::follow::{Comparing, Rodding};
use corridor::app::history::{Document, StatusLine, Tone};
use corridor::app::jobs::{ActiveCase, CaseOpened};
use corridor::app::measuring::Measuring;
use corridor::app::planning::{Extras, PlanWish, Planning};
use corridor::app::selection::Selection;
use corridor::case::spine::{Spine, VertebraModel};
use corridor::interact::intent::{Intent, Review};
use corridor::interact::pointer::PointerKind;
use corridor::labels::{Level, Lying, Posture, VertebraId};
use corridor::plan::bent::RodChoice;
use corridor::plan::correct::Target;
use corridor::plan::{Plan, Screw, ScrewState};
use corridor::space::{Dir, Side};
use corridor::volume::{Grid, Volume};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn plan(app: &App) -> Plan {
    Plan::clone(app.world().resource::<Document>().plan())
}

fn send(app: &mut App, intent: Intent) {
    app.world_mut().write_message(intent);
    app.update();
}

/// Two screws that the program suggested, one that a person placed.
fn place_three(app: &mut App) {
    let vertebra = app.world().resource::<ActiveCase>().spine.vertebrae[0].clone();
    for (n, state) in
        [ScrewState::Suggested, ScrewState::Suggested, ScrewState::Reviewed].into_iter().enumerate()
    {
        let side = if n == 0 { Side::Left } else { Side::Right };
        let screw = Screw {
            state,
            entry: MIDDLE + Dir::Z * (5.0 * n as f64),
            ..stack::screw(&vertebra, side)
        };
        app.world_mut().resource_mut::<Document>().session_mut().place(screw).unwrap();
    }
    app.update();
}

#[test]
fn all_suggestions_are_accepted_or_rejected_at_once() {
    let (mut app, _, _folder) = interaction_app(PointerKind::Mouse);
    place_three(&mut app);
    let before = plan(&app);
    send(&mut app, Intent::ReviewSuggested(Review::Accept));
    let states: Vec<_> = plan(&app).screws.iter().map(|s| s.state).collect();
    assert_eq!(states.iter().filter(|s| **s == ScrewState::Accepted).count(), 2);
    assert!(states.contains(&ScrewState::Reviewed), "a person's own screw stays as it was");
    send(&mut app, Intent::Undo);
    assert_eq!(plan(&app), before);
    send(&mut app, Intent::ReviewSuggested(Review::Reject));
    assert_eq!(plan(&app).screws.len(), 1);
    send(&mut app, Intent::Undo);
    assert_eq!(plan(&app), before);
}

#[test]
fn all_names_move_with_one_and_their_screws_with_them() {
    let (mut app, _, _folder) = interaction_app(PointerKind::Mouse);
    place_three(&mut app);
    send(&mut app, Intent::ShiftLevels(-1));
    assert!(plan(&app).screws.iter().all(|s| s.level.to_string() == "L3"));
    let vertebra = app.world().resource::<ActiveCase>().spine.vertebrae[0].id;
    send(&mut app, Intent::RenameLevel(vertebra, Level::L2));
    assert!(plan(&app).screws.iter().all(|s| s.level == Level::L2));
    send(&mut app, Intent::ShiftLevels(9));
    assert!(plan(&app).screws.iter().all(|s| s.level == Level::L2), "beyond the spine is no name");
    send(&mut app, Intent::Undo);
    send(&mut app, Intent::Undo);
    assert!(plan(&app).screws.iter().all(|s| s.level == Level::L4));
    assert!(plan(&app).renamed.is_empty());
}

#[test]
fn a_name_that_another_vertebra_has_is_told_in_the_sentence_of_the_edit() {
    let (mut app, _, _folder) = interaction_app(PointerKind::Mouse);
    let mut spine = block_spine();
    let mut lower = VertebraModel::clone(&spine.vertebrae[0]);
    (lower.id, lower.level) = (VertebraId::of_label("block", 5), Level::L5);
    let l4 = spine.vertebrae[0].id;
    spine.vertebrae.push(Arc::new(lower));
    app.insert_resource(ActiveCase { spine: Arc::new(spine) });
    let said = |app: &App| app.world().resource::<StatusLine>().text.clone();
    send(&mut app, Intent::RenameLevel(l4, Level::L5));
    let twice = "Renamed L4 to L5; two vertebrae are called L5: rename the one";
    assert!(said(&app).starts_with(twice), "{}", said(&app));
    send(&mut app, Intent::RenameLevel(l4, Level::L3));
    assert_eq!(said(&app), "Renamed L5 to L3");
}

#[test]
fn automatic_labels_are_accepted_and_that_is_taken_back() {
    let (mut app, _, _folder) = interaction_app(PointerKind::Mouse);
    send(&mut app, Intent::AcceptLabels(true));
    assert_eq!(plan(&app).accepted_labels.as_deref(), Some("block"));
    send(&mut app, Intent::Undo);
    assert_eq!(plan(&app).accepted_labels, None);
}

#[test]
fn a_case_is_measured_as_its_file_says_until_a_person_says_otherwise() {
    let (mut app, _folder) = core_app();
    let show = |app: &mut App| {
        let spine = Spine { lying: Some(Lying::Belly), ..block_spine() };
        app.insert_resource(ActiveCase { spine: Arc::new(spine) });
        app.update();
        app.world().resource::<Measuring>().posture
    };
    app.world_mut().write_message(CaseOpened);
    assert_eq!(show(&mut app), Posture::Prone);
    app.world_mut().resource_mut::<Measuring>().posture = Posture::Standing;
    assert_eq!(show(&mut app), Posture::Standing, "mended labels are still the same patient's");
    app.world_mut().write_message(CaseOpened);
    assert_eq!(show(&mut app), Posture::Prone, "another patient");
}

#[test]
fn the_density_on_the_path_of_the_chosen_screw_is_told_with_its_rule() {
    let (mut app, _folder) = core_app();
    let vertebra = app.world().resource::<ActiveCase>().spine.vertebrae[0].clone();
    let screw = stack::screw(&vertebra, Side::Left);
    app.world_mut().resource_mut::<Document>().session_mut().place(screw.clone()).unwrap();
    app.world_mut().resource_mut::<Selection>().screw = Some(screw.id);
    for (hu, rules) in [(180_i16, 0), (100, 1)] {
        let first = MIDDLE + Dir::new(-100.0, -100.0, -100.0);
        let grid = Grid::along_axes(first, 4.0, [51; 3]);
        let ct = Some(Arc::new(Volume::from_fn(grid, move |_| hu)));
        app.insert_resource(ActiveCase { spine: Arc::new(Spine { ct, ..block_spine() }) });
        app.update();
        let path = app.world().resource::<Closeup>().path.clone().unwrap();
        assert!((path.density.mean_hu - f64::from(hu)).abs() < 1e-6, "{path:?}");
        assert_eq!(path.flags.len(), rules, "{path:?}");
        assert!(path.flags.iter().all(|flag| flag.to_string().contains("Yamamoto 2025")));
    }
}

#[test]
fn what_an_undo_brings_back_is_chosen_and_the_status_names_no_id() {
    let (mut app, _, _folder) = interaction_app(PointerKind::Mouse);
    place_three(&mut app);
    let screw = plan(&app).screws[0].clone();
    send(&mut app, Intent::Delete(screw.id));
    let said = app.world().resource::<StatusLine>().text.clone();
    assert_eq!(said, "Deleted L4 left");
    send(&mut app, Intent::Undo);
    assert_eq!(app.world().resource::<Selection>().screw, Some(screw.id));
}

#[test]
fn a_pedicle_that_can_not_be_planned_is_told_in_words_and_changes_nothing() {
    let (mut app, _, _folder) = interaction_app(PointerKind::Mouse);
    // The block has pedicles and no canal, so nothing would keep a screw out of it.
    let before = plan(&app);
    send(&mut app, Intent::PlanAll(Extras::default()));
    let start = Instant::now();
    while app.world().resource::<Planning>().refusals().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(60), "planning never ends");
        app.update();
        std::thread::sleep(Duration::from_millis(5));
    }
    let refusals = app.world().resource::<Planning>().refusals().to_vec();
    assert_eq!(refusals.len(), 2, "{refusals:?}");
    assert!(refusals[0].starts_with("L4 left: its canal was not found"), "{refusals:?}");
    assert_eq!(app.world().resource::<StatusLine>().tone, Tone::Warning);
    assert_eq!(plan(&app), before);
    assert!(!app.world().resource::<Document>().session().can_undo());
}

#[test]
fn planning_that_is_stopped_changes_nothing() {
    let (mut app, _folder) = core_app();
    app.update();
    app.world_mut().write_message(PlanWish::Start(Extras::default()));
    app.update();
    app.world_mut().write_message(PlanWish::Stop);
    app.update();
    assert!(app.world().resource::<Planning>().stage().is_none());
    assert!(!app.world().resource::<Document>().session().can_undo());
}

#[test]
fn a_plan_is_kept_compared_taken_up_again_and_dropped_each_in_one_edit() {
    let (mut app, _, _folder) = interaction_app(PointerKind::Mouse);
    place_three(&mut app);
    let kept = plan(&app).screws;
    send(&mut app, Intent::KeepPlan);
    send(&mut app, Intent::Delete(kept[1].id));
    let start = Instant::now();
    let columns = loop {
        app.update();
        let plan = app.world().resource::<Document>().plan().clone();
        if let Some(columns) = app.world().resource::<Comparing>().of(&plan) {
            break columns.to_vec();
        }
        assert!(start.elapsed() < Duration::from_secs(60), "they are never compared");
        std::thread::sleep(Duration::from_millis(5));
    };
    let counts: Vec<usize> = columns.iter().map(|column| column.summary.screws).collect();
    assert_eq!(counts, [2, 3], "the plan now, then A");
    let fewer = plan(&app);
    send(&mut app, Intent::TakeUpPlan("A".to_owned()));
    assert_eq!(plan(&app).screws, kept);
    assert_eq!(app.world().resource::<StatusLine>().text, "Took up plan A");
    send(&mut app, Intent::Undo);
    assert_eq!(plan(&app), fewer);
    send(&mut app, Intent::DropPlan("A".to_owned()));
    assert!(plan(&app).alternatives.is_empty());
    send(&mut app, Intent::TakeUpPlan("A".to_owned()));
    assert_eq!(app.world().resource::<StatusLine>().tone, Tone::Fault, "there is none");
}

/// What is known of the rods once it is that of the plan.
fn rods(app: &mut App) -> Result<usize, String> {
    let start = Instant::now();
    loop {
        app.update();
        let plan = app.world().resource::<Document>().plan().clone();
        if let Some(known) = app.world().resource::<Rodding>().of(&plan) {
            return known.as_ref().map(|sheet| sheet.rods.len()).map_err(String::clone);
        }
        assert!(start.elapsed() < Duration::from_secs(60), "the rods are never known");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn rods_are_aimed_in_one_edit_that_undo_takes_back() {
    let (mut app, _, _folder) = interaction_app(PointerKind::Mouse);
    place_three(&mut app);
    let before = plan(&app);
    assert_eq!(rods(&mut app), Ok(1), "one side has two screws");
    let target = Target { lordosis_deg: Some(45.0), coronal_part: 0.5 };
    send(&mut app, Intent::AimRods(target));
    assert_eq!(plan(&app).rod_target, target);
    let said = app.world().resource::<StatusLine>().text.clone();
    assert_eq!(said, "Laid the rods for 45 degrees of lordosis, 50 % straightened");
    let why = rods(&mut app).unwrap_err();
    assert!(why.contains("two levels"), "the block is one level: {why}");
    send(&mut app, Intent::Undo);
    assert_eq!(plan(&app), before);
    assert_eq!(rods(&mut app), Ok(1));
    // So is what they are made of.
    let choice = RodChoice { rod: Some("cocr-6.0".into()), bender: Some("machine".into()) };
    send(&mut app, Intent::MakeRods(choice.clone()));
    assert_eq!(plan(&app).rod_choice, choice);
    let said = app.world().resource::<StatusLine>().text.clone();
    assert_eq!(said, "Chose cocr-6.0 for the rods, bent by machine");
    send(&mut app, Intent::Undo);
    assert_eq!(plan(&app), before);
    send(&mut app, Intent::AimRods(Target { coronal_part: 1.5, ..target }));
    assert_eq!(app.world().resource::<StatusLine>().tone, Tone::Fault);
    assert_eq!(plan(&app), before);
}
