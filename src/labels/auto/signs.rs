//! What the border of each vertebra shows of how well it was found.
//!
//! A border that is right lies on an edge of the image, bone inside and something darker outside,
//! or in a joint, darker than the bone on both of its sides. A border through bone of one
//! brightness was put there by a rule and not seen, and a blurred one may lie a voxel off.

use super::block::{Block, OUTSIDE_HU};
use super::necks::is_neck;
use super::net::OPEN;
use super::split::Column;
use super::tissue::Tissue;
use rayon::prelude::*;

/// What was read off the border of one vertebra.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Signs {
    /// Share of its border against no bone that shows no edge.
    pub(super) edgeless: f64,
    /// Share of its whole border that was cut through bone.
    pub(super) severed: f64,
    /// How unlike its left and its right are in volume: their difference over their sum.
    pub(super) lopsided: f64,
    /// How much of the drop at its border lies within one step, on average.
    pub(super) sharp: f64,
    /// Share of its volume that looks like the neck of a rib, where a rib may be.
    pub(super) necks: f64,
}

/// What each sign takes off the overlap (Dice) with what an expert would draw: slopes fitted to 432
/// vertebrae of 53 phantoms (osteoporosis, noise, curves, slices of 0.75 to 3 mm) and of three real
/// scans, whose truth was known, and rounded to the safe side. They hold to about 0.015.
const BLURRED: f64 = 0.13;
const EDGELESS: f64 = 0.4;
const SEVERED: f64 = 0.9;
const LOPSIDED: f64 = 0.25;
const NECKS: f64 = 8.0;
/// What is seen of a neck is a small part of the rib left on; from this share on it may be all.
const NECK: f64 = 0.01;
/// A border is as sharp as this where nothing blurs it, and a whole vertebra no more lopsided.
const SHARP: f64 = 0.62;
const EVEN: f64 = 0.1;
/// What an expected overlap is worth as confidence: 0.65 and a warning beside it under 0.91.
const WORTH: [[f64; 2]; 5] = [[0.70, 0.1], [0.85, 0.4], [0.91, 0.65], [0.94, 0.85], [0.97, 1.0]];

impl Signs {
    /// The overlap with the true vertebra that these signs let expect, 0 to 1.
    pub(super) fn overlap(&self) -> f64 {
        let blurred = BLURRED * (SHARP - self.sharp).max(0.0);
        let lopsided = LOPSIDED * (self.lopsided - EVEN).max(0.0);
        let necks = NECKS * self.necks.min(NECK);
        1.0 - blurred - EDGELESS * self.edgeless - SEVERED * self.severed - lopsided - necks
    }
    /// How sure the border is, 0 to 1.
    pub(super) fn sure(&self) -> f64 {
        let overlap = self.overlap();
        let [least, most] = [WORTH[0], WORTH[WORTH.len() - 1]];
        let between = WORTH.windows(2).find(|pair| (pair[0][0]..pair[1][0]).contains(&overlap));
        match between {
            Some(pair) => {
                let [[x0, y0], [x1, y1]] = [pair[0], pair[1]];
                y0 + (y1 - y0) * (overlap - x0) / (x1 - x0)
            }
            None if overlap < least[0] => least[1],
            None => most[1],
        }
    }
}

/// How far inwards and outwards a peak and a valley are looked for, steps.
const REACH: isize = 3;
/// The bins of the peaks, HU.
const BIN_HU: usize = 10;
const BINS: usize = 250;
/// An edge that drops by less than this share of the cortex is none; so is a joint.
const EDGE: f64 = 0.35;
const JOINT: f64 = 0.25;
/// Of so many voxels one is asked for its side.
const SAMPLED: usize = 7;

/// Counts of one vertebra.
#[derive(Clone, Copy, Default)]
struct Count {
    open: f64,
    edgeless: f64,
    sharp: f64,
    beside: f64,
    severed: f64,
    sides: [f64; 2],
    necks: f64,
}

impl Count {
    fn and(self, other: Self) -> Self {
        Self {
            open: self.open + other.open,
            edgeless: self.edgeless + other.edgeless,
            sharp: self.sharp + other.sharp,
            beside: self.beside + other.beside,
            severed: self.severed + other.severed,
            sides: [0, 1].map(|n| self.sides[n] + other.sides[n]),
            necks: self.necks + other.necks,
        }
    }
    fn signs(&self) -> Signs {
        let share = |part: f64, all: f64| if all > 0.0 { part / all } else { 0.0 };
        let [right, left] = self.sides;
        Signs {
            edgeless: share(self.edgeless, self.open),
            severed: share(self.severed, self.open + self.beside),
            lopsided: share((right - left).abs(), right + left),
            sharp: share(self.sharp, self.open),
            necks: share(self.necks, right + left),
        }
    }
}

/// The signs of every vertebra, head first.
pub(super) fn read(
    ct: &Block<i16>,
    names: &Block<u8>,
    tissue: &Tissue,
    column: &Column,
) -> Vec<Signs> {
    let count = usize::from(column.count());
    let reader = Reader { ct, names, tissue, column };
    let peaks = reader.sum(vec![[0u32; BINS]; count], |voxel, sums| reader.peaks(voxel, sums), {
        |a, b| std::array::from_fn(|n| a[n] + b[n])
    });
    let cortex: Vec<f64> = peaks.iter().map(middle_hu).collect();
    let judge = |voxel: usize, sums: &mut [Count]| reader.judge(voxel, &cortex, sums);
    let counts = reader.sum(vec![Count::default(); count], judge, Count::and);
    counts.iter().map(Count::signs).collect()
}

