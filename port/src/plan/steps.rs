//! The steps: which cells they are, what they ask for, what their functions do.

use std::collections::BTreeSet;

use pipulate::cell;

use super::read::{free_name, function_name, outcome_without_step};
use super::{CodeCell, FieldPlan, Plan, StepPlan};
use crate::analysis::{InputUse, Origin, Reload, Resolution, analyse};
use crate::lower::{StepFunction, lower, lower_default};
use crate::report::Outcome;
use crate::tokens;

/// Words of a type that need no import.
const PLAIN_TYPES: [&str; 20] = [
    "Option", "String", "Vec", "bool", "char", "f32", "f64", "i128", "i16", "i32", "i64", "i8", "isize", "u128", "u16",
    "u32", "u64", "u8", "usize", "str",
];

impl Plan<'_> {
    pub(super) fn plan_steps(&mut self) {
        let mut given = BTreeSet::new();
        for position in 0..self.code.len() {
            let cell = &self.code[position];
            let index = cell.index;
            if matches!(self.outcomes[index], Outcome::Refused) {
                continue;
            }
            if !cell.is_step() {
                self.outcomes[index] = outcome_without_step(cell);
                self.note_without_step(position);
                continue;
            }
            self.plan_step(position, &mut given);
        }
    }

    fn plan_step(&mut self, position: usize, given: &mut BTreeSet<String>) {
        let cell = &self.code[position];
        let index = cell.index;
        let elsewhere = cell.analysis.inputs.iter().find(|input| input.call.job.is_some());
        if let Some(input) = elsewhere {
            let span = input.span.clone();
            self.refuse(
                index,
                &span,
                "A form saves in the job of its page, and not in another.",
                "Leave `--job` out, and save what was asked for with `%pip_set --job`.",
            );
            return;
        }
        let first_set = cell.sets().into_iter().next();
        let first_input = cell.analysis.inputs.first();
        let name = match (&cell.analysis.step, first_set, first_input) {
            (Some(step), _, _) => step.step.text.clone(),
            (None, Some((set, at)), Some(input)) if at.start < input.span.start => set,
            (None, _, Some(input)) => input.call.step.text.clone(),
            (None, Some((set, _)), None) => set,
            (None, None, None) => return,
        };
        let number = self.steps.len() + 1;
        let function = function_name(number, &name, &self.defined, given);
        let is_item = |name: &str| self.is_item(cell, name);
        let lowered = lower(&cell.parsed, &cell.analysis, &cell.resolution, &is_item);
        let computes = cell.analysis.step.is_some();
        let sets = cell
            .sets()
            .into_iter()
            .map(|(set, _)| set)
            .filter(|set| !computes || *set != name)
            .collect();
        let label = cell.analysis.step.as_ref().and_then(|step| step.label.as_ref());
        let label = label.map(|label| label.text.clone());
        let fields = self.plan_fields(position, &function, &name, given);
        self.outcomes[index] = Outcome::Step { step: name.clone() };
        self.note_step(position);
        self.steps.push(StepPlan {
            name,
            code: position,
            computes,
            label,
            description: String::new(),
            sets,
            fields,
            function,
            lowered,
        });
    }

    fn plan_fields(
        &mut self,
        position: usize,
        function: &str,
        step: &str,
        given: &mut BTreeSet<String>,
    ) -> Vec<FieldPlan> {
        let inputs = self.code[position].analysis.inputs.clone();
        let mut fields: Vec<FieldPlan> = Vec::new();
        for input in &inputs {
            let name = &input.call.step.text;
            if fields.iter().any(|field| field.name == *name) {
                continue;
            }
            let cell = &self.code[position];
            let ty = input
                .ty
                .as_ref()
                .map_or("String", |ty| cell.parsed.slice(ty))
                .trim()
                .to_owned();
            let blank = [("_", "without `_`"), ("impl", "a type with a name in place of `impl`")]
                .into_iter()
                .find(|(word, _)| has_word(&ty, word));
            if let (Some(span), Some((_, instead))) = (&input.ty, blank) {
                self.refuse(
                    cell.index,
                    &span.clone(),
                    "The type of what is asked for leaves a part to be worked out, and its form is made from the type.",
                    format!("Write it in full, {instead}."),
                );
                continue;
            }
            let stem = if name == step {
                function.to_owned()
            } else {
                let own = crate::names::function(0, name);
                format!(
                    "{function}_{}",
                    own.trim_start_matches("step_00").trim_start_matches('_')
                )
            };
            let stem = stem.trim_end_matches('_').to_owned();
            let default = self.plan_default(position, input).map(|lowered| {
                let function = free_name(format!("{stem}_default"), &self.defined, given);
                (function, lowered)
            });
            // Where no type is written it is the standard library's `String`, whatever the notebook calls so.
            let is_plain = input.ty.is_none() || is_plain_type(&ty, &self.defined);
            let made_by = (!is_plain).then(|| free_name(format!("{stem}_field"), &self.defined, given));
            fields.push(FieldPlan {
                name: name.clone(),
                ty,
                label: input.call.label.as_ref().map(|label| label.text.clone()),
                help: input.call.help_text.clone(),
                choices: input.call.choices.clone(),
                secret: input.call.secret,
                default,
                function: made_by,
            });
        }
        fields
    }

    /// What a form begins with. It is worked out before the cell runs, so that of the cell's own variables it may use only what the cell
    /// loads from earlier steps.
    fn plan_default(&mut self, position: usize, input: &InputUse) -> Option<StepFunction> {
        let default = input.call.default.clone()?;
        let cell = &self.code[position];
        let index = cell.index;
        let text = cell.parsed.slice(&default);
        let expression = cell::parse(text);
        let alone = match analyse(&expression) {
            Ok(analysis) => analysis,
            Err(fault) => {
                let span = default.start + fault.span.start..default.start + fault.span.end;
                self.refuse(index, &span, fault.message, fault.help);
                return None;
            }
        };
        let mut resolution = Resolution::default();
        let mut refused = Vec::new();
        for (name, used) in alone.free.iter().filter(|(_, used)| used.variable) {
            let own = cell
                .analysis
                .bindings
                .iter()
                .rev()
                .find(|binding| binding.name == *name && binding.span.start < default.start);
            if let Some(binding) = own {
                match &binding.from {
                    Origin::Pipeline(origin) if !origin.is_input => {
                        if let Some(reload) = own_reload(origin, &cell.resolution, name) {
                            push_reload(&mut resolution.reloads, reload);
                            continue;
                        }
                    }
                    _ => {}
                }
                let asks = matches!(&binding.from, Origin::Pipeline(origin) if origin.is_input);
                refused.push((default.start + used.span.start, name.clone(), asks));
            } else if let Some(reload) = reload_of(cell, name) {
                push_reload(&mut resolution.reloads, reload);
            }
        }
        for (at, name, asks) in refused {
            let (message, help) = if asks {
                (
                    format!("The default uses `{name}`, which the same form asks for."),
                    format!("Ask for `{name}` in a cell before this one."),
                )
            } else {
                (
                    format!("The default uses `{name}`, which the cell works out only when the form was sent."),
                    format!(
                        "Save it in a cell before this one, and load it with `let {name}: TYPE = %pip_get {name};`."
                    ),
                )
            };
            self.refuse(index, &(at..at), message, help);
        }
        let cell = &self.code[position];
        let is_item = |name: &str| self.is_item(cell, name);
        let ty = input.ty.as_ref();
        let lowered = lower_default(&cell.parsed, &default, ty, &alone, &resolution, &is_item);
        Some(lowered)
    }

    /// Whether a name is an item's where a cell's function stands. All of the notebook's items are in scope there; a `job` of a later cell
    /// is another than the one that this cell means.
    fn is_item(&self, cell: &CodeCell<'_>, name: &str) -> bool {
        match name {
            "job" | "pip" => cell.items_before.contains(name),
            _ => self.takes(name),
        }
    }

    fn note_step(&mut self, position: usize) {
        let cell = &self.code[position];
        let (index, analysis) = (cell.index, &cell.analysis);
        let mut notes: Vec<(usize, String)> = Vec::new();
        if analysis.step.as_ref().is_some_and(|step| step.rerun) {
            notes.push((0, "left out: `--rerun`, since the page has a button for it".to_owned()));
        }
        for (step, span) in &analysis.shows {
            notes.push((
                span.start,
                format!("left out: `%pip_get {step}`, since the page shows it"),
            ));
        }
        for input in analysis.inputs.iter().filter(|input| input.place != cell::Place::Cell) {
            let step = &input.call.step.text;
            notes.push((
                input.span.start,
                format!("the form always asks for `{step}`, also where the cell would not"),
            ));
        }
        if analysis.step.is_none() && !analysis.items.is_empty() {
            let items: Vec<String> = analysis
                .items
                .iter()
                .map(|item| format!("`{}`", item.title()))
                .collect();
            let at = analysis.items[0].span.start;
            notes.push((at, format!("at module level: {}", items.join(", "))));
        }
        for (at, text) in notes {
            self.note(index, at, text);
        }
    }

    fn note_without_step(&mut self, position: usize) {
        let cell = &self.code[position];
        let (index, analysis) = (cell.index, &cell.analysis);
        let mut notes: Vec<(usize, String)> = Vec::new();
        for (step, span) in &analysis.shows {
            notes.push((
                span.start,
                format!("left out: `%pip_get {step}`, since the page shows it"),
            ));
        }
        let mut words = BTreeSet::new();
        tokens::words(&tokens::of(&cell.parsed), &mut words);
        let saves = analysis.free.contains_key("job")
            && ["set", "set_json", "update", "write"]
                .iter()
                .any(|word| words.contains(*word));
        if saves {
            let text =
                "which step it sets cannot be seen: `%%pip_step NAME` or `%pip_set NAME = VALUE` makes it a step";
            notes.push((analysis.free["job"].span.start, text.to_owned()));
        } else if let Some(set) = analysis.sets.first() {
            let text = "it saves in another job alone: `%%pip_step NAME` makes it a step";
            notes.push((set.span.start, text.to_owned()));
        } else if !analysis.items.is_empty() && cell.has_statements() {
            notes.push((
                0,
                "its statements are left out: they have no effect on any step".to_owned(),
            ));
        }
        for (at, text) in notes {
            self.note(index, at, text);
        }
    }
}

