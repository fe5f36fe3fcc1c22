//! Workers that are started ahead.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::folder::SocketFolder;
use super::process::Worker;
use super::protocol::WORKER;

/// How many stand ready: one for the step that somebody runs, one for a page that needs a value meanwhile.
const SPARES: usize = 2;
/// How long after one was taken the next is started, unless it was the last: a process that starts takes the processor from the step
/// that has just begun, and most steps are over by then.
const PAUSE: Duration = Duration::from_millis(20);

/// How long the end of a pool waits for a worker that is being started.
const GOODBYE: Duration = Duration::from_secs(2);

/// The program that becomes a worker: this one, unless another is named.
#[derive(Clone, Debug, Default)]
pub struct WorkerCommand {
    program: Option<PathBuf>,
    arguments: Vec<OsString>,
}

impl WorkerCommand {
    /// This program, with arguments that lead it to [`worker_hook`](crate::worker_hook): for one whose `main` is not its own, such as
    /// a test.
    pub fn with_arguments<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> Self {
        Self {
            program: None,
            arguments: arguments.into_iter().map(Into::into).collect(),
        }
    }

    /// Another program, which calls [`worker_hook`](crate::worker_hook) with the same workflows: in a test, the app's own.
    pub fn of_program(program: impl Into<PathBuf>) -> Self {
        Self {
            program: Some(program.into()),
            arguments: Vec::new(),
        }
    }

    pub(super) fn to_command(&self) -> Command {
        let program = self.program.clone().unwrap_or_else(own_program);
        let mut command = Command::new(program);
        command.args(&self.arguments);
        command
    }
}

/// This program as it was started, even if its file has been replaced since.
fn own_program() -> PathBuf {
    let itself = PathBuf::from("/proc/self/exe");
    if itself.exists() {
        return itself;
    }
    std::env::current_exe().unwrap_or(itself)
}

/// Where workers come from. Some stand ready, so that a step need not wait for a process to start.
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    command: WorkerCommand,
    folder: SocketFolder,
    /// How many may run at once.
    most: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    spares: Vec<Worker>,
    /// Whether a thread sees to the spare ones.
    tended: bool,
    /// Whether it is starting one.
    starting: bool,
    running: usize,
    number: u64,
    closed: bool,
}

/// A worker that is in use.
pub(crate) struct Hired {
    pub(crate) worker: Worker,
    shared: Arc<Shared>,
}

impl Pool {
    /// A pool; nothing is started before [`warm`](Self::warm) or [`hire`](Self::hire).
    pub(crate) fn new(command: WorkerCommand, most: usize) -> io::Result<Self> {
        let folder = SocketFolder::new()?;
        Ok(Self {
            shared: Arc::new(Shared {
                command,
                folder,
                most: most.max(1),
                state: Mutex::default(),
                changed: Condvar::new(),
            }),
        })
    }

    /// Has workers started ahead, on another thread.
    pub(crate) fn warm(&self) {
        self.warm_after(Duration::ZERO);
    }

    fn warm_after(&self, pause: Duration) {
        {
            let mut state = self.shared.lock();
            if state.closed || state.tended || state.spares.len() >= SPARES {
                return;
            }
            state.tended = true;
        }
        let shared = Arc::clone(&self.shared);
        let started = std::thread::Builder::new()
            .name("worker-start".to_owned())
            .spawn(move || {
                shared.rest(pause);
                while shared.start_spare() {}
            });
        if started.is_err() {
            self.shared.lock().tended = false;
        }
    }

    /// A worker, as soon as there may be one more. `given_up` ends the wait.
    pub(crate) fn hire(&self, given_up: impl Fn() -> bool) -> io::Result<Hired> {
        let mut state = self.shared.lock();
        while state.running >= self.shared.most || (state.starting && state.spares.is_empty()) {
            if state.closed || given_up() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let patience = Duration::from_millis(100);
            state = self
                .shared
                .changed
                .wait_timeout(state, patience)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        if state.closed {
            return Err(io::ErrorKind::Interrupted.into());
        }
        state.running += 1;
        let spare = state.spares.pop();
        drop(state);
        // Where it was the last one, the next is not waited with.
        self.shared.changed.notify_all();
        let worker = match spare {
            Some(worker) => Ok(worker),
            None => self.shared.start(),
        };
        let worker = worker.inspect_err(|_| self.shared.lock().running -= 1)?;
        self.warm_after(PAUSE);
        Ok(Hired {
            worker,
            shared: Arc::clone(&self.shared),
        })
    }

    /// Ends the spare ones; no other is started.
    pub(crate) fn close(&self) {
        let spares = {
            let mut state = self.shared.lock();
            state.closed = true;
            std::mem::take(&mut state.spares)
        };
        drop(spares);
        self.shared.changed.notify_all();
    }

    /// How many run, and how many stand ready.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = self.shared.lock();
        (state.running, state.spares.len())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.close();
        // A program that ends now would leave the folder to the thread that starts a worker, and so to nobody.
        let state = self.shared.lock();
        let rested = self
            .shared
            .changed
            .wait_timeout_while(state, GOODBYE, |state| state.starting);
        drop(rested);
        let _ = std::fs::remove_dir_all(self.shared.folder.path());
    }
}

impl Drop for Hired {
    fn drop(&mut self) {
        self.shared.lock().running -= 1;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) -> io::Result<Worker> {
        // A program that does not call the hook would go on as a second server, which starts a third.
        let parent = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().to_string());
        if std::env::var(WORKER).is_ok_and(|server| Some(server) == parent) {
            return Err(io::Error::other("`worker_hook` must be called first in `main`"));
        }
        let number = {
            let mut state = self.lock();
            state.number += 1;
            state.number
        };
        Worker::start(&self.command, self.folder.path(), number)
    }

    /// Waits as long as that, or until there is no spare one.
    fn rest(&self, pause: Duration) {
        let state = self.lock();
        let rested = self
            .changed
            .wait_timeout_while(state, pause, |state| !state.closed && !state.spares.is_empty());
        drop(rested);
    }

    /// Starts a spare one, if one is missing; false ends it.
    fn start_spare(&self) -> bool {
        {
            let mut state = self.lock();
            state.starting = !state.closed && state.spares.len() < SPARES;
            state.tended = state.starting;
            if !state.starting {
                return false;
            }
        }
        let mut started = Some(self.start());
        let mut state = self.lock();
        if state.closed {
            drop(state);
            drop(started.take());
            state = self.lock();
        }
        state.starting = false;
        state.tended = match started {
            Some(Ok(worker)) => {
                state.spares.push(worker);
                true
            }
            Some(Err(error)) => {
                tracing::error!(%error, "no worker could be started ahead");
                false
            }
            None => false,
        };
        let is_started = state.tended;
        drop(state);
        self.changed.notify_all();
        is_started
    }
}
