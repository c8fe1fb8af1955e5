//! What is kept between sessions, so that a case opens faster the next time.
//!
//! In: the built-in case, and the declared surfaces of any case. Out: the same, bit for bit, in a
//! later session of the same build of the program. Mesh, distances and anatomy are made from the
//! surfaces each time.
//!
//! The built-in case is kept always. What comes from a patient is kept only where the user asked
//! for it ([`Kept::all`]): surfaces under a hash of the images, no voxel, no name and no path, in a
//! folder that only this user can read. The folder ([`Kept::folder`]) may be deleted at any time.

use super::pack::{Packer, Unpacker};
use super::spine::Spine;
use crate::labels::{LabelMap, LabelledVertebra};
use crate::platform;
use crate::platform::cache::{self, Cache, Key};
use crate::surface::Surface;
use crate::volume::{Grid, Volume};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Room for all that is kept, bytes.
pub const MOST_BYTES: u64 = 1 << 30;

/// What is kept, and what may be added.
#[derive(Clone, Debug)]
pub struct Kept {
    cache: Cache,
    program: String,
    adds_patients: bool,
}

impl Kept {
    /// In the user's cache folder; finds what any earlier session kept and adds the built-in case
    /// alone. `None` where the system names no such folder.
    pub fn demo_only() -> Option<Self> {
        Some(Self::in_folder(platform::cache_folder()?.join("corridor"), cache::program_mark()?))
    }
    /// The same in a folder of choice; `program` is what tells one build from another.
    pub fn in_folder(folder: PathBuf, program: String) -> Self {
        Self { cache: Cache::new(folder, MOST_BYTES), program, adds_patients: false }
    }
    /// Adds what comes from patients too.
    #[must_use]
    pub fn all(self) -> Self {
        Self { adds_patients: true, ..self }
    }
    /// Where it lies.
    pub fn folder(&self) -> &Path {
        self.cache.folder()
    }
    fn add(&self, key: &Key, packer: Packer) {
        // Nothing is lost where it can not be kept: the next session computes it again.
        if let Err(fault) = self.cache.put(key, &packer.finish()) {
            tracing::debug!("{} can not be written: {fault}", self.folder().display());
        }
    }

    /// The built-in case of `spec`: its CT and labels.
    pub(super) fn demo(&self, spec: &str) -> Option<(Volume<i16>, LabelMap)> {
        let bytes = self.cache.get(&self.demo_key(spec))?;
        let mut unpacker = Unpacker::new(&bytes);
        let ct = unpacker.volume()?;
        let volume = unpacker.volume()?;
        let vertebrae: Vec<LabelledVertebra> = serde_json::from_str(unpacker.text()?).ok()?;
        unpacker.is_empty().then_some((ct, LabelMap { volume, vertebrae }))
    }
    pub(super) fn add_demo(&self, spec: &str, ct: &Volume<i16>, labels: &LabelMap) {
        let Ok(vertebrae) = serde_json::to_string(&labels.vertebrae) else { return };
        let mut packer = Packer::default();
        packer.volume(ct);
        packer.volume(&labels.volume);
        packer.text(&vertebrae);
        self.add(&self.demo_key(spec), packer);
    }
    fn demo_key(&self, spec: &str) -> Key {
        Key::of(&self.program, &["built-in case", spec])
    }

    /// The surfaces of a case's vertebrae, in the order of its labels; `None` for one that could
    /// not be made.
    pub(super) fn surfaces(&self, spine: &Spine) -> Option<Vec<Option<Surface>>> {
        let bytes = self.cache.get(&self.surfaces_key(spine)?)?;
        let mut unpacker = Unpacker::new(&bytes);
        let packed: Vec<&[u8]> =
            (0..unpacker.number()?).map(|_| unpacker.bytes()).collect::<Option<_>>()?;
        let surface = |bytes: &&[u8]| {
            let field = (!bytes.is_empty()).then(|| Unpacker::new(bytes).volume());
            field.map_or(Some(None), |field| Some(Some(Surface { field: field? })))
        };
        packed.par_iter().map(surface).collect()
    }
    pub(super) fn add_surfaces(&self, spine: &Spine) {
        let Some(labels) = spine.labels.as_ref() else { return };
        let Some(key) = self.surfaces_key(spine).filter(|_| spine.is_demo || self.adds_patients)
        else {
            return;
        };
        let packed: Vec<Vec<u8>> = labels
            .vertebrae
            .par_iter()
            .map(|vertebra| {
                let mut packer = Packer::default();
                if let Some(model) = spine.vertebra(vertebra.id) {
                    packer.volume(&model.surface.field);
                }
                packer.finish()
            })
            .collect();
        let mut packer = Packer::default();
        packer.number(packed.len());
        packed.iter().for_each(|bytes| packer.bytes(bytes));
        self.add(&key, packer);
    }
    /// All that surfaces are made from: voxels, exact grids, and which vertebra has which value.
    fn surfaces_key(&self, spine: &Spine) -> Option<Key> {
        let labels = spine.labels.as_ref()?;
        let labels_hash = spine.hashes.labels_hash.as_deref()?;
        let ct_hash = spine.hashes.ct_content_hash.as_deref().unwrap_or("no CT");
        let ct_place = spine.ct.as_ref().map_or_else(String::new, |ct| place(ct.grid()));
        let vertebrae = serde_json::to_string(&labels.vertebrae).ok()?;
        let parts = [labels_hash, &place(labels.volume.grid()), ct_hash, &ct_place, &vertebrae];
        Some(Key::of(&self.program, &parts))
    }
}

/// A grid to the last bit: hashes of images count corners in tenths of a millimetre only.
fn place(grid: &Grid) -> String {
    let map = grid.patient_from_voxel().map().to_cols_array();
    format!("{:?} {:x?}", grid.size(), map.map(f64::to_bits))
}
