//! Reads a cell.

use std::collections::BTreeSet;
use std::ops::Range;

use pipulate::cell::{Cell, Place, SegmentKind};
use proc_macro2::TokenStream;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Attribute, Block, Expr, Stmt};

use super::names::Walk;
use super::reading::{Magic, MagicKind, Reading};
use super::value::{Ending, ending};
use super::{CellAnalysis, Fault, GetUse, InputUse, SetUse, Use, bindings, dependency, items, stack};

pub(super) fn analyse(cell: &Cell<'_>) -> Result<CellAnalysis, Fault> {
    if let Some(problem) = cell.problems().first() {
        return Err(Fault {
            span: problem.span.clone(),
            message: problem.message.clone(),
            help: problem.help.clone(),
        });
    }
    let reading = Reading::new(cell)?;
    let (mut analysis, last) = stack::with_tokens(&reading.text, |tokens| read(cell, &reading, tokens))
        .map_err(|fault| in_cell(cell, &reading, fault))?;
    for segment in cell.segments() {
        if segment.kind == SegmentKind::Command
            && let Some(dependency) = dependency::of_command(cell.slice(&segment.span), &segment.span)
        {
            analysis.dependencies.push(dependency?);
        }
    }
    note_magics(&reading, &mut analysis);
    analysis.step.clone_from(&reading.step);
    if let Some(step) = &reading.step
        && analysis.tail.is_none()
    {
        return Err(without_value(cell, &step.step.text, last));
    }
    Ok(analysis)
}

/// A fault in the text that was parsed, as one in the cell.
fn in_cell(cell: &Cell<'_>, reading: &Reading, fault: Fault) -> Fault {
    let span = reading.span(&fault.span);
    let remainder = cell
        .remainders()
        .iter()
        .rfind(|remainder| remainder.start <= span.start);
    let message = match remainder {
        Some(remainder) if fault.help.is_empty() => format!(
            "{} `{}` was read as a remainder, since nothing ends the line before it.",
            fault.message,
            cell.slice(remainder)
        ),
        _ => fault.message,
    };
    Fault {
        span,
        message,
        help: fault.help,
    }
}

/// The statements of a text, and the attributes of the whole before them.
pub(super) fn statements(tokens: TokenStream, end: usize) -> Result<(Vec<Attribute>, Vec<Stmt>), Fault> {
    let parser = |input: ParseStream<'_>| Ok((Attribute::parse_inner(input)?, Block::parse_within(input)?));
    parser.parse2(tokens).map_err(|error| syntax_fault(&error, end))
}

/// What the parser says; at the end of the text, that is where it points.
pub(super) fn syntax_fault(error: &syn::Error, end: usize) -> Fault {
    let mut span = error.span().byte_range();
    if span == (0..0) {
        span = end..end;
    }
    let message = error.to_string();
    let message = match message.strip_prefix("unexpected end of input, ") {
        Some(rest) => format!("the code ends too early: {rest}"),
        // A list of all that may begin an item says less than the word that does not.
        None if message.len() > 100 => match error.span().source_text() {
            Some(found) if found.len() < 40 => format!("`{found}` cannot stand here"),
            _ => "what begins here cannot stand here".to_owned(),
        },
        None => message,
    };
    let mut characters = message.chars();
    let first = characters.next().map(char::to_uppercase);
    let message: String = first.into_iter().flatten().chain(characters).collect();
    Fault {
        span,
        message: if message.ends_with(['.', '?', '!']) {
            message
        } else {
            format!("{message}.")
        },
        help: String::new(),
    }
}

/// What the cell's Rust says, and where its last statement stands.
fn read(
    cell: &Cell<'_>,
    reading: &Reading,
    tokens: TokenStream,
) -> Result<(CellAnalysis, Option<Range<usize>>), Fault> {
    let end = reading.text.trim_end().len();
    let (attributes, statements) = statements(tokens, end)?;
    let names = Walk::cell(&statements);
    let mut analysis = CellAnalysis {
        has_question_mark: names.has_question_mark,
        awaits: names.awaits,
        returns: names.returns,
        inner_attributes: attributes
            .iter()
            .map(|attribute| reading.span(&attribute.span().byte_range()))
            .collect(),
        ..CellAnalysis::default()
    };
    analysis.free = names
        .free
        .into_iter()
        .map(|(name, found)| {
            let used = Use {
                span: reading.span(&found.span),
                variable: found.variable,
                assigned: found.assigned,
                inline_capture: found.inline_capture,
            };
            (name, used)
        })
        .collect();
    for statement in &statements {
        note_statement(cell, reading, statement, &mut analysis);
    }
    bindings::shadow(&mut analysis.bindings);
    let last = statements.last().map(|last| place(reading, last));
    match ending(&statements) {
        Ending::Value => analysis.tail.clone_from(&last),
        Ending::Unit => analysis.needs_semicolon = last.as_ref().map(|last| last.end),
        Ending::Nothing => {}
    }
    Ok((analysis, last))
}

