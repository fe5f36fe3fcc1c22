//! The command line itself.

use crate::sandbox::Sandbox;

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    let sandbox = Sandbox::new();
    for line in [
        "nonsense",
        "job",
        "job get only-a-key",
        "job set k s",
        "job set k s Ada",
        "job prune",
        "job prune --older-than soon",
        "run",
        "run x.ipynb -p name",
        "run x.ipynb -p name=Ada",
        "run x.ipynb --timeout 0",
        "run x.ipynb --timeout -1",
        "kernel install --user --sys-prefix",
        "kernel install --name a/b",
        "kernel install --name ..",
        "cache nonsense",
        "cache --json clear",
        "cache clear --json",
        "completions nosuchshell",
    ] {
        let ran = sandbox.run(line).code(2).stdout("");
        assert!(
            ran.stderr.contains("error: ") || ran.stderr.contains("Usage: "),
            "{ran}"
        );
    }
}

#[test]
fn a_bare_word_is_shown_with_its_quotes() {
    let sandbox = Sandbox::new();
    sandbox
        .run("run x.ipynb -p name=Ada")
        .code(2)
        .stderr_contains(r#"text is written -p 'name="Ada"'"#);
    sandbox
        .run("job set k s Ada")
        .code(2)
        .stderr_contains(r#"text is written '"Ada"'"#);
}

#[test]
fn every_command_explains_itself_with_examples() {
    let sandbox = Sandbox::new();
    let job = "list show get set remove history revert undo fork finalize unfinalize delete undelete prune export";
    let commands = job.split(' ').map(|name| format!("job {name}"));
    let kernel = ["install", "uninstall", "list"].map(|name| format!("kernel {name}"));
    let others = ["run", "lab", "doctor", "cache", "cache clear", "completions"].map(str::to_owned);
    for command in commands.chain(kernel).chain(others) {
        let help = sandbox.run(&format!("{command} --help")).code(0).stderr("");
        assert!(help.stdout.contains("Usage: pipulate "), "{help}");
        assert!(
            help.stdout
                .contains(&format!("Examples:\n  pipulate {}", command.split(' ').next().unwrap())),
            "{help}"
        );
    }
    sandbox.run("--help").code(0);
    let version = sandbox.run("--version").code(0);
    assert_eq!(version.stdout, format!("pipulate {}\n", env!("CARGO_PKG_VERSION")));
}
