//! Screws on offer, as data.
//!
//! In: a RON file, ours (`assets/implants/generic.ron`) or a hospital's. Out: a [`Catalogue`],
//! checked: one with a hole is refused by file, kind and field, with what to do.

use super::offer::Offer;
use super::rods::{Rods, RodsError};
use crate::platform::fs::FileSystem;
use ron::extensions::Extensions;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The form of a catalogue's file that this program reads.
pub const FORMAT: &str = "corridor-catalogue-1";

/// Diameter and length of a screw on offer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScrewSize {
    /// Outer (thread) diameter, mm.
    pub diameter_mm: f64,
    /// From the start of the thread to the tip, mm.
    pub length_mm: f64,
}

/// Which path a kind of screw is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Use {
    /// Along the pedicle. Every catalogue has one of these.
    Pedicle,
    /// The cortical bone trajectory. Pedicle screws stand in where there is none.
    Cortical,
    /// Through sacrum and ilium together. Nothing stands in: such screws are longer than any other.
    Iliac,
}

/// Diameter of the core below the thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Core {
    /// As a part of the thread's.
    Share(f64),
    /// One for each thread diameter, in their order, mm.
    DiametersMm(Vec<f64>),
}

/// One kind of screw: each of its diameters in each of its lengths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// Who it is in this catalogue, e.g. `pedicle-cannulated`.
    pub id: String,
    /// What a person reads.
    pub name: String,
    /// Which path it is made for.
    #[serde(rename = "use")]
    pub made_for: Use,
    /// Outer (thread) diameters on offer, mm, ascending.
    pub diameters_mm: Vec<f64>,
    /// Lengths on offer, mm, ascending.
    pub lengths_mm: Vec<f64>,
    /// Its core.
    pub core: Core,
    /// From one turn of the thread to the next, mm.
    pub pitch_mm: f64,
    /// Radius of the head, mm.
    pub head_radius_mm: f64,
    /// From the entry back to the top of the head, mm.
    pub head_height_mm: f64,
    /// How far the tulip swings to each side, degrees.
    pub tulip_swing_deg: f64,
    /// Diameter of the bore for a guide wire, mm; `None` where it has none.
    #[serde(default)]
    pub cannulation_mm: Option<f64>,
}

/// A list of screws, with an identity that plan files record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// The form of its file, [`FORMAT`].
    pub format: String,
    /// Who it is, e.g. `corridor-generic`.
    pub id: String,
    /// Which edition of it.
    pub version: u32,
    /// What a person reads.
    pub name: String,
    /// The kinds of screw. Where several of a use offer a size, the first is meant.
    pub kinds: Vec<Kind>,
    /// A hospital's own rods and benders, which stand in a file of their own; `None` for the program's.
    #[serde(skip)]
    pub own_rods: Option<Rods>,
}

/// A catalogue that can not be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The file can not be read.
    #[error("the catalogue {file} can not be read ({source}): name a file that is there")]
    Io {
        /// Which file.
        file: String,
        /// The system's word.
        source: std::io::Error,
    },
    /// The text is no RON of this shape.
    #[error(
        "the catalogue {file}, {place}line {line}: {what}; correct it there, the README shows the form"
    )]
    Syntax {
        /// Which file.
        file: String,
        /// In which kind of screw, ready to be read; empty before the first.
        place: String,
        /// Where the reader stopped, counted from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// The file is of a form that this program does not know.
    #[error(
        "the catalogue {file}, format: it is \"{found}\", this program reads \"{FORMAT}\"; write the file in that form, or use another Corridor"
    )]
    Format {
        /// Which file.
        file: String,
        /// What it says.
        found: String,
    },
    /// The rods and benders on offer beside it.
    #[error(transparent)]
    Rods(#[from] RodsError),
    /// A value is wrong.
    #[error("the catalogue {file}, {place}{field}: {what}")]
    Wrong {
        /// Which file.
        file: String,
        /// In which kind of screw, ready to be read; empty for the catalogue's own fields.
        place: String,
        /// Which field.
        field: &'static str,
        /// What is wrong and what to do.
        what: String,
    },
}

