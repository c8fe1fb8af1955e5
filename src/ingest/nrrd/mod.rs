//! NRRD in and out: attached and detached headers; raw, gzip and ascii encodings; Slicer's
//! segment names and layers.
//!
//! In: a file. Out: its numbers and its place. The `space` field says which axes the numbers
//! speak; without one the image has no place in a patient. Format after
//! teem.sourceforge.net/nrrd/format.html.

mod header;
mod segments;
mod write;

pub use write::{write, write_labels};

use super::raw::{RawImage, Scalar, check_end, image_bytes, read_exactly};
use super::{IngestError, Warning};
use crate::volume::Grid;
use crate::work::Work;
use flate2::bufread::MultiGzDecoder;
use header::{Encoding, Header};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Reads one 3D image, or a segmentation in layers, which are laid on top of each other.
pub(super) fn read(path: &Path, work: &Work) -> Result<RawImage, IngestError> {
    let open = |path: &Path| {
        File::open(path)
            .map(|file| BufReader::with_capacity(1 << 20, file))
            .map_err(|e| IngestError::io(path, e))
    };
    let mut file = open(path)?;
    let header = Header::parse(path, &header::lines(path, &mut file)?)?;
    let (bytes, scalar) = match &header.data_file {
        None => read_data(path, &header, file, work)?,
        Some(name) => {
            let data = path.with_file_name(name);
            let file = open(&data)?;
            read_data(&data, &header, file, work)?
        }
    };
    let grid =
        Grid::new(header.size, header.patient_from_voxel()).map_err(IngestError::grid(path))?;
    let mut image = RawImage {
        path: path.to_owned(),
        grid,
        scalar,
        big_endian: header.big_endian,
        bytes,
        slope: 1.0,
        intercept: 0.0,
        has_space: header.has_space(),
        names: Default::default(),
        warnings: Vec::new(),
    };
    if !image.has_space {
        image.warnings.push(Warning::NoSpace);
    }
    segments::apply(&header, &mut image)?;
    Ok(image)
}

/// The bytes of all voxels of all layers. Numbers in text become 64-bit floats.
fn read_data(
    path: &Path,
    header: &Header,
    mut file: impl BufRead,
    work: &Work,
) -> Result<(Vec<u8>, Scalar), IngestError> {
    let expected = image_bytes(path, header.size, header.layers(), header.scalar)?;
    for _ in 0..header.line_skip {
        file.skip_until(b'\n').map_err(|e| IngestError::io(path, e))?;
    }
    let bytes = match header.encoding {
        Encoding::Raw if header.byte_skip == -1 => {
            let mut all = Vec::new();
            file.read_to_end(&mut all).map_err(|e| IngestError::io(path, e))?;
            let start = all.len().saturating_sub(expected as usize);
            read_exactly(path, &all[start..], expected, "image", work)?
        }
        Encoding::Raw => {
            skip(path, &mut file, header.byte_skip)?;
            read_exactly(path, file, expected, "image", work)?
        }
        Encoding::Gzip => {
            let mut inner = MultiGzDecoder::new(file);
            skip(path, &mut inner, header.byte_skip)?;
            let bytes = read_exactly(path, &mut inner, expected, "image", work)?;
            check_end(path, inner)?;
            bytes
        }
        Encoding::Text => return read_text(path, header, file).map(|b| (b, Scalar::F64)),
    };
    Ok((bytes, header.scalar))
}

fn skip(path: &Path, reader: &mut impl Read, bytes: i64) -> Result<(), IngestError> {
    let bytes = u64::try_from(bytes).map_err(|_| IngestError::bad(path, "byte skip", bytes))?;
    read_exactly(path, reader, bytes, "bytes to skip", &Work::silent()).map(|_| ())
}

fn read_text(path: &Path, header: &Header, mut file: impl BufRead) -> Result<Vec<u8>, IngestError> {
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|e| IngestError::io(path, e))?;
    let expected = image_bytes(path, header.size, header.layers(), Scalar::F64)?;
    let mut bytes = Vec::new();
    let words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    for word in words.take((expected / 8) as usize) {
        let value: f64 = word.parse().map_err(|_| IngestError::bad(path, "a voxel", word))?;
        let ordered = if header.big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        bytes.extend(ordered);
    }
    read_exactly(path, bytes.as_slice(), expected, "image", &Work::silent())
}
