//! `.await` in cells, on a runtime of one thread.
//!
//! evcxr runs a cell that awaits on a tokio runtime that it keeps among the variables, of the kind with worker threads.
//! Threads that stay would be the end of checkpoints, and tasks would go on between cells while their values are read. So
//! before the first such cell a cell of ours puts a runtime of the other kind in its place, and lets evcxr know that cells
//! await from now on, which else it would find out by compiling the user's cell twice.

use std::borrow::Cow;
use std::fmt::Write as _;

/// What evcxr's generated code needs of tokio.
const FEATURES: [&str; 2] = ["rt", "rt-multi-thread"];

/// Adds tokio for a notebook that has not done so.
pub(super) const DEPENDENCY: &str = r#":dep tokio = { version = "1", features = ["rt", "rt-multi-thread"] }"#;

/// Puts the runtime in its place. What it replaces ends with the cell, threads and all.
pub(super) const RUNTIME: &str = "async {}.await;
evcxr_variable_store.put_variable(\"evcxr_tokio_runtime\", ::std::sync::Arc::new(::std::sync::Mutex::new(\
::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap())));";

/// Puts the runtime aside, tasks and all, while dependencies are added: what is compiled with another tokio, or with one of other features,
/// could not use it, since its type would be another.
pub(super) const PARK: &str = "{ let runtime: ::std::boxed::Box<dyn ::std::any::Any> = ::std::boxed::Box::new(\
evcxr_variable_store.take_variable::<::std::sync::Arc<::std::sync::Mutex<::tokio::runtime::Runtime>>>(\"evcxr_tokio_runtime\"));
evcxr_variable_store.put_variable(\"pipulate_tokio_runtime\", runtime); };";

/// Brings back the runtime that was put aside, where tokio is the same; else a new one, like [`RUNTIME`].
pub(super) const UNPARK: &str = "async {}.await;
{ let runtime = evcxr_variable_store.take_variable::<::std::boxed::Box<dyn ::std::any::Any>>(\"pipulate_tokio_runtime\");
let runtime = match runtime.downcast::<::std::sync::Arc<::std::sync::Mutex<::tokio::runtime::Runtime>>>() {
    Ok(runtime) => *runtime,
    Err(_) => ::std::sync::Arc::new(::std::sync::Mutex::new(\
::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap())),
};
evcxr_variable_store.put_variable(\"evcxr_tokio_runtime\", runtime); };";

/// Whether a cell may await: by itself, or in a macro of tokio's.
pub(super) fn is_in(code: &str, has_tokio: bool) -> bool {
    pipulate::cell::awaits(code) || (has_tokio && pipulate::cell::mentions(code, "tokio"))
}

/// Whether a line adds tokio.
pub(super) fn adds_tokio(line: &str) -> bool {
    dependency(line).is_some_and(|(name, _)| name == "tokio")
}

/// The name and the value of a `:dep` line.
fn dependency(line: &str) -> Option<(&str, Option<&str>)> {
    let line = line.trim().strip_prefix(":dep ")?;
    Some(match line.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (line.trim(), None),
    })
}

/// The cell with each line that adds tokio asking for what its runtime needs, too.
pub(super) fn with_features(code: &str) -> Cow<'_, str> {
    if !code.lines().any(adds_tokio) {
        return Cow::Borrowed(code);
    }
    let lines = code.split_inclusive('\n').map(|line| {
        let end = if line.ends_with('\n') { "\n" } else { "" };
        match dependency(line) {
            Some(("tokio", value)) => match more_features(value) {
                Some(value) => Cow::Owned(format!(":dep tokio = {value}{end}")),
                None => Cow::Borrowed(line),
            },
            _ => Cow::Borrowed(line),
        }
    });
    Cow::Owned(lines.collect())
}

/// The value of a dependency with the features added; `None` for what cargo is to complain about.
fn more_features(value: Option<&str>) -> Option<String> {
    let parsed = format!("tokio = {}", value.unwrap_or("\"*\""))
        .parse::<toml::Table>()
        .ok()?;
    let mut table = match parsed.get("tokio")? {
        toml::Value::Table(table) => table.clone(),
        version @ toml::Value::String(_) => toml::Table::from_iter([("version".to_owned(), version.clone())]),
        _ => return None,
    };
    let features = table
        .entry("features")
        .or_insert_with(|| toml::Value::Array(Vec::new()))
        .as_array_mut()?;
    for feature in FEATURES {
        let full = |known: &toml::Value| matches!(known.as_str(), Some(name) if name == "full" || name == feature);
        if !features.iter().any(full) {
            features.push(toml::Value::String(feature.to_owned()));
        }
    }
    let mut inline = String::from("{ ");
    for (at, (name, value)) in table.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        write!(inline, "{comma}{name} = {value}").ok()?;
    }
    Some(inline + " }")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        assert_eq!(with_features(line), expected, "{line}");
    }

    #[test]
    fn tokio_is_asked_for_its_runtime() {
        check(
            ":dep tokio",
            r#":dep tokio = { features = ["rt", "rt-multi-thread"], version = "*" }"#,
        );
        check(
            ":dep serde\n:dep tokio = \"1\"\nf().await",
            ":dep serde\n:dep tokio = { features = [\"rt\", \"rt-multi-thread\"], version = \"1\" }\nf().await",
        );
        check(
            r#":dep tokio = { version = "1", features = ["time", "rt"], default-features = false }"#,
            r#":dep tokio = { default-features = false, features = ["time", "rt", "rt-multi-thread"], version = "1" }"#,
        );
        let full = r#":dep tokio = { features = ["full"], version = "1" }"#;
        check(full, full);
        check(":dep tokio = [1", ":dep tokio = [1");
        check(":dep tokio-util = \"1\"", ":dep tokio-util = \"1\"");
    }

    #[test]
    fn a_word_in_text_awaits_nothing() {
        assert!(is_in("f().await", false) && is_in("x\n.await?", false));
        assert!(!is_in("// f().await\n\"f().await\"; awaited.n", true));
        assert!(is_in("tokio::join!(f(), g())", true) && !is_in("tokio::join!(f(), g())", false));
    }
}
