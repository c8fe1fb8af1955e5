//! The commands that need no engine, from arguments to what stands on the terminal.
//!
//! In: a [`Command`]. Out: its table or JSON on the standard output; a progress bar beside it.

use super::{Command, CompareArgs, GradeArgs, MeasureArgs, PlanArgs, SegmentArgs};
use super::{compare, grade, measure, phantom, plan, progress, segment};
use crate::platform::fs::RealFs;
use crate::work::on_all_cores;
use anyhow::Result;
use std::io::Write as _;

/// Runs a command that needs no engine; `None` where it needs one.
pub fn run_headless(command: &Command) -> Option<Result<()>> {
    match command {
        Command::Compare(args) => Some(run_compare(args)),
        Command::Grade(args) => Some(run_grade(args)),
        Command::Measure(args) => Some(run_measure(args)),
        Command::Phantom(args) => Some(run_phantom(args)),
        Command::Plan(args) => Some(run_plan(args)),
        Command::Segment(args) => Some(run_segment(args)),
        Command::Open(_) | Command::Picture(_) | Command::Doctor => None,
    }
}

fn run_segment(args: &SegmentArgs) -> Result<()> {
    let (work, bar) = progress::on_terminal();
    let found = segment::run(args, &work)?;
    bar.finish_and_clear();
    if args.json {
        return say(&format!("{:#}\n", segment::as_json(&found)), &[]);
    }
    say(&segment::as_table(&found), &found.notices)
}

fn run_grade(args: &GradeArgs) -> Result<()> {
    let (work, bar) = progress::on_terminal();
    let read = grade::read(&args.case.request(&RealFs)?, &RealFs, &work)?;
    let graded = read.graded;
    bar.finish_and_clear();
    let written = grade::write_out(args, &graded, &RealFs)?;
    let rods = grade::rods(args, &read.spine, &graded)?;
    if args.json {
        let mut document = grade::as_json(&graded)?;
        if let Some(rods) = &rods {
            document["rods"] = grade::rods_as_json(rods);
        }
        return say(&format!("{document:#}\n"), &[]);
    }
    say(&grade::as_table(&graded), &graded.notices)?;
    say(&rods.map(|rods| grade::rods_as_text(&rods)).unwrap_or_default(), &[])?;
    written.iter().try_for_each(|file| say(&format!("written: {}\n", file.display()), &[]))
}

fn run_compare(args: &CompareArgs) -> Result<()> {
    let (work, bar) = progress::on_terminal();
    let plans = compare::read(args, &RealFs, &work)?;
    bar.finish_and_clear();
    if args.json {
        return say(&format!("{:#}\n", compare::as_json(&plans)?), &[]);
    }
    say(&compare::as_table(&plans), &[])
}

fn run_plan(args: &PlanArgs) -> Result<()> {
    let (work, bar) = progress::on_terminal();
    let made = plan::run(args, &RealFs, &work)?;
    bar.finish_and_clear();
    if args.json {
        return say(&format!("{:#}\n", plan::as_json(&made.planned)), &[]);
    }
    say(&plan::as_table(&made.planned), &made.notices)?;
    args.output.as_ref().map_or(Ok(()), |file| say(&format!("written: {}\n", file.display()), &[]))
}

fn run_phantom(args: &phantom::PhantomArgs) -> Result<()> {
    let (work, bar) = progress::on_terminal();
    let told = on_all_cores(|| phantom::write(args, &work))?;
    bar.finish_and_clear();
    told.iter().try_for_each(|line| say(&format!("{line}\n"), &[]))
}

fn run_measure(args: &MeasureArgs) -> Result<()> {
    let (work, bar) = progress::on_terminal();
    let case = args.case.request(&RealFs)?;
    let measures = measure::read(&case, args.posture.into(), &RealFs, &work)?;
    bar.finish_and_clear();
    let written = args.surfaces.iter().map(|to| measure::write_surfaces(&measures, to, &RealFs));
    let written = written.collect::<Result<Vec<_>, _>>()?.concat();
    if args.json {
        return say(&format!("{:#}\n", measure::as_json(&measures)), &[]);
    }
    say(&measure::as_text(&measures), &[])?;
    written.iter().try_for_each(|file| say(&format!("written: {}\n", file.display()), &[]))
}

/// Prints a text, then what there is to note, one line each.
fn say(text: &str, notices: &[String]) -> Result<()> {
    let mut terminal = std::io::stdout().lock();
    terminal.write_all(text.as_bytes())?;
    for notice in notices {
        writeln!(terminal, "note: {notice}")?;
    }
    Ok(())
}
