//! Which names code uses and does not bind.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use proc_macro2::{Ident, Span};
use syn::visit::{self, Visit};
use syn::{BinOp, Item, Pat, Stmt, UseTree};

use super::patterns::Refutable;
use super::scope::Scopes;
use super::tokens::is_silent;

/// What was found. Spans are bytes of the text that was parsed.
#[derive(Default)]
pub(super) struct Names {
    pub(super) free: BTreeMap<String, Found>,
    /// Methods and later parts of paths.
    pub(super) members: BTreeSet<String>,
    pub(super) has_question_mark: bool,
    pub(super) awaits: bool,
    pub(super) returns: bool,
}

/// A name that is used.
pub(super) struct Found {
    pub(super) span: Range<usize>,
    pub(super) variable: bool,
    pub(super) assigned: bool,
    pub(super) inline_capture: bool,
}

/// How a name is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// By itself, as a value.
    Value,
    /// As a value that is written to.
    Assigned,
    /// In a format string.
    Capture,
    /// As a type, a macro, or the beginning of a path.
    Path,
}

/// Walks through code and notes its names.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) names: Names,
    pub(super) scopes: Scopes,
    /// How many closures, `async` blocks and items are around: `?` and `.await` in them are their own.
    inner: usize,
    /// How many macro calls are around.
    pub(super) macros: usize,
}

impl Walk {
    /// The names of an item, by itself.
    pub(super) fn item(item: &Item) -> Names {
        let mut walk = Self::default();
        walk.visit_item(item);
        walk.names
    }

    /// The names of statements in a block of their own.
    pub(super) fn statements(statements: &[Stmt]) -> Names {
        let mut walk = Self::default();
        walk.block(statements);
        walk.names
    }

    /// Walks through the statements of a cell, whose own items are not walked through unless they stand in blocks.
    pub(super) fn cell(statements: &[Stmt]) -> Names {
        let mut walk = Self::default();
        walk.scopes.push();
        walk.define_items(statements);
        for statement in statements {
            if !matches!(statement, Stmt::Item(_)) && super::items::of_statement(statement).is_none() {
                walk.visit_stmt(statement);
            }
        }
        walk.names
    }

    /// The names of text that is no Rust.
    pub(super) fn unparsed(tokens: &proc_macro2::TokenStream) -> Names {
        let mut walk = Self::default();
        walk.tokens(tokens);
        walk.names
    }

    pub(super) fn block(&mut self, statements: &[Stmt]) {
        self.scopes.push();
        self.define_items(statements);
        for statement in statements {
            self.visit_stmt(statement);
        }
        self.scopes.pop();
    }

    fn define_items(&mut self, statements: &[Stmt]) {
        for statement in statements {
            match statement {
                Stmt::Item(item) => self.define(item),
                Stmt::Macro(call) => {
                    let statics = super::items::statics_of(&call.mac).unwrap_or_default();
                    for name in &statics {
                        self.scopes.define(name);
                    }
                }
                _ => {}
            }
        }
    }

    /// Makes the names of an item known in the current scope.
    fn define(&mut self, item: &Item) {
        if let Item::Use(import) = item {
            for leaf in super::items::leaves(&import.tree) {
                if let Some(name) = leaf.name {
                    self.scopes.define(&name);
                }
            }
        } else if let Some(name) = super::items::name(item) {
            self.scopes.define(&name);
        }
    }

    pub(super) fn note(&mut self, name: &str, span: Span, role: Role) {
        let is_bound = match role {
            Role::Path => self.scopes.defines(name),
            _ => self.scopes.binds(name) || self.scopes.defines(name),
        };
        if is_bound || name == "_" {
            return;
        }
        let found = self.names.free.entry(name.to_owned()).or_insert_with(|| Found {
            span: span.byte_range(),
            variable: false,
            assigned: false,
            inline_capture: false,
        });
        found.variable |= role != Role::Path;
        found.assigned |= role == Role::Assigned;
        found.inline_capture |= role == Role::Capture;
    }

