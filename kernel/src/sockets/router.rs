//! Shell and control: requests in, replies out. Both run this same code on a thread of their own.
//!
//! What can be answered at once is answered here. Cells go to the executor, and what may take a moment to the
//! assistant; their replies come back through the mailbox.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Sender};

use crate::handlers;
use crate::kernel::Kernel;
use crate::message::{Outgoing, Received};
use crate::request::{Kind, Lane};
use crate::sockets::executor;
use crate::transport::{Mailbox, Postbox, Socket};

/// How many messages are taken in a row before replies get their turn.
const TURN: usize = 1000;

pub(crate) enum Item {
    Reply { reply: Box<Outgoing>, sent: Sender<u64> },
    Stop,
}

/// A request on its way to another thread, and the way back.
pub(crate) struct Job {
    pub(crate) kind: Kind,
    pub(crate) message: Received,
    pub(crate) replies: Replies,
}

/// How another thread replies.
#[derive(Clone)]
pub(crate) struct Replies(pub(crate) Postbox<Item>);

impl Replies {
    /// Sends a reply and waits until it is out. Returns how many cells had come by then: the client sent those without
    /// having seen this reply.
    pub(crate) fn send(&self, reply: Outgoing) -> u64 {
        let (sent, receiver) = mpsc::channel();
        let reply = Box::new(reply);
        self.0.post(Item::Reply { reply, sent });
        // The thread ends only with the kernel.
        receiver.recv().unwrap_or(u64::MAX)
    }

    /// Tells the thread to end, once the replies that were sent before are out.
    pub(crate) fn stop(&self) {
        self.0.post(Item::Stop);
    }
}

/// The thread that owns one of the two sockets.
pub(crate) struct Router {
    pub(crate) name: &'static str,
    pub(crate) socket: Socket,
    pub(crate) mailbox: Mailbox<Item>,
    pub(crate) replies: Replies,
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) executor: Sender<executor::Item>,
    pub(crate) assistant: Sender<Job>,
}

impl Router {
    /// Serves until told to stop.
    pub(crate) fn run(self) {
        loop {
            self.mailbox.wait(&self.socket, None);
            // First what clients have sent: they have not seen the replies that go out below.
            self.receive();
            while let Some(item) = self.mailbox.next() {
                match item {
                    Item::Reply { reply, sent } => {
                        self.send(*reply);
                        let _ = sent.send(self.kernel.cells_received.load(Ordering::Acquire));
                    }
                    Item::Stop => return,
                }
            }
        }
    }

    fn receive(&self) {
        for _ in 0..TURN {
            let Some(frames) = self.socket.receive() else { return };
            match self.kernel.wire.decode(frames) {
                Ok(message) => self.accept(message),
                Err(error) => tracing::warn!(socket = self.name, %error, "dropped a message"),
            }
        }
    }

    fn accept(&self, message: Received) {
        let msg_type = message.header.msg_type.as_str();
        tracing::debug!(socket = self.name, msg_type, msg_id = message.header.msg_id, "received");
        let Some(kind) = Kind::from_name(msg_type) else {
            return tracing::warn!(socket = self.name, msg_type, "dropped a message of unknown type");
        };
        match kind.lane() {
            Lane::Inline => handlers::answer(&self.kernel, kind, message, |reply| self.send(reply)),
            Lane::Assistant => {
                let _ = self.assistant.send(Job {
                    kind,
                    message,
                    replies: self.replies.clone(),
                });
            }
            Lane::Executor => {
                let number = self.kernel.cells_received.fetch_add(1, Ordering::AcqRel) + 1;
                let job = Box::new(Job {
                    kind,
                    message,
                    replies: self.replies.clone(),
                });
                let _ = self.executor.send(executor::Item::Cell { number, job });
            }
        }
    }

    fn send(&self, reply: Outgoing) {
        self.socket.send(self.kernel.wire.encode(reply));
    }
}
