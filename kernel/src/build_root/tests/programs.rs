//! The scripts that the kernel's environment leads to.

use super::*;

/// A kernel's folder with the scripts, a crate for cells, and in place of cargo and rustc what writes down how it is called.
struct Programs {
    folder: TempDir,
}

impl Programs {
    const MANIFEST: &str = "[package]\nname = \"ctx\"\n\n[lib]\npath = \"src/lib.rs\"\n\n[profile.dev]\nrpath = true\n";
    /// Calls the compiler by the script, as cargo does.
    const CARGO: &str = r#"#!/bin/sh
printf 'cargo %s, home %s, first path %s\n' "$*" "${CARGO_HOME-none}" "${PATH%%:*}" >> "$CALLS"
case $* in
    *build*) CARGO_PKG_NAME="it's ctx" MAKEFLAGS=-j "$ROOT/rustc-for-cells" "$ROOT/rustc" --crate-name ctx --emit=link -C opt-level=2 --out-dir "$ROOT/out" ;;
    *fail*) echo half an answer; exit 9 ;;
    *) printf 'answer to %s\n' "$*" ;;
esac"#;
    const RUSTC: &str = r#"#!/bin/sh
printf 'rustc %s, for %s%s\n' "$*" "$CARGO_PKG_NAME" "$MAKEFLAGS" >> "$CALLS"
: > "$ROOT/out/libctx.so"
cat "$ROOT/said" >&2
exit "$(cat "$ROOT/status")""#;

    fn new() -> Self {
        let programs = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for folder in ["bin", "out", "crate", "home"] {
            std::fs::create_dir(programs.path(folder)).unwrap();
        }
        write_programs(&programs.path("")).unwrap();
        write_program(&programs.path("bin/rustup"), RUSTUP).unwrap();
        write_program(&programs.path("rustc-for-cells"), RUSTC).unwrap();
        write_program(&programs.path("cargo"), Self::CARGO).unwrap();
        write_program(&programs.path("rustc"), Self::RUSTC).unwrap();
        programs.write("bin/cargo-itself", &format!("{}\n", programs.path("cargo").display()));
        programs.write("crate/Cargo.toml", Self::MANIFEST);
        programs.write("crate/Cargo.lock", "");
        programs.compiler("", 0);
        programs
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// What the compiler says from now on, and how it ends.
    fn compiler(&self, says: &str, status: i32) {
        self.write("said", says);
        self.write("status", &status.to_string());
    }

    /// Makes a file newer than what was written so far.
    fn renew(&self, name: &str) {
        let soon = std::time::SystemTime::now() + std::time::Duration::from_secs(2);
        let file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.path(name));
        file.unwrap().set_modified(soon).unwrap();
    }

    fn run_with(&self, program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> std::process::Output {
        let run = || {
            let mut command = std::process::Command::new("sh");
            command
                .arg(self.path("bin").join(program))
                .args(arguments)
                .current_dir(self.path("crate"))
                .env_clear()
                .env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()))
                .env("HOME", self.path("home"))
                .env("CARGO_HOME", self.folder.path())
                .env("CALLS", self.path("calls"))
                .env("ROOT", self.folder.path())
                .env("EVCXR_EXECUTION_SO_PATH", self.path("made"))
                .envs(variables.iter().copied());
            command.output().unwrap()
        };
        // A process that another test starts holds what was just written open for a moment, and such a program cannot be run.
        let mut output = run();
        while String::from_utf8_lossy(&output.stderr).contains("Text file busy") {
            output = run();
        }
        output
    }

    fn run(&self, arguments: &[&str]) -> std::process::Output {
        self.run_with("cargo", arguments, &[])
    }

    /// Which programs were called since the last time.
    fn calls(&self) -> Vec<String> {
        let calls = std::fs::read_to_string(self.path("calls")).unwrap_or_default();
        self.write("calls", "");
        calls
            .lines()
            .map(|call| call.replace(self.folder.path().to_str().unwrap(), "ROOT"))
            .collect()
    }

    /// Whether a build asks cargo.
    fn build_asks_cargo(&self, arguments: &[&str], variables: &[(&str, &str)]) -> bool {
        let output = self.run_with("cargo", arguments, variables);
        assert!(output.status.success(), "{output:?}");
        let calls = self.calls();
        assert_eq!(
            calls.iter().filter(|call| call.starts_with("rustc")).count(),
            1,
            "{calls:?}"
        );
        calls.len() == 2
    }
}

