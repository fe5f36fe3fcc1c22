//! A file that may only be read.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pipulate::store::sqlite::{SqliteOptions, SqliteStore};
use pipulate::{Error, JobFilter, Pip};
use tempfile::TempDir;

use crate::support::{child, name_of, task};

fn open(file: &Path) -> Pip {
    Pip::open(file.to_str().unwrap()).unwrap()
}

fn open_to_read(file: &Path) -> Result<Pip, Error> {
    let options = SqliteOptions {
        read_only: true,
        ..SqliteOptions::default()
    };
    Ok(Pip::with_store(Arc::new(SqliteStore::open_with(file, &options)?)))
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    names
}

/// Reads in every way, and writes in every way in vain.
fn check_reading(pip: &Pip, expected: u8) {
    let job = pip.job("job").unwrap();
    assert_eq!(job.require::<u8>("step").unwrap(), expected);
    assert_eq!(job.steps().unwrap().len(), 1);
    assert_eq!(job.history(None).unwrap().len(), usize::from(expected));
    assert_eq!(pip.jobs(&JobFilter::default()).unwrap().len(), 1);
    assert_eq!(pip.location().unwrap().jobs, 1);
    let error = job.set("step", &99).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("could not set step `step` of job `job`: "),
        "{error}"
    );
    assert!(error.to_string().ends_with(" may only be read"), "{error}");
    assert_eq!(name_of(job.finalize()), "ReadOnly");
    assert_eq!(name_of(pip.set("new", "step", &1)), "ReadOnly");
    assert_eq!(job.require::<u8>("step").unwrap(), expected);
}

#[test]
fn opened_to_read_it_changes_nothing_and_sees_what_others_write() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("größe #1?.db");
    open(&file).set("job", "step", &1).unwrap();
    let before = (names(folder.path()), fs::read(&file).unwrap());
    let reading = open_to_read(&file).unwrap();
    check_reading(&reading, 1);
    assert_eq!((names(folder.path()), fs::read(&file).unwrap()), before);
    let writing = open(&file);
    writing.set("job", "step", &2).unwrap();
    check_reading(&reading, 2);
    writing.set("job", "step", &3).unwrap();
    check_reading(&reading, 3);
    drop(writing);
    // The log is gone, and its changes are in the file.
    check_reading(&reading, 3);
    open(&file).set("job", "step", &4).unwrap();
    check_reading(&reading, 4);
    fs::remove_file(&file).unwrap();
    assert_eq!(name_of(reading.get::<u8>("job", "step")), "Gone");
}

#[test]
fn opened_to_read_it_makes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("none").join("pipeline.db");
    let error = open_to_read(&file).unwrap_err();
    assert!(error.to_string().ends_with("there is no such file"), "{error}");
    assert!(names(folder.path()).is_empty());
    let empty = folder.path().join("empty.db");
    fs::write(&empty, "").unwrap();
    let error = open_to_read(&empty).unwrap_err();
    assert!(error.to_string().contains("may only be read"), "{error}");
    assert_eq!(fs::metadata(&empty).unwrap().len(), 0);
}

/// A reader does not mistake a change for a broken file, however often the file changes.
#[test]
fn reads_are_whole_while_others_write() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.db");
    let values = |count: u64| serde_json::from_value(serde_json::json!({"left": count, "right": count})).unwrap();
    open(&file).job("job").unwrap().write(values(0)).unwrap();
    let reading = open_to_read(&file).unwrap().job("job").unwrap();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for count in 1..=60 {
                // Closed each time, so that the log comes and goes.
                open(&file).job("job").unwrap().write(values(count)).unwrap();
            }
        });
        let mut last = 0;
        while !writing.is_finished() {
            let read = reading.read().unwrap();
            let count = read["left"].as_u64().unwrap();
            assert_eq!(read["right"].as_u64(), Some(count));
            assert!(count >= last, "{count} after {last}");
            last = count;
        }
    });
    assert_eq!(reading.require::<u64>("left").unwrap(), 60);
}

/// A folder that everyone may enter, and in it a program that everyone may run: this one.
fn shared_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (this, program) = (std::env::current_exe().unwrap(), folder.path().join("program"));
    if fs::hard_link(&this, &program).is_err() {
        fs::copy(&this, &program).unwrap();
    }
    folder
}

/// A child that permissions bind: one of another user's where this is root.
fn bound_child(folder: &TempDir, arguments: &[&str]) -> Command {
    use std::os::unix::process::CommandExt;
    let this = child("read_only::what_permissions_allow", arguments);
    let mut command = Command::new(folder.path().join("program"));
    command.args(this.get_args());
    for (name, value) in this.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    if folder.path().metadata().unwrap().uid() == 0 {
        command.uid(65534).gid(65534);
    }
    command.current_dir("/");
    command
}

