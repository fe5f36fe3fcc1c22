//! A job, step by step: one card a step.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use pipulate::{Bytes, JobInfo, StepStatus, Tenant};

use super::notice::Notice;
use crate::app::App;
use crate::error::Error;
use crate::form::{Answer, Problems, Submission};
use crate::live::JobId;
use crate::runs::RunView;
use crate::shown::{self, OutputsView, ValueView};
use crate::view::{JobView, StepView};
use crate::web::base::{Base, name_of};
use crate::web::body::{Htmx, Session};
use crate::web::events::version;
use crate::web::render::{Page, html};
use crate::web::tenant::Whose;
use crate::web::{blocking, fields};
use crate::workflow::{Step, StepError, StepKind, Workflow};

#[derive(Template)]
#[template(path = "chain_page.html")]
struct ChainPage {
    page: Page,
    chain: Chain,
}

/// The part of the page that changes.
#[derive(Template)]
#[template(path = "chain.html")]
#[expect(clippy::struct_excessive_bools, reason = "what a template asks")]
pub(super) struct Chain {
    key: String,
    workflow: String,
    workflow_link: String,
    link: String,
    events: String,
    history: String,
    actions: Actions,
    instance: String,
    version: String,
    revision: u64,
    token: String,
    cards: Vec<Card>,
    done: usize,
    finalized: bool,
    deleted: bool,
    running: bool,
    finished: bool,
    /// A step that is done was made from something else than there is now.
    stale: bool,
    notice: Option<Notice>,
    typed: bool,
    focus_on_top: bool,
    new_key: String,
}

/// Where the job's forms go.
struct Actions {
    undo: String,
    finalize: String,
    unfinalize: String,
    fork: String,
    delete: String,
    undelete: String,
    cancel: String,
}

#[expect(clippy::struct_excessive_bools, reason = "what a template asks")]
struct Card {
    number: usize,
    name: String,
    heading: String,
    about: String,
    phase: Phase,
    status: String,
    is_stale: bool,
    results: Vec<ResultView>,
    outputs: Option<OutputsView>,
    error: Option<StepError>,
    elapsed: Option<String>,
    form: Option<fields::Form>,
    run: String,
    revert: String,
    may_run_again: bool,
    is_waiting: bool,
    focus: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Done,
    Open,
    Running,
    Later,
}

impl Phase {
    fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Open => "open",
            Self::Running => "running",
            Self::Later => "later",
        }
    }
}

struct ResultView {
    name: String,
    is_named: bool,
    value: ValueView,
    link: String,
    updated: String,
    moment: String,
    source: String,
}

/// What the page is shown with, beside the job.
#[derive(Default)]
pub(in crate::web) struct Shown {
    pub(in crate::web) status: StatusCode,
    pub(in crate::web) notice: Option<Notice>,
    pub(in crate::web) problems: Option<(String, Problems)>,
    /// What was typed and not saved.
    pub(in crate::web) typed: Option<(String, Submission)>,
}

pub(in crate::web) async fn chain(
    State(app): State<Arc<App>>,
    whose: Whose,
    base: Base,
    session: Session,
    htmx: Htmx,
    Path((workflow, key)): Path<(String, String)>,
) -> Result<Response, Error> {
    chain_response(app, whose, base, session, htmx, workflow, key, Shown::default()).await
}

/// The chain: all of the page, or the part that changes where htmx asks.
#[expect(clippy::too_many_arguments, reason = "a handler's own")]
pub(in crate::web) async fn chain_response(
    app: Arc<App>,
    Whose(tenant): Whose,
    base: Base,
    session: Session,
    Htmx(is_htmx): Htmx,
    workflow: String,
    key: String,
    shown: Shown,
) -> Result<Response, Error> {
    blocking(move || {
        let status = shown.status;
        let workflow = app.workflow(name_of(&workflow))?;
        let (job, info) = app.job(&tenant, workflow, name_of(&key))?;
        let view = JobView::of(&app, workflow, &job)?;
        let chain = draw(&app, &tenant, &base, &session, workflow, &info, &view, shown)?;
        if is_htmx {
            return Ok(html(status, &chain));
        }
        let mut page = Page::new(&app, &base, format!("{} · {}", info.key, workflow.heading()));
        page.reload = chain.running.then_some(2);
        Ok(html(status, &ChainPage { page, chain }))
    })
    .await
}

