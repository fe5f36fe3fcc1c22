//! Templates to responses.

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};

use super::assets;
use super::base::Base;
use crate::app::App;
use crate::error::Error;

/// What every page has.
pub(super) struct Page {
    pub(super) title: String,
    pub(super) home: String,
    pub(super) style: String,
    pub(super) script: String,
    pub(super) htmx: String,
    /// Seconds after which a browser without scripts asks again.
    pub(super) reload: Option<u32>,
    pub(super) banner: crate::live::Banner,
}

impl Page {
    pub(super) fn new(app: &App, base: &Base, title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            home: base.home(),
            style: base.asset(assets::style()),
            script: base.asset(assets::page()),
            htmx: base.asset(assets::htmx()),
            reload: None,
            banner: app.live.banner().borrow().clone(),
        }
    }

    pub(super) fn has_banner(&self) -> bool {
        matches!(self.banner.state.as_str(), "building" | "failed")
    }
}

/// A page, or a part of one.
pub(super) fn html(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(markup) => (status, Html(markup)).into_response(),
        Err(error) => Error::system("the page could not be drawn", &error).into_response(),
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    page: Page,
    status: u16,
    message: String,
    help: Option<String>,
}

/// An error as the route's clients want it.
pub(super) fn error(app: &App, base: &Base, error: &Error, is_api: bool) -> Response {
    let status = error.status();
    let mut message = error.to_string();
    if let Error::State(error) = error {
        message = error.full_message();
    }
    if is_api {
        return (
            status,
            [(CONTENT_TYPE, "application/json")],
            json_of(error, &message).to_string(),
        )
            .into_response();
    }
    let page = ErrorPage {
        page: Page::new(app, base, status.canonical_reason().unwrap_or("Error")),
        status: status.as_u16(),
        message,
        help: error.help(),
    };
    match page.render() {
        Ok(markup) => (status, Html(markup)).into_response(),
        // Then the message has to do.
        Err(_) => (status, page.message).into_response(),
    }
}

fn json_of(error: &Error, message: &str) -> Value {
    let mut body = json!({ "error": error.name(), "message": message });
    if let Some(help) = error.help() {
        body["help"] = help.into();
    }
    match error {
        Error::Invalid { problems } => body["problems"] = json!(problems.0),
        Error::Changed { found, events, .. } => {
            body["revision"] = json!(found);
            body["changes"] = json!(events);
        }
        _ => {}
    }
    body
}

/// An answer of the API.
pub(super) fn json_response(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
