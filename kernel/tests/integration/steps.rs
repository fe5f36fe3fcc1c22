//! `%%pip_step` in the real engine: what runs, what is shown from the store, and why.

use serde_json::json;

use super::cells::TestNotebook;

/// What a cell sends, the revision and time of a fresh value left out.
#[track_caller]
fn sent(notebook: &mut TestNotebook, id: &str, code: &str) -> Vec<String> {
    let (sent, result) = notebook.run_cell(id, code, &[]);
    assert_eq!(result, Ok(()), "{code}\nsent {sent:#?}");
    let shortened = |line: String| match line.split_once(" is fresh: ") {
        Some((step, _)) => format!("{step} is fresh"),
        None => line,
    };
    sent.into_iter().map(shortened).collect()
}

const GREETING: &str = "%%pip_step greeting \"Greeting\"\nprintln!(\"working\");\nformat!(\"Hello, {name}!\")";

#[test]
fn a_step_runs_when_something_that_it_is_made_of_has_changed() {
    let mut notebook = TestNotebook::start();
    let error = notebook.check_error(GREETING, "MissingJob", "job");
    assert!(error.traceback.join("\n").contains("%pip_job"));
    sent(&mut notebook, "a", "%pip_job hello-01 --workflow hello");
    sent(&mut notebook, "b", "%pip_set name = \"Ada\"");
    sent(&mut notebook, "c", "let name: String = %pip_get name;");

    let ran = |why: &str, shown: &str| {
        let reason = format!("display: Step `greeting` runs: {why}.");
        vec![reason, "stdout: working\n".to_owned(), format!("result: {shown}")]
    };
    let fresh = |shown: &str| {
        vec![
            "display: Step `greeting` is fresh".to_owned(),
            format!("result: {shown}"),
        ]
    };
    assert_eq!(
        sent(&mut notebook, "d", GREETING),
        ran("it has no value yet", "\"Hello, Ada!\"")
    );
    assert_eq!(sent(&mut notebook, "d", GREETING), fresh("\"Hello, Ada!\""));
    // Comments, layout, the label and the magic's spelling are not code.
    let layout = "// A comment.\n%%pip_step greeting\n\nprintln!(\n    \"working\"\n); // another\nformat!(\"Hello, {name}!\")\n";
    assert_eq!(sent(&mut notebook, "d", layout), fresh("\"Hello, Ada!\""));
    let rerun = format!(
        "{} --rerun{}",
        &GREETING[..GREETING.find('\n').unwrap()],
        &GREETING[GREETING.find('\n').unwrap()..]
    );
    assert_eq!(
        sent(&mut notebook, "d", &rerun),
        ran("it is fresh, and runs again since `--rerun` says so", "\"Hello, Ada!\"")
    );

    // The store changes under the notebook, as another front end would do it: the step sees the value that is there.
    notebook.pip().set("hello-01", "name", "Grace").unwrap();
    assert_eq!(
        sent(&mut notebook, "d", GREETING),
        ran("`name`, which it reads, has changed", "\"Hello, Grace!\"")
    );
    notebook.check("name", &["result: \"Ada\""]);
    notebook.pip().set("hello-01", "name", "Ada").unwrap();
    assert_eq!(
        sent(&mut notebook, "d", GREETING),
        ran("`name`, which it reads, has changed", "\"Hello, Ada!\"")
    );

    let changed = GREETING.replace("Hello", "Good day");
    assert_eq!(
        sent(&mut notebook, "d", &changed),
        ran("its code has changed", "\"Good day, Ada!\"")
    );
    let steps = notebook.pip().job("hello-01").unwrap().steps().unwrap();
    let recording = steps[1].recording.clone().unwrap();
    assert_eq!((recording.inputs.len(), recording.inputs[0].step.as_str()), (1, "name"));
    assert_eq!(
        (recording.untracked.len(), steps[1].source.to_string()),
        (0, "notebook".to_owned())
    );

    // What a step binds and defines stays inside.
    let inside = "%%pip_step area\nuse std::f64::consts::PI;\nstruct Disc(f64);\nlet disc = Disc(2.0);\nimpl Disc { fn area(&self) -> f64 { PI * self.0 * self.0 } }\ndisc.area().round()";
    assert_eq!(sent(&mut notebook, "e", inside)[1], "result: 13.0");
    notebook.check_error("disc", "CompileError", "disc");
    notebook.check_error("Disc(1.0)", "CompileError", "Disc");

    // A locked job runs nothing, and shows what is fresh.
    sent(&mut notebook, "f", "%pip_finalize");
    assert_eq!(sent(&mut notebook, "d", &changed), fresh("\"Good day, Ada!\""));
    notebook.check_error(GREETING, "Finalized", "hello-01");
    notebook.check_error("%%pip_step other\n5", "Finalized", "hello-01");
}