    /// Notes the first part of a path that is a name of someone else's, and the later ones as members.
    fn path(&mut self, path: &syn::Path, skipped: usize) {
        let mut segments = path.segments.iter().enumerate().peekable();
        if skipped == 0 {
            while let Some((_, segment)) = segments.next_if(|(_, segment)| is_path_word(&segment.ident)) {
                self.visit_path_arguments(&segment.arguments);
            }
            let of_self = path.segments.first().is_some_and(|first| first.ident == "Self");
            if let Some((index, segment)) = segments.next_if(|_| !of_self) {
                let is_alone = index == 0 && path.segments.len() == 1 && path.leading_colon.is_none();
                let role = if is_alone { Role::Value } else { Role::Path };
                self.note(&plain(&segment.ident), segment.ident.span(), role);
                self.visit_path_arguments(&segment.arguments);
            }
        }
        for (_, segment) in segments {
            self.names.members.insert(plain(&segment.ident));
            self.visit_path_arguments(&segment.arguments);
        }
    }

    /// A path that is no value: a type, a trait, a macro, the name of a struct in its literal.
    fn type_path(&mut self, path: &syn::Path, skipped: usize) {
        if let (1, 0, Some(segment)) = (path.segments.len(), skipped, path.segments.first()) {
            if !is_path_word(&segment.ident) {
                self.note(&plain(&segment.ident), segment.ident.span(), Role::Path);
            }
            self.visit_path_arguments(&segment.arguments);
        } else {
            self.path(path, skipped);
        }
    }

    /// A path behind `<T as ..>::`.
    pub(super) fn qualified(&mut self, qself: Option<&syn::QSelf>, path: &syn::Path, is_value: bool) {
        let Some(qself) = qself else {
            if is_value {
                self.path(path, 0);
            } else {
                self.type_path(path, 0);
            }
            return;
        };
        self.visit_type(&qself.ty);
        if qself.position == 0 {
            self.path(path, 1);
        } else {
            // The trait's path comes first; its name is a name like any other.
            self.path(path, 0);
        }
    }

    /// Walks through what has a body of its own, where `?` leaves that body.
    fn within(&mut self, walk: impl FnOnce(&mut Self)) {
        self.inner += 1;
        self.scopes.push();
        walk(self);
        self.scopes.pop();
        self.inner -= 1;
    }

    fn own(&self) -> bool {
        self.inner == 0
    }

    pub(super) fn question_mark(&mut self) {
        self.names.has_question_mark |= self.own();
    }

    pub(super) fn await_word(&mut self) {
        self.names.awaits |= self.own();
    }
}

impl<'ast> Visit<'ast> for Walk {
    fn visit_block(&mut self, block: &'ast syn::Block) {
        self.block(&block.stmts);
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        local.attrs.iter().for_each(|attribute| self.visit_attribute(attribute));
        if let Some(init) = &local.init {
            self.visit_expr(&init.expr);
            if let Some((_, diverge)) = &init.diverge {
                self.visit_expr(diverge);
            }
        }
        let refutable = match &local.init {
            Some(init) if init.diverge.is_some() => Refutable::Yes,
            _ => Refutable::No,
        };
        self.bind(&local.pat, refutable);
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        closure
            .attrs
            .iter()
            .for_each(|attribute| self.visit_attribute(attribute));
        self.within(|walk| {
            closure.inputs.iter().for_each(|input| walk.bind(input, Refutable::No));
            walk.visit_return_type(&closure.output);
            walk.visit_expr(&closure.body);
        });
    }

    fn visit_expr_async(&mut self, block: &'ast syn::ExprAsync) {
        self.within(|walk| walk.visit_block(&block.block));
    }

