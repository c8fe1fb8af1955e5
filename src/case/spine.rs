//! The pipeline: files → volume → labels → surfaces → anatomy, meshes and distance fields.
//!
//! In: a [`Source`]. Out: a [`Spine`], everything that is derived from the images and never
//! edited by hand; cheap to clone, since the big parts are shared.

pub use super::derive::{mended, mended_first, relabelled, with_neighbours, with_pelvis};
pub use super::images::organs;

use super::derive::{Known, derive};
use super::images;
use super::kept::Kept;
use super::pelvis::{PelvicBone, Pelvis};
use super::stale::Due;
use crate::anatomy::{self, VertebraAnatomy};
use crate::clearance::{Canal, Field, Voxels};
use crate::ingest::{self, IngestError};
use crate::labels::auto::FoundLevel;
use crate::labels::edit::Mending;
use crate::labels::numbering::{Numbering, NumberingError};
use crate::labels::{Ilia, LabelMap, Level, Lying, Organ, Posture, VertebraId};
use crate::mesh::TriMesh;
use crate::plan::{CaseHashes, Plan};
use crate::space::{Patient, Point, Side};
use crate::surface::Surface;
use crate::volume::{Grid, Volume};
use crate::work::{Cancelled, Work, on_pool};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// What is said of labels that the program made, until a person accepts them.
pub const NOT_REVIEWED: &str = "automatic labels, not reviewed: look at every level, its name and \
                                its border, before you plan on it";

/// Where a case comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The built-in phantom.
    Demo,
    /// Files of the user; at least one of the two paths is given.
    Files {
        /// A CT, or a label map alone.
        ct: Option<PathBuf>,
        /// A label map.
        labels: Option<PathBuf>,
        /// How the labels are numbered, if the user said so.
        numbering: Option<Numbering>,
    },
}

/// All that is derived from the images of one case.
#[derive(Clone, Debug, Default)]
pub struct Spine {
    /// The CT in HU; `None` when planning on labels alone.
    pub ct: Option<Arc<Volume<i16>>>,
    /// By what the case is recognised: hashes of CT, labels, patient.
    pub hashes: CaseHashes,
    /// The vertebrae as voxels; `None` when there are only slices to look at.
    pub labels: Option<Arc<LabelMap>>,
    /// The grid at whose border the labels end, where it is not the one they lie on now.
    pub drawn_on: Option<Grid>,
    /// The vertebrae that could be made, cranial ones first.
    pub vertebrae: Vec<Arc<VertebraModel>>,
    /// Those of them that are older than the labels: to be seen, not to be judged by.
    pub due: BTreeMap<VertebraId, Due>,
    /// Which labels are the hip bones.
    pub ilia: Ilia,
    /// Sacrum and ilium as one bone, for each side that has both.
    pub pelvis: Pelvis,
    /// What the labels name beside vertebrae, and the distance to it.
    pub organs: Arc<Vec<(Organ, Voxels)>>,
    /// Window (width, level) in HU to start with, if the file has one.
    pub window: Option<(f64, f64)>,
    /// How the patient lay in the scanner; `None` where the CT's file does not say.
    pub lying: Option<Lying>,
    /// What a person should know about the images and their labels; whole sentences, in the names
    /// as first given. [`Spine::notices_beside`] says them in a plan's names, and adds what is said
    /// of each vertebra.
    pub warnings: Vec<String>,
    /// Those of `warnings` that doubt the names that the program found.
    pub name_doubts: Vec<String>,
    /// Those of `warnings` that tell how the label file names its levels.
    pub of_file_names: Vec<String>,
    /// Vertebrae of the labels that could not be made, and why; whole sentences, in the names as
    /// first given.
    pub left_out: Vec<String>,
    /// What a person did to the labels since they were read; [`mended`] does it.
    pub label_edits: Vec<Mending>,
    /// True for the built-in phantom.
    pub is_demo: bool,
    /// Set where the program made the labels itself: each level and how sure it is.
    pub automatic: Option<Arc<Vec<FoundLevel>>>,
}

/// Who answers for the labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Review {
    /// They were given, or there are none.
    Given,
    /// The program made them and nobody has looked at them.
    NotReviewed,
    /// The program made them and a person accepted them.
    Accepted,
}

/// One vertebra with everything that is computed from its declared surface.
#[derive(Clone, Debug)]
pub struct VertebraModel {
    /// Stays when the level is renamed.
    pub id: VertebraId,
    /// What it was called when it was loaded.
    pub level: Level,
    /// The declared surface.
    pub surface: Surface,
    /// Its finest mesh.
    pub mesh: TriMesh,
    /// Signed distance to it.
    pub field: Field,
    /// What was measured on it.
    pub anatomy: VertebraAnatomy,
    /// Its canal as a tube; `None` where no canal was found.
    pub canal: Option<Canal>,
    /// The image or the label map ends inside it.
    pub is_cut_off: bool,
}

