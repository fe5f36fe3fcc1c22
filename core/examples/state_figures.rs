//! What the core promises in figures, measured on this machine: each beside a bare SQLite upsert or select in the same run.
//!
//! Run it with `cargo run --release -p pipulate --example state_figures [FOLDER]`. Measurements that are compared are
//! interleaved, so that whatever else the machine does falls on both sides; the middle one of many rounds counts.
//! With `strace` installed, the eight threads are measured once more on a disk whose syncs take 2 ms longer.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use pipulate::Pip;
use rusqlite::{Connection, params};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const THREADS: u32 = 8;
const PROCESSES: u32 = 4;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["threads", folder] => {
            let (one, eight) = threads(Path::new(folder), Duration::from_secs(2))?;
            println!("{one} {eight}");
            Ok(())
        }
        ["process", file, number] => process(file, number),
        [] => report(&env::temp_dir()),
        [folder] => report(Path::new(folder)),
        _ => Err("give at most a folder to measure in".into()),
    }
}

fn report(folder: &Path) -> Outcome<()> {
    let folder = tempfile::tempdir_in(folder)?;
    let folder = folder.path();
    let build = if cfg!(debug_assertions) {
        "dev profile"
    } else {
        "release build"
    };
    println!("state figures ({build}, in {})\n", folder.display());
    println!("{:<52} {:>11} {:>11} {:>7}  goal", "", "bare", "pipulate", "ratio");
    set_and_get(folder)?;
    many_steps(folder)?;
    let (one, eight) = threads(folder, Duration::from_secs(3))?;
    rate_line(
        "sets a second, 8 threads against 1",
        one,
        eight,
        ">= 1, or >= 4 where a sync takes 1 ms",
    );
    match slow_threads(folder)? {
        Some((one, eight)) => rate_line("the same, each sync 2 ms slower", one, eight, ">= 4"),
        None => println!(
            "{:<52} not measured: strace is not installed or not allowed",
            "the same, each sync 2 ms slower"
        ),
    }
    processes(folder)
}

/// Alternates the two, and gives the middle time of each.
fn interleaved(
    rounds: u32,
    mut left: impl FnMut(u32) -> Outcome<()>,
    mut right: impl FnMut(u32) -> Outcome<()>,
) -> Outcome<(Duration, Duration)> {
    let (mut lefts, mut rights) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let started = Instant::now();
        left(round)?;
        lefts.push(started.elapsed());
        let started = Instant::now();
        right(round)?;
        rights.push(started.elapsed());
    }
    lefts.sort_unstable();
    rights.sort_unstable();
    let middle = lefts.len() / 2;
    Ok((lefts[middle], rights[middle]))
}

fn bare(file: &Path) -> Outcome<Connection> {
    let connection = Connection::open(file)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         CREATE TABLE step (job TEXT, name TEXT, value TEXT, PRIMARY KEY (job, name));",
    )?;
    Ok(connection)
}

fn upsert(connection: &Connection, job: &str, step: &str, value: &str) -> Outcome<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO step (job, name, value) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = excluded.value",
    )?;
    statement.execute(params![job, step, value])?;
    Ok(())
}

fn select(connection: &Connection, job: &str, step: &str) -> Outcome<String> {
    let mut statement = connection.prepare_cached("SELECT value FROM step WHERE job = ?1 AND name = ?2")?;
    let text: String = statement.query_row(params![job, step], |row| row.get(0))?;
    Ok(serde_json::from_str(&text)?)
}

/// A hundred bytes of text that differ from round to round.
fn value(round: u32) -> String {
    format!("{round:0>98}")
}

fn set_and_get(folder: &Path) -> Outcome<()> {
    const STEPS: u32 = 100;
    let connection = bare(&folder.join("bare.db"))?;
    let pip = open(&folder.join("set.db"))?;
    let job = pip.job("job")?;
    for step in 0..STEPS {
        let name = format!("step_{step:03}");
        upsert(&connection, "job", &name, &serde_json::to_string(&value(0))?)?;
        job.set(&name, &value(0))?;
    }
    let name = |round: u32| format!("step_{:03}", round % STEPS);
    let (left, right) = interleaved(
        1000,
        |round| {
            upsert(
                &connection,
                "job",
                &name(round),
                &serde_json::to_string(&value(round + 1))?,
            )
        },
        |round| Ok(job.set(&name(round), &value(round + 1)).map(|_| ())?),
    )?;
    line("set of 100 bytes, history included", left, right, "<= 2");
    let (left, right) = interleaved(
        20_000,
        |round| {
            assert_eq!(select(&connection, "job", &name(round))?.len(), 98);
            Ok(())
        },
        |round| {
            assert_eq!(job.require::<String>(&name(round))?.len(), 98);
            Ok(())
        },
    )?;
    line("get of 100 bytes", left, right, "<= 1.5");
    Ok(())
}

