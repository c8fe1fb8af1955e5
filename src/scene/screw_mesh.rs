//! The shape of a screw: a threaded shank and a tulip head, of any size of any kind in a catalogue.
//!
//! Millimetres, in the screw's own frame: the axis is +z, the entry at z = 0, the tip at the
//! length, the head behind the entry at negative z. The thread's crest is the outer diameter by
//! which the screw is judged; what is drawn never reaches past it.

use crate::implant::{Kind, ScrewSize};
use bevy::asset::RenderAssetUsages;
use bevy::mesh::{Indices, PrimitiveTopology};
use bevy::prelude::*;
use std::f32::consts::TAU;

/// Rows of the shank per turn of the thread.
const ROWS_PER_TURN: f32 = 8.0;
/// Corners around the shank.
const SECTORS: u32 = 28;
/// Length over which the tip narrows, mm.
const TAPER_MM: f32 = 8.0;

/// What is drawn of a shank. In whole hundredths of a millimetre, so that equal ones are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShankForm {
    diameter: u32,
    length: u32,
    core: u32,
    pitch: u32,
    /// 0 where it has no bore.
    bore: u32,
}

/// What is drawn of a head, in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HeadForm {
    radius: u32,
    height: u32,
}

fn hundredths(mm: f64) -> u32 {
    (mm * 100.0).round() as u32
}

fn mm(hundredths: u32) -> f32 {
    hundredths as f32 / 100.0
}

impl ShankForm {
    /// The shank of a size of this kind.
    pub fn new(size: ScrewSize, kind: &Kind) -> Self {
        Self {
            diameter: hundredths(size.diameter_mm),
            length: hundredths(size.length_mm),
            core: hundredths(kind.core_mm(size.diameter_mm)),
            pitch: hundredths(kind.pitch_mm).max(1),
            bore: hundredths(kind.cannulation_mm.unwrap_or(0.0)),
        }
    }
}

impl HeadForm {
    /// The head of every size of this kind.
    pub fn new(kind: &Kind) -> Self {
        Self { radius: hundredths(kind.head_radius_mm), height: hundredths(kind.head_height_mm) }
    }
}

/// Triangles under construction.
#[derive(Default)]
struct Builder {
    positions: Vec<[f32; 3]>,
    normals: Vec<[f32; 3]>,
    indices: Vec<u32>,
}

impl Builder {
    /// A patch over a grid of points; normals from its own slopes, outward where rows × columns
    /// turn left seen from outside.
    fn patch(&mut self, rows: u32, columns: u32, point: impl Fn(f32, f32) -> Vec3) {
        let start = self.positions.len() as u32;
        let step = (1.0 / rows as f32, 1.0 / columns as f32);
        for row in 0..=rows {
            for column in 0..=columns {
                let (u, v) = (row as f32 * step.0, column as f32 * step.1);
                let along =
                    point((u + 0.5 * step.0).min(1.0), v) - point((u - 0.5 * step.0).max(0.0), v);
                let around = point(u, v + 0.5 * step.1) - point(u, v - 0.5 * step.1);
                self.positions.push(point(u, v).to_array());
                self.normals.push(around.cross(along).normalize_or(Vec3::Z).to_array());
                if row < rows && column < columns {
                    let a = start + row * (columns + 1) + column;
                    let b = a + columns + 1;
                    self.indices.extend([a, a + 1, b, a + 1, b + 1, b]);
                }
            }
        }
    }

    fn build(self) -> Mesh {
        Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::default())
            .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, self.positions)
            .with_inserted_attribute(Mesh::ATTRIBUTE_NORMAL, self.normals)
            .with_inserted_indices(Indices::U32(self.indices))
    }
}

fn around(radius: f32, turn: f32, z: f32) -> Vec3 {
    let (sin, cos) = (turn * TAU).sin_cos();
    Vec3::new(radius * cos, radius * sin, z)
}

/// A round tube along a line of points, mm; its ends are open. Empty for fewer than two.
pub fn tube(line: &[Vec3], radius_mm: f32) -> Mesh {
    let mut builder = Builder::default();
    if line.len() > 1 {
        let last = line.len() - 1;
        let at = |u: f32| {
            let place = u * last as f32;
            let n = (place as usize).min(last - 1);
            let along = (line[n + 1] - line[n]).normalize_or(Vec3::NEG_Z);
            (line[n].lerp(line[n + 1], place - n as f32), along)
        };
        builder.patch(last as u32, SECTORS, |u, v| {
            let (middle, along) = at(u);
            let across = along.cross(Vec3::X).normalize_or(Vec3::Y);
            let (sin, cos) = (v * TAU).sin_cos();
            middle + (across * cos + along.cross(across) * sin) * radius_mm
        });
    }
    builder.build()
}

/// The threaded shank from entry to tip, and the bore in it where it has one.
pub fn shank(form: ShankForm) -> Mesh {
    let length = mm(form.length);
    let rows = (length / mm(form.pitch) * ROWS_PER_TURN).ceil().max(8.0) as u32;
    let mut builder = Builder::default();
    builder.patch(rows, SECTORS, |u, v| {
        let z = u * length;
        around(shank_radius(form, z, v), v, z)
    });
    if form.bore > 0 {
        // Seen from inside: it runs the other way.
        builder.patch(1, SECTORS, |u, v| around(mm(form.bore) / 2.0, v, (1.0 - u) * length));
    }
    builder.build()
}

