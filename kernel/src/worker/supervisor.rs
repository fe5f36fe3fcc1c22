//! The process between evcxr and the runner.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Instant;

use pipulate::store::wire::{FRAME_LIMIT, read_message, write_message};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpid};

use super::control::{self, Kind, Record};
use super::holds::Holds;
use super::recovery::{Process, Recovery};
use super::scanner::{Found, Scanner};
use super::system;
use super::wire::{Event, Hello, Order, Outcome, Panic, ReturnedError, keep_source};
use crate::outputs::Stream;

/// What evcxr waits for at the end of a cell.
const EXECUTION_COMPLETE: &[u8] = b"EVCXR_EXECUTION_COMPLETE\n";
/// Not UTF-8, so evcxr returns an error and commits nothing of a cell: every variable stays, in its eyes too.
const NOTHING_HAPPENED: &[u8] = b"\xFF\n";
const PIECE: usize = 64 * 1024;

pub(super) fn run() -> ! {
    match Supervisor::start().and_then(|mut supervisor| supervisor.serve()) {
        Ok(()) => std::process::exit(0),
        Err(error) => {
            eprintln!("the supervisor of cells stopped: {error}");
            std::process::exit(1);
        }
    }
}

struct Supervisor {
    /// The runner is its own process group, so that it goes with all that it started.
    runner: Process,
    /// Can be read once the runner has ended. A process that a cell has forked may keep the control socket open.
    death: Option<OwnedFd>,
    recovery: Recovery,
    /// Cells get a checkpoint.
    checkpoints: bool,
    kernel: UnixStream,
    /// A pipe is absent once user code has closed its end.
    stdout: Option<File>,
    stderr: Option<File>,
    evcxr: File,
    /// Bytes of a line from evcxr that is not whole yet.
    evcxr_line: Vec<u8>,
    scanner: Scanner,
    stderr_scanner: Scanner,
    holds: Holds,
    cell: Cell,
    /// The source of the cell that runs, or ran last.
    source: PathBuf,
    /// The next cell is not to be run.
    cancelled: bool,
    /// What evcxr was told, in this cell, of variables whose types have changed.
    changed_types: HashSet<String>,
}

/// How far the cell that runs has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    /// There is none.
    None,
    Running,
    /// The runner is to be killed for it once it may be.
    Interrupted,
    /// The runner has been killed for it.
    Killed,
}

impl Supervisor {
    fn start() -> io::Result<Self> {
        let socket = std::env::var_os(super::SOCKET).ok_or_else(|| io::Error::other("no socket to the kernel"))?;
        let mut kernel = UnixStream::connect(&socket)?;
        send(
            &mut kernel,
            &Hello::Supervisor {
                process: std::process::id(),
            },
        )?;
        system::adopt_orphans();
        let (control, theirs) = UnixStream::pair()?;
        let mut runner = super::runner_command()?
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let pipe = |pipe: Option<OwnedFd>| {
            pipe.map(File::from)
                .ok_or_else(|| io::Error::other("the runner has no pipe"))
        };
        let stdout = pipe(runner.stdout.take().map(OwnedFd::from))?;
        let stderr = pipe(runner.stderr.take().map(OwnedFd::from))?;
        let number = Pid::from_child(&runner);
        Ok(Self {
            runner: Process { number, control },
            death: system::watch(number),
            recovery: Recovery::default(),
            checkpoints: true,
            kernel,
            stdout: Some(stdout),
            stderr: Some(stderr),
            evcxr: File::from(io::stdin().as_fd().try_clone_to_owned()?),
            evcxr_line: Vec::new(),
            scanner: Scanner::for_stdout(),
            stderr_scanner: Scanner::for_stderr(),
            holds: Holds::default(),
            cell: Cell::None,
            source: PathBuf::new(),
            cancelled: false,
            changed_types: HashSet::new(),
        })
    }

    /// Passes things on until the kernel or the runner is gone.
    fn serve(&mut self) -> io::Result<()> {
        loop {
            let [evcxr, kernel, control, death, stdout, stderr] = self.wait()?;
            let panic = self.holds.expired(Instant::now());
            self.print(panic)?;
            // A report comes before the marker that is printed after it.
            if (control && !self.control()?) || (death && !control) {
                if !self.runner_died()? {
                    return Ok(());
                }
                // What could be read before has been read by now; to read again would be to wait.
                continue;
            }
            if !control && (stdout || stderr) {
                self.drain(stdout, stderr)?;
            }
            if kernel && !self.order()? {
                return Ok(());
            }
            if evcxr && !self.take_from_evcxr()? {
                return Ok(());
            }
        }
    }

