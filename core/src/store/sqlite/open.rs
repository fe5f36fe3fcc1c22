//! Opening the file: how it is set up, which schema it has, and whether it may be written to. Any number of processes may do so at once.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, TransactionBehavior};

use super::file::{self, Opened};
use super::{SqliteOptions, failed};
use crate::error::{Cause, Error, Result};
use crate::store::clock;

#[allow(missing_docs, unreachable_pub, reason = "refinery writes this module")]
mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The number of the last migration that this version knows.
pub const SCHEMA_VERSION: u32 = 2;

/// A connection, and how long it waits for other processes.
#[derive(Debug)]
pub(super) struct Patient {
    pub(super) connection: Connection,
    patience: Duration,
    /// Milliseconds that a statement may wait; the busy handler reads it.
    budget: Arc<AtomicU64>,
}

impl Patient {
    /// Lets statements wait until then, and no longer than the store's patience.
    pub(super) fn wait_until(&self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now()).min(self.patience);
        self.budget
            .store(u64::try_from(left.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// Makes sure that the file is there, is ours and has the current schema.
pub(super) fn prepare(path: &Path, options: &SqliteOptions) -> Result<()> {
    if !file::is_there(path)? {
        if options.read_only {
            return Err(refused(path, "there is no such file".to_owned()));
        }
        file::create(path)?;
    }
    let failed = |error: &rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Error::Place {
            place: path.display().to_string(),
            reason: "it is no SQLite file".to_owned(),
            source: Some(Cause::of(error)),
        },
        Some(ErrorCode::DatabaseCorrupt) => Error::Place {
            place: path.display().to_string(),
            reason: "it is damaged".to_owned(),
            source: Some(Cause::of(error)),
        },
        Some(ErrorCode::CannotOpen) if file::has_log(path) => unreadable_log(path, error),
        _ => failed(path, error).during(|| format!("open {}", path.display())),
    };
    let deadline = Instant::now() + options.patience;
    loop {
        // Looking first, without the right to write, leaves a file that is not ours untouched.
        let had_log = file::has_log(path);
        let found = if file::is_empty(path) {
            Ok(Schema::Empty)
        } else {
            look(path, options.read_only)
        };
        let found = match found {
            // Its owner has just closed the file, and the log is gone.
            Err(_) if had_log && !file::has_log(path) && Instant::now() < deadline => continue,
            found => found.map_err(|error| failed(&error))?,
        };
        match found {
            Schema::Version(SCHEMA_VERSION) => return Ok(()),
            Schema::Version(version) if version > SCHEMA_VERSION => {
                return Err(Error::NewerSchema {
                    place: path.display().to_string(),
                    found: version,
                    supported: SCHEMA_VERSION,
                });
            }
            Schema::Foreign => {
                let reason = "it is the database of another program; `pipulate import` reads Python Pipulate's";
                return Err(refused(path, reason.to_owned()));
            }
            Schema::Empty | Schema::Version(_) if options.read_only => {
                let reason = "it may only be read, and lacks the tables that this version reads";
                return Err(refused(path, reason.to_owned()));
            }
            Schema::Empty | Schema::Version(_) => match migrate(path, options) {
                Ok(()) => return Ok(()),
                // Another process migrates at the same time: one of the two finds that it is done already.
                Err(error) if Instant::now() < deadline && error.may_pass => thread::sleep(Duration::from_millis(2)),
                Err(unmigrated) => {
                    return Err(unmigrated
                        .error
                        .during(|| format!("bring {} up to date", path.display())));
                }
            },
        }
    }
}

/// A connection that may write to a file that is prepared, and the file that it holds open; `None` where the file may only be read.
/// The file is made private first.
pub(super) fn connect_to_write(path: &Path, options: &SqliteOptions) -> Result<Option<(Patient, Opened)>> {
    const ATTEMPTS: usize = 3;
    let told = |error: rusqlite::Error| failed(path, &error).during(|| format!("open {}", path.display()));
    let mut attempt = 1;
    loop {
        let before = file::identity(path)?;
        let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(told)?;
        // Before anything is read, as reading makes files beside this one.
        if connection.is_readonly(MAIN_DB).map_err(told)? {
            return Ok(None);
        }
        file::make_private(path);
        let patient = match patient(connection, options) {
            Ok(patient) => patient,
            Err(error) if is_refused(&error) && file::folder_is_locked(path) => return Ok(None),
            Err(error) => return Err(told(error)),
        };
        // Another file may have taken the path in between; and a file system in layers copies a file when it is first opened to write.
        if file::identity(path)? == before {
            let opened = Opened::with_log(path)?;
            return Ok(Some((patient, opened)));
        }
        if attempt == ATTEMPTS {
            return Err(refused(path, "the file there is replaced again and again".to_owned()));
        }
        attempt += 1;
    }
}

/// One more connection to a file that can be written to.
pub(super) fn connect(path: &Path, options: &SqliteOptions) -> Result<Patient> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).and_then(|connection| patient(connection, options));
    connection.map_err(|error| failed(path, &error).during(|| format!("open {}", path.display())))
}

