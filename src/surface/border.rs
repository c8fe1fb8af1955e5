//! The label's border made smooth, on a grid fine enough for the bone.
//!
//! In: the label volume and the vertebra. Out: a [`Border`]: nodes around the vertebra with a
//! field that is about the distance to the smoothed border in mm near it, positive inside.

use super::block::{Block, gauss_taps};
use crate::labels::{LabelMap, LabelledVertebra, stats};
use crate::space::Affine;
use crate::volume::marks::widen;
use crate::volume::{Grid, Volume};
use glam::{DAffine3, DMat3, DVec3, Vec3};
use ndarray::parallel::prelude::*;
use ndarray::{Array3, Axis};
use rayon::slice::ParallelSliceMut;
use sha2::{Digest, Sha256};
use std::f32::consts::PI;

/// Distance of neighbouring nodes in mm; down to half that for labels of finer voxels, and more
/// for a bone so large (the sacrum) that it would need more than so many nodes.
const NODE_MM: f64 = 0.6;
const MOST_NODES: f64 = 3e6;
const COARSEST_MM: f64 = 0.8;
/// Nodes beyond the label's voxels, so that the surface may move outwards, in mm.
const MARGIN_MM: f64 = 4.5;
/// Sigma of the smoothing in voxels: the least that hides the voxels' steps. The CT's edge needs a
/// smoother start, since what steps are left in it stay.
const SIGMA_LABEL_VOXELS: f64 = 0.8;
const SIGMA_CT_VOXELS: f64 = 1.0;
/// Farther from the border than this many sigmas the field is cut off.
const CUT_SIGMAS: f32 = 3.0;

/// A smooth start for the surface of one vertebra.
pub(super) struct Border {
    /// Where the nodes lie: axes at right angles, all spacings the same.
    pub grid: Grid,
    /// Distance of neighbouring nodes, mm.
    pub node_mm: f32,
    /// Distances of the label's voxels, mm.
    pub voxel_mm: Vec3,
    /// About the distance to the border where it is near, mm, positive inside the vertebra.
    pub inside_mm: Block,
    /// The same for all other vertebrae together, as far as they are in reach; `None` where none is, and
    /// where the CT moves nothing.
    pub others_mm: Option<Block>,
}

/// The label's border; `None` for a vertebra without a voxel. `is_start` for a border that the CT
/// will move.
pub(super) fn find(
    labels: &LabelMap,
    vertebra: &LabelledVertebra,
    is_start: bool,
) -> Option<Border> {
    let volume = &labels.volume;
    let (crop, grid, node_mm) = around(volume, vertebra.value, is_start)?;
    let of_itself = || {
        let inside = crop.smoothed(volume, |_, label| label == vertebra.value)?;
        Some((crop.on_nodes(&inside, node_mm), inside.values_of_label))
    };
    let of_others = || {
        let is_other = is_start.then(|| crop.others(labels, vertebra.value))?;
        Some(crop.on_nodes(&crop.smoothed(volume, is_other)?, node_mm))
    };
    let (of_itself, others_mm) = rayon::join(of_itself, of_others);
    let (mut inside_mm, voxels) = of_itself?;
    keep_volume(&mut inside_mm, node_mm, voxels as f64 * volume.grid().voxel_volume_mm3());
    let voxel_mm = DVec3::from_array(volume.grid().spacing_mm()).as_vec3();
    Some(Border { grid, node_mm: node_mm as f32, voxel_mm, inside_mm, others_mm })
}

/// Hash of all that a border is made from.
pub type MadeFrom = [u8; 32];

