//! Interrupts of a real kernel at what it does before a cell runs: they cost that cell, and nothing of the next.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::frontend::{Channel, Client, PATIENCE};
use crate::process::{ENGINE, Process};
#[cfg(target_os = "linux")]
use crate::process::{descendants, state_and_parent};

/// As cargo, but where there is a file `slow` it does not come to an end with a crate that needs `greeting`, and says so by a file
/// `reached`. Asked without dependencies, which is what rust-analyzer does when it got no answer, it is as quick as ever.
const SLOW_CARGO: &str = r#"#!/bin/sh
folder=${0%/bin/*}
case " $* " in
*" --no-deps "*) ;;
*" metadata "* | *" build "*)
    if [ -f "$folder/slow" ] && grep -qs 'name = "ctx"' Cargo.toml && grep -qs ^greeting Cargo.toml; then
        : > "$folder/reached"
        sleep 100
    fi
    ;;
esac
exec SYSROOT/bin/cargo "$@"
"#;

/// As rustc, of the toolchain in which it is.
const RUSTC: &str = r#"#!/bin/sh
if [ "$*" = '--print sysroot' ]; then echo "${0%/bin/*}"; else exec SYSROOT/bin/rustc "$@"; fi
"#;

/// A toolchain whose cargo is slow where it is told to be.
fn slow_toolchain() -> tempfile::TempDir {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
    let sysroot = String::from_utf8(output.stdout).unwrap();
    let toolchain = tempfile::tempdir().unwrap();
    std::fs::create_dir(toolchain.path().join("bin")).unwrap();
    for (program, text) in [("cargo", SLOW_CARGO), ("rustc", RUSTC)] {
        let program = toolchain.path().join("bin").join(program);
        std::fs::write(&program, text.replace("SYSROOT", sysroot.trim())).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    std::os::unix::fs::symlink(Path::new(sysroot.trim()).join("lib"), toolchain.path().join("lib")).unwrap();
    toolchain
}

/// A cell's reply, when it comes at last.
fn reply(client: &Client, code: &str) -> Value {
    let request = client.execute(code);
    client.await_message(Channel::Shell, ENGINE);
    request.reply_past_others().content
}

/// Runs a cell until a file is there, and interrupts it.
fn interrupt_at(client: &Client, code: &str, reached: &Path) {
    let request = client.execute(code);
    let deadline = Instant::now() + ENGINE;
    while !reached.exists() {
        assert!(Instant::now() < deadline, "cargo is not called");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::fs::remove_file(reached).unwrap();
    client.send(Channel::Control, "interrupt_request", &json!({})).reply();
    client.await_message(Channel::Shell, ENGINE);
    assert_eq!(request.reply_past_others().content["ename"], "Interrupted");
}

/// rust-analyzer cannot be stopped, and is asked before anything is compiled.
#[test]
fn what_an_interrupt_came_amid_is_neither_waited_for_nor_half_known_later() {
    let toolchain = slow_toolchain();
    let (slow, reached) = (toolchain.path().join("slow"), toolchain.path().join("reached"));
    let (mut process, client, folder) = Process::start_command(|file, folder| {
        let mut command = Process::real_command(file, folder);
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}/bin:{path}", toolchain.path().display()));
        command
    });
    let package = folder.path().join("greeting");
    std::fs::create_dir_all(package.join("src")).unwrap();
    let manifest = "[package]\nname = \"greeting\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    std::fs::write(package.join("Cargo.toml"), manifest).unwrap();
    let source = "pub fn hello() -> Vec<String> { vec![\"hello\".to_owned()] }";
    std::fs::write(package.join("src/lib.rs"), source).unwrap();
    let adds = format!(":dep greeting = {{ path = \"{}\" }}", package.display());

    assert_eq!(reply(&client, "let keep = vec![1, 2, 3];")["status"], "ok");
    std::fs::write(&slow, "").unwrap();
    interrupt_at(&client, &adds, &reached);
    let begun = Instant::now();
    assert_eq!(reply(&client, "assert_eq!(keep.len(), 3);")["status"], "ok");
    let took = begun.elapsed();
    assert!(
        took < Duration::from_secs(50),
        "what was interrupted was built: {took:?}"
    );

    interrupt_at(&client, &format!(":opt 1\n{adds}"), &reached);
    std::fs::remove_file(&slow).unwrap();
    assert_eq!(reply(&client, &format!(":opt 1\n{adds}"))["status"], "ok");
    let known = reply(&client, "let hello = greeting::hello();");
    assert_eq!(known["status"], "ok", "{known}");
    client.send_shutdown();
    assert!(process.wait().success());
}

/// cargo waits for whoever has its pipe. It works nowhere that is the kernel's, and has lost its parent, as compilers do that are killed
/// after theirs.
#[cfg(target_os = "linux")]
#[test]
fn what_a_build_script_has_left_ends_with_its_cell_and_is_buried() {
    let (mut process, client, folder) = Process::start_real();
    let package = folder.path().join("leaves");
    std::fs::create_dir_all(package.join("src")).unwrap();
    let manifest = "[package]\nname = \"leaves\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    std::fs::write(package.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(package.join("src/lib.rs"), "").unwrap();
    let build = "fn main() { std::process::Command::new(\"sleep\").arg(\"987\").spawn().unwrap(); }";
    std::fs::write(package.join("build.rs"), build).unwrap();
    assert_eq!(reply(&client, "let keep = vec![1, 2, 3];")["status"], "ok");

    let kernel = process.id();
    // What the kernel has adopted of it, alive and ended.
    let is_adopted = |process: &u32, has_ended: bool| {
        state_and_parent(*process).is_some_and(|(state, parent)| (state == 'Z') == has_ended && parent == kernel)
    };
    let is_left = |process: &u32| {
        std::fs::read_to_string(format!("/proc/{process}/comm")).is_ok_and(|name| name == "sleep\n")
            && is_adopted(process, false)
    };
    let request = client.execute(&format!(":dep leaves = {{ path = \"{}\" }}", package.display()));
    let deadline = Instant::now() + ENGINE;
    while !descendants(kernel).iter().any(is_left) {
        assert!(Instant::now() < deadline, "the build script leaves nothing");
        std::thread::sleep(Duration::from_millis(5));
    }
    client.send(Channel::Control, "interrupt_request", &json!({})).reply();
    client.await_message(Channel::Shell, ENGINE);
    assert_eq!(request.reply_past_others().content["ename"], "Interrupted");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = descendants(kernel);
        if !left.iter().any(|process| is_left(process) || is_adopted(process, true)) {
            break;
        }
        assert!(Instant::now() < deadline, "they go on, or nobody buries them: {left:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(reply(&client, "assert_eq!(keep.len(), 3);")["status"], "ok");
    client.send_shutdown();
    assert!(process.wait().success());
}
