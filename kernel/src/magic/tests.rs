//! Each magic as a user meets it.

use std::time::{Duration, Instant};

use insta::assert_snapshot;
use pipulate::Source;
use serde_json::{Value, json};

use super::testing::{Notebook, Shown};
use super::{ALL, Form, complete, find, help, help_at, names, needs_rust, unknown};
use crate::engine::fake::FakeEngine;
use crate::outputs::Outputs;
use crate::source_map::SourceMap;
use crate::state::Settings;

/// Times differ from run to run; how they look does not.
fn without_times(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.char_indices().map(|(at, _)| at).find(|at| is_time(&rest[*at..])) {
        shown.push_str(&rest[..at]);
        shown.push_str("2026-01-31 12:00:00");
        rest = &rest[at + 19..];
    }
    shown + rest
}

fn is_time(text: &str) -> bool {
    let form = "dddd-dd-dd dd:dd:dd";
    text.len() >= form.len()
        && text.bytes().zip(form.bytes()).all(|(byte, form)| {
            if form == b'd' {
                byte.is_ascii_digit()
            } else {
                byte == form
            }
        })
}

fn text(shown: Shown) -> String {
    without_times(&shown.text())
}

fn html(shown: Shown) -> String {
    without_times(&shown.html())
}

/// A job with a value of each kind, a step set aside, and one that is stale.
fn with_steps() -> Notebook {
    let notebook = Notebook::at_job();
    for cell in [
        "%pip_set greeting = \"Hello, Ada!\"",
        "%pip_set limits = {\"low\": 1, \"high\": [2, 3.50]}",
        "%pip_set \"the <b>rows</b>\" = [{\"name\": \"Ada\", \"born\": 1815}, {\"born\": 1906, \"rank\": {\"navy\": true}, \"name\": null}]",
        "%pip_set last = 0",
    ] {
        notebook.run(cell).unwrap();
    }
    notebook
}

#[test]
fn a_job_is_new_then_resumed_then_finalized() {
    let notebook = Notebook::new();
    assert_eq!(
        notebook.run("%pip_job").text(),
        "No job yet. `%pip_job KEY` makes or resumes one, `%pip_job --new` takes the next free key."
    );
    let error = notebook.run("%pip_set a = 1").error();
    assert_eq!(error.ename, "MissingJob");
    assert_eq!(
        notebook.run("%pip_job hello-01 --workflow hello").text(),
        "New job `hello-01` of the workflow `hello`. Its first value makes it."
    );
    notebook.run("%pip_set a = 1").unwrap();
    notebook.run("%pip_set b = 2").unwrap();
    let resumed = "Job `hello-01` of the workflow `hello`: 2 steps done, last changed 2026-01-31 12:00:00 UTC.";
    assert_eq!(text(notebook.run("%pip_job")), resumed);
    assert_eq!(
        text(notebook.run("%pip_job hello-01 --workflow other")),
        format!("{resumed}\nIt keeps the workflow that it was made with; `other` is not used.")
    );
    notebook.run("%pip_finalize").unwrap();
    assert_eq!(
        text(notebook.run("%pip_job")),
        format!("{resumed} It is finalized: `%pip_unfinalize` opens it.")
    );
    notebook.run("%pip_unfinalize").unwrap();
    notebook.run("%pip_delete hello-01").unwrap();
    let deleted = text(notebook.run("%pip_job hello-01"));
    assert!(
        deleted.ends_with("It is deleted: `pip.undelete(KEY)?` brings it back."),
        "{deleted}"
    );
}

#[test]
fn new_jobs_take_the_next_free_key_of_the_workflow() {
    let notebook = Notebook::with(Settings {
        notebook: Some("/home/ada/opening balance.ipynb".into()),
        ..Settings::default()
    });
    let expected = "New job `Default-opening balance-01` of the workflow `opening balance`. Its first value makes it.";
    assert_eq!(notebook.run("%pip_job --new").text(), expected);
    notebook.run("%pip_set a = 1").unwrap();
    assert!(
        notebook
            .run("%pip_job --new")
            .text()
            .contains("`Default-opening balance-02`")
    );
    assert!(
        notebook
            .run("%pip_job --new --workflow tax")
            .text()
            .contains("`Default-tax-01` of the workflow `tax`")
    );
    assert_eq!(notebook.run("%pip_job --workflow tax").error().ename, "Usage");
    assert_eq!(notebook.run("%pip_job x --new").error().ename, "Usage");
    assert_eq!(notebook.run("%pip_job \"\"").error().ename, "InvalidName");
}

#[test]
fn a_run_is_held_to_its_job() {
    let notebook = Notebook::with(Settings {
        job: Some("held".to_owned()),
        ..Settings::default()
    });
    let shown = notebook.run("%pip_job other").text();
    assert_eq!(
        shown,
        "This run is held to the job `held`.\nNew job `held` of the workflow `notebook`. Its first value makes it."
    );
    assert_eq!(notebook.state.current_job().unwrap().key, "held");
    assert!(
        notebook
            .run("%pip_job --new")
            .text()
            .starts_with("This run is held to the job `held`.")
    );
    assert!(notebook.run("%pip_job held").text().starts_with("New job `held`"));
    assert!(notebook.run("%pip_job").text().starts_with("New job `held`"));
}