/// What loads a variable of the cell itself, for code that runs before the cell.
fn own_reload(origin: &crate::analysis::PipelineOrigin, resolution: &Resolution, name: &str) -> Option<Reload> {
    let ty = origin.ty.clone()?;
    let known = |name: &String| resolution.reloads.iter().any(|reload| reload.names.contains(name));
    let default = origin.default.clone();
    if default.is_some() && origin.default_names.iter().any(known) {
        return None;
    }
    Some(Reload {
        names: vec![name.to_owned()],
        pattern: origin.pattern.clone(),
        ty,
        has_type: true,
        step: origin.step.clone(),
        job: origin.job.clone(),
        secret: origin.secret,
        default,
        cell: crate::analysis::CellLabel::number(0),
    })
}

/// What loads a variable of an earlier cell.
fn reload_of(cell: &CodeCell<'_>, name: &str) -> Option<Reload> {
    let mut reloads = cell.resolution.reloads.iter();
    reloads
        .find(|reload| reload.names.iter().any(|bound| bound == name))
        .cloned()
}

fn push_reload(reloads: &mut Vec<Reload>, reload: Reload) {
    let same = |other: &Reload| other.pattern == reload.pattern && other.step == reload.step;
    if !reloads.iter().any(same) {
        reloads.push(reload);
    }
}

/// Whether a type has this word in it.
fn has_word(ty: &str, word: &str) -> bool {
    let mut words = BTreeSet::new();
    tokens::words(&ty.parse().unwrap_or_default(), &mut words);
    words.contains(word)
}

/// Whether a type is made of words that mean the same everywhere.
fn is_plain_type(ty: &str, defined: &BTreeSet<String>) -> bool {
    let mut words = ty
        .split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .filter(|word| !word.is_empty());
    let is_number = |word: &str| word.chars().all(|character| character.is_ascii_digit());
    let known = |word: &str| is_number(word) || (PLAIN_TYPES.contains(&word) && !defined.contains(word));
    !ty.contains("::") && words.all(known)
}
