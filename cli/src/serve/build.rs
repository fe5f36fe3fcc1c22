//! Building the app with cargo.

use std::path::{Path, PathBuf};
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

/// Whether a configuration of cargo's that counts in this folder names what to build for. To say otherwise takes cargo longer, since it
/// then builds what the build itself needs apart.
fn names_another_machine(folder: &Path) -> bool {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let above = folder.ancestors().map(|folder| folder.join(".cargo"));
    above.chain(home).any(|folder| {
        let texts = ["config.toml", "config"].map(|name| regular_text(&folder.join(name)));
        texts.into_iter().flatten().any(|text| names_target(&text))
    })
}

/// What cannot be read, cargo will complain of.
fn regular_text(path: &Path) -> Option<String> {
    path.is_file().then(|| std::fs::read_to_string(path).ok()).flatten()
}

/// Whether there is a `target` in the table `build`.
fn names_target(config: &str) -> bool {
    let config: Option<Config> = toml::from_str(config).ok();
    config.and_then(|config| config.build?.target).is_some()
}

/// As much of cargo's configuration as counts here.
#[derive(serde::Deserialize)]
struct Config {
    build: Option<Build>,
}

#[derive(serde::Deserialize)]
struct Build {
    target: Option<serde::de::IgnoredAny>,
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
        // Whatever else the user builds for, the app runs here; see also below.
        .env_remove("CARGO_BUILD_TARGET")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(if is_first { Stdio::inherit() } else { Stdio::piped() })
        .kill_on_drop(true);
    if release {
        command.arg("--release");
    }
    if names_another_machine(&folder) {
        command.args(["--target", "host-tuple"]);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_found_however_it_is_written() {
        for (config, expected) in [
            ("[build]\ntarget = \"wasm32-unknown-unknown\"\n", true),
            ("build.target = [\"a\", \"b\"]\n", true),
            ("build = { target = \"x.json\", jobs = 2 }\n", true),
            ("[build]\ntarget-dir = \"elsewhere\"\nrustflags = [\"-g\"]\n", false),
            ("[target.wasm32-unknown-unknown]\nrunner = \"x\"\n", false),
            ("", false),
            ("not = = toml", false),
        ] {
            assert_eq!(names_target(config), expected, "{config}");
        }
    }

    #[test]
    fn configurations_count_from_the_folder_upward() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        let before = names_another_machine(&inner);
        std::fs::create_dir(folder.path().join(".cargo")).unwrap();
        std::fs::write(folder.path().join(".cargo/config.toml"), "build.target = 'x'").unwrap();
        assert!(names_another_machine(&inner));
        assert_eq!(names_another_machine(Path::new("/")), before);
    }
}
