//! Requests that need no cell: answered at once, also while one runs and before there is an engine.

use std::sync::Arc;

use pipulate_kernel::ServeOptions;
use serde_json::{Value, json};

use crate::frontend::{Channel, Client};
use crate::kernel::Kernel;
use crate::scripted::Scripted;

#[track_caller]
fn check(client: &Client, msg_type: &str, content: &Value, expected: &Value) {
    let request = client.request(msg_type, content);
    request.busy();
    assert_eq!(request.reply().content, *expected);
    request.idle();
}

/// One of each, as an idle kernel answers it.
fn check_all(client: &Client, engine: bool) {
    let completions: Vec<Value> = if engine {
        vec![typed("print"), typed("panic")]
    } else {
        Vec::new()
    };
    let matches: Vec<&Value> = completions.iter().map(|completion| &completion["text"]).collect();
    let start = if engine { 3 } else { 4 };
    check(
        client,
        "complete_request",
        &json!({ "code": "é🦀 p", "cursor_pos": 4 }),
        &json!({
            "status": "ok", "matches": matches, "cursor_start": start, "cursor_end": 4,
            "metadata": { "_jupyter_types_experimental": completions },
        }),
    );
    check(
        client,
        "inspect_request",
        &json!({ "code": "🦀print", "cursor_pos": 1, "detail_level": 1 }),
        &json!({
            "status": "ok", "found": engine, "metadata": {},
            "data": if engine { json!({ "text/plain": "prints a line" }) } else { json!({}) },
        }),
    );
    check(
        client,
        "is_complete_request",
        &json!({ "code": "fn f() {" }),
        &json!({ "status": "incomplete", "indent": "    " }),
    );
    check(
        client,
        "comm_info_request",
        &json!({}),
        &json!({ "status": "ok", "comms": {} }),
    );
    check(
        client,
        "history_request",
        &json!({ "hist_access_type": "search", "pattern": "no such cell", "output": false, "raw": true }),
        &json!({ "status": "ok", "history": [] }),
    );
    client
        .request("kernel_info_request", &json!({}))
        .busy()
        .reply_ok()
        .idle();
}

fn typed(name: &str) -> Value {
    json!({ "text": name, "type": "function", "start": 3, "end": 4, "signature": "(…)" })
}

#[test]
fn kernel_info_is_complete() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let request = client.request("kernel_info_request", &json!({}));
    request.busy();
    let info = request.reply().content;
    request.idle();
    assert_eq!(
        (&info["protocol_version"], &info["implementation"]),
        (&json!("5.5"), &json!("pipulate"))
    );
    assert_eq!(
        (&info["debugger"], &info["supported_features"]),
        (&json!(false), &json!([]))
    );
    let language = &info["language_info"];
    assert_eq!(language["name"], "rust");
    assert!(language["version"].as_str().unwrap().starts_with("1."), "{language}");
    let fixed = [
        "file_extension",
        "mimetype",
        "pygments_lexer",
        "codemirror_mode",
        "nbconvert_exporter",
    ];
    assert_eq!(
        fixed.map(|field| &language[field]),
        [".rs", "text/x-rustsrc", "rust", "rust", "script"]
    );
    assert!(info["banner"].as_str().unwrap().contains("Pipulate"));
    assert!(
        info["help_links"]
            .as_array()
            .unwrap()
            .iter()
            .all(|link| link["text"].is_string() && link["url"].is_string())
    );
}

#[test]
fn each_is_answered_when_idle() {
    let kernel = Kernel::start_tcp();
    let client = kernel.first_client();
    client.execute("").busy().input(1, "").executed(1).idle();
    check_all(&client, true);
    for (code, expected) in [("1 + 1", "complete"), ("1)", "invalid")] {
        check(
            &client,
            "is_complete_request",
            &json!({ "code": code }),
            &json!({ "status": expected, "indent": "" }),
        );
    }
    check(
        &client,
        "inspect_request",
        &json!({ "code": "x", "cursor_pos": 99 }),
        &json!({ "status": "ok", "found": false, "data": {}, "metadata": {} }),
    );
}

