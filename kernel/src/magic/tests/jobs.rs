//! Jobs: made, resumed, copied, listed, deleted.

use insta::assert_snapshot;

use super::{html, text, with_steps};
use crate::magic::testing::Notebook;
use crate::state::Settings;

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
        deleted.ends_with("It is deleted: `pip.undelete(\"hello-01\")?` brings it back."),
        "{deleted}"
    );
}

#[test]
fn new_jobs_take_the_next_free_key_of_the_workflow() {
    let notebook = Notebook::with(Settings {
        notebook: Some("/home/ada/opening balance.ipynb".into()),
        ..Settings::default()
    });
    let expected = "New job `Default-opening balance-01` of the workflow `opening balance`.";
    assert_eq!(notebook.run("%pip_job --new").text(), expected);
    // Nothing has happened in it, so it is as new as another one.
    assert_eq!(notebook.run("%pip_job --new").text(), expected);
    assert_eq!(notebook.run("%pip_job").text(), expected);
    // Nobody else gets it, though it is empty.
    let other = notebook.state.pip().unwrap();
    assert_eq!(
        other.new_job("Default", "opening balance").unwrap(),
        "Default-opening balance-02"
    );
    notebook.run("%pip_set a = 1").unwrap();
    assert!(
        notebook
            .run("%pip_job --new")
            .text()
            .contains("`Default-opening balance-03`")
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
    let deleted = notebook.run("%pip_jobs --deleted").text();
    assert!(
        deleted.contains("hello-01") && deleted.contains("  deleted  "),
        "{deleted}"
    );
    assert_eq!(notebook.run("%pip_delete nothing").error().ename, "MissingJob");
    assert_eq!(notebook.run("%pip_delete").error().ename, "Usage");
}

#[test]
fn what_is_asked_of_a_deleted_job_is_answered_with_how_it_comes_back() {
    let notebook = with_steps();
    notebook.run("%pip_job").unwrap();
    notebook.run("%pip_delete hello-01").unwrap();
    for (cell, operation) in [
        ("%pip_get greeting", "read step `greeting`"),
        ("%pip_get greeting --default 1", "read step `greeting`"),
        ("%pip_read", "show the state"),
        ("%pip_steps", "show the steps"),
        ("%pip_input city", "ask for step `city`"),
        ("%pip_set greeting = 1", "set step `greeting`"),
        ("%pip_remove greeting", "remove step `greeting`"),
    ] {
        let shown = notebook.run_with(cell, &["unused"]);
        assert_eq!(shown.recorder.prompts(), [], "{cell}");
        let error = shown.error();
        assert_eq!(
            (error.ename.as_str(), error.evalue),
            ("Deleted", format!("cannot {operation}: job `hello-01` is deleted")),
            "{cell}"
        );
        let help = error.traceback.join("\n");
        assert!(help.contains("`pip.undelete(\"hello-01\")` brings it back"), "{help}");
    }
    assert!(
        notebook
            .run("%pip_job")
            .text()
            .ends_with(" It is deleted: `pip.undelete(\"hello-01\")?` brings it back.")
    );
    notebook.state.pip().unwrap().undelete("hello-01").unwrap();
    assert_eq!(notebook.run("%pip_get greeting").text(), "\"Hello, Ada!\"");
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
