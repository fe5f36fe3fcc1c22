//! The version of the compiler that cells are built with.

use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How long the first answer waits for rustc. A client's first question must be answered within 150 ms of the start.
const PATIENCE: Duration = Duration::from_millis(50);

/// Asked for in the background, since rustc needs longer to say it than the kernel to start.
#[derive(Clone)]
pub(crate) struct RustVersion {
    found: Arc<(Mutex<Option<String>>, Condvar)>,
}

impl RustVersion {
    /// Starts to ask.
    pub(crate) fn probe() -> Self {
        let found = Arc::new((Mutex::new(None), Condvar::new()));
        let answer = Arc::clone(&found);
        let thread = thread::Builder::new().name("rust-version".to_owned()).spawn(move || {
            let version = ask().unwrap_or_else(|| fallback().to_owned());
            *answer.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(version);
            answer.1.notify_all();
        });
        if let Err(error) = thread {
            tracing::debug!(%error, "cannot ask rustc for its version");
        }
        Self { found }
    }

    /// The version, such as `1.95.0`; the oldest that the kernel works with while rustc has not answered.
    pub(crate) fn get(&self) -> String {
        let (version, changed) = &*self.found;
        let guard = version.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_timeout_while(guard, PATIENCE, |version| version.is_none());
        let (guard, _) = waited.unwrap_or_else(PoisonError::into_inner);
        guard.clone().unwrap_or_else(|| fallback().to_owned())
    }
}

fn fallback() -> &'static str {
    env!("CARGO_PKG_RUST_VERSION")
}

fn ask() -> Option<String> {
    let output = Command::new("rustc")
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    parse(&String::from_utf8(output.stdout).ok()?)
}

/// `rustc 1.95.0 (0123abc 2026-01-01)` to `1.95.0`.
fn parse(text: &str) -> Option<String> {
    let version = text.strip_prefix("rustc ")?.split_whitespace().next()?;
    Some(version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(parse("rustc 1.95.0 (0123abc 2026-01-01)\n").as_deref(), Some("1.95.0"));
        assert_eq!(parse("rustc 1.99.0-nightly\n").as_deref(), Some("1.99.0-nightly"));
        assert_eq!(parse("cargo 1.95.0"), None);
    }
}
