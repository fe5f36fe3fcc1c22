//! What the supervisor does when a cell has ended the runner: it goes back to the checkpoint that was made before the cell.

use std::io;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, waitpid};

use super::control::{self, Kind};
use super::wire::Death;

/// How long a checkpoint may take to wake. It has nothing to do but to say so.
const WAKING: Duration = Duration::from_secs(5);

/// The runner, or a copy of it: its process, and the socket to it.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) number: Pid,
    pub(super) control: UnixStream,
}

/// The way back from the cell that runs.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    asleep: Option<Process>,
    /// The runner has been told to run a cell, and has not said whether there is a checkpoint. Killed now, in the middle of
    /// the copying, it would take every variable with it.
    undecided: bool,
    /// Why there is no checkpoint before this cell.
    none_since: Option<String>,
    /// What the runner said while it died.
    crash: Option<Crash>,
    /// What the runner has been told since, which a checkpoint has not heard.
    told: Vec<(Kind, String)>,
    /// Checkpoints that were let go, and may not have ended yet.
    leaving: Vec<Pid>,
}

impl Recovery {
    /// A cell is about to run.
    pub(super) fn begin(&mut self) {
        self.let_go();
        self.undecided = true;
        self.none_since = None;
        self.crash = None;
        self.told.clear();
    }

    /// The runner has made a checkpoint.
    pub(super) fn made(&mut self, number: &str, control: UnixStream) {
        self.undecided = false;
        let Some(number) = number.parse().ok().and_then(Pid::from_raw) else {
            return;
        };
        // The copy does the same for itself, perhaps later than the group is killed that it leaves by this.
        let _ = rustix::process::setpgid(Some(number), Some(number));
        self.asleep = Some(Process { number, control });
    }

    /// There is no checkpoint before this cell.
    pub(super) fn refused(&mut self, why: String) {
        self.undecided = false;
        self.none_since = Some(why);
    }

    /// Whether the runner must not be killed yet.
    pub(super) fn is_undecided(&self) -> bool {
        self.undecided
    }

    /// The runner has been told something that a checkpoint must hear, too.
    pub(super) fn told(&mut self, kind: Kind, text: &str) {
        self.told.push((kind, text.to_owned()));
    }

    /// The runner says that it crashes.
    pub(super) fn crashed(&mut self, report: &str) {
        self.crash = Some(Crash::parse(report));
    }

    /// Why there is no way back.
    pub(super) fn none_since(&self) -> Option<String> {
        self.none_since.clone()
    }

    /// The cell is over: its checkpoint ends, and gives back what it held.
    pub(super) fn let_go(&mut self) {
        // It ends when it sees the end of its socket.
        self.leaving.extend(self.asleep.take().map(|process| process.number));
        self.reap();
    }

    /// Waits for those that have ended.
    fn reap(&mut self) {
        self.leaving
            .retain(|number| matches!(waitpid(Some(*number), WaitOptions::NOHANG), Ok(None)));
    }

    /// Processes that are neither the runner's nor strays.
    pub(super) fn own(&self) -> Vec<Pid> {
        let asleep = self.asleep.as_ref().map(|process| process.number);
        asleep.into_iter().chain(self.leaving.iter().copied()).collect()
    }

    /// Wakes the checkpoint; `None` where there is none, or it does not wake.
    pub(super) fn wake(&mut self) -> Option<Process> {
        let process = self.asleep.take()?;
        match awake(&process).and_then(|()| self.tell_again(&process)) {
            Ok(()) => Some(process),
            Err(error) => {
                self.none_since = Some(format!("the checkpoint did not wake: {error}"));
                let _ = rustix::process::kill_process(process.number, Signal::KILL);
                self.leaving.push(process.number);
                None
            }
        }
    }

    fn tell_again(&mut self, process: &Process) -> io::Result<()> {
        self.told
            .drain(..)
            .try_for_each(|(kind, text)| control::write(&process.control, kind, text.as_bytes()))
    }

    /// How the runner ended.
    pub(super) fn death(&self, status: ExitStatus, interrupted: bool) -> Death {
        let death = |name: &str, how: String| Death {
            name: name.to_owned(),
            how,
        };
        if interrupted {
            return death("Interrupted", "the running cell was stopped".to_owned());
        }
        let crash = self.crash.as_ref();
        let at = crash.map_or_else(String::new, |crash| format!(" at address 0x{}", crash.address));
        // Flushing in the handler may have ended in another signal.
        let signal = crash.map(|crash| crash.signal).or_else(|| status.signal());
        let Some(signal) = signal else {
            let code = status.code().unwrap_or_default();
            return death("Exited", format!("the cell ended its process with exit code {code}"));
        };
        match Signal::from_named_raw(signal) {
            Some(Signal::SEGV) if crash.is_some_and(|crash| crash.overflow) => death(
                "StackOverflow",
                "the cell used up its stack; does a function call itself without end?".to_owned(),
            ),
            Some(Signal::SEGV) => death(
                "SegmentationFault",
                format!("the cell touched memory that is not its own{at}"),
            ),
            Some(Signal::BUS) => death(
                "BusError",
                format!("the cell touched memory that cannot be reached{at}"),
            ),
            Some(Signal::ABORT) => death("Aborted", "the cell aborted its process".to_owned()),
            Some(Signal::ILL) => death("IllegalInstruction", "the cell met an illegal instruction".to_owned()),
            Some(Signal::FPE) => death("ArithmeticFault", "the cell met an arithmetic fault".to_owned()),
            Some(Signal::KILL) => death(
                "Killed",
                "the process of the cell was killed (signal 9), perhaps because memory ran out".to_owned(),
            ),
            _ => death(
                "Killed",
                format!("the process of the cell was ended by signal {signal}"),
            ),
        }
    }
}

fn awake(process: &Process) -> io::Result<()> {
    control::write(&process.control, Kind::Wake, b"")?;
    let timeout = Timespec::try_from(WAKING).map_err(io::Error::other)?;
    if poll(&mut [PollFd::new(&process.control, PollFlags::IN)], Some(&timeout))? == 0 {
        return Err(io::ErrorKind::TimedOut.into());
    }
    match control::read(&process.control)? {
        Some(record) if record.kind == Kind::Ready => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// What the handler of a crash reports: `SIGNAL ADDRESS`, and `stack`.
#[derive(Debug, PartialEq, Eq)]
struct Crash {
    signal: i32,
    address: String,
    overflow: bool,
}

impl Crash {
    fn parse(report: &str) -> Self {
        let mut words = report.split(' ');
        Self {
            signal: words.next().and_then(|word| word.parse().ok()).unwrap_or_default(),
            address: words.next().unwrap_or("0").to_owned(),
            overflow: words.next() == Some("stack"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_is_told_by_what_the_runner_said_last() {
        let mut recovery = Recovery::default();
        let killed = ExitStatus::from_raw(14);
        recovery.crashed("11 7ffd0010 stack");
        assert_eq!(recovery.death(killed, false).name, "StackOverflow");
        recovery.crashed("11 10");
        assert_eq!(
            recovery.death(killed, false).how,
            "the cell touched memory that is not its own at address 0x10"
        );
        assert_eq!(recovery.death(killed, true).name, "Interrupted");
        recovery.begin();
        let exited = recovery.death(ExitStatus::from_raw(3 << 8), false);
        assert_eq!(
            (exited.name.as_str(), exited.how.ends_with("exit code 3")),
            ("Exited", true)
        );
        assert_eq!(recovery.death(ExitStatus::from_raw(9), false).name, "Killed");
    }
}
