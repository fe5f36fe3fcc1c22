//! What browser sessions have typed and nobody may keep.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::live::JobId;

/// How many sessions are remembered.
const SESSIONS: usize = 1000;

/// The secrets of sessions, in memory alone.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<State>);

#[derive(Default)]
struct State {
    secrets: HashMap<String, HashMap<JobId, BTreeMap<String, String>>>,
    oldest: VecDeque<String>,
}

impl Sessions {
    /// The secrets that a session has typed for a job, by step.
    pub(crate) fn of(&self, session: &str, job: &JobId) -> BTreeMap<String, String> {
        let state = self.lock();
        let secrets = state.secrets.get(session).and_then(|jobs| jobs.get(job));
        secrets.cloned().unwrap_or_default()
    }

    /// Whether this server has kept anything for the session. A name that somebody else has put into the browser is none of ours.
    pub(crate) fn is_known(&self, session: &str) -> bool {
        self.lock().secrets.contains_key(session)
    }

    /// Keeps them for as long as the server runs.
    pub(crate) fn keep(&self, session: &str, job: &JobId, secrets: BTreeMap<String, String>) {
        if secrets.is_empty() {
            return;
        }
        let mut state = self.lock();
        if !state.secrets.contains_key(session) {
            state.oldest.push_back(session.to_owned());
            if state.oldest.len() > SESSIONS
                && let Some(oldest) = state.oldest.pop_front()
            {
                state.secrets.remove(&oldest);
            }
        }
        state
            .secrets
            .entry(session.to_owned())
            .or_default()
            .insert(job.clone(), secrets);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
