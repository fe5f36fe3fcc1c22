//! What the worker asks of the operating system, where systems differ. Elsewhere than on Linux there are no checkpoints.

use rustix::process::Pid;

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::MetadataExt;

    use rustix::process::{Pid, PidfdFlags, Signal};

    /// Has this process killed when `parent` ends; false when that has happened already.
    pub(in crate::worker) fn die_with_parent(parent: Pid) -> bool {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).is_ok()
            && rustix::process::getppid() == Some(parent)
    }

    /// Orphans of the processes below this one become its children, wherever they put themselves.
    pub(in crate::worker) fn adopt_orphans() {
        // Without it, such a process outlives the kernel; nothing else depends on it.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    }

    /// A descriptor that can be read once the process has ended.
    pub(in crate::worker) fn watch(process: Pid) -> Option<OwnedFd> {
        rustix::process::pidfd_open(process, PidfdFlags::empty()).ok()
    }

    /// The children of this process's one thread.
    pub(in crate::worker) fn children() -> Vec<Pid> {
        let process = rustix::process::getpid().as_raw_nonzero();
        std::fs::read_to_string(format!("/proc/self/task/{process}/children"))
            .unwrap_or_default()
            .split_whitespace()
            .filter_map(|child| Pid::from_raw(child.parse().ok()?))
            .collect()
    }

    /// How many threads this process has.
    pub(in crate::worker) fn threads() -> u64 {
        // One link for itself, one for its parent, one for each thread.
        std::fs::metadata("/proc/self/task").map_or(u64::MAX, |tasks| tasks.nlink().saturating_sub(2))
    }

    /// When memory runs out, the process that runs a cell is to go before its checkpoint, and before the kernel.
    pub(in crate::worker) fn spare_when_memory_is_short(spare: bool) {
        // A wish: where it is refused, the system chooses by size.
        let _ = std::fs::write("/proc/self/oom_score_adj", if spare { "0" } else { "500" });
    }
}

#[cfg(target_os = "linux")]
pub(super) use linux::{adopt_orphans, children, die_with_parent, spare_when_memory_is_short, threads, watch};

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::os::fd::OwnedFd;

    use rustix::process::Pid;

    pub(in crate::worker) fn die_with_parent(parent: Pid) -> bool {
        rustix::process::getppid() == Some(parent)
    }

    pub(in crate::worker) fn adopt_orphans() {}

    pub(in crate::worker) fn watch(_: Pid) -> Option<OwnedFd> {
        None
    }

    pub(in crate::worker) fn children() -> Vec<Pid> {
        Vec::new()
    }

    pub(in crate::worker) fn threads() -> u64 {
        u64::MAX
    }

    pub(in crate::worker) fn spare_when_memory_is_short(_: bool) {}
}

#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::{adopt_orphans, children, die_with_parent, spare_when_memory_is_short, threads, watch};

/// Kills every child of this process but `spared`, and waits for them. A child's children become ours when it ends, and
/// are killed in their turn.
pub(super) fn kill_children(spared: &[Pid]) {
    loop {
        let strays: Vec<Pid> = children().into_iter().filter(|child| !spared.contains(child)).collect();
        if strays.is_empty() {
            return;
        }
        for child in strays {
            // One that has ended meanwhile needs no signal, but is waited for.
            let _ = rustix::process::kill_process(child, rustix::process::Signal::KILL);
            let _ = rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty());
        }
    }
}
