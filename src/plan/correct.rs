//! The column moved towards a target: the curve that a rod is to reach.
//!
//! In: the levels that are joined, cranial ones first, with their end plates, and a [`Target`]. Out:
//! how each vertebra moves. The lowest one stays. Each vertebra turns about the middle of the disc
//! under it, together with all above: sideways by the asked part of the tilt between the two, and
//! backwards or forwards by one share for every disc, found so that the lordosis asked for is met.
//! Vertebrae stay whole and discs keep their middles, so nothing is shortened or lengthened there; what
//! a disc or a facet lets through is for the surgeon to judge by the angles told.

use crate::anatomy::{EndPlate, VertebraAnatomy};
use crate::labels::Level;
use crate::space::{Dir, Patient, Point, Rigid};
use glam::{DQuat, DVec3};
use serde::{Deserialize, Serialize};

/// What the column is to become; by default what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Lordosis between the upper plates of the first and the last level, degrees, positive where
    /// the column is hollow behind; `None` leaves it as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lordosis_deg: Option<f64>,
    /// The part of each disc's coronal tilt that is taken away, 0 (none) to 1 (all).
    #[serde(default)]
    pub coronal_part: f64,
}

/// No column is bent more than this, degrees.
pub const MOST_LORDOSIS_DEG: f64 = 120.0;

impl Target {
    /// Whether nothing is to be changed.
    pub fn is_as_it_is(&self) -> bool {
        *self == Self::default()
    }
    /// Refuses a lordosis beyond 120 degrees, a part beyond 0 to 1, and what is no number.
    pub fn check(&self) -> Result<(), CorrectError> {
        let is_part = (0.0..=1.0).contains(&self.coronal_part);
        let is_angle = self.lordosis_deg.is_none_or(|deg| deg.abs() <= MOST_LORDOSIS_DEG);
        if is_part && is_angle { Ok(()) } else { Err(CorrectError::NoTarget) }
    }
}

/// How one vertebra moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moved {
    /// Its level.
    pub level: Level,
    /// From where it is to where it would be.
    pub motion: Rigid<Patient, Patient>,
    /// What the disc under it opens backwards (more lordosis positive) and to the left, degrees; 0
    /// for the lowest.
    pub disc_deg: [f64; 2],
}

/// Why a column can not be moved so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CorrectError {
    /// Fewer than two levels.
    #[error("a correction needs two levels at least: place screws at another one")]
    TooFew,
    /// A level without plates.
    #[error("{0}: its end plates were not found, so the column can not be moved there")]
    NoPlates(Level),
    /// A number that is none, or a part beyond 0 to 1.
    #[error("the target makes no sense: a lordosis within 120 degrees and a part from 0 to 1")]
    NoTarget,
}

/// A level's plates and the middle of the disc under it.
struct Joined {
    level: Level,
    upper: EndPlate,
    lower: EndPlate,
}

/// Lordosis between the upper plates of the first and the last level, degrees.
pub fn lordosis_deg(upper: Dir<Patient>, lower: Dir<Patient>) -> f64 {
    leans_forward_deg(lower) - leans_forward_deg(upper)
}

fn leans_forward_deg(up: Dir<Patient>) -> f64 {
    (-up.vec().y).atan2(up.vec().z).to_degrees()
}

fn leans_left_deg(up: Dir<Patient>) -> f64 {
    up.vec().x.atan2(up.vec().z).to_degrees()
}

