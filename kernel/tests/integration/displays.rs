//! What user code shows by the cell library, and by evcxr's own convention.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::{Value, json};

use super::cells::{Shown, TestNotebook};

fn text<'a>(shown: &'a Shown, media_type: &str) -> &'a str {
    let content = shown.data.get(media_type).and_then(Value::as_str);
    content.unwrap_or_else(|| panic!("{media_type} is missing in {shown:?}"))
}

#[test]
fn what_is_displayed_comes_in_order_with_what_is_printed() {
    let mut notebook = TestNotebook::start();
    // `print!` keeps text without a line's end back.
    notebook.check(
        "for i in 0..2 {\n    print!(\"{i} \");\n    pipulate::display(&i);\n    eprintln!(\"{i}\");\n    ::pipulate::display!(Some(i));\n}\nprintln!(\"end\");",
        &[
            "stdout: 0 ",
            "display: 0",
            "stderr: 0\n",
            "display: Some(0)",
            "stdout: 1 ",
            "display: 1",
            "stderr: 1\n",
            "display: Some(1)",
            "stdout: end\n",
        ],
    );
    notebook.check(
        "use pipulate::{clear_output, display};\ndisplay(\"a\\nb\");\nclear_output(true);\nclear_output(false);\n7",
        &["display: a\nb", "clear: later", "clear: now", "result: 7"],
    );
    // What a cell has imported is there in the next one.
    notebook.check("display(&vec![1, 2]);", &["display: [1, 2]"]);

    // What the compiler warns of comes last.
    let unused = "println!(\"x\");\n  vec![1].iter().map(|x| x + 1);";
    let shown = notebook.shown(unused);
    assert_eq!(shown.len(), 1, "{shown:?}");
    let warning = text(&shown[0], "text/plain");
    assert!(
        warning.starts_with("warning: unused `Map` that must be used\n --> cell:2:3\n"),
        "{warning}"
    );
    assert!(text(&shown[0], "text/html").contains("<summary>1 warning</summary>"));
    let later = notebook.shown("2 + 2");
    assert_eq!((later.len(), later[0].kind), (1, "result"));
    // A cell that fails has more to say.
    let (sent, result) = notebook.run_with("vec![1].iter().map(|x| x + 1); panic!(\"no\");", &[]);
    assert!(sent.is_empty() && result.is_err(), "{sent:?}");

    // All that is shown by an id carries it.
    let shown = notebook.shown(
        "pipulate::display_with_id(\"state\", \"waiting\");\npipulate::update_display(\"state\", &String::from(\"done\"));\npipulate::display(\"other\");",
    );
    let seen: Vec<(&str, &str, Option<&str>)> = shown
        .iter()
        .map(|shown| (shown.kind, text(shown, "text/plain"), shown.id.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [
            ("display", "waiting", Some("state")),
            ("update", "done", Some("state")),
            ("display", "other", None)
        ]
    );

    let shown = notebook.shown(
        "pipulate::display_html(\"<b>x</b>\");\npipulate::display_png([0u8, 255, 7]);\npipulate::display_svg(\"<svg/>\");\npipulate::display_markdown(\"**x**\");\npipulate::display_latex(\"$x$\");\npipulate::display_json(&(1, [2.5]));",
    );
    for (shown, (media_type, content)) in shown.iter().zip([
        ("text/html", json!("<b>x</b>")),
        ("image/png", json!("AP8H")),
        ("image/svg+xml", json!("<svg/>")),
        ("text/markdown", json!("**x**")),
        ("text/latex", json!("$x$")),
        ("application/json", json!([1, [2.5]])),
    ]) {
        assert_eq!(shown.data.get(media_type), Some(&content), "{shown:?}");
    }
    assert_eq!(shown.len(), 6);
    assert_eq!(
        Value::from(shown[5].metadata.clone()),
        json!({ "application/json": { "expanded": true } })
    );

    // A display does not keep a cell from going back.
    notebook.check("let mut v = vec![1];", &[]);
    let (sent, result) = notebook.run_with("pipulate::display(&1); v.push(2); std::process::abort()", &[]);
    assert_eq!(
        (sent.as_slice(), result.unwrap_err().ename.as_str()),
        (&["display: 1".to_owned()][..], "Aborted")
    );
    notebook.check("pipulate::display(&v);", &["display: [1]"]);
}

#[test]
fn a_type_says_how_it_looks_also_as_last_expression() {
    let mut notebook = TestNotebook::start();
    // evcxr's convention needs nothing of ours.
    notebook.check(
        "#[derive(Debug)] struct Matrix;\nimpl Matrix { fn evcxr_display(&self) { println!(\"EVCXR_BEGIN_CONTENT text/html\\n<b>M</b>\\nEVCXR_END_CONTENT\\nEVCXR_BEGIN_CONTENT text/plain\\nM\\nEVCXR_END_CONTENT\"); } }",
        &[],
    );
    let is_matrix = |shown: &[Shown]| {
        assert_eq!(shown.len(), 1, "{shown:?}");
        assert_eq!(
            (
                shown[0].kind,
                text(&shown[0], "text/html"),
                text(&shown[0], "text/plain")
            ),
            ("result", "<b>M</b>", "M")
        );
    };
    is_matrix(&notebook.shown("Matrix"));

    notebook.check(
        "use pipulate::MimeBundle;\n#[derive(Debug)] struct Colour(u8);\nimpl pipulate::Show for Colour {\n    fn mime_bundle(&self) -> MimeBundle { MimeBundle::new().html(format!(\"<i>{}</i>\", self.0)).text(\"colour\").with(\"application/json\", \"EVCXR_END_CONTENT\") }\n}\n#[derive(Debug)] struct Bare;\nlet colour = Colour(3);",
        &[],
    );
    for (code, kind) in [
        ("colour", "result"),
        ("&colour", "result"),
        ("pipulate::display(&colour);", "display"),
        ("pipulate::display!(colour);", "display"),
    ] {
        let shown = notebook.shown(code);
        assert_eq!((shown.len(), shown[0].kind), (1, kind), "{code}\n{shown:?}");
        assert_eq!(
            (text(&shown[0], "text/html"), text(&shown[0], "text/plain")),
            ("<i>3</i>", "colour")
        );
        assert_eq!(shown[0].data["application/json"], "EVCXR_END_CONTENT");
    }
    // Whatever else a cell may end with looks as it did.
    notebook.check("\"text\".to_owned()", &["result: \"text\""]);
    notebook.check("Bare", &["result: Bare"]);
    notebook.check("pipulate::display!(Bare);", &["display: Bare"]);
    notebook.check("vec![Colour(1)]", &["result: [Colour(1)]"]);
    is_matrix(&notebook.shown("Matrix"));
    let error = notebook.check_error("pipulate::display(&Bare);", "CompileError", "Bare");
    assert!(
        error.traceback.join("\n").contains("pipulate::display!(value)"),
        "{error:#?}"
    );
}

#[test]
fn rows_are_a_table_and_loops_have_a_bar() {
    let mut notebook = TestNotebook::start();
    notebook.check(
        ":dep serde = { version = \"1\", features = [\"derive\"] }\n#[derive(Clone, serde::Serialize)] struct Order { item: String, pieces: u32 }\nlet orders = vec![Order { item: \"Tea & <b>\".into(), pieces: 2 }, Order { item: \"Milk\".into(), pieces: 10 }];",
        &[],
    );
    let expected = "item       pieces\n─────────  ──────\nTea & <b>       2\nMilk           10";
    for (code, kind) in [
        ("pipulate::table(&orders)", "result"),
        ("let table = pipulate::table(&orders);\ntable", "result"),
        ("table", "result"),
        ("pipulate::display(&table);", "display"),
        ("pipulate::display_json(&orders);", "display"),
    ] {
        let shown = notebook.shown(code);
        assert_eq!((shown.len(), shown[0].kind), (1, kind), "{code}\n{shown:?}");
        assert_eq!(text(&shown[0], "text/plain"), expected, "{code}");
        assert!(
            text(&shown[0], "text/html").contains("<td style=\"text-align: left\">Tea &amp; &lt;b&gt;</td>"),
            "{shown:?}"
        );
        let media_types: BTreeSet<&str> = shown[0].data.keys().map(String::as_str).collect();
        assert_eq!(
            media_types,
            BTreeSet::from(["application/vnd.dataresource+json", "text/html", "text/plain"]),
            "{code}"
        );
    }
    let shown = notebook.shown("pipulate::table(&vec![orders[0].clone(); 5000])");
    assert!(
        text(&shown[0], "text/plain").ends_with("… 4,900 more rows"),
        "{shown:?}"
    );

    let shown = notebook.shown("for i in pipulate::progress(0..3).with_label(\"Count\") { println!(\"{i}\"); }");
    assert!(
        shown.iter().all(|bar| bar.id.is_some() && bar.id == shown[0].id),
        "{shown:?}"
    );
    assert_eq!(shown[0].kind, "display");
    assert!(
        text(&shown[0], "text/plain").starts_with("Count ░░░░░░░░░░░░░░░░░░░░ 0 of 3"),
        "{shown:?}"
    );
    let last = shown.last().unwrap();
    assert_eq!(last.kind, "update");
    assert!(
        text(last, "text/plain").starts_with("Count ████████████████████ 3 of 3 in "),
        "{last:?}"
    );
    assert!(
        text(last, "text/html").contains("<progress max=\"3\" value=\"3\""),
        "{last:?}"
    );

    // However fast the loop, the notebook is told a few times a second.
    let started = Instant::now();
    let shown = notebook.shown("for _ in pipulate::progress(0..1_000_000) {}");
    let elapsed = started.elapsed();
    let most = 3 + elapsed.as_millis() / 100;
    assert!(
        (2..=most).contains(&(shown.len() as u128)),
        "{} in {elapsed:?}",
        shown.len()
    );

    let shown = notebook.shown("for i in pipulate::progress(0..10) { if i == 4 { break; } }");
    assert!(
        text(shown.last().unwrap(), "text/plain").contains("4 of 10, stopped after"),
        "{shown:?}"
    );
    let (sent, result) = notebook.run_with(
        "let bar = pipulate::Progress::new(9);\nbar.advance(2);\npanic!(\"no\");",
        &[],
    );
    assert!(
        result.is_err() && sent.last().unwrap().contains("2 of 9, stopped after"),
        "{sent:?}"
    );
}

#[test]
fn what_is_shown_by_another_trait_or_not_at_all_is_as_evcxr_has_it() {
    let mut notebook = TestNotebook::start();
    notebook.check("struct Bare(i32);", &[]);
    for code in ["vec![Bare(1)]", "Some(Bare(1))", "Bare(1)"] {
        let error = notebook.check_error(code, "CompileError", "`Bare` doesn't implement `Debug` [E0277]");
        assert!(error.traceback.join("\n").contains("cell:1:"), "{error:#?}");
    }
    // Neither the cell nor its error says what is in the way.
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::write(
        folder.path().join("Cargo.toml"),
        "[package]\nname = \"shapes\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    )
    .unwrap();
    std::fs::write(
        folder.path().join("src/lib.rs"),
        "pub trait Picture { fn picture(&self) -> String; fn evcxr_display(&self) { \
         println!(\"EVCXR_BEGIN_CONTENT text/html\\n{}\\nEVCXR_END_CONTENT\", self.picture()); } }\n\
         #[derive(Debug)] pub struct Disc(pub u8);\n\
         impl Picture for Disc { fn picture(&self) -> String { format!(\"<b>{}</b>\", self.0) } }\n",
    )
    .unwrap();
    notebook.check("let kept = vec![1];", &[]);
    // One that does not compile says where.
    let broken = folder.path().join("broken");
    std::fs::create_dir_all(broken.join("src")).unwrap();
    std::fs::write(
        broken.join("Cargo.toml"),
        "[package]\nname = \"broken\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n",
    )
    .unwrap();
    std::fs::write(broken.join("src/lib.rs"), "pub fn one() -> u8 {\n    \"1\"\n}\n").unwrap();
    let adds_broken = format!(":dep broken = {{ path = \"{}\" }}", broken.display());
    let error = notebook.check_error(&adds_broken, "CompileError", "mismatched types");
    let place = format!(
        "in {}/src/lib.rs, line 2, column 5",
        broken.canonicalize().unwrap().display()
    );
    assert!(error.traceback.join("\n").contains(&place), "{error:#?}");
    let added = format!(
        ":dep shapes = {{ path = \"{}\" }}\nuse shapes::Picture as _;",
        folder.path().display()
    );
    notebook.run_with(&added, &[]).1.unwrap();
    for number in 1..3 {
        let shown = notebook.shown(&format!("shapes::Disc({number})"));
        assert_eq!(text(&shown[0], "text/html"), format!("<b>{number}</b>"), "{shown:?}");
    }
    notebook.check("kept", &["result: [1]"]);
}
