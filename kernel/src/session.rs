//! The notebook: what a cell means, and who runs which part of it.
//!
//! A cell without Rust runs here, magic by magic, and never waits for the compiler. Any other cell is lowered
//! ([`crate::lower`]) and goes to the engine in one piece; what its magics ask for comes back over the cell's socket
//! (`Services`).

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pipulate::cell::{self, Cell, SegmentKind};

use self::known::Known;
use self::services::Services;
use self::steps::Steps;
use crate::cell_socket::CellSocket;
use crate::engine::handle::EngineHandle;
use crate::engine::{Completions, unbalanced_error};
use crate::lower::{CLEAR, Lowered, StepFrame, lower, lower_step};
use crate::magic::{self, Context, StepCells as _, WorkerSettings};
use crate::notebook::{CellRequest, Completeness, Notebook};
use crate::outputs::{CellError, MimeBundle, Outputs, Stream};
use crate::render;
use crate::source_map::{Builder, SourceMap};
use crate::state::{NotebookState, pip_error};

mod definition;
mod known;
mod services;
mod step;
mod steps;
#[cfg(test)]
mod tests;

/// How long a completion or an inspection may take of rust-analyzer's time.
const ANALYSIS: Duration = Duration::from_secs(3);

/// The kernel's notebook.
pub struct Session {
    shared: Arc<Shared>,
    /// The line by which a cell depends on the cell library.
    cell_library: String,
}

/// What cells reach also while one of them runs.
struct Shared {
    state: Arc<NotebookState>,
    engine: EngineHandle,
    socket: Arc<CellSocket>,
    history: Mutex<Vec<(u32, String)>>,
    /// The last error that the store gave a cell.
    refused: Mutex<Option<pipulate::Error>>,
    steps: Steps,
}

impl Session {
    /// A notebook whose Rust runs in `engine`, whose worker speaks over `socket`.
    pub fn new(
        state: Arc<NotebookState>,
        engine: EngineHandle,
        socket: &Arc<CellSocket>,
        cell_library: String,
    ) -> Self {
        let shared = Arc::new(Shared {
            state,
            engine,
            socket: Arc::clone(socket),
            history: Mutex::default(),
            refused: Mutex::default(),
            steps: Steps::default(),
        });
        socket.serve(Arc::new(Services(Arc::clone(&shared))));
        Self { shared, cell_library }
    }

    fn run_cell(&self, cell: &Cell<'_>, outputs: &Arc<dyn Outputs>) -> Result<(), CellError> {
        if let Some(problem) = cell.problems().first() {
            let before = &cell.text()[..problem.span.start];
            let line = before.matches('\n').count() + 1;
            return Err(CellError::new("Usage", format!("line {line}: {}", problem.message)).with_help(&problem.help));
        }
        if needs_engine(cell) {
            let result = self.run_rust(cell, None, outputs)?;
            if let Some(bundle) = result {
                let metadata = render::metadata(&bundle);
                outputs.execute_result(bundle, metadata);
            }
            Ok(())
        } else {
            // A comment without its end is not Rust, but may hold some.
            unbalanced_error(cell).map_or_else(|| self.shared.run_direct(cell, outputs), Err)
        }
    }

    /// Runs a cell with Rust, and gives the value of its last expression. With a frame, it is a step's body.
    fn run_rust(
        &self,
        cell: &Cell<'_>,
        frame: Option<&StepFrame>,
        outputs: &Arc<dyn Outputs>,
    ) -> Result<Option<MimeBundle>, CellError> {
        refuse_commands(cell)?;
        if let Some(error) = unbalanced_error(cell) {
            return Err(error);
        }
        if !commands(cell).any(|word| word == CLEAR) {
            return self.run_rust_as_it_stands(cell, frame, outputs);
        }
        let forget = || self.shared.steps.forget();
        self.shared.engine.reset(outputs.as_ref(), forget)?;
        self.run_rust_as_it_stands(cell, frame, outputs).map_err(after_clear)
    }

    /// Runs a cell with Rust whose [`CLEAR`], if it has one, has been obeyed.
    fn run_rust_as_it_stands(
        &self,
        cell: &Cell<'_>,
        frame: Option<&StepFrame>,
        outputs: &Arc<dyn Outputs>,
    ) -> Result<Option<MimeBundle>, CellError> {
        let lowered = self.lower(cell, frame)?;
        // Shell lines stand before all else, and a compile error would come too late to undo them: so does it here.
        for segment in cell.segments() {
            if segment.kind == SegmentKind::Shell {
                self.shared.run_shell(cell.slice(&segment.span), outputs)?;
            }
        }
        let result = self.shared.engine.evaluate(lowered, Arc::clone(outputs));
        result.map_err(|error| hint_at_remainder(self.shared.named(error), cell))
    }

