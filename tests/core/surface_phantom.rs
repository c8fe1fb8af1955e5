//! The path from labels and CT to surface, mesh and distance, measured on the phantom's truth.

use crate::surface_scan::{Misfit, misfit};
use corridor::clearance::Field;
use corridor::labels::LabelMap;
use corridor::mesh;
use corridor::phantom::{Phantom, Spec};
use corridor::surface::declare;
use corridor::volume::Volume;
use corridor::work::Work;
use std::time::Instant;

struct Case {
    phantom: Phantom,
    ct: Volume<i16>,
    labels: LabelMap,
}

fn case(noise_hu: f64, spacing_mm: f64) -> Case {
    let mut spec = Spec::default();
    spec.scan.noise_hu = noise_hu;
    let phantom = Phantom::new(&spec).unwrap();
    let grid = phantom.grid(spacing_mm);
    Case { ct: phantom.ct(&grid), labels: phantom.labels(&grid), phantom }
}

/// Misfit of every level; and checks what must hold for any mesh and its field.
fn measure(case: &Case, with_ct: bool) -> Vec<Misfit> {
    let work = Work::silent();
    case.labels
        .vertebrae
        .iter()
        .map(|vertebra| {
            let t = [Instant::now(); 1][0];
            let ct = with_ct.then_some(&case.ct);
            let surface = declare(&case.labels, vertebra, ct, &work).unwrap();
            let t1 = t.elapsed();
            let finest = mesh::extract(&surface);
            let t2 = t.elapsed();
            let field = Field::to_mesh(&surface, &finest, &work).unwrap();
            let t3 = t.elapsed();
            let levels = mesh::lod::levels(&finest);
            let t4 = t.elapsed();
            assert!(mesh::is_closed(&finest));
            let (mut bad, mut worst) = (0, 0.0f64);
            for p in &finest.positions {
                let d = field.signed_distance_mm(*p);
                if d.abs() > 0.05 {
                    bad += 1;
                    worst = d.abs().max(worst);
                }
            }
            let bone = case.phantom.bone(vertebra.level).unwrap();
            let m = misfit(
                &finest,
                7,
                |p| bone.signed_distance_mm(p),
                |p| bone.normal(p).unwrap().vec(),
            );
            println!(
                "bad {bad} {worst:.2} {} {m:.3?} nodes {:?} {t1:.0?} {:.0?} {:.0?} {:.0?} {} {:?}",
                vertebra.level,
                surface.field.grid().size(),
                t2 - t1,
                t3 - t2,
                t4 - t3,
                finest.triangles.len(),
                levels.iter().map(|l| l.triangles.len()).collect::<Vec<_>>()
            );
            m
        })
        .collect()
}

#[test]
fn the_phantoms_meshes_lie_on_its_true_surface() {
    for noise_hu in [0.0, 12.0] {
        let case = case(noise_hu, 1.0);
        println!("noise {noise_hu}");
        for m in measure(&case, true) {
            assert!(m.rms_mm <= 0.1 && m.normal_deg <= 10.0, "{m:?}");
        }
    }
}

#[test]
fn the_phantoms_labels_alone_give_smooth_meshes() {
    for m in measure(&case(12.0, 1.0), false) {
        assert!(m.rms_mm <= 0.2 && m.normal_deg <= 10.0, "{m:?}");
    }
}
