//! All of a built app: its arguments, its listener, its end.

use std::ffi::OsString;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Parser;
use pipulate::{Pip, Place, PlaceEnv};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::idle::Patient;
use crate::router::{Router, Served};
use crate::worker::{WorkerCommand, worker_hook};
use crate::workflow::Workflow;

/// Says that standard input is the socket to listen on: how `pipulate serve` hands it from one build to the next.
pub const LISTENER: &str = "PIPULATE_LISTENER";
/// Names the file by which `pipulate serve` tells what it does.
pub const STATUS: &str = "PIPULATE_STATUS";
/// Names the file by which `pipulate serve` tells where in the notebooks each line of the app comes from.
pub const PLACES: &str = "PIPULATE_PLACES";

/// Holds the process id of the `pipulate serve` that started this: where that is killed, nobody else would end the app.
pub const KEEPER: &str = "PIPULATE_KEEPER";

/// How often the keeper is looked for.
const LOOK: Duration = Duration::from_millis(250);
/// How long connections may take to end once the steps have.
const GOODBYE: Duration = Duration::from_secs(2);

/// Serves workflows as a web app.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8765")]
    addr: String,
    /// The store, in place of the one that belongs to the working folder
    #[arg(long, value_name = "URL")]
    db: Option<String>,
    /// Open the first page in a browser
    #[arg(long)]
    open: bool,
    /// Another host name under which the app is reached; may be given several times
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// How many steps may run at once
    #[arg(long, value_name = "NUMBER", default_value_t = 8)]
    workers: usize,
    /// How long a step that runs may go on when the app is told to stop, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    grace: u64,
}

/// Runs a built app: takes its arguments from the command line, serves until SIGINT or SIGTERM, and says what went wrong.
///
/// In a process that the app has started to run steps, this runs them.
pub fn main(workflows: impl IntoIterator<Item = Workflow>) -> ExitCode {
    main_from(std::env::args_os(), workflows, WorkerCommand::default())
}

/// [`main`] with arguments from elsewhere, the program's name first.
pub fn main_from(
    arguments: impl IntoIterator<Item = OsString>,
    workflows: impl IntoIterator<Item = Workflow>,
    workers: WorkerCommand,
) -> ExitCode {
    let workflows: Vec<Workflow> = workflows.into_iter().collect();
    worker_hook(workflows.iter().cloned());
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help that cannot be printed helps nobody.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    log();
    match run(&arguments, workflows, workers) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn log() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("PIPULATE_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let logging = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // An embedding program may log already.
    let _ = logging.try_init();
}

fn run(arguments: &Arguments, workflows: Vec<Workflow>, workers: WorkerCommand) -> Result<(), String> {
    check_clock(SystemTime::now())?;
    let place = place(arguments)?;
    let pip = Pip::open_place(&place).map_err(|error| format!("{error:#}"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    let served = runtime.block_on(async {
        let listener = listener(&arguments.addr).await?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let served = build(pip, workflows, workers, address, arguments).map_err(|error| error.to_string())?;
        let url = format!("http://{address}/");
        say(&format!(
            "Serving at {url}\nJobs are in {}\nStop with Ctrl-C.",
            place.path().display()
        ));
        if arguments.open {
            open(&url);
        }
        serve(listener, &served, Duration::from_secs(arguments.grace)).await?;
        Ok::<_, String>(served)
    })?;
    // A handler that still blocks has been told that the server stops.
    runtime.shutdown_timeout(GOODBYE);
    drop(served);
    Ok(())
}

/// Each response says its time, as HTTP has it: that has no years before 1970, and none of five digits.
fn check_clock(now: SystemTime) -> Result<(), String> {
    /// The beginning of the year 10000.
    const END: Duration = Duration::from_hours(70_389_528);
    match now.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) if since < END => Ok(()),
        _ => Err("this machine's clock says a year that is not one of 1970 to 9999. Set it right first.".to_owned()),
    }
}

fn place(arguments: &Arguments) -> Result<Place, String> {
    let folder = std::env::current_dir().map_err(|error| format!("the working folder cannot be told: {error}"))?;
    let environment = PlaceEnv::of_process();
    let place = match &arguments.db {
        Some(url) => Place::given(url, &folder, &environment),
        None => Place::resolve(&folder, &environment),
    };
    place.map_err(|error| format!("{error:#}"))
}

fn build(
    pip: Pip,
    workflows: Vec<Workflow>,
    workers: WorkerCommand,
    address: SocketAddr,
    arguments: &Arguments,
) -> Result<Served, crate::Error> {
    let mut router = Router::new(pip)
        .worker_command(workers)
        .workers(arguments.workers)
        .hosts(arguments.host.iter().cloned());
    if address.ip().is_loopback() {
        router = router.hosts(["localhost"]);
    } else if !arguments.host.is_empty() && !address.ip().is_unspecified() {
        router = router.hosts([address.ip().to_string()]);
    }
    if let Some(file) = std::env::var_os(STATUS) {
        router = router.status_file(PathBuf::from(file));
    }
    if let Some(file) = std::env::var_os(PLACES) {
        router = router.places_file(PathBuf::from(file));
    }
    for workflow in workflows {
        router = router.workflow(workflow);
    }
    router.build()
}

/// That nobody reads what the server says is no reason to stop.
fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

async fn listener(address: &str) -> Result<TcpListener, String> {
    if std::env::var(LISTENER).as_deref() == Ok("stdin") {
        return inherited().map_err(|error| format!("standard input is no socket to listen on: {error}"));
    }
    let address = with_host(address);
    let bound = TcpListener::bind(&address).await;
    bound.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => format!(
            "{address} is in use by another program. Stop that one, or choose another port: `--addr 127.0.0.1:0` takes a free one."
        ),
        _ => format!("cannot listen on {address}: {error}. `--addr` takes HOST:PORT, such as 127.0.0.1:8765."),
    })
}

