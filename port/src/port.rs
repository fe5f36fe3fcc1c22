//! From a notebook's text to a crate's files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::diagnostics::Translator;
use crate::generate::{GeneratedCrate, generate};
use crate::names;
use crate::notebook::{Notebook, NotebookError};
use crate::places::LINES;
use crate::plan::Plan;
use crate::report::{CellReport, PortReport, StepReport, excerpt};

/// What a port is made from. Nothing else goes into it.
#[derive(Clone, Copy, Debug)]
pub struct PortInput<'a> {
    /// The notebook's text.
    pub notebook: &'a str,
    /// Its file name.
    pub file_name: &'a str,
    /// Its folder, from which relative paths of `:dep` lines are meant.
    pub folder: &'a Path,
    /// Where the folders `core` and `server` of the libraries are, as the crate's manifest shall say it.
    pub libraries: &'a str,
}

/// A notebook, ported.
#[derive(Clone, Debug)]
pub struct Ported {
    /// What became of each cell.
    pub report: PortReport,
    /// The crate.
    pub generated: GeneratedCrate,
    /// Shows what the compiler says of the crate at the places of the notebook.
    pub translator: Translator,
}

/// Why a notebook is not ported.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// The text is no notebook.
    #[error(transparent)]
    Notebook(#[from] NotebookError),
    /// Some of its cells stand in the way; the report has all of them.
    #[error("{} cannot be ported: {}", .0.notebook, count(.0))]
    Refused(Box<PortReport>),
}

fn count(report: &PortReport) -> String {
    match report.refusals.len() {
        1 => "1 thing stands in the way".to_owned(),
        more => format!("{more} things stand in the way"),
    }
}

/// Ports a notebook. The same input gives the same bytes.
///
/// ```
/// use std::path::Path;
///
/// use pipulate_port::{PortInput, port};
///
/// let notebook = r##"{
///     "nbformat": 4, "nbformat_minor": 5, "metadata": {},
///     "cells": [
///         {"cell_type": "code", "id": "a", "metadata": {}, "execution_count": null, "outputs": [],
///          "source": "let name: String = %pip_input name \"Your name\";"},
///         {"cell_type": "code", "id": "b", "metadata": {}, "execution_count": null, "outputs": [],
///          "source": "%%pip_step greeting\nformat!(\"Hello, {name}!\")"}
///     ]
/// }"##;
/// let ported = port(&PortInput {
///     notebook,
///     file_name: "hello.ipynb",
///     folder: Path::new("/home/ada"),
///     libraries: "vendor",
/// })
/// .unwrap();
/// let steps = &ported.generated.files[Path::new("src/cells/steps.rs")];
/// assert!(steps.contains("let name: String = job.require(\"name\")?;"));
/// assert!(steps.contains("format!(\"Hello, {name}!\")"));
/// ```
///
/// # Errors
/// When the text is no notebook, or when something in its cells stands in the way.
pub fn port(input: &PortInput<'_>) -> Result<Ported, PortError> {
    let notebook = Notebook::parse(input.notebook)?;
    let stem = names::stem(input.file_name);
    let plan = Plan::new(&notebook, stem, input.folder);
    let dependencies: BTreeSet<String> = plan.dependencies.keys().cloned().collect();
    let package = names::package(stem, &dependencies);
    let report = report(&plan, input.file_name, &package);
    if !report.refusals.is_empty() {
        return Err(PortError::Refused(Box::new(report)));
    }
    let mut generated = generate(&plan, input.file_name, &package, input.libraries);
    let cells = notebook.cells.iter().map(|cell| (cell.place, cell.source.clone()));
    let translator = Translator::new(input.file_name, cells, generated.maps.clone());
    let lines = translator.line_places(&generated.files).to_text(&generated.files);
    generated.files.insert(PathBuf::from(LINES), lines);
    Ok(Ported {
        report,
        generated,
        translator,
    })
}

/// What the notebook asks for and gives a value to, in the order of its cells; also in cells that are refused, since a notebook runs
/// them all the same.
fn job_steps(plan: &Plan<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for cell in &plan.code {
        let inputs = cell.analysis.inputs.iter().map(|input| &input.call);
        let asked = inputs.filter(|call| !call.secret && call.job.is_none());
        let own = cell.analysis.step.as_ref().map(|step| step.step.text.clone());
        let named = asked
            .map(|call| call.step.text.clone())
            .chain(own)
            .chain(cell.sets().into_iter().map(|(set, _)| set));
        for name in named {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

fn report(plan: &Plan<'_>, file_name: &str, package: &str) -> PortReport {
    let steps = plan.steps.iter().map(|step| StepReport {
        name: step.name.clone(),
        function: step.function.clone(),
        cell: plan.notebook.cells[plan.code[step.code].index].place,
        asks: step.fields.iter().map(|field| field.name.clone()).collect(),
        saves: step
            .computes
            .then(|| step.name.clone())
            .into_iter()
            .chain(step.sets.iter().cloned())
            .collect(),
    });
    let names = job_steps(plan);
    let cells = plan.notebook.cells.iter().enumerate().map(|(index, cell)| CellReport {
        cell: cell.place,
        kind: cell.kind,
        excerpt: excerpt(&cell.source),
        outcome: plan.outcomes[index].clone(),
        notes: plan.notes[index].clone(),
    });
    PortReport {
        notebook: file_name.to_owned(),
        workflow: plan.workflow.clone(),
        package: package.to_owned(),
        title: plan.title.clone(),
        steps: steps.collect(),
        names,
        cells: cells.collect(),
        notes: plan.notebook.warnings.clone(),
        refusals: plan.refusals.clone(),
    }
}
