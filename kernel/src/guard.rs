//! The process that ends what a killed kernel could not.
//!
//! A kernel that is told to end stops all that it has started. One that is killed can stop nothing: cargo would go on compiling,
//! a shell line would go on running. So beside each kernel its own program waits in another role, in a process group of its own,
//! since clients kill the kernel's whole group. When the kernel is gone, the pipe between the two ends; then the guard kills
//! what belonged to the kernel and removes its folder.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::orphans::Seen;
use crate::{build_root, environment, processes};

const ROLE: &str = "kernel-guard";
/// A process that has just been killed may still write. What is left after these tries is the next kernel's to remove.
const TRIES: u32 = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);
/// How often it is looked at what shell lines have left in the background.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// Takes over when this process is a guard, and does not return then.
pub fn hook() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|role| role == ROLE) {
        let root = arguments.next().map(PathBuf::from).unwrap_or_default();
        std::process::exit(i32::from(watch(&root).is_err()));
    }
}

fn watch(root: &Path) -> io::Result<()> {
    if !build_root::is_root(root) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let kernel = rustix::process::getppid().and_then(|parent| u32::try_from(parent.as_raw_nonzero().get()).ok());
    let mut seen = kernel
        .filter(|kernel| build_root::is_root_of(root, *kernel))
        .map(Seen::of);
    wait(&mut seen)?;
    for _ in 0..TRIES {
        if let Some(seen) = &seen {
            seen.kill();
        }
        processes::kill_all_of(root);
        if std::fs::remove_dir_all(root).is_ok() || !root.exists() {
            break;
        }
        std::thread::sleep(BETWEEN_TRIES);
    }
    // Those that do not work in the folder may have started more.
    processes::kill_all_of(root);
    Ok(())
}

/// Waits until the kernel's end of the pipe is gone, whoever ended it. All that comes through it is that shell lines run; from then
/// on it is looked, now and again, at what they have started.
fn wait(seen: &mut Option<Seen>) -> io::Result<()> {
    let mut stdin = io::stdin();
    let interval = Timespec::try_from(BETWEEN_LOOKS).map_err(io::Error::other)?;
    let mut looks = false;
    loop {
        let ready = poll(&mut [PollFd::new(&stdin, PollFlags::IN)], looks.then_some(&interval));
        match ready {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) if stdin.read(&mut [0; 512])? == 0 => return Ok(()),
            Ok(_) => looks = true,
            Err(error) => return Err(error.into()),
        }
        if let Some(seen) = seen.as_mut().filter(|_| looks) {
            seen.look();
        }
    }
}

/// Tells the guard, if there is one, that a shell line has run.
pub fn has_run_a_shell() {
    if let Some(pipe) = PIPE.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        // One that is gone cannot be helped.
        let _ = pipe.write_all(b"\n");
    }
}

/// The pipe to the last guard that was started.
static PIPE: Mutex<Option<File>> = Mutex::new(None);

/// A guard that waits. It goes without a deed when this is dropped.
#[derive(Debug)]
pub struct Guard(Child);

impl Guard {
    /// Starts the guard of the kernel whose folder is `root`. `program` is the kernel's own.
    pub fn start(program: &Path, root: &Path) -> io::Result<Self> {
        let mut command = Command::new(program);
        environment::restore(&mut command);
        command
            .arg(ROLE)
            .arg(root)
            .env_remove(processes::MARK)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        let child = command.spawn()?;
        // Another end, so that the guard's own ends with this process and not before.
        let pipe = child
            .stdin
            .as_ref()
            .map(|pipe| pipe.as_fd().try_clone_to_owned())
            .transpose()?;
        *PIPE.lock().unwrap_or_else(PoisonError::into_inner) = pipe.map(File::from);
        Ok(Self(child))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // One that has ended already needs no signal, but is waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
