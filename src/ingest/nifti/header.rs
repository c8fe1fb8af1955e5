//! The fixed fields of a NIfTI header, of version 1 (348 bytes) and 2 (540 bytes).

use super::place::Place;
use crate::ingest::IngestError;
use crate::ingest::raw::Scalar;
use std::path::Path;

/// What must be read to know how long the header is.
pub(super) const FIRST_BYTES: usize = 4;
const SIZE_1: usize = 348;
const SIZE_2: usize = 540;

/// What a header says, without the fields that nobody here asks for.
pub(super) struct Header {
    pub size: [usize; 3],
    pub scalar: Scalar,
    pub big_endian: bool,
    /// Byte in the (decompressed) file at which the image starts.
    pub image_starts_at: u64,
    pub slope: f64,
    pub intercept: f64,
    pub place: Place,
}

/// Length of the header that starts with these bytes.
pub(super) fn size_of(path: &Path, first: &[u8]) -> Result<usize, IngestError> {
    let start = Fields { bytes: first, big: false, v2: false };
    let found = start.i32(0);
    match (found, found.swap_bytes()) {
        (348, _) | (_, 348) => Ok(SIZE_1),
        (540, _) | (_, 540) => Ok(SIZE_2),
        _ => Err(IngestError::bad(path, "sizeof_hdr", found)),
    }
}

impl Header {
    /// `bytes` holds the whole header, as long as [`size_of`] says.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, IngestError> {
        let v2 = bytes.len() == SIZE_2;
        let little = Fields { bytes, big: false, v2 };
        let f = Fields { big: little.i32(0) as usize != bytes.len(), ..little };
        check_magic(path, &f)?;
        let size = dimensions(path, &f)?;
        let start = f.vox_offset();
        let least = bytes.len() as f64 + 4.0;
        let slope = f.real(112, 176);
        let usable = slope.is_finite() && slope != 0.0;
        let intercept = f.real(116, 184);
        Ok(Self {
            size,
            scalar: scalar(path, f.datatype())?,
            big_endian: f.big,
            image_starts_at: if start >= least { start as u64 } else { least as u64 },
            // A slope of 0 or NaN means none.
            slope: if usable { slope } else { 1.0 },
            intercept: if usable && intercept.is_finite() { intercept } else { 0.0 },
            place: place(&f),
        })
    }
}

fn check_magic(path: &Path, f: &Fields<'_>) -> Result<(), IngestError> {
    let magic = if f.v2 { f.array::<4>(4) } else { f.array::<4>(344) };
    let remedy = "convert it to a single .nii or .nii.gz file";
    let unsupported = |value: &str| IngestError::Unsupported {
        path: path.to_owned(),
        field: "the file layout",
        value: value.to_owned(),
        remedy,
    };
    match &magic {
        b"n+1\0" | b"n+2\0" => Ok(()),
        b"ni1\0" | b"ni2\0" => Err(unsupported("header and image in two files")),
        [0, 0, 0, 0] => Err(unsupported("Analyze 7.5, which does not tell left from right")),
        other => Err(IngestError::bad(path, "magic", format!("{other:?}"))),
    }
}

/// Voxels along i, j, k. More than one frame, channel or time point is refused.
fn dimensions(path: &Path, f: &Fields<'_>) -> Result<[usize; 3], IngestError> {
    let count = f.dim(0);
    if !(1..=7).contains(&count) {
        return Err(IngestError::bad(path, "dim[0]", count));
    }
    let extent = |n: i64| if n <= count { f.dim(n as usize) } else { 1 };
    let frames: i64 = (4..=7).map(extent).fold(1, |product, n| product.saturating_mul(n.max(1)));
    if frames > 1 {
        return Err(IngestError::Unsupported {
            path: path.to_owned(),
            field: "several frames:",
            value: frames.to_string(),
            remedy: "save one frame as a 3D image",
        });
    }
    let mut size = [0; 3];
    for (axis, n) in size.iter_mut().enumerate() {
        let extent = extent(axis as i64 + 1);
        *n = usize::try_from(extent)
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| IngestError::bad(path, "dim", extent))?;
    }
    Ok(size)
}

fn scalar(path: &Path, datatype: i16) -> Result<Scalar, IngestError> {
    Ok(match datatype {
        2 => Scalar::U8,
        4 => Scalar::I16,
        8 => Scalar::I32,
        16 => Scalar::F32,
        64 => Scalar::F64,
        256 => Scalar::I8,
        512 => Scalar::U16,
        768 => Scalar::U32,
        1024 => Scalar::I64,
        1280 => Scalar::U64,
        other => {
            return Err(IngestError::Unsupported {
                path: path.to_owned(),
                field: "datatype",
                value: other.to_string(),
                remedy: "save it as 16-bit integers",
            });
        }
    })
}

fn place(f: &Fields<'_>) -> Place {
    let row = |n: usize| -> [f64; 4] {
        std::array::from_fn(|c| f.real(280 + 16 * n + 4 * c, 400 + 32 * n + 8 * c))
    };
    let units = if f.v2 { f.i32(500) } else { i32::from(f.array::<1>(123)[0]) };
    Place {
        qform_code: f.code(252, 344),
        sform_code: f.code(254, 348),
        pixdim: std::array::from_fn(|n| f.real(76 + 4 * n, 104 + 8 * n)),
        quatern: std::array::from_fn(|n| f.real(256 + 4 * n, 352 + 8 * n)),
        offset: std::array::from_fn(|n| f.real(268 + 4 * n, 376 + 8 * n)),
        srow: std::array::from_fn(row),
        // Codes of xyzt_units: 1 metre, 2 millimetre, 3 micrometre; 0 is millimetre in practice.
        unit_mm: match units & 7 {
            1 => 1000.0,
            3 => 1e-3,
            _ => 1.0,
        },
    }
}

/// Numbers at byte offsets; the two versions keep the same fields at different places and widths.
#[derive(Clone, Copy)]
struct Fields<'a> {
    bytes: &'a [u8],
    big: bool,
    v2: bool,
}

impl Fields<'_> {
    /// `N` bytes in little-endian order for numbers; zeros beyond the end, which no field reaches.
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut out = [0; N];
        if let Some(bytes) = self.bytes.get(at..at + N) {
            out.copy_from_slice(bytes);
        }
        out
    }
    fn ordered<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut out = self.array::<N>(at);
        if self.big {
            out.reverse();
        }
        out
    }
    fn i16(&self, at: usize) -> i16 {
        i16::from_le_bytes(self.ordered(at))
    }
    fn i32(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.ordered(at))
    }
    /// A float of 4 bytes at `v1` in version 1, of 8 bytes at `v2` in version 2.
    fn real(&self, v1: usize, v2: usize) -> f64 {
        if self.v2 {
            f64::from_le_bytes(self.ordered(v2))
        } else {
            f64::from(f32::from_le_bytes(self.ordered(v1)))
        }
    }
    fn code(&self, v1: usize, v2: usize) -> i32 {
        if self.v2 { self.i32(v2) } else { i32::from(self.i16(v1)) }
    }
    fn dim(&self, n: usize) -> i64 {
        if self.v2 {
            i64::from_le_bytes(self.ordered(16 + 8 * n))
        } else {
            i64::from(self.i16(40 + 2 * n))
        }
    }
    fn datatype(&self) -> i16 {
        if self.v2 { self.i16(12) } else { self.i16(70) }
    }
    fn vox_offset(&self) -> f64 {
        if self.v2 { i64::from_le_bytes(self.ordered(168)) as f64 } else { self.real(108, 0) }
    }
}
