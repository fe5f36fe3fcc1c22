//! The handle on the engine's thread: starting, interrupting, breaking down, ending.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use pipulate_kernel::engine::fake::FakeEngine;
use pipulate_kernel::engine::handle::{EngineHandle, EngineStatus, EvaluationResult};
use pipulate_kernel::engine::{Engine, Variable};
use pipulate_kernel::outputs::{CellError, InputError, MimeBundle, Outputs, Stream};
use pipulate_kernel::source_map::SourceMap;
use serde_json::{Map, Value};

use crate::frontend::PATIENCE;

/// Passes on what is printed, and takes no interest in the rest.
struct Printed {
    sender: Mutex<Sender<String>>,
    interrupted: bool,
}

impl Outputs for Printed {
    fn stream(&self, _: Stream, text: &str) {
        let _ = self.sender.lock().unwrap().send(text.to_owned());
    }
    fn display(&self, _: MimeBundle, _: Map<String, Value>, _: Option<&str>) {}
    fn update_display(&self, _: MimeBundle, _: Map<String, Value>, _: &str) {}
    fn clear_output(&self, _: bool) {}
    fn execute_result(&self, _: MimeBundle, _: Map<String, Value>) {}
    fn input(&self, _: &str, _: bool) -> Result<String, InputError> {
        Err(InputError::NotAllowed)
    }
    fn is_interrupted(&self) -> bool {
        self.interrupted
    }
}

pub(crate) fn printed() -> (Arc<dyn Outputs>, Receiver<String>) {
    outputs(false)
}

/// Of a cell that was interrupted or not.
pub(crate) fn outputs(interrupted: bool) -> (Arc<dyn Outputs>, Receiver<String>) {
    let (sender, receiver) = mpsc::channel();
    let sender = Mutex::new(sender);
    (Arc::new(Printed { sender, interrupted }), receiver)
}

fn evaluate(handle: &EngineHandle, code: &str) -> EvaluationResult {
    handle.evaluate(SourceMap::identity(code), printed().0)
}

fn reset(handle: &EngineHandle) -> Result<(), CellError> {
    handle.reset(printed().0.as_ref(), || ())
}

fn fake() -> EngineHandle {
    EngineHandle::spawn(|| Ok(Box::new(FakeEngine::new())))
}

/// A handle whose engine has begun to start, and goes on when told to.
fn gated() -> (Arc<EngineHandle>, Sender<Result<(), CellError>>) {
    let (gate, told) = mpsc::channel::<Result<(), CellError>>();
    let (begin, begun) = mpsc::channel();
    let handle = EngineHandle::spawn(move || {
        let _ = begin.send(());
        told.recv().unwrap_or(Ok(()))?;
        Ok(Box::new(FakeEngine::new()) as Box<dyn Engine>)
    });
    begun.recv_timeout(PATIENCE).unwrap();
    (Arc::new(handle), gate)
}

#[test]
fn an_interrupt_does_not_wait_for_what_cannot_be_interrupted() {
    let handle = Arc::new(fake());
    handle.wait_until_started(PATIENCE);
    let (stubborn, printed) = in_background(&handle, "print begun\nstubborn 3500\nprint never seen");
    assert_eq!(printed.recv_timeout(PATIENCE).unwrap(), "begun\n");
    let begun = Instant::now();
    handle.interrupt();
    check_error(
        stubborn.join().unwrap(),
        "Interrupted",
        "the cell was stopped while it was being compiled",
    );
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    // The next one waits until the engine is free, and says so.
    let (next, printed) = in_background(&handle, "value 2");
    assert!(
        printed
            .recv_timeout(PATIENCE)
            .unwrap()
            .contains("still at the cell that was interrupted")
    );
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!(next.join().unwrap().unwrap().unwrap()["text/plain"], "2");
    assert!(begun.elapsed() > Duration::from_secs(3));
    // One that only takes long itself says nothing.
    let (stubborn, printed) = in_background(&handle, "stubborn 2300");
    assert!(stubborn.join().unwrap().is_ok());
    assert_eq!(printed.try_recv().ok(), None);
}

fn in_background(
    handle: &Arc<EngineHandle>,
    code: &'static str,
) -> (thread::JoinHandle<EvaluationResult>, Receiver<String>) {
    let handle = Arc::clone(handle);
    let (outputs, receiver) = printed();
    (
        thread::spawn(move || handle.evaluate(SourceMap::identity(code), outputs)),
        receiver,
    )
}

#[track_caller]
fn check_error(result: EvaluationResult, ename: &str, evalue: &str) {
    let error = result.unwrap_err();
    assert_eq!((error.ename.as_str(), error.evalue.as_str()), (ename, evalue));
}

