//! Steps that run: what becomes of a job, whatever they do.

use std::time::Instant;

use pipulate::{EventKind, Source, StepStatus};
use serde_json::json;

use crate::support::{BOUND, Site, hidden, parts};

const ADA: &[(&str, &str)] = &[("field.name", "Ada"), ("field.age", "36")];

#[test]
fn a_job_goes_on_until_input_is_needed_and_to_its_end() {
    let site = Site::new();
    let page = site.open("hello", "a");
    let first = site.get(&page);
    first
        .has("What is your name?")
        .has("value=\"36\"")
        .has("0 of 5 steps done")
        .lacks("Your wish");
    let answer = site.submit(&page, "ask", ADA);
    assert_eq!(answer.is(303).headers["location"], format!("{page}#step-1").as_str());
    let shown = site.settled(&page);
    assert!(
        shown.contains("HELLO, ADA!") && shown.contains("asked Ada") && shown.contains("Your wish"),
        "{shown}"
    );
    assert!(shown.contains("3 of 5 steps done"), "{shown}");

    site.submit(&page, "wish", &[("field.wish", "bread")]).is(303);
    let shown = site.settled(&page);
    assert!(
        shown.contains("All steps are done") && shown.contains("Lock the job"),
        "{shown}"
    );

    let job = site.job("a");
    assert_eq!(job.require::<String>("shout").unwrap(), "HELLO, ADA!");
    assert_eq!(job.require::<u32>("runs").unwrap(), 1);
    assert_eq!(job.status("greeting", None).unwrap(), StepStatus::Fresh);
    let recorded = job.step("shout").unwrap().unwrap();
    let inputs: Vec<String> = recorded
        .recording
        .unwrap()
        .inputs
        .iter()
        .map(|input| input.step.to_string())
        .collect();
    assert_eq!(
        (inputs.as_slice(), recorded.source),
        (&["greeting".to_owned()][..], Source::Web)
    );
    let events = job.history(None).unwrap();
    let recorded: Vec<_> = events.iter().filter(|event| event.kind == EventKind::Record).collect();
    assert_eq!(recorded.len(), 3, "one event a step");

    job.set("name", "Grace").unwrap();
    site.get(&page).has("Run those again").lacks("Lock the job to keep");
}

#[test]
fn what_needs_no_input_runs_when_the_job_is_opened_and_empty_values_are_done() {
    let site = Site::new();
    let page = site.open("quiet%2F%C3%BC", "a");
    let shown = site.settled(&page);
    assert!(shown.contains("6 of 6 steps done"), "{shown}");
    let job = site.job("a");
    for (step, json) in [("zero", "0"), ("empty", "\"\""), ("no", "false"), ("none", "null")] {
        assert_eq!(job.get_json(step).unwrap().as_deref(), Some(json));
    }
    // A step that set nothing counts as run, also after a restart.
    let revision = job.info().unwrap().unwrap().revision;
    let site = site.restarted();
    site.get(&page).has("6 of 6 steps done");
    site.open("quiet%2F%C3%BC", "a");
    assert_eq!(
        site.job("a").info().unwrap().unwrap().revision,
        revision,
        "nothing ran again"
    );

    // A copy has it too, up to where it starts over.
    let fork = format!("{page}/fork");
    site.post(&fork, &[("key", "b"), ("from", "none")]).is(303);
    site.get("/w/quiet%2F%C3%BC/j/b").has("5 of 6 steps done");
    // Going back makes it run again.
    site.post(&format!("{page}/s/nothing/revert"), &[]).is(303);
    site.get(&page).has("0 of 6 steps done");
    site.submit(&page, "nothing", &[]).is(303);
    assert!(site.settled(&page).contains("6 of 6 steps done"));
}

