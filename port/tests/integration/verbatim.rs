//! The promise: the Rust of the cells stands in the crate byte for byte.

use pipulate::cell::{SegmentKind, parse};
use pipulate_port::{Outcome, Ported};

use super::support::{Fixture, hello};

/// Checks that each byte of Rust of each ported cell is found in the crate, by the crate's own maps, and gives how many there were.
fn check(fixture: &Fixture) -> usize {
    let ported = fixture.port();
    let sources = fixture.sources();
    let mut checked = 0;
    for (index, source) in sources.iter().enumerate() {
        let outcome = &ported.report.cells[index].outcome;
        let is_step = matches!(outcome, Outcome::Step { .. });
        if !is_step && !matches!(outcome, Outcome::Items { .. }) {
            continue;
        }
        let kept = kept(&ported, index, source);
        let cell = parse(source);
        for segment in cell.segments() {
            let spans = match &segment.kind {
                SegmentKind::Rust => vec![segment.span.clone()],
                SegmentKind::LineMagic(call) if is_step && cell.slice(&call.name) == "pip_set" => {
                    // A value of JSON stands there as JSON.
                    let is_json = serde_json::from_str::<serde_json::Value>(cell.slice(&call.value.clone().unwrap()));
                    if is_json.is_ok() {
                        Vec::new()
                    } else {
                        call.value.iter().cloned().collect()
                    }
                }
                SegmentKind::LetMagic(binding) if is_step => [
                    Some(binding.pattern.clone()),
                    binding.ty.clone(),
                    binding.call.value.clone(),
                ]
                .into_iter()
                .flatten()
                .collect(),
                _ => Vec::new(),
            };
            for span in spans {
                for at in span.filter(|at| !source.as_bytes()[*at].is_ascii_whitespace()) {
                    assert!(kept[at], "{:?} of {source:?} is lost", &source[at..]);
                    checked += 1;
                }
            }
        }
    }
    checked
}

/// For each byte of a cell, whether it stands in a file of the crate, once, and in order.
fn kept(ported: &Ported, index: usize, source: &str) -> Vec<bool> {
    let mut kept = vec![false; source.len()];
    for (path, map) in &ported.generated.maps {
        let text = &ported.generated.files[path];
        for piece in map
            .pieces()
            .iter()
            .filter(|piece| piece.cell == index && piece.piece.is_kept)
        {
            assert_eq!(
                &text[piece.piece.generated.clone()],
                &source[piece.piece.source.clone()]
            );
            kept[piece.piece.source.clone()].fill(true);
        }
    }
    kept
}

#[test]
fn every_byte_of_rust_stands_in_the_crate() {
    assert!(check(&hello()) > 300);
    let odd = Fixture::of(&[
        "\u{feff}#!/usr/bin/env rust\n#![allow(dead_code)]\n//! about\nfn  odd( ) {  }   // spaces   \n\n\n/* é */ struct É;\r\n",
        ":dep serde\n\n// before\nfn f() -> u8 { 1 }   // behind\n\nlet a = f() ;   let b=2;\n\n/// Documented.\nfn g() {}\n%pip_set  s  =  a +\n      b  // note\nlet raw = r#\"\n%pip_set not = 1\n\"#;\nif raw.len() > 1 {\n    %pip_set t = raw.len()\n    // a comment\n}\na",
        "let (x, y): (i32,  i32) = %pip_get p --default  (1,\n 2);\n%pip_set u = x+y\nfor i in 0 .. x { println!(\"{i}\") }",
        "%%pip_step v\n// first\n\n  fn inner() {}\n%time inner();\nlet z = %time 1 +\n 2;\n\n  z  // last",
        "%%time\nlet q =  1;\n%pip_set w = q",
    ]);
    assert!(check(&odd) > 200);
}

#[test]
fn what_is_merged_is_told() {
    let ported = Fixture::of(&[
        "use std::fmt;\nuse std::collections::{BTreeMap, HashMap};",
        "use std::fmt;\npub use std::collections::{HashMap, HashSet as Set};\nuse std::io::*;\nuse std::io::*;",
        "%pip_set a = 1",
    ])
    .port();
    insta::assert_snapshot!(super::support::file(&ported, "src/cells.rs"), @r#"
    //! What the cells of `hello.ipynb` define.
    #![allow(unused, nonstandard_style)]

    // Cell 1
    use std::fmt;
    use std::collections::{BTreeMap, HashMap};

    // Cell 2
    pub use std::collections::HashSet as Set;
    use std::io::*;

    pub mod steps;
    "#);
    insta::assert_snapshot!(ported.report.to_string(), @r#"
    hello.ipynb: workflow `hello`, 1 step
      cell 1  use std::fmt;   items: `use std::fmt`, `use std::collections::BTreeMap, std::collections::HashMap`
      cell 2  use std::fmt;   items: `use std::fmt`, `use std::collections::HashMap, std::collections::HashSet as Set`, `use std::io::*`, `use std::io::*`
                line 1: merged: `use std::fmt` stands in cell 1
                line 2: merged: a part of `use std::collections::HashMap, std::collections::HashSet as Set` stands in cell 1
                line 4: merged: `use std::io::*` stands in cell 2
      cell 3  %pip_set a = 1  step `a`
    "#);
}
