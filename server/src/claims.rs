//! One run of a job at a time, whichever process it is in: apps that share a store see each other's.
//!
//! A claim is a lock on a file beside the job's outputs, which holds the name of the step that runs. The system lets go of the lock when the
//! process that took it ends, however it ends: so there is no claim whose owner is gone, and nothing to clear away after a crash.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use pipulate::JobInfo;

/// The file's name. Those of outputs are hexadecimal.
const FILE: &str = "running";
/// How long a claim waits for one that is only looked at, which takes microseconds.
const PATIENCE: Duration = Duration::from_millis(100);
/// The longest name of a step, in bytes.
const LONGEST: u64 = 4 * 200;

/// Where claims are made.
#[derive(Debug)]
pub(crate) struct Claims {
    /// None for a store in memory, which no other process sees.
    folder: Option<PathBuf>,
}

/// The right to run steps of a job, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Claim(Option<File>);

/// Another process runs this step of the job.
#[derive(Debug)]
pub(crate) struct Taken(pub(crate) String);

impl Claims {
    /// In the folder of outputs.
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// Takes the job, or says which step of it runs elsewhere.
    pub(crate) fn take(&self, job: &JobInfo) -> io::Result<Result<Claim, Taken>> {
        let Some(mut file) = self.open(job, true)? else {
            return Ok(Ok(Claim(None)));
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Ok(Claim(Some(file)))),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(Duration::from_millis(2)),
                Err(TryLockError::WouldBlock) => return Ok(Err(Taken(step(&mut file)?))),
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    tracing::warn!("files here cannot be locked: two apps on this store may run a step at once");
                    return Ok(Ok(Claim(None)));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// The step of the job that another process runs. A job that this process has claimed counts, too.
    pub(crate) fn look(&self, job: &JobInfo) -> io::Result<Option<String>> {
        let Some(mut file) = self.open(job, false)? else {
            return Ok(None);
        };
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => step(&mut file).map(Some),
            _ => Ok(None),
        }
    }

    fn open(&self, job: &JobInfo, create: bool) -> io::Result<Option<File>> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let folder = folder.join(&job.id);
        if create {
            use std::os::unix::fs::DirBuilderExt;
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(create).create(create).truncate(false);
        match options.open(folder.join(FILE)) {
            Err(error) if !create && error.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some),
        }
    }
}

impl Claim {
    /// Says which step it is that runs. Only what others are told depends on it.
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
        assert_eq!(claims[0].look(&one).unwrap(), None);
        let claim = claims[0].take(&one).unwrap().unwrap();
        claim.name("a long one");
        claim.name("shout");
        assert_eq!(claims[1].look(&one).unwrap().as_deref(), Some("shout"));
        assert_eq!(claims[1].take(&one).unwrap().unwrap_err().0, "shout");
        assert!(claims[1].take(&two).unwrap().is_ok());
        drop(claim);
        assert_eq!(claims[1].look(&one).unwrap(), None);
        assert!(claims[1].take(&one).unwrap().is_ok());
    }
}
