//! Magics amid Rust.

use insta::assert_snapshot;
use pipulate::cell::parse;
use pipulate_port::analysis::analyse;

use super::told;

#[test]
fn magics_among_rust_are_read_in_place() {
    assert_snapshot!(told("let s = String::new(); let r = &s;\n%pip_set n = 1\n%pip_steps\nr.len()"), @r#"
    let s: (String)
    let r
    use String path at "String"
    set n in Cell: "%pip_set n = 1"
    value "r.len()"
    runs
    "#);
    assert_snapshot!(told("let job = Opening { title };\n%pip_set t = job.title"), @r#"
    let job
    use Opening path at "Opening"
    use title at "title"
    set t in Cell: "%pip_set t = job.title"
    runs
    "#);
}

#[test]
fn a_remainder_is_rust() {
    assert_snapshot!(told("total\n%pip_n"), @r#"
    use pip_n at "pip_n"
    use total at "total"
    value "total\n%pip_n"
    runs
    "#);
}

#[test]
fn what_begins_like_a_command_is_rust_after_rust_has_begun() {
    for text in [
        "let a = 1;\n!true",
        "let a = 1;\n::std::process::id()",
        "::std::process::id()",
    ] {
        let analysis = analyse(&parse(text)).unwrap();
        assert_eq!(analysis.tail.map(|tail| &text[tail]), text.lines().last(), "{text}");
    }
}

#[test]
fn jobs_are_told_in_order() {
    let analysis = analyse(&parse(
        "%pip_job a --workflow w\n%pip_job --help\nlet x = 1;\n%pip_job --new",
    ))
    .unwrap();
    assert_eq!(analysis.jobs.len(), 2);
    assert!(analysis.job().is_some_and(|job| job.new));
    assert!(told("%pip_job a b").contains("one argument too many"));
}

#[test]
fn what_is_timed_may_be_a_magic() {
    for text in ["%time %pip_steps", "%time !ls (", "%time"] {
        assert!(
            analyse(&parse(text)).is_ok_and(|analysis| !analysis.statements),
            "{text}"
        );
    }
}

#[test]
fn a_value_goes_over_lines() {
    assert_snapshot!(told("%pip_set n = xs.iter()\n    .map(|x| x + y)\n    .sum::<i64>() // note"), @r#"
    use i64 path at "i64"
    use xs at "xs"
    use y at "y"
    set n in Cell: "%pip_set n = xs.iter()\n    .map(|x| x + y)\n    .sum::<i64>() // note"
    runs
    "#);
}

#[test]
fn magics_stand_in_blocks() {
    assert_snapshot!(told("if c {\n  let a = 1;\n  %pip_set x = a + b\n}\nfor i in 0..3 {\n%pip_set y = i\n}"), @r#"
    use b at "b"
    use c at "c"
    set x in Block: "%pip_set x = a + b"
    set y in Block: "%pip_set y = i"
    runs
    "#);
}
