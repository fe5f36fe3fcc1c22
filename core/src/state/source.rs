use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which front end made a change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum Source {
    /// A notebook's cell, through the kernel.
    Notebook,
    /// The web application.
    Web,
    /// The command line.
    Cli,
    /// A Rust program that uses this library.
    #[default]
    Rust,
    /// Any other, by its own name.
    Other(String),
}

impl Source {
    /// Its name, as it stands in the history.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Notebook => "notebook",
            Self::Web => "web",
            Self::Cli => "cli",
            Self::Rust => "rust",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl From<&str> for Source {
    fn from(name: &str) -> Self {
        match name {
            "notebook" => Self::Notebook,
            "web" => Self::Web,
            "cli" => Self::Cli,
            "rust" => Self::Rust,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl From<String> for Source {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.as_str().to_owned()
    }
}

impl FromStr for Source {
    type Err = Infallible;
    fn from_str(name: &str) -> Result<Self, Infallible> {
        Ok(Self::from(name))
    }
}
