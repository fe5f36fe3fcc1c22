//! Questions to the user.

use std::sync::Arc;

use insta::assert_snapshot;
use pipulate::runtime::{ATTEMPTS, InputRequest};
use serde_json::{Map, Value};

use crate::magic::testing::{Notebook, Recorder};
use crate::magic::{Context, input};
use crate::outputs::{InputError, MimeBundle, Outputs, Stream};
use crate::state::Settings;

#[test]
fn an_input_is_asked_for_once() {
    let notebook = Notebook::at_job();
    let shown = notebook.run_with(
        "%pip_input city \"Which city?\" --help-text \"Where you live.\"",
        &["Paris"],
    );
    let recorder = shown.unwrap();
    assert_eq!(recorder.prompts(), [("Which city?: ".to_owned(), false)]);
    assert_eq!(recorder.stdout(), "Where you live.\n");
    assert_eq!(recorder.displays()[0].0["text/plain"], "city = \"Paris\" (revision 1)");
    let shown = notebook.run_with("%pip_input city", &["London"]);
    assert_eq!(
        shown.text(),
        "city = \"Paris\" (stored; `%pip_remove city` has it asked again)"
    );
}

#[test]
fn choices_are_enforced_and_numbers_stand_for_them() {
    for (answers, expected) in [
        (&["blue"][..], "blue"),
        (&["2"], "dark red"),
        (&["pink", "0", "9", "1"], "blue"),
    ] {
        let notebook = Notebook::at_job();
        let shown = notebook.run_with("%pip_input colour --choices \"blue, dark red\"", answers);
        let recorder = shown.unwrap();
        assert_eq!(recorder.prompts().len(), answers.len());
        assert_eq!(recorder.prompts()[0].0, "colour [1: blue, 2: dark red]: ");
        let stored: String = notebook.state.job().unwrap().require("colour").unwrap();
        assert_eq!(stored, expected);
        let problems = recorder.stderr();
        assert_eq!(problems.lines().count(), answers.len() - 1, "{problems}");
        if answers.len() > 1 {
            assert!(
                problems.starts_with("`pink` is none of the choices: `blue`, `dark red`, or a number from 1 to 2."),
                "{problems}"
            );
        }
    }
}

