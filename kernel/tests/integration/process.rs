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

/// How long the real engine may take to start, several at once on a busy machine.
pub(crate) const ENGINE: Duration = Duration::from_secs(180);

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
pub(crate) struct Process(Child);

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
    pub(crate) fn start_real() -> (Self, Client, tempfile::TempDir) {
        Self::start_command(Self::real_command)
    }

    pub(crate) fn real_command(file: &Path, folder: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pipulate-kernel"));
        command
            .arg("-f")
            .arg(file)
            .env("PIPULATE_URL", folder.join("pipeline.db"))
            .env("XDG_DATA_HOME", folder);
        command
    }

    pub(crate) fn start_command(command: impl FnOnce(&Path, &Path) -> Command) -> (Self, Client, tempfile::TempDir) {
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

    /// The same, the leader of a process group, as clients start it.
    fn start_in_group() -> (Self, Client, tempfile::TempDir) {
        use std::os::unix::process::CommandExt as _;
        Self::start_command(|file, folder| {
            let mut command = Self::real_command(file, folder);
            command.process_group(0);
            command
        })
    }

    /// The same, after a shell line that says `begun` at last.
    #[cfg(target_os = "linux")]
    fn start_with_shell_line(code: &str) -> (Self, Client, tempfile::TempDir) {
        let (process, client, folder) = Self::start_in_group();
        let request = client.execute(code);
        request
            .busy()
            .input(1, code)
            .stream("stdout", "begun\n")
            .executed(1)
            .idle();
        (process, client, folder)
    }

    /// Ends the kernel in one of three ways.
    fn end(&mut self, how: &str, client: &Client) {
        match how {
            "ended" => {
                client.send(Channel::Control, "shutdown_request", &json!({ "restart": false }));
                client.receive(Channel::Control);
                assert!(self.wait().success());
            }
            "killed" => self.0.kill().unwrap(),
            "killed with its group" => {
                let group = rustix::process::Pid::from_child(&self.0);
                rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
            }
            _ => unreachable!("{how}"),
        }
        self.wait();
        client.ignore_the_rest();
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([signal, &self.0.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
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
    let request = client.execute(&code);
    request.busy().input(1, &code);
    // What the cell library needs, which comes along with a first dependency, is compiled too.
    let mut shown = String::new();
    let result = loop {
        client.await_message(Channel::Iopub, ENGINE);
        let message = client.receive(Channel::Iopub);
        if message.header["msg_type"] != "stream" {
            break message;
        }
        assert_eq!(message.content["name"], "stderr", "{message:?}");
        shown += message.content["text"].as_str().unwrap();
    };
    assert!(shown.lines().all(|line| line.starts_with("Compiling ")), "{shown}");
    assert!(shown.lines().any(|line| line == "Compiling tiny v0.3.1"), "{shown}");
    assert_eq!(result.content["data"], serde_json::json!({ "text/plain": "1" }));
    request.executed(1).idle();
    // What the user changes in it meanwhile counts.
    std::fs::write(package.join("src/lib.rs"), "pub const SIZE: u8 = 2;").unwrap();
    let request = client.execute("tiny::SIZE");
    request.busy().input(2, "tiny::SIZE");
    client.await_message(Channel::Iopub, ENGINE);
    request.stream("stderr", "Compiling tiny v0.3.1\n");
    client.await_message(Channel::Iopub, ENGINE);
    request.result(2, "2").executed(2).idle();
    client.send_shutdown();
    assert!(process.wait().success());
}

/// What the kernel changes in its environment for itself is seen neither by shell lines nor by cells, nor shown.
#[test]
fn the_environment_is_as_it_was() {
    const NAMES: [&str; 6] = [
        "PATH",
        "CARGO_HOME",
        "RUST_SRC_PATH",
        "RUST_MIN_STACK",
        "PIPULATE_KERNEL_CARGO_HOME",
        "PIPULATE_KERNEL_BUILD",
    ];
    for home in [None, Some("/its/own")] {
        let (mut process, client, _folder) = Process::start_command(|file, folder| {
            let mut command = Process::real_command(file, folder);
            match home {
                // It holds neither cargo nor settings: cells need none.
                Some(home) => command.env("CARGO_HOME", home),
                None => command.env_remove("CARGO_HOME"),
            };
            command.env_remove("RUST_SRC_PATH").env_remove("RUST_MIN_STACK");
            command
        });
        let path = std::env::var("PATH").unwrap();
        let expected = [Some(path.as_str()), home, None, None, None, None];
        let shell: Vec<String> = NAMES.iter().map(|name| format!("${{{name}-none}}")).collect();
        let line = format!("!echo \"{}\"", shell.join("|"));
        let said: Vec<&str> = expected.iter().map(|value| value.unwrap_or("none")).collect();
        let request = client.execute(&line);
        request.busy().input(1, &line);
        request
            .stream("stdout", &format!("{}\n", said.join("|")))
            .executed(1)
            .idle();
        let request = client.execute("%env CARGO_HOME");
        request.busy().input(2, "%env CARGO_HOME");
        let what = "the environment has no variable `CARGO_HOME`";
        match home {
            Some(home) => request.display(home).executed(2).idle(),
            None => request.error("Usage", what).failed(2, "Usage", what).idle(),
        };
        let cell = format!("println!(\"{{:?}}\", {NAMES:?}.map(|name| std::env::var(name).ok()));");
        let request = client.execute(&cell);
        request.busy().input(3, &cell);
        client.await_message(Channel::Iopub, ENGINE);
        request.stream("stdout", &format!("{expected:?}\n")).executed(3).idle();
        client.send_shutdown();
        assert!(process.wait().success());
    }
}

/// A relative place of temporary files is one, and cargo is found without a path to it, as in programs that a desktop starts.
#[cfg(target_os = "linux")]
#[test]
fn a_kernel_starts_with_little_of_an_environment() {
    let Some(home) = std::env::home_dir() else { return };
    let changes: [fn(&mut Command); 3] = [
        |command| {
            command.env("TMPDIR", "temporary");
        },
        |command| {
            command.env("PATH", "/usr/bin:/bin");
        },
        |command| {
            command.env_remove("PATH");
        },
    ];
    for (index, change) in changes.into_iter().enumerate() {
        if index > 0 && !home.join(".cargo/bin/cargo").is_file() {
            continue;
        }
        let (mut process, client, _folder) = Process::start_command(|file, folder| {
            std::fs::create_dir(folder.join("temporary")).unwrap();
            let mut command = Process::real_command(file, folder);
            command.current_dir(folder);
            change(&mut command);
            command
        });
        let code = "let tea = vec![1];\ntea.len()";
        let request = client.execute(code);
        request.busy().input(1, code);
        client.await_message(Channel::Iopub, ENGINE);
        request.result(1, "1").executed(1).idle();
        client.send_shutdown();
        assert!(process.wait().success());
    }
}

/// State and parent of a process, while there is one.
#[cfg(target_os = "linux")]
pub(crate) fn state_and_parent(process: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before it may hold anything.
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    Some((words.next()?.chars().next()?, words.next()?.parse().ok()?))
}

#[cfg(target_os = "linux")]
pub(crate) fn descendants(of: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let all: Vec<u32> = processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    let mut found = vec![of];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(
            all.iter()
                .filter(|process| state_and_parent(**process).is_some_and(|(_, of)| of == parent)),
        );
        next += 1;
    }
    found.split_off(1)
}

#[test]
#[cfg(target_os = "linux")]
fn nothing_is_left_behind_by_a_kernel_that_ends_or_is_killed() {
    for how in ["ended", "killed", "killed with its group"] {
        let (mut process, client, _folder) = Process::start_in_group();
        let code = "std::process::Command::new(\"sleep\").arg(\"1000\").spawn().unwrap(); \
            std::process::Command::new(\"setsid\").args([\"env\", \"-i\", \"sleep\", \"1000\"]).spawn().unwrap(); \
            println!(\"begun\"); loop {}";
        let request = client.execute(code);
        request.busy().input(1, code);
        client.await_message(Channel::Iopub, ENGINE);
        request.stream("stdout", "begun\n");
        let started = descendants(process.0.id());
        let sleeps = |process: &u32| {
            std::fs::read_to_string(format!("/proc/{process}/cmdline")).is_ok_and(|line| line.starts_with("sleep"))
        };
        assert!(started.len() >= 3 && started.iter().any(sleeps), "{started:?}");
        process.end(how, &client);
        await_end(&started, how);
    }
}

#[cfg(target_os = "linux")]
fn await_end(processes: &[u32], how: &str) {
    // Whoever adopts a process may take its time to bury it.
    let lives = |process: &&u32| state_and_parent(**process).is_some_and(|(state, _)| state != 'Z');
    let deadline = Instant::now() + PATIENCE;
    while let Some(left) = processes.iter().find(lives) {
        let line = std::fs::read_to_string(format!("/proc/{left}/cmdline")).unwrap_or_default();
        assert!(Instant::now() < deadline, "process {left} is left, {how}: {line:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// As rustup's do where it has no toolchain.
#[test]
fn what_keeps_rustc_from_running_is_said() {
    use std::os::unix::fs::PermissionsExt as _;
    let tools = tempfile::tempdir().unwrap();
    for tool in ["rustc", "cargo"] {
        let tool = tools.path().join(tool);
        std::fs::write(&tool, "#!/bin/sh\necho 'error: no toolchain is chosen' >&2\nexit 1\n").unwrap();
        std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let (mut process, client, _folder) = Process::start_command(|file, folder| {
        let mut command = Process::real_command(file, folder);
        command.env("PATH", format!("{}:/usr/bin:/bin", tools.path().display()));
        command
    });
    let request = client.execute("1 + 1");
    request.busy().input(1, "1 + 1");
    client.await_message(Channel::Iopub, ENGINE);
    let what = "Rust cells cannot run: `rustc` does not run: error: no toolchain is chosen";
    request.error("EngineError", what).failed(1, "EngineError", what).idle();
    client.send_shutdown();
    assert!(process.wait().success());
}

#[test]
fn cells_run_where_nothing_can_be_kept() {
    let (mut process, client, _folder) = Process::start_command(|file, folder| {
        let no_folder = folder.join("no-folder");
        std::fs::write(&no_folder, "").unwrap();
        let mut command = Process::real_command(file, folder);
        command.env("XDG_DATA_HOME", no_folder);
        command
    });
    let request = client.execute("println!(\"{}\", 1 + 1);");
    request.busy().input(1, "println!(\"{}\", 1 + 1);");
    client.await_message(Channel::Iopub, ENGINE);
    request.stream("stdout", "2\n").executed(1).idle();
    client.send_shutdown();
    assert!(process.wait().success());
}

/// cargo takes the paths of a workspace for patterns, and rust-analyzer asks cargo.
#[test]
fn types_are_inferred_where_the_place_of_temporary_files_reads_as_a_pattern() {
    let place = tempfile::Builder::new().prefix("a[b]*{c}").tempdir_in("/tmp").unwrap();
    let (mut process, client, _folder) = Process::start_command(|file, folder| {
        let mut command = Process::real_command(file, folder);
        command.env("TMPDIR", place.path());
        command
    });
    let code = "let words = vec![String::from(\"a\")];";
    let request = client.execute(code);
    request.busy().input(1, code);
    client.await_message(Channel::Iopub, ENGINE);
    request.executed(1).idle();
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    client.send_shutdown();
    assert!(process.wait().success());
}

/// How often a process has waited for something.
#[cfg(target_os = "linux")]
fn waits(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or_default()
}

/// Neither mark, group nor session tells whose these are.
#[test]
#[cfg(target_os = "linux")]
fn what_shell_lines_leave_goes_with_the_kernel_whatever_it_made_of_itself() {
    for how in ["ended", "killed", "killed with its group"] {
        let code = "!env -i sleep 1000 & env -i setsid sleep 1000 & (env -i setsid -f sleep 1000); echo begun";
        let (mut process, client, _folder) = Process::start_with_shell_line(code);
        let is_sleep = |process: &u32| {
            std::fs::read_to_string(format!("/proc/{process}/comm")).is_ok_and(|comm| comm.trim_end() == "sleep")
        };
        let deadline = Instant::now() + PATIENCE;
        let started = loop {
            let found = descendants(process.0.id());
            if found.iter().filter(|process| is_sleep(process)).count() == 3 {
                break found;
            }
            assert!(Instant::now() < deadline, "the kernel has not adopted them: {found:?}");
            thread::sleep(Duration::from_millis(5));
        };
        // The guard looks now and again: so does it once they are what they will be.
        let line_of = |process: &u32| std::fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let guard = started.iter().find(|process| line_of(process).contains("kernel-guard"));
        let guard = *guard.expect("a kernel has a guard");
        let before = waits(guard);
        while waits(guard) < before + 2 {
            assert!(Instant::now() < deadline, "the guard does not look");
            thread::sleep(Duration::from_millis(5));
        }
        process.end(how, &client);
        await_end(&started, how);
    }
}

/// Shell lines and cargo are the kernel's own children, and clients kill a kernel with its whole process group.
#[test]
#[cfg(target_os = "linux")]
fn shell_lines_compilers_and_the_folder_go_with_a_kernel_that_ends_or_is_killed() {
    for how in ["ended", "killed", "killed with its group"] {
        let code = "!setsid sleep 1000 & sleep 1000 & echo begun";
        let (mut process, client, folder) = Process::start_with_shell_line(code);
        let package = folder.path().join("slow");
        std::fs::create_dir_all(package.join("src")).unwrap();
        let manifest = "[package]\nname = \"slow\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
        std::fs::write(package.join("Cargo.toml"), manifest).unwrap();
        std::fs::write(package.join("src/lib.rs"), "").unwrap();
        let build = "fn main() { std::thread::sleep(std::time::Duration::from_secs(1000)); }";
        std::fs::write(package.join("build.rs"), build).unwrap();
        client.execute(&format!(":dep slow = {{ path = \"{}\" }}", package.display()));

        let is_of = |process: u32, name: &str| {
            std::fs::read_to_string(format!("/proc/{process}/comm")).is_ok_and(|comm| comm.trim_end() == name)
        };
        let deadline = Instant::now() + ENGINE;
        // One sleeps in the shell's group and one in a session of its own; the shell that started them has ended.
        let sleeps = || -> Vec<u32> {
            let root = format!("PIPULATE_KERNEL_FOLDER={}-", kernel_folder(process.0.id()));
            let all = std::fs::read_dir("/proc").unwrap().flatten();
            all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
                .filter(|process| is_of(*process, "sleep"))
                .filter(|process| {
                    let environment = std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
                    String::from_utf8_lossy(&environment).contains(&root)
                })
                .collect()
        };
        let started = loop {
            let found = descendants(process.0.id());
            if found.iter().any(|process| is_of(*process, "build-script-bu")) && sleeps().len() == 2 {
                break [found, sleeps()].concat();
            }
            assert!(
                Instant::now() < deadline,
                "cargo has not come to the build script: {found:?}"
            );
            thread::sleep(Duration::from_millis(20));
        };
        let kernel = kernel_folder(process.0.id());
        let folders = || {
            let parent = Path::new(&kernel).parent().unwrap();
            let name = format!("{}-", Path::new(&kernel).file_name().unwrap().to_str().unwrap());
            let entries = std::fs::read_dir(parent).unwrap().flatten();
            entries
                .filter(|entry| entry.file_name().to_str().is_some_and(|found| found.starts_with(&name)))
                .count()
        };
        assert_eq!(folders(), 1);
        process.end(how, &client);
        await_end(&started, how);
        let deadline = Instant::now() + PATIENCE;
        while folders() > 0 {
            assert!(Instant::now() < deadline, "the folder is left, {how}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Where a kernel's folder is, up to what is random in its name.
#[cfg(target_os = "linux")]
fn kernel_folder(process: u32) -> String {
    let place = std::env::temp_dir();
    format!("{}/pipulate-kernel-{process}", place.canonicalize().unwrap().display())
}
