//! The stores that the contract is checked against, and children that are this very program.

use std::process::{Command, Stdio};
use std::sync::Arc;

use pipulate::Pip;
use pipulate::store::Store;
use pipulate::store::memory::MemoryStore;
use tempfile::TempDir;

/// A store for one test, and what must outlive it.
pub(crate) struct Backend {
    pub(crate) pip: Pip,
    _folder: Option<TempDir>,
}

pub(crate) fn memory() -> Backend {
    Backend {
        pip: Pip::in_memory(),
        _folder: None,
    }
}

pub(crate) fn sqlite() -> Backend {
    let folder = tempfile::tempdir().unwrap();
    let pip = Pip::open(folder.path().join("pipeline.db").to_str().unwrap()).unwrap();
    Backend {
        pip,
        _folder: Some(folder),
    }
}

/// A client, whose store is in memory behind a socket.
#[cfg(unix)]
pub(crate) fn client() -> Backend {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    listen(&path, Arc::new(MemoryStore::new()));
    let client = pipulate::store::client::Client::connect(&path).unwrap();
    Backend {
        pip: Pip::with_store(Arc::new(client)),
        _folder: Some(folder),
    }
}

/// Answers every connection on a thread of its own, until the process ends.
#[cfg(unix)]
pub(crate) fn listen(path: &std::path::Path, store: Arc<dyn Store>) {
    use pipulate::store::wire::{FRAME_LIMIT, serve};
    let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let (connection, store) = (connection.unwrap(), Arc::clone(&store));
            std::thread::spawn(move || serve(connection, &*store, FRAME_LIMIT));
        }
    });
}

/// Makes each function, which takes a `&Pip`, one test a store.
macro_rules! on_every_store {
    ($($(#[$attribute:meta])* fn $name:ident($pip:ident) $body:block)*) => {
        $(mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn check($pip: &pipulate::Pip) $body

            #[test]
            fn memory() {
                check(&$crate::support::memory().pip);
            }

            #[test]
            fn sqlite() {
                check(&$crate::support::sqlite().pip);
            }

            #[cfg(unix)]
            #[test]
            fn client() {
                check(&$crate::support::client().pip);
            }
        })*
    };
}
pub(crate) use on_every_store;

/// What a child is told to do: its arguments, where this process is a child.
pub(crate) fn task(test: &str) -> Option<Vec<String>> {
    let task = std::env::var("PIPULATE_TEST_TASK").ok()?;
    let mut words = task.split('\n').map(str::to_owned);
    (words.next()? == test).then(|| words.collect())
}

/// This program once more, to run only the test of this name, which finds these arguments in [`task`].
pub(crate) fn child(test: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let task: Vec<&str> = std::iter::once(test).chain(arguments.iter().copied()).collect();
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env("PIPULATE_TEST_TASK", task.join("\n"))
        .stdin(Stdio::null());
    command
}

/// The name of an error, for assertions that read well.
pub(crate) fn name_of<T: std::fmt::Debug>(result: Result<T, pipulate::Error>) -> &'static str {
    result.unwrap_err().name()
}
