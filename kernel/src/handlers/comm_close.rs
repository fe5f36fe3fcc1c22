//! `comm_close`: a client closes a comm.

use jupyter_protocol::messaging::CommClose;

use crate::comms::CommMessage;
use crate::kernel::Kernel;
use crate::message::Received;

pub(super) fn handle(kernel: &Kernel, message: &Received, request: CommClose) {
    let said = CommMessage {
        data: &request.data,
        metadata: &message.metadata,
        buffers: &message.buffers,
    };
    kernel.comms.close(&message.as_parent, request.comm_id.0, said);
}
