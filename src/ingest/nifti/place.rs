//! Where a NIfTI lies: sform before qform before nothing.

use crate::ingest::Warning;
use crate::space::{Affine, convert};
use crate::volume::Grid;
use crate::volume::grid::GridError;
use glam::{DAffine3, DMat3, DQuat, DVec3};

/// The header's fields that place the image, as stored: RAS, in the file's unit.
pub(super) struct Place {
    pub qform_code: i32,
    pub sform_code: i32,
    pub pixdim: [f64; 8],
    pub quatern: [f64; 3],
    pub offset: [f64; 3],
    pub srow: [[f64; 4]; 3],
    pub unit_mm: f64,
}

/// The one map that was chosen.
pub(super) struct Resolved {
    ras_from_voxel: DAffine3,
    pub has_space: bool,
}

impl Resolved {
    /// The grid in LPS.
    pub fn grid(&self, size: [usize; 3]) -> Result<Grid, GridError> {
        Grid::new(size, Affine::new(convert::flip_ras_lps(self.ras_from_voxel)))
    }
}

/// Two places of one image further apart than this are told to the user.
const APART_MM: f64 = 0.5;

impl Place {
    /// The sform where its code is positive (method 3), else the qform (method 2), else the bare
    /// spacing (method 1), which does not say how the patient lies.
    pub fn resolve(&self, size: [usize; 3]) -> (Resolved, Vec<Warning>) {
        let (sform, qform) = (self.sform(), self.qform());
        let usable = |m: &DAffine3| Affine::<(), ()>::new(*m).is_invertible();
        let known = |ras_from_voxel| Resolved { ras_from_voxel, has_space: true };
        let mut warnings = Vec::new();
        if self.sform_code > 0 && usable(&sform) {
            let apart_mm = largest_distance(sform, qform, size);
            if self.qform_code > 0 && usable(&qform) && apart_mm > APART_MM {
                warnings.push(Warning::QformDiffers { apart_mm });
            }
            return (known(sform), warnings);
        }
        if self.qform_code > 0 && usable(&qform) {
            if self.sform_code > 0 {
                warnings.push(Warning::SformUnusable);
            }
            return (known(qform), warnings);
        }
        let spacing = DAffine3::from_scale(self.spacing());
        (Resolved { ras_from_voxel: spacing, has_space: false }, warnings)
    }

    fn spacing(&self) -> DVec3 {
        DVec3::new(self.pixdim[1], self.pixdim[2], self.pixdim[3]).abs() * self.unit_mm
    }

    fn sform(&self) -> DAffine3 {
        let [x, y, z] = self.srow.map(|row| row.map(|v| v * self.unit_mm));
        let column = |c: usize| DVec3::new(x[c], y[c], z[c]);
        DAffine3::from_cols(column(0), column(1), column(2), column(3))
    }

    /// The matrix that the quaternion, the spacing and qfac (the sign of `pixdim[0]`) encode;
    /// nifti1.h, "METHOD 2".
    fn qform(&self) -> DAffine3 {
        let v = DVec3::from_array(self.quatern);
        let w_squared = 1.0 - v.length_squared();
        // As the reference code does: a sum of squares of about 1 or more is a half turn.
        let q = if w_squared < 1e-7 {
            let v = v.normalize_or_zero();
            DQuat::from_xyzw(v.x, v.y, v.z, 0.0)
        } else {
            DQuat::from_xyzw(v.x, v.y, v.z, w_squared.sqrt())
        };
        let qfac = if self.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
        let scale = DMat3::from_diagonal(self.spacing() * DVec3::new(1.0, 1.0, qfac));
        let offset = DVec3::from_array(self.offset) * self.unit_mm;
        // Not `DMat3::from_quat`: it asserts a unit length, and these bytes come from a file.
        let turn = DMat3::from_cols(q * DVec3::X, q * DVec3::Y, q * DVec3::Z);
        DAffine3::from_mat3_translation(turn * scale, offset)
    }
}

/// Over the corners of the grid.
fn largest_distance(a: DAffine3, b: DAffine3, size: [usize; 3]) -> f64 {
    let last = size.map(|n| n as f64 - 1.0);
    (0..8)
        .map(|c| {
            let pick = |bit: usize| if c >> bit & 1 == 1 { last[bit] } else { 0.0 };
            let corner = DVec3::new(pick(0), pick(1), pick(2));
            a.transform_point3(corner).distance(b.transform_point3(corner))
        })
        .fold(0.0, f64::max)
}

