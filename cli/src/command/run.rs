use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use crate::executables;
use crate::failure::{self, Failure};
use crate::file::{self, folder_of};
use crate::jupyter::{DEFAULT_NAME, Installed, Jupyter};
use crate::run::{
    CodeCell, Document, Kernel, Launch, NamedSteps, Parameter, Progress, Runner, Stop, Summary, Written,
    beyond_headline,
};
use crate::signals::Signals;
use crate::store::{self, StoreOption, deleted_job};
use crate::terminal;

/// How many lines of a cell that failed are shown.
const LINES_SHOWN: usize = 6;
/// Stands for standard output.
const STDOUT: &str = "-";
/// Thirty years.
const LONGEST_TIMEOUT: f64 = 1e9;

/// Run a notebook in a kernel of its own, without Jupyter
///
/// Runs the code cells in order and stops at the first that fails. Cells tagged `skip` are left out, and cells tagged
/// `raises-exception` may fail. What cells print goes to standard output and standard error, progress to standard error.
///
/// A parameter (-p) answers the `%pip_input` that asks for its step. With --job it is also saved in that job before the first cell, so
/// that `%pip_get` finds it, unless the input is a secret. A parameter that no cell names is saved, too, and a warning says so. Inputs
/// without a parameter are asked for on the terminal; without a terminal they fail.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate run report.ipynb
  pipulate run report.ipynb --job report-may -p month=5 -p 'title=\"May\"' -o report-may.ipynb
  pipulate run report.ipynb --quiet --timeout 60 && echo fine

A cell that fails is exit code 1; `pipulate --help` lists the others.")]
pub(crate) struct Run {
    /// The notebook
    notebook: PathBuf,
    /// The job to work on, created where it is missing
    #[arg(long, value_name = "KEY")]
    job: Option<String>,
    /// The value of a step, as JSON; may be repeated
    #[arg(short, long = "parameter", value_name = "STEP=JSON")]
    parameters: Vec<Parameter>,
    /// Write the notebook with its outputs here, also when a cell fails; `-` is standard output, and what cells print then goes to
    /// standard error
    #[arg(short, long, value_name = "OUT.ipynb")]
    output: Option<PathBuf>,
    /// How long each cell may take
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// Show neither progress nor what cells print, only warnings and errors
    #[arg(short, long)]
    quiet: bool,
    /// The program `pipulate-kernel`; otherwise the one beside this program, else the one on the PATH
    #[arg(long, value_name = "PATH")]
    kernel: Option<PathBuf>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds is expected".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        // No clock goes on for ever.
        _ if seconds > LONGEST_TIMEOUT => Err(format!("at most {LONGEST_TIMEOUT} seconds can be waited")),
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("a number of seconds above 0 is expected".to_owned()),
    }
}

