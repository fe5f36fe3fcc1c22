//! What the threads of a running kernel share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cell_outputs::CellOutputs;
use crate::comms::Comms;
use crate::history::History;
use crate::notebook::Notebook;
use crate::rust_version::RustVersion;
use crate::sockets::iopub::Iopub;
use crate::sockets::stdin::Stdin;
use crate::wire::Wire;

pub(crate) struct Kernel {
    pub(crate) wire: Arc<Wire>,
    pub(crate) notebook: Arc<dyn Notebook>,
    pub(crate) iopub: Iopub,
    pub(crate) stdin: Stdin,
    pub(crate) history: History,
    pub(crate) comms: Comms,
    pub(crate) rust_version: RustVersion,
    /// The cell that runs.
    pub(crate) running: Mutex<Option<Arc<CellOutputs>>>,
    /// How many cells clients have asked for.
    pub(crate) cells_received: AtomicU64,
    /// Wakes the main thread, which ends the others.
    pub(crate) end: Sender<()>,
    pub(crate) stopping: AtomicBool,
}

impl Kernel {
    /// Stops the running cell, also one that waits for its user's input; nothing when idle.
    pub(crate) fn interrupt(&self) {
        // First of all the mark: a cell that is only just being begun looks at it when the rest has missed it.
        if let Some(cell) = &*self.running.lock().unwrap_or_else(PoisonError::into_inner) {
            cell.interrupt();
        }
        self.stdin.interrupt();
        self.notebook.interrupt();
    }

    /// Begins to end the kernel, and returns at once. Cells that wait in the queue are not run any more.
    pub(crate) fn begin_shutdown(&self) {
        self.stopping.store(true, Ordering::Release);
        // Failing means that the main thread is ending things already.
        let _ = self.end.send(());
    }

    /// Says which cell runs, before it does.
    pub(crate) fn set_running(&self, cell: Option<Arc<CellOutputs>>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = cell;
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}