impl Catalogue {
    /// Reads and checks a catalogue; `file` is what messages call it.
    pub fn from_ron(text: &str, file: &str) -> Result<Self, CatalogueError> {
        /// What every form of the file has, so that a newer one is told as such.
        #[derive(Deserialize)]
        struct Form {
            format: String,
        }
        let file = file.to_owned();
        let options = ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
        let syntax = |fault: ron::error::SpannedError| {
            let line = fault.span.end.line;
            let place = kind_above(text, line).map(in_kind).unwrap_or_default();
            CatalogueError::Syntax { file: file.clone(), place, line, what: fault.code.to_string() }
        };
        let form: Form = options.from_str(text).map_err(syntax)?;
        if form.format != FORMAT {
            return Err(CatalogueError::Format { file, found: form.format });
        }
        let catalogue: Self = options.from_str(text).map_err(syntax)?;
        match super::check::fault(&catalogue) {
            None => Ok(catalogue),
            Some((kind, field, what)) => {
                let place = kind.map(|kind| in_kind(&kind.id)).unwrap_or_default();
                Err(CatalogueError::Wrong { file, place, field, what })
            }
        }
    }
    /// Reads and checks a file.
    pub fn read(file: &Path, fs: &dyn FileSystem) -> Result<Self, CatalogueError> {
        let name = file.display().to_string();
        match fs.read(file) {
            Ok(bytes) => Self::from_ron(&String::from_utf8_lossy(&bytes), &name),
            Err(source) => Err(CatalogueError::Io { file: name, source }),
        }
    }
    /// The catalogue that the program carries in itself.
    pub fn builtin() -> Result<Self, CatalogueError> {
        let text = include_str!("../../assets/implants/generic.ron");
        Self::from_ron(text, "assets/implants/generic.ron")
    }
    /// The rods and benders on offer: the hospital's own, else those that the program carries in itself.
    pub fn rods(&self) -> Result<&Rods, RodsError> {
        match &self.own_rods {
            Some(own) => Ok(own),
            None => Rods::ours(),
        }
    }
    /// What is on offer for a use: its own kinds; pedicle screws in place of cortical ones where it
    /// has none of these; nothing in place of iliac ones.
    pub fn offer(&self, made_for: Use) -> Offer<'_> {
        let of = |wanted: Use| Offer::new(self.kinds.iter().filter(move |k| k.made_for == wanted));
        let own = of(made_for);
        if own.is_empty() && made_for == Use::Cortical { of(Use::Pedicle) } else { own }
    }
    /// What a screw of this size looks like: the kind that offers it, else the nearest one.
    pub fn kind(&self, made_for: Use, size: ScrewSize) -> Option<&Kind> {
        self.offer(made_for).kind(size).or_else(|| self.offer(Use::Pedicle).kind(size))
    }
}

impl Kind {
    /// Diameter of the core below a thread of this diameter, mm; for one that is not on offer that
    /// of the nearest.
    pub fn core_mm(&self, diameter_mm: f64) -> f64 {
        match &self.core {
            Core::Share(share) => diameter_mm * share,
            Core::DiametersMm(cores) => {
                let nearest = super::offer::nearest(&self.diameters_mm, diameter_mm);
                let own = nearest.and_then(|n| cores.get(n)).copied();
                own.unwrap_or(diameter_mm).min(diameter_mm)
            }
        }
    }
}

fn in_kind(id: impl AsRef<str>) -> String {
    format!("kind \"{}\", ", id.as_ref())
}

/// The id of the kind in whose lines a fault was found, as far as the text tells.
fn kind_above(text: &str, line: usize) -> Option<&str> {
    let end: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let kinds = text.find("kinds:")?;
    text.get(kinds..end)?.rsplit_once(" id:")?.1.split('"').nth(1)
}
