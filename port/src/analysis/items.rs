//! Items, as far as others need to know them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;
use syn::{ImplItem, Item as Syntax, Meta, Stmt, TraitItem, Type, UseTree};

use super::names::{Walk, plain};
use super::tokens::{canonical, canonical_item, is_silent};
use super::{Import, Item, ItemKind};

/// What an item is. `text` is the item's own.
pub(super) fn item(syntax: &Syntax, text: &str, span: std::ops::Range<usize>) -> Item {
    // The item was read from this very text, so that it is made of tokens.
    let stream: TokenStream = text.parse().unwrap_or_default();
    let (tokens, words) = canonical_item(stream);
    let names = Walk::item(syntax);
    let name = match syntax {
        Syntax::Use(_) => None,
        _ => name(syntax),
    };
    let kind = kind(syntax);
    let mut used: BTreeSet<String> = names.free.into_keys().collect();
    if let Some(name) = &name {
        used.remove(name);
    }
    if let ItemKind::ThreadLocal { statics } = &kind {
        used.retain(|name| !statics.contains(name));
    }
    Item {
        kind,
        name,
        span,
        tokens,
        names: used,
        members: names.members,
        words,
    }
}

/// An item apart for each name that a `use` or a `thread_local!` brings; any other item as it is.
pub(super) fn split(item: &Item) -> Vec<Item> {
    if let ItemKind::ThreadLocal { statics } = &item.kind {
        return statics
            .iter()
            .map(|name| Item {
                name: Some(name.clone()),
                ..item.clone()
            })
            .collect();
    }
    let ItemKind::Use { imports } = &item.kind else {
        return vec![item.clone()];
    };
    imports
        .iter()
        .map(|import| {
            let stream: TokenStream = import.tokens.parse().unwrap_or_default();
            let (_, words) = canonical(stream);
            Item {
                kind: ItemKind::Use {
                    imports: vec![import.clone()],
                },
                name: None,
                span: item.span.clone(),
                tokens: import.tokens.clone(),
                names: item.names.intersection(&words).cloned().collect(),
                members: BTreeSet::new(),
                words,
            }
        })
        .collect()
}

/// The name that an item gives a meaning to, but for a `use`.
pub(super) fn name(item: &Syntax) -> Option<String> {
    let ident = match item {
        Syntax::Const(item) => &item.ident,
        Syntax::Enum(item) => &item.ident,
        Syntax::ExternCrate(item) => item.rename.as_ref().map_or(&item.ident, |(_, name)| name),
        Syntax::Fn(item) => &item.sig.ident,
        Syntax::Macro(item) => item.ident.as_ref()?,
        Syntax::Mod(item) => &item.ident,
        Syntax::Static(item) => &item.ident,
        Syntax::Struct(item) => &item.ident,
        Syntax::Trait(item) => &item.ident,
        Syntax::TraitAlias(item) => &item.ident,
        Syntax::Type(item) => &item.ident,
        Syntax::Union(item) => &item.ident,
        _ => return None,
    };
    Some(plain(ident)).filter(|name| name != "_")
}

/// A statement that is a call of `thread_local!`, as the item that it is.
pub(super) fn of_statement(statement: &Stmt) -> Option<Syntax> {
    let Stmt::Macro(call) = statement else { return None };
    statics_of(&call.mac)?;
    Some(Syntax::Macro(syn::ItemMacro {
        attrs: call.attrs.clone(),
        ident: None,
        mac: call.mac.clone(),
        semi_token: call.semi_token,
    }))
}

/// The names that a call of `thread_local!` gives a meaning to; `None` for calls of other macros, and for one without a `static`.
pub(super) fn statics_of(call: &syn::Macro) -> Option<Vec<String>> {
    let path: Vec<String> = call.path.segments.iter().map(|segment| plain(&segment.ident)).collect();
    if !matches!(path.join("::").as_str(), "thread_local" | "std::thread_local") {
        return None;
    }
    let mut found = Vec::new();
    let mut before = [None, None];
    for token in call.tokens.clone() {
        if let (TokenTree::Ident(name), [mark, Some(TokenTree::Ident(word))]) = (&token, &before) {
            let is_lifetime = matches!(mark, Some(TokenTree::Punct(mark)) if mark.as_char() == '\'');
            if word == "static" && !is_lifetime {
                found.push(plain(name));
            }
        }
        let [_, last] = before;
        before = [last, Some(token)];
    }
    (!found.is_empty()).then_some(found)
}

