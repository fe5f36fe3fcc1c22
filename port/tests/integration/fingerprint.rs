//! The fingerprint of a step: what changes it, and that both ways to it agree.

use std::collections::BTreeMap;

use pipulate::cell::parse;
use pipulate_port::analysis::{CellLabel, Definitions, Reach as _, Source, analyse, fingerprint};
use pipulate_port::lower;

use crate::support::{Fixture, file, hello};

const ITEMS: &str = "use serde::Serialize;
use std::fmt::{self, Display};
use shapes::*;
const LIMIT: usize = 10;
static NAMES: [&str; 2] = [\"a\", \"b\"];
macro_rules! twice { ($x:expr) => { $x + unit() } }
fn unit() -> usize { 1 }
#[derive(Serialize)]
struct Order { lines: Vec<Line> }
struct Line { price: f64 }
impl Order { fn total(&self) -> f64 { self.lines.iter().map(|line| line.price).sum() } }
impl Display for Order { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, \"{}\", self.total()) } }
trait Shout { fn shout(&self) -> String; }
impl Shout for str { fn shout(&self) -> String { self.to_uppercase() } }
fn elsewhere() -> u8 { 7 }
struct Other;
impl Other { fn new() -> Self { Other } }
";

const DEPENDENCIES: &str = ":dep serde = { version = \"1\", features = [\"derive\"] }\n:dep rand = \"0.9\"\n";

const BODY: &str = "let order: Order = job.require(\"order\")?;
let limit = twice!(LIMIT);
let text = format!(\"{order} {LIMIT}\").as_str().shout();
Ok(text.len() + limit)";

fn definitions(cells: &[&str]) -> Definitions {
    let mut definitions = Definitions::new();
    for (index, text) in cells.iter().enumerate() {
        let analysis = analyse(&parse(text)).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        definitions.add(&index.to_string(), CellLabel::number(index + 1), &analysis);
    }
    definitions
}

fn of(body: &str, cells: &[&str]) -> String {
    fingerprint(body, &definitions(cells))
}

/// The fingerprint with one text in the place of another.
fn changed(from: &str, to: &str) -> String {
    let replaced = |text: &str| text.replacen(from, to, 1);
    let whole = format!("{DEPENDENCIES}{ITEMS}{BODY}");
    assert!(whole.contains(from), "{from}");
    of(&replaced(BODY), &[&replaced(DEPENDENCIES), &replaced(ITEMS)])
}

fn original() -> String {
    of(BODY, &[DEPENDENCIES, ITEMS])
}

#[test]
fn both_ways_agree() {
    let manifest = "[package]\nname = \"orders\"\n\n[dependencies]\npipulate = { path = \"../core\" }\nrand = \"0.9\"\n\
                    serde = { features = [\"derive\"], version = \"1\" }\n";
    let steps = format!(
        "//! The steps.\nuse super::*;\n\n#[rustfmt::skip]\npub fn step_01_text(pip: Pip, job: Job) -> Result<usize, StepError> {{\n    \
         // Cell 3\n    {BODY}\n}}\n\npipulate_server::report_by_debug!(Order);\n"
    );
    let cells = format!("// Cell 2\n#![allow(unused)]\n{ITEMS}\npub mod steps;\n");
    let cells = cells.replace("#![allow(unused)]\n", "");
    let source = Source::parse(&cells, &steps, manifest).unwrap();
    assert_eq!(source.fingerprint("step_01_text").unwrap(), original());
    assert_eq!(source.fingerprint("step_02"), None);
    assert_eq!(source.functions().collect::<Vec<_>>(), ["step_01_text"]);

    // Renaming the function is nothing, a change by hand is.
    let renamed = Source::parse(&cells, &steps.replace("step_01_text", "step_07_title"), manifest).unwrap();
    assert_eq!(renamed.fingerprint("step_07_title").unwrap(), original());
    let by_hand = Source::parse(&cells.replace("= 10", "= 11"), &steps, manifest).unwrap();
    assert_ne!(by_hand.fingerprint("step_01_text").unwrap(), original());
}

/// The fingerprints of a notebook's step cells, as a kernel computes them that runs the cells from top to bottom.
fn executed(notebook: &Fixture) -> BTreeMap<String, String> {
    let mut definitions = Definitions::new();
    let mut found = BTreeMap::new();
    for (index, text) in notebook.sources().iter().enumerate() {
        let cell = parse(text);
        // Markdown is no code, and what does not parse has not run.
        let Ok(analysis) = analyse(&cell) else { continue };
        let id = index.to_string();
        definitions.add(&id, CellLabel::execution(index), &analysis);
        let Some(step) = &analysis.step else { continue };
        let resolution = definitions.resolve(&analysis);
        assert_eq!(resolution.untracked, []);
        let known = definitions.known();
        let is_item = |name: &str| known.items.iter().any(|item| item.defines(name));
        let body = lower(&cell, &analysis, &resolution, &is_item).body;
        found.insert(
            step.step.text.clone(),
            fingerprint(body.as_str(), &definitions.for_step(&id)),
        );
    }
    found
}

/// The same from the crate that the notebook is ported to.
fn ported(notebook: &Fixture) -> BTreeMap<String, String> {
    let ported = notebook.port();
    let [cells, steps, manifest] =
        ["src/cells.rs", "src/cells/steps.rs", "Cargo.toml"].map(|path| file(&ported, path).to_owned());
    let source = Source::parse(&cells, &steps, &manifest).unwrap();
    let steps = ported.report.steps.iter();
    steps
        .map(|step| (step.name.clone(), source.fingerprint(&step.function).unwrap()))
        .collect()
}

#[test]
fn a_kernel_and_a_ported_crate_agree() {
    let orders = Fixture::of(&[
        "%pip_job orders-01 --workflow orders",
        ":dep serde = { version = \"1\", features = [\"derive\"] }\n:dep tokio = { features = [\"time\", \"rt\"], version = \"1\" }\n\
         use serde::{Deserialize, Serialize};\nuse std::collections::BTreeMap;",
        "/// One order.\n#[derive(Serialize, Deserialize)]\npub struct Order { /// What for.\n title: String, price: f64 }\n\
         impl Order { fn tax(&self) -> f64 { self.price * TAX } }\nconst TAX: f64 = 0.2;",
        "let count: u32 = %pip_input count \"How many?\" --default 3",
        "let rate: f64 = %pip_get rate --default TAX * 2.0;\nlet label = String::from(\"a\");\n%pip_set label = label",
        "%%pip_step orders \"The orders\"\n// all of them\nlet orders: Vec<Order> = (0..count)\n    \
         .map(|n| Order { title: format!(\"{label} {n}\"), price: rate }).collect();\norders",
        "macro_rules! sum { ($orders:expr) => { $orders.iter().map(|order| order.tax()).sum::<f64>() } }",
        "%%pip_step total\n:dep rand = \"0.9\"\nlet orders: Vec<Order> = %pip_get orders;\nlet job = sum!(orders);\n\
         tokio::task::yield_now().await;\n%pip_set job = job\njob + rand::random::<f64>() + \"1\".parse::<f64>()?",
        "// Comes after the steps, and matters to none of them.\nuse std::fmt::*;\nimpl Display for Order {\n    \
         fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result { f.write_str(&self.title) }\n}\ntrait Tax { fn tax(&self); }",
    ]);
    let names = Fixture::of(&[
        "fn Ok(n: u8) -> u8 { n }\nstruct String;\nmod pipulate_server {}\nextern crate alloc;\nthread_local! { static SEEN: u8 = const { 1 } }",
        "let key = %pip_input key --secret",
        "%%pip_step all\nlet n: u8 = %pip_get n --default \"1\".parse()?\nSEEN.with(|seen| *seen) + n + key.len() as u8",
        "use rand::prelude::*;\nfn Some() {}",
    ]);
    for (notebook, steps) in [(orders, 2), (hello(), 1), (names, 1)] {
        let executed = executed(&notebook);
        assert_eq!(executed.len(), steps);
        let ported = ported(&notebook);
        for (step, fingerprint) in executed {
            assert_eq!(ported[&step], fingerprint, "{step}");
        }
    }
}

#[test]
fn each_thread_local_is_reached_by_its_name() {
    let with = |value: &str| {
        format!("thread_local! {{ static A: u8 = {value}; static B: u8 = 2 }}\nfn b() -> u8 {{ B.get() }}")
    };
    for reaches in ["A.get()", "b()"] {
        assert_ne!(of(reaches, &[&with("1")]), of(reaches, &[&with("3")]), "{reaches}");
    }
    assert_eq!(of("c()", &[&with("1")]), of("c()", &[&with("3")]));
    assert_ne!(of("A.get()", &[&with("1")]), of("A.get()", &[]));
}

#[test]
fn full_paths_of_generated_code_do_not_count() {
    assert_eq!(
        of("::std::result::Result::Ok(::pipulate_server::secret(\"a\")?)", &[]),
        of("Ok(pipulate_server::secret(\"a\")?)", &[])
    );
}

#[test]
fn a_steps_own_dependencies_count() {
    let of = |version: &str| {
        let mut definitions = Definitions::new();
        let cell = format!("%%pip_step a\n:dep rand = \"{version}\"\nrand::random::<u8>()");
        definitions.add("a", CellLabel::number(1), &analyse(&parse(&cell)).unwrap());
        fingerprint("rand::random::<u8>()", &definitions.for_step("a"))
    };
    assert_ne!(of("0.8"), of("0.9"));
}

#[test]
fn a_source_that_does_not_parse_is_a_fault_with_its_line() {
    let fault = |cells, steps, manifest| Source::parse(cells, steps, manifest).unwrap_err().to_string();
    assert_eq!(
        fault("fn f() {}\nfn g( {}", "", ""),
        "src/cells.rs:2: `(` is not closed."
    );
    assert_eq!(
        fault("", "\n\nlet a = 1;", ""),
        "src/cells/steps.rs:3: `let` cannot stand here."
    );
    assert!(fault("", "", "a = 1\n[dependencies").starts_with("Cargo.toml:2: "));
}

#[test]
fn what_does_not_count() {
    for (from, to) in [
        ("fn unit", "/// One.\n// really\npub(crate) fn unit"),
        ("fn unit() -> usize { 1 }", "fn unit( )->usize\n{\n    1 }"),
        (
            "struct Line { price",
            "#[allow(dead_code)]\nstruct Line { /// In euros.\n price",
        ),
        (
            "let limit = twice!(LIMIT);",
            "/* the limit */ let limit\n= twice!( LIMIT );",
        ),
        ("use std::fmt::{self, Display};", "use std::fmt; use std::fmt::Display;"),
        // What no step reaches.
        ("{ 7 }", "{ 8 }"),
        ("struct Other;", "struct Other { x: u8 }"),
        ("Self { Other }", "Self { let _ = 1; Other }"),
        ("\"b\"]", "\"c\"]"),
        ("rand = \"0.9\"", "rand = \"0.8\""),
        (
            ":dep serde = { version = \"1\", features = [\"derive\"] }",
            ":dep serde = {features=[\"derive\"],version=\"1\"}",
        ),
    ] {
        assert_eq!(changed(from, to), original(), "{from} -> {to}");
    }
}

#[test]
fn what_counts() {
    for (from, to) in [
        ("Ok(text.len() + limit)", "Ok(text.len() - limit)"),
        ("require(\"order\")", "require(\"orders\")"),
        // A constant, a macro, a function that only the macro names, a type that only another names.
        ("usize = 10", "usize = 11"),
        ("$x + unit()", "$x * unit()"),
        ("usize { 1 }", "usize { 2 }"),
        ("price: f64", "price: f32"),
        // Both kinds of `impl`s of a type, and that of a trait which only a method's name reaches.
        (".sum()", ".product()"),
        ("write!(f, \"{}\"", "write!(f, \"{:?}\""),
        ("self.to_uppercase()", "self.to_lowercase()"),
        // An attribute that works, an import that brings a name, one that may bring any, and a crate that an import names.
        ("#[derive(Serialize)]", "#[derive(Serialize, Clone)]"),
        ("use serde::Serialize;", "use serde_derive::Serialize;"),
        ("use shapes::*;", "use forms::*;"),
        ("version = \"1\"", "version = \"1.2\""),
        ("[\"derive\"]", "[\"derive\", \"rc\"]"),
    ] {
        assert_ne!(changed(from, to), original(), "{from} -> {to}");
    }
}

#[test]
fn neither_order_nor_cells_count() {
    let items: Vec<&str> = ITEMS.lines().collect();
    let mut reversed: Vec<String> = Vec::new();
    // The attribute goes with its item.
    for (index, line) in items.iter().enumerate() {
        if line.starts_with("#[") {
            continue;
        }
        let before = index
            .checked_sub(1)
            .map(|before| items[before])
            .filter(|before| before.starts_with("#["));
        reversed.push(format!("{}\n{line}", before.unwrap_or_default()));
    }
    reversed.reverse();
    let mut cells: Vec<&str> = reversed.iter().map(String::as_str).collect();
    cells.push(DEPENDENCIES);
    assert_eq!(of(BODY, &cells), original());
}

#[test]
fn the_latest_definition_counts() {
    let unit = "fn unit() -> usize { 2 }";
    assert_eq!(
        of(BODY, &[DEPENDENCIES, ITEMS, unit]),
        of(BODY, &[DEPENDENCIES, &ITEMS.replace("usize { 1 }", "usize { 2 }")])
    );
    // An `impl` takes the place of that of the same trait for the same type.
    let display = "impl Display for Order { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(\"order\") } }";
    let once = ITEMS
        .lines()
        .filter(|line| !line.starts_with("impl Display"))
        .collect::<Vec<_>>()
        .join("\n");
    assert_eq!(
        of(BODY, &[DEPENDENCIES, ITEMS, display]),
        of(BODY, &[DEPENDENCIES, &once, display])
    );
    assert_ne!(of(BODY, &[DEPENDENCIES, ITEMS, display]), original());
    // A type that is defined again without its `impl`s has none.
    assert_eq!(
        of("S::f()", &["struct S; impl S { fn f() {} }", "struct S;"]),
        of("S::f()", &["struct S;"])
    );
    // The items of a step stay inside it.
    assert_eq!(of("f()", &["%%pip_step a\nfn f() {}\n1"]), of("f()", &[]));
}

#[test]
fn cells_below_a_step_do_not_make_it_stale() {
    let items = "struct Order; trait Shout { fn shout(&self); }";
    let body = "Order.show()";
    let later = "use std::io::*; impl Order { fn more() {} } trait Show { fn show(&self); } impl Show for Order { fn show(&self) {} }";
    let mut cells = definitions(&[items]);
    let add = |cells: &mut Definitions, id: &str, text: &str| {
        cells.add(id, CellLabel::number(1), &analyse(&parse(text)).unwrap());
    };
    let before = fingerprint(body, &cells.for_step("step"));
    add(&mut cells, "step", "%%pip_step a\nOrder.show()");
    add(&mut cells, "later", later);
    assert_eq!(fingerprint(body, &cells.for_step("step")), before);
    assert_ne!(fingerprint(body, &cells.for_step("another")), before);
    // Cells keep their places when they run again, and what is changed above counts.
    add(&mut cells, "0", items);
    add(&mut cells, "step", "%%pip_step a\nOrder.show()");
    assert_eq!(fingerprint(body, &cells.for_step("step")), before);
    add(&mut cells, "0", "struct Order { x: u8 }");
    assert_ne!(fingerprint(body, &cells.for_step("step")), before);

    // What is named counts wherever it stands, and brings its own along.
    let named = "New.run()";
    let mut cells = definitions(&[]);
    add(&mut cells, "step", "%%pip_step a\n1");
    add(&mut cells, "later", "struct New; impl New { fn run(&self) {} }");
    let first = fingerprint(named, &cells.for_step("step"));
    add(&mut cells, "later", "struct New; impl New { fn run(&self) { go() } }");
    assert_ne!(fingerprint(named, &cells.for_step("step")), first);

    // The same in a generated crate.
    let source = |cells: &str| {
        let steps = format!("use super::*;\n\n// Cell 4\n#[rustfmt::skip]\npub fn step() {{ {body} }}\n");
        Source::parse(&format!("{cells}\npub mod steps;\n"), &steps, "")
            .unwrap()
            .fingerprint("step")
            .unwrap()
    };
    assert_eq!(source(&format!("// Cell 2\n{items}\n")), before);
    assert_eq!(source(&format!("// Cell 2\n{items}\n\n// Cell 5\n{later}\n")), before);
    assert_ne!(source(&format!("// Cell 2\n{items}\n\n// Cell 3\n{later}\n")), before);
}

#[test]
fn names_are_reached_in_every_way() {
    for (item, body) in [
        ("const WIDTH: usize = 1;", "format!(\"{:>WIDTH$}\", x)"),
        ("fn pick() {}", "xs.sort_by_key(pick)"),
        ("fn pick() {}", "some::macro_of!(a => pick)"),
        (
            "fn port() -> u8 { 1 }",
            "struct C { #[serde(default = \"port\")] p: u8 }",
        ),
        ("mod shapes { pub fn area() {} }", "shapes::area()"),
        ("mod shapes { pub fn area() {} }", "use shapes::area; area()"),
        ("enum E { A, B }", "match e { E::A => 1, _ => 2 }"),
        ("const LIMIT: u8 = 1;", "match e { LIMIT => 1, _ => 2 }"),
        ("type Money = f64;", "let x: Vec<Money> = vec![];"),
        ("trait Area { const SIDES: u8; }", "Square::SIDES"),
        ("static mut COUNT: u8 = 1;", "unsafe { COUNT += 1 }"),
        ("union U { a: u8 }", "U { a: 1 }"),
        ("extern \"C\" { fn abs(x: i32) -> i32; }", "1"),
        ("use std::io::Write as _;", "1"),
    ] {
        let with = of(body, &[item]);
        assert_ne!(with, of(body, &[]), "{item} by {body}");
    }
    for (item, body) in [
        ("fn pick() {}", "x.pick()"),
        ("fn pick() {}", "x.pick"),
        ("fn pick() {}", "let pick = 1; pick"),
        ("fn pick() {}", "\"pick\""),
        ("const LIMIT: u8 = 1;", "\"{LIMIT}\".len()"),
        (
            "struct A; impl From<u8> for A { fn from(x: u8) -> A { A } }",
            "u8::from(1)",
        ),
    ] {
        assert_eq!(of(body, &[item]), of(body, &[]), "{item} by {body}");
    }
}

#[test]
fn a_fingerprint_is_made_of_anything() {
    let all: Vec<String> = [
        "",
        "(",
        "1 2",
        "\u{feff}",
        "'",
        &"(".repeat(10_000),
        "a + b",
        "a+b",
        "a + c",
    ]
    .iter()
    .map(|body| of(body, &["fn a() {}"]))
    .collect();
    for one in &all {
        assert!(one.len() == 32 && one.chars().all(|digit| digit.is_ascii_hexdigit()));
    }
    assert_eq!(all[6], all[7]);
    assert_ne!(all[6], all[8]);
}
