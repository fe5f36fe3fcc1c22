//! Snapshots of cells: each segment as `kind | text`, with what was understood of a magic below it.

use std::fmt::Write as _;

use pipulate::cell::{Cell, MagicCall, SegmentKind, parse};

/// The cell's segments, problems and remainders, readable.
fn render(text: &str) -> String {
    let parsed = parse(text);
    let mut rendered = String::new();
    for segment in parsed.segments() {
        let (kind, understood) = match &segment.kind {
            SegmentKind::CellMagic(call) => ("cell magic", describe(&parsed, call)),
            SegmentKind::LineMagic(call) => ("line magic", describe(&parsed, call)),
            SegmentKind::LetMagic(binding) => {
                let ty = binding.ty.as_ref().map_or("", |ty| parsed.slice(ty));
                let pattern = parsed.slice(&binding.pattern);
                (
                    "let magic",
                    format!("pattern `{pattern}` type `{ty}` {}", describe(&parsed, &binding.call)),
                )
            }
            SegmentKind::Help(help) => (
                "help",
                format!("name `{}` magic {}", parsed.slice(&help.name), help.is_magic),
            ),
            SegmentKind::Body => ("body", String::new()),
            SegmentKind::Command => ("command", String::new()),
            SegmentKind::Shell => ("shell", String::new()),
            SegmentKind::Rust => ("rust", String::new()),
            SegmentKind::Trivia => ("trivia", String::new()),
        };
        for (number, line) in parsed.slice(&segment.span).split_inclusive('\n').enumerate() {
            let kind = if number == 0 { kind } else { "" };
            writeln!(rendered, "{kind:>10} | {}", visible(line)).unwrap();
        }
        if !understood.is_empty() {
            writeln!(rendered, "{:>10} > {}", "", visible(&understood)).unwrap();
        }
    }
    for problem in parsed.problems() {
        let fault = visible(parsed.slice(&problem.span));
        writeln!(
            rendered,
            "{:>10} | {fault}\n{:>10} > {} {}",
            "problem", "", problem.message, problem.help
        )
        .unwrap();
    }
    for remainder in parsed.remainders() {
        writeln!(rendered, "{:>10} | {}", "remainder", parsed.slice(remainder)).unwrap();
    }
    if parsed.has_rust() {
        let ending = if parsed.ends_in_value() {
            "an expression"
        } else {
            "no expression"
        };
        writeln!(rendered, "{:>10} | ends in {ending}", "").unwrap();
    }
    rendered
}

fn describe(parsed: &Cell<'_>, call: &MagicCall) -> String {
    let mut described = format!(
        "name `{}` args `{}`",
        parsed.slice(&call.name),
        parsed.slice(&call.args)
    );
    if let Some(value) = &call.value {
        write!(described, " value `{}`", parsed.slice(value)).unwrap();
    }
    write!(described, " in {:?}", call.place).unwrap();
    if call.semicolon {
        described.push_str(" semicolon");
    }
    if call.unfinished {
        described.push_str(" unfinished");
    }
    described
}

/// The text with its line ends made visible.
fn visible(text: &str) -> String {
    text.replace('\r', "␍")
        .replace('\n', "⏎")
        .replace('\u{feff}', "<BOM>")
        .replace('\t', "⇥")
}

