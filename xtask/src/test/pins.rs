//! Versions that must not move.

use std::fs;

use anyhow::{Context, Result, bail};

use super::Outcome;
use crate::workspace::Workspace;

/// The rust-analyzer crates that evcxr 0.22 brings do not compile with a newer 0.28 patch of salsa.
const SALSA: &str = "0.28.2";
const PINNED: [&str; 3] = ["salsa", "salsa-macros", "salsa-macro-rules"];

pub(super) fn check(workspace: &Workspace) -> Result<Outcome> {
    let lock = fs::read_to_string(workspace.root().join("Cargo.lock")).context("Cargo.lock must be committed")?;
    let moved = moved(&lock);
    if !moved.is_empty() {
        let update = PINNED
            .map(|name| format!("cargo update {name} --precise {SALSA}"))
            .join("; ");
        bail!("Cargo.lock has {}, evcxr needs {SALSA}: {update}", moved.join(", "));
    }
    println!("{} are at {SALSA}", PINNED.join(", "));
    Ok(Outcome::Passed)
}

/// The pinned crates whose versions in this lock file are not the one and only version wanted.
fn moved(lock: &str) -> Vec<String> {
    let mut moved = Vec::new();
    for name in PINNED {
        let versions = versions(lock, name);
        if versions.is_empty() {
            moved.push(format!("no {name}"));
        }
        moved.extend(
            versions
                .iter()
                .filter(|version| **version != SALSA)
                .map(|version| format!("{name} {version}")),
        );
    }
    moved
}

fn versions<'a>(lock: &'a str, name: &str) -> Vec<&'a str> {
    let name_line = format!("name = \"{name}\"");
    let lines: Vec<&str> = lock.lines().collect();
    lines
        .windows(2)
        .filter(|pair| pair[0] == name_line)
        .filter_map(|pair| pair[1].strip_prefix("version = \"")?.strip_suffix('"'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(versions: &[(&str, &str)]) -> String {
        let package = |(name, version): &(&str, &str)| {
            ["[[package]]\nname = \"", name, "\"\nversion = \"", version, "\"\n"].concat()
        };
        versions.iter().map(package).collect()
    }

    #[test]
    fn pinned_versions_pass() {
        let lock = lock(&[
            ("salsa", SALSA),
            ("salsa-macro-rules", SALSA),
            ("salsa-macros", SALSA),
            ("serde", "1.0.1"),
        ]);
        assert_eq!(moved(&lock), Vec::<String>::new());
    }

    #[test]
    fn a_newer_a_second_and_a_missing_version_are_named() {
        let lock = lock(&[("salsa", SALSA), ("salsa", "0.29.0"), ("salsa-macros", "0.28.3")]);
        assert_eq!(
            moved(&lock),
            ["salsa 0.29.0", "salsa-macros 0.28.3", "no salsa-macro-rules"]
        );
    }
}
