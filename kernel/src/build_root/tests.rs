use super::*;

#[cfg(unix)]
mod programs;

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

#[cfg(unix)]
#[test]
fn a_place_that_cargo_takes_for_a_pattern_is_none() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let made = |name: &str| {
        let place = folder.path().join(name);
        std::fs::create_dir(&place).unwrap();
        place
    };
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(made("a[b]"), &link).unwrap();
    for place in [
        made("[a"),
        made("*"),
        made("{a,b}"),
        link,
        folder.path().join("nowhere"),
        made(&"long".repeat(20)),
    ] {
        assert!(unfit(&place).is_some(), "{}", place.display());
    }
    for place in [made("with space"), made("\u{e9}t\u{e9}")] {
        assert_eq!(unfit(&place), None, "{}", place.display());
    }
}
