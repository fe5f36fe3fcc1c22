//! What stands around every route: who may ask, how errors look, which headers a response has.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use super::base::Base;
use super::render;
use crate::app::App;
use crate::error::Error;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(super) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let (mut parts, body) = request.into_parts();
    let Ok(base) = Base::from_request_parts(&mut parts, &()).await;
    let request = Request::from_parts(parts, body);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let is_api = is_api(&path);
    let span = tracing::info_span!("request", method = %request.method(), path = request.uri().path());
    let checked = may_ask(&app, request.method(), request.uri(), request.headers());
    let response = match checked {
        Ok(()) => next.run(request).instrument(span.clone()).await,
        Err(error) => error.into_response(),
    };
    let response = explained(response, &method, &path);
    let mut response = match response.extensions().get::<Arc<Error>>().cloned() {
        Some(error) => {
            if error.status().is_server_error() {
                tracing::error!(parent: &span, %error, "a request failed");
            }
            let allowed = response.headers().get(ALLOW).cloned();
            let mut drawn = render::error(&app, &base, &error, is_api);
            drawn.headers_mut().extend(allowed.map(|allowed| (ALLOW, allowed)));
            drawn
        }
        None => response,
    };
    set_headers(response.headers_mut());
    let microseconds = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    app.metrics.count(response.status().as_u16(), microseconds);
    tracing::debug!(parent: &span, status = response.status().as_u16(), microseconds, "answered");
    response
}

/// What the router refuses by itself is an error like any other.
fn explained(response: Response, method: &Method, path: &str) -> Response {
    if response.extensions().get::<Arc<Error>>().is_some() {
        return response;
    }
    let error = match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => Error::WrongMethod {
            method: method.to_string(),
            path: path.to_owned(),
        },
        // Handlers refuse a request with an error of ours.
        StatusCode::BAD_REQUEST => Error::Malformed {
            reason: format!("{path} is no address in UTF-8"),
        },
        _ => return response,
    };
    let mut explained = error.into_response();
    let allowed = response.headers().get(ALLOW).cloned();
    explained.headers_mut().extend(allowed.map(|allowed| (ALLOW, allowed)));
    explained
}

/// Whether errors on this path are JSON.
fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/") || path == "/healthz" || path == "/metrics"
}

fn set_headers(headers: &mut HeaderMap) {
    let set = |headers: &mut HeaderMap, name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(headers, CONTENT_SECURITY_POLICY, POLICY);
    set(headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, X_FRAME_OPTIONS, "DENY");
    // With `no-referrer`, a browser would not say either from which page a form comes.
    set(headers, REFERRER_POLICY, "same-origin");
    set(
        headers,
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    set(
        headers,
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    set(headers, CACHE_CONTROL, "no-store");
    set(headers, VARY, "hx-request");
}

fn may_ask(app: &App, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Error> {
    // Whoever stands between browser and server may go by any of them.
    let named = headers
        .get_all(HOST)
        .iter()
        .map(|host| host.to_str().unwrap_or_default());
    let hosts: Vec<&str> = named
        .chain(uri.authority().map(axum::http::uri::Authority::as_str))
        .collect();
    // A name of somebody else's that leads here would make their pages ours.
    if !app.settings.hosts.is_empty() {
        let is_ours = |host: &&str| {
            let name = without_port(host).unwrap_or_default();
            let is_known =
                |known: &String| known.eq_ignore_ascii_case(name) || (is_loopback(known) && is_loopback(name));
            app.settings.hosts.iter().any(is_known)
        };
        let foreign = match hosts.iter().find(|host| !is_ours(host)) {
            None if hosts.is_empty() => Some(""),
            foreign => foreign.copied(),
        };
        if let Some(foreign) = foreign {
            return Err(Error::ForeignHost {
                host: without_port(foreign).unwrap_or(foreign).to_owned(),
            });
        }
    }
    if method == Method::GET || method == Method::HEAD {
        return Ok(());
    }
    let all = |name: HeaderName| {
        headers
            .get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap_or("null"))
    };
    let mut sites = all(HeaderName::from_static("sec-fetch-site")).peekable();
    let is_own = if sites.peek().is_some() {
        sites.all(|site| matches!(site, "same-origin" | "none"))
    } else {
        // Without any, it is no browser.
        all(ORIGIN).all(|origin| {
            let of_origin = origin.split_once("://").map(|(_, host)| host);
            of_origin.is_some_and(|of_origin| hosts.contains(&of_origin))
        })
    };
    if is_own { Ok(()) } else { Err(Error::ForeignOrigin) }
}

/// The name of `name:port`; `None` where it is neither that nor a name alone.
fn without_port(host: &str) -> Option<&str> {
    let (name, rest) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => host.find(':').map_or((host, ""), |colon| host.split_at(colon)),
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port)).then_some(name)
}

fn is_loopback(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_from_ports() {
        for (host, name) in [
            ("localhost:8080", "localhost"),
            ("[::1]:8080", "::1"),
            ("127.0.0.1", "127.0.0.1"),
            ("example.org:1", "example.org"),
        ] {
            assert_eq!(without_port(host), Some(name));
        }
        for odd in [
            "localhost:8080@example.org",
            "[::1",
            "[::1]x",
            "localhost:1:2",
            "localhost:x",
        ] {
            assert_eq!(without_port(odd), None, "{odd}");
        }
        assert!(is_loopback("127.0.0.9") && is_loopback("LOCALHOST") && is_loopback("::1"));
        assert!(!is_loopback("127.0.0.1.example.org") && !is_loopback(""));
    }
}