#[test]
fn a_choice_is_asked_for_a_few_times() {
    let notebook = Notebook::at_job();
    let shown = notebook.run_with("%pip_input colour --choices red,blue", &["pink"; 9]);
    assert_eq!(shown.recorder.prompts().len(), ATTEMPTS);
    assert_eq!(shown.recorder.stderr().lines().count(), ATTEMPTS);
    assert_snapshot!(shown.error_text(), @"
    InvalidInput: no answer for step `colour` will do: `pink` is none of the choices: `red`, `blue`, or a number from 1 to 2.
    Run the cell again to be asked again.
    ");
}

#[test]
fn a_default_is_offered_and_stored_as_it_is() {
    let notebook = Notebook::at_job();
    let recorder = notebook.run_with("%pip_input count --default [1, 2]", &[""]).unwrap();
    assert_eq!(recorder.prompts()[0].0, "count ([1, 2]): ");
    assert_eq!(
        notebook.state.job().unwrap().require::<Vec<i32>>("count").unwrap(),
        [1, 2]
    );
    let recorder = notebook.run("%pip_input size --default \"large\"").unwrap();
    assert_eq!(
        recorder.stdout(),
        "size: nobody can be asked, so it is large (its default)\n"
    );
    assert_eq!(
        notebook.state.job().unwrap().require::<String>("size").unwrap(),
        "large"
    );
    assert_eq!(
        notebook.run("%pip_input other --default vec![1]").error().ename,
        "Usage"
    );
}

#[test]
fn where_nobody_can_be_asked_the_error_says_how_to_answer() {
    let error = Notebook::at_job().run("%pip_input \"the city\"").error_text();
    assert_snapshot!(error, @r#"
    MissingInput: step `the city` needs an answer, and nobody can be asked here
    Give it with `pipulate run NOTEBOOK -p 'the city="an answer"'`, or beforehand with `%pip_set "the city" = "an answer"`.
    "#);
    let error = Notebook::at_job().run("%pip_input api-key --secret").error_text();
    assert!(
        error.ends_with("Set the variable API_KEY in the environment of the kernel."),
        "{error}"
    );
}

#[test]
fn parameters_answer_and_are_checked() {
    let parameters = [("city", "\"Paris\""), ("count", "5"), ("colour", "\"pink\"")];
    let parameters = parameters.map(|(step, json)| (step.to_owned(), json.to_owned())).into();
    let notebook = Notebook::with(Settings {
        parameters,
        job: Some("run".to_owned()),
        ..Settings::default()
    });
    notebook.run("%pip_job").unwrap();
    assert_eq!(notebook.run("%pip_input city").text(), "city = \"Paris\" (revision 1)");
    assert_eq!(notebook.run("%pip_input count").text(), "count = \"5\" (revision 2)");
    let error = notebook.run("%pip_input colour --choices blue,red").error();
    assert_eq!(error.ename, "InvalidInput");
    assert!(
        error
            .evalue
            .starts_with("the parameter for step `colour` will not do: `pink` is none"),
        "{error:?}"
    );
    // Code in a cell that could not use the answer asks again, and would get the same one for ever.
    let request = InputRequest {
        step: "count".to_owned(),
        problem: Some("\"5\" is not a date".to_owned()),
        ..Default::default()
    };
    let recorder = Recorder::new();
    let error = notebook
        .with_context(&recorder, |context| input::ask(&request, context))
        .unwrap_err();
    assert_eq!(
        error.evalue,
        "the parameter for step `count` will not do: \"5\" is not a date"
    );
}

#[test]
fn a_secret_is_never_stored_or_shown() {
    let notebook = Notebook::at_job();
    let recorder = notebook
        .run_with("%pip_input token --secret", &["", "hunter2"])
        .unwrap();
    assert_eq!(
        recorder.prompts(),
        [("token: ".to_owned(), true), ("token: ".to_owned(), true)]
    );
    let shown = format!("{:?}{}{}", recorder.displays(), recorder.stdout(), recorder.stderr());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(
        notebook.state.job().unwrap().info().unwrap().is_none(),
        "nothing was stored"
    );
    let request = InputRequest {
        step: "token".to_owned(),
        secret: true,
        ..Default::default()
    };
    let recorder = Recorder::new();
    let again = notebook
        .with_context(&recorder, |context| input::ask(&request, context))
        .unwrap();
    assert_eq!((again.as_str(), recorder.prompts().len()), ("hunter2", 0));

    let notebook = Notebook::at_job();
    notebook.run("%env TOKEN=from the environment").unwrap();
    let secret = notebook
        .with_context(&recorder, |context| input::ask(&request, context))
        .unwrap();
    assert_eq!(secret, "from the environment");
}

#[test]
fn an_interrupted_question_is_an_error() {
    struct Interrupts;
    impl Outputs for Interrupts {
        fn stream(&self, _: Stream, _: &str) {}
        fn display(&self, _: MimeBundle, _: Map<String, Value>, _: Option<&str>) {}
        fn update_display(&self, _: MimeBundle, _: Map<String, Value>, _: &str) {}
        fn clear_output(&self, _: bool) {}
        fn execute_result(&self, _: MimeBundle, _: Map<String, Value>) {}
        fn input(&self, _: &str, _: bool) -> Result<String, InputError> {
            Err(InputError::Interrupted)
        }
    }
    let notebook = Notebook::at_job();
    let outputs: Arc<dyn Outputs> = Arc::new(Interrupts);
    let request = InputRequest {
        step: "a".to_owned(),
        ..Default::default()
    };
    let recorder = Recorder::new();
    let error = notebook
        .with_context(&recorder, |context| {
            input::ask(
                &request,
                &Context {
                    outputs: &outputs,
                    ..*context
                },
            )
        })
        .unwrap_err();
    assert_eq!(error.ename, "Interrupted");
}

#[test]
fn nobody_is_asked_for_what_a_locked_job_cannot_take() {
    let notebook = Notebook::at_job();
    notebook.run("%pip_set done = 1").unwrap();
    notebook.run("%pip_finalize").unwrap();
    let shown = notebook.run_with("%pip_input city \"Which city?\"", &["Paris"]);
    assert_eq!(shown.recorder.prompts(), []);
    assert_snapshot!(shown.error_text(), @"
    Finalized: cannot ask for step `city`: job `hello-01` is finalized
    `%pip_unfinalize` in a notebook, or `job.unfinalize()`, opens it; nothing is lost by it.
    ");
    assert!(notebook.run("%pip_input done").text().starts_with("done = 1 (stored;"));
    // A secret is not the job's.
    let shown = notebook.run_with("%pip_input token --secret", &["hunter2"]);
    assert_eq!(shown.unwrap().prompts().len(), 1);
}
