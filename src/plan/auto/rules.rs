//! Weights and limits of automatic planning, as data.
//!
//! In: `assets/planning/trajectories.ron` or a hospital's own file of that form. Out: [`Rules`],
//! checked.

use crate::labels::Level;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Everything that planning weighs and limits; the file says why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// Which edition of the file.
    pub version: u32,
    /// What holds for every style.
    pub limits: Limits,
    /// How each term of the score is read.
    pub terms: Ramps,
    /// What is usual at each level.
    pub levels: Vec<LevelRule>,
    /// The styles of trajectory.
    pub styles: Vec<StyleRule>,
}

/// Limits that hold for every style.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Largest part of the isthmus that a screw takes.
    pub isthmus_part: f64,
    /// Isthmuses under this width go by the narrow rule, mm.
    pub narrow_below_mm: f64,
    /// Bone that is always kept between screw and canal, mm.
    pub least_medial_mm: f64,
    /// What an isthmus must have beyond the smallest screw, mm.
    pub narrow_margin_mm: f64,
    /// How far in-out-in may pass the lateral wall, mm.
    pub most_lateral_mm: f64,
    /// Where the head begins behind the entry, mm; how large it is the catalogue says.
    pub head_from_mm: f64,
    /// How far behind the head bone is looked for, mm.
    pub reach_mm: f64,
    /// Where the rod passes behind the entry, mm.
    pub rod_behind_entry_mm: f64,
}

/// How one term is read: 0 at `zero`, 1 at `full`, straight between, never under `floor`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ramp {
    /// Its share in the total.
    pub weight: f64,
    /// The measure that scores nothing.
    pub zero: f64,
    /// The measure that scores all.
    pub full: f64,
    /// The least it scores; 0 where a term alone can make a screw unusable.
    pub floor: f64,
}

impl Ramp {
    /// The score of a measure, 0 to 1. What is no number scores 0.
    pub fn score(&self, measure: f64) -> f64 {
        let share = (measure - self.zero) / (self.full - self.zero);
        if share.is_nan() { 0.0 } else { share.clamp(self.floor, 1.0) }
    }
}

/// The ramps of all terms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ramps {
    /// Bone towards the canal, mm.
    pub canal: Ramp,
    /// Bone all round from 8 mm of depth on, mm.
    pub wall: Ramp,
    /// Bone all round before that, mm.
    pub entry: Ramp,
    /// Mean HU along the screw.
    pub density: Ramp,
    /// Length as part of the level's usual one.
    pub length: Ramp,
    /// Diameter as part of the widest allowed.
    pub diameter: Ramp,
    /// Angle off the sagittal aim, degrees.
    pub end_plate: Ramp,
    /// Angle off the convergence aimed at, degrees.
    pub convergence: Ramp,
    /// Gap to the level above, mm.
    pub facet: Ramp,
    /// Gap between the head and its own bone, mm.
    pub head: Ramp,
    /// Free way behind the head, mm.
    pub reach: Ramp,
    /// From the tip to the midline, mm.
    pub midline: Ramp,
}

impl Ramps {
    /// The ramps in the order of [`super::score::NAMES`].
    pub fn in_order(&self) -> [&Ramp; 12] {
        [
            &self.canal,
            &self.wall,
            &self.entry,
            &self.density,
            &self.length,
            &self.diameter,
            &self.end_plate,
            &self.convergence,
            &self.facet,
            &self.head,
            &self.reach,
            &self.midline,
        ]
    }
}

/// What is usual at one level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelRule {
    /// The level.
    pub level: Level,
    /// Usual convergence, degrees.
    pub convergence_deg: f64,
    /// Widest screw, mm.
    pub most_diameter_mm: f64,
    /// Length of a long screw there, mm.
    pub usual_length_mm: f64,
}

/// A style of trajectory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Parallel to the end plate.
    #[default]
    Straight,
    /// Along the pedicle.
    Anatomic,
    /// Cortical bone trajectory.
    Cortical,
    /// S1 through both cortices, towards the promontory.
    S1Bicortical,
    /// Through sacrum and ilium together.
    S2AlarIliac,
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Straight => "straight",
            Self::Anatomic => "anatomic",
            Self::Cortical => "cortical",
            Self::S1Bicortical => "S1 bicortical",
            Self::S2AlarIliac => "S2-alar-iliac",
        })
    }
}

/// At which angle a style aims.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Aim {
    /// At this one.
    Degrees(f64),
    /// At that of the pedicle's measured axis.
    AlongPedicle,
    /// At the level's usual one.
    Usual,
}

/// What one style asks for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StyleRule {
    /// Which style.
    pub name: Style,
    /// Sagittal aim against the end plates, positive towards the head.
    pub cranial: Aim,
    /// How far it may be left, degrees.
    pub cranial_window_deg: (f64, f64),
    /// Convergence aimed at, positive towards the midline.
    pub convergence: Aim,
    /// How far it may be left, degrees.
    pub convergence_window_deg: (f64, f64),
    /// The tip stays this far behind the front cortex along the axis, mm.
    pub front_margin_mm: f64,
    /// Largest part of the chord that a screw takes.
    pub chord_part: f64,
    /// The tip is to end in the front cortex: there it may reach out, and length is scored by how
    /// near it comes.
    #[serde(default)]
    pub is_bicortical: bool,
    /// Diameters that make sense, mm.
    pub diameters_mm: (f64, f64),
    /// Lengths that make sense, mm.
    pub lengths_mm: (f64, f64),
    /// Length of a long screw of this style, mm, where its level's own says nothing of it; the
    /// level's widest screw does not count then either.
    #[serde(default)]
    pub usual_length_mm: Option<f64>,
}

