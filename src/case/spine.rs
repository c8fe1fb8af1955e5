//! The pipeline: files → volume → labels → surfaces → anatomy, meshes and distance fields.
//!
//! In: a [`Source`]. Out: a [`Spine`], everything that is derived from the images and never
//! edited by hand; cheap to clone, since the big parts are shared.

use super::kept::Kept;
use crate::anatomy::{self, VertebraAnatomy};
use crate::clearance::{Canal, Field};
use crate::ingest::{self, CtIdentity, IngestError, RawLabels, Study};
use crate::labels::auto::{self, FoundLevel, SegmentError};
use crate::labels::edit::Mending;
use crate::labels::numbering::{self, Numbering, NumberingError};
use crate::labels::{LabelMap, LabelledVertebra, Level, VertebraId};
use crate::mesh::{self, TriMesh};
use crate::phantom;
use crate::plan::{CaseHashes, Plan};
use crate::space::{Patient, Point};
use crate::surface::{self, Surface, SurfaceError};
use crate::volume::Volume;
use crate::work::{Cancelled, Work, on_pool};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    /// The vertebrae that could be made, cranial ones first.
    pub vertebrae: Vec<Arc<VertebraModel>>,
    /// Window (width, level) in HU to start with, if the file has one.
    pub window: Option<(f64, f64)>,
    /// What a person should know about the images; whole sentences. [`Spine::notices`] adds what
    /// is said of each vertebra.
    pub warnings: Vec<String>,
    /// Vertebrae of the labels that could not be made, and why; whole sentences.
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
    /// The image ends inside it.
    pub is_cut_off: bool,
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
    /// All that a person should know: of the images, of what was left out, of each vertebra.
    pub fn notices(&self) -> impl Iterator<Item = &str> {
        let of_vertebrae = self.vertebrae.iter().flat_map(|v| &v.anatomy.warnings);
        self.warnings.iter().chain(&self.left_out).chain(of_vertebrae).map(String::as_str)
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
        let called = |v: &Arc<VertebraModel>| match plan.renamed.get(&v.id) {
            Some(renamed) if renamed.to != v.level => {
                Arc::new(VertebraModel { level: renamed.to, ..VertebraModel::clone(v) })
            }
            _ => Arc::clone(v),
        };
        Self { vertebrae: self.vertebrae.iter().map(called).collect(), ..self.clone() }
    }
    /// The model of a vertebra.
    pub fn vertebra(&self, id: VertebraId) -> Option<&Arc<VertebraModel>> {
        self.vertebrae.iter().find(|v| v.id == id)
    }
    /// The model of the vertebra called so.
    pub fn at_level(&self, level: Level) -> Option<&Arc<VertebraModel>> {
        self.vertebrae.iter().find(|v| v.level == level)
    }
    /// The middle of the vertebrae's box, or of the CT where there are none: what a camera should
    /// look at. LPS mm.
    pub fn middle(&self) -> Point<Patient> {
        let corners = self.vertebrae.iter().flat_map(|v| v.mesh.positions.iter().copied());
        let (low, high) = corners
            .fold((glam::DVec3::INFINITY, glam::DVec3::NEG_INFINITY), |(low, high), p| {
                (low.min(p.vec()), high.max(p.vec()))
            });
        if low.is_finite() {
            return Point::from_vec((low + high) / 2.0);
        }
        self.ct.as_ref().map_or(Point::ORIGIN, |ct| ct.grid().middle())
    }
}

/// Loads a case and derives everything from it, on the core's own threads; on those of the caller
/// where it is one of them.
pub fn load(source: &Source, work: &Work) -> Result<Spine, SpineError> {
    load_kept(source, None, work)
}

