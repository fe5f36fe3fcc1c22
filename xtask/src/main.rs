//! `cargo xtask`: all that a checkout needs, from set-up to benchmarks, without shell scripts.
//!
//! One file a subcommand: [`lab`], [`demo`], [`mod@test`], [`mod@bench`], [`torture`], [`load`]. They share [`workspace`] (where things
//! are), [`prerequisites`] (what must be installed), [`binaries`] and [`app`] (what gets built), [`venv`] (the Python side) and
//! [`process`] (running programs).

mod app;
mod bench;
mod binaries;
mod demo;
mod lab;
mod load;
mod prerequisites;
mod process;
mod rust_src;
mod test;
mod torture;
mod venv;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Set-up, demo, tests, benchmarks and torture of this checkout.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Lab(lab::Lab),
    Demo(demo::Demo),
    Test(test::Test),
    Bench(bench::Bench),
    Load(load::Load),
    Torture(torture::Torture),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<ExitCode> {
    let workspace = Workspace::locate()?;
    match task {
        Task::Lab(lab) => lab.run(&workspace),
        Task::Demo(demo) => demo.run(&workspace),
        Task::Test(test) => test.run(&workspace),
        Task::Bench(bench) => bench.run(&workspace),
        Task::Load(load) => load.run(),
        Task::Torture(torture) => torture.run(&workspace),
    }
}