    fn visit_expr_for_loop(&mut self, each: &'ast syn::ExprForLoop) {
        self.visit_expr(&each.expr);
        self.scopes.push();
        self.bind(&each.pat, Refutable::No);
        self.visit_block(&each.body);
        self.scopes.pop();
    }

    fn visit_expr_while(&mut self, each: &'ast syn::ExprWhile) {
        self.scopes.push();
        self.visit_expr(&each.cond);
        self.visit_block(&each.body);
        self.scopes.pop();
    }

    fn visit_expr_if(&mut self, branch: &'ast syn::ExprIf) {
        self.scopes.push();
        self.visit_expr(&branch.cond);
        self.visit_block(&branch.then_branch);
        self.scopes.pop();
        if let Some((_, other)) = &branch.else_branch {
            self.visit_expr(other);
        }
    }

    fn visit_expr_let(&mut self, condition: &'ast syn::ExprLet) {
        self.visit_expr(&condition.expr);
        self.bind(&condition.pat, Refutable::Yes);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        self.scopes.push();
        arm.attrs.iter().for_each(|attribute| self.visit_attribute(attribute));
        self.bind(&arm.pat, Refutable::Yes);
        self.visit_expr(&arm.body);
        self.scopes.pop();
    }

    fn visit_expr_assign(&mut self, assignment: &'ast syn::ExprAssign) {
        self.visit_expr(&assignment.right);
        self.assign(&assignment.left);
    }

    fn visit_expr_binary(&mut self, operation: &'ast syn::ExprBinary) {
        if is_assignment(&operation.op) {
            self.assign(&operation.left);
        } else {
            self.visit_expr(&operation.left);
        }
        self.visit_expr(&operation.right);
    }

    fn visit_expr_reference(&mut self, reference: &'ast syn::ExprReference) {
        if reference.mutability.is_some() {
            self.assign(&reference.expr);
        } else {
            self.visit_expr(&reference.expr);
        }
    }

    fn visit_expr_raw_addr(&mut self, address: &'ast syn::ExprRawAddr) {
        if matches!(address.mutability, syn::PointerMutability::Mut(_)) {
            self.assign(&address.expr);
        } else {
            self.visit_expr(&address.expr);
        }
    }

    fn visit_expr_try(&mut self, expression: &'ast syn::ExprTry) {
        self.question_mark();
        self.visit_expr(&expression.expr);
    }

    fn visit_expr_try_block(&mut self, block: &'ast syn::ExprTryBlock) {
        self.inner += 1;
        self.visit_block(&block.block);
        self.inner -= 1;
    }

    fn visit_expr_await(&mut self, expression: &'ast syn::ExprAwait) {
        self.await_word();
        self.visit_expr(&expression.base);
    }

    fn visit_expr_return(&mut self, expression: &'ast syn::ExprReturn) {
        self.names.returns |= self.own();
        visit::visit_expr_return(self, expression);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.names.members.insert(plain(&call.method));
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        self.qualified(path.qself.as_ref(), &path.path, true);
    }

    fn visit_expr_struct(&mut self, literal: &'ast syn::ExprStruct) {
        self.qualified(literal.qself.as_ref(), &literal.path, false);
        for field in &literal.fields {
            self.visit_expr(&field.expr);
        }
        if let Some(rest) = &literal.rest {
            self.visit_expr(rest);
        }
    }

    fn visit_pat(&mut self, pattern: &'ast Pat) {
        self.bind(pattern, Refutable::Yes);
    }

    fn visit_type_path(&mut self, path: &'ast syn::TypePath) {
        self.qualified(path.qself.as_ref(), &path.path, false);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.type_path(path, 0);
    }

    fn visit_generics(&mut self, generics: &'ast syn::Generics) {
        for parameter in &generics.params {
            match parameter {
                syn::GenericParam::Type(parameter) => self.scopes.define(&plain(&parameter.ident)),
                syn::GenericParam::Const(parameter) => self.scopes.define(&plain(&parameter.ident)),
                syn::GenericParam::Lifetime(_) => {}
            }
        }
        visit::visit_generics(self, generics);
    }

