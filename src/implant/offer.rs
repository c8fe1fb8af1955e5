//! What a catalogue offers for one use.
//!
//! In: kinds of screw in the catalogue's order. Out: the sizes to step through, and which kind a
//! size is.

use super::catalogue::{Kind, ScrewSize};

/// The kinds on offer for one use; where several offer a size, the first is meant.
#[derive(Clone, Debug)]
pub struct Offer<'a>(Vec<&'a Kind>);

impl<'a> Offer<'a> {
    pub(super) fn new(kinds: impl Iterator<Item = &'a Kind>) -> Self {
        Self(kinds.collect())
    }
    /// Whether nothing is on offer.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// The kinds, in the catalogue's order.
    pub fn kinds(&self) -> &[&'a Kind] {
        &self.0
    }
    /// Every diameter on offer, mm, ascending.
    pub fn diameters_mm(&self) -> Vec<f64> {
        ascending(self.0.iter().flat_map(|kind| &kind.diameters_mm))
    }
    /// Every length that this diameter is on offer in, mm, ascending; none for one that is not on
    /// offer.
    pub fn lengths_mm(&self, diameter_mm: f64) -> Vec<f64> {
        let kinds = self.0.iter().filter(|kind| kind.diameters_mm.contains(&diameter_mm));
        ascending(kinds.flat_map(|kind| &kind.lengths_mm))
    }
    /// Whether a kind offers this size, to a thousandth of a millimetre.
    pub fn has(&self, size: ScrewSize) -> bool {
        let holds = |list: &[f64], mm: f64| list.iter().any(|own| (own - mm).abs() < 1e-3);
        let offers = |kind: &&Kind| {
            holds(&kind.diameters_mm, size.diameter_mm) && holds(&kind.lengths_mm, size.length_mm)
        };
        self.0.iter().any(offers)
    }
    /// The first kind that offers this size, else the first one whose sizes come nearest; `None`
    /// where nothing is on offer.
    pub fn kind(&self, size: ScrewSize) -> Option<&'a Kind> {
        let off = |list: &[f64], mm: f64| nearest(list, mm).map_or(0.0, |n| (list[n] - mm).abs());
        let misfit = |kind: &Kind| {
            off(&kind.diameters_mm, size.diameter_mm) + off(&kind.lengths_mm, size.length_mm)
        };
        self.0.iter().copied().min_by(|a, b| misfit(a).total_cmp(&misfit(b)))
    }
    /// The size on offer that is `steps` away in diameter and length from the one nearest to
    /// `size`; stops at the ends of the lists. The same size where nothing is on offer.
    pub fn step(&self, size: ScrewSize, diameter_steps: i32, length_steps: i32) -> ScrewSize {
        let diameter_mm = step_in(&self.diameters_mm(), size.diameter_mm, diameter_steps);
        let length_mm = step_in(&self.lengths_mm(diameter_mm), size.length_mm, length_steps);
        ScrewSize { diameter_mm, length_mm }
    }
}

/// All of these, each once.
fn ascending<'a>(sizes: impl Iterator<Item = &'a f64>) -> Vec<f64> {
    let mut all: Vec<f64> = sizes.copied().collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    all
}

/// Place of the entry nearest to `value`, the first of equally near ones; `None` in an empty list.
pub(super) fn nearest(list: &[f64], value: f64) -> Option<usize> {
    let off = |n: &usize| (list[*n] - value).abs();
    (0..list.len()).min_by(|a, b| off(a).total_cmp(&off(b)))
}

/// The entry of an ascending list `steps` away from the one nearest to `value`.
fn step_in(list: &[f64], value: f64, steps: i32) -> f64 {
    let Some(nearest) = nearest(list, value) else { return value };
    let wanted = (nearest as i64 + i64::from(steps)).clamp(0, list.len() as i64 - 1);
    list[wanted as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::implant::{Catalogue, Use};

    fn size(diameter_mm: f64, length_mm: f64) -> ScrewSize {
        ScrewSize { diameter_mm, length_mm }
    }

    #[test]
    fn steps_stop_at_the_ends_of_what_is_on_offer() {
        let catalogue = Catalogue::builtin().expect("our own file");
        let offer = catalogue.offer(Use::Pedicle);
        assert_eq!(offer.step(size(6.5, 45.0), 0, 0), size(6.5, 45.0));
        assert_eq!(offer.step(size(6.5, 45.0), 1, -1), size(7.0, 40.0));
        assert_eq!(offer.step(size(6.5, 45.0), -99, 99), size(4.0, 90.0));
        let iliac = catalogue.offer(Use::Iliac);
        assert_eq!(iliac.step(size(6.5, 45.0), 99, 99), size(10.5, 120.0));
    }

    #[test]
    fn a_diameter_comes_in_the_lengths_of_its_own_kinds_and_the_first_one_is_meant() {
        let mut catalogue = Catalogue::builtin().expect("our own file");
        let kind = |id: &str, diameters_mm: &[f64], lengths_mm: &[f64]| {
            let (diameters_mm, lengths_mm) = (diameters_mm.to_vec(), lengths_mm.to_vec());
            Kind { id: id.to_owned(), diameters_mm, lengths_mm, ..catalogue.kinds[0].clone() }
        };
        let slim = kind("slim", &[4.5, 5.5], &[30.0, 35.0]);
        let stout = kind("stout", &[5.5, 6.5], &[35.0, 40.0]);
        catalogue.kinds = vec![slim, stout];
        let offer = catalogue.offer(Use::Pedicle);
        assert_eq!(offer.diameters_mm(), [4.5, 5.5, 6.5]);
        assert_eq!(offer.lengths_mm(5.5), [30.0, 35.0, 40.0]);
        assert_eq!(offer.lengths_mm(5.0), [0.0; 0]);
        // The thicker screw is not made so short: its shortest takes the place.
        assert_eq!(offer.step(size(5.5, 30.0), 1, 0), size(6.5, 35.0));
        let id = |diameter, length| offer.kind(size(diameter, length)).unwrap().id.as_str();
        assert_eq!([id(5.5, 35.0), id(5.5, 40.0), id(7.0, 45.0)], ["slim", "stout", "stout"]);
    }
}
