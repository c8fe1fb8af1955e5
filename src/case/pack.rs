//! Volumes as bytes and back, bit for bit; runs of one value take little room.
//!
//! In: a [`Packer`] is given numbers, texts and volumes one after the other. Out: bytes from which
//! an [`Unpacker`] gives the same in the same order, or `None` where they are not what was asked
//! for. All numbers are little-endian; whether the bytes are whole is the caller's to know.

use crate::space::{Affine, Patient, Voxel};
use crate::volume::{Grid, Volume};
use glam::DAffine3;
use ndarray::Array3;

/// A run of fewer equal values is told value by value.
const LEAST_RUN: usize = 8;

/// A voxel of so many bytes.
pub(super) trait Word<const N: usize>: Copy {
    fn to_bytes(self) -> [u8; N];
    fn of_bytes(bytes: [u8; N]) -> Self;
}

macro_rules! word {
    ($type:ty, $bytes:literal) => {
        impl Word<$bytes> for $type {
            fn to_bytes(self) -> [u8; $bytes] {
                self.to_le_bytes()
            }
            fn of_bytes(bytes: [u8; $bytes]) -> Self {
                Self::from_le_bytes(bytes)
            }
        }
    };
}
word!(i16, 2);
word!(u16, 2);
word!(f32, 4);

/// Puts things one behind the other.
#[derive(Default)]
pub(super) struct Packer(Vec<u8>);

impl Packer {
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
    pub fn number(&mut self, number: usize) {
        self.0.extend((number as u64).to_le_bytes());
    }
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.extend(bytes);
    }
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }
    pub fn volume<const N: usize, T: Word<N>>(&mut self, volume: &Volume<T>) {
        let grid = volume.grid();
        grid.size().into_iter().for_each(|n| self.number(n));
        let map = grid.patient_from_voxel().map().to_cols_array();
        map.into_iter().for_each(|x| self.0.extend(x.to_le_bytes()));
        let words: Vec<[u8; N]> = volume.data().iter().map(|v| v.to_bytes()).collect();
        self.words(&words);
    }
    /// Values that differ, then one value and how often it follows, and so on.
    fn words<const N: usize>(&mut self, words: &[[u8; N]]) {
        let mut rest = words;
        while !rest.is_empty() {
            let (single, run) = rest.split_at(start_of_run(rest));
            let count = run.iter().take_while(|word| **word == run[0]).count();
            self.number(single.len());
            self.0.extend(single.as_flattened());
            self.number(count);
            self.0.extend(run.first().into_iter().flatten());
            rest = &run[count..];
        }
    }
}

/// Where the first long run begins; the end where there is none.
fn start_of_run<const N: usize>(words: &[[u8; N]]) -> usize {
    let mut start = 0;
    for at in 1..words.len() {
        if words[at] != words[start] {
            start = at;
        } else if at - start + 1 >= LEAST_RUN {
            return start;
        }
    }
    words.len()
}

/// Gives back what a [`Packer`] was given.
pub(super) struct Unpacker<'a>(&'a [u8]);

impl<'a> Unpacker<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }
    pub fn number(&mut self) -> Option<usize> {
        usize::try_from(u64::from_le_bytes(self.array()?)).ok()
    }
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(length)
    }
    pub fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
    pub fn volume<const N: usize, T: Word<N>>(&mut self) -> Option<Volume<T>> {
        let size = [self.number()?, self.number()?, self.number()?];
        let mut map = [0.0; 12];
        for x in &mut map {
            *x = f64::from_le_bytes(self.array()?);
        }
        let affine: Affine<Patient, Voxel> = Affine::new(DAffine3::from_cols_array(&map));
        let grid = Grid::new(size, affine).ok()?;
        let [ni, nj, nk] = size;
        let words = self.words(ni.checked_mul(nj)?.checked_mul(nk)?)?;
        Volume::new(Array3::from_shape_vec((nk, nj, ni), words).ok()?, grid).ok()
    }
    fn words<const N: usize, T: Word<N>>(&mut self, count: usize) -> Option<Vec<T>> {
        let mut words = Vec::new();
        while words.len() < count {
            let single = self.number()?;
            let single = self.take(single.checked_mul(N)?)?.as_chunks().0;
            words.extend(single.iter().map(|word| T::of_bytes(*word)));
            let run = self.number()?;
            if run > count.checked_sub(words.len())? {
                return None;
            }
            if run > 0 {
                let value = T::of_bytes(self.array()?);
                words.resize(words.len() + run, value);
            }
        }
        (words.len() == count).then_some(words)
    }
    /// True once everything was given back.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Point;

    fn volume() -> Volume<f32> {
        let grid = Grid::along_axes(Point::new(0.1, -0.2, 0.3), 0.6, [9, 7, 5]);
        Volume::from_fn(grid, |[i, j, k]| match (j, k) {
            (2..5, _) => -0.0,
            (_, 4) => f32::NAN,
            _ => (i * 13 % 5) as f32 / 3.0 + k as f32,
        })
    }

    #[test]
    fn everything_comes_back_bit_for_bit_in_order() {
        let labels = Volume::from_fn(volume().grid().clone(), |[i, ..]| (i / 3) as u16 * 20);
        let mut packer = Packer::default();
        packer.text("L4 ä");
        packer.volume(&volume());
        packer.number(7);
        packer.volume(&labels);
        let bytes = packer.finish();
        let mut unpacker = Unpacker::new(&bytes);
        assert_eq!(unpacker.text(), Some("L4 ä"));
        let back: Volume<f32> = unpacker.volume().expect("a volume");
        let bits = |v: &Volume<f32>| v.data().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!((back.grid(), bits(&back)), (volume().grid(), bits(&volume())));
        assert_eq!(unpacker.number(), Some(7));
        let back: Volume<u16> = unpacker.volume().expect("a volume");
        assert_eq!(back.data(), labels.data());
        assert!(unpacker.is_empty());
    }

    #[test]
    fn a_constant_takes_little_room() {
        let grid = Grid::along_axes(Point::ORIGIN, 1.0, [50, 50, 50]);
        let mut packer = Packer::default();
        packer.volume(&Volume::from_fn(grid, |_| -2.5f32));
        assert!(packer.finish().len() < 200);
    }

    #[test]
    fn bytes_that_are_cut_off_or_another_thing_give_nothing() {
        let mut packer = Packer::default();
        packer.volume(&volume());
        let bytes = packer.finish();
        for length in 0..bytes.len() {
            assert!(Unpacker::new(&bytes[..length]).volume::<4, f32>().is_none(), "{length}");
        }
        assert!(Unpacker::new(&[0xff; 400]).volume::<4, f32>().is_none());
    }
}
