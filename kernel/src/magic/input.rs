//! Asks the user for a step's value: for `%pip_input` on a line of its own, and for code in cells.

use pipulate::JobKey;
use pipulate::runtime::{ATTEMPTS, InputRequest};

use super::Context;
use crate::outputs::{CellError, InputError, Stream};
use crate::render::json::string;
use crate::render::text::{quoted, width};

/// Choices that take more columns than this stand on lines of their own.
const ONE_LINE: usize = 60;

/// The answer for a step of the current job, as the user typed it. An empty answer stands for the request's default, if it has one.
///
/// Where the run was given a value for the step (`pipulate run -p`), that is the answer; a secret comes from the kernel's
/// memory or the environment when it is there. A choice is always one of the request's.
///
/// # Errors
/// `MissingInput` when there is nobody to ask, `InvalidInput` when the value that was given will not do or the user has chosen none
/// of the choices a few times over, `Interrupted`.
pub fn ask(request: &InputRequest, context: &Context<'_>) -> Result<String, CellError> {
    let job = context.state.job()?;
    ask_for(job.key(), request, context)
}

/// The same for a step of any job.
pub(super) fn ask_for(job: &JobKey, request: &InputRequest, context: &Context<'_>) -> Result<String, CellError> {
    if let Some((origin, given)) = given(job, request, context) {
        return accept_given(request, &origin, &given);
    }
    if let Some(problem) = &request.problem {
        context.outputs.stream(Stream::Stderr, &format!("{problem}\n"));
    } else if let Some(help) = &request.help_text {
        context.print(&format!("{help}\n"));
    }
    let prompt = prompt(request, context);
    let mut last_problem = String::new();
    for _ in 0..ATTEMPTS {
        let answer = match context.outputs.input(&prompt, request.secret) {
            Ok(answer) => answer,
            Err(InputError::Interrupted) => {
                return Err(CellError::new(
                    "Interrupted",
                    format!("no answer for step `{}`", request.step),
                ));
            }
            Err(InputError::NotAllowed) => return nobody_answers(request, context),
        };
        if answer.is_empty() && request.default.is_some() {
            return Ok(answer);
        }
        match accept(request, &answer) {
            Ok(accepted) => {
                if request.secret {
                    context.state.set_secret(job, &request.step, &accepted);
                }
                return Ok(accepted);
            }
            Err(problem) => {
                context.outputs.stream(Stream::Stderr, &format!("{problem}\n"));
                last_problem = problem;
            }
        }
    }
    let step = &request.step;
    let error = CellError::new(
        "InvalidInput",
        format!("no answer for step `{step}` will do: {last_problem}"),
    );
    Err(error.with_help("Run the cell again to be asked again."))
}

/// An answer that needs no asking, and where it comes from.
fn given(job: &JobKey, request: &InputRequest, context: &Context<'_>) -> Option<(String, String)> {
    if let Some(json) = context.state.settings().parameters.get(&request.step) {
        return Some(("the parameter".to_owned(), string(json).unwrap_or_else(|| json.clone())));
    }
    if !request.secret {
        return None;
    }
    // What the user typed and could not be used is asked for again; what the environment says stays as it is.
    if request.problem.is_none()
        && let Some(secret) = context.state.secret(job, &request.step)
    {
        return Some(("the secret".to_owned(), secret));
    }
    let variable = variable(&request.step);
    let secret = super::env::get(&variable, context)?;
    Some((format!("the variable {variable} of the environment"), secret))
}

/// The variable of the environment that holds a step's secret.
pub(super) fn variable(step: &str) -> String {
    step.to_uppercase()
        .chars()
        .map(|character| if character.is_alphanumeric() { character } else { '_' })
        .collect()
}

/// Asking again would give the same answer, so one that will not do is an error.
fn accept_given(request: &InputRequest, origin: &str, given: &str) -> Result<String, CellError> {
    let problem = match &request.problem {
        // It may quote the value.
        Some(_) if request.secret => "it is not of the type that the cell wants".to_owned(),
        Some(problem) => problem.clone(),
        None => match accept(request, given) {
            Ok(accepted) => return Ok(accepted),
            Err(problem) => problem,
        },
    };
    let error = CellError::new(
        "InvalidInput",
        format!("{origin} for step `{}` will not do: {problem}", request.step),
    );
    Err(error.with_help("Give another value, or none to be asked."))
}

/// The value that an answer stands for, or what is wrong with it.
fn accept(request: &InputRequest, answer: &str) -> Result<String, String> {
    if request.choices.is_empty() {
        return if answer.is_empty() && request.secret {
            Err("An answer is needed.".to_owned())
        } else {
            Ok(answer.to_owned())
        };
    }
    let answer = answer.trim();
    let chosen = request.choices.iter().find(|choice| *choice == answer).or_else(|| {
        let number: usize = answer.parse().ok()?;
        request.choices.get(number.checked_sub(1)?)
    });
    chosen.cloned().ok_or_else(|| {
        let shown = if request.secret {
            "That".to_owned()
        } else {
            format!("`{answer}`")
        };
        let choices = request
            .choices
            .iter()
            .map(|choice| format!("`{choice}`"))
            .collect::<Vec<_>>()
            .join(", ");
        format!(
            "{shown} is none of the choices: {choices}, or a number from 1 to {}.",
            request.choices.len()
        )
    })
}

/// One line, since that is what every front end can show.
fn prompt(request: &InputRequest, context: &Context<'_>) -> String {
    let mut prompt = request
        .label
        .clone()
        .unwrap_or_else(|| request.step.clone())
        .replace(['\n', '\r'], " ");
    if !request.choices.is_empty() {
        let numbered: Vec<String> = request
            .choices
            .iter()
            .enumerate()
            .map(|(index, choice)| format!("{}: {choice}", index + 1))
            .collect();
        let list = numbered.join(", ");
        if width(&list) <= ONE_LINE {
            prompt = format!("{prompt} [{list}]");
        } else {
            context.print(&format!("  {}\n", numbered.join("\n  ")));
        }
    }
    if let Some(default) = request.default.as_ref().filter(|_| !request.secret) {
        prompt = format!("{prompt} ({})", default.replace(['\n', '\r'], " "));
    }
    format!("{prompt}: ")
}

/// Where nobody can be asked, the default is the answer.
fn nobody_answers(request: &InputRequest, context: &Context<'_>) -> Result<String, CellError> {
    let step = &request.step;
    if let Some(default) = &request.default {
        let shown = if request.secret {
            "its default".to_owned()
        } else {
            format!("{default} (its default)")
        };
        context.print(&format!("{step}: nobody can be asked, so it is {shown}\n"));
        return Ok(String::new());
    }
    let example = request.choices.first().map_or("an answer", String::as_str);
    let help = if request.secret {
        format!("Set the variable {} in the environment of the kernel.", variable(step))
    } else {
        let json = serde_json::Value::from(example);
        format!(
            "Give it with `pipulate run NOTEBOOK -p '{step}={json}'`, or beforehand with `%pip_set {} = {json}`.",
            quoted(step)
        )
    };
    Err(CellError::new(
        "MissingInput",
        format!("step `{step}` needs an answer, and nobody can be asked here"),
    )
    .with_help(help))
}
