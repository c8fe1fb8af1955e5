//! From a CT alone to named vertebrae, without a network: classical image analysis, the same on
//! any number of threads.
//!
//! In: a CT in HU. Out: [`Automatic`], labels on the CT's own grid in VerSe's numbering, and for
//! each level how sure its name and its border are. Nothing here is a person's judgement: whoever
//! plans on it looks at it first.
//!
//! | step | file |
//! |---|---|
//! | cubic voxels of 1 mm along the patient's axes, noise taken down | `block` |
//! | what is soft, what is bone in this scan | `tissue` |
//! | contrast out of vessels, gut and sac | `lumen` |
//! | the canal, from slice to slice | `canal` |
//! | the spine's curve, with the patient's front along it | `curve` |
//! | discs | `disc` |
//! | the sacrum | `sacrum` |
//! | ribs off, bone apart at discs and joints | `split`, `net`, `cut` |
//! | marrow filled | `fill`, `walls`, `wings` |
//! | ribs, names, confidence | `ribs`, `names`, `parting`, `signs`, `necks`, `judge` |

mod arch;
mod block;
mod canal;
mod chain;
mod curve;
mod cut;
mod disc;
mod fill;
mod judge;
mod lumen;
mod names;
mod necks;
mod net;
mod parting;
mod ribs;
mod sacrum;
mod signs;
mod split;
mod tissue;
mod walls;
mod wings;

use super::Level;
use crate::volume::Volume;
use crate::work::{Cancelled, Work, on_pool};
use block::Block;
use glam::DVec3;
use rayon::prelude::*;
use split::Column;

/// Labels that a machine made and no person has looked at.
#[derive(Clone, Debug)]
pub struct Automatic {
    /// The vertebra of every voxel of the CT, in VerSe's numbering; 0 elsewhere.
    pub volume: Volume<u16>,
    /// The levels found, cranial ones first.
    pub levels: Vec<FoundLevel>,
    /// What a person should know; whole sentences, each naming its level where it has one.
    pub warnings: Vec<String>,
    /// Those of `warnings` that doubt the names: answered as soon as a person renames.
    pub name_doubts: Vec<String>,
}

/// One level of [`Automatic`] labels.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct FoundLevel {
    /// What it was called.
    pub level: Level,
    /// Its value in the label volume.
    pub value: u16,
    /// Volume, cm³.
    pub volume_cm3: f64,
    /// How sure the name is, 0 to 1.
    pub name_confidence: f64,
    /// How sure the border is, 0 to 1: 0.65 where an overlap (Dice) of 0.91 with the true vertebra
    /// is expected, 1 from 0.97 on.
    pub border_confidence: f64,
    /// How sure both are together; under [`LOW_CONFIDENCE`] there is a warning.
    pub confidence: f64,
    /// True when the image ends inside it.
    pub is_cut_off: bool,
}

/// Under this a level is warned about.
pub const LOW_CONFIDENCE: f64 = 0.6;

