//! The rods of a plan as they are to be bent.
//!
//! In: a spine, a plan, what the column is to become, what the rods are made of and by. Out: a
//! [`RodSheet`]: how each level moves for it, and for each side the rod as it is bent, its misfit at
//! each head and the settings of the bender, or why it has none.

use super::judge;
use super::spine::Spine;
use crate::implant::{Bender, Catalogue, RodKind, RodsError};
use crate::plan::bent::{BentRod, RodChoice};
use crate::plan::check::{Issue, Weight};
use crate::plan::correct::{CorrectError, Moved, Target};
use crate::plan::rod::{Rod, RodError};
use crate::plan::{Plan, Screw, ScrewId, ScrewSite};
use crate::space::Side;
use serde::Serialize;

/// The rods of both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct RodSheet {
    /// What the column is moved to before the rods are laid.
    pub target: Target,
    /// How each level from the highest to the lowest screw moves; none where the column stays.
    pub moved: Vec<Moved>,
    /// The rods, left first.
    pub rods: Vec<SideRod>,
    /// The sides that have none, and why.
    pub without: Vec<NoRod>,
    /// What they are made of.
    pub kind: RodKind,
    /// What the settings are for.
    pub bender: Bender,
}

/// The rod of one side.
#[derive(Clone, Debug, PartialEq)]
pub struct SideRod {
    /// The patient's side.
    pub side: Side,
    /// The screws that it joins, in the order of their misfits.
    pub sites: Vec<ScrewSite>,
    /// The smooth curve that it follows, where the moved spine has it.
    pub curve: Rod,
    /// The rod as the bender makes it: the one that is shown and measured.
    pub bent: BentRod,
}

/// A side without a rod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{side} rod: none, as {why}; {hint}")]
pub struct NoRod {
    /// The patient's side.
    pub side: Side,
    /// What is the matter, naming the screws.
    pub why: String,
    /// What to do about it.
    pub hint: &'static str,
}

impl NoRod {
    /// Why no rod joins these screws.
    pub(super) fn new(side: Side, screws: &[&Screw], why: RodError) -> Self {
        let titles: Vec<String> = screws.iter().map(|screw| screw.title()).collect();
        let (why, hint) = why.say(&titles);
        Self { side, why, hint }
    }
}

/// The rod of one side, smooth or bent.
#[derive(Clone, Debug, PartialEq)]
pub struct OfSide<R> {
    /// The patient's side.
    pub side: Side,
    /// The screws of that side, in the spine's order.
    pub screws: Vec<ScrewId>,
    /// What joins them.
    pub rod: Result<R, NoRod>,
}

impl OfSide<BentRod> {
    /// How far the rod misses the head of a screw, mm; `None` where it does not join it.
    pub fn misfit_mm(&self, screw: ScrewId) -> Option<f64> {
        let place = self.screws.iter().position(|id| *id == screw)?;
        self.rod.as_ref().ok()?.misfit_mm.get(place).copied()
    }
}

/// Why there is no sheet.
#[derive(Debug, thiserror::Error)]
pub enum RodSheetError {
    /// The rods and benders on offer.
    #[error(transparent)]
    Rods(#[from] RodsError),
    /// The column can not be moved to the target.
    #[error(transparent)]
    Correct(#[from] CorrectError),
}

/// The rods of a plan for a column moved towards `target`, of those that `catalogue` offers; with so
/// many bends each, or with as many as are worth it.
pub fn sheet(
    spine: &Spine,
    plan: &Plan,
    target: Target,
    choice: &RodChoice,
    bends: Option<usize>,
    catalogue: &Catalogue,
) -> Result<RodSheet, RodSheetError> {
    let rods = catalogue.rods()?;
    let (kind, bender) = choice.of(rods)?;
    let (moved, laid) = judge::rods_towards(spine, plan, target, rods)?;
    let (mut made, mut without) = (Vec::new(), Vec::new());
    for OfSide { side, screws, rod } in laid {
        match rod {
            Ok(curve) => {
                let screws = screws.iter().filter_map(|id| plan.screw(*id));
                let sites = screws.map(Screw::site).collect();
                let bent = BentRod::along(&curve, bender, kind, rods, bends);
                made.push(SideRod { side, sites, curve, bent });
            }
            Err(why) => without.push(why),
        }
    }
    let (kind, bender) = (kind.clone(), bender.clone());
    Ok(RodSheet { target, moved, rods: made, without, kind, bender })
}

/// The rods of both sides as they are bent, for what the plan wants of the spine: those of its sheet.
/// For a choice that is not on offer the usual one stands; the checks say so.
pub fn bent_rods_of(
    spine: &Spine,
    plan: &Plan,
    catalogue: &Catalogue,
) -> Result<Vec<OfSide<BentRod>>, RodSheetError> {
    let rods = catalogue.rods()?;
    let usual = RodChoice::default();
    let (kind, bender) = plan.rod_choice.of(rods).or_else(|_| usual.of(rods))?;
    let (_, laid) = judge::rods_towards(spine, plan, plan.rod_target, rods)?;
    let bent = |OfSide { side, screws, rod }: OfSide<Rod>| {
        let rod = rod.map(|curve| BentRod::along(&curve, bender, kind, rods, None));
        OfSide { side, screws, rod }
    };
    Ok(laid.into_iter().map(bent).collect())
}

/// What is to be said of rods that are not there though a side has screws to join, and of a rod or a
/// bender that is not on offer.
pub(super) fn missing(
    plan: &Plan,
    rods: &Result<Vec<OfSide<BentRod>>, RodSheetError>,
    catalogue: &Catalogue,
) -> Vec<Issue> {
    let look = |what: String, hint: &str| Issue { weight: Weight::Look, what, hint: hint.into() };
    let offered = catalogue.rods().and_then(|rods| plan.rod_choice.of(rods).map(|_| ()));
    let unknown = offered.err().filter(|why| matches!(why, RodsError::Unknown { .. }));
    let hint = "choose one of these; what is told of the rods is of the usual one";
    let unknown = unknown.map(|why| look(why.to_string(), hint));
    let is_joined = |side| plan.screws.iter().filter(|screw| screw.side == side).count() > 1;
    let missing: Vec<Issue> = match rods {
        Ok(rods) => {
            let missing = rods.iter().filter(|side| side.screws.len() > 1);
            let missing = missing.filter_map(|side| side.rod.as_ref().err());
            let said = |NoRod { side, why, hint }: &NoRod| {
                look(format!("no rod joins the screws of the {side} side: {why}"), hint)
            };
            missing.map(said).collect()
        }
        Err(why) if Side::BOTH.into_iter().any(is_joined) => {
            vec![look(
                format!("the rods can not be laid: {why}"),
                "lay them for the spine as it is",
            )]
        }
        Err(_) => Vec::new(),
    };
    unknown.into_iter().chain(missing).collect()
}