    fn lower(&self, cell: &Cell<'_>, frame: Option<&StepFrame>) -> Result<SourceMap, CellError> {
        let variables = self.shared.engine.variables();
        let items = self.shared.engine.items();
        let is_taken = |name: &str| {
            variables.iter().any(|variable| variable.name == name) || items.iter().any(|item| item == name)
        };
        let Lowered { code, needs_library } = match frame {
            Some(frame) => lower_step(cell, frame, &is_taken)?,
            None => lower(cell, &is_taken)?,
        };
        Ok(if needs_library {
            code.with_prefix(&format!("{}\n", self.cell_library))
        } else {
            code
        })
    }

    /// A cell as rust-analyzer can read it: lowered if that is possible while it is being typed.
    fn for_analysis(&self, code: &str) -> SourceMap {
        let cell = cell::parse(code);
        self.lower(&cell, None).unwrap_or_else(|_| without_magics(&cell))
    }
}

impl Notebook for Session {
    fn run(&self, request: &CellRequest, outputs: Arc<dyn Outputs>) -> Result<(), CellError> {
        let cell = cell::parse(&request.code);
        if !request.silent {
            let mut history = self.shared.history.lock().unwrap_or_else(PoisonError::into_inner);
            history.push((request.execution_count, request.code.clone()));
        }
        let Some(call) = cell.cell_magic() else {
            let result = self.run_cell(&cell, &outputs);
            self.shared.has_run(request, &cell, result.as_ref().err());
            return result;
        };
        let body = cell.slice(&cell.body().unwrap_or_default());
        let wants_help = cell::wants_help(cell.text(), call);
        if cell.slice(&call.name) == "time" && cell.problems().is_empty() && !wants_help {
            let result = self.run_timed(&cell, body, &outputs);
            self.shared.has_run(request, &cell, result.as_ref().err());
            return result;
        }
        if let Some(problem) = cell.problems().first() {
            return Err(CellError::new("Usage", problem.message.clone()).with_help(&problem.help));
        }
        if cell.slice(&call.name) == "pip_step" && !wants_help {
            return self.run_step(request, &cell, &outputs);
        }
        self.shared.with_context(&outputs, false, |context| {
            magic::run_cell_magic(&cell, call, body, context)
        })
    }

    fn user_expression(&self, expression: &str) -> Result<MimeBundle, CellError> {
        let cell = cell::parse(expression);
        let is_rust = |kind: &SegmentKind| matches!(kind, SegmentKind::Rust | SegmentKind::Trivia);
        if !cell.segments().iter().all(|segment| is_rust(&segment.kind)) {
            return Err(CellError::new("Usage", "a user expression is Rust alone")
                .with_help("Magics, shell lines and commands run in cells. `job` and `pip` are there."));
        }
        let outputs = Arc::new(NoOutputs);
        let result = self.shared.engine.evaluate(self.lower(&cell, None)?, outputs);
        Ok(result.map_err(|error| self.shared.named(error))?.unwrap_or_default())
    }

    fn complete(&self, code: &str, offset: usize) -> Completions {
        if let Some(completions) =
            self.shared
                .with_context(&(Arc::new(NoOutputs) as Arc<dyn Outputs>), false, |context| {
                    magic::complete(code, offset, context)
                })
        {
            return completions;
        }
        let map = self.for_analysis(code);
        let found = self
            .shared
            .engine
            .try_complete(map.lowered(), map.to_lowered(offset), ANALYSIS);
        let Some(mut found) = found else {
            return self.shared.with_known(|known| known.complete(code, offset));
        };
        if found.items.is_empty() {
            return Completions {
                start: offset,
                end: offset,
                items: Vec::new(),
            };
        }
        (found.start, found.end) = (
            map.offset_in_source(found.start).min(offset),
            offset.max(map.offset_in_source(found.end)),
        );
        found
    }

    fn inspect(&self, code: &str, offset: usize, detail: u8) -> Option<MimeBundle> {
        if let Some(help) = magic::help_at(code, offset) {
            return Some(help);
        }
        let map = self.for_analysis(code);
        let found = self
            .shared
            .engine
            .try_inspect(map.lowered(), map.to_lowered(offset), ANALYSIS);
        let Some(found) = found else {
            return self.shared.with_known(|known| known.inspect(code, offset));
        };
        if detail == 0 {
            return found;
        }
        match self.shared.source_of(definition::name_at(code, offset)?) {
            Some(cell) => Some(definition::with_source(found, &cell)),
            None => found,
        }
    }

