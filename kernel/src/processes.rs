//! Processes that this one has started, directly or not: cargo, the compilers that it runs, and shell lines.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, getsid, kill_process};

use crate::{build_root, environment};

/// The variable that says of a process which kernel's it is, by the kernel's folder.
pub const MARK: &str = "PIPULATE_KERNEL_FOLDER";
/// The variable that says of a process in which folder the cargo works that has started it; `cargo_for_cells.sh` sets it.
const BUILD: &str = "PIPULATE_KERNEL_BUILD";
/// How often it is looked for more to kill.
const ROUNDS: u32 = 200;
const BETWEEN_ROUNDS: Duration = Duration::from_millis(2);

/// Kills every child of this process that works in `folder` or below it, all that such a child has started, what else works there, and
/// what cargo has started there. A process that has made itself a session of its own is meant to outlive cargo, as a server of a
/// compiler cache is: it stays, unless it works there.
pub fn kill_children_in(folder: &Path) {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (process, parent) in processes() {
        children.entry(parent).or_default().push(process);
    }
    let own = children.get(&std::process::id()).cloned().unwrap_or_default();
    let mut open: Vec<u32> = own.into_iter().filter(|child| works_in(*child, folder)).collect();
    while let Some(process) = open.pop() {
        open.extend(children.get(&process).into_iter().flatten());
        if let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) {
            // A process that has ended meanwhile needs no signal.
            let _ = kill_process(process, Signal::KILL);
        }
    }
    // One that was started while its parent died, or left by one that has ended, is nobody's child any more.
    kill_until_none(|process| works_in(process, folder) || is_built_in(process, folder));
}

/// Has a process that the kernel starts, and all that it starts in its turn, known as the kernel's. They see nothing of what the
/// kernel's environment holds for itself.
pub fn mark(command: &mut Command) {
    if let Some(root) = build_root::path_of_this_process() {
        command.env(MARK, root);
    }
    environment::restore(command);
}

/// Kills every process that is [marked](mark) as that of the kernel with the folder `root`, until there is none.
pub fn kill_marked(root: &Path) {
    kill_until_none(|process| is_marked(process, root));
}

/// Kills every process that is [marked](mark) as that of the kernel with the folder `root`, or works in that folder or below it,
/// or was started by a cargo there in this process's session, until there is none.
pub fn kill_all_of(root: &Path) {
    kill_until_none(|process| works_in(process, root) || is_built_in(process, root) || is_marked(process, root));
}

fn kill_until_none(is_wanted: impl Fn(u32) -> bool) {
    // One that the system holds on to stays, however often it is killed.
    for round in 0..ROUNDS {
        if round > 0 {
            std::thread::sleep(BETWEEN_ROUNDS);
        }
        let found: Vec<Pid> = processes()
            .into_iter()
            .filter(|(process, _)| is_wanted(*process))
            .filter_map(|(process, _)| Pid::from_raw(i32::try_from(process).ok()?))
            .filter(|process| *process != rustix::process::getpid())
            .collect();
        let killed = found
            .into_iter()
            .filter(|process| kill_process(*process, Signal::KILL).is_ok());
        if killed.count() == 0 {
            return;
        }
    }
}

/// Every process and its parent.
#[cfg(target_os = "linux")]
fn processes() -> Vec<(u32, u32)> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| {
            let process: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            // The command's name stands in parentheses and may hold anything; state and parent follow.
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((process, parent))
        })
        .collect()
}

#[cfg(target_os = "linux")]
fn works_in(process: u32, folder: &Path) -> bool {
    std::fs::read_link(format!("/proc/{process}/cwd")).is_ok_and(|working| working.starts_with(folder))
}

/// The path that a variable held in the environment with which a process began.
#[cfg(target_os = "linux")]
fn variable(process: u32, name: &str) -> Option<PathBuf> {
    let environment = std::fs::read(format!("/proc/{process}/environ")).ok()?;
    value(environment.split(|byte| *byte == 0), name)
}

