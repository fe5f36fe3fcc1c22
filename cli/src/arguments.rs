//! The command line as a whole.

use std::io::Write;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::command::cache::Cache;
use crate::command::completions::Completions;
use crate::command::doctor::Doctor;
use crate::command::job::JobCommand;
use crate::command::kernel::KernelCommand;
use crate::command::lab::Lab;
use crate::command::port::Port;
use crate::command::run::Run;
use crate::command::serve::Serve;
use crate::failure;
use crate::store::StoreOption;

/// Durable notebook workflows: run notebooks, look at their jobs, set up Jupyter.
#[derive(Parser)]
#[command(name = "pipulate", version, max_term_width = 100, after_help = after_help())]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: StoreOption,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  pipulate doctor                          check that everything is there
  pipulate kernel install                  let Jupyter know the kernel
  pipulate lab                             open JupyterLab
  pipulate run report.ipynb --job may      run a notebook without Jupyter
  pipulate job show may                    see what it saved
  pipulate serve report.ipynb --open       go on with it as a web app, step by step
  pipulate port report.ipynb -o report-app keep that app as a crate of its own";

fn after_help() -> String {
    format!("{EXAMPLES}\n\n{}", failure::exit_codes())
}

#[derive(Subcommand)]
enum Command {
    Run(Run),
    Port(Port),
    Serve(Serve),
    #[command(subcommand)]
    Job(JobCommand),
    #[command(subcommand)]
    Kernel(KernelCommand),
    Lab(Lab),
    Doctor(Doctor),
    Cache(Cache),
    Completions(Completions),
}

impl Arguments {
    /// Does what was asked for. What is the command's purpose to print goes to `out`.
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<()> {
        match self.command {
            Command::Run(run) => run.run(&self.store),
            Command::Port(port) => port.run(out),
            Command::Serve(serve) => serve.run(&self.store),
            Command::Job(job) => job.run(&self.store, out),
            Command::Kernel(kernel) => kernel.run(out),
            Command::Lab(lab) => lab.run(&self.store),
            Command::Doctor(doctor) => doctor.run(&self.store, out),
            Command::Cache(cache) => cache.run(out),
            Command::Completions(completions) => completions.run(out),
        }
    }
}
