//! The same in JSON, for programs.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use pipulate::{Job, JobInfo, Tenant};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::actions::wait;
use super::base::name_of;
use super::blocking;
use super::body::Json;
use super::pages::Search;
use super::render::json_response;
use super::tenant::Whose;
use crate::app::{App, Change, Submitted};
use crate::error::Error;
use crate::form::Submission;
use crate::live::JobId;
use crate::metrics::Metrics;
use crate::view::JobView;
use crate::workflow::{Field, FieldKind, Step, StepError, StepKind, Workflow};

type Of = Path<(String, String)>;

pub(super) async fn health(State(app): State<Arc<App>>, Whose(tenant): Whose) -> Result<Response, Error> {
    let info = blocking(move || Ok(app.pip(&tenant).location()?)).await?;
    let body = json!({ "status": "ok", "schema": info.schema_version });
    Ok(json_response(StatusCode::OK, &body))
}

pub(super) async fn metrics(State(app): State<Arc<App>>, _: Whose) -> Response {
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        Metrics::text(&app),
    )
        .into_response()
}

pub(super) async fn workflows(State(app): State<Arc<App>>, _: Whose) -> Response {
    let list: Vec<Value> = app
        .workflows
        .iter()
        .map(|workflow| of_workflow(&app, workflow))
        .collect();
    json_response(StatusCode::OK, &json!({ "workflows": list }))
}

pub(super) async fn workflow(
    State(app): State<Arc<App>>,
    _: Whose,
    Path(name): Path<String>,
) -> Result<Response, Error> {
    let workflow = app.workflow(name_of(&name))?;
    Ok(json_response(StatusCode::OK, &of_workflow(&app, workflow)))
}

pub(super) async fn next_key(
    State(app): State<Arc<App>>,
    Whose(tenant): Whose,
    Path(name): Path<String>,
) -> Result<Response, Error> {
    blocking(move || {
        let workflow = app.workflow(name_of(&name))?;
        let key = app.pip(&tenant).next_key("Default", workflow.name())?;
        Ok(json_response(StatusCode::OK, &json!({ "key": key })))
    })
    .await
}

pub(super) async fn jobs(
    State(app): State<Arc<App>>,
    Whose(tenant): Whose,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let search = Search::of(query.as_deref());
    blocking(move || {
        let workflow = app.workflow(name_of(&name))?;
        let jobs = search.jobs(&app, &tenant, workflow)?;
        Ok(json_response(StatusCode::OK, &json!({ "jobs": jobs })))
    })
    .await
}

pub(super) async fn open(
    State(app): State<Arc<App>>,
    Whose(tenant): Whose,
    Path(name): Path<String>,
    Json(submission): Json,
) -> Result<Response, Error> {
    let (key, receiver) = {
        let (app, tenant, name) = (Arc::clone(&app), tenant.clone(), name.clone());
        let open = move || app.open(&tenant, app.workflow(name_of(&name))?, submission.other("key"));
        blocking(open).await?
    };
    if let Some(receiver) = receiver {
        wait(receiver, app.settings.patience).await;
    }
    job_now(app, tenant, name_of(&name).to_owned(), key.to_string()).await
}

pub(super) async fn job(
    State(app): State<Arc<App>>,
    Whose(tenant): Whose,
    Path((workflow, key)): Of,
) -> Result<Response, Error> {
    job_now(app, tenant, name_of(&workflow).to_owned(), name_of(&key).to_owned()).await
}

pub(super) async fn history(
    State(app): State<Arc<App>>,
    Whose(tenant): Whose,
    Path((workflow, key)): Of,
) -> Result<Response, Error> {
    blocking(move || {
        let workflow = app.workflow(name_of(&workflow))?;
        let (job, _) = app.job(&tenant, workflow, name_of(&key))?;
        Ok(json_response(StatusCode::OK, &json!({ "events": job.history(None)? })))
    })
    .await
}