/// Each name that a `use` brings. Its attributes are those of the whole.
pub(super) fn leaves(tree: &UseTree) -> Vec<Import> {
    let mut found = Vec::new();
    collect_leaves(tree, "", &mut found);
    found
}

fn collect_leaves(tree: &UseTree, before: &str, found: &mut Vec<Import>) {
    // `use a::{self}` brings `a`.
    let last = before
        .trim_end_matches(" :: ")
        .rsplit(' ')
        .next()
        .unwrap_or("")
        .to_owned();
    let mut push = |name: Option<String>, written: &str| {
        let path = if written == "self" && !before.is_empty() {
            before.trim_end_matches(" :: ").to_owned()
        } else if let Some(rename) = written.strip_prefix("self as ").filter(|_| !before.is_empty()) {
            format!("{} as {rename}", before.trim_end_matches(" :: "))
        } else {
            format!("{before}{written}")
        };
        found.push(Import {
            name,
            tokens: format!("use {path}"),
        });
    };
    match tree {
        UseTree::Path(path) => collect_leaves(&path.tree, &format!("{before}{} :: ", path.ident), found),
        UseTree::Name(name) if name.ident == "self" => {
            let bound = (!last.is_empty()).then(|| last.trim_start_matches("r#").to_owned());
            push(bound, "self");
        }
        UseTree::Name(name) => push(Some(plain(&name.ident)), &name.ident.to_string()),
        UseTree::Rename(rename) => {
            let bound = Some(plain(&rename.rename)).filter(|name| name != "_");
            push(bound, &format!("{} as {}", rename.ident, rename.rename));
        }
        UseTree::Glob(_) => push(None, "*"),
        UseTree::Group(group) => {
            for tree in &group.items {
                collect_leaves(tree, before, found);
            }
        }
    }
}

fn imports(item: &syn::ItemUse) -> Vec<Import> {
    let mut attributes = String::new();
    for attribute in &item.attrs {
        let path = match &attribute.meta {
            Meta::Path(path) => path,
            Meta::List(list) => &list.path,
            Meta::NameValue(pair) => &pair.path,
        };
        let first = path.segments.first().map(|segment| segment.ident.to_string());
        let is_told = first.is_some_and(|first| !first.parse().is_ok_and(|first| is_silent(&first)));
        if let (true, Meta::List(list)) = (is_told, &attribute.meta) {
            let (tokens, _) = canonical(list.tokens.clone());
            let _ = write!(attributes, "# [ {} ( {tokens} ) ] ", path_text(path));
        }
    }
    let colon = if item.leading_colon.is_some() { ":: " } else { "" };
    let mut found = Vec::new();
    collect_leaves(&item.tree, colon, &mut found);
    for import in &mut found {
        import.tokens.insert_str(0, &attributes);
    }
    found
}

fn kind(item: &Syntax) -> ItemKind {
    match item {
        Syntax::Const(_) => ItemKind::Const,
        Syntax::Enum(_) => ItemKind::Enum,
        Syntax::ExternCrate(_) => ItemKind::ExternCrate,
        Syntax::Fn(_) => ItemKind::Fn,
        Syntax::ForeignMod(_) => ItemKind::ForeignMod,
        Syntax::Impl(item) => implementation(item),
        Syntax::Macro(item) if item.ident.is_none() => match statics_of(&item.mac) {
            Some(statics) => ItemKind::ThreadLocal { statics },
            None => ItemKind::MacroCall,
        },
        Syntax::Macro(_) => ItemKind::MacroRules,
        Syntax::Mod(_) => ItemKind::Mod,
        Syntax::Static(item) => ItemKind::Static {
            changeable: matches!(item.mutability, syn::StaticMutability::Mut(_)) || is_changeable(&item.ty),
        },
        Syntax::Struct(_) => ItemKind::Struct,
        Syntax::Trait(item) => ItemKind::Trait {
            members: item.items.iter().filter_map(trait_member).collect(),
        },
        Syntax::TraitAlias(_) => ItemKind::Trait {
            members: BTreeSet::new(),
        },
        Syntax::Type(_) => ItemKind::Type,
        Syntax::Union(_) => ItemKind::Union,
        Syntax::Use(item) => ItemKind::Use { imports: imports(item) },
        _ => ItemKind::Other,
    }
}

