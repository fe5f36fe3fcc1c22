//! Whole servers: started, stopped, killed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pipulate::{EventKind, Pip};
use serde_json::{Value, json};

use crate::support::{BOUND, workers};
use crate::workflows;

const ENTRY: &str = "PIPULATE_TEST_SERVER";

/// Not a test: what a server's process runs. Elsewhere it does nothing.
#[test]
fn server_entry() {
    pipulate_server::worker_hook(workflows::all());
    if let Ok(arguments) = std::env::var(ENTRY) {
        let arguments = std::iter::once("app").chain(arguments.split('\n')).map(Into::into);
        let _ = pipulate_server::main_from(arguments.collect::<Vec<_>>(), workflows::all(), workers());
        // The test's own report would come after what the server says.
        std::process::exit(0);
    }
}

struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(store: &Path) -> Self {
        Self::start_with(store, "127.0.0.1:0", Stdio::null(), None)
    }

    fn start_with(store: &Path, address: &str, stdin: Stdio, listener: Option<&str>) -> Self {
        Self::start_as(store, address, stdin, |command| {
            if let Some(listener) = listener {
                command.env(pipulate_server::LISTENER, listener);
            }
        })
    }

    fn start_as(store: &Path, address: &str, stdin: Stdio, change: impl FnOnce(&mut Command)) -> Self {
        let arguments = ["--addr", address, "--db", store.to_str().unwrap(), "--grace", "1"].join("\n");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "server::server_entry", "--nocapture", "--test-threads=1"])
            .env(ENTRY, arguments)
            .stdin(stdin)
            .stdout(Stdio::piped());
        change(&mut command);
        let mut process = command.spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let line = output
            .lines()
            .map(Result::unwrap)
            .find(|line| line.contains("Serving at http://"))
            .unwrap();
        let address = line.split("http://").nth(1).unwrap().trim_end_matches('/').to_owned();
        Self { process, address }
    }

    /// The answer to a request; none where the server ends meanwhile.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(BOUND)).unwrap();
        let body = body.to_string();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        Some((status, serde_json::from_str(body).unwrap_or_default()))
    }

    fn signal(&self, signal: &str) {
        let process = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &process])
                .status()
                .unwrap()
                .success()
        );
    }

    fn wait(&mut self) {
        let deadline = Instant::now() + BOUND;
        while self.process.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the server does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The processes that it has started and that have not ended.
    fn children(&self) -> Vec<u32> {
        let parent = self.process.id().to_string();
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|process: &u32| parent_of(*process).as_deref() == Some(&parent))
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn parent_of(process: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut rest = stat.rsplit_once(") ")?.1.split(' ');
    (rest.next()? != "Z").then_some(())?;
    rest.next().map(str::to_owned)
}

fn wait_until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !what() {
        assert!(Instant::now() < deadline, "it never came");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_killed_server_takes_its_workers_along_and_the_job_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("pipeline.db");
    let pip = Pip::open(store.to_str().unwrap()).unwrap();
    let ada = json!({ "values": { "name": "Ada", "age": 36 } });
    let bread = json!({ "values": { "wish": "bread" } });
    for round in 0..8_u64 {
        let key = format!("job-{round}");
        let path = format!("/api/workflows/hello/jobs/{key}");
        let mut server = Server::start(&store);
        server
            .ask("POST", "/api/workflows/hello/jobs", &json!({ "key": key }))
            .unwrap();
        wait_until(|| !server.children().is_empty());
        std::thread::scope(|scope| {
            let server = &server;
            let (path, ada, bread) = (&path, &ada, &bread);
            scope.spawn(move || {
                server.ask("POST", &format!("{path}/steps/ask"), ada);
                server.ask("POST", &format!("{path}/steps/wish"), bread);
            });
            // Anywhere in the few milliseconds that all of it takes.
            std::thread::sleep(Duration::from_millis(round * 4));
            let children = server.children();
            server.signal("-KILL");
            wait_until(|| children.iter().all(|child| parent_of(*child).is_none()));
        });
        server.wait();

        let job = pip.job(&key).unwrap();
        let acknowledged = job.read().unwrap();
        let again = Server::start(&store);
        let deadline = Instant::now() + BOUND;
        loop {
            let (_, now) = again.ask("GET", &path, &Value::Null).unwrap();
            if now["running"].is_null() {
                match now["next"].as_str() {
                    None => break,
                    Some("ask") => drop(again.ask("POST", &format!("{path}/steps/ask"), &ada)),
                    Some("wish") => drop(again.ask("POST", &format!("{path}/steps/wish"), &bread)),
                    Some(step) => drop(again.ask("POST", &format!("{path}/steps/{step}"), &json!({}))),
                }
            }
            assert!(Instant::now() < deadline, "{now}");
        }
        let events = job.history(None).unwrap();
        for step in ["greeting", "shout", "end"] {
            let recorded = events.iter().filter(|event| {
                event.kind == EventKind::Record && event.step.as_ref().is_some_and(|name| *name == step)
            });
            assert_eq!(recorded.count(), 1, "{step} of round {round}");
        }
        let values = job.read().unwrap();
        for (step, value) in acknowledged.iter().filter(|(step, _)| *step != "runs") {
            assert_eq!(values.get(step), Some(value), "what was acknowledged is there");
        }
    }
}

#[test]
fn the_sockets_of_a_killed_server_go_with_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("pipeline.db");
    // Longer than a socket's path may be: the system's own place serves then.
    let long = folder.path().join("long".repeat(20));
    let place = folder.path().join("t");
    for folder in [&long, &place] {
        std::fs::create_dir(folder).unwrap();
    }
    let start = |place: &Path| {
        Server::start_as(&store, "127.0.0.1:0", Stdio::null(), |command| {
            command.env("TMPDIR", place);
        })
    };
    let sockets = || {
        let entries = std::fs::read_dir(&place).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let living = start(&place);
    let of_living = sockets();
    assert_eq!(of_living.len(), 1, "{of_living:?}");
    let mut killed = start(&place);
    killed.signal("-KILL");
    killed.wait();
    assert_eq!(sockets().len(), 2);
    // A worker that was just being started may hold on to the lock for a moment: then it is the one after that.
    wait_until(|| {
        let mut next = start(&place);
        next.signal("-TERM");
        next.wait();
        sockets() == of_living
    });
    drop(living);

    let server = start(&long);
    let path = "/api/workflows/quiet%2F%C3%BC/jobs";
    let (status, job) = server.ask("POST", path, &json!({ "key": "a" })).unwrap();
    assert!(status == 200 && job["steps"][0]["error"].is_null(), "{job}");
    wait_until(|| {
        let (_, job) = server.ask("GET", &format!("{path}/a"), &Value::Null).unwrap();
        job["next"].is_null()
    });
}

#[test]
fn a_worker_whose_server_was_killed_while_it_began_serves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("pipeline.db");
    let arguments = ["--addr", "127.0.0.1:0", "--db", store.to_str().unwrap()].join("\n");
    let mut worker = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "server::server_entry", "--nocapture", "--test-threads=1"])
        .env(ENTRY, arguments)
        // No process has this number.
        .env("PIPULATE_SERVER_WORKER", "0")
        .env("PIPULATE_CELL_SOCKET", folder.path().join("1.sock"))
        .process_group(0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(worker.stdout.take().unwrap());
    let serves = output.lines().any(|line| line.unwrap().contains("Serving at"));
    worker.kill().unwrap();
    let status = worker.wait().unwrap();
    assert!(!serves && status.code() == Some(1), "{status}");
}

