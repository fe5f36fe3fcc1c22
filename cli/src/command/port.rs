use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use pipulate_port::{PortError, PortInput, PortReport, Ported};

use crate::failure::Failure;
use crate::file::{self, folder_of};
use crate::json_text::shell_word;
use crate::libraries;
use crate::terminal::say;

/// The folder of a ported crate that holds the libraries.
const VENDOR: &str = "vendor";
/// How the manifest of a ported crate begins.
const MARK: &str = "# The notebook `";

/// Make the crate of a web app from a notebook
///
/// Each cell with `%%pip_step`, `%pip_set` or `%pip_input` becomes a step, a function whose body is the cell as it stands; items go to
/// module level. The report says what became of every cell. If something stands in the way, all of it is told and nothing is written.
///
/// The crate stands by itself: the libraries that it needs are written into its folder `vendor`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate port report.ipynb -o report-app && cargo run --manifest-path report-app/Cargo.toml
  pipulate port report.ipynb --check           say only what would become of each cell
  pipulate port report.ipynb -o report-app --force   write it again, after a change in the notebook

A notebook that cannot be ported is exit code 1; `pipulate --help` lists the others.")]
pub(crate) struct Port {
    /// The notebook
    notebook: PathBuf,
    /// The folder of the crate; otherwise one in the working folder, of the crate's name
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Write over a crate that was ported before
    #[arg(long)]
    force: bool,
    /// Write nothing
    #[arg(long, conflicts_with_all = ["output", "force"])]
    check: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

impl Port {
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<()> {
        let text = read(&self.notebook)?;
        let path = self
            .notebook
            .canonicalize()
            .with_context(|| format!("cannot read {}", self.notebook.display()))?;
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("notebook.ipynb");
        let ported = pipulate_port::port(&PortInput {
            notebook: &text,
            file_name: name,
            folder: folder_of(&path),
            libraries: VENDOR,
        });
        let ported = match ported {
            Ok(ported) => ported,
            Err(error) => return Err(self.refused(&error, out)?),
        };
        let folder = if self.check { None } else { Some(self.write(&ported)?) };
        self.print(&ported.report, out)?;
        if let Some(folder) = folder.filter(|_| !self.json) {
            let manifest = shell_word(&folder.join("Cargo.toml").display().to_string());
            say(
                out,
                &format!(
                    "Wrote {}. `cargo run --manifest-path {manifest}` serves it.",
                    folder.display()
                ),
            )?;
        }
        Ok(())
    }

    fn print(&self, report: &PortReport, out: &mut dyn Write) -> Result<()> {
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(report)?)?;
        } else {
            say(out, report.to_string().trim_end())?;
        }
        Ok(())
    }

    /// Why there is no port, for the user.
    fn refused(&self, error: &PortError, out: &mut dyn Write) -> Result<anyhow::Error> {
        let notebook = self.notebook.display();
        Ok(match error {
            PortError::Refused(report) => {
                if self.json {
                    self.print(report, out)?;
                }
                let refusals = crate::terminal::visible(&report.refusals_as_text());
                let things = match report.refusals.len() {
                    1 => "one thing stands in the way".to_owned(),
                    more => format!("{more} things stand in the way"),
                };
                Failure::new(format!("cannot port {notebook}: {things}"))
                    .details(refusals)
                    .into()
            }
            PortError::Notebook(error) => {
                let failure = Failure::new(format!("cannot port {notebook}: {}", error.reason));
                match error.help {
                    Some(help) => failure.help(help).into(),
                    None => failure.into(),
                }
            }
            error => Failure::new(format!("cannot port {notebook}: {error}")).into(),
        })
    }

    /// Writes the crate, and gives its folder.
    fn write(&self, ported: &Ported) -> Result<PathBuf> {
        let folder = self
            .output
            .clone()
            .unwrap_or_else(|| PathBuf::from(&ported.report.package));
        self.check_folder(&folder)?;
        libraries::write(&folder.join(VENDOR))?;
        let lock = folder.join("Cargo.lock");
        // One that is there has the versions that the crate was built with.
        if !lock.exists() {
            make_folder(&folder)?;
            file::write(&lock, libraries::lock_file()?.as_bytes())?;
        }
        for (name, text) in &ported.generated.files {
            let path = folder.join(name);
            make_folder(folder_of(&path))?;
            if fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
                continue;
            }
            file::write(&path, text.as_bytes())?;
        }
        Ok(folder)
    }

    /// What is not ours is never written over.
    fn check_folder(&self, folder: &Path) -> Result<()> {
        let there = folder.display();
        let entries = match fs::read_dir(folder) {
            Ok(mut entries) => entries.next(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                return Err(Failure::new(format!("{there} is not a folder")).into());
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {there}")),
        };
        if entries.is_none() {
            return Ok(());
        }
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        let is_ported = manifest.starts_with(MARK) && folder.join("src/workflow.rs").exists();
        match (is_ported, self.force) {
            (true, true) => Ok(()),
            (true, false) => Err(Failure::new(format!("there is a ported notebook in {there} already"))
                .help("--force writes over it; what you changed in its files is lost then.")
                .into()),
            (false, _) => Err(Failure::new(format!("{there} is not empty, and no ported notebook"))
                .help("Name another folder with -o DIR.")
                .into()),
        }
    }
}

fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

fn read(path: &Path) -> Result<String> {
    let failed = || format!("cannot read {}", path.display());
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        // To read a pipe is to wait for whoever may never write to it.
        Ok(metadata) => {
            let message = format!("{} is {}, not a notebook", path.display(), file::kind(&metadata));
            return Err(Failure::new(message)
                .help("`pipulate port` takes the path of an .ipynb file.")
                .into());
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(Failure::missing(format!("there is no notebook {}", path.display())).into());
        }
        Err(error) => return Err(error).with_context(failed),
    }
    let bytes = fs::read(path).with_context(failed)?;
    String::from_utf8(bytes)
        .map_err(|_| Failure::new(format!("cannot port {}: it is not text in UTF-8", path.display())).into())
}
