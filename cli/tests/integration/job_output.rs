//! `pipulate job`: tables for people, JSON for programs.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

fn two_jobs() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.prepare(
        "job set hello-01 name '\"Ada\"' --workflow hello
         job set hello-01 age 36
         job set other note '\"two\\nlines\"'
         job finalize other",
    );
    sandbox
}

#[test]
fn a_list_is_a_table() {
    let sandbox = two_jobs();
    sandbox.run("job list").code(0).stdout(
        "KEY       WORKFLOW  STEPS  STATE      UPDATED\n\
         hello-01  hello     2      open       TIME\n\
         other     notebook  1      finalized  TIME\n",
    );
    sandbox.run("job list hello-* --workflow hello").code(0).stdout(
        "KEY       WORKFLOW  STEPS  STATE  UPDATED\n\
         hello-01  hello     2      open   TIME\n",
    );
    let database = sandbox.path("pipeline.db");
    let none = |line: &str, expected: &str| {
        let list = sandbox.run(line).code(0);
        assert_eq!(list.stdout, format!("{expected} in {}\n", database.display()));
    };
    none("job list nothing*", "No such jobs");
    none("job list --workflow nothing", "No such jobs");
    none("job list --deleted", "No deleted jobs");
}

#[test]
fn a_list_of_nothing_is_empty_json() {
    let sandbox = Sandbox::new();
    sandbox.run("job list --json").code(0).stdout("[]\n").stderr("");
    assert!(!sandbox.path("pipeline.db").exists());
}

#[test]
fn a_list_is_json() {
    let jobs = two_jobs().run("job list --json").code(0).json();
    assert_eq!(jobs.as_array().unwrap().len(), 2);
    let first = &jobs[0];
    assert_eq!(
        (&first["key"], &first["workflow"]),
        (&json!("hello-01"), &json!("hello"))
    );
    assert_eq!((&first["revision"], &first["step_count"]), (&json!(2), &json!(2)));
    assert_eq!(
        (&jobs[1]["finalized"], &jobs[1]["deleted"]),
        (&json!(true), &json!(false))
    );
    for time in ["created", "updated"] {
        assert!(first[time].as_str().unwrap().ends_with('Z'), "{first}");
    }
}

#[test]
fn a_job_is_shown_with_its_steps() {
    two_jobs().run("job show hello-01").code(0).stdout(
        "job       hello-01\n\
         workflow  hello\n\
         state     open, revision 2\n\
         created   TIME\n\
         updated   TIME\n\
         \n\
         STEP  STATUS  REVISION  SOURCE  UPDATED               VALUE\n\
         name  fresh   1         cli     TIME  \"Ada\"\n\
         age   fresh   2         cli     TIME  36\n",
    );
}

#[test]
fn a_job_is_shown_as_json() {
    let sandbox = two_jobs();
    sandbox.prepare("job set hello-01 report '{\"z\": 1, \"a\": 2.0}'");
    let shown = sandbox.run("job show hello-01 --json").code(0);
    let mut job = shown.json();
    let fields: Vec<_> = job.as_object().unwrap().keys().cloned().collect();
    let expected = [
        "id",
        "key",
        "workflow",
        "created",
        "updated",
        "revision",
        "finalized",
        "deleted",
        "steps",
    ];
    assert_eq!(fields, expected, "others read these");
    let step = job["steps"][0].as_object_mut().unwrap();
    assert!(step.remove("updated").is_some_and(|time| time.is_string()));
    assert_eq!(
        Value::Object(step.clone()),
        json!({ "name": "name", "value": "Ada", "revision": 1, "source": "cli", "status": "fresh" })
    );
    assert!(
        shown.stdout.contains("{\"z\": 1, \"a\": 2.0}"),
        "the value is as it was written:\n{shown}"
    );
}

