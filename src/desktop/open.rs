//! Opening another case: a dialog with paths, and files dropped onto the window.

use super::layout::OpenDialog;
use crate::app::history::{StatusLine, Tone};
use crate::app::jobs::{CaseRequest, OpenCase};
use crate::case::spine::Source;
use crate::panel::{theme, words};
use bevy::prelude::*;
use bevy::window::FileDragAndDrop;
use bevy_egui::egui::{self, Align2, RichText, TextEdit};
use std::path::{Path, PathBuf};

/// The request for what was typed; the built-in case where nothing was.
fn request(ct: &str, labels: &str) -> CaseRequest {
    let path = |text: &str| {
        let text = text.trim().trim_matches(['"', '\'']);
        (!text.is_empty()).then(|| PathBuf::from(text))
    };
    let (ct, labels) = (path(ct), path(labels));
    let source = if ct.is_none() && labels.is_none() {
        Source::Demo
    } else {
        Source::Files { ct, labels, numbering: None }
    };
    CaseRequest { source, plan: None, accept_unknown: false }
}

/// The dialog, where it is open.
pub fn dialog(ctx: &egui::Context, dialog: &mut OpenDialog, opens: &mut MessageWriter<OpenCase>) {
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
        .show(ctx, |ui| {
            for (name, text) in
                [(words::CT_FIELD, &mut dialog.ct), (words::LABELS_FIELD, &mut dialog.labels)]
            {
                ui.label(RichText::new(name).color(theme::WEAK));
                ui.add(TextEdit::singleline(text).desired_width(460.0));
            }
            ui.label(RichText::new(words::DROP_HINT).small().color(theme::WEAK));
            ui.add_space(6.0);
            ui.horizontal(|ui| {
                let has_path = !dialog.ct.trim().is_empty() || !dialog.labels.trim().is_empty();
                if ui.add_enabled(has_path, egui::Button::new(words::OPEN)).clicked() {
                    wanted = Some(request(&dialog.ct, &dialog.labels));
                }
                if ui.button(words::OPEN_BUILTIN).clicked() {
                    wanted = Some(request("", ""));
                }
            });
        });
    if let Some(wanted) = wanted {
        opens.write(OpenCase(wanted));
        is_open = false;
    }
    dialog.is_open = is_open;
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
    status.say(Tone::Done, format!("{}: {}", words::LOADING, dialog.ct));
    opens.write(OpenCase(request(&dialog.ct, &dialog.labels)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_what_is_opened() {
        assert_eq!(request("", " ").source, Source::Demo);
        let Source::Files { ct, labels, .. } = request(" 'a b.nii.gz' ", "").source else {
            panic!("a file was named")
        };
        assert_eq!(ct, Some(PathBuf::from("a b.nii.gz")));
        assert_eq!(labels, None);
    }
}
