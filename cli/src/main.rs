//! `pipulate`: the command line.
//!
//! Each command is one file under `command/`: its arguments and what it does stand together. Errors travel up as
//! [`anyhow::Error`] and are printed once, by [`failure::report`]. The kernel is never linked: `run` starts it as a process.
//!
//! [`failure`] has the table of exit codes.

mod amount;
mod arguments;
mod command;
mod executables;
mod failure;
mod file;
mod json_text;
mod jupyter;
mod libraries;
mod run;
mod serve;
mod signals;
mod store;
mod table;
mod terminal;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;

fn main() -> ExitCode {
    let mut out = BufWriter::new(io::stdout());
    let result = match Arguments::try_parse() {
        Ok(arguments) => arguments.run(&mut out),
        Err(error) if error.use_stderr() => error.exit(),
        // Help or the version was asked for.
        Err(shown) => shown.print().map_err(Into::into),
    };
    let result = result.and_then(|()| Ok(out.flush()?));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // `pipulate job list | head -1`: whoever reads has seen enough.
        Err(error) if failure::is_broken_pipe(&error) => {
            // What is still buffered has nowhere to go, and would only fail again.
            let _ = out.into_parts();
            ExitCode::SUCCESS
        }
        Err(error) => {
            // What was written before the failure belongs before its message.
            let _ = out.flush();
            failure::report(&error)
        }
    }
}