/// A connection to a file that may only be read: to its log too, where it has one, or else as if it never changed, since SQLite locks a
/// file by writing beside it. In the second case it is for the caller to see that the file stays as it is.
pub(super) fn connect_to_read(path: &Path, options: &SqliteOptions, log: bool) -> Result<Patient> {
    let connection = match file::immutable(path) {
        Some(uri) if !log => open_immutable(&uri),
        _ => open(path, OpenFlags::SQLITE_OPEN_READ_ONLY),
    };
    connection
        .and_then(|connection| patient(connection, options))
        .map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::CannotOpen) if log => unreadable_log(path, &error),
            _ => failed(path, &error).during(|| format!("open {}", path.display())),
        })
}

fn unreadable_log(path: &Path, error: &rusqlite::Error) -> Error {
    Error::Place {
        place: path.display().to_string(),
        reason: "its last changes stand beside it, in the file that ends in -wal, and reading them takes the right to write to the \
                 folder"
            .to_owned(),
        source: Some(Cause::of(error)),
    }
}

fn refused(path: &Path, reason: String) -> Error {
    Error::Place {
        place: path.display().to_string(),
        reason,
        source: None,
    }
}

fn is_refused(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
    )
}

fn patient(mut connection: Connection, options: &SqliteOptions) -> rusqlite::Result<Patient> {
    let budget = Arc::new(AtomicU64::new(
        u64::try_from(options.patience.as_millis()).unwrap_or(u64::MAX),
    ));
    wait_for_others(&mut connection, Arc::clone(&budget))?;
    set_up(&connection)?;
    Ok(Patient {
        connection,
        patience: options.patience,
        budget,
    })
}

fn open_immutable(uri: &str) -> rusqlite::Result<Connection> {
    open(
        uri.as_ref(),
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
    )
}

fn open(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    // Each connection is used by one thread at a time, which makes SQLite's own mutexes needless.
    Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(64);
    // Plans that do not depend on what is bound. Otherwise SQLite prepares a statement that joins or orders anew whenever it is
    // run, which takes ten times as long as to run it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // `fullfsync` makes macOS flush the drive's own cache, too. 16 MB hold the working set of a large job.
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON; PRAGMA cache_size = -16000;",
    )?;
    // The first read opens the write-ahead log.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

/// Bounds the file's size, where the options do.
pub(super) fn limit(connection: &Connection, options: &SqliteOptions) -> rusqlite::Result<()> {
    let Some(most) = options.max_bytes else { return Ok(()) };
    let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let pages = i64::try_from(most).unwrap_or(i64::MAX) / page;
    connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
}

/// Polls often at first: others hold the lock for one commit, a few milliseconds at most. The poll must be short against that,
/// or a process that writes without pause would starve the rest.
fn wait_for_others(connection: &mut Connection, budget: Arc<AtomicU64>) -> rusqlite::Result<()> {
    let mut started = Instant::now();
    connection.busy_handler(Some(move |polls: i32| {
        if polls == 0 {
            started = Instant::now();
        }
        let waited = started.elapsed();
        if waited >= Duration::from_millis(budget.load(Ordering::Relaxed)) {
            return false;
        }
        // An uneven pause, so that processes which collided once do not do so again.
        let uneven = u64::from(waited.subsec_nanos() % 128);
        let pause = if waited < Duration::from_secs(1) {
            128 + uneven
        } else {
            500 + 4 * uneven
        };
        thread::sleep(Duration::from_micros(pause));
        true
    }))
}

enum Schema {
    Empty,
    Version(u32),
    Foreign,
}

