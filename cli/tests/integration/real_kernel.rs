//! `pipulate run` with the kernel that users have: `pipulate-kernel`, which `cargo test --workspace` builds beside this program.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::run::notebook_of;
use crate::sandbox::{Ran, Sandbox, notebook};

fn sandbox_of(cells: &[&str]) -> Sandbox {
    let kernel = Path::new(env!("CARGO_BIN_EXE_pipulate")).with_file_name("pipulate-kernel");
    assert!(
        kernel.is_file(),
        "there is no {}: `cargo build --package pipulate-kernel` makes it",
        kernel.display()
    );
    let sandbox = Sandbox::with_lasting_data();
    sandbox.write("report.ipynb", &notebook_of(cells));
    sandbox
}

/// No cell here needs the compiler: these are answered while it still starts.
#[test]
fn what_one_kernel_saves_the_next_one_finds() {
    let sandbox = sandbox_of(&["%pip_job hello-01", "%pip_set name = \"Ada\"", "%pip_get name"]);
    let first = sandbox.run("run report.ipynb -o out.ipynb").code(0);
    assert!(first.stdout.contains("Ada"), "{first}");
    sandbox.run("job get hello-01 name").code(0).stdout("\"Ada\"\n");
    let job = sandbox.run("job show hello-01 --json").json();
    assert_eq!(
        (&job["workflow"], &job["steps"][0]["source"]),
        (&json!("report"), &json!("notebook"))
    );
    let written = notebook(&sandbox.path("out.ipynb"));
    assert_eq!(written["cells"][2]["execution_count"], 3);
    let shown = &written["cells"][2]["outputs"][0]["data"]["text/plain"];
    assert!(shown.to_string().contains("Ada"), "{written}");
    assert_eq!(written["metadata"]["language_info"]["name"], "rust");

    sandbox.write("resume.ipynb", &notebook_of(&["%pip_job hello-01", "%pip_get name"]));
    let second = sandbox.run("run resume.ipynb").code(0);
    assert!(second.stdout.contains("Ada"), "{second}");
}

#[test]
fn parameters_answer_inputs_and_are_there_to_get() {
    let sandbox = sandbox_of(&["%pip_input month", "%pip_get title"]);
    let ran = sandbox
        .run("run report.ipynb --job may -p month=5 -p 'title=\"May\"'")
        .code(0);
    assert!(ran.stdout.contains("May"), "{ran}");
    sandbox.run("job get may month").code(0).stdout("5\n");
    // Without a parameter and without a terminal, an input fails and says so.
    let unanswered = sandbox.run("run report.ipynb --job june").code(1);
    assert!(
        unanswered.stderr.contains("error: cell 1 of 2 failed: "),
        "{unanswered}"
    );
    assert!(unanswered.stderr.contains("month"), "{unanswered}");
}

#[test]
fn a_mistake_in_a_magic_is_one_clear_error() {
    let sandbox = sandbox_of(&["%pip_job hello-01", "%pip_got name"]);
    let ran = sandbox.run("run report.ipynb -o out.ipynb").code(1);
    assert_eq!(ran.stderr.matches("error: ").count(), 1, "{ran}");
    assert!(
        ran.stderr.contains("error: cell 2 of 2 failed: ") && ran.stderr.contains("%pip_get"),
        "{ran}"
    );
    assert_eq!(
        notebook(&sandbox.path("out.ipynb"))["cells"][1]["outputs"][0]["output_type"],
        "error"
    );
}

#[test]
fn rust_cells_run_and_share_the_job() {
    let sandbox = sandbox_of(&[
        "%pip_job hello-01\n%pip_set numbers = [1, 2, 3]",
        "let numbers: Vec<u32> = %pip_get numbers;\nlet total: u32 = numbers.iter().sum();\nprintln!(\"total {total}\");",
        "%pip_set total = total",
        "let nothing: Option<u32> = None;\nnothing.unwrap()",
    ]);
    let ran = sandbox.run("run report.ipynb -o out.ipynb").code(1);
    assert!(ran.stdout.contains("total 6\n"), "{ran}");
    assert!(ran.stderr.contains("error: cell 4 of 4 failed: "), "{ran}");
    sandbox.run("job get hello-01 total").code(0).stdout("6\n");
}

#[test]
fn a_cell_that_does_not_end_is_stopped_and_leaves_no_process() {
    let sandbox = sandbox_of(&["%%bash\necho begun\nsleep 600"]);
    let output = sandbox
        .command(["run", "report.ipynb", "--timeout", "2"])
        .output()
        .unwrap();
    let ran = Ran::of("run", output).code(1).stderr_contains("took longer than 2.0 s");
    assert!(ran.stdout.contains("begun"), "{ran}");
    assert_eq!(crate::run::kernels_of(&sandbox.path("report.ipynb")), 0);
}

#[test]
fn a_notebook_ports_itself_into_a_folder() {
    let cells = ["%pip_job hello-01", "%pip_set name = \"Ada\""];
    let sandbox = sandbox_of(&[cells[0], cells[1], "%pip_port 'my app'"]);
    let first = sandbox.run("run report.ipynb").code(0);
    assert!(first.stdout.contains("is the workflow `report`: 1 step"), "{first}");
    let manifest = "cargo run --manifest-path";
    assert!(
        first.stdout.contains("Wrote ") && first.stdout.contains(manifest),
        "{first}"
    );
    // It is what the command line writes, of the notebook as it was saved.
    sandbox.prepare("port report.ipynb -o other");
    let files = |folder: &str| files_below(&sandbox.path(folder));
    let written = files("my app");
    assert_eq!(written, files("other"));
    let steps = String::from_utf8_lossy(&written[Path::new("src/cells/steps.rs")]);
    assert!(steps.contains("job.set_json(\"name\", "), "{steps}");

    // What was ported before is written over when it is asked for alone.
    let again = sandbox.run("run report.ipynb").code(1);
    assert!(again.stderr.contains("there is a ported notebook in "), "{again}");
    assert!(again.stderr.contains("--force"), "{again}");
    sandbox.write(
        "report.ipynb",
        &notebook_of(&[cells[0], "%pip_set title = \"Dr\"", "%pip_port --force 'my app'"]),
    );
    sandbox.run("run report.ipynb").code(0);
    let steps = files("my app").remove(Path::new("src/cells/steps.rs")).unwrap();
    assert!(String::from_utf8_lossy(&steps).contains("\"title\""));
}

fn files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    files
}
