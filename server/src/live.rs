//! Tells open pages of changes, whoever made them.
//!
//! One thread a process looks at the store's files, which any change of any process touches, and only then asks for the revisions of
//! the jobs that somebody looks at.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use pipulate::{JobKey, Pip, Revision, Tenant};
use tokio::sync::watch;

/// A job of a tenant.
pub(crate) type JobId = (Tenant, JobKey);

/// What `pipulate serve` has to say to those who look at a page.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub(crate) struct Banner {
    /// `building`, `failed`, or anything else for none.
    pub(crate) state: String,
    /// One sentence.
    #[serde(default)]
    pub(crate) message: String,
    /// What the compiler said.
    #[serde(default)]
    pub(crate) details: String,
}

#[derive(Debug)]
struct Watched {
    sender: watch::Sender<u64>,
    revision: Revision,
}

/// When and how long a file was.
type Stamp = Vec<Option<(SystemTime, u64)>>;

/// Who is told of what.
#[derive(Debug)]
pub(crate) struct Live {
    jobs: Mutex<HashMap<JobId, Watched>>,
    banner: watch::Sender<Banner>,
    closing: watch::Sender<bool>,
    files: Option<[PathBuf; 2]>,
    status_file: Option<PathBuf>,
}

impl Live {
    pub(crate) fn new(store: Option<PathBuf>, status_file: Option<PathBuf>) -> Self {
        let files = store.map(|path| {
            let mut log = path.clone().into_os_string();
            log.push("-wal");
            [path, PathBuf::from(log)]
        });
        Self {
            jobs: Mutex::default(),
            banner: watch::Sender::new(Banner::default()),
            closing: watch::Sender::new(false),
            files,
            status_file,
        }
    }

    /// Is told whenever the job may have changed.
    pub(crate) fn subscribe(&self, job: JobId, revision: Revision) -> watch::Receiver<u64> {
        let mut jobs = self.lock();
        let watched = jobs.entry(job).or_insert_with(|| Watched {
            sender: watch::Sender::new(0),
            revision,
        });
        watched.sender.subscribe()
    }

    /// The job has changed, or what is shown of it.
    pub(crate) fn poke(&self, job: &JobId) {
        if let Some(watched) = self.lock().get(job) {
            watched.sender.send_modify(|count| *count += 1);
        }
    }

    pub(crate) fn banner(&self) -> watch::Receiver<Banner> {
        self.banner.subscribe()
    }

    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// How many pages listen.
    pub(crate) fn listeners(&self) -> usize {
        self.lock()
            .values()
            .map(|watched| watched.sender.receiver_count())
            .sum()
    }

    /// The state of the store's files; `None` for a store in memory.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        let of = |path: &PathBuf| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        self.files.as_ref().map(|files| files.iter().map(of).collect())
    }

    /// Looks once whether something has changed.
    pub(crate) fn look(&self, pip: &Pip, seen: &mut Seen) {
        self.look_at_status(seen);
        self.lock().retain(|_, watched| watched.sender.receiver_count() > 0);
        let stamp = self.stamp();
        // A change within the clock's tick of the one before shows in no stamp: so each is followed by a second look.
        let is_new = stamp.is_none() || stamp != seen.stamp;
        let look = is_new || seen.again;
        (seen.stamp, seen.again) = (stamp, is_new);
        if !look {
            return;
        }
        let watched: Vec<JobId> = self.lock().keys().cloned().collect();
        for id in watched {
            let pip = pip.clone().with_tenant(id.0.clone());
            let found = pip.job(id.1.as_str()).and_then(|job| job.info());
            let Ok(found) = found else { continue };
            let revision = found.map_or(Revision::NONE, |info| info.revision);
            if let Some(watched) = self.lock().get_mut(&id)
                && watched.revision != revision
            {
                watched.revision = revision;
                watched.sender.send_modify(|count| *count += 1);
            }
        }
    }

    fn look_at_status(&self, seen: &mut Seen) {
        let Some(file) = &self.status_file else { return };
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if text == seen.status {
            return;
        }
        // One that is being written is read again next time.
        let banner = if text.trim().is_empty() {
            Ok(Banner::default())
        } else {
            serde_json::from_str(&text)
        };
        if let Ok(banner) = banner {
            self.banner.send_replace(banner);
            seen.status = text;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Watched>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the last look found.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    stamp: Option<Stamp>,
    again: bool,
    status: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_by_another_process_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipeline.db");
        let (ours, theirs) = (
            Pip::open(path.to_str().unwrap()).unwrap(),
            Pip::open(path.to_str().unwrap()).unwrap(),
        );
        theirs.set("a", "x", &1).unwrap();
        let status = folder.path().join("status.json");
        let live = Live::new(Some(path), Some(status.clone()));
        let id: JobId = (Tenant::local(), JobKey::new("a").unwrap());
        let revision = ours.job("a").unwrap().info().unwrap().unwrap().revision;
        let mut job = live.subscribe(id, revision);
        let mut seen = Seen::default();
        live.look(&ours, &mut seen);
        assert!(!job.has_changed().unwrap());
        theirs.set("a", "x", &2).unwrap();
        live.look(&ours, &mut seen);
        assert!(job.has_changed().unwrap());
        job.mark_unchanged();
        live.look(&ours, &mut seen);
        assert!(!job.has_changed().unwrap());

        std::fs::write(&status, r#"{"state": "failed", "message": "it does not build"}"#).unwrap();
        live.look(&ours, &mut seen);
        assert_eq!(live.banner().borrow().state, "failed");
        drop(job);
        live.look(&ours, &mut seen);
        assert_eq!(live.listeners(), 0);
    }
}
