//! `pipulate serve`, with a cargo and apps that take no time: the app answers with the source that it was "built" from.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::sandbox::{Running, Sandbox};

/// The folder of the sandbox, for the process that is to be an app.
const APP: &str = "PIPULATE_TEST_APP";
/// How long anything may take. It takes a second or two, but for a machine under load.
const BOUND: Duration = Duration::from_secs(60);

/// Not a test by itself: what the fake cargo builds starts this program again, which then is the app.
#[test]
fn an_app_serves_what_it_was_built_from() {
    let Ok(folder) = env::var(APP) else { return };
    let folder = Path::new(&folder);
    let source = fs::read_to_string(env::var("PIPULATE_TEST_SOURCE").unwrap()).unwrap();
    assert!(!source.contains("will not start"), "so it was told");
    let keeper: u32 = env::var("PIPULATE_KEEPER").unwrap().parse().unwrap();
    thread::spawn(move || {
        while parent_id() == keeper {
            thread::sleep(Duration::from_millis(20));
        }
        std::process::exit(0);
    });
    let listener = TcpListener::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    println!("\nServing at http://{}/", listener.local_addr().unwrap());
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut request = String::new();
        BufReader::new(&stream).read_line(&mut request).unwrap();
        let body = if request.starts_with("GET /metrics ") {
            format!("pipulate_jobs_running {}\n", u8::from(folder.join("running").exists()))
        } else {
            let told = ["PIPULATE_STATUS", "PIPULATE_PLACES"];
            told.map(|file| fs::read_to_string(env::var(file).unwrap()).unwrap() + "\n")
                .concat()
                + &source
        };
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}");
    }
}

/// A sandbox in which cargo is a script. It holds while there is a file `hold`, notes in `builds` when it begins, and fails with the
/// messages in a file `fails`, if there is one.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let script = format!(
        "#!/bin/sh\n\
         [ -z \"$CARGO_BUILD_TARGET\" ] || exit 1\n\
         mkdir '{folder}/busy' || echo overlap >> '{folder}/builds'\n\
         echo $$ >> '{folder}/builds'\n\
         while [ -e '{folder}/hold' ]; do sleep 0.05; done\n\
         rmdir '{folder}/busy'\n\
         if [ -e '{folder}/fails' ]; then cat '{folder}/fails'; echo 'error: it fails' >&2; exit 101; fi\n\
         cp src/cells/steps.rs '{folder}/source-'$$\n\
         program='{folder}/program-'$$\n\
         {{ echo '#!/bin/sh'\n\
         echo \"{APP}='{folder}' PIPULATE_TEST_SOURCE='{folder}/source-$$'; export {APP} PIPULATE_TEST_SOURCE\"\n\
         echo 'echo \"$@\" >> \"{folder}/arguments\"'\n\
         echo \"exec '{test}' --exact serve::an_app_serves_what_it_was_built_from --nocapture\"; }} > \"$program\"\n\
         chmod +x \"$program\"\n\
         echo '{{\"reason\":\"compiler-artifact\",\"executable\":\"'\"$program\"'\"}}'\n",
        folder = sandbox.path("").display().to_string().trim_end_matches('/'),
        test = env::current_exe().unwrap().display(),
    );
    sandbox.script("bin/cargo", &script);
    sandbox
}

