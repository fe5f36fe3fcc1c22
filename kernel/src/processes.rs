//! Processes that this one has started, directly or not: cargo, the compilers that it runs, and shell lines.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::{build_root, environment};

/// The variable that says of a process which kernel's it is, by the kernel's folder.
pub const MARK: &str = "PIPULATE_KERNEL_FOLDER";
/// How often it is looked for more to kill.
const ROUNDS: u32 = 200;
const BETWEEN_ROUNDS: Duration = Duration::from_millis(2);

/// Kills every child of this process that works in `folder` or below it, all that such a child has started, and what else works there.
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
    // One that was started while its parent died is nobody's child any more.
    kill_until_none(|process| works_in(process, folder));
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
/// until there is none.
pub fn kill_all_of(root: &Path) {
    kill_until_none(|process| works_in(process, root) || is_marked(process, root));
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

/// Whether the environment that a process began with holds the mark.
#[cfg(target_os = "linux")]
fn is_marked(process: u32, root: &Path) -> bool {
    let environment = std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
    let mark = marking(root);
    environment.split(|byte| *byte == 0).any(|variable| variable == mark)
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

/// Whether the environment that a process began with holds the mark.
#[cfg(not(target_os = "linux"))]
fn is_marked(process: u32, root: &Path) -> bool {
    let output = Command::new("ps")
        .args(["-E", "-ww", "-o", "command=", "-p", &process.to_string()])
        .output();
    let mark = marking(root);
    output.is_ok_and(|output| output.stdout.split(u8::is_ascii_whitespace).any(|word| word == mark))
}

/// The variable in an environment.
fn marking(root: &Path) -> Vec<u8> {
    [MARK.as_bytes(), b"=", root.as_os_str().as_bytes()].concat()
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
}
