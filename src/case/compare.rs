//! Plans of one case side by side: what a choice between them is made by.
//!
//! In: a spine and a plan. Out: a [`Compared`]: each pedicle's screws with their numbers, and the
//! sums.

use super::judge::{self, Answer};
use super::rods;
use super::spine::Spine;
use crate::clearance::{Band, Grade};
use crate::implant::Catalogue;
use crate::plan::bent::BentRod;
use crate::plan::{Plan, Screw, ScrewSite};
use crate::space::Side;
use std::collections::{BTreeMap, BTreeSet};

/// One plan of a comparison.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compared {
    /// The screws of each pedicle that has any.
    pub pedicles: BTreeMap<(ScrewSite, Side), Vec<ComparedScrew>>,
    /// The sums.
    pub summary: Summary,
}

/// One screw of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedScrew {
    /// Diameter and length, mm.
    pub size_mm: [f64; 2],
    /// Clearance in mm, letter, and how sure it is; `None` where the screw can not be judged.
    pub judged: Option<(f64, Grade, Band)>,
}

/// What a choice between plans is made by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// How many screws.
    pub screws: usize,
    /// How many are A, B, and C to E; screws that can not be judged are none of them.
    pub letters: [usize; 3],
    /// The least clearance of all screws, mm; `None` without a judged screw.
    pub least_clearance_mm: Option<f64>,
    /// RMS misfit of the rod as it is bent for the plan's own target, on the left and on the right,
    /// mm; `None` where no rod is.
    pub misfit_mm: [Option<f64>; 2],
    /// How many things there are to look at.
    pub issues: usize,
}

impl Compared {
    /// Judges every screw of a plan.
    pub fn of(spine: &Spine, plan: &Plan, catalogue: &Catalogue) -> Self {
        let answers: Vec<Option<Answer>> = plan
            .screws
            .iter()
            .map(|screw| judge::answer(spine, plan, screw, catalogue).ok())
            .collect();
        let answers: Vec<Option<&Answer>> = answers.iter().map(Option::as_ref).collect();
        let issues = judge::check(spine, plan, catalogue).len();
        Self::new((spine, plan), catalogue, &answers, issues)
    }

    /// From what is known already: the answer of each screw, in the plan's order, and how many
    /// things there are to look at.
    pub fn new(
        (spine, plan): (&Spine, &Plan),
        catalogue: &Catalogue,
        answers: &[Option<&Answer>],
        issues: usize,
    ) -> Self {
        let mut pedicles: BTreeMap<_, Vec<ComparedScrew>> = BTreeMap::new();
        for (screw, answer) in plan.screws.iter().zip(answers) {
            let place = pedicles.entry((screw.site(), screw.side)).or_default();
            place.push(ComparedScrew::new(screw, *answer));
        }
        let judged = || answers.iter().flatten().map(|answer| &answer.assessment);
        let count = |is: fn(Grade) -> bool| judged().filter(|a| is(a.grade)).count();
        let summary = Summary {
            screws: plan.screws.len(),
            letters: [count(|g| g == Grade::A), count(|g| g == Grade::B), count(|g| g > Grade::B)],
            least_clearance_mm: judged().map(|a| a.clearance_mm).reduce(f64::min),
            misfit_mm: misfit_mm(spine, plan, catalogue),
            issues,
        };
        Self { pedicles, summary }
    }
}

impl ComparedScrew {
    fn new(screw: &Screw, answer: Option<&Answer>) -> Self {
        let judged = |a: &Answer| (a.assessment.clearance_mm, a.assessment.grade, a.band);
        Self { size_mm: [screw.diameter_mm, screw.length_mm], judged: answer.map(judged) }
    }
}

/// RMS misfit of the rods as they are bent, on the left and on the right.
fn misfit_mm(spine: &Spine, plan: &Plan, catalogue: &Catalogue) -> [Option<f64>; 2] {
    let rods = rods::bent_rods_of(spine, plan, catalogue);
    Side::BOTH.map(|side| {
        let one = rods.iter().flatten().find(|one| one.side == side)?;
        one.rod.as_ref().ok().map(BentRod::rms_misfit_mm)
    })
}

/// Every pedicle that has a screw in one of the plans, from the head down.
pub fn pedicles<'a>(plans: impl Iterator<Item = &'a Compared>) -> BTreeSet<(ScrewSite, Side)> {
    plans.flat_map(|plan| plan.pedicles.keys().copied()).collect()
}
