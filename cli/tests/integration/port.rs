//! `pipulate port`.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// A notebook of code cells.
fn notebook(cells: &[&str]) -> String {
    let cell = |source: &&str| json!({ "cell_type": "code", "metadata": {}, "outputs": [], "source": source });
    let cells: Vec<Value> = cells.iter().map(cell).collect();
    json!({ "cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4 }).to_string()
}

const HELLO: [&str; 2] = [
    "let name: String = %pip_input name \"Your name\";",
    "%%pip_step greeting\nformat!(\"Hello, {name}!\")",
];

#[test]
fn a_crate_is_written_with_all_that_it_needs() {
    let sandbox = Sandbox::new();
    sandbox.write("hello.ipynb", &notebook(&HELLO));
    let ran = sandbox.run("port hello.ipynb -o app").code(0).stdout(
        "hello.ipynb: workflow `hello`, 2 steps\n  cell 1  let name: String = %pip_input name …  step `name`\n  \
         cell 2  %%pip_step greeting                   step `greeting`\n\
         Wrote app. `cargo run --manifest-path app/Cargo.toml` serves it.\n",
    );
    assert_eq!(ran.stderr, "");
    for file in [
        "Cargo.toml",
        "Cargo.lock",
        "README.md",
        "src/main.rs",
        "src/workflow.rs",
        "src/cells.rs",
        "src/cells/lines.txt",
        "src/cells/steps.rs",
        "tests/workflow.rs",
        "vendor/core/src/lib.rs",
        "vendor/port/Cargo.toml",
        "vendor/server/Cargo.toml",
    ] {
        assert!(sandbox.path("app").join(file).exists(), "{file}");
    }
    let manifest = fs::read_to_string(sandbox.path("app/Cargo.toml")).unwrap();
    assert!(
        manifest.contains("pipulate-server = { path = \"vendor/server\" }"),
        "{manifest}"
    );
    // Cargo finds every dependency, of the notebook and of the libraries, in the versions of the lock file.
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--format-version=1", "--manifest-path"])
        .arg(sandbox.path("app/Cargo.toml"))
        .output()
        .unwrap();
    assert!(
        metadata.status.success(),
        "{}",
        String::from_utf8_lossy(&metadata.stderr)
    );
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages: Vec<&Value> = metadata["packages"].as_array().unwrap().iter().collect();
    let version = |name: &str| {
        packages
            .iter()
            .find(|package| package["name"] == name)
            .map(|package| &package["version"])
    };
    assert!(version("pipulate-server").is_some());
    let workspace: toml::Table = include_str!("../../../Cargo.lock").parse().unwrap();
    let locked = workspace["package"].as_array().unwrap();
    let axum = locked
        .iter()
        .find(|package| package["name"].as_str() == Some("axum"))
        .unwrap();
    assert_eq!(version("axum").unwrap(), axum["version"].as_str().unwrap());
    // Without -o, the folder has the crate's name.
    sandbox.run("port hello.ipynb").code(0);
    assert!(sandbox.path("hello/src/main.rs").exists());
}

#[test]
fn what_is_there_is_written_over_when_it_is_a_port_alone() {
    let sandbox = Sandbox::new();
    sandbox.write("hello.ipynb", &notebook(&HELLO));
    sandbox.write("full/notes.txt", "mine");
    sandbox.run("port hello.ipynb -o full").code(1).stdout("");
    sandbox.run("port hello.ipynb -o full --force").code(1).stdout("");
    sandbox.run("port hello.ipynb -o full/notes.txt").code(1).stdout("");
    assert_eq!(fs::read_dir(sandbox.path("full")).unwrap().count(), 1);

    sandbox.prepare("port hello.ipynb -o app");
    sandbox.write("app/src/extra.rs", "// mine");
    sandbox.write("app/vendor/core/src/gone.rs", "// of an older version");
    sandbox.write("hello.ipynb", &notebook(&["%pip_set other = 1"]));
    let ran = sandbox.run("port hello.ipynb -o app").code(1).stdout("");
    assert!(ran.stderr.contains("help: --force writes over it"), "{ran}");
    sandbox.prepare("port hello.ipynb -o app --force");
    let steps = fs::read_to_string(sandbox.path("app/src/cells/steps.rs")).unwrap();
    assert!(steps.contains("step_01_other"), "{steps}");
    assert!(sandbox.path("app/src/extra.rs").exists());
    assert!(!sandbox.path("app/vendor/core/src/gone.rs").exists());
}

#[test]
fn what_stands_in_the_way_is_told_whole() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "wrong.ipynb",
        &notebook(&["let n = 1;", "%%pip_step a\nn + 1", "%pip_sett b = 1"]),
    );
    let ran = sandbox.run("port wrong.ipynb -o app").code(1).stdout("");
    assert_eq!(
        ran.stderr,
        "error: cannot port wrong.ipynb: 2 things stand in the way\n\
         cell 2, line 2, column 1: `n` is a variable of cell 1, and did not come through the pipeline. It is used in cell 2.\n  \
         help: At the end of cell 1 add: %pip_set n = n\n        \
         At the beginning of cell 2 add: let n: TYPE = %pip_get n;\n\
         cell 3, line 1, column 1: There is no magic `%pip_sett`.\n  help: Did you mean `%pip_set`?\n"
    );
    assert!(!sandbox.path("app").exists());
    let ran = sandbox.run("port wrong.ipynb --check --json").code(1);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["refusals"].as_array().unwrap().len(), 2);
    assert_eq!(report["cells"].as_array().unwrap().len(), 3);
}

#[test]
fn a_check_writes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("hello.ipynb", &notebook(&HELLO));
    let ran = sandbox.run("port hello.ipynb --check --json").code(0);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["steps"][1]["function"], "step_02_greeting");
    assert_eq!(
        report["cells"][0]["outcome"],
        json!({ "became": "step", "step": "name" })
    );
    assert!(!sandbox.path("hello").exists());
    sandbox.run("port hello.ipynb --check -o app").code(2);
}

#[test]
fn what_is_no_notebook_says_so() {
    let sandbox = Sandbox::new();
    sandbox.run("port missing.ipynb").code(3).stdout("");
    sandbox.write("broken.ipynb", "{\"cells\": [}");
    let ran = sandbox.run("port broken.ipynb").code(1).stdout("");
    assert!(
        ran.stderr
            .starts_with("error: cannot port broken.ipynb: it is not JSON: expected value at line 1 column 12\n"),
        "{ran}"
    );
    fs::create_dir(sandbox.path("folder")).unwrap();
    sandbox.run("port folder").code(1).stdout("");
}
