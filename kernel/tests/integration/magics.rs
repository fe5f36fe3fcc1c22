//! Magics and errors in the real engine, where only that shows what comes of them.

use crate::cells::TestNotebook;

#[test]
fn an_error_of_the_library_has_its_name_and_help_however_it_comes() {
    let mut notebook = TestNotebook::start();
    notebook.check(
        "%pip_job errors",
        &["display: New job `errors` of the workflow `notebook`. Its first value makes it."],
    );
    notebook.check("%pip_set count = 7", &["display: count = 7 (revision 1)"]);
    let by_magic = notebook.check_error("let x: i32 = %pip_get cuont;", "MissingStep", "it has `count`");
    assert_eq!(by_magic.traceback.last().unwrap(), "Did you mean `count`?");
    for plain in [
        "let x: i32 = job.require(\"cuont\")?;",
        "Err(Box::<dyn std::error::Error>::from(job.require::<i32>(\"cuont\").unwrap_err()))?;",
    ] {
        assert_eq!(notebook.run_with(plain, &[]).1, Err(by_magic.clone()), "{plain}");
    }
    let decode = notebook.check_error(
        "let x: Vec<String> = job.require(\"count\")?;",
        "Decode",
        "step `count` of job `errors` is not a `Vec<String>`: invalid type: integer `7`",
    );
    assert!(
        decode.traceback.last().unwrap().contains("`%pip_get count`"),
        "{decode:?}"
    );
    notebook.check_error(
        "job.set_if(\"count\", pipulate::Revision::NONE, &1)?;",
        "Conflict",
        "expected revision 0, found 1",
    );
    notebook.check_error("job.set(\"\", &1)?;", "InvalidName", "it is empty");
    let finalized = notebook.check_error("job.finalize()?; job.set(\"count\", &8)?;", "Finalized", "cannot set");
    assert!(finalized.traceback.last().unwrap().contains("`%pip_unfinalize`"));
    notebook.check("job.unfinalize()?; job.delete()?;", &[]);
    for cell in [
        "let x: i32 = %pip_get count;",
        "let x: i32 = %pip_get count --default 1;",
        "let x: i32 = %pip_input count;",
        "let x: i32 = job.require(\"count\")?;",
    ] {
        let deleted = notebook.check_error(cell, "Deleted", "cannot read step `count`: job `errors` is deleted");
        assert!(deleted.traceback.last().unwrap().contains("`pip.undelete(\"errors\")`"));
    }
    // An error has Display or Debug; one that has both is shown by the first.
    notebook.check_error("#[derive(Debug)] struct Bare(u8);\nErr(Bare(5))?;", "Bare", "Bare(5)");
    notebook.check_error("\"x\".parse::<i32>()?;", "ParseIntError", "invalid digit");
    let error = notebook.check_error("struct Barer;\nErr(Barer)?;", "CompileError", "Display");
    assert!(error.traceback.join("\n").contains("by `Debug`"), "{error:?}");
}

#[test]
fn an_answer_of_the_wrong_type_is_asked_for_again_a_few_times() {
    let mut notebook = TestNotebook::start();
    notebook.run_with("%pip_job answers", &[]).1.unwrap();
    let cell = "let n: u8 = %pip_input n \"How many?\";";
    let (sent, result) = notebook.run_with(cell, &["abc", "300", "12"]);
    assert_eq!(result, Ok(()), "{sent:#?}");
    assert_eq!(
        sent,
        [
            "asked: How many?: ",
            "stderr: `abc` is not a `u8`. Type a whole number from 0 to 255.\n",
            "asked: How many?: ",
            "stderr: `300` is not a `u8`. Type a whole number from 0 to 255.\n",
            "asked: How many?: ",
        ]
    );
    notebook.check("n", &["result: 12"]);
    let (sent, result) = notebook.run_with("let m: i64 = %pip_input m;", &["a", "b", "c", "d", "e", "6"]);
    let error = result.unwrap_err();
    assert_eq!(
        (error.ename.as_str(), error.evalue.as_str()),
        (
            "InvalidInput",
            "no answer for step `m` will do: `e` is not an `i64`. Type a whole number."
        )
    );
    assert_eq!(sent.iter().filter(|sent| sent.starts_with("asked")).count(), 5);
    assert_eq!(notebook.run_with("%pip_get m", &[]).1.unwrap_err().ename, "MissingStep");
    let (sent, result) = notebook.run_with("let key: u8 = %pip_input key --secret;", &["hunter2", "1"]);
    assert_eq!(result, Ok(()), "{sent:#?}");
    assert!(!sent.concat().contains("hunter2"), "{sent:#?}");
    notebook.check("%pip_finalize", &["display: job `answers` is finalized"]);
    let (sent, result) = notebook.run_with("let late: u8 = %pip_input late;", &["1"]);
    assert_eq!(result.unwrap_err().ename, "Finalized");
    assert!(!sent.concat().contains("asked"), "{sent:#?}");
    notebook.check("let n: u8 = %pip_input n;\nn", &["result: 12"]);
}

