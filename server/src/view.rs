//! A job as a run of a workflow: which of its steps are done, and what comes next. Made from the store and the outputs kept beside it.

use std::collections::HashMap;
use std::sync::Arc;

use pipulate::{Job, JobInfo, Revision, Source, StepInfo, StepStatus};

use crate::app::App;
use crate::error::Error;
use crate::outputs::KeptRun;
use crate::workflow::{Step, StepKind, Workflow};

/// A job at one moment.
pub(crate) struct JobView {
    pub(crate) info: Option<JobInfo>,
    values: HashMap<String, StepInfo>,
    pub(crate) steps: Vec<StepView>,
}

/// One of its steps.
pub(crate) struct StepView {
    pub(crate) done: bool,
    pub(crate) status: StepStatus,
    /// Its last run, if that made what is there now.
    pub(crate) run: Option<Arc<KeptRun>>,
    /// It has run to its end, and a step before it has changed since.
    pub(crate) outdated: bool,
    /// Its last run stopped on the way.
    pub(crate) stopped: bool,
}

impl JobView {
    /// Reads the job. One that does not exist yet has no step that is done.
    pub(crate) fn of(app: &App, workflow: &Workflow, job: &Job) -> Result<Self, Error> {
        let info = job.info()?;
        let values = match &info {
            Some(info) if !info.deleted => job.steps()?,
            _ => Vec::new(),
        };
        let values = values.into_iter().map(|step| (step.name.to_string(), step)).collect();
        let mut view = Self {
            info,
            values,
            steps: Vec::new(),
        };
        let mut before = Revision::NONE;
        for step in workflow.steps() {
            let state = view.state(app, workflow, step, before);
            view.steps.push(state);
            let latest = step
                .names()
                .filter_map(|name| view.value(name))
                .map(|value| value.revision)
                .max();
            before = before.max(latest.unwrap_or_default());
        }
        Ok(view)
    }

    pub(crate) fn value(&self, name: &str) -> Option<&StepInfo> {
        self.values.get(name)
    }

    /// The value, if it counts.
    pub(crate) fn done_value(&self, name: &str) -> Option<&StepInfo> {
        self.value(name).filter(|value| !value.suggested)
    }

    pub(crate) fn revision(&self) -> Revision {
        self.info.as_ref().map_or(Revision::NONE, |info| info.revision)
    }

    pub(crate) fn is_finalized(&self) -> bool {
        self.info.as_ref().is_some_and(|info| info.finalized)
    }

    /// The first step that is not done.
    pub(crate) fn first_open(&self) -> Option<usize> {
        self.steps.iter().position(|step| !step.done)
    }

    /// Whether the step can run without asking: what its form asks for is there.
    pub(crate) fn needs_no_input(&self, step: &Step, has_secret: impl Fn(&str) -> bool) -> bool {
        step.fields().iter().all(|field| {
            if field.is_secret() {
                has_secret(field.name())
            } else {
                self.done_value(field.name()).is_some()
            }
        })
    }

    fn state(&self, app: &App, workflow: &Workflow, step: &Step, before: Revision) -> StepView {
        let kept = self.info.as_ref().and_then(|info| app.kept.get(info, step.name()));
        let still_there = |run: &KeptRun| {
            run.results.iter().all(|(name, revision)| {
                self.done_value(name)
                    .is_some_and(|value| value.revision.number() == *revision)
            })
        };
        // Who gave it values elsewhere since has come to an end there.
        let latest = step
            .results()
            .filter_map(|name| self.done_value(name))
            .max_by_key(|value| value.revision);
        let stopped =
            kept.as_ref().is_some_and(|run| !run.ended) && latest.is_none_or(|value| value.source == Source::Web);
        let run = kept.filter(|run| run.ended && still_there(run));
        let outdated = run.as_ref().is_some_and(|run| before.number() > run.revision);
        let mut names = step.names().peekable();
        let has_names = names.peek().is_some();
        let all_there = has_names && names.all(|name| self.done_value(name).is_some());
        let done = match step.kind() {
            StepKind::Computes => self.done_value(step.name()).is_some(),
            // A cell may set a name on one way through it and not on another.
            StepKind::Saves => !stopped && (all_there || (run.is_some() && !outdated)),
        };
        let status = match step.kind() {
            StepKind::Computes => self.status_of_computed(app, workflow, step),
            StepKind::Saves if done => StepStatus::Fresh,
            StepKind::Saves => {
                let set_aside = step
                    .names()
                    .filter_map(|name| self.value(name))
                    .any(|value| value.suggested);
                if set_aside {
                    StepStatus::Suggested
                } else {
                    StepStatus::Missing
                }
            }
        };
        StepView {
            done,
            status,
            outdated: outdated && !done,
            stopped: stopped && !done,
            run,
        }
    }

    fn status_of_computed(&self, app: &App, workflow: &Workflow, step: &Step) -> StepStatus {
        let Some(value) = self.value(step.name()) else {
            return StepStatus::Missing;
        };
        let code_changed = value.recording.as_ref().is_some_and(|recording| {
            app.fingerprint(workflow, step)
                .is_some_and(|fingerprint| fingerprint != recording.fingerprint)
        });
        if code_changed && !value.suggested {
            return StepStatus::StaleCode;
        }
        value.status.clone()
    }
}
