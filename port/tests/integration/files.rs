//! The files of a ported crate, and the report, as they are.

use std::path::Path;

use super::support::{Fixture, file, hello};

#[test]
fn the_hello_workflow_is_a_crate() {
    let ported = hello().port();
    let files: Vec<String> = ported
        .generated
        .files
        .iter()
        .map(|(path, text)| format!("==> {} <==\n{text}", path.display()))
        .collect();
    insta::assert_snapshot!("hello_crate", files.join("\n"));
    insta::assert_snapshot!("hello_report", ported.report.to_string());
    insta::assert_snapshot!("hello_json", serde_json::to_string_pretty(&ported.report).unwrap());
}

#[test]
fn the_same_notebook_gives_the_same_bytes() {
    let (one, other) = (hello().port(), hello().port());
    assert_eq!(one.generated, other.generated);
    assert_eq!(one.report, other.report);
}

#[test]
fn dependencies_are_lines_of_the_manifest() {
    let ported = Fixture::of(&[
        ":dep rand\n:dep serde_json = \"1\"\n:dep pipulate = \"1\"",
        ":dep mine = { path = \"../mine\" }\n:dep ./tools/fast\n:dep rand = \"0.9\"\n:offline 1",
        "%pip_set a = 1",
    ])
    .port();
    let manifest = file(&ported, "Cargo.toml");
    insta::assert_snapshot!(manifest);
    insta::assert_snapshot!("dependencies_report", ported.report.to_string());
    assert!(ported.generated.files.contains_key(Path::new("README.md")));
}
