//! Magics amid Rust, as Rust.
//!
//! One cell is one compile: each magic is replaced in place by a call of the cell library, and everything else stands as
//! the user wrote it, on the same lines. What a magic becomes never goes through the names `job` or `pip`, which may be
//! the user's own.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::ops::Range;

use pipulate::cell::{
    self, Cell, GetCall, InputCall, LetMagic, MagicCall, SegmentKind, SetCall, StandardCrate, ThreadLocals, UsageError,
};
use pipulate_port::analysis::Reload;

use crate::outputs::CellError;
use crate::source_map::{Builder, SourceMap};

#[cfg(test)]
mod tests;

/// A cell, ready to compile.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The code, and where its pieces come from.
    pub code: SourceMap,
    /// Whether the code calls the cell library.
    pub needs_library: bool,
}

/// evcxr's command that forgets everything. Left to evcxr, it would forget what the kernel needs in every cell too.
pub const CLEAR: &str = ":clear";

/// What a `%%pip_step` cell is wrapped into.
#[derive(Clone, Debug)]
pub struct StepFrame {
    /// The step's name.
    pub step: String,
    /// Variables of earlier cells that came through the pipeline: loaded again, so that the step sees what is in the store.
    pub reloads: Vec<Reload>,
}

impl StepFrame {
    fn before(&self) -> String {
        let reloads: String = self.reloads.iter().map(reload).collect();
        format!("::pipulate::runtime::record({}, &({{ {reloads}", literal(&self.step))
    }
}

/// Loads a variable again. On one line, whatever its parts are.
fn reload(reload: &Reload) -> String {
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let ty = one_line(&reload.ty);
    let step = place(reload.job.as_ref(), &reload.step);
    let value = if reload.secret {
        let step = literal(&reload.step);
        let request =
            format!("InputRequest {{ step: {step}.into(), secret: true, ..::std::default::Default::default() }}");
        format!("input(::pipulate::runtime::{request}, None)")
    } else {
        match &reload.default {
            Some(default) => format!("get_or({step}, || ({}))", one_line(default)),
            None => format!("require({step})"),
        }
    };
    let pattern = one_line(&reload.pattern);
    format!("let {pattern}: {ty} = ::pipulate::runtime::{value}; ")
}

/// Lowers a cell without a cell magic, or the body of one. Commands are kept, all but [`CLEAR`]; shell lines are left out. `is_taken` tells
/// whether a name is a variable or an item that the user has defined in an earlier cell.
pub fn lower(cell: &Cell<'_>, is_taken: &dyn Fn(&str) -> bool) -> Result<Lowered, CellError> {
    lower_in(cell, None, is_taken)
}

/// Lowers the body of a `%%pip_step` cell: what it binds and defines stays inside, and its value goes to the step.
pub fn lower_step(cell: &Cell<'_>, frame: &StepFrame, is_taken: &dyn Fn(&str) -> bool) -> Result<Lowered, CellError> {
    lower_in(cell, Some(frame), is_taken)
}

