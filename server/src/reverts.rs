//! Going back to a step, and taking that back.
//!
//! The core sets values aside, and brings them back. The runs that are kept beside the store go with them: without its run, a step that
//! may set nothing has never come to its end.

use pipulate::{EventKind, Job, JobInfo};

use crate::app::App;
use crate::error::Error;
use crate::outputs::KeptRun;
use crate::view::JobView;
use crate::workflow::{Step, Workflow};

impl App {
    /// Goes back to a step: it and the later ones are open again.
    pub(crate) fn revert(&self, workflow: &Workflow, job: &Job, info: &JobInfo, step: &str) -> Result<(), Error> {
        let unknown = || Error::UnknownStep {
            workflow: workflow.name().to_owned(),
            step: step.to_owned(),
        };
        let position = workflow.position(step).ok_or_else(unknown)?;
        job.order(&workflow.names())?;
        let view = JobView::of(self, workflow, job)?;
        let later = &workflow.steps()[position..];
        // The first name that has a place in the job: those before it are of earlier steps.
        let name = later.iter().flat_map(Step::names).next();
        if let Some(name) = name {
            job.revert(name)?;
        }
        let after = job.info()?.map_or(info.revision, |info| info.revision);
        let change = (view.revision().number(), after.number());
        for (step, state) in later.iter().zip(&view.steps[position..]) {
            match &state.run {
                Some(run) if !state.outdated => self.kept.set_aside(info, run, change),
                _ => self.kept.forget(info, [step.name()]),
            }
        }
        Ok(())
    }

    /// Takes back the last change of the job. Where that was going back to a step, its run and those of later ones count again.
    pub(crate) fn undo(&self, workflow: &Workflow, job: &Job, info: &JobInfo) -> Result<(), Error> {
        let steps = workflow.steps().iter();
        let aside: Vec<KeptRun> = steps.filter_map(|step| self.kept.aside(info, step.name())).collect();
        let (no_change, changes): (Vec<_>, Vec<_>) = aside.into_iter().partition(KeptRun::is_aside_without_change);
        let now = info.revision.number();
        // Going back over steps that gave no values is no change to the core.
        let last: Vec<_> = no_change.into_iter().filter(|run| run.aside.1 == now).collect();
        if !last.is_empty() {
            return self.bring_back(job, last);
        }
        let Some(undone) = job.undo()? else { return Ok(()) };
        if !matches!(undone.kind, EventKind::Revert | EventKind::SetAside) {
            return Ok(());
        }
        let change = undone.change.number();
        let is_of_it = |run: &KeptRun| run.aside.0 < change && change <= run.aside.1;
        self.bring_back(job, changes.into_iter().filter(is_of_it).collect())
    }

    /// Lets runs count again: what they gave values to has others' revisions now.
    fn bring_back(&self, job: &Job, runs: Vec<KeptRun>) -> Result<(), Error> {
        let Some(info) = job.info()? else { return Ok(()) };
        for mut run in runs {
            run.revision = info.revision.number();
            for (name, revision) in &mut run.results {
                if let Some(value) = job.step(name)?.filter(|value| !value.suggested) {
                    *revision = value.revision.number();
                }
            }
            self.kept.put(&info, run);
        }
        Ok(())
    }
}
