//! `%pip_db`: where the store is.

use pipulate::cell::args::{Tail, Usage};

use super::{Call, Context, Example, Form, Magic, Shown, Specification};
use crate::outputs::CellError;
use crate::render::text::{size, thousands};
use crate::render::{self, Table};

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "pip_db",
            arguments: &[],
            options: &[],
            tail: Tail::Nothing,
        },
        summary: "Shows where the jobs are kept, and how much there is.",
        description: "Notebooks and command lines that are started in one folder share one store. `PIPULATE_URL` in the environment names \
                      another.",
        examples: &[Example {
            code: "%pip_db",
            does: "show the store",
        }],
        form: Form::Line,
    },
    run,
};

fn run(_: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let info = context.pip()?.location().shown()?;
    let origin = match &context.state.settings().url {
        Some(_) => Some("the address that the kernel was started with".to_owned()),
        // The file that decides may have changed since the store was opened.
        None => crate::place::resolve()
            .ok()
            .filter(|place| place.url() == info.url)
            .map(|place| place.origin().to_string()),
    };
    let mut table = Table::new().column("").column("");
    let mut row = |name: &str, value: String| table.row([name.into(), value.into()]);
    row("Place", info.path.map_or(info.url, |path| path.display().to_string()));
    if let Some(origin) = origin {
        row("Chosen by", origin);
    }
    row("Size", size(info.bytes));
    row("Schema version", info.schema_version.to_string());
    row("Jobs", thousands(info.jobs));
    row("Steps", thousands(info.steps));
    row("Events", thousands(info.events));
    context.show(render::table(&table));
    Ok(())
}
