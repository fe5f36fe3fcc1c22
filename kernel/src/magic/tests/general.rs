//! Variables, environment, folders, files, shells, time.

use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use super::with_steps;
use crate::engine::fake::FakeEngine;
use crate::engine::handle::EngineHandle;
use crate::magic::testing::{Notebook, Recorder};
use crate::outputs::Outputs;
use crate::source_map::SourceMap;

#[test]
fn variables_are_listed() {
    let notebook = Notebook::new();
    assert_eq!(notebook.run("%who").stdout(), "There are no variables yet.\n");
    assert_eq!(notebook.run("%whos").stdout(), "There are no variables yet.\n");
    let outputs: Arc<dyn Outputs> = Recorder::new();
    for name in ["greeting", "total"] {
        notebook
            .engine
            .evaluate(SourceMap::identity(&format!("var {name}")), outputs.clone())
            .unwrap();
    }
    assert_eq!(notebook.run("%who").stdout(), "greeting  total\n");
    assert_eq!(notebook.run("%who String").stdout(), "No variable is of such a type.\n");
    assert_eq!(notebook.run("%who i32").stdout(), "greeting  total\n");
    assert_eq!(
        notebook.run("%whos").text(),
        "Name      Type\n────────  ────\ngreeting  i32\ntotal     i32"
    );
}

#[test]
fn reset_asks_unless_told_not_to() {
    let mut notebook = Notebook::new();
    let outputs: Arc<dyn Outputs> = Recorder::new();
    notebook
        .engine
        .evaluate(SourceMap::identity("var total"), outputs)
        .unwrap();
    assert_eq!(notebook.run("%reset").error().ename, "MissingInput");
    assert_eq!(notebook.run_with("%reset", &["n"]).stdout(), "Nothing is forgotten.\n");
    assert_eq!(notebook.engine.variables().len(), 1);
    notebook.amid_rust = true;
    assert_eq!(notebook.run("%reset -f").error().ename, "Usage");
    notebook.amid_rust = false;
    notebook.run("%reset -f").unwrap();
    assert_eq!(notebook.engine.variables().len(), 0);
    notebook.run_with("%reset", &["yes"]).unwrap();
}

#[test]
fn the_environment_is_set_for_shell_lines_and_code() {
    let mut notebook = Notebook::new();
    assert_eq!(
        notebook.run("%env A_URL=http://x.org//y?a=1;b").stdout(),
        "env: A_URL=http://x.org//y?a=1;b\n"
    );
    assert_eq!(notebook.run("%env B two words").stdout(), "env: B=two words\n");
    assert_eq!(notebook.run("%env A_URL").text(), "http://x.org//y?a=1;b");
    assert_eq!(
        *notebook.worker.told.lock().unwrap(),
        ["A_URL=http://x.org//y?a=1;b", "B=two words"]
    );
    assert_eq!(notebook.run("%%bash\nprintf \"$B\"").stdout(), "two words");
    notebook.run("%env MY_API_KEY=hunter2").unwrap();
    notebook.run("%env PIN=hunter2").unwrap();
    notebook
        .history
        .push((1, "let pin: String = %pip_input pin --secret;".to_owned()));
    let all = notebook.run("%env").text();
    assert!(
        !all.contains("hunter2") && all.contains("<hidden>") && all.contains("two words"),
        "{all}"
    );
    assert_eq!(notebook.run("%env NO_SUCH_VARIABLE").error().ename, "Usage");
}

#[test]
fn the_working_folder_changes_and_goes_back() {
    let notebook = Notebook::new();
    let start = notebook.folder.path().canonicalize().unwrap();
    std::fs::create_dir(start.join("sub folder")).unwrap();
    let sub = start.join("sub folder");
    assert_eq!(notebook.run("%cd -").error().ename, "Usage");
    assert_eq!(
        notebook.run("%cd \"sub folder\"").stdout(),
        format!("{}\n", sub.display())
    );
    assert_eq!(notebook.run("%pwd").text(), sub.display().to_string());
    assert_eq!(notebook.run("%%bash\npwd").stdout(), format!("{}\n", sub.display()));
    notebook.run("%%writefile made\nhere").unwrap();
    assert!(sub.join("made").exists());
    assert_eq!(notebook.run("%cd -").stdout(), format!("{}\n", start.display()));
    assert_eq!(
        *notebook.worker.told.lock().unwrap(),
        [format!("cd {}", sub.display()), format!("cd {}", start.display())]
    );
    let error = notebook.run("%cd nowhere").error();
    assert_eq!(error.ename, "FileError");
    assert_eq!(notebook.run("%cd \"sub folder/made\"").error().ename, "FileError");
    assert_eq!(notebook.run("%pwd").text(), start.display().to_string());
    notebook.run(&format!("%env HOME={}", sub.display())).unwrap();
    assert_eq!(notebook.run("%cd").stdout(), format!("{}\n", sub.display()));
}

