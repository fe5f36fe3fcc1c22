//! Shell lines and scripts: their output comes while they run, and an interrupt ends them.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, test_kill_process_group, waitpgid};

use crate::outputs::{CellError, Outputs, Stream};
use crate::state::NotebookState;
use crate::{guard, orphans, processes};

const PIECE: usize = 64 * 1024;
/// How often it is looked whether processes that outlive their line have ended.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Runs a line in `sh`, to its end. Processes that it leaves in the background go on, unheard; they end with the notebook, and
/// by an interrupt.
///
/// # Errors
/// `ShellError` when the status is not 0 or something killed the shell, `Interrupted` when the user did.
pub fn run_shell(command: &str, outputs: &Arc<dyn Outputs>, state: &Arc<NotebookState>) -> Result<(), CellError> {
    if command.is_empty() {
        return Ok(());
    }
    run_script("sh", command, outputs, state)
}

/// Runs a script in `shell`, as [`run_shell`] does.
pub fn run_script(
    shell: &str,
    script: &str,
    outputs: &Arc<dyn Outputs>,
    state: &Arc<NotebookState>,
) -> Result<(), CellError> {
    let failed = |error: &io::Error| CellError::new("ShellError", format!("`{shell}` could not be run: {error}"));
    let directory = state.directory().map_err(|error| failed(&error))?;
    let mut command = Command::new(shell);
    processes::mark(&mut command);
    let mut child = command
        .arg("-c")
        .arg(script)
        .envs(state.environment())
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| failed(&error))?;
    let group = child.id();
    state.shell_started(group);
    // An interrupt that came just before has not found the shell.
    if outputs.is_interrupted() {
        state.interrupt_shells();
    }
    let pipes = Pipes {
        stdout: child.stdout.take(),
        stderr: child.stderr.take(),
    };
    let ended = listen(child, pipes, outputs.as_ref());
    match ended {
        Ok((status, pipes)) => {
            let was_interrupted = state.was_interrupted(group);
            guard::has_run_a_shell();
            leave(group, pipes, state);
            outcome(shell, status, was_interrupted)
        }
        Err(error) => {
            state.shell_ended(group);
            Err(failed(&error))
        }
    }
}

fn outcome(shell: &str, status: ExitStatus, was_interrupted: bool) -> Result<(), CellError> {
    if status.success() {
        return Ok(());
    }
    if was_interrupted {
        return Err(CellError::new("Interrupted", "the command was interrupted"));
    }
    let what = match (status.code(), status.signal()) {
        (Some(code), _) => format!("the command ended with status {code}"),
        (None, Some(signal)) => format!("`{shell}` was killed by {}", described(signal)),
        (None, None) => format!("the command ended: {status}"),
    };
    Err(CellError::new("ShellError", what))
}

/// A signal by its number and its name.
fn described(signal: i32) -> String {
    const NAMES: [(Signal, &str); 14] = [
        (Signal::HUP, "SIGHUP"),
        (Signal::INT, "SIGINT"),
        (Signal::QUIT, "SIGQUIT"),
        (Signal::ILL, "SIGILL"),
        (Signal::TRAP, "SIGTRAP"),
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::KILL, "SIGKILL"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::PIPE, "SIGPIPE"),
        (Signal::ALARM, "SIGALRM"),
        (Signal::TERM, "SIGTERM"),
        (Signal::XCPU, "SIGXCPU"),
    ];
    match NAMES.iter().find(|(known, _)| known.as_raw() == signal) {
        Some((_, name)) => format!("signal {signal} ({name})"),
        None => format!("signal {signal}"),
    }
}