/// Radius of the shank at depth `z` and fraction `turn` of a turn, mm. It ends in a point, or in the
/// rim of its bore.
fn shank_radius(form: ShankForm, z: f32, turn: f32) -> f32 {
    let phase = (z / mm(form.pitch) - turn).rem_euclid(1.0);
    // A crest narrower than the valley, as a bone thread has it.
    let crest = (1.0 - (phase - 0.5).abs() * 3.4).clamp(0.0, 1.0);
    let [core, outer, bore] = [form.core, form.diameter, form.bore].map(|size| mm(size) / 2.0);
    let to_tip = ((mm(form.length) - z) / TAPER_MM).clamp(0.0, 1.0);
    let taper = (to_tip * (2.0 - to_tip)).sqrt();
    ((core + (outer - core) * crest) * taper).max(bore)
}

/// The tulip that takes the rod: a ball seat and two walls with a slot between them. It stands in
/// line with the shank, however far it may swing.
pub fn head(form: HeadForm) -> Mesh {
    let (radius, height) = (mm(form.radius), mm(form.height));
    let seat_height = SEAT_PART * height;
    let mut builder = Builder::default();
    seat(&mut builder, radius, seat_height);
    for start in [0.06, 0.56] {
        wall(&mut builder, radius, [start, start + 0.38], [seat_height, height]);
    }
    builder.build()
}

/// The seat as a part of the head's height; the walls above it are the rest.
const SEAT_PART: f32 = 0.4;

/// From the neck at the entry out to the seat's rim, and closed on top.
fn seat(builder: &mut Builder, radius: f32, height: f32) {
    builder.patch(12, 32, |u, v| {
        // u runs from the top's middle over the rim down to the neck.
        let (r, z) = match u {
            u if u < 0.25 => (radius * u / 0.25, -height),
            u if u < 0.5 => (radius, -height + (u - 0.25) / 0.25 * height * 0.45),
            u => {
                let t = (u - 0.5) / 0.5;
                (radius * (1.0 - 0.55 * t * t), -height * 0.55 * (1.0 - t))
            }
        };
        around(r, v, z)
    });
}

/// One wall of the tulip between two fractions of a turn and two heights behind the entry: a closed
/// arch of thick shell.
fn wall(builder: &mut Builder, radius: f32, [from, to]: [f32; 2], heights: [f32; 2]) {
    let inner = radius * 0.62;
    let [low, high] = heights.map(|height| -height);
    let turn = |v: f32| from + (to - from) * v.clamp(0.0, 1.0);
    builder.patch(4, 12, |u, v| around(radius, turn(v), high + (low - high) * u));
    builder.patch(4, 12, |u, v| around(inner, turn(v), low + (high - low) * u));
    builder.patch(2, 12, |u, v| around(inner + (radius - inner) * u, turn(v), high));
    for (edge, flip) in [(from, false), (to, true)] {
        builder.patch(2, 2, |u, v| {
            let v = if flip { 1.0 - v.clamp(0.0, 1.0) } else { v.clamp(0.0, 1.0) };
            around(inner + (radius - inner) * v, edge, high + (low - high) * u)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::implant::{Catalogue, Use};

    const SIZE: ScrewSize = ScrewSize { diameter_mm: 6.5, length_mm: 45.0 };

    /// Widest and thinnest radius of a shank's middle, mm.
    fn extremes(form: ShankForm) -> [f32; 2] {
        let radii = (0..3000).map(|n| shank_radius(form, n as f32 * 0.01, 0.3));
        radii.fold([0.0, f32::MAX], |[most, least], r| [most.max(r), least.min(r)])
    }

    #[test]
    fn thread_and_core_are_the_kinds_own() {
        let catalogue = Catalogue::builtin().unwrap();
        for kind in &catalogue.kinds {
            let [most, least] = extremes(ShankForm::new(SIZE, kind));
            assert!(most <= 3.25 + 1e-6 && most > 3.24, "{}: {most}", kind.id);
            let core = kind.core_mm(SIZE.diameter_mm) as f32 / 2.0;
            assert!((least - core).abs() < 0.006, "{}: {least} {core}", kind.id);
        }
    }

    #[test]
    fn the_crests_stand_a_pitch_apart() {
        let catalogue = Catalogue::builtin().unwrap();
        let cortical = catalogue.kind(Use::Cortical, SIZE).unwrap();
        let form = ShankForm::new(SIZE, cortical);
        let is_crest = |n: &i32| {
            let at = |n: i32| shank_radius(form, n as f32 * 0.01, 0.3);
            at(*n) > at(n - 1) && at(*n) >= at(n + 1)
        };
        let crests: Vec<i32> = (1..3000).filter(is_crest).collect();
        let apart = f64::from(crests[crests.len() - 1] - crests[0]) / (crests.len() - 1) as f64;
        assert!((apart / 100.0 - cortical.pitch_mm).abs() < 0.01, "{apart}");
    }

    #[test]
    fn the_tip_is_a_point_or_the_rim_of_the_bore() {
        let catalogue = Catalogue::builtin().unwrap();
        let tip = |kind: &Kind| shank_radius(ShankForm::new(SIZE, kind), 45.0, 0.0);
        let solid = catalogue.kind(Use::Pedicle, SIZE).unwrap();
        assert!(tip(solid) < 1e-3);
        let bored = catalogue.kinds.iter().find(|kind| kind.cannulation_mm.is_some()).unwrap();
        assert!((f64::from(tip(bored)) - bored.cannulation_mm.unwrap() / 2.0).abs() < 1e-3);
    }
}
