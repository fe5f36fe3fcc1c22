//! Outputs that outlive the server: a file a step, in a folder beside the store.
//!
//! They are no part of the job: without them its values are what they are, and only what was printed on the way is gone. So
//! they need no transaction, and a file that cannot be read counts as none.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use pipulate::JobInfo;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Outputs;

/// How many runs are kept where there is no folder.
const IN_MEMORY: usize = 1000;

/// A run of a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptRun {
    /// The step.
    pub(crate) step: String,
    /// Whether it came to its end. One that did not may have given values to all its steps, and is not done for that.
    pub(crate) ended: bool,
    /// The job's revision when it had ended.
    pub(crate) revision: u64,
    /// The steps that it gave values to, with their revisions.
    pub(crate) results: Vec<(String, u64)>,
    /// How long it took.
    pub(crate) milliseconds: u64,
    /// What it printed and displayed.
    pub(crate) outputs: Outputs,
    /// Where somebody has gone back to the step or one before it, the job's revisions before and after that.
    #[serde(default)]
    pub(crate) aside: (u64, u64),
}

impl KeptRun {
    /// Whether it was set aside and no value with it.
    pub(crate) fn is_aside_without_change(&self) -> bool {
        self.aside.0 == self.aside.1
    }
}

/// Where runs are kept.
#[derive(Debug)]
pub(crate) struct Kept {
    /// None for a store in memory.
    folder: Option<PathBuf>,
    memory: Mutex<HashMap<(String, String), Arc<KeptRun>>>,
}

impl Kept {
    /// Beside the store at this path.
    pub(crate) fn beside(store: Option<&Path>) -> Self {
        let folder = store.map(|path| {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push("-outputs");
            path.with_file_name(name)
        });
        Self {
            folder,
            memory: Mutex::default(),
        }
    }

    /// Where runs are kept; none for a store in memory.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The last run of a step of this job.
    pub(crate) fn get(&self, job: &JobInfo, step: &str) -> Option<Arc<KeptRun>> {
        self.find(job, step, step)
    }

    fn find(&self, job: &JobInfo, name: &str, step: &str) -> Option<Arc<KeptRun>> {
        let Some(folder) = &self.folder else {
            return self.lock().get(&(job.id.clone(), name.to_owned())).cloned();
        };
        let text = fs::read(file(folder, &job.id, name)).ok()?;
        let kept: KeptRun = serde_json::from_slice(&text).ok()?;
        (kept.step == step).then(|| Arc::new(kept))
    }

    /// Sets a run aside: it does not count any more, until it is [put](Self::put) back. `change` are the job's revisions before and after.
    pub(crate) fn set_aside(&self, job: &JobInfo, run: &KeptRun, change: (u64, u64)) {
        let aside = KeptRun {
            aside: change,
            ..run.clone()
        };
        self.put_as(job, &name_aside(&run.step), aside);
        self.forget(job, [&*run.step]);
    }

    /// The run of a step that was set aside last.
    pub(crate) fn aside(&self, job: &JobInfo, step: &str) -> Option<KeptRun> {
        self.find(job, &name_aside(step), step).map(|run| (*run).clone())
    }

    /// Forgets runs of these steps that were set aside and no value with them: the job goes on.
    pub(crate) fn go_on<'a>(&self, job: &JobInfo, steps: impl IntoIterator<Item = &'a str>) {
        for step in steps {
            if self.aside(job, step).is_some_and(|run| run.is_aside_without_change()) {
                self.forget(job, [&*name_aside(step)]);
            }
        }
    }

    /// Keeps a run, in place of the one before and of one that was set aside.
    pub(crate) fn put(&self, job: &JobInfo, run: KeptRun) {
        self.forget(job, [&*name_aside(&run.step)]);
        let name = run.step.clone();
        self.put_as(job, &name, run);
    }

    fn put_as(&self, job: &JobInfo, name: &str, run: KeptRun) {
        let Some(folder) = &self.folder else {
            let mut memory = self.lock();
            if memory.len() >= IN_MEMORY {
                memory.clear();
            }
            memory.insert((job.id.clone(), name.to_owned()), Arc::new(run));
            return;
        };
        if let Err(error) = write(folder, &job.id, name, &run) {
            tracing::warn!(%error, folder = %folder.display(), "the outputs of a step could not be kept");
        }
    }

    /// Forgets the runs of these steps.
    pub(crate) fn forget<'a>(&self, job: &JobInfo, steps: impl IntoIterator<Item = &'a str>) {
        for step in steps {
            match &self.folder {
                None => drop(self.lock().remove(&(job.id.clone(), step.to_owned()))),
                // One that is not there is forgotten already.
                Some(folder) => drop(fs::remove_file(file(folder, &job.id, step))),
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Arc<KeptRun>>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a run is kept as that was set aside. No step has such a name.
fn name_aside(step: &str) -> String {
    format!("{step}\0aside")
}

/// A step's name may be longer than a file's, and hold what a file's may not.
fn file(folder: &Path, job: &str, step: &str) -> PathBuf {
    let digest = hex::encode(Sha256::digest(step));
    folder.join(job).join(format!("{}.json", &digest[..32]))
}

/// Whole or not at all, whoever else writes.
fn write(folder: &Path, job: &str, name: &str, run: &KeptRun) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let place = folder.join(job);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&place)?;
    let mut temporary = tempfile::NamedTempFile::new_in(&place)?;
    temporary.write_all(&serde_json::to_vec(run)?)?;
    temporary.persist(file(folder, job, name))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use pipulate::Pip;

    use super::*;

    #[test]
    fn a_run_is_found_again_until_it_is_forgotten() {
        let pip = Pip::in_memory();
        pip.set("a", "x", &1).unwrap();
        let job = pip.job("a").unwrap().info().unwrap().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let run = KeptRun {
            step: "../x".to_owned(),
            revision: 7,
            ..KeptRun::default()
        };
        for store in [None, Some(folder.path().join("pipeline.db"))] {
            let kept = Kept::beside(store.as_deref());
            assert_eq!(kept.get(&job, "../x"), None);
            kept.put(&job, run.clone());
            let again = if store.is_some() {
                Kept::beside(store.as_deref())
            } else {
                kept
            };
            assert_eq!(again.get(&job, "../x").as_deref(), Some(&run));
            assert_eq!(again.get(&job, "x"), None);
            again.forget(&job, ["../x", "never"]);
            assert_eq!(again.get(&job, "../x"), None);
        }
    }
}
