//! The kernel's process and the sockets to it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use jupyter_protocol::connection_info::ConnectionInfo;
use jupyter_protocol::messaging::{
    ExecuteRequest, InputReply, InterruptRequest, JupyterMessage, JupyterMessageContent, KernelInfoRequest,
    LanguageInfo, ReplyStatus, ShutdownRequest,
};
use jupyter_zmq_client::{
    ClientIoPubConnection, DealerRecvConnection, DealerSendConnection, RuntimeError, create_client_control_connection,
    create_client_iopub_connection, create_client_shell_connection_with_identity,
    create_client_stdin_connection_with_identity, peer_identity_for_session,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::addresses::{Addresses, private_folder};
use super::document::CodeCell;
use super::parameter::Parameter;
use crate::failure::Failure;
use crate::file::folder_of;
use crate::signals;

/// How long a kernel may take until it answers; it needs 0.15 s on an idle machine.
const START: Duration = Duration::from_secs(60);
/// How long one question waits for its answer before it is asked again: the first ones may be lost while sockets connect.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// How long a kernel may take to end its own processes.
const END: Duration = Duration::from_secs(10);
/// How much of what a kernel said about itself is shown when it ends unexpectedly.
const LAST_LINES: usize = 12;

/// How to start a kernel.
pub(crate) struct Launch<'a> {
    /// The program.
    pub(crate) program: &'a Path,
    /// The notebook's absolute path. The kernel works in its folder, as it does under Jupyter.
    pub(crate) notebook: &'a Path,
    /// The store.
    pub(crate) url: &'a str,
    /// The job that the notebook is to work on.
    pub(crate) job: Option<&'a str>,
    /// Answers to the notebook's inputs.
    pub(crate) parameters: &'a [Parameter],
}

/// What comes from a kernel.
pub(crate) enum Event {
    /// A broadcast: a status or an output.
    Broadcast(JupyterMessage),
    /// A reply to a request.
    Reply(JupyterMessage),
    /// A question to the user.
    Question(JupyterMessage),
    /// A message that cannot be read.
    Unreadable(RuntimeError),
    /// The process has ended.
    Ended(ExitStatus),
}

/// A kernel that runs. Dropping it kills the process.
pub(crate) struct Kernel {
    child: Child,
    shell: DealerSendConnection,
    control: DealerSendConnection,
    stdin: DealerSendConnection,
    events: UnboundedReceiver<Event>,
    language_info: Option<Value>,
    /// Read the sockets; they end with this.
    _readers: JoinSet<()>,
    /// Holds the connection file, the sockets and the log.
    folder: TempDir,
}

impl Kernel {
    /// Starts a kernel and waits until it answers.
    pub(crate) async fn start(launch: &Launch<'_>) -> Result<Self> {
        let folder = private_folder().context("cannot make a temporary folder")?;
        let addresses = Addresses::choose(folder.path()).await?;
        let mut child = spawn(launch, &addresses.file, &log(&folder))
            .with_context(|| format!("cannot start {}", launch.program.display()))?;
        let (sender, events) = unbounded_channel();
        let mut readers = JoinSet::new();
        let connected = tokio::select! {
            connected = timeout(START, connect(&addresses.info, sender, &mut readers)) => connected,
            status = child.wait() => return Err(ended_early(status?, &folder)),
        };
        let (shell, control, stdin) = match connected {
            Ok(connected) => connected.context("cannot connect to the kernel")?,
            Err(_) => return Err(silent(&folder)),
        };
        let mut kernel = Self {
            child,
            shell,
            control,
            stdin,
            events,
            language_info: None,
            _readers: readers,
            folder,
        };
        match timeout(START, kernel.greet()).await {
            Ok(greeted) => greeted?,
            Err(_) => return Err(silent(&kernel.folder)),
        }
        Ok(kernel)
    }

    /// Asks until a reply and a broadcast have come: then nothing of the first cell can be lost.
    async fn greet(&mut self) -> Result<()> {
        let (mut replied, mut broadcast) = (false, false);
        while !(replied && broadcast) {
            self.shell.send(KernelInfoRequest {}.into()).await?;
            let again = Instant::now() + ASK_AGAIN;
            while !(replied && broadcast) {
                let Ok(event) = tokio::time::timeout_at(again, self.next()).await else {
                    break;
                };
                match event {
                    Event::Broadcast(_) => broadcast = true,
                    Event::Reply(message) => {
                        if let JupyterMessageContent::KernelInfoReply(info) = message.content {
                            self.language_info = Some(language_info(&info.language_info)?);
                            replied = true;
                        }
                    }
                    Event::Ended(status) => return Err(ended_early(status, &self.folder)),
                    Event::Unreadable(error) => {
                        return Err(error).context("the kernel does not speak Jupyter's protocol");
                    }
                    Event::Question(_) => {}
                }
            }
        }
        Ok(())
    }

    /// What the kernel said about its language, as notebooks keep it.
    pub(crate) fn language_info(&self) -> Option<&Value> {
        self.language_info.as_ref()
    }

    /// Waits for what comes next. Messages that came before the process ended come before its end.
    pub(crate) async fn next(&mut self) -> Event {
        tokio::select! {
            biased;
            Some(event) = self.events.recv() => event,
            status = self.child.wait() => {
                // The last messages may still be on their way through the sockets.
                if let Ok(Some(event)) = timeout(Duration::from_millis(200), self.events.recv()).await {
                    return event;
                }
                Event::Ended(status.unwrap_or_default())
            }
        }
    }

