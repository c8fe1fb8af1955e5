//! F12: the window as a PNG beside the plan.

use crate::app::history::{Document, StatusLine, Tone};
use bevy::prelude::*;
use bevy::render::view::screenshot::{Screenshot, save_to_disk};

/// Asks for a picture of the window.
#[derive(Message, Clone, Copy, Debug)]
pub struct TakeShot;

fn take(document: Option<Res<Document>>, mut status: ResMut<StatusLine>, mut commands: Commands) {
    let folder = document
        .as_ref()
        .and_then(|d| d.session().location().plan().parent().map(ToOwned::to_owned))
        .unwrap_or_default();
    let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S");
    let file = folder.join(format!("corridor-{now}.png"));
    status.say(Tone::Done, format!("Picture: {}", file.display()));
    commands.spawn(Screenshot::primary_window()).observe(save_to_disk(file));
}

/// Adds the key's work.
pub fn plugin(app: &mut App) {
    app.add_message::<TakeShot>().add_systems(Update, take.run_if(on_message::<TakeShot>));
}
