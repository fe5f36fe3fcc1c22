//! Writing: one connection, whose users take turns, and commit together when they come at the same time.
//!
//! A commit is a sync of the disk, and costs far more than the change itself. So whoever finds nobody writing *leads*: it
//! opens a transaction, takes in the changes of all who have queued up by then, commits once for all of them, and hands
//! each its answer; then the first of those who came in the meantime leads. A thread that writes alone leads each time:
//! it waits for nobody and hands nothing to another thread.
//!
//! A change decides before it writes (see [`workflow`](crate::workflow)), so one that is refused leaves nothing in the
//! transaction of the others. Only when SQLite itself fails, as on a full disk, the transaction is rolled back, and each
//! of its changes is tried again on its own.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::file::Opened;
use super::open::{Patient, limit};
use super::rows::SqliteRows;
use super::{SqliteOptions, failed, told};
use crate::error::{Cause, Error, Result};
use crate::state::{Source, Tenant};
use crate::store::answer::answer;
use crate::store::wire::{Request, Response};

/// How many changes commit together at most, and how many bytes of values: enough to make the sync cheap, and few enough that nobody
/// waits long for the others' changes.
const MOST_CHANGES: usize = 256;
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// How often who leads goes on after its own change is made.
const MOST_ROUNDS: usize = 16;

/// A sync that is cheaper than this is not worth waiting for company.
const DEAR_COMMIT: Duration = Duration::from_micros(300);

/// The connection that writes, and those who want to.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    options: SqliteOptions,
    opened: Arc<Opened>,
    /// Only who leads takes it, so it is never waited for.
    connection: Mutex<Patient>,
    queue: Mutex<Queue>,
    /// Tells who leads that as many are waiting as it hoped for.
    gathered: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    /// Whether someone leads.
    led: bool,
    waiting: VecDeque<Arc<Ticket>>,
    /// How many who leads hopes to find waiting.
    hoped_for: usize,
    /// How many committed together last time, and how long the commit took: the best guess for the next time.
    last_changes: usize,
    last_commit: Duration,
}

/// A change, and who makes it.
#[derive(Debug)]
struct Work {
    tenant: Tenant,
    source: Source,
    request: Request,
    started: Instant,
}

/// One who waits.
#[derive(Debug)]
struct Ticket {
    bytes: usize,
    turn: Mutex<Turn>,
    turned: Condvar,
}

#[derive(Debug)]
enum Turn {
    /// In the queue.
    Waiting(Box<Work>),
    /// Someone else is making the change.
    Taken,
    /// It is the waiter's turn to lead.
    Lead(Box<Work>),
    Done(Result<Response>),
}

impl Writer {
    pub(super) fn new(path: PathBuf, options: SqliteOptions, patient: Patient, opened: Arc<Opened>) -> Result<Self> {
        limit(&patient.connection, &options).map_err(|error| failed(&path, &error))?;
        Ok(Self {
            path,
            options,
            opened,
            connection: Mutex::new(patient),
            queue: Mutex::default(),
            gathered: Condvar::new(),
        })
    }

    /// Makes a change. When it returns, the change is on the disk.
    pub(super) fn answer(&self, tenant: &Tenant, source: &Source, request: Request) -> Result<Response> {
        let started = Instant::now();
        let work = Work {
            tenant: tenant.clone(),
            source: source.clone(),
            request,
            started,
        };
        let ticket = {
            let mut queue = self.queue();
            if queue.led {
                let ticket = Arc::new(Ticket {
                    bytes: work.bytes(),
                    turn: Mutex::new(Turn::Waiting(Box::new(work))),
                    turned: Condvar::new(),
                });
                queue.waiting.push_back(Arc::clone(&ticket));
                if queue.waiting.len() == queue.hoped_for {
                    self.gathered.notify_one();
                }
                ticket
            } else {
                queue.led = true;
                drop(queue);
                return self.lead(&work);
            }
        };
        self.follow(&ticket, started)
    }

