//! An engine that compiles nothing: it interprets a few commands, one a line, so that everything around an engine can be
//! tested in milliseconds.
//!
//! | line | does |
//! |---|---|
//! | `print TEXT`, `eprint TEXT` | a line on stdout or stderr |
//! | `write TEXT` | text on stdout without the end of the line |
//! | `lines N` | the numbers from 0 to N, a line each, on stdout |
//! | `display TEXT`, `display_id ID TEXT`, `update ID TEXT` | displays |
//! | `clear`, `clear_wait` | clears the output |
//! | `sleep MILLISECONDS` | can be interrupted |
//! | `stubborn MILLISECONDS` | takes as long, and cannot be interrupted |
//! | `value TEXT` | the value of the cell |
//! | `optimisation` | the level that was set, as the value of the cell |
//! | `panic TEXT`, `error NAME TEXT` | user code that fails |
//! | `input PROMPT`, `password PROMPT` | asks, and prints the answer |
//! | `var NAME`, `fn NAME` | defines a variable or an item |
//! | `crash TEXT` | the engine itself panics |
//! | `slow_reset MILLISECONDS`, `crashing_reset TEXT` | from now on a reset takes as long, or panics |

use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};

use super::{Completion, Completions, Engine, Evaluation, Interrupter, Variable};
use crate::outputs::{CellError, InputError, MimeBundle, Stream};

/// See the [module](self).
#[derive(Default)]
pub struct FakeEngine {
    variables: Vec<Variable>,
    items: Vec<String>,
    optimisation: String,
    stop: Arc<StopSwitch>,
    /// How often [`Engine::warm_up`] still has something to do.
    warm_ups: u32,
    /// Told when the first of them begins; that one ends when somebody waits.
    warms_up: Option<Sender<()>>,
    reset_time: Duration,
    reset_panic: Option<String>,
}

/// More than any test waits.
const LONG: Duration = Duration::from_secs(120);

impl FakeEngine {
    /// An engine that has nothing to do ahead of need.
    pub fn new() -> Self {
        Self::default()
    }

    /// An engine that warms up in this many steps.
    #[must_use]
    pub fn with_warm_ups(self, warm_ups: u32) -> Self {
        Self { warm_ups, ..self }
    }

    /// An engine that says so when it warms up, and does not end with that before it is told to hurry.
    #[must_use]
    pub fn with_long_warm_up(self, begins: Sender<()>) -> Self {
        Self {
            warms_up: Some(begins),
            ..self
        }
    }

    fn line(&mut self, line: &str, evaluation: &Evaluation<'_>) -> Result<Option<MimeBundle>, CellError> {
        let outputs = &evaluation.outputs;
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (word, text) = rest.split_once(' ').unwrap_or((rest, ""));
        match command {
            "" => {}
            "print" => outputs.stream(Stream::Stdout, &format!("{rest}\n")),
            "eprint" => outputs.stream(Stream::Stderr, &format!("{rest}\n")),
            "write" => outputs.stream(Stream::Stdout, rest),
            "lines" => (0..number(rest)?).for_each(|line| outputs.stream(Stream::Stdout, &format!("{line}\n"))),
            "display" => outputs.display(bundle(rest), Map::new(), None),
            "display_id" => outputs.display(bundle(text), Map::new(), Some(word)),
            "update" => outputs.update_display(bundle(text), Map::new(), word),
            "clear" => outputs.clear_output(false),
            "clear_wait" => outputs.clear_output(true),
            "sleep" => self.stop.sleep(Duration::from_millis(number(rest)?))?,
            "stubborn" => std::thread::sleep(Duration::from_millis(number(rest)?)),
            "value" => return Ok(Some(bundle(rest))),
            "optimisation" => return Ok(Some(bundle(&self.optimisation))),
            "panic" => return Err(CellError::new("Panic", rest)),
            "error" => return Err(CellError::new(word, text)),
            "input" | "password" => {
                let answer = outputs
                    .input(rest, command == "password")
                    .map_err(|error| match error {
                        InputError::NotAllowed => CellError::new("StdinNotAllowed", "this client cannot ask its user"),
                        InputError::Interrupted => interrupted(),
                    })?;
                outputs.stream(Stream::Stdout, &format!("{answer}\n"));
            }
            "var" => self.variables.push(Variable {
                name: rest.to_owned(),
                type_name: "i32".to_owned(),
            }),
            "fn" => self.items.push(rest.to_owned()),
            "slow_reset" => self.reset_time = Duration::from_millis(number(rest)?),
            "crashing_reset" => self.reset_panic = Some(rest.to_owned()),
            #[expect(clippy::panic, reason = "this is what the command is for")]
            "crash" => panic!("{rest}"),
            _ => {
                return Err(CellError::new(
                    "CompileError",
                    format!("there is no command `{command}`"),
                ));
            }
        }
        Ok(None)
    }
}

