//! One field of a step's form.

use std::any::type_name;
use std::fmt;
use std::sync::Arc;

use pipulate::runtime::read_answer;
use pipulate::{Bytes, Job, Pip};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::step::unrepresentable;
use super::{DefaultFunction, StepError};

/// How a field is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A line of text.
    Text,
    /// A number.
    Number {
        /// Without a fraction.
        whole: bool,
    },
    /// Yes or no.
    Checkbox,
    /// A day.
    Date,
    /// One of the field's choices.
    Choice,
    /// A file, as [`Bytes`].
    File,
    /// JSON of anything else.
    Json,
}

/// Reads text as the field's type, and gives the value as JSON text, or what is wrong with it.
type Reader = Arc<dyn Fn(&str, bool) -> Result<String, String> + Send + Sync>;

/// A field: it asks for the value of the job's step of the same name.
#[derive(Clone)]
pub struct Field {
    name: String,
    label: Option<String>,
    help: Option<String>,
    choices: Vec<String>,
    secret: bool,
    kind: FieldKind,
    optional: bool,
    read: Reader,
    default: Option<DefaultFunction>,
}

impl Field {
    /// A field for a value of this type. Text becomes a `T` as a JSON string if that works, else as JSON.
    ///
    /// ```
    /// use pipulate_server::{Field, FieldKind};
    ///
    /// assert_eq!(Field::new::<u8>("age").kind(), FieldKind::Number { whole: true });
    /// assert_eq!(Field::new::<String>("city").choices(["Oslo", "Rome"]).kind(), FieldKind::Choice);
    /// ```
    pub fn new<T: Serialize + DeserializeOwned>(name: impl Into<String>) -> Self {
        let (kind, optional) = kind_of(type_name::<T>());
        let read = |text: &str, secret: bool| {
            let value: T = read_answer(text, secret)?;
            pipulate::json::to_text(&value, pipulate::json::VALUE_LIMIT)
                .map_err(|_| "It cannot be written as JSON.".to_owned())
        };
        Self {
            name: name.into(),
            label: None,
            help: None,
            choices: Vec::new(),
            secret: false,
            kind,
            optional,
            read: Arc::new(read),
            default: None,
        }
    }

    /// What the user is asked; the name where there is none.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// One line of explanation.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The answers that are allowed.
    #[must_use]
    pub fn choices<C: Into<String>>(mut self, choices: impl IntoIterator<Item = C>) -> Self {
        self.choices.extend(choices.into_iter().map(Into::into));
        if !self.choices.is_empty() {
            self.kind = FieldKind::Choice;
        }
        self
    }

    /// Never stored and never shown: it stays in the memory of the browser's session. See [`secret`](crate::secret).
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// What it begins with where the job has no value for it, worked out when the form opens.
    #[must_use]
    pub fn default<T, F>(mut self, default: F) -> Self
    where
        T: Serialize,
        F: Fn(Pip, Job) -> Result<T, StepError> + Send + Sync + 'static,
    {
        let name = self.name.clone();
        self.default = Some(Arc::new(move |pip: Pip, job: Job| {
            let limit = pip.value_limit();
            let value = default(pip, job)?;
            pipulate::json::to_text(&value, limit).map_err(|fault| unrepresentable(&name, &fault))
        }));
        self
    }