#[test]
fn items_count_and_a_variable_from_outside_makes_a_step_never_fresh() {
    let mut notebook = TestNotebook::start();
    sent(&mut notebook, "a", "%pip_job sums-01 --workflow sums");
    sent(&mut notebook, "b", "fn twice(x: i64) -> i64 { 2 * x }\nfn unused() {}");
    sent(
        &mut notebook,
        "c",
        "let base = 20i64;\nlet limits: Vec<i64> = %pip_get limits --default vec![1];",
    );
    let step = "%%pip_step sum\ntwice(base + limits[0])";
    let first = sent(&mut notebook, "d", step);
    assert!(first[0].contains("`base` is a variable of cell [3]"), "{first:?}");
    assert!(first[0].contains("%pip_set"), "{first:?}");
    assert_eq!(first[1], "result: 42");
    let again = sent(&mut notebook, "d", step);
    assert!(
        again[0].contains("it uses the variable `base`, which nothing tracks"),
        "{again:?}"
    );
    let status = notebook.pip().job("sums-01").unwrap().status("sum", None).unwrap();
    assert_eq!(status.to_string(), "stale(untracked: base)");

    // A default stands for a value that was not there: once it is there, the step is stale.
    let step = "%%pip_step doubled\ntwice(limits[0])";
    assert_eq!(sent(&mut notebook, "e", step)[1], "result: 2");
    assert_eq!(sent(&mut notebook, "e", step)[0], "display: Step `doubled` is fresh");
    sent(
        &mut notebook,
        "b",
        "fn twice(x: i64) -> i64 { 2 * x }\nfn unused() { println!() }",
    );
    assert_eq!(sent(&mut notebook, "e", step)[0], "display: Step `doubled` is fresh");
    notebook.pip().set("sums-01", "limits", &json!([4])).unwrap();
    let reason = "display: Step `doubled` runs: `limits`, which it reads, has changed.";
    assert_eq!(sent(&mut notebook, "e", step), [reason, "result: 8"]);
    sent(&mut notebook, "b", "fn twice(x: i64) -> i64 { x + x }");
    assert_eq!(
        sent(&mut notebook, "e", step)[0],
        "display: Step `doubled` runs: its code has changed."
    );

    let chain = sent(&mut notebook, "f", "%pip_steps");
    assert!(
        chain[0].contains("◐ stale(input: limits)") && chain[0].contains("● fresh"),
        "{chain:?}"
    );

    // Another cell that is the same step.
    let (other, result) = notebook.run_cell("g", step, &[]);
    assert_eq!(result, Ok(()));
    assert!(other[0].contains("Until now it was cell ["), "{other:?}");
}

#[test]
fn a_step_that_fails_leaves_no_value() {
    let mut notebook = TestNotebook::start();
    sent(&mut notebook, "a", "%pip_job fails-01 --workflow fails");
    sent(&mut notebook, "b", "#[derive(Debug)]\nstruct Broken;\nlet kept = 1;");
    for (code, ename, evalue) in [
        ("%%pip_step s\nlet x = 5;", "Usage", "value"),
        (
            "%%pip_step s\nlet x: i32 = \"x\"; x",
            "CompileError",
            "mismatched types",
        ),
        ("%%pip_step s\nlet x = ; x", "CompileError", ""),
        ("%%pip_step s\nErr::<i32, Broken>(Broken)?", "Broken", "Broken"),
        ("%%pip_step s\n\"5x\".parse::<i32>()?", "ParseIntError", "invalid digit"),
        ("%%pip_step s\nvec![1][3]", "Panic", "index out of bounds"),
        ("%%pip_step s\nf64::NAN", "Unrepresentable", "NaN"),
        ("%%pip_step s\njob.require::<i32>(\"absent\")?", "MissingStep", "absent"),
        ("%%pip_step s --again\n5", "Usage", "--again"),
        ("%%pip_step\n5", "Usage", "step"),
    ] {
        notebook.check_error(code, ename, evalue);
    }
    let error = notebook.check_error(
        "%%pip_step s\nlet a = 1;\nlet b: i32 = \"x\";\na + b",
        "CompileError",
        "mismatched",
    );
    assert!(error.traceback[0].contains("cell:3:14"), "{error:#?}");
    let error = notebook.check_error("%%pip_step s\nBroken", "CompileError", "Serialize");
    assert!(!error.traceback.join("\n").contains("runtime::record"), "{error:#?}");
    assert_eq!(notebook.pip().job("fails-01").unwrap().steps().unwrap(), []);
    notebook.check("kept", &["result: 1"]);
    let chain = sent(&mut notebook, "z", "%pip_steps");
    assert!(chain[0].contains("○ missing"), "{chain:?}");

    // What was saved on the way is saved, and read back as it was left.
    let resumable = "%%pip_step total\nlet mut seen: Vec<u8> = job.get(\"seen\")?.unwrap_or_default();\nwhile seen.len() < 3 {\n    seen.push(1);\n    job.set(\"seen\", &seen)?;\n    if seen.len() == 2 { panic!(\"on the way\") }\n}\nseen.len()";
    notebook.check_error(resumable, "Panic", "on the way");
    assert_eq!(sent(&mut notebook, "y", resumable)[1], "result: 3");
    assert_eq!(sent(&mut notebook, "y", resumable)[0], "display: Step `total` is fresh");

    let with_await = "%%pip_step awaited\nasync fn one() -> i32 { 1 }\none().await + 1";
    assert_eq!(sent(&mut notebook, "w", with_await)[1], "result: 2");
}

#[test]
fn steps_stand_in_the_order_of_the_notebooks_cells() {
    let cells = [
        "%pip_job order-01",
        "%%pip_step first\n1",
        "let third: i32 = %pip_get third --default 0;\n%pip_set second = 2",
        "%%pip_step third\n3",
    ];
    let mut notebook = TestNotebook::start_of(&cells);
    for (id, cell) in [("a", 0), ("d", 3), ("c", 2), ("b", 1)] {
        sent(&mut notebook, id, cells[cell]);
    }
    let job = notebook.pip().job("order-01").unwrap();
    let names: Vec<String> = job
        .steps()
        .unwrap()
        .into_iter()
        .map(|step| step.name.to_string())
        .collect();
    assert_eq!(names, ["first", "second", "third"]);
    assert_eq!(job.workflow().unwrap().to_string(), "moved");
    assert_eq!(
        job.revert("second").unwrap().len(),
        1,
        "the later one, though it was set first"
    );
}