#[test]
fn the_compiler_is_called_as_for_the_cell_before_while_nothing_changes() {
    let programs = Programs::new();
    let build = ["build", "--message-format=json"];
    let called = "rustc --crate-name ctx --emit=link -C opt-level=0 --out-dir ROOT/out, for it's ctx";
    assert!(programs.run(&build).status.success());
    let with_cargo = "cargo build --message-format=json, home none, first path /usr/bin";
    assert_eq!(programs.calls(), [with_cargo, &format!("{called}-j")]);
    for _ in 0..2 {
        assert!(programs.run(&build).status.success());
        assert_eq!(programs.calls(), [called]);
        let made = std::fs::read_to_string(programs.path("made")).unwrap();
        assert_eq!(PathBuf::from(made), programs.path("out/libctx.so"));
        std::fs::remove_file(programs.path("made")).unwrap();
    }
    // Whether cargo asks about the compiler makes no difference.
    assert!(!programs.build_asks_cargo(&build, &[("CARGO_CACHE_RUSTC_INFO", "0")]));
    let settings = |text: &str| {
        programs.write("home/.cargo/config.toml", text);
        let file = std::fs::File::open(programs.path("home/.cargo/config.toml")).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        programs.build_asks_cargo(&build, &[])
    };
    let changes: [(&str, &dyn Fn() -> bool); 9] = [
        ("arguments", &|| {
            programs.build_asks_cargo(&["--offline", "build", "--message-format=json"], &[])
        }),
        ("environment", &|| {
            programs.build_asks_cargo(&build, &[("RUSTFLAGS", "it's\nnew")])
        }),
        ("level", &|| {
            programs.write("crate/.cell-level", "opt-level=1\n");
            programs.build_asks_cargo(&build, &[])
        }),
        ("dependencies", &|| {
            programs.write(
                "crate/Cargo.toml",
                &format!("{}[dependencies]\nrand = \"1\"\n", Programs::MANIFEST),
            );
            programs.build_asks_cargo(&build, &[])
        }),
        ("versions", &|| {
            programs.renew("crate/Cargo.lock");
            programs.build_asks_cargo(&build, &[])
        }),
        ("settings", &|| {
            std::fs::create_dir(programs.path("home/.cargo")).unwrap();
            settings("[env]\nTEA = \"one\"")
        }),
        ("other settings, however old", &|| settings("[env]\nTEA = \"two\"")),
        ("settings that went", &|| {
            std::fs::remove_file(programs.path("home/.cargo/config.toml")).unwrap();
            programs.build_asks_cargo(&build, &[])
        }),
        ("settings above", &|| {
            std::fs::create_dir(programs.path(".cargo")).unwrap();
            programs.write(".cargo/config.toml", "[env]\nTEA = \"three\"\n");
            programs.build_asks_cargo(&build, &[])
        }),
    ];
    for (what, asks_after) in changes {
        assert!(asks_after(), "{what}");
        // The lock file's time may be one to come.
        programs.write("crate/Cargo.lock", "");
        programs.build_asks_cargo(&build, &[]);
        assert!(!programs.build_asks_cargo(&build, &[]), "{what}");
    }
}

#[test]
fn a_plan_is_whole_or_none() {
    let programs = Programs::new();
    let plan = programs.path("crate/.cell-plan");
    assert!(programs.build_asks_cargo(&["build"], &[]));
    // As where the disk was full while cargo was followed.
    programs.write("said", "");
    std::fs::remove_file(&plan).unwrap();
    let cut = r#"#!/bin/sh
printf 'cargo\n' >> "$CALLS"
"$ROOT/rustc-for-cells" "$ROOT/rustc" --crate-name ctx --emit=link --out-dir "$ROOT/out"
printf "_made=x\nfollow() {\nexport TEA='" > .cell-call"#;
    std::fs::remove_file(programs.path("cargo")).unwrap();
    write_program(&programs.path("cargo"), cut).unwrap();
    for _ in 0..2 {
        assert!(programs.build_asks_cargo(&["build"], &[]));
        assert!(!plan.exists());
    }
}

#[test]
fn what_the_users_environment_names_stays() {
    let programs = Programs::new();
    let scripts = [CARGO, RUSTC, RUSTUP].concat();
    let names: std::collections::BTreeSet<&str> = scripts
        .split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .map(|word| word.trim_start_matches('_'))
        .filter(|word| word.starts_with(|first: char| first.is_ascii_lowercase()))
        .collect();
    assert!(names.contains("level") && names.contains("line"));
    let variables: Vec<(&str, &str)> = names.iter().map(|name| (*name, "the user's")).collect();
    std::fs::remove_file(programs.path("rustc")).unwrap();
    let rustc = r#"#!/bin/sh
printf 'rustc\n' >> "$CALLS"
: > "$ROOT/out/libctx.so"
env | grep -c "=the user's$" > "$ROOT/seen""#;
    write_program(&programs.path("rustc"), rustc).unwrap();
    for asks in [true, false] {
        assert_eq!(programs.build_asks_cargo(&["build"], &variables), asks);
        let seen = std::fs::read_to_string(programs.path("seen")).unwrap();
        assert_eq!(seen.trim(), variables.len().to_string());
    }
}

