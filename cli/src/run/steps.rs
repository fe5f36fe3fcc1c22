//! Which steps the cells of a notebook name: what is said about parameters before any cell has run.

use pipulate::cell::{self, GetCall, InputCall, SegmentKind, nearest};
use pipulate::state::fault_in_choice;

use super::document::CodeCell;

/// The steps that cells name.
#[derive(Debug, Default)]
pub(crate) struct NamedSteps {
    /// What `%pip_input` asks for.
    asked: Vec<Asked>,
    /// What `%pip_get` loads.
    loaded: Vec<String>,
    /// All that may hold a step's name: magics up to their values, shell lines, scripts.
    texts: Vec<String>,
    /// The code of all cells, for names in the strings of Rust.
    codes: Vec<String>,
}

#[derive(Debug)]
struct Asked {
    step: String,
    secret: bool,
    choices: Vec<String>,
}

impl NamedSteps {
    /// Reads the cells that are to be run.
    pub(crate) fn of(cells: &[CodeCell]) -> Self {
        let mut steps = Self::default();
        for CodeCell { code, .. } in cells {
            let cell = cell::parse(code);
            for magic in cell.magics() {
                // A call with a mistake in it asks for nothing.
                match cell.slice(&magic.name) {
                    "pip_input" => steps
                        .asked
                        .extend(InputCall::parse(cell.text(), magic).ok().map(|input| Asked {
                            step: input.step.text,
                            secret: input.secret,
                            choices: input.choices,
                        })),
                    "pip_get" => steps
                        .loaded
                        .extend(GetCall::parse(cell.text(), magic).ok().map(|get| get.step.text)),
                    _ => {}
                }
                let end = magic.value.as_ref().map_or(magic.args.end, |value| value.start);
                steps.texts.push(cell.slice(&(magic.args.start..end)).to_owned());
            }
            let lines = cell.segments().iter();
            let lines = lines.filter(|segment| matches!(segment.kind, SegmentKind::Shell | SegmentKind::Body));
            steps
                .texts
                .extend(lines.map(|segment| cell.slice(&segment.span).to_owned()));
            steps.codes.push(code.clone());
        }
        steps
    }

    /// Whether a `%pip_input --secret` asks for the step.
    pub(crate) fn is_secret(&self, step: &str) -> bool {
        self.asked.iter().any(|asked| asked.step == step && asked.secret)
    }

    /// Whether a `%pip_input` asks for the step.
    pub(crate) fn is_asked(&self, step: &str) -> bool {
        self.asked.iter().any(|asked| asked.step == step)
    }

    /// What is wrong with a value for the step, where a `%pip_input` names the choices and it is none of them.
    pub(crate) fn fault_in(&self, step: &str, json: &str) -> Option<String> {
        let answer = serde_json::from_str::<String>(json).unwrap_or_else(|_| json.trim().to_owned());
        let mut asked = self.asked.iter().filter(|asked| asked.step == step);
        asked.find_map(|asked| fault_in_choice(&answer, &asked.choices, asked.secret))
    }

    /// Whether any cell has the name: as a word of a magic or a shell line, or as a string of Rust.
    pub(crate) fn is_named(&self, step: &str) -> bool {
        let string = format!("\"{step}\"");
        self.texts.iter().any(|text| has_word(text, step)) || self.codes.iter().any(|code| code.contains(&string))
    }

    /// The step that a mistyped name may mean.
    pub(crate) fn nearest(&self, step: &str) -> Option<&str> {
        let asked = self.asked.iter().map(|asked| asked.step.as_str());
        nearest(step, asked.chain(self.loaded.iter().map(String::as_str)))
    }
}

/// Whether the word stands in the text, and not only as a part of another one.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_' || character == '-';
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(codes: &[&str]) -> NamedSteps {
        let cells: Vec<_> = codes
            .iter()
            .map(|code| CodeCell {
                index: 0,
                id: String::new(),
                code: (*code).to_owned(),
                may_fail: false,
            })
            .collect();
        NamedSteps::of(&cells)
    }

    #[test]
    fn a_step_is_named_where_it_is_used() {
        for code in [
            "%pip_get month",
            "let m: u32 = %pip_get month --default 1;",
            "%pip_get \"month\" --job other",
            "%pip_input month \"The month\"",
            "%pip_set month = 5",
            "%pip_remove month",
            "%%pip_step month\n1",
            "let m: u32 = job.require(\"month\")?;",
            "!pipulate job get k month",
            "%%bash\npipulate job get k month",
        ] {
            assert!(steps(&[code]).is_named("month"), "{code}");
        }
        for code in [
            "let month = 5;",
            "// month",
            "%pip_get months",
            "%pip_get the-month",
            "%pip_set other = month",
            "println!(\"the month\")",
        ] {
            assert!(!steps(&[code]).is_named("month"), "{code}");
        }
        assert!(steps(&["%pip_get \"two words\""]).is_named("two words"));
    }

    #[test]
    fn secrets_are_told_from_other_inputs() {
        let steps = steps(&["%pip_input key \"Key\" --secret", "let name: String = %pip_input name;"]);
        assert!(steps.is_secret("key") && steps.is_asked("key"));
        assert!(!steps.is_secret("name") && steps.is_asked("name"));
        assert!(!steps.is_asked("other"));
    }

    #[test]
    fn a_value_is_one_of_the_choices() {
        let steps = steps(&[
            "%pip_input size --choices small,large",
            "%pip_input count --choices 1,2",
        ]);
        for (step, json) in [
            ("size", "\"large\""),
            ("count", " 2"),
            ("count", "\"2\""),
            ("other", "7"),
        ] {
            assert_eq!(steps.fault_in(step, json), None, "{step}={json}");
        }
        let fault = "`huge` is none of the choices: `small`, `large`.";
        assert_eq!(steps.fault_in("size", "\"huge\"").as_deref(), Some(fault));
        assert!(steps.fault_in("count", "3").is_some());
    }

    #[test]
    fn a_slip_is_told_its_meaning() {
        let steps = steps(&["%pip_input month", "%pip_get title"]);
        assert_eq!(steps.nearest("mnth"), Some("month"));
        assert_eq!(steps.nearest("titel"), Some("title"));
        assert_eq!(steps.nearest("unrelated"), None);
    }
}
