//! The three slices as images: cut through the CT, brought to grey by the window, and shown as
//! planes in the 3D view. The desktop draws the same images beside it.

use super::case::{CaseRoot, local};
use super::plane::{Plane, Slicing};
use crate::app::jobs::ActiveCase;
use crate::app::selection::Crosshair;
use crate::case::spine::Spine;
use crate::space::Point;
use crate::volume::Volume;
use crate::work::on_pool;
use bevy::asset::RenderAssetUsages;
use bevy::prelude::*;
use bevy::render::render_resource::{Extent3d, TextureDimension, TextureFormat};
use rayon::prelude::*;

/// Width and level in HU: what is shown between black and white.
#[derive(Resource, Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// HU from black to white.
    pub width: f64,
    /// HU of the middle grey.
    pub level: f64,
}

impl Default for Window {
    /// Bone.
    fn default() -> Self {
        Self { width: 2500.0, level: 480.0 }
    }
}

/// Below this a window is a threshold and its numbers mean nothing, HU.
pub const LEAST_WIDTH: f64 = 1.0;

impl Window {
    /// 0 to 255 for a value; below the window black, above it white.
    pub fn grey(self, hu: f64) -> u8 {
        let width = self.width.max(LEAST_WIDTH);
        (((hu - self.level) / width + 0.5).clamp(0.0, 1.0) * 255.0).round() as u8
    }
}

/// Value of what lies outside the volume: air, and a mark for the reader that there is nothing.
const OUTSIDE_HU: i16 = i16::MIN;
/// A label map alone is shown as if bone had this value, HU.
const LABEL_HU: i16 = 700;

/// One slice: its plane, its values, its image.
pub struct Slice {
    /// Where it lies.
    pub plane: Plane,
    /// The image the engine draws, RGBA.
    pub image: Handle<Image>,
    values: Vec<i16>,
    window: Option<Window>,
}

impl Slice {
    /// The value under a pixel; `None` outside the volume.
    pub fn value(&self, x: usize, y: usize) -> Option<i16> {
        let [w, h] = self.plane.size;
        let inside = x < w && y < h;
        inside.then(|| self.values[y * w + x]).filter(|v| *v != OUTSIDE_HU)
    }
}

/// The three slices of the open case; empty where it has neither CT nor labels.
#[derive(Resource, Default)]
pub struct Slices(pub Vec<Slice>);

/// Which slices stand in the 3D view, in the order of [`Slicing::ALL`].
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
pub struct SliceQuad(Slicing);

/// Cuts what has moved and shades what has another window.
pub fn cut_slices(
    case: Option<Res<ActiveCase>>,
    crosshair: Res<Crosshair>,
    window: Res<Window>,
    mut slices: ResMut<Slices>,
    mut images: ResMut<Assets<Image>>,
) {
    let Some(case) = case else { return };
    let Some(grid) = grid_of(&case.spine) else {
        slices.bypass_change_detection().0.clear();
        return;
    };
    if case.is_changed() {
        slices.0 = Slicing::ALL
            .map(|slicing| new_slice(Plane::through(crosshair.0, slicing, grid), &mut images))
            .into();
    } else if !crosshair.is_changed() && !window.is_changed() {
        return;
    }
    for slice in &mut slices.0 {
        let plane = Plane::through(crosshair.0, slice.plane.slicing, grid);
        if plane != slice.plane || slice.values.is_empty() {
            slice.plane = plane;
            cut(&case.spine, &plane, &mut slice.values);
            slice.window = None;
        }
        if slice.window != Some(*window) {
            slice.window = Some(*window);
            shade(&slice.values, *window, slice.image.id(), &mut images);
        }
    }
}

fn grid_of(spine: &Spine) -> Option<&crate::volume::Grid> {
    let ct = spine.ct.as_ref().map(|ct| ct.grid());
    ct.or_else(|| spine.labels.as_ref().map(|labels| labels.volume.grid()))
}

