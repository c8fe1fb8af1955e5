//! The screws of a plan against the spine they are in.

use super::rods::{self, NoRod, OfSide};
use super::spine::{Spine, VertebraModel};
use crate::anatomy::VertebraAnatomy;
use crate::clearance::grade::{BREACH_BOUNDS_MM, ENTRY_ZONE_MM};
use crate::clearance::{
    self, Around, AssessError, Assessment, Band, Field, HeadShape, JOINT_MM, Neighbour, Schemes,
    band,
};
use crate::implant::{Catalogue, Rods};
use crate::labels::{Level, Organ};
use crate::plan::auto::{self, Rules, construct};
use crate::plan::check::{self, Amiss, Astray, IliumCut, Issue, Seen, Weight};
use crate::plan::correct::{self, CorrectError, Moved, Target};
use crate::plan::rod::Rod;
use crate::plan::{Plan, Screw, ScrewId, ScrewState, ScrewStyle};
use crate::space::Side;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Why a screw has no numbers.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Unjudged {
    /// The case has no model of that vertebra.
    #[error("{screw} can not be judged: the case has no vertebra of that level, or it is cut off")]
    NoVertebra {
        /// Level, side and id.
        screw: String,
    },
    /// The screw runs into an ilium that the case does not have.
    #[error(
        "{screw} can not be judged: it runs into the {side} ilium, which the case does not have; \
         load labels with hip_left and hip_right"
    )]
    NoIlium {
        /// Level, side and id.
        screw: String,
        /// Which ilium.
        side: Side,
    },
    /// The ilium that the screw runs into follows its labels, and does not stand yet.
    #[error("{screw} can not be judged yet: sacrum and {side} ilium follow their labels")]
    IliumDue {
        /// Level, side and id.
        screw: String,
        /// Which ilium.
        side: Side,
    },
    /// A vertebra that it is judged by follows its labels, and does not stand yet.
    #[error("{screw} can not be judged yet: {vertebra} follows its labels")]
    VertebraDue {
        /// Level, side and id.
        screw: String,
        /// Which vertebra, as it was called when it was loaded.
        vertebra: Level,
    },
    /// The screw itself is not sound.
    #[error("{screw} can not be judged: {source}")]
    Unsound {
        /// Level, side and id.
        screw: String,
        /// What is wrong with it.
        source: AssessError,
    },
}

impl Unjudged {
    /// The same as a thing to look at.
    fn issue(&self, screw: &Screw) -> Issue {
        let (what, hint) = match self {
            Self::NoVertebra { .. } => (
                "the case has no vertebra of that level, so it is not judged".to_owned(),
                "load labels that hold it, give its vertebra the right name, or delete the screw",
            ),
            Self::NoIlium { side, .. } => (
                format!("it runs into the {side} ilium, which the case does not have"),
                "load labels with hip_left and hip_right",
            ),
            Self::IliumDue { side, .. } => (
                format!("sacrum and {side} ilium follow their labels, so it is not judged yet"),
                "wait until they stand",
            ),
            Self::VertebraDue { vertebra, .. } => (
                format!("{vertebra} follows its labels, so it is not judged yet"),
                "wait until it stands",
            ),
            Self::Unsound { source, .. } => {
                (format!("it can not be judged: {source}"), "place it again, or delete it")
            }
        };
        let what = format!("{}: {what}", screw.title());
        Issue { weight: Weight::Grave, what, hint: hint.to_owned() }
    }
}

/// The vertebra a screw is driven into: the one with its vertebra id, else (a plan written by hand
/// or on other labels) the one of its level.
pub fn vertebra_of<'s>(spine: &'s Spine, screw: &Screw) -> Option<&'s Arc<VertebraModel>> {
    spine.vertebra(screw.vertebra).or_else(|| spine.at_level(screw.level))
}

/// What a screw is driven into.
struct Host<'s> {
    vertebra: &'s VertebraModel,
    field: &'s Field,
    anatomy: &'s VertebraAnatomy,
}

/// The bone a screw is driven into: its vertebra, or sacrum and ilium together.
fn host_of<'s>(spine: &'s Spine, screw: &Screw) -> Result<Host<'s>, Unjudged> {
    let vertebra =
        vertebra_of(spine, screw).ok_or_else(|| Unjudged::NoVertebra { screw: screw.name() })?;
    stands(spine, vertebra, screw)?;
    if screw.style != ScrewStyle::S2AlarIliac {
        let VertebraModel { field, anatomy, .. } = &**vertebra;
        return Ok(Host { vertebra, field, anatomy });
    }
    let side = screw.side;
    let bone = spine.pelvic_bone(side).filter(|_| vertebra.level == Level::S1);
    let bone = bone.ok_or_else(|| match spine.pelvis.is_due(side) {
        true => Unjudged::IliumDue { screw: screw.name(), side },
        false => Unjudged::NoIlium { screw: screw.name(), side },
    })?;
    Ok(Host { vertebra, field: &bone.field, anatomy: &bone.anatomy })
}

