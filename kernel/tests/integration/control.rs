//! Interrupt and shutdown, also while a cell runs.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::frontend::Channel;
use crate::kernel::Kernel;

#[test]
fn an_interrupt_ends_the_running_cell_and_no_other() {
    let kernel = Kernel::start_tcp();
    let client = kernel.first_client();
    let sleeps = client.execute("print begun\nsleep 20000");
    sleeps
        .busy()
        .input(1, "print begun\nsleep 20000")
        .stream("stdout", "begun\n");
    let asked = Instant::now();
    client
        .send(Channel::Control, "interrupt_request", &json!({}))
        .reply_ok();
    sleeps.failed(1, "Interrupted", "the cell was interrupted");
    assert!(asked.elapsed() < Duration::from_secs(10));
    // The cell's error and idle, and busy and idle of the interrupt, come from two threads.
    client.expect_unordered(4, |_| true);

    let idle = client.send(Channel::Control, "interrupt_request", &json!({}));
    idle.busy().reply_ok().idle();
    client
        .execute("sleep 1\nvalue 1")
        .busy()
        .input(2, "sleep 1\nvalue 1")
        .result(2, "1")
        .executed(2)
        .idle();
}

#[test]
fn an_interrupt_that_comes_at_once_is_not_lost() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    for count in 1..=30 {
        let sleeps = client.execute("sleep 20000");
        // Known to have reached the notebook, but not how far it has got with it.
        sleeps.busy().input(count, "sleep 20000");
        client
            .send(Channel::Control, "interrupt_request", &json!({}))
            .reply_ok();
        let reply = sleeps.reply().content;
        assert_eq!(reply["ename"], "Interrupted", "{reply}");
        client.expect_unordered(4, |_| true);
    }
}

#[test]
fn waiting_cells_are_aborted_when_the_running_one_is_interrupted() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let sleeps = client.execute("sleep 20000");
    let waits = client.execute("print never");
    sleeps.busy().input(1, "sleep 20000");
    client
        .send(Channel::Control, "interrupt_request", &json!({}))
        .reply_ok();
    assert_eq!(sleeps.reply().content["ename"], "Interrupted");
    waits.aborted(1);
    client.expect_unordered(6, |_| true);
}

#[test]
fn shutdown_is_answered_and_the_kernel_ends() {
    for restart in [false, true] {
        let mut kernel = Kernel::start();
        let client = kernel.first_client();
        let request = client.send(Channel::Control, "shutdown_request", &json!({ "restart": restart }));
        request.busy();
        assert_eq!(request.reply().content, json!({ "status": "ok", "restart": restart }));
        request.idle();
        kernel.expect_end();
        client.expect_silence();
    }
}

#[test]
fn shutdown_is_answered_while_a_cell_runs_and_everyone_gets_a_reply() {
    let mut kernel = Kernel::start_tcp();
    let client = kernel.first_client();
    let sleeps = client.execute("print begun\nsleep 20000");
    let waits = client.execute("print never");
    sleeps
        .busy()
        .input(1, "print begun\nsleep 20000")
        .stream("stdout", "begun\n");
    let asked = Instant::now();
    let request = client.send(Channel::Control, "shutdown_request", &json!({ "restart": false }));
    assert_eq!(request.reply().content, json!({ "status": "ok", "restart": false }));
    assert!(
        asked.elapsed() < Duration::from_secs(1),
        "the reply waited for the cell"
    );
    kernel.expect_end();
    assert_eq!(sleeps.reply().content["status"], "error");
    waits.aborted(1);
    client.expect_unordered(6, |_| true);
    client.expect_silence();
}

#[test]
fn shutdown_on_the_shell_socket_works_too() {
    let mut kernel = Kernel::start();
    let client = kernel.first_client();
    let request = client.request("shutdown_request", &json!({}));
    request.busy();
    assert_eq!(request.reply().content, json!({ "status": "ok", "restart": false }));
    request.idle();
    kernel.expect_end();
    client.expect_silence();
}

#[test]
fn a_debug_request_is_told_that_there_is_no_debugger() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let content = json!({ "type": "request", "seq": 3, "command": "initialize", "arguments": {} });
    let request = client.send(Channel::Control, "debug_request", &content);
    request.busy();
    let reply = request.reply().content;
    assert_eq!((&reply["type"], &reply["success"]), (&json!("response"), &json!(false)));
    assert_eq!(
        (&reply["request_seq"], &reply["command"]),
        (&json!(3), &json!("initialize"))
    );
    request.idle();
}
