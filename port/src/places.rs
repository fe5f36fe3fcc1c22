//! Which line of the notebook each line of a generated crate comes from: what a running app needs to say where a step failed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The file of a generated crate that holds [`LinePlaces`] as text.
pub const LINES: &str = "src/cells/lines.txt";
/// How that file begins.
#[cfg(feature = "notebook")]
const HEADING: &str = "Which lines of the notebook's cells the lines of these files are, for the errors of steps. It holds for a file for as long\n\
                       as that has the digest which stands behind its name: `pipulate port --force` writes it anew.\n";

/// The lines of a generated crate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinePlaces {
    /// By file; a line that comes from no cell has none.
    files: BTreeMap<PathBuf, Vec<Option<LinePlace>>>,
}

/// A line of a notebook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinePlace {
    /// The cell's number among all of them, from 1.
    pub cell: usize,
    /// The line within the cell, from 1.
    pub line: usize,
}

impl LinePlaces {
    #[cfg(feature = "notebook")]
    pub(crate) fn new(files: BTreeMap<PathBuf, Vec<Option<LinePlace>>>) -> Self {
        Self { files }
    }

    /// Where a line of a file comes from. The compiler may name the file by its path in the crate, or by a longer one.
    pub fn find(&self, file: &Path, line: usize) -> Option<LinePlace> {
        let lines = self.files.iter().find(|(path, _)| file.ends_with(path))?.1;
        *lines.get(line.checked_sub(1)?)?
    }

    /// As the text of [`LINES`]: a line for each run of lines that go on both here and there.
    #[cfg(feature = "notebook")]
    pub(crate) fn to_text(&self, files: &BTreeMap<PathBuf, String>) -> String {
        use std::fmt::Write as _;

        let mut text = HEADING.to_owned();
        for (path, places) in &self.files {
            let Some(file) = files.get(path) else { continue };
            // Writing to a string does not fail.
            let _ = writeln!(text, "\n{} {}", path.display(), digest(file));
            let lines = file.lines().zip(places).enumerate();
            let known: Vec<(usize, LinePlace)> = lines
                .filter(|(_, (line, _))| !line.trim().is_empty())
                .filter_map(|(index, (_, place))| Some((index + 1, (*place)?)))
                .collect();
            let goes_on = |(one, from): &(usize, LinePlace), (other, to): &(usize, LinePlace)| {
                from.cell == to.cell && from.line + (other - one) == to.line
            };
            for run in known.chunk_by(goes_on) {
                let ((first, place), (last, _)) = (run[0], run[run.len() - 1]);
                let _ = writeln!(text, "{first}-{last}: cell {}, line {}", place.cell, place.line);
            }
        }
        text
    }

    /// Where a line of a file comes from, by the text of [`LINES`]; `None` where the file has changed since, or the text is none. `path`
    /// is the file's in the crate.
    pub fn find_in_text(text: &str, path: &str, file: &str, line: usize) -> Option<LinePlace> {
        let heading = format!("{path} {}", digest(file));
        let own = text.lines().skip_while(|other| *other != heading).skip(1);
        own.take_while(|other| !other.is_empty()).find_map(|run| {
            let (lines, place) = run.split_once(": cell ")?;
            let (first, last) = lines.split_once('-')?;
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            let (cell, begins) = place.split_once(", line ")?;
            if !(first..=last).contains(&line) {
                return None;
            }
            Some(LinePlace {
                cell: cell.parse().ok()?,
                line: begins.parse::<usize>().ok()?.checked_add(line - first)?,
            })
        })
    }
}

/// What tells a text from another.
fn digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let number = digest[..8]
        .iter()
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{number:016x}")
}

#[cfg(all(test, feature = "notebook"))]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_in_text_for_as_long_as_the_file_is_the_same() {
        let place = |cell, line| Some(LinePlace { cell, line });
        let lines = vec![
            None,
            place(2, 1),
            place(2, 2),
            None,
            place(2, 5),
            place(3, 6),
            place(3, 7),
        ];
        let file = "a\nb\nc\nd\ne\nf\ng\n";
        let path = PathBuf::from("src/cells.rs");
        let places = LinePlaces::new(BTreeMap::from([(path.clone(), lines.clone())]));
        let text = places.to_text(&BTreeMap::from([(path, file.to_owned())]));
        let runs: Vec<&str> = text.lines().skip(4).collect();
        assert_eq!(
            runs,
            ["2-3: cell 2, line 1", "5-5: cell 2, line 5", "6-7: cell 3, line 6"]
        );
        for (index, expected) in lines.iter().enumerate() {
            let found = LinePlaces::find_in_text(&text, "src/cells.rs", file, index + 1);
            assert_eq!(found, *expected, "line {}", index + 1);
        }
        let find = |path, file, line| LinePlaces::find_in_text(&text, path, file, line);
        assert_eq!(find("src/cells.rs", file, 0), None);
        assert_eq!(find("src/cells.rs", file, 8), None);
        assert_eq!(find("src/cells.rs", "a\nb\n", 2), None);
        assert_eq!(find("src/cells/steps.rs", file, 2), None);
        assert_eq!(LinePlaces::find_in_text("", "src/cells.rs", file, 2), None);
    }
}
