//! `pipulate kernel`: kernelspecs.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::sandbox::{Ran, Sandbox};

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn spec(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("kernel.json")).unwrap()).unwrap()
}

#[test]
fn a_kernel_is_installed_below_a_prefix() {
    let sandbox = Sandbox::new();
    let kernel = sandbox.kernel("with space/pipulate-kernel", "");
    let folder = sandbox.path("prefix/share/jupyter/kernels/pipulate");
    let line = "kernel install --prefix prefix --kernel 'with space/pipulate-kernel' --no-warm-up";
    // Installing again replaces what is there, and leaves nothing beside it.
    for _ in 0..2 {
        let installed = sandbox.run(line).code(0).stderr("");
        assert_eq!(
            installed.stdout,
            format!("Installed \"Rust (Pipulate)\" in {}\n", folder.display())
        );
        assert_eq!(files(folder.parent().unwrap()), ["pipulate"]);
    }
    assert_eq!(
        files(&folder),
        ["kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"]
    );
    let spec = spec(&folder);
    assert_eq!(spec["argv"], json!([kernel, "--connection-file", "{connection_file}"]));
    assert_eq!(
        (&spec["display_name"], &spec["language"]),
        (&json!("Rust (Pipulate)"), &json!("rust"))
    );
    assert_eq!(spec["interrupt_mode"], "message");
    assert!(fs::read(folder.join("logo-64x64.png")).unwrap().starts_with(b"\x89PNG"));

    sandbox
        .run("kernel uninstall --prefix prefix")
        .code(0)
        .stdout(&format!("Removed {}\n", folder.display()));
    assert!(!folder.exists());
    sandbox
        .run("kernel uninstall --prefix prefix")
        .code(3)
        .stderr_contains("no kernel `pipulate` is installed in ")
        .stderr_contains("help: `pipulate kernel list`");
}

#[cfg(unix)]
#[test]
fn what_cells_link_is_compiled_after_installing() {
    let sandbox = Sandbox::new();
    let installed = sandbox.path("prefix/share/jupyter/kernels/pipulate");
    let script = format!(
        "echo \"$@\" >> calls\ntest -f '{}/kernel.json' || exit 9\necho Compiling >&2\necho Built.",
        installed.display()
    );
    sandbox.kernel("pipulate-kernel", &script);
    let line = "kernel install --prefix prefix --kernel pipulate-kernel";
    sandbox.run(&format!("{line} --no-warm-up")).code(0).stderr("");
    assert!(
        !sandbox.path("calls").exists(),
        "the kernel was started although it was not to be"
    );
    fs::remove_dir_all(&installed).unwrap();
    let ran = sandbox.run(line).code(0).stderr("Compiling\n");
    assert_eq!(fs::read_to_string(sandbox.path("calls")).unwrap(), "--warm-up\n");
    let lines: Vec<_> = ran.stdout.lines().collect();
    let starts = [
        "Installed \"Rust (Pipulate)\" in ",
        "Compiling what cells link, ",
        "Built.",
    ];
    assert_eq!(lines.len(), starts.len(), "{ran}");
    assert!(
        lines.iter().zip(starts).all(|(line, start)| line.starts_with(start)),
        "{ran}"
    );
}

#[cfg(unix)]
#[test]
fn a_kernel_that_cannot_compile_yet_is_installed_all_the_same() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path("prefix/share/jupyter/kernels/pipulate");
    let check = |reason: &str| {
        sandbox
            .run("kernel install --prefix prefix --kernel pipulate-kernel")
            .code(0)
            .stderr_contains("warning: what cells link is not compiled yet: ")
            .stderr_contains(reason)
            .stderr_contains("\nhelp: `pipulate doctor` says what is missing.");
        assert!(folder.join("kernel.json").is_file(), "{reason}: it is not installed");
        fs::remove_dir_all(&folder).unwrap();
    };
    sandbox.kernel("pipulate-kernel", "echo 'no linker' >&2\nexit 7");
    check("pipulate-kernel ended with exit status: 7");
    check("no linker\nwarning: ");
}

