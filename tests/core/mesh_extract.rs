//! Meshes of shapes with known volume: closed, turned outwards, and their levels of detail.

use crate::surface_scan::{Scanner, Shape, ball, block, outward, ring};
use corridor::clearance::Field;
use corridor::mesh::{self, TriMesh, lod};
use corridor::space::Affine;
use corridor::surface::Surface;
use corridor::volume::{Grid, Volume};
use corridor::work::Work;
use glam::{DAffine3, DVec3};
use proptest::prelude::*;

const SCANNER: Scanner =
    Scanner { voxel_mm: [0.6; 3], blur_mm: 0.35, cortex_mm: 1.4, noise_hu: 0.0 };

fn on(grid: Grid, shape: Shape) -> Surface {
    let field = Volume::from_fn(grid.clone(), |n| shape(grid.centre(n).vec()) as f32);
    Surface::from_field(field).unwrap()
}

fn turns_outwards(finest: &TriMesh, shape: Shape) -> bool {
    let out = |t: &[u32; 3]| {
        let [a, b, c] = t.map(|n| finest.positions[n as usize].vec());
        let normal = (b - a).cross(c - a);
        normal.length() < 1e-3 || normal.dot(outward(shape, finest.positions[t[0] as usize])) > 0.0
    };
    finest.triangles.iter().filter(|t| out(t)).count() as f64
        > 0.999 * finest.triangles.len() as f64
}

#[test]
fn the_mesh_has_the_volume_of_its_shape_and_turns_outwards_on_a_mirrored_grid_too() {
    let ball_mm3 = 4.0 / 3.0 * std::f64::consts::PI * 17.3f64.powi(3);
    let ring_mm3 = 2.0 * std::f64::consts::PI.powi(2) * 14.0 * 25.0;
    for (shape, volume) in [(ball as Shape, ball_mm3), (ring, ring_mm3)] {
        let grid = SCANNER.grid();
        let mirror = DAffine3::from_scale(DVec3::new(-1.0, 1.0, 1.0));
        let mirrored = Affine::new(mirror * grid.patient_from_voxel().map());
        let mirrored = Grid::new(grid.size(), mirrored).unwrap();
        for grid in [grid, mirrored] {
            let finest = mesh::extract(&on(grid, shape));
            assert!(mesh::is_closed(&finest) && turns_outwards(&finest, shape));
            // On a tube of radius r = 5 mm the field, linear between nodes h = 0.6 mm apart, lies up
            // to h²/8r inside, and so do the flat triangles: at most 4 (h/r)²/8 of the volume.
            let ratio = mesh::volume_mm3(&finest) / volume;
            assert!((0.9928..1.0005).contains(&ratio), "{ratio}");
            for (p, n) in finest.positions.iter().zip(&finest.normals) {
                assert!(shape(p.vec()).abs() < 0.05 && (n.length() - 1.0).abs() < 1e-9);
            }
        }
    }
}

#[test]
fn levels_of_detail_stay_closed_and_near_the_surface() {
    for shape in [ball as Shape, ring, block] {
        let surface = on(SCANNER.grid(), shape);
        let finest = mesh::extract(&surface);
        let field = Field::to_mesh(&surface, &finest, &Work::silent()).unwrap();
        let levels = lod::levels(&finest);
        assert!(levels.windows(2).all(|w| w[0].triangles.len() >= w[1].triangles.len()));
        assert!(levels[2].triangles.len() <= lod::FAR.0);
        for (level, (_, error_mm)) in levels.iter().zip([lod::DESKTOP, lod::HEADSET, lod::FAR]) {
            assert!(mesh::is_closed(level) && level.positions.len() == level.normals.len());
            let ratio = mesh::volume_mm3(level) / mesh::volume_mm3(&finest);
            assert!((ratio - 1.0).abs() < 0.03, "{ratio}");
            for triangle in &level.triangles {
                let [a, b, c] = triangle.map(|n| level.positions[n as usize]);
                let middle = a.lerp(b, 0.5).lerp(c, 1.0 / 3.0);
                assert!(field.signed_distance_mm(middle).abs() < 2.0 * error_mm);
            }
        }
    }
}

#[test]
fn a_field_that_is_nowhere_positive_has_no_surface() {
    let field = Volume::from_fn(SCANNER.grid(), |_| -1.0f32);
    assert!(Surface::from_field(field).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever the numbers on the nodes, the surface is closed and touches itself nowhere.
    #[test]
    fn any_field_makes_a_closed_manifold(values in prop::collection::vec(-1.0f32..1.0, 9 * 8 * 7)) {
        let map = DAffine3::from_scale(DVec3::new(0.5, 0.7, 0.9));
        let grid = Grid::new([9, 8, 7], Affine::new(map)).unwrap();
        let field = Volume::from_fn(grid, |[i, j, k]| values[i + 9 * (j + 8 * k)]);
        if let Some(surface) = Surface::from_field(field) {
            let finest = mesh::extract(&surface);
            prop_assert!(mesh::is_closed(&finest) && !finest.triangles.is_empty());
        }
    }
}
