//! A notebook's file: text in, cells out.
//!
//! Formats 4.0 to 4.5 are read, and later ones of format 4 as far as they are like them. Careless programs and hands leave things out or
//! write them twice; what does not matter to a port is passed over, and what does is an error that says where.

use std::collections::HashSet;
use std::fmt;

use nbformat::v4::Cell as FormatCell;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The newest minor version of format 4 that is known.
const MINOR: u64 = 5;
/// The longest id that a cell may have.
const LONGEST_ID: usize = 64;

/// A notebook's cells, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notebook {
    /// The cells.
    pub cells: Vec<NotebookCell>,
    /// What is odd about the file and did not stop it from being read, each as a clause about it.
    pub warnings: Vec<String>,
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotebookCell {
    /// Which one it is.
    pub place: CellPlace,
    /// Its id in the file; where the file has none, or one that is not allowed or taken, one made from its number.
    pub id: String,
    /// What it holds.
    pub kind: CellKind,
    /// Its text.
    pub source: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether files are attached to it.
    pub has_attachments: bool,
}

/// Which cell of a notebook: its number among all of them, from 1, and the number that Jupyter shows beside it when it has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CellPlace {
    /// The number among all cells, markdown included, from 1.
    pub number: usize,
    /// The execution count, in brackets beside the cell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_count: Option<i32>,
}

impl fmt::Display for CellPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cell {}", self.number)?;
        match self.execution_count {
            Some(count) => write!(formatter, " [{count}]"),
            None => Ok(()),
        }
    }
}

/// What a cell holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CellKind {
    /// Rust, commands and magics.
    Code,
    /// Text for people.
    Markdown,
    /// Text for other programs.
    Raw,
}

/// Why a text cannot be read as a notebook.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NotebookError {
    /// A clause about the file: `it is not JSON: ..`.
    pub reason: String,
    /// What may help.
    pub help: Option<&'static str>,
}

impl NotebookError {
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

impl Notebook {
    /// Reads a notebook's text.
    ///
    /// # Errors
    /// When it is no notebook of format 4, or one for another language. The reason names the line or the cell.
    pub fn parse(text: &str) -> Result<Self, NotebookError> {
        // Editors of Windows put a byte order mark there.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim().is_empty() {
            return Err(NotebookError::new("the file is empty"));
        }
        let json: Value = serde_json::from_str(text).map_err(|error| not_json(text, &error))?;
        let Value::Object(fields) = json else {
            return Err(NotebookError::new("it is JSON, but not a notebook"));
        };
        let mut warnings = Vec::new();
        warnings.extend(check_format(&fields)?);
        check_language(&fields)?;
        let cells = match fields.get("cells") {
            Some(Value::Array(cells)) => cells,
            Some(_) => return Err(NotebookError::new("its `cells` are not a list")),
            None => return Err(NotebookError::new("it has no `cells`")),
        };
        let ids = ids(cells, &mut warnings);
        let cells = cells
            .iter()
            .zip(ids)
            .enumerate()
            .map(|(index, (cell, id))| read_cell(index + 1, cell, &id))
            .collect::<Result<_, _>>()?;
        Ok(Self { cells, warnings })
    }
}

impl NotebookCell {
    /// Whether the cell has this tag.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|candidate| candidate == tag)
    }
}

fn not_json(text: &str, error: &serde_json::Error) -> NotebookError {
    let reason = NotebookError::new(format!("it is not JSON: {error}"));
    if text.lines().any(|line| line.starts_with("<<<<<<< ")) {
        reason.help("It has the marks of a merge that has conflicts.")
    } else {
        reason
    }
}

/// Rust came to notebooks with format 4. Gives a warning about a minor version of the future.
fn check_format(fields: &Map<String, Value>) -> Result<Option<String>, NotebookError> {
    let number = |name: &str| match fields.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_u64()
            .map(Some)
            .ok_or_else(|| NotebookError::new(format!("its `{name}` is not a number"))),
    };
    let Some(format) = number("nbformat")? else {
        return Err(NotebookError::new(
            "it is JSON, but not a notebook: `nbformat` is missing",
        ));
    };
    match format {
        4 => {}
        0..4 => {
            return Err(NotebookError::new(format!(
                "it is in the notebook format {format}, which is too old: 4 is needed"
            ))
            .help("`jupyter nbconvert --to notebook FILE` upgrades it, and so does saving it in Jupyter."));
        }
        _ => {
            return Err(NotebookError::new(format!(
                "it is in the notebook format {format}, which is too new: 4 is needed"
            )));
        }
    }
    let minor = number("nbformat_minor")?.unwrap_or(0);
    Ok((minor > MINOR).then(|| {
        format!("it is in the notebook format 4.{minor}, and this version knows 4.{MINOR}: what is new is passed over")
    }))
}