    fn visit_item(&mut self, item: &'ast Item) {
        self.inner += 1;
        self.scopes.push_item();
        match item {
            Item::Macro(rules) if rules.ident.is_some() => self.tokens(&rules.mac.tokens),
            Item::Mod(module) => {
                for inner in module.content.iter().flat_map(|(_, items)| items) {
                    self.define(inner);
                }
                visit::visit_item(self, item);
            }
            _ => visit::visit_item(self, item),
        }
        self.scopes.pop();
        self.inner -= 1;
    }

    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        import
            .attrs
            .iter()
            .for_each(|attribute| self.visit_attribute(attribute));
        for first in first_parts(&import.tree) {
            self.note(&plain(first), first.span(), Role::Path);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        self.scopes.push_item();
        visit::visit_impl_item(self, item);
        self.scopes.pop();
    }

    fn visit_trait_item(&mut self, item: &'ast syn::TraitItem) {
        self.scopes.push_item();
        visit::visit_trait_item(self, item);
        self.scopes.pop();
    }

    fn visit_fn_arg(&mut self, argument: &'ast syn::FnArg) {
        match argument {
            syn::FnArg::Typed(typed) => {
                typed.attrs.iter().for_each(|attribute| self.visit_attribute(attribute));
                self.visit_type(&typed.ty);
                self.bind(&typed.pat, Refutable::No);
            }
            syn::FnArg::Receiver(receiver) => {
                if let syn::ReceiverKind::Typed(_, ty) = &receiver.kind {
                    self.visit_type(ty);
                }
            }
        }
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        self.attribute(attribute);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.type_path(&call.path, 0);
        let name = call.path.segments.last().map(|segment| plain(&segment.ident));
        self.macro_call(&name.unwrap_or_default(), &call.tokens);
    }

    fn visit_token_stream(&mut self, tokens: &'ast proc_macro2::TokenStream) {
        self.tokens(tokens);
    }
}

impl Walk {
    /// An attribute's names: of macros that derive, and of paths in strings, as serde takes them.
    fn attribute(&mut self, attribute: &syn::Attribute) {
        match &attribute.meta {
            syn::Meta::Path(path) => self.type_path(path, 0),
            syn::Meta::List(list) => {
                let silent = list.path.get_ident().map(|name| name.to_string().parse());
                if matches!(&silent, Some(Ok(name)) if is_silent(name)) {
                    return;
                }
                self.type_path(&list.path, 0);
                self.attribute_tokens(&list.tokens);
            }
            syn::Meta::NameValue(_) => {}
        }
    }
}

/// A name without `r#`.
pub(super) fn plain(name: &Ident) -> String {
    let written = name.to_string();
    match written.strip_prefix("r#") {
        Some(plain) => plain.to_owned(),
        None => written,
    }
}

/// Whether a path's part only says where to begin.
pub(super) fn is_path_word(name: &Ident) -> bool {
    ["crate", "self", "super", "Self"].iter().any(|word| name == word)
}

/// The first part of each path in a `use` that is a name.
pub(super) fn first_parts(tree: &UseTree) -> Vec<&Ident> {
    match tree {
        UseTree::Path(path) if is_path_word(&path.ident) => first_parts(&path.tree),
        UseTree::Path(path) => vec![&path.ident],
        UseTree::Name(name) => [&name.ident].into_iter().filter(|name| !is_path_word(name)).collect(),
        UseTree::Rename(rename) => [&rename.ident].into_iter().filter(|name| !is_path_word(name)).collect(),
        UseTree::Group(group) => group.items.iter().flat_map(first_parts).collect(),
        UseTree::Glob(_) => Vec::new(),
    }
}

pub(super) fn is_assignment(operator: &BinOp) -> bool {
    matches!(
        operator,
        BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_)
    )
}
