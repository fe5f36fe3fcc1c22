//! What magics become in a notebook's cells.
//!
//! A cell runs in a process of its own, without a store. It reaches the kernel over a socket whose path is in the
//! environment, and the kernel keeps the state. The functions here are what the kernel lowers magics to; plain Rust in
//! a cell uses [`job`] and [`pip`], which the kernel binds to the variables of those names.
//!
//! A function that fails tells the kernel why, and unwinds: the kernel reports the one error, and the cell's variables
//! stay as a panic would leave them.

use std::io::Write;
use std::panic::resume_unwind;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::state::fault_in_choice;
use crate::{Error, Job, Pip};

mod answer;
mod connection;
pub mod protocol;

pub use protocol::InputRequest;
use protocol::{DisplayRequest, Failure, Reply, Request};

/// How often the user is asked for a value before the cell fails.
pub const ATTEMPTS: usize = 5;

/// Binds the named variables, `job` and `pip`, for the rest of the cell.
///
/// ```ignore
/// pipulate::bind!(job);
/// job.set("greeting", &"hello")?;
/// ```
#[macro_export]
macro_rules! bind {
    ($($name:ident)*) => { $(#[allow(unused_variables)] let $name = $crate::runtime::$name();)* };
}

/// The job that the notebook is at.
pub fn job() -> Job {
    match call(&Request::Job) {
        Reply::Job { key, workflow } => pip().job_in(&key, &workflow).unwrap_or_else(|error| fail(&error)),
        reply => refuse(reply),
    }
}

/// The job that a magic names with `--job`, or else the notebook's.
fn job_at(key: Option<&str>) -> Job {
    match key {
        Some(key) => pip().job(key).unwrap_or_else(|error| fail(&error)),
        None => job(),
    }
}

/// The place where the notebook's jobs live.
pub fn pip() -> Pip {
    connection::pip()
}

/// `%pip_set STEP = EXPR`.
pub fn set<T: Serialize + ?Sized>(job: Option<&str>, step: &str, value: &T) {
    match job_at(job).encode_value(step, value) {
        Ok(json) => store(job, step, json),
        Err(error) => fail(&error),
    }
}

/// `%pip_set STEP = LITERAL`, the literal as JSON text.
pub fn set_json(job: Option<&str>, step: &str, json: &str) {
    store(job, step, json.to_owned());
}

fn store(job: Option<&str>, step: &str, json: String) {
    tell(&Request::Set {
        job: job.map(str::to_owned),
        step: step.to_owned(),
        json,
    });
}

/// The end of a `%%pip_step` cell: its value is that of the step.
pub fn record<T: Serialize + ?Sized>(step: &str, value: &T) {
    match job().encode_value(step, value) {
        Ok(json) => tell(&Request::Record { json }),
        Err(error) => fail(&error),
    }
}

/// `let x: T = %pip_get STEP;`
pub fn require<T: DeserializeOwned>(job: Option<&str>, step: &str) -> T {
    job_at(job).require(step).unwrap_or_else(|error| fail(&error))
}

/// `let x: T = %pip_get STEP --default EXPR;`. The default is worked out only when the step has no value.
pub fn get_or<T: DeserializeOwned>(job: Option<&str>, step: &str, default: impl FnOnce() -> T) -> T {
    get(&job_at(job), step).unwrap_or_else(default)
}

/// A step's value, if it has one. That a job is deleted is no reason to go on with a default.
fn get<T: DeserializeOwned>(job: &Job, step: &str) -> Option<T> {
    let found = job.get(step).and_then(|value| match value {
        None if job.info()?.is_some_and(|info| info.deleted) => Err(Error::Deleted {
            operation: format!("read step `{step}`"),
            job: job.key().clone(),
        }),
        value => Ok(value),
    });
    found.unwrap_or_else(|error| fail(&error))
}

/// A line magic that needs no Rust, amid Rust.
pub fn magic(line: &str) {
    tell(&Request::Magic { line: line.to_owned() });
}

/// `let x: T = %pip_input STEP "Label";`: the stored value, or what the user answers, which is then stored.
///
/// Text becomes a `T` as a JSON string if that works, else as JSON. An answer that will not do is asked for again, a few times.
#[allow(clippy::needless_pass_by_value)] // the lowered call makes the request in place
pub fn input<T: Serialize + DeserializeOwned>(request: InputRequest, default: Option<&dyn Fn() -> T>) -> T {
    let job = job_at(request.job.as_deref());
    if !request.secret
        && let Some(value) = get(&job, &request.step)
    {
        return value;
    }
    if !request.secret {
        refuse_finalized(&job, &request.step);
    }
    let value = ask(request.clone(), default);
    if !request.secret
        && let Err(error) = job.set(&request.step, &value)
    {
        fail(&error);
    }
    value
}

/// A finalized job takes no answer, and so nobody is asked for one.
fn refuse_finalized(job: &Job, step: &str) {
    match job.info() {
        Ok(Some(info)) if info.finalized => fail(&Error::Finalized {
            operation: format!("ask for step `{step}`"),
            job: info.key,
        }),
        Ok(_) => {}
        Err(error) => fail(&error),
    }
}

fn ask<T: Serialize + DeserializeOwned>(mut request: InputRequest, default: Option<&dyn Fn() -> T>) -> T {
    let mut default = default.map(|default| default());
    request.default = default.as_ref().and_then(as_text);
    let offered = request.default.as_deref();
    if let Some(fault) = offered.and_then(|offered| fault_in_choice(offered, &request.choices, request.secret)) {
        fail_with(Failure {
            name: "InvalidInput".to_owned(),
            message: format!("the default of step `{}` will not do: {fault}", request.step),
            help: Some("Offer one of the choices at first, or add this one to `--choices`.".to_owned()),
        });
    }
    for _ in 0..ATTEMPTS {
        let text = match call(&Request::Input(request.clone())) {
            Reply::Text { text } => text,
            reply => refuse(reply),
        };
        if text.is_empty()
            && let Some(default) = default.take()
        {
            return default;
        }
        match answer::read(&text, request.secret) {
            Ok(value) => return value,
            Err(problem) => request.problem = Some(problem),
        }
    }
    fail_with(Failure {
        name: "InvalidInput".to_owned(),
        message: format!(
            "no answer for step `{}` will do: {}",
            request.step,
            request.problem.unwrap_or_default()
        ),
        help: Some("Run the cell again to be asked again.".to_owned()),
    })
}

/// What a user typed, as a value: as a JSON string if that works, else as JSON. Otherwise says what is wrong with it and what to type; a
/// secret is not repeated.
pub fn read_answer<T: DeserializeOwned>(text: &str, secret: bool) -> Result<T, String> {
    answer::read(text, secret)
}

/// A value as a user would type it.
fn as_text<T: Serialize>(value: &T) -> Option<String> {
    match serde_json::to_value(value).ok()? {
        serde_json::Value::String(text) => Some(text),
        value => Some(value.to_string()),
    }
}

/// Whether this code runs in a notebook's cell.
pub(crate) fn is_in_notebook() -> bool {
    connection::is_there()
}

/// Shows something in the notebook.
pub(crate) fn show(request: DisplayRequest) {
    tell(&Request::Display(request));
}

/// Shows something in the notebook, and goes on where that fails.
pub(crate) fn try_show(request: DisplayRequest) {
    flush();
    let _ = connection::call(&Request::Display(request));
}

/// Takes away what the cell has shown.
pub(crate) fn clear_output(wait: bool) {
    tell(&Request::ClearOutput { wait });
}

fn tell(request: &Request) {
    match call(request) {
        Reply::Done => {}
        reply => refuse(reply),
    }
}

/// `%time`: says how long it took when it is dropped.
pub fn timer() -> impl Drop {
    Timer(std::time::Instant::now())
}

struct Timer(std::time::Instant);

impl Drop for Timer {
    fn drop(&mut self) {
        println!("Wall time: {:.3?}", self.0.elapsed());
    }
}

/// Tells the kernel why the cell fails, and unwinds.
fn fail(error: &Error) -> ! {
    fail_with(error.into())
}

fn refuse(reply: Reply) -> ! {
    fail_with(match reply {
        Reply::Failed(failure) => failure,
        reply => Failure {
            name: "Connection".to_owned(),
            message: format!("the kernel gave an answer of another kind: {reply:?}"),
            help: None,
        },
    })
}

/// Unwinding starts without the panic hook: the kernel has been told already, and shows one error.
fn fail_with(failure: Failure) -> ! {
    let told = connection::call(&Request::Fail(failure.clone()));
    assert!(told.is_ok(), "{}: {}", failure.name, failure.message);
    resume_unwind(Box::new(failure.message))
}

fn call(request: &Request) -> Reply {
    flush();
    connection::call(request).unwrap_or_else(|error| fail(&error))
}

/// What was printed before the kernel is asked is shown before what it answers.
fn flush() {
    let _ = std::io::stdout().flush();
}
