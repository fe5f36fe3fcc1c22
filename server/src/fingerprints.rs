//! The fingerprints of all steps, worked out once from the text that they were compiled from, by the very code with which the kernel works
//! out those of cells.

use std::collections::HashMap;

use pipulate_port::analysis::Source;

use crate::workflow::Workflow;

/// By workflow and step. A step whose source is not known has none: its values never turn stale by their code.
pub(crate) fn of(workflows: &[Workflow]) -> HashMap<(String, String), String> {
    let mut fingerprints = HashMap::new();
    for workflow in workflows {
        let Some(text) = workflow.source_text() else { continue };
        let source = match Source::parse(text.cells, text.steps, text.manifest) {
            Ok(source) => source,
            Err(error) => {
                tracing::warn!(workflow = workflow.name(), %error, "the workflow's source does not parse: a change of its code will not show");
                continue;
            }
        };
        for step in workflow.steps() {
            if let Some(fingerprint) = source.fingerprint(step.function_name()) {
                fingerprints.insert((workflow.name().to_owned(), step.name().to_owned()), fingerprint);
            }
        }
    }
    fingerprints
}
