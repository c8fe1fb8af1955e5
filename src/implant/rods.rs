//! Rods and benders on offer.
//!
//! In: a RON file, ours (`assets/implants/rods.ron`) or a hospital's. Out: [`Rods`], plain data,
//! checked: one with a hole is refused by file, rod or bender, and field, with what to do.

use crate::platform::fs::FileSystem;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::OnceLock;

/// A rod material and diameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RodKind {
    /// Who it is, e.g. `ti-5.5`.
    pub id: String,
    /// What a person reads.
    pub name: String,
    /// Diameter, mm.
    pub diameter_mm: f64,
    /// What stays of a bend: stays = factor * set + offset; at most 1.
    pub spring_factor: f64,
    /// The same rule's offset, degrees.
    pub spring_offset_deg: f64,
}

impl RodKind {
    /// What stays of a bend that the bender is set to, degrees.
    pub fn stays_deg(&self, set_deg: f64) -> f64 {
        self.spring_factor * set_deg + self.spring_offset_deg
    }
    /// What the bender is set to for so much to stay, degrees.
    pub fn set_for_deg(&self, stays_deg: f64) -> f64 {
        (stays_deg - self.spring_offset_deg) / self.spring_factor
    }
    /// How it springs back, in words.
    pub fn springback(&self) -> String {
        let percent = format!("of a bend {:.0} % stays", 100.0 * self.spring_factor);
        match self.spring_offset_deg {
            0.0 => percent,
            offset => format!("{percent}, {offset:+} degrees"),
        }
    }
}

/// A tool that bends rods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bender {
    /// Who it is.
    pub id: String,
    /// What a person reads.
    pub name: String,
    /// Radius of the arcs that its former leaves, mm.
    pub former_radius_mm: f64,
    /// Straight rod that it must hold between two bends, mm.
    pub grip_mm: f64,
    /// Largest bend at once, degrees.
    pub most_bend_deg: f64,
    /// Feeds can be set in steps of this, mm.
    pub feed_step_mm: f64,
    /// Rolls and bends can be set in steps of this, degrees.
    pub angle_step_deg: f64,
}

/// Rods, benders, and how a rod should lie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rods {
    /// Which edition of the file.
    pub version: u32,
    /// Rods on offer.
    pub rods: Vec<RodKind>,
    /// Benders on offer.
    pub benders: Vec<Bender>,
    /// The curve that a rod follows is nowhere sharper than this radius, mm; each single bend is an
    /// arc of its bender's former.
    pub least_radius_mm: f64,
    /// How far the rod reaches past the end screws, mm.
    pub past_end_mm: f64,
    /// Bends against the sense of their neighbours sum to no more, degrees.
    pub most_counter_bend_deg: f64,
}

/// A file of rods that can not be used, or that lacks what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum RodsError {
    /// The file can not be read.
    #[error("the file of rods {file} can not be read ({source}): name a file that is there")]
    Io {
        /// Which file.
        file: String,
        /// The system's word.
        source: std::io::Error,
    },
    /// The text is no RON of this shape.
    #[error(
        "the file of rods {file}, {place}line {line}: {what}; correct it there, the README shows the form"
    )]
    Syntax {
        /// Which file.
        file: String,
        /// In which rod or bender, ready to be read; empty before the first.
        place: String,
        /// Where the reader stopped, counted from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// A value is wrong.
    #[error("the file of rods {file}, {place}{field}: {what}")]
    Wrong {
        /// Which file.
        file: String,
        /// In which rod or bender, ready to be read; empty for the file's own fields.
        place: String,
        /// Which field.
        field: &'static str,
        /// What is wrong and what to do.
        what: String,
    },
    /// No rod or bender is called so.
    #[error("there is no {what} {id}: there are {known}")]
    Unknown {
        /// What was asked for.
        what: &'static str,
        /// As what.
        id: String,
        /// The ids that there are.
        known: String,
    },
}