    /// Waits for the answer, or for the turn to lead.
    fn follow(&self, ticket: &Arc<Ticket>, started: Instant) -> Result<Response> {
        let deadline = started + self.options.patience;
        let mut turn = ticket.turn();
        loop {
            match std::mem::replace(&mut *turn, Turn::Taken) {
                Turn::Done(result) => return result,
                Turn::Lead(work) => {
                    drop(turn);
                    return self.lead(&work);
                }
                unchanged => *turn = unchanged,
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if !left.is_zero() || !matches!(*turn, Turn::Waiting(_)) {
                // Once taken, the change is made or refused within the patience of who leads.
                let left = if left.is_zero() { self.options.patience } else { left };
                turn = ticket
                    .turned
                    .wait_timeout(turn, left)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
                continue;
            }
            // The queue's lock comes before a ticket's, everywhere.
            drop(turn);
            let mut queue = self.queue();
            turn = ticket.turn();
            if let Turn::Waiting(work) = &*turn {
                queue.waiting.retain(|waiting| !Arc::ptr_eq(waiting, ticket));
                return Err(Error::Busy {
                    operation: work.request.describe(),
                    awaited: format!("other threads to finish writing to {}", self.path.display()),
                    waited: started.elapsed(),
                });
            }
        }
    }

    /// Makes one's own change and those of all who wait, in one transaction.
    fn lead(&self, own: &Work) -> Result<Response> {
        // Whatever happens, someone else leads after this.
        let _lead = Lead(self);
        let mut patient = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let patient = &mut *patient;
        if matches!(own.request, Request::Prune { .. }) {
            let response = self.alone(patient, own)?;
            shrink(patient);
            return Ok(response);
        }
        self.gather();
        // The lock first, then the changes: those who queue up while others hold it come along.
        self.begin(patient, own)
            .map_err(|error| told(error, &own.request, own.started))?;
        let others = self.take(own.bytes());
        let result = if others.0.is_empty() {
            let (result, commit) = self.finish(patient, own);
            self.learn(1, commit);
            Some(result)
        } else {
            self.together(patient, Some(own), others)
        };
        self.go_on(patient);
        result.unwrap_or_else(|| Err(abandoned().during(|| own.request.describe())))
    }

    /// Leads a little longer, where that is cheaper than to wake up the next one.
    fn go_on(&self, patient: &Patient) {
        for _ in 0..MOST_ROUNDS {
            if self.queue().last_commit >= DEAR_COMMIT {
                return;
            }
            let others = self.take(0);
            let Some((_, first)) = others.0.first() else { return };
            match self.begin(patient, first) {
                Ok(()) => drop(self.together(patient, None, others)),
                Err(error) => return others.refuse(&error),
            }
        }
    }

    /// Waits a moment for those who committed together last time, if their company is worth it.
    fn gather(&self) {
        let mut queue = self.queue();
        let hoped_for = queue.last_changes.saturating_sub(1);
        if hoped_for == 0 || queue.last_commit < DEAR_COMMIT || queue.waiting.len() >= hoped_for {
            return;
        }
        let deadline = Instant::now() + (queue.last_commit / 8).min(Duration::from_millis(1));
        queue.hoped_for = hoped_for;
        while queue.waiting.len() < hoped_for {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            queue = self
                .gathered
                .wait_timeout(queue, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        queue.hoped_for = 0;
    }

    fn learn(&self, changes: usize, commit: Duration) {
        let mut queue = self.queue();
        queue.last_changes = changes;
        queue.last_commit = commit;
    }

    fn begin(&self, patient: &Patient, work: &Work) -> Result<()> {
        patient.wait_until(work.started + self.options.patience);
        self.execute(patient, "BEGIN IMMEDIATE")
    }

    fn execute(&self, patient: &Patient, sql: &str) -> Result<()> {
        let statement = patient
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]));
        statement.map(|_| ()).map_err(|error| failed(&self.path, &error))
    }

    /// Ends the transaction, without an error where SQLite has ended it already.
    fn roll_back(&self, patient: &Patient) {
        if !patient.connection.is_autocommit() {
            let _ = self.execute(patient, "ROLLBACK");
        }
    }

    fn make(&self, patient: &Patient, work: &Work) -> Result<Response> {
        let mut rows = SqliteRows {
            connection: &patient.connection,
            path: &self.path,
            tenant: &work.tenant,
        };
        answer(&mut rows, &work.source, &work.request)
    }

    /// Makes one change in the transaction that is open, and ends it.
    fn finish(&self, patient: &Patient, work: &Work) -> (Result<Response>, Duration) {
        let made = self
            .opened
            .check_to_write(Instant::now())
            .and_then(|()| self.make(patient, work));
        let started = Instant::now();
        let committed = made.and_then(|response| self.execute(patient, "COMMIT").map(|()| response));
        let commit = started.elapsed();
        let result = committed.map_err(|error| {
            self.roll_back(patient);
            told(error, &work.request, work.started)
        });
        (result, commit)
    }

