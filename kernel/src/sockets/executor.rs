//! The thread that runs cells, one at a time, in the order in which they were asked for.

use std::sync::mpsc::Receiver;

use jupyter_protocol::messaging::ExecutionState;

use crate::handlers::execute::{self, Outcome};
use crate::kernel::Kernel;
use crate::sockets::router::Job;

pub(crate) enum Item {
    /// A cell; they are numbered from 1 as they come in.
    Cell { number: u64, job: Box<Job> },
    /// The kernel is ending.
    Stop,
}

/// Runs cells until told to stop.
pub(crate) fn run(kernel: &Kernel, items: &Receiver<Item>) {
    let mut execution_count = 0;
    // Cells up to this number were asked for by someone who did not know yet that an earlier one would fail.
    let mut abort_until = 0;
    while let Ok(Item::Cell { number, job }) = items.recv() {
        let Job { message, replies, .. } = *job;
        let parent = message.as_parent.clone();
        kernel.iopub.status(&parent, ExecutionState::Busy);
        let Outcome { reply, abort_queue } = if number <= abort_until || kernel.is_stopping() {
            execute::abort(&message, execution_count)
        } else {
            execute::run(kernel, &message, &mut execution_count)
        };
        kernel.iopub.flush();
        let received = replies.send(reply);
        if abort_queue {
            abort_until = received;
        }
        kernel.iopub.status(&parent, ExecutionState::Idle);
    }
}
