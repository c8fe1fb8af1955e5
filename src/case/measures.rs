//! Everything that is measured on a case, in one place: what `corridor measure` prints and a panel
//! shows.
//!
//! In: a [`Spine`]. Out: [`Measures`]. Nothing here is kept: it is derived anew from the models.

use super::spine::{Review, Spine, VertebraModel};
use super::{doubts, judge};
use crate::anatomy::density::{self, Density, Flag, Region, Untold};
use crate::anatomy::{Alignment, Foramen, Hips, Pedicle, align, foramina, hips};
use crate::labels::{Level, Lying, Posture};
use crate::plan::{Plan, Screw};
use crate::space::Side;
use std::sync::Arc;

/// The numbers of a case.
#[derive(Clone, Debug)]
pub struct Measures {
    /// One entry per vertebra, cranial ones first.
    pub levels: Vec<LevelMeasures>,
    /// The angles of the column.
    pub alignment: Alignment,
    /// The foramina between neighbours, cranial ones first.
    pub foramina: Vec<Foramen>,
    /// The femoral heads, where both were found in the CT.
    pub hips: Option<Hips>,
    /// What every screw of the plan runs through, in the plan's order; empty without a CT.
    pub paths: Vec<ScrewPath>,
    /// Who answers for the labels that all of it was read from.
    pub review: Review,
    /// What a person should know; whole sentences.
    pub notices: Vec<String>,
}

/// The numbers of one vertebra.
#[derive(Clone, Debug)]
pub struct LevelMeasures {
    /// What it is called.
    pub level: Level,
    /// Its model, which holds the measured anatomy.
    pub model: Arc<VertebraModel>,
    /// Density of its body; `None` without a CT, or where plates were not found.
    pub body: Option<Density>,
    /// Density of each pedicle found, or why none is told; without those of S1, which close no ring
    /// around bone of one kind. Empty without a CT.
    pub pedicles: Vec<(Side, Result<Density, Untold>)>,
    /// Rules of the literature that the body's density falls under.
    pub flags: Vec<Flag>,
}

impl LevelMeasures {
    /// False at S1, whose pedicles close no ring: their width and least extent run on into the ala.
    pub fn has_outer_walls(&self) -> bool {
        self.level != Level::S1
    }
    /// Density of one side's pedicle, or why none is told; `None` where it was not asked for.
    pub fn pedicle_density(&self, side: Side) -> Option<Result<Density, Untold>> {
        self.pedicles.iter().find(|(s, _)| *s == side).map(|(_, density)| *density)
    }
}

/// One planned screw and the density along it.
#[derive(Clone, Debug)]
pub struct ScrewPath {
    /// The screw.
    pub screw: Screw,
    /// `None` where it reaches out of the CT.
    pub density: Option<PathDensity>,
}

/// The density along a screw's path.
#[derive(Clone, Debug, PartialEq)]
pub struct PathDensity {
    /// Over the screw's own thickness, from its entry to its tip.
    pub density: Density,
    /// Rules of the literature that it falls under.
    pub flags: Vec<Flag>,
}

/// The density along a screw, where it stands now; `None` without a CT or where it reaches out of it.
pub fn along(spine: &Spine, screw: &Screw) -> Option<PathDensity> {
    let ct = spine.ct.as_deref()?;
    let density = density::of_path(ct, screw.entry, screw.tip(), screw.radius_mm())?;
    let mut flags = density::flags(screw.level, Region::Path, &density);
    let body = |v: &Arc<VertebraModel>| density::of_body(ct, v.level, &v.anatomy);
    // A path of few dark voxels does not show that the CT was cut off; the body does.
    let is_cut_off =
        || judge::vertebra_of(spine, screw).and_then(body).is_some_and(|b| b.is_clipped);
    if !flags.is_empty() && is_cut_off() {
        flags.clear();
    }
    Some(PathDensity { density, flags })
}

