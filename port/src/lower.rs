//! The body of a step's function: the cell as it stands, but for its magics.
//!
//! What a magic becomes never goes through a name of the user's: where the cell says `job` itself, the function's parameter is called
//! `pipeline_job`, and `job` is a copy of it.

use std::ops::Range;

use pipulate::cell::{self, Cell, GetCall, InputCall, LetMagic, MagicCall, SegmentKind, SetCall};

use crate::analysis::{CellAnalysis, ItemKind, Reload, Resolution};
use crate::text::{CellText, literal, raw_literal};

/// A step's function, without its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepFunction {
    /// What stands between its braces.
    pub body: CellText,
    /// What it calls the place where jobs live.
    pub pip: &'static str,
    /// What it calls the job.
    pub job: &'static str,
}

/// Lowers a cell to the body of a step's function. `analysis` and `resolution` are the cell's; `is_item` tells whether a cell before it
/// defines an item of this name.
pub fn lower(
    cell: &Cell<'_>,
    analysis: &CellAnalysis,
    resolution: &Resolution,
    is_item: &dyn Fn(&str) -> bool,
) -> StepFunction {
    let names = Names::of(cell, analysis, resolution, is_item);
    let mut lowering = Lowering {
        cell,
        names: &names,
        out: CellText::default(),
        marks: Vec::new(),
        cuts: Vec::new(),
    };
    lowering.out.push("\n");
    let indent = if analysis.awaits { "        " } else { "    " };
    let paths = &names.paths;
    if analysis.awaits {
        let server = paths.server;
        lowering.out.push(&format!("    {server}::block_on(async move {{\n"));
    }
    lowering.out.push(&names.bindings(indent));
    for reload in &resolution.reloads {
        lowering.out.push(&format!("{indent}{}\n", reload_line(reload, &names)));
    }
    let computes = analysis.step.is_some();
    if computes {
        lowering.out.push(&format!("{indent}{}({{\n", paths.ok));
    } else {
        lowering.marks.extend(shown(analysis, paths));
    }
    lowering.cuts.extend(cuts(cell, analysis));
    if cell.cell_magic().is_some_and(|magic| cell.slice(&magic.name) == "time") {
        lowering
            .out
            .push(&format!("{indent}let _timer = {}::runtime::timer();\n", paths.pipulate));
    }
    lowering.cell(analysis);
    if !lowering.out.ends_line() {
        lowering.out.push("\n");
    }
    let end = if computes {
        format!("{indent}}})\n")
    } else {
        format!("{indent}{}(())\n", paths.ok)
    };
    lowering.out.push(&end);
    if analysis.awaits {
        lowering.out.push("    })\n");
    }
    StepFunction {
        body: lowering.out,
        pip: names.pip,
        job: names.job,
    }
}

/// The body of the function that works out what a form begins with: the expression of an input's `--default`, which is of the input's
/// type `ty`, as in the notebook. `resolution` is that of the expression alone, in which names that the cell loads itself count as loaded
/// again.
#[cfg(feature = "notebook")]
pub(crate) fn lower_default(
    cell: &Cell<'_>,
    default: &Range<usize>,
    ty: Option<&Range<usize>>,
    analysis: &CellAnalysis,
    resolution: &Resolution,
    is_item: &dyn Fn(&str) -> bool,
) -> StepFunction {
    let text = cell.slice(default);
    let names = Names::of(&cell::parse(text), analysis, resolution, is_item);
    let mut out = CellText::default();
    out.push("\n");
    let indent = if analysis.awaits { "        " } else { "    " };
    let paths = &names.paths;
    if analysis.awaits {
        out.push(&format!("    {}::block_on(async move {{\n", paths.server));
    }
    out.push(&names.bindings(indent));
    for reload in &resolution.reloads {
        out.push(&format!("{indent}{}\n", reload_line(reload, &names)));
    }
    out.push(&format!("{indent}{}::<", paths.ok));
    match ty {
        Some(ty) => out.keep(cell.text(), trimmed(cell.text(), ty)),
        None => out.push(paths.string),
    }
    out.push(", _>(");
    out.keep(cell.text(), default.clone());
    out.push(")\n");
    if analysis.awaits {
        out.push("    })\n");
    }
    StepFunction {
        body: out,
        pip: names.pip,
        job: names.job,
    }
}

