//! What the compiler says, at the notebook's places.

use std::path::Path;

use pipulate_port::Ported;
use serde_json::{Value, json};

use super::support::Fixture;

/// A message as cargo writes it, about the first place where a file says something.
fn message(ported: &Ported, level: &str, text: &str, spans: &[(&str, &str, bool, &str)], children: &[Value]) -> String {
    json!({
        "reason": "compiler-message",
        "package_id": "x",
        "message": {
            "message": text,
            "code": { "code": "E0308", "explanation": null },
            "level": level,
            "spans": spans.iter().map(|span| about(ported, *span)).collect::<Vec<_>>(),
            "children": children,
            "rendered": "as rustc shows it",
        },
    })
    .to_string()
}

fn about(ported: &Ported, (file, text, is_primary, label): (&str, &str, bool, &str)) -> Value {
    let start = ported.generated.files[Path::new(file)].find(text).unwrap();
    json!({
        "file_name": file, "byte_start": start, "byte_end": start + text.len(), "is_primary": is_primary,
        "line_start": 1, "line_end": 1, "column_start": 1, "column_end": 1,
        "label": (!label.is_empty()).then_some(label), "suggested_replacement": null, "expansion": null,
    })
}

fn fixture() -> Ported {
    Fixture::of(&[
        "fn twice(n: i32) -> i32 {\n    n * 2\n}",
        "let é: i32 = %pip_input é;\n%pip_set double = twice(\"3\") + é // no\n",
        "%%pip_step sum\nlet d: i32 = %pip_get double;\nlet total: String = d;\ntotal",
    ])
    .port()
}

const STEPS: &str = "src/cells/steps.rs";

