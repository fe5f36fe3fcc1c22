//! The crates of the notebooks that are served, below the user's data folder.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use pipulate_port::{LINES, LinePlaces, PortError, PortInput, Translator, port};
use sha2::{Digest, Sha256};

use super::read;
use crate::failure::Failure;
use crate::file::{self, folder_of};
use crate::libraries;
use crate::signals;

/// How long a notebook must be missing to count as gone: some editors remove a file before they write it again.
const GONE: Duration = Duration::from_secs(1);

/// Why there is no app from the notebooks as they are now.
#[derive(Clone)]
pub(crate) struct Trouble {
    /// What happened, to what.
    pub(crate) sentence: String,
    /// All that is wrong, with places.
    pub(crate) details: String,
}

impl Trouble {
    pub(crate) fn into_failure(self) -> Failure {
        Failure::new(self.sentence).details(self.details)
    }
}

/// One notebook, and its crate.
struct Project {
    notebook: PathBuf,
    /// When and how long the file was when it was looked at last.
    stamp: Option<(SystemTime, u64)>,
    /// Since when there is no such file.
    missing: Option<Instant>,
    ported: Option<Crate>,
}

/// A notebook's crate as it was ported last.
struct Crate {
    package: String,
    workflow: String,
    files: BTreeMap<PathBuf, String>,
    translator: Translator,
    /// Where its lines come from.
    places: LinePlaces,
}

/// All that is served together.
pub(crate) struct Projects {
    all: Vec<Project>,
    /// Holds the crates, the programs that run, and what tells their pages what happens here.
    folder: PathBuf,
    /// Where all apps of this user are built, so that what they share is built once.
    target: PathBuf,
    libraries: PathBuf,
}

impl Projects {
    /// For these notebooks; makes their folder in the user's data.
    pub(crate) fn new(notebooks: &[PathBuf], data: &Path) -> Result<Self> {
        let mut projects: Vec<Project> = Vec::new();
        for notebook in notebooks {
            if !notebook.exists() {
                return Err(Failure::missing(format!("there is no notebook {}", notebook.display())).into());
            }
            if !notebook.is_file() {
                return Err(Failure::new(format!("{} is not a notebook", notebook.display()))
                    .help("`pipulate serve` takes paths of .ipynb files.")
                    .into());
            }
            let failed = || format!("cannot read {}", notebook.display());
            let notebook = notebook.canonicalize().with_context(failed)?;
            if projects.iter().all(|project| project.notebook != notebook) {
                projects.push(Project {
                    notebook,
                    stamp: None,
                    missing: None,
                    ported: None,
                });
            }
        }
        let mut digest = Sha256::new();
        for project in &projects {
            digest.update(project.notebook.as_os_str().as_encoded_bytes());
            digest.update([0]);
        }
        let id = libraries::hexadecimal(&digest.finalize()[..6]);
        let folder = data.join("apps").join(id);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let projects = Self {
            all: projects,
            target: data.join("apps").join("target"),
            libraries: libraries::unpack(data)?,
            folder,
        };
        projects.remove_abandoned();
        projects.say("", "", "")?;
        Ok(projects)
    }

    /// The notebook that was named first.
    pub(crate) fn first(&self) -> &Path {
        self.all.first().map_or(Path::new("."), |project| &project.notebook)
    }

    /// Whether any notebook was written, or came back, since this was asked last.
    pub(crate) fn look(&mut self) -> bool {
        let mut changed = false;
        for project in &mut self.all {
            match stamp(&project.notebook) {
                Some(stamp) => {
                    changed |= project.missing.take().is_some_and(|since| since.elapsed() >= GONE);
                    changed |= project.stamp.replace(stamp).is_some_and(|before| before != stamp);
                }
                None => drop(project.missing.get_or_insert_with(Instant::now)),
            }
        }
        changed
    }

