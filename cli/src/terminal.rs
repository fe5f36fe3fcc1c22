//! What the terminal can show.

use std::fmt::Write as _;
use std::io::{self, Write};

use terminal_size::{Height, Width, terminal_size_of};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns of the terminal that standard output goes to; `None` where a program reads it.
pub(crate) fn stdout_columns() -> Option<usize> {
    columns(terminal_size_of(io::stdout()))
}

/// The columns of the terminal that standard error goes to.
pub(crate) fn stderr_columns() -> Option<usize> {
    columns(terminal_size_of(io::stderr()))
}

fn columns(size: Option<(Width, Height)>) -> Option<usize> {
    // Some terminals do not know, and say 0.
    size.map(|(Width(columns), _)| usize::from(columns))
        .filter(|columns| *columns > 0)
}

/// Writes a line for people.
pub(crate) fn say(out: &mut dyn Write, text: &str) -> io::Result<()> {
    writeln!(out, "{}", visible(text))
}

/// Text for people to read: what would move the cursor, recolour the terminal or turn the writing around is escaped as in JSON.
/// Lines and tabs stay.
pub(crate) fn visible(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut shown, character| {
            match character {
                '\n' | '\t' => shown.push(character),
                other => push_visible(&mut shown, other),
            }
            shown
        })
}

/// The same on one line, cut with an ellipsis where it needs more than `columns` columns.
pub(crate) fn one_line(text: &str, columns: usize) -> String {
    let mut line = String::new();
    // A value may have megabytes; no terminal is that wide.
    for character in text.chars().take(columns.saturating_add(1)) {
        match character {
            '\n' | '\t' | '\r' => line.push(' '),
            other => push_visible(&mut line, other),
        }
    }
    if line.width() <= columns {
        return line;
    }
    let mut used = 0;
    let fits = line
        .char_indices()
        .find(|(_, character)| {
            used += character.width().unwrap_or(0);
            used + 1 > columns
        })
        .map_or(line.len(), |(at, _)| at);
    line.truncate(fits);
    if columns > 0 {
        line.push('…');
    }
    line
}

fn push_visible(shown: &mut String, character: char) {
    if is_hidden(character) {
        // All of them are below U+10000, so that this is also what JSON means by it.
        write!(shown, "\\u{:04x}", u32::from(character)).expect("a string takes all text");
    } else {
        shown.push(character);
    }
}

/// Characters that act on what stands around them, or that nobody sees.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            // Direction of writing.
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Ends of lines.
            | '\u{2028}' | '\u{2029}'
            // Spaces without width.
            | '\u{200b}' | '\u{2060}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_columns() {
        let check =
            |text, columns, expected: &str| assert_eq!(one_line(text, columns), expected, "{text:?} in {columns}");
        check("hello", 5, "hello");
        check("hello", 4, "hel…");
        check("hello", 1, "…");
        check("hello", 0, "");
        // Each of these takes two columns.
        check("日本語", 6, "日本語");
        check("日本語", 5, "日本…");
        check("日本語", 4, "日…");
        check("a\tb\nc", 9, "a b c");
        check("\u{1b}[31mred", 20, "\\u001b[31mred");
        check("\u{1b}[31mred", 5, "\\u00…");
    }

    #[test]
    fn what_acts_on_a_terminal_is_escaped() {
        let check = |text, expected: &str| assert_eq!(visible(text), expected, "{text:?}");
        check("\u{1b}]0;title\u{7}", "\\u001b]0;title\\u0007");
        check(
            "over\rwritten\u{8}\u{7f}\u{9b}2J",
            "over\\u000dwritten\\u0008\\u007f\\u009b2J",
        );
        check("safe\u{202e}gpj.exe\u{202c}", "safe\\u202egpj.exe\\u202c");
        check("a\u{2028}b\u{feff}", "a\\u2028b\\ufeff");
        check(
            "one\n\ttwo größe 日本 👩\u{200d}🔬",
            "one\n\ttwo größe 日本 👩\u{200d}🔬",
        );
    }
}