#[test]
fn a_secret_shows_nowhere() {
    let mut notebook = TestNotebook::start();
    notebook.run_with("%pip_job secrets", &[]).1.unwrap();
    let cell = "let key: String = %pip_input key --secret;\nlet length = key.len();";
    let (sent, result) = notebook.run_with(cell, &["hunter2"]);
    assert_eq!(result, Ok(()), "{sent:#?}");
    let table = "\
display: Name    Type    Value
──────  ──────  ────────
key     String  <hidden>
length  usize   7";
    notebook.check("%whos", &[table]);
}

#[test]
fn variables_are_shown_and_stay() {
    let mut notebook = TestNotebook::start();
    notebook.check(
        "struct Silent;\nstruct Bad;\nimpl std::fmt::Debug for Bad {\n    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> \
         std::fmt::Result { print!(\"side\"); panic!(\"no\") }\n}\nlet silent = Silent;\nlet bad = Bad;\n\
         let text = String::from(\"a\\nb\");\nlet mut many: Vec<u64> = (0..1_000_000).collect();",
        &[],
    );
    let table = "\
display: Name    Type      Value
──────  ────────  ─────────────────────────────────────────────────────────────
bad     Bad
many    Vec<u64>  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 1…
silent  Silent
text    String    \"a\\nb\"
Bad     item
Silent  item";
    notebook.check("%whos", &["stdout: side", table]);
    notebook.check("many.push(1); drop((silent, bad)); text", &["result: \"a\\nb\""]);
    let amid_rust = "\
display: Name  Type
────  ────────
many  Vec<u64>
text  String";
    notebook.check("%whos Vec String\nmany.len()", &[amid_rust, "result: 1000001"]);
    notebook.check_error("panic!(\"still a panic\")", "Panic", "still a panic");
}

#[test]
fn rust_is_taken_for_what_it_is() {
    let mut notebook = TestNotebook::start();
    notebook.check("::std::process::id() > 0", &["result: true"]);
    let error = notebook.check_error("let a = [1];\na[5]", "CompileError", "will panic at runtime");
    assert!(error.traceback[0].contains("cell:2:1"), "{}", error.traceback[0]);
    assert!(error.traceback[0].contains("the length is 1 but the index is 5"));
    notebook.check("trait Area { fn area(&self) -> i32; }\nstruct Square;", &[]);
    notebook.check("impl Area for Square { fn area(&self) -> i32 { 1 } }", &[]);
    notebook.check("impl Square { fn double(&self) -> i32 { 2 * self.area() } }", &[]);
    notebook.check(
        "let area = Square.area();\n(area, Square.double())",
        &["result: (1, 2)"],
    );
    notebook.check("impl Area for Square { fn area(&self) -> i32 { 3 } }", &[]);
    notebook.check(
        "impl Square { fn double(&self) -> i32 { 4 * self.area() } fn more(&self) -> i32 { 5 } }",
        &[],
    );
    notebook.check(
        "(Square.area(), Square.double(), Square.more())",
        &["result: (3, 12, 5)"],
    );
    notebook.check("%who", &["stdout: area    Area    Square\n"]);
    notebook.check(":clear", &[]);
    notebook.check("%who", &["stdout: There are no variables yet.\n"]);
    notebook.check_error("panic!(\"after all was cleared\")", "Panic", "after all was cleared");
    notebook.check_error("\"x\".parse::<u8>()?;", "ParseIntError", "invalid digit");
}
