//! DICOM out: one CT series, one file per slice, Explicit VR Little Endian.
//!
//! In: a volume in HU and what is to be said about it. Out: files that a strict validator accepts.
//! All identifiers are made from one name, so that the same name gives the same bytes.

use crate::ingest::IngestError;
use crate::labels::Posture;
use crate::volume::Volume;
use crate::work::{Cancelled, Work};
use glam::DVec3;
use ndarray::Axis;
use std::io::Read;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// What is said about a series beside its pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// All UIDs are made from this.
    pub name: String,
    /// Patient's name, `Family^Given`, and the patient's number.
    pub patient: [String; 2],
    /// Day and time of the study, `YYYYMMDD` and `HHMMSS`.
    pub date: [String; 2],
    /// What the series shows.
    pub description: String,
    /// Thickness of a slice, mm.
    pub slice_mm: f64,
    /// Name of the contrast agent, if any.
    pub contrast: Option<String>,
    /// How the patient lay or stood.
    pub posture: Posture,
}

/// A series that was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The disk refused.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The caller stopped it; some files may be there.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// Something else lies in the folder.
    #[error("{0} was not written by corridor phantom: choose another folder, or take it away")]
    Occupied(PathBuf),
}

const CT_IMAGE_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.2";
/// The identifier of the program that wrote a file is made from this.
const PROGRAM: &str = "corridor";
const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";
/// HU of the stored value 0; 12 bits reach from here to 3071.
const INTERCEPT_HU: i16 = -1024;

/// Writes every slice of `ct` into `folder`, which is made where it is missing, as `0001.dcm` and
/// so on from the first slice to the last. HU outside -1024 to 3071 are clipped. What an earlier
/// run left there goes first, as [`clear`] has it.
///
/// Rows run along the volume's i, columns along its j; slices may be sheared against each other, as
/// a tilted gantry does.
pub fn write_ct(
    folder: &Path,
    ct: &Volume<i16>,
    about: &About,
    work: &Work,
) -> Result<Vec<PathBuf>, WriteError> {
    clear(folder)?;
    std::fs::create_dir_all(folder).map_err(|e| IngestError::io(folder, e))?;
    let slices = ct.grid().size()[2];
    let mut files = Vec::new();
    for k in 0..slices {
        work.step("writing DICOM", k as f32 / slices.max(1) as f32)?;
        let path = folder.join(format!("{:04}.dcm", k + 1));
        std::fs::write(&path, slice(ct, about, k)).map_err(|e| IngestError::io(&path, e))?;
        files.push(path);
    }
    Ok(files)
}

/// Removes the slices that an earlier run wrote into `folder`, which need not be there: beside new
/// ones they are a second series, and a reader may take that. Where anything else lies there, that is
/// named and nothing removed.
pub fn clear(folder: &Path) -> Result<(), WriteError> {
    if !folder.exists() {
        return Ok(());
    }
    let failed = |e| IngestError::io(folder, e);
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let files = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut files = files.collect::<Result<Vec<PathBuf>, _>>().map_err(failed)?;
    files.sort();
    if let Some(other) = files.iter().find(|file| !is_ours(file)) {
        return Err(WriteError::Occupied(other.clone()));
    }
    for file in &files {
        std::fs::remove_file(file).map_err(|e| IngestError::io(file, e))?;
    }
    Ok(())
}

/// Whether a file was written here: its first attributes name the program that wrote it.
fn is_ours(file: &Path) -> bool {
    /// Past the end of those attributes in every file written here.
    const START_BYTES: u64 = 512;
    let mut start = Vec::new();
    let read = |opened: std::fs::File| opened.take(START_BYTES).read_to_end(&mut start);
    let is_read = file.is_file() && std::fs::File::open(file).and_then(read).is_ok();
    let program = uid(PROGRAM);
    is_read && start.windows(program.len()).any(|bytes| bytes == program.as_bytes())
}

