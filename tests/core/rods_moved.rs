//! Rods for a spine that is moved to a target first.

use crate::plan_auto::{l4_to_s1, plan};
use corridor::case::judge;
use corridor::case::rods::{bent_rods_of, sheet};
use corridor::case::suggest::Wish;
use corridor::labels::Level;
use corridor::plan::auto::{Rules, construct};
use corridor::plan::bent::{MOST_BENDS, RodChoice};
use corridor::plan::correct::{CorrectError, Target, lordosis_deg};
use corridor::plan::{Header, Plan, file};
use corridor::space::Side;

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
    // The plan keeps what its rods are laid for, and its sheet is that of the moved spine.
    let aimed = Plan { rod_target: target, ..plan.clone() };
    let text = file::print(&Header::default(), &aimed).unwrap();
    let read = file::parse(&text, jiff::Timestamp::UNIX_EPOCH).unwrap().plan;
    assert_eq!(read.rod_target, target);
    assert!(!file::print(&Header::default(), &plan).unwrap().contains("rod_target"));
    let usual = RodChoice::default();
    let made = sheet(spine, &aimed, read.rod_target, &usual, None).unwrap();
    assert_eq!(made.moved, moved);
    for ((one, (_, rod)), side) in made.rods.iter().zip(&rods).zip(Side::BOTH) {
        assert_eq!((&one.curve, one.side), (rod, side));
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
    let made = sheet(spine, &kept, Target::default(), &chosen, None).unwrap();
    assert_eq!((&*made.kind.id, &*made.bender.id), ("cocr-6.0", "machine"));
    // What checks and comparisons tell is the misfit of the rods of the sheet.
    for (one, (_, bent)) in made.rods.iter().zip(bent_rods_of(&kept)) {
        assert_eq!(one.bent, bent);
    }
    let none = RodChoice { bender: Some("knee".into()), ..chosen };
    let why = sheet(spine, &kept, Target::default(), &none, None).unwrap_err().to_string();
    assert!(why.contains("no bender knee: there are hand, machine"), "{why}");
    let wrong = text.replace("\"coronal_part\": 0.0", "\"coronal_part\": 7.0");
    let refused = file::parse(&wrong, jiff::Timestamp::UNIX_EPOCH).unwrap_err().to_string();
    assert!(refused.contains("a part from 0 to 1"), "{refused}");
    let wrong = Target { lordosis_deg: Some(f64::NAN), coronal_part: 0.0 };
    assert_eq!(judge::rods_towards(spine, &plan, wrong), Err(CorrectError::NoTarget));
    let none = judge::rods_towards(spine, &Plan::default(), target);
    assert_eq!(none, Err(CorrectError::TooFew));
}
