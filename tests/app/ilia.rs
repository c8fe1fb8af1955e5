//! The hip bones that are seen are those that the case has.

use crate::stack::block_spine;
use bevy::ecs::system::RunSystemOnce;
use bevy::prelude::*;
use corridor::app::jobs::ActiveCase;
use corridor::case::pelvis::{DueBone, Ilium as LoneIlium, PelvicBone, Pelvis};
use corridor::case::spine::Spine;
use corridor::scene::case::CaseRoot;
use corridor::scene::ilium::{Ilium, show_ilia};
use corridor::scene::material::Materials;
use corridor::space::Side;
use std::sync::Arc;

fn bone(spine: &Spine, side: Side) -> Arc<PelvicBone> {
    let model = &spine.vertebrae[0];
    Arc::new(PelvicBone {
        side,
        mesh: model.mesh.clone(),
        ilium: Arc::new(LoneIlium {
            surface: model.surface.clone(),
            mesh: model.mesh.clone(),
            made_from: [0; 32],
        }),
        field: model.field.clone(),
        anatomy: model.anatomy.clone(),
        ends: Vec::new(),
        is_cut_off: false,
    })
}

/// Names of the ilia seen once the case has these, sorted.
fn seen(world: &mut World, bones: &[Arc<PelvicBone>]) -> Vec<String> {
    seen_of(world, Pelvis { bones: bones.to_vec(), ..Pelvis::default() })
}

fn seen_of(world: &mut World, pelvis: Pelvis) -> Vec<String> {
    let spine = Spine { pelvis, ..block_spine() };
    world.insert_resource(ActiveCase { spine: Arc::new(spine) });
    world.run_system_once(show_ilia).unwrap();
    let mut query = world.query_filtered::<(Entity, &Name), With<Ilium>>();
    let mut names: Vec<String> =
        query.iter(world).map(|(entity, name)| format!("{name} {entity}")).collect();
    names.sort();
    names
}

#[test]
fn ilia_come_go_and_are_made_anew_with_the_case() {
    let spine = block_spine();
    let [left, right] = Side::BOTH.map(|side| bone(&spine, side));
    let mut world = World::new();
    world.init_resource::<Assets<StandardMaterial>>();
    world.init_resource::<Materials>();
    assert!(seen(&mut world, &[]).is_empty());
    world.spawn(CaseRoot);
    let both = seen(&mut world, &[Arc::clone(&left), Arc::clone(&right)]);
    assert_eq!(both.len(), 2);
    assert!(both[0].starts_with("left ilium") && both[1].starts_with("right ilium"), "{both:?}");
    assert_eq!(seen(&mut world, &[Arc::clone(&left), Arc::clone(&right)]), both, "nothing changed");
    let due = vec![DueBone { side: Side::Left, before: Some(Arc::clone(&left)) }];
    let due = Pelvis { bones: vec![right], due, ..Pelvis::default() };
    assert_eq!(seen_of(&mut world, due), both, "what is due is seen as it was");
    let mended = seen(&mut world, &[bone(&spine, Side::Left)]);
    assert!(mended.len() == 1 && mended[0].starts_with("left ilium"), "{mended:?}");
    assert_ne!(mended[0], both[0], "a mended one takes the place of the old");
    assert!(seen(&mut world, &[]).is_empty());
}
