//! The pedicles of S1, which close no ring: the ala goes on at the side without a border.
//!
//! In: the sacrum in the frame of S1, and its canal. Out: for each side the middle of the bridge
//! between canal and sacral foramen, above that foramen's roof, and the axis of the widest corridor
//! through it into the body.
//!
//! * Medial border: the side wall of the canal.
//! * Lower border: the roof of the tunnel by which the first sacral nerve leaves; its lateral end
//!   is that of the bridge.
//! * Upper border: the top of the sacrum there, but not above the end plate: what rises further is
//!   the facet.
//! * Axis: of all directions through the middle that lead forward and inwards, without crossing the
//!   midline, the one along which the thickest cylinder fits between the isthmus and the front of
//!   the body; of equally thick ones the longest, which leads towards the promontory.
//!
//! A sacrum that leans far back shows no tunnel from above: its front is met first. There the middle
//! is that of the thickest such corridor at a usual distance beside the canal.

use super::Pedicle;
use super::canal::Canal;
use super::outline::across;
use super::pedicle::{Line, described};
use super::solid::Solid;
use crate::space::Side;
use glam::DVec3;
use std::f64::consts::TAU;

/// The canal of S1 is wider than this from its middle, mm; a narrower hole is another one.
const LEAST_HALF_WIDTH_MM: f64 = 8.0;
/// The tunnel of the first sacral nerve begins beside the canal: it is looked for this far out, and
/// this far below the middle of the body of S1, mm.
const MOST_OUT_MM: u32 = 22;
const MOST_BELOW_MM: f64 = 22.0;
/// Thinner than this, mm, is a rim of bone, not the bridge.
const LEAST_THICK_MM: f64 = 8.0;
/// A bridge narrower than this was not read from a tunnel, mm.
const LEAST_BRIDGE_MM: f64 = 4.0;
/// Bone thinner than this, mm, is not the pedicle: labels that leave out the ala show such.
const LEAST_SIZE_MM: f64 = 12.0;
/// Where no tunnel shows the bridge's width, its middle is taken this far beside the canal, half of a
/// usual pedicle of S1 (clinical-numbers, section 3), and looked for in steps of this, mm.
const BESIDE_MM: f64 = 9.5;
const STEP_MM: f64 = 3.0;
/// Chords of the open section end here, mm.
const MOST_MM: f64 = 60.0;
/// The span is looked for this far to both sides of the isthmus, mm.
const MOST_SPAN_MM: f64 = 12.0;
/// Directions that are tried: towards the midline, and towards the head, as the promontory lies.
const CONVERGENCE_DEG: [i32; 2] = [10, 45];
const RISE_DEG: [i32; 2] = [0, 20];
/// The corridor is looked at from this far behind the isthmus to this far ahead at most, or to this
/// far behind the front of the body, mm.
const BEHIND_MM: f64 = 3.0;
const AHEAD_MM: f64 = 34.0;
const BEFORE_FRONT_MM: f64 = 8.0;
/// Wider than this is wide enough, mm.
const ROOM_MM: f64 = 15.0;

/// The S1 pedicle of one side; `None` when there is no bone where it should be, or no tunnel below.
pub(super) fn find(solid: &Solid<'_>, canal: &Canal, side: Side) -> Option<Pedicle> {
    let (in_canal, wall) = beside_canal(solid, canal, side)?;
    let led = |middle: DVec3| {
        let (room_mm, axis) = widest_corridor(solid, middle, side)?;
        Some((room_mm, Line { middle, axis }))
    };
    let above_tunnel = bridge(solid, in_canal, wall, side).and_then(led);
    let thickest =
        || beside(in_canal, wall, side).filter_map(led).max_by(|a, b| a.0.total_cmp(&b.0));
    let (_, Line { middle, axis }) = above_tunnel.or_else(thickest)?;
    let [u, v] = across(axis);
    let chord = |d: DVec3| solid.reach(middle, d, MOST_MM) + solid.reach(middle, -d, MOST_MM);
    let [width, height] = [chord(u), chord(v)];
    let least = width.min(height);
    if least < LEAST_SIZE_MM {
        return None;
    }
    let span_mm = span(solid, middle, axis, -u * side.sign());
    Some(described(solid, side, Line { middle, axis }, [width, height, least], span_mm))
}

/// The middle of the canal at the height of the body's, and its wall on one side.
fn beside_canal(solid: &Solid<'_>, canal: &Canal, side: Side) -> Option<(DVec3, DVec3)> {
    let out = DVec3::X * side.sign();
    let in_canal =
        solid.centred(canal.at_height(solid.frame(), 0.0).vec(), &[DVec3::Y, DVec3::X], 20.0);
    let is_one = !solid.is_inside(in_canal) && canal.half_width_mm >= LEAST_HALF_WIDTH_MM;
    is_one.then(|| (in_canal, in_canal + out * solid.reach(in_canal, out, 25.0)))
}

/// Where the middle may lie: a usual distance beside the canal, before its middle.
fn beside(in_canal: DVec3, wall: DVec3, side: Side) -> impl Iterator<Item = DVec3> {
    let x = wall.x + BESIDE_MM * side.sign();
    let heights = (0..5).map(|n| f64::from(n) * STEP_MM - STEP_MM);
    let steps = (0..6).map(move |n| in_canal.y - f64::from(n) * STEP_MM);
    steps.flat_map(move |y| heights.clone().map(move |z| DVec3::new(x, y, z)))
}

