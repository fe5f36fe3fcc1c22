//! Finds evcxr's markers in what user code prints.
//!
//! evcxr's generated code tells evcxr things by printing lines to standard output, where user code prints too. The
//! scanner takes bytes as they come, in pieces of any size, and gives text, content blocks and markers in order. A
//! marker is found also where `print!` without a newline has left text before it. Text is given as soon as it cannot be
//! the beginning of a marker, so that a progress bar moves.

/// One thing found, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Text to show, invalid UTF-8 replaced.
    Text(String),
    /// A content block, and its media type.
    Content {
        /// Its media type.
        mime: String,
        /// Its content: text, or base64 of an image.
        text: String,
    },
    /// A variable's type was redefined: the whole line, for evcxr.
    ChangedType(String),
}

const BEGIN_CONTENT: &[u8] = b"EVCXR_BEGIN_CONTENT ";
const END_CONTENT: &[u8] = b"\nEVCXR_END_CONTENT\n";
const CHANGED_TYPE: &[u8] = b"EVCXR_VARIABLE_CHANGED_TYPE:";
const MARKERS: [&[u8]; 2] = [BEGIN_CONTENT, CHANGED_TYPE];

/// The scanner of one stream of a runner.
#[derive(Debug)]
pub struct Scanner {
    markers: &'static [&'static [u8]],
    pending: Vec<u8>,
    /// How far a search for the end of an open content block has come, so that a large block is not searched again
    /// with each piece.
    searched: usize,
}

impl Scanner {
    /// For standard output, where evcxr's generated code prints its markers.
    pub fn for_stdout() -> Self {
        Self {
            markers: &MARKERS,
            pending: Vec::new(),
            searched: 0,
        }
    }

    /// For standard error: all of it is text.
    pub fn for_stderr() -> Self {
        Self {
            markers: &[],
            pending: Vec::new(),
            searched: 0,
        }
    }

    /// Takes the next bytes and gives what they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Found> {
        self.pending.extend_from_slice(bytes);
        let mut found = Vec::new();
        while self.step(&mut found) {}
        found
    }

    /// Gives what is left as text, whole or not. For the end of a cell.
    pub fn finish(&mut self) -> Vec<Found> {
        self.searched = 0;
        let rest = std::mem::take(&mut self.pending);
        if rest.is_empty() {
            Vec::new()
        } else {
            vec![Found::Text(String::from_utf8_lossy(&rest).into_owned())]
        }
    }

    /// Takes one thing from the front of what is pending; false when nothing more can be taken yet.
    fn step(&mut self, found: &mut Vec<Found>) -> bool {
        let Some((at, marker)) = first_marker(&self.pending, self.markers) else {
            let keep = held_tail(&self.pending, self.markers);
            let text_end = self.pending.len() - keep;
            self.take_text(text_end, found);
            return false;
        };
        if at > 0 {
            self.take_text_whole(at, found);
            return true;
        }
        let Some(line_end) = position(&self.pending, b"\n", 0) else {
            return false;
        };
        if marker == CHANGED_TYPE {
            let line = String::from_utf8_lossy(&self.pending[..line_end]).into_owned();
            self.pending.drain(..=line_end);
            found.push(Found::ChangedType(line));
            return true;
        }
        let start = line_end.max(self.searched);
        let Some(end) = position(&self.pending, END_CONTENT, start) else {
            self.searched = self.pending.len().saturating_sub(END_CONTENT.len()).max(line_end);
            return false;
        };
        let mime = String::from_utf8_lossy(&self.pending[BEGIN_CONTENT.len()..line_end])
            .trim()
            .to_owned();
        let text = String::from_utf8_lossy(self.pending.get(line_end + 1..end).unwrap_or_default()).into_owned();
        self.pending.drain(..end + END_CONTENT.len());
        self.searched = 0;
        found.push(Found::Content { mime, text });
        true
    }

    /// Text up to `end`, less an unfinished UTF-8 sequence at its end, which stays for the next piece.
    fn take_text(&mut self, end: usize, found: &mut Vec<Found>) {
        let end = match std::str::from_utf8(&self.pending[..end]) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => end - unfinished_utf8(&self.pending[..end]),
        };
        self.take_text_whole(end, found);
    }

    fn take_text_whole(&mut self, end: usize, found: &mut Vec<Found>) {
        if end > 0 {
            let text = String::from_utf8_lossy(&self.pending[..end]).into_owned();
            self.pending.drain(..end);
            found.push(Found::Text(text));
        }
    }
}

/// How many bytes at the end begin a UTF-8 sequence that more bytes may complete.
fn unfinished_utf8(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let byte = bytes[bytes.len() - back];
        let length = match byte {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            0x80..=0xBF => continue,
            _ => return 0,
        };
        return if back < length { back } else { 0 };
    }
    0
}