/// Defines one test for each cell, whose snapshot has the test's name.
macro_rules! cells {
    ($($(#[doc = $why:literal])* $name:ident: $text:expr;)*) => {
        $(
            $(#[doc = $why])*
            #[test]
            fn $name() {
                insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(render($text)) });
            }
        )*
    };
}

// What magics.md decides, row by row.
cells! {
    /// One cell is one compile: magics among Rust stand in their places.
    magics_among_rust: "let s = String::new(); let r = &s;\n%pip_set n = 1\n%pip_steps\nr.len()";
    /// The user's own `job` is a name like any other.
    a_job_of_ones_own: "let job = Opening { title, .. };\n%pip_set t = job.title";
    modulo_after_an_expression: "let total = 7;\ntotal\n%pip_n";
    modulo_after_a_match_in_an_expression: "let y = match x {\n    1 => { 2 }\n    _ => 3,\n}\n%pip_n;";
    magic_after_a_match_in_statement_position: "match x {\n    1 => { 2 }\n    _ => 3,\n}\n%pip_n";
    commands_before_rust: "\n  :dep serde = \"1\"\n// then\n!ls -l | wc\n:opt 2\nserde::de()";
    a_shell_line_that_says_nothing: "!\n! \n%pip_steps\nlet a =\n!\ntrue;";
    commands_after_rust: "let x = 5;\n!true\n::std::process::id();\n:dep rand\nlet y = 1;";
    a_note_after_a_value: "%pip_set a = 1 // note";
    two_equal_signs: "%pip_set a == b";
    a_value_over_two_lines: "%pip_set n = xs.iter()\n    // adds up\n    .sum::<i64>()\n%pip_steps";
    magics_in_blocks: "if c {\n    %pip_set x = 1\n} else if d {\n    %pip_set x = 2 }\nfor i in 0.. {\n    let y: i32 = %pip_get y;\n}";
    magics_in_functions: "fn f() {\n    %pip_set x = 1\n}\nlet g = |x| {\n    let y = %pip_get y;\n};\nlet h = async move {\n    %pip_steps\n};";
    a_mutable_binding: "let mut n: i64 = %pip_get n;";
    a_pattern: "let (a, b): (i32, Vec<Vec<i32>>)= %pip_get pair;\na + b[0][0]";
    a_step_cell: "// a step\n%%pip_step total \"The total\" --rerun\n:dep rand\nuse a::b;\nfn f() {}\nstruct S;\nlet x: i32 = %pip_get x;\n%pip_set half = x / 2\nx * 2 // the value";
    a_step_cell_without_a_value: "%%pip_step total\nlet x = 1;\nx;";
    a_cell_of_comments: "// one\n\n/* two\n %pip_set x = 1 */\n";
    an_empty_cell: "";
}

// Strings, comments, macros and brackets.
cells! {
    raw_strings: "let s = r##\"\n%pip_set x = \"#1\n\"##;\nlet t = br#\"\n%a\"#;\nlet u = cr\"\n%b\";\n%pip_steps";
    strings: "let s = \"\n%pip_set x = 1 \\\"\n\\\\\";\nlet t = b\"\n%a\"; let u = c\"\n%b\";\n%pip_steps";
    nested_comments: "/* one /* two\n%pip_set x = 1\n*/\n%pip_set y = 1\n*/\n%pip_steps";
    a_macro_call: "println!(\n    \"{}\",\n    a\n    %pip_n\n);\nhtml! {\n%pip_set x = 1\n}\n%pip_steps";
    a_macro_definition: "macro_rules! m {\n    () => {\n%pip_set x = 1\n    };\n}\n%pip_steps";
    nested_brackets: "foo([({\n%pip_set a = [(1), {2}]\n}, 2\n%pip_n)\n%pip_n]);\n%pip_steps";
    lifetimes_and_characters: "fn f<'a>(x: &'a str) -> char { '\\'' }\nlet c = ('\"', '{', '\\u{7b}', b'\\'', b'\"');\n%pip_steps";
    a_struct_literal: "let a = Foo {\n    b: c\n    %pip_n,\n    ..d\n};\n%pip_steps";
    raw_identifiers_and_numbers: "let r#match = 1.0e-3 + t.0.1 + 0xEF as f64;\nfor i in 1..2 {}\n%pip_steps";
    line_feeds_with_carriage_returns: "let a = 1;\r\n%pip_set a = a // note\r\n%pip_set b = [\r\n    1,\r\n]\r\n%%oops\r\n";
    byte_order_mark_and_shebang: "\u{feff}#!/usr/bin/env rust-script\n%pip_set a = 1\nlet b = 2;";
    emoji: "let s = \"😀\";\n%pip_set \"mood 👩‍🚀\" = \"😀\" // 😀\n%pip_input stimmung \"Wie geht’s?\"";
    attributes: "#![allow(unused)]\n%pip_set a = 1\n#[derive(Debug)]\nstruct S;\n#[rustfmt::skip]\nlet x: i32 = %pip_get x;\n#[oops]\n%pip_steps";
}

// Statements whose end is not plain to see.
cells! {
    items: "struct A { x: i32 }\n%a\nenum B { X\n%n }\n%b\nunion C { x: i32 }\n%c\nimpl D for E { }\n%d\nuse f::{g, h};\n%f\nextern \"C\" { }\n%g\npub(crate) const fn i<const N: usize>() -> [u8; { 3 }] where [(); N]: J, { }\n%i";
    inside_items: "impl A for B {\n%a\n}\nmod m {\n%b\n}\nconst C: i32 = {\n%c\n1 };";
    headers_with_patterns_and_closures: "if let Foo { a, .. } = b && let Some(c) = d(|e| { f }) {\n%a\n}\nwhile match x { _ => true } {\n%b\n}\nmatch unsafe { y } {\n    Z { w } if w > 3 => {\n%c\n    }\n    _ => if v { 1 } else { 2 }\n}\n%d";
    let_else_and_labels: "let Some(x) = y else {\n    %a\n    return;\n};\n'outer: loop {\n%b\nbreak 'outer;\n}\n%c";
    a_method_on_a_block: "match x { _ => y }\n    .z()\n%n;\nif a { b } else { c }\n%d";
    closures: "let f = |x: i32| -> Foo {\n%a\n};\nfoo(move |_| if b {\n%b\n});\nlet g = a || {\n%c\nd };\n%e";
    async_and_const_blocks: "async {\n%a\n}\nconst {\n%b\n}\nunsafe {\n%c\n}\nlet x = loop {\n%d\n};";
}

// Magics in odd shapes.
cells! {
    values: "%pip_set a = {\"b\": [1, \"}\"],\n  \"c\": null}\n%pip_set d = if e { 1 } else { 2 };\n%pip_set f = \"// no note\" // a note\n%pip_set g =\n    1 +\n    2\n%pip_set h = match i {\n    _ => 1, // }\n} // end";
    a_value_that_is_missing: "%pip_set x =\n%pip_get y\n%pip_set z = // nothing\nlet a = 1;";
    an_input: "let age: u8 = %pip_input age \"Your age; in years\" --choices 1,2 --default {\n    ages[0]\n};\nlet b = 1;";
    a_let_over_lines: "let x: Option<i32>\n    = // from before\n    %pip_get x --default None; x";
    a_let_without_a_semicolon: "let x: i32 = %pip_get x // note\nx";
    two_on_a_line: "if c { %pip_set x = 1 }\nfoo(); %pip_set y = 2\n%pip_set a = 1; foo()";
    inside_expressions: "job.set(\"x\", &%pip_get y)?;\nx = %pip_get y;\nmatch z { _ =>\n%pip_steps\n}\nif let Some(a) = %pip_get b { }";
    one_line_in_a_block: "if c {\n    let x: i32 = %pip_get x }\nif d {\n    %pip_set y = Foo { z: 1 } }";
    general_magics: "%time foo(\n    1,\n).bar();\n%env A=b;c\n%cd /tmp/it's here // there\n%lsmagic\n%time";
    no_magics: "% pip_set\n%\n%5";
    an_open_quote: "%pip_input a \"What\n%pip_set b = 1";
    help: "?pip_set\n%pip_get?\n%%bash?\n  ?%time\n?Vec::new // now\nx?;\n?y";
}

// Cell magics, and cells that are not whole.
cells! {
    plain_text_in_a_cell_magic: "// leading comment\n\n%%bash --login // why\necho \"$HOME\n:dep\n%pip_set x = 1\n";
    a_cell_magic_that_is_not_first: "foo();\n%%writefile a.txt\nhello;";
    a_cell_magic_after_a_command: ":dep rand\n%%pip_step a\n1";
    a_cell_magic_alone: "%%pip_step a = b --default c";
    an_unfinished_string: "let a = \"\n%pip_set x = 1\n";
    an_unfinished_comment: "foo();\n/* /* */\n%pip_set x = 1\n";
    an_unfinished_value: "%pip_set x = [1,\n%pip_set y = 2\n";
    unfinished_brackets: "foo(bar[{\n%pip_set x = 1\n";
    brackets_that_do_not_match: "foo(bar]};\n%pip_set x = 1\n}";
    no_rust_at_all: "“quotes”\n%pip_set x = 1\nfn fn fn {{ struct\n%y";
}
