//! A store in another process: what a notebook's cells use, whose store is the kernel's.

use std::io;

use super::Store;
use super::wire::{Call, Reply, Request, Response};
use crate::error::{Cause, Error, Result};
use crate::state::{Source, Tenant};

/// The way to the other process: takes a call there and brings its reply back.
pub trait Channel: Send + Sync {
    /// Blocks until the reply is there. An error means that the connection broke.
    fn exchange(&self, call: &Call) -> io::Result<Reply>;
}

/// A store whose calls another process answers.
#[derive(Debug)]
pub struct Client<C> {
    channel: C,
}

impl<C: Channel> Client<C> {
    /// A store at the other end of this channel.
    pub const fn new(channel: C) -> Self {
        Self { channel }
    }

    /// The channel.
    pub const fn channel(&self) -> &C {
        &self.channel
    }
}

impl<C: Channel> Store for Client<C> {
    fn call(&self, tenant: &Tenant, source: &Source, request: Request) -> Result<Response> {
        let call = Call {
            tenant: tenant.clone(),
            source: source.clone(),
            request,
        };
        match self.channel.exchange(&call) {
            Ok(reply) => reply,
            Err(error) => Err(Error::Connection {
                operation: call.request.describe(),
                source: Cause::of(&error),
            }),
        }
    }
}

#[cfg(unix)]
pub use unix::UnixChannel;

#[cfg(unix)]
mod unix {
    use std::io;
    use std::os::unix::net::UnixStream;
    use std::path::{Path, PathBuf};
    use std::process;
    use std::sync::{Mutex, PoisonError};

    use super::{Channel, Client};
    use crate::store::wire::{Call, FRAME_LIMIT, Reply, read_message, write_message};

    impl Client<UnixChannel> {
        /// A store behind this Unix socket.
        pub fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
            UnixChannel::connect(path).map(Self::new)
        }
    }

    /// Connections to a Unix socket, one for each thread that calls at the same time, so that the store can commit their
    /// writes together.
    #[derive(Debug)]
    pub struct UnixChannel {
        path: PathBuf,
        frame_limit: usize,
        /// A mutex because a connection is out of the pool while it is in use: no lock is held during a call.
        idle: Mutex<Idle>,
    }

    #[derive(Debug)]
    struct Idle {
        /// Connections must not be shared across a fork: answers would reach the wrong process.
        process: u32,
        connections: Vec<UnixStream>,
    }

    /// How many connections are kept open for the next call.
    const KEPT: usize = 8;

    impl UnixChannel {
        /// Connects to the socket at `path`.
        pub fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
            let path = path.as_ref().to_owned();
            let connections = vec![UnixStream::connect(&path)?];
            let idle = Mutex::new(Idle {
                process: process::id(),
                connections,
            });
            Ok(Self {
                path,
                frame_limit: FRAME_LIMIT,
                idle,
            })
        }

        /// Accepts replies up to this size.
        #[must_use]
        pub fn with_frame_limit(mut self, frame_limit: usize) -> Self {
            self.frame_limit = frame_limit;
            self
        }

        fn take(&self) -> Option<UnixStream> {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.process != process::id() {
                idle.connections.clear();
                idle.process = process::id();
            }
            idle.connections.pop()
        }

        fn put_back(&self, connection: UnixStream) {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.process == process::id() && idle.connections.len() < KEPT {
                idle.connections.push(connection);
            }
        }

        fn exchange_over(&self, connection: &mut UnixStream, call: &Call) -> Result<Reply, (Stage, io::Error)> {
            write_message(connection, call).map_err(|error| (Stage::Sending, error))?;
            match read_message(connection, self.frame_limit) {
                Ok(Some(reply)) => Ok(reply),
                Ok(None) => Err((Stage::Waiting, io::ErrorKind::UnexpectedEof.into())),
                Err(error) => Err((Stage::Waiting, error)),
            }
        }
    }

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Stage {
        Sending,
        Waiting,
    }

    impl Channel for UnixChannel {
        fn exchange(&self, call: &Call) -> io::Result<Reply> {
            if let Some(mut connection) = self.take() {
                match self.exchange_over(&mut connection, call) {
                    Ok(reply) => {
                        self.put_back(connection);
                        return Ok(reply);
                    }
                    // The connection may have gone stale while it was idle. A call that was not sent whole was not
                    // answered, and a read may be asked twice; a change that may have been made may not.
                    Err((stage, _)) if stage == Stage::Sending || !call.request.is_write() => {}
                    Err((_, error)) => return Err(error),
                }
            }
            let mut connection = UnixStream::connect(&self.path)?;
            let reply = self.exchange_over(&mut connection, call).map_err(|(_, error)| error)?;
            self.put_back(connection);
            Ok(reply)
        }
    }
}
