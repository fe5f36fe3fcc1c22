//! The libraries that ported notebooks link, carried inside this program.
//!
//! A port must not need the checkout that this program was built from. So the sources of `core`, `port` and `server` are embedded, and
//! written with manifests that stand alone: what the workspace says of versions and features is written into each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use crate::file;

/// Every file, with its name from the workspace's root.
static SOURCES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/libraries.rs"));

/// The features that ported notebooks need of a library, where those by default are too many.
const FEATURES: [(&str, &[&str]); 2] = [("pipulate", &["cell", "sqlite"]), ("pipulate-port", &[])];

/// The versions of all crates that the libraries were tested with.
pub(crate) fn lock_file() -> Result<&'static str> {
    Ok(std::str::from_utf8(source("Cargo.lock")?)?)
}

/// The libraries' files, by their paths below the folder that holds them all.
pub(crate) fn files() -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let workspace: Table = std::str::from_utf8(source("Cargo.toml")?)?.parse()?;
    let mut files = BTreeMap::new();
    for (name, contents) in SOURCES {
        if !name.contains('/') {
            continue;
        }
        let contents = if name.ends_with("/Cargo.toml") {
            let manifest = std::str::from_utf8(contents)?;
            let mut alone = standalone(&manifest.parse()?, &workspace);
            // What it is comes first, as people write it.
            let package = Table::from_iter(alone.remove_entry("package"));
            format!("# Part of Pipulate; written by `pipulate port`.\n\n{package}\n{alone}").into_bytes()
        } else {
            contents.to_vec()
        };
        files.insert(PathBuf::from(name), contents);
    }
    Ok(files)
}

/// Writes the libraries below a folder, and nothing else stays in their folders there. A file that is the same already is left alone, so
/// that cargo need not build it again.
pub(crate) fn write(folder: &Path) -> Result<()> {
    let files = files()?;
    let libraries: BTreeSet<&Path> = files
        .keys()
        .filter_map(|path| path.iter().next().map(Path::new))
        .collect();
    for library in libraries {
        prune(&folder.join(library), library, &files)?;
    }
    for (name, contents) in files {
        let path = folder.join(name);
        if fs::read(&path).is_ok_and(|there| there == contents) {
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        file::write(&path, &contents)?;
    }
    Ok(())
}

/// Takes away what an older version has left.
fn prune(folder: &Path, name: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), name.join(entry.file_name()));
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            prune(&path, &name, files)?;
        } else if !files.contains_key(&name) {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// Unpacks the libraries below the user's data folder, unless they are there, and gives their folder. Its name tells the version and a
/// digest of the content; several processes may unpack at once.
pub(crate) fn unpack(data_folder: &Path) -> Result<PathBuf> {
    let versions = data_folder.join("libraries");
    let folder = versions.join(format!("{}-{}", env!("CARGO_PKG_VERSION"), digest()?));
    let failed = || format!("cannot write the libraries to {}", folder.display());
    if folder.exists() {
        return Ok(folder);
    }
    fs::create_dir_all(&versions).with_context(failed)?;
    let unpacked = tempfile::Builder::new()
        .prefix(".unpacking-")
        .tempdir_in(&versions)
        .with_context(failed)?;
    for (name, contents) in files()? {
        let path = unpacked.path().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(failed)?;
        }
        fs::write(path, contents).with_context(failed)?;
    }
    let unpacked = unpacked.keep();
    match fs::rename(&unpacked, &folder) {
        Ok(()) => Ok(folder),
        Err(error) => {
            fs::remove_dir_all(&unpacked).with_context(failed)?;
            // Another process has been faster: what is there is the same.
            if folder.exists() {
                Ok(folder)
            } else {
                Err(error).with_context(failed)
            }
        }
    }
}

fn source(name: &str) -> io::Result<&'static [u8]> {
    let found = SOURCES.iter().find(|(known, _)| *known == name);
    found
        .map(|(_, contents)| *contents)
        .ok_or_else(|| io::Error::other(format!("{name} is not embedded")))
}

fn digest() -> Result<String> {
    let mut digest = Sha256::new();
    for (name, contents) in files()? {
        digest.update(name.to_string_lossy().as_bytes());
        digest.update(contents.len().to_le_bytes());
        digest.update(&contents);
    }
    Ok(hexadecimal(&digest.finalize()[..6]))
}

/// Bytes as digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let mut digits = String::new();
    for byte in bytes {
        write!(digits, "{byte:02x}").expect("a string takes all text");
    }
    digits
}

/// A member's manifest without its workspace.
fn standalone(member: &Table, workspace: &Table) -> Table {
    let root = workspace.get("workspace").and_then(Value::as_table);
    let section = |name: &str| root.and_then(|root| root.get(name)).and_then(Value::as_table);
    let mut manifest = Table::new();
    for (name, value) in member {
        let value = match (name.as_str(), value) {
            ("package", Value::Table(package)) => Value::Table(package_alone(package, section("package"))),
            ("dependencies" | "build-dependencies", Value::Table(dependencies)) => {
                Value::Table(dependencies_alone(dependencies, section("dependencies")))
            }
            ("target", Value::Table(targets)) => {
                let targets = targets.iter().map(|(target, tables)| {
                    let tables = tables.as_table().map(|tables| standalone(tables, workspace));
                    (target.clone(), Value::Table(tables.unwrap_or_default()))
                });
                Value::Table(targets.collect())
            }
            // Whoever changes a port need not keep the workspace's rules, nor have its tests.
            ("lints" | "dev-dependencies" | "test" | "bench" | "example", _) => continue,
            (_, value) => value.clone(),
        };
        manifest.insert(name.clone(), value);
    }
    manifest
}

