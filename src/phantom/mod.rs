//! A spine with known truth: an implicit function per vertebra, what a scanner would record of it,
//! and the true numbers.
//!
//! In: a [`Spec`], plain data. Out: a [`Phantom`] with the [`Bone`]s themselves (exact distance and
//! normal), a CT and labels on any grid, and the [`Truth`], which is solved on the surface and not
//! read from the measures that made it. The same spec gives the same bytes on any number of
//! threads. Left and right differ on purpose.

mod block;
mod bone;
mod column;
mod deformity;
mod demo;
mod jet;
mod metal;
mod noise;
mod pelvis;
mod range;
mod rib;
mod sacrum;
mod scan;
mod shape;
pub mod sizes;
mod soft;
mod structure;
mod table;
mod tissue;
mod truth;
mod vertebra;

pub use bone::Bone;
pub use deformity::{Curve, Deformity, Fracture, Narrow, Slip};
pub use demo::{demo, demo_images, demo_spec};
pub use metal::OldScrew;
pub use scan::{BEAD_HU, BEAD_RADIUS_MM, Recorded, Scan};
pub use structure::Structure;
pub use tissue::Contrast;
pub use truth::{
    AlignmentTruth, BetweenTruth, CobbTruth, LevelTruth, PedicleTruth, PelvisTruth, PlateTruth,
    Truth,
};

use crate::labels::{Ilia, LabelMap, Level, Posture};
use crate::space::{Dir, Patient, Point, Side};
use crate::volume::{Grid, Volume};
use crate::work::{Cancelled, Work};
use column::{Placed, PlacedDisc};
use metal::Metal;
use pelvis::Stand;
use structure::OtherBone;

/// What spine to make. [`Spec::default`] is the built-in case.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The levels wanted, of T1 to S1 with T13 and L6. They stand where they would stand in the
    /// whole column, which has a T13 or an L6 only where they are wanted.
    pub levels: Vec<Level>,
    /// Seed of the small differences between sides and levels, and of the noise.
    pub seed: u64,
    /// Scales those differences: 1 is lifelike, 0 makes every vertebra symmetric; up to 3.
    pub variation: f64,
    /// Angle of the upper end plate of S1 against the horizontal, front edge down.
    pub sacral_slope_deg: f64,
    /// Pelvic incidence: where the hips lie under that end plate.
    pub pelvic_incidence_deg: f64,
    /// How the patient lies or stands: sets the lordosis where [`Deformity`] does not.
    pub posture: Posture,
    /// What bends, slides or crushes the column.
    pub deformity: Deformity,
    /// Where the middle of that end plate lies, LPS mm.
    pub sacral_plate: Point<Patient>,
    /// Contrast in vessels and sac, if any.
    pub contrast: Option<Contrast>,
    /// Screws from an earlier operation; two or more on a side carry a rod.
    pub old_screws: Vec<OldScrew>,
    /// A dense ball in the soft tissue on the patient's left, [`Phantom::bead`], to tell sides by.
    pub bead_left: bool,
    /// What the scanner does.
    pub scan: Scan,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            levels: Self::lumbar(),
            seed: 1,
            variation: 1.0,
            sacral_slope_deg: 37.0,
            pelvic_incidence_deg: 52.0,
            posture: Posture::Supine,
            deformity: Deformity::default(),
            sacral_plate: Point::new(3.0, 4.0, -86.0),
            contrast: None,
            old_screws: Vec::new(),
            bead_left: false,
            scan: Scan::default(),
        }
    }
}

impl Spec {
    /// L1 to L5 and S1.
    pub fn lumbar() -> Vec<Level> {
        vec![Level::L1, Level::L2, Level::L3, Level::L4, Level::L5, Level::S1]
    }
    /// T1 to S1, without the rare T13 and L6.
    pub fn whole_column() -> Vec<Level> {
        table::column(&[]).into_iter().map(|row| row.level).collect()
    }
}

/// A spec that can not be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpecError {
    /// A level without measures.
    #[error("the phantom has no shape for {0}; it has T1 to T13, L1 to L6 and S1")]
    NoShape(Level),
    /// Nothing asked for.
    #[error("the phantom was asked for no level at all; name at least one of T1 to S1")]
    NoLevels,
    /// A number that is none, or out of which no spine or no image can be made.
    #[error("{what} can not be {value}: say {low} to {high}{unit}")]
    Range {
        /// The argument of `corridor phantom`, or the field of [`Spec`] where there is none.
        what: String,
        /// What was asked for.
        value: f64,
        /// The least it may be.
        low: f64,
        /// The most it may be.
        high: f64,
        /// The unit of all three with a blank before it; empty for a plain number.
        unit: &'static str,
    },
    /// A deformity that can not be made at this level.
    #[error("{0} can not be made so: {1}; choose other levels or smaller numbers")]
    Deformity(Level, &'static str),
}

/// A spine with known shape.
#[derive(Clone, Debug)]
pub struct Phantom {
    spec: Spec,
    /// Cranial ones first.
    bones: Vec<Bone>,
    placed: Vec<Placed>,
    /// Ribs, hip bones and femurs.
    others: Vec<OtherBone>,
    /// Where the pelvis stands, if there is one.
    stand: Option<Stand>,
    discs: Vec<PlacedDisc>,
    /// Screws and rods.
    metal: Vec<Metal>,
    /// Everything that is no bone, in the order in which it is painted.
    soft: Vec<soft::Soft>,
}

