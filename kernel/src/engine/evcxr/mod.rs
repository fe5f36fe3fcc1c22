//! The engine that wraps evcxr. Only this folder names it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use evcxr::{CommandContext, EvalContext, EvalOutputs};
use serde_json::Value;

use super::commands::{end_of_name, is_dependency, without_commands};
use super::dependency_cache::DependencyCache;
use super::diagnostics::returned_error;
use super::documentation::documentation;
use super::endings::{cancelled_error, died_error, went_back_error};
use super::interrupter::WorkerInterrupter;
use super::prelude::Display;
use super::{Completion, Completions, Engine, Evaluation, Interrupter, Variable, prelude};
use crate::build_root::BuildRoot;
use crate::cell_socket::{CellSocket, Ended, Remains, with_plain_text};
use crate::compiler_output;
use crate::outputs::{CellError, MimeBundle};
use crate::render;
use crate::source_map::SourceMap;
use crate::worker::wire::{Outcome, Panic};

mod compiler;
mod errors;
mod preparation;
mod reading;
mod warnings;

pub use compiler::has_standard_library_source;
use errors::{evaluation_error, left_out, start_error};
use reading::Reading;

/// How long the end of a cell may take from the worker to here, evcxr having seen it already.
const END: Duration = Duration::from_secs(10);
/// Where `rustc_for_cells.sh` finds how far to optimise, in the crate's folder. Said in Cargo.toml, it would have rust-analyzer
/// begin anew.
const LEVEL_FILE: &str = ".cell-level";
/// Takes over when cargo runs this binary in place of rustc: for evcxr's own cache, where a user asks for it by `:cache`.
pub fn rustc_wrapper_hook() {
    evcxr::runtime_hook();
}

/// What the engine needs to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program that is run as worker: the kernel's own binary, but for tests.
    pub worker: PathBuf,
    /// The optimisation level of cells.
    pub optimisation: String,
    /// The line that adds the cell library as a dependency.
    pub cell_library: String,
    /// Where compiled dependencies are kept for the next kernel.
    pub cache: PathBuf,
    /// Where cells are compiled. It goes when the notebook ends, and not only when its engine has noticed.
    pub build_root: Weak<BuildRoot>,
}

/// evcxr, with a worker of ours around user code.
pub struct EvcxrEngine {
    context: CommandContext,
    socket: Arc<CellSocket>,
    interrupter: Arc<WorkerInterrupter>,
    cell_library: Option<String>,
    cache: DependencyCache,
    build_root: Weak<BuildRoot>,
    /// The toolchain's folder.
    sysroot: Option<PathBuf>,
    standard_library: StandardLibrary,
    /// The level at which cells are optimised.
    optimisation: String,
    /// The lines that have added dependencies so far.
    dependencies: BTreeSet<String>,
    /// Those that other kernels have compiled are there.
    has_loaded: bool,
    runtime: Runtime,
    /// See [`Self::keep_versions`].
    keeps_versions: bool,
    /// Where the crate is that cells are compiled as.
    crate_folder: Option<PathBuf>,
    reading: Reading,
    /// What commands that evcxr does not see have to say.
    said: String,
    /// What has become of [`prelude::DISPLAY`].
    display: Display,
    /// What is left to evaluate when there is time.
    ahead: std::slice::Iter<'static, &'static str>,
    /// The process that ran cells is gone, and the new one has not been made ready.
    to_revive: bool,
}

/// The runtime on which cells await.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runtime {
    /// No cell has awaited yet.
    None,
    /// Cells await, and the worker has no runtime, or one of evcxr's.
    Wanted,
    /// The worker has it put aside.
    Parked,
    /// The worker has it.
    Ready,
}

/// What rust-analyzer reads of the standard library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StandardLibrary {
    WithoutArch,
    WithArch,
}

