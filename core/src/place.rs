//! The place where jobs live: notebook, command line and server that are started in one folder find the same one without being told.
//!
//! In this order:
//! 1. the environment variable `PIPULATE_URL`;
//! 2. `url` in the nearest `pipulate.toml`, from the working folder upward;
//! 3. the nearest `.pipulate/pipeline.db`, from the working folder upward;
//! 4. `pipulate/pipeline.db` in the user's data folder.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Cause, Error, Result};

/// The variable of the environment that names the place.
pub const URL_VARIABLE: &str = "PIPULATE_URL";
/// The file that may name the place.
pub const CONFIG_FILE: &str = "pipulate.toml";
/// The store of a folder and all below it.
pub const FOLDER_STORE: &str = ".pipulate/pipeline.db";

/// What the environment says about where things are. Read once, at the edge of the program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlaceEnv {
    /// `PIPULATE_URL`, where it is set and not empty; as it stands, for [`Place::resolve`] to refuse what is not UTF-8.
    pub url: Option<OsString>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// The user's data folder.
    pub data: Option<PathBuf>,
}

impl PlaceEnv {
    /// From the environment of this process.
    pub fn of_process() -> Self {
        Self::from_variables(std::env::vars_os())
    }

    /// From variables and their values.
    pub fn from_variables(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut found = Self::default();
        let (mut xdg, mut roaming, mut local) = (None, None, None);
        for (name, value) in variables {
            if value.is_empty() {
                continue;
            }
            match name.to_str() {
                Some(URL_VARIABLE) => found.url = Some(value),
                Some("HOME") if !cfg!(windows) => found.home = Some(value.into()),
                Some("USERPROFILE") if cfg!(windows) => found.home = Some(value.into()),
                // The base directory specification tells to ignore relative paths.
                Some("XDG_DATA_HOME") => xdg = Some(PathBuf::from(value)).filter(|path| path.is_absolute()),
                Some("APPDATA") => roaming = Some(PathBuf::from(value)),
                Some("LOCALAPPDATA") => local = Some(PathBuf::from(value)),
                _ => {}
            }
        }
        let in_home = |folder: &str| found.home.as_ref().map(|home| home.join(folder));
        found.data = if cfg!(windows) {
            local.or(roaming)
        } else if cfg!(target_os = "macos") {
            in_home("Library/Application Support")
        } else {
            xdg.or_else(|| in_home(".local/share"))
        };
        found
    }
}

/// Why a place is the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `PIPULATE_URL` says so.
    Environment,
    /// This `pipulate.toml` says so.
    Config(PathBuf),
    /// This folder has a store of its own.
    Folder(PathBuf),
    /// Nothing else says anything.
    UserData,
    /// The caller said so.
    Given,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => formatter.write_str("the environment variable PIPULATE_URL"),
            Self::Config(file) => write!(formatter, "`url` in {}", file.display()),
            Self::Folder(folder) => write!(formatter, "the store of the folder {}", folder.display()),
            Self::UserData => formatter.write_str("the user's data folder"),
            Self::Given => formatter.write_str("the address that was given"),
        }
    }
}

/// A place where jobs live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    path: PathBuf,
    origin: Origin,
}

