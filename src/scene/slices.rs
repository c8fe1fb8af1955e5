//! The three slices as images: cut through the CT ([`crate::volume::reslice`]), brought to grey by
//! the window, and shown as planes in the 3D view. The desktop draws the same images beside it.

use super::case::{CaseRoot, local};
use super::colour;
use crate::app::jobs::ActiveCase;
use crate::app::selection::Crosshair;
use crate::case::spine::Spine;
use crate::space::{Patient, Point};
use crate::volume::{Grid, Plane, Slice as Cut, View, Window};
use bevy::asset::RenderAssetUsages;
use bevy::prelude::*;
use bevy::render::render_resource::{Extent3d, TextureDimension, TextureFormat};

/// The window through which the slices are seen.
#[derive(Resource, Clone, Copy, Debug, PartialEq)]
pub struct ShownWindow(pub Window);

impl Default for ShownWindow {
    fn default() -> Self {
        Self(Window::BONE)
    }
}

/// A label map alone is shown as if it were bone in air, HU.
const LABEL_HU: f32 = 700.0;
const NO_LABEL_HU: f32 = -1000.0;

/// Whether the borders of the labels are drawn on the slices.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShownBorders(pub bool);

/// One slice: which it is, its values, its image.
pub struct Slice {
    /// Which of the three.
    pub view: View,
    /// The image the engine draws, RGBA.
    pub image: Handle<Image>,
    plane: Plane,
    cut: Option<Cut<f32>>,
    labels: Option<Cut<u16>>,
    shaded: Option<(Window, bool)>,
}

impl Slice {
    /// Where it lies.
    pub fn plane(&self) -> &Plane {
        &self.plane
    }
    /// The value under a pixel, HU; `None` outside the volume.
    pub fn value(&self, pixel: [usize; 2]) -> Option<f32> {
        self.cut.as_ref()?.get(pixel)
    }
}

/// The three slices of the open case; empty where it has neither CT nor labels.
#[derive(Resource, Default)]
pub struct Slices(pub Vec<Slice>);

/// Which slices stand in the 3D view, in the order of [`View::ALL`].
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlicesInView(pub [bool; 3]);

impl SlicesInView {
    /// All of them or none.
    pub fn all(is_shown: bool) -> Self {
        Self([is_shown; 3])
    }
    /// At least one of them.
    pub fn any(self) -> bool {
        self.0.contains(&true)
    }
}

/// Marks a plane of the 3D view.
#[derive(Component)]
pub struct SliceQuad(View);

/// Cuts what has moved and shades what has another window.
pub fn cut_slices(
    case: Option<Res<ActiveCase>>,
    crosshair: Res<Crosshair>,
    (window, borders): (Res<ShownWindow>, Res<ShownBorders>),
    mut slices: ResMut<Slices>,
    mut images: ResMut<Assets<Image>>,
) {
    let Some(case) = case else { return };
    let Some(grid) = grid_of(&case.spine) else {
        slices.bypass_change_detection().0.clear();
        return;
    };
    if case.is_changed() {
        renew(&mut slices, crosshair.0, grid, &mut images);
    } else if !crosshair.is_changed() && !window.is_changed() && !borders.is_changed() {
        return;
    }
    for slice in &mut slices.0 {
        let plane = Plane::over(slice.view, crosshair.0, grid);
        if plane != slice.plane || slice.cut.is_none() {
            slice.plane = plane;
            slice.cut = cut(&case.spine, &plane);
            (slice.labels, slice.shaded) = (None, None);
        }
        if borders.0 && slice.labels.is_none() {
            let labels = case.spine.labels.as_ref().filter(|_| case.spine.ct.is_some());
            slice.labels = labels.map(|labels| labels.volume.reslice_nearest(&plane));
        }
        let wanted = (window.0, borders.0);
        if slice.shaded != Some(wanted)
            && let Some(cut) = &slice.cut
        {
            slice.shaded = Some(wanted);
            shade(cut, window.0, slice.image.id(), &mut images);
            if let Some(labels) = slice.labels.as_ref().filter(|_| borders.0) {
                draw_borders(labels, plane.pixels(), slice.image.id(), &mut images);
            }
        }
    }
}

fn grid_of(spine: &Spine) -> Option<&Grid> {
    let ct = spine.ct.as_ref().map(|ct| ct.grid());
    ct.or_else(|| spine.labels.as_ref().map(|labels| labels.volume.grid()))
}

/// Slices of another case, or of the same with other labels: images that are as large are kept.
fn renew(slices: &mut Slices, at: Point<Patient>, grid: &Grid, images: &mut Assets<Image>) {
    let fits = |slice: &Slice| Plane::over(slice.view, at, grid).pixels() == slice.plane.pixels();
    if slices.0.is_empty() || !slices.0.iter().all(fits) {
        slices.0 = View::ALL.map(|view| new_slice(view, at, grid, images)).into();
    }
    for slice in &mut slices.0 {
        (slice.cut, slice.labels, slice.shaded) = (None, None, None);
    }
}

