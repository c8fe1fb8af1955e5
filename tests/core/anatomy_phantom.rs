//! The measured anatomy against the phantom's truth.

use corridor::anatomy::{VertebraAnatomy, measure};
use corridor::labels::{LabelMap, LabelledVertebra};
use corridor::phantom::{Bone, LevelTruth, Phantom, Spec};
use corridor::space::{Affine, Dir, Patient, Point, Side, Voxel};
use corridor::surface::Surface;
use corridor::volume::{Grid, Volume};
use glam::{DAffine3, DMat3, DQuat, DVec3, EulerRot};

/// A surface read straight off the phantom's bone, on a grid turned by `turn`.
fn surface(bone: &Bone, spacing_mm: f64, turn: DQuat) -> Surface {
    let half = 75.0;
    let n = (2.0 * half / spacing_mm) as usize + 1;
    let middle = bone.patient_from_vertebra().point(Point::new(0.0, 20.0, -20.0)).vec();
    let axes = DMat3::from_quat(turn) * spacing_mm;
    let origin = middle - axes * DVec3::splat((n - 1) as f64 / 2.0);
    let map = DAffine3::from_mat3_translation(axes, origin);
    let grid = Grid::new([n; 3], Affine::<Patient, Voxel>::new(map)).unwrap();
    let at = grid.clone();
    let edge = move |[i, j, k]: [usize; 3]| [i, j, k].iter().any(|x| *x == 0 || *x == n - 1);
    let value = |index| if edge(index) { -1.0 } else { bone.value(at.centre(index)) as f32 };
    Surface { field: Volume::from_fn(grid, value) }
}

fn measured(
    phantom: &Phantom,
    labels: &LabelMap,
    at: &LabelledVertebra,
    turn: DQuat,
) -> VertebraAnatomy {
    measure(labels, at, &surface(phantom.bone(at.level).unwrap(), 1.0, turn))
}

fn degrees(a: Dir<Patient>, b: Dir<Patient>) -> f64 {
    a.angle_to_rad(b).to_degrees()
}

struct Errors {
    frame_deg: [f64; 3],
    axis_deg: f64,
    isthmus_mm: f64,
    size_mm: [f64; 2],
    canal_mm: f64,
}

fn errors(got: &VertebraAnatomy, truth: &LevelTruth, side: Side) -> Errors {
    let frame = got.patient_from_vertebra;
    let (pedicle, wanted) = (got.pedicle(side).unwrap(), truth.pedicle(side));
    Errors {
        frame_deg: [
            degrees(frame.dir(Dir::X), truth.left),
            degrees(frame.dir(Dir::Y), truth.back),
            degrees(frame.dir(Dir::Z), truth.top),
        ],
        axis_deg: degrees(pedicle.axis, wanted.axis),
        isthmus_mm: pedicle.isthmus.distance(wanted.isthmus),
        size_mm: [pedicle.width_mm - wanted.width_mm, pedicle.height_mm - wanted.height_mm],
        canal_mm: got.canal_centre.distance(truth.canal_centre),
    }
}

fn check_against_truth(turn: DQuat) {
    let phantom = Phantom::new(&Spec::default()).unwrap();
    let truth = phantom.truth();
    let labels = phantom.labels(&phantom.grid(2.0));
    for at in &labels.vertebrae {
        let at = &LabelledVertebra { is_cut_off: false, ..at.clone() };
        let bone = surface(phantom.bone(at.level).unwrap(), 1.0, turn);
        let clock = std::time::Instant::now();
        let got = measure(&labels, at, &bone);
        println!("{:?}", clock.elapsed());
        println!("{} {:?}", at.level, got.warnings);
        for side in Side::BOTH.into_iter().filter(|s| got.pedicle(*s).is_some()) {
            let e = errors(&got, truth.level(at.level).unwrap(), side);
            let p = got.pedicle(side).unwrap();
            let t = truth.level(at.level).unwrap();
            let fp = t.patient_from_vertebra().inverse();
            println!(
                "    {:?} {:?} {:?} {:?} axis {:?} {:?}",
                fp.point(p.isthmus),
                fp.point(t.pedicle(side).isthmus),
                fp.point(got.patient_from_vertebra.origin()),
                fp.point(got.canal_centre),
                fp.dir(p.axis),
                fp.dir(t.pedicle(side).axis)
            );
            println!("    canal {:?} sides {:?}", fp.point(t.canal_centre), fp.origin());
            println!(
                "  {side}: frame {:.1?} deg, axis {:.2} deg, isthmus {:.2} mm, size {:.2?} mm of {:.1} x {:.1}, canal {:.2} mm, span {:?}",
                e.frame_deg,
                e.axis_deg,
                e.isthmus_mm,
                e.size_mm,
                p.width_mm,
                p.height_mm,
                e.canal_mm,
                p.span_mm
            );
        }
    }
}

#[test]
fn pedicles_of_the_phantom_are_found_where_they_are() {
    check_against_truth(DQuat::IDENTITY);
    check_against_truth(DQuat::from_euler(EulerRot::XYZ, 0.3, -0.2, 0.5));
}
