//! What a form or a call of the API brings.

use std::collections::BTreeMap;
use std::sync::Arc;

use pipulate::Revision;

use crate::error::Error;
use crate::intake::Held;

/// Before the name of a field, so that one may be called like any other part of the form.
pub(crate) const FIELD: &str = "field.";

/// How long a token may be, in bytes: many are remembered.
const TOKEN: usize = 200;

/// A field's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// As it was typed.
    Text(String),
    /// As a value of JSON.
    Json(String),
    /// A file; empty when none was chosen.
    File { data: Vec<u8>, media_type: String },
}

/// What was submitted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Submission {
    /// Answers by field; `None` where no form was shown, as for running a step again.
    pub(crate) answers: Option<BTreeMap<String, Answer>>,
    /// It comes from a page's form, in which a box that is not ticked is not sent.
    pub(crate) is_form: bool,
    /// Other parts: a key, a step.
    pub(crate) others: BTreeMap<String, String>,
    /// The job's revision that the page was made from.
    pub(crate) revision: Option<Revision>,
    /// Names the form that was shown, so that it counts once.
    pub(crate) token: Option<String>,
    /// The room that all of it takes.
    pub(crate) held: Option<Arc<Held>>,
}

/// What is wrong with answers, by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub(crate) BTreeMap<String, String>);

impl Problems {
    pub(crate) fn summary(&self) -> String {
        let problems: Vec<String> = self
            .0
            .iter()
            .map(|(field, problem)| format!("`{field}`: {problem}"))
            .collect();
        problems.join(" ")
    }
}

impl Submission {
    /// Reads the body of a form.
    pub(crate) async fn read(content_type: Option<&str>, body: axum::body::Bytes) -> Result<Self, Error> {
        let mut submission = Self::default();
        let content_type = content_type.unwrap_or_default();
        if let Ok(boundary) = multer::parse_boundary(content_type) {
            let stream = futures_util::stream::once(std::future::ready(Ok::<_, std::io::Error>(body)));
            let mut parts = multer::Multipart::new(stream, boundary);
            while let Some(part) = parts.next_field().await.map_err(|error| malformed(&error))? {
                let name = part.name().unwrap_or_default().to_owned();
                let is_file = part.file_name().is_some();
                let media_type = part.content_type().map(ToString::to_string).unwrap_or_default();
                let data = part.bytes().await.map_err(|error| malformed(&error))?;
                if is_file && let Some(field) = name.strip_prefix(FIELD) {
                    submission.answer(
                        field,
                        Answer::File {
                            data: data.to_vec(),
                            media_type,
                        },
                    );
                } else {
                    submission.part(&name, String::from_utf8_lossy(&data).into_owned())?;
                }
            }
            return Ok(submission);
        }
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !content_type.is_empty() && !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(malformed(&format!("its type is `{content_type}`, not that of a form")));
        }
        for (name, value) in form_urlencoded::parse(&body) {
            submission.part(&name, value.into_owned())?;
        }
        Ok(submission)
    }

    fn part(&mut self, name: &str, value: String) -> Result<(), Error> {
        if let Some(field) = name.strip_prefix(FIELD) {
            self.answer(field, Answer::Text(value));
            return Ok(());
        }
        match name {
            "form" => {
                self.is_form = true;
                self.answers.get_or_insert_default();
            }
            "token" => self.token = Some(checked_token(value)?),
            "revision" => {
                let number = value.parse().map_err(|_| malformed(&"its revision is no number"))?;
                self.revision = Some(Revision::from_number(number));
            }
            _ => drop(self.others.insert(name.to_owned(), value)),
        }
        Ok(())
    }

    fn answer(&mut self, field: &str, answer: Answer) {
        self.answers.get_or_insert_default().insert(field.to_owned(), answer);
    }

    pub(crate) fn other(&self, name: &str) -> Option<&str> {
        self.others
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }
}

/// A token that is not too long to be remembered.
pub(crate) fn checked_token(token: String) -> Result<String, Error> {
    if token.len() > TOKEN {
        let reason = format!("its token has {} bytes, and may have {TOKEN}", token.len());
        return Err(Error::Malformed { reason });
    }
    Ok(token)
}

fn malformed(reason: &dyn std::fmt::Display) -> Error {
    Error::Malformed {
        reason: reason.to_string(),
    }
}
