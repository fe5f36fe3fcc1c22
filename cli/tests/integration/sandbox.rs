//! A folder with a store, and the program in it.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with a store of its own, and nothing of the user's in sight.
pub(crate) struct Sandbox {
    folder: TempDir,
    /// The user's data folder, where the kernel keeps what it has compiled.
    data: PathBuf,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        Self { folder, data }
    }

    /// Keeps what kernels compile from one test to the next, as for a user.
    pub(crate) fn with_lasting_data() -> Self {
        let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("data");
        Self { data, ..Self::new() }
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file in the folder.
    pub(crate) fn write(&self, name: &str, contents: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        path
    }

    /// Writes a program in the folder.
    #[cfg(unix)]
    pub(crate) fn script(&self, name: &str, contents: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.write(name, contents);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Writes a program that calls itself the kernel; to anything but `--version` it does what the lines say.
    #[cfg(unix)]
    pub(crate) fn kernel(&self, name: &str, lines: &str) -> PathBuf {
        let script = "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'pipulate-kernel 0.1.0'; exit 0; fi\n";
        self.script(name, &format!("{script}{lines}\n"))
    }

    /// The program with these arguments, not started yet.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pipulate"));
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("PIPULATE_URL", self.path("pipeline.db"))
            .env("JUPYTER_DATA_DIR", self.path("jupyter"))
            .env("XDG_DATA_HOME", &self.data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for variable in [
            "VIRTUAL_ENV",
            "CONDA_PREFIX",
            "JUPYTER_PATH",
            "NO_COLOR",
            "CLICOLOR_FORCE",
        ] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs the program with the words of `line`; `'` keeps words together.
    #[track_caller]
    pub(crate) fn run(&self, line: &str) -> Ran {
        Ran::of(line, self.command(words(line)).output().unwrap())
    }

    /// Runs the program, and gives it something to read.
    #[track_caller]
    pub(crate) fn run_with_input(&self, line: &str, input: &str) -> Ran {
        let mut child = self.command(words(line)).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ran::of(line, child.wait_with_output().unwrap())
    }

    /// Runs commands that are to go well, one a line.
    #[track_caller]
    pub(crate) fn prepare(&self, lines: &str) {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.run(line).code(0);
        }
    }
}

/// Splits as a shell does, as far as tests need it.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words
}

/// What became of a run.
pub(crate) struct Ran {
    line: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(line: &str, output: Output) -> Self {
        Self {
            line: line.to_owned(),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, Some(expected), "{self}");
        self
    }

    /// Exactly this on standard output, with times as TIME.
    #[track_caller]
    pub(crate) fn stdout(self, expected: &str) -> Self {
        assert_eq!(without_times(&self.stdout), expected, "{self}");
        self
    }

    /// Exactly this on standard error, with durations as `N s`.
    #[track_caller]
    pub(crate) fn stderr(self, expected: &str) -> Self {
        assert_eq!(without_durations(&self.stderr), expected, "{self}");
        self
    }

    #[track_caller]
    pub(crate) fn stderr_contains(self, part: &str) -> Self {
        assert!(self.stderr.contains(part), "no {part:?} in\n{self}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}:\n{self}"))
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "$ pipulate {}\n{}\n--- stderr\n{}--- exit code {:?}",
            self.line, self.stdout, self.stderr, self.code
        )
    }
}

/// `2026-01-02 03:04:05Z` to `TIME`.
fn without_times(text: &str) -> String {
    const SHAPE: &str = "0000-00-00 00:00:00Z";
    replaced(text, "TIME", |rest| {
        let candidate = rest.get(..SHAPE.len())?;
        let fits = candidate.chars().zip(SHAPE.chars()).all(|(found, shape)| {
            if shape == '0' {
                found.is_ascii_digit()
            } else {
                found == shape
            }
        });
        fits.then_some(SHAPE.len())
    })
}

/// `12.3 s` to `N s`.
fn without_durations(text: &str) -> String {
    replaced(text, "N s", |rest| {
        let number = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        (rest[..number].contains('.') && rest[number..].starts_with(" s")).then_some(number + 2)
    })
}

fn replaced(text: &str, by: &str, found: impl Fn(&str) -> Option<usize>) -> String {
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let taken = if let Some(length) = found(rest) {
            replaced.push_str(by);
            length
        } else {
            replaced.push(character);
            character.len_utf8()
        };
        rest = &rest[taken..];
    }
    replaced
}

/// A program that is still running; it does not outlive the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads a notebook.
#[track_caller]
pub(crate) fn notebook(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}