/// A file of rules that can not be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The text is no RON of this shape.
    #[error("the planning rules can not be read: {0}")]
    Syntax(#[from] ron::error::SpannedError),
    /// A number makes no sense.
    #[error("the planning rules are wrong at {0}: correct that number in the file")]
    Number(String),
}

impl Rules {
    /// Reads and checks a file of rules.
    pub fn from_ron(text: &str) -> Result<Self, RulesError> {
        let rules: Self = ron::from_str(text)?;
        rules.check()?;
        Ok(rules)
    }
    /// The rules that the program carries in itself.
    pub fn builtin() -> Result<Self, RulesError> {
        Self::from_ron(include_str!("../../../assets/planning/trajectories.ron"))
    }
    /// What a style asks for.
    pub fn style(&self, style: Style) -> Option<&StyleRule> {
        self.styles.iter().find(|rule| rule.name == style)
    }
    /// What is usual at a level; `None` where screws are not planned.
    pub fn level(&self, level: Level) -> Option<&LevelRule> {
        self.levels.iter().find(|rule| rule.level == level)
    }

    fn check(&self) -> Result<(), RulesError> {
        let wrong = |what: String| Err(RulesError::Number(what));
        for (name, ramp) in super::score::NAMES.iter().zip(self.terms.in_order()) {
            let finite = [ramp.weight, ramp.zero, ramp.full].iter().all(|x| x.is_finite());
            let sane = ramp.weight >= 0.0 && ramp.zero != ramp.full;
            if !finite || !sane || !(0.0..1.0).contains(&ramp.floor) {
                return wrong(format!("terms, {name}"));
            }
        }
        let limits = &self.limits;
        let parts = [("isthmus_part", limits.isthmus_part)];
        let lengths = [
            ("narrow_below_mm", limits.narrow_below_mm),
            ("least_medial_mm", limits.least_medial_mm),
            ("narrow_margin_mm", limits.narrow_margin_mm),
            ("most_lateral_mm", limits.most_lateral_mm),
            ("head_from_mm", limits.head_from_mm),
            ("reach_mm", limits.reach_mm),
        ];
        if let Some((name, _)) = parts.iter().find(|(_, x)| !(*x > 0.0 && *x <= 1.0)) {
            return wrong(format!("limits, {name}"));
        }
        if let Some((name, _)) = lengths.iter().find(|(_, x)| !(*x >= 0.0 && x.is_finite())) {
            return wrong(format!("limits, {name}"));
        }
        for rule in &self.styles {
            let parts_are_sane = rule.chord_part > 0.0 && rule.chord_part <= 1.0;
            let ascends = |(low, high): (f64, f64)| low <= high && low.is_finite();
            let angles = [rule.cranial_window_deg, rule.convergence_window_deg];
            let windows = [angles[0], angles[1], rule.diameters_mm, rule.lengths_mm];
            if !parts_are_sane || !windows.into_iter().all(ascends) || rule.front_margin_mm < 0.0 {
                return wrong(format!("styles, {}", rule.name));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_rules_hold_every_style_and_every_planned_level() {
        let rules = Rules::builtin().expect("our own file");
        use Style::*;
        for style in [Straight, Anatomic, Cortical, S1Bicortical, S2AlarIliac] {
            assert!(rules.style(style).is_some(), "{style}");
        }
        for level in Level::all().filter(|l| l.region() != 'C') {
            assert!(rules.level(level).is_some(), "{level}");
        }
    }

    #[test]
    fn a_ramp_is_read_in_both_directions_and_keeps_its_floor() {
        let up = Ramp { weight: 1.0, zero: 0.0, full: 2.0, floor: 0.0 };
        assert_eq!([-1.0, 0.0, 0.5, 2.0, 9.0].map(|x| up.score(x)), [0.0, 0.0, 0.25, 1.0, 1.0]);
        let down = Ramp { weight: 1.0, zero: 25.0, full: 5.0, floor: 0.1 };
        assert_eq!([30.0, 15.0, 5.0, 0.0].map(|x| down.score(x)), [0.1, 0.5, 1.0, 1.0]);
        assert_eq!(up.score(f64::NAN), 0.0);
    }

    #[test]
    fn rules_that_make_no_sense_are_refused() {
        let text = include_str!("../../../assets/planning/trajectories.ron");
        let wrong = text.replace("isthmus_part: 0.8", "isthmus_part: 1.8");
        assert!(matches!(Rules::from_ron(&wrong), Err(RulesError::Number(_))));
        let wrong = text.replace("zero: 0.0, full: 1.2", "zero: 1.2, full: 1.2");
        assert!(matches!(Rules::from_ron(&wrong), Err(RulesError::Number(_))));
        assert!(matches!(Rules::from_ron("(version: 1"), Err(RulesError::Syntax(_))));
    }
}
