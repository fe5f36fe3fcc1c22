//! The control socket between supervisor and runner: one byte of kind, a length, the bytes.

use std::io::{self, Read, Write};

/// What a control record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// To the runner: load and run; `FUNCTION PATH`.
    Run = b'R',
    /// To the runner: change the working folder.
    Directory = b'W',
    /// To the runner: set an environment variable; `NAME=VALUE`.
    Variable = b'E',
    /// From the runner: a panic began; see [`super::wire::Panic::parse`].
    Panic = b'P',
    /// From the runner: the text of an error that a `?` returned.
    QuestionMark = b'Q',
    /// From the runner: the cell ended and its output is flushed.
    Done = b'D',
    /// From the runner: the cell could not be loaded, and why.
    Failed = b'F',
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::Run,
            Self::Directory,
            Self::Variable,
            Self::Panic,
            Self::QuestionMark,
            Self::Done,
            Self::Failed,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }
}

/// Writes one record.
pub(super) fn write(mut to: impl Write, kind: Kind, text: &[u8]) -> io::Result<()> {
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    let mut record = Vec::with_capacity(text.len() + 5);
    record.push(kind as u8);
    record.extend_from_slice(&length.to_le_bytes());
    record.extend_from_slice(text);
    to.write_all(&record)
}

/// Reads one record; `None` at the end of the stream.
pub(super) fn read(mut from: impl Read) -> io::Result<Option<(Kind, String)>> {
    let mut head = [0; 5];
    match from.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        result => result?,
    }
    let [kind, length @ ..] = head;
    let kind = Kind::from_byte(kind).ok_or_else(|| io::Error::other("a control record of unknown kind"))?;
    let mut text = vec![0; u32::from_le_bytes(length) as usize];
    from.read_exact(&mut text)?;
    Ok(Some((kind, String::from_utf8_lossy(&text).into_owned())))
}
