//! `input_request`: the client whose cell asks is asked.

use serde_json::json;

use crate::frontend::{Channel, Client, Request};
use crate::kernel::Kernel;

fn execute<'a>(client: &'a Client, code: &str) -> Request<'a> {
    client.execute_with(code, &json!({ "allow_stdin": true }))
}

#[test]
fn the_user_is_asked_and_the_cell_goes_on() {
    let kernel = Kernel::start_tcp();
    let client = kernel.first_client();
    let code = "print before\ninput name?\npassword secret?";
    let request = execute(&client, code);
    request.busy().input(1, code).stream("stdout", "before\n");
    let question = request.question("name?", false);
    // An answer to a question that nobody asked, and a message that does not belong here.
    client.send_message(
        Channel::Stdin,
        "input_reply",
        &json!({ "msg_id": "x" }),
        &json!({}),
        &json!({ "value": "no" }),
        &[],
    );
    client.send(Channel::Stdin, "kernel_info_request", &json!({}));
    request.answer(&question, "Ada é");
    request.stream("stdout", "Ada é\n");
    request.question("secret?", true);
    // jupyter_client does not name the question.
    client.send(Channel::Stdin, "input_reply", &json!({ "value": "42" }));
    request.stream("stdout", "42\n").executed(1).idle();
}

#[test]
fn an_answer_that_comes_too_early_is_not_taken_for_the_next_question() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    client.send(Channel::Stdin, "input_reply", &json!({ "value": "early" }));
    let request = execute(&client, "sleep 50\ninput name?");
    let question = request.question("name?", false);
    request.answer(&question, "right");
    request
        .busy()
        .input(1, "sleep 50\ninput name?")
        .stream("stdout", "right\n")
        .executed(1)
        .idle();
}

#[test]
fn an_interrupt_ends_the_question() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let request = execute(&client, "input name?");
    request.busy().input(1, "input name?");
    let question = request.question("name?", false);
    client
        .send(Channel::Control, "interrupt_request", &json!({}))
        .reply_ok();
    request.failed(1, "Interrupted", "the cell was interrupted");
    client.expect_unordered(4, |_| true);
    request.answer(&question, "too late");
    let request = execute(&client, "input again?");
    let question = request.question("again?", false);
    request.answer(&question, "in time");
    request
        .busy()
        .input(2, "input again?")
        .stream("stdout", "in time\n")
        .executed(2)
        .idle();
}

#[test]
fn the_client_that_runs_the_cell_is_asked_and_no_other() {
    let kernel = Kernel::start();
    let one = kernel.first_client();
    let two = kernel.client();
    one.expect_welcome();
    let request = execute(&two, "input name?");
    let question = request.question("name?", false);
    // Whoever else is there cannot answer without knowing the question.
    one.send(Channel::Stdin, "input_reply", &json!({ "value": "mallory" }));
    request.answer(&question, "bob");
    request
        .busy()
        .input(1, "input name?")
        .stream("stdout", "bob\n")
        .executed(1)
        .idle();
    one.expect_of_other(&["busy", "execute_input", "stream", "idle"]);
    drop(one);
    two.expect_of_other(&["busy", "idle"]);
}

#[test]
fn shutdown_ends_the_question() {
    let mut kernel = Kernel::start();
    let client = kernel.first_client();
    let request = execute(&client, "input name?");
    request.question("name?", false);
    client
        .send(Channel::Control, "shutdown_request", &json!({ "restart": false }))
        .reply_ok();
    kernel.expect_end();
    request.failed(1, "Interrupted", "the cell was interrupted");
    client.expect_unordered(6, |_| true);
    client.expect_silence();
}

#[test]
fn a_client_whose_stdin_socket_is_late_is_asked_all_the_same() {
    let kernel = Kernel::start();
    let client = Client::connect_but_stdin(kernel.connection());
    client.expect_welcome();
    client.expect_starting();
    let code = "print before\ninput name?";
    let request = execute(&client, code);
    request.busy().input(1, code).stream("stdout", "before\n");
    client.connect_stdin(kernel.connection());
    let question = request.question("name?", false);
    request.answer(&question, "late");
    request.stream("stdout", "late\n").executed(1).idle();
}
