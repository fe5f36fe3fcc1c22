//! What cells are compiled with, and what runs them.

use std::path::PathBuf;

use crate::cells::{TestNotebook, data};

#[test]
fn the_worker_is_a_program_that_can_be_another() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let dummy = folder.path().join("dummy-worker");
    let log = folder.path().join("log");
    let script = format!(
        "#!/bin/sh\nwhile read line; do echo \"$line\" >> '{}'; echo EVCXR_EXECUTION_COMPLETE; done\n",
        log.display()
    );
    std::fs::write(&dummy, script).unwrap();
    std::fs::set_permissions(&dummy, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut notebook = TestNotebook::start_with_worker(dummy);
    notebook.check("println!(\"never printed\"); 5", &[]);
    let log = std::fs::read_to_string(log).unwrap();
    assert!(
        log.lines().all(|line| line.starts_with("LOAD_AND_RUN ")) && log.lines().count() >= 2,
        "{log}"
    );
}

#[test]
fn cells_link_the_unpacked_library_and_nothing_of_the_checkout() {
    let mut notebook = TestNotebook::start();
    let (_, result) = notebook.run_with("%pip_job library-01", &[]);
    assert_eq!(result, Ok(()));
    let (sent, result) = notebook.run_with("let x = 1;\n%pip_set x = x", &[]);
    assert_eq!(result, Ok(()), "{sent:?}");
    let (sent, result) = notebook.run_with(":last_compile_dir", &[]);
    assert_eq!(result, Ok(()));
    let build = PathBuf::from(sent[0].strip_prefix("result: ").unwrap());
    let checkout = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
    let manifest = std::fs::read_to_string(build.join("Cargo.toml")).unwrap();
    assert!(manifest.contains(&*data().to_string_lossy()), "{manifest}");
    // What rustc has read is in the files that it writes for cargo.
    let mut read = 0;
    let mut folders = vec![build.join("target")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|extension| extension == "d") {
                let dependencies = std::fs::read_to_string(entry.path()).unwrap();
                read += usize::from(dependencies.contains("cell-library"));
                assert!(
                    !dependencies.contains(&*checkout.join("core").to_string_lossy()),
                    "{dependencies}"
                );
            }
        }
    }
    assert!(read > 0, "the library was compiled from its unpacked source");
}

#[test]
fn evcxrs_command_for_optimisation_is_for_cells() {
    let mut notebook = TestNotebook::start();
    let (sent, result) = notebook.run_with(":last_compile_dir", &[]);
    assert_eq!(result, Ok(()));
    let folder = std::path::PathBuf::from(sent[0].trim_start_matches("result: ").trim());
    let level = || std::fs::read_to_string(folder.join(".cell-level")).unwrap();
    assert_eq!(level(), "opt-level=0\n");
    for (code, expected) in [(":opt", "2"), (":opt", "0"), (":opt 3", "3")] {
        let (sent, result) = notebook.run_with(code, &[]);
        assert_eq!(result, Ok(()), "{code}");
        assert!(
            sent.iter()
                .any(|line| line.contains(&format!("Optimization: {expected}"))),
            "{code}: {sent:?}"
        );
        assert_eq!(level(), format!("opt-level={expected}\n"), "{code}");
    }
    notebook.check(":opt 1\n1 + 1", &["result: 2"]);
    assert_eq!(level(), "opt-level=1\n");
    notebook.check_error(":opt 9", "Usage", "there is no optimisation level `9`");
    notebook.check_error(":opt 2 3", "Usage", "there is no optimisation level `2 3`");
    // A cell that comes to nothing leaves it as it was.
    notebook.check_error(":opt 3\nlet x: u8 = \"\";", "CompileError", "mismatched types");
    assert_eq!(level(), "opt-level=1\n");
    // This one is compiled twice.
    notebook.check("#[derive(Debug)] struct Shown;", &[]);
    notebook.check_error(":opt\nErr::<(), _>(Shown)?;", "Shown", "");
    assert_eq!(level(), "opt-level=2\n");
    notebook.check("2 + 2", &["result: 4"]);
}

fn package(notebook: &TestNotebook, name: &str, source: &str) -> String {
    let package = notebook.folder().join(name);
    std::fs::create_dir_all(package.join("src")).unwrap();
    let manifest = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    std::fs::write(package.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(package.join("src/lib.rs"), source).unwrap();
    format!(":dep {name} = {{ path = \"{}\" }}", package.display())
}

#[test]
fn what_waits_on_the_runtime_outlives_new_dependencies() {
    let mut notebook = TestNotebook::start();
    notebook.run_with("async { 1 }.await", &[]).1.unwrap();
    notebook.check(
        "let (one, two) = (tokio::spawn(async { 1 }), tokio::spawn(async { 2 }));",
        &[],
    );
    notebook.check_error(":dep gone = { path = \"/nowhere/gone\" }", "CompileError", "");
    notebook.check("one.await.ok()", &["result: Some(1)"]);
    let adds = package(&notebook, "late", "pub const LATE: u8 = 3;");
    notebook.run_with(&adds, &[]).1.unwrap();
    notebook.check("(two.await.ok(), late::LATE)", &["result: (Some(2), 3)"]);
}

#[test]
fn what_the_linker_and_the_loader_say_is_the_error() {
    let mut notebook = TestNotebook::start();
    notebook.check("let v = vec![1];", &[]);
    // Warnings of a dependency by path are not the user's own, and hide nothing.
    let adds = package(&notebook, "warns", "pub fn f() -> u8 { let mut x = 1; x }");
    notebook.run_with(&adds, &[]).1.unwrap();
    let links = "#[link(name = \"absent\")] unsafe extern \"C\" { fn absent(); }\nunsafe { absent() }";
    let error = notebook.check_error(links, "CompileError", "linking with");
    assert!(error.traceback.join("\n").contains("-labsent"), "{error:#?}");
    // It has moved and shadowed nothing, and defined nothing again.
    notebook.check("let s = String::from(\"a\");\nfn one() -> u8 { 1 }", &[]);
    let loads = "unsafe extern \"C\" { fn missing(); }\nfn one() -> u8 { 2 }\nlet t = s;\nlet v = \"\";\nunsafe { missing() }\n\
                 let w = 1;";
    notebook.check_error(loads, "LoadError", "could not be loaded: undefined symbol: missing");
    notebook.check("(v.len(), s.as_str(), one())", &["result: (1, \"a\", 1)"]);
    notebook.check_error("w", "CompileError", "cannot find value `w`");
}