pub(super) async fn submit(
    State(app): State<Arc<App>>,
    Whose(tenant): Whose,
    Path((workflow, key, step)): Path<(String, String, String)>,
    Json(submission): Json,
) -> Result<Response, Error> {
    let (workflow, key) = (name_of(&workflow).to_owned(), name_of(&key).to_owned());
    let submitted = {
        let (app, tenant, workflow, key) = (Arc::clone(&app), tenant.clone(), workflow.clone(), key.clone());
        blocking(move || {
            let workflow = app.workflow(&workflow)?;
            app.submit(&tenant, None, workflow, &key, name_of(&step), &submission)
        })
        .await?
    };
    if let Submitted::Started(receiver) = submitted {
        wait(receiver, app.settings.patience).await;
    }
    job_now(app, tenant, workflow, key).await
}

pub(super) async fn revert(
    State(app): State<Arc<App>>,
    whose: Whose,
    Path((workflow, key, step)): Path<(String, String, String)>,
    Json(submission): Json,
) -> Result<Response, Error> {
    let change = Change::OfValues("go back to the step");
    changed(
        app,
        whose,
        (workflow, key),
        submission,
        change,
        move |app, workflow, job, info| app.revert(workflow, job, info, name_of(&step)),
    )
    .await
}

pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    Whose(tenant): Whose,
    Path((workflow, key)): Of,
    _: Json,
) -> Result<Response, Error> {
    let (workflow, key) = (name_of(&workflow).to_owned(), name_of(&key).to_owned());
    {
        let (app, tenant, workflow, key) = (Arc::clone(&app), tenant.clone(), workflow.clone(), key.clone());
        blocking(move || app.cancel(&tenant, app.workflow(&workflow)?, &key)).await?;
    }
    job_now(app, tenant, workflow, key).await
}

macro_rules! change {
    ($name:ident, $change:expr, $make:expr) => {
        pub(super) async fn $name(
            State(app): State<Arc<App>>,
            whose: Whose,
            Path(of): Of,
            Json(submission): Json,
        ) -> Result<Response, Error> {
            changed(app, whose, of, submission, $change, $make).await
        }
    };
}

change!(undo, Change::OfValues("undo the last change"), App::undo);
change!(finalize, Change::OfLife, |_, _, job, _| Ok(job.finalize()?));
change!(unfinalize, Change::OfLife, |_, _, job, _| Ok(job.unfinalize()?));
change!(delete, Change::OfLife, |_, _, job, _| Ok(job.delete()?));
change!(undelete, Change::OfLife, |_, _, job, _| {
    job.pip().undelete(job.key().as_str())?;
    Ok(())
});

pub(super) async fn fork(
    State(app): State<Arc<App>>,
    Whose(tenant): Whose,
    Path((workflow, key)): Of,
    Json(submission): Json,
) -> Result<Response, Error> {
    let (workflow, key) = (name_of(&workflow).to_owned(), name_of(&key).to_owned());
    let new_key = {
        let (app, tenant, workflow) = (Arc::clone(&app), tenant.clone(), workflow.clone());
        blocking(move || app.copy(&tenant, app.workflow(&workflow)?, &key, &submission)).await?
    };
    job_now(app, tenant, workflow, new_key).await
}

async fn changed(
    app: Arc<App>,
    Whose(tenant): Whose,
    (workflow, key): (String, String),
    submission: Submission,
    change: Change,
    make: impl FnOnce(&App, &Workflow, &Job, &JobInfo) -> Result<(), Error> + Send + 'static,
) -> Result<Response, Error> {
    let (workflow, key) = (name_of(&workflow).to_owned(), name_of(&key).to_owned());
    {
        let (app, tenant, workflow, key) = (Arc::clone(&app), tenant.clone(), workflow.clone(), key.clone());
        blocking(move || {
            let workflow = app.workflow(&workflow)?;
            app.change(&tenant, workflow, &key, &submission, change, |job, info| {
                make(&app, workflow, job, info)
            })
        })
        .await?;
    }
    job_now(app, tenant, workflow, key).await
}