/// An identifier that depends on a name alone: a UUID below the root 2.25, as DICOM PS3.5 B.2 has
/// it.
fn uid(name: &str) -> String {
    format!("2.25.{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).as_u128())
}

/// The bytes of one file.
fn slice(ct: &Volume<i16>, about: &About, k: usize) -> Vec<u8> {
    let instance = uid(&format!("{}/slice/{k}", about.name));
    let mut meta = Elements::default();
    meta.bytes(0x0002_0001, b"OB", &[0, 1]);
    meta.text(0x0002_0002, b"UI", CT_IMAGE_STORAGE);
    meta.text(0x0002_0003, b"UI", &instance);
    meta.text(0x0002_0010, b"UI", EXPLICIT_LITTLE);
    meta.text(0x0002_0012, b"UI", &uid(PROGRAM));
    let mut start = Elements::default();
    start.bytes(0x0002_0000, b"UL", &(meta.0.len() as u32).to_le_bytes());
    let mut out = vec![0; 128];
    out.extend(b"DICM");
    out.extend(start.0);
    out.extend(meta.0);
    let mut data = Elements::default();
    identification(&mut data, about, &instance);
    acquisition(&mut data, about, k);
    place(&mut data, ct, about, k);
    pixels(&mut data, ct, k);
    out.extend(data.0);
    out
}

/// Groups 0008 and 0010: who, when, what.
fn identification(data: &mut Elements, about: &About, instance: &str) {
    let [name, number] = &about.patient;
    let [date, time] = &about.date;
    data.text(0x0008_0008, b"CS", "ORIGINAL\\PRIMARY\\AXIAL");
    data.text(0x0008_0016, b"UI", CT_IMAGE_STORAGE);
    data.text(0x0008_0018, b"UI", instance);
    for tag in [0x0008_0020, 0x0008_0021, 0x0008_0022, 0x0008_0023] {
        data.text(tag, b"DA", date);
    }
    for tag in [0x0008_0030, 0x0008_0031, 0x0008_0032, 0x0008_0033] {
        data.text(tag, b"TM", time);
    }
    data.text(0x0008_0050, b"SH", "");
    data.text(0x0008_0060, b"CS", "CT");
    data.text(0x0008_0070, b"LO", "Corridor");
    data.text(0x0008_0090, b"PN", "");
    data.text(0x0008_1030, b"LO", "Simulated spine");
    data.text(0x0008_103E, b"LO", &about.description);
    data.text(0x0008_1090, b"LO", "Phantom");
    data.text(0x0010_0010, b"PN", name);
    data.text(0x0010_0020, b"LO", number);
    data.text(0x0010_0030, b"DA", "");
    data.text(0x0010_0040, b"CS", "O");
}

/// Groups 0018 and the identifiers of 0020.
fn acquisition(data: &mut Elements, about: &About, k: usize) {
    if let Some(agent) = &about.contrast {
        data.text(0x0018_0010, b"LO", agent);
    }
    data.text(0x0018_0015, b"CS", "SPINE");
    data.text(0x0018_0050, b"DS", &decimal(&[about.slice_mm]));
    data.text(0x0018_0060, b"DS", "120");
    data.text(0x0018_1020, b"LO", env!("CARGO_PKG_VERSION"));
    data.text(0x0018_5100, b"CS", position(about.posture));
    data.text(0x0020_000D, b"UI", &uid(&format!("{}/study", about.name)));
    data.text(0x0020_000E, b"UI", &uid(&format!("{}/series", about.name)));
    data.text(0x0020_0010, b"SH", "1");
    data.text(0x0020_0011, b"IS", "1");
    data.text(0x0020_0012, b"IS", "1");
    data.text(0x0020_0013, b"IS", &(k + 1).to_string());
}

/// Patient Position, the head first. There is no word for who stands; it may then be empty.
fn position(posture: Posture) -> &'static str {
    match posture {
        Posture::Supine => "HFS",
        Posture::Prone => "HFP",
        Posture::Standing => "",
    }
}

