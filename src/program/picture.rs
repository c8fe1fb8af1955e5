//! Pictures of a case without a window: the same scene as on the screen, drawn into an image.

use crate::app::follow::Rodding;
use crate::app::history::{ShownCatalogue, ShownPlan};
use crate::app::jobs::{ActiveCase, CaseOpened};
use crate::app::selection::Crosshair;
use crate::app::{self, AppError, Shape, gpu, guard};
use crate::case::spine::Spine;
use crate::cli;
use crate::implant::Catalogue;
use crate::plan::Plan;
use crate::scene::ScenePlugin;
use crate::scene::case::{CASE_PLACE, CaseRoot, world_dir_from_patient, world_from_patient};
use crate::scene::colour::{self, srgb};
use crate::scene::framing::{Look, distance_to_see};
use crate::scene::ilium::Ilium;
use crate::scene::layers::{BACKDROP, WORLD, all_layers};
use crate::scene::letters::{ModelBox, Viewer};
use crate::scene::lod::FinestOnly;
use crate::scene::outline::screw_outline;
use crate::scene::rods::{RodModel, RodsInView};
use crate::scene::screw::{ScrewLines, ScrewModel};
use crate::scene::slices::{Slices, SlicesInView};
use crate::scene::upload::PendingMesh;
use crate::scene::vertebra::Bone;
use crate::space::orientation::Letter;
use crate::volume::{Plane, View};
use bevy::camera::visibility::RenderLayers;
use bevy::camera::{RenderTarget, ScalingMode};
use bevy::prelude::*;
use bevy::render::render_resource::TextureFormat;
use bevy::render::view::screenshot::{Screenshot, ScreenshotCaptured};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One picture to be made.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// From where.
    pub view: cli::View,
    /// Width and height, pixels.
    pub size: (u32, u32),
    /// The PNG.
    pub file: PathBuf,
}

/// Why a picture could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The engine.
    #[error(transparent)]
    App(#[from] AppError),
    /// The case has nothing of this kind.
    #[error("this case has {lacks} to draw: choose another --view")]
    Nothing {
        /// What it lacks.
        lacks: &'static str,
    },
    /// The graphics driver gave no picture.
    #[error("the graphics driver gave no picture within {0} seconds: try a smaller --size")]
    TimedOut(u64),
    /// The file.
    #[error("{} can not be written ({source}): choose another --output", file.display())]
    Write {
        /// Which file.
        file: PathBuf,
        /// What went wrong.
        source: image::ImageError,
    },
}

/// Longest wait for one picture; software Vulkan compiles its programs in it.
const PATIENCE: Duration = Duration::from_secs(180);
/// Frames after which everything that was asked for is on the graphics card.
const SETTLING_FRAMES: usize = 4;

/// What a view shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Model(Letter),
    Slice(View),
}

fn subject(view: cli::View) -> Subject {
    match view {
        cli::View::Posterior => Subject::Model(Letter::P),
        cli::View::Anterior => Subject::Model(Letter::A),
        cli::View::Left => Subject::Model(Letter::L),
        cli::View::Right => Subject::Model(Letter::R),
        cli::View::Superior => Subject::Model(Letter::S),
        cli::View::Inferior => Subject::Model(Letter::I),
        cli::View::Axial => Subject::Slice(View::Axial),
        cli::View::Coronal => Subject::Slice(View::Coronal),
        cli::View::Sagittal => Subject::Slice(View::Sagittal),
    }
}

/// Whether the case has what this view shows.
pub fn can_draw(spine: &Spine, view: cli::View) -> bool {
    match subject(view) {
        Subject::Model(_) => !spine.vertebrae.is_empty(),
        Subject::Slice(_) => spine.ct.is_some() || spine.labels.is_some(),
    }
}

/// Draws pictures of a case and its plan, its screws as the catalogue has them, one after the other.
pub fn draw(
    spine: &Arc<Spine>,
    plan: &Arc<Plan>,
    catalogue: &Arc<Catalogue>,
    drawings: &[Drawing],
) -> Result<(), PictureError> {
    if gpu::adapters().is_empty() {
        return Err(AppError::NoVulkan.into());
    }
    for drawing in drawings {
        if !can_draw(spine, drawing.view) {
            let lacks = match subject(drawing.view) {
                Subject::Model(_) => "no vertebrae",
                Subject::Slice(_) => "no slices",
            };
            return Err(PictureError::Nothing { lacks });
        }
    }
    guard::catch(|| draw_all(spine, plan, catalogue, drawings))
        .unwrap_or_else(|reason| Err(AppError::Stopped(reason).into()))
}

