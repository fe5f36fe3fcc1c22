//! `Cargo.toml`, `README.md`, `lib.rs` and `main.rs`.

use toml::{Table, Value};

use super::Context;
use crate::dependencies::{lines, string};

pub(super) fn manifest(context: &Context<'_>, libraries: &str) -> String {
    let library = |folder: &str| {
        let separator = if libraries.is_empty() || libraries.ends_with('/') {
            ""
        } else {
            "/"
        };
        let path = Value::String(format!("{libraries}{separator}{folder}"));
        Value::Table(Table::from_iter([("path".to_owned(), path)]))
    };
    let ours = [
        ("pipulate".to_owned(), library("core")),
        ("pipulate-server".to_owned(), library("server")),
    ];
    let mut text = format!(
        "# The notebook {} as a web app.\n\n[package]\nname = {}\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n\
         # Examples in the comments of cells are no tests.\n[lib]\ndoctest = false\n\n\
         [dependencies]\n{}",
        context.notebook_in_prose(),
        string(context.package),
        lines(&ours.into()),
    );
    if !context.plan.dependencies.is_empty() {
        text.push_str("# What the notebook's `:dep` lines ask for.\n");
        text.push_str(&lines(&context.plan.dependencies));
    }
    text.push_str("\n# The crate stands by itself, wherever its folder is.\n[workspace]\n");
    text
}

pub(super) fn readme(context: &Context<'_>) -> String {
    let title = context.plan.title.as_deref().unwrap_or(&context.plan.workflow);
    format!(
        "# {title}\n\n\
         The notebook {}, as a web app. `cargo run --release -- --open` builds it, serves it and opens it in the browser.\n\
         What the cells define is in `src/cells.rs`, the steps are in `src/cells/{}.rs`, unchanged but for the magics;\n\
         `src/workflow.rs` says what their pages look like. `cargo test` says whether the workflow is still the notebook's and its pages open;\n\
         `tests/workflow.rs` is the place for tests of yours. Jobs are kept where the notebook keeps them: begun there, they go on here.\n",
        context.notebook_in_prose(),
        context.steps,
    )
}

pub(super) fn library(context: &Context<'_>) -> String {
    // rustc takes an item with an attribute such as `rustfmt::skip` for one that a macro made.
    let allowed = if context.plan.exports_macros {
        "#![allow(macro_expanded_macro_exports_accessed_by_absolute_paths)]\n\n"
    } else {
        ""
    };
    format!(
        "//! The notebook {}, as a workflow.\n\
         //!\n\
         //! `cells` are the notebook's cells, as they stand there but for their magics; `workflow` says what their pages look like.\n\
         \n\
         {allowed}\
         #[rustfmt::skip]\n\
         mod cells;\n\
         mod workflow;\n\
         \n\
         pub use workflow::workflow;\n",
        context.notebook_in_prose(),
    )
}

pub(super) fn main(context: &Context<'_>) -> String {
    format!(
        "//! The notebook {}, as a web app.\n\
         \n\
         use std::process::ExitCode;\n\
         \n\
         fn main() -> ExitCode {{\n    pipulate_server::main([{}::workflow()])\n}}\n",
        context.notebook_in_prose(),
        context.package.replace('-', "_"),
    )
}
