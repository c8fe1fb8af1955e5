//! Every edit of a plan as a value: what it does, what takes it back, how it reads in a list.
//!
//! In: a plan and a wish. Out: the plan changed, or a refusal that leaves it as it was.

use crate::labels::edit::{Mending, MendingFault};
use crate::labels::{Level, VertebraId};
use crate::plan::alternative::AlternativeFault;
use crate::plan::bent::RodChoice;
use crate::plan::correct::{CorrectError, Target};
use crate::plan::{Alternative, Plan, RenamedLevel, Screw, ScrewFault, ScrewId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One finished edit. It carries what was there before, so that it can be taken back exactly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Puts in a new screw.
    Place(Screw),
    /// Takes out a screw, which must be there exactly so.
    Delete(Screw),
    /// Moves, turns, resizes or reviews a screw; its id stays.
    Change {
        /// As it must be found.
        before: Box<Screw>,
        /// As it shall be.
        after: Box<Screw>,
    },
    /// Puts several screws in place of others at once: what the program planned, or a review of
    /// all of it.
    Exchange {
        /// The screws that go; each must be there exactly so.
        before: Vec<Screw>,
        /// The screws that come.
        after: Vec<Screw>,
    },
    /// Calls a vertebra, and every screw in it, by another level.
    RenameLevel {
        /// Which vertebra.
        vertebra: VertebraId,
        /// What it is called.
        before: Level,
        /// What it shall be called.
        after: Level,
    },
    /// Calls several vertebrae otherwise at once: all names moved along the spine.
    RenameLevels(Vec<Renaming>),
    /// Accepts automatic labels, or takes that back: a person looked at them.
    AcceptLabels {
        /// Hash of the labels that were accepted before.
        before: Option<String>,
        /// Hash of those that are now.
        after: Option<String>,
    },
    /// Mends the labels with brush, eraser or cleaner.
    Mend(Mending),
    /// Takes back the last mending, which must be this one.
    TakeBackMending(Mending),
    /// Keeps screws as an alternative.
    KeepAlternative(Alternative),
    /// Takes out an alternative, which must be there exactly so.
    DropAlternative(Alternative),
    /// Works on with the screws of an alternative in place of the plan's own.
    TakeUp {
        /// What it is called.
        name: String,
        /// The screws that go; each must be there exactly so.
        before: Vec<Screw>,
        /// The screws that come.
        after: Vec<Screw>,
    },
    /// Lays the rods for a column that is moved otherwise.
    AimRods {
        /// As it must be found.
        before: Target,
        /// As it shall be.
        after: Target,
    },
    /// Makes the rods of another material or by another bender.
    MakeRods {
        /// As it must be found.
        before: RodChoice,
        /// As it shall be.
        after: RodChoice,
    },
    /// Writes other notes.
    SetNotes {
        /// As they must be found.
        before: String,
        /// As they shall be.
        after: String,
    },
    /// Puts a whole plan in place of another: the file was changed by somebody else, or screws were
    /// bound to the vertebrae of other labels.
    Replace {
        /// As it must be found.
        before: Box<Plan>,
        /// As it shall be.
        after: Box<Plan>,
    },
}

/// One vertebra's part in [`Command::RenameLevels`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renaming {
    /// Which vertebra.
    pub vertebra: VertebraId,
    /// What it is called.
    pub before: Level,
    /// What it shall be called.
    pub after: Level,
}

