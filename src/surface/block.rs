//! A dense block of numbers on nodes, and the few sweeps over it that making a surface needs.
//!
//! Nodes are stored as a [`crate::volume::Volume`] stores them: i fastest, then j, then k.

use glam::{UVec3, Vec3, Vec3A};
use rayon::prelude::*;

/// Nodes that a thread sweeps over in one go.
const AT_ONCE: usize = 1 << 15;

/// Values on the nodes of a box; node (i, j, k) lies at the position (i, j, k).
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub size: [usize; 3],
    pub values: Vec<f32>,
}

/// The lower corner of the cell that a place between 0 and the `last` corner lies in, and where it
/// lies there, each from 0 to 1. A place between two cells is of either.
#[inline(always)]
pub fn cell_of(place: Vec3A, last: Vec3A) -> (UVec3, Vec3A) {
    /// Added to a number that is smaller, it leaves that, rounded, in the sum's last bits: two
    /// instructions, where a cast has to ask for all that is no such number.
    const TO_LAST_BITS: f32 = (1 << 23) as f32;
    const LAST_BITS: u32 = (1 << 23) - 1;
    let lower = (place - 0.5).min(last - 1.0);
    // What is no number is not over 0 either, on every machine.
    let lower = Vec3A::select(lower.cmpgt(Vec3A::ZERO), lower, Vec3A::ZERO) + TO_LAST_BITS;
    let corner = UVec3::from_array(lower.to_array().map(|x| x.to_bits() & LAST_BITS));
    (corner, place - (lower - TO_LAST_BITS))
}

