//! A cell as plain Rust to be parsed, and the way back to its bytes.

use std::ops::Range;

use pipulate::cell::{
    self, Cell, GetCall, InputCall, JobCall, LetMagic, MagicCall, SegmentKind, SetCall, StepCall, UsageError,
};

use super::Fault;

/// The text to parse.
pub(super) struct Reading {
    pub(super) text: String,
    pieces: Vec<Piece>,
    /// The magics, in order.
    pub(super) magics: Vec<Magic>,
    /// The call of `%%pip_step`.
    pub(super) step: Option<StepCall>,
}

/// A part of the text that stands in the cell too, from its start in either; what lies between two parts is ours.
struct Piece {
    at: usize,
    from: usize,
    length: usize,
}

/// A magic, and the statement that stands for it.
pub(super) struct Magic {
    pub(super) kind: MagicKind,
    /// Its segment.
    pub(super) span: Range<usize>,
    /// Where its statement stands in the text.
    pub(super) at: Range<usize>,
}

/// What a magic is to the analysis.
pub(super) enum MagicKind {
    Set(SetCall, MagicCall),
    Get(GetCall, LetMagic),
    /// `%pip_get` on a line of its own: the step.
    Show(String),
    Input(InputCall, MagicCall, Option<LetMagic>),
    Job(JobCall),
    Timed,
    /// A `let` that `%time` gives its value to.
    TimedLet,
    Other,
}

impl Reading {
    /// # Errors
    /// When a magic is not written as it must be.
    pub(super) fn new(cell: &Cell<'_>) -> Result<Self, Fault> {
        let mut builder = Builder {
            cell,
            reading: Self {
                text: String::with_capacity(cell.text().len() + 64),
                pieces: Vec::new(),
                magics: Vec::new(),
                step: None,
            },
        };
        let last = cell
            .segments()
            .iter()
            .rposition(|segment| segment.kind != SegmentKind::Trivia);
        for (index, segment) in cell.segments().iter().enumerate() {
            builder.segment(&segment.kind, &segment.span, Some(index) == last)?;
        }
        Ok(builder.reading)
    }

    /// Where a place of the text stands in the cell; what is ours stands where the magic's own text next to it does.
    pub(super) fn place(&self, at: usize) -> usize {
        match self.piece(at) {
            Some(piece) => piece.from + (at - piece.at).min(piece.length),
            None => 0,
        }
    }

    /// The last piece that begins before this place or there.
    fn piece(&self, at: usize) -> Option<&Piece> {
        let index = self.pieces.partition_point(|piece| piece.at <= at);
        self.pieces[..index].last()
    }

    /// The bytes of the cell for a span of the text.
    pub(super) fn span(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.place(span.start);
        // The end is that of the last byte, which may stand in another piece than what follows it.
        let last = span.end.saturating_sub(1);
        let end = match self.piece(last) {
            Some(piece) if span.end > span.start => piece.from + (last - piece.at + 1).min(piece.length),
            _ => start,
        };
        start..end.max(start)
    }

    /// The magic whose statement begins here or holds this place.
    pub(super) fn magic_at(&self, at: usize) -> Option<&Magic> {
        let index = self.magics.partition_point(|magic| magic.at.start <= at);
        self.magics[..index].last().filter(|magic| magic.at.contains(&at))
    }
}

struct Builder<'a> {
    cell: &'a Cell<'a>,
    reading: Reading,
}