fn draw_all(
    spine: &Arc<Spine>,
    plan: &Arc<Plan>,
    catalogue: &Arc<Catalogue>,
    drawings: &[Drawing],
) -> Result<(), PictureError> {
    let mut app = new_app(spine, plan, catalogue);
    let start = Instant::now();
    loop {
        app.update();
        let world = app.world_mut();
        let are_rods_known = world.resource::<Rodding>().of(plan).is_some();
        if are_rods_known && world.query::<&PendingMesh>().iter(world).next().is_none() {
            break;
        }
        give_up_after(start)?;
    }
    for drawing in drawings {
        set_up(&mut app, drawing, spine);
        for _ in 0..SETTLING_FRAMES {
            app.update();
        }
        let image = capture(&mut app)?;
        save(image, drawing)?;
    }
    Ok(())
}

fn give_up_after(start: Instant) -> Result<(), PictureError> {
    let is_late = start.elapsed() > PATIENCE;
    if is_late { Err(PictureError::TimedOut(PATIENCE.as_secs())) } else { Ok(()) }
}

fn new_app(spine: &Arc<Spine>, plan: &Arc<Plan>, catalogue: &Arc<Catalogue>) -> App {
    let mut app = app::new_app(Shape::OffScreen, None, true);
    app.add_plugins(ScenePlugin)
        .insert_resource(ActiveCase { spine: Arc::clone(spine) })
        .insert_resource(ShownPlan(Arc::clone(plan)))
        .insert_resource(ShownCatalogue(Some(Arc::clone(catalogue))))
        .insert_resource(RodsInView(true))
        .init_resource::<FinestOnly>()
        .init_resource::<Taken>()
        .add_systems(PostUpdate, draw_outlines.after(bevy::transform::TransformSystems::Propagate));
    app.finish();
    app.cleanup();
    app.world_mut().write_message(CaseOpened);
    app
}

/// The picture that came back.
#[derive(Resource, Default)]
struct Taken(Option<Image>);

/// The slice whose outlines are drawn, if the picture shows one.
#[derive(Resource)]
struct OutlinesOn(View);

/// Puts camera, target and scene as the drawing wants them.
fn set_up(app: &mut App, drawing: &Drawing, spine: &Spine) {
    let world = app.world_mut();
    let (width, height) = drawing.size;
    let target = Image::new_target_texture(width, height, TextureFormat::Rgba8UnormSrgb, None);
    let target = world.resource_mut::<Assets<Image>>().add(target);
    let old: Vec<Entity> = world.query_filtered::<Entity, With<Camera3d>>().iter(world).collect();
    for camera in old {
        world.despawn(camera);
    }
    let subject = subject(drawing.view);
    let is_slice = matches!(subject, Subject::Slice(_));
    show_model(world, !is_slice);
    let (eye, lens) = match subject {
        Subject::Model(letter) => {
            world.insert_resource(ModelBox::of(spine));
            world.insert_resource(SlicesInView::default());
            world.remove_resource::<OutlinesOn>();
            model_eye(world, letter, width as f32 / height as f32)
        }
        Subject::Slice(view) => {
            world.insert_resource(OutlinesOn(view));
            slice_eye(world, view, spine)
        }
    };
    let layers = if is_slice { RenderLayers::layer(WORLD) } else { all_layers() };
    world.spawn((
        Viewer,
        Camera3d::default(),
        RenderTarget::Image(target.into()),
        Camera { clear_color: ClearColorConfig::Custom(Color::BLACK), ..default() },
        Msaa::Sample4,
        layers,
        lens,
        eye,
    ));
    debug_assert!(BACKDROP != WORLD);
}

fn show_model(world: &mut World, is_shown: bool) {
    let wanted = if is_shown { Visibility::Inherited } else { Visibility::Hidden };
    type Model = Or<(With<Bone>, With<Ilium>, With<ScrewModel>, With<RodModel>)>;
    let mut things = world.query_filtered::<&mut Visibility, Model>();
    for mut visibility in things.iter_mut(world) {
        *visibility = wanted;
    }
}

fn root_place(world: &mut World) -> GlobalTransform {
    let mut roots = world.query_filtered::<&Transform, With<CaseRoot>>();
    roots.single(world).map(|t| GlobalTransform::from(*t)).unwrap_or_default()
}

/// Vertical field of view of the pictures: narrow, as a portrait lens.
const FIELD_OF_VIEW: f32 = 0.4;

