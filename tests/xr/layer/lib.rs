//! An OpenXR API layer of the tests. It stands between the program and the runtime, where it writes down what the
//! runtime swallows (ticks in the hand, states, frames) and makes happen what the runtime will not by itself (focus
//! lost, the room recentred, a see-through headset).
//!
//! In: the folder that the variable `CORRIDOR_TEST_LAYER` names; each line that a test appends to its file `commands`
//! is carried out once, at the next poll for events. Out: lines in its file `record`.
//!
//! Commands: `focus-lost`, `focus-back`, `recentre X Y Z` (metres, where the new origin lies in the old space).
//! Records: `haptic HAND AMPLITUDE MILLISECONDS`, `state NAME`, `done COMMAND`, `frames COUNT`, `blend MODE`, and of
//! what the program reads, whenever it changes: `input HAND ACTION VALUE...`, `eye SIDE POSE` (`inputs.rs`).
//! With `CORRIDOR_TEST_LAYER_ALPHA_BLEND` set the runtime seems to offer ALPHA_BLEND; it is handed on as OPAQUE.
#![allow(
    unsafe_code,
    reason = "an API layer is C functions and pointers, by the standard's interface"
)]
#![allow(non_snake_case, reason = "the loader looks for this exact name")]

mod inputs;

use inputs::Inputs;
use openxr::sys::{self, Handle as _, Result as XrResult, pfn};
use std::ffi::{CStr, c_char};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;

/// The functions below this layer, and what is going on.
struct Layer {
    folder: PathBuf,
    adds_alpha_blend: bool,
    commands_done: usize,
    has_focus: bool,
    session: sys::Session,
    frames: u64,
    blend: Option<sys::EnvironmentBlendMode>,
    inputs: Inputs,
    next: Next,
}

/// The next layer's or the runtime's own functions.
#[derive(Clone, Copy)]
struct Next {
    instance: sys::Instance,
    proc_addr: pfn::GetInstanceProcAddr,
    poll_event: pfn::PollEvent,
    sync_actions: pfn::SyncActions,
    haptic: pfn::ApplyHapticFeedback,
    blend_modes: pfn::EnumerateEnvironmentBlendModes,
    end_frame: pfn::EndFrame,
    path_to_string: pfn::PathToString,
    state_float: pfn::GetActionStateFloat,
    state_boolean: pfn::GetActionStateBoolean,
    state_vector: pfn::GetActionStateVector2f,
    state_pose: pfn::GetActionStatePose,
    create_action: pfn::CreateAction,
    create_action_space: pfn::CreateActionSpace,
    locate_space: pfn::LocateSpace,
    locate_views: pfn::LocateViews,
}

static LAYER: Mutex<Option<Layer>> = Mutex::new(None);

/// Runs `f` on the layer of the one instance that exists; `None` before it does.
fn with<T>(f: impl FnOnce(&mut Layer) -> T) -> Option<T> {
    LAYER.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).as_mut().map(f)
}

fn next() -> Option<Next> {
    with(|layer| layer.next)
}

impl Layer {
    fn record(&self, line: &str) {
        let file = OpenOptions::new().create(true).append(true).open(self.folder.join("record"));
        // A test that waits for the line will say that it never came.
        if let Ok(mut file) = file {
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
    }

    /// The next command that a test wrote completely, if there is one.
    fn take_command(&mut self) -> Option<String> {
        let text = std::fs::read_to_string(self.folder.join("commands")).ok()?;
        let line =
            text.split_inclusive('\n').nth(self.commands_done).filter(|l| l.ends_with('\n'))?;
        self.commands_done += 1;
        Some(line.trim().to_owned())
    }
}

// --- the loader's side --------------------------------------------------------------------------

/// What the loader calls first.
///
/// # Safety
/// Called by the OpenXR loader with pointers that it owns, as its layer interface says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn xrNegotiateLoaderApiLayerInterface(
    _loader: *const sys::NegotiateLoaderInfo,
    _name: *const c_char,
    request: *mut sys::NegotiateApiLayerRequest,
) -> XrResult {
    // SAFETY: the loader passes a valid request for this call, or null.
    let Some(request) = (unsafe { request.as_mut() }) else {
        return XrResult::ERROR_INITIALIZATION_FAILED;
    };
    request.layer_interface_version = 1;
    request.layer_api_version = openxr::Version::new(1, 0, 34);
    request.get_instance_proc_addr = Some(get_instance_proc_addr);
    request.create_api_layer_instance = Some(create_instance);
    XrResult::SUCCESS
}