    /// The notebooks that the last look did not find, nor those before it.
    pub(crate) fn gone(&self) -> Vec<PathBuf> {
        let is_gone = |project: &&Project| project.missing.is_some_and(|since| since.elapsed() >= GONE);
        let gone = self.all.iter().filter(is_gone);
        gone.map(|project| project.notebook.clone()).collect()
    }

    /// Ports all notebooks. False when that makes no difference.
    pub(crate) fn port(&mut self) -> Result<bool, Trouble> {
        self.look();
        let mut changed = false;
        let mut ported = Vec::new();
        for project in &self.all {
            ported.push(self.ported(project)?);
        }
        for (index, made) in ported.iter().enumerate() {
            let double = ported[..index]
                .iter()
                .position(|other| other.package == made.package || other.workflow == made.workflow);
            if let Some(other) = double {
                let names = [&self.all[other], &self.all[index]].map(|project| project.notebook.display().to_string());
                let details = if ported[other].workflow == made.workflow {
                    format!(
                        "Both are the workflow `{}`. Give one another file name, or another name by `%pip_job KEY --workflow NAME`.",
                        made.workflow
                    )
                } else {
                    format!(
                        "Both become a crate named `{}`. Give one another file name.",
                        made.package
                    )
                };
                return Err(Trouble {
                    sentence: format!("{} and {} cannot be served together", names[0], names[1]),
                    details,
                });
            }
        }
        for (project, made) in self.all.iter_mut().zip(ported) {
            changed |= project.ported.as_ref().is_none_or(|before| before.files != made.files);
            project.ported = Some(made);
        }
        Ok(changed)
    }

    /// Writes the crates as they were ported last. To be called under the [lock](Self::try_lock): another process may build the same
    /// ones.
    pub(crate) fn write(&self) -> Result<(), Trouble> {
        let ported: Vec<&Crate> = self.all.iter().filter_map(|project| project.ported.as_ref()).collect();
        let mut written = ported.iter().try_for_each(|made| self.write_crate(made));
        if ported.len() > 1 {
            written = written.and_then(|()| self.write_joint(&ported));
        }
        written.map_err(|error| Trouble {
            sentence: "the crate of the app cannot be written".to_owned(),
            details: format!("{error:#}"),
        })
    }

    /// What was ported last has not become an app: the next port makes a difference, whatever it is.
    pub(crate) fn forget(&mut self) {
        for project in &mut self.all {
            if let Some(ported) = &mut project.ported {
                ported.files.clear();
            }
        }
    }

    fn ported(&self, project: &Project) -> Result<Crate, Trouble> {
        let notebook = project.notebook.display();
        let cannot = |details: String| Trouble {
            sentence: format!("cannot port {notebook}"),
            details,
        };
        let text = read(&project.notebook).map_err(|error| cannot(format!("{error:#}")))?;
        let name = project.notebook.file_name().and_then(|name| name.to_str());
        let libraries = self.libraries.to_string_lossy();
        let ported = port(&PortInput {
            notebook: &text,
            file_name: name.unwrap_or("notebook.ipynb"),
            folder: folder_of(&project.notebook),
            libraries: &libraries,
        });
        match ported {
            Ok(ported) => {
                let places = ported.translator.line_places(&ported.generated.files);
                let mut files = ported.generated.files;
                // Told beside the program: lines that become nothing may come and go without another build.
                files.insert(PathBuf::from(LINES), String::new());
                Ok(Crate {
                    package: ported.report.package.clone(),
                    workflow: ported.report.workflow.clone(),
                    places,
                    files,
                    translator: ported.translator,
                })
            }
            Err(PortError::Refused(report)) => Err(cannot(report.refusals_as_text())),
            Err(error) => Err(cannot(error.to_string())),
        }
    }

    fn write_crate(&self, made: &Crate) -> Result<()> {
        let folder = self.folder.join(&made.package);
        for (name, text) in &made.files {
            write_if_new(&folder.join(name), text)?;
        }
        Self::write_lock(&folder)
    }

