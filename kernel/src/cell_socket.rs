//! The socket that joins the kernel to the worker: the supervisor reports on it, and code in cells calls.
//!
//! It stands in the kernel's private runtime folder; its path is in the worker's environment. What a cell prints comes
//! from the supervisor, what it displays or asks comes from the cell itself, over another connection: before the second
//! is shown, the supervisor is asked for all that was printed before, so that the notebook shows both in order.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use pipulate::runtime::protocol::{Failure, Reply, Request};
use pipulate::store::wire::{FRAME_LIMIT, read_message, write_message};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::outputs::{CellError, MimeBundle, Outputs};
use crate::render;
use crate::worker::wire::{Death, Event, Hello, Order, Outcome};

/// How long a display is held to see whether the cell ends with it, which makes it the cell's result. One that is text alone is
/// held for as long as nothing follows it: that is how the value of a last expression comes, and hardly anything else.
const RESULT: Duration = Duration::from_millis(250);
/// How long the supervisor may take to pass on what has happened. It answers at once, but for a machine under load.
const SYNC: Duration = Duration::from_secs(10);

/// What the kernel does for code in cells.
pub trait CellServices: Send + Sync {
    /// Answers a request other than [`Request::Fail`]. `outputs` are those of the cell that runs.
    fn answer(&self, request: Request, outputs: &Arc<dyn Outputs>) -> Reply;
}

/// How an evaluation ended, as the worker saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The cell ended by itself.
    Done(Outcome),
    /// The cell ended its process, and every variable is as it was before.
    WentBack(Death),
    /// The process that runs cells is gone.
    Died {
        /// How.
        death: Death,
        /// Why there was no checkpoint to go back to, where a cell was running.
        no_checkpoint: Option<String>,
    },
}

/// What an evaluation leaves behind.
#[derive(Debug, Default)]
pub struct Remains {
    /// How it ended.
    pub ended: Option<Ended>,
    /// What was displayed last, where nothing followed it.
    pub result: Option<MimeBundle>,
    /// The error by which a magic made the cell unwind.
    pub failure: Option<CellError>,
}

/// The socket, and what is known about the evaluation that runs.
pub struct CellSocket {
    path: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
    services: OnceLock<Arc<dyn CellServices>>,
}

#[derive(Default)]
struct State {
    /// Those of the last cell once it has ended: what its threads print later is its own.
    outputs: Option<Arc<dyn Outputs>>,
    supervisor: Option<Supervisor>,
    had_supervisor: bool,
    /// What every supervisor is told first, by what it is about: the folder and the variables that user code sees.
    settings: BTreeMap<String, Order>,
    syncs: u64,
    synced: u64,
    held: Option<(MimeBundle, Instant)>,
    started: Option<Instant>,
    remains: Remains,
    /// How long the last cell ran, the compiler's time not counted.
    ran: Option<Duration>,
}

struct Supervisor {
    process: u32,
    orders: UnixStream,
}

