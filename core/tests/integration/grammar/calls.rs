//! Arguments and options, and the magics that kernel and port share.

use pipulate::cell::args::{ArgumentSpec, OptionSpec, Tail, Usage};
use pipulate::cell::{GetCall, InputCall, JobCall, MagicCall, SetCall, StepCall, UsageError, parse, wants_help};

/// Reads the one magic of `text`.
fn read<T>(text: &str, parse_call: impl Fn(&str, &MagicCall) -> Result<T, UsageError>) -> Result<T, String> {
    let parsed = parse(text);
    let call = parsed.magics().next().expect("one magic");
    parse_call(text, call).map_err(|error| format!("`{}`: {} {}", parsed.slice(&error.span), error, error.help))
}

/// `Ok` parts joined by `|`, or the error.
fn set(text: &str) -> String {
    match read(text, SetCall::parse) {
        Ok(call) => {
            let job = call.job.map_or(String::new(), |job| format!(" in {}", job.text));
            let kind = if call.literal.is_some() { "json" } else { "rust" };
            format!("{} = {kind} {}{job}", call.step.text, &text[call.value])
        }
        Err(error) => error,
    }
}

#[test]
fn sets() {
    for (text, expected) in [
        ("%pip_set a = 1", "a = json 1"),
        ("%pip_set a=1", "a = json 1"),
        ("%pip_set a = 1;", "a = json 1"),
        ("%pip_set a = 1 // note", "a = json 1"),
        ("%pip_set a = -1.5e3", "a = json -1.5e3"),
        ("%pip_set a = null", "a = json null"),
        ("%pip_set a = \"b // c\"", "a = json \"b // c\""),
        ("%pip_set a = \"\\u0041\\/\"", "a = json \"\\u0041\\/\""),
        ("%pip_set a = \"\\u{41}\"", "a = rust \"\\u{41}\""),
        ("%pip_set a = 'x'", "a = rust 'x'"),
        ("%pip_set a = {\"b\": [1, 2]}", "a = json {\"b\": [1, 2]}"),
        ("%pip_set a = {}", "a = json {}"),
        ("%pip_set a = { 1 }", "a = rust { 1 }"),
        ("%pip_set a = [1,\n 2]", "a = json [1,\n 2]"),
        ("%pip_set a = [1, // one\n 2]", "a = rust [1, // one\n 2]"),
        ("%pip_set a = 1_000", "a = rust 1_000"),
        ("%pip_set a = 010", "a = rust 010"),
        ("%pip_set a = b == c", "a = rust b == c"),
        ("%pip_set a = { b; c }", "a = rust { b; c }"),
        ("%pip_set \"my step\" = 1", "my step = json 1"),
        ("%pip_set 'my \"step\"' = 1", "my \"step\" = json 1"),
        ("%pip_set \"a \\\"b\\\" \\\\ \\d\" = 1", "a \"b\" \\ \\d = json 1"),
        ("%pip_set \"a=b\"=1", "a=b = json 1"),
        ("%pip_set it's = 1", "it's = json 1"),
        ("%pip_set größe-2.5 = 1", "größe-2.5 = json 1"),
        ("%pip_set a --job b = 1", "a = json 1 in b"),
        ("%pip_set -j b a = 1", "a = json 1 in b"),
        ("%pip_set --job=\"b c\" a = 1", "a = json 1 in b c"),
        ("%pip_set -- --job = 1", "--job = json 1"),
        ("%pip_set -5 = 1", "-5 = json 1"),
    ] {
        assert_eq!(set(text), expected, "{text:?}");
    }
}

#[test]
fn json_that_nests_too_deep_is_not_taken_for_rust() {
    let nested = |levels: usize| format!("%pip_set a = {}1{}", "[".repeat(levels), "]".repeat(levels));
    assert!(set(&nested(127)).starts_with("a = json ["));
    for levels in [128, 5_000] {
        let error = set(&nested(levels));
        assert!(
            error.contains("The JSON nests too deep: a step's value has at most 127 levels."),
            "{error}"
        );
        assert!(error.starts_with("`[[[["), "the value is at fault: {error}");
    }
    let rust = format!("%pip_set a = {}vec![]{}", "[".repeat(128), "]".repeat(128));
    assert!(set(&rust).starts_with("a = rust ["), "what is no JSON is Rust");
}