    /// Waits until something can be read: from evcxr, the kernel, the control socket, what tells the runner's death, standard
    /// output, standard error.
    fn wait(&self) -> io::Result<[bool; 6]> {
        let timeout = self
            .holds
            .deadline()
            .map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        ready(
            [
                Some(self.evcxr.as_fd()),
                Some(self.kernel.as_fd()),
                Some(self.runner.control.as_fd()),
                self.death.as_ref().map(OwnedFd::as_fd),
                self.stdout.as_ref().map(File::as_fd),
                self.stderr.as_ref().map(File::as_fd),
            ],
            timeout.as_ref(),
        )
    }

    /// Takes one record from the runner; false when the runner is gone.
    fn control(&mut self) -> io::Result<bool> {
        let Ok(Some(Record { kind, text, descriptor })) = control::read(&self.runner.control) else {
            return Ok(false);
        };
        match kind {
            Kind::Checkpoint => {
                if let Some(descriptor) = descriptor {
                    self.recovery.made(&text, UnixStream::from(descriptor));
                }
                self.kill_if_interrupted();
            }
            Kind::NoCheckpoint => {
                self.recovery.refused(text);
                self.kill_if_interrupted();
            }
            Kind::Crash => self.recovery.crashed(&text),
            Kind::Panic => {
                let panic = Panic::parse(&text);
                if panic.thread.is_some() {
                    self.drain_all()?;
                    self.print(Some(panic))?;
                } else {
                    // Held first: what is in the pipes may have been displayed after it, by code that caught it.
                    let before = self.holds.panic(panic);
                    self.print(before)?;
                    self.drain_all()?;
                }
            }
            Kind::QuestionMark => self.holds.failed(ReturnedError::parse(&text)),
            Kind::Unwound if self.is_generated(&text) => {
                self.drain_all()?;
                self.holds.panicked();
                to_evcxr(b"EVCXR_PANIC_NOTIFICATION\n")?;
            }
            Kind::Unwound => self.text(Stream::Stdout, "EVCXR_PANIC_NOTIFICATION\n".to_owned())?,
            Kind::Returned => to_evcxr(b"EVCXR_ERROR_OCCURRED\n")?,
            // It came to its end while it was being killed. Nobody has been told, so it has not.
            Kind::Done | Kind::Failed if self.cell == Cell::Killed => {}
            Kind::Done => self.done(EXECUTION_COMPLETE)?,
            Kind::Failed => {
                self.holds.not_loaded(text);
                self.done(NOTHING_HAPPENED)?;
            }
            Kind::Run | Kind::RunOnly | Kind::Wake | Kind::Ready | Kind::Directory | Kind::Variable => {}
        }
        Ok(true)
    }

    /// Whether a line of the cell's crate is evcxr's own report of a panic, which stands below all user code.
    fn is_generated(&self, line: &str) -> bool {
        let Ok(source) = std::fs::read_to_string(&self.source) else {
            return true;
        };
        let last = source
            .lines()
            .zip(1_usize..)
            .filter(|(text, _)| text.contains("\"EVCXR_PANIC_NOTIFICATION\""))
            .last();
        last.is_none_or(|(_, number)| line.parse() == Ok(number))
    }

    fn done(&mut self, for_evcxr: &[u8]) -> io::Result<()> {
        self.recovery.let_go();
        let outcome = self.end_outputs()?;
        self.cell = Cell::None;
        send(&mut self.kernel, &Event::Done(outcome))?;
        to_evcxr(for_evcxr)
    }

    /// Sends all that is left of a cell's outputs.
    fn end_outputs(&mut self) -> io::Result<Outcome> {
        self.drain_all()?;
        for found in self.scanner.finish() {
            self.found(found)?;
        }
        for found in self.stderr_scanner.finish() {
            self.found_on_stderr(found)?;
        }
        let (panic, outcome) = self.holds.end();
        self.print(panic)?;
        Ok(outcome)
    }

