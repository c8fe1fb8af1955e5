//! The frame loop: waits for the headset, places the eyes, hands the picture over.
//!
//! In: frames of the runtime's thread. Out: two [`Eye`] cameras under the [`Rig`], the resource
//! [`Hands`], pictures in the headset. When the runtime stalls or dies the eyes close and the
//! window goes on; nothing here waits without limit or panics.
//!
//! Nothing that runs in a frame makes lists or words of its own: what it needs is made once.
//!
//! The engine works one frame at a time here (no pipelined rendering): wait, update, draw, show.

use super::Eyes;
use super::actions::HandInput;
use super::comfort::EYE_LAYER;
use super::config::SessionConfig;
use super::line::{Answer, Attention, Frame, Line, Reply, Request};
use super::session::{self, XrStatus};
use crate::app::pace::HeadsetPace;
use crate::desktop::camera::DeskCamera;
use crate::scene::layers::all_layers;
use crate::scene::letters::Viewer;
use bevy::app::AppExit;
use bevy::camera::{ManualTextureViewHandle, RenderTarget};
use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::prelude::*;
use bevy::render::render_resource::{TextureViewDescriptor, TextureViewDimension};
use bevy::render::texture::{ManualTextureView, ManualTextureViews};
use bevy::render::{Render, RenderApp, RenderSystems};
use bevy::time::TimeSystems;
use bevy::window::{PresentMode, PrimaryWindow};
use bevy::winit::WinitSettings;
use bevy_mod_xr::camera::{Fov, XrProjection, calculate_projection};
use std::time::Duration;

/// The room: its entity's transform is `scene_from_stage`. Whatever belongs to the user and not to
/// the patient (eyes, hands, floor) is a child of it. Its scale is the scale of the world: 0.5 shows
/// the spine at twice its size.
#[derive(Component)]
#[require(Transform, Visibility)]
pub struct Rig;

/// The camera of one eye, 0 left, 1 right.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Eye(pub u32);

/// The two hands of this frame, left first; at rest while the hands are not ours.
#[derive(Resource, Clone, Copy, Debug, Default, Deref)]
pub struct Hands(pub [HandInput; 2]);

/// Ticks to send to a hand: amplitude 0 to 1, and seconds.
#[derive(Message, Clone, Copy, Debug)]
pub struct Buzz {
    /// Which hand.
    pub hand: super::actions::Hand,
    /// How strong, 0 to 1.
    pub amplitude: f32,
    /// How long.
    pub seconds: f32,
}

/// The engine's side of the session, in both worlds.
#[derive(Resource, Clone)]
struct Connection {
    line: Line,
    stall_after: Duration,
    slow_picture_after: Duration,
}

/// The picture of the frame being drawn, in the render world.
#[derive(Resource, Default)]
struct Picture(Option<u32>);

/// First handle of the two eyes' targets; any number that nobody else uses.
const TARGET: u32 = 0x00c0_441d;

fn target(eye: u32) -> ManualTextureViewHandle {
    ManualTextureViewHandle(TARGET + eye)
}

/// Adds the frame loop of a session.
pub(super) fn build(app: &mut App, eyes: &Eyes, config: &SessionConfig) {
    let connection = Connection {
        line: eyes.line.clone(),
        stall_after: config.stall_after(),
        slow_picture_after: config.slow_picture_after(),
    };
    app.insert_resource(connection.clone())
        .insert_resource(eyes.clone())
        .insert_resource(EyeTargets::of(eyes))
        .init_resource::<Hands>()
        .add_message::<Buzz>()
        .add_systems(First, next_frame.before(TimeSystems))
        .add_systems(Last, (send_buzzes, leave).chain())
        .add_systems(Update, (pace_the_window, end_without_window, turn_letters));
    spawn_eyes(app.world_mut(), config);
    let Some(render) = app.get_sub_app_mut(RenderApp) else { return };
    render
        .insert_resource(connection)
        .insert_resource(EyeTargets::of(eyes))
        .init_resource::<Picture>()
        .add_systems(
            Render,
            open_picture
                .after(RenderSystems::ExtractCommands)
                .before(RenderSystems::PrepareAssets)
                .before(RenderSystems::CreateViews)
                .before(RenderSystems::PrepareViews),
        )
        .add_systems(
            Render,
            show_picture.after(RenderSystems::Render).before(RenderSystems::Cleanup),
        );
}

