use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;
use clap::Args;

use super::target::Target;
use crate::executables;
use crate::failure::warn;
use crate::jupyter::{DEFAULT_NAME, Jupyter, Kernelspec, KernelspecName};

/// Tell Jupyter how to start the kernel
///
/// Without --user, --sys-prefix or --prefix, for the active virtual environment where there is one, else for the user. Installing
/// again replaces what was installed before.
///
/// Then the kernel compiles what every notebook's cells link, so that the first cell does not wait for it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate kernel install
  pipulate kernel install --user --no-warm-up
  pipulate kernel install --prefix .venv
  pipulate kernel install --name dev --display-name \"Rust (dev)\" --kernel ./pipulate-kernel")]
pub(crate) struct Install {
    #[command(flatten)]
    target: Target,
    /// The kernelspec's name, of letters, digits, `.`, `_` and `-`
    #[arg(long, value_name = "NAME", default_value = DEFAULT_NAME)]
    name: KernelspecName,
    /// The name that Jupyter shows
    #[arg(long, value_name = "TEXT", value_parser = display_name)]
    display_name: Option<String>,
    /// The program `pipulate-kernel`; otherwise the one beside this program, else the one on the PATH
    #[arg(long, value_name = "PATH")]
    kernel: Option<PathBuf>,
    /// Leave what cells link to be compiled with the first cell that runs
    #[arg(long)]
    no_warm_up: bool,
}

fn display_name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("a name is expected that can be seen".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("a name is one line without control characters".to_owned());
    }
    Ok(text.to_owned())
}

impl Install {
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<()> {
        let kernel = executables::kernel(self.kernel.as_deref())?;
        let data = self.target.data_folder(&Jupyter::of_process())?;
        // Jupyter would show it all the same, and fail where nobody sees why.
        executables::kernel_version(&kernel)?;
        let spec = Kernelspec::new(&kernel, self.display_name.as_deref())?;
        let folder = spec.install(&data, &self.name)?;
        writeln!(out, "Installed \"{}\" in {}", spec.display_name(), folder.display())?;
        if self.no_warm_up {
            return Ok(());
        }
        writeln!(
            out,
            "Compiling what cells link, so that the first cell does not wait for it. The first time takes up to a minute or two."
        )?;
        // Before what the kernel says of its progress.
        out.flush()?;
        match warm_up(&kernel) {
            Ok(said) => writeln!(out, "{}", said.trim_end())?,
            // The kernel is installed all the same: notebooks only begin later.
            Err(what) => {
                let help = "`pipulate doctor` says what is missing. The first cell of a notebook will compile it.";
                warn(&format!("what cells link is not compiled yet: {what}"), Some(help));
            }
        }
        Ok(())
    }
}

/// Lets the kernel build the cell library into the cache of this user, and gives what it says when that is done.
fn warm_up(kernel: &Path) -> Result<String, String> {
    let mut command = Command::new(kernel);
    // cargo shows its progress on standard error.
    command.arg("--warm-up").stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command
        .output()
        .map_err(|error| format!("{} does not run: {error}", kernel.display()))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{} ended with {}", kernel.display(), output.status))
    }
}
