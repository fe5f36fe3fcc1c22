//! `pipulate lab`, with a JupyterLab that only says how it was started.

#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::Command;

use crate::sandbox::{Ran, Running, Sandbox};

fn with_lab(script: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.script("venv/bin/jupyter-lab", script);
    sandbox.kernel("pipulate-kernel", "");
    sandbox
}

fn lab(sandbox: &Sandbox, arguments: &[&str]) -> Command {
    let mut command = sandbox.command(["lab"].iter().chain(arguments));
    command.env("VIRTUAL_ENV", sandbox.path("venv"));
    command
}

#[test]
fn the_environments_jupyterlab_is_started_with_the_options() {
    let sandbox = with_lab("#!/bin/sh\nprintf '%s\\n' \"$@\"\n");
    sandbox
        .run("kernel install --prefix venv --kernel pipulate-kernel --no-warm-up")
        .code(0);
    sandbox.write("a notebook.ipynb", "{}");
    let output = lab(&sandbox, &["a notebook.ipynb", "--", "--no-browser", "--port", "9000"])
        .output()
        .unwrap();
    let notebook = sandbox.path("a notebook.ipynb");
    Ran::of("lab", output)
        .code(0)
        .stdout(&format!("{}\n--no-browser\n--port\n9000\n", notebook.display()));
    let output = lab(&sandbox, &["missing.ipynb"]).output().unwrap();
    Ran::of("lab", output)
        .code(3)
        .stderr("error: there is no missing.ipynb\n");
}

#[test]
fn the_store_that_is_named_is_that_of_all_notebooks() {
    let sandbox = with_lab("#!/bin/sh\necho \"$PIPULATE_URL\"\n");
    sandbox
        .run("kernel install --prefix venv --kernel pipulate-kernel --no-warm-up")
        .code(0);
    let output = lab(&sandbox, &["--db", "other.db"])
        .env_remove("PIPULATE_URL")
        .output()
        .unwrap();
    let url = format!("sqlite:{}\n", sandbox.path("other.db").display());
    Ran::of("lab", output).code(0).stdout(&url);
    // Without it, each notebook's folder says which one it is.
    let output = lab(&sandbox, &[]).env_remove("PIPULATE_URL").output().unwrap();
    Ran::of("lab", output).code(0).stdout("\n");
}

#[test]
fn what_is_missing_is_said_with_the_command_that_gets_it() {
    let sandbox = Sandbox::new();
    let output = sandbox.command(["lab"]).env("PATH", sandbox.path("")).output().unwrap();
    Ran::of("lab", output).code(1).stderr_contains("pip install jupyterlab");

    let sandbox = with_lab("#!/bin/sh\nexit 0\n");
    let output = lab(&sandbox, &[]).output().unwrap();
    Ran::of("lab", output)
        .code(1)
        .stderr_contains("does not know the kernel yet\nhelp: `pipulate kernel install`");
    sandbox
        .run("kernel install --prefix venv --kernel pipulate-kernel --no-warm-up")
        .code(0);
    std::fs::remove_file(sandbox.path("pipulate-kernel")).unwrap();
    let output = lab(&sandbox, &[]).output().unwrap();
    Ran::of("lab", output)
        .code(1)
        .stderr_contains("which is gone\nhelp: `pipulate kernel install`");
}

#[test]
fn a_failure_of_jupyterlab_is_ours() {
    let sandbox = with_lab("#!/bin/sh\nexit 5\n");
    sandbox
        .run("kernel install --prefix venv --kernel pipulate-kernel --no-warm-up")
        .code(0);
    let output = lab(&sandbox, &[]).output().unwrap();
    Ran::of("lab", output)
        .code(1)
        .stderr("error: JupyterLab ended with exit status: 5\n");
}

#[test]
fn one_ctrl_c_ends_jupyterlab_in_order() {
    let sandbox =
        with_lab("#!/bin/sh\ntrap 'echo ended in order; exit 0' TERM\necho started\nwhile :; do sleep 0.05; done\n");
    sandbox
        .run("kernel install --prefix venv --kernel pipulate-kernel --no-warm-up")
        .code(0);
    let mut running = Running(lab(&sandbox, &[]).spawn().unwrap());
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "started");
    let killed = Command::new("kill")
        .args(["-INT", &running.0.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(lines.next().unwrap().unwrap(), "ended in order");
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
}
