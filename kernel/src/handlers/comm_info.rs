//! `comm_info_request`: which comms are open.

use jupyter_protocol::messaging::{CommId, CommInfo, CommInfoReply, CommInfoRequest};
use serde_json::Value;

use crate::kernel::Kernel;
use crate::sockets::iopub::json;

pub(super) fn handle(kernel: &Kernel, request: &CommInfoRequest) -> Value {
    let open = kernel.comms.list(request.target_name.as_deref());
    let comms = open
        .into_iter()
        .map(|(id, target_name)| (CommId(id), CommInfo { target_name }))
        .collect();
    json(&CommInfoReply {
        comms,
        ..CommInfoReply::default()
    })
}
