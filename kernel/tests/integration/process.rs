//! A kernel as a process: signals, and how it ends.
#![cfg(unix)]

use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use pipulate_kernel::connection::Connection;
use pipulate_kernel::{ServeOptions, serve};
use serde_json::json;

use crate::frontend::{Channel, Client, PATIENCE};
use crate::kernel::ipc_connection;
use crate::scripted::Scripted;

const CONNECTION_FILE: &str = "PIPULATE_TEST_CONNECTION_FILE";

/// Not a test of its own: what the tests below start, with the connection file in the environment.
#[test]
fn kernel_process() {
    let Some(path) = std::env::var_os(CONNECTION_FILE) else {
        return;
    };
    let connection = Connection::read(path.as_ref()).unwrap();
    let options = ServeOptions {
        handle_signals: true,
        ..ServeOptions::default()
    };
    serve(&connection, Arc::new(Scripted::new()), options).unwrap();
}

/// Ends with the test, whatever becomes of it.
struct Process(Child);

impl Process {
    fn start() -> (Self, Client, tempfile::TempDir) {
        Self::start_command(|file, _| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command
                .args(["--exact", "process::kernel_process", "--nocapture"])
                .env(CONNECTION_FILE, file);
            command
        })
    }

    /// The kernel's own program, with the real engine, on a store and data of its own.
    fn start_real() -> (Self, Client, tempfile::TempDir) {
        Self::start_command(|file, folder| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_pipulate-kernel"));
            command
                .arg("-f")
                .arg(file)
                .env("PIPULATE_URL", folder.join("pipeline.db"))
                .env("XDG_DATA_HOME", folder);
            command
        })
    }

    fn start_command(command: impl FnOnce(&Path, &Path) -> Command) -> (Self, Client, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let connection = ipc_connection(&folder);
        let file = folder.path().join("connection.json");
        std::fs::write(&file, connection.to_string()).unwrap();
        let mut command = command(&file, folder.path());
        let process = Self(command.spawn().unwrap());
        let client = Client::connect(&connection);
        client.expect_welcome();
        client.expect_starting();
        (process, client, folder)
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([signal, &self.0.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the kernel does not end");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn sigint_interrupts_and_does_not_end_the_kernel() {
    let (mut process, client, _folder) = Process::start();
    let sleeps = client.execute("print begun\nsleep 20000");
    sleeps
        .busy()
        .input(1, "print begun\nsleep 20000")
        .stream("stdout", "begun\n");
    process.signal("-INT");
    let what = "the cell was interrupted";
    sleeps.error("Interrupted", what).failed(1, "Interrupted", what).idle();
    client
        .execute("value 1")
        .busy()
        .input(2, "value 1")
        .result(2, "1")
        .executed(2)
        .idle();
    client
        .send(Channel::Control, "shutdown_request", &json!({ "restart": false }))
        .busy()
        .reply_ok()
        .idle();
    assert!(process.wait().success());
    client.expect_silence();
}

#[test]
fn sigterm_ends_the_kernel_in_order() {
    let (mut process, client, _folder) = Process::start();
    let sleeps = client.execute("print begun\nsleep 20000");
    sleeps
        .busy()
        .input(1, "print begun\nsleep 20000")
        .stream("stdout", "begun\n");
    process.signal("-TERM");
    let what = "the cell was interrupted";
    sleeps.error("Interrupted", what).failed(1, "Interrupted", what).idle();
    assert!(process.wait().success());
    client.expect_silence();
}

#[test]
fn what_is_compiled_for_a_cell_shows_while_it_waits() {
    let (mut process, client, folder) = Process::start_real();
    let package = folder.path().join("tiny");
    std::fs::create_dir_all(package.join("src")).unwrap();
    let manifest = "[package]\nname = \"tiny\"\nversion = \"0.3.1\"\nedition = \"2024\"\n";
    std::fs::write(package.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(package.join("src/lib.rs"), "pub const SIZE: u8 = 1;").unwrap();
    let code = format!(":dep tiny = {{ path = \"{}\" }}\ntiny::SIZE", package.display());
    client
        .execute(&code)
        .busy()
        .input(1, &code)
        .stream("stderr", "Compiling tiny v0.3.1\n")
        .result(1, "1")
        .executed(1)
        .idle();
    client.send_shutdown();
    assert!(process.wait().success());
}
