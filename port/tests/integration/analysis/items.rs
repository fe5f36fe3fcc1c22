//! What a cell defines.

use insta::assert_snapshot;
use pipulate::cell::parse;
use pipulate_port::analysis::{ItemKind, analyse};

use super::told;

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
