//! The working image: cubic voxels along the patient's axes, so that millimetres are steps.

use crate::space::Point;
use crate::volume::Volume;
use crate::work::{Cancelled, Work};
use glam::DVec3;
use rayon::prelude::*;

/// What stands where the scan has no voxel; darker than any tissue.
pub(super) const OUTSIDE_HU: i16 = -2048;

/// Values on cubic voxels along the patient's axes (x left, y back, z up), x fastest.
#[derive(Clone, Debug)]
pub(super) struct Block<T> {
    pub(super) size: [usize; 3],
    /// Centre of the first voxel, LPS mm.
    pub(super) first: DVec3,
    pub(super) step_mm: f64,
    pub(super) data: Vec<T>,
}

impl<T: Copy + Send + Sync> Block<T> {
    /// A block of this shape filled with one value.
    pub(super) fn like<U: Copy>(other: &Block<U>, value: T) -> Self {
        let Block { size, first, step_mm, .. } = *other;
        Self { size, first, step_mm, data: vec![value; size.iter().product()] }
    }
    pub(super) fn index(&self, [i, j, k]: [usize; 3]) -> usize {
        (k * self.size[1] + j) * self.size[0] + i
    }
    /// The place of a voxel. Every index fits in 32 bits, which are divided sooner than 64.
    pub(super) fn place(&self, index: usize) -> [usize; 3] {
        let [index, ni, nj] = [index, self.size[0], self.size[1]].map(|n| n as u32);
        let row = index / ni;
        [index % ni, row % nj, row / nj].map(|n| n as usize)
    }
    /// Centre of a voxel, LPS mm.
    pub(super) fn point(&self, index: usize) -> DVec3 {
        let [i, j, k] = self.place(index);
        self.first + DVec3::new(i as f64, j as f64, k as f64) * self.step_mm
    }
    /// The voxel whose cell holds the point.
    pub(super) fn voxel(&self, p: DVec3) -> Option<usize> {
        let v = ((p - self.first) / self.step_mm).round();
        let inside = |x: f64, n: usize| x >= 0.0 && x < n as f64;
        (inside(v.x, self.size[0]) && inside(v.y, self.size[1]) && inside(v.z, self.size[2]))
            .then(|| self.index([v.x as usize, v.y as usize, v.z as usize]))
    }
    /// The value of the voxel whose cell holds the point.
    pub(super) fn nearest(&self, p: DVec3) -> Option<T> {
        self.voxel(p).map(|index| self.data[index])
    }
    /// The first of the eight voxels round a place, in steps from the first; `None` where not all are
    /// inside.
    fn corner(&self, v: DVec3) -> Option<[usize; 3]> {
        let corner = v.to_array().map(|n| n as usize);
        let inside = |a: usize| v[a] >= 0.0 && corner[a] + 1 < self.size[a];
        (inside(0) && inside(1) && inside(2)).then_some(corner)
    }
    /// The pieces of one value that hang together by their faces, of the values that are asked for.
    pub(super) fn pieces(&self, is: impl Fn(T) -> bool) -> Vec<Vec<usize>>
    where
        T: PartialEq,
    {
        let mut seen = vec![false; self.data.len()];
        let mut pieces = Vec::new();
        for start in 0..self.data.len() {
            let value = self.data[start];
            if seen[start] || !is(value) {
                continue;
            }
            seen[start] = true;
            let (mut piece, mut next) = (vec![start], 0);
            while let Some(at) = piece.get(next).copied() {
                next += 1;
                for other in self.neighbours(at) {
                    if self.data[other] == value && !std::mem::replace(&mut seen[other], true) {
                        piece.push(other);
                    }
                }
            }
            pieces.push(piece);
        }
        pieces
    }
    /// The six neighbours that are inside, by index.
    pub(super) fn neighbours(&self, index: usize) -> impl Iterator<Item = usize> + use<T> {
        let [ni, nj, nk] = self.size;
        let [i, j, k] = self.place(index);
        let steps = [
            (i > 0, index.wrapping_sub(1)),
            (i + 1 < ni, index + 1),
            (j > 0, index.wrapping_sub(ni)),
            (j + 1 < nj, index + ni),
            (k > 0, index.wrapping_sub(ni * nj)),
            (k + 1 < nk, index + ni * nj),
        ];
        steps.into_iter().filter(|(inside, _)| *inside).map(|(_, at)| at)
    }
    /// The same voxels with other values.
    pub(super) fn map<U: Copy + Send>(&self, f: impl Fn(T) -> U + Sync) -> Block<U> {
        let data = self.data.par_iter().map(|value| f(*value)).collect();
        Block { size: self.size, first: self.first, step_mm: self.step_mm, data }
    }
    /// The part between two points, widened to whole voxels and cut to what is there.
    pub(super) fn crop(&self, low: DVec3, high: DVec3) -> Self {
        let bound = |p: DVec3, axis: usize| {
            let v = ((p[axis] - self.first[axis]) / self.step_mm).round().max(0.0) as usize;
            v.min(self.size[axis] - 1)
        };
        let from: [usize; 3] = std::array::from_fn(|a| bound(low, a));
        let to: [usize; 3] = std::array::from_fn(|a| bound(high, a).max(from[a]));
        let size: [usize; 3] = std::array::from_fn(|a| to[a] - from[a] + 1);
        let mut data = Vec::with_capacity(size.iter().product());
        for k in from[2]..=to[2] {
            for j in from[1]..=to[1] {
                let row = self.index([from[0], j, k]);
                data.extend_from_slice(&self.data[row..row + size[0]]);
            }
        }
        let first = self.first + DVec3::from(from.map(|n| n as f64)) * self.step_mm;
        Self { size, first, step_mm: self.step_mm, data }
    }
    /// The block with so many more voxels of one value on every side.
    pub(super) fn framed(&self, steps: usize, value: T) -> Self {
        let size = self.size.map(|n| n + 2 * steps);
        let first = self.first - DVec3::splat(steps as f64 * self.step_mm);
        let mut out =
            Self { size, first, step_mm: self.step_mm, data: vec![value; size.iter().product()] };
        for (n, row) in self.data.chunks_exact(self.size[0]).enumerate() {
            let (j, k) = (n % self.size[1], n / self.size[1]);
            let at = out.index([steps, j + steps, k + steps]);
            out.data[at..at + row.len()].copy_from_slice(row);
        }
        out
    }
}

