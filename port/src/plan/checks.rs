//! What cells say to each other: variables, and the order of steps.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Plan;
use super::read::Skipped;
use crate::analysis::{CellLabel, Definitions, Untracked, Where};

/// A step's value that a cell reads.
struct Read {
    step: String,
    span: Range<usize>,
    /// Whether it does without a value.
    has_default: bool,
    /// Whether it is a variable of an earlier cell that is loaded again.
    is_reload: bool,
    /// Whether it is plain Rust that does without a value: how a step finds what it has left half done.
    resumes: bool,
}

impl Plan<'_> {
    /// Finds which variables of earlier cells each cell uses, and refuses those that did not come through the pipeline.
    pub(super) fn resolve(&mut self, skipped: &[Skipped]) {
        let mut definitions = Definitions::new();
        for position in 0..self.code.len() {
            let cell = &mut self.code[position];
            cell.resolution = definitions.resolve(&cell.analysis);
            let notebook = &self.notebook.cells[cell.index];
            let label = CellLabel::number(notebook.place.number);
            definitions.add(&notebook.id, label, &cell.analysis);
        }
        for position in 0..self.code.len() {
            if self.code[position].is_step() {
                self.refuse_untracked(position);
                self.refuse_out_of_sight(position, skipped);
            }
        }
    }

    fn refuse_untracked(&mut self, position: usize) {
        let index = self.code[position].index;
        let untracked = self.code[position].resolution.untracked.clone();
        for variable in &untracked {
            let here = self.notebook.cells[index].place;
            let message = format!("{} It is used in {here}.", variable.message());
            let help = help(variable, &here.to_string());
            self.refuse(index, &variable.used, message, help);
        }
    }

    /// Names that are defined only in cells that the port does not have, or that come later.
    fn refuse_out_of_sight(&mut self, position: usize, skipped: &[Skipped]) {
        let cell = &self.code[position];
        let index = cell.index;
        let known = |name: &String| {
            let resolution = &cell.resolution;
            self.defined.contains(name)
                || resolution.reloads.iter().any(|reload| reload.names.contains(name))
                || resolution.untracked.iter().any(|variable| variable.name == *name)
                || matches!(name.as_str(), "job" | "pip")
        };
        let mut found = Vec::new();
        for (name, used) in cell.analysis.free.iter().filter(|(name, _)| !known(name)) {
            let left_out = skipped
                .iter()
                .rev()
                .find(|skipped| skipped.index < index && skipped.names.contains(name));
            if let Some(skipped) = left_out {
                let message = format!(
                    "`{name}` is of {}, which is tagged `{}` and left out.",
                    self.notebook.cells[skipped.index].place, skipped.tag
                );
                let help = if used.variable {
                    format!("Ask for it, `let {name}: TYPE = %pip_input {name};`, or take the tag away.")
                } else {
                    "Take the tag away.".to_owned()
                };
                found.push((used.span.clone(), message, help));
                continue;
            }
            if let Some((maker, at)) = self.maker_of(position, name) {
                let message = format!(
                    "`{name}` is made by `{maker}!` in {at}, and what a macro makes in a cell is seen in that cell alone."
                );
                let help = format!(
                    "Call it in a module: `mod made {{ use super::*; crate::{maker}! {{ .. }} }}`, and then `use made::*;`. `{name}` has to be \
                     `pub` there, and `{maker}!` needs `#[macro_export]`."
                );
                found.push((used.span.clone(), message, help));
                continue;
            }
            let later = self.code[position + 1..]
                .iter()
                .find(|later| used.variable && later.analysis.step.is_none() && later.analysis.binding(name).is_some());
            if let Some(later) = later {
                let message = format!(
                    "`{name}` is bound in {}, further down than it is used.",
                    self.notebook.cells[later.index].place
                );
                let help = "The order of the cells is that of the steps: move that cell up.".to_owned();
                found.push((used.span.clone(), message, help));
            }
        }
        for (span, message, help) in found {
            self.refuse(index, &span, message, help);
        }
    }

    /// Refuses two steps of one name, and steps that read what is not there yet.
    pub(super) fn check_order(&mut self) {
        // For each name: the position of the cell in `code`, and where it is given a value or asked for.
        let mut makers: BTreeMap<String, (usize, Range<usize>)> = BTreeMap::new();
        for position in 0..self.code.len() {
            if !self.code[position].is_step() {
                continue;
            }
            let index = self.code[position].index;
            for (name, span) in self.made(position) {
                match makers.get(&name) {
                    Some((first, _)) if *first == position => {}
                    Some((first, at)) => {
                        let first = self.whereabouts(self.code[*first].index, at.start);
                        let message = format!("The step `{name}` is made twice: in {first}, and here.");
                        self.refuse(index, &span, message, "Give one of them another name.");
                    }
                    None => {
                        makers.insert(name, (position, span));
                    }
                }
            }
        }
        for position in 0..self.code.len() {
            if !self.code[position].is_step() {
                continue;
            }
            let index = self.code[position].index;
            for read in self.reads(position) {
                match makers.get(&read.step) {
                    Some((maker, at)) if *maker > position => {
                        let maker = self.whereabouts(self.code[*maker].index, at.start);
                        let message = format!(
                            "The step `{}` is read here, and made further down, in {maker}.",
                            read.step
                        );
                        let help = "The order of the cells is that of the steps: move the cell that makes it up.";
                        self.refuse(index, &read.span, message, help);
                    }
                    Some((maker, at))
                        if *maker == position
                            && (at.start > read.span.start && !read.resumes
                                || self.is_own_value(position, &read.step)) =>
                    {
                        let message = format!("The step `{}` reads the value that it had before.", read.step);
                        let help = "A step is worked out from the steps before it: give the new value another name.";
                        self.refuse(index, &read.span, message, help);
                    }
                    Some(_) => {}
                    None if read.has_default || read.is_reload => {}
                    None => {
                        let near = pipulate::cell::nearest(&read.step, makers.keys().map(String::as_str));
                        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                        let text = format!("no step gives `{}` a value{near}", read.step);
                        self.note(index, read.span.start, text);
                    }
                }
            }
        }
        if self.steps.is_empty() && self.refusals.is_empty() {
            self.refusals.push(crate::report::Refusal {
                place: None,
                message: "The notebook has no step.".to_owned(),
                help:
                    "A cell becomes a step by `%%pip_step NAME` on its first line, by `%pip_set NAME = VALUE`, or by \
                       `let name: TYPE = %pip_input NAME;`."
                        .to_owned(),
            });
        }
    }

    /// Whether a cell's own value is that of this step.
    fn is_own_value(&self, position: usize, step: &str) -> bool {
        let own = self.code[position].analysis.step.as_ref();
        own.is_some_and(|own| own.step.text == step)
    }

    /// The names that a cell gives a value to or asks for, in order.
    fn made(&self, position: usize) -> Vec<(String, Range<usize>)> {
        let cell = &self.code[position];
        let own = cell
            .analysis
            .step
            .iter()
            .map(|step| (step.step.text.clone(), step.step.span.clone()));
        let inputs = cell.analysis.inputs.iter();
        let inputs = inputs.map(|input| (input.call.step.text.clone(), input.span.clone()));
        let mut made: Vec<(String, Range<usize>)> = own.chain(inputs).chain(cell.sets()).collect();
        made.sort_by_key(|(_, span)| span.start);
        made
    }

    /// The steps whose values a cell reads, in order.
    fn reads(&self, position: usize) -> Vec<Read> {
        let cell = &self.code[position];
        let gets = cell
            .analysis
            .gets
            .iter()
            .filter(|get| get.call.job.is_none())
            .map(|get| Read {
                step: get.call.step.text.clone(),
                span: get.span.clone(),
                has_default: get.call.default.is_some(),
                is_reload: false,
                resumes: false,
            });
        let plain = cell.calls.iter().filter(|call| call.reads).map(|call| Read {
            step: call.step.clone(),
            span: call.span.clone(),
            has_default: !call.requires,
            is_reload: false,
            resumes: !call.requires,
        });
        let reloads = cell
            .resolution
            .reloads
            .iter()
            .filter(|reload| reload.job.is_none())
            .map(|reload| {
                let used = reload.names.iter().find_map(|name| cell.analysis.free.get(name));
                Read {
                    step: reload.step.clone(),
                    span: used.map_or(0..0, |used| used.span.clone()),
                    has_default: reload.default.is_some() || reload.secret,
                    is_reload: true,
                    resumes: false,
                }
            });
        let mut reads: Vec<Read> = gets.chain(plain).chain(reloads).collect();
        reads.sort_by_key(|read| read.span.start);
        reads
    }
}

/// The lines that would let a variable be loaded again, each on a line of its own.
fn help(variable: &Untracked, here: &str) -> String {
    let lines: Vec<String> = variable
        .lines
        .iter()
        .map(|line| {
            let place = match line.place {
                Where::AfterBinding => format!("At the end of {} add", variable.cell),
                Where::InsteadOfBinding => format!("In {} replace the `let` by", variable.cell),
                Where::BeforeUse => format!("At the beginning of {here} add"),
                // What may come is at least named.
                #[allow(unreachable_patterns, reason = "the places may become more")]
                _ => "Add".to_owned(),
            };
            format!("{place}: {}", line.line)
        })
        .collect();
    lines.join("\n")
}
