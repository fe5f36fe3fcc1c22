//! `%pip_port`.

use insta::assert_snapshot;
use serde_json::json;

use crate::magic::testing::Notebook;
use crate::state::Settings;

fn written(folder: &std::path::Path, cells: &[&str]) -> std::path::PathBuf {
    let cells: Vec<_> = cells
        .iter()
        .map(|source| json!({"cell_type": "code", "metadata": {}, "execution_count": null, "outputs": [], "source": source}))
        .collect();
    let path = folder.join("hello.ipynb");
    let notebook = json!({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells});
    std::fs::write(&path, notebook.to_string()).unwrap();
    path
}

#[test]
fn what_becomes_of_each_cell_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(
        folder.path(),
        &[
            "%pip_job a-01",
            "let name: String = %pip_input name;",
            "%%pip_step greeting\n%who\nformat!(\"Hello, {name}!\")",
        ],
    );
    let notebook = Notebook::with(Settings {
        notebook: Some(path),
        ..Settings::default()
    });
    assert_snapshot!(notebook.run("%pip_port").text(), @r#"
    hello.ipynb is the workflow `hello`: 2 steps

    Cell    Begins with                          Becomes
    ──────  ───────────────────────────────────  ──────────────────────────────────────────────────────────
    cell 1  %pip_job a-01                        left out: the page chooses the job
    cell 2  let name: String = %pip_input name;  step `name`
    cell 3  %%pip_step greeting                  step `greeting`
            line 2                               left out: `%who`, since it is about the notebook's session
    "#);
    assert!(notebook.run("%pip_port").html().contains("<td"));
}

#[test]
fn all_that_stands_in_the_way_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), &["let n = 1;", "%%pip_step m\nn + 1", "%%pip_step m\n2"]);
    let asked = || Notebook::new().run_with("%pip_port", &[path.to_str().unwrap()]);
    assert_snapshot!(asked().error_text(), @r#"
    Refused: hello.ipynb cannot be ported: 2 things stand in the way
    cell 2, line 2, column 1: `n` is a variable of cell 1, and did not come through the pipeline. It is used in cell 2.
      help: At the end of cell 1 add: %pip_set n = n
            At the beginning of cell 2 add: let n: TYPE = %pip_get n;
    cell 3, line 1, column 12: The step `m` is made twice: in cell 2, line 1, and here.
      help: Give one of them another name.
    "#);
    let named = Notebook::new().run(&format!("%pip_port --notebook {}", path.display()));
    assert_eq!(named.error(), asked().error());
    let none = Notebook::new().run("%pip_port");
    assert_eq!(none.error().ename, "MissingInput");
    let missing = Notebook::new().run("%pip_port --notebook /no/such/notebook.ipynb");
    assert_eq!(missing.error().ename, "FileError");
}
