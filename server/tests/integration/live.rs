//! Pages that are open: they hear of changes, whoever made them.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use futures_util::StreamExt;
use serde_json::json;
use tower::ServiceExt;

use crate::support::{BOUND, Site};

#[test]
fn a_change_of_another_process_shows_within_a_second() {
    let site = Arc::new(Site::new());
    let page = site.open("hello", "a");
    let router = site.router();
    let path = format!("{page}/events");
    let path = path.as_str();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut stream = response.into_body().into_data_stream();
        let mut heard = String::new();
        let mut next = async |wanted: &str, bound: Duration| {
            let listen = async {
                while !heard.contains(wanted) {
                    let chunk = stream.next().await.unwrap().unwrap();
                    heard.push_str(std::str::from_utf8(&chunk).unwrap());
                }
            };
            assert!(
                tokio::time::timeout(bound, listen).await.is_ok(),
                "no {wanted} in {heard}"
            );
        };
        next("event: hello", BOUND).await;
        next("event: banner", BOUND).await;
        next("data: 1.0", BOUND).await;
        // The store is another handle on the same file, as another process has it.
        site.job("a").set("name", "Ada").unwrap();
        next("data: 2.0", Duration::from_secs(1)).await;
        site.job("a").finalize().unwrap();
        next("data: 3.0", Duration::from_secs(1)).await;
    });
    site.get("/metrics").has("pipulate_live_pages 0");
}

#[test]
fn a_page_hears_of_changes_again_when_the_store_is_back() {
    let site = Site::new();
    let page = site.open("trouble", "a");
    site.call(
        "/api/workflows/trouble/jobs/a/steps/work",
        &json!({ "values": { "how": "slow" } }),
    )
    .is(200);
    let (store, elsewhere) = (site.store(), site.store().with_extension("elsewhere"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let request = Request::get(format!("{page}/events")).body(Body::empty()).unwrap();
        let response = site.router().oneshot(request).await.unwrap();
        let mut stream = response.into_body().into_data_stream();
        let mut heard = async || {
            let chunk = tokio::time::timeout(BOUND, stream.next()).await.unwrap();
            String::from_utf8(chunk.expect("the page still listens").unwrap().to_vec()).unwrap()
        };
        while !heard().await.contains("event: changed") {}
        std::fs::rename(&store, &elsewhere).unwrap();
        // The step shows its progress ten times a second, and each time is a change.
        tokio::time::sleep(Duration::from_millis(600)).await;
        std::fs::rename(&elsewhere, &store).unwrap();
        let since = tokio::time::Instant::now();
        while since.elapsed() < Duration::from_millis(600) {
            assert!(heard().await.contains("event: changed"));
        }
    });
    site.post(&format!("{page}/cancel"), &[]);
}

#[test]
fn what_the_builder_says_is_on_every_page() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("status.json");
    std::fs::write(
        &file,
        r#"{"state": "failed", "message": "The notebook does not build.", "details": "error <E1>"}"#,
    )
    .unwrap();
    let site = Site::with(|router| router.status_file(&file));
    let deadline = std::time::Instant::now() + BOUND;
    while !site.get("/").text.contains("The notebook does not build.") {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(20));
    }
    site.get("/").has("error &#60;E1&#62;").has("data-state=\"failed\"");
}