/// The middle of the bridge above the tunnel.
fn bridge(solid: &Solid<'_>, in_canal: DVec3, wall: DVec3, side: Side) -> Option<DVec3> {
    let out = DVec3::X * side.sign();
    let to_front = solid.reach(in_canal, -DVec3::Y, 25.0);
    let roofs: Vec<f64> =
        (1..=MOST_OUT_MM).map_while(|n| roof(solid, wall + out * f64::from(n), to_front)).collect();
    let width_mm = roofs.len() as f64;
    if width_mm < LEAST_BRIDGE_MM {
        return None;
    }
    let roof_z = roofs.iter().sum::<f64>() / width_mm;
    let above_roof = (wall + out * (width_mm / 2.0)).with_z(roof_z + 2.0);
    let plate_z = solid.reach(DVec3::ZERO, DVec3::Z, MOST_MM);
    let top_z = (above_roof.z + solid.reach(above_roof, DVec3::Z, MOST_MM)).min(plate_z);
    let centre = above_roof.with_z((roof_z + top_z) / 2.0);
    solid.is_inside(centre).then_some(centre)
}

/// Height of the tunnel's roof near `at`: of the places before and behind it at which the way down
/// from the top of the sacrum leaves bone again, the highest. `None` where there is none.
fn roof(solid: &Solid<'_>, at: DVec3, to_front: f64) -> Option<f64> {
    const STEP_MM: f64 = 2.0;
    const ABOVE_MM: f64 = 40.0;
    let first = -(to_front / STEP_MM) as i32 - 3;
    let exit = |n: i32| {
        let above = (at + DVec3::Y * (f64::from(n) * STEP_MM)).with_z(ABOVE_MM);
        let top = above.z - solid.reach(above, -DVec3::Z, ABOVE_MM + MOST_BELOW_MM);
        let inside = above.with_z(top - 0.2);
        let exit = inside.z - solid.reach(inside, -DVec3::Z, MOST_MM);
        (solid.is_inside(inside) && top - exit > LEAST_THICK_MM && exit > -MOST_BELOW_MM)
            .then_some(exit)
    };
    (first..=2).filter_map(exit).reduce(f64::max)
}

/// Of all directions tried, that of the thickest cylinder, and its room.
fn widest_corridor(solid: &Solid<'_>, middle: DVec3, side: Side) -> Option<(f64, DVec3)> {
    let direction = |[inwards, up]: [i32; 2]| {
        let (sin, cos) = f64::from(inwards).to_radians().sin_cos();
        DVec3::new(-side.sign() * sin, -cos, f64::from(up).to_radians().tan()).normalize()
    };
    let mut best: Option<(f64, [i32; 2])> = None;
    let mut consider = |deg: [i32; 2]| {
        let room = room(solid, middle, direction(deg), side);
        if best.is_none_or(|(held, _)| room > held) {
            best = Some((room, deg));
        }
    };
    for inwards in (CONVERGENCE_DEG[0]..=CONVERGENCE_DEG[1]).step_by(5) {
        for up in (RISE_DEG[0]..=RISE_DEG[1]).step_by(4) {
            consider([inwards, up]);
        }
    }
    best.filter(|(room, _)| *room > 0.0).map(|(room, deg)| (room, direction(deg)))
}

/// Least distance from the axis to the bone's surface along the corridor, mm, and a tenth of its
/// length, which tells apart what is equally thick; 0 for a corridor that crosses the midline.
fn room(solid: &Solid<'_>, middle: DVec3, axis: DVec3, side: Side) -> f64 {
    const RAYS: usize = 12;
    const STEP_MM: f64 = 2.5;
    let [u, v] = across(axis);
    let length = solid.reach(middle, axis, MOST_MM);
    let to_front = length - BEFORE_FRONT_MM;
    let steps = ((to_front.min(AHEAD_MM) + BEHIND_MM) / STEP_MM).max(0.0) as usize;
    let radius = |n: usize| {
        let at = middle + axis * (n as f64 * STEP_MM - BEHIND_MM);
        if !solid.is_inside(at) {
            return 0.0;
        }
        let ray = |n: usize| {
            let (sin, cos) = (TAU * n as f64 / RAYS as f64).sin_cos();
            solid.reach(at, u * cos + v * sin, ROOM_MM)
        };
        (0..RAYS).map(ray).fold(ROOM_MM, f64::min)
    };
    let radii: Vec<f64> = (0..=steps).map(radius).collect();
    let least = radii.iter().copied().fold(ROOM_MM, f64::min);
    let crosses = (middle + axis * length).x * side.sign() < 0.0;
    if steps < 4 || least <= 0.0 || crosses { 0.0 } else { least + 0.1 * length }
}

/// How far behind and ahead of the isthmus the canal's wall lies on the medial side.
fn span(solid: &Solid<'_>, isthmus: DVec3, axis: DVec3, medial: DVec3) -> [f64; 2] {
    const STEP_MM: f64 = 0.5;
    let is_walled = |t: f64| {
        let centre = isthmus + axis * t;
        solid.is_inside(centre) && solid.reach(centre, medial, MOST_MM) < centre.x.abs()
    };
    let end = |sense: f64| {
        let steps = (MOST_SPAN_MM / STEP_MM) as usize;
        let open = (1..=steps).find(|n| !is_walled(sense * *n as f64 * STEP_MM));
        sense * STEP_MM * (open.unwrap_or(steps + 1) - 1) as f64
    };
    [end(-1.0), end(1.0)]
}
