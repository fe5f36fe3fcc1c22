//! The SQLite file: whose it is, who may read it, and what others find in it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use pipulate::store::sqlite::{SCHEMA_VERSION, SqliteOptions, SqliteStore};
use pipulate::{Error, Pip, PruneOptions};
use rusqlite::Connection;
use serde_json::Value;

fn open(file: &Path) -> Result<Pip, Error> {
    Pip::open(file.to_str().unwrap())
}

#[cfg(unix)]
#[test]
fn folder_and_file_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let file = folder.path().join("new").join("deeper").join("pipeline.db");
    let pip = open(&file).unwrap();
    pip.set("job", "step", &1).unwrap();
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    assert_eq!(mode(file.parent().unwrap().parent().unwrap()), 0o700);
    for name in ["pipeline.db", "pipeline.db-wal", "pipeline.db-shm"] {
        assert_eq!(mode(&file.with_file_name(name)), 0o600, "{name}");
    }
    assert_eq!(mode(folder.path()), 0o755, "a folder that was there keeps its mode");
}

#[cfg(unix)]
#[test]
fn a_file_that_is_there_is_made_private() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let expose = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.db");
    let first = open(&file).unwrap();
    first.set("job", "step", &1).unwrap();
    let parts = ["pipeline.db", "pipeline.db-wal", "pipeline.db-shm"].map(|name| folder.path().join(name));
    for exposed in [0o644, 0o666, 0o640] {
        for part in &parts {
            expose(part, exposed);
        }
        let second = open(&file).unwrap();
        assert_eq!(second.get::<u8>("job", "step").unwrap(), Some(1));
        assert_eq!(parts.each_ref().map(|part| mode(part)), [0o600; 3], "{exposed:o}");
    }
    drop(first);
    expose(&file, 0o644);
    let again = open(&file).unwrap();
    again.set("job", "step", &2).unwrap();
    assert_eq!(
        parts.each_ref().map(|part| mode(part)),
        [0o600; 3],
        "nor are new ones for others"
    );
    let empty = folder.path().join("empty.db");
    fs::write(&empty, "").unwrap();
    expose(&empty, 0o644);
    open(&empty).unwrap();
    assert_eq!(mode(&empty), 0o600);
    let foreign = folder.path().join("text");
    fs::write(&foreign, "not a database ".repeat(100)).unwrap();
    expose(&foreign, 0o644);
    open(&foreign).unwrap_err();
    assert_eq!(mode(&foreign), 0o644, "what is not ours stays as it is");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let started = std::time::Instant::now();
    let check = |path: &Path, expected: &str| {
        let error = open(path).unwrap_err();
        let place = path.display();
        assert_eq!(
            error.to_string(),
            format!("cannot use {place} as the place for jobs: it is {expected}, not a file")
        );
    };
    check(Path::new("/dev/null"), "a device");
    check(folder.path(), "a folder");
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    check(&socket, "a socket");
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    check(&pipe, "a named pipe");
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path().join("nowhere"), &link).unwrap();
    let error = open(&link).unwrap_err();
    assert!(
        error.to_string().ends_with("it is a link to a file that is not there"),
        "{error}"
    );
    assert!(!folder.path().join("nowhere").exists());
}

#[test]
fn a_path_may_be_an_address_relative_and_odd() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a b?c=d#é.db");
    let url = format!("sqlite:{}", file.display());
    Pip::open(&url).unwrap().set("job", "step", &1).unwrap();
    let info = open(&file).unwrap().location().unwrap();
    assert_eq!((info.path.as_deref(), info.url.as_str()), (Some(&*file), url.as_str()));
    assert_eq!(
        (info.jobs, info.steps, info.events, info.schema_version),
        (1, 1, 1, SCHEMA_VERSION)
    );
    assert!(info.bytes >= 4096);
    assert_eq!(Pip::open("postgres://host/db").unwrap_err().name(), "Place");
    assert_eq!(Pip::open("").unwrap_err().name(), "Place");
    assert_eq!(open(folder.path()).unwrap_err().name(), "Place");
}