    /// The name of the job's step that it asks for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the user is asked.
    pub fn heading(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.name)
    }

    /// One line of explanation.
    pub fn explanation(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The answers that are allowed; any when empty.
    pub fn allowed(&self) -> &[String] {
        &self.choices
    }

    /// Whether it is never stored.
    pub fn is_secret(&self) -> bool {
        self.secret
    }

    /// Whether it may be left empty.
    pub fn is_optional(&self) -> bool {
        self.optional
    }

    /// How it is asked for.
    pub fn kind(&self) -> FieldKind {
        self.kind
    }

    pub(crate) fn default_function(&self) -> Option<&DefaultFunction> {
        self.default.as_ref()
    }

    /// The value that an answer stands for, as JSON text, or what is wrong with it.
    pub(crate) fn read(&self, answer: &str) -> Result<String, String> {
        if self.secret && answer.is_empty() {
            return Err("An answer is needed.".to_owned());
        }
        if !self.choices.is_empty() && !self.choices.iter().any(|choice| choice == answer) {
            return Err(if answer.is_empty() {
                "Choose one of the answers.".to_owned()
            } else {
                let answer = if self.secret {
                    "That".to_owned()
                } else {
                    format!("`{answer}`")
                };
                format!("{answer} is none of the choices.")
            });
        }
        if self.optional && answer.is_empty() && self.kind != FieldKind::Text {
            return (self.read)("null", self.secret);
        }
        (self.read)(answer, self.secret)
    }

    /// The value of a file.
    pub(crate) fn read_file(&self, data: Vec<u8>, media_type: &str) -> Result<String, String> {
        let media_type = if media_type.is_empty() {
            "application/octet-stream"
        } else {
            media_type
        };
        let text = serde_json::to_string(&Bytes::new(data, media_type)).map_err(|error| error.to_string())?;
        (self.read)(&text, self.secret)
    }

    /// A value of JSON, as the API takes it.
    pub(crate) fn read_json(&self, json: &str) -> Result<String, String> {
        match serde_json::from_str::<serde_json::Value>(json) {
            Ok(serde_json::Value::String(text)) => self.read(&text),
            Ok(_) if !self.choices.is_empty() => self.read(json),
            Ok(_) => (self.read)(json, self.secret),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Field")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("secret", &self.secret)
            .finish_non_exhaustive()
    }
}

/// How a type is asked for, and whether there may be no answer.
fn kind_of(full: &str) -> (FieldKind, bool) {
    if let Some(inner) = full
        .strip_prefix("core::option::Option<")
        .and_then(|rest| rest.strip_suffix('>'))
    {
        return (kind_of(inner).0, true);
    }
    let name = full.rsplit("::").next().unwrap_or(full);
    let kind = match name {
        "String" | "char" | "PathBuf" | "Url" | "Uuid" => FieldKind::Text,
        "bool" => FieldKind::Checkbox,
        "f32" | "f64" => FieldKind::Number { whole: false },
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => {
            FieldKind::Number { whole: true }
        }
        "Date" | "NaiveDate" if full.contains("::") => FieldKind::Date,
        "Bytes" if full == type_name::<Bytes>() => FieldKind::File,
        _ => FieldKind::Json,
    };
    (kind, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_comes_from_the_type() {
        assert_eq!(Field::new::<String>("a").kind(), FieldKind::Text);
        assert_eq!(Field::new::<bool>("a").kind(), FieldKind::Checkbox);
        assert_eq!(Field::new::<Bytes>("a").kind(), FieldKind::File);
        assert_eq!(Field::new::<Vec<String>>("a").kind(), FieldKind::Json);
        let optional = Field::new::<Option<f64>>("a");
        assert_eq!(optional.kind(), FieldKind::Number { whole: false });
        assert_eq!(optional.read(""), Ok("null".to_owned()));
        assert_eq!(optional.read("2.5"), Ok("2.5".to_owned()));
        assert_eq!(kind_of("jiff::civil::Date").0, FieldKind::Date);
        assert_eq!(kind_of("chrono::naive::date::NaiveDate").0, FieldKind::Date);
    }

    #[test]
    fn an_answer_is_text_before_it_is_json() {
        assert_eq!(Field::new::<String>("a").read("12"), Ok("\"12\"".to_owned()));
        assert_eq!(Field::new::<String>("a").read(""), Ok("\"\"".to_owned()));
        assert_eq!(Field::new::<u8>("a").read("12"), Ok("12".to_owned()));
        assert_eq!(Field::new::<Vec<u8>>("a").read("[1, 2]"), Ok("[1,2]".to_owned()));
        let problem = Field::new::<u8>("a").read("300").unwrap_err();
        assert_eq!(problem, "`300` is not a `u8`. Type a whole number from 0 to 255.");
    }

    #[test]
    fn what_is_none_of_the_choices_is_refused() {
        let field = Field::new::<String>("a").choices(["x", "y"]);
        assert_eq!(field.read("x"), Ok("\"x\"".to_owned()));
        assert_eq!(field.read("z"), Err("`z` is none of the choices.".to_owned()));
        let numbers = Field::new::<u8>("a").choices(["1", "2"]);
        assert_eq!(numbers.read_json("2"), Ok("2".to_owned()));
        assert!(numbers.read_json("3").is_err());
    }
}