impl EvcxrEngine {
    /// Starts evcxr and its worker, and compiles a first cell. Takes seconds.
    pub fn start(options: &Options, socket: Arc<CellSocket>) -> Result<Self, CellError> {
        let sysroot = compiler::sysroot();
        if let Some(sysroot) = &sysroot
            && let Some(root) = options.build_root.upgrade()
            && let Err(error) = root.use_toolchain(sysroot)
        {
            tracing::info!(%error, "all of the standard library is read");
        }
        let worker = crate::worker::command(&options.worker, socket.path());
        let (context, outputs) = EvalContext::with_subprocess_command(worker).map_err(|error| start_error(&error))?;
        // What cells print comes over the socket. What is left on these channels is of evcxr's own; it waits for
        // them to be empty.
        drain(outputs.stdout, "evcxr");
        drain(outputs.stderr, "worker");
        let interrupter = Arc::new(WorkerInterrupter::new(Arc::clone(&socket)));
        let mut context = CommandContext::with_eval_context(context);
        let folder = context.execute(":last_compile_dir").ok();
        let folder = folder.and_then(|folder| Some(PathBuf::from(folder.get("text/plain")?.trim())));
        let mut engine = Self {
            context,
            socket,
            interrupter,
            cell_library: Some(options.cell_library.clone()),
            cache: DependencyCache::new(&options.cache, &compiler::version(sysroot.as_deref())),
            build_root: Weak::clone(&options.build_root),
            sysroot,
            standard_library: StandardLibrary::WithoutArch,
            optimisation: String::new(),
            dependencies: BTreeSet::new(),
            has_loaded: false,
            runtime: Runtime::None,
            keeps_versions: false,
            crate_folder: folder,
            reading: Reading::default(),
            said: String::new(),
            display: Display::Stays,
            ahead: prelude::AHEAD.iter(),
            to_revive: false,
        };
        engine.set_optimisation(&options.optimisation);
        if let Some(build) = &engine.crate_folder {
            let build = build.canonicalize().unwrap_or_else(|_| build.clone());
            engine.interrupter.compiles_in(build);
        }
        engine
            .context
            .execute(&prelude::first())
            .map_err(|error| start_error(&error))?;
        engine.check_reading(false);
        Ok(engine)
    }

    /// Brings what other kernels have compiled, before the first dependency is added: cells without any need not wait for it.
    fn load_dependencies(&mut self) {
        if std::mem::replace(&mut self.has_loaded, true) {
            return;
        }
        let Some(build) = &self.crate_folder else { return };
        if let Err(error) = self.cache.load(build) {
            tracing::warn!(%error, "dependencies will be compiled again");
        }
    }

    /// Builds the cell library, and keeps it for other kernels.
    pub fn build_cell_library(&mut self) -> Result<(), CellError> {
        let Some(cell_library) = self.cell_library.take() else {
            return Ok(());
        };
        self.load_dependencies();
        self.keep_versions(true)
            .and_then(|()| self.context.execute(&cell_library))
            .map_err(|error| evaluation_error(&error, &SourceMap::default()))?;
        self.dependencies.insert(cell_library);
        let build = self.crate_folder.as_ref();
        let saved = build.map_or(Ok(()), |build| self.cache.save(build));
        saved.map_err(|error| {
            CellError::new(
                "EngineError",
                format!("the cache of dependencies cannot be written: {error}"),
            )
        })
    }

    /// Keeps what was compiled for the next kernel, while this one goes on.
    fn keep_dependencies(&self) {
        let (Some(build), cache) = (self.crate_folder.clone(), self.cache.clone()) else {
            return;
        };
        std::thread::spawn(move || {
            if let Err(error) = cache.save(&build) {
                tracing::warn!(%error, "the next kernel will compile dependencies again");
            }
        });
    }

    /// Shows, folded away, what the compiler warns of.
    fn show_warnings(&self, code: &SourceMap, evaluation: &Evaluation<'_>) {
        // Of a cell that ran nothing, the compiler said nothing.
        if !self.socket.has_started() {
            return;
        }
        let warnings = self.crate_folder.as_ref().map(|folder| warnings::of(folder, code));
        let Some(warnings) = warnings.filter(|warnings| !warnings.is_empty()) else {
            return;
        };
        let summary = render::text::count(warnings.len(), "warning");
        let bundle = render::folded(&summary, &warnings.join("\n\n"));
        evaluation.outputs.display(bundle, serde_json::Map::new(), None);
    }

