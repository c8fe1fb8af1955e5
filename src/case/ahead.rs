//! What a hand will ask of a bone, asked before it comes.
//!
//! In: a spine. Out: nothing but warm fields. A distance field makes its parts, and a pedicle's walls are
//! followed, when a screw asks for them first; that takes milliseconds, and a moving hand would feel them.

use super::spine::{Spine, VertebraModel};
use crate::anatomy::Pedicle;
use crate::clearance::{ScrewShape, assess};
use crate::work::Later;

/// So far beside the middle of a pedicle a hand takes a screw as a rule, mm.
const ASIDE_MM: f64 = 5.0;
/// So far behind the isthmus such a screw enters, mm.
const BEHIND_MM: f64 = 20.0;
/// Thick and long: it asks for all that other ones do.
const DIAMETER_MM: f64 = 7.5;
const LENGTH_MM: f64 = 50.0;

/// Asks every bone of the spine, on the core's own threads; the caller goes on at once.
pub fn ask_ahead(spine: &Spine) {
    let vertebrae = spine.vertebrae.clone();
    // Nobody waits for the answers.
    drop(Later::on_pool(move || vertebrae.iter().for_each(|vertebra| ask(vertebra))));
}

/// Judges screws in the middle of each pedicle and beside it, and forgets the answers.
pub fn ask(vertebra: &VertebraModel) {
    for screw in vertebra.anatomy.pedicles.iter().flat_map(screws) {
        // What can not be judged has nothing to be made.
        let _forgotten = assess(&screw, &vertebra.field, &vertebra.anatomy);
    }
}

fn screws(pedicle: &Pedicle) -> [ScrewShape; 5] {
    let axis = pedicle.axis;
    let across = axis.any_perpendicular() * ASIDE_MM;
    let other = axis.cross(across);
    let none = across * 0.0;
    [none, across, -across, other, -other].map(|by| ScrewShape {
        entry: pedicle.isthmus + by - axis * BEHIND_MM,
        axis,
        length_mm: LENGTH_MM,
        diameter_mm: DIAMETER_MM,
    })
}
