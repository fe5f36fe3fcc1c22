//! What patterns bind, and what assignments write to.

use syn::visit::{self, Visit};
use syn::{Expr, Pat};

use super::names::{Role, Walk, plain};

/// Whether a pattern may fail to match, so that a name in it may be a constant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Refutable {
    Yes,
    No,
}

impl Walk {
    /// Binds the names of a pattern in the current scope, and notes what it uses.
    pub(super) fn bind(&mut self, pattern: &Pat, refutable: Refutable) {
        match pattern {
            Pat::Ident(ident) => {
                let name = plain(&ident.ident);
                let is_plain = ident.by_ref.is_none() && ident.mutability.is_none() && ident.subpat.is_none();
                if is_plain && refutable == Refutable::Yes && name.starts_with(char::is_uppercase) {
                    self.note(&name, ident.ident.span(), Role::Path);
                } else {
                    self.scopes.bind(&name);
                }
                if let Some((_, inner)) = &ident.subpat {
                    self.bind(inner, refutable);
                }
            }
            Pat::Guard(guard) => {
                self.bind(&guard.pat, refutable);
                self.visit_expr(&guard.guard);
            }
            Pat::Or(or) => or.cases.iter().for_each(|case| self.bind(case, refutable)),
            Pat::Paren(paren) => self.bind(&paren.pat, refutable),
            Pat::Reference(reference) => self.bind(&reference.pat, refutable),
            Pat::Slice(slice) => slice.elems.iter().for_each(|element| self.bind(element, refutable)),
            Pat::Tuple(tuple) => tuple.elems.iter().for_each(|element| self.bind(element, refutable)),
            Pat::TupleStruct(tuple) => {
                self.qualified(tuple.qself.as_ref(), &tuple.path, false);
                tuple.elems.iter().for_each(|element| self.bind(element, refutable));
            }
            Pat::Struct(fields) => {
                self.qualified(fields.qself.as_ref(), &fields.path, false);
                fields.fields.iter().for_each(|field| self.bind(&field.pat, refutable));
            }
            Pat::Type(typed) => {
                self.visit_type(&typed.ty);
                self.bind(&typed.pat, refutable);
            }
            Pat::Path(path) => self.qualified(path.qself.as_ref(), &path.path, false),
            Pat::Macro(call) => self.visit_macro(&call.mac),
            other => visit::visit_pat(self, other),
        }
    }

    /// What is written to by an assignment to `place`, or by a `&mut` of it.
    pub(super) fn assign(&mut self, place: &Expr) {
        match place {
            Expr::Path(path) if path.qself.is_none() && path.path.get_ident().is_some() => {
                if let Some(name) = path.path.get_ident() {
                    self.note(&plain(name), name.span(), Role::Assigned);
                }
            }
            Expr::Field(field) => self.assign(&field.base),
            Expr::Index(index) => {
                self.assign(&index.expr);
                self.visit_expr(&index.index);
            }
            Expr::Paren(paren) => self.assign(&paren.expr),
            Expr::Tuple(tuple) => tuple.elems.iter().for_each(|element| self.assign(element)),
            Expr::Array(array) => array.elems.iter().for_each(|element| self.assign(element)),
            Expr::Call(call) => {
                self.visit_expr(&call.func);
                call.args.iter().for_each(|argument| self.assign(argument));
            }
            Expr::Struct(fields) => {
                self.qualified(fields.qself.as_ref(), &fields.path, false);
                fields.fields.iter().for_each(|field| self.assign(&field.expr));
            }
            other => self.visit_expr(other),
        }
    }
}