impl Block<u8> {
    /// The name that most of what lies round a place has, by the trilinear weights of its eight
    /// voxels: a border without the steps of the voxels. `None` outside.
    pub(super) fn commonest(&self, p: DVec3) -> Option<u8> {
        let at = (p - self.first) / self.step_mm;
        let Some(corner) = self.corner(at) else { return self.nearest(p) };
        let (row, slab) = (self.size[0], self.size[0] * self.size[1]);
        let first = self.index(corner);
        let names = std::array::from_fn::<u8, 8, _>(|n| {
            self.data[first + (n & 1) + (n >> 1 & 1) * row + (n >> 2) * slab]
        });
        if names.iter().all(|name| *name == names[0]) {
            return Some(names[0]);
        }
        let t = at - DVec3::from(corner.map(|n| n as f64));
        let part = |n: usize, axis: usize| if n >> axis & 1 == 1 { t[axis] } else { 1.0 - t[axis] };
        let weight = |n: usize| part(n, 0) * part(n, 1) * part(n, 2);
        let votes = |name: u8| -> f64 { (0..8).filter(|n| names[*n] == name).map(weight).sum() };
        names.into_iter().max_by(|a, b| votes(*a).total_cmp(&votes(*b)))
    }
}

impl Block<i16> {
    /// Standard deviation of the noise, HU: the middle difference between neighbours in tissue.
    pub(super) fn noise_hu(&self) -> f64 {
        let mut counts = vec![0u64; 1024];
        for pair in self.data.windows(2).step_by(3) {
            if pair.iter().all(|hu| (-200..400).contains(hu)) {
                counts[usize::from(pair[0].abs_diff(pair[1])).min(1023)] += 1;
            }
        }
        let half = counts.iter().sum::<u64>() / 2;
        let mut seen = 0;
        let middle = counts.iter().position(|n| {
            seen += n;
            seen > half
        });
        // Of a normal difference the middle lies at 0.6745 of its deviation, which is the noise's
        // times the root of two.
        middle.unwrap_or(0) as f64 / (0.6745 * std::f64::consts::SQRT_2)
    }
    /// The mean with the six neighbours (weights 1, 2, 1 along each axis).
    pub(super) fn softened(&self) -> Self {
        self.swept(|out, before, step| {
            let (Some(out), Some(next)) = (out.get_mut(step..), before.get(2 * step..)) else {
                return;
            };
            for (slot, around) in out.iter_mut().zip(before.iter().zip(next)) {
                let [a, own, b] = [*around.0, *slot, *around.1];
                if a.min(own).min(b) > OUTSIDE_HU {
                    let [a, own, b] = [a, own, b].map(i32::from);
                    *slot = ((a + 2 * own + b + 2) >> 2) as i16;
                }
            }
        })
    }
    /// The brightest voxel of the cube of so many steps to each side.
    pub(super) fn peaks(&self, reach: usize) -> Self {
        let raise = |out: &mut [i16], by: &[i16]| {
            out.iter_mut().zip(by).for_each(|(slot, other)| *slot = (*slot).max(*other));
        };
        self.swept(|out, before, step| {
            for far in (1..=reach).map(|n| n * step).take_while(|far| *far < before.len()) {
                raise(out, &before[far..]);
                raise(&mut out[far..], before);
            }
        })
    }
    /// Every voxel made anew from those of its line, along one axis after the other. `make` is given
    /// whole lines side by side: where they go, what they were, and the step along a line.
    fn swept(&self, make: impl Fn(&mut [i16], &[i16], usize) + Sync) -> Self {
        let mut out = self.clone();
        let mut step = 1;
        for n in self.size {
            let before = out.data.clone();
            let lines = out.data.par_chunks_mut(n * step).zip(before.par_chunks(n * step));
            lines.for_each(|(out, before)| make(out, before, step));
            step *= n;
        }
        out
    }
    /// HU between voxels; [`OUTSIDE_HU`] where the scan has none.
    pub(super) fn sample(&self, p: DVec3) -> f64 {
        let v = (p - self.first) / self.step_mm;
        let Some(corner) = self.corner(v) else {
            return self.nearest(p).map_or(f64::from(OUTSIDE_HU), f64::from);
        };
        let t = v - DVec3::from(corner.map(|n| n as f64));
        let at = self.index(corner);
        let (row, slab) = (self.size[0], self.size[0] * self.size[1]);
        let lerp = |a: f64, b: f64, t: f64| a + (b - a) * t;
        let pair = |at: usize| lerp(f64::from(self.data[at]), f64::from(self.data[at + 1]), t.x);
        let sheet = |at: usize| lerp(pair(at), pair(at + row), t.y);
        lerp(sheet(at), sheet(at + slab), t.z)
    }
}

