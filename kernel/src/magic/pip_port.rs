//! `%pip_port`: what becomes of the notebook's cells as a web app, and the crate of that app.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pipulate::cell::args::{ArgumentSpec, OptionSpec, Tail, Usage};
use pipulate_port::{PortError, PortInput, PortReport, port};

use super::{Call, Context, Example, Form, Magic, Specification};
use crate::outputs::{CellError, InputError};
use crate::render::text::count;
use crate::render::{self, Entry, Html, Table};

/// The program that writes crates.
const PROGRAM: &str = "pipulate";

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "pip_port",
            arguments: &[ArgumentSpec::optional("DIR", "the folder that the crate is written to")],
            options: &[
                OptionSpec::word("notebook", None, "FILE", "another notebook than this one"),
                OptionSpec::flag("force", None, "write over a crate that was ported before"),
            ],
            tail: Tail::Nothing,
        },
        summary: "Says what becomes of each cell in a web app, and with a folder, writes the app's crate into it.",
        description: "The notebook is read as it was saved last. `pipulate serve NOTEBOOK`, in a terminal, builds and serves the app \
                      without a crate to keep.",
        examples: &[
            Example {
                code: "%pip_port",
                does: "see whether the notebook can be ported",
            },
            Example {
                code: "%pip_port report-app",
                does: "write the crate",
            },
        ],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let notebook = notebook(call, context)?;
    let cannot =
        |reason: String| CellError::new("FileError", format!("cannot read `{}`: {reason}", notebook.display()));
    let text = std::fs::read_to_string(&notebook).map_err(|error| cannot(error.to_string()))?;
    let path = notebook.canonicalize().map_err(|error| cannot(error.to_string()))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let ported = port(&PortInput {
        notebook: &text,
        file_name: name.as_deref().unwrap_or("notebook.ipynb"),
        folder: path.parent().unwrap_or(Path::new("/")),
        libraries: "vendor",
    });
    let report = match ported {
        Ok(ported) => ported.report,
        Err(PortError::Refused(report)) => {
            let things = count(report.refusals.len(), "thing");
            let stand = if report.refusals.len() == 1 { "stands" } else { "stand" };
            let message = format!("{} cannot be ported: {things} {stand} in the way", report.notebook);
            return Err(CellError::new("Refused", message).with_help(report.refusals_as_text()));
        }
        Err(error) => {
            return Err(CellError::new(
                "Refused",
                format!("{} cannot be ported: {error}", notebook.display()),
            ));
        }
    };
    show(&report, context);
    match call.words.argument(0) {
        Some(folder) => write(&path, &folder.text, call.words.flag("force"), context),
        None => Ok(()),
    }
}

/// The notebook that is named, or else this one, or else the one that the user names.
fn notebook(call: &Call<'_>, context: &Context<'_>) -> Result<PathBuf, CellError> {
    if let Some(named) = call.option("notebook") {
        return super::cd::resolve(named, context);
    }
    if let Some(notebook) = &context.state.settings().notebook {
        return Ok(notebook.clone());
    }
    match context.outputs.input("Which notebook? Its path: ", false) {
        Ok(answer) if !answer.trim().is_empty() => super::cd::resolve(answer.trim(), context),
        Err(InputError::Interrupted) => Err(CellError::new("Interrupted", "nothing is ported")),
        Ok(_) | Err(InputError::NotAllowed) => {
            Err(CellError::new("MissingInput", "it is not known which notebook this is")
                .with_help("`%pip_port --notebook FILE` says it."))
        }
    }
}

fn show(report: &PortReport, context: &Context<'_>) {
    let steps = count(report.steps.len(), "step");
    let title = format!("{} is the workflow `{}`: {steps}", report.notebook, report.workflow);
    let mut table = Table::new().column("Cell").column("Begins with").column("Becomes");
    for cell in &report.cells {
        table.row([
            cell.cell.to_string().into(),
            Entry::code(cell.excerpt.clone()),
            cell.outcome.to_string().into(),
        ]);
        for note in &cell.notes {
            table.row([
                Entry::default(),
                Entry::faint(format!("line {}", note.line)),
                Entry::faint(note.text.clone()),
            ]);
        }
    }
    let mut html = Html::new();
    html.leaf("div", &[("style", "margin-bottom: 6px")], &title).line_end();
    table.write_html(&mut html);
    for note in &report.notes {
        html.leaf("div", &[], &format!("note: {note}"));
    }
    let text = format!("{title}\n\n{}", table.to_text());
    let notes = report.notes.iter().map(|note| format!("note: {note}"));
    let lines: Vec<String> = std::iter::once(text).chain(notes).collect();
    context.show(render::html(lines.join("\n"), html));
}

/// Lets the command line write the crate: it carries the libraries that one needs.
fn write(notebook: &Path, folder: &str, force: bool, context: &Context<'_>) -> Result<(), CellError> {
    let folder = super::cd::resolve(folder, context)?;
    let beside = std::env::current_exe()
        .ok()
        .map(|kernel| kernel.with_file_name(PROGRAM));
    let program = beside
        .filter(|program| program.is_file())
        .unwrap_or_else(|| PathBuf::from(PROGRAM));
    let mut command = Command::new(&program);
    crate::processes::mark(&mut command);
    command.arg("port").arg(notebook).arg("--output").arg(&folder);
    if force {
        command.arg("--force");
    }
    let done = command.stdin(Stdio::null()).output().map_err(|error| {
        CellError::new("FileError", format!("cannot run `{}`: {error}", program.display())).with_help(
            "The crate is written by the program `pipulate`, which belongs beside the kernel or on the PATH.",
        )
    })?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        let mut lines = said.lines();
        let message = lines
            .next()
            .unwrap_or("the crate could not be written")
            .trim_start_matches("error: ")
            .to_owned();
        return Err(CellError::new("FileError", message).with_help(lines.collect::<Vec<_>>().join("\n")));
    }
    let manifest = folder.join("Cargo.toml");
    context.say(format!(
        "Wrote {}. `cargo run --manifest-path {} -- --open` serves it.",
        folder.display(),
        manifest.display()
    ));
    Ok(())
}