/// All of the labels that [`find`] reads, as a hash; `None` for a vertebra without a voxel.
pub(super) fn made_from(
    labels: &LabelMap,
    vertebra: &LabelledVertebra,
    is_start: bool,
) -> Option<MadeFrom> {
    let volume = &labels.volume;
    let (crop, grid, _) = around(volume, vertebra.value, is_start)?;
    let mut voxels = vec![0u8; crop.size.iter().product()];
    crop.for_each(volume, |at, label| voxels[at] = u8::from(label == vertebra.value));
    if is_start {
        let is_other = crop.others(labels, vertebra.value);
        crop.for_each(volume, |at, label| voxels[at] += 2 * u8::from(is_other(at, label)));
    }
    let mut hash = Sha256::new();
    for grid in [volume.grid(), &grid] {
        let map = grid.patient_from_voxel().map().to_cols_array();
        map.iter().for_each(|x| hash.update(x.to_le_bytes()));
        grid.size().iter().for_each(|n| hash.update(n.to_le_bytes()));
    }
    crop.origin.iter().for_each(|n| hash.update(n.to_le_bytes()));
    hash.update([u8::from(is_start)]);
    hash.update(&voxels);
    Some(hash.finalize().into())
}

/// The part of the labels around a vertebra, and the nodes around it with their distance, mm.
fn around(volume: &Volume<u16>, value: u16, is_start: bool) -> Option<(Crop, Grid, f64)> {
    let (lower, upper) = stats::bounds(volume, value)?;
    let [lower, upper] = [lower, upper].map(|end| end.map(|n| n as i64));
    let (grid, node_mm) = node_grid(volume.grid(), lower, upper)?;
    let sigma = if is_start { SIGMA_CT_VOXELS } else { SIGMA_LABEL_VOXELS };
    Some((Crop::new(volume, lower, upper, sigma, &grid)?, grid, node_mm))
}

/// How many voxels along i, j, k the smoothing and the nodes reach beyond a label.
pub(super) fn reach_voxels(labels: &Grid) -> [usize; 3] {
    reach(labels.spacing_mm(), &taps(labels, SIGMA_CT_VOXELS).1)
}

fn reach(spacing_mm: [f64; 3], taps: &[Vec<f32>; 3]) -> [usize; 3] {
    std::array::from_fn(|a| taps[a].len() + (MARGIN_MM / spacing_mm[a]).ceil() as usize + 1)
}

/// Sigma of the smoothing along i, j, k in mm, and its weights.
fn taps(labels: &Grid, sigma: f64) -> (DVec3, [Vec<f32>; 3]) {
    let spacing = DVec3::from_array(labels.spacing_mm());
    let mean = spacing.element_sum() / 3.0;
    // Along an axis of thick slices the steps are hidden by a wider smoothing; across it, by
    // one no finer than the mean, or the steps of the slices stay.
    let sigma_mm = spacing.max(DVec3::splat(0.75 * mean)) * sigma;
    (sigma_mm, [0, 1, 2].map(|a| gauss_taps(sigma_mm[a] / spacing[a])))
}

/// Nodes along the label's own axes, made perpendicular, around a box of its voxels.
fn node_grid(labels: &Grid, lower: [i64; 3], upper: [i64; 3]) -> Option<(Grid, f64)> {
    let map = labels.patient_from_voxel().map();
    let x = map.matrix3.x_axis.normalize();
    let y = map.matrix3.y_axis.reject_from_normalized(x).normalize();
    let z = x.cross(y) * labels.patient_from_voxel().determinant().signum();
    let turn = DMat3::from_cols(x, y, z);
    let [mut low, mut high] = [DVec3::INFINITY, DVec3::NEG_INFINITY];
    for corner in 0..8 {
        let pick = |a: usize| if corner >> a & 1 == 1 { upper[a] + 1 } else { lower[a] };
        let voxel = DVec3::new(pick(0) as f64, pick(1) as f64, pick(2) as f64) - 0.5;
        let p = turn.transpose() * map.transform_point3(voxel);
        (low, high) = (low.min(p), high.max(p));
    }
    let finest = labels.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
    let node_mm = if finest < NODE_MM { NODE_MM.min(finest).max(NODE_MM / 2.0) } else { NODE_MM };
    let box_mm3 = (high - low + 2.0 * MARGIN_MM).element_product();
    let node_mm = node_mm.max((box_mm3 / MOST_NODES).cbrt().min(COARSEST_MM));
    let origin = low - MARGIN_MM;
    let size = ((high + MARGIN_MM - origin) / node_mm).ceil().as_usizevec3() + 1;
    let map = DAffine3::from_mat3_translation(turn * node_mm, turn * origin);
    Some((Grid::new(size.to_array(), Affine::new(map)).ok()?, node_mm))
}

