//! The rod as a bender makes it: what a surgeon holds.
//!
//! In: the smooth curve through the heads ([`Rod`]), a bender, a rod's material. Out: a
//! [`BentRod`]: the settings of the bender, the line of the rod that they make, and all that is said
//! of a rod, measured on that line: how far it misses each head, how long it is, how it bends.
//!
//! The number of bends is the smallest with which the heads are missed by hardly more than with any
//! other number that can be bent.

use super::bend::BendTable;
use super::chain;
use super::rod::{NEIGHBOURS_MM, Rod, off_line_mm, rms};
use crate::implant::{Bender, RodKind, Rods, RodsError};
use crate::space::{Patient, Point};
use serde::{Deserialize, Serialize};

/// No rod is given more bends than this by itself.
pub const MOST_BENDS: usize = 24;
/// More bends are taken only if they lessen the RMS misfit by more than this, mm. Provisional: a third
/// of what a slice of the CT tells.
pub const WORTH_A_BEND_MM: f64 = 0.1;
/// Pieces of a rod are not made shorter than this, mm.
const LEAST_PIECE_MM: f64 = 10.0;
/// The table as it is printed makes the rod within this, mm.
pub const READ_BACK_MM: f64 = 0.05;

/// What the rods of a plan are made of and by what; none stands for the first on offer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RodChoice {
    /// Id of the rod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rod: Option<String>,
    /// Id of the bender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bender: Option<String>,
}

impl RodChoice {
    /// Whether nothing was chosen.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
    /// What was chosen of these; says what there is where it is not among them.
    pub fn of<'r>(&self, rods: &'r Rods) -> Result<(&'r RodKind, &'r Bender), RodsError> {
        Ok((rods.rod_or_first(self.rod.as_deref())?, rods.bender_or_first(self.bender.as_deref())?))
    }
}

/// A rod as it is bent.
#[derive(Clone, Debug, PartialEq)]
pub struct BentRod {
    /// The settings of the bender.
    pub table: BendTable,
    /// Middle line of the rod that they make, LPS mm; first head's end first.
    pub line: Vec<Point<Patient>>,
    /// Distance of each head's centre from it, mm.
    pub misfit_mm: Vec<f64>,
    /// Sum of its bends against the sense of their neighbours, degrees.
    pub counter_bend_deg: f64,
    /// How far the table, as printed and bent forward, leaves the line, mm.
    pub read_back_mm: f64,
    /// What a person should know of it, whole sentences.
    pub warnings: Vec<String>,
}

impl BentRod {
    /// The rod that follows a curve, with so many bends, or with as many as are worth it. It may
    /// have fewer than asked for: those too small for the bender's steps are left out.
    pub fn along(
        curve: &Rod,
        bender: &Bender,
        kind: &RodKind,
        rods: &Rods,
        bends: Option<usize>,
    ) -> Self {
        let with = |bends| Self::with_bends(curve, bender, kind, bends);
        let mut bent = match bends {
            Some(bends) => with(bends),
            None => {
                let most = ((curve.length_mm() / LEAST_PIECE_MM) as usize).min(MOST_BENDS);
                fewest((0..=most).map(with).collect(), rods.most_counter_bend_deg)
                    .unwrap_or_else(|| with(0))
            }
        };
        bent.look_at(kind, rods);
        bent
    }

    fn with_bends(curve: &Rod, bender: &Bender, kind: &RodKind, bends: usize) -> Self {
        let chain = chain::corners(&curve.line, &curve.heads, bends);
        let table = BendTable::new(&chain, bender, kind);
        let line = table.forward(kind);
        Self {
            misfit_mm: curve.heads.iter().map(|head| off_line_mm(*head, &line)).collect(),
            counter_bend_deg: counter_bend_deg(&table),
            read_back_mm: 0.0,
            warnings: Vec::new(),
            table,
            line,
        }
    }

    /// Reads the table back and names what is not as it should be.
    fn look_at(&mut self, kind: &RodKind, rods: &Rods) {
        let read = self.table.read_back(kind).map(|table| table.forward(kind));
        self.read_back_mm = read.map_or(f64::INFINITY, |read| {
            let off = |a: &[Point<Patient>], b: &[Point<Patient>]| {
                a.iter().map(|p| off_line_mm(*p, b)).fold(0.0, f64::max)
            };
            off(&read, &self.line).max(off(&self.line, &read))
        });
        if self.read_back_mm > READ_BACK_MM {
            self.warnings.push(format!(
                "the table as printed makes a rod that lies {:.2} mm from the one shown; do not bend \
                 by it",
                self.read_back_mm
            ));
        }
        let (back, most) = (self.counter_bend_deg, rods.most_counter_bend_deg);
        if back > most {
            self.warnings.push(format!(
                "its bends back sum to {back:.1} degrees, more than {most}; use another number of \
                 bends, or line the heads up"
            ));
        }
    }

    /// Root of the mean squared misfit, mm.
    pub fn rms_misfit_mm(&self) -> f64 {
        rms(&self.misfit_mm)
    }
    /// Length of straight rod to cut, mm.
    pub fn length_mm(&self) -> f64 {
        self.table.cut_length_mm()
    }
    /// Radius of its arcs, mm; `None` for a straight rod.
    pub fn arc_radius_mm(&self) -> Option<f64> {
        (!self.table.bends.is_empty()).then_some(self.table.radius_mm)
    }
}