/// Finds out which schema a file has, without the right to write.
fn look(path: &Path, read_only: bool) -> rusqlite::Result<Schema> {
    // A connection that only reads leaves the files of the write-ahead log behind if it had to create them. Where there is no
    // log, nobody has the file open, and it can be read as if it never changed; if someone opens it just now, we look again.
    if !file::has_log(path)
        && let Some(uri) = file::immutable(path)
        && let Ok(connection) = open_immutable(&uri)
        && let Ok(Schema::Version(version)) = schema_of(&connection)
        && version >= SCHEMA_VERSION
    {
        return Ok(Schema::Version(version));
    }
    let look_with = |access: OpenFlags| {
        let mut connection = open(path, access)?;
        wait_for_others(&mut connection, Arc::new(AtomicU64::new(5_000)))?;
        schema_of(&connection)
    };
    match look_with(OpenFlags::SQLITE_OPEN_READ_ONLY) {
        // A process died while it created the file; what it left half done has to be rolled back before anything can be read.
        Err(error) if !read_only && error.sqlite_error_code() == Some(ErrorCode::ReadOnly) => {
            look_with(OpenFlags::SQLITE_OPEN_READ_WRITE)
        }
        found => found,
    }
}

fn schema_of(connection: &Connection) -> rusqlite::Result<Schema> {
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        return Ok(Schema::Empty);
    }
    let history = "SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'";
    if connection.query_row(history, [], |row| row.get::<_, u32>(0))? == 0 {
        return Ok(Schema::Foreign);
    }
    let version = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
    connection.query_row(version, [], |row| row.get(0)).map(Schema::Version)
}

struct Unmigrated {
    /// Its operation is for the caller to fill in.
    error: Error,
    /// Whether another process may be the reason, so that looking again helps.
    may_pass: bool,
}

fn migrate(path: &Path, options: &SqliteOptions) -> std::result::Result<(), Unmigrated> {
    let sqlite = |error: rusqlite::Error| Unmigrated {
        may_pass: matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::SchemaChanged)
        ),
        error: failed(path, &error),
    };
    check_clock(SystemTime::now()).map_err(|error| Unmigrated { error, may_pass: false })?;
    let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(sqlite)?;
    let budget = u64::try_from(options.patience.as_millis()).unwrap_or(u64::MAX);
    wait_for_others(&mut connection, Arc::new(AtomicU64::new(budget))).map_err(sqlite)?;
    set_up(&connection)
        .and_then(|()| limit(&connection, options))
        .map_err(sqlite)?;
    // SQLite does not wait for this one, lest two switches wait for each other: hence the caller's loop.
    let mode: String = connection
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .map_err(sqlite)?;
    if mode != "wal" {
        let cause = Cause::message(format!("the file's journal cannot be WAL here, only {mode}"));
        return Err(Unmigrated {
            error: unnamed(cause),
            may_pass: false,
        });
    }
    // An immediate transaction waits for its turn; a deferred one fails when it finds that someone else wrote.
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    // Grouped means that a migration and the note that it is done are one transaction: refinery's default is two, and a process
    // that is killed between them leaves a file that no one can migrate any more.
    let migrated = embedded::migrations::runner().set_grouped(true).run(&mut connection);
    match migrated {
        Ok(_) => Ok(()),
        Err(error) => {
            let done = matches!(look(path, false), Ok(Schema::Version(SCHEMA_VERSION)));
            if done {
                Ok(())
            } else {
                let of_sqlite =
                    std::error::Error::source(&error).and_then(|source| source.downcast_ref::<rusqlite::Error>());
                let is_full = of_sqlite.filter(|error| error.sqlite_error_code() == Some(ErrorCode::DiskFull));
                Err(Unmigrated {
                    may_pass: is_full.is_none(),
                    error: is_full.map_or_else(|| unnamed(Cause::of(&error)), |error| failed(path, error)),
                })
            }
        }
    }
}

/// Migrations are noted with their time.
fn check_clock(now: SystemTime) -> Result<()> {
    if clock::is_in_our_era(now) {
        return Ok(());
    }
    let reason = "this machine's clock says a year that is not one of 0 to 9999; set it right first";
    Err(unnamed(Cause::message(reason)))
}

/// An error whose operation the caller fills in.
fn unnamed(source: Cause) -> Error {
    Error::Store {
        operation: String::new(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_beyond_all_years_is_an_error_and_no_panic() {
        let (now, year) = (SystemTime::UNIX_EPOCH, Duration::from_hours(365 * 24));
        for good in [SystemTime::now(), now + year * 8_000, now - year * 1_900] {
            assert!(check_clock(good).is_ok(), "{good:?}");
        }
        assert!(check_clock(now - year * 2_000).is_err());
        let error = check_clock(now + year * 8_100)
            .unwrap_err()
            .during(|| "bring x up to date".to_owned());
        let message = error.full_message();
        assert!(
            message.contains("bring x up to date") && message.contains("clock"),
            "{message}"
        );
    }
}
