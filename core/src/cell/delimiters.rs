//! Brackets, strings and comments without their other end, told before anything is compiled: a compiler sees them amid the code that is
//! put around a cell, and takes that code's brackets for the cell's.

use std::ops::Range;

use super::lexer::{Bracket, Token, TokenKind, token_at};

/// What keeps a cell from being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbalanced {
    /// What is wrong, in rustc's words.
    pub message: String,
    /// Where, and what is there. The first is the one to look at.
    pub places: Vec<(Range<usize>, &'static str)>,
}

/// The brackets that are open, as tokens come.
#[derive(Debug, Default)]
pub(super) struct Delimiters {
    open: Vec<(Bracket, Range<usize>)>,
    found: Option<Unbalanced>,
}

impl Delimiters {
    /// Takes the next token of Rust, or a comment.
    pub(super) fn feed(&mut self, token: Token, text: &str) {
        let place = token.start..token.end;
        match token.kind {
            TokenKind::Open(bracket) => self.open.push((bracket, place)),
            TokenKind::Close(bracket) => {
                let opened = self.open.pop();
                let closes = &text[place.clone()];
                match opened {
                    Some((open, _)) if open == bracket => {}
                    Some((_, open)) => self.find(
                        format!("mismatched closing delimiter: `{closes}`"),
                        vec![(place, "mismatched closing delimiter"), (open, "unclosed delimiter")],
                    ),
                    None => self.find(
                        format!("unexpected closing delimiter: `{closes}`"),
                        vec![(place, "unexpected closing delimiter")],
                    ),
                }
            }
            _ if token.is_unclosed() => {
                let what = match &text[place] {
                    comment if comment.starts_with("/*") => "block comment",
                    word if word.starts_with('\'') || word.starts_with("b'") => "character literal",
                    word if ["r", "br", "cr"].iter().any(|prefix| word.starts_with(prefix)) => "raw string",
                    _ => "double quote string",
                };
                // It goes to the end of the cell; where it begins is what counts.
                let begins = token.start..token.start + 1;
                self.find(format!("unterminated {what}"), vec![(begins, "it begins here")]);
            }
            _ => {}
        }
    }

    /// Takes an expression that is a magic's value, which closes what it opens.
    pub(super) fn feed_value(&mut self, value: Range<usize>, text: &str) {
        let mut within = Self::default();
        let mut at = value.start;
        while let Some(token) = token_at(text, at).filter(|token| token.start < value.end) {
            within.feed(token, text);
            at = token.end;
        }
        if self.found.is_none() {
            self.found = within.finish();
        }
    }

    fn find(&mut self, message: String, places: Vec<(Range<usize>, &'static str)>) {
        self.found.get_or_insert(Unbalanced { message, places });
    }

    /// The first thing that was wrong, at the end of the text.
    pub(super) fn finish(self) -> Option<Unbalanced> {
        let last = self.open.into_iter().next_back();
        self.found.or_else(|| {
            let (_, open) = last?;
            Some(Unbalanced {
                message: "this cell contains an unclosed delimiter".to_owned(),
                places: vec![(open, "unclosed delimiter")],
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, &str)>) {
        let cell = parse(text);
        let found = cell.unbalanced().map(|found| {
            let (place, _) = &found.places[0];
            (found.message.as_str(), &text[place.clone()])
        });
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn what_lacks_its_other_end_is_found_where_it_is() {
        let unclosed = "this cell contains an unclosed delimiter";
        check("v.len(", Some((unclosed, "(")));
        check("fn f() {\n    if true {\n}", Some((unclosed, "{")));
        check("v.len())", Some(("unexpected closing delimiter: `)`", ")")));
        check("}\nv.len()", Some(("unexpected closing delimiter: `}`", "}")));
        check("let x = (1, 2];", Some(("mismatched closing delimiter: `]`", "]")));
        check(
            "let s = \"abc;\nv.len()",
            Some(("unterminated double quote string", "\"")),
        );
        check("let s = br#\"abc\";", Some(("unterminated raw string", "b")));
        check("println!(\"running);", Some(("unterminated double quote string", "\"")));
        check("%pip_set a = foo(1,\nlet x = 1;", Some((unclosed, "(")));
        check(
            "let x = 1;\n%pip_set a = x }",
            Some(("unexpected closing delimiter: `}`", "}")),
        );
        check("%time 1); (2", Some(("unexpected closing delimiter: `)`", ")")));
        check("let b: u8 = %pip_get a --default (1;\nb", Some((unclosed, "(")));
        check("1 /* never\n closed", Some(("unterminated block comment", "/")));
    }

    #[test]
    fn what_only_looks_like_it_is_none() {
        for text in [
            "",
            "let v = vec!['(', '\\'', '\"']; // (",
            "fn f<'a>(s: &'a str) -> [u8; 2] { r#\"(\"#; /* ) /* } */ */ [b'[', b'\\\\'] }",
            "%pip_set a = {\"b\": [1, \"(\"]}\n%pip_get a",
            "for i in 0..2 { %pip_set a = [i] }\n%env A=\"(\nlet b: u8 = %pip_input a \"(\" --default (1);",
            "!echo '('\n:dep x = { version = \"1\" }\n1",
            "%%bash\necho '('; [[ -f x ]] && (",
            "%%pip_step numbers\nvec![1, 2]",
        ] {
            check(text, None);
        }
    }
}
