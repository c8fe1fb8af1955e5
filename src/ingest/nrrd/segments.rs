//! 3D Slicer's segmentations: names of label values, and layers laid on top of each other.
//!
//! A `.seg.nrrd` numbers its segments in the header: `Segment3_Name`, `Segment3_LabelValue`,
//! `Segment3_Layer`. Segments that overlap lie in layers, a fourth axis; the same value may then
//! mean another segment in another layer.

use super::header::Header;
use crate::ingest::raw::{RawImage, Scalar};
use crate::ingest::{IngestError, Warning};
use std::collections::BTreeMap;

struct Segment {
    name: String,
    layer: usize,
    value: u64,
}

fn segments(header: &Header) -> Vec<Segment> {
    let mut found = Vec::new();
    for (key, name) in &header.values {
        let Some(segment) = key.strip_suffix("_Name").filter(|k| k.starts_with("Segment")) else {
            continue;
        };
        let number = |field: &str| {
            header
                .values
                .get(&format!("{segment}_{field}"))
                .and_then(|text| text.trim().parse().ok())
        };
        let layer = number("Layer").unwrap_or(0) as usize;
        if let Some(value) = number("LabelValue") {
            found.push(Segment { name: name.clone(), layer, value });
        }
    }
    found
}

/// Gives the image its names, and joins layers to one 16-bit label map.
pub(super) fn apply(header: &Header, image: &mut RawImage) -> Result<(), IngestError> {
    let segments = segments(header);
    let Some((axis, layers)) = header.list else {
        image.names = segments
            .into_iter()
            .filter_map(|s| Some((u16::try_from(s.value).ok()?, s.name)))
            .collect();
        return Ok(());
    };
    let labels = unique_labels(&segments);
    image.names = segments
        .iter()
        .filter_map(|s| Some((*labels.get(&(s.layer, s.value))?, s.name.clone())))
        .collect();
    let stored = stored_values(image)?;
    let voxels = image.grid.len();
    // The list axis is the fastest or the slowest one of the file.
    let at = |layer: usize, voxel: usize| match axis {
        0 => voxel * layers + layer,
        _ => layer * voxels + voxel,
    };
    if !(axis == 0 || axis == 3 || layers == 1) {
        return Err(IngestError::bad(&image.path, "place of the list axis", axis));
    }
    let mut overlaps = 0;
    let mut joined = Vec::with_capacity(voxels * 2);
    for voxel in 0..voxels {
        let mut here = (0..layers).filter_map(|layer| {
            let value = stored[at(layer, voxel)];
            (value != 0).then(|| labels.get(&(layer, value)).copied().unwrap_or(value as u16))
        });
        joined.extend(here.next().unwrap_or(0).to_le_bytes());
        overlaps += usize::from(here.next().is_some());
    }
    if overlaps > 0 {
        image.warnings.push(Warning::OverlappingSegments { count: overlaps });
    }
    (image.bytes, image.scalar, image.big_endian) = (joined, Scalar::U16, false);
    Ok(())
}

/// A label of its own for every segment: its value where that is free, else the next free one.
fn unique_labels(segments: &[Segment]) -> BTreeMap<(usize, u64), u16> {
    let mut sorted: Vec<&Segment> = segments.iter().collect();
    sorted.sort_by_key(|s| (s.layer, s.value));
    let mut taken = std::collections::BTreeSet::from([0]);
    let mut labels = BTreeMap::new();
    for segment in sorted {
        let own = u16::try_from(segment.value).ok().filter(|v| !taken.contains(v));
        let Some(label) = own.or_else(|| (1..=u16::MAX).find(|v| !taken.contains(v))) else {
            break;
        };
        taken.insert(label);
        labels.insert((segment.layer, segment.value), label);
    }
    labels
}

/// The values of all layers; a list of channels that are no whole numbers is no segmentation.
fn stored_values(image: &RawImage) -> Result<Vec<u64>, IngestError> {
    image.map(|value| {
        if value >= 0.0 && value <= f64::from(u16::MAX) && value.fract() == 0.0 {
            Ok(value as u64)
        } else {
            Err(IngestError::Unsupported {
                path: image.path.clone(),
                field: "several values per voxel, such as",
                value: value.to_string(),
                remedy: "save one 3D image",
            })
        }
    })
}