impl Block {
    pub fn filled(size: [usize; 3], value: f32) -> Self {
        Self { size, values: vec![value; size.iter().product()] }
    }
    /// How far apart neighbours along i, j, k lie in `values`.
    #[inline]
    pub fn strides(&self) -> [usize; 3] {
        [1, self.size[0], self.size[0] * self.size[1]]
    }
    pub fn index(&self, [i, j, k]: [usize; 3]) -> usize {
        i + self.size[0] * (j + self.size[1] * k)
    }
    pub fn node(&self, index: usize) -> [usize; 3] {
        let [ni, nj, _] = self.size;
        [index % ni, index / ni % nj, index / (ni * nj)]
    }
    /// True for a node with at least `layers` nodes between it and the outside of the box.
    #[inline]
    pub fn is_inner(&self, node: [usize; 3], layers: usize) -> bool {
        (0..3).all(|a| node[a] >= layers && node[a] + layers < self.size[a])
    }
    /// The indices of those nodes with at least `layers` nodes between them and the outside of the box
    /// that are wanted, in order.
    pub fn inner_where(
        &self,
        layers: usize,
        is_wanted: impl Fn(usize) -> bool + Sync,
    ) -> Vec<usize> {
        let [of_row, rows, slabs] = self.size.map(|n| layers..n.saturating_sub(layers));
        let of_slab = |k: usize| {
            let starts = rows.clone().map(|j| self.index([0, j, k]));
            let nodes = starts.flat_map(|start| start + of_row.start..start + of_row.end);
            nodes.filter(|at| is_wanted(*at)).collect::<Vec<_>>()
        };
        slabs.into_par_iter().flat_map_iter(of_slab).collect()
    }
    /// Replaces the value of every node by what `value` makes of its index, its place and its old
    /// value, in parallel.
    pub fn update(&mut self, value: impl Fn(usize, [usize; 3], f32) -> f32 + Sync) {
        let [ni, nj, _] = self.size;
        self.values.par_chunks_mut(ni * nj).enumerate().for_each(|(k, slab)| {
            for (j, row) in slab.chunks_mut(ni).enumerate() {
                let start = ni * (j + nj * k);
                for (i, slot) in row.iter_mut().enumerate() {
                    *slot = value(start + i, [i, j, k], *slot);
                }
            }
        });
    }
    /// Replaces the value of every node by what `value` makes of the old ones, of its index and of
    /// its place, in parallel. What `room` holds is lost; it is kept for the next time.
    pub fn remake(
        &mut self,
        room: &mut Vec<f32>,
        value: impl Fn(&Self, usize, [usize; 3]) -> f32 + Sync,
    ) {
        let [ni, nj, _] = self.size;
        if room.len() != self.values.len() {
            *room = vec![0.0; self.values.len()];
        }
        room.par_chunks_mut(ni * nj).enumerate().for_each(|(k, slab)| {
            for (j, row) in slab.chunks_mut(ni).enumerate() {
                let start = ni * (j + nj * k);
                for (i, slot) in row.iter_mut().enumerate() {
                    *slot = value(self, start + i, [i, j, k]);
                }
            }
        });
        std::mem::swap(room, &mut self.values);
    }
    /// Whether a place lies in the box of nodes.
    #[inline]
    pub fn holds(&self, p: Vec3) -> bool {
        let last = UVec3::from_array(self.size.map(|n| n as u32 - 1)).as_vec3();
        p.cmpge(Vec3::ZERO).all() && p.cmple(last).all()
    }
    /// Trilinear value at `p`, `None` outside the box of nodes.
    #[inline]
    pub fn trilinear(&self, p: Vec3) -> Option<f32> {
        self.holds(p).then(|| self.within(p))
    }
    /// Trilinear value at a place that the box of nodes [holds](Self::holds).
    #[inline(always)]
    pub fn within(&self, p: Vec3) -> f32 {
        let last = UVec3::from_array(self.size.map(|n| n as u32 - 1)).as_vec3a();
        let (corner, t) = cell_of(p.into(), last);
        let [sx, sy, sz] = self.strides();
        let at = corner.x as usize + sy * corner.y as usize + sz * corner.z as usize;
        let v = &self.values;
        let row = |at: usize| v[at] + (v[at + sx] - v[at]) * t.x;
        let slab = |at: usize| {
            let (lower, upper) = (row(at), row(at + sy));
            lower + (upper - lower) * t.y
        };
        let (lower, upper) = (slab(at), slab(at + sz));
        lower + (upper - lower) * t.z
    }
    /// Trilinear values at `start`, `start + step` and so on; 0 outside the box of nodes.
    pub fn sample_row(&self, start: Vec3, step: Vec3, out: &mut [f32]) {
        // Along i, as nearly always, what the rows around give is put together only once.
        let is_along_i = step.y.abs().max(step.z.abs()) * (out.len() as f32) < 1e-3;
        match self.line(start.y, start.z).filter(|_| is_along_i && step.x > 0.0) {
            Some(line) => sample_line(&line, start.x, step.x, out),
            None => {
                for (n, value) in out.iter_mut().enumerate() {
                    *value = self.trilinear(start + step * n as f32).unwrap_or(0.0);
                }
            }
        }
    }
    /// Values at places along i, between rows and slabs, what [`Self::sample_row`] tells there to the last
    /// bit: for a few, where that would put a whole row together.
    pub fn sample_few(&self, x: impl Fn(usize) -> f32, [y, z]: [f32; 2], out: &mut [f32]) {
        out.fill(0.0);
        let [ni, nj, nk] = self.size;
        let (Some((j, ty)), Some((k, tz))) = (split(y, nj), split(z, nk)) else { return };
        let ([_, sy, sz], v) = (self.strides(), &self.values);
        let start = sy * j + sz * k;
        let between = |at: usize| v[at] + (v[at + sy] - v[at]) * ty;
        let line = |i: usize| {
            let (a, b) = (between(start + i), between(start + i + sz));
            a + (b - a) * tz
        };
        let mut last: Option<(usize, [f32; 2])> = None;
        for (n, out) in out.iter_mut().enumerate() {
            let Some((i, t)) = split(x(n), ni) else { continue };
            let [a, b] = match last {
                Some((before, ends)) if before == i => ends,
                Some((before, [_, end])) if before + 1 == i => [end, line(i + 1)],
                _ => [line(i), line(i + 1)],
            };
            last = Some((i, [a, b]));
            *out = a + (b - a) * t;
        }
    }
    /// The values along i at a place between rows and slabs; `None` outside.
    fn line(&self, y: f32, z: f32) -> Option<Vec<f32>> {
        let [ni, nj, nk] = self.size;
        let ((j, ty), (k, tz)) = (split(y, nj)?, split(z, nk)?);
        let row = |j: usize, k: usize| &self.values[ni * (j + nj * k)..][..ni];
        let between = |k: usize| {
            let pairs = row(j, k).iter().zip(row(j + 1, k));
            pairs.map(move |(a, b)| a + (b - a) * ty)
        };
        Some(between(k).zip(between(k + 1)).map(|(a, b)| a + (b - a) * tz).collect())
    }
    /// Gradient by central differences, per node step. The node must not be on the box's border.
    #[inline(always)]
    pub fn gradient(&self, index: usize) -> Vec3 {
        let v = &self.values;
        let [x, y, z] = self.strides();
        let rise = |s: usize| v[index + s] - v[index - s];
        0.5 * Vec3::new(rise(x), rise(y), rise(z))
    }
    /// Mean curvature of the level set through a node, per node step: positive where the side of
    /// larger values is convex (1/r on a ball of radius r that is positive inside).
    pub fn mean_curvature(&self, index: usize) -> f32 {
        let v = &self.values;
        let s = self.strides();
        let g = self.gradient(index);
        let second = |a: usize| v[index + s[a]] + v[index - s[a]] - 2.0 * v[index];
        let mixed = |a: usize, b: usize| {
            0.25 * (v[index + s[a] + s[b]] + v[index - s[a] - s[b]]
                - v[index + s[a] - s[b]]
                - v[index - s[a] + s[b]])
        };
        let (xx, yy, zz) = (second(0), second(1), second(2));
        let (xy, xz, yz) = (mixed(0, 1), mixed(0, 2), mixed(1, 2));
        let along = g.x * g.x * xx
            + g.y * g.y * yy
            + g.z * g.z * zz
            + 2.0 * (g.x * g.y * xy + g.x * g.z * xz + g.y * g.z * yz);
        let square = g.length_squared().max(1e-12);
        -0.5 * (square * (xx + yy + zz) - along) / (square * square.sqrt())
    }
    /// One pass of the weights `taps` (symmetric, the middle one first) along every axis. The
    /// outer layers, as many as there are side taps, become meaningless: keep them empty.
    pub fn convolve(&mut self, taps_by_axis: [&[f32]; 3]) {
        let mut out = vec![0.0; self.values.len()];
        for (stride, taps) in self.strides().into_iter().zip(taps_by_axis) {
            let Some((&middle, sides)) = taps.split_first() else { continue };
            if sides.is_empty() {
                continue;
            }
            let old = &self.values;
            let chunks = out.par_chunks_mut(AT_ONCE).enumerate();
            chunks
                .for_each(|(n, out)| convolve_part(out, old, n * AT_ONCE, stride, (middle, sides)));
            std::mem::swap(&mut out, &mut self.values);
        }
    }
    /// The block with a value put in the middle between every two along `axis`: a windowed sinc of
    /// six taps, nearer to the truth of a band-limited signal than the mean of the two.
    pub fn doubled(&self, axis: usize) -> Self {
        const TAPS: [f32; 3] = [150.0 / 256.0, -25.0 / 256.0, 3.0 / 256.0];
        let count = self.size[axis];
        let mut size = self.size;
        size[axis] = 2 * count - 1;
        let run = self.strides()[axis];
        let mut values = vec![0.0; size.iter().product()];
        let doubled = values.par_chunks_mut(run * (2 * count - 1));
        self.values.par_chunks(run * count).zip(doubled).for_each(|(from, to)| {
            // Within rows, taking them apart would take longer than the sums.
            if run == 1 {
                let at = |n: isize| from[n.clamp(0, count as isize - 1) as usize];
                for (n, out) in (0isize..).zip(to) {
                    let low = n / 2;
                    let sum = |sum: f32, (distance, tap): (isize, f32)| {
                        sum + tap * (at(low - distance) + at(low + 1 + distance))
                    };
                    *out = if n % 2 == 0 { at(low) } else { (0..).zip(TAPS).fold(0.0, sum) };
                }
                return;
            }
            let row = |n: isize| {
                let n = n.clamp(0, count as isize - 1) as usize;
                &from[n * run..(n + 1) * run]
            };
            let rows = to.par_chunks_mut(run).with_min_len(AT_ONCE / run + 1).enumerate();
            rows.for_each(|(n, out)| {
                let low = (n / 2) as isize;
                if n % 2 == 0 {
                    out.copy_from_slice(row(low));
                    return;
                }
                for (distance, tap) in (0isize..).zip(TAPS) {
                    let (a, b) = (row(low - distance), row(low + 1 + distance));
                    for ((o, a), b) in out.iter_mut().zip(a).zip(b) {
                        *o += tap * (a + b);
                    }
                }
            });
        });
        Self { size, values }
    }
    /// Smooths by `passes` of 1-2-1 along every axis: a Gauss of sqrt(passes / 2) nodes.
    pub fn smooth(&mut self, passes: usize) {
        for _ in 0..passes {
            self.convolve([&[0.5, 0.25]; 3]);
        }
    }
}

