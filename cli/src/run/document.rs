//! The notebook's file.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::file;

/// Tags of cells that are not run: ours, which also ports leave out, and Jupyter's.
const SKIP: [&str; 2] = ["skip", "skip-execution"];
/// The tag of a cell that may fail: Jupyter's.
const MAY_FAIL: &str = "raises-exception";

/// A notebook in format 4.5.
///
/// It is kept as JSON, so that what we do not know about (metadata of other tools, attachments) stays as it is.
pub(crate) struct Document {
    json: Value,
}

/// A cell to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CodeCell {
    /// Its place among all cells of the document.
    pub(crate) index: usize,
    /// The id that it has in the file.
    pub(crate) id: String,
    /// Its code.
    pub(crate) code: String,
    /// Whether the notebook goes on when it fails.
    pub(crate) may_fail: bool,
}

impl Document {
    /// Reads a notebook; older formats are upgraded.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let failed = || format!("cannot read {}", path.display());
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => {}
            // To read a pipe is to wait for whoever may never write to it.
            Ok(metadata) => {
                let message = format!("{} is {}, not a notebook", path.display(), file::kind(&metadata));
                return Err(Failure::new(message)
                    .help("`pipulate run` takes the path of an .ipynb file.")
                    .into());
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Failure::missing(format!("there is no notebook {}", path.display())).into());
            }
            Err(error) => return Err(error).with_context(failed),
        }
        let text = fs::read_to_string(path).with_context(failed)?;
        Self::parse(&text).with_context(|| format!("{} is not a notebook that can be run", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let mut json: Value = serde_json::from_str(text)?;
        if json["nbformat"] == 3 {
            let nbformat::Notebook::V3(old) = nbformat::parse_notebook(text)? else {
                unreachable!("nbformat is 3")
            };
            let upgraded = nbformat::Notebook::V4(nbformat::upgrade_v3_notebook(old)?);
            json = serde_json::from_str(&nbformat::serialize_notebook(&upgraded)?)?;
        }
        upgrade(&mut json);
        // Outputs will be replaced, and one that is odd must not stop the notebook from running.
        let mut without_outputs = json.clone();
        for cell in cells_mut(&mut without_outputs) {
            if let Some(outputs) = cell.get_mut("outputs") {
                *outputs = json!([]);
            }
        }
        nbformat::parse_notebook(&without_outputs.to_string())?;
        Ok(Self { json })
    }

    /// The language that it is written in, where it says so.
    pub(crate) fn language(&self) -> Option<&str> {
        let metadata = &self.json["metadata"];
        metadata["language_info"]["name"]
            .as_str()
            .or_else(|| metadata["kernelspec"]["language"].as_str())
    }

    /// The cells to run, in order: code that is not empty and not to be skipped.
    pub(crate) fn cells_to_run(&self) -> Vec<CodeCell> {
        let cells = self.json["cells"].as_array().map_or(&[][..], Vec::as_slice);
        let code = cells.iter().enumerate().filter(|(_, cell)| is_code(cell));
        code.filter(|(_, cell)| !SKIP.iter().any(|tag| has_tag(cell, tag)))
            .map(|(index, cell)| CodeCell {
                index,
                id: cell["id"].as_str().unwrap_or_default().to_owned(),
                code: joined(&cell["source"]),
                may_fail: has_tag(cell, MAY_FAIL),
            })
            .filter(|cell| !cell.code.trim().is_empty())
            .collect()
    }

    /// How many cells with code are not to be run.
    pub(crate) fn skipped(&self) -> usize {
        let cells = self.json["cells"].as_array().map_or(&[][..], Vec::as_slice);
        cells
            .iter()
            .filter(|cell| is_code(cell) && SKIP.iter().any(|tag| has_tag(cell, tag)))
            .count()
    }

    /// Says what came of a cell. Cells of which nothing came have the count `None` and no outputs.
    pub(crate) fn record(&mut self, index: usize, execution_count: Option<usize>, outputs: Vec<Value>) {
        if let Some(cell) = cells_mut(&mut self.json).nth(index) {
            cell.insert(
                "execution_count".to_owned(),
                execution_count.map_or(Value::Null, Value::from),
            );
            cell.insert("outputs".to_owned(), outputs.into());
        }
    }

    /// Says which kernel ran it, where the notebook does not say yet.
    pub(crate) fn name_kernel(&mut self, language_info: Option<&Value>) {
        let Some(metadata) = self.json["metadata"].as_object_mut() else {
            return;
        };
        metadata
            .entry("kernelspec")
            .or_insert_with(|| json!({ "display_name": "Rust (Pipulate)", "language": "rust", "name": "pipulate" }));
        if let Some(language_info) = language_info {
            metadata.entry("language_info").or_insert_with(|| language_info.clone());
        }
    }

    /// Writes it, whole or not at all.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let mut text = Vec::new();
        // Jupyter indents by one space: a notebook that did not change is the same file.
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
        serde::Serialize::serialize(&self.json, &mut serializer)?;
        text.push(b'\n');
        file::write(path, &text)
    }
}

/// Brings format 4 to 4.5, which only adds the ids of cells, and adds what careless programs leave out.
fn upgrade(json: &mut Value) {
    if json["nbformat"] != 4 || json["nbformat_minor"].as_u64().is_none_or(|minor| minor > 5) {
        return;
    }
    json["nbformat_minor"] = 5.into();
    if let Some(notebook) = json.as_object_mut() {
        notebook.entry("metadata").or_insert_with(|| json!({}));
    }
    let mut taken: Vec<String> = cells_mut(json)
        .filter_map(|cell| cell.get("id")?.as_str().map(str::to_owned))
        .collect();
    for (index, cell) in cells_mut(json).enumerate() {
        cell.entry("metadata").or_insert_with(|| json!({}));
        if cell.get("cell_type").is_some_and(|kind| kind == "code") {
            cell.entry("execution_count").or_insert(Value::Null);
            cell.entry("outputs").or_insert_with(|| json!([]));
        }
        if cell.get("id").and_then(Value::as_str).is_none_or(str::is_empty) {
            // Made from its place: the same notebook gets the same ids each time.
            let mut id = format!("cell-{}", index + 1);
            while taken.contains(&id) {
                id.push('x');
            }
            taken.push(id.clone());
            cell.insert("id".to_owned(), id.into());
        }
    }
}

