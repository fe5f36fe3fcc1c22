//! Stops what the engine's thread is at, from other threads.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::Interrupter;
use crate::cell_socket::CellSocket;

/// Reaches cargo in its folder, and the worker over the socket.
pub(super) struct WorkerInterrupter {
    socket: Arc<CellSocket>,
    /// Where cargo works.
    folder: OnceLock<PathBuf>,
    /// Held while compilers are killed, so that the next work's are not among them.
    work: Mutex<Work>,
}

/// What the engine's thread is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
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
            folder: OnceLock::new(),
            work: Mutex::new(Work::Nothing),
        }
    }

    /// Says, once, where cargo works.
    pub(super) fn compiles_in(&self, folder: PathBuf) {
        let _ = self.folder.set(folder);
    }

    /// The engine's thread begins.
    pub(super) fn begin(&self, work: Work) {
        *self.work() = work;
    }

    /// Whether the work was stopped.
    pub(super) fn end(&self) -> bool {
        std::mem::replace(&mut *self.work(), Work::Nothing) == Work::Stopped
    }

    fn kill_compilers(&self) {
        if let Some(folder) = self.folder.get() {
            crate::processes::kill_children_in(folder);
        }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interrupter for WorkerInterrupter {
    fn interrupt(&self) {
        self.resume();
        let mut work = self.work();
        if *work == Work::Evaluating || *work == Work::Stopped {
            *work = Work::Stopped;
            self.socket.cancel();
            // cargo and the compilers. One that has just ended leaves the cell to the order above.
            self.kill_compilers();
        }
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
        let mut work = self.work();
        if *work == Work::Ahead {
            *work = Work::Stopped;
            self.kill_compilers();
        }
    }

    fn kill(&self) {
        self.resume();
        self.socket.exit();
        self.kill_compilers();
    }
}
