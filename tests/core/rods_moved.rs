//! Rods for a spine that is moved to a target first.

use crate::plan_auto::{l4_to_s1, plan};
use corridor::case::judge;
use corridor::case::suggest::Wish;
use corridor::labels::Level;
use corridor::plan::Plan;
use corridor::plan::auto::{Rules, construct};
use corridor::plan::correct::{CorrectError, Target, lordosis_deg};

#[test]
fn rods_join_the_heads_where_the_moved_spine_has_them() {
    let spine = &l4_to_s1().spine;
    let screws = plan(spine, &Wish::default()).screws.into_iter().map(|(screw, _)| screw).collect();
    let plan = Plan { screws, ..Plan::default() };
    let plate = |level: Level| spine.at_level(level).unwrap().anatomy.upper_plate.unwrap().up;
    let now = lordosis_deg(plate(Level::L4), plate(Level::S1));
    let target = Target { lordosis_deg: Some(now + 8.0), coronal_part: 0.0 };
    let (moved, rods) = judge::rods_towards(spine, &plan, target).unwrap();
    assert_eq!(
        moved.iter().map(|m| m.level).collect::<Vec<_>>(),
        [Level::L4, Level::L5, Level::S1]
    );
    let reached = lordosis_deg(moved[0].motion.dir(plate(Level::L4)), plate(Level::S1));
    assert!((reached - now - 8.0).abs() < 1e-6, "{reached} from {now}");
    let rules = Rules::builtin().unwrap();
    let as_it_is = judge::rods_of(&plan);
    for (n, (ids, rod)) in rods.iter().enumerate() {
        assert_eq!(ids.len(), 3);
        for (id, misfit) in ids.iter().zip(&rod.misfit_mm) {
            let screw = plan.screw(*id).unwrap();
            let motion = moved.iter().find(|m| m.level == screw.level).unwrap().motion;
            let head = motion.point(construct::head(&screw.shape(), &rules));
            let nearest = rod.line.iter().map(|p| p.distance(head)).fold(f64::INFINITY, f64::min);
            // Points of the line are a millimetre apart.
            assert!(nearest < misfit + 0.6, "{}: {nearest} of {misfit}", screw.name());
        }
        // More lordosis brings the heads behind it nearer together.
        assert!(rod.length_mm() < as_it_is[n].1.length_mm() - 1.0);
    }
    let wrong = Target { lordosis_deg: Some(f64::NAN), coronal_part: 0.0 };
    assert_eq!(judge::rods_towards(spine, &plan, wrong), Err(CorrectError::NoTarget));
    let none = judge::rods_towards(spine, &Plan::default(), target);
    assert_eq!(none, Err(CorrectError::TooFew));
}
