//! Cells in the real engine: evcxr, the worker's processes, the cell library, a store in a temporary folder.
//!
//! Starting the engine takes seconds, so each test runs many cells.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use pipulate::{Pip, Source};
use pipulate_kernel::build_root::BuildRoot;
use pipulate_kernel::notebook::{CellRequest, Notebook};
use pipulate_kernel::outputs::{CellError, InputError, MimeBundle, Outputs, Stream};
use pipulate_kernel::start::{self, Running};
use pipulate_kernel::state::Settings;
use serde_json::{Map, Value};

/// A display, an update or a result.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) kind: &'static str,
    pub(super) data: MimeBundle,
    pub(super) metadata: Map<String, Value>,
    pub(super) id: Option<String>,
}

/// Everything that a cell sends, in order; text of one stream joined.
#[derive(Default)]
struct Recorder {
    sent: Mutex<Vec<String>>,
    shown: Mutex<Vec<Shown>>,
    answers: Mutex<Vec<String>>,
}

impl Recorder {
    fn push(&self, kind: &str, text: &str) {
        let mut sent = self.sent.lock().unwrap();
        match sent.last_mut() {
            Some(last) if kind.starts_with("std") && last.starts_with(kind) => last.push_str(text),
            _ => sent.push(format!("{kind}: {text}")),
        }
    }

    fn show(&self, kind: &'static str, data: MimeBundle, metadata: Map<String, Value>, id: Option<&str>) {
        self.push(kind, plain(&data));
        self.shown.lock().unwrap().push(Shown {
            kind,
            data,
            metadata,
            id: id.map(str::to_owned),
        });
    }
}

fn plain(data: &MimeBundle) -> &str {
    data.get("text/plain")
        .and_then(Value::as_str)
        .expect("every bundle has text/plain")
}

impl Outputs for Recorder {
    fn stream(&self, stream: Stream, text: &str) {
        self.push(if stream == Stream::Stdout { "stdout" } else { "stderr" }, text);
    }
    fn display(&self, data: MimeBundle, metadata: Map<String, Value>, id: Option<&str>) {
        self.show("display", data, metadata, id);
    }
    fn update_display(&self, data: MimeBundle, metadata: Map<String, Value>, id: &str) {
        self.show("update", data, metadata, Some(id));
    }
    fn clear_output(&self, wait: bool) {
        self.push("clear", if wait { "later" } else { "now" });
    }
    fn execute_result(&self, data: MimeBundle, metadata: Map<String, Value>) {
        self.show("result", data, metadata, None);
    }
    fn input(&self, prompt: &str, _: bool) -> Result<String, InputError> {
        self.push("asked", prompt);
        let mut answers = self.answers.lock().unwrap();
        if answers.is_empty() {
            Err(InputError::NotAllowed)
        } else {
            Ok(answers.remove(0))
        }
    }
}

/// The cell library, compiled once for all tests. The folder in which this process keeps temporary files is held too, since
/// other tests have theirs in it once it has been set.
pub(super) fn data() -> &'static Path {
    static DATA: OnceLock<(PathBuf, Arc<BuildRoot>)> = OnceLock::new();
    let (data, _) = DATA.get_or_init(|| {
        let root = BuildRoot::acquire().unwrap();
        let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kernel-data");
        start::warm_up(PathBuf::from(env!("CARGO_BIN_EXE_pipulate-kernel")), &data).unwrap();
        (data, root)
    });
    data
}

/// A notebook in a folder of its own.
pub(super) struct TestNotebook {
    pub(super) running: Running,
    folder: tempfile::TempDir,
    count: u32,
}

impl TestNotebook {
    pub(super) fn start() -> Self {
        Self::start_with_worker(PathBuf::from(env!("CARGO_BIN_EXE_pipulate-kernel")))
    }

    pub(super) fn start_with_worker(worker: PathBuf) -> Self {
        Self::start_with(worker, &[])
    }