fn lower_in(cell: &Cell<'_>, frame: Option<&StepFrame>, is_taken: &dyn Fn(&str) -> bool) -> Result<Lowered, CellError> {
    let mut lowering = Lowering {
        cell,
        out: Builder::new(cell.text()),
        needs_library: frame.is_some(),
        follows_job: false,
        replacements: if frame.is_some() {
            Vec::new()
        } else {
            replacements(cell)
        },
    };
    let bound: Vec<&str> = ["job", "pip"]
        .into_iter()
        .filter(|name| cell::mentions(cell.text(), name) && !is_taken(name) && !defines_item(cell.text(), name))
        .collect();
    // A cell that goes to another job means that one from there on.
    let moves = cell.segments().iter().find_map(|segment| match &segment.kind {
        SegmentKind::LineMagic(call) if changes_job(cell, call) => Some(segment.span.start),
        _ => None,
    });
    lowering.follows_job = bound.contains(&"job");
    let at_start: Vec<&str> = bound
        .iter()
        .copied()
        .filter(|name| *name != "job" || moves.is_none_or(|moves| cell::mentions(&cell.text()[..moves], "job")))
        .collect();
    let binding = if at_start.is_empty() {
        String::new()
    } else {
        format!("::pipulate::bind!({}); ", at_start.join(" "))
    };
    // What a type says of how it looks counts also where it is the last expression, in this cell and in later ones.
    let names_library =
        cell::names_crate(cell.text(), "pipulate") && !is_taken("pipulate") && !defines_item(cell.text(), "pipulate");
    let binding = if names_library {
        format!("use ::pipulate::Show as PIPULATE_SHOW; {binding}")
    } else {
        binding
    };
    let mut begun = false;
    let last = cell
        .segments()
        .iter()
        .rposition(|segment| segment.kind != SegmentKind::Trivia);
    for (index, segment) in cell.segments().iter().enumerate() {
        let span = segment.span.clone();
        let is_code = !matches!(
            segment.kind,
            SegmentKind::Command | SegmentKind::Shell | SegmentKind::Trivia
        );
        if !is_code || begun {
            lowering.segment(&segment.kind, span, Some(index) == last)?;
            continue;
        }
        begun = true;
        let at = span.start
            + if segment.kind == SegmentKind::Rust {
                skipped(cell.slice(&span))
            } else {
                0
            };
        lowering.needs_library |= !bound.is_empty() || names_library;
        lowering.out.keep(span.start..at);
        // evcxr takes a line that begins with a colon or an exclamation mark, and stands before any Rust, for one of its own.
        let is_magic = matches!(segment.kind, SegmentKind::LineMagic(_) | SegmentKind::Help(_));
        let reads_as_command =
            segment.kind == SegmentKind::Rust && first_code(cell.slice(&(at..span.end))).starts_with([':', '!']);
        let before = if is_magic || reads_as_command || !bound.is_empty() || frame.is_some() {
            "(); "
        } else {
            ""
        };
        let frame = frame.map(StepFrame::before).unwrap_or_default();
        lowering.out.replace(at..at, &format!("{before}{frame}{binding}"));
        lowering.segment(&segment.kind, at..span.end, Some(index) == last)?;
    }
    if frame.is_some() && begun {
        // The cell's last line may be a comment.
        let end = cell.text().len();
        lowering.out.replace(end..end, "\n}));");
    }
    Ok(Lowered {
        code: lowering.out.finish(),
        needs_library: lowering.needs_library,
    })
}

/// Whether a magic makes another job the notebook's.
fn changes_job(cell: &Cell<'_>, call: &MagicCall) -> bool {
    cell.slice(&call.name) == "pip_job" && !cell::wants_help(cell.text(), call)
}

struct Lowering<'a> {
    cell: &'a Cell<'a>,
    out: Builder<'a>,
    needs_library: bool,
    /// `job` is bound, and bound again where the notebook goes to another.
    follows_job: bool,
    /// See [`replacements`].
    replacements: Vec<(Range<usize>, String)>,
}

