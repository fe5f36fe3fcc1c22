//! The environment that a kernel gives itself.
//!
//! rust-analyzer looks for the standard library, and it and evcxr look for cargo, in places that only the environment can tell. A
//! process's environment can be changed safely only when it begins, so the kernel begins again with it. What the kernel starts for the
//! user sees the environment as it was.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{build_root, standard_library};

/// In whose folder `bin` rust-analyzer looks for cargo first.
const CARGO_HOME: &str = "CARGO_HOME";
/// What that was, if it was anything; `cargo_for_cells.sh` knows it, too.
const CARGO_HOME_BEFORE: &str = "PIPULATE_KERNEL_CARGO_HOME";
const PATH: &str = "PATH";
/// Where rust-analyzer keeps temporary files.
const TMPDIR: &str = "TMPDIR";
/// What that was, where it could not stay.
const TMPDIR_BEFORE: &str = "PIPULATE_KERNEL_TMPDIR";
/// The folder of programs in a kernel's folder, which comes first in `PATH`.
const PROGRAMS: &str = "bin";
/// How large the stacks are of threads that do not say so, in bytes: rust-analyzer goes as deep as code is nested.
const STACK: (&str, &str) = ("RUST_MIN_STACK", "134217728");
/// What cargo would run in place of `rustc_for_cells.sh`.
const WRAPPERS: [&str; 2] = ["RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER"];

/// The kernel's folder that the environment announces, if this process put it there.
pub fn announced_root() -> Option<PathBuf> {
    announced_in(&std::env::var_os(PATH)?)
}

/// The kernel's folder that a `PATH` announces to this process.
fn announced_in(paths: &OsStr) -> Option<PathBuf> {
    let programs = std::env::split_paths(paths).next()?;
    let root = programs
        .parent()
        .filter(|_| programs.file_name() == Some(OsStr::new(PROGRAMS)))?;
    build_root::is_root_of(root, std::process::id()).then(|| root.to_owned())
}

/// The place of temporary files that the user wants.
pub fn temporary() -> PathBuf {
    let before = announced_root().and_then(|_| std::env::var_os(TMPDIR_BEFORE));
    before.map_or_else(std::env::temp_dir, PathBuf::from)
}

/// Where the user's cargo is: first where their `PATH` leads, then where rustup puts it, then beside the kernel.
pub fn place_of_cargo() -> Option<PathBuf> {
    let home = variable(CARGO_HOME).map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let beside = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.to_owned()));
    let places = paths()
        .into_iter()
        .chain(home.map(|home| home.join("bin")))
        .chain(beside);
    let mut programs = places.map(|place| place.join("cargo"));
    programs.find(|program| program.is_absolute() && program.is_file())
}

/// The places to which the user's `PATH` leads.
pub fn paths() -> Vec<PathBuf> {
    std::env::split_paths(&variable(PATH).unwrap_or_default()).collect()
}

/// What the user's environment says, if it says anything.
fn variable(name: &str) -> Option<OsString> {
    variables().find_map(|(found, value)| (found == name && !value.is_empty()).then_some(value))
}

/// The place of the programs that the environment leads to, in a kernel's folder.
pub fn programs(root: &Path) -> PathBuf {
    root.join(PROGRAMS)
}

/// Begins this process again with the environment that it needs, unless it has it. Returns only then, and where that cannot be done; then
/// rust-analyzer reads all of the library, and cargo works out for each cell what it knows.
#[cfg(unix)]
pub fn announce() {
    use std::os::unix::process::CommandExt;
    if announced_root().is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let root = build_root::new_path(std::process::id());
    let mut paths = vec![programs(&root)];
    let before = std::env::var_os(PATH);
    paths.extend(before.iter().flat_map(std::env::split_paths));
    let Ok(paths) = std::env::join_paths(paths) else { return };
    // What is not known again would begin again for ever.
    if announced_in(&paths).is_none() {
        return;
    }
    let mut arguments = std::env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    // Whoever has a source of their own knows why.
    if std::env::var_os(standard_library::VARIABLE).is_none() {
        command.env(standard_library::VARIABLE, standard_library::place(&root));
    }
    if std::env::var_os(STACK.0).is_none() {
        command.env(STACK.0, STACK.1);
    }
    for wrapper in WRAPPERS {
        command.env_remove(wrapper);
    }
    match std::env::var_os(CARGO_HOME) {
        Some(home) => command.env(CARGO_HOME_BEFORE, home),
        None => command.env_remove(CARGO_HOME_BEFORE),
    };
    match build_root::unfit_place() {
        Some((place, _)) => command.env(TMPDIR_BEFORE, place).env(TMPDIR, build_root::place()),
        None => command.env_remove(TMPDIR_BEFORE),
    };
    command.env(CARGO_HOME, &root).env(PATH, paths);
    let _error = command.args(arguments).exec();
}

