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

/// The texts of the fenced blocks of a document that follow a heading, up to the next heading of its level.
fn blocks<'t>(document: &'t str, heading: &str) -> Vec<&'t str> {
    let start = document.find(heading).unwrap() + heading.len();
    let section = document[start..].split("\n## ").next().unwrap();
    let fenced = section.split("\n```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').unwrap().1).collect()
}

#[test]
fn the_guide_shows_what_is_made() {
    let guide = include_str!("../../../docs/porting.md").replace("\r\n", "\n");
    let blocks = blocks(&guide, "## Before and after\n");
    let [markdown, items, input, step, functions, workflow] = blocks[..] else {
        panic!("{blocks:#?}");
    };
    let ported = Fixture::new()
        .markdown(markdown.trim_start_matches('`').trim())
        .code(items)
        .code(input)
        .code(step)
        .port();
    let steps = file(&ported, "src/cells/steps.rs");
    for function in functions.split("\n\n") {
        assert!(steps.contains(function), "{function}\n is not in\n{steps}");
    }
    assert!(file(&ported, "src/cells.rs").contains(items));
    let made = file(&ported, "src/workflow.rs");
    for line in workflow.lines() {
        assert!(made.contains(line.trim()), "{line}\n is not in\n{made}");
    }
}

#[test]
fn a_heading_that_is_the_label_stands_once() {
    for (heading, magic, label, description) in [
        ("## Greeting\n\nSays hello.", "%%pip_step g", "Greeting", "Says hello."),
        (
            "## greeting\n\nSays hello.",
            "%%pip_step g \"Greeting\"",
            "Greeting",
            "Says hello.",
        ),
        (
            "## How to greet\n\nSays hello.",
            "%%pip_step g \"Greeting\"",
            "Greeting",
            "## How to greet",
        ),
    ] {
        let step = format!("{magic}\n1");
        let ported = Fixture::new().markdown("# Title").markdown(heading).code(&step).port();
        let workflow = file(&ported, "src/workflow.rs");
        assert!(workflow.contains(&format!(".label(\"{label}\")")), "{workflow}");
        assert!(workflow.contains(description), "{workflow}");
        assert_eq!(workflow.contains("##"), description.contains("##"), "{workflow}");
    }
}

#[test]
fn markdown_that_is_tagged_is_for_the_notebook_alone() {
    let fixture = Fixture::new().markdown("# Title").markdown("Try it twice.");
    let ported = fixture
        .tagged_markdown(&["skip"], "Only here.")
        .code("%%pip_step a\n1")
        .port();
    let workflow = file(&ported, "src/workflow.rs");
    assert!(
        workflow.contains("Try it twice.") && !workflow.contains("Only here."),
        "{workflow}"
    );
    assert_eq!(
        ported.report.cells[2].outcome.to_string(),
        "left out: it is tagged `skip`"
    );
}
