//! `comm_open`: a client opens a comm.

use jupyter_protocol::messaging::CommOpen;

use crate::comms::CommMessage;
use crate::kernel::Kernel;
use crate::message::Received;

pub(super) fn handle(kernel: &Kernel, message: &Received, request: CommOpen) {
    let said = CommMessage {
        data: &request.data,
        metadata: &message.metadata,
        buffers: &message.buffers,
    };
    kernel
        .comms
        .open(&message.as_parent, request.comm_id.0, request.target_name, said);
}