    /// What an evaluation that evcxr calls a success came to.
    fn finish(&mut self, outputs: EvalOutputs) -> Result<Option<MimeBundle>, CellError> {
        // evcxr has phases to tell of only when it ran something.
        if !outputs.phases.is_empty() {
            self.socket.catch_up();
        }
        let Remains { ended, result, failure } = self.socket.take_remains();
        if let Some(failure) = failure {
            return Err(failure);
        }
        if let Some(Ended::Done(outcome)) = ended {
            if outcome.panicked {
                return Err(panic_error(outcome.panic));
            }
            if let Some(error) = outcome.question_mark {
                return Err(returned_error(&error));
            }
        }
        let mut bundle = result.filter(|bundle| !is_unit(bundle)).unwrap_or_default();
        // What a command such as `:vars` has to say.
        for (mime, content) in outputs.content_by_mime_type {
            bundle
                .entry(mime)
                .or_insert(Value::String(content.trim_end().to_owned()));
        }
        let said = std::mem::take(&mut self.said);
        if bundle.is_empty() && !said.is_empty() {
            bundle.insert("text/plain".to_owned(), Value::String(said));
        }
        Ok((!bundle.is_empty()).then(|| with_plain_text(bundle)))
    }

    /// Of an error in a cell's last expression, evcxr may give the compiler's advice alone: it shows the value by code of its
    /// own, and takes the error for that code's. Without that code it gives all.
    fn explain(&mut self, error: evcxr::Error, begun: SystemTime, code: &SourceMap) -> CellError {
        let is_error = |error: &evcxr::CompilationError| error.level() == "error";
        let evcxr::Error::CompilationErrors(errors) = error else {
            return evaluation_error(&error, code);
        };
        if errors.iter().any(is_error) {
            return evaluation_error(&evcxr::Error::CompilationErrors(errors), code);
        }
        match self.context.check(code.lowered()) {
            Ok(checked) if checked.iter().any(is_error) => {
                let checked = checked.into_iter().filter(is_error).collect();
                evaluation_error(&evcxr::Error::CompilationErrors(checked), code)
            }
            _ => {
                let left_out = self
                    .crate_folder
                    .as_ref()
                    .and_then(|folder| left_out(folder, begun, code));
                left_out.unwrap_or_else(|| evaluation_error(&evcxr::Error::CompilationErrors(errors), code))
            }
        }
    }

    /// After the runner is gone, what the prelude did in it must be done in the new one.
    fn revive(&mut self) {
        self.to_revive = false;
        if self.runtime != Runtime::None {
            self.runtime = Runtime::Wanted;
        }
        if let Err(error) = self.context.execute(prelude::HOOK) {
            tracing::error!(%error, "the panic hook was not installed");
        }
    }
}

