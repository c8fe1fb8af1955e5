//! Moves the label's border onto the bone's edge where the CT shows one.
//!
//! In: a smooth [`Border`] and the CT. Out: the same border, moved along its normals by at most
//! one and a half voxels. Lines of samples are laid through the border; on each the edge is where
//! the density falls half-way from the cortex' peak to the outside, less what [`Shell`] says that a
//! thin cortex adds there. The level is a mean over the neighbourhood and so is the shift, so that noise and the voxels' grid do not show. Since lines
//! are read from their brightest sample outwards, dark cancellous bone under a thin cortex opens
//! nothing; they end where another vertebra begins. Where no edge is found the label's border stays.

use super::block::Block;
use super::border::{Border, even_out};
use super::shell::{MeanProfile, Shell};
use crate::volume::Volume;
use glam::{Affine3A, DAffine3, DVec3, Vec3};
use ndarray::{Axis, s};
use rayon::prelude::*;

/// Samples along a line; the sample `AT_BORDER` lies on the border, those before it inside.
const SAMPLES: usize = 25;
const AT_BORDER: usize = 14;
/// Samples that tell the density deep inside, of the cortex, and outside.
const DEEP: std::ops::Range<usize> = 0..4;
const CORTEX: std::ops::Range<usize> = AT_BORDER - 8..AT_BORDER + 6;
const OUTSIDE: std::ops::Range<usize> = AT_BORDER + 6..SAMPLES;
/// Less than this between cortex and outside is no edge, HU.
const LEAST_CONTRAST_HU: f32 = 120.0;
/// A rise outside by this share of the cortex' contrast is another bone.
const RISES: f32 = 0.25;
/// The border moves at most so far, in voxels along its normal.
const REACH_VOXELS: f32 = 1.5;
/// Nodes per cell of the map of levels, and how often it is smoothed: about 2 mm.
const LEVEL_CELL: f32 = 3.0;
const LEVEL_SMOOTHING: usize = 2;
/// Nodes per cell of the map of shifts.
const SHIFT_CELL: f32 = 1.5;
/// Weight of "stay on the label" where no edge was found, next to 1 where one was.
const LABEL_WEIGHT: f32 = 0.05;

/// One go over the border.
struct Pass {
    /// Whether what the blur of a thin cortex adds is taken off again.
    knows_shell: bool,
    /// Smoothing of the shift: a Gauss of sqrt(this / 2) nodes.
    shift_smoothing: usize,
    /// Smoothing of the border before it is moved.
    border_smoothing: usize,
}

const PASSES: [Pass; 2] = [
    Pass { knows_shell: false, shift_smoothing: 2, border_smoothing: 0 },
    Pass { knows_shell: true, shift_smoothing: 1, border_smoothing: 1 },
];

/// Moves the border onto the edge of `ct`; `step` is told how much is done and may stop the call.
pub(super) fn refine<E>(
    border: &mut Border,
    ct: &Volume<i16>,
    step: impl Fn(f32) -> Result<(), E>,
) -> Result<(), E> {
    let Some(scan) = Scan::around(border, ct) else { return Ok(()) };
    let start = border.inside_mm.clone();
    let cut_mm = start.values.par_iter().copied().reduce(|| 0.0, f32::max);
    let (mut shell, mut room) = (None, Vec::new());
    for (n, pass) in PASSES.iter().enumerate() {
        step(n as f32 / PASSES.len() as f32)?;
        if pass.border_smoothing > 0 {
            border.inside_mm.smooth(pass.border_smoothing);
            even_out(&mut border.inside_mm, &mut room, border.node_mm, cut_mm);
        }
        let lines = scan.lines(border);
        if pass.knows_shell && shell.is_none() {
            shell = Shell::fit(&mean_profiles(&lines, scan.step_mm));
        }
        let levels = levels(border, &lines, shell);
        let shifts = shifts(border, &lines, &levels, &start, shell, scan.step_mm, pass);
        move_border(border, &mut room, &start, &shifts);
        even_out(&mut border.inside_mm, &mut room, border.node_mm, cut_mm);
        end_at_others(border);
    }
    Ok(())
}