impl Lowering<'_> {
    fn segment(&mut self, kind: &SegmentKind, span: Range<usize>, is_last: bool) -> Result<(), CellError> {
        match kind {
            SegmentKind::LineMagic(call) => self.line_magic(call, span, is_last),
            SegmentKind::LetMagic(binding) => self.let_magic(binding, span),
            SegmentKind::Help(_) => {
                self.run_in_kernel(span);
                Ok(())
            }
            SegmentKind::Command if self.cell.slice(&span).split_whitespace().next() != Some(CLEAR) => {
                self.out.keep(span);
                Ok(())
            }
            SegmentKind::Shell | SegmentKind::CellMagic(_) | SegmentKind::Command => {
                let lines = self.cell.slice(&span).matches('\n').count();
                self.out.replace(span, &"\n".repeat(lines));
                Ok(())
            }
            _ => {
                // The file of a cell's crate begins with something else.
                let mark = self.cell.slice(&span).starts_with('\u{feff}') && span.start == 0;
                let mut from = span.start + if mark { '\u{feff}'.len_utf8() } else { 0 };
                // One may stand at the very end, after a call.
                let within = |at: &Range<usize>| span.contains(&at.start) || (at.is_empty() && at.start == span.end);
                let is_rust = *kind == SegmentKind::Rust;
                for (at, text) in self.replacements.extract_if(.., |(at, _)| is_rust && within(at)) {
                    self.out.keep(from..at.start);
                    let lines = self.cell.slice(&at).matches('\n').count();
                    from = at.end;
                    self.out.replace(at, &format!("{text}{}", "\n".repeat(lines)));
                }
                self.out.keep(from..span.end);
                Ok(())
            }
        }
    }

    fn line_magic(&mut self, call: &MagicCall, span: Range<usize>, is_last: bool) -> Result<(), CellError> {
        match self.cell.slice(&call.name) {
            "pip_set" if !cell::wants_help(self.cell.text(), call) => {
                let set = SetCall::parse(self.cell.text(), call).map_err(|error| self.usage(call, &error))?;
                let step = place(set.job.as_ref().map(|job| &job.text), &set.step.text);
                self.needs_library = true;
                if let Some(json) = &set.literal {
                    let code = format!("::pipulate::runtime::set_json({step}, {});", raw_literal(json));
                    self.out
                        .replace(span.start..span.end, &padded(&code, self.cell.slice(&span)));
                } else {
                    self.around(
                        &span,
                        &set.value,
                        &format!("::pipulate::runtime::set({step}, &("),
                        "));",
                    );
                }
            }
            "time" => match &call.value {
                Some(value) if crate::magic::needs_rust(self.cell, call) => {
                    self.needs_library = true;
                    let end = if is_last && !call.semicolon { " }" } else { " };" };
                    self.around(&span, value, "{ let _timer = ::pipulate::runtime::timer(); ", end);
                }
                _ => self.run_in_kernel(span),
            },
            _ => {
                let follows = self.follows_job && changes_job(self.cell, call);
                self.run_in_kernel_and(span, if follows { " ::pipulate::bind!(job);" } else { "" });
            }
        }
        Ok(())
    }

    fn let_magic(&mut self, binding: &LetMagic, span: Range<usize>) -> Result<(), CellError> {
        let call = &binding.call;
        if binding.pattern.is_empty() {
            return Err(CellError::new("Usage", "the `let` names no variable")
                .with_help("Write it as `let name: Type = %pip_get STEP;`."));
        }
        let name_start = self.cell.text()[..call.name.start]
            .rfind('%')
            .unwrap_or(call.name.start);
        let rest = name_start..span.end;
        self.needs_library = true;
        match self.cell.slice(&call.name) {
            "pip_get" => {
                let get = GetCall::parse(self.cell.text(), call).map_err(|error| self.usage(call, &error))?;
                self.out.keep(span.start..name_start);
                let step = place(get.job.as_ref().map(|job| &job.text), &get.step.text);
                match &get.default {
                    Some(default) => {
                        self.around(
                            &rest,
                            default,
                            &format!("::pipulate::runtime::get_or({step}, || ("),
                            "));",
                        );
                    }
                    None => self.generated(rest, &format!("::pipulate::runtime::require({step});")),
                }
            }
            "pip_input" => {
                let input = InputCall::parse(self.cell.text(), call).map_err(|error| self.usage(call, &error))?;
                if binding.ty.is_some() {
                    self.out.keep(span.start..name_start);
                } else {
                    self.out.keep(span.start..binding.pattern.end);
                    self.out
                        .replace(binding.pattern.end..binding.pattern.end, ": ::std::string::String");
                    self.out.keep(binding.pattern.end..name_start);
                }
                let request = input_request(&input);
                match &input.default {
                    Some(default) => {
                        self.around(
                            &rest,
                            default,
                            &format!("::pipulate::runtime::input({request}, Some(&|| ("),
                            ")));",
                        );
                    }
                    None => self.generated(rest, &format!("::pipulate::runtime::input({request}, None);")),
                }
            }
            "time" if call.value.is_some() => {
                let value = call.value.clone().unwrap_or_default();
                self.out.keep(span.start..name_start);
                self.around(&rest, &value, "{ let _timer = ::pipulate::runtime::timer(); ", " };");
            }
            name => {
                let known = crate::magic::find(name).is_some();
                return Err(if known {
                    CellError::new("Usage", format!("`%{name}` gives no value to a `let`"))
                        .with_help("`%pip_get`, `%pip_input` and `%time` do.")
                } else {
                    crate::magic::unknown(name)
                });
            }
        }
        Ok(())
    }

    /// Replaces a magic by a part of its own text, with code before and after.
    fn around(&mut self, span: &Range<usize>, kept: &Range<usize>, before: &str, after: &str) {
        let breaks = |range: Range<usize>| "\n".repeat(self.cell.slice(&range).matches('\n').count());
        let before = format!("{}{before}", breaks(span.start..kept.start));
        let after = format!("{after}{}", breaks(kept.end..span.end));
        self.out.replace(span.start..kept.start, &before);
        self.out.keep(kept.clone());
        self.out.replace(kept.end..span.end, &after);
    }

    fn generated(&mut self, span: Range<usize>, code: &str) {
        let text = padded(code, self.cell.slice(&span));
        self.out.replace(span, &text);
    }

    /// Replaces a magic by a call that comes back to the kernel.
    fn run_in_kernel(&mut self, span: Range<usize>) {
        self.run_in_kernel_and(span, "");
    }

    fn run_in_kernel_and(&mut self, span: Range<usize>, more: &str) {
        self.needs_library = true;
        let line = self.cell.slice(&span).trim();
        let code = format!("::pipulate::runtime::magic({});{more}", literal(line));
        self.generated(span, &code);
    }

    fn usage(&self, call: &MagicCall, error: &UsageError) -> CellError {
        crate::magic::usage_error(self.cell.slice(&call.name), error)
    }
}

