//! A cell that ends its process costs that cell and nothing else.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pipulate_kernel::notebook::Notebook;

use super::cells::TestNotebook;

const LOOP_WITHOUT_END: &str =
    "fn deeper(n: u64) -> u64 { let a = [n; 64]; deeper(n + 1) + a[(n % 64) as usize] }\ndeeper(1)";

/// Runs a cell that does not end by itself, and interrupts it once it has printed.
fn interrupt(notebook: &mut TestNotebook, code: &str) -> Duration {
    let session = Arc::clone(&notebook.running.session);
    let begun = notebook.folder().join("begun");
    let _ = std::fs::remove_file(&begun);
    let code = format!("std::fs::write(\"{}\", \"\").unwrap();\n{code}", begun.display());
    let interrupter = std::thread::spawn(move || {
        wait_for(&begun);
        session.interrupt();
        Instant::now()
    });
    notebook.check_error(&code, "Interrupted", "stopped");
    interrupter.join().unwrap().elapsed()
}

fn wait_for(file: &Path) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !file.exists() {
        assert!(Instant::now() < deadline, "{} never came", file.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn variables_are_as_before_a_cell_that_died() {
    let mut notebook = TestNotebook::start();
    notebook.check("let mut v = vec![1, 2, 3];", &[]);
    let deaths = [
        ("loop {}", "Interrupted"),
        ("v.push(4); unsafe { *(8 as *mut i32) = 1; }", "SegmentationFault"),
        ("v.clear(); print!(\"kept\"); std::process::exit(1)", "Exited"),
        (LOOP_WITHOUT_END, "StackOverflow"),
        ("drop(v); std::process::abort()", "Aborted"),
        ("let v = \"s\"; println!(\"{v}\"); std::process::exit(0)", "Exited"),
        ("let v: i32 = 5; loop {}", "Interrupted"),
        ("drop(v); loop {}", "Interrupted"),
        (
            "#[derive(Debug)] struct Other; let v = Other; unsafe { *(8 as *mut i32) = 1; }",
            "SegmentationFault",
        ),
    ];
    for (code, name) in deaths {
        if name == "Interrupted" {
            let took = interrupt(&mut notebook, code);
            assert!(took < Duration::from_secs(1), "{code}: {took:?}");
        } else {
            let (sent, result) = notebook.run_with(code, &[]);
            let error = result.expect_err(code);
            assert_eq!(error.ename, name, "{code}\n{error:#?}");
            assert!(
                error.traceback.join(" ").contains("as it was before this cell"),
                "{error:#?}"
            );
            assert_eq!(
                sent.iter().any(|line| line == "stdout: kept"),
                code.contains("kept"),
                "{sent:?}"
            );
        }
        notebook.check("v", &["result: [1, 2, 3]"]);
    }
    // Nothing of such a cell is left, and what came before it can go on changing.
    notebook.check_error("Other", "CompileError", "Other");
    notebook.check("v.push(4); v.len()", &["result: 4"]);
}

#[test]
fn an_interrupt_reaches_a_supervisor_that_was_stopped() {
    let mut notebook = TestNotebook::start();
    notebook.check("let v = vec![1, 2, 3];", &[]);
    let stop = "let stop = || std::process::Command::new(\"kill\").args([\"-STOP\", \
                &std::os::unix::process::parent_id().to_string()]).status().unwrap();";
    // Once, and as often as it can.
    for code in [
        "stop(); loop {}",
        "let until = std::time::Instant::now() + std::time::Duration::from_millis(500); \
         while std::time::Instant::now() < until { stop(); } loop {}",
    ] {
        let took = interrupt(&mut notebook, &format!("{{ {stop} {code} }}"));
        assert!(took < Duration::from_secs(2), "{code}: {took:?}");
        notebook.check("v", &["result: [1, 2, 3]"]);
    }
}

#[test]
fn what_a_cell_forks_ends_with_the_cell() {
    let mut notebook = TestNotebook::start();
    notebook.check(
        "unsafe extern \"C\" { fn fork() -> i32; fn wait(status: *mut i32) -> i32; }\nlet v = vec![1];",
        &[],
    );
    let (sent, result) = notebook.run_with(
        "let child = unsafe { fork() };\nif child != 0 { unsafe { wait(std::ptr::null_mut()) }; }\nprintln!(\"{}\", child == 0);",
        &[],
    );
    assert_eq!((sent, result), (vec!["stdout: true\nfalse\n".to_owned()], Ok(())));
    notebook.check("println!(\"next\")", &["stdout: next\n"]);
    // Nor is the end of such a process the cell's.
    let forked = |code: &str| {
        format!("if unsafe {{ fork() }} == 0 {{ {code} }} else {{ unsafe {{ wait(std::ptr::null_mut()) }}; }}\nv.len()")
    };
    let panics = forked("panic!(\"no\")");
    let line = panics.lines().next().unwrap();
    let said = format!("stderr: \nthread 'main' panicked at `{line}`:\nno\n");
    notebook.check(&panics, &[&said, "result: 1"]);
    notebook.check(&forked("std::process::abort()"), &["result: 1"]);
    notebook.check(&forked("unsafe { *(8 as *mut i32) = 1; }"), &["result: 1"]);
    notebook.check("println!(\"last\")", &["stdout: last\n"]);
    notebook.check_error("std::process::exit(3)", "Exited", "exit code 3");
}

#[test]
fn cells_that_await_have_checkpoints_too() {
    let mut notebook = TestNotebook::start();
    notebook.check(
        ":dep tokio = { version = \"1\", features = [\"time\", \"macros\"] }\nlet mut v = vec![1, 2, 3];\ntokio::time::sleep(std::time::Duration::from_millis(1)).await;",
        &[],
    );
    notebook.check("async fn seven() -> i32 { 7 }", &[]);
    notebook.check("tokio::join!(seven(), seven())", &["result: (7, 7)"]);
    notebook.check("let task = tokio::spawn(async { seven().await + 1 });", &[]);
    notebook.check("task.await?", &["result: 8"]);
    notebook.check_error("drop(v); seven().await; std::process::abort()", "Aborted", "");
    notebook.check("v.len()", &["result: 3"]);
    let took = interrupt(&mut notebook, "loop { seven().await; }");
    assert!(took < Duration::from_secs(1), "{took:?}");
    notebook.check("v.len()", &["result: 3"]);
    // Another tokio is another type of runtime.
    notebook.check(
        ":dep tokio = { version = \"1\", features = [\"time\", \"macros\", \"sync\"] }\nseven().await",
        &["result: 7"],
    );
    notebook.check("std::fs::read_dir(\"/proc/self/task\")?.count()", &["result: 1"]);
}

#[test]
fn where_there_is_no_checkpoint_the_error_says_why() {
    let mut notebook = TestNotebook::start();
    notebook.check("let v = vec![1];", &[]);
    // A pair that wakes only this process holds nobody back.
    notebook.check("let pair = std::os::unix::net::UnixStream::pair().unwrap();", &[]);
    notebook.check_error("std::process::exit(0)", "Exited", "");
    notebook.check("v", &["result: [1]"]);

    notebook.check("let listener = std::net::TcpListener::bind(\"127.0.0.1:0\")?;", &[]);
    let error = notebook.check_error("std::process::exit(0)", "Exited", "");
    let text = error.traceback.join("\n");
    assert!(text.contains("no checkpoint") && text.contains("a socket"), "{text}");
    notebook.check_error("v", "CompileError", "v");

    notebook.check("let w = 1;", &[]);
    let (_, result) = notebook.run_with("%checkpoint off", &[]);
    assert_eq!(result, Ok(()));
    let error = notebook.check_error("std::process::exit(0)", "Exited", "");
    assert!(error.traceback.join("\n").contains("%checkpoint on"), "{error:#?}");
    let (_, result) = notebook.run_with("%checkpoint on", &[]);
    assert_eq!(result, Ok(()));
    notebook.check("let w = 1;", &[]);
    notebook.check(
        "std::thread::spawn(|| std::thread::park()).thread().name().is_none()",
        &["result: true"],
    );
    let error = notebook.check_error("std::process::abort()", "Aborted", "");
    assert!(
        error.traceback.join("\n").contains("another thread was running"),
        "{error:#?}"
    );
    // The new process has no such thread.
    notebook.check("let x = 2;", &[]);
    notebook.check_error("std::process::abort()", "Aborted", "");
    notebook.check("x", &["result: 2"]);
}

#[test]
fn what_a_dead_cell_has_started_dies_with_it() {
    let mut notebook = TestNotebook::start();
    let file = notebook.folder().join("child");
    let code = format!(
        "let mut child = std::process::Command::new(\"setsid\").args([\"sh\", \"-c\", \"echo $$ > {0}.new; mv {0}.new {0}; exec sleep 600\"]).spawn()?;\nloop {{}}",
        file.display()
    );
    let session = Arc::clone(&notebook.running.session);
    let interrupter = std::thread::spawn(move || {
        wait_for(&file);
        session.interrupt();
        file
    });
    notebook.check_error(&code, "Interrupted", "");
    let process = std::fs::read_to_string(interrupter.join().unwrap()).unwrap();
    assert!(
        !Path::new("/proc").join(process.trim()).exists(),
        "process {process} is alive"
    );
}

#[test]
fn a_cell_that_closes_its_outputs_silences_no_other() {
    let mut notebook = TestNotebook::start();
    let close =
        "{ use std::os::fd::FromRawFd; for n in [1, 2] { drop(unsafe { std::os::fd::OwnedFd::from_raw_fd(n) }); } }";
    notebook.check(close, &[]);
    let (sent, result) = notebook.run_with("println!(\"out\"); eprintln!(\"err\");", &[]);
    assert_eq!(result, Ok(()));
    let mut sent = sent;
    sent.sort();
    assert_eq!(sent, ["stderr: err\n", "stdout: out\n"]);
}
