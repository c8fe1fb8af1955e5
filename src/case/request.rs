//! What a person asked to open, and what follows for its plan: where it lives, what it must fit.

use super::bundle::{self, BundleError};
use super::judge;
use super::kept::Kept;
use super::open::Opening;
use super::spine::{self, Source, Spine, SpineError};
use super::store::{self, Location, Opened, StoreError};
use crate::implant::{Catalogue, CatalogueError, Rods};
use crate::labels::numbering::Numbering;
use crate::platform::{self, fs::FileSystem};
use crate::work::Work;
use std::path::{Path, PathBuf};

/// A case to be opened, and its plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseRequest {
    /// The images.
    pub source: Source,
    /// The plan file, if the user named one.
    pub plan: Option<PathBuf>,
    /// A hospital's own catalogue of screws in place of the program's.
    pub catalogue: Option<PathBuf>,
    /// A hospital's own rods and benders in place of the program's.
    pub rods_file: Option<PathBuf>,
    /// Open the plan although nothing tells whether it belongs to this patient.
    pub accept_unknown: bool,
    /// Keep what is computed from these images in the user's cache folder; the built-in case is
    /// kept in any case.
    pub keep: bool,
}

impl CaseRequest {
    /// The built-in case.
    pub fn demo() -> Self {
        Self::of(Source::Demo, None)
    }

    /// Files as a person names them: `ct` may be a CT, a label map alone, or a case bundle, whose
    /// own files then count where no other is named. Nothing named is the built-in case.
    pub fn of_paths(
        ct: Option<&Path>,
        labels: Option<&Path>,
        plan: Option<&Path>,
        numbering: Option<Numbering>,
        fs: &dyn FileSystem,
    ) -> Result<Self, BundleError> {
        let (mut ct, mut labels) = (ct.map(Path::to_owned), labels.map(Path::to_owned));
        let mut plan = plan.map(Path::to_owned);
        if let Some(folder) = ct.clone().filter(|path| bundle::is_bundle(path)) {
            let bundle = bundle::read(&folder, fs)?;
            ct = bundle.ct;
            labels = labels.or(bundle.labels);
            plan = plan.or(Some(bundle.plan));
        }
        let source = match (&ct, &labels) {
            (None, None) => Source::Demo,
            _ => Source::Files { ct, labels, numbering },
        };
        Ok(Self::of(source, plan))
    }

    fn of(source: Source, plan: Option<PathBuf>) -> Self {
        Self { source, plan, catalogue: None, rods_file: None, accept_unknown: false, keep: false }
    }

    /// The screws and rods on offer: the hospital's where it has named files, else the program's own.
    pub fn offered(&self, fs: &dyn FileSystem) -> Result<Catalogue, CatalogueError> {
        let screws = self.catalogue.as_ref();
        let screws = screws.map_or_else(Catalogue::builtin, |file| Catalogue::read(file, fs))?;
        let own_rods = self.rods_file.as_ref().map(|file| Rods::read(file, fs)).transpose()?;
        Ok(Catalogue { own_rods, ..screws })
    }

    /// Reads the images and derives everything from them; what earlier sessions kept saves time.
    pub fn load(&self, work: &Work) -> Result<Spine, SpineError> {
        let kept = Kept::demo_only().map(|kept| if self.keep { kept.all() } else { kept });
        spine::load_kept(&self.source, kept.as_ref(), work)
    }

    /// Where the plan of this case lives.
    pub fn location(&self, spine: &Spine, fs: &dyn FileSystem) -> Result<Location, StoreError> {
        let opened = match &self.source {
            Source::Files { ct: Some(image), .. } => Opened::Image(image),
            Source::Files { labels: Some(image), .. } => Opened::Image(image),
            Source::Files { .. } | Source::Demo => Opened::Demo,
        };
        let data = platform::data_folder();
        store::locate(opened, self.plan.as_deref(), &spine.hashes, data.as_deref(), fs)
    }

    /// What the plan must fit when it is opened.
    pub fn opening(&self, spine: &Spine, catalogue: &Catalogue) -> Opening {
        Opening {
            hashes: spine.hashes.clone(),
            labels: spine.labels.clone(),
            catalogue: catalogue.into(),
            thresholds_hash: judge::thresholds_hash(),
            accept_unknown: self.accept_unknown,
        }
    }
}
