//! Rows in SQLite: the statements, each prepared once for a connection and bound by tenant.

use std::path::Path;

use rusqlite::types::Type;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row, named_params, params};

use super::failed;
use super::file;
use super::open::SCHEMA_VERSION;
use crate::error::Result;
use crate::state::{
    Event, EventKind, JobKey, PruneOptions, PruneReport, Recording, Revision, Source, StepName, StoreInfo, Tenant,
    WorkflowName,
};
use crate::store::rows::Rows;
use crate::workflow::{Change, EventRow, JobRow, StepRow};

/// The rows of a tenant, over one connection.
pub(super) struct SqliteRows<'a> {
    pub(super) connection: &'a Connection,
    pub(super) path: &'a Path,
    pub(super) tenant: &'a Tenant,
}

/// A job is as its last event says, where that is younger than the job's row.
macro_rules! select_jobs {
    ($rest:literal) => {
        concat!(
            "SELECT job.key, job.id, job.workflow, job.created, coalesce(last.time, job.updated),
                    coalesce(last.revision, job.revision), job.finalized, job.deleted, coalesce(last.done, job.done),
                    coalesce(last.undo_top, job.undo_top), job.pruned
             FROM job
             LEFT JOIN event AS last ON last.tenant = job.tenant AND last.job = job.key AND last.revision ",
            $rest
        )
    };
}

const JOB: &str =
    select_jobs!("> job.revision WHERE job.tenant = ?1 AND job.key = ?2 ORDER BY last.revision DESC LIMIT 1");

const JOBS: &str = select_jobs!(
    "= (SELECT max(event.revision) FROM event
        WHERE event.tenant = job.tenant AND event.job = job.key AND event.revision > job.revision)
     WHERE job.tenant = :tenant ORDER BY job.key"
);

macro_rules! select_steps {
    ($rest:literal) => {
        concat!(
            "SELECT name, position, first, version, revision, suggested, source, updated, recording, value FROM step ",
            $rest
        )
    };
}

const VALUE: &str = "
    SELECT value FROM step
    WHERE tenant = ?1 AND job = ?2 AND name = ?3 AND value IS NOT NULL AND NOT suggested
      AND NOT (SELECT deleted FROM job WHERE tenant = ?1 AND key = ?2)";

const EVENTS: &str = "
    SELECT revision, id, kind, step, source, time, change, below, version, previous_version, previous_suggested,
           previous_first, recording, value
    FROM event WHERE tenant = :tenant AND job = :job AND revision BETWEEN :first AND :last ORDER BY revision";

const HISTORY: &str = "
    SELECT event.id, event.kind, event.step, coalesce(event.value, now.value), before.value, event.revision, event.change,
           event.source, event.time
    FROM event
    JOIN job ON job.tenant = event.tenant AND job.key = event.job
    LEFT JOIN event AS now ON now.tenant = event.tenant AND now.job = event.job AND now.revision = event.version
    LEFT JOIN event AS before
           ON before.tenant = event.tenant AND before.job = event.job AND before.revision = event.previous_version
    WHERE event.tenant = :tenant AND event.job = :job AND event.revision > job.pruned
      AND (:step IS NULL OR event.step = :step)
    ORDER BY event.revision";

const CREATE_JOB: &str = "
    INSERT INTO job (tenant, key, id, workflow, created, updated, revision, finalized, deleted, done, undo_top, pruned)
    VALUES (?1, ?2, ?9, ?10, ?11, ?3, ?4, ?5, ?6, ?7, ?8, 0)";

const UPDATE_JOB: &str = "
    UPDATE job SET updated = ?3, revision = ?4, finalized = ?5, deleted = ?6, done = ?7, undo_top = ?8
    WHERE tenant = ?1 AND key = ?2";

const CREATE_STEP: &str = "
    INSERT INTO step (tenant, job, name, position, first, version, revision, suggested, source, updated, recording, value)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

