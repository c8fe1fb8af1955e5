//! What the program read of the hands and of the head, written down whenever it changes: a test that waits for it knows
//! that the program has seen what a script did, however busy the machine is.

use super::{next, with};
use openxr::sys::{self, Handle as _, Result as XrResult};
use std::collections::HashMap;
use std::ffi::CStr;

/// Names of what was made, by handle, and what was written down last.
#[derive(Default)]
pub struct Inputs {
    /// Action by its handle.
    actions: HashMap<u64, String>,
    /// "HAND ACTION" by the handle of the space that was made of it.
    spaces: HashMap<u64, String>,
    last: HashMap<String, String>,
}

impl Inputs {
    /// From now on everything is news.
    pub fn forget(&mut self) {
        self.last.clear();
    }

    /// True when `value` is new.
    fn is_news(&mut self, what: &str, value: &str) -> bool {
        let last = self.last.insert(what.to_owned(), value.to_owned());
        last.as_deref() != Some(value)
    }
}

fn note(what: &str, value: &str) {
    with(|layer| {
        if layer.inputs.is_news(what, value) {
            layer.record(&format!("{what} {value}"));
        }
    });
}

pub unsafe extern "system" fn create_action(
    set: sys::ActionSet,
    info: *const sys::ActionCreateInfo,
    action: *mut sys::Action,
) -> XrResult {
    let Some(next) = next() else { return XrResult::ERROR_HANDLE_INVALID };
    // SAFETY: passes on what the caller gave; a name ends in a zero; on success the handle is written.
    unsafe {
        let result = (next.create_action)(set, info, action);
        if result == XrResult::SUCCESS {
            let name = CStr::from_ptr((*info).action_name.as_ptr()).to_string_lossy().into_owned();
            with(|layer| layer.inputs.actions.insert((*action).into_raw(), name));
        }
        result
    }
}

pub unsafe extern "system" fn create_action_space(
    session: sys::Session,
    info: *const sys::ActionSpaceCreateInfo,
    space: *mut sys::Space,
) -> XrResult {
    let Some(next) = next() else { return XrResult::ERROR_HANDLE_INVALID };
    // SAFETY: passes on what the caller gave; on success the handle is written.
    unsafe {
        let result = (next.create_action_space)(session, info, space);
        if result == XrResult::SUCCESS {
            let name = name_of((*info).action, (*info).subaction_path);
            with(|layer| layer.inputs.spaces.insert((*space).into_raw(), name));
        }
        result
    }
}

/// "HAND ACTION".
///
/// # Safety
/// The path is of the live instance.
unsafe fn name_of(action: sys::Action, hand: sys::Path) -> String {
    let Some(next) = next() else { return String::new() };
    // SAFETY: the caller's promise.
    let hand = unsafe { super::hand_of(hand, next) };
    let action = with(|layer| layer.inputs.actions.get(&action.into_raw()).cloned()).flatten();
    format!("{hand} {}", action.unwrap_or_default())
}

/// Writes down what an input was read as.
///
/// # Safety
/// `info` is what the caller of an `xrGetActionState...` gave.
pub unsafe fn note_state(info: *const sys::ActionStateGetInfo, value: &str) {
    // SAFETY: the caller's promise.
    let name = unsafe { name_of((*info).action, (*info).subaction_path) };
    note(&format!("input {name}"), value);
}

pub unsafe extern "system" fn locate_space(
    space: sys::Space,
    base: sys::Space,
    time: sys::Time,
    location: *mut sys::SpaceLocation,
) -> XrResult {
    let Some(next) = next() else { return XrResult::ERROR_HANDLE_INVALID };
    // SAFETY: passes on what the caller gave; on success the location is written.
    let result = unsafe { (next.locate_space)(space, base, time, location) };
    let name = with(|layer| layer.inputs.spaces.get(&space.into_raw()).cloned()).flatten();
    if let (XrResult::SUCCESS, Some(name)) = (result, name) {
        // SAFETY: as above.
        let location = unsafe { *location };
        let is_known = location.location_flags.contains(sys::SpaceLocationFlags::POSITION_VALID);
        let value = if is_known { pose(&location.pose) } else { String::new() };
        note(&format!("input {name}"), &value);
    }
    result
}

pub unsafe extern "system" fn locate_views(
    session: sys::Session,
    info: *const sys::ViewLocateInfo,
    state: *mut sys::ViewState,
    capacity: u32,
    count: *mut u32,
    views: *mut sys::View,
) -> XrResult {
    let Some(next) = next() else { return XrResult::ERROR_HANDLE_INVALID };
    // SAFETY: passes on what the caller gave; on success two views are written where two fit.
    unsafe {
        let result = (next.locate_views)(session, info, state, capacity, count, views);
        if result == XrResult::SUCCESS && capacity >= 2 && *count >= 2 {
            for (eye, name) in ["left", "right"].into_iter().enumerate() {
                note(&format!("eye {name}"), &pose(&(*views.add(eye)).pose));
            }
        }
        result
    }
}

/// Place, then quaternion x y z w, to a hundredth of a millimetre.
fn pose(pose: &sys::Posef) -> String {
    let (p, q) = (pose.position, pose.orientation);
    let words = [p.x, p.y, p.z, q.x, q.y, q.z, q.w].map(|value| format!("{value:.5}"));
    words.join(" ")
}
