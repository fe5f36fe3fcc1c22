//! What a user typed, as a value of the type that the cell wants.

use std::any::type_name;

use serde::de::DeserializeOwned;

use crate::type_name::{short, with_article};

/// How much of an answer is repeated to the user.
const SHOWN: usize = 60;

/// Reads an answer: as a string if that works, else as JSON. Otherwise says what is wrong with it, and what to type; a secret is
/// not repeated.
pub(super) fn read<T: DeserializeOwned>(text: &str, secret: bool) -> Result<T, String> {
    let as_string = serde_json::from_value(serde_json::Value::String(text.to_owned()));
    as_string.or_else(|as_string| {
        serde_json::from_str(text).map_err(|as_json| {
            // Text that is no JSON at all was meant as a string.
            let reason = if as_json.is_data() { as_json } else { as_string };
            problem(type_name::<T>(), text, secret, &reason)
        })
    })
}

fn problem(type_name: &str, text: &str, secret: bool, reason: &serde_json::Error) -> String {
    let answer = match text.trim() {
        "" => "An empty answer".to_owned(),
        _ if secret => "The answer".to_owned(),
        text => format!("`{}`", shortened(text)),
    };
    let wanted = with_article(type_name);
    let name = short(type_name);
    match what_to_type(&name) {
        Some(what) => format!("{answer} is not {wanted}. Type {what}."),
        // It may quote what it found.
        None if secret => format!("{answer} is not {wanted}. Type it as JSON."),
        None => format!(
            "{answer} is not {wanted}: {}. Type it as JSON.",
            without_place(&reason.to_string())
        ),
    }
}

/// What becomes a value of a type, where a person can be told so.
fn what_to_type(name: &str) -> Option<String> {
    if let Some(inner) = argument_of(name, "Option") {
        return what_to_type(inner).map(|what| format!("{what}, or null for none"));
    }
    if let Some(element) = element_of(name) {
        let example = example(element).map_or_else(String::new, |[one, other]| format!(", such as [{one}, {other}]"));
        return Some(format!("a JSON array{example}"));
    }
    Some(match name {
        "i8" => range(i8::MIN, i8::MAX),
        "i16" => range(i16::MIN, i16::MAX),
        "i32" => range(i32::MIN, i32::MAX),
        "u8" => range(u8::MIN, u8::MAX),
        "u16" => range(u16::MIN, u16::MAX),
        "u32" => range(u32::MIN, u32::MAX),
        "i64" | "i128" | "isize" => "a whole number".to_owned(),
        "u64" | "u128" | "usize" => "a whole number, 0 or more".to_owned(),
        "f32" | "f64" => "a number, such as 2.5".to_owned(),
        "bool" => "true or false".to_owned(),
        "char" => "one character".to_owned(),
        _ => return None,
    })
}

fn range<T: std::fmt::Display>(least: T, most: T) -> String {
    format!("a whole number from {least} to {most}")
}

/// `T` of `Name<T>`.
fn argument_of<'a>(name: &'a str, generic: &str) -> Option<&'a str> {
    name.strip_prefix(generic)?.strip_prefix('<')?.strip_suffix('>')
}

/// `T` of a list, a set or an array of `T`.
fn element_of(name: &str) -> Option<&str> {
    ["Vec", "VecDeque", "BTreeSet", "HashSet"]
        .iter()
        .find_map(|list| argument_of(name, list))
        .or_else(|| name.strip_prefix('[')?.strip_suffix(']')?.split(';').next())
}

/// Two values of a type as JSON.
fn example(name: &str) -> Option<[&'static str; 2]> {
    Some(match name {
        "String" | "char" => ["\"a\"", "\"b\""],
        "bool" => ["true", "false"],
        "f32" | "f64" => ["1.5", "2"],
        _ if name.len() <= 5 && name.starts_with(['i', 'u']) => ["1", "2"],
        _ => return None,
    })
}

/// serde's message without the place, which says little of one line.
fn without_place(message: &str) -> &str {
    message
        .rsplit_once(" at line 1 column ")
        .map_or(message, |(message, _)| message)
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Debug;

    use serde::Deserialize;

    use super::*;

    #[track_caller]
    fn check<T: DeserializeOwned + Debug>(text: &str, expected: &str) {
        assert_eq!(read::<T>(text, false).unwrap_err(), expected);
    }

    #[test]
    fn text_is_a_string_before_it_is_json() {
        assert_eq!(read::<String>("12", false).unwrap(), "12");
        assert_eq!(read::<i32>(" 12 ", false).unwrap(), 12);
        assert_eq!(read::<Option<i32>>("null", false).unwrap(), None);
        assert_eq!(read::<Vec<u8>>("[1, 2]", false).unwrap(), [1, 2]);
        assert_eq!(read::<char>("x", false).unwrap(), 'x');
    }

    #[test]
    fn what_will_not_do_is_said_in_the_users_words() {
        check::<i32>(
            "abc",
            "`abc` is not an `i32`. Type a whole number from -2147483648 to 2147483647.",
        );
        check::<u8>("300", "`300` is not a `u8`. Type a whole number from 0 to 255.");
        check::<u64>("-1", "`-1` is not a `u64`. Type a whole number, 0 or more.");
        check::<f64>("", "An empty answer is not an `f64`. Type a number, such as 2.5.");
        check::<bool>("yes", "`yes` is not a `bool`. Type true or false.");
        check::<Option<i64>>(
            "x",
            "`x` is not an `Option<i64>`. Type a whole number, or null for none.",
        );
        check::<Vec<String>>(
            "a, b",
            "`a, b` is not a `Vec<String>`. Type a JSON array, such as [\"a\", \"b\"].",
        );
        check::<[f64; 2]>("[1]", "`[1]` is not a `[f64; 2]`. Type a JSON array, such as [1.5, 2].");
        check::<Vec<BTreeMap<String, u8>>>("{}", "`{}` is not a `Vec<BTreeMap<String, u8>>`. Type a JSON array.");
        check::<bool>(
            &"é".repeat(80),
            &format!("`{}…` is not a `bool`. Type true or false.", "é".repeat(59)),
        );
    }

    #[derive(Debug, Deserialize)]
    struct Point {
        #[expect(dead_code, reason = "only whether it is there matters")]
        x: i32,
    }

    #[derive(Debug, Deserialize)]
    enum Colour {
        Red,
        Blue,
    }

    #[test]
    fn types_of_the_users_own_say_what_serde_says() {
        check::<Point>(
            "{\"y\": 1}",
            "`{\"y\": 1}` is not a `Point`: missing field `x`. Type it as JSON.",
        );
        check::<Colour>(
            "green",
            "`green` is not a `Colour`: unknown variant `green`, expected `Red` or `Blue`. Type it as JSON.",
        );
        assert!(matches!(read::<Colour>("Red", false), Ok(Colour::Red)));
        assert!(matches!(read::<Colour>("\"Blue\"", false), Ok(Colour::Blue)));
    }

    #[test]
    fn a_secret_is_not_repeated() {
        assert_eq!(
            read::<u8>("hunter2", true).unwrap_err(),
            "The answer is not a `u8`. Type a whole number from 0 to 255."
        );
        assert_eq!(
            read::<Colour>("hunter2", true).unwrap_err(),
            "The answer is not a `Colour`. Type it as JSON."
        );
    }
}