#[test]
fn the_active_environment_comes_before_the_user() {
    let sandbox = Sandbox::new();
    sandbox.kernel("pipulate-kernel", "");
    sandbox.write("venv/pyvenv.cfg", "");
    let venv = sandbox.path("venv");
    let install = |arguments: &[&str], venv: Option<&Path>| {
        let mut command = sandbox.command(
            ["kernel", "install", "--kernel", "pipulate-kernel", "--no-warm-up"]
                .iter()
                .chain(arguments),
        );
        // An empty variable is no environment, and no place either.
        command
            .env("VIRTUAL_ENV", venv.unwrap_or(Path::new("")))
            .env("JUPYTER_PATH", "");
        command.output().unwrap().status.code()
    };
    let in_venv = venv.join("share/jupyter/kernels");
    let of_user = sandbox.path("jupyter/kernels");
    assert_eq!(install(&[], Some(&venv)), Some(0));
    assert_eq!(files(&in_venv), ["pipulate"]);
    assert!(!of_user.exists());
    assert_eq!(install(&["--name", "mine", "--display-name", "Mine"], None), Some(0));
    assert_eq!(spec(&of_user.join("mine"))["display_name"], "Mine");
    assert_eq!(install(&["--user"], Some(&venv)), Some(0));
    assert_eq!(files(&of_user), ["mine", "pipulate"]);
    assert_eq!(install(&["--sys-prefix"], None), Some(1));
    assert!(
        !sandbox.path("kernels").exists(),
        "an empty variable was taken for the working folder"
    );
}

#[test]
fn installed_kernels_are_listed() {
    let sandbox = Sandbox::new();
    sandbox
        .run("kernel list")
        .code(0)
        .stdout("The kernel is not installed. `pipulate kernel install` installs it.\n");
    let kernel = sandbox.kernel("pipulate-kernel", "");
    sandbox
        .run("kernel install --user --kernel pipulate-kernel --no-warm-up")
        .code(0);
    let list = sandbox.run("kernel list").code(0);
    assert!(
        list.stdout
            .contains(&format!("Rust (Pipulate)  {}  ", kernel.display())),
        "{list}"
    );
    fs::remove_file(&kernel).unwrap();
    let list = sandbox.run("kernel list").code(0);
    assert!(
        list.stdout.contains(&format!("{} (missing)", kernel.display())),
        "{list}"
    );
}

#[test]
fn another_kernel_is_left_alone() {
    let sandbox = Sandbox::new();
    sandbox.kernel("pipulate-kernel", "");
    let python = r#"{"argv": ["python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "Python 3", "language": "python"}"#;
    let file = sandbox.write("prefix/share/jupyter/kernels/python3/kernel.json", python);
    for command in ["install --kernel pipulate-kernel --no-warm-up", "uninstall"] {
        sandbox
            .run(&format!("kernel {command} --prefix prefix --name python3"))
            .code(1)
            .stdout("")
            .stderr_contains("is the kernelspec of another kernel");
    }
    assert_eq!(fs::read_to_string(file).unwrap(), python);
}

#[cfg(unix)]
#[test]
fn what_is_not_the_kernel_is_not_installed() {
    let sandbox = Sandbox::new();
    sandbox.write("text", "pipulate-kernel 0.1.0");
    fs::create_dir(sandbox.path("folder")).unwrap();
    sandbox.script("silent", "#!/bin/sh\nexit 0\n");
    sandbox.script("other", "#!/bin/sh\necho pipulate-kernels 1.0\n");
    sandbox.script("endless", "#!/bin/sh\nexec yes pipulate\n");
    sandbox.script("broken", "#!/missing/shell\n");
    let here = sandbox.path("").canonicalize().unwrap();
    let here = here.display();
    let help = "help: The kernel is the program `pipulate-kernel`; --kernel takes its path.\n";
    for (kernel, code, message) in [
        ("missing", 3, "there is no kernel at missing".to_owned()),
        ("text", 1, "text is not executable".to_owned()),
        ("folder", 1, "folder is a folder, not a program".to_owned()),
        (
            "silent",
            1,
            format!("{here}/silent is not the kernel: to --version it answers \"\""),
        ),
        (
            "other",
            1,
            format!("{here}/other is not the kernel: to --version it answers \"pipulate-kernels 1.0\""),
        ),
        (
            "endless",
            1,
            format!("{here}/endless is not the kernel: to --version it answers \"pipulate\""),
        ),
        (
            "broken",
            1,
            format!("{here}/broken does not run: No such file or directory (os error 2)"),
        ),
    ] {
        sandbox
            .run(&format!("kernel install --prefix prefix --kernel {kernel}"))
            .code(code)
            .stdout("")
            .stderr(&format!("error: {message}\n{help}"));
    }
    assert!(!sandbox.path("prefix").exists());
}

