//! The commands that need no engine, from arguments to what stands on the terminal.
//!
//! In: a [`Command`]. Out: its table or JSON where it is to be written; a progress bar beside it.

use super::{Command, CompareArgs, GradeArgs, MeasureArgs, PlanArgs, SegmentArgs};
use super::{compare, grade, measure, phantom, plan, progress, segment};
use crate::platform::fs::RealFs;
use crate::work::on_all_cores;
use anyhow::Result;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// Runs a command that needs no engine and prints what it says to `out`; `None` where it needs one.
pub fn run_headless(command: &Command, out: &mut dyn Write) -> Option<Result<()>> {
    match command {
        Command::Compare(args) => Some(run_compare(args, out)),
        Command::Grade(args) => Some(run_grade(args, out)),
        Command::Measure(args) => Some(run_measure(args, out)),
        Command::Phantom(args) => Some(run_phantom(args, out)),
        Command::Plan(args) => Some(run_plan(args, out)),
        Command::Segment(args) => Some(run_segment(args, out)),
        Command::Open(_) | Command::Picture(_) | Command::Doctor => None,
    }
}

fn run_segment(args: &SegmentArgs, out: &mut dyn Write) -> Result<()> {
    let (work, bar) = progress::on_terminal();
    let found = segment::run(args, &work)?;
    bar.finish_and_clear();
    if args.json {
        return say(&format!("{:#}\n", segment::as_json(&found)), &[], out);
    }
    say(&segment::as_table(&found), &found.notices, out)
}

fn run_grade(args: &GradeArgs, out: &mut dyn Write) -> Result<()> {
    let (work, bar) = progress::on_terminal();
    let request = args.case.request(&RealFs)?;
    grade::check_outputs(args, &request, None)?;
    let read = grade::read(&request, &RealFs, &work)?;
    bar.finish_and_clear();
    let graded = &read.graded;
    // The table is told whatever comes of files and rods.
    let written = grade::write_out(args, &request, &read, &RealFs);
    let rods = grade::rods(args, &read);
    if args.json {
        let mut document = grade::as_json(graded)?;
        match &rods {
            Ok(Some(rods)) => document["rods"] = grade::rods_as_json(rods),
            Ok(None) => (),
            Err(why) => document["rods"] = json!({ "error": why.to_string() }),
        }
        say(&format!("{document:#}\n"), &[], out)?;
    } else {
        say(&grade::as_table(graded), &graded.notices, out)?;
        let rods = rods.as_ref().ok().and_then(Option::as_ref);
        say(&rods.map(grade::rods_as_text).unwrap_or_default(), &[], out)?;
    }
    let written = written?;
    if !args.json {
        say_written(&written, out)?;
    }
    rods?;
    Ok(())
}

fn run_compare(args: &CompareArgs, out: &mut dyn Write) -> Result<()> {
    let (work, bar) = progress::on_terminal();
    let plans = compare::read(args, &RealFs, &work)?;
    bar.finish_and_clear();
    if args.json {
        return say(&format!("{:#}\n", compare::as_json(&plans)?), &[], out);
    }
    say(&compare::as_table(&plans), &compare::notices(&plans), out)
}

fn run_plan(args: &PlanArgs, out: &mut dyn Write) -> Result<()> {
    let (work, bar) = progress::on_terminal();
    let made = plan::run(args, &RealFs, &work)?;
    bar.finish_and_clear();
    if args.json {
        say(&format!("{:#}\n", plan::as_json(&made)), &[], out)?;
        return Ok(made.verdict()?);
    }
    say(&plan::as_table(&made), &made.notices, out)?;
    made.verdict()?;
    say_written(args.output.as_slice(), out)
}

fn run_phantom(args: &phantom::PhantomArgs, out: &mut dyn Write) -> Result<()> {
    let (work, bar) = progress::on_terminal();
    let told = on_all_cores(|| phantom::write(args, &work))?;
    bar.finish_and_clear();
    told.iter().try_for_each(|line| say(&format!("{line}\n"), &[], out))
}

fn run_measure(args: &MeasureArgs, out: &mut dyn Write) -> Result<()> {
    let (work, bar) = progress::on_terminal();
    let case = args.case.request(&RealFs)?;
    let measures = measure::read(&case, args.posture.map(Into::into), &RealFs, &work)?;
    bar.finish_and_clear();
    let written = args.surfaces.iter().map(|to| measure::write_surfaces(&measures, to, &RealFs));
    let written = written.collect::<Result<Vec<_>, _>>()?.concat();
    if args.json {
        return say(&format!("{:#}\n", measure::as_json(&measures)), &[], out);
    }
    say(&measure::as_text(&measures), &[], out)?;
    say_written(&written, out)
}

fn say_written(files: &[PathBuf], out: &mut dyn Write) -> Result<()> {
    files.iter().try_for_each(|file| say(&format!("written: {}\n", file.display()), &[], out))
}

/// Prints a text, then what there is to note, one line each.
fn say(text: &str, notices: &[String], out: &mut dyn Write) -> Result<()> {
    out.write_all(text.as_bytes())?;
    for notice in notices {
        writeln!(out, "note: {notice}")?;
    }
    Ok(())
}
