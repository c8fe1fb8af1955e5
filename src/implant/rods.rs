//! Rods and benders on offer. In: a RON file. Out: [`Rods`], plain data, checked.

use serde::{Deserialize, Serialize};

/// A rod material and diameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// A file of rods that can not be used.
#[derive(Debug, thiserror::Error)]
pub enum RodsError {
    /// The text is no RON of this shape.
    #[error("the file of rods can not be read: {0}")]
    Syntax(#[from] ron::error::SpannedError),
    /// A number makes no sense.
    #[error(
        "the file of rods is wrong at {0}: lengths, steps and angles must be finite and above 0 \
         (grip, past_end and most_counter_bend may be 0), a bend at once below 180 degrees, a \
         spring factor at most 1"
    )]
    Number(String),
    /// Nothing to choose from, or a name that tells nothing.
    #[error(
        "the file of rods is wrong: it must name a rod and a bender at least, each by an id of its own"
    )]
    Ids,
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

impl RodKind {
    fn is_sound(&self) -> bool {
        is_positive(self.diameter_mm)
            && is_positive(self.spring_factor)
            && self.spring_factor <= 1.0
            && self.spring_offset_deg.is_finite()
    }
}

impl Bender {
    fn is_sound(&self) -> bool {
        let steps =
            [self.former_radius_mm, self.most_bend_deg, self.feed_step_mm, self.angle_step_deg];
        steps.into_iter().all(is_positive) && self.most_bend_deg < 180.0 && is_length(self.grip_mm)
    }
}

fn is_positive(x: f64) -> bool {
    x.is_finite() && x > 0.0
}

fn is_length(x: f64) -> bool {
    x.is_finite() && x >= 0.0
}

/// Whether there are ids, none of them empty or given twice.
fn are_ids<'a>(ids: impl Iterator<Item = &'a str>) -> bool {
    let mut ids: Vec<&str> = ids.collect();
    ids.sort_unstable();
    ids.first().is_some_and(|first| !first.is_empty())
        && ids.windows(2).all(|pair| pair[0] != pair[1])
}

impl Rods {
    /// Reads and checks a file.
    pub fn from_ron(text: &str) -> Result<Self, RodsError> {
        let rods: Self = ron::from_str(text)?;
        let wrong = |what: &str| Err(RodsError::Number(what.to_owned()));
        if !are_ids(rods.rods.iter().map(|rod| &*rod.id))
            || !are_ids(rods.benders.iter().map(|bender| &*bender.id))
        {
            return Err(RodsError::Ids);
        }
        if let Some(rod) = rods.rods.iter().find(|rod| !rod.is_sound()) {
            return wrong(&rod.id);
        }
        if let Some(bender) = rods.benders.iter().find(|bender| !bender.is_sound()) {
            return wrong(&bender.id);
        }
        if !is_positive(rods.least_radius_mm) {
            return wrong("least_radius_mm");
        }
        if !is_length(rods.past_end_mm) {
            return wrong("past_end_mm");
        }
        if !is_length(rods.most_counter_bend_deg) {
            return wrong("most_counter_bend_deg");
        }
        Ok(rods)
    }
    /// The rods and benders that the program carries in itself.
    pub fn builtin() -> Result<Self, RodsError> {
        Self::from_ron(include_str!("../../assets/implants/rods.ron"))
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
            ("diameter_mm: 5.5", "diameter_mm: 0.0", "ti-5.5"),
            ("spring_factor: 0.92", "spring_factor: 1.2", "cocr-6.0"),
            ("spring_offset_deg: 0.0", "spring_offset_deg: NaN", "ti-5.5"),
            ("former_radius_mm: 25.0", "former_radius_mm: -1.0", "hand"),
            ("grip_mm: 6.0", "grip_mm: inf", "machine"),
            ("most_bend_deg: 35.0", "most_bend_deg: 200.0", "hand"),
            ("feed_step_mm: 1.0", "feed_step_mm: 0.0", "hand"),
            ("angle_step_deg: 0.1", "angle_step_deg: NaN", "machine"),
            ("least_radius_mm: 60.0", "least_radius_mm: inf", "least_radius_mm"),
            ("past_end_mm: 8.0", "past_end_mm: NaN", "past_end_mm"),
            ("counter_bend_deg: 12.0", "counter_bend_deg: NaN", "most_counter_bend_deg"),
            ("counter_bend_deg: 12.0", "counter_bend_deg: -1.0", "most_counter_bend_deg"),
            ("id: \"machine\"", "id: \"hand\"", "an id of its own"),
            ("id: \"ti-6.0\"", "id: \"\"", "an id of its own"),
        ] {
            assert!(text.contains(sound), "{sound}");
            let error = Rods::from_ron(&text.replacen(sound, wrong, 1)).expect_err(wrong);
            assert!(error.to_string().contains(said), "{wrong}: {error}");
        }
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
