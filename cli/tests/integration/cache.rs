//! `pipulate cache`.

use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::sandbox::Sandbox;

/// As kernels of two versions leave it, with one compiler.
fn filled() -> Sandbox {
    let sandbox = Sandbox::new();
    for (file, size) in [
        ("cell-library/0.1.0-a/Cargo.toml", 10),
        ("cell-library/0.1.0-a/src/lib.rs", 20),
        ("cell-library/0.2.0-b/Cargo.toml", 30),
        ("dependencies/0123/Cargo.lock", 400),
        ("dependencies/0123/target/debug/deps/libserde-1.rlib", 1_000_000),
        ("libraries/0.1.0-c/core/src/lib.rs", 50),
        ("apps/target/debug/deps/libaxum-1.rlib", 2_000_000),
        ("apps/9c51/status.json", 5),
        ("history.sqlite", 7),
    ] {
        sandbox.write(&format!("data/pipulate/{file}"), &"x".repeat(size));
    }
    sandbox
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn each_cache_is_shown_with_its_size() {
    let sandbox = filled();
    let folder = |name| sandbox.path("data/pipulate").join(name).display().to_string();
    let shown = sandbox.run("cache").code(0).stderr("").stdout;
    let rows: Vec<Vec<_>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        rows,
        [
            vec!["CACHE", "VERSIONS", "SIZE", "FOLDER"],
            vec!["cell-library", "2", "60", "bytes", &folder("cell-library")],
            vec!["dependencies", "1", "1.0", "MB", &folder("dependencies")],
            vec!["libraries", "1", "50", "bytes", &folder("libraries")],
            vec!["apps", "2", "2.0", "MB", &folder("apps")],
        ]
    );
    assert_eq!(
        sandbox.run("cache --json").code(0).json(),
        json!([
            {"name": "cell-library", "path": folder("cell-library"), "bytes": 60, "versions": 2},
            {"name": "dependencies", "path": folder("dependencies"), "bytes": 1_000_400, "versions": 1},
            {"name": "libraries", "path": folder("libraries"), "bytes": 50, "versions": 1},
            {"name": "apps", "path": folder("apps"), "bytes": 2_000_005, "versions": 2},
        ])
    );
}

#[test]
fn clearing_removes_what_is_cached_and_nothing_else() {
    let sandbox = filled();
    let data = sandbox.path("data/pipulate");
    let cleared = sandbox.run("cache clear").code(0).stderr("");
    assert_eq!(
        cleared.stdout,
        format!(
            "Removed what was in {0}/cell-library\nRemoved what was in {0}/dependencies\nRemoved what was in {0}/libraries\n\
             Removed what was in {0}/apps\n3.0 MB freed\n\
             Start kernels and `pipulate serve` again where they run: they miss what was removed.\n",
            data.display()
        )
    );
    for cache in ["cell-library", "dependencies", "libraries", "apps"] {
        assert!(is_empty(&data.join(cache)), "{cache}");
    }
    assert!(data.join("history.sqlite").is_file());
    let again = sandbox.run("cache clear").code(0).stderr("");
    assert_eq!(again.stdout, format!("Nothing is cached in {}\n", data.display()));
}

#[test]
fn nothing_cached_is_fine_and_looking_makes_no_folder() {
    let sandbox = Sandbox::new();
    let caches = sandbox.run("cache --json").code(0).json();
    for cache in caches.as_array().unwrap() {
        assert_eq!((&cache["bytes"], &cache["versions"]), (&json!(0), &json!(0)));
    }
    sandbox.run("cache").code(0).stderr("");
    sandbox.run("cache clear").code(0).stderr("");
    assert!(!sandbox.path("data").exists());
}

/// A kernel that lost its folder while it unpacks would leave half of the library under its final name.
#[cfg(unix)]
#[test]
fn what_a_kernel_is_writing_stays_and_what_a_dead_one_left_goes() {
    let sandbox = filled();
    let library = sandbox.path("data/pipulate/cell-library");
    for name in [".unpacking-now", ".unpacking-then"] {
        sandbox.write(&format!("data/pipulate/cell-library/{name}/Cargo.toml"), "x");
    }
    let before = FileTimes::new().set_modified(SystemTime::now() - Duration::from_hours(24));
    let left = File::open(library.join(".unpacking-then")).unwrap();
    left.set_times(before).unwrap();
    assert_eq!(
        sandbox.run("cache --json").json()[0],
        json!({"name": "cell-library", "path": library, "bytes": 62, "versions": 2})
    );
    sandbox.run("cache clear").code(0).stderr("");
    let names: Vec<_> = fs::read_dir(&library)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, [".unpacking-now"]);
}

/// The cache may be on another disk, and what is in it may point outside.
#[cfg(unix)]
#[test]
fn links_are_not_followed_out_of_the_cache() {
    use std::os::unix::fs::symlink;

    let sandbox = filled();
    let precious = sandbox.write("precious/file", "precious");
    let data = sandbox.path("data/pipulate");
    symlink(sandbox.path("precious"), data.join("cell-library/0.2.0-b/linked")).unwrap();
    fs::rename(data.join("dependencies"), sandbox.path("disk")).unwrap();
    symlink(sandbox.path("disk"), data.join("dependencies")).unwrap();
    assert_eq!(sandbox.run("cache --json").json()[1]["bytes"], 1_000_400);
    sandbox.run("cache clear").code(0).stderr("");
    assert!(is_empty(&sandbox.path("disk")) && data.join("dependencies").is_symlink());
    assert!(precious.is_file());
}

#[test]
fn a_cache_that_is_no_folder_is_named() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("data/pipulate/dependencies", "");
    for (line, verb) in [("cache", "read"), ("cache clear", "clear")] {
        sandbox
            .run(line)
            .code(1)
            .stderr_contains(&format!("error: cannot {verb} the cache {}: ", file.display()));
    }
    assert!(file.is_file());
}