#[derive(Debug, Default)]
struct Pipes {
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

/// Passes on what the shell writes until it ends, and then what is still in the pipes. Returns pipes that other processes
/// hold open.
fn listen(mut child: Child, mut pipes: Pipes, outputs: &dyn Outputs) -> io::Result<(ExitStatus, Pipes)> {
    // The thread's end of the pair closes when the shell has ended.
    let (ended, sign) = UnixStream::pair()?;
    let waiter = thread::Builder::new().name("shell".to_owned()).spawn(move || {
        let status = child.wait();
        drop(sign);
        status
    })?;
    let (mut stdout, mut stderr) = (Decoder::new(Stream::Stdout), Decoder::new(Stream::Stderr));
    let mut has_ended = false;
    let mut piece = vec![0; PIECE];
    while pipes.stdout.is_some() || pipes.stderr.is_some() {
        let ready = wait(&pipes, (!has_ended).then_some(&ended))?;
        if has_ended && !ready.stdout && !ready.stderr {
            break;
        }
        if ready.stdout && stdout.take(&mut pipes.stdout, &mut piece, outputs)? {
            pipes.stdout = None;
        }
        if ready.stderr && stderr.take(&mut pipes.stderr, &mut piece, outputs)? {
            pipes.stderr = None;
        }
        has_ended |= ready.ended;
    }
    stdout.finish(outputs);
    stderr.finish(outputs);
    let status = waiter
        .join()
        .map_err(|_| io::Error::other("the thread that waits for the shell panicked"))??;
    Ok((status, pipes))
}

/// What can be read, or is over.
#[derive(Clone, Copy, Debug, Default)]
struct Ready {
    stdout: bool,
    stderr: bool,
    ended: bool,
}

/// Waits until something is ready. Without `ended`, looks and does not wait.
fn wait(pipes: &Pipes, ended: Option<&UnixStream>) -> io::Result<Ready> {
    let sources = [
        pipes.stdout.as_ref().map(AsFd::as_fd),
        pipes.stderr.as_ref().map(AsFd::as_fd),
        ended.map(AsFd::as_fd),
    ];
    let mut polled: Vec<PollFd<'_>> = sources
        .iter()
        .flatten()
        .map(|source| PollFd::from_borrowed_fd(*source, PollFlags::IN))
        .collect();
    let timeout = if ended.is_some() {
        None
    } else {
        Some(Timespec { tv_sec: 0, tv_nsec: 0 })
    };
    loop {
        match poll(&mut polled, timeout.as_ref()) {
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut answers = polled.iter().map(|polled| !polled.revents().is_empty());
    let mut is_ready = |source: usize| sources[source].is_some() && answers.next().unwrap_or(false);
    Ok(Ready {
        stdout: is_ready(0),
        stderr: is_ready(1),
        ended: is_ready(2),
    })
}

/// Bytes to text, with characters that are cut in two put together again, and what is no UTF-8 replaced.
#[derive(Debug)]
struct Decoder {
    stream: Stream,
    /// The beginning of a character whose end has not come: at most 3 bytes.
    begun: Vec<u8>,
}

impl Decoder {
    fn new(stream: Stream) -> Self {
        Self {
            stream,
            begun: Vec::new(),
        }
    }

    /// Reads once. True at the end of the pipe.
    fn take(&mut self, pipe: &mut Option<impl Read>, piece: &mut [u8], outputs: &dyn Outputs) -> io::Result<bool> {
        let Some(pipe) = pipe else { return Ok(true) };
        let length = match pipe.read(piece) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(false),
            Err(error) => return Err(error),
        };
        let text = self.decode(&piece[..length]);
        if !text.is_empty() {
            outputs.stream(self.stream, &text);
        }
        Ok(length == 0)
    }

    fn decode(&mut self, bytes: &[u8]) -> String {
        let mut all = std::mem::take(&mut self.begun);
        all.extend_from_slice(bytes);
        let mut text = String::with_capacity(all.len());
        let mut rest = all.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    return text;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    let Some(invalid) = error.error_len() else {
                        self.begun = after.to_vec();
                        return text;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &after[invalid..];
                }
            }
        }
    }