/// Refuses to judge a screw by a vertebra that is older than the labels.
fn stands(spine: &Spine, vertebra: &VertebraModel, screw: &Screw) -> Result<(), Unjudged> {
    let due = || Unjudged::VertebraDue { screw: screw.name(), vertebra: vertebra.level };
    if spine.is_due(vertebra.id) { Err(due()) } else { Ok(()) }
}

/// Judges one screw; well under a millisecond.
pub fn assess(spine: &Spine, screw: &Screw) -> Result<Assessment, Unjudged> {
    let Host { field, anatomy, .. } = host_of(spine, screw)?;
    clearance::assess(&screw.shape(), field, anatomy)
        .map_err(|source| Unjudged::Unsound { screw: screw.name(), source })
}

/// Everything that is said of one screw.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The grade and its measures.
    pub assessment: Assessment,
    /// How sure it is.
    pub band: Band,
    /// Canal, walls, neighbouring bones.
    pub around: Around,
    /// Gaps to what the labels name beside vertebrae, mm: told from voxels, so to about half of one.
    pub organs: Vec<(Organ, f64)>,
    /// The same screw in other authors' schemes.
    pub schemes: Schemes,
    /// The nearest other screw of the plan and the gap to it, mm.
    pub nearest_screw: Option<(ScrewId, f64)>,
}

/// Judges one screw of a plan in full. Its head is as large as `catalogue` has it.
pub fn answer(
    spine: &Spine,
    plan: &Plan,
    screw: &Screw,
    catalogue: &Catalogue,
) -> Result<Answer, Unjudged> {
    let assessment = assess(spine, screw)?;
    let Host { vertebra, field: bone, anatomy } = host_of(spine, screw)?;
    let place = spine.vertebrae.iter().position(|v| v.id == vertebra.id);
    let [above, below] = place.map_or([None; 2], |n| spine.beside(n));
    [above, below].into_iter().flatten().try_for_each(|beside| stands(spine, beside, screw))?;
    let shape = screw.shape();
    let mut around = clearance::around(
        &shape,
        head_of(screw, catalogue).unwrap_or(HeadShape::USUAL),
        Neighbour { bone, anatomy },
        vertebra.canal.as_ref(),
        above.map(neighbour),
        below.map(neighbour),
    );
    if screw.style == ScrewStyle::S2AlarIliac {
        // The foramen that is told lies beside a pedicle; its corridor is none.
        around.foramen_mm = None;
    }
    let schemes = clearance::schemes(&shape, bone, anatomy, vertebra.level, &assessment, &around);
    let others = plan.screws.iter().filter(|other| other.id != screw.id);
    let nearest_screw = others
        .map(|other| (other.id, clearance::gap_between_mm(&shape, &other.shape())))
        .min_by(|a, b| a.1.total_cmp(&b.1));
    let band = Band::new(&assessment, half_width_mm(spine));
    let organs = spine.organs.iter();
    let organs =
        organs.map(|(organ, voxels)| (*organ, clearance::gap_to_voxels_mm(&shape, voxels)));
    let organs = organs.collect();
    Ok(Answer { assessment, band, around, organs, schemes, nearest_screw })
}

fn neighbour(model: &VertebraModel) -> Neighbour<'_, Field> {
    Neighbour { bone: &model.field, anatomy: &model.anatomy }
}

