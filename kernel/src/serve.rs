//! A running kernel: opens the sockets, starts a thread for each, and ends them in order.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::comms::{CommTarget, Comms};
use crate::connection::{Connection, ConnectionError};
use crate::history::History;
use crate::kernel::Kernel;
use crate::notebook::Notebook;
use crate::rust_version::RustVersion;
use crate::signals;
use crate::sockets::iopub::{Iopub, Publisher};
use crate::sockets::router::{Replies, Router};
use crate::sockets::stdin::{Asker, Stdin};
use crate::sockets::{assistant, executor, heartbeat, iopub, stdin};
use crate::transport::{Role, Transport, mailbox};
use crate::wire::Wire;

/// How long the running cell may take to end once its processes have been told to. A client kills the kernel after 5 s.
const LAST_CELL: Duration = Duration::from_secs(2);
/// How long a thread may take that only has to see that it should end.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a kernel needs beside its connection and its notebook.
pub struct ServeOptions {
    /// Where cells that were run are kept.
    pub history: History,
    /// What answers comms, by name.
    pub comm_targets: HashMap<String, Arc<dyn CommTarget>>,
    /// Whether SIGINT interrupts and SIGTERM ends the kernel: for the process that is one, not for tests.
    pub handle_signals: bool,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            history: History::in_memory(),
            comm_targets: HashMap::new(),
            handle_signals: false,
        }
    }
}

/// Why a kernel could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A socket could not be opened.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The system refused a thread, a pipe or a signal handler.
    #[error("cannot start the kernel: {0}")]
    System(#[from] io::Error),
}

/// Serves clients until one asks for the end (or SIGTERM comes); then everything the kernel started has ended.
pub fn serve(connection: &Connection, notebook: Arc<dyn Notebook>, options: ServeOptions) -> Result<(), ServeError> {
    let rust_version = RustVersion::probe();
    let transport = Transport::new();
    let bind = |channel, role, endpoint: String| {
        transport.bind(role, &endpoint).map_err(|error| {
            let reason = error.to_string();
            ConnectionError::Bind {
                channel,
                endpoint,
                reason,
            }
        })
    };
    let iopub_socket = bind("iopub", Role::Publisher, connection.iopub())?;
    let heartbeat_socket = bind("hb", Role::Echo, connection.heartbeat())?;
    let stdin_socket = bind("stdin", Role::Asker, connection.stdin())?;
    let control_socket = bind("control", Role::Router, connection.control())?;
    let shell_socket = bind("shell", Role::Router, connection.shell())?;

    let (iopub_post, iopub_mailbox) = mailbox()?;
    let (heartbeat_post, heartbeat_mailbox) = mailbox()?;
    let (stdin_post, stdin_mailbox) = mailbox()?;
    let (control_post, control_mailbox) = mailbox()?;
    let (shell_post, shell_mailbox) = mailbox()?;
    let (executor_sender, executor_items) = mpsc::channel();
    let (assistant_sender, assistant_jobs) = mpsc::channel();
    let (end, ended) = mpsc::channel();

    let iopub = Iopub(iopub_post);
    let kernel = Arc::new(Kernel {
        wire: Arc::new(Wire::new(connection.key(), "kernel")),
        notebook,
        comms: Comms::new(options.comm_targets, iopub.clone()),
        iopub,
        stdin: Stdin(stdin_post),
        history: options.history,
        rust_version,
        running: Mutex::default(),
        cells_received: AtomicU64::new(0),
        end,
        stopping: AtomicBool::new(false),
    });
    let _signals = options
        .handle_signals
        .then(|| signals::Listener::start(Arc::clone(&kernel)))
        .transpose()?;

    let wire = Arc::clone(&kernel.wire);
    let iopub_thread = spawn("iopub", move || {
        Publisher::new(iopub_socket, iopub_mailbox, &wire).run();
    })?;
    let heartbeat_thread = spawn("heartbeat", move || {
        heartbeat::run(&heartbeat_socket, &heartbeat_mailbox);
    })?;
    let wire = Arc::clone(&kernel.wire);
    let stdin_thread = spawn("stdin", move || Asker::new(stdin_socket, stdin_mailbox, &wire).run())?;
    let shared = Arc::clone(&kernel);
    let executor_thread = spawn("executor", move || executor::run(&shared, &executor_items))?;
    let shared = Arc::clone(&kernel);
    let assistant_thread = spawn("assistant", move || assistant::run(&shared, &assistant_jobs))?;
    let mut routers = Vec::new();
    for (name, socket, post, mailbox) in [
        ("control", control_socket, control_post, control_mailbox),
        ("shell", shell_socket, shell_post, shell_mailbox),
    ] {
        let replies = Replies(post);
        let router = Router {
            name,
            socket,
            mailbox,
            replies: replies.clone(),
            kernel: Arc::clone(&kernel),
            executor: executor_sender.clone(),
            assistant: assistant_sender.clone(),
        };
        routers.push((replies, spawn(name, move || router.run())?));
    }
    // From here on the routers alone can give work to the assistant, which ends with them.
    drop(assistant_sender);

    // The kernel itself holds a sender: this returns only when someone has asked for the end.
    let _ = ended.recv();

    // The cell that is running ends first, so that its last outputs and its reply still find their sockets. A question
    // to the user would hold up its end, and the next one too.
    kernel.stdin.interrupt();
    kernel.notebook.shutdown();
    kernel.stdin.interrupt();
    let _ = executor_sender.send(executor::Item::Stop);
    join("executor", executor_thread, LAST_CELL);
    let mut sockets_closed = true;
    for (replies, thread) in routers {
        replies.stop();
        sockets_closed &= join("router", thread, LAST_WORDS);
    }
    join("assistant", assistant_thread, LAST_WORDS);
    kernel.stdin.0.post(stdin::Item::Stop);
    heartbeat_post.post(heartbeat::Stop);
    kernel.iopub.0.post(iopub::Item::Stop);
    for (name, thread) in [
        ("stdin", stdin_thread),
        ("heartbeat", heartbeat_thread),
        ("iopub", iopub_thread),
    ] {
        sockets_closed &= join(name, thread, LAST_WORDS);
    }
    kernel.history.flush();
    // With a socket still open, this would wait for it for ever.
    if sockets_closed {
        transport.close();
    }
    Ok(())
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(run)
}

/// Waits for a thread, but not for ever: the process ends anyhow, and takes with it what hangs. True when it has ended.
fn join(name: &str, thread: JoinHandle<()>, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while !thread.is_finished() {
        if Instant::now() >= deadline {
            tracing::warn!(name, "a thread did not end in time");
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    if thread.join().is_err() {
        tracing::error!(name, "a thread had panicked");
    }
    true
}
