//! What happened to a job, newest first.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use pipulate::{Event, EventKind, Source};

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
        Self {
            revision: event.revision.number(),
            moment: event.time.clone(),
            time: shown::moment(&event.time),
            what: what(event),
            value: event.value.as_deref().map_or_else(String::new, |value| {
                // The order is a list of names.
                let names = (event.kind == EventKind::Order).then(|| serde_json::from_str::<Vec<String>>(value));
                match names {
                    Some(Ok(names)) => shown::one_line(&names.join(", "), 120),
                    _ => shown::one_line(value, 120),
                }
            }),
            source: source(&event.source),
        }
    }
}

/// What happened, as one would say it.
fn what(event: &Event) -> String {
    let what = match event.kind {
        EventKind::Set => "saved",
        EventKind::Record => "computed",
        EventKind::Remove => "removed",
        EventKind::Revert => "went back to",
        EventKind::SetAside => "set aside",
        EventKind::Undo => "took back the last change",
        EventKind::Order => "order of the steps",
        EventKind::Fork => "copied",
        EventKind::Finalize => "finalized and locked",
        EventKind::Unfinalize => "unlocked",
        EventKind::Delete => "deleted",
        EventKind::Undelete => "brought back",
        // One of a later version.
        kind => &kind.as_str().replace('_', " "),
    };
    match (&event.step, event.kind) {
        (Some(step), EventKind::Undo) => format!("{what}, of {step}"),
        (Some(step), _) => format!("{what} {step}"),
        (None, _) => what.to_owned(),
    }
}

/// Where it was done.
pub(super) fn source(source: &Source) -> String {
    match source {
        Source::Notebook => "notebook",
        Source::Web => "web page",
        Source::Cli => "terminal",
        Source::Rust => "Rust program",
        Source::Other(name) => name,
    }
    .to_owned()
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