#[test]
fn what_reads_like_json_is_not_taken_for_rust() {
    for (value, reason) in [
        ("{\"a\": NaN}", "expected value at line 1 column 7"),
        ("[{\"a\": 1}, {\"b\": x}]", "expected value at line 1 column 18"),
        ("{\"a\": 1,}", "trailing comma at line 1 column 9"),
        ("{\n  \"a\": g(1)\n}", "expected value at line 2 column 8"),
    ] {
        let error = set(&format!("%pip_set a = {value}"));
        assert!(
            error.contains(&format!("The value reads like JSON and is none: {reason}.")),
            "{error}"
        );
    }
    for value in [
        "{ \"a\" }",
        "serde_json::json!({\"a\": x})",
        "f(json!([{\"a\": x}]))",
        "{ \"a\".len() }",
        "S { a: 1 }",
        "match x { \"a\" => 1, _ => 2 }",
        "if c { \"a\" } else { \"b\" }",
    ] {
        let expected = format!("a = rust {value}");
        assert_eq!(set(&format!("%pip_set a = {value}")), expected);
    }
}

#[test]
fn usage_errors_say_what_to_write() {
    let errors = [
        "%pip_set a == b",
        "%pip_set a => b",
        "%pip_set a",
        "%pip_set a =",
        "%pip_set = 1",
        "%pip_set a b = 1",
        "%pip_set a += 1",
        "%pip_set a = 1; foo()",
        "%pip_set a; b = 1",
        "%pip_set a --jbo b = 1",
        "%pip_set a --frobnicate = 1",
        "%pip_set a -x = 1",
        "%pip_set a --job = 1",
        "%pip_set a --job b -j c = 1",
        "%pip_set \"a = 1",
        "%pip_set \"a\"b = 1",
        "%pip_set a --default 1",
        "%pip_set --help",
    ]
    .map(|text| format!("{text}\n    {}\n", set(text)))
    .concat();
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(errors) });
}

#[test]
fn gets() {
    for (text, expected) in [
        ("%pip_get a", Ok(("a", None))),
        ("let x: i32 = %pip_get \"a b\";", Ok(("a b", None))),
        ("%pip_get a --default 1 + 2 // note", Ok(("a", Some("1 + 2")))),
        ("%pip_get a --default=vec![1; 3]", Ok(("a", Some("vec![1; 3]")))),
        (
            "let x = %pip_get a --default {\n    b; \"c;\"\n};",
            Ok(("a", Some("{\n    b; \"c;\"\n}"))),
        ),
        ("%pip_get a --default --b", Ok(("a", Some("--b")))),
    ] {
        let call = read(text, GetCall::parse);
        let found = call.as_ref().map(|call| {
            (
                call.step.text.as_str(),
                call.default.clone().map(|default| &text[default]),
            )
        });
        assert_eq!(
            found,
            expected.as_ref().map(|found| *found).map_err(|error: &String| error),
            "{text:?}"
        );
    }
    for (text, fault) in [
        ("%pip_get", "lacks `STEP`"),
        ("%pip_get a = 1", "takes no value after `=`"),
        ("%pip_get a --default", "takes a value"),
        ("%pip_get a b", "one argument too many"),
        ("%pip_get a --default 1 --job b", ""),
    ] {
        let call = read(text, GetCall::parse);
        match call {
            Err(error) => assert!(!fault.is_empty() && error.contains(fault), "{text:?}: {error}"),
            // What follows `--default` is all Rust, the port's compiler will say so.
            Ok(call) => assert_eq!((fault, &text[call.default.unwrap()]), ("", "1 --job b")),
        }
    }
}

#[test]
fn inputs() {
    let text = "let a: f64 = %pip_input \"a b\" \"Say \\\"a\\\"; or b\" --choices \"red, dark blue,\" --secret --help-text='Why, \"how\"' --default names[0];";
    let call = read(text, InputCall::parse).unwrap();
    assert_eq!(call.step.text, "a b");
    assert_eq!(call.label.unwrap().text, "Say \"a\"; or b");
    assert_eq!(call.choices, ["red", "dark blue"]);
    assert!(call.secret);
    assert_eq!(call.help_text.as_deref(), Some("Why, \"how\""));
    assert_eq!(&text[call.default.unwrap()], "names[0]");

    let plain = read("%pip_input a", InputCall::parse).unwrap();
    assert!(
        plain.label.is_none()
            && plain.choices.is_empty()
            && !plain.secret
            && plain.help_text.is_none()
            && plain.default.is_none()
    );
    assert!(
        read("%pip_input a Your name", InputCall::parse)
            .unwrap_err()
            .contains("put in quotes")
    );
    assert!(
        read("%pip_input a --choices ,", InputCall::parse)
            .unwrap_err()
            .contains("names no choice")
    );
}

