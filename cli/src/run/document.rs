//! The notebook's file.

use std::collections::HashSet;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::verbatim::{Fields, lay_out};
use crate::failure::Failure;
use crate::file;

/// The minor version of format 4 that is written.
const MINOR: u64 = 5;
/// Tags of cells that are not run: ours, which also ports leave out, and Jupyter's.
const SKIP: [&str; 2] = ["skip", "skip-execution"];
/// The tag of a cell that may fail: Jupyter's.
const MAY_FAIL: &str = "raises-exception";
/// The longest id that a cell may have.
const LONGEST_ID: usize = 64;
/// How many cells a message names.
const CELLS_NAMED: usize = 10;

/// A notebook in format 4.5, or in a later one of format 4.
///
/// What we do not know about (metadata of other tools, attachments, fields of the future) stays as it was written, to the digit.
#[derive(Debug)]
pub(crate) struct Document {
    fields: Fields,
    cells: Vec<Fields>,
    warnings: Vec<String>,
}

/// A cell to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CodeCell {
    /// Its place among all cells of the document.
    pub(crate) index: usize,
    /// The id that it has in the file, or is given.
    pub(crate) id: String,
    /// Its code.
    pub(crate) code: String,
    /// Whether the notebook goes on when it fails.
    pub(crate) may_fail: bool,
}

/// What a notebook says about what it is to be run by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Written {
    /// In this language.
    In(String),
    /// For the kernel of this name; the language is not said.
    For(String),
    /// It does not say.
    Unsaid,
}

/// Why a file cannot be run as a notebook, and what may help.
#[derive(Debug, PartialEq, Eq)]
struct Unfit {
    reason: String,
    help: Option<&'static str>,
}

impl Unfit {
    fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            help: None,
        }
    }

    fn help(self, help: &'static str) -> Self {
        Self {
            help: Some(help),
            ..self
        }
    }
}

