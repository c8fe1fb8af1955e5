//! NRRD out: LPS, gzip, 16 bits, with segment names where there are any.

use crate::ingest::IngestError;
use crate::volume::Volume;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Writes a CT in HU. An existing file is replaced.
pub fn write(path: &Path, ct: &Volume<i16>) -> Result<(), IngestError> {
    write_image(path, ct, "short", &BTreeMap::new(), |value| value.to_le_bytes())
}

/// Writes labels and the names of their values, as 3D Slicer reads them in a `.seg.nrrd`. An
/// existing file is replaced.
pub fn write_labels(
    path: &Path,
    labels: &Volume<u16>,
    names: &BTreeMap<u16, String>,
) -> Result<(), IngestError> {
    write_image(path, labels, "unsigned short", names, |value| value.to_le_bytes())
}

fn write_image<T>(
    path: &Path,
    volume: &Volume<T>,
    scalar: &str,
    names: &BTreeMap<u16, String>,
    bytes: impl Fn(&T) -> [u8; 2],
) -> Result<(), IngestError> {
    let all = || -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(header(volume, scalar, names).as_bytes())?;
        let mut gz = GzEncoder::new(file, Compression::fast());
        let mut row_bytes = Vec::new();
        for slab in volume.data().outer_iter() {
            for row in slab.outer_iter() {
                row_bytes.clear();
                row_bytes.extend(row.iter().flat_map(&bytes));
                gz.write_all(&row_bytes)?;
            }
        }
        gz.finish()?.flush()
    };
    all().map_err(|e| IngestError::io(path, e))
}

fn header<T>(volume: &Volume<T>, scalar: &str, names: &BTreeMap<u16, String>) -> String {
    let [ni, nj, nk] = volume.grid().size();
    let map = volume.grid().patient_from_voxel().map();
    let vector = |v: glam::DVec3| format!("({},{},{})", v.x, v.y, v.z);
    let m = map.matrix3;
    let mut text = format!(
        "NRRD0004\ntype: {scalar}\ndimension: 3\nspace: left-posterior-superior\n\
         sizes: {ni} {nj} {nk}\nspace directions: {} {} {}\nkinds: domain domain domain\n\
         endian: little\nencoding: gzip\nspace origin: {}\n",
        vector(m.x_axis),
        vector(m.y_axis),
        vector(m.z_axis),
        vector(map.translation),
    );
    for (n, (value, name)) in names.iter().enumerate() {
        // A line break would end the header early.
        let name = name.replace(['\n', '\r'], " ");
        text += &format!(
            "Segment{n}_ID:=Segment_{value}\nSegment{n}_Name:={name}\n\
             Segment{n}_LabelValue:={value}\nSegment{n}_Layer:=0\n"
        );
    }
    text + "\n"
}