impl CellSocket {
    /// Listens at `cells.sock` in `folder`, which must be private to the user.
    pub fn bind(folder: &Path) -> io::Result<Arc<Self>> {
        let path = folder.join("cells.sock");
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        let socket = Arc::new(Self {
            path,
            state: Mutex::default(),
            changed: Condvar::new(),
            services: OnceLock::new(),
        });
        let weak = Arc::downgrade(&socket);
        std::thread::Builder::new()
            .name("cell-socket".to_owned())
            .spawn(move || accept(&listener, &weak))?;
        Ok(socket)
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sets, once, who answers cells.
    pub fn serve(&self, services: Arc<dyn CellServices>) {
        let _ = self.services.set(services);
    }

    /// An evaluation begins: what comes from now on goes to `outputs`.
    pub fn begin(&self, outputs: Arc<dyn Outputs>) {
        // The end of what the engine ran for itself must not be taken for the end of this.
        self.catch_up();
        let mut state = self.lock();
        state.release_held();
        state.outputs = Some(outputs);
        state.remains = Remains::default();
        state.ran = None;
        state.order(&Order::Begin);
    }

    /// Whether a cell runs, its end not being known yet.
    pub fn is_running(&self) -> bool {
        let state = self.lock();
        state.started.is_some() && state.remains.ended.is_none()
    }

    /// Whether anything has run since the evaluation began.
    pub fn has_started(&self) -> bool {
        self.catch_up();
        let state = self.lock();
        state.started.is_some() || state.ran.is_some() || state.remains.ended.is_some()
    }

    /// How long the last cell ran, the compiler's time not counted.
    pub fn last_run(&self) -> Option<Duration> {
        self.lock().ran
    }

    /// Waits for the end that the worker reports; `None` when it does not come in time, or there is no supervisor.
    pub fn wait_for_end(&self, timeout: Duration) -> Option<Ended> {
        let (state, _) = self
            .changed
            .wait_timeout_while(self.lock(), timeout, |state| {
                state.remains.ended.is_none() && state.supervisor.is_some()
            })
            .unwrap_or_else(PoisonError::into_inner);
        state.remains.ended.clone()
    }

    /// What the evaluation leaves.
    pub fn take_remains(&self) -> Remains {
        let mut state = self.lock();
        let mut remains = std::mem::take(&mut state.remains);
        remains.result = state.held.take().map(|(bundle, _)| render::drawn(bundle));
        remains
    }

    /// Stops the evaluation: the cell that runs, or the one that would run next.
    pub fn cancel(&self) {
        self.lock().order(&Order::Cancel);
    }

    /// Lets the supervisor go on, should a signal have stopped it.
    pub fn resume(&self) {
        self.lock().signal(Signal::CONT);
    }

    /// Ends the supervisor, and user code with it, where it does not answer.
    pub fn kill(&self) {
        self.lock().signal(Signal::KILL);
    }

    /// Ends the worker.
    pub fn exit(&self) {
        self.lock().order(&Order::Exit);
    }

    /// Changes the working folder of user code, also of processes that come after this one.
    pub fn set_directory(&self, directory: &Path) {
        let directory = directory.to_string_lossy().into_owned();
        self.set("", &Order::Directory { directory });
    }

    /// Sets an environment variable of user code's, also in processes that come after this one.
    pub fn set_variable(&self, name: &str, value: &str) {
        let order = Order::Variable {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        self.set(name, &order);
    }

    /// Whether cells get a checkpoint from now on.
    pub fn set_checkpoints(&self, on: bool) {
        // No environment variable has a name like this one.
        self.set("=checkpoints", &Order::Checkpoints { on });
    }

    fn set(&self, about: &str, order: &Order) {
        let mut state = self.lock();
        state.settings.insert(about.to_owned(), order.clone());
        state.order(order);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all that the supervisor has to tell so far has been taken. Its events come in order, so what it answers
    /// last comes after all that happened before it was asked.
    pub fn catch_up(&self) {
        let mut state = self.lock();
        state.syncs += 1;
        let number = state.syncs;
        if state.order(&Order::Sync { number }) {
            let waiting = |state: &mut State| state.synced < number && state.supervisor.is_some();
            // Whether it has answered or not, there is nothing more to wait for.
            drop(self.changed.wait_timeout_while(state, SYNC, waiting));
        }
    }

    /// Waits until all that the cell has printed or displayed so far is with its outputs.
    fn sync(&self) {
        self.catch_up();
        self.lock().release_held();
    }

    /// Whether the worker was there and is gone, nobody having been told.
    pub fn is_lost(&self) -> bool {
        let state = self.lock();
        state.had_supervisor && state.supervisor.is_none()
    }

    fn serve_supervisor(&self, mut events: UnixStream, process: u32) -> io::Result<()> {
        let orders = events.try_clone()?;
        {
            let mut state = self.lock();
            state.supervisor = Some(Supervisor { process, orders });
            state.had_supervisor = true;
            let settings: Vec<Order> = state.settings.values().cloned().collect();
            for order in &settings {
                state.order(order);
            }
        }
        let mut died = false;
        while let Some(event) = self.next_event(&mut events) {
            died |= matches!(event, Event::Died { .. });
            self.lock().take(event);
            self.changed.notify_all();
        }
        let mut state = self.lock();
        if state
            .supervisor
            .as_ref()
            .is_some_and(|supervisor| supervisor.process == process)
        {
            state.supervisor = None;
            if !died {
                state.take(Event::Died {
                    death: Death {
                        name: "ProcessDied".to_owned(),
                        how: "the supervisor of cells is gone".to_owned(),
                    },
                    no_checkpoint: None,
                });
            }
        }
        self.changed.notify_all();
        Ok(())
    }

    /// The next event. A display that is held is shown when nothing comes for a while.
    fn next_event(&self, events: &mut UnixStream) -> Option<Event> {
        loop {
            let is_rich = |bundle: &MimeBundle| bundle.keys().any(|mime| mime != "text/plain");
            let held_since = match &self.lock().held {
                Some((bundle, since)) if is_rich(bundle) => Some(*since),
                _ => None,
            };
            let Some(since) = held_since else { break };
            let timeout = Timespec::try_from(RESULT.saturating_sub(since.elapsed())).ok()?;
            let mut polled = [PollFd::new(&*events, PollFlags::IN)];
            match poll(&mut polled, Some(&timeout)) {
                Ok(0) => self.lock().release_held(),
                Ok(_) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return None,
            }
        }
        read_message(events, FRAME_LIMIT).ok()?
    }

    fn serve_cell(&self, mut cell: UnixStream) -> io::Result<()> {
        while let Some(request) = read_message(&mut cell, FRAME_LIMIT)? {
            write_message(&mut cell, &self.answer(request))?;
        }
        Ok(())
    }

    fn answer(&self, request: Request) -> Reply {
        if let Request::Fail(failure) = request {
            self.lock().remains.failure = Some(cell_error(failure));
            return Reply::Done;
        }
        if shows(&request) {
            self.sync();
        }
        let outputs = self.lock().outputs.clone();
        match (self.services.get(), outputs) {
            (Some(services), Some(outputs)) => services.answer(request, &outputs),
            _ => Reply::Failed(Failure {
                name: "Connection".to_owned(),
                message: "the kernel runs no cell".to_owned(),
                help: None,
            }),
        }
    }
}

impl Drop for CellSocket {
    fn drop(&mut self) {
        // The listener's thread sees the end of the socket by this connection.
        let _ = UnixStream::connect(&self.path);
        let _ = std::fs::remove_file(&self.path);
    }
}

impl State {
    /// False when there is no supervisor to take it.
    fn order(&mut self, order: &Order) -> bool {
        let Some(supervisor) = &mut self.supervisor else {
            return false;
        };
        write_message(&mut supervisor.orders, order).is_ok()
    }

    fn signal(&self, signal: Signal) {
        let process = self.supervisor.as_ref().map(|supervisor| supervisor.process);
        let process = process.and_then(|process| i32::try_from(process).ok());
        if let Some(process) = process.and_then(Pid::from_raw) {
            // One that has ended needs none.
            let _ = kill_process(process, signal);
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Started => self.started = Some(Instant::now()),
            Event::Text { stream, text } => {
                self.release_held();
                if let Some(outputs) = &self.outputs {
                    outputs.stream(stream, &text);
                }
            }
            Event::Content { mime, text } => self.hold(mime, text),
            Event::Synced { number } => self.synced = number,
            Event::Done(outcome) => {
                self.ran = self.started.take().map(|started| started.elapsed());
                self.remains.ended = Some(Ended::Done(outcome));
            }
            Event::WentBack(death) => {
                self.started = None;
                self.release_held();
                self.remains.ended = Some(Ended::WentBack(death));
            }
            Event::Died { death, no_checkpoint } => {
                self.started = None;
                self.release_held();
                self.remains.ended = Some(Ended::Died { death, no_checkpoint });
            }
        }
    }

    /// Contents of different media types that follow each other are one display.
    fn hold(&mut self, mime: String, text: String) {
        let (mime, content) = content(mime, text);
        if self.held.as_ref().is_some_and(|(bundle, _)| bundle.contains_key(&mime)) {
            self.release_held();
        }
        let (bundle, since) = self.held.get_or_insert_with(|| (MimeBundle::new(), Instant::now()));
        bundle.insert(mime, content);
        *since = Instant::now();
    }

    fn release_held(&mut self) {
        if let (Some((bundle, _)), Some(outputs)) = (self.held.take(), &self.outputs) {
            let bundle = render::drawn(bundle);
            let metadata = render::metadata(&bundle);
            outputs.display(with_plain_text(bundle), metadata, None);
        }
    }
}

fn accept(listener: &UnixListener, socket: &Weak<CellSocket>) {
    while let Ok((stream, _)) = listener.accept() {
        let Some(socket) = socket.upgrade() else { return };
        let served = std::thread::Builder::new()
            .name("cell-connection".to_owned())
            .spawn(move || {
                if let Err(error) = serve(&socket, stream) {
                    tracing::debug!(%error, "a connection of the worker ended");
                }
            });
        if let Err(error) = served {
            tracing::error!(%error, "no thread for a connection of the worker");
        }
    }
}

fn serve(socket: &CellSocket, mut stream: UnixStream) -> io::Result<()> {
    match read_message(&mut stream, FRAME_LIMIT)? {
        Some(Hello::Supervisor { process }) => socket.serve_supervisor(stream, process),
        Some(Hello::Cell) => socket.serve_cell(stream),
        None => Ok(()),
    }
}

/// Whether a request may show something, which comes after all that was printed before.
fn shows(request: &Request) -> bool {
    matches!(
        request,
        Request::Set { .. }
            | Request::Magic { .. }
            | Request::Input(_)
            | Request::Display(_)
            | Request::ClearOutput { .. }
    )
}

/// A media type and its content as Jupyter wants them: JSON as a value, all else as text.
fn content(mime: String, text: String) -> (String, Value) {
    let is_json = mime == "application/json" || mime.ends_with("+json");
    let value = if is_json {
        serde_json::from_str(&text).ok()
    } else {
        None
    };
    (mime, value.unwrap_or(Value::String(text)))
}

/// A bundle always has something for a client that shows only text.
pub fn with_plain_text(mut bundle: MimeBundle) -> MimeBundle {
    if !bundle.contains_key("text/plain") {
        let types: Vec<&str> = bundle.keys().map(String::as_str).collect();
        let text = format!("<{}>", types.join(", "));
        bundle.insert("text/plain".to_owned(), Value::String(text));
    }
    bundle
}

/// A failure that a cell reports, as the notebook shows it.
pub fn cell_error(failure: Failure) -> CellError {
    let error = CellError::new(failure.name, failure.message);
    match failure.help {
        Some(help) => error.with_help(help),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::magic::testing::Recorder;

    fn content(mime: &str) -> Event {
        Event::Content {
            mime: mime.to_owned(),
            text: "5".to_owned(),
        }
    }

    fn wait_until(what: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !what() {
            assert!(Instant::now() < deadline, "it never came");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn the_value_of_a_cell_is_its_result_however_late_its_end_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let socket = CellSocket::bind(folder.path()).unwrap();
        let mut supervisor = UnixStream::connect(socket.path()).unwrap();
        write_message(&mut supervisor, &Hello::Supervisor { process: 1 }).unwrap();
        wait_until(|| socket.lock().supervisor.is_some());
        let outputs = Recorder::new();
        socket.lock().outputs = Some(Arc::clone(&outputs) as Arc<dyn Outputs>);

        // A picture that nothing follows is shown after a while; text is held.
        write_message(&mut supervisor, &Event::Started).unwrap();
        write_message(&mut supervisor, &content("image/svg+xml")).unwrap();
        wait_until(|| outputs.displays().len() == 1);
        write_message(&mut supervisor, &content("text/plain")).unwrap();
        wait_until(|| socket.lock().held.is_some());
        std::thread::sleep(RESULT * 2);
        write_message(&mut supervisor, &Event::Done(Outcome::default())).unwrap();
        wait_until(|| socket.lock().remains.ended.is_some());
        let remains = socket.take_remains();
        assert_eq!(remains.result.unwrap()["text/plain"], "5");
        assert_eq!(outputs.displays().len(), 1);
    }
}
