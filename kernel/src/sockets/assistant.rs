//! The thread that answers what needs no cell but may take a moment: completion, inspection, history.

use std::sync::mpsc::Receiver;

use crate::handlers;
use crate::kernel::Kernel;
use crate::sockets::router::Job;

/// Answers, in the order of requests, until the sockets are gone.
pub(crate) fn run(kernel: &Kernel, jobs: &Receiver<Job>) {
    while let Ok(Job { kind, message, replies }) = jobs.recv() {
        handlers::answer(kernel, kind, message, |reply| {
            replies.send(reply);
        });
    }
}