/// The first, with fewest bends, that misses the heads by hardly more than the best that can be bent;
/// where none can, of those with which least is wrong.
fn fewest(all: Vec<BentRod>, most_counter_bend_deg: f64) -> Option<BentRod> {
    let wrongs = |bent: &BentRod| {
        let is_over = bent.counter_bend_deg > most_counter_bend_deg;
        bent.table.impossible.len() + usize::from(is_over)
    };
    let least = all.iter().map(wrongs).min()?;
    let can_be = || all.iter().filter(|bent| wrongs(bent) == least);
    let best = can_be().map(BentRod::rms_misfit_mm).fold(f64::INFINITY, f64::min);
    can_be().find(|bent| bent.rms_misfit_mm() <= best + WORTH_A_BEND_MM).cloned()
}

/// Sum of the bends whose sense is against that of most of the bending within a few levels, degrees:
/// the same measure as that of the curve, on the bends of the table.
fn counter_bend_deg(table: &BendTable) -> f64 {
    let turns = table.turns();
    let back = |(way, turn): &(f64, glam::DVec3)| {
        let near = turns.iter().filter(|(other, _)| (other - way).abs() <= NEIGHBOURS_MM);
        let around: glam::DVec3 = near.map(|(_, turn)| *turn).sum();
        (-turn.dot(around.normalize_or_zero())).max(0.0)
    };
    // Not `sum`, which is -0 of nothing.
    turns.iter().map(back).fold(0.0, |all, one| all + one).to_degrees()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rods() -> Rods {
        Rods::builtin().expect("our own file")
    }

    /// Heads from the chest to the sacrum in two bows, leaning a little sideways.
    fn two_bows() -> Vec<Point<Patient>> {
        let at = |n: i32| {
            let t = f64::from(n);
            Point::new(28.0 + 0.6 * t, 25.0 * (t * 0.42).sin(), -26.0 * t)
        };
        (0..15).map(at).collect()
    }

    fn bent(heads: &[Point<Patient>], bender: &str, kind: &str, bends: Option<usize>) -> BentRod {
        let rods = rods();
        let curve = Rod::through(heads, &rods).expect("heads in order");
        let (bender, kind) = (rods.bender(bender).expect("one"), rods.rod(kind).expect("one"));
        BentRod::along(&curve, bender, kind, &rods, bends)
    }

    #[test]
    fn bends_are_as_many_as_are_worth_it() {
        for bender in ["hand", "machine"] {
            let chosen = bent(&two_bows(), bender, "ti-5.5", None);
            let of = |n| bent(&two_bows(), bender, "ti-5.5", Some(n)).rms_misfit_mm();
            let count = chosen.table.bends.len();
            assert!((4..MOST_BENDS).contains(&count), "{bender}: {count}");
            assert!(of(count - 1) > chosen.rms_misfit_mm(), "{bender}: {count}");
            assert!(
                (count..=MOST_BENDS).all(|n| of(n) >= chosen.rms_misfit_mm() - WORTH_A_BEND_MM)
            );
            assert!(chosen.rms_misfit_mm() < 0.3, "{bender}: {}", chosen.rms_misfit_mm());
            assert_eq!((&chosen.table.impossible, &chosen.warnings), (&vec![], &vec![]));
        }
        let straight: Vec<_> = (0..5).map(|n| Point::new(3.0, 0.0, -30.0 * f64::from(n))).collect();
        let chosen = bent(&straight, "hand", "ti-5.5", None);
        assert!(chosen.table.bends.is_empty() && chosen.rms_misfit_mm() < 1e-6);
        assert_eq!(chosen.arc_radius_mm(), None);
        assert_eq!(format!("{:.1}", chosen.counter_bend_deg), "0.0");
    }

    #[test]
    fn what_is_told_is_of_the_bent_rod_not_of_the_curve() {
        // A straight rod can not follow two bows, however well the curve does.
        let straight = bent(&two_bows(), "hand", "ti-5.5", Some(0));
        assert!(straight.table.bends.is_empty() && straight.rms_misfit_mm() > 5.0);
        let cut: f64 = straight.line.windows(2).map(|p| p[0].distance(p[1])).sum();
        assert!((straight.length_mm() - cut).abs() < 1e-9);
        let bent = bent(&two_bows(), "machine", "cocr-6.0", None);
        let along: f64 = bent.line.windows(2).map(|p| p[0].distance(p[1])).sum();
        assert!((bent.length_mm() - along).abs() < 0.02, "{} {along}", bent.length_mm());
        assert!(bent.read_back_mm < 1e-6, "{}", bent.read_back_mm);
    }

    #[test]
    fn bends_back_are_summed_over_the_bends_of_the_table() {
        let rods = rods();
        let (bender, kind) = (&rods.benders[1], &rods.rods[0]);
        let chain = |xs: [f64; 6]| -> Vec<glam::DVec3> {
            let place = |(n, x): (usize, f64)| glam::DVec3::new(x, 0.0, -25.0 * n as f64);
            xs.into_iter().enumerate().map(place).collect()
        };
        let of = |xs| counter_bend_deg(&BendTable::new(&chain(xs), bender, kind));
        assert!(of([0.0, 3.0, 5.0, 5.5, 5.0, 3.0]) < 1e-9, "a bow has none");
        // Its third bend alone is against the others.
        let slopes = [4.0_f64, 8.0].map(|x| (x / 25.0).atan().to_degrees());
        let one = of([0.0, 0.0, 4.0, 12.0, 16.0, 24.0]);
        assert!((one - (slopes[1] - slopes[0])).abs() < 0.1, "{one} {slopes:?}");
    }
}
