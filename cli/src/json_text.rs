//! JSON that a user typed.

use serde_json::value::RawValue;

/// The longest text, in bytes, that a message writes as JSON.
const LONGEST_SHOWN: usize = 100;

/// One JSON value, kept as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonText(String);

impl JsonText {
    /// Checks the text. The message says how to write what was probably meant.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        match serde_json::from_str::<&RawValue>(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) if text.is_empty() => Err("a JSON value is expected".to_owned()),
            Err(error) if looks_like_text(text) && text.len() > LONGEST_SHOWN => {
                Err(format!("this is no JSON: {error}; text stands in double quotes"))
            }
            Err(_) if looks_like_text(text) => {
                let quoted = serde_json::Value::from(text).to_string();
                Err(format!("this is no JSON; text is written {}", shell_quoted(&quoted)))
            }
            Err(error) => Err(format!("this is no JSON: {error}")),
        }
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A bare word or sentence, as against JSON with a mistake in it.
fn looks_like_text(text: &str) -> bool {
    !text.starts_with(['{', '[', '"'])
}

/// A word for a shell to take as it is.
pub(crate) fn shell_quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A word as a shell takes it, in quotes only where it needs them.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "-_.,:/@+%".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        shell_quoted(word)
    }
}

/// The same for the last word of a command line, where an option is not meant.
pub(crate) fn last_word(word: &str) -> String {
    let quoted = shell_word(word);
    if word.starts_with('-') {
        format!("-- {quoted}")
    } else {
        quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_as_it_was_typed() {
        for text in ["1", "-0.50", "null", "\"Ada\"", "[1, 2]", "{\"b\": 1, \"a\": 2}"] {
            assert_eq!(JsonText::parse(text).unwrap().as_str(), text);
        }
        assert_eq!(JsonText::parse(" 1\n").unwrap().as_str(), "1");
    }

    #[test]
    fn a_word_is_quoted_where_a_shell_would_split_or_expand_it() {
        assert_eq!(shell_word("Default-hello-01"), "Default-hello-01");
        assert_eq!(shell_word("größe"), "größe");
        assert_eq!(shell_word("two words"), "'two words'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word("$(rm)"), "'$(rm)'");
        assert_eq!(shell_word(""), "''");
        assert_eq!(last_word("two words"), "'two words'");
        assert_eq!(last_word("-p"), "-- -p");
        assert_eq!(last_word("--two words"), "-- '--two words'");
    }

    #[test]
    fn a_bare_word_is_shown_with_its_quotes() {
        let message = |text| JsonText::parse(text).unwrap_err();
        assert_eq!(message("Ada"), r#"this is no JSON; text is written '"Ada"'"#);
        assert_eq!(message("it's"), r#"this is no JSON; text is written '"it'\''s"'"#);
        assert_eq!(message("01"), r#"this is no JSON; text is written '"01"'"#);
        assert_eq!(
            message("{a: 1}"),
            "this is no JSON: key must be a string at line 1 column 2"
        );
        assert_eq!(
            message("[1"),
            "this is no JSON: EOF while parsing a list at line 1 column 2"
        );
        assert_eq!(message(""), "a JSON value is expected");
        let book = "Call me Ishmael. ".repeat(100_000);
        assert_eq!(
            message(&book),
            "this is no JSON: expected value at line 1 column 1; text stands in double quotes"
        );
    }
}
