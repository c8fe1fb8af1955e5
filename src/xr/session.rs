//! What became of the headset, as data: in front, out of sight, stalled, lost, ended.
//!
//! In: answers of the runtime's thread. Out: [`XrStatus`], which every panel may read, and the
//! messages [`Recentred`] and [`ControllersChanged`]. Editing in the headset is allowed only while
//! [`hands_are_ours`].

use super::line::{Attention, News};
use crate::app::history::{StatusLine, Tone};
use bevy::prelude::*;

/// The state of the headset. Present whenever the XR plugin is.
#[derive(Resource, Clone, Debug, PartialEq, Eq)]
pub enum XrStatus {
    /// There is none; the sentence says why and what to do.
    Absent(String),
    /// A session exists and is answered.
    Running(Attention),
    /// The runtime is silent. The desk goes on; the headset comes back when it answers.
    Stalled,
    /// The runtime died; the reason in its own words. The desk goes on.
    Lost(String),
    /// The session was ended from the headset. The desk goes on.
    Ended,
}

impl XrStatus {
    /// The state in one sentence for the person at the desk.
    pub fn sentence(&self) -> String {
        match self {
            Self::Absent(why) => why.clone(),
            Self::Running(Attention::Focused) => "The headset is in use.".into(),
            Self::Running(Attention::Seen) => {
                "The headset shows its own menu; editing waits until it is closed.".into()
            }
            Self::Running(Attention::Hidden) => "The headset waits to be put on.".into(),
            Self::Stalled => {
                "The headset's runtime does not answer; every finished edit is saved, and planning \
                 goes on here at the desk until it does."
                    .into()
            }
            Self::Lost(why) => format!(
                "The headset's runtime is gone ({why}); every finished edit is saved, and planning \
                 goes on here at the desk. Start Corridor again to enter the headset again."
            ),
            Self::Ended => "The headset session was closed; planning goes on here at the desk. \
                            Start Corridor again to enter the headset again."
                .into(),
        }
    }

    /// True while the headset shows the program, focused or not.
    pub fn is_immersed(&self) -> bool {
        matches!(self, Self::Running(attention) if *attention > Attention::Hidden)
    }

    /// True while the program is in front and the hands belong to it.
    pub fn is_focused(&self) -> bool {
        *self == Self::Running(Attention::Focused)
    }

    /// True when no frame will ever come again in this run of the program.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Absent(_) | Self::Lost(_) | Self::Ended)
    }
}

/// The middle of the room was moved by its user or the runtime.
#[derive(Message, Clone, Copy, Debug)]
pub struct Recentred;

/// The controllers in the two hands changed; profile paths, left first.
#[derive(Message, Clone, Debug)]
pub struct ControllersChanged(pub [Option<String>; 2]);

/// A run condition: the program is in front and the hands belong to it.
pub fn hands_are_ours(status: Option<Res<XrStatus>>) -> bool {
    status.is_some_and(|s| s.is_focused())
}

/// Sets the status and says it in the log when it is another one; and on the desk when the headset
/// is gone or back, since whoever takes it off looks there.
pub(super) fn enter(world: &mut World, status: XrStatus) {
    let before = world.get_resource::<XrStatus>().cloned();
    if before.as_ref() == Some(&status) {
        return;
    }
    let is_out = |status: &XrStatus| status.is_over() || *status == XrStatus::Stalled;
    let (sentence, is_gone) = (status.sentence(), is_out(&status));
    let tone = if is_gone { Tone::Warning } else { Tone::Done };
    if is_gone {
        warn!("{sentence}");
    } else {
        info!("{sentence}");
    }
    if (is_gone || before.as_ref().is_some_and(is_out))
        && let Some(mut line) = world.get_resource_mut::<StatusLine>()
    {
        line.say(tone, sentence);
    }
    world.insert_resource(status);
}

/// Passes on what happened in the runtime. States that it only passed through are not told.
pub(super) fn tell(world: &mut World, news: Vec<News>) {
    let is_state = |item: &News| matches!(item, News::Attention(_));
    let last_state = news.iter().rposition(is_state);
    for (index, item) in news.into_iter().enumerate() {
        match item {
            News::Attention(_) if Some(index) != last_state => {}
            News::Attention(attention) => enter(world, XrStatus::Running(attention)),
            News::Ended => enter(world, XrStatus::Ended),
            News::Recentred => {
                world.write_message(Recentred);
            }
            News::Controllers(controllers) => {
                info!("controllers: {controllers:?}");
                world.write_message(ControllersChanged(controllers));
            }
        }
    }
}
