//! Options that were written after the value of `%pip_set`.

use pipulate::cell::{SetCall, parse};

#[track_caller]
fn check(value: &str, expected: Option<&str>) {
    let text = format!("%pip_set a = {value}");
    let cell = parse(&text);
    let call = SetCall::parse(&text, cell.magics().next().unwrap());
    match expected {
        None => assert_eq!(text[call.expect(&text).value], *value),
        Some(option) => {
            let error = call.expect_err(&text);
            assert_eq!(error.message, format!("`{option}` stands after the value."), "{text}");
            assert_eq!(
                error.help,
                "Options stand before the `=`: write `%pip_set STEP [--job KEY] = EXPR`."
            );
            assert_eq!(text[error.span], *option, "{text}");
        }
    }
}

#[test]
fn an_option_after_the_value_is_an_error_that_says_where_it_goes() {
    for (value, option) in [
        ("1 --job k", "--job k"),
        ("{\"a\": [1]} --job k", "--job k"),
        ("1 + 1 --job hello-02", "--job hello"),
        ("total --job \"hello 02\"", "--job \"hello 02\""),
        ("total --job 7", "--job 7"),
        ("total --job=k", "--job=k"),
        ("total -j k", "-j k"),
        ("total -j=k", "-j=k"),
        ("f(x) --job /* here */ k", "--job /* here */ k"),
    ] {
        check(value, Some(option));
    }
}

#[test]
fn what_can_be_rust_stays_rust() {
    for value in [
        "total --job",
        "total --job as i64",
        "total --job == k",
        "total --job + k",
        "total --job.len()",
        "total --other k",
        "total-job",
        "total --job * 2 --job",
        "(total --job k)",
        "write!(out, \"{}\", total --job k)",
        "\"1 --job k\"",
        "r#\"1 --job k\"#",
        "-j",
        "--job",
        "{ let job = 1; 2 --job }",
        "|job: i64| 1 --job",
        "if a --job > 0 { 1 } else { 2 }",
    ] {
        check(value, None);
    }
}
