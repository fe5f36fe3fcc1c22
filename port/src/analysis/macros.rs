//! The names in what a macro is given.
//!
//! What reads as Rust (expressions, or statements) is walked through as such; anything else token by token, where every name counts
//! that is not bound, not behind a `.` or `::`, and no label.

use std::collections::BTreeSet;

use pipulate::cell::captured_names;
use proc_macro2::{Delimiter, Literal, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::visit::Visit;
use syn::{Block, Expr, Lit, LitStr, Pat, Token};

use super::names::{Role, Walk, plain};
use super::patterns::Refutable;

/// How deep macro calls are parsed in each other: each level reads all that is in it again.
const DEEPEST_PARSED: usize = 8;

/// Which of a macro's arguments are format strings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Formats {
    /// The one at this place, from 0; the arguments after it may be `name = value`.
    At(usize),
    /// None of them.
    No,
    /// Any string, since the macro is not known: those for logs and errors do.
    Any,
}

fn formats(name: &str) -> Formats {
    match name {
        "print" | "println" | "eprint" | "eprintln" | "format" | "format_args" | "panic" | "todo" | "unreachable"
        | "unimplemented" => Formats::At(0),
        "write" | "writeln" | "assert" | "debug_assert" => Formats::At(1),
        "assert_eq" | "assert_ne" | "debug_assert_eq" | "debug_assert_ne" | "assert_matches" => Formats::At(2),
        "vec" | "matches" | "dbg" | "json" | "concat" | "stringify" | "include" | "include_str" | "include_bytes"
        | "env" | "option_env" | "cfg" | "line" | "column" | "file" | "module_path" | "compile_error" => Formats::No,
        _ => Formats::Any,
    }
}

/// `matches!(EXPR, PATTERN)`, with what may follow.
struct Matches {
    value: Expr,
    pattern: Pat,
    guard: Option<Expr>,
    rest: TokenStream,
}

impl Parse for Matches {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let value = input.parse()?;
        input.parse::<Token![,]>()?;
        let pattern = Pat::parse_multi_with_leading_vert(input)?;
        let guard = if input.peek(Token![if]) {
            input.parse::<Token![if]>()?;
            Some(input.parse()?)
        } else {
            None
        };
        let rest = input.parse()?;
        Ok(Self {
            value,
            pattern,
            guard,
            rest,
        })
    }
}

impl Walk {
    /// The arguments of a macro.
    pub(super) fn macro_call(&mut self, name: &str, tokens: &TokenStream) {
        if matches!(
            name,
            "stringify" | "concat" | "include_str" | "include_bytes" | "include" | "env" | "cfg"
        ) {
            return;
        }
        let formats = formats(name);
        self.macros += 1;
        let is_walked = self.macros <= DEEPEST_PARSED && self.parsed(name, tokens, formats);
        if !is_walked {
            self.tokens_of(tokens, formats);
        }
        self.macros -= 1;
    }

