//! The form of a step, with what it begins with.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::app::App;
use crate::form::{Answer, FIELD, Problems};
use crate::live::JobId;
use crate::view::JobView;
use crate::workflow::{Field, FieldKind, Step, Workflow};

/// A form.
pub(super) struct Form {
    pub(super) fields: Vec<FieldView>,
    pub(super) has_file: bool,
}

/// One field.
#[expect(clippy::struct_excessive_bools, reason = "what a template asks")]
pub(super) struct FieldView {
    pub(super) id: String,
    pub(super) input: String,
    pub(super) label: String,
    pub(super) help: Option<String>,
    pub(super) kind: &'static str,
    pub(super) value: String,
    pub(super) is_checked: bool,
    pub(super) choices: Vec<(String, bool)>,
    pub(super) problem: Option<String>,
    pub(super) is_known: bool,
    pub(super) is_focus: bool,
    pub(super) whole: bool,
    pub(super) optional: bool,
}

/// Whose form it is.
pub(super) struct Context<'a> {
    pub(super) app: &'a Arc<App>,
    pub(super) id: &'a JobId,
    pub(super) workflow: &'a Workflow,
    pub(super) step: &'a Step,
    pub(super) view: &'a JobView,
    pub(super) secrets: &'a BTreeMap<String, String>,
}

/// The form; what was typed comes before what is stored, and that before a default.
pub(super) fn form(
    context: &Context<'_>,
    problems: Option<&Problems>,
    typed: Option<&BTreeMap<String, Answer>>,
) -> Form {
    let position = context.workflow.position(context.step.name()).unwrap_or_default();
    let mut fields: Vec<FieldView> = context
        .step
        .fields()
        .iter()
        .enumerate()
        .map(|(index, field)| {
            let problem = problems.and_then(|problems| problems.0.get(field.name())).cloned();
            one(
                context,
                field,
                format!("field-{}-{}", position + 1, index + 1),
                problem,
                typed,
            )
        })
        .collect();
    let focus = fields.iter().position(|field| field.problem.is_some()).unwrap_or(0);
    if let Some(field) = fields.get_mut(focus) {
        field.is_focus = true;
    }
    Form {
        has_file: fields.iter().any(|field| field.kind == "file"),
        fields,
    }
}

fn one(
    context: &Context<'_>,
    field: &Field,
    id: String,
    problem: Option<String>,
    typed: Option<&BTreeMap<String, Answer>>,
) -> FieldView {
    let stored = context.view.value(field.name());
    let typed_text = typed.map(|typed| match typed.get(field.name()) {
        Some(Answer::Text(text)) => text.clone(),
        Some(Answer::Json(json)) => as_text(json),
        Some(Answer::File { .. }) | None => String::new(),
    });
    let is_secret = field.is_secret();
    let is_known = if is_secret {
        context.secrets.contains_key(field.name()) || App::has_secret_in_environment(field.name())
    } else {
        field.kind() == FieldKind::File && stored.is_some()
    };
    let value = match (typed_text, stored) {
        _ if is_secret || field.kind() == FieldKind::File => String::new(),
        (Some(typed), _) => typed,
        (None, Some(stored)) => as_text(&stored.value),
        (None, None) => match context
            .app
            .default_of(context.id, context.workflow, context.step, field, context.view)
        {
            Some(json) => as_text(&json),
            None => String::new(),
        },
    };
    let (kind, whole) = match field.kind() {
        FieldKind::Choice => ("choice", false),
        _ if is_secret => ("secret", false),
        FieldKind::Text => ("text", false),
        FieldKind::Number { whole } => ("number", whole),
        FieldKind::Checkbox => ("checkbox", false),
        FieldKind::Date => ("date", false),
        FieldKind::File => ("file", false),
        FieldKind::Json => ("long", false),
    };
    FieldView {
        input: format!("{FIELD}{}", field.name()),
        id,
        label: field.heading().to_owned(),
        help: field.explanation().map(str::to_owned),
        kind,
        is_checked: value == "true",
        choices: field
            .allowed()
            .iter()
            .map(|choice| (choice.clone(), *choice == value))
            .collect(),
        value,
        problem,
        is_known,
        is_focus: false,
        whole,
        optional: field.is_optional(),
    }
}

/// A value as a user would type it.
pub(crate) fn as_text(json: &str) -> String {
    match serde_json::from_str::<String>(json) {
        Ok(text) => text,
        Err(_) if json == "null" => String::new(),
        Err(_) => json.to_owned(),
    }
}
