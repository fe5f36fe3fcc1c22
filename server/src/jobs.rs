//! The list of jobs, which the first page shows, read again only when the store has changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use pipulate::{JobFilter, JobInfo, Tenant};

use crate::app::App;
use crate::error::Error;

/// A file that changed less long ago may have changed again within the same tick of its clock.
const SETTLED: Duration = Duration::from_millis(50);

type Stamp = Vec<Option<(SystemTime, u64)>>;
/// By tenant, and whether the jobs are deleted ones.
type Known = HashMap<(Tenant, bool), (Stamp, Arc<Vec<JobInfo>>)>;

/// The last list of each tenant.
#[derive(Default)]
pub(crate) struct JobsCache(Mutex<Known>);

impl JobsCache {
    /// All jobs of a tenant, newest first.
    pub(crate) fn all(&self, app: &App, tenant: &Tenant, deleted: bool) -> Result<Arc<Vec<JobInfo>>, Error> {
        let stamp = app.live.stamp().filter(is_settled);
        let key = (tenant.clone(), deleted);
        if let Some(stamp) = &stamp
            && let Some((seen, jobs)) = self.lock().get(&key)
            && seen == stamp
        {
            return Ok(Arc::clone(jobs));
        }
        let mut jobs = app.pip(tenant).jobs(&JobFilter {
            deleted,
            ..JobFilter::default()
        })?;
        jobs.sort_by(|one, other| other.updated.cmp(&one.updated));
        let jobs = Arc::new(jobs);
        if let Some(stamp) = stamp {
            self.lock().insert(key, (stamp, Arc::clone(&jobs)));
        }
        Ok(jobs)
    }

    /// The store has been changed here.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_settled(stamp: &Stamp) -> bool {
    let now = SystemTime::now();
    stamp
        .iter()
        .flatten()
        .all(|(modified, _)| now.duration_since(*modified).is_ok_and(|age| age > SETTLED))
}
