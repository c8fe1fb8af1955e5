//! The pedicles of S1, which close no ring: the ala goes on at the side without a border.
//!
//! In: the sacrum in the frame of S1, and its canal. Out: for each side where the pedicle passes
//! beside the canal, and its axis to the promontory.
//!
//! * Plane: across the vertebra's back, 4 mm behind the front wall of the canal, which is read in the
//!   midline 8 mm under the end plate.
//! * Medial border: where in that plane, on the way out of the canal, the bone above the tunnel of the
//!   first sacral nerve first is 8 mm thick.
//! * The isthmus lies 9.2 mm beside that (no lateral border says where; it is half of a usual pedicle),
//!   or in the middle of the bone where that ends sooner, or nearer by whole millimetres where no
//!   tunnel lies below.
//! * Lower border there: the roof of the tunnel by which the first sacral nerve leaves. Upper border:
//!   the top of the sacrum, but not above the end plate: what rises further is the facet. Height is the
//!   distance of the two along the vertebra's top; the isthmus lies half way.
//! * Axis: from the isthmus to the promontory, the front of the body 6.5 mm under its end plate, 5 mm
//!   to the same side of the midline: there the screws of both sides pass each other.
//!
//! Each of these is one place on the surface: no optimum is looked for that could jump between equals.
//! Width, which has no lateral end, is that of the bone across the axis to the end of the ala.

use super::Pedicle;
use super::canal::{Canal, calibre};
use super::outline::across;
use super::pedicle::{Line, described};
use super::solid::Solid;
use crate::space::Side;
use glam::DVec3;

/// The canal of S1 is wider than this from its middle, mm; a narrower hole is another one.
const LEAST_HALF_WIDTH_MM: f64 = 8.0;
/// The front wall of the canal is read this far under the end plate, mm.
const READ_UNDER_PLATE_MM: f64 = 8.0;
/// The plane of the isthmus lies this far behind the front wall of the canal, mm.
const BEHIND_FRONT_MM: f64 = 4.0;
/// The isthmus lies this far beside its medial border, mm: half of a usual pedicle of S1.
const BESIDE_MM: f64 = 9.2;
/// The axis meets the front of the body this far under the end plate and beside the midline, mm: room
/// for a screw of 8.5 mm under the plate and for another one from the other side.
const UNDER_PLATE_MM: f64 = 6.5;
const FROM_MIDLINE_MM: f64 = 5.0;
/// Bone thinner than this from above to below, mm, is a rim or a facet, not the bridge.
const LEAST_THICK_MM: f64 = 8.0;
/// The tunnel of the first sacral nerve has its roof no further than this below the middle of the body.
const MOST_BELOW_MM: f64 = 22.0;
/// A bridge narrower than this from side to side, mm, or lower than that, is a scrap of a label.
const LEAST_BRIDGE_MM: f64 = 4.0;
const LEAST_HEIGHT_MM: f64 = 12.0;
/// No wall of the canal is further from its middle, mm.
const MOST_CANAL_MM: f64 = 25.0;
/// Chords of the open section end here, mm.
const MOST_MM: f64 = 60.0;
/// The span is looked for this far to both sides of the isthmus, mm.
const MOST_SPAN_MM: f64 = 12.0;

/// The S1 pedicles of both sides, left first; a side without bone where it should be, or without a
/// tunnel below, is left out.
pub(super) fn find(solid: &Solid<'_>, canal: &Canal) -> Vec<Pedicle> {
    let Some(in_canal) = in_canal(solid, canal) else { return Vec::new() };
    let of_side = |side: Side| Some(Isthmus::beside(solid, in_canal, side)?.pedicle(solid, side));
    Side::BOTH.into_iter().filter_map(of_side).collect()
}

/// A place in the canal, in the midline, from where its front wall is read; `None` where what was found
/// is too narrow for the canal of S1, or is filled with bone there.
fn in_canal(solid: &Solid<'_>, canal: &Canal) -> Option<DVec3> {
    let height = plate_z(solid) - READ_UNDER_PLATE_MM;
    let start = || {
        let start = canal.at_height(solid.frame(), height).vec();
        solid.centred(start, &[DVec3::Y, DVec3::X], 20.0)
    };
    let middle = calibre(solid, canal, height).map_or_else(start, |c| c.centre);
    let in_midline = middle.with_x(0.0);
    let is_one = !solid.is_inside(in_midline) && canal.half_width_mm >= LEAST_HALF_WIDTH_MM;
    is_one.then_some(in_midline)
}

/// Height of the end plate over the middle of the body.
fn plate_z(solid: &Solid<'_>) -> f64 {
    solid.reach(DVec3::ZERO, DVec3::Z, MOST_MM)
}

