//! `pipulate kernel`: what Jupyter knows of the kernel.

mod install;
mod list;
mod target;
mod uninstall;

use std::io::Write;

use anyhow::Result;
use clap::Subcommand;

/// Let Jupyter know the kernel
#[derive(Subcommand)]
#[command(after_help = "\
Examples:
  pipulate kernel install
  pipulate kernel list
  pipulate kernel uninstall")]
pub(crate) enum KernelCommand {
    Install(install::Install),
    Uninstall(uninstall::Uninstall),
    List(list::List),
}

impl KernelCommand {
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<()> {
        match self {
            Self::Install(install) => install.run(out),
            Self::Uninstall(uninstall) => uninstall.run(out),
            Self::List(list) => list.run(out),
        }
    }
}
