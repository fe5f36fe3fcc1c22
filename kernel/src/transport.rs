//! Sockets, and the only file that knows libzmq.
//!
//! A socket belongs to one thread, always. What other threads want sent reaches that thread through a [`Mailbox`]: an
//! ordinary channel with a wake-up that libzmq can wait for together with the socket, so that neither is polled.

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

#[cfg(unix)]
use std::os::{fd::AsRawFd as _, unix::net::UnixStream as WakeStream};
#[cfg(windows)]
use std::{net::TcpStream as WakeStream, os::windows::io::AsRawSocket as _};

/// A multipart message as libzmq delivers it.
pub(crate) type Frames = Vec<Vec<u8>>;

/// How long closing waits for messages that clients have not fetched yet.
const LINGER: Duration = Duration::from_secs(1);

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Requests come in with the identity of the client; replies go out with it.
    Router,
    /// Questions go out to a client that may not have connected to this socket yet; answers come in.
    Asker,
    /// Everything goes to every subscriber, and subscriptions come in.
    Publisher,
    /// A request, and its reply.
    Echo,
}

/// The message queue library, alive as long as one of its sockets is.
pub(crate) struct Transport {
    context: zmq::Context,
}

impl Transport {
    pub(crate) fn new() -> Self {
        Self {
            context: zmq::Context::new(),
        }
    }

    /// Opens a socket on an endpoint such as `tcp://127.0.0.1:5555`.
    pub(crate) fn bind(&self, role: Role, endpoint: &str) -> Result<Socket, zmq::Error> {
        let kind = match role {
            Role::Router | Role::Asker => zmq::ROUTER,
            Role::Publisher => zmq::XPUB,
            Role::Echo => zmq::REP,
        };
        let socket = self.context.socket(kind)?;
        socket.set_linger(i32::try_from(LINGER.as_millis()).unwrap_or(i32::MAX))?;
        // At the default mark of 1000 waiting messages libzmq throws outputs of a busy cell away.
        socket.set_sndhwm(0)?;
        socket.set_rcvhwm(0)?;
        socket.set_ipv6(endpoint.contains('['))?;
        match role {
            // A client that reconnects under its old identity takes it over.
            Role::Router => socket.set_router_handover(true)?,
            // Sending to a client that is not there fails, rather than losing the message.
            Role::Asker => {
                socket.set_router_handover(true)?;
                socket.set_router_mandatory(true)?;
            }
            // Each subscription is reported, not just the first to a topic: each client is welcomed.
            Role::Publisher => socket.set_xpub_verbose(true)?,
            Role::Echo => {}
        }
        socket.bind(endpoint)?;
        Ok(Socket { socket })
    }

    /// Waits until what the closed sockets still had to send is out, at most [`LINGER`].
    pub(crate) fn close(mut self) {
        while self.context.destroy() == Err(zmq::Error::EINTR) {}
    }
}

/// One bound socket. It can move to the thread that will own it, and not be shared.
pub(crate) struct Socket {
    socket: zmq::Socket,
}

impl Socket {
    /// The next message, if one is there.
    pub(crate) fn receive(&self) -> Option<Frames> {
        loop {
            match self.socket.recv_multipart(zmq::DONTWAIT) {
                Ok(frames) => return Some(frames),
                Err(zmq::Error::EINTR) => {}
                Err(zmq::Error::EAGAIN) => return None,
                Err(error) => {
                    tracing::warn!(%error, "cannot receive");
                    return None;
                }
            }
        }
    }

    /// Sends one message. A client that has gone is no error: libzmq drops what was for it. False if the client is not
    /// there, where that is known: on an [`Asker`](Role::Asker).
    pub(crate) fn send(&self, frames: Frames) -> bool {
        match self.socket.send_multipart(frames, 0) {
            Ok(()) => true,
            Err(zmq::Error::EHOSTUNREACH) => false,
            Err(error) => {
                tracing::warn!(%error, "cannot send");
                true
            }
        }
    }
}

/// A channel into a thread that waits for a socket as well.
pub(crate) fn mailbox<T>() -> io::Result<(Postbox<T>, Mailbox<T>)> {
    let (sender, receiver) = mpsc::channel();
    let (writer, reader) = wake_pair()?;
    writer.set_nonblocking(true)?;
    reader.set_nonblocking(true)?;
    let signalled = Arc::new(AtomicBool::new(false));
    let waker = Arc::new(Waker {
        stream: writer,
        signalled: Arc::clone(&signalled),
    });
    Ok((
        Postbox { sender, waker },
        Mailbox {
            receiver,
            stream: reader,
            signalled,
        },
    ))
}

