//! The broadcast socket: statuses, outputs and whatever else every client should see.
//!
//! Everything comes through one mailbox and goes out in that order. Text of a stream is held for a moment, so that a
//! loop of prints becomes few messages; anything else sends the held text out first.

use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use jupyter_protocol::messaging::{ExecutionState, IoPubWelcome, Status, Stdio, StreamContent};
use serde::Serialize;
use serde_json::Value;

use crate::message::{Outgoing, Parent};
use crate::outputs::Stream;
use crate::transport::{Mailbox, Postbox, Socket};
use crate::wire::Wire;

/// How long text may wait for more. The promise is 50 ms; a thread may be late.
const BATCH_TIME: Duration = Duration::from_millis(40);
/// How much text may wait. Large enough for few messages, small enough for a client to draw.
const BATCH_BYTES: usize = 1 << 20;
/// How many items are taken before the clock and the socket are looked at again.
const TURN: usize = 1000;

pub(crate) enum Item {
    Stream {
        parent: Parent,
        stream: Stream,
        text: String,
    },
    Message(Outgoing),
    Flush(Sender<()>),
    Stop,
}

/// How other threads broadcast.
#[derive(Clone)]
pub(crate) struct Iopub(pub(crate) Postbox<Item>);

impl Iopub {
    /// Says that a request is being worked on, or is done with.
    pub(crate) fn status(&self, parent: &Parent, execution_state: ExecutionState) {
        self.send(parent, "status", &Status { execution_state });
    }

    /// Broadcasts one message.
    pub(crate) fn send(&self, parent: &Parent, msg_type: &'static str, content: &impl Serialize) {
        self.post(Outgoing::broadcast(parent, msg_type, json(content)));
    }

    pub(crate) fn post(&self, message: Outgoing) {
        self.0.post(Item::Message(message));
    }

    pub(crate) fn stream(&self, parent: &Parent, stream: Stream, text: &str) {
        self.0.post(Item::Stream {
            parent: parent.clone(),
            stream,
            text: text.to_owned(),
        });
    }

    /// Waits until everything that was sent before is out.
    pub(crate) fn flush(&self) {
        let (done, receiver) = mpsc::channel();
        if self.0.post(Item::Flush(done)) {
            // An error means that the thread has ended: then there is nothing to wait for.
            let _ = receiver.recv();
        }
    }
}

/// A message's content as JSON.
pub(crate) fn json(content: &impl Serialize) -> Value {
    serde_json::to_value(content).expect("contents have string keys only, which cannot fail to serialise")
}

/// Text that waits for more of its kind.
struct Batch {
    parent: Parent,
    stream: Stream,
    text: String,
    deadline: Instant,
}

/// The thread that owns the socket.
pub(crate) struct Publisher<'a> {
    socket: Socket,
    mailbox: Mailbox<Item>,
    wire: &'a Wire,
    batch: Option<Batch>,
    /// `starting` is said once, to the first client.
    started: bool,
}

impl<'a> Publisher<'a> {
    pub(crate) fn new(socket: Socket, mailbox: Mailbox<Item>, wire: &'a Wire) -> Self {
        Self {
            socket,
            mailbox,
            wire,
            batch: None,
            started: false,
        }
    }

    /// Broadcasts until told to stop.
    pub(crate) fn run(mut self) {
        let mut more = false;
        loop {
            let held = self
                .batch
                .as_ref()
                .map(|batch| batch.deadline.saturating_duration_since(Instant::now()));
            self.mailbox
                .wait(&self.socket, if more { Some(Duration::ZERO) } else { held });
            while let Some(frames) = self.socket.receive() {
                self.subscription(&frames);
            }
            more = true;
            for _ in 0..TURN {
                match self.mailbox.next() {
                    Some(Item::Stream { parent, stream, text }) => self.append(parent, stream, &text),
                    Some(Item::Message(message)) => {
                        self.send_batch();
                        self.send(message);
                    }
                    Some(Item::Flush(done)) => {
                        self.send_batch();
                        let _ = done.send(());
                    }
                    Some(Item::Stop) => return self.send_batch(),
                    None => {
                        more = false;
                        break;
                    }
                }
            }
            self.send_batch_if_due();
        }
    }

    /// A client has come (first byte 1, then the topic) or gone (first byte 0).
    fn subscription(&mut self, frames: &[Vec<u8>]) {
        let [frame] = frames else { return };
        let Some((1, topic)) = frame.split_first() else { return };
        let Ok(subscription) = String::from_utf8(topic.to_vec()) else {
            return;
        };
        tracing::debug!(subscription, "a client has subscribed");
        let mut welcome = Outgoing::broadcast(&Parent::none(), "iopub_welcome", json(&IoPubWelcome { subscription }));
        // The topic of the welcome is the one subscribed to, or whoever asked for a narrow one would not see it.
        welcome.route = vec![topic.to_vec()];
        self.send(welcome);
        if !self.started {
            self.started = true;
            let starting = Status {
                execution_state: ExecutionState::Starting,
            };
            self.send(Outgoing::broadcast(&Parent::none(), "status", json(&starting)));
        }
    }

    fn append(&mut self, parent: Parent, stream: Stream, text: &str) {
        if text.is_empty() {
            return;
        }
        match &mut self.batch {
            Some(batch) if batch.stream == stream && batch.parent.is(&parent) => batch.text.push_str(text),
            _ => {
                self.send_batch();
                let deadline = Instant::now() + BATCH_TIME;
                self.batch = Some(Batch {
                    parent,
                    stream,
                    text: text.to_owned(),
                    deadline,
                });
            }
        }
        if self.batch.as_ref().is_some_and(|batch| batch.text.len() >= BATCH_BYTES) {
            self.send_batch();
        }
    }

    fn send_batch_if_due(&mut self) {
        if self
            .batch
            .as_ref()
            .is_some_and(|batch| batch.deadline <= Instant::now())
        {
            self.send_batch();
        }
    }

    fn send_batch(&mut self) {
        let Some(Batch {
            parent, stream, text, ..
        }) = self.batch.take()
        else {
            return;
        };
        let name = match stream {
            Stream::Stdout => Stdio::Stdout,
            Stream::Stderr => Stdio::Stderr,
        };
        self.send(Outgoing::broadcast(
            &parent,
            "stream",
            json(&StreamContent { name, text }),
        ));
    }

    fn send(&self, message: Outgoing) {
        self.socket.send(self.wire.encode(message));
    }
}
