//! The items of all cells, as one module.

use std::collections::BTreeMap;
use std::ops::Range;

use pipulate::cell::SegmentKind;

use crate::analysis::{Item, ItemKind};
use crate::lower::{blank_lines, cuts, prologue};
use crate::plan::CodeCell;
use crate::text::CellText;

/// The items of a cell, as they stand at module level.
#[derive(Debug, Default)]
pub(crate) struct CellItems {
    /// The attributes of the whole cell, which a module has at its top.
    pub(crate) attributes: CellText,
    /// The items.
    pub(crate) items: CellText,
}

/// Something that two cells say.
#[derive(Debug)]
pub(crate) struct Twice<'a> {
    /// What it is: `fn greet`, or the name that an import brings.
    pub(crate) title: String,
    /// The first cell, as its index, and the place in it.
    pub(crate) first: (usize, Range<usize>),
    /// The second.
    pub(crate) second: (usize, &'a Item),
}

/// What is known of the items that came before.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Each name in each of Rust's namespaces, and what it stands for.
    names: BTreeMap<(Namespace, String), Place>,
    /// Each `impl`.
    subjects: BTreeMap<String, Place>,
    /// Each import.
    imports: BTreeMap<String, Place>,
}

#[derive(Clone, Debug)]
struct Place {
    cell: usize,
    span: Range<usize>,
    /// An import's own text.
    import: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Namespace {
    Types,
    Values,
    Macros,
    /// What an import brings may be in any.
    Imports,
}

/// What becomes of an item whose imports are there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Merged {
    /// Nothing of it is there.
    Whole,
    /// All of it is there, since the cell of this index.
    Gone(usize),
    /// These imports are not there yet; some are, since the cell of this index.
    Rest(Vec<String>, usize),
}

impl Known {
    /// Notes an item. Says how it merges with what is there, or what it says a second time.
    pub(crate) fn add<'a>(&mut self, cell: usize, item: &'a Item) -> Result<Merged, Twice<'a>> {
        let place = |import: Option<String>| Place {
            cell,
            span: item.span.clone(),
            import,
        };
        let twice = |title: String, first: &Place| Twice {
            title,
            first: (first.cell, first.span.clone()),
            second: (cell, item),
        };
        if let ItemKind::ThreadLocal { statics } = &item.kind {
            for name in statics {
                let key = (Namespace::Values, name.clone());
                if let Some(first) = self.names.get(&key) {
                    return Err(twice(name.clone(), first));
                }
                self.names.insert(key, place(None));
            }
            return Ok(Merged::Whole);
        }
        let ItemKind::Use { imports } = &item.kind else {
            let (namespace, name) = match (&item.kind, &item.name) {
                (ItemKind::Impl { subject, .. }, _) => {
                    if let Some(first) = self.subjects.get(subject).filter(|first| first.cell != cell) {
                        return Err(twice(item.title(), first));
                    }
                    self.subjects.insert(subject.clone(), place(None));
                    return Ok(Merged::Whole);
                }
                (_, None) => return Ok(Merged::Whole),
                (ItemKind::ExternCrate, Some(name)) => {
                    let key = (Namespace::Types, name.clone());
                    let first = self.names.get(&key);
                    if let Some(first) = first.filter(|first| first.import.as_ref() == Some(&item.tokens)) {
                        return Ok(Merged::Gone(first.cell));
                    }
                    (Namespace::Types, name)
                }
                (ItemKind::Fn | ItemKind::Const | ItemKind::Static { .. }, Some(name)) => (Namespace::Values, name),
                (ItemKind::MacroRules, Some(name)) => (Namespace::Macros, name),
                (_, Some(name)) => (Namespace::Types, name),
            };
            let imported = (namespace == Namespace::Types).then_some(Namespace::Imports);
            for namespace in [Some(namespace), imported].into_iter().flatten() {
                if let Some(first) = self.names.get(&(namespace, name.clone())) {
                    return Err(twice(item.title(), first));
                }
            }
            let import = matches!(item.kind, ItemKind::ExternCrate).then(|| item.tokens.clone());
            self.names.insert((namespace, name.clone()), place(import));
            return Ok(Merged::Whole);
        };
        let (mut new, mut old) = (Vec::new(), None);
        for import in imports {
            if let Some(first) = self.imports.get(&import.tokens) {
                old.get_or_insert(first.cell);
                continue;
            }
            if let Some(name) = &import.name {
                for namespace in [Namespace::Imports, Namespace::Types] {
                    let first = self.names.get(&(namespace, name.clone()));
                    if let Some(first) = first.filter(|first| first.import.as_ref() != Some(&import.tokens)) {
                        return Err(twice(name.clone(), first));
                    }
                }
                let key = (Namespace::Imports, name.clone());
                self.names.insert(key, place(Some(import.tokens.clone())));
            }
            self.imports.insert(import.tokens.clone(), place(None));
            new.push(import.tokens.clone());
        }
        Ok(match (old, new.is_empty()) {
            (None, _) => Merged::Whole,
            (Some(cell), true) => Merged::Gone(cell),
            (Some(cell), false) => Merged::Rest(new, cell),
        })
    }
}