#[test]
fn cursors_count_code_points_whatever_stands_before_them() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    client.execute("").busy().input(1, "").executed(1).idle();
    // An accent of its own, a flag of two code points, a family of seven, a letter beyond 16 bits, the end of a line.
    for before in [
        "e\u{301} ",
        "\u{1f1eb}\u{1f1f7} ",
        "👨\u{200d}👩\u{200d}👧\u{200d}👦 ",
        "𝒳 ",
        "\u{feff}\r\n ",
    ] {
        let start = before.chars().count();
        let after = " \u{301}🦀";
        let request = client.request(
            "complete_request",
            &json!({ "code": format!("{before}pri{after}"), "cursor_pos": start + 2 }),
        );
        request.busy();
        let reply = request.reply().content;
        request.idle();
        assert_eq!(reply["matches"], json!(["print"]), "{before:?}");
        let places = [&reply["cursor_start"], &reply["cursor_end"]];
        assert_eq!(places, [&json!(start), &json!(start + 2)], "{before:?}");
        let typed = &reply["metadata"]["_jupyter_types_experimental"][0];
        assert_eq!([&typed["start"], &typed["end"]], places, "{before:?}");

        let request = client.request(
            "inspect_request",
            &json!({ "code": format!("{before}print{after}"), "cursor_pos": start }),
        );
        request.busy();
        assert_eq!(request.reply().content["found"], true, "{before:?}");
        request.idle();
    }
}

#[test]
fn each_is_answered_while_a_cell_runs() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let request = client.execute("print begun\nsleep 20000");
    request
        .busy()
        .input(1, "print begun\nsleep 20000")
        .stream("stdout", "begun\n");
    check_all(&client, false);
    assert_eq!(client.echo(b"alive"), b"alive");
    client
        .send(Channel::Control, "kernel_info_request", &json!({}))
        .busy()
        .reply_ok()
        .idle();
    client
        .send(Channel::Control, "interrupt_request", &json!({}))
        .reply_ok();
    request.failed(1, "Interrupted", "the cell was interrupted");
    client.expect_unordered(4, |_| true);
}

#[test]
fn each_is_answered_before_the_engine_has_started() {
    let kernel = Kernel::start_with(Arc::new(Scripted::starting()), ServeOptions::default());
    let client = kernel.first_client();
    check_all(&client, false);
}

#[test]
fn content_that_cannot_be_read_is_an_error_reply() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    for (msg_type, content) in [
        ("complete_request", json!({ "code": 1, "cursor_pos": 0 })),
        ("inspect_request", json!([])),
        ("is_complete_request", json!({})),
        ("history_request", json!({ "n": "many" })),
    ] {
        let request = client.request(msg_type, &content);
        request.busy();
        let reply = request.reply().content;
        assert_eq!(
            (&reply["status"], &reply["ename"]),
            (&json!("error"), &json!("InvalidRequest")),
            "{msg_type}"
        );
        assert!(reply["evalue"].as_str().unwrap().contains(msg_type));
        assert!(reply["traceback"].is_array());
        request.idle();
    }
    let request = client.request("execute_request", &json!({ "silent": false }));
    let why = "the content of execute_request cannot be read: missing field `code`";
    request.busy().failed(0, "InvalidRequest", why).idle();
    // The scripted notebook panics at a detail level that there is not.
    let request = client.request(
        "inspect_request",
        &json!({ "code": "", "cursor_pos": 0, "detail_level": 7 }),
    );
    request.busy();
    assert_eq!(request.reply().content["ename"], "InternalError");
    request.idle();
}

#[test]
fn the_heartbeat_echoes() {
    let kernel = Kernel::start_tcp();
    let client = kernel.first_client();
    for ping in [&b"ping"[..], b"\0\xff", b""] {
        assert_eq!(client.echo(ping), ping);
    }
}
