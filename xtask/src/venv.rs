//! The Python side: virtual environments in the target folder, with pinned packages and our kernelspec in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::binaries::Binaries;
use crate::process;
use crate::workspace::Workspace;

/// Which packages are wanted; each set has its own file of pins in `xtask/python/`.
#[derive(Clone, Copy)]
pub(crate) enum Packages {
    /// JupyterLab alone.
    Lab,
    /// JupyterLab and what tests and benchmarks drive it with.
    Test,
    /// Voila alone, in an environment of its own.
    Voila,
}

/// A virtual environment that is ready for use.
pub(crate) struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// Makes the environment, or takes the one there is when its pins have not changed.
    pub(crate) fn provide(workspace: &Workspace, python: &Path, packages: Packages) -> Result<Self> {
        let venv = Self {
            folder: workspace.target().join(match packages {
                Packages::Lab | Packages::Test => "venv",
                Packages::Voila => "venv-voila",
            }),
        };
        if !process::succeeds(Command::new(venv.program("python")).args(["-c", "import pip"])) {
            println!("Creating a virtual environment in {}.", venv.folder.display());
            process::run(
                workspace
                    .command(python)
                    .args(["-m", "venv", "--clear"])
                    .arg(&venv.folder),
            )?;
        }
        let files = workspace.root().join("xtask/python");
        match packages {
            Packages::Voila => venv.install(workspace, &files, "requirements-voila.txt", "Voila")?,
            Packages::Lab => venv.install(workspace, &files, "requirements.txt", "JupyterLab")?,
            Packages::Test => {
                venv.install(workspace, &files, "requirements.txt", "JupyterLab")?;
                venv.install(workspace, &files, "requirements-test.txt", "the test tools")?;
            }
        }
        Ok(venv)
    }

    /// Installs the kernelspec into this environment, and nowhere else. What cells link is compiled into the kernel's data
    /// folder: the user's, or another one.
    pub(crate) fn install_kernel(&self, workspace: &Workspace, binaries: &Binaries, data: Option<&Path>) -> Result<()> {
        println!("Installing the kernel \"Rust (Pipulate)\" into the virtual environment.");
        let mut command = workspace.command(&binaries.pipulate);
        if let Some(data) = data {
            command.env("XDG_DATA_HOME", data);
        }
        process::run(command.args(["kernel", "install", "--prefix"]).arg(&self.folder))
    }

    /// A program of this environment.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        if cfg!(windows) {
            self.folder.join("Scripts").join(format!("{name}.exe"))
        } else {
            self.folder.join("bin").join(name)
        }
    }

    /// A command that runs this environment's Python, as activating the environment would.
    pub(crate) fn python(&self, workspace: &Workspace) -> Command {
        let mut command = workspace.command(self.program("python"));
        command
            .env("VIRTUAL_ENV", &self.folder)
            .env("PYTHONUTF8", "1")
            .env_remove("PYTHONHOME");
        command
    }

    fn install(&self, workspace: &Workspace, files: &Path, requirements: &str, what: &str) -> Result<()> {
        let pins = files.join(requirements);
        let constraints = files.join("constraints.txt");
        let read = |file: &Path| fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()));
        let wanted = read(&pins)? + &read(&constraints)?;
        // The pins themselves are kept beside what was installed from them: comparing them needs no hash.
        let installed = self.folder.join(format!("installed-{requirements}"));
        if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        println!("Installing {what} into the virtual environment (pip, about a minute).");
        let mut command = self.python(workspace);
        command.args([
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--no-input",
            "--quiet",
            "--requirement",
        ]);
        process::run(command.arg(&pins).arg("--constraint").arg(&constraints))?;
        fs::write(&installed, wanted).with_context(|| format!("cannot write {}", installed.display()))
    }
}