/// What a child does: reads a file that it may not write to.
#[test]
fn what_permissions_allow() {
    let Some(arguments) = task("read_only::what_permissions_allow") else {
        return;
    };
    let file = Path::new(&arguments[0]);
    match arguments[1].as_str() {
        "unreadable" => {
            let error = Pip::open(&arguments[0]).unwrap_err();
            assert_eq!(error.name(), "Place");
            assert!(error.to_string().contains("in the file that ends in -wal"), "{error}");
        }
        expected => {
            let before = names(file.parent().unwrap());
            let pip = open(file);
            check_reading(&pip, expected.parse().unwrap());
            assert_eq!(names(file.parent().unwrap()), before, "nothing is made beside it");
            if let Some(signal) = arguments.get(2) {
                // The owner writes once this file is there, and makes another one when it is done.
                fs::write(signal, "").unwrap();
                let deadline = Instant::now() + Duration::from_secs(30);
                while Path::new(signal).exists() {
                    assert!(Instant::now() < deadline, "the owner did not write");
                    std::thread::sleep(Duration::from_millis(2));
                }
                check_reading(&pip, expected.parse::<u8>().unwrap() + 1);
            }
        }
    }
}

#[track_caller]
fn run(mut command: Command) {
    let output = command.output().unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// Runs something while files and a folder have these modes.
fn with_modes(folder: &Path, folder_mode: u32, file_mode: u32, action: impl FnOnce()) {
    for name in names(folder) {
        fs::set_permissions(name, fs::Permissions::from_mode(file_mode)).unwrap();
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(folder_mode)).unwrap();
    action();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_file_that_permissions_protect_can_be_read() {
    let folder = shared_folder();
    let inner = folder.path().join("store");
    fs::create_dir(&inner).unwrap();
    let file = inner.join("pipeline.db");
    open(&file).set("job", "step", &1).unwrap();
    let path = file.to_str().unwrap();
    with_modes(&inner, 0o555, 0o444, || run(bound_child(&folder, &[path, "1"])));
    with_modes(&inner, 0o777, 0o444, || run(bound_child(&folder, &[path, "1"])));
    with_modes(&inner, 0o555, 0o666, || run(bound_child(&folder, &[path, "1"])));
    assert_eq!(open(&file).get::<u8>("job", "step").unwrap(), Some(1));
}

#[test]
fn a_protected_file_with_a_log_is_read_with_it_or_not_at_all() {
    let folder = shared_folder();
    let (original, copy) = (folder.path().join("original"), folder.path().join("copy"));
    fs::create_dir(&original).unwrap();
    fs::create_dir(&copy).unwrap();
    let pip = open(&original.join("pipeline.db"));
    pip.set("job", "step", &1).unwrap();
    pip.set("job", "step", &2).unwrap();
    // As a machine leaves them that lost its power.
    for name in ["pipeline.db", "pipeline.db-wal", "pipeline.db-shm"] {
        fs::copy(original.join(name), copy.join(name)).unwrap();
    }
    let file = copy.join("pipeline.db");
    let path = file.to_str().unwrap();
    with_modes(&copy, 0o555, 0o444, || run(bound_child(&folder, &[path, "2"])));
    fs::remove_file(copy.join("pipeline.db-shm")).unwrap();
    with_modes(&copy, 0o555, 0o444, || run(bound_child(&folder, &[path, "unreadable"])));
}

#[test]
fn a_protected_file_is_read_while_its_owner_writes() {
    let folder = shared_folder();
    let (inner, signals) = (folder.path().join("store"), folder.path().join("signals"));
    fs::create_dir(&inner).unwrap();
    fs::create_dir(&signals).unwrap();
    fs::set_permissions(&signals, fs::Permissions::from_mode(0o777)).unwrap();
    let (file, signal) = (inner.join("pipeline.db"), signals.join("ready"));
    let pip = open(&file);
    pip.set("job", "step", &1).unwrap();
    with_modes(&inner, 0o555, 0o444, || {
        let command = bound_child(&folder, &[file.to_str().unwrap(), "1", signal.to_str().unwrap()]);
        let running = std::thread::spawn(|| run(command));
        while !signal.exists() && !running.is_finished() {
            std::thread::sleep(Duration::from_millis(2));
        }
        pip.set("job", "step", &2).unwrap();
        let _ = fs::remove_file(&signal);
        running.join().unwrap();
    });
}
