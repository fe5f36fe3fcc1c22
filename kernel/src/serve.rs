//! A running kernel: opens the sockets, starts a thread for each, and ends them in order.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
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
use crate::transport::{Postbox, Role, Socket, Transport, mailbox};
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
    Sockets::open(connection)?.serve(notebook, options)
}

/// The kernel's sockets, open: clients can connect, and what they send waits until it is served.
///
/// A program that has more to do before it can serve opens them first. A client that finds nobody tries again only
/// after a tenth of a second.
pub struct Sockets {
    transport: Transport,
    wire: Arc<Wire>,
    rust_version: RustVersion,
    shell: Socket,
    control: Socket,
    stdin: Socket,
    iopub: Socket,
    heartbeat: Socket,
}

impl Sockets {
    /// Opens the sockets where the connection says.
    pub fn open(connection: &Connection) -> Result<Self, ConnectionError> {
        let transport = Transport::new();
        let bind = |channel, role, endpoint: String| match transport.bind(role, &endpoint) {
            Ok(socket) => Ok(socket),
            Err(error) => {
                let reason = error.to_string();
                Err(ConnectionError::Bind {
                    channel,
                    endpoint,
                    reason,
                })
            }
        };
        Ok(Self {
            shell: bind("shell", Role::Router, connection.shell())?,
            control: bind("control", Role::Router, connection.control())?,
            stdin: bind("stdin", Role::Asker, connection.stdin())?,
            iopub: bind("iopub", Role::Publisher, connection.iopub())?,
            heartbeat: bind("hb", Role::Echo, connection.heartbeat())?,
            wire: Arc::new(Wire::new(connection.key(), "kernel")),
            rust_version: RustVersion::probe(),
            transport,
        })
    }

    /// See [`serve`].
    pub fn serve(self, notebook: Arc<dyn Notebook>, options: ServeOptions) -> Result<(), ServeError> {
        let (threads, ended) = Threads::start(self, notebook, options)?;
        // The kernel itself holds a sender: this returns only when someone has asked for the end.
        let _ = ended.recv();
        threads.end();
        Ok(())
    }
}

/// A thread that has a mailbox of its own.
type Served<P> = (P, JoinHandle<()>);

/// A kernel that serves.
struct Threads {
    kernel: Arc<Kernel>,
    transport: Transport,
    executor: Served<Sender<executor::Item>>,
    routers: Vec<Served<Replies>>,
    assistant: JoinHandle<()>,
    stdin: JoinHandle<()>,
    iopub: JoinHandle<()>,
    heartbeat: Served<Postbox<heartbeat::Stop>>,
    _signals: Option<signals::Listener>,
}

impl Threads {
    /// Starts them all; the receiver hears when someone asks for the end.
    fn start(
        sockets: Sockets,
        notebook: Arc<dyn Notebook>,
        options: ServeOptions,
    ) -> Result<(Self, Receiver<()>), ServeError> {
        let (iopub_post, iopub_mailbox) = mailbox()?;
        let (heartbeat_post, heartbeat_mailbox) = mailbox()?;
        let (stdin_post, stdin_mailbox) = mailbox()?;
        let (executor_sender, executor_items) = mpsc::channel();
        let (assistant_sender, assistant_jobs) = mpsc::channel();
        let (end, ended) = mpsc::channel();

        let Sockets {
            transport,
            wire,
            rust_version,
            shell,
            control,
            stdin,
            iopub,
            heartbeat,
        } = sockets;
        let iopub_handle = Iopub(iopub_post);
        let kernel = Arc::new(Kernel {
            wire,
            notebook,
            comms: Comms::new(options.comm_targets, iopub_handle.clone()),
            iopub: iopub_handle,
            stdin: Stdin(stdin_post),
            history: options.history,
            rust_version,
            running: Mutex::default(),
            cells_received: AtomicU64::new(0),
            end,
            stopping: AtomicBool::new(false),
        });
        let signals = options
            .handle_signals
            .then(|| signals::Listener::start(Arc::clone(&kernel)))
            .transpose()?;

        let mut routers = Vec::new();
        for (name, socket) in [("control", control), ("shell", shell)] {
            let (post, mailbox) = mailbox()?;
            let replies = Replies(post);
            let router = Router {
                name,
                socket,
                mailbox,
                replies: replies.clone(),
                kernel: Arc::clone(&kernel),
                executor: executor_sender.clone(),
                // The routers alone have senders of the assistant, which ends with them.
                assistant: assistant_sender.clone(),
            };
            routers.push((replies, spawn(name, move || router.run())?));
        }
        let [wire, asking_wire] = [&kernel.wire; 2].map(Arc::clone);
        let [executing, assisting] = [&kernel; 2].map(Arc::clone);
        let threads = Self {
            executor: (
                executor_sender,
                spawn("executor", move || executor::run(&executing, &executor_items))?,
            ),
            routers,
            assistant: spawn("assistant", move || assistant::run(&assisting, &assistant_jobs))?,
            stdin: spawn("stdin", move || Asker::new(stdin, stdin_mailbox, &asking_wire).run())?,
            iopub: spawn("iopub", move || Publisher::new(iopub, iopub_mailbox, &wire).run())?,
            heartbeat: (
                heartbeat_post,
                spawn("heartbeat", move || heartbeat::run(&heartbeat, &heartbeat_mailbox))?,
            ),
            kernel,
            transport,
            _signals: signals,
        };
        Ok((threads, ended))
    }

    /// Ends them in the order in which they need each other.
    fn end(self) {
        let kernel = self.kernel;
        // The cell that is running ends first, so that its last outputs and its reply still find their sockets. A
        // question to the user would hold up its end, and the next one too.
        kernel.stdin.interrupt();
        kernel.notebook.shutdown();
        kernel.stdin.interrupt();
        let (executor, thread) = self.executor;
        let _ = executor.send(executor::Item::Stop);
        join("executor", thread, LAST_CELL);

        let mut sockets_closed = true;
        for (replies, thread) in self.routers {
            replies.stop();
            sockets_closed &= join("router", thread, LAST_WORDS);
        }
        join("assistant", self.assistant, LAST_WORDS);
        kernel.stdin.0.post(stdin::Item::Stop);
        sockets_closed &= join("stdin", self.stdin, LAST_WORDS);
        kernel.iopub.0.post(iopub::Item::Stop);
        sockets_closed &= join("iopub", self.iopub, LAST_WORDS);
        let (heartbeat, thread) = self.heartbeat;
        heartbeat.post(heartbeat::Stop);
        sockets_closed &= join("heartbeat", thread, LAST_WORDS);
        kernel.history.flush();
        // With a socket still open, this would wait for it for ever.
        if sockets_closed {
            self.transport.close();
        }
    }
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