/// A part of a text without the blanks around it.
#[cfg(feature = "notebook")]
fn trimmed(text: &str, span: &Range<usize>) -> Range<usize> {
    let part = &text[span.clone()];
    let start = span.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

/// What the function's parameters are called.
struct Names {
    job: &'static str,
    pip: &'static str,
    /// Whether `job` must be bound for the user's own code.
    binds_job: bool,
    /// The same of `pip`.
    binds_pip: bool,
    paths: Paths,
}

/// How generated code says what is not the notebook's: in full where the notebook's own code may give the word another meaning. A
/// [`fingerprint`](crate::analysis::fingerprint) is the same either way.
struct Paths {
    ok: &'static str,
    some: &'static str,
    none: &'static str,
    string: &'static str,
    pipulate: &'static str,
    server: &'static str,
}

impl Paths {
    fn of(is_taken: &dyn Fn(&str) -> bool) -> Self {
        let choose = |name: &str, word: &'static str, full: &'static str| if is_taken(name) { full } else { word };
        Self {
            ok: choose("Ok", "Ok", "::std::result::Result::Ok"),
            some: choose("Some", "Some", "::std::option::Option::Some"),
            none: choose("None", "None", "::std::option::Option::None"),
            string: choose("String", "String", "::std::string::String"),
            pipulate: choose("pipulate", "pipulate", "::pipulate"),
            server: choose("pipulate_server", "pipulate_server", "::pipulate_server"),
        }
    }
}

impl Names {
    fn of(cell: &Cell<'_>, analysis: &CellAnalysis, resolution: &Resolution, is_item: &dyn Fn(&str) -> bool) -> Self {
        let reloaded = |name: &str| {
            let mut reloads = resolution.reloads.iter();
            reloads.any(|reload| reload.names.iter().any(|bound| bound == name))
        };
        // Who says the name in Rust: nobody, the user of ours, or the user of something else.
        let is_ours = |name: &str| {
            let meant = analysis.free.get(name).is_some_and(|found| found.variable);
            meant && !reloaded(name) && !is_item(name) && !analysis.items.iter().any(|item| item.defines(name))
        };
        let is_free = |name: &str| !cell.mentions(name) && !reloaded(name);
        let is_taken = |name: &str| {
            let mut own = analysis.items.iter();
            is_item(name) || own.any(|item| item.defines(name) || item.brings_unknown())
        };
        let generated = generated_uses(analysis, resolution);
        let choose = |name: &str, uses: bool| {
            if is_free(name) || (is_ours(name) && !uses) {
                (false, false)
            } else {
                (true, is_ours(name))
            }
        };
        let (job_renamed, binds_job) = choose("job", generated.job);
        let (pip_renamed, binds_pip) = choose("pip", generated.pip);
        Self {
            job: if job_renamed { "pipeline_job" } else { "job" },
            pip: if pip_renamed { "pipeline_pip" } else { "pip" },
            binds_job,
            binds_pip,
            paths: Paths::of(&is_taken),
        }
    }

    fn bindings(&self, indent: &str) -> String {
        let mut text = String::new();
        for (binds, name, parameter) in [(self.binds_job, "job", self.job), (self.binds_pip, "pip", self.pip)] {
            if binds {
                text.extend([indent, "let ", name, " = ", parameter, ".clone();\n"]);
            }
        }
        text
    }

    /// The job that a magic means.
    fn job_at(&self, key: Option<&str>) -> String {
        match key {
            Some(key) => format!("{}.job({})?", self.pip, literal(key)),
            None => self.job.to_owned(),
        }
    }
}

/// What the generated code goes through.
struct Generated {
    job: bool,
    pip: bool,
}

fn generated_uses(analysis: &CellAnalysis, resolution: &Resolution) -> Generated {
    let sets = analysis.sets.iter().map(|set| set.call.job.is_some());
    let gets = analysis.gets.iter().map(|get| get.call.job.is_some());
    let inputs = analysis.inputs.iter().filter(|input| !input.call.secret).map(|_| false);
    let reloads = resolution
        .reloads
        .iter()
        .filter(|reload| !reload.secret)
        .map(|reload| reload.job.is_some());
    let mut generated = Generated { job: false, pip: false };
    for elsewhere in sets.chain(gets).chain(inputs).chain(reloads) {
        if elsewhere {
            generated.pip = true;
        } else {
            generated.job = true;
        }
    }
    generated
}

/// The line that loads a variable of an earlier cell again.
fn reload_line(reload: &Reload, names: &Names) -> String {
    let value = if reload.secret {
        format!("{}::secret({})?", names.paths.server, literal(&reload.step))
    } else {
        let job = names.job_at(reload.job.as_deref());
        match &reload.default {
            Some(default) => {
                let (before, after) = with_default(&job, &reload.step, default, &names.paths);
                format!("{before}{default}{after}")
            }
            None => format!("{job}.require({})?", literal(&reload.step)),
        }
    };
    let is_text = !reload.has_type && reload.ty == "String";
    let ty = if is_text { names.paths.string } else { &reload.ty };
    format!("let {}: {ty} = {value};", reload.pattern)
}

/// What stands before and after the default of a value that may be missing. A closure will do unless the default leaves it.
fn with_default(job: &str, step: &str, default: &str, paths: &Paths) -> (String, String) {
    let step = literal(step);
    let leaves = default.contains('?')
        || ["await", "return", "break", "continue"]
            .iter()
            .any(|word| default.contains(word));
    if leaves {
        let Paths { some, none, .. } = paths;
        (
            format!("match {job}.get({step})? {{ {some}(value) => value, {none} => "),
            " }".to_owned(),
        )
    } else {
        (format!("{job}.get({step})?.unwrap_or_else(|| "), ")".to_owned())
    }
}

struct Lowering<'a> {
    cell: &'a Cell<'a>,
    names: &'a Names,
    out: CellText,
    /// Text to put before or after places of the cell.
    marks: Vec<Mark>,
    /// Parts that stand elsewhere, in order.
    cuts: Vec<Range<usize>>,
}

