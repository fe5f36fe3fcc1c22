//! The pipeline magics that both the kernel and the port turn into Rust, typed.

use std::ops::Range;

use super::MagicCall;
use super::args::{ArgumentSpec, OptionSpec, Parsed, Tail, Usage, UsageError, Word};
use super::json_like::has_json_key;
use crate::json::{DEEPEST, nests_too_deep};
use crate::state::fault_in_choice;

const STEP: ArgumentSpec = ArgumentSpec::required("STEP", "the step's name, in quotes if it holds spaces");
const JOB: OptionSpec = OptionSpec::word("job", Some('j'), "KEY", "another job than the current one");
const DEFAULT: OptionSpec = OptionSpec::default_expression("a Rust expression for when there is no value yet");

/// `%pip_set STEP = EXPR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetCall {
    /// The step's name.
    pub step: Word,
    /// The value, never empty.
    pub value: Range<usize>,
    /// The value's text, when it is JSON as it stands, so that no compiler is needed for it.
    pub literal: Option<String>,
    /// The job, when it is not the current one.
    pub job: Option<Word>,
}

/// `%pip_get STEP [--default EXPR]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetCall {
    /// The step's name.
    pub step: Word,
    /// The expression for a missing step.
    pub default: Option<Range<usize>>,
    /// The job, when it is not the current one.
    pub job: Option<Word>,
}

/// `%pip_input STEP ["Label"]` and its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputCall {
    /// The step's name.
    pub step: Word,
    /// What to ask; the step's name when there is none.
    pub label: Option<Word>,
    /// What can be answered; empty when anything can.
    pub choices: Vec<String>,
    /// Whether the answer is a secret, which is never stored or shown.
    pub secret: bool,
    /// A longer explanation.
    pub help_text: Option<String>,
    /// The expression for what is offered at first.
    pub default: Option<Range<usize>>,
    /// The job, when it is not the current one.
    pub job: Option<Word>,
}

/// `%pip_job [KEY] [--workflow NAME] [--new]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobCall {
    /// The job's key; none shows the current job, or with `new` takes the next free one.
    pub key: Option<Word>,
    /// The workflow's name.
    pub workflow: Option<Word>,
    /// Whether to take the next free key.
    pub new: bool,
}

/// `%%pip_step STEP ["Label"] [--rerun]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepCall {
    /// The step's name.
    pub step: Word,
    /// What people call it.
    pub label: Option<Word>,
    /// Whether to run it though it is fresh.
    pub rerun: bool,
}

impl SetCall {
    /// What the magic accepts.
    pub const USAGE: Usage = Usage {
        name: "pip_set",
        arguments: &[STEP],
        options: &[JOB],
        tail: Tail::Assignment {
            name: "EXPR",
            is_required: true,
        },
    };

    /// Reads the call. `text` is the cell's.
    ///
    /// # Errors
    /// When it is not written as [`Self::USAGE`] says, or its value is JSON that nests more deeply than a step's value may, or reads
    /// like JSON and is neither that nor Rust.
    pub fn parse(text: &str, call: &MagicCall) -> Result<Self, UsageError> {
        let parsed = parse(&Self::USAGE, text, call)?;
        let value = parsed.tail.clone().unwrap_or(call.args.end..call.args.end);
        let literal = json_literal(&text[value.clone()]);
        if literal.is_none() && nests_too_deep(&text[value.clone()]) {
            return Err(UsageError {
                span: value,
                message: format!("The JSON nests too deep: a step's value has at most {DEEPEST} levels."),
                help: "Spread it over several steps, or keep it in a file and its path in the step.".to_owned(),
            });
        }
        if literal.is_none() && has_json_key(text, &value) {
            let reason = serde_json::from_str::<serde_json::Value>(&text[value.clone()]).err();
            let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
            return Err(UsageError {
                span: value,
                message: format!("The value reads like JSON and is none{reason}."),
                help: "JSON holds no values from Rust: those are saved by a struct, a map or the crate serde_json's \
                       `json!({\"key\": value})`."
                    .to_owned(),
            });
        }
        Ok(Self {
            step: first(&parsed, call)?,
            value,
            literal,
            job: parsed.option("job").cloned(),
        })
    }
}

impl GetCall {
    /// What the magic accepts.
    pub const USAGE: Usage = Usage {
        name: "pip_get",
        arguments: &[STEP],
        options: &[JOB, DEFAULT],
        tail: Tail::Nothing,
    };

    /// Reads the call. `text` is the cell's.
    ///
    /// # Errors
    /// When it is not written as [`Self::USAGE`] says.
    pub fn parse(text: &str, call: &MagicCall) -> Result<Self, UsageError> {
        let parsed = parse(&Self::USAGE, text, call)?;
        Ok(Self {
            step: first(&parsed, call)?,
            default: parsed.expression("default"),
            job: parsed.option("job").cloned(),
        })
    }
}

impl InputCall {
    /// What the magic accepts.
    pub const USAGE: Usage = Usage {
        name: "pip_input",
        arguments: &[STEP, ArgumentSpec::optional("LABEL", "what to ask, in quotes")],
        options: &[
            OptionSpec::word("choices", None, "A,B,C", "what can be answered, with commas between"),
            OptionSpec::flag("secret", None, "hide the answer and never store it"),
            OptionSpec::word("help-text", None, "TEXT", "a longer explanation, in quotes"),
            JOB,
            DEFAULT,
        ],
        tail: Tail::Nothing,
    };