const UPDATE_STEP: &str = "
    UPDATE step SET position = ?4, first = ?5, version = ?6, revision = ?7, suggested = ?8, source = ?9, updated = ?10,
                    recording = ?11, value = ?12
    WHERE tenant = ?1 AND job = ?2 AND name = ?3";

const APPEND: &str = "
    INSERT INTO event (tenant, job, revision, id, kind, step, source, time, change, below, version, previous_version,
                       previous_suggested, previous_first, recording, value, done, undo_top)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";

/// Versions that a step has, or that what stays can be taken back to, are kept out of sight.
const PRUNE: &str = "
    DELETE FROM event WHERE tenant = :tenant AND job = :job AND revision <= :cut
      AND revision NOT IN (SELECT version FROM step WHERE tenant = :tenant AND job = :job)
      AND revision NOT IN (SELECT version FROM event WHERE tenant = :tenant AND job = :job AND revision > :cut)
      AND revision NOT IN (SELECT previous_version FROM event WHERE tenant = :tenant AND job = :job AND revision > :cut)";

impl SqliteRows<'_> {
    fn prepared(&self, sql: &str) -> Result<CachedStatement<'_>> {
        self.connection
            .prepare_cached(sql)
            .map_err(|error| failed(self.path, &error))
    }

    fn one<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let row = self.prepared(sql)?.query_row(parameters, read).optional();
        row.map_err(|error| failed(self.path, &error))
    }

    fn all<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.prepared(sql)?;
        let rows = statement.query_map(parameters, read).and_then(Iterator::collect);
        rows.map_err(|error| failed(self.path, &error))
    }

    fn run(&self, sql: &str, parameters: impl Params) -> Result<usize> {
        self.prepared(sql)?
            .execute(parameters)
            .map_err(|error| failed(self.path, &error))
    }

    fn count(&self, sql: &str) -> Result<u64> {
        let count = self.one(sql, named_params! { ":tenant": self.tenant.as_str() }, |row| {
            number(row, 0)
        })?;
        Ok(count.unwrap_or(0))
    }

    fn put_job(&self, job: &JobRow, created: bool) -> Result<()> {
        let (tenant, key) = (self.tenant.as_str(), job.key.as_str());
        let (revision, done, undo_top) = (stored(job.revision), signed(job.done), stored(job.undo_top));
        if created {
            self.run(
                CREATE_JOB,
                params![
                    tenant,
                    key,
                    job.updated,
                    revision,
                    job.finalized,
                    job.deleted,
                    done,
                    undo_top,
                    job.id,
                    job.workflow.as_str(),
                    job.created,
                ],
            )?;
        } else {
            self.run(
                UPDATE_JOB,
                params![
                    tenant,
                    key,
                    job.updated,
                    revision,
                    job.finalized,
                    job.deleted,
                    done,
                    undo_top
                ],
            )?;
        }
        Ok(())
    }

    fn put_step(&self, job: &JobKey, step: &StepRow) -> Result<()> {
        let recording = recording_text(step.recording.as_ref());
        let parameters = params![
            self.tenant.as_str(),
            job.as_str(),
            step.name.as_str(),
            step.position.map(signed),
            stored(step.first),
            stored(step.version),
            stored(step.revision),
            step.suggested,
            step.source.as_str(),
            step.updated,
            recording,
            step.value,
        ];
        // Cheaper than an upsert where the step is there, which is nearly always.
        if self.run(UPDATE_STEP, parameters)? == 0 {
            self.run(CREATE_STEP, parameters)?;
        }
        Ok(())
    }

    /// Appends an event of a change that leaves the job so.
    fn append(&self, job: &JobRow, event: &EventRow) -> Result<()> {
        self.run(
            APPEND,
            params![
                self.tenant.as_str(),
                job.key.as_str(),
                stored(event.revision),
                event.id,
                event.kind.as_str(),
                event.step.as_ref().map(StepName::as_str),
                event.source.as_str(),
                event.time,
                stored(event.change),
                stored(event.below),
                stored(event.version),
                stored(event.previous_version),
                event.previous_suggested,
                stored(event.previous_first),
                recording_text(event.recording.as_ref()),
                event.value,
                signed(job.done),
                stored(job.undo_top),
            ],
        )?;
        Ok(())
    }

    /// Prunes one job's history; returns how many events left it.
    fn prune_job(&self, job: &JobRow, before: &str, dry_run: bool) -> Result<u64> {
        // All before the first one that is to stay: a clock that was set back must not take younger events along.
        let oldest = "
            SELECT revision FROM event
            WHERE tenant = :tenant AND job = :job AND revision > :pruned AND time > :before
            ORDER BY revision LIMIT 1";
        let tenant = self.tenant.as_str();
        let key = job.key.as_str();
        let parameters =
            named_params! { ":tenant": tenant, ":job": key, ":pruned": stored(job.pruned), ":before": before };
        let kept = self.one(oldest, parameters, |row| row.get(0).map(revision))?;
        let cut = kept.map_or(job.revision, |kept| {
            Revision::from_number(kept.number().saturating_sub(1))
        });
        if cut <= job.pruned {
            return Ok(0);
        }
        let gone = self.count_events(&job.key, job.pruned, cut)?;
        if !dry_run {
            // The last event may go, too.
            self.put_job(job, false)?;
            self.run(
                PRUNE,
                named_params! { ":tenant": tenant, ":job": key, ":cut": stored(cut) },
            )?;
            let mark = "UPDATE job SET pruned = :cut WHERE tenant = :tenant AND key = :job";
            self.run(
                mark,
                named_params! { ":tenant": tenant, ":job": key, ":cut": stored(cut) },
            )?;
        }
        Ok(gone)
    }

    fn count_events(&self, job: &JobKey, after: Revision, last: Revision) -> Result<u64> {
        let count = "
            SELECT count(*) FROM event WHERE tenant = :tenant AND job = :job AND revision > :after AND revision <= :last";
        let parameters = named_params! {
            ":tenant": self.tenant.as_str(), ":job": job.as_str(), ":after": stored(after), ":last": stored(last),
        };
        Ok(self.one(count, parameters, |row| number(row, 0))?.unwrap_or(0))
    }

    fn forget_job(&self, job: &JobKey) -> Result<()> {
        for delete in [
            "DELETE FROM event WHERE tenant = :tenant AND job = :job",
            "DELETE FROM step WHERE tenant = :tenant AND job = :job",
            "DELETE FROM job WHERE tenant = :tenant AND key = :job",
        ] {
            self.run(
                delete,
                named_params! { ":tenant": self.tenant.as_str(), ":job": job.as_str() },
            )?;
        }
        Ok(())
    }
}

