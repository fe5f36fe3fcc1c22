//! Stands in for checkpoints on a system that has none: processes cannot be copied safely there, or orphans not be found.

use std::os::fd::RawFd;
use std::os::unix::net::UnixStream;

use rustix::process::Pid;

/// What became of the wish for a checkpoint.
pub(super) enum Made {
    /// There is none, and why.
    Refused(String),
}

/// Refuses.
pub(super) fn make(_: &UnixStream, _: Pid, _: &[RawFd]) -> Made {
    Made::Refused("this operating system has no checkpoints".to_owned())
}
