//! The measured anatomy against the phantom's truth.

use corridor::anatomy::{VertebraAnatomy, measure};
use corridor::labels::{LabelMap, LabelledVertebra, Level};
use corridor::phantom::{self, Bone, LevelTruth, Phantom, Spec};
use corridor::space::{Affine, Dir, Patient, Point, Side, Voxel};
use corridor::surface::{self, Surface};
use corridor::volume::{Grid, Volume};
use corridor::work::Work;
use glam::{DAffine3, DMat3, DQuat, DVec3, EulerRot};

/// A surface read straight off the phantom's bone, on a grid turned by `turn`.
pub fn exact_surface(bone: &Bone, turn: DQuat) -> Surface {
    const SPACING_MM: f64 = 1.0;
    const NODES: usize = 138;
    let middle = bone.patient_from_vertebra().point(Point::new(0.0, 25.0, -25.0)).vec();
    let axes = DMat3::from_quat(turn) * SPACING_MM;
    let origin = middle - axes * DVec3::splat((NODES - 1) as f64 / 2.0);
    let map = DAffine3::from_mat3_translation(axes, origin);
    let grid = Grid::new([NODES; 3], Affine::<Patient, Voxel>::new(map)).unwrap();
    let at = grid.clone();
    let is_edge = |index: [usize; 3]| index.iter().any(|x| *x == 0 || *x == NODES - 1);
    let value = |index| if is_edge(index) { -1.0 } else { bone.value(at.centre(index)) as f32 };
    Surface { field: Volume::from_fn(grid, value) }
}

/// Largest errors allowed: frame, axis in degrees; isthmus, width and height, canal in mm.
struct Allowed {
    frame_deg: f64,
    axis_deg: f64,
    isthmus_mm: f64,
    size_mm: f64,
    canal_mm: f64,
}

#[track_caller]
fn check(got: &VertebraAnatomy, truth: &LevelTruth, allowed: &Allowed) {
    let level = truth.level;
    let degrees = |a: Dir<Patient>, b: Dir<Patient>| a.angle_to_rad(b).to_degrees();
    let frame = got.patient_from_vertebra;
    for (axis, wanted) in [(Dir::X, truth.left), (Dir::Y, truth.back), (Dir::Z, truth.top)] {
        let off = degrees(frame.dir(axis), wanted);
        assert!(off < allowed.frame_deg, "{level}: frame off by {off} degrees");
    }
    let canal = got.canal_centre.distance(truth.canal_centre);
    assert!(canal < allowed.canal_mm, "{level}: canal off by {canal} mm");
    for side in Side::BOTH {
        let (pedicle, wanted) = (got.pedicle(side).unwrap(), truth.pedicle(side));
        let axis = degrees(pedicle.axis, wanted.axis);
        assert!(axis < allowed.axis_deg, "{level} {side}: axis off by {axis} degrees");
        let isthmus = pedicle.isthmus.distance(wanted.isthmus);
        assert!(isthmus < allowed.isthmus_mm, "{level} {side}: isthmus off by {isthmus} mm");
        let across = [pedicle.width_mm - wanted.width_mm, pedicle.height_mm - wanted.height_mm];
        let size = across[0].abs().max(across[1].abs());
        assert!(size < allowed.size_mm, "{level} {side}: size off by {across:?} mm");
        assert!(pedicle.span_mm[0] <= -2.0 && pedicle.span_mm[1] >= 2.0, "{level} {side}: no span");
    }
}

const EXACT: Allowed =
    Allowed { frame_deg: 1.0, axis_deg: 2.0, isthmus_mm: 0.5, size_mm: 0.2, canal_mm: 0.2 };
/// S1 has no ring: where its pedicle lies is a matter of usual distances.
const SACRUM: Allowed =
    Allowed { frame_deg: 2.0, axis_deg: 6.0, isthmus_mm: 3.0, size_mm: 3.0, canal_mm: 2.0 };
