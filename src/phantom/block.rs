//! One block of voxels after the other: what is far from a block is not asked about its voxels.

use super::bone::{Bone, Nearby};
use super::metal::Metal;
use super::noise::{gauss, lattice, mix, phi};
use super::shape::STEEPEST;
use super::soft::{self, Soft};
use super::tissue::AIR_HU;
use super::{Phantom, Scan, Structure};
use crate::labels::numbering::verse_value;
use crate::space::{Dir, Patient, Point};
use crate::volume::Grid;
use glam::{DMat3, DVec3};
use ndarray::ArrayViewMut3;
use std::ops::Range;

/// Voxels along an edge of a block.
pub(super) const SIDE: usize = 4;
/// Slices thicker than this are made of thinner ones, mm.
const THICK_MM: f64 = 1.2;

/// What is recorded, on which grid, by what.
pub(super) struct Scene<'a> {
    phantom: &'a Phantom,
    grid: &'a Grid,
    scan: Scan,
    /// False where nobody asks for HU: names alone are made then.
    has_hu: bool,
    /// Steps from voxel to voxel; the last one is that of a thin slice.
    cell: DMat3,
    /// Middles of the thin slices that make up a voxel, against its own middle.
    thin: Vec<DVec3>,
    /// Where an edge is felt no more, mm.
    reach_mm: f64,
    /// Width of an edge in soft tissue, mm.
    soft_sigma_mm: f64,
    noise_seed: u64,
}

/// The slices to fill.
pub(super) struct Out<'a> {
    pub(super) ct: ArrayViewMut3<'a, i16>,
    pub(super) labels: ArrayViewMut3<'a, u16>,
    pub(super) structures: ArrayViewMut3<'a, u16>,
}

/// A bone that is felt in a block: what a voxel in it counts as in the labels and the structures.
struct Felt<'a> {
    bone: Nearby<'a>,
    label: u16,
    structure: u16,
}

/// What is felt in one block.
struct Around<'a> {
    bones: Vec<Felt<'a>>,
    soft: Vec<&'a Soft>,
    metal: Vec<&'a Metal>,
}

impl Around<'_> {
    /// What each bone's function says at a point, in place of what was there.
    fn values(&self, p: Point<Patient>, values: &mut Vec<f64>) {
        values.clear();
        values.extend(self.bones.iter().map(|felt| felt.bone.value(p)));
    }
}

