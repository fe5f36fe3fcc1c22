//! What a cell or a manifest says of the crates it needs.

use std::fmt::Write as _;
use std::ops::Range;

use toml::{Table, Value};

use super::{Dependency, Fault};

/// The crates that every generated crate needs; a notebook has the first without asking.
const OURS: [&str; 2] = ["pipulate", "pipulate_server"];

/// Reads a command, when it is `:dep`. `line` stands at `span` in its cell.
pub(super) fn of_command(line: &str, span: &Range<usize>) -> Option<Result<Dependency, Fault>> {
    let arguments = line.strip_prefix(":dep")?;
    if !arguments.is_empty() && !arguments.starts_with(char::is_whitespace) {
        return None;
    }
    let arguments = arguments.trim();
    let (written, toml) = match arguments.split_once('=') {
        Some((name, toml)) => (name.trim(), toml.trim()),
        None => (arguments, "\"*\""),
    };
    if written.is_empty() || written.contains(char::is_whitespace) || toml.is_empty() {
        return Some(Err(fault(span, "The dependency lacks its name or its version.")));
    }
    if written.starts_with(['.', '/']) {
        return Some(Ok(Dependency {
            name: None,
            toml: format!("{{ path = {} }}", Value::from(written)),
            canonical: String::new(),
            path: Some(written.to_owned()),
            span: span.clone(),
        }));
    }
    let table: Result<Table, _> = format!("dependency = {toml}").parse();
    let value = table.ok().and_then(|mut table| table.remove("dependency"));
    let Some(value @ (Value::String(_) | Value::Table(_))) = value else {
        return Some(Err(fault(
            span,
            "What follows the `=` is no version and no table of TOML.",
        )));
    };
    let path = value.get("path").and_then(Value::as_str).map(str::to_owned);
    Some(Ok(Dependency {
        name: Some(written.to_owned()),
        toml: toml.to_owned(),
        canonical: canonical(&value),
        path,
        span: span.clone(),
    }))
}

fn fault(span: &Range<usize>, message: &str) -> Fault {
    Fault {
        span: span.clone(),
        message: message.to_owned(),
        help: "Write `:dep name = \"1\"` or `:dep name = { version = \"1\", features = [\"..\"] }`.".to_owned(),
    }
}

/// The dependencies of a manifest: the name of each crate, and its specification in canonical form.
pub(super) fn of_manifest(manifest: &str) -> Result<Vec<(String, String)>, toml::de::Error> {
    let table: Table = manifest.parse()?;
    let Some(Value::Table(dependencies)) = table.get("dependencies") else {
        return Ok(Vec::new());
    };
    let counted = dependencies
        .iter()
        .map(|(name, value)| (crate_name(name), canonical(value)));
    Ok(counted.filter(|(name, canonical)| counts(name, canonical)).collect())
}

/// A package's name as Rust writes it.
pub(super) fn crate_name(package: &str) -> String {
    package.replace('-', "_")
}

/// Whether a dependency counts for a fingerprint.
pub(super) fn counts(name: &str, canonical: &str) -> bool {
    !OURS.contains(&name) && !canonical.is_empty()
}

/// A specification in one form: a table, its keys in order, features in order, defaults left out. Empty when it is by path, since where
/// its code lies says nothing of the code.
fn canonical(value: &Value) -> String {
    let table = match value {
        Value::Table(table) if table.contains_key("path") => return String::new(),
        Value::Table(table) => table.clone(),
        other => Table::from_iter([("version".to_owned(), other.clone())]),
    };
    let mut entries: Vec<(String, String)> = Vec::new();
    for (key, value) in table {
        let key = key.replace('_', "-");
        let is_default = match (key.as_str(), &value) {
            ("default-features", Value::Boolean(value)) => *value,
            ("optional", Value::Boolean(value)) => !value,
            ("features", Value::Array(features)) => features.is_empty(),
            _ => false,
        };
        let text = match (key.as_str(), value) {
            ("features", Value::Array(features)) => {
                let mut features: Vec<String> = features.iter().map(ToString::to_string).collect();
                features.sort();
                features.dedup();
                features.join(",")
            }
            (_, value) => value.to_string(),
        };
        if !is_default {
            entries.push((key, text));
        }
    }
    entries.sort();
    let mut written = String::new();
    for (key, text) in entries {
        let _ = write!(written, "{key}={text};");
    }
    written
}

#[cfg(test)]
mod tests {
    use super::{of_command, of_manifest};

    fn canonical(line: &str) -> String {
        of_command(line, &(0..line.len())).unwrap().unwrap().canonical
    }

    #[test]
    fn ways_to_write_one_specification() {
        assert_eq!(canonical(":dep a = \"1\""), canonical(":dep a = { version = \"1\" }"));
        assert_eq!(
            canonical(":dep a = { features = [\"y\", \"x\"], version = \"1\", default_features = true }"),
            canonical(":dep a={version=\"1\",features=[\"x\",\"y\",\"x\"]}")
        );
        assert_ne!(canonical(":dep a = \"1\""), canonical(":dep a = \"2\""));
        assert_eq!(canonical(":dep a"), canonical(":dep a = \"*\""));
        assert_eq!(canonical(":dep a = { path = \"../a\" }"), "");
    }

    #[test]
    fn a_manifest_says_the_same() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\npipulate = { path = \"..\" }\nserde-a = \"1\"\n\
                        [dependencies.b]\nversion = \"2\"\nfeatures = [\"z\"]\n";
        assert_eq!(
            of_manifest(manifest).unwrap(),
            [
                (
                    "b".to_owned(),
                    canonical(":dep b = { version = \"2\", features = [\"z\"] }")
                ),
                ("serde_a".to_owned(), canonical(":dep serde-a = \"1\"")),
            ]
        );
    }

    #[test]
    fn what_is_no_dependency() {
        assert!(of_command(":deps", &(0..5)).is_none());
        assert!(of_command(":version", &(0..8)).is_none());
        for line in [
            ":dep",
            ":dep a =",
            ":dep a = 1",
            ":dep a b",
            ":dep a = {",
            ":dep a = \"1\" // no",
        ] {
            assert!(of_command(line, &(0..line.len())).unwrap().is_err(), "{line}");
        }
        let local = of_command(":dep ./here", &(0..11)).unwrap().unwrap();
        assert_eq!((local.name, local.path.as_deref()), (None, Some("./here")));
    }
}
