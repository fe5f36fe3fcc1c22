//! What stands at the cursor, for Tab.

use std::ops::Range;

use super::args::{Arity, OptionSpec, Takes, Usage, Word};
use super::usage::is_option;
use super::words::unescape;
use super::{MagicCall, SegmentKind, lexer, parse};

/// What stands at a place in a cell's text. Each span is what a completion replaces: from the beginning of the word to the place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Completing {
    /// A magic's name, without its `%` or `%%`.
    MagicName {
        /// The name so far.
        span: Range<usize>,
        /// After `%%`.
        is_cell_magic: bool,
    },
    /// The name of a magic or an item, after `?`.
    HelpName {
        /// The name so far.
        span: Range<usize>,
    },
    /// The name of an option, its dashes included.
    OptionName {
        /// The magic.
        magic: String,
        /// The option so far.
        span: Range<usize>,
    },
    /// An argument, or the value of an option.
    Argument {
        /// The magic.
        magic: String,
        /// What its usage calls it: `STEP`, `KEY`.
        name: &'static str,
        /// The word so far, without quotes and with escapes resolved.
        prefix: String,
        /// The word so far, an opening quote included.
        span: Range<usize>,
        /// Whether a quote opens it.
        is_quoted: bool,
    },
    /// Rust, in the cell itself.
    Rust,
    /// Rust, in a magic's value.
    Value {
        /// The value so far.
        span: Range<usize>,
    },
    /// One of evcxr's commands.
    Command {
        /// The line so far, its `:` included.
        span: Range<usize>,
    },
    /// Nothing that can be completed: a shell line, a comment, the text of another language, an argument too many.
    Nothing,
}

/// What stands before the byte `offset` of `text`; one inside a character or past the end counts as the nearest before it.
/// `usage_of` gives the usage of a magic by its name.
pub fn completing(text: &str, offset: usize, usage_of: impl Fn(&str) -> Option<Usage>) -> Completing {
    let offset = text.floor_char_boundary(offset);
    // A letter at the cursor makes `%`, `--` and an empty word readable as the beginnings that they are.
    let probe = format!("{}x", &text[..offset]);
    let parsed = parse(&probe);
    let Some(segment) = parsed.segments().last() else {
        return Completing::Rust;
    };
    match &segment.kind {
        SegmentKind::Rust | SegmentKind::Trivia => Completing::Rust,
        SegmentKind::Command => Completing::Command {
            span: segment.span.start..offset,
        },
        SegmentKind::Help(help) if help.name.end > offset => Completing::HelpName {
            span: help.name.start..offset,
        },
        SegmentKind::Shell | SegmentKind::Body | SegmentKind::Help(_) => Completing::Nothing,
        SegmentKind::CellMagic(call) => in_call(&probe, offset, call, true, usage_of),
        SegmentKind::LineMagic(call) => in_call(&probe, offset, call, false, usage_of),
        SegmentKind::LetMagic(binding) => in_call(&probe, offset, &binding.call, false, usage_of),
    }
}

fn in_call(
    probe: &str,
    offset: usize,
    call: &MagicCall,
    is_cell_magic: bool,
    usage_of: impl Fn(&str) -> Option<Usage>,
) -> Completing {
    if call.name.end > offset {
        return Completing::MagicName {
            span: call.name.start..offset,
            is_cell_magic,
        };
    }
    let magic = probe[call.name.clone()].to_owned();
    let usage = usage_of(&magic);
    if let Some(value) = call.value.as_ref().filter(|value| value.contains(&offset)) {
        return Completing::Value {
            span: value.start..offset,
        };
    }
    if !call.args.contains(&offset) {
        return Completing::Nothing;
    }
    in_words(probe, offset, call.args.start, magic, usage)
}

/// Walks the words from `start` to the one at `offset`.
fn in_words(probe: &str, offset: usize, start: usize, magic: String, usage: Option<Usage>) -> Completing {
    let mut arguments = 0;
    let mut option_value: Option<&'static str> = None;
    let mut at = start;
    loop {
        let rest = &probe[at..];
        at += rest.len() - rest.trim_start().len();
        let word = raw_word(probe, at);
        let is_last = word.span.end > offset;
        if option_value.is_none() && !word.is_quoted && is_option(&word.text) {
            let (written, value) = word
                .text
                .split_once('=')
                .map_or((word.text.as_str(), None), |(name, value)| (name, Some(value)));
            let spec = usage.and_then(|usage| usage.find_option(written));
            match value {
                None if is_last => {
                    return Completing::OptionName {
                        magic,
                        span: at..offset,
                    };
                }
                None => option_value = spec.and_then(value_name),
                Some(_) if is_last => {
                    let value = raw_word(probe, at + written.len() + 1);
                    return argument(magic, spec.and_then(value_name), &value, probe, offset);
                }
                Some(_) => {}
            }
        } else if is_last {
            let is_dash = option_value.is_none() && &probe[at..offset] == "-";
            if is_dash {
                return Completing::OptionName {
                    magic,
                    span: at..offset,
                };
            }
            let name = option_value.or_else(|| usage.and_then(|usage| argument_name(&usage, arguments)));
            return argument(magic, name, &word, probe, offset);
        } else if option_value.take().is_none() {
            arguments += 1;
        }
        at = word.span.end;
    }
}

fn argument(magic: String, name: Option<&'static str>, word: &Word, probe: &str, offset: usize) -> Completing {
    let Some(name) = name else { return Completing::Nothing };
    let span = word.span.start..offset;
    let written = &probe[span.clone()];
    let prefix = match written.chars().next() {
        Some('"') if word.is_quoted => unescape(&written[1..]),
        Some('\'') if word.is_quoted => written[1..].to_owned(),
        _ => written.to_owned(),
    };
    Completing::Argument {
        magic,
        name,
        prefix,
        span,
        is_quoted: word.is_quoted,
    }
}

/// The word at `at`, as it stands; a quoted one may lack its end. Never empty before the end of the text.
fn raw_word(probe: &str, at: usize) -> Word {
    let rest = &probe[at..];
    let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
    let end = match quote.map(|quote| super::line::quoted_length(rest, quote)) {
        Some(Some(length)) => at + length,
        Some(None) => lexer::line_end(probe, at),
        None => {
            // `--help-text="two words"`.
            let plain = rest.find(char::is_whitespace).unwrap_or(rest.len());
            match rest[..plain].find("=\"").filter(|_| is_option(rest)) {
                Some(equals) => raw_word(probe, at + equals + 1).span.end,
                None => at + plain,
            }
        }
    };
    Word {
        text: probe[at..end].to_owned(),
        span: at..end,
        is_quoted: quote.is_some(),
    }
}

/// What the usage calls an option's value.
fn value_name(spec: &OptionSpec) -> Option<&'static str> {
    match spec.takes {
        Takes::Nothing => None,
        Takes::Word(name) | Takes::Expression(name) => Some(name),
    }
}

/// What the usage calls the argument at `index`.
fn argument_name(usage: &Usage, index: usize) -> Option<&'static str> {
    let repeated = usage.arguments.last().filter(|last| last.arity == Arity::Many);
    usage.arguments.get(index).or(repeated).map(|argument| argument.name)
}
