//! Sides, and the letters R L A P S I, always read from a direction in patient space.

use super::frame::{Dir, Patient};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The patient's own left or right, never the viewer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The patient's left, +x in LPS.
    Left,
    /// The patient's right, −x in LPS.
    Right,
}

impl Side {
    /// Both sides, left first.
    pub const BOTH: [Self; 2] = [Self::Left, Self::Right];

    /// The other side.
    pub fn opposite(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
    /// +1 for left and −1 for right: the sign of x in LPS and in a vertebra's frame.
    pub fn sign(self) -> f64 {
        match self {
            Self::Left => 1.0,
            Self::Right => -1.0,
        }
    }
    /// The side on which a coordinate along +x (left) lies; zero counts as left.
    pub fn of_x(x_left: f64) -> Self {
        if x_left >= 0.0 { Self::Left } else { Self::Right }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::Right => "right",
        })
    }
}

/// One anatomical direction of patient space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Letter {
    /// Right.
    R,
    /// Left.
    L,
    /// Anterior.
    A,
    /// Posterior.
    P,
    /// Superior.
    S,
    /// Inferior.
    I,
}

impl Letter {
    /// All six, opposite ones next to each other.
    pub const ALL: [Self; 6] = [Self::R, Self::L, Self::A, Self::P, Self::S, Self::I];

    /// The unit direction in LPS that the letter names.
    pub fn dir(self) -> Dir<Patient> {
        match self {
            Self::R => -Dir::X,
            Self::L => Dir::X,
            Self::A => -Dir::Y,
            Self::P => Dir::Y,
            Self::S => Dir::Z,
            Self::I => -Dir::Z,
        }
    }
    /// The letter as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::R => "R",
            Self::L => "L",
            Self::A => "A",
            Self::P => "P",
            Self::S => "S",
            Self::I => "I",
        }
    }
}

/// The letters of a direction, the dominant one first, e.g. `AL`; components under 5 % of the
/// length (about 3 degrees) are left out. Empty for a zero direction.
pub fn letters(d: Dir<Patient>) -> String {
    const LEAST: f64 = 0.05;
    let Some(unit) = d.unit() else { return String::new() };
    let mut parts: Vec<(f64, Letter)> = Letter::ALL
        .into_iter()
        .map(|letter| (letter.dir().dot(unit), letter))
        .filter(|(share, _)| *share > LEAST)
        .collect();
    parts.sort_by(|a, b| b.0.total_cmp(&a.0));
    parts.into_iter().map(|(_, letter)| letter.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_name_the_dominant_axis_first() {
        assert_eq!(letters(Dir::new(1.0, 0.0, 0.0)), "L");
        assert_eq!(letters(Dir::new(-1.0, 0.01, 0.0)), "R");
        assert_eq!(letters(Dir::new(0.3, -0.9, 0.0)), "AL");
        assert_eq!(letters(Dir::new(0.0, 0.0, 0.0)), "");
    }

    #[test]
    fn the_left_is_where_x_grows() {
        assert_eq!(Side::of_x(3.0), Side::Left);
        assert_eq!(Side::Left.sign(), Letter::L.dir().to_array()[0]);
        assert_eq!(Side::Right.opposite(), Side::Left);
    }
}
