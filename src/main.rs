//! Arguments and dispatch; the work is done in the library.

use anyhow::Result;
use clap::Parser as _;
use corridor::cli::{self, Command, Request, grade, measure, progress};
use corridor::platform::fs::RealFs;
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
        Some(Command::Measure(args)) => run_measure(&args),
        #[cfg(feature = "app")]
        command => corridor::program::dispatch::run(command, request.display),
        #[cfg(not(feature = "app"))]
        _ => anyhow::bail!(
            "this corridor was built without its windows: only `grade` and `measure` work here"
        ),
    }
}

fn run_grade(args: &cli::GradeArgs) -> Result<()> {
    let (work, bar) = progress::on_terminal();
    let graded = grade::read(&args.case.request(&RealFs)?, &RealFs, &work)?.graded;
    bar.finish_and_clear();
    let text = if args.json {
        format!("{:#}\n", grade::as_json(&graded)?)
    } else {
        grade::as_table(&graded)
    };
    let mut terminal = std::io::stdout().lock();
    terminal.write_all(text.as_bytes())?;
    if !args.json {
        for notice in &graded.notices {
            writeln!(terminal, "note: {notice}")?;
        }
    }
    Ok(())
}

fn run_measure(args: &cli::MeasureArgs) -> Result<()> {
    let (work, bar) = progress::on_terminal();
    let source = args.case.request(&RealFs)?.source;
    let measures = measure::read(&source, args.posture.into(), &work)?;
    bar.finish_and_clear();
    let text = if args.json {
        format!("{:#}\n", measure::as_json(&measures))
    } else {
        measure::as_text(&measures)
    };
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}
