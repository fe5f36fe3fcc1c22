//! What must stay apart: what a cell links, where SQL stands, and what pure modules may not do.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn a_cell_links_nothing_heavy() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--package",
            "pipulate",
            "--no-default-features",
            "--features",
            "cell",
        ])
        .args(["--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let crates: BTreeSet<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect();
    let crates: Vec<&str> = crates.iter().map(String::as_str).collect();
    let expected = [
        "itoa",
        "memchr",
        "pipulate",
        "proc-macro2",
        "quote",
        "serde",
        "serde_core",
        "serde_derive",
        "serde_json",
        "syn",
        "thiserror",
        "thiserror-impl",
        "unicode-ident",
        "zmij",
    ];
    assert_eq!(crates, expected);
}

#[test]
fn sql_stands_only_in_its_store() {
    for (file, text) in sources("") {
        let is_sql = |line: &str| {
            ["SELECT ", "INSERT INTO ", "DELETE FROM ", "PRAGMA ", "BEGIN IMMEDIATE"]
                .iter()
                .any(|word| line.contains(word))
        };
        let found = text.lines().find(|line| is_sql(line));
        let allowed = file.starts_with("store/sqlite");
        assert!(
            allowed || found.is_none(),
            "{}: {}",
            file.display(),
            found.unwrap_or_default()
        );
    }
}

#[test]
fn pure_modules_read_no_clock_make_no_id_and_touch_no_disk() {
    let mut files = sources("state");
    files.extend(sources("workflow"));
    files.extend(sources("cell"));
    assert!(files.len() > 20);
    for (file, text) in files {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for word in [
            "std::fs",
            "std::net",
            "std::env",
            "std::io",
            "SystemTime",
            "Instant",
            "jiff",
            "uuid",
            "rusqlite",
        ] {
            assert!(!code.contains(word), "{} names {word}", file.display());
        }
    }
}

/// The sources below a folder of `src`, with their paths inside it.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(&root).unwrap().to_owned(), text));
            }
        }
    }
    found
}
