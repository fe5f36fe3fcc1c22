//! After an error, cells that the client had sent without knowing of it are not run.

use serde_json::json;

use crate::kernel::Kernel;

#[test]
fn cells_that_were_waiting_are_aborted_and_later_ones_run() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let first = client.execute("value 1");
    let fails = client.execute("sleep 30\npanic oh");
    let waiting = ["print never", "panic never", "print never"].map(|code| client.execute(code));
    first.busy().input(1, "value 1").result(1, "1").executed(1).idle();
    fails
        .busy()
        .input(2, "sleep 30\npanic oh")
        .error("Panic", "oh")
        .failed(2, "Panic", "oh")
        .idle();
    for request in waiting {
        request.busy().aborted(2).idle();
    }
    client
        .execute("value 3")
        .busy()
        .input(3, "value 3")
        .result(3, "3")
        .executed(3)
        .idle();
}

#[test]
fn a_client_that_has_seen_the_error_is_never_refused() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    for count in (1..400).step_by(2) {
        // Not a word is waited for but the reply: this is the earliest that a client can know.
        let fails = client.execute("panic");
        fails.failed(count, "Panic", "");
        let runs = client.execute("");
        runs.executed(count + 1);
        fails.busy().input(count, "panic").error("Panic", "").idle();
        runs.busy().input(count + 1, "").idle();
    }
}

#[test]
fn cells_go_on_when_the_client_wants_it_so_or_the_failing_one_is_silent() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let goes_on = client.execute_with("sleep 20\npanic", &json!({ "stop_on_error": false }));
    let silent = client.execute_with("sleep 20\npanic", &json!({ "silent": true }));
    let runs = client.execute("value 1");
    goes_on
        .busy()
        .input(1, "sleep 20\npanic")
        .error("Panic", "")
        .failed(1, "Panic", "")
        .idle();
    silent.busy().failed(1, "Panic", "").idle();
    runs.busy().input(2, "value 1").result(2, "1").executed(2).idle();
}

#[test]
fn other_requests_are_answered_whatever_failed() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let fails = client.execute("panic");
    let info = client.request("comm_info_request", &json!({}));
    // The two threads answer in any order: sort it out by the parent.
    let mut told = vec![fails.reply_or(&info), fails.reply_or(&info)];
    told.sort();
    assert_eq!(told, ["comm_info_reply", "execute_reply"]);
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(
            client.receive(crate::frontend::Channel::Iopub).header["msg_type"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    statuses.sort();
    assert_eq!(
        statuses,
        ["error", "execute_input", "status", "status", "status", "status"]
    );
}
