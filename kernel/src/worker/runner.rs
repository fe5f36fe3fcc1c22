//! The process that loads and runs cells.
//!
//! It holds every variable of the notebook, in the store that evcxr's generated code keeps behind one pointer. It links
//! the standard library statically, while the cells share one that is loaded with them: so output that cells have
//! buffered is flushed, and panics are seen, by functions of a cell, the engine's prelude (`pipulate_cell_begin`,
//! `pipulate_cell_end`; see `engine::prelude`).

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::channel;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rustix::process::Pid;

use super::checkpoint::{self, Made};
use super::control::{self, Kind, Record};
use super::wire::Panic;
use super::{crash, system};

/// How code in cells reports a panic or a failed `?`.
type Report = extern "C" fn(u8, *const u8, usize);

/// How long the end of a cell waits for a thread that holds standard output.
const FLUSH: Duration = Duration::from_millis(100);

/// Reports come from wherever user code panics, so the socket is reached without passing it along.
static CONTROL: OnceLock<UnixStream> = OnceLock::new();
/// Held while one is written.
static REPORTING: Mutex<()> = Mutex::new(());

pub(super) fn run() -> ! {
    match Runner::start() {
        Ok(mut runner) => runner.serve(),
        Err(error) => {
            eprintln!("the process that runs cells did not start: {error}");
            std::process::exit(98);
        }
    }
}

struct Runner {
    control: &'static UnixStream,
    supervisor: Pid,
    /// The pipes to the supervisor, for the case that a cell closes or replaces its own.
    stdout: OwnedFd,
    stderr: OwnedFd,
    /// evcxr's store of variables, null at first.
    variables: *mut c_void,
    /// Never unloaded: values and thread-local destructors of the notebook point into them.
    cells: Vec<std::mem::ManuallyDrop<libloading::Library>>,
}

impl Runner {
    /// The control socket is standard input; user code finds an empty one in its place.
    fn start() -> std::io::Result<Self> {
        let supervisor = std::env::args().nth(2).and_then(|process| process.parse().ok());
        let supervisor = supervisor
            .and_then(Pid::from_raw)
            .ok_or_else(|| std::io::Error::other("no supervisor"))?;
        // A runner never outlives its supervisor, however that ends.
        if !system::die_with_parent(supervisor) {
            std::process::exit(0);
        }
        close_inherited();
        let control = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
        let control = CONTROL.get_or_init(|| control);
        let nothing = std::fs::File::open("/dev/null")?;
        rustix::stdio::dup2_stdin(&nothing)?;
        // A core dump of a large session takes seconds in which nothing answers.
        let _ = rustix::process::setrlimit(
            rustix::process::Resource::Core,
            rustix::process::Rlimit {
                current: Some(0),
                maximum: Some(0),
            },
        );
        system::spare_when_memory_is_short(false);
        crash::report_over(control)?;
        Ok(Self {
            control,
            supervisor,
            stdout: std::io::stdout().as_fd().try_clone_to_owned()?,
            stderr: std::io::stderr().as_fd().try_clone_to_owned()?,
            variables: std::ptr::null_mut(),
            cells: Vec::new(),
        })
    }

    fn serve(&mut self) -> ! {
        loop {
            let Ok(Some(Record { kind, text, .. })) = control::read(self.control) else {
                std::process::exit(0)
            };
            let told = match kind {
                Kind::Run | Kind::RunOnly => self.run(&text, kind == Kind::Run),
                Kind::Directory => {
                    // The kernel has been there itself just now; a folder that is gone since shows in the cell's own errors.
                    let _ = std::env::set_current_dir(&text);
                    Ok(())
                }
                Kind::Variable => {
                    set_variable(&text);
                    Ok(())
                }
                _ => std::process::exit(97),
            };
            if told.is_err() {
                std::process::exit(0);
            }
        }
    }

    /// Runs the cell `FUNCTION PATH`, and tells how far it got.
    fn run(&mut self, target: &str, with_checkpoint: bool) -> std::io::Result<()> {
        self.mend_outputs();
        let made = if with_checkpoint {
            let ours = [
                self.control.as_raw_fd(),
                self.stdout.as_raw_fd(),
                self.stderr.as_raw_fd(),
            ];
            checkpoint::make(self.control, self.supervisor, &ours)
        } else {
            Made::Refused("checkpoints are switched off (`%checkpoint on`)".to_owned())
        };
        match made {
            #[cfg(target_os = "linux")]
            Made::Sleeps => {}
            // The cell has cost a process already; it is not run again.
            #[cfg(target_os = "linux")]
            Made::Woken => return control::write(self.control, Kind::Ready, b""),
            Made::Refused(why) => control::write(self.control, Kind::NoCheckpoint, why.as_bytes())?,
        }
        let (function, path) = target.split_once(' ').unwrap_or((target, ""));
        let ended = match load(path) {
            Ok(library) => {
                crash::tell_of_this_process();
                let ended = run_cell(&library, path, function, &mut self.variables);
                if !crash::is_told_of() {
                    leave_fork();
                }
                self.cells.push(std::mem::ManuallyDrop::new(library));
                ended
            }
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) => control::write(self.control, Kind::Done, b""),
            Err(error) => control::write(self.control, Kind::Failed, reason(&error, path).as_bytes()),
        }
    }

    /// What a cell did to its standard output and error ends with it.
    fn mend_outputs(&self) {
        let same = |one: &OwnedFd, other: std::os::fd::BorrowedFd<'_>| {
            let identity = |stat: rustix::fs::Stat| (stat.st_dev, stat.st_ino);
            let other = rustix::fs::fstat(other).map(identity);
            rustix::fs::fstat(one).map(identity) == other
        };
        if !same(&self.stdout, std::io::stdout().as_fd()) {
            // Nothing is left to tell it to; the cell runs without.
            let _ = rustix::stdio::dup2_stdout(&self.stdout);
        }
        if !same(&self.stderr, std::io::stderr().as_fd()) {
            let _ = rustix::stdio::dup2_stderr(&self.stderr);
        }
    }
}