/// The part of the CT around the border, ready to be sampled.
struct Scan {
    hu: Block,
    scan_from_node: Affine3A,
    step_mm: f32,
}

/// Samples along one normal of the border.
struct Line {
    node: usize,
    foot: Vec3,
    hu: [f32; SAMPLES],
    /// Samples before another vertebra begins.
    free: usize,
    /// Mean curvature of the border, 1/mm, positive where bone is convex.
    curvature: f32,
}

impl Scan {
    /// `None` where the CT does not reach.
    fn around(border: &Border, ct: &Volume<i16>) -> Option<Self> {
        let ct_from_node =
            ct.grid().voxel_from_patient().map() * border.grid.patient_from_voxel().map();
        let [mut low, mut high] = [DVec3::INFINITY, DVec3::NEG_INFINITY];
        for corner in border.grid.corners() {
            let p = ct.grid().voxel_from_patient().point(corner).vec();
            (low, high) = (low.min(p), high.max(p));
        }
        let limit = DVec3::from_array(ct.grid().size().map(|n| n as f64 - 1.0));
        let low = low.floor().max(DVec3::ZERO);
        let high = high.ceil().min(limit);
        if !(high - low).cmpge(DVec3::ONE).all() {
            return None;
        }
        let [i0, j0, k0] = low.to_array().map(|x| x as usize);
        let [i1, j1, k1] = high.to_array().map(|x| x as usize);
        let part = ct.data().slice(s![k0..=k1, j0..=j1, i0..=i1]);
        let size = [i1 - i0 + 1, j1 - j0 + 1, k1 - k0 + 1];
        let mut hu = Block::filled(size, 0.0);
        let slabs = hu.values.par_chunks_mut(size[0] * size[1]);
        slabs.zip(part.axis_iter(Axis(0)).into_par_iter()).for_each(|(slab, part)| {
            slab.iter_mut().zip(part).for_each(|(hu, value)| *hu = f32::from(*value));
        });
        let (hu, finer) = upsampled(hu, ct.grid().spacing_mm());
        let scan_from_ct = DAffine3::from_scale(finer) * DAffine3::from_translation(-low);
        let scan_from_node = (scan_from_ct * ct_from_node).as_affine3a();
        let step_mm = 0.25 * (ct.grid().voxel_volume_mm3().cbrt() as f32).clamp(1.0, 2.0);
        Some(Self { hu, scan_from_node, step_mm })
    }
    /// Lines through the border at the nodes next to it; none where the CT ends.
    fn lines(&self, border: &Border) -> Vec<Line> {
        let near = 0.5 * border.node_mm;
        let field = &border.inside_mm;
        let nodes = field.inner_where(2, |at| field.values[at].abs() < near);
        nodes.into_par_iter().filter_map(|at| self.line(border, at)).collect()
    }
    fn line(&self, border: &Border, node: usize) -> Option<Line> {
        let field = &border.inside_mm;
        let (foot, out) = foot(field, border.node_mm, node, field.node(node))?;
        let step = out * (self.step_mm / border.node_mm);
        let first = self.scan_from_node.transform_point3(foot - step * AT_BORDER as f32);
        let scan_step = self.scan_from_node.transform_vector3(step);
        let at = |n: usize| first + scan_step * n as f32;
        if !(self.hu.holds(first) && self.hu.holds(at(SAMPLES - 1))) {
            return None;
        }
        let mut hu = [0.0; SAMPLES];
        hu.iter_mut().enumerate().for_each(|(n, hu)| *hu = self.hu.within(at(n)));
        let free = border.others_mm.as_ref().map_or(SAMPLES, |others| {
            (AT_BORDER..SAMPLES)
                .find(|&n| {
                    let p = foot + step * (n - AT_BORDER) as f32;
                    others.trilinear(p).is_some_and(|v| v > -0.5 * self.step_mm)
                })
                .unwrap_or(SAMPLES)
        });
        let curvature = (field.mean_curvature(node) / border.node_mm).clamp(-0.5, 0.5);
        Some(Line { node, foot, hu, free, curvature })
    }
}

