//! Weights and limits of automatic planning, as data.
//!
//! In: `assets/planning/trajectories.ron` or a hospital's own file of that form. Out: [`Rules`],
//! checked.

use crate::labels::Level;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
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
    /// How far the tip lies in front of the isthmus, at the least, mm.
    pub past_isthmus_mm: f64,
    /// How far in-out-in may pass the lateral wall, mm.
    pub most_lateral_mm: f64,
    /// How much of its end is in bone again in-out-in, at the least, mm.
    pub back_in_bone_mm: f64,
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
    fn in_order_mut(&mut self) -> [&mut Ramp; 12] {
        [
            &mut self.canal,
            &mut self.wall,
            &mut self.entry,
            &mut self.density,
            &mut self.length,
            &mut self.diameter,
            &mut self.end_plate,
            &mut self.convergence,
            &mut self.facet,
            &mut self.head,
            &mut self.reach,
            &mut self.midline,
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
    /// At the front cortex of S1 just under its upper end plate.
    AtPromontory,
}

/// What one style asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Weights of its own, by the names of the terms in the file; the others are those of all styles.
    #[serde(default)]
    pub weights: BTreeMap<String, f64>,
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
    /// A level or style stands there twice.
    #[error("the planning rules have {0} twice: take one of them out of the file")]
    Twice(String),
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

    /// The same rules, with the weights that a style has of its own.
    pub fn weighted_for(&self, style: Style) -> Cow<'_, Self> {
        let own = self.style(style).map(|rule| &rule.weights).filter(|own| !own.is_empty());
        let Some(own) = own else { return Cow::Borrowed(self) };
        let mut rules = self.clone();
        for (name, ramp) in super::score::NAMES.iter().zip(rules.terms.in_order_mut()) {
            ramp.weight = own.get(&in_file(name)).copied().unwrap_or(ramp.weight);
        }
        Cow::Owned(rules)
    }

    fn check(&self) -> Result<(), RulesError> {
        check_terms(&self.terms)?;
        check_limits(&self.limits)?;
        for rule in &self.levels {
            check_level(rule)?;
        }
        for rule in &self.styles {
            check_style(rule)?;
            let terms = self.weighted_for(rule.name).terms;
            check_weights(&format!("styles, {}, weights", rule.name), &terms)?;
        }
        let is_twice = |n: usize| self.levels[..n].iter().any(|r| r.level == self.levels[n].level);
        let levels = (0..self.levels.len()).find(|n| is_twice(*n));
        let is_twice = |n: usize| self.styles[..n].iter().any(|r| r.name == self.styles[n].name);
        let styles = (0..self.styles.len()).find(|n| is_twice(*n));
        match (levels, styles) {
            (Some(n), _) => Err(RulesError::Twice(format!("levels, {}", self.levels[n].level))),
            (_, Some(n)) => Err(RulesError::Twice(format!("styles, {}", self.styles[n].name))),
            _ => Ok(()),
        }
    }
}

/// A term's name as the file has it.
fn in_file(term: &str) -> String {
    term.replace(' ', "_")
}

/// What a number must be.
#[derive(Clone, Copy)]
enum Sane {
    /// Any that is finite.
    Finite,
    /// Zero or more.
    NotNegative,
    /// More than zero.
    Positive,
    /// More than zero, at most one.
    Part,
    /// Within a right angle either way.
    Angle,
}

impl Sane {
    fn holds(self, x: f64) -> bool {
        let is_sane = match self {
            Self::Finite => true,
            Self::NotNegative => x >= 0.0,
            Self::Positive => x > 0.0,
            Self::Part => x > 0.0 && x <= 1.0,
            Self::Angle => x.abs() <= 90.0,
        };
        x.is_finite() && is_sane
    }
}

/// Refuses the first field whose number is not what it must be, by its name.
fn check_fields(place: &str, fields: &[(&str, f64, Sane)]) -> Result<(), RulesError> {
    match fields.iter().find(|(_, x, sane)| !sane.holds(*x)) {
        Some((name, ..)) => Err(RulesError::Number(format!("{place}, {name}"))),
        None => Ok(()),
    }
}

fn check_terms(terms: &Ramps) -> Result<(), RulesError> {
    for (name, ramp) in super::score::NAMES.iter().zip(terms.in_order()) {
        check_fields(
            &format!("terms, {name}"),
            &[
                ("weight", ramp.weight, Sane::NotNegative),
                ("zero", ramp.zero, Sane::Finite),
                ("full", ramp.full, Sane::Finite),
                ("floor", ramp.floor, Sane::NotNegative),
                ("floor", 1.0 - ramp.floor, Sane::Positive),
            ],
        )?;
        if ramp.zero == ramp.full {
            return Err(RulesError::Number(format!("terms, {name}: zero and full are the same")));
        }
    }
    check_weights("terms", terms)
}

fn check_weights(place: &str, terms: &Ramps) -> Result<(), RulesError> {
    let weights = terms.in_order().iter().map(|ramp| ramp.weight).sum();
    check_fields(place, &[("all weights together", weights, Sane::Positive)])
}

fn check_limits(limits: &Limits) -> Result<(), RulesError> {
    check_fields(
        "limits",
        &[
            ("isthmus_part", limits.isthmus_part, Sane::Part),
            ("narrow_below_mm", limits.narrow_below_mm, Sane::NotNegative),
            ("least_medial_mm", limits.least_medial_mm, Sane::NotNegative),
            ("narrow_margin_mm", limits.narrow_margin_mm, Sane::NotNegative),
            ("most_lateral_mm", limits.most_lateral_mm, Sane::NotNegative),
            ("back_in_bone_mm", limits.back_in_bone_mm, Sane::NotNegative),
            ("head_from_mm", limits.head_from_mm, Sane::NotNegative),
            ("past_isthmus_mm", limits.past_isthmus_mm, Sane::NotNegative),
            ("reach_mm", limits.reach_mm, Sane::Positive),
            ("rod_behind_entry_mm", limits.rod_behind_entry_mm, Sane::NotNegative),
        ],
    )
}

