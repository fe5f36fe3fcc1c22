//! The folder in which this process compiles cells.
//!
//! evcxr makes a temporary folder for each context, wherever the process keeps temporary files: that place can be set once
//! in a process. So the process has one root for all of its notebooks (the kernel has one, tests have several); it is made
//! when a notebook needs it and goes with the last one. The cargo configuration in it applies to all that is built below:
//! dependencies are compiled once and used often, so they are optimised, while cells are compiled often and run once.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

use crate::standard_library;

/// The folders of kernels begin with this, and the number of their process follows.
const NAME: &str = "pipulate-kernel-";
/// How long the path of the place of temporary files may be: what lies in a root has the path of a socket.
#[cfg(unix)]
const LONGEST: usize = 50;
/// Where cargo looks for what it is told.
const CONFIGURATION_FILE: &str = ".cargo/config.toml";
const CONFIGURATION: &str = "[profile.dev.package.\"*\"]\nopt-level = 2\n";
/// What cargo runs in place of rustc for cells.
const RUSTC: &str = include_str!("rustc_for_cells.sh");

/// The root, for as long as somebody holds it.
#[derive(Debug)]
pub struct BuildRoot {
    path: PathBuf,
}

static ROOT: Mutex<Option<(PathBuf, Weak<BuildRoot>)>> = Mutex::new(None);

impl BuildRoot {
    /// The root of this process, which only this user can enter.
    pub fn acquire() -> io::Result<Arc<Self>> {
        let mut root = ROOT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(alive) = root.as_ref().and_then(|(_, weak)| weak.upgrade()) {
            return Ok(alive);
        }
        let path = if let Some((path, _)) = root.as_ref() {
            match create_private(path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => path.clone(),
            }
        } else {
            std::thread::spawn(remove_abandoned);
            let path = match standard_library::announced_root() {
                // Whoever is there before is somebody else.
                Some(path) if create_private(&path).is_ok() => path,
                _ => {
                    let name = format!("{NAME}{}-", std::process::id());
                    private().prefix(&name).tempdir_in(place())?.keep()
                }
            };
            let path = path.canonicalize()?;
            tempfile::env::override_temp_dir(&path).map_err(|other| {
                io::Error::other(format!("temporary files are kept in {} already", other.display()))
            })?;
            path
        };
        std::fs::create_dir_all(path.join(".cargo"))?;
        std::fs::write(path.join(CONFIGURATION_FILE), configuration(&path, None)?)?;
        let alive = Arc::new(Self { path: path.clone() });
        *root = Some((path, Arc::downgrade(&alive)));
        Ok(alive)
    }

    /// A folder in it, which only this user can enter, for one notebook.
    pub fn notebook_folder(&self) -> io::Result<TempDir> {
        private().prefix("n-").tempdir_in(&self.path)
    }

    /// Takes the compiler of this toolchain, known by its `sysroot`, and prepares the source of its standard library. Without,
    /// each `rustc` is found by way of rustup, and all of the library is read.
    pub fn use_toolchain(&self, sysroot: &Path) -> io::Result<()> {
        let rustc = sysroot.join("bin").join("rustc");
        let rustc = rustc.exists().then_some(rustc);
        std::fs::write(
            self.path.join(CONFIGURATION_FILE),
            configuration(&self.path, rustc.as_deref())?,
        )?;
        match standard_library::announced_root() {
            Some(_) => standard_library::provide(&self.path, sysroot),
            None => Ok(()),
        }
    }

    /// Lets rust-analyzer read `std::arch`, too, from when it reads anew.
    pub fn provide_arch(&self, sysroot: &Path) -> io::Result<()> {
        match standard_library::announced_root() {
            Some(_) => standard_library::provide_arch(&self.path, sysroot),
            None => Ok(()),
        }
    }

    /// The folder; what `cargo` works in it or below belongs to this process.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for BuildRoot {
    fn drop(&mut self) {
        // Whoever acquires the root again waits until this one is gone.
        let mut root = ROOT.lock().unwrap_or_else(PoisonError::into_inner);
        if root.as_ref().is_some_and(|(_, weak)| weak.strong_count() > 0) {
            return;
        }
        crate::processes::kill_children_in(&self.path);
        crate::processes::kill_marked(&self.path);
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, "the kernel's folder is left behind");
        }
        if let Some((_, weak)) = root.as_mut() {
            *weak = Weak::new();
        }
    }
}

/// The root's path, once this process has had one.
pub fn path_of_this_process() -> Option<PathBuf> {
    let root = ROOT.lock().unwrap_or_else(PoisonError::into_inner);
    root.as_ref().map(|(path, _)| path.clone())
}

