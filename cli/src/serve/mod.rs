//! Serving notebooks: ported, built, run, and all that again when a notebook changes.
//!
//! This process holds the socket. Each build of the app is a process of its own that gets the socket as its standard input; the next one
//! takes over before the last one ends, so that no request is refused.

mod app;
mod build;
mod project;

use std::io::Write;
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use pipulate::PlaceEnv;

use self::app::App;
use self::build::Built;
use self::project::{Projects, Trouble, places_of};
use crate::failure::{Failure, tell};
use crate::file::folder_of;
use crate::signals::{Signal, Signals};
use crate::store::StoreOption;
use crate::terminal::visible;

/// How often the notebooks are looked at.
const LOOK: Duration = Duration::from_millis(300);
/// How long a notebook must have stayed as it is: editors write in several steps.
const SETTLED: Duration = Duration::from_millis(250);

/// What is said while the next app may not take over yet.
const WAITS: &str = "The notebook has changed: the new app takes over when the step that runs has ended.";

/// What to serve, and how.
pub(crate) struct Options {
    pub(crate) notebooks: Vec<PathBuf>,
    /// `HOST:PORT`.
    pub(crate) address: String,
    /// Whether to open a browser.
    pub(crate) open: bool,
    /// Other host names of the app.
    pub(crate) hosts: Vec<String>,
    /// Whether to build with optimisation.
    pub(crate) release: bool,
}

/// Serves until a signal says to stop.
pub(crate) fn serve(options: &Options, store: &StoreOption) -> Result<()> {
    let data = PlaceEnv::of_process().data.unwrap_or_else(std::env::temp_dir);
    let projects = Projects::new(&options.notebooks, &data.join("pipulate"))?;
    let folder = folder_of(projects.first()).to_owned();
    let place = store.place_for(&folder)?;
    let listener = listen(&options.address)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut server = Server {
            signals: Signals::listen()?,
            options,
            listener,
            folder,
            database: place.url(),
            projects,
            running: None,
            next: None,
            trouble: None,
            gone: Vec::new(),
            latest: None,
            builds: 0,
        };
        let served = server.run().await;
        server.stop().await;
        served
    })
}

struct Server<'a> {
    options: &'a Options,
    signals: Signals,
    listener: TcpListener,
    /// The first notebook's folder, where steps run.
    folder: PathBuf,
    database: String,
    projects: Projects,
    running: Option<App>,
    /// A program that is to take over as soon as no step runs, and since when it is being made.
    next: Option<(PathBuf, Instant)>,
    /// Why there is no app from the notebooks as they are now.
    trouble: Option<Trouble>,
    /// The notebooks that are gone.
    gone: Vec<PathBuf>,
    /// The program that was built last.
    latest: Option<PathBuf>,
    /// How many programs have been built.
    builds: usize,
}

/// What ends the wait for a change.
enum Woken {
    Changed,
    /// Notebooks are not there any more.
    Gone,
    /// The next app may take over.
    Idle,
    Ended(String),
    Signal,
}

