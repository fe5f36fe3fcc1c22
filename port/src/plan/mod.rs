//! What becomes of each cell: decided here, written by [`crate::generate`].

mod checks;
mod errors;
mod makers;
mod prose;
mod read;
mod roots;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use pipulate::cell::Cell;
use toml::Value;

use crate::analysis::{CellAnalysis, Resolution};
use crate::diagnostics::Place;
use crate::items::Merged;
use crate::lower::StepFunction;
use crate::notebook::Notebook;
use crate::plain::PlainCall;
use crate::report::{Note, Outcome, Refusal};
use crate::text::line_and_column;

/// What is to be written.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) notebook: &'a Notebook,
    /// The cells with code that are not left out for their tags.
    pub(crate) code: Vec<CodeCell<'a>>,
    /// The steps, in order.
    pub(crate) steps: Vec<StepPlan>,
    /// The workflow's name.
    pub(crate) workflow: String,
    pub(crate) title: Option<String>,
    pub(crate) description: String,
    /// Dependencies, by the name that the manifest gives them.
    pub(crate) dependencies: BTreeMap<String, Value>,
    /// Every word of the notebook's Rust.
    pub(crate) words: BTreeSet<String>,
    /// Names that items and imports give a meaning to at module level.
    pub(crate) defined: BTreeSet<String>,
    /// Whether an import brings names that are not known.
    pub(crate) has_globs: bool,
    /// Whether one of those is of a crate other than the standard library, so that they may be any.
    pub(crate) brings_unknown: bool,
    /// Whether the notebook exports macros of its own, for calls as `crate::NAME!`.
    pub(crate) exports_macros: bool,
    /// The notebook's own error types that only `Debug` can show, as `report_by_debug!` takes them.
    pub(crate) debug_errors: Vec<String>,
    /// What became of each cell of the notebook.
    pub(crate) outcomes: Vec<Outcome>,
    /// What there is to say about each cell of the notebook.
    pub(crate) notes: Vec<Vec<Note>>,
    pub(crate) refusals: Vec<Refusal>,
}

/// A cell with code, read.
#[derive(Debug)]
pub(crate) struct CodeCell<'a> {
    /// Its index in the notebook, from 0.
    pub(crate) index: usize,
    pub(crate) parsed: Cell<'a>,
    pub(crate) analysis: CellAnalysis,
    /// What it loads again of the cells before it.
    pub(crate) resolution: Resolution,
    /// Plain Rust that sets and gets steps.
    pub(crate) calls: Vec<PlainCall>,
    /// How its items merge with those of the cells before it.
    pub(crate) merged: Vec<Merged>,
    /// Names of items that the cells before it define.
    pub(crate) items_before: BTreeSet<String>,
}

/// One step of the workflow.
#[derive(Debug)]
pub(crate) struct StepPlan {
    /// The step's name; for one that saves, the first name that it asks for or gives a value to.
    pub(crate) name: String,
    /// The position of its cell in [`Plan::code`].
    pub(crate) code: usize,
    /// Whether its value is its last expression.
    pub(crate) computes: bool,
    pub(crate) label: Option<String>,
    pub(crate) description: String,
    /// The names that it gives a value to, besides its own when it computes.
    pub(crate) sets: Vec<String>,
    pub(crate) fields: Vec<FieldPlan>,
    /// The function's name.
    pub(crate) function: String,
    pub(crate) lowered: StepFunction,
}

/// One field of a step's form.
#[derive(Debug)]
pub(crate) struct FieldPlan {
    pub(crate) name: String,
    /// The type, as it was written.
    pub(crate) ty: String,
    pub(crate) label: Option<String>,
    pub(crate) help: Option<String>,
    pub(crate) choices: Vec<String>,
    pub(crate) secret: bool,
    /// Where the function of the default is named and what it does.
    pub(crate) default: Option<(String, StepFunction)>,
    /// The name of the function that makes the field, where only the module of the steps knows its type.
    pub(crate) function: Option<String>,
}