#[test]
fn checkpoints_and_optimisation_are_settings() {
    let notebook = Notebook::new();
    notebook.run("%checkpoint off").unwrap();
    notebook.run("%checkpoint on").unwrap();
    assert_eq!(
        *notebook.worker.told.lock().unwrap(),
        ["checkpoints: false", "checkpoints: true"]
    );
    assert_eq!(notebook.run("%checkpoint maybe").error().ename, "Usage");
    assert_eq!(notebook.run("%checkpoint").error().ename, "Usage");

    assert!(notebook.run("%opt 3").stdout().contains("level 3"));
    assert_eq!(notebook.run("%opt fast").error().ename, "Usage");
    let outputs: Arc<dyn Outputs> = Recorder::new();
    let level = notebook.engine.evaluate(SourceMap::identity("optimisation"), outputs);
    assert_eq!(level.unwrap().unwrap()["text/plain"], "3");
}

#[test]
fn cells_that_were_run_are_printed() {
    let mut notebook = Notebook::new();
    notebook.history = [(1, "let a = 1;"), (2, "let b = 2;\na + b\n"), (4, "%pip_steps")]
        .map(|(number, code)| (number, code.to_owned()))
        .into();
    assert_eq!(
        notebook.run("%history").stdout(),
        "let a = 1;\nlet b = 2;\na + b\n%pip_steps\n"
    );
    assert_eq!(
        notebook.run("%history -n").stdout(),
        "   1: let a = 1;\n   2:\nlet b = 2;\na + b\n   4: %pip_steps\n"
    );
    assert_eq!(notebook.run("%history -l 1").stdout(), "%pip_steps\n");
    assert_eq!(notebook.run("%history 4 1-1").stdout(), "%pip_steps\nlet a = 1;\n");
    assert_eq!(notebook.run("%history 2-").stdout(), "let b = 2;\na + b\n%pip_steps\n");
    assert_eq!(notebook.run("%history x").error().ename, "Usage");
}

#[test]
fn a_file_is_written_overwritten_and_added_to() {
    let notebook = Notebook::new();
    assert_eq!(
        notebook.run("%%writefile notes.txt\none\n  two = \"2\"").stdout(),
        "Writing notes.txt\n"
    );
    assert_eq!(
        std::fs::read_to_string(notebook.path("notes.txt")).unwrap(),
        "one\n  two = \"2\"\n"
    );
    assert_eq!(
        notebook.run("%%writefile -a notes.txt\nthree\n").stdout(),
        "Appending to notes.txt\n"
    );
    assert_eq!(
        std::fs::read_to_string(notebook.path("notes.txt")).unwrap(),
        "one\n  two = \"2\"\nthree\n"
    );
    assert_eq!(
        notebook.run("%%writefile \"notes.txt\"\n").stdout(),
        "Overwriting notes.txt\n"
    );
    assert_eq!(std::fs::read_to_string(notebook.path("notes.txt")).unwrap(), "");
    assert_eq!(notebook.run("%%writefile no/such/folder\nx").error().ename, "FileError");
}

#[test]
fn a_script_runs_with_bash() {
    let notebook = Notebook::new();
    assert_eq!(
        notebook.run("%%bash\nfor n in {1..3}; do echo $n; done").stdout(),
        "1\n2\n3\n"
    );
    assert_eq!(
        notebook
            .run("%%bash\r\nfor n in 1 2; do\r\ncat <<END\r\n$n\r\nEND\r\ndone\r\n")
            .stdout(),
        "1\n2\n"
    );
    let shown = notebook.run("%%bash\necho out; echo err >&2; exit 7");
    assert_eq!(shown.recorder.stderr(), "err\n");
    assert_eq!(shown.error().evalue, "the command ended with status 7");
}

#[test]
fn magics_and_shell_lines_are_timed() {
    let notebook = with_steps();
    let recorder = notebook.run("%time %pip_get last").unwrap();
    assert_eq!(recorder.displays()[0].0["text/plain"], "0");
    assert!(recorder.stdout().starts_with("Wall time: "), "{}", recorder.stdout());
    let printed = notebook.run("%time !echo hi").stdout();
    assert!(printed.starts_with("hi\nWall time: "), "{printed}");
    assert_eq!(notebook.run("%time 1 + 1").error().ename, "Usage");
}

#[test]
fn magics_without_rust_do_not_wait_for_the_engine() {
    let mut notebook = with_steps();
    let (over, waiting) = mpsc::channel::<()>();
    let waiting = Mutex::new(waiting);
    notebook.engine = EngineHandle::spawn(move || {
        // Starts only when the test is over.
        let _ = waiting.lock().unwrap().recv();
        Ok(Box::new(FakeEngine::new()))
    });
    let started = Instant::now();
    for cell in [
        "%pip_set a = 1",
        "%pip_get a",
        "%pip_steps",
        "%whos",
        "%lsmagic",
        "%pip_jobs",
        "%env",
    ] {
        notebook.run(cell).unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(5));
    drop(over);
}
