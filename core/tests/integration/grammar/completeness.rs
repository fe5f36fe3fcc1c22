//! When a console may run a cell, and how far it indents the next line.

use pipulate::cell::{Completeness, completeness};

fn check(text: &str, expected: &Completeness) {
    assert_eq!(completeness(text), *expected, "{text:?}");
}

fn incomplete(indent: usize) -> Completeness {
    Completeness::Incomplete {
        indent: " ".repeat(indent),
    }
}

#[test]
fn whole_cells_can_run() {
    for text in [
        "",
        "\n\n",
        "// note",
        "/* note */",
        "1",
        "x",
        "let a = 1;",
        "fn f() {}",
        "foo()",
        "foo()?",
        "vec![1]",
        "return",
        "0..",
        "a > b",
        "size_of::<T>",
        "x as Vec<T>",
        "struct A;",
        "struct A { b: i32 }",
        "impl A {}",
        "use a::b;",
        "if a { b }",
        "if a { b } else { c }",
        "match x { _ => 1 }",
        "loop { break }",
        "html! { }",
        "macro_rules! m { () => {} }",
        "#[a]\nfn f() {}",
        "/// a\nfn f() {}",
        "#![a]",
        "union",
        "'a'",
        "r#\"\"#",
        ":dep a = \"1\"",
        "!ls (",
        "!",
        "?pip_set",
        "%pip_set?",
        "%pip_steps",
        "%pip_set x = 1",
        "%pip_set x = [1,\n2]",
        "let x: i32 = %pip_get x",
        "let x: i32 = %pip_get x;",
        "%time",
        "%time foo()",
        "%%bash\nls (\n",
        "%%pip_step a\n1",
        "%pip_set x = size_of::<T>()",
    ] {
        check(text, &Completeness::Complete);
    }
}

#[test]
fn what_lacks_something_waits_for_it() {
    for (text, indent) in [
        ("foo(", 4),
        ("foo(bar[{", 12),
        ("if a {", 4),
        ("if a {\n    foo();", 4),
        ("fn f() {\n    if a {", 8),
        ("println!(", 4),
        ("\"abc", 0),
        ("foo(\"abc", 0),
        ("r#\"abc\"", 0),
        ("/* abc", 0),
        ("foo(/* abc", 0),
        ("/* /* */", 0),
        ("let a =", 4),
        ("let a = 1", 4),
        ("let a", 4),
        ("let", 4),
        ("let a = match b { _ => 1 }", 4),
        ("use a::b", 4),
        ("const A: i32 = 1", 4),
        ("a +", 4),
        ("a >", 4),
        ("a = ", 4),
        ("a.", 4),
        ("a::", 4),
        ("a &&", 4),
        ("foo!", 4),
        ("a as", 4),
        ("loop", 4),
        ("|a|", 4),
        ("#[derive(Debug)]", 0),
        ("#[a] // note", 0),
        ("#", 0),
        ("/// what follows", 0),
        ("if a", 0),
        ("match x", 0),
        ("fn f()", 0),
        ("struct A", 0),
        ("impl A for B", 0),
        ("pub", 0),
        ("pub(crate)", 0),
        ("unsafe", 0),
        ("if a { } else", 4),
        ("%pip_set x =", 4),
        ("%pip_set x = 1 +", 4),
        ("%pip_set x = [", 4),
        ("%pip_set x = \"a", 0),
        ("%pip_get x --default", 4),
        ("let x = %pip_get y --default", 4),
        ("if a {\n    %pip_set x =", 8),
        ("%time foo(", 4),
        ("%%bash", 0),
        ("%%bash\nls", 0),
        ("%%pip_step a", 0),
        ("%%pip_step a\nlet b = 1", 4),
        ("%%pip_step a\nfoo(", 4),
    ] {
        check(text, &incomplete(indent));
    }
}

#[test]
fn what_nothing_can_mend_is_invalid() {
    for text in [
        ")",
        "foo(]",
        "}",
        "foo());",
        "if a { ) }",
        "%pip_set x = (]",
        "%pip_set x = 1)",
        "%pip_input a \"b",
        "vec![)",
    ] {
        check(text, &Completeness::Invalid);
    }
}

#[test]
fn a_deep_cell_is_not_indented_off_the_page() {
    check(&"(".repeat(1000), &incomplete(80));
}
