//! What tests of magics need: outputs that remember, and a notebook with a store of its own.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pipulate::cell::parse;
use serde_json::{Map, Value};
use tempfile::TempDir;

use super::{Context, StepCells, WorkerSettings, run_cell_magic, run_line};
use crate::engine::Engine;
use crate::engine::fake::FakeEngine;
use crate::engine::handle::{EngineHandle, EngineStatus};
use crate::outputs::{CellError, InputError, MimeBundle, Outputs, Stream};
use crate::state::{NotebookState, Settings};

/// Remembers what was shown, and answers questions from a list.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    inner: Mutex<Recorded>,
}

#[derive(Debug, Default)]
struct Recorded {
    stdout: String,
    stderr: String,
    displays: Vec<(MimeBundle, Map<String, Value>)>,
    prompts: Vec<(String, bool)>,
    answers: VecDeque<Result<String, InputError>>,
    interrupted: bool,
}

impl Recorder {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    fn with<T>(&self, look: impl FnOnce(&mut Recorded) -> T) -> T {
        look(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn stdout(&self) -> String {
        self.with(|inner| inner.stdout.clone())
    }

    pub(crate) fn stderr(&self) -> String {
        self.with(|inner| inner.stderr.clone())
    }

    pub(crate) fn prompts(&self) -> Vec<(String, bool)> {
        self.with(|inner| inner.prompts.clone())
    }

    /// The user has interrupted the cell.
    pub(crate) fn interrupt(&self) {
        self.with(|inner| inner.interrupted = true);
    }

    pub(crate) fn displays(&self) -> Vec<(MimeBundle, Map<String, Value>)> {
        self.with(|inner| inner.displays.clone())
    }
}

impl Outputs for Recorder {
    fn stream(&self, stream: Stream, text: &str) {
        self.with(|inner| match stream {
            Stream::Stdout => inner.stdout.push_str(text),
            Stream::Stderr => inner.stderr.push_str(text),
        });
    }

    fn display(&self, data: MimeBundle, metadata: Map<String, Value>, _: Option<&str>) {
        self.with(|inner| inner.displays.push((data, metadata)));
    }

    fn update_display(&self, _: MimeBundle, _: Map<String, Value>, _: &str) {}

    fn clear_output(&self, _: bool) {}

    fn execute_result(&self, data: MimeBundle, metadata: Map<String, Value>) {
        self.display(data, metadata, None);
    }

    fn input(&self, prompt: &str, password: bool) -> Result<String, InputError> {
        self.with(|inner| {
            inner.prompts.push((prompt.to_owned(), password));
            inner.answers.pop_front().unwrap_or(Err(InputError::NotAllowed))
        })
    }

    fn is_interrupted(&self) -> bool {
        self.with(|inner| inner.interrupted)
    }
}

/// A notebook whose store is a file in a folder of its own.
pub(crate) struct Notebook {
    pub(crate) state: Arc<NotebookState>,
    pub(crate) folder: TempDir,
    pub(crate) engine: EngineHandle,
    pub(crate) history: Vec<(u32, String)>,
    pub(crate) amid_rust: bool,
    pub(crate) worker: Worker,
    steps: NoSteps,
}

/// Remembers what it was told.
#[derive(Debug, Default)]
pub(crate) struct Worker {
    pub(crate) told: Mutex<Vec<String>>,
}

impl WorkerSettings for Worker {
    fn set_directory(&self, directory: &std::path::Path) {
        self.told.lock().unwrap().push(format!("cd {}", directory.display()));
    }

    fn set_variable(&self, name: &str, value: &str) {
        self.told.lock().unwrap().push(format!("{name}={value}"));
    }

    fn set_checkpoints(&self, on: bool) {
        self.told.lock().unwrap().push(format!("checkpoints: {on}"));
    }
}

/// Of a notebook without step cells.
struct NoSteps;

impl StepCells for NoSteps {
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn fingerprint(&self, _: &str) -> Option<String> {
        None
    }

    fn forget(&self) {}
}

/// What came of a cell.
pub(crate) struct Shown {
    pub(crate) result: Result<(), CellError>,
    pub(crate) recorder: Arc<Recorder>,
}

impl Notebook {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("pipeline.db").display());
        let state = NotebookState::new(Settings {
            url: Some(url),
            ..settings
        });
        state.set_directory(folder.path());
        let engine = EngineHandle::spawn(|| Ok(Box::new(FakeEngine::new()) as Box<dyn Engine>));
        assert_eq!(engine.wait_until_started(Duration::from_secs(10)), EngineStatus::Ready);
        let worker = Worker::default();
        Self {
            state,
            folder,
            engine,
            history: Vec::new(),
            amid_rust: false,
            worker,
            steps: NoSteps,
        }
    }

    /// A notebook at the job `hello-01`.
    pub(crate) fn at_job() -> Self {
        let notebook = Self::new();
        notebook.run("%pip_job hello-01 --workflow hello").unwrap();
        notebook
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn with_context<T>(&self, recorder: &Arc<Recorder>, run: impl FnOnce(&Context<'_>) -> T) -> T {
        let outputs: Arc<dyn Outputs> = recorder.clone();
        run(&Context {
            state: &self.state,
            outputs: &outputs,
            engine: &self.engine,
            history: &|| self.history.clone(),
            worker: &self.worker,
            steps: &self.steps,
            amid_rust: self.amid_rust,
        })
    }

    /// Runs a cell of magics.
    pub(crate) fn run(&self, code: &str) -> Shown {
        self.run_with(code, &[])
    }

    /// Runs a cell of magics, whose user gives these answers.
    pub(crate) fn run_with(&self, code: &str, answers: &[&str]) -> Shown {
        let recorder = Recorder::new();
        recorder.with(|inner| inner.answers = answers.iter().map(|answer| Ok((*answer).to_owned())).collect());
        let cell = parse(code);
        assert_eq!(cell.problems(), [], "{code}");
        let result = self.with_context(&recorder, |context| match cell.cell_magic() {
            Some(magic) => run_cell_magic(&cell, magic, cell.slice(&cell.body().unwrap()), context),
            None => cell.magics().try_for_each(|magic| run_line(&cell, magic, context)),
        });
        Shown { result, recorder }
    }
}

impl Shown {
    /// What was shown, when all went well.
    #[track_caller]
    pub(crate) fn unwrap(self) -> Arc<Recorder> {
        if let Err(error) = self.result {
            panic!("{}: {}", error.ename, error.evalue);
        }
        self.recorder
    }

    /// The one display's text.
    #[track_caller]
    pub(crate) fn text(self) -> String {
        self.content("text/plain")
    }

    /// The one display's HTML.
    #[track_caller]
    pub(crate) fn html(self) -> String {
        self.content("text/html")
    }

    #[track_caller]
    fn content(self, media_type: &str) -> String {
        let displays = self.unwrap().displays();
        assert_eq!(displays.len(), 1, "{displays:?}");
        let content = displays[0]
            .0
            .get(media_type)
            .unwrap_or_else(|| panic!("no {media_type} in {displays:?}"));
        content.as_str().unwrap().to_owned()
    }

    /// What was printed.
    #[track_caller]
    pub(crate) fn stdout(self) -> String {
        self.unwrap().stdout()
    }

    #[track_caller]
    pub(crate) fn error(self) -> CellError {
        self.result.expect_err("it went well")
    }

    /// The error as the user reads it, without colours.
    #[track_caller]
    pub(crate) fn error_text(self) -> String {
        self.error()
            .traceback
            .join("\n")
            .replace("\u{1b}[31m", "")
            .replace("\u{1b}[0m", "")
    }
}