/// The quaternion (b, c, d), the spacing and qfac that encode a map, for writing; `None` when the
/// map shears, which a qform can not say.
pub(super) fn qform_of(ras_from_voxel: DAffine3) -> Option<([f64; 3], [f64; 3], f64)> {
    let m = ras_from_voxel.matrix3;
    let spacing = [m.x_axis.length(), m.y_axis.length(), m.z_axis.length()];
    let [x, y, z] = [m.x_axis / spacing[0], m.y_axis / spacing[1], m.z_axis / spacing[2]];
    let most = x.dot(y).abs().max(y.dot(z).abs()).max(z.dot(x).abs());
    if most > 1e-6 {
        return None;
    }
    let qfac = if m.determinant() < 0.0 { -1.0 } else { 1.0 };
    let q = DQuat::from_mat3(&DMat3::from_cols(x, y, z * qfac)).normalize();
    let q = if q.w < 0.0 { -q } else { q };
    Some(([q.x, q.y, q.z], spacing, qfac))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(quatern: [f64; 3], qfac: f64) -> Place {
        Place {
            qform_code: 1,
            sform_code: 0,
            pixdim: [qfac, 1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0],
            quatern,
            offset: [10.0, 20.0, 30.0],
            srow: [[0.0; 4]; 3],
            unit_mm: 1.0,
        }
    }

    /// The matrix of nifti1.h, written out as it stands there.
    fn by_the_book(p: &Place) -> DMat3 {
        let [b, c, d] = p.quatern;
        let a = (1.0 - (b * b + c * c + d * d)).max(0.0).sqrt();
        let [i, j, k] = [p.pixdim[1], p.pixdim[2], p.pixdim[3] * p.pixdim[0]];
        let rows = [
            [a * a + b * b - c * c - d * d, 2.0 * b * c - 2.0 * a * d, 2.0 * b * d + 2.0 * a * c],
            [2.0 * b * c + 2.0 * a * d, a * a + c * c - b * b - d * d, 2.0 * c * d - 2.0 * a * b],
            [2.0 * b * d - 2.0 * a * c, 2.0 * c * d + 2.0 * a * b, a * a + d * d - c * c - b * b],
        ];
        let column = |n: usize, s: f64| DVec3::new(rows[0][n], rows[1][n], rows[2][n]) * s;
        DMat3::from_cols(column(0, i), column(1, j), column(2, k))
    }

    #[test]
    fn a_qform_is_the_matrix_that_its_own_numbers_encode() {
        for qfac in [1.0, -1.0] {
            for quatern in [[0.0; 3], [0.1, -0.2, 0.3], [0.0, 1.0, 0.0], [-0.459, 0.471, -0.54]] {
                let p = place(quatern, qfac);
                let (resolved, warnings) = p.resolve([10, 10, 10]);
                assert!(resolved.has_space && warnings.is_empty());
                let m = resolved.ras_from_voxel;
                assert!(
                    (m.matrix3 - by_the_book(&p)).to_cols_array().iter().all(|d| d.abs() < 1e-9)
                );
                assert_eq!(m.translation, DVec3::new(10.0, 20.0, 30.0));
            }
        }
    }

    #[test]
    fn what_is_written_as_qform_reads_back() {
        let p = place([0.1, -0.2, 0.3], -1.0);
        let (quatern, spacing, qfac) = qform_of(p.qform()).expect("no shear");
        for n in 0..3 {
            assert!((quatern[n] - p.quatern[n]).abs() < 1e-12);
            assert!((spacing[n] - p.pixdim[n + 1]).abs() < 1e-12);
        }
        assert_eq!(qfac, -1.0);
        let shear = DAffine3::from_cols(DVec3::X, DVec3::Y, DVec3::new(0.0, 0.2, 1.0), DVec3::ZERO);
        assert!(qform_of(shear).is_none());
    }

    #[test]
    fn neither_form_means_no_space() {
        let p = Place { qform_code: 0, ..place([0.0; 3], 1.0) };
        assert!(!p.resolve([2, 2, 2]).0.has_space);
    }

    #[test]
    fn the_sform_wins_and_a_contradiction_is_told() {
        let mut p = place([0.0; 3], 1.0);
        p.sform_code = 1;
        p.srow = [[1.0, 0.0, 0.0, 10.0], [0.0, 2.0, 0.0, 20.0], [0.0, 0.0, 3.0, 35.0]];
        let (resolved, warnings) = p.resolve([4, 4, 4]);
        assert_eq!(resolved.ras_from_voxel.translation.z, 35.0);
        assert_eq!(warnings, [Warning::QformDiffers { apart_mm: 5.0 }]);
        p.srow[2] = [0.0; 4];
        let (resolved, warnings) = p.resolve([4, 4, 4]);
        assert_eq!(resolved.ras_from_voxel.translation.z, 30.0);
        assert_eq!(warnings, [Warning::SformUnusable]);
    }
}
