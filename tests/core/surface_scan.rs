//! Solids of known shape, labelled and scanned as a CT would: what the surface tests measure on.

use corridor::labels::{LabelMap, LabelledVertebra, Level, VertebraId};
use corridor::mesh::TriMesh;
use corridor::space::{Affine, Patient, Point};
use corridor::volume::{Grid, Volume};
use glam::{DAffine3, DMat3, DQuat, DVec3};

/// Distance to a solid's surface, positive inside, exact near it.
pub type Shape = fn(DVec3) -> f64;

pub fn ball(p: DVec3) -> f64 {
    17.3 - p.distance(DVec3::new(0.3, -0.2, 0.4))
}
/// A bent bar that closes on itself: convex and concave, 5 mm thick like a lamina.
pub fn ring(p: DVec3) -> f64 {
    let q = DQuat::from_euler(glam::EulerRot::XYZ, 0.5, 0.3, 0.0) * (p - DVec3::new(0.2, 0.1, 0.3));
    5.0 - DVec3::new(q.truncate().length() - 14.0, 0.0, q.z).length()
}
/// A box with rounded edges, turned against the grid: the flat faces show the steps of voxels.
pub fn block(p: DVec3) -> f64 {
    const ROUND: f64 = 4.0;
    let q = DQuat::from_euler(glam::EulerRot::XYZ, 0.12, -0.3, 0.2) * p;
    let over = q.abs() - (DVec3::new(15.0, 11.0, 9.0) - ROUND);
    ROUND - over.max(DVec3::ZERO).length() - over.max_element().min(0.0)
}

/// How a solid is scanned.
#[derive(Clone, Copy)]
pub struct Scanner {
    pub voxel_mm: [f64; 3],
    /// Blur of the machine, sigma in mm, besides the mean over each voxel.
    pub blur_mm: f64,
    pub cortex_mm: f64,
    pub noise_hu: f64,
}

pub const OUTSIDE_HU: f64 = 40.0;
pub const CORTEX_HU: f64 = 1100.0;
pub const CANCELLOUS_HU: f64 = 220.0;

impl Scanner {
    pub fn grid(&self) -> Grid {
        let turn = DMat3::from_quat(DQuat::from_euler(glam::EulerRot::XYZ, 0.05, -0.1, 0.14));
        let size = self.voxel_mm.map(|v| (64.0 / v) as usize);
        let map = turn * DMat3::from_diagonal(DVec3::from_array(self.voxel_mm));
        let middle = DVec3::from_array(size.map(|n| 0.5 * (n as f64 - 1.0)));
        Grid::new(size, Affine::new(DAffine3::from_mat3_translation(map, -(map * middle)))).unwrap()
    }
    pub fn labels(&self, shape: Shape) -> LabelMap {
        let grid = self.grid();
        let volume =
            Volume::from_fn(
                grid.clone(),
                |n| {
                    if shape(grid.centre(n).vec()) > 0.0 { 7u16 } else { 0 }
                },
            );
        let level: Level = "L4".parse().unwrap();
        let id = VertebraId::of_label("test", 7);
        LabelMap {
            volume,
            vertebrae: vec![LabelledVertebra { id, level, value: 7, is_cut_off: false }],
        }
    }
    /// The mean over each voxel of the blurred densities, with noise.
    pub fn ct(&self, shape: Shape) -> Volume<i16> {
        let grid = self.grid();
        let fine = [0, 1, 2].map(|a| (self.voxel_mm[a] / 0.34).round() as usize);
        let ct = Volume::from_fn(grid.clone(), |n| {
            let mut sum = 0.0;
            let mut count = 0.0;
            for sub in 0..fine.iter().product() {
                let part = [sub % fine[0], sub / fine[0] % fine[1], sub / (fine[0] * fine[1])];
                let at = DVec3::from_array(
                    [0, 1, 2].map(|a| n[a] as f64 + (part[a] as f64 + 0.5) / fine[a] as f64 - 0.5),
                );
                let p = grid.patient_from_voxel().point(Point::from_vec(at)).vec();
                sum += self.blurred(shape(p));
                count += 1.0;
            }
            sum / count
        });
        let mut state = 12345u64;
        ct.map(|hu| (hu + self.noise_hu * normal(&mut state)).round() as i16)
    }
    /// Density at a depth under a surface flat on the scale of the blur.
    fn blurred(&self, depth: f64) -> f64 {
        OUTSIDE_HU + (CORTEX_HU - OUTSIDE_HU) * phi(depth / self.blur_mm)
            - (CORTEX_HU - CANCELLOUS_HU) * phi((depth - self.cortex_mm) / self.blur_mm)
    }
}

fn phi(x: f64) -> f64 {
    // Enough terms of the logistic fit for a test: error under 1e-4 (Bowling et al. 2009).
    1.0 / (1.0 + (-(1.5976 * x + 0.070_565_992 * x.powi(3))).exp())
}

fn normal(state: &mut u64) -> f64 {
    let mut uniform = || {
        *state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 11) as f64 / (1u64 << 53) as f64
    };
    (-2.0 * uniform().max(1e-12).ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()
}

/// How far a mesh is from the true surface.
#[derive(Debug)]
pub struct Misfit {
    pub rms_mm: f64,
    /// Mean of the signed distances: positive where the mesh lies inside the true surface.
    pub bias_mm: f64,
    pub worst_mm: f64,
    pub normal_deg: f64,
}

/// Measured at every `step`th vertex against a shape told as a distance and its outward normal.
pub fn misfit(
    mesh: &TriMesh,
    step: usize,
    distance_mm: impl Fn(Point<Patient>) -> f64,
    normal: impl Fn(Point<Patient>) -> DVec3,
) -> Misfit {
    let mut m = Misfit { rms_mm: 0.0, bias_mm: 0.0, worst_mm: 0.0, normal_deg: 0.0 };
    let count = mesh.positions.len().div_ceil(step) as f64;
    for (p, n) in mesh.positions.iter().zip(&mesh.normals).step_by(step) {
        let d = distance_mm(*p);
        m.rms_mm += d * d / count;
        m.bias_mm += d / count;
        m.worst_mm = m.worst_mm.max(d.abs());
        m.normal_deg += normal(*p).angle_between(n.vec()).to_degrees() / count;
    }
    m.rms_mm = m.rms_mm.sqrt();
    m
}

/// The way out of a shape told as a distance.
pub fn outward(shape: Shape, p: Point<Patient>) -> DVec3 {
    let at = |axis: DVec3, t: f64| shape(p.vec() + axis * t);
    DVec3::from_array([DVec3::X, DVec3::Y, DVec3::Z].map(|axis| at(axis, -1e-3) - at(axis, 1e-3)))
}
