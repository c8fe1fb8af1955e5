//! A spine with known truth: an implicit function per vertebra, what a scanner would record of it,
//! and the true numbers.
//!
//! In: a [`Spec`], plain data. Out: a [`Phantom`] with the [`Bone`]s themselves (exact distance and
//! normal), a CT and labels on any grid, and the [`Truth`], which is solved on the surface and not
//! read from the measures that made it. The same spec gives the same bytes on any number of
//! threads. Left and right differ on purpose.

mod bone;
mod column;
mod demo;
mod jet;
mod lumbar;
mod sacrum;
mod scan;
mod shape;
pub mod sizes;
mod truth;

pub use bone::Bone;
pub use demo::{demo, demo_images, demo_spec};
pub use scan::{BEAD_HU, BEAD_RADIUS_MM, Scan};
pub use truth::{LevelTruth, PedicleTruth, Truth};

use crate::labels::{LabelMap, Level};
use crate::space::{Dir, Patient, Point};
use crate::volume::{Grid, Volume};
use column::{PlacedDisc, Start};
use sizes::ROWS;

/// What spine to make. [`Spec::default`] is the built-in case.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The levels wanted; each must have a row in [`sizes::ROWS`]. They stand where they would
    /// stand in the whole column.
    pub levels: Vec<Level>,
    /// Seed of the small differences between sides and levels, and of the noise.
    pub seed: u64,
    /// Scales those differences: 1 is lifelike, 0 makes every vertebra symmetric.
    pub variation: f64,
    /// Angle of the upper end plate of S1 against the horizontal, front edge down.
    pub sacral_slope_deg: f64,
    /// Where the middle of that end plate lies, LPS mm.
    pub sacral_plate: Point<Patient>,
    /// A dense ball in the soft tissue on the patient's left, [`Phantom::bead`], to tell sides by.
    pub bead_left: bool,
    /// What the scanner does.
    pub scan: Scan,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            levels: ROWS.iter().map(|row| row.level).collect(),
            seed: 1,
            variation: 1.0,
            sacral_slope_deg: 37.0,
            sacral_plate: Point::new(3.0, 4.0, -86.0),
            bead_left: false,
            scan: Scan::default(),
        }
    }
}

/// A spec that can not be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpecError {
    /// A level without measures.
    #[error("the phantom has no shape for {0}; it has L1 to L5 and S1")]
    NoShape(Level),
    /// Nothing asked for.
    #[error("the phantom was asked for no level at all; name at least one of L1 to L5 and S1")]
    NoLevels,
}

/// A spine with known shape.
#[derive(Clone, Debug)]
pub struct Phantom {
    spec: Spec,
    /// Cranial ones first.
    bones: Vec<Bone>,
    sizes: Vec<sizes::Row>,
    discs: Vec<PlacedDisc>,
    /// Middle of the canal of each bone, for the tube through all of them.
    canal: Vec<Point<Patient>>,
}

impl Phantom {
    /// Makes the spine; fails when a level has no shape.
    pub fn new(spec: &Spec) -> Result<Self, SpecError> {
        if spec.levels.is_empty() {
            return Err(SpecError::NoLevels);
        }
        match spec.levels.iter().find(|l| ROWS.iter().all(|row| row.level != **l)) {
            Some(level) => Err(SpecError::NoShape(*level)),
            None => Ok(Self::assemble(spec)),
        }
    }
    /// The same for a spec whose levels are known to have shapes; others are left out.
    fn assemble(spec: &Spec) -> Self {
        let (placed, discs) = column::stack(&Start {
            plate: spec.sacral_plate,
            slope_deg: spec.sacral_slope_deg,
            seed: spec.seed,
            variation: spec.variation,
        });
        let mut made: Vec<_> = placed
            .iter()
            .enumerate()
            .filter(|(_, here)| spec.levels.contains(&here.row.level))
            .map(|(n, here)| {
                let lower = n.checked_sub(1).and_then(|n| placed.get(n));
                (here, Bone::new(here, lower, spec.seed, spec.variation))
            })
            .collect();
        made.reverse();
        let canal = made
            .iter()
            .map(|(here, _)| {
                let middle = match &here.row.measures {
                    sizes::Measures::Lumbar(sizes, _) => lumbar::canal_middle(sizes),
                    sizes::Measures::Sacrum(sizes) => sacrum::canal_middle(sizes),
                };
                here.patient_from_vertebra.point(Point::from_vec(middle))
            })
            .collect();
        Self {
            spec: spec.clone(),
            sizes: made.iter().map(|(here, _)| here.row).collect(),
            bones: made.into_iter().map(|(_, bone)| bone).collect(),
            discs,
            canal,
        }
    }
    /// What it was made from.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }
    /// The bones, cranial ones first.
    pub fn bones(&self) -> &[Bone] {
        &self.bones
    }
    /// The bone of one level, if the spec has it.
    pub fn bone(&self, level: Level) -> Option<&Bone> {
        self.bones.iter().find(|bone| bone.level() == level)
    }
    /// Middle of the bead, whether the spec wants one or not: in the muscle on the patient's left,
    /// at the height of the column's middle.
    pub fn bead(&self) -> Point<Patient> {
        let upper =
            self.bones.first().map_or(Point::ORIGIN, |b| b.patient_from_vertebra().origin());
        let lower = self.bones.last().map_or(Point::ORIGIN, |b| b.patient_from_vertebra().origin());
        upper.lerp(lower, 0.45) + Dir::new(58.0, 22.0, 0.0)
    }
    /// A grid along the patient's axes that holds the spine and the skin behind it.
    pub fn grid(&self, spacing_mm: f64) -> Grid {
        let corners = self.bones.iter().flat_map(|bone| {
            let [low, high] = bone.bounds();
            let tight = [low * 0.9, high * 0.9];
            (0..8).map(move |c| {
                let pick = |axis: usize| tight[c >> axis & 1][axis];
                bone.patient_from_vertebra().point(Point::new(pick(0), pick(1), pick(2))).vec()
            })
        });
        let far = glam::DVec3::splat(f64::INFINITY);
        let (low, high) = corners.fold((far, -far), |(low, high), c| (low.min(c), high.max(c)));
        let high = high.with_y(scan::SKIN_BEHIND_MM + self.spec.sacral_plate.vec().y + 6.0);
        let step = spacing_mm.max(0.05);
        let size = ((high - low) / step).to_array().map(|n| n.ceil().max(0.0) as usize + 1);
        Grid::along_axes(Point::from_vec(low), step, size)
    }
    /// What a scanner records on `grid`, in HU.
    pub fn ct(&self, grid: &Grid) -> Volume<i16> {
        self.images(grid).0
    }
    /// Which voxel centre lies in which bone. Values are those of VerSe: 20 to 24 for L1 to L5, 26
    /// for the sacrum. A bone without a voxel on the grid is left out.
    pub fn labels(&self, grid: &Grid) -> LabelMap {
        self.images(grid).1
    }
    /// CT and labels at once, in the time of one.
    pub fn images(&self, grid: &Grid) -> (Volume<i16>, LabelMap) {
        scan::images(self, grid)
    }
    /// The true numbers, solved on the surface.
    pub fn truth(&self) -> Truth {
        truth::solve(self)
    }
}
