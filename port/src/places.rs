//! Which line of the notebook each line of a generated crate comes from: what a running app needs to say where a step failed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

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
}