fn input_request(input: &InputCall) -> String {
    let option = |text: Option<&str>| match text {
        Some(text) => format!("Some({}.into())", literal(text)),
        None => "None".to_owned(),
    };
    let choices: Vec<String> = input
        .choices
        .iter()
        .map(|choice| format!("{}.into()", literal(choice)))
        .collect();
    format!(
        "::pipulate::runtime::InputRequest {{ job: {}, step: {}.into(), label: {}, choices: vec![{}], secret: {}, help_text: {}, \
         ..::std::default::Default::default() }}",
        option(input.job.as_ref().map(|job| job.text.as_str())),
        literal(&input.step.text),
        option(input.label.as_ref().map(|label| label.text.as_str())),
        choices.join(", "),
        input.secret,
        option(input.help_text.as_deref()),
    )
}

/// The arguments that say which step of which job.
fn place(job: Option<&String>, step: &str) -> String {
    let job = job.map_or_else(|| "None".to_owned(), |job| format!("Some({})", literal(job)));
    format!("{job}, {}", literal(step))
}

/// A Rust string literal on one line.
fn literal(text: &str) -> String {
    format!("{text:?}")
}

/// A raw string literal, so that what it holds reads as the user wrote it.
fn raw_literal(text: &str) -> String {
    let mut hashes = "#".to_owned();
    while text.contains(&format!("\"{hashes}")) {
        hashes.push('#');
    }
    // A lone carriage return may not stand in a raw string; JSON holds it only as white space between tokens.
    format!("r{hashes}\"{}\"{hashes}", text.replace('\r', " "))
}