/// Text that is put at a place of the cell.
struct Mark {
    at: usize,
    text: String,
    /// Whether it belongs to what stands before the place.
    closes: bool,
}

impl Lowering<'_> {
    fn cell(&mut self, analysis: &CellAnalysis) {
        let last = self
            .cell
            .segments()
            .iter()
            .rposition(|segment| segment.kind != SegmentKind::Trivia);
        let mut start = 0;
        for (index, segment) in self.cell.segments().iter().enumerate() {
            let span = segment.span.clone();
            match &segment.kind {
                SegmentKind::Rust | SegmentKind::Trivia => self.kept(span.clone(), &mut start),
                SegmentKind::LineMagic(call) => {
                    self.open(span.start);
                    self.line_magic(call, &span, Some(index) == last && analysis.tail.is_some());
                    self.close(span.end);
                }
                SegmentKind::LetMagic(binding) => self.let_magic(binding, &span),
                SegmentKind::Command
                | SegmentKind::Shell
                | SegmentKind::Help(_)
                | SegmentKind::CellMagic(_)
                | SegmentKind::Body => {}
            }
            // What was left out takes its line with it.
            if self.out.ends_line() && self.cell.text()[span.end..].starts_with('\n') {
                start = span.end + 1;
            } else if self.out.ends_line() && self.cell.text()[span.end..].starts_with("\r\n") {
                start = span.end + 2;
            }
        }
    }

    /// Rust, without what stands elsewhere. `start` is where it begins, when a line's end was left out with the line.
    fn kept(&mut self, span: Range<usize>, start: &mut usize) {
        let mut from = span.start.max(*start).min(span.end);
        if span.start == 0 {
            from += prologue(self.cell.text());
        }
        if self.out.pieces().is_empty() {
            from += blank_lines(&self.cell.text()[from.min(span.end)..span.end]);
        }
        let cuts: Vec<Range<usize>> = self.cuts.clone();
        for cut in cuts.iter().filter(|cut| span.start <= cut.start && cut.end <= span.end) {
            self.piece(from..cut.start.max(from));
            from = cut.end.max(from);
            if self.out.ends_line() {
                from += blank_lines(&self.cell.text()[from..span.end]);
            }
        }
        self.piece(from.min(span.end)..span.end);
    }

    /// A part of the cell, with the marks that stand in it.
    fn piece(&mut self, span: Range<usize>) {
        let mut from = span.start;
        let mut marks: Vec<(usize, String)> = self
            .marks
            .iter()
            .filter(|mark| {
                if mark.closes {
                    span.start < mark.at && mark.at <= span.end
                } else {
                    span.start <= mark.at && mark.at < span.end
                }
            })
            .map(|mark| (mark.at, mark.text.clone()))
            .collect();
        marks.sort_by_key(|(at, _)| *at);
        for (at, text) in marks {
            self.out.keep(self.cell.text(), from..at);
            self.out.push(&text);
            from = at;
        }
        self.out.keep(self.cell.text(), from..span.end);
    }

    fn open(&mut self, at: usize) {
        let mark = self.marks.iter().find(|mark| !mark.closes && mark.at == at);
        if let Some(mark) = mark {
            self.out.push(&mark.text);
        }
    }

    fn close(&mut self, at: usize) {
        let mark = self.marks.iter().find(|mark| mark.closes && mark.at == at);
        if let Some(mark) = mark {
            self.out.push(&mark.text);
        }
    }

    fn line_magic(&mut self, call: &MagicCall, span: &Range<usize>, is_value: bool) {
        let text = self.cell.text();
        if cell::wants_help(text, call) {
            return;
        }
        match self.cell.slice(&call.name) {
            "pip_set" => {
                let Ok(set) = SetCall::parse(text, call) else { return };
                let job = self.names.job_at(set.job.as_ref().map(|job| job.text.as_str()));
                let step = literal(&set.step.text);
                match &set.literal {
                    Some(json) => {
                        // A lone carriage return may not stand in a raw string; JSON holds it only between tokens.
                        let json = raw_literal(&json.replace('\r', " "));
                        self.out
                            .replace(span.start..call.args.end, &format!("{job}.set_json({step}, {json})?;"));
                    }
                    None => {
                        self.around(
                            &(span.start..call.args.end),
                            &set.value,
                            &format!("{job}.set({step}, &("),
                            "))?;",
                        );
                    }
                }
                self.comment(call, span);
            }
            "time" => {
                let Some(value) = timed(self.cell, call) else { return };
                let end = if is_value && !call.semicolon { " }" } else { " };" };
                let timer = self.timer();
                self.around(&(span.start..call.args.end), &value, &timer, end);
                self.comment(call, span);
            }
            _ => {}
        }
    }

    fn let_magic(&mut self, binding: &LetMagic, span: &Range<usize>) {
        let (text, call) = (self.cell.text(), &binding.call);
        let name_start = text[..call.name.start].rfind('%').unwrap_or(call.name.start);
        let rest = name_start..span.end;
        match self.cell.slice(&call.name) {
            "pip_get" => {
                let Ok(get) = GetCall::parse(text, call) else { return };
                let job = self.names.job_at(get.job.as_ref().map(|job| job.text.as_str()));
                self.out.keep(text, span.start..name_start);
                if let Some(default) = &get.default {
                    let (before, after) =
                        with_default(&job, &get.step.text, self.cell.slice(default), &self.names.paths);
                    self.around(&rest, default, &before, &format!("{after};"));
                } else {
                    let step = literal(&get.step.text);
                    self.out.replace(rest, &format!("{job}.require({step})?;"));
                }
            }
            "pip_input" => {
                let Ok(input) = InputCall::parse(text, call) else {
                    return;
                };
                self.out.keep(text, span.start..binding.pattern.end);
                if binding.ty.is_none() {
                    self.out.push(&format!(": {}", self.names.paths.string));
                }
                self.out.keep(text, binding.pattern.end..name_start);
                let step = literal(&input.step.text);
                let code = if input.secret {
                    format!("{}::secret({step})?;", self.names.paths.server)
                } else {
                    format!("{}.require({step})?;", self.names.job)
                };
                self.out.replace(rest, &code);
            }
            "time" => {
                let value = call.value.clone().unwrap_or(call.args.clone());
                self.out.keep(text, span.start..name_start);
                let timer = self.timer();
                self.around(&rest, &value, &timer, " };");
            }
            _ => {}
        }
    }

    /// What begins a block that is timed.
    fn timer(&self) -> String {
        format!("{{ let _timer = {}::runtime::timer(); ", self.names.paths.pipulate)
    }

    /// A part of a magic's text, with code before and after.
    fn around(&mut self, span: &Range<usize>, kept: &Range<usize>, before: &str, after: &str) {
        self.out.replace(span.start..kept.start, before);
        self.out.keep(self.cell.text(), kept.clone());
        self.out.replace(kept.end..span.end.max(kept.end), after);
    }

    /// The comment that ends a magic's line.
    fn comment(&mut self, call: &MagicCall, span: &Range<usize>) {
        let rest = self.cell.slice(&(call.args.end..span.end));
        if let Some(at) = rest.find("//") {
            self.out.push(" ");
            self.out.keep(self.cell.text(), call.args.end + at..span.end);
        }
    }
}

