//! Stops what the engine's thread is at, from other threads.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use super::Interrupter;
use crate::cell_socket::CellSocket;

/// How often it is looked for what stopped work has started meanwhile.
const AGAIN: Duration = Duration::from_millis(20);

/// Reaches cargo in its folder, and the worker over the socket.
pub(super) struct WorkerInterrupter {
    socket: Arc<CellSocket>,
    compilers: Arc<Compilers>,
}

/// What is compiled, and for what.
struct Compilers {
    /// Where cargo works.
    folder: OnceLock<PathBuf>,
    /// Held while compilers are killed, so that the next work's are not among them.
    work: Mutex<Work>,
    /// Somebody waits who found nothing to hurry. Changed while `work` is held.
    is_awaited: AtomicBool,
}

/// What the engine's thread is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Nothing,
    Evaluating,
    Ahead,
    /// One of the two above, and somebody has stopped it.
    Stopped,
}

impl WorkerInterrupter {
    /// Nothing is at work yet.
    pub(super) fn new(socket: Arc<CellSocket>) -> Self {
        Self {
            socket,
            compilers: Arc::new(Compilers {
                folder: OnceLock::new(),
                work: Mutex::new(Work::Nothing),
                is_awaited: AtomicBool::new(false),
            }),
        }
    }

    /// Says, once, where cargo works.
    pub(super) fn compiles_in(&self, folder: PathBuf) {
        let _ = self.compilers.folder.set(folder);
    }

    /// The engine's thread begins an evaluation.
    pub(super) fn begin(&self) {
        let mut work = self.compilers.work();
        *work = Work::Evaluating;
        self.compilers.is_awaited.store(false, Ordering::Relaxed);
    }

    /// The engine's thread begins what is done ahead of need; false if it should not, since a cell has come in that very moment.
    pub(super) fn begin_ahead(&self) -> bool {
        let mut work = self.compilers.work();
        if self.compilers.is_awaited.swap(false, Ordering::Relaxed) {
            return false;
        }
        *work = Work::Ahead;
        true
    }

    /// Whether the work was stopped.
    pub(super) fn end(&self) -> bool {
        std::mem::replace(&mut *self.compilers.work(), Work::Nothing) == Work::Stopped
    }

    /// Stops work if it is meant, and whatever it starts.
    fn stop(&self, is_meant: impl Fn(Work) -> bool, first: impl FnOnce()) {
        let mut work = self.compilers.work();
        if !is_meant(*work) {
            return;
        }
        let is_new = *work != Work::Stopped;
        *work = Work::Stopped;
        first();
        // One that has just ended leaves the cell to the order above.
        self.compilers.kill();
        drop(work);
        if is_new {
            let compilers = Arc::clone(&self.compilers);
            // Without a thread, what comes to be compiled is compiled to its end.
            let _ = thread::Builder::new()
                .name("stop".to_owned())
                .spawn(move || compilers.keep_killing());
        }
    }
}

impl Compilers {
    fn kill(&self) {
        if let Some(folder) = self.folder.get() {
            crate::processes::kill_children_in(folder);
        }
    }

    /// Kills what stopped work starts as long as it goes on: rust-analyzer cannot be told to stop, and evcxr calls cargo after it,
    /// which would build all of a dependency while the next cell waits. Then buries what nobody waits for.
    fn keep_killing(&self) {
        loop {
            thread::sleep(AGAIN);
            let work = self.work();
            if *work != Work::Stopped {
                break;
            }
            self.kill();
        }
        crate::orphans::bury_compilers();
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interrupter for WorkerInterrupter {
    fn interrupt(&self) {
        self.resume();
        self.stop(
            |work| work == Work::Evaluating || work == Work::Stopped,
            || self.socket.cancel(),
        );
    }

    fn is_at_user_code(&self) -> bool {
        self.socket.is_running()
    }

    fn resume(&self) {
        self.socket.resume();
    }

    fn insist(&self) {
        self.socket.kill();
    }

    fn hurry(&self) {
        let note = |work| {
            self.compilers.is_awaited.store(work != Work::Ahead, Ordering::Relaxed);
            work == Work::Ahead
        };
        self.stop(note, || ());
    }

    fn kill(&self) {
        self.resume();
        self.socket.exit();
        self.compilers.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_ahead_never_begins_before_a_cell_that_has_come() {
        let folder = tempfile::tempdir().unwrap();
        let interrupter = WorkerInterrupter::new(CellSocket::bind(folder.path()).unwrap());
        assert!(interrupter.begin_ahead());
        interrupter.hurry();
        assert!(interrupter.end(), "it was stopped");
        interrupter.begin();
        // The next one has come meanwhile.
        interrupter.hurry();
        assert!(!interrupter.end());
        assert!(!interrupter.begin_ahead());
        assert!(interrupter.begin_ahead(), "that one was interrupted before it began");
        interrupter.end();
        interrupter.hurry();
        interrupter.begin();
        interrupter.end();
        assert!(interrupter.begin_ahead());
    }
}
