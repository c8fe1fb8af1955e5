//! The wings of a sacrum whose shell is too thin to be bone by the threshold.
//!
//! In the old they are fat in a shell of less than a voxel. Such a shell is no denser than muscle where
//! slices are thick, but it is brighter than what lies before it and what lies behind: a sheet. What
//! sheets, bone and the ilium close in is marrow, but for the canal, the foramina and what is the ilium's
//! own. So are the bodies under S1, whose back wall is as thin.

use super::block::Block;
use super::disc::Disc;
use super::fill::{brightest, halfway_from_soft};
use super::net::OPEN;
use super::split::{Column, ILIUM, Locus};
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

/// The shell of marrow is so many voxels thick at most: what a slice of 3 mm blurs it to.
const SHELL_STEPS: usize = 2;

/// What a thin shell or plate is blurred to is so wide beyond the threshold at most, and has its
/// brightest voxel within so many, steps.
const BLUR_STEPS: usize = 2;

/// What bone by the threshold closes in so far before the middle of the canal is marrow, mm.
const BEFORE_CANAL_MM: f64 = 6.0;
/// The canal lies so near to the midline, mm, and no further before its middle as it was followed: so
/// far at S1 and so far from S3 on, where it is shallow and what was followed runs into the bodies.
const CANAL_ASIDE_MM: f64 = 12.0;
const CANAL_AHEAD_MM: [f64; 2] = [12.0, 1.0];
/// Where S1 ends and S3 begins, under the disc along the canal, mm.
const NARROWS_MM: [f64; 2] = [18.0, 48.0];
/// The foramina of S1 and S2, beside which screws pass, lie so far from the midline, no further before
/// the middle of the canal, and no further under the disc, mm; K.
const FORAMINA_ASIDE_MM: Range<f64> = CANAL_ASIDE_MM..24.0;
const FORAMINA_AHEAD_MM: f64 = 12.0;
const FORAMINA_UNDER_MM: f64 = 62.0;
/// The disc above lies so near to the midline, and reaches so far down from its plane, mm; K.
const DISC_ASIDE_MM: f64 = 30.0;
const DISC_UNDER_MM: f64 = 8.0;

/// What belongs to a sacrum of which `bone` is known: its marrow, and the shell that touches it.
///
/// In the canal, where the upper foramina are, and in the disc above, which its plate and the ilium half
/// close in, nothing is taken that bone by the threshold does not close in, however well sheets do: a
/// screw would be judged by it.
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
    let beside = Beside::of(column, sacrum);
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
    let mut whole = marrow.clone();
    for _ in 0..SHELL_STEPS {
        let inside = whole.clone();
        let touches = |i: usize| inside.neighbours(i).any(|other| inside.data[other]);
        let is_shell = |i: &usize| is_wall(*i) && touches(*i) && may_be_wing(*i);
        (0..whole.data.len()).filter(is_shell).for_each(|i| whole.data[i] = true);
    }
    let is_off_canal = |i: usize| beside.is_off_canal(names.point(i));
    (0..names.data.len()).filter(|i| whole.data[*i] && is_off_canal(*i)).collect()
}

/// Gives a sacrum the rest of its edge where a thin shell is blurred to less than bone by the threshold:
/// an edge lies halfway from what is soft to what is brightest beside it. Not in the canal, by the upper
/// foramina or in the disc above; and not in a CT that holds bone alone, whose edge is not in it.
pub(super) fn grow_blurred_edge(
    names: &mut Block<u8>,
    ct: &Block<i16>,
    tissue: &Tissue,
    column: &Column,
) {
    let Some(sacrum) = column.sacrum.filter(|_| !tissue.is_bone_only) else { return };
    let beside = Beside::of(column, sacrum);
    for _ in 0..BLUR_STEPS {
        let is_edge = |i: &usize| {
            names.data[*i] == OPEN
                && names.neighbours(*i).any(|other| names.data[other] == sacrum)
                && is_blurred_bone(ct, tissue, *i)
                && beside.may_be_wing(names.point(*i))
        };
        let edge: Vec<usize> = (0..names.data.len()).into_par_iter().filter(is_edge).collect();
        edge.into_iter().for_each(|i| names.data[i] = sacrum);
    }
}

/// Whether a voxel is darker than bone and yet at least halfway to what is brightest beside it.
fn is_blurred_bone(ct: &Block<i16>, tissue: &Tissue, voxel: usize) -> bool {
    let hu = f64::from(ct.data[voxel]);
    let edge_hu =
        || halfway_from_soft(f64::from(brightest(ct, voxel, BLUR_STEPS as isize)), tissue);
    hu > tissue.soft_hu && hu < tissue.bone_hu && hu >= edge_hu()
}

/// What lies beside a sacrum and is no part of it.
struct Beside<'a> {
    column: &'a Column<'a>,
    stations: Range<usize>,
    /// The station at the disc above.
    top: usize,
    disc: Option<&'a Disc>,
}

