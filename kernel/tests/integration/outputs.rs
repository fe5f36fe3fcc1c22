//! Streams, displays, and what keeps them in order.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::frontend::Channel;
use crate::kernel::Kernel;

#[test]
fn text_of_one_stream_is_merged_and_order_between_streams_kept() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let code = "write a\nwrite b\nprint c\neprint d\neprint e\nprint f\ndisplay g\nprint h";
    let request = client.execute(code);
    request
        .busy()
        .input(1, code)
        .stream("stdout", "abc\n")
        .stream("stderr", "d\ne\n")
        .stream("stdout", "f\n");
    request.display("g").stream("stdout", "h\n").executed(1).idle();
}

#[test]
fn text_is_shown_while_the_cell_runs() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let code = "write begun\nsleep 20000";
    let request = client.execute(code);
    request.busy().input(1, code);
    let asked = Instant::now();
    request.stream("stdout", "begun");
    // The promise is 50 ms; this asserts only that nobody waited for the end of the cell.
    assert!(asked.elapsed() < Duration::from_secs(10));
    client
        .send(Channel::Control, "interrupt_request", &json!({}))
        .reply_ok();
    request.failed(1, "Interrupted", "the cell was interrupted");
    client.expect_unordered(4, |message| message.header["msg_type"] != "stream");
}

#[test]
fn a_hundred_thousand_lines_arrive_whole_in_order_and_in_few_messages() {
    let kernel = Kernel::start_tcp();
    let client = kernel.first_client();
    let request = client.execute("lines 100000\ndisplay end");
    request.busy().input(1, "lines 100000\ndisplay end");
    let mut text = String::new();
    let mut messages = 0;
    let lines: Vec<String> = (0..100_000).map(|line| line.to_string()).collect();
    let expected = lines.join("\n") + "\n";
    while text.len() < expected.len() {
        text.push_str(request.iopub("stream").content["text"].as_str().unwrap());
        messages += 1;
    }
    assert!(text == expected, "lines are missing or out of order");
    assert!(messages < 1000, "{messages} messages");
    request.display("end").executed(1).idle();
}

#[test]
fn displays_are_replaced_by_id() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let code = "display_id bar 10 %\nupdate bar 20 %\nclear\nclear_wait\nwrite \u{e9}\u{1f980}";
    let request = client.execute(code);
    request.busy().input(1, code);
    for (msg_type, text) in [("display_data", "10 %"), ("update_display_data", "20 %")] {
        let content = request.iopub(msg_type).content;
        let transient = json!({ "display_id": "bar" });
        assert_eq!(
            content,
            json!({ "data": { "text/plain": text }, "metadata": {}, "transient": transient })
        );
    }
    assert_eq!(request.iopub("clear_output").content, json!({ "wait": false }));
    assert_eq!(request.iopub("clear_output").content, json!({ "wait": true }));
    request.stream("stdout", "\u{e9}\u{1f980}").executed(1).idle();
}

#[test]
fn what_a_cell_prints_after_its_end_is_shown_there_and_nowhere_else() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let old = client.execute_with("keep", &json!({ "allow_stdin": true }));
    old.busy().input(1, "keep").executed(1).idle();
    let new = client.execute("both");
    new.busy().input(2, "both").stream("stdout", "new ");
    old.stream("stdout", "old");
    new.stream("stdout", "again")
        .error("Input", "Interrupted")
        .failed(2, "Input", "Interrupted")
        .idle();
}