fn many_steps(folder: &Path) -> Outcome<()> {
    const FEW: u32 = 10;
    const MANY: u32 = 10_000;
    let pip = open(&folder.join("many.db"))?;
    let (few, many) = (pip.job("few")?, pip.job("many")?);
    let connection = bare(&folder.join("many-bare.db"))?;
    let name = |step: u32| format!("step_{step:05}");
    for (job, steps) in [(&few, FEW), (&many, MANY)] {
        let values = (0..steps).map(|step| (name(step), value(0).into()));
        job.write(values.collect())?;
        connection.execute_batch("BEGIN")?;
        for step in 0..steps {
            upsert(
                &connection,
                job.key().as_str(),
                &name(step),
                &serde_json::to_string(&value(0))?,
            )?;
        }
        connection.execute_batch("COMMIT")?;
    }
    // Ten steps of each, spread over all of the job: what counts is how large the job is, not how much of it is in the
    // processor's caches.
    let one_of = |round: u32, steps: u32| name(round % FEW * (steps / FEW));
    let (left, right) = interleaved(
        1000,
        |round| Ok(few.set(&one_of(round, FEW), &value(round + 1)).map(|_| ())?),
        |round| Ok(many.set(&one_of(round, MANY), &value(round + 1)).map(|_| ())?),
    )?;
    line("set: a job of 10 steps, and one of 10,000", left, right, "<= 1.2");
    let (left, right) = interleaved(
        20_000,
        |round| Ok(few.require::<String>(&one_of(round, FEW)).map(|_| ())?),
        |round| Ok(many.require::<String>(&one_of(round, MANY)).map(|_| ())?),
    )?;
    line("get: a job of 10 steps, and one of 10,000", left, right, "<= 1.2");
    let (left, right) = interleaved(
        20_000,
        |round| select(&connection, "few", &one_of(round, FEW)).map(|_| ()),
        |round| select(&connection, "many", &one_of(round, MANY)).map(|_| ()),
    )?;
    line("  the same with bare selects", left, right, "for comparison");
    Ok(())
}

/// Sets a second by one thread, and by eight.
fn threads(folder: &Path, time: Duration) -> Outcome<(u64, u64)> {
    let file = folder.join("threads.db");
    let pip = open(&file)?;
    let (mut one, mut eight) = (0, 0);
    // In turns, as the disk may be slower now and then.
    for turn in 0..4_u32 {
        one += sets(&pip, 1, turn, time / 4)?;
        eight += sets(&pip, THREADS, turn, time / 4)?;
    }
    let seconds = time.as_millis();
    let rate = |count: u64| u64::try_from(u128::from(count) * 1000 / seconds).unwrap_or(u64::MAX);
    Ok((rate(one), rate(eight)))
}

fn sets(pip: &Pip, threads: u32, turn: u32, time: Duration) -> Outcome<u64> {
    let start = Barrier::new(threads as usize);
    let count = |thread: u32| -> Outcome<u64> {
        let job = pip.job(&format!("job-{threads}-{thread}"))?;
        start.wait();
        let started = Instant::now();
        let mut count = 0;
        while started.elapsed() < time {
            job.set("step", &(turn, count, "x".repeat(80)))?;
            count += 1;
        }
        Ok(count)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(move || count(thread))).collect();
        let mut total = 0;
        for thread in threads {
            total += thread.join().map_err(|_| "a thread panicked")??;
        }
        Ok(total)
    })
}

/// The same in a child, each of whose syncs `strace` delays by 2 ms.
fn slow_threads(folder: &Path) -> Outcome<Option<(u64, u64)>> {
    let folder = folder.join("slow");
    std::fs::create_dir(&folder)?;
    let child = Command::new("strace")
        .args(["-f", "-qq", "--seccomp-bpf", "-o"])
        .arg(folder.join("strace.log"))
        .args([
            "-e",
            "trace=fsync,fdatasync",
            "-e",
            "inject=fsync,fdatasync:delay_exit=2000",
        ])
        .arg(env::current_exe()?)
        .arg("threads")
        .arg(&folder)
        .stderr(Stdio::null())
        .output();
    let Ok(output) = child else { return Ok(None) };
    let text = String::from_utf8(output.stdout)?;
    let rates: Vec<u64> = text.split_whitespace().filter_map(|rate| rate.parse().ok()).collect();
    Ok(match rates.as_slice() {
        [one, eight] => Some((*one, *eight)),
        _ => None,
    })
}

/// Four processes set a hundred steps each in one job, at the same time.
fn processes(folder: &Path) -> Outcome<()> {
    let file = folder.join("processes.db");
    let started = Instant::now();
    let children: Vec<_> = (0..PROCESSES)
        .map(|number| {
            let mut command = Command::new(env::current_exe()?);
            command
                .arg("process")
                .arg(&file)
                .arg(number.to_string())
                .stderr(Stdio::piped())
                .spawn()
        })
        .collect::<Result<_, _>>()?;
    let mut complaints = String::new();
    for child in children {
        complaints.push_str(&String::from_utf8_lossy(&child.wait_with_output()?.stderr));
    }
    let elapsed = started.elapsed();
    let there = open(&file)?.job("shared")?.read()?.len();
    let what = format!(
        "steps that {PROCESSES} processes set at once ({} ms)",
        elapsed.as_millis()
    );
    println!("{what:<52} {:>11} {there:>11} {:>7}  400 of 400", "", "");
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(complaints.into())
    }
}

fn process(file: &str, number: &str) -> Outcome<()> {
    let job = Pip::open(file)?.job("shared")?;
    for step in 0..100 {
        job.set(&format!("{number}-{step}"), &step)?;
    }
    Ok(())
}

fn open(file: &Path) -> Outcome<Pip> {
    let path: PathBuf = file.to_owned();
    Ok(Pip::open(path.to_str().ok_or("the folder's name is not UTF-8")?)?)
}

fn line(what: &str, bare: Duration, ours: Duration, goal: &str) {
    let ratio = ours.as_secs_f64() / bare.as_secs_f64();
    let micros = |time: Duration| format!("{:.1} µs", time.as_secs_f64() * 1e6);
    println!(
        "{what:<52} {:>11} {:>11} {ratio:>7.2}  {goal}",
        micros(bare),
        micros(ours)
    );
}

fn rate_line(what: &str, one: u64, eight: u64, goal: &str) {
    let tenths = eight * 100 / one.max(1);
    let ratio = format!("{}.{:02}", tenths / 100, tenths % 100);
    println!("{what:<52} {one:>9}/s {eight:>9}/s {ratio:>7}  {goal}");
}
