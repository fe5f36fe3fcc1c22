//! JSON text as it is shown: numbers keep their digits, keys their order, binary values are named by size and type, and
//! what is too long is cut with a count of what is left out.
//!
//! Values are read a level at a time, and only as far as they are shown: a stored value may have 64 MiB.

use std::fmt;

use pipulate::Bytes;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::text::{count, one_line, thousands};

/// How many elements or members of one array or object are shown.
pub const ITEMS: usize = 100;
/// How many lines of a value are shown.
const LINES: usize = 400;
/// How many characters of one string are shown.
const CHARACTERS: usize = 2000;

/// One level of a value.
#[derive(Debug)]
pub enum Shape<'a> {
    /// A string, number, boolean or null, as it is written.
    Scalar(&'a str),
    /// Binary data, described.
    Bytes(String),
    /// An array.
    Array(Level<&'a RawValue>),
    /// An object.
    Object(Level<(String, &'a RawValue)>),
}

/// The first elements of an array or members of an object, and how many there are in all.
#[derive(Debug)]
pub struct Level<T> {
    /// At most [`ITEMS`].
    pub shown: Vec<T>,
    /// How many there are.
    pub total: usize,
    /// Whether each of them, shown or not, is an object.
    pub all_objects: bool,
}

impl<T> Level<T> {
    fn new() -> Self {
        Self {
            shown: Vec::new(),
            total: 0,
            all_objects: true,
        }
    }

    /// How many are not shown.
    pub fn left_out(&self) -> usize {
        self.total - self.shown.len()
    }
}

/// Reads the outermost level of a JSON text. Text that is not JSON counts as a scalar.
pub fn shape(text: &str) -> Shape<'_> {
    let text = text.trim_matches([' ', '\t', '\n', '\r']);
    let mut reader = serde_json::Deserializer::from_str(text);
    match text.as_bytes().first() {
        Some(b'[') => reader
            .deserialize_seq(Elements)
            .map_or(Shape::Scalar(text), Shape::Array),
        Some(b'{') => match reader.deserialize_map(Members) {
            Ok(members) => bytes(text, &members).map_or(Shape::Object(members), Shape::Bytes),
            Err(_) => Shape::Scalar(text),
        },
        _ => Shape::Scalar(text),
    }
}

/// What a binary value is shown as.
fn bytes(text: &str, members: &Level<(String, &RawValue)>) -> Option<String> {
    let may_be = members.total == 2
        && members
            .shown
            .iter()
            .all(|(key, _)| key == "base64" || key == "media_type");
    may_be
        .then(|| serde_json::from_str(text).ok())
        .flatten()
        .and_then(|value| Bytes::describe(&value))
}

/// Whether binary data is anywhere in the value.
pub fn holds_bytes(text: &str) -> bool {
    // Most values do not even hold the word.
    text.contains("\"base64\"")
        && match shape(text) {
            Shape::Scalar(_) => false,
            Shape::Bytes(_) => true,
            Shape::Array(level) => level.shown.iter().any(|element| holds_bytes(element.get())),
            Shape::Object(level) => level.shown.iter().any(|(_, member)| holds_bytes(member.get())),
        }
}

/// A value on one line of at most `columns`.
pub fn compact(text: &str, columns: usize) -> String {
    let mut writer = Compact {
        written: String::new(),
        limit: columns.saturating_mul(4),
    };
    writer.value(text);
    one_line(&writer.written, columns)
}

struct Compact {
    written: String,
    /// Bytes after which nothing more can be seen.
    limit: usize,
}

impl Compact {
    fn value(&mut self, text: &str) {
        match shape(text) {
            Shape::Scalar(scalar) => self.written.push_str(scalar),
            Shape::Bytes(described) => self.written.push_str(&described),
            Shape::Array(level) => {
                self.items('[', ']', &level, |writer, element| writer.value(element.get()));
            }
            Shape::Object(level) => self.items('{', '}', &level, |writer, (key, member)| {
                writer.written.push_str(&in_quotes(key));
                writer.written.push_str(": ");
                writer.value(member.get());
            }),
        }
    }

    fn items<T>(&mut self, open: char, close: char, level: &Level<T>, write: impl Fn(&mut Self, &T)) {
        self.written.push(open);
        for (index, item) in level.shown.iter().enumerate() {
            if self.written.len() > self.limit {
                return;
            }
            if index > 0 {
                self.written.push_str(", ");
            }
            write(self, item);
        }
        if level.left_out() > 0 {
            self.written.push_str(", …");
        }
        self.written.push(close);
    }
}

/// A value as indented lines. What is left out is counted where it would stand.
pub fn pretty(text: &str) -> String {
    let mut writer = Pretty {
        written: String::new(),
        lines: 1,
    };
    writer.value(text, 0);
    writer.written
}

struct Pretty {
    written: String,
    lines: usize,
}

impl Pretty {
    fn value(&mut self, text: &str, depth: usize) {
        match shape(text) {
            Shape::Scalar(scalar) => self.written.push_str(&cut(scalar)),
            Shape::Bytes(described) => self.written.push_str(&described),
            Shape::Array(level) => {
                self.items(('[', ']'), &level, depth, "more element", |writer, element| {
                    writer.value(element.get(), depth + 1);
                });
            }
            Shape::Object(level) => self.items(('{', '}'), &level, depth, "more member", |writer, (key, member)| {
                writer.written.push_str(&in_quotes(key));
                writer.written.push_str(": ");
                writer.value(member.get(), depth + 1);
            }),
        }
    }

    fn items<T>(
        &mut self,
        (open, close): (char, char),
        level: &Level<T>,
        depth: usize,
        noun: &str,
        write: impl Fn(&mut Self, &T),
    ) {
        self.written.push(open);
        let mut shown = 0;
        for item in &level.shown {
            if self.lines >= LINES && level.total - shown > 1 {
                break;
            }
            if shown > 0 {
                self.written.push(',');
            }
            self.line(depth + 1);
            write(self, item);
            shown += 1;
        }
        let left_out = level.total - shown;
        if left_out > 0 {
            self.line(depth + 1);
            self.written.push_str("… ");
            self.written.push_str(&count(left_out, noun));
        }
        if level.total > 0 {
            self.line(depth);
        }
        self.written.push(close);
    }

    fn line(&mut self, depth: usize) {
        self.lines += 1;
        self.written.push('\n');
        self.written.push_str(&"  ".repeat(depth));
    }
}

/// A scalar, cut when it is a very long string.
pub fn cut(scalar: &str) -> String {
    // Bytes bound characters from above.
    if scalar.len() <= CHARACTERS {
        return scalar.to_owned();
    }
    match scalar.char_indices().nth(CHARACTERS) {
        None => scalar.to_owned(),
        Some((end, _)) => {
            let left_out = scalar[end..].chars().count();
            format!("{}… ({} more characters)", &scalar[..end], thousands(left_out as u64))
        }
    }
}

/// The text of a JSON string; `None` for any other scalar.
pub fn string(scalar: &str) -> Option<String> {
    scalar
        .starts_with('"')
        .then(|| serde_json::from_str(scalar).ok())
        .flatten()
}

/// Whether a scalar is a number.
pub fn is_number(scalar: &str) -> bool {
    scalar.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

fn in_quotes(key: &str) -> String {
    serde_json::Value::from(key).to_string()
}

struct Elements;

impl<'de> Visitor<'de> for Elements {
    type Value = Level<&'de RawValue>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut level = Level::new();
        loop {
            // Beyond what is shown, whether all are objects still has to be known, but only while it can be so.
            if level.shown.len() == ITEMS && !level.all_objects {
                if elements.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(level);
                }
            } else {
                let Some(element) = elements.next_element::<&'de RawValue>()? else {
                    return Ok(level);
                };
                level.all_objects &= element.get().starts_with('{');
                if level.shown.len() < ITEMS {
                    level.shown.push(element);
                }
            }
            level.total += 1;
        }
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Level<(String, &'de RawValue)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut level = Level::new();
        level.all_objects = false;
        loop {
            if level.shown.len() == ITEMS {
                if members.next_entry::<IgnoredAny, IgnoredAny>()?.is_none() {
                    return Ok(level);
                }
            } else {
                let Some(member) = members.next_entry::<String, &'de RawValue>()? else {
                    return Ok(level);
                };
                level.shown.push(member);
            }
            level.total += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_the_order_of_keys_survive() {
        let text = r#"{"z":123456789012345678901234567890,"a":1.10,"m":[],"e":{}}"#;
        assert_eq!(
            compact(text, 200),
            r#"{"z": 123456789012345678901234567890, "a": 1.10, "m": [], "e": {}}"#
        );
        assert_eq!(
            pretty(text),
            "{\n  \"z\": 123456789012345678901234567890,\n  \"a\": 1.10,\n  \"m\": [],\n  \"e\": {}\n}"
        );
    }

    #[test]
    fn scalars_are_themselves() {
        for scalar in ["0", "\"\"", "false", "null", "\"a \\\" b\"", "-1e-7"] {
            assert_eq!(pretty(scalar), scalar);
            assert_eq!(compact(scalar, 80), scalar);
        }
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let numbers = format!(
            "[{}]",
            (0..12_345)
                .map(|number| number.to_string())
                .collect::<Vec<_>>()
                .join(",")
        );
        let shown = pretty(&numbers);
        assert!(shown.ends_with("  99\n  … 12,245 more elements\n]"), "{shown}");

        let wide = format!("[{}]", vec![numbers; 50].join(","));
        let shown = pretty(&wide);
        assert!(shown.lines().count() < LINES + 10, "{} lines", shown.lines().count());
    }

    #[test]
    fn long_strings_are_cut_between_characters() {
        let text = format!("\"{}\"", "é".repeat(5000));
        let shown = pretty(&text);
        assert!(
            shown.ends_with("é… (3,002 more characters)"),
            "{}",
            &shown[shown.len() - 60..]
        );
    }

    #[test]
    fn binary_data_is_named_by_size_and_type() {
        let text = r#"{"logo":{"base64":"iVBORw==","media_type":"image/png"},"base64":1}"#;
        assert_eq!(compact(text, 80), r#"{"logo": 4 bytes of image/png, "base64": 1}"#);
        assert!(holds_bytes(text));
        assert!(!holds_bytes(r#"{"base64":"iVBORw==","other":1}"#));
    }

    #[test]
    fn nothing_that_can_be_stored_is_too_deep() {
        let depth = pipulate::json::DEEPEST;
        let text = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(pretty(&text).contains('1'));
        assert_eq!(compact(&text, 1000).len(), text.len());
    }

    #[test]
    fn text_that_is_no_json_is_shown_as_it_is() {
        for text in ["", "{", "[1,", "nonsense", "{\"a\" 1}"] {
            assert_eq!(pretty(text), text);
        }
    }
}
