//! Names: any UTF-8 text of 1 to 200 characters without control characters. No name is reserved.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// The longest name there may be, in characters.
pub const LONGEST_NAME: usize = 200;

fn check(what: &str, name: &str) -> Result<()> {
    let reason = if name.is_empty() {
        "it is empty".to_owned()
    } else if let Some(control) = name.chars().find(|character| character.is_control()) {
        format!("it contains the control character {}", control.escape_default())
    } else {
        // Bytes bound characters from above, so that only long names are counted.
        let length = if name.len() > LONGEST_NAME {
            name.chars().count()
        } else {
            0
        };
        if length <= LONGEST_NAME {
            return Ok(());
        }
        format!("it has {length} characters; a name has at most {LONGEST_NAME}")
    };
    Err(Error::InvalidName {
        what: what.to_owned(),
        name: name.to_owned(),
        reason,
    })
}

macro_rules! name {
    ($(#[$documentation:meta])* $type:ident, $what:literal) => {
        $(#[$documentation])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Checks the name: 1 to 200 characters, none of them a control character.
            pub fn new(name: impl AsRef<str>) -> Result<Self> {
                let name = name.as_ref();
                check($what, name)?;
                Ok(Self(name.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, formatter)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = Error;
            fn from_str(name: &str) -> Result<Self> {
                Self::new(name)
            }
        }

        impl TryFrom<&str> for $type {
            type Error = Error;
            fn try_from(name: &str) -> Result<Self> {
                Self::new(name)
            }
        }

        impl TryFrom<String> for $type {
            type Error = Error;
            fn try_from(name: String) -> Result<Self> {
                Self::new(name)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.as_str().to_owned()
            }
        }

        impl PartialEq<str> for $type {
            fn eq(&self, other: &str) -> bool {
                self.as_str() == other
            }
        }

        impl PartialEq<&str> for $type {
            fn eq(&self, other: &&str) -> bool {
                self.as_str() == *other
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                let name = String::deserialize(deserializer)?;
                Self::new(name).map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(
    /// The key of a job, unique within its tenant.
    JobKey,
    "job key"
);
name!(
    /// The name of a step, unique within its job.
    StepName,
    "step name"
);
name!(
    /// The workflow that a job is a run of.
    WorkflowName,
    "workflow name"
);
name!(
    /// Whose jobs these are. Every query is bound by it.
    Tenant,
    "tenant"
);

impl WorkflowName {
    /// The workflow of a job made by a front end that names none.
    pub fn notebook() -> Self {
        Self("notebook".into())
    }
}

impl Tenant {
    /// The one tenant of a store that is not shared between accounts.
    pub fn local() -> Self {
        Self("local".into())
    }
}

impl Default for Tenant {
    fn default() -> Self {
        Self::local()
    }
}