/// The node before a place among so many, and how far behind it that lies; `None` beyond them.
fn split(x: f32, count: usize) -> Option<(usize, f32)> {
    let last = count as f32 - 1.0;
    let lower = x.min(last - 1.0).max(0.0) as usize;
    (0.0..=last).contains(&x).then_some((lower, x - lower as f32))
}

/// The weighted sums of `old` from `first` on, as many as `out` holds; nothing is added where a
/// neighbour lies outside.
fn convolve_part(
    out: &mut [f32],
    old: &[f32],
    first: usize,
    stride: usize,
    (middle, sides): (f32, &[f32]),
) {
    let here = &old[first..first + out.len()];
    out.iter_mut().zip(here).for_each(|(o, v)| *o = middle * v);
    for (n, &tap) in sides.iter().enumerate() {
        let reach = stride * (n + 1);
        let begin = first.max(reach);
        let end = (first + out.len()).min(old.len().saturating_sub(reach));
        if begin >= end {
            continue;
        }
        let (lower, upper) = (&old[begin - reach..end - reach], &old[begin + reach..end + reach]);
        for ((o, a), b) in out[begin - first..end - first].iter_mut().zip(lower).zip(upper) {
            *o += tap * (a + b);
        }
    }
}

/// Linear values of a row at `start`, `start + step` and so on, upwards; 0 outside of it. Where it
/// begins and ends with the same value again and again, that is not worked out.
fn sample_line(line: &[f32], start: f32, step: f32, out: &mut [f32]) {
    let place = |n: usize| start + step * n as f32;
    let count = out.len();
    let first = |is_past: &dyn Fn(f32) -> bool| {
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = usize::midpoint(low, high);
            if is_past(place(middle)) { high = middle } else { low = middle + 1 }
        }
        low
    };
    let last = line.len() - 1;
    let differs = |pair: &[f32]| pair[0] != pair[1];
    let changes = line.windows(2).position(differs).unwrap_or(last);
    let rests = line.windows(2).rposition(differs).map_or(last, |n| n + 1);
    let within = first(&|x| x >= 0.0)..first(&|x| x > last as f32);
    let (low, high) = (first(&|x| x >= changes as f32), first(&|x| x > rests as f32));
    out.fill(0.0);
    out[within.start..low.min(within.end)].fill(line[0]);
    out[high.min(within.end)..within.end].fill(line[last]);
    for (n, value) in out.iter_mut().enumerate().take(high).skip(low) {
        *value = linear(line, place(n));
    }
}

