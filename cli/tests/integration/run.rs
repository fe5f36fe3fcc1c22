//! `pipulate run`, with a kernel that does what its cells say.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fake_kernel;
use crate::sandbox::{Ran, Running, Sandbox, notebook};

/// A notebook of these cells.
pub(crate) fn notebook_of(cells: &[&str]) -> String {
    let cells: Vec<_> = cells
        .iter()
        .enumerate()
        .map(|(index, source)| code(index, source, &[]))
        .collect();
    document(&cells)
}

fn code(index: usize, source: &str, tags: &[&str]) -> Value {
    let old = json!([{ "output_type": "stream", "name": "stdout", "text": ["of an earlier run\n"] }]);
    json!({
        "cell_type": "code", "id": format!("id-{index}"), "metadata": { "tags": tags, "custom": { "z": 1, "a": 2 } },
        "execution_count": 99, "outputs": old, "source": source.split_inclusive('\n').collect::<Vec<_>>(),
    })
}

fn document(cells: &[Value]) -> String {
    json!({ "cells": cells, "metadata": { "title": "kept" }, "nbformat": 4, "nbformat_minor": 5 }).to_string()
}

/// A sandbox with the fake kernel and the notebook `n.ipynb`.
fn sandbox_of(cells: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    fake_kernel::install(&sandbox);
    sandbox.write("n.ipynb", &notebook_of(cells));
    sandbox
}

const RUN: &str = "run n.ipynb --kernel fake-kernel -o out.ipynb";

#[test]
fn outputs_are_shown_and_kept() {
    let sandbox = sandbox_of(&["print one\nwarn careful\nvalue 42", "print two", "picture"]);
    sandbox.run(RUN).code(0).stdout("one\n42\ntwo\n(image/png)\n").stderr(
        "[1/3] print one ...\ncareful\n[1/3] N s\n[2/3] print two ...\n[2/3] N s\n[3/3] picture ...\n[3/3] N s\n\
             3 cells in N s\nWrote out.ipynb\n",
    );
    let written = notebook(&sandbox.path("out.ipynb"));
    let original = notebook(&sandbox.path("n.ipynb"));
    assert_eq!(
        (&written["nbformat"], &written["nbformat_minor"]),
        (&json!(4), &json!(5))
    );
    assert_eq!(written["metadata"]["title"], "kept");
    assert_eq!(written["metadata"]["kernelspec"]["name"], "pipulate");
    assert_eq!(
        written["metadata"]["language_info"],
        json!({ "name": "rust", "version": "1.95.0", "file_extension": ".rs" })
    );
    let first = &written["cells"][0];
    for field in ["id", "metadata", "source", "cell_type"] {
        assert_eq!(first[field], original["cells"][0][field], "{field}");
    }
    assert_eq!(first["execution_count"], 1);
    let expected = json!([
        { "name": "stdout", "output_type": "stream", "text": ["one\n"] },
        { "name": "stderr", "output_type": "stream", "text": ["careful\n"] },
        { "data": { "text/plain": ["42"] }, "execution_count": 1, "metadata": {}, "output_type": "execute_result" },
    ]);
    assert_eq!(first["outputs"], expected);
    assert_eq!(
        written["cells"][2]["outputs"][0]["data"],
        json!({ "image/png": "aGk=" })
    );
}

#[test]
fn a_cell_without_output_is_one_line() {
    let sandbox = sandbox_of(&["\n  clear", "clear"]);
    sandbox
        .run(RUN)
        .code(0)
        .stdout("")
        .stderr("[1/2] clear ... N s\n[2/2] clear ... N s\n2 cells in N s\nWrote out.ipynb\n");
}

#[test]
fn quiet_is_quiet_but_for_errors() {
    let sandbox = sandbox_of(&["print one\nwarn two\nvalue 3"]);
    sandbox
        .run("run n.ipynb --kernel fake-kernel --quiet")
        .code(0)
        .stdout("")
        .stderr("");
    sandbox.write("n.ipynb", &notebook_of(&["fail loudly"]));
    sandbox
        .run("run n.ipynb --kernel fake-kernel --quiet")
        .code(1)
        .stdout("")
        .stderr("error: cell 1 of 1 failed: Failed: loudly\n  | fail loudly\n\n  at the fake kernel\n");
}

