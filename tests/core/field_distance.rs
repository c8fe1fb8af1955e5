//! The distance field against brute force over the triangles of the surface, and against shapes
//! whose distance is known.

use crate::surface_scan::{Scanner, Shape, ball, block, ring};
use corridor::clearance::{Field, SignedDistance};
use corridor::mesh::{self, TriMesh};
use corridor::space::{Dir, Patient, Point};
use corridor::surface::Surface;
use corridor::volume::Volume;
use corridor::work::Work;
use glam::DVec3;

const SCANNER: Scanner =
    Scanner { voxel_mm: [0.6; 3], blur_mm: 0.35, cortex_mm: 1.4, noise_hu: 0.0 };

fn made(shape: Shape) -> (Surface, TriMesh, Field) {
    let grid = SCANNER.grid();
    let volume = Volume::from_fn(grid.clone(), |n| shape(grid.centre(n).vec()) as f32);
    let surface = Surface::from_field(volume).unwrap();
    let finest = mesh::extract(&surface);
    let field = Field::to_mesh(&surface, &finest, &Work::silent()).unwrap();
    (surface, finest, field)
}

/// Distance to the nearest triangle, by trying all.
fn brute_mm(finest: &TriMesh, p: DVec3) -> f64 {
    let corners = |t: &[u32; 3]| t.map(|n| finest.positions[n as usize].vec());
    let all = finest.triangles.iter().map(|t| to_triangle_mm(p, corners(t)));
    all.fold(f64::INFINITY, f64::min)
}

/// Distance to a triangle: to its plane where the foot lies within it, else to its edges.
pub fn to_triangle_mm(p: DVec3, [a, b, c]: [DVec3; 3]) -> f64 {
    let to_edge = |a: DVec3, b: DVec3| {
        let t = ((p - a).dot(b - a) / (b - a).length_squared().max(1e-24)).clamp(0.0, 1.0);
        p.distance(a + (b - a) * t)
    };
    let normal = (b - a).cross(c - a).normalize_or_zero();
    let is_over = |from: DVec3, to: DVec3| (to - from).cross(p - from).dot(normal) >= 0.0;
    if normal != DVec3::ZERO && is_over(a, b) && is_over(b, c) && is_over(c, a) {
        (p - a).dot(normal).abs()
    } else {
        to_edge(a, b).min(to_edge(b, c)).min(to_edge(c, a))
    }
}

/// Points spread over the grid's box, the same every time.
fn points(count: u32) -> impl Iterator<Item = DVec3> {
    let fraction = |n: u32, step: f64| (f64::from(n) * step).fract() - 0.5;
    (0..count).map(move |n| {
        let [x, y, z] = [0.819_172_513_4, 0.671_043_606_7, 0.549_700_477_9].map(|s| fraction(n, s));
        DVec3::new(x, y, z) * 46.0
    })
}

#[test]
fn near_the_surface_the_field_is_the_distance_to_its_triangles() {
    for (name, shape) in [("ball", ball as Shape), ("ring", ring), ("block", block)] {
        let (_, finest, field) = made(shape);
        assert!(mesh::is_closed(&finest));
        let near = points(4000).filter(|p| shape(*p).abs() < 2.0);
        let (mut worst, mut sum, mut count) = (0.0f64, 0.0, 0.0);
        for p in near {
            let told = field.signed_distance_mm(Point::from_vec(p));
            let error = (told.abs() - brute_mm(&finest, p)).abs();
            worst = worst.max(error);
            sum += error * error;
            count += 1.0;
            assert!(shape(p).abs() < 0.03 || told.signum() == shape(p).signum(), "{name} at {p}");
        }
        let rms = f64::sqrt(sum / count);
        assert!(rms < 0.005 && worst < 0.05, "{name}: rms {rms:.4}, worst {worst:.4} mm");
    }
}

/// Labels of coarse voxels get a surface on coarser nodes, and a distance on no coarser ones for it.
#[test]
fn nodes_lie_half_a_millimetre_apart_at_most_and_quick_distances_are_near() {
    for voxel_mm in [0.4, 0.6, 1.1] {
        let scanner = Scanner { voxel_mm: [voxel_mm; 3], ..SCANNER };
        let volume =
            Volume::from_fn(scanner.grid(), |n| ball(scanner.grid().centre(n).vec()) as f32);
        let surface = Surface::from_field(volume).unwrap();
        let finest = mesh::extract(&surface);
        let field = Field::to_mesh(&surface, &finest, &Work::silent()).unwrap();
        let (count, node_mm) = field.nodes();
        assert!(node_mm.iter().all(|mm| (0.3..=0.500_01).contains(mm)), "{node_mm:?}");
        // The box is the surface's own.
        for ((count, mm), own) in count.iter().zip(node_mm).zip(scanner.grid().size()) {
            let [box_mm, own_mm] =
                [(count - 1) as f64 * f64::from(mm), (own - 1) as f64 * voxel_mm];
            assert!((box_mm - own_mm).abs() < 1e-3, "{box_mm} {own_mm}");
        }
        for p in points(2000).filter(|p| ball(*p).abs() < 3.0) {
            let p = Point::from_vec(p);
            let [told, quick] = [field.signed_distance_mm(p), field.quick_distance_mm(p)];
            assert!((told - quick).abs() < 0.15, "{voxel_mm}: {told} {quick}");
        }
    }
}

