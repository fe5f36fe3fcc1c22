use std::fmt;

use serde::{Deserialize, Serialize};

/// A point in a job's history. Each event of a job raises it by one; a step's revision is that of the event
/// which last changed its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(u64);

impl Revision {
    /// Before the first event: the revision of a step that has no value.
    pub const NONE: Self = Self(0);

    /// The revision with this number.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The number; 0 stands for no revision.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Whether there is no value.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The revision after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
