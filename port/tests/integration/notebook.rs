//! Notebooks of every version, and files that are none.

use pipulate_port::{CellKind, Notebook, PortError};
use serde_json::json;

use super::support::{Fixture, file, try_port};

fn refused(text: &str, reason: &str) {
    let error = Notebook::parse(text).unwrap_err();
    assert!(error.reason.starts_with(reason), "{}", error.reason);
    assert!(matches!(try_port(text), Err(PortError::Notebook(_))), "{text}");
}

#[test]
fn every_version_of_format_4_is_read() {
    for minor in 0..=5 {
        let cell = json!({
            "cell_type": "code", "metadata": {}, "execution_count": 7, "outputs": [],
            "source": ["%pip_set a = 1\n", "%pip_set b = 2"],
        });
        let notebook = json!({
            "nbformat": 4, "nbformat_minor": minor, "metadata": {}, "cells": [cell, {
                "cell_type": "markdown", "metadata": {}, "source": "text",
            }],
        });
        let read = Notebook::parse(&notebook.to_string()).unwrap();
        assert_eq!(read.cells[0].source, "%pip_set a = 1\n%pip_set b = 2");
        assert_eq!(read.cells[0].place.to_string(), "cell 1 [7]");
        assert_eq!(
            (read.cells[0].id.as_str(), read.cells[1].kind),
            ("cell-1", CellKind::Markdown)
        );
        assert_eq!(read, Notebook::parse(&notebook.to_string()).unwrap());
        let ported = try_port(&notebook.to_string()).unwrap();
        assert_eq!(ported.report.steps[0].saves, ["a", "b"]);
    }
}

#[test]
fn what_does_not_matter_may_be_odd() {
    let notebook = json!({
        "nbformat": 4, "nbformat_minor": 9, "metadata": { "kernelspec": { "language": "Rust" }, "x": [1] },
        "cells": [
            { "cell_type": "code", "id": "same", "source": "%pip_set a = 1", "outputs": "none", "metadata": { "tags": "x" } },
            { "cell_type": "code", "id": "same", "source": "", "metadata": null },
            { "cell_type": "raw", "id": "not an id", "source": [] },
        ],
    });
    let read = Notebook::parse(&format!("\u{feff}{notebook}")).unwrap();
    let ids: Vec<&str> = read.cells.iter().map(|cell| cell.id.as_str()).collect();
    assert_eq!(ids, ["same", "cell-2", "cell-3"]);
    insta::assert_snapshot!(read.warnings.join("\n"), @r"
    it is in the notebook format 4.9, and this version knows 4.5: what is new is passed over
    the id of its cell 2 is taken by an earlier cell, or not allowed
    the id of its cell 3 is taken by an earlier cell, or not allowed
    ");
}

#[test]
fn what_is_no_notebook_says_why_and_where() {
    refused("", "the file is empty");
    refused(
        "{\n  \"cells\": [,]\n}",
        "it is not JSON: expected value at line 2 column 13",
    );
    refused("[]", "it is JSON, but not a notebook");
    refused("{}", "it is JSON, but not a notebook: `nbformat` is missing");
    refused("{\"nbformat\": \"4\"}", "its `nbformat` is not a number");
    refused(
        "{\"nbformat\": 3, \"nbformat_minor\": 0}",
        "it is in the notebook format 3, which is too old",
    );
    refused("{\"nbformat\": 5}", "it is in the notebook format 5, which is too new");
    refused("{\"nbformat\": 4, \"nbformat_minor\": 5}", "it has no `cells`");
    refused("{\"nbformat\": 4, \"cells\": {}}", "its `cells` are not a list");
    refused("{\"nbformat\": 4, \"cells\": [1]}", "its cell 1 is not an object");
    refused("{\"nbformat\": 4, \"cells\": [{}]}", "its cell 1 has no `cell_type`");
    refused(
        "{\"nbformat\": 4, \"cells\": [{\"cell_type\": \"heading\"}]}",
        "its cell 1 is of the type `heading`",
    );
    refused(
        "{\"nbformat\": 4, \"cells\": [{\"cell_type\": \"code\", \"source\": 3}]}",
        "its cell 1 has no `source` that is text",
    );
    refused(
        "{\"nbformat\": 4, \"cells\": [], \"metadata\": {\"language_info\": {\"name\": \"python\"}}}",
        "it is written in python",
    );
    refused(&"[".repeat(100_000), "it is not JSON: recursion limit exceeded");
    let conflict = Notebook::parse("{\n<<<<<<< mine\n}").unwrap_err();
    assert_eq!(conflict.help, Some("It has the marks of a merge that has conflicts."));
}

#[test]
fn the_crate_is_named_for_the_file() {
    let ported = Fixture::of(&["%pip_set a = 1"]).port();
    assert_eq!(ported.report.package, "hello");
    assert!(file(&ported, "src/workflow.rs").contains("Workflow::new(\"hello\")"));
}
