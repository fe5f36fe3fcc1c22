//! The rules of the core, one after the other. Every test runs unchanged on every store.

use pipulate::{EventKind, Input, Recording, json};

mod history;
mod jobs;
mod steps;
mod values;

pub(super) fn names(job: &pipulate::Job) -> Vec<String> {
    job.steps().unwrap().into_iter().map(|step| step.name.into()).collect()
}

pub(super) fn suggested(job: &pipulate::Job) -> Vec<String> {
    job.steps()
        .unwrap()
        .into_iter()
        .filter(|step| step.suggested)
        .map(|step| step.name.into())
        .collect()
}

pub(super) fn kinds(job: &pipulate::Job) -> Vec<EventKind> {
    job.history(None).unwrap().into_iter().map(|event| event.kind).collect()
}

pub(super) fn recording(fingerprint: &str, inputs: &[(&str, &str)], untracked: &[&str]) -> Recording {
    Recording {
        fingerprint: fingerprint.to_owned(),
        inputs: inputs
            .iter()
            .map(|(step, value)| Input {
                step: step.parse().unwrap(),
                digest: json::digest(value),
            })
            .collect(),
        untracked: untracked.iter().map(|name| (*name).to_owned()).collect(),
    }
}