/// The same, with what is `kept` from earlier sessions taken over and added to.
pub fn load_kept(source: &Source, kept: Option<&Kept>, work: &Work) -> Result<Spine, SpineError> {
    on_pool(|| {
        let mut spine = match source {
            Source::Demo => load_demo(kept, work)?,
            Source::Files { ct, labels, numbering } => {
                load_files(ct.as_deref(), labels.as_deref(), *numbering, work)?
            }
        };
        let surfaces = kept.and_then(|kept| kept.surfaces(&spine));
        let is_new = surfaces.is_none();
        derive(&mut spine, Vec::new(), surfaces.unwrap_or_default(), work)?;
        if let Some(kept) = kept.filter(|_| is_new) {
            kept.add_surfaces(&spine);
        }
        Ok(spine)
    })
}

/// A case of images that are in memory already, a phantom's for example.
pub fn of_images(
    ct: Option<Volume<i16>>,
    labels: LabelMap,
    work: &Work,
) -> Result<Spine, SpineError> {
    let hashes = CaseHashes {
        ct_content_hash: ct.as_ref().map(ingest::content_hash),
        labels_hash: Some(ingest::labels_hash(&labels.volume)),
        ..CaseHashes::default()
    };
    let ct = ct.map(Arc::new);
    let mut spine = Spine { ct, hashes, labels: Some(Arc::new(labels)), ..Spine::default() };
    on_pool(|| derive(&mut spine, Vec::new(), Vec::new(), work))?;
    Ok(spine)
}

/// The built-in case as voxels.
fn load_demo(kept: Option<&Kept>, work: &Work) -> Result<Spine, SpineError> {
    work.step("making the built-in case", 0.0)?;
    let spec = phantom::demo_spec();
    let (ct, labels) = kept.and_then(|kept| kept.demo(&spec)).unwrap_or_else(|| {
        let (ct, labels) = phantom::demo_images();
        if let Some(kept) = kept {
            kept.add_demo(&spec, &ct, &labels);
        }
        (ct, labels)
    });
    let hashes = CaseHashes {
        ct_content_hash: Some(ingest::content_hash(&ct)),
        labels_hash: Some(ingest::labels_hash(&labels.volume)),
        ..CaseHashes::default()
    };
    Ok(Spine {
        ct: Some(Arc::new(ct)),
        hashes,
        labels: Some(Arc::new(labels)),
        is_demo: true,
        ..Spine::default()
    })
}

/// The user's files as voxels.
fn load_files(
    ct: Option<&Path>,
    labels: Option<&Path>,
    wanted: Option<Numbering>,
    work: &Work,
) -> Result<Spine, SpineError> {
    match (ct, labels) {
        (Some(ct), None) => load_one_file(ct, wanted, work),
        (Some(ct), Some(labels)) => {
            let study = ingest::load(ct, work)?;
            let raw = ingest::load_labels(labels, work)?;
            let raw = ingest::labels_on_grid(raw, study.ct.grid(), study.has_space, work)?;
            let mut spine = of_study(study);
            add_labels(&mut spine, labels, raw, wanted)?;
            Ok(spine)
        }
        (None, Some(labels)) => labels_alone(labels, wanted, work),
        (None, None) => load_demo(None, work),
    }
}

/// One file without labels beside it: a CT, unless its values look like labels.
fn load_one_file(file: &Path, wanted: Option<Numbering>, work: &Work) -> Result<Spine, SpineError> {
    let study = match ingest::load(file, work) {
        Ok(study) => study,
        // No CT: labels then, as a folder of masks or a DICOM segmentation.
        Err(no_ct @ (IngestError::NoCt { .. } | IngestError::NoDicom { .. })) => {
            use IngestError::{NoLabels, NotASegmentation, NotLabels};
            return labels_alone(file, wanted, work).map_err(|error| match error {
                SpineError::Ingest(
                    NoLabels { .. } | NotLabels { .. } | NotASegmentation { .. },
                ) => no_ct.into(),
                other => other,
            });
        }
        Err(error) => return Err(error.into()),
    };
    if !ingest::looks_like_labels(&study.ct) {
        let mut spine = of_study(study);
        add_automatic(&mut spine, work)?;
        return Ok(spine);
    }
    let mut spine = labels_alone(file, wanted, work)?;
    spine.warnings.insert(0, "the file was taken as a label map, since it holds no HU".to_owned());
    Ok(spine)
}