fn package_alone(package: &Table, shared: Option<&Table>) -> Table {
    let value = |name: &String, value: &Value| {
        if is_inherited(value) {
            shared?.get(name).cloned()
        } else {
            Some(value.clone())
        }
    };
    package
        .iter()
        .filter_map(|(name, own)| Some((name.clone(), value(name, own)?)))
        .collect()
}

fn dependencies_alone(dependencies: &Table, shared: Option<&Table>) -> Table {
    let mut alone = Table::new();
    for (name, own) in dependencies {
        let mut table = if is_inherited(own) {
            as_table(shared.and_then(|shared| shared.get(name)))
        } else {
            as_table(Some(own))
        };
        if is_inherited(own) {
            inherit(&mut table, own);
        }
        if let Some(Value::String(path)) = table.get_mut("path") {
            *path = format!("../{path}");
            if let Some((_, features)) = FEATURES.iter().find(|(library, _)| library == name) {
                table.insert("default-features".to_owned(), Value::Boolean(false));
                let features = features
                    .iter()
                    .map(|feature| Value::String((*feature).to_owned()))
                    .collect::<Vec<_>>();
                add_features(&mut table, &features);
            }
        }
        alone.insert(name.clone(), Value::Table(table));
    }
    alone
}

/// Adds what a member says beside `workspace = true`.
fn inherit(table: &mut Table, own: &Value) {
    for (key, value) in own.as_table().into_iter().flatten() {
        match (key.as_str(), value) {
            ("workspace", _) => {}
            ("features", Value::Array(features)) => add_features(table, features),
            (_, value) => {
                table.insert(key.clone(), value.clone());
            }
        }
    }
}

fn add_features(table: &mut Table, more: &[Value]) {
    let features = table.entry("features").or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(features) = features {
        for feature in more {
            if !features.contains(feature) {
                features.push(feature.clone());
            }
        }
    }
}

fn is_inherited(value: &Value) -> bool {
    value.get("workspace") == Some(&Value::Boolean(true))
}

/// A dependency as a table: a version alone becomes one.
fn as_table(value: Option<&Value>) -> Table {
    match value {
        Some(Value::Table(table)) => table.clone(),
        Some(version) => Table::from_iter([("version".to_owned(), version.clone())]),
        None => Table::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_stand_alone() {
        let workspace: Table = r#"
            [workspace.package]
            version = "0.1.0"
            edition = "2024"
            [workspace.dependencies]
            pipulate = { path = "core", default-features = false }
            serde = { version = "1", features = ["derive"] }
            toml = "1"
        "#
        .parse()
        .unwrap();
        let member: Table = r#"
            [package]
            name = "x"
            version.workspace = true
            edition.workspace = true
            [lints]
            workspace = true
            [dependencies]
            pipulate = { workspace = true, features = ["grammar"] }
            serde = { workspace = true, features = ["rc"] }
            toml = { workspace = true, optional = true }
            [dev-dependencies]
            insta.workspace = true
            [[bench]]
            name = "y"
        "#
        .parse()
        .unwrap();
        let alone = standalone(&member, &workspace);
        assert_eq!(alone["package"]["version"].as_str(), Some("0.1.0"));
        assert_eq!(alone["dependencies"]["pipulate"]["path"].as_str(), Some("../core"));
        let features = alone["dependencies"]["pipulate"]["features"].as_array().unwrap();
        assert!(features.contains(&"grammar".into()) && features.contains(&"cell".into()));
        assert_eq!(alone["dependencies"]["serde"]["features"].as_array().unwrap().len(), 2);
        assert_eq!(alone["dependencies"]["toml"]["version"].as_str(), Some("1"));
        assert_eq!(alone["dependencies"]["toml"]["optional"].as_bool(), Some(true));
        assert!(
            ["lints", "dev-dependencies", "bench"]
                .iter()
                .all(|name| !alone.contains_key(*name))
        );
    }

    #[test]
    fn every_library_is_there_whole() {
        let files = files().unwrap();
        for name in [
            "core/Cargo.toml",
            "core/src/lib.rs",
            "port/src/lib.rs",
            "server/Cargo.toml",
            "server/src/lib.rs",
        ] {
            assert!(files.contains_key(Path::new(name)), "{name}");
        }
        assert!(files.keys().any(|path| path.starts_with("core/migrations")));
        for (path, contents) in files {
            let text = String::from_utf8_lossy(&contents).into_owned();
            let is_manifest = path.file_name().is_some_and(|name| name == "Cargo.toml");
            assert!(
                !is_manifest || !text.contains("workspace"),
                "{}: {text}",
                path.display()
            );
            assert!(
                !path.components().any(|part| part.as_os_str() == "tests"),
                "{}",
                path.display()
            );
        }
        assert!(lock_file().unwrap().contains("name = \"pipulate-server\""));
    }

    #[test]
    fn they_are_unpacked_once() {
        let data = tempfile::tempdir().unwrap();
        let folders: Vec<PathBuf> = std::thread::scope(|scope| {
            let unpacking: Vec<_> = (0..4).map(|_| scope.spawn(|| unpack(data.path()).unwrap())).collect();
            unpacking.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(folders.iter().all(|folder| *folder == folders[0]));
        assert_eq!(fs::read_dir(data.path().join("libraries")).unwrap().count(), 1);
        assert!(folders[0].join("server/src/lib.rs").exists());
    }
}