impl<'a> Scene<'a> {
    pub(super) fn new(phantom: &'a Phantom, grid: &'a Grid, has_hu: bool) -> Self {
        let scan = phantom.spec().scan;
        let step = grid.patient_from_voxel().map().matrix3;
        let spacing = step.z_axis.length();
        let thick = scan.slice_mm.unwrap_or(spacing).max(1e-3);
        let count = if thick > THICK_MM { thick.ceil() as usize } else { 1 };
        let along = step.z_axis / spacing * thick;
        let share = |n: usize| (n as f64 + 0.5) / count as f64 - 0.5;
        let thin = (0..count).map(|n| along * share(n)).collect();
        let cell = DMat3::from_cols(step.x_axis, step.y_axis, along / count as f64);
        let widest = [cell.x_axis, cell.y_axis, cell.z_axis].map(DVec3::length_squared);
        let widest = widest.into_iter().fold(0.0, f64::max) / 12.0;
        let sigma = (scan.blur_sigma_mm.powi(2) + widest).sqrt();
        let mut scene = Self {
            phantom,
            grid,
            scan,
            has_hu,
            cell,
            thin,
            // Three deviations of the widest edge there can be.
            reach_mm: STEEPEST * 3.0 * sigma,
            soft_sigma_mm: 0.0,
            noise_seed: mix(phantom.spec().seed),
        };
        scene.soft_sigma_mm = scene.edge_sigma_mm(DVec3::ONE.normalize());
        scene
    }
    /// Width of an edge with this normal: the scanner's blur and the voxel's cell seen along it (a
    /// box of length s has the variance s²/12).
    fn edge_sigma_mm(&self, normal: DVec3) -> f64 {
        let cell = self.cell.transpose() * normal;
        (self.scan.blur_sigma_mm.powi(2) + cell.length_squared() / 12.0).sqrt().max(1e-6)
    }
    /// What is felt within `radius_mm` of a point.
    fn around(&self, middle: Point<Patient>, radius_mm: f64) -> Around<'a> {
        let phantom = self.phantom;
        let vertebrae = phantom.bones.iter().map(|bone| (bone, verse_value(bone.level()), 0));
        let others = phantom.others.iter().map(|other| (&other.bone, 0, other.structure.value()));
        let bones = vertebrae.chain(others).filter_map(|(bone, label, structure)| {
            let bone = self.near(bone, middle, radius_mm)?;
            Some(Felt { bone, label, structure })
        });
        let metal = phantom.metal.iter().filter(|metal| {
            metal.form.depth_mm(middle.vec()) > -(STEEPEST * radius_mm + self.reach_mm)
        });
        Around {
            bones: bones.collect(),
            soft: soft::felt(&phantom.soft, middle.vec(), radius_mm, self.reach_mm),
            metal: metal.collect(),
        }
    }
    fn near(&self, bone: &'a Bone, middle: Point<Patient>, radius_mm: f64) -> Option<Nearby<'a>> {
        let local = bone.patient_from_vertebra().inverse().point(middle).vec();
        let [low, high] = bone.bounds();
        let room = DVec3::splat(radius_mm + self.reach_mm);
        let is_near = local.cmpge(low - room).all() && local.cmple(high + room).all();
        let least = -(STEEPEST * radius_mm + self.reach_mm);
        // The foot of a point near the surface may lie outside the block.
        let felt_mm = radius_mm + STEEPEST * self.scan.cortex_mm + 2.0;
        (is_near && bone.local_value(local) > least).then(|| bone.near(middle, felt_mm))
    }
    /// HU at a point where the bones have these values, without noise.
    fn hu(&self, around: &Around<'_>, p: Point<Patient>, values: &[f64]) -> f64 {
        let (mut cover, mut hu) = (0.0, 0.0);
        for (felt, &value) in around.bones.iter().zip(values) {
            if value >= -self.reach_mm {
                let [share, brings] = self.bone_share(&felt.bone, p, value);
                (cover, hu) = (cover + share, hu + brings);
            }
        }
        if cover < 1.0 {
            hu += (1.0 - cover) * self.paint(AIR_HU, &around.soft, p.vec());
        }
        around.metal.iter().fold(hu, |below, metal| {
            below + (metal.hu - below) * phi(metal.form.depth_mm(p.vec()) / self.soft_sigma_mm)
        })
    }
    /// The mean over the thin slices that make up a voxel; `values` are those at its middle.
    fn mean_hu(&self, around: &Around<'_>, p: Point<Patient>, values: &mut Vec<f64>) -> f64 {
        if self.thin.len() == 1 {
            return self.hu(around, p, values);
        }
        let thin = self.thin.iter().map(|d| {
            let p = p + Dir::from_vec(*d);
            around.values(p, values);
            self.hu(around, p, values)
        });
        thin.sum::<f64>() / self.thin.len() as f64
    }
    fn paint(&self, ground: f64, soft: &[&Soft], p: DVec3) -> f64 {
        soft.iter().fold(ground, |below, layer| {
            below + (layer.hu - below) * phi(layer.form.depth_mm(p) / self.soft_sigma_mm)
        })
    }
    /// How much of a voxel this bone fills, and the HU that it brings.
    fn bone_share(&self, bone: &Nearby<'_>, p: Point<Patient>, value: f64) -> [f64; 2] {
        let scan = &self.scan;
        let cancellous = if scan.texture_hu == 0.0 {
            scan.cancellous_hu
        } else {
            scan.cancellous_hu + scan.texture_hu * lattice(self.noise_seed, p.vec() / 1.7)
        };
        if value > STEEPEST * scan.cortex_mm + self.reach_mm {
            return [1.0, cancellous];
        }
        let (distance, normal) = bone.quick_distance_mm(p);
        let sigma = self.edge_sigma_mm(normal);
        let outer = phi(distance / sigma);
        let inner = phi((distance - scan.cortex_mm) / sigma);
        [outer, scan.cortex_hu * (outer - inner) + cancellous * inner]
    }
    /// Label and structure at a voxel's middle, where the bones have these values.
    fn names(&self, around: &Around<'_>, p: Point<Patient>, values: &[f64]) -> [u16; 2] {
        let is_metal = around.metal.iter().any(|metal| metal.form.depth_mm(p.vec()) >= 0.0);
        let bone = around.bones.iter().zip(values).find(|(_, value)| **value >= 0.0);
        let [label, structure] = bone.map_or([0, 0], |(felt, _)| [felt.label, felt.structure]);
        if is_metal {
            return [label, Structure::Metal.value()];
        }
        if bone.is_some() {
            return [label, structure];
        }
        let top = around.soft.iter().rev().find(|layer| layer.form.depth_mm(p.vec()) >= 0.0);
        [0, top.and_then(|layer| layer.structure).map_or(0, Structure::value)]
    }
}

