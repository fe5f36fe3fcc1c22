//! The body of a request, within its limit.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_TYPE, COOKIE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt};
use serde_json::value::RawValue;

use crate::app::App;
use crate::error::Error;
use crate::form::{Answer, Submission, checked_token};
use crate::intake::Held;

/// How long the next part of a body may take.
const IDLE: Duration = Duration::from_secs(30);

/// The cookie that names a session.
pub(crate) const SESSION: &str = "pipulate_session";

/// What a form brings.
pub(crate) struct Form(pub(crate) Submission);

impl FromRequest<Arc<App>> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let content_type = request.headers().get(CONTENT_TYPE).cloned();
        let (body, held) = read(request, app).await.map_err(IntoResponse::into_response)?;
        let content_type = content_type
            .as_ref()
            .map(|value| value.to_str().unwrap_or("unreadable"));
        let read = Submission::read(content_type, body).await;
        let mut submission = read.map_err(IntoResponse::into_response)?;
        submission.held = Some(held);
        Ok(Self(submission))
    }
}

/// What a call of the API brings: an object, or nothing.
pub(crate) struct Json(pub(crate) Submission);

impl FromRequest<Arc<App>> for Json {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (body, held) = read(request, app).await.map_err(IntoResponse::into_response)?;
        let mut submission = submission(&body).map_err(IntoResponse::into_response)?;
        submission.held = Some(held);
        Ok(Self(submission))
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
        token: call.token.map(checked_token).transpose()?,
        held: None,
    })
}

async fn read(request: Request, app: &App) -> Result<(Bytes, Arc<Held>), Error> {
    let limit = app.settings.body_limit;
    let body = request.into_body();
    // One that says itself that it is too large is not read.
    if body.size_hint().lower() > limit as u64 {
        return Err(Error::TooLarge { limit });
    }
    let mut held = app.intake.begin();
    let whole = collect(body.into_data_stream(), limit, &mut held, IDLE).await?;
    Ok((whole.into(), Arc::new(held)))
}

/// All of a body; `idle` is how long its next part may take.
async fn collect<E: Display>(
    mut stream: impl Stream<Item = Result<Bytes, E>> + Unpin,
    limit: usize,
    held: &mut Held,
    idle: Duration,
) -> Result<Vec<u8>, Error> {
    let mut whole = Vec::new();
    loop {
        let Ok(chunk) = tokio::time::timeout(idle, stream.next()).await else {
            return Err(Error::Unfinished);
        };
        let Some(chunk) = chunk else { return Ok(whole) };
        let chunk = chunk.map_err(|error| Error::Malformed {
            reason: error.to_string(),
        })?;
        if whole.len() + chunk.len() > limit {
            return Err(Error::TooLarge { limit });
        }
        if !held.grow(chunk.len()) {
            return Err(Error::Crowded);
        }
        whole.extend_from_slice(&chunk);
    }
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;
    use crate::intake::Intake;

    #[test]
    fn a_body_whose_rest_does_not_come_is_not_waited_for() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let first = || stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"abc"))]);
        let intake = Intake::new(100);
        runtime.unwrap().block_on(async {
            let collect = async |body| collect(body, 100, &mut intake.begin(), Duration::from_millis(20)).await;
            let stuck = collect(first().chain(stream::pending()).boxed()).await;
            assert!(matches!(stuck, Err(Error::Unfinished)), "{stuck:?}");
            assert_eq!(collect(first().boxed()).await.unwrap(), b"abc");
        });
    }
}