    /// Takes one order from the kernel; false when the kernel is gone.
    fn order(&mut self) -> io::Result<bool> {
        let Ok(Some(order)) = read_message(&mut self.kernel, FRAME_LIMIT) else {
            return Ok(false);
        };
        match order {
            Order::Sync { number } => {
                self.drain_all()?;
                send(&mut self.kernel, &Event::Synced { number })?;
            }
            Order::Begin => {
                self.cancelled = false;
                self.changed_types.clear();
            }
            Order::Directory { directory } => self.tell(Kind::Directory, &directory),
            Order::Variable { name, value } => self.tell(Kind::Variable, &format!("{name}={value}")),
            Order::Checkpoints { on } => self.checkpoints = on,
            Order::Cancel if self.cell == Cell::None => self.cancelled = true,
            Order::Cancel if self.cell == Cell::Running => {
                self.cell = Cell::Interrupted;
                self.kill_if_interrupted();
            }
            Order::Cancel => {}
            Order::Exit => return Ok(false),
        }
        Ok(true)
    }

    /// Takes what evcxr says; false when evcxr is gone.
    fn take_from_evcxr(&mut self) -> io::Result<bool> {
        let mut piece = [0; 4096];
        let length = self.evcxr.read(&mut piece)?;
        if length == 0 {
            return Ok(false);
        }
        self.evcxr_line.extend_from_slice(&piece[..length]);
        while let Some(end) = self.evcxr_line.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.evcxr_line.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            // evcxr puts the path first and divides by a space; the path may hold spaces, the function's name does not.
            let Some(target) = line.trim_end().strip_prefix("LOAD_AND_RUN ") else {
                continue;
            };
            let Some((path, function)) = target.rsplit_once(' ') else {
                continue;
            };
            self.run_cell(function, path)?;
        }
        Ok(true)
    }

    fn run_cell(&mut self, function: &str, path: &str) -> io::Result<()> {
        if std::mem::take(&mut self.cancelled) {
            return to_evcxr(NOTHING_HAPPENED);
        }
        self.cell = Cell::Running;
        // evcxr builds somewhere below PACKAGE/target.
        let mut above = Path::new(path).ancestors();
        let package = above.find(|folder| folder.ends_with("target")).and_then(Path::parent);
        self.source = package.unwrap_or_else(|| Path::new("")).join("src/lib.rs");
        // Without it, panics show no line.
        let _ = keep_source(&self.source, Path::new(path));
        self.recovery.begin();
        send(&mut self.kernel, &Event::Started)?;
        let kind = if self.checkpoints { Kind::Run } else { Kind::RunOnly };
        // A runner that is gone shows as the end of its control socket.
        let _ = control::write(&self.runner.control, kind, format!("{function} {path}").as_bytes());
        Ok(())
    }

    /// Tells the runner of something that it and those that come after it remember.
    fn tell(&mut self, kind: Kind, text: &str) {
        if self.cell != Cell::None {
            self.recovery.told(kind, text);
        }
        let _ = control::write(&self.runner.control, kind, text.as_bytes());
    }

    /// Sends all that has been printed so far.
    fn drain_all(&mut self) -> io::Result<()> {
        loop {
            let pipes = [
                self.stdout.as_ref().map(File::as_fd),
                self.stderr.as_ref().map(File::as_fd),
            ];
            let [stdout, stderr] = ready(pipes, Some(&Timespec::default()))?;
            if !(stdout || stderr) || !self.drain(stdout, stderr)? {
                return Ok(());
            }
        }
    }

    /// Takes a piece from each pipe that has one; false when neither gave anything.
    fn drain(&mut self, stdout: bool, stderr: bool) -> io::Result<bool> {
        let mut any = false;
        if stdout && let Some(piece) = read_piece(&mut self.stdout)? {
            any = true;
            for found in self.scanner.push(&piece) {
                self.found(found)?;
            }
        }
        if stderr {
            any |= self.drain_stderr()?;
        }
        Ok(any)
    }

    /// Takes all that is on standard error; false when there is nothing. Never waits: a display on standard output may have
    /// had it taken already.
    fn drain_stderr(&mut self) -> io::Result<bool> {
        let mut any = false;
        loop {
            let [stderr] = ready([self.stderr.as_ref().map(File::as_fd)], Some(&Timespec::default()))?;
            if !stderr || !self.take_stderr()? {
                return Ok(any);
            }
            any = true;
        }
    }

    /// Takes a piece of standard error; false at its end.
    fn take_stderr(&mut self) -> io::Result<bool> {
        let Some(piece) = read_piece(&mut self.stderr)? else {
            return Ok(false);
        };
        for found in self.stderr_scanner.push(&piece) {
            self.found_on_stderr(found)?;
        }
        Ok(true)
    }

    fn found(&mut self, found: Found) -> io::Result<()> {
        match found {
            Found::Text(text) => self.text(Stream::Stdout, text),
            Found::Content { mime, text } => {
                // What is on standard error by now was printed before the display, and is shown before it.
                self.drain_stderr()?;
                let panic = self.holds.release_panic();
                self.print(panic)?;
                send(&mut self.kernel, &Event::Content { mime, text })
            }
            // evcxr forgets the variable then and runs the cell once more, so it never hears of one twice. A line that comes again is
            // printed by user code, which would run for ever.
            Found::ChangedType(line) if self.changed_types.insert(line.clone()) => {
                to_evcxr(format!("{line}\n").as_bytes())
            }
            Found::ChangedType(line) => self.text(Stream::Stdout, format!("{line}\n")),
        }
    }

    /// Nothing on standard error is for evcxr: a marker there is the user's own text.
    fn found_on_stderr(&mut self, found: Found) -> io::Result<()> {
        if let Found::Text(text) = found {
            self.text(Stream::Stderr, text)
        } else {
            Ok(())
        }
    }

    fn text(&mut self, stream: Stream, text: String) -> io::Result<()> {
        send(&mut self.kernel, &Event::Text { stream, text })
    }

    /// Shows a panic that is not the cell's end.
    fn print(&mut self, panic: Option<Panic>) -> io::Result<()> {
        let Some(panic) = panic else { return Ok(()) };
        self.text(Stream::Stderr, panic.as_printed())
    }

    fn kill_group(&self) {
        // Fails only where the group is gone already.
        let _ = kill_process_group(self.runner.number, Signal::KILL);
    }

    fn kill_if_interrupted(&mut self) {
        if self.cell == Cell::Interrupted && !self.recovery.is_undecided() {
            self.cell = Cell::Killed;
            self.kill_group();
        }
    }

    /// The runner is gone, or going. True when a checkpoint goes on in its place.
    fn runner_died(&mut self) -> io::Result<bool> {
        self.kill_group();
        let status = waitpid(Some(self.runner.number), WaitOptions::empty())?;
        let status = ExitStatus::from_raw(status.map_or(0, |(_, status)| status.as_raw()));
        // What it said last, a checkpoint among it.
        while ready([Some(self.runner.control.as_fd())], Some(&Timespec::default()))? == [true] && self.control()? {}
        system::kill_children(&self.recovery.own());
        self.end_outputs()?;
        let cell = std::mem::replace(&mut self.cell, Cell::None);
        let death = self
            .recovery
            .death(status, matches!(cell, Cell::Interrupted | Cell::Killed));
        let running = cell != Cell::None;
        if running && let Some(woken) = self.recovery.wake() {
            self.death = system::watch(woken.number);
            self.runner = woken;
            send(&mut self.kernel, &Event::WentBack(death))?;
            to_evcxr(NOTHING_HAPPENED)?;
            return Ok(true);
        }
        let no_checkpoint = if running { self.recovery.none_since() } else { None };
        send(&mut self.kernel, &Event::Died { death, no_checkpoint })?;
        Ok(false)
    }
}