#[expect(clippy::too_many_arguments, reason = "all of it is shown")]
fn draw(
    app: &Arc<App>,
    tenant: &Tenant,
    base: &Base,
    session: &Session,
    workflow: &Workflow,
    info: &JobInfo,
    view: &JobView,
    shown: Shown,
) -> Result<Chain, Error> {
    let key = info.key.as_str();
    let name = workflow.name();
    let id: JobId = (tenant.clone(), info.key.clone());
    // Taken first: what changes while the page is drawn shows in the next version.
    let version = version(app, &id, info.revision.number());
    let run = app.runs.look(&id);
    let first_open = view.first_open();
    let secrets = session
        .0
        .as_deref()
        .map(|session| app.sessions.of(session, &id))
        .unwrap_or_default();
    let has_notice = shown.notice.is_some();
    let typed = shown.typed.as_ref();
    let mut cards = Vec::new();
    for (position, step) in workflow.steps().iter().enumerate() {
        let asked = shown.problems.as_ref().filter(|(of, _)| of == step.name());
        let form_of = Asked {
            problems: asked.map(|(_, problems)| problems),
            typed: typed
                .filter(|(of, _)| of == step.name())
                .and_then(|(_, submission)| submission.answers.as_ref()),
        };
        let place = Place {
            base,
            workflow,
            info,
            position,
            is_first_open: first_open == Some(position),
        };
        cards.push(card(app, &id, &place, step, view, run.as_ref(), &form_of, &secrets));
    }
    let running = run.as_ref().is_some_and(|run| run.is_running);
    let finished = first_open.is_none() && !running;
    let stale = cards.iter().any(|card| card.is_stale);
    let has_focus = cards.iter().any(|card| card.focus);
    let of_job = |what: &str| base.of_job(name, key, what);
    Ok(Chain {
        key: key.to_owned(),
        workflow: workflow.heading().to_owned(),
        workflow_link: base.workflow(name),
        link: base.job(name, key),
        events: of_job("events"),
        history: of_job("history"),
        actions: Actions {
            undo: of_job("undo"),
            finalize: of_job("finalize"),
            unfinalize: of_job("unfinalize"),
            fork: of_job("fork"),
            delete: of_job("delete"),
            undelete: of_job("undelete"),
            cancel: of_job("cancel"),
        },
        instance: app.instance.clone(),
        version,
        revision: info.revision.number(),
        token: uuid::Uuid::new_v4().simple().to_string(),
        done: view.steps.iter().filter(|step| step.done).count(),
        finalized: info.finalized,
        deleted: info.deleted,
        running,
        finished,
        stale,
        typed: shown.typed.is_some(),
        focus_on_top: has_notice || !has_focus,
        notice: shown.notice,
        new_key: app.pip(tenant).next_key("Default", name)?.to_string(),
        cards,
    })
}

/// What was submitted and refused.
struct Asked<'a> {
    problems: Option<&'a Problems>,
    typed: Option<&'a BTreeMap<String, Answer>>,
}

struct Place<'a> {
    base: &'a Base,
    workflow: &'a Workflow,
    info: &'a JobInfo,
    position: usize,
    is_first_open: bool,
}

#[expect(clippy::too_many_arguments, reason = "all of it is shown")]
fn card(
    app: &Arc<App>,
    id: &JobId,
    place: &Place<'_>,
    step: &Step,
    view: &JobView,
    run: Option<&RunView>,
    asked: &Asked<'_>,
    secrets: &BTreeMap<String, String>,
) -> Card {
    let Place {
        base, workflow, info, ..
    } = place;
    let (name, key) = (workflow.name(), info.key.as_str());
    let state = &view.steps[place.position];
    let run = run.filter(|run| run.step == step.name());
    let is_changeable = !info.finalized && !info.deleted;
    let phase = match run {
        Some(run) if run.is_running => Phase::Running,
        _ if state.done => Phase::Done,
        _ if place.is_first_open && is_changeable => Phase::Open,
        _ => Phase::Later,
    };
    // What somebody typed is not taken away, whatever became of the step meanwhile.
    let wants_form = phase == Phase::Open || (asked.typed.is_some() && is_changeable && phase != Phase::Running);
    let form = if wants_form {
        let context = fields::Context {
            app,
            id,
            workflow,
            step,
            view,
            secrets,
        };
        Some(fields::form(&context, asked.problems, asked.typed))
    } else {
        None
    };
    let failed = run.filter(|run| !run.is_running && run.error.is_some());
    let outputs = match (phase, failed) {
        (Phase::Running, _) => run.map(|run| &run.outputs),
        (_, Some(run)) => Some(&run.outputs),
        (Phase::Done, None) => state.run.as_ref().map(|run| &run.outputs),
        _ => None,
    };
    let results = if phase == Phase::Done {
        results(base, workflow, info, step, view)
    } else {
        Vec::new()
    };
    let (status, is_stale) = status(phase, state, run);
    let elapsed = match (phase, run) {
        (Phase::Running, Some(run)) => Some(shown::duration(
            u64::try_from(run.elapsed.as_millis()).unwrap_or(u64::MAX),
        )),
        (Phase::Done, _) if !is_stale => state.run.as_ref().map(|run| shown::duration(run.milliseconds)),
        _ => None,
    };
    Card {
        number: place.position + 1,
        name: step.name().to_owned(),
        heading: step.heading().to_owned(),
        about: shown::description(step.about()),
        phase,
        status,
        is_stale,
        results,
        outputs: outputs.filter(|outputs| !outputs.is_empty()).map(shown::outputs),
        error: failed.and_then(|run| run.error.clone()),
        elapsed,
        form,
        run: base.step(name, key, step.name()),
        revert: format!("{}/revert", base.step(name, key, step.name())),
        may_run_again: phase == Phase::Done
            && is_changeable
            && (step.kind() == StepKind::Computes || step.fields().is_empty()),
        is_waiting: run.is_some_and(|run| run.is_waiting),
        focus: phase == Phase::Open || phase == Phase::Running,
    }
}

