//! What cells become.

use pipulate::cell::parse;

use super::lower;

fn lowered(text: &str) -> String {
    lower(&parse(text), &|_| false).unwrap().code.lowered().to_owned()
}

/// The code with each anchor as a `§` and a number, the same for the same.
fn anchored(texts: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    texts
        .iter()
        .map(|text| {
            let mut code = lowered(text);
            while let Some(at) = code.find("const PIPULATE_IMPL_") {
                let end = at + code[at..].find("; ").unwrap() + 2;
                let anchor = code[at..end].to_owned();
                if !names.contains(&anchor) {
                    names.push(anchor.clone());
                }
                let number = names.iter().position(|name| *name == anchor).unwrap() + 1;
                code = code.replacen(&anchor, &format!("§{number} "), 1);
            }
            code
        })
        .collect()
}

#[test]
fn an_impl_has_a_name_to_be_replaced_by() {
    let cells = anchored(&[
        "// new\nimpl T for U { fn t() {} }\nimpl<A> B<A> for U {}",
        "use x::y;\nimpl T for U { fn t() { y() } }",
        "impl U { fn a() {} }",
        "impl U { fn b() {} }",
        "impl U { fn a() { b() } fn c() {} }",
        "struct U;\nimpl T for U {}",
        "impl T for V {} impl T for V {}",
    ]);
    assert_eq!(
        cells,
        [
            "// new\n§1 impl T for U { fn t() {} }\n§2 impl<A> B<A> for U {}",
            "use x::y;\n§1 impl T for U { fn t() { y() } }",
            "§3 impl U { fn a() {} }",
            "§4 impl U { fn b() {} }",
            "§3 impl U { fn a() { b() } fn c() {} }",
            "struct U;\nimpl T for U {}",
            "§5 impl T for V {} §6 impl T for V {}",
        ]
    );
}

#[test]
fn a_crate_of_the_compilers_own_is_no_dependency() {
    for (text, expected) in [
        ("extern crate std;\nextern crate core;\n1", "\n\n1"),
        ("extern crate alloc as _;", ""),
        (
            "#[macro_use]\nextern crate\nalloc;\n1",
            "#[macro_use]\nmod pipulate_crate_alloc { pub extern crate alloc as alloc; } use pipulate_crate_alloc::alloc;\n\n1",
        ),
        (
            "extern crate core as base;",
            "mod pipulate_crate_base { pub extern crate core as base; } use pipulate_crate_base::base;",
        ),
        ("extern crate serde;", "extern crate serde;"),
    ] {
        assert_eq!(lowered(text), expected);
    }
}

#[test]
fn thread_locals_are_items() {
    let module = |text: &str| {
        let code = lowered(text);
        let at = code.find("pipulate_locals_").unwrap();
        code.replace(&code[at..at + 32], "§")
    };
    assert_eq!(
        module("let a = 1;\nthread_local! {\n    static A: u8 = 1;\n    pub static B: u8 = 2;\n}\n%pip_get a"),
        "let a = 1;\nmod § { #[allow(unused_imports)] use super::*; thread_local! {\n    pub static A: u8 = 1;\n    pub static B: u8 = \
         2;\n} } pub use §::{A, B};\n::pipulate::runtime::magic(\"%pip_get a\");"
    );
    assert_eq!(
        module("thread_local!(static A: u8 = 1);"),
        "mod § { #[allow(unused_imports)] use super::*; thread_local!(pub static A: u8 = 1); } pub use §::{A};"
    );
}

#[test]
fn a_byte_order_mark_is_not_for_the_compiler() {
    assert_eq!(lowered("\u{feff}1 + 1"), "1 + 1");
    assert_eq!(lowered("\u{feff}:dep a\n1"), ":dep a\n1");
}

#[test]
fn help_is_shown_amid_rust_too() {
    let code = lowered("%pip_set --help\nlet a = 1;");
    assert!(
        code.contains("::pipulate::runtime::magic(\"%pip_set --help\");"),
        "{code}"
    );
    let error = lower(&parse("let a: i32 = %pip_get --help;"), &|_| false).unwrap_err();
    assert_eq!(
        (error.ename.as_str(), error.evalue.as_str()),
        ("Usage", "`--help` gives no value: it shows how `%pip_get` is written.")
    );
}

#[test]
fn rust_that_begins_like_a_command_is_rust() {
    for (text, expected) in [
        ("::std::process::id()", "(); ::std::process::id()"),
        ("\n  // note\n ::a::b();", "(); \n  // note\n ::a::b();"),
        ("  !true", "(); !true"),
        ("#![allow(x)]\n::a()", "#![allow(x)]\n(); ::a()"),
        (":dep x\na()", ":dep x\na()"),
        ("-1", "-1"),
    ] {
        assert_eq!(lowered(text).replace("();   !", "(); !"), expected, "{text:?}");
    }
}

#[test]
fn clearing_is_not_left_to_the_engine() {
    assert_eq!(lowered(":dep x\n:clear all\n!ls\na()"), ":dep x\n\n\na()");
    assert_eq!(lowered(":clear_cache\n:clear"), ":clear_cache\n");
}

#[test]
fn only_what_uses_job_or_pip_binds_them() {
    for text in [
        "let s = \"job is here\"; // pip",
        "/* job */ let n = r#\"job\"#;",
        "x.job(a::pip())",
        "m!(\"{{job}}\")",
        "fn job() {}",
        "let s = '\"'; // job",
    ] {
        assert!(!lowered(text).contains("bind!"), "{text}");
    }
    for (text, names) in [
        ("job.key()", "job"),
        ("println!(\"{job:?}\")", "job"),
        ("pip.jobs(&f)?; job.undo()?", "job pip"),
        ("%pip_set a = job.key()", "job"),
    ] {
        assert!(
            lowered(text).starts_with(&format!("(); ::pipulate::bind!({names}); ")),
            "{text}"
        );
    }
    let taken = lower(&parse("job.title"), &|name| name == "job").unwrap();
    assert_eq!(taken.code.lowered(), "job.title");
}

#[test]
fn job_is_the_one_that_the_cell_goes_to() {
    let magic = "::pipulate::runtime::magic(\"%pip_job b\"); ::pipulate::bind!(job);";
    for (text, expected) in [
        // None may be current before.
        ("%pip_job b\njob.key()", format!("(); {magic}\njob.key()")),
        (
            "pip.jobs(&f);\n%pip_job b\njob.key()",
            format!("(); ::pipulate::bind!(pip); pip.jobs(&f);\n{magic}\njob.key()"),
        ),
        (
            "job.key();\n%pip_job b\njob.key()",
            format!("(); ::pipulate::bind!(job); job.key();\n{magic}\njob.key()"),
        ),
        (
            "%pip_job b\nlet a = 1;",
            "(); ::pipulate::runtime::magic(\"%pip_job b\");\nlet a = 1;".to_owned(),
        ),
    ] {
        assert_eq!(lowered(text), expected, "{text}");
    }
}