/// The block with values put between its own, and how much finer it became along each axis.
/// Linear reading between voxels of a mm would blur the cortex as much as a scanner does.
fn upsampled(mut block: Block, spacing_mm: [f64; 3]) -> (Block, DVec3) {
    /// Linear reading is good enough between samples as near as this.
    const FINE_MM: f64 = 0.8;
    let mut finer = DVec3::ONE;
    for axis in 0..3 {
        while spacing_mm[axis] / finer[axis] > FINE_MM {
            block = block.doubled(axis);
            finer[axis] *= 2.0;
        }
    }
    (block, finer)
}

/// The point of the border nearest to a node, and the way out there; `None` on a flat field.
fn foot(field: &Block, node_mm: f32, at: usize, node: [usize; 3]) -> Option<(Vec3, Vec3)> {
    let slope = field.gradient(at);
    if slope == Vec3::ZERO {
        return None;
    }
    let out = -slope.try_normalize()?;
    let position = Vec3::from_array(node.map(|n| n as f32));
    Some((position + out * (field.values[at] / node_mm), out))
}

impl Line {
    /// Density deep inside, at the peak of the cortex, and outside; the last is `None` where
    /// another bone is too near to tell.
    fn deep_peak_outside(&self) -> (f32, f32, Option<f32>) {
        let mean = |part: &[f32]| part.iter().sum::<f32>() / part.len() as f32;
        let cortex = &self.hu[CORTEX.start..CORTEX.end.min(self.free)];
        let peak = cortex.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        // The blur of the other bone reaches two samples or so before it.
        let end = if self.free < SAMPLES { self.free - 3 } else { SAMPLES };
        let is_told = OUTSIDE.start + 1 < end && !self.meets_bone(peak, end);
        let outside = is_told.then(|| mean(&self.hu[OUTSIDE.start..end]));
        (mean(&self.hu[DEEP]), peak, outside)
    }
    /// True where the density rises again outside: a bone without a label (a rib at its joint) lies
    /// there, and what its blur adds would move the edge inwards.
    fn meets_bone(&self, peak: f32, end: usize) -> bool {
        let outside = &self.hu[AT_BORDER..end];
        let least = outside.iter().copied().fold(f32::INFINITY, f32::min);
        let last = outside.last().copied().unwrap_or(least);
        last - least > LEAST_CONTRAST_HU.max(RISES * (peak - least))
    }
    /// Where the density falls through `level` outwards of the cortex' peak: samples from the
    /// border. `None` where it does not.
    fn edge(&self, level: f32) -> Option<f32> {
        let end = CORTEX.end.min(self.free);
        let top = (CORTEX.start..end).max_by(|&a, &b| self.hu[a].total_cmp(&self.hu[b]))?;
        let n = (top..self.free - 1).find(|&n| self.hu[n + 1] < level)?;
        if self.hu[n] < level {
            return None;
        }
        let t = (self.hu[n] - level) / (self.hu[n] - self.hu[n + 1]);
        Some(n as f32 + t - AT_BORDER as f32)
    }
}

/// Means of values by place: what was added in a neighbourhood, weighted.
struct Means<const N: usize> {
    cell: f32,
    weight: Block,
    sums: [Block; N],
}

impl<const N: usize> Means<N> {
    fn over(field: &Block, cell: f32) -> Self {
        let empty = Block::filled(field.size.map(|n| (n as f32 / cell) as usize + 6), 0.0);
        Self { cell, weight: empty.clone(), sums: std::array::from_fn(|_| empty.clone()) }
    }
    fn place(&self, p: Vec3) -> Vec3 {
        p / self.cell + 2.0
    }
    fn add(&mut self, p: Vec3, weight: f32, values: [f32; N]) {
        let at = self.place(p).round().max(Vec3::ZERO).as_uvec3().to_array().map(|n| n as usize);
        if !self.weight.is_inner(at, 1) {
            return;
        }
        let at = self.weight.index(at);
        self.weight.values[at] += weight;
        for (sum, value) in self.sums.iter_mut().zip(values) {
            sum.values[at] += weight * value;
        }
    }
    fn smooth(&mut self, passes: usize) {
        self.weight.smooth(passes);
        self.sums.iter_mut().for_each(|sum| sum.smooth(passes));
    }
    fn at(&self, p: Vec3) -> Option<[f32; N]> {
        let p = self.place(p);
        let weight = self.weight.trilinear(p).filter(|&w| w > 1e-7)?;
        let mut values = [0.0; N];
        for (value, sum) in values.iter_mut().zip(&self.sums) {
            *value = sum.trilinear(p)? / weight;
        }
        Some(values)
    }
}

