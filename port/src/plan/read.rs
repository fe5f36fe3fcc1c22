//! Reads the cells: their magics, items and settings.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use pipulate::cell::{self, Cell, JobCall, MagicCall, SegmentKind};
use toml::Value;

use super::prose::left_out;
use super::{CodeCell, Plan};
use crate::analysis::{Item, ItemKind, Resolution, analyse};
use crate::dependencies::{self, OURS};
use crate::items::{Known, Merged};
use crate::lower::timed;
use crate::magics::{Fate, fate, nearest};
use crate::notebook::{CellKind, NotebookCell};
use crate::report::Outcome;
use crate::tokens;
use crate::{names, plain};

/// Tags of cells that a port leaves out: ours, Jupyter's, and that of cells which other programs replace.
const SKIP: [&str; 3] = ["skip", "skip-execution", "parameters"];

/// The tag for which a cell is left out.
pub(super) fn skip_tag(cell: &NotebookCell) -> Option<&'static str> {
    SKIP.into_iter().find(|tag| cell.has_tag(tag))
}

/// A cell that is left out for a tag.
pub(super) struct Skipped {
    pub(super) index: usize,
    pub(super) tag: &'static str,
    /// The variables and items that it defines.
    pub(super) names: BTreeSet<String>,
}

impl<'a> Plan<'a> {
    /// Reads every cell with code. Gives those that are left out for their tags.
    pub(super) fn read_cells(&mut self) -> Vec<Skipped> {
        let notebook = self.notebook;
        let mut skipped = Vec::new();
        for (index, cell) in notebook.cells.iter().enumerate() {
            if cell.kind != CellKind::Code {
                continue;
            }
            let parsed = cell::parse(&cell.source);
            if let Some(tag) = skip_tag(cell) {
                self.outcomes[index] = left_out(format!("it is tagged `{tag}`"));
                let names = analyse(&parsed).map(|analysis| {
                    let items = analysis.items.iter().flat_map(defined_names);
                    let bindings = analysis.bindings.iter().map(|binding| binding.name.clone());
                    items.chain(bindings).collect()
                });
                skipped.push(Skipped {
                    index,
                    tag,
                    names: names.unwrap_or_default(),
                });
                continue;
            }
            if parsed.is_blank() {
                let reason = if cell.source.trim().is_empty() {
                    "nothing stands in it"
                } else {
                    "only comments stand in it"
                };
                self.outcomes[index] = left_out(reason);
                continue;
            }
            self.read_cell(index, parsed);
        }
        skipped
    }

    fn read_cell(&mut self, index: usize, parsed: Cell<'a>) {
        let found = self.refusals.len();
        for problem in parsed.problems() {
            self.refuse(index, &problem.span, &problem.message, &problem.help);
        }
        for segment in parsed.segments() {
            match &segment.kind {
                SegmentKind::CellMagic(call) => self.check_magic(index, &parsed, call, "%%"),
                SegmentKind::LineMagic(call) => self.check_magic(index, &parsed, call, "%"),
                SegmentKind::LetMagic(binding) => self.check_magic(index, &parsed, &binding.call, "%"),
                SegmentKind::Command => self.note_command(index, &parsed, &segment.span),
                SegmentKind::Shell => {
                    self.note(index, segment.span.start, "left out: a line for the notebook's shell");
                }
                SegmentKind::Help(_) => self.note(index, segment.span.start, "left out: a request for help"),
                _ => {}
            }
        }
        let analysis = match analyse(&parsed) {
            Ok(analysis) => analysis,
            Err(fault) => {
                // The same may have been said already, in other words.
                if self.refusals.len() == found {
                    self.refuse(index, &fault.span, fault.message, fault.help);
                }
                return;
            }
        };
        if self.refusals.len() > found {
            return;
        }
        let words = tokens::of(&parsed);
        tokens::words(&words, &mut self.words);
        let calls = plain::calls(&parsed, &analysis);
        self.code.push(CodeCell {
            index,
            parsed,
            analysis,
            resolution: Resolution::default(),
            calls,
            merged: Vec::new(),
            items_before: BTreeSet::new(),
        });
    }

