//! Properties of the grammar, on texts nobody would write.

use pipulate::cell::{Place, SegmentKind, parse};
use proptest::prelude::*;

use super::invariants;

/// Pieces that mean something to the reader, most of them without their other half.
const NASTY: &[&str] = &[
    "%",
    "%%",
    "%pip_set",
    "%pip_get",
    "%pip_input",
    "%%pip_step",
    "%%bash",
    "%time",
    "?",
    "!",
    ":",
    ":dep",
    "=",
    "==",
    ">=",
    "=>",
    "->",
    "..",
    "..=",
    "|",
    "||",
    ";",
    ",",
    ".",
    "#",
    "#!",
    "#[a]",
    "#![a]",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<",
    ">",
    "\"",
    "'",
    "'a",
    "'a'",
    "'\\",
    "'\\u{1f600}'",
    "\\",
    "r",
    "r#",
    "r#\"",
    "\"#",
    "r##\"",
    "\"##",
    "b\"",
    "br#\"",
    "c\"",
    "b'",
    "//",
    "///",
    "//!",
    "/*",
    "/**",
    "*/",
    "\n",
    "\r\n",
    "\r",
    " ",
    "\t",
    "\u{feff}",
    "\u{a0}",
    "\u{2028}",
    "é",
    "e\u{301}",
    "👩‍🚀",
    "1",
    "1.",
    "0x",
    "1e+",
    "let",
    "let x =",
    "let (a, b): (i32, i32) =",
    "let Some(x) =",
    "else",
    "if",
    "match",
    "for",
    "in",
    "while",
    "loop",
    "unsafe",
    "async",
    "move",
    "const",
    "static",
    "fn f()",
    "struct A",
    "enum",
    "union",
    "impl",
    "trait",
    "mod m",
    "use a::",
    "extern \"C\"",
    "pub(crate)",
    "macro_rules! m",
    "vec!",
    "x",
    "job",
    "step_01",
    "--default",
    "--job",
    "-j",
    "--help",
    "--",
    "\"a b\"",
    "{\"a\": [1]}",
    "r#match",
    "'l:",
    "_",
    "::",
    "&",
    "*",
    "+",
    "/",
];

/// Whole statements, after each of which a magic may stand.
const STATEMENTS: &[&str] = &[
    "foo();",
    "let a = if x { 1 } else { 2 };",
    "let Some(b) = y else { return };",
    "if let A { b, .. } = x && b > 3 { c() } else if d { } else { e }",
    "match x { A { b } if b.c() => if d { 1 } else { 2 } B(..) | C => {} _ => f!{ % x } }",
    "for i in 0.. { break }",
    "for (a, b) in xs.iter().map(|x| { y }) { c }",
    "while let Some(Foo { a: [x, ..] }) = it.next() { a % b; }",
    "'outer: loop { break 'outer }",
    "unsafe { g() }",
    "{ 1 }",
    "fn h<T: Fn(A) -> B, const N: usize>(a: [u8; { 3 }]) -> impl X where T: Y<{ N }>, { a }",
    "pub(crate) const unsafe extern \"C\" fn i() {}",
    "impl<T> X<T> for [T; 3] where T: Y { fn z(&self) -> bool { self.a > 3 } }",
    "struct S { a: i32 }",
    "struct U;",
    "pub struct T<'a>(&'a str);",
    "enum E { A = 1, B { c: i32 } }",
    "union V { a: u8 }",
    "mod m { use super::*; }",
    "use a::{b::{c, d}, e};",
    "type F = Box<dyn for<'a> Fn(&'a str) -> u8>;",
    "const K: Foo = Foo { a: |x| { x } };",
    "static N: AtomicU32 = if A { B } else { C };",
    "macro_rules! m { ($x:expr) => { %pip_set $x = 1 } }",
    "println! { \"%pip_set\n%pip_get\" }",
    "vec![1, 2];",
    "let c = |a: i32, b| -> Foo { a || b };",
    "let c = foo(|a: A<B, C>| -> D<E, F> { a || b }, c);",
    "match x { _ => |a| -> D<E, F> { a }, }",
    "impl<const N: usize> Foo<{ N + 1 }> for Bar<{ N }> { }",
    "let d = async move { x.await? };",
    "let e = a::<B, C>() % b;",
    "let f = r#\"\n%pip_set x = \"1\"\n\"#;",
    "let g = '\\'' as u8 + b'\"' % '%' as u8;",
    "#[derive(A)] #[b(c = \"]\")] struct W;",
    "#![allow(unused)]",
    "// %pip_set x = 1",
    "/* /* */ \n%pip_set x = 1\n */",
    "/// documented\nfn j() {}",
    "x.0.1 = 1. + 2.0e-3;",
    "match x {}.foo()?;",
    "return;",
    ";",
];

/// What a long text may repeat: whatever sends the reader ahead to look for something.
const LONG: &[&str] = &[
    "[",
    ")",
    "}",
    "((((",
    "'",
    "'\\",
    "'a",
    "r#\"",
    "\"#",
    "br#",
    "/*",
    "/**/",
    "//\n",
    "///\n",
    "#",
    "#[",
    "#!",
    "|",
    "||",
    ";",
    "; ",
    "=",
    "= ",
    "let x =",
    "let x = ",
    "let x = %a",
    "let x = %a\n",
    "let x: ",
    "%",
    "%a",
    "%a\n",
    "%a;",
    "%a ;x ",
    "%a = ",
    "%a =\n",
    "%a = (",
    "%a = (\n",
    "%a = x\n.y\n",
    "%a = 1\n//\n",
    "%a \"",
    "%a '",
    "%a 'x",
    "%a --b=\"",
    "%time \n",
    "if ",
    "match ",
    "match {",
    "=> {",
    "fn ",
    "fn f<",
    "else {",
    "foo!{",
    "\n",
    "\r",
    "\r\n",
    "\\",
    ".",
    "..",
    "?",
    "?a\n",
    "!a\n",
    ":a\n",
    "a\n%b ",
    "1e+",
    "é",
    "😀",
    " ",
    "\u{feff}",
    "macro_rules! ",
    "#!\n",
    "%%a\n",
    "_",
    "::",
];

