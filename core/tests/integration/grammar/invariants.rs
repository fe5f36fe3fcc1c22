//! What holds for every text, whatever it is.

use std::ops::Range;

use pipulate::cell::args::Usage;
use pipulate::cell::{self, Cell, Completing, GetCall, InputCall, JobCall, Segment, SegmentKind, SetCall, StepCall};

/// Usages by name, as a kernel has them.
pub(super) fn usage_of(name: &str) -> Option<Usage> {
    [
        SetCall::USAGE,
        GetCall::USAGE,
        InputCall::USAGE,
        JobCall::USAGE,
        StepCall::USAGE,
    ]
    .into_iter()
    .find(|usage| usage.name == name)
}

/// Checks all that a cell's reader promises about `text`, and panics where it breaks a promise.
pub(super) fn check(text: &str) {
    let parsed = cell::parse(text);
    check_segments(&parsed);
    for problem in parsed.problems() {
        assert_within(text, &problem.span, &(0..text.len()));
        assert!(!problem.message.is_empty() && !problem.help.is_empty());
    }
    for span in parsed.remainders() {
        assert!(parsed.slice(span).starts_with('%'));
    }
    assert_eq!(
        parsed.is_blank(),
        parsed
            .segments()
            .iter()
            .all(|segment| segment.kind == SegmentKind::Trivia)
    );
    for block in parsed.leading_impls() {
        assert!(text[block.start..].len() >= "impl".len() && !block.subject.is_empty());
    }
    for found in parsed.standard_crates() {
        assert!(text[found.span].ends_with(';'));
    }
    for found in parsed.thread_locals() {
        assert!(text[found.span.clone()].contains("thread_local"));
        assert!(
            found
                .private
                .iter()
                .all(|at| text[*at..].starts_with("static") && found.span.contains(at))
        );
    }
    cell::completeness(text);
    cell::mentions(text, "job");
    for call in parsed.magics() {
        check_calls(&parsed, call);
    }
}

/// Checks what Tab finds at every place of `text`. Takes time in proportion to the square of its length.
pub(super) fn check_completion(text: &str) {
    for offset in 0..=text.len() + 1 {
        let floor = text.floor_char_boundary(offset);
        let (Completing::MagicName { span, .. }
        | Completing::HelpName { span }
        | Completing::OptionName { span, .. }
        | Completing::Argument { span, .. }
        | Completing::Value { span }
        | Completing::Command { span }) = cell::completing(text, offset, usage_of)
        else {
            continue;
        };
        assert_within(text, &span, &(0..text.len()));
        assert_eq!(span.end, floor, "a completion replaces what ends at the cursor");
    }
}

fn check_segments(parsed: &Cell<'_>) {
    let text = parsed.text();
    let mut end = 0;
    let mut previous: Option<&Segment> = None;
    for segment in parsed.segments() {
        assert_eq!(segment.span.start, end, "segments follow each other without gaps");
        assert!(segment.span.start < segment.span.end, "no segment is empty");
        end = segment.span.end;
        assert_within(text, &segment.span, &(0..text.len()));
        let same_kind = previous.is_some_and(|previous| previous.kind == segment.kind);
        // A byte order mark and a `#!` line are trivia of their own.
        let is_prologue = previous.is_some_and(|previous| previous.span.start == 0);
        assert!(!same_kind || is_prologue, "Rust and trivia come in one piece");
        check_kind(parsed, segment);
        previous = Some(segment);
    }
    assert_eq!(end, text.len(), "segments reach the end");
}

fn check_kind(parsed: &Cell<'_>, segment: &Segment) {
    let text = parsed.text();
    let written = parsed.slice(&segment.span);
    let call = match &segment.kind {
        SegmentKind::CellMagic(call) => {
            assert!(written.starts_with("%%"));
            call
        }
        SegmentKind::LineMagic(call) => {
            assert!(written.starts_with('%'));
            call
        }
        SegmentKind::LetMagic(binding) => {
            assert!(written.starts_with("let"));
            assert_within(text, &binding.pattern, &segment.span);
            if let Some(ty) = &binding.ty {
                assert_within(text, ty, &segment.span);
                assert!(binding.pattern.end <= ty.start && ty.end <= binding.call.name.start);
            }
            &binding.call
        }
        SegmentKind::Help(help) => return assert_within(text, &help.name, &segment.span),
        SegmentKind::Command => return assert!(written.starts_with(':') && !written.contains('\n')),
        SegmentKind::Shell => return assert!(written.starts_with('!') && !written.contains('\n')),
        SegmentKind::Rust => return assert_ne!(written.trim_ascii(), ""),
        SegmentKind::Body | SegmentKind::Trivia => return,
    };
    assert_within(text, &call.name, &segment.span);
    assert_within(text, &call.args, &segment.span);
    assert_ne!(parsed.slice(&call.name), "");
    assert!(call.name.end <= call.args.start);
    let args = parsed.slice(&call.args);
    assert_eq!(args, args.trim(), "arguments have no space around them");
    if let Some(value) = &call.value {
        assert_within(text, value, &segment.span);
        assert!(value.is_empty() || (call.args.start <= value.start && value.end == call.args.end));
    }
}

/// Reads a call as every magic there is, whatever its name.
fn check_calls(parsed: &Cell<'_>, call: &cell::MagicCall) {
    let text = parsed.text();
    let whole = 0..text.len();
    for usage in [
        SetCall::USAGE,
        GetCall::USAGE,
        InputCall::USAGE,
        JobCall::USAGE,
        StepCall::USAGE,
    ] {
        match usage.parse(text, call) {
            Ok(found) => {
                for word in &found.arguments {
                    assert_within(text, &word.span, &call.args);
                    assert!(word.is_quoted || word.text == parsed.slice(&word.span));
                }
                for option in &found.options {
                    assert_within(text, &option.span, &call.args);
                }
                if let Some(tail) = &found.tail {
                    assert_within(text, tail, &call.args);
                }
            }
            Err(error) => {
                assert_within(text, &error.span, &whole);
                assert!(!error.message.is_empty() && !error.help.is_empty());
            }
        }
    }
    if let Ok(set) = SetCall::parse(text, call) {
        assert!(!set.value.is_empty());
        assert!(set.literal.is_none_or(|literal| literal == parsed.slice(&set.value)));
    }
    cell::wants_help(text, call);
}

fn assert_within(text: &str, span: &Range<usize>, outer: &Range<usize>) {
    assert!(span.start <= span.end, "{span:?} runs forward");
    assert!(
        outer.start <= span.start && span.end <= outer.end,
        "{span:?} stands in {outer:?}"
    );
    assert!(
        text.is_char_boundary(span.start) && text.is_char_boundary(span.end),
        "{span:?} ends on characters"
    );
}