unsafe extern "system" fn create_instance(
    info: *const sys::InstanceCreateInfo,
    layer_info: *const sys::ApiLayerCreateInfo,
    instance: *mut sys::Instance,
) -> XrResult {
    // SAFETY: the loader passes a valid chain; its first element describes what lies below this layer.
    let below = unsafe { layer_info.as_ref().and_then(|i| i.next_info.as_ref()) };
    let Some((below, layer_info)) = below.zip(unsafe { layer_info.as_ref() }) else {
        return XrResult::ERROR_INITIALIZATION_FAILED;
    };
    let (Some(create), Some(proc_addr)) =
        (below.next_create_api_layer_instance, below.next_get_instance_proc_addr)
    else {
        return XrResult::ERROR_INITIALIZATION_FAILED;
    };
    let mut rest = *layer_info;
    rest.next_info = below.next;
    // SAFETY: both pointers are the caller's own, `rest` outlives the call.
    let result = unsafe { create(info, &rest, instance) };
    if result.into_raw() < 0 {
        return result;
    }
    // SAFETY: the call succeeded, so the handle is written.
    match unsafe { look_up_all(proc_addr, *instance) } {
        Some(next) => remember(next),
        None => return XrResult::ERROR_INITIALIZATION_FAILED,
    }
    result
}

fn remember(next: Next) {
    let folder = std::env::var_os("CORRIDOR_TEST_LAYER").map(PathBuf::from).unwrap_or_default();
    let layer = Layer {
        folder,
        adds_alpha_blend: std::env::var_os("CORRIDOR_TEST_LAYER_ALPHA_BLEND").is_some(),
        commands_done: 0,
        has_focus: true,
        session: sys::Session::NULL,
        frames: 0,
        blend: None,
        inputs: Inputs::default(),
        next,
    };
    *LAYER.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(layer);
}

/// # Safety
/// `instance` is alive and `proc_addr` belongs to it.
unsafe fn look_up_all(
    proc_addr: pfn::GetInstanceProcAddr,
    instance: sys::Instance,
) -> Option<Next> {
    let look_up = |name: &CStr| {
        let mut function = None;
        // SAFETY: the caller's promise; the name ends in a zero.
        let result = unsafe { proc_addr(instance, name.as_ptr(), &mut function) };
        function.filter(|_| result == XrResult::SUCCESS)
    };
    macro_rules! below {
        ($name:literal, $signature:ty) => {
            // SAFETY: the standard fixes the signature of this name.
            unsafe { std::mem::transmute::<pfn::VoidFunction, $signature>(look_up($name)?) }
        };
    }
    Some(Next {
        instance,
        proc_addr,
        poll_event: below!(c"xrPollEvent", pfn::PollEvent),
        sync_actions: below!(c"xrSyncActions", pfn::SyncActions),
        haptic: below!(c"xrApplyHapticFeedback", pfn::ApplyHapticFeedback),
        blend_modes: below!(
            c"xrEnumerateEnvironmentBlendModes",
            pfn::EnumerateEnvironmentBlendModes
        ),
        end_frame: below!(c"xrEndFrame", pfn::EndFrame),
        path_to_string: below!(c"xrPathToString", pfn::PathToString),
        state_float: below!(c"xrGetActionStateFloat", pfn::GetActionStateFloat),
        state_boolean: below!(c"xrGetActionStateBoolean", pfn::GetActionStateBoolean),
        state_vector: below!(c"xrGetActionStateVector2f", pfn::GetActionStateVector2f),
        state_pose: below!(c"xrGetActionStatePose", pfn::GetActionStatePose),
        create_action: below!(c"xrCreateAction", pfn::CreateAction),
        create_action_space: below!(c"xrCreateActionSpace", pfn::CreateActionSpace),
        locate_space: below!(c"xrLocateSpace", pfn::LocateSpace),
        locate_views: below!(c"xrLocateViews", pfn::LocateViews),
    })
}