#[test]
fn a_server_that_is_told_to_stop_gives_its_steps_a_bound() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("pipeline.db");
    let mut server = Server::start(&store);
    server
        .ask("POST", "/api/workflows/trouble/jobs", &json!({ "key": "a" }))
        .unwrap();
    let (status, _) = server
        .ask(
            "POST",
            "/api/workflows/trouble/jobs/a/steps/work",
            &json!({ "values": { "how": "slow" } }),
        )
        .unwrap();
    assert_eq!(status, 200);
    let children = server.children();
    assert!(!children.is_empty());
    let started = Instant::now();
    server.signal("-TERM");
    server.wait();
    assert!(started.elapsed() >= Duration::from_secs(1), "the step had its bound");
    wait_until(|| children.iter().all(|child| parent_of(*child).is_none()));
}

#[test]
fn a_listener_goes_from_one_server_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("pipeline.db");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let inherit = || Stdio::from(OwnedFd::from(listener.try_clone().unwrap()));
    let mut first = Server::start_with(&store, "127.0.0.1:1", inherit(), Some("stdin"));
    assert_eq!(first.address, address);
    assert_eq!(first.ask("GET", "/healthz", &Value::Null).unwrap().0, 200);
    let second = Server::start_with(&store, "127.0.0.1:1", inherit(), Some("stdin"));
    first.signal("-TERM");
    first.wait();
    for _ in 0..5 {
        assert_eq!(second.ask("GET", "/healthz", &Value::Null).unwrap().0, 200);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_browser_is_opened_and_outlives_what_ends_the_app() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let opened = folder.path().join("opened");
    let script = folder.path().join("xdg-open");
    let text =
        "#!/bin/sh\necho \"$1 $$ $(cut -d ' ' -f 5 /proc/$$/stat)\" > \"$0-new\" && mv \"$0-new\" \"${0%/*}/opened\"\n";
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let store = folder.path().join("pipeline.db");
    let arguments = ["--addr", "127.0.0.1:0", "--db", store.to_str().unwrap(), "--open"].join("\n");
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let server = Server::start_as(&store, "127.0.0.1:0", Stdio::null(), |command| {
        command.env(ENTRY, arguments).env("PATH", path);
    });
    wait_until(|| opened.exists());
    let text = std::fs::read_to_string(&opened).unwrap();
    let [address, process, group] = text.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{text}");
    };
    assert_eq!(address, format!("http://{}/", server.address));
    assert_eq!(process, group, "a process group of its own");
}

