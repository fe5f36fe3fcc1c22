//! How the other threads reach the one thread that owns the engine.
//!
//! The engine is made in that thread, in the background, and takes seconds to start: evaluations wait for it, everything else is
//! answered at once with what is known. If the engine panics, the evaluation fails and a new engine is started.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use self::owner::Owner;
use super::{Completions, Engine, Interrupter, Variable};
use crate::outputs::{CellError, MimeBundle, Outputs, Stream};
use crate::source_map::SourceMap;

mod owner;

/// The stack of the engine's thread. rust-analyzer reads nested code by recursion, and an overflow would end the kernel.
const STACK: usize = 512 * 1024 * 1024;
/// How long shutting down waits for the engine's thread.
const LAST_WORDS: Duration = Duration::from_secs(2);

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
    Evaluate {
        ticket: u64,
        code: SourceMap,
        outputs: Arc<dyn Outputs>,
    },
    /// A question that is void after its deadline: whoever asked has gone.
    Ask {
        deadline: Instant,
        question: Question,
    },
    /// By its ticket.
    Reset(u64),
    /// Holds for later engines too.
    Optimise(String),
    Stop,
}

/// How long an interrupted evaluation may take to end before it is left alone.
const PROMPT: Duration = Duration::from_millis(100);
/// How long stopping user code may take, variables put back included, before it is ended the hard way.
const PATIENCE: Duration = Duration::from_secs(7);

/// How long a cell waits in silence behind one that was left alone.
const SILENCE: Duration = Duration::from_secs(2);
const WAITING: &str = "The compiler is still at the cell that was interrupted: what it does there cannot be stopped. This cell runs when it is \
                       done. A restart of the kernel ends the wait, and the variables.\n";

type Question = Box<dyn FnOnce(&mut dyn Engine) + Send>;

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    status: EngineStatus,
    interrupter: Option<Arc<dyn Interrupter>>,
    /// Evaluations and resets that have not ended, in the order in which they came.
    tickets: BTreeMap<u64, Ticket>,
    next_ticket: u64,
    variables: Arc<[Variable]>,
    items: Arc<[String]>,
    thread_ended: bool,
    /// The engine is at an evaluation that was interrupted and [left alone](Shared::abandon), or at such a reset.
    is_behind: bool,
}

struct Ticket {
    answer: Sender<Answer>,
    is_reset: bool,
    /// False while it waits for the engine.
    began: bool,
}

