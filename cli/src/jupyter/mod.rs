//! Where Jupyter keeps its data, and the kernelspecs there.

mod kernelspec;

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::failure::Failure;

pub(crate) use kernelspec::{DEFAULT_NAME, Installed, Kernelspec, KernelspecName};

/// What the environment says about Jupyter. Read once.
pub(crate) struct Jupyter {
    /// The virtual environment that is active.
    environment: Option<Environment>,
    /// The user's data folder of Jupyter.
    user: Option<PathBuf>,
    /// The folders of `JUPYTER_PATH`.
    extra: Vec<PathBuf>,
}

impl Jupyter {
    /// From the environment of this process.
    pub(crate) fn of_process() -> Self {
        Self::from_variables(env::var_os, dirs::home_dir(), dirs::data_dir())
    }

    fn from_variables(
        variable: impl Fn(&'static str) -> Option<OsString>,
        home: Option<PathBuf>,
        data: Option<PathBuf>,
    ) -> Self {
        // An empty variable is one that is not set. In JUPYTER_PATH an empty entry would be the working folder.
        let path = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let platform = if cfg!(target_os = "macos") {
            home.map(|home| home.join("Library/Jupyter"))
        } else {
            data.map(|data| data.join("jupyter"))
        };
        Self {
            environment: Environment::KINDS.iter().find_map(|&(variable, sign)| {
                let folder = path(variable)?;
                Some(Environment { variable, sign, folder })
            }),
            user: path("JUPYTER_DATA_DIR").or(platform),
            extra: variable("JUPYTER_PATH")
                .map(|list| env::split_paths(&list).filter(|folder| folder.is_absolute()).collect())
                .unwrap_or_default(),
        }
    }

    /// The active virtual environment.
    pub(crate) fn environment(&self) -> Option<&Environment> {
        self.environment.as_ref()
    }

    /// The user's data folder of Jupyter.
    pub(crate) fn user(&self) -> Option<&Path> {
        self.user.as_deref()
    }

    /// The data folders in which a Jupyter of this Python prefix looks for kernels.
    pub(crate) fn data_folders(&self, prefix: Option<&Path>) -> Vec<PathBuf> {
        let mut folders = self.extra.clone();
        folders.extend(self.user.clone());
        let environment = self
            .environment
            .as_ref()
            .map(|environment| environment.folder.as_path());
        folders.extend([prefix, environment].into_iter().flatten().map(shared));
        if cfg!(unix) {
            folders.extend(["/usr/local/share/jupyter", "/usr/share/jupyter"].map(PathBuf::from));
        }
        let mut seen = Vec::new();
        folders.retain(|folder| {
            !seen.contains(folder) && {
                seen.push(folder.clone());
                true
            }
        });
        folders
    }

    /// The program `jupyter-lab`: of the active virtual environment, else of the PATH.
    pub(crate) fn lab(&self) -> Option<PathBuf> {
        let programs = if cfg!(windows) { "Scripts" } else { "bin" };
        let name = format!("jupyter-lab{}", env::consts::EXE_SUFFIX);
        let own = self
            .environment
            .as_ref()
            .map(|environment| environment.folder.join(programs).join(name));
        own.filter(|program| crate::executables::is_executable(program))
            .or_else(|| crate::executables::on_path("jupyter-lab"))
    }
}

/// A virtual environment, as a variable of the environment names it.
pub(crate) struct Environment {
    variable: &'static str,
    /// What every environment of its kind has in it.
    sign: &'static str,
    folder: PathBuf,
}

impl Environment {
    /// The variables, in order, and what their environments have in them.
    const KINDS: [(&'static str, &'static str); 2] = [("VIRTUAL_ENV", "pyvenv.cfg"), ("CONDA_PREFIX", "conda-meta")];

    /// Its folder, which must be an environment: a variable outlives the folder it names, and nothing is to be put in its place.
    pub(crate) fn checked(&self) -> Result<&Path> {
        let Self { variable, sign, folder } = self;
        if folder.join(sign).exists() {
            return Ok(folder);
        }
        let reason = if folder.is_dir() {
            format!("which is no environment: it has no {sign}")
        } else {
            "where there is no folder".to_owned()
        };
        let help = format!("Activate an environment or `unset {variable}`; --user and --prefix DIR do without one.");
        Err(Failure::new(format!("{variable} names {}, {reason}", folder.display()))
            .help(help)
            .into())
    }
}

/// The data folder of a prefix.
pub(crate) fn shared(prefix: &Path) -> PathBuf {
    prefix.join("share").join("jupyter")
}

/// The Python prefix that a program like `PREFIX/bin/jupyter-lab` belongs to.
pub(crate) fn prefix_of(program: &Path) -> Option<&Path> {
    let programs = program.parent()?;
    matches!(programs.file_name().and_then(OsStr::to_str), Some("bin" | "Scripts"))
        .then(|| programs.parent())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jupyter(variables: &[(&str, &str)]) -> Jupyter {
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), OsString::from(value)))
            .collect();
        let variable = |name| {
            variables
                .iter()
                .find(|(candidate, _)| candidate == name)
                .map(|(_, value)| value.clone())
        };
        Jupyter::from_variables(variable, Some("/home/ada".into()), Some("/home/ada/data".into()))
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let empty = jupyter(&[
            ("VIRTUAL_ENV", ""),
            ("CONDA_PREFIX", "/conda"),
            ("JUPYTER_DATA_DIR", ""),
            ("JUPYTER_PATH", ""),
        ]);
        let environment = empty.environment().unwrap();
        assert_eq!(
            (environment.variable, environment.folder.as_path()),
            ("CONDA_PREFIX", Path::new("/conda"))
        );
        assert_eq!(empty.extra, Vec::<PathBuf>::new());
        assert_ne!(empty.user(), Some(Path::new("")));
    }

    #[cfg(unix)]
    #[test]
    fn kernels_are_looked_for_where_jupyter_looks() {
        let jupyter = jupyter(&[
            ("JUPYTER_PATH", "/one::relative:/two"),
            ("JUPYTER_DATA_DIR", "/data"),
            ("VIRTUAL_ENV", "/venv"),
        ]);
        let folders = jupyter.data_folders(Some(Path::new("/venv")));
        let expected = [
            "/one",
            "/two",
            "/data",
            "/venv/share/jupyter",
            "/usr/local/share/jupyter",
            "/usr/share/jupyter",
        ];
        assert_eq!(folders, expected.map(PathBuf::from));
    }

    #[test]
    fn the_prefix_is_above_the_programs() {
        assert_eq!(prefix_of(Path::new("/venv/bin/jupyter-lab")), Some(Path::new("/venv")));
        assert_eq!(prefix_of(Path::new("/elsewhere/jupyter-lab")), None);
    }
}
