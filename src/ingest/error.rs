//! Why a file could not be read, and what to do about it.

use crate::volume::grid::GridError;
use crate::work::Cancelled;
use std::path::{Path, PathBuf};

/// Why reading or writing an image failed. Every message names the file and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// Nothing lies at the path.
    #[error("there is nothing at {path}: check the spelling of the path")]
    NoSuchPath {
        /// What was asked for.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{path} can not be read or written: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A folder with no file in it.
    #[error("the folder {path} is empty: name a folder of DICOM files, a NIfTI or an NRRD file")]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A folder without DICOM images, and not exactly one NIfTI or NRRD file either.
    #[error(
        "the folder {path} holds no DICOM image and {}: name the one to open",
        match volumes { 0 => "no NIfTI or NRRD file".to_owned(), n => format!("{n} NIfTI or NRRD files") }
    )]
    NoDicom {
        /// The folder.
        path: PathBuf,
        /// How many NIfTI and NRRD files lie in it.
        volumes: usize,
    },
    /// The first bytes belong to no format that is read here.
    #[error("{path} is neither DICOM, NIfTI nor NRRD: convert it to one of them")]
    NotAnImage {
        /// The file.
        path: PathBuf,
    },
    /// The file ends before its own header says it does.
    #[error(
        "{path} is cut short: its header promises {expected_bytes} bytes of {what}, \
         it holds {found_bytes}; copy or export it again"
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// What is cut: header or image.
        what: &'static str,
        /// Bytes promised, after decompression.
        expected_bytes: u64,
        /// Bytes there, after decompression.
        found_bytes: u64,
    },
    /// A DICOM file that ends in the middle of an attribute.
    #[error("{path} is cut short: it ends in the middle of an attribute; copy or export it again")]
    CutShort {
        /// The file.
        path: PathBuf,
    },
    /// A compressed stream whose inner checks fail.
    #[error("{path} is damaged: its compressed data do not check; copy or export it again")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A header field whose value means nothing.
    #[error("{path} has a damaged header: {field} is {value}; export it again")]
    BadHeader {
        /// The file.
        path: PathBuf,
        /// Which field.
        field: &'static str,
        /// What it says.
        value: String,
    },
    /// A header field whose value is legal but not read here.
    #[error("{path} has {field} {value}, which Corridor does not read: {remedy}")]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// Which field.
        field: &'static str,
        /// What it says.
        value: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Size or matrix place no image in space.
    #[error("{path} places no image in space: {source}; export it again")]
    Grid {
        /// The file.
        path: PathBuf,
        /// What is wrong with the grid.
        source: GridError,
    },
    /// A file given as labels holds values that are no labels.
    #[error(
        "{path} is no label map: it holds the value {value}, and labels are whole numbers \
         from 0 to 65535; was the CT given as labels?"
    )]
    NotLabels {
        /// The file.
        path: PathBuf,
        /// The first value found that is no label.
        value: f64,
    },
    /// Labels were asked for in a folder that holds none.
    #[error(
        "the folder {path} holds no labels: name a NIfTI or NRRD file, a DICOM segmentation, or a \
         folder of masks"
    )]
    NoLabels {
        /// The folder.
        path: PathBuf,
    },
    /// More than one DICOM segmentation in a folder given as labels.
    #[error("the folder {path} holds {count} DICOM segmentations: name the one to open")]
    SeveralSegmentations {
        /// The folder.
        path: PathBuf,
        /// How many.
        count: usize,
    },
    /// A DICOM file given as labels that is none.
    #[error("{path} holds no labels but {found}: name a DICOM segmentation (SEG)")]
    NotASegmentation {
        /// The file.
        path: PathBuf,
        /// Its modality.
        found: String,
    },
    /// A file in a folder of masks that holds more than one structure.
    #[error(
        "{path} is no mask, since it holds the values {} and {}: a folder given as labels holds \
         one structure a file; name this file alone, or take it out", values[0], values[1]
    )]
    NotAMask {
        /// The file.
        path: PathBuf,
        /// Two of its values.
        values: [u16; 2],
    },
    /// A mask on another grid than those before it.
    #[error(
        "{path} has another size or place than the other masks of its folder: take it out, or \
         export them all with the geometry of the CT"
    )]
    MaskElsewhere {
        /// The file.
        path: PathBuf,
    },
    /// Labels and CT lie on different grids, and one of them does not say where.
    #[error(
        "the labels have {labels:?} voxels and the CT {ct:?}, and the {silent} does not say where \
         it lies in the patient: export the labels again with the geometry of the CT"
    )]
    OtherGridWithoutSpace {
        /// Voxels of the labels along i, j, k.
        labels: [usize; 3],
        /// Voxels of the CT along i, j, k.
        ct: [usize; 3],
        /// Which one is silent: `label map` or `CT`.
        silent: &'static str,
    },
    /// No labelled voxel lies inside the CT.
    #[error(
        "no labelled voxel lies inside the CT: these labels are of another image, or empty; \
         choose the labels that were drawn on this CT"
    )]
    LabelsElsewhere,
    /// A file that starts as DICOM and then can not be parsed.
    #[error("{path} can not be read as DICOM ({reason}): copy or export it again")]
    BadDicom {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// A DICOM attribute that an image must have is missing or senseless.
    #[error("{path} has no usable {attribute}: export the series again")]
    DicomAttribute {
        /// The file.
        path: PathBuf,
        /// Keyword and tag, e.g. `ImagePositionPatient (0020,0032)`.
        attribute: String,
    },
    /// DICOM, but no CT.
    #[error("{path} holds no CT image, only {found}: name the CT series")]
    NoCt {
        /// File or folder.
        path: PathBuf,
        /// Modalities that were found.
        found: String,
    },
    /// Pixels in a coding that can not be decoded here.
    #[error(
        "{path} stores its pixels as {transfer_syntax}, which can not be decoded ({reason}): \
         export the series uncompressed (Explicit VR Little Endian)"
    )]
    Pixels {
        /// The file.
        path: PathBuf,
        /// Name and UID of the transfer syntax.
        transfer_syntax: String,
        /// What the decoder said.
        reason: String,
    },
    /// Slices that make no volume.
    #[error(
        "the series of {path} makes no volume: of its slices {slices} can be used, at least \
         {needed} evenly spaced ones are needed ({why}); export the whole series"
    )]
    NoVolume {
        /// File or folder.
        path: PathBuf,
        /// Slices that could be used.
        slices: usize,
        /// How many are needed.
        needed: usize,
        /// What was wrong with the others.
        why: &'static str,
    },
    /// The caller asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl IngestError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        if source.kind() == std::io::ErrorKind::NotFound {
            Self::NoSuchPath { path: path.to_owned() }
        } else {
            Self::Io { path: path.to_owned(), source }
        }
    }
    pub(crate) fn bad(path: &Path, field: &'static str, value: impl ToString) -> Self {
        Self::BadHeader { path: path.to_owned(), field, value: value.to_string() }
    }
    pub(crate) fn grid(path: &Path) -> impl FnOnce(GridError) -> Self + '_ {
        |source| Self::Grid { path: path.to_owned(), source }
    }
}
