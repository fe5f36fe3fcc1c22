//! Processes that this one has started, directly or not: cargo, and the compilers that it runs.

use std::collections::HashMap;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// Kills every child of this process that works in `folder` or below it, and all that such a child has started.
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
}

/// Kills every process that works in `folder` or below it, until there is none.
pub fn kill_all_in(folder: &Path) {
    loop {
        let found: Vec<Pid> = processes()
            .into_iter()
            .filter(|(process, _)| works_in(*process, folder))
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

/// Every process and its parent.
#[cfg(not(target_os = "linux"))]
fn processes() -> Vec<(u32, u32)> {
    let Ok(output) = std::process::Command::new("ps").args(["-axo", "pid=,ppid="]).output() else {
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
    let output = std::process::Command::new("lsof")
        .args(["-a", "-d", "cwd", "-Fn", "-p", &process.to_string()])
        .output();
    output.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| line.strip_prefix('n'))
            .any(|working| Path::new(working).starts_with(folder))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

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
        kill_all_in(&folder);
        assert_eq!(shell.wait().unwrap().signal(), Some(9));
        assert!(!works_in(line.trim().parse().unwrap(), &folder));
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
