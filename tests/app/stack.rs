//! Apps to test in: [`core_app`] has a case and its document, [`interaction_app`] a hand too.

use bevy::gizmos::GizmoPlugin;
use bevy::mesh::MeshPlugin;
use bevy::prelude::*;
use bevy::state::app::StatesPlugin;
use bevy::transform::TransformPlugin;
use corridor::anatomy::{Pedicle, VertebraAnatomy};
use corridor::app::CorePlugin;
use corridor::app::history::Document;
use corridor::app::jobs::ActiveCase;
use corridor::case::request::CaseRequest;
use corridor::case::spine::{Spine, VertebraModel};
use corridor::clearance::{Field, ScrewShape};
use corridor::interact::InteractPlugin;
use corridor::interact::pick::measure_balls;
use corridor::interact::pointer::{Pointer, PointerKind};
use corridor::labels::{Level, VertebraId};
use corridor::mesh;
use corridor::plan::{CaseHashes, Screw};
use corridor::scene::case::{CASE_PLACE, CaseRoot, root_transform, world_from_patient};
use corridor::scene::vertebra::BoneView;
use corridor::space::{Affine, Dir, Patient, Point, Rigid, Side};
use corridor::surface::Surface;
use corridor::volume::{Grid, Volume};
use corridor::work::Work;
use glam::{DAffine3, DQuat, DVec3};
use std::sync::Arc;
use tempfile::TempDir;

/// Middle of the bone, off every origin, so that a forgotten transform shows.
pub const MIDDLE: Point<Patient> = Point::new(12.0, -34.0, 56.0);
/// Half the bone's size along LPS, mm.
pub const HALF_MM: [f64; 3] = [22.0, 30.0, 14.0];

/// A spine of one block of bone called L4, with a pedicle on either side.
pub fn block_spine() -> Spine {
    let surface = Surface::from_field(block()).unwrap();
    let mesh = mesh::extract(&surface);
    let field = Field::new(&surface, &Work::silent()).unwrap();
    let vertebra = VertebraModel {
        id: VertebraId::of_label("block", 4),
        level: "L4".parse::<Level>().unwrap(),
        surface,
        mesh,
        field,
        anatomy: anatomy(),
        canal: None,
        is_cut_off: false,
    };
    Spine {
        hashes: CaseHashes { labels_hash: Some("block".to_owned()), ..CaseHashes::default() },
        vertebrae: vec![Arc::new(vertebra)],
        ..Spine::default()
    }
}

fn block() -> Volume<f32> {
    let size = [56, 72, 40];
    let corner = MIDDLE.vec() - (DVec3::from_array(size.map(|n| n as f64 - 1.0))) / 2.0;
    let map = DAffine3::from_translation(corner);
    let grid = Grid::new(size, Affine::new(map)).unwrap();
    let place = grid.clone();
    Volume::from_fn(grid, move |index| {
        let d = (place.centre(index) - MIDDLE).vec().abs() - DVec3::from_array(HALF_MM);
        let outside = d.max(DVec3::ZERO).length() + d.max_element().min(0.0);
        -outside as f32
    })
}

fn anatomy() -> VertebraAnatomy {
    let pedicle = |side: Side| Pedicle {
        side,
        isthmus: MIDDLE + Dir::X * (side.sign() * 12.0) + Dir::Y * 10.0,
        axis: Dir::new(-side.sign() * 0.2, -1.0, 0.0).unit().unwrap(),
        width_mm: 9.0,
        height_mm: 14.0,
        least_mm: 8.0,
        chord_mm: 45.0,
        transverse_deg: 11.3,
        sagittal_deg: 0.0,
        span_mm: [-6.0, 6.0],
    };
    VertebraAnatomy {
        patient_from_vertebra: Rigid::new(DQuat::IDENTITY, MIDDLE.vec()),
        canal_centre: MIDDLE + Dir::Y * 20.0,
        canal: None,
        upper_plate: None,
        lower_plate: None,
        body_mm: None,
        pedicles: Side::BOTH.map(pedicle).into(),
        warnings: Vec::new(),
    }
}

/// A screw through the middle of the block, straight to the front.
pub fn screw(vertebra: &VertebraModel, side: Side) -> Screw {
    let shape = ScrewShape { entry: MIDDLE, axis: -Dir::Y, length_mm: 20.0, diameter_mm: 6.0 };
    let epoch = jiff::Timestamp::UNIX_EPOCH;
    Screw::placed((vertebra.id, vertebra.level), side, &shape, "test", epoch)
}

/// An app with the block open, its plan in a folder of its own.
pub fn core_app() -> (App, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let spine = block_spine();
    let request =
        CaseRequest { plan: Some(folder.path().join("plan.json")), ..CaseRequest::demo() };
    let document = Document::open(&spine, &request).unwrap();
    let place = root_transform(MIDDLE, CASE_PLACE, 1.0);
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, StatesPlugin, AssetPlugin::default(), TransformPlugin))
        .add_plugins((MeshPlugin, GizmoPlugin, CorePlugin))
        .insert_resource(ActiveCase { spine: Arc::new(spine) })
        .insert_resource(document)
        .init_resource::<BoneView>();
    app.world_mut().spawn((CaseRoot, place, GlobalTransform::from(place)));
    (app, folder)
}

/// [`core_app`] with one pointer.
pub fn interaction_app(kind: PointerKind) -> (App, Entity, TempDir) {
    let (mut app, folder) = core_app();
    app.add_plugins(InteractPlugin);
    let pointer = app.world_mut().spawn(Pointer::new(kind)).id();
    app.add_systems(Startup, measure_balls);
    app.update();
    (app, pointer, folder)
}

/// The world ray from one patient point towards another.
pub fn ray(app: &mut App, from: Point<Patient>, to: Point<Patient>) -> Ray3d {
    let world = app.world_mut();
    let root = *world.query_filtered::<&GlobalTransform, With<CaseRoot>>().single(world).unwrap();
    let (from, to) = (world_from_patient(&root, from), world_from_patient(&root, to));
    Ray3d::new(from, Dir3::new(to - from).unwrap())
}

/// Points there for one frame, with the button as it is told.
pub fn point(app: &mut App, pointer: Entity, ray: Ray3d, is_pressed: bool) {
    let mut state = app.world_mut().get_mut::<Pointer>(pointer).unwrap();
    state.ray = Some(ray);
    state.select.update(f32::from(u8::from(is_pressed)), is_pressed);
    app.update();
}