#[test]
fn taking_back_a_way_back_brings_runs_back_that_set_nothing() {
    let site = Site::new();
    let page = site.open("quiet%2F%C3%BC", "a");
    site.settled(&page);
    site.get(&page).has("6 of 6 steps done");
    site.post(&format!("{page}/s/nothing/revert"), &[]).is(303);
    site.get(&page).has("0 of 6 steps done");
    site.post(&format!("{page}/undo"), &[]).is(303);
    let shown = site.get(&page);
    shown.has("6 of 6 steps done").lacks("class=\"stale");
    // The same by the API, with a server that was not there when it was done.
    let api = "/api/workflows/quiet%2F%C3%BC/jobs/a";
    site.call(&format!("{api}/steps/sometimes/revert"), &json!({})).is(200);
    let site = site.restarted();
    let job = site.call(&format!("{api}/undo"), &json!({}));
    assert!(job.is(200).json()["next"].is_null(), "{}", job.text);

    // Where nothing had a value, going back is no change of the core; taking it back takes back nothing else.
    let page = site.open("silent", "b");
    site.settled(&page);
    let events = || site.job("b").history(None).unwrap().len();
    let before = events();
    for _ in 0..2 {
        site.post(&format!("{page}/s/only/revert"), &[]).is(303);
        site.get(&page).has("1 of 2 steps done");
        site.post(&format!("{page}/undo"), &[]).is(303);
        site.get(&page).has("2 of 2 steps done");
    }
    assert_eq!(events(), before);
    // Once it has run again, there is nothing of the kind to take back.
    site.post(&format!("{page}/s/only/revert"), &[]).is(303);
    site.submit(&page, "only", &[]).is(303);
    site.settled(&page);
    site.post(&format!("{page}/undo"), &[]).is(303);
    assert_eq!(site.job("b").get::<i32>("zero").unwrap(), None);
}

#[test]
fn going_back_sets_later_steps_aside_and_refills_forms() {
    let site = Site::new();
    let page = site.open("hello", "a");
    site.submit(&page, "ask", ADA).is(303);
    site.settled(&page);
    site.submit(&page, "wish", &[("field.wish", "peace")]).is(303);
    site.settled(&page);
    let back = format!("{page}/s/ask/revert");
    let shown = site.get(&page).text;
    site.post(&back, &parts(&hidden(&shown, &back), &[])).is(303);
    let shown = site.get(&page);
    shown
        .has("value=\"Ada\"")
        .has("value=\"36\"")
        .has("0 of 5 steps done")
        .has("Open again");
    let job = site.job("a");
    assert_eq!(job.get::<String>("greeting").unwrap(), None);
    assert!(job.step("greeting").unwrap().unwrap().suggested);

    site.submit(&page, "ask", &[("field.name", "Grace"), ("field.age", "36")])
        .is(303);
    let shown = site.settled(&page);
    assert!(shown.contains("HELLO, GRACE!"), "{shown}");
    assert!(
        shown.contains("<option value=\"peace\" selected>"),
        "the old wish is suggested"
    );

    let undo = format!("{page}/undo");
    site.post(&undo, &parts(&hidden(&shown, &undo), &[])).is(303);
    assert_eq!(job.get::<String>("shout").unwrap(), None);
}

#[test]
fn a_changed_input_makes_a_step_stale_and_nothing_runs_by_itself() {
    let site = Site::new();
    let page = site.open("hello", "a");
    site.submit(&page, "ask", ADA).is(303);
    site.settled(&page);
    site.job("a").set("name", "Grace").unwrap();
    let shown = site.get(&page);
    shown.has("Stale: name has changed since</span>").has("HELLO, ADA!");
    let again = format!("{page}/s/greeting");
    site.post(&again, &parts(&hidden(&shown.text, &again), &[])).is(303);
    let shown = site.settled(&page);
    assert!(
        shown.contains("Hello, Grace!") && shown.contains("Stale: greeting has changed since"),
        "{shown}"
    );
    assert!(shown.contains("HELLO, ADA!"), "the later one waits for a button");
}

#[test]
fn a_change_of_code_makes_a_step_stale() {
    let site = Site::new();
    let page = site.open("hello", "a");
    site.submit(&page, "ask", ADA).is(303);
    site.settled(&page);
    let job = site.job("a");
    let mut recording = job.step("greeting").unwrap().unwrap().recording.unwrap();
    "of other code".clone_into(&mut recording.fingerprint);
    job.record("greeting", "Hello, Ada!", &recording).unwrap();
    site.get(&page).has("Stale: its code has changed since");
}