#[test]
fn an_evaluation_waits_for_the_engine_and_nothing_else_does() {
    let (handle, gate) = gated();
    assert_eq!(handle.status(), EngineStatus::Starting);
    assert!(handle.try_complete("p", 1, PATIENCE).is_none());
    assert!(handle.try_inspect("print", 0, PATIENCE).is_none());
    assert!(handle.variables().is_empty() && handle.items().is_empty());
    let (waiting, _) = in_background(&handle, "value 1");
    gate.send(Ok(())).unwrap();
    assert_eq!(waiting.join().unwrap().unwrap().unwrap()["text/plain"], "1");
    assert_eq!(handle.status(), EngineStatus::Ready);
    assert_eq!(handle.try_complete("pr", 2, PATIENCE).unwrap().items.len(), 1);
    assert!(handle.try_inspect("print", 0, PATIENCE).unwrap().is_some());
}

#[test]
fn nothing_waits_for_a_running_evaluation() {
    let handle = Arc::new(fake());
    evaluate(&handle, "var a").unwrap();
    let (running, begun) = in_background(&handle, "var b\nprint begun\nsleep 20000");
    assert_eq!(begun.recv_timeout(PATIENCE).unwrap(), "begun\n");
    assert_eq!(handle.status(), EngineStatus::Busy);
    assert!(handle.try_complete("p", 1, PATIENCE).is_none());
    let a = Variable {
        name: "a".to_owned(),
        type_name: "i32".to_owned(),
    };
    assert_eq!(*handle.variables(), [a]);
    handle.interrupt();
    check_error(running.join().unwrap(), "Interrupted", "the cell was interrupted");
    assert_eq!(handle.variables().len(), 2);
    reset(&handle).unwrap();
    assert!(handle.variables().is_empty());
}

#[test]
fn an_interrupt_ends_the_wait_for_the_engine() {
    let (handle, gate) = gated();
    let (waiting, printed) = in_background(&handle, "print never");
    // Interrupted before it has asked is a no-op; say it until it has been heard.
    while !waiting.is_finished() {
        handle.interrupt();
        thread::yield_now();
    }
    check_error(
        waiting.join().unwrap(),
        "Interrupted",
        "the cell was interrupted before it had begun",
    );
    gate.send(Ok(())).unwrap();
    assert_eq!(handle.wait_until_started(PATIENCE), EngineStatus::Ready);
    evaluate(&handle, "value 1").unwrap();
    assert!(printed.recv().is_err(), "what was interrupted has run");
}

#[test]
fn a_cell_that_was_interrupted_before_it_came_is_not_run() {
    let handle = fake();
    let (outputs, printed) = outputs(true);
    let result = handle.evaluate(SourceMap::identity("print never"), outputs);
    check_error(result, "Interrupted", "the cell was interrupted before it had begun");
    assert!(printed.recv().is_err());
    evaluate(&handle, "value 1").unwrap();
}

#[test]
fn an_interrupt_when_idle_does_nothing() {
    let handle = fake();
    evaluate(&handle, "").unwrap();
    handle.interrupt();
    evaluate(&handle, "sleep 1").unwrap();
}

#[test]
fn an_engine_that_cannot_start_says_so_until_a_reset() {
    let (handle, gate) = gated();
    let (waiting, _) = in_background(&handle, "value 1");
    let error = CellError::new("NoCompiler", "rustc is not installed");
    gate.send(Err(error.clone())).unwrap();
    check_error(waiting.join().unwrap(), "NoCompiler", "rustc is not installed");
    assert_eq!(handle.status(), EngineStatus::Failed(error.clone()));
    check_error(evaluate(&handle, "value 1"), "NoCompiler", "rustc is not installed");
    gate.send(Err(error.clone())).unwrap();
    assert_eq!(reset(&handle), Err(error));
    gate.send(Ok(())).unwrap();
    reset(&handle).unwrap();
    evaluate(&handle, "value 1").unwrap();
}

#[test]
fn a_factory_that_panics_is_an_engine_that_cannot_start() {
    let handle = EngineHandle::spawn(|| panic!("no sysroot"));
    assert!(matches!(handle.wait_until_started(PATIENCE), EngineStatus::Failed(_)));
    check_error(
        evaluate(&handle, ""),
        "EngineFailed",
        "the Rust engine could not start: no sysroot",
    );
}

