//! The commands that need the engine, from arguments to their end.

use super::off_screen;
use super::picture::{self, Drawing};
use super::{Headset, Screen};
use crate::app::frame_times::FrameTimes;
use crate::app::{AppError, doctor, guard};
use crate::case::request::CaseRequest;
use crate::cli::grade::{self, ReadCase};
use crate::cli::{CaseArgs, Command, Display, PictureArgs, progress};
use crate::platform::{self, fs::RealFs};
use anyhow::Result;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

/// Where pictures and table go when there is no display, below the folder the user is in.
const FOLDER: &str = "corridor-pictures";

/// Runs a command; without one, the built-in case opens.
///
/// `open` succeeds when the case was shown, in a window or, without a display, in pictures; with no
/// Vulkan driver it writes the plan's table and fails all the same, since nothing could be shown.
pub fn run(command: Option<Command>, display: Display) -> Result<()> {
    platform::hush_mesa();
    guard::install_panic_hook();
    match command {
        None => open(&CaseArgs::default(), display),
        Some(Command::Open(args)) => open(&args, display),
        Some(Command::Picture(args)) => draw(&args),
        Some(Command::Doctor) => examine(),
        // `main` runs these, since they need no engine.
        Some(
            Command::Compare(_)
            | Command::Grade(_)
            | Command::Measure(_)
            | Command::Phantom(_)
            | Command::Plan(_)
            | Command::Segment(_),
        ) => Ok(()),
    }
}

fn open(args: &CaseArgs, display: Display) -> Result<()> {
    let request = args.request(&RealFs)?;
    // A fault in the catalogue is told before the images are read.
    request.offered(&RealFs)?;
    match super::screen() {
        Ok(Screen::Window) => open_window(request, display),
        Ok(Screen::Pictures) => {
            say("There is no display here, so the case is drawn into pictures.\n")?;
            let case = read(args)?;
            let files = off_screen::write(&case, &PathBuf::from(FOLDER))?;
            say_files(&case, &files)
        }
        Err(AppError::NoVulkan) => {
            let case = read(args)?;
            let table = off_screen::write_table(&case, &PathBuf::from(FOLDER))?;
            say_files(&case, &[table])?;
            // The table is there, but nothing of what was asked for could be shown.
            Err(AppError::NoVulkan.into())
        }
        Err(fault) => Err(fault.into()),
    }
}

fn open_window(request: CaseRequest, display: Display) -> Result<()> {
    let times = display.measure_frames.map(|count| FrameTimes::new(count as usize));
    super::open(request, headset(display)?, times.as_ref())?;
    times.map_or(Ok(()), |times| say(&times.as_text()))
}

/// The headset to enter: one that answers unless the desk was asked for, and only `--xr` insists.
#[cfg(feature = "xr")]
fn headset(display: Display) -> Result<Option<Headset>> {
    use crate::xr::{self, Wish};
    let wish = match (display.desktop, display.xr) {
        (true, _) => Wish::Desk,
        (false, true) => Wish::Insist,
        (false, false) => Wish::IfThere,
    };
    let (engine, plugin) = xr::prepare(wish)?;
    let add = Box::new(|app: &mut bevy::prelude::App| {
        app.add_plugins(plugin);
    });
    Ok(Some(Headset { engine, add }))
}

#[cfg(not(feature = "xr"))]
fn headset(display: Display) -> Result<Option<Headset>> {
    if display.xr {
        anyhow::bail!("this corridor was built without headsets: leave out --xr");
    }
    Ok(None)
}

/// Says what this machine has.
fn examine() -> Result<()> {
    #[cfg_attr(not(feature = "xr"), expect(unused_mut, reason = "a headset adds to it"))]
    let mut findings = doctor::desk();
    #[cfg(feature = "xr")]
    findings.extend(crate::xr::doctor::findings());
    say(&doctor::as_text(&findings))
}

fn read(args: &CaseArgs) -> Result<ReadCase> {
    let (work, bar) = progress::on_terminal();
    let case = grade::read(&args.request(&RealFs)?, &RealFs, &work)?;
    bar.finish_and_clear();
    Ok(case)
}

fn draw(args: &PictureArgs) -> Result<()> {
    let case = read(&args.case)?;
    let drawing = Drawing { view: args.view, size: args.size, file: args.output.clone() };
    let plan = Arc::new(case.graded.file.plan.clone());
    picture::draw(&case.spine, &plan, &case.catalogue, &[drawing])?;
    say(&format!("{}\n", args.output.display()))
}

fn say_files(case: &ReadCase, files: &[PathBuf]) -> Result<()> {
    say(&grade::as_table(&case.graded))?;
    for notice in &case.graded.notices {
        say(&format!("note: {notice}\n"))?;
    }
    for file in files {
        say(&format!("written: {}\n", file.display()))?;
    }
    Ok(())
}

fn say(text: &str) -> Result<()> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}