/// The part of the label volume that the smoothing needs; it may reach beyond the volume.
struct Crop {
    origin: [i64; 3],
    size: [usize; 3],
    /// How far it goes beyond the label's box, voxels.
    reach: [usize; 3],
    taps: [Vec<f32>; 3],
    sigma_mm: f32,
    crop_from_node: glam::Affine3A,
    nodes: [usize; 3],
}

/// Part of label within reach, 0 to 1, and how many voxels carry it.
struct Smoothed {
    part: Block,
    values_of_label: usize,
}

impl Crop {
    fn new(
        volume: &Volume<u16>,
        lower: [i64; 3],
        upper: [i64; 3],
        sigma: f64,
        nodes: &Grid,
    ) -> Option<Self> {
        let (sigma_mm, taps) = taps(volume.grid(), sigma);
        let reach = reach(volume.grid().spacing_mm(), &taps);
        let origin = std::array::from_fn(|a| lower[a] - reach[a] as i64);
        let size = std::array::from_fn(|a| (upper[a] - lower[a]) as usize + 1 + 2 * reach[a]);
        let crop_from_node =
            DAffine3::from_translation(-DVec3::from_array(origin.map(|n: i64| n as f64)))
                * volume.grid().voxel_from_patient().map()
                * nodes.patient_from_voxel().map();
        Some(Self {
            origin,
            size,
            reach,
            taps,
            sigma_mm: (sigma_mm.element_product()).cbrt() as f32,
            crop_from_node: affine_f32(crop_from_node),
            nodes: nodes.size(),
        })
    }
    /// Calls `visit` with the crop's index and the label of every voxel that the volume has.
    fn for_each(&self, volume: &Volume<u16>, mut visit: impl FnMut(usize, u16)) {
        let limit = volume.grid().size().map(|n| n as i64);
        let [range_i, range_j, range_k] = [0, 1, 2]
            .map(|a| self.origin[a].max(0)..(self.origin[a] + self.size[a] as i64).min(limit[a]));
        for k in range_k {
            let slab = volume.data().index_axis(Axis(0), k as usize);
            for j in range_j.clone() {
                let row = slab.index_axis_move(Axis(0), j as usize);
                let start = self.size[0]
                    * ((j - self.origin[1]) as usize
                        + self.size[1] * (k - self.origin[2]) as usize);
                for i in range_i.clone() {
                    visit(start + (i - self.origin[0]) as usize, row[i as usize]);
                }
            }
        }
    }
    /// Whether a voxel is another vertebra's and within reach of one of its own, by the crop's index and
    /// the label. The others that lie farther only share its box: what a person does there leaves it as it is.
    fn others(&self, labels: &LabelMap, own: u16) -> impl Fn(usize, u16) -> bool + Sync {
        let [ni, nj, nk] = self.size;
        let mut near = Array3::from_elem([nk, nj, ni], false);
        if let Some(near) = near.as_slice_mut() {
            self.for_each(&labels.volume, |at, label| near[at] = label == own);
        }
        widen(&mut near, self.reach);
        let near = near.into_raw_vec_and_offset().0;
        let values = labels.vertebrae.iter().map(|v| v.value);
        let others: Vec<u16> = values.filter(|&v| v != own).collect();
        move |at, label| label != 0 && near[at] && others.contains(&label)
    }
    /// `None` where no voxel is a part.
    fn smoothed(
        &self,
        volume: &Volume<u16>,
        is_part: impl Fn(usize, u16) -> bool,
    ) -> Option<Smoothed> {
        /// A voxel of the label keeps at least this share, so that thin bone is not smoothed away.
        const LEAST_INSIDE: f32 = 0.52;
        let mut members = Vec::new();
        self.for_each(volume, |at, label| {
            if is_part(at, label) {
                members.push(at);
            }
        });
        if members.is_empty() {
            return None;
        }
        let mut part = Block::filled(self.size, 0.0);
        members.iter().for_each(|&at| part.values[at] = 1.0);
        let [x, y, z] = &self.taps;
        part.convolve([x, y, z]);
        for &at in &members {
            part.values[at] = part.values[at].max(LEAST_INSIDE);
        }
        Some(Smoothed { part, values_of_label: members.len() })
    }
    /// The share told as a distance, on the nodes.
    fn on_nodes(&self, smoothed: &Smoothed, node_mm: f64) -> Block {
        let mut nodes = Block::filled(self.nodes, 0.0);
        let [ni, nj, _] = self.nodes;
        let step = Vec3::from(self.crop_from_node.matrix3.x_axis);
        nodes.values.par_chunks_mut(ni * nj).enumerate().for_each(|(k, slab)| {
            for (j, row) in slab.chunks_mut(ni).enumerate() {
                let start =
                    self.crop_from_node.transform_point3(Vec3::new(0.0, j as f32, k as f32));
                smoothed.part.sample_row(start, step, row);
                row.iter_mut().for_each(|part| *part = self.distance_mm(*part));
            }
        });
        even_out(&mut nodes, &mut Vec::new(), node_mm as f32, CUT_SIGMAS * self.sigma_mm);
        nodes
    }
    /// How far inside a flat border a share of `part` is found: sigma times the inverse of the
    /// normal distribution, here by the logistic curve of the same slope in the middle.
    fn distance_mm(&self, part: f32) -> f32 {
        const LEAST: f32 = 1e-3;
        if !(LEAST..=1.0 - LEAST).contains(&part) {
            return CUT_SIGMAS * self.sigma_mm * (part - 0.5).signum();
        }
        self.sigma_mm * (part / (1.0 - part)).ln() * (2.0 * PI).sqrt() / 4.0
    }
}