/// The middle one of so many in each bin, HU.
fn middle_hu(bins: &[u32; BINS]) -> f64 {
    let half = bins.iter().sum::<u32>() / 2;
    let mut seen = 0;
    let middle = bins.iter().position(|n| {
        seen += n;
        seen > half
    });
    (middle.unwrap_or(0) * BIN_HU) as f64
}

struct Reader<'a> {
    ct: &'a Block<i16>,
    names: &'a Block<u8>,
    tissue: &'a Tissue,
    column: &'a Column<'a>,
}

impl Reader<'_> {
    /// What `look` counts at every voxel, slab by slab.
    fn sum<T: Copy + Send + Sync>(
        &self,
        none: Vec<T>,
        look: impl Fn(usize, &mut [T]) + Sync,
        and: impl Fn(T, T) -> T,
    ) -> Vec<T> {
        let slab = self.ct.size[0] * self.ct.size[1];
        let slabs: Vec<Vec<T>> = (0..self.ct.size[2])
            .into_par_iter()
            .map(|k| {
                let mut sums = none.clone();
                (k * slab..(k + 1) * slab).for_each(|voxel| look(voxel, &mut sums));
                sums
            })
            .collect();
        let both = |a: Vec<T>, b: Vec<T>| a.into_iter().zip(b).map(|(a, b)| and(a, b)).collect();
        slabs.into_iter().fold(none, both)
    }
    /// The vertebra of a voxel, from 0.
    fn own(&self, voxel: usize) -> Option<usize> {
        let name = self.names.data[voxel];
        (name != OPEN && name <= self.column.count()).then(|| usize::from(name) - 1)
    }
    fn over_soft(&self, voxel: usize) -> f64 {
        f64::from(self.ct.data[voxel]) - self.tissue.soft_hu
    }
    /// HU over soft tissue along a step from a voxel on.
    fn along(&self, from: usize, step: isize) -> impl Iterator<Item = f64> {
        (0..REACH).map_while(move |n| {
            let hu = *self.ct.data.get((from as isize + n * step) as usize)?;
            (hu > OUTSIDE_HU).then(|| f64::from(hu) - self.tissue.soft_hu)
        })
    }
    /// The neighbours of another name, with the step that leads to them.
    fn beyond(&self, voxel: usize) -> impl Iterator<Item = (usize, isize)> {
        let own = self.names.data[voxel];
        let others = self.names.neighbours(voxel).filter(move |n| self.names.data[*n] != own);
        others.map(move |other| (other, other as isize - voxel as isize))
    }
    fn peaks(&self, voxel: usize, sums: &mut [[u32; BINS]]) {
        let Some(own) = self.own(voxel) else { return };
        for (_, step) in self.beyond(voxel).filter(|(other, _)| self.names.data[*other] == OPEN) {
            let peak = self.along(voxel, -step).fold(0.0, f64::max);
            sums[own][(peak as usize / BIN_HU).min(BINS - 1)] += 1;
        }
    }
    fn judge(&self, voxel: usize, cortex: &[f64], sums: &mut [Count]) {
        let Some(own) = self.own(voxel) else { return };
        let count = &mut sums[own];
        let counted = |is: bool| f64::from(u8::from(is));
        if voxel % SAMPLED == 0 {
            let among = self.column.beside(self.names.data[voxel]);
            let at = self.column.locus_among(among, self.names.point(voxel));
            count.sides[usize::from(at.aside > 0.0)] += 1.0;
            count.necks += counted(is_neck(self.names, self.column, voxel, &at));
        }
        let here = self.over_soft(voxel);
        for (other, step) in self.beyond(voxel) {
            let inner = self.along(voxel, -step).fold(f64::MIN, f64::max);
            if self.names.data[other] == OPEN {
                let drop = inner - self.along(other, step).fold(f64::MAX, f64::min);
                count.open += 1.0;
                count.edgeless += counted(drop < EDGE * cortex[own]);
                count.sharp += ((here - self.over_soft(other)) / drop.max(1.0)).clamp(0.0, 1.0);
            } else {
                let outer = self.along(other, step).fold(f64::MIN, f64::max);
                let depth = inner.min(outer) - here.min(self.over_soft(other));
                count.beside += 1.0;
                count.severed += counted(depth < JOINT * cortex[own]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAR: Signs =
        Signs { edgeless: 0.01, severed: 0.0, lopsided: 0.02, sharp: 0.6, necks: 0.0 };

    #[test]
    fn a_clear_border_is_sure_and_every_sign_against_it_takes_something_off() {
        assert!(CLEAR.sure() > 0.99, "{}", CLEAR.sure());
        let worse = [
            Signs { edgeless: 0.3, ..CLEAR },
            Signs { severed: 0.08, ..CLEAR },
            Signs { lopsided: 0.45, ..CLEAR },
            Signs { necks: 0.009, ..CLEAR },
            Signs { edgeless: 0.15, sharp: 0.25, ..CLEAR },
        ];
        for signs in worse {
            assert!(signs.sure() < 0.86, "{signs:?}: {}", signs.sure());
        }
        let poor = Signs { edgeless: 0.2, severed: 0.1, lopsided: 0.05, sharp: 0.25, necks: 0.0 };
        assert!(poor.sure() < 0.4, "{}", poor.sure());
    }

    #[test]
    fn what_is_expected_least_is_worth_least() {
        let none = Signs { edgeless: 1.0, severed: 1.0, lopsided: 1.0, sharp: 0.0, necks: 0.1 };
        assert!(none.sure() > 0.0 && none.sure() <= 0.1);
        let middle = |bins: [u32; BINS]| middle_hu(&bins);
        let mut bins = [0; BINS];
        (bins[3], bins[40], bins[41]) = (2, 5, 2);
        assert_eq!(middle(bins), 400.0);
    }
}