fn new_slice(plane: Plane, images: &mut Assets<Image>) -> Slice {
    let [width, height] = plane.size;
    let image = Image::new_fill(
        Extent3d { width: width as u32, height: height as u32, depth_or_array_layers: 1 },
        TextureDimension::D2,
        &[0, 0, 0, 255],
        TextureFormat::Rgba8UnormSrgb,
        RenderAssetUsages::default(),
    );
    Slice { plane, image: images.add(image), values: Vec::new(), window: None }
}

/// Fills `values`, row by row, on the core's threads.
fn cut(spine: &Spine, plane: &Plane, values: &mut Vec<i16>) {
    let [width, height] = plane.size;
    values.resize(width * height, OUTSIDE_HU);
    on_pool(|| {
        values.par_chunks_mut(width).enumerate().for_each(|(y, row)| match &spine.ct {
            Some(ct) => cut_row(ct, plane, y, row),
            None => label_row(spine, plane, y, row),
        });
    });
}

fn cut_row(ct: &Volume<i16>, plane: &Plane, y: usize, row: &mut [i16]) {
    let voxel_from_patient = ct.grid().voxel_from_patient();
    let start = voxel_from_patient.point(plane.point(0.0, y as f64)).vec();
    let step = voxel_from_patient.dir(plane.slicing.right() * plane.pixel_mm).vec();
    for (x, value) in row.iter_mut().enumerate() {
        let at = Point::from_vec(start + step * x as f64);
        *value = ct.trilinear_voxel(at).map_or(OUTSIDE_HU, |hu| hu.round() as i16);
    }
}

fn label_row(spine: &Spine, plane: &Plane, y: usize, row: &mut [i16]) {
    let Some(labels) = &spine.labels else { return };
    for (x, value) in row.iter_mut().enumerate() {
        let label = labels.volume.nearest(plane.point(x as f64, y as f64));
        *value = label.map_or(OUTSIDE_HU, |l| if l == 0 { -1000 } else { LABEL_HU });
    }
}

/// Writes the greys into the image, in place.
fn shade(values: &[i16], window: Window, image: AssetId<Image>, images: &mut Assets<Image>) {
    let Some(mut image) = images.get_mut(image) else { return };
    let Some(pixels) = image.data.as_mut() else { return };
    for (pixel, value) in pixels.chunks_exact_mut(4).zip(values) {
        let grey = if *value == OUTSIDE_HU { 0 } else { window.grey(f64::from(*value)) };
        pixel.copy_from_slice(&[grey, grey, grey, 255]);
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
            SliceQuad(slice.plane.slicing),
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
        let Some(slice) = slices.0.iter().find(|s| s.plane.slicing == quad.0) else { continue };
        transform.set_if_neq(quad_transform(&slice.plane));
        // The material keeps the old texture until it is touched.
        if let Some(mut touched) = materials.get_mut(material.0.id()) {
            touched.unlit = true;
        }
    }
}

/// A unit rectangle's transform onto the plane: its +x to the right of the image, its +y up.
fn quad_transform(plane: &Plane) -> Transform {
    let right = plane.slicing.right().vec().as_vec3();
    let up = -plane.slicing.down().vec().as_vec3();
    let [width, height] = plane.extent_mm().map(|mm| mm as f32);
    Transform {
        translation: local(plane.middle()),
        rotation: Quat::from_mat3(&Mat3::from_cols(right, up, right.cross(up))),
        scale: Vec3::new(width, height, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_runs_from_black_to_white() {
        let window = Window { width: 400.0, level: 40.0 };
        assert_eq!(window.grey(-160.0), 0);
        assert_eq!(window.grey(-2000.0), 0);
        assert_eq!(window.grey(40.0), 128);
        assert_eq!(window.grey(240.0), 255);
        assert_eq!(window.grey(9000.0), 255);
    }
}
