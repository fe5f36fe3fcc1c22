//! What stands in the way is named by its place.

use pipulate_port::Outcome;

use super::support::Fixture;

#[test]
fn a_refusal_has_a_place_that_programs_can_use() {
    let report = Fixture::of(&["let secret = 1;", "// é\n%%pip_step a\n/* é */ secret + 1"]).refused();
    let place = report.refusals[0].place.unwrap();
    assert_eq!((place.cell.number, place.line, place.column), (2, 3, 9));
    assert!(
        report.refusals[0].message.contains("cell 1"),
        "{}",
        report.refusals[0].message
    );
    assert!(
        report.refusals[0].help.contains("%pip_set secret = secret"),
        "{}",
        report.refusals[0].help
    );
    assert_eq!(report.cells[1].outcome, Outcome::Refused);
    assert_eq!(report.cells.len(), 2);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["refusals"][0]["place"]["cell"]["number"], 2);
}

#[test]
fn the_tutorial_is_refused_for_what_it_does_to_one_job() {
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../notebooks/01_first_pipeline.ipynb"
    ))
    .unwrap();
    let Err(pipulate_port::PortError::Refused(report)) = super::support::try_port(&text) else {
        panic!("it sets one step in several cells");
    };
    insta::assert_snapshot!(report.refusals_as_text(), @r#"
    cell 14 [7], line 1, column 1: The step `runs` reads the value that it had before.
      help: A step is worked out from the steps before it: give the new value another name.
    cell 21 [11], line 1, column 1: The step `customer` is made twice: in cell 6 [3], line 1, and here.
      help: Give one of them another name.
    cell 25 [13], line 2, column 1: The step `greeting` is made twice: in cell 5 [2], line 2, and here.
      help: Give one of them another name.
    "#);
}

#[test]
fn every_magic_of_the_kernel_is_known() {
    let list = include_str!("../../../kernel/src/magic/mod.rs");
    let start = list.find("pub static ALL").unwrap();
    let list = list[start..].split("];").next().unwrap();
    let names: Vec<&str> = list
        .lines()
        .filter_map(|line| line.trim().strip_prefix('&')?.strip_suffix("::MAGIC,"))
        .collect();
    assert!(names.len() > 25, "{names:?}");
    for name in names {
        assert!(pipulate_port::knows_magic(name), "%{name}");
    }
}

#[test]
fn the_jobs_order_has_the_steps_of_refused_cells_too() {
    let report = Fixture::of(&[
        "let process = std::process::id();",
        "%%pip_step first\nprocess",
        "let asked: String = %pip_input asked --job elsewhere;\n%pip_set greeting = format!(\"Hello, {asked}\")",
        "let password: String = %pip_input password --secret;\nlet name: String = %pip_input name;",
        "%%pip_step last\n1",
    ])
    .refused();
    assert_eq!(report.names, ["first", "greeting", "name", "last"]);
}

#[test]
fn a_form_needs_its_type_in_full() {
    let report = Fixture::of(&[
        "let x: Vec<_> = %pip_input x;\nx.push(1_u8);",
        "let (a, b): (u8, [u8; _]) = %pip_input pair;",
        "let _y: Vec<u8> = %pip_input y;",
        "let z: (u8, impl Fn() -> u8) = %pip_input z;",
    ])
    .refused();
    insta::assert_snapshot!(report.refusals_as_text(), @"
    cell 1, line 1, column 8: The type of what is asked for leaves a part to be worked out, and its form is made from the type.
      help: Write it in full, without `_`.
    cell 2, line 1, column 13: The type of what is asked for leaves a part to be worked out, and its form is made from the type.
      help: Write it in full, without `_`.
    cell 4, line 1, column 8: The type of what is asked for leaves a part to be worked out, and its form is made from the type.
      help: Write it in full, a type with a name in place of `impl`.
    ");
}

#[test]
fn what_a_macro_makes_is_in_its_cell_alone() {
    let report = Fixture::of(&[
        "macro_rules! items { () => { fn made() -> u8 { 9 } } }\nmacro_rules! shape { ($name:ident) => { struct $name; } }\nmacro_rules! block { () => {{ fn inner() {} }} }",
        "items! {}\nshape!(Round);\nblock!();",
        "%%pip_step own\nitems!();\nmade()",
        "%%pip_step t\nlet n = made();\nRound;\ninner();\nn",
    ])
    .refused();
    insta::assert_snapshot!(report.refusals_as_text(), @"
    cell 4, line 2, column 9: `made` is made by `items!` in cell 2, line 1, and what a macro makes in a cell is seen in that cell alone.
      help: Call it in a module: `mod made { use super::*; crate::items! { .. } }`, and then `use made::*;`. `made` has to be `pub` there, and `items!` needs `#[macro_export]`.
    cell 4, line 3, column 1: `Round` is made by `shape!` in cell 2, line 2, and what a macro makes in a cell is seen in that cell alone.
      help: Call it in a module: `mod made { use super::*; crate::shape! { .. } }`, and then `use made::*;`. `Round` has to be `pub` there, and `shape!` needs `#[macro_export]`.
    ");
}

#[test]
fn the_root_of_a_crate_is_elsewhere_in_a_port() {
    let report = Fixture::of(&[
        ":dep regex = \"1\"\n#[macro_export]\nmacro_rules! one { () => { 1 } }\nmacro_rules! two { () => { 2 } }\nextern crate regex;\nextern crate std as base;",
        "extern crate rand_core as core2;\n#[macro_use]\nextern crate alloc;",
        "%%pip_step t\ncrate::one!() + crate::two!()",
        "%%pip_step u\ncrate::one()",
    ])
    .refused();
    insta::assert_snapshot!(report.refusals_as_text(), @r#"
    cell 2, line 1, column 1: No `:dep` line says where the crate `rand_core` comes from.
      help: Write `:dep rand_core = "*"`, or the version that you want, in a line before any Rust.
    cell 2, line 2, column 1: `#[macro_use]` brings the macros of `alloc` at the root of a crate alone, and the port has the cells in a module.
      help: Leave `#[macro_use]` out, and name each macro: `use alloc::NAME;`.
    cell 3, line 2, column 17: `crate::` is the root of the notebook's cells, and another place in the port.
      help: Leave `crate::` out: the items of all cells are in scope by their names.
    cell 4, line 2, column 1: `crate::` is the root of the notebook's cells, and another place in the port.
      help: Leave `crate::` out: the items of all cells are in scope by their names.
    "#);
}