/// A function of ours as the loader wants it.
macro_rules! ours {
    ($function:expr, $signature:ty) => {
        // SAFETY: the loader turns it back into the signature that the standard fixes for its name.
        Some(unsafe { std::mem::transmute::<$signature, pfn::VoidFunction>($function) })
    };
}

unsafe extern "system" fn get_instance_proc_addr(
    instance: sys::Instance,
    name: *const c_char,
    function: *mut Option<pfn::VoidFunction>,
) -> XrResult {
    // SAFETY: the caller passes a name that ends in a zero.
    let ours: Option<pfn::VoidFunction> = match unsafe { CStr::from_ptr(name) }.to_bytes() {
        b"xrGetInstanceProcAddr" => ours!(get_instance_proc_addr, pfn::GetInstanceProcAddr),
        b"xrPollEvent" => ours!(poll_event, pfn::PollEvent),
        b"xrSyncActions" => ours!(sync_actions, pfn::SyncActions),
        b"xrGetActionStateFloat" => ours!(state_float, pfn::GetActionStateFloat),
        b"xrGetActionStateBoolean" => ours!(state_boolean, pfn::GetActionStateBoolean),
        b"xrGetActionStateVector2f" => ours!(state_vector, pfn::GetActionStateVector2f),
        b"xrGetActionStatePose" => ours!(state_pose, pfn::GetActionStatePose),
        b"xrCreateAction" => ours!(inputs::create_action, pfn::CreateAction),
        b"xrCreateActionSpace" => ours!(inputs::create_action_space, pfn::CreateActionSpace),
        b"xrLocateSpace" => ours!(inputs::locate_space, pfn::LocateSpace),
        b"xrLocateViews" => ours!(inputs::locate_views, pfn::LocateViews),
        b"xrApplyHapticFeedback" => ours!(apply_haptic_feedback, pfn::ApplyHapticFeedback),
        b"xrEnumerateEnvironmentBlendModes" => {
            ours!(enumerate_blend_modes, pfn::EnumerateEnvironmentBlendModes)
        }
        b"xrEndFrame" => ours!(end_frame, pfn::EndFrame),
        _ => None,
    };
    let Some(next) = next() else { return XrResult::ERROR_HANDLE_INVALID };
    // SAFETY: both calls pass on or fill what the caller gave.
    unsafe {
        if ours.is_some() {
            *function = ours;
            return XrResult::SUCCESS;
        }
        (next.proc_addr)(instance, name, function)
    }
}

// --- events -------------------------------------------------------------------------------------

unsafe extern "system" fn poll_event(
    instance: sys::Instance,
    event: *mut sys::EventDataBuffer,
) -> XrResult {
    if let Some(command) = with(Layer::take_command).flatten() {
        // SAFETY: the caller's buffer is large enough for every event of the standard.
        let is_event = unsafe { carry_out(&command, event) };
        with(|layer| layer.record(&format!("done {command}")));
        if is_event {
            return XrResult::SUCCESS;
        }
    }
    let Some(next) = next() else { return XrResult::ERROR_HANDLE_INVALID };
    // SAFETY: passes on what the caller gave.
    let result = unsafe { (next.poll_event)(instance, event) };
    // SAFETY: on success the runtime filled the buffer, which begins with its type.
    if result == XrResult::SUCCESS
        && unsafe { (*event).ty } == sys::EventDataSessionStateChanged::TYPE
    {
        let changed = unsafe { *event.cast::<sys::EventDataSessionStateChanged>() };
        with(|layer| {
            layer.session = changed.session;
            layer.record(&format!("state {:?}", changed.state));
        });
    }
    result
}

