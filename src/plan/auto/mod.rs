//! Screws that plan themselves.
//!
//! In: one pedicle of a bone with everything known about it ([`Site`]), weights and limits as data
//! ([`Rules`]), the sizes on offer. Out: a [`Suggestion`] whose score can be read term by term, or
//! a [`Refusal`] in words. One rule stands above the weights: the medial wall is never crossed.
//!
//! | file | owns |
//! |---|---|
//! | [`rules`] | weights and limits per style, from `assets/planning/` |
//! | `line` | lines through a pedicle and the bone along them |
//! | [`score`] | what a screw scores, term by term |
//! | `search` | the search over lines, by `climb` from the best of a grid |
//! | `promontory` | where a screw through both cortices of S1 is aimed |
//! | `rate` | the best size on a line, and what it scores |
//! | `trajectory` | what a plan calls the styles, and which breach a style asks for |
//! | [`construct`] | all screws of a side together, so that a rod joins their heads |

mod climb;
pub mod construct;
mod line;
mod promontory;
mod rate;
pub mod rules;
pub mod score;
mod search;
mod trajectory;

pub use rules::{Rules, RulesError, Style};
pub use score::{Score, Term};
pub use trajectory::{Wanted, wanted_breach};
use trajectory::{is_back_in_bone, is_lateral_alone};

use crate::anatomy::{Pedicle, VertebraAnatomy};
use crate::clearance::{
    Assessment, Canal, Grade, ScrewShape, SignedDistance, assess, assess_without_profile,
    medial_room,
};
use crate::implant::Catalogue;
use crate::labels::Level;
use crate::space::Side;
use crate::volume::Volume;
use rate::{Rated, TIP_MM};
use rules::StyleRule;
use search::{Found, Search};

/// A pedicle to be planned, with all that is known around it.
pub struct Site<'a, B> {
    /// The level.
    pub level: Level,
    /// The pedicle: where the search starts.
    pub pedicle: &'a Pedicle,
    /// What was measured on the vertebra.
    pub anatomy: &'a VertebraAnatomy,
    /// Distance to its surface.
    pub bone: &'a B,
    /// The same of the level above, if the case has it.
    pub above: Option<&'a B>,
    /// Its canal, if one was found.
    pub canal: Option<&'a Canal>,
    /// The CT in HU, if there is one.
    pub ct: Option<&'a Volume<i16>>,
}

/// What may be used.
#[derive(Clone, Copy, Debug)]
pub struct Allowed<'a> {
    /// The sizes on offer.
    pub catalogue: &'a Catalogue,
    /// Where a pedicle is narrower than the smallest screw, the lateral wall may be passed.
    pub in_out_in: bool,
}

/// The best screw of a pedicle, and why it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// Entry, axis and size.
    pub shape: ScrewShape,
    /// In which style it was looked for.
    pub style: Style,
    /// Diameter of the widest straight bore through the pedicle, mm: its isthmus.
    pub isthmus_mm: f64,
    /// The narrow rule was followed in place of the 80 %.
    pub is_narrow: bool,
    /// It was looked for where the lateral wall may be passed.
    pub in_out_in: bool,
    /// Bone along the axis from the entry to the front cortex, mm.
    pub chord_mm: f64,
    /// Why this one.
    pub score: Score,
    /// How it is judged.
    pub assessment: Assessment,
}