/// By place: the density half-way up the edge, the contrast there, and how far inwards of that
/// crossing the bone's edge lies, mm.
fn levels(border: &Border, lines: &[Line], shell: Option<Shell>) -> Means<3> {
    let mut means: Means<3> = Means::over(&border.inside_mm, LEVEL_CELL);
    // Nobody asks farther from the lines than in the cells next to theirs.
    let mut asked: Means<0> = Means::over(&border.inside_mm, LEVEL_CELL);
    // Sums hang on the order in which they are made; what goes into them does not.
    let seen: Vec<_> = lines.par_iter().map(Line::deep_peak_outside).collect();
    for (line, seen) in lines.iter().zip(seen) {
        asked.add(line.foot, 1.0, []);
        if let (deep, peak, Some(outside)) = seen {
            means.add(line.foot, 1.0, [deep, peak, outside]);
        }
    }
    means.smooth(LEVEL_SMOOTHING);
    asked.smooth(1);
    let Means { weight, sums: [deep, peak, outside], .. } = &mut means;
    let cells = weight.values.par_iter().zip(&mut deep.values).zip(&mut peak.values);
    let cells = cells.zip(&mut outside.values).zip(&asked.weight.values);
    cells.filter(|((((weight, _), _), _), asked)| **weight > 0.0 && **asked > 0.0).for_each(
        |((((weight, deep), peak), outside), _)| {
            let level = level([*deep, *peak, *outside].map(|sum| sum / weight), shell);
            [*deep, *peak, *outside] = level.map(|value| weight * value);
        },
    );
    means
}

/// What [`levels`] tells of a place, of the densities deep inside, at the peak, and outside.
fn level([deep, peak, outside]: [f32; 3], shell: Option<Shell>) -> [f32; 3] {
    let inwards = shell.map_or(0.0, |shell| {
        shell.inwards_mm(f64::from(outside), f64::from(deep), f64::from(peak)) as f32
    });
    [0.5 * (outside + peak), peak - outside, inwards]
}

/// How far outwards the border is to move, in mm, by place.
fn shifts(
    border: &Border,
    lines: &[Line],
    levels: &Means<3>,
    start: &Block,
    shell: Option<Shell>,
    step_mm: f32,
    pass: &Pass,
) -> Means<1> {
    // Blurring by sigma moves the edge of a body of mean curvature c inwards by sigma^2 c.
    let blur_mm2 = shell.map_or(0.0, |shell| (shell.sigma_mm * shell.sigma_mm) as f32);
    let mut shifts: Means<1> = Means::over(&border.inside_mm, SHIFT_CELL);
    let edge = |line: &Line| {
        levels
            .at(line.foot)
            .filter(|[_, contrast, _]| *contrast > LEAST_CONTRAST_HU)
            .and_then(|[level, _, inwards]| Some(line.edge(level)? * step_mm - inwards))
    };
    let edges: Vec<_> = lines.par_iter().map(edge).collect();
    for (line, edge) in lines.iter().zip(edges) {
        match edge {
            Some(edge) => {
                shifts.add(line.foot, 1.0, [edge + blur_mm2 * line.curvature]);
            }
            None => {
                let back = start.values[line.node] - border.inside_mm.values[line.node];
                shifts.add(line.foot, LABEL_WEIGHT, [back]);
            }
        }
    }
    shifts.smooth(pass.shift_smoothing);
    shifts
}

