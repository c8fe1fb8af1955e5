//! The two cuts by which a surgeon judges a screw, on the desk: where they lie, what they show, and that
//! the panel paints both.

use crate::stack::{self, MIDDLE, core_app};
use bevy::ecs::system::RunSystemOnce;
use bevy::prelude::*;
use bevy_egui::egui::epaint::Primitive;
use bevy_egui::egui::{self, TextureId};
use corridor::app::closeup::Closeup;
use corridor::app::follow::{Checks, Comparing, Rodding};
use corridor::app::history::{Document, Draft};
use corridor::app::jobs::ActiveCase;
use corridor::app::judge::Judgements;
use corridor::app::mending::Mending;
use corridor::app::planning::Planning;
use corridor::app::selection::Selection;
use corridor::case::spine::Spine;
use corridor::clearance::grade::ENTRY_ZONE_MM;
use corridor::panel::{self, Facts};
use corridor::plan::Screw;
use corridor::scene::cuts::{ScrewCuts, cut_screw};
use corridor::scene::slices::ShownWindow;
use corridor::space::{Dir, Side};
use corridor::volume::{Grid, Volume};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The block with a chosen screw, in a CT that is bright on the patient's left and dark on the right.
fn with_screw() -> (App, Screw, tempfile::TempDir) {
    let (mut app, folder) = core_app();
    app.init_asset::<Image>().init_resource::<ScrewCuts>().init_resource::<ShownWindow>();
    let first = MIDDLE + Dir::new(-100.0, -100.0, -100.0);
    let grid = Grid::along_axes(first, 2.0, [101; 3]);
    let place = grid.clone();
    let hu =
        move |at: [usize; 3]| if place.centre(at).vec().x > MIDDLE.vec().x { 900 } else { -500 };
    let ct = Some(Arc::new(Volume::from_fn(grid, hu)));
    app.insert_resource(ActiveCase { spine: Arc::new(Spine { ct, ..stack::block_spine() }) });
    let vertebra = app.world().resource::<ActiveCase>().spine.vertebrae[0].clone();
    // Aslant, and nearer to the block's upper side towards its tip.
    let axis = Dir::new(-0.2, -1.0, 0.25).unit().unwrap();
    let screw = Screw { axis, length_mm: 30.0, ..stack::screw(&vertebra, Side::Left) };
    app.world_mut().resource_mut::<Document>().session_mut().place(screw.clone()).unwrap();
    app.world_mut().resource_mut::<Selection>().screw = Some(screw.id);
    app.update();
    app.world_mut().run_system_once(cut_screw).unwrap();
    (app, screw, folder)
}

#[test]
fn the_cuts_of_the_chosen_screw_lie_along_and_across_it_and_left_is_left() {
    let (app, screw, _folder) = with_screw();
    let cuts = app.world().resource::<ScrewCuts>();
    let [along, across] = cuts.cuts.as_ref().expect("both cuts");
    for place in [screw.entry, screw.tip()] {
        let ([x, y], off) = along.plane.pixel(place);
        let [w, h] = along.plane.pixels().map(|n| n as f64);
        assert!(off.abs() < 1e-9 && x > 0.0 && y > 0.0 && x < w && y < h);
    }
    // Where least bone is left: at the tip, next to the block's upper side.
    assert!(cuts.depth_mm > screw.length_mm - 2.0, "across at {}", cuts.depth_mm);
    assert!(cuts.depth_mm >= ENTRY_ZONE_MM && cuts.depth_mm <= screw.length_mm);
    let centre = screw.entry + screw.axis * cuts.depth_mm;
    assert!(across.plane.centre().distance(centre) < 1e-9);
    let images = app.world().resource::<Assets<Image>>();
    for cut in [along, across] {
        let data = images.get(&cut.image).unwrap().data.as_ref().unwrap();
        let [w, h] = cut.plane.pixels();
        let (mut left, mut right) = (0, 0);
        for (x, y) in (0..h).flat_map(|y| (0..w).map(move |x| (x, y))) {
            let grey = data[4 * (y * w + x)];
            let aside = cut.plane.point([x as f64, y as f64]).vec().x - MIDDLE.vec().x;
            // Voxels of 2 mm blur the border between the halves.
            if aside.abs() > 3.0 {
                assert_eq!(grey > 128, aside > 0.0, "{grey} at {aside} mm to the left");
                *(if aside > 0.0 { &mut left } else { &mut right }) += 1;
            }
        }
        assert!(left > 500 && right > 500, "{left} pixels left, {right} right");
    }
}

#[test]
fn the_panel_paints_both_cuts_beside_the_numbers() {
    let (mut app, screw, _folder) = with_screw();
    let images = [TextureId::User(7), TextureId::User(8)];
    let seen = |app: &mut App| app.world_mut().run_system_once_with(painted, images).unwrap();
    let textures = seen(&mut app);
    assert!(images.iter().all(|image| textures.contains(image)), "{textures:?}");
    // Without a chosen screw there is nothing to cut.
    app.world_mut().resource_mut::<Document>().session_mut().delete(screw.id).unwrap();
    app.world_mut().resource_mut::<Selection>().screw = None;
    app.update();
    app.world_mut().run_system_once(cut_screw).unwrap();
    assert!(app.world().resource::<ScrewCuts>().cuts.is_none());
    assert!(!seen(&mut app).iter().any(|texture| images.contains(texture)));
}

/// The textures of which the screw's panel paints something that has a size.
#[allow(clippy::too_many_arguments, reason = "a system asks for what it needs")]
fn painted(
    In(images): In<[TextureId; 2]>,
    (case, document, draft): (Res<ActiveCase>, Res<Document>, Res<Draft>),
    (judgements, selection, closeup): (Res<Judgements>, Res<Selection>, Res<Closeup>),
    (cuts, checks, comparing): (Res<ScrewCuts>, Res<Checks>, Res<Comparing>),
    (rodding, planning, mending): (Res<Rodding>, Res<Planning>, Res<Mending>),
) -> BTreeSet<TextureId> {
    let facts = Facts {
        spine: &case.spine,
        document: &document,
        draft: &draft,
        judgements: &judgements,
        selection: *selection,
        closeup: &closeup,
        cuts: Some(panel::cuts::Shown { cuts: &cuts, images }),
        checks: &checks,
        comparing: &comparing,
        rodding: &rodding,
        planning: &planning,
        mending: &mending,
    };
    let context = egui::Context::default();
    let mut output = context.run_ui(egui::RawInput::default(), |ui| {
        panel::screw::show(ui, &facts, &mut Vec::new());
    });
    let shapes = std::mem::take(&mut output.shapes);
    output.drop_without_applying_deltas();
    let meshes = context.tessellate(shapes, 1.0);
    let textures = meshes.into_iter().filter_map(|clipped| match clipped.primitive {
        Primitive::Mesh(mesh) if mesh.calc_bounds().area() > 100.0 => Some(mesh.texture_id),
        _ => None,
    });
    textures.collect()
}
