//! `cargo xtask test`: every check of the project, in one command.

mod code;
mod jupyter;
mod pins;
mod rust;
mod tools;
mod walls;
mod web;

use std::env;
use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;

use crate::prerequisites;
use crate::workspace::Workspace;

/// Run every check: format, lints, tests, notebooks, JupyterLab, licenses.
///
/// Goes on after a failing part and ends with a summary; exit code 1 if any part failed.
#[derive(Args)]
pub(crate) struct Test {
    /// Run only these parts, in the order of the list
    #[arg(value_name = "PART", value_parser = clap::builder::PossibleValuesParser::new(PARTS.iter().map(|part| part.name)))]
    parts: Vec<String>,
    /// List the parts and run nothing
    #[arg(long)]
    list: bool,
}

/// One thing that is checked.
struct Part {
    name: &'static str,
    checks: &'static str,
    run: fn(&Workspace) -> Result<Outcome>,
}

/// How a part that did not fail ended.
enum Outcome {
    Passed,
    /// What it needs is not on this machine; how to get it.
    Skipped(String),
}

/// The parts, in the order they run: quick and common failures first.
const PARTS: &[Part] = &[
    Part {
        name: "format",
        checks: "cargo fmt --check",
        run: rust::format,
    },
    Part {
        name: "pins",
        checks: "Cargo.lock holds salsa where evcxr needs it",
        run: pins::check,
    },
    Part {
        name: "walls",
        checks: "who may name and import what, and how long a file may be",
        run: walls::check,
    },
    Part {
        name: "clippy",
        checks: "clippy, pedantic, without a warning",
        run: rust::clippy,
    },
    Part {
        name: "features",
        checks: "each feature of the core builds alone, and the port without notebooks",
        run: rust::features,
    },
    Part {
        name: "doc",
        checks: "the documentation builds without a warning",
        run: rust::doc,
    },
    Part {
        name: "unit",
        checks: "cargo test, doctests included",
        run: rust::unit,
    },
    Part {
        name: "fuzz",
        checks: "five seconds of random cells, and as many of random notebooks",
        run: rust::fuzz,
    },
    Part {
        name: "protocol",
        checks: "Jupyter's own kernel tests, and what cells print",
        run: jupyter::protocol,
    },
    Part {
        name: "clients",
        checks: "nbclient, nbconvert, papermill, euporie, the console and `pipulate run` show the same",
        run: jupyter::clients,
    },
    Part {
        name: "tutorials",
        checks: "every notebook runs, by nbclient and by `pipulate run`",
        run: jupyter::tutorials,
    },
    Part {
        name: "notebooks",
        checks: "ten notebooks as they are published for evcxr run whole",
        run: jupyter::notebooks,
    },
    Part {
        name: "demo",
        checks: "cargo xtask demo",
        run: jupyter::demo,
    },
    Part {
        name: "lab",
        checks: "the tutorial in JupyterLab, in a browser, across a restart",
        run: jupyter::lab,
    },
    Part {
        name: "port",
        checks: "notebooks as web apps give what the notebooks give",
        run: web::port,
    },
    Part {
        name: "web",
        checks: "one job in JupyterLab, a web app and the terminal, in a browser",
        run: web::web,
    },
    Part {
        name: "deny",
        checks: "licenses, bans and sources of the dependencies",
        run: tools::deny,
    },
    Part {
        name: "unused",
        checks: "no dependency without a use",
        run: tools::unused,
    },
];

/// One line of the summary.
struct Line {
    part: &'static Part,
    took: Duration,
    result: Result<Outcome>,
}

impl Test {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<ExitCode> {
        if self.list {
            for part in PARTS {
                println!("{:10} {}", part.name, part.checks);
            }
            return Ok(ExitCode::SUCCESS);
        }
        prerequisites::check_build()?;
        let wanted = |part: &&Part| self.parts.is_empty() || self.parts.iter().any(|name| name == part.name);
        let lines: Vec<Line> = PARTS
            .iter()
            .filter(wanted)
            .map(|part| run_part(part, workspace))
            .collect();
        println!("\n{}", summary(&lines));
        Ok(if lines.iter().any(|line| line.result.is_err()) {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

fn run_part(part: &'static Part, workspace: &Workspace) -> Line {
    println!("\n=== {}: {}", part.name, part.checks);
    let started = Instant::now();
    let result = (part.run)(workspace);
    let took = started.elapsed();
    match &result {
        Ok(Outcome::Passed) => println!("--- {}: passed in {:.1} s", part.name, took.as_secs_f64()),
        Ok(Outcome::Skipped(why)) => println!("--- {}: skipped: {why}", part.name),
        Err(error) => println!("--- {}: FAILED in {:.1} s: {error:#}", part.name, took.as_secs_f64()),
    }
    // What the programs of the next part write to stderr must not come before this.
    let _ = stdout().flush();
    Line { part, took, result }
}

/// The table, the parts that failed or were skipped with the reason, and, alone on the last line, the counts.
fn summary(lines: &[Line]) -> String {
    let mut text = String::from("=== summary\n");
    let (mut failures, mut skips) = (Vec::new(), Vec::new());
    for Line { part, took, result } in lines {
        let word = match result {
            Ok(Outcome::Passed) => "passed",
            Ok(Outcome::Skipped(why)) => {
                skips.push(format!("skipped {}: {why}\n", part.name));
                "skipped"
            }
            Err(error) => {
                failures.push(format!("failed {}: {error:#}\n", part.name));
                "FAILED"
            }
        };
        let seconds = took.as_secs_f64();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:10} {word:8} {seconds:7.1} s  {}", part.name, part.checks);
    }
    let passed = lines.len() - failures.len() - skips.len();
    let skipped = if skips.is_empty() {
        String::new()
    } else {
        format!(", {} skipped", skips.len())
    };
    let counts = format!("{passed} passed, {} failed{skipped}", failures.len());
    text + "\n" + &failures.concat() + &skips.concat() + &counts
}

/// A tool that is not there: a failure where everything must run, a plain word elsewhere.
fn lacking(what: &str, how_to_get: &str) -> Result<Outcome> {
    let why = format!("{what} is not installed; get it with `{how_to_get}`");
    if env::var_os("CI").is_some_and(|value| !value.is_empty()) {
        bail!(why);
    }
    Ok(Outcome::Skipped(why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    fn line(index: usize, result: Result<Outcome>) -> Line {
        Line {
            part: &PARTS[index],
            took: Duration::from_millis(1500),
            result,
        }
    }

    #[test]
    fn the_last_line_counts_parts() {
        let lines = [line(0, Ok(Outcome::Passed)), line(1, Ok(Outcome::Passed))];
        assert_eq!(summary(&lines).lines().last(), Some("2 passed, 0 failed"));
    }

    #[test]
    fn failures_and_skips_stand_just_above_the_counts() {
        let lines = [
            line(0, Ok(Outcome::Skipped("get it".into()))),
            line(1, Err(anyhow!("inner").context("outer"))),
            line(2, Ok(Outcome::Passed)),
        ];
        let text = summary(&lines);
        let last: Vec<&str> = text.lines().rev().take(3).collect();
        assert_eq!(
            last,
            [
                "1 passed, 1 failed, 1 skipped",
                "skipped format: get it",
                "failed pins: outer: inner"
            ]
        );
    }

    #[test]
    fn parts_have_distinct_names() {
        let mut names: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PARTS.len());
    }
}
