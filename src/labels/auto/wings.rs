//! The wings of a sacrum whose shell is too thin to be bone by the threshold.
//!
//! In the old they are fat in a shell of less than a voxel. Such a shell is no denser than muscle where
//! slices are thick, but it is brighter than what lies before it and what lies behind: a sheet. What
//! sheets, bone and the ilium close in is marrow, but for the foramina and what is the ilium's own.

use super::block::Block;
use super::disc::Disc;
use super::split::{Column, ILIUM};
use super::tissue::Tissue;
use super::walls::{self, WALLS};
use glam::DVec3;
use rayon::prelude::*;
use std::ops::Range;

/// How far off both sides of a sheet are looked at, mm: beyond what a slice of 3 mm blurs it to.
const ASIDE_MM: f64 = 5.0;
/// A sheet stands out by so much over both sides, HU; muscle between fat by less.
const STANDS_OUT_HU: i16 = 70;
/// A sheet is no darker than soft tissue by more, HU: that would be fat.
const UNDER_SOFT_HU: f64 = 60.0;
/// Nothing counts for darker or brighter than this, HU: gas makes no sheet, and metal is no more than
/// bone.
const RANGE_HU: [i16; 2] = [-200, 600];

/// A ball of this radius comes into a foramen, but not through a hole in a shell of bone.
const FORAMEN_MM: f64 = 3.0;
/// A ball of this radius does not come in through the gaps that a shell of sheets has.
const GAP_MM: f64 = 6.0;
/// Of the 26 directions so many end at a sheet or bone within the wings: their shell has gaps.
const THIN_WALLS: u8 = 22;
/// From within the ilium, a plate, at least so many of the 13 lines meet its bone on both sides, each
/// within so many mm.
const ILIUM_LINES: u8 = 4;
const ILIUM_MM: f64 = 25.0;
/// Marrow is no darker than soft tissue by more, HU: a foramen is fat with a thin root in it.
const FAT_UNDER_SOFT_HU: f64 = 100.0;

/// Canal and foramina lie so near to the midline, and no further before the middle of the canal, mm; K.
const FORAMINA_ASIDE_MM: f64 = 24.0;
const FORAMINA_AHEAD_MM: f64 = 12.0;
/// The disc above lies so near to the midline, and reaches so far down from its plane, mm; K.
const DISC_ASIDE_MM: f64 = 30.0;
const DISC_UNDER_MM: f64 = 8.0;

/// What belongs to a sacrum of which `bone` is known: its marrow, and the shell that touches it.
///
/// By the canal, where the foramina are, and in the disc above, which its plate and the ilium half close
/// in, nothing is taken that bone by the threshold does not close in, however well sheets do: a screw
/// would be judged by it.
pub(super) fn marrow_and_shell(
    bone: &Block<bool>,
    names: &Block<u8>,
    ct: &Block<i16>,
    tissue: &Tissue,
    (column, sacrum): (&Column, u8),
) -> Vec<usize> {
    let ilium = names.map(|name| name == ILIUM);
    let walls = either(bone, &ilium);
    let soft = ct.softened();
    let sheets = with_sheets(&walls, &soft, tissue);
    let fat_hu = tissue.soft_hu - FAT_UNDER_SOFT_HU;
    let is_fat = |i: usize| !tissue.is_bone_only && f64::from(soft.data[i]) < fat_hu;
    let beside = Beside { column, stations: column.beside(sacrum), disc: column.above(sacrum) };
    let may_be_wing = |i: usize| beside.may_be_wing(names.point(i));
    let in_sheets = within(&sheets, THIN_WALLS, GAP_MM);
    let in_sheets = in_sheets.into_iter().filter(|i| !is_fat(*i) && may_be_wing(*i));
    let mut marrow = walls.map(|_| false);
    within(bone, WALLS, FORAMEN_MM)
        .into_iter()
        .chain(in_sheets)
        .for_each(|i| marrow.data[i] = true);
    let of_ilium = walls::between(&ilium, ILIUM_MM, ILIUM_LINES);
    of_ilium.into_iter().for_each(|i| marrow.data[i] = false);
    let is_wall = |i: usize| sheets.data[i] || f64::from(ct.data[i]) >= tissue.bone_hu;
    let touches_marrow = |i: usize| marrow.neighbours(i).any(|other| marrow.data[other]);
    let is_shell = |i: usize| is_wall(i) && touches_marrow(i) && may_be_wing(i);
    (0..names.data.len()).filter(|i| marrow.data[*i] || is_shell(*i)).collect()
}

/// What lies beside a sacrum and is no part of it.
struct Beside<'a> {
    column: &'a Column<'a>,
    stations: Range<usize>,
    disc: Option<&'a Disc>,
}

impl Beside<'_> {
    /// Whether a place lies neither where canal and foramina do nor in the disc above.
    fn may_be_wing(&self, p: DVec3) -> bool {
        let at = self.column.locus_among(self.stations.clone(), p);
        let aside = at.aside.abs();
        let is_by_canal = aside < FORAMINA_ASIDE_MM && at.ahead < FORAMINA_AHEAD_MM;
        let under = self.disc.map_or(f64::INFINITY, |disc| (disc.middle - p).dot(disc.up));
        let is_in_disc = aside < DISC_ASIDE_MM && under < DISC_UNDER_MM;
        !is_by_canal && !is_in_disc
    }
}