/// Fills `event` as the command says; false for a command that is not known.
///
/// # Safety
/// `event` points to a whole event buffer.
unsafe fn carry_out(command: &str, event: *mut sys::EventDataBuffer) -> bool {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words[..] {
        ["focus-lost"] => unsafe { set_focus(false, event) },
        ["focus-back"] => unsafe { set_focus(true, event) },
        ["recentre", x, y, z] => {
            let metres = |word: &str| word.parse().unwrap_or(0.0_f32);
            let position = sys::Vector3f { x: metres(x), y: metres(y), z: metres(z) };
            let origin = sys::Posef {
                position,
                orientation: sys::Quaternionf { x: 0.0, y: 0.0, z: 0.0, w: 1.0 },
            };
            unsafe { recentre(origin, event) }
        }
        _ => return false,
    }
    true
}

unsafe fn set_focus(has_focus: bool, event: *mut sys::EventDataBuffer) {
    let session = with(|layer| {
        layer.has_focus = has_focus;
        layer.inputs.forget();
        layer.session
    });
    let changed = sys::EventDataSessionStateChanged {
        ty: sys::EventDataSessionStateChanged::TYPE,
        next: std::ptr::null(),
        session: session.unwrap_or(sys::Session::NULL),
        state: if has_focus { sys::SessionState::FOCUSED } else { sys::SessionState::VISIBLE },
        time: sys::Time::from_nanos(1),
    };
    // SAFETY: an event buffer is larger than any event and aligned for all.
    unsafe { event.cast::<sys::EventDataSessionStateChanged>().write(changed) };
}

unsafe fn recentre(origin: sys::Posef, event: *mut sys::EventDataBuffer) {
    let session = with(|layer| layer.session).unwrap_or(sys::Session::NULL);
    let changed = sys::EventDataReferenceSpaceChangePending {
        ty: sys::EventDataReferenceSpaceChangePending::TYPE,
        next: std::ptr::null(),
        session,
        reference_space_type: sys::ReferenceSpaceType::LOCAL_FLOOR,
        change_time: sys::Time::from_nanos(1),
        pose_valid: sys::TRUE,
        pose_in_previous_space: origin,
    };
    // SAFETY: an event buffer is larger than any event and aligned for all.
    unsafe { event.cast::<sys::EventDataReferenceSpaceChangePending>().write(changed) };
}

/// Without focus a runtime says so instead of reading the inputs.
unsafe extern "system" fn sync_actions(
    session: sys::Session,
    info: *const sys::ActionsSyncInfo,
) -> XrResult {
    match with(|layer| (layer.next, layer.has_focus)) {
        // SAFETY: passes on what the caller gave.
        Some((next, true)) => unsafe { (next.sync_actions)(session, info) },
        Some((_, false)) => XrResult::SESSION_NOT_FOCUSED,
        None => XrResult::ERROR_HANDLE_INVALID,
    }
}

/// A function that asks for an input's state: without focus no input is there.
macro_rules! state_of_an_input {
    ($name:ident, $next:ident, $state:ty, $words:expr) => {
        unsafe extern "system" fn $name(
            session: sys::Session,
            info: *const sys::ActionStateGetInfo,
            state: *mut $state,
        ) -> XrResult {
            let Some((next, has_focus)) = with(|layer| (layer.next, layer.has_focus)) else {
                return XrResult::ERROR_HANDLE_INVALID;
            };
            // SAFETY: passes on what the caller gave; zero is a value of every field behind the
            // first two, which stay.
            unsafe {
                let result = (next.$next)(session, info, state);
                if !has_focus && result == XrResult::SUCCESS {
                    let (ty, chain) = ((*state).ty, (*state).next);
                    state.write(std::mem::zeroed());
                    ((*state).ty, (*state).next) = (ty, chain);
                }
                if result == XrResult::SUCCESS {
                    let words: fn(&$state) -> String = $words;
                    inputs::note_state(info, &words(&*state));
                }
                result
            }
        }
    };
}
state_of_an_input!(state_float, state_float, sys::ActionStateFloat, |s| format!(
    "{:.4}",
    s.current_state
));
state_of_an_input!(state_boolean, state_boolean, sys::ActionStateBoolean, |s| u8::from(
    s.current_state == sys::TRUE
)
.to_string());
state_of_an_input!(state_vector, state_vector, sys::ActionStateVector2f, |s| format!(
    "{:.4} {:.4}",
    s.current_state.x, s.current_state.y
));
state_of_an_input!(state_pose, state_pose, sys::ActionStatePose, |s| u8::from(
    s.is_active == sys::TRUE
)
.to_string());

