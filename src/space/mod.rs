//! What a number means: frames, points, directions and the transforms between them.
//!
//! | frame | axes | unit | who speaks it |
//! |---|---|---|---|
//! | [`Voxel`] | i (fastest), j, k (slowest); voxel *centres* at whole numbers | index | volumes |
//! | [`Patient`] | LPS: +x Left, +y Posterior, +z Superior | mm | the whole core, every file we write |
//! | [`Vertebra`] | as LPS, but of one vertebra: +x its left, +y its back, +z its top | mm | anatomy, breach directions |
//! | [`Scene`] | right-handed, +Y up, a standing patient faces +Z | m | Bevy |
//! | [`Stage`] | right-handed, +Y up, −Z where the user first looked | m | OpenXR |
//!
//! A [`Point`] moves with a transform's translation, a [`Dir`] does not; both carry their frame as
//! a type, so that adding a patient point to a scene point does not compile. A transform is named
//! and typed `to_from_from`, so that neighbours cancel: `scene_from_patient * patient_from_voxel`.
//! Axes are swapped in one file alone, [`convert`].

pub mod convert;
pub mod frame;
pub mod orientation;
pub mod transform;

pub use frame::{Dir, Frame, Patient, Point, Scene, Stage, Vertebra, Voxel};
pub use orientation::{Letter, Side};
pub use transform::{Affine, Rigid};
