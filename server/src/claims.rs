//! One run of a job at a time, whichever process it is in: apps that share a store see each other's.
//!
//! A claim is a lock on a file beside the job's outputs, which holds the name of the step that runs. The system lets go of the lock when the
//! process that took it ends, however it ends: so there is no claim whose owner is gone, and nothing to clear away after a crash.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem, StorageFull, Unsupported};
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use pipulate::JobInfo;

/// The file's name. Those of outputs are hexadecimal.
const FILE: &str = "running";
/// How long a claim waits for the end of a run: it may be ending just now.
const OF_RUN: Duration = Duration::from_millis(100);
/// How long a claim waits for another change of the job, which takes milliseconds.
const OF_CHANGE: Duration = Duration::from_secs(5);
/// The longest name of a step, in bytes.
const LONGEST: u64 = 4 * 200;

/// Where claims are made.
#[derive(Debug)]
pub(crate) struct Claims {
    /// None for a store in memory, which no other process sees.
    folder: Option<PathBuf>,
}

/// The right to change a job and to run its steps, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Claim(Option<File>);

/// Another process runs this step of the job; where it is empty, it changes the job.
#[derive(Debug)]
pub(crate) struct Taken(pub(crate) String);

impl Claims {
    /// In the folder of outputs.
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// Takes the job, or says which step of it runs elsewhere. Where nothing can be written, nothing runs.
    pub(crate) fn take(&self, job: &JobInfo) -> io::Result<Result<Claim, Taken>> {
        let mut file = match self.open(job) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Ok(Claim(None))),
            Err(error) if matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem | StorageFull) => {
                return Ok(Ok(Claim(None)));
            }
            Err(error) => return Err(error),
        };
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => {
                    let claim = Claim(Some(file));
                    claim.name("");
                    return Ok(Ok(claim));
                }
                Err(TryLockError::WouldBlock) => {
                    let step = step(&mut file)?;
                    let patience = if step.is_empty() { OF_CHANGE } else { OF_RUN };
                    if started.elapsed() > patience {
                        return Ok(Err(Taken(step)));
                    }
                    thread::sleep(Duration::from_millis(2));
                }
                Err(TryLockError::Error(error)) if error.kind() == Unsupported => {
                    tracing::warn!("files here cannot be locked: two apps on this store may run a step at once");
                    return Ok(Ok(Claim(None)));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    fn open(&self, job: &JobInfo) -> io::Result<Option<File>> {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        let Some(folder) = &self.folder else { return Ok(None) };
        let folder = folder.join(&job.id);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        options.open(folder.join(FILE)).map(Some)
    }
}

impl Claim {
    /// Says which step it is that runs.
    pub(crate) fn name(&self, step: &str) {
        let Some(mut file) = self.0.as_ref() else { return };
        let named = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(step.as_bytes()));
        if let Err(error) = named {
            tracing::warn!(%error, "other apps on this store will not know which step runs");
        }
    }
}

fn step(file: &mut File) -> io::Result<String> {
    let mut name = Vec::new();
    file.rewind()?;
    file.take(LONGEST).read_to_end(&mut name)?;
    Ok(String::from_utf8_lossy(&name).into_owned())
}

#[cfg(test)]
mod tests {
    use pipulate::Pip;

    use super::*;

    #[test]
    fn a_job_is_claimed_once() {
        let pip = Pip::in_memory();
        let job = |key: &str| {
            pip.set(key, "x", &1).unwrap();
            pip.job(key).unwrap().info().unwrap().unwrap()
        };
        let (one, two) = (job("one"), job("two"));
        let folder = tempfile::tempdir().unwrap();
        let claims = [(); 2].map(|()| Claims::new(Some(folder.path().to_owned())));
        let claim = claims[0].take(&one).unwrap().unwrap();
        claim.name("a long one");
        claim.name("shout");
        assert_eq!(claims[1].take(&one).unwrap().unwrap_err().0, "shout");
        assert!(claims[1].take(&two).unwrap().is_ok());
        drop(claim);
        assert!(claims[1].take(&one).unwrap().is_ok());
    }
}
