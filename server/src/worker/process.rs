//! One worker, as the server sees it.

use std::io::{self, PipeReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use pipulate::runtime::protocol::{HELLO, Request};
use pipulate::store::wire::{FRAME_LIMIT, read_message, write_message};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal};

use super::pool::WorkerCommand;
use super::protocol::{CONTROL, Ended, SOCKET, Task, WORKER};
use super::scanner::Scanner;
use super::services::{Current, Running};
use crate::outputs::Stream;
use crate::program::{KEEPER, LISTENER};
use crate::workflow::StepError;

/// How long a worker may take to begin. It takes milliseconds, but for a machine under load.
const START: Duration = Duration::from_secs(30);

/// A process that runs steps, one at a time. It ends when this is dropped, with everything that it started.
pub(crate) struct Worker {
    child: Child,
    group: Pid,
    orders: UnixStream,
    socket: PathBuf,
    shared: Arc<Shared>,
}

struct Shared {
    current: Current,
    streams: Mutex<[Pipe; 2]>,
    over: AtomicBool,
}

/// One of the streams: read by the thread that waits for it, and by whoever must have all that was printed so far.
struct Pipe {
    stream: Stream,
    reader: PipeReader,
    scanner: Scanner,
    is_open: bool,
}

impl Worker {
    /// Starts one; its socket stands in `folder`, which must be private.
    pub(super) fn start(command: &WorkerCommand, folder: &Path, number: u64) -> io::Result<Self> {
        let socket = folder.join(format!("{number}.sock"));
        let listener = UnixListener::bind(&socket)?;
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600))?;
        let (stdout, stdout_writer) = io::pipe()?;
        let (stderr, stderr_writer) = io::pipe()?;
        let child = command
            .to_command()
            .env(WORKER, std::process::id().to_string())
            .env(SOCKET, &socket)
            // An app that a step starts is not kept by ours.
            .env_remove(KEEPER)
            .env_remove(LISTENER)
            .stdin(Stdio::null())
            .stdout(stdout_writer)
            .stderr(stderr_writer)
            .process_group(0)
            .spawn()?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let group = group.ok_or(io::ErrorKind::InvalidData)?;
        let shared = Arc::new(Shared {
            current: Current::default(),
            streams: Mutex::new([Pipe::new(Stream::Stdout, stdout)?, Pipe::new(Stream::Stderr, stderr)?]),
            over: AtomicBool::new(false),
        });
        let (sender, receiver) = mpsc::channel();
        spawn("worker-socket", {
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared, &sender)
        })?;
        // Made before anything can fail, so that the process never stays behind.
        let mut starting = Starting {
            child: Some(child),
            group,
            socket: socket.clone(),
            shared: Arc::clone(&shared),
        };
        let orders = receiver.recv_timeout(START).map_err(|_| {
            io::Error::new(
                io::ErrorKind::TimedOut,
                "the worker did not begin; is `worker_hook` called first in `main`?",
            )
        })?;
        spawn("worker-output", move || pump(&shared))?;
        let child = starting.child.take().ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self {
            child,
            group,
            orders,
            socket,
            shared: Arc::clone(&starting.shared),
        })
    }

    /// The process group, to be killed when the step is cancelled.
    pub(crate) fn group(&self) -> Pid {
        self.group
    }

    /// Runs a task to its end.
    pub(crate) fn run(&mut self, task: &Task, running: &Arc<Running>) -> Ended {
        // What was printed before belongs to nobody.
        self.shared.drain(None);
        *lock(&self.shared.current) = Some(Arc::clone(running));
        let ended = write_message(&mut self.orders, task).and_then(|()| read_message(&mut self.orders, FRAME_LIMIT));
        let ended = match ended {
            Ok(Some(ended)) => ended,
            Ok(None) | Err(_) => Ended::Failed(self.died()),
        };
        self.shared.drain(Some(true));
        running.end();
        *lock(&self.shared.current) = None;
        match (ended, running.failure()) {
            (Ended::Failed(error), Some(failure)) if error.name() == "Panic" => {
                let told = StepError::new(failure.name, failure.message);
                Ended::Failed(match failure.help {
                    Some(help) => told.with_help(help),
                    None => told,
                })
            }
            (ended, _) => ended,
        }
    }

    /// The connection is gone: so is the process, or it is of no use.
    fn died(&mut self) -> StepError {
        kill(self.group);
        let how = match self.child.wait() {
            Ok(status) => in_words(status),
            Err(error) => error.to_string(),
        };
        StepError::new("ProcessDied", format!("the process that ran the step {how}"))
            .with_help("The job is as the step left it. Run the step again when the cause is mended.")
    }
}