#[cfg(unix)]
fn wake_pair() -> io::Result<(WakeStream, WakeStream)> {
    WakeStream::pair()
}

#[cfg(windows)]
fn wake_pair() -> io::Result<(WakeStream, WakeStream)> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let writer = WakeStream::connect(listener.local_addr()?)?;
    writer.set_nodelay(true)?;
    loop {
        let (reader, peer) = listener.accept()?;
        if peer == writer.local_addr()? {
            return Ok((writer, reader));
        }
    }
}

struct Waker {
    stream: WakeStream,
    /// A byte is on its way and not read yet: a second one would say nothing more.
    signalled: Arc<AtomicBool>,
}

/// The sending side of a [`Mailbox`]; any number of threads may hold one.
pub(crate) struct Postbox<T> {
    sender: Sender<T>,
    waker: Arc<Waker>,
}

impl<T> Clone for Postbox<T> {
    fn clone(&self) -> Self {
        Self {
            sender: self.sender.clone(),
            waker: Arc::clone(&self.waker),
        }
    }
}

impl<T> Postbox<T> {
    /// Hands an item over. False when the receiving thread has ended.
    pub(crate) fn post(&self, item: T) -> bool {
        if self.sender.send(item).is_err() {
            return false;
        }
        if !self.waker.signalled.swap(true, Ordering::AcqRel) {
            // The stream holds at most two bytes, so a failure can only be a receiver that has just ended.
            let _ = (&self.waker.stream).write(&[1]);
        }
        true
    }
}

/// The receiving side: belongs to the thread that owns the socket.
pub(crate) struct Mailbox<T> {
    receiver: Receiver<T>,
    stream: WakeStream,
    signalled: Arc<AtomicBool>,
}

impl<T> Mailbox<T> {
    /// The next item, if one is there.
    pub(crate) fn next(&self) -> Option<T> {
        self.receiver.try_recv().ok()
    }

    /// Waits until the socket has a message, the mailbox has an item, or the time is over.
    pub(crate) fn wait(&self, socket: &Socket, timeout: Option<Duration>) {
        #[cfg(unix)]
        let wake = self.stream.as_raw_fd();
        #[cfg(windows)]
        let wake = self.stream.as_raw_socket() as _;
        // Rounded up: a deadline that is half a millisecond away must not become a busy loop.
        let milliseconds = timeout.map_or(-1, |timeout| {
            i64::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(i64::MAX)
        });
        let mut items = [
            socket.socket.as_poll_item(zmq::POLLIN),
            zmq::PollItem::from_fd(wake, zmq::POLLIN),
        ];
        match zmq::poll(&mut items, milliseconds) {
            Ok(_) | Err(zmq::Error::EINTR) => {}
            Err(error) => tracing::warn!(%error, "cannot wait for messages"),
        }
        if items[1].is_readable() {
            // First the byte, then the flag, and only then (by the caller) the items: an item posted in between either
            // finds the flag down and signals again, or is seen by the caller.
            let _ = (&self.stream).read(&mut [0; 8]);
            self.signalled.swap(false, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use std::time::Instant;

    #[test]
    fn every_posted_item_arrives_in_order_and_wakes_the_owner() {
        let transport = Transport::new();
        let socket = transport.bind(Role::Echo, "inproc://mailbox-test").unwrap();
        let (postbox, mailbox) = mailbox::<u32>().unwrap();
        let sender = thread::spawn(move || (0..20_000).for_each(|item| assert!(postbox.post(item))));
        let mut expected = 0;
        while expected < 20_000 {
            mailbox.wait(&socket, Some(Duration::from_secs(20)));
            let before = expected;
            while let Some(item) = mailbox.next() {
                assert_eq!(item, expected);
                expected += 1;
            }
            // Woken for nothing once in a while is fine; not woken is a timeout of 20 s.
            if expected == before {
                thread::yield_now();
            }
        }
        sender.join().unwrap();
        drop(socket);
        transport.close();
    }

    #[test]
    fn waiting_ends_at_the_timeout() {
        let transport = Transport::new();
        let socket = transport.bind(Role::Echo, "inproc://timeout-test").unwrap();
        let (_postbox, mailbox) = mailbox::<()>().unwrap();
        let start = Instant::now();
        mailbox.wait(&socket, Some(Duration::from_millis(20)));
        assert!(start.elapsed() >= Duration::from_millis(20));
    }
}