fn trouble(how: &str, message: &str) {
    let site = Site::new();
    let page = site.open("trouble", "a");
    site.submit(&page, "work", &[("field.how", how)]).is(303);
    let shown = site.settled(&page);
    assert!(shown.contains(message), "{shown}");
    assert!(shown.contains("before"), "what it printed is there: {shown}");
    assert!(shown.contains(&format!("value=\"{how}\"")), "the form is open: {shown}");
    let job = site.job("a");
    assert_eq!(job.get_json("work").unwrap(), None, "the job is as it was");
    // The server is none the worse, and what failed is forgotten with the next try.
    site.submit(&page, "work", &[("field.how", "well")]).is(303);
    let shown = site.settled(&page);
    assert!(
        shown.contains("1 of 1 steps done") && !shown.contains("role=\"alert\"><p><strong>"),
        "{shown}"
    );
}

#[test]
fn a_panic_is_shown_with_its_place() {
    trouble("panic", "workflows.rs:");
}

#[test]
fn a_panic_says_why() {
    trouble("panic", "on purpose");
}

#[test]
fn an_exit_takes_nothing_with_it() {
    trouble("exit", "exited with status 3");
}

#[test]
fn an_abort_takes_nothing_with_it() {
    trouble("abort", "aborted (signal 6)");
}

#[test]
fn a_kill_takes_nothing_with_it() {
    trouble("kill", "was killed (signal 9)");
}

#[test]
fn an_error_is_shown_with_its_name() {
    trouble("error", "ParseIntError");
}

#[test]
fn an_error_of_the_core_says_what_to_do() {
    trouble("missing", "Set it first, or say what to take without it");
}

#[test]
fn a_long_step_shows_how_far_it_is_and_can_be_cancelled() {
    let site = Site::new();
    let page = site.open("trouble", "a");
    site.submit(&page, "work", &[("field.how", "slow")]).is(303);
    wait_until(|| site.job("a").get::<u32>("reached").unwrap().is_some());
    wait_until(|| site.get(&page).text.contains(" of 600"));
    let shown = site.get(&page);
    shown
        .has("<progress max=\"600\"")
        .has("http-equiv=\"refresh\"")
        .has("Cancel");
    // Nothing else happens to the job meanwhile.
    site.post(&format!("{page}/undo"), &[]).is(409).has("is running");
    site.post(&format!("{page}/s/work"), &[("form", "1"), ("field.how", "well")])
        .is(409);
    site.post(&format!("{page}/cancel"), &[]).is(303);
    let shown = site.settled(&page);
    assert!(
        shown.contains("the step was cancelled") && shown.contains("before"),
        "{shown}"
    );
    assert_eq!(
        site.job("a").get::<u32>("reached").unwrap(),
        Some(2),
        "what was saved on the way is saved"
    );
}

#[test]
fn a_step_that_stopped_on_the_way_is_not_done_and_goes_on_where_it_was() {
    let site = Site::new();
    let page = site.open("items", "a");
    wait_until(|| {
        site.job("a")
            .get::<Vec<u32>>("done")
            .unwrap()
            .is_some_and(|done| done.len() == 2)
    });
    site.post(&format!("{page}/cancel"), &[]).is(303);
    assert!(site.settled(&page).contains("0 of 2 steps done"));
    // All that it gives a value to has one, also after a restart.
    let site = site.restarted();
    site.get(&page)
        .has("To do: it stopped before its end")
        .has("0 of 2 steps done");
    site.job("a").set("slow", &false).unwrap();
    site.open("items", "a");
    let shown = site.settled(&page);
    assert!(
        shown.contains("2 of 2 steps done") && shown.contains("goes on at 2"),
        "{shown}"
    );
    assert_eq!(site.job("a").require::<u32>("sum").unwrap(), 10);

    // What the notebook has brought to its end is done.
    site.job("b").set("slow", &true).unwrap();
    let page = site.open("items", "b");
    wait_until(|| {
        site.job("b")
            .get::<Vec<u32>>("done")
            .unwrap()
            .is_some_and(|done| done.len() == 2)
    });
    site.post(&format!("{page}/cancel"), &[]).is(303);
    site.settled(&page);
    site.job("b").set("done", &[1, 2, 3]).unwrap();
    site.get(&page).has("1 of 2 steps done");
}