/// Why no labels were made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// There is no spine in the image, or none that could be followed.
    #[error(
        "no spine was found in the CT: {0}; slices can still be looked at, and a label map given with --labels FILE"
    )]
    NoSpine(&'static str),
    /// The caller asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Step of the working image, mm.
const STEP_MM: f64 = 1.0;
/// Noise over which the working image is softened once, and once more, HU.
const NOISY_HU: [f64; 2] = [20.0, 45.0];

/// Finds, parts and names the vertebrae of a CT.
pub fn segment(ct: &Volume<i16>, work: &Work) -> Result<Automatic, SegmentError> {
    on_pool(|| {
        let (sharp, image, tissue) = working_image(ct, work)?;
        let path = canal::find(&image, &tissue, work)?;
        let path = path.ok_or(SegmentError::NoSpine("nothing in it is a canal closed by bone"))?;
        if !path.is_a_spine() {
            return Err(SegmentError::NoSpine("what bone closes in is too short for a canal"));
        }
        let stations = curve::along(&image, &tissue, &path.points);
        let mut discs = disc::find(sharp.as_ref().unwrap_or(&image), &tissue, &stations, work)?;
        if discs.is_empty() {
            return Err(SegmentError::NoSpine("no disc was found along its canal"));
        }
        let sacrum = sacrum::find(&image, &tissue, &stations, &discs);
        if let Some(sacrum) = sacrum {
            discs.truncate(usize::from(sacrum.vertebra) - 1);
        }
        let column =
            Column { stations: &stations, discs: &discs, sacrum: sacrum.map(|s| s.vertebra) };
        let part = around(&image, &column);
        let edges = sharp.as_ref().map(|sharp| around(sharp, &column));
        drop((sharp, image));
        let bone = part.map(|hu| f64::from(hu) >= tissue.bone_hu);
        let sharpest = edges.as_ref().unwrap_or(&part);
        let mut names = split::split(sharpest, &bone, &tissue, &column, work)?;
        fill::drop_islands(&mut names, column.count());
        fill::fill(&mut names, sharpest, &tissue, &column, work)?;
        fill::peel(&mut names, sharpest, &tissue, column.count());
        wings::grow_blurred_edge(&mut names, sharpest, &tissue, &column);
        fill::smooth(&mut names, column.count());
        fill::drop_islands(&mut names, column.count());
        let ribs = ribs::seen(&part, &names, &column);
        let named = names::name(&ribs, sacrum);
        work.step("writing the labels", 0.0)?;
        Ok(judge::judged(ct, [&part, sharpest], &names, &tissue, &column, &named))
    })
}

/// The CT at [`STEP_MM`] as it is, where it is noisy, and without most of its noise; and what its
/// values mean. Contrast in vessels, gut and sac is taken out of both. Sheets and means are taken
/// from the sharp one, single voxels from the other.
fn working_image(
    ct: &Volume<i16>,
    work: &Work,
) -> Result<(Option<Block<i16>>, Block<i16>, tissue::Tissue), Cancelled> {
    let mut sharp = block::of_ct(ct, STEP_MM, work)?;
    let noise = sharp.noise_hu();
    let times = NOISY_HU.iter().filter(|limit| noise > **limit).count();
    let mut softer = (0..times).fold(None, |image: Option<Block<i16>>, _| {
        Some(image.as_ref().unwrap_or(&sharp).softened())
    });
    let image = softer.as_ref().unwrap_or(&sharp);
    let stored = tissue::read(ct.data().iter());
    let tissue = if stored.is_bone_only { stored } else { tissue::read(image.data.iter()) };
    let lumens = lumen::find(image, &tissue);
    for block in std::iter::once(&mut sharp).chain(&mut softer) {
        lumens.iter().for_each(|voxel| block.data[*voxel] = tissue.soft_hu as i16);
    }
    Ok(match softer {
        Some(soft) => (Some(sharp), soft, tissue),
        None => (None, sharp, tissue),
    })
}

/// The part of the image that holds the column. Its canal opens in front of S5: the coccyx hangs on.
fn around(image: &Block<i16>, column: &Column) -> Block<i16> {
    const ASIDE: DVec3 = DVec3::new(82.0, 78.0, 25.0);
    const COCCYX_MM: f64 = 30.0;
    let points = column.stations.iter().map(|s| s.middle);
    let below = if column.sacrum.is_some() { COCCYX_MM } else { 0.0 };
    let low = points.clone().fold(DVec3::INFINITY, DVec3::min) - ASIDE - DVec3::Z * below;
    let high = points.fold(DVec3::NEG_INFINITY, DVec3::max) + ASIDE;
    image.crop(low, high)
}

/// The vertebra numbers of the working image on the CT's own grid, as label values.
fn on_grid(ct: &Volume<i16>, names: &Block<u8>, value: impl Fn(u8) -> u16 + Sync) -> Volume<u16> {
    let map = ct.grid().patient_from_voxel().map();
    let [ni, nj, _] = ct.grid().size();
    let mut labels = Volume::from_fn(ct.grid().clone(), |_| 0u16);
    let mut slabs: Vec<_> = labels.data_mut().axis_iter_mut(ndarray::Axis(0)).collect();
    slabs.par_iter_mut().enumerate().for_each(|(k, slab)| {
        for j in 0..nj {
            let row = map.transform_point3(DVec3::new(0.0, j as f64, k as f64));
            for i in 0..ni {
                let p = row + map.matrix3.x_axis * i as f64;
                if let Some(name) = names.commonest(p).filter(|n| *n != net::OPEN) {
                    slab[[j, i]] = value(name);
                }
            }
        }
    });
    drop(slabs);
    labels
}