/// What cargo is told in a root.
#[cfg(unix)]
fn configuration(root: &Path, rustc: Option<&Path>) -> io::Result<String> {
    use std::os::unix::fs::PermissionsExt;
    let wrapper = root.join("rustc-for-cells");
    // A program that somebody writes cannot be run: another notebook of this process may be compiling.
    if !wrapper.exists() {
        std::fs::write(&wrapper, RUSTC)?;
        std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o700))?;
    }
    let quoted = |path: &Path| serde_json::Value::String(path.to_string_lossy().into_owned());
    let rustc = rustc.map(|rustc| format!("rustc = {}\n", quoted(rustc)));
    Ok(format!(
        "{CONFIGURATION}\n[build]\nrustc-workspace-wrapper = {}\n{}",
        quoted(&wrapper),
        rustc.unwrap_or_default()
    ))
}

/// Whether a folder is a kernel's, by its name.
pub fn is_root(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    folder.is_absolute() && name.is_some_and(|name| name.starts_with(NAME))
}

/// Whether a folder is that of the kernel with this process.
pub fn is_root_of(folder: &Path, process: u32) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    is_root(folder) && name.is_some_and(|name| name.starts_with(&format!("{NAME}{process}-")))
}

/// Where roots are made.
fn place() -> PathBuf {
    let place = std::env::temp_dir();
    #[cfg(unix)]
    if place.as_os_str().len() > LONGEST || !place.is_dir() {
        return PathBuf::from("/tmp");
    }
    place
}

/// A path that is nobody's yet, for the folder of a process.
pub fn new_path(process: u32) -> PathBuf {
    let unique = uuid::Uuid::new_v4().simple().to_string();
    place().join(format!("{NAME}{process}-{}", &unique[..6]))
}

/// Temporary folders that only this user can enter.
#[cfg(unix)]
fn private() -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt;
    let mut builder = tempfile::Builder::new();
    builder.permissions(std::fs::Permissions::from_mode(0o700));
    builder
}

#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