#[test]
fn what_a_step_started_ends_with_it() {
    let site = Site::new();
    let page = site.open("trouble", "a");
    site.submit(&page, "work", &[("field.how", "child")]).is(303);
    wait_until(|| site.job("a").get::<u32>("child").unwrap().is_some());
    let child: u32 = site.job("a").require("child").unwrap();
    let is_alive = || {
        let status = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        !status.is_empty() && !status.contains(") Z ")
    };
    assert!(is_alive());
    site.post(&format!("{page}/cancel"), &[]).is(303);
    wait_until(|| !is_alive());
}

#[test]
fn outputs_are_shown_as_in_the_notebook_and_outlive_the_server() {
    let site = Site::new();
    let page = site.open("shapes", "a");
    let boundary = "XX";
    let shown = site.get(&page).text;
    let action = format!("{page}/s/fields");
    let mut body = String::new();
    let mut part = |name: &str, more: &str, value: &str| {
        let start = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{more}");
        body = [&body, &start, "\r\n\r\n", value, "\r\n"].concat();
    };
    let hidden = hidden(&shown, &action);
    for (name, value) in &hidden {
        part(name, "", value);
    }
    for (name, value) in [
        ("field.text", ""),
        ("field.number", " 7 "),
        ("field.one", "b"),
        ("field.list", "[1, 2]"),
        ("field.maybe", ""),
        ("field.api_key", "hunter2"),
    ] {
        part(name, "", value);
    }
    part("field.file", "; filename=\"x.txt\"\r\nContent-Type: text/plain", "data");
    let body = [&body, "--", boundary, "--\r\n"].concat();
    let request = axum::http::Request::post(&action)
        .header("content-type", format!("multipart/form-data; boundary={boundary}"))
        .body(axum::body::Body::from(body))
        .unwrap();
    let answer = site.send(request);
    let cookie = answer.is(303).headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    site.settled(&page);
    let site = site.restarted();
    let shown = site.get(&page);
    for text in [
        "2 of 2 steps done",
        ">é</pre>",
        "a warning of 7 letters",
        "&#60;i&#62;x&#60;/i&#62;",
        "<em>html</em>",
        "<strong>bold</strong>",
        "finished",
        "<b>drawn</b><img ",
        "src=\"data:image/svg+xml;base64,",
        "OnlyDebug",
        "&#34;text&#34;",
        "4 bytes of text/plain",
        "<b>number</b>: 7",
    ] {
        shown.has(text);
    }
    for text in ["hunter2", "waiting", "<i>x</i>", "alert(1)", "EVCXR", "onclick", "<svg"] {
        shown.lacks(text);
    }
    let job = site.job("a");
    assert_eq!(
        job.get_json("yes").unwrap().as_deref(),
        Some("false"),
        "a box that is not ticked"
    );
    assert_eq!(job.get_json("maybe").unwrap().as_deref(), Some("null"));
    assert_eq!(job.get_json("text").unwrap().as_deref(), Some("\"\""));
    assert_eq!(job.get_json("number").unwrap().as_deref(), Some("7"));
    assert!(!site.dump("a").contains("hunter2"));
    let file = site.get(&format!("{page}/values/file"));
    assert_eq!(
        (file.text.as_str(), file.headers["content-type"].to_str().unwrap()),
        ("data", "application/octet-stream")
    );
    // A value that is set elsewhere is not what the step printed about.
    job.set("outputs", &1).unwrap();
    site.get(&page).lacks("OnlyDebug");
}

fn wait_until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !what() {
        assert!(Instant::now() < deadline, "it never came");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