#[test]
fn a_message_is_shown_at_the_cell() {
    let ported = fixture();
    let line = message(
        &ported,
        "error",
        "mismatched types",
        &[
            (STEPS, "\"3\"", true, "expected `i32`, found `&str`"),
            (STEPS, "twice(\"3\")", false, "arguments to this function are incorrect"),
            ("src/cells.rs", "twice", false, ""),
        ],
        &[
            json!({ "message": "function defined here", "level": "note", "code": null, "children": [], "rendered": null,
                  "spans": [about(&ported, ("src/cells.rs", "n: i32", true, ""))] }),
        ],
    );
    let shown = ported.translator.translate(&line).unwrap();
    insta::assert_snapshot!(shown.rendered, @r#"
    error[E0308]: mismatched types
     --> hello.ipynb, cell 2, line 2, column 25
      |
    2 | %pip_set double = twice("3") + é // no
      |                   ---------- arguments to this function are incorrect
      |                         ^^^ expected `i32`, found `&str`
     ::: hello.ipynb, cell 1, line 1, column 4
      |
    1 | fn twice(n: i32) -> i32 {
      |    -----
      |
      = note: function defined here
       cell 1, line 1:
    1 | fn twice(n: i32) -> i32 {
      |          ^^^^^^
    "#);
    let place = shown.place.unwrap();
    assert_eq!((place.cell.number, place.line, place.column), (2, 2, 25));
    assert_eq!((shown.level.as_str(), shown.code.as_deref()), ("error", Some("E0308")));
}

#[test]
fn a_suggestion_is_told_in_words() {
    let ported = fixture();
    let mut suggestion = about(&ported, (STEPS, "d;\ntotal", true, ""));
    let end = suggestion["byte_start"].as_u64().unwrap() + 1;
    suggestion["byte_start"] = json!(end);
    suggestion["byte_end"] = json!(end);
    suggestion["suggested_replacement"] = json!(".to_string()");
    let line = message(
        &ported,
        "error",
        "mismatched types",
        &[(STEPS, "d;\ntotal", true, "expected `String`, found `i32`")],
        &[
            json!({ "message": "try using a conversion method", "level": "help", "code": null, "children": [], "rendered": null,
                  "spans": [suggestion] }),
        ],
    );
    insta::assert_snapshot!(ported.translator.translate(&line).unwrap().rendered, @r#"
    error[E0308]: mismatched types
     --> hello.ipynb, cell 3, line 3, column 21
      |
    3 | let total: String = d;
      |                     ^^ expected `String`, found `i32`
      |
      = help: try using a conversion method
        cell 3, line 3, column 22: add `.to_string()`
    "#);
}

#[test]
fn a_message_about_generated_code_is_shown_at_its_magic() {
    let ported = fixture();
    let line = message(
        &ported,
        "error",
        "no trait",
        &[(STEPS, "require(\"double\")", true, "")],
        &[],
    );
    insta::assert_snapshot!(ported.translator.translate(&line).unwrap().rendered, @r#"
    error[E0308]: no trait
     --> hello.ipynb, cell 3, line 2, column 14
      |
    2 | let d: i32 = %pip_get double;
      |              ^^^^^^^^^^^^^^^^
      |
    "#);
    let line = message(
        &ported,
        "error",
        "elsewhere",
        &[(STEPS, "pub fn step_01", true, "")],
        &[],
    );
    let shown = ported.translator.translate(&line).unwrap();
    assert_eq!((shown.place, shown.rendered.as_str()), (None, "as rustc shows it"));
}

#[test]
fn a_message_within_a_macro_is_shown_at_its_call() {
    let ported = fixture();
    let mut span = about(&ported, (STEPS, "twice(\"3\")", true, "here"));
    let call = span.clone();
    span["file_name"] = json!("/rustc/library/std/src/macros.rs");
    span["expansion"] = json!({ "span": call });
    let mut line: Value = serde_json::from_str(&message(&ported, "warning", "odd", &[], &[])).unwrap();
    line["message"]["spans"] = json!([span]);
    let shown = ported.translator.translate(&line.to_string()).unwrap();
    assert_eq!(shown.place.unwrap().line, 2);
}

#[test]
fn what_is_no_message_is_none() {
    let ported = fixture();
    for line in ["", "Compiling x", "{\"reason\":\"build-finished\",\"success\":true}"] {
        assert_eq!(ported.translator.translate(line), None);
    }
    let line = message(&ported, "error", "aborting due to 2 previous errors", &[], &[]);
    assert_eq!(ported.translator.translate(&line), None);
    // It can be kept with the crate that was built.
    let text = serde_json::to_string(&ported.translator).unwrap();
    let read: pipulate_port::Translator = serde_json::from_str(&text).unwrap();
    let line = message(
        &ported,
        "error",
        "no trait",
        &[(STEPS, "require(\"double\")", true, "")],
        &[],
    );
    assert_eq!(read.translate(&line), ported.translator.translate(&line));
}

#[test]
fn every_line_of_the_cells_is_found_again() {
    let ported = fixture();
    let places = ported.translator.line_places(&ported.generated.files);
    for (file, text, expected) in [
        ("src/cells.rs", "n * 2", Some((1, 2))),
        (STEPS, "let é: i32", Some((2, 1))),
        (STEPS, "twice(\"3\")", Some((2, 2))),
        (STEPS, "job.require(\"double\")", Some((3, 2))),
        (STEPS, "let total", Some((3, 3))),
        (STEPS, "total\n", Some((3, 4))),
        (STEPS, "pub fn step_01", None),
        (STEPS, "use super::*;", None),
        ("src/main.rs", "fn main", None),
    ] {
        let generated = &ported.generated.files[Path::new(file)];
        let line = generated[..generated.find(text).unwrap()].matches('\n').count() + 1;
        for file in [file.to_owned(), format!("/home/ada/app/{file}")] {
            let found = places.find(Path::new(&file), line);
            assert_eq!(found.map(|place| (place.cell, place.line)), expected, "{text}");
        }
    }
    for line in [0, 9999] {
        assert_eq!(places.find(Path::new(STEPS), line), None);
    }
    let stored: pipulate_port::LinePlaces = serde_json::from_str(&serde_json::to_string(&places).unwrap()).unwrap();
    assert_eq!(stored, places);
}
