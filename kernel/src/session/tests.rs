//! Cells in a notebook whose engine compiles nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pipulate::cell;
use pipulate_port::analysis::Reach as _;
use tempfile::TempDir;

use super::Session;
use crate::cell_socket::CellSocket;
use crate::engine::Engine;
use crate::engine::fake::FakeEngine;
use crate::engine::handle::{EngineHandle, EngineStatus};
use crate::magic::testing::Recorder;
use crate::notebook::{CellRequest, Notebook as _};
use crate::outputs::{CellError, Outputs};
use crate::state::{NotebookState, Settings};

struct Notebook {
    session: Session,
    _folder: TempDir,
}

impl Notebook {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("pipeline.db").display());
        let settings = Settings {
            url: Some(url),
            ..Settings::default()
        };
        let engine = EngineHandle::spawn(|| Ok(Box::new(FakeEngine::new()) as Box<dyn Engine>));
        assert_eq!(engine.wait_until_started(Duration::from_secs(10)), EngineStatus::Ready);
        let socket = CellSocket::bind(folder.path()).unwrap();
        let session = Session::new(NotebookState::new(settings), engine, &socket, String::new());
        Self {
            session,
            _folder: folder,
        }
    }

    fn run_into(&self, code: &str, recorder: &Arc<Recorder>) -> Result<(), CellError> {
        let request = CellRequest {
            code: code.to_owned(),
            execution_count: 1,
            ..CellRequest::default()
        };
        self.session.run(&request, Arc::clone(recorder) as Arc<dyn Outputs>)
    }

    fn run(&self, code: &str) -> (Result<(), CellError>, Arc<Recorder>) {
        let recorder = Recorder::new();
        (self.run_into(code, &recorder), recorder)
    }
}

#[test]
fn a_lone_exclamation_mark_does_nothing() {
    let notebook = Notebook::new();
    for code in ["!", "!\n", "! ", "%time !"] {
        let (result, recorder) = notebook.run(code);
        assert_eq!(result, Ok(()), "{code:?}");
        assert!(recorder.displays().is_empty(), "{code:?}");
    }
}

#[test]
fn nothing_more_is_run_after_an_interrupt() {
    let notebook = Notebook::new();
    let recorder = Recorder::new();
    recorder.interrupt();
    let error = notebook.run_into("!echo one\n%pwd", &recorder).unwrap_err();
    assert_eq!(error.ename, "Interrupted");
    assert_eq!((recorder.stdout(), recorder.displays().len()), (String::new(), 0));
}

#[test]
fn an_inspection_in_more_detail_shows_the_source() {
    let notebook = Notebook::new();
    notebook.run("fn print").0.unwrap();
    notebook.run("print area").0.unwrap();
    let text = |code: &str, detail| {
        let found = notebook.session.inspect(code, 0, detail)?;
        Some(found["text/plain"].as_str().unwrap().to_owned())
    };
    assert_eq!(text("print", 0).as_deref(), Some("prints a line"));
    assert_eq!(
        text("print", 1).as_deref(),
        Some("prints a line\n\nDefined in cell 1:\nfn print")
    );
    assert_eq!(text("area", 1), None);
}

#[test]
fn a_cell_clears_what_cells_have_defined_and_does_not_restart() {
    let notebook = Notebook::new();
    notebook.run("var a").0.unwrap();
    for code in [":restart", ":restart now", ":quit\nvar b"] {
        let error = notebook.run(code).0.unwrap_err();
        assert_eq!(error.ename, "Usage", "{code}");
        assert!(error.traceback.join("\n").contains("`%reset`"), "{code}");
    }
    let (result, recorder) = notebook.run("%who");
    assert_eq!((result, recorder.stdout()), (Ok(()), "a\n".to_owned()));
    notebook.run(":clear\nvar b").0.unwrap();
    assert_eq!(notebook.run("%who").1.stdout(), "b\n");
}

/// Interrupts a cell when it has come to where it is to be interrupted.
fn interrupted_at(notebook: &Notebook, code: &str, is_there: impl Fn(&Recorder) -> bool) -> (CellError, Duration) {
    let recorder = Recorder::new();
    std::thread::scope(|scope| {
        let runs = scope.spawn(|| notebook.run_into(code, &recorder));
        let deadline = Instant::now() + Duration::from_secs(10);
        while !is_there(&recorder) {
            assert!(Instant::now() < deadline, "{code}");
            std::thread::yield_now();
        }
        let since = Instant::now();
        recorder.interrupt();
        notebook.session.interrupt();
        let error = runs.join().unwrap().unwrap_err();
        assert_eq!(error.ename, "Interrupted", "{code}");
        assert!(!recorder.stdout().contains("never"), "{code}");
        (error, since.elapsed())
    })
}