#[test]
fn a_history_tells_everything() {
    let sandbox = two_jobs();
    sandbox.prepare("job set hello-01 age 37\n job undo hello-01");
    let history = sandbox.run("job history hello-01 --json").code(0).json();
    let told: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["kind"].as_str().unwrap(), event["revision"].as_u64().unwrap()))
        .collect();
    assert_eq!(told, [("set", 1), ("set", 2), ("set", 3), ("undo", 4)]);
    let changed = &history[2];
    assert_eq!(
        (&changed["step"], &changed["previous"], &changed["value"]),
        (&json!("age"), &json!(36), &json!(37))
    );
    assert_eq!(changed["source"], "cli");
    assert!(
        history[0].get("previous").is_none(),
        "nothing was there before: {history}"
    );
    sandbox.run("job history hello-01 name").code(0).stdout(
        "REVISION  TIME                  SOURCE  EVENT  STEP  VALUE\n\
         1         TIME  cli     set    name  \"Ada\"\n",
    );
}

#[test]
fn an_export_is_one_document() {
    let sandbox = two_jobs();
    let printed = sandbox.run("job export hello-01").code(0);
    let document = printed.json();
    assert_eq!(document["pipulate_export"], 1);
    assert_eq!(document["job"]["key"], "hello-01");
    assert_eq!(document["steps"].as_array().unwrap().len(), 2);
    assert_eq!(document["history"].as_array().unwrap().len(), 2);
    sandbox
        .run("job export hello-01 -o out/export.json")
        .code(1)
        .stderr("error: cannot write out/export.json: there is no folder out\n");
    let dash = sandbox.run("job export hello-01 -o -").code(0);
    assert_eq!(dash.stdout, printed.stdout);
    assert!(!sandbox.path("-").exists(), "`-` is no file");
    sandbox.run("job export hello-01 -o export.json").code(0).stdout("");
    assert_eq!(
        std::fs::read_to_string(sandbox.path("export.json")).unwrap(),
        printed.stdout,
        "the same bytes each time"
    );
}

/// Turns the writing around, and is allowed in names.
const OVERRIDE: char = '\u{202e}';

#[test]
fn text_that_would_steer_a_terminal_is_shown_escaped() {
    let sandbox = Sandbox::new();
    let key = format!("k{OVERRIDE}");
    // JSON may hold these as they are: a rubout, an escape sequence of eight bits, an override.
    let value = format!("\"a\u{7f}\u{9b}2J{OVERRIDE}b\"");
    let line = |command: &str| command.replace("KEY", &key);
    sandbox
        .run_with_input(&line("job set KEY s -"), &value)
        .code(0)
        .stdout("Set `s` of `k\\u202e`, revision 1\n");
    for command in ["job list", "job show KEY", "job history KEY", "job undo KEY"] {
        let ran = sandbox.run(&line(command)).code(0);
        let odd = |character: char| character == OVERRIDE || character.is_control() && character != '\n';
        assert!(!ran.stdout.contains(odd), "{:?}", ran.stdout);
        if command.contains("show") || command.contains("history") {
            assert!(ran.stdout.contains(r#""a\u007f\u009b2J\u202eb""#), "{ran}");
        }
        if !command.contains("history") {
            assert!(ran.stdout.contains(r"k\u202e"), "{ran}");
        }
        if command.contains("history") {
            // Programs get what is stored.
            let json = sandbox.run(&line("job history KEY --json")).code(0);
            assert!(json.stdout.contains(&value), "{json}");
            let got = sandbox.run(&line("job get KEY s")).code(0);
            assert_eq!(got.stdout, format!("{value}\n"));
        }
    }
    sandbox.run(&line("job get KEY s")).code(3).stderr(
        "error: the job `k\\u202e` has no step `s`\nhelp: `pipulate job show 'k\\u202e'` shows the steps it has.\n",
    );
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let sandbox = Sandbox::new();
    // More than a pipe holds, so that the writer is still at it when its reader is gone.
    let long = format!("\"{}\"", "x".repeat(300_000));
    sandbox.run_with_input("job set k s -", &long).code(0);
    for arguments in [
        ["job", "get", "k", "s"].as_slice(),
        &["job", "show", "k", "--json"],
        &["job", "export", "k"],
        &["job", "show", "k"],
    ] {
        let mut child = sandbox.command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{arguments:?}");
    }
}
