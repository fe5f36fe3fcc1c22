//! `pipulate completions`.

use crate::sandbox::Sandbox;

#[test]
fn each_shell_gets_a_script_that_knows_the_commands() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = sandbox.run(&format!("completions {shell}")).code(0).stderr("").stdout;
        for word in ["pipulate", "doctor", "unfinalize", "sys-prefix"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
    }
}

#[cfg(unix)]
#[test]
fn bash_takes_the_script() {
    use std::io::Write;
    use std::process::{Command, Stdio};

    let sandbox = Sandbox::new();
    let mut script = sandbox.run("completions bash").code(0).stdout;
    script.push_str(
        "\nCOMP_WORDS=(pipulate job unf); COMP_CWORD=2; _pipulate pipulate unf job; echo \"${COMPREPLY[@]}\"\n",
    );
    let mut bash = Command::new("bash")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert_eq!(
        String::from_utf8(bash.wait_with_output().unwrap().stdout).unwrap(),
        "unfinalize\n"
    );
}