fn new_slice(view: View, at: Point<Patient>, grid: &Grid, images: &mut Assets<Image>) -> Slice {
    let plane = Plane::over(view, at, grid);
    Slice { view, image: images.add(blank(&plane)), plane, cut: None, labels: None, shaded: None }
}

/// A black image as large as a plane.
pub(super) fn blank(plane: &Plane) -> Image {
    let [width, height] = plane.pixels();
    Image::new_fill(
        Extent3d { width: width as u32, height: height as u32, depth_or_array_layers: 1 },
        TextureDimension::D2,
        &[0, 0, 0, 255],
        TextureFormat::Rgba8UnormSrgb,
        RenderAssetUsages::default(),
    )
}

/// The CT's values; those of a label map where it is alone.
pub(super) fn cut(spine: &Spine, plane: &Plane) -> Option<Cut<f32>> {
    if let Some(ct) = &spine.ct {
        return Some(ct.reslice(plane));
    }
    let labels = spine.labels.as_ref()?.volume.reslice_nearest(plane);
    let hu = |label: u16| if label == 0 { NO_LABEL_HU } else { LABEL_HU };
    Some(labels.map(hu))
}

/// Writes the greys into the image, in place; black where the volume does not reach.
pub(super) fn shade(
    cut: &Cut<f32>,
    window: Window,
    image: AssetId<Image>,
    images: &mut Assets<Image>,
) {
    let Some(mut image) = images.get_mut(image) else { return };
    let Some(pixels) = image.data.as_mut() else { return };
    for (pixel, value) in pixels.chunks_exact_mut(4).zip(&cut.values) {
        let grey = value.map_or(0, |hu| window.grey_u8(f64::from(hu)));
        pixel.copy_from_slice(&[grey, grey, grey, 255]);
    }
}

/// Draws the innermost pixels of every label, neighbours in colours that differ.
fn draw_borders(
    labels: &Cut<u16>,
    [width, height]: [usize; 2],
    image: AssetId<Image>,
    images: &mut Assets<Image>,
) {
    let Some(mut image) = images.get_mut(image) else { return };
    let Some(pixels) = image.data.as_mut() else { return };
    let at = |x: usize, y: usize| labels.values[y * width + x].unwrap_or(0);
    for y in 1..height.saturating_sub(1) {
        for x in 1..width.saturating_sub(1) {
            let own = at(x, y);
            let beside = [at(x - 1, y), at(x + 1, y), at(x, y - 1), at(x, y + 1)];
            if own != 0 && beside.iter().any(|other| *other != own) {
                let [r, g, b] = colour::of_label(own);
                let start = 4 * (y * width + x);
                pixels[start..start + 4].copy_from_slice(&[r, g, b, 255]);
            }
        }
    }
}

/// Puts the planes of a new case below its root.
pub fn spawn_quads(
    slices: Res<Slices>,
    root: Query<Entity, With<CaseRoot>>,
    quads: Query<(), With<SliceQuad>>,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<StandardMaterial>>,
    mut commands: Commands,
) {
    let Ok(root) = root.single() else { return };
    if !quads.is_empty() {
        return;
    }
    for slice in &slices.0 {
        let material = StandardMaterial {
            base_color_texture: Some(slice.image.clone()),
            unlit: true,
            cull_mode: None,
            ..default()
        };
        commands.spawn((
            SliceQuad(slice.view),
            Mesh3d(meshes.add(Rectangle::new(1.0, 1.0))),
            MeshMaterial3d(materials.add(material)),
            Visibility::Hidden,
            Transform::default(),
            ChildOf(root),
        ));
    }
}

/// Moves each plane to where its slice was cut.
pub fn place_quads(
    slices: Res<Slices>,
    in_view: Res<SlicesInView>,
    mut quads: Query<(
        &SliceQuad,
        &mut Transform,
        &mut Visibility,
        &MeshMaterial3d<StandardMaterial>,
    )>,
    mut materials: ResMut<Assets<StandardMaterial>>,
) {
    if !slices.is_changed() && !in_view.is_changed() {
        return;
    }
    for (quad, mut transform, mut visibility, material) in &mut quads {
        let shown =
            if in_view.0[quad.0 as usize] { Visibility::Inherited } else { Visibility::Hidden };
        visibility.set_if_neq(shown);
        let Some(slice) = slices.0.iter().find(|s| s.view == quad.0) else { continue };
        transform.set_if_neq(quad_transform(&slice.plane));
        // The material keeps the old texture until it is touched.
        if let Some(mut touched) = materials.get_mut(material.0.id()) {
            touched.unlit = true;
        }
    }
}

/// A unit rectangle's transform onto the plane: its +x to the right of the image, its +y up.
fn quad_transform(plane: &Plane) -> Transform {
    let right = plane.right().vec().as_vec3();
    let up = -plane.down().vec().as_vec3();
    let [width, height] = plane.size_mm().map(|mm| mm as f32);
    Transform {
        translation: local(plane.centre()),
        rotation: Quat::from_mat3(&Mat3::from_cols(right, up, right.cross(up))),
        scale: Vec3::new(width, height, 1.0),
    }
}
