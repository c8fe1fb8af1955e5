//! The few attributes of a DICOM image that are asked for, typed.
//!
//! A classic file is one slice; an enhanced multi-frame file says the same things per frame, in
//! its functional groups.

use super::file::open;
use crate::ingest::IngestError;
use crate::labels::Lying;
use crate::space::{Dir, Patient, Point};
use dicom_object::{InMemDicomObject, Tag, mem::InMemElement};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A tag with the keyword that error messages name.
pub(super) struct Attribute(&'static str, pub Tag);

macro_rules! attributes {
    ($($name:ident = $keyword:literal $group:literal $element:literal;)+) => {
        $(pub(super) const $name: Attribute = Attribute($keyword, Tag($group, $element));)+
    };
}
attributes! {
    IMAGE_TYPE = "ImageType" 0x0008 0x0008;
    MODALITY = "Modality" 0x0008 0x0060;
    PATIENT_ID = "PatientID" 0x0010 0x0020;
    KVP = "KVP" 0x0018 0x0060;
    KERNEL = "ConvolutionKernel" 0x0018 0x1210;
    PATIENT_POSITION = "PatientPosition" 0x0018 0x5100;
    SERIES_UID = "SeriesInstanceUID" 0x0020 0x000E;
    INSTANCE_NUMBER = "InstanceNumber" 0x0020 0x0013;
    POSITION = "ImagePositionPatient" 0x0020 0x0032;
    ORIENTATION = "ImageOrientationPatient" 0x0020 0x0037;
    FRAME_OF_REFERENCE = "FrameOfReferenceUID" 0x0020 0x0052;
    PLANE_POSITION = "PlanePositionSequence" 0x0020 0x9113;
    PLANE_ORIENTATION = "PlaneOrientationSequence" 0x0020 0x9116;
    SAMPLES = "SamplesPerPixel" 0x0028 0x0002;
    FRAMES = "NumberOfFrames" 0x0028 0x0008;
    ROWS = "Rows" 0x0028 0x0010;
    COLUMNS = "Columns" 0x0028 0x0011;
    PIXEL_SPACING = "PixelSpacing" 0x0028 0x0030;
    WINDOW_CENTER = "WindowCenter" 0x0028 0x1050;
    WINDOW_WIDTH = "WindowWidth" 0x0028 0x1051;
    INTERCEPT = "RescaleIntercept" 0x0028 0x1052;
    SLOPE = "RescaleSlope" 0x0028 0x1053;
    PIXEL_MEASURES = "PixelMeasuresSequence" 0x0028 0x9110;
    FRAME_VOI = "FrameVOILUTSequence" 0x0028 0x9132;
    PIXEL_VALUES = "PixelValueTransformationSequence" 0x0028 0x9145;
    SHARED_GROUPS = "SharedFunctionalGroupsSequence" 0x5200 0x9229;
    FRAME_GROUPS = "PerFrameFunctionalGroupsSequence" 0x5200 0x9230;
}
pub(super) const PIXEL_DATA: Tag = Tag(0x7FE0, 0x0010);

/// One image of a file: where it lies, and how its numbers become HU.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    pub file: Arc<PathBuf>,
    /// Counted from 0 within the file.
    pub frame: u32,
    pub instance_number: i64,
    /// Pixels along a row (i) and down a column (j).
    pub size: [usize; 2],
    /// Distance of pixel centres along a row and down a column, mm.
    pub spacing_mm: [f64; 2],
    /// Unit direction along a row (i grows).
    pub row: Dir<Patient>,
    /// Unit direction down a column (j grows).
    pub column: Dir<Patient>,
    /// Centre of the first pixel.
    pub position: Point<Patient>,
    /// HU = value * slope + intercept; `None` where the file does not say.
    pub rescale: Option<(f64, f64)>,
}

/// What is kept of a file's header. Holds no name, date or free text.
pub(super) struct Header {
    pub path: PathBuf,
    pub series_uid: String,
    pub modality: String,
    /// A scout image, which shows the patient from the side and is no slice.
    pub is_localizer: bool,
    pub frame_of_reference_uid: Option<String>,
    pub patient_id: Option<String>,
    /// (width, level) in HU.
    pub window: Option<(f64, f64)>,
    /// How the patient lay, where the file says it in a word that is known.
    pub lying: Option<Lying>,
    pub kernel: Option<String>,
    pub kvp: Option<f64>,
    /// The error waits here until somebody wants this very file as an image.
    pub slices: Result<Vec<Slice>, IngestError>,
}

impl Header {
    /// Reads a file up to its pixels. An object without an image (a report, a plan) has no slices.
    pub fn read(path: &Path) -> Result<Self, IngestError> {
        let object = open(path, Some(PIXEL_DATA))?;
        let groups = Groups { object: &object, frame: None };
        let image_type = object.get(IMAGE_TYPE.1).and_then(|e| e.to_str().ok());
        let first_of = |a: Attribute, group: Attribute| groups.numbers(&a, &group).first().copied();
        Ok(Self {
            path: path.to_owned(),
            series_uid: text(&object, &SERIES_UID).unwrap_or_default(),
            modality: text(&object, &MODALITY).unwrap_or_else(|| "no image".to_owned()),
            is_localizer: image_type.is_some_and(|t| t.contains("LOCALIZER")),
            frame_of_reference_uid: text(&object, &FRAME_OF_REFERENCE),
            patient_id: text(&object, &PATIENT_ID),
            window: first_of(WINDOW_WIDTH, FRAME_VOI).zip(first_of(WINDOW_CENTER, FRAME_VOI)),
            lying: text(&object, &PATIENT_POSITION).and_then(|word| Lying::of_dicom(&word)),
            kernel: text(&object, &KERNEL),
            kvp: object.get(KVP.1).and_then(|e| e.to_float64().ok()),
            slices: slices(path, &object),
        })
    }
    /// What the file is, for a message: the modality, or that it is a scout.
    pub fn kind(&self) -> String {
        let scout = if self.is_localizer { " scout" } else { "" };
        format!("{}{scout}", self.modality)
    }
    /// True for a CT image that is no scout.
    pub fn is_ct(&self) -> bool {
        self.modality == "CT" && !self.is_localizer
    }
}