#[test]
fn a_newer_schema_is_refused_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.db");
    open(&file).unwrap().set("job", "step", &1).unwrap();
    let newer = SCHEMA_VERSION + 1;
    let connection = Connection::open(&file).unwrap();
    connection
        .execute(
            "INSERT INTO refinery_schema_history VALUES (?1, 'newer', '2030-01-01T00:00:00Z', '1')",
            [newer],
        )
        .unwrap();
    drop(connection);
    let list = || {
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    // One number for the content, so that a failure does not print the file.
    let sum = || {
        fs::read(&file)
            .unwrap()
            .iter()
            .fold(0_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte))
    };
    let before = (sum(), fs::metadata(&file).unwrap().modified().unwrap(), list());
    let error = open(&file).unwrap_err();
    assert!(
        matches!(error, Error::NewerSchema { found, supported: SCHEMA_VERSION, .. } if found == newer),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("pipeline.db was written by a newer version"),
        "{error}"
    );
    assert_eq!(
        (sum(), fs::metadata(&file).unwrap().modified().unwrap(), list()),
        before
    );
}

#[test]
fn a_file_of_another_program_is_refused_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    fs::write(&text, "not a database ".repeat(100)).unwrap();
    let error = open(&text).unwrap_err();
    assert!(
        matches!(&error, Error::Place { place, .. } if place.ends_with("text")),
        "{error:?}"
    );
    assert!(fs::read_to_string(&text).unwrap().starts_with("not a database"));
    let python = folder.path().join("python.db");
    let connection = Connection::open(&python).unwrap();
    connection
        .execute_batch("CREATE TABLE pipeline (pkey TEXT PRIMARY KEY, app_name TEXT, data TEXT)")
        .unwrap();
    drop(connection);
    let unchanged = |before: &[u8]| fs::read(&python).unwrap() == before;
    let before = fs::read(&python).unwrap();
    let error = open(&python).unwrap_err();
    assert!(error.to_string().contains("another program"), "{error}");
    assert!(unchanged(&before));
}

#[test]
fn the_view_shows_each_job_as_one_object() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.db");
    let pip = open(&file).unwrap();
    let job = pip.job_in("hello-01", "hello").unwrap();
    job.order(&["b", "a"]).unwrap();
    job.set_json("a", r#"{"z":1,"y":[null]}"#).unwrap();
    job.set("b", "text").unwrap();
    job.set("c", &u128::MAX).unwrap();
    job.set("d", &1).unwrap();
    job.remove("d").unwrap();
    pip.job("empty").unwrap().order(&["a"]).unwrap();
    pip.set("gone", "a", &1).unwrap();
    pip.job("gone").unwrap().delete().unwrap();
    pip.clone()
        .with_tenant("other".parse().unwrap())
        .set("theirs", "a", &1)
        .unwrap();

    let connection = Connection::open(&file).unwrap();
    let mut statement = connection
        .prepare("SELECT pkey, app_name, data, created, updated FROM pipeline ORDER BY pkey")
        .unwrap();
    let rows: Vec<[String; 5]> = statement
        .query_map([], |row| {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?])
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let info = job.info().unwrap().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0][0].as_str(), rows[0][2].as_str()), ("empty", "{}"));
    assert_eq!((rows[1][0].as_str(), rows[1][1].as_str()), ("hello-01", "hello"));
    let digits = u128::MAX;
    assert_eq!(
        rows[1][2],
        format!(r#"{{"b":"text","a":{{"z":1,"y":[null]}},"c":{digits}}}"#)
    );
    assert_eq!((&rows[1][3], &rows[1][4]), (&info.created, &info.updated));
    assert!(serde_json::from_str::<Value>(&rows[1][2]).unwrap().is_object());
    assert!(
        connection.execute("DELETE FROM pipeline", []).is_err(),
        "the view is for reading"
    );
}

