use std::ffi::OsString;
use std::str::FromStr;

use pipulate::StepName;

use crate::json_text::{JsonText, shell_quoted};

/// A step and the value that it is to have: `STEP=JSON`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    step: StepName,
    value: JsonText,
}

impl Parameter {
    /// The step's name.
    pub(crate) fn step(&self) -> &StepName {
        &self.step
    }

    /// The value, as JSON.
    pub(crate) fn json(&self) -> &str {
        self.value.as_str()
    }

    /// As the kernel takes it.
    pub(crate) fn argument(&self) -> OsString {
        format!("--parameter={}={}", self.step, self.json()).into()
    }
}

impl FromStr for Parameter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (step, json) = text.split_once('=').ok_or("a parameter is written STEP=JSON")?;
        let step = StepName::new(step).map_err(|error| error.to_string())?;
        let value = JsonText::parse(json).map_err(|message| {
            // A shell takes the quotes of -p name="Ada" for its own.
            let quoted = format!("{step}={}", serde_json::Value::from(json));
            let looks_like_text = !json.trim_start().starts_with(['{', '[', '"']) && !json.trim().is_empty();
            if looks_like_text {
                format!("the value is no JSON; text is written -p {}", shell_quoted(&quoted))
            } else {
                message
            }
        })?;
        Ok(Self { step, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_a_step_and_json() {
        let parameter: Parameter = "report={\"a=b\": [1]}".parse().unwrap();
        assert_eq!(parameter.step().as_str(), "report");
        assert_eq!(parameter.json(), "{\"a=b\": [1]}");
        assert_eq!(parameter.argument(), "--parameter=report={\"a=b\": [1]}");
    }

    #[test]
    fn mistakes_show_what_to_write() {
        let message = |text: &str| text.parse::<Parameter>().unwrap_err();
        assert_eq!(message("name"), "a parameter is written STEP=JSON");
        assert_eq!(
            message("name=Ada"),
            r#"the value is no JSON; text is written -p 'name="Ada"'"#
        );
        assert!(message("=1").contains("empty"), "{}", message("=1"));
        assert!(message("name=").contains("a JSON value is expected"));
        assert!(message("list=[1,").contains("EOF"));
    }
}
