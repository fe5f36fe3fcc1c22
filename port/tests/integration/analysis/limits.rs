//! Any text is read or refused: cells without Rust, deep ones, large ones, random ones.

use pipulate::cell::parse;
use pipulate_port::analysis::{CellLabel, Definitions, Source, analyse};
use proptest::prelude::*;

use super::{tell, variables};

#[test]
fn cells_without_rust() {
    for text in [
        "",
        "// a",
        "%%bash\nlet = (",
        "!ls (",
        "?vec",
        "%lsmagic",
        "\u{feff}",
        "#!/usr/bin/x",
        ":dep a",
    ] {
        let analysis = analyse(&parse(text)).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert!(!analysis.statements && analysis.free.is_empty(), "{text}");
    }
}

#[test]
fn deep_nesting_is_a_fault() {
    let count = 10_000;
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("if a {", "}"),
        ("m!(", ")"),
        ("f(", ")"),
    ] {
        for text in [
            open.repeat(count),
            format!("{}{}", open.repeat(count), close.repeat(count)),
        ] {
            let fault = analyse(&parse(&text)).unwrap_err();
            assert!(text.get(fault.span.clone()).is_some(), "{open}");
        }
        let text = format!("{}{};", open.repeat(100), close.repeat(100));
        let told = analyse(&parse(&text)).map(|_| ()).map_err(|fault| fault.message);
        assert!(!matches!(told, Err(message) if message.contains("deep")), "{open}");
    }
}

/// Text that nests without brackets: the parser descends for each.
#[test]
fn long_chains_are_read_or_refused() {
    for (index, piece) in [
        "!",
        "&",
        "-",
        "*",
        "a + ",
        "a.b().",
        "a?",
        "a = ",
        "|| ",
        "move || ",
        "|a, b| ",
        "return ",
        "if a {} else ",
        "a as T as ",
        "&mut ",
        "'a: ",
        "A<",
        "A<B, ",
        "<A as ",
        "::a",
        "fn() -> ",
        "async move ",
        "unsafe ",
        "box ",
        "x..",
        "x @ ",
        "match ",
        "loop ",
        "break ",
        "let a = ",
        "#[a] ",
        "a::<",
        "dyn ",
        "impl ",
        "for<'a> ",
        "*const ",
        "A | ",
        "a && let b = ",
        "use ",
        "=> ",
        "{} ",
        "a {} ",
        "% ",
        "0 ",
        "a! ",
        "a!{} ",
        "pub ",
        "a < ",
        ".await",
        "a[",
        "a(",
        "const ",
        "static ",
        "yield ",
    ]
    .into_iter()
    .enumerate()
    {
        for (other, prefix) in [
            "",
            "let x: ",
            "let x = ",
            "let ",
            "fn f() -> ",
            "type A = ",
            "match x { ",
            "m!(",
        ]
        .into_iter()
        .enumerate()
        {
            // Each number of them for some prefix: as many as are read on either stack, and too many.
            let count = [250, 500, 700, 1_000, 1_300, 2_000, 4_000, 40_000][(index + other) % 8];
            let text = format!("{prefix}{}x", piece.repeat(count));
            if let Err(fault) = analyse(&parse(&text)) {
                assert!(text.get(fault.span.clone()).is_some(), "{prefix}{piece}");
            }
        }
    }
}

#[test]
fn a_large_cell_is_read() {
    let line = "let a = f(1, \"b {c}\").map(|x| x + 1)?; println!(\"{a}\", g(h));\n";
    let text = line.repeat(1_000_000 / line.len());
    let analysis = analyse(&parse(&text)).unwrap();
    assert_eq!(analysis.bindings.len(), 1_000_000 / line.len());
    assert_eq!(variables(&line.repeat(3)), "f g h");
}

