//! Jobs: locked, hidden, kept apart and found.

use pipulate::{EventKind, JobFilter, JobKey, PruneOptions, Revision, Tenant};
use serde_json::json;

use super::{kinds, names, recording};
use crate::support::{name_of, on_every_store};

on_every_store! {
    fn finalized_locks_everything(pip) {
        let job = pip.job("locked").unwrap();
        job.order(&["a", "b"]).unwrap();
        job.set("a", &1).unwrap();
        job.record("b", &2, &recording("code", &[], &[])).unwrap();
        job.finalize().unwrap();
        job.finalize().unwrap();
        let dump = || (job.info().unwrap(), job.steps().unwrap(), job.history(None).unwrap(), job.read().unwrap());
        let before = dump();
        let revision = before.1[0].revision;
        assert!(before.0.as_ref().unwrap().finalized);
        assert_eq!(name_of(job.set("a", &2)), "Finalized");
        assert_eq!(name_of(job.set("a", &1)), "Finalized");
        assert_eq!(name_of(job.set("new", &1)), "Finalized");
        assert_eq!(name_of(job.set_json("a", "2")), "Finalized");
        assert_eq!(name_of(job.set_if("a", revision, &2)), "Finalized");
        assert_eq!(name_of(job.update("a", |_: Option<u8>| 2)), "Finalized");
        assert_eq!(name_of(job.record("a", &2, &recording("code", &[], &[]))), "Finalized");
        assert_eq!(name_of(job.write(serde_json::Map::new())), "Finalized");
        assert_eq!(name_of(job.remove("a")), "Finalized");
        assert_eq!(name_of(job.remove("nowhere")), "Finalized");
        assert_eq!(name_of(job.revert("a")), "Finalized");
        assert_eq!(name_of(job.undo()), "Finalized");
        assert_eq!(name_of(job.delete()), "Finalized");
        assert_eq!(name_of(job.order(&["b", "a"])), "Finalized");
        job.order(&["a", "b"]).unwrap();
        assert_eq!(dump(), before, "nothing changed");
        let error = job.set("a", &2).unwrap_err();
        assert_eq!(error.to_string(), "cannot set step `a`: job `locked` is finalized");
        job.unfinalize().unwrap();
        job.unfinalize().unwrap();
        assert_eq!(job.steps().unwrap(), before.1, "unfinalize loses nothing");
        job.set("a", &2).unwrap();
        assert_eq!(kinds(&job)[3..], [EventKind::Finalize, EventKind::Unfinalize, EventKind::Set]);
        job.undo().unwrap();
        job.undo().unwrap();
        assert_eq!(names(&job), ["a"], "undo reaches back past the lock");
    }

    fn deleting_hides(pip) {
        let job = pip.job("hidden").unwrap();
        job.set("a", &1).unwrap();
        job.delete().unwrap();
        assert_eq!(job.get::<u8>("a").unwrap(), None);
        assert_eq!(name_of(job.require::<u8>("a")), "Deleted");
        assert!(job.steps().unwrap().is_empty() && job.read().unwrap().is_empty());
        assert!(job.info().unwrap().unwrap().deleted);
        assert!(pip.jobs(&JobFilter::default()).unwrap().is_empty());
        let deleted = pip.jobs(&JobFilter { deleted: true, ..JobFilter::default() }).unwrap();
        assert_eq!(deleted.len(), 1);
        assert_eq!(name_of(job.set("a", &2)), "Deleted");
        assert_eq!(name_of(job.undo()), "Deleted");
        assert_eq!(name_of(job.finalize()), "Deleted");
        assert_eq!(name_of(job.fork(None, "copy")), "Deleted");
        job.delete().unwrap();
        assert_eq!(kinds(&job), [EventKind::Set, EventKind::Delete], "the history is still there");
        assert!(pip.undelete("hidden").unwrap());
        assert!(!pip.undelete("hidden").unwrap(), "it is back already");
        assert_eq!(job.require::<u8>("a").unwrap(), 1);
        assert_eq!(kinds(&job), [EventKind::Set, EventKind::Delete, EventKind::Undelete]);
    }

    fn tenants_are_apart(pip) {
        let other = pip.clone().with_tenant(Tenant::new("other").unwrap());
        let (mine, theirs) = (pip.job("same").unwrap(), other.job("same").unwrap());
        mine.set("a", &1).unwrap();
        assert_eq!(theirs.info().unwrap(), None);
        theirs.set("a", &2).unwrap();
        theirs.set("b", &3).unwrap();
        assert_eq!(mine.read().unwrap(), serde_json::from_value(json!({"a": 1})).unwrap());
        assert_eq!((mine.history(None).unwrap().len(), theirs.history(None).unwrap().len()), (1, 2));
        theirs.finalize().unwrap();
        mine.set("a", &4).unwrap();
        mine.delete().unwrap();
        assert_eq!(theirs.require::<u8>("a").unwrap(), 2);
        assert_eq!(name_of(other.undelete("nowhere")), "MissingJob");
        assert_eq!(pip.jobs(&JobFilter::default()).unwrap().len(), 0);
        assert_eq!(other.jobs(&JobFilter::default()).unwrap().len(), 1);
        assert_eq!((other.location().unwrap().jobs, other.location().unwrap().steps), (1, 2));
        pip.prune(&PruneOptions { deleted_jobs: true, ..PruneOptions::default() }).unwrap();
        assert_eq!(theirs.history(None).unwrap().len(), 3);
        assert_eq!(theirs.require::<u8>("b").unwrap(), 3);
    }

    fn jobs_are_found_by_pattern_and_workflow(pip) {
        for (key, workflow) in [("a-1", "x"), ("a-2", "y"), ("b_1", "x"), ("b%1", "x")] {
            pip.job_in(key, workflow).unwrap().set("step", &1).unwrap();
        }
        let found = |pattern: Option<&str>, workflow: Option<&str>| -> Vec<String> {
            let filter = JobFilter {
                pattern: pattern.map(str::to_owned),
                workflow: workflow.map(str::to_owned),
                deleted: false,
            };
            pip.jobs(&filter).unwrap().into_iter().map(|job| job.key.into()).collect()
        };
        assert_eq!(found(None, None), ["a-1", "a-2", "b%1", "b_1"]);
        assert_eq!(found(Some("a-?"), None), ["a-1", "a-2"]);
        assert_eq!(found(Some("*1"), Some("x")), ["a-1", "b%1", "b_1"]);
        assert_eq!(found(Some("b_1"), None), ["b_1"], "only * and ? are special");
        assert_eq!(found(None, Some("z")), [""; 0]);
    }

    fn keys_count_on(pip) {
        assert_eq!(pip.next_key("Default", "hello").unwrap(), "Default-hello-01");
        for key in ["Default-hello-07", "Default-hello-x", "Default-hello-world-55", "default-hello-90", "Default-hello-+8"] {
            pip.job(key).unwrap().set("step", &1).unwrap();
        }
        assert_eq!(pip.next_key("Default", "hello").unwrap(), "Default-hello-08");
        let last = pip.job("Default-hello-99").unwrap();
        last.set("step", &1).unwrap();
        last.delete().unwrap();
        assert_eq!(pip.next_key("Default", "hello").unwrap(), "Default-hello-100", "a deleted job keeps its key");
        assert_eq!(pip.next_key("100%", "_").unwrap(), "100%-_-01");
        assert_eq!(name_of(pip.next_key("", &"x".repeat(200))), "InvalidName");
    }

    fn a_new_job_takes_its_key(pip) {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let pip = pip.clone();
                std::thread::spawn(move || -> Vec<JobKey> {
                    (0..5).map(|_| pip.new_job("Default", "hello").unwrap()).collect()
                })
            })
            .collect();
        let mut keys: Vec<String> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).map(String::from).collect();
        keys.sort();
        assert_eq!(keys, (1..=20).map(|number| format!("Default-hello-{number:02}")).collect::<Vec<_>>());
        assert_eq!(pip.next_key("Default", "hello").unwrap(), "Default-hello-21");

        let job = pip.job("Default-hello-20").unwrap();
        let info = job.info().unwrap().unwrap();
        assert_eq!((info.workflow.as_str(), info.revision, info.steps), ("hello", Revision::NONE, 0));
        assert!(job.history(None).unwrap().is_empty());
        assert_eq!(job.undo().unwrap(), None);
        assert_eq!(job.set("step", &1).unwrap().number(), 1);
        assert_eq!(job.info().unwrap().unwrap().id, info.id);
        let empty = pip.job("Default-hello-19").unwrap();
        empty.delete().unwrap();
        assert!(empty.info().unwrap().unwrap().deleted);
        assert_eq!(pip.new_job("Default", "hello").unwrap(), "Default-hello-21");
        assert_eq!(name_of(pip.new_job("", &"x".repeat(200))), "InvalidName");
    }

    fn a_job_is_shared_between_clones(pip) {
        fn is_shareable<T: Clone + Send + Sync + 'static>(_: &T) {}
        let job = pip.job("shared").unwrap();
        is_shareable(pip);
        is_shareable(&job);
        let clone = job.clone();
        std::thread::spawn(move || clone.set("a", &1).unwrap()).join().unwrap();
        assert_eq!(job.require::<u8>("a").unwrap(), 1);
    }
}