impl VertebraModel {
    /// Whether no level lies between this one and `lower`, the next one that is labelled.
    pub fn is_followed_by(&self, lower: &Self) -> bool {
        let middle = |v: &Self| v.anatomy.patient_from_vertebra.origin();
        anatomy::follows(self.level, lower.level, middle(self).distance(middle(lower)))
    }
    /// What a plan calls it.
    pub fn level_in(&self, plan: &Plan) -> Level {
        plan.name_of(self.id, self.level)
    }
    /// What was told while it was measured, under the name that a plan gives it.
    pub fn warnings_in(&self, plan: &Plan) -> Vec<String> {
        self.warnings_called(self.level_in(plan))
    }
    fn warnings_called(&self, level: Level) -> Vec<String> {
        let before = format!("{}:", self.level);
        let called = |warning: &String| match warning.strip_prefix(&before) {
            Some(what) => format!("{level}:{what}"),
            None => warning.clone(),
        };
        self.anatomy.warnings.iter().map(called).collect()
    }
    /// The same under another name, which its warnings say as well.
    fn called(&self, level: Level) -> Self {
        let mut model = Self { level, ..self.clone() };
        model.anatomy.warnings = self.warnings_called(level);
        model
    }
}

/// Why a case could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SpineError {
    /// A file could not be read.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The labels could not be named.
    #[error("{}: {source}", file.display())]
    Numbering {
        /// The label file.
        file: PathBuf,
        /// Why.
        source: NumberingError,
    },
    /// The caller asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Spine {
    /// All that a person should know beside a plan: of the images, of what was left out, of each
    /// vertebra and of the ilia; in the plan's names, whether or not the spine has them by [`Spine::named_by`].
    pub fn notices_beside(&self, plan: &Plan) -> impl Iterator<Item = String> {
        let said = self.warnings.iter().chain(self.said_left_out());
        let of_vertebrae = self.vertebrae.iter().flat_map(move |v| v.warnings_in(plan));
        let of_ilia = self.pelvis.bones.iter().filter_map(|bone| bone.warning());
        said.filter_map(move |said| self.said_beside(plan, said)).chain(of_vertebrae).chain(of_ilia)
    }
    /// What is said of vertebrae and hip bones that could not be made; in the names as first given.
    pub fn said_left_out(&self) -> impl Iterator<Item = &String> {
        self.left_out.iter().chain(self.pelvis.left_out.iter().map(|(_, said)| said))
    }
    /// One of `warnings` or of [`Spine::said_left_out`] as it reads beside a plan; `None` where the plan answers it.
    pub fn said_beside(&self, plan: &Plan, said: &str) -> Option<String> {
        if said == NOT_REVIEWED && self.review(plan) == Review::Accepted {
            return None;
        }
        let names = self.new_names(plan);
        if names.is_empty() {
            return Some(said.to_owned());
        }
        let is_one_of = |these: &[String]| these.iter().any(|one| one == said);
        // Said once more it would invite the same rename again.
        if is_one_of(&self.name_doubts) {
            return None;
        }
        if is_one_of(&self.of_file_names) {
            return Some(format!("{said} (names as first given)"));
        }
        Some(renamed(said, &names))
    }
    /// What the labels call each vertebra that the plan renames, and what the plan calls it.
    fn new_names(&self, plan: &Plan) -> Vec<[String; 2]> {
        let vertebrae = self.labels.iter().flat_map(|labels| &labels.vertebrae);
        let names = vertebrae.map(|v| [v.level, plan.level_of(v)]);
        let new = names.filter(|[before, after]| before != after);
        new.map(|pair| pair.map(|level| level.to_string())).collect()
    }
    /// The posture to measure in where nobody names one: that of the CT's file, or on the back, as in
    /// nearly every CT.
    pub fn posture(&self) -> Posture {
        self.lying.and_then(Lying::posture).unwrap_or_default()
    }
    /// Who answers for the labels, by what the plan says.
    pub fn review(&self, plan: &Plan) -> Review {
        match (&self.automatic, &self.hashes.labels_hash) {
            (None, _) => Review::Given,
            (Some(_), hash) if hash.is_some() && *hash == plan.accepted_labels => Review::Accepted,
            (Some(_), _) => Review::NotReviewed,
        }
    }
    /// The same spine with its vertebrae called as the plan calls them.
    pub fn named_by(&self, plan: &Plan) -> Self {
        let called = |v: &Arc<VertebraModel>| match v.level_in(plan) {
            level if level != v.level => Arc::new(v.called(level)),
            _ => Arc::clone(v),
        };
        Self { vertebrae: self.vertebrae.iter().map(called).collect(), ..self.clone() }
    }
    /// The model of a vertebra.
    pub fn vertebra(&self, id: VertebraId) -> Option<&Arc<VertebraModel>> {
        self.vertebrae.iter().find(|v| v.id == id)
    }
    /// The vertebrae next to the one at this place, above and below; `None` at the ends, and where a level
    /// between the two is not labelled.
    pub fn beside(&self, place: usize) -> [Option<&VertebraModel>; 2] {
        let next = |upper: Option<usize>| {
            let (upper, lower) = (upper?, upper? + 1);
            let [above, below] = [self.vertebrae.get(upper)?, self.vertebrae.get(lower)?];
            let follows = above.is_followed_by(below);
            follows.then_some(if lower == place { &**above } else { &**below })
        };
        [next(place.checked_sub(1)), next(Some(place))]
    }
    /// The model of the vertebra called so.
    pub fn at_level(&self, level: Level) -> Option<&Arc<VertebraModel>> {
        self.vertebrae.iter().find(|v| v.level == level)
    }
    /// Sacrum and ilium of one side as one bone; `None` while that is due, and where there is none.
    pub fn pelvic_bone(&self, side: Side) -> Option<&Arc<PelvicBone>> {
        self.pelvis.of(side)
    }
    /// The sides whose sacrum and ilium as one bone hang on labels that are touched, or on a sacrum that is due.
    pub fn sides_of(&self, is_touched: impl Fn(u16) -> bool) -> BTreeSet<Side> {
        let sacrum = self.labels.as_ref().and_then(|labels| labels.at_level(Level::S1));
        let is_of_both = sacrum.is_some_and(|s1| is_touched(s1.value) || self.is_due(s1.id));
        let is_of =
            |side: &Side| self.ilia.of(*side).is_some_and(|value| is_of_both || is_touched(value));
        Side::BOTH.into_iter().filter(is_of).collect()
    }
    /// Whether a vertebra is older than the labels.
    pub fn is_due(&self, vertebra: VertebraId) -> bool {
        self.due.contains_key(&vertebra)
    }
    /// The lowest and the highest corner of the box of all bones, LPS mm; `None` without bones.
    pub fn bounds(&self) -> Option<[Point<Patient>; 2]> {
        let bones = self.vertebrae.iter().map(|v| &v.mesh);
        let bones = bones.chain(self.pelvis.seen().map(|bone| &bone.ilium.mesh));
        let places = bones.flat_map(|mesh| &mesh.positions).map(|p| p.vec());
        let corners = places.map(|p| [p, p]);
        let both = corners.reduce(|[low, high], [p, _]| [low.min(p), high.max(p)])?;
        Some(both.map(Point::from_vec))
    }
    /// The middle of that box, or of the CT where there are no bones: what a camera should look at.
    /// LPS mm.
    pub fn middle(&self) -> Point<Patient> {
        let of_ct = || self.ct.as_ref().map_or(Point::ORIGIN, |ct| ct.grid().middle());
        self.bounds().map_or_else(of_ct, |[low, high]| low.lerp(high, 0.5))
    }
}