/// Fills the slices from `first` on.
pub(super) fn slab(scene: &Scene<'_>, first: usize, mut out: Out<'_>) {
    let [ni, nj, _] = scene.grid.size();
    let slices = out.ct.dim().0;
    for j in (0..nj).step_by(SIDE) {
        for i in (0..ni).step_by(SIDE) {
            let block = [i..(i + SIDE).min(ni), j..(j + SIDE).min(nj), first..first + slices];
            fill(scene, first, block, &mut out);
        }
    }
}

fn fill(scene: &Scene<'_>, first: usize, block: [Range<usize>; 3], out: &mut Out<'_>) {
    let [ni, nj, _] = scene.grid.size();
    let ends = [block.each_ref().map(|r| r.start), block.each_ref().map(|r| r.end - 1)];
    let [low, high] = ends.map(|index| scene.grid.centre(index));
    let middle = low.lerp(high, 0.5);
    let half = DVec3::new(0.5, 0.5, 0.5) * SIDE as f64;
    let steps = scene.grid.patient_from_voxel().map().matrix3;
    let reach = [steps.x_axis * half.x, steps.y_axis * half.y, steps.z_axis * half.z];
    let thin = scene.thin.last().map_or(0.0, |d| d.length());
    let radius_mm = reach.iter().map(|d| d.length()).sum::<f64>().min(diagonal(reach)) + thin;
    let around = scene.around(middle, radius_mm);
    let plain = plain_hu(scene, &around, middle, radius_mm);
    let mut values = Vec::with_capacity(around.bones.len());
    for k in block[2].clone() {
        for j in block[1].clone() {
            for i in block[0].clone() {
                let at = [k - first, j, i];
                let p = scene.grid.centre([i, j, k]);
                let names = match plain {
                    Some((_, structure)) => [0, structure],
                    None => {
                        around.values(p, &mut values);
                        scene.names(&around, p, &values)
                    }
                };
                [out.labels[at], out.structures[at]] = names;
                if !scene.has_hu {
                    continue;
                }
                let hu = match plain {
                    Some((hu, _)) => hu,
                    None => scene.mean_hu(&around, p, &mut values),
                };
                let count = ((k * nj + j) * ni + i) as u64;
                let noise = scene.scan.noise_hu * gauss(scene.noise_seed ^ count);
                out.ct[at] = (hu + noise).round().clamp(-1024.0, 3071.0) as i16;
            }
        }
    }
}

/// The longest way from the middle of a block to a corner, mm.
fn diagonal([a, b, c]: [DVec3; 3]) -> f64 {
    let corners = [a + b + c, a + b - c, a - b + c, a - b - c];
    corners.map(DVec3::length).into_iter().fold(0.0, f64::max)
}

/// HU and structure of a block in which nothing changes.
fn plain_hu(
    scene: &Scene<'_>,
    around: &Around<'_>,
    middle: Point<Patient>,
    radius_mm: f64,
) -> Option<(f64, u16)> {
    if !around.bones.is_empty() || !around.metal.is_empty() {
        return None;
    }
    match around.soft.as_slice() {
        [] => Some((AIR_HU, 0)),
        [only] => {
            let depth = only.form.depth_mm(middle.vec());
            let is_full = depth > STEEPEST * radius_mm + scene.reach_mm;
            is_full.then(|| (only.hu, only.structure.map_or(0, Structure::value)))
        }
        _ => None,
    }
}
