//! Items that mean something else outside of a crate's root.

use pipulate::cell::parse;

/// Each statement as it stands, the crate and its name.
fn crates(text: &str) -> Vec<[String; 3]> {
    let found = parse(text).standard_crates();
    let parts = found
        .into_iter()
        .map(|found| [text[found.span].to_owned(), found.name, found.alias]);
    parts.collect()
}

#[test]
fn crates_of_the_compilers_own_are_known() {
    assert_eq!(
        crates("extern crate alloc;"),
        [["extern crate alloc;", "alloc", "alloc"]]
    );
    assert_eq!(
        crates(
            "let a = 1; // extern crate test;\n#[macro_use]\nextern crate core as base ;\nextern crate serde;\nextern crate std;"
        ),
        [
            ["extern crate core as base ;", "core", "base"],
            ["extern crate std;", "std", "std"]
        ]
    );
    for text in [
        "",
        "extern crate",
        "extern crate alloc",
        "extern crate alloc as",
        "mod m { extern crate alloc; }",
        "extern crate allocate;",
    ] {
        assert!(crates(text).is_empty(), "{text}");
    }
}

/// Each call as it stands, where `pub` is wanted, and the names.
fn locals(text: &str) -> Vec<(&str, Vec<&str>, Vec<String>)> {
    let found = parse(text).thread_locals();
    let parts = found.into_iter().map(|found| {
        let private = found.private.iter().map(|at| text[*at..].split(':').next().unwrap());
        (&text[found.span.clone()], private.collect(), found.names)
    });
    parts.collect()
}

#[test]
fn thread_locals_are_found_with_their_names() {
    assert_eq!(
        locals(
            "fn f() {}\nthread_local! {\n    /// One.\n    static A: u8 = { static X: u8 = 1; X };\n    pub(crate) static B: u8 = const { 2 };\n    static C: u8 = 3\n}\nA"
        ),
        [(
            "thread_local! {\n    /// One.\n    static A: u8 = { static X: u8 = 1; X };\n    pub(crate) static B: u8 = const { 2 };\n    static C: u8 = 3\n}",
            vec!["static A", "static C"],
            vec!["A".to_owned(), "B".to_owned(), "C".to_owned()]
        )]
    );
    let text = "std::thread_local!(static A: u8 = 1);";
    assert_eq!(locals(text), [(text, vec!["static A"], vec!["A".to_owned()])]);
    for text in [
        "let a = thread_local!(static A: u8 = 1);",
        "fn f() { thread_local! { static A: u8 = 1; } }",
        "my::thread_local! { static A: u8 = 1; }",
        "thread_local",
    ] {
        assert!(locals(text).is_empty(), "{text}");
    }
    assert!(locals("thread_local! { static").len() < 2);
}
