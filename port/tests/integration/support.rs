//! Notebooks in a few words, and what becomes of them.

use std::path::Path;

use pipulate_port::{PortError, PortInput, PortReport, Ported, port};
use serde_json::{Value, json};

/// A notebook, cell by cell.
#[derive(Clone, Default)]
pub(crate) struct Fixture {
    cells: Vec<Value>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A notebook of code cells alone.
    pub(crate) fn of(cells: &[&str]) -> Self {
        cells.iter().fold(Self::new(), |fixture, cell| fixture.code(cell))
    }

    pub(crate) fn code(self, source: &str) -> Self {
        self.tagged(&[], source)
    }

    pub(crate) fn tagged(mut self, tags: &[&str], source: &str) -> Self {
        let id = format!("id-{}", self.cells.len() + 1);
        self.cells.push(json!({
            "cell_type": "code", "id": id, "metadata": { "tags": tags }, "execution_count": null, "outputs": [], "source": source,
        }));
        self
    }

    pub(crate) fn markdown(self, source: &str) -> Self {
        self.tagged_markdown(&[], source)
    }

    pub(crate) fn tagged_markdown(mut self, tags: &[&str], source: &str) -> Self {
        let id = format!("id-{}", self.cells.len() + 1);
        self.cells
            .push(json!({ "cell_type": "markdown", "id": id, "metadata": { "tags": tags }, "source": source }));
        self
    }

    /// The notebook's text.
    pub(crate) fn text(&self) -> String {
        json!({ "cells": self.cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5 }).to_string()
    }

    pub(crate) fn sources(&self) -> Vec<String> {
        let source = |cell: &Value| cell["source"].as_str().unwrap().to_owned();
        self.cells.iter().map(source).collect()
    }

    pub(crate) fn try_port(&self) -> Result<Ported, PortError> {
        try_port(&self.text())
    }

    pub(crate) fn port(&self) -> Ported {
        match self.try_port() {
            Ok(ported) => ported,
            Err(error) => panic!("{}", told(&error)),
        }
    }

    /// The report of a notebook that is not ported.
    pub(crate) fn refused(&self) -> PortReport {
        match self.try_port() {
            Err(PortError::Refused(report)) => *report,
            Err(error) => panic!("{error}"),
            Ok(ported) => panic!("it is ported: {}", ported.report),
        }
    }
}

pub(crate) fn told(error: &PortError) -> String {
    match error {
        PortError::Refused(report) => format!("{error}\n{}", report.refusals_as_text()),
        error => error.to_string(),
    }
}

pub(crate) fn try_port(text: &str) -> Result<Ported, PortError> {
    port(&PortInput {
        notebook: text,
        file_name: "hello.ipynb",
        folder: Path::new("/home/ada/notebooks"),
        libraries: "vendor",
    })
}

/// A file of a ported crate.
pub(crate) fn file<'p>(ported: &'p Ported, path: &str) -> &'p str {
    ported
        .generated
        .files
        .get(Path::new(path))
        .unwrap_or_else(|| panic!("there is no {path}"))
}

/// Everything that stands in the functions of the steps.
pub(crate) fn steps(ported: &Ported) -> &str {
    file(ported, "src/cells/steps.rs")
}

/// The notebook of Pipulate's hello workflow, with some of everything.
pub(crate) fn hello() -> Fixture {
    Fixture::new()
        .markdown("# Hello workflow\n\nAsks for a name, and greets.")
        .code("%pip_job hello-01 --workflow hello\n:dep serde = { version = \"1\", features = [\"derive\"] }")
        .code("use std::fmt;\n\nuse serde::{Deserialize, Serialize};\n\n// Who is greeted.\n#[derive(Clone, Debug, Serialize, Deserialize)]\nstruct Guest {\n    name: String,\n    age: u8 ,\n}\n\nimpl fmt::Display for Guest {\n    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, \"{} ({})\", self.name, self.age) }\n}")
        .markdown("## Your name\n\nAs your friends say it.")
        .code("let name: String = %pip_input name \"What is your name?\" --help-text \"Any will do.\"\nlet age: u8 = %pip_input age --default 36;")
        .code("// A guest, to be kept.\nlet guest = Guest { name: name.clone(), age };\n%pip_set guest = guest // for later\n%pip_steps\nguest.age")
        .markdown("Now the greeting.")
        .code("%%pip_step greeting \"The greeting\"\nlet guest: Guest = %pip_get guest;\n\nlet text = format!(\"Hello, {guest}, or {name}!\");\ntext")
        .code("%pip_read\n%pip_finalize")
        .tagged(&["skip"], "println!(\"for me alone\");")
}
