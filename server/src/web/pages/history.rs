//! What happened to a job, newest first.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use pipulate::Event;

use crate::app::App;
use crate::error::Error;
use crate::shown;
use crate::web::base::{Base, name_of};
use crate::web::blocking;
use crate::web::render::{Page, html};
use crate::web::tenant::Whose;

/// How many events are shown.
const SHOWN: usize = 500;

#[derive(Template)]
#[template(path = "history.html")]
struct History {
    page: Page,
    key: String,
    job: String,
    rows: Vec<EventRow>,
    more: usize,
}

/// One event in words.
pub(super) struct EventRow {
    pub(super) revision: u64,
    pub(super) moment: String,
    pub(super) time: String,
    pub(super) what: String,
    pub(super) value: String,
    pub(super) source: String,
}

impl EventRow {
    pub(super) fn of(event: &Event) -> Self {
        let kind = event.kind.as_str().replace('_', " ");
        Self {
            revision: event.revision.number(),
            moment: event.time.clone(),
            time: shown::moment(&event.time),
            what: match &event.step {
                Some(step) => format!("{kind} {step}"),
                None => kind,
            },
            value: event
                .value
                .as_deref()
                .map_or_else(String::new, |value| shown::one_line(value, 120)),
            source: event.source.to_string(),
        }
    }
}

pub(in crate::web) async fn history(
    State(app): State<Arc<App>>,
    Whose(tenant): Whose,
    base: Base,
    Path((workflow, key)): Path<(String, String)>,
) -> Result<Response, Error> {
    blocking(move || {
        let workflow = app.workflow(name_of(&workflow))?;
        let (job, info) = app.job(&tenant, workflow, name_of(&key))?;
        let events = job.history(None)?;
        let page = History {
            page: Page::new(&app, &base, format!("History of {}", info.key)),
            key: info.key.to_string(),
            job: base.job(workflow.name(), info.key.as_str()),
            rows: events.iter().rev().take(SHOWN).map(EventRow::of).collect(),
            more: events.len().saturating_sub(SHOWN),
        };
        Ok(html(StatusCode::OK, &page))
    })
    .await
}
