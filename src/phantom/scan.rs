//! What a scanner would record: tissue in HU, partial volume, blur and noise; and the labels.
//!
//! A voxel averages over its cell and the scanner blurs besides; together that is close to a
//! Gaussian, so an edge at signed distance d shows as `Phi(d / sigma)` with sigma from the voxel's
//! size across the edge and from the blur. The half-way value lies exactly on the surface.

use super::Phantom;
use super::bone::{Bone, Nearby};
use super::shape::STEEPEST;
use super::sizes::{mix, unit};
use crate::labels::{LabelMap, LabelledVertebra, Level, VertebraId, stats};
use crate::space::{Patient, Point};
use crate::volume::{Grid, Volume};
use crate::work::on_pool;
use glam::DVec3;
use ndarray::parallel::prelude::*;
use ndarray::{ArrayViewMut2, Axis};

/// Radius of the bead, mm.
pub const BEAD_RADIUS_MM: f64 = 4.0;
/// HU of the bead.
pub const BEAD_HU: f64 = 2800.0;
/// How far behind the end plate of S1 the skin lies in the midline, mm.
pub(super) const SKIN_BEHIND_MM: f64 = 84.0;

/// Tissue and scanner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scan {
    /// Thickness of the cortical shell, mm.
    pub cortex_mm: f64,
    /// HU of the cortical shell.
    pub cortex_hu: f64,
    /// HU of the cancellous bone inside it.
    pub cancellous_hu: f64,
    /// Standard deviation of the scanner's blur, mm; the voxel's own averaging comes on top.
    pub blur_sigma_mm: f64,
    /// Standard deviation of the noise, HU.
    pub noise_hu: f64,
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            cortex_mm: 1.4,
            cortex_hu: 900.0,
            cancellous_hu: 180.0,
            blur_sigma_mm: 0.3,
            noise_hu: 12.0,
        }
    }
}

const AIR_HU: f64 = -1000.0;
const FAT_HU: f64 = -95.0;
const SOFT_HU: f64 = 45.0;
const DISC_HU: f64 = 85.0;
const CANAL_HU: f64 = 15.0;

/// CT and labels of the phantom on a grid, in one pass.
pub(super) fn images(phantom: &Phantom, grid: &Grid) -> (Volume<i16>, LabelMap) {
    let mut ct = Volume::from_fn(grid.clone(), |_| 0i16);
    let mut labels = Volume::from_fn(grid.clone(), |_| 0u16);
    on_pool(|| {
        let ct = ct.data_mut().axis_iter_mut(Axis(0)).into_par_iter();
        let labels = labels.data_mut().axis_iter_mut(Axis(0)).into_par_iter();
        ct.zip(labels)
            .enumerate()
            .for_each(|(k, (mut ct, mut labels))| slab(phantom, grid, k, &mut ct, &mut labels));
    });
    (ct, name(phantom, labels))
}

/// One slab of both.
fn slab(
    phantom: &Phantom,
    grid: &Grid,
    k: usize,
    ct: &mut ArrayViewMut2<i16>,
    labels: &mut ArrayViewMut2<u16>,
) {
    let scan = phantom.spec().scan;
    let [ni, nj, _] = grid.size();
    // Three deviations of the widest edge there can be.
    let widest = grid.spacing_mm().into_iter().fold(0.0, f64::max);
    let reach = STEEPEST * 3.0 * (scan.blur_sigma_mm.powi(2) + widest * widest / 12.0).sqrt();
    // Per voxel: how much of it is bone, and the HU that this bone brings.
    let mut bone = vec![[0.0f64; 2]; ni * nj];
    for one in phantom.bones() {
        visit(one, grid, k, reach, |[i, j], p, value, nearby| {
            let [cover, hu] = bone_share(nearby, &scan, grid, p, value, reach);
            let voxel = &mut bone[j * ni + i];
            *voxel = [voxel[0] + cover, voxel[1] + hu];
            if value >= 0.0 {
                labels[[j, i]] = label_value(one.level());
            }
        });
    }
    let seed = mix(phantom.spec().seed);
    let sigma = edge_sigma_mm(&scan, grid, DVec3::ONE.normalize());
    for ((j, i), out) in ct.indexed_iter_mut() {
        let [cover, mut hu] = bone[j * ni + i];
        if cover < 1.0 {
            hu += (1.0 - cover) * background(phantom, sigma, grid.centre([i, j, k]));
        }
        let count = ((k * nj + j) * ni + i) as u64;
        hu += scan.noise_hu * gauss(seed ^ count);
        *out = hu.round().clamp(-1024.0, 3071.0) as i16;
    }
}