/// What is said of labels that the program made, until a person accepts them.
pub const NOT_REVIEWED: &str = "automatic labels, not reviewed: look at every level, its name and \
                                its border, before you plan on it";

/// Finds the vertebrae of a CT that came without labels. Where there is no spine the slices can
/// still be looked at.
fn add_automatic(spine: &mut Spine, work: &Work) -> Result<(), SpineError> {
    let Some(ct) = spine.ct.clone() else { return Ok(()) };
    let found = match auto::segment(&ct, work) {
        Ok(found) => found,
        Err(SegmentError::Cancelled(cancelled)) => return Err(cancelled.into()),
        Err(why) => {
            spine.warnings.push(why.to_string());
            return Ok(());
        }
    };
    let hash = ingest::labels_hash(&found.volume);
    let names = BTreeMap::new();
    match numbering::name_labels(found.volume, &names, &hash, Some(Numbering::Verse)) {
        Ok(mut named) => {
            let is_cut_off = |value| found.levels.iter().any(|l| l.value == value && l.is_cut_off);
            for vertebra in &mut named.labels.vertebrae {
                vertebra.is_cut_off |= is_cut_off(vertebra.value);
            }
            spine.warnings.push(NOT_REVIEWED.to_owned());
            spine.warnings.extend(found.warnings);
            spine.hashes.labels_hash = Some(hash);
            spine.labels = Some(Arc::new(named.labels));
            spine.automatic = Some(Arc::new(found.levels));
        }
        Err(why) => spine.warnings.push(why.to_string()),
    }
    Ok(())
}

fn of_study(study: Study) -> Spine {
    let CtIdentity { content_hash, frame_of_reference_hash, patient_hash } = study.identity;
    Spine {
        ct: Some(Arc::new(study.ct)),
        hashes: CaseHashes {
            ct_content_hash: Some(content_hash),
            frame_of_reference_hash,
            patient_hash,
            labels_hash: None,
        },
        window: study.window,
        warnings: study.warnings.iter().map(ToString::to_string).collect(),
        ..Spine::default()
    }
}

fn labels_alone(file: &Path, wanted: Option<Numbering>, work: &Work) -> Result<Spine, SpineError> {
    let raw = ingest::load_labels(file, work)?;
    let alone = "labels without a CT: planning on anatomy alone, without HU".to_owned();
    let mut spine = Spine { warnings: vec![alone], ..Spine::default() };
    add_labels(&mut spine, file, raw, wanted)?;
    Ok(spine)
}

/// Names the labels of `file` and makes them the spine's.
fn add_labels(
    spine: &mut Spine,
    file: &Path,
    raw: RawLabels,
    wanted: Option<Numbering>,
) -> Result<(), SpineError> {
    spine.warnings.extend(raw.warnings.iter().map(ToString::to_string));
    spine.hashes.labels_hash = Some(raw.hash.clone());
    let named = numbering::name_labels(raw.volume, &raw.names, &raw.hash, wanted)
        .map_err(|source| SpineError::Numbering { file: file.to_owned(), source })?;
    spine.warnings.extend(named.notices);
    spine.labels = Some(Arc::new(named.labels));
    Ok(())
}

/// The spine with its labels as `plan` says that a person mended them: only the vertebrae whose
/// voxels change are made anew. `given` is the spine as it was read; `now` has some of the mendings,
/// or none, and is taken over as far as it can be.
pub fn mended(given: &Spine, now: &Spine, plan: &Plan, work: &Work) -> Result<Spine, SpineError> {
    let wanted = &plan.label_edits;
    let is_further = wanted.starts_with(&now.label_edits);
    let from = if is_further { now } else { given };
    let (Some(labels), Some(shown)) = (&from.labels, &now.labels) else { return Ok(now.clone()) };
    if now.label_edits == *wanted {
        return Ok(now.clone());
    }
    on_pool(|| {
        let mut labels = LabelMap::clone(labels);
        for mending in &wanted[from.label_edits.len()..] {
            mending.apply(&mut labels.volume);
        }
        let touched = differing(&labels.volume, &shown.volume);
        let labels = Arc::new(labels);
        let mut spine = Spine {
            labels: Some(Arc::clone(&labels)),
            label_edits: wanted.clone(),
            vertebrae: Vec::new(),
            left_out: Vec::new(),
            ..now.clone()
        };
        let untouched = |v: &LabelledVertebra| {
            let model = now.vertebra(v.id)?;
            (!touched.contains(&v.value)).then(|| Arc::clone(model))
        };
        let known = labels.vertebrae.iter().map(untouched).collect();
        derive(&mut spine, known, Vec::new(), work)?;
        Ok(spine)
    })
}