impl Rows for SqliteRows<'_> {
    fn job(&mut self, key: &JobKey) -> Result<Option<JobRow>> {
        self.one(JOB, params![self.tenant.as_str(), key.as_str()], job_row)
    }

    fn step(&mut self, job: &JobKey, step: &StepName) -> Result<Option<StepRow>> {
        let sql = select_steps!("WHERE tenant = ?1 AND job = ?2 AND name = ?3");
        self.one(
            sql,
            params![self.tenant.as_str(), job.as_str(), step.as_str()],
            step_row,
        )
    }

    fn value(&mut self, job: &JobKey, step: &StepName) -> Result<Option<String>> {
        self.one(
            VALUE,
            params![self.tenant.as_str(), job.as_str(), step.as_str()],
            |row| row.get(0),
        )
    }

    fn steps(&mut self, job: &JobKey) -> Result<Vec<StepRow>> {
        let sql = select_steps!("WHERE tenant = :tenant AND job = :job");
        self.all(
            sql,
            named_params! { ":tenant": self.tenant.as_str(), ":job": job.as_str() },
            step_row,
        )
    }

    fn events(&mut self, job: &JobKey, first: Revision, last: Revision) -> Result<Vec<EventRow>> {
        let parameters = named_params! {
            ":tenant": self.tenant.as_str(), ":job": job.as_str(), ":first": stored(first), ":last": stored(last),
        };
        self.all(EVENTS, parameters, event_row)
    }

    fn history(&mut self, job: &JobKey, step: Option<&StepName>) -> Result<Vec<Event>> {
        let parameters = named_params! {
            ":tenant": self.tenant.as_str(), ":job": job.as_str(), ":step": step.map(StepName::as_str),
        };
        self.all(HISTORY, parameters, |row| {
            Ok(Event {
                id: row.get(0)?,
                job: job.clone(),
                kind: parsed::<EventKind>(row, 1)?,
                step: row
                    .get::<_, Option<String>>(2)?
                    .map(|name| valid(2, StepName::new(name)))
                    .transpose()?,
                value: row.get(3)?,
                previous: row.get(4)?,
                revision: revision(row.get(5)?),
                change: revision(row.get(6)?),
                source: Source::from(row.get::<_, String>(7)?),
                time: row.get(8)?,
            })
        })
    }

    fn jobs(&mut self) -> Result<Vec<JobRow>> {
        self.all(JOBS, named_params! { ":tenant": self.tenant.as_str() }, job_row)
    }

    fn keys(&mut self, prefix: &str) -> Result<Vec<JobKey>> {
        // substr, not LIKE: a prefix may hold `%` and `_`, and case counts.
        let sql = "SELECT key FROM job WHERE tenant = :tenant AND key >= :prefix AND substr(key, 1, length(:prefix)) = :prefix";
        let parameters = named_params! { ":tenant": self.tenant.as_str(), ":prefix": prefix };
        self.all(sql, parameters, |row| valid(0, JobKey::new(row.get::<_, String>(0)?)))
    }

    fn apply(&mut self, change: &Change) -> Result<()> {
        // What happens to a step leaves the job's row alone: the job is as its last event says.
        if change.created || change.events.iter().any(|event| event.step.is_none()) {
            self.put_job(&change.job, change.created)?;
        }
        for step in &change.steps {
            self.put_step(&change.job.key, step)?;
        }
        for event in &change.events {
            self.append(&change.job, event)?;
        }
        Ok(())
    }

    fn prune(&mut self, options: &PruneOptions, before: &str) -> Result<PruneReport> {
        let mut report = PruneReport::default();
        for job in self.jobs()? {
            if options.job.as_ref().is_some_and(|wanted| *wanted != job.key) {
                continue;
            }
            if options.deleted_jobs && job.deleted && job.updated.as_str() <= before {
                report.jobs += 1;
                report.events += self.count_events(&job.key, job.pruned, job.revision)?;
                if !options.dry_run {
                    self.forget_job(&job.key)?;
                }
            } else if job.finalized {
                report.finalized += u64::from(self.prune_job(&job, before, true)? > 0);
            } else {
                report.events += self.prune_job(&job, before, options.dry_run)?;
            }
        }
        Ok(report)
    }

    fn location(&mut self) -> Result<StoreInfo> {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        Ok(StoreInfo {
            url: format!("sqlite:{}", self.path.display()),
            path: Some(self.path.to_owned()),
            bytes: size(self.path) + size(&file::log(self.path)),
            schema_version: SCHEMA_VERSION,
            jobs: self.count("SELECT count(*) FROM job WHERE tenant = :tenant")?,
            steps: self.count("SELECT count(*) FROM step WHERE tenant = :tenant AND value IS NOT NULL")?,
            events: self.count(
                "SELECT count(*) FROM event JOIN job ON job.tenant = event.tenant AND job.key = event.job
                 WHERE event.tenant = :tenant AND event.revision > job.pruned",
            )?,
        })
    }
}

