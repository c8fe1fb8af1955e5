//! Hands as data: what each hand holds down, where it is and where it points.
//!
//! In: the actions and profiles of `xr-config/`. Out: a [`HandInput`] per hand and frame, read on
//! the runtime's thread, and ticks sent to a hand. Nothing here knows what the inputs are for.

use super::config::{ActionKind, ActionsConfig};
use super::profiles::Profile;
use bevy::math::{Isometry3d, Quat, Vec2, Vec3};
use openxr::{Action, ActionSet, Binding, Haptic, Instance, Posef, Space, Time, Vector2f, Vulkan};
use std::collections::BTreeMap;

/// Left or right, also the index into every pair of hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hand {
    /// The left hand, index 0.
    Left,
    /// The right hand, index 1.
    Right,
}

impl Hand {
    /// Both, left first.
    pub const BOTH: [Self; 2] = [Self::Left, Self::Right];
    /// Index into every pair of hands.
    pub fn index(self) -> usize {
        self as usize
    }
    /// The other one.
    pub fn other(self) -> Self {
        Self::BOTH[1 - self.index()]
    }
}

/// What one hand does in one frame. All at rest and nowhere when the hand is not seen or the
/// program is not in front.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HandInput {
    /// How far the select input is pressed, 0 to 1.
    pub select: f32,
    /// How far the hand is closed, 0 to 1.
    pub grab: f32,
    /// Deflection of the stick: x to the right, y away from the user, −1 to 1.
    pub stick: Vec2,
    /// First button.
    pub primary: bool,
    /// Second button.
    pub secondary: bool,
    /// Menu button.
    pub menu: bool,
    /// Where the hand points, in the stage: −Z is the way it points. `None` while not tracked.
    pub stage_from_aim: Option<Isometry3d>,
    /// Where the hand holds, in the stage. `None` while not tracked.
    pub stage_from_grip: Option<Isometry3d>,
}

enum AnyAction {
    Amount(Action<f32>),
    Press(Action<bool>),
    Stick(Action<Vector2f>),
    Pose(Action<Posef>),
    Buzz(Action<Haptic>),
}

/// The action set of a session, attached, with a space per hand and pose.
pub struct Actions {
    set: ActionSet,
    actions: BTreeMap<String, AnyAction>,
    hands: [openxr::Path; 2],
    aim: [Option<Space>; 2],
    grip: [Option<Space>; 2],
}

impl Actions {
    /// Makes the actions, suggests every profile and attaches them. A profile that the runtime
    /// refuses is a warning, not the end.
    pub fn attach(
        session: &openxr::Session<Vulkan>,
        config: &ActionsConfig,
        profiles: &[Profile],
        warnings: &mut Vec<String>,
    ) -> openxr::Result<Self> {
        let instance = session.instance();
        let hands = [
            instance.string_to_path("/user/hand/left")?,
            instance.string_to_path("/user/hand/right")?,
        ];
        let set = instance.create_action_set(&config.name, &config.shown, 0)?;
        let mut actions = BTreeMap::new();
        for action in &config.actions {
            let made = make(&set, action.kind, &action.name, &action.shown, &hands)?;
            actions.insert(action.name.clone(), made);
        }
        for profile in profiles {
            if let Err(cause) = suggest(instance, profile, &actions) {
                warnings.push(format!(
                    "The runtime does not take the controller profile {}: {cause}.",
                    profile.path
                ));
            }
        }
        session.attach_action_sets(&[&set])?;
        let space = |name: &str, hand: openxr::Path| match actions.get(name) {
            Some(AnyAction::Pose(a)) => a.create_space(session, hand, Posef::IDENTITY).map(Some),
            _ => Ok(None),
        };
        let aim = [space("aim_pose", hands[0])?, space("aim_pose", hands[1])?];
        let grip = [space("grip_pose", hands[0])?, space("grip_pose", hands[1])?];
        Ok(Self { set, actions, hands, aim, grip })
    }

    /// Both hands as they are expected at `time`, in the space `stage`.
    pub fn read(
        &self,
        session: &openxr::Session<Vulkan>,
        stage: &Space,
        time: Time,
    ) -> openxr::Result<[HandInput; 2]> {
        session.sync_actions(&[openxr::ActiveActionSet::new(&self.set)])?;
        Ok([self.read_hand(session, 0, stage, time)?, self.read_hand(session, 1, stage, time)?])
    }

