//! The body of a request, within its limit.

use std::sync::Arc;

use axum::body::{Bytes, HttpBody};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_TYPE, COOKIE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde_json::value::RawValue;

use crate::app::App;
use crate::error::Error;
use crate::form::{Answer, Submission};

/// The cookie that names a session.
pub(crate) const SESSION: &str = "pipulate_session";

/// What a form brings.
pub(crate) struct Form(pub(crate) Submission);

impl FromRequest<Arc<App>> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let content_type = request.headers().get(CONTENT_TYPE).cloned();
        let body = read(request, app).await.map_err(IntoResponse::into_response)?;
        let content_type = content_type.as_ref().and_then(|value| value.to_str().ok());
        Submission::read(content_type, body)
            .await
            .map(Self)
            .map_err(IntoResponse::into_response)
    }
}

/// What a call of the API brings: an object, or nothing.
pub(crate) struct Json(pub(crate) Submission);

impl FromRequest<Arc<App>> for Json {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let body = read(request, app).await.map_err(IntoResponse::into_response)?;
        submission(&body).map(Self).map_err(IntoResponse::into_response)
    }
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Call {
    values: Option<std::collections::BTreeMap<String, Box<RawValue>>>,
    revision: Option<pipulate::Revision>,
    token: Option<String>,
    key: Option<String>,
    from: Option<String>,
}

fn submission(body: &[u8]) -> Result<Submission, Error> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Submission::default());
    }
    let call: Call = serde_json::from_slice(body).map_err(|error| Error::Malformed {
        reason: error.to_string(),
    })?;
    let answers = call.values.map(|values| {
        let answers = values.into_iter();
        answers
            .map(|(field, json)| (field, Answer::Json(json.get().to_owned())))
            .collect()
    });
    let others = [("key", call.key), ("from", call.from)];
    Ok(Submission {
        answers,
        is_form: false,
        others: others
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect(),
        revision: call.revision,
        token: call.token,
    })
}

async fn read(request: Request, app: &App) -> Result<Bytes, Error> {
    let limit = app.settings.body_limit;
    let body = request.into_body();
    let too_large = Error::TooLarge { limit };
    // One that says itself that it is too large is not read.
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large);
    }
    let mut stream = body.into_data_stream();
    let mut whole = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| Error::Malformed {
            reason: error.to_string(),
        })?;
        if whole.len() + chunk.len() > limit {
            return Err(too_large);
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.into())
}

/// The session that the request belongs to, if it has one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session(pub(crate) Option<String>);

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = std::convert::Infallible;

    fn from_request_parts(parts: &mut Parts, _: &S) -> impl Future<Output = Result<Self, Self::Rejection>> + Send {
        let cookies = parts
            .headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let session = cookies
            .flat_map(|cookies| cookies.split(';'))
            .find_map(|cookie| cookie.trim().strip_prefix(SESSION)?.strip_prefix('='))
            // One that we have not made is none.
            .filter(|session| session.len() == 32 && session.bytes().all(|byte| byte.is_ascii_hexdigit()));
        std::future::ready(Ok(Self(session.map(str::to_owned))))
    }
}

/// Whether htmx asks: then a part of the page will do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Htmx(pub(crate) bool);

impl<S: Sync> FromRequestParts<S> for Htmx {
    type Rejection = std::convert::Infallible;

    fn from_request_parts(parts: &mut Parts, _: &S) -> impl Future<Output = Result<Self, Self::Rejection>> + Send {
        std::future::ready(Ok(Self(parts.headers.contains_key("hx-request"))))
    }
}
