//! `%time` of a magic or a shell line. Rust is timed where it runs, by the cell library.

use std::time::Instant;

use pipulate::cell::args::{Tail, Usage};
use pipulate::cell::{SegmentKind, parse};

use super::{Call, Context, Example, Form, Magic, Specification, run_line};
use crate::outputs::CellError;
use crate::shell::run_shell;

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "time",
            arguments: &[],
            options: &[],
            tail: Tail::Rest {
                name: "EXPR",
                is_required: true,
            },
        },
        summary: "Says how long an expression, a magic, a shell line or (`%%time`) a whole cell takes.",
        description: "Of a cell of Rust, the time that it takes to compile is told apart.",
        examples: &[
            Example {
                code: "%time (1..=20u64).product::<u64>()",
                does: "time an expression",
            },
            Example {
                code: "%time !ls",
                does: "time a shell line",
            },
            Example {
                code: "%%time\nlet total: u64 = (0..1000).sum();",
                does: "time a cell",
            },
        ],
        form: Form::Both,
    },
    run,
};

/// Whether what is to be timed needs no Rust.
pub(super) fn is_direct(text: &str) -> bool {
    text.starts_with(['%', '!'])
        && parse(text).segments().iter().all(|segment| {
            matches!(
                segment.kind,
                SegmentKind::LineMagic(_) | SegmentKind::Shell | SegmentKind::Trivia
            )
        })
}

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let text = call.words.tail.clone().map_or("", |tail| &call.text[tail]);
    if !is_direct(text) {
        return Err(call.misused("only a cell can time Rust"));
    }
    let timed = parse(text);
    let started = Instant::now();
    let result = timed.segments().iter().try_for_each(|segment| match &segment.kind {
        SegmentKind::LineMagic(magic) => run_line(&timed, magic, context),
        SegmentKind::Shell => run_shell(
            timed.slice(&segment.span).trim_start_matches('!').trim(),
            context.outputs,
            context.state,
        ),
        _ => Ok(()),
    });
    context.print(&format!("Wall time: {:.3?}\n", started.elapsed()));
    result
}
