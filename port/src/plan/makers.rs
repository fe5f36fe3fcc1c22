//! Items that a macro of the notebook's own makes.

use proc_macro2::{TokenStream, TokenTree};

use super::Plan;
use crate::analysis::{Item, ItemKind};
use crate::tokens;

/// Words before the name of an item.
const ITEMS: [&str; 11] = [
    "fn",
    "struct",
    "enum",
    "union",
    "trait",
    "type",
    "const",
    "static",
    "mod",
    "mut",
    "macro_rules",
];

impl Plan<'_> {
    /// The macro whose call among another cell's own statements makes an item of this name, and where that call stands.
    pub(super) fn maker_of(&self, position: usize, name: &str) -> Option<(String, String)> {
        if !self.code.iter().any(|cell| cell.analysis.items.iter().any(may_make)) {
            return None;
        }
        let makes = |call: &Call| {
            let rules = self.rules_of(&call.name);
            rules.is_some_and(|rules| makes(&rules, &call.arguments, name))
        };
        if calls(tokens::of(&self.code[position].parsed), true).iter().any(makes) {
            return None;
        }
        let others = self.code.iter().enumerate().filter(|(other, _)| *other != position);
        let mut calling = others.map(|(_, cell)| cell).filter(|cell| cell.analysis.step.is_none());
        calling.find_map(|cell| {
            let call = calls(tokens::of(&cell.parsed), false).into_iter().find(makes)?;
            let at = self.whereabouts(cell.index, call.at);
            Some((call.name, at))
        })
    }

    /// The rules of a macro that the notebook defines.
    fn rules_of(&self, name: &str) -> Option<TokenStream> {
        let is_it = |item: &&Item| may_make(item) && item.name.as_deref() == Some(name);
        self.code.iter().rev().find_map(|cell| {
            let item = cell.analysis.items.iter().find(is_it)?;
            match syn::parse_str(&cell.parsed.text()[item.span.clone()]) {
                Ok(syn::Item::Macro(rules)) => Some(rules.mac.tokens),
                _ => None,
            }
        })
    }
}

/// Whether an item is a macro in which the words of items stand.
fn may_make(item: &Item) -> bool {
    item.kind == ItemKind::MacroRules && ITEMS.iter().any(|word| item.words.contains(*word))
}

/// A call of a macro.
struct Call {
    name: String,
    arguments: TokenStream,
    at: usize,
}

/// The calls that stand in no brackets, or `everywhere`.
fn calls(tokens: TokenStream, everywhere: bool) -> Vec<Call> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match (token, tokens.get(at + 1), tokens.get(at + 2)) {
            (TokenTree::Ident(name), Some(TokenTree::Punct(mark)), Some(TokenTree::Group(arguments)))
                if mark.as_char() == '!' =>
            {
                found.push(Call {
                    name: name.to_string(),
                    arguments: arguments.stream(),
                    at: name.span().byte_range().start,
                });
            }
            (TokenTree::Group(group), ..) if everywhere => found.extend(calls(group.stream(), true)),
            _ => {}
        }
    }
    found
}

/// Whether one of the rules makes an item of this name, which it has itself or is given.
fn makes(rules: &TokenStream, arguments: &TokenStream, name: &str) -> bool {
    let mut given = std::collections::BTreeSet::new();
    tokens::words(arguments, &mut given);
    let rules: Vec<TokenTree> = rules.clone().into_iter().collect();
    let is_mark = |token: &TokenTree, mark: char| matches!(token, TokenTree::Punct(found) if found.as_char() == mark);
    rules.windows(3).any(|rule| match rule {
        [first, second, TokenTree::Group(made)] if is_mark(first, '=') && is_mark(second, '>') => {
            let made: Vec<TokenTree> = made.stream().into_iter().collect();
            made.windows(2).any(|pair| {
                let is_item = matches!(&pair[0], TokenTree::Ident(word) if ITEMS.iter().any(|item| word == item));
                let is_named = match &pair[1] {
                    TokenTree::Ident(word) => word == name,
                    other => is_mark(other, '$') && given.contains(name),
                };
                is_item && is_named
            })
        }
        _ => false,
    })
}
