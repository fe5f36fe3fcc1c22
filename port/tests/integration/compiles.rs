//! The crate compiles against the real libraries, without warnings, and says what is wrong at the notebook's places.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pipulate_port::{Diagnostic, PortInput, Ported, port};

use super::support::{Fixture, hello};

/// The checkout, whose libraries the crates link.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Ports a notebook, and lets the compiler check the crate. Gives what it says, and whether it is content.
fn check(name: &str, fixture: &Fixture) -> (Ported, Vec<Diagnostic>, bool) {
    let workspace = workspace();
    let ported = port(&PortInput {
        notebook: &fixture.text(),
        file_name: &format!("{name}.ipynb"),
        folder: &workspace,
        libraries: workspace.to_str().unwrap(),
    })
    .unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("port-compiles-{name}"));
    for (path, text) in &ported.generated.files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    // The versions and the profile of the checkout, so that what it has compiled is used.
    fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let root: toml::Table = fs::read_to_string(workspace.join("Cargo.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let profile = toml::to_string(&toml::Table::from_iter([(
        "profile".to_owned(),
        root["profile"].clone(),
    )]))
    .unwrap();
    let manifest = folder.join("Cargo.toml");
    let own = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, format!("{own}\n{profile}")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args([
            "check",
            "--all-targets",
            "--offline",
            "--message-format=json",
            "--manifest-path",
        ])
        .arg(&manifest)
        .env(
            "CARGO_TARGET_DIR",
            Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap(),
        )
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let of_port = |line: &&str| !line.contains("\"compiler-message\"") || line.contains("port-compiles-");
    let told: Vec<Diagnostic> = lines
        .lines()
        .filter(of_port)
        .filter_map(|line| ported.translator.translate(line))
        .collect();
    let is_content = output.status.success();
    assert!(
        is_content || !told.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (ported, told, is_content)
}

