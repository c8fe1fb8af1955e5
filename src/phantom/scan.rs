//! What a scanner would record: tissue in HU, partial volume, blur and noise; and the labels.
//!
//! A voxel averages over its cell and the scanner blurs besides; together that is close to a
//! Gaussian, so an edge at signed distance d shows as `Phi(d / sigma)` with sigma from the voxel's
//! size across the edge and from the blur. The half-way value lies exactly on the surface. A slice
//! thicker than a millimetre is the mean of thinner ones.

use super::block::{self, Scene};
use super::metal;
use super::{Phantom, Structure};
use crate::labels::numbering::verse_value;
use crate::labels::{LabelMap, LabelledVertebra, VertebraId, stats};
use crate::volume::{Grid, Volume};
use crate::work::{Cancelled, Work, on_pool};
use ndarray::Axis;
use ndarray::parallel::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Radius of the bead, mm.
pub const BEAD_RADIUS_MM: f64 = 4.0;
/// HU of the bead.
pub const BEAD_HU: f64 = 2800.0;

/// Bone and scanner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scan {
    /// Thickness of the cortical shell, mm.
    pub cortex_mm: f64,
    /// HU of the cortical shell.
    pub cortex_hu: f64,
    /// HU of the cancellous bone inside it: about 180 in a healthy adult, under 110 where it is
    /// osteoporotic.
    pub cancellous_hu: f64,
    /// How much the cancellous bone varies from place to place, HU; 0 for none.
    pub texture_hu: f64,
    /// Standard deviation of the scanner's blur, mm; the voxel's own averaging comes on top.
    pub blur_sigma_mm: f64,
    /// Standard deviation of the noise, HU.
    pub noise_hu: f64,
    /// Thickness of a slice, mm, whatever the distance of slices; `None` for just that.
    pub slice_mm: Option<f64>,
    /// Streaks around metal; without them metal is bright and nothing else.
    pub streaks: bool,
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            cortex_mm: 1.4,
            cortex_hu: 900.0,
            cancellous_hu: 180.0,
            texture_hu: 0.0,
            blur_sigma_mm: 0.3,
            noise_hu: 12.0,
            slice_mm: None,
            streaks: true,
        }
    }
}

/// What was recorded on one grid.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The CT, HU.
    pub ct: Volume<i16>,
    /// The vertebrae, numbered like VerSe's.
    pub labels: LabelMap,
    /// Everything else: [`Structure`] by its value.
    pub structures: Volume<u16>,
    /// How long the streaks took; zero where there is no metal.
    pub streaks_took: Duration,
}

/// Records CT, labels and structures. The same phantom and grid give the same bytes on any number
/// of threads: every voxel is made from its own place alone.
pub(super) fn record(phantom: &Phantom, grid: &Grid, work: &Work) -> Result<Recorded, Cancelled> {
    let mut recorded = named(phantom, grid, true, work)?;
    let started = Instant::now();
    if phantom.spec().scan.streaks && !phantom.metal.is_empty() {
        work.step("streaks", 0.0)?;
        let Recorded { ct, structures, .. } = &mut recorded;
        on_pool(|| metal::add_streaks(ct, structures, Structure::Metal.value(), work))?;
        recorded.streaks_took = started.elapsed();
    }
    Ok(recorded)
}

/// Records without streaks; without `has_hu` labels and structures alone, in a fraction of the time,
/// the CT being 0.
pub(super) fn named(
    phantom: &Phantom,
    grid: &Grid,
    has_hu: bool,
    work: &Work,
) -> Result<Recorded, Cancelled> {
    work.step("scanning", 0.0)?;
    let mut ct = Volume::from_fn(grid.clone(), |_| 0i16);
    let mut labels = Volume::from_fn(grid.clone(), |_| 0u16);
    let mut structures = Volume::from_fn(grid.clone(), |_| 0u16);
    let scene = Scene::new(phantom, grid, has_hu);
    let (done, slices) = (AtomicUsize::new(0), grid.size()[2].max(1));
    on_pool(|| {
        let ct = ct.data_mut().axis_chunks_iter_mut(Axis(0), block::SIDE).into_par_iter();
        let labels = labels.data_mut().axis_chunks_iter_mut(Axis(0), block::SIDE);
        let structures = structures.data_mut().axis_chunks_iter_mut(Axis(0), block::SIDE);
        let chunks = ct.zip(labels.into_par_iter()).zip(structures.into_par_iter()).enumerate();
        chunks.try_for_each(|(n, ((ct, labels), structures))| {
            let before = done.fetch_add(block::SIDE, Ordering::Relaxed);
            work.step("scanning", before as f32 / slices as f32)?;
            block::slab(&scene, n * block::SIDE, block::Out { ct, labels, structures });
            Ok(())
        })
    })?;
    let labels = name(phantom, labels);
    Ok(Recorded { ct, labels, structures, streaks_took: Duration::ZERO })
}

/// Names the values of a label volume.
pub(super) fn name(phantom: &Phantom, volume: Volume<u16>) -> LabelMap {
    let found = stats::of(&volume);
    let vertebrae = phantom.bones().iter().filter_map(|bone| {
        let value = verse_value(bone.level());
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