    fn read_hand(
        &self,
        session: &openxr::Session<Vulkan>,
        index: usize,
        stage: &Space,
        time: Time,
    ) -> openxr::Result<HandInput> {
        let path = self.hands[index];
        let amount = |name: &str| match self.actions.get(name) {
            Some(AnyAction::Amount(a)) => a.state(session, path).map(|s| s.current_state),
            _ => Ok(0.0),
        };
        let press = |name: &str| match self.actions.get(name) {
            Some(AnyAction::Press(a)) => a.state(session, path).map(|s| s.current_state),
            _ => Ok(false),
        };
        let stick = match self.actions.get("stick") {
            Some(AnyAction::Stick(a)) => a.state(session, path)?.current_state,
            _ => Vector2f::default(),
        };
        // Where one pad carries both buttons, its near half is the first, its far half the second.
        let pad_y = match self.actions.get("pad") {
            Some(AnyAction::Stick(a)) => {
                let state = a.state(session, path)?;
                state.is_active.then_some(state.current_state.y)
            }
            _ => None,
        };
        // Unbound, as with every controller, counts as ready.
        let is_ready = |name: &str| match self.actions.get(name) {
            Some(AnyAction::Press(a)) => {
                a.state(session, path).map(|s| s.current_state || !s.is_active)
            }
            _ => Ok(true),
        };
        let amount_if = |is_ready: bool, name: &str| {
            if is_ready { amount(name) } else { Ok(0.0) }
        };
        Ok(HandInput {
            select: amount_if(is_ready("select_ready")?, "select")?,
            grab: amount_if(is_ready("grab_ready")?, "grab")?,
            stick: Vec2::new(stick.x, stick.y),
            primary: press("primary")? && pad_y.is_none_or(|y| y < 0.0),
            secondary: press("secondary")? && pad_y.is_none_or(|y| y >= 0.0),
            menu: press("menu")?,
            stage_from_aim: locate(self.aim[index].as_ref(), stage, time)?,
            stage_from_grip: locate(self.grip[index].as_ref(), stage, time)?,
        })
    }

    /// One vibration of a hand. Silent where the hand has no motor.
    pub fn buzz(
        &self,
        session: &openxr::Session<Vulkan>,
        hand: Hand,
        amplitude: f32,
        seconds: f32,
    ) -> openxr::Result<()> {
        let Some(AnyAction::Buzz(action)) = self.actions.get("haptic") else { return Ok(()) };
        let nanoseconds = (f64::from(seconds) * 1e9) as i64;
        let vibration = openxr::HapticVibration::new()
            .amplitude(amplitude.clamp(0.0, 1.0))
            .duration(openxr::Duration::from_nanos(nanoseconds));
        action.apply_feedback(session, self.hands[hand.index()], &vibration)
    }

    /// The profile path of the controller in each hand, `None` for an empty hand.
    pub fn controllers(
        &self,
        session: &openxr::Session<Vulkan>,
    ) -> openxr::Result<[Option<String>; 2]> {
        let of = |hand| {
            let path = session.current_interaction_profile(hand)?;
            if path == openxr::Path::NULL {
                return Ok(None);
            }
            session.instance().path_to_string(path).map(Some)
        };
        Ok([of(self.hands[0])?, of(self.hands[1])?])
    }
}

fn make(
    set: &ActionSet,
    kind: ActionKind,
    name: &str,
    shown: &str,
    hands: &[openxr::Path],
) -> openxr::Result<AnyAction> {
    Ok(match kind {
        ActionKind::Amount => AnyAction::Amount(set.create_action(name, shown, hands)?),
        ActionKind::Press => AnyAction::Press(set.create_action(name, shown, hands)?),
        ActionKind::Stick => AnyAction::Stick(set.create_action(name, shown, hands)?),
        ActionKind::Pose => AnyAction::Pose(set.create_action(name, shown, hands)?),
        ActionKind::Buzz => AnyAction::Buzz(set.create_action(name, shown, hands)?),
    })
}

fn suggest(
    instance: &Instance,
    profile: &Profile,
    actions: &BTreeMap<String, AnyAction>,
) -> openxr::Result<()> {
    let mut bindings = Vec::new();
    for (name, path) in profile.bindings() {
        let Some(action) = actions.get(name) else { continue };
        let path = instance.string_to_path(&path)?;
        bindings.push(match action {
            AnyAction::Amount(a) => Binding::new(a, path),
            AnyAction::Press(a) => Binding::new(a, path),
            AnyAction::Stick(a) => Binding::new(a, path),
            AnyAction::Pose(a) => Binding::new(a, path),
            AnyAction::Buzz(a) => Binding::new(a, path),
        });
    }
    let profile = instance.string_to_path(&profile.path)?;
    instance.suggest_interaction_profile_bindings(profile, &bindings)
}

fn locate(space: Option<&Space>, stage: &Space, time: Time) -> openxr::Result<Option<Isometry3d>> {
    use openxr::SpaceLocationFlags as Flags;
    let Some(space) = space else { return Ok(None) };
    let found = space.locate(stage, time)?;
    let known = Flags::ORIENTATION_VALID | Flags::POSITION_VALID | Flags::POSITION_TRACKED;
    Ok(found.location_flags.contains(known).then(|| isometry(found.pose)))
}

/// An OpenXR pose as Bevy's type; both are right-handed, Y up, −Z forward, metres.
pub fn isometry(pose: Posef) -> Isometry3d {
    let (p, q) = (pose.position, pose.orientation);
    Isometry3d::new(Vec3::new(p.x, p.y, p.z), Quat::from_xyzw(q.x, q.y, q.z, q.w).normalize())
}
