//! What Tab offers.

use super::with_steps;
use crate::magic::complete;
use crate::magic::testing::{Notebook, Recorder};

#[track_caller]
fn check_completion(notebook: &Notebook, code: &str, replaced: &str, expected: &[&str]) {
    let recorder = Recorder::new();
    let found = notebook.with_context(&recorder, |context| complete(code, code.len(), context));
    let found = found.expect("it is the engine's");
    assert_eq!(&code[found.start..found.end], replaced, "{code}");
    let texts: Vec<&str> = found.items.iter().map(|item| item.text.as_str()).collect();
    assert_eq!(texts, expected, "{code}");
}

#[test]
fn tab_completes_names_options_keys_and_steps() {
    let notebook = with_steps();
    notebook.run("%pip_set \"two words\" = 1").unwrap();
    notebook.run("%pip_set l --job other = 1").unwrap();
    std::fs::create_dir(notebook.path("data")).unwrap();
    std::fs::write(notebook.path("data/a file.csv"), "").unwrap();
    check_completion(&notebook, "%pip_f", "%pip_f", &["%pip_finalize", "%pip_fork"]);
    check_completion(
        &notebook,
        "let x = 1;\n  %pip_f",
        "%pip_f",
        &["%pip_finalize", "%pip_fork"],
    );
    check_completion(
        &notebook,
        "%%",
        "%%",
        &["%%pip_step", "%%time", "%%writefile", "%%bash"],
    );
    check_completion(&notebook, "?pip_fo", "pip_fo", &["pip_fork"]);
    check_completion(
        &notebook,
        "%pip_input a --",
        "--",
        &["--choices", "--secret", "--help-text", "--job", "--default", "--help"],
    );
    check_completion(&notebook, "%pip_get l", "l", &["last", "limits"]);
    check_completion(&notebook, "let x: i64 = %pip_get l", "l", &["last", "limits"]);
    check_completion(&notebook, "%pip_get t", "t", &["\"the <b>rows</b>\"", "\"two words\""]);
    check_completion(&notebook, "%pip_get \"tw", "\"tw", &["\"two words\""]);
    check_completion(&notebook, "%pip_get \"la", "\"la", &["\"last\""]);
    check_completion(&notebook, "%pip_job ", "", &["hello-01", "other"]);
    check_completion(&notebook, "%pip_read -j h", "h", &["hello-01"]);
    check_completion(&notebook, "%pip_fork ", "", &[]);
    check_completion(&notebook, "%pip_fork x --from gr", "gr", &["greeting"]);
    check_completion(&notebook, "%pip_job x --workflow h", "h", &["hello"]);
    check_completion(&notebook, "%cd da", "da", &["data/"]);
    check_completion(&notebook, "%%writefile data/", "data/", &["\"data/a file.csv\""]);
    check_completion(&notebook, "%pip_steps x", "", &[]);
}

#[test]
fn rust_is_left_to_the_engine() {
    let notebook = Notebook::new();
    let recorder = Recorder::new();
    for code in ["let x = 5 % pip", "%pip_set a = Vec::ne", "x.len", ":de", ""] {
        let found = notebook.with_context(&recorder, |context| complete(code, code.len(), context));
        assert_eq!(found, None, "{code}");
    }
}
