//! What each request means, for every store that keeps rows: read rows, let the pure transitions decide, write the change.

use std::collections::HashMap;

use super::clock;
use super::rows::Rows;
use super::wire::{Request, Response};
use crate::error::{Error, Result};
use crate::json;
use crate::state::{
    Event, JobFilter, JobInfo, JobKey, PruneOptions, Revision, Source, StepInfo, StepName, StepStatus, WorkflowName,
};
use crate::workflow::{self, Change, Fork, JobRow, NewJob, NewValue, Stamp, StepRow, Turn, Undone, in_order};

/// Answers a request from the rows of one tenant, within a transaction that the caller commits.
pub(super) fn answer<R: Rows>(rows: &mut R, source: &Source, request: &Request) -> Result<Response> {
    let mut new_id = clock::new_id;
    let mut context = Context {
        rows,
        stamp: Stamp {
            source,
            time: String::new(),
            new_id: &mut new_id,
        },
    };
    context.answer(request)
}

struct Context<'a, R> {
    rows: &'a mut R,
    stamp: Stamp<'a>,
}

impl<R: Rows> Context<'_, R> {
    fn answer(&mut self, request: &Request) -> Result<Response> {
        if request.is_write() {
            self.stamp.time = clock::now();
        }
        Ok(match request {
            Request::Get { job, step } => Response::Value(self.rows.value(job, step)?),
            Request::Read { job } => Response::Values(self.read(job)?),
            Request::Step { job, step, fingerprint } => self.step(job, step, fingerprint.as_deref())?,
            Request::Steps { job } => Response::Steps(self.steps(job)?),
            Request::Job { job } => Response::Job(self.rows.job(job)?.map(|row| Box::new(row.info()))),
            Request::Jobs { filter } => Response::Jobs(self.jobs(filter)?),
            Request::History { job, step } => Response::Events(self.rows.history(job, step.as_ref())?),
            Request::NextKey { profile, workflow } => Response::Key(self.next_key(profile, workflow)?),
            Request::NewJob { profile, workflow } => Response::Key(self.make_job(profile, workflow)?),
            Request::Location => Response::Location(Box::new(self.rows.location()?)),
            Request::Set {
                job,
                workflow,
                step,
                value,
                expected,
                recording,
            } => {
                let new = NewValue {
                    step: step.clone(),
                    value: value.clone(),
                    expected: *expected,
                    recording: recording.clone(),
                };
                Response::Revision(self.set(&new_job(job, workflow), new)?)
            }
            Request::Write { job, workflow, values } => {
                Response::Revision(self.write(&new_job(job, workflow), values.clone())?)
            }
            Request::Remove { job, step } => Response::Removed(self.remove(job, step)?),
            Request::Order { job, workflow, steps } => self.order(&new_job(job, workflow), steps)?,
            Request::Revert { job, step } => Response::Names(self.revert(job, step)?),
            Request::Undo { job } => Response::Event(self.undo(job)?.map(Box::new)),
            Request::Fork {
                job,
                from_step,
                new_key,
            } => self.fork(job, from_step.as_ref(), new_key)?,
            Request::Finalize { job } => done(self.turn(job, Turn::Finalize, "finalize it")?),
            Request::Unfinalize { job } => done(self.turn(job, Turn::Unfinalize, "unfinalize it")?),
            Request::Delete { job } => done(self.turn(job, Turn::Delete, "delete it")?),
            Request::Undelete { job } => Response::Undeleted(self.turn(job, Turn::Undelete, "undelete it")?),
            Request::Prune { options } => self.prune(options)?,
        })
    }

    fn apply(&mut self, change: Option<&Change>) -> Result<()> {
        change.map_or(Ok(()), |change| self.rows.apply(change))
    }

    /// A job that reads may see.
    fn visible(&mut self, job: &JobKey) -> Result<bool> {
        Ok(self.rows.job(job)?.is_some_and(|row| !row.deleted))
    }

    /// A job that an operation cannot do without.
    fn existing(&mut self, job: &JobKey, operation: &str) -> Result<JobRow> {
        let missing = || Error::MissingJob {
            operation: operation.to_owned(),
            job: job.clone(),
        };
        self.rows.job(job)?.ok_or_else(missing)
    }

    fn read(&mut self, job: &JobKey) -> Result<Vec<(StepName, String)>> {
        if !self.visible(job)? {
            return Ok(Vec::new());
        }
        let done = in_order(self.rows.steps(job)?).into_iter().filter(StepRow::is_done);
        Ok(done.filter_map(|step| Some((step.name, step.value?))).collect())
    }

    fn step(&mut self, job: &JobKey, name: &StepName, fingerprint: Option<&str>) -> Result<Response> {
        let step = if self.visible(job)? {
            self.rows.step(job, name)?
        } else {
            None
        };
        let status = workflow::status(step.as_ref(), fingerprint, |input| {
            let input = self.rows.step(job, input)?.filter(StepRow::is_done);
            Ok(input.and_then(|input| input.value).map(|value| json::digest(&value)))
        })?;
        Ok(Response::Step(
            step.and_then(|step| step.info(status.clone())).map(Box::new),
            status,
        ))
    }

    fn steps(&mut self, job: &JobKey) -> Result<Vec<StepInfo>> {
        if !self.visible(job)? {
            return Ok(Vec::new());
        }
        let steps = in_order(self.rows.steps(job)?);
        let statuses: Vec<StepStatus> = {
            let done: HashMap<&str, &StepRow> = steps
                .iter()
                .filter(|step| step.is_done())
                .map(|step| (step.name.as_str(), step))
                .collect();
            let mut digests: HashMap<String, Option<String>> = HashMap::new();
            let mut digest_of = |name: &StepName| {
                // Each value is digested once, however many steps read it.
                let digest = digests.entry(name.to_string()).or_insert_with(|| {
                    done.get(name.as_str())
                        .and_then(|step| step.value.as_deref())
                        .map(json::digest)
                });
                Ok(digest.clone())
            };
            let status = |step| workflow::status(Some(step), None, &mut digest_of);
            steps.iter().map(status).collect::<Result<_>>()?
        };
        Ok(steps
            .into_iter()
            .zip(statuses)
            .filter_map(|(step, status)| step.info(status))
            .collect())
    }

    fn jobs(&mut self, filter: &JobFilter) -> Result<Vec<JobInfo>> {
        let matches = |row: &JobRow| {
            row.deleted == filter.deleted
                && filter
                    .workflow
                    .as_ref()
                    .is_none_or(|workflow| row.workflow.as_str() == workflow)
                && filter
                    .pattern
                    .as_ref()
                    .is_none_or(|pattern| glob(pattern, row.key.as_str()))
        };
        Ok(self
            .rows
            .jobs()?
            .iter()
            .filter(|row| matches(row))
            .map(JobRow::info)
            .collect())
    }

    fn next_key(&mut self, profile: &str, workflow: &str) -> Result<JobKey> {
        let prefix = format!("{profile}-{workflow}-");
        // Deleted jobs count: a key is not used for two jobs.
        let numbers = self.rows.keys(&prefix)?.into_iter().filter_map(|key| {
            let number = key.as_str().strip_prefix(&prefix)?;
            number
                .bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| number.parse::<u64>().ok())?
        });
        let next = numbers.max().unwrap_or(0).saturating_add(1);
        JobKey::new(format!("{prefix}{next:02}"))
    }

    fn make_job(&mut self, profile: &str, workflow: &WorkflowName) -> Result<JobKey> {
        let key = self.next_key(profile, workflow.as_str())?;
        let change = new_job(&key, workflow).change(&mut self.stamp);
        self.apply(Some(&change))?;
        Ok(key)
    }

    fn set(&mut self, new_job: &NewJob, new: NewValue) -> Result<Revision> {
        let job = self.rows.job(&new_job.key)?;
        let step = if job.is_some() {
            self.rows.step(&new_job.key, &new.step)?
        } else {
            None
        };
        let (revision, change) = workflow::set(job, new_job, step, new, &mut self.stamp)?;
        self.apply(change.as_ref())?;
        Ok(revision)
    }

    fn write(&mut self, new_job: &NewJob, values: Vec<(StepName, String)>) -> Result<Revision> {
        let job = self.rows.job(&new_job.key)?;
        let before = job.as_ref().map_or(Revision::NONE, |job| job.revision);
        let steps = if job.is_some() {
            in_order(self.rows.steps(&new_job.key)?)
        } else {
            Vec::new()
        };
        let change = workflow::write(job, new_job, steps, values, &mut self.stamp)?;
        self.apply(change.as_ref())?;
        Ok(change.map_or(before, |change| change.job.revision))
    }

    fn remove(&mut self, job: &JobKey, step: &StepName) -> Result<bool> {
        let (job_row, step_row) = (self.rows.job(job)?, self.rows.step(job, step)?);
        let change = workflow::remove(job_row, step_row, step, &mut self.stamp)?;
        self.apply(change.as_ref())?;
        Ok(change.is_some())
    }

    fn order(&mut self, new_job: &NewJob, names: &[StepName]) -> Result<Response> {
        let job = self.rows.job(&new_job.key)?;
        let steps = if job.is_some() {
            in_order(self.rows.steps(&new_job.key)?)
        } else {
            Vec::new()
        };
        let change = workflow::order(job, new_job, steps, names, &mut self.stamp)?;
        self.apply(change.as_ref())?;
        Ok(Response::Done)
    }

    fn revert(&mut self, job: &JobKey, step: &StepName) -> Result<Vec<StepName>> {
        let row = self.existing(job, "revert it")?;
        let steps = in_order(self.rows.steps(job)?);
        let (names, change) = workflow::revert(row, steps, step, &mut self.stamp)?;
        self.apply(change.as_ref())?;
        Ok(names)
    }

    fn undo(&mut self, key: &JobKey) -> Result<Option<Event>> {
        let Some(job) = self.rows.job(key)? else {
            return Ok(None);
        };
        let top = job.undo_top;
        let mut undone = Vec::new();
        // What was pruned cannot be taken back.
        if top > job.pruned
            && let Some(last) = self.rows.events(key, top, top)?.pop()
        {
            for event in self.rows.events(key, last.change, top)? {
                let Some(name) = &event.step else { continue };
                let Some(step) = self.rows.step(key, name)? else {
                    continue;
                };
                let version = event.previous_version;
                let previous = if version.is_none() {
                    None
                } else {
                    self.rows.events(key, version, version)?.pop()
                };
                undone.push(Undone { event, step, previous });
            }
        }
        let seen = undone.first().map(|first| Event {
            id: first.event.id.clone(),
            job: key.clone(),
            kind: first.event.kind,
            step: first.event.step.clone(),
            value: if first.event.version.is_none() {
                None
            } else {
                first.step.value.clone()
            },
            previous: first.previous.as_ref().and_then(|version| version.value.clone()),
            revision: first.event.revision,
            change: first.event.change,
            source: first.event.source.clone(),
            time: first.event.time.clone(),
        });
        let change = workflow::undo(job, undone, &mut self.stamp)?;
        self.apply(change.as_ref())?;
        Ok(seen)
    }

    fn fork(&mut self, key: &JobKey, from: Option<&StepName>, new_key: &JobKey) -> Result<Response> {
        let job = self.existing(key, "fork it")?;
        if job.deleted {
            return Err(Error::Deleted {
                operation: "fork the job".to_owned(),
                job: job.key,
            });
        }
        let steps = in_order(self.rows.steps(key)?);
        let taken = self.rows.job(new_key)?;
        let new_job = new_job(new_key, &job.workflow);
        let fork = Fork {
            job: &job,
            steps,
            from,
            taken: taken.as_ref(),
            new_job,
        };
        let change = workflow::fork(fork, &mut self.stamp)?;
        self.rows.apply(&change)?;
        Ok(Response::Done)
    }

    /// Returns whether the job had not taken that turn already.
    fn turn(&mut self, job: &JobKey, turn: Turn, operation: &str) -> Result<bool> {
        let row = self.existing(job, operation)?;
        let change = workflow::turn(row, turn, &mut self.stamp)?;
        self.apply(change.as_ref())?;
        Ok(change.is_some())
    }

    fn prune(&mut self, options: &PruneOptions) -> Result<Response> {
        if let Some(key) = &options.job
            && self.rows.job(key)?.is_some_and(|job| job.finalized)
        {
            return Err(Error::Finalized {
                operation: "prune the history".to_owned(),
                job: key.clone(),
            });
        }
        let before = clock::ago(options.older_than);
        Ok(Response::Pruned(self.rows.prune(options, &before)?))
    }
}

