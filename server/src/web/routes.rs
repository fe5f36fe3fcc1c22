//! The routes, in one table: the router is built from it, the API's description too, and tests walk it.

use std::sync::Arc;

use axum::routing::{MethodRouter, get, post};

use super::{actions, api, assets, events, openapi, pages};
use crate::app::App;

/// One route.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) handler: fn() -> MethodRouter<Arc<App>>,
}

/// What is known of a route from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteInfo {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// What it does.
    pub summary: &'static str,
}

pub(crate) fn list() -> impl Iterator<Item = RouteInfo> {
    ROUTES.iter().map(|route| RouteInfo {
        method: route.method,
        path: route.path,
        summary: route.summary,
    })
}

const fn read(path: &'static str, summary: &'static str, handler: fn() -> MethodRouter<Arc<App>>) -> Route {
    Route {
        method: "GET",
        path,
        summary,
        handler,
    }
}

const fn write(path: &'static str, summary: &'static str, handler: fn() -> MethodRouter<Arc<App>>) -> Route {
    Route {
        method: "POST",
        path,
        summary,
        handler,
    }
}

/// Every route there is.
pub(super) const ROUTES: &[Route] = &[
    read("/", "The workflows and their jobs", || get(pages::landing)),
    read("/w/{workflow}", "All jobs of a workflow", || get(pages::workflow)),
    write("/w/{workflow}/jobs", "Begin or resume a job", || post(actions::open)),
    read("/w/{workflow}/j/{job}", "A job, step by step", || get(pages::chain)),
    read("/w/{workflow}/j/{job}/history", "What happened to a job", || {
        get(pages::history)
    }),
    read("/w/{workflow}/j/{job}/events", "Tells when the job changes", || {
        get(events::events)
    }),
    read("/w/{workflow}/j/{job}/values/{name}", "A value as a file", || {
        get(pages::file)
    }),
    write(
        "/w/{workflow}/j/{job}/s/{step}",
        "Answer a step's form and run the step",
        || post(actions::submit),
    ),
    write("/w/{workflow}/j/{job}/s/{step}/revert", "Go back to a step", || {
        post(actions::revert)
    }),
    write("/w/{workflow}/j/{job}/cancel", "Cancel the step that runs", || {
        post(actions::cancel)
    }),
    write("/w/{workflow}/j/{job}/undo", "Take the last change back", || {
        post(actions::undo)
    }),
    write("/w/{workflow}/j/{job}/finalize", "Lock a job", || {
        post(actions::finalize)
    }),
    write("/w/{workflow}/j/{job}/unfinalize", "Unlock a job", || {
        post(actions::unfinalize)
    }),
    write("/w/{workflow}/j/{job}/fork", "Copy a job", || post(actions::fork)),
    write("/w/{workflow}/j/{job}/delete", "Hide a job", || post(actions::delete)),
    write("/w/{workflow}/j/{job}/undelete", "Bring a hidden job back", || {
        post(actions::undelete)
    }),
    read("/assets/{file}", "A style sheet or script", || get(assets::asset)),
    read("/healthz", "Whether the server works", || get(api::health)),
    read("/metrics", "Counters, as Prometheus reads them", || get(api::metrics)),
    read("/api/openapi.json", "This description", || get(openapi::openapi)),
    read("/api/workflows", "The workflows", || get(api::workflows)),
    read(
        "/api/workflows/{workflow}",
        "A workflow: its steps and their fields",
        || get(api::workflow),
    ),
    read("/api/workflows/{workflow}/next-key", "The next free key", || {
        get(api::next_key)
    }),
    read(
        "/api/workflows/{workflow}/jobs",
        "The jobs of a workflow, newest first",
        || get(api::jobs),
    ),
    write("/api/workflows/{workflow}/jobs", "Begin or resume a job", || {
        post(api::open)
    }),
    read(
        "/api/workflows/{workflow}/jobs/{job}",
        "A job: its steps, values and outputs",
        || get(api::job),
    ),
    read(
        "/api/workflows/{workflow}/jobs/{job}/history",
        "What happened to a job",
        || get(api::history),
    ),
    read(
        "/api/workflows/{workflow}/jobs/{job}/events",
        "Tells when the job changes",
        || get(events::events),
    ),
    write(
        "/api/workflows/{workflow}/jobs/{job}/steps/{step}",
        "Give a step its inputs and run it",
        || post(api::submit),
    ),
    write(
        "/api/workflows/{workflow}/jobs/{job}/steps/{step}/revert",
        "Go back to a step",
        || post(api::revert),
    ),
    write(
        "/api/workflows/{workflow}/jobs/{job}/cancel",
        "Cancel the step that runs",
        || post(api::cancel),
    ),
    write(
        "/api/workflows/{workflow}/jobs/{job}/undo",
        "Take the last change back",
        || post(api::undo),
    ),
    write("/api/workflows/{workflow}/jobs/{job}/finalize", "Lock a job", || {
        post(api::finalize)
    }),
    write(
        "/api/workflows/{workflow}/jobs/{job}/unfinalize",
        "Unlock a job",
        || post(api::unfinalize),
    ),
    write("/api/workflows/{workflow}/jobs/{job}/fork", "Copy a job", || {
        post(api::fork)
    }),
    write("/api/workflows/{workflow}/jobs/{job}/delete", "Hide a job", || {
        post(api::delete)
    }),
    write(
        "/api/workflows/{workflow}/jobs/{job}/undelete",
        "Bring a hidden job back",
        || post(api::undelete),
    ),
];
