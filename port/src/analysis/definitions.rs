//! What the cells so far define.

use std::collections::BTreeSet;
use std::fmt;

use super::fingerprint::{Known, Reach};
use super::resolution::{self, Resolution};
use super::{Binding, CellAnalysis, Item, ItemKind, dependency, items};

/// What people call a cell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CellLabel(String);

impl CellLabel {
    /// A cell by its place in the notebook, from 1: `cell 3`.
    pub fn number(number: usize) -> Self {
        Self(format!("cell {number}"))
    }

    /// A cell by the number of its execution: `cell [3]`.
    pub fn execution(count: usize) -> Self {
        Self(format!("cell [{count}]"))
    }
}

impl fmt::Display for CellLabel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What the cells so far define: items, variables and dependencies. Grows cell by cell, in the order in which they are run, or in which
/// they stand in the notebook.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    cells: Vec<Contribution>,
    /// The place of the next new cell.
    next: usize,
}

/// [`Definitions`] as a step of one of the cells reaches them; see [`Definitions::for_step`].
#[derive(Clone, Copy, Debug)]
pub struct StepView<'a> {
    definitions: &'a Definitions,
    step: usize,
}

/// What one cell defines.
#[derive(Clone, Debug)]
pub(super) struct Contribution {
    id: String,
    /// Its place among the cells: that of its first run.
    place: usize,
    pub(super) label: CellLabel,
    items: Vec<Defined>,
    /// The bindings that other cells see.
    pub(super) bindings: Vec<Binding>,
    /// Name and canonical specification.
    dependencies: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
struct Defined {
    item: Item,
    /// What a later definition has too, which takes the place of this one.
    key: Key,
    /// The item with a name that stands before an `impl` in its cell: the `impl` goes when that item is replaced.
    owner: Option<Key>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    Name(String),
    Macro(String),
    Impl(String),
    /// What nothing replaces but the same text.
    Text(String),
}

impl Definitions {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what a cell defines that has run, or that stands next in the notebook. It takes the place of what the cell of this id
    /// defined before, and of what other cells defined by the same names. Of a `%%pip_step` cell only the dependencies are taken: the
    /// rest stays inside it. Such a cell is therefore taken before its fingerprint is computed, in which its own dependencies count.
    pub fn add(&mut self, cell_id: &str, label: CellLabel, analysis: &CellAnalysis) {
        let place = self.place(cell_id).unwrap_or(self.next);
        self.next = self.next.max(place + 1);
        self.cells.retain(|cell| cell.id != cell_id);
        let mut added = Contribution {
            id: cell_id.to_owned(),
            place,
            label,
            items: Vec::new(),
            bindings: Vec::new(),
            dependencies: analysis
                .dependencies
                .iter()
                .filter_map(|dependency| {
                    let name = dependency::crate_name(dependency.name.as_deref()?);
                    Some((name, dependency.canonical.clone()))
                })
                .collect(),
        };
        if analysis.step.is_none() {
            added.items = defined(&analysis.items);
            added.bindings = analysis
                .bindings
                .iter()
                .filter(|binding| !binding.shadowed)
                .cloned()
                .collect();
        }
        for cell in &mut self.cells {
            cell.give_way(&added);
        }
        self.cells.push(added);
    }

    /// Forgets everything.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// The definitions for the fingerprint of the step that this cell is. A cell keeps its place when it is added again; one that has not
    /// been added comes last.
    pub fn for_step(&self, cell_id: &str) -> StepView<'_> {
        StepView {
            definitions: self,
            step: self.place(cell_id).unwrap_or(usize::MAX),
        }
    }

    fn place(&self, cell_id: &str) -> Option<usize> {
        self.cells.iter().find(|cell| cell.id == cell_id).map(|cell| cell.place)
    }

    /// Which variables of other cells a cell uses, and how each of them comes to it.
    pub fn resolve(&self, analysis: &CellAnalysis) -> Resolution {
        resolution::resolve(&self.cells, analysis)
    }

    /// The cell that defines this name, by an item or a variable: the latest one.
    pub fn cell_of(&self, name: &str) -> Option<&CellLabel> {
        let defines = |cell: &&Contribution| {
            cell.bindings.iter().any(|binding| binding.name == name)
                || cell.items.iter().any(|defined| defined.item.defines(name))
        };
        self.cells.iter().rev().find(defines).map(|cell| &cell.label)
    }

    /// Whether this name is a variable of some cell.
    pub fn binds(&self, name: &str) -> bool {
        self.cells
            .iter()
            .any(|cell| cell.bindings.iter().any(|binding| binding.name == name))
    }
}

impl Reach for Definitions {
    fn known(&self) -> Known<'_> {
        let items = || {
            self.cells
                .iter()
                .flat_map(|cell| cell.items.iter().map(move |defined| (cell, defined)))
        };
        Known {
            items: items().map(|(_, defined)| &defined.item).collect(),
            places: items().map(|(cell, _)| cell.place).collect(),
            step: usize::MAX,
            dependencies: self
                .cells
                .iter()
                .flat_map(|cell| &cell.dependencies)
                .filter(|(name, canonical)| dependency::counts(name, canonical))
                .map(|(name, canonical)| (name.as_str(), canonical.as_str()))
                .collect(),
        }
    }
}

impl Reach for StepView<'_> {
    fn known(&self) -> Known<'_> {
        Known {
            step: self.step,
            ..self.definitions.known()
        }
    }
}

impl Contribution {
    /// Drops what a later cell defines anew.
    fn give_way(&mut self, later: &Self) {
        let keys: BTreeSet<&Key> = later.items.iter().map(|defined| &defined.key).collect();
        self.items.retain(|defined| {
            let is_replaced = |key: &Key| keys.contains(key);
            !is_replaced(&defined.key) && !defined.owner.as_ref().is_some_and(is_replaced)
        });
        let is_bound = |name: &str| later.bindings.iter().any(|binding| binding.name == name);
        self.bindings.retain(|binding| !is_bound(&binding.name));
        self.dependencies
            .retain(|(name, _)| !later.dependencies.iter().any(|(other, _)| other == name));
    }
}

/// The items of a cell, a `use` cut into its names.
fn defined(items: &[Item]) -> Vec<Defined> {
    let mut found: Vec<Defined> = Vec::new();
    let mut owner = None;
    for item in items.iter().flat_map(items::split) {
        let key = key(&item);
        let is_impl = matches!(item.kind, ItemKind::Impl { .. });
        if !is_impl && item.name.is_some() {
            owner = Some(key.clone());
        }
        let owner = if is_impl { owner.clone() } else { None };
        found.push(Defined { item, key, owner });
    }
    found
}

fn key(item: &Item) -> Key {
    match (&item.kind, &item.name) {
        (ItemKind::MacroRules, Some(name)) => Key::Macro(name.clone()),
        (ItemKind::Impl { subject, .. }, _) => Key::Impl(subject.split_whitespace().collect()),
        (ItemKind::Use { imports }, _) => match imports.first().and_then(|import| import.name.clone()) {
            Some(name) => Key::Name(name),
            None => Key::Text(item.tokens.clone()),
        },
        (_, Some(name)) => Key::Name(name.clone()),
        (_, None) => Key::Text(item.tokens.clone()),
    }
}