impl<'a> Beside<'a> {
    fn of(column: &'a Column<'a>, sacrum: u8) -> Self {
        let stations = column.beside(sacrum);
        Self { column, stations, top: column.span(sacrum)[0], disc: column.above(sacrum) }
    }
    /// Whether a place lies neither in the canal or by a foramen of S1 or S2 nor in the disc above.
    fn may_be_wing(&self, p: DVec3) -> bool {
        let at = self.column.locus_among(self.stations.clone(), p);
        let (aside, under) = (at.aside.abs(), self.under_disc(&at));
        let is_in_canal = aside < CANAL_ASIDE_MM && at.ahead < front_mm(under);
        let is_by_foramen = FORAMINA_ASIDE_MM.contains(&aside)
            && at.ahead < FORAMINA_AHEAD_MM
            && under < FORAMINA_UNDER_MM;
        let under_plate = self.disc.map_or(f64::INFINITY, |disc| (disc.middle - p).dot(disc.up));
        let is_in_disc = aside < DISC_ASIDE_MM && under_plate < DISC_UNDER_MM;
        !is_in_canal && !is_by_foramen && !is_in_disc
    }
    /// Whether a place lies in front of the canal or beside it.
    fn is_off_canal(&self, p: DVec3) -> bool {
        let at = self.column.locus_among(self.stations.clone(), p);
        let front = front_mm(self.under_disc(&at)).min(BEFORE_CANAL_MM);
        at.ahead > front || at.aside.abs() > CANAL_ASIDE_MM
    }
    /// How far under the disc above a place lies along the canal, mm.
    fn under_disc(&self, at: &Locus) -> f64 {
        at.station as f64 - self.top as f64
    }
}

/// How far before its middle the canal's front lies at most so far under the disc, mm.
fn front_mm(under: f64) -> f64 {
    let [s1, s3] = NARROWS_MM;
    let down = ((under - s1) / (s3 - s1)).clamp(0.0, 1.0);
    CANAL_AHEAD_MM[0] + down * (CANAL_AHEAD_MM[1] - CANAL_AHEAD_MM[0])
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
    use super::super::curve::Station;
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

    fn station(middle: DVec3) -> Station {
        let [up, front, left] = [DVec3::Z, -DVec3::Y, DVec3::X];
        Station { middle, up, front, left, depth_mm: 40.0, wall_mm: 8.0 }
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

    /// Places straight under each other in the midline and 18 mm aside, 5 mm before the canal's middle.
    #[test]
    fn canal_and_upper_foramina_are_kept_free_and_the_bodies_under_s1_are_not() {
        let stations: Vec<Station> = (0..200).map(|n| station(DVec3::Z * -f64::from(n))).collect();
        let disc = Disc {
            station: 50,
            at_canal: 50,
            middle: stations[50].body(),
            up: DVec3::Z,
            valley_hu: 0.0,
            clear: 1.0,
            is_guessed: false,
            like_vertebra: 0.9,
        };
        let column = Column { stations: &stations, discs: &[disc], sacrum: Some(2) };
        let beside = Beside::of(&column, 2);
        let place = |aside: f64, under: f64| DVec3::new(aside, -5.0, -50.0 - under);
        for (under, is_body, is_bar) in
            [(20.0, false, false), (50.0, true, false), (70.0, true, true)]
        {
            assert_eq!(beside.may_be_wing(place(0.0, under)), is_body, "{under} mm under the disc");
            assert_eq!(beside.may_be_wing(place(18.0, under)), is_bar, "{under} mm, aside");
            assert_eq!(
                beside.is_off_canal(place(0.0, under)),
                is_body,
                "{under} mm, off the canal"
            );
        }
        let behind = DVec3::new(0.0, 2.0, -100.0);
        assert!(!beside.may_be_wing(behind) && !beside.is_off_canal(behind), "S3's own canal");
    }

    /// A plate one voxel thick to each side of its middle, blurred over two more.
    #[test]
    fn the_bright_half_of_a_blurred_edge_is_the_sacrums_and_the_dark_half_is_not() {
        let hu = |p: DVec3| match p.z.abs() {
            ..1.0 => 220,
            ..2.0 => 150,
            ..3.0 => 90,
            _ => 50,
        };
        let ct = block(hu);
        let known = block(|p: DVec3| if hu(p) == 220 { 1 } else { OPEN });
        let before = DVec3::new(24.5, 70.0, 24.5);
        let column = Column { stations: &[station(before)], discs: &[], sacrum: Some(1) };
        let mut names = known.clone();
        grow_blurred_edge(&mut names, &ct, &TISSUE, &column);
        let is_grown = |i: usize| names.data[i] == 1;
        assert!((0..ct.data.len()).all(|i| is_grown(i) == (ct.data[i] >= 150)));
        let mut of_bone_alone = known.clone();
        let tissue = Tissue { is_bone_only: true, ..TISSUE };
        grow_blurred_edge(&mut of_bone_alone, &ct, &tissue, &column);
        assert_eq!(of_bone_alone.data, known.data);
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