/// How each of these levels, cranial ones first, moves for the target to be met.
pub fn correct(
    levels: &[(Level, &VertebraAnatomy)],
    target: Target,
) -> Result<Vec<Moved>, CorrectError> {
    target.check()?;
    if levels.len() < 2 {
        return Err(CorrectError::TooFew);
    }
    let joined = levels.iter().map(|(level, anatomy)| joined(*level, anatomy));
    let joined = joined.collect::<Result<Vec<Joined>, CorrectError>>()?;
    let [first, .., last] = &joined[..] else { return Err(CorrectError::TooFew) };
    let reached = |bend_deg: f64| {
        let moved = moved(&joined, target.coronal_part, bend_deg);
        let top = moved.first().map_or(first.upper.up, |m| m.motion.dir(first.upper.up));
        lordosis_deg(top, last.upper.up)
    };
    let mut bend_deg = 0.0;
    if let Some(wanted) = target.lordosis_deg {
        // Turns about nearly one axis nearly add up: a few rounds meet it to a millionth.
        for _ in 0..8 {
            bend_deg += wanted - reached(bend_deg);
        }
    }
    Ok(moved(&joined, target.coronal_part, bend_deg))
}

fn joined(level: Level, anatomy: &VertebraAnatomy) -> Result<Joined, CorrectError> {
    let upper = anatomy.upper_plate.ok_or(CorrectError::NoPlates(level))?;
    // The sacrum has no disc under it.
    let lower = anatomy.lower_plate.or((level == Level::S1).then_some(upper));
    Ok(Joined { level, upper, lower: lower.ok_or(CorrectError::NoPlates(level))? })
}

/// The levels moved, the lordosis grown by about `bend_deg` in all.
fn moved(joined: &[Joined], coronal_part: f64, bend_deg: f64) -> Vec<Moved> {
    let share_deg = bend_deg / (joined.len() - 1) as f64;
    let mut below: Option<(&Joined, Rigid<Patient, Patient>)> = None;
    let mut all: Vec<Moved> = Vec::with_capacity(joined.len());
    for here in joined.iter().rev() {
        let (motion, disc_deg) = match below {
            None => (Rigid::IDENTITY, [0.0; 2]),
            Some((lower, motion)) => {
                let tilt = leans_left_deg(here.upper.up) - leans_left_deg(lower.upper.up);
                let sideways_deg = -coronal_part * tilt;
                let disc = motion.point(here.lower.centre.lerp(lower.upper.centre, 0.5));
                let turn = about(disc, share_deg, sideways_deg);
                (turn * motion, [share_deg, sideways_deg])
            }
        };
        all.push(Moved { level: here.level, motion, disc_deg });
        below = Some((here, motion));
    }
    all.reverse();
    all
}

