//! How the variables of other cells come to a cell.

use std::ops::Range;

use super::definitions::{CellLabel, Contribution};
use super::{Binding, CellAnalysis, Origin};

/// The variables of other cells that a cell uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    /// Those that came through the pipeline, in the order in which they are loaded again: that of the cells that bound them.
    pub reloads: Vec<Reload>,
    /// Those that did not, in order of name.
    pub untracked: Vec<Untracked>,
}

/// A `let` that loads variables again from the pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reload {
    /// The variables of it that the cell uses, in order of name.
    pub names: Vec<String>,
    /// The whole pattern, as it was written.
    pub pattern: String,
    /// The pattern's type.
    pub ty: String,
    /// Whether the type was written; else it is the standard library's `String`, that of an input without one.
    pub has_type: bool,
    /// The step.
    pub step: String,
    /// The job, when it is not the current one.
    pub job: Option<String>,
    /// Whether it is a secret, which no store has.
    pub secret: bool,
    /// The expression for a missing step, which uses no variable of any cell.
    pub default: Option<String>,
    /// The cell that bound them first.
    pub cell: CellLabel,
}

/// A variable of another cell that did not come through the pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untracked {
    /// The variable.
    pub name: String,
    /// Its first use in the cell that was resolved.
    pub used: Range<usize>,
    /// The cell that binds it.
    pub cell: CellLabel,
    /// Where it is bound, in that cell.
    pub bound: Range<usize>,
    /// Why it cannot be loaded again.
    pub why: Why,
    /// The lines that would let it be.
    pub lines: Vec<LineToAdd>,
}

/// Why a variable cannot be loaded again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// Nothing saves it.
    NotSaved,
    /// It is `mut`, so that it may hold something else than its step does.
    Mutable,
    /// Its type is not written.
    TypeUnknown,
    /// Its type holds a reference, and nothing is there to refer to.
    Borrowed,
    /// The expression for a missing step uses variables.
    DefaultUsesVariables,
}

/// A line that would persist a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineToAdd {
    /// Where it belongs.
    pub place: Where,
    /// The line.
    pub line: String,
}

/// Where a line belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// At the end of the cell that binds the variable.
    AfterBinding,
    /// In the place of the `let` that binds the variable.
    InsteadOfBinding,
    /// At the beginning of the cell that uses the variable.
    BeforeUse,
}

impl Untracked {
    /// What is wrong, one sentence: `total` of cell 2 ..
    pub fn message(&self) -> String {
        let Self { name, cell, .. } = self;
        match self.why {
            Why::NotSaved => format!("`{name}` is a variable of {cell}, and did not come through the pipeline."),
            Why::Mutable => format!("`{name}` of {cell} is `mut`, so that it may hold something else than its step."),
            Why::TypeUnknown => {
                format!("The type of `{name}` of {cell} is not written, so that it cannot be loaded again.")
            }
            Why::Borrowed => format!("`{name}` of {cell} borrows, so that it cannot be loaded again."),
            Why::DefaultUsesVariables => {
                format!("`{name}` of {cell} has a default that uses variables, so that it cannot be loaded again.")
            }
        }
    }

    /// What to do about it: the lines to add, and where.
    pub fn help(&self) -> String {
        let line = |line: &LineToAdd| match line.place {
            Where::AfterBinding => format!("`{}` at the end of {}", line.line, self.cell),
            Where::InsteadOfBinding => format!("`{}` in the place of its `let` in {}", line.line, self.cell),
            Where::BeforeUse => format!("`{}` before its use", line.line),
        };
        let lines: Vec<String> = self.lines.iter().map(line).collect();
        format!("Write {}.", lines.join(", and "))
    }
}

pub(super) fn resolve(cells: &[Contribution], analysis: &CellAnalysis) -> Resolution {
    let mut resolution = Resolution::default();
    for cell in cells {
        for binding in &cell.bindings {
            let used = analysis.free.get(&binding.name).filter(|used| used.variable);
            let Some(used) = used else { continue };
            match reload(cells, cell, binding) {
                Ok(reload) => add(&mut resolution.reloads, reload, &binding.name),
                Err(why) => resolution.untracked.push(Untracked {
                    name: binding.name.clone(),
                    used: used.span.clone(),
                    cell: cell.label.clone(),
                    bound: binding.span.clone(),
                    why,
                    lines: lines(binding, why),
                }),
            }
        }
    }
    resolution.untracked.sort_by(|one, other| one.name.cmp(&other.name));
    resolution
}