impl<'a> Plan<'a> {
    /// Plans a notebook's port. What stands in its way is in [`Plan::refusals`], all of it.
    pub(crate) fn new(notebook: &'a Notebook, stem: &str, folder: &Path) -> Self {
        let mut plan = Self {
            notebook,
            code: Vec::new(),
            steps: Vec::new(),
            workflow: stem.to_owned(),
            title: None,
            description: String::new(),
            dependencies: BTreeMap::new(),
            words: BTreeSet::new(),
            defined: BTreeSet::new(),
            has_globs: false,
            brings_unknown: false,
            exports_macros: false,
            debug_errors: Vec::new(),
            outcomes: vec![Outcome::LeftOut { reason: String::new() }; notebook.cells.len()],
            notes: vec![Vec::new(); notebook.cells.len()],
            refusals: Vec::new(),
        };
        let skipped = plan.read_cells();
        plan.read_settings(folder);
        plan.refuse_places();
        plan.read_items();
        plan.resolve(&skipped);
        plan.plan_steps();
        plan.check_order();
        plan.describe();
        plan.sort();
        plan
    }

    /// Whether a name of ours or the standard library's may mean something else in the notebook.
    pub(crate) fn takes(&self, name: &str) -> bool {
        self.defined.contains(name) || self.brings_unknown
    }

    /// Refuses the port for what stands at a place of a cell.
    pub(crate) fn refuse(
        &mut self,
        index: usize,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let place = self.place(index, span.start);
        self.outcomes[index] = Outcome::Refused;
        let refusal = Refusal {
            place: Some(place),
            message: message.into(),
            help: help.into(),
        };
        if !self.refusals.contains(&refusal) {
            self.refusals.push(refusal);
        }
    }

    /// Says something about a place of a cell.
    pub(crate) fn note(&mut self, index: usize, at: usize, text: impl Into<String>) {
        let line = self.place(index, at).line;
        let note = Note {
            line,
            text: text.into(),
        };
        if !self.notes[index].contains(&note) {
            self.notes[index].push(note);
        }
    }

    pub(crate) fn place(&self, index: usize, at: usize) -> Place {
        let cell = &self.notebook.cells[index];
        let (line, column) = line_and_column(&cell.source, at);
        Place {
            cell: cell.place,
            line,
            column,
        }
    }

    /// `cell 3 [5], line 2`.
    pub(crate) fn whereabouts(&self, index: usize, at: usize) -> String {
        let place = self.place(index, at);
        format!("{}, line {}", place.cell, place.line)
    }

    fn sort(&mut self) {
        self.refusals.sort_by_key(|refusal| {
            refusal
                .place
                .is_none()
                .then_some(())
                .map_or((0, refusal.place), |()| (1, None))
        });
        for notes in &mut self.notes {
            notes.sort();
        }
    }
}

impl CodeCell<'_> {
    /// Whether anything of it runs.
    pub(crate) fn has_statements(&self) -> bool {
        let analysis = &self.analysis;
        analysis.statements
            || analysis.step.is_some()
            || !analysis.sets.is_empty()
            || !analysis.gets.is_empty()
            || !analysis.inputs.is_empty()
    }

    /// The names of steps that it gives a value to, in order, with their first places.
    pub(crate) fn sets(&self) -> Vec<(String, Range<usize>)> {
        let magics = self
            .analysis
            .sets
            .iter()
            .filter(|set| set.call.job.is_none())
            .map(|set| (set.call.step.text.clone(), set.span.clone()));
        let plain = self
            .calls
            .iter()
            .filter(|call| call.sets)
            .map(|call| (call.step.clone(), call.span.clone()));
        let mut sets: Vec<(String, Range<usize>)> = magics.chain(plain).collect();
        sets.sort_by_key(|(_, span)| span.start);
        let mut seen = BTreeSet::new();
        sets.retain(|(step, _)| seen.insert(step.clone()));
        sets
    }

    /// Whether it becomes a step.
    pub(crate) fn is_step(&self) -> bool {
        self.analysis.step.is_some() || !self.analysis.inputs.is_empty() || !self.sets().is_empty()
    }
}
