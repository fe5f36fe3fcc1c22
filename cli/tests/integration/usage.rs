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
        "job set k s 1e999",
        "job set k '' 1",
        "job set '' s 1",
        "job set k s 1 --workflow ''",
        "--db postgres://nowhere job list",
        "job prune",
        "job prune --older-than soon",
        "run",
        "run x.ipynb -p name",
        "run x.ipynb -p name=Ada",
        "run x.ipynb -p a=1 -p a=2",
        "run x.ipynb --timeout 0",
        "run x.ipynb --timeout -1",
        "run x.ipynb --timeout 1e18",
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

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_to_standard_output_is_no_success() {
    let sandbox = Sandbox::new();
    crate::fake_kernel::install(&sandbox);
    sandbox.write("n.ipynb", &crate::run::notebook_of(&["print one"]));
    sandbox.prepare("job set k s 1\n job set k t 2");
    for line in [
        "run n.ipynb --kernel fake-kernel",
        "run n.ipynb --kernel fake-kernel -o -",
        "job list",
        "job list --json",
        "job show k",
        "job get k s",
        "job set k s 2",
        "job remove k t",
        "job history k",
        "job revert k s",
        "job undo k",
        "job fork k other",
        "job export k",
        "job finalize k",
        "job unfinalize k",
        "job delete k",
        "job undelete k",
        "job prune --older-than 1d",
        "kernel list",
        "cache",
        "doctor",
        "completions bash",
        "--help",
        "--version",
        "job set --help",
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = sandbox.command(line.split(' ')).stdout(full).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{line}: {stderr}");
        assert!(stderr.contains("No space left on device"), "{line}: {stderr}");

        // Whoever reads has seen enough.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = sandbox.command(line.split(' ')).stdout(writer).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            !stderr.contains("pipe") && !stderr.contains("panicked"),
            "{line}: {stderr}"
        );
    }
}

#[test]
fn the_exit_codes_of_the_help_are_those_of_the_guide() {
    let help = Sandbox::new().run("--help").code(0).stdout;
    let (_, table) = help.split_once("\nExit codes:\n").unwrap();
    let row = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: Vec<_> = table.lines().map(row).collect();
    let guide = include_str!("../../../docs/guide.md");
    let (_, table) = guide.split_once("| exit code | means |\n|---|---|\n").unwrap();
    let told: Vec<_> = table
        .lines()
        .take_while(|line| line.starts_with('|'))
        .map(|line| row(&line.replace('|', " ")))
        .collect();
    assert_eq!(shown, told);
    let codes: Vec<_> = told.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(codes, ["0", "1", "2", "3", "129", "130", "143"]);
}

#[test]
fn an_address_in_the_environment_is_no_wrong_command_line() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["job", "list"]);
    let output = command.env("PIPULATE_URL", "postgres://nowhere").output().unwrap();
    crate::sandbox::Ran::of("job list", output)
        .code(1)
        .stderr_contains("PIPULATE_URL");
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
    let others = [
        "run",
        "job",
        "kernel",
        "lab",
        "doctor",
        "cache",
        "cache clear",
        "completions",
    ]
    .map(str::to_owned);
    for command in commands.chain(kernel).chain(others) {
        let help = sandbox.run(&format!("{command} --help")).code(0).stderr("");
        // An example that is broken in two cannot be copied.
        let examples = help.stdout.split("Examples:\n").nth(1).unwrap_or_default();
        let examples = examples.lines().take_while(|line| !line.is_empty());
        for line in examples.clone() {
            assert!(line.starts_with("  pipulate "), "{line:?} in {help}");
        }
        assert!(examples.count() > 0, "{help}");
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

#[test]
fn a_long_value_that_is_no_json_is_not_repeated() {
    let sandbox = Sandbox::new();
    let brackets = "[".repeat(50_000);
    let output = sandbox
        .command(["job", "set", "k", "s", brackets.as_str()])
        .output()
        .unwrap();
    let ran = crate::sandbox::Ran::of("job set k s [[..", output).code(2).stdout("");
    assert_eq!(
        ran.stderr,
        "error: for the value, this is no JSON: EOF while parsing a list at line 1 column 50000\n"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn an_error_that_cannot_be_written_keeps_its_exit_code() {
    let sandbox = Sandbox::new();
    sandbox.prepare("job set k s 1");
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    for (line, code) in [("job get k nothing", 3), ("job set k s Ada", 2), ("job fork k k", 1)] {
        let mut command = sandbox.command(line.split(' '));
        let status = command.stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{line}");
    }
}
