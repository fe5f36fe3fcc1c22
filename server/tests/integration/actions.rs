//! What is done to a job as a whole, and what a locked one refuses.

use axum::body::Body;
use axum::http::Request;
use pipulate_server::Router;

use crate::support::{Site, hidden, parts};

#[test]
fn a_locked_job_refuses_crafted_posts_on_every_route() {
    let site = Site::new();
    let page = site.open("hello", "a");
    site.submit(&page, "ask", &[("field.name", "Ada"), ("field.age", "36")])
        .is(303);
    site.settled(&page);
    site.job("a").finalize().unwrap();
    let before = site.dump("a");
    let mut walked = 0;
    for route in Router::routes().filter(|route| route.method != "GET" && route.path.contains("{job}")) {
        // Those that are meant for a locked job, or make another one.
        if route.path.ends_with("/unfinalize") || route.path.ends_with("/fork") {
            continue;
        }
        for step in ["ask", "greeting", "wish", "end", "none"] {
            let path = route
                .path
                .replace("{workflow}", "hello")
                .replace("{job}", "a")
                .replace("{step}", step);
            let (media_type, bodies) = if path.starts_with("/api/") {
                (
                    "application/json",
                    vec![
                        "{}".to_owned(),
                        r#"{"values": {"name": "Eve", "age": 1, "wish": "bread"}}"#.to_owned(),
                    ],
                )
            } else {
                let form = "form=1&field.name=Eve&field.age=1&field.wish=bread&key=x&from=ask".to_owned();
                ("application/x-www-form-urlencoded", vec![String::new(), form])
            };
            for body in bodies {
                let request = Request::post(&path)
                    .header("content-type", media_type)
                    .body(Body::from(body.clone()))
                    .unwrap();
                let answer = site.send(request);
                assert_eq!(
                    site.dump("a"),
                    before,
                    "{path} with {body} changed it: {}",
                    answer.status
                );
                walked += 1;
                let changes_values = path.contains("/s/")
                    || path.contains("/steps/")
                    || path.ends_with("/undo")
                    || path.ends_with("/delete");
                if changes_values {
                    assert!(
                        [423, 404].contains(&answer.status.as_u16()),
                        "{path}: {} {}",
                        answer.status,
                        answer.text
                    );
                }
            }
        }
    }
    assert!(walked > 100, "{walked}");
    let shown = site.get(&page);
    shown
        .has("This job is locked")
        .lacks("Go back to here")
        .lacks("Run again")
        .lacks("Delete the job");
}

#[test]
fn a_job_is_locked_unlocked_copied_deleted_and_brought_back() {
    let site = Site::new();
    let page = site.open("hello", "a");
    site.submit(&page, "ask", &[("field.name", "Ada"), ("field.age", "36")])
        .is(303);
    site.settled(&page);
    let act = |what: &str, more: &[(&str, &str)]| {
        let action = format!("{page}/{what}");
        let shown = site.get(&page).text;
        site.post(&action, &parts(&hidden(&shown, &action), more))
    };
    act("finalize", &[]).is(303);
    assert!(site.job("a").info().unwrap().unwrap().finalized);
    act("unfinalize", &[]).is(303);
    assert!(!site.job("a").info().unwrap().unwrap().finalized);

    let answer = act("fork", &[("key", "copy"), ("from", "greeting")]);
    assert_eq!(answer.is(303).headers["location"], "/w/hello/j/copy");
    site.get("/w/hello/j/copy").has("1 of 5 steps done").has("Open again");
    act("fork", &[("key", "copy"), ("from", "")])
        .is(409)
        .has("there is a job with that key");

    act("delete", &[]).is(303);
    site.get("/w/hello").lacks(">a</a>");
    site.get("/w/hello?deleted=1").has(">a<").has("Bring back");
    site.get(&page).has("This job is deleted");
    site.post("/w/hello/jobs", &[("key", "a")]).is(410);
    site.post(&format!("{page}/undelete"), &[]).is(303);
    site.get(&page).has("3 of 5 steps done");
}

#[test]
fn an_undo_that_is_sent_twice_counts_once() {
    let site = Site::new();
    let page = site.open("hello", "a");
    for age in 1..=3 {
        site.job("a").set("age", &age).unwrap();
    }
    let shown = site.get(&page).text;
    let undo = format!("{page}/undo");
    let hidden = hidden(&shown, &undo);
    site.post(&undo, &parts(&hidden, &[])).is(303);
    site.post(&undo, &parts(&hidden, &[])).is(303);
    assert_eq!(site.job("a").get::<u8>("age").unwrap(), Some(2));
}

#[test]
fn a_job_of_the_terminal_can_be_resumed_here() {
    let site = Site::new();
    site.job("plain").set("name", "Ada").unwrap();
    let page = site.open("hello", "plain");
    site.get(&page).has("value=\"Ada\"");
    site.pip.job_in("other", "elsewhere").unwrap().set("x", &1).unwrap();
    site.post("/w/hello/jobs", &[("key", "other")])
        .is(404)
        .has("is a run of workflow `elsewhere`");
    site.post("/w/hello/jobs", &[("key", "a\u{7}b")]).is(422);
    site.post("/w/hello/jobs", &[("key", "")]).is(303);
}