/// The items of a cell, merged as was found by [`Known::add`].
pub(crate) fn module_text(cell: &CodeCell<'_>, merged: &[Merged]) -> CellItems {
    let text = cell.parsed.text();
    let mut made = CellItems::default();
    for attribute in &cell.analysis.inner_attributes {
        made.attributes.keep(text, attribute.clone());
        made.attributes.push("\n");
    }
    if cell.analysis.step.is_some() || cell.analysis.items.is_empty() {
        return made;
    }
    let mut changes: Vec<(Range<usize>, String)> = cell
        .analysis
        .inner_attributes
        .iter()
        .map(|attribute| (attribute.clone(), String::new()))
        .collect();
    for (item, merged) in cell.analysis.items.iter().zip(merged) {
        match merged {
            Merged::Whole => {}
            Merged::Gone(_) => changes.push((item.span.clone(), String::new())),
            Merged::Rest(imports, _) => changes.push((item.span.clone(), rewritten(&text[item.span.clone()], imports))),
        }
    }
    changes.sort_by_key(|(span, _)| span.start);
    if cell.has_statements() {
        for cut in cuts(&cell.parsed, &cell.analysis) {
            if cell.analysis.inner_attributes.contains(&cut) {
                continue;
            }
            let before = made.items.as_str().len();
            keep(&mut made.items, text, &cut, &changes);
            if made.items.as_str().len() > before && !made.items.ends_line() {
                made.items.push("\n");
            }
        }
    } else {
        for segment in cell.parsed.segments() {
            if !matches!(segment.kind, SegmentKind::Rust | SegmentKind::Trivia) {
                continue;
            }
            let mut span = segment.span.clone();
            if span.start == 0 {
                span.start += prologue(text);
            }
            if made.items.ends_line() {
                span.start += blank_lines(&text[span.clone()]);
            }
            keep(&mut made.items, text, &span, &changes);
        }
        if !made.items.ends_line() {
            made.items.push("\n");
        }
    }
    made
}

/// A part of the cell, with what stands instead of parts of it.
fn keep(out: &mut CellText, text: &str, span: &Range<usize>, changes: &[(Range<usize>, String)]) {
    let mut from = span.start;
    for (changed, with) in changes
        .iter()
        .filter(|(changed, _)| span.start <= changed.start && changed.end <= span.end)
    {
        out.keep(text, from..changed.start);
        out.replace(changed.clone(), with);
        from = changed.end;
        if out.ends_line() && text[from..span.end].starts_with('\n') {
            from += 1;
        }
    }
    out.keep(text, from..span.end);
}

/// A `use` of these imports alone, with the attributes and the visibility that it has.
fn rewritten(item: &str, imports: &[String]) -> String {
    let head = item.rfind("use ").map_or("", |at| &item[..at]);
    let lines: Vec<String> = imports
        .iter()
        .map(|import| {
            let path = import.rsplit_once("use ").map_or(import.as_str(), |(_, path)| path);
            format!("{head}use {};", path.replace(" :: ", "::").replace(":: ", "::"))
        })
        .collect();
    lines.join("\n")
}
