//! The kernel's program: Jupyter starts it with the path of a connection file. What it does is in the library.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use pipulate_kernel::connection::Connection;
use pipulate_kernel::history::History;
use pipulate_kernel::{ServeOptions, Sockets, compiler_output, engine, environment, guard, orphans, start, worker};
use tracing_subscriber::EnvFilter;

use crate::arguments::Arguments;

mod arguments;

/// rust-analyzer allocates and frees much and small.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The variable in which a client that starts kernels says which process it is.
const PARENT: &str = "JPY_PARENT_PID";

/// How often the kernel looks whether that process is still there.
const PARENT_CHECK: Duration = Duration::from_millis(500);

/// What is logged, in the syntax of `tracing_subscriber`'s filters, such as `pipulate_kernel=debug`.
const LOG: &str = "PIPULATE_LOG";
/// rust-analyzer warns at length, with backtraces, of what it then does another way.
const LOG_DEFAULT: &str = "error,pipulate=warn,pipulate_kernel=warn";

fn main() -> ExitCode {
    // This binary is also the program around user code: asked for first, since nothing below is meant for that role.
    worker::hook();
    guard::hook();
    // And the program that cargo runs in place of rustc, for the cache of compiled dependencies.
    engine::evcxr::rustc_wrapper_hook();
    environment::announce();

    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env(LOG).unwrap_or_else(|_| EnvFilter::new(LOG_DEFAULT));
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    // Without a watch, dependencies are compiled without a word.
    let stderr = if arguments.warm_up {
        None
    } else {
        compiler_output::watch().ok()
    };
    if let Some(stderr) = stderr.as_ref().and_then(|stderr| stderr.try_clone().ok()) {
        log.with_writer(Mutex::new(stderr)).init();
    } else {
        log.with_writer(io::stderr).init();
    }
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut out: Box<dyn io::Write> =
                stderr.map_or_else(|| Box::new(io::stderr()) as _, |file| Box::new(file) as _);
            // Where nobody reads it, the exit code still says so.
            let _ = writeln!(out, "pipulate-kernel: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    if arguments.warm_up {
        let program = std::env::current_exe().context("the kernel cannot find its own program")?;
        let taken = start::warm_up(program, &start::data_folder()).context("cannot build the cell library")?;
        println!(
            "The cell library is built ({:.1} s); new kernels begin with it.",
            taken.as_secs_f64()
        );
        return Ok(());
    }
    end_with_parent();
    orphans::adopt();
    let connection = Connection::read(arguments.connection_file())?;
    // Before all that takes time, so that a client finds someone to talk to.
    let sockets = Sockets::open(&connection)?;
    let program = std::env::current_exe().context("the kernel cannot find its own program")?;
    let data = start::data_folder();
    // Ends after serving: its folder holds what cells are compiled in.
    let running = start::notebook(arguments.into_settings(), program, &data).context("cannot start the notebook")?;
    let options = ServeOptions {
        history: History::open(data.join("history.sqlite")),
        handle_signals: true,
        ..ServeOptions::default()
    };
    let served = sockets.serve(Arc::clone(&running.session) as _, options);
    drop(running);
    orphans::kill_all();
    Ok(served?)
}

/// A client that is killed cannot tell its kernel to end. One that says which process it is, and is this one's parent, is
/// watched: when it is gone, the kernel ends as it does on SIGTERM.
fn end_with_parent() {
    let parent = rustix::process::getppid();
    let said = std::env::var(PARENT)
        .ok()
        .and_then(|said| said.parse().ok())
        .and_then(rustix::process::Pid::from_raw);
    if parent.is_none() || said != parent {
        return;
    }
    std::thread::spawn(move || {
        while rustix::process::getppid() == parent {
            std::thread::sleep(PARENT_CHECK);
        }
        // This process is there to be signalled.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM);
    });
}
