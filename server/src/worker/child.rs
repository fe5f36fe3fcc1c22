//! The worker's own side: a process that runs one step after the other as the server says.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use pipulate::store::wire::{FRAME_LIMIT, read_message, write_message};

use super::protocol::{CONTROL, Ended, SOCKET, Task, WORKER};
use crate::workflow::{StepError, Workflow};

/// The thread that runs steps. Panics elsewhere are printed, as ever.
const STEP_THREAD: &str = "step";
/// What a step may use of the stack: as much as a program's main thread has.
const STACK: usize = 8 * 1024 * 1024;

static SECRETS: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
static PANIC: Mutex<Option<StepError>> = Mutex::new(None);

/// Turns the process into a worker if the server started it as one; else returns at once. To be called first in `main` of a program
/// that mounts a [`Router`](crate::Router), with the same workflows; [`main`](crate::main) does it itself.
pub fn worker_hook(workflows: impl IntoIterator<Item = Workflow>) {
    let Ok(server) = std::env::var(WORKER) else { return };
    let parent = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().to_string());
    if parent.as_deref() != Some(server.as_str()) {
        // Going on would make a second server of it, which nobody asked for.
        if is_orphan() {
            std::process::exit(1);
        }
        // What a step itself starts has the variable too, and is no worker.
        return;
    }
    let workflows: Vec<Workflow> = workflows.into_iter().collect();
    let code = match serve(&workflows) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    };
    // Nothing of a step outlives the server: not its threads, and not what it started.
    let group = rustix::process::getpgrp();
    if group == rustix::process::getpid() {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    std::process::exit(i32::from(code == ExitCode::FAILURE));
}

/// Whether the server was killed while this process, its worker, began: workers lead a group of their own, and the socket that they were
/// given is one that nobody listens on.
fn is_orphan() -> bool {
    let leads = rustix::process::getpgrp() == rustix::process::getpid();
    leads && std::env::var_os(SOCKET).is_none_or(|path| UnixStream::connect(path).is_err())
}

fn serve(workflows: &[Workflow]) -> io::Result<()> {
    let path = std::env::var_os(SOCKET).ok_or(io::ErrorKind::NotFound)?;
    let mut orders = UnixStream::connect(path)?;
    write_message(&mut orders, CONTROL)?;
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().name() == Some(STEP_THREAD) {
            *lock(&PANIC) = Some(of_panic(info));
        } else {
            usual(info);
        }
    }));
    // The end of this connection is the end of the server.
    while let Some(task) = read_message::<Task>(&mut orders, FRAME_LIMIT)? {
        let mut answers = orders.try_clone()?;
        let workflow = workflows
            .iter()
            .find(|workflow| workflow.name() == task.workflow)
            .cloned();
        std::thread::Builder::new()
            .name(STEP_THREAD.to_owned())
            .stack_size(STACK)
            .spawn(move || {
                let ended = run(workflow.as_ref(), task);
                let _ = io::stdout().flush();
                // A server that is gone needs no answer.
                let _ = write_message(&mut answers, &ended);
            })?;
    }
    Ok(())
}

fn run(workflow: Option<&Workflow>, task: Task) -> Ended {
    *lock(&SECRETS) = task.secrets;
    *lock(&PANIC) = None;
    let Some(step) = workflow.and_then(|workflow| Some(&workflow.steps()[workflow.position(&task.step)?])) else {
        let message = format!(
            "this program has no step `{}` of a workflow `{}`",
            task.step, task.workflow
        );
        return Ended::Failed(
            StepError::new("UnknownStep", message)
                .with_help("Call `worker_hook` with the workflows that the router has."),
        );
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let pip = pipulate::runtime::pip();
        let job = pip.job_in(&task.job, &task.workflow)?;
        match &task.field {
            None => (step.function())(pip, job),
            Some(field) => match step.find_field(field).and_then(|field| field.default_function()) {
                Some(default) => default(pip, job).map(Some),
                None => Ok(None),
            },
        }
    }));
    match outcome {
        Ok(Ok(value)) => Ended::Done(value),
        Ok(Err(error)) => Ended::Failed(error),
        // One that unwinds without the hook has told the server why.
        Err(_) => Ended::Failed(
            lock(&PANIC)
                .take()
                .unwrap_or_else(|| StepError::new("Panic", "the step unwound")),
        ),
    }
}

fn of_panic(info: &PanicHookInfo<'_>) -> StepError {
    let message = info.payload_as_str().unwrap_or("a value that is no text");
    let error = StepError::new("Panic", message);
    match info.location() {
        Some(location) => error.at(location.to_string()),
        None => error,
    }
}

/// A secret that the step's form has asked for, read as a `T`; or the one in the variable of the environment that has the step's
/// name, in capitals.
///
/// # Errors
/// `MissingInput` where there is none, `InvalidInput` where it is not a `T`.
pub fn secret<T: serde::de::DeserializeOwned>(step: &str) -> Result<T, StepError> {
    let variable = secret_variable(step);
    let text = lock(&SECRETS)
        .get(step)
        .cloned()
        .or_else(|| std::env::var(&variable).ok())
        .ok_or_else(|| {
            StepError::new(
                "MissingInput",
                format!("step `{step}` needs a secret, and this session has none"),
            )
            .with_help(format!(
                "Type it in the form that asks for it, or set {variable} in the server's environment."
            ))
        })?;
    pipulate::runtime::read_answer(&text, true).map_err(|problem| StepError::new("InvalidInput", problem))
}

/// The variable of the environment that holds a step's secret, as in the kernel.
pub(crate) fn secret_variable(step: &str) -> String {
    step.to_uppercase()
        .chars()
        .map(|character| if character.is_alphanumeric() { character } else { '_' })
        .collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
