//! `workflow.rs`: the steps in order, with what their pages say.

use super::Context;
use super::layout::Expression;
use crate::plan::{FieldPlan, StepPlan};
use crate::text::{literal, raw_literal};

/// How wide a list of names may be on one line.
const LIST: usize = 56;

pub(super) fn workflow(context: &Context<'_>) -> String {
    let plan = context.plan;
    let mut chain = call("Workflow::new", [string(&plan.workflow)]);
    if let Some(title) = &plan.title {
        chain = chain.method("title", [string(title)]);
    }
    if !plan.description.is_empty() {
        chain = chain.method("description", [string(&plan.description)]);
    }
    chain = chain.method("notebook", [string(context.notebook)]);
    let include = |path: &str| Expression::atom(format!("include_str!({})", literal(path)));
    chain = chain.method(
        "source",
        [
            include("cells.rs"),
            include(&format!("cells/{}.rs", context.steps)),
            include("../Cargo.toml"),
        ],
    );
    chain = chain.method("lines", [include("cells/lines.txt")]);
    for planned in &plan.steps {
        let place = plan.notebook.cells[plan.code[planned.code].index].place;
        chain = chain.commented(Some(format!("Cell {}", place.number)), "step", [step(context, planned)]);
    }
    let makes_field = |step: &StepPlan| step.fields.iter().any(|field| field.function.is_none());
    let field = if plan.steps.iter().any(makes_field) {
        "Field, "
    } else {
        ""
    };
    format!(
        "//! The workflow of {}: its steps, in the order of their cells.\n\n\
         use pipulate_server::{{{field}Step, Workflow}};\n\n\
         use crate::cells::{};\n\n\
         /// The workflow.\npub fn workflow() -> Workflow {{\n    {}\n}}\n",
        context.notebook_in_prose(),
        context.steps,
        chain.lay_out(4, 0, 0),
    )
}

fn step(context: &Context<'_>, step: &StepPlan) -> Expression {
    let made_by = if step.computes { "Step::computes" } else { "Step::saves" };
    let mut chain = call(made_by, [string(&step.name), function(context, &step.function)]);
    if let Some(label) = &step.label {
        chain = chain.method("label", [string(label)]);
    }
    if !step.description.is_empty() {
        chain = chain.method("description", [string(&step.description)]);
    }
    for names in lists(&step.sets) {
        chain = chain.method("sets", [Expression::Array(names)]);
    }
    for planned in &step.fields {
        chain = chain.method("field", [field(context, planned)]);
    }
    chain
}

fn field(context: &Context<'_>, field: &FieldPlan) -> Expression {
    let mut chain = match &field.function {
        Some(name) => Expression::Call(format!("{}::{name}", context.steps), Vec::new()),
        None => call(&format!("Field::new::<{}>", field.ty), [string(&field.name)]),
    };
    if let Some(label) = &field.label {
        chain = chain.method("label", [string(label)]);
    }
    if let Some(help) = &field.help {
        chain = chain.method("help", [string(help)]);
    }
    for choices in lists(&field.choices) {
        chain = chain.method("choices", [Expression::Array(choices)]);
    }
    if field.secret {
        chain = chain.method("secret", []);
    }
    if let Some((name, _)) = &field.default {
        chain = chain.method("default", [function(context, name)]);
    }
    chain
}

/// Literals of these names, in lists that each fit on a line.
fn lists(names: &[String]) -> Vec<Vec<String>> {
    let mut lists: Vec<Vec<String>> = Vec::new();
    let mut width = 0;
    for name in names.iter().map(|name| literal(name)) {
        let added = name.chars().count() + 2;
        match lists.last_mut() {
            Some(list) if width + added <= LIST => list.push(name),
            _ => {
                lists.push(vec![name]);
                width = 0;
            }
        }
        width += added;
    }
    lists
}

fn call(path: &str, arguments: impl IntoIterator<Item = Expression>) -> Expression {
    Expression::Call(path.to_owned(), arguments.into_iter().collect())
}

fn function(context: &Context<'_>, name: &str) -> Expression {
    Expression::atom(format!("{}::{name}", context.steps))
}

/// Text, over as many lines as it has.
fn string(text: &str) -> Expression {
    let is_plain = text
        .chars()
        .all(|character| character == '\n' || !character.is_control());
    Expression::atom(if text.contains('\n') && is_plain {
        raw_literal(text)
    } else {
        literal(text)
    })
}