#[cfg(unix)]
#[test]
fn a_name_to_show_is_one_line_that_can_be_seen() {
    let sandbox = Sandbox::new();
    sandbox.kernel("pipulate-kernel", "");
    for name in ["", "  ", "two\nlines", "bell\u{7}"] {
        let arguments = ["kernel", "install", "--prefix", "prefix", "--no-warm-up", "--kernel"];
        let output = sandbox
            .command(arguments.iter().chain(&["pipulate-kernel", "--display-name", name]))
            .output()
            .unwrap();
        Ran::of(name, output).code(2).stdout("").stderr_contains("a name is ");
    }
    assert!(!sandbox.path("prefix").exists());
}

#[cfg(unix)]
#[test]
fn an_environment_that_is_none_is_an_error_and_is_not_made() {
    let sandbox = Sandbox::new();
    sandbox.kernel("pipulate-kernel", "");
    fs::create_dir(sandbox.path("plain")).unwrap();
    let run = |variable: &str, folder: &str, arguments: &[&str]| {
        let mut command = sandbox.command(["kernel"].iter().chain(arguments));
        command.env(variable, sandbox.path(folder));
        Ran::of(&format!("{arguments:?}"), command.output().unwrap())
    };
    let install = ["install", "--no-warm-up", "--kernel", "pipulate-kernel"];
    let (gone, plain) = (sandbox.path("gone"), sandbox.path("plain"));
    let help = |variable: &str| {
        format!("help: Activate an environment or `unset {variable}`; --user and --prefix DIR do without one.\n")
    };
    run("VIRTUAL_ENV", "gone", &install).code(1).stdout("").stderr(&format!(
        "error: VIRTUAL_ENV names {}, where there is no folder\n{}",
        gone.display(),
        help("VIRTUAL_ENV")
    ));
    run("VIRTUAL_ENV", "plain", &install)
        .code(1)
        .stdout("")
        .stderr(&format!(
            "error: VIRTUAL_ENV names {}, which is no environment: it has no pyvenv.cfg\n{}",
            plain.display(),
            help("VIRTUAL_ENV")
        ));
    run("CONDA_PREFIX", "plain", &install).code(1).stderr_contains(&format!(
        "error: CONDA_PREFIX names {}, which is no environment: it has no conda-meta\n",
        plain.display()
    ));
    run(
        "VIRTUAL_ENV",
        "gone",
        &["install", "--sys-prefix", "--kernel", "pipulate-kernel"],
    )
    .code(1);
    run("VIRTUAL_ENV", "gone", &["uninstall"])
        .code(1)
        .stderr_contains("error: VIRTUAL_ENV names ");
    assert!(!gone.exists());
    assert_eq!(files(&plain), [""; 0]);
    // Who says where does not need one.
    let for_user = ["install", "--no-warm-up", "--kernel", "pipulate-kernel", "--user"];
    run("VIRTUAL_ENV", "gone", &for_user).code(0);
    let below = [
        "install",
        "--no-warm-up",
        "--kernel",
        "pipulate-kernel",
        "--prefix",
        "prefix",
    ];
    run("VIRTUAL_ENV", "gone", &below).code(0);
    // An environment of conda is one.
    fs::create_dir_all(sandbox.path("conda/conda-meta")).unwrap();
    run("CONDA_PREFIX", "conda", &install).code(0);
    assert!(
        sandbox
            .path("conda/share/jupyter/kernels/pipulate/kernel.json")
            .is_file()
    );
}