/// The first whole marker and where it stands.
fn first_marker(bytes: &[u8], markers: &[&'static [u8]]) -> Option<(usize, &'static [u8])> {
    let mut from = 0;
    while let Some(at) = position(bytes, b"EVCXR_", from) {
        if let Some(marker) = markers.iter().find(|marker| bytes[at..].starts_with(marker)) {
            return Some((at, marker));
        }
        from = at + 1;
    }
    None
}

/// How many bytes at the end could be the beginning of a marker.
fn held_tail(bytes: &[u8], markers: &[&[u8]]) -> usize {
    let longest = markers.iter().map(|marker| marker.len() - 1).max().unwrap_or(0);
    (1..=longest.min(bytes.len()))
        .rev()
        .find(|&length| {
            markers
                .iter()
                .any(|marker| marker.len() > length && marker.starts_with(&bytes[bytes.len() - length..]))
        })
        .unwrap_or(0)
}

fn position(bytes: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let haystack = bytes.get(from..)?;
    memchr::memmem::find(haystack, needle).map(|at| at + from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scan(pieces: &[&[u8]]) -> Vec<Found> {
        let mut scanner = Scanner::for_stdout();
        let mut found: Vec<Found> = pieces.iter().flat_map(|piece| scanner.push(piece)).collect();
        found.extend(scanner.finish());
        merge(found)
    }

    fn merge(found: Vec<Found>) -> Vec<Found> {
        let mut merged: Vec<Found> = Vec::new();
        for item in found {
            match (merged.last_mut(), item) {
                (Some(Found::Text(before)), Found::Text(text)) => before.push_str(&text),
                (_, item) => merged.push(item),
            }
        }
        merged
    }

    fn text(text: &str) -> Found {
        Found::Text(text.to_owned())
    }

    #[test]
    fn text_is_given_at_once() {
        let mut scanner = Scanner::for_stdout();
        assert_eq!(scanner.push(b"10%\r"), [text("10%\r")]);
        assert_eq!(scanner.push(b"20%\rEVC"), [text("20%\r")]);
        assert_eq!(scanner.push(b"lid"), [text("EVClid")]);
    }

    #[test]
    fn a_marker_after_unfinished_line_is_found() {
        let found = scan(&[b"abcEVCXR_BEGIN_CONTENT text/plain\n5\nEVCXR_END_CONTENT\nx"]);
        assert_eq!(
            found,
            [
                text("abc"),
                Found::Content {
                    mime: "text/plain".into(),
                    text: "5".into()
                },
                text("x")
            ]
        );
    }

    #[test]
    fn an_empty_content_block_is_whole() {
        let found = scan(&[b"EVCXR_BEGIN_CONTENT text/plain\n\nEVCXR_END_CONTENT\n"]);
        assert_eq!(
            found,
            [Found::Content {
                mime: "text/plain".into(),
                text: String::new()
            }]
        );
    }

    #[test]
    fn invalid_utf8_is_replaced_and_split_utf8_is_joined() {
        assert_eq!(scan(&[b"a\xFFb"]), [text("a\u{FFFD}b")]);
        assert_eq!(scan(&[b"\xF0\x9F", b"\x98\x80"]), [text("\u{1F600}")]);
        assert_eq!(scan(&[b"\xFF\xF0\x9F", b"\x98\x80"]), [text("\u{FFFD}\u{1F600}")]);
        assert_eq!(scan(&[b"\xF0\x9F"]), [text("\u{FFFD}")]);
    }

    #[test]
    fn nothing_on_standard_error_is_a_marker() {
        let mut scanner = Scanner::for_stderr();
        assert_eq!(
            scanner.push(b"EVCXR_VARIABLE_CHANGED_TYPE:v\nEVC"),
            [text("EVCXR_VARIABLE_CHANGED_TYPE:v\nEVC")]
        );
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            parts in prop::collection::vec(
                prop_oneof![
                    Just(b"EVCXR_PANIC_NOTIFICATION\n".to_vec()),
                    Just(b"EVCXR_VARIABLE_CHANGED_TYPE:v\n".to_vec()),
                    Just(b"EVCXR_BEGIN_CONTENT text/html\n<b>\n\xC3\xA9\nEVCXR_END_CONTENT\n".to_vec()),
                    Just("é😀EVCXR_EVCXR\n".as_bytes().to_vec()),
                    prop::collection::vec(any::<u8>(), 0..8),
                ],
                0..8,
            ),
            size in 1_usize..9,
        ) {
            let bytes = parts.concat();
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            prop_assert_eq!(scan(&pieces), scan(&[&bytes]));
        }
    }
}