// --- what the runtime swallows ------------------------------------------------------------------

unsafe extern "system" fn apply_haptic_feedback(
    session: sys::Session,
    info: *const sys::HapticActionInfo,
    feedback: *const sys::HapticBaseHeader,
) -> XrResult {
    let Some((next, has_focus)) = with(|layer| (layer.next, layer.has_focus)) else {
        return XrResult::ERROR_HANDLE_INVALID;
    };
    if !has_focus {
        return XrResult::SESSION_NOT_FOCUSED;
    }
    // SAFETY: the caller's pointers are valid for this call; the type says which struct follows.
    let result = unsafe { (next.haptic)(session, info, feedback) };
    unsafe {
        if (*feedback).ty == sys::HapticVibration::TYPE {
            let vibration = *feedback.cast::<sys::HapticVibration>();
            let hand = hand_of((*info).subaction_path, next);
            let milliseconds = vibration.duration.as_nanos() as f64 / 1e6;
            with(|l| l.record(&format!("haptic {hand} {} {milliseconds}", vibration.amplitude)));
        }
    }
    result
}

/// "left", "right", or the path in full.
///
/// # Safety
/// `next` belongs to a live instance, which `path` is of.
unsafe fn hand_of(path: sys::Path, next: Next) -> String {
    let mut text = [0_u8; 256];
    let mut length = 0;
    // SAFETY: the caller's promise; the buffer is as long as it is said to be.
    let result = unsafe {
        (next.path_to_string)(
            next.instance,
            path,
            text.len() as u32,
            &mut length,
            text.as_mut_ptr().cast(),
        )
    };
    let known = (result == XrResult::SUCCESS).then(|| text.split(|b| *b == 0).next()).flatten();
    let path = String::from_utf8_lossy(known.unwrap_or_default()).into_owned();
    path.strip_prefix("/user/hand/").unwrap_or(&path).to_owned()
}

unsafe extern "system" fn enumerate_blend_modes(
    instance: sys::Instance,
    system: sys::SystemId,
    views: sys::ViewConfigurationType,
    capacity: u32,
    count: *mut u32,
    modes: *mut sys::EnvironmentBlendMode,
) -> XrResult {
    let Some((next, adds)) = with(|layer| (layer.next, layer.adds_alpha_blend)) else {
        return XrResult::ERROR_HANDLE_INVALID;
    };
    let room = if adds { capacity.saturating_sub(1) } else { capacity };
    // SAFETY: the runtime gets the caller's array, one place short where one is added after its own.
    unsafe {
        let result = (next.blend_modes)(instance, system, views, room, count, modes);
        if adds && result == XrResult::SUCCESS {
            if capacity > *count {
                modes.add(*count as usize).write(sys::EnvironmentBlendMode::ALPHA_BLEND);
            }
            *count += 1;
        }
        result
    }
}

unsafe extern "system" fn end_frame(
    session: sys::Session,
    info: *const sys::FrameEndInfo,
) -> XrResult {
    let Some(next) = next() else { return XrResult::ERROR_HANDLE_INVALID };
    // SAFETY: the caller's frame is valid for this call, and so is the copy.
    unsafe {
        let mut frame = *info;
        with(|layer| layer.note_frame(&frame));
        frame.environment_blend_mode = match frame.environment_blend_mode {
            sys::EnvironmentBlendMode::ALPHA_BLEND => sys::EnvironmentBlendMode::OPAQUE,
            other => other,
        };
        (next.end_frame)(session, &frame)
    }
}

impl Layer {
    /// Records each frame with a picture, and each change of blending.
    fn note_frame(&mut self, frame: &sys::FrameEndInfo) {
        if self.blend != Some(frame.environment_blend_mode) {
            self.blend = Some(frame.environment_blend_mode);
            self.record(&format!("blend {:?}", frame.environment_blend_mode));
        }
        if frame.layer_count > 0 {
            self.frames += 1;
            self.record(&format!("frames {}", self.frames));
        }
    }
}
