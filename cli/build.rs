//! Lists the sources of the libraries that ported notebooks link, so that the program carries them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The libraries, by their folders in the workspace.
const LIBRARIES: [&str; 3] = ["core", "port", "server"];
/// Folders of a library that a ported notebook does not need.
const LEFT_OUT: [&str; 5] = ["benches", "examples", "fuzz", "target", "tests"];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("..");
    let mut files = Vec::new();
    for library in LIBRARIES {
        collect(&root.join(library), Path::new(library), &mut files)?;
    }
    files.push(("Cargo.lock".to_owned(), root.join("Cargo.lock")));
    files.push(("Cargo.toml".to_owned(), root.join("Cargo.toml")));
    files.sort();
    let mut list = "&[\n".to_owned();
    for (name, path) in &files {
        println!("cargo::rerun-if-changed={}", path.display());
        writeln!(
            list,
            "    ({name:?}, include_bytes!({:?}).as_slice()),",
            path.display().to_string()
        )
        .map_err(io::Error::other)?;
    }
    list.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("libraries.rs"), list)
}

/// The files below a folder, with their names from the workspace's root.
fn collect(folder: &Path, name: &Path, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    // New files count too.
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let own = entry.file_name();
        let Some(own) = own.to_str().filter(|own| !own.starts_with('.')) else {
            continue;
        };
        let (path, name) = (entry.path(), name.join(own));
        if entry.file_type()?.is_dir() {
            if !LEFT_OUT.contains(&own) {
                collect(&path, &name, files)?;
            }
        } else {
            files.push((name.to_string_lossy().replace('\\', "/"), path));
        }
    }
    Ok(())
}
