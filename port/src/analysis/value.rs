//! Whether code ends in a value.

use syn::{Expr, Stmt};

use super::names::is_assignment;

/// Macros whose call is no value: what they do is all there is.
const SILENT_MACROS: [&str; 11] = [
    "print",
    "println",
    "eprint",
    "eprintln",
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "thread_local",
];

/// How statements end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// In an expression that may be more than `()`.
    Value,
    /// In an expression that can only be `()`, after which a `;` must stand before anything else may follow.
    Unit,
    /// In anything else: a statement, an item, a block without a value, nothing.
    Nothing,
}

pub(super) fn ending(statements: &[Stmt]) -> Ending {
    match statements.last() {
        Some(Stmt::Expr(expression, None)) if has_value(expression) => Ending::Value,
        Some(Stmt::Expr(Expr::Assign(_) | Expr::Binary(_) | Expr::Macro(_) | Expr::Tuple(_), None)) => Ending::Unit,
        Some(Stmt::Macro(call)) if call.semi_token.is_none() => {
            let is_braced = matches!(call.mac.delimiter, syn::MacroDelimiter::Brace(_));
            match is_silent(&call.mac) {
                false => Ending::Value,
                true if is_braced => Ending::Nothing,
                true => Ending::Unit,
            }
        }
        _ => Ending::Nothing,
    }
}

fn has_value(expression: &Expr) -> bool {
    match expression {
        Expr::ForLoop(_) | Expr::While(_) | Expr::Assign(_) => false,
        Expr::Binary(operation) => !is_assignment(&operation.op),
        Expr::Macro(call) => !is_silent(&call.mac),
        Expr::Block(block) => block_has_value(&block.block),
        Expr::Unsafe(block) => block_has_value(&block.block),
        Expr::Paren(paren) => has_value(&paren.expr),
        Expr::Tuple(tuple) => !tuple.elems.is_empty(),
        Expr::If(branch) => {
            let other = branch.else_branch.as_ref();
            other.is_some_and(|(_, other)| block_has_value(&branch.then_branch) || has_value(other))
        }
        Expr::Match(choice) => choice.arms.iter().any(|arm| has_value(&arm.body)),
        _ => true,
    }
}

fn block_has_value(block: &syn::Block) -> bool {
    ending(&block.stmts) == Ending::Value
}

fn is_silent(call: &syn::Macro) -> bool {
    let name = call.path.segments.last().map(|segment| segment.ident.to_string());
    name.is_some_and(|name| SILENT_MACROS.contains(&name.as_str()))
}
