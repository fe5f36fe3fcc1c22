//! One spelling for each JSON value: keys sorted, no white space, strings and floats as `serde_json` writes them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

/// Deeper than any value that can be stored, and shallow enough for any stack.
const DEEPEST: usize = 256;

/// Whether two JSON texts hold the same value.
///
/// ```
/// use pipulate::json::same;
///
/// assert!(same(r#"{"a":1,"b":[2]}"#, r#"{ "b": [2], "a": 1 }"#));
/// assert!(!same("1", "1.0"));
/// assert!(!same("340282366920938463463374607431768211455", "340282366920938463463374607431768211454"));
/// ```
pub fn same(left: &str, right: &str) -> bool {
    left == right || !(has_one_spelling(left) && has_one_spelling(right)) && canonical(left) == canonical(right)
}

/// Whether the text is the canonical one for certain: a string without escapes, or anything without keys, white space, escapes
/// and floats. Most values are, and need no second look.
fn has_one_spelling(text: &str) -> bool {
    match text.as_bytes() {
        [b'"', characters @ ..] => !characters.contains(&b'\\'),
        bytes => !bytes
            .iter()
            .any(|byte| matches!(byte, b'{' | b'\\' | b' ' | b'\t' | b'\n' | b'\r' | b'.' | b'e' | b'E')),
    }
}

/// Whether two JSON texts are the same once read into [`serde_json::Value`], which keeps integers beyond 64 bits only
/// as floats. A value that was read that way and is written back has not changed.
pub fn same_as_read(left: &str, right: &str) -> bool {
    if left == right {
        return true;
    }
    match (
        serde_json::from_str::<Value>(left),
        serde_json::from_str::<Value>(right),
    ) {
        (Ok(left), Ok(right)) => left == right,
        _ => false,
    }
}

/// A digest of the value that a JSON text holds: equal values have equal digests. It tells changes apart, and is no
/// protection against someone who makes two values collide on purpose (FNV-1a, 128 bits,
/// <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>).
///
/// ```
/// use pipulate::json::digest;
///
/// assert_eq!(digest(r#"{"a":1,"b":2}"#), digest(r#"{"b":2,"a":1}"#));
/// assert_ne!(digest("1"), digest("2"));
/// ```
pub fn digest(text: &str) -> String {
    const OFFSET_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let hash = canonical(text)
        .bytes()
        .fold(OFFSET_BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    format!("{hash:032x}")
}

/// The one spelling of the value that a JSON text holds. Text that is not JSON is given back as it is.
pub fn canonical(text: &str) -> String {
    let mut reader = Reader { text, at: 0 };
    let mut written = String::with_capacity(text.len());
    if reader.value(&mut written, 0).is_none() {
        return text.to_owned();
    }
    reader.skip_white_space();
    if reader.at == text.len() {
        written
    } else {
        text.to_owned()
    }
}

/// Walks text that `serde_json` wrote or accepted. It does not validate beyond what it needs to not lose its way.
struct Reader<'text> {
    text: &'text str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Steps over `byte` if it comes next.
    fn takes(&mut self, byte: u8) -> bool {
        self.skip_white_space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, written: &mut String, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        self.skip_white_space();
        match self.peek()? {
            b'{' => self.object(written, depth),
            b'[' => self.array(written, depth),
            b'"' => {
                let text = self.string()?;
                written.push_str(&serde_json::to_string(&text).ok()?);
                Some(())
            }
            _ => self.scalar(written),
        }
    }

    fn object(&mut self, written: &mut String, depth: usize) -> Option<()> {
        self.at += 1;
        let mut members = BTreeMap::new();
        if !self.takes(b'}') {
            loop {
                self.skip_white_space();
                let key = self.string()?;
                if !self.takes(b':') {
                    return None;
                }
                let mut member = String::new();
                self.value(&mut member, depth + 1)?;
                members.insert(key, member);
                if self.takes(b'}') {
                    break;
                }
                if !self.takes(b',') {
                    return None;
                }
            }
        }
        written.push('{');
        for (index, (key, member)) in members.into_iter().enumerate() {
            if index > 0 {
                written.push(',');
            }
            write!(written, "{}:{member}", serde_json::to_string(&key).ok()?).ok()?;
        }
        written.push('}');
        Some(())
    }

    fn array(&mut self, written: &mut String, depth: usize) -> Option<()> {
        self.at += 1;
        written.push('[');
        if !self.takes(b']') {
            loop {
                self.value(written, depth + 1)?;
                if self.takes(b']') {
                    break;
                }
                if !self.takes(b',') {
                    return None;
                }
                written.push(',');
            }
        }
        written.push(']');
        Some(())
    }

    fn string(&mut self) -> Option<String> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return None;
        }
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        serde_json::from_str(self.text.get(start..self.at)?).ok()
    }

    /// A number, `true`, `false` or `null`.
    fn scalar(&mut self, written: &mut String) -> Option<()> {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.'))
        {
            self.at += 1;
        }
        let token = self.text.get(start..self.at).filter(|token| !token.is_empty())?;
        let is_number = token.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        if is_number && token.contains(['.', 'e', 'E']) {
            let number: f64 = token.parse().ok()?;
            written.push_str(&serde_json::to_string(&number).ok()?);
        } else {
            written.push_str(token);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::{canonical, digest, same, same_as_read};

    fn check(text: &str, expected: &str) {
        assert_eq!(canonical(text), expected, "{text}");
    }

    #[test]
    fn one_spelling() {
        check(
            r#" { "b" : [ 1 , { } , [ ] ] , "a" : null } "#,
            r#"{"a":null,"b":[1,{},[]]}"#,
        );
        check("\"\\u0041\\n\"", "\"A\\n\"");
        check("[1.50e1,-0.0,true,false]", "[15.0,-0.0,true,false]");
        check("123456789012345678901234567890", "123456789012345678901234567890");
        check(r#"{"a":1,"a":2}"#, r#"{"a":2}"#);
    }

    #[test]
    fn text_that_is_no_json_is_left_alone() {
        for text in ["", "{", "[1,", "\"", "\"\\", "{\"a\" 1}", "1 2", "[1 2]", "\u{e9}"] {
            check(text, text);
        }
        let deep = "[".repeat(100_000);
        check(&deep, &deep);
    }

    #[test]
    fn values_differ_where_they_differ() {
        assert!(!same("1", "1.0"));
        assert!(same("1e1", "10.0"));
        assert!(same("[1, 2]", "[1,2]"));
        assert!(same("\"A\"", "\"\\u0041\""));
        assert!(!same("\"a\"", "\"b\""));
        assert!(!same("0.0", "-0.0"));
        assert!(!same("[1,2]", "[2,1]"));
        assert!(!same("18446744073709551616", "18446744073709551617"));
        assert!(same_as_read("18446744073709551616", "1.8446744073709552e19"));
        assert!(!same_as_read("1", "2"));
        assert_ne!(digest("[1,23]"), digest("[12,3]"));
        assert_eq!(digest("\"a\"").len(), 32);
    }
}
