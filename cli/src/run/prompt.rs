//! Asking the person at the terminal.

use std::io::{self, IsTerminal};
use std::sync::mpsc;
use std::thread;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::failure::tell;

/// Reads answers from the terminal on a thread of its own, since a read cannot be taken back: the run goes on, or ends, meanwhile.
pub(crate) struct Prompt {
    wanted: Option<mpsc::Sender<()>>,
    answers: UnboundedReceiver<io::Result<Option<String>>>,
    sender: UnboundedSender<io::Result<Option<String>>>,
    echo: Option<EchoOff>,
}

impl Prompt {
    /// Whether there is someone to ask.
    pub(crate) fn is_possible() -> bool {
        io::stdin().is_terminal()
    }

    /// Asks nobody yet.
    pub(crate) fn new() -> Self {
        let (sender, answers) = unbounded_channel();
        Self {
            wanted: None,
            answers,
            sender,
            echo: None,
        }
    }

    /// Begins to read a line. What is typed does not show where it is `secret`.
    pub(crate) fn begin(&mut self, secret: bool) {
        self.echo = if secret { EchoOff::new() } else { None };
        let sender = &self.sender;
        let wanted = self.wanted.get_or_insert_with(|| {
            let (wanted, requests) = mpsc::channel();
            let sender = sender.clone();
            thread::spawn(move || read_lines(&requests, &sender));
            wanted
        });
        // The thread ends only after a read has failed, and has said so then.
        let _ = wanted.send(());
    }

    /// Waits for the line that was begun: `None` at the end of the input. Pends where none was begun.
    pub(crate) async fn answer(&mut self) -> io::Result<Option<String>> {
        let answer = self.answers.recv().await.unwrap_or(Ok(None));
        if self.echo.take().is_some() {
            // The end of the line did not show either.
            tell("");
        }
        answer
    }
}

fn read_lines(requests: &mpsc::Receiver<()>, sender: &UnboundedSender<io::Result<Option<String>>>) {
    while requests.recv().is_ok() {
        let mut line = String::new();
        let answer = io::stdin().read_line(&mut line).map(|bytes| {
            let line = line.strip_suffix('\n').unwrap_or(&line);
            let line = line.strip_suffix('\r').unwrap_or(line);
            (bytes > 0).then(|| line.to_owned())
        });
        let failed = answer.is_err();
        if sender.send(answer).is_err() || failed {
            return;
        }
    }
}

/// The terminal does not show what is typed until this is dropped.
struct EchoOff {
    #[cfg(unix)]
    before: rustix::termios::Termios,
}

impl EchoOff {
    #[cfg(unix)]
    fn new() -> Option<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(io::stdin()).ok()?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent).ok()?;
        Some(Self { before })
    }

    #[cfg(not(unix))]
    fn new() -> Option<Self> {
        anstream::eprint!("(it shows as you type) ");
        None
    }
}

#[cfg(unix)]
impl Drop for EchoOff {
    fn drop(&mut self) {
        let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Now, &self.before);
    }
}