impl Phantom {
    /// Makes the spine; fails when a level has no shape or a number makes no spine.
    pub fn new(spec: &Spec) -> Result<Self, SpecError> {
        if spec.levels.is_empty() {
            return Err(SpecError::NoLevels);
        }
        if let Some(level) = spec.levels.iter().find(|level| table::row(**level).is_none()) {
            return Err(SpecError::NoShape(*level));
        }
        range::check(spec)?;
        let (column, discs) = column::stack(spec)?;
        let mut made: Vec<_> = column
            .iter()
            .enumerate()
            .filter(|(_, here)| spec.levels.contains(&here.level))
            .map(|(n, here)| {
                let lower = n.checked_sub(1).and_then(|n| column.get(n));
                (*here, Bone::new(here, lower, spec.seed, spec.variation))
            })
            .collect();
        made.reverse();
        let (placed, bones): (Vec<Placed>, Vec<Bone>) = made.into_iter().unzip();
        let discs = discs.into_iter().filter(|disc| spec.levels.contains(&disc.below)).collect();
        let (others, stand) = structure::other_bones(spec, &placed);
        let metal = tissue::old_metal(spec, &placed)?;
        let mut phantom = Self {
            spec: spec.clone(),
            bones,
            placed,
            others,
            stand,
            discs,
            metal,
            soft: Vec::new(),
        };
        phantom.soft = tissue::of(&phantom);
        Ok(phantom)
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
        let corners = self.bones.iter().flat_map(|bone| bone.corners().map(Point::vec));
        let far = glam::DVec3::splat(f64::INFINITY);
        let (low, high) = corners.fold((far, -far), |(low, high), c| (low.min(c), high.max(c)));
        let high = high.with_y(tissue::skin_back_mm(&self.spec, &self.bones) + 6.0);
        let step = spacing_mm.max(0.05);
        let size = ((high - low) / step).to_array().map(|n| n.ceil().max(0.0) as usize + 1);
        Grid::along_axes(Point::from_vec(low), step, size)
    }
    /// The same, reaching down to the hips and out to both of them; [`Phantom::grid`] where the
    /// phantom has none.
    pub fn grid_with_hips(&self, spacing_mm: f64) -> Grid {
        /// From the middle of a femoral head to the end of the image.
        const AROUND_MM: f64 = 34.0;
        let spine = self.grid(spacing_mm);
        let Some(stand) = &self.stand else { return spine };
        let corners = spine.corners().map(Point::vec).into_iter();
        let hips = Side::BOTH.map(|side| stand.hip(side));
        let around = hips.into_iter().flat_map(|hip| [hip - AROUND_MM, hip + AROUND_MM]);
        let far = glam::DVec3::splat(f64::INFINITY);
        let (low, high) =
            corners.chain(around).fold((far, -far), |(low, high), c| (low.min(c), high.max(c)));
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
        let named = scan::named(self, grid, false, &Work::silent());
        named.map_or_else(|_| scan::name(self, empty(grid)), |r| r.labels)
    }
    /// Which voxel centre lies in which other structure: [`Structure`] by its value, vertebrae 0.
    pub fn structures(&self, grid: &Grid) -> Volume<u16> {
        let named = scan::named(self, grid, false, &Work::silent());
        named.map_or_else(|_| empty(grid), |r| r.structures)
    }
    /// The labels with both hip bones among them, as [`Ilia::OURS`] numbers them; `structures` are
    /// those of the same grid.
    pub fn with_hips(&self, mut labels: LabelMap, structures: &Volume<u16>) -> LabelMap {
        let Some(stand) = &self.stand else { return labels };
        let grid = labels.volume.grid().clone();
        let voxels = labels.volume.data_mut().indexed_iter_mut().zip(structures.data());
        for (((k, j, i), label), structure) in voxels {
            if *label == 0 && *structure == Structure::HipBone.value() {
                let side = Side::of_x(grid.centre([i, j, k]).vec().x - stand.axis.x);
                *label = Ilia::OURS.of(side).unwrap_or(0);
            }
        }
        labels
    }
    /// The hip bone of one side, if the phantom has a pelvis.
    pub fn hip_bone(&self, side: Side) -> Option<&Bone> {
        let hips = self.others.iter().filter(|other| other.structure == Structure::HipBone);
        let place = usize::from(side == Side::Right);
        hips.map(|other| &other.bone).nth(place)
    }
    /// CT, labels and structures at once, with progress; stops where it is told to.
    pub fn record(&self, grid: &Grid, work: &Work) -> Result<Recorded, Cancelled> {
        scan::record(self, grid, work)
    }
    /// CT and labels at once, in the time of one.
    pub fn images(&self, grid: &Grid) -> (Volume<i16>, LabelMap) {
        let recorded = scan::record(self, grid, &Work::silent());
        recorded.map_or_else(
            |_| (Volume::from_fn(grid.clone(), |_| 0), scan::name(self, empty(grid))),
            |r| (r.ct, r.labels),
        )
    }
    /// The true numbers, solved on the surface.
    pub fn truth(&self) -> Truth {
        truth::solve(self)
    }
    /// Those of one level alone, in a fraction of the time; `None` where the phantom lacks it.
    pub fn truth_of(&self, level: Level) -> Option<LevelTruth> {
        truth::solve_level(self, level)
    }
}

/// Labels of nothing.
fn empty(grid: &Grid) -> Volume<u16> {
    Volume::from_fn(grid.clone(), |_| 0)
}

/// Middle of the canal of a level at the height of its pedicles, as it was planned.
fn canal_middle(placed: &Placed) -> Point<Patient> {
    let middle = match &placed.measures {
        sizes::Measures::Mobile(sizes, _) => vertebra::canal_middle(sizes),
        sizes::Measures::Sacrum(sizes) => sacrum::canal_middle(sizes),
    };
    placed.patient_from_vertebra.point(Point::from_vec(middle))
}
