//! NIfTI-1 and NIfTI-2, `.nii` and `.nii.gz`, in and out.
//!
//! In: a file. Out: its numbers and its place. NIfTI speaks RAS; the change to LPS is
//! `space::convert`'s. Field meanings after nifti1.h and nifti2.h (NIfTI Data Format Working
//! Group).

mod header;
mod place;
mod write;

pub use write::{write_ct, write_labels};

use super::raw::{RawImage, check_end, image_bytes, read_exactly};
use super::sniff::GZIP_MAGIC;
use super::{IngestError, Warning};
use crate::work::Work;
use flate2::bufread::MultiGzDecoder;
use header::{FIRST_BYTES, Header};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Reads one 3D image (or a 4D one with a single frame).
pub(super) fn read(path: &Path, work: &Work) -> Result<RawImage, IngestError> {
    let file = File::open(path).map_err(|e| IngestError::io(path, e))?;
    let mut file = BufReader::with_capacity(1 << 20, file);
    let gzipped = file.fill_buf().map_err(|e| IngestError::io(path, e))?.starts_with(&GZIP_MAGIC);
    let reader: Box<dyn Read> =
        if gzipped { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    read_from(path, reader, work)
}

fn read_from(path: &Path, mut reader: impl Read, work: &Work) -> Result<RawImage, IngestError> {
    let first = read_exactly(path, &mut reader, FIRST_BYTES as u64, "header", &Work::silent())?;
    let size = header::size_of(path, &first)?;
    let rest = (size - FIRST_BYTES) as u64;
    let rest = read_exactly(path, &mut reader, rest, "header", &Work::silent())?;
    let header = Header::parse(path, &[first, rest].concat())?;

    let gap = header.image_starts_at.saturating_sub(size as u64);
    read_exactly(path, &mut reader, gap, "header", work)?;
    let expected = image_bytes(path, header.size, 1, header.scalar)?;
    let bytes = read_exactly(path, &mut reader, expected, "image", work)?;
    check_end(path, reader)?;

    let (place, mut warnings) = header.place.resolve(header.size);
    let grid = place.grid(header.size).map_err(IngestError::grid(path))?;
    if !place.has_space {
        warnings.push(Warning::NoSpace);
    }
    Ok(RawImage {
        path: path.to_owned(),
        grid,
        scalar: header.scalar,
        big_endian: header.big_endian,
        bytes,
        slope: header.slope,
        intercept: header.intercept,
        has_space: place.has_space,
        names: Default::default(),
        warnings,
    })
}
