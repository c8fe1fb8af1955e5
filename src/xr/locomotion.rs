//! How the patient comes to the surgeon: held by one hand, stretched by two, flown past, turned.
//!
//! In: closed hands and sticks. Out: [`Placement`] and the [`Rig`]'s transform. Nothing moves while
//! the hands are not ours, and a recentred room starts afresh.

use super::actions::Hand;
use super::comfort::Motion;
use super::config::Comfort;
use super::frame::{Eye, Hands, Rig};
use super::placement::{self, Placement, rigid};
use super::session::Recentred;
use super::sticks::StickSteps;
use super::tools::Tool;
use crate::app::jobs::{ActiveCase, CaseOpened};
use crate::scene::case::CaseRoot;
use crate::space::{Dir, Point, Rigid, Stage};
use bevy::prelude::*;

/// The frame of a closed hand.
#[derive(Clone, Copy, Debug)]
pub struct Palm;

/// What the hands held in the last frame.
#[derive(Resource, Default)]
pub struct Holding {
    palms: [Option<Rigid<Stage, Palm>>; 2],
}

impl Holding {
    /// True while a hand holds the patient.
    pub fn holds(&self, hand: Hand) -> bool {
        self.palms[hand.index()].is_some()
    }
}

/// A hand is closed from here on, and open again below the second.
const CLOSED: [f32; 2] = [0.6, 0.4];
/// Sticks at rest are never quite at rest.
pub(super) const DEAD_ZONE: f32 = 0.2;

/// A new case, or a recentred room, stands in front of the user.
pub(super) fn start_over(
    case: Option<Res<ActiveCase>>,
    mut placement: ResMut<Placement>,
    mut holding: ResMut<Holding>,
) {
    let Some(case) = case else { return };
    *placement = Placement::start(placement::middle(&case.spine));
    *holding = Holding::default();
}

/// Says in the log that the patient was put in front of the user, for whoever watches the terminal.
pub(super) fn say_where(
    mut opened: MessageReader<CaseOpened>,
    mut recentred: MessageReader<Recentred>,
) {
    if opened.read().last().is_some() {
        info!("The case is open; the spine stands in front of the user.");
    }
    if recentred.read().last().is_some() {
        info!("The room was recentred; the spine stands in front of the user again.");
    }
}

/// One hand carries, two hands stretch.
pub(super) fn hold(
    hands: Res<Hands>,
    mut holding: ResMut<Holding>,
    mut placement: ResMut<Placement>,
    mut motion: ResMut<Motion>,
) {
    let before = holding.palms;
    let now: [Option<Rigid<Stage, Palm>>; 2] = std::array::from_fn(|hand| {
        let threshold = if before[hand].is_some() { CLOSED[1] } else { CLOSED[0] };
        let pose = hands[hand].stage_from_grip.filter(|_| hands[hand].grab > threshold);
        pose.map(rigid)
    });
    holding.bypass_change_detection().palms = now;
    let pairs: [Option<_>; 2] = std::array::from_fn(|hand| before[hand].zip(now[hand]));
    match pairs {
        [Some(left), Some(right)] => {
            let origins = |pose: fn(&(Rigid<Stage, Palm>, Rigid<Stage, Palm>)) -> Point<Stage>| {
                [pose(&left), pose(&right)]
            };
            *placement = placement.stretched(origins(|p| p.0.origin()), origins(|p| p.1.origin()));
            motion.add_world_scaling();
        }
        // A hand that just closed beside the other one waits for the next frame.
        [Some((from, to)), None] | [None, Some((from, to))]
            if now.iter().flatten().count() == 1 =>
        {
            *placement = placement.held(from, to);
        }
        _ => {}
    }
}

/// The right stick flies along the hand's aim and turns in steps; not while it resizes a screw.
pub(super) fn push_stick(
    (hands, tool): (Res<Hands>, Res<Tool>),
    comfort: Res<ComfortPreset>,
    time: Res<Time>,
    eyes: Query<&Transform, With<Eye>>,
    mut placement: ResMut<Placement>,
    mut motion: ResMut<Motion>,
    mut steps: Local<StickSteps>,
) {
    if tool.hand() == Some(Hand::Right) {
        *steps = StickSteps::UNKNOWN;
        return;
    }
    let right = &hands[Hand::Right.index()];
    let push = right.stick.y;
    if push.abs() > DEAD_ZONE
        && let Some(aim) = right.stage_from_aim
    {
        let way = aim.rotation * Vec3::NEG_Z * push * comfort.0.fly_speed_m_per_s;
        *placement = placement.flown(Dir::from_vec((way * time.delta_secs()).as_dvec3()));
        motion.add_flight();
    }
    let [turns, _] = steps.update(right.stick);
    if turns != 0 {
        let count = eyes.iter().count().max(1) as f32;
        let head = eyes.iter().map(|eye| eye.translation).sum::<Vec3>() / count;
        let angle = -f64::from(turns) * f64::from(comfort.0.snap_turn_deg.to_radians());
        *placement = placement.snapped(angle, Point::from_vec(head.as_dvec3()));
    }
}

/// The preset in use.
#[derive(Resource)]
pub struct ComfortPreset(pub Comfort);

/// Stands the room where the placement says.
pub(super) fn place_rig(
    placement: Res<Placement>,
    root: Query<&GlobalTransform, With<CaseRoot>>,
    mut rig: Single<&mut Transform, With<Rig>>,
) {
    let Ok(root) = root.single() else { return };
    rig.set_if_neq(placement.world_from_stage(root.affine().as_daffine3()));
}