fn job_row(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    Ok(JobRow {
        key: valid(0, JobKey::new(text(row, 0)?))?,
        id: row.get(1)?,
        workflow: valid(2, WorkflowName::new(text(row, 2)?))?,
        created: row.get(3)?,
        updated: row.get(4)?,
        revision: revision(row.get(5)?),
        finalized: row.get(6)?,
        deleted: row.get(7)?,
        done: number(row, 8)?,
        undo_top: revision(row.get(9)?),
        pruned: revision(row.get(10)?),
    })
}

fn step_row(row: &Row<'_>) -> rusqlite::Result<StepRow> {
    let position: Option<i64> = row.get(1)?;
    Ok(StepRow {
        name: valid(0, StepName::new(text(row, 0)?))?,
        position: position.map(i64::cast_unsigned),
        first: revision(row.get(2)?),
        version: revision(row.get(3)?),
        revision: revision(row.get(4)?),
        suggested: row.get(5)?,
        source: Source::from(text(row, 6)?),
        updated: row.get(7)?,
        recording: recording(row, 8)?,
        value: row.get(9)?,
    })
}

fn event_row(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        revision: revision(row.get(0)?),
        id: row.get(1)?,
        kind: parsed(row, 2)?,
        step: row
            .get::<_, Option<String>>(3)?
            .map(|name| valid(3, StepName::new(name)))
            .transpose()?,
        source: Source::from(text(row, 4)?),
        time: row.get(5)?,
        change: revision(row.get(6)?),
        below: revision(row.get(7)?),
        version: revision(row.get(8)?),
        previous_version: revision(row.get(9)?),
        previous_suggested: row.get(10)?,
        previous_first: revision(row.get(11)?),
        recording: recording(row, 12)?,
        value: row.get(13)?,
    })
}

