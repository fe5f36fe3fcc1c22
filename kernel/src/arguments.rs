//! The command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Parser;
use pipulate_kernel::state::Settings;

/// The Jupyter kernel of Pipulate. Jupyter starts it; `pipulate kernel install` tells Jupyter how.
#[derive(Debug, Parser)]
#[expect(
    clippy::doc_markdown,
    reason = "these are the texts of --help, where backticks would show"
)]
#[command(name = "pipulate-kernel", version)]
pub(crate) struct Arguments {
    /// Where the client expects the kernel's sockets: the JSON file that Jupyter writes.
    #[arg(short = 'f', long, value_name = "FILE", required_unless_present_any = ["file", "warm_up"])]
    connection_file: Option<PathBuf>,

    /// The same, for kernelspecs that name no option.
    #[arg(value_name = "FILE", conflicts_with = "connection_file")]
    file: Option<PathBuf>,

    /// Builds ahead what every kernel needs, so that the first cell does not wait for it; serves nobody.
    #[arg(long)]
    pub(crate) warm_up: bool,

    /// Holds the notebook to one job, whatever its %pip_job says.
    #[arg(long, value_name = "KEY")]
    job: Option<String>,

    /// The value of a step that %pip_input would ask for. May be given several times.
    #[arg(long = "parameter", value_name = "STEP=JSON", value_parser = parameter)]
    parameters: Vec<(String, String)>,

    /// The notebook's file; Jupyter says it in the environment.
    #[arg(long, value_name = "FILE", env = "JPY_SESSION_NAME")]
    notebook: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn connection_file(&self) -> &Path {
        let file = self.connection_file.as_ref().or(self.file.as_ref());
        file.expect("the parser demands one of the two")
    }

    pub(crate) fn into_settings(self) -> Settings {
        Settings {
            // The environment says it, and is read where places are resolved.
            url: None,
            job: self.job,
            parameters: BTreeMap::from_iter(self.parameters),
            notebook: self.notebook,
        }
    }
}

/// Whoever passes the value has checked that it is JSON; the magic that takes it says so if it is not.
fn parameter(text: &str) -> Result<(String, String), String> {
    let (step, json) = text.split_once('=').ok_or("a parameter is written STEP=JSON")?;
    Ok((step.to_owned(), json.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(arguments: &[&str], expected: Result<&str, &str>) {
        let parsed = Arguments::try_parse_from([&["pipulate-kernel"], arguments].concat());
        match (parsed, expected) {
            (Ok(parsed), Ok(file)) => assert_eq!(parsed.connection_file(), Path::new(file)),
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (parsed, expected) => panic!("{parsed:?} is not {expected:?}"),
        }
    }

    #[test]
    fn the_connection_file_is_an_option_or_stands_alone() {
        check(&["--connection-file", "a b.json"], Ok("a b.json"));
        check(&["-f", "kernel.json"], Ok("kernel.json"));
        check(&["kernel.json"], Ok("kernel.json"));
        check(&[], Err("--connection-file <FILE>"));
        check(&["-f", "a", "b"], Err("cannot be used with"));
        check(&["a", "--parameter", "n"], Err("a parameter is written STEP=JSON"));
    }

    #[test]
    fn what_the_notebook_is_held_to_becomes_its_settings() {
        let line = [
            "pipulate-kernel",
            "a",
            "--job",
            "k",
            "--parameter",
            "n=1",
            "--parameter=q=\"a=b\"",
        ];
        let settings = Arguments::parse_from(line).into_settings();
        assert_eq!(settings.job.as_deref(), Some("k"));
        let parameters: Vec<_> = settings.parameters.iter().collect();
        assert_eq!(
            parameters,
            [
                (&"n".to_owned(), &"1".to_owned()),
                (&"q".to_owned(), &"\"a=b\"".to_owned())
            ]
        );
    }
}