/// Read off a CT with noise and blur.
const SCANNED: Allowed =
    Allowed { frame_deg: 2.0, axis_deg: 5.0, isthmus_mm: 1.5, size_mm: 1.0, canal_mm: 1.0 };

fn allowed(level: Level, others: &'static Allowed) -> &'static Allowed {
    if level == Level::S1 { &SACRUM } else { others }
}

fn labels_of(phantom: &Phantom) -> LabelMap {
    phantom.labels(&phantom.grid(2.5))
}

#[test]
fn the_phantom_is_measured_as_it_is() {
    let phantom = Phantom::new(&Spec::default()).unwrap();
    let (truth, labels) = (phantom.truth(), labels_of(&phantom));
    assert_eq!(labels.vertebrae.len(), 6);
    for at in &labels.vertebrae {
        let surface = exact_surface(phantom.bone(at.level).unwrap(), DQuat::IDENTITY);
        let got = measure(&labels, at, &surface);
        check(&got, truth.level(at.level).unwrap(), allowed(at.level, &EXACT));
    }
}

#[test]
fn the_turn_of_the_grid_changes_nothing_and_left_stays_left() {
    let phantom = Phantom::new(&Spec::default()).unwrap();
    let (truth, labels) = (phantom.truth(), labels_of(&phantom));
    let turns = [
        DQuat::from_euler(EulerRot::XYZ, 0.4, -0.3, 0.6),
        // Stored from the left to the right, from the feet to the head, front last.
        DQuat::from_mat3(&DMat3::from_cols(DVec3::NEG_X, DVec3::Z, DVec3::Y)),
    ];
    for (turn, level) in turns.into_iter().zip(["L2", "L5"]) {
        let at = labels.at_level(level.parse().unwrap()).unwrap();
        let got = measure(&labels, at, &exact_surface(phantom.bone(at.level).unwrap(), turn));
        check(&got, truth.level(at.level).unwrap(), &EXACT);
        let [left, right] = Side::BOTH.map(|side| got.pedicle(side).unwrap().isthmus.vec().x);
        assert!(left > got.canal_centre.vec().x && got.canal_centre.vec().x > right);
    }
}

#[test]
fn the_scanned_phantom_is_measured_closely_enough() {
    let (ct, labels, truth) = phantom::demo();
    for at in &labels.vertebrae {
        let surface = surface::declare(&labels, at, Some(&ct), &Work::silent()).unwrap();
        let got = measure(&labels, at, &surface);
        check(&got, truth.level(at.level).unwrap(), allowed(at.level, &SCANNED));
    }
}

#[test]
fn a_cut_through_the_body_is_said_and_a_cut_tip_is_measured() {
    let phantom = Phantom::new(&Spec::default()).unwrap();
    let truth = phantom.truth();
    let level: Level = "L3".parse().unwrap();
    let middle = truth.level(level).unwrap().body_centre.vec();
    // A narrow image that cuts the transverse processes, and one that ends in the body.
    for (half_width, is_measured) in [(30.0, true), (12.0, false)] {
        let low = middle - DVec3::new(half_width, 40.0, 60.0);
        let size = [half_width, 60.0, 60.0].map(|half| (2.0 * half / 2.0) as usize + 1);
        let map =
            DAffine3::from_scale_rotation_translation(DVec3::splat(2.0), DQuat::IDENTITY, low);
        let grid = Grid::new(size, Affine::new(map)).unwrap();
        let labels = phantom.labels(&grid);
        let at = LabelledVertebra { is_cut_off: true, ..labels.at_level(level).unwrap().clone() };
        let surface = surface::declare(&labels, &at, None, &Work::silent()).unwrap();
        let got = measure(&labels, &at, &surface);
        assert_eq!(got.pedicles.len(), if is_measured { 2 } else { 0 }, "{:?}", got.warnings);
        assert_eq!(got.warnings.len(), 1);
        assert!(got.warnings[0].starts_with("L3: "), "{:?}", got.warnings);
    }
}
