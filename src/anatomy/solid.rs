//! A bone as anatomy asks for it: inside or not, how far to the surface along a ray, and a cloud of
//! points inside. In: the declared surface. Out: answers in the coordinates of one vertebra's frame.

use crate::space::{Affine, Patient, Point, Rigid, Vertebra, Voxel};
use crate::surface::Surface;
use crate::volume::Volume;
use glam::DVec3;

/// Rays are walked in steps of this, mm; thinner gaps may be stepped over.
const RAY_STEP_MM: f64 = 0.4;
/// Points of the cloud are about this far apart, mm.
const CLOUD_STEP_MM: f64 = 1.2;

/// A bone seen from a frame: every argument and answer is in that frame's coordinates, mm.
pub(super) struct Solid<'a> {
    field: &'a Volume<f32>,
    voxel_from_local: Affine<Voxel, Vertebra>,
    patient_from_local: Rigid<Patient, Vertebra>,
}

impl<'a> Solid<'a> {
    pub fn new(surface: &'a Surface, patient_from_local: Rigid<Patient, Vertebra>) -> Self {
        let voxel_from_patient = surface.field.grid().voxel_from_patient();
        Self {
            field: &surface.field,
            voxel_from_local: voxel_from_patient * patient_from_local.to_affine(),
            patient_from_local,
        }
    }
    /// The same bone from another frame.
    pub fn seen_from(&self, patient_from_local: Rigid<Patient, Vertebra>) -> Self {
        let voxel_from_patient = self.field.grid().voxel_from_patient();
        Self {
            field: self.field,
            voxel_from_local: voxel_from_patient * patient_from_local.to_affine(),
            patient_from_local,
        }
    }
    /// The frame it is seen from.
    pub fn frame(&self) -> Rigid<Patient, Vertebra> {
        self.patient_from_local
    }
    /// Distance of the nodes between which the surface is trilinear, mm.
    pub fn node_mm(&self) -> f64 {
        self.field.grid().spacing_mm()[0]
    }
    /// True inside bone and on its surface; false outside the field's grid.
    pub fn is_inside(&self, p: DVec3) -> bool {
        let voxel = self.voxel_from_local.point(Point::from_vec(p));
        self.field.trilinear_voxel(voxel).is_some_and(|value| value >= 0.0)
    }
    /// Distance from `from` along the unit vector `along` to the first crossing of the surface, in
    /// or out, mm; `most` where there is none before it.
    pub fn reach(&self, from: DVec3, along: DVec3, most: f64) -> f64 {
        let started_inside = self.is_inside(from);
        let crossed = |t: f64| self.is_inside(from + along * t) != started_inside;
        let steps = (most / RAY_STEP_MM) as usize;
        let Some(n) = (1..=steps).find(|n| crossed(*n as f64 * RAY_STEP_MM)) else {
            return most;
        };
        let (mut low, mut high) = ((n - 1) as f64 * RAY_STEP_MM, n as f64 * RAY_STEP_MM);
        for _ in 0..12 {
            let middle = (low + high) / 2.0;
            if crossed(middle) { high = middle } else { low = middle }
        }
        (low + high) / 2.0
    }
    /// Hands each stretch of bone along a ray of `most` mm to `each`: where it begins and ends, mm.
    pub fn stretches(&self, from: DVec3, along: DVec3, most: f64, mut each: impl FnMut(f64, f64)) {
        let is_inside = |t: f64| self.is_inside(from + along * t);
        let mut entered = is_inside(0.0).then_some(0.0);
        let mut t = 0.0;
        while t < most {
            let next = f64::min(t + RAY_STEP_MM, most);
            if is_inside(next) != entered.is_some() {
                let (mut low, mut high) = (t, next);
                for _ in 0..8 {
                    let middle = (low + high) / 2.0;
                    let is_beyond = is_inside(middle) != entered.is_some();
                    if is_beyond { high = middle } else { low = middle }
                }
                let edge = (low + high) / 2.0;
                match entered.take() {
                    Some(begin) => each(begin, edge),
                    None => entered = Some(edge),
                }
            }
            t = next;
        }
        if let Some(begin) = entered {
            each(begin, most);
        }
    }
    /// `start` moved to the middle of the chords through it along each of `axes`, a few times over.
    /// A chord that does not end within `most` to both sides moves nothing.
    pub fn centred(&self, start: DVec3, axes: &[DVec3], most: f64) -> DVec3 {
        let mut centre = start;
        for _ in 0..3 {
            for axis in axes {
                let there = self.reach(centre, *axis, most);
                let back = self.reach(centre, -*axis, most);
                if there.max(back) < most {
                    centre += *axis * ((there - back) / 2.0);
                }
            }
        }
        centre
    }
}

/// Points evenly spread inside a bone, LPS mm, and how far apart they are.
pub(super) struct Cloud {
    pub points: Vec<DVec3>,
    pub step_mm: f64,
}

/// The cloud of a surface; empty when it holds no bone.
pub(super) fn cloud(surface: &Surface) -> Cloud {
    let grid = surface.field.grid();
    let strides = grid.spacing_mm().map(|mm| ((CLOUD_STEP_MM / mm).round() as usize).max(1));
    let step_mm = (0..3).map(|a| strides[a] as f64 * grid.spacing_mm()[a]).fold(0.0, f64::max);
    let [ni, nj, nk] = grid.size();
    let mut points = Vec::new();
    for k in (0..nk).step_by(strides[2]) {
        for j in (0..nj).step_by(strides[1]) {
            for i in (0..ni).step_by(strides[0]) {
                if surface.field.data()[[k, j, i]] > 0.0 {
                    points.push(grid.centre([i, j, k]).vec());
                }
            }
        }
    }
    Cloud { points, step_mm }
}

impl Cloud {
    /// Mean of the points; the origin for none.
    pub fn centroid(&self) -> DVec3 {
        self.points.iter().sum::<DVec3>() / self.points.len().max(1) as f64
    }
    /// The points in the coordinates of a frame.
    pub fn seen_from(&self, patient_from_local: Rigid<Patient, Vertebra>) -> Vec<DVec3> {
        let local_from_patient = patient_from_local.inverse();
        self.points.iter().map(|p| local_from_patient.point(Point::from_vec(*p)).vec()).collect()
    }
}