#[test]
fn every_vertex_of_the_mesh_lies_at_distance_zero() {
    for shape in [ball as Shape, ring, block] {
        let (_, finest, field) = made(shape);
        let worst = finest.positions.iter().map(|p| field.signed_distance_mm(*p).abs());
        let worst = worst.fold(0.0, f64::max);
        assert!(worst < 0.05, "{worst}");
    }
}

#[test]
fn far_outside_the_field_is_negative_continuous_and_about_right() {
    let (surface, _, field) = made(ball);
    let centre = DVec3::new(0.3, -0.2, 0.4);
    for toward in [DVec3::X, DVec3::new(1.0, -1.0, 0.4).normalize(), DVec3::NEG_Z] {
        for far in [25.0, 60.0, 500.0] {
            let p: Point<Patient> = Point::from_vec(centre + toward * far);
            let told = field.signed_distance_mm(p);
            assert!(told < 17.3 - far + 0.1 && told > 1.02 * (17.3 - far) - 1.0, "{told} at {far}");
            assert!(field.gradient(p).vec().dot(-toward) > 0.98);
        }
    }
    let corner = surface.field.grid().corners()[7];
    let out = corner.vec().normalize() * 1e-4;
    let step = field.signed_distance_mm(Point::from_vec(corner.vec() - out))
        - field.signed_distance_mm(Point::from_vec(corner.vec() + out));
    assert!(step.abs() < 1e-2);
}

/// Where a field says that it ends along a ray, there is bone before and none behind.
#[test]
fn no_bone_lies_farther_along_a_ray_than_the_field_reaches() {
    let (_, finest, field) = made(block);
    let at = |p: DVec3| Point::from_vec(p);
    for (from, to) in points(300).zip(points(600).skip(300)) {
        let Some(dir) = (at(to) - at(from)).unit() else { continue };
        let reach = field.reach_mm(at(from), dir);
        let beyond = |n: i32| at(from) + dir * (reach + 0.01 + f64::from(n));
        assert!((0..60).all(|n| field.is_outside(beyond(n))), "{from} {dir:?}");
    }
    // As far as the box of its nodes, all bone in it.
    let highest = finest.positions.iter().map(|p| p.vec().z).fold(f64::MIN, f64::max);
    let reach = field.reach_mm(Point::from_vec(DVec3::ZERO), Dir::Z);
    assert!((highest..60.0).contains(&reach), "{reach} mm, bone to {highest}");
}

#[test]
fn the_gradient_points_into_the_solid() {
    let (_, _, field) = made(ring);
    for p in points(2000).filter(|p| ring(*p).abs() < 2.0) {
        let told = field.gradient(Point::from_vec(p)).vec();
        let slope = [DVec3::X, DVec3::Y, DVec3::Z].map(|a| ring(p + a * 1e-3) - ring(p - a * 1e-3));
        let slope = DVec3::from_array(slope).normalize();
        assert!((told.length() - 1.0).abs() < 1e-6 && told.dot(slope) > 0.99);
    }
}

#[test]
fn a_question_takes_well_under_a_microsecond() {
    let (_, _, field) = made(ring);
    // As near as screws lie: farther off, where few ask, an exact question takes some microseconds.
    let is_near = |p: &DVec3| field.quick_distance_mm(Point::from_vec(*p)).abs() < 5.0;
    let asked: Vec<Point<Patient>> = points(20_000).filter(is_near).map(Point::from_vec).collect();
    assert!(asked.len() > 2000, "{}", asked.len());
    let fastest = |ask: &dyn Fn(Point<Patient>) -> f64| {
        let once = |_| {
            let start = std::time::Instant::now();
            let sum: f64 = asked.iter().map(|p| ask(*p)).sum();
            assert!(sum.is_finite());
            start.elapsed().as_nanos() as f64 / asked.len() as f64
        };
        (0..20).map(once).fold(f64::INFINITY, f64::min)
    };
    // Places at random lie in other cells each time; beside each other they take half as long.
    let [quick, exact] =
        [fastest(&|p| field.quick_distance_mm(p)), fastest(&|p| field.signed_distance_mm(p))];
    println!("a distance takes {quick:.0} ns, an exact one {exact:.0} ns");
    assert!(quick < 500.0 && exact < 2000.0, "{quick} ns, {exact} ns");
}
