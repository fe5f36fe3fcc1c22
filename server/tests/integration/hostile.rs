//! What no page of ours would send, or not all at once, and what no step should do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::support::{Answer, BOUND, Site};

#[test]
fn of_all_that_was_decided_by_one_look_at_a_job_one_thing_happens() {
    let site = Site::new();
    for round in 0..20 {
        let key = format!("job-{round}");
        site.open("hello", &key);
        let api = format!("/api/workflows/hello/jobs/{key}");
        let revision = site.get(&api).json()["revision"].clone();
        let decided = [
            ("finalize", json!({ "revision": revision })),
            (
                "steps/ask",
                json!({ "revision": revision, "values": { "name": "Ada", "age": 36 } }),
            ),
            ("delete", json!({ "revision": revision })),
            (
                "steps/ask",
                json!({ "revision": revision, "values": { "name": "Eve", "age": 1 } }),
            ),
        ];
        let (site, api) = (&site, &api);
        let answers: Vec<u16> = std::thread::scope(|scope| {
            let threads: Vec<_> = decided
                .iter()
                .map(|(what, body)| scope.spawn(move || site.call(&format!("{api}/{what}"), body)))
                .collect();
            let answers = threads.into_iter().map(|thread| thread.join().unwrap());
            answers.map(|answer| answer.status.as_u16()).collect()
        });
        let accepted = answers.iter().filter(|status| **status == 200).count();
        assert_eq!(accepted, 1, "round {round}: {answers:?}");
        site.settled(&format!("/w/hello/j/{key}"));
    }
}

#[test]
fn a_form_that_was_refused_may_be_sent_again() {
    let site = Site::new();
    site.open("hello", "a");
    site.open("hello", "taken");
    let fork = |key: &str| site.post("/w/hello/j/a/fork", &[("token", "one"), ("key", key)]);
    fork("taken").is(409);
    assert_eq!(fork("free").is(303).headers["location"], "/w/hello/j/free");
    site.get("/w/hello/j/free").is(200);
}

#[test]
fn what_the_router_refuses_by_itself_is_explained_too() {
    let site = Site::new();
    let ask = |method: &str, path: &str| -> Answer {
        let request = Request::builder().method(method).uri(path);
        site.send(request.body(Body::empty()).unwrap())
    };
    let answer = ask("PUT", "/w/hello/jobs");
    answer.is(405).has("To the first page").has("does not answer to PUT");
    assert_eq!(answer.headers["allow"], "POST");
    let answer = ask("DELETE", "/api/workflows/hello/jobs");
    assert_eq!(answer.is(405).json()["error"], "WrongMethod");
    ask("GET", "/w/hello/j/%FF").is(400).has("To the first page");
    let answer = ask("GET", "/api/workflows/hello/jobs/%FF");
    assert_eq!(answer.is(400).json()["error"], "Malformed");
}

#[test]
fn a_session_that_somebody_else_has_named_keeps_no_secret() {
    let site = Site::new();
    site.open("shapes", "a");
    let body = "form=1&field.text=t&field.number=1&field.one=a&field.list=[]&field.api_key=hush&field.file=f";
    let named = "0123456789abcdef0123456789abcdef";
    let send = |body: &str, session: &str| {
        let request = Request::post("/w/shapes/j/a/s/fields")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", format!("pipulate_session={session}"));
        site.send(request.body(Body::from(body.to_owned())).unwrap())
    };
    // A file is no text.
    send(body, named).is(422);
    let file = "%7B%22base64%22%3A%22aGk%3D%22%2C%22media_type%22%3A%22text%2Fplain%22%7D";
    let body = body.replace("field.file=f", &format!("field.file={file}"));
    let answer = send(&body, named);
    let cookie = answer.is(303).headers["set-cookie"].to_str().unwrap();
    assert!(!cookie.contains(named), "{cookie}");
    let ours = cookie
        .strip_prefix("pipulate_session=")
        .and_then(|rest| rest.split(';').next())
        .unwrap()
        .to_owned();
    site.settled("/w/shapes/j/a");
    // Ours is known from then on, and stays.
    let answer = send(&body, &ours);
    assert!(!answer.is(303).headers.contains_key("set-cookie"));
}

#[test]
fn a_file_answers_only_a_field_for_files() {
    let site = Site::new();
    site.open("hello", "a");
    let part = |name: &str, file: &str, data: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{data}\r\n")
    };
    let body = [
        part("form", "", "1"),
        part("field.name", "; filename=\"name.txt\"", "Ada"),
        part("field.age", "", "36"),
        "--x--\r\n".to_owned(),
    ];
    let request = Request::post("/w/hello/j/a/s/ask").header("content-type", "multipart/form-data; boundary=x");
    site.send(request.body(Body::from(body.concat())).unwrap())
        .is(422)
        .has("A file is no answer here.");
    assert_eq!(site.job("a").get::<String>("name").unwrap(), None);
}

#[test]
fn a_token_that_is_too_long_is_refused() {
    let site = Site::new();
    let page = site.open("hello", "a");
    let api = "/api/workflows/hello/jobs/a/finalize";
    let long = "t".repeat(201);
    let answer = site.call(api, &json!({ "token": long }));
    assert_eq!(answer.is(400).json()["error"], "Malformed");
    answer.has("its token has 201 bytes, and may have 200");
    site.post(&format!("{page}/finalize"), &[("token", &long)])
        .is(400)
        .has("its token has 201 bytes");
    assert!(!site.job("a").info().unwrap().unwrap().finalized);
    site.call(api, &json!({ "token": long[1..] })).is(200);
}

