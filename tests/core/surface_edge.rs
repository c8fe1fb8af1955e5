//! The declared surface against the true one, on solids that were labelled and scanned.

use crate::surface_scan::{Misfit, Scanner, Shape, ball, block, misfit, outward, ring};
use corridor::mesh;
use corridor::surface::{Surface, declare};
use corridor::work::Work;

const SCANNER: Scanner =
    Scanner { voxel_mm: [1.0, 1.0, 1.0], blur_mm: 0.35, cortex_mm: 1.4, noise_hu: 0.0 };

fn surface(scanner: Scanner, shape: Shape, with_ct: bool) -> Surface {
    let labels = scanner.labels(shape);
    let ct = with_ct.then(|| scanner.ct(shape));
    declare(&labels, &labels.vertebrae[0], ct.as_ref(), &Work::silent()).unwrap()
}

fn measured(scanner: Scanner, shape: Shape, with_ct: bool) -> Misfit {
    let mesh = mesh::extract(&surface(scanner, shape, with_ct));
    assert!(mesh::is_closed(&mesh));
    misfit(&mesh, 1, |p| shape(p.vec()), |p| outward(shape, p))
}

#[test]
fn on_a_scanned_solid_the_surface_is_the_true_one_within_a_tenth_of_a_millimetre() {
    for (name, shape) in [("ball", ball as Shape), ("ring", ring), ("block", block)] {
        for noise_hu in [0.0, 25.0] {
            for cortex_mm in [1.2, 2.0] {
                let scanner = Scanner { noise_hu, cortex_mm, ..SCANNER };
                let m = measured(scanner, shape, true);
                assert!(m.rms_mm < 0.1 && m.normal_deg < 10.0, "{name}: {m:?}");
            }
        }
    }
}

#[test]
fn a_cortex_of_two_sigmas_is_never_eroded_and_little_too_far_out() {
    for (name, shape) in [("ball", ball as Shape), ("ring", ring), ("block", block)] {
        let m = measured(Scanner { cortex_mm: 0.9, noise_hu: 25.0, ..SCANNER }, shape, true);
        assert!(m.rms_mm < 0.2 && (-0.2..0.0).contains(&m.bias_mm), "{name}: {m:?}");
    }
}

#[test]
fn thick_slices_cost_little() {
    for (name, shape) in [("ball", ball as Shape), ("ring", ring), ("block", block)] {
        let scanner = Scanner { voxel_mm: [1.0, 1.0, 2.0], noise_hu: 15.0, ..SCANNER };
        let m = measured(scanner, shape, true);
        assert!(m.rms_mm < 0.2 && m.normal_deg < 10.0, "{name}: {m:?}");
        let scanner = Scanner { voxel_mm: [1.5, 1.5, 1.5], noise_hu: 15.0, ..SCANNER };
        let m = measured(scanner, shape, true);
        assert!(m.rms_mm < 0.2 && m.normal_deg < 10.0, "{name}: {m:?}");
    }
}

#[test]
fn without_a_ct_the_border_is_smooth_and_keeps_the_labels_volume() {
    for (name, shape) in [("ball", ball as Shape), ("ring", ring), ("block", block)] {
        let m = measured(SCANNER, shape, false);
        assert!(m.rms_mm < 0.2 && m.normal_deg < 10.0, "{name}: {m:?}");
        let labels = SCANNER.labels(shape);
        let voxels = labels.volume.data().iter().filter(|&&v| v == 7).count() as f64;
        let volume = mesh::volume_mm3(&mesh::extract(&surface(SCANNER, shape, false)));
        assert!((volume / voxels - 1.0).abs() < 0.01, "{name}: {volume} of {voxels}");
    }
}
