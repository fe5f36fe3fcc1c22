//! The source of what cells have defined.

use crate::outputs::MimeBundle;
use crate::render::{self, Html};

/// The name at a byte offset; a cursor right after the last character is at it too.
pub(super) fn name_at(code: &str, offset: usize) -> Option<&str> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let before = code.get(..offset)?;
    let start = before.trim_end_matches(is_part).len();
    let rest = &code[start..];
    let name = &rest[..rest.find(|character| !is_part(character)).unwrap_or(rest.len())];
    (!name.is_empty()).then_some(name)
}

/// The last of these cells that defines an item of this name, with its number.
pub(super) fn defining_cell<'a>(name: &str, cells: &'a [(u32, String)]) -> Option<&'a (u32, String)> {
    cells.iter().rev().find(|(_, code)| defining_word(code, name).is_some())
}

/// The documentation, if there is any, with the cell's text below it.
pub(super) fn with_source(documentation: Option<MimeBundle>, (number, code): &(u32, String)) -> MimeBundle {
    let mut bundle = documentation.unwrap_or_else(|| render::plain(""));
    let title = format!("Defined in cell {number}:");
    let code = code.trim_end();
    append(&mut bundle, "text/plain", &format!("{title}\n{code}"));
    if bundle.contains_key("text/html") {
        let mut html = Html::new();
        html.leaf("p", &[], &title).leaf("pre", &[], code);
        append(&mut bundle, "text/html", &html.into_string());
    }
    bundle
}

fn append(bundle: &mut MimeBundle, media_type: &str, more: &str) {
    let before = bundle.get(media_type).and_then(serde_json::Value::as_str);
    let before = before.map(str::trim_end).filter(|before| !before.is_empty());
    let whole = before.map_or_else(|| more.to_owned(), |before| format!("{before}\n\n{more}"));
    bundle.insert(media_type.to_owned(), whole.into());
}

/// The word by which a cell's text defines an item of this name, as far as its words tell: `fn`, `struct`, ...
pub(super) fn defining_word<'a>(code: &'a str, name: &str) -> Option<&'a str> {
    let mut before = "";
    code.split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .filter(|word| !word.is_empty())
        .find_map(|word| {
            let defines = word == name
                && matches!(
                    before,
                    "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static" | "mod" | "macro_rules"
                );
            let found = defines.then_some(before);
            // `static mut NAME`
            if word != "mut" || before != "static" {
                before = word;
            }
            found
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_around_the_cursor() {
        let code = "let é = größe(1);";
        for (at, expected) in [
            (code.find("größe").unwrap(), Some("größe")),
            (code.find("(1").unwrap(), Some("größe")),
            (code.find("1)").unwrap() + 2, None),
            (code.len(), None),
            (code.len() + 1, None),
        ] {
            assert_eq!(name_at(code, at), expected, "{at}");
        }
    }

    #[test]
    fn the_last_definition_counts() {
        let cells: Vec<(u32, String)> = [
            "fn area(x: f64) -> f64 { x }",
            "struct Area;\nstatic mut COUNT: u8 = 0;",
            "macro_rules! twice { () => {} }",
            "fn area() {}",
            "area(); // Area",
        ]
        .iter()
        .zip(1..)
        .map(|(code, number)| (number, (*code).to_owned()))
        .collect();
        for (name, expected) in [
            ("area", Some(4)),
            ("Area", Some(2)),
            ("COUNT", Some(2)),
            ("twice", Some(3)),
            ("x", None),
        ] {
            assert_eq!(
                defining_cell(name, &cells).map(|(number, _)| *number),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn the_source_stands_below_the_documentation() {
        let cell = (2, "struct A<'a>(&'a str);\n".to_owned());
        let alone = with_source(None, &cell);
        assert_eq!(alone, render::plain("Defined in cell 2:\nstruct A<'a>(&'a str);"));
        let mut html = Html::new();
        html.leaf("b", &[], "A");
        let both = with_source(Some(render::html("A\n", html)), &cell);
        assert_eq!(both["text/plain"], "A\n\nDefined in cell 2:\nstruct A<'a>(&'a str);");
        assert_eq!(
            both["text/html"],
            "<b>A</b>\n\n<p>Defined in cell 2:</p><pre>struct A&lt;&#39;a&gt;(&amp;&#39;a str);</pre>"
        );
    }
}