    /// The crate of an app of several workflows.
    fn write_joint(&self, ported: &[&Crate]) -> Result<()> {
        let folder = self.folder.join(JOINT);
        let server = toml::Value::from(self.libraries.join("server").to_string_lossy().into_owned());
        let mut manifest = format!(
            "[package]\nname = \"{JOINT}\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n\
             [dependencies]\npipulate-server = {{ path = {server} }}\n"
        );
        let mut workflows = Vec::new();
        for Crate { package, .. } in ported {
            // Writing to a string does not fail.
            let _ = writeln!(manifest, "{package} = {{ path = \"../{package}\" }}");
            workflows.push(format!("{}::workflow()", package.replace('-', "_")));
        }
        manifest += "\n[workspace]\n";
        write_if_new(&folder.join("Cargo.toml"), &manifest)?;
        let main = format!(
            "fn main() -> std::process::ExitCode {{\n    pipulate_server::main([{}])\n}}\n",
            workflows.join(", ")
        );
        write_if_new(&folder.join("src/main.rs"), &main)?;
        Self::write_lock(&folder)
    }

    /// One that is there has the versions that the crate was built with.
    fn write_lock(folder: &Path) -> Result<()> {
        let lock = folder.join("Cargo.lock");
        if lock.exists() {
            return Ok(());
        }
        file::write(&lock, libraries::lock_file()?.as_bytes())
    }

    /// The folder of the crate that is the app.
    pub(crate) fn app(&self) -> PathBuf {
        match self.all.as_slice() {
            [
                Project {
                    ported: Some(ported), ..
                },
            ] => self.folder.join(&ported.package),
            _ => self.folder.join(JOINT),
        }
    }

    /// Where all apps are built.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Keeps other processes from building in [`target`](Self::target) until the file is closed; `None` while another one does.
    pub(crate) fn try_lock(&self) -> Result<Option<fs::File>> {
        let path = self.target.with_extension("lock");
        let failed = || format!("cannot lock {}", path.display());
        let file = fs::File::create(&path).with_context(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error).with_context(failed),
        }
    }

    /// A message of the compiler's, at the notebook's place. `line` is cargo's.
    pub(crate) fn translate(&self, line: &str) -> Option<pipulate_port::Diagnostic> {
        let about: About = serde_json::from_str(line).ok()?;
        let is_of = |project: &&Project| {
            project.ported.as_ref().is_some_and(|ported| {
                about.manifest_path.as_deref() == Some(&*self.folder.join(&ported.package).join("Cargo.toml"))
            })
        };
        let project = self.all.iter().find(is_of)?;
        project.ported.as_ref()?.translator.translate(line)
    }

    /// The file by which the app's pages are told what happens here. Another process may serve the same notebooks.
    pub(crate) fn status(&self) -> PathBuf {
        self.folder.join(format!("{STATUS}{}", std::process::id()))
    }

    /// Tells the pages.
    pub(crate) fn say(&self, state: &str, message: &str, details: &str) -> Result<()> {
        let banner = serde_json::json!({ "state": state, "message": message, "details": details });
        file::write(&self.status(), banner.to_string().as_bytes())
    }

    /// Keeps a program under a name of its own: the next build takes the place of this one, and workers of the app that runs are started
    /// from its own file.
    pub(crate) fn keep(&self, program: &Path, number: usize) -> Result<PathBuf> {
        let kept = self.folder.join(format!("{}{}-{number}", KEPT, std::process::id()));
        let failed = || format!("cannot keep {} as {}", program.display(), kept.display());
        // Left by another process that had this number.
        let _ = fs::remove_file(&kept);
        if fs::hard_link(program, &kept).is_err() {
            fs::copy(program, &kept).with_context(failed)?;
        }
        Ok(kept)
    }

    /// Writes for a program that was kept where its lines come from: other lines of the notebooks, when lines that become nothing have
    /// come or gone.
    pub(crate) fn write_places(&self, program: &Path) -> Result<()> {
        let ported = self.all.iter().filter_map(|project| project.ported.as_ref());
        let places: BTreeMap<&str, &LinePlaces> = ported.map(|made| (&*made.workflow, &made.places)).collect();
        file::write(&places_of(program), &serde_json::to_vec(&places)?)
    }

    /// Takes away what is of use to this process alone.
    pub(crate) fn tidy(&self) {
        self.remove_of(|process| process == std::process::id());
    }

    /// Takes away what processes that were killed have left.
    fn remove_abandoned(&self) {
        self.remove_of(|process| !signals::is_alive(process));
    }

    fn remove_of(&self, is_meant: impl Fn(u32) -> bool) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name.to_str().and_then(process_of).is_some_and(&is_meant) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// The file that says where the lines of a kept program come from.