/// Why a pedicle got no screw.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The case lacks the vertebra.
    #[error("{level}: the case has no vertebra of that level, so nothing is planned there")]
    NoVertebra {
        /// The level asked for.
        level: Level,
    },
    /// The image or the label map ends inside the vertebra.
    #[error("{level}: the image or the label map cuts into it, so nothing is planned there")]
    CutOff {
        /// The level.
        level: Level,
    },
    /// The pedicle was not found.
    #[error(
        "{level} {side}: its pedicle was not found, so nothing is planned there; place it by hand"
    )]
    NoPedicle {
        /// The level.
        level: Level,
        /// The side.
        side: Side,
    },
    /// The canal was not found, so that nothing would keep a screw out of it.
    #[error(
        "{level} {side}: its canal was not found, so nothing is planned there; place it by hand"
    )]
    NoCanal {
        /// The level.
        level: Level,
        /// The side.
        side: Side,
    },
    /// No screws are planned at this level.
    #[error("{level}: pedicle screws are planned from T1 to S1; place it by hand")]
    NotPlanned {
        /// The level.
        level: Level,
    },
    /// Nothing says where the promontory is.
    #[error(
        "{level} {side}: its upper end plate was not found, so no screw can be aimed at the \
         promontory; choose another style, or place it by hand"
    )]
    NoPromontory {
        /// The level.
        level: Level,
        /// The side.
        side: Side,
    },
    /// The labels have no ilium.
    #[error(
        "S2AI {side}: the case has no {side} ilium beside the sacrum, so nothing is planned there; \
         load labels with hip_left and hip_right"
    )]
    NoIlium {
        /// The side.
        side: Side,
    },
    /// No corridor leads from the sacrum into the ilium.
    #[error(
        "S2AI {side}: no way through bone leads from the sacrum into the ilium, so nothing is \
         planned there; place it by hand"
    )]
    NoCorridor {
        /// The side.
        side: Side,
    },
    /// The same of an ilium that the image or the label map does not hold whole.
    #[error(
        "S2AI {side}: the image or the label map ends inside the {side} ilium, and no way through \
         bone leads from the sacrum into what it holds, so nothing is planned there; take an image \
         and labels that hold more of it"
    )]
    IliumCutOff {
        /// The side.
        side: Side,
    },
    /// The style is none of this level.
    #[error("{level}: a {style} screw belongs to {belongs}; choose another style")]
    OtherLevel {
        /// The level.
        level: Level,
        /// The style.
        style: Style,
        /// Where it belongs.
        belongs: &'static str,
    },
    /// The planning rules lack the style.
    #[error(
        "the planning rules say nothing of {style} screws, so none is planned; add that style to \
         the file, or choose another"
    )]
    NoStyle {
        /// The style asked for.
        style: Style,
    },
    /// The catalogue has no iliac screws.
    #[error(
        "S2AI {side}: the catalogue has no screw for sacrum and ilium, so nothing is planned there; \
         load one that has a kind of use: iliac (--catalogue)"
    )]
    NoIliacScrew {
        /// The side.
        side: Side,
    },
    /// The catalogue has nothing for the style and level.
    #[error("{level} {side}: the catalogue has no screw of a size usual there; choose another")]
    NoSize {
        /// The level.
        level: Level,
        /// The side.
        side: Side,
    },
    /// Narrower than the smallest screw and its margin.
    #[error(
        "{level} {side}: its isthmus is {isthmus_mm:.1} mm wide, the smallest screw needs \
         {needed_mm:.1} mm; allow in-out-in, or leave it out"
    )]
    TooNarrow {
        /// The level.
        level: Level,
        /// The side.
        side: Side,
        /// The isthmus as measured by the widest straight bore, mm.
        isthmus_mm: f64,
        /// What the smallest screw needs, mm.
        needed_mm: f64,
    },
    /// No line keeps all the rules.
    #[error(
        "{level} {side}: no {style} path keeps clear of the canal and within the bone; place it \
         by hand, or choose another style"
    )]
    NoPath {
        /// The level.
        level: Level,
        /// The side.
        side: Side,
        /// The style.
        style: Style,
    },
}

impl Refusal {
    /// Whether it is for want of width alone: in-out-in may have a way.
    pub fn is_for_width(&self) -> bool {
        matches!(self, Self::TooNarrow { .. })
    }
}

/// The best screw of one pedicle in one style.
///
/// Deterministic; a tenth of a second at most. The result never crosses the medial wall. It leaves bone
/// past the lateral wall where in-out-in is allowed, at its tip where both cortices are asked for, and
/// else by 0.2 mm at most.
pub fn suggest<B: SignedDistance>(
    site: &Site<'_, B>,
    style: Style,
    rules: &Rules,
    allowed: &Allowed<'_>,
) -> Result<Suggestion, Refusal> {
    Ok(choices(site, style, rules, allowed, 1.0)?.best)
}

/// Bone that is kept before the medial wall, mm: how far a surface from a noisy CT of 1 mm may be
/// off. Of 100 screws 95 are judged within 0.06 mm (benches/README), and no screw of hundreds of
/// columns may cross it: two and a half times that.
const MEDIAL_KEPT_MM: f64 = 0.15;

/// The best screw of a pedicle, and others near it.
#[derive(Clone, Debug)]
pub struct Choices {
    /// The best one.
    pub best: Suggestion,
    /// Others that give up no more than was allowed and are no narrower, best ones first.
    pub others: Vec<Choice>,
    kind: Kind,
}

