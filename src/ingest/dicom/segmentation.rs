//! DICOM segmentations (modality SEG): which voxel is which segment, and what it is called.
//!
//! Frames come in any order, for each segment those slices alone in which it lies, so the grid is
//! found from their places. Binary, fractional (inside from one half on) and label map are read.
//! After DICOM PS3.3, A.51 and C.8.20.

use super::file::{open, transfer_syntax};
use super::header::{
    FRAME_GROUPS, FRAMES, Header, ORIENTATION, PIXEL_DATA, PIXEL_MEASURES, POSITION, ROWS,
    SHARED_GROUPS, Slice, missing,
};
use super::pixels::{MOST_VOXELS, Stored};
use crate::ingest::{IngestError, RawLabels, Warning, labels_hash};
use crate::space::{Affine, Patient};
use crate::volume::{Grid, Volume};
use crate::work::Work;
use dicom_object::{DefaultDicomObject, InMemDicomObject, Tag};
use ndarray::{Array3, s};
use std::collections::BTreeMap;
use std::path::Path;

const SEGMENTATION_TYPE: Tag = Tag(0x0062, 0x0001);
const SEGMENTS: Tag = Tag(0x0062, 0x0002);
const SEGMENT_NUMBER: Tag = Tag(0x0062, 0x0004);
const SEGMENT_LABEL: Tag = Tag(0x0062, 0x0005);
const SEGMENT_OF_FRAME: Tag = Tag(0x0062, 0x000A);
const REFERENCED_SEGMENT: Tag = Tag(0x0062, 0x000B);
const MOST_OF_A_FRACTION: Tag = Tag(0x0062, 0x000E);
const BITS_ALLOCATED: Tag = Tag(0x0028, 0x0100);
const PADDING: Tag = Tag(0x0028, 0x0120);
const SLICE_THICKNESS: Tag = Tag(0x0018, 0x0050);
const BETWEEN_SLICES: Tag = Tag(0x0018, 0x0088);

/// Slices may lie this far from the even grid, in steps.
const OFF_GRID_STEPS: f64 = 0.1;
/// Slices closer than this show one place, mm.
const SAME_PLACE_MM: f64 = 0.01;

/// Reads a segmentation. A voxel of several segments goes to the first by number.
pub(in crate::ingest) fn load_labels(path: &Path, work: &Work) -> Result<RawLabels, IngestError> {
    work.step("reading", 0.0)?;
    let header = Header::read(path)?;
    if header.modality != "SEG" {
        return Err(IngestError::NotASegmentation { path: path.to_owned(), found: header.kind() });
    }
    let slices = header.slices?;
    let object = open(path, None)?;
    let (grid, layers) = stack(path, &slices, &object)?;
    work.step("reading", 0.5)?;
    let frames = Frames::read(path, &object)?;
    let numbered = layers.into_iter().enumerate();
    let mut order: Vec<(u16, usize, usize)> =
        numbered.map(|(frame, layer)| (segment_of(&object, frame), frame, layer)).collect();
    order.sort_unstable();
    let [ni, nj, nk] = grid.size();
    let mut labels = Array3::<u16>::zeros((nk, nj, ni));
    let mut overlaps = 0;
    for (segment, frame, layer) in order {
        let values = frames.labels(path, frame, ni * nj, segment)?;
        for (label, value) in labels.slice_mut(s![layer, .., ..]).iter_mut().zip(values) {
            match (*label, value) {
                (_, 0) => {}
                (0, value) => *label = value,
                (taken, value) => overlaps += usize::from(taken != value),
            }
        }
    }
    work.step("reading", 1.0)?;
    let volume = Volume::new(labels, grid).map_err(|_| missing(path, &FRAMES))?;
    let warnings = match overlaps {
        0 => Vec::new(),
        count => vec![Warning::OverlappingSegments { count }],
    };
    let hash = labels_hash(&volume);
    let drawn_on = Some(with_empty_slices(path, volume.grid())?);
    Ok(RawLabels { volume, names: names(&object), drawn_on, has_space: true, hash, warnings })
}