impl Engine for EvcxrEngine {
    fn evaluate(&mut self, evaluation: &Evaluation<'_>) -> Result<Option<MimeBundle>, CellError> {
        self.socket.begin(Arc::clone(&evaluation.outputs));
        if self.socket.is_lost() {
            // evcxr finds out when it runs something. Running the user's code instead would fail for want of variables.
            let found = self.context.execute(prelude::HOOK);
            let ended = self.socket.wait_for_end(Duration::ZERO);
            if let Err(evcxr::Error::SubprocessTerminated(message)) = found {
                self.to_revive = true;
                return Err(died_error(ended, &message).with_help("It ended between cells. Run this cell again."));
            }
        }
        if self.to_revive {
            self.revive();
            self.socket.begin(Arc::clone(&evaluation.outputs));
        }
        self.said.clear();
        self.interrupter.begin();
        // An interrupt may have come before there was work that it could stop.
        if evaluation.outputs.is_interrupted() {
            self.interrupter.end();
            return Err(cancelled_error());
        }
        let level = self.optimisation.clone();
        if let Err(error) = self.follow_opt(evaluation.code.lowered()) {
            self.interrupter.end();
            return Err(error);
        }
        let begun = SystemTime::now();
        let _shown = compiler_output::show_in(Arc::clone(&evaluation.outputs));
        let library = self.library_to_come(evaluation.code.lowered());
        let mut code = match &library {
            Some(library) => Cow::Owned(evaluation.code.clone().with_prefix(&format!("{library}\n"))),
            None => Cow::Borrowed(evaluation.code),
        };
        let mut result = self.run(&code, evaluation);
        if library.is_some()
            && result
                .as_ref()
                .is_some_and(|result| result.as_ref().is_err_and(is_of_first_line))
            && !evaluation.outputs.is_interrupted()
            && !self.socket.has_started()
        {
            // Where the library cannot be had, the first cell that needs it says so.
            code = Cow::Borrowed(evaluation.code);
            result = self.run(&code, evaluation);
        }
        if let Some(Err(evcxr::Error::CompilationErrors(errors))) = &result
            && errors::want_debug(errors)
            && !evaluation.outputs.is_interrupted()
        {
            // The other way round is for most: what `Debug` shows of an error is seldom meant for people.
            let is_set = self.context.execute(":efmt {:?}").is_ok();
            let with_debug = self.run(&code, evaluation);
            let _ = self.context.execute(":efmt {}");
            // Where that does not help, the first errors are those to read.
            if is_set && !matches!(with_debug, Some(Err(evcxr::Error::CompilationErrors(_)))) {
                result = with_debug;
            }
        }
        if self.display == Display::Stays
            && let Some(Err(evcxr::Error::CompilationErrors(errors))) = &result
            && errors::show_our_display(errors)
            && !evaluation.outputs.is_interrupted()
        {
            result = self.run_without_display(&code, evaluation);
        }
        let interrupted = self.interrupter.end();
        self.check_reading(interrupted);
        if !matches!(result, Some(Ok(_))) && self.optimisation != level {
            self.set_optimisation(&level);
        }
        let Some(result) = result else {
            return Err(cancelled_error());
        };
        match result {
            Ok(outputs) => {
                let dependencies = code.lowered().lines().filter(|line| is_dependency(line));
                let before = self.dependencies.len();
                self.dependencies.extend(dependencies.map(str::to_owned));
                self.cell_library.take_if(|library| self.dependencies.contains(library));
                if self.dependencies.len() > before {
                    self.keep_dependencies();
                }
                if let Display::Replaced = prelude::display(code.lowered()) {
                    self.display = Display::Replaced;
                }
                let finished = self.finish(outputs);
                if finished.is_ok() {
                    self.show_warnings(&code, evaluation);
                }
                finished
            }
            Err(evcxr::Error::SubprocessTerminated(message)) => {
                let ended = self.socket.wait_for_end(END);
                self.socket.take_remains();
                // The user need not wait for that.
                self.to_revive = true;
                Err(died_error(ended, &message))
            }
            Err(error) => {
                // What the worker told before it told evcxr is on its way.
                self.socket.catch_up();
                Err(match self.socket.take_remains().ended {
                    Some(Ended::WentBack(death)) => went_back_error(death),
                    Some(Ended::Done(Outcome {
                        not_loaded: Some(why), ..
                    })) => CellError::new("LoadError", format!("the compiled cell could not be loaded: {why}"))
                        .with_help("It did nothing. Every variable is as it was."),
                    _ if interrupted => cancelled_error(),
                    _ => self.explain(error, begun, &code),
                })
            }
        }
    }

    fn complete(&mut self, code: &str, offset: usize) -> Completions {
        let code = without_commands(code);
        match self.context.completions(&code, offset) {
            Ok(found) => Completions {
                start: found.start_offset,
                end: found.end_offset,
                items: found
                    .completions
                    .into_iter()
                    .filter(|completion| !prelude::hides(&completion.label))
                    .map(|completion| Completion {
                        text: completion.code,
                        label: completion.label,
                        kind: completion.kind.to_owned(),
                    })
                    .collect(),
            },
            Err(error) => {
                tracing::debug!(%error, "no completions");
                Completions {
                    start: offset,
                    end: offset,
                    items: Vec::new(),
                }
            }
        }
    }

    fn inspect(&mut self, code: &str, offset: usize) -> Option<MimeBundle> {
        let code = without_commands(code);
        let end = end_of_name(&code, offset);
        let (plain, html) = self.context.hover_at(&code, end).ok()?;
        documentation(plain, html)
    }

