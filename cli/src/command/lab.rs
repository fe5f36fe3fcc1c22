use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use clap::Args;
use pipulate::place::URL_VARIABLE;

use crate::failure::{Failure, tell};
use crate::jupyter::{Installed, Jupyter, prefix_of};
use crate::signals::{self, Signals};
use crate::store::StoreOption;

/// Open JupyterLab with the kernel
///
/// Takes the JupyterLab of the active virtual environment, else the one on the PATH, and passes on what stands after `--`. Ctrl-C
/// ends it and its kernels. With --db, all of its notebooks keep their jobs there.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate lab
  pipulate lab notebooks/report.ipynb
  pipulate lab notebooks -- --no-browser --port 9000")]
pub(crate) struct Lab {
    /// The folder or the notebook to open; the working folder otherwise
    path: Option<PathBuf>,
    /// Options for JupyterLab
    #[arg(last = true, value_name = "LAB_OPTIONS")]
    options: Vec<OsString>,
}

impl Lab {
    pub(crate) fn run(self, store: &StoreOption) -> Result<()> {
        let jupyter = Jupyter::of_process();
        let Some(program) = jupyter.lab() else {
            let message = "JupyterLab is neither in an active virtual environment nor on the PATH";
            let help = "python3 -m venv .venv && . .venv/bin/activate && python3 -m pip install jupyterlab";
            return Err(Failure::new(message).help(help).into());
        };
        check_kernel(&jupyter, &program)?;
        let path = self.path.unwrap_or_else(|| PathBuf::from("."));
        if !path.exists() {
            return Err(Failure::missing(format!("there is no {}", path.display())).into());
        }
        let mut command = Command::new(&program);
        command.arg(std::path::absolute(path)?).args(self.options);
        if let Some(place) = store.given()? {
            command.env(URL_VARIABLE, place.url());
        }
        start_and_wait(command).with_context(|| format!("cannot run {}", program.display()))?
    }
}

/// That this JupyterLab will offer the kernel, and that the kernel is there.
fn check_kernel(jupyter: &Jupyter, program: &Path) -> Result<()> {
    let installed = Installed::find(&jupyter.data_folders(prefix_of(program)));
    if installed.iter().any(|spec| spec.kernel.is_file()) {
        return Ok(());
    }
    let message = match installed.first() {
        Some(spec) => format!(
            "{} starts {}, which is gone",
            spec.folder.display(),
            spec.kernel.display()
        ),
        None => format!("{} does not know the kernel yet", program.display()),
    };
    Err(Failure::new(message)
        .help("`pipulate kernel install` installs it.")
        .into())
}

/// Runs JupyterLab until it ends, or until we are asked to end it.
///
/// The outer result says whether it could be started, the inner one how it ended.
fn start_and_wait(command: Command) -> io::Result<Result<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let mut command = tokio::process::Command::from(command);
        // Without a terminal to ask on, JupyterLab ends at the first signal, and its kernels with it.
        command.stdin(Stdio::null());
        signals::detach(&mut command);
        let mut server = command.spawn()?;
        let mut asked = false;
        loop {
            tokio::select! {
                status = server.wait() => {
                    let status = status?;
                    return Ok(if asked || status.success() {
                        Ok(())
                    } else {
                        Err(Failure::new(format!("JupyterLab ended with {status}")).into())
                    });
                }
                _ = signals.next() => {
                    if asked {
                        signals::kill_group(&mut server);
                    } else {
                        asked = true;
                        tell("\nEnding JupyterLab and its kernels.");
                        signals::terminate(&mut server);
                    }
                }
            }
        }
    })
}
