//! The first page: each workflow, how to begin, and its jobs.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use pipulate::{JobInfo, Tenant};

use crate::app::App;
use crate::error::Error;
use crate::shown;
use crate::web::base::{Base, name_of};
use crate::web::blocking;
use crate::web::render::{Page, html};
use crate::web::tenant::Whose;
use crate::workflow::Workflow;

/// How many jobs the first page lists of each workflow.
const FIRST: usize = 10;
/// How many the page of a workflow lists.
const ALL: usize = 500;

#[derive(Template)]
#[template(path = "landing.html")]
struct Landing {
    page: Page,
    workflows: Vec<WorkflowPart>,
    search: String,
    deleted: bool,
    is_one: bool,
}

struct WorkflowPart {
    name: String,
    heading: String,
    about: String,
    made_from: Option<String>,
    steps: usize,
    link: String,
    open: String,
    next_key: String,
    jobs: Vec<JobRow>,
    total: usize,
    more: usize,
}

struct JobRow {
    key: String,
    link: String,
    undelete: String,
    moment: String,
    updated: String,
    values: String,
    finalized: bool,
}

/// What a list of jobs is narrowed to.
#[derive(Clone, Debug, Default)]
pub(in crate::web) struct Search {
    pub(in crate::web) text: String,
    pub(in crate::web) deleted: bool,
}

impl Search {
    pub(in crate::web) fn of(query: Option<&str>) -> Self {
        let mut search = Self::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*name {
                "q" => value.trim().clone_into(&mut search.text),
                "deleted" => search.deleted = !matches!(&*value, "" | "0" | "false"),
                _ => {}
            }
        }
        search
    }

    /// Newest first.
    pub(in crate::web) fn jobs(&self, app: &App, tenant: &Tenant, workflow: &Workflow) -> Result<Vec<JobInfo>, Error> {
        let wanted = self.text.to_lowercase();
        let all = app.jobs.all(app, tenant, self.deleted)?;
        let found = all.iter().filter(|job| {
            job.workflow == workflow.name() && (wanted.is_empty() || job.key.as_str().to_lowercase().contains(&wanted))
        });
        Ok(found.cloned().collect())
    }
}

pub(in crate::web) async fn landing(
    State(app): State<Arc<App>>,
    Whose(tenant): Whose,
    base: Base,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let search = Search::of(query.as_deref());
    blocking(move || {
        let parts = app
            .workflows
            .iter()
            .map(|workflow| part(&app, &tenant, &base, workflow, &search, FIRST))
            .collect::<Result<Vec<_>, _>>()?;
        let title = match app.workflows.as_slice() {
            [one] => one.heading().to_owned(),
            _ => "Workflows".to_owned(),
        };
        Ok(page(&app, &base, title, parts, search, false))
    })
    .await
}

pub(in crate::web) async fn workflow(
    State(app): State<Arc<App>>,
    Whose(tenant): Whose,
    base: Base,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let search = Search::of(query.as_deref());
    blocking(move || {
        let workflow = app.workflow(name_of(&name))?;
        let part = part(&app, &tenant, &base, workflow, &search, ALL)?;
        Ok(page(
            &app,
            &base,
            workflow.heading().to_owned(),
            vec![part],
            search,
            true,
        ))
    })
    .await
}

fn page(app: &App, base: &Base, title: String, workflows: Vec<WorkflowPart>, search: Search, is_one: bool) -> Response {
    let landing = Landing {
        page: Page::new(app, base, title),
        workflows,
        search: search.text,
        deleted: search.deleted,
        is_one,
    };
    html(StatusCode::OK, &landing)
}

fn part(
    app: &App,
    tenant: &Tenant,
    base: &Base,
    workflow: &Workflow,
    search: &Search,
    most: usize,
) -> Result<WorkflowPart, Error> {
    let found = search.jobs(app, tenant, workflow)?;
    let name = workflow.name();
    let jobs = found.iter().take(most).map(|job| JobRow {
        key: job.key.to_string(),
        link: base.job(name, job.key.as_str()),
        undelete: base.of_job(name, job.key.as_str(), "undelete"),
        moment: job.updated.clone(),
        updated: shown::moment(&job.updated),
        values: shown::count(job.steps as u64, "value"),
        finalized: job.finalized,
    });
    Ok(WorkflowPart {
        name: name.to_owned(),
        heading: workflow.heading().to_owned(),
        about: shown::description(workflow.about()),
        made_from: workflow.made_from().map(str::to_owned),
        steps: workflow.steps().len(),
        link: base.workflow(name),
        open: base.jobs(name),
        next_key: app.pip(tenant).next_key("Default", name)?.to_string(),
        jobs: jobs.collect(),
        total: found.len(),
        more: found.len().saturating_sub(most),
    })
}
