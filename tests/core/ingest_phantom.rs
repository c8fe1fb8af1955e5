//! A small asymmetric volume with an off-centre bead, in several acquisitions, and writers for it
//! that share no code with the product's.

use corridor::space::{Affine, Dir, Patient, Point};
use corridor::volume::{Grid, Volume};
use glam::{DMat3, DQuat, DVec3};
use std::path::Path;

/// Where the bead lies: to the left, in front, near the top.
pub const BEAD: Point<Patient> = Point::new(14.3, -21.7, 38.2);
const BEAD_SIGMA_MM: f64 = 2.0;
pub const BONE_HU: f64 = 1500.0;

/// HU at a patient point: air, a lopsided body with a slow gradient, and the bead.
pub fn hu(p: Point<Patient>) -> i16 {
    let [x, y, z] = p.to_array();
    let r = p.distance(BEAD) / BEAD_SIGMA_MM;
    (body(x, y, z) + BONE_HU * (-0.5 * r * r).exp()).round() as i16
}

fn body(x: f64, y: f64, z: f64) -> f64 {
    2.0 * x - 0.7 * y + 0.4 * z - 40.0
}

/// How the scanner's slices stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquisition {
    Axial,
    Sagittal,
    Coronal,
    Oblique,
}

pub const ACQUISITIONS: [Acquisition; 4] =
    [Acquisition::Axial, Acquisition::Sagittal, Acquisition::Coronal, Acquisition::Oblique];

/// Row direction, column direction and slice direction of an acquisition, as DICOM means them:
/// along a row of pixels, down a column of pixels, from slice to slice (right-handed).
fn axes(acquisition: Acquisition) -> [DVec3; 3] {
    let (x, y, z) = (DVec3::X, DVec3::Y, DVec3::Z);
    match acquisition {
        Acquisition::Axial => [x, y, z],
        Acquisition::Sagittal => [y, -z, -x],
        Acquisition::Coronal => [x, -z, y],
        Acquisition::Oblique => {
            let turn = DMat3::from_quat(DQuat::from_euler(glam::EulerRot::XYZ, 0.31, -0.22, 0.13));
            [turn * x, turn * y, turn * z]
        }
    }
}

/// The grid of an acquisition. The three orthogonal ones are the same lattice of voxels, read in
/// another order.
pub fn grid(acquisition: Acquisition) -> Grid {
    let size = DVec3::new(40.0, 36.0, 30.0);
    let spacing = DVec3::new(0.7, 0.8, 1.1);
    let middle = DVec3::new(10.0, -18.0, 34.0);
    let axes = axes(acquisition);
    // Size and spacing belong to the patient's axes, except in the oblique case.
    let along = |n: usize, v: DVec3| match acquisition {
        Acquisition::Oblique => v[n],
        _ => v.dot(axes[n].abs()),
    };
    let count: [usize; 3] = std::array::from_fn(|n| along(n, size).round() as usize);
    let columns: [DVec3; 3] = std::array::from_fn(|n| axes[n] * along(n, spacing));
    let origin = (0..3).fold(middle, |o, n| o - columns[n] * ((count[n] as f64 - 1.0) / 2.0));
    let [i, j, k] = columns.map(Dir::from_vec);
    Grid::new(count, Affine::from_columns(i, j, k, Point::from_vec(origin))).unwrap()
}

/// The phantom's CT.
pub fn ct(acquisition: Acquisition) -> Volume<i16> {
    let g = grid(acquisition);
    let centres = g.clone();
    Volume::from_fn(g, move |v| hu(centres.centre(v)))
}

