//! What magics say of themselves, and of what is no magic.

use insta::assert_snapshot;
use pipulate::cell::parse;

use crate::magic::testing::Notebook;
use crate::magic::{ALL, Form, find, help, help_at, names, needs_rust, unknown};

#[test]
fn an_unknown_magic_names_the_nearest() {
    let notebook = Notebook::new();
    let error = notebook.run("%pip_sett a = 1").error();
    assert_eq!(
        (error.ename.as_str(), error.evalue.as_str()),
        ("UnknownMagic", "there is no magic `%pip_sett`")
    );
    assert_eq!(error.traceback[1], "Did you mean `%pip_set`?");
    assert_eq!(unknown("bsh").traceback[1], "Did you mean `%%bash`?");
    assert_eq!(
        unknown("frobnicate").traceback[1],
        "`%lsmagic` lists those that there are."
    );
    assert_eq!(notebook.run("%%nothing\ntext").error().ename, "UnknownMagic");
}

#[test]
fn misuse_shows_the_usage() {
    let notebook = Notebook::at_job();
    assert_snapshot!(notebook.run("%pip_fork").error_text(), @r"
    Usage: `%pip_fork` lacks `KEY`.
    Write `%pip_fork KEY [--from STEP]`.
    ");
    assert_snapshot!(notebook.run("%pip_fork a --form b").error_text(), @r"
    Usage: `%pip_fork` has no option `--form`.
    Did you mean `--from`?
    Usage: %pip_fork KEY [--from STEP]
    ");
    assert_snapshot!(notebook.run("%pip_set a == 1").error_text(), @r"
    Usage: `%pip_set` is followed by one `=`, not by `==`.
    Write `%pip_set STEP [--job KEY] = EXPR`.
    ");
    assert_snapshot!(notebook.run("%bash").error_text(), @r"
    Usage: `%%bash` is for a whole cell, not for a line
    Make it the first line of a cell of its own: `%%bash`.
    ");
    assert_snapshot!(notebook.run("%%pip_steps\n1").error_text(), @r"
    Usage: `%pip_steps` is for a line, not for a whole cell
    Write it with one `%`: `%pip_steps [--job KEY]`.
    ");
}

#[test]
fn help_says_all_there_is_to_say() {
    let notebook = Notebook::new();
    assert_snapshot!("help_text", notebook.run("%pip_input --help").text());
    let bundle = help("pip_input").unwrap();
    assert_snapshot!("help_markdown", bundle["text/markdown"].as_str().unwrap());
    assert!(help("pip_nothing").is_none());
    assert_snapshot!("lsmagic_text", notebook.run("%lsmagic").text());
    assert!(notebook.run("%%bash --help\necho ran").text().starts_with("%%bash\n"));
}

#[test]
fn help_is_there_for_the_name_at_the_cursor() {
    let code = "let a = 1;\n%pip_set total = a + 1\n";
    let set = help("pip_set");
    for (at, expected) in [
        ("%pip", true),
        ("_set", true),
        ("total", true),
        ("a + 1", false),
        ("let", false),
    ] {
        let offset = code.find(at).unwrap() + 1;
        assert_eq!(help_at(code, offset), if expected { set.clone() } else { None }, "{at}");
    }
    assert_eq!(help_at("?pip_set", 4), set);
    assert_eq!(help_at("let x: i64 = %pip_get a;", 17), help("pip_get"));
}

/// What is said about the magics fits together.
#[test]
fn specifications_are_whole() {
    for magic in ALL {
        let specification = &magic.specification;
        let name = magic.name();
        assert!(specification.summary.ends_with('.'), "{name}");
        assert!(!specification.examples.is_empty(), "{name}");
        for example in specification.examples {
            let cell = parse(example.code);
            assert_eq!(cell.problems(), [], "{}", example.code);
            let invocation = cell.magics().next().unwrap();
            assert_eq!(cell.slice(&invocation.name), name, "{}", example.code);
            let parsed = specification.usage.parse(example.code, invocation);
            let is_cell = cell.cell_magic().is_some();
            assert!(is_cell || parsed.is_ok(), "{}: {parsed:?}", example.code);
            assert!(
                if is_cell {
                    specification.is_cell()
                } else {
                    specification.is_line()
                },
                "{}",
                example.code
            );
        }
    }
    let mut sorted: Vec<_> = names().collect();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), ALL.len(), "two magics of one name");
    assert_eq!(find("bash").unwrap().specification.form, Form::Cell);
}

#[test]
fn what_needs_the_compiler() {
    for (code, expected) in [
        ("%pip_set a = {\"b\": 1}", false),
        ("%pip_set a = 1 + 1", true),
        ("%pip_set a", false),
        ("%time 1 + 1", true),
        ("%time %pip_steps", false),
        ("%time !ls", false),
        ("%pip_steps", false),
        ("%nothing", false),
    ] {
        let cell = parse(code);
        assert_eq!(needs_rust(&cell, cell.magics().next().unwrap()), expected, "{code}");
    }
}
