//! `%pip_job`: the job that the other magics work on.

use pipulate::cell::JobCall;
use pipulate::{JobInfo, JobKey, Pip, Revision, WorkflowName};

use super::{Call, Context, Example, Form, Magic, Shown, Specification, usage_error};
use crate::outputs::CellError;
use crate::render::text::{count, quoted, time};
use crate::state::CurrentJob;

/// Whose jobs `--new` makes, as the keys say: `Default-hello-01`.
const PROFILE: &str = "Default";

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: JobCall::USAGE,
        summary: "Makes or resumes the job that the other pipeline magics work on; alone, shows the current one.",
        description: "A job is one run of a workflow, under a key. It is made when its first value is set, and goes on \
                      where it was when its key is named again, also after a restart and in other programs.",
        examples: &[
            Example {
                code: "%pip_job hello-01",
                does: "make or resume the job `hello-01`",
            },
            Example {
                code: "%pip_job --new",
                does: "take the next free key of this notebook's workflow",
            },
            Example {
                code: "%pip_job",
                does: "show the current job",
            },
        ],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let job = JobCall::parse(call.text, call.magic).map_err(|error| usage_error("pip_job", &error))?;
    let pip = context.pip()?;
    let held = context.state.settings().job.as_deref();
    if job.key.is_none() && !job.new && held.is_none() {
        if let Some(workflow) = &job.workflow {
            return Err(call.misused(format!(
                "`--workflow {}` goes with a key or with `--new`",
                quoted(&workflow.text)
            )));
        }
        return show(context);
    }
    let workflow = job
        .workflow
        .as_ref()
        .map_or_else(|| context.state.workflow(), |workflow| workflow.text.clone());
    let workflow = WorkflowName::new(&workflow).shown()?;
    let asked = match &job.key {
        Some(key) => Some(JobKey::new(&key.text).shown()?),
        None => None,
    };
    let key = match (held, &asked) {
        (Some(held), _) => JobKey::new(held).shown()?,
        (None, Some(asked)) => asked.clone(),
        (None, None) => new_key(&pip, &workflow, context)?,
    };
    let info = pip.job_in(key.as_str(), workflow.as_str()).shown()?.info().shown()?;
    let stored = info
        .as_ref()
        .map_or_else(|| workflow.clone(), |info| info.workflow.clone());
    context.state.set_job(CurrentJob {
        key: key.clone(),
        workflow: stored.clone(),
    });

    let mut lines = Vec::new();
    if held.is_some() && asked.as_ref() != Some(&key) && (job.new || asked.is_some()) {
        lines.push(format!("This run is held to the job `{key}`."));
    }
    lines.push(describe(&key, &stored, info.as_ref()));
    if job.workflow.is_some() && stored != workflow {
        lines.push(format!(
            "It keeps the workflow that it was made with; `{workflow}` is not used."
        ));
    }
    context.say(lines.join("\n"));
    Ok(())
}

/// The key of a job of this workflow in which nothing has happened: the one that the notebook is at, where it is such a job, so that
/// running the cell again leaves none behind; a new one else.
fn new_key(pip: &Pip, workflow: &WorkflowName, context: &Context<'_>) -> Result<JobKey, CellError> {
    if let Some(current) = context.state.current_job() {
        let info = context.state.job()?.info().shown()?;
        let is_unused = |info: &JobInfo| info.revision == Revision::NONE && !info.deleted && info.workflow == *workflow;
        if info.is_some_and(|info| is_unused(&info)) {
            return Ok(current.key);
        }
    }
    pip.new_job(PROFILE, workflow.as_str()).shown()
}

fn show(context: &Context<'_>) -> Result<(), CellError> {
    let Some(current) = context.state.current_job() else {
        context.say("No job yet. `%pip_job KEY` makes or resumes one, `%pip_job --new` takes the next free key.");
        return Ok(());
    };
    let info = context.state.job()?.info().shown()?;
    let workflow = info.as_ref().map_or(&current.workflow, |info| &info.workflow);
    context.say(describe(&current.key, workflow, info.as_ref()));
    Ok(())
}

/// A job in one line.
fn describe(key: &JobKey, workflow: &WorkflowName, info: Option<&JobInfo>) -> String {
    let Some(info) = info else {
        return format!("New job `{key}` of the workflow `{workflow}`. Its first value makes it.");
    };
    if info.revision == Revision::NONE && !info.deleted {
        return format!("New job `{key}` of the workflow `{workflow}`.");
    }
    let steps = count(info.steps, "step");
    let changed = time(&info.updated);
    let state = if info.deleted {
        format!(" It is deleted: `pip.undelete({:?})?` brings it back.", key.as_str())
    } else if info.finalized {
        " It is finalized: `%pip_unfinalize` opens it.".to_owned()
    } else {
        String::new()
    };
    format!("Job `{key}` of the workflow `{workflow}`: {steps} done, last changed {changed} UTC.{state}")
}