impl Engine for FakeEngine {
    fn evaluate(&mut self, evaluation: &Evaluation<'_>) -> Result<Option<MimeBundle>, CellError> {
        self.stop.begin();
        if evaluation.outputs.is_interrupted() {
            return Err(interrupted());
        }
        let mut value = None;
        for line in evaluation.code.lowered().lines() {
            value = self.line(line.trim(), evaluation)?;
        }
        Ok(value)
    }

    fn complete(&mut self, code: &str, offset: usize) -> Completions {
        let before = code.get(..offset).unwrap_or_default();
        let start = before.trim_end_matches(char::is_alphanumeric).len();
        let names = ["print", "panic"]
            .into_iter()
            .filter(|name| name.starts_with(&before[start..]));
        let item = |name: &str| Completion {
            text: name.to_owned(),
            label: format!("{name}(…)"),
            kind: "function".to_owned(),
        };
        Completions {
            items: names.map(item).collect(),
            start,
            end: offset,
        }
    }

    fn inspect(&mut self, code: &str, offset: usize) -> Option<MimeBundle> {
        code.get(offset..)?
            .starts_with("print")
            .then(|| bundle("prints a line"))
    }

    fn variables(&self) -> Vec<Variable> {
        self.variables.clone()
    }

    fn items(&self) -> Vec<String> {
        self.items.clone()
    }

    #[expect(clippy::panic, reason = "a test has asked for it")]
    fn reset(&mut self) -> Result<(), CellError> {
        std::thread::sleep(self.reset_time);
        if let Some(panic) = &self.reset_panic {
            panic!("{panic}");
        }
        self.variables.clear();
        self.items.clear();
        Ok(())
    }

    fn set_optimisation(&mut self, level: &str) {
        level.clone_into(&mut self.optimisation);
    }

    fn interrupter(&self) -> Arc<dyn Interrupter> {
        Arc::clone(&self.stop) as Arc<dyn Interrupter>
    }

    fn warm_up(&mut self) -> bool {
        if let Some(begins) = self.warms_up.take() {
            self.stop.work_ahead(&begins);
            return true;
        }
        self.warm_ups = self.warm_ups.saturating_sub(1);
        self.warm_ups > 0
    }
}

fn bundle(text: &str) -> MimeBundle {
    MimeBundle::from_iter([("text/plain".to_owned(), Value::from(text))])
}

fn number(text: &str) -> Result<u64, CellError> {
    text.parse()
        .map_err(|error| CellError::new("CompileError", format!("`{text}`: {error}")))
}

fn interrupted() -> CellError {
    CellError::new("Interrupted", "the cell was interrupted")
}

/// Ends a sleep from another thread.
#[derive(Default)]
struct StopSwitch {
    state: Mutex<Switched>,
    changed: Condvar,
}

#[derive(Default)]
struct Switched {
    stopped: Stopped,
    works_ahead: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Stopped {
    #[default]
    No,
    /// Until the next evaluation.
    Interrupted,
    /// For good.
    Killed,
}

impl StopSwitch {
    fn lock(&self) -> MutexGuard<'_, Switched> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) {
        let mut state = self.lock();
        if state.stopped == Stopped::Interrupted {
            state.stopped = Stopped::No;
        }
    }

    fn sleep(&self, time: Duration) -> Result<(), CellError> {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), time, |state| state.stopped == Stopped::No);
        match waited.unwrap_or_else(PoisonError::into_inner).0.stopped {
            Stopped::No => Ok(()),
            Stopped::Interrupted | Stopped::Killed => Err(interrupted()),
        }
    }

    fn work_ahead(&self, begins: &Sender<()>) {
        let mut state = self.lock();
        state.works_ahead = true;
        let _ = begins.send(());
        let goes_on = |state: &mut Switched| state.works_ahead && state.stopped != Stopped::Killed;
        drop(self.changed.wait_timeout_while(state, LONG, goes_on));
    }

    fn stop(&self, how: Stopped) {
        let mut state = self.lock();
        state.stopped = how.max(state.stopped);
        self.changed.notify_all();
    }
}

impl Interrupter for StopSwitch {
    fn interrupt(&self) {
        self.stop(Stopped::Interrupted);
    }

    fn hurry(&self) {
        self.lock().works_ahead = false;
        self.changed.notify_all();
    }

    fn kill(&self) {
        self.stop(Stopped::Killed);
    }
}
