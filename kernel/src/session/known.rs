//! What can be said of Rust without the engine: the variables and items of earlier cells are known while it starts or runs a cell.

use super::definition::{defining_cell, defining_word, name_at, with_source};
use crate::engine::{Completion, Completions, Variable};
use crate::outputs::MimeBundle;
use crate::render::{self, Html};

/// The words of Rust that are worth offering: those of more than two letters.
const KEYWORDS: [&str; 34] = [
    "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "false", "for", "impl",
    "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self", "static", "struct", "super", "trait",
    "true", "type", "union", "unsafe", "use", "where", "while",
];

/// The names that are alive, and the cells that have defined some of them.
pub(super) struct Known<'a> {
    pub(super) variables: &'a [Variable],
    pub(super) items: &'a [String],
    pub(super) cells: &'a [(u32, String)],
}

impl Known<'_> {
    /// Names that go on from the word before a byte offset; none for a field or a path, which only the engine knows.
    pub(super) fn complete(&self, code: &str, offset: usize) -> Completions {
        let start = start_of_name(code, offset);
        let prefix = code.get(start..offset).unwrap_or_default();
        let mut items = Vec::new();
        if !prefix.is_empty() && !is_member(code, start) {
            let variables = self
                .variables
                .iter()
                .map(|variable| (variable.name.as_str(), "instance"));
            let defined = self.items.iter().map(|item| (item.as_str(), self.kind_of(item)));
            let keywords = KEYWORDS.iter().map(|keyword| (*keyword, "keyword"));
            items.extend(
                variables
                    .chain(defined)
                    .chain(keywords)
                    .filter(|(name, _)| name.starts_with(prefix))
                    .map(|(name, kind)| Completion {
                        text: name.to_owned(),
                        label: name.to_owned(),
                        kind: kind.to_owned(),
                    }),
            );
        }
        let start = if items.is_empty() { offset } else { start };
        Completions {
            items,
            start,
            end: offset,
        }
    }

    /// The type of the variable at a byte offset, or the cell that has defined the item.
    pub(super) fn inspect(&self, code: &str, offset: usize) -> Option<MimeBundle> {
        let name = name_at(code, offset)?;
        if is_member(code, start_of_name(code, offset)) {
            return None;
        }
        if let Some(variable) = self.variables.iter().find(|variable| variable.name == name) {
            let declared = format!("let {name}: {}", variable.type_name);
            let mut html = Html::new();
            html.leaf("pre", &[], &declared);
            return Some(render::html(declared, html));
        }
        let cell = self
            .items
            .iter()
            .any(|item| item == name)
            .then(|| defining_cell(name, self.cells))??;
        Some(with_source(Some(render::html("", Html::new())), cell))
    }

    /// In the words that rust-analyzer's completions come with.
    fn kind_of(&self, item: &str) -> &'static str {
        let word = defining_cell(item, self.cells).and_then(|(_, code)| defining_word(code, item));
        match word {
            Some("fn" | "macro_rules") => "function",
            Some("mod") => "module",
            Some("const" | "static") => "instance",
            _ => "class",
        }
    }
}

fn start_of_name(code: &str, offset: usize) -> usize {
    let before = code.get(..offset).unwrap_or_default();
    before
        .trim_end_matches(|character: char| character.is_alphanumeric() || character == '_')
        .len()
}

/// Whether what begins at an offset belongs to a value or a path before it. The end of a range does not.
fn is_member(code: &str, start: usize) -> bool {
    let before = code[..start].trim_end();
    before.ends_with("::") || (before.ends_with('.') && !before.ends_with(".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(look: impl FnOnce(&Known<'_>) -> T) -> T {
        let variable = |name: &str, type_name: &str| Variable {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
        };
        look(&Known {
            variables: &[variable("größe", "Vec<u8>"), variable("structure", "i32")],
            items: &["grow".to_owned(), "Grid".to_owned(), "strange".to_owned()],
            cells: &[(2, "struct Grid;\nfn grow() {}".to_owned())],
        })
    }

    #[test]
    fn names_and_keywords_go_on_from_the_word_before_the_cursor() {
        for (code, expected) in [
            ("1 + gr", &["größe instance", "grow function"][..]),
            ("0..gr", &["größe instance", "grow function"]),
            ("Gr", &["Grid class"]),
            ("str", &["structure instance", "strange class", "struct keyword"]),
            ("großartig", &[]),
            ("value.gr", &[]),
            ("value\n    .gr", &[]),
            ("module::gr", &[]),
            ("", &[]),
        ] {
            let found = with(|known| known.complete(code, code.len()));
            let shown: Vec<String> = found
                .items
                .iter()
                .map(|item| format!("{} {}", item.text, item.kind))
                .collect();
            assert_eq!(shown, expected, "{code}");
            let replaced = if expected.is_empty() {
                ""
            } else {
                code.rsplit([' ', '.']).next().unwrap()
            };
            assert_eq!(&code[found.start..found.end], replaced, "{code}");
        }
    }

    #[test]
    fn a_variable_has_its_type_and_an_item_its_cell() {
        let text = |code: &str, at: usize| {
            with(|known| known.inspect(code, at)).map(|found| {
                assert!(found.contains_key("text/html"), "{found:?}");
                found["text/plain"].as_str().unwrap().to_owned()
            })
        };
        assert_eq!(text("größe.len()", 4).as_deref(), Some("let größe: Vec<u8>"));
        assert_eq!(
            text("grow()", 4).as_deref(),
            Some("Defined in cell 2:\nstruct Grid;\nfn grow() {}")
        );
        for (code, at) in [("größe.grow()", 9), ("unheard_of", 1), ("strange", 0), ("", 0)] {
            assert_eq!(text(code, at), None, "{code}");
        }
        let html = with(|known| known.inspect("größe", 0)).unwrap()["text/html"].clone();
        assert_eq!(html, "<pre>let größe: Vec&lt;u8&gt;</pre>");
    }
}
