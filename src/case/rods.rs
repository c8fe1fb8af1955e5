//! The rods of a plan as they are to be bent.
//!
//! In: a spine, a plan, and what the column is to become. Out: a [`RodSheet`]: how each level moves
//! for it, and for each side the rod, its misfit at each head and the settings of a bender.

use super::judge;
use super::spine::Spine;
use crate::implant::{Rods, RodsError};
use crate::plan::bend::{self, BendTable};
use crate::plan::correct::{CorrectError, Moved, Target};
use crate::plan::rod::Rod;
use crate::plan::{Plan, Screw, ScrewSite};
use crate::space::Side;

/// Bends of a rod where nobody says how many.
pub const BENDS: usize = 8;

/// The rods of both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct RodSheet {
    /// How each level from the highest to the lowest screw moves; none where the column stays.
    pub moved: Vec<Moved>,
    /// The rods, left first; none of a side with fewer than two screws.
    pub rods: Vec<SideRod>,
    /// Rod and bender that the settings are for.
    pub made_with: [String; 2],
}

/// The rod of one side.
#[derive(Clone, Debug, PartialEq)]
pub struct SideRod {
    /// The patient's side.
    pub side: Side,
    /// The screws that it joins, in the order of their misfits.
    pub sites: Vec<ScrewSite>,
    /// The rod, where the moved spine has it.
    pub rod: Rod,
    /// The settings of the bender.
    pub table: BendTable,
}

/// Why there is no sheet.
#[derive(Debug, thiserror::Error)]
pub enum RodSheetError {
    /// The built-in rods.
    #[error(transparent)]
    Rods(#[from] RodsError),
    /// The column can not be moved to the target.
    #[error(transparent)]
    Correct(#[from] CorrectError),
}

/// The rods of a plan for a column moved towards `target`, with so many bends each.
pub fn sheet(
    spine: &Spine,
    plan: &Plan,
    target: Target,
    bends: usize,
) -> Result<RodSheet, RodSheetError> {
    let rods = Rods::builtin()?;
    let (moved, laid) = match target.is_as_it_is() {
        true => (Vec::new(), judge::rods_of(plan)),
        false => judge::rods_towards(spine, plan, target)?,
    };
    let (Some(bender), Some(kind)) = (rods.benders.first(), rods.rods.first()) else {
        return Ok(RodSheet { moved, rods: Vec::new(), made_with: Default::default() });
    };
    let of_side = |(ids, rod): (Vec<_>, Rod)| {
        let screws: Vec<&Screw> = ids.iter().filter_map(|id| plan.screw(*id)).collect();
        let side = screws.first()?.side;
        let table = BendTable::new(&bend::corners(&rod.line, bends), bender, kind);
        Some(SideRod { side, sites: screws.iter().map(|s| s.site()).collect(), rod, table })
    };
    let made_with = [kind.name.to_lowercase(), bender.name.to_lowercase()];
    Ok(RodSheet { moved, rods: laid.into_iter().filter_map(of_side).collect(), made_with })
}
