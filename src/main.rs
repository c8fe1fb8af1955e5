//! Arguments and dispatch; the work is done in the library.

use anyhow::Result;
use clap::Parser as _;
use corridor::cli::{Request, run::run_headless, said_once};
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(Request::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            let mut terminal = std::io::stderr().lock();
            // Where nobody listens, the exit code still tells.
            let _ = writeln!(terminal, "corridor: {}", said_once(&fault));
            ExitCode::FAILURE
        }
    }
}

fn run(request: Request) -> Result<()> {
    let mut terminal = std::io::stdout();
    let command = request.command.as_ref();
    if let Some(done) = command.and_then(|command| run_headless(command, &mut terminal)) {
        return done;
    }
    #[cfg(feature = "app")]
    return corridor::program::dispatch::run(request.command, request.display);
    #[cfg(not(feature = "app"))]
    anyhow::bail!(
        "this corridor was built without its windows: only `compare`, `grade`, `measure`, \
         `phantom`, `plan` and `segment` work here"
    )
}
