use serde::{Deserialize, Serialize};

use super::StepName;

/// How a value was made by code: what decides later whether the step is still fresh.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Recording {
    /// A digest of the code and of all that it reaches by name.
    pub fingerprint: String,
    /// Each step value that the code read, but its own.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// Variables from outside that the code used; a step that has any is never fresh.
    #[serde(default)]
    pub untracked: Vec<String>,
}

/// A step value that code read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The step that was read.
    pub step: StepName,
    /// [`json::digest`](crate::json::digest) of the value as it was read; empty when the step had none.
    pub digest: String,
}