    fn check_magic(&mut self, index: usize, parsed: &Cell<'_>, call: &MagicCall, marks: &str) {
        let name = parsed.slice(&call.name);
        let at = call.name.start - marks.len()..call.name.end;
        if call.unfinished {
            self.refuse(
                index,
                &at,
                format!("`{marks}{name}` is not finished."),
                "Write what is missing: a value, a closing bracket or quote.",
            );
            return;
        }
        if cell::wants_help(parsed.text(), call) {
            self.note(index, at.start, "left out: a request for help");
            return;
        }
        match fate(name) {
            None => {
                let help = nearest(name).map_or_else(
                    || "`%lsmagic` lists those that there are.".to_owned(),
                    |nearest| format!("Did you mean `{marks}{nearest}`?"),
                );
                self.refuse(index, &at, format!("There is no magic `{marks}{name}`."), help);
            }
            Some(Fate::LeftOut(why)) => {
                self.note(index, at.start, format!("left out: `{marks}{name}`, since {why}"));
            }
            Some(Fate::Ported) if name == "time" && marks == "%" && call.value.is_some() => {
                if timed(parsed, call).is_none() {
                    self.note(index, at.start, "left out: `%time` of a magic or a shell line");
                }
            }
            Some(Fate::Ported) => {}
        }
    }

    fn note_command(&mut self, index: usize, parsed: &Cell<'_>, span: &Range<usize>) {
        let word = parsed.slice(span).split_whitespace().next().unwrap_or(":");
        if word != ":dep" {
            let text = format!("left out: `{word}`, a command to the notebook's engine");
            self.note(index, span.start, text);
        }
    }

    /// Takes the workflow's name and the dependencies from the cells.
    pub(super) fn read_settings(&mut self, folder: &Path) {
        let mut jobs: Vec<(usize, JobCall, Range<usize>)> = Vec::new();
        let mut wanted: Vec<(usize, crate::analysis::Dependency)> = Vec::new();
        for cell in &self.code {
            let found = cell.analysis.jobs.iter();
            jobs.extend(found.map(|(call, span)| (cell.index, call.clone(), span.clone())));
            wanted.extend(cell.analysis.dependencies.iter().map(|dep| (cell.index, dep.clone())));
        }
        self.read_jobs(&jobs);
        self.read_dependencies(&wanted, folder);
        let awaits = self.code.iter().any(|cell| cell.analysis.awaits);
        // The notebook's engine brings it with the first `.await`.
        if awaits && self.words.contains("tokio") && !self.dependencies.contains_key("tokio") {
            let value: toml::Table = [
                ("version".to_owned(), Value::String("1.34".to_owned())),
                (
                    "features".to_owned(),
                    Value::Array(vec!["rt".into(), "rt-multi-thread".into()]),
                ),
            ]
            .into_iter()
            .collect();
            self.dependencies.insert("tokio".to_owned(), Value::Table(value));
        }
    }

    fn read_jobs(&mut self, jobs: &[(usize, JobCall, Range<usize>)]) {
        let mut named: Option<(usize, Range<usize>)> = None;
        let mut key: Option<String> = None;
        for (index, call, span) in jobs {
            if let Some(workflow) = &call.workflow {
                match &named {
                    Some((first, at)) if self.workflow != workflow.text => {
                        let before = self.whereabouts(*first, at.start);
                        let (one, other) = (self.workflow.clone(), &workflow.text);
                        self.refuse(
                            *index,
                            span,
                            format!("The notebook has two workflows: `{one}` in {before}, and `{other}` here."),
                            "A port makes an app of one: give each a notebook of its own.",
                        );
                    }
                    Some(_) => {}
                    None => {
                        self.workflow.clone_from(&workflow.text);
                        named = Some((*index, span.clone()));
                    }
                }
            }
            if let Some(next) = &call.key {
                if key.as_ref().is_some_and(|key| *key != next.text) {
                    let text = format!(
                        "the notebook goes to another job, `{}`; a step of the app works on the job of its page",
                        next.text
                    );
                    self.note(*index, span.start, text);
                }
                key = Some(next.text.clone());
            }
        }
    }

    fn read_dependencies(&mut self, wanted: &[(usize, crate::analysis::Dependency)], folder: &Path) {
        for (index, dependency) in wanted {
            let wanted = match dependencies::read(dependency, folder) {
                Ok(wanted) => wanted,
                Err(unfit) => {
                    self.refuse(*index, &dependency.span, unfit.message, unfit.help);
                    continue;
                }
            };
            if OURS.contains(&wanted.name.replace('_', "-").as_str()) {
                let text = format!("left out: `:dep {}`, which every port has", wanted.name);
                self.note(*index, dependency.span.start, text);
                continue;
            }
            if wanted.is_guessed {
                let text = format!("the crate in that folder is taken to be called `{}`", wanted.name);
                self.note(*index, dependency.span.start, text);
            }
            let before = self.dependencies.insert(wanted.name.clone(), wanted.value.clone());
            if before.is_some_and(|before| before != wanted.value) {
                let text = format!("this `:dep {}` counts, and not the one of an earlier cell", wanted.name);
                self.note(*index, dependency.span.start, text);
            }
        }
    }

