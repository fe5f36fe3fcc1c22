//! The fingerprint of a step.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::names::Walk;
use super::tokens::{canonical, shortened};
use super::{Item, ItemKind, cell, stack};

/// Something that knows the items and dependencies that a step may reach: [`Definitions`](super::Definitions), or
/// [`Source`](super::Source).
pub trait Reach {
    /// All of them.
    fn known(&self) -> Known<'_>;
}

/// What a step may reach.
#[derive(Clone, Debug, Default)]
pub struct Known<'a> {
    /// Items, in any order, each `use` with one name only.
    pub items: Vec<&'a Item>,
    /// The place of each item's cell among the cells.
    pub places: Vec<usize>,
    /// The place of the step's own cell; that of the last cell there can be, when none is later.
    pub step: usize,
    /// The name of each crate, and its specification in canonical form.
    pub dependencies: Vec<(&'a str, &'a str)>,
}

/// The fingerprint of a step whose function has this body (the text between its curly brackets, as the port writes it), by what it
/// reaches: 32 hexadecimal digits of a SHA-256.
///
/// It counts
/// - the body's tokens, variables that are loaded again and lowered magics included;
/// - the tokens of each item whose name the body or a reached item uses: `fn`, `struct`, `enum`, `union`, `const`, `static`, `type`,
///   `trait`, `macro_rules!`, `mod`, and of a `use` the part that brings the name;
/// - a trait, when a method or function of its name is called, though the trait is not named;
/// - each `impl` of a type or trait of the notebook that is reached, whichever of the two it is;
/// - what may bring any name: `use ..::*`, `use .. as _`, `extern` blocks and calls of macros at the level of items;
/// - of each dependency whose crate's name stands anywhere in those tokens, the specification of its `:dep` line, however it is
///   written; not one by path, and not `pipulate` itself.
///
/// What is reached without being named (an `impl`, a trait by a method, and what may bring any name) counts only from cells that are not
/// later than the step's own, or than that of the type or trait which reaches it: the step was compiled without it, so that nothing of
/// it can matter. Thus a step stays fresh while cells are added below it.
///
/// It does not count whether generated code says `Ok` or `::std::result::Result::Ok` where the notebook has an `Ok` of its own, comments, layout, documentation, attributes that only speak of lints or formatting, the visibility of items, the
/// order of items and cells, the names of the function's parameters, its own name, nor the step's. A `use` of a trait whose name is
/// nowhere mentioned does not count, since nothing shows that its methods are called. A body that does not parse counts by its tokens,
/// and one that has none by its text.
pub fn fingerprint(body: &str, definitions: &impl Reach) -> String {
    let read = stack::with_tokens(body, |tokens| {
        let (text, words) = canonical(shortened(tokens.clone(), None));
        // What is said in full is not the notebook's, whatever that has of the same name.
        let nobodys = proc_macro2::Ident::new("Self", proc_macro2::Span::call_site());
        let tokens = shortened(tokens, Some(&nobodys));
        let names = match cell::statements(tokens.clone(), 0) {
            Ok((_, statements)) => Walk::statements(&statements),
            Err(_) => Walk::unparsed(&tokens),
        };
        Ok(Part {
            text,
            words,
            names: names.free.into_keys().collect(),
            members: names.members,
        })
    });
    let body = read.unwrap_or_else(|_| Part {
        text: body.to_owned(),
        ..Part::default()
    });
    let known = definitions.known();
    let reached = reached(&body, &known);
    let mut words: BTreeSet<&str> = body.words.iter().map(String::as_str).collect();
    for item in &reached {
        words.extend(item.words.iter().map(String::as_str));
    }
    let items: BTreeSet<&str> = reached.iter().map(|item| item.tokens.as_str()).collect();
    let dependencies: BTreeSet<(&str, &str)> = known
        .dependencies
        .into_iter()
        .filter(|(name, _)| words.contains(name))
        .collect();
    let mut digest = Digested::new();
    digest.part("body", &body.text);
    for item in items {
        digest.part("item", item);
    }
    for (name, specification) in dependencies {
        digest.part("dependency", name);
        digest.part("specification", specification);
    }
    digest.finish()
}

/// What a body says.
#[derive(Default)]
struct Part {
    text: String,
    words: BTreeSet<String>,
    names: BTreeSet<String>,
    members: BTreeSet<String>,
}

