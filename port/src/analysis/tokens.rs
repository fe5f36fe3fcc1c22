//! Tokens in one form, whatever their layout.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, Ident, Spacing, TokenStream, TokenTree};

/// Attributes that change nothing of what code does: documentation, levels of lints, and formatting.
const SILENT: [&str; 8] = ["doc", "allow", "expect", "warn", "deny", "forbid", "rustfmt", "clippy"];

/// Operators of several characters. Those that begin with `<` or `>` come in single characters, since `>>` may close two brackets.
const OPERATORS: [&str; 18] = [
    "..=", "...", "..", "::", "->", "=>", "==", "!=", "&&", "||", "+=", "-=", "*=", "/=", "%=", "^=", "&=", "|=",
];

/// The tokens with one space between each, without [`SILENT`] attributes, and every identifier among them. What differs in comments,
/// layout and documentation alone gives the same; `<=` comes as `< =`.
pub(super) fn canonical(stream: TokenStream) -> (String, BTreeSet<String>) {
    let mut writer = Writer::default();
    writer.stream(stream);
    (writer.text, writer.words)
}

/// What generated code says in full where the notebook gives the last word another meaning.
const FULL_PATHS: [&[&str]; 6] = [
    &["std", "result", "Result", "Ok"],
    &["std", "option", "Option", "Some"],
    &["std", "option", "Option", "None"],
    &["std", "string", "String"],
    &["pipulate"],
    &["pipulate_server"],
];

/// The tokens with `Ok` in place of `::std::result::Result::Ok`, and so on for all that generated code says in either way; or with `with` in
/// place of each.
pub(super) fn shortened(stream: TokenStream, with: Option<&Ident>) -> TokenStream {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut kept: Vec<TokenTree> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let goes_on = match kept.last() {
            Some(TokenTree::Ident(_)) => true,
            Some(TokenTree::Punct(mark)) => mark.as_char() == '>',
            _ => false,
        };
        let full = FULL_PATHS.iter().find(|path| !goes_on && is_path(&tokens[at..], path));
        match &tokens[at] {
            _ if let Some(path) = full => {
                at += path.len() * 3 - 1;
                kept.push(with.map_or_else(|| tokens[at].clone(), |with| with.clone().into()));
            }
            TokenTree::Group(group) => kept.push(Group::new(group.delimiter(), shortened(group.stream(), with)).into()),
            token => kept.push(token.clone()),
        }
        at += 1;
    }
    kept.into_iter().collect()
}

/// Whether the path of these words stands here, `::` before each.
fn is_path(tokens: &[TokenTree], path: &[&str]) -> bool {
    let is_colon = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':');
    tokens.len() >= path.len() * 3
        && tokens.chunks(3).zip(path).all(|(step, word)| {
            is_colon(&step[0]) && is_colon(&step[1]) && matches!(&step[2], TokenTree::Ident(found) if found == word)
        })
}

/// [`canonical`] for an item: its visibility does not count either, since all is one crate.
pub(super) fn canonical_item(stream: TokenStream) -> (String, BTreeSet<String>) {
    let mut tokens = stream.into_iter().peekable();
    let mut kept: Vec<TokenTree> = Vec::new();
    while let Some(TokenTree::Punct(sign)) = tokens.peek()
        && sign.as_char() == '#'
    {
        kept.extend(tokens.next());
        kept.extend(tokens.next());
    }
    if matches!(tokens.peek(), Some(TokenTree::Ident(word)) if word == "pub") {
        tokens.next();
        if matches!(tokens.peek(), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis) {
            tokens.next();
        }
    }
    kept.extend(tokens);
    canonical(kept.into_iter().collect())
}

/// Whether an attribute's text, what stands in its square brackets, is one of [`SILENT`].
pub(super) fn is_silent(attribute: &TokenStream) -> bool {
    match attribute.clone().into_iter().next() {
        Some(TokenTree::Ident(word)) => SILENT.iter().any(|silent| word == silent),
        _ => false,
    }
}

#[derive(Default)]
struct Writer {
    text: String,
    words: BTreeSet<String>,
}

