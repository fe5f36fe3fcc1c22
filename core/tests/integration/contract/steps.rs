//! Steps: their order, going back to one, copying them, and whether they still hold.

use pipulate::{Error, EventKind, Input, Recording, Revision, StepStatus};
use serde_json::json;

use super::{kinds, names, recording, suggested};
use crate::support::{name_of, on_every_store};

on_every_store! {
    fn steps_stand_in_the_workflows_order(pip) {
        let job = pip.job("order").unwrap();
        for step in ["c", "extra", "a"] {
            job.set(step, &1).unwrap();
        }
        assert_eq!(names(&job), ["c", "extra", "a"], "by when they were first set");
        job.set("c", &2).unwrap();
        assert_eq!(names(&job), ["c", "extra", "a"]);
        job.order(&["a", "b", "c"]).unwrap();
        assert_eq!(names(&job), ["a", "c", "extra"], "the workflow's, then the others");
        job.set("b", &1).unwrap();
        assert_eq!(names(&job), ["a", "b", "c", "extra"]);
        let events = job.history(None).unwrap().len();
        job.order(&["a", "b", "c"]).unwrap();
        assert_eq!(job.history(None).unwrap().len(), events, "the same order changes nothing");
        job.order(&["extra"]).unwrap();
        assert_eq!(names(&job), ["extra", "c", "a", "b"]);
        assert_eq!(name_of(job.order(&["a", "a"])), "InvalidName");
        let keys: Vec<String> = job.read().unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(keys.len(), 4);
    }

    fn revert_sets_later_steps_aside(pip) {
        let job = pip.job("revert").unwrap();
        job.order(&["a", "b", "c", "d"]).unwrap();
        for (step, value) in [("a", 1), ("b", 2), ("c", 3)] {
            job.set(step, &value).unwrap();
        }
        assert_eq!(job.revert("b").unwrap(), ["c"]);
        assert_eq!(names(&job), ["a", "b", "c"], "the values stay visible");
        assert_eq!(suggested(&job), ["b", "c"]);
        assert_eq!(job.get::<u8>("b").unwrap(), None);
        assert_eq!(name_of(job.require::<u8>("c")), "MissingStep");
        assert_eq!(job.status("c", None).unwrap(), StepStatus::Suggested);
        assert_eq!(job.read().unwrap().len(), 1);
        assert_eq!(job.info().unwrap().unwrap().steps, 1);
        job.set("b", &2).unwrap();
        assert_eq!(suggested(&job), ["c"], "the same value again counts as done");
        assert_eq!(job.update("c", |old: Option<u8>| old.map_or(30, |_| 0)).unwrap(), 30);
        assert_eq!(job.revert("d").unwrap(), [""; 0], "a step without a value is open already");
        assert_eq!(job.revert("a").unwrap(), ["b", "c"]);
        job.undo().unwrap();
        assert_eq!(suggested(&job), [""; 0]);
        let error = job.revert("nowhere").unwrap_err();
        assert!(matches!(&error, Error::MissingStep { available, .. } if available.len() == 3), "{error:?}");
    }

    fn a_set_aside_step_can_be_set_by_either_revision(pip) {
        let job = pip.job("aside").unwrap();
        let before = job.set("a", &1).unwrap();
        job.revert("a").unwrap();
        assert_eq!(name_of(job.set_if("a", before, &2)), "Conflict", "it was opened in the meantime");
        let shown = job.step("a").unwrap().unwrap();
        assert!(shown.suggested);
        job.set_if("a", shown.revision, &2).unwrap();
        job.revert("a").unwrap();
        job.set_if("a", Revision::NONE, &3).unwrap();
        job.revert("a").unwrap();
        assert!(job.remove("a").unwrap());
        assert!(job.steps().unwrap().is_empty());
    }

    fn a_fork_has_a_life_of_its_own(pip) {
        let job = pip.job_in("origin", "hello").unwrap();
        job.order(&["a", "b", "c"]).unwrap();
        job.set("a", &1).unwrap();
        job.record("b", &2, &recording("code", &[("a", "1")], &[])).unwrap();
        job.set("extra", &9).unwrap();
        job.finalize().unwrap();
        let copy = job.fork(None, "copy").unwrap();
        let info = copy.info().unwrap().unwrap();
        assert_eq!((info.workflow.as_str(), info.steps, info.finalized), ("hello", 3, false));
        assert_ne!(info.id, job.info().unwrap().unwrap().id);
        assert_eq!(copy.read().unwrap(), job.read().unwrap());
        assert_eq!(names(&copy), ["a", "b", "extra"]);
        assert_eq!(copy.step("b").unwrap().unwrap().recording, job.step("b").unwrap().unwrap().recording);
        assert_eq!(kinds(&copy), [EventKind::Fork; 4]);
        assert!(copy.history(None).unwrap()[0].value.as_ref().unwrap().contains("\"origin\""));
        assert_eq!(copy.undo().unwrap(), None, "its history begins with the fork");
        copy.set("c", &3).unwrap();
        assert_eq!(names(&copy), ["a", "b", "c", "extra"], "the order came along");
        assert_eq!(job.get::<u8>("c").unwrap(), None);
        let over = job.fork(Some("b"), "over").unwrap();
        assert_eq!(suggested(&over), ["b", "extra"]);
        assert_eq!(over.info().unwrap().unwrap().steps, 1);
        assert_eq!(name_of(job.fork(None, "copy")), "JobExists");
        over.delete().unwrap();
        let error = job.fork(None, "over").unwrap_err();
        assert!(matches!(error, Error::JobExists { deleted: true, .. }), "{error:?}");
        assert_eq!(name_of(job.fork(Some("nowhere"), "third")), "MissingStep");
        assert_eq!(pip.job("third").unwrap().info().unwrap(), None);
    }

    fn a_step_is_fresh_or_says_why_not(pip) {
        let job = pip.job("status").unwrap();
        job.set("a", &json!({"x": 1, "y": 2})).unwrap();
        let made = recording("code-1", &[("a", "{\"y\":2,\"x\":1}"), ("b", "does not matter: itself")], &[]);
        let revision = job.record("b", &10, &made).unwrap();
        assert_eq!(job.status("b", None).unwrap(), StepStatus::Fresh);
        assert_eq!(job.status("b", Some("code-1")).unwrap(), StepStatus::Fresh);
        assert_eq!(job.status("b", Some("code-2")).unwrap(), StepStatus::StaleCode);
        assert_eq!(job.status("a", Some("code-2")).unwrap(), StepStatus::Fresh, "given by hand");
        assert_eq!(job.record("b", &10, &made).unwrap(), revision);
        assert_eq!(job.record_json("b", " 10", &made).unwrap(), revision);
        assert_eq!(name_of(job.record_json("b", "1 0", &made)), "Unrepresentable");
        assert_eq!(job.history(None).unwrap().len(), 2, "the same again changes nothing");
        job.set("b", &10).unwrap();
        assert_eq!(job.step("b").unwrap().unwrap().recording, Some(made.clone()), "nor does an equal value");

        job.set("a", &2).unwrap();
        assert_eq!(job.status("b", Some("code-1")).unwrap(), StepStatus::StaleInput("a".parse().unwrap()));
        assert_eq!(job.steps().unwrap()[1].status.to_string(), "stale(input: a)");
        job.set("a", &json!({"y": 2, "x": 1})).unwrap();
        assert_eq!(job.status("b", None).unwrap(), StepStatus::Fresh, "the old value is back");
        job.remove("a").unwrap();
        assert_eq!(job.status("b", None).unwrap().to_string(), "stale(input: a)");

        let without = Recording { inputs: vec![Input { step: "a".parse().unwrap(), digest: String::new() }], ..made.clone() };
        job.record("c", &1, &without).unwrap();
        assert_eq!(job.status("c", None).unwrap(), StepStatus::Fresh, "it read that there was no value");
        job.set("a", &1).unwrap();
        assert_eq!(job.status("c", None).unwrap().to_string(), "stale(input: a)");
        job.remove("c").unwrap();

        let again = recording("code-2", &[], &["tax_rate"]);
        assert_eq!(job.record("b", &10, &again).unwrap(), revision, "an equal value keeps its revision");
        assert_eq!(job.status("b", Some("code-2")).unwrap(), StepStatus::StaleUntracked("tax_rate".to_owned()));
        assert_eq!(job.status("b", Some("code-3")).unwrap().to_string(), "stale(code)");
        job.undo().unwrap();
        assert_eq!(job.step("b").unwrap().unwrap().recording, Some(made));
        job.set("b", &11).unwrap();
        assert_eq!(job.step("b").unwrap().unwrap().recording, None, "a value given by hand was not made by code");
        job.revert("b").unwrap();
        assert_eq!(job.status("b", None).unwrap().to_string(), "suggested");
    }
}