impl Server<'_> {
    async fn run(&mut self) -> Result<()> {
        if let Err(trouble) = self.projects.port() {
            return Err(trouble.into_failure().into());
        }
        tell("Building the app. The first time takes minutes; later only what has changed is built.");
        let program = match self.build(true).await? {
            Ok(program) => program,
            Err(trouble) => return Err(trouble.into_failure().into()),
        };
        if let ControlFlow::Break(signal) = self.start(&program, self.options.open).await? {
            return Err(Failure::signalled("the start of the app was interrupted", signal).into());
        }
        let address = self.listener.local_addr()?;
        let database = self.database.strip_prefix("sqlite:").unwrap_or(&self.database);
        announce(&format!(
            "Serving at http://{address}/\nJobs are in {}\nStop with Ctrl-C.",
            visible(database)
        ))?;
        loop {
            match self.wait().await? {
                Woken::Signal => {
                    tell("\nStopping the app; steps that run are given ten seconds.");
                    return Ok(());
                }
                Woken::Ended(how) => {
                    return Err(Failure::new(format!("the app ended by itself: {how}"))
                        .help("What it said stands above. Start it again with the same command.")
                        .into());
                }
                Woken::Changed => {
                    if let Err(trouble) = self.renew().await? {
                        self.complain(trouble)?;
                    }
                }
                Woken::Gone => {
                    tell(&visible(&loss(&self.gone)));
                    self.say_how_it_stands()?;
                }
                Woken::Idle => {
                    let Some((program, since)) = self.next.take() else {
                        continue;
                    };
                    match self.start(&program, false).await {
                        Ok(ControlFlow::Continue(())) => {
                            tell(&format!("Built again in {:.1} s.", since.elapsed().as_secs_f64()));
                            self.say_how_it_stands()?;
                        }
                        Ok(ControlFlow::Break(_)) => return Ok(()),
                        Err(error) => {
                            self.projects.forget();
                            self.complain(Trouble {
                                sentence: "the new app does not start".to_owned(),
                                details: crate::failure::message(&error),
                            })?;
                        }
                    }
                }
            }
        }
    }

    /// Says in pages and terminal why there is no newer app.
    fn complain(&mut self, trouble: Trouble) -> Result<()> {
        tell(&format!("{}\n{}", trouble.sentence, visible(&trouble.details)));
        tell("The app stays as it was.");
        self.trouble = Some(trouble);
        self.say_how_it_stands()
    }

    /// Says in pages what keeps the app from being that of the notebooks as they are now.
    fn say_how_it_stands(&self) -> Result<()> {
        if !self.gone.is_empty() {
            return self.projects.say("failed", &loss(&self.gone), "");
        }
        if let Some(trouble) = &self.trouble {
            let sentence = format!("{}. The app stays as it was.", with_capital(&trouble.sentence));
            return self.projects.say("failed", &sentence, &trouble.details);
        }
        let (state, sentence) = if self.next.is_some() {
            ("building", WAITS)
        } else {
            ("", "")
        };
        self.projects.say(state, sentence, "")
    }

    /// Waits until a notebook is another one, the next app may take over, the app ends, or a signal comes.
    async fn wait(&mut self) -> Result<Woken> {
        let mut seen: Option<Instant> = None;
        loop {
            tokio::select! {
                _ = self.signals.next() => return Ok(Woken::Signal),
                how = App::ended(&mut self.running) => return Ok(Woken::Ended(how?)),
                () = tokio::time::sleep(LOOK) => {
                    if self.projects.look() {
                        seen = Some(Instant::now());
                    }
                    let gone = self.projects.gone();
                    let is_news = gone.iter().any(|notebook| !self.gone.contains(notebook));
                    for notebook in self.gone.iter().filter(|notebook| !gone.contains(notebook)) {
                        tell(&format!("{} is there again.", visible(&notebook.display().to_string())));
                    }
                    self.gone = gone;
                    if is_news {
                        return Ok(Woken::Gone);
                    }
                    if seen.is_some_and(|seen| seen.elapsed() >= SETTLED) {
                        return Ok(Woken::Changed);
                    }
                    if self.next.is_some() && !app::runs_steps(&self.listener).await {
                        return Ok(Woken::Idle);
                    }
                }
            }
        }
    }

    /// Ports and builds again, where the change makes a difference. The new app takes over when no step runs.
    async fn renew(&mut self) -> Result<Result<(), Trouble>> {
        let since = Instant::now();
        match self.projects.port() {
            Err(trouble) => return Ok(Err(trouble)),
            Ok(false) => {
                self.trouble = None;
                if let Some(latest) = &self.latest {
                    self.projects.write_places(latest)?;
                }
                self.say_how_it_stands()?;
                return Ok(Ok(()));
            }
            Ok(true) => {}
        }
        let sentence = "The notebook has changed: the app is being built again.";
        tell(sentence);
        self.projects.say("building", sentence, "")?;
        // What was to take over is not the latest any more.
        self.next = None;
        match self.build(false).await? {
            Ok(program) => {
                self.trouble = None;
                self.next = Some((program, since));
                if app::runs_steps(&self.listener).await {
                    tell(WAITS);
                    self.say_how_it_stands()?;
                }
                Ok(Ok(()))
            }
            Err(trouble) => {
                self.projects.forget();
                Ok(Err(trouble))
            }
        }
    }

    /// Builds the app, and keeps its program under a name of its own.
    async fn build(&mut self, is_first: bool) -> Result<Result<PathBuf, Trouble>> {
        // Between cargo's end and the keeping, nobody else's build of the same name may come.
        let mut waits = false;
        let _lock = loop {
            if let Some(lock) = self.projects.try_lock()? {
                break lock;
            }
            if !waits {
                waits = true;
                tell("Another `pipulate serve` is building. This one builds when that has ended.");
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                signal = self.signals.next() => {
                    return Err(Failure::signalled("the build was interrupted", signal).into());
                }
            }
        };
        if let Err(trouble) = self.projects.write() {
            return Ok(Err(trouble));
        }
        let built = build::build(&self.projects, self.options.release, is_first, &mut self.signals).await?;
        Ok(match built {
            Ok(Built { program }) => {
                self.builds += 1;
                let kept = self.projects.keep(&program, self.builds)?;
                self.projects.write_places(&kept)?;
                self.latest = Some(kept.clone());
                Ok(kept)
            }
            Err(trouble) => Err(trouble),
        })
    }

    /// Starts an app, waits until it serves, and lets the one before it end.
    async fn start(&mut self, program: &Path, open: bool) -> Result<ControlFlow<Signal>> {
        let mut arguments = vec!["--db".to_owned(), self.database.clone()];
        if open {
            arguments.push("--open".to_owned());
        }
        for host in &self.options.hosts {
            arguments.extend(["--host".to_owned(), host.clone()]);
        }
        let (status, places) = (self.projects.status(), places_of(program));
        let app = tokio::select! {
            app = App::start(program, &arguments, &self.listener, &status, &places, &self.folder) => app?,
            signal = self.signals.next() => return Ok(ControlFlow::Break(signal)),
        };
        if let Some(before) = self.running.replace(app) {
            before.stop().await;
        }
        Ok(ControlFlow::Continue(()))
    }

    async fn stop(&mut self) {
        if let Some(app) = self.running.take() {
            app.stop().await;
        }
        self.projects.tidy();
    }
}