/// The items that a body reaches, each once.
fn reached<'a>(body: &Part, known: &Known<'a>) -> Vec<&'a Item> {
    let items = &known.items;
    let place = |item: usize| known.places.get(item).copied().unwrap_or_default();
    let is_there = |item: &usize| place(*item) <= known.step;
    let index = Index::new(items);
    let mut is_reached = vec![false; items.len()];
    let mut names: Vec<&str> = body.names.iter().map(String::as_str).collect();
    let mut members: Vec<&str> = body.members.iter().map(String::as_str).collect();
    let mut waiting: Vec<usize> = index.always.iter().copied().filter(is_there).collect();
    let mut seen_names = BTreeSet::new();
    let mut seen_members = BTreeSet::new();
    loop {
        while let Some(item) = waiting.pop() {
            if std::mem::replace(&mut is_reached[item], true) {
                continue;
            }
            let latest = known.step.max(place(item));
            let is_there = |item: &usize| place(*item) <= latest;
            let item = items[item];
            names.extend(item.names.iter().map(String::as_str));
            members.extend(item.members.iter().map(String::as_str));
            // The `impl`s of what is reached; an import is no type of the notebook's own.
            if let (Some(name), false) = (&item.name, matches!(item.kind, ItemKind::Use { .. })) {
                let blocks = index.impls.get(name.as_str()).into_iter().flatten();
                waiting.extend(blocks.copied().filter(is_there));
            } else if let ItemKind::Use { imports } = &item.kind {
                let imported = imports.iter().filter_map(|import| import.name.as_deref());
                let blocks = imported.filter_map(|name| index.foreign_impls.get(name)).flatten();
                waiting.extend(blocks.copied().filter(is_there));
            }
        }
        if let Some(name) = names.pop() {
            if seen_names.insert(name) {
                waiting.extend(index.names.get(name).into_iter().flatten());
            }
        } else if let Some(member) = members.pop() {
            if seen_members.insert(member) {
                let traits = index.traits.get(member).into_iter().flatten();
                waiting.extend(traits.copied().filter(is_there));
            }
        } else {
            break;
        }
    }
    items
        .iter()
        .zip(is_reached)
        .filter_map(|(item, is_reached)| is_reached.then_some(*item))
        .collect()
}

/// Items by what leads to them.
#[derive(Default)]
struct Index<'a> {
    names: BTreeMap<&'a str, Vec<usize>>,
    /// Traits by the names of what they have.
    traits: BTreeMap<&'a str, Vec<usize>>,
    /// `impl`s by the items in their heads.
    impls: BTreeMap<&'a str, Vec<usize>>,
    /// `impl`s without an item of the notebook in their heads, by imports.
    foreign_impls: BTreeMap<&'a str, Vec<usize>>,
    always: Vec<usize>,
}

impl<'a> Index<'a> {
    fn new(items: &[&'a Item]) -> Self {
        let mut index = Self::default();
        let own: BTreeSet<&str> = items.iter().filter_map(|item| item.name.as_deref()).collect();
        for (at, item) in items.iter().enumerate() {
            match &item.kind {
                ItemKind::Impl { of, .. } => {
                    let is_own = of.iter().any(|name| own.contains(name.as_str()));
                    let by = if is_own {
                        &mut index.impls
                    } else {
                        &mut index.foreign_impls
                    };
                    for name in of {
                        by.entry(name).or_default().push(at);
                    }
                }
                ItemKind::Use { imports } => {
                    for import in imports {
                        match &import.name {
                            Some(name) => index.names.entry(name).or_default().push(at),
                            None => index.always.push(at),
                        }
                    }
                }
                ItemKind::Trait { members } => {
                    for member in members {
                        index.traits.entry(member).or_default().push(at);
                    }
                }
                _ => {}
            }
            match &item.name {
                Some(name) => index.names.entry(name).or_default().push(at),
                None if !matches!(item.kind, ItemKind::Impl { .. } | ItemKind::Use { .. }) => index.always.push(at),
                None => {}
            }
        }
        index
    }
}

/// A digest of parts, each with its kind and length, so that none runs into the next.
struct Digested(Sha256);

impl Digested {
    fn new() -> Self {
        Self(Sha256::new_with_prefix(b"pipulate step 1\n"))
    }

    fn part(&mut self, kind: &str, text: &str) {
        self.0.update(format!("{kind} {}\n", text.len()));
        self.0.update(text);
    }

    fn finish(self) -> String {
        use std::fmt::Write as _;
        let mut hex = String::with_capacity(32);
        for byte in &self.0.finalize()[..16] {
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }
}