    /// The kernel of a notebook whose file has these code cells.
    pub(super) fn start_of(cells: &[&str]) -> Self {
        Self::start_with(PathBuf::from(env!("CARGO_BIN_EXE_pipulate-kernel")), cells)
    }

    fn start_with(worker: PathBuf, cells: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = folder.path().join("pipeline.db").to_string_lossy().into_owned();
        let notebook = folder.path().join("moved.ipynb");
        let cells: Vec<Value> = cells
            .iter()
            .map(|code| serde_json::json!({"cell_type": "code", "metadata": {}, "execution_count": null, "outputs": [], "source": code}))
            .collect();
        let is_known = !cells.is_empty();
        let file = serde_json::json!({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells});
        std::fs::write(&notebook, file.to_string()).unwrap();
        let settings = Settings {
            url: Some(url),
            notebook: is_known.then_some(notebook),
            ..Settings::default()
        };
        let running = start::notebook(settings, worker, data()).unwrap();
        Self {
            running,
            folder,
            count: 0,
        }
    }

    pub(super) fn run_with(&mut self, code: &str, answers: &[&str]) -> (Vec<String>, Result<(), CellError>) {
        let (outputs, result) = self.run_into(code, answers);
        let sent = outputs.sent.lock().unwrap().clone();
        (sent, result)
    }

    /// What a cell that works shows, apart from text on its streams.
    #[track_caller]
    pub(super) fn shown(&mut self, code: &str) -> Vec<Shown> {
        let (outputs, result) = self.run_into(code, &[]);
        assert_eq!(result, Ok(()), "{code}");
        outputs.shown.lock().unwrap().clone()
    }

    /// Runs the cell that a client knows by this id.
    pub(super) fn run_cell(&mut self, id: &str, code: &str, answers: &[&str]) -> (Vec<String>, Result<(), CellError>) {
        let (outputs, result) = self.run_request(Some(id), code, answers);
        let sent = outputs.sent.lock().unwrap().clone();
        (sent, result)
    }

    fn run_into(&mut self, code: &str, answers: &[&str]) -> (Arc<Recorder>, Result<(), CellError>) {
        self.run_request(None, code, answers)
    }

    fn run_request(
        &mut self,
        id: Option<&str>,
        code: &str,
        answers: &[&str],
    ) -> (Arc<Recorder>, Result<(), CellError>) {
        self.count += 1;
        let outputs = Arc::new(Recorder::default());
        outputs
            .answers
            .lock()
            .unwrap()
            .extend(answers.iter().map(|answer| (*answer).to_owned()));
        let request = CellRequest {
            code: code.to_owned(),
            execution_count: self.count,
            cell_id: id.map(str::to_owned),
            ..CellRequest::default()
        };
        let result = self
            .running
            .session
            .run(&request, Arc::clone(&outputs) as Arc<dyn Outputs>);
        (outputs, result)
    }

    #[track_caller]
    pub(super) fn check(&mut self, code: &str, expected: &[&str]) {
        let (sent, result) = self.run_with(code, &[]);
        assert_eq!(result, Ok(()), "{code}\nsent {sent:#?}");
        assert_eq!(sent, expected, "{code}");
    }

