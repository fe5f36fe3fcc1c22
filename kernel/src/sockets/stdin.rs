//! Asking the user: `input_request` to the client whose cell asks, `input_reply` back.
//!
//! One question is open at a time, since a client shows one; the others wait their turn.

use std::collections::VecDeque;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use jupyter_protocol::messaging::InputRequest;

use crate::message::{Outgoing, Parent, Received};
use crate::outputs::InputError;
use crate::request::{Kind, Request};
use crate::sockets::iopub::json;
use crate::transport::{Mailbox, Postbox, Socket};
use crate::wire::Wire;

/// How long to wait for a client that runs a cell and has not connected to this socket yet.
const RETRY: Duration = Duration::from_millis(10);

/// One question to a user.
pub(crate) struct Question {
    /// The client that asked for the cell to be run; its stdin socket has the identity of its shell socket.
    pub(crate) identities: Vec<Vec<u8>>,
    pub(crate) parent: Parent,
    pub(crate) request: InputRequest,
    pub(crate) answer: Sender<Result<String, InputError>>,
}

pub(crate) enum Item {
    Ask(Question),
    Interrupt,
    Stop,
}

/// How other threads ask.
#[derive(Clone)]
pub(crate) struct Stdin(pub(crate) Postbox<Item>);

impl Stdin {
    /// Asks, and waits for the answer or for an interrupt.
    pub(crate) fn ask(
        &self,
        identities: Vec<Vec<u8>>,
        parent: Parent,
        request: InputRequest,
    ) -> Result<String, InputError> {
        let (answer, receiver) = mpsc::channel();
        self.0.post(Item::Ask(Question {
            identities,
            parent,
            request,
            answer,
        }));
        // The sender is dropped without an answer when the kernel ends.
        receiver.recv().unwrap_or(Err(InputError::Interrupted))
    }

    /// Ends every question that is open.
    pub(crate) fn interrupt(&self) {
        self.0.post(Item::Interrupt);
    }
}

/// The thread that owns the socket.
pub(crate) struct Asker<'a> {
    socket: Socket,
    mailbox: Mailbox<Item>,
    wire: &'a Wire,
    open: VecDeque<Question>,
    /// The id that the first one was sent with; none while its client has not connected to this socket.
    asked: Option<String>,
}

impl<'a> Asker<'a> {
    pub(crate) fn new(socket: Socket, mailbox: Mailbox<Item>, wire: &'a Wire) -> Self {
        Self {
            socket,
            mailbox,
            wire,
            open: VecDeque::new(),
            asked: None,
        }
    }

    /// Asks until told to stop.
    pub(crate) fn run(mut self) {
        loop {
            let unsent = self.asked.is_none() && !self.open.is_empty();
            self.mailbox.wait(&self.socket, unsent.then_some(RETRY));
            // Answers first: one that is there already cannot be for a question that is only now to be asked.
            while let Some(frames) = self.socket.receive() {
                match self.wire.decode(frames) {
                    Ok(message) => self.reply(message),
                    Err(error) => tracing::warn!(socket = "stdin", %error, "dropped a message"),
                }
            }
            while let Some(item) = self.mailbox.next() {
                match item {
                    Item::Ask(question) => self.open.push_back(question),
                    Item::Interrupt => {
                        self.asked = None;
                        for question in self.open.drain(..) {
                            let _ = question.answer.send(Err(InputError::Interrupted));
                        }
                    }
                    Item::Stop => return,
                }
            }
            if self.asked.is_none() {
                self.ask_first();
            }
        }
    }

    fn ask_first(&mut self) {
        let Some(question) = self.open.front() else { return };
        let (msg_id, frames) = self.wire.encode_with_id(Outgoing {
            route: question.identities.clone(),
            ..Outgoing::broadcast(&question.parent, "input_request", json(&question.request))
        });
        self.asked = self.socket.send(frames).then_some(msg_id);
    }

    fn reply(&mut self, message: Received) {
        let msg_type = message.header.msg_type.as_str();
        if Kind::from_name(msg_type) != Some(Kind::InputReply) {
            return tracing::warn!(
                socket = "stdin",
                msg_type,
                "dropped a message that does not belong here"
            );
        }
        let Some(question) = self.open.front() else {
            return tracing::info!("dropped an input_reply: nothing is being asked");
        };
        // Some clients leave the parent of their reply out; then it must come from the one that was asked.
        let fits = match &message.answers {
            Some(request) => self.asked.as_ref() == Some(request),
            None => self.asked.is_some() && message.identities == question.identities,
        };
        if !fits {
            return tracing::info!("dropped an input_reply to another question");
        }
        match Request::parse(Kind::InputReply, message.content) {
            Ok(Request::InputReply(reply)) => {
                self.asked = None;
                if let Some(question) = self.open.pop_front() {
                    let _ = question.answer.send(Ok(reply.value));
                }
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "dropped an input_reply that cannot be read"),
        }
    }
}
