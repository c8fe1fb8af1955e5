//! Numbers as a NIfTI or NRRD file stores them, and how they become HU or labels.

use super::{IngestError, Warning};
use crate::volume::{Grid, Volume};
use crate::work::Work;
use ndarray::Array3;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How one number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

impl Scalar {
    pub fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }
}

/// An image before its numbers mean anything.
pub(super) struct RawImage {
    pub path: PathBuf,
    pub grid: Grid,
    pub scalar: Scalar,
    pub big_endian: bool,
    /// Exactly `grid.len() * scalar.bytes()` bytes, i fastest.
    pub bytes: Vec<u8>,
    /// HU = stored value * slope + intercept.
    pub slope: f64,
    pub intercept: f64,
    pub has_space: bool,
    pub names: BTreeMap<u16, String>,
    pub warnings: Vec<Warning>,
}

/// What stands for a voxel that holds no number.
const AIR_HU: i16 = -1024;

impl RawImage {
    /// Every stored number, in parallel, through `f`.
    pub fn map<T: Send, E: Send>(
        &self,
        f: impl Fn(f64) -> Result<T, E> + Sync,
    ) -> Result<Vec<T>, E> {
        macro_rules! each {
            ($t:ty) => {
                self.bytes
                    .par_chunks_exact(size_of::<$t>())
                    .map(|chunk| {
                        let mut b = [0; size_of::<$t>()];
                        b.copy_from_slice(chunk);
                        let value = if self.big_endian {
                            <$t>::from_be_bytes(b)
                        } else {
                            <$t>::from_le_bytes(b)
                        };
                        f(value as f64)
                    })
                    .collect()
            };
        }
        match self.scalar {
            Scalar::U8 => each!(u8),
            Scalar::I8 => each!(i8),
            Scalar::U16 => each!(u16),
            Scalar::I16 => each!(i16),
            Scalar::U32 => each!(u32),
            Scalar::I32 => each!(i32),
            Scalar::U64 => each!(u64),
            Scalar::I64 => each!(i64),
            Scalar::F32 => each!(f32),
            Scalar::F64 => each!(f64),
        }
    }

    /// HU, rounded to whole numbers; what does not fit is cut and counted.
    pub fn into_hu(
        self,
        warnings: &mut Vec<Warning>,
        work: &Work,
    ) -> Result<Volume<i16>, IngestError> {
        work.step("to HU", 0.0)?;
        let (clipped, nan) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let values = self.map(|stored| {
            let hu = (stored * self.slope + self.intercept).round();
            if hu.is_nan() {
                nan.fetch_add(1, Ordering::Relaxed);
                return Ok::<i16, IngestError>(AIR_HU);
            }
            if hu < f64::from(i16::MIN) || hu > f64::from(i16::MAX) {
                clipped.fetch_add(1, Ordering::Relaxed);
            }
            Ok(hu as i16)
        })?;
        let (clipped, nan) = (clipped.into_inner(), nan.into_inner());
        if clipped > 0 {
            warnings.push(Warning::Clipped { count: clipped });
        }
        if nan > 0 {
            warnings.push(Warning::NotANumber { count: nan });
        }
        work.step("to HU", 1.0)?;
        self.volume(values)
    }

    /// Labels: whole numbers from 0 to 65535, within a thousandth for those stored as fractions.
    pub fn into_labels(self, work: &Work) -> Result<Volume<u16>, IngestError> {
        work.step("to labels", 0.0)?;
        let values = self.map(|stored| {
            let value = stored * self.slope + self.intercept;
            let label = value.round();
            if (value - label).abs() <= 1e-3 && (0.0..=f64::from(u16::MAX)).contains(&label) {
                Ok(label as u16)
            } else {
                Err(IngestError::NotLabels { path: self.path.clone(), value })
            }
        })?;
        work.step("to labels", 1.0)?;
        self.volume(values)
    }

    fn volume<T>(self, values: Vec<T>) -> Result<Volume<T>, IngestError> {
        let [ni, nj, nk] = self.grid.size();
        let found = values.len();
        let truncated = || IngestError::Truncated {
            path: self.path.clone(),
            what: "image",
            expected_bytes: (self.grid.len() * self.scalar.bytes()) as u64,
            found_bytes: (found * self.scalar.bytes()) as u64,
        };
        let data = Array3::from_shape_vec((nk, nj, ni), values).map_err(|_| truncated())?;
        Volume::new(data, self.grid.clone()).map_err(|_| truncated())
    }
}

/// Voxels times bytes, or an error where the header claims more than a machine can hold.
pub(super) fn image_bytes(
    path: &Path,
    size: [usize; 3],
    frames: usize,
    scalar: Scalar,
) -> Result<u64, IngestError> {
    size.into_iter()
        .chain([frames, scalar.bytes()])
        .try_fold(1_usize, |product, n| product.checked_mul(n))
        .filter(|bytes| *bytes <= isize::MAX as usize)
        .map(|bytes| bytes as u64)
        .ok_or_else(|| IngestError::bad(path, "image size", format!("{size:?}")))
}

/// Reads exactly `expected` bytes of image. Memory grows with what is there, not with what the
/// header claims, so that a damaged header can not exhaust the machine.
pub(super) fn read_exactly(
    path: &Path,
    mut reader: impl Read,
    expected: u64,
    what: &'static str,
    work: &Work,
) -> Result<Vec<u8>, IngestError> {
    const PIECE: u64 = 4 << 20;
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < expected {
        work.step("reading", (bytes.len() as f64 / expected as f64) as f32)?;
        let piece = PIECE.min(expected - bytes.len() as u64);
        let before = bytes.len();
        // A compressed stream that breaks off reports it as an error: what came before counts.
        let broke_off = match reader.by_ref().take(piece).read_to_end(&mut bytes) {
            Ok(_) => false,
            Err(e) if is_cut(&e) => true,
            Err(e) if is_rotten(&e) => return Err(IngestError::Damaged { path: path.to_owned() }),
            Err(e) => return Err(IngestError::io(path, e)),
        };
        if broke_off || bytes.len() == before {
            break;
        }
    }
    if (bytes.len() as u64) < expected {
        return Err(IngestError::Truncated {
            path: path.to_owned(),
            what,
            expected_bytes: expected,
            found_bytes: bytes.len() as u64,
        });
    }
    work.step("reading", 1.0)?;
    Ok(bytes)
}

/// Reads a compressed stream to its end, where its checksum stands.
pub(super) fn check_end(path: &Path, reader: impl Read) -> Result<(), IngestError> {
    /// More than this behind the image is not ours to check.
    const BEHIND: u64 = 1 << 20;
    match std::io::copy(&mut reader.take(BEHIND), &mut std::io::sink()) {
        Ok(_) => Ok(()),
        Err(e) if is_cut(&e) || is_rotten(&e) => {
            Err(IngestError::Damaged { path: path.to_owned() })
        }
        Err(e) => Err(IngestError::io(path, e)),
    }
}

fn is_cut(e: &std::io::Error) -> bool {
    e.kind() == std::io::ErrorKind::UnexpectedEof
}

fn is_rotten(e: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidData, InvalidInput};
    matches!(e.kind(), InvalidData | InvalidInput)
}
