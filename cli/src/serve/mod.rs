//! Serving notebooks: ported, built, run, and all that again when a notebook changes.
//!
//! This process holds the socket. Each build of the app is a process of its own that gets the socket as its standard input; the next one
//! takes over before the last one ends, so that no request is refused.

mod app;
mod build;
mod project;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use pipulate::PlaceEnv;

use self::app::App;
use self::build::Built;
use self::project::{Projects, Trouble};
use crate::failure::Failure;
use crate::file::folder_of;
use crate::signals::Signals;
use crate::store::StoreOption;
use crate::terminal::visible;

/// How often the notebooks are looked at.
const LOOK: Duration = Duration::from_millis(300);
/// How long a notebook must have stayed as it is: editors write in several steps.
const SETTLED: Duration = Duration::from_millis(250);

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
    /// How many programs have been built.
    builds: usize,
}

/// What ends the wait for a change.
enum Woken {
    Changed,
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
        anstream::eprintln!("Building the app. The first time takes minutes; later only what has changed is built.");
        let program = match self.build(true).await? {
            Ok(program) => program,
            Err(trouble) => return Err(trouble.into_failure().into()),
        };
        self.start(&program).await?;
        let address = self.listener.local_addr()?;
        let url = format!("http://{address}/");
        anstream::println!(
            "Serving at {url}\nJobs are in {}\nStop with Ctrl-C.",
            visible(self.database.strip_prefix("sqlite:").unwrap_or(&self.database))
        );
        if self.options.open {
            open(&url);
        }
        loop {
            match self.wait().await? {
                Woken::Signal => {
                    anstream::eprintln!("\nStopping the app; steps that run are given ten seconds.");
                    return Ok(());
                }
                Woken::Ended(how) => {
                    return Err(Failure::new(format!("the app ended by itself: {how}"))
                        .help("What it said stands above. Start it again with the same command.")
                        .into());
                }
                Woken::Changed => {
                    if let Err(trouble) = self.renew().await? {
                        self.complain(&trouble)?;
                    }
                }
                Woken::Idle => {
                    let Some((program, since)) = self.next.take() else {
                        continue;
                    };
                    if let Err(error) = self.start(&program).await {
                        self.projects.forget();
                        self.complain(&Trouble {
                            sentence: "the new app does not start".to_owned(),
                            details: crate::failure::message(&error),
                        })?;
                        continue;
                    }
                    self.projects.say("", "", "")?;
                    anstream::eprintln!("Built again in {:.1} s.", since.elapsed().as_secs_f64());
                }
            }
        }
    }

    /// Says in pages and terminal why there is no newer app.
    fn complain(&self, trouble: &Trouble) -> Result<()> {
        let sentence = format!("{}. The app stays as it was.", with_capital(&trouble.sentence));
        self.projects.say("failed", &sentence, &trouble.details)?;
        anstream::eprintln!("{}\n{}", trouble.sentence, visible(&trouble.details));
        anstream::eprintln!("The app stays as it was.");
        Ok(())
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
                if self.next.is_none() {
                    self.projects.say("", "", "")?;
                }
                return Ok(Ok(()));
            }
            Ok(true) => {}
        }
        let sentence = "The notebook has changed: the app is being built again.";
        anstream::eprintln!("{sentence}");
        self.projects.say("building", sentence, "")?;
        // What was to take over is not the latest any more.
        self.next = None;
        match self.build(false).await? {
            Ok(program) => {
                if app::runs_steps(&self.listener).await {
                    let sentence =
                        "The notebook has changed: the new app takes over when the step that runs has ended.";
                    anstream::eprintln!("{sentence}");
                    self.projects.say("building", sentence, "")?;
                }
                self.next = Some((program, since));
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
        let _lock = loop {
            if let Some(lock) = self.projects.try_lock()? {
                break lock;
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                signal = self.signals.next() => {
                    return Err(Failure::signalled("the build was interrupted", signal).into());
                }
            }
        };
        let built = build::build(&self.projects, self.options.release, is_first, &mut self.signals).await?;
        Ok(match built {
            Ok(Built { program }) => {
                self.builds += 1;
                Ok(self.projects.keep(&program, self.builds)?)
            }
            Err(trouble) => Err(trouble),
        })
    }

    /// Starts an app, waits until it serves, and lets the one before it end.
    async fn start(&mut self, program: &Path) -> Result<()> {
        let mut arguments = vec!["--db".to_owned(), self.database.clone()];
        for host in &self.options.hosts {
            arguments.extend(["--host".to_owned(), host.clone()]);
        }
        let app = App::start(
            program,
            &arguments,
            &self.listener,
            &self.projects.status(),
            &self.folder,
        )
        .await?;
        if let Some(before) = self.running.replace(app) {
            before.stop().await;
        }
        Ok(())
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

/// A port alone is one of this machine.
fn with_host(address: &str) -> String {
    if address.bytes().all(|byte| byte.is_ascii_digit()) || address.starts_with(':') {
        format!("127.0.0.1:{}", address.trim_start_matches(':'))
    } else {
        address.to_owned()
    }
}

fn open(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let opened = std::process::Command::new(program)
        .arg(url)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn();
    match opened {
        // Waited for on a thread of its own, so that it leaves no zombie.
        Ok(mut browser) => drop(std::thread::spawn(move || browser.wait())),
        Err(error) => anstream::eprintln!("No browser could be opened ({program}: {error}). Open {url} yourself."),
    }
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
