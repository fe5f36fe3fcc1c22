//! How the other threads reach the one thread that owns the engine.
//!
//! The engine is made in that thread, in the background, and takes seconds to start: evaluations wait for it, everything else is
//! answered at once with what is known. If the engine panics, the evaluation fails and a new engine is started.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Completions, Engine, Evaluation, Interrupter, Variable};
use crate::handlers::panic_message;
use crate::outputs::{CellError, MimeBundle, Outputs};
use crate::source_map::SourceMap;

/// How long nobody must want anything before the engine may work ahead.
const IDLE: Duration = Duration::from_millis(300);
/// How long shutting down waits for the engine's thread.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// An interrupt this soon after an evaluation began may have reached the engine before the evaluation did...
const JUST_BEGUN: Duration = Duration::from_millis(20);
/// ...and is said again after this time, if the evaluation still runs.
const SAY_AGAIN: Duration = Duration::from_millis(100);

/// What the engine is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineStatus {
    /// It is not there yet; evaluations wait for it.
    Starting,
    /// It waits for work.
    Ready,
    /// It compiles or runs a cell.
    Busy,
    /// It could not start; evaluations fail with this error. A reset tries again.
    Failed(CellError),
    /// It was shut down.
    Stopped,
}

/// The result of an evaluation: the value of the last expression, if it has one.
pub type EvaluationResult = Result<Option<MimeBundle>, CellError>;

/// A handle on the engine and its thread; usable from any thread. Dropping it shuts the engine down.
pub struct EngineHandle {
    shared: Arc<Shared>,
    commands: Sender<Command>,
}

enum Command {
    Evaluate { ticket: u64, code: SourceMap, outputs: Arc<dyn Outputs> },
    /// A question that is void after its deadline: whoever asked has gone.
    Ask { deadline: Instant, question: Box<dyn FnOnce(&mut dyn Engine) + Send> },
    Reset(Sender<Result<(), CellError>>),
    Stop,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    status: EngineStatus,
    interrupter: Option<Arc<dyn Interrupter>>,
    /// Evaluations that have not ended, in the order in which they came.
    tickets: BTreeMap<u64, Ticket>,
    next_ticket: u64,
    variables: Arc<[Variable]>,
    items: Arc<[String]>,
    thread_ended: bool,
}

struct Ticket {
    answer: Sender<EvaluationResult>,
    /// None while it waits for the engine.
    began: Option<Instant>,
}