/// Linear between the values of a row, within it.
fn linear(line: &[f32], x: f32) -> f32 {
    let last = line.len() as f32 - 1.0;
    let lower = x.min(last - 1.0).max(0.0) as usize;
    let [a, b] = [line[lower], line[lower + 1]];
    a + (b - a) * (x - lower as f32)
}

/// The middle and the side weights of a Gauss of `sigma` nodes; just the middle when it is tiny.
pub(crate) fn gauss_taps(sigma: f64) -> Vec<f32> {
    let reach = (3.0 * sigma).ceil() as i32;
    let weight = |n: i32| (-0.5 * (f64::from(n) / sigma.max(1e-6)).powi(2)).exp();
    let sum: f64 = (-reach..=reach).map(weight).sum();
    (0..=reach).map(|n| (weight(n) / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ball(radius: f32) -> Block {
        let mut block = Block::filled([24, 24, 24], 0.0);
        for at in 0..block.values.len() {
            let [i, j, k] = block.node(at).map(|n| n as f32 - 11.3);
            block.values[at] = radius - (i * i + j * j + k * k).sqrt();
        }
        block
    }

    #[test]
    fn a_few_values_of_a_row_are_those_of_the_whole_row() {
        let mut block = ball(8.0);
        block.values.iter_mut().for_each(|value| *value = value.max(-2.0).sin());
        let step = 0.37;
        for [y, z] in [[0.0, 0.0], [3.4, 11.2], [11.0, 12.9], [23.0, 22.7], [23.1, 4.0]] {
            let mut row = [0.0; 66];
            block.sample_row(Vec3::new(0.0, y, z), Vec3::X * step, &mut row);
            for first in 0..60 {
                let mut few = [1.0; 6];
                block.sample_few(|n| step * (first + n) as f32, [y, z], &mut few);
                assert_eq!(few, row[first..first + 6], "from {first} on at {y} {z}");
            }
        }
    }

    #[test]
    fn a_ball_is_convex_by_one_over_its_radius() {
        let block = ball(8.0);
        let at = block.index([19, 12, 10]);
        assert!((block.mean_curvature(at) - 1.0 / 7.8).abs() < 5e-3);
        assert!(block.gradient(at).dot(Vec3::X) < -0.9, "rises inwards");
    }

    #[test]
    fn smoothing_keeps_the_sum_and_widens_as_said() {
        let mut block = Block::filled([21, 21, 21], 0.0);
        let middle = block.index([10, 10, 10]);
        block.values[middle] = 1.0;
        block.smooth(4);
        let sum: f32 = block.values.iter().sum();
        let spread: f32 = (0..block.values.len())
            .map(|at| block.values[at] * (block.node(at)[0] as f32 - 10.0).powi(2))
            .sum();
        assert!((sum - 1.0).abs() < 1e-5 && (spread - 2.0).abs() < 1e-4);
    }

    #[test]
    fn doubling_keeps_what_was_there_and_follows_a_curve_between() {
        let wave = |x: f32| (0.7 * x).sin();
        let mut block = Block::filled([3, 14, 2], 0.0);
        for at in 0..block.values.len() {
            block.values[at] = wave(block.node(at)[1] as f32);
        }
        let fine = block.doubled(1);
        assert_eq!(fine.size, [3, 27, 2]);
        for j in 6..20 {
            let at = fine.index([2, j, 1]);
            assert!((fine.values[at] - wave(j as f32 / 2.0)).abs() < 2e-3);
        }
    }

    #[test]
    fn a_row_of_samples_is_what_each_of_them_is() {
        let block = ball(8.0);
        for step in [Vec3::new(0.6, 0.0, 0.0), Vec3::new(0.6, 0.01, -0.02)] {
            let start = Vec3::new(-1.5, 3.3, 22.9);
            let mut row = [f32::NAN; 45];
            block.sample_row(start, step, &mut row);
            for (n, value) in row.into_iter().enumerate() {
                let alone = block.trilinear(start + step * n as f32).unwrap_or(0.0);
                assert!((value - alone).abs() < 1e-5, "{n}: {value} {alone}");
            }
        }
    }

    #[test]
    fn a_row_that_stays_the_same_at_its_ends_is_to_the_last_bit_what_each_of_its_places_is() {
        let line = [-3.0, -3.0, -3.0, -1.7, 0.4, 2.9, 3.0, 3.0, 3.0, -0.6, -3.0, -3.0];
        let flat = [1.5; 12];
        for line in [&line[..], &flat[..], &line[..5], &line[4..], &line[..2]] {
            let last = line.len() as f32 - 1.0;
            for (start, step) in [(-2.3, 0.37), (0.0, 0.5), (2.0, 1.0), (-9.0, 0.7), (last, 0.2)] {
                let mut row = [f32::NAN; 30];
                sample_line(line, start, step, &mut row);
                for (n, value) in row.into_iter().enumerate() {
                    let x = start + step * n as f32;
                    let alone = if (0.0..=last).contains(&x) { linear(line, x) } else { 0.0 };
                    assert_eq!(value, alone, "{line:?} at {x}");
                }
            }
        }
    }

    #[test]
    fn within_rows_doubling_is_the_same_as_across_them() {
        let values: Vec<f32> = (0..14).map(|n| (0.7 * n as f32).sin()).collect();
        let of = |size| Block { size, values: values.clone() };
        assert_eq!(of([14, 1, 1]).doubled(0).values, of([1, 14, 1]).doubled(1).values);
    }

    #[test]
    fn the_inner_nodes_that_are_wanted_come_in_order() {
        let block = ball(8.0);
        let wanted = |at: usize| block.values[at].abs() < 4.0;
        for layers in [0, 2, 12] {
            let all = 0..block.values.len();
            let inner = all.filter(|at| block.is_inner(block.node(*at), layers) && wanted(*at));
            assert_eq!(block.inner_where(layers, wanted), inner.collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_place_lies_in_a_cell_and_so_does_what_is_no_number() {
        let last = Vec3A::new(7.0, 1.0, 300.0);
        for n in 0..2000 {
            let share = |step: f32| (n as f32 * step).fract();
            let place = last * Vec3A::new(share(0.755), share(0.570), share(0.319));
            let (corner, t) = cell_of(place, last);
            let lower = Vec3A::from(corner.as_vec3());
            assert!(lower.cmple(last - 1.0).all() && lower + t == place, "{place}: {corner} {t}");
            assert!(t.cmpge(Vec3A::ZERO).all() && t.cmple(Vec3A::ONE).all(), "{place}: {t}");
        }
        for place in [Vec3A::ZERO, last, Vec3A::new(3.0, 1.0, 299.0)] {
            let (corner, t) = cell_of(place, last);
            assert_eq!(Vec3A::from(corner.as_vec3()) + t, place);
        }
        let of_nan = Vec3A::from(cell_of(Vec3A::NAN, last).0.as_vec3());
        assert!(of_nan.cmple(last - 1.0).all());
    }

    #[test]
    fn trilinear_ends_at_the_last_node() {
        let block = ball(8.0);
        assert!(block.trilinear(Vec3::new(23.0, 0.0, 4.5)).is_some());
        assert!(block.trilinear(Vec3::new(23.01, 0.0, 4.5)).is_none());
        assert!(block.trilinear(Vec3::splat(f32::NAN)).is_none());
    }
}
