use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::target::Target;
use crate::executables;
use crate::jupyter::{DEFAULT_NAME, Jupyter, Kernelspec, KernelspecName};

/// Tell Jupyter how to start the kernel
///
/// Without --user, --sys-prefix or --prefix, for the active virtual environment where there is one, else for the user. Installing
/// again replaces what was installed before.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate kernel install
  pipulate kernel install --user
  pipulate kernel install --prefix .venv
  pipulate kernel install --name pipulate-dev --display-name \"Rust (dev)\" --kernel target/debug/pipulate-kernel")]
pub(crate) struct Install {
    #[command(flatten)]
    target: Target,
    /// The kernelspec's name, of letters, digits, `.`, `_` and `-`
    #[arg(long, value_name = "NAME", default_value = DEFAULT_NAME)]
    name: KernelspecName,
    /// The name that Jupyter shows
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// The program `pipulate-kernel`; otherwise the one beside this program, else the one on the PATH
    #[arg(long, value_name = "PATH")]
    kernel: Option<PathBuf>,
}

impl Install {
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<()> {
        let kernel = executables::kernel(self.kernel.as_deref())?;
        let data = self.target.data_folder(&Jupyter::of_process())?;
        let spec = Kernelspec::new(&kernel, self.display_name.as_deref())?;
        let folder = spec.install(&data, &self.name)?;
        writeln!(out, "Installed \"{}\" in {}", spec.display_name(), folder.display())?;
        Ok(())
    }
}