    /// Asks for a cell to be run, and returns the id of the request.
    pub(crate) async fn execute(&mut self, cell: &CodeCell, allow_stdin: bool) -> Result<String> {
        let request = ExecuteRequest {
            allow_stdin,
            stop_on_error: !cell.may_fail,
            ..ExecuteRequest::new(cell.code.clone())
        };
        let message = JupyterMessage::from(request).with_metadata(json!({ "cellId": cell.id }));
        let id = message.header.msg_id.clone();
        self.shell
            .send(message)
            .await
            .context("cannot send the cell to the kernel")?;
        Ok(id)
    }

    /// Answers a question.
    pub(crate) async fn answer(&mut self, question: &JupyterMessage, value: String) -> Result<()> {
        let reply = InputReply {
            value,
            status: ReplyStatus::Ok,
            error: None,
        };
        self.stdin
            .send(reply.as_child_of(question))
            .await
            .context("cannot send the answer to the kernel")
    }

    /// Asks the kernel to stop the running cell.
    pub(crate) async fn interrupt(&mut self) -> Result<()> {
        self.control
            .send(InterruptRequest {}.into())
            .await
            .context("cannot interrupt the kernel")
    }

    /// Ends the kernel: politely, and then, or when `hurry` comes first, by force.
    pub(crate) async fn shut_down(mut self, hurry: impl Future<Output = ()>) {
        let polite = async {
            if self
                .control
                .send(ShutdownRequest { restart: false }.into())
                .await
                .is_ok()
            {
                let _ = self.child.wait().await;
            }
        };
        tokio::select! {
            () = polite => {}
            () = sleep(END) => {}
            () = hurry => {}
        }
        if let Ok(None) = self.child.try_wait() {
            signals::kill_group(&mut self.child);
            let _ = self.child.wait().await;
        }
    }

    /// The last that the kernel's process said about itself.
    pub(crate) fn last_words(&self) -> String {
        last_words(&self.folder)
    }
}

fn log(folder: &TempDir) -> PathBuf {
    folder.path().join("kernel.log")
}

fn spawn(launch: &Launch<'_>, connection_file: &Path, log: &Path) -> Result<Child> {
    let log = File::create(log)?;
    let mut command = Command::new(launch.program);
    command.arg("--connection-file").arg(connection_file);
    command.arg("--notebook").arg(launch.notebook);
    if let Some(job) = launch.job {
        command.arg(format!("--job={job}"));
    }
    command.args(launch.parameters.iter().map(Parameter::argument));
    command
        .current_dir(folder_of(launch.notebook))
        // Programs that cells start find the same store, too.
        .env("PIPULATE_URL", launch.url)
        // As Jupyter does it: a kernel whose parent is gone ends.
        .env("JPY_PARENT_PID", std::process::id().to_string())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true);
    signals::detach(&mut command);
    Ok(command.spawn()?)
}

/// Connects the four sockets, and starts to read them.
async fn connect(
    info: &ConnectionInfo,
    sender: UnboundedSender<Event>,
    readers: &mut JoinSet<()>,
) -> Result<(DealerSendConnection, DealerSendConnection, DealerSendConnection)> {
    let session = Uuid::new_v4().to_string();
    // A question goes to the stdin socket with the identity of the shell socket.
    let identity = peer_identity_for_session(&session)?;
    let iopub = create_client_iopub_connection(info, "", &session).await?;
    let (shell, replies) = create_client_shell_connection_with_identity(info, &session, identity.clone())
        .await?
        .split();
    let (stdin, questions) = create_client_stdin_connection_with_identity(info, &session, identity)
        .await?
        .split();
    let (control, control_replies) = create_client_control_connection(info, &session).await?.split();
    readers.spawn(read_iopub(iopub, sender.clone()));
    readers.spawn(read_dealer(replies, Event::Reply, sender.clone()));
    readers.spawn(read_dealer(questions, Event::Question, sender.clone()));
    readers.spawn(read_dealer(control_replies, Event::Reply, sender));
    Ok((shell, control, stdin))
}

async fn read_iopub(mut connection: ClientIoPubConnection, sender: UnboundedSender<Event>) {
    while pass_on(connection.read().await, Event::Broadcast, &sender) {}
}

async fn read_dealer(
    mut connection: DealerRecvConnection,
    wrap: fn(JupyterMessage) -> Event,
    sender: UnboundedSender<Event>,
) {
    while pass_on(connection.read().await, wrap, &sender) {}
}

/// False when nothing more can come, or nobody listens.
fn pass_on(
    read: Result<JupyterMessage, RuntimeError>,
    wrap: fn(JupyterMessage) -> Event,
    sender: &UnboundedSender<Event>,
) -> bool {
    match read {
        Ok(message) => sender.send(wrap(message)).is_ok(),
        // The other side is gone, which its process says better.
        Err(RuntimeError::ZmqError(_) | RuntimeError::IoError(_)) => false,
        Err(error) => sender.send(Event::Unreadable(error)).is_ok(),
    }
}

/// As notebooks keep it: without what is not known.
fn language_info(info: &LanguageInfo) -> Result<Value> {
    let mut json = serde_json::to_value(info)?;
    if let Some(fields) = json.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    Ok(json)
}

fn last_words(folder: &TempDir) -> String {
    let text = fs::read(log(folder)).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

fn ended_early(status: ExitStatus, folder: &TempDir) -> anyhow::Error {
    Failure::new(format!("the kernel ended before it was ready ({status})"))
        .details(last_words(folder))
        .help("`pipulate doctor` checks what it needs.")
        .into()
}

fn silent(folder: &TempDir) -> anyhow::Error {
    Failure::new(format!("the kernel did not answer within {} s", START.as_secs()))
        .details(last_words(folder))
        .help("`pipulate doctor` checks what it needs.")
        .into()
}