fn cells_mut(json: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let cells = json.get_mut("cells").and_then(Value::as_array_mut);
    cells.into_iter().flatten().filter_map(Value::as_object_mut)
}

fn is_code(cell: &Value) -> bool {
    cell["cell_type"] == "code"
}

fn has_tag(cell: &Value, tag: &str) -> bool {
    cell["metadata"]["tags"]
        .as_array()
        .is_some_and(|tags| tags.iter().any(|candidate| candidate == tag))
}

/// Multi-line text: one string, or one for each line.
fn joined(source: &Value) -> String {
    match source {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notebook(cells: &Value) -> Value {
        json!({ "cells": cells, "metadata": { "custom": { "b": 1, "a": 2 } }, "nbformat": 4, "nbformat_minor": 5 })
    }

    fn cell(id: &str, source: &Value, tags: &[&str]) -> Value {
        json!({ "cell_type": "code", "id": id, "metadata": { "tags": tags }, "execution_count": 7, "outputs": [], "source": source })
    }

    #[test]
    fn only_code_that_is_wanted_is_run() {
        let markdown = json!({ "cell_type": "markdown", "id": "m", "metadata": {}, "source": "# Title" });
        let cells = json!([
            markdown,
            cell("a", &json!(["let x = 1;\n", "x"]), &[]),
            cell("b", &json!("broken"), &["skip"]),
            cell("c", &json!("  \n"), &[]),
            cell("d", &json!("panic!()"), &["raises-exception", "other"]),
        ]);
        let document = Document::parse(&notebook(&cells).to_string()).unwrap();
        let expected = [
            CodeCell {
                index: 1,
                id: "a".into(),
                code: "let x = 1;\nx".into(),
                may_fail: false,
            },
            CodeCell {
                index: 4,
                id: "d".into(),
                code: "panic!()".into(),
                may_fail: true,
            },
        ];
        assert_eq!(document.cells_to_run(), expected);
        assert_eq!(document.skipped(), 1);
    }

    #[test]
    fn a_notebook_keeps_what_is_not_ours() {
        let mut odd = cell("a", &json!("1"), &[]);
        odd["outputs"] = json!([{ "output_type": "of the future" }]);
        let mut raw = json!({ "cell_type": "raw", "id": "r", "metadata": {}, "source": "text" });
        raw["attachments"] = json!({ "x.png": { "image/png": "aGk=" } });
        let original = notebook(&json!([odd, raw]));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.ipynb");
        let document = Document::parse(&original.to_string()).unwrap();
        document.write(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), original);
        assert!(
            text.find("\"b\": 1").unwrap() < text.find("\"a\": 2").unwrap(),
            "the order of keys changed: {text}"
        );
        assert!(
            text.starts_with("{\n \"cells\": [\n  {\n") && text.ends_with("}\n"),
            "{text}"
        );
    }

    #[test]
    fn older_formats_are_upgraded() {
        let old = json!({
            "cells": [
                { "cell_type": "code", "source": "1" },
                { "cell_type": "code", "id": "cell-1", "metadata": {}, "source": "2", "outputs": [], "execution_count": null },
            ],
            "metadata": {}, "nbformat": 4, "nbformat_minor": 2,
        });
        let document = Document::parse(&old.to_string()).unwrap();
        assert_eq!(document.json["nbformat_minor"], 5);
        let ids: Vec<_> = document.cells_to_run().into_iter().map(|cell| cell.id).collect();
        assert_eq!(ids, ["cell-1x", "cell-1"]);

        let ancient = json!({
            "metadata": {}, "nbformat": 3, "nbformat_minor": 0,
            "worksheets": [{ "cells": [
                { "cell_type": "code", "metadata": {}, "input": ["let x = 1;"], "language": "rust", "outputs": [] },
            ] }],
        });
        let document = Document::parse(&ancient.to_string()).unwrap();
        assert_eq!(document.cells_to_run()[0].code, "let x = 1;");
    }

    #[test]
    fn what_is_no_notebook_is_refused() {
        let duplicate = notebook(&json!([cell("a", &json!("1"), &[]), cell("a", &json!("2"), &[])])).to_string();
        for (text, part) in [
            ("", "EOF"),
            ("[]", "Unsupported notebook version"),
            (
                "{\"nbformat\": 5, \"nbformat_minor\": 0}",
                "Unsupported notebook version: 5.0",
            ),
            (&duplicate, "Duplicate Cell ID"),
        ] {
            let error = Document::parse(text).map(|_| ()).unwrap_err();
            assert!(format!("{error:#}").contains(part), "{text}: {error:#}");
        }
    }

    #[test]
    fn the_kernel_is_named_once() {
        let mut document = Document::parse(&notebook(&json!([])).to_string()).unwrap();
        document.name_kernel(Some(&json!({ "name": "rust" })));
        assert_eq!(document.language(), Some("rust"));
        document.name_kernel(Some(&json!({ "name": "other" })));
        assert_eq!(document.json["metadata"]["language_info"]["name"], "rust");
        assert_eq!(document.json["metadata"]["kernelspec"]["name"], "pipulate");
    }
}
