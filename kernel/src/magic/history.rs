//! `%history`: the cells that were run.

use std::ops::RangeInclusive;

use pipulate::cell::args::{ArgumentSpec, OptionSpec, Tail, Usage};

use super::{Call, Context, Example, Form, Magic, Specification};
use crate::outputs::CellError;

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "history",
            arguments: &[ArgumentSpec::many(
                "RANGE",
                "a cell's number, or the first and the last: `3`, `2-5`, `4-`",
            )],
            options: &[
                OptionSpec::flag("numbers", Some('n'), "with the numbers of the cells"),
                OptionSpec::word("last", Some('l'), "N", "only the last N cells"),
            ],
            tail: Tail::Nothing,
        },
        summary: "Prints the cells that were run in this session.",
        description: "`%pip_history` shows what happened to a job.",
        examples: &[
            Example {
                code: "%history -n",
                does: "print all cells with their numbers",
            },
            Example {
                code: "%history 2-5 7",
                does: "print some",
            },
        ],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let mut ranges = Vec::new();
    for word in &call.words.arguments {
        ranges.push(
            range(&word.text)
                .ok_or_else(|| call.misused(format!("`{}` is no range: write `3`, `2-5` or `4-`", word.text)))?,
        );
    }
    let last: Option<usize> = match call.option("last") {
        None => None,
        Some(last) => Some(
            last.parse()
                .map_err(|_| call.misused(format!("`{last}` is not a number of cells")))?,
        ),
    };
    let cells = (context.history)();
    let mut chosen: Vec<&(u32, String)> = if ranges.is_empty() {
        cells.iter().collect()
    } else {
        ranges
            .iter()
            .flat_map(|range| cells.iter().filter(|(number, _)| range.contains(number)))
            .collect()
    };
    if let Some(last) = last {
        chosen.drain(..chosen.len().saturating_sub(last));
    }
    for (number, code) in chosen {
        let code = code.trim_end();
        context.print(&if !call.words.flag("numbers") {
            format!("{code}\n")
        } else if code.contains('\n') {
            format!("{number:>4}:\n{code}\n")
        } else {
            format!("{number:>4}: {code}\n")
        });
    }
    Ok(())
}

fn range(text: &str) -> Option<RangeInclusive<u32>> {
    match text.split_once('-') {
        None => text.parse().ok().map(|number| number..=number),
        Some((first, "")) => Some(first.parse().ok()?..=u32::MAX),
        Some((first, last)) => Some(first.parse().ok()?..=last.parse().ok()?),
    }
}
