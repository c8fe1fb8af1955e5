//! The order of one frame, as system sets that the other rooms put their systems into.

use bevy::prelude::*;

/// The steps of a frame, in their order; all run in [`Update`].
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameSystems {
    /// Results of background work arrive.
    Jobs,
    /// Mouse, laser and hand become pointers.
    Pointer,
    /// Each pointer learns what it points at.
    Pick,
    /// Pointers and keys become drags and intents.
    Gesture,
    /// Intents become commands on the document.
    Document,
    /// Numbers are brought up to the document.
    Judge,
    /// Entities are brought up to the document and its numbers.
    Scene,
}

/// Puts the steps in their order.
pub fn plugin(app: &mut App) {
    use FrameSystems::*;
    app.configure_sets(Update, (Jobs, Pointer, Pick, Gesture, Document, Judge, Scene).chain());
}
