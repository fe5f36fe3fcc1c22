//! Steps and their values, and how a cell ends.

use insta::assert_snapshot;
use pipulate::cell::parse;
use pipulate_port::analysis::analyse;

use super::told;

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
