use super::StepRow;
use crate::error::Result;
use crate::state::{StepName, StepStatus};

/// Whether a step still holds. `fingerprint` is that of the code as it stands now, where it is known; `digest_of` gives the digest of a
/// step's value if that step is done.
pub fn status(
    step: Option<&StepRow>,
    fingerprint: Option<&str>,
    mut digest_of: impl FnMut(&StepName) -> Result<Option<String>>,
) -> Result<StepStatus> {
    let Some(step) = step.filter(|step| step.value.is_some()) else {
        return Ok(StepStatus::Missing);
    };
    if step.suggested {
        return Ok(StepStatus::Suggested);
    }
    // A value given by hand is someone's decision; no code can make it stale.
    let Some(recording) = &step.recording else {
        return Ok(StepStatus::Fresh);
    };
    if fingerprint.is_some_and(|fingerprint| fingerprint != recording.fingerprint) {
        return Ok(StepStatus::StaleCode);
    }
    for input in &recording.inputs {
        if input.step != step.name && digest_of(&input.step)?.unwrap_or_default() != input.digest {
            return Ok(StepStatus::StaleInput(input.step.clone()));
        }
    }
    Ok(match recording.untracked.first() {
        Some(variable) => StepStatus::StaleUntracked(variable.clone()),
        None => StepStatus::Fresh,
    })
}
