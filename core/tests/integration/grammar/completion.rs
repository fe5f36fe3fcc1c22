//! What Tab finds at the cursor, which `|` marks.

use pipulate::cell::{Completing, completing};

use super::invariants::usage_of;

/// What is found at the `|`, with the text that a completion would replace.
fn at_cursor(marked: &str) -> String {
    let offset = marked.find('|').expect("a cursor");
    let text = marked.replacen('|', "", 1);
    match completing(&text, offset, usage_of) {
        Completing::MagicName { span, is_cell_magic } => {
            format!(
                "{} magic `{}`",
                if is_cell_magic { "cell" } else { "line" },
                &text[span]
            )
        }
        Completing::HelpName { span } => format!("help `{}`", &text[span]),
        Completing::OptionName { magic, span } => format!("option of {magic} `{}`", &text[span]),
        Completing::Argument {
            magic,
            name,
            prefix,
            span,
            is_quoted,
        } => {
            let quoted = if is_quoted { " quoted" } else { "" };
            format!("{name} of {magic} `{}` prefix `{prefix}`{quoted}", &text[span])
        }
        Completing::Value { span } => format!("value `{}`", &text[span]),
        Completing::Command { span } => format!("command `{}`", &text[span]),
        Completing::Rust => "rust".to_owned(),
        Completing::Nothing => "nothing".to_owned(),
        _ => "unknown".to_owned(),
    }
}

#[test]
fn tab_knows_what_stands_at_the_cursor() {
    for (marked, expected) in [
        ("|", "rust"),
        ("let x = 1;\nx.|", "rust"),
        ("%|", "line magic ``"),
        ("%pip_|", "line magic `pip_`"),
        ("%pip|_set a = 1", "line magic `pip`"),
        ("let x = 1;\n  %|", "line magic ``"),
        ("if c {\n    %pip_s|\n}", "line magic `pip_s`"),
        ("let x: i32 = %pip_g|", "line magic `pip_g`"),
        ("let x: i32 = %|", "line magic ``"),
        ("%%|", "cell magic ``"),
        ("%%ba|", "cell magic `ba`"),
        ("total\n%pip_|", "rust"),
        ("?|", "help ``"),
        ("?pip_|", "help `pip_`"),
        (":de|", "command `:de`"),
        ("!l|", "nothing"),
        ("%%bash\nl|", "nothing"),
        ("%pip_get |", "STEP of pip_get `` prefix ``"),
        ("%pip_get st|", "STEP of pip_get `st` prefix `st`"),
        ("%pip_get \"my st|", "STEP of pip_get `\"my st` prefix `my st` quoted"),
        ("%pip_get 'my |", "STEP of pip_get `'my ` prefix `my ` quoted"),
        ("let x: i32 = %pip_get |;", "STEP of pip_get `` prefix ``"),
        ("%pip_get a |", "nothing"),
        ("%pip_set st|ep = 1", "STEP of pip_set `st` prefix `st`"),
        ("%pip_set a = job.|", "value `job.`"),
        ("%pip_set a = [\n  b|", "value `[\n  b`"),
        ("%pip_get a --default b|", "value `b`"),
        ("%pip_get -|", "option of pip_get `-`"),
        ("%pip_get --|", "option of pip_get `--`"),
        ("%pip_get a --jo|", "option of pip_get `--jo`"),
        ("%pip_get --job |", "KEY of pip_get `` prefix ``"),
        ("%pip_get --job he| a", "KEY of pip_get `he` prefix `he`"),
        ("%pip_get --job=he|", "KEY of pip_get `he` prefix `he`"),
        ("%pip_get --job=\"he l|", "KEY of pip_get `\"he l` prefix `he l` quoted"),
        ("%pip_get -j he|", "KEY of pip_get `he` prefix `he`"),
        ("%pip_get --job hello-01 st|", "STEP of pip_get `st` prefix `st`"),
        ("%pip_input a \"L|", "LABEL of pip_input `\"L` prefix `L` quoted"),
        (
            "%pip_input a --secret \"L|",
            "LABEL of pip_input `\"L` prefix `L` quoted",
        ),
        ("%pip_job hel|", "KEY of pip_job `hel` prefix `hel`"),
        ("%%pip_step s|", "STEP of pip_step `s` prefix `s`"),
        ("%unknown a|", "nothing"),
        ("%pip_get a // co|", "nothing"),
        ("\"😀\";\n%pip_get é|", "STEP of pip_get `é` prefix `é`"),
    ] {
        assert_eq!(at_cursor(marked), expected, "{marked:?}");
    }
}

#[test]
fn a_cursor_within_a_character_stands_before_it() {
    assert_eq!(
        completing("%é", 2, usage_of),
        Completing::MagicName {
            span: 1..1,
            is_cell_magic: false
        }
    );
    assert_eq!(
        completing("%a", 99, usage_of),
        Completing::MagicName {
            span: 1..2,
            is_cell_magic: false
        }
    );
}