/// A field and what is wrong with it.
type Fault = (&'static str, String);

impl RodKind {
    fn sound(&self) -> Result<(), Fault> {
        positive("diameter_mm", self.diameter_mm)?;
        let factor = positive("spring_factor", self.spring_factor)?;
        if factor > 1.0 {
            let what = format!("{factor} is over 1; write the part of a bend that stays");
            return Err(("spring_factor", what));
        }
        finite("spring_offset_deg", self.spring_offset_deg)
    }
}

impl Bender {
    fn sound(&self) -> Result<(), Fault> {
        positive("former_radius_mm", self.former_radius_mm)?;
        not_negative("grip_mm", self.grip_mm)?;
        let most = positive("most_bend_deg", self.most_bend_deg)?;
        if most >= 180.0 {
            let what = format!("{most} is no bend; write less than 180 degrees");
            return Err(("most_bend_deg", what));
        }
        positive("feed_step_mm", self.feed_step_mm)?;
        positive("angle_step_deg", self.angle_step_deg).map(|_| ())
    }
}

fn positive(field: &'static str, x: f64) -> Result<f64, Fault> {
    let is_fit = x.is_finite() && x > 0.0;
    if is_fit { Ok(x) } else { Err((field, format!("{x} is not above 0; write a number that is"))) }
}

fn not_negative(field: &'static str, x: f64) -> Result<(), Fault> {
    let what = || (field, format!("{x} is below 0 or no number; write 0 or more"));
    (x.is_finite() && x >= 0.0).then_some(()).ok_or_else(what)
}

fn finite(field: &'static str, x: f64) -> Result<(), Fault> {
    x.is_finite().then_some(()).ok_or_else(|| (field, format!("{x} is no number; write one")))
}

/// The first fault of some rods or benders, each told by its id and its own check: in which one, in
/// which field, and what to do. `list` is what the file calls them, `one` what a message does.
fn fault_of(
    (list, one): (&'static str, &str),
    all: &[(&str, Result<(), Fault>)],
) -> Result<(), (String, Fault)> {
    if all.is_empty() {
        let what = format!("it is empty; write a {one} at least");
        return Err((String::new(), (list, what)));
    }
    for (n, (id, sound)) in all.iter().enumerate() {
        let named = match all[..n].iter().any(|(other, _)| other == id) {
            true => Err(("id", format!("another {one} has it too; give each its own"))),
            false if id.is_empty() => Err(("id", "it is empty; write a name".to_owned())),
            false => Ok(()),
        };
        let place = || in_one(one, id);
        named.and_then(|()| sound.clone()).map_err(|fault| (place(), fault))?;
    }
    Ok(())
}

fn in_one(one: &str, id: &str) -> String {
    format!("{one} \"{id}\", ")
}

/// The rod or bender in whose lines a fault was found, as far as the text tells, ready to be read.
fn place_above(text: &str, line: usize) -> Option<String> {
    let end: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let above = text.get(text.find("rods:")?..end)?;
    let one = if above.contains("benders:") { "bender" } else { "rod" };
    let (_, rest) = above.rsplit_once("id:")?;
    // Past the end of a list it is in none of that.
    let id = rest.split('"').nth(1).filter(|_| !rest.contains(']'))?;
    Some(in_one(one, id))
}

impl Rods {
    /// Reads and checks a file; `file` is what messages call it.
    pub fn from_ron(text: &str, file: &str) -> Result<Self, RodsError> {
        let file = file.to_owned();
        let rods: Self = ron::from_str(text).map_err(|fault| {
            let line = fault.span.end.line;
            let place = place_above(text, line).unwrap_or_default();
            RodsError::Syntax { file: file.clone(), place, line, what: fault.code.to_string() }
        })?;
        let wrong = |(place, (field, what)): (String, Fault)| RodsError::Wrong {
            file: file.clone(),
            place,
            field,
            what,
        };
        rods.sound().map_err(wrong)?;
        Ok(rods)
    }
    /// Reads and checks a file.
    pub fn read(file: &Path, fs: &dyn FileSystem) -> Result<Self, RodsError> {
        let name = file.display().to_string();
        match fs.read(file) {
            Ok(bytes) => Self::from_ron(&String::from_utf8_lossy(&bytes), &name),
            Err(source) => Err(RodsError::Io { file: name, source }),
        }
    }
    fn sound(&self) -> Result<(), (String, Fault)> {
        let rods: Vec<_> = self.rods.iter().map(|rod| (&*rod.id, rod.sound())).collect();
        fault_of(("rods", "rod"), &rods)?;
        let benders: Vec<_> = self.benders.iter().map(|one| (&*one.id, one.sound())).collect();
        fault_of(("benders", "bender"), &benders)?;
        let own = |fault: Fault| (String::new(), fault);
        positive("least_radius_mm", self.least_radius_mm).map_err(own)?;
        not_negative("past_end_mm", self.past_end_mm).map_err(own)?;
        not_negative("most_counter_bend_deg", self.most_counter_bend_deg).map_err(own)
    }
    /// The rods and benders that the program carries in itself.
    pub fn builtin() -> Result<Self, RodsError> {
        let text = include_str!("../../assets/implants/rods.ron");
        Self::from_ron(text, "assets/implants/rods.ron")
    }
    /// The same, read once: a panel asks in every frame.
    pub fn ours() -> Result<&'static Self, RodsError> {
        static READ: OnceLock<Rods> = OnceLock::new();
        if let Some(read) = READ.get() {
            return Ok(read);
        }
        let read = Self::builtin()?;
        Ok(READ.get_or_init(|| read))
    }
    /// The rod of this id.
    pub fn rod(&self, id: &str) -> Option<&RodKind> {
        self.rods.iter().find(|rod| rod.id == id)
    }
    /// The bender of this id.
    pub fn bender(&self, id: &str) -> Option<&Bender> {
        self.benders.iter().find(|bender| bender.id == id)
    }
    /// The rod of this id, the first where none is given; an unknown one is named.
    pub fn rod_or_first(&self, id: Option<&str>) -> Result<&RodKind, RodsError> {
        let id = id.unwrap_or_else(|| self.rods.first().map_or("", |rod| &rod.id));
        let known = || self.rods.iter().map(|rod| &*rod.id).collect::<Vec<_>>().join(", ");
        self.rod(id).ok_or_else(|| RodsError::Unknown {
            what: "rod",
            id: id.to_owned(),
            known: known(),
        })
    }
    /// The bender of this id, the first where none is given; an unknown one is named.
    pub fn bender_or_first(&self, id: Option<&str>) -> Result<&Bender, RodsError> {
        let id = id.unwrap_or_else(|| self.benders.first().map_or("", |bender| &bender.id));
        let known = || self.benders.iter().map(|b| &*b.id).collect::<Vec<_>>().join(", ");
        self.bender(id).ok_or_else(|| RodsError::Unknown {
            what: "bender",
            id: id.to_owned(),
            known: known(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_rods_are_whole_and_wrong_ones_are_named() {
        let rods = Rods::builtin().expect("our own file");
        assert!(rods.rod("ti-5.5").is_some() && rods.bender("hand").is_some());
        let text = include_str!("../../assets/implants/rods.ron");
        for (sound, wrong, said) in [
            ("diameter_mm: 5.5", "diameter_mm: 0.0", "rod \"ti-5.5\", diameter_mm: 0 is not"),
            ("factor: 0.92", "factor: 1.2", "rod \"cocr-6.0\", spring_factor: 1.2 is over 1"),
            ("factor: 0.91", "factor: -0.91", "rod \"cocr-5.5\", spring_factor: -0.91 is not"),
            ("offset_deg: 0.0", "offset_deg: NaN", "rod \"ti-5.5\", spring_offset_deg: NaN is no"),
            ("radius_mm: 25.0", "radius_mm: -1.0", "bender \"hand\", former_radius_mm: -1 is not"),
            ("grip_mm: 6.0", "grip_mm: inf", "bender \"machine\", grip_mm: inf is"),
            (
                "most_bend_deg: 35.0",
                "most_bend_deg: 200.0",
                "\"hand\", most_bend_deg: 200 is no bend",
            ),
            ("feed_step_mm: 1.0", "feed_step_mm: 0.0", "\"hand\", feed_step_mm: 0 is not"),
            (
                "angle_step_deg: 0.1",
                "angle_step_deg: NaN",
                "\"machine\", angle_step_deg: NaN is not",
            ),
            (
                "least_radius_mm: 60.0",
                "least_radius_mm: inf",
                "ours.ron, least_radius_mm: inf is not",
            ),
            ("past_end_mm: 8.0", "past_end_mm: NaN", "ours.ron, past_end_mm: NaN is"),
            ("bend_deg: 12.0", "bend_deg: NaN", "ours.ron, most_counter_bend_deg: NaN is"),
            ("bend_deg: 12.0", "bend_deg: -1.0", "ours.ron, most_counter_bend_deg: -1 is below 0"),
            ("id: \"machine\"", "id: \"hand\"", "bender \"hand\", id: another bender has it too"),
            ("id: \"ti-6.0\"", "id: \"\"", "rod \"\", id: it is empty"),
            ("spring_factor: 0.89", "spring: 0.89", "rod \"ti-6.0\", line "),
            ("grip_mm: 4.0", "grip_mm: wide", "bender \"hand\", line "),
            ("past_end_mm: 8.0,", "", "past_end_mm"),
        ] {
            assert!(text.contains(sound), "{sound}");
            let error = Rods::from_ron(&text.replacen(sound, wrong, 1), "ours.ron");
            let error = error.expect_err(wrong).to_string();
            let is_named = error.starts_with("the file of rods ours.ron, ") && error.contains(said);
            assert!(is_named, "{wrong}: {error}");
        }
        let nothing = "(version: 1, rods: [], benders: [], least_radius_mm: 60.0, past_end_mm: 8.0, \
                       most_counter_bend_deg: 12.0)";
        let error = Rods::from_ron(nothing, "ours.ron").expect_err("no rods").to_string();
        assert_eq!(error, "the file of rods ours.ron, rods: it is empty; write a rod at least");
    }

    #[test]
    fn the_first_is_taken_where_none_is_named_and_an_unknown_one_is_told_with_those_there_are() {
        let rods = Rods::builtin().expect("our own file");
        assert_eq!(rods.rod_or_first(None).expect("one").id, "ti-5.5");
        assert_eq!(rods.bender_or_first(Some("machine")).expect("one").id, "machine");
        let said = rods.rod_or_first(Some("steel")).expect_err("none").to_string();
        assert_eq!(said, "there is no rod steel: there are ti-5.5, ti-6.0, cocr-5.5, cocr-6.0");
        let said = rods.bender_or_first(Some("")).expect_err("none").to_string();
        assert!(said.contains("hand, machine"), "{said}");
        let rod = rods.rod("cocr-5.5").expect("one");
        assert!((rod.stays_deg(rod.set_for_deg(17.0)) - 17.0).abs() < 1e-12);
        assert_eq!(rod.springback(), "of a bend 91 % stays");
    }
}
