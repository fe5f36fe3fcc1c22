//! What must be done before a cell runs: what it adds, what it awaits, how its value is shown.

use std::borrow::Cow;

use evcxr::EvalOutputs;

use super::{EvcxrEngine, Runtime, StandardLibrary};
use crate::engine::asynchronous;
use crate::engine::commands::{is_dependency, split_dependencies, split_opt};
use crate::engine::prelude::{self, Display};
use crate::engine::{Engine as _, Evaluation, OPTIMISATION_LEVELS};
use crate::environment;
use crate::outputs::CellError;
use crate::source_map::SourceMap;
use crate::worker::wire::{LOWERED_LINES, OF_MAGICS};

impl EvcxrEngine {
    /// Where `cargo_for_cells.sh` is not what cells are compiled by, cargo asks about rustc each time while dependencies are added, which
    /// gives the versions in use the chance to stay; see `rustc_for_cells.sh`. That takes time that other cells need not spend.
    pub(super) fn keep_versions(&mut self, adding: bool) -> Result<(), evcxr::Error> {
        let adding = adding && environment::announced_root().is_none();
        if self.keeps_versions != adding {
            let remembers = if adding { "0" } else { "1" };
            let variable = format!(":build_env CARGO_CACHE_RUSTC_INFO={remembers}");
            self.context.execute(&variable)?;
            self.keeps_versions = adding;
        }
        Ok(())
    }