#[test]
fn a_cell_that_fails_ends_the_run() {
    let sandbox = sandbox_of(&["print one", "print two\nfail for a reason", "print three"]);
    sandbox.run(RUN).code(1).stdout("one\ntwo\n").stderr(
        "[1/3] print one ...\n[1/3] N s\n[2/3] print two ...\n[2/3] stopped, N s\nWrote out.ipynb\n\
         error: cell 2 of 3 failed: Failed: for a reason\n  | print two\n  | fail for a reason\n\n\
         \u{20} at the fake kernel\n",
    );
    let written = notebook(&sandbox.path("out.ipynb"));
    let error = json!({
        "ename": "Failed", "evalue": "for a reason", "output_type": "error",
        "traceback": ["\u{1b}[31mFailed\u{1b}[0m: for a reason", "  at the fake kernel"],
    });
    assert_eq!(written["cells"][1]["outputs"][1], error);
    assert_eq!(written["cells"][1]["execution_count"], 2);
    // What was not reached has no outputs of an earlier run.
    assert_eq!(
        (&written["cells"][2]["outputs"], &written["cells"][2]["execution_count"]),
        (&json!([]), &json!(null))
    );
}

#[test]
fn code_that_would_steer_a_terminal_is_shown_escaped() {
    let sandbox = sandbox_of(&["print \u{202e}\u{1b}[2J", "fail with \u{9b}2J"]);
    let ran = sandbox.run(RUN).code(1);
    // What cells print is theirs.
    assert_eq!(ran.stdout, "\u{202e}\u{1b}[2J\n");
    assert!(ran.stderr.contains(r"[1/2] print \u202e\u001b[2J ..."), "{ran}");
    let error = "error: cell 2 of 2 failed: Failed: with \\u009b2J\n  | fail with \\u009b2J\n";
    assert!(ran.stderr.contains(error), "{ran}");
}

#[test]
fn tags_leave_cells_out_or_let_them_fail() {
    let sandbox = sandbox_of(&[]);
    let cells = [
        code(0, "fail badly", &["skip"]),
        code(1, "fail gently", &["raises-exception"]),
        code(2, "print on", &[]),
    ];
    sandbox.write("n.ipynb", &document(&cells));
    sandbox.run(RUN).code(0).stdout("on\n").stderr(
        "[1/2] fail gently ...\nFailed: gently\n  at the fake kernel\n[1/2] failed as it may, N s\n\
         [2/2] print on ...\n[2/2] N s\n2 cells in N s, 1 skipped\nWrote out.ipynb\n",
    );
    let written = notebook(&sandbox.path("out.ipynb"));
    assert_eq!(written["cells"][0], cells[0], "a cell that is skipped stays as it is");
    assert_eq!(written["cells"][1]["outputs"][0]["ename"], "Failed");
}

#[test]
fn displays_are_cleared_and_updated_in_the_file() {
    let sandbox = sandbox_of(&[
        "display bar 10 %\nprint gone\nclear wait\ndisplay bar 20 %",
        "update bar 100 %",
    ]);
    sandbox.run(RUN).code(0);
    let written = notebook(&sandbox.path("out.ipynb"));
    let expected = json!([{ "data": { "text/plain": ["100 %"] }, "metadata": {}, "output_type": "display_data" }]);
    assert_eq!(written["cells"][0]["outputs"], expected);
}