/// Names the values of a label volume.
fn name(phantom: &Phantom, volume: Volume<u16>) -> LabelMap {
    let found = stats::of(&volume);
    let vertebrae = phantom.bones().iter().filter_map(|bone| {
        let value = label_value(bone.level());
        found.get(&value).map(|stats| LabelledVertebra {
            id: VertebraId::of_label("phantom", value),
            level: bone.level(),
            value,
            is_cut_off: stats.is_cut_off(),
        })
    });
    let vertebrae = vertebrae.collect();
    LabelMap { volume, vertebrae }
}

/// VerSe's number of a level the phantom has.
fn label_value(level: Level) -> u16 {
    let number = u16::from(level.number());
    match level.region() {
        'C' => number,
        'T' if number == 13 => 28,
        'T' => 7 + number,
        'L' => 19 + number,
        _ => 26,
    }
}

/// Calls `see` for the voxels of slab `k` within about `reach_mm` of the bone or inside it, with
/// the bone's value there and the part of the bone that is felt there. Squares of voxels whose
/// middle is too far off are passed over.
fn visit(
    bone: &Bone,
    grid: &Grid,
    k: usize,
    reach_mm: f64,
    mut see: impl FnMut([usize; 2], Point<Patient>, f64, &Nearby),
) {
    const BLOCK: usize = 6;
    let [ni, nj, _] = grid.size();
    let [si, sj, _] = grid.spacing_mm();
    let radius = BLOCK as f64 / 2.0 * (si + sj);
    let [low, high] = bone.bounds();
    let room = DVec3::splat(radius + reach_mm);
    let vertebra_from_patient = bone.patient_from_vertebra().inverse();
    let blocks = (0..nj).step_by(BLOCK).flat_map(|j| (0..ni).step_by(BLOCK).map(move |i| (j, i)));
    for (j0, i0) in blocks {
        let (j1, i1) = ((j0 + BLOCK).min(nj), (i0 + BLOCK).min(ni));
        let middle = grid.centre([(i0 + i1) / 2, (j0 + j1) / 2, k]);
        let local = vertebra_from_patient.point(middle).vec();
        let is_near = local.cmpge(low - room).all() && local.cmple(high + room).all();
        if !is_near || bone.value(middle) < -(STEEPEST * radius + reach_mm) {
            continue;
        }
        let nearby = bone.near(middle, radius);
        for (j, i) in (j0..j1).flat_map(|j| (i0..i1).map(move |i| (j, i))) {
            let p = grid.centre([i, j, k]);
            let value = nearby.value(p);
            if value >= -reach_mm {
                see([i, j], p, value, &nearby);
            }
        }
    }
}

/// How much of a voxel this bone fills, and the HU that it brings. `reach_mm` is where an edge is
/// felt no more.
fn bone_share(
    bone: &Nearby,
    scan: &Scan,
    grid: &Grid,
    p: Point<Patient>,
    value: f64,
    reach_mm: f64,
) -> [f64; 2] {
    if value > STEEPEST * scan.cortex_mm + reach_mm {
        return [1.0, scan.cancellous_hu];
    }
    let (distance, normal) = bone.quick_distance_mm(p);
    let sigma = edge_sigma_mm(scan, grid, normal);
    let outer = phi(distance / sigma);
    let inner = phi((distance - scan.cortex_mm) / sigma);
    [outer, scan.cortex_hu * (outer - inner) + scan.cancellous_hu * inner]
}