/// A status in words, and whether it is doubtful.
fn status(phase: Phase, state: &StepView, run: Option<&RunView>) -> (String, bool) {
    let words = match (phase, &state.status) {
        (Phase::Running, _) if run.is_some_and(|run| run.is_waiting) => "Waiting for a worker",
        (Phase::Running, _) => "Running",
        (Phase::Later, _) => "Not yet",
        (Phase::Open, _) if state.outdated => "To do again: a step before it has changed since it ran",
        (Phase::Open, _) if state.stopped => "To do: it stopped before its end",
        (Phase::Open, StepStatus::Suggested) => "Open again",
        (Phase::Open, _) => "To do",
        (Phase::Done, StepStatus::StaleCode) => "Stale: its code has changed since",
        (Phase::Done, StepStatus::StaleInput(input)) => {
            return (format!("Stale: {input} has changed since"), true);
        }
        (Phase::Done, StepStatus::StaleUntracked(variable)) => {
            return (
                format!("Stale: it used {variable}, which did not come through the pipeline"),
                true,
            );
        }
        (Phase::Done, _) => "Done",
    };
    (
        words.to_owned(),
        phase == Phase::Done && state.status == StepStatus::StaleCode,
    )
}

fn results(base: &Base, workflow: &Workflow, info: &JobInfo, step: &Step, view: &JobView) -> Vec<ResultView> {
    let mut names: Vec<&str> = Vec::new();
    for name in step.names() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let is_alone = names.len() == 1;
    names
        .into_iter()
        .filter_map(|name| view.done_value(name))
        .map(|value| ResultView {
            is_named: !is_alone || value.name != step.name(),
            name: value.name.to_string(),
            value: shown::value(&value.value, 0),
            link: base.value(workflow.name(), info.key.as_str(), value.name.as_str()),
            updated: shown::moment(&value.updated),
            moment: value.updated.clone(),
            source: super::history::source(&value.source),
        })
        .collect()
}

/// A value as a file: JSON, or the data itself where it is binary.
pub(in crate::web) async fn file(
    State(app): State<Arc<App>>,
    Whose(tenant): Whose,
    Path((workflow, key, name)): Path<(String, String, String)>,
) -> Result<Response, Error> {
    blocking(move || {
        let workflow = app.workflow(name_of(&workflow))?;
        let (job, _) = app.job(&tenant, workflow, name_of(&key))?;
        let name = name_of(&name);
        let Some(value) = job.step(name)? else {
            return Err(Error::State(
                job.require::<serde_json::Value>(name)
                    .err()
                    .unwrap_or_else(|| pipulate::Error::Protocol {
                        operation: format!("read step `{name}`"),
                        reason: "it came and went".to_owned(),
                    }),
            ));
        };
        let (media_type, extension, data) = match serde_json::from_str::<Bytes>(&value.value) {
            Ok(bytes) => ("application/octet-stream".to_owned(), "bin", bytes.into_vec()),
            Err(_) => ("application/json".to_owned(), "json", value.value.into_bytes()),
        };
        let plain: String = name
            .chars()
            .map(|character| {
                if character.is_ascii_alphanumeric() {
                    character
                } else {
                    '_'
                }
            })
            .collect();
        // Never shown in the page's own place: it is somebody's data.
        let disposition = format!("attachment; filename=\"{plain}.{extension}\"");
        Ok(([(CONTENT_TYPE, media_type), (CONTENT_DISPOSITION, disposition)], data).into_response())
    })
    .await
}
