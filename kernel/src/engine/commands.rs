//! evcxr's commands in the text of a cell.

use std::borrow::Cow;

/// Whether a line adds a dependency.
pub(super) fn is_dependency(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with(":dep ") || line.starts_with("extern crate ")
}

/// The lines that add dependencies, and all other lines, each with the others blank, so that lines keep their numbers.
pub(super) fn split_dependencies(code: &str) -> (String, String) {
    let (mut dependencies, mut rest) = (String::new(), String::new());
    for line in code.split_inclusive('\n') {
        let (here, there) = if line.trim_start().starts_with(":dep ") {
            (&mut dependencies, &mut rest)
        } else {
            (&mut rest, &mut dependencies)
        };
        here.push_str(line);
        there.push_str(if line.ends_with('\n') { "\n" } else { "" });
    }
    (dependencies, rest)
}

/// What `:opt` is given in each line that calls it, and the code with those lines blank.
pub(super) fn split_opt(code: &str) -> (Vec<&str>, Cow<'_, str>) {
    let mut levels = Vec::new();
    let mut rest = String::new();
    let mut commands = true;
    for line in code.split_inclusive('\n') {
        let trimmed = line.trim_start_matches(' ');
        commands &=
            line.trim().is_empty() || line.starts_with("//") || line.starts_with('!') || trimmed.starts_with(':');
        let level = trimmed
            .strip_prefix(":opt")
            .filter(|level| !level.starts_with(|next: char| !next.is_whitespace()));
        if let Some(level) = level.filter(|_| commands) {
            levels.push(level.trim());
            rest.push_str(if line.ends_with('\n') { "\n" } else { "" });
        } else {
            rest.push_str(line);
        }
    }
    let code = if levels.is_empty() {
        Cow::Borrowed(code)
    } else {
        Cow::Owned(rest)
    };
    (levels, code)
}

/// The text with evcxr's commands and shell lines blanked, since evcxr runs commands when it completes. Offsets stay.
pub(super) fn without_commands(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rust = false;
    for line in code.split_inclusive('\n') {
        let trimmed = line.trim_start();
        rust |= !(trimmed.is_empty() || trimmed.starts_with([':', '!']) || trimmed.starts_with("//"));
        if rust || trimmed.is_empty() {
            out.push_str(line);
        } else {
            out.extend(line.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        }
    }
    out
}

/// The end of the name that stands at an offset.
pub(super) fn end_of_name(code: &str, offset: usize) -> usize {
    let rest = code.get(offset..).unwrap_or("");
    let name: usize = rest
        .chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .map(char::len_utf8)
        .sum();
    offset.min(code.len()) + name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_and_the_rest_keep_their_lines() {
        let (dependencies, rest) = split_dependencies("// a\n:dep serde\nlet x = 1;\n:dep b");
        assert_eq!(dependencies, "\n:dep serde\n\n:dep b");
        assert_eq!(rest, "// a\n\nlet x = 1;\n");
    }

    #[test]
    fn levels_are_taken_where_commands_are() {
        let code = "// a\n :opt 3 \n:dep b\n:opt\nlet x = \"\n:opt 1\";";
        let (levels, rest) = split_opt(code);
        assert_eq!(levels, ["3", ""]);
        assert_eq!(rest, "// a\n\n:dep b\n\nlet x = \"\n:opt 1\";");
        assert_eq!(split_opt(":optics\n:opt 1 2\r\n").0, ["1 2"]);
        assert!(matches!(split_opt("1 + 1"), (levels, Cow::Borrowed("1 + 1")) if levels.is_empty()));
    }

    #[test]
    fn commands_are_blanked_and_offsets_stay() {
        let code = "// é\n:dep serde\n!ls\nlet x = !true;\n:restart";
        let blanked = without_commands(code);
        assert_eq!(blanked.len(), code.len());
        assert!(
            !blanked.contains(":dep") && !blanked.contains("ls\n") && blanked.ends_with("let x = !true;\n:restart")
        );
        assert_eq!(end_of_name("let value = 1;", 6), 9);
    }
}