#[test]
fn setting_says_what_was_set_in_one_line() {
    let notebook = Notebook::at_job();
    assert_eq!(
        notebook.run("%pip_set a = {\"b\": [1, 2]} // note").text(),
        "a = {\"b\": [1, 2]} (revision 1)"
    );
    assert_eq!(
        notebook.run("%pip_set a = {\"b\":[1,2]}").text(),
        "a = {\"b\": [1, 2]} (unchanged since revision 1)"
    );
    assert_eq!(notebook.run("%pip_set a = 2").text(), "a = 2 (revision 2)");
    let long = notebook.run(&format!("%pip_set long = \"{}\"", "x".repeat(500))).text();
    assert!(long.len() < 90, "{long}");
    let stored: Value = notebook.state.job().unwrap().require("long").unwrap();
    assert_eq!(stored.as_str().unwrap().len(), 500);
    notebook.run("%pip_set a --job other = 7").unwrap();
    assert_eq!(notebook.state.pip().unwrap().get::<i64>("other", "a").unwrap(), Some(7));
    assert_eq!(
        notebook.state.job().unwrap().history(None).unwrap()[0].source,
        Source::Notebook
    );
}

#[test]
fn setting_a_finalized_job_is_an_error_that_says_what_to_do() {
    let notebook = Notebook::at_job();
    notebook.run("%pip_set a = 1").unwrap();
    notebook.run("%pip_finalize").unwrap();
    let error = notebook.run("%pip_set a = 2").error();
    assert_eq!(error.ename, "Finalized");
    assert!(error.traceback.len() > 1, "{error:?}");
}

#[test]
fn values_are_shown_by_their_shape() {
    let notebook = with_steps();
    assert_eq!(notebook.run("%pip_get greeting").text(), "\"Hello, Ada!\"");
    assert_eq!(notebook.run("%pip_get last").text(), "0");
    assert_snapshot!("get_nested_text", notebook.run("%pip_get limits").text());
    assert_snapshot!("get_nested_html", notebook.run("%pip_get limits").html());
    assert_snapshot!("get_table_text", notebook.run("%pip_get \"the <b>rows</b>\"").text());
    assert_snapshot!("get_table_html", notebook.run("%pip_get \"the <b>rows</b>\"").html());

    let (bundle, metadata) = notebook.run("%pip_get limits").unwrap().displays().remove(0);
    assert_eq!(bundle["application/json"], json!({ "low": 1, "high": [2, 3.5] }));
    assert_eq!(metadata["application/json"], json!({ "expanded": true }));
    // JupyterLab would show these as `{}`, and a table as a folded tree.
    for cell in ["%pip_get last", "%pip_get \"the <b>rows</b>\""] {
        let (bundle, _) = notebook.run(cell).unwrap().displays().remove(0);
        assert!(!bundle.contains_key("application/json"), "{cell}");
    }
    let (bundle, _) = notebook
        .run("%pip_get \"the <b>rows</b>\"")
        .unwrap()
        .displays()
        .remove(0);
    assert_eq!(bundle["application/vnd.dataresource+json"]["data"][1]["born"], 1906);
}

#[test]
fn a_missing_step_is_an_error_that_lists_the_steps_there_are() {
    let notebook = with_steps();
    let error = notebook.run("%pip_get greting").error();
    assert_eq!(error.ename, "MissingStep");
    assert!(error.evalue.contains("`greeting`, `limits`"), "{}", error.evalue);
    assert!(error.traceback[1].contains("`greeting`"), "{error:?}");
    assert_eq!(notebook.run("%pip_get other --default [1]").text(), "[\n  1\n]");
    assert_eq!(notebook.run("%pip_get last --default 7").text(), "0");
    assert_eq!(notebook.run("%pip_get other --default vec![1]").error().ename, "Usage");
}

#[test]
fn binary_values_are_named_by_size_and_type() {
    let notebook = Notebook::at_job();
    let bytes = pipulate::Bytes::new(vec![0; 2048], "image/png");
    notebook.state.job().unwrap().set("logo", &bytes).unwrap();
    notebook.state.job().unwrap().set("logos", &[&bytes]).unwrap();
    let (bundle, _) = notebook.run("%pip_get logo").unwrap().displays().remove(0);
    assert_eq!(Value::Object(bundle), json!({ "text/plain": "2.0 KiB of image/png" }));
    let (bundle, _) = notebook.run("%pip_get logos").unwrap().displays().remove(0);
    assert_eq!(bundle["text/plain"], "[\n  2.0 KiB of image/png\n]");
    assert!(!bundle.contains_key("application/json"));
}

