//! JSON text one level at a time: keys stay in order, and numbers keep their digits.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// How many items of a level are shown.
pub(super) const ITEMS: usize = 100;
/// How many characters of a string are shown.
const CHARACTERS: usize = 4000;

/// What a value is.
pub(super) enum Shape<'a> {
    Scalar(&'a str),
    /// Binary data, by size and type.
    Bytes(String),
    Array(Level<&'a RawValue>),
    Object(Level<(String, &'a RawValue)>),
}

/// The first items of an array or object, and how many there are.
pub(super) struct Level<T> {
    pub(super) shown: Vec<T>,
    pub(super) total: usize,
}

impl<T> Level<T> {
    pub(super) fn left_out(&self) -> usize {
        self.total - self.shown.len()
    }
}

/// The shape of a value. Text that is no JSON counts as a scalar.
pub(super) fn shape(text: &str) -> Shape<'_> {
    let text = text.trim();
    let mut reader = serde_json::Deserializer::from_str(text);
    match text.as_bytes().first() {
        Some(b'[') => reader
            .deserialize_seq(Elements)
            .map_or(Shape::Scalar(text), Shape::Array),
        Some(b'{') => match reader.deserialize_map(Members) {
            Ok(level) => bytes(text, &level).map_or(Shape::Object(level), Shape::Bytes),
            Err(_) => Shape::Scalar(text),
        },
        _ => Shape::Scalar(text),
    }
}

fn bytes(text: &str, level: &Level<(String, &RawValue)>) -> Option<String> {
    let is_bytes = level.total == 2
        && level
            .shown
            .iter()
            .all(|(key, _)| key == "base64" || key == "media_type");
    if !is_bytes {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    pipulate::Bytes::describe(&value)
}

/// The text of a string.
pub(super) fn string(scalar: &str) -> Option<String> {
    scalar
        .starts_with('"')
        .then(|| serde_json::from_str(scalar).ok())
        .flatten()
}

pub(super) fn is_number(scalar: &str) -> bool {
    scalar.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

/// Text that is cut when it is very long.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(CHARACTERS) {
        None => text.to_owned(),
        Some((end, _)) => {
            let left_out = text[end..].chars().count() as u64;
            format!("{}… ({})", &text[..end], super::count(left_out, "more character"))
        }
    }
}

struct Elements;

impl<'de> Visitor<'de> for Elements {
    type Value = Level<&'de RawValue>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut level = Level {
            shown: Vec::new(),
            total: 0,
        };
        while level.total < ITEMS {
            let Some(element) = elements.next_element()? else {
                return Ok(level);
            };
            level.shown.push(element);
            level.total += 1;
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {
            level.total += 1;
        }
        Ok(level)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Level<(String, &'de RawValue)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut level = Level {
            shown: Vec::new(),
            total: 0,
        };
        while level.total < ITEMS {
            let Some(member) = members.next_entry()? else {
                return Ok(level);
            };
            level.shown.push(member);
            level.total += 1;
        }
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            level.total += 1;
        }
        Ok(level)
    }
}
