//! `history_request`: cells of this and of earlier kernels.

use std::path::Path;
use std::sync::Arc;

use pipulate_kernel::ServeOptions;
use pipulate_kernel::history::History;
use serde_json::{Value, json};

use crate::frontend::Client;
use crate::kernel::Kernel;
use crate::scripted::Scripted;

fn kernel(path: &Path) -> Kernel {
    let options = ServeOptions {
        history: History::open(path),
        ..ServeOptions::default()
    };
    Kernel::start_with(Arc::new(Scripted::new()), options)
}

fn run(client: &Client, code: &str, more: &Value) {
    client.execute_with(code, more).reply();
    while client.receive(crate::frontend::Channel::Iopub).content["execution_state"] != "idle" {}
}

#[track_caller]
fn check(client: &Client, request: &Value, expected: &Value) {
    let request = client.request("history_request", request);
    request.busy();
    assert_eq!(request.reply().content, json!({ "status": "ok", "history": expected }));
    request.idle();
}

#[test]
fn cells_are_kept_across_kernels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    {
        let kernel = kernel(&path);
        let client = kernel.first_client();
        run(&client, "var a", &json!({}));
        run(&client, "panic", &json!({}));
        run(&client, "print silent", &json!({ "silent": true }));
        run(&client, "print unstored", &json!({ "store_history": false }));
    }
    let kernel = kernel(&path);
    let client = kernel.first_client();
    run(&client, "print é", &json!({}));
    run(&client, "var a", &json!({}));

    check(
        &client,
        &json!({ "hist_access_type": "tail", "n": 3, "output": false, "raw": true }),
        &json!([[1, 2, "panic"], [2, 1, "print é"], [2, 2, "var a"]]),
    );
    check(
        &client,
        &json!({ "hist_access_type": "tail", "n": 1, "output": true, "raw": true }),
        &json!([[2, 2, ["var a", null]]]),
    );
    check(
        &client,
        &json!({ "hist_access_type": "range", "session": -1, "start": 1, "stop": 2, "output": false, "raw": true }),
        &json!([[1, 1, "var a"]]),
    );
    check(
        &client,
        &json!({ "hist_access_type": "search", "pattern": "v?r*", "n": 10, "unique": true, "output": false }),
        &json!([[2, 2, "var a"]]),
    );
    // What jupyter_client leaves out.
    check(
        &client,
        &json!({ "hist_access_type": "search", "pattern": "print*" }),
        &json!([[2, 1, "print é"]]),
    );
    check(
        &client,
        &json!({ "hist_access_type": "range" }),
        &json!([[2, 1, "print é"], [2, 2, "var a"]]),
    );
}