fn trait_member(item: &TraitItem) -> Option<String> {
    match item {
        TraitItem::Const(item) => Some(plain(&item.ident)),
        TraitItem::Fn(item) => Some(plain(&item.sig.ident)),
        TraitItem::Type(item) => Some(plain(&item.ident)),
        _ => None,
    }
}

fn implementation(item: &syn::ItemImpl) -> ItemKind {
    let mut walk = Walk::default();
    walk.scopes.push_item();
    for parameter in &item.generics.params {
        if let syn::GenericParam::Type(parameter) = parameter {
            walk.scopes.define(&plain(&parameter.ident));
        } else if let syn::GenericParam::Const(parameter) = parameter {
            walk.scopes.define(&plain(&parameter.ident));
        }
    }
    let mut head = String::new();
    if let Some((path, _)) = &item.trait_ {
        walk.visit_path(path);
        let negative = if item.modifiers.polarity.is_some() { "!" } else { "" };
        head = format!("{negative}{} for ", source_text(path));
    }
    walk.visit_type(&item.self_ty);
    head.push_str(&source_text(&*item.self_ty));
    let first = item.items.iter().find_map(|inner| match inner {
        ImplItem::Fn(function) => Some(plain(&function.sig.ident)),
        _ => None,
    });
    let subject = match (&item.trait_, first) {
        (None, Some(first)) => format!("{head}::{first}"),
        _ => head,
    };
    ItemKind::Impl {
        subject,
        of: walk.names.free.into_keys().collect(),
    }
}

/// A piece of syntax as it was written, in one line.
fn source_text(syntax: &impl syn::spanned::Spanned) -> String {
    let written = syntax.span().source_text().unwrap_or_default();
    written.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn path_text(path: &syn::Path) -> String {
    let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    segments.join(" :: ")
}

/// Whether a value of this type can change though it is not `mut`.
fn is_changeable(ty: &Type) -> bool {
    struct Search(bool);
    impl<'ast> Visit<'ast> for Search {
        fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
            let name = segment.ident.to_string();
            self.0 |= name.starts_with("Atomic")
                || matches!(
                    name.as_str(),
                    "Mutex"
                        | "RwLock"
                        | "ReentrantLock"
                        | "Condvar"
                        | "Once"
                        | "OnceLock"
                        | "OnceCell"
                        | "LazyLock"
                        | "LazyCell"
                        | "Lazy"
                        | "Cell"
                        | "RefCell"
                        | "UnsafeCell"
                        | "DashMap"
                        | "ArcSwap"
                );
            syn::visit::visit_path_segment(self, segment);
        }
    }
    let mut search = Search(false);
    search.visit_type(ty);
    search.0
}

/// What people call an item.
pub(super) fn title(item: &Item) -> String {
    let name = item.name.as_deref().unwrap_or("_");
    let word = match &item.kind {
        ItemKind::Const => "const",
        ItemKind::Enum => "enum",
        ItemKind::ExternCrate => "extern crate",
        ItemKind::Fn => "fn",
        ItemKind::ForeignMod => return "extern block".to_owned(),
        ItemKind::Impl { subject, .. } => return format!("impl {subject}"),
        ItemKind::MacroCall => return "macro call".to_owned(),
        ItemKind::MacroRules => return format!("macro {name}!"),
        ItemKind::Mod => "mod",
        ItemKind::Static { .. } => "static",
        ItemKind::Struct => "struct",
        ItemKind::ThreadLocal { statics } => return format!("thread_local {}", statics.join(", ")),
        ItemKind::Trait { .. } => "trait",
        ItemKind::Type => "type",
        ItemKind::Union => "union",
        ItemKind::Use { imports } => {
            let written: Vec<String> = imports
                .iter()
                .map(|import| import.tokens.trim_start_matches("use ").replace(" :: ", "::"))
                .collect();
            return format!("use {}", written.join(", "));
        }
        ItemKind::Other => return "item".to_owned(),
    };
    format!("{word} {name}")
}

/// Whether an item is a module whose text is a file of its own.
pub(super) fn is_file(item: &Syntax) -> bool {
    matches!(item, Syntax::Mod(module) if module.content.is_none())
}