impl EngineHandle {
    /// Starts the thread, and in it an engine. The factory is called again if the engine has to be replaced.
    pub fn spawn(factory: impl Fn() -> Result<Box<dyn Engine>, CellError> + Send + 'static) -> Self {
        let (commands, receiver) = mpsc::channel();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                status: EngineStatus::Starting,
                interrupter: None,
                tickets: BTreeMap::new(),
                next_ticket: 0,
                variables: Arc::from([]),
                items: Arc::from([]),
                thread_ended: false,
            }),
            changed: Condvar::new(),
        });
        let owner = Owner { factory: Box::new(factory), shared: Arc::clone(&shared), engine: None };
        if let Err(error) = thread::Builder::new().name("engine".to_owned()).spawn(move || owner.run(&receiver)) {
            let failed = CellError::new("EngineFailed", format!("the engine's thread cannot be started: {error}"));
            let mut state = shared.lock();
            state.thread_ended = true;
            state.status = EngineStatus::Failed(failed);
        }
        Self { shared, commands }
    }

    /// What the engine is doing.
    pub fn status(&self) -> EngineStatus {
        self.shared.lock().status.clone()
    }

    /// Waits until the engine has started, or could not, or the time is over; returns what it is doing then.
    pub fn wait_until_started(&self, timeout: Duration) -> EngineStatus {
        let starting = |state: &mut State| state.status == EngineStatus::Starting;
        let waited = self.shared.changed.wait_timeout_while(self.shared.lock(), timeout, starting);
        waited.unwrap_or_else(PoisonError::into_inner).0.status.clone()
    }

    /// Runs code to its end, after waiting for the engine to start and for evaluations that came before.
    /// [`interrupt`](Self::interrupt) ends the waiting too.
    pub fn evaluate(&self, code: SourceMap, outputs: Arc<dyn Outputs>) -> EvaluationResult {
        let (answer, receiver) = mpsc::channel();
        {
            let mut state = self.shared.lock();
            match &state.status {
                EngineStatus::Stopped => return Err(stopped()),
                EngineStatus::Failed(error) => return Err(error.clone()),
                EngineStatus::Starting | EngineStatus::Ready | EngineStatus::Busy => {}
            }
            let ticket = state.next_ticket;
            state.next_ticket += 1;
            state.tickets.insert(ticket, Ticket { answer, began: None });
            // Sent under the lock, so that tickets and commands have one order.
            let command = Command::Evaluate { ticket, code, outputs };
            if self.commands.send(command).is_err() {
                state.tickets.remove(&ticket);
                return Err(stopped());
            }
        }
        receiver.recv().unwrap_or_else(|_| Err(stopped()))
    }

    /// Completion candidates; none at once while the engine starts or runs a cell, and none after the timeout.
    pub fn try_complete(&self, code: &str, offset: usize, timeout: Duration) -> Option<Completions> {
        let code = code.to_owned();
        self.ask(timeout, move |engine| engine.complete(&code, offset))
    }

    /// Documentation; none at once while the engine starts or runs a cell, and none after the timeout.
    pub fn try_inspect(&self, code: &str, offset: usize, timeout: Duration) -> Option<Option<MimeBundle>> {
        let code = code.to_owned();
        self.ask(timeout, move |engine| engine.inspect(&code, offset))
    }

    fn ask<T: Send + 'static>(
        &self,
        timeout: Duration,
        question: impl FnOnce(&mut dyn Engine) -> T + Send + 'static,
    ) -> Option<T> {
        if self.shared.lock().status != EngineStatus::Ready {
            return None;
        }
        let (answer, receiver) = mpsc::channel();
        let question = Box::new(move |engine: &mut dyn Engine| {
            // Whoever asked may have given up waiting.
            let _ = answer.send(question(engine));
        });
        self.commands.send(Command::Ask { deadline: Instant::now() + timeout, question }).ok()?;
        receiver.recv_timeout(timeout).ok()
    }

    /// The variables as they were after the last evaluation.
    pub fn variables(&self) -> Arc<[Variable]> {
        Arc::clone(&self.shared.lock().variables)
    }

    /// Names of the items that cells had defined after the last evaluation.
    pub fn items(&self) -> Arc<[String]> {
        Arc::clone(&self.shared.lock().items)
    }

    /// Forgets every variable and item. If the engine could not start, this tries again.
    pub fn reset(&self) -> Result<(), CellError> {
        let (answer, receiver) = mpsc::channel();
        if self.status() == EngineStatus::Stopped || self.commands.send(Command::Reset(answer)).is_err() {
            return Err(stopped());
        }
        receiver.recv().unwrap_or_else(|_| Err(stopped()))
    }

    /// Stops the running evaluation, and ends those that still wait; nothing when there is none.
    pub fn interrupt(&self) {
        let mut state = self.shared.lock();
        for (_, waiting) in state.tickets.extract_if(.., |_, ticket| ticket.began.is_none()) {
            let _ = waiting.answer.send(Err(interrupted()));
        }
        let running = state.tickets.iter().find_map(|(ticket, evaluation)| Some((*ticket, evaluation.began?)));
        let (Some((ticket, began)), Some(interrupter)) = (running, state.interrupter.clone()) else { return };
        drop(state);
        interrupter.interrupt();
        if began.elapsed() < JUST_BEGUN {
            let shared = Arc::clone(&self.shared);
            let again = move || {
                thread::sleep(SAY_AGAIN);
                if shared.lock().tickets.contains_key(&ticket) {
                    interrupter.interrupt();
                }
            };
            if let Err(error) = thread::Builder::new().name("interrupt".to_owned()).spawn(again) {
                tracing::warn!(%error, "cannot make sure that an interrupt has arrived");
            }
        }
    }

    /// Ends the engine, its processes and its thread, within bounds. Evaluations end with an error. A second call does nothing.
    pub fn shutdown(&self) {
        let interrupter = {
            let mut state = self.shared.lock();
            if state.status == EngineStatus::Stopped {
                return;
            }
            state.status = EngineStatus::Stopped;
            for (_, waiting) in state.tickets.extract_if(.., |_, ticket| ticket.began.is_none()) {
                let _ = waiting.answer.send(Err(stopped()));
            }
            self.shared.changed.notify_all();
            state.interrupter.clone()
        };
        if let Some(interrupter) = interrupter {
            interrupter.kill();
        }
        let _ = self.commands.send(Command::Stop);
        let running = |state: &mut State| !state.thread_ended;
        let waited = self.shared.changed.wait_timeout_while(self.shared.lock(), LAST_WORDS, running);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        for ticket in std::mem::take(&mut state.tickets).into_values() {
            let _ = ticket.answer.send(Err(stopped()));
        }
    }
}

