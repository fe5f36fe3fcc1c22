//! The rows of "Decided, with examples" in the design of the magics, ported.

use super::support::{Fixture, file, steps, told};

/// The body of the last step of a notebook.
fn last(cells: &[&str]) -> String {
    let ported = Fixture::of(cells).port();
    let text = steps(&ported);
    let start = text.rfind("#[rustfmt::skip]\npub fn step").unwrap();
    let text = text[start + "#[rustfmt::skip]\n".len()..].trim_end();
    text.split("\n\n// Errors").next().unwrap().to_owned()
}

/// Why a notebook is refused.
fn refused(cells: &[&str]) -> String {
    Fixture::of(cells).refused().refusals_as_text()
}

#[test]
fn one_cell_is_one_function() {
    insta::assert_snapshot!(last(&["let s = String::new(); let r = &s;\n%pip_set n = 1\n%pip_steps\nr.len()"]), @r##"
    pub fn step_01_n(pip: Pip, job: Job) -> Result<(), StepError> {
    let s = String::new(); let r = &s;
    job.set_json("n", r#"1"#)?;
    pipulate_server::show!(r.len());
        Ok(())
    }
    "##);
}

#[test]
fn a_magic_never_goes_through_the_names_of_the_user() {
    insta::assert_snapshot!(
        last(&["struct Opening { title: String }", "let job = Opening { title: \"a\".into() };\n%pip_set t = job.title"]), @r#"
        pub fn step_01_t(pip: Pip, pipeline_job: Job) -> Result<(), StepError> {
        let job = Opening { title: "a".into() };
        pipeline_job.set("t", &(job.title))?;
            Ok(())
        }
        "#);
    // Where both are meant, both are there.
    insta::assert_snapshot!(last(&["job.set(\"a\", &1)?;\ndrop(job);\n%pip_set t = 1"]), @r##"
    pub fn step_01_a(pip: Pip, pipeline_job: Job) -> Result<(), StepError> {
        let job = pipeline_job.clone();
    job.set("a", &1)?;
    drop(job);
    pipeline_job.set_json("t", r#"1"#)?;
        Ok(())
    }
    "##);
    // A variable of the pipeline that is called so.
    insta::assert_snapshot!(last(&["let job: String = %pip_input title;", "%%pip_step t\njob.len()"]), @r#"
    pub fn step_02_t(pip: Pip, pipeline_job: Job) -> Result<impl Serialize, StepError> {
        let job: String = pipeline_job.require("title")?;
        Ok({
    job.len()
        })
    }
    "#);
    // An item that is called so.
    insta::assert_snapshot!(last(&["fn job() -> u8 { 1 }", "%pip_set t = job()"]), @r#"
    pub fn step_01_t(pip: Pip, pipeline_job: Job) -> Result<(), StepError> {
    pipeline_job.set("t", &(job()))?;
        Ok(())
    }
    "#);
    // Names of ours that the user's items have.
    let ported = Fixture::of(&[
        "struct Job; struct Pip; mod steps { pub fn f() {} } type Result<T> = std::result::Result<T, String>;\nfn step_01_a() {}",
        "%pip_set a = 1\nsteps::f();",
    ])
    .port();
    insta::assert_snapshot!(file(&ported, "src/cells/notebook_steps.rs"), @r##"
    //! The steps of `hello.ipynb`.

    use pipulate_server::StepError;

    use super::*;

    // Cell 2
    #[rustfmt::skip]
    pub fn step_01_a_step(pip: pipulate::Pip, job: pipulate::Job) -> std::result::Result<(), StepError> {
    job.set_json("a", r#"1"#)?;
    steps::f();
        Ok(())
    }
    "##);
    assert!(file(&ported, "src/workflow.rs").contains("use crate::cells::notebook_steps;"));
}

#[test]
fn a_percent_in_an_expression_is_rusts() {
    insta::assert_snapshot!(
        last(&["let total = 7; let pip_n = 4;\nlet rest = total\n%pip_n;\n%pip_set r = rest\nlet more = match rest { 3 => 1, _ => 2 }\n%pip_n;\nmore"]), @r#"
        pub fn step_01_r(pip: Pip, job: Job) -> Result<(), StepError> {
        let total = 7; let pip_n = 4;
        let rest = total
        %pip_n;
        job.set("r", &(rest))?;
        let more = match rest { 3 => 1, _ => 2 }
        %pip_n;
        pipulate_server::show!(more);
            Ok(())
        }
        "#);
}

#[test]
fn commands_come_first() {
    insta::assert_snapshot!(last(&["%pip_set a = 1\n!true"]), @r##"
    pub fn step_01_a(pip: Pip, job: Job) -> Result<(), StepError> {
    job.set_json("a", r#"1"#)?;
        Ok(())
    }
    "##);
    insta::assert_snapshot!(last(&["%pip_set a = 1\n::std::process::id()"]), @r##"
    pub fn step_01_a(pip: Pip, job: Job) -> Result<(), StepError> {
    job.set_json("a", r#"1"#)?;
    pipulate_server::show!(::std::process::id());
        Ok(())
    }
    "##);
    insta::assert_snapshot!(refused(&["let a = 1;\n:dep serde\n%pip_set a = a"]), @r#"
    cell 1, line 2, column 1: `:dep` stands after Rust has begun.
      help: Dependencies and other commands come first: move the line to the top of the cell.
    "#);
}

#[test]
fn values_are_what_the_kernel_takes_them_for() {
    insta::assert_snapshot!(last(&["%pip_set a = 1 // note"]), @r##"
    pub fn step_01_a(pip: Pip, job: Job) -> Result<(), StepError> {
    job.set_json("a", r#"1"#)?; // note
        Ok(())
    }
    "##);
    insta::assert_snapshot!(refused(&["%pip_set a == b"]), @r#"
    cell 1, line 1, column 12: `%pip_set` is followed by one `=`, not by `==`.
      help: Write `%pip_set STEP [--job KEY] = EXPR`.
    "#);
    insta::assert_snapshot!(last(&["let xs = vec![1];\n%pip_set n = xs.iter()\n    .sum::<i64>()"]), @r#"
    pub fn step_01_n(pip: Pip, job: Job) -> Result<(), StepError> {
    let xs = vec![1];
    job.set("n", &(xs.iter()
        .sum::<i64>()))?;
        Ok(())
    }
    "#);
    insta::assert_snapshot!(last(&["%pip_set o = {\"a\": [1, \"\\\"#\"]}"]), @r###"
    pub fn step_01_o(pip: Pip, job: Job) -> Result<(), StepError> {
    job.set_json("o", r##"{"a": [1, "\"#"]}"##)?;
        Ok(())
    }
    "###);
}

#[test]
fn magics_stand_in_blocks() {
    insta::assert_snapshot!(
        last(&["let c = true;\nif c {\n    %pip_set x = 1\n}\nfor n in 0..3 {\n    let old: i32 = %pip_get y --default 0;\n    %pip_set z = old + n\n}"]),
        @r##"
        pub fn step_01_x(pip: Pip, job: Job) -> Result<(), StepError> {
        let c = true;
        if c {
            job.set_json("x", r#"1"#)?;
        }
        for n in 0..3 {
            let old: i32 = job.get("y")?.unwrap_or_else(|| 0);
            job.set("z", &(old + n))?;
        }
            Ok(())
        }
        "##);
    insta::assert_snapshot!(refused(&["fn f() {\n    %pip_set x = 1\n}\nlet g = || {\n    %pip_set y = 1\n};"]), @r#"
    cell 1, line 2, column 5: `%pip_set` stands in a function, where it may run late, often or never.
      help: Magics stand among the cell's own statements; elsewhere use plain Rust, such as `job.set(..)` and `job.get(..)`.
    cell 1, line 5, column 5: `%pip_set` stands in a closure, where it may run late, often or never.
      help: Magics stand among the cell's own statements; elsewhere use plain Rust, such as `job.set(..)` and `job.get(..)`.
    "#);
}

#[test]
fn a_binding_that_changes_is_refused() {
    insta::assert_snapshot!(refused(&["%pip_set n = 1", "let mut n: i64 = %pip_get n;", "n += 1;\n%pip_set m = n"]), @r#"
    cell 3, line 1, column 1: `n` of cell 2 is `mut`, so that it may hold something else than its step. It is used in cell 3.
      help: At the end of cell 2 add: %pip_set n = n
            At the beginning of cell 3 add: let n: i64 = %pip_get n;
    "#);
}

#[test]
fn an_inline_capture_is_a_use() {
    insta::assert_snapshot!(refused(&["let customer = read();", "%%pip_step a\nformat!(\"{customer}\")"]), @r#"
    cell 2, line 2, column 9: `customer` is a variable of cell 1, and did not come through the pipeline. It is used in cell 2.
      help: At the end of cell 1 add: %pip_set customer = customer
            At the beginning of cell 2 add: let customer: TYPE = %pip_get customer;
    "#);
    insta::assert_snapshot!(
        last(&["let customer: String = %pip_input customer;", "%%pip_step a\nformat!(\"{customer}\")"]), @r#"
        pub fn step_02_a(pip: Pip, job: Job) -> Result<impl Serialize, StepError> {
            let customer: String = job.require("customer")?;
            Ok({
        format!("{customer}")
            })
        }
        "#);
}

#[test]
fn any_pattern_takes_a_value() {
    insta::assert_snapshot!(
        last(&["%pip_set pair = (1, 2)", "let (a, b): (i32, i32) = %pip_get pair;", "%%pip_step sum\na + b"]), @r#"
        pub fn step_02_sum(pip: Pip, job: Job) -> Result<impl Serialize, StepError> {
            let (a, b): (i32, i32) = job.require("pair")?;
            Ok({
        a + b
            })
        }
        "#);
}

#[test]
fn errors_are_reported_and_futures_driven() {
    let ported = Fixture::of(&[
        "use std::fmt;\n#[derive(Debug)]\nstruct MyError;\n#[derive(Debug)]\nstruct Shown;\nimpl fmt::Display for Shown { fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result { Ok(()) } }\n#[derive(Debug)]\nenum Unused {}\nfn f() -> Result<(), MyError> { Err(MyError) }\nfn g() -> Result<(), Shown> { Ok(()) }",
        "%%pip_step a\nf()?;\n\"5\".parse::<i32>()?",
        "async fn later() -> u8 { 1 }",
        "%%pip_step b\nlater().await",
        "%pip_set c = later().await",
    ])
    .port();
    insta::assert_snapshot!(steps(&ported), @r#"
    //! The steps of `hello.ipynb`.

    use pipulate::{Job, Pip};
    use pipulate_server::{Serialize, StepError};

    use super::*;

    // Cell 2
    #[rustfmt::skip]
    pub fn step_01_a(pip: Pip, job: Job) -> Result<impl Serialize, StepError> {
        Ok({
    f()?;
    "5".parse::<i32>()?
        })
    }

    // Cell 4
    #[rustfmt::skip]
    pub fn step_02_b(pip: Pip, job: Job) -> Result<impl Serialize, StepError> {
        pipulate_server::block_on(async move {
            Ok({
    later().await
            })
        })
    }

    // Cell 5
    #[rustfmt::skip]
    pub fn step_03_c(pip: Pip, job: Job) -> Result<(), StepError> {
        pipulate_server::block_on(async move {
    job.set("c", &(later().await))?;
            Ok(())
        })
    }

    // Errors that only `Debug` can show.
    pipulate_server::report_by_debug!(MyError);
    "#);
}

#[test]
fn items_of_a_step_stay_inside() {
    insta::assert_snapshot!(last(&["%%pip_step a\nuse std::fmt;\nfn f() -> u8 { 1 }\nstruct S;\nf()"]), @r#"
    pub fn step_01_a(pip: Pip, job: Job) -> Result<impl Serialize, StepError> {
        Ok({
    use std::fmt;
    fn f() -> u8 { 1 }
    struct S;
    f()
        })
    }
    "#);
    insta::assert_snapshot!(refused(&["%%pip_step a\nlet x = 1;"]), @r#"
    cell 1, line 2, column 10: The step `a` has no value: its last line ends in `;`.
      help: Leave the `;` out, or end the cell with the expression that is the step's value.
    "#);
    insta::assert_snapshot!(refused(&["%%pip_step a\n// nothing"]), @r#"
    cell 1, line 1, column 3: The step `a` has no value: its cell has no code.
      help: Write the expression that is the step's value below the first line.
    "#);
}

#[test]
fn names_are_data() {
    let ported = Fixture::of(&[
        "fn greet() {}",
        "%pip_set a = 1",
        "%%pip_step greet\n1",
        "%%pip_step match\n1",
        "%%pip_step \"日本 2\"\n1",
    ])
    .port();
    let functions: Vec<&str> = ported.report.steps.iter().map(|step| step.function.as_str()).collect();
    assert_eq!(functions, ["step_01_a", "step_02_greet", "step_03_match", "step_04_2"]);
}

#[test]
fn a_static_is_told() {
    let ported = Fixture::of(&[
        "static N: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);",
        "%pip_set a = 1",
    ])
    .port();
    insta::assert_snapshot!(ported.report.to_string(), @r#"
    hello.ipynb: workflow `hello`, 1 step
      cell 1  static N: std::sync::atomic::Atomic…  items: `static N`
                line 1: all steps share `static N` as long as the process lives, while each of the notebook's cells has a fresh one
      cell 2  %pip_set a = 1                        step `a`
    "#);
}

#[test]
fn what_is_made_twice_is_refused() {
    insta::assert_snapshot!(
        refused(&["trait T {}\nstruct U;", "impl T for U {}", "impl T for U {}", "%pip_set a = 1"]), @r#"
        cell 3, line 1, column 1: `impl T for U` is defined twice: in cell 2, line 1, and here.
          help: In the notebook the later one takes the place of the other; in a crate both would stand. Keep one.
        "#);
    insta::assert_snapshot!(refused(&["%pip_set a = 1", "%%pip_step a\n2", "let a: u8 = %pip_input a;"]), @r#"
    cell 2, line 1, column 12: The step `a` is made twice: in cell 1, line 1, and here.
      help: Give one of them another name.
    cell 3, line 1, column 1: The step `a` is made twice: in cell 1, line 1, and here.
      help: Give one of them another name.
    "#);
    insta::assert_snapshot!(
        refused(&["fn f() {}", "fn f() { }\nuse std::fmt;", "use core::fmt;\nstruct S;", "mod S {}", "%pip_set a = 1"]), @r#"
        cell 2, line 1, column 1: `fn f` is defined twice: in cell 1, line 1, and here.
          help: In the notebook the later one takes the place of the other; in a crate both would stand. Keep one.
        cell 3, line 1, column 1: `fmt` is defined twice: in cell 2, line 2, and here.
          help: In the notebook the later one takes the place of the other; in a crate both would stand. Keep one.
        cell 4, line 1, column 1: `mod S` is defined twice: in cell 3, line 2, and here.
          help: In the notebook the later one takes the place of the other; in a crate both would stand. Keep one.
        "#);
}

#[test]
fn the_order_of_cells_is_that_of_steps() {
    insta::assert_snapshot!(
        refused(&["%%pip_step a\nlet b: u8 = %pip_get b;\nb", "%%pip_step b\nlet a: u8 = %pip_get a;\na"]), @r#"
        cell 1, line 2, column 1: The step `b` is read here, and made further down, in cell 2, line 1.
          help: The order of the cells is that of the steps: move the cell that makes it up.
        "#);
    insta::assert_snapshot!(refused(&["let n: u8 = %pip_get n --default 0;\n%pip_set n = n + 1"]), @r#"
    cell 1, line 1, column 1: The step `n` reads the value that it had before.
      help: A step is worked out from the steps before it: give the new value another name.
    "#);
    insta::assert_snapshot!(refused(&["%%pip_step n\njob.get_or(\"n\", 1)? + 1"]), @r#"
    cell 1, line 2, column 12: The step `n` reads the value that it had before.
      help: A step is worked out from the steps before it: give the new value another name.
    "#);
    // What a step leaves half done it finds again, by plain Rust, under a name that is not its own.
    let resumes = "%%pip_step n\nlet mut done: Vec<u8> = job.get(\"done\")?.unwrap_or_default();\ndone.push(1);\njob.set(\"done\", &done)?;\ndone.len()";
    assert!(last(&[resumes]).contains("job.get(\"done\")?"));
    insta::assert_snapshot!(last(&["%pip_set a = 1\nlet a: u8 = %pip_get a;\n%pip_set b = a"]), @r##"
    pub fn step_01_a(pip: Pip, job: Job) -> Result<(), StepError> {
    job.set_json("a", r#"1"#)?;
    let a: u8 = job.require("a")?;
    job.set("b", &(a))?;
        Ok(())
    }
    "##);
}

#[test]
fn a_notebook_has_one_workflow() {
    insta::assert_snapshot!(
        refused(&["%pip_job a --workflow one", "%pip_job b --workflow two", "%pip_set a = 1"]), @r#"
        cell 2, line 1, column 1: The notebook has two workflows: `one` in cell 1, line 1, and `two` here.
          help: A port makes an app of one: give each a notebook of its own.
        "#);
    let ported = Fixture::of(&[
        "%pip_job a --workflow one",
        "%pip_job b --workflow one",
        "%pip_set a = 1",
    ])
    .port();
    insta::assert_snapshot!(ported.report.to_string(), @r#"
    hello.ipynb: workflow `one`, 1 step
      cell 1  %pip_job a --workflow one  `--workflow one`
      cell 2  %pip_job b --workflow one  `--workflow one`
                line 1: the notebook goes to another job, `b`; a step of the app works on the job of its page
      cell 3  %pip_set a = 1             step `a`
    "#);
}

#[test]
fn a_cell_of_comments_is_left_out() {
    let ported = Fixture::of(&["// nothing\n/* at all */", "", "%pip_set a = 1"]).port();
    insta::assert_snapshot!(ported.report.to_string(), @r#"
    hello.ipynb: workflow `hello`, 1 step, 2 cells left out
      cell 1  /* at all */    left out: only comments stand in it
      cell 2                  left out: nothing stands in it
      cell 3  %pip_set a = 1  step `a`
    "#);
}

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
        Ok(token.to_uppercase())
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
        Ok(format!("{first} {n}"))
    }

    /// What the field `v` begins with.
    #[rustfmt::skip]
    pub fn step_03_second_v_default(pip: Pip, job: Job) -> Result<impl Serialize, StepError> {
        Ok("1".parse::<u8>().map(|n| vec![n])?)
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