    fn completeness(&self, code: &str) -> Completeness {
        match cell::completeness(code) {
            cell::Completeness::Complete => Completeness::Complete,
            cell::Completeness::Incomplete { indent } => Completeness::Incomplete { indent },
            cell::Completeness::Invalid => Completeness::Invalid,
        }
    }

    fn interrupt(&self) {
        self.shared.state.interrupt_shells();
        self.shared.engine.interrupt();
    }

    fn shutdown(&self) {
        self.shared.state.interrupt_shells();
        self.shared.engine.shutdown();
    }
}

impl Session {
    fn run_timed(&self, cell: &Cell<'_>, body: &str, outputs: &Arc<dyn Outputs>) -> Result<(), CellError> {
        let code = without_magic(cell, body);
        let timed = cell::parse(&code);
        // There is nothing to time.
        if let Some(error) = unbalanced_error(&timed) {
            return Err(error);
        }
        let started = std::time::Instant::now();
        let result = self.run_cell(&timed, outputs);
        let total = started.elapsed();
        let text = match self.shared.socket.last_run() {
            Some(ran) if needs_engine(&timed) => {
                format!(
                    "Wall time: {ran:.3?} (and {:.3?} to compile)\n",
                    total.saturating_sub(ran)
                )
            }
            _ => format!("Wall time: {total:.3?}\n"),
        };
        outputs.stream(Stream::Stdout, &text);
        result
    }
}