#[test]
fn the_kernel_is_told_all_it_needs() {
    let sandbox = sandbox_of(&[]);
    let notebook = sandbox.write(
        "sub folder/n.ipynb",
        &notebook_of(&["arguments", "variable PIPULATE_URL", "folder"]),
    );
    let ran = sandbox
        .run(
            "run 'sub folder/n.ipynb' --kernel fake-kernel --job k -p a=1 -p 'b={\"x\": \"y z\"}' --quiet -o out.ipynb",
        )
        .code(0);
    assert_eq!(ran.stdout, "");
    let written = crate::sandbox::notebook(&sandbox.path("out.ipynb"));
    let text = |cell: usize| -> String {
        let lines = written["cells"][cell]["outputs"][0]["text"].as_array().unwrap();
        lines.iter().map(|line| line.as_str().unwrap()).collect()
    };
    let arguments = text(0);
    let arguments: Vec<_> = arguments.lines().collect();
    let notebook = notebook.canonicalize().unwrap();
    assert_eq!(arguments[0], "--connection-file");
    let expected = [
        "--notebook",
        notebook.to_str().unwrap(),
        "--job=k",
        "--parameter=a=1",
        "--parameter=b={\"x\": \"y z\"}",
    ];
    assert_eq!(arguments[2..], expected);
    assert_eq!(
        text(2),
        notebook.parent().unwrap().to_str().unwrap(),
        "a kernel works in the notebook's folder"
    );
    assert_eq!(text(1), format!("sqlite:{}", sandbox.path("pipeline.db").display()));
    // The folder of the connection is gone with the run.
    assert!(!Path::new(arguments[1]).parent().unwrap().exists());
}

#[test]
fn parameters_are_saved_in_the_job_first() {
    let sandbox = sandbox_of(&["print hello"]);
    sandbox
        .run("run n.ipynb --kernel fake-kernel --job k -p a=1 -p 'b=\"two\"'")
        .code(0);
    sandbox.run("job get k b").code(0).stdout("\"two\"\n");
    let job = sandbox.run("job show k --json").code(0).json();
    assert_eq!(
        (&job["workflow"], &job["steps"][0]["source"]),
        (&json!("n"), &json!("cli"))
    );
    sandbox.prepare("job finalize k");
    let refused = sandbox.run("run n.ipynb --kernel fake-kernel --job k -p a=2").code(1);
    assert_eq!(refused.stdout, "", "no cell ran");
    // Without a job, parameters are the kernel's alone.
    sandbox.run("run n.ipynb --kernel fake-kernel -p c=1").code(0);
    assert_eq!(sandbox.run("job list --json").json().as_array().unwrap().len(), 1);
}

#[test]
fn a_parameter_that_no_cell_names_is_a_warning() {
    // The fake kernel knows no magics, and fails at the first one, which is after all of this.
    let sandbox = sandbox_of(&["%pip_input month", "let title: String = job.require(\"title\")?;"]);
    let warnings = |line: &str| {
        let ran = sandbox
            .run(&format!("run n.ipynb --kernel fake-kernel --quiet {line}"))
            .code(1);
        let (warnings, _) = ran.stderr.split_once("error: ").unwrap();
        warnings.to_owned()
    };
    assert_eq!(warnings("--job k -p month=5 -p title=1"), "");
    assert_eq!(
        warnings("--job k -p mnth=5 -p unrelated=1"),
        "warning: no cell names the step `mnth` of -p; it is only saved in the job `k`\n\
         help: Did you mean `month`?\n\
         warning: no cell names the step `unrelated` of -p; it is only saved in the job `k`\n"
    );
    sandbox.run("job get k mnth").code(0).stdout("5\n");
    // Without a job, a parameter is an answer and nothing else.
    assert_eq!(warnings("-p month=5"), "");
    assert_eq!(
        warnings("-p title=5"),
        "warning: no %pip_input asks for the step `title` of -p, so nothing comes of it\n\
         help: With --job KEY it is saved, and %pip_get finds it.\n"
    );
}

#[test]
fn a_deleted_job_is_not_run_on() {
    let sandbox = sandbox_of(&["print one"]);
    sandbox.prepare("job set k s 1\n job delete k");
    sandbox
        .run("run n.ipynb --kernel fake-kernel --job k")
        .code(3)
        .stdout("")
        .stderr("error: the job `k` is deleted\nhelp: `pipulate job undelete k` brings it back.\n");
}

