//! Processes that shell lines leave in the background, whatever they have made of their environment, group and session.
//!
//! The kernel adopts them when those that started them end. So they are known by their descent while the kernel lives, and the guard
//! looks at that from the first shell line on: it remembers what it has seen, for when the kernel has been killed. Elsewhere than on
//! Linux they are known by their mark alone.

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::{HashMap, HashSet};
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use rustix::process::{
        Pid, Signal, WaitOptions, getpgid, getpgrp, getpid, getsid, kill_process, set_child_subreaper, waitpid,
    };

    /// How often it is looked for more to kill.
    const ROUNDS: u32 = 200;
    const BETWEEN_ROUNDS: Duration = Duration::from_millis(2);
    /// How long a child that has ended is left to whoever may wait for it.
    const PATIENCE: Duration = Duration::from_secs(2);

    /// A process. Numbers come again; with the time at which it began, in the system's ticks, it is one of its kind.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    struct Process {
        number: u32,
        began: u64,
    }

    /// What the system lists of a process.
    struct Listed {
        process: Process,
        parent: u32,
        has_ended: bool,
    }

    fn listed(number: u32) -> Option<Listed> {
        let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
        // The command's name stands in parentheses and may hold anything; the state, the parent and, much later, the beginning follow.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let has_ended = matches!(fields.next()?, "Z" | "X");
        let parent = fields.next()?.parse().ok()?;
        let began = fields.nth(17)?.parse().ok()?;
        Some(Listed {
            process: Process { number, began },
            parent,
            has_ended,
        })
    }

    /// All that these processes have started, directly or not, without them.
    fn descendants(of: impl IntoIterator<Item = u32>) -> Vec<Process> {
        let mut children: HashMap<u32, Vec<Process>> = HashMap::new();
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        for number in entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
            if let Some(Listed {
                process,
                parent,
                has_ended: false,
            }) = listed(number)
            {
                children.entry(parent).or_default().push(process);
            }
        }
        let mut found = Vec::new();
        let mut open: Vec<u32> = of.into_iter().collect();
        while let Some(parent) = open.pop() {
            let born = children.remove(&parent).unwrap_or_default();
            open.extend(born.iter().map(|process| process.number));
            found.extend(born);
        }
        found
    }

    fn number(process: u32) -> Option<Pid> {
        i32::try_from(process).ok().and_then(Pid::from_raw)
    }

    fn kill(process: Process) {
        // Only if it is the same still. One that has ended meanwhile needs no signal.
        if let Some(number) = number(process.number)
            && listed(process.number).is_some_and(|now| now.process == process)
        {
            let _ = kill_process(number, Signal::KILL);
        }
    }

    /// Has orphans of what this process starts become its children, wherever they put themselves.
    pub fn adopt() {
        // Without it, they are known by their mark alone.
        let _ = set_child_subreaper(Some(getpid()));
    }

    /// Buries adopted children that have ended. What this process has started itself stays in its session, and is waited for by
    /// whoever started it.
    pub fn bury() {
        let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        for thread in threads {
            let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            let strangers = children
                .split_whitespace()
                .filter_map(|child| Pid::from_raw(child.parse().ok()?))
                .filter(|child| getsid(Some(*child)) != getsid(None));
            for child in strangers {
                let _ = waitpid(Some(child), WaitOptions::NOHANG);
            }
        }
    }

    /// Buries adopted children in this process's own group, as compilers are that lost their parent, as long as more of them end. It
    /// takes some seconds.
    pub fn bury_compilers() {
        // Two at once could both mean a number that is somebody else's after the first.
        static BURYING: Mutex<()> = Mutex::new(());
        let mut known = HashSet::new();
        loop {
            std::thread::sleep(PATIENCE);
            let burying = BURYING.lock().unwrap_or_else(PoisonError::into_inner);
            let ended = ended_adopted();
            for child in ended.intersection(&known).filter_map(|child| number(child.number)) {
                let _ = waitpid(Some(child), WaitOptions::NOHANG);
            }
            drop(burying);
            known = &ended - &known;
            if known.is_empty() {
                return;
            }
        }
    }

    /// Children in this process's own group that have ended, and that no living thread but the first has started: that one is given
    /// the adopted ones, and has no compilers of its own. What outlives the thread that started it, a worker or a shell, is in
    /// another group.
    fn ended_adopted() -> HashSet<Process> {
        let own = std::process::id();
        let children = std::fs::read_to_string(format!("/proc/self/task/{own}/children")).unwrap_or_default();
        children
            .split_whitespace()
            .filter_map(|child| listed(child.parse().ok()?))
            .filter(|child| child.has_ended)
            .map(|child| child.process)
            .filter(|child| getpgid(number(child.number)) == Ok(getpgrp()))
            .collect()
    }

    /// Kills all that this process has started or adopted, until there is none.
    pub fn kill_all() {
        for round in 0..ROUNDS {
            if round > 0 {
                std::thread::sleep(BETWEEN_ROUNDS);
            }
            let left = descendants([std::process::id()]);
            if left.is_empty() {
                return;
            }
            left.into_iter().for_each(kill);
            while let Ok(Some(_)) = waitpid(None, WaitOptions::NOHANG) {}
        }
    }

    /// What a process has been seen to have started. The one that looks is its child.
    #[derive(Debug)]
    pub struct Seen {
        of: u32,
        processes: HashSet<Process>,
    }

    impl Seen {
        /// Nothing, so far.
        pub fn of(process: u32) -> Self {
            Self {
                of: process,
                processes: HashSet::new(),
            }
        }

        /// Looks. When the process has ended, nothing is seen any more.
        pub fn look(&mut self) {
            let found = descendants([self.of]);
            let parent = rustix::process::getppid().map(Pid::as_raw_nonzero);
            let is_alive = parent.is_some_and(|parent| u32::try_from(parent.get()) == Ok(self.of));
            if is_alive {
                let own = std::process::id();
                self.processes = found.into_iter().filter(|process| process.number != own).collect();
            }
        }

        /// Kills all that was seen, and what that has started since.
        pub fn kill(&self) {
            let alive = |process: &&Process| listed(process.number).is_some_and(|now| now.process == **process);
            let alive: Vec<Process> = self.processes.iter().filter(alive).copied().collect();
            let more = descendants(alive.iter().map(|process| process.number));
            alive.into_iter().chain(more).for_each(kill);
        }
    }

    #[cfg(test)]
    mod tests {
        use std::os::unix::process::CommandExt as _;
        use std::process::Command;
        use std::sync::mpsc;

        use super::*;

        /// Whoever adopts does so for the whole process, and the other tests of this one have children: so a child does it.
        #[test]
        fn adopted_compilers_are_buried_and_what_was_started_here_is_not() {
            const CHILD: &str = "PIPULATE_ORPHANS_TEST";
            if std::env::var_os(CHILD).is_none() {
                let name = "orphans::linux::tests::adopted_compilers_are_buried_and_what_was_started_here_is_not";
                let mut child = Command::new(std::env::current_exe().unwrap());
                let output = child.args([name, "--exact"]).env(CHILD, "1").output().unwrap();
                let said = String::from_utf8_lossy(&output.stdout);
                assert!(output.status.success() && said.contains("1 passed"), "{said}");
                return;
            }
            adopt();
            let script = "sleep 60 > /dev/null 2>&1 & echo $!";
            let output = Command::new("sh").args(["-c", script]).output().unwrap();
            let adopted: u32 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
            kill_process(number(adopted).unwrap(), Signal::KILL).unwrap();
            while !listed(adopted).unwrap().has_ended {
                std::thread::yield_now();
            }
            let (go_on, goes_on) = mpsc::channel();
            let waits = std::thread::spawn(move || {
                let mut child = Command::new("true").spawn().unwrap();
                goes_on.recv().unwrap();
                child.wait()
            });
            let starts = std::thread::spawn(|| Command::new("true").process_group(0).spawn().unwrap());
            let mut outlives = starts.join().unwrap();
            bury_compilers();
            assert!(listed(adopted).is_none());
            go_on.send(()).unwrap();
            assert!(waits.join().unwrap().unwrap().success());
            assert!(outlives.wait().unwrap().success());
        }
    }
}

#[cfg(target_os = "linux")]
pub use linux::{Seen, adopt, bury, bury_compilers, kill_all};

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    /// See the module's documentation.
    pub fn adopt() {}

    /// See the module's documentation.
    pub fn bury() {}

    /// See the module's documentation.
    pub fn bury_compilers() {}

    /// See the module's documentation.
    pub fn kill_all() {}

    /// See the module's documentation.
    #[derive(Debug)]
    pub struct Seen;

    impl Seen {
        /// Nothing.
        pub fn of(_: u32) -> Self {
            Self
        }

        /// Sees nothing.
        pub fn look(&mut self) {}

        /// Kills nothing.
        pub fn kill(&self) {}
    }
}

#[cfg(not(target_os = "linux"))]
pub use elsewhere::{Seen, adopt, bury, bury_compilers, kill_all};
