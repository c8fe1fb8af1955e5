//! How far a screw is from cord, roots and vessels, where the labels have them.

use crate::plan_auto::{answer_of, around_bones, l4_to_s1, plan};
use corridor::case::spine::{self, Spine};
use corridor::case::suggest::Wish;
use corridor::labels::{Level, Organ};
use corridor::phantom::Structure;
use corridor::plan::{Plan, Screw};
use corridor::space::Side;
use corridor::volume::Volume;
use corridor::work::Work;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Smallest distance from a screw's axis, sampled, to the centre of any voxel of a structure, less
/// its radius.
fn by_brute_force(map: &Volume<u16>, value: u16, screw: &Screw) -> f64 {
    let grid = map.grid();
    let voxels = map.data().indexed_iter().filter(|(_, v)| **v == value);
    let to_axis = |at: ((usize, usize, usize), &u16)| {
        let ((k, j, i), _) = at;
        let centre = grid.centre([i, j, k]);
        let along = (centre - screw.entry).dot(screw.axis).clamp(0.0, screw.length_mm);
        centre.distance(screw.entry + screw.axis * along)
    };
    voxels.map(to_axis).fold(f64::INFINITY, f64::min) - screw.diameter_mm / 2.0
}

/// Which values of the phantom's structures stand for which organ.
pub fn of_phantom() -> BTreeMap<Organ, Vec<u16>> {
    let names = Structure::ALL.map(|s| (s.value(), s.name().to_owned()));
    let names: BTreeMap<u16, String> = names.into_iter().collect();
    Organ::find(names.keys().copied(), &names, corridor::labels::numbering::Numbering::Names)
}

#[test]
fn the_gaps_to_cord_roots_and_vessels_stand_beside_the_letter() {
    let made = l4_to_s1();
    let recorded = made.phantom.record(&around_bones(&made.phantom, 1.0), &Work::silent()).unwrap();
    let map = &recorded.structures;
    let found = of_phantom();
    assert!(found.contains_key(&Organ::Roots) && found.contains_key(&Organ::VenaCava), "{found:?}");
    let organs = Arc::new(spine::organs(map, &found));
    let spine = Spine { organs, ..made.spine.clone() };
    let planned = plan(&spine, &Wish { levels: vec![Level::L4], ..Wish::default() });
    let screws: Vec<Screw> = planned.screws.into_iter().map(|(screw, _)| screw).collect();
    let plan = Plan { screws, ..Plan::default() };
    let mut to_vessels = BTreeMap::new();
    for screw in &plan.screws {
        let answer = answer_of(&spine, &plan, screw);
        let without = answer_of(&made.spine, &plan, screw);
        assert_eq!(answer.assessment, without.assessment, "the letter knows of no organ");
        assert!(without.organs.is_empty() && answer.organs.len() >= 2, "{:?}", answer.organs);
        for (organ, mm) in &answer.organs {
            let brute = by_brute_force(map, found[organ][0], screw);
            // The border lies between half a voxel before its centre and half its diagonal.
            assert!((brute - 1.0..brute - 0.3).contains(mm), "{organ}: {mm}, centres {brute}");
            to_vessels.insert((screw.side, *organ), *mm);
        }
    }
    // At L4 the aorta has ended; the vena cava lies on the right.
    let gap = |side| to_vessels.get(&(side, Organ::VenaCava)).copied().unwrap_or(f64::NAN);
    assert!(gap(Side::Right) + 3.0 < gap(Side::Left), "{to_vessels:?}");
}