pub(super) fn affine_f32(map: DAffine3) -> glam::Affine3A {
    map.as_affine3a()
}

/// Divides the field by its slope near zero, so that it grows by 1 per mm there. `room` is room for
/// the values, as in [`Block::remake`].
pub(super) fn even_out(field: &mut Block, room: &mut Vec<f32>, node_mm: f32, cut_mm: f32) {
    field.remake(room, |old, at, node| {
        let mut even = old.values[at];
        if even.abs() < cut_mm && old.is_inner(node, 1) {
            let slope = old.gradient(at).length() / node_mm;
            even /= slope.max(0.2);
        }
        even.clamp(-cut_mm, cut_mm)
    });
}

/// Moves the zero of a field that grows by 1 per mm so that it encloses `volume_mm3`.
fn keep_volume(field: &mut Block, node_mm: f64, volume_mm3: f64) {
    const BIN_MM: f32 = 0.01;
    const REACH_MM: f32 = 1.0;
    let bins = (2.0 * REACH_MM / BIN_MM) as usize;
    let mut counts = vec![0usize; bins];
    let mut inside = 0usize;
    for &value in &field.values {
        if value >= REACH_MM {
            inside += 1;
        } else if value > -REACH_MM {
            counts[((value + REACH_MM) / BIN_MM) as usize % bins] += 1;
        }
    }
    let wanted = volume_mm3 / node_mm.powi(3);
    let mut level = REACH_MM;
    for count in counts.iter().rev() {
        if inside as f64 >= wanted {
            break;
        }
        inside += count;
        level -= BIN_MM;
    }
    if level > -REACH_MM + BIN_MM && level < REACH_MM {
        field.values.par_iter_mut().for_each(|value| *value -= level);
    }
}
