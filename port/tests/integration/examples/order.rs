//! What stands twice, in the wrong order, or for nothing.

use super::{last, refused};
use crate::support::Fixture;

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
