//! One cell after the other, until the end or until something stops it.

use std::time::Duration;

use anyhow::Result;
use jupyter_protocol::messaging::{
    ErrorOutput, ExecuteReply, ExecutionState, InputRequest, JupyterMessage, JupyterMessageContent, ReplyStatus,
};
use tokio::time::{Instant, sleep_until};

use super::document::{CodeCell, Document};
use super::kernel::{Event, Kernel};
use super::outputs::Outputs;
use super::progress::{Progress, shown};
use super::prompt::Prompt;
use crate::signals::{Signal, Signals};

/// How long a cell may take to end once it is interrupted.
const INTERRUPTED: Duration = Duration::from_secs(5);
/// How long the last outputs may take after the reply.
const LAST_OUTPUTS: Duration = Duration::from_secs(5);

/// Runs a notebook's cells.
pub(crate) struct Runner<'a> {
    pub(crate) kernel: &'a mut Kernel,
    pub(crate) document: &'a mut Document,
    pub(crate) progress: &'a mut Progress,
    pub(crate) signals: &'a mut Signals,
    /// How long each cell may take.
    pub(crate) timeout: Option<Duration>,
}

/// What was run.
pub(crate) struct Summary {
    /// Cells that were begun.
    pub(crate) cells: usize,
    /// From the first to the last.
    pub(crate) elapsed: Duration,
    /// The cell that stopped the run before its end, and why.
    pub(crate) stopped: Option<(usize, CodeCell, Stop)>,
}

/// What stops a run before its end.
pub(crate) enum Stop {
    /// The cell failed.
    Failed(ErrorOutput),
    /// The cell took longer than it may.
    TimedOut(Duration),
    /// Someone wants us to end: for the second time, and then at once.
    Signal { signal: Signal, at_once: bool },
    /// The cell asks for input, and the terminal has ended.
    NoInput,
    /// The kernel's process ended.
    KernelEnded(std::process::ExitStatus),
    /// The kernel cannot be spoken to.
    Lost(anyhow::Error),
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Lost(error)
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Lost(error.into())
    }
}

