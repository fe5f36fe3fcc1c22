//! Whatever a notebook holds, a port gives a crate or says why not.

use pipulate_port::PortError;
use proptest::prelude::*;
use proptest::sample::Index;

use super::support::{hello, told, try_port};

/// Pieces that mean something to notebooks, cells or Rust.
const PIECES: [&str; 30] = [
    "%pip_set a = 1\\n",
    "%pip_set é = {\\n",
    "%%pip_step b\\n",
    "let x: u8 = %pip_get a;\\n",
    "%pip_input",
    "--default x",
    "\\n",
    "\\\\",
    "\\u0000",
    "\\ud83d\\ude00",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":dep ./..\\n",
    ":dep x = {\\n",
    "use a::{b, c as d};\\n",
    "#![allow(x)]\\n",
    "fn f() {",
    "job.set(\\\"a\\\", &1)?;",
    "r#\\\"",
    "'",
    "//",
    "/*",
    "async {",
    ".await",
    "\u{feff}",
    "crate::a",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_notebook_is_ported_or_refused(
        changes in prop::collection::vec((any::<Index>(), any::<Index>(), 0..6_usize), 1..6),
    ) {
        let mut text = hello().text();
        for (at, piece, removed) in &changes {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let start = *at.get(&places);
            let end = text[start..].char_indices().nth(*removed).map_or(text.len(), |(length, _)| start + length);
            text.replace_range(start..end, piece.get(&PIECES[..]));
        }
        match try_port(&text) {
            Ok(ported) => {
                for (path, map) in &ported.generated.maps {
                    for piece in map.pieces() {
                        prop_assert!(ported.generated.files[path].get(piece.piece.generated.clone()).is_some());
                    }
                }
                let again = try_port(&text).unwrap();
                prop_assert_eq!(again.generated, ported.generated);
            }
            Err(PortError::Refused(report)) => prop_assert!(!report.refusals.is_empty()),
            Err(error) => prop_assert!(!told(&error).is_empty()),
        }
    }

    #[test]
    fn any_cells_are_ported_or_refused(cells in prop::collection::vec(prop::collection::vec(any::<Index>(), 0..8), 1..5)) {
        let mut fixture = super::support::Fixture::new();
        for pieces in &cells {
            let source: String = pieces.iter().map(|piece| *piece.get(&PIECES[..])).collect();
            let source: String = serde_json::from_str(&format!("\"{}\"", source.replace('"', "\\\"").replace("\\\\\"", "\\\"")))
                .unwrap_or(source);
            fixture = fixture.code(&source);
        }
        if let Err(PortError::Refused(report)) = fixture.try_port() {
            prop_assert_eq!(report.cells.len(), cells.len());
        }
    }
}