fn move_border(border: &mut Border, room: &mut Vec<f32>, start: &Block, shifts: &Means<1>) {
    let (node_mm, voxel_mm) = (border.node_mm, border.voxel_mm);
    border.inside_mm.remake(room, |old, at, node| {
        let value = old.values[at];
        if value.abs() > 2.6 || !start.is_inner(node, 2) {
            return value;
        }
        let Some((foot, out)) = foot(old, node_mm, at, node) else { return value };
        let Some([shift]) = shifts.at(foot) else { return value };
        let reach = REACH_VOXELS * (out * voxel_mm).length();
        (value + shift).clamp(start.values[at] - reach, start.values[at] + reach)
    });
}

/// What lies inside another vertebra's border is outside this one.
fn end_at_others(border: &mut Border) {
    if let Some(others) = &border.others_mm {
        let pairs = border.inside_mm.values.par_iter_mut().zip(&others.values);
        pairs.for_each(|(value, other)| *value = value.min(-other));
    }
}

/// Mean profiles of the border's good lines in three groups by how bright their cortex is.
fn mean_profiles(lines: &[Line], step_mm: f32) -> Vec<MeanProfile> {
    const GROUPS: usize = 3;
    const LEAST_LINES: usize = 30;
    let mut good: Vec<(f32, f32, f32, &Line)> = lines
        .par_iter()
        .filter(|line| line.free == SAMPLES && line.curvature.abs() < 0.1)
        .filter_map(|line| {
            let (deep, peak, outside) = line.deep_peak_outside();
            let outside = outside?;
            let rise = peak - outside;
            let is_shell = deep - outside < 0.6 * rise
                && line.hu[DEEP].iter().all(|hu| hu - outside < 0.75 * rise);
            let half = line.edge(0.5 * (peak + outside))?;
            (rise > 2.0 * LEAST_CONTRAST_HU && is_shell).then_some((peak, half, outside, line))
        })
        .collect();
    good.sort_by(|a, b| a.0.total_cmp(&b.0));
    if good.len() < GROUPS * LEAST_LINES {
        return Vec::new();
    }
    good.chunks(good.len().div_ceil(GROUPS))
        .filter_map(|group| mean_profile(group, step_mm))
        .collect()
}

/// The mean of lines laid over each other at their half-way crossings.
fn mean_profile(group: &[(f32, f32, f32, &Line)], step_mm: f32) -> Option<MeanProfile> {
    const INWARDS: i32 = 9;
    const OUTWARDS: i32 = 5;
    let mut sums = vec![0.0f64; (INWARDS + OUTWARDS + 1) as usize];
    let mut count = 0.0;
    let (mut outside_hu, mut inside_hu) = (0.0, 0.0);
    for (_, half, outside, line) in group {
        let first = AT_BORDER as f32 + half - INWARDS as f32;
        if first < 0.0 || (first as usize) + sums.len() + 1 > SAMPLES {
            continue;
        }
        let (n, t) = (first as usize, first.fract());
        for (m, sum) in sums.iter_mut().enumerate() {
            let (a, b) = (line.hu[n + m], line.hu[n + m + 1]);
            *sum += f64::from(a + (b - a) * t);
        }
        outside_hu += f64::from(*outside);
        inside_hu += f64::from(line.deep_peak_outside().0);
        count += 1.0;
    }
    if count < 10.0 {
        return None;
    }
    let hu: Vec<f64> = sums.iter().map(|sum| sum / count).collect();
    let positions_mm = (-INWARDS..=OUTWARDS).map(|n| f64::from(n) * f64::from(step_mm)).collect();
    let peak_hu = peak_between(&hu);
    Some(MeanProfile {
        positions_mm,
        hu,
        outside_hu: outside_hu / count,
        inside_hu: inside_hu / count,
        peak_hu,
    })
}

/// The maximum of a parabola through the largest sample and its neighbours.
fn peak_between(hu: &[f64]) -> f64 {
    let top = (0..hu.len()).max_by(|&a, &b| hu[a].total_cmp(&hu[b])).unwrap_or(0);
    if top == 0 || top + 1 >= hu.len() {
        return hu.get(top).copied().unwrap_or(0.0);
    }
    let (a, b, c) = (hu[top - 1], hu[top], hu[top + 1]);
    let bend = a - 2.0 * b + c;
    if bend < 0.0 { b - (a - c) * (a - c) / (8.0 * bend) } else { b }
}
