//! One step of a workflow.

use std::fmt;
use std::sync::Arc;

use pipulate::{Job, Pip};
use serde::Serialize;

use super::{Field, StepError};

/// Runs a step; the value of one that computes, as JSON text.
pub(crate) type StepFunction = Arc<dyn Fn(Pip, Job) -> Result<Option<String>, StepError> + Send + Sync>;
/// Works out what a field is to begin with, as JSON text.
pub(crate) type DefaultFunction = Arc<dyn Fn(Pip, Job) -> Result<String, StepError> + Send + Sync>;

/// What a step is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// Its value is what its function returns.
    Computes,
    /// Its function saves values itself.
    Saves,
}

/// One step: a function, and the form that asks for what it needs.
#[derive(Clone)]
pub struct Step {
    name: String,
    label: Option<String>,
    description: String,
    kind: StepKind,
    sets: Vec<String>,
    fields: Vec<Field>,
    function: StepFunction,
    function_name: &'static str,
}

impl Step {
    /// A step whose value is what the function returns. It is recorded with the code and the inputs that made it.
    pub fn computes<T, F>(name: impl Into<String>, function: F) -> Self
    where
        T: Serialize,
        F: Fn(Pip, Job) -> Result<T, StepError> + Send + Sync + 'static,
    {
        let name = name.into();
        let step = name.clone();
        let run = move |pip: Pip, job: Job| {
            let limit = pip.value_limit();
            let value = function(pip, job)?;
            pipulate::json::to_text(&value, limit)
                .map(Some)
                .map_err(|fault| unrepresentable(&step, &fault))
        };
        Self::new(name, StepKind::Computes, Arc::new(run), std::any::type_name::<F>())
    }

    /// A step whose function saves values itself. Its own name need not be among them.
    pub fn saves<F>(name: impl Into<String>, function: F) -> Self
    where
        F: Fn(Pip, Job) -> Result<(), StepError> + Send + Sync + 'static,
    {
        let run = move |pip: Pip, job: Job| function(pip, job).map(|()| None);
        Self::new(name.into(), StepKind::Saves, Arc::new(run), std::any::type_name::<F>())
    }

    fn new(name: String, kind: StepKind, function: StepFunction, function_name: &'static str) -> Self {
        Self {
            name,
            label: None,
            description: String::new(),
            kind,
            sets: Vec::new(),
            fields: Vec::new(),
            function,
            function_name,
        }
    }

    /// The heading of its card; the name where there is none.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// What it does, in Markdown.
    #[must_use]
    pub fn description(mut self, markdown: impl Into<String>) -> Self {
        self.description = markdown.into();
        self
    }

    /// The names that its function sets, in order; for a step that saves.
    #[must_use]
    pub fn sets<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.sets.extend(names.into_iter().map(Into::into));
        self
    }

    /// Adds a field to its form.
    #[must_use]
    pub fn field(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The heading of its card.
    pub fn heading(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.name)
    }

    /// What it does, in Markdown.
    pub fn about(&self) -> &str {
        &self.description
    }

    /// What it is for.
    pub fn kind(&self) -> StepKind {
        self.kind
    }

    /// Its form.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    pub(crate) fn find_field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name() == name)
    }

    pub(crate) fn function(&self) -> &StepFunction {
        &self.function
    }

    /// The function's own name, without its modules.
    pub(crate) fn function_name(&self) -> &'static str {
        self.function_name.rsplit("::").next().unwrap_or(self.function_name)
    }

    /// The names of the job's steps that it asks for or gives a value to, in order; some may come twice.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let asked = self.fields.iter().filter(|field| !field.is_secret()).map(Field::name);
        asked.chain(self.results())
    }

    /// The names of the job's steps that its function gives a value to.
    pub(crate) fn results(&self) -> impl Iterator<Item = &str> {
        let own = (self.kind == StepKind::Computes).then_some(self.name.as_str());
        own.into_iter().chain(self.sets.iter().map(String::as_str))
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Step")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

pub(super) fn unrepresentable(step: &str, fault: &pipulate::json::Fault) -> StepError {
    use pipulate::json::Fault;
    match fault {
        Fault::Unrepresentable { path, reason } => {
            let place = if path.is_empty() { "the value itself" } else { path };
            StepError::new(
                "Unrepresentable",
                format!("the value of step `{step}` cannot be stored: {reason}, at {place}"),
            )
        }
        Fault::TooLarge { size, limit } => StepError::new(
            "TooLarge",
            format!("the value of step `{step}` is too large: {size} bytes of JSON; the limit is {limit}"),
        ),
    }
}