/// What `%time` times, when that is Rust.
pub(crate) fn timed(cell: &Cell<'_>, call: &MagicCall) -> Option<Range<usize>> {
    let value = call.value.clone()?;
    let text = cell.slice(&value);
    let is_direct = text.starts_with(['%', '!'])
        && cell::parse(text).segments().iter().all(|segment| {
            matches!(
                segment.kind,
                SegmentKind::LineMagic(_) | SegmentKind::Shell | SegmentKind::Trivia
            )
        });
    (!is_direct && !value.is_empty()).then_some(value)
}

/// What of a cell that is no `%%pip_step` stands at module level: its items, each with the comment right above it, and the attributes of the
/// whole cell.
pub(crate) fn cuts(cell: &Cell<'_>, analysis: &CellAnalysis) -> Vec<Range<usize>> {
    if analysis.step.is_some() {
        return analysis.inner_attributes.clone();
    }
    let mut cuts: Vec<Range<usize>> = analysis
        .items
        .iter()
        .filter(|item| !matches!(item.kind, ItemKind::MacroCall))
        .map(|item| with_comments(cell.text(), &item.span))
        .collect();
    cuts.extend(analysis.inner_attributes.iter().cloned());
    cuts.sort_by_key(|cut| cut.start);
    for index in 1..cuts.len() {
        cuts[index].start = cuts[index].start.max(cuts[index - 1].end).min(cuts[index].end);
    }
    cuts
}

