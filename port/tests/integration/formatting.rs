//! What is generated is in rustfmt's layout.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pipulate_port::Ported;

use super::support::{Fixture, hello};

/// Writes files below a folder of this test's own.
fn written(name: &str, files: impl IntoIterator<Item = (PathBuf, String)>) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("port-formatting-{name}"));
    let _ = fs::remove_dir_all(&folder);
    // Whatever stands in the folders above does not count.
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("rustfmt.toml"), "").unwrap();
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// What rustfmt would change in these files; empty when nothing.
fn changes(files: &[PathBuf]) -> String {
    let output = Command::new("rustfmt")
        .args(["--check", "--edition", "2024", "--color", "never"])
        .args(files)
        .output()
        .unwrap();
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn check(name: &str, ported: &Ported) {
    let files = ported.generated.files.iter();
    let folder = written(name, files.map(|(path, text)| (path.clone(), text.clone())));
    // The crate as a whole, and each file of ours by itself.
    for path in [
        "src/lib.rs",
        "src/main.rs",
        "src/workflow.rs",
        "src/cells/steps.rs",
        "tests/workflow.rs",
    ] {
        let found = changes(&[folder.join(path)]);
        assert!(found.is_empty(), "{name}: {found}");
    }
}

#[test]
fn a_ported_crate_is_formatted() {
    check("hello", &hello().port());
    check(
        "odd",
        &Fixture::of(&[
            "struct   Badly{ formatted:u8 }\n#[derive(Debug)] enum Bad { }\nfn f() -> Result<(),Bad>{ Ok(()) }",
            "let x: Vec<Option<u8>> = %pip_input x --choices \"a,b\" --default   vec![ ]\n",
            "let y: Badly = %pip_input \"y y\" \"A \\\"label\\\"\" --help-text 'none'\nf()?;",
            "%%pip_step z\n{let   a=1;a}",
        ])
        .port(),
    );
    check("short", &Fixture::of(&["%pip_set a = 1"]).port());
}

#[test]
fn labels_and_lists_of_any_length_are_formatted() {
    let mut files = Vec::new();
    for length in 0..110 {
        let word = "w".repeat(length.max(1));
        let other = "x".repeat(length % 37 + 1);
        let choices: Vec<String> = (0..length % 23).map(|index| format!("{other}{index}")).collect();
        let choices = if choices.is_empty() {
            String::new()
        } else {
            format!(" --choices \"{}\"", choices.join(","))
        };
        let ported = Fixture::new()
            .markdown(&format!("# {word}\n\n{}", if length % 3 == 0 { "" } else { &other }))
            .code(&format!("let a: u8 = %pip_input {word} \"{other}\"{choices}"))
            .code(&format!(
                "let a: String = %pip_input b{choices} --default \"{word}\".to_owned()"
            ))
            .markdown(&format!("## {other}\n\n{word}\n\nlines"))
            .code(&format!(
                "%pip_set {other} = 1\n%pip_set {word}2 = 2\n%pip_set y{word} = 3\n%pip_set \"z {other}\" = 3"
            ))
            .code(&format!("%%pip_step s{word}\n1"))
            .code(&format!("%%pip_step t{other} \"{word}\"\n1"))
            .code(&format!(
                "let c: u8 = %pip_input c{other} --secret --help-text \"{other}\""
            ))
            .code(&format!("%pip_set d{} = 1", "w".repeat(length)))
            .port();
        let text = &ported.generated.files[Path::new("src/workflow.rs")];
        files.push((PathBuf::from(format!("workflow_{length}.rs")), text.clone()));
    }
    let names: Vec<PathBuf> = files.iter().map(|(path, _)| path.clone()).collect();
    let folder = written("lengths", files);
    let paths: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
    let found = changes(&paths);
    assert!(found.is_empty(), "{}", found.chars().take(4000).collect::<String>());
}