    /// What was begun has no end.
    fn finish(&mut self, outputs: &dyn Outputs) {
        if !self.begun.is_empty() {
            outputs.stream(self.stream, &String::from_utf8_lossy(&std::mem::take(&mut self.begun)));
        }
    }
}

/// The shell has ended. While processes that it started are alive, their output is read, since they would be killed for
/// writing it, and their group stays known, so that it ends with the notebook.
fn leave(group: u32, pipes: Pipes, state: &Arc<NotebookState>) {
    if !is_alive(group) {
        state.shell_ended(group);
        return;
    }
    let watched = Arc::clone(state);
    let spawned = thread::Builder::new().name("background".to_owned()).spawn(move || {
        let Pipes { stdout, stderr } = pipes;
        let discard = |pipe: Option<&mut dyn Read>| {
            // An error is as much an end as the end itself.
            let _ = pipe.map(|pipe| io::copy(pipe, &mut io::sink()));
        };
        thread::scope(|scope| {
            let mut stderr = stderr;
            scope.spawn(move || discard(stderr.as_mut().map(|pipe| pipe as &mut dyn Read)));
            let mut stdout = stdout;
            discard(stdout.as_mut().map(|pipe| pipe as &mut dyn Read));
        });
        while is_alive(group) {
            thread::sleep(LOOK_AGAIN);
        }
        watched.shell_ended(group);
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "nobody watches what a shell line left in the background");
    }
}

