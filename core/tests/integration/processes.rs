//! Several processes and one file.

use std::process::Stdio;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use pipulate::store::sqlite::{SqliteOptions, SqliteStore};
use pipulate::{Error, Pip};
use rusqlite::Connection;

use crate::support::{child, task};

#[test]
fn sets_a_hundred_steps() {
    let Some(arguments) = task("processes::sets_a_hundred_steps") else {
        return;
    };
    let job = Pip::open(&arguments[0]).unwrap().job("shared").unwrap();
    for step in 0..100 {
        job.set(&format!("{}-{step}", arguments[1]), &step).unwrap();
        job.update("count", |count: Option<u32>| count.unwrap_or(0) + 1)
            .map_or_else(|error| assert_eq!(error.name(), "Conflict"), |_| ());
    }
}

#[test]
fn four_processes_write_one_job_and_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.db");
    let file = file.to_str().unwrap();
    // None of them finds the file there: they create it at the same time, too.
    let children: Vec<_> = ["a", "b", "c", "d"]
        .map(|name| {
            child("processes::sets_a_hundred_steps", &[file, name])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .into();
    for running in children {
        let output = running.wait_with_output().unwrap();
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.status.success(), "{text}");
        assert!(!text.contains("locked"), "{text}");
    }
    let job = Pip::open(file).unwrap().job("shared").unwrap();
    let count: u64 = job.require("count").unwrap();
    assert_eq!(job.read().unwrap().len(), 401);
    assert_eq!(
        job.info().unwrap().unwrap().revision.number(),
        400 + count,
        "each acknowledged change is one event"
    );
}

#[test]
fn opens_it_first() {
    let Some(arguments) = task("processes::opens_it_first") else {
        return;
    };
    Pip::open(&arguments[0])
        .unwrap()
        .job(&arguments[1])
        .unwrap()
        .set("step", &1)
        .unwrap();
}

#[test]
fn a_new_file_may_be_opened_by_many_at_once() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep").join("pipeline.db");
        let file = file.to_str().unwrap();
        let children = ["a", "b"].map(|name| {
            child("processes::opens_it_first", &[file, name])
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        });
        // Threads of this process join the race.
        let start = Arc::new(Barrier::new(3));
        let threads = ["c", "d", "e"].map(|name| {
            let (start, file) = (Arc::clone(&start), file.to_owned());
            thread::spawn(move || {
                start.wait();
                Pip::open(&file).unwrap().job(name).unwrap().set("step", &1).unwrap();
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        for running in children {
            let output = running.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        assert_eq!(Pip::open(file).unwrap().location().unwrap().jobs, 5);
    }
}

#[test]
fn waiting_is_bounded_and_says_who_waited_for_what() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.db");
    let options = SqliteOptions {
        patience: Duration::from_millis(300),
        ..SqliteOptions::default()
    };
    let pip = Pip::with_store(Arc::new(SqliteStore::open_with(&file, &options).unwrap()));
    let job = pip.job("job").unwrap();
    job.set("a", &1).unwrap();
    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let started = Instant::now();
    // Those who queue up behind the one who waits do not wait for longer.
    let errors: Vec<Error> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|number| {
                let job = &job;
                scope.spawn(move || job.set(&format!("step-{number}"), &2).unwrap_err())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    for error in errors {
        assert_eq!(error.name(), "Busy");
        let message = error.full_message();
        assert!(
            message.contains("set step `step-") && message.contains("of job `job`"),
            "{message}"
        );
        assert!(
            message.contains("waited 0.") && !message.contains("locked"),
            "{message}"
        );
    }
    assert_eq!(job.require::<u8>("a").unwrap(), 1, "reading waits for nobody");
    other.execute_batch("COMMIT").unwrap();
    job.set("b", &2).unwrap();
    assert_eq!(job.read().unwrap().len(), 2, "what was refused was not made later");
}
