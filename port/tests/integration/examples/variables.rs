//! Variables and patterns.

use super::{last, refused};

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
