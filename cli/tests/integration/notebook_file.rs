//! `pipulate run`: which files it takes for notebooks, and what stays of them.

#![cfg(unix)]

use std::fs;

use serde_json::{Value, json};

use crate::fake_kernel;
use crate::run::notebook_of;
use crate::sandbox::{Sandbox, notebook};

/// A sandbox with the fake kernel and this file.
fn sandbox_of(text: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    fake_kernel::install(&sandbox);
    sandbox.write("n.ipynb", text);
    sandbox
}

fn json_of(cells: &[&str]) -> Value {
    serde_json::from_str(&notebook_of(cells)).unwrap()
}

const RUN: &str = "run n.ipynb --kernel fake-kernel --quiet -o out.ipynb";

/// One clear error, and no kernel.
#[track_caller]
fn refused(text: &str, error: &str) {
    let sandbox = sandbox_of(text);
    sandbox.script("fake-kernel", "#!/bin/sh\ntouch started\n");
    sandbox.run(RUN).code(1).stdout("").stderr(error);
    assert!(!sandbox.path("started").exists());
    assert!(!sandbox.path("out.ipynb").exists());
}

#[test]
fn what_is_no_notebook_is_refused_and_why_is_said() {
    refused("", "error: cannot run n.ipynb: the file is empty\n");
    refused(
        "{\"cells\": [",
        "error: cannot run n.ipynb: it is not JSON: EOF while parsing a list at line 1 column 11\n",
    );
    refused("[1]", "error: cannot run n.ipynb: it is JSON, but not a notebook\n");
    refused(
        "{\"nbformat\": 3, \"nbformat_minor\": 0, \"worksheets\": []}",
        "error: cannot run n.ipynb: it is in the notebook format 3, which is too old: 4 is needed\n\
         help: `jupyter nbconvert --to notebook FILE` upgrades it, and so does saving it in Jupyter.\n",
    );
    let sandbox = sandbox_of("");
    fs::write(sandbox.path("n.ipynb"), b"{\xff}").unwrap();
    sandbox
        .run(RUN)
        .code(1)
        .stderr("error: cannot run n.ipynb: it is not text in UTF-8\n");
}

#[test]
fn a_notebook_without_code_is_refused() {
    let mut text = json_of(&[" \n"]);
    refused(&text.to_string(), "error: cannot run n.ipynb: it has no code\n");
    text["cells"] = json!([{ "cell_type": "markdown", "id": "m", "metadata": {}, "source": "# Title" }]);
    refused(&text.to_string(), "error: cannot run n.ipynb: it has no code\n");
    // What is to be skipped is code, and to skip all of it is what its writer wants.
    let mut skipped = json_of(&["fail"]);
    skipped["cells"][0]["metadata"]["tags"] = json!(["skip"]);
    sandbox_of(&skipped.to_string()).run(RUN).code(0).stderr("");
}

#[test]
fn a_notebook_for_another_kernel_is_refused() {
    let help = "help: `pipulate run` runs Rust. If that is what it is, choose the kernel in JupyterLab and save it.\n";
    let check = |metadata: &Value, reason: &str| {
        let mut text = json_of(&["print(1)"]);
        text["metadata"] = metadata.clone();
        refused(
            &text.to_string(),
            &format!("error: cannot run n.ipynb: {reason}\n{help}"),
        );
    };
    check(
        &json!({ "kernelspec": { "name": "python3", "display_name": "Python 3", "language": "python" } }),
        "it is written in python",
    );
    check(
        &json!({ "language_info": { "name": "julia" } }),
        "it is written in julia",
    );
    check(
        &json!({ "kernelspec": { "name": "python3" } }),
        "it is for the kernel `python3`",
    );
}

#[test]
fn a_kernel_of_ours_may_have_any_name() {
    for name in ["pipulate", "pipulate-dev", "rust"] {
        let mut text = json_of(&["print one"]);
        text["metadata"] = json!({ "kernelspec": { "name": name, "display_name": name } });
        sandbox_of(&text.to_string()).run(RUN).code(0);
    }
    let mut text = json_of(&["print one"]);
    text["metadata"] = json!({ "kernelspec": { "name": "mine", "display_name": "Mine" } });
    let sandbox = sandbox_of(&text.to_string());
    sandbox.run(RUN).code(1);
    sandbox.write(
        "jupyter/kernels/mine/kernel.json",
        r#"{"argv": ["k", "--connection-file", "{connection_file}"], "display_name": "Mine", "language": "rust"}"#,
    );
    sandbox.run(RUN).code(0);
}

#[test]
fn a_byte_order_mark_does_no_harm() {
    let sandbox = sandbox_of(&format!("\u{feff}{}", notebook_of(&["print one"])));
    sandbox.run(RUN).code(0).stderr("");
    assert_eq!(
        notebook(&sandbox.path("out.ipynb"))["cells"][0]["outputs"][0]["text"],
        json!(["one\n"])
    );
}

#[test]
fn what_is_odd_is_a_warning_and_the_rest_is_run() {
    let mut text = json_of(&["print one", "print two"]);
    text["nbformat_minor"] = 9.into();
    text["cells"][1]["id"] = text["cells"][0]["id"].clone();
    let sandbox = sandbox_of(&text.to_string());
    sandbox.run(RUN).code(0).stderr(
        "warning: n.ipynb: it is in the notebook format 4.9, and this version knows 4.5: what is new stays as it is\n\
         warning: n.ipynb: its cell 2 gets a new id: the one it has is taken by an earlier cell, or not allowed\n",
    );
    let written = notebook(&sandbox.path("out.ipynb"));
    assert_eq!(written["nbformat_minor"], 9);
    let ids = [0, 1].map(|index| written["cells"][index]["id"].as_str().unwrap());
    assert_eq!(ids, ["id-0", "cell-2"]);
    assert_eq!(written["cells"][1]["outputs"][0]["text"], json!(["two\n"]));
}

#[test]
fn metadata_keeps_every_digit() {
    let text = notebook_of(&["print one"])
        .replace("\"kept\"", "{\"big\": 12345678901234567890123, \"price\": 1.10}")
        .replace("\"z\":1", "\"z\":1.50");
    let sandbox = sandbox_of(&text);
    sandbox.run(RUN).code(0);
    let written = fs::read_to_string(sandbox.path("out.ipynb")).unwrap();
    for part in [
        "\"big\": 12345678901234567890123,\n",
        "\"price\": 1.10\n",
        "\"z\": 1.50,\n",
    ] {
        assert!(written.contains(part), "{part:?} is not in {written}");
    }
}
