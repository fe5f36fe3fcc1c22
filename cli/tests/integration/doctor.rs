//! `pipulate doctor`.

use crate::sandbox::{Ran, Sandbox};

/// The words before the name of each check, in order.
fn words(ran: &Ran) -> Vec<(String, String)> {
    let lines = ran.stdout.lines().filter(|line| !line.starts_with(' '));
    let pair = |line: &str| {
        let mut words = line.split_whitespace().map(str::to_owned);
        (words.next().unwrap(), words.next().unwrap())
    };
    lines.map(pair).collect()
}

#[test]
fn each_check_is_a_line_and_each_lack_has_its_remedy() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run("doctor");
    let words = words(&ran);
    let names: Vec<_> = words.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "rustc",
            "cargo",
            "linker",
            "rust-src",
            "store",
            "kernel",
            "cache",
            "kernelspec",
            "jupyter"
        ],
        "{ran}"
    );
    // Whoever built this test has these.
    for (word, name) in words
        .iter()
        .filter(|(_, name)| ["rustc", "cargo", "linker", "store"].contains(&name.as_str()))
    {
        assert_eq!(word, "ok", "{name}: {ran}");
    }
    let lacks = words.iter().filter(|(word, _)| word != "ok").count();
    assert_eq!(
        ran.stdout.lines().filter(|line| line.starts_with("          ")).count(),
        lacks,
        "{ran}"
    );
    let problems = words.iter().any(|(word, _)| word == "problem");
    assert_eq!(ran.code, Some(i32::from(problems)), "{ran}");
    assert!(!sandbox.path("pipeline.db").exists(), "a check changed something");
    assert!(
        ran.stdout
            .contains("optional  kernelspec  Jupyter does not know the kernel\n"),
        "{ran}"
    );
    assert!(ran.stdout.contains("pipulate kernel install\n"), "{ran}");
}

#[test]
fn one_is_singular() {
    let sandbox = Sandbox::new();
    sandbox.prepare("job set hello-01 name 1");
    let ran = sandbox.run("doctor");
    assert!(ran.stdout.contains("pipeline.db, 1 job, 1 step ("), "{ran}");
    sandbox.prepare("job set hello-02 name 1\njob set hello-02 runs 1");
    let ran = sandbox.run("doctor");
    assert!(ran.stdout.contains("pipeline.db, 2 jobs, 3 steps ("), "{ran}");
}

#[test]
fn what_is_built_ahead_is_known() {
    let sandbox = Sandbox::new();
    let without = sandbox.run("doctor");
    let line =
        "optional  cache       the cell library is not built ahead: the first Rust cell of a notebook waits for it\n";
    let mend = format!("{line}{:22}pipulate kernel install\n", "");
    assert!(without.stdout.contains(&mend), "{without}");
    // What a kernel is still writing is not there yet.
    sandbox.write("data/pipulate/dependencies/.copying-1/lock", "");
    assert!(sandbox.run("doctor").stdout.contains(line));
    sandbox.write("data/pipulate/dependencies/0123/Cargo.lock", "");
    let with = sandbox.run("doctor");
    let folder = sandbox.path("data/pipulate/dependencies");
    let line = format!(
        "ok        cache       the cell library is built ahead, {}\n",
        folder.display()
    );
    assert!(with.stdout.contains(&line), "{with}");
    // It is a hint: the exit code is that of the other checks.
    assert_eq!(with.code, without.code, "{with}");
}

#[cfg(unix)]
#[test]
fn without_rust_nothing_works_and_doctor_says_why() {
    let sandbox = Sandbox::new();
    let output = sandbox
        .command(["doctor"])
        .env("PATH", sandbox.path(""))
        .output()
        .unwrap();
    let ran = Ran::of("doctor", output).code(1).stderr_contains("things are missing");
    assert!(ran.stdout.contains("problem   rustc       not on the PATH\n"), "{ran}");
    assert!(ran.stdout.contains("https://rustup.rs"), "{ran}");
}

#[cfg(unix)]
#[test]
fn an_old_compiler_is_named() {
    let sandbox = Sandbox::new();
    sandbox.script("bin/rustc", "#!/bin/sh\necho 'rustc 1.60.0 (0123abc 2022-04-04)'\n");
    let output = sandbox
        .command(["doctor"])
        .env("PATH", sandbox.path("bin"))
        .output()
        .unwrap();
    let ran = Ran::of("doctor", output).code(1);
    assert!(
        ran.stdout
            .contains("problem   rustc       1.60.0 is too old: 1.95 is needed\n"),
        "{ran}"
    );
    assert!(ran.stdout.contains("rustup update stable\n"), "{ran}");
    // It prints a version, whatever it is asked to build.
    assert!(ran.stdout.contains("problem   linker"), "{ran}");
}

#[test]
fn a_store_that_is_broken_is_a_problem() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "pipeline.db",
        "this is no database, and it is long enough to be taken for one if nobody looks",
    );
    let ran = sandbox.run("doctor").code(1);
    assert!(
        words(&ran).contains(&("problem".to_owned(), "store".to_owned())),
        "{ran}"
    );
    let database = sandbox.path("pipeline.db");
    sandbox.run("job list").code(1).stdout("").stderr(&format!(
        "error: cannot use {} as the place for jobs: it is no SQLite file: file is not a database\n\
         help: `--db PATH` names another store, and so does PIPULATE_URL.\n",
        database.display()
    ));
}

#[test]
fn a_store_whose_pages_were_overwritten_is_damaged() {
    let sandbox = Sandbox::new();
    let big = format!("'\"{}\"'", "x".repeat(100_000));
    sandbox.prepare(&format!("job set k a {big}\n job set k b 1"));
    let path = sandbox.path("pipeline.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let length = bytes.len();
    bytes[length / 2..length / 2 + 16 * 1024].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let ran = sandbox.run("doctor").code(1);
    let line = ran.stdout.lines().find(|line| line.contains("  store  ")).unwrap();
    assert!(line.starts_with("problem") && line.contains(" is damaged: "), "{ran}");
}