#[test]
fn the_whole_state_is_one_tree() {
    let notebook = with_steps();
    notebook.run("%pip_revert last").unwrap();
    assert_snapshot!("read_text", notebook.run("%pip_read").text());
    assert_eq!(Notebook::at_job().run("%pip_read").text(), "{}");
}

#[test]
fn the_chain_of_steps() {
    let notebook = with_steps();
    notebook.run("%pip_set after = true").unwrap();
    notebook.run("%pip_revert last").unwrap();
    assert_snapshot!("steps_text", text(notebook.run("%pip_steps")));
    assert_snapshot!("steps_html", html(notebook.run("%pip_steps")));
    assert_eq!(
        Notebook::at_job().run("%pip_steps").text(),
        "Job `hello-01` of the workflow `hello`: 0 steps done. `%pip_set STEP = EXPR` sets the first."
    );
}

#[test]
fn revert_undo_and_remove() {
    let notebook = with_steps();
    assert_eq!(
        notebook.run("%pip_revert limits").text(),
        "`limits` is open again; set aside: `the <b>rows</b>`, `last`"
    );
    assert_eq!(notebook.run("%pip_get last").error().ename, "MissingStep");
    let undone = notebook.run("%pip_undo").text();
    assert!(
        undone.starts_with("undone: revert of `limits` (revision 5)"),
        "{undone}"
    );
    assert_eq!(notebook.run("%pip_get last").text(), "0");
    assert_eq!(
        notebook.run("%pip_remove last").text(),
        "`last` is removed; `%pip_undo` brings it back"
    );
    assert_eq!(notebook.run("%pip_remove last").text(), "`last` had no value");
    let undone = notebook.run("%pip_undo").text();
    assert!(
        undone.starts_with("undone: remove of `last`") && undone.ends_with(": last = 0 again"),
        "{undone}"
    );
    assert_eq!(notebook.run("%pip_revert nothing").error().ename, "MissingStep");
    let empty = Notebook::at_job();
    empty.run("%pip_set a = 1").unwrap();
    assert!(empty.run("%pip_undo").text().ends_with(": it has no value again"));
    assert_eq!(empty.run("%pip_undo").text(), "nothing to undo");
}

#[test]
fn a_fork_is_a_job_of_its_own() {
    let notebook = with_steps();
    assert_eq!(
        notebook.run("%pip_fork \"hello 02\"").text(),
        "job `hello 02` is a copy of `hello-01` with 4 steps done; `%pip_job \"hello 02\"` goes on with it"
    );
    assert_eq!(
        notebook.run("%pip_fork hello-03 --from limits").text(),
        "job `hello-03` is a copy of `hello-01` with 1 step done, starting over at `limits`; `%pip_job hello-03` goes on with it"
    );
    assert_eq!(notebook.run("%pip_fork hello-03").error().ename, "JobExists");
    assert_eq!(
        notebook.run("%pip_fork hello-04 --from nothing").error().ename,
        "MissingStep"
    );
    assert_eq!(notebook.state.current_job().unwrap().key, "hello-01");
}

#[test]
fn jobs_are_listed_and_deleted_ones_are_not() {
    let notebook = with_steps();
    notebook.run("%pip_job tax-01 --workflow tax").unwrap();
    notebook.run("%pip_set a = 1").unwrap();
    notebook.run("%pip_finalize").unwrap();
    assert_snapshot!("jobs_text", text(notebook.run("%pip_jobs")));
    assert_snapshot!("jobs_html", html(notebook.run("%pip_jobs")));
    assert!(!notebook.run("%pip_jobs hello-*").text().contains("tax-01"));
    assert!(!notebook.run("%pip_jobs --workflow tax").text().contains("hello-01"));
    assert_eq!(notebook.run("%pip_jobs nothing*").text(), "no job matches");
    assert_eq!(notebook.run("%pip_jobs --deleted").text(), "no deleted jobs");
    assert_eq!(
        notebook.run("%pip_delete hello-01").text(),
        "job `hello-01` is deleted; `pip.undelete(\"hello-01\")?` brings it back"
    );
    assert!(!notebook.run("%pip_jobs").text().contains("hello-01"));
    assert!(notebook.run("%pip_jobs --deleted").text().contains("hello-01"));
    assert_eq!(notebook.run("%pip_delete nothing").error().ename, "MissingJob");
    assert_eq!(notebook.run("%pip_delete").error().ename, "Usage");
}

#[test]
fn the_history_tells_what_happened() {
    let notebook = with_steps();
    notebook.run("%pip_set last = 1").unwrap();
    notebook.run("%pip_revert last").unwrap();
    notebook.run("%pip_undo").unwrap();
    notebook.run("%pip_finalize").unwrap();
    assert_snapshot!("history_text", text(notebook.run("%pip_history")));
    assert_snapshot!("history_html", html(notebook.run("%pip_history last -n 2")));
    assert_eq!(
        notebook.run("%pip_history nothing").text(),
        "nothing has happened to step `nothing` yet"
    );
    assert_eq!(notebook.run("%pip_history -n many").error().ename, "Usage");
}

