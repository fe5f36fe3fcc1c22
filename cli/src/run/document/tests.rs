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
