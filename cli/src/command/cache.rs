//! `pipulate cache`: what kernels and web apps keep from one start to the next.
//!
//! The kernel writes these folders, this program only counts and removes. A name that begins with a dot is being written, or was left
//! behind by a kernel that was killed over it.

use std::fs::{self, DirEntry, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use pipulate::PlaceEnv;
use serde::Serialize;

use crate::amount;
use crate::table::Table;

/// Nobody writes for so long: what is older and not complete was left behind.
const ABANDONED: Duration = Duration::from_hours(1);

/// Show what kernels and web apps keep compiled, and how much it takes
///
/// `cell-library` has the source of what cells link, a version for each version of the kernel; `dependencies` has what was compiled, a
/// version for each compiler. `pipulate kernel install` fills both, and so does the first cell that runs. `libraries` has the source of
/// what web apps link, and `apps` the apps that `pipulate serve` has built, with what all of them share.
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  pipulate cache
  pipulate cache --json
  pipulate cache clear"
)]
pub(crate) struct Cache {
    #[command(subcommand)]
    action: Option<Action>,
    /// Write a JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Action {
    Clear(Clear),
}

/// Remove what kernels and web apps keep compiled
///
/// No job is touched. Kernels that are running have to be started again, and so does `pipulate serve`; the next ones compile anew.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate cache clear
  pipulate cache clear && pipulate kernel install")]
struct Clear {}

impl Cache {
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<()> {
        let data = data_folder();
        match self.action {
            Some(Action::Clear(Clear {})) => clear(&data, out),
            None => show(&data, self.json, out),
        }
    }
}

fn show(data: &Path, json: bool, out: &mut dyn Write) -> Result<()> {
    let contents: Vec<_> = folders(data).iter().map(Folder::contents).collect::<Result<_>>()?;
    if json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&contents)?)?);
    }
    let mut table = Table::new(["CACHE", "VERSIONS", "SIZE", "FOLDER"]);
    for cache in contents {
        let (versions, size) = (cache.versions.to_string(), amount::size(cache.bytes));
        table.row([cache.name.to_owned(), versions, size, cache.path]);
    }
    Ok(table.write(out)?)
}

fn clear(data: &Path, out: &mut dyn Write) -> Result<()> {
    let mut freed = None;
    for folder in folders(data) {
        if let Some(bytes) = folder.clear()? {
            freed = Some(freed.unwrap_or(0) + bytes);
            writeln!(out, "Removed what was in {}", folder.path.display())?;
        }
    }
    match freed {
        Some(bytes) => {
            writeln!(out, "{} freed", amount::size(bytes))?;
            writeln!(
                out,
                "Start kernels and `pipulate serve` again where they run: they miss what was removed."
            )?;
        }
        None => writeln!(out, "Nothing is cached in {}", data.display())?,
    }
    Ok(())
}

/// Where the kernel keeps this user's data, by the same rule as the kernel itself.
fn data_folder() -> PathBuf {
    let data = PlaceEnv::of_process().data.unwrap_or_else(std::env::temp_dir);
    data.join("pipulate")
}

/// The source of what cells link, then what was compiled; the same of web apps.
fn folders(data: &Path) -> [Folder; 4] {
    ["cell-library", "dependencies", "libraries", "apps"].map(|name| Folder {
        name,
        path: data.join(name),
    })
}

/// What kernels of this user have compiled for each other.
pub(crate) fn dependencies() -> Folder {
    let [_, dependencies, ..] = folders(&data_folder());
    dependencies
}

/// One cache: a folder with a folder for each version.
pub(crate) struct Folder {
    name: &'static str,
    path: PathBuf,
}

/// What is in a cache.
#[derive(Serialize)]
struct Contents {
    name: &'static str,
    path: String,
    bytes: u64,
    versions: usize,
}

impl Folder {
    /// Where it is, whether there is anything or not.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How many versions are complete.
    pub(crate) fn versions(&self) -> Result<usize> {
        let entries = entries(&self.path).with_context(|| self.failed("read"))?;
        Ok(entries.iter().filter(|entry| is_complete(entry)).count())
    }

    fn contents(&self) -> Result<Contents> {
        let sizes = entries(&self.path).and_then(|entries| entries.iter().map(|entry| size(&entry.path())).sum());
        Ok(Contents {
            name: self.name,
            path: self.path.display().to_string(),
            bytes: sizes.with_context(|| self.failed("read"))?,
            versions: self.versions()?,
        })
    }

    /// Removes all versions, and gives how much that freed; `None` where there is nothing.
    fn clear(&self) -> Result<Option<u64>> {
        self.try_clear().with_context(|| self.failed("clear"))
    }

    fn try_clear(&self) -> io::Result<Option<u64>> {
        let mut removable = entries(&self.path)?;
        removable.retain(|entry| is_complete(entry) || is_abandoned(entry));
        if removable.is_empty() {
            return Ok(None);
        }
        // A kernel that starts meanwhile sees a version whole or not at all. The folder itself stays: a kernel may be unpacking
        // into it, or it may be a link to another disk.
        let aside = tempfile::Builder::new().prefix(".clearing-").tempdir_in(&self.path)?;
        for entry in removable {
            or_gone(fs::rename(entry.path(), aside.path().join(entry.file_name())))?;
        }
        let freed = size(aside.path())?;
        aside.close()?;
        Ok(Some(freed))
    }

    fn failed(&self, what: &str) -> String {
        format!("cannot {what} the cache {}", self.path.display())
    }
}

fn is_complete(entry: &DirEntry) -> bool {
    !entry.file_name().as_encoded_bytes().starts_with(b".")
}

fn is_abandoned(entry: &DirEntry) -> bool {
    let modified = entry.metadata().and_then(|metadata| metadata.modified());
    // A time that lies ahead is no age.
    modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > ABANDONED))
}

/// What a folder holds; nothing where there is no folder.
fn entries(folder: &Path) -> io::Result<Vec<DirEntry>> {
    or_gone(fs::read_dir(folder))?.into_iter().flatten().collect()
}

/// The bytes of a file, or of all files in a folder. Links are not followed.
fn size(path: &Path) -> io::Result<u64> {
    match or_gone(fs::symlink_metadata(path))? {
        Some(metadata) if metadata.is_dir() => entries(path)?.iter().map(|entry| size(&entry.path())).sum(),
        metadata => Ok(metadata.as_ref().map_or(0, Metadata::len)),
    }
}

/// Kernels write and remove while we look: what is gone is no error.
fn or_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}
