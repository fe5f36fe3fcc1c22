//! HTTP: the routes, and what stands around them.

mod actions;
mod api;
mod assets;
pub(crate) mod base;
mod body;
mod events;
mod fields;
mod guard;
mod openapi;
mod pages;
mod render;
mod routes;
mod tenant;

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware;

use crate::app::App;
use crate::error::Error;

pub(crate) use fields::as_text;
pub use routes::RouteInfo;
pub(crate) use routes::list;

/// Calls that block, on a thread that may.
async fn blocking<T: Send + 'static>(call: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(call)
        .await
        .unwrap_or_else(|error| Err(Error::system("the request was not answered", &error)))
}

/// All routes, with their guards.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(app: &Arc<App>) -> axum::Router<S> {
    let mut router = axum::Router::new();
    for route in routes::ROUTES {
        router = router.route(route.path, (route.handler)());
    }
    router
        .fallback(async |request: Request| Error::UnknownPage {
            path: request.uri().path().to_owned(),
        })
        .layer(middleware::from_fn_with_state(Arc::clone(app), guard::guard))
        .with_state(Arc::clone(app))
}