    /// Merges the items of all cells into one module.
    pub(super) fn read_items(&mut self) {
        let mut known = Known::default();
        for position in 0..self.code.len() {
            self.code[position].items_before.clone_from(&self.defined);
            let index = self.code[position].index;
            if self.code[position].analysis.step.is_some() {
                continue;
            }
            let items: Vec<Item> = self.code[position].analysis.items.clone();
            for item in &items {
                let merged = match known.add(index, item) {
                    Ok(merged) => merged,
                    Err(twice) => {
                        let (first, span) = twice.first;
                        let (before, second) = (self.whereabouts(first, span.start), twice.second.1.span.clone());
                        self.refuse(
                            index,
                            &second,
                            format!("`{}` is defined twice: in {before}, and here.", twice.title),
                            "In the notebook the later one takes the place of the other; in a crate both would stand. Keep one.",
                        );
                        Merged::Whole
                    }
                };
                self.brings_unknown |= item.brings_unknown();
                self.note_item(index, item, &merged);
                self.code[position].merged.push(merged);
                self.defined.extend(defined_names(item));
            }
        }
        self.find_debug_errors();
    }

    fn note_item(&mut self, index: usize, item: &Item, merged: &Merged) {
        match (&item.kind, merged) {
            (ItemKind::Use { .. } | ItemKind::ExternCrate, Merged::Gone(first) | Merged::Rest(_, first)) => {
                let first = self.notebook.cells[*first].place;
                let text = if matches!(merged, Merged::Gone(_)) {
                    format!("merged: `{}` stands in {first}", item.title())
                } else {
                    format!("merged: a part of `{}` stands in {first}", item.title())
                };
                self.note(index, item.span.start, text);
            }
            (ItemKind::Use { imports }, Merged::Whole) => {
                self.has_globs |= imports.iter().any(|import| import.tokens.ends_with('*'));
            }
            (ItemKind::Static { changeable: true }, _) => {
                let text = format!(
                    "all steps share `{}` as long as the process lives, while each of the notebook's cells has a fresh one",
                    item.title()
                );
                self.note(index, item.span.start, text);
            }
            _ => {}
        }
    }
}

/// The names that an item gives a meaning to.
fn defined_names(item: &Item) -> Vec<String> {
    match &item.kind {
        ItemKind::Use { imports } => imports.iter().filter_map(|import| import.name.clone()).collect(),
        ItemKind::ThreadLocal { statics } => statics.clone(),
        _ => item.name.iter().cloned().collect(),
    }
}

/// What a cell without steps became.
pub(super) fn outcome_without_step(cell: &CodeCell<'_>) -> Outcome {
    let analysis = &cell.analysis;
    let items: Vec<String> = analysis.items.iter().map(Item::title).collect();
    if !items.is_empty() {
        return Outcome::Items { items };
    }
    let mut settings: Vec<String> = analysis
        .dependencies
        .iter()
        .map(|dependency| cell.parsed.slice(&dependency.span).trim().to_owned())
        .collect();
    let jobs = analysis.jobs.iter().filter_map(|(call, _)| call.workflow.as_ref());
    settings.extend(jobs.map(|workflow| format!("--workflow {}", workflow.text)));
    if !settings.is_empty() {
        return Outcome::Settings { settings };
    }
    left_out(if !analysis.gets.is_empty() {
        "what it loads is loaded again where it is used"
    } else if cell.has_statements() || !analysis.free.is_empty() {
        "it has no effect on any step"
    } else if !analysis.jobs.is_empty() {
        "the page chooses the job"
    } else {
        "it acts on the notebook alone"
    })
}

/// The names of a step's functions, none of which the notebook's own items have.
pub(super) fn free_name(wanted: String, defined: &BTreeSet<String>, given: &mut BTreeSet<String>) -> String {
    let mut name = wanted;
    while defined.contains(&name) || given.contains(&name) {
        name.push_str("_step");
    }
    given.insert(name.clone());
    name
}

/// The name of a step's function.
pub(super) fn function_name(
    number: usize,
    step: &str,
    defined: &BTreeSet<String>,
    given: &mut BTreeSet<String>,
) -> String {
    free_name(names::function(number, step), defined, given)
}