#[test]
fn the_store_is_shown_with_its_place() {
    let notebook = with_steps();
    let shown = notebook.run("%pip_db").text();
    assert!(
        shown.contains(&format!("Place           {}", notebook.path("pipeline.db").display())),
        "{shown}"
    );
    assert!(
        shown.contains("Chosen by       the address that the kernel was started with"),
        "{shown}"
    );
    assert!(
        shown.contains("Jobs            1\nSteps           4\nEvents          4"),
        "{shown}"
    );
}

#[test]
fn an_input_is_asked_for_once() {
    let notebook = Notebook::at_job();
    let shown = notebook.run_with(
        "%pip_input city \"Which city?\" --help-text \"Where you live.\"",
        &["Paris"],
    );
    let recorder = shown.unwrap();
    assert_eq!(recorder.prompts(), [("Which city?: ".to_owned(), false)]);
    assert_eq!(recorder.stdout(), "Where you live.\n");
    assert_eq!(recorder.displays()[0].0["text/plain"], "city = \"Paris\" (revision 1)");
    let shown = notebook.run_with("%pip_input city", &["London"]);
    assert_eq!(
        shown.text(),
        "city = \"Paris\" (stored; `%pip_remove city` has it asked again)"
    );
}

#[test]
fn choices_are_enforced_and_numbers_stand_for_them() {
    for (answers, expected) in [
        (&["blue"][..], "blue"),
        (&["2"], "dark red"),
        (&["pink", "0", "9", "1"], "blue"),
    ] {
        let notebook = Notebook::at_job();
        let shown = notebook.run_with("%pip_input colour --choices \"blue, dark red\"", answers);
        let recorder = shown.unwrap();
        assert_eq!(recorder.prompts().len(), answers.len());
        assert_eq!(recorder.prompts()[0].0, "colour [1: blue, 2: dark red]: ");
        let stored: String = notebook.state.job().unwrap().require("colour").unwrap();
        assert_eq!(stored, expected);
        let problems = recorder.stderr();
        assert_eq!(problems.lines().count(), answers.len() - 1, "{problems}");
        if answers.len() > 1 {
            assert!(
                problems.starts_with("`pink` is none of the choices: `blue`, `dark red`, or a number from 1 to 2."),
                "{problems}"
            );
        }
    }
}

#[test]
fn a_default_is_offered_and_stored_as_it_is() {
    let notebook = Notebook::at_job();
    let recorder = notebook.run_with("%pip_input count --default [1, 2]", &[""]).unwrap();
    assert_eq!(recorder.prompts()[0].0, "count ([1, 2]): ");
    assert_eq!(
        notebook.state.job().unwrap().require::<Vec<i32>>("count").unwrap(),
        [1, 2]
    );
    let recorder = notebook.run("%pip_input size --default \"large\"").unwrap();
    assert_eq!(
        recorder.stdout(),
        "size: nobody can be asked, so it is large (its default)\n"
    );
    assert_eq!(
        notebook.state.job().unwrap().require::<String>("size").unwrap(),
        "large"
    );
    assert_eq!(
        notebook.run("%pip_input other --default vec![1]").error().ename,
        "Usage"
    );
}