pub(crate) fn places_of(program: &Path) -> PathBuf {
    let mut path = program.as_os_str().to_owned();
    path.push("-places");
    path.into()
}

/// The process that a file is of use to alone, by its name.
fn process_of(name: &str) -> Option<u32> {
    let rest = name.strip_prefix(KEPT).or_else(|| name.strip_prefix(STATUS))?;
    rest.split('-').next()?.parse().ok()
}

/// The crate of an app of several workflows. No notebook's crate has a name that begins like this.
const JOINT: &str = "_app";
/// How the names of programs begin that run. A process id follows.
const KEPT: &str = "run-";
/// How the names of status files begin. A process id follows.
const STATUS: &str = "status-";

/// What a line of cargo's is about.
#[derive(serde::Deserialize)]
struct About {
    manifest_path: Option<PathBuf>,
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// A file that is the same already is left alone, so that cargo need not build it again.
fn write_if_new(path: &Path, text: &str) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    let folder = folder_of(path);
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    file::write(path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notebook(folder: &Path, name: &str, job: &str) -> PathBuf {
        let path = folder.join(name);
        let notebook = serde_json::json!({
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {},
            "cells": [
                {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": null, "source": job},
                {"cell_type": "code", "id": "b", "metadata": {}, "outputs": [], "execution_count": null, "source": "%%pip_step one\n1"},
            ],
        });
        fs::write(&path, notebook.to_string()).unwrap();
        path
    }

    #[test]
    fn no_notebook_takes_the_place_of_the_app_that_joins_it_with_others() {
        let folder = tempfile::tempdir().unwrap();
        let notebooks = ["app.ipynb", "notebooks-app.ipynb"].map(|name| notebook(folder.path(), name, "%pip_job a"));
        let mut projects = Projects::new(&notebooks, folder.path()).unwrap();
        assert!(projects.port().is_ok_and(|changed| changed));
        assert!(projects.write().is_ok());
        let manifest = |package: &Path| {
            let text = fs::read_to_string(package.join("Cargo.toml")).unwrap();
            text.parse::<toml::Table>().unwrap()
        };
        let joint = manifest(&projects.app());
        for package in ["app", "notebooks-app"] {
            let own = manifest(&projects.folder.join(package));
            assert_eq!(own["package"]["name"].as_str(), Some(package));
            assert_ne!(joint["package"]["name"].as_str(), Some(package));
            assert!(joint["dependencies"].get(package).is_some(), "{joint}");
        }
    }

    #[test]
    fn notebooks_that_share_a_crates_name_are_told_of_what_they_share() {
        let folder = tempfile::tempdir().unwrap();
        let notebooks = [
            notebook(folder.path(), "\u{65e5}.ipynb", "%pip_job a"),
            notebook(folder.path(), "\u{672c}.ipynb", "%pip_job a"),
        ];
        let mut projects = Projects::new(&notebooks, folder.path()).unwrap();
        let Err(trouble) = projects.port() else {
            panic!("they cannot both be the crate");
        };
        assert_eq!(
            trouble.details,
            "Both become a crate named `notebook`. Give one another file name."
        );
    }
}