/// Which way leads through a pedicle.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// Within bone.
    InBone,
    /// The lateral wall may be passed, the end lies in bone again.
    InOutIn,
    /// The lateral wall may be passed, and the end may stand out of the body's side.
    InOut,
}

impl Way {
    /// Whether the lateral wall may be passed.
    fn may_pass_wall(self) -> bool {
        self != Self::InBone
    }
}

/// What was found of a pedicle, whichever screw it takes.
#[derive(Clone, Copy, Debug)]
struct Kind {
    way: Way,
    isthmus_mm: f64,
    is_narrow: bool,
}

/// A screw that was not judged in full yet.
#[derive(Clone, Debug)]
pub struct Choice(Rated);

impl Choice {
    /// Entry, axis and size.
    pub fn shape(&self) -> &ScrewShape {
        &self.0.shape
    }
    /// What it scores.
    pub fn total(&self) -> f64 {
        self.0.total
    }
}

/// The best screw of one pedicle, and those near it that keep at least `least_part` (0 to 1) of its
/// score; none where that is 1. In-out-in is tried only where bone alone has no way for the
/// smallest screw, and an end out of the body's side only where no line comes back into bone.
pub fn choices<B: SignedDistance>(
    site: &Site<'_, B>,
    style: Style,
    rules: &Rules,
    allowed: &Allowed<'_>,
    least_part: f64,
) -> Result<Choices, Refusal> {
    let (level, side) = (site.level, site.pedicle.side);
    let rules = &*rules.weighted_for(style);
    let rule = rules.style(style).ok_or(Refusal::NoStyle { style })?;
    belongs(level, style)?;
    if !is_kept_off_canal(site, style) {
        return Err(Refusal::NoCanal { level, side });
    }
    let way = |way| choices_by(site, rule, rules, allowed.catalogue, way, least_part);
    let or_by = |answer, next| match answer {
        Err(Refusal::TooNarrow { .. } | Refusal::NoPath { .. }) if allowed.in_out_in => way(next),
        answer => answer,
    };
    [Way::InOutIn, Way::InOut].into_iter().fold(way(Way::InBone), or_by)
}

fn choices_by<B: SignedDistance>(
    site: &Site<'_, B>,
    rule: &StyleRule,
    rules: &Rules,
    catalogue: &Catalogue,
    way: Way,
    least_part: f64,
) -> Result<Choices, Refusal> {
    let no_path = Refusal::NoPath { level: site.level, side: site.pedicle.side, style: rule.name };
    let mut search = Search::new(site, rules, rule, catalogue, way)?;
    let Found { ranked, isthmus_mm, is_narrow } = search.run()?;
    let kind = Kind { way, isthmus_mm, is_narrow };
    let judged = |rated: &Rated| judged(site, rule, rules, kind, rated.clone());
    // The letter stands above the score: the first of the best letter that any of them has. A
    // screw through both cortices is a B as it should be.
    let letter = |found: &Suggestion| match rule.is_bicortical {
        true => Grade::A,
        false => found.assessment.grade,
    };
    let ranked: Vec<Rated> =
        ranked.into_iter().map(|rated| search.off_medial_wall(rated)).collect();
    let found = ranked.iter().filter_map(|rated| Some((rated, judged(rated)?)));
    let better = |a: (_, Suggestion), b: (_, Suggestion)| match letter(&b.1) < letter(&a.1) {
        true => b,
        false => a,
    };
    let (rated, best) = found.reduce(better).ok_or(no_path)?;
    let near = match least_part < 1.0 {
        true => search.near(rated, least_part * rated.total),
        false => Vec::new(),
    };
    // Nor is it given up for a rod, nor the last bone around the screw.
    let kept_mm = best.assessment.clearance_mm.min(construct::KEPT_CLEARANCE_MM);
    let keeps = |rated: &Rated| {
        let found = assess_without_profile(&rated.shape, site.bone, site.anatomy);
        let length_mm = rated.shape.length_mm;
        let is_kept = |found: &Assessment| {
            let is_safe = found.grade <= best.assessment.grade && found.clearance_mm >= kept_mm;
            let is_as_good = rule.is_bicortical || is_safe;
            let is_kept_medially = is_off_medial_wall(site, &rated.shape, found);
            is_as_good && is_kept_medially && is_allowed(found, length_mm, rule, way, rules)
        };
        found.is_ok_and(|found| is_kept(&found))
    };
    let others = near.into_iter().filter(keeps).map(Choice).collect();
    Ok(Choices { best, others, kind })
}