fn rendered(told: &[Diagnostic]) -> String {
    told.iter()
        .map(|diagnostic| diagnostic.rendered.as_str())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_port_compiles_without_warnings() {
    let everything = hello()
        .code("fn job() -> u8 { 1 }\nmod steps { pub fn f() {} }\ntype Result<T> = std::result::Result<T, MyError>;\n#[derive(Debug)]\nstruct MyError;\n#[derive(Debug)]\nstruct Shown;\nimpl std::error::Error for Shown {}\nimpl fmt::Display for Shown {\n    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { Ok(()) }\n}\nfn fails() -> Result<()> { Err(MyError) }\nfn shown() -> std::result::Result<u8, Shown> { Err(Shown) }\nmacro_rules! twice { ($e:expr) => { $e * 2 } }\nstruct Pip; struct Job; struct StepError;\nasync fn later() -> u8 { 2 }")
        .code("let (a, b): (i32, Option<Vec<String>>) = %pip_get pair --default (1, None);\n%pip_set x = twice!(a) + job() as i32\nif a > 1 {\n    %pip_set y = {\"a\": [1, null]}\n}\nfails()?;\nshown()?;\nsteps::f();\na")
        .code("%%pip_step awaited\n\"5\".parse::<i32>()?;\nlet n = later().await;\nn + 1")
        .code("let other: Guest = %pip_input other --default Guest { name: name.clone(), age: later().await };\nlet token: String = %pip_input token --secret;\n%pip_set z = other.age + token.len() as u8\n%time later().await")
        .code("%%pip_step last\npipulate::display_html(\"<b>x</b>\");\nlet c = || token.len();\n%time c()")
        .code("mod deep {\n    pub mod er { #[derive(Debug)] pub enum Worse { A } pub struct Plain; }\n    #[derive(Debug)] pub(super) struct Shown2;\n    impl std::fmt::Display for Shown2 {\n        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { Ok(()) }\n    }\n}\nfn worse() -> std::result::Result<u8, deep::er::Worse> { Err(deep::er::Worse::A) }\nfn shown2() -> std::result::Result<u8, deep::Shown2> { Err(deep::Shown2) }")
        .code("%%pip_step deeply\nworse()?;\nshown2()?")
        .code("let a1: Vec<u8> = %pip_input a1 --default Vec::new();\nlet b1: Option<String> = %pip_input b1 --default None;\nlet c1: f64 = %pip_input c1 --default Default::default();\nlet d1: u64 = %pip_input d1 --default \"12\".parse()?;\nlet e1 = %pip_input e1 --default \"e\".into();\nlet f1: std::collections::BTreeMap<String, Vec<u8>> = %pip_input f1 --default [(\"f\".to_owned(), vec![1u8])].into();\n%pip_set g1 = d1")
        .code("println!(\"only told\");\n%pip_set told --job elsewhere = 1\n%pip_set w = 1");
    let (_, told, is_content) = check("everything", &everything);
    assert!(is_content && told.is_empty(), "{}", rendered(&told));
}

#[test]
fn a_port_of_names_that_are_ours_compiles() {
    let names = Fixture::of(&[
        "mod pipulate { pub fn f() -> u8 { 1 } }\nmod std {}\nmod core {}\nfn pipulate_server() {}\nstruct Some;\nstruct Workflow;\nstruct String(u8);\nfn main() {}\nfn step() -> u8 { 2 }",
        "%%pip_step crate\nlet _some = Some;\npipulate::f() + step()",
        "let r#type: u8 = %pip_input type --default 1;",
        "%pip_set main = {\"x\": 1}\nformat!(\"{type}\")",
        "%%pip_step \"日本 */ \\ {y}\"\nmain();\nr#type",
    ]);
    let (_, told, is_content) = check("names", &names);
    assert!(is_content && told.is_empty(), "{}", rendered(&told));
}

#[test]
fn a_port_compiles_whatever_the_notebook_calls_its_own() {
    let names = Fixture::of(&[
        "mod pipulate_server {}\nmod serde_json {}\nmod std {}\nmod rustfmt {}\nfn Ok(n: u8) -> u8 { n }\nfn Some(n: u8) -> u8 { n }\nconst None: u8 = 0;\n\
         struct String;\ntype Vec = ();\nstruct Option;\nstruct Box;\nmacro_rules! format { () => {} }\nmacro_rules! vec { () => {} }\nmacro_rules! println { ($e:expr) => { () } }",
        "let key = %pip_input key --secret\nlet name = %pip_input name --default ::std::convert::Into::into(\"Ada\");\n%pip_set length = Ok(1) as usize + name.len() + key.len()\nname",
        "async fn later() -> u8 { 1 }",
        "%%pip_step sum\nlet n: usize = %pip_get length --default 2 + later().await as usize\nlet m: usize = %pip_get length --default \"2\".parse()?\nlater().await;\n%time n + m + Some(None) as usize + key.len()",
        "%%time\nlet more: u8 = %pip_get more --default 7\n%pip_set rest = [1]\nmore",
    ]);
    let (_, told, is_content) = check("taken", &names);
    assert!(is_content && told.is_empty(), "{}", rendered(&told));

    let variants = Fixture::of(&[
        "mod signs { pub enum Sign { Ok(u8), Err, Some, None } pub mod pipulate {} pub mod pipulate_server {} pub fn Result() {} pub use Sign::*; }\nuse signs::*;",
        "%%pip_step sign\nlet n: u8 = %pip_get n --default \"1\".parse()?;\nmatch Ok(n) { Ok(n) => n, Err | Some | None => 1 }",
        "let asked: u8 = %pip_input asked --default 1;\n%pip_set twice = asked * 2\nasked",
    ]);
    let (_, told, is_content) = check("variants", &variants);
    assert!(is_content && told.is_empty(), "{}", rendered(&told));
}

#[test]
fn errors_with_parameters_are_reported() {
    let errors = Fixture::of(&[
        "use std::fmt::{self, Debug, Display};\n#[derive(Debug)]\nstruct Bad<T>(T);\n#[derive(Debug)]\nenum Unfit<'a, T: Copy = u8, const N: usize = 1> where T: Send { A(&'a [T; N]) }\n\
         #[derive(Debug)]\nstruct Told<T>(T);\nimpl<T: Display> Display for Told<T> {\n    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }\n}\n\
         struct Own<'a>(&'a str);\nimpl<'a> Debug for Own<'a> {\n    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.0) }\n}\n\
         mod deep { #[derive(Debug)] pub struct Deep<'a, T>(pub &'a T); }\n\
         fn bad() -> Result<u8, Bad<Vec<u8>>> { Err(Bad(vec![1])) }\nfn unfit(n: &[u16; 2]) -> Result<u8, Unfit<'_, u16, 2>> { Err(Unfit::A(n)) }\n\
         fn told() -> Result<u8, Told<u8>> { Err(Told(1)) }\nfn own(text: &str) -> Result<u8, Own<'_>> { Err(Own(text)) }\nfn deep(n: &u8) -> Result<u8, deep::Deep<'_, u8>> { Err(deep::Deep(n)) }",
        "%%pip_step all\nbad()?;\nlet n = [1, 2];\nunfit(&n)?;\ntold()?;\nlet text = String::from(\"a\");\nown(&text)?;\ndeep(&1)?",
    ]);
    let (_, told, is_content) = check("errors", &errors);
    assert!(is_content && told.is_empty(), "{}", rendered(&told));
}

#[test]
fn items_without_a_name_are_items_of_the_crate() {
    let items = Fixture::of(&[
        "extern crate alloc;\nextern crate std;\nextern crate core as base;\nuse std::cell::Cell;\nuse alloc::collections::BTreeSet;",
        "#[macro_export]\nmacro_rules! items { ($name:ident) => { pub fn made() -> u8 { 9 } pub struct $name; } }\nmod made { use super::*; crate::items! { Round } }\nuse made::*;",
        "extern crate alloc;\nthread_local! {\n    static SEEN: Cell<u8> = const { Cell::new(1) };\n    /// More.\n    pub static NAME: Cell<&'static str> = Cell::new(\"a\")\n}",
        "let start: u8 = %pip_input start;\nstd::thread_local!(static LATER: Cell<u8> = Cell::new(base::mem::size_of::<u8>() as u8));\nSEEN.set(start);\n%pip_set seen = SEEN.get() + LATER.get()",
        "%%pip_step sum\nthread_local! { static OWN: Cell<u8> = Cell::new(1) }\nlet all: BTreeSet<u8> = alloc::vec![SEEN.get(), LATER.get(), OWN.get()].into_iter().collect();\nlet Round = Round;\nall.len() + NAME.get().len() + made() as usize",
    ]);
    let (_, told, is_content) = check("items", &items);
    assert!(is_content && told.is_empty(), "{}", rendered(&told));
}

#[test]
fn what_does_not_compile_is_shown_in_its_cell() {
    let wrong = Fixture::of(&[
        "fn twice(n: i32) -> i32 {\n    n * 2\n}",
        "let n: i32 = %pip_input n;\n%pip_set double = twice(\"3\") + n\n",
        "%%pip_step sum\nlet d: Vec<Unknown> = %pip_get double;\nd.len()",
    ]);
    let (_, told, is_content) = check("wrong", &wrong);
    assert!(!is_content);
    let places: Vec<(usize, usize, usize)> = told
        .iter()
        .filter_map(|diagnostic| diagnostic.place)
        .map(|place| (place.cell.number, place.line, place.column))
        .collect();
    assert!(places.contains(&(2, 2, 25)), "{}", rendered(&told));
    assert!(places.contains(&(3, 2, 12)), "{}", rendered(&told));
    assert!(
        rendered(&told).contains("2 | %pip_set double = twice(\"3\") + n"),
        "{}",
        rendered(&told)
    );
}

#[test]
fn a_steps_value_that_borrows_is_told_so() {
    let borrows = Fixture::of(&[
        "let name: String = %pip_input name;",
        "%%pip_step reloaded\nname.trim()",
        "%%pip_step bound\nlet bound = String::from(\" a \");\nvec![bound.trim()]",
        "%%pip_step inner\nlet r;\n{ let s = 5; r = &s; }\nr + 1",
    ]);
    let (_, told, is_content) = check("borrows", &borrows);
    assert!(!is_content);
    let helped = |cell: usize| {
        let of_cell = told
            .iter()
            .filter(|told| told.place.is_some_and(|place| place.cell.number == cell));
        of_cell
            .map(|told| told.rendered.contains("`.to_owned()`"))
            .collect::<Vec<_>>()
    };
    for (cell, expected) in [(2, true), (3, true), (4, false)] {
        assert!(!helped(cell).is_empty(), "{cell}");
        assert!(
            helped(cell).iter().all(|helped| *helped == expected),
            "{cell}: {}",
            rendered(&told)
        );
    }
}
