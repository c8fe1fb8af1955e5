//! The foramina between two neighbours: how high the air is from pedicle to pedicle.

use super::VertebraAnatomy;
use super::alignment::follows;
use super::solid::Solid;
use crate::labels::Level;
use crate::space::{Patient, Point, Rigid, Side};
use crate::surface::Surface;
use glam::{DQuat, DVec3};
use serde::Serialize;

/// The foramen below one pedicle.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Foramen {
    /// The level above it.
    pub upper: Level,
    /// The level below it.
    pub lower: Level,
    /// The patient's side.
    pub side: Side,
    /// From bone to bone on the line between the isthmuses of the two pedicles.
    pub height_mm: f64,
    /// Middle between the two.
    #[serde(rename = "centre_lps_mm")]
    pub centre: Point<Patient>,
}

/// A vertebra of the column, cranial ones first.
pub type Neighbour<'a> = (Level, &'a VertebraAnatomy, &'a Surface);

/// The foramina of a column. Where a pedicle is missing, a level lies between two, or their bone
/// meets, there is none.
pub fn foramina(column: &[Neighbour<'_>]) -> Vec<Foramen> {
    let of_pair = |pair: &[Neighbour<'_>]| Side::BOTH.map(|side| between(&pair[0], &pair[1], side));
    column.windows(2).flat_map(of_pair).flatten().collect()
}

fn between(above: &Neighbour<'_>, below: &Neighbour<'_>, side: Side) -> Option<Foramen> {
    let [from, to] = [above, below].map(|v| v.1.pedicle(side).map(|pedicle| pedicle.isthmus));
    let (from, to) = (from?, to?);
    let apart_mm = from.distance(to);
    if !follows(above.0, below.0, apart_mm) {
        return None;
    }
    let begins_mm = bone_mm(above.2, from, to);
    let ends_mm = apart_mm - bone_mm(below.2, to, from);
    let centre = from.lerp(to, (begins_mm + ends_mm) / (2.0 * apart_mm));
    let height_mm = ends_mm - begins_mm;
    (height_mm > 0.0).then_some(Foramen { upper: above.0, lower: below.0, side, height_mm, centre })
}

/// How far bone goes on from one place towards another, mm.
fn bone_mm(surface: &Surface, from: Point<Patient>, to: Point<Patient>) -> f64 {
    let bone = Solid::new(surface, Rigid::new(DQuat::IDENTITY, DVec3::ZERO));
    let way = (to - from).vec();
    if !bone.is_inside(from.vec()) {
        0.0
    } else {
        bone.reach(from.vec(), way.normalize(), way.length())
    }
}
