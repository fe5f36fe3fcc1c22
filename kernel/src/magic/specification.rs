//! What a magic accepts and what is said about it.

use std::fmt::Write as _;

use pipulate::cell::args::{Takes, Usage};

use crate::outputs::MimeBundle;
use crate::render;
use crate::render::text::{width, wrapped};

/// How something is written, and what it means.
type Entry = (String, &'static str);

/// How wide the text of help is.
const COLUMNS: usize = 88;

/// A magic's name, arguments, options and documentation, in one place.
#[derive(Clone, Copy, Debug)]
pub struct Specification {
    /// Its name, arguments and options.
    pub usage: Usage,
    /// What it does, in one line.
    pub summary: &'static str,
    /// What else is good to know; empty when there is nothing.
    pub description: &'static str,
    /// How it is used.
    pub examples: &'static [Example],
    /// Where it may stand.
    pub form: Form,
}

/// One way to use a magic.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The text of a cell.
    pub code: &'static str,
    /// What it does.
    pub does: &'static str,
}

/// Where a magic may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// On a line: `%name`.
    Line,
    /// As the first line of a cell: `%%name`.
    Cell,
    /// Both.
    Both,
}

impl Specification {
    /// Whether it is written with one `%`.
    pub fn is_line(&self) -> bool {
        self.form != Form::Cell
    }

    /// Whether it is written with `%%`.
    pub fn is_cell(&self) -> bool {
        self.form != Form::Line
    }

    /// The name with its `%` or `%%`.
    pub fn marked_name(&self) -> String {
        format!("{}{}", if self.is_line() { "%" } else { "%%" }, self.usage.name)
    }

    /// How it is written, such as `%pip_fork KEY [--from STEP]`.
    pub fn usage_line(&self) -> String {
        format!("{}{}", if self.is_line() { "" } else { "%" }, self.usage)
    }

    /// All that is to be said about it.
    pub fn help(&self) -> MimeBundle {
        render::markdown(self.text(), self.markdown())
    }

    /// What stands for each argument and option, and its meaning.
    fn parameters(&self) -> (Vec<Entry>, Vec<Entry>) {
        let arguments = self
            .usage
            .arguments
            .iter()
            .map(|argument| (argument.name.to_owned(), argument.help));
        let options = self.usage.options.iter().map(|option| {
            let short = option.short.map_or_else(String::new, |letter| format!("-{letter}, "));
            let value = match option.takes {
                Takes::Nothing => String::new(),
                Takes::Word(name) | Takes::Expression(name) => format!(" {name}"),
            };
            (format!("{short}--{}{value}", option.long), option.help)
        });
        let help = [("--help".to_owned(), "show this and do nothing else")];
        (arguments.collect(), options.chain(help).collect())
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n\n{}", self.usage_line(), wrapped(self.summary, COLUMNS));
        if !self.description.is_empty() {
            let _ = write!(text, "\n\n{}", wrapped(self.description, COLUMNS));
        }
        let (arguments, options) = self.parameters();
        let examples = self
            .examples
            .iter()
            .map(|example| (example.code.replace('\n', "\n  "), example.does))
            .collect();
        for (title, entries) in [("Arguments", arguments), ("Options", options), ("Examples", examples)] {
            if entries.is_empty() {
                continue;
            }
            let _ = write!(text, "\n\n{title}");
            let columns = entries
                .iter()
                .map(|(name, _)| last_line_width(name))
                .max()
                .unwrap_or_default();
            for (name, meaning) in entries {
                let space = " ".repeat(columns - last_line_width(&name) + 2);
                let _ = write!(text, "\n  {name}{space}{meaning}");
            }
        }
        text
    }

    fn markdown(&self) -> String {
        let mut text = format!("```text\n{}\n```\n\n{}", self.usage_line(), self.summary);
        if !self.description.is_empty() {
            let _ = write!(text, "\n\n{}", self.description);
        }
        let (arguments, options) = self.parameters();
        for (title, entries) in [("Arguments", arguments), ("Options", options)] {
            if entries.is_empty() {
                continue;
            }
            let _ = write!(text, "\n\n**{title}**\n");
            for (name, meaning) in entries {
                let _ = write!(text, "\n- `{name}`: {meaning}");
            }
        }
        if !self.examples.is_empty() {
            text.push_str("\n\n**Examples**");
        }
        for example in self.examples {
            let _ = write!(
                text,
                "\n\n{}:\n\n```rust\n{}\n```",
                capitalised(example.does),
                example.code
            );
        }
        text
    }
}

/// Examples may have several lines; the meaning stands after the last.
fn last_line_width(text: &str) -> usize {
    text.lines().last().map_or(0, |line| width(line.trim_start()))
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
