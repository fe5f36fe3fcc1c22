//! Being asked to end, and asking other processes to.

use std::io;

use tokio::process::Child;

/// Why this process is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// The terminal was closed.
    HangUp,
}

impl Signal {
    /// Its number, which exit codes are made of.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::HangUp => 1,
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }
}

/// Signals to this process, from the moment this is made. They do not end it by themselves any more.
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupts: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminations: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hang_ups: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupts: tokio::signal::windows::CtrlC,
}

#[cfg(unix)]
impl Signals {
    /// Begins to listen; inside a tokio runtime.
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupts: signal(SignalKind::interrupt())?,
            terminations: signal(SignalKind::terminate())?,
            hang_ups: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupts.recv() => Signal::Interrupt,
            _ = self.terminations.recv() => Signal::Terminate,
            _ = self.hang_ups.recv() => Signal::HangUp,
        }
    }
}

#[cfg(windows)]
impl Signals {
    /// Begins to listen; inside a tokio runtime.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupts: tokio::signal::windows::ctrl_c()?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Signal {
        self.interrupts.recv().await;
        Signal::Interrupt
    }
}

/// Gives a child its own process group, so that Ctrl-C reaches us alone and we decide what becomes of it.
pub(crate) fn detach(command: &mut tokio::process::Command) {
    #[cfg(unix)]
    command.process_group(0);
    #[cfg(not(unix))]
    let _ = command;
}

/// Asks a child to end.
pub(crate) fn terminate(child: &mut Child) {
    #[cfg(unix)]
    if let Some(process) = pid(child) {
        // One that has just ended needs no signal.
        let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
    }
    // A console delivers Ctrl-C to all of its processes.
    #[cfg(not(unix))]
    let _ = child;
}

/// Ends a child that was started after [`detach`], and its whole process group.
pub(crate) fn kill_group(child: &mut Child) {
    #[cfg(unix)]
    if let Some(process) = pid(child) {
        let _ = rustix::process::kill_process_group(process, rustix::process::Signal::KILL);
    }
    let _ = child.start_kill();
}

/// Whether there is a process with this id.
pub(crate) fn is_alive(process: u32) -> bool {
    #[cfg(unix)]
    {
        let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
        process.is_some_and(|process| rustix::process::test_kill_process(process) != Err(rustix::io::Errno::SRCH))
    }
    // Not told: what it has left stays.
    #[cfg(not(unix))]
    {
        let _ = process;
        true
    }
}

/// The process id of a child that has not been waited for, so that it still means this child.
#[cfg(unix)]
fn pid(child: &Child) -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(i32::try_from(child.id()?).ok()?)
}
