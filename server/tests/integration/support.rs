//! A router, and what a browser would do with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use pipulate::{Job, Pip};
use pipulate_server::{Router, Served, WorkerCommand};
use serde_json::Value;
use tower::ServiceExt;

use crate::workflows;

/// How long anything may take. It takes milliseconds, but for a machine under load.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// A router on a store of its own.
pub(crate) struct Site {
    pub(crate) pip: Pip,
    folder: Arc<tempfile::TempDir>,
    served: Served,
    router: axum::Router,
    runtime: tokio::runtime::Runtime,
}

/// A response, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

pub(crate) fn workers() -> WorkerCommand {
    WorkerCommand::with_arguments(["--exact", "worker_entry", "--nocapture", "--test-threads=1"])
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::with(|router| router)
    }

    pub(crate) fn with(change: impl FnOnce(Router) -> Router) -> Self {
        Self::in_folder(Arc::new(tempfile::tempdir().unwrap()), change)
    }

    pub(crate) fn in_folder(folder: Arc<tempfile::TempDir>, change: impl FnOnce(Router) -> Router) -> Self {
        let path = folder.path().join("pipeline.db");
        let pip = Pip::open(path.to_str().unwrap()).unwrap();
        let mut router = Router::new(pip.clone()).worker_command(workers());
        for workflow in workflows::all() {
            router = router.workflow(workflow);
        }
        let served = change(router).build().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        Self {
            router: served.router(),
            served,
            pip,
            folder,
            runtime,
        }
    }

    /// The same store, another server: as after a restart.
    pub(crate) fn restarted(self) -> Self {
        let folder = Arc::clone(&self.folder);
        drop(self);
        Self::in_folder(folder, |router| router)
    }

    /// The store's file.
    pub(crate) fn store(&self) -> std::path::PathBuf {
        self.folder.path().join("pipeline.db")
    }

    pub(crate) fn router(&self) -> axum::Router {
        self.router.clone()
    }

    pub(crate) fn send(&self, request: Request<Body>) -> Answer {
        self.send_to(self.router(), request)
    }

    pub(crate) fn send_to(&self, router: axum::Router, request: Request<Body>) -> Answer {
        self.runtime.block_on(async {
            let response = router.oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            Answer {
                status: parts.status,
                headers: parts.headers,
                text: String::from_utf8_lossy(&bytes).into_owned(),
            }
        })
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap())
    }

    /// A form as a browser sends it.
    pub(crate) fn post(&self, path: &str, parts: &[(&str, &str)]) -> Answer {
        self.send(form(path, parts))
    }

    /// A call of the API.
    pub(crate) fn call(&self, path: &str, body: &Value) -> Answer {
        let request = Request::post(path).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap())
    }

    pub(crate) fn job(&self, key: &str) -> Job {
        self.pip.job(key).unwrap()
    }

    /// A job of `hello` at which nothing has happened.
    pub(crate) fn open(&self, workflow: &str, key: &str) -> String {
        let path = format!("/w/{workflow}/jobs");
        let answer = self.post(&path, &[("key", key)]);
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        answer.headers["location"].to_str().unwrap().to_owned()
    }

    /// The parts of a form on a page: those that it brings, with these answers.
    pub(crate) fn submit(&self, page: &str, step: &str, answers: &[(&str, &str)]) -> Answer {
        let shown = self.get(page);
        assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
        let action = format!("{page}/s/{step}");
        self.post(&action, &parts(&hidden(&shown.text, &action), answers))
    }

    /// Waits until no step of the job runs.
    pub(crate) fn settled(&self, page: &str) -> String {
        let deadline = Instant::now() + BOUND;
        loop {
            let answer = self.get(page);
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
            if !answer.text.contains("class=\"card running") {
                return answer.text;
            }
            assert!(Instant::now() < deadline, "{}", answer.text);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// All there is of a job in the store, in words.
    pub(crate) fn dump(&self, key: &str) -> String {
        let job = self.job(key);
        format!("{:#?}\n{:#?}\n{:#?}", job.info(), job.steps(), job.history(None))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.served.stop(Duration::ZERO);
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    #[track_caller]
    pub(crate) fn has(&self, text: &str) -> &Self {
        assert!(self.text.contains(text), "no {text:?} in:\n{}", self.text);
        self
    }

    #[track_caller]
    pub(crate) fn lacks(&self, text: &str) -> &Self {
        assert!(!self.text.contains(text), "{text:?} is in:\n{}", self.text);
        self
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }
}

/// The hidden parts of the form that goes to `action`.
pub(crate) fn hidden(page: &str, action: &str) -> Vec<(String, String)> {
    let start = page
        .find(&format!("action=\"{action}\""))
        .unwrap_or_else(|| panic!("no form for {action} in:\n{page}"));
    let form = &page[start..];
    let form = &form[..form.find("</form>").unwrap()];
    let attribute = |tag: &str, name: &str| {
        let start = tag.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
        tag[start..].split('"').next().unwrap().to_owned()
    };
    form.split("<input type=\"hidden\"")
        .skip(1)
        .map(|tag| (attribute(tag, "name"), attribute(tag, "value")))
        .collect()
}

pub(crate) fn parts<'a>(hidden: &'a [(String, String)], answers: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    hidden.chain(answers.iter().copied()).collect()
}

pub(crate) fn form(path: &str, parts: &[(&str, &str)]) -> Request<Body> {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parts)
        .finish();
    Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("host", "localhost")
        .body(Body::from(body))
        .unwrap()
}
