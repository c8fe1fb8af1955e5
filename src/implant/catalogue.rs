//! Sizes on offer.

use serde::{Deserialize, Serialize};

/// Diameter and length of a screw on offer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScrewSize {
    /// Outer (thread) diameter, mm.
    pub diameter_mm: f64,
    /// From the start of the thread to the tip, mm.
    pub length_mm: f64,
}

/// A list of screws, with an identity that plan files record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Catalogue {
    /// Who it is, e.g. `corridor-generic`.
    pub id: String,
    /// Which edition of it.
    pub version: u32,
    /// What a person reads.
    pub name: String,
    /// Outer (thread) diameters on offer, mm, ascending.
    pub diameters_mm: Vec<f64>,
    /// Lengths on offer, mm, ascending.
    pub lengths_mm: Vec<f64>,
    /// What is on offer for sacrum and ilium together, which take wider and longer screws.
    #[serde(default)]
    pub iliac: Option<Sizes>,
}

/// The sizes of one kind of screw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sizes {
    /// Outer (thread) diameters on offer, mm, ascending.
    pub diameters_mm: Vec<f64>,
    /// Lengths on offer, mm, ascending.
    pub lengths_mm: Vec<f64>,
}

/// A catalogue that can not be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The text is no RON of this shape.
    #[error("the implant catalogue can not be read: {0}")]
    Syntax(#[from] ron::error::SpannedError),
    /// A list is empty, not ascending, or holds a size that is no positive number.
    #[error(
        "the implant catalogue \"{id}\" is wrong in {list}: sizes must be positive and ascending"
    )]
    Sizes {
        /// Which catalogue.
        id: String,
        /// Which of its lists.
        list: &'static str,
    },
}

impl Catalogue {
    /// Reads and checks a catalogue.
    pub fn from_ron(text: &str) -> Result<Self, CatalogueError> {
        let catalogue: Self = ron::from_str(text)?;
        let own =
            [("diameters_mm", &catalogue.diameters_mm), ("lengths_mm", &catalogue.lengths_mm)];
        let iliac = catalogue.iliac.iter().flat_map(|sizes| {
            [("iliac diameters_mm", &sizes.diameters_mm), ("iliac lengths_mm", &sizes.lengths_mm)]
        });
        for (list, sizes) in own.into_iter().chain(iliac) {
            let ascending = sizes.windows(2).all(|pair| pair[0] < pair[1]);
            let positive = sizes.iter().all(|mm| mm.is_finite() && *mm > 0.0);
            if sizes.is_empty() || !ascending || !positive {
                return Err(CatalogueError::Sizes { id: catalogue.id, list });
            }
        }
        Ok(catalogue)
    }
    /// The catalogue that the program carries in itself.
    pub fn builtin() -> Result<Self, CatalogueError> {
        Self::from_ron(include_str!("../../assets/implants/generic.ron"))
    }
    /// The same with its screws for sacrum and ilium in place of the others; itself where it has
    /// none.
    pub fn iliac(&self) -> Self {
        let sizes = self.iliac.clone();
        let Sizes { diameters_mm, lengths_mm } = sizes.unwrap_or_else(|| Sizes {
            diameters_mm: self.diameters_mm.clone(),
            lengths_mm: self.lengths_mm.clone(),
        });
        Self { diameters_mm, lengths_mm, ..self.clone() }
    }
    /// The size on offer that is `steps` away in diameter and length from the one nearest to
    /// `size`; stops at the ends of the lists.
    pub fn step(&self, size: ScrewSize, diameter_steps: i32, length_steps: i32) -> ScrewSize {
        ScrewSize {
            diameter_mm: step_in(&self.diameters_mm, size.diameter_mm, diameter_steps),
            length_mm: step_in(&self.lengths_mm, size.length_mm, length_steps),
        }
    }
}

/// The entry of an ascending list `steps` away from the one nearest to `value`.
fn step_in(list: &[f64], value: f64, steps: i32) -> f64 {
    let nearest = list
        .iter()
        .enumerate()
        .min_by(|a, b| (a.1 - value).abs().total_cmp(&(b.1 - value).abs()))
        .map_or(0, |(index, _)| index);
    let wanted = (nearest as i64 + i64::from(steps)).clamp(0, list.len() as i64 - 1);
    list.get(wanted as usize).copied().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_catalogue_is_whole_and_steps_stop_at_its_ends() {
        let catalogue = Catalogue::builtin().expect("our own file");
        let size = ScrewSize { diameter_mm: 6.5, length_mm: 45.0 };
        assert_eq!(catalogue.step(size, 0, 0), size);
        assert_eq!(catalogue.step(size, 1, -1), ScrewSize { diameter_mm: 7.0, length_mm: 40.0 });
        assert_eq!(
            catalogue.step(size, -99, 99).length_mm,
            catalogue.lengths_mm[catalogue.lengths_mm.len() - 1]
        );
        let widest = catalogue.iliac().step(size, 99, 99);
        assert_eq!(widest, ScrewSize { diameter_mm: 10.5, length_mm: 120.0 });
    }

    #[test]
    fn a_catalogue_with_holes_is_refused() {
        let bad = "(id:\"x\",version:1,name:\"x\",diameters_mm:[5.0,4.0],lengths_mm:[30.0])";
        assert!(matches!(Catalogue::from_ron(bad), Err(CatalogueError::Sizes { .. })));
        assert!(matches!(Catalogue::from_ron("(id:"), Err(CatalogueError::Syntax(_))));
        let bad = "(id:\"x\",version:1,name:\"x\",diameters_mm:[5.0],lengths_mm:[30.0],\
                   iliac:Some((diameters_mm:[8.0],lengths_mm:[])))";
        let refused = Catalogue::from_ron(bad).expect_err("a list is empty").to_string();
        assert!(refused.contains("iliac lengths_mm"), "{refused}");
    }
}