/// The labels of which two maps of one grid differ in a voxel.
fn differing(a: &Volume<u16>, b: &Volume<u16>) -> BTreeSet<u16> {
    let (Some(a), Some(b)) = (a.data().as_slice(), b.data().as_slice()) else {
        return BTreeSet::new();
    };
    /// Voxels that one thread compares in one go.
    const CHUNK: usize = 1 << 16;
    let pairs = a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)).filter(|(a, b)| a != b);
    let of_chunk = |(a, b): (&[u16], &[u16])| -> BTreeSet<u16> {
        a.iter().zip(b).filter(|(a, b)| a != b).flat_map(|(a, b)| [*a, *b]).collect()
    };
    pairs.map(of_chunk).reduce(BTreeSet::new, |all, some| &all | &some)
}

/// Surfaces, anatomy, meshes and fields of all vertebrae, in parallel. A vertebra that can not be
/// made is told; the others go on. In the order of the labels: `known` holds the models that stand
/// already, `kept` the surfaces; either may be empty.
fn derive(
    spine: &mut Spine,
    mut known: Vec<Option<Arc<VertebraModel>>>,
    mut kept: Vec<Option<Surface>>,
    work: &Work,
) -> Result<(), SpineError> {
    let Some(labels) = spine.labels.clone() else { return Ok(()) };
    let count = labels.vertebrae.len();
    known.resize_with(count, || None);
    kept.resize_with(count, || None);
    let done = AtomicUsize::new(0);
    let made: Vec<_> = labels
        .vertebrae
        .par_iter()
        .zip(known)
        .zip(kept)
        .map(|((vertebra, known), kept)| {
            let made = match known {
                Some(model) => Ok(model),
                None => model(&labels, vertebra, spine.ct.as_deref(), kept, work).map(Arc::new),
            };
            let so_far = done.fetch_add(1, Ordering::Relaxed) + 1;
            work.step("making surfaces", so_far as f32 / count as f32)?;
            made
        })
        .collect();
    for (vertebra, model) in labels.vertebrae.iter().zip(made) {
        match model {
            Ok(model) => spine.vertebrae.push(model),
            Err(SurfaceError::Cancelled(cancelled)) => return Err(cancelled.into()),
            Err(why) => spine.left_out.push(format!("{} is left out: {why}", vertebra.level)),
        }
    }
    Ok(())
}

/// One vertebra from its labels (and the CT's edge, where there is one), or from its surface.
fn model(
    labels: &LabelMap,
    vertebra: &LabelledVertebra,
    ct: Option<&Volume<i16>>,
    kept: Option<Surface>,
    work: &Work,
) -> Result<VertebraModel, SurfaceError> {
    let surface = match kept {
        Some(surface) => surface,
        None => surface::declare(labels, vertebra, ct, work)?,
    };
    let distances = || {
        let mesh = mesh::extract(&surface);
        Field::to_mesh(&surface, &mesh, work).map(|field| (mesh, field))
    };
    let (distances, anatomy) =
        rayon::join(distances, || anatomy::measure(labels, vertebra, &surface));
    let (mesh, field) = distances?;
    let canal = Canal::new(&field, &anatomy).filter(|_| !anatomy.pedicles.is_empty());
    Ok(VertebraModel {
        id: vertebra.id,
        level: vertebra.level,
        surface,
        mesh,
        field,
        anatomy,
        canal,
        is_cut_off: vertebra.is_cut_off,
    })
}