/// A sentence with every word that is a level's name before replaced by its name after, all at once:
/// when the column moves along by one, a new name is another vertebra's old one.
fn renamed(said: &str, names: &[[String; 2]]) -> String {
    let is_beside = |c: char| !c.is_alphanumeric();
    let called = |part: &str| {
        let word = part.trim_end_matches(is_beside);
        match names.iter().find(|[before, _]| before == word) {
            Some([_, after]) => format!("{after}{}", &part[word.len()..]),
            None => part.to_owned(),
        }
    };
    said.split_inclusive(is_beside).map(called).collect()
}

/// Loads a case and derives everything from it, on the core's own threads; on those of the caller
/// where it is one of them.
pub fn load(source: &Source, work: &Work) -> Result<Spine, SpineError> {
    load_kept(source, None, work)
}

/// The same, with what is `kept` from earlier sessions taken over and added to.
pub fn load_kept(source: &Source, kept: Option<&Kept>, work: &Work) -> Result<Spine, SpineError> {
    on_pool(|| {
        let mut spine = images::of(source, kept, work)?;
        let surfaces = kept.and_then(|kept| kept.surfaces(&spine));
        let is_new = surfaces.is_none();
        let known = surfaces.into_iter().flatten();
        let known = known.map(|kept| kept.map_or(Known::Nothing, Known::Surface)).collect();
        derive(&mut spine, known, work)?;
        if let Some(kept) = kept.filter(|_| is_new) {
            kept.add_surfaces(&spine);
        }
        spine.pelvis = Pelvis::to_be_made(spine.ilia);
        with_pelvis(&spine, work)
    })
}

/// A case of images that are in memory already, a phantom's for example.
pub fn of_images(
    ct: Option<Volume<i16>>,
    labels: LabelMap,
    work: &Work,
) -> Result<Spine, SpineError> {
    of_images_with(ct, labels, Ilia::default(), work)
}

/// The same, where some of the labels are hip bones.
pub fn of_images_with(
    ct: Option<Volume<i16>>,
    labels: LabelMap,
    ilia: Ilia,
    work: &Work,
) -> Result<Spine, SpineError> {
    let hashes = CaseHashes {
        ct_content_hash: ct.as_ref().map(ingest::content_hash),
        labels_hash: Some(ingest::labels_hash(&labels.volume)),
        ..CaseHashes::default()
    };
    let ct = ct.map(Arc::new);
    let mut spine = Spine { ct, hashes, labels: Some(Arc::new(labels)), ilia, ..Spine::default() };
    on_pool(|| {
        derive(&mut spine, Vec::new(), work)?;
        spine.pelvis = Pelvis::to_be_made(spine.ilia);
        with_pelvis(&spine, work)
    })
}