/// Kills a worker with all that it started.
pub(crate) fn kill(group: Pid) {
    // One that has ended needs no signal.
    let _ = rustix::process::kill_process_group(group, Signal::KILL);
}

impl Drop for Worker {
    fn drop(&mut self) {
        end(&mut self.child, self.group, &self.socket, &self.shared);
    }
}

struct Starting {
    child: Option<Child>,
    group: Pid,
    socket: PathBuf,
    shared: Arc<Shared>,
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            end(&mut child, self.group, &self.socket, &self.shared);
        }
    }
}

fn end(child: &mut Child, group: Pid, socket: &Path, shared: &Shared) {
    shared.over.store(true, Ordering::Release);
    kill(group);
    let _ = child.wait();
    // The listener's thread sees by this connection that it is over.
    let _ = UnixStream::connect(socket);
    let _ = std::fs::remove_file(socket);
}

fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(9)) => "was killed (signal 9)".to_owned(),
        (None, Some(11)) => "crashed (signal 11: a stack that overflowed, or memory that was not its own)".to_owned(),
        (None, Some(6)) => "aborted (signal 6)".to_owned(),
        (None, signal) => format!("ended by signal {}", signal.unwrap_or_default()),
    }
}

impl Pipe {
    fn new(stream: Stream, reader: PipeReader) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&reader, true)?;
        Ok(Self {
            stream,
            reader,
            scanner: Scanner::default(),
            is_open: true,
        })
    }

    /// Takes all that is there.
    fn take(&mut self, running: Option<&Running>) {
        let mut buffer = [0; 16 * 1024];
        while self.is_open {
            match self.reader.read(&mut buffer) {
                Ok(0) => self.is_open = false,
                Ok(count) => {
                    let parts = self.scanner.take(&buffer[..count]);
                    if let Some(running) = running {
                        running.printed(self.stream, parts);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.is_open = false,
            }
        }
    }
}

impl Shared {
    /// Takes all that was printed so far; at an end also what was held back. `None` throws it away.
    fn drain(&self, to_end: Option<bool>) {
        let current = lock(&self.current).clone();
        let mut streams = lock(&self.streams);
        for pipe in streams.iter_mut() {
            pipe.take(current.as_deref());
            if to_end != Some(false) {
                let rest = pipe.scanner.finish();
                if let Some(running) = &current {
                    running.printed(pipe.stream, rest);
                }
            }
        }
    }
}

/// Takes what is printed, as it comes.
fn pump(shared: &Shared) {
    let clones: Vec<PipeReader> = match lock(&shared.streams)
        .iter()
        .map(|pipe| pipe.reader.try_clone())
        .collect::<io::Result<_>>()
    {
        Ok(clones) => clones,
        Err(error) => return tracing::error!(%error, "what a worker prints cannot be read"),
    };
    loop {
        let open: Vec<bool> = lock(&shared.streams).iter().map(|pipe| pipe.is_open).collect();
        let mut polled: Vec<PollFd<'_>> = clones
            .iter()
            .zip(open)
            .filter(|(_, is_open)| *is_open)
            .map(|(clone, _)| PollFd::new(clone, PollFlags::IN))
            .collect();
        if polled.is_empty() {
            return;
        }
        match poll(&mut polled, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => shared.drain(Some(false)),
            Err(_) => return,
        }
    }
}

fn accept(listener: &UnixListener, shared: &Arc<Shared>, orders: &mpsc::Sender<UnixStream>) {
    while let Ok((stream, _)) = listener.accept() {
        if shared.over.load(Ordering::Acquire) {
            return;
        }
        let (shared, orders) = (Arc::clone(shared), orders.clone());
        let served = spawn("worker-connection", move || {
            if let Err(error) = serve(&shared, stream, &orders) {
                tracing::debug!(%error, "a connection of a worker ended");
            }
        });
        if let Err(error) = served {
            tracing::error!(%error, "no thread for a connection of a worker");
        }
    }
}

fn serve(shared: &Shared, mut stream: UnixStream, orders: &mpsc::Sender<UnixStream>) -> io::Result<()> {
    match read_message::<String>(&mut stream, FRAME_LIMIT)?.as_deref() {
        Some(CONTROL) => {
            // Nobody waits for a second one.
            let _ = orders.send(stream);
            Ok(())
        }
        Some(HELLO) => {
            while let Some(request) = read_message::<Request>(&mut stream, FRAME_LIMIT)? {
                // What was printed before is shown before.
                if matches!(request, Request::Display(_) | Request::ClearOutput { .. }) {
                    shared.drain(Some(false));
                }
                let running = lock(&shared.current).clone();
                let Some(running) = running else { return Ok(()) };
                write_message(&mut stream, &running.answer(request))?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
