//! A file that is taken away while it is in use: nothing is acknowledged that nobody would find again.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use pipulate::{Error, Pip};

use crate::support::name_of;

fn open(file: &Path) -> Pip {
    Pip::open(file.to_str().unwrap()).unwrap()
}

/// The files of a store with these values.
fn store(folder: &Path, value: u8) -> std::path::PathBuf {
    let file = folder.join("pipeline.db");
    open(&file).set("job", "step", &value).unwrap();
    file
}

#[track_caller]
fn assert_gone<T: std::fmt::Debug>(result: Result<T, Error>, expected_place: &Path, expected_replaced: bool) {
    match result.unwrap_err() {
        Error::Gone { place, replaced, .. } => {
            assert_eq!((Path::new(&place), replaced), (expected_place, expected_replaced));
        }
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_deleted_file_takes_no_more_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = store(folder.path(), 1);
    let pip = open(&file);
    let job = pip.job("job").unwrap();
    assert_eq!(job.require::<u8>("step").unwrap(), 1);
    for name in ["pipeline.db", "pipeline.db-wal", "pipeline.db-shm"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    let error = job.set("step", &2).unwrap_err();
    let place = file.display();
    assert_eq!(
        error.to_string(),
        format!("could not set step `step` of job `job`: {place} was deleted or moved while it was in use")
    );
    assert!(error.help().unwrap().contains("restart the kernel"), "{error:?}");
    assert_gone(job.get::<u8>("step"), &file, false);
    assert_gone(job.steps(), &file, false);
    assert_gone(pip.location(), &file, false);
    let names: Vec<&str> = thread::scope(|scope| {
        let job = &job;
        let threads: Vec<_> = (0..8)
            .map(|number| scope.spawn(move || name_of(job.set(&format!("step-{number}"), &2))))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(names, ["Gone"; 8]);
    drop((job, pip));
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing is made in its place"
    );
    assert_eq!(
        open(&file).get::<u8>("job", "step").unwrap(),
        None,
        "to open it begins anew"
    );
}

#[test]
fn a_deleted_folder_takes_no_more_changes() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let file = store(&inner, 1);
    let pip = open(&file);
    fs::remove_dir_all(&inner).unwrap();
    assert_gone(pip.set("job", "step", &2), &file, false);
    assert!(!inner.exists());
}

#[test]
fn a_file_in_its_place_is_left_alone() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (file, replacement) = (store(folder.path(), 1), store(other.path(), 7));
    let pip = open(&file);
    fs::rename(&replacement, &file).unwrap();
    // No connection that reads was made yet: one that is made now would find the other file.
    assert_gone(pip.get::<u8>("job", "step"), &file, true);
    let error = pip.set("job", "step", &2).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("was replaced by another file while it was in use"),
        "{error}"
    );
    assert_gone(pip.job("job").unwrap().history(None), &file, true);
    drop(pip);
    let job = open(&file).job("job").unwrap();
    assert_eq!(job.require::<u8>("step").unwrap(), 7);
    assert_eq!(job.history(None).unwrap().len(), 1);
}

#[test]
fn a_file_that_comes_back_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = store(folder.path(), 1);
    let pip = open(&file);
    let aside = folder.path().join("aside.db");
    fs::rename(&file, &aside).unwrap();
    assert_gone(pip.set("job", "step", &2), &file, false);
    fs::rename(&aside, &file).unwrap();
    assert_eq!(
        pip.get::<u8>("job", "step").unwrap(),
        Some(1),
        "what was refused was not made"
    );
    pip.set("job", "step", &3).unwrap();
    drop(pip);
    assert_eq!(open(&file).get::<u8>("job", "step").unwrap(), Some(3));
}

/// What is acknowledged lies in the log at first: a log that was deleted is lost with the process.
#[test]
fn a_deleted_log_takes_no_more_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = store(folder.path(), 1);
    let pip = open(&file);
    pip.set("job", "step", &2).unwrap();
    let log = folder.path().canonicalize().unwrap().join("pipeline.db-wal");
    fs::remove_file(&log).unwrap();
    // It is looked for once a millisecond.
    let deadline = Instant::now() + Duration::from_secs(10);
    let error = loop {
        match pip.set("job", "step", &Instant::now().elapsed().as_nanos()) {
            Ok(_) => assert!(Instant::now() < deadline, "nobody misses the log"),
            Err(error) => break error,
        }
    };
    assert_gone::<()>(Err(error), &log, false);
    assert_gone(pip.get::<u8>("job", "step"), &log, false);
}

#[test]
fn a_link_that_leads_elsewhere_is_noticed() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (file, elsewhere) = (store(folder.path(), 1), store(other.path(), 7));
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let pip = open(&link);
    pip.set("job", "step", &2).unwrap();
    assert_eq!(open(&file).get::<u8>("job", "step").unwrap(), Some(2));
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
    assert_gone(pip.set("job", "step", &3), &link, true);
}