fn text<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<&'row str> {
    valid(column, row.get_ref(column)?.as_str())
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get(column).map(i64::cast_unsigned)
}

/// SQLite's integers are signed; ours never reach the sign.
const fn signed(number: u64) -> i64 {
    number.cast_signed()
}

const fn stored(revision: Revision) -> i64 {
    signed(revision.number())
}

const fn revision(number: i64) -> Revision {
    Revision::from_number(number.cast_unsigned())
}

fn recording(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Recording>> {
    let Some(text) = row.get::<_, Option<String>>(column)? else {
        return Ok(None);
    };
    valid(column, serde_json::from_str(&text))
}

fn recording_text(recording: Option<&Recording>) -> Option<String> {
    // A recording is text, lists and nothing else, which serde_json never fails to write.
    recording.and_then(|recording| serde_json::to_string(recording).ok())
}

fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    valid(column, text(row, column)?.parse())
}

/// Text that is in the file, but not as we would have written it.
fn valid<T, E>(column: usize, result: std::result::Result<T, E>) -> rusqlite::Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    result.map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::{JOB, JOBS, VALUE};

    /// What a set or a get costs must not depend on how many jobs, steps or events there are.
    #[test]
    fn rows_are_found_without_scans_and_sorts() {
        let connection = Connection::open_in_memory().unwrap();
        for migration in [
            include_str!("../../../migrations/V1__jobs_steps_events.sql"),
            include_str!("../../../migrations/V2__job_state_in_events.sql"),
        ] {
            connection.execute_batch(migration).unwrap();
        }
        for sql in [JOB, JOBS, VALUE] {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let plan: Vec<String> = statement
                .raw_query()
                .mapped(|row| row.get(3))
                .collect::<Result<_, _>>()
                .unwrap();
            let is_search = |line: &String| line.starts_with("SEARCH") || line.contains("SUBQUERY");
            assert!(!plan.is_empty() && plan.iter().all(is_search), "{sql}\n{plan:#?}");
        }
    }
}