fn spawn_eyes(world: &mut World, config: &SessionConfig) {
    let rig = world.spawn(Rig).id();
    let msaa = match config.msaa_samples {
        8 => Msaa::Sample8,
        4 => Msaa::Sample4,
        2 => Msaa::Sample2,
        _ => Msaa::Off,
    };
    for eye in 0..2 {
        let projection = XrProjection { near: config.near_plane_m, ..default() };
        world.spawn((
            Name::new(if eye == 0 { "left eye" } else { "right eye" }),
            Eye(eye),
            Camera3d::default(),
            Camera { is_active: false, order: -10 + eye as isize, ..default() },
            RenderTarget::TextureView(target(eye)),
            Projection::custom(projection),
            all_layers().with(EYE_LAYER + eye as usize),
            Tonemapping::KhronosPbrNeutral,
            msaa,
            ChildOf(rig),
        ));
    }
    set_targets(world, Some(0));
}

/// The swapchain's images as the two eyes are drawn into them, made once.
#[derive(Resource)]
struct EyeTargets(Vec<[ManualTextureView; 2]>);

impl EyeTargets {
    fn of(eyes: &Eyes) -> Self {
        let view = |texture: &wgpu::Texture, eye: u32| {
            let view = texture.create_view(&TextureViewDescriptor {
                dimension: Some(TextureViewDimension::D2),
                array_layer_count: Some(1),
                base_array_layer: eye,
                ..default()
            });
            let texture_view = view.into();
            ManualTextureView { texture_view, size: eyes.size, view_format: eyes.format }
        };
        Self(eyes.images.iter().map(|texture| [view(texture, 0), view(texture, 1)]).collect())
    }
}

/// Points the eyes' targets at one image of the swapchain; at none without one.
fn set_targets(world: &mut World, image: Option<u32>) {
    world.resource_scope(|world, targets: Mut<EyeTargets>| {
        let mut views = world.resource_mut::<ManualTextureViews>();
        match image.and_then(|image| targets.0.get(image as usize)) {
            Some(eyes) => (0..).zip(eyes).for_each(|(eye, view)| {
                views.insert(target(eye), view.clone());
            }),
            None => (0..2).for_each(|eye| {
                views.remove(&target(eye));
            }),
        }
    });
}

type EyeQuery = QueryState<(
    &'static Eye,
    &'static mut Camera,
    &'static mut Transform,
    &'static mut Projection,
)>;

/// Asks for the next frame and places eyes and hands; closes the eyes when there is none.
fn next_frame(world: &mut World, eyes: &mut EyeQuery) {
    if world.resource::<XrStatus>().is_over() {
        return;
    }
    let connection = world.resource::<Connection>().clone();
    match connection.line.ask(Request::Frame, connection.stall_after) {
        Answer::Reply(Reply::Frame(news, frame)) => {
            if *world.resource::<XrStatus>() == XrStatus::Stalled {
                session::enter(world, XrStatus::Running(resumed(world)));
            }
            session::tell(world, news);
            remember_attention(world);
            apply(world, eyes, frame);
        }
        Answer::Reply(_) => {}
        Answer::Late => {
            session::enter(world, XrStatus::Stalled);
            apply(world, eyes, None);
        }
        Answer::Gone(why) => {
            session::enter(world, XrStatus::Lost(why));
            apply(world, eyes, None);
        }
    }
}

/// The attention before a stall: the runtime does not repeat it.
#[derive(Resource, Default)]
struct LastAttention(Attention);

fn remember_attention(world: &mut World) {
    if let XrStatus::Running(attention) = *world.resource::<XrStatus>() {
        world.insert_resource(LastAttention(attention));
    }
}

fn resumed(world: &World) -> Attention {
    world.get_resource::<LastAttention>().map(|last| last.0).unwrap_or_default()
}

