//! JSON that stays as it was written: numbers with all their digits, strings with their escapes.
//!
//! A notebook has much that is not ours. `serde_json::Value` would make `1.10` and 23 digits into numbers of its own.

use std::fmt;

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON object. Of two fields of one name the last counts, as it does for Jupyter.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    /// The text of a field.
    pub(super) fn raw(&self, name: &str) -> Option<&RawValue> {
        let (_, value) = self.0.iter().find(|(candidate, _)| candidate == name)?;
        Some(value)
    }

    /// A field as a type; `None` where it is missing or of another type.
    pub(super) fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.raw(name)?.get()).ok()
    }

    /// Whether there is such a field.
    pub(super) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// Gives a field a value, in its place or at the end.
    pub(super) fn set(&mut self, name: &str, value: &impl Serialize) {
        let value = serde_json::value::to_raw_value(value).expect("no value here has keys that are not text");
        self.put(name.to_owned(), value);
    }

    /// Gives a field a value where it has none.
    pub(super) fn set_default(&mut self, name: &str, value: &impl Serialize) {
        if !self.has(name) {
            self.set(name, value);
        }
    }

    /// The fields, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), &**value))
    }

    fn put(&mut self, name: String, value: Box<RawValue>) {
        match self.0.iter_mut().find(|(candidate, _)| *candidate == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Fields, A::Error> {
                let mut fields = Fields::default();
                while let Some((name, value)) = object.next_entry()? {
                    fields.put(name, value);
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// Lays JSON out as Jupyter does: a line for each value, one space for each level.
pub(super) fn lay_out(json: &str) -> String {
    let mut laid_out = String::with_capacity(json.len() + json.len() / 4);
    let mut rest = json.trim_start();
    let mut depth = 0;
    let new_line = |laid_out: &mut String, depth: usize| {
        laid_out.push('\n');
        laid_out.extend(std::iter::repeat_n(' ', depth));
    };
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '{' | '[' | '}' | ']' | ',' | ':' => 1,
            _ => rest
                .find(|character: char| "{}[],:".contains(character) || character.is_ascii_whitespace())
                .unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(length);
        rest = after.trim_start();
        match first {
            '{' | '[' => {
                laid_out.push(first);
                if rest.starts_with(['}', ']']) {
                    laid_out.push_str(&rest[..1]);
                    rest = rest[1..].trim_start();
                } else {
                    depth += 1;
                    new_line(&mut laid_out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut laid_out, depth);
                laid_out.push(first);
            }
            ',' => {
                laid_out.push(first);
                new_line(&mut laid_out, depth);
            }
            ':' => laid_out.push_str(": "),
            _ => laid_out.push_str(token),
        }
    }
    laid_out.push('\n');
    laid_out
}

/// How many bytes the string at the start of the text takes, its quotes included.
fn string_length(text: &str) -> usize {
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((index, byte)) = bytes.next() {
        match byte {
            b'"' => return index + 1,
            b'\\' => _ = bytes.next(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_text_and_their_order() {
        let mut fields: Fields =
            serde_json::from_str(r#"{"b": 1.10, "a": {"n": 12345678901234567890123}, "b": 1e999}"#).unwrap();
        fields.set("a2", &[1]);
        fields.set_default("a", &1);
        assert_eq!(
            serde_json::to_string(&fields).unwrap(),
            r#"{"b":1e999,"a":{"n": 12345678901234567890123},"a2":[1]}"#
        );
        assert_eq!(fields.get::<Vec<u8>>("a2"), Some(vec![1]));
        assert_eq!(fields.get::<String>("a2"), None);
        assert!(serde_json::from_str::<Fields>("[]").is_err());
    }

    #[test]
    fn layout_is_that_of_jupyter() {
        let jupyter =
            "{\n \"a\": [\n  1.10,\n  {},\n  [],\n  \"{\\\"x\\\": [1, 2]}\\\\\"\n ],\n \"é\\u00e9\": null\n}\n";
        assert_eq!(lay_out(jupyter), jupyter);
        let packed = jupyter.replace(['\n', ' '], "");
        assert_eq!(lay_out(&packed).replace(['\n', ' '], ""), packed);
        assert_eq!(
            lay_out(" { \"a\" :[ ] ,\t\"b\":\r\n{ }, \"c\":[1 ,-2.0e+5] } "),
            "{\n \"a\": [],\n \"b\": {},\n \"c\": [\n  1,\n  -2.0e+5\n ]\n}\n"
        );
    }
}