impl Document {
    /// Reads a notebook; an older format 4 is upgraded.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let failed = || format!("cannot read {}", path.display());
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => {}
            // To read a pipe is to wait for whoever may never write to it.
            Ok(metadata) => {
                let message = format!("{} is {}, not a notebook", path.display(), file::kind(&metadata));
                let help = "`pipulate run` takes the path of an .ipynb file.";
                return Err(Failure::new(message).help(help).into());
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(Failure::missing(format!("there is no notebook {}", path.display())).into());
            }
            Err(error) => return Err(error).with_context(failed),
        }
        let bytes = fs::read(path).with_context(failed)?;
        let document = String::from_utf8(bytes)
            .map_err(|_| Unfit::new("it is not text in UTF-8"))
            .and_then(|text| Self::parse(&text));
        document.map_err(|unfit| {
            let failure = Failure::new(format!("cannot run {}: {}", path.display(), unfit.reason));
            match unfit.help {
                Some(help) => failure.help(help).into(),
                None => failure.into(),
            }
        })
    }

    fn parse(text: &str) -> Result<Self, Unfit> {
        // Editors of Windows put a byte order mark there.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim().is_empty() {
            return Err(Unfit::new("the file is empty"));
        }
        let json: &RawValue = serde_json::from_str(text).map_err(|error| not_json(text, &error))?;
        let no_notebook = || Unfit::new("it is JSON, but not a notebook");
        let mut fields: Fields = serde_json::from_str(json.get()).map_err(|_| no_notebook())?;
        check_format(fields.get("nbformat").ok_or_else(no_notebook)?)?;
        let mut warnings = Vec::new();
        match fields.get::<u64>("nbformat_minor") {
            None if fields.has("nbformat_minor") => {
                return Err(Unfit::new("its `nbformat_minor` is not a number"));
            }
            Some(minor) if minor > MINOR => warnings.push(format!(
                "it is in the notebook format 4.{minor}, and this version knows 4.{MINOR}: what is new stays as it is"
            )),
            _ => fields.set("nbformat_minor", &MINOR),
        }
        fields.set_default("metadata", &json!({}));
        let cells: Vec<&RawValue> = match fields.raw("cells") {
            Some(cells) => serde_json::from_str(cells.get()).map_err(|_| Unfit::new("its `cells` are not a list"))?,
            None => return Err(Unfit::new("it has no `cells`")),
        };
        let cells = cells.iter().enumerate().map(|(index, cell)| read_cell(index + 1, cell));
        let mut cells = cells.collect::<Result<Vec<_>, _>>()?;
        warnings.extend(give_ids(&mut cells));
        Ok(Self {
            fields,
            cells,
            warnings,
        })
    }

    /// What is odd about it and did not stop it from being read, each as a clause about the file.
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What it says about its language. The kernelspec comes first: it is what Jupyter goes by.
    pub(crate) fn written(&self) -> Written {
        let metadata: Fields = self.fields.get("metadata").unwrap_or_default();
        let [kernelspec, language_info] =
            ["kernelspec", "language_info"].map(|name| metadata.get::<Fields>(name).unwrap_or_default());
        let text = |fields: &Fields, name: &str| fields.get::<String>(name).filter(|text| !text.is_empty());
        if let Some(language) = text(&kernelspec, "language").or_else(|| text(&language_info, "name")) {
            Written::In(language)
        } else if let Some(kernel) = text(&kernelspec, "name") {
            Written::For(kernel)
        } else {
            Written::Unsaid
        }
    }

    /// Whether there is any code, to be run or to be skipped.
    pub(crate) fn has_code(&self) -> bool {
        self.cells
            .iter()
            .any(|cell| is_code(cell) && !code(cell).trim().is_empty())
    }

    /// The cells to run, in order: code that is not empty and not to be skipped.
    pub(crate) fn cells_to_run(&self) -> Vec<CodeCell> {
        let cells = self.cells.iter().enumerate();
        cells
            .filter(|(_, cell)| is_code(cell) && !is_skipped(cell))
            .map(|(index, cell)| CodeCell {
                index,
                id: cell.get("id").unwrap_or_default(),
                code: code(cell),
                may_fail: has_tag(cell, MAY_FAIL),
            })
            .filter(|cell| !cell.code.trim().is_empty())
            .collect()
    }

    /// How many cells with code are not to be run.
    pub(crate) fn skipped(&self) -> usize {
        self.cells
            .iter()
            .filter(|cell| is_code(cell) && is_skipped(cell))
            .count()
    }

    /// Says what came of a cell. Cells of which nothing came have the count `None` and no outputs.
    pub(crate) fn record(&mut self, index: usize, execution_count: Option<usize>, outputs: &[Value]) {
        if let Some(cell) = self.cells.get_mut(index) {
            cell.set("execution_count", &execution_count);
            cell.set("outputs", &outputs);
        }
    }

    /// Says which kernel ran it, where the notebook does not say yet.
    pub(crate) fn name_kernel(&mut self, language_info: Option<&Value>) {
        let Some(mut metadata) = self.fields.get::<Fields>("metadata") else {
            return;
        };
        let ours = json!({ "display_name": "Rust (Pipulate)", "language": "rust", "name": "pipulate" });
        metadata.set_default("kernelspec", &ours);
        if let Some(language_info) = language_info {
            metadata.set_default("language_info", language_info);
        }
        self.fields.set("metadata", &metadata);
    }

    /// Writes it, whole or not at all.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        file::write(path, self.text()?.as_bytes())
    }

    /// Writes it where others read.
    pub(crate) fn print(&self, out: &mut dyn Write) -> Result<()> {
        out.write_all(self.text()?.as_bytes())?;
        Ok(out.flush()?)
    }

    fn text(&self) -> Result<String> {
        Ok(lay_out(&serde_json::to_string(self)?))
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut notebook = serializer.serialize_map(None)?;
        for (name, value) in self.fields.iter() {
            if name == "cells" {
                notebook.serialize_entry(name, &self.cells)?;
            } else {
                notebook.serialize_entry(name, value)?;
            }
        }
        notebook.end()
    }
}

fn not_json(text: &str, error: &serde_json::Error) -> Unfit {
    let unfit = Unfit::new(format!("it is not JSON: {error}"));
    if text.lines().any(|line| line.starts_with("<<<<<<< ")) {
        unfit.help("It has the marks of a merge that has conflicts.")
    } else {
        unfit
    }
}