/// Width of an edge with this normal: the scanner's blur and the voxel's cell seen along it (a box
/// of length s has the variance s²/12).
fn edge_sigma_mm(scan: &Scan, grid: &Grid, normal: DVec3) -> f64 {
    let cell = grid.patient_from_voxel().map().matrix3.transpose() * normal;
    (scan.blur_sigma_mm.powi(2) + cell.length_squared() / 12.0).sqrt().max(1e-6)
}

/// HU where there is no bone; `sigma` is the width of an edge, mm.
fn background(phantom: &Phantom, sigma: f64, p: Point<Patient>) -> f64 {
    let over = |below: f64, hu: f64, depth_mm: f64| below + (hu - below) * phi(depth_mm / sigma);
    let mut hu = AIR_HU;
    let skin = skin_depth_mm(phantom, p);
    hu = over(hu, SOFT_HU, skin);
    hu = over(hu, FAT_HU, skin - 1.8);
    hu = over(hu, SOFT_HU, skin - 15.0);
    if skin < 20.0 {
        return hu;
    }
    for disc in &phantom.discs {
        let local = disc.vertebra_from_patient.point(p).vec();
        if local.length_squared() < disc.radius_mm * disc.radius_mm {
            hu = over(hu, DISC_HU, disc.shape.value(local.to_array()));
        }
    }
    hu = over(hu, CANAL_HU, canal_depth_mm(phantom, p));
    if phantom.spec().bead_left {
        hu = over(hu, super::BEAD_HU, BEAD_RADIUS_MM - p.distance(phantom.bead()));
    }
    hu
}

/// Depth under the skin, roughly, mm; negative in the air. The trunk is an ellipse.
fn skin_depth_mm(phantom: &Phantom, p: Point<Patient>) -> f64 {
    const HALF: [f64; 2] = [165.0, 112.0];
    let plate = phantom.spec().sacral_plate.vec();
    let q = p.vec() - plate - DVec3::new(0.0, SKIN_BEHIND_MM - HALF[1], 0.0);
    (1.0 - (q.x / HALF[0]).hypot(q.y / HALF[1])) * HALF[1]
}

/// Depth inside the dural sac, a tube through the canals; negative outside it, mm.
fn canal_depth_mm(phantom: &Phantom, p: Point<Patient>) -> f64 {
    const RADIUS_MM: f64 = 7.5;
    let nearest = phantom.canal.windows(2).map(|pair| {
        let (a, along) = (pair[0].vec(), (pair[1] - pair[0]).vec());
        let t = ((p.vec() - a).dot(along) / along.length_squared().max(1e-9)).clamp(-0.6, 1.6);
        p.vec().distance_squared(a + along * t)
    });
    RADIUS_MM - nearest.fold(f64::INFINITY, f64::min).sqrt()
}

/// The normal distribution's cumulative function; within 2e-7 (Abramowitz and Stegun 7.1.26).
fn phi(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    if z > 4.0 {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let series = t
        * (0.254_829_592
            + t * (-0.284_496_736
                + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let tail = 0.5 * series * (-z * z).exp();
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// A number of mean 0 and deviation 1, close to normal, that depends on `x` alone: the sum of four
/// equal shares.
fn gauss(x: u64) -> f64 {
    let (a, b) = (mix(x), mix(x ^ 0x5bd1_e995_0000_0001));
    let half = |h: u64| (h & 0xffff_ffff) as f64 / 4_294_967_296.0;
    let sum = unit(a) + half(a) + unit(b) + half(b);
    (sum - 2.0) * 3f64.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phi_is_the_normal_distribution() {
        for (x, want) in [(0.0, 0.5), (1.0, 0.841_344_746), (-2.0, 0.022_750_132), (9.0, 1.0)] {
            assert!((phi(x) - want).abs() < 3e-7, "{x}");
        }
    }

    #[test]
    fn noise_has_mean_zero_and_deviation_one() {
        let n = 100_000;
        let (sum, squares) = (0..n).map(gauss).fold((0.0, 0.0), |(s, q), x| (s + x, q + x * x));
        assert!((sum / n as f64).abs() < 0.02);
        assert!((squares / n as f64 - 1.0).abs() < 0.02);
    }
}
