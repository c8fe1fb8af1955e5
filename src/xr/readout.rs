//! Number and letter beside the hand: of the screw under way, else of the screw pointed at.

use super::frame::{Eye, Hands, Rig};
use super::hands::OfHand;
use super::tools::Tool;
use crate::app::history::{Document, Draft};
use crate::app::judge::Judgements;
use crate::clearance::Assessment;
use crate::interact::pick::Target;
use crate::interact::pointer::Aim;
use crate::scene::colour::{self, srgb};
use bevy::prelude::*;

/// Strokes beside a hand; they lie over everything, since they are what is read.
#[derive(Default, Reflect, GizmoConfigGroup)]
pub struct Readouts;

/// Height of a figure, m of the room.
const HEIGHT_M: f32 = 0.016;
/// Where the text stands, seen from the hand by the head: up, m of the room.
const ABOVE_M: f32 = 0.07;

/// Gives the strokes their look.
pub(super) fn set_up_readouts(mut store: ResMut<GizmoConfigStore>) {
    let (text, _) = store.config_mut::<Readouts>();
    text.line.width = 3.0;
    text.depth_bias = -1.0;
}

/// Writes the text of each hand.
pub(super) fn write_readouts(
    (hands, tool): (Res<Hands>, Res<Tool>),
    document: Option<Res<Document>>,
    (draft, judgements): (Res<Draft>, Res<Judgements>),
    aims: Query<(&OfHand, &Aim)>,
    eyes: Query<&GlobalTransform, With<Eye>>,
    rig: Single<&GlobalTransform, With<Rig>>,
    mut lines: Gizmos<Readouts>,
) {
    let (Some(document), Some(eye)) = (document, eyes.iter().next()) else { return };
    for (hand, aim) in &aims {
        let pointed = match aim.0.map(|hit| hit.target) {
            Some(Target::Screw(id, _)) => document.plan().screw(id),
            _ => None,
        };
        let under_way = draft.0.as_ref().filter(|_| tool.hand() == Some(hand.0));
        let numbers = match under_way {
            Some(draft) => draft.assessment.as_ref(),
            None => pointed.and_then(|screw| judgements.of(screw)),
        };
        let size = under_way.map(|d| &d.screw).or(pointed);
        let pose = hands[hand.0.index()].stage_from_aim;
        let (Some(numbers), Some(screw), Some(pose)) = (numbers, size, pose) else { continue };
        let at = rig.transform_point(Vec3::from(pose.translation));
        let room = rig.scale().x;
        let up = eye.rotation() * Vec3::Y * ABOVE_M * room;
        let facing = Isometry3d::new(at + up, eye.rotation());
        let colour = srgb(colour::of_grade(numbers.grade));
        lines.text(facing, &words(numbers), HEIGHT_M * room, Vec2::ZERO, colour);
        let below = eye.rotation() * Vec3::NEG_Y * HEIGHT_M * 1.5 * room;
        let size = format!(
            "{} {} {:.1} x {:.0}",
            screw.level, screw.side, screw.diameter_mm, screw.length_mm
        );
        let facing = Isometry3d::new(at + up + below, eye.rotation());
        lines.text(facing, &size, HEIGHT_M * 0.6 * room, Vec2::ZERO, srgb(colour::METAL));
    }
}

/// Clearance in millimetres and the letter.
fn words(numbers: &Assessment) -> String {
    format!("{:.1} mm  {:?}", numbers.clearance_mm, numbers.grade)
}