    #[track_caller]
    pub(super) fn check_error(&mut self, code: &str, ename: &str, evalue: &str) -> CellError {
        let (sent, result) = self.run_with(code, &[]);
        let error = result.expect_err(code);
        assert_eq!(error.ename, ename, "{code}\n{error:#?}\nsent {sent:#?}");
        assert!(error.evalue.contains(evalue), "{code}\n{error:#?}");
        error
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    pub(super) fn pip(&self) -> Pip {
        Pip::open(&self.folder.path().join("pipeline.db").to_string_lossy())
            .unwrap()
            .as_source(Source::Cli)
    }
}

impl Drop for TestNotebook {
    fn drop(&mut self) {
        self.running.session.shutdown();
    }
}

#[test]
fn items_without_a_name_can_be_run_again() {
    let mut notebook = TestNotebook::start();
    let cells = [
        (
            "unsafe extern \"C\" { fn getpid() -> i32; }\n(unsafe { getpid() }) > 0",
            "true",
        ),
        ("extern crate alloc;\nalloc::vec![7u8].len()", "1"),
        ("extern crate core as base;\nbase::mem::size_of::<u64>()", "8"),
        (
            "use std::cell::Cell;\nthread_local! {\n    static SEEN: Cell<u8> = const { Cell::new(3) };\n}\nSEEN.get()",
            "3",
        ),
        ("SEEN.with(|seen| seen.get() + 1)", "4"),
        (
            "fn seen() -> u8 { LATER.get() }\nthread_local! { static LATER: Cell<u8> = const { Cell::new(5) } }\nseen()",
            "5",
        ),
    ];
    for (code, value) in cells.iter().chain(&cells) {
        notebook.check(code, &[&format!("result: {value}")]);
    }
    notebook.check("thread_local! { static LATER: Cell<u8> = const { Cell::new(6) } }", &[]);
    notebook.check("seen()", &["result: 6"]);

    notebook.check(
        "#[macro_export]\nmacro_rules! items { () => { pub fn made() -> u8 { 9 } } }\nitems!();",
        &[],
    );
    let error = notebook.check_error("items! {}", "CompileError", "");
    assert!(
        error
            .traceback
            .join("\n")
            .contains("mod made { use super::*; NAME! { .. } }"),
        "{error:#?}"
    );
    notebook.check("mod made { crate::items! {} }\nuse made::*;", &[]);
    notebook.check("made()", &["result: 9"]);
}

#[test]
fn what_the_compiler_cannot_read_is_one_clear_error() {
    let mut notebook = TestNotebook::start();
    notebook.check("let v = 1;", &[]);
    let error = notebook.check_error(
        &format!("{}1{}", "(".repeat(3_000), ")".repeat(3_000)),
        "CompilerCrash",
        "rustc crashed",
    );
    assert!(error.traceback.join("\n").len() < 1000, "{error:#?}");
    notebook.check("\u{feff}v", &["result: 1"]);
    // The brackets of what is put around a cell are not the user's.
    for (code, evalue, place) in [
        ("v.pow(", "an unclosed delimiter", "cell:1:6"),
        ("1;\n}\nv", "unexpected closing delimiter: `}`", "cell:2:1"),
        ("let s = \"a;\nv", "unterminated double quote string", "cell:1:9"),
        ("/* a\nv", "unterminated block comment", "cell:1:1"),
        (":clear\n(v]", "mismatched closing delimiter: `]`", "cell:2:3"),
    ] {
        let error = notebook.check_error(code, "CompileError", evalue);
        assert!(error.traceback[0].contains(place), "{error:#?}");
    }
    notebook.check("v", &["result: 1"]);
    // What has been forgotten is not said to be there.
    let error = notebook.check_error(":clear\nstd::process::exit(1)", "Exited", "");
    let text = error.traceback.join("\n");
    assert!(
        text.contains("`:clear` has been obeyed") && !text.contains("as it was"),
        "{text}"
    );
}

#[test]
fn rust_runs_and_every_failure_is_one_clear_error() {
    let mut notebook = TestNotebook::start();
    notebook.check("1 + 1", &["result: 2"]);
    notebook.check("let v = vec![1, 2, 3];", &[]);
    notebook.check("// only a comment", &[]);
    notebook.check("println!(\"unit\")", &["stdout: unit\n"]);
    let (sent, result) = notebook.run_with("println!(\"a\"); eprintln!(\"b\"); print!(\"c\"); v.len()", &[]);
    assert_eq!((result, sent.last().unwrap().as_str()), (Ok(()), "result: 3"));
    let of = |stream: &str| {
        sent.iter()
            .filter_map(|line| line.strip_prefix(stream))
            .collect::<String>()
    };
    assert_eq!((of("stdout: "), of("stderr: ")), ("a\nc".to_owned(), "b\n".to_owned()));
    let error = notebook.check_error("let ok = 1;\nlet z: i32 = \"x\";", "CompileError", "mismatched types");
    assert!(error.traceback[0].contains("cell:2:14"), "{error:#?}");
    assert!(!error.traceback.join("\n").contains("evcxr"), "{error:#?}");

    // The compiler's advice comes with the error, not in its place.
    let error = notebook.check_error("HashMap::new()", "CompileError", "HashMap");
    assert!(error.traceback[0].contains("cell:1:1"), "{error:#?}");

    notebook.run_with("%pip_job borrows", &[]).1.unwrap();
    let borrows = "%%pip_step trimmed\nlet owner = String::from(\"a \");\nowner.trim()";
    let error = notebook.check_error(borrows, "CompileError", "does not live long enough");
    let text = error.traceback.join("\n");
    assert!(text.contains("a step's value, cannot borrow from the cell"), "{text}");

    let error = notebook.check_error("let w = 5;\nv[7]", "Panic", "index out of bounds");
    assert!(error.traceback.join("\n").contains("v[7]"), "{error:#?}");
    notebook.check_error(
        "let n: i32 = \"x\".parse::<i32>()?;",
        "ParseIntError",
        "invalid digit found in string",
    );
    let (sent, result) = notebook.run_with("eprintln!(\"before\"); let n = \"y\".parse::<i32>()?;", &[]);
    assert_eq!(sent, ["stderr: before\n"]);
    assert_eq!(result.unwrap_err().evalue, "invalid digit found in string");

    // What a cell prints is never a report of its own failure.
    notebook.check(
        "println!(\"EVCXR_PANIC_NOTIFICATION\"); println!(\"{}{}\", \"EVCXR_PANIC\", \"_NOTIFICATION\"); println!(\"EVCXR_ERROR_OCCURRED\");",
        &["stdout: EVCXR_PANIC_NOTIFICATION\nEVCXR_PANIC_NOTIFICATION\nEVCXR_ERROR_OCCURRED\n"],
    );
    // Told of a variable, evcxr forgets it and runs the cell once more: once, and not as long as the line is printed.
    notebook.check("let forgotten = 1;", &[]);
    let (sent, result) = notebook.run_with("println!(\"EVCXR_VARIABLE_CHANGED_TYPE:forgotten\");", &[]);
    assert_eq!(result, Ok(()), "{sent:?}");
    assert_eq!(sent, ["stdout: EVCXR_VARIABLE_CHANGED_TYPE:forgotten\n"]);
    // A panic that the cell catches is text, not an error.
    let (sent, result) = notebook.run_with("std::panic::catch_unwind(|| panic!(\"caught\")).is_err()", &[]);
    assert_eq!(result, Ok(()));
    assert!(
        sent.iter()
            .any(|line| line.starts_with("stderr") && line.contains("caught")),
        "{sent:?}"
    );
    assert_eq!(sent.last().unwrap(), "result: true");

    let error = notebook.check_error("std::process::exit(3)", "Exited", "exit code 3");
    assert!(error.traceback.join(" ").contains("as it was before"));
    notebook.check("v", &["result: [1, 2, 3]"]);
    notebook.check("fn double(x: i32) -> i32 { x * 2 }\ndouble(21)", &["result: 42"]);
    notebook.check_error("panic!(\"after a restart\")", "Panic", "after a restart");
    notebook.check(
        "let error = 5; eprintln!(\"a\"); eprintln!(\"{}\", error); eprintln!(\"b\"); error",
        &["stderr: a\n5\nb\n", "result: 5"],
    );
}

#[test]
fn user_expressions_are_evaluated_and_names_are_documented() {
    let mut notebook = TestNotebook::start();
    notebook.check("let text = String::from(\"a\"); let mut numbers = vec![1, 2];", &[]);
    notebook.check("/// Doubles.\nfn twice(x: i32) -> i32 { 2 * x }", &[]);
    let (_, result) = notebook.run_with("%pip_job user-expressions", &[]);
    assert_eq!(result, Ok(()));
    let session = Arc::clone(&notebook.running.session);
    let value = |expression: &str| {
        let found = session.user_expression(expression);
        found.map(|data| data.get("text/plain").and_then(Value::as_str).map(str::to_owned))
    };
    let is = |text: &str| Ok(Some(text.to_owned()));
    for (expression, expected) in [
        ("1 + 1", is("2")),
        ("text", is("\"a\"")),
        ("text", is("\"a\"")),
        ("{ numbers.push(3); twice(numbers.len() as i32) }", is("6")),
        ("println!(\"not shown\")", Ok(None)),
        ("job.key().to_string()", is("\"user-expressions\"")),
    ] {
        assert_eq!(value(expression), expected, "{expression}");
    }
    for (expression, ename, evalue) in [
        ("absent", "CompileError", "cannot find"),
        ("numbers[9]", "Panic", "out of bounds"),
        ("\"x\".parse::<i32>()?", "ParseIntError", "invalid digit"),
        ("%pip_get a", "Usage", "Rust"),
    ] {
        let error = value(expression).unwrap_err();
        assert_eq!(error.ename, ename, "{error:?}");
        assert!(error.evalue.contains(evalue), "{error:?}");
        assert!(!error.traceback.is_empty(), "{error:?}");
    }
    notebook.check("numbers", &["result: [1, 2, 3]"]);

    // Both as text and as what a person would rather look at.
    for (code, detail, text, html) in [
        ("twice(1)", 0, "fn twice(x: i32) -> i32", "<pre><code"),
        ("twice(1)", 1, "/// Doubles.", "/// Doubles."),
        ("numbers", 0, "numbers: Vec<i32>", "Vec"),
        ("numbers.push(1)", 0, "Appends an element", "<p>Appends an element"),
    ] {
        let at = code.find('(').unwrap_or(2) - 1;
        let is_generated = |text: &str| text.lines().any(|line| line.ends_with("ctx"));
        // On a busy machine the analysis may take longer than anyone waits for it.
        let as_expected = || {
            let found = session.inspect(code, at, detail)?;
            let fits = [("text/plain", text), ("text/html", html)]
                .iter()
                .all(|(mime, expected)| {
                    let shown = found[*mime].as_str().unwrap();
                    shown.contains(expected) && !is_generated(shown)
                });
            fits.then_some(())
        };
        let found = (0..20).find_map(|_| as_expected());
        assert!(found.is_some(), "{code}: {:#?}", session.inspect(code, at, detail));
    }
    let code = "é(numbers.is_em";
    let completed = || Some(session.complete(code, code.len())).filter(|found| !found.items.is_empty());
    let found = (0..20).find_map(|_| completed()).unwrap();
    let texts: Vec<&str> = found.items.iter().map(|item| item.text.as_str()).collect();
    assert_eq!((texts, found.start), (vec!["is_empty()"], "é(numbers.".len()));
    assert_eq!(found.items[0].kind, "function");
}

#[test]
fn magics_amid_rust_use_the_store_in_order() {
    let mut notebook = TestNotebook::start();
    notebook.check_error("let x = 1;\n%pip_set a = x", "MissingJob", "job");
    let (_, result) = notebook.run_with("%pip_job hello-01", &[]);
    assert_eq!(result, Ok(()));
    let (sent, result) = notebook.run_with(
        "let s = String::from(\"abc\");\n{\n    let r = &s;\n    println!(\"first\");\n    %pip_set n = r.len()\n    %pip_get n\n}\nprintln!(\"then\");",
        &[],
    );
    assert_eq!(result, Ok(()), "{sent:?}");
    assert_eq!(sent.first().unwrap(), "stdout: first\n");
    assert_eq!(sent[1], "display: n = 3 (revision 1)");
    assert!(sent[2..].iter().any(|line| line.starts_with("display: 3")), "{sent:?}");
    assert_eq!(sent.last().unwrap(), "stdout: then\n");

    let pip = notebook.pip();
    assert_eq!(pip.get::<usize>("hello-01", "n").unwrap(), Some(3));
    notebook.check("let n: usize = %pip_get n;\nn * 2", &["result: 6"]);
    notebook.check(
        "let absent: i64 = %pip_get absent --default 40 + 2;\nabsent",
        &["result: 42"],
    );
    let error = notebook.check_error("let m: i64 = %pip_get absent;", "MissingStep", "absent");
    assert!(error.traceback.join(" ").contains('n'), "{error:#?}");
    notebook.check("n", &["result: 3"]);

    // Plain Rust does what a magic does, and a name of the user's own wins.
    notebook.check(
        "job.set(\"step_02\", &vec![1, 2])?; job.get::<Vec<i32>>(\"step_02\")?",
        &["result: Some([1, 2])"],
    );
    notebook.check("pip.get::<usize>(\"hello-01\", \"n\")?", &["result: Some(3)"]);
    notebook.check("let job = \"mine\";\njob.len()", &["result: 4"]);
    notebook.check("job.len()", &["result: 4"]);
    let (_, result) = notebook.run_with("%pip_set t = job.to_string()", &[]);
    assert_eq!(result, Ok(()));
    assert_eq!(pip.get::<String>("hello-01", "t").unwrap().as_deref(), Some("mine"));

    let (_, result) = notebook.run_with(
        "let k = 2;\nfor i in 0..3 {\n    %pip_set last = {\"i\": 9}\n    let _ = i + k;\n}",
        &[],
    );
    assert_eq!(result, Ok(()));
    assert_eq!(
        pip.job("hello-01").unwrap().get_json("last").unwrap().as_deref(),
        Some("{\"i\": 9}")
    );

    let (sent, result) = notebook.run_with("let age: u8 = %pip_input age \"Your age?\";\nage + 1", &["many", "41"]);
    assert_eq!(result, Ok(()), "{sent:?}");
    assert_eq!(
        sent.iter().filter(|line| line.starts_with("asked")).count(),
        2,
        "{sent:?}"
    );
    assert_eq!(sent.last().unwrap(), "result: 42");
    notebook.check("let age: u8 = %pip_input age \"Your age?\";\nage", &["result: 41"]);

    notebook.check_error("let q = 1;\n%pip_gett n", "UnknownMagic", "pip_get");
    notebook.check_error("let x = 1;\n%pip_set bad = f64::NAN", "Unrepresentable", "bad");
    let error = notebook.check_error("let fine = 1;\n%pip_set b = fine + \"x\"", "CompileError", "");
    assert!(error.traceback[0].contains("cell:2:"), "{error:#?}");
    notebook.check_error("let x = 1;\n%pip_finalize\n%pip_set c = x", "Finalized", "hello-01");
    notebook.check_error("pip.set(\"hello-01\", \"c\", &1)?;", "Finalized", "hello-01");
    notebook.check_error(":quit", "Usage", ":quit");
}

#[test]
fn dependencies_that_come_later_leave_variables_alone() {
    let mut notebook = TestNotebook::start();
    let package = notebook.folder().join("late");
    std::fs::create_dir_all(package.join("src")).unwrap();
    let manifest = "[package]\nname = \"late\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    std::fs::write(package.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(package.join("src/lib.rs"), "#[derive(Debug)] pub struct Late(pub u8);").unwrap();
    notebook.check(
        "#[derive(Debug, Clone)] struct Order { pieces: u32 }\nlet orders = vec![Order { pieces: 2 }];",
        &[],
    );
    // The cell library.
    let (_, result) = notebook.run_with("%pip_job late-01", &[]);
    assert_eq!(result, Ok(()));
    let (sent, result) = notebook.run_with("let n = orders.len();\n%pip_set n = n", &[]);
    assert_eq!(result, Ok(()), "{sent:?}");
    notebook.check("orders[0].clone()", &["result: Order { pieces: 2 }"]);
    // One of the user's.
    let code = format!(
        ":dep late = {{ path = \"{}\" }}\nlet late = late::Late(1);",
        package.display()
    );
    let (sent, result) = notebook.run_with(&code, &[]);
    assert_eq!(result, Ok(()), "{sent:?}");
    notebook.check("(orders[0].pieces, late.0)", &["result: (2, 1)"]);
}