/// The bead found in a CT: centroid of the square of what exceeds the body. No threshold, which
/// a rounded coordinate could step over.
pub fn find_bead(ct: &Volume<i16>) -> Point<Patient> {
    let (mut sum, mut weight) = (DVec3::ZERO, 0.0);
    for ((k, j, i), value) in ct.data().indexed_iter() {
        let p = ct.grid().centre([i, j, k]);
        let [x, y, z] = p.to_array();
        let above = f64::from(*value) - body(x, y, z);
        if p.distance(BEAD) < 12.0 {
            sum += p.vec() * above * above;
            weight += above * above;
        }
    }
    Point::from_vec(sum / weight)
}

/// The axes of the numbers in a NRRD's header.
#[derive(Clone, Copy, Debug)]
pub enum Spoken {
    Lps,
    Ras,
    Las,
}

/// Writes a raw NRRD (big endian, attached header) in the axes asked for.
pub fn write_nrrd(path: &Path, ct: &Volume<i16>, spoken: Spoken) {
    let (name, signs) = match spoken {
        Spoken::Lps => ("left-posterior-superior", DVec3::ONE),
        Spoken::Ras => ("right-anterior-superior", DVec3::new(-1.0, -1.0, 1.0)),
        Spoken::Las => ("left-anterior-superior", DVec3::new(1.0, -1.0, 1.0)),
    };
    let map = ct.grid().patient_from_voxel().map();
    let vector = |v: DVec3| {
        let v = v * signs;
        format!("({}, {}, {})", v.x, v.y, v.z)
    };
    let [ni, nj, nk] = ct.grid().size();
    let m = map.matrix3;
    let header = format!(
        "NRRD0005\n# by hand\ntype: int16\ndimension: 3\nspace: {name}\nsizes: {ni} {nj} {nk}\n\
         space directions: {} {} {}\nkinds: domain domain domain\nendian: big\nencoding: raw\n\
         space origin: {}\n\n",
        vector(m.x_axis),
        vector(m.y_axis),
        vector(m.z_axis),
        vector(map.translation),
    );
    let mut bytes = header.into_bytes();
    bytes.extend(ct.data().iter().flat_map(|v| v.to_be_bytes()));
    std::fs::write(path, bytes).unwrap();
}

/// Writes a NIfTI-1 by hand: its sform is the CT's matrix in RAS; no qform.
pub fn write_nifti_sform(path: &Path, ct: &Volume<i16>, big_endian: bool) {
    let mut h = vec![0_u8; 352];
    let put = |h: &mut Vec<u8>, at: usize, mut bytes: Vec<u8>| {
        if big_endian {
            bytes.reverse();
        }
        h[at..at + bytes.len()].copy_from_slice(&bytes);
    };
    put(&mut h, 0, 348_i32.to_le_bytes().to_vec());
    let [ni, nj, nk] = ct.grid().size();
    for (n, dim) in [3, ni, nj, nk].into_iter().enumerate() {
        put(&mut h, 40 + 2 * n, (dim as i16).to_le_bytes().to_vec());
    }
    put(&mut h, 70, 4_i16.to_le_bytes().to_vec());
    put(&mut h, 72, 16_i16.to_le_bytes().to_vec());
    put(&mut h, 108, 352_f32.to_le_bytes().to_vec());
    put(&mut h, 112, f32::NAN.to_le_bytes().to_vec()); // NaN as slope means none
    put(&mut h, 254, 2_i16.to_le_bytes().to_vec());
    let m = ct.grid().patient_from_voxel().map();
    let columns = [m.matrix3.x_axis, m.matrix3.y_axis, m.matrix3.z_axis, m.translation];
    for (c, column) in columns.into_iter().enumerate() {
        for (row, sign) in [-1.0, -1.0, 1.0].into_iter().enumerate() {
            let value = (column[row] * sign) as f32;
            put(&mut h, 280 + 16 * row + 4 * c, value.to_le_bytes().to_vec());
        }
    }
    h[344..348].copy_from_slice(b"n+1\0");
    for v in ct.data() {
        h.extend(if big_endian { v.to_be_bytes() } else { v.to_le_bytes() });
    }
    std::fs::write(path, h).unwrap();
}