/// Every process and its parent.
#[cfg(not(target_os = "linux"))]
fn processes() -> Vec<(u32, u32)> {
    let Ok(output) = Command::new("ps").args(["-axo", "pid=,ppid="]).output() else {
        return Vec::new();
    };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let mut columns = line.split_whitespace().map(str::parse);
            Some((columns.next()?.ok()?, columns.next()?.ok()?))
        })
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn works_in(process: u32, folder: &Path) -> bool {
    let output = Command::new("lsof")
        .args(["-a", "-d", "cwd", "-Fn", "-p", &process.to_string()])
        .output();
    output.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| line.strip_prefix('n'))
            .any(|working| Path::new(working).starts_with(folder))
    })
}

/// The path that a variable held in the environment with which a process began.
#[cfg(not(target_os = "linux"))]
fn variable(process: u32, name: &str) -> Option<PathBuf> {
    let output = Command::new("ps")
        .args(["-E", "-ww", "-o", "command=", "-p", &process.to_string()])
        .output()
        .ok()?;
    value(output.stdout.split(u8::is_ascii_whitespace), name)
}

fn value<'a>(mut variables: impl Iterator<Item = &'a [u8]>, name: &str) -> Option<PathBuf> {
    let value = variables.find_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
    Some(OsStr::from_bytes(value).into())
}

fn is_marked(process: u32, root: &Path) -> bool {
    variable(process, MARK).is_some_and(|marked| marked == root)
}

/// Whether a process is of this one's session and was started by a cargo that works in the folder or below it.
fn is_built_in(process: u32, folder: &Path) -> bool {
    let number = i32::try_from(process).ok().and_then(Pid::from_raw);
    number.is_some_and(|number| getsid(Some(number)) == getsid(None))
        && variable(process, BUILD).is_some_and(|place| place.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn all_that_works_in_the_folder_is_killed_whoever_started_it() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let script = "sleep 60 & echo $!; wait";
        let mut shell = Command::new("sh")
            .args(["-c", script])
            .current_dir(&folder)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(shell.stdout.take().unwrap()), &mut line).unwrap();
        kill_all_of(&folder);
        assert_eq!(shell.wait().unwrap().signal(), Some(9));
        assert!(!works_in(line.trim().parse().unwrap(), &folder));
    }

    #[test]
    fn what_has_lost_its_parent_is_killed_too() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let mut shell = Command::new("sh");
        let script = "sleep 60 > /dev/null 2>&1 & echo $!";
        let output = shell.args(["-c", script]).current_dir(&folder).output().unwrap();
        let orphan = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
        assert!(works_in(orphan, &folder));
        kill_children_in(&folder);
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while works_in(orphan, &folder) {
            assert!(std::time::Instant::now() < deadline, "it lives");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn only_what_works_in_the_folder_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let mut inner = Command::new("sleep").arg("60").current_dir(&folder).spawn().unwrap();
        let mut outside = Command::new("sleep").arg("60").spawn().unwrap();
        kill_children_in(&folder);
        assert_eq!(inner.wait().unwrap().signal(), Some(9));
        assert!(outside.try_wait().unwrap().is_none());
        outside.kill().unwrap();
        outside.wait().unwrap();
    }

    /// As build scripts leave them.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_cargo_has_started_in_the_folder_is_killed_wherever_it_works_but_in_a_session_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        let lives = |process: u32| {
            let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
            name == "sleep\n" && variable(process, BUILD).is_some()
        };
        let left = |start: &str, place: &Path| {
            let script = format!("{start} sh -c 'echo $$; exec sleep 60 > /dev/null 2>&1' &");
            let mut shell = Command::new("sh");
            let output = shell.args(["-c", &script]).env(BUILD, place).output().unwrap();
            let process = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
            while !lives(process) {
                assert!(std::time::Instant::now() < deadline, "it does not begin");
                std::thread::sleep(Duration::from_millis(2));
            }
            process
        };
        let outside = [left("", Path::new("/elsewhere")), left("setsid", &folder)];
        for kill in [kill_children_in, kill_all_of] {
            let inside = [left("", &folder), left("", &folder.join("crate"))];
            kill(&folder);
            while inside.iter().any(|process| lives(*process)) {
                assert!(std::time::Instant::now() < deadline, "it lives");
                std::thread::sleep(Duration::from_millis(2));
            }
            assert!(outside.iter().all(|process| lives(*process)));
        }
        for process in outside {
            let process = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
            kill_process(process, Signal::KILL).unwrap();
        }
    }
}
