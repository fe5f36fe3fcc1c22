//! The control socket between supervisor and runner: one byte of kind, a length, the bytes. A record may bring a
//! descriptor along.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};

/// What a control record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// To the runner: make a checkpoint, then load and run; `FUNCTION PATH`.
    Run = b'R',
    /// To the runner: load and run without a checkpoint; `FUNCTION PATH`.
    RunOnly = b'O',
    /// To a checkpoint: be the runner from now on.
    Wake = b'A',
    /// To the runner: change the working folder.
    Directory = b'W',
    /// To the runner: set an environment variable; `NAME=VALUE`.
    Variable = b'E',
    /// From the runner: a checkpoint of this process number sleeps at the other end of the socket that comes along.
    Checkpoint = b'C',
    /// From the runner: there is no checkpoint before this cell, and why.
    NoCheckpoint = b'N',
    /// From a checkpoint that was woken: it is the runner now.
    Ready = b'Y',
    /// From the runner, while it dies: `SIGNAL ADDRESS`, and `stack` where the stack overflowed.
    Crash = b'X',
    /// From the runner: the cell unwound, as the generated code on this line says.
    Unwound = b'U',
    /// From the runner: that `?` has left the cell.
    Returned = b'V',
    /// From the runner: a panic began; see [`super::wire::Panic::parse`].
    Panic = b'P',
    /// From the runner: the error of a failed `?`; see [`super::wire::ReturnedError::parse`].
    QuestionMark = b'Q',
    /// From the runner: the cell ended and its output is flushed.
    Done = b'D',
    /// From the runner: the cell could not be loaded, and why.
    Failed = b'F',
}

impl Kind {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::Run,
            Self::RunOnly,
            Self::Wake,
            Self::Checkpoint,
            Self::NoCheckpoint,
            Self::Ready,
            Self::Crash,
            Self::Directory,
            Self::Variable,
            Self::Unwound,
            Self::Returned,
            Self::Panic,
            Self::QuestionMark,
            Self::Done,
            Self::Failed,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }
}

/// One record.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) kind: Kind,
    pub(super) text: String,
    pub(super) descriptor: Option<OwnedFd>,
}

fn bytes_of(kind: Kind, text: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    let mut record = Vec::with_capacity(text.len() + 5);
    record.push(kind as u8);
    record.extend_from_slice(&length.to_le_bytes());
    record.extend_from_slice(text);
    Ok(record)
}

/// Writes one record.
pub(super) fn write(mut to: &UnixStream, kind: Kind, text: &[u8]) -> io::Result<()> {
    to.write_all(&bytes_of(kind, text)?)
}

/// Writes one record, and a descriptor with it.
pub(super) fn write_with(to: &UnixStream, kind: Kind, text: &[u8], descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let record = bytes_of(kind, text)?;
    let descriptors = [descriptor];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("no space for a descriptor"));
    }
    let sent = sendmsg(to, &[IoSlice::new(&record)], &mut ancillary, SendFlags::NOSIGNAL)?;
    let mut to = to;
    to.write_all(&record[sent..])
}

/// Reads one record; `None` at the end of the stream.
pub(super) fn read(mut from: &UnixStream) -> io::Result<Option<Record>> {
    let mut head = [0; 5];
    let mut descriptor = None;
    let mut filled = 0;
    while filled < head.len() {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = match recvmsg(
            from.as_fd(),
            &mut [IoSliceMut::new(&mut head[filled..])],
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC,
        ) {
            Ok(received) => received.bytes,
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                descriptor = descriptors.last().or(descriptor);
            }
        }
        if received == 0 {
            return Ok(None);
        }
        filled += received;
    }
    let [kind, length @ ..] = head;
    let kind = Kind::from_byte(kind).ok_or_else(|| io::Error::other("a control record of unknown kind"))?;
    let mut text = vec![0; u32::from_le_bytes(length) as usize];
    from.read_exact(&mut text)?;
    Ok(Some(Record {
        kind,
        text: String::from_utf8_lossy(&text).into_owned(),
        descriptor,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_brings_its_descriptor_and_the_next_one_none() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (one, other) = UnixStream::pair().unwrap();
        write(&ours, Kind::NoCheckpoint, b"before").unwrap();
        write_with(&ours, Kind::Checkpoint, b"17", other.as_fd()).unwrap();
        write(&ours, Kind::Done, b"").unwrap();
        drop((ours, other));
        let record = read(&theirs).unwrap().unwrap();
        assert_eq!((record.kind, record.text.as_str()), (Kind::NoCheckpoint, "before"));
        assert!(record.descriptor.is_none());
        let record = read(&theirs).unwrap().unwrap();
        assert_eq!((record.kind, record.text.as_str()), (Kind::Checkpoint, "17"));
        let passed = UnixStream::from(record.descriptor.unwrap());
        write(&passed, Kind::Wake, b"through").unwrap();
        assert_eq!(read(&one).unwrap().unwrap().text, "through");
        assert_eq!(read(&theirs).unwrap().unwrap().kind, Kind::Done);
        assert!(read(&theirs).unwrap().is_none());
    }
}