/// The grid with the slices that the file leaves out because nothing lies in them: as many before
/// the first and after the last as no image has.
fn with_empty_slices(path: &Path, grid: &Grid) -> Result<Grid, IngestError> {
    const LEFT_OUT: usize = 10_000;
    let [ni, nj, nk] = grid.size();
    let [o, i, j, k] = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]].map(|index| grid.centre(index));
    let first = o - (k - o) * LEFT_OUT as f64;
    let map = Affine::from_columns(i - o, j - o, k - o, first);
    Grid::new([ni, nj, nk + 2 * LEFT_OUT], map).map_err(IngestError::grid(path))
}

/// What the file calls its segments.
fn names(object: &InMemDicomObject) -> BTreeMap<u16, String> {
    let segments = object.get(SEGMENTS).and_then(|e| e.items()).unwrap_or(&[]);
    let name = |segment: &InMemDicomObject| {
        let number = segment.get(SEGMENT_NUMBER)?.to_int().ok()?;
        let label = segment.get(SEGMENT_LABEL)?.to_str().ok()?;
        Some((number, label.trim_matches([' ', '\0']).to_owned()))
    };
    segments.iter().filter_map(name).collect()
}

/// The grid of all frames, and the layer of each.
fn stack(
    path: &Path,
    slices: &[Slice],
    object: &InMemDicomObject,
) -> Result<(Grid, Vec<usize>), IngestError> {
    let first = slices.first().ok_or_else(|| missing(path, &FRAMES))?;
    let is_like_first = |slice: &Slice| {
        slice.size == first.size
            && (slice.row - first.row).length() < 1e-3
            && (slice.column - first.column).length() < 1e-3
    };
    if !slices.iter().all(is_like_first) {
        return Err(missing(path, &ORIENTATION));
    }
    let normal = first.row.cross(first.column);
    let height = |slice: &Slice| (slice.position - first.position).dot(normal);
    let heights: Vec<f64> = slices.iter().map(height).collect();
    let (lowest, lowest_mm) = heights
        .iter()
        .copied()
        .enumerate()
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .ok_or_else(|| missing(path, &POSITION))?;
    let step_mm = step_mm(object, &heights);
    let mut layers = Vec::with_capacity(slices.len());
    for (slice, height) in slices.iter().zip(&heights) {
        let steps = (height - lowest_mm) / step_mm;
        let straight = slices[lowest].position + normal * (steps.round() * step_mm);
        if slice.position.distance(straight) > OFF_GRID_STEPS * step_mm {
            return Err(missing(path, &POSITION));
        }
        layers.push(steps.round() as usize);
    }
    let [ni, nj] = first.size;
    let nk = layers.iter().max().map_or(1, |last| last + 1);
    let is_too_large =
        ni.checked_mul(nj).and_then(|n| n.checked_mul(nk)).is_none_or(|n| n > MOST_VOXELS);
    if is_too_large {
        return Err(missing(path, &ROWS));
    }
    let [di, dj] = first.spacing_mm;
    let (i, j, k) = (first.row * di, first.column * dj, normal * step_mm);
    let map: Affine<Patient, _> = Affine::from_columns(i, j, k, slices[lowest].position);
    let grid = Grid::new([ni, nj, nk], map).map_err(IngestError::grid(path))?;
    Ok((grid, layers))
}

/// The distance between slices: the least between two frames, for gaps are legal; a file of one
/// slice says it itself, or else its thickness.
fn step_mm(object: &InMemDicomObject, heights: &[f64]) -> f64 {
    let mut sorted = heights.to_vec();
    sorted.sort_by(f64::total_cmp);
    let steps = sorted.windows(2).map(|pair| pair[1] - pair[0]).filter(|mm| *mm > SAME_PLACE_MM);
    let least = steps.fold(f64::INFINITY, f64::min);
    let groups =
        [SHARED_GROUPS.1, FRAME_GROUPS.1].into_iter().filter_map(|g| object.get(g)?.items());
    let measures =
        groups.flatten().filter_map(|group| group.get(PIXEL_MEASURES.1)?.items()?.first());
    let told = |measures: &InMemDicomObject, tag: Tag| measures.get(tag)?.to_float64().ok();
    let told = measures
        .flat_map(|m| [told(m, BETWEEN_SLICES), told(m, SLICE_THICKNESS)])
        .flatten()
        .find(|mm| mm.is_finite() && *mm > 0.0);
    // Where every second slice is empty the least step is a multiple of what the file says.
    let divides = |told: &f64| {
        let steps = least / told;
        steps.round() >= 1.0 && (steps - steps.round()).abs() < OFF_GRID_STEPS
    };
    let step = match told {
        Some(told) if !least.is_finite() => return told,
        Some(told) if divides(&told) => told,
        _ if least.is_finite() => least,
        _ => return 1.0,
    };
    // Positions are rounded: over the whole length that counts least.
    let whole = sorted.last().zip(sorted.first()).map_or(step, |(last, first)| last - first);
    whole / (whole / step).round()
}

