//! `tests/workflow.rs`: what is true of the workflow whatever its steps do.

use super::Context;
use super::layout::Expression;
use crate::plan::StepPlan;
use crate::text::literal;

/// The tests. They say what the notebook says, so that a change made to the crate by hand is either meant, and made here too, or found.
/// None runs a step: a cell may fail, wait for a network or take an hour, and its port is right all the same.
pub(super) fn tests(context: &Context<'_>) -> String {
    let plan = context.plan;
    let program = literal(&format!("CARGO_BIN_EXE_{}", context.package));
    let app = Expression::Call(
        "TestApp::new".to_owned(),
        vec![
            Expression::atom("workflow()"),
            Expression::Call("env!".to_owned(), vec![Expression::atom(program)]),
        ],
    );
    let mut text = format!(
        "//! Tests of the workflow of {}: that it is the notebook's, and that its pages open. `cargo test` runs them.\n\
         //!\n\
         //! They run no step, since one may take an hour or use a network. Tests of yours can:\n\
         //! `app().new_job().submit(\"STEP\", &[(\"FIELD\", \"ANSWER\")])` runs a step, and those after it that ask for nothing.\n\
         \n\
         use {}::workflow;\n\
         use pipulate_server::testing::{{OpenForm, TestApp, outline}};\n\
         \n\
         /// The steps, in the notebook's order.\n\
         const STEPS: &[&str] = &[\n",
        context.notebook_in_prose(),
        context.package.replace('-', "_"),
    );
    for step in &plan.steps {
        let place = plan.notebook.cells[plan.code[step.code].index].place;
        let number = place.number.to_string();
        text.extend(["    // Cell ", &number, "\n    ", &literal(&outline(step)), ",\n"]);
    }
    text.extend(["];\n\nfn app() -> TestApp {\n    ", &app.lay_out(4, 0, 0), "\n}\n"]);
    text.push_str(
        "\n\
         #[test]\n\
         fn the_steps_are_the_notebooks() {\n    assert_eq!(outline(&workflow()), STEPS);\n}\n\
         \n\
         #[test]\n\
         fn a_new_job_opens_at_the_first_step() {\n    \
             let first = OpenForm::of(&workflow().steps()[0]);\n    \
             assert_eq!(app().new_job().open_form(), Some(first));\n}\n",
    );
    let begins = |step: &StepPlan| step.fields.iter().any(|field| field.default.is_some());
    if plan.steps.iter().any(begins) {
        text.push_str(
            "\n\
             #[test]\n\
             fn forms_take_what_they_begin_with() {\n    \
                 let refused = app().refused_defaults();\n    \
                 assert!(refused.is_empty(), \"{refused:#?}\");\n}\n",
        );
    }
    text
}

/// A step as `pipulate_server::testing::outline` tells it.
fn outline(step: &StepPlan) -> String {
    let mut does = Vec::new();
    let asked: Vec<&str> = step.fields.iter().map(|field| field.name.as_str()).collect();
    if !asked.is_empty() {
        does.push(format!("asks {}", asked.join(", ")));
    }
    if step.computes {
        does.push("computes".to_owned());
    } else if !step.sets.is_empty() {
        does.push(format!("saves {}", step.sets.join(", ")));
    }
    if does.is_empty() {
        return step.name.clone();
    }
    format!("{}: {}", step.name, does.join("; "))
}
