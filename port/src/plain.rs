//! Plain Rust that does a magic's work: `job.set("step", &value)?`.

use std::ops::Range;

use pipulate::cell::Cell;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::analysis::CellAnalysis;
use crate::tokens;

/// A call of a method of `job` with a step's name as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlainCall {
    /// The step.
    pub(crate) step: String,
    /// Whether it gives the step a value.
    pub(crate) sets: bool,
    /// Whether it reads the step's value.
    pub(crate) reads: bool,
    /// Whether it fails where the step has no value.
    pub(crate) requires: bool,
    /// The name's place in the cell.
    pub(crate) span: Range<usize>,
}

/// The calls in a cell's own code. `job` must be the pipeline's there.
pub(crate) fn calls(cell: &Cell<'_>, analysis: &CellAnalysis) -> Vec<PlainCall> {
    let is_ours = analysis.free.get("job").is_some_and(|found| found.variable);
    if !is_ours {
        return Vec::new();
    }
    let mut calls = Vec::new();
    scan(tokens::of(cell), &mut calls);
    let in_item = |call: &PlainCall| {
        let mut items = analysis.items.iter();
        analysis.step.is_none() && items.any(|item| item.span.contains(&call.span.start))
    };
    calls.retain(|call| !in_item(call));
    calls
}

fn scan(tokens: TokenStream, calls: &mut Vec<PlainCall>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            scan(group.stream(), calls);
        }
        let is_word = |offset: usize, word: &str| matches!(tokens.get(index + offset), Some(TokenTree::Ident(name)) if name == word);
        let is_dot = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(mark)) if mark.as_char() == '.');
        let before = index.checked_sub(1).and_then(|before| tokens.get(before));
        if !is_word(0, "job") || !is_dot(tokens.get(index + 1)) || is_dot(before) {
            continue;
        }
        let Some(TokenTree::Ident(method)) = tokens.get(index + 2) else {
            continue;
        };
        let (sets, reads, requires) = match method.to_string().as_str() {
            "set" | "set_json" | "set_if" | "record" => (true, false, false),
            "update" => (true, true, false),
            "get" | "get_json" | "get_or" => (false, true, false),
            "require" => (false, true, true),
            _ => continue,
        };
        // `::<T>` may stand before the arguments.
        let arguments = tokens[index + 3..].iter().find_map(|token| match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => Some(group),
            _ => None,
        });
        let first = arguments.and_then(|arguments| arguments.stream().into_iter().next());
        if let Some(TokenTree::Literal(literal)) = first
            && let Ok(step) = syn::parse_str::<syn::LitStr>(&literal.to_string())
        {
            calls.push(PlainCall {
                step: step.value(),
                sets,
                reads,
                requires,
                span: literal.span().byte_range(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::analyse;

    fn found(text: &str) -> Vec<(String, &'static str)> {
        let cell = pipulate::cell::parse(text);
        let analysis = analyse(&cell).unwrap();
        calls(&cell, &analysis)
            .into_iter()
            .map(|call| {
                assert!(cell.slice(&call.span).contains(call.step.as_str()));
                (call.step, if call.sets { "sets" } else { "reads" })
            })
            .collect()
    }

    #[test]
    fn plain_calls_are_found() {
        assert_eq!(
            found(
                "let é = 1;\njob.set(\"a b\", &é)?;\nlet n = job.require::<Vec<u8>>(r\"n\")?;\n%pip_set x = job.get_or(\"y\", 1)?"
            ),
            [
                ("a b".to_owned(), "sets"),
                ("n".to_owned(), "reads"),
                ("y".to_owned(), "reads")
            ]
        );
        for none in [
            "let job = other();\njob.set(\"a\", &1);",
            "x.job.set(\"a\", &1); // job.set(\"a\")",
            "job.set(name, &1)?;",
        ] {
            assert_eq!(found(none).len(), 0, "{none}");
        }
    }
}