/// What a given screw scores, with the terms of a search of this style by what is allowed; `None`
/// where the canal is not known, nothing is planned at this level, or the screw's axis is not in bone
/// at the isthmus.
pub fn score_of<B: SignedDistance>(
    site: &Site<'_, B>,
    style: Style,
    rules: &Rules,
    allowed: &Allowed<'_>,
    shape: &ScrewShape,
) -> Option<Score> {
    if !is_kept_off_canal(site, style) {
        return None;
    }
    let way = if allowed.in_out_in { Way::InOut } else { Way::InBone };
    let rules = &*rules.weighted_for(style);
    let search = Search::new(site, rules, rules.style(style)?, allowed.catalogue, way).ok()?;
    let rated = search.rate_shape(shape)?;
    Some(Score { total: rated.total, ..Score::new(&rated.measures, rules) })
}

/// Whether something keeps a screw out of the canal: the canal itself, where it is known. Into the
/// ilium a screw starts beside the foramina and leads away from it.
fn is_kept_off_canal<B>(site: &Site<'_, B>, style: Style) -> bool {
    site.canal.is_some() || style == Style::S2AlarIliac
}

/// One of the choices judged in full; `None` where the grade does not bear it.
pub fn settle<B: SignedDistance>(
    site: &Site<'_, B>,
    rules: &Rules,
    choices: &Choices,
    choice: &Choice,
) -> Option<Suggestion> {
    let rules = &*rules.weighted_for(choices.best.style);
    let rule = rules.style(choices.best.style)?;
    judged(site, rule, rules, choices.kind, choice.0.clone())
}

fn judged<B: SignedDistance>(
    site: &Site<'_, B>,
    rule: &StyleRule,
    rules: &Rules,
    kind: Kind,
    rated: Rated,
) -> Option<Suggestion> {
    let assessment = assess(&rated.shape, site.bone, site.anatomy).ok()?;
    let length_mm = rated.shape.length_mm;
    let score = Score { total: rated.total, ..Score::new(&rated.measures, rules) };
    let is_good = is_off_medial_wall(site, &rated.shape, &assessment)
        && is_allowed(&assessment, length_mm, rule, kind.way, rules);
    is_good.then_some(Suggestion {
        shape: rated.shape,
        style: rule.name,
        isthmus_mm: kind.isthmus_mm,
        is_narrow: kind.is_narrow,
        in_out_in: kind.way.may_pass_wall(),
        chord_mm: rated.chord_mm,
        score,
        assessment,
    })
}

/// Whether what is kept before the medial wall is left there, whichever wall is nearest.
fn is_off_medial_wall<B: SignedDistance>(
    site: &Site<'_, B>,
    screw: &ScrewShape,
    found: &Assessment,
) -> bool {
    // The room there is no less than that to any wall.
    found.clearance_mm >= MEDIAL_KEPT_MM
        || medial_room(screw, site.bone, site.anatomy).is_none_or(|room| room.mm >= MEDIAL_KEPT_MM)
}

/// What the search's coarser probing may miss, mm.
const MISSED_MM: f64 = 0.2;

/// The last word on a screw: by the grade's own numbers.
fn is_allowed(
    found: &Assessment,
    length_mm: f64,
    style: &StyleRule,
    way: Way,
    rules: &Rules,
) -> bool {
    if found.medial_breach_mm > 0.0 {
        return false;
    }
    let is_as_allowed = match way {
        Way::InBone => true,
        Way::InOutIn => is_lateral_alone(found) && is_back_in_bone(found, rules),
        Way::InOut => is_lateral_alone(found),
    };
    if !is_as_allowed {
        return false;
    }
    let most = if way.may_pass_wall() { rules.limits.most_lateral_mm } else { MISSED_MM };
    if style.is_bicortical && found.breach_depth_mm.is_some_and(|mm| mm > length_mm - TIP_MM) {
        return found.grade <= Grade::B;
    }
    found.breach_mm <= most
}

/// Refuses a style at a level where it is none.
fn belongs(level: Level, style: Style) -> Result<(), Refusal> {
    let wrong = |belongs| Err(Refusal::OtherLevel { level, style, belongs });
    match style {
        Style::S1Bicortical if level != Level::S1 => wrong("S1"),
        Style::S2AlarIliac if level != Level::S1 => wrong("the sacrum"),
        Style::Cortical if level.region() != 'L' => wrong("L1 to L5"),
        _ => Ok(()),
    }
}