    /// Makes one change in a transaction of its own.
    fn alone(&self, patient: &Patient, work: &Work) -> Result<Response> {
        self.begin(patient, work)
            .map_err(|error| told(error, &work.request, work.started))?;
        self.finish(patient, work).0
    }

    /// Makes all changes in the transaction that is open, and ends it. Returns the answer to one's own.
    fn together(&self, patient: &Patient, own: Option<&Work>, mut others: Taken) -> Option<Result<Response>> {
        let works = || own.into_iter().chain(others.0.iter().map(|(_, work)| work));
        let mut results = Vec::with_capacity(others.0.len() + 1);
        // Only now are all there whose changes are made: a look at the file before could not speak for who came after it.
        let mut fault = self.opened.check_to_write(Instant::now()).err();
        for work in works() {
            if fault.is_some() {
                break;
            }
            match self.make(patient, work) {
                Err(error) if is_fault(&error) => fault = Some(error),
                result => results.push(result),
            }
        }
        let started = Instant::now();
        if fault.is_none() {
            fault = self.execute(patient, "COMMIT").err();
        }
        if fault.is_some() {
            self.roll_back(patient);
            results = works().map(|work| self.alone(patient, work)).collect();
        } else {
            self.learn(results.len(), started.elapsed());
        }
        let mut results = results.into_iter();
        let result = own.and_then(|own| {
            let result = results.next()?;
            Some(result.map_err(|error| told(error, &own.request, own.started)))
        });
        for ((ticket, work), result) in others.0.drain(..).zip(results) {
            ticket.hand(result.map_err(|error| told(error, &work.request, work.started)));
        }
        result
    }

    /// Takes in those who wait, as many as may commit together.
    fn take(&self, own_bytes: usize) -> Taken {
        let mut queue = self.queue();
        let mut taken = Vec::new();
        let mut bytes = own_bytes;
        while taken.len() + 1 < MOST_CHANGES {
            let Some(next) = queue.waiting.front() else { break };
            bytes += next.bytes;
            if bytes > MOST_BYTES {
                break;
            }
            let Some(ticket) = queue.waiting.pop_front() else { break };
            let work = std::mem::replace(&mut *ticket.turn(), Turn::Taken);
            if let Turn::Waiting(work) = work {
                taken.push((ticket, *work));
            }
        }
        Taken(taken)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    fn bytes(&self) -> usize {
        match &self.request {
            Request::Set { value, .. } => value.len(),
            Request::Write { values, .. } => values.iter().map(|(_, value)| value.len()).sum(),
            // It has a transaction of its own.
            Request::Prune { .. } => MOST_BYTES + 1,
            _ => 0,
        }
    }
}

impl Ticket {
    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand(&self, result: Result<Response>) {
        *self.turn() = Turn::Done(result);
        self.turned.notify_one();
    }
}

/// Leads as long as it lives; then the first in the queue does.
struct Lead<'a>(&'a Writer);

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        while let Some(ticket) = queue.waiting.pop_front() {
            let mut turn = ticket.turn();
            if let Turn::Waiting(work) = std::mem::replace(&mut *turn, Turn::Taken) {
                *turn = Turn::Lead(work);
                drop(turn);
                ticket.turned.notify_one();
                return;
            }
        }
        queue.led = false;
    }
}

/// Those whose changes are being made. None is left waiting, even if that panics.
struct Taken(Vec<(Arc<Ticket>, Work)>);

impl Taken {
    fn refuse(mut self, error: &Error) {
        for (ticket, work) in self.0.drain(..) {
            ticket.hand(Err(told(error.clone(), &work.request, work.started)));
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        for (ticket, work) in self.0.drain(..) {
            ticket.hand(Err(abandoned().during(|| work.request.describe())));
        }
    }
}

/// Gives the room back that pruned rows took. Not being able to, while others read, loses nothing.
fn shrink(patient: &Patient) {
    let _ = patient
        .connection
        .execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);");
}

fn abandoned() -> Error {
    Error::Store {
        operation: String::new(),
        source: Cause::message("the thread that was writing it stopped"),
    }
}

/// Whether SQLite failed, in contrast to a change that was refused before it wrote anything.
const fn is_fault(error: &Error) -> bool {
    matches!(
        error,
        Error::Store { .. } | Error::Full { .. } | Error::Busy { .. } | Error::Gone { .. }
    )
}