/// What a person should look at before the plan is used. Heads are as large as `catalogue` has them,
/// and the rods are those that it offers.
pub fn check(spine: &Spine, plan: &Plan, catalogue: &Catalogue) -> Vec<Issue> {
    let rods = rods::bent_rods_of(spine, plan, catalogue);
    let misfit = |screw: &Screw| rods.iter().flatten().find_map(|side| side.misfit_mm(screw.id));
    let rules = Rules::builtin().ok();
    let seen = plan.screws.iter().map(|screw| {
        let Answer { assessment, around, schemes, .. } =
            answer(spine, plan, screw, catalogue).map_err(|why| why.issue(screw))?;
        Ok(Seen {
            name: screw.title(),
            site: screw.site(),
            side: screw.side,
            size_mm: [screw.diameter_mm, screw.length_mm],
            breach: (assessment.grade, assessment.breach_mm, assessment.breach_wall),
            past_mm: [assessment.medial_breach_mm, assessment.caudal_breach_mm],
            wanted: rules.as_ref().and_then(|r| auto::wanted_breach(screw, &assessment, r)),
            canal_mm: around.canal_mm,
            facet: schemes.babu,
            pedicle_mm: pedicle_mm(spine, screw),
            near: near(plan, screw, |a, b| Some(clearance::gap_between_mm(&a.shape(), &b.shape()))),
            near_heads: near(plan, screw, |a, b| gap_between_heads_mm(a, b, catalogue)),
            near_shafts: near(plan, screw, |a, b| {
                let head = (&a.shape(), head_of(a, catalogue)?);
                Some(clearance::gap_head_to_shaft_mm(head, &b.shape()))
            }),
            rod_misfit_mm: misfit(screw),
            is_suggested: screw.state == ScrewState::Suggested,
            is_cut_off: vertebra_of(spine, screw).is_some_and(|v| v.is_cut_off),
            ilium_cut: ilium_cut(spine, screw),
            astray: (!assessment.meets_bone).then(|| astray(spine, plan, screw)),
            amiss: assessment.meets_bone.then(|| amiss(spine, screw)).flatten(),
        })
    });
    let (seen, unjudged): (Vec<_>, Vec<_>) = seen.partition(Result::is_ok);
    let seen: Vec<Seen> = seen.into_iter().flatten().collect();
    let unjudged = unjudged.into_iter().filter_map(Result::err);
    let of_all = called_twice(spine, plan).into_iter().chain(rods::missing(plan, &rods, catalogue));
    let unjudged: Vec<Issue> = unjudged.chain(of_all).collect();
    check::check(&seen, unjudged, slice_mm(spine), half_width_mm(spine))
}

/// The head of a screw, as the planner takes it; of a size that the catalogue lacks that of the
/// nearest.
fn head_of(screw: &Screw, catalogue: &Catalogue) -> Option<HeadShape> {
    let kind = screw.kind(catalogue)?;
    let behind_mm = [HeadShape::FROM_MM, kind.head_height_mm];
    Some(HeadShape { radius_mm: kind.head_radius_mm, behind_mm })
}

/// The other screws of a plan that come near one, and the gap to each, mm.
fn near(
    plan: &Plan,
    screw: &Screw,
    gap_mm: impl Fn(&Screw, &Screw) -> Option<f64>,
) -> Vec<(String, f64)> {
    let others = plan.screws.iter().filter(|other| other.id != screw.id);
    let gaps = others.filter_map(|other| Some((other.title(), gap_mm(screw, other)?)));
    gaps.filter(|(_, mm)| *mm < check::TOO_NEAR_MM).collect()
}

/// The gap between the heads of two screws, mm; `None` where the catalogue has no such screws.
fn gap_between_heads_mm(a: &Screw, b: &Screw, catalogue: &Catalogue) -> Option<f64> {
    let (of_a, of_b) = (head_of(a, catalogue)?, head_of(b, catalogue)?);
    Some(clearance::gap_between_heads_mm((&a.shape(), of_a), (&b.shape(), of_b)))
}

/// Narrowest extent and chord of the pedicle that a screw is meant for, mm.
fn pedicle_mm(spine: &Spine, screw: &Screw) -> Option<[f64; 2]> {
    let pedicle = host_of(spine, screw).ok()?.anatomy.pedicle(screw.side)?;
    Some([pedicle.least_mm, pedicle.chord_mm])
}

/// Where image or labels end inside the ilium that a screw runs into.
fn ilium_cut(spine: &Spine, screw: &Screw) -> Option<IliumCut> {
    let bone = spine.pelvic_bone(screw.side).filter(|_| screw.style == ScrewStyle::S2AlarIliac)?;
    bone.cut_at(&screw.shape())
}

/// Vertebrae that have one name.
fn called_twice(spine: &Spine, plan: &Plan) -> Vec<Issue> {
    let mut levels: Vec<Level> = spine.vertebrae.iter().map(|v| v.level_in(plan)).collect();
    levels.sort();
    let twice = levels.windows(2).filter(|pair| pair[0] == pair[1]);
    let issue = |level: Level| Issue {
        weight: Weight::Grave,
        what: format!("two vertebrae are called {level}"),
        hint: "rename the one that was counted twice".to_owned(),
    };
    twice.map(|pair| issue(pair[0])).collect()
}

/// What is to be said at once of an edit after which two vertebrae have one name; `None` where each has
/// its own.
pub fn said_of_names(spine: &Spine, plan: &Plan) -> Option<String> {
    let Issue { what, hint, .. } = called_twice(spine, plan).into_iter().next()?;
    Some(format!("{what}: {hint}"))
}