fn check_level(rule: &LevelRule) -> Result<(), RulesError> {
    check_fields(
        &format!("levels, {}", rule.level),
        &[
            ("convergence_deg", rule.convergence_deg, Sane::Angle),
            ("most_diameter_mm", rule.most_diameter_mm, Sane::Positive),
            ("usual_length_mm", rule.usual_length_mm, Sane::Positive),
        ],
    )
}

fn check_style(rule: &StyleRule) -> Result<(), RulesError> {
    let place = format!("styles, {}", rule.name);
    let aim = |aim: Aim| if let Aim::Degrees(degrees) = aim { degrees } else { 0.0 };
    check_fields(
        &place,
        &[
            ("cranial", aim(rule.cranial), Sane::Angle),
            ("convergence", aim(rule.convergence), Sane::Angle),
            ("front_margin_mm", rule.front_margin_mm, Sane::NotNegative),
            ("chord_part", rule.chord_part, Sane::Part),
            ("usual_length_mm", rule.usual_length_mm.unwrap_or(1.0), Sane::Positive),
        ],
    )?;
    for (name, weight) in &rule.weights {
        if !super::score::NAMES.iter().any(|term| in_file(term) == *name) {
            return Err(RulesError::Number(format!("{place}, weights: no term is called {name}")));
        }
        check_fields(&format!("{place}, weights"), &[(name, *weight, Sane::NotNegative)])?;
    }
    for (name, (low, high), sane) in [
        ("cranial_window_deg", rule.cranial_window_deg, Sane::Angle),
        ("convergence_window_deg", rule.convergence_window_deg, Sane::Angle),
        ("diameters_mm", rule.diameters_mm, Sane::Positive),
        ("lengths_mm", rule.lengths_mm, Sane::Positive),
    ] {
        let ascends = (name, high - low, Sane::NotNegative);
        check_fields(&place, &[(name, low, sane), (name, high, sane), ascends])?;
    }
    Ok(())
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
    fn a_style_weighs_terms_its_own_way_and_leaves_the_others_as_they_are() {
        let rules = Rules::builtin().expect("our own file");
        let own = rules.weighted_for(Style::Cortical).into_owned();
        assert_eq!((own.terms.density.weight, rules.terms.density.weight), (2.5, 1.0));
        let density = Ramp { weight: 1.0, ..own.terms.density };
        assert_eq!(Ramps { density, ..own.terms }, rules.terms);
        assert_eq!(*rules.weighted_for(Style::Straight), rules);
        let heavier = |style| rules.weighted_for(style).terms.length.weight;
        assert!(heavier(Style::S1Bicortical) > heavier(Style::Straight));
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

    /// Every number of the file in turn, as a person could get it wrong.
    #[test]
    fn no_number_that_is_none_gets_into_the_rules() {
        let text = include_str!("../../../assets/planning/trajectories.ron");
        let code: Vec<&str> = text.lines().filter_map(|line| line.split("//").next()).collect();
        let code = code.join("\n");
        let is_of_number = |c: char| matches!(c, '0'..='9' | '.' | '-');
        let (mut at, mut tried) = (0, 0);
        while let Some(start) = code[at..].find(is_of_number).map(|found| at + found) {
            let end = code[start..].find(|c| !is_of_number(c)).map_or(code.len(), |n| start + n);
            at = end;
            if !code[start..end].contains('.') {
                continue;
            }
            for none in ["NaN", "inf", "-inf"] {
                let refused = Rules::from_ron(&format!("{}{none}{}", &code[..start], &code[end..]));
                let line = code[..start].lines().count();
                assert!(matches!(refused, Err(RulesError::Number(_))), "{line}: {refused:?}");
            }
            tried += 1;
        }
        assert!(tried > 100, "{tried}");
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_name() {
        let text = include_str!("../../../assets/planning/trajectories.ron");
        for (right, wrong, name) in [
            ("front_margin_mm: 4.0", "front_margin_mm: -4.0", "styles, straight, front_margin_mm"),
            ("reach_mm: 15.0", "reach_mm: 0.0", "limits, reach_mm"),
            ("usual_length_mm: 30.0", "usual_length_mm: 0.0", "levels, T1, usual_length_mm"),
            ("convergence_deg: 21.0", "convergence_deg: 210.0", "levels, T1, convergence_deg"),
            ("(25.0, 40.0)", "(40.0, 25.0)", "styles, cortical, lengths_mm"),
            ("Some(85.0)", "Some(0.0)", "styles, S2-alar-iliac, usual_length_mm"),
            ("Degrees(23.5)", "Degrees(NaN)", "styles, cortical, cranial"),
            ("full: 300.0, floor: 0.3", "full: 300.0, floor: 1.0", "terms, density, floor"),
            ("level: \"T2\"", "level: \"T1\"", "levels, T1 twice"),
            ("{\"density\": 2.5}", "{\"denstiy\": 2.5}", "no term is called denstiy"),
            ("{\"density\": 2.5}", "{\"density\": -2.5}", "styles, cortical, weights, density"),
        ] {
            assert!(text.contains(right), "{right}");
            let refused = Rules::from_ron(&text.replacen(right, wrong, 1));
            let said = refused.expect_err(wrong).to_string();
            assert!(said.contains(name), "{wrong}: {said}");
        }
    }
}
