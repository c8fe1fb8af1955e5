//! Stored pixels to HU.

use super::file::{chain, open, transfer_syntax};
use super::header::Slice;
use crate::ingest::{IngestError, Warning};
use crate::volume::{Grid, Volume};
use crate::work::Work;
use dicom_pixeldata::{DecodedPixelData, PixelDecoder, PixelRepresentation};
use ndarray::{Array3, ArrayViewMut2};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// More voxels than any scanner makes of a body: a damaged header, or too much for this machine.
pub(super) const MOST_VOXELS: usize = 1 << 32;

/// A slice and the layer of the volume that it fills.
type Job<'a> = (&'a Slice, ArrayViewMut2<'a, i16>);

/// Decodes every slice into its layer, in parallel over files.
pub(super) fn decode(
    slices: &[Slice],
    grid: Grid,
    warnings: &mut Vec<Warning>,
    work: &Work,
) -> Result<Volume<i16>, IngestError> {
    let [ni, nj, nk] = grid.size();
    if grid.len() > MOST_VOXELS {
        return Err(IngestError::Unsupported {
            path: slices.first().map(|s| s.file.to_path_buf()).unwrap_or_default(),
            field: "voxels:",
            value: grid.len().to_string(),
            remedy: "export the part of the scan that is needed",
        });
    }
    let mut data = Array3::<i16>::zeros((nk, nj, ni));
    let mut files: BTreeMap<Arc<PathBuf>, Vec<Job<'_>>> = BTreeMap::new();
    for (slice, layer) in slices.iter().zip(data.outer_iter_mut()) {
        files.entry(slice.file.clone()).or_default().push((slice, layer));
    }
    let (done, clipped) = (AtomicUsize::new(0), AtomicUsize::new(0));
    files.into_par_iter().try_for_each(|(path, jobs)| {
        let so_far = done.fetch_add(jobs.len(), Ordering::Relaxed);
        work.step("decoding slices", so_far as f32 / nk as f32)?;
        let stored = Stored::read(&path)?;
        for (slice, layer) in jobs {
            clipped.fetch_add(stored.fill(&path, slice, layer)?, Ordering::Relaxed);
        }
        Ok::<(), IngestError>(())
    })?;
    work.step("decoding slices", 1.0)?;
    let clipped = clipped.into_inner();
    if clipped > 0 {
        warnings.push(Warning::Clipped { count: clipped });
    }
    let found = data.dim();
    Volume::new(data, grid).map_err(|_| IngestError::NoVolume {
        path: slices.first().map(|s| s.file.to_path_buf()).unwrap_or_default(),
        slices: found.0,
        needed: nk,
        why: "the slices do not fill the grid",
    })
}

/// The decoded but not yet rescaled pixels of one file.
pub(super) struct Stored {
    bytes: Vec<u8>,
    bytes_per_pixel: usize,
    /// Bits to the right of the stored ones, and their number.
    shift: u32,
    bits: u32,
    signed: bool,
}

impl Stored {
    pub fn read(path: &Path) -> Result<Self, IngestError> {
        let object = open(path, None)?;
        let uid = object.meta().transfer_syntax().to_owned();
        let failed = |reason: String| IngestError::Pixels {
            path: path.to_owned(),
            transfer_syntax: transfer_syntax(&uid),
            reason,
        };
        // The codecs are other people's code, fed with bytes from anywhere: a panic of theirs is
        // an error of this file, not the end of the program.
        let decoded = catch_unwind(AssertUnwindSafe(|| {
            object.decode_pixel_data().map(Self::new).map_err(|e| chain(&e))
        }));
        match decoded {
            Ok(Ok(stored)) => stored.map_err(failed),
            Ok(Err(reason)) => Err(failed(reason)),
            Err(_) => Err(failed("the decoder gave up on damaged data".to_owned())),
        }
    }

    fn new(decoded: DecodedPixelData<'_>) -> Result<Self, String> {
        let (allocated, bits) =
            (u32::from(decoded.bits_allocated()), u32::from(decoded.bits_stored()));
        let high = u32::from(decoded.high_bit());
        if !matches!(allocated, 8 | 16 | 32) || bits == 0 || bits > high + 1 || high >= allocated {
            return Err(format!("{bits} of {allocated} bits, up to bit {high}"));
        }
        if decoded.samples_per_pixel() != 1 {
            return Err("it is a colour image".to_owned());
        }
        Ok(Self {
            bytes_per_pixel: allocated as usize / 8,
            shift: high + 1 - bits,
            bits,
            signed: decoded.pixel_representation() == PixelRepresentation::Signed,
            bytes: decoded.into_data(),
        })
    }

    /// Writes HU into a layer and returns how many values did not fit into 16 bits.
    fn fill(
        &self,
        path: &Path,
        slice: &Slice,
        mut layer: ArrayViewMut2<'_, i16>,
    ) -> Result<usize, IngestError> {
        let (slope, intercept) = slice.rescale.unwrap_or((1.0, 0.0));
        let mut clipped = 0;
        let pixels = self.frame(path, slice.frame as usize, layer.len())?;
        for (stored, hu) in pixels.zip(layer.iter_mut()) {
            let value = (stored as f64 * slope + intercept).round();
            clipped += usize::from(value < f64::from(i16::MIN) || value > f64::from(i16::MAX));
            *hu = value as i16;
        }
        Ok(clipped)
    }

    /// The stored values of one frame, counted from 0, of `pixels` pixels.
    pub fn frame(
        &self,
        path: &Path,
        frame: usize,
        pixels: usize,
    ) -> Result<impl Iterator<Item = i64>, IngestError> {
        let wanted = pixels * self.bytes_per_pixel;
        let start = wanted * frame;
        let bytes = self.bytes.get(start..start + wanted);
        let bytes = bytes.ok_or_else(|| IngestError::Truncated {
            path: path.to_owned(),
            what: "pixels",
            expected_bytes: (start + wanted) as u64,
            found_bytes: self.bytes.len() as u64,
        })?;
        Ok(bytes.chunks_exact(self.bytes_per_pixel).map(|pixel| self.value(pixel)))
    }

    /// The stored bits alone, with their sign: other bits of the word may hold an overlay.
    fn value(&self, pixel: &[u8]) -> i64 {
        let word = match *pixel {
            [a] => u32::from(a),
            [a, b] => u32::from(u16::from_ne_bytes([a, b])),
            [a, b, c, d] => u32::from_ne_bytes([a, b, c, d]),
            _ => 0,
        };
        let unused = 64 - self.bits;
        let aligned = (u64::from(word) >> self.shift) << unused;
        if self.signed { (aligned as i64) >> unused } else { (aligned >> unused) as i64 }
    }
}
