//! What the terminal can show.

use std::io;

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

/// Text on one line: control characters escaped, and cut with an ellipsis where it needs more than `columns` columns.
pub(crate) fn one_line(text: &str, columns: usize) -> String {
    // A value may have megabytes; no terminal is that wide.
    let mut line: String = text.chars().take(columns.saturating_add(1)).map(printable).collect();
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

/// A control character could move the cursor or recolour the terminal.
fn printable(character: char) -> char {
    match character {
        '\n' | '\t' | '\r' => ' ',
        control if control.is_control() => '\u{fffd}',
        other => other,
    }
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
        check("\u{1b}[31mred", 20, "\u{fffd}[31mred");
    }
}
