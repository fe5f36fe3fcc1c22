//! Which `impl` items a cell begins with, and what they are of.

use pipulate::cell::parse;

/// Each as `subject @ text at its beginning`.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let found: Vec<String> = parse(text)
        .leading_impls()
        .iter()
        .map(|block| {
            let line = text[block.start..].lines().next().unwrap();
            format!("{} @ {}", block.subject, line.split('{').next().unwrap().trim())
        })
        .collect();
    assert_eq!(found, expected, "{text:?}");
}

#[test]
fn an_impl_is_known_by_its_subject() {
    check("impl T for U { fn t() {} }", &["T for U @ impl T for U"]);
    check("impl U { fn a() {} fn b() {} }", &["U::a @ impl U"]);
    check("impl U {}", &["U:: @ impl U"]);
    check(
        "impl<'a, T: Into<Vec<u8>>> From<T> for W<T> where T: Copy { }",
        &["From < T > for W < T > @ impl<'a, T: Into<Vec<u8>>> From<T> for W<T> where T: Copy"],
    );
    check("impl A for [u8; { 1 + 1 }] {}", &["A for [ u8 ; @ impl A for [u8;"]);
}

#[test]
fn an_extern_block_is_known_by_what_it_declares_first() {
    check(
        "#[link(name = \"m\")]\nunsafe extern \"C\" { fn cos(x: f64) -> f64; fn sin(x: f64) -> f64; }",
        &["extern \"C\"::cos @ #[link(name = \"m\")]"],
    );
    check("extern { static mut E: u8; }", &["extern::E @ extern"]);
    check(
        "extern \"C\" {}\nimpl T for U {}",
        &["extern \"C\":: @ extern \"C\"", "T for U @ impl T for U"],
    );
    check("extern \"C\" fn f() {}\nimpl T for U {}", &[]);
    check("extern crate a;\nimpl T for U {}", &["T for U @ impl T for U"]);
    check("struct U;\nextern \"C\" { fn f(); }", &[]);
}

#[test]
fn those_before_a_named_item_are_found() {
    check(
        "use a::b;\nlet x = if c { 1 } else { 2 };\n// first\n#[allow(x)]\nunsafe impl A for U {}\nimpl B for U {}\nstruct V;\nimpl C for V {}",
        &["A for U @ #[allow(x)]", "B for U @ impl B for U"],
    );
    check("struct U;\nimpl T for U {}", &[]);
    check("pub(crate) fn f() -> impl T { g() }\nimpl T for U {}", &[]);
    check("const A: u8 = 1;\nimpl T for U {}", &[]);
    check(
        "%pip_set a = 1\nimpl T for U {}\nif c {\n    %pip_set b = 2\n}\nimpl T for V {}",
        &["T for U @ impl T for U", "T for V @ impl T for V"],
    );
}

#[test]
fn other_uses_of_the_word_are_none() {
    check("let x: Box<dyn Fn() -> impl T> = f;", &[]);
    check("// impl T for U {}\nlet s = \"; impl T for U {}\";", &[]);
    check("m! { impl T for U {} }", &[]);
    check("{ impl T for U {} }", &[]);
    check("impl", &[":: @ impl"]);
    check("impl<", &[":: @ impl<"]);
}
