//! What rust-analyzer knows of the dependencies. It reads them anew when the manifest is another than the one that it read last. Whoever
//! interrupts kills the programs by which it reads, and it makes do with what it has got: the types of a dependency that it missed would be
//! unknown for good.

use std::fs;
use std::path::Path;

/// Stands in the manifest while evcxr resolves a dependency alone, which rust-analyzer does not read.
const ALONE: &str = "evcxr_dummy_validate_dep";

/// Which manifest rust-analyzer has read, and how often it was to read anew.
#[derive(Debug, Default)]
pub(super) struct Reading {
    whole: Option<String>,
    anew: u32,
}

impl Reading {
    /// Takes note of the manifest in a crate's folder after work that was or was not stopped. Whether rust-analyzer may have read it, and
    /// not whole.
    pub(super) fn is_in_doubt(&mut self, folder: &Path, was_stopped: bool) -> bool {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        if manifest.contains(ALONE) || self.whole.as_ref() == Some(&manifest) {
            return false;
        }
        if !was_stopped {
            self.whole = Some(manifest);
        }
        was_stopped
    }

    /// The optimisation level to name in the manifest, so that it is another than any before, which has rust-analyzer read anew. How far
    /// cells are optimised is said elsewhere.
    pub(super) fn level(&mut self) -> String {
        self.anew += 1;
        format!("2 # {}", self.anew)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_that_came_with_stopped_work_is_in_doubt() {
        let folder = tempfile::tempdir().unwrap();
        let mut reading = Reading::default();
        let mut is_in_doubt = |manifest: &str, was_stopped| {
            fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
            reading.is_in_doubt(folder.path(), was_stopped)
        };
        assert!(!is_in_doubt("one", false));
        assert!(!is_in_doubt("one", true), "it was read before");
        assert!(!is_in_doubt("name = \"evcxr_dummy_validate_dep\"", true));
        assert!(is_in_doubt("two", true));
        assert!(is_in_doubt("two", true), "it still is");
        assert!(!is_in_doubt("two", false));
        assert!(!is_in_doubt("two", true));
        assert!(is_in_doubt("one", true), "it was read long ago");
        let (first, second) = (reading.level(), reading.level());
        assert_ne!(first, second);
    }
}