/// Where a pedicle passes the canal, and its height there.
struct Isthmus {
    middle: DVec3,
    height_mm: f64,
}

impl Isthmus {
    fn beside(solid: &Solid<'_>, in_canal: DVec3, side: Side) -> Option<Self> {
        let out = DVec3::X * side.sign();
        let to_front = solid.reach(in_canal, -DVec3::Y, MOST_CANAL_MM);
        let in_plane = in_canal + DVec3::Y * (BEHIND_FRONT_MM - to_front);
        let [border, end] = bridge(solid, in_plane, out)?;
        let beside_mm = BESIDE_MM.min((end - border) / 2.0);
        let mut nearer = (0..=beside_mm as usize).map(|n| beside_mm - n as f64);
        nearer.find_map(|mm| Self::at(solid, in_plane + out * (border + mm)))
    }
    fn at(solid: &Solid<'_>, at: DVec3) -> Option<Self> {
        let [top, roof] = thick(solid, at)?;
        let height_mm = top - roof;
        let middle = at.with_z((top + roof) / 2.0);
        (roof > -MOST_BELOW_MM && height_mm >= LEAST_HEIGHT_MM)
            .then_some(Self { middle, height_mm })
    }
    fn pedicle(&self, solid: &Solid<'_>, side: Side) -> Pedicle {
        let Self { middle, height_mm } = *self;
        let height = plate_z(solid) - UNDER_PLATE_MM;
        let in_body = DVec3::new(FROM_MIDLINE_MM * side.sign(), 0.0, height);
        let promontory = in_body - DVec3::Y * solid.reach(in_body, -DVec3::Y, MOST_MM);
        let axis = (promontory - middle).normalize_or(-DVec3::Y);
        let [u, _] = across(axis);
        let reach = |d: DVec3| solid.reach(middle, d, MOST_MM);
        let width_mm = reach(u) + reach(-u);
        let span_mm = span(solid, middle, axis, -u * side.sign());
        let sizes_mm = [width_mm, height_mm, width_mm.min(height_mm)];
        described(solid, side, Line { middle, axis }, sizes_mm, span_mm)
    }
}

/// Where the bone beside the canal begins and ends to be as thick as the bridge, mm out from a place in
/// the canal; it is followed to twice the usual distance of the isthmus, and a scrap of a label nearer to
/// the canal is passed over. `None` where there is next to none.
fn bridge(solid: &Solid<'_>, from: DVec3, out: DVec3) -> Option<[f64; 2]> {
    const STEP_MM: f64 = 0.5;
    const HALVINGS: usize = 10;
    let bone = |mm: f64| thick(solid, from + out * mm);
    // Bone under the canal itself goes on downwards: that of the bridge has the tunnel under it.
    let is_bridge = |mm: f64| bone(mm).is_some_and(|[_, roof]| roof > -MOST_BELOW_MM);
    let steps = |mm: f64| (mm / STEP_MM) as usize;
    let end_of = |begin: usize| {
        let last = begin + steps(2.0 * BESIDE_MM) + 1;
        (begin..=last).find(|n| bone(*n as f64 * STEP_MM).is_none()).unwrap_or(last)
    };
    let begins = (1..=steps(MOST_CANAL_MM)).filter(|n| is_bridge(*n as f64 * STEP_MM));
    let mut runs = begins.map(|begin| [begin, end_of(begin)]);
    let [begin, end] = runs.find(|[begin, end]| end - begin >= steps(LEAST_BRIDGE_MM))?;
    let (mut air, mut border) = ((begin - 1) as f64 * STEP_MM, begin as f64 * STEP_MM);
    for _ in 0..HALVINGS {
        let middle = (air + border) / 2.0;
        if is_bridge(middle) { border = middle } else { air = middle }
    }
    Some([border, end as f64 * STEP_MM])
}

/// Top and bottom of the first thick bone that is met from the height of the end plate down.
fn thick(solid: &Solid<'_>, at: DVec3) -> Option<[f64; 2]> {
    /// So far past a surface a point is on the other side of it, mm.
    const PAST_MM: f64 = 0.05;
    let mut z = plate_z(solid);
    while z > -MOST_BELOW_MM {
        let down = |z: f64| z - solid.reach(at.with_z(z), -DVec3::Z, MOST_MM);
        let top = if solid.is_inside(at.with_z(z)) { z } else { down(z) };
        let bottom = down(top - PAST_MM);
        if top <= -MOST_BELOW_MM || top - bottom > LEAST_THICK_MM {
            return (top > -MOST_BELOW_MM).then_some([top, bottom]);
        }
        z = bottom - PAST_MM;
    }
    None
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
