//! `execute_request`: order, counts, results, errors.

use serde_json::json;

use crate::kernel::Kernel;

#[test]
fn outputs_come_between_input_and_reply_and_before_idle() {
    let kernel = Kernel::start_tcp();
    let client = kernel.first_client();
    let code = "print a\neprint b\ndisplay c\nprint d\nvalue e";
    let request = client.execute(code);
    request
        .busy()
        .input(1, code)
        .stream("stdout", "a\n")
        .stream("stderr", "b\n")
        .display("c");
    request.stream("stdout", "d\n").result(1, "e").executed(1).idle();
}

#[test]
fn cells_count_from_one_also_when_they_fail() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    client.execute("").busy().input(1, "").executed(1).idle();
    let panics = client.execute("panic oh no");
    panics
        .busy()
        .input(2, "panic oh no")
        .error("Panic", "oh no")
        .failed(2, "Panic", "oh no")
        .idle();
    client
        .execute("value x")
        .busy()
        .input(3, "value x")
        .result(3, "x")
        .executed(3)
        .idle();
}

#[test]
fn what_was_shown_before_an_error_is_kept() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let code = "write partial\nerror MissingStep there is no step `a`";
    let request = client.execute(code);
    request.busy().input(1, code).stream("stdout", "partial");
    request
        .error("MissingStep", "there is no step `a`")
        .failed(1, "MissingStep", "there is no step `a`")
        .idle();
}

#[test]
fn a_silent_cell_shows_nothing_and_does_not_count() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let silent = |code| client.execute_with(code, &json!({ "silent": true, "store_history": true }));
    silent("print a\ndisplay b\nclear\nvalue c").busy().executed(0).idle();
    silent("panic d").busy().failed(0, "Panic", "d").idle();
    client
        .execute("print e")
        .busy()
        .input(1, "print e")
        .stream("stdout", "e\n")
        .executed(1)
        .idle();
    silent("about").busy().failed(1, "About", "1 None true").idle();
}

#[test]
fn a_cell_that_is_not_stored_shows_and_does_not_count() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    client.execute("").busy().input(1, "").executed(1).idle();
    let unstored = client.execute_with("value a", &json!({ "store_history": false }));
    unstored.busy().input(1, "value a").result(1, "a").executed(1).idle();
    client.execute("").busy().input(2, "").executed(2).idle();
}

#[test]
fn a_client_may_leave_out_all_but_the_code() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let request = client.request("execute_request", &json!({ "code": "value 1" }));
    request.busy().input(1, "value 1").result(1, "1").executed(1).idle();
    let request = client.request(
        "execute_request",
        &json!({ "code": "input >", "user_expressions": null }),
    );
    let why = "this client cannot ask its user";
    request
        .busy()
        .input(2, "input >")
        .error("StdinNotAllowed", why)
        .failed(2, "StdinNotAllowed", why)
        .idle();
}

#[test]
fn the_cell_is_told_apart_by_the_id_that_the_client_gives() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let content = json!({ "code": "about" });
    let metadata = json!({ "cellId": "abc-1" });
    let request = client.send_message(
        crate::frontend::Channel::Shell,
        "execute_request",
        &json!({}),
        &metadata,
        &content,
        &[],
    );
    let about = r#"1 Some("abc-1") false"#;
    request
        .busy()
        .input(1, "about")
        .error("About", about)
        .failed(1, "About", about)
        .idle();
}

#[test]
fn user_expressions_are_evaluated_after_a_cell_that_went_well() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let expressions = json!({ "user_expressions": { "good": "1 + 1", "bad": "fails" } });
    let request = client.execute_with("", &expressions);
    request.busy().input(1, "");
    let reply = request.reply().content;
    assert_eq!(reply["status"], "ok");
    assert_eq!(
        reply["user_expressions"]["good"],
        json!({ "status": "ok", "data": { "text/plain": "1 + 1" }, "metadata": {} }),
    );
    let bad = &reply["user_expressions"]["bad"];
    assert_eq!(
        (&bad["status"], &bad["ename"], &bad["evalue"]),
        (&json!("error"), &json!("Panic"), &json!("no such thing"))
    );
    assert!(bad["traceback"].is_array());
    request.idle();

    let request = client.execute_with("panic", &expressions);
    request
        .busy()
        .input(2, "panic")
        .error("Panic", "")
        .failed(2, "Panic", "")
        .idle();
}

