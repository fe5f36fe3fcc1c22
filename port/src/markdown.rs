//! Titles and descriptions, from a notebook's markdown.

/// The first heading of a text, and the text without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heading {
    /// The heading's text, without the marks of markdown.
    pub(crate) text: String,
    /// What stands before it and after it.
    pub(crate) rest: String,
    /// Whether nothing stands before it.
    pub(crate) is_first: bool,
}

/// Finds the first heading, `# like this` or underlined, outside of code.
pub(crate) fn first_heading(text: &str) -> Option<Heading> {
    let lines: Vec<&str> = text.lines().collect();
    let mut fence: Option<&str> = None;
    for (index, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let is_code = line.starts_with("    ") || line.starts_with('\t');
        let mark = ["```", "~~~"].into_iter().find(|mark| trimmed.starts_with(mark));
        match (fence, mark) {
            (None, Some(_)) if !is_code => {
                fence = mark;
                continue;
            }
            (Some(open), Some(mark)) if open == mark => {
                fence = None;
                continue;
            }
            _ => {}
        }
        if fence.is_some() || is_code {
            continue;
        }
        let underlined = lines.get(index + 1).is_some_and(|next| is_underline(next))
            && !trimmed.is_empty()
            && !trimmed.starts_with(['#', '>', '-', '*', '|'])
            && (index == 0 || lines[index - 1].trim().is_empty());
        let (heading, length) = match hashed(trimmed) {
            Some(heading) => (heading, 1),
            None if underlined => (trimmed.trim_end(), 2),
            None => continue,
        };
        let before = lines[..index].join("\n");
        let after = lines[index + length..].join("\n");
        let rest = [before.trim_end(), after.trim()]
            .into_iter()
            .filter(|part| !part.trim().is_empty())
            .collect::<Vec<_>>()
            .join("\n\n");
        return Some(Heading {
            text: plain(heading),
            rest,
            is_first: before.trim().is_empty(),
        })
        .filter(|heading| !heading.text.is_empty());
    }
    None
}

/// The text of a `# heading`.
fn hashed(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    let is_heading = (1..=6).contains(&level) && (text.is_empty() || text.starts_with([' ', '\t']));
    let text = text.trim();
    let closed = text.trim_end_matches('#');
    let text = if closed.is_empty() || closed.ends_with([' ', '\t']) {
        closed.trim_end()
    } else {
        text
    };
    is_heading.then_some(text)
}

fn is_underline(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 2 && (line.chars().all(|mark| mark == '=') || line.chars().all(|mark| mark == '-'))
}

/// A heading without emphasis, code marks and the addresses of links.
fn plain(heading: &str) -> String {
    let mut text = String::new();
    let mut rest = heading;
    while let Some(character) = rest.chars().next() {
        let link = rest
            .strip_prefix('[')
            .and_then(|inner| inner.split_once("]("))
            .and_then(|(label, after)| Some((label, after.split_once(')')?.1)))
            .filter(|(label, _)| !label.contains('['));
        if let Some((label, after)) = link {
            text.push_str(&plain(label));
            rest = after;
            continue;
        }
        rest = &rest[character.len_utf8()..];
        match character {
            '\\' if rest.starts_with(|next: char| next.is_ascii_punctuation()) => {
                text.extend(rest.chars().next());
                rest = &rest[1..];
            }
            '*' | '`' => {}
            other => text.push(other),
        }
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, &str)>) {
        let found = first_heading(text);
        let found = found
            .as_ref()
            .map(|heading| (heading.text.as_str(), heading.rest.as_str()));
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn headings_are_found() {
        check("# Hello\n\nText.", Some(("Hello", "Text.")));
        check(
            "Before\n\n## *Big* `code` [link](https://x.y) ##\nafter",
            Some(("Big code link", "Before\n\nafter")),
        );
        check("Title\n=====\nText", Some(("Title", "Text")));
        check("one\ntwo\n---\n", None);
        check("```\n# no\n```\n# yes", Some(("yes", "```\n# no\n```")));
        check("    # code", None);
        check("#no", None);
        check("C# is\n# C#", Some(("C#", "C# is")));
        check("", None);
        check("#", None);
    }

    #[test]
    fn whether_it_comes_first_is_known() {
        assert!(first_heading("\n# a").unwrap().is_first);
        assert!(!first_heading("b\n# a").unwrap().is_first);
    }
}
