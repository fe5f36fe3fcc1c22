//! The time and the ids of events: the one place where either is made.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// The time now: UTC, RFC 3339, always with six decimals, so that times sort as text.
pub(super) fn now() -> String {
    written(Timestamp::now())
}

/// The time so long ago; the beginning of time where there was no such time.
pub(super) fn ago(duration: Duration) -> String {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    written(Timestamp::now().checked_sub(duration).unwrap_or(Timestamp::UNIX_EPOCH))
}

fn written(timestamp: Timestamp) -> String {
    format!("{timestamp:.6}")
}

/// A `UUIDv7`.
pub(super) fn new_id() -> String {
    Uuid::now_v7().to_string()
}
