//! The two cuts by which a surgeon judges a screw: one that holds its axis, one across it.
//!
//! In: the screw that is worked on, the CT (or labels alone), the window. Out: [`ScrewCuts`], two
//! images with the planes they lie in.

use super::slices::{self, ShownWindow};
use crate::app::closeup::Closeup;
use crate::app::jobs::ActiveCase;
use crate::case::spine::Spine;
use crate::plan::Screw;
use crate::volume::{Plane, Window};
use bevy::prelude::*;
use std::f64::consts::FRAC_PI_2;

/// Width of both cuts, mm.
const WIDTH_MM: f64 = 48.0;
/// Kept around the screw's ends in the cut along it, mm.
const ROOM_MM: f64 = 12.0;
/// Side of a pixel, mm.
const PIXEL_MM: f64 = 0.4;

/// How the cuts are laid.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CutWish {
    /// The cut along the screw stands upright in place of flat.
    pub is_upright: bool,
    /// Where the screw is cut across, mm from its entry; where least bone is left when `None`.
    pub depth_mm: Option<f64>,
}

/// One cut.
#[derive(Clone, Debug)]
pub struct ScrewCut {
    /// What is seen.
    pub image: Handle<Image>,
    /// Where it lies.
    pub plane: Plane,
}

/// The cuts of the screw that is worked on.
#[derive(Resource, Default)]
pub struct ScrewCuts {
    /// How they are laid.
    pub wish: CutWish,
    /// Along the screw and across it; `None` without a screw or without voxels.
    pub cuts: Option<[ScrewCut; 2]>,
    /// Where it is cut across, mm from the entry.
    pub depth_mm: f64,
    made_of: Option<(Screw, CutWish, Window)>,
}

/// Cuts anew what has changed.
pub fn cut_screw(
    case: Option<Res<ActiveCase>>,
    closeup: Res<Closeup>,
    window: Res<ShownWindow>,
    mut cuts: ResMut<ScrewCuts>,
    mut images: ResMut<Assets<Image>>,
) {
    let (Some(case), Some(screw)) = (case, &closeup.screw) else {
        if cuts.cuts.is_some() {
            (cuts.cuts, cuts.made_of) = (None, None);
        }
        return;
    };
    let is_same_screw = cuts.made_of.as_ref().is_some_and(|(made, ..)| made.id == screw.id);
    if !is_same_screw && cuts.wish.depth_mm.is_some() {
        cuts.wish.depth_mm = None;
    }
    let asked = (screw.clone(), cuts.wish, window.0);
    if cuts.made_of.as_ref() == Some(&asked) && !case.is_changed() {
        return;
    }
    let depth_mm = cuts.wish.depth_mm.unwrap_or_else(|| narrowest_mm(&closeup));
    let depth_mm = depth_mm.clamp(0.0, screw.length_mm);
    let planes = planes(screw, cuts.wish.is_upright, depth_mm);
    cuts.depth_mm = depth_mm;
    let mut old = cuts.cuts.take().into_iter().flatten();
    cuts.cuts = planes.and_then(|[along, across]| {
        let mut draw = |plane| draw(&case.spine, plane, window.0, old.next(), &mut images);
        Some([draw(along)?, draw(across)?])
    });
    cuts.made_of = Some(asked);
}

/// Depth at which least bone is left around the screw, its entry left out; its middle where that is
/// not known.
fn narrowest_mm(closeup: &Closeup) -> f64 {
    let profile = closeup.answer.as_ref().map(|answer| &answer.assessment.profile);
    let judged = profile.into_iter().flatten();
    let past_entry = judged.filter(|p| p.depth_mm >= crate::clearance::grade::ENTRY_ZONE_MM);
    let least = past_entry.min_by(|a, b| a.clearance_mm.total_cmp(&b.clearance_mm));
    let half = closeup.screw.as_ref().map_or(0.0, |screw| screw.length_mm / 2.0);
    least.map_or(half, |p| p.depth_mm)
}

fn planes(screw: &Screw, is_upright: bool, depth_mm: f64) -> Option<[Plane; 2]> {
    let pixels = |mm: f64| (mm / PIXEL_MM).round() as usize;
    let height = screw.length_mm + 2.0 * ROOM_MM;
    let middle = screw.entry.lerp(screw.tip(), 0.5);
    let turn = if is_upright { FRAC_PI_2 } else { 0.0 };
    let size = [WIDTH_MM, height];
    let along = Plane::along_screw(middle, screw.axis, turn, size, size.map(pixels))?;
    let (at, size) = (screw.entry + screw.axis * depth_mm, [WIDTH_MM; 2]);
    let across = Plane::across_screw(at, screw.axis, size, size.map(pixels))?;
    Some([along, across])
}

/// Draws a cut, into the image of the `old` one where that is as large.
fn draw(
    spine: &Spine,
    plane: Plane,
    window: Window,
    old: Option<ScrewCut>,
    images: &mut Assets<Image>,
) -> Option<ScrewCut> {
    let cut = slices::cut(spine, &plane)?;
    let fitting = old.filter(|old| old.plane.pixels() == plane.pixels());
    let image = match fitting {
        Some(old) => old.image,
        None => images.add(slices::blank(&plane)),
    };
    slices::shade(&cut, window, image.id(), images);
    Some(ScrewCut { image, plane })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::{Level, VertebraId};
    use crate::plan::{ScrewId, ScrewState, ScrewStyle};
    use crate::space::{Dir, Point, Side};

    #[test]
    fn both_cuts_hold_what_they_are_for() {
        let screw = Screw {
            id: ScrewId::random(),
            vertebra: VertebraId::of_label("test", 1),
            level: Level::L4,
            side: Side::Left,
            style: ScrewStyle::Pedicle,
            in_out_in: false,
            entry: Point::new(20.0, 40.0, 5.0),
            axis: Dir::new(-0.3, -1.0, 0.1).unit().expect("not zero"),
            diameter_mm: 6.0,
            length_mm: 40.0,
            author: "test".to_owned(),
            edited: jiff::Timestamp::UNIX_EPOCH,
            state: ScrewState::Reviewed,
            unknown: serde_json::Map::new(),
        };
        for is_upright in [false, true] {
            let [along, across] = planes(&screw, is_upright, 10.0).expect("planes");
            let (entry, off) = along.pixel(screw.entry);
            let (tip, off_tip) = along.pixel(screw.tip());
            assert!(off.abs() < 1e-9 && off_tip.abs() < 1e-9, "the axis lies in the cut");
            assert!(tip[1] > entry[1] && entry[1] > 0.0, "the entry is on top, within the picture");
            assert!(tip[1] < along.pixels()[1] as f64);
            assert!((across.away().dot(screw.axis) - 1.0).abs() < 1e-9);
            assert!(across.centre().distance(screw.entry + screw.axis * 10.0) < 1e-9);
        }
    }
}