/// Code with as many line ends as the text it replaces, so that what follows stays on its line.
fn padded(code: &str, replaced: &str) -> String {
    let missing = replaced
        .matches('\n')
        .count()
        .saturating_sub(code.matches('\n').count());
    format!("{code}{}", "\n".repeat(missing))
}

/// What replaces parts of the cell, each a place of it and the text for it, in order. A piece of no length is put before its place.
fn replacements(cell: &Cell<'_>) -> Vec<(Range<usize>, String)> {
    let mut found: Vec<(Range<usize>, String)> = anchors(cell).collect();
    for extern_crate in cell.standard_crates() {
        found.push((extern_crate.span.clone(), standard_crate(&extern_crate)));
    }
    for locals in cell.thread_locals() {
        found.extend(thread_locals(&locals));
    }
    found.sort_by_key(|(at, _)| at.start);
    found
}

/// A name for each block that has none to go by. evcxr keeps an `impl` with the item before it in the cell, and replaces both when an item of
/// that name comes again; one without such an item could never be replaced.
fn anchors(cell: &Cell<'_>) -> impl Iterator<Item = (Range<usize>, String)> {
    let mut subjects = HashSet::new();
    let blocks = cell.leading_impls().into_iter();
    blocks.map(move |block| {
        let mut subject = block.subject;
        // Two of one subject in one cell are the compiler's to refuse.
        while !subjects.insert(subject.clone()) {
            subject.push(' ');
        }
        let name = hash(&subject);
        (
            block.start..block.start,
            format!("const PIPULATE_IMPL_{name:016X}: () = (); "),
        )
    })
}

/// evcxr takes any `extern crate` for a dependency, to be had from the registry; not so in a module.
fn standard_crate(extern_crate: &StandardCrate) -> String {
    let StandardCrate { name, alias, .. } = extern_crate;
    match (name.as_str(), alias.as_str()) {
        // These are there in any case.
        ("std" | "core", alias) if alias == name => String::new(),
        (_, "_") => String::new(),
        _ => {
            let module = format!("pipulate_crate_{}", alias.to_lowercase());
            format!("mod {module} {{ pub extern crate {name} as {alias}; }} use {module}::{alias};")
        }
    }
}

/// evcxr keeps the items of a cell, and takes a call of a macro for a statement, whose names nothing else would see; in a module it is
/// an item.
fn thread_locals(locals: &ThreadLocals) -> Vec<(Range<usize>, String)> {
    if locals.names.is_empty() {
        return Vec::new();
    }
    let names = locals.names.join(", ");
    let module = format!("pipulate_locals_{:016x}", hash(&names));
    let Range { start, end } = locals.span;
    let mut found = vec![(
        start..start,
        format!("mod {module} {{ #[allow(unused_imports)] use super::*; "),
    )];
    found.extend(locals.private.iter().map(|at| (*at..*at, "pub ".to_owned())));
    found.push((end..end, format!(" }} pub use {module}::{{{names}}};")));
    found
}

fn hash(text: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(text)
}

/// The text from its first line that is neither blank nor a comment.
fn first_code(text: &str) -> &str {
    let mut rest = text.trim_start();
    while rest.starts_with("//") {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
    }
    rest
}

/// How much of a segment's beginning must stay first: inner attributes, and what stands before them.
fn skipped(text: &str) -> usize {
    let mut at = 0;
    let mut after = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        if line.trim_start().starts_with("#![") {
            after = at;
        } else if !(line.trim().is_empty() || line.trim_start().starts_with("//")) {
            break;
        }
    }
    after
}

/// Whether the cell defines an item of this name, which a `let` of ours could not stand beside.
fn defines_item(text: &str, name: &str) -> bool {
    let mut before = "";
    text.split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .filter(|word| !word.is_empty())
        .any(|word| {
            let defined = word == name && matches!(before, "fn" | "static" | "const" | "mod" | "as" | "mut");
            let is_item = defined && (before != "mut" || text.contains(&format!("static mut {name}")));
            before = word;
            is_item
        })
}