/// A commit copies each page that it changes into the log: that of the step and that of the event.
#[test]
fn a_set_writes_two_pages() {
    const PAGE: u64 = 4096 + 24;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.db");
    let job = open(&file).unwrap().job("job").unwrap();
    job.set("step", &0).unwrap();
    let log = || fs::metadata(folder.path().join("pipeline.db-wal")).unwrap().len();
    let written: Vec<u64> = (1..=60)
        .map(|value| {
            let before = log();
            job.set("step", &value).unwrap();
            (log() - before) / PAGE
        })
        .collect();
    // Now and then a page of events is full, and others are written with it.
    assert!(written.iter().all(|pages| *pages >= 2), "{written:?}");
    assert!(written.iter().filter(|pages| **pages == 2).count() > 30, "{written:?}");
}

/// Makes a file as version 1 of the schema had it, out of a new one.
fn take_back_to_schema_1(file: &Path) {
    let first = include_str!("../../migrations/V1__jobs_steps_events.sql");
    let view = &first[first.find("CREATE VIEW").unwrap()..];
    let connection = Connection::open(file).unwrap();
    connection
        .execute_batch(
            "DROP VIEW pipeline;
             UPDATE job SET (updated, revision, done, undo_top) =
                (SELECT time, revision, done, undo_top FROM event
                 WHERE event.tenant = job.tenant AND event.job = job.key ORDER BY revision DESC LIMIT 1);
             ALTER TABLE event DROP COLUMN done;
             ALTER TABLE event DROP COLUMN undo_top;
             DELETE FROM refinery_schema_history WHERE version > 1;",
        )
        .unwrap();
    connection.execute_batch(view).unwrap();
}

#[test]
fn a_file_with_the_first_schema_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.db");
    {
        let job = open(&file).unwrap().job("job").unwrap();
        job.set("a", &1).unwrap();
        job.set("b", &2).unwrap();
        job.set("a", &3).unwrap();
    }
    let dump = |pip: &Pip| {
        let job = pip.job("job").unwrap();
        (job.info().unwrap(), job.steps().unwrap(), job.history(None).unwrap())
    };
    let before = dump(&open(&file).unwrap());
    take_back_to_schema_1(&file);
    let pip = open(&file).unwrap();
    assert_eq!(pip.location().unwrap().schema_version, SCHEMA_VERSION);
    assert_eq!(dump(&pip), before);
    let job = pip.job("job").unwrap();
    assert_eq!(job.set("c", &4).unwrap().number(), 4);
    assert_eq!(job.info().unwrap().unwrap().steps, 3);
    for expected in ["c", "a", "b", "a"] {
        assert_eq!(job.undo().unwrap().unwrap().step.unwrap(), expected);
    }
    assert_eq!(job.undo().unwrap(), None);
    assert_eq!(job.info().unwrap().unwrap().steps, 0);
}

#[test]
fn journal_and_sync_are_as_promised() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.db");
    open(&file).unwrap().set("job", "step", &1).unwrap();
    let connection = Connection::open(&file).unwrap();
    let mode: String = connection
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
    for table in ["job", "step", "event"] {
        let sql = format!("SELECT name FROM pragma_table_info('{table}') WHERE pk = 1");
        let first: String = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(first, "tenant", "the first key column of {table}");
    }
}

#[test]
fn a_value_that_nobody_could_have_written_is_an_error_not_a_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.db");
    let pip = open(&file).unwrap();
    pip.set("job", "step", &1).unwrap();
    let connection = Connection::open(&file).unwrap();
    connection.execute("UPDATE step SET value = '{'", []).unwrap();
    assert_eq!(pip.get::<Value>("job", "step").unwrap_err().name(), "Decode");
    connection.execute_batch("DROP TABLE step").unwrap();
    let error = pip.get::<Value>("job", "step").unwrap_err();
    assert_eq!(error.name(), "Store");
    assert!(
        error
            .full_message()
            .contains("could not read step `step` of job `job`: no such table"),
        "{}",
        error.full_message()
    );
}