/// What a screw in its bone does not do as its name says. Into the ilium both sides lead their own way.
fn amiss(spine: &Spine, screw: &Screw) -> Option<Amiss> {
    if screw.style == ScrewStyle::S2AlarIliac {
        return None;
    }
    let Host { anatomy, .. } = host_of(spine, screw).ok()?;
    let axis = screw.axis.unit()?;
    let nearest = clearance::nearest_pedicle(&screw.shape(), axis, anatomy);
    if let Some(other) = nearest.filter(|pedicle| pedicle.side != screw.side) {
        return Some(Amiss::InPedicle(other.side));
    }
    let Some(own) = anatomy.pedicle(screw.side) else { return Some(Amiss::NoPedicle) };
    (nearest.is_some() && axis.dot(own.axis) < 0.0).then_some(Amiss::Backwards)
}

/// Where a screw runs whose axis does not meet its own bone.
fn astray(spine: &Spine, plan: &Plan, screw: &Screw) -> Astray {
    let shape = screw.shape();
    let meets = |vertebra: &&Arc<VertebraModel>| clearance::meets_bone(&vertebra.field, &shape);
    spine.vertebrae.iter().find(meets).map_or(Astray::Nowhere, |v| Astray::In(v.level_in(plan)))
}

/// The curves that the rods of both sides follow, left first.
pub fn rods_of(plan: &Plan, rods: &Rods) -> Vec<OfSide<Rod>> {
    let Ok(rules) = Rules::builtin() else { return Vec::new() };
    let of_side = |side: Side| {
        let screws: Vec<&Screw> = plan.screws.iter().filter(|s| s.side == side).collect();
        let heads: Vec<_> =
            screws.iter().map(|screw| construct::head(&screw.shape(), &rules)).collect();
        let rod = Rod::through(&heads, rods).map_err(|why| NoRod::new(side, &screws, why));
        OfSide { side, screws: screws.iter().map(|screw| screw.id).collect(), rod }
    };
    Side::BOTH.map(of_side).into()
}

/// The curves that the rods follow once the spine is moved towards a target, and how each level from the
/// highest to the lowest screw moves for it: none where it stays as it is. Other levels stay out of it.
pub fn rods_towards(
    spine: &Spine,
    plan: &Plan,
    target: Target,
    rods: &Rods,
) -> Result<(Vec<Moved>, Vec<OfSide<Rod>>), CorrectError> {
    if target.is_as_it_is() {
        return Ok((Vec::new(), rods_of(plan, rods)));
    }
    let place = |screw: &Screw| {
        let vertebra = vertebra_of(spine, screw)?;
        spine.vertebrae.iter().position(|v| v.id == vertebra.id)
    };
    let places = plan.screws.iter().filter_map(place);
    let (first, last) = places.fold((usize::MAX, 0), |(low, high), n| (low.min(n), high.max(n)));
    let joined = spine.vertebrae.get(first..=last).unwrap_or_default();
    let levels: Vec<_> = joined.iter().map(|v| (v.level_in(plan), &v.anatomy)).collect();
    let moved = correct::correct(&levels, target)?;
    let motion = |screw: &Screw| Some(moved[place(screw)?.checked_sub(first)?].motion);
    let mut there = plan.clone();
    for screw in &mut there.screws {
        if let Some(motion) = motion(screw) {
            (screw.entry, screw.axis) = (motion.point(screw.entry), motion.dir(screw.axis));
        }
    }
    let laid = rods_of(&there, rods);
    Ok((moved, laid))
}

/// The largest spacing of the images, mm.
fn slice_mm(spine: &Spine) -> f64 {
    let ct = spine.ct.as_ref().map(|ct| ct.grid().spacing_mm());
    let labels = spine.labels.as_ref().map(|labels| labels.volume.grid().spacing_mm());
    ct.or(labels).unwrap_or_default().into_iter().fold(0.0, f64::max)
}

/// Half of the width of the band of every answer in this case, mm.
pub fn half_width_mm(spine: &Spine) -> f64 {
    let spacing = spine.labels.as_ref().map_or([1.0; 3], |l| l.volume.grid().spacing_mm());
    band::half_width_mm(spacing, spine.ct.is_some())
}

/// Hash of every threshold that a letter depends on, so that a plan tells by what it was judged.
pub fn thresholds_hash() -> String {
    let text = format!(
        "entry zone {ENTRY_ZONE_MM} mm; breach bounds {BREACH_BOUNDS_MM:?} mm; joint {JOINT_MM} mm"
    );
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