impl Run {
    pub(crate) fn run(self, store: &StoreOption) -> Result<()> {
        self.refuse_repeated_parameter()?;
        let mut document = Document::read(&self.notebook)?;
        refuse_other_kernel(&document, &self.notebook)?;
        if !document.has_code() {
            return Err(Failure::new(format!("cannot run {}: it has no code", self.notebook.display())).into());
        }
        if let Some(output) = self.output_file() {
            file::check_writable(output)?;
        }
        let program = executables::kernel(self.kernel.as_deref())?;
        // Jupyter, too, starts a kernel where the notebook really is.
        let notebook = self
            .notebook
            .canonicalize()
            .with_context(|| format!("cannot read {}", self.notebook.display()))?;
        let place = store.place_for(folder_of(&notebook))?;
        let cells = document.cells_to_run();
        for warning in document.warnings() {
            failure::warn(&format!("{}: {warning}", self.notebook.display()), None);
        }
        let steps = NamedSteps::of(&cells);
        self.warn_of_useless_parameters(&steps);
        if let Some(key) = &self.job {
            let workflow = notebook
                .file_stem()
                .and_then(|stem| stem.to_str())
                .unwrap_or("notebook");
            let job = store::open(&place)?.job_in(key, workflow)?;
            if job.info()?.is_some_and(|info| info.deleted) {
                return Err(deleted_job(key));
            }
            // A secret is never stored; the kernel answers with it.
            let stored = |parameter: &&Parameter| !steps.is_secret(parameter.step().as_str());
            for parameter in self.parameters.iter().filter(stored) {
                let step = parameter.step().as_str();
                if let Some(fault) = steps.fault_in(step, parameter.json()) {
                    return Err(Failure::usage(format!("the parameter for step `{step}` will not do: {fault}")).into());
                }
            }
            for parameter in self.parameters.iter().filter(stored) {
                job.set_json(parameter.step().as_str(), parameter.json())?;
            }
        }
        let mut progress = Progress::new(cells.len(), self.quiet, self.writes_to_stdout());
        let launch = Launch {
            program: &program,
            notebook: &notebook,
            url: &place.url(),
            job: self.job.as_deref(),
            parameters: &self.parameters,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the threads that are needed")?;
        let failure = runtime.block_on(self.run_cells(&launch, &cells, &mut document, &mut progress))?;
        failure.map_or(Ok(()), |failure| Err(failure.into()))
    }

    /// Runs the cells and writes the document. Returns what stopped the run before its end.
    async fn run_cells(
        &self,
        launch: &Launch<'_>,
        cells: &[CodeCell],
        document: &mut Document,
        progress: &mut Progress,
    ) -> Result<Option<Failure>> {
        let mut signals = Signals::listen().context("cannot listen for Ctrl-C")?;
        let mut kernel = tokio::select! {
            kernel = Kernel::start(launch) => kernel?,
            signal = signals.next() => {
                return Ok(Some(Failure::signalled("interrupted while the kernel started", signal)));
            }
        };
        let runner = Runner {
            kernel: &mut kernel,
            document: &mut *document,
            progress: &mut *progress,
            signals: &mut signals,
            timeout: self.timeout,
        };
        let summary = runner.run(cells).await;
        document.name_kernel(kernel.language_info());
        let last_words = kernel.last_words();
        // The file first: whatever the kernel's end may bring, the outputs are safe.
        let written = match self.output_file() {
            Some(output) => document.write(output),
            None if self.writes_to_stdout() => document.print(&mut std::io::stdout().lock()),
            None => Ok(()),
        };
        let at_once = matches!(
            &summary,
            Ok(Summary {
                stopped: Some((_, _, Stop::Signal { at_once: true, .. })),
                ..
            })
        );
        let hurry = async {
            if !at_once {
                signals.next().await;
            }
        };
        kernel.shut_down(hurry).await;
        let summary = summary?;
        written?;
        self.conclude(progress, document.skipped(), &summary);
        let stopped = summary
            .stopped
            .map(|(number, cell, stop)| stopped(number, cells.len(), &cell, &stop, &last_words));
        match progress.fault() {
            Some(fault) if stopped.is_none() => Err(fault).context("cannot write to standard output"),
            _ => Ok(stopped),
        }
    }

    /// The file that the notebook is to be written to.
    fn output_file(&self) -> Option<&Path> {
        self.output.as_deref().filter(|output| *output != Path::new(STDOUT))
    }

    fn writes_to_stdout(&self) -> bool {
        self.output.as_deref().is_some_and(|output| output == Path::new(STDOUT))
    }

    fn conclude(&self, progress: &mut Progress, skipped: usize, summary: &Summary) {
        if summary.stopped.is_none() {
            let skipped = if skipped > 0 {
                format!(", {skipped} skipped")
            } else {
                String::new()
            };
            let plural = if summary.cells == 1 { "" } else { "s" };
            progress.note(&format!(
                "{} cell{plural} in {:.1} s{skipped}",
                summary.cells,
                summary.elapsed.as_secs_f64()
            ));
        }
        if let Some(output) = self.output_file() {
            progress.note(&format!("Wrote {}", output.display()));
        }
    }

    /// Most likely a slip; a notebook may also make up the names of steps, so that it is no error.
    fn warn_of_useless_parameters(&self, steps: &NamedSteps) {
        for step in self.parameters.iter().map(|parameter| parameter.step().as_str()) {
            let meant = steps.nearest(step).map(|meant| format!("Did you mean `{meant}`?"));
            match &self.job {
                Some(key) if !steps.is_named(step) => {
                    let message = format!("no cell names the step `{step}` of -p; it is only saved in the job `{key}`");
                    failure::warn(&message, meant.as_deref());
                }
                None if !steps.is_asked(step) => {
                    let message = format!("no %pip_input asks for the step `{step}` of -p, so nothing comes of it");
                    let help = meant.unwrap_or_else(|| "With --job KEY it is saved, and %pip_get finds it.".to_owned());
                    failure::warn(&message, Some(&help));
                }
                _ => {}
            }
        }
    }

    fn refuse_repeated_parameter(&self) -> Result<()> {
        for (index, parameter) in self.parameters.iter().enumerate() {
            if self.parameters[..index]
                .iter()
                .any(|earlier| earlier.step() == parameter.step())
            {
                return Err(Failure::usage(format!("the parameter `{}` is given twice", parameter.step())).into());
            }
        }
        Ok(())
    }
}

/// What stopped the run, for the user.
fn stopped(number: usize, cells: usize, cell: &CodeCell, stop: &Stop, last_words: &str) -> Failure {
    let message = stop.message(number, cells);
    let failure = match stop {
        Stop::Signal { signal, .. } => return Failure::signalled(message, *signal),
        Stop::Failed(error) => {
            Failure::new(message).details(format!("{}\n{}", excerpt(&cell.code), beyond_headline(error)))
        }
        Stop::KernelEnded(_) => Failure::new(message).details(format!("{}\n{last_words}", excerpt(&cell.code))),
        Stop::TimedOut(_) | Stop::NoInput | Stop::Lost(_) => Failure::new(message).details(excerpt(&cell.code)),
    };
    match stop {
        Stop::TimedOut(_) => failure.help("--timeout says how many seconds a cell may take."),
        Stop::NoInput => failure.help("-p STEP=JSON answers an input."),
        _ => failure,
    }
}

/// The first lines of a cell, marked as such.
fn excerpt(code: &str) -> String {
    let code = code.trim_end();
    let mut text = String::new();
    for line in code.lines().take(LINES_SHOWN) {
        text.push_str("  | ");
        text.push_str(&terminal::visible(line));
        text.push('\n');
    }
    if code.lines().count() > LINES_SHOWN {
        text.push_str("  | ...\n");
    }
    text
}

fn refuse_other_kernel(document: &Document, path: &Path) -> Result<()> {
    let reason = match document.written() {
        Written::In(language) if !language.eq_ignore_ascii_case("rust") => format!("it is written in {language}"),
        Written::For(kernel) if !is_ours(&kernel) => format!("it is for the kernel `{kernel}`"),
        _ => return Ok(()),
    };
    Err(Failure::new(format!("cannot run {}: {reason}", path.display()))
        .help("`pipulate run` runs Rust. If that is what it is, choose the kernel in JupyterLab and save it.")
        .into())
}

/// Whether a kernel's name alone, without a language, means this one or another of Rust.
fn is_ours(kernel: &str) -> bool {
    let name = kernel.to_lowercase();
    ["rust", DEFAULT_NAME].iter().any(|ours| name.contains(ours))
        || Installed::find(&Jupyter::of_process().data_folders(None))
            .iter()
            .any(|installed| installed.name == kernel)
}
