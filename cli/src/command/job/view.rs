//! Jobs, steps and events as the commands write them: JSON for programs, cells of a table for people.

use std::io::Write;

use anyhow::Result;
use pipulate::{Event, JobInfo, Recording, StepInfo, StepName};
use serde::Serialize;
use serde_json::value::RawValue;

/// A job in JSON.
#[derive(Serialize)]
pub(super) struct JobView<'a> {
    id: &'a str,
    key: &'a str,
    workflow: &'a str,
    created: &'a str,
    updated: &'a str,
    revision: u64,
    finalized: bool,
    deleted: bool,
}

impl<'a> From<&'a JobInfo> for JobView<'a> {
    fn from(info: &'a JobInfo) -> Self {
        Self {
            id: &info.id,
            key: info.key.as_str(),
            workflow: info.workflow.as_str(),
            created: &info.created,
            updated: &info.updated,
            revision: info.revision.number(),
            finalized: info.finalized,
            deleted: info.deleted,
        }
    }
}

/// A step in JSON. Its value is the stored text, keys in the order in which they were written.
#[derive(Serialize)]
pub(super) struct StepView<'a> {
    name: &'a str,
    value: &'a RawValue,
    revision: u64,
    updated: &'a str,
    source: &'a str,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recording: Option<&'a Recording>,
}

impl<'a> StepView<'a> {
    pub(super) fn new(step: &'a StepInfo) -> Result<Self> {
        Ok(Self {
            name: step.name.as_str(),
            value: serde_json::from_str(&step.value)?,
            revision: step.revision.number(),
            updated: &step.updated,
            source: step.source.as_str(),
            status: step.status.to_string(),
            recording: step.recording.as_ref(),
        })
    }
}

/// An event in JSON. A value that is absent is left out, since `null` is a value.
#[derive(Serialize)]
pub(super) struct EventView<'a> {
    id: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<&'a RawValue>,
    revision: u64,
    change: u64,
    source: &'a str,
    time: &'a str,
}

impl<'a> EventView<'a> {
    pub(super) fn new(event: &'a Event) -> Result<Self> {
        let raw = |text: &'a Option<String>| text.as_deref().map(serde_json::from_str::<&RawValue>).transpose();
        Ok(Self {
            id: &event.id,
            kind: event.kind.as_str(),
            step: event.step.as_ref().map(StepName::as_str),
            value: raw(&event.value)?,
            previous: raw(&event.previous)?,
            revision: event.revision.number(),
            change: event.change.number(),
            source: event.source.as_str(),
            time: &event.time,
        })
    }
}

/// A time of the store for people: to the second.
pub(super) fn time(rfc3339: &str) -> String {
    let (seconds, _) = rfc3339.split_once('.').unwrap_or((rfc3339, ""));
    format!("{}Z", seconds.trim_end_matches('Z')).replace('T', " ")
}

/// Whether a job is open, in one word.
pub(super) fn state(info: &JobInfo) -> &'static str {
    match (info.deleted, info.finalized) {
        (true, _) => "deleted",
        (false, true) => "finalized",
        (false, false) => "open",
    }
}

/// Writes JSON for a program, indented for those who look at it all the same.
pub(super) fn write_json(out: &mut dyn Write, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    Ok(writeln!(out, "{text}")?)
}
