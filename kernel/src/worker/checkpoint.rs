//! A sleeping copy of the runner, made before a cell, that carries on when the cell kills the runner.
//!
//! A copy has one thread, the one that made it. So there is none while user code has others alive: what they hold locked
//! would stay locked. Nor is there one while user code has a pipe or a socket open: a copy holds the other end's end of
//! file back. What the copy keeps is memory; what the cell did to files, peers and processes stays done.

#![allow(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::control::{self, Kind};
use super::descriptors;

/// How long a thread that has just ended may still be listed.
const ENDING: Duration = Duration::from_millis(20);

/// What became of the wish for a checkpoint.
pub(super) enum Made {
    /// This process is the runner, and a copy of it sleeps.
    Sleeps,
    /// This process was the copy. It has been woken, and is the runner now.
    Woken,
    /// There is none, and why.
    Refused(String),
}

/// Makes a checkpoint. `ours` are descriptors of the runner's own; `control` is the socket to the supervisor, which in a
/// copy that wakes has been replaced by one of its own.
pub(super) fn make(control: &UnixStream, supervisor: Pid, ours: &[RawFd]) -> Made {
    let threads = threads_after(ENDING);
    if threads > 1 {
        return Made::Refused(match threads - 1 {
            1 => "another thread was running".to_owned(),
            others => format!("{others} other threads were running"),
        });
    }
    if let Some(open) = descriptors::held_by_user_code(ours) {
        return Made::Refused(format!("{open} was open"));
    }
    copy(control, supervisor).unwrap_or_else(|error| Made::Refused(format!("the process could not be copied: {error}")))
}

fn copy(control: &UnixStream, supervisor: Pid) -> std::io::Result<Made> {
    let (for_supervisor, for_copy) = UnixStream::pair()?;
    let mask = block_signals();
    // SAFETY: this process has one thread, so no lock is held by a thread that the copy would lack, and the copy may do
    // whatever the runner may. The call is clone and not fork, so that the copy is the supervisor's child: a cell that
    // waits for its own children must not meet it. Without CLONE_VM, a null stack means the same stack, copied.
    let process = unsafe { libc::syscall(libc::SYS_clone, libc::CLONE_PARENT | libc::SIGCHLD, 0, 0, 0, 0) };
    if process == 0 {
        drop(for_supervisor);
        sleep(control, &for_copy, supervisor);
        restore_signals(&mask);
        return Ok(Made::Woken);
    }
    let made = if process < 0 {
        Err(std::io::Error::last_os_error())
    } else {
        control::write_with(
            control,
            Kind::Checkpoint,
            process.to_string().as_bytes(),
            for_supervisor.as_fd(),
        )
        .map(|()| Made::Sleeps)
    };
    restore_signals(&mask);
    made
}

/// In the copy: sleeps until it is woken, and ends when it is not needed any more.
fn sleep(control: &UnixStream, from_supervisor: &UnixStream, supervisor: Pid) {
    // Out of the runner's group, which is killed as a whole.
    let _ = rustix::process::setpgid(None, None);
    if !super::system::die_with_parent(supervisor) || !replace(control, from_supervisor) {
        leave();
    }
    super::system::spare_when_memory_is_short(true);
    match control::read(control) {
        Ok(Some(record)) if record.kind == Kind::Wake => {}
        _ => leave(),
    }
    super::system::spare_when_memory_is_short(false);
}

/// The copy's own socket takes the place and the number of the runner's, which is closed with it.
fn replace(control: &UnixStream, by: &UnixStream) -> bool {
    // SAFETY: both are open, and `control` owns the number before and after: only what it stands for is exchanged.
    unsafe { libc::dup3(by.as_raw_fd(), control.as_raw_fd(), libc::O_CLOEXEC) != -1 }
}

/// Ends the copy without running what user code has registered for the end of the process: the runner does that.
fn leave() -> ! {
    // SAFETY: ends this process; touches no memory.
    unsafe { libc::_exit(0) }
}

fn block_signals() -> libc::sigset_t {
    // SAFETY: a zeroed set is filled before it is used, and the old one is written before it is returned.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut before);
        before
    }
}

fn restore_signals(mask: &libc::sigset_t) {
    // SAFETY: `mask` is what `block_signals` found.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, mask, std::ptr::null_mut());
    }
}

/// How many threads there are, once those that are ending have ended.
fn threads_after(patience: Duration) -> u64 {
    let deadline = Instant::now() + patience;
    loop {
        let threads = super::system::threads();
        if threads <= 1 || Instant::now() >= deadline {
            return threads;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