impl Runner<'_> {
    /// Runs the cells, and puts what came of them into the document.
    pub(crate) async fn run(mut self, cells: &[CodeCell]) -> Result<Summary> {
        let started = Instant::now();
        let mut outputs = Outputs::default();
        let mut counts = vec![None; cells.len()];
        let mut prompt = Prompt::new();
        let mut stopped = None;
        let mut begun = 0;
        for (cell, count) in cells.iter().zip(&mut counts) {
            begun += 1;
            let cell_started = Instant::now();
            self.progress.begin(begun, &cell.code);
            let result = self.cell(cell, &mut outputs, &mut prompt, count).await;
            let (outcome, stop) = match result {
                Ok(()) => ("", None),
                Err(Stop::Failed(error)) if cell.may_fail => {
                    self.progress.show_expected(&error);
                    ("failed as it may, ", None)
                }
                Err(stop) => ("stopped, ", Some(stop)),
            };
            self.progress.end(begun, cell_started.elapsed(), outcome);
            if let Some(stop) = stop {
                stopped = Some((begun, cell.clone(), stop));
                break;
            }
        }
        // Cells that were not reached lose the outputs of an earlier run: nobody must take them for this one's.
        for (cell, count) in cells.iter().zip(counts) {
            self.document.record(cell.index, count, &outputs.to_json(cell.index)?);
        }
        Ok(Summary {
            cells: begun,
            elapsed: started.elapsed(),
            stopped,
        })
    }

    /// Runs one cell: until its reply is there and the kernel is idle again.
    async fn cell(
        &mut self,
        cell: &CodeCell,
        outputs: &mut Outputs,
        prompt: &mut Prompt,
        count: &mut Option<usize>,
    ) -> Result<(), Stop> {
        let id = self.kernel.execute(cell, Prompt::is_possible()).await?;
        let mut limit = self.timeout.map(|timeout| Instant::now() + timeout);
        let mut question: Option<JupyterMessage> = None;
        let mut reply: Option<ExecuteReply> = None;
        let mut idle = false;
        // Why the cell was interrupted; its last outputs and its reply are still to come.
        let mut why: Option<Stop> = None;
        while reply.is_none() || !idle {
            tokio::select! {
                event = self.kernel.next() => match event {
                    Event::Broadcast(message) if is_child(&message, &id) => match message.content {
                        JupyterMessageContent::Status(status) => idle |= status.execution_state == ExecutionState::Idle,
                        JupyterMessageContent::ExecuteInput(input) => *count = Some(input.execution_count.value()),
                        content => {
                            self.progress.show(&content);
                            outputs.take(cell.index, content);
                        }
                    },
                    // A thread of an earlier cell may still bring its display up to date.
                    Event::Broadcast(message) => {
                        if matches!(message.content, JupyterMessageContent::UpdateDisplayData(_)) {
                            outputs.take(cell.index, message.content);
                        }
                    }
                    Event::Reply(message) if is_child(&message, &id) => {
                        if let JupyterMessageContent::ExecuteReply(content) = message.content {
                            reply = Some(content);
                            limit = Some(Instant::now() + LAST_OUTPUTS);
                        }
                    }
                    Event::Question(message) => {
                        if let JupyterMessageContent::InputRequest(InputRequest { prompt: text, password }) = &message.content {
                            self.progress.ask(text);
                            prompt.begin(*password);
                            question = Some(message);
                        }
                    }
                    Event::Unreadable(error) => self.progress.note(&format!("an output is lost, since it cannot be read: {error}")),
                    Event::Reply(_) => {}
                    Event::Ended(status) => return Err(why.unwrap_or(Stop::KernelEnded(status))),
                },
                answer = prompt.answer() => match (answer?, question.take()) {
                    (Some(line), Some(question)) => self.kernel.answer(&question, line).await?,
                    (None, Some(_)) => {
                        why = Some(Stop::NoInput);
                        limit = Some(self.interrupt().await?);
                    }
                    (_, None) => {}
                },
                () = sleep_until(limit.unwrap_or_else(Instant::now)), if limit.is_some() => {
                    if reply.is_some() {
                        break;
                    }
                    match (why, self.timeout) {
                        (None, Some(timeout)) => {
                            why = Some(Stop::TimedOut(timeout));
                            limit = Some(self.interrupt().await?);
                        }
                        (Some(why), _) => return Err(why),
                        (None, None) => return Err(Stop::Lost(anyhow::anyhow!("the cell does not end"))),
                    }
                }
                signal = self.signals.next() => {
                    if why.is_some() {
                        return Err(Stop::Signal { signal, at_once: true });
                    }
                    self.progress.note("Interrupting the cell; once more ends the kernel at once.");
                    why = Some(Stop::Signal { signal, at_once: false });
                    limit = Some(self.interrupt().await?);
                }
            }
        }
        if let Some(why) = why {
            return Err(why);
        }
        match reply {
            Some(reply) if reply.status == ReplyStatus::Ok => Ok(()),
            reply => {
                let error = error_of(reply);
                outputs.add_error(cell.index, error.clone());
                Err(Stop::Failed(error))
            }
        }
    }

    /// Asks the kernel to stop the cell, and says how long to wait for that.
    async fn interrupt(&mut self) -> Result<Instant> {
        self.kernel.interrupt().await?;
        Ok(Instant::now() + INTERRUPTED)
    }
}

impl Stop {
    /// What happened to cell `number` of `cells`, in a sentence.
    pub(crate) fn message(&self, number: usize, cells: usize) -> String {
        let cell = format!("cell {number} of {cells}");
        match self {
            Self::Failed(error) => format!("{cell} failed: {}", headline(error)),
            Self::TimedOut(timeout) => format!("{cell} took longer than {}", shown(*timeout)),
            Self::Signal { .. } => format!("interrupted in {cell}"),
            Self::NoInput => format!("{cell} asks for input, and there is no more"),
            Self::KernelEnded(status) => format!("the kernel ended in {cell} ({status})"),
            Self::Lost(error) => format!("the kernel was lost in {cell}: {error:#}"),
        }
    }
}

/// An error on one line.
pub(super) fn headline(error: &ErrorOutput) -> String {
    match error.evalue.lines().next() {
        Some(first) => format!("{}: {first}", error.ename),
        None => error.ename.clone(),
    }
}

fn is_child(message: &JupyterMessage, id: &str) -> bool {
    message.parent_header.as_ref().is_some_and(|parent| parent.msg_id == id)
}

fn error_of(reply: Option<ExecuteReply>) -> ErrorOutput {
    match reply.and_then(|reply| reply.error) {
        Some(error) => ErrorOutput {
            ename: error.ename,
            evalue: error.evalue,
            traceback: error.traceback,
        },
        None => ErrorOutput {
            ename: "Aborted".to_owned(),
            evalue: "the kernel did not run the cell".to_owned(),
            traceback: Vec::new(),
        },
    }
}
