//! Plain Rust that sets steps, forms, and what is shown.

use super::{last, refused};
use crate::support::{Fixture, file, steps, told};

#[test]
fn plain_rust_makes_a_step_too() {
    insta::assert_snapshot!(
        last(&["let greeting = \"hi\";\njob.set(\"step_02\", &greeting)?;\njob.require::<String>(\"step_02\")?"]), @r#"
        pub fn step_01_step_02(pip: Pip, job: Job) -> Result<(), StepError> {
        let greeting = "hi";
        job.set("step_02", &greeting)?;
        pipulate_server::show!(job.require::<String>("step_02")?);
            Ok(())
        }
        "#);
    insta::assert_snapshot!(last(&["%pip_set a = 1", "job.set(\"b\", &(job.require::<u8>(\"a\")? + 1))?;\npip.get::<u8>(\"x\", \"y\")?;"]), @r#"
    pub fn step_02_b(pip: Pip, job: Job) -> Result<(), StepError> {
    job.set("b", &(job.require::<u8>("a")? + 1))?;
    pip.get::<u8>("x", "y")?;
        Ok(())
    }
    "#);
}

#[test]
fn another_job_is_reached_by_pip() {
    insta::assert_snapshot!(
        last(&["let a: u8 = %pip_get a --job other;\n%pip_set b --job \"the third\" = a\n%pip_set c = 1"]), @r##"
        pub fn step_01_c(pip: Pip, job: Job) -> Result<(), StepError> {
        let a: u8 = pip.job("other")?.require("a")?;
        pip.job("the third")?.set("b", &(a))?;
        job.set_json("c", r#"1"#)?;
            Ok(())
        }
        "##);
    insta::assert_snapshot!(refused(&["let a: u8 = %pip_input a --job other;"]), @r#"
    cell 1, line 1, column 1: A form saves in the job of its page, and not in another.
      help: Leave `--job` out, and save what was asked for with `%pip_set --job`.
    "#);
}

#[test]
fn forms_have_secrets_defaults_and_types() {
    let ported = Fixture::of(&[
        "use pipulate::Bytes;",
        "let token: String = %pip_input token --secret;\nlet file: Bytes = %pip_input file;\n%pip_input comment",
        "let first: String = %pip_input first --default token.to_uppercase();",
        "let n: u8 = %pip_get n --default 1;\nlet second: String = %pip_input second --default format!(\"{first} {n}\");\nlet v: Vec<u8> = %pip_input v --default \"1\".parse::<u8>().map(|n| vec![n])?;",
    ])
    .port();
    insta::assert_snapshot!(steps(&ported), @r#"
    //! The steps of `hello.ipynb`.

    use pipulate::{Job, Pip};
    use pipulate_server::{Field, Serialize, StepError};

    use super::*;

    // Cell 2
    #[rustfmt::skip]
    pub fn step_01_token(pip: Pip, job: Job) -> Result<(), StepError> {
    let token: String = pipulate_server::secret("token")?;
    let file: Bytes = job.require("file")?;
        Ok(())
    }

    /// The field `file`.
    #[rustfmt::skip]
    pub fn step_01_token_file_field() -> Field {
        Field::new::<Bytes>("file")
    }

    // Cell 3
    #[rustfmt::skip]
    pub fn step_02_first(pip: Pip, job: Job) -> Result<(), StepError> {
        let token: String = pipulate_server::secret("token")?;
    let first: String = job.require("first")?;
        Ok(())
    }

    /// What the field `first` begins with.
    #[rustfmt::skip]
    pub fn step_02_first_default(pip: Pip, job: Job) -> Result<impl Serialize, StepError> {
        let token: String = pipulate_server::secret("token")?;
        Ok::<String, _>(token.to_uppercase())
    }

    // Cell 4
    #[rustfmt::skip]
    pub fn step_03_second(pip: Pip, job: Job) -> Result<(), StepError> {
        let first: String = job.require("first")?;
    let n: u8 = job.get("n")?.unwrap_or_else(|| 1);
    let second: String = job.require("second")?;
    let v: Vec<u8> = job.require("v")?;
        Ok(())
    }

    /// What the field `second` begins with.
    #[rustfmt::skip]
    pub fn step_03_second_default(pip: Pip, job: Job) -> Result<impl Serialize, StepError> {
        let first: String = job.require("first")?;
        let n: u8 = job.get("n")?.unwrap_or_else(|| 1);
        Ok::<String, _>(format!("{first} {n}"))
    }

    /// What the field `v` begins with.
    #[rustfmt::skip]
    pub fn step_03_second_v_default(pip: Pip, job: Job) -> Result<impl Serialize, StepError> {
        Ok::<Vec<u8>, _>("1".parse::<u8>().map(|n| vec![n])?)
    }
    "#);
    insta::assert_snapshot!(file(&ported, "src/workflow.rs"), @r#"
    //! The workflow of `hello.ipynb`: its steps, in the order of their cells.

    use pipulate_server::{Field, Step, Workflow};

    use crate::cells::steps;

    /// The workflow.
    pub fn workflow() -> Workflow {
        Workflow::new("hello")
            .notebook("hello.ipynb")
            .source(
                include_str!("cells.rs"),
                include_str!("cells/steps.rs"),
                include_str!("../Cargo.toml"),
            )
            .lines(include_str!("cells/lines.txt"))
            // Cell 2
            .step(
                Step::saves("token", steps::step_01_token)
                    .field(Field::new::<String>("token").secret())
                    .field(steps::step_01_token_file_field())
                    .field(Field::new::<String>("comment")),
            )
            // Cell 3
            .step(
                Step::saves("first", steps::step_02_first)
                    .field(Field::new::<String>("first").default(steps::step_02_first_default)),
            )
            // Cell 4
            .step(
                Step::saves("second", steps::step_03_second)
                    .field(Field::new::<String>("second").default(steps::step_03_second_default))
                    .field(Field::new::<Vec<u8>>("v").default(steps::step_03_second_v_default)),
            )
    }
    "#);
    insta::assert_snapshot!(
        refused(&["let a: u8 = %pip_input a;\nlet x = 1;\nlet b: u8 = %pip_input b --default a + x;"]), @r#"
        cell 1, line 3, column 36: The default uses `a`, which the same form asks for.
          help: Ask for `a` in a cell before this one.
        cell 1, line 3, column 40: The default uses `x`, which the cell works out only when the form was sent.
          help: Save it in a cell before this one, and load it with `let x: TYPE = %pip_get x;`.
        "#);
}

#[test]
fn time_is_kept() {
    insta::assert_snapshot!(
        last(&["%%pip_step a\n%time println!(\"x\"); // slow\n%time %pip_read\nlet n = %time 1 + 1;\n%time n * 2"]), @r#"
        pub fn step_01_a(pip: Pip, job: Job) -> Result<impl Serialize, StepError> {
            Ok({
        { let _timer = pipulate::runtime::timer(); println!("x") }; // slow
        let n = { let _timer = pipulate::runtime::timer(); 1 + 1 };
        { let _timer = pipulate::runtime::timer(); n * 2 }
            })
        }
        "#);
    insta::assert_snapshot!(last(&["%%time\nlet n = 1;\n%pip_set a = n"]), @r#"
    pub fn step_01_a(pip: Pip, job: Job) -> Result<(), StepError> {
        let _timer = pipulate::runtime::timer();
    let n = 1;
    job.set("a", &(n))?;
        Ok(())
    }
    "#);
}

#[test]
fn a_value_is_shown_and_nothing_is_not() {
    let shows = |text: &str| last(&[&format!("%pip_set a = 1\n{text}")]).contains("pipulate_server::show!(");
    for text in [
        "a()",
        "1 + 1",
        "if x { 1 } else { 2 }",
        "vec![1]",
        "match x { _ => 1 }",
        "Some(1)?",
    ] {
        assert!(shows(text), "{text}");
    }
    for text in [
        "println!(\"x\")",
        "for _ in x {}",
        "if x {}",
        "x = 1",
        "while x {}",
        "x;",
    ] {
        assert!(!shows(text), "{text}");
    }
    assert!(last(&["%pip_set a = 1\nprintln!(\"x\")"]).contains("println!(\"x\");"));
}

#[test]
fn what_cannot_be_ported_is_told_all_at_once() {
    let error = Fixture::new()
        .code("%pip_sett a = 1")
        .code("let rows = vec![1];\nlet total: usize = rows.len();")
        .tagged(&["parameters"], "let limit = 3;")
        .code("%%pip_step b\nrows.len() + limit + late + total")
        .code("let late = 1;")
        .code("%pip_set c = (1")
        .code("fn f() { crate::g() }\nlet x = $;")
        .code("fn f() { crate::g() }")
        .code("%%nope\ntext")
        .try_port()
        .unwrap_err();
    insta::assert_snapshot!(told(&error), @r#"
    hello.ipynb cannot be ported: 9 things stand in the way
    cell 1, line 1, column 1: There is no magic `%pip_sett`.
      help: Did you mean `%pip_set`?
    cell 4, line 2, column 1: `rows` is a variable of cell 2, and did not come through the pipeline. It is used in cell 4.
      help: At the end of cell 2 add: %pip_set rows = rows
            At the beginning of cell 4 add: let rows: TYPE = %pip_get rows;
    cell 4, line 2, column 14: `limit` is of cell 3, which is tagged `parameters` and left out.
      help: Ask for it, `let limit: TYPE = %pip_input limit;`, or take the tag away.
    cell 4, line 2, column 22: `late` is bound in cell 5, further down than it is used.
      help: The order of the cells is that of the steps: move that cell up.
    cell 4, line 2, column 29: `total` is a variable of cell 2, and did not come through the pipeline. It is used in cell 4.
      help: At the end of cell 2 add: %pip_set total = total
    cell 6, line 1, column 1: `%pip_set` is not finished.
      help: Write what is missing: a value, a closing bracket or quote.
    cell 7, line 2, column 9: Expected an expression.
    cell 8, line 1, column 10: `crate::` is the root of the notebook's cells, and another place in the port.
      help: Leave `crate::` out: the items of all cells are in scope by their names.
    cell 9, line 1, column 1: There is no magic `%%nope`.
      help: `%lsmagic` lists those that there are.
    "#);
    insta::assert_snapshot!(refused(&["let x = 1;", "%pip_read"]), @r#"
    The notebook has no step.
      help: A cell becomes a step by `%%pip_step NAME` on its first line, by `%pip_set NAME = VALUE`, or by `let name: TYPE = %pip_input NAME;`.
    "#);
}

#[test]
fn cells_without_effect_say_so() {
    let ported = Fixture::of(&[
        "println!(\"a\");",
        "let a: u8 = %pip_get a;",
        "%pip_job k",
        "job.set(name, &1)?;",
        "%pip_set x --job other = 1",
        "fn f() {}\nf();",
        "%%bash\nls",
        "!ls",
        "let z: u8 = %pip_get aa;\n%pip_set aaa = z",
        "if true {\n    let q: u8 = %pip_input q;\n}\n%pip_get aaa",
    ])
    .port();
    insta::assert_snapshot!(ported.report.to_string(), @r#"
    hello.ipynb: workflow `hello`, 2 steps, 7 cells left out
      cell 1   println!("a");              left out: it has no effect on any step
      cell 2   let a: u8 = %pip_get a;     left out: what it loads is loaded again where it is used
      cell 3   %pip_job k                  left out: the page chooses the job
      cell 4   job.set(name, &1)?;         left out: it has no effect on any step
                 line 1: which step it sets cannot be seen: `%%pip_step NAME` or `%pip_set NAME = VALUE` makes it a step
      cell 5   %pip_set x --job other = 1  left out: it has no effect on any step
                 line 1: it saves in another job alone: `%%pip_step NAME` makes it a step
      cell 6   fn f() {}                   items: `fn f`
                 line 1: its statements are left out: they have no effect on any step
      cell 7   %%bash                      left out: it acts on the notebook alone
                 line 1: left out: `%%bash`, since it runs on the notebook's machine
      cell 8   !ls                         left out: it acts on the notebook alone
                 line 1: left out: a line for the notebook's shell
      cell 9   let z: u8 = %pip_get aa;    step `aaa`
                 line 1: no step gives `aa` a value; did you mean `aaa`?
      cell 10  if true {                   step `q`
                 line 2: the form always asks for `q`, also where the cell would not
                 line 4: left out: `%pip_get aaa`, since the page shows it
    "#);
}