/// An item with the comment lines right above it, and with the comment after it on its line.
fn with_comments(text: &str, item: &Range<usize>) -> Range<usize> {
    let mut start = item.start;
    loop {
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        if !before[line_start..].trim().is_empty() || line_start == 0 {
            break;
        }
        let above = &before[..line_start - 1];
        let above_start = above.rfind('\n').map_or(0, |end| end + 1);
        let line = above[above_start..].trim();
        if !line.starts_with("//") {
            break;
        }
        start = above_start + (above[above_start..].len() - above[above_start..].trim_start().len());
    }
    let after = &text[item.end..];
    let line = after.split('\n').next().unwrap_or("");
    let end = if line.trim_start_matches([' ', '\t']).starts_with("//") {
        item.end + line.trim_end().len()
    } else {
        item.end
    };
    start..end
}

/// What shows the value of a cell that saves.
fn shown(analysis: &CellAnalysis, paths: &Paths) -> Vec<Mark> {
    let mark = |at: usize, text: &str, closes: bool| Mark {
        at,
        text: text.to_owned(),
        closes,
    };
    match (&analysis.tail, analysis.needs_semicolon) {
        (Some(tail), _) => vec![
            mark(tail.start, &format!("{}::show!(", paths.server), false),
            mark(tail.end, ");", true),
        ],
        (None, Some(at)) => vec![mark(at, ";", true)],
        (None, None) => Vec::new(),
    }
}

/// The length of a byte order mark and a `#!` line, which rustc takes only at the start of a file.
pub(crate) fn prologue(text: &str) -> usize {
    let mark = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let rest = &text[mark..];
    let is_line = rest.starts_with("#!") && !rest[2..].trim_start().starts_with('[');
    mark + if is_line {
        rest.find('\n').unwrap_or(rest.len())
    } else {
        0
    }
}

/// The length of the blank lines that a text begins with.
pub(crate) fn blank_lines(text: &str) -> usize {
    let indented = text.len() - text.trim_start().len();
    text[..indented].rfind('\n').map_or(0, |end| end + 1)
}
