//! Which names a cell uses.

use pipulate::cell::{mentions, names_crate};

fn check(text: &str, expected: bool) {
    assert_eq!(mentions(text, "job"), expected, "{text:?}");
}

#[test]
fn a_name_of_its_own_is_a_use() {
    for text in [
        "job.set(\"a\", &1)?;",
        "foo(&job)",
        "let x = job;",
        "r#job",
        "0..job",
        "%pip_set a = job.key()",
        "%pip_get a --default job",
        "let x = %pip_get a --default job;",
        "%time job.steps()",
        "if c {\n%pip_set a = job\n}",
        "%%pip_step a\njob.get(\"b\")?",
        "Foo { job }",
        "vec![job]",
        "%pip_set a = 1\njob",
        "|job| 1",
        "// job\njob",
        "job\n%pip_n",
    ] {
        check(text, true);
    }
}

#[test]
fn what_a_string_captures_is_a_use() {
    for text in [
        "format!(\"{job}\")",
        "format!(\"{job:?}\")",
        "println!(\"a {{}} {b} {job:>8}\")",
        "format!(r#\"\"{job}\"#)",
        "format!(\"{ job }\")",
        "format!(\"{a:>job$}\")",
        "format!(\"{a:.job$}\")",
        "format!(\"{:1$.job$}\", a, b)",
        "foo!({ \"{job}\" })",
        "format!(\"\\u{1f600}{job}\")",
        "format!(\"\\\\{job}\")",
        "%pip_set a = format!(\"{job}\")",
        "format!(\"{ {job}\")",
        "format!(\"\\u{7b}job}\")",
        "format!(\"{a:\\\n    >job$}\")",
        "format!(\"{r#job}\")",
    ] {
        check(text, true);
    }
}

#[test]
fn other_sights_of_a_name_are_none() {
    for text in [
        "",
        "// job",
        "/* job */",
        "\"job\"",
        "'j'",
        "a.job",
        "a\n    .job()",
        "a::job",
        "jobs",
        "my_job",
        "job!(1)",
        "'job: loop {}",
        "format!(\"{{job}}\")",
        "format!(\"{jobs}\")",
        "format!(\"job\")",
        "\"{job}\"",
        "format!(b\"{job}\")",
        "format!(\"\\u{job}\")",
        "format!(\"{a:job}\")",
        "format!(\"{a.job}\")",
        "format!(r\"{{job}}\")",
        "%pip_get job",
        "%pip_set job = 1",
        "let x = %pip_get job;",
        "%pip_job job",
        ":dep job",
        "!job",
        "?job",
        "%job",
        "%%bash\njob",
        "foo(\"{job}\")",
    ] {
        check(text, false);
    }
}

#[test]
fn a_crate_is_named_at_the_beginning_of_a_path() {
    for (text, expected) in [
        ("pipulate::display(&1)", true),
        ("let a = ::pipulate::table(&rows);", true),
        ("use ::pipulate::Show;", true),
        ("use pipulate::{Show, table};", true),
        ("use pipulate as p;", true),
        ("impl<T> ::pipulate::Show for P<T> {}", true),
        ("println!(\"{:?}\", pipulate::table(&rows));", true),
        ("let a: pipulate::Bytes = %pip_get a;", true),
        ("%pip_set a = pipulate::Bytes::from(b)", true),
        ("crate::pipulate::a()", false),
        ("a::pipulate::b()", false),
        ("a.pipulate()", false),
        ("// pipulate::display", false),
        ("\"pipulate::display\"", false),
        ("pipulated::a()", false),
        ("!pipulate job list", false),
        ("%pip_get pipulate", false),
    ] {
        assert_eq!(names_crate(text, "pipulate"), expected, "{text}");
    }
}
