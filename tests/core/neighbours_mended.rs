//! What hangs on the labels of a mended vertebra: its neighbours' surfaces, where these end at it, and their
//! measures, which take the way up from it. All is to the last bit what the labels make whole.

use crate::label_edits::assert_same;
use corridor::case::judge::{self, Unjudged};
use corridor::case::spine::{self, Spine, mended, mended_first, with_neighbours};
use corridor::case::stale::Due;
use corridor::labels::edit::{Mending, Stroke};
use corridor::labels::{LabelMap, Level};
use corridor::phantom::{Phantom, Spec};
use corridor::plan::{Plan, Screw};
use corridor::space::{Dir, Patient, Point, Side};
use corridor::work::Work;
use std::sync::{Arc, OnceLock};

const VOXEL_MM: f64 = 1.25;

fn level(name: &str) -> Level {
    name.parse().unwrap()
}

/// L3 to S1 with their CT.
fn given() -> &'static Spine {
    static MADE: OnceLock<Spine> = OnceLock::new();
    MADE.get_or_init(|| {
        let levels = ["L3", "L4", "L5", "S1"].map(level).to_vec();
        let phantom = Phantom::new(&Spec { levels, ..Spec::default() }).unwrap();
        let (ct, labels) = phantom.images(&phantom.grid(VOXEL_MM));
        spine::of_images(Some(ct), labels, &Work::silent()).unwrap()
    })
}

/// The spine that these labels make, from nothing else.
fn whole(labels: &LabelMap) -> Spine {
    spine::of_images(given().ct.as_deref().cloned(), labels.clone(), &Work::silent()).unwrap()
}

/// The place of L4's surface that lies farthest that way.
fn of_l4(way: Dir<Patient>) -> Point<Patient> {
    let along = |p: &&Point<Patient>| (p.vec().dot(way.vec()) * 1e6) as i64;
    *given().at_level(level("L4")).unwrap().mesh.positions.iter().max_by_key(along).unwrap()
}

/// A hole in the middle of L4's body, bone painted onto its end plate, some off its lowest facet, bone painted
/// from its highest place on into what is around, and over L3.
fn strokes() -> [(&'static str, Stroke); 5] {
    let l4 = given().at_level(level("L4")).unwrap();
    let value = given().labels.as_ref().unwrap().at_level(level("L4")).unwrap().value;
    let [top, low] = [Dir::Z, -Dir::Z].map(of_l4);
    let plate = l4.anatomy.upper_plate.unwrap().centre;
    let middle = plate.lerp(l4.anatomy.lower_plate.unwrap().centre, 0.5);
    let erased = |at| Stroke::new(&[at], 4.0, 0, Some(value));
    let painted = |over| Stroke::new(&[top], 4.0, value, over);
    [
        ("body", erased(middle)),
        ("end plate", Stroke::new(&[plate], 4.0, value, Some(0))),
        ("facet", erased(low)),
        ("painted", painted(Some(0))),
        ("painted over", painted(None)),
    ]
}

fn plan(stroke: &Stroke) -> Plan {
    Plan { label_edits: vec![Mending::Stroke(stroke.clone())], ..Plan::default() }
}

/// What is due of L3, L4, L5 and S1.
fn due(spine: &Spine) -> [Option<Due>; 4] {
    ["L3", "L4", "L5", "S1"].map(|name| {
        let id = spine.at_level(level(name)).unwrap().id;
        spine.due.get(&id).copied()
    })
}

#[test]
fn neighbours_follow_where_their_surfaces_end_at_the_stroke_and_are_measured_anew_elsewhere() {
    let [measures, surface] = [Some(Due::Measures), Some(Due::Surface)];
    let wanted = [
        [measures, None, measures, None],
        [surface, None, measures, None],
        [measures, None, surface, None],
        [surface, None, measures, None],
        [None, None, measures, None],
    ];
    let silent = Work::silent();
    for ((what, stroke), wanted) in strokes().into_iter().zip(wanted) {
        let first = mended_first(given(), given(), &plan(&stroke), &silent).unwrap();
        assert_eq!(due(&first), wanted, "{what}");
        let then = with_neighbours(&first, &silent).unwrap();
        let whole = whole(then.labels.as_deref().unwrap());
        assert_eq!((then.vertebrae.len(), whole.vertebrae.len()), (4, 4));
        for (n, made) in then.vertebrae.iter().enumerate() {
            assert_same(made, whole.vertebra(made.id).unwrap());
            let [before, at_first] = [given(), &first].map(|spine| &spine.vertebrae[n]);
            let is_kept = Arc::ptr_eq(at_first, made);
            assert!(is_kept == wanted[n].is_none() || made.anatomy == before.anatomy, "{what}");
            if wanted[n].is_some() {
                assert!(Arc::ptr_eq(before, at_first), "{what}: the old one is seen");
            }
        }
    }
}

#[test]
fn nothing_is_judged_by_a_vertebra_that_is_due() {
    let [_, (_, plate), ..] = strokes();
    let first = mended_first(given(), given(), &plan(&plate), &Work::silent()).unwrap();
    let then = with_neighbours(&first, &Work::silent()).unwrap();
    let screw = |name: &str| {
        let vertebra = first.at_level(level(name)).unwrap();
        let pedicle = vertebra.anatomy.pedicle(Side::Left).unwrap();
        let shape = corridor::clearance::ScrewShape {
            entry: pedicle.isthmus - pedicle.axis * 15.0,
            axis: pedicle.axis,
            length_mm: 35.0,
            diameter_mm: 5.0,
        };
        let now = jiff::Timestamp::UNIX_EPOCH;
        Screw::placed((vertebra.id, vertebra.level), Side::Left, &shape, "test", now)
    };
    let catalogue = corridor::implant::Catalogue::builtin().unwrap();
    let answer =
        |spine: &Spine, name| judge::answer(spine, &Plan::default(), &screw(name), &catalogue);
    for name in ["L3", "L4", "L5"] {
        let unjudged = judge::assess(&first, &screw(name)).err();
        assert_eq!(unjudged.is_some(), name != "L4", "L4 itself stands");
        let why = answer(&first, name).unwrap_err();
        assert!(matches!(&why, Unjudged::VertebraDue { .. }), "{why}");
        assert!(answer(&then, name).is_ok());
    }
}

#[test]
fn strokes_taken_back_at_any_time_bring_all_back() {
    let silent = Work::silent();
    let [_, (_, plate), (_, facet), ..] = strokes();
    let [first, other] = [&plate, &facet].map(plan);
    let at_first = mended_first(given(), given(), &first, &silent).unwrap();
    // Another stroke, then both taken back, none of which waits for the neighbours.
    let both = [first.label_edits.clone(), other.label_edits].concat();
    let both = Plan { label_edits: both, ..Plan::default() };
    let at_both = mended_first(given(), &at_first, &both, &silent).unwrap();
    assert_eq!(due(&at_both), [Some(Due::Surface), None, Some(Due::Surface), None]);
    let then = with_neighbours(&at_both, &silent).unwrap();
    let whole = whole(then.labels.as_deref().unwrap());
    let at_once = mended(given(), given(), &both, &silent).unwrap();
    let back = mended(given(), &at_both, &Plan::default(), &silent).unwrap();
    for (n, model) in given().vertebrae.iter().enumerate() {
        assert_same(&then.vertebrae[n], &whole.vertebrae[n]);
        assert_same(&at_once.vertebrae[n], &whole.vertebrae[n]);
        assert_same(&back.vertebrae[n], model);
    }
    assert!(back.due.is_empty());
}
