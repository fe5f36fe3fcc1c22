//! Fuzzes the port: ports mutated notebooks for some seconds, checks what holds for each, and prints how many there were.
//!
//! `cargo run -p pipulate-port --example fuzz_notebook -- [SECONDS] [SEED]`
//!
//! Whatever a notebook holds, it is ported or refused, twice with the same bytes, and what is said of a place points into the notebook. A
//! notebook that breaks that is written to standard error with the seed that led to it, and the exit code is 1.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pipulate_port::{PortError, PortInput, port};

/// Notebooks to begin with.
const CORPUS: [&str; 3] = [
    include_str!("../../notebooks/01_first_pipeline.ipynb"),
    include_str!("../../notebooks/02_workflow_with_steps.ipynb"),
    include_str!("../../notebooks/03_from_notebook_to_web_app.ipynb"),
];

/// Pieces that mean something to notebooks, cells or Rust, as JSON has them in a string.
const PIECES: &str = "%pip_set a = 1\\n|%%pip_step b\\n|let x: u8 = %pip_get a;\\n|%pip_input x --default 1|\\n|\\\\|\\u0000|\\ud83d\\ude00|{|}|[|]|\"|,|\
                      :dep ./..\\n|use a::{b, c as d};\\n|#![allow(x)]\\n|fn f() {|job.set(\\\"a\\\", &1)?;|r#\\\"|'|//|/*|async {|.await|crate::a|null|-1|1e9";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let (Ok(seconds), Ok(seed)) = (
        arguments.next().unwrap_or(Ok(5)),
        arguments.next().unwrap_or_else(|| Ok(seed_from_clock())),
    ) else {
        eprintln!("usage: fuzz_notebook [SECONDS] [SEED]");
        return ExitCode::from(2);
    };
    let mut random = Random(seed | 1);
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut ported, mut refused, mut unreadable) = (0_u64, 0_u64, 0_u64);
    while Instant::now() < end {
        let text = mutated(&mut random);
        match std::panic::catch_unwind(|| check(&text)) {
            Ok(Outcome::Ported) => ported += 1,
            Ok(Outcome::Refused) => refused += 1,
            Ok(Outcome::Unreadable) => unreadable += 1,
            Err(_) => {
                eprintln!("from seed {seed}, this notebook:\n{text}");
                return ExitCode::FAILURE;
            }
        }
    }
    println!(
        "{ported} notebooks ported, {refused} refused and {unreadable} unreadable in {seconds} s from seed {seed}, and every promise kept"
    );
    ExitCode::SUCCESS
}

enum Outcome {
    Ported,
    Refused,
    Unreadable,
}

fn check(text: &str) -> Outcome {
    let input = PortInput {
        notebook: text,
        file_name: "fuzzed.ipynb",
        folder: Path::new("/home/ada"),
        libraries: "vendor",
    };
    match (port(&input), port(&input)) {
        (Ok(one), Ok(other)) => {
            assert_eq!(one.generated, other.generated, "the same notebook gives the same bytes");
            Outcome::Ported
        }
        (Err(PortError::Refused(one)), Err(PortError::Refused(other))) => {
            assert_eq!(one, other, "the same notebook gives the same report");
            assert!(!one.refusals.is_empty(), "a refusal has a reason");
            for refusal in &one.refusals {
                let place = refusal.place.as_ref();
                assert!(
                    place.is_none_or(|place| place.line > 0 && place.column > 0),
                    "{refusal}"
                );
                assert!(!refusal.message.is_empty(), "a reason is said");
            }
            Outcome::Refused
        }
        (Err(PortError::Notebook(_)), Err(PortError::Notebook(_))) => Outcome::Unreadable,
        (one, other) => panic!("the same notebook gives {:?} and {:?}", one.err(), other.err()),
    }
}

/// A notebook of the corpus with a few changes. Most keep it one.
fn mutated(random: &mut Random) -> String {
    let mut text = CORPUS[random.below(CORPUS.len())].to_owned();
    let pieces: Vec<&str> = PIECES.split('|').collect();
    for _ in 0..=random.below(5) {
        let starts: Vec<usize> = text.match_indices("\\n").map(|(at, _)| at).collect();
        let boundary = |mut at: usize| {
            while !text.is_char_boundary(at) {
                at += 1;
            }
            at
        };
        let start = match random.below(4) {
            0 => boundary(random.below(text.len() + 1)),
            _ => starts.get(random.below(starts.len() + 1)).copied().unwrap_or(0),
        };
        let end = boundary((start + random.below(8) * random.below(3)).min(text.len()));
        text.replace_range(start..end, pieces[random.below(pieces.len())]);
    }
    text
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
}
