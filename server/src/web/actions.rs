//! What forms do: each changes a job, and leads back to a page.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use pipulate::{Job, JobInfo};
use tokio::sync::watch;

use super::base::{Base, name_of};
use super::blocking;
use super::body::{Form, Htmx, SESSION, Session};
use super::pages::{Notice, Shown, chain_response};
use super::tenant::Whose;
use crate::app::{App, Change, Submitted};
use crate::error::Error;
use crate::form::Submission;
use crate::workflow::Workflow;

type Of = Path<(String, String)>;
type OfStep = Path<(String, String, String)>;

/// Where a form's request came from, and where its answer goes.
struct Asked {
    app: Arc<App>,
    whose: Whose,
    base: Base,
    session: Session,
    htmx: Htmx,
    workflow: String,
    key: String,
}

impl Asked {
    /// The job as it is now: a part of the page for htmx, the way there for others.
    async fn back(self, step: Option<&str>) -> Result<Response, Error> {
        if self.htmx.0 {
            return self.shown(Shown::default()).await;
        }
        let workflow = name_of(&self.workflow);
        let mut address = self.base.job(workflow, name_of(&self.key));
        let number = step.and_then(|step| self.app.workflow(workflow).ok()?.position(step));
        if let Some(number) = number {
            address = format!("{address}#step-{}", number + 1);
        }
        see(&address)
    }

    async fn shown(self, shown: Shown) -> Result<Response, Error> {
        chain_response(
            self.app,
            self.whose,
            self.base,
            self.session,
            self.htmx,
            self.workflow,
            self.key,
            shown,
        )
        .await
    }

    /// The job with what is wrong, and with what was typed; other errors have a page of their own.
    async fn refused(self, error: Error, step: Option<String>, submission: Submission) -> Result<Response, Error> {
        let is_about_job = matches!(
            &error,
            Error::Changed { .. }
                | Error::Invalid { .. }
                | Error::Running { .. }
                | Error::Elsewhere { .. }
                | Error::TooEarly { .. }
        ) || matches!(
            &error,
            Error::State(
                pipulate::Error::Finalized { .. }
                    | pipulate::Error::Conflict { .. }
                    | pipulate::Error::JobExists { .. }
                    | pipulate::Error::InvalidName { .. }
                    | pipulate::Error::TooLarge { .. }
                    | pipulate::Error::Unrepresentable { .. }
            )
        );
        if !is_about_job {
            return Err(error);
        }
        let problems = match (&error, &step) {
            (Error::Invalid { problems }, Some(step)) => Some((step.clone(), problems.clone())),
            _ => None,
        };
        let typed = step.filter(|_| submission.answers.is_some());
        self.shown(Shown {
            status: error.status(),
            notice: Some(Notice::of(&error)),
            problems,
            typed: typed.map(|step| (step, submission)),
        })
        .await
    }
}

fn see(address: &str) -> Result<Response, Error> {
    let location =
        HeaderValue::from_str(address).map_err(|error| Error::system("the next page has no address", &error))?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response())
}

/// Waits a moment for a step that takes no longer than that.
pub(super) async fn wait(mut receiver: watch::Receiver<bool>, patience: Duration) {
    let _ = tokio::time::timeout(patience, receiver.wait_for(|ended| *ended)).await;
}

pub(super) async fn open(
    State(app): State<Arc<App>>,
    Whose(tenant): Whose,
    base: Base,
    Path(workflow): Path<String>,
    Form(submission): Form,
) -> Result<Response, Error> {
    let workflow = name_of(&workflow).to_owned();
    let (opened, patience) = {
        let (app, workflow) = (Arc::clone(&app), workflow.clone());
        let patience = app.settings.patience;
        let open = move || app.open(&tenant, app.workflow(&workflow)?, submission.other("key"));
        (blocking(open).await?, patience)
    };
    let (key, receiver) = opened;
    if let Some(receiver) = receiver {
        wait(receiver, patience).await;
    }
    see(&base.job(&workflow, key.as_str()))
}

pub(super) async fn submit(
    State(app): State<Arc<App>>,
    whose: Whose,
    base: Base,
    session: Session,
    htmx: Htmx,
    Path((workflow, key, step)): OfStep,
    Form(submission): Form,
) -> Result<Response, Error> {
    let step = name_of(&step).to_owned();
    let mut session = session;
    let cookie = new_session(&app, &workflow, &step, &mut session, &base);
    let asked = Asked {
        app,
        whose,
        base,
        session,
        htmx,
        workflow,
        key,
    };
    let submitted = {
        let (app, tenant, session) = (Arc::clone(&asked.app), asked.whose.0.clone(), asked.session.0.clone());
        let (workflow, key) = (name_of(&asked.workflow).to_owned(), name_of(&asked.key).to_owned());
        let (step, submission) = (step.clone(), submission.clone());
        blocking(move || {
            let workflow = app.workflow(&workflow)?;
            app.submit(&tenant, session.as_deref(), workflow, &key, &step, &submission)
        })
        .await
    };
    match submitted {
        Ok(Submitted::Started(receiver)) => {
            wait(receiver, asked.app.settings.patience).await;
            let mut response = asked.back(Some(&step)).await?;
            response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
            Ok(response)
        }
        // Nothing was kept under the new name.
        Ok(Submitted::Before) => asked.back(Some(&step)).await,
        Err(error) => asked.refused(error, Some(step), submission).await,
    }
}