/// Cells with an oddity each, to be cut and mixed.
const ODD: [&str; 12] = [
    "let (a, b): (i32, i32) = %pip_get pair --default (1, 2);\n%pip_set sum = a + b // note\n",
    "%%pip_step total \"Total\"\n:dep serde = \"1\"\n/// Doc\nfn f<'a>(x: &'a str) -> u8 { x.len() as u8 }\nf(\"a\")?",
    "let é: String = %pip_input name \"Näme\" --choices a,b --secret\nprintln!(\"{é:>w$}\");",
    "\u{feff}#!/bin/sh\r\n#![allow(x)]\r\n\tlet x = r#\"%pip_get\"#;\r\n%pip_steps?\r\n",
    "match x { Some(y) if y > 1 => { %pip_set a = y\n } _ => return, }\nwhile let Some(z) = it.next() { z; }",
    "macro_rules! m { ($($x:expr),* $(,)?) => {{ $(let y = $x;)* }} }\nm!(1, 2; |a| b, 'c', '\\'');",
    "use a::{self, b::{c as d, *}, r#type}; extern crate e as _; union U { x: u8 } static mut N: u8 = 0;",
    "select! { a = b().await => { c? } _ = d => {} }\nasync move { e.await };",
    "%time v.iter().map(|&x| x + 1)\n    .collect::<Vec<_>>()\n%pip_job k --workflow w\n!ls\n",
    "impl<T: Fn(&T) -> [u8; { N + 1 }]> A<T> for B<'_, dyn C> where T: D<E = F> { const G: u8 = 1; }",
    "let Some(ref mut x @ Y { z: [.., w], .. }) = v else { panic!(\"{w}\") };\n'l: loop { break 'l; }",
    "%pip_set j = {\"a\": [1, {\"b\": null}]}\nlet f = |(a, S { b, .. }): T, _| -> u8 { a.0.1 + b };\n/* /* */ */",
];

fn check(text: &str) {
    let _ = Source::parse(text, text, text);
    let cell = parse(text);
    match analyse(&cell) {
        Err(fault) => {
            assert!(text.get(fault.span.clone()).is_some(), "{text:?}: {fault:?}");
            assert!(
                !matches!(fault.message.as_str(), "" | "The parser gave up on this text."),
                "{text:?}"
            );
        }
        Ok(analysis) => {
            tell(text, &analysis);
            let mut definitions = Definitions::new();
            definitions.add("a", CellLabel::number(1), &analysis);
            definitions.resolve(&analysis);
            pipulate_port::analysis::fingerprint(text, &definitions);
            for item in &analysis.items {
                // Each item's text gives the item again.
                let alone =
                    analyse(&parse(&text[item.span.clone()])).unwrap_or_else(|fault| panic!("{text:?}: {fault}"));
                assert_eq!(alone.items[0].tokens, item.tokens, "{text:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_tokens_are_read_or_refused(words in prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..40)) {
        check(&words.join(" "));
        check(&words.concat());
    }

    #[test]
    fn odd_cells_cut_and_mixed_are_read_or_refused(
        first in 0..ODD.len(),
        second in 0..ODD.len(),
        cut in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        into in any::<prop::sample::Index>(),
    ) {
        let at = |text: &str, index: prop::sample::Index| text.floor_char_boundary(index.index(text.len() + 1));
        let (first, second) = (ODD[first], ODD[second]);
        let (cut, from) = (at(first, cut), at(second, from));
        let mixed = format!("{}{}", &first[..cut], &second[from..]);
        check(&mixed);
        let inserted = format!("{}{}{}", &first[..cut], second, &first[cut..]);
        check(&inserted);
        let into = at(&inserted, into);
        check(&inserted[..into]);
    }
}

const WORDS: [&str; 64] = [
    "let",
    "x",
    "=",
    ";",
    "\n",
    "%pip_get a",
    "%pip_set a = x",
    "%time",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "|",
    "||",
    "&&",
    "&",
    "<",
    ">",
    "::",
    ":",
    "->",
    "=>",
    "fn",
    "struct",
    "impl",
    "for",
    "in",
    "if",
    "else",
    "match",
    "_",
    "..",
    "..=",
    "'a",
    "'a'",
    "\"{x}\"",
    "r#\"",
    "#",
    "!",
    "m!",
    "%",
    "?",
    ".await",
    "async",
    "move",
    "mut",
    "ref",
    "@",
    "1",
    "1.",
    "b'\\",
    "/*",
    "//",
    "%%pip_step s\n",
    "macro_rules!",
    "$",
    "use",
    "*",
    "as",
    "unsafe",
    "const",
    "Self",
];
