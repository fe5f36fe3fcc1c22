//! Errors that only `Debug` can show.

use std::collections::BTreeSet;

use syn::spanned::Spanned;
use syn::{GenericParam, Generics};

use super::Plan;
use crate::analysis::ItemKind;
use crate::tokens;

impl Plan<'_> {
    /// Types of the notebook's own that are errors and can only be shown by `Debug`.
    pub(super) fn find_debug_errors(&mut self) {
        let mut errors = BTreeSet::new();
        for cell in &self.code {
            tokens::error_words(&tokens::of(&cell.parsed), &mut errors);
        }
        let items = || {
            let cells = self.code.iter().filter(|cell| cell.analysis.step.is_none());
            cells.flat_map(|cell| cell.analysis.items.iter().map(move |item| (cell, item)))
        };
        let has_impl = |name: &str, of: &str| {
            items().any(|(_, item)| match &item.kind {
                ItemKind::Impl { subject, .. } => {
                    let (what, target) = subject.split_once(" for ").unwrap_or((subject, ""));
                    head(target) == name && what.rsplit("::").next() == Some(of)
                }
                _ => false,
            })
        };
        let mut found = Vec::new();
        for (cell, item) in items() {
            let text = &cell.parsed.text()[item.span.clone()];
            if let (ItemKind::Mod, Ok(module)) = (&item.kind, syn::parse_str::<syn::ItemMod>(text)) {
                debug_errors_in(&module, "", &errors, &mut found);
                continue;
            }
            let is_type = matches!(item.kind, ItemKind::Struct | ItemKind::Enum);
            let Some(name) = item.name.as_ref().filter(|name| is_type && errors.contains(*name)) else {
                continue;
            };
            let Ok(syntax) = syn::parse_str::<syn::DeriveInput>(text) else {
                continue;
            };
            let derived = derives(&syntax.attrs);
            let displays = derives_display(&derived);
            let shows = derived.contains("Debug") || has_impl(name, "Debug");
            if shows && !displays && !has_impl(name, "Display") {
                found.push(reported(name, &syntax.generics));
            }
        }
        self.debug_errors = found;
    }
}

/// The same of the types in a module that the steps can name. An `impl` counts that stands in their own module.
fn debug_errors_in(module: &syn::ItemMod, above: &str, errors: &BTreeSet<String>, found: &mut Vec<String>) {
    let path = format!("{above}{}::", module.ident);
    let items = module.content.as_ref().map_or(&[][..], |(_, items)| items);
    let has_impl = |name: &syn::Ident, of: &str| {
        items.iter().any(|item| match item {
            syn::Item::Impl(item) => {
                let is_of = item.trait_.as_ref().and_then(|(path, _)| path.segments.last());
                let is_for = match &*item.self_ty {
                    syn::Type::Path(target) => target.path.segments.last(),
                    _ => None,
                };
                is_of.is_some_and(|last| last.ident == of) && is_for.is_some_and(|last| last.ident == *name)
            }
            _ => false,
        })
    };
    for item in items {
        let (attributes, name, generics, visibility) = match item {
            syn::Item::Mod(inner) => {
                if !matches!(inner.vis, syn::Visibility::Inherited) {
                    debug_errors_in(inner, &path, errors, found);
                }
                continue;
            }
            syn::Item::Struct(item) => (&item.attrs, &item.ident, &item.generics, &item.vis),
            syn::Item::Enum(item) => (&item.attrs, &item.ident, &item.generics, &item.vis),
            _ => continue,
        };
        let derived = derives(attributes);
        let displays = derives_display(&derived) || has_impl(name, "Display");
        let shows = derived.contains("Debug") || has_impl(name, "Debug");
        let is_seen = !matches!(visibility, syn::Visibility::Inherited) && errors.contains(&name.to_string());
        // What its parameters must be may be said by names of the module's own.
        if is_seen && shows && !displays && !has_bounds(generics) {
            found.push(reported(&format!("{path}{name}"), generics));
        }
    }
}

/// Whether `Display` comes with what a type derives.
fn derives_display(derived: &BTreeSet<String>) -> bool {
    let names = ["Display", "Error", "Snafu", "Fail"];
    names.iter().any(|name| derived.contains(*name))
}

/// The last words of what a type derives.
fn derives(attributes: &[syn::Attribute]) -> BTreeSet<String> {
    let mut derived = BTreeSet::new();
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("derive"))
    {
        let _ = attribute.parse_nested_meta(|meta| {
            derived.extend(meta.path.segments.last().map(|segment| segment.ident.to_string()));
            Ok(())
        });
    }
    derived
}

/// A type without its parameters.
fn head(ty: &str) -> &str {
    ty.split('<').next().unwrap_or(ty).trim()
}

/// What `report_by_debug!` is given for a type.
fn reported(name: &str, generics: &Generics) -> String {
    if generics.params.is_empty() {
        return name.to_owned();
    }
    let (mut parameters, mut arguments) = (Vec::new(), Vec::new());
    for parameter in &generics.params {
        let (head, bounds) = match parameter {
            GenericParam::Lifetime(parameter) => (parameter.lifetime.to_string(), written(&parameter.bounds)),
            GenericParam::Type(parameter) => (parameter.ident.to_string(), written(&parameter.bounds)),
            GenericParam::Const(parameter) => (format!("const {}", parameter.ident), written(&parameter.ty)),
        };
        arguments.push(head.trim_start_matches("const ").to_owned());
        parameters.push(if bounds.is_empty() {
            head
        } else {
            format!("{head}: {bounds}")
        });
    }
    let bounds = generics.where_clause.as_ref().map(|clause| written(&clause.predicates));
    let bounds = bounds.filter(|bounds| !bounds.is_empty());
    format!(
        "[{}] {name}<{}>{}",
        parameters.join(", "),
        arguments.join(", "),
        bounds.map(|bounds| format!(" where {bounds}")).unwrap_or_default()
    )
}

fn has_bounds(generics: &Generics) -> bool {
    generics.where_clause.is_some()
        || generics.params.iter().any(|parameter| match parameter {
            GenericParam::Lifetime(_) => false,
            GenericParam::Type(parameter) => !parameter.bounds.is_empty(),
            GenericParam::Const(_) => true,
        })
}

/// A piece of syntax as it was written, in one line.
fn written(syntax: &impl Spanned) -> String {
    let text = syntax.span().source_text().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
