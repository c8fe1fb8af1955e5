//! The levels of the spine, C1 to S1, and their order.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A level, cranial ones first: C1-C7, T1-T13, L1-L6, S1 (the sacrum).
///
/// T13 and L6 are the common variants; the order of the type is the order along the spine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Level(u8);

/// Text that names no level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no level: say C1-C7, T1-T13, L1-L6 or S1")]
pub struct UnknownLevel(String);

const REGIONS: [(char, u8); 4] = [('C', 7), ('T', 13), ('L', 6), ('S', 1)];

impl Level {
    /// The last thoracic vertebra of nearly everybody.
    pub const T12: Self = Self(18);
    /// The first lumbar vertebra.
    pub const L1: Self = Self(20);
    /// The second lumbar vertebra.
    pub const L2: Self = Self(21);
    /// The third lumbar vertebra.
    pub const L3: Self = Self(22);
    /// The fourth lumbar vertebra.
    pub const L4: Self = Self(23);
    /// The fifth lumbar vertebra.
    pub const L5: Self = Self(24);
    /// The sacrum, planned on as S1.
    pub const S1: Self = Self(26);

    /// The level of a region letter (C, T, L, S) and a number from 1.
    pub fn new(region: char, number: u8) -> Option<Self> {
        let mut before = 0;
        for (letter, count) in REGIONS {
            if letter == region.to_ascii_uppercase() {
                return (1..=count).contains(&number).then(|| Self(before + number - 1));
            }
            before += count;
        }
        None
    }
    /// `T` of T12.
    pub fn region(self) -> char {
        self.split().0
    }
    /// 12 of T12.
    pub fn number(self) -> u8 {
        self.split().1
    }
    /// The level so many places further down (negative: up) in a spine from C1 to L6; `None` beyond,
    /// and for the sacrum, which is never called otherwise. A place for T13 is there only where it is
    /// among the names of the column: nearly nobody has one.
    pub fn shifted(self, down: i32, column: &[Self]) -> Option<Self> {
        let t13 = Self::new('T', 13).filter(|t13| self == *t13 || column.contains(t13));
        let is_place = |level: &Self| {
            let is_t13 = level.region() == 'T' && level.is_rare();
            *level != Self::S1 && (!is_t13 || t13.is_some())
        };
        let places: Vec<Self> = Self::all().filter(is_place).collect();
        let at = places.iter().position(|level| *level == self)?;
        places.get(usize::try_from(at as i32 + down).ok()?).copied()
    }
    /// T13 and L6, which few people have.
    pub fn is_rare(self) -> bool {
        [('T', 13), ('L', 6)].contains(&self.split())
    }
    /// Every level there is, cranial ones first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=Self::S1.0).map(Self)
    }
    fn split(self) -> (char, u8) {
        let mut rest = self.0;
        for (letter, count) in REGIONS {
            if rest < count {
                return (letter, rest + 1);
            }
            rest -= count;
        }
        ('S', 1)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (region, number) = self.split();
        write!(f, "{region}{number}")
    }
}
impl fmt::Debug for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl FromStr for Level {
    type Err = UnknownLevel;
    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        let unknown = || UnknownLevel(text.to_owned());
        let mut chars = text.trim().chars();
        let region = chars.next().ok_or_else(unknown)?;
        let number = chars.as_str().parse().map_err(|_| unknown())?;
        Self::new(region, number).ok_or_else(unknown)
    }
}
impl TryFrom<String> for Level {
    type Error = UnknownLevel;
    fn try_from(text: String) -> Result<Self, UnknownLevel> {
        text.parse()
    }
}
impl From<Level> for String {
    fn from(level: Level) -> Self {
        level.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_reads_back_what_it_prints_in_order_of_the_spine() {
        let all: Vec<Level> = Level::all().collect();
        assert_eq!(all.len(), 27);
        for level in &all {
            assert_eq!(level.to_string().parse(), Ok(*level));
        }
        let named = |s: &str| s.parse::<Level>().expect("a level");
        assert!(named("C7") < named("T1") && named("T13") < named("L1") && named("L6") < Level::S1);
        let constants =
            [Level::T12, Level::L1, Level::L2, Level::L3, Level::L4, Level::L5, Level::S1];
        assert_eq!(constants.map(|l| l.to_string()), ["T12", "L1", "L2", "L3", "L4", "L5", "S1"]);
    }

    #[test]
    fn shifting_goes_along_the_spine_to_l6_and_never_touches_the_sacrum() {
        let named = |s: &str| s.parse::<Level>().expect("a level");
        let shifted = |s: &str, down| named(s).shifted(down, &[]).map(|l| l.to_string());
        let is = |s: &str| Some(s.to_owned());
        assert_eq!(shifted("L1", -1), is("T12"));
        assert_eq!(shifted("T12", 1), is("L1"));
        assert_eq!(shifted("L5", 1), is("L6"));
        assert_eq!(shifted("L6", -1), is("L5"));
        assert_eq!(shifted("T13", 1), is("L1"));
        assert_eq!(shifted("T13", -1), is("T12"));
        for (level, down) in [("C1", -1), ("L5", 2), ("L6", 1), ("S1", -1), ("S1", 1)] {
            assert_eq!(shifted(level, down), None, "{level} by {down}");
        }
    }

    #[test]
    fn a_column_with_a_thirteenth_thoracic_vertebra_is_shifted_through_it() {
        let column = ["T12", "T13", "L1"].map(|s| s.parse::<Level>().expect("a level"));
        let by = |down| column.map(|l| l.shifted(down, &column).expect("a level").to_string());
        assert_eq!(by(1), ["T13", "L1", "L2"]);
        assert_eq!(by(-1), ["T11", "T12", "T13"]);
    }

    #[test]
    fn what_is_no_level_is_refused() {
        for text in ["", "L", "L7", "T0", "X1", "L4 5", "S2"] {
            assert!(text.parse::<Level>().is_err(), "{text}");
        }
    }
}
