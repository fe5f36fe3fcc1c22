//! Server-sent events: a page that is open hears of every change of its job.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::base::name_of;
use super::blocking;
use super::tenant::Whose;
use crate::app::App;
use crate::error::Error;
use crate::live::{Banner, JobId};

/// What prints a lot is shown a few times a second.
const PACE: Duration = Duration::from_millis(120);

/// What a page has been told.
struct Told {
    app: Arc<App>,
    id: JobId,
    job: tokio::sync::watch::Receiver<u64>,
    banner: tokio::sync::watch::Receiver<Banner>,
    closing: tokio::sync::watch::Receiver<bool>,
    next: Next,
}

enum Next {
    Hello,
    Banner,
    Changed,
    Wait,
}

pub(super) async fn events(
    State(app): State<Arc<App>>,
    Whose(tenant): Whose,
    Path((workflow, key)): Path<(String, String)>,
) -> Result<Response, Error> {
    let (id, revision) = {
        let app = Arc::clone(&app);
        let find = move || {
            let workflow = app.workflow(name_of(&workflow))?;
            let (_, info) = app.job(&tenant, workflow, name_of(&key))?;
            Ok(((tenant, info.key), info.revision))
        };
        blocking(find).await?
    };
    let told = Told {
        job: app.live.subscribe(id.clone(), revision),
        banner: app.live.banner(),
        closing: app.live.closing(),
        app,
        id,
        next: Next::Hello,
    };
    let events = stream::unfold(told, |mut told| async move {
        let event = told.next().await?;
        Some((Ok::<_, Infallible>(event), told))
    });
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}

impl Told {
    /// The next event; `None` when the server stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            match self.next {
                Next::Hello => {
                    self.next = Next::Banner;
                    return Some(Event::default().event("hello").data(&self.app.instance));
                }
                Next::Banner => {
                    self.next = Next::Changed;
                    let banner = self.banner.borrow_and_update().clone();
                    return Some(
                        Event::default()
                            .event("banner")
                            .data(serde_json::to_string(&banner).ok()?),
                    );
                }
                Next::Changed => {
                    self.next = Next::Wait;
                    self.job.borrow_and_update();
                    // A store that cannot be read now may be there again at the next change.
                    let Some(version) = self.version().await else { continue };
                    return Some(Event::default().event("changed").data(version));
                }
                Next::Wait => {
                    if *self.closing.borrow() {
                        return None;
                    }
                    tokio::select! {
                        changed = self.job.changed() => {
                            changed.ok()?;
                            tokio::time::sleep(PACE).await;
                            self.next = Next::Changed;
                        }
                        changed = self.banner.changed() => {
                            changed.ok()?;
                            self.next = Next::Banner;
                        }
                        changed = self.closing.changed() => {
                            changed.ok()?;
                            return None;
                        }
                    }
                }
            }
        }
    }

    async fn version(&self) -> Option<String> {
        let (app, id) = (Arc::clone(&self.app), self.id.clone());
        let read = move || {
            let info = app.pip(&id.0).job(id.1.as_str())?.info()?;
            Ok(version(&app, &id, info.map_or(0, |info| info.revision.number())))
        };
        blocking(read).await.ok()
    }
}

/// Tells one state of a page from another.
pub(super) fn version(app: &App, id: &JobId, revision: u64) -> String {
    format!("{revision}.{}", app.runs.version(id))
}