/// Measures a case whose labels `spine` holds as `plan` mends them, under the plan's names.
/// `posture` is that of the patient in the scanner; [`Spine::posture`] where nobody named one.
pub fn of_plan(spine: &Spine, plan: &Plan, posture: Posture) -> Measures {
    let spine = &spine.named_by(plan);
    let mut levels: Vec<LevelMeasures> =
        spine.vertebrae.iter().map(|v| of_level(spine, v)).collect();
    let path = |screw: &Screw| ScrewPath { screw: screw.clone(), density: along(spine, screw) };
    let screws = plan.screws.iter().filter(|_| spine.ct.is_some());
    let mut paths: Vec<ScrewPath> = screws.map(path).collect();
    // One body shows that the CT was cut off; then it was everywhere.
    if levels.iter().any(|level| level.body.is_some_and(|body| body.is_clipped)) {
        levels.iter_mut().for_each(|level| level.flags.clear());
        paths.iter_mut().filter_map(|path| path.density.as_mut()).for_each(|d| d.flags.clear());
    }
    let column: Vec<_> = spine.vertebrae.iter().map(|v| (v.level, &v.anatomy)).collect();
    let plate = spine.at_level(Level::S1).and_then(|v| v.anatomy.upper_plate);
    let ct = spine.ct.as_deref();
    let hips = plate.zip(ct).and_then(|(plate, ct)| hips::find(ct, &plate));
    let neighbours: Vec<_> =
        spine.vertebrae.iter().map(|v| (v.level, &v.anatomy, &v.surface)).collect();
    let alignment = align(&column, hips.as_ref(), posture);
    let mut notices: Vec<String> = spine.notices_beside(plan).collect();
    notices.extend(doubts::of(spine));
    notices.extend(caveats(spine, &levels, &alignment));
    let foramina = foramina(&neighbours);
    Measures { levels, alignment, foramina, hips, paths, review: spine.review(plan), notices }
}

/// The same as the labels alone name it, with nothing accepted.
pub fn of(spine: &Spine, posture: Posture) -> Measures {
    of_plan(spine, &Plan::default(), posture)
}

fn of_level(spine: &Spine, model: &Arc<VertebraModel>) -> LevelMeasures {
    let (level, anatomy) = (model.level, &model.anatomy);
    let ct = spine.ct.as_deref();
    let body = ct.and_then(|ct| density::of_body(ct, level, anatomy));
    let up = anatomy.patient_from_vertebra.dir(crate::space::Dir::Z);
    let depth_mm = |p| model.field.quick_distance_mm(p);
    let of_pedicle = |p: &Pedicle| Some((p.side, density::of_pedicle(ct?, p, up, depth_mm)));
    let ringed = anatomy.pedicles.iter().filter(|_| level != Level::S1);
    let pedicles = ringed.filter_map(of_pedicle);
    let flags = body.map_or_else(Vec::new, |body| density::flags(level, Region::Body, &body));
    LevelMeasures { level, model: model.clone(), body, pedicles: pedicles.collect(), flags }
}

/// What the numbers leave out, or may not be put beside.
fn caveats(spine: &Spine, levels: &[LevelMeasures], alignment: &Alignment) -> Vec<String> {
    let mut notices = Vec::new();
    let bodies: Vec<Density> = levels.iter().filter_map(|l| l.body).collect();
    if spine.ct.is_none() {
        notices.push("no density: there is no CT, so there are no HU".to_owned());
    } else if bodies.iter().any(|body| body.is_clipped) {
        notices.push(
            "densities can not be trusted: many samples share one lowest value, so the CT was cut \
             off below it"
                .to_owned(),
        );
    }
    if alignment.pelvis.is_none() && levels.iter().any(|l| l.level == Level::S1) {
        let why = match (&spine.ct, alignment.sacral_slope_deg) {
            (None, _) => "there is no CT to look for the femoral heads in",
            (_, None) => "the upper end plate of S1 was not found",
            _ => "both femoral heads were not found in the CT",
        };
        notices.push(format!("no pelvic incidence and tilt: {why}"));
    }
    if alignment.posture != Posture::Standing {
        notices.push(
            "angles were measured lying: lordosis lying is about 13 degrees smaller than standing \
             (PMC6680033), so none of them may be put beside a standing target; pelvic incidence \
             is free of posture"
                .to_owned(),
        );
    }
    notices.extend(other_posture(spine.lying, alignment.posture));
    notices
}

/// Where the CT's file says that the patient lay otherwise than the angles are told.
fn other_posture(lying: Option<Lying>, told: Posture) -> Option<String> {
    let lying = lying.filter(|lying| lying.posture() != Some(told))?;
    Some(if lying == Lying::Side {
        format!(
            "the angles were measured lying on the side, as the CT's file says (DICOM Patient \
             Position), though they are told as {told}: do not put them beside those of another \
             posture"
        )
    } else {
        format!(
            "the angles are told as {told}, but the CT's file says {lying} (DICOM Patient \
             Position): find out which is true before you use them"
        )
    })
}