/// The socket, taken before anything is built.
fn listen(address: &str) -> Result<TcpListener> {
    let address = with_host(address);
    TcpListener::bind(&address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => Failure::new(format!("{address} is in use by another program"))
            .help("Stop that one, or choose another port: `--addr 127.0.0.1:0` takes a free one.")
            .into(),
        _ => Failure::usage(format!("cannot listen on {address}: {error}"))
            .help("--addr takes HOST:PORT, such as 127.0.0.1:8765.")
            .into(),
    })
}

/// Says where the app is. That nobody reads it is no reason to stop; that it cannot be written is.
fn announce(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

/// A port alone is one of this machine.
fn with_host(address: &str) -> String {
    if address.bytes().all(|byte| byte.is_ascii_digit()) || address.starts_with(':') {
        format!("127.0.0.1:{}", address.trim_start_matches(':'))
    } else {
        address.to_owned()
    }
}

/// What is said of notebooks that are gone.
fn loss(notebooks: &[PathBuf]) -> String {
    let names: Vec<String> = notebooks.iter().map(|path| path.display().to_string()).collect();
    let are = if names.len() == 1 { "is" } else { "are" };
    format!(
        "{} {are} gone. The app stays as it was last, until there is such a file again.",
        names.join(" and ")
    )
}

/// As a sentence begins.
fn with_capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next();
    first
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(characters)
        .collect()
}

/// The text of a notebook.
fn read(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    String::from_utf8(bytes).map_err(|_| Failure::new(format!("{} is not text in UTF-8", path.display())).into())
}
