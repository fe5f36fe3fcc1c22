//! What is found in a cell, and how variables come to other cells.

use std::fmt::Write as _;

use insta::assert_snapshot;
use pipulate::cell::parse;
use pipulate_port::analysis::{CellAnalysis, CellLabel, Definitions, ItemKind, Origin, Source, analyse};
use proptest::prelude::*;

/// What a cell binds and uses, in lines.
fn told(text: &str) -> String {
    match analyse(&parse(text)) {
        Ok(analysis) => tell(text, &analysis),
        Err(fault) => format!("{} | {:?} {}", fault.message, &text[fault.span], fault.help)
            .trim_end()
            .to_owned(),
    }
}

fn tell(text: &str, analysis: &CellAnalysis) -> String {
    let mut told = String::new();
    for item in &analysis.items {
        let _ = writeln!(told, "item {}: {:?}", item.title(), &text[item.span.clone()]);
    }
    for binding in &analysis.bindings {
        assert_eq!(text[binding.span.clone()].trim_start_matches("r#"), binding.name);
        let _ = write!(told, "let {}", binding.name);
        for (is_so, word) in [
            (binding.mutable, " mut"),
            (binding.shadows, " shadows"),
            (binding.shadowed, " shadowed"),
        ] {
            told.push_str(if is_so { word } else { "" });
        }
        if let Some(ty) = &binding.ty {
            let _ = write!(told, ": {ty}");
        } else if let Some(ty) = &binding.inferred {
            let _ = write!(told, ": ({ty})");
        }
        if let Origin::Pipeline(origin) = &binding.from {
            let magic = if origin.is_input { "input" } else { "get" };
            let _ = write!(told, " = {magic} {}", origin.step);
        }
        if let Some(saved) = &binding.set_as {
            let _ = write!(told, " -> {}", saved.step);
        }
        told.push('\n');
    }
    for (name, used) in &analysis.free {
        let _ = write!(told, "use {name}");
        for (is_so, word) in [
            (!used.variable, " path"),
            (used.assigned, " assigned"),
            (used.inline_capture, " captured"),
        ] {
            told.push_str(if is_so { word } else { "" });
        }
        let _ = writeln!(told, " at {:?}", &text[used.span.clone()]);
    }
    for set in &analysis.sets {
        let _ = writeln!(
            told,
            "set {} in {:?}: {:?}",
            set.call.step.text,
            set.place,
            &text[set.span.clone()]
        );
    }
    if let Some(tail) = &analysis.tail {
        let _ = writeln!(told, "value {:?}", &text[tail.clone()]);
    }
    for (is_so, word) in [
        (analysis.statements, "runs"),
        (analysis.has_question_mark, "?"),
        (analysis.awaits, "awaits"),
        (analysis.returns, "returns"),
        (analysis.needs_semicolon.is_some(), "needs ;"),
    ] {
        if is_so {
            let _ = writeln!(told, "{word}");
        }
    }
    told
}

/// The variables that a cell uses and does not bind.
fn variables(text: &str) -> String {
    let analysis = analyse(&parse(text)).unwrap_or_else(|fault| panic!("{text}: {fault}"));
    let used = analysis.free.iter().filter(|(_, used)| used.variable);
    used.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
}

/// Runs all cells but the last, and says how their variables come to the last.
fn resolved(cells: &[&str]) -> String {
    let (last, before) = cells.split_last().unwrap();
    let mut definitions = Definitions::new();
    for (index, text) in before.iter().enumerate() {
        let analysis = analyse(&parse(text)).unwrap();
        definitions.add(&format!("id-{index}"), CellLabel::number(index + 1), &analysis);
    }
    let resolution = definitions.resolve(&analyse(&parse(last)).unwrap());
    let mut told = String::new();
    for reload in resolution.reloads {
        let default = reload
            .default
            .map(|default| format!(" else {default}"))
            .unwrap_or_default();
        let job = reload.job.map(|job| format!(" of {job}")).unwrap_or_default();
        let secret = if reload.secret { "secret " } else { "" };
        let _ = writeln!(
            told,
            "let {}: {} = {secret}{}{job}{default} ({} of {})",
            reload.pattern,
            reload.ty,
            reload.step,
            reload.names.join(" "),
            reload.cell
        );
    }
    for untracked in resolution.untracked {
        assert!(last[untracked.used.clone()].contains(&untracked.name));
        let _ = writeln!(told, "{} {}", untracked.message(), untracked.help());
    }
    told
}

