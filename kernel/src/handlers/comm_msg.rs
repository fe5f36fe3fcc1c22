//! `comm_msg`: a client says something over a comm.

use jupyter_protocol::messaging::CommMsg;

use crate::comms::CommMessage;
use crate::kernel::Kernel;
use crate::message::Received;

pub(super) fn handle(kernel: &Kernel, message: &Received, request: CommMsg) {
    let said = CommMessage {
        data: &request.data,
        metadata: &message.metadata,
        buffers: &message.buffers,
    };
    kernel.comms.message(&message.as_parent, request.comm_id.0, said);
}
