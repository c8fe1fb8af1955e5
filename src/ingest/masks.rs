//! A folder of masks, one structure a file, as TotalSegmentator writes them
//! (`vertebrae_L4.nii.gz`, `sacrum.nii.gz`): joined to one label map.
//!
//! The files are taken in the order of their names and numbered from 1; the name of a value is the
//! file's, without its endings. Every voxel that is not 0 is inside.

use super::regrid::SAME_GRID_MM;
use super::sniff::Kind;
use super::{IngestError, RawLabels, Warning, labels_hash, read_image};
use crate::work::Work;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Masks held at once: one of a whole body at 1 mm has a third of a gigabyte.
const AT_ONCE: usize = 4;

/// Joins masks of one grid. A voxel of several masks goes to the first, and is counted in a
/// warning.
pub(super) fn join(
    folder: &Path,
    files: &[(Kind, PathBuf)],
    work: &Work,
) -> Result<RawLabels, IngestError> {
    let nothing = || IngestError::EmptyFolder { path: folder.to_owned() };
    let ((kind, path), others) = files.split_first().ok_or_else(nothing)?;
    let mut joined = read(*kind, path, work)?;
    let mut overlaps = 0;
    for (done, some) in others.chunks(AT_ONCE).enumerate() {
        work.step("reading masks", (done * AT_ONCE) as f32 / files.len() as f32)?;
        let masks: Vec<_> = some.par_iter().map(|(kind, path)| read(*kind, path, work)).collect();
        for (mask, (_, path)) in masks.into_iter().zip(some) {
            overlaps += lay_under(&mut joined, mask?, path)?;
        }
    }
    work.step("reading masks", 1.0)?;
    if overlaps > 0 {
        joined.warnings.push(Warning::OverlappingSegments { count: overlaps });
    }
    joined.hash = labels_hash(&joined.volume);
    Ok(joined)
}

/// One mask, its structure as value 1. The hash is left for the whole.
fn read(kind: Kind, path: &Path, work: &Work) -> Result<RawLabels, IngestError> {
    let work = work.unheard();
    let image = read_image(kind, path, &work)?;
    let (has_space, warnings) = (image.has_space, image.warnings.clone());
    let volume = image.into_labels(&work)?;
    let mut values = volume.data().iter().copied().filter(|value| *value != 0);
    let first = values.next();
    if let Some(other) = values.find(|value| Some(*value) != first) {
        let values = [first.unwrap_or(0), other];
        return Err(IngestError::NotAMask { path: path.to_owned(), values });
    }
    Ok(RawLabels {
        volume: volume.map(|value| u16::from(*value != 0)),
        names: [(1, structure(path))].into(),
        drawn_on: None,
        has_space,
        hash: String::new(),
        warnings,
    })
}

/// Gives a mask the next value, where no other mask is already; returns how many voxels that
/// leaves out.
fn lay_under(joined: &mut RawLabels, mask: RawLabels, path: &Path) -> Result<usize, IngestError> {
    let is_one_grid = joined.volume.grid().is_close_to(mask.volume.grid(), SAME_GRID_MM);
    if !is_one_grid || joined.has_space != mask.has_space {
        return Err(IngestError::MaskElsewhere { path: path.to_owned() });
    }
    let next = u16::try_from(joined.names.len() + 1).map_err(|_| IngestError::Unsupported {
        path: path.to_owned(),
        field: "more masks beside it than labels have values:",
        value: joined.names.len().to_string(),
        remedy: "keep the spine's alone",
    })?;
    let mut overlaps = 0;
    let voxels = joined.volume.data_mut().iter_mut().zip(mask.volume.data());
    for (label, _) in voxels.filter(|(_, inside)| **inside != 0) {
        if *label == 0 {
            *label = next;
        } else {
            overlaps += 1;
        }
    }
    joined.names.extend(mask.names.into_values().map(|name| (next, name)));
    for warning in mask.warnings {
        if !joined.warnings.contains(&warning) {
            joined.warnings.push(warning);
        }
    }
    Ok(overlaps)
}

/// `vertebrae_L4` of `.../vertebrae_L4.nii.gz`.
fn structure(path: &Path) -> String {
    const ENDINGS: [&str; 5] = [".gz", ".nii", ".nrrd", ".seg", ".nhdr"];
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stripped =
        |name: &str, ending: &&str| name.strip_suffix(*ending).unwrap_or(name).to_owned();
    ENDINGS.iter().fold(name.into_owned(), |name, ending| stripped(&name, ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_structure_is_named_by_its_file() {
        let named = |name: &str| structure(&Path::new("somewhere").join(name));
        assert_eq!(named("vertebrae_L4.nii.gz"), "vertebrae_L4");
        assert_eq!(named("sacrum.nii"), "sacrum");
        assert_eq!(named("L4.seg.nrrd"), "L4");
    }
}