/// Lets what a command starts see the environment as it was before the kernel changed it for itself.
pub fn restore(command: &mut Command) {
    for (name, value) in changes(announced_root().as_deref(), |name| std::env::var_os(name)) {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

/// The environment as it was before the kernel changed it for itself.
pub fn variables() -> impl Iterator<Item = (OsString, OsString)> {
    let changes = changes(announced_root().as_deref(), |name| std::env::var_os(name));
    let changed: Vec<&str> = changes.iter().map(|(name, _)| *name).collect();
    let same: Vec<(OsString, OsString)> = std::env::vars_os()
        .filter(|(name, _)| !changed.iter().any(|changed| name == changed))
        .collect();
    let before = changes
        .into_iter()
        .filter_map(|(name, value)| Some((name.into(), value?)));
    same.into_iter().chain(before)
}

/// What was different before the kernel with the folder `root` changed its environment, of which `now` tells.
fn changes(root: Option<&Path>, now: impl Fn(&str) -> Option<OsString>) -> Vec<(&'static str, Option<OsString>)> {
    let Some(root) = root else { return Vec::new() };
    let paths = now(PATH).unwrap_or_default();
    let before: Vec<PathBuf> = std::env::split_paths(&paths).skip(1).collect();
    // One that was empty is not one that there was not. What could be joined with one more can be joined without.
    let before = (!before.is_empty())
        .then(|| std::env::join_paths(before).ok())
        .flatten();
    let mut changes = vec![
        (PATH, before),
        (CARGO_HOME, now(CARGO_HOME_BEFORE)),
        (CARGO_HOME_BEFORE, None),
    ];
    if now(standard_library::VARIABLE).is_some_and(|place| place == standard_library::place(root)) {
        changes.push((standard_library::VARIABLE, None));
    }
    if let Some(place) = now(TMPDIR_BEFORE) {
        changes.extend([(TMPDIR, Some(place)), (TMPDIR_BEFORE, None)]);
    }
    if now(STACK.0).is_some_and(|size| size == STACK.1) {
        changes.push((STACK.0, None));
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_before_is_known() {
        let root = PathBuf::from("/tmp/pipulate-kernel-7-abc");
        let now = |home: Option<&'static str>, source: &'static str| {
            move |name: &str| match name {
                PATH => Some(OsString::from("/tmp/pipulate-kernel-7-abc/bin:/usr/bin:/bin")),
                CARGO_HOME => Some(OsString::from("/tmp/pipulate-kernel-7-abc")),
                CARGO_HOME_BEFORE => home.map(OsString::from),
                standard_library::VARIABLE => Some(OsString::from(source)),
                _ => None,
            }
        };
        let known = changes(Some(&root), now(None, "/tmp/pipulate-kernel-7-abc/standard-library"));
        assert_eq!(
            known,
            [
                (PATH, Some(OsString::from("/usr/bin:/bin"))),
                (CARGO_HOME, None),
                (CARGO_HOME_BEFORE, None),
                (standard_library::VARIABLE, None),
            ]
        );
        let known = changes(Some(&root), now(Some("/elsewhere"), "/their/own"));
        assert_eq!(
            known,
            [
                (PATH, Some(OsString::from("/usr/bin:/bin"))),
                (CARGO_HOME, Some(OsString::from("/elsewhere"))),
                (CARGO_HOME_BEFORE, None),
            ]
        );
        let place = |name: &str| (name == TMPDIR_BEFORE).then(|| OsString::from("/tmp/a[b]"));
        let known = changes(Some(&root), place);
        assert!(known.contains(&(TMPDIR, Some("/tmp/a[b]".into()))) && known.contains(&(TMPDIR_BEFORE, None)));
        for (now, before) in [
            ("ROOT/bin", None),
            ("ROOT/bin:", Some("")),
            ("ROOT/bin::/bin:", Some(":/bin:")),
        ] {
            let now = now.replace("ROOT", "/tmp/pipulate-kernel-7-abc");
            let known = changes(Some(&root), |name| (name == PATH).then(|| now.clone().into()));
            assert_eq!(known[0], (PATH, before.map(OsString::from)));
        }
        assert_eq!(changes(None, |_| panic!("nothing was changed")), []);
    }
}
