//! Writes the crate: text for people, in rustfmt's layout.

mod layout;
mod manifest;
mod module;
mod tests;
mod workflow;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::plan::Plan;
use crate::text::FileMap;

/// A crate's files, by their paths in it, and the way back to the notebook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedCrate {
    /// The files' texts.
    pub files: BTreeMap<PathBuf, String>,
    /// Where the parts of the files come from that come from cells.
    pub maps: BTreeMap<PathBuf, FileMap>,
}

/// What all files need to know.
struct Context<'a> {
    plan: &'a Plan<'a>,
    /// The notebook's file name.
    notebook: &'a str,
    /// The crate's name.
    package: &'a str,
    /// The name of the module of the steps.
    steps: &'static str,
}

/// Writes the crate of a plan without refusals. `libraries` is where the crates `core` and `server` are, as the manifest says it.
pub(crate) fn generate(plan: &Plan<'_>, notebook: &str, package: &str, libraries: &str) -> GeneratedCrate {
    let context = Context {
        plan,
        notebook,
        package,
        steps: if module::takes_steps(plan) {
            "notebook_steps"
        } else {
            "steps"
        },
    };
    let (cells, cells_map) = module::cells(&context).finish();
    let (steps, steps_map) = module::steps(&context).finish();
    let steps_path = PathBuf::from(format!("src/cells/{}.rs", context.steps));
    let files = BTreeMap::from([
        (PathBuf::from("Cargo.toml"), manifest::manifest(&context, libraries)),
        (PathBuf::from("README.md"), manifest::readme(&context)),
        (PathBuf::from("src/lib.rs"), manifest::library(&context)),
        (PathBuf::from("src/main.rs"), manifest::main(&context)),
        (PathBuf::from("src/workflow.rs"), workflow::workflow(&context)),
        (PathBuf::from("tests/workflow.rs"), tests::tests(&context)),
        (PathBuf::from("src/cells.rs"), cells),
        (steps_path.clone(), steps),
    ]);
    let maps = BTreeMap::from([(PathBuf::from("src/cells.rs"), cells_map), (steps_path, steps_map)]);
    GeneratedCrate { files, maps }
}

impl Context<'_> {
    /// The notebook's file name, where no character of it can end a comment's line or a code span.
    fn notebook_in_prose(&self) -> String {
        let shown = |character: char| {
            if character.is_control() || character == '`' {
                ' '
            } else {
                character
            }
        };
        format!("`{}`", self.notebook.chars().map(shown).collect::<String>())
    }
}