/// What has walls in so many directions, and what a ball of this radius does not come to.
fn within(walls: &Block<bool>, least: u8, radius_mm: f64) -> Vec<usize> {
    let reached = walls::reached(walls, radius_mm);
    let mut inside = walls::closed_in(walls, least);
    inside.retain(|i| !reached.data[*i]);
    inside
}

fn either(a: &Block<bool>, b: &Block<bool>) -> Block<bool> {
    let mut both = a.clone();
    both.data.iter_mut().zip(&b.data).for_each(|(slot, other)| *slot |= other);
    both
}

/// The walls, and the sheets that hang together with them.
fn with_sheets(walls: &Block<bool>, ct: &Block<i16>, tissue: &Tissue) -> Block<bool> {
    let ct = ct.map(|hu| hu.clamp(RANGE_HU[0], RANGE_HU[1]));
    let least = (tissue.soft_hu - UNDER_SOFT_HU) as i16;
    let is_sheet = |i: usize| ct.data[i] >= least && over_both_sides(&ct, i) >= STANDS_OUT_HU;
    let mut sheets = walls.clone();
    sheets.data.par_iter_mut().enumerate().for_each(|(i, slot)| *slot = *slot || is_sheet(i));
    let mut kept = walls.clone();
    for piece in sheets.pieces(|is| is) {
        if piece.iter().any(|i| walls.data[*i]) {
            piece.into_iter().for_each(|i| kept.data[i] = true);
        }
    }
    kept
}

/// By how much a voxel is brighter than what lies on both sides of it, in the direction in which that
/// is most, HU.
fn over_both_sides(ct: &Block<i16>, index: usize) -> i16 {
    let at = ct.place(index).map(|n| n as isize);
    let value = |d: [isize; 3], sign: isize| {
        let p: [isize; 3] = std::array::from_fn(|a| at[a] + sign * d[a]);
        let is_inside = (0..3).all(|a| (0..ct.size[a] as isize).contains(&p[a]));
        is_inside.then(|| ct.data[ct.index(p.map(|n| n as usize))])
    };
    let over = |d: [isize; 3]| {
        let sides = value(d, 1).zip(value(d, -1));
        sides.map(|(before, behind)| ct.data[index] - before.max(behind))
    };
    let steps = ASIDE_MM / ct.step_mm;
    let along = |d: [isize; 3]| {
        let length = d.iter().map(|n| (n * n) as f64).sum::<f64>().sqrt();
        d.map(|n| (n as f64 * steps / length).round() as isize)
    };
    walls::lines().map(along).filter_map(over).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 50;
    const TISSUE: Tissue = Tissue { soft_hu: 50.0, bone_hu: 170.0, is_bone_only: false };

    fn block<T: Copy>(value: impl Fn(DVec3) -> T) -> Block<T> {
        let shape = Block {
            size: [SIZE; 3],
            first: DVec3::ZERO,
            step_mm: 1.0,
            data: vec![(); SIZE.pow(3)],
        };
        let middle = DVec3::splat((SIZE as f64 - 1.0) / 2.0);
        let data = (0..SIZE.pow(3)).map(|i| value(shape.point(i) - middle)).collect();
        Block { size: shape.size, first: shape.first, step_mm: 1.0, data }
    }
    fn is_shell(p: DVec3) -> bool {
        (p.length() - 16.0).abs() < 1.2
    }
    fn middle<T: Copy + Send + Sync>(of: &Block<T>) -> usize {
        of.index([SIZE / 2; 3])
    }

    /// Fat in a shell no denser than 130 HU, of which a quarter alone is bone by the threshold.
    #[test]
    fn fat_in_a_shell_thinner_than_bone_is_closed_in_by_its_sheet() {
        let is_bone = |p: DVec3| is_shell(p) && p.z > 8.0;
        let hu = |p: DVec3| match p.length() {
            _ if is_bone(p) => 400,
            _ if is_shell(p) => 130,
            ..16.0 => -40,
            _ => 50,
        };
        let (bone, ct) = (block(is_bone), block(hu));
        assert!(!within(&bone, THIN_WALLS, GAP_MM).contains(&middle(&bone)));
        let sheets = with_sheets(&bone, &ct, &TISSUE);
        let inside = within(&sheets, THIN_WALLS, GAP_MM);
        assert!(inside.contains(&middle(&bone)));
        for i in inside {
            let far = (sheets.point(i) - DVec3::splat(24.5)).length();
            assert!(far < 16.0, "{far} mm from the middle");
        }
    }

    #[test]
    fn where_muscle_meets_fat_there_is_no_sheet_and_none_hangs_loose() {
        let is_bone = |p: DVec3| p.z > 20.0;
        let hu = |p: DVec3| match p.x {
            _ if is_bone(p) => 400,
            ..0.0 => 60,
            x if (x - 14.0).abs() < 1.2 && p.z < 10.0 => 200,
            _ => -90,
        };
        let bone = block(is_bone);
        assert_eq!(with_sheets(&bone, &block(hu), &TISSUE).data, bone.data);
    }

    #[test]
    fn between_the_two_sides_of_a_plate_is_its_marrow_and_beside_it_is_none() {
        let plate = block(|p: DVec3| (p.x.abs() - 6.0).abs() < 1.0 && p.y.abs() < 20.0);
        let inside = walls::between(&plate, ILIUM_MM, ILIUM_LINES);
        assert!(inside.contains(&middle(&plate)));
        assert!(inside.iter().all(|i| (plate.point(*i).x - 24.5).abs() < 6.0));
    }
}
