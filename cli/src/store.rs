//! Which store a command works on.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use pipulate::{Job, Pip, Place, PlaceEnv, Source};

use crate::failure::{Failure, LIST_JOBS};
use crate::json_text::last_word;

/// The option `--db` that every command has.
#[derive(Args)]
pub(crate) struct StoreOption {
    /// The store: sqlite:PATH or a path
    #[arg(
        long = "db",
        long_help = "sqlite:PATH or a path; otherwise PIPULATE_URL says it, else `url` in the nearest pipulate.toml upward from the \
                     working folder, else it is the nearest .pipulate/pipeline.db upward, else pipulate/pipeline.db in the \
                     user's data folder",
        global = true,
        value_name = "URL",
        hide_short_help = true,
        help_heading = "The store, for any command"
    )]
    url: Option<String>,
}

impl StoreOption {
    /// The place that belongs to the working folder.
    pub(crate) fn place(&self) -> Result<Place> {
        self.place_for(&working_folder()?)
    }

    /// The place that `--db` names, where it is given.
    pub(crate) fn given(&self) -> Result<Option<Place>> {
        self.url.as_ref().map(|_| self.place()).transpose()
    }

    /// The place that belongs to a notebook's folder, where Jupyter would start its kernel too. What `--db` and
    /// `PIPULATE_URL` name is relative to the working folder all the same.
    pub(crate) fn place_for(&self, folder: &Path) -> Result<Place> {
        let environment = PlaceEnv::of_process();
        Ok(match &self.url {
            Some(url) => Place::given(url, &working_folder()?, &environment)
                .map_err(|error| Failure::usage(error.full_message()))?,
            None if environment.url.is_some() => Place::resolve(&working_folder()?, &environment)?,
            None => Place::resolve(folder, &environment)?,
        })
    }

    /// The store, made where it is missing.
    pub(crate) fn create(&self) -> Result<Pip> {
        open(&self.place()?)
    }

    /// The store; `None` where there is none yet. Looking does not make one.
    pub(crate) fn find(&self) -> Result<Option<Pip>> {
        let place = self.place()?;
        if is_there(&place)? {
            open(&place).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The store, which must be there.
    pub(crate) fn existing(&self) -> Result<Pip> {
        let place = self.place()?;
        if !is_there(&place)? {
            let message = format!("there is no store at {} ({})", place.path().display(), place.origin());
            let help = "A notebook makes it with its first value, and so does `pipulate job set`. Another one is named with --db.";
            return Err(Failure::missing(message).help(help).into());
        }
        open(&place)
    }

    /// A job that must be there. Deleted ones are not.
    pub(crate) fn job(&self, key: &str) -> Result<Job> {
        let job = self.existing()?.job(key)?;
        match job.info()? {
            Some(info) if !info.deleted => Ok(job),
            Some(_) => Err(deleted_job(key)),
            None => Err(missing_job(key)),
        }
    }
}

/// Opens a place for the command line.
pub(crate) fn open(place: &Place) -> Result<Pip> {
    Ok(Pip::open_place(place)?.as_source(Source::Cli))
}

/// The job is there no more, and can come back.
pub(crate) fn deleted_job(key: &str) -> anyhow::Error {
    Failure::missing(format!("the job `{key}` is deleted"))
        .help(format!("`pipulate job undelete {}` brings it back.", last_word(key)))
        .into()
}

/// There is no such job.
pub(crate) fn missing_job(key: &str) -> anyhow::Error {
    Failure::missing(format!("there is no job `{key}`"))
        .help(LIST_JOBS)
        .into()
}

fn working_folder() -> Result<PathBuf> {
    env::current_dir().context("the working folder cannot be read")
}

/// Whether there is a store. A place that cannot be looked at is an error: it may hold one.
fn is_there(place: &Place) -> Result<bool> {
    use anyhow::Context as _;
    let path = place.path();
    path.try_exists().with_context(|| {
        format!(
            "cannot tell whether there is a store at {} ({})",
            path.display(),
            place.origin()
        )
    })
}
