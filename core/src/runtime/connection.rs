//! The cell's end of the kernel's socket.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::protocol::{HELLO, Reply, Request};
use crate::error::{Cause, Error, Result};
use crate::state::Source;
use crate::store::client::{Channel, Client};
use crate::store::wire::{self, FRAME_LIMIT, read_message, write_message};
use crate::{Pip, store};

/// The variable that holds the socket's path.
const SOCKET: &str = "PIPULATE_CELL_SOCKET";

/// How many connections are kept open for the next call.
const KEPT: usize = 4;

/// The way to the kernel. A cell that never calls never connects.
#[derive(Debug, Default)]
struct Kernel {
    /// Connections that no call is using. The lock is not held during a call, which may wait for the user.
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    /// The process that made the connections. One that was forked from it must not use them: it would read answers that
    /// are not its own.
    process: u32,
    connections: Vec<UnixStream>,
}

fn kernel() -> &'static Arc<Kernel> {
    static KERNEL: OnceLock<Arc<Kernel>> = OnceLock::new();
    KERNEL.get_or_init(Arc::default)
}

/// The place behind the kernel.
pub(super) fn pip() -> Pip {
    let store: Arc<dyn store::Store> = Arc::new(Client::new(ToStore(Arc::clone(kernel()))));
    Pip::with_store(store).as_source(Source::Notebook)
}

/// Whether there is a kernel to ask.
pub(super) fn is_there() -> bool {
    std::env::var_os(SOCKET).is_some()
}

/// Asks the kernel.
pub(super) fn call(request: &Request) -> Result<Reply> {
    kernel().exchange(request).map_err(|error| Error::Connection {
        operation: "ask the notebook's kernel".to_owned(),
        source: Cause::of(&error),
    })
}

/// The store's calls, in the envelope of the cell's.
#[derive(Debug)]
struct ToStore(Arc<Kernel>);

impl Channel for ToStore {
    fn exchange(&self, call: &wire::Call) -> io::Result<wire::Reply> {
        match self.0.exchange(&Request::Store { call: call.clone() })? {
            Reply::Store { reply } => Ok(reply),
            Reply::Failed(failure) => Err(io::Error::other(failure.message)),
            reply => Err(io::Error::other(format!("an answer of another kind: {reply:?}"))),
        }
    }
}

impl Kernel {
    fn exchange(&self, request: &Request) -> io::Result<Reply> {
        let mut connection = match self.take() {
            Some(connection) => connection,
            None => connect()?,
        };
        write_message(&mut connection, request)?;
        let reply = read_message(&mut connection, FRAME_LIMIT)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        self.put_back(connection);
        Ok(reply)
    }

    fn take(&self) -> Option<UnixStream> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.process != std::process::id() {
            idle.connections.clear();
            idle.process = std::process::id();
        }
        idle.connections.pop()
    }

    fn put_back(&self, connection: UnixStream) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.process == std::process::id() && idle.connections.len() < KEPT {
            idle.connections.push(connection);
        }
    }
}

fn connect() -> io::Result<UnixStream> {
    let path = std::env::var_os(SOCKET)
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "this code does not run in a notebook's cell"))?;
    let mut connection = UnixStream::connect(path)?;
    write_message(&mut connection, HELLO)?;
    Ok(connection)
}
