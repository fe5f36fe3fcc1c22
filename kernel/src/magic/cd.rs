//! `%cd`: the working folder of shell lines and of code in cells.

use std::path::{Path, PathBuf};

use pipulate::cell::args::{ArgumentSpec, Tail, Usage};

use super::{Call, Context, Example, Form, Magic, Specification};
use crate::outputs::CellError;

/// Where a shell keeps the folder before; so do we.
const PREVIOUS: &str = "OLDPWD";

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "cd",
            arguments: &[ArgumentSpec::optional(
                "FOLDER",
                "where to go; `-` is the folder before, none is home",
            )],
            options: &[],
            tail: Tail::Nothing,
        },
        summary: "Goes to another working folder.",
        description: "Shell lines, `%%writefile` and the notebook's code work there from now on. The store stays where it is.",
        examples: &[
            Example {
                code: "%cd ../data",
                does: "go to a folder",
            },
            Example {
                code: "%cd -",
                does: "go back",
            },
        ],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let current = context
        .state
        .directory()
        .map_err(|error| unreachable_folder(Path::new("."), &error))?;
    let folder = match call.argument(0) {
        Some("-") => {
            let before = context.state.environment().remove(PREVIOUS);
            PathBuf::from(before.ok_or_else(|| call.misused("there is no folder before this one"))?)
        }
        folder => resolve(folder.unwrap_or("~"), context)?,
    };
    let folder = folder
        .canonicalize()
        .map_err(|error| unreachable_folder(&folder, &error))?;
    // Going there is what shows that it is a folder one may enter.
    std::fs::read_dir(&folder).map_err(|error| unreachable_folder(&folder, &error))?;
    context.state.set_environment(PREVIOUS, &current.to_string_lossy());
    context.state.set_directory(&folder);
    context.worker.set_directory(&folder);
    context.print(&format!("{}\n", folder.display()));
    Ok(())
}

/// A path as the user wrote it: `~` is home, and a relative one starts at the working folder.
pub(super) fn resolve(written: &str, context: &Context<'_>) -> Result<PathBuf, CellError> {
    let in_home = written
        .strip_prefix('~')
        .filter(|rest| rest.is_empty() || rest.starts_with('/'));
    if let Some(rest) = in_home {
        let home = super::env::get("HOME", context)
            .ok_or_else(|| CellError::new("FileError", "the environment names no home folder"))?;
        return Ok(Path::new(&home).join(rest.trim_start_matches('/')));
    }
    let current = context
        .state
        .directory()
        .map_err(|error| unreachable_folder(Path::new("."), &error))?;
    Ok(current.join(written))
}

fn unreachable_folder(folder: &Path, error: &std::io::Error) -> CellError {
    CellError::new("FileError", format!("cannot go to `{}`: {error}", folder.display()))
}