/// The answer where it does not matter whether anything changed.
const fn done(_changed: bool) -> Response {
    Response::Done
}

fn new_job(key: &JobKey, workflow: &WorkflowName) -> NewJob {
    NewJob {
        key: key.clone(),
        workflow: workflow.clone(),
    }
}

/// Whether a name matches a pattern: `*` stands for any text, `?` for one character.
fn glob(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at_pattern, mut at_name) = (0, 0);
    // Where to go on after the last star took one character more: linear in practice, no recursion.
    let mut retry = None;
    while at_name < name.len() {
        match pattern.get(at_pattern) {
            Some('*') => {
                retry = Some((at_pattern + 1, at_name));
                at_pattern += 1;
            }
            Some(expected) if *expected == '?' || *expected == name[at_name] => {
                at_pattern += 1;
                at_name += 1;
            }
            _ => {
                let Some((after_star, taken)) = retry else { return false };
                retry = Some((after_star, taken + 1));
                (at_pattern, at_name) = (after_star, taken + 1);
            }
        }
    }
    pattern[at_pattern..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*c", "abbc", true),
            ("a*c", "abcb", false),
            ("*-0?", "Default-hello-07", true),
            ("*-0?", "Default-hello-17", false),
            ("**b*", "aab", true),
            ("é?", "éx", true),
            ("?", "", false),
        ] {
            assert_eq!(glob(pattern, name), expected, "{pattern} {name}");
        }
    }
}
