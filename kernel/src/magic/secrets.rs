//! Where cells have put secrets: what shows variables must not show these.

use std::collections::HashSet;

use pipulate::cell::{InputCall, SegmentKind, parse};

use super::input::variable;

/// What the cells of a session name with `%pip_input --secret`.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    /// Rust's variables that are bound to one.
    bound: HashSet<String>,
    /// Variables of the environment that one may come from.
    environment: HashSet<String>,
}

impl Secrets {
    /// Reads the cells that were run.
    pub(super) fn of(cells: &[(u32, String)]) -> Self {
        let mut secrets = Self::default();
        for (_, text) in cells {
            secrets.read(text);
        }
        secrets
    }

    /// Whether a variable of Rust was bound to a secret.
    pub(super) fn binds(&self, name: &str) -> bool {
        self.bound.contains(name)
    }

    /// Whether a secret may come from this variable of the environment.
    pub(super) fn come_from(&self, variable: &str) -> bool {
        self.environment.contains(variable)
    }

    fn read(&mut self, text: &str) {
        let cell = parse(text);
        for segment in cell.segments() {
            let (call, pattern) = match &segment.kind {
                SegmentKind::LineMagic(call) => (call, None),
                SegmentKind::LetMagic(binding) => (&binding.call, Some(&binding.pattern)),
                _ => continue,
            };
            if cell.slice(&call.name) != "pip_input" {
                continue;
            }
            // A call with a mistake in it asks for nothing.
            let Some(input) = InputCall::parse(text, call).ok().filter(|input| input.secret) else {
                continue;
            };
            self.environment.insert(variable(&input.step.text));
            if let Some(pattern) = pattern {
                // All words of the pattern: one too many hides nothing that anyone would miss.
                let words = cell
                    .slice(pattern)
                    .split(|character: char| !character.is_alphanumeric() && character != '_');
                self.bound.extend(words.map(str::to_owned));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Secrets;

    fn of(text: &str) -> Secrets {
        Secrets::of(&[(1, text.to_owned())])
    }

    #[test]
    fn names_bound_to_secrets_are_found() {
        assert!(of("let key: String = %pip_input key --secret;").binds("key"));
        assert!(of("if true {\n    let mut inner: u32 = %pip_input pin \"PIN\" --secret;\n}").binds("inner"));
        let both = of("let (user, Some(pass)): (String, _) = %pip_input login --secret;");
        assert!(both.binds("user") && both.binds("pass"));
        assert!(!of("let name: String = %pip_input name;").binds("name"));
        assert!(!of("let s = r#\"\nlet name: String = %pip_input name --secret;\n\"#;").binds("name"));
    }

    #[test]
    fn variables_that_secrets_come_from_are_found() {
        assert!(of("%pip_input my-pin --secret").come_from("MY_PIN"));
        assert!(of("let p: u32 = %pip_input \"my pin\" --secret;").come_from("MY_PIN"));
        assert!(!of("%pip_input home").come_from("HOME"));
    }
}