    /// Does what must be done before a cell runs, and gives what is left of it to do.
    fn prepare<'a>(&mut self, code: &'a str) -> Result<Cow<'a, str>, evcxr::Error> {
        let new = |line: &&str| is_dependency(line) && !self.dependencies.contains(*line);
        let adding = code.lines().any(|line| new(&line));
        self.keep_versions(adding)?;
        if self.standard_library == StandardLibrary::WithoutArch && names(code, "arch") {
            self.read_arch()?;
        }
        let (_, code) = split_opt(code);
        let display = prelude::display(&code);
        if display == Display::Goes && self.display == Display::Stays {
            self.context.execute(prelude::NO_DISPLAY)?;
            self.display = Display::Goes;
        }
        if adding {
            self.prepare_to_add()?;
        }
        match code {
            Cow::Borrowed(code) => self.prepare_to_await(code),
            Cow::Owned(code) => Ok(Cow::Owned(self.prepare_to_await(&code)?.into_owned())),
        }
    }

    /// Does what `:opt` says, for the cell and those after it. evcxr would write the level into the manifest.
    pub(super) fn follow_opt(&mut self, code: &str) -> Result<(), CellError> {
        let (levels, _) = split_opt(code);
        let mut new = None;
        for level in levels {
            // Without a level, it goes to and fro.
            let before = new.unwrap_or(self.optimisation.as_str());
            let level = match level {
                "" if before == "2" => "0",
                "" => "2",
                level => level,
            };
            if !OPTIMISATION_LEVELS.contains(&level) {
                let levels = OPTIMISATION_LEVELS.join(", ");
                let what = format!("there is no optimisation level `{level}`: the levels are {levels}");
                return Err(
                    CellError::new("Usage", what).with_help("`:opt LEVEL` sets one, `:opt` goes from 2 to 0 and back.")
                );
            }
            new = Some(level);
        }
        if let Some(level) = new {
            self.set_optimisation(level);
            self.said = format!("Optimization: {level}");
        }
        Ok(())
    }

    /// Has rust-analyzer read the dependencies again, if it may have missed some.
    pub(super) fn check_reading(&mut self, was_stopped: bool) {
        if let Some(folder) = &self.crate_folder
            && self.reading.is_in_doubt(folder, was_stopped)
            && let Err(error) = self.context.set_opt_level(&self.reading.level())
        {
            tracing::warn!(%error, "types of dependencies may be unknown");
        }
    }

    /// Lets types of `std::arch` be inferred, which takes seconds.
    fn read_arch(&mut self) -> Result<(), evcxr::Error> {
        self.standard_library = StandardLibrary::WithArch;
        if let Some(sysroot) = &self.sysroot
            && let Some(root) = self.build_root.upgrade()
        {
            match root.provide_arch(sysroot) {
                Ok(()) => self.context.set_opt_level(&self.reading.level())?,
                Err(error) => tracing::info!(%error, "types of `std::arch` are not inferred"),
            }
        }
        Ok(())
    }

    /// The line that adds the cell library, if a cell adds other dependencies first. Both may want one crate with different
    /// features: coming later, the library would replace the user's by another, whose types are others, too.
    pub(super) fn library_to_come(&self, code: &str) -> Option<String> {
        let library = self.cell_library.as_ref()?;
        let mut dependencies = code.lines().filter(|line| is_dependency(line)).peekable();
        dependencies.peek()?;
        dependencies.all(|line| line != library).then(|| library.clone())
    }

    /// Runs a cell, unless it was interrupted before.
    pub(super) fn run(
        &mut self,
        code: &SourceMap,
        evaluation: &Evaluation<'_>,
    ) -> Option<Result<EvalOutputs, evcxr::Error>> {
        let prepared = self.prepare(code.lowered());
        self.note_lowered_lines(code);
        // A cell of ours may have taken the interrupt that was meant for the user's.
        if prepared.is_ok() && evaluation.outputs.is_interrupted() {
            return None;
        }
        Some(prepared.and_then(|code| self.context.execute(&code)))
    }

    /// Runs a cell as evcxr alone would. If it compiles, [`prelude::DISPLAY`] was in the way of another trait, and is gone; else what
    /// the compiler says is about the user's code.
    pub(super) fn run_without_display(
        &mut self,
        code: &SourceMap,
        evaluation: &Evaluation<'_>,
    ) -> Option<Result<EvalOutputs, evcxr::Error>> {
        if let Err(error) = self.context.execute(prelude::NO_DISPLAY) {
            return Some(Err(error));
        }
        self.display = Display::Goes;
        let result = self.run(code, evaluation);
        let has_run = matches!(&result, Some(Ok(_) | Err(evcxr::Error::SubprocessTerminated(_))));
        if !has_run && self.context.execute(prelude::DISPLAY).is_ok() {
            self.display = Display::Stays;
        }
        result
    }

    /// Says which lines of the cell were typed as others, for whoever shows where it panics.
    fn note_lowered_lines(&self, code: &SourceMap) {
        let Some(folder) = &self.crate_folder else { return };
        let typed: Vec<&str> = code.source().lines().collect();
        let lowered = code.lowered().lines().zip(1..);
        let lines: Vec<(&str, &str)> = lowered
            .filter(|(line, _)| line.contains(OF_MAGICS))
            .filter_map(|(line, number)| Some((line, *typed.get(code.to_source((number, 1)).0.checked_sub(1)?)?)))
            .collect();
        let file = folder.join(LOWERED_LINES);
        let noted = if lines.is_empty() && !file.exists() {
            Ok(())
        } else {
            std::fs::write(file, serde_json::json!(lines).to_string())
        };
        if let Err(error) = noted {
            tracing::warn!(%error, "panics in magics are not told at their line");
        }
    }

    /// Before dependencies are added: what might not outlive them is put aside.
    fn prepare_to_add(&mut self) -> Result<(), evcxr::Error> {
        self.load_dependencies();
        if self.runtime == Runtime::Ready {
            self.context.execute(asynchronous::PARK)?;
            self.runtime = Runtime::Parked;
        }
        Ok(())
    }

    /// Gives a cell that awaits, or comes after one that did, the runtime to do it on; and gives what is left of it to do.
    fn prepare_to_await<'a>(&mut self, code: &'a str) -> Result<Cow<'a, str>, evcxr::Error> {
        let mut all = self.dependencies.iter().map(String::as_str).chain(code.lines());
        let has_tokio = all.any(asynchronous::adds_tokio);
        let code = asynchronous::with_features(code);
        let runtime = match self.runtime {
            Runtime::Wanted => asynchronous::RUNTIME,
            Runtime::Parked => asynchronous::UNPARK,
            Runtime::None if asynchronous::is_in(&code, has_tokio) => asynchronous::RUNTIME,
            Runtime::None | Runtime::Ready => return Ok(code),
        };
        self.load_dependencies();
        let (dependencies, rest) = split_dependencies(&code);
        self.context.execute(&dependencies)?;
        // Where tokio cannot be had, the user's cell says so.
        if (has_tokio || self.context.execute(asynchronous::DEPENDENCY).is_ok())
            && self.context.execute(runtime).is_ok()
        {
            self.runtime = Runtime::Ready;
        }
        Ok(Cow::Owned(rest))
    }
}

/// Whether a word stands in the code, wherever.
fn names(code: &str, word: &str) -> bool {
    let ends = |character: char| !character.is_alphanumeric() && character != '_';
    code.split(ends).any(|found| found == word)
}
