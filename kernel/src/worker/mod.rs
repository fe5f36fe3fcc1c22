//! The processes around user code.
//!
//! evcxr starts one subprocess and speaks a line protocol with it. Ours is the kernel's own binary in the role of a
//! *supervisor* (`supervisor`): it starts the *runner* (`runner`), the process that loads and runs cells, and stands
//! between the two. What user code prints, it sends to the kernel as bytes come; what evcxr's generated code prints for
//! evcxr, it passes on; and it alone says that a cell has ended, so that user code cannot claim so by printing.
//!
//! ```text
//! kernel: evcxr ── stdin: LOAD_AND_RUN, stdout: markers ── supervisor ── control socket: run, report, done ── runner
//!         hub   ── unix socket: streams, contents, end  ──┘                       stdout, stderr: pipes    ──┘
//! ```
//!
//! This is the only module of the kernel that may hold `unsafe` code.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{environment, processes};

pub mod scanner;
pub mod wire;

#[cfg(target_os = "linux")]
mod checkpoint;
#[cfg(not(target_os = "linux"))]
#[path = "no_checkpoint.rs"]
mod checkpoint;
mod control;
mod crash;
#[cfg(target_os = "linux")]
mod descriptors;
mod holds;
mod recovery;
mod runner;
mod supervisor;
mod system;

/// Path of the kernel's socket, for the supervisor and for code in cells.
pub const SOCKET: &str = "PIPULATE_CELL_SOCKET";

const SUPERVISOR: &str = "worker-supervisor";
const RUNNER: &str = "worker-runner";

/// Takes over when this process is a supervisor or a runner, and does not return then. Must come before evcxr's own
/// hook, which would take the process for its own, since evcxr marks every subprocess.
pub fn hook() {
    match std::env::args_os().nth(1) {
        Some(role) if role == SUPERVISOR => supervisor::run(),
        Some(role) if role == RUNNER => runner::run(),
        _ => {}
    }
}

/// The command that starts a supervisor of the binary at `program`, joined to the kernel by the socket at `socket`. Clients kill the
/// kernel with its process group: the supervisor is in one of its own, so that it sees the kernel go and ends what cells have started.
pub fn command(program: &Path, socket: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg(SUPERVISOR).env(SOCKET, socket).process_group(0);
    environment::restore(&mut command);
    command
}

/// The command of the runner, who is told which process its supervisor is. What evcxr puts into the environment of its
/// subprocess is not for user code, nor for the programs that it starts.
fn runner_command() -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg(RUNNER)
        .arg(std::process::id().to_string())
        .env_remove("EVCXR_IS_RUNTIME")
        .env_remove("RUST_BACKTRACE");
    // For the guard, should the supervisor be killed too. The socket is in a notebook's folder, which is in the kernel's.
    let socket = std::env::var_os(SOCKET).map(PathBuf::from);
    if let Some(root) = socket.as_deref().and_then(|socket| socket.ancestors().nth(2)) {
        command.env(processes::MARK, root);
    }
    Ok(command)
}
