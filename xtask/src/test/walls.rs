//! The walls of the design: who may name and import what, and how long a file may be.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::Outcome;
use super::code::{Piece, names, pieces};
use crate::process;
use crate::workspace::Workspace;

/// Past this a file is two things. Tests are not counted.
const LONGEST: usize = 600;

/// A name that only these files and folders may use in their code.
struct Wall {
    name: &'static str,
    allowed: &'static [&'static str],
}

const WALLS: &[Wall] = &[
    Wall {
        name: "evcxr",
        allowed: &["kernel/src/engine/evcxr"],
    },
    Wall {
        name: "zmq",
        allowed: &["kernel/src/transport.rs"],
    },
    Wall {
        name: "rusqlite",
        allowed: SQL_ALLOWED,
    },
    Wall {
        name: "refinery",
        allowed: SQL_ALLOWED,
    },
    Wall {
        name: "unsafe",
        allowed: &["kernel/src/worker/"],
    },
];

/// Where SQL may stand. The migrations are files of SQL.
const SQL_ALLOWED: &[&str] = &["core/src/store/sqlite", "core/migrations/", "kernel/src/history"];

/// What a notebook cell links directly, and what must not come along below that.
const LIGHT: [&str; 3] = ["serde", "serde_json", "thiserror"];
const HEAVY: [&str; 9] = [
    "rusqlite",
    "libsqlite3-sys",
    "refinery",
    "tokio",
    "zmq",
    "zeromq",
    "uuid",
    "jiff",
    "toml",
];

pub(super) fn check(workspace: &Workspace) -> Result<Outcome> {
    let mut breaches = Vec::new();
    let files = rust_files(workspace.root())?;
    for file in &files {
        let source = fs::read_to_string(workspace.root().join(file)).with_context(|| format!("cannot read {file}"))?;
        breaches.extend(breaches_of_file(file, &source));
    }
    breaches.extend(cell_library(workspace)?);
    breaches.extend(imports(workspace)?);
    if !breaches.is_empty() {
        bail!("{} breached:\n  {}", breaches.len(), breaches.join("\n  "));
    }
    println!(
        "{} files of Rust, and the dependency trees: every wall stands",
        files.len()
    );
    Ok(Outcome::Passed)
}

/// What a file does that its place does not allow. `file` is relative to the root, with forward slashes.
fn breaches_of_file(file: &str, source: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    let is_test = file.contains("/tests/")
        || file.contains("/benches/")
        || file.contains("/examples/")
        || file.ends_with("/tests.rs");
    // Tests, benchmarks and this program look at kernel and store from outside, as another program would.
    let from_outside = is_test || file.starts_with("xtask/");
    let own = without_tests(source);
    let lines = own.lines().count();
    if lines > LONGEST && !is_test {
        breaches.push(format!("{file}: {lines} lines; past {LONGEST} it is two things"));
    }
    let mut line = 1;
    for piece in pieces(own) {
        match piece {
            Piece::Code(code) => {
                for wall in WALLS.iter().filter(|wall| is_used(code, wall.name)) {
                    let excused = from_outside && wall.name != "unsafe";
                    if !excused && !in_any(file, wall.allowed) {
                        let place = wall.allowed.join(", ");
                        breaches.push(format!("{file}:{line}: `{}` is for {place} alone", wall.name));
                    }
                }
            }
            Piece::Text(text) if !from_outside && is_sql(text) && !in_any(file, SQL_ALLOWED) => {
                breaches.push(format!("{file}:{line}: SQL stands in {} alone", SQL_ALLOWED.join(", ")));
            }
            Piece::Text(_) | Piece::Comment(_) => {}
        }
        let (Piece::Code(content) | Piece::Comment(content) | Piece::Text(content)) = piece;
        line += content.matches('\n').count();
    }
    breaches
}

/// A crate is used by a path that begins with its name, or imported; `unsafe` wherever it stands.
fn is_used(code: &str, name: &str) -> bool {
    if name == "unsafe" {
        return names(code, name);
    }
    let begins_path = code.match_indices(name).any(|(start, _)| {
        let before = code[..start].chars().next_back();
        let part_of_path = |character: char| character.is_alphanumeric() || character == '_';
        // `crate::engine::evcxr::Evcxr` is our own module of that name.
        let continues =
            before.is_some_and(part_of_path) || code[..start].ends_with("::") && !code[..start].ends_with(" ::");
        !continues && code[start + name.len()..].trim_start().starts_with("::")
    });
    let imported = [
        format!("use {name};"),
        format!("use {name} as"),
        format!("extern crate {name}"),
    ];
    begins_path || imported.iter().any(|import| code.contains(import.as_str()))
}

/// Whether a string literal is a statement for the database.
fn is_sql(text: &str) -> bool {
    let text = text.trim_start_matches(['r', '#', '"']).trim_start().to_lowercase();
    let begins = |words: &str| text.starts_with(words);
    begins("insert into ")
        || begins("insert or ")
        || begins("delete from ")
        || begins("create table ")
        || begins("create index ")
        || begins("create view ")
        || begins("pragma ")
        || begins("begin immediate")
        || begins("select ") && (text.contains(" from ") || text.contains("\nfrom "))
        || begins("update ") && text.contains(" set ")
}

fn in_any(file: &str, places: &[&str]) -> bool {
    places.iter().any(|place| file.starts_with(place))
}

/// The file up to its module of tests.
fn without_tests(source: &str) -> &str {
    let end = source.match_indices("#[cfg(test)]\n").find(|(at, found)| {
        let after = source[at + found.len()..].trim_start();
        after.starts_with("mod ") || after.starts_with("#[allow") || after.starts_with("#[expect")
    });
    end.map_or(source, |(at, _)| &source[..at])
}

