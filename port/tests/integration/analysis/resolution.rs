//! How another cell's variables come to a cell, from the cells that ran.

use insta::assert_snapshot;
use pipulate::cell::parse;
use pipulate_port::analysis::{CellLabel, Definitions, analyse};

use super::{resolved, told};

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