/// A session where a form has a secret, and there is none yet.
fn new_session(app: &App, workflow: &str, step: &str, session: &mut Session, base: &Base) -> Option<HeaderValue> {
    let workflow = app.workflow(name_of(workflow)).ok()?;
    let step = &workflow.steps()[workflow.position(step)?];
    let is_ours = session.0.as_deref().is_some_and(|name| app.sessions.is_known(name));
    if is_ours || !step.fields().iter().any(crate::workflow::Field::is_secret) {
        return None;
    }
    let name = uuid::Uuid::new_v4().simple().to_string();
    let cookie = format!(
        "{SESSION}={name}; Path={}; HttpOnly; SameSite=Strict",
        base.cookie_path()
    );
    session.0 = Some(name);
    HeaderValue::from_str(&cookie).ok()
}

/// A change that leads back to the job.
macro_rules! change {
    ($name:ident, $change:expr, $make:expr) => {
        pub(super) async fn $name(
            State(app): State<Arc<App>>,
            whose: Whose,
            base: Base,
            session: Session,
            htmx: Htmx,
            Path((workflow, key)): Of,
            Form(submission): Form,
        ) -> Result<Response, Error> {
            let asked = Asked {
                app,
                whose,
                base,
                session,
                htmx,
                workflow,
                key,
            };
            changed(asked, None, submission, $change, $make).await
        }
    };
}

change!(undo, Change::OfValues("undo the last change"), App::undo);
change!(finalize, Change::OfLife, |_, _, job, _| Ok(job.finalize()?));
change!(unfinalize, Change::OfLife, |_, _, job, _| Ok(job.unfinalize()?));
change!(undelete, Change::OfLife, |_, _, job, _| {
    job.pip().undelete(job.key().as_str())?;
    Ok(())
});

async fn changed(
    asked: Asked,
    step: Option<&str>,
    submission: Submission,
    change: Change,
    make: impl FnOnce(&App, &Workflow, &Job, &JobInfo) -> Result<(), Error> + Send + 'static,
) -> Result<Response, Error> {
    let made = {
        let (app, tenant) = (Arc::clone(&asked.app), asked.whose.0.clone());
        let (workflow, key) = (name_of(&asked.workflow).to_owned(), name_of(&asked.key).to_owned());
        let submission = submission.clone();
        blocking(move || {
            let workflow = app.workflow(&workflow)?;
            app.change(&tenant, workflow, &key, &submission, change, |job, info| {
                make(&app, workflow, job, info)
            })
        })
        .await
    };
    match made {
        Ok(_) => asked.back(step).await,
        Err(error) => asked.refused(error, None, submission).await,
    }
}

pub(super) async fn revert(
    State(app): State<Arc<App>>,
    whose: Whose,
    base: Base,
    session: Session,
    htmx: Htmx,
    Path((workflow, key, step)): OfStep,
    Form(submission): Form,
) -> Result<Response, Error> {
    let step = name_of(&step).to_owned();
    let asked = Asked {
        app,
        whose,
        base,
        session,
        htmx,
        workflow,
        key,
    };
    let to = step.clone();
    changed(
        asked,
        Some(&step),
        submission,
        Change::OfValues("go back to the step"),
        move |app, workflow, job, info| app.revert(workflow, job, info, &to),
    )
    .await
}

pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    whose: Whose,
    base: Base,
    session: Session,
    htmx: Htmx,
    Path((workflow, key)): Of,
    _: Form,
) -> Result<Response, Error> {
    let asked = Asked {
        app,
        whose,
        base,
        session,
        htmx,
        workflow,
        key,
    };
    let (app, tenant) = (Arc::clone(&asked.app), asked.whose.0.clone());
    let (workflow, key) = (name_of(&asked.workflow).to_owned(), name_of(&asked.key).to_owned());
    blocking(move || {
        let workflow = app.workflow(&workflow)?;
        app.cancel(&tenant, workflow, &key)
    })
    .await?;
    asked.back(None).await
}

pub(super) async fn fork(
    State(app): State<Arc<App>>,
    whose: Whose,
    base: Base,
    session: Session,
    Path((workflow, key)): Of,
    Form(submission): Form,
) -> Result<Response, Error> {
    let asked = Asked {
        app,
        whose,
        base,
        session,
        htmx: Htmx(false),
        workflow,
        key,
    };
    let made = {
        let (app, tenant) = (Arc::clone(&asked.app), asked.whose.0.clone());
        let (workflow, key) = (name_of(&asked.workflow).to_owned(), name_of(&asked.key).to_owned());
        let submission = submission.clone();
        blocking(move || {
            let workflow = app.workflow(&workflow)?;
            app.copy(&tenant, workflow, &key, &submission)
        })
        .await
    };
    match made {
        Ok(new_key) => see(&asked.base.job(name_of(&asked.workflow), &new_key)),
        Err(error) => asked.refused(error, None, submission).await,
    }
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    whose: Whose,
    base: Base,
    session: Session,
    Path((workflow, key)): Of,
    Form(submission): Form,
) -> Result<Response, Error> {
    let asked = Asked {
        app,
        whose,
        base,
        session,
        htmx: Htmx(false),
        workflow,
        key,
    };
    let home = asked.base.workflow(name_of(&asked.workflow));
    let response = changed(
        asked,
        None,
        submission,
        Change::OfLife,
        |_, _, job, _| Ok(job.delete()?),
    )
    .await?;
    if response.status() == StatusCode::SEE_OTHER {
        see(&home)
    } else {
        Ok(response)
    }
}
