//! Labels brought onto the grid of their CT.

use super::{IngestError, RawLabels, Warning};
use crate::volume::{Grid, Volume};
use crate::work::{Work, on_pool};
use ndarray::Axis;

/// Grids whose corners agree to this are one grid: formats round, and half a tenth of a voxel
/// matters to nobody.
pub(super) const SAME_GRID_MM: f64 = 0.05;

/// The labels on the CT's grid, each CT voxel taking the nearest label voxel (0 where there is
/// none). Labels that already lie on that grid come back untouched, with their hash; others keep the
/// grid they were drawn on, at whose border they may end inside the CT.
///
/// Refused when the grids differ and one of the two does not know where it lies in the patient,
/// or when no labelled voxel falls inside the CT. The hash stays that of the labels as read.
pub fn labels_on_grid(
    labels: RawLabels,
    ct: &Grid,
    ct_has_space: bool,
    work: &Work,
) -> Result<RawLabels, IngestError> {
    let knows = labels.has_space && ct_has_space;
    let neither_knows = !labels.has_space && !ct_has_space;
    let same = labels.volume.grid().is_close_to(ct, SAME_GRID_MM);
    if same && (knows || neither_knows) {
        return Ok(labels);
    }
    if !knows {
        return Err(IngestError::OtherGridWithoutSpace {
            labels: labels.volume.grid().size(),
            ct: ct.size(),
            silent: if labels.has_space { "CT" } else { "label map" },
        });
    }
    on_pool(|| resample(labels, ct, work))
}

fn resample(mut labels: RawLabels, ct: &Grid, work: &Work) -> Result<RawLabels, IngestError> {
    work.step("resampling labels", 0.0)?;
    let percent = percent_outside(&labels.volume, ct);
    let source = &labels.volume;
    let volume = Volume::from_fn(ct.clone(), |v| source.nearest(ct.centre(v)).unwrap_or(0));
    if volume.data().iter().all(|value| *value == 0) {
        return Err(IngestError::LabelsElsewhere);
    }
    labels.warnings.push(Warning::Resampled);
    if percent > 0.5 {
        labels.warnings.push(Warning::LabelsOutside { percent });
    }
    if labels.drawn_on.is_none() && !is_cropped_to_content(&labels.volume) {
        labels.drawn_on = Some(labels.volume.grid().clone());
    }
    labels.volume = volume;
    work.step("resampling labels", 1.0)?;
    Ok(labels)
}

/// True where labels touch all six sides. Such a map was cropped to what it holds, as programs save
/// segments: it ends where the bone does, and its border tells of no cut.
fn is_cropped_to_content(labels: &Volume<u16>) -> bool {
    let data = labels.data();
    let holds_any = |axis: Axis, n: usize| data.index_axis(axis, n).iter().any(|v| *v != 0);
    (0..3).map(Axis).all(|axis| [0, data.len_of(axis) - 1].iter().all(|n| holds_any(axis, *n)))
}

/// Share of the labelled voxels whose centres lie outside every cell of the grid, in percent.
fn percent_outside(labels: &Volume<u16>, ct: &Grid) -> f64 {
    let voxel_from_patient = ct.voxel_from_patient();
    let size = ct.size();
    let (mut labelled, mut outside) = (0_usize, 0_usize);
    for ((k, j, i), value) in labels.data().indexed_iter() {
        if *value == 0 {
            continue;
        }
        labelled += 1;
        let at = voxel_from_patient.point(labels.grid().centre([i, j, k])).to_array();
        let inside = (0..3).all(|a| at[a] >= -0.5 && at[a] < size[a] as f64 - 0.5);
        outside += usize::from(!inside);
    }
    if labelled == 0 { 0.0 } else { 100.0 * outside as f64 / labelled as f64 }
}