fn joined(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::collection::vec(
        (
            proptest::sample::select(pieces),
            proptest::sample::select(&["", " ", "\n"][..]),
        ),
        0..40,
    )
    .prop_map(|parts| parts.into_iter().flat_map(|(piece, gap)| [piece, gap]).collect())
}

/// Statements, a magic on a line of its own after each.
fn statements() -> impl Strategy<Value = (String, usize)> {
    proptest::collection::vec(proptest::sample::select(STATEMENTS), 1..8).prop_map(|chosen| {
        let lines: Vec<String> = chosen
            .iter()
            .map(|statement| format!("{statement}\n%magic here"))
            .collect();
        (lines.join("\n"), chosen.len())
    })
}

/// Where each line magic of `text` stands.
fn places(text: &str) -> Vec<Place> {
    let magics = parse(text);
    let lines = magics.segments().iter().filter_map(|segment| match &segment.kind {
        SegmentKind::LineMagic(call) => Some(call.place),
        _ => None,
    });
    lines.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn any_text_keeps_the_promises(text in "(?s).{0,80}") {
        invariants::check(&text);
        invariants::check_completion(&text);
    }

    #[test]
    fn any_ascii_keeps_the_promises(text in "[ -~\n]{0,80}") {
        invariants::check(&text);
        invariants::check_completion(&text);
    }

    #[test]
    fn nasty_text_keeps_the_promises(text in joined(NASTY)) {
        invariants::check(&text);
    }

    #[test]
    fn completion_in_nasty_text_keeps_the_promises(text in joined(NASTY).prop_filter("short", |text| text.len() < 120)) {
        invariants::check_completion(&text);
    }

    #[test]
    fn a_magic_may_stand_after_every_statement((text, count) in statements()) {
        prop_assert_eq!(places(&text), vec![Place::Cell; count]);
        prop_assert!(parse(&text).problems().is_empty());
    }

    #[test]
    fn blocks_say_where_a_magic_stands((text, count) in statements()) {
        for (head, tail, place) in [
            ("if a {", "}", Place::Block),
            ("let x = match y { A => {", "} };", Place::Block),
            ("fn f() {", "}", Place::Function),
            ("let f = move |a, b| {", "};", Place::Closure),
            ("foo(|| if a {", "});", Place::Closure),
            ("let a = async {", "};", Place::Async),
            ("const A: B = {", "};", Place::Constant),
            ("impl A for B {", "}", Place::Item),
        ] {
            let wrapped = format!("{head}\n{text}\n{tail}");
            prop_assert_eq!(places(&wrapped), vec![place; count], "in `{}`", head);
            prop_assert_eq!(parse(&wrapped).problems().is_empty(), place.is_in_cell());
        }
    }

    #[test]
    fn nothing_in_a_macro_or_string_is_a_magic((text, _) in statements()) {
        for (head, tail) in [("html! {", "}"), ("let s = r####\"", "\"####;"), ("foo!(", ");"), ("/*", "*/ ;")] {
            let wrapped = format!("{head}\n{text}\n{tail}");
            let parsed = parse(&wrapped);
            prop_assert_eq!(parsed.segments().len(), 1, "in `{}`", head);
            prop_assert!(parsed.problems().is_empty());
        }
    }

    #[test]
    fn a_raw_string_hides_any_text(text in "(?s).{0,60}") {
        prop_assume!(!text.contains('"'));
        let wrapped = format!("let s = r#\"{text}\"#;\n%pip_steps");
        prop_assert_eq!(places(&wrapped), vec![Place::Cell]);
    }

    #[test]
    fn a_quoted_step_comes_back(step in "[^\r\n]{1,30}") {
        let quoted = step.replace('\\', "\\\\").replace('"', "\\\"").replace('\t', "\\t");
        let text = format!("%pip_set \"{quoted}\" = 1 // note");
        let parsed = parse(&text);
        let set = pipulate::cell::SetCall::parse(&text, parsed.magics().next().expect("one magic")).expect("a set");
        prop_assert_eq!(set.step.text, step);
        prop_assert_eq!(set.literal.as_deref(), Some("1"));
    }
}

/// Texts that would take minutes if the time grew with the square of their length.
#[test]
fn long_texts_are_read_in_one_go() {
    const MEGABYTE: usize = 1 << 20;
    for piece in ["(", "\"", "r####", "{", "%a = 1\n", "let x = %a;\n"] {
        let text = piece.repeat(MEGABYTE / piece.len());
        invariants::check(&text);
    }
    for piece in LONG {
        let body = piece.repeat(MEGABYTE / 8 / piece.len());
        for text in [
            body.clone(),
            format!("%pip_set x = {body}"),
            format!("foo!(\"{{{body}}}\", {body})"),
        ] {
            invariants::check(&text);
        }
    }
}
