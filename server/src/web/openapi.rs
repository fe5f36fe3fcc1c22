//! The API's description, made from the table of routes.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::render::json_response;
use super::routes::{ROUTES, Route};
use super::tenant::Whose;
use crate::app::App;

pub(super) async fn openapi(_: State<Arc<App>>, _: Whose) -> Response {
    json_response(StatusCode::OK, &description())
}

fn description() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let described = ROUTES
        .iter()
        .filter(|route| route.path.starts_with("/api/") || matches!(route.path, "/healthz" | "/metrics"));
    for route in described {
        let operations = paths.entry(route.path).or_insert_with(|| json!({}));
        operations[route.method.to_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Pipulate workflows",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "All that the pages do. A change names in `revision` the job's revision that it was decided on, and is \
                            refused with 409 where the job has changed since; a request with a `token` counts once.",
        },
        "paths": paths,
        "components": { "schemas": schemas() },
    })
}

fn operation(route: &Route) -> Value {
    let parameters: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    let (media_type, schema) = answer(route);
    let mut operation = json!({
        "summary": route.summary,
        "operationId": operation_id(route),
        "parameters": parameters,
        "responses": {
            "200": { "description": route.summary, "content": { media_type: { "schema": schema } } },
            "default": {
                "description": "Refused, and why",
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
            },
        },
    });
    if route.path.ends_with("/jobs")
        && route.method == "GET"
        && let Some(parameters) = operation["parameters"].as_array_mut()
    {
        let query = |name: &str, kind: &str| json!({ "name": name, "in": "query", "schema": { "type": kind } });
        parameters.extend([query("q", "string"), query("deleted", "boolean")]);
    }
    if route.method == "POST" {
        let body = json!({ "schema": { "$ref": "#/components/schemas/Change" } });
        operation["requestBody"] = json!({ "content": { "application/json": body } });
    }
    operation
}

/// `post /api/workflows/{workflow}/jobs/{job}/undo` is `post_workflows_jobs_undo`.
fn operation_id(route: &Route) -> String {
    let parts = route.path.split('/').filter(|part| !part.is_empty() && *part != "api");
    let mut id = route.method.to_lowercase();
    for part in parts {
        id.push('_');
        let name = part.trim_matches(['{', '}']).replace(['-', '.'], "_");
        if part.starts_with('{') {
            id.push_str("by_");
        }
        id.push_str(&name);
    }
    id
}

fn answer(route: &Route) -> (&'static str, Value) {
    let of = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let last = route.path.rsplit('/').next().unwrap_or_default();
    match (last, route.method) {
        ("metrics", _) => ("text/plain", json!({ "type": "string" })),
        ("events", _) => ("text/event-stream", json!({ "type": "string" })),
        ("openapi.json" | "healthz" | "next-key", _) => ("application/json", json!({ "type": "object" })),
        ("workflows", _) => (
            "application/json",
            json!({ "type": "object", "properties": { "workflows": { "type": "array", "items": of("Workflow") } } }),
        ),
        ("{workflow}", _) => ("application/json", of("Workflow")),
        ("jobs", "GET") => (
            "application/json",
            json!({ "type": "object", "properties": { "jobs": { "type": "array", "items": of("JobInfo") } } }),
        ),
        ("history", _) => (
            "application/json",
            json!({ "type": "object", "properties": { "events": { "type": "array", "items": { "type": "object" } } } }),
        ),
        _ => ("application/json", of("Job")),
    }
}

fn schemas() -> Value {
    let text = json!({ "type": "string" });
    let number = json!({ "type": "integer" });
    let truth = json!({ "type": "boolean" });
    let maybe_text = json!({ "type": ["string", "null"] });
    let object = json!({ "type": "object" });
    let info = json!({
        "id": text, "key": text, "workflow": text, "created": text, "updated": text, "revision": number,
        "finalized": truth, "deleted": truth,
    });
    let mut job = info.clone();
    job["running"] = maybe_text.clone();
    job["next"] = maybe_text.clone();
    job["steps"] = json!({ "type": "array", "items": { "$ref": "#/components/schemas/Step" } });
    let mut job_info = info;
    job_info["steps"] = number.clone();
    json!({
        "Error": {
            "type": "object",
            "required": ["error", "message"],
            "properties": {
                "error": text, "message": text, "help": text, "problems": object, "revision": number,
                "changes": { "type": "array", "items": object },
            },
        },
        "Change": {
            "type": "object",
            "properties": {
                "values": { "type": "object", "description": "Answers to the step's fields, by name" },
                "revision": { "type": "integer", "description": "The job's revision that this was decided on" },
                "token": { "type": "string", "description": "A request with the same token counts once" },
                "key": { "type": "string", "description": "The key of a job that is begun, resumed or made by a copy" },
                "from": { "type": "string", "description": "The step where a copy starts over" },
            },
        },
        "JobInfo": { "type": "object", "properties": job_info },
        "Job": { "type": "object", "properties": job },
        "Field": {
            "type": "object",
            "properties": {
                "name": text, "label": text, "help": maybe_text, "kind": text, "secret": truth, "optional": truth,
                "choices": { "type": "array", "items": text },
            },
        },
        "Step": {
            "type": "object",
            "properties": {
                "name": text, "label": text, "description": text, "kind": { "enum": ["computes", "saves"] },
                "sets": { "type": "array", "items": text },
                "fingerprint": maybe_text,
                "fields": { "type": "array", "items": { "$ref": "#/components/schemas/Field" } },
                "done": truth, "running": truth, "status": text, "values": object, "outputs": { "type": ["object", "null"] },
                "error": { "type": ["object", "null"] },
            },
        },
        "Workflow": {
            "type": "object",
            "properties": {
                "name": text, "title": text, "description": text, "notebook": maybe_text,
                "steps": { "type": "array", "items": { "$ref": "#/components/schemas/Step" } },
            },
        },
    })
}
