//! NIfTI-1 out: 16-bit images with an sform and, where there is no shear, a qform.

use super::place::qform_of;
use crate::ingest::IngestError;
use crate::space::convert;
use crate::volume::Volume;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Writes a CT in HU; compressed when the name ends in `.gz`. An existing file is replaced.
pub fn write_ct(path: &Path, ct: &Volume<i16>) -> Result<(), IngestError> {
    const INT16: i16 = 4;
    write(path, ct, INT16, |value| value.to_le_bytes())
}

/// Writes labels; compressed when the name ends in `.gz`. An existing file is replaced.
pub fn write_labels(path: &Path, labels: &Volume<u16>) -> Result<(), IngestError> {
    const UINT16: i16 = 512;
    write(path, labels, UINT16, |value| value.to_le_bytes())
}

fn write<T>(
    path: &Path,
    volume: &Volume<T>,
    datatype: i16,
    bytes: impl Fn(&T) -> [u8; 2],
) -> Result<(), IngestError> {
    if let Some(longest) = volume.grid().size().into_iter().find(|n| *n > i16::MAX as usize) {
        return Err(IngestError::Unsupported {
            path: path.to_owned(),
            field: "voxels along one axis:",
            value: longest.to_string(),
            remedy: "NIfTI-1 ends at 32767; write NRRD",
        });
    }
    let all = || -> std::io::Result<()> {
        let file = BufWriter::new(File::create(path)?);
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz")) {
            let mut gz = GzEncoder::new(file, Compression::fast());
            write_image(&mut gz, volume, datatype, &bytes)?;
            gz.finish()?.flush()
        } else {
            let mut file = file;
            write_image(&mut file, volume, datatype, &bytes)?;
            file.flush()
        }
    };
    all().map_err(|e| IngestError::io(path, e))
}

fn write_image<T>(
    out: &mut impl Write,
    volume: &Volume<T>,
    datatype: i16,
    bytes: &impl Fn(&T) -> [u8; 2],
) -> std::io::Result<()> {
    out.write_all(&header(volume, datatype))?;
    let mut row_bytes = Vec::new();
    for slab in volume.data().outer_iter() {
        for row in slab.outer_iter() {
            row_bytes.clear();
            row_bytes.extend(row.iter().flat_map(bytes));
            out.write_all(&row_bytes)?;
        }
    }
    Ok(())
}

/// 348 bytes of header and 4 bytes that say "no extension".
fn header<T>(volume: &Volume<T>, datatype: i16) -> [u8; 352] {
    let mut h = [0; 352];
    let mut put = |at: usize, bytes: &[u8]| h[at..at + bytes.len()].copy_from_slice(bytes);
    let grid = volume.grid();
    let ras_from_voxel = convert::flip_ras_lps(grid.patient_from_voxel().map());

    put(0, &348_i32.to_le_bytes());
    let [ni, nj, nk] = grid.size().map(|n| n as i16);
    for (n, dim) in [3, ni, nj, nk, 1, 1, 1, 1].into_iter().enumerate() {
        put(40 + 2 * n, &dim.to_le_bytes());
    }
    put(70, &datatype.to_le_bytes());
    put(72, &16_i16.to_le_bytes());
    let mut floats = |at: usize, values: &[f64]| {
        for (n, value) in values.iter().enumerate() {
            put(at + 4 * n, &(*value as f32).to_le_bytes());
        }
    };
    let qform = qform_of(ras_from_voxel);
    let (quatern, _, qfac) = qform.unwrap_or(([0.0; 3], [0.0; 3], 1.0));
    let [di, dj, dk] = grid.spacing_mm();
    let offset = ras_from_voxel.translation.to_array();
    floats(76, &[qfac, di, dj, dk]);
    floats(108, &[352.0, 1.0, 0.0]);
    floats(256, &quatern);
    floats(268, &offset);
    let rows = ras_from_voxel.matrix3.transpose().to_cols_array_2d();
    for (n, [x, y, z]) in rows.into_iter().enumerate() {
        floats(280 + 16 * n, &[x, y, z, offset[n]]);
    }
    put(123, &[2]); // millimetres
    put(252, &i16::from(qform.is_some()).to_le_bytes());
    put(254, &1_i16.to_le_bytes());
    put(344, b"n+1\0");
    h
}
