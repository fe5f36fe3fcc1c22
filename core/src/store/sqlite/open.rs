//! Opening the file: who may read it, how it is set up, which schema it has. Any number of processes may do so at once.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::{SqliteOptions, failed};
use crate::error::{Cause, Error, Result};

#[allow(missing_docs, unreachable_pub, reason = "refinery writes this module")]
mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The number of the last migration that this version knows.
pub const SCHEMA_VERSION: u32 = 1;

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
    create(path).map_err(|error| Error::Place {
        place: path.display().to_string(),
        reason: "it cannot be created".to_owned(),
        source: Some(Cause::of(&error)),
    })?;
    let failed = |error: &rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Error::Place {
            place: path.display().to_string(),
            reason: "it is no SQLite file".to_owned(),
            source: Some(Cause::of(error)),
        },
        _ => failed(path, error).during(|| format!("open {}", path.display())),
    };
    let deadline = Instant::now() + options.patience;
    loop {
        // Looking first, without the right to write, leaves a file that is not ours untouched.
        let found = if is_empty(path) {
            Schema::Empty
        } else {
            look(path).map_err(|error| failed(&error))?
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
                return Err(Error::Place {
                    place: path.display().to_string(),
                    reason: "it is the database of another program; `pipulate import` reads Python Pipulate's"
                        .to_owned(),
                    source: None,
                });
            }
            Schema::Empty | Schema::Version(_) => match migrate(path, options) {
                Ok(()) => return Ok(()),
                // Another process migrates at the same time: one of the two finds that it is done already.
                Err(error) if Instant::now() < deadline && error.may_pass => thread::sleep(Duration::from_millis(2)),
                Err(error) => {
                    return Err(Error::Store {
                        operation: format!("bring {} up to date", path.display()),
                        source: error.cause,
                    });
                }
            },
        }
    }
}

/// Opens a connection to a file that is prepared.
pub(super) fn connect(path: &Path, options: &SqliteOptions) -> Result<Patient> {
    let open = || -> rusqlite::Result<Patient> {
        let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
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
    };
    open().map_err(|error| failed(path, &error).during(|| format!("open {}", path.display())))
}

fn open(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    // Each connection is used by one thread at a time, which makes SQLite's own mutexes needless.
    Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(64);
    // `fullfsync` makes macOS flush the drive's own cache, too. 16 MB hold the working set of a large job.
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON; PRAGMA cache_size = -16000;",
    )
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

fn is_empty(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0)
}

/// Finds out which schema a file has, without the right to write.
fn look(path: &Path) -> rusqlite::Result<Schema> {
    // A connection that only reads leaves the files of the write-ahead log behind if it had to create them. Where there is no
    // log, nobody has the file open, and it can be read as if it never changed; if someone opens it just now, we look again.
    if !beside(path, "-wal").exists()
        && let Some(uri) = immutable(path)
        && let Ok(connection) = open(
            uri.as_ref(),
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
        )
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
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ReadOnly) => {
            look_with(OpenFlags::SQLITE_OPEN_READ_WRITE)
        }
        found => found,
    }
}

/// The path as an address that tells SQLite not to lock, and so not to write (<https://www.sqlite.org/uri.html>).
fn immutable(path: &Path) -> Option<String> {
    let mut uri = "file:".to_owned();
    for byte in path.to_str()?.bytes() {
        match byte {
            b'?' | b'#' | b'%' => {
                uri.push('%');
                uri.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
            }
            _ if byte.is_ascii() => uri.push(char::from(byte)),
            // Characters beyond ASCII would need more care; such a file is looked at the other way.
            _ => return None,
        }
    }
    uri.push_str("?immutable=1");
    Some(uri)
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

/// The name of a file that SQLite keeps beside its own.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

struct Unmigrated {
    cause: Cause,
    /// Whether another process may be the reason, so that looking again helps.
    may_pass: bool,
}

fn migrate(path: &Path, options: &SqliteOptions) -> std::result::Result<(), Unmigrated> {
    let sqlite = |error: rusqlite::Error| Unmigrated {
        may_pass: matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::SchemaChanged)
        ),
        cause: Cause::of(&error),
    };
    let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(sqlite)?;
    let budget = u64::try_from(options.patience.as_millis()).unwrap_or(u64::MAX);
    wait_for_others(&mut connection, Arc::new(AtomicU64::new(budget))).map_err(sqlite)?;
    set_up(&connection).map_err(sqlite)?;
    // SQLite does not wait for this one, lest two switches wait for each other: hence the caller's loop.
    let mode: String = connection
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .map_err(sqlite)?;
    if mode != "wal" {
        let cause = Cause::message(format!("the file's journal cannot be WAL here, only {mode}"));
        return Err(Unmigrated { cause, may_pass: false });
    }
    // An immediate transaction waits for its turn; a deferred one fails when it finds that someone else wrote.
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    // Grouped means that a migration and the note that it is done are one transaction: refinery's default is two, and a process
    // that is killed between them leaves a file that no one can migrate any more.
    let migrated = embedded::migrations::runner().set_grouped(true).run(&mut connection);
    match migrated {
        Ok(_) => Ok(()),
        Err(error) => {
            let done = matches!(look(path), Ok(Schema::Version(SCHEMA_VERSION)));
            if done {
                Ok(())
            } else {
                Err(Unmigrated {
                    cause: Cause::of(&error),
                    may_pass: true,
                })
            }
        }
    }
}

/// Creates folder and file where they are missing, both for their owner only.
fn create(path: &Path) -> io::Result<()> {
    if path.is_file() {
        return Ok(());
    }
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true);
    let mut file = OpenOptions::new();
    file.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        folder.mode(0o700);
        file.mode(0o600);
    }
    if let Some(parent) = path.parent() {
        folder.create(parent)?;
    }
    match file.open(path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    // The entry in the folder must outlast a loss of power, as the file will.
    #[cfg(unix)]
    if let Some(parent) = path.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}
