//! Opening another case: a dialog with paths, and files dropped onto the window.

use super::layout::OpenDialog;
use crate::app::history::{StatusLine, Tone};
use crate::app::jobs::{LoadFailure, OpenCase};
use crate::case::bundle::BundleError;
use crate::case::request::CaseRequest;
use crate::panel::{theme, words};
use crate::platform::fs::RealFs;
use bevy::prelude::*;
use bevy::window::FileDragAndDrop;
use bevy_egui::egui::{self, Align2, RichText, TextEdit};
use std::path::{Path, PathBuf};

/// The request for what was typed; the built-in case where nothing was. Only with `keep` is
/// anything computed from a patient kept on this computer.
fn request(ct: &str, labels: &str, keep: bool) -> Result<CaseRequest, BundleError> {
    let path = |text: &str| {
        let text = text.trim().trim_matches(['"', '\'']);
        (!text.is_empty()).then(|| PathBuf::from(text))
    };
    let (ct, labels) = (path(ct), path(labels));
    let request = CaseRequest::of_paths(ct.as_deref(), labels.as_deref(), None, None, &RealFs)?;
    Ok(CaseRequest { keep, ..request })
}

/// Asks for the case, or says why it can not be one.
fn ask(
    request: Result<CaseRequest, BundleError>,
    opens: &mut MessageWriter<OpenCase>,
    status: &mut StatusLine,
) {
    match request {
        Ok(request) => {
            opens.write(OpenCase(request));
        }
        Err(fault) => status.say(Tone::Fault, fault.to_string()),
    }
}

/// Width of the dialog: long paths are read in it.
const WIDTH: f32 = 520.0;

/// The dialog, where it is open.
pub fn dialog(
    ctx: &egui::Context,
    dialog: &mut OpenDialog,
    opens: &mut MessageWriter<OpenCase>,
    status: &mut StatusLine,
) {
    if !dialog.is_open {
        return;
    }
    let mut is_open = true;
    let mut wanted = None;
    egui::Window::new(words::OPEN_TITLE)
        .open(&mut is_open)
        .collapsible(false)
        .resizable(false)
        .anchor(Align2::CENTER_CENTER, egui::Vec2::ZERO)
        .default_width(WIDTH)
        .show(ctx, |ui| {
            ui.set_min_width(WIDTH);
            let mut is_entered = false;
            for (name, text) in
                [(words::CT_FIELD, &mut dialog.ct), (words::LABELS_FIELD, &mut dialog.labels)]
            {
                ui.label(RichText::new(name).color(theme::WEAK));
                let field = ui.add(TextEdit::singleline(text).desired_width(f32::INFINITY));
                if !std::mem::replace(&mut dialog.has_focus, true) {
                    field.request_focus();
                }
                let is_enter = ui.input(|input| input.key_pressed(egui::Key::Enter));
                is_entered |= field.lost_focus() && is_enter;
            }
            ui.checkbox(&mut dialog.keep, words::KEEP);
            ui.label(RichText::new(words::DROP_HINT).small().color(theme::WEAK));
            ui.add_space(6.0);
            ui.horizontal(|ui| {
                let has_path = !dialog.ct.trim().is_empty() || !dialog.labels.trim().is_empty();
                let open = ui.add_enabled(has_path, egui::Button::new(words::OPEN_NOW));
                if open.clicked() || (is_entered && has_path) {
                    wanted = Some(request(&dialog.ct, &dialog.labels, dialog.keep));
                }
                if ui.button(words::OPEN_BUILTIN).clicked() {
                    wanted = Some(request("", "", false));
                }
            });
        });
    if let Some(wanted) = wanted {
        ask(wanted, opens, status);
        is_open = false;
    }
    dialog.is_open = is_open;
    dialog.has_focus &= is_open;
}

/// Where nothing tells whether plan and image belong together, a person is asked.
pub fn ask_whether_together(
    ctx: &egui::Context,
    failure: &mut ResMut<LoadFailure>,
    opens: &mut MessageWriter<OpenCase>,
) {
    let (Some(request), Some(why)) = (&failure.if_they_belong, &failure.why) else { return };
    let mut answer = None;
    egui::Window::new(words::ASK_TOGETHER)
        .collapsible(false)
        .resizable(false)
        .anchor(Align2::CENTER_CENTER, egui::Vec2::ZERO)
        .default_width(WIDTH)
        .show(ctx, |ui| {
            ui.label(why);
            ui.add_space(6.0);
            ui.horizontal(|ui| {
                if ui.button(words::NOT_TOGETHER).clicked() {
                    answer = Some(false);
                }
                if ui.button(words::TOGETHER).clicked() {
                    answer = Some(true);
                }
            });
        });
    match answer {
        Some(true) => {
            opens.write(OpenCase(request.clone()));
            failure.if_they_belong = None;
        }
        Some(false) => failure.if_they_belong = None,
        None => {}
    }
}

/// A dropped file is opened; a second one joins it as its labels.
pub fn take_dropped(
    mut drops: MessageReader<FileDragAndDrop>,
    mut dialog: ResMut<OpenDialog>,
    mut opens: MessageWriter<OpenCase>,
    mut status: ResMut<StatusLine>,
) {
    let dropped: Vec<&Path> = drops
        .read()
        .filter_map(|event| match event {
            FileDragAndDrop::DroppedFile { path_buf, .. } => Some(path_buf.as_path()),
            _ => None,
        })
        .collect();
    let Some(first) = dropped.first() else { return };
    dialog.ct = first.display().to_string();
    dialog.labels = dropped.get(1).map(|path| path.display().to_string()).unwrap_or_default();
    status.say(Tone::Done, words::reading(&dialog.ct));
    ask(request(&dialog.ct, &dialog.labels, dialog.keep), &mut opens, &mut status);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::spine::Source;

    #[test]
    fn what_is_typed_is_what_is_opened() {
        assert_eq!(request("", " ", false).expect("no bundle to read"), CaseRequest::demo());
        let typed = request(" 'a b.nii.gz' ", "", true).expect("no bundle to read");
        assert!(typed.keep);
        let Source::Files { ct, labels, .. } = typed.source else { panic!("a file was named") };
        assert_eq!(ct, Some(PathBuf::from("a b.nii.gz")));
        assert_eq!(labels, None);
    }
}
