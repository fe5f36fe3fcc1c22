//! What forms bring, and what is refused.

use axum::body::Body;
use axum::http::Request;

use crate::support::{Site, form, hidden, parts};

const ADA: &[(&str, &str)] = &[("field.name", "Ada"), ("field.age", "36")];

#[test]
fn a_bad_answer_is_told_beside_its_field_and_what_was_typed_is_kept() {
    let site = Site::new();
    let page = site.open("hello", "a");
    let before = site.dump("a");
    let answer = site.submit(&page, "ask", &[("field.name", "<Ada>"), ("field.age", "300")]);
    answer
        .is(422)
        .has("`300` is not a `u8`. Type a whole number from 0 to 255.")
        .has("value=\"&#60;Ada&#62;\"")
        .has("value=\"300\"")
        .has("aria-invalid=\"true\" aria-describedby=\"field-1-2-problem\"")
        .has("role=\"alert\"");
    assert_eq!(site.dump("a"), before, "nothing was saved");
    site.submit(&page, "ask", &[("field.name", "Ada"), ("field.age", "")])
        .is(422)
        .has("An empty answer is not a `u8`");
    site.submit(
        &page,
        "ask",
        &[("field.name", "x"), ("field.age", "1"), ("field.odd", "x")],
    )
    .is(422);
    assert_eq!(site.dump("a"), before);
}

#[test]
fn a_form_that_is_sent_twice_counts_once() {
    let site = Site::new();
    let page = site.open("hello", "a");
    let action = format!("{page}/s/ask");
    let shown = site.get(&page).text;
    let hidden = hidden(&shown, &action);
    let parts = parts(&hidden, ADA);
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let clicks: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| site.post(&action, &parts).status.as_u16()))
            .collect();
        clicks.into_iter().map(|click| click.join().unwrap()).collect()
    });
    assert_eq!(answers, [303; 4]);
    site.settled(&page);
    site.post(&action, &parts).is(303);
    site.settled(&page);
    let job = site.job("a");
    for step in ["name", "greeting", "shout"] {
        assert_eq!(job.history(Some(step)).unwrap().len(), 1, "{step}");
    }
}

#[test]
fn a_form_of_an_older_revision_is_refused_with_what_changed() {
    let site = Site::new();
    let page = site.open("hello", "a");
    let action = format!("{page}/s/ask");
    let shown = site.get(&page).text;
    site.job("a").set("name", "Grace").unwrap();
    let before = site.dump("a");
    let hidden_then = hidden(&shown, &action);
    let answer = site.post(&action, &parts(&hidden_then, ADA));
    answer
        .is(409)
        .has("has changed since this page was shown")
        .has("saved name")
        .has("<code>Grace</code>")
        .has("value=\"Ada\"");
    assert_eq!(site.dump("a"), before, "nothing was overwritten");
    // What is shown now can be sent.
    let hidden_now = hidden(&answer.text, &action);
    site.post(&action, &parts(&hidden_now, ADA)).is(303);
    site.settled(&page);
    assert_eq!(site.job("a").require::<String>("greeting").unwrap(), "Hello, Ada!");
}

#[test]
fn steps_come_in_order() {
    let site = Site::new();
    let page = site.open("hello", "a");
    site.post(&format!("{page}/s/shout"), &[])
        .is(409)
        .has("`ask` comes before it");
    site.post(&format!("{page}/s/none"), &[]).is(404);
}

#[test]
fn a_body_over_the_limit_is_413() {
    let site = Site::with(|router| router.body_limit(1000));
    let page = site.open("hello", "a");
    let long = "x".repeat(2000);
    let answer = site.post(&format!("{page}/s/ask"), &[("field.name", &long)]);
    answer.is(413).has("more than 1000 bytes");
    // One that does not say how long it is.
    let chunks = futures_util::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>("y".repeat(100))));
    let request = Request::post(format!("{page}/s/ask"))
        .body(Body::from_stream(chunks))
        .unwrap();
    site.send(request).is(413);
    site.call(
        "/api/workflows/hello/jobs/a/steps/ask",
        &serde_json::json!({ "token": long }),
    )
    .is(413);
}

#[test]
fn forms_of_other_sites_are_refused() {
    let site = Site::new();
    let before = site.open("hello", "a");
    let dump = site.dump("a");
    let send = |name: &'static str, value: &'static str| {
        let mut request = form(&format!("{before}/undo"), &[]);
        request.headers_mut().insert(name, value.parse().unwrap());
        site.send(request).status.as_u16()
    };
    assert_eq!(send("origin", "http://evil.example"), 403);
    assert_eq!(send("origin", "null"), 403);
    assert_eq!(send("sec-fetch-site", "cross-site"), 403);
    assert_eq!(send("sec-fetch-site", "same-site"), 403);
    assert_eq!(site.dump("a"), dump);
    assert_eq!(send("origin", "http://localhost"), 303);
    assert_eq!(send("sec-fetch-site", "same-origin"), 303);
}

#[test]
fn on_loopback_other_names_are_refused() {
    let site = Site::with(|router| router.hosts(["localhost"]));
    let get = |host: &str| {
        let request = Request::get("/").header("host", host).body(Body::empty()).unwrap();
        site.send(request).status.as_u16()
    };
    assert_eq!(get("localhost:8765"), 200);
    assert_eq!(get("127.0.0.1:8765"), 200);
    assert_eq!(get("[::1]:8765"), 200);
    assert_eq!(get("evil.example:8765"), 421);
    assert_eq!(site.get("/").status.as_u16(), 421, "a request without a host");
}

#[test]
fn htmx_gets_the_part_that_changes() {
    let site = Site::new();
    let page = site.open("hello", "a");
    let request = Request::get(&page)
        .header("hx-request", "true")
        .body(Body::empty())
        .unwrap();
    let part = site.send(request);
    part.is(200).lacks("<html").has("<div id=\"chain\"");
    assert!(part.headers["vary"].to_str().unwrap().contains("hx-request"));
    let action = format!("{page}/s/ask");
    let hidden = hidden(&part.text, &action);
    let mut request = form(&action, &parts(&hidden, ADA));
    request.headers_mut().insert("hx-request", "true".parse().unwrap());
    site.send(request)
        .is(200)
        .lacks("<html")
        .has("id=\"step-1\"")
        .has("data-focus");
}