/// Adds a reload, or only its name where its pattern is loaded already.
fn add(reloads: &mut Vec<Reload>, reload: Reload, name: &str) {
    let same = |other: &&mut Reload| {
        let is_same = other.pattern == reload.pattern && other.step == reload.step && other.job == reload.job;
        is_same && other.cell == reload.cell
    };
    match reloads.iter_mut().find(same) {
        Some(other) => {
            other.names.push(name.to_owned());
            other.names.sort();
        }
        None => reloads.push(reload),
    }
}

fn reload(cells: &[Contribution], cell: &Contribution, binding: &Binding) -> Result<Reload, Why> {
    if binding.mutable {
        return Err(Why::Mutable);
    }
    let reload = |pattern: &str, ty: &str, step: &str, job: &Option<String>| Reload {
        names: vec![binding.name.clone()],
        pattern: pattern.to_owned(),
        ty: ty.to_owned(),
        has_type: true,
        step: step.to_owned(),
        job: job.clone(),
        secret: false,
        default: None,
        cell: cell.label.clone(),
    };
    match (&binding.from, &binding.set_as) {
        (Origin::Pipeline(origin), _) => {
            let ty = origin.ty.as_deref().ok_or(Why::TypeUnknown)?;
            owned(ty)?;
            // What an input asked for is saved, so that its default is not wanted again.
            let default = origin.default.clone().filter(|_| !origin.is_input);
            let is_bound = |name: &String| {
                cells
                    .iter()
                    .any(|cell| cell.bindings.iter().any(|other| other.name == *name))
            };
            if default.is_some() && origin.default_names.iter().any(is_bound) {
                return Err(Why::DefaultUsesVariables);
            }
            Ok(Reload {
                has_type: !origin.is_input || binding.ty.is_some(),
                secret: origin.secret,
                default,
                ..reload(&origin.pattern, ty, &origin.step, &origin.job)
            })
        }
        (Origin::Plain, Some(saved)) => {
            let ty = binding
                .ty
                .as_deref()
                .or(binding.inferred.as_deref())
                .ok_or(Why::TypeUnknown)?;
            owned(ty)?;
            Ok(reload(&binding.name, ty, &saved.step, &saved.job))
        }
        (Origin::Plain, None) => Err(Why::NotSaved),
    }
}

/// Whether a value of this type can be read from a store: not when it refers to something, or leaves a part to be inferred.
fn owned(ty: &str) -> Result<(), Why> {
    if ty.contains('&') {
        return Err(Why::Borrowed);
    }
    let leaves_out = ty
        .split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .any(|word| word == "_");
    if leaves_out { Err(Why::TypeUnknown) } else { Ok(()) }
}

/// The lines that would let a variable be loaded again.
fn lines(binding: &Binding, why: Why) -> Vec<LineToAdd> {
    let name = &binding.name;
    let step = match (&binding.from, &binding.set_as) {
        (Origin::Pipeline(origin), _) if origin.names.len() == 1 => origin.step.clone(),
        (_, Some(saved)) => saved.step.clone(),
        _ => name.clone(),
    };
    let step = word(&step);
    let written = binding.ty.as_deref().or(binding.inferred.as_deref());
    let known = written.filter(|ty| owned(ty).is_ok());
    let ty = match written {
        Some(ty) if ty.starts_with('&') && ty.ends_with("str") => "String",
        _ => known.unwrap_or("TYPE"),
    };
    let get = |place| LineToAdd {
        place,
        line: format!("let {name}: {ty} = %pip_get {step};"),
    };
    let set = LineToAdd {
        place: Where::AfterBinding,
        line: format!("%pip_set {step} = {name}"),
    };
    match (why, &binding.from) {
        (Why::NotSaved, _) if known.is_some() => vec![set],
        (Why::TypeUnknown, Origin::Pipeline(origin)) if origin.names.len() == 1 => vec![get(Where::InsteadOfBinding)],
        (Why::TypeUnknown | Why::Borrowed, Origin::Plain) if binding.set_as.is_some() => vec![get(Where::BeforeUse)],
        _ => vec![set, get(Where::BeforeUse)],
    }
}

/// A step's name as a magic takes it.
fn word(step: &str) -> String {
    let is_plain = step
        .chars()
        .all(|character| character.is_alphanumeric() || matches!(character, '_' | '-' | '.'));
    if is_plain && !step.starts_with('-') {
        step.to_owned()
    } else {
        format!("\"{}\"", step.replace('\\', "\\\\").replace('"', "\\\""))
    }
}