    fn variables(&self) -> Vec<Variable> {
        let variables: BTreeMap<&str, &str> = self.context.variables_and_types().collect();
        variables
            .into_iter()
            .map(|(name, type_name)| Variable {
                name: name.to_owned(),
                type_name: type_name.to_owned(),
            })
            .collect()
    }

    fn items(&self) -> Vec<String> {
        let mut items: Vec<String> = self
            .context
            .defined_item_names()
            .filter(|name| !prelude::owns(name))
            .map(str::to_owned)
            .collect();
        items.sort();
        items
    }

    fn reset(&mut self) -> Result<(), CellError> {
        self.runtime = Runtime::None;
        // What was said of how to show values stays with evcxr.
        let again = if self.display == Display::Goes {
            prelude::NO_DISPLAY
        } else {
            ""
        };
        if self.display == Display::Replaced {
            self.display = Display::Stays;
        }
        self.context
            .execute(":clear")
            .and_then(|_| self.context.execute(&prelude::first()))
            .and_then(|_| self.context.execute(again))
            .map(|_| ())
            .map_err(|error| evaluation_error(&error, &SourceMap::default()))
    }

    fn set_optimisation(&mut self, level: &str) {
        level.clone_into(&mut self.optimisation);
        let Some(folder) = &self.crate_folder else { return };
        if let Err(error) = std::fs::write(folder.join(LEVEL_FILE), format!("opt-level={level}\n")) {
            tracing::error!(%error, level, "the level of optimisation stays");
        }
    }

    fn interrupter(&self) -> Arc<dyn Interrupter> {
        Arc::clone(&self.interrupter) as Arc<dyn Interrupter>
    }

    fn warm_up(&mut self) -> bool {
        if !self.interrupter.begin_ahead() {
            return true;
        }
        if let Some(statement) = self.ahead.as_slice().first() {
            // What cannot be compiled here cannot in a cell either, and is said there.
            let _ = self.context.execute(statement);
            let hurried = self.interrupter.end();
            self.check_reading(hurried);
            if !hurried {
                self.ahead.next();
            }
            return true;
        }
        let line = self.cell_library.clone();
        let result = self.build_cell_library();
        let hurried = self.interrupter.end();
        self.check_reading(hurried);
        match result {
            // Somebody wants to run a cell now; there will be time for this.
            Err(_) if hurried => {
                self.cell_library = line;
                true
            }
            // The first cell that needs it says so, with the compiler's own words.
            Err(error) => {
                tracing::warn!(error.evalue, "the cell library was not built ahead");
                false
            }
            Ok(()) => false,
        }
    }
}

fn panic_error(panic: Option<Panic>) -> CellError {
    let Some(panic) = panic else {
        return CellError::new("Panic", "the cell unwound, and the kernel was not told why").with_help(
            "The notebook has set a panic hook of its own (`std::panic::set_hook`) or taken the kernel's, or the cell has called \
             `std::panic::resume_unwind`.",
        );
    };
    let place = panic.place();
    let error = CellError::new("Panic", panic.message);
    match place {
        Some(place) => error.with_help(format!("at {place}")),
        None => error,
    }
}

fn drain<T>(lines: T, of: &'static str)
where
    T: IntoIterator<Item = String> + Send + 'static,
{
    std::thread::spawn(move || {
        for line in lines {
            tracing::info!(of, "{line}");
        }
    });
}

/// Whether an error is that of a command in the first line, or of nothing that the cell says.
fn is_of_first_line(error: &evcxr::Error) -> bool {
    match error {
        evcxr::Error::CompilationErrors(errors) => errors.iter().any(|error| {
            let mut spans = error.spanned_messages().iter().filter_map(|message| message.span);
            spans.any(|span| span.start_line == 1)
        }),
        evcxr::Error::Message(_) => true,
        _ => false,
    }
}

/// Whether a result is that of a last expression without a value. evcxr shows it as any other.
fn is_unit(bundle: &MimeBundle) -> bool {
    bundle.len() == 1 && bundle.get("text/plain").is_some_and(|text| text == "()")
}
