//! Fuzzes the cell grammar: reads mutated cells for some seconds, checks what holds for every text, and prints how many it read.
//!
//! `cargo run -p pipulate --example fuzz_cell -- [SECONDS] [SEED]`
//!
//! A text that breaks a promise is printed with the seed that led to it, and the exit code is 1. Without a seed each run takes
//! its own.

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[path = "../tests/integration/grammar/invariants.rs"]
mod invariants;

/// Cells to begin with; what is read is made of pieces of them.
const CORPUS: &[&str] = &[
    "let s = String::new();\n%pip_set n = 1 // note\n%pip_steps\ns.len()",
    ":dep serde = \"1\"\n!ls -l\n\nlet x: i32 = %pip_get x --default vec![1; 3].len();\nx\n%pip_n",
    "%%pip_step total \"The total\" --rerun\r\nuse a::b::{c, d};\r\nlet a: Vec<Vec<i32>>= %pip_get \"my step\";\r\na",
    "%%bash\necho \"$HOME\"\n",
    "match x {\n    A { b, .. } if b > 3 => if c { 1 } else { 2 },\n    _ => {\n        %pip_set q = {\"a\": [1, null]}\n    }\n}",
    "fn f<'a, T: Fn(&'a str) -> u8, const N: usize>(x: [T; { N }]) -> impl X where T: Y { |a: i32| -> i32 { a } }",
    "let s = r##\"\n%a \"# \"##; let t = b'\\''; let u = '\\u{1f600}'; let v = c\"\\\"\"; /* /* */ */ // end",
    "macro_rules! m { ($x:expr) => { %pip_set $x } }\nprintln!(\"{job:?} {{}}\", job = 'a');\n#[derive(A)]\nstruct S;",
    "let a = %pip_input age \"Your; age\" --choices 1,2 --secret --help-text='why' -j k --default {\n  1\n};\n?pip_set\n%time f(",
    "if let Some(Foo { a }) = b && c(|d| { e }) {\n%pip_set x = xs.iter()\n  .sum::<i64>() }\nlet y = async move { z.await? };",
    "\u{feff}#!/usr/bin/env rust\n'l: loop { break 'l }\nlet Some(x) = y else {\n%pip_job \"é 😀\"\nreturn; };\nunion U { a: u8 }",
    "%pip_set a == b\n%pip_set =\n%pip_set a = \"b\n%%oops\n#![allow(x)]\nlet r#match = 1.0e-3 + t.0.1 + 0xEF;",
];

/// Longer texts are cut; what goes wrong does so in short ones.
const LONGEST: usize = 600;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let (Ok(seconds), Ok(seed)) = (
        arguments.next().unwrap_or(Ok(5)),
        arguments.next().unwrap_or_else(|| Ok(seed_from_clock())),
    ) else {
        eprintln!("usage: fuzz_cell [SECONDS] [SEED]");
        return ExitCode::from(2);
    };
    let mut random = Random(seed | 1);
    let mut corpus: Vec<String> = CORPUS.iter().map(ToString::to_string).collect();
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut executions = 0_u64;
    while Instant::now() < end {
        let text = mutated(&corpus, &mut random);
        let outcome = std::panic::catch_unwind(|| {
            invariants::check(&text);
            if text.len() < 100 {
                invariants::check_completion(&text);
            }
        });
        if outcome.is_err() {
            eprintln!("after {executions} texts from seed {seed}, this one:\n{text:?}");
            return ExitCode::FAILURE;
        }
        executions += 1;
        // Some mutants live on, in place of others, so that changes add up.
        if random.below(20) == 0 {
            let place = random.below(CORPUS.len() * 4);
            if place < corpus.len() && place >= CORPUS.len() {
                corpus[place] = text;
            } else if corpus.len() < CORPUS.len() * 4 {
                corpus.push(text);
            }
        }
    }
    println!("{executions} cells read in {seconds} s from seed {seed}, and every promise kept");
    ExitCode::SUCCESS
}

/// A text of the corpus with a few changes.
fn mutated(corpus: &[String], random: &mut Random) -> String {
    let mut characters: Vec<char> = random.choose(corpus).chars().collect();
    for _ in 0..=random.below(6) {
        let start = random.below(characters.len() + 1);
        let end = (start + random.below(12)).min(characters.len());
        match random.below(5) {
            0 => {
                characters.drain(start..end);
            }
            1 => {
                let piece: Vec<char> = characters[start..end].to_vec();
                characters.splice(start..start, piece);
            }
            2 => {
                let other: Vec<char> = random.choose(corpus).chars().collect();
                let from = random.below(other.len() + 1);
                let to = (from + random.below(30)).min(other.len());
                characters.splice(start..end, other[from..to].iter().copied());
            }
            3 => {
                let special: Vec<char> = "%\"'#{}[]()|;=.,:!?\\/*\n\r <>-x0é😀".chars().collect();
                characters.insert(start, *random.choose(&special));
            }
            _ => characters.truncate(start.max(characters.len() / 2)),
        }
    }
    characters.truncate(LONGEST);
    characters.into_iter().collect()
}

fn seed_from_clock() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(since_epoch.subsec_nanos()) ^ since_epoch.as_secs()
}

/// Marsaglia's xorshift64: enough to choose by, and the same everywhere.
struct Random(u64);

impl Random {
    /// A number below `limit`, which is not 0.
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("a number below a usize is one")
    }

    fn choose<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }
}