/// Whether anything of a group whose shell has ended is alive. What the kernel has adopted of it, and has ended, is buried.
fn is_alive(group: u32) -> bool {
    orphans::bury();
    let group = i32::try_from(group).ok().and_then(Pid::from_raw);
    group.is_some_and(|group| {
        while let Ok(Some(_)) = waitpgid(group, WaitOptions::NOHANG) {}
        test_kill_process_group(group).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::magic::testing::Recorder;
    use crate::state::Settings;

    fn run(command: &str) -> (Result<(), CellError>, Arc<Recorder>) {
        let recorder = Recorder::new();
        let outputs: Arc<dyn Outputs> = recorder.clone();
        let state = NotebookState::new(Settings::default());
        state.set_environment("GREETING", "hello");
        (run_shell(command, &outputs, &state), recorder)
    }

    fn name(result: Result<(), CellError>) -> String {
        result.unwrap_err().ename
    }

    #[test]
    fn both_streams_and_the_environment() {
        let (result, recorder) = run("printf \"$GREETING\"; echo oh no >&2; cat");
        result.unwrap();
        assert_eq!(recorder.stdout(), "hello");
        assert_eq!(recorder.stderr(), "oh no\n");
    }

    #[test]
    fn a_status_that_is_not_0_is_an_error_that_names_it() {
        let (result, recorder) = run("echo before; exit 3");
        let error = result.unwrap_err();
        assert_eq!(
            (error.ename.as_str(), error.evalue.as_str()),
            ("ShellError", "the command ended with status 3")
        );
        assert_eq!(recorder.stdout(), "before\n");
    }

    #[test]
    fn a_shell_that_something_kills_is_not_interrupted() {
        // Who starts the tests in the background may have them ignore SIGINT, which a shell would inherit. What is handled it does not.
        let is_default = Arc::new(std::sync::atomic::AtomicBool::new(true));
        signal_hook::flag::register_conditional_default(signal_hook::consts::SIGINT, is_default).unwrap();
        for (signal, described) in [
            ("KILL", "signal 9 (SIGKILL)"),
            ("INT", "signal 2 (SIGINT)"),
            ("TERM", "signal 15 (SIGTERM)"),
            ("USR1", "signal 10"),
        ] {
            let error = run(&format!("kill -{signal} $$")).0.unwrap_err();
            assert_eq!(
                (error.ename.as_str(), error.evalue.as_str()),
                ("ShellError", format!("`sh` was killed by {described}").as_str())
            );
        }
    }

    #[test]
    fn an_empty_line_does_nothing() {
        let outputs: Arc<dyn Outputs> = Recorder::new();
        let state = NotebookState::new(Settings::default());
        state.set_directory(std::path::Path::new("/no/such/folder"));
        run_shell("", &outputs, &state).unwrap();
    }

    #[test]
    fn much_output_arrives_whole() {
        let (result, recorder) = run("seq 1 200000; seq 1 20000 >&2");
        result.unwrap();
        let numbers: Vec<u32> = recorder.stdout().lines().map(|line| line.parse().unwrap()).collect();
        assert!(numbers.into_iter().eq(1..=200_000));
        assert_eq!(recorder.stderr().lines().count(), 20_000);
    }

    #[test]
    fn output_comes_while_the_command_runs() {
        let recorder = Recorder::new();
        let outputs: Arc<dyn Outputs> = recorder.clone();
        let state = NotebookState::new(Settings::default());
        let running = Arc::clone(&state);
        let line = thread::spawn(move || run_shell("echo begun; sleep 60", &outputs, &running));
        let deadline = Instant::now() + Duration::from_secs(10);
        while recorder.stdout() != "begun\n" {
            assert!(Instant::now() < deadline, "nothing came");
            thread::yield_now();
        }
        state.interrupt_shells();
        assert_eq!(name(line.join().unwrap()), "Interrupted");
    }

    #[test]
    fn an_interrupt_that_came_before_the_shell_ends_it_too() {
        let recorder = Recorder::new();
        recorder.interrupt();
        let outputs: Arc<dyn Outputs> = recorder;
        let state = NotebookState::new(Settings::default());
        assert_eq!(name(run_shell("sleep 60", &outputs, &state)), "Interrupted");
    }

    #[test]
    fn a_background_process_does_not_hold_up_the_cell_and_ends_with_the_notebook() {
        let recorder = Recorder::new();
        let outputs: Arc<dyn Outputs> = recorder.clone();
        let state = NotebookState::new(Settings::default());
        let started = Instant::now();
        run_shell("sleep 60 & echo $!", &outputs, &state).unwrap();
        assert!(started.elapsed() < Duration::from_secs(20));
        let process: i32 = recorder.stdout().trim().parse().unwrap();
        let process = Pid::from_raw(process).unwrap();
        assert!(rustix::process::test_kill_process(process).is_ok());
        state.interrupt_shells();
        let deadline = Instant::now() + Duration::from_secs(10);
        while is_running(process) {
            assert!(Instant::now() < deadline, "it is still there");
            thread::yield_now();
        }
    }

    /// A killed process that nobody has waited for is a zombie, not running.
    fn is_running(process: Pid) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
        stat.is_ok_and(|stat| {
            !stat
                .rsplit(')')
                .next()
                .unwrap_or_default()
                .trim_start()
                .starts_with('Z')
        })
    }

    #[test]
    fn a_shell_that_is_not_there_is_an_error() {
        let outputs: Arc<dyn Outputs> = Recorder::new();
        let state = NotebookState::new(Settings::default());
        let error = run_script("no-such-shell", "true", &outputs, &state).unwrap_err();
        assert!(
            error.evalue.starts_with("`no-such-shell` could not be run"),
            "{}",
            error.evalue
        );
    }

    #[test]
    fn characters_that_are_cut_in_two_are_put_together() {
        let bytes = "aé日🦀".as_bytes();
        for cut in 0..=bytes.len() {
            let mut decoder = Decoder::new(Stream::Stdout);
            let text = decoder.decode(&bytes[..cut]) + &decoder.decode(&bytes[cut..]);
            assert_eq!(text, "aé日🦀", "cut at {cut}");
            assert_eq!(decoder.begun, Vec::<u8>::new());
        }
        let mut decoder = Decoder::new(Stream::Stdout);
        assert_eq!(decoder.decode(b"x\xff\xe9y\xf0\x9f"), "x\u{fffd}\u{fffd}y");
        assert_eq!(decoder.decode(b"z"), "\u{fffd}z");
    }
}
