//! The grade on the distance field of a real shape: right, and fast enough for a moving hand.

use crate::anatomy_phantom::exact_surface;
use crate::organs::of_phantom;
use crate::plan_auto::{Made, answer_of, around_bones, l4_to_s1, plan};
use corridor::anatomy::{VertebraAnatomy, measure};
use corridor::case::ahead::ask;
use corridor::case::judge;
use corridor::case::spine::{self, Spine};
use corridor::case::suggest::Wish;
use corridor::clearance::{
    Field, Grade, ScrewShape, Wall, assess, assess_without_profile, default_screw, entry_on_axis,
};
use corridor::implant::Catalogue;
use corridor::phantom::{Bone, Phantom, Spec};
use corridor::plan::{Plan, Screw};
use corridor::space::{Dir, Patient, Side};
use corridor::work::Work;
use glam::DQuat;
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Case {
    bone: Bone,
    field: Field,
    anatomy: VertebraAnatomy,
}

fn l4() -> Case {
    let phantom = Phantom::new(&Spec::default()).unwrap();
    let labels = phantom.labels(&phantom.grid(3.0));
    let level = "L4".parse().unwrap();
    let bone = phantom.bone(level).unwrap().clone();
    let surface = exact_surface(&bone, DQuat::IDENTITY);
    let field = Field::new(&surface, &Work::silent()).unwrap();
    let anatomy = measure(&labels, labels.at_level(level).unwrap(), &surface, None);
    Case { bone, field, anatomy }
}

fn shifted(field: &Field, screw: ScrewShape, by: Dir<Patient>) -> ScrewShape {
    let entry = entry_on_axis(field, screw.entry + by + screw.axis * 10.0, screw.axis).unwrap();
    ScrewShape { entry, ..screw }
}

#[test]
fn a_screw_in_the_phantom_reads_as_it_lies_and_at_the_speed_of_a_hand() {
    let Case { bone, field, anatomy } = l4();
    let catalogue = Catalogue::builtin().unwrap();
    let left = anatomy.patient_from_vertebra.dir(Dir::X);
    for side in Side::BOTH {
        let pedicle = *anatomy.pedicle(side).unwrap();
        let middle = default_screw(&field, &pedicle, &catalogue).unwrap();
        assert_eq!(assess(&middle, &field, &anatomy).unwrap().grade, Grade::A, "{side}");
        let past_wall = pedicle.width_mm / 2.0 - middle.diameter_mm / 2.0 + 2.5;
        let medial = shifted(&field, middle, left * (-side.sign() * past_wall));
        let judged = assess(&medial, &field, &anatomy).unwrap();
        assert_eq!((judged.grade, judged.breach_wall), (Grade::C, Some(Wall::Medial)), "{side}");
        let truth = assess_without_profile(&medial, &bone, &anatomy).unwrap();
        assert!((judged.breach_mm - truth.breach_mm).abs() < 0.1, "{judged:?} {truth:?}");
        assert!((judged.clearance_mm - truth.clearance_mm).abs() < 0.1, "{judged:?} {truth:?}");
        // And never so long that a frame of a headset would wait.
        let thousand = thousand_quick(&field, &medial);
        for (screw, most) in [(middle, 3), (medial, 12)] {
            let took = fastest(|| assess(&screw, &field, &anatomy).unwrap());
            println!("assess took {took:?}, a thousand distances {thousand:?} ({side})");
            assert!(took < most * thousand, "{took:?}, {thousand:?}");
            assert!(took < Duration::from_millis(5), "{took:?}");
        }
    }
}

#[test]
fn a_full_answer_takes_no_longer_than_some_thousand_quick_distances() {
    let Made { phantom, spine } = l4_to_s1();
    let structures = phantom.structures(&around_bones(phantom, 1.0));
    let organs = Arc::new(spine::organs(&structures, &of_phantom()));
    assert!(organs.len() > 1, "with what lies around the bones");
    let spine = &Spine { organs, ..spine.clone() };
    let planned = plan(spine, &Wish::default());
    let screws = planned.screws.into_iter().map(|(screw, _)| screw).collect();
    let plan = Plan { screws, ..Plan::default() };
    assert!(plan.screws.len() > 4);
    for screw in &plan.screws {
        let vertebra = judge::vertebra_of(spine, screw).unwrap();
        let medial = vertebra.anatomy.patient_from_vertebra.dir(Dir::X) * -screw.side.sign();
        let out = Screw { entry: screw.entry + medial * 5.0, ..screw.clone() };
        let thousand = thousand_quick(&vertebra.field, &screw.shape());
        // In bone, and in breach, where the worst place has to be searched.
        for (screw, most) in [(screw, 4), (&out, 16)] {
            let took = fastest(|| answer_of(spine, &plan, screw));
            println!("full answer {took:?}, a thousand distances {thousand:?}, {}", screw.name());
            assert!(took < most * thousand, "{took:?}, {thousand:?}, {}", screw.name());
        }
    }
}

#[test]
fn what_a_hand_asks_first_was_asked_ahead() {
    let levels = vec!["L4".parse().unwrap()];
    let phantom = Phantom::new(&Spec { levels, ..Spec::default() }).unwrap();
    let labels = phantom.labels(&phantom.grid(2.0));
    let fresh = || spine::of_images(None, labels.clone(), &Work::silent()).unwrap();
    let first_answer = |spine: &Spine| {
        let vertebra = &spine.vertebrae[0];
        let pedicle = &vertebra.anatomy.pedicles[0];
        let shape = default_screw(&vertebra.field, pedicle, &Catalogue::builtin().unwrap());
        let medial = vertebra.anatomy.patient_from_vertebra.dir(Dir::X) * 5.0;
        let shape = shifted(&vertebra.field, shape.unwrap(), medial);
        let start = Instant::now();
        assess(&shape, &vertebra.field, &vertebra.anatomy).unwrap();
        start.elapsed()
    };
    let cold = first_answer(&fresh());
    let spine = fresh();
    spine.vertebrae.iter().for_each(|vertebra| ask(vertebra));
    let asked = first_answer(&spine);
    println!("the first answer takes {cold:?}, asked ahead {asked:?}");
    assert!(asked * 3 < cold, "{asked:?} {cold:?}");
}

/// What a thousand quick distances along a screw take: in the same run a busy machine slows both.
fn thousand_quick(field: &Field, screw: &ScrewShape) -> Duration {
    let along = |n: u32| screw.entry + screw.axis * (screw.length_mm * f64::from(n) / 1e3);
    let places: Vec<_> = (0..1000).map(along).collect();
    fastest(|| places.iter().map(|p| field.quick_distance_mm(*p)).sum::<f64>())
}

/// The shortest of many runs: what the work itself takes, whatever else the machine does.
fn fastest<R>(call: impl Fn() -> R) -> Duration {
    let once = |_| {
        let start = Instant::now();
        std::hint::black_box(call());
        start.elapsed()
    };
    (0..50).map(once).min().unwrap()
}