/// Rust came to notebooks with format 4.
fn check_format(format: u64) -> Result<(), Unfit> {
    match format {
        4 => Ok(()),
        0..4 => Err(Unfit::new(format!(
            "it is in the notebook format {format}, which is too old: 4 is needed"
        ))
        .help("`jupyter nbconvert --to notebook FILE` upgrades it, and so does saving it in Jupyter.")),
        _ => Err(Unfit::new(format!(
            "it is in the notebook format {format}, which is too new: 4 is needed"
        ))),
    }
}

/// Reads a cell, and adds what careless programs and older formats leave out.
fn read_cell(number: usize, cell: &RawValue) -> Result<Fields, Unfit> {
    let mut cell: Fields =
        serde_json::from_str(cell.get()).map_err(|_| Unfit::new(format!("its cell {number} is not an object")))?;
    match cell.get::<String>("cell_type").as_deref() {
        Some("code") => {
            if cell.get::<Source>("source").is_none() {
                return Err(Unfit::new(format!("its cell {number} has no `source` that is text")));
            }
            cell.set_default("execution_count", &Value::Null);
            cell.set_default("outputs", &json!([]));
        }
        Some("markdown" | "raw") => {}
        Some(kind) => {
            let reason = format!("its cell {number} is of the type `{kind}`: code, markdown and raw are known");
            return Err(Unfit::new(reason));
        }
        None => return Err(Unfit::new(format!("its cell {number} has no `cell_type`"))),
    }
    cell.set_default("metadata", &json!({}));
    Ok(cell)
}

/// Gives ids to cells that have none, as format 4.5 wants it; and other ones where an id is taken already or not allowed, which
/// comes back as a warning.
fn give_ids(cells: &mut [Fields]) -> Option<String> {
    let given: Vec<Option<String>> = cells.iter().map(|cell| cell.get("id")).collect();
    let mut taken: HashSet<String> = given.iter().flatten().cloned().collect();
    let mut seen = HashSet::new();
    let mut changed = Vec::new();
    for (index, (cell, id)) in cells.iter_mut().zip(&given).enumerate() {
        if id.as_ref().is_some_and(|id| is_id(id) && seen.insert(id)) {
            continue;
        }
        if id.as_ref().is_some_and(|id| !id.is_empty()) {
            changed.push((index + 1).to_string());
        }
        // Made from its place: the same notebook gets the same ids each time.
        let mut fresh = format!("cell-{}", index + 1);
        while taken.contains(&fresh) {
            fresh.push('x');
        }
        cell.set("id", &fresh);
        taken.insert(fresh);
    }
    let more = changed.len().saturating_sub(CELLS_NAMED);
    changed.truncate(CELLS_NAMED);
    if more > 0 {
        changed.push(format!("{more} more"));
    }
    let reason = "taken by an earlier cell, or not allowed";
    match changed.split_last()? {
        (last, []) => Some(format!("its cell {last} gets a new id: the one it has is {reason}")),
        (last, others) => {
            let others = others.join(", ");
            Some(format!(
                "its cells {others} and {last} get new ids: those they have are {reason}"
            ))
        }
    }
}

/// What format 4.5 takes for an id.
fn is_id(text: &str) -> bool {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    !text.is_empty() && text.len() <= LONGEST_ID && text.chars().all(allowed)
}

fn is_code(cell: &Fields) -> bool {
    cell.get::<String>("cell_type").is_some_and(|kind| kind == "code")
}

fn is_skipped(cell: &Fields) -> bool {
    SKIP.iter().any(|tag| has_tag(cell, tag))
}

fn has_tag(cell: &Fields, tag: &str) -> bool {
    let metadata: Option<Fields> = cell.get("metadata");
    let tags: Option<Vec<Value>> = metadata.and_then(|metadata| metadata.get("tags"));
    tags.is_some_and(|tags| tags.iter().any(|candidate| candidate == tag))
}

/// Multi-line text: one string, or one for each line.
#[derive(Deserialize)]
#[serde(untagged)]
enum Source {
    Text(String),
    Lines(Vec<String>),
}

fn code(cell: &Fields) -> String {
    match cell.get("source") {
        Some(Source::Text(text)) => text,
        Some(Source::Lines(lines)) => lines.concat(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