#[test]
fn where_nobody_can_be_asked_the_error_says_how_to_answer() {
    let error = Notebook::at_job().run("%pip_input \"the city\"").error_text();
    assert_snapshot!(error, @r#"
    MissingInput: step `the city` needs an answer, and nobody can be asked here
    Give it with `pipulate run NOTEBOOK -p 'the city="an answer"'`, or beforehand with `%pip_set "the city" = "an answer"`.
    "#);
    let error = Notebook::at_job().run("%pip_input api-key --secret").error_text();
    assert!(
        error.ends_with("Set the variable API_KEY in the environment of the kernel."),
        "{error}"
    );
}

#[test]
fn parameters_answer_and_are_checked() {
    let parameters = [("city", "\"Paris\""), ("count", "5"), ("colour", "\"pink\"")];
    let parameters = parameters.map(|(step, json)| (step.to_owned(), json.to_owned())).into();
    let notebook = Notebook::with(Settings {
        parameters,
        job: Some("run".to_owned()),
        ..Settings::default()
    });
    notebook.run("%pip_job").unwrap();
    assert_eq!(notebook.run("%pip_input city").text(), "city = \"Paris\" (revision 1)");
    assert_eq!(notebook.run("%pip_input count").text(), "count = \"5\" (revision 2)");
    let error = notebook.run("%pip_input colour --choices blue,red").error();
    assert_eq!(error.ename, "InvalidInput");
    assert!(
        error
            .evalue
            .starts_with("the parameter for step `colour` will not do: `pink` is none"),
        "{error:?}"
    );
    // Code in a cell that could not use the answer asks again, and would get the same one for ever.
    let request = pipulate::runtime::InputRequest {
        step: "count".to_owned(),
        problem: Some("\"5\" is not a date".to_owned()),
        ..Default::default()
    };
    let recorder = super::testing::Recorder::new();
    let error = notebook
        .with_context(&recorder, |context| super::input::ask(&request, context))
        .unwrap_err();
    assert_eq!(
        error.evalue,
        "the parameter for step `count` will not do: \"5\" is not a date"
    );
}

#[test]
fn a_secret_is_never_stored_or_shown() {
    let notebook = Notebook::at_job();
    let recorder = notebook
        .run_with("%pip_input token --secret", &["", "hunter2"])
        .unwrap();
    assert_eq!(
        recorder.prompts(),
        [("token: ".to_owned(), true), ("token: ".to_owned(), true)]
    );
    let shown = format!("{:?}{}{}", recorder.displays(), recorder.stdout(), recorder.stderr());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(
        notebook.state.job().unwrap().info().unwrap().is_none(),
        "nothing was stored"
    );
    let request = pipulate::runtime::InputRequest {
        step: "token".to_owned(),
        secret: true,
        ..Default::default()
    };
    let recorder = super::testing::Recorder::new();
    let again = notebook
        .with_context(&recorder, |context| super::input::ask(&request, context))
        .unwrap();
    assert_eq!((again.as_str(), recorder.prompts().len()), ("hunter2", 0));

    let notebook = Notebook::at_job();
    notebook.run("%env TOKEN=from the environment").unwrap();
    let secret = notebook
        .with_context(&recorder, |context| super::input::ask(&request, context))
        .unwrap();
    assert_eq!(secret, "from the environment");
}

#[test]
fn an_interrupted_question_is_an_error() {
    struct Interrupts;
    impl Outputs for Interrupts {
        fn stream(&self, _: crate::outputs::Stream, _: &str) {}
        fn display(&self, _: crate::outputs::MimeBundle, _: serde_json::Map<String, Value>, _: Option<&str>) {}
        fn update_display(&self, _: crate::outputs::MimeBundle, _: serde_json::Map<String, Value>, _: &str) {}
        fn clear_output(&self, _: bool) {}
        fn execute_result(&self, _: crate::outputs::MimeBundle, _: serde_json::Map<String, Value>) {}
        fn input(&self, _: &str, _: bool) -> Result<String, crate::outputs::InputError> {
            Err(crate::outputs::InputError::Interrupted)
        }
    }
    let notebook = Notebook::at_job();
    let outputs: std::sync::Arc<dyn Outputs> = std::sync::Arc::new(Interrupts);
    let request = pipulate::runtime::InputRequest {
        step: "a".to_owned(),
        ..Default::default()
    };
    let recorder = super::testing::Recorder::new();
    let error = notebook
        .with_context(&recorder, |context| {
            super::input::ask(
                &request,
                &super::Context {
                    outputs: &outputs,
                    ..*context
                },
            )
        })
        .unwrap_err();
    assert_eq!(error.ename, "Interrupted");
}

#[test]
fn nothing_of_the_users_becomes_markup() {
    let evil = "<script>alert(1)</script>";
    let notebook = Notebook::new();
    notebook
        .run(&format!("%pip_job \"{evil}\" --workflow \"{evil}\""))
        .unwrap();
    for value in [
        format!("\"{evil}\""),
        format!("{{\"{evil}\": [\"{evil}\"]}}"),
        format!("[{{\"{evil}\": \"{evil}\"}}]"),
    ] {
        notebook.run(&format!("%pip_set \"{evil}\" = {value}")).unwrap();
        for cell in [
            "%pip_read",
            "%pip_steps",
            "%pip_jobs",
            "%pip_history",
            &format!("%pip_get \"{evil}\""),
        ] {
            for (bundle, _) in notebook.run(cell).unwrap().displays() {
                let html = bundle.get("text/html").and_then(Value::as_str).unwrap_or_default();
                assert!(!html.contains("<script"), "{cell} of {value}: {html}");
            }
        }
    }
    notebook.run(&format!("%env EVIL={evil}")).unwrap();
    assert!(!notebook.run("%env").html().contains("<script"));
}

#[test]
fn an_unknown_magic_names_the_nearest() {
    let notebook = Notebook::new();
    let error = notebook.run("%pip_sett a = 1").error();
    assert_eq!(
        (error.ename.as_str(), error.evalue.as_str()),
        ("UnknownMagic", "there is no magic `%pip_sett`")
    );
    assert_eq!(error.traceback[1], "Did you mean `%pip_set`?");
    assert_eq!(unknown("bsh").traceback[1], "Did you mean `%%bash`?");
    assert_eq!(
        unknown("frobnicate").traceback[1],
        "`%lsmagic` lists those that there are."
    );
    assert_eq!(notebook.run("%%nothing\ntext").error().ename, "UnknownMagic");
}

#[test]
fn misuse_shows_the_usage() {
    let notebook = Notebook::at_job();
    assert_snapshot!(notebook.run("%pip_fork").error_text(), @r"
    Usage: `%pip_fork` lacks `KEY`.
    Write `%pip_fork KEY [--from STEP]`.
    ");
    assert_snapshot!(notebook.run("%pip_fork a --form b").error_text(), @r"
    Usage: `%pip_fork` has no option `--form`.
    Did you mean `--from`?
    Usage: %pip_fork KEY [--from STEP]
    ");
    assert_snapshot!(notebook.run("%pip_set a == 1").error_text(), @r"
    Usage: `%pip_set` is followed by one `=`, not by `==`.
    Write `%pip_set STEP [--job KEY] = EXPR`.
    ");
    assert_snapshot!(notebook.run("%bash").error_text(), @r"
    Usage: `%%bash` is for a whole cell, not for a line
    Make it the first line of a cell of its own: `%%bash`.
    ");
    assert_snapshot!(notebook.run("%%pip_steps\n1").error_text(), @r"
    Usage: `%pip_steps` is for a line, not for a whole cell
    Write it with one `%`: `%pip_steps [--job KEY]`.
    ");
}

#[test]
fn help_says_all_there_is_to_say() {
    let notebook = Notebook::new();
    assert_snapshot!("help_text", notebook.run("%pip_input --help").text());
    let bundle = help("pip_input").unwrap();
    assert_snapshot!("help_markdown", bundle["text/markdown"].as_str().unwrap());
    assert!(help("pip_nothing").is_none());
    assert_snapshot!("lsmagic_text", notebook.run("%lsmagic").text());
    assert!(notebook.run("%%bash --help\necho ran").text().starts_with("%%bash\n"));
}

#[test]
fn help_is_there_for_the_name_at_the_cursor() {
    let code = "let a = 1;\n%pip_set total = a + 1\n";
    let set = help("pip_set");
    for (at, expected) in [
        ("%pip", true),
        ("_set", true),
        ("total", true),
        ("a + 1", false),
        ("let", false),
    ] {
        let offset = code.find(at).unwrap() + 1;
        assert_eq!(help_at(code, offset), if expected { set.clone() } else { None }, "{at}");
    }
    assert_eq!(help_at("?pip_set", 4), set);
    assert_eq!(help_at("let x: i64 = %pip_get a;", 17), help("pip_get"));
}

/// What is said about the magics fits together.
#[test]
fn specifications_are_whole() {
    for magic in ALL {
        let specification = &magic.specification;
        let name = magic.name();
        assert!(specification.summary.ends_with('.'), "{name}");
        assert!(!specification.examples.is_empty(), "{name}");
        for example in specification.examples {
            let cell = pipulate::cell::parse(example.code);
            assert_eq!(cell.problems(), [], "{}", example.code);
            let invocation = cell.magics().next().unwrap();
            assert_eq!(cell.slice(&invocation.name), name, "{}", example.code);
            let parsed = specification.usage.parse(example.code, invocation);
            let is_cell = cell.cell_magic().is_some();
            assert!(is_cell || parsed.is_ok(), "{}: {parsed:?}", example.code);
            assert!(
                if is_cell {
                    specification.is_cell()
                } else {
                    specification.is_line()
                },
                "{}",
                example.code
            );
        }
    }
    let mut sorted: Vec<_> = names().collect();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), ALL.len(), "two magics of one name");
    assert_eq!(find("bash").unwrap().specification.form, Form::Cell);
}

#[test]
fn what_needs_the_compiler() {
    for (code, expected) in [
        ("%pip_set a = {\"b\": 1}", false),
        ("%pip_set a = 1 + 1", true),
        ("%pip_set a", false),
        ("%time 1 + 1", true),
        ("%time %pip_steps", false),
        ("%time !ls", false),
        ("%pip_steps", false),
        ("%nothing", false),
    ] {
        let cell = pipulate::cell::parse(code);
        assert_eq!(needs_rust(&cell, cell.magics().next().unwrap()), expected, "{code}");
    }
}

#[test]
fn variables_are_listed() {
    let notebook = Notebook::new();
    assert_eq!(notebook.run("%who").stdout(), "There are no variables yet.\n");
    assert_eq!(notebook.run("%whos").stdout(), "There are no variables yet.\n");
    let outputs: std::sync::Arc<dyn Outputs> = super::testing::Recorder::new();
    for name in ["greeting", "total"] {
        notebook
            .engine
            .evaluate(SourceMap::identity(&format!("var {name}")), outputs.clone())
            .unwrap();
    }
    assert_eq!(notebook.run("%who").stdout(), "greeting  total\n");
    assert_eq!(notebook.run("%who String").stdout(), "No variable is of such a type.\n");
    assert_eq!(notebook.run("%who i32").stdout(), "greeting  total\n");
    assert_eq!(
        notebook.run("%whos").text(),
        "Name      Type\n────────  ────\ngreeting  i32\ntotal     i32"
    );
}

#[test]
fn reset_asks_unless_told_not_to() {
    let mut notebook = Notebook::new();
    let outputs: std::sync::Arc<dyn Outputs> = super::testing::Recorder::new();
    notebook
        .engine
        .evaluate(SourceMap::identity("var total"), outputs)
        .unwrap();
    assert_eq!(notebook.run("%reset").error().ename, "MissingInput");
    assert_eq!(notebook.run_with("%reset", &["n"]).stdout(), "Nothing is forgotten.\n");
    assert_eq!(notebook.engine.variables().len(), 1);
    notebook.amid_rust = true;
    assert_eq!(notebook.run("%reset -f").error().ename, "Usage");
    notebook.amid_rust = false;
    notebook.run("%reset -f").unwrap();
    assert_eq!(notebook.engine.variables().len(), 0);
    notebook.run_with("%reset", &["yes"]).unwrap();
}

#[test]
fn the_environment_is_set_for_shell_lines_and_code() {
    let notebook = Notebook::new();
    assert_eq!(
        notebook.run("%env A_URL=http://x.org//y?a=1;b").stdout(),
        "env: A_URL=http://x.org//y?a=1;b\n"
    );
    assert_eq!(notebook.run("%env B two words").stdout(), "env: B=two words\n");
    assert_eq!(notebook.run("%env A_URL").text(), "http://x.org//y?a=1;b");
    assert_eq!(
        *notebook.worker.told.lock().unwrap(),
        ["A_URL=http://x.org//y?a=1;b", "B=two words"]
    );
    assert_eq!(notebook.run("%%bash\nprintf \"$B\"").stdout(), "two words");
    notebook.run("%env MY_API_KEY=hunter2").unwrap();
    let all = notebook.run("%env").text();
    assert!(
        !all.contains("hunter2") && all.contains("<hidden>") && all.contains("two words"),
        "{all}"
    );
    assert_eq!(notebook.run("%env NO_SUCH_VARIABLE").error().ename, "Usage");
}

#[test]
fn the_working_folder_changes_and_goes_back() {
    let notebook = Notebook::new();
    let start = notebook.folder.path().canonicalize().unwrap();
    std::fs::create_dir(start.join("sub folder")).unwrap();
    let sub = start.join("sub folder");
    assert_eq!(
        notebook.run("%cd \"sub folder\"").stdout(),
        format!("{}\n", sub.display())
    );
    assert_eq!(notebook.run("%pwd").text(), sub.display().to_string());
    assert_eq!(notebook.run("%%bash\npwd").stdout(), format!("{}\n", sub.display()));
    notebook.run("%%writefile made\nhere").unwrap();
    assert!(sub.join("made").exists());
    assert_eq!(notebook.run("%cd -").stdout(), format!("{}\n", start.display()));
    assert_eq!(
        *notebook.worker.told.lock().unwrap(),
        [format!("cd {}", sub.display()), format!("cd {}", start.display())]
    );
    let error = notebook.run("%cd nowhere").error();
    assert_eq!(error.ename, "FileError");
    assert_eq!(notebook.run("%cd \"sub folder/made\"").error().ename, "FileError");
    assert_eq!(notebook.run("%pwd").text(), start.display().to_string());
    notebook.run(&format!("%env HOME={}", sub.display())).unwrap();
    assert_eq!(notebook.run("%cd").stdout(), format!("{}\n", sub.display()));
}

#[test]
fn cells_that_were_run_are_printed() {
    let mut notebook = Notebook::new();
    notebook.history = [(1, "let a = 1;"), (2, "let b = 2;\na + b\n"), (4, "%pip_steps")]
        .map(|(number, code)| (number, code.to_owned()))
        .into();
    assert_eq!(
        notebook.run("%history").stdout(),
        "let a = 1;\nlet b = 2;\na + b\n%pip_steps\n"
    );
    assert_eq!(
        notebook.run("%history -n").stdout(),
        "   1: let a = 1;\n   2:\nlet b = 2;\na + b\n   4: %pip_steps\n"
    );
    assert_eq!(notebook.run("%history -l 1").stdout(), "%pip_steps\n");
    assert_eq!(notebook.run("%history 4 1-1").stdout(), "%pip_steps\nlet a = 1;\n");
    assert_eq!(notebook.run("%history 2-").stdout(), "let b = 2;\na + b\n%pip_steps\n");
    assert_eq!(notebook.run("%history x").error().ename, "Usage");
}

#[test]
fn a_file_is_written_overwritten_and_added_to() {
    let notebook = Notebook::new();
    assert_eq!(
        notebook.run("%%writefile notes.txt\none\n  two = \"2\"").stdout(),
        "Writing notes.txt\n"
    );
    assert_eq!(
        std::fs::read_to_string(notebook.path("notes.txt")).unwrap(),
        "one\n  two = \"2\"\n"
    );
    assert_eq!(
        notebook.run("%%writefile -a notes.txt\nthree\n").stdout(),
        "Appending to notes.txt\n"
    );
    assert_eq!(
        std::fs::read_to_string(notebook.path("notes.txt")).unwrap(),
        "one\n  two = \"2\"\nthree\n"
    );
    assert_eq!(
        notebook.run("%%writefile \"notes.txt\"\n").stdout(),
        "Overwriting notes.txt\n"
    );
    assert_eq!(std::fs::read_to_string(notebook.path("notes.txt")).unwrap(), "");
    assert_eq!(notebook.run("%%writefile no/such/folder\nx").error().ename, "FileError");
}

#[test]
fn a_script_runs_with_bash() {
    let notebook = Notebook::new();
    assert_eq!(
        notebook.run("%%bash\nfor n in {1..3}; do echo $n; done").stdout(),
        "1\n2\n3\n"
    );
    let shown = notebook.run("%%bash\necho out; echo err >&2; exit 7");
    assert_eq!(shown.recorder.stderr(), "err\n");
    assert_eq!(shown.error().evalue, "the command ended with status 7");
}

#[test]
fn magics_and_shell_lines_are_timed() {
    let notebook = with_steps();
    let recorder = notebook.run("%time %pip_get last").unwrap();
    assert_eq!(recorder.displays()[0].0["text/plain"], "0");
    assert!(recorder.stdout().starts_with("Wall time: "), "{}", recorder.stdout());
    let printed = notebook.run("%time !echo hi").stdout();
    assert!(printed.starts_with("hi\nWall time: "), "{printed}");
    assert_eq!(notebook.run("%time 1 + 1").error().ename, "Usage");
}

#[track_caller]
fn check_completion(notebook: &Notebook, code: &str, replaced: &str, expected: &[&str]) {
    let recorder = super::testing::Recorder::new();
    let found = notebook.with_context(&recorder, |context| complete(code, code.len(), context));
    let found = found.expect("it is the engine's");
    assert_eq!(&code[found.start..found.end], replaced, "{code}");
    let texts: Vec<&str> = found.items.iter().map(|item| item.text.as_str()).collect();
    assert_eq!(texts, expected, "{code}");
}

#[test]
fn tab_completes_names_options_keys_and_steps() {
    let notebook = with_steps();
    notebook.run("%pip_set \"two words\" = 1").unwrap();
    notebook.run("%pip_set l --job other = 1").unwrap();
    std::fs::create_dir(notebook.path("data")).unwrap();
    std::fs::write(notebook.path("data/a file.csv"), "").unwrap();
    check_completion(&notebook, "%pip_f", "%pip_f", &["%pip_finalize", "%pip_fork"]);
    check_completion(
        &notebook,
        "let x = 1;\n  %pip_f",
        "%pip_f",
        &["%pip_finalize", "%pip_fork"],
    );
    check_completion(&notebook, "%%", "%%", &["%%time", "%%writefile", "%%bash"]);
    check_completion(&notebook, "?pip_fo", "pip_fo", &["pip_fork"]);
    check_completion(
        &notebook,
        "%pip_input a --",
        "--",
        &["--choices", "--secret", "--help-text", "--job", "--default", "--help"],
    );
    check_completion(&notebook, "%pip_get l", "l", &["last", "limits"]);
    check_completion(&notebook, "let x: i64 = %pip_get l", "l", &["last", "limits"]);
    check_completion(&notebook, "%pip_get t", "t", &["\"the <b>rows</b>\"", "\"two words\""]);
    check_completion(&notebook, "%pip_get \"tw", "\"tw", &["\"two words\""]);
    check_completion(&notebook, "%pip_get \"la", "\"la", &["\"last\""]);
    check_completion(&notebook, "%pip_job ", "", &["hello-01", "other"]);
    check_completion(&notebook, "%pip_read -j h", "h", &["hello-01"]);
    check_completion(&notebook, "%pip_fork ", "", &[]);
    check_completion(&notebook, "%pip_fork x --from gr", "gr", &["greeting"]);
    check_completion(&notebook, "%pip_job x --workflow h", "h", &["hello"]);
    check_completion(&notebook, "%cd da", "da", &["data/"]);
    check_completion(&notebook, "%%writefile data/", "data/", &["\"data/a file.csv\""]);
    check_completion(&notebook, "%pip_steps x", "", &[]);
}

#[test]
fn rust_is_left_to_the_engine() {
    let notebook = Notebook::new();
    let recorder = super::testing::Recorder::new();
    for code in ["let x = 5 % pip", "%pip_set a = Vec::ne", "x.len", ":de", ""] {
        let found = notebook.with_context(&recorder, |context| complete(code, code.len(), context));
        assert_eq!(found, None, "{code}");
    }
}

#[test]
fn magics_without_rust_do_not_wait_for_the_engine() {
    let mut notebook = with_steps();
    let (over, waiting) = std::sync::mpsc::channel::<()>();
    let waiting = std::sync::Mutex::new(waiting);
    notebook.engine = crate::engine::handle::EngineHandle::spawn(move || {
        // Starts only when the test is over.
        let _ = waiting.lock().unwrap().recv();
        Ok(Box::new(FakeEngine::new()))
    });
    let started = Instant::now();
    for cell in [
        "%pip_set a = 1",
        "%pip_get a",
        "%pip_steps",
        "%whos",
        "%lsmagic",
        "%pip_jobs",
        "%env",
    ] {
        notebook.run(cell).unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(5));
    drop(over);
}
