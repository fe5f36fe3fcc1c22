//! Magics amid Rust, and what is Rust and no magic.

use super::{last, refused};
use crate::support::{Fixture, file};

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