#[test]
fn a_bug_in_the_kernel_costs_one_cell() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let what = "the kernel has a bug: a bug in the notebook";
    let request = client.execute("bug");
    request
        .busy()
        .input(1, "bug")
        .error("InternalError", what)
        .failed(1, "InternalError", what)
        .idle();
    client
        .execute("value 1")
        .busy()
        .input(2, "value 1")
        .result(2, "1")
        .executed(2)
        .idle();
}

#[test]
fn an_engine_that_breaks_down_costs_one_cell() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let what = "the Rust engine broke down: index out of bounds";
    let request = client.execute("crash index out of bounds");
    request.busy().input(1, "crash index out of bounds");
    request
        .error("EnginePanicked", what)
        .failed(1, "EnginePanicked", what)
        .idle();
    client
        .execute("value 1")
        .busy()
        .input(2, "value 1")
        .result(2, "1")
        .executed(2)
        .idle();
}

#[test]
fn the_reply_says_when_the_cell_began() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let request = client.execute("");
    request.busy().input(1, "");
    let metadata = request.reply().metadata;
    assert_eq!(metadata["status"], "ok");
    assert!(metadata["started"].as_str().unwrap().ends_with('Z'), "{metadata}");
    request.idle();
}

#[test]
fn each_choice_of_silent_store_history_and_stop_on_error_is_honoured() {
    for choice in 0..8 {
        let [silent, stored, stops] = [1, 2, 4].map(|bit| choice & bit != 0);
        println!("silent {silent}, store_history {stored}, stop_on_error {stops}");
        let kernel = Kernel::start();
        let client = kernel.first_client();
        let choice = json!({ "silent": silent, "store_history": stored, "stop_on_error": stops });
        let expressions = json!({ "user_expressions": { "a": "1" } });
        let mut with_expressions = choice.clone();
        with_expressions
            .as_object_mut()
            .unwrap()
            .extend(expressions.as_object().unwrap().clone());

        let count = u32::from(stored && !silent);
        let well = client.execute_with("value 1", &with_expressions);
        well.busy();
        if !silent {
            well.input(count, "value 1").result(count, "1");
        }
        let reply = well.reply().content;
        assert_eq!(reply["execution_count"], count);
        let expected = json!({ "a": { "status": "ok", "data": { "text/plain": "1" }, "metadata": {} } });
        assert_eq!(reply["user_expressions"], expected);
        well.idle();

        let count = 2 * count;
        let fails = client.execute_with("sleep 100\npanic oh", &choice);
        let waits = client.execute("value 2");
        fails.busy();
        if !silent {
            fails.input(count, "sleep 100\npanic oh").error("Panic", "oh");
        }
        fails.failed(count, "Panic", "oh").idle();
        waits.busy();
        if stops && !silent {
            waits.aborted(count).idle();
        } else {
            let count = count + 1;
            waits.input(count, "value 2").result(count, "2").executed(count).idle();
        }

        let expected = match (stored && !silent, stops && !silent) {
            (true, true) => json!(["value 1", "sleep 100\npanic oh"]),
            (true, false) => json!(["value 1", "sleep 100\npanic oh", "value 2"]),
            (false, true) => json!([]),
            (false, false) => json!(["value 2"]),
        };
        let history = client.request("history_request", &json!({ "hist_access_type": "range" }));
        history.busy();
        let found = history.reply().content["history"].clone();
        let found: Vec<_> = found.as_array().unwrap().iter().map(|entry| entry[2].clone()).collect();
        assert_eq!(json!(found), expected);
        history.idle();
    }
}
