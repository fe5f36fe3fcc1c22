//! The thread that owns the engine: it makes it, gives it its work, and replaces it when it has broken down.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Command, EngineStatus, EvaluationResult, Shared, stopped};
use crate::engine::{Engine, Evaluation};
use crate::handlers::panic_message;
use crate::outputs::{CellError, Outputs};
use crate::source_map::SourceMap;

/// How long nobody must want anything before the engine may work ahead.
const IDLE: Duration = Duration::from_millis(300);

type Factory = Box<dyn Fn() -> Result<Box<dyn Engine>, CellError> + Send>;

/// The thread that owns the engine.
pub(super) struct Owner {
    factory: Factory,
    shared: Arc<Shared>,
    engine: Option<Box<dyn Engine>>,
    /// As it was set; an engine begins with a level of its own.
    optimisation: Option<String>,
}

impl Owner {
    /// An owner without an engine; [`run`](Self::run) makes one.
    pub(super) fn new(factory: Factory, shared: Arc<Shared>) -> Self {
        Self {
            factory,
            shared,
            engine: None,
            optimisation: None,
        }
    }

    /// Starts an engine and obeys until told to stop.
    pub(super) fn run(mut self, commands: &Receiver<Command>) {
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
                Ok(Command::Reset(ticket)) => {
                    self.reset(ticket);
                    until_warm_up = Some(IDLE);
                }
                Ok(Command::Optimise(level)) => {
                    self.guarded("a setting", |engine| engine.set_optimisation(&level));
                    self.optimisation = Some(level);
                    until_warm_up = until_warm_up.map(|_| IDLE);
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
            Err(CellError::new(
                "EngineFailed",
                format!("the Rust engine could not start: {panic}"),
            ))
        });
        match made {
            Ok(engine) => {
                self.shared.lock().interrupter = Some(engine.interrupter());
                self.engine = Some(engine);
                if let Some(level) = self.optimisation.clone() {
                    self.guarded("a setting", |engine| engine.set_optimisation(&level));
                }
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
            ticket.end(Err(error.clone()));
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
        if !self.begin(ticket) {
            return;
        }
        self.shared.set_status(EngineStatus::Busy);
        let Some(engine) = &mut self.engine else {
            return self.finish(ticket, Err(stopped()));
        };
        let result = catch_unwind(AssertUnwindSafe(|| engine.evaluate(&Evaluation { code, outputs })));
        self.settle(ticket, result);
    }

    fn reset(&mut self, ticket: u64) {
        if self.engine.is_none() && self.shared.lock().tickets.contains_key(&ticket) {
            // Nothing is there to forget, so the reset has not begun and an interrupt ends the wait.
            self.start();
            if self.begin(ticket) {
                self.finish(ticket, Ok(None));
            }
            return;
        }
        if !self.begin(ticket) {
            return;
        }
        self.shared.set_status(EngineStatus::Busy);
        let Some(engine) = &mut self.engine else {
            return self.finish(ticket, Err(stopped()));
        };
        let result = catch_unwind(AssertUnwindSafe(|| engine.reset().map(|()| None)));
        self.settle(ticket, result);
    }

    /// False if it was interrupted while it waited.
    fn begin(&self, ticket: u64) -> bool {
        let mut state = self.shared.lock();
        let Some(ticket) = state.tickets.get_mut(&ticket) else {
            return false;
        };
        ticket.began = true;
        true
    }

    /// The engine has come to an end with what it was given, or broken down amid it.
    fn settle(&mut self, ticket: u64, result: thread::Result<EvaluationResult>) {
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

    fn take_snapshot(&mut self) {
        let snapshot = self.guarded("listing variables", |engine| (engine.variables(), engine.items()));
        if let Some((variables, items)) = snapshot {
            let mut state = self.shared.lock();
            state.variables = variables.into();
            state.items = items.into();
        }
    }

    fn finish(&self, ticket: u64, result: EvaluationResult) {
        let mut state = self.shared.lock();
        state.is_behind = false;
        if let Some(ticket) = state.tickets.remove(&ticket) {
            ticket.end(result);
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
