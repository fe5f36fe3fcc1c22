//! The same in JSON.

use std::time::{Duration, Instant};

use pipulate_server::Router;
use serde_json::{Value, json};

use crate::support::{BOUND, Site};

#[test]
fn the_description_lists_every_route() {
    let site = Site::new();
    let description = site.get("/api/openapi.json").json();
    let mut ids = Vec::new();
    for route in
        Router::routes().filter(|route| route.path.starts_with("/api") || matches!(route.path, "/healthz" | "/metrics"))
    {
        let operation = &description["paths"][route.path][route.method.to_lowercase()];
        assert_eq!(operation["summary"], route.summary, "{} {}", route.method, route.path);
        ids.push(operation["operationId"].as_str().unwrap().to_owned());
    }
    assert!(ids.len() > 18);
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "each operation has an id of its own");
    // Every reference leads somewhere.
    let text = description.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(description["components"]["schemas"][name].is_object(), "{name}");
    }
}

#[test]
fn the_api_does_what_every_form_does() {
    let pages: Vec<&str> = Router::routes()
        .filter(|route| route.method == "POST" && route.path.starts_with("/w/"))
        .map(|route| route.path)
        .collect();
    let api: Vec<&str> = Router::routes()
        .filter(|route| route.method == "POST")
        .map(|route| route.path)
        .collect();
    for page in pages {
        let same = page
            .replace("/w/", "/api/workflows/")
            .replace("/j/", "/jobs/")
            .replace("/s/", "/steps/");
        assert!(api.contains(&same.as_str()), "{same}");
    }
}

fn settled(site: &Site, path: &str) -> Value {
    let deadline = std::time::Instant::now() + BOUND;
    loop {
        let job = site.get(path).is(200).json();
        if job["running"].is_null() {
            return job;
        }
        assert!(std::time::Instant::now() < deadline, "{job}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_job_from_beginning_to_end() {
    let site = Site::new();
    let workflows = site.get("/api/workflows").json();
    assert_eq!(workflows["workflows"][0]["steps"][0]["fields"][1]["kind"], "integer");
    assert_eq!(
        site.get("/api/workflows/hello/next-key").json(),
        json!({ "key": "Default-hello-01" })
    );
    let job = site.call("/api/workflows/hello/jobs", &json!({})).is(200).json();
    assert_eq!(job["key"], "Default-hello-01");
    let path = "/api/workflows/hello/jobs/Default-hello-01";
    assert_eq!(job["next"], "ask");

    let submit = format!("{path}/steps/ask");
    let refused = site.call(&submit, &json!({ "values": { "name": "Ada", "age": "x" } }));
    let problem = refused.is(422).json();
    assert_eq!(problem["error"], "InvalidInput");
    assert!(
        problem["problems"]["age"].as_str().unwrap().contains("not a `u8`"),
        "{problem}"
    );
    let stale = site
        .call(
            &submit,
            &json!({ "values": { "name": "Ada", "age": 36 }, "revision": 0 }),
        )
        .is(409)
        .json();
    assert_eq!(stale["error"], "Conflict");
    assert_eq!(stale["changes"][0]["kind"], "order");

    let body = json!({ "values": { "name": "Ada", "age": 36 }, "revision": job["revision"], "token": "once" });
    site.call(&submit, &body).is(200);
    site.call(&submit, &body).is(200);
    let job = settled(&site, path);
    assert_eq!(job["next"], "wish");
    assert_eq!(job["steps"][1]["values"]["greeting"]["value"], "Hello, Ada!");
    assert_eq!(job["steps"][1]["status"], "fresh");
    assert_eq!(job["steps"][0]["outputs"]["list"][0]["text"], "asked Ada\n");

    site.call(&format!("{path}/steps/wish"), &json!({ "values": { "wish": "war" } }))
        .is(422);
    site.call(&format!("{path}/steps/wish"), &json!({ "values": { "wish": "bread" } }))
        .is(200);
    settled(&site, path);
    assert_eq!(
        site.call(&format!("{path}/finalize"), &json!({})).is(200).json()["finalized"],
        true
    );
    assert_eq!(
        site.call(&format!("{path}/undo"), &json!({})).is(423).json()["error"],
        "Finalized"
    );
    site.call(&format!("{path}/unfinalize"), &json!({})).is(200);
    let job = site
        .call(&format!("{path}/steps/greeting/revert"), &json!({}))
        .is(200)
        .json();
    assert_eq!(job["next"], "greeting");
    let copy = site
        .call(&format!("{path}/fork"), &json!({ "key": "copy" }))
        .is(200)
        .json();
    assert_eq!(copy["key"], "copy");
    assert_eq!(
        site.call(&format!("{path}/delete"), &json!({})).is(200).json()["deleted"],
        true
    );
    let jobs = site.get("/api/workflows/hello/jobs?q=cop").json();
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 1);
    site.call(&format!("{path}/undelete"), &json!({})).is(200);
    let events = site.get(&format!("{path}/history")).json();
    assert!(events["events"].as_array().unwrap().len() > 5);
    site.call(&format!("{path}/undo"), &json!({ "odd": 1 })).is(400);
}

#[test]
fn an_error_of_a_step_is_told() {
    let site = Site::new();
    site.call("/api/workflows/trouble/jobs", &json!({ "key": "a" })).is(200);
    let path = "/api/workflows/trouble/jobs/a";
    site.call(&format!("{path}/steps/work"), &json!({ "values": { "how": "panic" } }))
        .is(200);
    let job = settled(&site, path);
    assert_eq!(job["steps"][0]["error"]["error"], "Panic");
    assert_eq!(job["steps"][0]["error"]["message"], "on purpose");
    assert!(
        job["steps"][0]["error"]["place"]
            .as_str()
            .unwrap()
            .contains("workflows.rs:")
    );
}

#[test]
fn health_and_metrics() {
    let site = Site::new();
    assert_eq!(site.get("/healthz").is(200).json()["status"], "ok");
    site.get("/nowhere");
    let metrics = site.get("/metrics");
    metrics
        .is(200)
        .has("pipulate_http_requests_total{class=\"4xx\"} 1")
        .has("# TYPE pipulate_workers gauge");
}

#[test]
fn workers_stand_ready_again_after_a_step() {
    let site = Site::new();
    let ready = || {
        let deadline = Instant::now() + BOUND;
        while !site.get("/metrics").text.contains("pipulate_workers{state=\"idle\"} 2") {
            assert!(Instant::now() < deadline, "{}", site.get("/metrics").text);
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    ready();
    let page = site.open("hello", "ready-01");
    site.submit(&page, "ask", &[("field.name", "Ada"), ("field.age", "36")])
        .is(303);
    site.settled(&page);
    ready();
}
