//! `pipulate doctor`: checks only, and changes nothing.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use pipulate::Place;
use pipulate::store::sqlite::check;

use crate::amount::counted;
use crate::executables;
use crate::failure::{self, Failure};
use crate::jupyter::{Installed, Jupyter, prefix_of};
use crate::store::{self, StoreOption};

use super::cache;

/// The oldest compiler that the kernel works with.
const OLDEST_RUST: &str = env!("CARGO_PKG_RUST_VERSION");
const GET_RUST: &str = "install Rust from https://rustup.rs";
const RESCUE: &str = "copy the file and those beside it, save what can be read with `pipulate job export`, and go on with a new store or \
                      with a backup";
/// How long the store may be read.
const LONGEST_CHECK: Duration = Duration::from_secs(10);
/// How many faults of the store are shown.
const FAULTS: usize = 5;
const INSTALL: &str = "pipulate kernel install";

/// Check that everything is there, and say how to get what is not
///
/// Changes nothing. The exit code is 1 where something is missing that notebooks need; what they run without is marked
/// `optional`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate doctor")]
pub(crate) struct Doctor {}

/// What one check found.
enum Finding {
    /// It is there.
    Fine(String),
    /// It is not, and notebooks do not run without it.
    Problem(Lack),
    /// It is not, and notebooks run all the same: JupyterLab needs it, or it saves time.
    Optional(Lack),
}

/// What is missing, and the command that mends it.
struct Lack {
    what: String,
    mend: String,
}

impl Lack {
    fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            mend: mend.into(),
        }
    }
}

impl From<Result<String, Lack>> for Finding {
    fn from(result: Result<String, Lack>) -> Self {
        result.map_or_else(Self::Problem, Self::Fine)
    }
}

impl Doctor {
    #[expect(clippy::unused_self, reason = "each command is run in the same way")]
    pub(crate) fn run(&self, store: &StoreOption, out: &mut dyn Write) -> Result<()> {
        let jupyter = Jupyter::of_process();
        // Some take a moment: each line is written as soon as it is known.
        let checks: [(&str, &dyn Fn() -> Finding); 9] = [
            ("rustc", &|| rustc().into()),
            ("cargo", &|| cargo().into()),
            ("linker", &|| linker().into()),
            ("rust-src", &|| rust_src().into()),
            ("store", &|| check_store(store).into()),
            ("kernel", &|| kernel().into()),
            ("cache", &|| optional(cell_library())),
            ("kernelspec", &|| optional(kernelspec(&jupyter))),
            ("jupyter", &|| optional(jupyter_lab(&jupyter))),
        ];
        let mut problems = 0;
        for (name, check) in checks {
            let (word, text, mend) = match check() {
                Finding::Fine(text) => ("ok", text, None),
                Finding::Problem(lack) => {
                    problems += 1;
                    ("problem", lack.what, Some(lack.mend))
                }
                Finding::Optional(lack) => ("optional", lack.what, Some(lack.mend)),
            };
            writeln!(out, "{word:<8}  {name:<10}  {text}")?;
            if let Some(mend) = mend {
                writeln!(out, "{:22}{mend}", "")?;
            }
            out.flush()?;
        }
        match problems {
            0 => Ok(()),
            1 => Err(Failure::new("one thing is missing").into()),
            _ => Err(Failure::new(format!("{problems} things are missing")).into()),
        }
    }
}

fn optional(result: Result<String, Lack>) -> Finding {
    result.map_or_else(Finding::Optional, Finding::Fine)
}

/// A program of the toolchain. rustup must not begin to download one because we look.
fn toolchain(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("RUSTUP_AUTO_INSTALL", "0").stdin(Stdio::null());
    command
}

/// Runs a program and gives what it printed; otherwise what went wrong.
fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "not on the PATH".to_owned(),
        _ => error.to_string(),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    // rustc ends with a summary; what went wrong stands first.
    let message = stderr
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or("it said nothing");
    Err(format!("it ended with {}: {message}", output.status))
}

fn rustc() -> Result<String, Lack> {
    let text = output(toolchain("rustc").arg("--version")).map_err(|what| Lack::new(what, GET_RUST))?;
    let version = text.split_whitespace().nth(1).unwrap_or_default();
    if number(version) < number(OLDEST_RUST) {
        return Err(Lack::new(
            format!("{version} is too old: {OLDEST_RUST} is needed"),
            "rustup update stable",
        ));
    }
    Ok(text)
}

/// `1.95.0-nightly` to `(1, 95)`.
fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn cargo() -> Result<String, Lack> {
    output(toolchain("cargo").arg("--version")).map_err(|what| Lack::new(what, GET_RUST))
}

fn linker() -> Result<String, Lack> {
    let mend = if cfg!(target_os = "macos") {
        "xcode-select --install"
    } else if cfg!(windows) {
        "install the C++ build tools of Visual Studio"
    } else {
        "install a C compiler, such as `sudo apt install build-essential`"
    };
    let failed = |what: String| Lack::new(what, mend);
    let folder = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
    let source = folder.path().join("linked.rs");
    let program = folder.path().join(format!("linked{}", std::env::consts::EXE_SUFFIX));
    fs::write(&source, "fn main() { println!(\"linked\"); }").map_err(|error| failed(error.to_string()))?;
    output(
        toolchain("rustc")
            .current_dir(&folder)
            .arg("--edition=2024")
            .arg(&source)
            .arg("-o")
            .arg(&program),
    )
    .map_err(|what| failed(format!("a small program cannot be built: {what}")))?;
    match output(&mut Command::new(&program)) {
        Ok(text) if text == "linked" => Ok("builds a program that runs".to_owned()),
        Ok(text) => Err(failed(format!("the program that it built printed {text:?}"))),
        Err(what) => Err(failed(format!("the program that it built cannot be run: {what}"))),
    }
}