impl Drop for EngineHandle {
    fn drop(&mut self) {
        self.shutdown();
    }
}

fn interrupted() -> CellError {
    CellError::new("Interrupted", "the cell was interrupted before it had begun")
}

fn stopped() -> CellError {
    CellError::new("EngineStopped", "the kernel is shutting down")
}

impl Shared {
    /// No state is ever left half changed, so a panic elsewhere is no reason to stop.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the status, unless the engine was shut down: that is for good. False then.
    fn set_status(&self, status: EngineStatus) -> bool {
        let mut state = self.lock();
        if state.status == EngineStatus::Stopped {
            return false;
        }
        state.status = status;
        self.changed.notify_all();
        true
    }
}

/// The thread that owns the engine.
struct Owner {
    factory: Box<dyn Fn() -> Result<Box<dyn Engine>, CellError> + Send>,
    shared: Arc<Shared>,
    engine: Option<Box<dyn Engine>>,
}

impl Owner {
    fn run(mut self, commands: &Receiver<Command>) {
        self.start();
        self.serve(commands);
        self.discard();
        let mut state = self.shared.lock();
        state.thread_ended = true;
        self.shared.changed.notify_all();
    }

    fn serve(&mut self, commands: &Receiver<Command>) {
        // None when there is nothing to do ahead of need.
        let mut until_warm_up = Some(IDLE);
        loop {
            let command = match until_warm_up {
                None => commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(delay) => commands.recv_timeout(delay),
            };
            match command {
                Ok(Command::Evaluate { ticket, code, outputs }) => {
                    self.evaluate(ticket, &code, outputs);
                    until_warm_up = Some(IDLE);
                }
                Ok(Command::Ask { deadline, question }) => {
                    if Instant::now() < deadline {
                        self.guarded("a question", |engine| question(engine));
                    }
                    until_warm_up = until_warm_up.map(|_| IDLE);
                }
                Ok(Command::Reset(answer)) => {
                    let _ = answer.send(self.reset());
                    until_warm_up = Some(IDLE);
                }
                Err(RecvTimeoutError::Timeout) => {
                    let more = self.guarded("warming up", |engine| engine.warm_up()).unwrap_or(false);
                    until_warm_up = more.then_some(Duration::ZERO);
                }
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Makes an engine, in place of the one there may be.
    fn start(&mut self) {
        self.discard();
        if !self.shared.set_status(EngineStatus::Starting) {
            return;
        }
        let made = catch_unwind(AssertUnwindSafe(|| (self.factory)())).unwrap_or_else(|panic| {
            let panic = panic_message(panic.as_ref());
            Err(CellError::new("EngineFailed", format!("the Rust engine could not start: {panic}")))
        });
        match made {
            Ok(engine) => {
                self.shared.lock().interrupter = Some(engine.interrupter());
                self.engine = Some(engine);
                if !self.shared.set_status(EngineStatus::Ready) {
                    // Shut down in the meantime, by someone who had no interrupter yet.
                    self.discard();
                }
            }
            Err(error) => {
                tracing::error!(error.evalue, "the engine could not start");
                self.fail_waiting(&error);
            }
        }
    }

    /// The engine cannot start: those who wait for it get to know why.
    fn fail_waiting(&self, error: &CellError) {
        let mut state = self.shared.lock();
        if state.status != EngineStatus::Stopped {
            state.status = EngineStatus::Failed(error.clone());
        }
        for ticket in std::mem::take(&mut state.tickets).into_values() {
            let _ = ticket.answer.send(Err(error.clone()));
        }
        self.shared.changed.notify_all();
    }

    /// Ends the engine's processes and forgets what it knew.
    fn discard(&mut self) {
        let Some(engine) = self.engine.take() else { return };
        let ended = catch_unwind(AssertUnwindSafe(move || {
            engine.interrupter().kill();
            drop(engine);
        }));
        if ended.is_err() {
            tracing::warn!("the engine panicked when it was ended");
        }
        let mut state = self.shared.lock();
        state.interrupter = None;
        state.variables = Arc::from([]);
        state.items = Arc::from([]);
    }

    fn evaluate(&mut self, ticket: u64, code: &SourceMap, outputs: Arc<dyn Outputs>) {
        {
            let mut state = self.shared.lock();
            // It may have been interrupted while it waited.
            let Some(evaluation) = state.tickets.get_mut(&ticket) else { return };
            evaluation.began = Some(Instant::now());
        }
        self.shared.set_status(EngineStatus::Busy);
        let Some(engine) = &mut self.engine else { return self.finish(ticket, Err(stopped())) };
        let result = catch_unwind(AssertUnwindSafe(|| engine.evaluate(&Evaluation { code, outputs })));
        match result {
            Ok(result) => {
                self.take_snapshot();
                self.shared.set_status(EngineStatus::Ready);
                self.finish(ticket, result);
            }
            Err(panic) => {
                self.shared.set_status(EngineStatus::Starting);
                self.finish(ticket, Err(engine_panicked(panic_message(panic.as_ref()))));
                self.start();
            }
        }
    }

    fn reset(&mut self) -> Result<(), CellError> {
        let Some(engine) = &mut self.engine else {
            self.start();
            return match &self.shared.lock().status {
                EngineStatus::Failed(error) => Err(error.clone()),
                _ => Ok(()),
            };
        };
        self.shared.set_status(EngineStatus::Busy);
        match catch_unwind(AssertUnwindSafe(|| engine.reset())) {
            Ok(result) => {
                self.take_snapshot();
                self.shared.set_status(EngineStatus::Ready);
                result
            }
            Err(panic) => {
                let error = engine_panicked(panic_message(panic.as_ref()));
                self.start();
                Err(error)
            }
        }
    }

    fn take_snapshot(&mut self) {
        let snapshot = self.guarded("listing variables", |engine| (engine.variables(), engine.items()));
        if let Some((variables, items)) = snapshot {
            let mut state = self.shared.lock();
            state.variables = variables.into();
            state.items = items.into();
        }
    }

    fn finish(&self, ticket: u64, result: EvaluationResult) {
        if let Some(ticket) = self.shared.lock().tickets.remove(&ticket) {
            let _ = ticket.answer.send(result);
        }
    }

    /// Something that changes no variable: a panic in it costs the answer, not the engine.
    fn guarded<T>(&mut self, what: &str, action: impl FnOnce(&mut dyn Engine) -> T) -> Option<T> {
        let engine = self.engine.as_mut()?;
        match catch_unwind(AssertUnwindSafe(|| action(engine.as_mut()))) {
            Ok(answer) => Some(answer),
            Err(panic) => {
                tracing::warn!(what, panic = panic_message(panic.as_ref()), "the engine panicked");
                None
            }
        }
    }
}

fn engine_panicked(panic: &str) -> CellError {
    CellError::new("EnginePanicked", format!("the Rust engine broke down: {panic}")).with_help(
        "It has been started again. Variables and items of earlier cells are lost; steps saved in the pipeline are not.",
    )
}