    /// Reads the call. `text` is the cell's.
    ///
    /// # Errors
    /// When it is not written as [`Self::USAGE`] says, or `--choices` names none, or not the default.
    pub fn parse(text: &str, call: &MagicCall) -> Result<Self, UsageError> {
        let parsed = parse(&Self::USAGE, text, call)?;
        let choices = match parsed.option("choices") {
            Some(written) => split_choices(written)?,
            None => Vec::new(),
        };
        let default = parsed.expression("default");
        if let Some(span) = &default {
            refuse_other_default(&text[span.clone()], span, &choices, parsed.flag("secret"))?;
        }
        Ok(Self {
            step: first(&parsed, call)?,
            label: parsed.argument(1).cloned(),
            choices,
            secret: parsed.flag("secret"),
            help_text: parsed.option("help-text").map(|word| word.text.clone()),
            default,
            job: parsed.option("job").cloned(),
        })
    }
}

impl JobCall {
    /// What the magic accepts.
    pub const USAGE: Usage = Usage {
        name: "pip_job",
        arguments: &[ArgumentSpec::optional(
            "KEY",
            "the job to make or resume; without it, the current one is shown",
        )],
        options: &[
            OptionSpec::word(
                "workflow",
                None,
                "NAME",
                "the workflow of a new job; the notebook's name unless given",
            ),
            OptionSpec::flag("new", None, "take the next free key"),
        ],
        tail: Tail::Nothing,
    };

    /// Reads the call. `text` is the cell's.
    ///
    /// # Errors
    /// When it is not written as [`Self::USAGE`] says, or has a key and `--new`.
    pub fn parse(text: &str, call: &MagicCall) -> Result<Self, UsageError> {
        let parsed = parse(&Self::USAGE, text, call)?;
        let key = parsed.argument(0).cloned();
        let new = parsed.flag("new");
        match key {
            Some(key) if new => Err(UsageError {
                message: format!("`--new` takes the next free key, so it goes without `{}`.", key.text),
                help: "Leave out either the key or `--new`.".to_owned(),
                span: key.span,
            }),
            key => Ok(Self {
                key,
                workflow: parsed.option("workflow").cloned(),
                new,
            }),
        }
    }
}

impl StepCall {
    /// What the magic accepts.
    pub const USAGE: Usage = Usage {
        name: "pip_step",
        arguments: &[
            STEP,
            ArgumentSpec::optional("LABEL", "what people call the step, in quotes"),
        ],
        options: &[OptionSpec::flag(
            "rerun",
            None,
            "run the step though its value is fresh",
        )],
        tail: Tail::Nothing,
    };

    /// Reads the call. `text` is the cell's.
    ///
    /// # Errors
    /// When it is not written as [`Self::USAGE`] says.
    pub fn parse(text: &str, call: &MagicCall) -> Result<Self, UsageError> {
        let parsed = parse(&Self::USAGE, text, call)?;
        Ok(Self {
            step: first(&parsed, call)?,
            label: parsed.argument(1).cloned(),
            rerun: parsed.flag("rerun"),
        })
    }
}

/// Whether `call` asks for help: the kernel shows its usage then, and a port leaves it out. `text` is the cell's.
pub fn wants_help(text: &str, call: &MagicCall) -> bool {
    let words_end = call.value.as_ref().map_or(call.args.end, |value| value.start);
    // A bare list of words: quoted ones cannot be `--help`, since the quotes stay.
    text[call.args.start..words_end.max(call.args.start)]
        .split_whitespace()
        .any(|word| word == "--help")
}

/// `value` itself, when it is one JSON value and nothing else.
///
/// Every string that is both JSON and Rust means the same in both, so what JSON can read is JSON. `{}` is the empty object.
pub fn json_literal(value: &str) -> Option<String> {
    serde_json::from_str::<serde_json::Value>(value)
        .is_ok()
        .then(|| value.to_owned())
}

/// Takes the call apart where help was not wanted.
fn parse(usage: &Usage, text: &str, call: &MagicCall) -> Result<Parsed, UsageError> {
    let parsed = usage.parse(text, call)?;
    if parsed.wants_help {
        return Err(UsageError {
            span: call.args.clone(),
            message: format!("`--help` gives no value: it shows how `%{}` is written.", usage.name),
            help: format!("Write `%{} --help` on a line of its own, or `{usage}`.", usage.name),
        });
    }
    Ok(parsed)
}

/// The first argument, which the usage requires.
fn first(parsed: &Parsed, call: &MagicCall) -> Result<Word, UsageError> {
    parsed.argument(0).cloned().ok_or_else(|| UsageError {
        span: call.args.clone(),
        message: "The step's name is missing.".to_owned(),
        help: "Write it after the magic's name.".to_owned(),
    })
}

/// Refuses a default that can be read without running it, and is none of the choices.
fn refuse_other_default(
    default: &str,
    span: &Range<usize>,
    choices: &[String],
    secret: bool,
) -> Result<(), UsageError> {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(default) else {
        return Ok(());
    };
    let answer = match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    match fault_in_choice(&answer, choices, secret) {
        None => Ok(()),
        Some(fault) => Err(UsageError {
            span: span.clone(),
            message: format!("The default will not do: {fault}"),
            help: "Offer one of the choices at first, or add this one to `--choices`.".to_owned(),
        }),
    }
}

fn split_choices(written: &Word) -> Result<Vec<String>, UsageError> {
    let choices: Vec<String> = written
        .text
        .split(',')
        .map(str::trim)
        .filter(|choice| !choice.is_empty())
        .map(str::to_owned)
        .collect();
    if choices.is_empty() {
        return Err(UsageError {
            span: written.span.clone(),
            message: "`--choices` names no choice.".to_owned(),
            help: "Write them with commas between, in quotes if there are spaces: `--choices \"red, dark blue\"`."
                .to_owned(),
        });
    }
    Ok(choices)
}