/// Closes what a careless parent of the kernel has left open: user code has no use for it, and a pipe among it would be taken
/// for user code's own.
fn close_inherited() {
    let Ok(open) = std::fs::read_dir("/dev/fd") else { return };
    let open: Vec<i32> = open
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    for number in open.into_iter().filter(|number| *number > 2) {
        // SAFETY: this process has opened nothing yet but the listing, which is closed by now, so nobody owns these.
        unsafe { libc::close(number) };
    }
}

fn set_variable(assignment: &str) {
    let (name, value) = assignment.split_once('=').unwrap_or((assignment, ""));
    // SAFETY: changing the environment races with other threads that read it. This is the one thread of the runner's own,
    // between cells; a thread that a cell has left running and that reads the environment now is the risk that a call of
    // `setenv` in the cell itself would have been.
    unsafe { std::env::set_var(name, value) };
}

fn load(path: &str) -> Result<libloading::Library, libloading::Error> {
    // SAFETY: the library is what evcxr has just compiled from the user's cell. Its initialisers are those of the
    // standard library and of the crates that the user asked for; running them is what the user asked for too.
    unsafe { libloading::Library::new(path) }
}

/// What the system says, without the place of the cell's file.
fn reason(error: &libloading::Error, path: &str) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let text = cause.to_string();
    text.strip_prefix(path)
        .map_or(text.as_str(), |rest| rest.trim_start_matches(": "))
        .to_owned()
}

fn run_cell(
    library: &libloading::Library,
    path: &str,
    function: &str,
    variables: &mut *mut c_void,
) -> Result<(), libloading::Error> {
    // SAFETY: the symbols are exported by the engine's prelude, with these types. A user's cell that has them, or the name by which
    // cells report, means to replace it.
    unsafe {
        if let Ok(begin) = library.get::<extern "C" fn(Report)>(b"pipulate_cell_begin\0") {
            begin(report);
            let end = library.get::<extern "C" fn()>(b"pipulate_cell_end\0")?;
            crash::flush_with(*end);
            // What it defines is for all cells that come later. Libraries that are loaded stay where they are.
            let flags = libloading::os::unix::RTLD_LAZY | libloading::os::unix::RTLD_GLOBAL;
            std::mem::forget(libloading::os::unix::Library::open(Some(path), flags)?);
        }
    }
    // SAFETY: evcxr's entry point takes the pointer to its variable store, null at first, and returns it, perhaps
    // newly made. This process gives it back what the last cell returned, from the same thread each time, so values that
    // are not `Send` stay on theirs. The cell catches its own panics, so nothing unwinds into here.
    unsafe {
        let run = library.get::<extern "C" fn(*mut c_void) -> *mut c_void>(function.as_bytes())?;
        *variables = run(*variables);
    }
    finish();
    Ok(())
}

/// Flushes what the cell has printed. A thread that outlives its cell may hold standard output for as long as it likes: then
/// the rest of the line comes when it lets go.
fn finish() {
    if system::threads() <= 1 {
        return crash::flush();
    }
    let (done, flushed) = channel();
    let flushing = std::thread::Builder::new().spawn(move || {
        crash::flush();
        let _ = done.send(());
    });
    if flushing.is_ok() {
        let _ = flushed.recv_timeout(FLUSH);
    }
}

/// Ends a process that a cell has forked and that came to the cell's end: there is one notebook, and it goes on in the runner.
fn leave_fork() -> ! {
    crash::flush();
    // SAFETY: ends this process; touches no memory. What user code has registered for the end of the process is the runner's.
    unsafe { libc::_exit(0) }
}

extern "C" fn report(kind: u8, text: *const u8, length: usize) {
    // SAFETY: the prelude passes the parts of a `&str` that is alive during the call.
    let text = unsafe { std::slice::from_raw_parts(text, length) };
    let Some(kind) = Kind::from_byte(kind) else { return };
    if !crash::is_told_of() {
        if kind == Kind::Panic {
            eprint!("{}", Panic::parse(&String::from_utf8_lossy(text)).as_printed());
        }
        return;
    }
    if let Some(control) = CONTROL.get() {
        // Threads report their panics, too, and a long record is not written in one piece.
        let _one = REPORTING.lock().unwrap_or_else(PoisonError::into_inner);
        // A supervisor that is gone takes this process with it.
        let _ = control::write(control, kind, text);
    }
}
