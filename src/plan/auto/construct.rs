//! All screws of one side together, so that their heads line up for a rod.
//!
//! In: for each pedicle its best screw and others that give up little ([`Choices`]). Out: which one
//! each takes. Screws are changed one after the other, each to the choice with which a stiff curve
//! misses the heads least, until none changes: every step lessens the misfit, so it ends.

use super::{Choices, Rules};
use crate::clearance::ScrewShape;
use crate::plan::rod;
use crate::space::{Patient, Point};

/// No screw gives up more than this part of its own score for the rod.
pub const LEAST_PART: f64 = 0.9;
/// A screw that has so much bone all round keeps that much when it moves for the rod, mm.
pub const KEPT_CLEARANCE_MM: f64 = 0.3;
/// Rounds at most; three are usual.
const ROUNDS: usize = 8;
/// A choice must lessen the squared misfit by so much, mm², for each whole part of score given up.
const PER_SCORE_MM2: f64 = 1.0;

/// Where the rod passes a screw: the centre of its head.
pub fn head(shape: &ScrewShape, rules: &Rules) -> Point<Patient> {
    shape.entry - shape.axis * rules.limits.rod_behind_entry_mm
}

/// For each pedicle of one side, in the order of the spine, the place of its choice among
/// `others`; `None` where it stays with its best.
pub fn line_up(side: &[&Choices], rules: &Rules) -> Vec<Option<usize>> {
    let mut taken: Vec<Option<usize>> = vec![None; side.len()];
    let mut heads: Vec<Point<Patient>> =
        side.iter().map(|choices| head(&choices.best.shape, rules)).collect();
    let loss = |n: usize, choice: Option<usize>| {
        let best = side[n].best.score.total.max(1e-9);
        choice.map_or(0.0, |c| (1.0 - side[n].others[c].total() / best).max(0.0))
    };
    for _ in 0..ROUNDS {
        let mut has_changed = false;
        for n in 0..side.len() {
            let shapes = side[n].others.iter().enumerate();
            let options = shapes.map(|(c, choice)| (Some(c), head(choice.shape(), rules)));
            let own = (None, head(&side[n].best.shape, rules));
            let mut best = (f64::INFINITY, taken[n], heads[n]);
            for (choice, place) in options.chain([own]) {
                heads[n] = place;
                let cost = rod::squared_misfit_mm2(&heads) + PER_SCORE_MM2 * loss(n, choice);
                if cost < best.0 - 1e-9 {
                    best = (cost, choice, place);
                }
            }
            has_changed |= taken[n] != best.1;
            (taken[n], heads[n]) = (best.1, best.2);
        }
        if !has_changed {
            break;
        }
    }
    taken
}
