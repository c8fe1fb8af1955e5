//! What bends a column, slides it or crushes it: the parameters, and what each of them asks of one
//! level.
//!
//! In: [`Deformity`], plain data. Out: tilts, turns and shares per level for [`super::column`]. These
//! are what a spine is made from; its true angles are solved on the finished bones.

use super::SpecError;
use super::sizes::{Measures, Mobile, Row};
use crate::labels::Level;
use crate::space::Side;
use std::f64::consts::PI;

/// How the column departs from a straight one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deformity {
    /// Lordosis wanted from the upper plate of L1 to that of S1; `None` for the posture's own.
    pub lumbar_lordosis_deg: Option<f64>,
    /// Kyphosis wanted from the upper plate of T1 to the lower plate of T12; `None` for the usual.
    pub thoracic_kyphosis_deg: Option<f64>,
    /// Coronal curves; they must not overlap.
    pub curves: Vec<Curve>,
    /// Vertebrae that slid on the one below.
    pub slips: Vec<Slip>,
    /// Bodies that lost height in front.
    pub fractures: Vec<Fracture>,
    /// Pedicles narrower than their level's.
    pub narrow: Vec<Narrow>,
}

/// One coronal curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve {
    /// Upper end vertebra, the most tilted one.
    pub upper: Level,
    /// Lower end vertebra.
    pub lower: Level,
    /// Angle between the end vertebrae.
    pub cobb_deg: f64,
    /// The side to which the curve bulges.
    pub convex: Side,
    /// Turn of the apex about its own axis, its body towards the convex side.
    pub rotation_deg: f64,
}

/// One spondylolisthesis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slip {
    /// The vertebra that slid.
    pub level: Level,
    /// How far it slid forward on the one below, mm; negative is backwards.
    pub forward_mm: f64,
}

/// One wedge fracture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fracture {
    /// The level.
    pub level: Level,
    /// Share of the front height that is lost, 0 to 0.7.
    pub front_loss: f64,
}

/// One narrow pedicle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Narrow {
    /// The level.
    pub level: Level,
    /// The side.
    pub side: Side,
    /// Share of the usual width that is left, 0.3 to 1.
    pub share: f64,
}

/// A curve narrows the concave pedicle of its apex by this share per degree of Cobb angle.
/// General knowledge of the field (concave pedicles of severe curves have about half the width);
/// provisional.
const NARROWER_PER_DEG: f64 = 0.5 / 60.0;

/// A column's levels, caudal ones first, and what its deformity asks of each. Places along the
/// column are counted in levels from the sacrum: a body reaches from `n - 0.3` to `n + 0.3`.
pub(super) struct Plan<'a> {
    levels: Vec<Level>,
    deformity: &'a Deformity,
    /// (place, tilt to the left in degrees), caudal ones first.
    tilts: Vec<(f64, f64)>,
}

/// Half of the share of a level's height that its body takes.
const HALF_BODY: f64 = 0.3;