/// The pixels of all frames, and what they mean.
enum Frames {
    /// One bit a pixel, the lowest first, frames without a gap between them.
    Bits(Vec<u8>),
    /// A share of `most` for each pixel.
    Shares { stored: Stored, most: i64 },
    /// A segment's number for each pixel; `background` stands for none.
    Numbers { stored: Stored, background: i64 },
}

impl Frames {
    fn read(path: &Path, object: &DefaultDicomObject) -> Result<Self, IngestError> {
        let kind = object.get(SEGMENTATION_TYPE).and_then(|e| e.to_str().ok());
        let whole = |tag: Tag| object.get(tag)?.to_int::<i64>().ok();
        match kind.as_deref().map(|kind| kind.trim_matches([' ', '\0'])) {
            Some("LABELMAP") => Ok(Self::Numbers {
                stored: Stored::read(path)?,
                background: whole(PADDING).unwrap_or(0),
            }),
            Some("FRACTIONAL") => Ok(Self::Shares {
                stored: Stored::read(path)?,
                most: whole(MOST_OF_A_FRACTION).filter(|most| *most > 0).unwrap_or(255),
            }),
            _ if whole(BITS_ALLOCATED) == Some(1) => bits(path, object).map(Self::Bits),
            _ => Ok(Self::Shares { stored: Stored::read(path)?, most: 1 }),
        }
    }

    /// The labels of one frame of `pixels` pixels that shows `segment`.
    fn labels(
        &self,
        path: &Path,
        frame: usize,
        pixels: usize,
        segment: u16,
    ) -> Result<Vec<u16>, IngestError> {
        let inside = |is_inside: bool| if is_inside { segment } else { 0 };
        match self {
            Self::Bits(bytes) => {
                let all = frame * pixels..(frame + 1) * pixels;
                if bytes.len() * 8 < all.end {
                    return Err(IngestError::Truncated {
                        path: path.to_owned(),
                        what: "pixels",
                        expected_bytes: all.end.div_ceil(8) as u64,
                        found_bytes: bytes.len() as u64,
                    });
                }
                Ok(all.map(|bit| inside(bytes[bit / 8] >> (bit % 8) & 1 == 1)).collect())
            }
            Self::Shares { stored, most } => {
                let share = |value: i64| inside(value > 0 && value * 2 >= *most);
                Ok(stored.frame(path, frame, pixels)?.map(share).collect())
            }
            Self::Numbers { stored, background } => {
                let number = |value: i64| match u16::try_from(value) {
                    Ok(number) if value != *background => number,
                    _ => 0,
                };
                Ok(stored.frame(path, frame, pixels)?.map(number).collect())
            }
        }
    }
}

/// The bytes of a binary segmentation, which no codec may have touched.
fn bits(path: &Path, object: &DefaultDicomObject) -> Result<Vec<u8>, IngestError> {
    let pixels = object.get(PIXEL_DATA).and_then(|e| e.to_bytes().ok());
    pixels.map(|bytes| bytes.into_owned()).ok_or_else(|| IngestError::Pixels {
        path: path.to_owned(),
        transfer_syntax: transfer_syntax(object.meta().transfer_syntax()),
        reason: "one bit a pixel, and compressed".to_owned(),
    })
}

/// The segment that a frame shows: a label map shows all, and its frames name none.
fn segment_of(object: &InMemDicomObject, frame: usize) -> u16 {
    let groups = |sequence: Tag| object.get(sequence).and_then(|e| e.items()).unwrap_or(&[]);
    let named = |group: &InMemDicomObject| {
        let of_frame = group.get(SEGMENT_OF_FRAME)?.items()?.first()?;
        of_frame.get(REFERENCED_SEGMENT)?.to_int().ok()
    };
    let own = groups(FRAME_GROUPS.1).get(frame).and_then(named);
    own.or_else(|| groups(SHARED_GROUPS.1).first().and_then(named)).unwrap_or(1)
}