impl Place {
    /// The place that belongs to a working folder.
    pub fn resolve(working_folder: &Path, env: &PlaceEnv) -> Result<Self> {
        if let Some(url) = &env.url {
            let path = url
                .to_str()
                .ok_or_else(|| format!("`{}` is not UTF-8", url.display()))
                .and_then(|url| located(url, working_folder, env))
                .map_err(|reason| refused(URL_VARIABLE.to_owned(), reason))?;
            return Ok(Self {
                path,
                origin: Origin::Environment,
            });
        }
        for folder in working_folder.ancestors() {
            let file = folder.join(CONFIG_FILE);
            let Some(config) = read_config(&file)? else { continue };
            // The nearest file decides, even where it has nothing to say about the place.
            let Some(url) = config.url else { break };
            let path =
                located(&url, folder, env).map_err(|reason| refused(format!("`url` in {}", file.display()), reason))?;
            return Ok(Self {
                path,
                origin: Origin::Config(file),
            });
        }
        for folder in working_folder.ancestors() {
            let path = folder.join(FOLDER_STORE);
            // A link that leads nowhere is this folder's all the same, and an error once it is opened.
            if path.is_file() || path.is_symlink() {
                return Ok(Self {
                    path,
                    origin: Origin::Folder(folder.to_owned()),
                });
            }
        }
        let Some(data) = &env.data else {
            let reason = "the environment names no home folder; set PIPULATE_URL to a file".to_owned();
            return Err(refused("the user's data folder".to_owned(), reason));
        };
        Ok(Self {
            path: data.join("pipulate").join("pipeline.db"),
            origin: Origin::UserData,
        })
    }

    /// The place that an address names. A relative path starts at the working folder.
    pub fn given(url: &str, working_folder: &Path, env: &PlaceEnv) -> Result<Self> {
        let path = located(url, working_folder, env).map_err(|reason| refused(format!("`{url}`"), reason))?;
        Ok(Self {
            path,
            origin: Origin::Given,
        })
    }

    /// What to pass to [`Pip::open`](crate::Pip::open).
    pub fn url(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why this is the place.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// The path that an address names.
pub(crate) fn path_of(url: &str) -> Result<PathBuf> {
    path_in(url)
        .map(PathBuf::from)
        .map_err(|reason| refused(format!("`{url}`"), reason))
}

fn path_in(url: &str) -> std::result::Result<&str, String> {
    let path = match url.split_once(':') {
        // A single letter is a Windows drive.
        Some((scheme, rest)) if scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            if !scheme.eq_ignore_ascii_case("sqlite") {
                return Err(format!(
                    "this version knows no `{scheme}:`, only `sqlite:PATH` or a path"
                ));
            }
            rest.strip_prefix("//").unwrap_or(rest)
        }
        _ => url,
    };
    if path.is_empty() {
        Err("it names no file".to_owned())
    } else {
        Ok(path)
    }
}

fn located(url: &str, base: &Path, env: &PlaceEnv) -> std::result::Result<PathBuf, String> {
    let path = path_in(url)?;
    if let Some(rest) = path.strip_prefix("~/") {
        let home = env
            .home
            .as_ref()
            .ok_or("it starts in the home folder, which the environment does not name")?;
        return Ok(home.join(rest));
    }
    Ok(base.join(path))
}

#[derive(Deserialize)]
struct Config {
    url: Option<String>,
}

fn read_config(file: &Path) -> Result<Option<Config>> {
    let failed = |reason: &str, source: Cause| Error::Place {
        place: file.display().to_string(),
        reason: reason.to_owned(),
        source: Some(source),
    };
    let read = fs::metadata(file).and_then(|metadata| {
        if metadata.is_file() {
            fs::read_to_string(file).map(Some)
        } else {
            Ok(None)
        }
    });
    let text = match read {
        Ok(Some(text)) => text,
        // To read a pipe is to wait for whoever may never write to it.
        Ok(None) => {
            return Err(refused(
                file.display().to_string(),
                "it cannot be read, since it is no regular file".to_owned(),
            ));
        }
        // Jobs would go elsewhere without a word.
        Err(error) if error.kind() == io::ErrorKind::NotFound && file.is_symlink() => {
            return Err(failed("it is a link to a file that is not there", Cause::of(&error)));
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(failed("it cannot be read", Cause::of(&error))),
    };
    toml::from_str(&text)
        .map(Some)
        .map_err(|error| failed("it is not what a pipulate.toml must be", Cause::of(&error)))
}

fn refused(place: String, reason: String) -> Error {
    Error::Place {
        place,
        reason,
        source: None,
    }
}