#[test]
fn large_bodies_share_a_bound_and_small_ones_get_through() {
    const LARGE: usize = 900_000;
    let site = Site::with(|router| router.body_limit(1_000_000));
    let path = "/api/workflows/hello/jobs";
    let large = || site.send(Request::post(path).body(Body::from(vec![b' '; LARGE])).unwrap());
    let (release, released) = tokio::sync::watch::channel(false);
    let begun = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (site, begun, mut released) = (&site, Arc::clone(&begun), released.clone());
            scope.spawn(move || {
                let begin = futures_util::stream::iter([Ok::<_, std::io::Error>(vec![b' '; LARGE])]);
                let rest = futures_util::stream::once(async move {
                    begun.fetch_add(1, Ordering::AcqRel);
                    let _ = released.wait_for(|released| *released).await;
                    Ok(b"{}".to_vec())
                });
                let body = Body::from_stream(futures_util::StreamExt::chain(begin, rest));
                site.send(Request::post(path).body(body).unwrap()).is(200);
            });
        }
        let deadline = Instant::now() + BOUND;
        while begun.load(Ordering::Acquire) < 4 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let refused = large();
        let small = site.call(path, &json!({ "key": "small" }));
        release.send_replace(true);
        assert_eq!(refused.is(503).json()["error"], "Busy");
        small.is(200);
    });
    large().is(200);
}

#[test]
fn runs_that_failed_are_remembered_within_a_bound() {
    let site = Site::new();
    for round in 0..8 {
        let key = format!("job-{round}");
        site.open("trouble", &key);
        let path = format!("/api/workflows/trouble/jobs/{key}");
        site.call(&format!("{path}/steps/work"), &json!({ "values": { "how": "long" } }))
            .is(200);
        let deadline = Instant::now() + BOUND;
        let error = loop {
            let error = site.get(&path).json()["steps"][0]["error"].clone();
            if !error.is_null() || Instant::now() > deadline {
                break error;
            }
        };
        let message = error["message"].as_str().unwrap();
        assert!(
            message.len() < 70_000 && message.ends_with(" more bytes)"),
            "{}",
            message.len()
        );
    }
    let error = |round: usize| {
        let job = site.get(&format!("/api/workflows/trouble/jobs/job-{round}"));
        job.json()["steps"][0]["error"].clone()
    };
    assert!(error(0).is_null() && error(1).is_null(), "the oldest are forgotten");
    assert!(!error(3).is_null() && !error(7).is_null());
}

#[test]
fn an_error_of_the_server_names_no_place_of_its_source() {
    let site = Site::new();
    site.open("trouble", "a");
    site.call(
        "/api/workflows/trouble/jobs/a/steps/work",
        &json!({ "values": { "how": "lock" } }),
    )
    .is(200);
    site.settled("/w/trouble/j/a");
    let job = site.get("/api/workflows/trouble/jobs/a").json();
    assert_eq!(job["steps"][0]["error"]["error"], "Finalized", "{job}");
    assert_eq!(job["steps"][0]["error"]["place"], json!(null));
}

#[test]
fn all_that_a_request_says_of_its_host_and_origin_counts() {
    let site = Site::with(|router| router.hosts(["127.0.0.1"]));
    let ask = |uri: &str, headers: &[(&str, &str)]| {
        let mut request = Request::post(uri).header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        site.send(request.body(Body::from("key=a")).unwrap()).status.as_u16()
    };
    let path = "/w/hello/jobs";
    assert_eq!(ask(path, &[("host", "127.0.0.1:8765")]), 303);
    assert_eq!(ask(path, &[("host", "[::1]:8765")]), 303);
    for hosts in [
        &["127.0.0.1", "example.org"][..],
        &["127.0.0.1:1@example.org"],
        &["[::1"],
        &["localhost:1:2"],
        &[""],
        &[],
    ] {
        let headers: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
        assert_eq!(ask(path, &headers), 421, "{hosts:?}");
    }
    let elsewhere = format!("http://example.org{path}");
    assert_eq!(ask(&elsewhere, &[("host", "127.0.0.1")]), 421);

    let own = ("origin", "http://127.0.0.1:1");
    let host = ("host", "127.0.0.1:1");
    assert_eq!(ask(path, &[host, own]), 303);
    assert_eq!(ask(path, &[host, own, ("origin", "http://example.org")]), 403);
    assert_eq!(
        ask(
            path,
            &[
                host,
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "cross-site")
            ]
        ),
        403
    );
}

#[test]
fn the_type_of_a_form_is_read_as_types_are() {
    let site = Site::new();
    let ask = |media_type: &[u8]| {
        let request = Request::post("/w/hello/jobs").header("content-type", media_type);
        site.send(request.body(Body::from("key=a")).unwrap()).status.as_u16()
    };
    for good in [
        "Application/X-WWW-Form-URLEncoded",
        "application/x-www-form-urlencoded ; charset=utf-8",
        "",
    ] {
        assert_eq!(ask(good.as_bytes()), 303, "{good}");
    }
    for bad in [&b"application/x-www-form-urlencoded-not"[..], b"text/plain", b"\xff"] {
        assert_eq!(ask(bad), 400, "{bad:?}");
    }
}