impl Builder<'_> {
    fn keep(&mut self, span: Range<usize>) {
        self.reading.pieces.push(Piece {
            at: self.reading.text.len(),
            from: span.start,
            length: span.len(),
        });
        self.reading.text.push_str(self.cell.slice(&span));
    }

    fn write(&mut self, code: &str) {
        self.reading.text.push_str(code);
    }

    /// Our own code in the place of a magic's text.
    fn replace(&mut self, span: &Range<usize>, code: &str) {
        self.reading.pieces.push(Piece {
            at: self.reading.text.len(),
            from: span.start,
            length: 0,
        });
        self.write(code);
    }

    fn segment(&mut self, kind: &SegmentKind, span: &Range<usize>, is_last: bool) -> Result<(), Fault> {
        match kind {
            SegmentKind::CellMagic(call) => {
                if self.cell.slice(&call.name) == "pip_step" {
                    let step = StepCall::parse(self.cell.text(), call).map_err(fault)?;
                    self.reading.step = Some(step);
                }
            }
            SegmentKind::Rust => self.keep(span.clone()),
            SegmentKind::LineMagic(call) => self.line_magic(call, span, is_last)?,
            SegmentKind::LetMagic(binding) => self.let_magic(binding, span)?,
            SegmentKind::Body
            | SegmentKind::Command
            | SegmentKind::Shell
            | SegmentKind::Help(_)
            | SegmentKind::Trivia => {}
        }
        // A line comment at the end of a piece must not swallow the next one.
        if !self.reading.text.is_empty() && !matches!(kind, SegmentKind::Rust) {
            self.write("\n");
        }
        Ok(())
    }

    fn line_magic(&mut self, call: &MagicCall, span: &Range<usize>, is_last: bool) -> Result<(), Fault> {
        let text = self.cell.text();
        let start = self.reading.text.len();
        let kind = match self.cell.slice(&call.name) {
            _ if cell::wants_help(text, call) => MagicKind::Other,
            "pip_set" => {
                let set = SetCall::parse(text, call).map_err(fault)?;
                if set.literal.is_none() {
                    self.around(span, &set.value, "(", ");");
                }
                MagicKind::Set(set, call.clone())
            }
            "pip_get" => MagicKind::Show(GetCall::parse(text, call).map_err(fault)?.step.text),
            "pip_input" => {
                let input = InputCall::parse(text, call).map_err(fault)?;
                if let Some(default) = &input.default {
                    self.around(span, default, "(", ");");
                }
                MagicKind::Input(input, call.clone(), None)
            }
            "pip_job" => MagicKind::Job(JobCall::parse(text, call).map_err(fault)?),
            "time" => match &call.value {
                Some(value) if !is_direct(self.cell.slice(value)) => {
                    let end = if is_last && !call.semicolon { "}" } else { "};" };
                    self.around(span, value, "{", end);
                    MagicKind::Timed
                }
                _ => MagicKind::Other,
            },
            _ => MagicKind::Other,
        };
        if self.reading.text.len() == start {
            self.replace(span, "();");
        }
        self.magic(kind, span, start);
        Ok(())
    }

    fn let_magic(&mut self, binding: &LetMagic, span: &Range<usize>) -> Result<(), Fault> {
        let text = self.cell.text();
        let call = &binding.call;
        if binding.pattern.is_empty() {
            return Err(Fault {
                span: span.clone(),
                message: "The `let` names no variable.".to_owned(),
                help: "Write it as `let name: Type = %pip_get STEP;`.".to_owned(),
            });
        }
        let start = self.reading.text.len();
        let percent = text[..call.name.start].rfind('%').unwrap_or(call.name.start);
        self.keep(span.start..percent);
        let rest = percent..span.end;
        let (kind, default) = match self.cell.slice(&call.name) {
            "pip_get" => {
                let get = GetCall::parse(text, call).map_err(fault)?;
                let default = get.default.clone();
                (MagicKind::Get(get, binding.clone()), default)
            }
            "pip_input" => {
                let input = InputCall::parse(text, call).map_err(fault)?;
                let default = input.default.clone();
                (MagicKind::Input(input, call.clone(), Some(binding.clone())), default)
            }
            "time" if call.value.is_some() => (MagicKind::TimedLet, call.value.clone()),
            name => {
                return Err(Fault {
                    span: percent..call.name.end,
                    message: format!("`%{name}` gives no value to a `let`."),
                    help: "`%pip_get`, `%pip_input` and `%time` do.".to_owned(),
                });
            }
        };
        match &default {
            Some(default) => self.around(&rest, default, "{", "};"),
            None => self.replace(&rest, "();"),
        }
        self.magic(kind, span, start);
        Ok(())
    }

    /// A part of a magic's own text, with code before and after.
    fn around(&mut self, span: &Range<usize>, kept: &Range<usize>, before: &str, after: &str) {
        self.replace(span, before);
        self.keep(kept.clone());
        // What follows stands at the end of what was kept; a comment at its end ends with its line.
        self.reading.pieces.push(Piece {
            at: self.reading.text.len(),
            from: kept.end,
            length: 0,
        });
        self.write(after);
    }

    fn magic(&mut self, kind: MagicKind, span: &Range<usize>, start: usize) {
        self.reading.magics.push(Magic {
            kind,
            span: span.clone(),
            at: start..self.reading.text.len(),
        });
    }
}

/// Whether what `%time` is given is magics or shell lines, and no Rust.
fn is_direct(text: &str) -> bool {
    let is_line = |kind: &SegmentKind| {
        matches!(
            kind,
            SegmentKind::LineMagic(_) | SegmentKind::Shell | SegmentKind::Trivia
        )
    };
    text.starts_with(['%', '!'])
        && cell::parse(text)
            .segments()
            .iter()
            .all(|segment| is_line(&segment.kind))
}

/// A magic's own error, as the cell's.
pub(super) fn fault(error: UsageError) -> Fault {
    Fault {
        span: error.span,
        message: error.message,
        help: error.help,
    }
}