async fn job_now(app: Arc<App>, tenant: Tenant, workflow: String, key: String) -> Result<Response, Error> {
    blocking(move || {
        let workflow = app.workflow(&workflow)?;
        let (job, info) = app.job(&tenant, workflow, &key)?;
        let view = JobView::of(&app, workflow, &job)?;
        let id: JobId = (tenant, info.key.clone());
        let run = app.runs.look(&id);
        let steps: Vec<Value> = workflow
            .steps()
            .iter()
            .enumerate()
            .map(|(position, step)| {
                let mut shown = of_step(&app, workflow, step);
                let state = &view.steps[position];
                let of_run = run.as_ref().filter(|run| run.step == step.name());
                let is_running = of_run.is_some_and(|run| run.is_running);
                shown["done"] = state.done.into();
                shown["running"] = is_running.into();
                shown["status"] = state.status.to_string().into();
                shown["values"] = values(step, &view);
                let outputs = match of_run {
                    Some(run) if is_running || run.error.is_some() => Some(&run.outputs),
                    _ => state.run.as_ref().map(|run| &run.outputs),
                };
                shown["outputs"] = json!(outputs);
                let error = of_run.filter(|_| !is_running).and_then(|run| run.error.as_ref());
                shown["error"] = error.map_or(Value::Null, of_error);
                shown
            })
            .collect();
        let mut body = json!(info);
        body["running"] = json!(run.filter(|run| run.is_running).map(|run| run.step));
        body["next"] = json!(view.first_open().map(|first| workflow.steps()[first].name()));
        body["steps"] = json!(steps);
        Ok(json_response(StatusCode::OK, &body))
    })
    .await
}

fn of_error(error: &StepError) -> Value {
    json!({ "error": error.name(), "message": error.message(), "help": error.help(), "place": error.place() })
}

/// What the job has of the step's names, set aside or not.
fn values(step: &Step, view: &JobView) -> Value {
    let mut values = serde_json::Map::new();
    for name in step.names() {
        let Some(value) = view.value(name) else { continue };
        let json = RawValue::from_string(value.value.clone());
        let shown = json!({
            "value": json.ok().and_then(|json| serde_json::to_value(json).ok()),
            "json": value.value,
            "revision": value.revision,
            "updated": value.updated,
            "source": value.source,
            "suggested": value.suggested,
        });
        values.insert(name.to_owned(), shown);
    }
    Value::Object(values)
}

fn of_workflow(app: &App, workflow: &Workflow) -> Value {
    let steps: Vec<Value> = workflow
        .steps()
        .iter()
        .map(|step| of_step(app, workflow, step))
        .collect();
    json!({
        "name": workflow.name(),
        "title": workflow.heading(),
        "description": workflow.about(),
        "notebook": workflow.made_from(),
        "steps": steps,
    })
}

fn of_step(app: &App, workflow: &Workflow, step: &Step) -> Value {
    json!({
        "name": step.name(),
        "label": step.heading(),
        "description": step.about(),
        "kind": match step.kind() {
            StepKind::Computes => "computes",
            StepKind::Saves => "saves",
        },
        "sets": step.results().collect::<Vec<_>>(),
        "fingerprint": app.fingerprint(workflow, step),
        "fields": step.fields().iter().map(of_field).collect::<Vec<_>>(),
    })
}

fn of_field(field: &Field) -> Value {
    let kind = match field.kind() {
        FieldKind::Text => "text",
        FieldKind::Number { whole: true } => "integer",
        FieldKind::Number { whole: false } => "number",
        FieldKind::Checkbox => "boolean",
        FieldKind::Date => "date",
        FieldKind::Choice => "choice",
        FieldKind::File => "file",
        FieldKind::Json => "json",
    };
    json!({
        "name": field.name(),
        "label": field.heading(),
        "help": field.explanation(),
        "kind": kind,
        "choices": field.allowed(),
        "secret": field.is_secret(),
        "optional": field.is_optional(),
    })
}
