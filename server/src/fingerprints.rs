//! The fingerprints of all steps, worked out once from the text that they were compiled from.

use std::collections::HashMap;

use crate::workflow::Workflow;

/// By workflow and step. A workflow without source has none: its values never turn stale by their code.
pub(crate) fn of(workflows: &[Workflow]) -> HashMap<(String, String), String> {
    let mut fingerprints = HashMap::new();
    for workflow in workflows {
        let Some(source) = workflow.source_text() else { continue };
        for step in workflow.steps() {
            if let Some(fingerprint) = analysed(source, step.function_name()) {
                fingerprints.insert((workflow.name().to_owned(), step.name().to_owned()), fingerprint);
            }
        }
    }
    fingerprints
}

/// One step's.
fn analysed(source: crate::workflow::Source, function: &str) -> Option<String> {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for text in [source.cells, source.steps, source.manifest, function] {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    Some(hex::encode(hash.finalize())[..32].to_owned())
}