#[test]
fn without_a_path_cargo_is_not_its_own() {
    let programs = Programs::new();
    std::fs::remove_file(programs.path("bin/cargo-itself")).unwrap();
    // The script would begin itself again and again. A cargo of the system's does no harm here.
    let path = programs.path("bin").display().to_string();
    let bounded = format!("ulimit -t 2; exec /bin/sh '{path}/cargo' --no-such-option");
    let mut command = std::process::Command::new("/bin/sh");
    let output = command
        .args(["-c", &bounded])
        .env_clear()
        .env("PATH", &path)
        .output()
        .unwrap();
    assert!(matches!(output.status.code(), Some(1 | 127)), "{output:?}");
}

#[test]
fn dependencies_that_may_change_are_left_to_cargo_each_time() {
    let programs = Programs::new();
    for (dependency, asks) in [
        ("mine = { path = \"/home/mine\" }", true),
        ("mine={path=\"/home/mine\"}", true),
        ("pipulate = { path = \"/data/cell-library/1\" }", false),
        ("mypath = \"1\"", false),
    ] {
        let manifest = format!("{}[dependencies]\n{dependency}\n", Programs::MANIFEST);
        programs.write("crate/Cargo.toml", &manifest);
        assert!(programs.build_asks_cargo(&["build"], &[]), "{dependency}");
        assert_eq!(programs.build_asks_cargo(&["build"], &[]), asks, "{dependency}");
    }
    // As what another wrapper makes of it is. What was so before it need not be so after.
    for wrapper in ["sccache", "sccache", ""] {
        assert!(programs.build_asks_cargo(&["build"], &[("RUSTC_WRAPPER", wrapper)]));
    }
    // And what settings put in the place of a dependency: it has no source.
    let package = |name: &str, rest: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\n{rest}");
    for (name, source, asks) in [
        ("rand", "", true),
        ("rand", "source = \"registry+there\"\n", false),
        ("pipulate", "", false),
    ] {
        let packages = [
            package("ctx", "dependencies = [\n \"rand\",\n]\n"),
            package(name, source),
        ];
        programs.write("crate/Cargo.lock", &format!("version = 4\n\n{}", packages.join("\n")));
        assert!(programs.build_asks_cargo(&["build"], &[]), "{name} {source}");
        assert_eq!(programs.build_asks_cargo(&["build"], &[]), asks, "{name} {source}");
    }
    std::fs::create_dir(programs.path("home/.cargo")).unwrap();
    programs.write("home/.cargo/config.toml", "paths = [\"/home/mine\"]\n");
    for _ in 0..2 {
        assert!(programs.build_asks_cargo(&["build"], &[]));
    }
}

#[test]
fn errors_of_the_compiler_pass_as_from_cargo() {
    let programs = Programs::new();
    assert!(programs.build_asks_cargo(&["build"], &[]));
    let error = r#"{"level":"error","rendered":"\u001b[1m\u001b[31merror\u001b[0m: \\u001b[1m of the user's"}"#;
    programs.compiler(&format!("{error}\nno message\n"), 1);
    let output = programs.run(&["build"]);
    assert_eq!(output.status.code(), Some(101));
    let plain = r#"{"level":"error","rendered":"error: \\u001b[1m of the user's"}"#;
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{plain}\n"));
    assert!(!programs.path("made").exists());
    assert_eq!(programs.calls().len(), 1);
    // One that breaks off tells cargo why.
    programs.compiler("thread panicked\n", 1);
    assert!(!programs.run(&["build"]).status.success());
    let calls = programs.calls();
    assert!(calls.len() == 3 && calls[1].starts_with("cargo build"), "{calls:?}");
    programs.compiler("", 0);
    assert!(programs.build_asks_cargo(&["build"], &[]));
}

