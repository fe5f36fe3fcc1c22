//! What the compiler warns of in a cell that works. evcxr keeps it to itself; `rustc_for_cells.sh` leaves it in a file.

use std::path::Path;

use serde_json::Value;

use crate::engine::diagnostics::{Diagnostic, Label, line_and_column};
use crate::source_map::SourceMap;

/// In the folder of the crate that cells are compiled as.
pub(super) const FILE: &str = ".cell-messages";
/// The file of that crate.
const CELL: &str = "src/lib.rs";
/// What evcxr's own code around a cell's is warned of.
const OF_GENERATED_CODE: [&str; 3] = ["unused_parens", "unused_braces", "unreachable_code"];
/// A line with less may be any line.
const TELLING: usize = 4;

/// What the compiler warns of in a cell that was compiled in this folder.
pub(super) fn of(folder: &Path, code: &SourceMap) -> Vec<String> {
    let messages = std::fs::read_to_string(folder.join(FILE)).unwrap_or_default();
    let mut found: Vec<String> = messages
        .lines()
        .filter_map(|line| diagnostic(&serde_json::from_str(line).ok()?, code))
        .map(|diagnostic| diagnostic.plain(code.source()))
        .collect();
    found.dedup();
    found
}

/// A warning of the user's code, if it is one.
fn diagnostic(message: &Value, code: &SourceMap) -> Option<Diagnostic> {
    let lint = message["code"]["code"].as_str()?;
    if message["level"] != "warning" || OF_GENERATED_CODE.contains(&lint) {
        return None;
    }
    let labels: Vec<Label> = message["spans"]
        .as_array()?
        .iter()
        .filter_map(|span| label(span, code))
        .collect();
    if !labels.iter().any(|label| label.primary) {
        return None;
    }
    let help = message["children"].as_array().into_iter().flatten();
    let help = help.filter(|child| child["level"] == "help");
    Some(Diagnostic {
        level: "warning".to_owned(),
        code: None,
        message: message["message"].as_str()?.to_owned(),
        labels,
        help: help
            .filter_map(|child| child["message"].as_str())
            .map(str::to_owned)
            .collect(),
    })
}

/// A place of the generated crate as one of the cell: evcxr puts the user's statements on lines of their own.
fn label(span: &Value, code: &SourceMap) -> Option<Label> {
    let [line] = span["text"].as_array()?.as_slice() else {
        return None;
    };
    if span["file_name"] != CELL || !span["expansion"].is_null() {
        return None;
    }
    let text = line["text"].as_str()?;
    let at = place_of(text.trim(), code.lowered())?;
    let (line_number, column) = line_and_column(code.lowered(), at);
    let indent = text.chars().take_while(|character| character.is_whitespace()).count();
    let place = |key: &str| {
        let in_line = usize::try_from(line[key].as_u64()?).ok()?.checked_sub(1 + indent)?;
        Some(code.to_source((line_number, column + in_line)))
    };
    Some(Label {
        start: place("highlight_start")?,
        end: place("highlight_end")?,
        text: span["label"].as_str().unwrap_or_default().to_owned(),
        primary: span["is_primary"] == true,
    })
}

/// Where a cell has this statement, or line of one.
fn place_of(statement: &str, cell: &str) -> Option<usize> {
    if statement.len() < TELLING {
        return None;
    }
    let mut places = cell.match_indices(statement).map(|(at, _)| at);
    places.find(|at| {
        let before = cell[..*at].trim_end_matches([' ', '\t']);
        before.is_empty() || before.ends_with(['\n', ';', '{', '}'])
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(lint: &str, text: &str, start: usize) -> Value {
        json!({
            "level": "warning", "code": { "code": lint }, "message": "mind this",
            "spans": [{
                "file_name": CELL, "is_primary": true, "label": "here", "expansion": null,
                "text": [{ "text": text, "highlight_start": start, "highlight_end": start + 3 }],
            }],
            "children": [{ "level": "help", "message": "do that" }, { "level": "note", "message": "by default" }],
        })
    }

    #[test]
    fn a_warning_is_shown_at_its_place_in_the_cell() {
        let folder = tempfile::tempdir().unwrap();
        let write = |messages: &[Value]| {
            let lines: Vec<String> = messages.iter().map(Value::to_string).collect();
            std::fs::write(folder.path().join(FILE), lines.join("\n")).unwrap();
        };
        let code = SourceMap::identity("let a = 1; foo(a);\n    bar(a);");
        assert_eq!(of(folder.path(), &code), [""; 0]);
        write(&[
            message("unused_must_use", "foo(a);", 1),
            message("deprecated", "    bar(a);", 5),
        ]);
        let shown = of(folder.path(), &code);
        assert_eq!(shown.len(), 2);
        assert!(
            shown[0].starts_with("warning: mind this\n --> cell:1:12\n") && shown[0].contains("= help: do that"),
            "{}",
            shown[0]
        );
        assert!(
            shown[1].contains("cell:2:5") && !shown[1].contains("by default"),
            "{}",
            shown[1]
        );
        // Those of items of earlier cells, which are compiled again.
        assert_eq!(of(folder.path(), &SourceMap::identity("other(1);")), [""; 0]);
    }

    #[test]
    fn generated_code_is_nobodys_to_mend() {
        let code = SourceMap::identity("foo((1));");
        for message in [
            message("unused_parens", "foo((1));", 5),
            message("unused_must_use", "evcxr_variable_store", 1),
            message("unused_must_use", "(1", 1),
            json!({ "level": "warning", "message": "1 warning emitted", "code": null, "spans": [] }),
            json!({ "level": "error", "message": "no", "code": { "code": "E0308" }, "spans": [] }),
            json!({ "$message_type": "artifact" }),
        ] {
            assert_eq!(diagnostic(&message, &code), None, "{message}");
        }
        let mut in_macro = message("unused_must_use", "foo((1));", 1);
        in_macro["spans"][0]["expansion"] = json!({});
        assert_eq!(diagnostic(&in_macro, &code), None);
    }
}