impl Writer {
    fn push(&mut self, token: &str) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(token);
    }

    fn stream(&mut self, stream: TokenStream) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            if let Some(length) = silent_attribute(&tokens[at..]) {
                at += length;
                continue;
            }
            match &tokens[at] {
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ("(", ")"),
                        Delimiter::Bracket => ("[", "]"),
                        Delimiter::Brace => ("{", "}"),
                        Delimiter::None => ("", ""),
                    };
                    self.push(open);
                    self.stream(group.stream());
                    self.push(close);
                }
                TokenTree::Ident(word) => {
                    let word = word.to_string();
                    self.push(&word);
                    let plain = word.strip_prefix("r#").map_or(word.as_str(), |plain| plain);
                    self.words.insert(plain.to_owned());
                }
                TokenTree::Literal(literal) => self.push(&literal.to_string()),
                TokenTree::Punct(punct) => {
                    let operator = operator(&tokens[at..]);
                    match operator {
                        Some(operator) => {
                            self.push(operator);
                            at += operator.len() - 1;
                        }
                        None if punct.as_char() == '\'' => {
                            // A lifetime: its name is no word.
                            if let Some(TokenTree::Ident(name)) = tokens.get(at + 1) {
                                self.push(&format!("'{name}"));
                                at += 1;
                            }
                        }
                        None => self.push(punct.as_char().encode_utf8(&mut [0; 4])),
                    }
                }
            }
            at += 1;
        }
    }
}

/// How many tokens the attribute has that stands here, if it is silent.
fn silent_attribute(tokens: &[TokenTree]) -> Option<usize> {
    let sign = |index: usize, sign: char| matches!(tokens.get(index), Some(TokenTree::Punct(punct)) if punct.as_char() == sign);
    let text = if sign(1, '!') { 2 } else { 1 };
    match tokens.get(text) {
        Some(TokenTree::Group(group)) if sign(0, '#') && group.delimiter() == Delimiter::Bracket => {
            is_silent(&group.stream()).then_some(text + 1)
        }
        _ => None,
    }
}

/// The operator of several characters that stands here, if one does.
fn operator(tokens: &[TokenTree]) -> Option<&'static str> {
    let mut written = String::new();
    for token in tokens.iter().take(3) {
        let TokenTree::Punct(punct) = token else { break };
        written.push(punct.as_char());
        if punct.spacing() == Spacing::Alone {
            break;
        }
    }
    OPERATORS.into_iter().find(|operator| written.starts_with(operator))
}

#[cfg(test)]
mod tests {
    use super::{canonical, canonical_item, shortened};

    fn written(text: &str) -> String {
        canonical(text.parse().unwrap()).0
    }

    #[test]
    fn layout_and_documentation_do_not_count() {
        let plain = written("fn f<'a>(x: &'a Vec<Vec<u8>>) -> u8 { x[0] >= 1 && !x }");
        let other = "/// Says f.\n#[allow(unused)] fn f < 'a > (x : & 'a Vec<Vec<u8> > )->u8 { //! inner\n x [0]>=1&&! x /* y */ }";
        assert_eq!(written(other), plain);
        assert_eq!(
            plain,
            "fn f < 'a > ( x : & 'a Vec < Vec < u8 > > ) - > u8 { x [ 0 ] > = 1 && ! x }".replace("- >", "->")
        );
    }

    #[test]
    fn full_paths_of_generated_code_are_short_ones() {
        let short = |text: &str| shortened(text.parse().unwrap(), None).to_string();
        let same = |full: &str, plain: &str| {
            assert_eq!(
                short(full),
                plain.parse::<proc_macro2::TokenStream>().unwrap().to_string()
            );
        };
        same(
            "let a: ::std::string::String = ::pipulate_server::secret(\"a\")?; ::std::result::Result::Ok({ f(::std::option::Option::None) })",
            "let a: String = pipulate_server::secret(\"a\")?; Ok({ f(None) })",
        );
        for other in [
            "a::pipulate::b",
            "<T>::pipulate::b",
            "::std::option::Option",
            "std::string::String",
            "::",
        ] {
            same(other, other);
        }
    }

    #[test]
    fn operators_keep_their_meaning() {
        assert_ne!(written("a & &b"), written("a && b"));
        assert_ne!(written("a | |b| c"), written("a || b | c"));
        assert_ne!(written("0 .. = 1"), written("0 ..= 1"));
        assert_ne!(written("\"a b\""), written("\"a  b\""));
        assert_eq!(written("a\n  .b( )"), written("a.b()"));
    }

    #[test]
    fn visibility_of_an_item_does_not_count() {
        let tokens = |text: &str| canonical_item(text.parse().unwrap()).0;
        assert_eq!(tokens("#[inline] pub(crate) fn f() {}"), tokens("#[inline] fn f() {}"));
        assert_ne!(tokens("struct S { pub x: u8 }"), tokens("struct S { x: u8 }"));
    }

    #[test]
    fn words_are_plain_names() {
        let (_, words) = canonical("r#match::a::<'b>(\"c\") // d".parse().unwrap());
        assert_eq!(words.into_iter().collect::<Vec<_>>(), ["a", "match"]);
    }
}
