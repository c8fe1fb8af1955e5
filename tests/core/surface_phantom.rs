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

fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = stat.split_whitespace().collect();
    (f[13].parse::<u64>().unwrap() + f[14].parse::<u64>().unwrap()) * 10
}

/// Misfit of every level; and checks what must hold for any mesh and its field.
fn measure(case: &Case, with_ct: bool) -> Vec<Misfit> {
    let work = Work::silent();
    let of_level = |vertebra| {
        let t0 = cpu_ms();
        let surface = declare(&case.labels, vertebra, with_ct.then_some(&case.ct), &work).unwrap();
        let t1 = cpu_ms();
        let finest = mesh::extract(&surface);
        assert!(mesh::is_closed(&finest));
        let t2 = cpu_ms();
        let field = Field::to_mesh(&surface, &finest, &work).unwrap();
        let t3 = cpu_ms();
        let levels = mesh::lod::levels(&finest);
        println!("declare {} mesh {} field {} lod {}", t1 - t0, t2 - t1, t3 - t2, cpu_ms() - t3);
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
            println!("{noise_hu} HU: {m:.3?}");
            assert!(m.rms_mm <= 0.1 && m.normal_deg <= 10.0, "{m:?}");
        }
    }
}

#[test]
fn the_phantoms_labels_alone_give_smooth_meshes() {
    for m in measure(&case(12.0), false) {
        println!("labels: {m:.3?}");
        assert!(m.rms_mm <= 0.2 && m.normal_deg <= 10.0, "{m:?}");
    }
}
