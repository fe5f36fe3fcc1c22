//! What became of each cell, and why a notebook cannot be ported.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::diagnostics::Place;
use crate::notebook::{CellKind, CellPlace};

/// How much of a cell's first line is shown.
const EXCERPT: usize = 36;

/// What became of a notebook: every cell of it is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortReport {
    /// The notebook's file name.
    pub notebook: String,
    /// The workflow's name, under which its jobs are kept.
    pub workflow: String,
    /// The crate's name.
    pub package: String,
    /// The first heading before the first step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The steps, in order.
    pub steps: Vec<StepReport>,
    /// The names of the job's steps, in the workflow's order, each once: what is asked for, but for secrets, and what is given a value.
    pub names: Vec<String>,
    /// The cells, in order.
    pub cells: Vec<CellReport>,
    /// What is odd about the notebook as a whole, one sentence each.
    pub notes: Vec<String>,
    /// Why it cannot be ported, in order of place; empty when it can.
    pub refusals: Vec<Refusal>,
}

/// One step of the workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepReport {
    /// Its name.
    pub name: String,
    /// The function that runs it.
    pub function: String,
    /// The cell that it was.
    pub cell: CellPlace,
    /// The names that its form asks for.
    pub asks: Vec<String>,
    /// The names that it gives a value to.
    pub saves: Vec<String>,
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CellReport {
    /// Which one.
    pub cell: CellPlace,
    /// Its kind.
    pub kind: CellKind,
    /// Its first line that says anything, cut short.
    pub excerpt: String,
    /// What became of it.
    pub outcome: Outcome,
    /// More about it, each with the line of the cell that it is about.
    pub notes: Vec<Note>,
}

/// What became of a cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "became")]
#[non_exhaustive]
pub enum Outcome {
    /// A step.
    Step {
        /// The step's name.
        step: String,
    },
    /// Items at module level, and nothing that runs.
    Items {
        /// What they are: `fn greet`.
        items: Vec<String>,
    },
    /// Dependencies, the workflow's name.
    Settings {
        /// What it says.
        settings: Vec<String>,
    },
    /// The workflow's title and description.
    Title,
    /// The description of the step that comes next.
    Description {
        /// That step.
        step: String,
    },
    /// Nothing.
    LeftOut {
        /// Why.
        reason: String,
    },
    /// It is why the notebook cannot be ported.
    Refused,
}

/// Something that a user should know about a cell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Note {
    /// The line within the cell, from 1.
    pub line: usize,
    /// A clause: ``left out: `%pip_read` shows the notebook's job``.
    pub text: String,
}

/// Why a notebook cannot be ported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Where; `None` when it is about the notebook as a whole.
    pub place: Option<Place>,
    /// What is wrong, one sentence.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(
                formatter,
                "{}, line {}, column {}: ",
                place.cell, place.line, place.column
            )?;
        }
        formatter.write_str(&self.message)?;
        if !self.help.is_empty() {
            for (index, line) in self.help.lines().enumerate() {
                let lead = if index == 0 { "help: " } else { "      " };
                write!(formatter, "\n  {lead}{line}")?;
            }
        }
        Ok(())
    }
}

impl PortReport {
    /// The refusals, as a terminal shows them.
    pub fn refusals_as_text(&self) -> String {
        let refusals: Vec<String> = self.refusals.iter().map(ToString::to_string).collect();
        refusals.join("\n")
    }

    /// The names of the cells' outcomes with how often each came.
    fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for cell in self.cells.iter().filter(|cell| cell.kind == CellKind::Code) {
            let name = match cell.outcome {
                Outcome::LeftOut { .. } => "left out",
                Outcome::Refused => "refused",
                _ => continue,
            };
            *counts.entry(name).or_default() += 1;
        }
        counts
    }
}

impl fmt::Display for PortReport {
    /// The report as a terminal shows it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
        write!(
            formatter,
            "{}: workflow `{}`, {}",
            self.notebook,
            self.workflow,
            plural(self.steps.len(), "step")
        )?;
        for (name, count) in self.counts() {
            write!(formatter, ", {} {name}", plural(count, "cell"))?;
        }
        writeln!(formatter)?;
        let number = self
            .cells
            .iter()
            .map(|cell| cell.cell.to_string().len())
            .max()
            .unwrap_or(0);
        let excerpt = self
            .cells
            .iter()
            .map(|cell| cell.excerpt.chars().count())
            .max()
            .unwrap_or(0);
        for cell in &self.cells {
            let place = cell.cell.to_string();
            let space = " ".repeat(excerpt - cell.excerpt.chars().count());
            writeln!(
                formatter,
                "  {place:number$}  {}{space}  {}",
                cell.excerpt, cell.outcome
            )?;
            for note in &cell.notes {
                writeln!(formatter, "  {:number$}    line {}: {}", "", note.line, note.text)?;
            }
        }
        for note in &self.notes {
            writeln!(formatter, "note: {note}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step { step } => write!(formatter, "step `{step}`"),
            Self::Items { items } => {
                formatter.write_str("items: ")?;
                list(formatter, items)
            }
            Self::Settings { settings } => list(formatter, settings),
            Self::Title => formatter.write_str("title and description"),
            Self::Description { step } => write!(formatter, "description of step `{step}`"),
            Self::LeftOut { reason } => write!(formatter, "left out: {reason}"),
            Self::Refused => formatter.write_str("refused"),
        }
    }
}

fn list(formatter: &mut fmt::Formatter<'_>, words: &[String]) -> fmt::Result {
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            formatter.write_char(',')?;
            formatter.write_char(' ')?;
        }
        write!(formatter, "`{word}`")?;
    }
    Ok(())
}

/// The first line of a cell that says anything, cut short.
pub(crate) fn excerpt(source: &str) -> String {
    let lines = || source.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines()
        .find(|line| !line.starts_with("//"))
        .or_else(|| lines().next())
        .unwrap_or("");
    let shown = |character: char| if character.is_control() { ' ' } else { character };
    let mut text: String = line.chars().take(EXCERPT).map(shown).collect();
    if line.chars().count() > EXCERPT {
        text.pop();
        text.push('…');
    }
    text
}
