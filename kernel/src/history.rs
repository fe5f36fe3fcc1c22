//! The cells that were run, kept across sessions in a small SQLite file of the user's.
//!
//! One thread owns the connection: writing never holds up a cell, and a disk that is full or a file that is locked costs
//! a line in the log.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// How long a client waits for an answer before it gets an empty one.
const PATIENCE: Duration = Duration::from_secs(2);

/// One cell that was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Counts from 1, across kernels.
    pub session: i64,
    /// The execution count of the cell.
    pub line: i64,
    /// The cell's text.
    pub source: String,
}

/// Which cells to find. The answer is in the order in which they were run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryQuery {
    /// The last ones, of any session.
    Tail {
        /// How many.
        n: usize,
    },
    /// Lines of one session.
    Range {
        /// 0 is this session, negative counts back from it, positive is a session's own number.
        session: i64,
        /// The first line.
        start: i64,
        /// The line after the last one; none goes to the end.
        stop: Option<i64>,
    },
    /// Cells whose whole text matches a pattern.
    Search {
        /// `*` stands for anything, `?` for one character, `[abc]` for one of several; case matters.
        pattern: String,
        /// Only the last so many.
        n: Option<usize>,
        /// Of equal cells only the last one.
        unique: bool,
    },
}

enum Command {
    Record {
        line: u32,
        source: String,
    },
    Query {
        query: HistoryQuery,
        answer: Sender<Vec<HistoryEntry>>,
    },
    Flush(Sender<()>),
}

/// A handle on the history; clones share it.
#[derive(Clone, Debug)]
pub struct History {
    commands: Sender<Command>,
}

impl History {
    /// The history in a file, which is made (with its folder) at first use. Returns at once; if the file cannot be used,
    /// the history of this session is kept in memory and the log says why.
    pub fn open(path: impl Into<PathBuf>) -> Self {
        Self::start(Some(path.into()))
    }

    /// A history that ends with the kernel.
    pub fn in_memory() -> Self {
        Self::start(None)
    }

    fn start(path: Option<PathBuf>) -> Self {
        let (commands, receiver) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || run(path.as_deref(), &receiver));
        if let Err(error) = thread {
            tracing::warn!(%error, "no history: its thread cannot be started");
        }
        Self { commands }
    }

    /// Adds a cell to this session. Never waits.
    pub fn record(&self, line: u32, source: &str) {
        // Without its thread there is no history, and that has been logged.
        let _ = self.commands.send(Command::Record {
            line,
            source: source.to_owned(),
        });
    }

    /// Finds cells. Empty when the file does not answer in time.
    pub fn query(&self, query: HistoryQuery) -> Vec<HistoryEntry> {
        let (answer, receiver) = mpsc::channel();
        let _ = self.commands.send(Command::Query { query, answer });
        receiver.recv_timeout(PATIENCE).unwrap_or_default()
    }

    /// Waits, within bounds, until what was recorded is written.
    pub fn flush(&self) {
        let (done, receiver) = mpsc::channel();
        let _ = self.commands.send(Command::Flush(done));
        let _ = receiver.recv_timeout(PATIENCE);
    }
}

/// Answers until every handle is gone.
fn run(path: Option<&Path>, commands: &Receiver<Command>) {
    let database = match path.map(Database::open) {
        Some(Ok(database)) => Ok(database),
        Some(Err(error)) => {
            tracing::warn!(%error, path = %path.unwrap_or(Path::new("")).display(), "history is kept for this session only");
            Database::in_memory()
        }
        None => Database::in_memory(),
    };
    let mut database = match database {
        Ok(database) => database,
        Err(error) => return tracing::warn!(%error, "no history"),
    };
    while let Ok(command) = commands.recv() {
        match command {
            Command::Record { line, source } => {
                if let Err(error) = database.record(line, &source) {
                    tracing::warn!(%error, line, "a cell is missing in the history");
                }
            }
            Command::Query { query, answer } => {
                let entries = database.query(&query).unwrap_or_else(|error| {
                    tracing::warn!(%error, ?query, "cannot read the history");
                    Vec::new()
                });
                let _ = answer.send(entries);
            }
            Command::Flush(done) => {
                let _ = done.send(());
            }
        }
    }
}

struct Database {
    connection: Connection,
    /// Taken at the first cell, so that a kernel that ran none leaves no session behind.
    session: Option<i64>,
}

impl Database {
    fn open(path: &Path) -> rusqlite::Result<Self> {
        if let Some(folder) = path.parent() {
            // If this fails, opening the file says so.
            let _ = std::fs::create_dir_all(folder);
        }
        Self::prepare(Connection::open(path)?)
    }

    fn in_memory() -> rusqlite::Result<Self> {
        Self::prepare(Connection::open_in_memory()?)
    }