#[test]
fn a_new_file_that_finds_no_room_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions {
        max_bytes: Some(8 * 1024),
        ..SqliteOptions::default()
    };
    let error = SqliteStore::open_with(&folder.path().join("pipeline.db"), &options).unwrap_err();
    assert_eq!(error.name(), "Full", "{error:?}");
    assert!(error.to_string().starts_with("could not bring "), "{error}");
    assert!(error.help().unwrap().starts_with("Make room"), "{error:?}");
}

#[test]
fn prune_keeps_young_events_whatever_clock_the_others_were_written_by() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.db");
    let pip = open(&file).unwrap();
    let job = pip.job("job").unwrap();
    for value in 1..=4 {
        job.set("step", &value).unwrap();
    }
    let other = Connection::open(&file).unwrap();
    let written_at = |revision: u8, time: &str| {
        let sql = "UPDATE event SET time = ?2 WHERE revision = ?1";
        assert_eq!(other.execute(sql, (revision, time)).unwrap(), 1);
    };
    let hour = PruneOptions {
        older_than: Duration::from_secs(3600),
        ..PruneOptions::default()
    };
    // The clock was set back for the third event: the first two are young all the same.
    written_at(3, "2001-02-03T04:05:06.000000Z");
    assert_eq!(pip.prune(&hour).unwrap().events, 0);
    assert_eq!(job.history(None).unwrap().len(), 4);
    written_at(1, "2001-02-03T04:05:06.000000Z");
    assert_eq!(pip.prune(&hour).unwrap().events, 1);
    assert_eq!(job.history(None).unwrap().len(), 3);
    // It was ahead of the time.
    written_at(3, "9001-02-03T04:05:06.000000Z");
    assert_eq!(pip.prune(&PruneOptions::default()).unwrap().events, 1);
    let left: Vec<u64> = job
        .history(None)
        .unwrap()
        .iter()
        .map(|event| event.revision.number())
        .collect();
    assert_eq!(left, [3, 4]);
    job.undo().unwrap();
    assert_eq!(job.require::<u8>("step").unwrap(), 3);
}

#[test]
fn a_file_that_was_cut_off_is_named_damaged_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.db");
    open(&file).unwrap().set("job", "step", &1).unwrap();
    let whole = fs::read(&file).unwrap();
    for length in [512, 4096, whole.len() / 2] {
        fs::write(&file, &whole[..length]).unwrap();
        let error = open(&file).unwrap_err();
        assert_eq!(error.name(), "Place", "{length}: {error:?}");
        assert!(error.to_string().contains("it is damaged"), "{length}: {error}");
        assert_eq!(fs::read(&file).unwrap(), whole[..length], "{length}");
    }
}

#[test]
fn pages_that_were_overwritten_are_found() {
    use pipulate::store::sqlite::check;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.db");
    let pip = open(&file).unwrap();
    for job in 0..40 {
        for step in 0..10 {
            pip.set(&format!("job-{job}"), &format!("step-{step}"), &"x".repeat(200))
                .unwrap();
        }
    }
    let bound = Duration::from_secs(60);
    let checkup = check(&file, bound).unwrap();
    assert_eq!((checkup.faults, checkup.complete), (vec![], true));
    drop(pip);

    let mut bytes = fs::read(&file).unwrap();
    let length = bytes.len();
    assert!(length > 64 * 1024, "{length}");
    bytes[length / 2..length / 2 + 16 * 1024].fill(0xa5);
    fs::write(&file, &bytes).unwrap();
    let pip = open(&file).unwrap();
    let checkup = check(&file, bound).unwrap();
    assert!(!checkup.faults.is_empty() && checkup.faults.len() <= 5, "{checkup:?}");
    drop(pip);
}

#[test]
fn a_check_takes_no_longer_than_it_may() {
    use pipulate::store::sqlite::check;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.db");
    let pip = open(&file).unwrap();
    pip.set("job", "step", &vec!["y".repeat(1000); 20_000]).unwrap();
    // Reading 20 MB takes longer than no time at all.
    let incomplete = (0..100).any(|_| !check(&file, Duration::ZERO).unwrap().complete);
    assert!(incomplete);
}
