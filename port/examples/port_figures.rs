//! How long a port takes: `cargo run --release --example port_figures -p pipulate-port`.
//!
//! Prints the median time, in milliseconds, to port a notebook of 30 cells, without the build of the crate.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use pipulate_port::{PortInput, port};
use serde_json::{Value, json};

const CELLS: usize = 30;
const ROUNDS: usize = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let notebook = notebook();
    let input = PortInput {
        notebook: &notebook,
        file_name: "figures.ipynb",
        folder: Path::new("/"),
        libraries: "vendor",
    };
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let ported = port(&input)?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
        assert_eq!(ported.report.cells.len(), CELLS);
    }
    times.sort_by(f64::total_cmp);
    println!(
        "port of {CELLS} cells, {} bytes: {:.2} ms (goal: 50 ms)",
        notebook.len(),
        times[ROUNDS / 2]
    );
    Ok(())
}

/// Ten times prose, items, and a step that reads the one before.
fn notebook() -> String {
    let mut cells: Vec<Value> = Vec::new();
    for number in 0..CELLS / 3 {
        cells.push(json!({ "cell_type": "markdown", "metadata": {}, "source": format!("## Part {number}\n\n{}", "Prose. ".repeat(60)) }));
        cells.push(code(&format!(
            "use std::collections::BTreeMap;\n\n/// Counts words.\n#[derive(Clone, Debug, Default)]\nstruct Counter{number} {{\n    \
             words: BTreeMap<String, usize>,\n}}\n\nimpl Counter{number} {{\n    fn count(&mut self, text: &str) -> usize {{\n        \
             for word in text.split_whitespace() {{\n            *self.words.entry(word.to_lowercase()).or_default() += 1;\n        }}\n        \
             self.words.len()\n    }}\n}}"
        )));
        let before = match number {
            0 => "let text = String::from(\"one two three\");".to_owned(),
            _ => format!(
                "let before: usize = %pip_get part_{};\nlet text = \"word \".repeat(before);",
                number - 1
            ),
        };
        cells.push(code(&format!(
            "%%pip_step part_{number} \"Part {number}\"\n{before}\nlet mut counter = Counter{number}::default();\n\
             println!(\"{{counter:?}} {{}}\", text.len());\ncounter.count(&text)"
        )));
    }
    json!({ "cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5 }).to_string()
}

fn code(source: &str) -> Value {
    json!({ "cell_type": "code", "metadata": {}, "outputs": [], "execution_count": null, "source": source })
}