/// Where a statement stands: a magic as a whole.
fn place(reading: &Reading, last: &Stmt) -> Range<usize> {
    let span = last.span().byte_range();
    match reading.magic_at(span.start) {
        Some(magic) => magic.span.clone(),
        None => reading.span(&span),
    }
}

fn note_statement(cell: &Cell<'_>, reading: &Reading, statement: &Stmt, analysis: &mut CellAnalysis) {
    let at = statement.span().byte_range();
    let mut note_item = |item: &syn::Item| {
        let text = reading.text.get(at.clone()).unwrap_or_default();
        analysis.items.push(items::item(item, text, reading.span(&at)));
    };
    if let Some(item) = items::of_statement(statement) {
        note_item(&item);
        return;
    }
    match statement {
        Stmt::Item(item) => note_item(item),
        Stmt::Local(local) => {
            let magic = local
                .init
                .as_ref()
                .and_then(|init| reading.magic_at(init.expr.span().byte_range().start));
            let default_names = || match &local.init {
                Some(init) => free_names(&init.expr),
                None => BTreeSet::new(),
            };
            let bound = bindings::of_local(local, reading, magic, default_names, cell.text());
            analysis.bindings.extend(bound);
            analysis.statements = true;
        }
        Stmt::Expr(Expr::Verbatim(tokens), Some(_)) if tokens.is_empty() => {}
        Stmt::Expr(..) | Stmt::Macro(_) => match reading.magic_at(at.start) {
            Some(magic) => note_line(cell, magic, analysis),
            None => analysis.statements = true,
        },
    }
}

/// Takes note of a magic that stands among the cell's own statements.
fn note_line(cell: &Cell<'_>, magic: &Magic, analysis: &mut CellAnalysis) {
    match &magic.kind {
        MagicKind::Set(set, _) => {
            analysis.statements = true;
            let value = cell.slice(&set.value);
            if set.literal.is_none() {
                let job = set.job.as_ref().map(|job| job.text.as_str());
                bindings::saved(&mut analysis.bindings, plain_name(value), &set.step.text, job);
            }
        }
        MagicKind::Input(..) | MagicKind::Timed => analysis.statements = true,
        _ => {}
    }
}

/// A value that is a name and no more, also behind `&`, in brackets, or cloned; else as it is, which is no name.
fn plain_name(value: &str) -> &str {
    let value = value.trim().trim_start_matches('&').trim();
    let value = value.strip_suffix(".clone()").unwrap_or(value);
    value.strip_prefix("r#").unwrap_or(value)
}

fn free_names(expression: &Expr) -> BTreeSet<String> {
    let statement = Stmt::Expr(expression.clone(), None);
    Walk::statements(std::slice::from_ref(&statement))
        .free
        .into_keys()
        .collect()
}

/// Takes note of every magic, in blocks too.
fn note_magics(reading: &Reading, analysis: &mut CellAnalysis) {
    for magic in &reading.magics {
        let span = magic.span.clone();
        match &magic.kind {
            MagicKind::Set(call, magic) => analysis.sets.push(SetUse {
                call: call.clone(),
                span,
                place: magic.place,
            }),
            MagicKind::Get(call, binding) => analysis.gets.push(GetUse {
                call: call.clone(),
                span,
                place: binding.call.place,
                pattern: binding.pattern.clone(),
                ty: binding.ty.clone(),
            }),
            MagicKind::Show(step) => analysis.shows.push((step.clone(), span)),
            MagicKind::Input(call, magic, binding) => analysis.inputs.push(InputUse {
                call: call.clone(),
                span,
                place: magic.place,
                pattern: binding.as_ref().map(|binding| binding.pattern.clone()),
                ty: binding.as_ref().and_then(|binding| binding.ty.clone()),
            }),
            MagicKind::Job(call) => analysis.jobs.push((call.clone(), span)),
            MagicKind::Timed | MagicKind::TimedLet | MagicKind::Other => {}
        }
    }
    debug_assert!(
        analysis
            .sets
            .iter()
            .all(|set| matches!(set.place, Place::Cell | Place::Block))
    );
}

fn without_value(cell: &Cell<'_>, step: &str, last: Option<Range<usize>>) -> Fault {
    let Some(last) = last else {
        return Fault {
            span: cell.cell_magic().map_or(0..0, |magic| magic.name.clone()),
            message: format!("The step `{step}` has no value: its cell has no code."),
            help: "Write the expression that is the step's value below the first line.".to_owned(),
        };
    };
    let text = cell.slice(&last);
    let start = text.char_indices().last().map_or(last.end, |(at, _)| last.start + at);
    let (message, help) = if text.ends_with(';') {
        (
            "its last line ends in `;`",
            "Leave the `;` out, or end the cell with the expression that is the step's value.",
        )
    } else {
        (
            "its cell does not end in an expression that has one",
            "End the cell with the expression that is the step's value.",
        )
    };
    Fault {
        span: start..last.end,
        message: format!("The step `{step}` has no value: {message}."),
        help: help.to_owned(),
    }
}