/// The CT on cubic voxels of `step_mm`; finer voxels are averaged.
pub(super) fn of_ct(ct: &Volume<i16>, step_mm: f64, work: &Work) -> Result<Block<i16>, Cancelled> {
    let corners = ct.grid().corners().map(|p| p.vec());
    let low = corners.iter().copied().fold(DVec3::INFINITY, DVec3::min);
    let high = corners.iter().copied().fold(DVec3::NEG_INFINITY, DVec3::max);
    let size = ((high - low) / step_mm).to_array().map(|n| n.round() as usize + 1);
    let to_voxel = ct.grid().voxel_from_patient().map();
    let (base, [di, dj, dk]) = {
        let m = to_voxel.matrix3;
        (to_voxel.transform_point3(low), [m.x_axis, m.y_axis, m.z_axis].map(|c| c * step_mm))
    };
    // How far a cell reaches along each of the scan's own axes: how many samples make its mean.
    let reach = di.abs() + dj.abs() + dk.abs();
    let taps: [usize; 3] = std::array::from_fn(|a| ((reach[a] * 0.8).round() as usize).clamp(1, 4));
    let offsets: Vec<DVec3> = (0..taps[0] * taps[1] * taps[2])
        .map(|n| {
            let at = [n % taps[0], n / taps[0] % taps[1], n / (taps[0] * taps[1])];
            let along = |a: usize| ((at[a] as f64 + 0.5) / taps[a] as f64 - 0.5) * reach[a];
            DVec3::new(along(0), along(1), along(2))
        })
        .collect();
    let mut data = vec![OUTSIDE_HU; size.iter().product()];
    let slab = size[0] * size[1];
    data.par_chunks_mut(slab).enumerate().try_for_each(|(k, slots)| {
        work.step("reading the scan at one millimetre", k as f32 / size[2] as f32)?;
        for (n, slot) in slots.iter_mut().enumerate() {
            let (i, j) = ((n % size[0]) as f64, (n / size[0]) as f64);
            let v = base + di * i + dj * j + dk * k as f64;
            *slot = mean_at(ct, v, &offsets);
        }
        Ok(())
    })?;
    Ok(Block { size, first: low, step_mm, data })
}

/// Mean of the samples round a voxel position that lie in the scan.
fn mean_at(ct: &Volume<i16>, v: DVec3, offsets: &[DVec3]) -> i16 {
    let (mut sum, mut count) = (0.0, 0.0);
    for offset in offsets {
        if let Some(hu) = ct.trilinear_voxel(Point::from_vec(v + *offset)) {
            sum += hu;
            count += 1.0;
        }
    }
    if count == 0.0 { OUTSIDE_HU } else { (sum / count).round() as i16 }
}