/// A notebook of one step.
fn notebook(code: &str) -> String {
    let cell = |id: &str, source: &str| {
        serde_json::json!({
            "cell_type": "code", "id": id, "metadata": {}, "outputs": [], "execution_count": null, "source": source,
        })
    };
    let cells = [cell("a", "%pip_job a"), cell("b", &format!("%%pip_step one\n{code}"))];
    serde_json::json!({ "nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells }).to_string()
}

/// `pipulate serve one.ipynb` that runs.
struct Serving {
    process: Running,
    said: Arc<Mutex<String>>,
}

impl Serving {
    fn start(sandbox: &Sandbox, options: &[&str]) -> Self {
        let mut path = sandbox.path("bin").into_os_string();
        path.push(":");
        path.push(env::var_os("PATH").unwrap());
        let mut process = sandbox
            .command(["serve", "one.ipynb", "--addr", "127.0.0.1:0"].iter().chain(options))
            .env("PATH", path)
            // Of a user who builds other things for another machine.
            .env("CARGO_BUILD_TARGET", "wasm32-unknown-unknown")
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let streams: [Box<dyn Read + Send>; 2] = [
            Box::new(process.stdout.take().unwrap()),
            Box::new(process.stderr.take().unwrap()),
        ];
        for stream in streams {
            let said = Arc::clone(&said);
            thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    said.lock().unwrap().extend([line.as_str(), "\n"]);
                }
            });
        }
        Self {
            process: Running(process),
            said,
        }
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    #[track_caller]
    fn says(&self, text: &str) -> &Self {
        wait_until(|| self.said().contains(text), &|| {
            format!("it never said {text:?}, but:\n{}", self.said())
        });
        self
    }

    /// The first page: what it is told of the build, and the source of the app.
    fn page(&self) -> String {
        self.says("Serving at ");
        let said = self.said();
        let address = said.split("http://").nth(1).unwrap().split('/').next().unwrap();
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        // An app like this one drops its connections when it ends.
        ask().unwrap_or_default()
    }

    #[track_caller]
    fn shows(&self, texts: &[&str]) -> &Self {
        wait_until(
            || {
                let page = self.page();
                texts.iter().all(|text| page.contains(text))
            },
            &|| format!("no {texts:?} in:\n{}\nIt said:\n{}", self.page(), self.said()),
        );
        self
    }

    fn signal(&self, signal: &str) {
        let process = self.process.0.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &process])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for its end.
    fn code(&mut self) -> Option<i32> {
        let process: &mut Child = &mut self.process.0;
        let deadline = Instant::now() + BOUND;
        loop {
            if let Some(status) = process.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it does not end");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[track_caller]
fn wait_until(what: impl Fn() -> bool, otherwise: &dyn Fn() -> String) {
    let deadline = Instant::now() + BOUND;
    while !what() {
        assert!(Instant::now() < deadline, "{}", otherwise());
        thread::sleep(Duration::from_millis(20));
    }
}

/// What the builds noted, a line each.
fn builds(sandbox: &Sandbox) -> Vec<String> {
    let text = fs::read_to_string(sandbox.path("builds")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// The names of what serving processes keep for themselves in the folder of the notebook's app.
fn kept(sandbox: &Sandbox) -> Vec<String> {
    let apps = fs::read_dir(sandbox.path("data/pipulate/apps")).unwrap();
    let folders = apps.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let files = folders.flat_map(|folder: PathBuf| fs::read_dir(folder).unwrap());
    let names = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter(|name| name.starts_with("run-") || name.starts_with("status-"))
        .collect();
    names.sort();
    names
}

/// What the process with this id keeps there.
fn kept_by(process: u32) -> Vec<String> {
    vec![
        format!("run-{process}-1"),
        format!("run-{process}-1-places"),
        format!("status-{process}"),
    ]
}

const NOTHING: &str = r#""state":"""#;
const BUILDING: &str = r#""state":"building""#;
const FAILED: &str = r#""state":"failed""#;

#[test]
fn a_new_app_takes_over_when_no_step_runs() {
    let sandbox = sandbox();
    sandbox.write("one.ipynb", &notebook("\"first\""));
    let serving = Serving::start(&sandbox, &[]);
    serving.shows(&["\"first\"", NOTHING]);

    sandbox.write("running", "");
    sandbox.write("one.ipynb", &notebook("\"second\""));
    serving.says("the new app takes over when the step that runs has ended");
    serving.shows(&["\"first\"", BUILDING, "takes over"]);
    // What cannot be ported stays said, also when the one before takes over.
    sandbox.write("one.ipynb", &notebook("let x = ;"));
    serving.says("The app stays as it was.").shows(&["\"first\"", FAILED]);
    fs::remove_file(sandbox.path("running")).unwrap();
    serving.shows(&["\"second\"", FAILED]).says("Built again");

    sandbox.write("one.ipynb", &notebook("\"third\""));
    serving.shows(&["\"third\"", NOTHING]);
    assert_eq!(builds(&sandbox).len(), 3);
}

#[test]
fn an_app_that_does_not_start_leaves_the_one_before() {
    let sandbox = sandbox();
    sandbox.write("one.ipynb", &notebook("\"first\""));
    let serving = Serving::start(&sandbox, &["--open"]);
    serving.shows(&["\"first\"", NOTHING]);
    sandbox.write("one.ipynb", &notebook("\"will not start\""));
    serving.says("the new app does not start\n");
    serving.shows(&["\"first\"", FAILED, "The new app does not start"]);
    sandbox.write("one.ipynb", &notebook("\"first\" "));
    serving.shows(&["\"first\"", NOTHING]).says("Built again");

    // A browser is opened once.
    let arguments = fs::read_to_string(sandbox.path("arguments")).unwrap();
    let opened: Vec<bool> = arguments.lines().map(|line| line.contains("--open")).collect();
    assert_eq!(opened, [true, false, false]);
}

#[test]
fn a_notebook_that_is_gone_is_served_as_it_was_last() {
    let sandbox = sandbox();
    let (path, elsewhere) = (
        sandbox.write("one.ipynb", &notebook("\"first\"")),
        sandbox.path("elsewhere"),
    );
    let serving = Serving::start(&sandbox, &[]);
    serving.shows(&["\"first\"", NOTHING]);
    fs::rename(&path, &elsewhere).unwrap();
    serving.says("one.ipynb is gone. The app stays as it was last");
    serving.shows(&["\"first\"", FAILED, "one.ipynb is gone."]);
    // The same file, with the same time.
    fs::rename(&elsewhere, &path).unwrap();
    serving.says("one.ipynb is there again.").shows(&["\"first\"", NOTHING]);
    assert_eq!(builds(&sandbox).len(), 1);

    fs::remove_file(&path).unwrap();
    serving.shows(&["\"first\"", FAILED, "one.ipynb is gone."]);
    sandbox.write("one.ipynb", &notebook("\"second\""));
    serving.shows(&["\"second\"", NOTHING]);
}

#[test]
fn two_that_serve_one_notebook_build_one_after_the_other() {
    let sandbox = sandbox();
    sandbox.write("one.ipynb", &notebook("\"first\""));
    sandbox.write("hold", "");
    let mut first = Serving::start(&sandbox, &[]);
    let begun = || builds(&sandbox).len();
    wait_until(|| begun() == 1, &|| first.said());
    let second = Serving::start(&sandbox, &[]);
    second.says("Another `pipulate serve` is building.");
    assert_eq!(begun(), 1);
    fs::remove_file(sandbox.path("hold")).unwrap();
    for serving in [&first, &second] {
        serving.shows(&["\"first\"", NOTHING]);
    }
    sandbox.write("one.ipynb", &notebook("\"second\""));
    for serving in [&first, &second] {
        serving.shows(&["\"second\"", NOTHING]);
    }
    assert!(builds(&sandbox).iter().all(|line| line != "overlap"));

    // Each has what it needs for itself, and leaves the other's alone.
    first.signal("-TERM");
    assert_eq!(first.code(), Some(0));
    second.shows(&["\"second\"", NOTHING]);
    let own = format!("-{}", second.process.0.id());
    let left = kept(&sandbox);
    assert!(
        left.len() == 5 && left.iter().all(|name| name.contains(&own)),
        "{left:?}"
    );
}

#[test]
fn what_a_killed_one_has_left_goes_with_the_next() {
    let sandbox = sandbox();
    sandbox.write("one.ipynb", &notebook("\"first\""));
    let mut killed = Serving::start(&sandbox, &[]);
    killed.shows(&["\"first\""]);
    let other = Serving::start(&sandbox, &[]);
    other.shows(&["\"first\""]);
    let process = killed.process.0.id();
    killed.signal("-KILL");
    killed.code();
    assert!(kept(&sandbox).contains(&kept_by(process)[0]));
    let next = Serving::start(&sandbox, &[]);
    next.shows(&["\"first\""]);
    let mut expected = [kept_by(other.process.0.id()), kept_by(next.process.0.id())].concat();
    expected.sort();
    assert_eq!(kept(&sandbox), expected);
}

#[test]
fn what_the_compiler_says_of_other_crates_is_shown() {
    let sandbox = sandbox();
    sandbox.write("one.ipynb", &notebook("\"first\""));
    let message = serde_json::json!({
        "reason": "compiler-message",
        "manifest_path": "/elsewhere/Cargo.toml",
        "message": { "message": "m", "level": "error", "spans": [], "rendered": "error: can't find crate for `core`\n" },
    });
    sandbox.write("fails", &format!("{message}\n"));
    let mut serving = Serving::start(&sandbox, &[]);
    assert_eq!(serving.code(), Some(1));
    serving.says(
        "error: the app cannot be built from the notebook\nerror: can't find crate for `core`\n\n\
         What cargo said stands above. Crates that are not on this machine yet take the network, once.\n",
    );

    fs::remove_file(sandbox.path("fails")).unwrap();
    let serving = Serving::start(&sandbox, &[]);
    serving.shows(&["\"first\"", NOTHING]);
    sandbox.write("fails", &format!("{message}\n"));
    sandbox.write("one.ipynb", &notebook("\"second\""));
    serving.shows(&["\"first\"", FAILED, "can't find crate for `core`", "error: it fails"]);
}

#[test]
fn an_app_knows_where_its_lines_come_from() {
    let sandbox = sandbox();
    sandbox.write("one.ipynb", &notebook("\"first\""));
    let serving = Serving::start(&sandbox, &[]);
    serving.shows(&["\"first\"", r#"{"one":{"files":"#, r#"null,{"cell":2,"line":2},"#]);
    // What becomes nothing makes no other app, but moves lines.
    let moved = notebook("\"first\"").replace("%%pip_step", "\\n%%pip_step");
    sandbox.write("one.ipynb", &moved);
    serving.shows(&["\"first\"", r#"null,{"cell":2,"line":3},"#]);
    assert_eq!(builds(&sandbox).len(), 1);
}

#[test]
fn ctrl_c_ends_a_build_and_the_next_start_works() {
    let sandbox = sandbox();
    sandbox.write("one.ipynb", &notebook("\"first\""));
    sandbox.write("hold", "");
    let mut serving = Serving::start(&sandbox, &[]);
    wait_until(|| builds(&sandbox).len() == 1, &|| serving.said());
    serving.signal("-INT");
    assert_eq!(serving.code(), Some(130));
    serving.says("error: the build was interrupted");
    let cargo = builds(&sandbox)[0].clone();
    let is_gone = || !Path::new("/proc").join(&cargo).exists();
    wait_until(is_gone, &|| format!("cargo still runs as {cargo}"));
    fs::remove_dir(sandbox.path("busy")).unwrap();

    fs::remove_file(sandbox.path("hold")).unwrap();
    let mut again = Serving::start(&sandbox, &[]);
    again.shows(&["\"first\""]);
    again.signal("-INT");
    assert_eq!(again.code(), Some(0));
    assert_eq!(kept(&sandbox), [""; 0]);
}
