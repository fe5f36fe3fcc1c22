//! Room for syn, which descends once for each level of nesting.
//!
//! Every text is read on a thread of its own: its stack is as large as the text's nesting asks for, what nests deeper than any
//! program is refused, and the parser's table of sources, which grows with each text that a thread reads, ends with the thread.

use std::io;
use std::thread;

use proc_macro2::{Delimiter, TokenStream, TokenTree, token_stream};

use super::Fault;

/// How deep brackets may nest. The compiler's own limit for what it expands is 128.
const MOST_BRACKETS: usize = 256;
/// How deep the parser may descend, by the estimate of [`levels`].
const MOST_LEVELS: usize = 4_096;
/// How deep it may descend on the first thread; nearly all cells stay far below.
const USUAL_LEVELS: usize = 512;
/// An open angle bracket takes as much as several tokens do.
const ANGLE: usize = 4;
/// The most that one level takes of the stack: measured at 4 KB, and at 26 KB where syn itself is not optimised, as in a generated crate
/// that is being tried out. Memory is taken for what is used alone.
const LEVEL: usize = 48 * 1024;
const FLOOR: usize = 2 * 1024 * 1024;

/// Reads `text` as tokens and gives them to `work`, on a thread with room enough. Spans are bytes of `text`, which must not begin with a byte
/// order mark.
pub(super) fn with_tokens<T: Send>(
    text: &str,
    work: impl Fn(TokenStream) -> Result<T, Fault> + Sync,
) -> Result<T, Fault> {
    let first = on_thread(USUAL_LEVELS, || {
        let tokens = lex(text)?;
        match levels(&tokens) {
            Err(fault) => Err(fault),
            Ok(levels) if levels > USUAL_LEVELS => Ok(Err(levels)),
            Ok(_) => work(tokens).map(Ok),
        }
    })?;
    match first {
        Ok(done) => Ok(done),
        Err(levels) => on_thread(levels, || work(lex(text)?)),
    }
}

fn on_thread<T: Send>(levels: usize, work: impl FnOnce() -> Result<T, Fault> + Send) -> Result<T, Fault> {
    let size = FLOOR + levels * LEVEL;
    thread::scope(|scope| {
        let spawned = thread::Builder::new()
            .name("analysis".to_owned())
            .stack_size(size)
            .spawn_scoped(scope, work);
        match spawned.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(Fault {
                span: 0..0,
                message: "The parser gave up on this text.".to_owned(),
                help: "Cut it into smaller pieces.".to_owned(),
            }),
            Err(error) => Err(no_thread(&error)),
        }
    })
}

fn no_thread(error: &io::Error) -> Fault {
    Fault {
        span: 0..0,
        message: format!("There is no thread to read the text on: {error}."),
        help: "Close other programs, or raise the limit of memory.".to_owned(),
    }
}

fn lex(text: &str) -> Result<TokenStream, Fault> {
    text.parse().map_err(|error: proc_macro2::LexError| {
        let start = error.span().byte_range().start.min(text.len());
        let start = text.floor_char_boundary(start);
        let length = text[start..].chars().next().map_or(0, char::len_utf8);
        let found = &text[start..start + length];
        let message = match found {
            "" => "The text ends too early.".to_owned(),
            "(" | "[" | "{" => format!("`{found}` is not closed."),
            ")" | "]" | "}" => format!("`{found}` closes nothing."),
            "\"" | "'" => format!("What begins with {found} has no end, or is no literal."),
            _ => format!("`{found}` is not Rust."),
        };
        Fault {
            span: start..start + length,
            message,
            help: String::new(),
        }
    })
}

/// One bracket's text, while it is read.
struct Frame {
    tokens: token_stream::IntoIter,
    /// What the brackets around it come to.
    outside: usize,
    /// Tokens since the last end of something that nests.
    run: usize,
    /// Angle brackets that are open: a comma ends nothing within them.
    angles: usize,
    /// Bars of closures since the last `;`: a closure's parameters have commas too.
    bars: usize,
    after: After,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Other,
    /// Curly brackets, which end a statement unless an operator, `else` or `as` follows.
    Braces,
    /// `-`, with which a `>` is an arrow.
    Minus,
    /// `=`, with which a `>` is the end of an arm's pattern.
    Equals,
}

/// How deep syn may descend at most: each token of a statement may open a level (`!!!!x`, `a + b + c`, `else if`), and the levels of
/// the brackets around add up.
fn levels(tokens: &TokenStream) -> Result<usize, Fault> {
    let frame = |stream: TokenStream, outside| Frame {
        tokens: stream.into_iter(),
        outside,
        run: 0,
        angles: 0,
        bars: 0,
        after: After::Other,
    };
    let mut frames = vec![frame(tokens.clone(), 0)];
    let mut most = 0;
    while let Some(top) = frames.last_mut() {
        let Some(token) = top.tokens.next() else {
            frames.pop();
            continue;
        };
        let after = top.after;
        top.after = After::Other;
        let is_over = match &token {
            TokenTree::Ident(word) => after == After::Braces && !(word == "else" || word == "as"),
            TokenTree::Literal(_) => after == After::Braces,
            TokenTree::Group(_) | TokenTree::Punct(_) => false,
        };
        if is_over {
            top.end();
        }
        top.run += 1;
        if let TokenTree::Punct(punct) = &token {
            top.punct(punct.as_char(), after);
        }
        let here = top.outside + top.run + ANGLE * top.angles + top.bars;
        most = most.max(here);
        if here > MOST_LEVELS || frames.len() > MOST_BRACKETS {
            return Err(too_deep(&token));
        }
        if let TokenTree::Group(group) = token {
            if group.delimiter() == Delimiter::Brace {
                frames.last_mut().into_iter().for_each(|top| top.after = After::Braces);
            }
            frames.push(frame(group.stream(), here));
        }
    }
    Ok(most)
}

impl Frame {
    fn punct(&mut self, character: char, after: After) {
        match character {
            ';' => self.end(),
            ',' => self.run = 0,
            '<' => self.angles += 1,
            '>' if after == After::Minus => {}
            '>' if after == After::Equals => self.end(),
            '>' => self.angles = self.angles.saturating_sub(1),
            '|' => self.bars += 1,
            '-' => self.after = After::Minus,
            '=' => self.after = After::Equals,
            _ => {}
        }
    }

    fn end(&mut self) {
        self.run = 0;
        self.angles = 0;
        self.bars = 0;
    }
}

fn too_deep(token: &TokenTree) -> Fault {
    Fault {
        span: token.span().byte_range(),
        message: "The code nests too deep.".to_owned(),
        help: "Give parts of it names of their own, with `let` or in functions.".to_owned(),
    }
}