/// A port alone, or a host alone, is taken for what it is.
fn with_host(address: &str) -> String {
    let port = address.strip_prefix(':').unwrap_or(address);
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(ip)) => format!("[{ip}]:8765"),
        Ok(ip) => format!("{ip}:8765"),
        Err(_) if port.bytes().all(|byte| byte.is_ascii_digit()) => format!("127.0.0.1:{port}"),
        Err(_) => address.to_owned(),
    }
}

fn inherited() -> std::io::Result<TcpListener> {
    let socket: OwnedFd = std::io::stdin().as_fd().try_clone_to_owned()?;
    let listener = std::net::TcpListener::from(socket);
    listener.local_addr()?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Answers until the process is told to stop.
async fn serve(listener: TcpListener, served: &Served, grace: Duration) -> Result<(), String> {
    let stop = {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
        let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
        async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                () = left_alone() => tracing::warn!("what started this server is gone"),
            }
        }
    };
    let (stopped, mut is_stopped) = tokio::sync::watch::channel(false);
    let winding_up = served.clone();
    let shutdown = async move {
        stop.await;
        // Pages that listen would hold their connections open.
        let wound_up = tokio::task::spawn_blocking(move || winding_up.stop(grace)).await;
        if let Err(error) = wound_up {
            tracing::error!(%error, "the steps that ran could not be waited for");
        }
        stopped.send_replace(true);
    };
    let server = axum::serve(Patient(listener), served.router()).with_graceful_shutdown(shutdown);
    let ended = async {
        // Whoever keeps a connection open without asking is not waited for.
        let _ = is_stopped.wait_for(|stopped| *stopped).await;
        tokio::time::sleep(GOODBYE).await;
    };
    tokio::select! {
        served = server => served.map_err(|error| format!("serving failed: {error}")),
        () = ended => Ok(()),
    }
}

/// Waits until the keeper has ended; for ever where there is none.
async fn left_alone() {
    let Ok(keeper) = std::env::var(KEEPER) else {
        return std::future::pending().await;
    };
    // Whoever outlives its parent gets another one.
    let is_kept = || rustix::process::getppid().is_some_and(|parent| parent.as_raw_nonzero().to_string() == keeper);
    while is_kept() {
        tokio::time::sleep(LOOK).await;
    }
}

fn open(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let opened = std::process::Command::new(program)
        .arg(url)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        // Nothing that ends the app ends the browser.
        .process_group(0)
        .spawn();
    match opened {
        // Waited for on a thread of its own, so that it leaves no zombie.
        Ok(mut browser) => drop(std::thread::spawn(move || browser.wait())),
        Err(error) => eprintln!("No browser could be opened ({program}: {error}). Open {url} yourself."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_whose_time_no_response_could_say_is_refused() {
        let year = Duration::from_hours(365 * 24);
        for (now, is_fine) in [
            (SystemTime::now(), true),
            (SystemTime::UNIX_EPOCH, true),
            (SystemTime::UNIX_EPOCH + year * 8_100, false),
            (SystemTime::UNIX_EPOCH - year, false),
        ] {
            assert_eq!(check_clock(now).is_ok(), is_fine, "{now:?}");
        }
    }

    #[test]
    fn an_address_may_leave_out_what_is_usual() {
        for (given, meant) in [
            ("0", "127.0.0.1:0"),
            (":9000", "127.0.0.1:9000"),
            ("0.0.0.0", "0.0.0.0:8765"),
            ("::1", "[::1]:8765"),
            ("example.org:80", "example.org:80"),
        ] {
            assert_eq!(with_host(given), meant);
        }
    }
}
