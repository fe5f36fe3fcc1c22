//! Messages that are wrong: logged, dropped, and the next good one answered.

use pipulate_kernel::message::{Outgoing, Parent};
use pipulate_kernel::wire::Wire;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::frontend::{Channel, Client};
use crate::kernel::Kernel;

#[track_caller]
fn check_alive(client: &Client, channel: Channel) {
    client
        .send(channel, "kernel_info_request", &json!({}))
        .busy()
        .reply_ok()
        .idle();
}

#[test]
fn each_kind_of_wrong_message_is_dropped_and_the_next_good_one_answered() {
    let kernel = Kernel::start_tcp();
    let client = kernel.first_client();
    let header = client.header("execute_request").to_string().into_bytes();
    let content = br#"{"code": "print hacked"}"#;
    let good = client.frames([&header, b"{}", b"{}", content], &[]);
    let mut forged = good.clone();
    forged[5] = br#"{"code": "print forged"}"#.to_vec();
    let mut unsigned = good.clone();
    unsigned[1] = Vec::new();
    let mut odd_signature = good.clone();
    odd_signature[1].pop();
    let mut undelimited = good.clone();
    undelimited.remove(0);
    let unknown = client.header("create_subshell_request").to_string().into_bytes();
    let wrong = [
        vec![Vec::new()],
        vec![b"<IDS|MSG>".to_vec()],
        good[..5].to_vec(),
        forged,
        unsigned,
        odd_signature,
        undelimited,
        client.frames([b"", b"", b"", b""], &[]),
        client.frames([b"{}", b"{}", b"{}", content], &[]),
        client.frames([&header, b"{}", b"{}", b"{\"code\": \"print"], &[]),
        client.frames([&header, b"{}", b"{}", b"{\"code\": \"print \xff\"}"], &[]),
        client.frames([&header, b"{}", b"[]", content], &[]),
        client.frames([&header, b"\xff", b"{}", content], &[]),
        client.frames([&unknown, b"{}", b"{}", b"{}"], &[]),
        client.frames([&header, b"{}", b"{}", "[".repeat(100_000).as_bytes()], &[]),
    ];
    for (number, frames) in wrong.into_iter().enumerate() {
        for channel in [Channel::Shell, Channel::Control, Channel::Stdin] {
            client.send_frames(channel, frames.clone());
        }
        for channel in [Channel::Shell, Channel::Control] {
            println!("after message {number} on {channel:?}");
            check_alive(&client, channel);
        }
    }
    client
        .execute("value 1")
        .busy()
        .input(1, "value 1")
        .result(1, "1")
        .executed(1)
        .idle();
}

/// Frames of any content and length, often with a delimiter among them.
fn frames() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let frame = prop_oneof![
        3 => vec(any::<u8>(), 0..40),
        2 => Just(b"<IDS|MSG>".to_vec()),
        2 => Just(b"{}".to_vec()),
        1 => Just(br#"{"msg_id":"1","msg_type":"execute_request"}"#.to_vec()),
        1 => "[\\[{\":,a1}\\]]{0,30}".prop_map(String::into_bytes),
    ];
    vec(frame, 0..10)
}

#[test]
fn three_hundred_random_messages_leave_the_kernel_well() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    for round in 0..300 {
        let mut message = frames().new_tree(&mut runner).unwrap().current();
        message.push(Vec::new());
        let channel = [Channel::Shell, Channel::Control, Channel::Stdin][round % 3];
        client.send_frames(channel, message);
        check_alive(&client, Channel::Shell);
    }
    check_alive(&client, Channel::Control);
}

/// Contents of any shape, such as a client of another make may send: each field right, wrong, huge or absent.
fn contents() -> impl Strategy<Value = Value> {
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "[ a-zé🦀%!?(){}\"\n]{0,20}".prop_map(Value::from),
        Just(Value::from("value ".repeat(200_000))),
        Just(json!([[], {}, null])),
        Just(json!({ "a": { "b": [1e300] } })),
    ];
    let fields = [
        "code",
        "cursor_pos",
        "silent",
        "store_history",
        "user_expressions",
        "allow_stdin",
        "stop_on_error",
        "detail_level",
        "hist_access_type",
        "n",
        "pattern",
        "session",
        "comm_id",
        "target_name",
        "data",
        "value",
        "seq",
    ];
    let object =
        proptest::collection::btree_map(select(fields.to_vec()), value.clone(), 0..6).prop_map(|fields| json!(fields));
    prop_oneof![4 => object, 1 => value]
}

#[test]
fn three_hundred_random_requests_are_answered_or_dropped_and_the_next_good_one_is_answered() {
    let kernel = Kernel::start();
    let client = kernel.first_client();
    let types = [
        "execute_request",
        "complete_request",
        "inspect_request",
        "is_complete_request",
        "history_request",
        "comm_info_request",
        "comm_open",
        "comm_msg",
        "comm_close",
        "debug_request",
        "interrupt_request",
        "input_reply",
        "kernel_info_request",
        "create_subshell_request",
        "unheard_of",
        "",
    ];
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut next = move || {
        (select(types.to_vec()), contents(), contents())
            .new_tree(&mut runner)
            .unwrap()
            .current()
    };
    for round in 0..300 {
        let (msg_type, content, metadata) = next();
        let channel = [Channel::Shell, Channel::Control, Channel::Stdin][round % 3];
        client.send_message(channel, msg_type, &json!({}), &metadata, &content, &[b"\xff"]);
        let shown: String = content.to_string().chars().take(200).collect();
        println!("round {round}: {msg_type} on {channel:?}: {shown}");
        let good = client.request("kernel_info_request", &json!({}));
        assert_eq!(good.reply_past_others().content["status"], "ok");
    }
    // Behind this one no random cell is left, whose failure would abort the next.
    client.execute("").reply_past_others();
    assert_eq!(client.execute("value 1").reply_past_others().content["status"], "ok");
    client.ignore_the_rest();
}

proptest! {
    #[test]
    fn decoding_never_panics(frames in frames()) {
        // Without a key nothing is signed, so that more than the signature is looked at.
        let wire = Wire::new("", "tester");
        let _ = wire.decode(frames.clone());
        let mut signed = vec![b"<IDS|MSG>".to_vec(), Vec::new()];
        signed.extend(frames);
        let _ = wire.decode(signed);
    }

    #[test]
    fn what_is_encoded_is_decoded(
        text in ".*", route in vec(vec(any::<u8>(), 1..9), 0..3), buffers in vec(vec(any::<u8>(), 0..9), 0..3),
    ) {
        let wire = Wire::new("key", "tester");
        let message = Outgoing {
            route: route.clone(),
            msg_type: "stream".into(),
            parent: Parent::none(),
            metadata: serde_json::Map::new(),
            content: json!({ "text": text }),
            buffers: buffers.clone(),
        };
        let received = wire.decode(wire.encode(message)).unwrap();
        prop_assert_eq!(received.identities, route);
        prop_assert_eq!(received.content["text"].as_str(), Some(text.as_str()));
        prop_assert_eq!(received.buffers, buffers);
    }
}