#[test]
fn a_default_is_one_of_the_choices() {
    for good in ["\"y\"", "String::from(\"z\")", "last"] {
        let text = format!("let a: String = %pip_input a --choices x,y --default {good};");
        assert!(read(&text, InputCall::parse).is_ok(), "{text}");
    }
    assert!(read("%pip_input a --choices 1,2 --default 2", InputCall::parse).is_ok());
    assert!(read("%pip_input a --default \"z\"", InputCall::parse).is_ok());
    for (text, shown) in [
        (
            "%pip_input a --choices x,y --default \"z\"",
            "`z` is none of the choices: `x`, `y`.",
        ),
        (
            "let a: String = %pip_input a --choices x,y --default \"z\";",
            "`z` is none of the choices",
        ),
        ("%pip_input a --choices 1,2 --default 3", "`3` is none of the choices"),
        (
            "%pip_input a --secret --choices x,y --default \"z\"",
            "That is none of the choices",
        ),
    ] {
        let error = read(text, InputCall::parse).unwrap_err();
        assert!(error.contains(shown), "{text}: {error}");
    }
}

#[test]
fn jobs_and_steps() {
    let job = read("%pip_job hello-01 --workflow \"My flow\" // ours", JobCall::parse).unwrap();
    assert_eq!(
        (job.key.unwrap().text, job.workflow.unwrap().text, job.new),
        ("hello-01".into(), "My flow".into(), false)
    );
    assert_eq!(
        read("%pip_job", JobCall::parse),
        Ok(JobCall {
            key: None,
            workflow: None,
            new: false
        })
    );
    assert!(read("%pip_job --new", JobCall::parse).unwrap().new);
    assert!(
        read("%pip_job a --new", JobCall::parse)
            .unwrap_err()
            .contains("next free key")
    );

    let step = read("%%pip_step total \"The total\" --rerun\n1", StepCall::parse).unwrap();
    assert_eq!(
        (step.step.text, step.label.unwrap().text, step.rerun),
        ("total".into(), "The total".into(), true)
    );
    assert!(
        read("%%pip_step\n1", StepCall::parse)
            .unwrap_err()
            .contains("lacks `STEP`")
    );
}

#[test]
fn help_is_asked_for_in_words_only() {
    for (text, expected) in [
        ("%pip_set --help", true),
        ("let x = %pip_get a --help", true),
        ("%%pip_step --help", true),
        ("%pip_set a = b --help", false),
        ("%pip_set \"--help\" = 1", false),
        ("%pip_get a --default --help", false),
    ] {
        let parsed = parse(text);
        assert_eq!(wants_help(text, parsed.magics().next().unwrap()), expected, "{text:?}");
    }
}

#[test]
fn other_magics_say_what_they_take() {
    const CD: Usage = Usage {
        name: "cd",
        arguments: &[],
        options: &[OptionSpec::flag("quiet", Some('q'), "say nothing")],
        tail: Tail::Rest {
            name: "PATH",
            is_required: false,
        },
    };
    const WHO: Usage = Usage {
        name: "who",
        arguments: &[ArgumentSpec::many("TYPE", "")],
        options: &[],
        tail: Tail::Nothing,
    };
    const ENV: Usage = Usage {
        name: "env",
        arguments: &[ArgumentSpec::optional("NAME", "")],
        options: &[],
        tail: Tail::Assignment {
            name: "VALUE",
            is_required: false,
        },
    };
    let rest = |usage: Usage, text: &str| {
        let parsed = read(text, |text, call| usage.parse(text, call)).unwrap();
        let words: Vec<String> = parsed.arguments.into_iter().map(|word| word.text).collect();
        let options: Vec<&str> = parsed.options.iter().map(|option| option.name).collect();
        format!("{words:?} {options:?} {:?}", parsed.tail.map(|tail| &text[tail]))
    };
    assert_eq!(
        rest(CD, "%cd -q /tmp/my files"),
        "[] [\"quiet\"] Some(\"/tmp/my files\")"
    );
    assert_eq!(rest(CD, "%cd -"), "[] [] Some(\"-\")");
    assert_eq!(rest(CD, "%cd a=b"), "[] [] Some(\"a=b\")");
    assert_eq!(rest(CD, "%cd"), "[] [] None");
    assert_eq!(rest(WHO, "%who i32 String"), "[\"i32\", \"String\"] [] None");
    assert_eq!(rest(ENV, "%env A=b c"), "[\"A\"] [] Some(\"b c\")");
    assert_eq!(rest(ENV, "%env A"), "[\"A\"] [] None");
    assert_eq!(CD.to_string(), "%cd [--quiet] [PATH]");
    assert_eq!(WHO.to_string(), "%who [TYPE]...");
    assert_eq!(ENV.to_string(), "%env [NAME] [= VALUE]");
    assert_eq!(SetCall::USAGE.to_string(), "%pip_set STEP [--job KEY] = EXPR");
}
