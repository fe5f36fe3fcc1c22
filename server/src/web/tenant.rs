//! Whose jobs a request is about.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use pipulate::Tenant;

/// The tenant: every handler takes it. There is one, until there are accounts.
#[derive(Clone, Debug)]
pub(crate) struct Whose(pub(crate) Tenant);

impl<S: Sync> FromRequestParts<S> for Whose {
    type Rejection = Infallible;

    fn from_request_parts(_: &mut Parts, _: &S) -> impl Future<Output = Result<Self, Infallible>> + Send {
        std::future::ready(Ok(Self(Tenant::local())))
    }
}