#[test]
fn magics_among_rust_are_read_in_place() {
    assert_snapshot!(told("let s = String::new(); let r = &s;\n%pip_set n = 1\n%pip_steps\nr.len()"), @r#"
    let s: (String)
    let r
    use String path at "String"
    set n in Cell: "%pip_set n = 1"
    value "r.len()"
    runs
    "#);
    assert_snapshot!(told("let job = Opening { title };\n%pip_set t = job.title"), @r#"
    let job
    use Opening path at "Opening"
    use title at "title"
    set t in Cell: "%pip_set t = job.title"
    runs
    "#);
}

#[test]
fn a_remainder_is_rust() {
    assert_snapshot!(told("total\n%pip_n"), @r#"
    use pip_n at "pip_n"
    use total at "total"
    value "total\n%pip_n"
    runs
    "#);
}

#[test]
fn what_begins_like_a_command_is_rust_after_rust_has_begun() {
    for text in [
        "let a = 1;\n!true",
        "let a = 1;\n::std::process::id()",
        "::std::process::id()",
    ] {
        let analysis = analyse(&parse(text)).unwrap();
        assert_eq!(analysis.tail.map(|tail| &text[tail]), text.lines().last(), "{text}");
    }
}

#[test]
fn jobs_are_told_in_order() {
    let analysis = analyse(&parse(
        "%pip_job a --workflow w\n%pip_job --help\nlet x = 1;\n%pip_job --new",
    ))
    .unwrap();
    assert_eq!(analysis.jobs.len(), 2);
    assert!(analysis.job().is_some_and(|job| job.new));
    assert!(told("%pip_job a b").contains("one argument too many"));
}

#[test]
fn what_is_timed_may_be_a_magic() {
    for text in ["%time %pip_steps", "%time !ls (", "%time"] {
        assert!(
            analyse(&parse(text)).is_ok_and(|analysis| !analysis.statements),
            "{text}"
        );
    }
}

#[test]
fn a_value_goes_over_lines() {
    assert_snapshot!(told("%pip_set n = xs.iter()\n    .map(|x| x + y)\n    .sum::<i64>() // note"), @r#"
    use i64 path at "i64"
    use xs at "xs"
    use y at "y"
    set n in Cell: "%pip_set n = xs.iter()\n    .map(|x| x + y)\n    .sum::<i64>() // note"
    runs
    "#);
}

#[test]
fn magics_stand_in_blocks() {
    assert_snapshot!(told("if c {\n  let a = 1;\n  %pip_set x = a + b\n}\nfor i in 0..3 {\n%pip_set y = i\n}"), @r#"
    use b at "b"
    use c at "c"
    set x in Block: "%pip_set x = a + b"
    set y in Block: "%pip_set y = i"
    runs
    "#);
}

#[test]
fn a_captured_name_is_a_use() {
    assert_snapshot!(told("format!(\"{customer}\")"), @r#"
    use customer captured at "\"{customer}\""
    use format path at "format"
    value "format!(\"{customer}\")"
    runs
    "#);
    for (text, expected) in [
        ("println!(\"{a:?} {:b$} {c:>d$.e$} {{f}} {0}\", g);", "a b c d e g"),
        ("write!(out, \"{a}\")?;", "a out"),
        ("assert!(ok, \"{a}\"); assert_eq!(x, \"{b}\", \"{c}\");", "a c ok x"),
        ("println!(\"{a} {b}\", b = c);", "a c"),
        ("tracing::info!(user = name, \"{a}\");", "a name user"),
        ("anyhow::bail!(\"{a}\")", "a"),
        ("let x = \"{a}\"; vec![\"{b}\"]; json!({\"k\": \"{c}\"});", ""),
        ("println!(r#\"{a} \\n {{b}}\"#);", "a"),
        ("outer!(a => println!(\"{b}\"), c.d, e::f, 'g, $h);", "a b c"),
        (
            "let a = 1; println!(\"{a}\"); { println!(\"{b}\"); let b = 2; println!(\"{b}\"); }",
            "b",
        ),
    ] {
        assert_eq!(variables(text), expected, "{text}");
    }
}

#[test]
fn scopes() {
    for (text, expected) in [
        ("let x = x + 1;", "x"),
        ("let x = 1; x + y", "y"),
        ("{ let x = 1; } x", "x"),
        ("let f = |a, (b, c): (u8, u8)| a + b + c + d; f(1, (2, 3))", "d"),
        (
            "match v { Some(a) if a > b => a, None => c, E { d, e: f, .. } => d + f, n @ 1..=9 => n, _ => LIMIT }",
            "LIMIT b c v",
        ),
        ("if let Some(a) = b && let Ok(c) = a.d() { c } else { a }", "a b"),
        (
            "while let Some(a) = b.next() { a; } for (i, x) in y.iter().enumerate() { i; x; }",
            "b y",
        ),
        ("let Some(a) = b else { return; }; a", "b"),
        ("'outer: loop { break 'outer x; }", "x"),
        ("S { x, y: z, ..rest }", "rest x z"),
        ("a.b.c(d).e::<f>()", "a d"),
        ("a::b::c(d); self::e(); Self::f(); crate::g::h()", "d"),
        ("fn f(x: u8) -> u8 { x + y } f(1)", ""),
        (
            "const N: u8 = 1; fn f() {} struct S; use a::{b, c as d, e::*}; N; f(); S; b; d",
            "",
        ),
        ("let v = vec![0; n]; matches!(m, Some(k) if k > o)", "m n o"),
        ("dbg!(xs.iter().map(|x| x * y).sum::<i32>())", "xs y"),
        (
            "let a = async move { b.await }; let c = unsafe { d }; const { 1 }",
            "b d",
        ),
        ("let r#type = 1; r#type + r#match", "match"),
        ("<T as Trait>::f(x); <T>::g(); let y: [u8; N] = z;", "N x z"),
        ("let x; if c { x = 1 } else { x = 2 } x", "c"),
        ("#[derive(Debug)] struct A; impl A { fn f(&self) { b } }", ""),
        (
            "select! { a = b.recv() => println!(\"{a} {c}\"), _ = d => e }",
            "a b c d e",
        ),
        ("m! { let a = b; a + c }", "b c"),
        ("m!(a!(b!(c!(d!(e!(f!(g!(h!(i!(j, \"{k}\"))))))))))", "j k"),
        (
            "%pip_get n --default a\nlet b: u8 = %pip_get m --default c + b;\n%time d(b)",
            "b c d",
        ),
    ] {
        assert_eq!(variables(text), expected, "{text}");
    }
}

#[test]
fn writing_is_told_from_reading() {
    assert_snapshot!(told("n += 1; a.b = c; f(&mut d, &e); (g, h[i]) = (1, 2); m!(j);"), @r#"
    use a assigned at "a"
    use c at "c"
    use d assigned at "d"
    use e at "e"
    use f at "f"
    use g assigned at "g"
    use h assigned at "h"
    use i at "i"
    use j at "j"
    use m path at "m"
    use n assigned at "n"
    runs
    "#);
}

#[test]
fn patterns_bind() {
    assert_snapshot!(told("let (a, b): (i32, i32) = %pip_get pair;\nlet (mut c, [d, ..]) = x; let ref e = y;\nlet P { f, g: h } = p; let a = a;"), @r#"
    let a shadowed: i32 = get pair
    let b: i32 = get pair
    let c mut
    let d
    let e
    let f
    let h
    let a shadows
    use P path at "P"
    use i32 path at "i32"
    use p at "p"
    use x at "x"
    use y at "y"
    runs
    "#);
}

#[test]
fn an_error_points_at_the_users_text() {
    assert_snapshot!(told("%pip_set a = 1 // note\nlet é = 1; let = 5;"), @r#"`=` cannot stand here. | "=""#);
    assert_snapshot!(told("%pip_set a = f(\n  1 2)\n"), @r#"Expected `,`. | "2""#);
    assert_snapshot!(told("let größe: String = %pip_get größe --default \"ä\".x(;;)\nlet b = 1;"), @r#"Expected an expression. | ";""#);
    assert_snapshot!(told("\u{feff}#!/bin/x\r\n\tlet a = 1;\r\n\tlet b = = 2;\r\n"), @r#"Expected an expression. | "=""#);
    assert_snapshot!(told("%pip_set a == b"), @r#"`%pip_set` is followed by one `=`, not by `==`. | "==" Write `%pip_set STEP [--job KEY] = EXPR`."#);
    assert_snapshot!(told("let a = 1;\n:dep x = \"1\""), @r#"`:dep` stands after Rust has begun. | ":dep" Dependencies and other commands come first: move the line to the top of the cell."#);
    assert_snapshot!(told("fn f() {\n%pip_set x = 1\n}"), @r#"`%pip_set` stands in a function, where it may run late, often or never. | "%pip_set" Magics stand among the cell's own statements; elsewhere use plain Rust, such as `job.set(..)` and `job.get(..)`."#);
    assert_snapshot!(told("let a = %pip_steps;"), @r#"`%pip_steps` gives no value to a `let`. | "%pip_steps" `%pip_get`, `%pip_input` and `%time` do."#);
    assert_snapshot!(told("fn f( {"), @r#"`{` is not closed. | "{""#);
    assert_snapshot!(told("total\n%pip_set x = 1"), @r#"Unexpected token, expected `;`. `%pip_set` was read as a remainder, since nothing ends the line before it. | "x""#);
    assert_snapshot!(told("let a ="), @r#"The code ends too early: expected an expression. | """#);
}

#[test]
fn a_step_has_a_value() {
    assert_snapshot!(told("%%pip_step total \"Total\"\nfn twice(x: u8) -> u8 { x * 2 }\nlet a = twice(b);\na + 1 // done"), @r#"
    item fn twice: "fn twice(x: u8) -> u8 { x * 2 }"
    let a
    use b at "b"
    value "a + 1"
    runs
    "#);
    for (text, expected) in [
        (
            "%%pip_step a\n1;",
            "The step `a` has no value: its last line ends in `;`. | \";\"",
        ),
        (
            "%%pip_step a\n1; // note",
            "The step `a` has no value: its last line ends in `;`. | \";\"",
        ),
        (
            "%%pip_step a\nfn f() {}",
            "The step `a` has no value: its cell does not end in an expression that has one. | \"}\"",
        ),
        (
            "%%pip_step a\nfor i in x {}",
            "The step `a` has no value: its cell does not end in an expression that has one. | \"}\"",
        ),
        ("%%pip_step a\nif x { 1 }", "The step `a` has no value"),
        ("%%pip_step a\nif x { f(); } else { g(); }", "The step `a` has no value"),
        ("%%pip_step a\nx\n%pip_steps", "The step `a` has no value"),
        ("%%pip_step a\nprintln!(\"a\")", "The step `a` has no value"),
        (
            "%%pip_step a\n// nothing\n",
            "The step `a` has no value: its cell has no code. | \"pip_step\"",
        ),
        ("%%pip_step", "`%pip_step` lacks `STEP`. | \"\""),
    ] {
        // A magic after `x` is its remainder, which is a value of another kind.
        let told = told(text);
        if text.contains("%pip_steps") {
            assert!(told.contains("value \"x\\n%pip_steps\""), "{told}");
        } else {
            assert!(told.starts_with(expected), "{text}: {told}");
        }
    }
    for text in [
        "%%pip_step a\n1",
        "%%pip_step a\nif x { 1 } else { 2 }",
        "%%pip_step a\nmatch x { _ => y }",
        "%%pip_step a\n{ 1 }",
        "%%pip_step a\nvec![1]",
        "%%pip_step a\n%time f()",
        "%%pip_step a\ntodo!()",
        "%%pip_step a\n\"a\".parse::<u8>()?",
    ] {
        assert!(
            analyse(&parse(text)).is_ok_and(|analysis| analysis.tail.is_some()),
            "{text}"
        );
    }
}

#[test]
fn what_a_cell_ends_in() {
    let tail = |text: &str| {
        let analysis = analyse(&parse(text)).unwrap();
        let tail = analysis.tail.map(|tail| text[tail].to_owned());
        (tail, analysis.needs_semicolon.map(|at| text[..at].to_owned()))
    };
    let value = |text: &str| (Some(text.to_owned()), None);
    assert_eq!(tail("let a = 1;\n  a.b()  // c\n"), value("a.b()"));
    assert_eq!(tail("let a = 1;\n%time f(a)\n"), value("%time f(a)"));
    assert_eq!(tail("%time f(a);\n"), (None, None));
    assert_eq!(tail("println!(\"a\") // b"), (None, Some("println!(\"a\")".to_owned())));
    assert_eq!(tail("x = 1"), (None, Some("x = 1".to_owned())));
    assert_eq!(tail("for i in a {}"), (None, None));
    assert_eq!(tail("println! { \"a\" }"), (None, None));
    assert_eq!(tail("a;"), (None, None));
    assert_eq!(tail("%pip_set a = 1"), (None, None));
    assert_eq!(tail("// a"), (None, None));
}

#[test]
fn question_marks_and_awaits_of_the_cell_itself() {
    for (text, question_mark, awaits) in [
        ("f()?;", true, false),
        ("let g = || f()?;", false, false),
        ("async { f()?; x.await };", false, false),
        ("fn f() { g()?; }", false, false),
        ("println!(\"{}\", f()?);", true, false),
        ("m!(a => f()? ; x.await)", true, true),
        ("f().await?", true, true),
        ("%pip_set a = f().await?", true, true),
        ("if a { b()? }", true, false),
    ] {
        let analysis = analyse(&parse(text)).unwrap();
        assert_eq!(
            (analysis.has_question_mark, analysis.awaits),
            (question_mark, awaits),
            "{text}"
        );
    }
}

#[test]
fn items_come_with_their_attributes() {
    let text = "/// Says A.\n#[derive(Debug)]\n// why\npub struct A { b: u8 }\nimpl A { fn new() -> A { A { b: 1 } } }\nimpl std::fmt::Display for A { }\nuse std::{fmt::{self, Write as _}, io as i};\nmacro_rules! m { () => {} }\nlet x = 1;\nconst N: u8 = 1;";
    assert_snapshot!(told(text), @r#"
    item struct A: "/// Says A.\n#[derive(Debug)]\n// why\npub struct A { b: u8 }"
    item impl A::new: "impl A { fn new() -> A { A { b: 1 } } }"
    item impl std::fmt::Display for A: "impl std::fmt::Display for A { }"
    item use std::fmt, std::fmt::Write as _, std::io as i: "use std::{fmt::{self, Write as _}, io as i};"
    item macro m!: "macro_rules! m { () => {} }"
    item const N: "const N: u8 = 1;"
    let x
    runs
    "#);
    let analysis = analyse(&parse(text)).unwrap();
    assert!(analysis.defines("fmt") && analysis.defines("i") && analysis.defines("x") && !analysis.defines("io"));
}

#[test]
fn statics_that_change_are_known() {
    let text = "static A: u8 = 1; static mut B: u8 = 1; static C: AtomicU32 = AtomicU32::new(0);\n\
                static D: std::sync::OnceLock<u8> = OnceLock::new(); static E: &str = \"a\";";
    let analysis = analyse(&parse(text)).unwrap();
    let changeable: Vec<&str> = analysis
        .items
        .iter()
        .filter(|item| matches!(item.kind, ItemKind::Static { changeable: true }))
        .filter_map(|item| item.name.as_deref())
        .collect();
    assert_eq!(changeable, ["B", "C", "D"]);
}

#[test]
fn what_came_through_the_pipeline_is_loaded_again() {
    assert_snapshot!(resolved(&["let name: String = %pip_get name;", "name.len()"]), @"let name: String = name (name of cell 1)");
    assert_snapshot!(resolved(&["let name = %pip_input name \"Your name\";", "println!(\"{name}\")"]), @"let name: String = name (name of cell 1)");
    assert_snapshot!(resolved(&["let key: String = %pip_input key --secret", "key"]), @"let key: String = secret key (key of cell 1)");
    assert_snapshot!(resolved(&["let (a, b): (i32, i32) = %pip_get pair;", "a + b"]), @"let (a, b): (i32, i32) = pair (a b of cell 1)");
    assert_snapshot!(resolved(&["let n: u8 = %pip_get n --job other --default 1 + 1;", "n"]), @"let n: u8 = n of other else 1 + 1 (n of cell 1)");
    assert_snapshot!(resolved(&["let total: f64 = sum();\n%pip_set total = total", "total"]), @"let total: f64 = total (total of cell 1)");
    assert_snapshot!(resolved(&["let greeting = format!(\"a\");\n%pip_set g = &greeting", "greeting"]), @"let greeting: String = g (greeting of cell 1)");
}

#[test]
fn what_did_not_is_untracked() {
    assert_snapshot!(resolved(&["let mut n: i64 = %pip_get n;", "n += 1;"]), @"`n` of cell 1 is `mut`, so that it may hold something else than its step. Write `%pip_set n = n` at the end of cell 1, and `let n: i64 = %pip_get n;` before its use.");
    assert_snapshot!(resolved(&["let total = 5;", "total"]), @"`total` is a variable of cell 1, and did not come through the pipeline. Write `%pip_set total = total` at the end of cell 1, and `let total: TYPE = %pip_get total;` before its use.");
    assert_snapshot!(resolved(&["let total: i64 = 5;", "total"]), @"`total` is a variable of cell 1, and did not come through the pipeline. Write `%pip_set total = total` at the end of cell 1.");
    assert_snapshot!(resolved(&["let total = f();\n%pip_set \"the total\" = total", "total"]), @r#"The type of `total` of cell 1 is not written, so that it cannot be loaded again. Write `let total: TYPE = %pip_get "the total";` before its use."#);
    assert_snapshot!(resolved(&["let a = %pip_get a;", "a"]), @"The type of `a` of cell 1 is not written, so that it cannot be loaded again. Write `let a: TYPE = %pip_get a;` in the place of its `let` in cell 1.");
    assert_snapshot!(resolved(&["let s: &str = \"a\";\n%pip_set s = s", "s"]), @"`s` of cell 1 borrows, so that it cannot be loaded again. Write `let s: String = %pip_get s;` before its use.");
    assert_snapshot!(resolved(&["let d = 1;", "let n: u8 = %pip_get n --default d;", "n"]), @"`n` of cell 2 has a default that uses variables, so that it cannot be loaded again. Write `%pip_set n = n` at the end of cell 2, and `let n: u8 = %pip_get n;` before its use.");
    assert_snapshot!(resolved(&["let n: u8 = %pip_get n;\nlet n = n + 1;", "n"]), @"`n` is a variable of cell 1, and did not come through the pipeline. Write `%pip_set n = n` at the end of cell 1, and `let n: TYPE = %pip_get n;` before its use.");
    assert_snapshot!(resolved(&["let x: i32 = 1;\nif c {\n%pip_set x = x\n}", "x"]), @"`x` is a variable of cell 1, and did not come through the pipeline. Write `%pip_set x = x` at the end of cell 1.");
}

#[test]
fn only_variables_of_other_cells_are_resolved() {
    assert_eq!(
        resolved(&[
            "fn total() {}\nuse a::b;\nconst N: u8 = 1;",
            "total(); b(); N; Some(1); println!(\"x\")"
        ]),
        ""
    );
    assert_eq!(resolved(&["let total = 5;", "let total = 1; total"]), "");
    assert_eq!(resolved(&["let total = 5;", "total::f(); x.total; x.total()"]), "");
    assert_eq!(resolved(&["%%pip_step a\nlet inner = 1; inner", "inner"]), "");
    // The latest binding counts.
    assert_eq!(
        resolved(&["let n: u8 = 1;", "let n: u8 = %pip_get n;", "n"]),
        "let n: u8 = n (n of cell 2)\n"
    );
}

#[test]
fn a_cell_run_again_replaces_what_it_defined() {
    let mut definitions = Definitions::new();
    let mut run = |id: &str, text: &str| definitions.add(id, CellLabel::execution(1), &analyse(&parse(text)).unwrap());
    run("a", "let x = 1; fn f() {}");
    run("a", "let y = 1;");
    assert!(!definitions.binds("x") && definitions.cell_of("f").is_none() && definitions.binds("y"));
    definitions.forget();
    assert!(!definitions.binds("y"));
}

#[test]
fn dependencies_are_read() {
    let text = ":dep serde = { version = \"1\", features = [\"derive\"] }\n:dep rand\n:version\nlet a = 1;";
    let analysis = analyse(&parse(text)).unwrap();
    let names: Vec<_> = analysis
        .dependencies
        .iter()
        .map(|dependency| dependency.name.as_deref())
        .collect();
    assert_eq!(names, [Some("serde"), Some("rand")]);
    assert_eq!(&text[analysis.dependencies[1].span.clone()], ":dep rand");
    assert!(told(":dep serde = {").starts_with("What follows the `=` is no version"));
}

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
