//! What is found in a cell, and how variables come to other cells.

mod items;
mod limits;
mod magics;
mod names;
mod resolution;
mod steps;

use std::fmt::Write as _;

use pipulate::cell::parse;
use pipulate_port::analysis::{CellAnalysis, CellLabel, Definitions, Origin, analyse};

/// What a cell binds and uses, in lines.
fn told(text: &str) -> String {
    match analyse(&parse(text)) {
        Ok(analysis) => tell(text, &analysis),
        Err(fault) => format!("{} | {:?} {}", fault.message, &text[fault.span], fault.help)
            .trim_end()
            .to_owned(),
    }
}

fn tell(text: &str, analysis: &CellAnalysis) -> String {
    let mut told = String::new();
    for item in &analysis.items {
        let _ = writeln!(told, "item {}: {:?}", item.title(), &text[item.span.clone()]);
    }
    for binding in &analysis.bindings {
        assert_eq!(text[binding.span.clone()].trim_start_matches("r#"), binding.name);
        let _ = write!(told, "let {}", binding.name);
        for (is_so, word) in [
            (binding.mutable, " mut"),
            (binding.shadows, " shadows"),
            (binding.shadowed, " shadowed"),
        ] {
            told.push_str(if is_so { word } else { "" });
        }
        if let Some(ty) = &binding.ty {
            let _ = write!(told, ": {ty}");
        } else if let Some(ty) = &binding.inferred {
            let _ = write!(told, ": ({ty})");
        }
        if let Origin::Pipeline(origin) = &binding.from {
            let magic = if origin.is_input { "input" } else { "get" };
            let _ = write!(told, " = {magic} {}", origin.step);
        }
        if let Some(saved) = &binding.set_as {
            let _ = write!(told, " -> {}", saved.step);
        }
        told.push('\n');
    }
    for (name, used) in &analysis.free {
        let _ = write!(told, "use {name}");
        for (is_so, word) in [
            (!used.variable, " path"),
            (used.assigned, " assigned"),
            (used.inline_capture, " captured"),
        ] {
            told.push_str(if is_so { word } else { "" });
        }
        let _ = writeln!(told, " at {:?}", &text[used.span.clone()]);
    }
    for set in &analysis.sets {
        let _ = writeln!(
            told,
            "set {} in {:?}: {:?}",
            set.call.step.text,
            set.place,
            &text[set.span.clone()]
        );
    }
    if let Some(tail) = &analysis.tail {
        let _ = writeln!(told, "value {:?}", &text[tail.clone()]);
    }
    for (is_so, word) in [
        (analysis.statements, "runs"),
        (analysis.has_question_mark, "?"),
        (analysis.awaits, "awaits"),
        (analysis.returns, "returns"),
        (analysis.needs_semicolon.is_some(), "needs ;"),
    ] {
        if is_so {
            let _ = writeln!(told, "{word}");
        }
    }
    told
}

/// The variables that a cell uses and does not bind.
fn variables(text: &str) -> String {
    let analysis = analyse(&parse(text)).unwrap_or_else(|fault| panic!("{text}: {fault}"));
    let used = analysis.free.iter().filter(|(_, used)| used.variable);
    used.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
}

/// Runs all cells but the last, and says how their variables come to the last.
fn resolved(cells: &[&str]) -> String {
    let (last, before) = cells.split_last().unwrap();
    let mut definitions = Definitions::new();
    for (index, text) in before.iter().enumerate() {
        let analysis = analyse(&parse(text)).unwrap();
        definitions.add(&format!("id-{index}"), CellLabel::number(index + 1), &analysis);
    }
    let resolution = definitions.resolve(&analyse(&parse(last)).unwrap());
    let mut told = String::new();
    for reload in resolution.reloads {
        let default = reload
            .default
            .map(|default| format!(" else {default}"))
            .unwrap_or_default();
        let job = reload.job.map(|job| format!(" of {job}")).unwrap_or_default();
        let secret = if reload.secret { "secret " } else { "" };
        let _ = writeln!(
            told,
            "let {}: {} = {secret}{}{job}{default} ({} of {})",
            reload.pattern,
            reload.ty,
            reload.step,
            reload.names.join(" "),
            reload.cell
        );
    }
    for untracked in resolution.untracked {
        assert!(last[untracked.used.clone()].contains(&untracked.name));
        let _ = writeln!(told, "{} {}", untracked.message(), untracked.help());
    }
    told
}
