//! What the runner still says when user code crashes it: how, and the text that it had printed but not finished.
//!
//! A signal handler may do little. This one writes to the control socket without memory of its own, asks the cell's
//! standard library to flush, in bounded time, and lets the signal end the process.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};

use super::control::Kind;

/// Signals that a crash comes as.
const CRASHES: [c_int; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGABRT,
    libc::SIGTRAP,
    libc::SIGSYS,
];
/// Room for the handler where the stack has run out.
const STACK: usize = 256 * 1024;
/// How far from the top of the stack an access that overflows it may be.
const NEAR: usize = 1 << 20;
/// How long flushing may take, in seconds.
const PATIENCE: u32 = 1;

static CONTROL: AtomicI32 = AtomicI32::new(-1);
/// The process that the supervisor is told of. A cell may fork others, which have its socket too.
static PROCESS: AtomicI32 = AtomicI32::new(0);
/// A function of the last cell's, `extern "C" fn()`, or null.
static FLUSH: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

/// What flushes the output of cells from now on.
pub(super) fn flush_with(flush: extern "C" fn()) {
    FLUSH.store(flush as *mut c_void, Ordering::Relaxed);
}

/// Flushes the output of cells, if there has been one.
pub(super) fn flush() {
    let flush = FLUSH.load(Ordering::Relaxed);
    if !flush.is_null() {
        // SAFETY: only `flush_with` stores here, and cells are never unloaded.
        let flush: extern "C" fn() = unsafe { std::mem::transmute(flush) };
        flush();
    }
}

/// From now on, the supervisor is told of this process, and not of one that it forks.
pub(super) fn tell_of_this_process() {
    // SAFETY: asks the system, and touches no memory.
    PROCESS.store(unsafe { libc::getpid() }, Ordering::Relaxed);
}

/// Whether this process is the one that the supervisor is told of. A handler may call this.
pub(super) fn is_told_of() -> bool {
    // SAFETY: asks the system, and touches no memory.
    PROCESS.load(Ordering::Relaxed) == unsafe { libc::getpid() }
}

/// Reports crashes of this process over `control`.
pub(super) fn report_over(control: &UnixStream) -> std::io::Result<()> {
    CONTROL.store(control.as_raw_fd(), Ordering::Relaxed);
    tell_of_this_process();
    // SAFETY: the memory is new, belongs to nobody else and is never given back; the handler does only what a handler
    // may, and the structures are zeroed before they are filled.
    unsafe {
        let stack = libc::mmap(
            std::ptr::null_mut(),
            STACK,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        if stack == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error());
        }
        let stack = libc::stack_t {
            ss_sp: stack,
            ss_flags: 0,
            ss_size: STACK,
        };
        if libc::sigaltstack(&raw const stack, std::ptr::null_mut()) != 0 {
            return Err(std::io::Error::last_os_error());
        }
        for signal in CRASHES {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = crashed as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            if libc::sigaction(signal, &raw const action, std::ptr::null_mut()) != 0 {
                return Err(std::io::Error::last_os_error());
            }
        }
    }
    Ok(())
}

/// Sends what has happened.
///
/// # Safety
/// `info` and `context` are those that the system has passed to a handler that has not returned.
unsafe fn tell(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the caller's promise.
    let (address, stack) = unsafe { ((*info).si_addr() as usize, stack_pointer(context)) };
    let memory = signal == libc::SIGSEGV || signal == libc::SIGBUS;
    let address = if memory { address } else { 0 };
    let overflow = signal == libc::SIGSEGV && address.abs_diff(stack) < NEAR;
    let mut record = Record::default();
    record.number(signal.unsigned_abs() as usize, 10);
    record.push(b' ');
    record.number(address, 16);
    if overflow {
        record.text(b" stack");
    }
    record.send(CONTROL.load(Ordering::Relaxed));
}

extern "C" fn crashed(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the system passes both, valid during the call. Only functions that a handler may call are called, but for the
    // flush: should it fault or wait for a lock that is never freed, the signals' default actions, which come first, or the
    // alarm end the process, which is all that is left to do.
    unsafe {
        if is_told_of() {
            tell(signal, info, context);
        }

        let mut unblocked: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut unblocked);
        for signal in CRASHES.into_iter().chain([libc::SIGALRM]) {
            libc::signal(signal, libc::SIG_DFL);
            libc::sigaddset(&raw mut unblocked, signal);
        }
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const unblocked, std::ptr::null_mut());
        libc::alarm(PATIENCE);
        flush();
        libc::raise(signal);
        libc::_exit(128 + signal);
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
unsafe fn stack_pointer(context: *mut c_void) -> usize {
    // SAFETY: the caller passes the context that the system gave to a handler.
    let registers = unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    usize::try_from(registers[libc::REG_RSP.unsigned_abs() as usize]).unwrap_or(0)
}

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
unsafe fn stack_pointer(context: *mut c_void) -> usize {
    // SAFETY: the caller passes the context that the system gave to a handler.
    let pointer = unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext.sp };
    usize::try_from(pointer).unwrap_or(0)
}

/// Where the register is not known, a stack that has run out is told as a segmentation fault.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
unsafe fn stack_pointer(_: *mut c_void) -> usize {
    usize::MAX
}

/// A control record in the handler's own frame.
struct Record {
    bytes: [u8; 64],
    length: usize,
}

impl Default for Record {
    fn default() -> Self {
        let mut record = Self {
            bytes: [0; 64],
            length: 5,
        };
        record.bytes[0] = Kind::Crash as u8;
        record
    }
}

impl Record {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    fn text(&mut self, text: &[u8]) {
        for byte in text {
            self.push(*byte);
        }
    }

    fn number(&mut self, number: usize, base: usize) {
        let mut divisor = 1;
        while number / divisor >= base {
            divisor *= base;
        }
        while divisor > 0 {
            let digit = b"0123456789abcdef".get(number / divisor % base);
            self.push(digit.copied().unwrap_or(b'?'));
            divisor /= base;
        }
    }

    fn send(&mut self, to: RawFd) {
        let length = u32::try_from(self.length - 5).unwrap_or(0).to_le_bytes();
        self.bytes[1..5].copy_from_slice(&length);
        // SAFETY: sends the first `length` bytes of this array; a closed number is refused by the system.
        unsafe {
            libc::send(
                to,
                self.bytes.as_ptr().cast(),
                self.length,
                libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_made_without_memory_and_read_as_any_other() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut record = Record::default();
        record.number(11, 10);
        record.push(b' ');
        record.number(0xdead_0010, 16);
        record.text(b" stack");
        record.send(ours.as_raw_fd());
        let read = super::super::control::read(&theirs).unwrap().unwrap();
        assert_eq!((read.kind, read.text.as_str()), (Kind::Crash, "11 dead0010 stack"));
        let mut zero = Record::default();
        zero.number(0, 16);
        assert_eq!(&zero.bytes[5..zero.length], b"0");
    }
}
