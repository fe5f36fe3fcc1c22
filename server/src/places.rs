//! Where in the notebooks the lines of the steps' source come from, as whoever has ported them says it.

use std::collections::HashMap;
use std::path::PathBuf;

use pipulate_port::LinePlaces;

/// A file with the lines of all workflows; none where nobody has named one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Option<PathBuf>);

impl Places {
    pub(crate) fn in_file(file: PathBuf) -> Self {
        Self(Some(file))
    }

    /// Those of a workflow. Read anew each time, which is when a step has failed: lines that become nothing may come and go in a
    /// notebook without another build. A file that cannot be read knows none.
    pub(crate) fn of(&self, workflow: &str) -> Option<LinePlaces> {
        let text = std::fs::read(self.0.as_ref()?).ok()?;
        let mut all: HashMap<String, LinePlaces> = serde_json::from_slice(&text).ok()?;
        all.remove(workflow)
    }
}
