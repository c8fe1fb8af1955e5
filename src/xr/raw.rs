//! All `unsafe` code of the program, each block with the reason why it is sound.

#![allow(unsafe_code, reason = "the one place where foreign functions are entered")]

use bevy_mod_openxr::resources::{
    OxrFrameStream, OxrFrameWaiter, OxrInstance, SessionGraphicsCreateInfo,
};
use bevy_mod_openxr::session::{OxrSession, OxrSessionCreateNextChain};
use bevy_mod_openxr::types::Result as OxrResult;
use std::path::Path;

/// Opens the OpenXR loader found under this name by the system's library search.
pub fn load_entry(name: &Path) -> Result<openxr::Entry, openxr::LoadError> {
    // SAFETY: the names asked for are those of the Khronos loader alone, whose entry points have
    // the signatures of the OpenXR specification; its library constructors have no requirements.
    unsafe { openxr::Entry::load_from(name) }
}

/// Starts a session on the graphics device that `info` names.
pub fn create_session(
    instance: &OxrInstance,
    system: openxr::SystemId,
    info: SessionGraphicsCreateInfo,
) -> OxrResult<(OxrSession, OxrFrameWaiter, OxrFrameStream)> {
    let mut chain = OxrSessionCreateNextChain::default();
    // SAFETY: `info` comes from `OxrInstance::init_graphics` of this same instance and the device
    // in it is alive: the caller still holds the wgpu device made with it.
    unsafe { instance.create_session(system, info, &mut chain) }
}