impl Drop for Supervisor {
    /// Nothing that user code has started outlives the supervisor.
    fn drop(&mut self) {
        self.kill_group();
        system::kill_children(&[]);
    }
}

fn send<T: serde::Serialize>(to: &mut UnixStream, message: &T) -> io::Result<()> {
    write_message(to, message)
}

fn to_evcxr(line: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(line)?;
    stdout.flush()
}

/// A piece of what a pipe holds; `None`, and the pipe is dropped, at its end.
fn read_piece(pipe: &mut Option<File>) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = pipe else { return Ok(None) };
    let mut piece = vec![0; PIECE];
    let length = file.read(&mut piece)?;
    if length == 0 {
        *pipe = None;
        return Ok(None);
    }
    piece.truncate(length);
    Ok(Some(piece))
}

/// Which of the descriptors can be read, or are at their end.
fn ready<const N: usize>(
    descriptors: [Option<BorrowedFd<'_>>; N],
    timeout: Option<&Timespec>,
) -> io::Result<[bool; N]> {
    let mut polled: Vec<PollFd<'_>> = descriptors
        .iter()
        .flatten()
        .map(|descriptor| PollFd::new(descriptor, PollFlags::IN))
        .collect();
    match poll(&mut polled, timeout) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok([false; N]),
        Err(error) => return Err(error.into()),
    }
    let mut events = polled.iter().map(|polled| !polled.revents().is_empty());
    Ok(descriptors.map(|descriptor| descriptor.is_some() && events.next().unwrap_or(false)))
}
