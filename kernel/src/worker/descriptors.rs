//! Which open descriptors of user code's a sleeping copy of the runner would keep alive, to the surprise of others.
//!
//! A pipe or a socket has another end, and who reads there waits until every copy of this end is closed. One whose both
//! ends are in this process alone has nobody else to surprise: an async runtime wakes itself over such pairs.

#![allow(unsafe_code)]

use std::collections::HashSet;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::OFlags;
use rustix::io::FdFlags;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// What is open, in words; `None` when a copy harms nobody.
pub(super) fn held_by_user_code(ours: &[RawFd]) -> Option<String> {
    let open: Vec<Open> = std::fs::read_dir("/proc/self/fd")
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let number: RawFd = entry.file_name().to_str()?.parse().ok()?;
            let target = std::fs::read_link(entry.path()).ok()?;
            (number > 2 && !ours.contains(&number))
                .then(|| Open::new(number, &String::from_utf8_lossy(target.as_os_str().as_bytes())))
        })
        .flatten()
        .collect();
    let harmful = open.iter().find(|one| one.matters(&open))?;
    Some(harmful.in_words())
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    Pipe {
        inode: u64,
        writes: bool,
    },
    Socket {
        inode: u64,
    },
    /// An object of the kernel's without a name.
    Other(String),
}

#[derive(Debug)]
struct Open {
    number: RawFd,
    what: What,
    /// Programs that user code starts do not get it.
    stays: bool,
}

impl Open {
    /// `None` for what may be held twice: files, devices, and what only counts or waits.
    fn new(number: RawFd, target: &str) -> Option<Self> {
        let (kind, name) = target.split_once(':')?;
        // SAFETY: listed just now by the one thread of this process, so it is open, and stays so during the calls.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        let inode = || name.trim_matches(['[', ']']).parse().ok();
        let what = match kind {
            "pipe" => What::Pipe {
                inode: inode()?,
                writes: rustix::fs::fcntl_getfl(descriptor).is_ok_and(|flags| flags.contains(OFlags::WRONLY)),
            },
            "socket" if is_of_kernel(descriptor) => return None,
            "socket" => What::Socket { inode: inode()? },
            "anon_inode" if matches!(name, "[eventpoll]" | "[eventfd]" | "[timerfd]" | "[pidfd]") => return None,
            "anon_inode" => What::Other(name.trim_matches(['[', ']']).to_owned()),
            _ => return None,
        };
        let stays = rustix::io::fcntl_getfd(descriptor).is_ok_and(|flags| flags.contains(FdFlags::CLOEXEC));
        Some(Self { number, what, stays })
    }

    fn matters(&self, all: &[Self]) -> bool {
        let mine = |what: &What| all.iter().any(|other| other.stays && other.what == *what);
        match &self.what {
            What::Pipe { inode, writes } => {
                let other = What::Pipe {
                    inode: *inode,
                    writes: !writes,
                };
                !self.stays || !mine(&other)
            }
            What::Socket { inode } => {
                let sockets: HashSet<u64> = all
                    .iter()
                    .filter_map(|open| match open.what {
                        What::Socket { inode } if open.stays => Some(inode),
                        _ => None,
                    })
                    .collect();
                !self.stays || !peer_of(*inode).is_ok_and(|peer| sockets.contains(&peer))
            }
            What::Other(_) => true,
        }
    }

    fn in_words(&self) -> String {
        match &self.what {
            What::Pipe { .. } => format!("a pipe (descriptor {})", self.number),
            What::Socket { .. } => format!("a socket (descriptor {})", self.number),
            What::Other(name) => format!("{name} (descriptor {})", self.number),
        }
    }
}

/// Whether a socket is a cell's connection to the kernel. Who finds itself in a copied process makes a new one.
fn is_of_kernel(descriptor: BorrowedFd<'_>) -> bool {
    let Some(kernel) = std::env::var_os(super::SOCKET) else {
        return false;
    };
    rustix::net::getpeername(descriptor)
        .ok()
        .flatten()
        .and_then(|address| rustix::net::SocketAddrUnix::try_from(address).ok())
        .is_some_and(|address| address.path_bytes() == Some(kernel.as_bytes()))
}

/// The inode of the socket at the other end of a Unix socket, asked of the kernel (`sock_diag(7)`).
fn peer_of(inode: u64) -> io::Result<u64> {
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const REQUEST: u16 = 1;
    const SHOW_PEER: u32 = 4;
    const PEER: u16 = 2;
    const HEADER: usize = 16;
    const MESSAGE: usize = 16;
    let inode = u32::try_from(inode).map_err(io::Error::other)?;

    let mut request = Vec::with_capacity(40);
    request.extend_from_slice(&40_u32.to_ne_bytes());
    request.extend_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request.extend_from_slice(&REQUEST.to_ne_bytes());
    request.extend_from_slice(&[0; 8]); // sequence, port
    request.extend_from_slice(&[AddressFamily::UNIX.as_raw().to_ne_bytes()[0], 0, 0, 0]);
    request.extend_from_slice(&u32::MAX.to_ne_bytes()); // in any state
    request.extend_from_slice(&inode.to_ne_bytes());
    request.extend_from_slice(&SHOW_PEER.to_ne_bytes());
    request.extend_from_slice(&[0xFF; 8]); // no cookie

    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(rustix::net::netlink::SOCK_DIAG),
    )?;
    rustix::net::send(&socket, &request, SendFlags::empty())?;
    let mut answer = [0; 1024];
    let (length, _) = rustix::net::recv(&socket, &mut answer, RecvFlags::empty())?;
    let mut rest = answer.get(HEADER + MESSAGE..length).unwrap_or_default();
    while let [l0, l1, t0, t1, ..] = *rest {
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        if u16::from_ne_bytes([t0, t1]) == PEER
            && let Some([a, b, c, d]) = rest.get(4..8)
        {
            return Ok(u32::from_ne_bytes([*a, *b, *c, *d]).into());
        }
        rest = rest.get(length.next_multiple_of(4).max(4)..).unwrap_or_default();
    }
    Err(io::ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    fn open(of: &impl AsRawFd) -> Option<Open> {
        let target = std::fs::read_link(format!("/proc/self/fd/{}", of.as_raw_fd())).unwrap();
        Open::new(of.as_raw_fd(), target.to_str().unwrap())
    }

    #[test]
    fn only_what_has_an_end_elsewhere_matters() {
        let (one, other) = UnixStream::pair().unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(open(&file).is_none());

        let both = [open(&one).unwrap(), open(&other).unwrap()];
        assert!(!both[0].matters(&both) && !both[1].matters(&both));
        assert!(both[0].matters(&both[..1]));

        let both = [open(&reader).unwrap(), open(&writer).unwrap()];
        assert!(!both[0].matters(&both) && !both[1].matters(&both));
        assert!(both[1].matters(&both[1..]));

        let alone = [open(&listener).unwrap()];
        assert!(alone[0].matters(&alone));
        assert!(alone[0].in_words().starts_with("a socket"));
    }

    #[test]
    fn what_a_started_program_gets_too_matters() {
        let (one, other) = UnixStream::pair().unwrap();
        rustix::io::fcntl_setfd(&other, FdFlags::empty()).unwrap();
        let both = [open(&one).unwrap(), open(&other).unwrap()];
        assert!(both[0].matters(&both) && both[1].matters(&both));
    }
}