    /// Walks through the arguments as Rust; `false` when they are none.
    fn parsed(&mut self, name: &str, tokens: &TokenStream, formats: Formats) -> bool {
        if matches!(name, "matches" | "assert_matches" | "debug_assert_matches") {
            let Ok(call) = syn::parse2::<Matches>(tokens.clone()) else {
                return false;
            };
            self.visit_expr(&call.value);
            self.scopes.push();
            self.bind(&call.pattern, Refutable::Yes);
            if let Some(guard) = &call.guard {
                self.visit_expr(guard);
            }
            self.scopes.pop();
            self.tokens(&call.rest);
            return true;
        }
        if let Ok(arguments) = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens.clone()) {
            self.arguments(&arguments, formats);
            return true;
        }
        let repeated = |input: ParseStream<'_>| -> syn::Result<(Expr, Expr)> {
            let value = input.parse()?;
            input.parse::<Token![;]>()?;
            Ok((value, input.parse()?))
        };
        if let Ok((value, count)) = repeated.parse2(tokens.clone()) {
            self.visit_expr(&value);
            self.visit_expr(&count);
            return true;
        }
        if let Ok(statements) = Block::parse_within.parse2(tokens.clone()) {
            self.block(&statements);
            return true;
        }
        false
    }

    fn arguments(&mut self, arguments: &Punctuated<Expr, Token![,]>, formats: Formats) {
        let mut named = BTreeSet::new();
        for (index, argument) in arguments.iter().enumerate() {
            match argument {
                // `format!("{x}", x = 1)`: a name of the macro's own.
                Expr::Assign(assignment) if matches!(formats, Formats::At(at) if index > at) => {
                    if let Expr::Path(path) = &*assignment.left
                        && let Some(name) = path.path.get_ident()
                    {
                        named.insert(plain(name));
                        self.visit_expr(&assignment.right);
                        continue;
                    }
                    self.visit_expr(argument);
                }
                _ => self.visit_expr(argument),
            }
        }
        for (index, argument) in arguments.iter().enumerate() {
            let is_format = match formats {
                Formats::At(at) => index == at,
                Formats::No => false,
                Formats::Any => true,
            };
            if let (true, Expr::Lit(literal)) = (is_format, argument)
                && let Lit::Str(text) = &literal.lit
            {
                self.format_string(&text.value(), text.span(), &named);
            }
        }
    }

    fn format_string(&mut self, value: &str, span: proc_macro2::Span, named: &BTreeSet<String>) {
        for name in captured_names(value).difference(named) {
            self.note(name, span, Role::Capture);
        }
    }

    /// Walks through tokens of which nothing is known; strings may be format strings.
    pub(super) fn tokens(&mut self, tokens: &TokenStream) {
        self.tokens_of(tokens, Formats::Any);
    }

    fn tokens_of(&mut self, tokens: &TokenStream, formats: Formats) {
        self.scopes.push();
        self.token_run(tokens, formats);
        self.scopes.pop();
    }

    fn token_run(&mut self, tokens: &TokenStream, formats: Formats) {
        let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.token_run(&group.stream(), formats),
                TokenTree::Literal(literal) => {
                    if formats != Formats::No
                        && let Some(text) = string(literal)
                    {
                        self.format_string(&text.value(), literal.span(), &BTreeSet::new());
                    }
                }
                TokenTree::Punct(punct) if punct.as_char() == '?' => self.question_mark(),
                TokenTree::Punct(punct) if matches!(punct.as_char(), '\'' | '$') => {
                    // A label or lifetime, or a name of the macro's own.
                    if matches!(tokens.get(at + 1), Some(TokenTree::Ident(_))) {
                        at += 1;
                    }
                }
                TokenTree::Punct(_) => {}
                TokenTree::Ident(_) => at = self.word(&tokens, at),
            }
            at += 1;
        }
    }

    /// Notes the name at a place. Returns the last place that was read.
    fn word(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let TokenTree::Ident(word) = &tokens[at] else { return at };
        let sign = |index: Option<usize>, sign: char| {
            let token = index.and_then(|index| tokens.get(index));
            matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
        };
        let name = plain(word);
        let before = at.checked_sub(1);
        // `..` is a range, and no field stands behind it.
        let follows = at > 2 && sign(before, ':') && sign(at.checked_sub(2), ':');
        let is_field = sign(before, '.') && !sign(at.checked_sub(2), '.');
        if is_field || (follows && !is_start(&tokens[at - 3])) {
            if name == "await" {
                self.await_word();
            }
            self.names.members.insert(name);
            return at;
        }
        if sign(Some(at + 1), '!')
            && let Some(TokenTree::Group(arguments)) = tokens.get(at + 2)
        {
            self.note(&name, word.span(), Role::Path);
            self.macro_call(&name, &arguments.stream());
            return at + 2;
        }
        if matches!(name.as_str(), "let" | "for" | "mut" | "ref")
            && let Some(TokenTree::Ident(bound)) = tokens.get(at + 1)
            && !is_keyword(&plain(bound))
        {
            self.scopes.bind(&plain(bound));
            return at + 1;
        }
        if !word.to_string().starts_with("r#") && is_keyword(&name) {
            return at;
        }
        let begins_path = follows || (sign(Some(at + 1), ':') && sign(Some(at + 2), ':'));
        let is_written = sign(Some(at + 1), '=') && !sign(Some(at + 2), '=') && !sign(Some(at + 2), '>');
        let role = match (begins_path, is_written) {
            (true, _) => Role::Path,
            (_, true) => Role::Assigned,
            _ => Role::Value,
        };
        self.note(&name, word.span(), role);
        at
    }

    /// What stands in an attribute's brackets: names, and paths in strings.
    pub(super) fn attribute_tokens(&mut self, tokens: &TokenStream) {
        for token in tokens.clone() {
            match token {
                TokenTree::Group(group) if group.delimiter() != Delimiter::None => {
                    self.attribute_tokens(&group.stream());
                }
                TokenTree::Ident(word) => self.note(&plain(&word), word.span(), Role::Path),
                TokenTree::Literal(literal) => {
                    if let Some(text) = string(&literal)
                        && let Ok(path) = text.parse::<syn::Path>()
                    {
                        self.visit_path(&path);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Whether a name is a path's first when this token stands before its `::`.
fn is_start(token: &TokenTree) -> bool {
    match token {
        TokenTree::Ident(word) => word != "Self" && is_keyword(&word.to_string()),
        TokenTree::Punct(punct) => punct.as_char() != '>',
        TokenTree::Literal(_) | TokenTree::Group(_) => true,
    }
}

fn is_keyword(word: &str) -> bool {
    word == "_" || pipulate::cell::is_keyword(word)
}

/// The string that a literal is.
fn string(literal: &Literal) -> Option<LitStr> {
    let written = literal.to_string();
    if !written.starts_with('"') && !written.starts_with("r\"") && !written.starts_with("r#") {
        return None;
    }
    match Lit::new(literal.clone()) {
        Lit::Str(text) => Some(text),
        _ => None,
    }
}
