//! Takes a magic's text apart as its [`Usage`] says.

use std::ops::Range;

use super::args::{Arity, OptionSpec, OptionUse, Parsed, Tail, Takes, Usage, UsageError, Word};
use super::lexer::{Token, TokenKind, tokens};
use super::line::trim;
use super::{MagicCall, nearest, words};

impl Usage {
    /// Takes the text of `call` apart. `text` is the cell's whole text, and so are all spans.
    ///
    /// # Errors
    /// When the text is not as this usage says.
    pub fn parse(&self, text: &str, call: &MagicCall) -> Result<Parsed, UsageError> {
        self.parse_span(text, &call.args)
    }

    /// The option `--name` or `-n`; `written` is with its dashes.
    pub fn find_option(&self, written: &str) -> Option<&'static OptionSpec> {
        self.options.iter().find(|option| match written.strip_prefix("--") {
            Some(long) => option.long == long,
            None => option.short.is_some_and(|short| {
                written
                    .strip_prefix('-')
                    .is_some_and(|letter| letter.chars().eq([short]))
            }),
        })
    }

    fn parse_span(&self, text: &str, args: &Range<usize>) -> Result<Parsed, UsageError> {
        let mut parsed = Parsed {
            arguments: Vec::new(),
            options: Vec::new(),
            tail: None,
            wants_help: false,
        };
        let takes_assignment = matches!(self.tail, Tail::Assignment { .. });
        let mut at = args.start;
        let mut only_arguments = false;
        loop {
            at = args.end - text[at..args.end].trim_start().len();
            if at == args.end {
                break;
            }
            let rest = &text[at..args.end];
            if rest.starts_with('=') && !matches!(self.tail, Tail::Rest { .. }) {
                parsed.tail = Some(self.assignment(text, at, args.end)?);
                break;
            }
            if !only_arguments && is_option(rest) {
                let written = &rest[..rest
                    .find(|character: char| character.is_whitespace() || character == '=')
                    .unwrap_or(rest.len())];
                if written == "--" {
                    only_arguments = true;
                    at += 2;
                    continue;
                }
                if written == "--help" {
                    parsed.wants_help = true;
                    at += written.len();
                    continue;
                }
                let is_rest = matches!(self.tail, Tail::Rest { .. }) && !written.starts_with("--");
                if !is_rest || self.find_option(written).is_some() {
                    at = self.option(text, at, written, args.end, &mut parsed)?;
                    continue;
                }
            }
            let index = parsed.arguments.len();
            let accepts_more =
                index < self.arguments.len() || self.arguments.last().is_some_and(|last| last.arity == Arity::Many);
            if !accepts_more && matches!(self.tail, Tail::Rest { .. }) {
                parsed.tail = Some(at..args.end);
                break;
            }
            let word = words::read(text, at, args.end, takes_assignment)?;
            if !word.is_quoted && word.text.contains(';') && !matches!(self.tail, Tail::Rest { .. }) {
                return Err(one_a_line(word.span));
            }
            if !accepts_more {
                return Err(self.too_many(text, word));
            }
            at = word.span.end;
            parsed.arguments.push(word);
        }
        if !parsed.wants_help {
            self.check_missing(&parsed, args)?;
        }
        Ok(parsed)
    }

    /// Reads the option at `at`, written as `written`, into `parsed`. Returns where it ends.
    fn option(
        &self,
        text: &str,
        at: usize,
        written: &str,
        end: usize,
        parsed: &mut Parsed,
    ) -> Result<usize, UsageError> {
        let name_end = at + written.len();
        let spec = self
            .find_option(written)
            .ok_or_else(|| self.unknown_option(at..name_end, written))?;
        if parsed.flag(spec.long) {
            return Err(UsageError {
                span: at..name_end,
                message: format!("`{written}` is given twice."),
                help: "Leave one of them out.".to_owned(),
            });
        }
        let equals = usize::from(text[name_end..end].starts_with('='));
        let value = match spec.takes {
            // A flag may stand right before the `=` of an assignment.
            Takes::Nothing => None,
            Takes::Word(name) | Takes::Expression(name) => {
                let after = &text[name_end + equals..end];
                let start = if equals == 1 {
                    name_end + 1
                } else {
                    end - after.trim_start().len()
                };
                let is_missing = text[start..end].trim_start().is_empty()
                    || (matches!(spec.takes, Takes::Word(_)) && text[start..end].starts_with(char::is_whitespace))
                    || (matches!(spec.takes, Takes::Word(_)) && equals == 0 && text[start..end].starts_with('='));
                if is_missing {
                    return Err(UsageError {
                        span: at..name_end,
                        message: format!("`{written}` takes a value."),
                        help: format!("Write `{written} {name}`."),
                    });
                }
                Some(match spec.takes {
                    Takes::Expression(_) => {
                        let span = trim(text, start..end);
                        Word {
                            text: text[span.clone()].to_owned(),
                            span,
                            is_quoted: false,
                        }
                    }
                    _ => words::read(text, start, end, matches!(self.tail, Tail::Assignment { .. }))?,
                })
            }
        };
        let option_end = value.as_ref().map_or(name_end, |value| value.span.end);
        parsed.options.push(OptionUse {
            name: spec.long,
            span: at..option_end,
            value,
        });
        Ok(option_end)
    }

    /// The value after the `=` at `at`.
    fn assignment(&self, text: &str, at: usize, end: usize) -> Result<Range<usize>, UsageError> {
        let Tail::Assignment { name, is_required } = self.tail else {
            return Err(UsageError {
                span: at..at + 1,
                message: format!("`%{}` takes no value after `=`.", self.name),
                help: format!("Write `{self}`."),
            });
        };
        let after = &text[at + 1..end];
        if after.starts_with('=') || after.starts_with('>') {
            let operator = &text[at..at + 2];
            return Err(UsageError {
                span: at..at + 2,
                message: format!("`%{}` is followed by one `=`, not by `{operator}`.", self.name),
                help: format!("Write `{self}`."),
            });
        }
        let value = trim(text, at + 1..end);
        if value.is_empty() && is_required {
            return Err(UsageError {
                span: at..at + 1,
                message: format!("The value after `=` is missing; `%{}` takes {name} there.", self.name),
                help: format!("Write `{self}`."),
            });
        }
        if let Some(semicolon) = top_level_semicolon(text, &value) {
            return Err(one_a_line(semicolon));
        }
        match self.late_option(text, &value) {
            Some(option) => Err(UsageError {
                message: format!("`{}` stands after the value.", &text[option.clone()]),
                help: format!("Options stand before the `=`: write `{self}`."),
                span: option,
            }),
            None => Ok(value),
        }
    }

    /// Where an option was written after a value. `--job k` and `--job=k` are no Rust wherever they follow an expression: a
    /// word cannot follow `job`, but for `as`, and nothing can be assigned to `-job`.
    fn late_option(&self, text: &str, value: &Range<usize>) -> Option<Range<usize>> {
        let mut depth = 0_usize;
        let tokens: Vec<Token> = tokens(text, value.start, value.end).collect();
        for (index, token) in tokens.iter().enumerate() {
            match token.kind {
                TokenKind::Open(_) => depth += 1,
                TokenKind::Close(_) => depth = depth.saturating_sub(1),
                TokenKind::Operator if depth == 0 && token.text(text) == "-" => {
                    let is_begun = index == 0 || tokens[index - 1].is_significant();
                    let end = if is_begun {
                        None
                    } else {
                        self.option_end(text, &tokens[index..])
                    };
                    if let Some(end) = end {
                        return Some(token.start..end);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The end of the option that the tokens begin with, if they are one that takes a word, with its word.
    fn option_end(&self, text: &str, tokens: &[Token]) -> Option<usize> {
        let dashes = tokens
            .iter()
            .take(2)
            .take_while(|token| token.text(text) == "-")
            .count();
        let name = tokens.get(dashes).filter(|name| name.kind == TokenKind::Word)?;
        let spec = self.find_option(&text[tokens.first()?.start..name.end])?;
        let mut after = tokens[dashes + 1..].iter().filter(|token| token.is_significant());
        let next = after.next().filter(|_| matches!(spec.takes, Takes::Word(_)))?;
        match next.kind {
            TokenKind::Operator if next.text(text) == "=" => Some(after.next().unwrap_or(next).end),
            TokenKind::Word if next.text(text) != "as" => Some(next.end),
            TokenKind::Literal { .. } => Some(next.end),
            _ => None,
        }
    }

    fn check_missing(&self, parsed: &Parsed, args: &Range<usize>) -> Result<(), UsageError> {
        let missing = self
            .arguments
            .iter()
            .skip(parsed.arguments.len())
            .find(|argument| argument.arity == Arity::Required);
        let missing = missing.map(|argument| argument.name).or(match self.tail {
            Tail::Assignment { is_required: true, .. } if parsed.tail.is_none() => Some("= EXPR"),
            Tail::Rest {
                name,
                is_required: true,
            } if parsed.tail.is_none() => Some(name),
            _ => None,
        });
        match missing {
            None => Ok(()),
            Some(name) => Err(UsageError {
                span: args.clone(),
                message: format!("`%{}` lacks `{name}`.", self.name),
                help: format!("Write `{self}`."),
            }),
        }
    }

    fn too_many(&self, text: &str, word: Word) -> UsageError {
        let written = &text[word.span.clone()];
        let help = match self.arguments.last() {
            Some(last) => format!("Write `{self}`; {} with a space in it is put in quotes.", last.name),
            None => format!("Write `{self}`."),
        };
        UsageError {
            message: format!("`{written}` is one argument too many for `%{}`.", self.name),
            help,
            span: word.span,
        }
    }

    fn unknown_option(&self, span: Range<usize>, written: &str) -> UsageError {
        let known = self.options.iter().map(|option| option.long).chain(["help"]);
        let help = match nearest(written.trim_start_matches('-'), known) {
            Some(name) => format!("Did you mean `--{name}`?"),
            None => format!("Write `{self}`, or ask `%{} --help`.", self.name),
        };
        UsageError {
            span,
            message: format!("`%{}` has no option `{written}`.", self.name),
            help,
        }
    }
}

/// Whether a word that begins so is an option. `-5` and a single `-` are none.
pub(super) fn is_option(rest: &str) -> bool {
    rest.strip_prefix('-')
        .is_some_and(|after| after.starts_with('-') || after.starts_with(char::is_alphabetic))
}

fn one_a_line(span: Range<usize>) -> UsageError {
    UsageError {
        span,
        message: "A magic ends with its line, and `;` with it.".to_owned(),
        help: "Begin a new line after the `;`, or put the text in quotes.".to_owned(),
    }
}

/// Where a `;` stands outside of all brackets.
fn top_level_semicolon(text: &str, value: &Range<usize>) -> Option<Range<usize>> {
    let mut depth = 0_usize;
    for token in tokens(text, value.start, value.end) {
        match token.kind {
            TokenKind::Open(_) => depth += 1,
            TokenKind::Close(_) => depth = depth.saturating_sub(1),
            TokenKind::Operator if depth == 0 && token.text(text) == ";" => return Some(token.start..token.end),
            _ => {}
        }
    }
    None
}