impl Shared {
    /// Runs a cell without Rust.
    fn run_direct(&self, cell: &Cell<'_>, outputs: &Arc<dyn Outputs>) -> Result<(), CellError> {
        for segment in cell.segments() {
            if outputs.is_interrupted() {
                return Err(CellError::new("Interrupted", "the cell was interrupted"));
            }
            match &segment.kind {
                SegmentKind::Shell => self.run_shell(cell.slice(&segment.span), outputs)?,
                SegmentKind::LineMagic(call) => {
                    self.with_context(outputs, false, |context| magic::run_line(cell, call, context))?;
                }
                SegmentKind::Help(help) => {
                    let name = cell.slice(&help.name);
                    match magic::help(name).or_else(|| self.inspect_name(name, help.is_magic)) {
                        Some(bundle) => outputs.display(bundle, serde_json::Map::new(), None),
                        None if help.is_magic => return Err(magic::unknown(name)),
                        None => outputs.stream(Stream::Stdout, &format!("Nothing is known of `{name}`.\n")),
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The cell that has defined an item, with its number.
    fn source_of(&self, name: &str) -> Option<(u32, String)> {
        let is_item = self.engine.items().iter().any(|item| item == name);
        let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        definition::defining_cell(name, &history).filter(|_| is_item).cloned()
    }

    fn inspect_name(&self, name: &str, is_magic: bool) -> Option<MimeBundle> {
        if is_magic {
            return None;
        }
        let found = self.engine.try_inspect(name, name.len(), ANALYSIS);
        found.unwrap_or_else(|| self.with_known(|known| known.inspect(name, name.len())))
    }

    /// What is known without the engine.
    fn with_known<T>(&self, look: impl FnOnce(&Known<'_>) -> T) -> T {
        look(&Known {
            variables: &self.engine.variables(),
            items: &self.engine.items(),
            cells: &self.history.lock().unwrap_or_else(PoisonError::into_inner),
        })
    }

    fn run_shell(&self, line: &str, outputs: &Arc<dyn Outputs>) -> Result<(), CellError> {
        let command = line.trim().trim_start_matches('!').trim();
        crate::shell::run_shell(command, outputs, &self.state)
    }

    fn with_context<T>(&self, outputs: &Arc<dyn Outputs>, amid_rust: bool, run: impl FnOnce(&Context<'_>) -> T) -> T {
        let history = || self.history.lock().unwrap_or_else(PoisonError::into_inner).clone();
        run(&Context {
            state: &self.state,
            outputs,
            engine: &self.engine,
            history: &history,
            worker: self,
            steps: &self.steps,
            amid_rust,
        })
    }
}

impl Shared {
    /// An error that came back from a cell by `?` may have lost its name on the way, in another error such as `anyhow`'s. One that
    /// the store gave the cell is known.
    fn named(&self, error: CellError) -> CellError {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        match refused {
            Some(refused) if error.ename == "Error" && error.evalue == refused.to_string() => pip_error(&refused),
            _ => error,
        }
    }
}

impl WorkerSettings for Shared {
    fn set_directory(&self, directory: &Path) {
        self.socket.set_directory(directory);
    }

    fn set_variable(&self, name: &str, value: &str) {
        self.socket.set_variable(name, value);
    }

    fn set_checkpoints(&self, on: bool) {
        self.socket.set_checkpoints(on);
    }
}

/// Whether anything of a cell is for the compiler, evcxr's commands included.
fn needs_engine(cell: &Cell<'_>) -> bool {
    cell.has_rust()
        || cell.segments().iter().any(|segment| match &segment.kind {
            SegmentKind::Command => true,
            SegmentKind::LineMagic(call) => magic::needs_rust(cell, call),
            _ => false,
        })
}

/// A cell's body. Blank lines in place of the magic's own line and what stands before it keep the numbers of lines.
fn without_magic(cell: &Cell<'_>, body: &str) -> String {
    let lines = cell.text()[..cell.text().len() - body.len()].matches('\n').count();
    format!("{}{body}", "\n".repeat(lines))
}

/// The commands of a cell, each by its first word.
fn commands<'a>(cell: &'a Cell<'_>) -> impl Iterator<Item = &'a str> {
    let lines = cell
        .segments()
        .iter()
        .filter(|segment| segment.kind == SegmentKind::Command);
    lines.filter_map(|segment| cell.slice(&segment.span).split_whitespace().next())
}

/// evcxr's `:quit` would end the kernel under the client that waits for its answer. Its `:restart` leaves cells that look for
/// variables which are gone.
fn refuse_commands(cell: &Cell<'_>) -> Result<(), CellError> {
    let refused = commands(cell).find(|word| matches!(*word, ":quit" | ":restart"));
    let message = match refused {
        None => return Ok(()),
        Some(":quit") => "a notebook does not end by `:quit`",
        Some(_) => "a notebook does not start over by `:restart`",
    };
    Err(CellError::new("Usage", message)
        .with_help("`%reset` forgets variables and items; the client's menu restarts the kernel or shuts it down."))
}

/// An error that came after everything was forgotten. The engine knows nothing of that, and may say that every variable is there.
fn after_clear(mut error: CellError) -> CellError {
    if error.ename == "Interrupted" {
        error = CellError::new("Interrupted", format!("the cell was interrupted after its `{CLEAR}`"));
    }
    for line in &mut error.traceback {
        for untrue in [
            "Every variable is as it was before this cell.",
            "Every variable is as it was.",
        ] {
            *line = line.replace(untrue, "");
        }
    }
    error.traceback.retain(|line| !line.is_empty());
    error.with_help(format!(
        "Its `{CLEAR}` has been obeyed: every variable and item of earlier cells is gone."
    ))
}

/// Blanks what is not Rust, so that offsets stay.
fn without_magics(cell: &Cell<'_>) -> SourceMap {
    let mut builder = Builder::new(cell.text());
    for segment in cell.segments() {
        let span = segment.span.clone();
        match segment.kind {
            SegmentKind::Rust | SegmentKind::Trivia | SegmentKind::Command => builder.keep(span),
            _ => {
                let blank: String = cell
                    .slice(&span)
                    .bytes()
                    .map(|byte| if byte == b'\n' { '\n' } else { ' ' })
                    .collect();
                builder.replace(span, &blank);
            }
        }
    }
    builder.finish()
}

/// A `%name` that was read as Rust's remainder is the likely reason why a cell does not compile.
fn hint_at_remainder(error: CellError, cell: &Cell<'_>) -> CellError {
    match cell.remainders().first() {
        Some(span) if error.ename == "CompileError" => {
            let text = cell.slice(span);
            error.with_help(format!(
                "`{text}` was read as Rust's remainder operator, since the expression before it has not ended. If it is \
                 meant as a magic, end the line before it with `;`."
            ))
        }
        _ => error,
    }
}

/// Outputs that nobody sees.
struct NoOutputs;

impl Outputs for NoOutputs {
    fn stream(&self, _: Stream, _: &str) {}
    fn display(&self, _: MimeBundle, _: serde_json::Map<String, serde_json::Value>, _: Option<&str>) {}
    fn update_display(&self, _: MimeBundle, _: serde_json::Map<String, serde_json::Value>, _: &str) {}
    fn clear_output(&self, _: bool) {}
    fn execute_result(&self, _: MimeBundle, _: serde_json::Map<String, serde_json::Value>) {}
    fn input(&self, _: &str, _: bool) -> Result<String, crate::outputs::InputError> {
        Err(crate::outputs::InputError::NotAllowed)
    }
}
