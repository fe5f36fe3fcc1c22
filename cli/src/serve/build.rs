//! Building the app with cargo.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use super::project::{Projects, Trouble};
use crate::failure::Failure;
use crate::signals::{self, Signals};

/// An app that was built.
pub(crate) struct Built {
    /// Its program.
    pub(crate) program: PathBuf,
}

/// How many messages about other crates than the notebooks' are shown.
const OTHERS: usize = 10;
/// What helps where cargo itself gave up.
const NETWORK: &str = "Crates that are not on this machine yet take the network, once.";

/// A line of cargo's.
#[derive(serde::Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Line {
    CompilerArtifact {
        executable: Option<PathBuf>,
    },
    CompilerMessage {
        message: Message,
    },
    #[serde(other)]
    Other,
}

/// What the compiler says of any crate.
#[derive(serde::Deserialize)]
struct Message {
    level: String,
    rendered: Option<String>,
}

/// Builds the app. What cargo says of its progress goes to standard error, the first time.
pub(crate) async fn build(
    projects: &Projects,
    release: bool,
    is_first: bool,
    signals: &mut Signals,
) -> Result<Result<Built, Trouble>> {
    let folder = projects.app();
    let mut command = Command::new("cargo");
    command
        .current_dir(&folder)
        .args(["build", "--message-format=json", "--target-dir"])
        .arg(projects.target())
        // The server is quick enough as it is; what is built is built by those who wait for it.
        .args(["--config", "profile.dev.opt-level=1"])
        .args(["--config", "profile.dev.package.\"*\".opt-level=1"])
        .args(["--config", "profile.dev.debug=\"line-tables-only\""])
        .args(["--config", "profile.dev.package.\"*\".debug=false"])
        // Whatever else the user builds for: the app runs here.
        .env_remove("CARGO_BUILD_TARGET")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(if is_first { Stdio::inherit() } else { Stdio::piped() })
        .kill_on_drop(true);
    if release {
        command.arg("--release");
    }
    signals::detach(&mut command);
    let mut cargo = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::new("cargo is not on the PATH, and builds the app")
            .help("https://rustup.rs installs it; `pipulate doctor` checks the rest.")
            .into(),
        _ => anyhow::Error::new(error).context("cannot run cargo"),
    })?;
    let stdout = cargo.stdout.take().context("cargo has no output")?;
    let mut lines = BufReader::new(stdout).lines();
    let quiet = cargo.stderr.take().map(|mut stderr| {
        tokio::spawn(async move {
            let mut said = Vec::new();
            // What cannot be read is not missed.
            let _ = stderr.read_to_end(&mut said).await;
            String::from_utf8_lossy(&said).into_owned()
        })
    });
    let mut program = None;
    let (mut errors, mut elsewhere) = (Vec::new(), Vec::new());
    loop {
        tokio::select! {
            line = lines.next_line() => {
                let Some(line) = line? else { break };
                match projects.translate(&line) {
                    Some(diagnostic) if diagnostic.level == "error" => errors.push(diagnostic.rendered.trim_end().to_owned()),
                    Some(_) => {}
                    None => match serde_json::from_str(&line) {
                        Ok(Line::CompilerArtifact { executable: Some(executable) }) => program = Some(executable),
                        Ok(Line::CompilerMessage { message: Message { level, rendered: Some(rendered) } })
                            if level == "error" && elsewhere.len() < OTHERS =>
                        {
                            elsewhere.push(rendered.trim_end().to_owned());
                        }
                        _ => {}
                    },
                }
            }
            signal = signals.next() => {
                signals::kill_group(&mut cargo);
                return Err(Failure::signalled("the build was interrupted", signal).into());
            }
        }
    }
    let status = cargo.wait().await.context("cannot wait for cargo")?;
    if let (true, Some(program)) = (status.success(), program) {
        return Ok(Ok(Built { program }));
    }
    if errors.is_empty() {
        errors = elsewhere;
        let said = match quiet {
            Some(said) => said.await.unwrap_or_default(),
            None => format!("What cargo said stands above. {NETWORK}"),
        };
        errors.push(said.trim().to_owned());
    }
    Ok(Err(Trouble {
        sentence: "the app cannot be built from the notebook".to_owned(),
        details: errors.join("\n\n"),
    }))
}
