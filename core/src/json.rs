//! Values as JSON text: written with checks, compared and digested regardless of the order of keys.
//!
//! A value is kept as the text that serde wrote, so that the order of its keys survives. [`same`] and [`digest`]
//! look through that order, through white space and through the spelling of strings and floating-point numbers, but never
//! through a difference in value: integers of any length are compared digit by digit.

mod canonical;
mod checked;
mod fault;
mod text;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use canonical::{canonical, digest, same, same_as_read};
pub use fault::{DEEPEST, Fault};
pub use text::nests_too_deep;

/// The largest value there may be unless the caller sets another limit: 64 MiB of JSON.
pub const VALUE_LIMIT: usize = 64 * 1024 * 1024;

/// Writes a value as JSON, refusing what JSON cannot hold and what is larger than `limit` bytes.
///
/// ```
/// use pipulate::json::{self, Fault};
///
/// assert_eq!(json::to_text(&(1, "two"), json::VALUE_LIMIT).unwrap(), r#"[1,"two"]"#);
/// let fault = json::to_text(&[1.0, f64::NAN], json::VALUE_LIMIT).unwrap_err();
/// assert_eq!(fault, Fault::Unrepresentable { path: "[1]".to_owned(), reason: "NaN is not a JSON number".to_owned() });
/// ```
pub fn to_text<T: Serialize + ?Sized>(value: &T, limit: usize) -> Result<String, Fault> {
    checked::to_text(value, limit)
}

/// Checks that `text` is one JSON value that can be read back, and no larger than `limit` bytes. Gives it without
/// the white space around it.
///
/// An object that has a key twice is refused, with the key's place: readers do not agree on which member counts.
///
/// ```
/// use pipulate::json::{self, Fault};
///
/// assert_eq!(json::check_text(" [1, 2]\n", json::VALUE_LIMIT), Ok("[1, 2]"));
/// let fault = json::check_text(r#"{"a": {"b": 1, "b": 2}}"#, json::VALUE_LIMIT).unwrap_err();
/// assert_eq!(fault, Fault::Unrepresentable { path: "a.b".to_owned(), reason: "the key is there twice".to_owned() });
/// ```
pub fn check_text(text: &str, limit: usize) -> Result<&str, Fault> {
    let text = text.trim_matches([' ', '\t', '\n', '\r']);
    if text.len() > limit {
        return Err(Fault::TooLarge {
            size: text.len() as u64,
            limit: limit as u64,
        });
    }
    text::check(text).map(|()| text)
}

/// Reads a value from JSON text.
pub fn from_text<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    serde_json::from_str(text)
}