fn rust_src() -> Result<String, Lack> {
    let sysroot = output(toolchain("rustc").args(["--print", "sysroot"])).map_err(|what| Lack::new(what, GET_RUST))?;
    let library = Path::new(&sysroot).join("lib/rustlib/src/rust/library");
    if library.join("core/src/lib.rs").is_file() {
        return Ok(library.display().to_string());
    }
    let what = format!("{} is missing: types in cells cannot be inferred", library.display());
    Err(Lack::new(what, "rustup component add rust-src"))
}

fn check_store(option: &StoreOption) -> Result<String, Lack> {
    let failed = |error: anyhow::Error| {
        let help = error.downcast_ref::<pipulate::Error>().and_then(failure::help_with);
        Lack::new(
            failure::message(&error),
            help.unwrap_or_else(|| "name another one with --db or PIPULATE_URL".to_owned()),
        )
    };
    let place = option.place().map_err(failed)?;
    if !place.path().exists() {
        return Ok(format!(
            "{} will be made when it is needed ({})",
            place.path().display(),
            place.origin()
        ));
    }
    match examine(&place) {
        Ok((text, None)) => Ok(text),
        Ok((_, Some(damage))) => Err(Lack::new(damage, RESCUE)),
        Err(error) => Err(failed(error)),
    }
}

/// Opens a store that is there, and reads all of it: what there is, and what is damaged.
fn examine(place: &Place) -> Result<(String, Option<String>)> {
    let path = place.path().display();
    let pip = store::open(place)?;
    let checkup = check(place.path(), LONGEST_CHECK)?;
    if !checkup.faults.is_empty() {
        // SQLite puts several on the lines of one.
        let faults: Vec<_> = checkup.faults.iter().flat_map(|fault| fault.lines()).collect();
        let shown = faults[..faults.len().min(FAULTS)].join("; ");
        return Ok((String::new(), Some(format!("{path} is damaged: {shown}"))));
    }
    let info = pip.location()?;
    let extent = if checkup.complete {
        String::new()
    } else {
        format!(
            ", the part that could be read in {} s is undamaged",
            LONGEST_CHECK.as_secs()
        )
    };
    let text = format!(
        "{path}, {}, {}{extent} ({})",
        counted(info.jobs, "job"),
        counted(info.steps, "step"),
        place.origin()
    );
    Ok((text, None))
}

fn kernel() -> Result<String, Lack> {
    let mend = "cargo build --package pipulate-kernel";
    let program = executables::kernel(None).map_err(|error| Lack::new(error.to_string(), mend))?;
    let version = executables::kernel_version(&program).map_err(|error| Lack::new(error.to_string(), mend))?;
    Ok(format!("{version}, {}", program.display()))
}

fn cell_library() -> Result<String, Lack> {
    let dependencies = cache::dependencies();
    match dependencies.versions() {
        Ok(0) => {
            let what = "the cell library is not built ahead: the first Rust cell of a notebook waits for it";
            Err(Lack::new(what, INSTALL))
        }
        Ok(_) => Ok(format!(
            "the cell library is built ahead, {}",
            dependencies.path().display()
        )),
        Err(error) => Err(Lack::new(
            failure::message(&error),
            "make it a folder that you can read and write",
        )),
    }
}

fn kernelspec(jupyter: &Jupyter) -> Result<String, Lack> {
    let prefix = jupyter.lab();
    let installed = Installed::find(&jupyter.data_folders(prefix.as_deref().and_then(prefix_of)));
    if let Some(spec) = installed.iter().find(|spec| executables::is_executable(&spec.kernel)) {
        return Ok(format!("{} starts {}", spec.folder.display(), spec.kernel.display()));
    }
    Err(match installed.first() {
        Some(spec) => Lack::new(
            format!(
                "{} starts {}, which is gone",
                spec.folder.display(),
                spec.kernel.display()
            ),
            INSTALL,
        ),
        None => Lack::new("Jupyter does not know the kernel", INSTALL),
    })
}

fn jupyter_lab(jupyter: &Jupyter) -> Result<String, Lack> {
    let mend = "python3 -m pip install jupyterlab";
    let Some(program) = jupyter.lab() else {
        return Err(Lack::new(
            "jupyter-lab is neither in an active virtual environment nor on the PATH",
            mend,
        ));
    };
    let version = output(Command::new(&program).arg("--version").stdin(Stdio::null()))
        .map_err(|what| Lack::new(format!("{} does not run: {what}", program.display()), mend))?;
    Ok(format!("{version}, {}", program.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(number("1.100.0") > number("1.95"));
        assert!(number("1.95.0-nightly") >= number("1.95"));
        assert!(number("1.94.1") < number("1.95"));
        assert!(number("gibberish") < number("1.95"));
    }
}