#[test]
fn after_a_compiler_that_was_killed_nothing_of_it_is_used() {
    let programs = Programs::new();
    let kept = programs.path("crate/target/triple/debug/incremental/ctx-1");
    let keep = || std::fs::create_dir_all(kept.join("session")).unwrap();
    keep();
    let build = ["build"];
    assert!(programs.build_asks_cargo(&build, &[]));
    assert!(!programs.build_asks_cargo(&build, &[]));
    programs.compiler("", 1);
    programs.run(&build);
    programs.compiler("", 0);
    assert!(kept.exists(), "an error is no such end");

    for asks_cargo in [true, false] {
        if asks_cargo {
            programs.renew("crate/Cargo.lock");
        } else {
            programs.build_asks_cargo(&build, &[]);
        }
        programs.compiler("", 137);
        assert!(!programs.run(&build).status.success());
        programs.compiler("", 0);
        programs.calls();
        keep();
        assert!(programs.build_asks_cargo(&build, &[]));
        assert!(!kept.exists());
        keep();
        programs.build_asks_cargo(&build, &[]);
        assert!(kept.exists());
    }
}

#[test]
fn versions_in_use_come_back_before_cargo_reads_them() {
    let programs = Programs::new();
    programs.write("crate/.kept-lock", "kept");
    programs.write("crate/Cargo.lock", "name = \"evcxr_dummy_validate_dep\"");
    programs.renew("crate/Cargo.lock");
    assert!(programs.build_asks_cargo(&["build"], &[]));
    assert_eq!(
        std::fs::read_to_string(programs.path("crate/Cargo.lock")).unwrap(),
        "kept"
    );
}

#[test]
fn what_rust_analyzer_asks_of_the_toolchain_is_answered_once() {
    let programs = Programs::new();
    let said = |arguments: &[&str]| {
        let output = programs.run(arguments);
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let library = programs.path("standard-library/Cargo.toml");
    let library = library.to_str().unwrap();
    let questions: [&[&str]; 7] = [
        &["--version"],
        &["locate-project", "--workspace", "--manifest-path", "Cargo.toml"],
        &["-Z", "unstable-options", "config", "get", "--format", "toml"],
        &["rustc", "-Z", "unstable-options", "--print", "cfg", "--target", "x86"],
        &[
            "rustc",
            "-Z",
            "unstable-options",
            "--print",
            "target-spec-json",
            "--target",
            "x86",
        ],
        &[
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--manifest-path",
            library,
        ],
        &["metadata", "--format-version", "1", "--manifest-path", library],
    ];
    for question in questions {
        for called in [1, 0] {
            assert_eq!(said(question), (0, format!("answer to {}\n", question.join(" "))));
            assert_eq!(programs.calls().len(), called, "{question:?}");
        }
    }
    // Another question is another answer, a failure is none, and dependencies change.
    for question in [
        ["rustc", "-O", "--print", "cfg", "wasm"],
        ["metadata", "--format-version", "1", "--manifest-path", "Cargo.toml"],
    ] {
        assert_eq!(said(&question), (0, format!("answer to {}\n", question.join(" "))));
        assert_eq!(programs.calls().len(), 1);
    }
    for _ in 0..2 {
        assert_eq!(
            said(&["rustc", "-O", "--print", "cfg", "fail"]),
            (9, "half an answer\n".to_owned())
        );
        assert_eq!(
            said(&["metadata", "--format-version", "1", "--manifest-path", "Cargo.toml"]).0,
            0
        );
        assert_eq!(programs.calls().len(), 2);
    }
}

#[test]
fn evcxr_is_led_to_the_script_of_each_toolchain() {
    let programs = Programs::new();
    std::fs::create_dir(programs.path("real")).unwrap();
    let rustup = "#!/bin/sh\necho \"/toolchain of $*\"";
    write_program(&programs.path("real/rustup"), rustup).unwrap();
    let path = format!(
        "{}:{}:/usr/bin:/bin",
        programs.path("bin").display(),
        programs.path("real").display()
    );
    let said = |arguments: &[&str]| {
        let output = programs.run_with("rustup", arguments, &[("PATH", &path)]);
        let said = String::from_utf8(output.stdout).unwrap();
        said.trim_end()
            .replace(programs.folder.path().to_str().unwrap(), "ROOT")
    };
    assert_eq!(said(&["which", "cargo"]), "ROOT/bin/cargo");
    assert_eq!(said(&["which", "rustc"]), "/toolchain of which rustc");
    assert_eq!(said(&["+nightly", "which", "cargo"]), "ROOT/bin/cargo-nightly");
    let itself = std::fs::read_to_string(programs.path("bin/cargo-nightly-itself")).unwrap();
    assert_eq!(itself, "/toolchain of +nightly which cargo\n");
    assert!(programs.path("bin/cargo-nightly").is_file());
}
