//! Programs that other programs are: the kernel beside us, and what the PATH finds.

use std::env::{self, consts::EXE_SUFFIX};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::failure::Failure;
use crate::file;

/// The kernel's program, and what it calls itself.
pub(crate) const KERNEL: &str = "pipulate-kernel";
const WANTED: &str = "The kernel is the program `pipulate-kernel`; --kernel takes its path.";
/// How long the kernel may take to say its version. It needs milliseconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: u64 = 200;

/// The kernel: the one that was named, else the one beside this program, else the one on the PATH.
pub(crate) fn kernel(named: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = named {
        let failure = match path.metadata() {
            Ok(_) if is_executable(path) => return Ok(std::path::absolute(path)?),
            Ok(metadata) if metadata.is_file() => Failure::new(format!("{} is not executable", path.display())),
            Ok(metadata) => Failure::new(format!(
                "{} is {}, not a program",
                path.display(),
                file::kind(&metadata)
            )),
            Err(_) => Failure::missing(format!("there is no kernel at {}", path.display())),
        };
        return Err(failure.help(WANTED).into());
    }
    if let Some(sibling) = sibling(KERNEL) {
        return Ok(sibling);
    }
    on_path(KERNEL).ok_or_else(|| {
        let help = "In a checkout, `cargo build` makes it; otherwise name it with --kernel PATH.";
        Failure::new(format!("`{KERNEL}` is neither beside this program nor on the PATH"))
            .help(help)
            .into()
    })
}

/// Asks a program whether it is the kernel, and gives what it calls itself: `pipulate-kernel 0.1.0`.
pub(crate) fn kernel_version(program: &Path) -> Result<String> {
    let failed = |what: &str| Failure::new(format!("{} {what}", program.display())).help(WANTED);
    let mut child = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(&format!("does not run: {error}")))?;
    let stdout = child.stdout.take().map(|stdout| stdout.take(LONGEST_ANSWER));
    let (sender, answer) = mpsc::channel();
    // Another program may never answer, or never stop to.
    thread::spawn(move || {
        let mut line = Vec::new();
        let read = stdout.map_or(Ok(0), |stdout| BufReader::new(stdout).read_until(b'\n', &mut line));
        let _ = sender.send(read.map(|_| line));
    });
    let answer = answer.recv_timeout(PATIENCE);
    let _ = child.kill();
    let _ = child.wait();
    let Ok(answer) = answer else {
        return Err(failed("is not the kernel: it does not answer to --version").into());
    };
    let answer = String::from_utf8_lossy(&answer.unwrap_or_default()).trim().to_owned();
    if answer.split_whitespace().next() == Some(KERNEL) {
        Ok(answer)
    } else {
        let what = format!("is not the kernel: to --version it answers {answer:?}");
        Err(failed(&what).into())
    }
}

/// A program in the folder of this one.
fn sibling(name: &str) -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    // `cargo install` and Nix make links; the kernel is beside what they point to or beside the link.
    let resolved = program.canonicalize().ok();
    [Some(program), resolved]
        .into_iter()
        .flatten()
        .map(|program| program.with_file_name(format!("{name}{EXE_SUFFIX}")))
        .find(|candidate| is_executable(candidate))
}

/// The first program of this name on the PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        // An empty entry would mean the working folder, whatever lies there.
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(format!("{name}{EXE_SUFFIX}")))
        .find(|candidate| is_executable(candidate))
}

/// Whether a path is a file that may be run.
pub(crate) fn is_executable(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        path.metadata()
            .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    path.is_file()
}