/// An edit that does not fit the plan. The plan is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The screw to change or delete is not there, or looks otherwise than the edit thinks.
    #[error("{screw} is no longer as this edit found it; look at the plan and repeat the edit")]
    Stale {
        /// Level, side and id.
        screw: String,
    },
    /// No screw has this id.
    #[error("no screw of the plan has the id {id}; choose one of the list")]
    NoScrew {
        /// The id.
        id: ScrewId,
    },
    /// A screw with this id is there already.
    #[error("{screw} is in the plan already; change it instead of placing it")]
    AlreadyThere {
        /// Level, side and id.
        screw: String,
    },
    /// A change would make another screw of it.
    #[error("{screw} can not change its id; delete it and place another")]
    OtherId {
        /// Level, side and id.
        screw: String,
    },
    /// The screw calls its vertebra otherwise than the plan does.
    #[error("{screw} stands in a vertebra that the plan calls {level}; rename the vertebra")]
    OtherLevel {
        /// Level, side and id.
        screw: String,
        /// What the plan calls its vertebra.
        level: Level,
    },
    /// The vertebra is called otherwise than the edit thinks.
    #[error("the vertebra to be renamed is called {found}, not {expected}; repeat the renaming")]
    RenamedMeanwhile {
        /// What it is called.
        found: Level,
        /// What the edit thought.
        expected: Level,
    },
    /// Notes or the whole plan are not as the edit found them.
    #[error("the plan changed since this edit was begun; look at it and repeat the edit")]
    PlanChanged,
    /// No screw can be so.
    #[error(transparent)]
    Screw(#[from] ScrewFault),
    /// No alternative can be so.
    #[error(transparent)]
    Alternative(#[from] AlternativeFault),
    /// No column can be moved so.
    #[error(transparent)]
    RodTarget(#[from] CorrectError),
    /// The labels can not be mended so.
    #[error(transparent)]
    Mending(#[from] MendingFault),
}

impl Command {
    /// Makes `after` of `before`.
    pub fn change(before: Screw, after: Screw) -> Self {
        Self::Change { before: Box::new(before), after: Box::new(after) }
    }

    /// Moves the names of all these vertebrae so many places down the spine (negative: up); one
    /// click where the end that names count from is not in the scan, or where L5 is a sixth lumbar
    /// vertebra. The sacrum keeps its name. `None` where a name would leave the spine, two would be
    /// alike, or nothing would change.
    pub fn shift_levels(vertebrae: &[(VertebraId, Level)], down: i32) -> Option<Self> {
        let column: Vec<Level> = vertebrae.iter().map(|(_, level)| *level).collect();
        let renamings: Vec<Renaming> = vertebrae
            .iter()
            .filter(|(_, level)| *level != Level::S1)
            .map(|(vertebra, before)| {
                let after = before.shifted(down, &column)?;
                Some(Renaming { vertebra: *vertebra, before: *before, after })
            })
            .collect::<Option<_>>()?;
        let names: BTreeSet<Level> = renamings.iter().map(|r| r.after).collect();
        let is_new =
            names.len() == renamings.len() && renamings.iter().any(|r| r.before != r.after);
        is_new.then_some(Self::RenameLevels(renamings))
    }

    /// Does it. Where it is refused, `plan` is as it was.
    pub fn apply(&self, plan: &mut Plan) -> Result<(), CommandError> {
        match self {
            Self::Place(screw) => place(plan, screw),
            Self::Delete(screw) => {
                plan.screws.remove(found(plan, screw)?);
                Ok(())
            }
            Self::Change { before, after } => change(plan, before, after),
            Self::Exchange { before, after } | Self::TakeUp { before, after, .. } => {
                exchange(plan, before, after)
            }
            Self::KeepAlternative(alternative) => keep(plan, alternative),
            Self::DropAlternative(alternative) => {
                let place = plan.alternatives.iter().position(|other| other == alternative);
                plan.alternatives.remove(place.ok_or(CommandError::PlanChanged)?);
                Ok(())
            }
            Self::RenameLevel { vertebra, before, after } => {
                rename(plan, *vertebra, *before, *after)
            }
            Self::RenameLevels(renamings) => rename_all(plan, renamings),
            Self::AcceptLabels { before, after } => swap(&mut plan.accepted_labels, before, after),
            Self::Mend(mending) => {
                mending.check()?;
                plan.label_edits.push(mending.clone());
                Ok(())
            }
            Self::TakeBackMending(mending) => {
                if plan.label_edits.last() != Some(mending) {
                    return Err(CommandError::PlanChanged);
                }
                plan.label_edits.pop();
                Ok(())
            }
            Self::AimRods { before, after } => {
                after.check()?;
                swap(&mut plan.rod_target, before, after)
            }
            Self::MakeRods { before, after } => swap(&mut plan.rod_choice, before, after),
            Self::SetNotes { before, after } => swap(&mut plan.notes, before, after),
            Self::Replace { before, after } => swap(plan, before, after),
        }
    }

    /// The edit that takes this one back.
    pub fn inverse(&self) -> Self {
        match self.clone() {
            Self::Place(screw) => Self::Delete(screw),
            Self::Delete(screw) => Self::Place(screw),
            Self::Change { before, after } => Self::Change { before: after, after: before },
            Self::Exchange { before, after } => Self::Exchange { before: after, after: before },
            Self::RenameLevel { vertebra, before, after } => {
                Self::RenameLevel { vertebra, before: after, after: before }
            }
            Self::RenameLevels(renamings) => Self::RenameLevels(
                renamings
                    .into_iter()
                    .map(|r| Renaming { before: r.after, after: r.before, ..r })
                    .collect(),
            ),
            Self::AcceptLabels { before, after } => {
                Self::AcceptLabels { before: after, after: before }
            }
            Self::Mend(mending) => Self::TakeBackMending(mending),
            Self::TakeBackMending(mending) => Self::Mend(mending),
            Self::KeepAlternative(alternative) => Self::DropAlternative(alternative),
            Self::DropAlternative(alternative) => Self::KeepAlternative(alternative),
            Self::TakeUp { name, before, after } => {
                Self::TakeUp { name, before: after, after: before }
            }
            Self::AimRods { before, after } => Self::AimRods { before: after, after: before },
            Self::MakeRods { before, after } => Self::MakeRods { before: after, after: before },
            Self::SetNotes { before, after } => Self::SetNotes { before: after, after: before },
            Self::Replace { before, after } => Self::Replace { before: after, after: before },
        }
    }

    /// The edit in one line, as the audit trail and the undo button say it.
    pub fn audit(&self) -> String {
        match self {
            Self::Place(screw) => format!("placed {}, {}", screw.title(), size(screw)),
            Self::Delete(screw) => format!("deleted {}", screw.title()),
            Self::Change { before, after } => format!("{} {}", verb(before, after), after.title()),
            Self::Exchange { before, after } => exchanged(before, after),
            Self::RenameLevel { before, after, .. } => format!("renamed {before} to {after}"),
            Self::RenameLevels(renamings) => renamed(renamings),
            Self::AcceptLabels { after: Some(_), .. } => "accepted the automatic labels".to_owned(),
            Self::AcceptLabels { after: None, .. } => {
                "took back that the labels were accepted".to_owned()
            }
            Self::Mend(mending) => mending.audit().to_owned(),
            Self::TakeBackMending(_) => "took back an edit of the labels".to_owned(),
            Self::KeepAlternative(one) => {
                format!("kept {} screws as plan {}", one.screws.len(), one.name)
            }
            Self::DropAlternative(one) => format!("dropped plan {}", one.name),
            Self::TakeUp { name, .. } => format!("took up plan {name}"),
            Self::AimRods { after, .. } => aimed(after),
            Self::MakeRods { after, .. } => made(after),
            Self::SetNotes { .. } => "changed the notes".to_owned(),
            Self::Replace { before, after } => replaced(before, after),
        }
    }
}

/// What a change did, most telling part first.
fn verb(before: &Screw, after: &Screw) -> &'static str {
    if (before.entry, before.axis) != (after.entry, after.axis) {
        "moved"
    } else if (before.diameter_mm, before.length_mm) != (after.diameter_mm, after.length_mm) {
        "resized"
    } else if before.state != after.state {
        "reviewed"
    } else {
        "changed"
    }
}

/// `planned 12 screws automatically`, `reviewed 3 screws`.
fn exchanged(before: &[Screw], after: &[Screw]) -> String {
    let count = |screws: &[Screw]| match screws {
        [one] => one.title(),
        several => format!("{} screws", several.len()),
    };
    let bare = |s: &Screw| (s.id, s.shape());
    let are_same = before.iter().map(bare).eq(after.iter().map(bare))
        && before.iter().map(|s| s.state).ne(after.iter().map(|s| s.state));
    match (before, after) {
        (gone, []) => format!("deleted {}", count(gone)),
        _ if are_same => format!("reviewed {}", count(after)),
        _ => format!("planned {} automatically", count(after)),
    }
}

/// `renamed 5 levels, L1 to T12 first`.
fn renamed(renamings: &[Renaming]) -> String {
    match renamings {
        [] => "renamed no level".to_owned(),
        [one] => format!("renamed {} to {}", one.before, one.after),
        [first, ..] => {
            let count = renamings.len();
            format!("renamed {count} levels, {} to {} first", first.before, first.after)
        }
    }
}

/// `laid the rods for 45 degrees of lordosis, 50 % straightened`.
fn aimed(target: &Target) -> String {
    if target.is_as_it_is() {
        return "laid the rods for the spine as it is".to_owned();
    }
    let lordosis = target.lordosis_deg.map(|deg| format!("{deg:.0} degrees of lordosis"));
    let part = Some(target.coronal_part).filter(|part| *part > 0.0);
    let part = part.map(|part| format!("{:.0} % straightened", 100.0 * part));
    let said: Vec<String> = lordosis.into_iter().chain(part).collect();
    format!("laid the rods for {}", said.join(", "))
}

/// `chose cocr-5.5 for the rods, bent by machine`.
fn made(choice: &RodChoice) -> String {
    let or_first = |id: &Option<String>| id.clone().unwrap_or_else(|| "the usual one".to_owned());
    format!("chose {} for the rods, bent by {}", or_first(&choice.rod), or_first(&choice.bender))
}

/// `matched 12 screws to vertebrae by level`, where nothing else differs.
fn replaced(before: &Plan, after: &Plan) -> String {
    let mut unbound = after.clone();
    let mut bound = 0;
    for (screw, was) in unbound.all_screws_mut().zip(before.all_screws()) {
        bound += usize::from(screw.vertebra != was.vertebra);
        screw.vertebra = was.vertebra;
    }
    if bound == 0 || unbound != *before {
        return "took over the plan file as changed elsewhere".to_owned();
    }
    match bound {
        1 => "matched 1 screw to its vertebra by level".to_owned(),
        _ => format!("matched {bound} screws to vertebrae by level"),
    }
}

fn size(screw: &Screw) -> String {
    format!("{} x {} mm", screw.diameter_mm, screw.length_mm)
}

/// Where a screw stands in the list; it must be there exactly so.
fn found(plan: &Plan, screw: &Screw) -> Result<usize, CommandError> {
    plan.screws
        .iter()
        .position(|other| other == screw)
        .ok_or_else(|| CommandError::Stale { screw: screw.name() })
}

fn place(plan: &mut Plan, screw: &Screw) -> Result<(), CommandError> {
    if plan.screw(screw.id).is_some() {
        return Err(CommandError::AlreadyThere { screw: screw.name() });
    }
    fits(plan, screw)?;
    plan.screws.push(screw.clone());
    plan.sort();
    Ok(())
}

fn change(plan: &mut Plan, before: &Screw, after: &Screw) -> Result<(), CommandError> {
    let index = found(plan, before)?;
    if before.id != after.id {
        return Err(CommandError::OtherId { screw: before.name() });
    }
    fits(plan, after)?;
    plan.screws[index] = after.clone();
    plan.sort();
    Ok(())
}

/// All or none.
fn exchange(plan: &mut Plan, before: &[Screw], after: &[Screw]) -> Result<(), CommandError> {
    let mut next = plan.clone();
    for screw in before {
        next.screws.remove(found(&next, screw)?);
    }
    for screw in after {
        place(&mut next, screw)?;
    }
    *plan = next;
    Ok(())
}

/// Among the others by name.
fn keep(plan: &mut Plan, alternative: &Alternative) -> Result<(), CommandError> {
    alternative.check()?;
    if plan.alternative(&alternative.name).is_some() {
        return Err(AlternativeFault::SameName(alternative.name.clone()).into());
    }
    for screw in &alternative.screws {
        fits(plan, screw)?;
    }
    plan.alternatives.push(alternative.clone());
    plan.sort();
    Ok(())
}

/// Refuses a screw that can not be, or that calls its vertebra otherwise than the rest does.
fn fits(plan: &Plan, screw: &Screw) -> Result<(), CommandError> {
    screw.check()?;
    match known_level(plan, screw.vertebra, Some(screw.id)) {
        Some(level) if level != screw.level => {
            Err(CommandError::OtherLevel { screw: screw.name(), level })
        }
        _ => Ok(()),
    }
}

/// What the plan calls a vertebra, as far as it was renamed or a screw (but `except`) stands in it.
fn known_level(plan: &Plan, vertebra: VertebraId, except: Option<ScrewId>) -> Option<Level> {
    let screw = || plan.all_screws().find(|s| s.vertebra == vertebra && Some(s.id) != except);
    plan.renamed.get(&vertebra).map(|r| r.to).or_else(|| screw().map(|s| s.level))
}

/// A renaming back to the labels' own name leaves no trace, so that undo gives the first bytes.
fn rename(
    plan: &mut Plan,
    vertebra: VertebraId,
    before: Level,
    after: Level,
) -> Result<(), CommandError> {
    match known_level(plan, vertebra, None) {
        Some(found) if found != before => {
            return Err(CommandError::RenamedMeanwhile { found, expected: before });
        }
        _ => {}
    }
    let from = plan.renamed.get(&vertebra).map_or(before, |renamed| renamed.from);
    if from == after {
        plan.renamed.remove(&vertebra);
    } else {
        plan.renamed.insert(vertebra, RenamedLevel { from, to: after });
    }
    for screw in plan.all_screws_mut().filter(|s| s.vertebra == vertebra) {
        screw.level = after;
    }
    plan.sort();
    Ok(())
}

/// All or none.
fn rename_all(plan: &mut Plan, renamings: &[Renaming]) -> Result<(), CommandError> {
    let mut after = plan.clone();
    for one in renamings {
        rename(&mut after, one.vertebra, one.before, one.after)?;
    }
    *plan = after;
    Ok(())
}

fn swap<T: PartialEq + Clone>(here: &mut T, before: &T, after: &T) -> Result<(), CommandError> {
    if here != before {
        return Err(CommandError::PlanChanged);
    }
    here.clone_from(after);
    Ok(())
}
