//! The shape of a screw: a threaded shank and a tulip head, made for any diameter and length.
//!
//! Millimetres, in the screw's own frame: the axis is +z, the entry at z = 0, the tip at the
//! length, the head behind the entry at negative z. The thread's crest is the outer diameter by
//! which the screw is judged; what is drawn never reaches past it.

use bevy::asset::RenderAssetUsages;
use bevy::mesh::{Indices, PrimitiveTopology};
use bevy::prelude::*;
use std::f32::consts::TAU;

/// Distance from one turn of the thread to the next, mm.
const PITCH_MM: f32 = 2.8;
/// Rows of the shank per turn of the thread.
const ROWS_PER_TURN: f32 = 8.0;
/// Corners around the shank.
const SECTORS: u32 = 28;
/// Depth of the thread as a share of the outer radius.
const THREAD_DEPTH: f32 = 0.27;
/// Length over which the tip narrows, mm.
const TAPER_MM: f32 = 8.0;

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

/// The threaded shank from entry to tip.
pub fn shank(diameter_mm: f32, length_mm: f32) -> Mesh {
    let outer = diameter_mm / 2.0;
    let rows = (length_mm / PITCH_MM * ROWS_PER_TURN).ceil().max(8.0) as u32;
    let mut builder = Builder::default();
    builder.patch(rows, SECTORS, |u, v| {
        let z = u * length_mm;
        around(shank_radius(outer, length_mm, z, v), v, z)
    });
    builder.build()
}

/// Radius of the shank at depth `z` and fraction `turn` of a turn.
fn shank_radius(outer: f32, length: f32, z: f32, turn: f32) -> f32 {
    let phase = (z / PITCH_MM - turn).rem_euclid(1.0);
    // A crest narrower than the valley, as a bone thread has it.
    let crest = (1.0 - (phase - 0.5).abs() * 3.4).clamp(0.0, 1.0);
    let core = outer * (1.0 - THREAD_DEPTH);
    let to_tip = ((length - z) / TAPER_MM).clamp(0.0, 1.0);
    let taper = (to_tip * (2.0 - to_tip)).sqrt();
    (core + (outer - core) * crest) * taper
}

/// The tulip that takes the rod: a ball seat and two walls with a slot between them.
pub fn head(diameter_mm: f32) -> Mesh {
    let radius = (diameter_mm * 0.95).clamp(5.0, 7.0);
    let mut builder = Builder::default();
    seat(&mut builder, radius);
    for start in [0.06, 0.56] {
        wall(&mut builder, radius, start, start + 0.38);
    }
    builder.build()
}

/// Height of the seat and of the walls above it, mm.
const SEAT_MM: f32 = 6.0;
const WALL_MM: f32 = 9.0;

/// From the neck at the entry out to the seat's rim, and closed on top.
fn seat(builder: &mut Builder, radius: f32) {
    builder.patch(12, 32, |u, v| {
        // u runs from the top's middle over the rim down to the neck.
        let (r, z) = match u {
            u if u < 0.25 => (radius * u / 0.25, -SEAT_MM),
            u if u < 0.5 => (radius, -SEAT_MM + (u - 0.25) / 0.25 * SEAT_MM * 0.45),
            u => {
                let t = (u - 0.5) / 0.5;
                (radius * (1.0 - 0.55 * t * t), -SEAT_MM * 0.55 * (1.0 - t))
            }
        };
        around(r, v, z)
    });
}

/// One wall of the tulip between two fractions of a turn: a closed arch of thick shell.
fn wall(builder: &mut Builder, radius: f32, from: f32, to: f32) {
    let inner = radius * 0.62;
    let (low, high) = (-SEAT_MM, -SEAT_MM - WALL_MM);
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

    #[test]
    fn the_thread_reaches_the_judged_diameter_and_never_past_it() {
        let mut widest = 0.0_f32;
        for z in 0..4000 {
            let r = shank_radius(3.25, 45.0, z as f32 * 0.01, 0.3);
            assert!(r <= 3.25 + 1e-6);
            widest = widest.max(r);
        }
        assert!(widest > 3.24);
        assert!(shank_radius(3.25, 45.0, 45.0, 0.0) < 1e-3, "the tip is a point");
    }
}