    fn prepare(connection: Connection) -> rusqlite::Result<Self> {
        connection.busy_timeout(PATIENCE)?;
        // The last cells may be lost when the machine loses power; a sync for each cell would not be worth them.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
             CREATE TABLE IF NOT EXISTS session (
                 id INTEGER PRIMARY KEY AUTOINCREMENT, started TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP) STRICT;
             CREATE TABLE IF NOT EXISTS cell (
                 session INTEGER NOT NULL REFERENCES session (id), line INTEGER NOT NULL, source TEXT NOT NULL,
                 PRIMARY KEY (session, line)) STRICT, WITHOUT ROWID;",
        )?;
        Ok(Self {
            connection,
            session: None,
        })
    }

    fn record(&mut self, line: u32, source: &str) -> rusqlite::Result<()> {
        let session = match self.session {
            Some(session) => session,
            None => self
                .connection
                .query_row("INSERT INTO session DEFAULT VALUES RETURNING id", [], |row| row.get(0))?,
        };
        self.session = Some(session);
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO cell (session, line, source) VALUES (?, ?, ?)")?
            .execute(params![session, line, source])?;
        Ok(())
    }

    fn query(&self, query: &HistoryQuery) -> rusqlite::Result<Vec<HistoryEntry>> {
        match query {
            HistoryQuery::Tail { n } => self.last("SELECT session, line, source FROM cell", "", *n),
            HistoryQuery::Range { session, start, stop } => {
                let session = if *session > 0 {
                    *session
                } else {
                    self.current()?.saturating_add(*session)
                };
                self.select(
                    "SELECT session, line, source FROM cell WHERE session = ? AND line >= ? AND line < ? ORDER BY line",
                    params![session, start, stop.unwrap_or(i64::MAX)],
                )
            }
            HistoryQuery::Search { pattern, n, unique } => {
                // With one `max`, SQLite takes the other columns from the row that has it: the last of equal cells.
                let select = if *unique {
                    "SELECT session, line, source FROM (SELECT session, line, source, max(session * 1000000000 + line)
                     FROM cell WHERE source GLOB ?2 GROUP BY source)"
                } else {
                    "SELECT session, line, source FROM cell WHERE source GLOB ?2"
                };
                self.last(select, pattern, n.unwrap_or(usize::MAX))
            }
        }
    }

    /// The last `n` of what the statement finds, oldest first.
    fn last(&self, select: &str, pattern: &str, n: usize) -> rusqlite::Result<Vec<HistoryEntry>> {
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        let statement = format!("{select} ORDER BY session DESC, line DESC LIMIT ?1");
        let mut entries = if select.contains("?2") {
            self.select(&statement, params![n, pattern])?
        } else {
            self.select(&statement, params![n])?
        };
        entries.reverse();
        Ok(entries)
    }

    fn select(&self, statement: &str, parameters: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<Vec<HistoryEntry>> {
        let mut statement = self.connection.prepare_cached(statement)?;
        let entry = |row: &Row<'_>| {
            Ok(HistoryEntry {
                session: row.get(0)?,
                line: row.get(1)?,
                source: row.get(2)?,
            })
        };
        statement.query_map(parameters, entry)?.collect()
    }

    /// This session's number; the next free one while no cell has been run.
    fn current(&self) -> rusqlite::Result<i64> {
        if let Some(session) = self.session {
            return Ok(session);
        }
        let last: Option<Option<i64>> = self
            .connection
            .query_row("SELECT max(id) FROM session", [], |row| row.get(0))
            .optional()?;
        Ok(last.flatten().unwrap_or(0) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(history: &History, query: HistoryQuery, expected: &[(i64, i64, &str)]) {
        let found = history.query(query);
        let found: Vec<_> = found
            .iter()
            .map(|entry| (entry.session, entry.line, entry.source.as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    fn search(pattern: &str, n: Option<usize>, unique: bool) -> HistoryQuery {
        HistoryQuery::Search {
            pattern: pattern.to_owned(),
            n,
            unique,
        }
    }

    #[test]
    fn tail_range_and_search_across_sessions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/history.sqlite");
        let first = History::open(&path);
        ["let a = 1;", "a + 1", "a + 1"]
            .iter()
            .zip(1..)
            .for_each(|(source, line)| first.record(line, source));
        first.flush();
        let second = History::open(&path);
        check(
            &second,
            HistoryQuery::Range {
                session: -1,
                start: 2,
                stop: None,
            },
            &[(1, 2, "a + 1"), (1, 3, "a + 1")],
        );
        second.record(1, "let b = 2;");
        second.record(2, "a + 1");

        check(
            &second,
            HistoryQuery::Tail { n: 3 },
            &[(1, 3, "a + 1"), (2, 1, "let b = 2;"), (2, 2, "a + 1")],
        );
        check(&second, HistoryQuery::Tail { n: 0 }, &[]);
        check(
            &second,
            HistoryQuery::Range {
                session: 0,
                start: 1,
                stop: Some(2),
            },
            &[(2, 1, "let b = 2;")],
        );
        check(
            &second,
            HistoryQuery::Range {
                session: 1,
                start: 1,
                stop: Some(2),
            },
            &[(1, 1, "let a = 1;")],
        );
        check(
            &second,
            search("let ? = *", None, false),
            &[(1, 1, "let a = 1;"), (2, 1, "let b = 2;")],
        );
        check(
            &second,
            search("*", Some(2), false),
            &[(2, 1, "let b = 2;"), (2, 2, "a + 1")],
        );
        check(&second, search("a*", None, true), &[(2, 2, "a + 1")]);
        check(&second, search("A*", None, true), &[]);
        check(
            &first,
            HistoryQuery::Range {
                session: 0,
                start: 3,
                stop: None,
            },
            &[(1, 3, "a + 1")],
        );
    }

    #[test]
    fn a_file_that_cannot_be_used_costs_only_the_past() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::open(folder.path());
        history.record(1, "kept");
        check(&history, HistoryQuery::Tail { n: 9 }, &[(1, 1, "kept")]);
    }
}