/// Where the slice lies.
fn place(data: &mut Elements, ct: &Volume<i16>, about: &About, k: usize) {
    let steps = ct.grid().patient_from_voxel().map().matrix3;
    let [row, column] = [steps.x_axis, steps.y_axis].map(DVec3::normalize);
    let position = ct.grid().centre([0, 0, k]);
    let [ni, nj, _] = ct.grid().size();
    data.text(0x0020_0032, b"DS", &decimal(&position.to_array()));
    data.text(0x0020_0037, b"DS", &decimal(&[row.to_array(), column.to_array()].concat()));
    data.text(0x0020_0052, b"UI", &uid(&format!("{}/frame", about.name)));
    data.text(0x0020_1040, b"LO", "");
    data.number(0x0028_0002, 1);
    data.text(0x0028_0004, b"CS", "MONOCHROME2");
    data.number(0x0028_0010, nj as u16);
    data.number(0x0028_0011, ni as u16);
    let spacing = decimal(&[steps.y_axis.length(), steps.x_axis.length()]);
    data.text(0x0028_0030, b"DS", &spacing);
}

fn pixels(data: &mut Elements, ct: &Volume<i16>, k: usize) {
    for (tag, value) in [(0x0028_0100, 16), (0x0028_0101, 12), (0x0028_0102, 11), (0x0028_0103, 0)]
    {
        data.number(tag, value);
    }
    data.text(0x0028_1050, b"DS", "400");
    data.text(0x0028_1051, b"DS", "2000");
    data.text(0x0028_1052, b"DS", &INTERCEPT_HU.to_string());
    data.text(0x0028_1053, b"DS", "1");
    data.text(0x0028_1054, b"LO", "HU");
    let stored = |hu: &i16| (i32::from(*hu) - i32::from(INTERCEPT_HU)).clamp(0, 4095) as u16;
    let slice = ct.data().index_axis(Axis(0), k);
    let bytes: Vec<u8> = slice.iter().flat_map(|hu| stored(hu).to_le_bytes()).collect();
    data.bytes(0x7FE0_0010, b"OW", &bytes);
}

/// Numbers as DICOM writes them: at most 16 characters each, with all the digits that fit.
fn decimal(values: &[f64]) -> String {
    let one = |v: &f64| {
        let v = if v.abs() < 1e-12 { 0.0 } else { *v };
        let plain = v.to_string();
        let fitted = (0..=14).rev().map(|digits| format!("{v:.digits$}"));
        [plain].into_iter().chain(fitted).find(|t| t.len() <= 16).unwrap_or_default()
    };
    values.iter().map(one).collect::<Vec<_>>().join("\\")
}

/// Data elements in the order of their tags.
#[derive(Default)]
struct Elements(Vec<u8>);

impl Elements {
    /// `tag` is group and element; odd lengths are padded as the kind of value asks.
    fn bytes(&mut self, tag: u32, vr: &[u8; 2], value: &[u8]) {
        let padded = value.len() + value.len() % 2;
        self.0.extend(((tag >> 16) as u16).to_le_bytes());
        self.0.extend((tag as u16).to_le_bytes());
        self.0.extend(vr);
        if matches!(vr, b"OB" | b"OW") {
            self.0.extend([0, 0]);
            self.0.extend((padded as u32).to_le_bytes());
        } else {
            self.0.extend((padded as u16).to_le_bytes());
        }
        self.0.extend(value);
        if value.len() % 2 == 1 {
            self.0.push(if matches!(vr, b"UI" | b"OB") { 0 } else { b' ' });
        }
    }
    fn text(&mut self, tag: u32, vr: &[u8; 2], value: &str) {
        self.bytes(tag, vr, value.as_bytes());
    }
    fn number(&mut self, tag: u32, value: u16) {
        self.bytes(tag, b"US", &value.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_fit_in_sixteen_characters_and_read_back() {
        for v in [0.0, -1e-17, 0.5, -123.456_789_012_345_67, 1.0 / 3.0, -0.866_025_403_784_438_6] {
            let text = decimal(&[v]);
            assert!(text.len() <= 16, "{text}");
            assert!((text.parse::<f64>().expect("a number") - v).abs() < 1e-9, "{text}");
        }
    }

    #[test]
    fn identifiers_depend_on_the_name_alone() {
        assert_eq!(uid("a"), uid("a"));
        assert_ne!(uid("a"), uid("b"));
        assert!(uid("a").len() <= 64);
    }
}
