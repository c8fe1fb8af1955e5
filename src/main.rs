//! Arguments and dispatch; the work is done in the library.

use anyhow::Result;
use clap::Parser as _;
use corridor::cli::{self, Command, Request, grade, plan, progress};
use corridor::platform::fs::RealFs;
use corridor::work::on_all_cores;
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let request = Request::parse();
    match run(request) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            let mut terminal = std::io::stderr().lock();
            // Where nobody listens, the exit code still tells.
            let _ = writeln!(terminal, "corridor: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(request: Request) -> Result<()> {
    match request.command {
        Some(Command::Grade(args)) => run_grade(&args),
        Some(Command::Plan(args)) => run_plan(&args),
        Some(Command::Phantom(args)) => run_phantom(&args),
        #[cfg(feature = "app")]
        command => corridor::program::dispatch::run(command, request.display),
        #[cfg(not(feature = "app"))]
        _ => anyhow::bail!(
            "this corridor was built without its windows: only `grade`, `phantom` and `plan` work here"
        ),
    }
}

fn run_grade(args: &cli::GradeArgs) -> Result<()> {
    let (work, bar) = progress::on_terminal();
    let graded = grade::read(&args.case.request(&RealFs)?, &RealFs, &work)?.graded;
    bar.finish_and_clear();
    let written = grade::write_out(args, &graded, &RealFs)?;
    if args.json {
        return say(&format!("{:#}\n", grade::as_json(&graded)?), &[]);
    }
    let rods = args.rods.map(|bends| grade::rods_as_text(&graded, bends)).transpose()?;
    say(&grade::as_table(&graded), &graded.notices)?;
    say(&rods.unwrap_or_default(), &[])?;
    written.iter().try_for_each(|file| say(&format!("written: {}\n", file.display()), &[]))
}

fn run_plan(args: &cli::PlanArgs) -> Result<()> {
    let (work, bar) = progress::on_terminal();
    let made = plan::run(args, &RealFs, &work)?;
    bar.finish_and_clear();
    if args.json {
        return say(&format!("{:#}\n", plan::as_json(&made.planned)), &[]);
    }
    say(&plan::as_table(&made.planned), &made.notices)?;
    args.output.as_ref().map_or(Ok(()), |file| say(&format!("written: {}\n", file.display()), &[]))
}

fn say(text: &str, notices: &[String]) -> Result<()> {
    let mut terminal = std::io::stdout().lock();
    terminal.write_all(text.as_bytes())?;
    for notice in notices {
        writeln!(terminal, "note: {notice}")?;
    }
    Ok(())
}

fn run_phantom(args: &cli::phantom::PhantomArgs) -> Result<()> {
    let (work, bar) = progress::on_terminal();
    let told = on_all_cores(|| cli::phantom::write(args, &work))?;
    bar.finish_and_clear();
    let mut terminal = std::io::stdout().lock();
    for line in told {
        writeln!(terminal, "{line}")?;
    }
    Ok(())
}
