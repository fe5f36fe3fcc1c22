//! Why a step failed, whatever type its error has.

use std::any::type_name;
use std::fmt::{Debug, Display};
use std::panic::Location;

use pipulate_port::LinePlaces;
use serde::{Deserialize, Serialize};

/// The error of a step: any error that can be shown becomes one by `?`.
///
/// It shows by `Debug` and not by `Display`, so that everything that has `Display` can become one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepError {
    name: String,
    message: String,
    help: Option<String>,
    place: Option<String>,
}

impl StepError {
    /// An error with a name that a program can match, such as `MissingStep`, and one sentence.
    pub fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            message: message.into(),
            help: None,
            place: None,
        }
    }

    /// The same with what to do next.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with the file and line where it arose.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    pub(crate) fn at_no_place(self) -> Self {
        Self { place: None, ..self }
    }

    /// An error that has `Debug` alone. See [`report_by_debug!`](crate::report_by_debug!).
    #[track_caller]
    pub fn of_debug<E: Debug>(error: &E) -> Self {
        Self::new(short_name::<E>(), format!("{error:?}")).at(Location::caller().to_string())
    }

    /// A name that a program can match.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same error, its place as the notebook has it.
    pub(crate) fn in_notebook(mut self, workflow: &super::Workflow, places: Option<&LinePlaces>) -> Self {
        let place = self.place.as_deref();
        if let Some(place) = place.and_then(|place| workflow.in_notebook(place, places)) {
            self.place = Some(place);
        }
        self
    }

    /// The same with no more than that many bytes of its message, and of what else it says.
    pub(crate) fn bounded(mut self, bytes: usize) -> Self {
        let texts = [&mut self.name, &mut self.message];
        for text in texts.into_iter().chain(&mut self.help).chain(&mut self.place) {
            if text.len() > bytes {
                let left_out = text.len() - text.floor_char_boundary(bytes);
                text.truncate(text.floor_char_boundary(bytes));
                *text += "… (";
                *text += &left_out.to_string();
                *text += " more bytes)";
            }
        }
        self
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do next.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Where it arose: the line of the notebook and its cell where those are known, else the file and the line.
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }
}

impl<E: Display> From<E> for StepError {
    #[track_caller]
    fn from(error: E) -> Self {
        // Ours and `anyhow`'s say in this form all that there is to say.
        let text = format!("{error:#}");
        let made = if type_name::<E>() == type_name::<pipulate::Error>() {
            of_ours(&text)
        } else {
            Self::new(short_name::<E>(), text)
        };
        made.at(Location::caller().to_string())
    }
}

/// `Name: message`, and the help on the lines after it.
fn of_ours(text: &str) -> StepError {
    let (first, help) = text.split_once('\n').unwrap_or((text, ""));
    let (name, message) = first.split_once(": ").unwrap_or(("Error", first));
    let error = StepError::new(name, message);
    if help.is_empty() { error } else { error.with_help(help) }
}

/// A type's own name, without modules and parameters.
fn short_name<T: ?Sized>() -> String {
    let full = type_name::<T>();
    let text = ["alloc::string::String", "&str", "&alloc::string::String"];
    if text.contains(&full) || full.contains("dyn ") || full.starts_with("anyhow::") {
        return "Error".to_owned();
    }
    let without_parameters = full.split('<').next().unwrap_or(full);
    without_parameters
        .rsplit("::")
        .next()
        .unwrap_or(without_parameters)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Result<i32, StepError> {
        Ok(text.parse::<i32>()?)
    }

    fn missing() -> Result<String, StepError> {
        Ok(pipulate::Pip::in_memory().job("a")?.require("name")?)
    }

    #[derive(Debug)]
    struct OnlyDebug;
    crate::report_by_debug!(OnlyDebug);

    #[test]
    fn an_error_keeps_its_name_and_place() {
        let error = number("x").unwrap_err();
        assert_eq!(
            (error.name(), error.message()),
            ("ParseIntError", "invalid digit found in string")
        );
        assert!(error.place().unwrap().contains("error.rs:"), "{error:?}");

        let error = missing().unwrap_err();
        assert_eq!(error.name(), "MissingStep");
        assert!(error.message().contains("no value for step `name`"), "{error:?}");
        assert!(error.help().is_some());

        let error: StepError = "plain text".into();
        assert_eq!((error.name(), error.message()), ("Error", "plain text"));
        let error: StepError = Box::<dyn std::error::Error + Send + Sync>::from("boxed").into();
        assert_eq!((error.name(), error.message()), ("Error", "boxed"));
        assert_eq!(StepError::from(OnlyDebug).message(), "OnlyDebug");
    }
}
