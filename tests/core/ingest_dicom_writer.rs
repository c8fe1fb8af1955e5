//! DICOM files written byte by byte (Explicit VR Little Endian), sharing no code with the reader.

use crate::ingest_phantom::{Acquisition, ct};
use corridor::volume::Volume;
use glam::DVec3;
use std::path::Path;

pub const NAME: &str = "Nobody^Never";
pub const PATIENT_ID: &str = "ID-0815";
pub const FRAME_OF_REFERENCE: &str = "1.2.3.4.5";

/// One slice as it is written; change a field to make a broken series.
#[derive(Clone)]
pub struct SliceFile {
    pub series_uid: String,
    pub modality: &'static str,
    pub image_type: &'static str,
    /// Left out where it is empty.
    pub patient_position: &'static str,
    pub number: usize,
    pub position: DVec3,
    pub row: DVec3,
    pub column: DVec3,
    /// Between rows, then between columns, as DICOM orders them.
    pub spacing: [f64; 2],
    pub rows: u16,
    pub columns: u16,
    /// Stored value = HU + 1024, unsigned.
    pub hu: Vec<i16>,
}

/// The slices of a CT whose k axis points either way.
pub fn slices(ct: &Volume<i16>) -> Vec<SliceFile> {
    let map = ct.grid().patient_from_voxel().map();
    let [i, j] = [map.matrix3.x_axis, map.matrix3.y_axis];
    let [ni, nj, nk] = ct.grid().size();
    (0..nk)
        .map(|k| SliceFile {
            series_uid: "1.2.3.4".to_owned(),
            modality: "CT",
            image_type: "ORIGINAL\\PRIMARY\\AXIAL",
            patient_position: "",
            number: k + 1,
            position: ct.grid().centre([0, 0, k]).vec(),
            row: i.normalize(),
            column: j.normalize(),
            spacing: [j.length(), i.length()],
            rows: nj as u16,
            columns: ni as u16,
            hu: ct.data().index_axis(ndarray::Axis(0), k).iter().copied().collect(),
        })
        .collect()
}

/// Writes a series under names that say nothing about the order.
pub fn write_series(folder: &Path, slices: &[SliceFile]) {
    for slice in slices {
        let scrambled = (slice.number * 7919) % 1000;
        let name = format!("{}-{scrambled:03}-{}", slice.series_uid, slice.number);
        std::fs::write(folder.join(name), bytes(slice)).unwrap();
    }
}

pub fn write_phantom(folder: &Path, acquisition: Acquisition) {
    write_series(folder, &slices(&ct(acquisition)));
}

fn element(out: &mut Vec<u8>, group: u16, element: u16, vr: &str, value: &[u8]) {
    let pad = if vr == "UI" { 0 } else { b' ' };
    out.extend(group.to_le_bytes());
    out.extend(element.to_le_bytes());
    out.extend(vr.as_bytes());
    let length = value.len() + value.len() % 2;
    if matches!(vr, "OB" | "OW") {
        out.extend([0, 0]);
        out.extend((length as u32).to_le_bytes());
    } else {
        out.extend((length as u16).to_le_bytes());
    }
    out.extend(value);
    if value.len() % 2 == 1 {
        out.push(pad);
    }
}

/// Numbers as DICOM writes them: at most 16 characters each.
fn decimal(values: &[f64]) -> Vec<u8> {
    let one = |v: &f64| {
        let text = (1..=14).rev().map(|digits| format!("{v:.digits$}"));
        text.into_iter().find(|t| t.len() <= 16).unwrap()
    };
    values.iter().map(one).collect::<Vec<_>>().join("\\").into_bytes()
}

pub fn bytes(slice: &SliceFile) -> Vec<u8> {
    let mut meta = Vec::new();
    element(&mut meta, 2, 1, "OB", &[0, 1]);
    element(&mut meta, 2, 2, "UI", b"1.2.840.10008.5.1.4.1.1.2");
    element(&mut meta, 2, 3, "UI", format!("1.2.3.4.{}", slice.number).as_bytes());
    element(&mut meta, 2, 0x10, "UI", b"1.2.840.10008.1.2.1");
    element(&mut meta, 2, 0x12, "UI", b"1.2.3");
    let mut out = vec![0; 128];
    out.extend(b"DICM");
    element(&mut out, 2, 0, "UL", &(meta.len() as u32).to_le_bytes());
    out.extend(meta);
    let text = |out: &mut Vec<u8>, g, e, vr, value: &str| element(out, g, e, vr, value.as_bytes());
    text(&mut out, 8, 8, "CS", slice.image_type);
    text(&mut out, 8, 0x16, "UI", "1.2.840.10008.5.1.4.1.1.2");
    text(&mut out, 8, 0x18, "UI", &format!("1.2.3.4.{}", slice.number));
    text(&mut out, 8, 0x60, "CS", slice.modality);
    text(&mut out, 8, 0x103E, "LO", &format!("CT of {NAME}"));
    text(&mut out, 0x10, 0x10, "PN", NAME);
    text(&mut out, 0x10, 0x20, "LO", PATIENT_ID);
    text(&mut out, 0x18, 0x60, "DS", "120");
    text(&mut out, 0x18, 0x1210, "SH", "BONE");
    if !slice.patient_position.is_empty() {
        text(&mut out, 0x18, 0x5100, "CS", slice.patient_position);
    }
    text(&mut out, 0x20, 0xE, "UI", &slice.series_uid);
    text(&mut out, 0x20, 0x13, "IS", &slice.number.to_string());
    element(&mut out, 0x20, 0x32, "DS", &decimal(&slice.position.to_array()));
    let axes = [slice.row.to_array(), slice.column.to_array()].concat();
    element(&mut out, 0x20, 0x37, "DS", &decimal(&axes));
    text(&mut out, 0x20, 0x52, "UI", FRAME_OF_REFERENCE);
    let short =
        |out: &mut Vec<u8>, e, value: u16| element(out, 0x28, e, "US", &value.to_le_bytes());
    short(&mut out, 2, 1);
    text(&mut out, 0x28, 4, "CS", "MONOCHROME2");
    short(&mut out, 0x10, slice.rows);
    short(&mut out, 0x11, slice.columns);
    element(&mut out, 0x28, 0x30, "DS", &decimal(&slice.spacing));
    for (e, value) in [(0x100, 16), (0x101, 12), (0x102, 11), (0x103, 0)] {
        short(&mut out, e, value);
    }
    for (e, value) in [(0x1050, "480\\40"), (0x1051, "2500\\400"), (0x1052, "-1024"), (0x1053, "1")]
    {
        text(&mut out, 0x28, e, "DS", value);
    }
    // The four bits above the twelve stored ones hold what is no pixel.
    let words = slice.hu.iter().map(|hu| ((i32::from(*hu) + 1024) as u16 & 0x0FFF) | 0x5000);
    let pixels: Vec<u8> = words.flat_map(u16::to_le_bytes).collect();
    element(&mut out, 0x7FE0, 0x10, "OW", &pixels);
    out
}