/// The kernelspec comes first: it is what Jupyter goes by.
fn check_language(fields: &Map<String, Value>) -> Result<(), NotebookError> {
    let text = |section: &str, name: &str| {
        let text = fields.get("metadata")?.get(section)?.get(name)?.as_str()?;
        (!text.is_empty()).then_some(text)
    };
    match text("kernelspec", "language").or_else(|| text("language_info", "name")) {
        Some(language) if !language.eq_ignore_ascii_case("rust") => Err(NotebookError::new(format!(
            "it is written in {language}"
        ))
        .help("A port takes Rust. If that is what it is, choose the kernel in JupyterLab and save the notebook.")),
        _ => Ok(()),
    }
}

/// An id for each cell: its own, or one that is made from its place, so that the same notebook gets the same ids each time.
fn ids(cells: &[Value], warnings: &mut Vec<String>) -> Vec<String> {
    let given: Vec<Option<&str>> = cells
        .iter()
        .map(|cell| cell.get("id").and_then(Value::as_str))
        .collect();
    let mut taken: HashSet<String> = given.iter().flatten().map(|id| (*id).to_owned()).collect();
    let mut seen = HashSet::new();
    let mut ids = Vec::with_capacity(cells.len());
    for (index, id) in given.iter().enumerate() {
        if let Some(id) = id.filter(|id| is_id(id) && seen.insert(*id)) {
            ids.push(id.to_owned());
            continue;
        }
        if id.is_some_and(|id| !id.is_empty()) {
            warnings.push(format!(
                "the id of its cell {} is taken by an earlier cell, or not allowed",
                index + 1
            ));
        }
        let mut fresh = format!("cell-{}", index + 1);
        while taken.contains(&fresh) {
            fresh.push('x');
        }
        taken.insert(fresh.clone());
        ids.push(fresh);
    }
    ids
}

/// What format 4.5 takes for an id.
fn is_id(text: &str) -> bool {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    !text.is_empty() && text.len() <= LONGEST_ID && text.chars().all(allowed)
}

fn read_cell(number: usize, cell: &Value, id: &str) -> Result<NotebookCell, NotebookError> {
    let Value::Object(fields) = cell else {
        return Err(NotebookError::new(format!("its cell {number} is not an object")));
    };
    let kind = match fields.get("cell_type").and_then(Value::as_str) {
        Some("code") => CellKind::Code,
        Some("markdown") => CellKind::Markdown,
        Some("raw") => CellKind::Raw,
        Some(kind) => {
            return Err(NotebookError::new(format!(
                "its cell {number} is of the type `{kind}`: code, markdown and raw are known"
            )));
        }
        None => return Err(NotebookError::new(format!("its cell {number} has no `cell_type`"))),
    };
    let tags: Vec<&str> = fields
        .get("metadata")
        .and_then(|metadata| metadata.get("tags"))
        .and_then(Value::as_array)
        .map(|tags| tags.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let execution_count = fields
        .get("execution_count")
        .and_then(Value::as_i64)
        .and_then(|count| i32::try_from(count).ok());
    // What outputs a cell has, and what other programs keep in it, may be as odd as it likes.
    let plain = json!({
        "cell_type": fields["cell_type"],
        "id": id,
        "metadata": { "tags": tags },
        "execution_count": execution_count,
        "source": fields.get("source"),
        "outputs": [],
    });
    let read: FormatCell = serde_json::from_value(plain)
        .map_err(|_| NotebookError::new(format!("its cell {number} has no `source` that is text")))?;
    Ok(NotebookCell {
        place: CellPlace {
            number,
            execution_count,
        },
        id: read.id().to_string(),
        kind,
        source: read.source().concat(),
        tags: read.metadata().tags.clone().unwrap_or_default(),
        has_attachments: fields
            .get("attachments")
            .and_then(Value::as_object)
            .is_some_and(|attachments| !attachments.is_empty()),
    })
}
