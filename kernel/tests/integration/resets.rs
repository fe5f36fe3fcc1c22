//! Resets through the handle on the engine's thread: what they wait for, and what an interrupt does to them.
#![cfg(unix)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pipulate_kernel::engine::fake::FakeEngine;
use pipulate_kernel::engine::handle::{EngineHandle, EngineStatus, EvaluationResult};
use pipulate_kernel::outputs::CellError;
use pipulate_kernel::source_map::SourceMap;
use serde_json::{Value, json};

use crate::engine_handle::{outputs, printed};
use crate::frontend::{Channel, Client, PATIENCE, Request};
use crate::process::{ENGINE, Process};

/// What is answered at once is answered long before what takes as long as this, in milliseconds.
const SLOW: u64 = 3_000;
const AT_ONCE: Duration = Duration::from_secs(1);

fn evaluate(handle: &EngineHandle, code: &str) -> EvaluationResult {
    handle.evaluate(SourceMap::identity(code), printed().0)
}

fn names(handle: &EngineHandle) -> Vec<String> {
    let variables = handle.variables();
    variables.iter().map(|variable| variable.name.clone()).collect()
}

/// A handle on an engine with a variable, and what it is told to be like.
fn with_variable(code: &str) -> Arc<EngineHandle> {
    let handle = Arc::new(EngineHandle::spawn(|| Ok(Box::new(FakeEngine::new()))));
    evaluate(&handle, &format!("var a\nfn f\n{code}")).unwrap();
    assert_eq!(names(&handle), ["a"]);
    handle
}

/// A reset, and whether whoever asked for it was told that all is forgotten.
struct Reset {
    thread: JoinHandle<Result<(), CellError>>,
    forgotten: Arc<AtomicBool>,
    printed: Receiver<String>,
}

impl Reset {
    fn of(handle: &Arc<EngineHandle>) -> Self {
        let (outputs, printed) = printed();
        let handle = Arc::clone(handle);
        let forgotten = Arc::new(AtomicBool::new(false));
        let forgets = Arc::clone(&forgotten);
        let thread = thread::spawn(move || handle.reset(outputs.as_ref(), || forgets.store(true, Ordering::Release)));
        Self {
            thread,
            forgotten,
            printed,
        }
    }

    /// Waits until the engine is at it.
    fn begun(self, handle: &EngineHandle) -> Self {
        let deadline = Instant::now() + PATIENCE;
        while handle.status() != EngineStatus::Busy {
            assert!(Instant::now() < deadline, "the reset does not begin");
            thread::yield_now();
        }
        self
    }

    fn end(self) -> (Result<(), CellError>, bool) {
        let result = self.thread.join().unwrap();
        (result, self.forgotten.load(Ordering::Acquire))
    }
}

#[track_caller]
fn check_interrupted(result: Result<(), CellError>, evalue: &str, help: &str) {
    let error = result.unwrap_err();
    assert_eq!((error.ename.as_str(), error.evalue.as_str()), ("Interrupted", evalue));
    assert_eq!(error.traceback[1..].join("\n"), help);
}

#[test]
fn a_reset_hurries_work_ahead_away() {
    let (begins, begun) = mpsc::channel();
    let begins = Mutex::new(begins);
    let handle = EngineHandle::spawn(move || {
        let begins = begins.lock().unwrap().clone();
        Ok(Box::new(FakeEngine::new().with_long_warm_up(begins)))
    });
    let handle = Arc::new(handle);
    evaluate(&handle, "var a").unwrap();
    begun.recv_timeout(PATIENCE).unwrap();
    let since = Instant::now();
    let (result, forgotten) = Reset::of(&handle).end();
    assert!(since.elapsed() < PATIENCE, "{:?}", since.elapsed());
    assert_eq!((result, forgotten), (Ok(()), true));
    assert_eq!(handle.variables().len(), 0);
}

#[test]
fn an_interrupt_ends_a_reset_that_waits_and_nothing_is_forgotten() {
    let handle = with_variable("");
    let (outputs, printed) = printed();
    let evaluating = Arc::clone(&handle);
    let stubborn = thread::spawn(move || {
        let code = format!("print begun\nstubborn {SLOW}");
        evaluating.evaluate(SourceMap::identity(&code), outputs)
    });
    assert_eq!(printed.recv_timeout(PATIENCE).unwrap(), "begun\n");
    // The engine is busy with the one that this leaves alone.
    handle.interrupt();
    assert_eq!(stubborn.join().unwrap().unwrap_err().ename, "Interrupted");
    let since = Instant::now();
    let waiting = Reset::of(&handle);
    // One that comes before it has asked is a no-op; say it until it has been heard.
    while !waiting.thread.is_finished() {
        handle.interrupt();
        thread::yield_now();
    }
    let (result, forgotten) = waiting.end();
    check_interrupted(result, "the cell was interrupted before it had begun", "");
    assert!(!forgotten);
    assert!(since.elapsed() < AT_ONCE, "{:?}", since.elapsed());
    evaluate(&handle, "").unwrap();
    assert_eq!(names(&handle), ["a"]);
}

