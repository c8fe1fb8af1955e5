//! F12: the window as a PNG beside the plan.
//!
//! The picture is encoded and written beside the frames; the status line says where it is once it
//! is there, or why it is not.

use crate::app::history::{Document, StatusLine, Tone};
use crate::panel::words;
use bevy::prelude::*;
use bevy::render::view::screenshot::{Screenshot, ScreenshotCaptured};
use bevy::tasks::futures::check_ready;
use bevy::tasks::{IoTaskPool, Task};
use std::path::Path;

/// Asks for a picture of the window.
#[derive(Message, Clone, Copy, Debug)]
pub struct TakeShot;

/// A picture on its way to the disk: what to say when it has ended.
#[derive(Component)]
struct Writing(Task<(Tone, String)>);

fn take(document: Option<Res<Document>>, mut commands: Commands) {
    let folder = document
        .as_ref()
        .and_then(|d| d.session().location().plan().parent().map(ToOwned::to_owned))
        .filter(|folder| !folder.as_os_str().is_empty())
        .or_else(|| std::env::current_dir().ok())
        .unwrap_or_default();
    let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S%.3f");
    let file = folder.join(format!("corridor-{now}.png"));
    commands.spawn(Screenshot::primary_window()).observe(
        move |shot: On<ScreenshotCaptured>, mut commands: Commands| {
            let (image, file) = (shot.image.clone(), file.clone());
            let task = IoTaskPool::get().spawn(async move { write(image, &file) });
            commands.spawn(Writing(task));
        },
    );
}

/// Writes a picture, and says how that went.
pub fn write(image: Image, file: &Path) -> (Tone, String) {
    let picture = match image.try_into_dynamic() {
        Ok(picture) => picture.to_rgb8(),
        Err(fault) => return (Tone::Fault, words::picture_failed(file, &fault)),
    };
    match picture.save_with_format(file, image::ImageFormat::Png) {
        Ok(()) => (Tone::Done, words::picture_written(file)),
        Err(fault) => {
            // Half a picture is none.
            let _left_behind = std::fs::remove_file(file);
            (Tone::Fault, words::picture_failed(file, &fault))
        }
    }
}

fn say_written(
    mut writing: Query<(Entity, &mut Writing)>,
    mut status: ResMut<StatusLine>,
    mut commands: Commands,
) {
    for (entity, mut task) in &mut writing {
        if let Some((tone, text)) = check_ready(&mut task.0) {
            status.say(tone, text);
            commands.entity(entity).despawn();
        }
    }
}

/// Adds the key's work.
pub fn plugin(app: &mut App) {
    app.add_message::<TakeShot>()
        .add_systems(Update, (take.run_if(on_message::<TakeShot>), say_written));
}
