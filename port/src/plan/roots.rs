//! What is at the root of a cell's crate, and elsewhere in the port.

use std::collections::BTreeSet;
use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};

use super::Plan;
use crate::analysis::{Item, ItemKind};
use crate::dependencies::OURS;
use crate::tokens;

/// Crates that come with the compiler.
const STANDARD: [&str; 5] = ["alloc", "core", "proc_macro", "std", "test"];

impl Plan<'_> {
    /// Refuses what means something else where the port has the cells: in a module.
    pub(super) fn refuse_places(&mut self) {
        let exported: BTreeSet<String> = self
            .code
            .iter()
            .flat_map(|cell| cell.analysis.items.iter().map(move |item| (cell.parsed.text(), item)))
            .filter(|(text, item)| matches!(item.kind, ItemKind::MacroRules) && is_marked(text, item, "macro_export"))
            .filter_map(|(_, item)| item.name.clone())
            .collect();
        self.exports_macros = !exported.is_empty();
        for position in 0..self.code.len() {
            let cell = &self.code[position];
            let index = cell.index;
            if let Some(span) = root_path(&tokens::of(&cell.parsed), &exported) {
                self.refuse(
                    index,
                    &span,
                    "`crate::` is the root of the notebook's cells, and another place in the port.",
                    "Leave `crate::` out: the items of all cells are in scope by their names.",
                );
            }
            self.refuse_crates(position);
        }
    }

    fn refuse_crates(&mut self, position: usize) {
        let cell = &self.code[position];
        let index = cell.index;
        let text = cell.parsed.text();
        let mut refused = Vec::new();
        for item in cell
            .analysis
            .items
            .iter()
            .filter(|item| item.kind == ItemKind::ExternCrate)
        {
            let mut words = item.tokens.split(' ').skip_while(|word| *word != "crate").skip(1);
            let name = words.next().unwrap_or_default().to_owned();
            let is_known = |package: &str| package.replace('-', "_") == name;
            if is_marked(text, item, "macro_use") {
                refused.push((
                    item.span.clone(),
                    format!("`#[macro_use]` brings the macros of `{name}` at the root of a crate alone, and the port has the cells in a module."),
                    format!("Leave `#[macro_use]` out, and name each macro: `use {name}::NAME;`."),
                ));
            } else if !STANDARD.contains(&name.as_str())
                && !OURS.into_iter().any(is_known)
                && !self.dependencies.keys().any(|package| is_known(package))
            {
                refused.push((
                    item.span.clone(),
                    format!("No `:dep` line says where the crate `{name}` comes from."),
                    format!("Write `:dep {name} = \"*\"`, or the version that you want, in a line before any Rust."),
                ));
            }
        }
        for (span, message, help) in refused {
            self.refuse(index, &span, message, help);
        }
    }
}

/// Whether an item has this attribute.
fn is_marked(cell: &str, item: &Item, attribute: &str) -> bool {
    let syntax = syn::parse_str::<syn::Item>(&cell[item.span.clone()]);
    let attributes = match &syntax {
        Ok(syn::Item::Macro(item)) => &item.attrs,
        Ok(syn::Item::ExternCrate(item)) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|found| found.path().is_ident(attribute))
}

/// The first `crate::`, but for the calls of macros that are at the root of any crate: those that are `exported`.
fn root_path(tokens: &TokenStream, exported: &BTreeSet<String>) -> Option<Range<usize>> {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let is_mark =
        |at: usize, mark: char| matches!(tokens.get(at), Some(TokenTree::Punct(found)) if found.as_char() == mark);
    tokens.iter().enumerate().find_map(|(at, token)| match token {
        TokenTree::Group(group) => root_path(&group.stream(), exported),
        TokenTree::Ident(name) if name == "crate" && is_mark(at + 1, ':') && is_mark(at + 2, ':') => {
            let is_macro = is_mark(at + 4, '!')
                && matches!(tokens.get(at + 3), Some(TokenTree::Ident(name)) if exported.contains(&name.to_string()));
            (!is_macro).then(|| name.span().byte_range())
        }
        _ => None,
    })
}
