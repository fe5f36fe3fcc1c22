//! Values: set, shown, taken back.

use insta::assert_snapshot;
use pipulate::Source;
use serde_json::{Value, json};

use super::{html, text, with_steps};
use crate::magic::testing::Notebook;

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