/// What notebook cells link must stay light: every notebook pays for that build.
fn cell_library(workspace: &Workspace) -> Result<Vec<String>> {
    let tree = |more: &[&str]| {
        let arguments = [
            "tree",
            "--package",
            "pipulate",
            "--no-default-features",
            "--features",
            "cell",
        ];
        let rest = ["--edges", "normal", "--prefix", "none", "--format", "{p}"];
        process::output(&mut workspace.cargo([&arguments, &rest[..], more].concat()))
    };
    let mut breaches = Vec::new();
    for name in crates(&tree(&["--depth", "1"])?)
        .iter()
        .skip(1)
        .filter(|name| !LIGHT.contains(&name.as_str()))
    {
        breaches.push(format!(
            "core with `cell` alone depends on {name}; cells link {} only",
            LIGHT.join(", ")
        ));
    }
    for name in crates(&tree(&[])?).iter().filter(|name| HEAVY.contains(&name.as_str())) {
        breaches.push(format!("core with `cell` alone brings {name} into every notebook"));
    }
    Ok(breaches)
}

/// Nothing imports upward, and the command-line program never links the kernel.
fn imports(workspace: &Workspace) -> Result<Vec<String>> {
    let mut breaches = Vec::new();
    let ours = [
        "pipulate-kernel",
        "pipulate-cli",
        "pipulate-port",
        "pipulate-server",
        "evcxr",
    ];
    for (package, may_link) in [
        ("pipulate", &[][..]),
        ("pipulate-port", &[][..]),
        ("pipulate-server", &["pipulate-port"][..]),
        ("pipulate-kernel", &["pipulate-port", "evcxr"][..]),
        ("pipulate-cli", &["pipulate-port"][..]),
    ] {
        let arguments = [
            "tree",
            "--package",
            package,
            "--all-features",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
        ];
        let tree = process::output(&mut workspace.cargo(arguments))?;
        for name in crates(&tree).iter().skip(1) {
            if ours.contains(&name.as_str()) && !may_link.contains(&name.as_str()) && name != package {
                breaches.push(format!("{package} must not link {name}"));
            }
        }
    }
    Ok(breaches)
}

/// The names of the crates in what `cargo tree --prefix none` wrote, the package itself first.
fn crates(tree: &str) -> Vec<String> {
    tree.lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// Every file of Rust in the checkout, relative to the root, with forward slashes.
fn rust_files(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let full = root.join(&folder);
        for entry in fs::read_dir(&full).with_context(|| format!("cannot read {}", full.display()))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = folder.join(&name);
            if entry.file_type()?.is_dir() {
                if !name.starts_with('.') && name != "target" && name != "node_modules" {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
                files.push(parts.join("/"));
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &str, source: &str, expected: &[&str]) {
        let breaches = breaches_of_file(file, source);
        let found: Vec<&str> = breaches
            .iter()
            .map(|breach| breach.split(": ").next().unwrap())
            .collect();
        assert_eq!(found, expected, "{breaches:?}");
    }

    #[test]
    fn a_crate_is_named_behind_its_wall_only() {
        check("kernel/src/engine/evcxr.rs", "use evcxr::CommandContext;", &[]);
        check("kernel/src/engine/evcxr/context.rs", "use evcxr::CommandContext;", &[]);
        check(
            "kernel/src/main.rs",
            "fn main() {\n    evcxr::runtime_hook();\n}",
            &["kernel/src/main.rs:1"],
        );
        check(
            "kernel/src/main.rs",
            "mod evcxr;\nuse crate::engine::evcxr::Evcxr;\n// evcxr::x\nf(\"evcxr::x\");",
            &[],
        );
        check(
            "kernel/src/handlers/execute.rs",
            "use ::zmq::Socket;",
            &["kernel/src/handlers/execute.rs:1"],
        );
        check("kernel/src/handlers/execute.rs", "use jupyter_zmq::Socket;", &[]);
    }

    #[test]
    fn unsafe_stays_in_the_worker() {
        check("kernel/src/worker/fork.rs", "unsafe { fork() }", &[]);
        check(
            "kernel/src/engine/prelude.rs",
            "const CODE: &str = \"unsafe { flush() }\";",
            &[],
        );
        check(
            "core/src/lib.rs",
            "// why\n\nlet x = \"a\nb\"; unsafe { f() }",
            &["core/src/lib.rs:4"],
        );
    }

    #[test]
    fn tests_may_act_as_another_program() {
        check(
            "kernel/tests/integration/frontend.rs",
            "use zmq::Socket; \"SELECT 1 FROM job\";",
            &[],
        );
        check(
            "kernel/tests/integration/frontend.rs",
            "unsafe {}",
            &["kernel/tests/integration/frontend.rs:1"],
        );
    }

    #[test]
    fn sql_stays_in_its_backend() {
        let source = "db.execute(\"INSERT INTO step VALUES (1)\");\nlet words = \"select a row from it\";";
        check("core/src/job.rs", source, &["core/src/job.rs:1", "core/src/job.rs:2"]);
        check("core/src/store/sqlite/write.rs", source, &[]);
        check("core/tests/integration/view.rs", source, &[]);
        check(
            "core/src/job.rs",
            "\"Select a row\"; \"update it\"; \"no SELECT a FROM b\"",
            &[],
        );
    }

    #[test]
    fn tests_do_not_count_as_lines() {
        let long = "fn f() {}\n".repeat(LONGEST + 1);
        check("core/src/job.rs", &long, &["core/src/job.rs"]);
        check("core/tests/integration/job.rs", &long, &[]);
        check(
            "core/src/job.rs",
            &format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{long}}}\n"),
            &[],
        );
    }
}
