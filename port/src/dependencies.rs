//! The notebook's `:dep` lines, as lines of a manifest.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use toml::{Table, Value};

use crate::analysis::Dependency;

/// Crates that every generated crate has.
pub(crate) const OURS: [&str; 2] = ["pipulate", "pipulate-server"];

/// What a `:dep` line asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    /// The package's name, or what the manifest calls it.
    pub(crate) name: String,
    /// The specification, paths made absolute.
    pub(crate) value: Value,
    /// Whether the name was taken from the folder's, since only its manifest would say.
    pub(crate) is_guessed: bool,
}

/// Why a `:dep` line cannot be a line of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub(crate) message: String,
    pub(crate) help: String,
}

/// Reads a `:dep` line. Paths that are relative are meant from the notebook's folder.
pub(crate) fn read(dependency: &Dependency, folder: &Path) -> Result<Wanted, Unfit> {
    let Some(name) = &dependency.name else {
        return read_folder(dependency.path.as_deref().unwrap_or("."), folder);
    };
    let is_name = |character: char| character.is_alphanumeric() || "-_".contains(character);
    if name.is_empty() || !name.chars().all(is_name) {
        return Err(Unfit {
            message: format!("`{name}` is no name of a crate."),
            help: "Write `:dep NAME`, `:dep NAME = \"VERSION\"` or `:dep NAME = { .. }`.".to_owned(),
        });
    }
    let table: Result<Table, _> = toml::from_str(&format!("value = {}", dependency.toml));
    let value = table.ok().and_then(|mut table| {
        let value = table.remove("value");
        value.filter(|value| table.is_empty() && matches!(value, Value::String(_) | Value::Table(_)))
    });
    let Some(mut value) = value else {
        return Err(Unfit {
            message: format!("What stands after `{name} =` is no dependency of cargo's."),
            help: "Write a version in quotes or a table: `:dep NAME = { version = \"1\", features = [\"..\"] }`."
                .to_owned(),
        });
    };
    if let Value::Table(table) = &mut value
        && let Some(Value::String(path)) = table.get_mut("path")
    {
        *path = absolute(path, folder);
    }
    Ok(Wanted {
        name: name.clone(),
        value,
        is_guessed: false,
    })
}

/// `:dep ./folder`.
fn read_folder(path: &str, folder: &Path) -> Result<Wanted, Unfit> {
    let absolute = absolute(path, folder);
    let name = Path::new(&absolute).file_name().and_then(|name| name.to_str());
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Err(Unfit {
            message: format!("`{path}` names no folder of a crate."),
            help: "Write `:dep NAME = { path = \"FOLDER\" }`.".to_owned(),
        });
    };
    let table = Table::from_iter([("path".to_owned(), Value::String(absolute.clone()))]);
    Ok(Wanted {
        name: name.to_owned(),
        value: Value::Table(table),
        is_guessed: true,
    })
}

/// A path from the notebook's folder, without `.` and `..`, with the separators of manifests.
fn absolute(path: &str, folder: &Path) -> String {
    let mut clean = PathBuf::new();
    for component in folder.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean.to_string_lossy().replace('\\', "/")
}

/// Lines of a `[dependencies]` table, sorted by name.
pub(crate) fn lines(wanted: &BTreeMap<String, Value>) -> String {
    let lines: Vec<String> = wanted
        .iter()
        .map(|(name, value)| format!("{} = {}\n", key(name), inline(value)))
        .collect();
    lines.concat()
}

/// A value on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::Table(table) => {
            let mut entries: Vec<(&String, &Value)> = table.iter().collect();
            // As people write them: what it is, before what is chosen of it.
            let rank = |key: &str| match key {
                "version" | "path" | "git" | "package" => 0,
                "default-features" => 1,
                "features" => 2,
                _ => 3,
            };
            entries.sort_by_key(|(key, _)| (rank(key), (*key).clone()));
            let entries: Vec<String> = entries
                .into_iter()
                .map(|(name, value)| format!("{} = {}", key(name), inline(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

fn key(name: &str) -> String {
    let is_bare = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    if !name.is_empty() && name.chars().all(is_bare) {
        name.to_owned()
    } else {
        Value::String(name.to_owned()).to_string()
    }
}

/// A string of TOML.
pub(crate) fn string(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: Option<&str>, toml: &str, path: Option<&str>, expected: &str) {
        let dependency = Dependency {
            name: name.map(str::to_owned),
            toml: toml.to_owned(),
            canonical: String::new(),
            path: path.map(str::to_owned),
            span: 0..0,
        };
        let found = match read(&dependency, Path::new("/home/ada/notebooks")) {
            Ok(wanted) => lines(&BTreeMap::from([(wanted.name, wanted.value)])),
            Err(unfit) => unfit.message,
        };
        assert_eq!(found.trim_end(), expected);
    }

    #[test]
    fn every_form_is_a_line_of_a_manifest() {
        check(Some("serde"), "\"*\"", None, "serde = \"*\"");
        check(Some("serde_json"), "\"1\"", None, "serde_json = \"1\"");
        check(
            Some("serde"),
            "{ features = [\"derive\"], version = '1' }",
            None,
            "serde = { version = \"1\", features = [\"derive\"] }",
        );
        check(
            Some("mine"),
            "{ path = \"../mine\" }",
            Some("../mine"),
            "mine = { path = \"/home/ada/mine\" }",
        );
        check(None, "", Some("./lib"), "lib = { path = \"/home/ada/notebooks/lib\" }");
        check(
            Some("x"),
            "1",
            None,
            "What stands after `x =` is no dependency of cargo's.",
        );
        check(
            Some("x"),
            "\"1\"\nevil = 2",
            None,
            "What stands after `x =` is no dependency of cargo's.",
        );
        check(Some("a.b"), "\"1\"", None, "`a.b` is no name of a crate.");
    }
}
