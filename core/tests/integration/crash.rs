//! Children that are killed while they write: what was acknowledged is there, and nothing is torn.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use pipulate::{Pip, Revision};
use rusqlite::Connection;

use crate::support::{child, task};

const WRITERS: usize = 3;

/// Writes until it is killed: each thread counts in a job of its own, in one step by `set` and in two others by `write`, and
/// says so after each count.
#[test]
fn writes_until_it_is_killed() {
    let Some(arguments) = task("crash::writes_until_it_is_killed") else {
        return;
    };
    let pip = Pip::open(&arguments[0]).unwrap();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let job = pip.job(&format!("job-{writer}")).unwrap();
            scope.spawn(move || {
                let mut count: u64 = job.get_or("set", 0).unwrap();
                loop {
                    count += 1;
                    job.set("set", &count).unwrap();
                    say(writer, "set", count);
                    let pair = serde_json::json!({"set": count, "left": count, "right": count});
                    job.write(serde_json::from_value(pair).unwrap()).unwrap();
                    say(writer, "pair", count);
                }
            });
        }
    });
}

/// One write, so that a line is whole or not there.
fn say(writer: usize, what: &str, count: u64) {
    let line = format!("ack {writer} {what} {count}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

#[test]
fn two_hundred_kills_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..200_u64 {
        // Every tenth file is new, so that some are killed while they create it.
        let file = folder.path().join(format!("pipeline-{}.db", round / 10));
        let seen = kill_one(&file, round);
        acknowledged += seen.iter().map(|(set, pair)| set + pair).sum::<u64>();
        check(&file, &seen);
    }
    assert!(acknowledged >= 100, "the children wrote next to nothing");
}

/// Kills a child; gives the last count that each writer had acknowledged.
fn kill_one(file: &Path, round: u64) -> Vec<(u64, u64)> {
    let mut running = child("crash::writes_until_it_is_killed", &[file.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = running.stdout.take().unwrap();
    let (heard, acknowledgements) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut seen = vec![(0, 0); WRITERS];
        for line in BufReader::new(output).lines() {
            // Lines of the test harness stand between ours, and the last one may be torn by the kill.
            let Ok(line) = line else { break };
            let Some(words) = line.find("ack ").map(|at| line[at..].split(' ').collect::<Vec<_>>()) else {
                continue;
            };
            let [_, writer, what, count] = words[..] else { continue };
            let (Ok(writer), Ok(count)) = (writer.parse::<usize>(), count.parse::<u64>()) else {
                continue;
            };
            match what {
                "set" => seen[writer].0 = count,
                _ => seen[writer].1 = count,
            }
            heard.send(()).ok();
        }
        seen
    });
    // Half of the moments are spread over start and creation, the other half over steady writing.
    if round.is_multiple_of(2) {
        for _ in 0..=round % 50 {
            acknowledgements.recv_timeout(Duration::from_secs(30)).unwrap();
        }
        thread::sleep(Duration::from_micros(round * 7919 % 5_000));
    } else {
        thread::sleep(Duration::from_micros(round * 7919 % 60_000));
    }
    running.kill().unwrap();
    running.wait().unwrap();
    reader.join().unwrap()
}

fn check(file: &Path, seen: &[(u64, u64)]) {
    let pip = Pip::open(file.to_str().unwrap()).unwrap();
    for (writer, (set, pair)) in seen.iter().enumerate() {
        let job = pip.job(&format!("job-{writer}")).unwrap();
        let count = |step: &str| job.get_or(step, 0_u64).unwrap();
        assert!(
            count("set") >= *set && count("left") >= *pair,
            "writer {writer} lost what was acknowledged"
        );
        assert_eq!(count("left"), count("right"), "a write is torn");
        let history = job.history(None).unwrap();
        let info = job.info().unwrap();
        assert_eq!(
            info.map_or(Revision::NONE, |info| info.revision).number(),
            history.len() as u64
        );
        if let Some(last) = history
            .iter()
            .rev()
            .find(|event| event.step.as_ref().is_some_and(|step| *step == "set"))
        {
            assert_eq!(last.value, job.get_json("set").unwrap(), "history and value disagree");
        }
    }
    let connection = Connection::open(file).unwrap();
    let verdict: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
}
