//! A kernel that does what its cells say, in a handful of verbs: `pipulate run` works with any kernel that speaks the protocol.
//!
//! It lives in this test program: a script starts the program again with one test to run, which then is the kernel.

use std::env;
use std::path::PathBuf;
use std::process;
use std::sync::Arc;

use jupyter_protocol::connection_info::ConnectionInfo;
use jupyter_protocol::media::{Media, MediaType};
use jupyter_protocol::messaging::{
    ClearOutput, DisplayData, ErrorOutput, ExecuteInput, ExecuteReply, ExecuteRequest, ExecuteResult, ExecutionCount,
    InputRequest, JupyterMessage, JupyterMessageContent, KernelInfoReply, ReplyError, ReplyStatus, ShutdownReply,
    Status, StreamContent, Transient, UpdateDisplayData,
};
use jupyter_zmq_client::{
    KernelIoPubConnection, KernelShellConnection, KernelStdinConnection, create_kernel_control_connection,
    create_kernel_iopub_connection, create_kernel_shell_connection, create_kernel_stdin_connection,
};
use serde_json::json;
use tokio::sync::Notify;

use crate::sandbox::Sandbox;

/// The arguments of the kernel, one a line; set only in the process that is to be one.
const ARGUMENTS: &str = "PIPULATE_TEST_KERNEL_ARGUMENTS";

/// Writes the program of the fake kernel into the sandbox.
pub(crate) fn install(sandbox: &Sandbox) -> PathBuf {
    let program = env::current_exe().unwrap();
    sandbox.script(
        "fake-kernel",
        &format!(
            "#!/bin/sh\n{ARGUMENTS}=$(printf '%s\\n' \"$@\")\nexport {ARGUMENTS}\n\
             exec '{}' --exact fake_kernel::a_kernel_is_what_speaks_the_protocol --nocapture\n",
            program.display()
        ),
    )
}

#[cfg(unix)]
#[test]
fn a_kernel_is_what_speaks_the_protocol() {
    if let Ok(arguments) = env::var(ARGUMENTS) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(serve(arguments.lines().map(str::to_owned).collect()));
        process::exit(0);
    }
    let sandbox = Sandbox::new();
    install(&sandbox);
    sandbox.write("greeting.ipynb", &crate::run::notebook_of(&["print hello"]));
    sandbox
        .run("run greeting.ipynb --kernel fake-kernel")
        .code(0)
        .stdout("hello\n");
}

struct Fake {
    arguments: Vec<String>,
    shell: KernelShellConnection,
    iopub: KernelIoPubConnection,
    stdin: KernelStdinConnection,
    interrupted: Arc<Notify>,
}

async fn serve(arguments: Vec<String>) {
    let file = arguments
        .iter()
        .skip_while(|argument| *argument != "--connection-file")
        .nth(1)
        .unwrap();
    let info: ConnectionInfo = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut control = create_kernel_control_connection(&info, "fake").await.unwrap();
    let interrupted = Arc::new(Notify::new());
    let mut fake = Fake {
        arguments,
        shell: create_kernel_shell_connection(&info, "fake").await.unwrap(),
        iopub: create_kernel_iopub_connection(&info, "fake").await.unwrap(),
        stdin: create_kernel_stdin_connection(&info, "fake").await.unwrap(),
        interrupted: Arc::clone(&interrupted),
    };
    tokio::spawn(async move {
        loop {
            let message = control.read().await.unwrap();
            match &message.content {
                JupyterMessageContent::InterruptRequest(_) => interrupted.notify_one(),
                JupyterMessageContent::ShutdownRequest(_) => {
                    let reply = ShutdownReply {
                        restart: false,
                        status: ReplyStatus::Ok,
                        error: None,
                    };
                    control.send(reply.as_child_of(&message)).await.unwrap();
                    process::exit(0);
                }
                _ => {}
            }
        }
    });
    let mut count = 0;
    loop {
        let request = fake.shell.read().await.unwrap();
        fake.publish(&request, Status::busy()).await;
        match &request.content {
            JupyterMessageContent::KernelInfoRequest(_) => {
                let reply: KernelInfoReply = serde_json::from_value(json!({
                    "status": "ok", "protocol_version": "5.5", "implementation": "fake", "implementation_version": "1",
                    "banner": "", "help_links": [], "debugger": false,
                    "language_info": { "name": "rust", "version": "1.95.0", "file_extension": ".rs" },
                }))
                .unwrap();
                fake.shell.send(reply.as_child_of(&request)).await.unwrap();
            }
            JupyterMessageContent::ExecuteRequest(execute) => {
                count += 1;
                let execution_count = ExecutionCount::new(count);
                fake.publish(
                    &request,
                    ExecuteInput {
                        code: execute.code.clone(),
                        execution_count,
                    },
                )
                .await;
                let result = fake.execute(&request, execute, execution_count).await;
                let mut reply = ExecuteReply {
                    execution_count,
                    ..ExecuteReply::default()
                };
                if let Err(error) = result {
                    fake.publish(&request, error.clone()).await;
                    reply.status = ReplyStatus::Error;
                    let ErrorOutput {
                        ename,
                        evalue,
                        traceback,
                    } = error;
                    reply.error = Some(Box::new(ReplyError {
                        ename,
                        evalue,
                        traceback,
                    }));
                }
                fake.shell.send(reply.as_child_of(&request)).await.unwrap();
            }
            _ => {}
        }
        fake.publish(&request, Status::idle()).await;
    }
}