#[test]
fn an_interrupt_is_answered_amid_a_reset_that_goes_to_its_end() {
    let handle = with_variable(&format!("slow_reset {SLOW}"));
    let begun = Instant::now();
    let reset = Reset::of(&handle).begun(&handle);
    let since = Instant::now();
    handle.interrupt();
    let (result, forgotten) = reset.end();
    assert!(since.elapsed() < AT_ONCE, "{:?}", since.elapsed());
    check_interrupted(
        result,
        "the cell was interrupted while every variable and item was being forgotten",
        "They are gone. What comes after that in the cell has not run.",
    );
    assert!(forgotten);
    // Cells are prepared by what is known before the engine is free.
    assert!(handle.variables().is_empty() && handle.items().is_empty());
    // The next one waits for it, says so, and is not interrupted.
    let next = Reset::of(&handle);
    let printed = next.printed.recv_timeout(PATIENCE).unwrap();
    assert!(printed.contains("still at the cell that was interrupted"), "{printed}");
    assert_eq!(next.end(), (Ok(()), true));
    assert!(begun.elapsed() > Duration::from_millis(2 * SLOW));
    evaluate(&handle, "var b").unwrap();
    assert_eq!(names(&handle), ["b"]);
}

#[test]
fn a_cell_that_was_interrupted_before_it_came_forgets_nothing() {
    let handle = with_variable("");
    let mut forgotten = false;
    let (outputs, _printed) = outputs(true);
    let result = handle.reset(outputs.as_ref(), || forgotten = true);
    check_interrupted(result, "the cell was interrupted before it had begun", "");
    assert!(!forgotten);
    evaluate(&handle, "").unwrap();
    assert_eq!(names(&handle), ["a"]);
}

#[test]
fn an_interrupt_ends_the_wait_for_an_engine_that_is_started_again() {
    let (gate, told) = mpsc::channel::<Result<(), CellError>>();
    let (begin, begun) = mpsc::channel();
    let handle = EngineHandle::spawn(move || {
        let _ = begin.send(());
        told.recv().unwrap_or(Ok(()))?;
        Ok(Box::new(FakeEngine::new()))
    });
    let handle = Arc::new(handle);
    gate.send(Err(CellError::new("NoCompiler", "rustc is not installed")))
        .unwrap();
    assert!(matches!(handle.wait_until_started(PATIENCE), EngineStatus::Failed(_)));
    begun.recv_timeout(PATIENCE).unwrap();
    let reset = Reset::of(&handle);
    begun.recv_timeout(PATIENCE).unwrap();
    handle.interrupt();
    let (result, _) = reset.end();
    check_interrupted(result, "the cell was interrupted before it had begun", "");
    gate.send(Ok(())).unwrap();
    assert_eq!(handle.wait_until_started(PATIENCE), EngineStatus::Ready);
    evaluate(&handle, "value 1").unwrap();
}

#[test]
fn an_engine_that_panics_in_a_reset_is_replaced() {
    let handle = with_variable("crashing_reset out of bounds");
    let (result, forgotten) = Reset::of(&handle).end();
    let error = result.unwrap_err();
    assert_eq!(error.evalue, "the Rust engine broke down: out of bounds");
    assert!(forgotten);
    evaluate(&handle, "var b").unwrap();
    assert_eq!(names(&handle), ["b"]);
}

#[test]
fn shutdown_does_not_wait_for_a_reset() {
    let handle = with_variable("slow_reset 60000");
    let running = Reset::of(&handle).begun(&handle);
    let since = Instant::now();
    handle.shutdown();
    assert_eq!(running.end().0.unwrap_err().ename, "EngineStopped");
    assert!(since.elapsed() < PATIENCE, "{:?}", since.elapsed());
}

/// A cell's reply of a real kernel, when it comes at last.
fn reply(client: &Client, request: &Request<'_>) -> Value {
    client.await_message(Channel::Shell, ENGINE);
    request.reply_past_others().content
}

#[test]
fn what_a_real_kernel_says_of_an_interrupted_reset_is_true() {
    let (mut process, client, _folder) = Process::start_real();
    let runs = |code: &str| reply(&client, &client.execute(code));
    for delay in [0, 40, 250, 700] {
        assert_eq!(runs("let keep = 1;")["status"], "ok");
        let cell = client.execute(":clear\nlet later = 2;");
        // Wherever this comes, what is said of it has to be true.
        thread::sleep(Duration::from_millis(delay));
        client.send(Channel::Control, "interrupt_request", &json!({})).reply();
        let said = reply(&client, &cell);
        let is_untouched = said["evalue"] == "the cell was interrupted before it had begun";
        let has_run = said["status"] == "ok";
        assert!(has_run || said["ename"] == "Interrupted", "{delay}: {said}");
        if !is_untouched {
            assert!(
                !said["traceback"].to_string().contains("is as it was"),
                "{delay}: {said}"
            );
        }
        assert_eq!(runs("keep")["status"] == "ok", is_untouched, "{delay}: {said}");
        assert_eq!(runs("later")["status"] == "ok", has_run, "{delay}: {said}");
    }
    client.send_shutdown();
    assert!(process.wait().success());
}