#[test]
fn an_engine_that_panics_is_replaced() {
    let made = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&made);
    let handle = EngineHandle::spawn(move || {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(FakeEngine::new()))
    });
    evaluate(&handle, "var a").unwrap();
    let error = evaluate(&handle, "crash attempt to subtract").unwrap_err();
    assert_eq!(error.evalue, "the Rust engine broke down: attempt to subtract");
    assert!(
        error
            .traceback
            .last()
            .unwrap()
            .contains("Variables and items of earlier cells are lost")
    );
    evaluate(&handle, "var b").unwrap();
    assert_eq!(made.load(Ordering::Relaxed), 2);
    assert_eq!(
        handle
            .variables()
            .iter()
            .map(|variable| variable.name.as_str())
            .collect::<Vec<_>>(),
        ["b"]
    );
}

/// Says when it warms up, and asks for more until it has done so three times.
struct Warming {
    fake: FakeEngine,
    told: Sender<u32>,
    times: u32,
}

impl Engine for Warming {
    fn evaluate(
        &mut self,
        evaluation: &pipulate_kernel::engine::Evaluation<'_>,
    ) -> Result<Option<MimeBundle>, CellError> {
        self.fake.evaluate(evaluation)
    }
    fn complete(&mut self, _: &str, _: usize) -> pipulate_kernel::engine::Completions {
        panic!("completion has a bug")
    }
    fn inspect(&mut self, code: &str, offset: usize) -> Option<MimeBundle> {
        self.fake.inspect(code, offset)
    }
    fn variables(&self) -> Vec<Variable> {
        self.fake.variables()
    }
    fn items(&self) -> Vec<String> {
        vec!["square".to_owned()]
    }
    fn reset(&mut self) -> Result<(), CellError> {
        self.fake.reset()
    }
    fn set_optimisation(&mut self, _: &str) {}
    fn interrupter(&self) -> Arc<dyn pipulate_kernel::engine::Interrupter> {
        self.fake.interrupter()
    }
    fn warm_up(&mut self) -> bool {
        self.times += 1;
        self.told.send(self.times).unwrap();
        self.times < 3
    }
}

fn warming() -> (EngineHandle, Receiver<u32>) {
    let (told, receiver) = mpsc::channel();
    let handle = EngineHandle::spawn(move || {
        Ok(Box::new(Warming {
            fake: FakeEngine::new(),
            told: told.clone(),
            times: 0,
        }) as Box<dyn Engine>)
    });
    (handle, receiver)
}

#[test]
fn an_idle_engine_warms_up_until_it_has_nothing_more_to_do() {
    let (handle, warmed) = warming();
    let times: Vec<u32> = (0..3).map(|_| warmed.recv_timeout(PATIENCE).unwrap()).collect();
    assert_eq!(times, [1, 2, 3]);
    evaluate(&handle, "").unwrap();
    assert_eq!(*handle.items(), ["square".to_owned()]);
    // A cell may have left it something to do: it is asked again, once.
    assert_eq!(warmed.recv_timeout(PATIENCE).unwrap(), 4);
    handle.shutdown();
    assert!(warmed.recv().is_err());
}

#[test]
fn a_panic_in_a_question_costs_the_answer_and_no_variable() {
    let (handle, _warmed) = warming();
    evaluate(&handle, "var a").unwrap();
    assert!(handle.try_complete("p", 1, PATIENCE).is_none());
    assert_eq!(handle.variables().len(), 1);
    evaluate(&handle, "value 1").unwrap();
    assert_eq!(handle.variables().len(), 1);
}

#[test]
fn shutdown_ends_everything_once_and_for_all() {
    let handle = Arc::new(fake());
    let (running, begun) = in_background(&handle, "print begun\nsleep 20000");
    begun.recv_timeout(PATIENCE).unwrap();
    let (waiting, never) = in_background(&handle, "print never");
    let begun = Instant::now();
    handle.shutdown();
    handle.shutdown();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(running.join().unwrap().is_err());
    check_error(waiting.join().unwrap(), "EngineStopped", "the kernel is shutting down");
    assert!(never.recv().is_err());
    check_error(
        evaluate(&handle, "value 1"),
        "EngineStopped",
        "the kernel is shutting down",
    );
    assert!(reset(&handle).is_err());
    assert_eq!(handle.status(), EngineStatus::Stopped);
    assert!(handle.try_complete("p", 1, PATIENCE).is_none());
}

#[test]
fn shutdown_does_not_wait_for_an_engine_that_is_starting() {
    let (handle, gate) = gated();
    let (waiting, _) = in_background(&handle, "value 1");
    handle.shutdown();
    check_error(waiting.join().unwrap(), "EngineStopped", "the kernel is shutting down");
    // The engine that comes up after all is ended at once; nobody sees it ready.
    gate.send(Ok(())).unwrap();
    assert_eq!(handle.wait_until_started(PATIENCE), EngineStatus::Stopped);
}
