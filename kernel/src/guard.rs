//! The process that ends what a killed kernel could not.
//!
//! A kernel that is told to end stops all that it has started. One that is killed can stop nothing: cargo would go on compiling,
//! a shell line would go on running. So beside each kernel its own program waits in another role, in a process group of its own,
//! since clients kill the kernel's whole group. When the kernel is gone, the pipe between the two ends; then the guard kills
//! what belonged to the kernel and removes its folder.

use std::io::{self, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{build_root, processes, standard_library};

const ROLE: &str = "kernel-guard";
/// A process that has just been killed may still write. What is left after these tries is the next kernel's to remove.
const TRIES: u32 = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

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
    // The kernel says nothing: this returns when its end of the pipe is gone, whoever ended it.
    io::stdin().read_to_end(&mut Vec::new())?;
    for _ in 0..TRIES {
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

/// A guard that waits. It goes without a deed when this is dropped.
#[derive(Debug)]
pub struct Guard(Child);

impl Guard {
    /// Starts the guard of the kernel whose folder is `root`. `program` is the kernel's own.
    pub fn start(program: &Path, root: &Path) -> io::Result<Self> {
        let mut command = Command::new(program);
        command
            .arg(ROLE)
            .arg(root)
            .env_remove(processes::MARK)
            .env_remove(standard_library::VARIABLE)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        command.spawn().map(Self)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // One that has ended already needs no signal, but is waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
