//! Addresses of pages, under whatever prefix the app that mounts them has chosen.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The prefix: empty, or a path that does not end with a slash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Base(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Base {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let OriginalUri(original) = OriginalUri::from_request_parts(parts, state).await?;
        Ok(Self::of(original.path(), parts.uri.path()))
    }
}

impl Base {
    /// What `outer` has before `inner`.
    fn of(outer: &str, inner: &str) -> Self {
        let prefix = outer
            .strip_suffix(inner)
            .or_else(|| outer.strip_suffix(inner.trim_start_matches('/')));
        let prefix = if inner == "/" {
            outer
        } else {
            prefix.unwrap_or_default()
        };
        Self(prefix.trim_end_matches('/').to_owned())
    }

    pub(crate) fn home(&self) -> String {
        format!("{}/", self.0)
    }

    /// Where cookies hold.
    pub(crate) fn cookie_path(&self) -> &str {
        if self.0.is_empty() { "/" } else { &self.0 }
    }

    pub(crate) fn workflow(&self, workflow: &str) -> String {
        format!("{}/w/{}", self.0, segment(workflow))
    }

    pub(crate) fn jobs(&self, workflow: &str) -> String {
        format!("{}/jobs", self.workflow(workflow))
    }

    pub(crate) fn job(&self, workflow: &str, job: &str) -> String {
        format!("{}/j/{}", self.workflow(workflow), segment(job))
    }

    pub(crate) fn of_job(&self, workflow: &str, job: &str, what: &str) -> String {
        format!("{}/{what}", self.job(workflow, job))
    }

    pub(crate) fn value(&self, workflow: &str, job: &str, name: &str) -> String {
        format!("{}/values/{}", self.job(workflow, job), segment(name))
    }

    pub(crate) fn step(&self, workflow: &str, job: &str, step: &str) -> String {
        format!("{}/s/{}", self.job(workflow, job), segment(step))
    }

    pub(crate) fn asset(&self, name: &str) -> String {
        format!("{}/assets/{name}", self.0)
    }
}

/// A name as a part of a path. `.` and `..` would be taken for the folder and the one above it.
pub(crate) fn segment(name: &str) -> String {
    let escaped = if name == "." || name == ".." || name.starts_with('~') {
        "~"
    } else {
        ""
    };
    format!("{escaped}{}", utf8_percent_encode(name, KEPT))
}

/// The name that a part of a path stands for; percents are decoded already.
pub(crate) fn name_of(segment: &str) -> &str {
    segment.strip_prefix('~').unwrap_or(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_what_the_outer_app_took() {
        for (outer, inner, expected) in [
            ("/", "/", ""),
            ("/w/a", "/w/a", ""),
            ("/tools", "/", "/tools"),
            ("/tools/", "/", "/tools"),
            ("/a/b/w/x%20y", "/w/x%20y", "/a/b"),
        ] {
            assert_eq!(Base::of(outer, inner).0, expected, "{outer} {inner}");
        }
    }

    #[test]
    fn any_name_is_a_part_of_a_path() {
        for name in ["a", "a/b", "..", ".", "~", "~x", "é ?#&%", "a b"] {
            let segment = segment(name);
            assert!(!segment.contains(['/', '?', '#', ' ', '&']) && segment != ".." && segment != ".");
            let decoded = percent_encoding::percent_decode_str(&segment).decode_utf8().unwrap();
            assert_eq!(name_of(&decoded), name);
        }
    }
}