#[test]
fn an_interrupt_amid_forgetting_is_answered_at_once_and_truly() {
    for code in [
        ":clear\nprint never",
        "%reset -f\n!echo never",
        "%%time\n:clear\nprint never",
    ] {
        let notebook = Notebook::new();
        notebook.run("var a\nslow_reset 3000").0.unwrap();
        let shared = &notebook.session.shared;
        shared.has_run(&CellRequest::default(), &cell::parse("fn helper() {}"), None);
        let is_known = || {
            shared
                .steps
                .with_definitions(|definitions| !definitions.known().items.is_empty())
        };
        assert!(is_known());
        let (error, took) = interrupted_at(&notebook, code, |_| shared.engine.status() == EngineStatus::Busy);
        assert!(took < Duration::from_secs(1), "{code}: {took:?}");
        assert_eq!(
            error.evalue,
            "the cell was interrupted while every variable and item was being forgotten"
        );
        assert!(!is_known(), "{code}");
        assert_eq!(notebook.run("%who").1.stdout(), "There are no variables yet.\n");
        notebook.run("var b").0.unwrap();
        assert_eq!(notebook.run("%who").1.stdout(), "b\n");
    }
}

#[test]
fn an_interrupt_after_forgetting_does_not_say_that_all_is_there() {
    for code in [
        ":clear\nprint begun\nsleep 20000",
        ":clear\nprint begun\nstubborn 600",
        ":clear\n!echo begun; sleep 20\nprint never",
    ] {
        let notebook = Notebook::new();
        notebook.run("var a").0.unwrap();
        let (error, took) = interrupted_at(&notebook, code, |recorder| recorder.stdout() == "begun\n");
        assert!(took < Duration::from_secs(10), "{code}: {took:?}");
        assert_eq!(error.evalue, "the cell was interrupted after its `:clear`");
        let traceback = error.traceback.join("\n");
        assert!(traceback.contains("of earlier cells is gone"), "{code}: {traceback}");
        assert!(!traceback.contains("is as it was"), "{code}: {traceback}");
    }
}

#[test]
fn an_option_after_the_value_is_an_error_before_anything_runs() {
    let notebook = Notebook::new();
    let (result, recorder) = notebook.run("%pip_set a = f(1) --job k\nprint ran");
    let error = result.unwrap_err();
    assert_eq!(
        (error.ename.as_str(), error.evalue.as_str()),
        ("Usage", "`--job k` stands after the value.")
    );
    assert_eq!(recorder.stdout(), "");
}

#[test]
fn tab_and_inspection_know_names_while_a_cell_runs() {
    let notebook = Notebook::new();
    notebook.run("var total\nfn print").0.unwrap();
    let session = &notebook.session;
    let check = |code: &str, expected: &[&str]| {
        let found = session.complete(code, code.len());
        let texts: Vec<&str> = found.items.iter().map(|item| item.text.as_str()).collect();
        assert_eq!(texts, expected, "{code}");
    };
    let inspected = |code: &str| {
        let found = session.inspect(code, 0, 0)?;
        Some(found["text/plain"].as_str().unwrap().to_owned())
    };
    check("to", &[]);
    check("pr", &["print"]);
    assert_eq!(inspected("print").as_deref(), Some("prints a line"));
    std::thread::scope(|scope| {
        let runs = scope.spawn(|| notebook.run("sleep 20000").0);
        while session.shared.engine.status() != EngineStatus::Busy {
            std::thread::yield_now();
        }
        check("to", &["total"]);
        check("pr", &["print"]);
        check("a.to", &[]);
        check("%lsm", &["%lsmagic"]);
        assert_eq!(inspected("total").as_deref(), Some("let total: i32"));
        assert_eq!(
            inspected("print").as_deref(),
            Some("Defined in cell 1:\nvar total\nfn print")
        );
        assert_eq!(
            session.shared.engine.status(),
            EngineStatus::Busy,
            "the cell still runs"
        );
        session.interrupt();
        assert_eq!(runs.join().unwrap().unwrap_err().ename, "Interrupted");
    });
}

#[test]
fn a_user_expression_is_rust_alone() {
    let notebook = Notebook::new();
    let value = notebook.session.user_expression("value 4").unwrap();
    assert_eq!(value["text/plain"], "4");
    assert!(notebook.session.user_expression("print a").unwrap().is_empty());
    assert_eq!(notebook.session.user_expression("panic oh").unwrap_err().ename, "Panic");
    for expression in ["%pwd", "!echo a", ":vars", "?print", "value 1;\n%pwd"] {
        let error = notebook.session.user_expression(expression).unwrap_err();
        assert_eq!(error.ename, "Usage", "{expression}");
    }
}
