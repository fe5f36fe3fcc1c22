//! Contents amid what a step prints: types that show themselves as evcxr wants it print them between two marks. As in the kernel, a
//! mark counts also where text without a line's end stands before it.

const BEGIN: &[u8] = b"EVCXR_BEGIN_CONTENT ";
const END: &[u8] = b"\nEVCXR_END_CONTENT\n";
/// How much of a content is waited for, in bytes: one that does not end by then is text.
const LONGEST: usize = 32 * 1024 * 1024;

/// A part of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Text as it was printed.
    Text(String),
    /// Content of a media type.
    Content(String, String),
}

/// Takes a stream apart as it comes, bytes to text: what cannot be told yet is held back.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    pending: Vec<u8>,
    /// How far the end of an open content has been looked for.
    searched: usize,
}

impl Scanner {
    /// The parts that are complete with these bytes.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Vec<Part> {
        self.pending.extend_from_slice(bytes);
        let mut parts = Vec::new();
        loop {
            let Some(at) = find(&self.pending, BEGIN, 0) else {
                let held = held_back(&self.pending);
                let text: Vec<u8> = self.pending.drain(..self.pending.len() - held).collect();
                push(&mut parts, &text);
                return parts;
            };
            let before: Vec<u8> = self.pending.drain(..at).collect();
            push(&mut parts, &before);
            let line_end = find(&self.pending, b"\n", 0);
            let end = line_end.and_then(|line_end| find(&self.pending, END, line_end.max(self.searched)));
            let (Some(line_end), Some(end)) = (line_end, end) else {
                self.searched = self.pending.len().saturating_sub(END.len());
                if self.pending.len() > LONGEST {
                    parts.append(&mut self.finish());
                }
                return parts;
            };
            let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let media_type = lossy(&self.pending[BEGIN.len()..line_end]).trim().to_owned();
            let content = lossy(self.pending.get(line_end + 1..end).unwrap_or_default());
            parts.push(Part::Content(media_type, content));
            self.pending.drain(..end + END.len());
            self.searched = 0;
        }
    }

    /// What was held back, at the end of the stream or of the step.
    pub(crate) fn finish(&mut self) -> Vec<Part> {
        self.searched = 0;
        let mut parts = Vec::new();
        push(&mut parts, &std::mem::take(&mut self.pending));
        parts
    }
}

fn find(bytes: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let found = bytes
        .get(from..)?
        .windows(wanted.len())
        .position(|window| window == wanted);
    found.map(|at| from + at)
}

/// How many bytes at the end may be the beginning of a mark or of a character.
fn held_back(bytes: &[u8]) -> usize {
    let of_mark = (1..BEGIN.len()).rev().find(|length| bytes.ends_with(&BEGIN[..*length]));
    let of_character = (1..=3.min(bytes.len())).find(|length| {
        let tail = &bytes[bytes.len() - length..];
        tail[0] >= 0xC0 && std::str::from_utf8(tail).is_err_and(|error| error.error_len().is_none())
    });
    of_mark.unwrap_or(0).max(of_character.unwrap_or(0))
}

fn push(parts: &mut Vec<Part>, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(Part::Text(before)) => before.push_str(&text),
        _ => parts.push(Part::Text(text.into_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Part {
        Part::Text(text.to_owned())
    }

    #[test]
    fn contents_are_found_however_the_stream_is_cut() {
        let stream =
            "a é\nb EVCXR_BEGIN_CONTENTx\nbEVCXR_BEGIN_CONTENT text/html\n<b>\nc</b>\nEVCXR_END_CONTENT\nEVCXR_B";
        let expected = [
            text("a é\nb EVCXR_BEGIN_CONTENTx\nb"),
            Part::Content("text/html".to_owned(), "<b>\nc</b>".to_owned()),
            text("EVCXR_B"),
        ];
        for size in 1..stream.len() {
            let mut scanner = Scanner::default();
            let mut parts: Vec<Part> = Vec::new();
            let mut add = |new: Vec<Part>| {
                for part in new {
                    match part {
                        Part::Text(text) => push(&mut parts, text.as_bytes()),
                        content @ Part::Content(..) => parts.push(content),
                    }
                }
            };
            for chunk in stream.as_bytes().chunks(size) {
                add(scanner.take(chunk));
            }
            add(scanner.finish());
            assert_eq!(parts, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn a_content_without_an_end_is_not_kept_for_ever() {
        for mark in ["EVCXR_BEGIN_CONTENT text/html\n", "EVCXR_BEGIN_CONTENT text/html"] {
            let mut scanner = Scanner::default();
            assert_eq!(scanner.take(mark.as_bytes()), []);
            assert_eq!(scanner.take(&vec![b'x'; LONGEST / 2]), []);
            let parts = scanner.take(&vec![b'x'; LONGEST / 2 + 1]);
            let [Part::Text(text)] = parts.as_slice() else {
                panic!("{} parts", parts.len());
            };
            assert!(text.starts_with(mark) && text.len() > LONGEST);
            assert_eq!(scanner.finish(), []);
            assert_eq!(scanner.take(b"x"), [Part::Text("x".to_owned())]);
        }
    }

    #[test]
    fn bytes_that_are_no_text_do_not_stop_it() {
        let mut scanner = Scanner::default();
        assert_eq!(scanner.take(b"x"), [text("x")]);
        assert_eq!(scanner.take(b"\xff\xc3"), [text("\u{fffd}")]);
        assert_eq!(scanner.take(b"\xa9!"), [text("é!")]);
        assert_eq!(scanner.take(b"\xe2"), []);
        assert_eq!(scanner.finish(), [text("\u{fffd}")]);
    }
}
