//! What tests of workflows are given.

use pipulate_server::testing::{OpenForm, TestApp, outline};
use pipulate_server::{Field, Step, Workflow};

use crate::support::workers;
use crate::workflows;

fn app(name: &str) -> TestApp {
    let workflow = workflows::all().into_iter().find(|workflow| workflow.name() == name);
    TestApp::with(workflow.unwrap(), workers())
}

fn form(step: &str, fields: &[&str]) -> OpenForm {
    OpenForm {
        step: step.to_owned(),
        fields: fields.iter().map(|&field| field.to_owned()).collect(),
    }
}

#[test]
fn a_new_job_shows_its_first_form_and_runs_nothing() {
    let hello = app("hello");
    assert!(hello.page("/").contains("Hello workflow"));
    let job = hello.new_job();
    assert_eq!(job.open_form(), Some(form("ask", &["name", "age"])));
    let first = OpenForm::of(&workflows::all()[0].steps()[0]);
    assert_eq!(job.open_form(), Some(first));
    // It would run when it is opened on a page.
    let quiet = app("quiet/ü").new_job();
    assert_eq!(quiet.open_form(), Some(form("nothing", &[])));
    assert!(quiet.state().steps().unwrap().is_empty());
    let shapes = app("shapes").new_job();
    let names = ["text", "number", "yes", "one", "list", "maybe", "file", "api_key"];
    assert_eq!(shapes.open_form(), Some(form("fields", &names)));
}

#[test]
fn a_workflow_runs_to_its_end() {
    let job = app("quiet/ü").new_job();
    job.submit("nothing", &[]).unwrap();
    assert_eq!(job.open_form(), None);
    assert!(job.page().contains("All steps are done"));

    let job = app("hello").new_job();
    let error = job.submit("ask", &[("age", "none")]).unwrap_err();
    assert!(error.message().contains("`none` is not a `u8`"), "{error:?}");
    // The form is sent with what it begins with.
    job.submit("ask", &[("name", "Ada <&\"'>")]).unwrap();
    assert_eq!(job.state().require::<u8>("age").unwrap(), 36);
    let shout: String = job.state().require("shout").unwrap();
    assert_eq!(shout, "HELLO, ADA <&\"'>!");
    assert_eq!(job.open_form(), Some(form("wish", &["wish"])));
}

#[test]
fn a_step_that_fails_says_how() {
    let job = app("trouble").new_job();
    let error = job.submit("work", &[("how", "panic")]).unwrap_err();
    assert_eq!((error.name(), error.message()), ("Panic", "on purpose"));
    let error = job.submit("work", &[("how", "exit")]).unwrap_err();
    assert_eq!(error.name(), "ProcessDied");
    job.submit("work", &[("how", "well")]).unwrap();
    let error = job.submit("elsewhere", &[]).unwrap_err();
    assert!(error.message().contains("elsewhere"), "{error:?}");
}

#[test]
fn defaults_that_forms_refuse_are_found() {
    assert_eq!(app("hello").refused_defaults(), Vec::<String>::new());
    assert_eq!(
        app("defaults").refused_defaults(),
        [
            "field `age` of step `ask`: `300` is not a `u8`. Type a whole number from 0 to 255.",
            "field `wish` of step `ask`: `war` is none of the choices."
        ]
    );
}

#[test]
fn a_workflow_is_told_step_by_step() {
    let told = |name: &str| {
        let workflow = workflows::all().into_iter().find(|workflow| workflow.name() == name);
        outline(&workflow.unwrap())
    };
    assert_eq!(
        told("hello"),
        [
            "ask: asks name, age",
            "greeting: computes",
            "shout: computes",
            "wish: asks wish",
            "end: computes"
        ]
    );
    assert_eq!(told("items"), ["each: saves done", "sum: computes"]);
    assert_eq!(told("trouble"), ["work: asks how; computes"]);
    assert_eq!(told("silent"), ["zero: computes", "only"]);
}

#[test]
#[should_panic(expected = "two steps named `a`")]
fn a_workflow_that_makes_no_sense_is_no_app() {
    let step = || Step::saves("a", |_, _| Ok(())).field(Field::new::<u8>("b"));
    TestApp::with(Workflow::new("twice").step(step()).step(step()), workers());
}