#[test]
fn a_secret_is_never_stored() {
    // The fake kernel knows no magics: it fails at the first cell, after the parameters were saved.
    let sandbox = sandbox_of(&["let key: String = %pip_input key \"Key\" --secret;", "%pip_input name"]);
    sandbox
        .run("run n.ipynb --kernel fake-kernel --job k -p 'key=\"s3cret\"' -p 'name=\"Ada\"'")
        .code(1);
    sandbox.run("job get k name").code(0).stdout("\"Ada\"\n");
    sandbox.run("job get k key").code(3);
    let export = sandbox.run("job export k").code(0);
    assert!(!export.stdout.contains("s3cret"), "{export}");
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let sandbox = sandbox_of(&["ask Name?"]);
    sandbox
        .run_with_input(RUN, "Ada\n")
        .code(1)
        .stderr_contains("cell 1 of 1 failed: StdinNotAvailable");
}

#[test]
fn on_a_terminal_the_user_is_asked() {
    let sandbox = sandbox_of(&["ask Your name?", "print thanks"]);
    // `script` runs a command on a terminal of its own.
    let line = format!("{} {RUN}", env!("CARGO_BIN_EXE_pipulate"));
    let mut on_terminal = Command::new("script");
    on_terminal
        .args(["-qec", &line, "/dev/null"])
        .current_dir(sandbox.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    on_terminal.env("PIPULATE_URL", sandbox.path("pipeline.db"));
    let mut running = Running(on_terminal.spawn().unwrap());
    let mut input = running.0.stdin.take().unwrap();
    let mut output = running.0.stdout.take().unwrap();
    let seen = read_until(&mut output, "Your name? ");
    std::io::Write::write_all(&mut input, b"Ada\n").unwrap();
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(running.0.wait().unwrap().code(), Some(0), "{seen}{rest}");
    assert!(rest.contains("heard Ada") && rest.contains("thanks"), "{seen}{rest}");
}

#[test]
fn a_cell_may_take_as_long_as_it_is_told() {
    let sandbox = sandbox_of(&["print begun\nhang", "print never"]);
    let started = Instant::now();
    sandbox
        .run(&format!("{RUN} --timeout 0.3"))
        .code(1)
        .stdout("begun\n")
        .stderr_contains(
            "error: cell 1 of 2 took longer than 0.3 s\n  | print begun\n  | hang\n\
         help: --timeout says how many seconds a cell may take.\n",
        );
    assert!(started.elapsed() < Duration::from_secs(5));
    let written = notebook(&sandbox.path("out.ipynb"));
    assert_eq!(written["cells"][0]["outputs"][1]["ename"], "Interrupted");
}

#[test]
fn a_kernel_that_dies_is_an_error_with_its_last_words() {
    let sandbox = sandbox_of(&["print one", "die of boredom", "print two"]);
    let ran = sandbox.run(RUN).code(1).stdout("one\n");
    assert!(
        ran.stderr
            .contains("error: the kernel ended in cell 2 of 3 (exit status: 7)\n"),
        "{ran}"
    );
    assert!(ran.stderr.ends_with("last words: of boredom\n"), "{ran}");
    assert_eq!(
        notebook(&sandbox.path("out.ipynb"))["cells"][0]["outputs"][0]["text"],
        json!(["one\n"])
    );
    // One that does not even start.
    sandbox.script("fake-kernel", "#!/bin/sh\necho 'no such thing' >&2\nexit 3\n");
    sandbox.run(RUN).code(1).stdout("").stderr(
        "error: the kernel ended before it was ready (exit status: 3)\nno such thing\n\
         help: `pipulate doctor` checks what it needs.\n",
    );
    sandbox.script("fake-kernel", "#!/bin/sh\n");
    sandbox.run(RUN).code(1).stdout("").stderr(
        "error: the kernel ended before it was ready (exit status: 0)\n\
         help: `pipulate doctor` checks what it needs.\n",
    );
}

/// Reads what a program writes, up to and including `part`.
#[track_caller]
fn read_until(output: &mut impl Read, part: &str) -> String {
    let (mut seen, mut byte) = (String::new(), [0]);
    while !seen.ends_with(part) {
        assert_eq!(output.read(&mut byte).unwrap(), 1, "no {part:?} in {seen:?}");
        seen.push(char::from(byte[0]));
    }
    seen
}

/// Starts a run whose first cell prints `begun` and goes on, and waits for that.
fn begun(sandbox: &Sandbox) -> (Running, BufReader<std::process::ChildStdout>) {
    let mut running = Running(sandbox.command(RUN.split(' ')).spawn().unwrap());
    let mut stdout = BufReader::new(running.0.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "begun\n");
    (running, stdout)
}

fn signal(running: &Running, name: &str) {
    assert!(
        Command::new("kill")
            .args([name, &running.0.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
}

/// How many kernels run this notebook.
pub(crate) fn kernels_of(notebook: &Path) -> usize {
    let arguments = Command::new("ps")
        .args(["-axeww", "-o", "command="])
        .output()
        .unwrap()
        .stdout;
    let notebook = notebook.canonicalize().unwrap();
    let sign = format!("--notebook\n{}", notebook.display());
    let one_line = format!("--notebook {}", notebook.display());
    let text = String::from_utf8_lossy(&arguments).into_owned();
    text.lines()
        .filter(|line| line.contains(&one_line) || line.contains(&sign))
        .count()
}

#[test]
fn ctrl_c_interrupts_the_cell_and_ends_the_kernel() {
    for (name, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let sandbox = sandbox_of(&["print begun\nhang", "print never"]);
        let (mut running, mut stdout) = begun(&sandbox);
        signal(&running, name);
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
        let ended = running.0.wait().unwrap();
        let mut stderr = String::new();
        running.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!(ended.code(), Some(code), "{stderr}");
        assert!(stderr.ends_with("error: interrupted in cell 1 of 2\n"), "{stderr}");
        assert_eq!(
            notebook(&sandbox.path("out.ipynb"))["cells"][0]["outputs"][1]["ename"],
            "Interrupted"
        );
        assert_eq!(kernels_of(&sandbox.path("n.ipynb")), 0);
    }
}

#[test]
fn a_second_ctrl_c_kills_a_kernel_that_does_not_listen() {
    let sandbox = sandbox_of(&["print begun", "frozen"]);
    let (mut running, _stdout) = begun(&sandbox);
    let mut stderr = running.0.stderr.take().unwrap();
    read_until(&mut stderr, "[2/2]");
    signal(&running, "-INT");
    read_until(&mut stderr, "once more");
    let started = Instant::now();
    signal(&running, "-INT");
    assert_eq!(running.0.wait().unwrap().code(), Some(130));
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(kernels_of(&sandbox.path("n.ipynb")), 0);
}

#[test]
fn what_cannot_be_run_is_refused_before_a_kernel_starts() {
    let sandbox = sandbox_of(&["print one"]);
    sandbox.script("fake-kernel", "#!/bin/sh\ntouch started\n");
    std::fs::create_dir(sandbox.path("folder")).unwrap();
    let made = Command::new("mkfifo").arg(sandbox.path("pipe")).status().unwrap();
    assert!(made.success());
    for (line, code, message) in [
        ("run missing.ipynb", 3, "error: there is no notebook missing.ipynb\n"),
        ("run n.ipynb/x", 3, "error: there is no notebook n.ipynb/x\n"),
        (
            "run n.ipynb -o missing/out.ipynb",
            1,
            "error: cannot write missing/out.ipynb: there is no folder missing\n",
        ),
        (
            "run n.ipynb -o folder",
            1,
            "error: cannot write folder: it is a folder\nhelp: Name the file, too.\n",
        ),
        (
            "run n.ipynb -o folder/",
            1,
            "error: cannot write folder/: it is a folder\n",
        ),
        (
            "run folder",
            1,
            "error: folder is a folder, not a notebook\nhelp: `pipulate run` takes the path of an .ipynb file.\n",
        ),
        ("run pipe", 1, "error: pipe is a pipe, not a notebook\n"),
        ("run /dev/null", 1, "error: /dev/null is a device, not a notebook\n"),
        (
            "run n.ipynb -p a=1 -p a=2",
            2,
            "error: the parameter `a` is given twice\n",
        ),
        (
            "run n.ipynb --kernel missing",
            3,
            "error: there is no kernel at missing\n",
        ),
    ] {
        sandbox
            .run(&format!("{line} --kernel fake-kernel").replace("missing --kernel fake-kernel", "missing"))
            .code(code)
            .stderr_contains(message);
    }
    assert!(!sandbox.path("started").exists());
}

/// Nobody may make files there, not even root.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_takes_no_files_is_told_before_a_kernel_starts() {
    let sandbox = sandbox_of(&["print one"]);
    sandbox.script("fake-kernel", "#!/bin/sh\ntouch started\n");
    let ran = sandbox
        .run("run n.ipynb --kernel fake-kernel -o /proc/out.ipynb")
        .code(1);
    assert!(
        ran.stderr.starts_with("error: cannot write /proc/out.ipynb: ") && !ran.stderr.contains(".pipulate-"),
        "{ran}"
    );
    assert!(!sandbox.path("started").exists());
}

#[test]
fn a_run_goes_on_when_nobody_reads_its_output() {
    let sandbox = sandbox_of(&["print one", "print two", "print three"]);
    let mut running = Running(sandbox.command(RUN.split(' ')).spawn().unwrap());
    drop(running.0.stdout.take());
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
    assert_eq!(
        notebook(&sandbox.path("out.ipynb"))["cells"][2]["outputs"][0]["text"],
        json!(["three\n"])
    );
}

#[test]
fn a_long_path_for_temporary_files_does_no_harm() {
    let sandbox = sandbox_of(&["print one"]);
    let long = sandbox.path(&"long".repeat(30));
    std::fs::create_dir(&long).unwrap();
    // Too long for Unix sockets: the kernel is reached over the loopback interface.
    let output = sandbox.command(RUN.split(' ')).env("TMPDIR", &long).output().unwrap();
    Ran::of(RUN, output).code(0).stdout("one\n");
    assert_eq!(
        std::fs::read_dir(&long).unwrap().count(),
        0,
        "something was left behind"
    );
}

#[test]
fn a_notebook_may_be_run_in_place() {
    let sandbox = sandbox_of(&["value 1"]);
    sandbox.run("run n.ipynb --kernel fake-kernel -o n.ipynb").code(0);
    let first = std::fs::read(sandbox.path("n.ipynb")).unwrap();
    sandbox.run("run n.ipynb --kernel fake-kernel -o n.ipynb").code(0);
    assert_eq!(
        std::fs::read(sandbox.path("n.ipynb")).unwrap(),
        first,
        "the same run gives the same bytes"
    );
}

#[test]
fn a_dash_is_standard_output() {
    let sandbox = sandbox_of(&["print one\nwarn careful\nvalue 42"]);
    let ran = sandbox.run("run n.ipynb --kernel fake-kernel -o -").code(0);
    let written = ran.json();
    assert!(
        written["cells"][0]["outputs"][0]["text"].to_string().contains("one"),
        "{ran}"
    );
    let ran = ran.stderr("[1/1] print one ...\none\ncareful\n42\n[1/1] N s\n1 cell in N s\n");
    assert!(!sandbox.path("-").exists(), "{ran}");
    // A cell that fails, too, leaves the notebook.
    let sandbox = sandbox_of(&["print one", "fail"]);
    let ran = sandbox.run("run n.ipynb --kernel fake-kernel -o - --quiet").code(1);
    assert_eq!(ran.json()["cells"].as_array().unwrap().len(), 2);
}

#[test]
fn a_parameter_is_one_of_the_choices_before_it_is_saved() {
    let sandbox = sandbox_of(&["%pip_input size --choices small,large"]);
    let ran = sandbox.run("run n.ipynb --kernel fake-kernel --job k -p 'size=\"huge\"'");
    ran.code(2)
        .stderr("error: the parameter for step `size` will not do: `huge` is none of the choices: `small`, `large`.\n");
    sandbox.run("job get k size").code(3);
}
