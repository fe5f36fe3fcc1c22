//! Kernelspecs: the folder that tells Jupyter how to start the kernel.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::failure::Failure;

/// The name under which the kernel is installed unless another one is given.
pub(crate) const DEFAULT_NAME: &str = "pipulate";

const TEMPLATE: &str = include_str!("../../../kernelspec/kernel.json");
/// What the template has in the place of the kernel's path.
const KERNEL: &str = "{kernel}";
const LOGOS: [(&str, &[u8]); 3] = [
    ("logo-32x32.png", include_bytes!("../../../kernelspec/logo-32x32.png")),
    ("logo-64x64.png", include_bytes!("../../../kernelspec/logo-64x64.png")),
    ("logo-svg.svg", include_bytes!("../../../kernelspec/logo-svg.svg")),
];

/// The name of a kernelspec, which is also the name of its folder.
#[derive(Clone, Debug)]
pub(crate) struct KernelspecName(String);

impl KernelspecName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KernelspecName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let allowed = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
        if name.is_empty() || !name.chars().all(allowed) {
            return Err("a kernel's name is made of letters, digits, `.`, `_` and `-`".to_owned());
        }
        if name.starts_with('.') {
            return Err("a kernel's name does not begin with a dot".to_owned());
        }
        Ok(Self(name.to_owned()))
    }
}

/// What is to be installed.
pub(crate) struct Kernelspec {
    contents: Value,
}

impl Kernelspec {
    /// The kernelspec that starts this program.
    pub(crate) fn new(kernel: &Path, display_name: Option<&str>) -> Result<Self> {
        let Some(kernel) = kernel.to_str() else {
            let help = "kernel.json is JSON, which holds no such path; move the program.";
            return Err(Failure::new(format!("the path {} is not Unicode", kernel.display()))
                .help(help)
                .into());
        };
        let mut contents = template();
        if let Some(argv) = contents["argv"].as_array_mut() {
            for argument in argv.iter_mut().filter(|argument| *argument == KERNEL) {
                *argument = kernel.into();
            }
        }
        if let Some(display_name) = display_name {
            contents["display_name"] = display_name.into();
        }
        Ok(Self { contents })
    }

    /// The name that Jupyter shows.
    pub(crate) fn display_name(&self) -> &str {
        self.contents["display_name"].as_str().unwrap_or_default()
    }

    /// Writes the folder `kernels/NAME` of a data folder, whole or not at all, in the place of an older one of ours.
    pub(crate) fn install(&self, data: &Path, name: &KernelspecName) -> Result<PathBuf> {
        let kernels = data.join("kernels");
        let folder = kernels.join(name.as_str());
        refuse_foreign(&folder, "Choose another name with --name.")?;
        fs::create_dir_all(&kernels).with_context(|| format!("cannot make the folder {}", kernels.display()))?;
        let failed = || format!("cannot write the kernelspec {}", folder.display());
        let staging = tempfile::Builder::new()
            .prefix(".pipulate-")
            .tempdir_in(&kernels)
            .with_context(failed)?;
        let new = staging.path().join("new");
        fs::create_dir(&new).with_context(failed)?;
        let mut text = serde_json::to_string_pretty(&self.contents).with_context(failed)?;
        text.push('\n');
        fs::write(new.join("kernel.json"), text).with_context(failed)?;
        for (file, logo) in LOGOS {
            fs::write(new.join(file), logo).with_context(failed)?;
        }
        // A folder cannot be renamed over one that has files: the old one steps aside first, and ends with `staging`.
        let old = staging.path().join("old");
        let stepped_aside = match fs::rename(&folder, &old) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error).with_context(failed),
        };
        if let Err(error) = fs::rename(&new, &folder) {
            if stepped_aside {
                let _ = fs::rename(&old, &folder);
            }
            return Err(error).with_context(failed);
        }
        Ok(folder)
    }
}

/// A kernelspec of ours that is installed.
pub(crate) struct Installed {
    /// Its name, as in `jupyter console --kernel NAME`.
    pub(crate) name: String,
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// The program it starts.
    pub(crate) kernel: PathBuf,
    /// The name that Jupyter shows.
    pub(crate) display_name: String,
}

impl Installed {
    /// All kernelspecs of ours below these data folders, in their order.
    pub(crate) fn find(data_folders: &[PathBuf]) -> Vec<Self> {
        let mut found = Vec::new();
        for data in data_folders {
            let Ok(entries) = fs::read_dir(data.join("kernels")) else {
                continue;
            };
            let mut folders: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
            folders.sort();
            found.extend(folders.iter().filter_map(|folder| Self::read(folder)));
        }
        found
    }

    /// The kernelspec in this folder, if it is one of ours.
    fn read(folder: &Path) -> Option<Self> {
        let contents: Value = serde_json::from_str(&fs::read_to_string(folder.join("kernel.json")).ok()?).ok()?;
        let argv = contents["argv"].as_array()?;
        // The same arguments are the sign; the program may be called anything.
        let ours = template();
        if argv.get(1..)? != ours["argv"].as_array()?.get(1..)? || contents["language"] != ours["language"] {
            return None;
        }
        Some(Self {
            name: folder.file_name()?.to_str()?.to_owned(),
            folder: folder.to_owned(),
            kernel: argv[0].as_str()?.into(),
            display_name: contents["display_name"].as_str()?.to_owned(),
        })
    }

    /// Removes `kernels/NAME` of a data folder; `None` where there is none.
    pub(crate) fn remove(data: &Path, name: &KernelspecName) -> Result<Option<PathBuf>> {
        let folder = data.join("kernels").join(name.as_str());
        if !folder.exists() {
            return Ok(None);
        }
        refuse_foreign(&folder, "`jupyter kernelspec remove` removes it.")?;
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        Ok(Some(folder))
    }
}

fn template() -> Value {
    serde_json::from_str(TEMPLATE).expect("the template is JSON: a test reads it")
}

/// A name like `python3` must not cost anyone another kernel.
fn refuse_foreign(folder: &Path, help: &str) -> Result<()> {
    if folder.symlink_metadata().is_err() || Installed::read(folder).is_some() {
        return Ok(());
    }
    Err(
        Failure::new(format!("{} is the kernelspec of another kernel", folder.display()))
            .help(help)
            .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_takes_the_kernel_and_a_name() {
        let spec = Kernelspec::new(Path::new("/opt/a \"b\"/pipulate-kernel"), Some("Mine")).unwrap();
        assert_eq!(spec.contents["argv"][0], "/opt/a \"b\"/pipulate-kernel");
        assert_eq!(
            spec.contents["argv"].as_array().unwrap().last().unwrap(),
            "{connection_file}"
        );
        assert_eq!(spec.display_name(), "Mine");
        assert_eq!(
            Kernelspec::new(Path::new("/k"), None).unwrap().display_name(),
            "Rust (Pipulate)"
        );
    }

    #[test]
    fn names_stay_inside_their_folder() {
        for name in ["", ".", "..", ".hidden", "a/b", "a b", "a\\b", "é"] {
            assert!(name.parse::<KernelspecName>().is_err(), "{name:?}");
        }
        for name in ["pipulate", "Rust-1.95_dev"] {
            assert_eq!(name.parse::<KernelspecName>().unwrap().as_str(), name);
        }
    }
}
