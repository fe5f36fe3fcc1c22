//! Comms: unknown targets are closed, registered ones are spoken with, buffers and all.

use std::collections::HashMap;
use std::sync::Arc;

use pipulate_kernel::ServeOptions;
use pipulate_kernel::comms::{Comm, CommMessage, CommTarget};
use serde_json::{Map, Value, json};

use crate::frontend::Channel;
use crate::kernel::Kernel;
use crate::scripted::Scripted;

/// Says back what it was told, and what was done to it.
struct Echo;

impl CommTarget for Echo {
    fn opened(&self, comm: &Comm, message: CommMessage<'_>) {
        say(comm, "opened", message);
    }

    fn message(&self, comm: &Comm, message: CommMessage<'_>) {
        say(comm, "told", message);
    }

    fn closed(&self, comm: &Comm, message: CommMessage<'_>) {
        say(comm, "closed", message);
    }
}

fn say(comm: &Comm, what: &str, message: CommMessage<'_>) {
    let mut data = Map::new();
    data.insert(what.to_owned(), Value::Object(message.data.clone()));
    data.insert("target".to_owned(), comm.target_name().into());
    comm.send(&data, message.buffers.to_vec());
}

#[test]
fn a_comm_to_an_unknown_target_is_closed() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let content = json!({ "comm_id": "c1", "target_name": "jupyter.widget", "data": {} });
    let open = client.request("comm_open", &content);
    open.busy();
    assert_eq!(open.iopub("comm_close").content, json!({ "comm_id": "c1", "data": {} }));
    open.idle();
    for msg_type in ["comm_msg", "comm_close"] {
        client
            .request(msg_type, &json!({ "comm_id": "c1", "data": {} }))
            .busy()
            .idle();
    }
}

#[test]
fn a_registered_target_is_spoken_with() {
    let target: Arc<dyn CommTarget> = Arc::new(Echo);
    let options = ServeOptions {
        comm_targets: HashMap::from([("echo".to_owned(), target)]),
        ..ServeOptions::default()
    };
    let kernel = Kernel::start_with(Arc::new(Scripted::new()), options);
    let client = kernel.first_client();
    let buffers: [&[u8]; 2] = [b"\0\xff binary", b""];
    let steps = [
        (
            "comm_open",
            "opened",
            json!({ "comm_id": "c1", "target_name": "echo", "data": { "a": 1 } }),
            json!({ "a": 1 }),
        ),
        (
            "comm_msg",
            "told",
            json!({ "comm_id": "c1", "data": { "b": [2] } }),
            json!({ "b": [2] }),
        ),
    ];
    for (msg_type, what, content, data) in steps {
        let request = client.send_message(Channel::Shell, msg_type, &json!({}), &json!({}), &content, &buffers);
        request.busy();
        let answer = request.iopub("comm_msg");
        assert_eq!(
            answer.content,
            json!({ "comm_id": "c1", "data": { what: data, "target": "echo" } })
        );
        assert_eq!(answer.buffers, buffers);
        request.idle();
    }
    for (target, expected) in [
        (json!({}), json!({ "c1": { "target_name": "echo" } })),
        (
            json!({ "target_name": "echo" }),
            json!({ "c1": { "target_name": "echo" } }),
        ),
        (json!({ "target_name": "other" }), json!({})),
    ] {
        let request = client.request("comm_info_request", &target);
        request.busy();
        assert_eq!(request.reply().content, json!({ "status": "ok", "comms": expected }));
        request.idle();
    }
    let close = client.request("comm_close", &json!({ "comm_id": "c1", "data": {} }));
    close.busy();
    close.iopub("comm_msg");
    close.idle();
    let request = client.request("comm_info_request", &json!({}));
    request.busy();
    assert_eq!(request.reply().content["comms"], json!({}));
    request.idle();
}