impl<'a> Plan<'a> {
    /// Fails when a deformity names a level the column lacks, or its numbers make no sense.
    pub(super) fn new(rows: &[Row], deformity: &'a Deformity) -> Result<Self, SpecError> {
        let levels: Vec<Level> = rows.iter().rev().map(|row| row.level).collect();
        let mut plan = Self { levels, deformity, tilts: Vec::new() };
        plan.tilts = plan.knots()?;
        for slip in &deformity.slips {
            plan.known(slip.level, slip.forward_mm.abs() < 30.0, "a slip of 30 mm or more")?;
        }
        for fracture in &deformity.fractures {
            let is_sane = (0.0..=0.7).contains(&fracture.front_loss);
            plan.known(fracture.level, is_sane, "a front loss outside 0 to 0.7")?;
        }
        for narrow in &deformity.narrow {
            let is_sane = (0.3..=1.0).contains(&narrow.share);
            plan.known(narrow.level, is_sane, "a pedicle of under 0.3 of its width or over all")?;
        }
        Ok(plan)
    }
    fn known(&self, level: Level, is_sane: bool, what: &'static str) -> Result<f64, SpecError> {
        let place = self.levels.iter().position(|l| *l == level).filter(|n| *n > 0);
        match place {
            _ if !is_sane => Err(SpecError::Deformity(level, what)),
            Some(n) => Ok(n as f64),
            None => Err(SpecError::Deformity(level, "a level without a disc below it")),
        }
    }
    /// Where the tilt of the column is known: level at its ends, most tilted at the curves' ends.
    fn knots(&self) -> Result<Vec<(f64, f64)>, SpecError> {
        let mut curves = Vec::new();
        for curve in &self.deformity.curves {
            let sane = (0.0..=120.0).contains(&curve.cobb_deg) && curve.rotation_deg.abs() <= 60.0;
            let low =
                self.known(curve.lower, sane, "a curve over 120 or a turn over 60 degrees")?;
            let high = self.known(curve.upper, curve.upper < curve.lower, "a curve upside down")?;
            let change = -curve.convex.sign() * curve.cobb_deg;
            curves.push((low - HALF_BODY, high + HALF_BODY, change, curve.upper));
        }
        curves.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut knots = vec![(HALF_BODY, 0.0)];
        for (low, high, change, upper) in curves {
            let (end, tilt) = knots[knots.len() - 1];
            if low < end - 0.7 {
                return Err(SpecError::Deformity(upper, "two curves that overlap"));
            }
            // A curve that starts where the last one ends goes on from its tilt.
            let start = if low - end < 0.7 { tilt } else { -change / 2.0 };
            if low - end >= 0.7 {
                knots.push((low, start));
            }
            knots.push((high, start + change));
        }
        let top = self.levels.len() as f64 - 1.0 + HALF_BODY;
        if top - knots[knots.len() - 1].0 > 0.7 {
            knots.push((top, 0.0));
        }
        Ok(knots)
    }
    /// How far the column leans to the left at a place, degrees: half waves between the knots.
    pub(super) fn tilt_deg(&self, place: f64) -> f64 {
        let after = self.tilts.iter().position(|(at, _)| *at >= place).unwrap_or(self.tilts.len());
        match (after.checked_sub(1).map(|n| self.tilts[n]), self.tilts.get(after)) {
            (Some((a, low)), Some(&(b, high))) => {
                let share = (1.0 - (PI * (place - a) / (b - a)).cos()) / 2.0;
                low + (high - low) * share
            }
            (Some((_, tilt)), None) | (None, Some(&(_, tilt))) => tilt,
            (None, None) => 0.0,
        }
    }
    /// How much of a curve is felt at a place: 1 at its apex, 0 at its ends.
    fn felt(&self, curve: &Curve, place: f64) -> f64 {
        let at = |level| self.levels.iter().position(|l| *l == level).unwrap_or(0) as f64;
        let (low, high) = (at(curve.lower) - 0.5, at(curve.upper) + 0.5);
        let t = (place - low) / (high - low);
        if (0.0..=1.0).contains(&t) { (PI * t).sin().powi(2) } else { 0.0 }
    }
    /// Turn of the level at a place about its own axis, degrees, its front to the left positive.
    pub(super) fn turn_deg(&self, place: f64) -> f64 {
        let turn = |c: &Curve| c.convex.sign() * c.rotation_deg * self.felt(c, place);
        self.deformity.curves.iter().map(turn).sum()
    }
    /// How far the level slid forward on the one below, mm.
    pub(super) fn slip_mm(&self, level: Level) -> f64 {
        let here = self.deformity.slips.iter().filter(|slip| slip.level == level);
        here.map(|slip| slip.forward_mm).sum()
    }
    /// The row of the level at a place as the deformity leaves it. `more` is what lordosis and
    /// kyphosis ask of it on top of its own wedges: of the body, and of the disc below.
    pub(super) fn deformed(&self, row: Row, place: f64, more: [f64; 2]) -> Row {
        let Measures::Mobile(mut sizes, mut disc) = row.measures else {
            return row;
        };
        sizes.body_wedge_deg += more[0];
        disc.wedge_deg += more[1];
        for curve in &self.deformity.curves {
            let narrower = NARROWER_PER_DEG * curve.cobb_deg.min(75.0) * self.felt(curve, place);
            let concave = usize::from(curve.convex == Side::Left);
            sizes.pedicle_share[concave] *= 1.0 - narrower;
        }
        for narrow in self.deformity.narrow.iter().filter(|n| n.level == row.level) {
            sizes.pedicle_share[usize::from(narrow.side == Side::Right)] *= narrow.share;
        }
        for fracture in self.deformity.fractures.iter().filter(|f| f.level == row.level) {
            crush(&mut sizes, fracture.front_loss);
        }
        Row { measures: Measures::Mobile(sizes, disc), ..row }
    }
    /// What lordosis and kyphosis ask of a level: degrees for the body and for the disc below it.
    pub(super) fn asked(&self, rows: &[Row], level: Level, posture_deg: f64) -> [f64; 2] {
        let wanted = match level.region() {
            'L' => self.deformity.lumbar_lordosis_deg,
            _ => self.deformity.thoracic_kyphosis_deg.map(|deg| -deg),
        };
        let group: Vec<&Row> = rows.iter().filter(|r| r.level.region() == level.region()).collect();
        let lordosis: f64 = group.iter().map(|row| wedges(row)).sum();
        let usual = if level.region() == 'L' { lordosis + posture_deg } else { lordosis };
        let missing = wanted.unwrap_or(usual) - lordosis;
        let body_share = if level.region() == 'L' { 0.25 } else { 0.7 };
        // The discs of the loins bend the more the lower they lie.
        let weight = |row: &Row| {
            if row.level.region() == 'L' { 1.0 + row.level.number() as f64 } else { 1.0 }
        };
        let all: f64 = group.iter().map(|row| weight(row)).sum();
        let own = group.iter().find(|row| row.level == level).map_or(0.0, |row| weight(row));
        let part = missing * own / all.max(1.0);
        [part * body_share, part * (1.0 - body_share)]
    }
}

/// Body and disc wedge of a row, together.
fn wedges(row: &Row) -> f64 {
    match row.measures {
        Measures::Mobile(sizes, disc) => {
            // The disc below T12 belongs to neither region.
            let between = row.level.region() == 'T' && row.level.number() >= 12;
            sizes.body_wedge_deg + if between { 0.0 } else { disc.wedge_deg }
        }
        Measures::Sacrum(_) => 0.0,
    }
}

/// Takes height from the front of a body.
fn crush(sizes: &mut Mobile, front_loss: f64) {
    let lost = sizes.body_height_mm * front_loss;
    sizes.body_wedge_deg -= (lost / sizes.body_depth_mm).atan().to_degrees();
    sizes.body_height_mm -= lost / 2.0;
}
