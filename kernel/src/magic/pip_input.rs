//! `%pip_input STEP`: a step that the user answers.

use pipulate::cell::{InputCall, json_literal};
use pipulate::runtime::InputRequest;

use super::pip_set::SHOWN;
use super::{
    Call, Context, Example, Form, Magic, Shown, Specification, input, refuse_deleted, refuse_locked, usage_error,
};
use crate::outputs::CellError;
use crate::render::json::{compact, string};
use crate::render::text::quoted;

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: InputCall::USAGE,
        summary: "Asks the user for a step's value, unless it has one, and saves the answer.",
        description: "`%pip_remove STEP` has the user asked again. After `let x: T =` the answer is typed by `T`; on a line of its own \
                      it is text, and a default is JSON. A choice may be answered by its number. An answer that will not do is \
                      asked for again, a few times. Where nobody can be asked, the default is taken. A secret is kept in the \
                      kernel's memory alone, or comes from the variable of the environment that is named like the step, in \
                      upper case.",
        examples: &[
            Example {
                code: "let name: String = %pip_input name \"Your name\";",
                does: "ask for text",
            },
            Example {
                code: "let count: u32 = %pip_input count --default 3;",
                does: "offer a default",
            },
            Example {
                code: "let size: String = %pip_input size --choices small,large;",
                does: "offer a choice",
            },
            Example {
                code: "let key: String = %pip_input api_key --secret;",
                does: "ask for a secret",
            },
        ],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let input = InputCall::parse(call.text, call.magic).map_err(|error| usage_error("pip_input", &error))?;
    let job = context.job(input.job.as_ref().map(|job| job.text.as_str()))?;
    let step = input.step.text;
    if !input.secret
        && let Some(json) = job.get_json(&step).shown()?
    {
        let shown = compact(&json, SHOWN);
        context.say(format!(
            "{step} = {shown} (stored; `%pip_remove {}` has it asked again)",
            quoted(&step)
        ));
        return Ok(());
    }
    if input.secret {
        refuse_deleted(&job, format!("ask for step `{step}`"))?;
    } else {
        refuse_locked(&job, format!("ask for step `{step}`"))?;
    }
    let default = match input.default {
        None => None,
        Some(default) => Some(json_literal(&call.text[default]).ok_or_else(|| {
            call.misused(
                "a default that is Rust goes with `let x: T = %pip_input ..`, one on a line of its own is JSON",
            )
        })?),
    };
    let request = InputRequest {
        job: input.job.map(|job| job.text),
        step: step.clone(),
        label: input.label.map(|label| label.text),
        choices: input.choices,
        secret: input.secret,
        help_text: input.help_text,
        default: default
            .as_ref()
            .map(|json| string(json).unwrap_or_else(|| json.clone())),
        problem: None,
    };
    let answer = input::ask_for(job.key(), &request, context)?;
    if input.secret {
        context.say(format!("{step} is kept in this kernel's memory, and nowhere else"));
        return Ok(());
    }
    let json = match default {
        Some(default) if answer.is_empty() => default,
        _ => serde_json::Value::String(answer).to_string(),
    };
    let revision = job.set_json(&step, &json).shown()?;
    context.say(format!("{step} = {} (revision {revision})", compact(&json, SHOWN)));
    Ok(())
}