/// How an evaluation or a reset ended.
struct Answer {
    result: EvaluationResult,
    began: bool,
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
                is_behind: false,
            }),
            changed: Condvar::new(),
        });
        let owner = Owner::new(Box::new(factory), Arc::clone(&shared));
        if let Err(error) = thread::Builder::new()
            .name("engine".to_owned())
            .stack_size(STACK)
            .spawn(move || owner.run(&receiver))
        {
            let failed = CellError::new(
                "EngineFailed",
                format!("the engine's thread cannot be started: {error}"),
            );
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
        let waited = self
            .shared
            .changed
            .wait_timeout_while(self.shared.lock(), timeout, starting);
        waited.unwrap_or_else(PoisonError::into_inner).0.status.clone()
    }

    /// Runs code to its end, after waiting for the engine to start and for evaluations that came before.
    /// [`interrupt`](Self::interrupt) ends the waiting too.
    pub fn evaluate(&self, code: SourceMap, outputs: Arc<dyn Outputs>) -> EvaluationResult {
        let own_outputs = Arc::clone(&outputs);
        let command = |ticket| Command::Evaluate { ticket, code, outputs };
        self.request(false, own_outputs.as_ref(), command).result
    }

    /// Has the engine's thread evaluate or reset, and waits for that.
    fn request(&self, is_reset: bool, outputs: &dyn Outputs, command: impl FnOnce(u64) -> Command) -> Answer {
        let in_vain = |error| Answer {
            result: Err(error),
            began: false,
        };
        let (answer, receiver) = mpsc::channel();
        let (interrupter, ticket) = {
            let mut state = self.shared.lock();
            match &state.status {
                EngineStatus::Stopped => return in_vain(stopped()),
                EngineStatus::Failed(error) if !is_reset => return in_vain(error.clone()),
                _ => {}
            }
            // An interrupt that came before there was a ticket to cancel.
            if outputs.is_interrupted() {
                return in_vain(interrupted());
            }
            let ticket = state.next_ticket;
            state.next_ticket += 1;
            let entry = Ticket {
                answer,
                is_reset,
                began: false,
            };
            state.tickets.insert(ticket, entry);
            // Sent under the lock, so that tickets and commands have one order.
            if self.commands.send(command(ticket)).is_err() {
                state.tickets.remove(&ticket);
                return in_vain(stopped());
            }
            (state.interrupter.clone(), ticket)
        };
        // What is done ahead of need can wait; whoever asks now cannot.
        if let Some(interrupter) = interrupter {
            interrupter.hurry();
        }
        if let Ok(answer) = receiver.recv_timeout(SILENCE) {
            return answer;
        }
        if self.shared.lock().is_waiting_behind(ticket) {
            outputs.stream(Stream::Stderr, WAITING);
        }
        receiver.recv().unwrap_or_else(|_| in_vain(stopped()))
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
        self.commands
            .send(Command::Ask {
                deadline: Instant::now() + timeout,
                question,
            })
            .ok()?;
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

    /// Forgets every variable and item, after waiting for evaluations that came before. If the engine could not start, this tries
    /// again. [`interrupt`](Self::interrupt) ends the waiting; a reset that has begun goes to its end all the same. `forget` is
    /// called if it has begun, however it ends.
    pub fn reset(&self, outputs: &dyn Outputs, forget: impl FnOnce()) -> Result<(), CellError> {
        let Answer { result, began } = self.request(true, outputs, Command::Reset);
        if began {
            forget();
        }
        result.map(|_| ())
    }

    /// Sets how much cells that come later are optimised: rustc's `opt-level`. Waits for nothing.
    pub fn set_optimisation(&self, level: &str) {
        // An engine that has stopped compiles no cells.
        let _ = self.commands.send(Command::Optimise(level.to_owned()));
    }

    /// Stops the running evaluation, and ends those that still wait; nothing when there is none. A running reset is left alone.
    pub fn interrupt(&self) {
        let mut state = self.shared.lock();
        for (_, waiting) in state.tickets.extract_if(.., |_, ticket| !ticket.began) {
            waiting.end(Err(interrupted()));
        }
        let resets: Vec<_> = state.tickets.extract_if(.., |_, ticket| ticket.is_reset).collect();
        for (_, reset) in resets {
            state.is_behind = true;
            // The next cell is prepared before the engine is free.
            state.variables = Arc::from([]);
            state.items = Arc::from([]);
            reset.end(Err(interrupted_reset()));
        }
        let running: Vec<u64> = state.tickets.keys().copied().collect();
        let interrupter = state.interrupter.clone().filter(|_| !running.is_empty());
        drop(state);
        if let Some(interrupter) = interrupter {
            interrupter.interrupt();
            let shared = Arc::clone(&self.shared);
            // Without a thread, the interrupt takes as long as the engine does.
            let _ = thread::Builder::new()
                .name("interrupt".to_owned())
                .spawn(move || shared.abandon(&running, interrupter.as_ref()));
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
            for (_, waiting) in state.tickets.extract_if(.., |_, ticket| !ticket.began) {
                waiting.end(Err(stopped()));
            }
            self.shared.changed.notify_all();
            state.interrupter.clone()
        };
        let _ = self.commands.send(Command::Stop);
        // An engine that is only starting cannot be told to stop, and is not worth waiting for: it ends as it comes up.
        let Some(interrupter) = interrupter else { return };
        interrupter.kill();
        let running = |state: &mut State| !state.thread_ended;
        let waited = self
            .shared
            .changed
            .wait_timeout_while(self.shared.lock(), LAST_WORDS, running);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        for ticket in std::mem::take(&mut state.tickets).into_values() {
            ticket.end(Err(stopped()));
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

fn interrupted_reset() -> CellError {
    CellError::new(
        "Interrupted",
        "the cell was interrupted while every variable and item was being forgotten",
    )
    .with_help("They are gone. What comes after that in the cell has not run.")
}

fn stopped() -> CellError {
    CellError::new("EngineStopped", "the kernel is shutting down")
}

impl Ticket {
    fn end(self, result: EvaluationResult) {
        // Whoever asked may have gone.
        let _ = self.answer.send(Answer {
            result,
            began: self.began,
        });
    }
}

impl State {
    /// Whether an evaluation or a reset has not begun because the engine is at one that was left
    /// alone.
    fn is_waiting_behind(&self, ticket: u64) -> bool {
        self.is_behind && self.tickets.get(&ticket).is_some_and(|ticket| !ticket.began)
    }
}

impl Shared {
    /// No state is ever left half changed, so a panic elsewhere is no reason to stop.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends interrupted evaluations that do not end by themselves: of what rust-analyzer does, nothing can be stopped. The engine
    /// comes to itself later; it runs nothing of such a cell.
    fn abandon(&self, tickets: &[u64], interrupter: &dyn Interrupter) {
        let begun = Instant::now();
        let mut insisted = false;
        while begun.elapsed() < PROMPT || interrupter.is_at_user_code() {
            thread::sleep(Duration::from_millis(5));
            // It may be stopped at any time.
            interrupter.resume();
            if !insisted && begun.elapsed() >= PATIENCE {
                insisted = true;
                interrupter.insist();
            }
            let state = self.lock();
            if !tickets.iter().any(|ticket| state.tickets.contains_key(ticket)) {
                return;
            }
        }
        let mut state = self.lock();
        for ticket in tickets {
            if let Some(ticket) = state.tickets.remove(ticket) {
                state.is_behind = true;
                ticket.end(Err(CellError::new(
                    "Interrupted",
                    "the cell was stopped while it was being compiled",
                )
                .with_help("Every variable is as it was.")));
            }
        }
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
