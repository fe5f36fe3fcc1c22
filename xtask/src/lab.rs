//! `cargo xtask lab`: from a fresh clone to the tutorials in JupyterLab.

use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::venv::{Packages, Venv};
use crate::workspace::Workspace;
use crate::{binaries, prerequisites, process, rust_src};

/// How long JupyterLab may take to end its kernels before it is ended itself.
const GRACE: Duration = Duration::from_secs(20);

/// Set everything up and open the tutorials in JupyterLab.
///
/// Builds the kernel, makes a virtual environment with JupyterLab in the target folder, installs the kernel into it and
/// opens the folder notebooks/. Other Jupyters on this machine are left alone. Ctrl-C ends it.
#[derive(Args)]
pub(crate) struct Lab {
    /// Open no browser: JupyterLab prints its address
    #[arg(long)]
    no_browser: bool,
    /// Listen on this port [default: the first free one from 8888]
    #[arg(long)]
    port: Option<u16>,
}

impl Lab {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<ExitCode> {
        let python = prerequisites::check_lab()?;
        rust_src::ensure(workspace);
        let binaries = binaries::build(workspace)?;
        let venv = Venv::provide(workspace, &python, Packages::Lab)?;
        venv.install_kernel(workspace, &binaries, None)?;

        let mut command = venv.python(workspace);
        command.current_dir(workspace.root().join("notebooks"));
        command.args([
            "-m",
            "jupyterlab",
            "--ServerApp.root_dir=.",
            "--MultiKernelManager.default_kernel_name=pipulate",
        ]);
        // The kernel in this environment is the one just built; one of the same name elsewhere must not shadow it.
        command.env("JUPYTER_PREFER_ENV_PATH", "1");
        if self.no_browser {
            command.arg("--no-browser");
        }
        if let Some(port) = self.port {
            command.arg(format!("--ServerApp.port={port}"));
        }
        if is_root() {
            command.arg("--allow-root");
        }
        println!("Starting JupyterLab; Ctrl-C ends it.");
        serve(&mut command)?;
        println!("JupyterLab has ended.");
        Ok(ExitCode::SUCCESS)
    }
}

/// Runs the server until it ends, or until we are asked to: then it gets one polite signal and time to end its kernels.
fn serve(command: &mut Command) -> Result<()> {
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&asked)).context("cannot listen for Ctrl-C")?;
    }
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;

        signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::clone(&asked))
            .context("cannot listen for SIGHUP")?;
        // A group of its own: Ctrl-C reaches us alone, and JupyterLab does not ask on a terminal whether it was meant.
        command.process_group(0);
    }
    let mut server = command
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot run `{}`", process::shown(command)))?;
    loop {
        if let Some(status) = server.try_wait()? {
            ensure!(status.success(), "JupyterLab ended with {status}");
            return Ok(());
        }
        if asked.load(Ordering::Relaxed) {
            println!("\nEnding JupyterLab and its kernels.");
            return end(&mut server);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn end(server: &mut Child) -> Result<()> {
    // On Windows Ctrl-C has reached the server already: it shares our console.
    if cfg!(unix) {
        process::run(Command::new("kill").args(["-TERM", &server.id().to_string()]))?;
    }
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline {
        if server.try_wait()?.is_some() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(100));
    }
    server.kill()?;
    server.wait()?;
    bail!("JupyterLab did not end within {} s and was killed", GRACE.as_secs());
}

/// In a container, say; JupyterLab wants to be told that it is meant.
fn is_root() -> bool {
    cfg!(unix) && process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