/// A kernel that was killed leaves its folder behind, with what was compiled in it.
fn remove_abandoned() {
    let Some(parent) = ROOT
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .as_ref()
        .and_then(|(path, _)| path.parent().map(Path::to_owned))
    else {
        return;
    };
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(process) = name.to_str().and_then(|name| name.strip_prefix(NAME)) else {
            continue;
        };
        let process = process.split('-').next().and_then(|process| process.parse().ok());
        let Some(process) = process.and_then(rustix::process::Pid::from_raw) else {
            continue;
        };
        if rustix::process::test_kill_process(process) == Err(rustix::io::Errno::SRCH) {
            // A folder of another user's stays.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place of temporary files belongs to a process, and the other tests of this one have theirs: so a child does it.
    #[test]
    fn it_goes_with_the_last_holder_and_comes_again() {
        const CHILD: &str = "PIPULATE_BUILD_ROOT_TEST";
        if std::env::var_os(CHILD).is_none() {
            let name = "build_root::tests::it_goes_with_the_last_holder_and_comes_again";
            let mut child = std::process::Command::new(std::env::current_exe().unwrap());
            let output = child.args([name, "--exact"]).env(CHILD, "1").output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && said.contains("1 passed"), "{said}");
            return;
        }
        let first = BuildRoot::acquire().unwrap();
        let second = BuildRoot::acquire().unwrap();
        assert_eq!(first.path(), second.path());
        let path = first.path().to_owned();
        drop(first);
        assert!(path.join(".cargo/config.toml").exists());
        drop(second);
        assert!(!path.exists());
        let again = BuildRoot::acquire().unwrap();
        assert!(again.path().join(".cargo/config.toml").exists());
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let written = || {
                std::fs::metadata(again.path().join("rustc-for-cells"))
                    .unwrap()
                    .ctime_nsec()
            };
            let before = written();
            again.use_toolchain(Path::new("/nowhere")).unwrap();
            assert_eq!(written(), before);
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let folder = again.notebook_folder().unwrap();
            for path in [again.path(), folder.path()] {
                assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o700);
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn versions_in_use_stay_and_those_of_other_kernels_too() {
        let folder = tempfile::tempdir().unwrap();
        let (script, crate_folder) = (folder.path().join("script"), folder.path().join("crate"));
        std::fs::write(&script, RUSTC).unwrap();
        std::fs::create_dir(&crate_folder).unwrap();
        let lock = |packages: &[(&str, &str)]| {
            let packages: Vec<String> = packages
                .iter()
                .map(|(name, version)| format!("\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n"))
                .collect();
            format!("# A comment.\nversion = 4\n{}", packages.concat())
        };
        let write = |name: &str, text: &str| std::fs::write(crate_folder.join(name), text).unwrap();
        let read = |name: &str| std::fs::read_to_string(crate_folder.join(name)).unwrap();
        let run = |arguments: &[&str]| {
            let mut command = std::process::Command::new("sh");
            command
                .arg(&script)
                .arg("echo")
                .args(arguments)
                .current_dir(&crate_folder);
            let output = command.output().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        write("Cargo.toml", "[package]\nname = \"ctx\"\n");
        write(".kept-lock", &lock(&[("rand", "0.9.1"), ("serde", "1.0.0")]));
        // A lock file that is newer than the kept one.
        write("Cargo.lock", &lock(&[("ctx", "1.0.0"), ("serde", "1.0.1")]));
        let now = std::time::SystemTime::now() + std::time::Duration::from_secs(1);
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(crate_folder.join("Cargo.lock"));
        file.unwrap().set_modified(now).unwrap();
        let compiled = run(&[
            "--crate-name",
            "ctx",
            "--emit=dep-info,link",
            "-C",
            "opt-level=2",
            "-C",
            "metadata=1",
            "--extern",
            "serde=a",
        ]);
        assert_eq!(
            compiled,
            "--crate-name ctx --emit=dep-info,link -C opt-level=0 -C metadata=cell0 --extern serde=a\n"
        );
        let kept = lock(&[("ctx", "1.0.0"), ("serde", "1.0.1"), ("rand", "0.9.1")]);
        assert_eq!(read(".kept-lock").trim_end(), kept.trim_end());

        // evcxr's own lock file goes before cargo reads it; the next cells keep identity and level while crates stay.
        write("Cargo.lock", &lock(&[("evcxr_dummy_validate_dep", "0.0.1")]));
        for _ in 0..2 {
            assert_eq!(run(&["-vV"]), "-vV\n");
        }
        assert_eq!(read("Cargo.lock").trim_end(), kept.trim_end());
        let next = |serde: &str| {
            run(&[
                "--crate-name",
                "ctx",
                "--emit=link",
                "-C",
                "opt-level=2",
                "-C",
                "metadata=2",
                "--extern",
                serde,
            ])
        };
        assert_eq!(
            next("serde=a"),
            "--crate-name ctx --emit=link -C opt-level=0 -C metadata=cell0 --extern serde=a\n"
        );
        write(".cell-level", "opt-level=3\n");
        assert_eq!(
            next("serde=b"),
            "--crate-name ctx --emit=link -C opt-level=3 -C metadata=cell1 --extern serde=b\n"
        );
    }

    /// What a process of a folder of its own answers, through the script.
    #[cfg(unix)]
    fn through_script(folder: &Path, program: &str, arguments: &[&str]) -> std::process::Output {
        let script = folder.join("script");
        std::fs::write(&script, RUSTC).unwrap();
        let fake = folder.join("fake-rustc");
        std::fs::write(&fake, program).unwrap();
        let mut command = std::process::Command::new("sh");
        command.arg(&script).arg("sh").arg(&fake).args(arguments);
        command.current_dir(folder).output().unwrap()
    }

    #[cfg(unix)]
    #[test]
    fn the_compiler_is_asked_once_and_answers_whole() {
        let folder = tempfile::tempdir().unwrap();
        let program = "echo asked >> asked\nprintf 'first: %s\\n\\n  last \\\\n' \"$2\"";
        for question in ["-vV", "___", "-vV", "___", "-vV"] {
            let output = through_script(folder.path(), program, &["--crate-name", question]);
            assert!(output.status.success(), "{output:?}");
            assert_eq!(
                String::from_utf8(output.stdout).unwrap(),
                format!("first: {question}\n\n  last \\n")
            );
        }
        assert_eq!(
            std::fs::read_to_string(folder.path().join("asked")).unwrap(),
            "asked\nasked\n"
        );

        // A failure is no answer.
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let output = through_script(folder.path(), "echo asked >> asked; echo no; exit 3", &["-vV"]);
            assert_eq!(
                (output.status.code(), output.stdout.as_slice()),
                (Some(3), b"no\n".as_slice())
            );
        }
        assert_eq!(
            std::fs::read_to_string(folder.path().join("asked")).unwrap(),
            "asked\nasked\n"
        );
    }

    #[cfg(unix)]
    #[test]
    fn what_the_compiler_says_of_a_cell_passes_whole() {
        for said in ["", "one\n", "no end", "1\n2\n3\n4\n", "1\n2\n3\n4\n5\n\n \\n end"] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("said"), said).unwrap();
            let arguments = ["--crate-name", "ctx", "--emit=link"];
            let output = through_script(folder.path(), "cat said >&2; exit 7", &arguments);
            assert_eq!(output.status.code(), Some(7));
            assert_eq!(String::from_utf8(output.stderr).unwrap(), said);
            assert_eq!(
                std::fs::read_to_string(folder.path().join(".cell-messages")).unwrap(),
                said
            );
        }
    }
}