#[test]
fn a_port_that_is_taken_is_said_clearly() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let store = folder.path().join("pipeline.db");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "server::server_entry", "--nocapture"])
        .env(ENTRY, ["--addr", &address, "--db", store.to_str().unwrap()].join("\n"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("is in use by another program") && said.contains("--addr 127.0.0.1:0"),
        "{said}"
    );
}

#[test]
fn a_server_ends_with_the_process_that_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("pipeline.db");
    let arguments = ["--addr", "127.0.0.1:0", "--db", store.to_str().unwrap(), "--grace", "1"].join("\n");
    let script = "export PIPULATE_KEEPER=$$; \"$0\" --exact server::server_entry --nocapture --test-threads=1 & wait";
    let mut keeper = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .env(ENTRY, arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(keeper.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let line = lines.find(|line| line.contains("Serving at http://")).unwrap();
    let address = line.split("http://").nth(1).unwrap().trim_end_matches('/').to_owned();
    // It serves for as long as it is kept.
    std::thread::sleep(Duration::from_secs(1));
    assert!(TcpStream::connect(&address).is_ok());
    keeper.kill().unwrap();
    keeper.wait().unwrap();
    let deadline = Instant::now() + BOUND;
    while TcpStream::connect(&address).is_ok() {
        assert!(Instant::now() < deadline, "it still serves");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_step_that_runs_in_one_app_is_not_begun_in_another_until_that_one_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("pipeline.db");
    let (mut one, other) = (Server::start(&store), Server::start(&store));
    let jobs = "/api/workflows/trouble/jobs";
    let (job, step) = (format!("{jobs}/k"), format!("{jobs}/k/steps/work"));
    let slow = json!({ "values": { "how": "slow" } });
    one.ask("POST", jobs, &json!({ "key": "k" })).unwrap();
    let (status, begun) = one.ask("POST", &step, &slow).unwrap();
    assert_eq!((status, &begun["running"]), (200, &json!("work")), "{begun}");

    for (path, call) in [
        (step.clone(), slow.clone()),
        (format!("{step}/revert"), json!({})),
        (format!("{job}/finalize"), json!({})),
        (format!("{job}/delete"), json!({})),
    ] {
        let (status, refused) = other.ask("POST", &path, &call).unwrap();
        let expected = "step `work` of job `k` is running in another app on the same store";
        assert_eq!(
            (status, &refused["error"]),
            (409, &json!("Running")),
            "{path}: {refused}"
        );
        assert_eq!(refused["message"], expected, "{path}");
    }
    // To open it is to look at it.
    assert_eq!(other.ask("POST", jobs, &json!({ "key": "k" })).unwrap().0, 200);
    let (status, free) = other.ask("POST", jobs, &json!({ "key": "free" })).unwrap();
    assert!(status < 300, "another job is nobody's: {free}");

    one.signal("-KILL");
    one.wait();
    let (status, begun) = other.ask("POST", &step, &slow).unwrap();
    assert_eq!((status, &begun["running"]), (200, &json!("work")), "at once: {begun}");
    assert_eq!(other.ask("POST", &format!("{job}/cancel"), &json!({})).unwrap().0, 200);
}
