//! What pages show.

use axum::body::Body;
use axum::http::Request;

use crate::support::Site;

#[test]
fn the_first_page_lists_jobs_and_offers_the_next_key() {
    let site = Site::new();
    site.get("/")
        .is(200)
        .has("Hello workflow")
        .has("value=\"Default-hello-01\"")
        .has("None yet.");
    site.open("hello", "Default-hello-04");
    let other = site.pip.job_in("<b>evil</b>", "hello").unwrap();
    other.set("x", &1).unwrap();
    let page = site.get("/w/hello");
    page.has("value=\"Default-hello-05\"")
        .has("&#60;b&#62;evil")
        .lacks("<b>evil");
    let newest = page.text.find("evil").unwrap();
    assert!(newest < page.text.find("Default-hello-04").unwrap(), "newest first");
    site.get("/w/hello?q=HELLO-04").has(">Default-hello-04<").lacks("evil");
    site.get("/w/hello?q=nothing").has("None whose key contains “nothing”.");
}

#[test]
fn a_list_shows_what_another_process_has_just_changed() {
    let site = Site::new();
    site.get("/w/hello").has("None yet.");
    for number in 0..5 {
        let key = format!("other-{number}");
        site.pip.job_in(&key, "hello").unwrap().set("x", &number).unwrap();
        site.get("/w/hello").has(&format!(">{key}<"));
    }
}

#[test]
fn what_is_not_there_is_404_with_a_way_home() {
    let site = Site::new();
    site.open("hello", "a");
    for path in [
        "/nowhere",
        "/w/none",
        "/w/hello/j/none",
        "/w/none/j/a",
        "/w/hello/j/a/values/none",
        "/assets/none.css",
    ] {
        site.get(path).is(404).has("To the first page").has("href=\"/\"");
    }
    site.get("/w/shapes/j/a").is(404).has("is a run of workflow `hello`");
    for path in ["/api/nowhere", "/api/workflows/none", "/api/workflows/hello/jobs/none"] {
        let answer = site.get(path);
        assert_eq!(answer.is(404).headers["content-type"], "application/json");
        assert!(answer.json()["message"].is_string());
    }
    site.send(Request::put("/").body(Body::empty()).unwrap()).is(405);
}

#[test]
fn every_response_is_safe_by_default() {
    let site = Site::new();
    site.open("hello", "a");
    for path in ["/", "/w/hello/j/a", "/nowhere", "/api/workflows", "/healthz"] {
        let headers = site.get(path).headers;
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "same-origin");
        assert_eq!(headers["cache-control"], "no-store");
    }
    let page = site.get("/w/hello/j/a").text;
    assert!(
        !page.contains("<script>") && !page.contains("style=") && !page.contains(" onclick"),
        "{page}"
    );
}

#[test]
fn assets_are_kept_by_browsers_for_good() {
    let site = Site::new();
    let page = site.get("/").text;
    let assets: Vec<&str> = page.split('"').filter(|text| text.starts_with("/assets/")).collect();
    assert_eq!(assets.len(), 3);
    for asset in assets {
        let answer = site.get(asset);
        assert_eq!(
            answer.is(200).headers["cache-control"],
            "public, max-age=31536000, immutable"
        );
    }
}

#[test]
fn it_can_be_mounted_under_any_prefix() {
    let site = Site::new();
    let app: axum::Router = axum::Router::new().nest("/tools/flows", site.router());
    let get = |path: &str| site.send_to(app.clone(), Request::get(path).body(Body::empty()).unwrap());
    let first = get("/tools/flows");
    first
        .is(200)
        .has("action=\"/tools/flows/w/hello/jobs\"")
        .has("href=\"/tools/flows/assets/");
    let answer = site.send_to(
        app.clone(),
        crate::support::form("/tools/flows/w/hello/jobs", &[("key", "a/b é")]),
    );
    let location = answer.is(303).headers["location"].to_str().unwrap().to_owned();
    assert_eq!(location, "/tools/flows/w/hello/j/a%2Fb%20%C3%A9");
    get(&location)
        .is(200)
        .has(&format!("action=\"{location}/s/ask\""))
        .has("<h1 tabindex=\"-1\">a/b é</h1>");
}

#[test]
fn any_key_has_a_page() {
    let site = Site::new();
    for key in ["..", ".", "~", "a?b#c%41", "&<>\"'", "日本"] {
        let page = site.open("hello", key);
        site.get(&page).is(200).has("What is your name?");
        assert!(site.job(key).info().unwrap().is_some(), "{key}");
    }
    site.get(&site.open("quiet%2F%C3%BC", "x")).is(200);
}

#[test]
fn history_says_what_happened_as_one_would_say_it() {
    let site = Site::new();
    let page = site.open("hello", "a");
    site.job("a").set("name", "Ada").unwrap();
    site.job("a").set("age", &36).unwrap();
    site.job("a").finalize().unwrap();
    let history = site.get(&format!("{page}/history"));
    assert!(!history.text.contains("<code></code>"), "{}", history.text);
    history
        .is(200)
        .has("saved name")
        .has("<code>Ada</code>")
        .has("Rust program")
        .has("order of the steps")
        .has("<code>name, age, greeting, ")
        .has("finalized and locked")
        .has("web page");
    site.get(&page).is(200).has("from the Rust program, ");
}
