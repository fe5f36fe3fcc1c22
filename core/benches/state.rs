//! The state core beside a bare SQLite table, with criterion: `cargo bench -p pipulate`. The plain table of ratios is
//! `cargo run --release -p pipulate --example state_figures`.

use std::hint::black_box;
use std::path::Path;
use std::thread;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use pipulate::{Job, Pip};
use rusqlite::{Connection, params};

fn value(round: u64) -> String {
    format!("{round:0>98}")
}

fn bare(file: &Path) -> Connection {
    let connection = Connection::open(file).expect("a new file can be opened");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE step (job TEXT, name TEXT, value TEXT, PRIMARY KEY (job, name));",
        )
        .expect("a new file takes a table");
    connection
}

fn upsert(connection: &Connection, value: &str) {
    connection
        .prepare_cached(
            "INSERT INTO step (job, name, value) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = excluded.value",
        )
        .and_then(|mut statement| statement.execute(params!["job", "step", value]))
        .expect("the table takes a row");
}

fn select(connection: &Connection) -> String {
    connection
        .prepare_cached("SELECT value FROM step WHERE job = ?1 AND name = ?2")
        .and_then(|mut statement| statement.query_row(params!["job", "step"], |row| row.get(0)))
        .expect("the row is there")
}

fn job(folder: &Path, name: &str, steps: u64) -> Job {
    let file = folder.join(format!("{name}.db"));
    let pip = Pip::open(file.to_str().expect("the folder's name is UTF-8")).expect("a new file can be opened");
    let job = pip.job("job").expect("the key is a name");
    let values = (0..steps).map(|step| (format!("step_{step}"), value(step).into()));
    job.write(values.collect()).expect("a job takes values");
    job
}

fn set(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let mut group = criterion.benchmark_group("set");
    let connection = bare(&folder.path().join("bare.db"));
    let mut round = 0;
    group.bench_function("bare upsert", |bencher| {
        bencher.iter(|| {
            round += 1;
            upsert(&connection, &value(round));
        });
    });
    for steps in [10, 10_000] {
        let job = job(folder.path(), &format!("set-{steps}"), steps);
        group.bench_function(BenchmarkId::new("steps", steps), |bencher| {
            bencher.iter(|| {
                round += 1;
                job.set(&format!("step_{}", round * 7919 % steps), &value(round))
                    .expect("the job takes a value")
            });
        });
    }
    group.finish();
}

fn get(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let mut group = criterion.benchmark_group("get");
    let connection = bare(&folder.path().join("bare.db"));
    upsert(&connection, &format!("{:?}", value(0)));
    group.bench_function("bare select", |bencher| {
        bencher.iter(|| serde_json::from_str::<String>(&select(&connection)).expect("the value is JSON"));
    });
    for steps in [10, 10_000] {
        let job = job(folder.path(), &format!("get-{steps}"), steps);
        let mut round = 0;
        group.bench_function(BenchmarkId::new("steps", steps), |bencher| {
            bencher.iter(|| {
                round += 1;
                job.require::<String>(&format!("step_{}", round * 7919 % steps))
                    .expect("the step is there")
            });
        });
    }
    group.finish();
}

fn threads(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let mut group = criterion.benchmark_group("set by threads");
    let job = job(folder.path(), "threads", 8);
    for threads in [1, 8] {
        group.bench_function(BenchmarkId::from_parameter(threads), |bencher| {
            bencher.iter_custom(|rounds| {
                let started = Instant::now();
                thread::scope(|scope| {
                    for thread in 0..threads {
                        let job = &job;
                        scope.spawn(move || {
                            for round in 0..=rounds / threads {
                                let step = format!("step_{thread}");
                                black_box(job.set(&step, &(started.elapsed().as_nanos().to_string(), round)))
                                    .expect("the job takes a value");
                            }
                        });
                    }
                });
                started.elapsed()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, set, get, threads);
criterion_main!(benches);
