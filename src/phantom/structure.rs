//! What else than vertebrae a phantom has, and the numbers these carry in the second label map.

use super::bone::Bone;
use super::column::Placed;
use super::pelvis::{self, Stand};
use super::sizes::{Measures, Vary};
use super::{Spec, rib, sacrum};
use crate::labels::Level;
use crate::space::{Rigid, Side};
use glam::{DMat3, DQuat, DVec3};

/// A structure of the second label map; the number is its value there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum Structure {
    /// The spinal cord.
    Cord = 1,
    /// The thecal sac around it and below it.
    ThecalSac = 2,
    /// The rest of the canal: fat around the sac.
    Epidural = 3,
    /// Nerve roots, from the sac out of the foramina.
    NerveRoot = 4,
    /// Intervertebral discs.
    Disc = 5,
    /// Aorta.
    Aorta = 6,
    /// Lower vena cava.
    VenaCava = 7,
    /// Stubs of the ribs.
    Rib = 8,
    /// Hip bones.
    HipBone = 9,
    /// Upper ends of the femurs.
    Femur = 10,
    /// Lungs.
    Lung = 11,
    /// Metal.
    Metal = 12,
}

impl Structure {
    /// All of them, by number.
    pub const ALL: [Self; 12] = [
        Self::Cord,
        Self::ThecalSac,
        Self::Epidural,
        Self::NerveRoot,
        Self::Disc,
        Self::Aorta,
        Self::VenaCava,
        Self::Rib,
        Self::HipBone,
        Self::Femur,
        Self::Lung,
        Self::Metal,
    ];
    /// Its value in the label map.
    pub fn value(self) -> u16 {
        self as u16
    }
    /// Its name, as in file headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cord => "spinal_cord",
            Self::ThecalSac => "thecal_sac",
            Self::Epidural => "epidural_fat",
            Self::NerveRoot => "nerve_root",
            Self::Disc => "disc",
            Self::Aorta => "aorta",
            Self::VenaCava => "inferior_vena_cava",
            Self::Rib => "rib",
            Self::HipBone => "hip",
            Self::Femur => "femur",
            Self::Lung => "lung",
            Self::Metal => "metal",
        }
    }
}

/// A bone that is no vertebra.
#[derive(Clone, Debug)]
pub(super) struct OtherBone {
    pub(super) structure: Structure,
    pub(super) bone: Bone,
}

/// Ribs of the thoracic levels, and the pelvis where there is a sacrum; and where it stands.
pub(super) fn other_bones(spec: &Spec, placed: &[Placed]) -> (Vec<OtherBone>, Option<Stand>) {
    let mut bones = Vec::new();
    let mut stand = None;
    for here in placed {
        let vary = Vary::new(spec.seed, here.level, spec.variation);
        match &here.measures {
            Measures::Mobile(sizes, _) if here.level.region() == 'T' => {
                for side in Side::BOTH {
                    let shape = rib::shape(here.level, sizes, here.slopes, &vary, side);
                    let bone = Bone::of(here.level, here.patient_from_vertebra, shape);
                    bones.push(OtherBone { structure: Structure::Rib, bone });
                }
            }
            Measures::Mobile(..) => {}
            Measures::Sacrum(sizes) => {
                let frame = here.patient_from_vertebra;
                let incidence = spec.pelvic_incidence_deg;
                let plate = spec.sacral_plate.vec();
                let here = Stand::new(plate, spec.sacral_slope_deg, incidence, frame);
                let turn = DMat3::from_quat(frame.rotation());
                let clear: Vec<_> = sacrum::blobs(sizes, &vary)
                    .iter()
                    .map(|blob| blob.moved(turn, frame.origin().vec()))
                    .collect();
                for side in Side::BOTH {
                    let hip = pelvis::hip_bone(&here, &clear, side);
                    bones.push(of_patient(Structure::HipBone, hip));
                    bones.push(of_patient(Structure::Femur, pelvis::femur(&here, side)));
                }
                stand = Some(here);
            }
        }
    }
    (bones, stand)
}

fn of_patient(structure: Structure, shape: super::shape::Shape) -> OtherBone {
    let bone = Bone::of(Level::S1, Rigid::new(DQuat::IDENTITY, DVec3::ZERO), shape);
    OtherBone { structure, bone }
}
