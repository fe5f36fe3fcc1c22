//! What a notebook's cells share in the kernel: the place, the job they are at, secrets, the environment.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pipulate::{Error, Job, JobKey, Pip, Source, WorkflowName};

use crate::outputs::CellError;

/// The settings that the kernel was started with.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The store's URL or path; by default the place is resolved from the working folder.
    pub url: Option<String>,
    /// A job that the notebook is held to, whatever its `%pip_job` says: `pipulate run --job`.
    pub job: Option<String>,
    /// Values for steps that `%pip_input` would ask for, by step, as JSON: `pipulate run -p`.
    pub parameters: BTreeMap<String, String>,
    /// The notebook's file, where the client says it.
    pub notebook: Option<PathBuf>,
}

/// The job that a notebook's magics work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentJob {
    /// Its key.
    pub key: JobKey,
    /// The workflow that the job is made with, should it not exist yet.
    pub workflow: WorkflowName,
}

/// Shared by the thread that runs cells and those that answer for it.
#[derive(Debug)]
pub struct NotebookState {
    settings: Settings,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    pip: Option<Pip>,
    job: Option<CurrentJob>,
    secrets: HashMap<(JobKey, String), String>,
    environment: BTreeMap<String, String>,
    /// The folder that `%cd` has gone to.
    directory: Option<PathBuf>,
    /// Shell lines that run, for an interrupt.
    shells: Vec<Shell>,
}

#[derive(Debug)]
struct Shell {
    /// Its process group.
    group: u32,
    interrupted: bool,
}

impl NotebookState {
    /// State of a notebook that has run nothing; at the job that the settings hold it to, if they do.
    pub fn new(settings: Settings) -> Arc<Self> {
        let held = settings.job.as_deref().and_then(|key| JobKey::from_str(key).ok());
        let state = Self {
            settings,
            inner: Mutex::default(),
        };
        if let (Some(key), Ok(workflow)) = (held, WorkflowName::from_str(&state.workflow())) {
            state.set_job(CurrentJob { key, workflow });
        }
        Arc::new(state)
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The store, opened at its first use.
    pub fn pip(&self) -> Result<Pip, CellError> {
        let mut inner = self.lock();
        if let Some(pip) = &inner.pip {
            return Ok(pip.clone());
        }
        let opened = match &self.settings.url {
            Some(url) => Pip::open(url),
            None => crate::place::resolve().and_then(|place| Pip::open_place(&place)),
        };
        let pip = opened.map_err(|error| pip_error(&error))?.as_source(Source::Notebook);
        inner.pip = Some(pip.clone());
        Ok(pip)
    }

    /// The job the notebook is at, if it has named one.
    pub fn current_job(&self) -> Option<CurrentJob> {
        self.lock().job.clone()
    }

    /// The job the notebook is at; an error that says how to name one, otherwise.
    pub fn job(&self) -> Result<Job, CellError> {
        let current = self.current_job().ok_or_else(|| {
            CellError::new("MissingJob", "the notebook has not said which job it works on")
                .with_help("Begin with `%pip_job KEY`, or `%pip_job --new` for the next free key.")
        })?;
        let job = self.pip()?.job_in(current.key.as_str(), current.workflow.as_str());
        job.map_err(|error| pip_error(&error))
    }

    /// Goes to another job.
    pub fn set_job(&self, job: CurrentJob) {
        self.lock().job = Some(job);
    }

    /// The workflow of jobs that this notebook makes: its file's stem.
    pub fn workflow(&self) -> String {
        let stem = self.settings.notebook.as_deref().and_then(Path::file_stem);
        stem.map_or_else(|| "notebook".to_owned(), |stem| stem.to_string_lossy().into_owned())
    }

    /// A secret that the user has typed in this session.
    pub fn secret(&self, job: &JobKey, step: &str) -> Option<String> {
        self.lock().secrets.get(&(job.clone(), step.to_owned())).cloned()
    }

    /// Keeps a secret for as long as the kernel runs.
    pub fn set_secret(&self, job: &JobKey, step: &str, secret: &str) {
        self.lock()
            .secrets
            .insert((job.clone(), step.to_owned()), secret.to_owned());
    }

    /// Variables that `%env` has set: for shell lines, and for user code.
    pub fn environment(&self) -> BTreeMap<String, String> {
        self.lock().environment.clone()
    }

    /// Sets a variable for shell lines.
    pub fn set_environment(&self, name: &str, value: &str) {
        self.lock().environment.insert(name.to_owned(), value.to_owned());
    }

    /// The folder that shell lines and file magics work in: the kernel's own until `%cd` goes to another.
    pub fn directory(&self) -> std::io::Result<PathBuf> {
        match self.lock().directory.clone() {
            Some(directory) => Ok(directory),
            None => std::env::current_dir(),
        }
    }

    /// Goes to another folder, for shell lines and file magics.
    pub fn set_directory(&self, directory: &Path) {
        self.lock().directory = Some(directory.to_owned());
    }

    /// A shell line's process group has started; an interrupt ends it.
    pub fn shell_started(&self, group: u32) {
        self.lock().shells.push(Shell {
            group,
            interrupted: false,
        });
    }

    /// A shell line's process group has ended.
    pub fn shell_ended(&self, group: u32) {
        self.lock().shells.retain(|shell| shell.group != group);
    }

    /// Whether [`interrupt_shells`](Self::interrupt_shells) has killed this process group.
    pub fn was_interrupted(&self, group: u32) -> bool {
        self.lock()
            .shells
            .iter()
            .any(|shell| shell.group == group && shell.interrupted)
    }

    /// Ends the shell lines that run.
    pub fn interrupt_shells(&self) {
        for shell in &mut self.lock().shells {
            shell.interrupted = true;
            let group = i32::try_from(shell.group).ok().and_then(rustix::process::Pid::from_raw);
            if let Some(group) = group {
                // A group that has ended meanwhile needs no signal.
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A core error, as the notebook shows it.
pub fn pip_error(error: &Error) -> CellError {
    let shown = CellError::new(error.name(), error.full_message());
    match error.help() {
        Some(help) => shown.with_help(help),
        None => shown,
    }
}
