//! The rods of a plan as they are to be bent.
//!
//! In: a spine, a plan, what the column is to become, what the rods are made of and by. Out: a
//! [`RodSheet`]: how each level moves for it, and for each side the rod as it is bent, its misfit at
//! each head and the settings of the bender.

use super::judge;
use super::spine::Spine;
use crate::implant::{Bender, RodKind, Rods, RodsError};
use crate::plan::bent::{BentRod, RodChoice};
use crate::plan::correct::{CorrectError, Moved, Target};
use crate::plan::rod::Rod;
use crate::plan::{Plan, Screw, ScrewId, ScrewSite};
use crate::space::Side;

/// The rods of both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct RodSheet {
    /// How each level from the highest to the lowest screw moves; none where the column stays.
    pub moved: Vec<Moved>,
    /// The rods, left first; none of a side with fewer than two screws.
    pub rods: Vec<SideRod>,
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

/// The rods of a plan for a column moved towards `target`; with so many bends each, or with as many
/// as are worth it.
pub fn sheet(
    spine: &Spine,
    plan: &Plan,
    target: Target,
    choice: &RodChoice,
    bends: Option<usize>,
) -> Result<RodSheet, RodSheetError> {
    let rods = Rods::builtin()?;
    let (kind, bender) = choice.of(&rods)?;
    let (moved, laid) = match target.is_as_it_is() {
        true => (Vec::new(), judge::rods_of(plan)),
        false => judge::rods_towards(spine, plan, target)?,
    };
    let of_side = |(ids, curve): (Vec<_>, Rod)| {
        let screws: Vec<&Screw> = ids.iter().filter_map(|id| plan.screw(*id)).collect();
        let side = screws.first()?.side;
        let bent = BentRod::along(&curve, bender, kind, &rods, bends);
        Some(SideRod { side, sites: screws.iter().map(|s| s.site()).collect(), curve, bent })
    };
    let made = laid.into_iter().filter_map(of_side).collect();
    Ok(RodSheet { moved, rods: made, kind: kind.clone(), bender: bender.clone() })
}

/// The rods of both sides for the spine as it is, as they are bent, and the screws in the order of
/// their misfits. A choice that is not on offer is told by the sheet; here the usual stands for it.
pub fn bent_rods_of(plan: &Plan) -> Vec<(Vec<ScrewId>, BentRod)> {
    let Ok(rods) = Rods::builtin() else { return Vec::new() };
    let usual = RodChoice::default();
    let Ok((kind, bender)) = plan.rod_choice.of(&rods).or_else(|_| usual.of(&rods)) else {
        return Vec::new();
    };
    let bent = |curve: &Rod| BentRod::along(curve, bender, kind, &rods, None);
    judge::rods_of(plan).into_iter().map(|(ids, curve)| (ids, bent(&curve))).collect()
}
