//! `?name`, `%name?` and what a front end shows for the name at the cursor.

use pipulate::cell::{SegmentKind, parse};

use super::find;
use crate::outputs::MimeBundle;

/// All that is to be said about the magic of this name; `None` when there is none.
pub fn help(name: &str) -> Option<MimeBundle> {
    find(name).map(|magic| magic.specification.help())
}

/// Help on the magic at a byte offset of a cell: on its name, arguments and options, but not in its Rust.
pub fn help_at(code: &str, offset: usize) -> Option<MimeBundle> {
    let cell = parse(code);
    let asked = cell.segments().iter().find_map(|segment| match &segment.kind {
        SegmentKind::Help(help) if within(&segment.span, offset) => Some(&help.name),
        _ => None,
    });
    let name = asked.or_else(|| {
        let found = cell.magics().find(|magic| {
            let words_end = magic
                .value
                .as_ref()
                .map_or(magic.args.end.max(magic.name.end), |value| value.start);
            within(&(magic.name.start.saturating_sub(1)..words_end), offset)
        })?;
        Some(&found.name)
    })?;
    help(cell.slice(name))
}

/// A cursor stands between characters: right after the last one is within.
fn within(span: &std::ops::Range<usize>, offset: usize) -> bool {
    span.start <= offset && offset <= span.end
}
