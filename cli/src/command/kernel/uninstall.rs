use std::io::Write;

use anyhow::Result;
use clap::Args;

use super::target::Target;
use crate::failure::Failure;
use crate::jupyter::{DEFAULT_NAME, Installed, Jupyter, KernelspecName};

/// Take the kernel out of Jupyter's list
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate kernel uninstall
  pipulate kernel uninstall --prefix .venv --name pipulate-dev")]
pub(crate) struct Uninstall {
    #[command(flatten)]
    target: Target,
    /// The kernelspec's name
    #[arg(long, value_name = "NAME", default_value = DEFAULT_NAME)]
    name: KernelspecName,
}

impl Uninstall {
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<()> {
        let data = self.target.data_folder(&Jupyter::of_process())?;
        let Some(folder) = Installed::remove(&data, &self.name)? else {
            let message = format!("no kernel `{}` is installed in {}", self.name.as_str(), data.display());
            let help = "`pipulate kernel list` shows where it is installed.";
            return Err(Failure::missing(message).help(help).into());
        };
        writeln!(out, "Removed {}", folder.display())?;
        Ok(())
    }
}
