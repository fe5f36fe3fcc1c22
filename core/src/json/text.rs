//! Checking JSON text that someone else wrote: that it can be read back, and that all who read it find the same in it.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::fault::{DEEPEST, Fault, Place, key_is_there, note, too_deep};

/// Refuses text that is not one JSON value, and one that `serde_json` does not read back or that readers would not agree on: of an
/// object that has a key twice, some take the first member, some the last one, and some take none.
pub(super) fn check(text: &str) -> Result<(), Fault> {
    let fault = RefCell::new(None);
    let value = Part {
        at: &Place::Root,
        fault: &fault,
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = value.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    let Err(error) = read else { return Ok(()) };
    Err(fault.into_inner().unwrap_or_else(|| Fault::Unrepresentable {
        path: String::new(),
        reason: if nests_too_deep(text) {
            too_deep()
        } else {
            format!("it is not valid JSON ({error})")
        },
    }))
}

/// Whether the text is JSON but for being nested more than [`DEEPEST`] levels deep.
pub fn nests_too_deep(text: &str) -> bool {
    // What is not wanted is skipped without recursion, so that depth is no hindrance.
    nesting(text) > DEEPEST && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// How many brackets are open at most at once, those in strings aside.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    deepest
}

/// Goes past the quote that ends a string.
fn skip_string(bytes: &mut impl Iterator<Item = u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

/// A part of the value, and its place.
struct Part<'a> {
    at: &'a Place<'a>,
    fault: &'a RefCell<Option<Fault>>,
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        for index in 0.. {
            let at = Place::Index(self.at, index);
            let element = Part {
                at: &at,
                fault: self.fault,
            };
            if elements.next_element_seed(element)?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = members.next_key::<String>()? {
            let at = Place::Field(self.at, &key);
            if keys.contains(&key) {
                note(self.fault, &at, key_is_there);
                return Err(A::Error::custom("refused"));
            }
            members.next_value_seed(Part {
                at: &at,
                fault: self.fault,
            })?;
            keys.insert(key);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{DEEPEST, Fault, check, nests_too_deep};

    fn refused(text: &str, expected_path: &str, expected_reason: &str) {
        match check(text) {
            Err(Fault::Unrepresentable { path, reason }) => {
                assert_eq!(path, expected_path, "{text}");
                assert!(reason.contains(expected_reason), "{text}: {reason}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    fn nested(levels: usize) -> String {
        format!("{}1{}", "[{\"a\":".repeat(levels / 2), "}]".repeat(levels / 2))
    }

    #[test]
    fn accepts_what_can_be_read() {
        for text in [
            "null",
            "true",
            "-1",
            "18446744073709551616",
            "1.5e300",
            "\"\\u0041 [[[\"",
            "[]",
            "{}",
            " { \"a\" : [ { \"a\" : 1 } , { \"a\" : 2 } ] , \"b\" : { \"a\" : 3 } } ",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_json() {
        for text in [
            "",
            "[",
            "[1,]",
            "{\"a\":}",
            "{a:1}",
            "1 2",
            "NaN",
            "1e999",
            "\"\\ud800\"",
            "'a'",
        ] {
            refused(text, "", "it is not valid JSON (");
        }
    }

    #[test]
    fn refuses_a_key_that_is_there_twice() {
        refused(r#"{"a":1,"a":1}"#, "a", "twice");
        refused(r#"{"a":1,"b":[0,{"c":{},"d":2,"\u0063":3}]}"#, "b[1].c", "twice");
        refused(r#"{"":1,"":2"#, "", "twice");
    }

    #[test]
    fn tells_depth_from_nonsense() {
        assert_eq!(check(&nested(DEEPEST - 1)), Ok(()));
        refused(&nested(DEEPEST + 1), "", "nested more than 127 levels deep");
        refused(&nested(200_000), "", "nested more than 127 levels deep");
        refused(&"[".repeat(200_000), "", "it is not valid JSON (");
        assert!(!nests_too_deep(&format!("[\"{}\"]", "[\\\"".repeat(200))));
        assert!(!nests_too_deep(&format!("{}x{}", "[".repeat(200), "]".repeat(200))));
    }
}
