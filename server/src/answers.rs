//! What answers to a step's form stand for, and what is wrong with them.

use std::collections::BTreeMap;

use pipulate::StepName;

use crate::app::App;
use crate::error::Error;
use crate::form::{Answer, Problems, Submission};
use crate::view::JobView;
use crate::workflow::{Field, FieldKind, Step};

/// The values that the answers stand for. Secrets go apart.
pub(crate) fn answers(
    step: &Step,
    view: &JobView,
    submission: &Submission,
    secrets: &mut BTreeMap<String, String>,
) -> Result<Vec<(StepName, String)>, Error> {
    let mut values = Vec::new();
    let mut problems = Problems::default();
    let shown = submission.answers.as_ref();
    let unknown = shown.into_iter().flatten().map(|(name, _)| name);
    for name in unknown.filter(|name| step.find_field(name).is_none()) {
        problems
            .0
            .insert(name.clone(), "The step has no such field.".to_owned());
    }
    for field in step.fields() {
        let answer = shown.and_then(|answers| answers.get(field.name()));
        let there = view.value(field.name());
        let read = match answer {
            Some(Answer::Text(text)) => field.read(text),
            Some(Answer::Json(json)) => field.read_json(json),
            Some(Answer::File { data, .. })
                if !data.is_empty() && (field.is_secret() || field.kind() != FieldKind::File) =>
            {
                Err("A file is no answer here.".to_owned())
            }
            Some(Answer::File { data, media_type }) if !data.is_empty() => field.read_file(data.clone(), media_type),
            _ if field.is_secret() => {
                if !secrets.contains_key(field.name()) && !App::has_secret_in_environment(field.name()) {
                    problems
                        .0
                        .insert(field.name().to_owned(), "An answer is needed.".to_owned());
                }
                continue;
            }
            None if submission.is_form && field.kind() == FieldKind::Checkbox => Ok("false".to_owned()),
            _ => match there {
                Some(value) if answer.is_some() || !value.suggested => Ok(value.value.clone()),
                _ if field.is_optional() => field.read(""),
                _ => Err("An answer is needed.".to_owned()),
            },
        };
        match read {
            Ok(_) if field.is_secret() => keep_secret(field, answer, secrets),
            Ok(value) => values.push((StepName::new(field.name())?, value)),
            Err(problem) => drop(problems.0.insert(field.name().to_owned(), problem)),
        }
    }
    if problems.0.is_empty() {
        Ok(values)
    } else {
        Err(Error::Invalid { problems })
    }
}

fn keep_secret(field: &Field, answer: Option<&Answer>, secrets: &mut BTreeMap<String, String>) {
    let text = match answer {
        Some(Answer::Text(text)) => text.clone(),
        Some(Answer::Json(json)) => serde_json::from_str(json).unwrap_or_else(|_| json.clone()),
        _ => return,
    };
    secrets.insert(field.name().to_owned(), text);
}
