//! `%%writefile FILE`: writes the cell to a file.

use std::fs::OpenOptions;
use std::io::Write as _;

use pipulate::cell::args::{ArgumentSpec, OptionSpec, Tail, Usage};

use super::{Call, Context, Example, Form, Magic, Specification};
use crate::outputs::CellError;

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "writefile",
            arguments: &[ArgumentSpec::required(
                "FILE",
                "the file; a relative path starts at the working folder",
            )],
            options: &[OptionSpec::flag("append", Some('a'), "add to the file's end")],
            tail: Tail::Nothing,
        },
        summary: "Writes the rest of the cell to a file.",
        description: "",
        examples: &[Example {
            code: "%%writefile notes.txt\nbring an umbrella",
            does: "write a file",
        }],
        form: Form::Cell,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let written = call.required(0)?;
    let appends = call.words.flag("append");
    let path = super::cd::resolve(written, context)?;
    let body = call.body.unwrap_or_default();
    let line_end = if body.is_empty() || body.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let verb = match (appends, path.exists()) {
        (true, _) => "Appending to",
        (false, true) => "Overwriting",
        (false, false) => "Writing",
    };
    let mut options = OpenOptions::new();
    options.create(true).write(true).append(appends).truncate(!appends);
    options
        .open(&path)
        .and_then(|mut file| file.write_all(format!("{body}{line_end}").as_bytes()))
        .map_err(|error| CellError::new("FileError", format!("cannot write `{}`: {error}", path.display())))?;
    context.print(&format!("{verb} {written}\n"));
    Ok(())
}