fn model_eye(world: &mut World, letter: Letter, aspect: f32) -> (Transform, Projection) {
    let root = root_place(world);
    let towards = world_dir_from_patient(&root, letter.dir());
    // From above and below, the patient's front is up, as on an axial slice.
    let up = if towards.y.abs() > 0.9 {
        world_dir_from_patient(&root, Letter::A.dir())
    } else {
        Vec3::Y
    };
    let look = Look { towards, up, field_of_view: FIELD_OF_VIEW, aspect };
    let distance = distance_to_see(world.resource::<ModelBox>(), &root, look);
    let eye =
        Transform::from_translation(CASE_PLACE + towards * distance).looking_at(CASE_PLACE, up);
    let lens = Projection::Perspective(PerspectiveProjection {
        fov: FIELD_OF_VIEW,
        near: 0.01,
        ..default()
    });
    (eye, lens)
}

fn slice_eye(world: &mut World, view: View, spine: &Spine) -> (Transform, Projection) {
    let mut shown = SlicesInView::default();
    shown.0[view as usize] = true;
    world.insert_resource(shown);
    let first = world.resource::<ShownPlan>().0.screws.first().map(|s| s.entry.lerp(s.tip(), 0.5));
    let through = first.unwrap_or_else(|| spine.middle());
    world.insert_resource(Crosshair(through));
    let root = root_place(world);
    let grid = spine.ct.as_ref().map(|ct| ct.grid());
    let grid = grid.or_else(|| spine.labels.as_ref().map(|l| l.volume.grid()));
    let Some(grid) = grid else { return (Transform::default(), Projection::default()) };
    let plane = Plane::over(view, through, grid);
    let [width, height] = plane.size_mm();
    world.insert_resource(ModelBox { middle: plane.centre(), half_mm: half_box(&plane) });
    let right = world_dir_from_patient(&root, plane.right());
    let up = world_dir_from_patient(&root, -plane.down());
    let at = world_from_patient(&root, plane.centre());
    let eye = Transform::from_translation(at + right.cross(up)).looking_at(at, up);
    let scale = root.scale().x;
    let lens = Projection::Orthographic(OrthographicProjection {
        scaling_mode: ScalingMode::AutoMin {
            min_width: width as f32 * scale + 0.09,
            min_height: height as f32 * scale + 0.09,
        },
        ..OrthographicProjection::default_3d()
    });
    (eye, lens)
}

/// Half the plane's extent along LPS.
fn half_box(plane: &Plane) -> [f64; 3] {
    let [width, height] = plane.size_mm();
    let reach = plane.right().vec().abs() * width + plane.down().vec().abs() * height;
    (reach / 2.0).to_array()
}

/// The screws' outlines, a hair before the slice.
fn draw_outlines(
    on: Option<Res<OutlinesOn>>,
    plan: Res<ShownPlan>,
    judgements: Res<app::judge::Judgements>,
    slices: Res<Slices>,
    root: Query<&GlobalTransform, With<CaseRoot>>,
    mut lines: Gizmos<ScrewLines>,
) {
    let (Some(on), Ok(root)) = (on, root.single()) else { return };
    let Some(slice) = slices.0.iter().find(|s| s.view == on.0) else { return };
    for screw in &plan.0.screws {
        let grade = judgements.of(screw).map(|a| a.grade);
        let rgb = grade.map_or(colour::PENDING, colour::of_grade);
        let mut outline = screw_outline(screw, slice.plane());
        outline.extend(outline.first().copied());
        let points =
            outline.into_iter().map(|[x, y]| world_from_patient(root, slice.plane().point([x, y])));
        lines.linestrip(points, srgb(rgb));
    }
}

fn capture(app: &mut App) -> Result<Image, PictureError> {
    let world = app.world_mut();
    world.resource_mut::<Taken>().0 = None;
    let mut targets = world.query_filtered::<&RenderTarget, With<Camera3d>>();
    let target = targets.iter(world).next().cloned();
    if let Some(image) = target.as_ref().and_then(RenderTarget::as_image) {
        world.spawn(Screenshot::image(image.clone())).observe(
            |shot: On<ScreenshotCaptured>, mut taken: ResMut<Taken>| {
                taken.0 = Some(shot.image.clone());
            },
        );
    }
    let start = Instant::now();
    loop {
        app.update();
        if let Some(image) = app.world_mut().resource_mut::<Taken>().0.take() {
            return Ok(image);
        }
        give_up_after(start)?;
    }
}

fn save(image: Image, drawing: &Drawing) -> Result<(), PictureError> {
    let failed = |source| PictureError::Write { file: drawing.file.clone(), source };
    let Ok(picture) = image.try_into_dynamic() else {
        return Err(AppError::Stopped("the picture has an unknown form".to_owned()).into());
    };
    picture.to_rgb8().save_with_format(&drawing.file, image::ImageFormat::Png).map_err(failed)
}
