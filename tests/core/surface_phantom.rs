//! The path from labels and CT to surface, mesh and distance, measured on the phantom's truth.

use crate::surface_scan::{Misfit, misfit};
use corridor::clearance::Field;
use corridor::labels::LabelMap;
use corridor::mesh;
use corridor::phantom::{Phantom, Spec};
use corridor::surface::declare;
use corridor::volume::Volume;
use corridor::work::Work;

struct Case {
    phantom: Phantom,
    ct: Volume<i16>,
    labels: LabelMap,
}

/// Two neighbours of the demo spine: facets meet between them.
fn case(noise_hu: f64) -> Case {
    let mut spec =
        Spec { levels: vec!["L3".parse().unwrap(), "L4".parse().unwrap()], ..Spec::default() };
    spec.scan.noise_hu = noise_hu;
    let phantom = Phantom::new(&spec).unwrap();
    let grid = phantom.grid(1.0);
    Case { ct: phantom.ct(&grid), labels: phantom.labels(&grid), phantom }
}

/// Misfit of every level; and checks what must hold for any mesh and its field.
fn measure(case: &Case, with_ct: bool) -> Vec<Misfit> {
    let work = Work::silent();
    let of_level = |vertebra| {
        let surface = declare(&case.labels, vertebra, with_ct.then_some(&case.ct), &work).unwrap();
        let finest = mesh::extract(&surface);
        assert!(mesh::is_closed(&finest));
        let field = Field::to_mesh(&surface, &finest, &work).unwrap();
        let levels = mesh::lod::levels(&finest);
        for mesh in levels.iter().chain([&finest]) {
            assert!(mesh::is_closed(mesh));
            for p in &mesh.positions {
                assert!(field.signed_distance_mm(*p).abs() < 0.1);
            }
        }
        let bone = case.phantom.bone(vertebra.level).unwrap();
        let normal = |p| bone.normal(p).unwrap().vec();
        misfit(&finest, 60, |p| bone.signed_distance_mm(p), normal)
    };
    case.labels.vertebrae.iter().map(of_level).collect()
}

#[test]
fn the_phantoms_meshes_lie_on_its_true_surface() {
    for noise_hu in [0.0, 12.0] {
        for m in measure(&case(noise_hu), true) {
            assert!(m.rms_mm <= 0.1 && m.normal_deg <= 10.0, "{m:?}");
        }
    }
}

#[test]
fn the_phantoms_labels_alone_give_smooth_meshes() {
    for m in measure(&case(12.0), false) {
        assert!(m.rms_mm <= 0.2 && m.normal_deg <= 10.0, "{m:?}");
    }
}
