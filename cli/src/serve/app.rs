//! One build of the app, running.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use crate::failure::Failure;
use crate::signals;

/// Says that standard input is the socket to listen on.
const LISTENER: &str = "PIPULATE_LISTENER";
/// Names the file by which the app is told what happens here.
const STATUS: &str = "PIPULATE_STATUS";
/// Names the file by which the app knows where in the notebooks its lines come from.
const PLACES: &str = "PIPULATE_PLACES";
/// Holds our process id: an app whose keeper is gone ends by itself.
const KEEPER: &str = "PIPULATE_KEEPER";
/// What the app prints when it serves.
const READY: &str = "Serving at ";
/// How long an app may take to serve.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long an app may take to end: it gives its steps ten seconds.
const GOODBYE: Duration = Duration::from_secs(15);

/// How long an app may take to say whether steps run.
const ANSWER: Duration = Duration::from_secs(2);

/// Whether the app behind a socket runs steps. One that does not answer is not waited for.
pub(crate) async fn runs_steps(listener: &TcpListener) -> bool {
    let Ok(mut address) = listener.local_addr() else {
        return false;
    };
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    let asked = async {
        let mut connection = tokio::net::TcpStream::connect(address).await?;
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await?;
        Ok::<String, std::io::Error>(answer)
    };
    match tokio::time::timeout(ANSWER, asked).await {
        Ok(Ok(answer)) => counts_running(&answer),
        _ => false,
    }
}

/// Whether metrics count jobs that run.
fn counts_running(metrics: &str) -> bool {
    let counts = metrics.lines().filter(|line| line.starts_with("pipulate_jobs_running"));
    counts
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .any(|count| count > 0.0)
}

/// A process that serves.
pub(crate) struct App {
    process: Child,
}

impl App {
    /// Starts a program on the socket, and waits until it serves.
    pub(crate) async fn start(
        program: &Path,
        arguments: &[String],
        listener: &TcpListener,
        status: &Path,
        places: &Path,
        folder: &Path,
    ) -> Result<Self> {
        let socket: OwnedFd = listener.try_clone().context("cannot hand over the socket")?.into();
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(folder)
            .env(LISTENER, "stdin")
            .env(STATUS, status)
            .env(PLACES, places)
            .env(KEEPER, std::process::id().to_string())
            .stdin(Stdio::from(socket))
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        signals::detach(&mut command);
        let mut process = command
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let stdout = process.stdout.take().context("the app has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                if line.starts_with(READY) {
                    return Ok(true);
                }
            }
            Ok::<bool, std::io::Error>(false)
        };
        match tokio::time::timeout(PATIENCE, ready).await {
            Ok(Ok(true)) => {}
            Ok(_) => {
                let status = process.wait().await?;
                return Err(Failure::new(format!("the app does not start: it ended with {status}"))
                    .help("What it said stands above.")
                    .into());
            }
            Err(_) => {
                signals::kill_group(&mut process);
                return Err(Failure::new("the app does not start: it has not served within a minute").into());
            }
        }
        // What it prints later is for nobody, and must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { process })
    }

    /// Waits until the app has ended by itself, and says how; forever where there is none.
    pub(crate) async fn ended(app: &mut Option<Self>) -> Result<String> {
        match app {
            Some(app) => Ok(app.process.wait().await?.to_string()),
            None => std::future::pending().await,
        }
    }

    /// Lets it end: requests are answered, and steps that run are given a while.
    pub(crate) async fn stop(mut self) {
        signals::terminate(&mut self.process);
        if tokio::time::timeout(GOODBYE, self.process.wait()).await.is_err() {
            signals::kill_group(&mut self.process);
            // Killed, it ends.
            let _ = self.process.wait().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_is_counted() {
        for (metrics, expected) in [
            ("# HELP pipulate_jobs_running Jobs.\npipulate_jobs_running 1", true),
            (
                "# HELP pipulate_jobs_running 1\npipulate_jobs_running 0\npipulate_workers 2",
                false,
            ),
            ("", false),
        ] {
            assert_eq!(counts_running(metrics), expected, "{metrics}");
        }
    }
}
