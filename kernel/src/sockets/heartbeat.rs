//! The heartbeat: what comes in goes out, so that a client knows that the kernel lives.

use crate::transport::{Mailbox, Socket};

/// The only thing that the heartbeat can be told.
pub(crate) struct Stop;

/// Echoes until told to stop.
pub(crate) fn run(socket: &Socket, mailbox: &Mailbox<Stop>) {
    loop {
        mailbox.wait(socket, None);
        if mailbox.next().is_some() {
            return;
        }
        while let Some(frames) = socket.receive() {
            socket.send(frames);
        }
    }
}
