//! A workflow: steps in order, with labels and forms.

mod error;
mod field;
mod step;

use std::path::Path;
use std::sync::Arc;

use pipulate::WorkflowName;
use pipulate_port::{LinePlace, LinePlaces};

pub use error::StepError;
pub use field::{Field, FieldKind};
pub(crate) use step::DefaultFunction;
pub use step::{Step, StepKind};

/// An ordered list of steps, made from a notebook or by hand.
///
/// ```
/// use pipulate_server::{Field, Step, Workflow};
///
/// let workflow = Workflow::new("hello")
///     .title("Hello")
///     .step(Step::saves("name", |_, _| Ok(())).sets(["name"]).field(Field::new::<String>("name").label("Your name")))
///     .step(Step::computes("greeting", |_, job| Ok(format!("Hello, {}!", job.require::<String>("name")?))));
/// assert_eq!(workflow.steps().len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Workflow(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    name: String,
    title: Option<String>,
    description: String,
    notebook: Option<String>,
    steps: Vec<Step>,
    source: Option<Source>,
    lines: &'static str,
}

/// The text that the steps were compiled from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) cells: &'static str,
    pub(crate) steps: &'static str,
    pub(crate) manifest: &'static str,
}

impl Workflow {
    /// A workflow without steps. The name is that of its jobs' workflow, as the notebook knows it.
    pub fn new(name: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            name: name.into(),
            title: None,
            description: String::new(),
            notebook: None,
            steps: Vec::new(),
            source: None,
            lines: "",
        }))
    }

    /// The heading of its pages; the name where there is none.
    #[must_use]
    pub fn title(self, title: impl Into<String>) -> Self {
        self.with(|inner| inner.title = Some(title.into()))
    }

    /// What it is for, in Markdown.
    #[must_use]
    pub fn description(self, markdown: impl Into<String>) -> Self {
        self.with(|inner| inner.description = markdown.into())
    }

    /// The notebook that it was made from.
    #[must_use]
    pub fn notebook(self, file: impl Into<String>) -> Self {
        self.with(|inner| inner.notebook = Some(file.into()))
    }

    /// The text that the steps are compiled from: the items of the cells, the step functions, the crate's manifest. From it comes
    /// each step's fingerprint, by which a value is known to be stale when its code has changed.
    #[must_use]
    pub fn source(self, cells: &'static str, steps: &'static str, manifest: &'static str) -> Self {
        self.with(|inner| {
            inner.source = Some(Source { cells, steps, manifest });
        })
    }

    /// Which line of the notebook each line of the [`source`](Self::source) comes from, as [`pipulate_port::LINES`] has it. Errors of
    /// steps then name the line as well as the cell.
    #[must_use]
    pub fn lines(self, lines: &'static str) -> Self {
        self.with(|inner| inner.lines = lines)
    }

    /// Adds the next step.
    #[must_use]
    pub fn step(self, step: Step) -> Self {
        self.with(|inner| inner.steps.push(step))
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The heading of its pages.
    pub fn heading(&self) -> &str {
        self.0.title.as_deref().unwrap_or(&self.0.name)
    }

    /// What it is for, in Markdown.
    pub fn about(&self) -> &str {
        &self.0.description
    }

    /// The notebook that it was made from.
    pub fn made_from(&self) -> Option<&str> {
        self.0.notebook.as_deref()
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.0.steps
    }

    /// Where a step stands.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.0.steps.iter().position(|step| step.name() == name)
    }

    pub(crate) fn source_text(&self) -> Option<Source> {
        self.0.source
    }

    /// The notebook's cell that a place of the files that the steps were compiled from is of, its line where `places` has it, and what
    /// stands there.
    pub(crate) fn in_notebook(&self, place: &str, places: Option<&LinePlaces>) -> Option<String> {
        let source = self.0.source.as_ref()?;
        let (place, _column) = place.rsplit_once(':')?;
        let (file, line) = place.rsplit_once(':')?;
        let folder = file.rsplit(['/', '\\']).nth(1)?;
        let name = file.rsplit(['/', '\\']).next()?;
        let (path, text) = if folder == "cells" {
            (format!("src/cells/{name}"), source.steps)
        } else if name == "cells.rs" {
            ("src/cells.rs".to_owned(), source.cells)
        } else {
            return None;
        };
        let line: usize = line.parse().ok()?;
        let above: Vec<&str> = text.lines().take(line).collect();
        let is_heading = |line: &&&str| {
            let number = line.strip_prefix("// Cell ");
            number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let cell = above.iter().rev().find(is_heading)?.trim_start_matches("// Cell ");
        let code = above.get(line.checked_sub(1)?)?.trim();
        let found = match places {
            Some(places) => places.find(Path::new(file), line),
            None => LinePlaces::find_in_text(self.0.lines, &path, text, line),
        };
        Some(match found {
            Some(LinePlace { cell, line }) => format!("cell {cell}, line {line}: {code}"),
            None => format!("cell {cell}: {code}"),
        })
    }

    /// The names of the job's steps that this workflow has to do with, in order, each once.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for name in self.steps().iter().flat_map(Step::names) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// What is wrong with it, in one sentence.
    pub(crate) fn fault(&self) -> Option<String> {
        if let Err(error) = WorkflowName::new(self.name()) {
            return Some(error.to_string());
        }
        for (index, step) in self.steps().iter().enumerate() {
            if self.position(step.name()) != Some(index) {
                return Some(format!(
                    "workflow `{}` has two steps named `{}`",
                    self.name(),
                    step.name()
                ));
            }
            if let Some(error) = step.names().find_map(|name| pipulate::StepName::new(name).err()) {
                return Some(error.to_string());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use sha2::Digest;

    use super::*;

    #[test]
    fn a_place_of_the_source_is_one_of_the_notebook() {
        let cells = "// Cell 2\nfn f() {}\n\n// Cell 5\nfn g() {\n    panic!()\n}\n\npub mod steps;\n";
        let steps = "use super::*;\n\n// Cell 7\npub fn step_01_a(pip: Pip, job: Job) {\n// Cell twelve is not one\n    prices[99]\n}\n";
        let workflow = Workflow::new("w").source(cells, steps, "");
        for (place, expected) in [
            ("src/cells/steps.rs:6:5", Some("cell 7: prices[99]")),
            ("/home/ada/app/src/cells/steps.rs:6:5", Some("cell 7: prices[99]")),
            ("src/cells.rs:6:9", Some("cell 5: panic!()")),
            ("src/cells/steps.rs:1:1", None),
            ("src/cells/steps.rs:99:1", None),
            ("/rustc/library/core/src/num.rs:6:5", None),
            ("src/main.rs:6:5", None),
            ("somewhere", None),
        ] {
            assert_eq!(workflow.in_notebook(place, None).as_deref(), expected, "{place}");
        }
        assert_eq!(Workflow::new("w").in_notebook("src/cells/steps.rs:6:5", None), None);

        // What stands beside the source holds for as long as that is the same.
        for (text, expected) in [(steps, "cell 7, line 4: prices[99]"), ("", "cell 7: prices[99]")] {
            let digest = hex::encode(&sha2::Sha256::digest(text.as_bytes())[..8]);
            let lines = format!("\nsrc/cells/steps.rs {digest}\n5-6: cell 7, line 3\n");
            let workflow = workflow.clone().lines(lines.leak());
            let found = workflow.in_notebook("src/cells/steps.rs:6:5", None);
            assert_eq!(found.as_deref(), Some(expected));
        }

        let places = r#"{"files": {"src/cells/steps.rs": [null, null, null, null, null, {"cell": 7, "line": 4}]}}"#;
        let places: LinePlaces = serde_json::from_str(places).unwrap();
        for (place, expected) in [
            ("/home/ada/app/src/cells/steps.rs:6:5", "cell 7, line 4: prices[99]"),
            (
                "src/cells/steps.rs:4:1",
                "cell 7: pub fn step_01_a(pip: Pip, job: Job) {",
            ),
            ("src/cells.rs:6:9", "cell 5: panic!()"),
        ] {
            let found = workflow.in_notebook(place, Some(&places));
            assert_eq!(found.as_deref(), Some(expected), "{place}");
        }
    }
}
