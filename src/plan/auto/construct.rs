//! All screws of one side together, so that their heads line up for a rod.
//!
//! In: for each pedicle its best screw and others that give up little ([`Choices`]). Out: which one
//! each takes. Screws are changed one after the other, each to the choice with which a stiff curve
//! misses the heads least, until none changes: every step lessens the misfit, so it ends. Then once
//! more with the stiffness that the rod through the heads has, and what the rod itself misses least is
//! kept.

use super::{Choices, Rules};
use crate::clearance::ScrewShape;
use crate::implant::Rods;
use crate::plan::rod::{self, Rod};
use crate::space::{Patient, Point};

/// No screw gives up more than this part of its own score for the rod.
pub const LEAST_PART: f64 = 0.9;
/// A screw that has so much bone all round keeps that much when it moves for the rod, mm.
pub const KEPT_CLEARANCE_MM: f64 = 0.3;
/// The stiffness to begin with: lets a wave of about 150 mm pass by half, with heads 35 mm apart.
const FIRST_STIFFNESS: f64 = 1e4;
/// With so many stiffnesses.
const PASSES: usize = 4;
/// Rounds at most; three are usual.
const ROUNDS: usize = 8;
/// A choice must lessen the squared misfit by so much, mm², for each whole part of score given up.
const PER_SCORE_MM2: f64 = 1.0;

/// Where the rod passes a screw: the centre of its head.
pub fn head(shape: &ScrewShape, rules: &Rules) -> Point<Patient> {
    shape.entry - shape.axis * rules.limits.rod_behind_entry_mm
}

/// For each pedicle of one side, in the order of the spine, the place of its choice among
/// `others`; `None` where it stays with its best. The rod misses the heads so chosen by no more than
/// it misses those of the best ones.
pub fn line_up(side: &[&Choices], rules: &Rules, rods: &Rods) -> Vec<Option<usize>> {
    let misfit = |lined: &Lined| {
        Rod::through(&lined.heads, rods).map_or(f64::INFINITY, |rod| rod.rms_misfit_mm())
    };
    let mut now = Lined::alone(side, rules);
    let mut best = (misfit(&now), now.clone());
    let mut stiffness = Some(FIRST_STIFFNESS);
    for _ in 0..PASSES {
        let Some(stiff) = stiffness else { break };
        now.settle(side, rules, stiff);
        let reached = misfit(&now);
        if reached < best.0 - 1e-9 {
            best = (reached, now.clone());
        }
        stiffness = rod::stiffness_near(&now.heads, rods);
    }
    best.1.taken
}

/// What each pedicle of a side takes, and where that puts the heads.
#[derive(Clone)]
struct Lined {
    taken: Vec<Option<usize>>,
    heads: Vec<Point<Patient>>,
}

impl Lined {
    fn alone(side: &[&Choices], rules: &Rules) -> Self {
        let heads = side.iter().map(|choices| head(&choices.best.shape, rules)).collect();
        Self { taken: vec![None; side.len()], heads }
    }

    /// Changes one screw after the other for the better, until none changes.
    fn settle(&mut self, side: &[&Choices], rules: &Rules, stiffness: f64) {
        for _ in 0..ROUNDS {
            let before = self.taken.clone();
            for (n, choices) in side.iter().enumerate() {
                self.better(n, choices, rules, stiffness);
            }
            if self.taken == before {
                break;
            }
        }
    }

    /// Takes for one pedicle what misses a curve of this stiffness least.
    fn better(&mut self, n: usize, choices: &Choices, rules: &Rules, stiffness: f64) {
        let own = choices.best.score.total.max(1e-9);
        let others = choices.others.iter().enumerate().map(|(place, choice)| {
            let loss = (1.0 - choice.total() / own).max(0.0);
            (Some(place), head(choice.shape(), rules), loss)
        });
        let mut best = (f64::INFINITY, self.taken[n], self.heads[n]);
        for (choice, place, loss) in others.chain([(None, head(&choices.best.shape, rules), 0.0)]) {
            self.heads[n] = place;
            let cost = rod::squared_misfit_mm2(&self.heads, stiffness) + PER_SCORE_MM2 * loss;
            if cost < best.0 - 1e-9 {
                best = (cost, choice, place);
            }
        }
        (self.taken[n], self.heads[n]) = (best.1, best.2);
    }
}
