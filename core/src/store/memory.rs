//! A store in memory: for tests, and for trying things out.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use super::Store;
use super::answer::answer;
use super::rows::Rows;
use super::wire::{Request, Response};
use crate::error::Result;
use crate::state::{Event, JobKey, PruneOptions, PruneReport, Revision, Source, StepName, StoreInfo, Tenant};
use crate::workflow::{Change, EventRow, JobRow, StepRow};

/// Jobs in memory. They are gone when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryStore {
    /// A mutex, as every call is short and blocks on nothing else.
    tenants: Mutex<HashMap<Tenant, Jobs>>,
}

impl MemoryStore {
    /// A store without jobs.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Store for MemoryStore {
    fn call(&self, tenant: &Tenant, source: &Source, request: Request) -> Result<Response> {
        // A transition fails before it writes, so that no panic or error leaves half a change behind.
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = tenants.get_mut(tenant) {
            return answer(jobs, source, &request);
        }
        let mut jobs = Jobs::default();
        let response = answer(&mut jobs, source, &request)?;
        tenants.insert(tenant.clone(), jobs);
        Ok(response)
    }
}

type Jobs = BTreeMap<JobKey, Kept>;

#[derive(Debug)]
struct Kept {
    job: JobRow,
    steps: HashMap<StepName, StepRow>,
    events: BTreeMap<Revision, EventRow>,
}

impl Kept {
    fn value_of(&self, version: Revision) -> Option<String> {
        self.events.get(&version).and_then(|event| event.value.clone())
    }

    fn seen(&self, event: &EventRow) -> Event {
        Event {
            id: event.id.clone(),
            job: self.job.key.clone(),
            kind: event.kind,
            step: event.step.clone(),
            value: event.value.clone().or_else(|| self.value_of(event.version)),
            previous: self.value_of(event.previous_version),
            revision: event.revision,
            change: event.change,
            source: event.source.clone(),
            time: event.time.clone(),
        }
    }

    fn prune(&mut self, before: &str, dry_run: bool) -> u64 {
        // All before the first one that is to stay: a clock that was set back must not take younger events along.
        let seen = self.events.range(self.job.pruned.next()..).map(|(_, event)| event);
        let old = seen.take_while(|event| event.time.as_str() <= before);
        let Some(cut) = old.map(|event| event.revision).last() else {
            return 0;
        };
        let gone = self.events.range(self.job.pruned.next()..=cut).count() as u64;
        if !dry_run {
            // Versions that a step has, or that what stays can be taken back to, are kept out of sight.
            let mut needed: HashSet<Revision> = self.steps.values().map(|step| step.version).collect();
            needed.extend(
                self.events
                    .range(cut.next()..)
                    .flat_map(|(_, event)| [event.version, event.previous_version]),
            );
            self.events
                .retain(|revision, _| *revision > cut || needed.contains(revision));
            self.job.pruned = cut;
        }
        gone
    }
}

impl Rows for Jobs {
    fn job(&mut self, key: &JobKey) -> Result<Option<JobRow>> {
        Ok(self.get(key).map(|kept| kept.job.clone()))
    }

    fn step(&mut self, job: &JobKey, step: &StepName) -> Result<Option<StepRow>> {
        Ok(self.get(job).and_then(|kept| kept.steps.get(step)).cloned())
    }

    fn value(&mut self, job: &JobKey, step: &StepName) -> Result<Option<String>> {
        let kept = self.get(job).filter(|kept| !kept.job.deleted);
        let step = kept.and_then(|kept| kept.steps.get(step)).filter(|step| step.is_done());
        Ok(step.and_then(|step| step.value.clone()))
    }

    fn steps(&mut self, job: &JobKey) -> Result<Vec<StepRow>> {
        Ok(self
            .get(job)
            .map(|kept| kept.steps.values().cloned().collect())
            .unwrap_or_default())
    }

    fn events(&mut self, job: &JobKey, first: Revision, last: Revision) -> Result<Vec<EventRow>> {
        let kept = self.get(job);
        Ok(kept
            .map(|kept| {
                kept.events
                    .range(first..=last)
                    .map(|(_, event)| event.clone())
                    .collect()
            })
            .unwrap_or_default())
    }

    fn history(&mut self, job: &JobKey, step: Option<&StepName>) -> Result<Vec<Event>> {
        let Some(kept) = self.get(job) else {
            return Ok(Vec::new());
        };
        let events = kept.events.range(kept.job.pruned.next()..).map(|(_, event)| event);
        let wanted = events.filter(|event| step.is_none() || event.step.as_ref() == step);
        Ok(wanted.map(|event| kept.seen(event)).collect())
    }

    fn jobs(&mut self) -> Result<Vec<JobRow>> {
        Ok(self.values().map(|kept| kept.job.clone()).collect())
    }

    fn keys(&mut self, prefix: &str) -> Result<Vec<JobKey>> {
        Ok(BTreeMap::keys(self)
            .filter(|key| key.as_str().starts_with(prefix))
            .cloned()
            .collect())
    }

    fn apply(&mut self, change: &Change) -> Result<()> {
        let kept = self.entry(change.job.key.clone()).or_insert_with(|| Kept {
            job: change.job.clone(),
            steps: HashMap::new(),
            events: BTreeMap::new(),
        });
        kept.job.clone_from(&change.job);
        kept.steps
            .extend(change.steps.iter().map(|step| (step.name.clone(), step.clone())));
        kept.events
            .extend(change.events.iter().map(|event| (event.revision, event.clone())));
        Ok(())
    }

    fn prune(&mut self, options: &PruneOptions, before: &str) -> Result<PruneReport> {
        let mut report = PruneReport::default();
        let mut gone = Vec::new();
        for (key, kept) in self.iter_mut() {
            if options.job.as_ref().is_some_and(|job| job != key) {
                continue;
            }
            if options.deleted_jobs && kept.job.deleted && kept.job.updated.as_str() <= before {
                report.jobs += 1;
                report.events += kept.events.range(kept.job.pruned.next()..).count() as u64;
                gone.push(key.clone());
            } else if kept.job.finalized {
                report.finalized += u64::from(kept.prune(before, true) > 0);
            } else {
                report.events += kept.prune(before, options.dry_run);
            }
        }
        if !options.dry_run {
            self.retain(|key, _| !gone.contains(key));
        }
        Ok(report)
    }

    fn location(&mut self) -> Result<StoreInfo> {
        let steps = self
            .values()
            .flat_map(|kept| kept.steps.values())
            .filter(|step| step.value.is_some());
        let events = self
            .values()
            .map(|kept| kept.events.range(kept.job.pruned.next()..).count() as u64);
        Ok(StoreInfo {
            url: "memory:".to_owned(),
            path: None,
            bytes: 0,
            schema_version: 0,
            jobs: self.len() as u64,
            steps: steps.count() as u64,
            events: events.sum(),
        })
    }
}
