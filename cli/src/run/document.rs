//! The notebook's file.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
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
        file::write(path, lay_out(&serde_json::to_string(self)?).as_bytes())
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
mod tests {
    use super::*;

    fn notebook(cells: &Value) -> Value {
        json!({ "cells": cells, "metadata": { "custom": { "b": 1, "a": 2 } }, "nbformat": 4, "nbformat_minor": 5 })
    }

    fn cell(id: &str, source: &Value, tags: &[&str]) -> Value {
        json!({ "cell_type": "code", "id": id, "metadata": { "tags": tags }, "execution_count": 7, "outputs": [], "source": source })
    }

    fn parse(notebook: &Value) -> Document {
        Document::parse(&notebook.to_string()).unwrap()
    }

    fn written(document: &Document) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.ipynb");
        document.write(&path).unwrap();
        fs::read_to_string(&path).unwrap()
    }

    fn ids(document: &Document) -> Vec<String> {
        document.cells_to_run().into_iter().map(|cell| cell.id).collect()
    }

    #[test]
    fn only_code_that_is_wanted_is_run() {
        let markdown = json!({ "cell_type": "markdown", "id": "m", "metadata": {}, "source": "# Title" });
        let document = parse(&notebook(&json!([
            markdown,
            cell("a", &json!(["let x = 1;\n", "x"]), &[]),
            cell("b", &json!("broken"), &["skip"]),
            cell("c", &json!("  \n"), &[]),
            cell("d", &json!("panic!()"), &["raises-exception", "other"]),
        ])));
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
        assert!(document.has_code());
        let blank = [markdown, cell("c", &json!("  \n"), &[])];
        assert!(!parse(&notebook(&json!(blank))).has_code());
    }

    #[test]
    fn a_notebook_keeps_what_is_not_ours() {
        let mut odd = cell("a", &json!("1"), &[]);
        odd["outputs"] = json!([{ "output_type": "of the future" }]);
        let mut raw = json!({ "cell_type": "raw", "id": "r", "metadata": {}, "source": "text" });
        raw["attachments"] = json!({ "x.png": { "image/png": "aGk=" } });
        let original = notebook(&json!([odd, raw]));
        let text = written(&parse(&original));
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
    fn numbers_and_strings_stay_as_they_were_written() {
        let text = lay_out(
            r#"{"cells": [{"cell_type": "code", "execution_count": null, "id": "a", "metadata": {"big": 12345678901234567890123,
            "price": 1.10, "huge": 1e999, "text": "\u00e9 \ud800 \/"}, "outputs": [], "source": []}],
            "metadata": {"big": -98765432109876543210, "zero": -0.0}, "nbformat": 4, "nbformat_minor": 5, "x": 1E5}"#,
        );
        assert_eq!(written(&Document::parse(&text).unwrap()), text);
        // Also beside what is changed.
        let mut document = Document::parse(&text).unwrap();
        document.record(0, Some(1), &[]);
        document.name_kernel(None);
        let changed = written(&document);
        for part in [
            "12345678901234567890123",
            "1.10",
            "1e999",
            r"\u00e9 \ud800 \/",
            "-98765432109876543210",
            "-0.0",
        ] {
            assert!(changed.contains(part), "{part} is not in {changed}");
        }
        assert!(
            changed.contains("\"execution_count\": 1,\n") && changed.contains("\"name\": \"pipulate\""),
            "{changed}"
        );
    }

    #[test]
    fn an_older_format_4_is_upgraded() {
        let old = json!({
            "cells": [
                { "cell_type": "code", "source": "1" },
                { "cell_type": "code", "id": "cell-1", "metadata": {}, "source": "2", "outputs": [], "execution_count": null },
            ],
            "metadata": {}, "nbformat": 4, "nbformat_minor": 2,
        });
        let document = parse(&old);
        assert_eq!(ids(&document), ["cell-1x", "cell-1"]);
        assert!(document.warnings().is_empty(), "{:?}", document.warnings());
        let text = written(&document);
        let upgraded: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(upgraded["nbformat_minor"], 5);
        let first = json!({
            "cell_type": "code", "source": "1", "execution_count": null, "outputs": [], "metadata": {}, "id": "cell-1x",
        });
        assert_eq!(upgraded["cells"][0], first);
    }

    #[test]
    fn a_later_format_4_is_run_with_a_warning_and_keeps_its_number() {
        let mut future = notebook(&json!([cell("a", &json!("1"), &[])]));
        future["nbformat_minor"] = 9.into();
        future["cells"][0]["news"] = json!({ "x": 1 });
        let document = parse(&future);
        assert_eq!(
            document.warnings(),
            ["it is in the notebook format 4.9, and this version knows 4.5: what is new stays as it is"]
        );
        assert_eq!(serde_json::from_str::<Value>(&written(&document)).unwrap(), future);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_notebook() {
        let text = format!("\u{feff}{}", notebook(&json!([cell("a", &json!("1"), &[])])));
        let document = Document::parse(&text).unwrap();
        assert_eq!(ids(&document), ["a"]);
        assert!(written(&document).starts_with('{'));
    }

    #[test]
    fn an_id_that_is_taken_or_not_allowed_is_replaced_with_a_warning() {
        let long = "x".repeat(65);
        let cells = ["a", "a", "a b", "cell-2", &long, "cell-2"].map(|id| cell(id, &json!("1"), &[]));
        let document = parse(&notebook(&json!(cells)));
        assert_eq!(ids(&document), ["a", "cell-2x", "cell-3", "cell-2", "cell-5", "cell-6"]);
        assert_eq!(
            document.warnings(),
            ["its cells 2, 3, 5 and 6 get new ids: those they have are taken by an earlier cell, or not allowed"]
        );
        let again = parse(&serde_json::from_str(&written(&document)).unwrap());
        assert_eq!(again.warnings(), [""; 0]);
        let many: Vec<_> = (0..30).map(|_| cell("a", &json!("1"), &[])).collect();
        let warning = parse(&notebook(&json!(many))).warnings()[0].clone();
        assert!(warning.contains(" 10, 11 and 19 more get new ids"), "{warning}");
        let two = ["a", "a"].map(|id| cell(id, &json!("1"), &[]));
        let warning = parse(&notebook(&json!(two))).warnings()[0].clone();
        assert!(warning.starts_with("its cell 2 gets a new id: "), "{warning}");
    }

    #[test]
    fn what_is_no_notebook_is_refused() {
        let check = |text: &str, reason: &str| assert_eq!(Document::parse(text).unwrap_err().reason, reason, "{text}");
        check("", "the file is empty");
        check(" \n", "the file is empty");
        check("{", "it is not JSON: EOF while parsing an object at line 1 column 1");
        check("{} x", "it is not JSON: trailing characters at line 1 column 4");
        check("[]", "it is JSON, but not a notebook");
        check("{}", "it is JSON, but not a notebook");
        check("{\"nbformat\": \"4\"}", "it is JSON, but not a notebook");
        check(
            "{\"nbformat\": 3}",
            "it is in the notebook format 3, which is too old: 4 is needed",
        );
        check(
            "{\"nbformat\": 5}",
            "it is in the notebook format 5, which is too new: 4 is needed",
        );
        check("{\"nbformat\": 4}", "it has no `cells`");
        check(
            "{\"nbformat\": 4, \"nbformat_minor\": \"5\"}",
            "its `nbformat_minor` is not a number",
        );
        check("{\"nbformat\": 4, \"cells\": {}}", "its `cells` are not a list");
        let with_cell = |cell: &str| format!("{{\"nbformat\": 4, \"cells\": [{cell}]}}");
        check(&with_cell("1"), "its cell 1 is not an object");
        check(&with_cell("{}"), "its cell 1 has no `cell_type`");
        check(
            &with_cell("{\"cell_type\": \"Code\"}"),
            "its cell 1 is of the type `Code`: code, markdown and raw are known",
        );
        check(
            &with_cell("{\"cell_type\": \"code\"}"),
            "its cell 1 has no `source` that is text",
        );
        let merge = Document::parse("{\n<<<<<<< HEAD\n}").unwrap_err();
        assert_eq!(merge.help, Some("It has the marks of a merge that has conflicts."));
    }

    #[test]
    fn what_a_notebook_is_written_in_is_told() {
        let check = |metadata: &Value, expected: Written| {
            let notebook = json!({ "cells": [], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5 });
            assert_eq!(parse(&notebook).written(), expected, "{metadata}");
        };
        let language = |name: &str| Written::In(name.to_owned());
        check(&json!({}), Written::Unsaid);
        check(
            &json!({ "kernelspec": { "name": "", "display_name": "" } }),
            Written::Unsaid,
        );
        check(&json!({ "language_info": { "name": "python" } }), language("python"));
        check(
            &json!({ "kernelspec": { "name": "mine", "language": "rust" }, "language_info": { "name": "python" } }),
            language("rust"),
        );
        check(
            &json!({ "kernelspec": { "name": "python3" } }),
            Written::For("python3".to_owned()),
        );
    }

    #[test]
    fn the_kernel_is_named_once() {
        let mut document = parse(&notebook(&json!([])));
        document.name_kernel(Some(&json!({ "name": "rust" })));
        document.name_kernel(Some(&json!({ "name": "other" })));
        let metadata = serde_json::from_str::<Value>(&written(&document)).unwrap()["metadata"].clone();
        assert_eq!(metadata["language_info"]["name"], "rust");
        assert_eq!(metadata["kernelspec"]["name"], "pipulate");
    }
}