/// A turn about a point: backwards by so much, then to the left by so much, degrees.
fn about(middle: Point<Patient>, backwards_deg: f64, left_deg: f64) -> Rigid<Patient, Patient> {
    // About the left, up turns to the front; about the back, up turns to the left.
    let turn = DQuat::from_axis_angle(DVec3::Y, left_deg.to_radians())
        * DQuat::from_axis_angle(DVec3::X, -backwards_deg.to_radians());
    Rigid::new(turn, middle.vec() - turn * middle.vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body whose plates lie 25 mm apart around `middle`, tilted so.
    fn body(middle: Point<Patient>, forward_deg: f64, left_deg: f64) -> VertebraAnatomy {
        let turn = about(middle, -forward_deg, left_deg);
        let plate = |side: f64| EndPlate {
            centre: turn.point(middle + Dir::Z * (12.5 * side)),
            up: turn.dir(Dir::Z),
        };
        VertebraAnatomy {
            patient_from_vertebra: Rigid::new(turn.rotation(), middle.vec()),
            canal_centre: middle + Dir::Y * 25.0,
            canal: None,
            upper_plate: Some(plate(1.0)),
            lower_plate: Some(plate(-1.0)),
            body_mm: None,
            pedicles: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// L1 to S1 with 30 degrees of lordosis and a curve to the left.
    fn column() -> Vec<(Level, VertebraAnatomy)> {
        let levels = [Level::L1, Level::L2, Level::L3, Level::L4, Level::L5, Level::S1];
        let at = |n: usize| {
            let x = n as f64;
            let middle = Point::new(3.0 * (x - 2.0), -2.0 * x, -35.0 * x);
            body(middle, -8.0 + 6.0 * x, 12.0 - 5.0 * x)
        };
        levels.into_iter().enumerate().map(|(n, level)| (level, at(n))).collect()
    }

    fn borrowed(column: &[(Level, VertebraAnatomy)]) -> Vec<(Level, &VertebraAnatomy)> {
        column.iter().map(|(level, anatomy)| (*level, anatomy)).collect()
    }

    fn up_after(column: &[(Level, VertebraAnatomy)], moved: &[Moved], n: usize) -> Dir<Patient> {
        moved[n].motion.dir(column[n].1.upper_plate.expect("a plate").up)
    }

    #[test]
    fn the_lordosis_asked_for_is_reached_and_the_lowest_level_stays() {
        let column = column();
        for wanted in [15.0, 30.0, 50.0] {
            for coronal_part in [0.0, 0.4, 1.0] {
                let target = Target { lordosis_deg: Some(wanted), coronal_part };
                let moved = correct(&borrowed(&column), target).expect("six levels");
                let [top, low] = [0, 5].map(|n| up_after(&column, &moved, n));
                assert!((lordosis_deg(top, low) - wanted).abs() < 1e-6, "{wanted}");
                assert_eq!(moved[5].motion, Rigid::IDENTITY);
                // The discs' middles stay between their plates.
                for pair in 0..5 {
                    let disc = |n: usize, plate: Option<EndPlate>| {
                        moved[n].motion.point(plate.expect("a plate").centre)
                    };
                    let before = column[pair].1.lower_plate.expect("a plate").centre;
                    let below = column[pair + 1].1.upper_plate.expect("a plate").centre;
                    let after = disc(pair, column[pair].1.lower_plate)
                        .distance(disc(pair + 1, column[pair + 1].1.upper_plate));
                    assert!((after - before.distance(below)).abs() < 1.5, "{pair}: {after}");
                }
            }
        }
    }

    #[test]
    fn the_coronal_tilt_goes_by_the_part_asked_for_and_more_lordosis_leans_back() {
        let column = column();
        let tilt = |moved: &[Moved]| {
            let lean = |n: usize| leans_left_deg(up_after(&column, moved, n));
            lean(0) - lean(5)
        };
        let with = |lordosis_deg: Option<f64>, coronal_part: f64| {
            correct(&borrowed(&column), Target { lordosis_deg, coronal_part }).expect("six levels")
        };
        let none = with(None, 0.0);
        assert!(none.iter().all(|m| m.motion == Rigid::IDENTITY));
        assert!((tilt(&none) - 25.0).abs() < 1e-9);
        assert!((tilt(&with(None, 0.4)) - 15.0).abs() < 0.5, "{}", tilt(&with(None, 0.4)));
        assert!(tilt(&with(None, 1.0)).abs() < 0.5);
        let more = with(Some(45.0), 0.0);
        let top = column[0].1.patient_from_vertebra.origin();
        assert!(more[0].motion.point(top).vec().y > top.vec().y + 5.0, "it leans back");
        assert!(more[..5].iter().all(|m| (m.disc_deg[0] - 3.0).abs() < 0.2), "{more:?}");
    }

    #[test]
    fn what_can_not_be_is_named() {
        let mut column = column();
        let target = |coronal_part| Target { lordosis_deg: None, coronal_part };
        let of = |c: &[(Level, VertebraAnatomy)], target| correct(&borrowed(c), target);
        assert_eq!(of(&column[..1], target(0.0)), Err(CorrectError::TooFew));
        assert_eq!(of(&column, target(1.5)), Err(CorrectError::NoTarget));
        assert_eq!(of(&column, target(f64::NAN)), Err(CorrectError::NoTarget));
        column[2].1.upper_plate = None;
        assert_eq!(of(&column, target(0.0)), Err(CorrectError::NoPlates(Level::L3)));
    }
}
