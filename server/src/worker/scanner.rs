//! Contents amid what a step prints: types that show themselves as evcxr wants it print them between two marks.

const BEGIN: &str = "EVCXR_BEGIN_CONTENT ";
const END: &str = "EVCXR_END_CONTENT";

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
    /// Bytes at the end that may be the beginning of a character.
    bytes: Vec<u8>,
    /// Text at the beginning of a line that may become a mark.
    held: String,
    at_line_start: bool,
    began: bool,
    content: Option<(String, String)>,
}

impl Scanner {
    /// The parts that are complete with these bytes.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Vec<Part> {
        self.bytes.extend_from_slice(bytes);
        let text = self.decode();
        let mut parts = Vec::new();
        self.scan(&text, &mut parts);
        parts
    }

    /// What was held back, at the end of the stream or of the step.
    pub(crate) fn finish(&mut self) -> Vec<Part> {
        let mut parts = Vec::new();
        let rest = String::from_utf8_lossy(&std::mem::take(&mut self.bytes)).into_owned();
        self.scan(&rest, &mut parts);
        let held = std::mem::take(&mut self.held);
        match self.content.take() {
            Some((_, content)) => push(&mut parts, content + &held),
            None => push(&mut parts, held),
        }
        *self = Self::default();
        parts
    }

    fn decode(&mut self) -> String {
        let mut text = String::new();
        loop {
            match std::str::from_utf8(&self.bytes) {
                Ok(valid) => {
                    text.push_str(valid);
                    self.bytes.clear();
                    return text;
                }
                Err(error) => {
                    let (valid, rest) = self.bytes.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    let Some(bad) = error.error_len() else {
                        self.bytes = rest.to_vec();
                        return text;
                    };
                    text.push('\u{fffd}');
                    self.bytes = rest[bad..].to_vec();
                }
            }
        }
    }

    fn scan(&mut self, text: &str, parts: &mut Vec<Part>) {
        for line in text.split_inclusive('\n') {
            let starts = self.at_line_start || !self.began;
            self.began = true;
            let is_complete = line.ends_with('\n');
            if self.content.is_none() && !starts && self.held.is_empty() {
                push(parts, line.to_owned());
                self.at_line_start = is_complete;
                continue;
            }
            self.held.push_str(line);
            if is_complete {
                let line = std::mem::take(&mut self.held);
                self.line(line, parts);
                self.at_line_start = true;
            } else if self.content.is_none() && !BEGIN.starts_with(self.held.as_str()) && !self.held.starts_with(BEGIN)
            {
                push(parts, std::mem::take(&mut self.held));
                self.at_line_start = false;
            } else {
                self.at_line_start = false;
            }
        }
    }

    fn line(&mut self, line: String, parts: &mut Vec<Part>) {
        let bare = line.trim_end_matches(['\n', '\r']);
        match &mut self.content {
            Some(_) if bare == END => {
                if let Some((media_type, mut content)) = self.content.take() {
                    content.pop();
                    parts.push(Part::Content(media_type, content));
                }
            }
            Some((_, content)) => content.push_str(&line),
            None => match bare.strip_prefix(BEGIN) {
                Some(media_type) => self.content = Some((media_type.trim().to_owned(), String::new())),
                None => push(parts, line),
            },
        }
    }
}

fn push(parts: &mut Vec<Part>, text: String) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(Part::Text(before)) => before.push_str(&text),
        _ => parts.push(Part::Text(text)),
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
            "a é\nb EVCXR_BEGIN_CONTENT x\nEVCXR_BEGIN_CONTENT text/html\n<b>\nc</b>\nEVCXR_END_CONTENT\nEVCXR_B";
        let expected = [
            text("a é\nb EVCXR_BEGIN_CONTENT x\n"),
            Part::Content("text/html".to_owned(), "<b>\nc</b>".to_owned()),
            text("EVCXR_B"),
        ];
        for size in 1..stream.len() {
            let mut scanner = Scanner::default();
            let mut parts: Vec<Part> = Vec::new();
            let mut add = |new: Vec<Part>| {
                for part in new {
                    match part {
                        Part::Text(text) => push(&mut parts, text),
                        content => parts.push(content),
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
    fn bytes_that_are_no_text_do_not_stop_it() {
        let mut scanner = Scanner::default();
        assert_eq!(scanner.take(b"x"), [text("x")]);
        assert_eq!(scanner.take(b"\xff\xc3"), [text("\u{fffd}")]);
        assert_eq!(scanner.take(b"\xa9!"), [text("é!")]);
        assert_eq!(scanner.take(b"\xe2"), []);
        assert_eq!(scanner.finish(), [text("\u{fffd}")]);
    }
}