fn slices(path: &Path, object: &InMemDicomObject) -> Result<Vec<Slice>, IngestError> {
    let file = Arc::new(path.to_owned());
    let frames = whole(object, &FRAMES).unwrap_or(1).max(1);
    let per_frame = object.get(FRAME_GROUPS.1).and_then(|e| e.items()).unwrap_or(&[]);
    // A frame that no functional group describes has no place of its own.
    if frames > 1 && per_frame.len() as i64 != frames {
        return Err(missing(path, &FRAME_GROUPS));
    }
    (0..frames as u32)
        .map(|frame| {
            let groups = Groups { object, frame: per_frame.get(frame as usize) };
            slice(&file, frame, &groups)
        })
        .collect()
}

fn slice(file: &Arc<PathBuf>, frame: u32, groups: &Groups<'_>) -> Result<Slice, IngestError> {
    let path = file.as_path();
    let object = groups.object;
    let count = |a: &Attribute| {
        whole(object, a)
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| *n > 0)
            .ok_or_else(|| missing(path, a))
    };
    if whole(object, &SAMPLES).unwrap_or(1) != 1 {
        return Err(missing(path, &SAMPLES));
    }
    let vector = |a: &Attribute, group: &Attribute, count: usize| {
        let numbers = groups.numbers(a, group);
        let usable = numbers.len() == count && numbers.iter().all(|n| n.is_finite());
        if usable { Ok(numbers) } else { Err(missing(path, a)) }
    };
    let spacing = vector(&PIXEL_SPACING, &PIXEL_MEASURES, 2)?;
    if spacing.iter().any(|mm| *mm <= 0.0) {
        return Err(missing(path, &PIXEL_SPACING));
    }
    let position = vector(&POSITION, &PLANE_POSITION, 3)?;
    let axes = vector(&ORIENTATION, &PLANE_ORIENTATION, 6)?;
    let unit = |at: usize| {
        let raw: Dir<Patient> = Dir::new(axes[at], axes[at + 1], axes[at + 2]);
        raw.unit().filter(|_| (raw.length() - 1.0).abs() < 0.01)
    };
    let (Some(row), Some(column)) = (unit(0), unit(3)) else {
        return Err(missing(path, &ORIENTATION));
    };
    if row.dot(column).abs() > 1e-3 {
        return Err(missing(path, &ORIENTATION));
    }
    let first = |a: &Attribute| groups.numbers(a, &PIXEL_VALUES).first().copied();
    Ok(Slice {
        file: file.clone(),
        frame,
        instance_number: whole(object, &INSTANCE_NUMBER).unwrap_or(i64::from(frame)),
        size: [count(&COLUMNS)?, count(&ROWS)?],
        // DICOM gives the distance between rows first: that is the step down a column.
        spacing_mm: [spacing[1], spacing[0]],
        row,
        column,
        position: Point::new(position[0], position[1], position[2]),
        rescale: first(&SLOPE).zip(first(&INTERCEPT)).filter(|(slope, _)| *slope != 0.0),
    })
}

/// Where an attribute may stand: in the frame's group, in the shared one, or in the object itself.
struct Groups<'a> {
    object: &'a InMemDicomObject,
    frame: Option<&'a InMemDicomObject>,
}

impl Groups<'_> {
    fn element(&self, a: &Attribute, group: &Attribute) -> Option<&InMemElement> {
        fn within(o: &InMemDicomObject, group: Tag, tag: Tag) -> Option<&InMemElement> {
            o.get(group)?.items()?.first()?.get(tag)
        }
        let shared = self.object.get(SHARED_GROUPS.1).and_then(|e| e.items()?.first());
        self.frame
            .and_then(|frame| within(frame, group.1, a.1))
            .or_else(|| shared.and_then(|shared| within(shared, group.1, a.1)))
            .or_else(|| self.object.get(a.1))
    }
    /// All numbers of an attribute; empty where it is missing or holds no numbers.
    fn numbers(&self, a: &Attribute, group: &Attribute) -> Vec<f64> {
        self.element(a, group).and_then(|e| e.to_multi_float64().ok()).unwrap_or_default()
    }
}

pub(super) fn missing(path: &Path, Attribute(keyword, tag): &Attribute) -> IngestError {
    IngestError::DicomAttribute { path: path.to_owned(), attribute: format!("{keyword} {tag}") }
}

fn whole(object: &InMemDicomObject, a: &Attribute) -> Option<i64> {
    object.get(a.1)?.to_int().ok()
}

/// Trimmed text; `None` where it is missing or empty.
fn text(object: &InMemDicomObject, a: &Attribute) -> Option<String> {
    let text = object.get(a.1)?.to_str().ok()?.trim_matches([' ', '\0']).to_owned();
    (!text.is_empty()).then_some(text)
}