impl Fake {
    async fn publish(&mut self, request: &JupyterMessage, content: impl Into<JupyterMessageContent>) {
        self.iopub
            .send(JupyterMessage::new(content, Some(request)))
            .await
            .unwrap();
    }

    /// Runs a cell: each line is a verb and the rest.
    async fn execute(
        &mut self,
        request: &JupyterMessage,
        execute: &ExecuteRequest,
        execution_count: ExecutionCount,
    ) -> Result<(), ErrorOutput> {
        for line in execute.code.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
            match verb {
                "print" => self.publish(request, StreamContent::stdout(&format!("{rest}\n"))).await,
                "write" => self.publish(request, StreamContent::stdout(rest)).await,
                "warn" => self.publish(request, StreamContent::stderr(&format!("{rest}\n"))).await,
                "value" => {
                    let result = ExecuteResult::new(execution_count, media(rest));
                    self.publish(request, result).await;
                }
                "picture" => {
                    let data = Media::from(MediaType::Png("aGk=".to_owned()));
                    self.publish(request, DisplayData::new(data)).await;
                }
                "display" => {
                    let (id, text) = rest.split_once(' ').unwrap();
                    let transient = Some(Transient {
                        display_id: Some(id.to_owned()),
                    });
                    self.publish(
                        request,
                        DisplayData {
                            transient,
                            ..DisplayData::new(media(text))
                        },
                    )
                    .await;
                }
                "update" => {
                    let (id, text) = rest.split_once(' ').unwrap();
                    self.publish(request, UpdateDisplayData::new(media(text), id)).await;
                }
                "clear" => self.publish(request, ClearOutput { wait: rest == "wait" }).await,
                "arguments" => {
                    let text = self.arguments.join("\n");
                    self.publish(request, StreamContent::stdout(&text)).await;
                }
                "folder" => {
                    let folder = env::current_dir().unwrap();
                    self.publish(request, StreamContent::stdout(&folder.display().to_string()))
                        .await;
                }
                "variable" => {
                    let value = env::var(rest).unwrap_or_default();
                    self.publish(request, StreamContent::stdout(&value)).await;
                }
                "frozen" => loop {
                    std::thread::park();
                },
                "fail" => return Err(error("Failed", rest)),
                "hang" => {
                    self.interrupted.notified().await;
                    return Err(error("Interrupted", "the cell was interrupted"));
                }
                "die" => {
                    eprintln!("last words: {rest}");
                    process::exit(7);
                }
                "ask" if execute.allow_stdin => {
                    let question = InputRequest {
                        prompt: rest.to_owned(),
                        password: false,
                    };
                    let question = JupyterMessage::new(question, Some(request));
                    self.stdin.send(question).await.unwrap();
                    if let JupyterMessageContent::InputReply(reply) = self.stdin.read().await.unwrap().content {
                        self.publish(request, StreamContent::stdout(&format!("heard {}\n", reply.value)))
                            .await;
                    }
                }
                "ask" => return Err(error("StdinNotAvailable", "nobody can be asked")),
                _ => return Err(error("UnknownVerb", verb)),
            }
        }
        Ok(())
    }
}

fn media(text: &str) -> Media {
    Media::from(MediaType::Plain(text.to_owned()))
}

fn error(ename: &str, evalue: &str) -> ErrorOutput {
    let traceback = vec![
        format!("\u{1b}[31m{ename}\u{1b}[0m: {evalue}"),
        "  at the fake kernel".to_owned(),
    ];
    ErrorOutput {
        ename: ename.to_owned(),
        evalue: evalue.to_owned(),
        traceback,
    }
}
