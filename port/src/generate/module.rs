//! `cells.rs` and the module of the steps: the user's own code.

use super::Context;
use crate::items::module_text;
use crate::lower::StepFunction;
use crate::plan::{Plan, StepPlan};
use crate::text::{FileText, literal};

/// Whether the notebook's own items take the name of the module of the steps.
pub(super) fn takes_steps(plan: &Plan<'_>) -> bool {
    plan.defined.contains("steps")
        || plan
            .code
            .iter()
            .any(|cell| crate::tokens::begins_path(&crate::tokens::of(&cell.parsed), "steps").is_some())
}

/// The items of the notebook.
pub(super) fn cells(context: &Context<'_>) -> FileText {
    let plan = context.plan;
    let mut file = FileText::default();
    file.push(&format!(
        "//! What the cells of {} define.\n",
        context.notebook_in_prose()
    ));
    file.push("#![allow(unused, nonstandard_style)]\n");
    let made: Vec<_> = plan
        .code
        .iter()
        .map(|cell| (cell.index, module_text(cell, &cell.merged)))
        .collect();
    for (index, items) in &made {
        file.append(*index, &items.attributes);
    }
    for (index, items) in &made {
        if items.items.as_str().trim().is_empty() {
            continue;
        }
        file.push(&format!("\n// Cell {}\n", plan.notebook.cells[*index].place.number));
        file.append(*index, &items.items);
        if !items.items.as_str().ends_with('\n') {
            file.push("\n");
        }
    }
    file.push(&format!("\npub mod {};\n", context.steps));
    file
}

/// What the signatures of the steps call the types that they need, and what stands before them.
struct Types {
    pip: &'static str,
    job: &'static str,
    result: &'static str,
    error: &'static str,
    serialize: &'static str,
    field: &'static str,
    /// What keeps the code of cells as it stands. A module of the notebook's own of that name would be taken for the tool.
    skip: &'static str,
}

impl Types {
    /// Names that the notebook's own code says are qualified, so that they mean there what they mean in the notebook.
    fn of(plan: &Plan<'_>) -> Self {
        let free = |name: &str| !plan.words.contains(name) && !plan.defined.contains(name);
        let choose =
            |library: &str, name: &'static str, qualified: &'static str| match (free(name), plan.takes(library)) {
                (true, _) => name,
                (false, true) => qualified,
                (false, false) => &qualified[2..],
            };
        let server = |name, qualified| choose("pipulate_server", name, qualified);
        let result = match (plan.defined.contains("Result") || plan.has_globs, plan.takes("std")) {
            (false, _) => "Result",
            (true, false) => "std::result::Result",
            (true, true) => "::std::result::Result",
        };
        Self {
            pip: choose("pipulate", "Pip", "::pipulate::Pip"),
            job: choose("pipulate", "Job", "::pipulate::Job"),
            result,
            error: server("StepError", "::pipulate_server::StepError"),
            serialize: server("Serialize", "::pipulate_server::Serialize"),
            field: server("Field", "::pipulate_server::Field"),
            skip: if plan.defined.contains("rustfmt") {
                ""
            } else {
                "#[rustfmt::skip]\n"
            },
        }
    }

    /// The lines that bring the names that are not qualified.
    fn imports(&self, plan: &Plan<'_>) -> String {
        let uses_value = plan
            .steps
            .iter()
            .any(|step| step.computes || step.fields.iter().any(|field| field.default.is_some()));
        let uses_field = plan
            .steps
            .iter()
            .any(|step| step.fields.iter().any(|field| field.function.is_some()));
        let unqualified = |names: &[(&'static str, bool)]| -> Vec<&'static str> {
            names
                .iter()
                .filter(|(name, used)| *used && !name.contains(':'))
                .map(|(name, _)| *name)
                .collect()
        };
        let mut text = String::new();
        let groups = [
            ("pipulate", unqualified(&[(self.job, true), (self.pip, true)])),
            (
                "pipulate_server",
                unqualified(&[
                    (self.field, uses_field),
                    (self.serialize, uses_value),
                    (self.error, true),
                ]),
            ),
        ];
        for (library, names) in groups {
            // A module of the notebook's own may be called like the library.
            let from = if plan.takes(library) { "use ::" } else { "use " };
            match names.as_slice() {
                [] => {}
                [only] => text.extend([from, library, "::", only, ";\n"]),
                names => text.extend([from, library, "::{", &names.join(", "), "};\n"]),
            }
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }
}

/// The steps, a function each.
pub(super) fn steps(context: &Context<'_>) -> FileText {
    let plan = context.plan;
    let types = Types::of(plan);
    let mut file = FileText::default();
    file.push(&format!("//! The steps of {}.\n\n", context.notebook_in_prose()));
    file.push(&types.imports(plan));
    file.push("use super::*;\n");
    for step in &plan.steps {
        let index = plan.code[step.code].index;
        let place = plan.notebook.cells[index].place;
        file.push(&format!("\n// Cell {}\n{}", place.number, types.skip));
        let value = if step.computes {
            value_type(&types)
        } else {
            "()".to_owned()
        };
        function(&mut file, &types, index, &step.function, &value, &step.lowered);
        fields(&mut file, &types, index, step);
    }
    if !plan.debug_errors.is_empty() {
        let server = if plan.takes("pipulate_server") {
            "::pipulate_server"
        } else {
            "pipulate_server"
        };
        file.push("\n// Errors that only `Debug` can show.\n");
        for error in &plan.debug_errors {
            file.push(&format!("{server}::report_by_debug!({error});\n"));
        }
    }
    file
}

fn value_type(types: &Types) -> String {
    format!("impl {}", types.serialize)
}

fn function(file: &mut FileText, types: &Types, index: usize, name: &str, value: &str, made: &StepFunction) {
    file.push(&format!(
        "pub fn {name}({}: {}, {}: {}) -> {}<{value}, {}> {{",
        made.pip, types.pip, made.job, types.job, types.result, types.error
    ));
    file.append(index, &made.body);
    file.push("}\n");
}

/// What makes a form's fields, and what they begin with.
fn fields(file: &mut FileText, types: &Types, index: usize, step: &StepPlan) {
    for field in &step.fields {
        if let Some(name) = &field.function {
            file.push(&format!("\n/// The field `{}`.\n{}", in_prose(&field.name), types.skip));
            file.push(&format!(
                "pub fn {name}() -> {} {{\n    {}::new::<{}>({})\n}}\n",
                types.field,
                types.field,
                field.ty,
                literal(&field.name)
            ));
        }
        if let Some((name, made)) = &field.default {
            file.push(&format!(
                "\n/// What the field `{}` begins with.\n{}",
                in_prose(&field.name),
                types.skip
            ));
            function(file, types, index, name, &value_type(types), made);
        }
    }
}

/// A name as a comment can hold it.
fn in_prose(name: &str) -> String {
    name.replace('`', "'")
}
