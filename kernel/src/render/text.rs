//! Text for people: cut to a length, laid out by the columns that it takes on a screen.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many columns text takes on a screen.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Text on one line that takes at most `columns`: control characters are written as escapes, and `…` stands for what is
/// left out.
pub fn one_line(text: &str, columns: usize) -> String {
    let mut shown = String::new();
    let mut taken = 0;
    for character in text.chars() {
        let escaped = character.is_control() || is_invisible(character);
        let piece = if escaped {
            character.escape_default().to_string()
        } else {
            character.to_string()
        };
        let width = if escaped {
            piece.len()
        } else {
            character.width().unwrap_or(0)
        };
        if taken + width > columns {
            while taken + 1 > columns
                && let Some(last) = shown.pop()
            {
                taken -= last.width().unwrap_or(0);
            }
            shown.push('…');
            return shown;
        }
        taken += width;
        shown.push_str(&piece);
    }
    shown
}

/// Text in lines of at most `columns`, broken at spaces.
pub fn wrapped(text: &str, columns: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines
            .last_mut()
            .filter(|line| line.is_empty() || width(line) + 1 + width(word) <= columns);
        match last {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// Characters that reorder or hide what stands around them.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A number and its noun: `1 step`, `2,345 steps`.
pub fn count(number: usize, noun: &str) -> String {
    format!(
        "{} {noun}{}",
        thousands(number as u64),
        if number == 1 { "" } else { "s" }
    )
}

/// Digits in groups of three.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A size in bytes.
pub fn size(bytes: u64) -> String {
    for (unit, one) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if bytes >= one {
            let tenths = bytes.saturating_mul(10) / one;
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} byte{}", if bytes == 1 { "" } else { "s" })
}

/// A stored time (RFC 3339, UTC) to the second: `2026-01-31 12:00:00`.
pub fn time(stored: &str) -> String {
    stored
        .get(..19)
        .map_or_else(|| stored.to_owned(), |time| time.replace('T', " "))
}

/// A name as it is typed after a magic: in quotes where it needs them.
pub fn quoted(name: &str) -> String {
    let plain = !name.is_empty()
        && !name.starts_with(['-', '"', '\''])
        && !name.starts_with("//")
        && !name.contains(|character: char| character.is_whitespace() || matches!(character, '=' | ';' | '}'));
    if plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_counts_columns() {
        for (text, columns, expected) in [
            ("short", 5, "short"),
            ("shorter", 5, "shor…"),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("a\nb", 9, "a\\nb"),
            ("a\u{202e}b", 20, "a\\u{202e}b"),
            ("anything", 0, "…"),
        ] {
            assert_eq!(one_line(text, columns), expected, "{text:?} in {columns}");
        }
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrapped("one two  three fourteen", 9), "one two\nthree\nfourteen");
        assert_eq!(wrapped("", 9), "");
    }

    #[test]
    fn numbers_and_sizes() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(thousands),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [1, 1023, 1536, 3 << 20].map(size),
            ["1 byte", "1023 bytes", "1.5 KiB", "3.0 MiB"]
        );
        assert_eq!([count(1, "step"), count(0, "step")], ["1 step", "0 steps"]);
        assert_eq!(time("2026-01-31T12:00:01.123456Z"), "2026-01-31 12:00:01");
    }

    #[test]
    fn quoted_names_are_read_back() {
        const STEP: pipulate::cell::args::ArgumentSpec = pipulate::cell::args::ArgumentSpec::required("STEP", "");
        for name in [
            "step_01",
            "two words",
            "a=b",
            "-x",
            "say \"hi\"",
            "back\\slash x",
            "a;b",
            "//x",
            "it's",
        ] {
            let text = format!("%pip_revert {}", quoted(name));
            let cell = pipulate::cell::parse(&text);
            let usage = pipulate::cell::args::Usage {
                name: "pip_revert",
                arguments: &[STEP],
                options: &[],
                tail: pipulate::cell::args::Tail::Nothing,
            };
            let parsed = usage.parse(&text, cell.magics().next().unwrap()).unwrap();
            assert_eq!(parsed.arguments[0].text, name);
        }
    }
}