fn apply(world: &mut World, eyes: &mut EyeQuery, frame: Option<Frame>) {
    let hands = frame.as_ref().map(|f| f.hands).unwrap_or_default();
    world.insert_resource(Hands(hands));
    let is_open = frame.as_ref().is_some_and(|f| f.should_render);
    for (eye, mut camera, mut transform, mut projection) in eyes.iter_mut(world) {
        if camera.is_active != is_open {
            camera.is_active = is_open;
        }
        let Some(view) = frame.as_ref().and_then(|f| f.eyes.get(eye.0 as usize)) else { continue };
        *transform = Transform::from_isometry(view.stage_from_eye);
        let Projection::Custom(custom) = &mut *projection else { continue };
        let Some(lens) = custom.get_mut::<XrProjection>() else { continue };
        let fov = Fov {
            angle_left: view.fov.angle_left,
            angle_right: view.fov.angle_right,
            angle_down: view.fov.angle_down,
            angle_up: view.fov.angle_up,
        };
        lens.projection_matrix = calculate_projection(lens.near, fov);
    }
}

/// Render world, before anything is prepared: gets the image that the eyes are drawn into.
fn open_picture(world: &mut World) {
    let connection = world.resource::<Connection>().clone();
    let answer = connection.line.ask(Request::Picture, connection.stall_after);
    let image = match answer {
        Answer::Reply(Reply::Picture(image)) => image,
        _ => None,
    };
    // Without a target the eyes are not drawn.
    set_targets(world, image);
    world.insert_resource(Picture(image));
}

/// Render world, after everything is submitted: shows the image.
fn show_picture(world: &mut World) {
    if world.resource_mut::<Picture>().0.take().is_none() {
        return;
    }
    let connection = world.resource::<Connection>();
    connection.line.ask(Request::Show, connection.slow_picture_after);
}

fn send_buzzes(
    connection: Res<Connection>,
    status: Res<XrStatus>,
    mut buzzes: MessageReader<Buzz>,
) {
    for buzz in buzzes.read() {
        if status.is_focused() {
            let request = Request::Buzz(buzz.hand, buzz.amplitude, buzz.seconds);
            connection.line.ask(request, connection.stall_after);
        }
    }
}

/// On the way out, ends the session in good order if the runtime lets us.
fn leave(mut exits: MessageReader<AppExit>, status: Res<XrStatus>, connection: Res<Connection>) {
    let is_answered = matches!(*status, XrStatus::Running(_) | XrStatus::Ended);
    if exits.read().next().is_some() && is_answered {
        connection.line.ask(Request::Leave, connection.stall_after);
    }
}

/// While the headset sets the pace, the window must not.
fn pace_the_window(
    status: Res<XrStatus>,
    mut windows: Query<&mut Window, With<PrimaryWindow>>,
    updates: Option<ResMut<WinitSettings>>,
    mut pace: ResMut<HeadsetPace>,
) {
    if !status.is_changed() {
        return;
    }
    let is_set = matches!(*status, XrStatus::Running(_));
    *pace = HeadsetPace { is_set, is_worn: status.is_immersed() };
    let (mode, update) = match *status {
        XrStatus::Running(_) => (PresentMode::AutoNoVsync, WinitSettings::continuous()),
        _ => (PresentMode::AutoVsync, WinitSettings::game()),
    };
    if let Some(mut updates) = updates {
        *updates = update;
    }
    for mut window in &mut windows {
        if window.present_mode != mode {
            window.present_mode = mode;
        }
    }
}

/// The letters around the model turn to whoever looks: the person in the headset, else the desk.
fn turn_letters(
    status: Res<XrStatus>,
    eyes: Query<(Entity, &Eye)>,
    desk: Query<Entity, With<DeskCamera>>,
    mut commands: Commands,
    mut was_immersed: Local<bool>,
) {
    let is_immersed = status.is_immersed();
    if std::mem::replace(&mut *was_immersed, is_immersed) == is_immersed {
        return;
    }
    let left = eyes.iter().find(|(_, eye)| eye.0 == 0).map(|(entity, _)| entity);
    let (to, from) =
        if is_immersed { (left, desk.iter().next()) } else { (desk.iter().next(), left) };
    if let Some(entity) = from {
        commands.entity(entity).remove::<Viewer>();
    }
    if let Some(entity) = to {
        commands.entity(entity).insert(Viewer);
    }
}

/// With neither headset nor window there is nothing left to see: ends the program in good order.
fn end_without_window(
    status: Res<XrStatus>,
    windows: Query<(), With<Window>>,
    mut exit: MessageWriter<AppExit>,
) {
    if status.is_changed() && status.is_over() && windows.is_empty() {
        exit.write(AppExit::from_code(3));
    }
}
