//! What a step may say, and what its function and names become.

use super::{last, refused};
use crate::support::{Fixture, steps};

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
