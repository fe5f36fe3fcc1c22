//! The rules of the core, one after the other. Every test runs unchanged on every store.

use std::collections::{BTreeMap, HashMap};

use pipulate::{
    Error, EventKind, Input, JobFilter, PruneOptions, Recording, Revision, Source, StepStatus, Tenant, json,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::{name_of, on_every_store};

fn names(job: &pipulate::Job) -> Vec<String> {
    job.steps().unwrap().into_iter().map(|step| step.name.into()).collect()
}

fn suggested(job: &pipulate::Job) -> Vec<String> {
    job.steps()
        .unwrap()
        .into_iter()
        .filter(|step| step.suggested)
        .map(|step| step.name.into())
        .collect()
}

fn kinds(job: &pipulate::Job) -> Vec<EventKind> {
    job.history(None).unwrap().into_iter().map(|event| event.kind).collect()
}

fn recording(fingerprint: &str, inputs: &[(&str, &str)], untracked: &[&str]) -> Recording {
    Recording {
        fingerprint: fingerprint.to_owned(),
        inputs: inputs
            .iter()
            .map(|(step, value)| Input {
                step: step.parse().unwrap(),
                digest: json::digest(value),
            })
            .collect(),
        untracked: untracked.iter().map(|name| (*name).to_owned()).collect(),
    }
}

on_every_store! {
    fn what_is_missing_is_none(pip) {
        let job = pip.job("nowhere").unwrap();
        assert_eq!(job.get::<Value>("step").unwrap(), None);
        assert_eq!(job.get_json("step").unwrap(), None);
        assert_eq!(job.get_or("step", 7).unwrap(), 7);
        assert_eq!(job.info().unwrap(), None);
        assert!(job.steps().unwrap().is_empty());
        assert!(job.read().unwrap().is_empty());
        assert!(job.history(None).unwrap().is_empty());
        assert_eq!(job.undo().unwrap(), None);
        assert!(!job.remove("step").unwrap());
        assert_eq!(job.status("step", None).unwrap(), StepStatus::Missing);
        assert_eq!(job.workflow().unwrap(), "notebook");
        assert!(pip.jobs(&JobFilter::default()).unwrap().is_empty());
        let error = job.require::<Value>("step").unwrap_err();
        assert_eq!(
            error,
            Error::MissingStep { job: job.key().clone(), step: "step".parse().unwrap(), available: vec![] }
        );
        for result in [job.finalize(), job.unfinalize(), job.delete(), pip.undelete("nowhere")] {
            assert_eq!(name_of(result), "MissingJob");
        }
        assert_eq!(name_of(job.revert("step")), "MissingJob");
        assert_eq!(name_of(job.fork(None, "copy")), "MissingJob");
        assert_eq!(job.info().unwrap(), None, "none of this created the job");
    }

    fn the_first_write_creates_the_job(pip) {
        let job = pip.job_in("hello-01", "hello").unwrap();
        let revision = job.set("step", &1).unwrap();
        let info = job.info().unwrap().unwrap();
        assert_eq!((info.key.as_str(), info.workflow.as_str()), ("hello-01", "hello"));
        assert_eq!((info.revision, info.steps, info.finalized, info.deleted), (revision, 1, false, false));
        assert_eq!(info.created, info.updated);
        assert_eq!(info.id.as_bytes()[14], b'7', "a UUIDv7: {}", info.id);
        assert_eq!(pip.job_in("hello-01", "other").unwrap().workflow().unwrap(), "hello", "a job keeps its workflow");
    }

    fn values_come_back_as_they_were(pip) {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Person {
            zeta: String,
            alpha: Option<u8>,
            tags: Vec<(i64, f64)>,
        }
        let job = pip.job("values").unwrap();
        let person = Person { zeta: "é \u{1F600} \"quoted\"\n".to_owned(), alpha: None, tags: vec![(-1, 0.5)] };
        job.set("person", &person).unwrap();
        assert_eq!(job.require::<Person>("person").unwrap(), person);
        let text = job.get_json("person").unwrap().unwrap();
        assert!(text.starts_with("{\"zeta\":"), "keys keep their order: {text}");
        job.set("wide", &u128::MAX).unwrap();
        assert_eq!(job.require::<u128>("wide").unwrap(), u128::MAX);
        job.set_json("raw", " {\"b\": 1, \"a\": 2}\n").unwrap();
        assert_eq!(job.get_json("raw").unwrap().unwrap(), "{\"b\": 1, \"a\": 2}");
        assert_eq!(pip.get::<u128>("values", "wide").unwrap(), Some(u128::MAX), "the three-argument form");
        pip.set("values", "wide", &1).unwrap();
        assert_eq!(pip.get::<u128>("values", "wide").unwrap(), Some(1));
    }

    fn null_and_other_nothings_are_values(pip) {
        let job = pip.job("nothings").unwrap();
        for (step, value) in [("null", json!(null)), ("zero", json!(0)), ("empty", json!("")), ("false", json!(false))] {
            job.set(step, &value).unwrap();
            assert_eq!(job.get::<Value>(step).unwrap(), Some(value));
            assert_eq!(job.status(step, None).unwrap(), StepStatus::Fresh);
        }
        assert_eq!(job.get_or("null", Some(7)).unwrap(), None, "a stored null beats the default");
        assert_eq!(job.info().unwrap().unwrap().steps, 4);
    }

    fn a_value_of_another_type_is_an_error_that_says_which(pip) {
        let job = pip.job("types").unwrap();
        job.set("text", "seven").unwrap();
        let error = job.get::<u8>("text").unwrap_err();
        let Error::Decode { step, expected, source, .. } = &error else { panic!("{error:?}") };
        assert_eq!((step.as_str(), expected.as_str()), ("text", "u8"));
        assert!(source.to_string().contains("expected u8"), "{source}");
    }

    fn an_equal_value_changes_nothing(pip) {
        let job = pip.job("equal").unwrap();
        let first = job.set("step", &json!({"a": 1, "b": [1.5, "x"]})).unwrap();
        let second = job.set_json("step", "{ \"b\": [1.50, \"\\u0078\"], \"a\": 1 }").unwrap();
        assert_eq!(first, second);
        assert_eq!(job.history(None).unwrap().len(), 1);
        assert_eq!(job.get_json("step").unwrap().unwrap(), "{\"a\":1,\"b\":[1.5,\"x\"]}", "the text stays, too");
        assert!(job.set("step", &json!({"a": 1})).unwrap() > second);
        let wide = job.set("wide", &u128::MAX).unwrap();
        assert!(job.set("wide", &(u128::MAX - 1)).unwrap() > wide, "not even the last of 39 digits is lost");
    }

    fn what_json_cannot_hold_is_refused(pip) {
        #[derive(Serialize)]
        struct Item {
            price: f64,
        }
        let job = pip.job("refused").unwrap();
        let items = HashMap::from([("items", vec![Item { price: 1.0 }, Item { price: f64::NAN }])]);
        let error = job.set("step", &items).unwrap_err();
        let Error::Unrepresentable { path, reason, .. } = &error else { panic!("{error:?}") };
        assert_eq!(path, "items[1].price");
        assert!(reason.contains("NaN"), "{reason}");
        assert_eq!(name_of(job.set("step", &f32::INFINITY)), "Unrepresentable");
        assert_eq!(name_of(job.set("step", &BTreeMap::from([(vec![1], 2)]))), "Unrepresentable");
        assert_eq!(name_of(job.set_json("step", "{\"a\":}")), "Unrepresentable");
        assert_eq!(name_of(job.set_json("step", "NaN")), "Unrepresentable");
        let deep = (0..128).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(name_of(job.set("step", &deep)), "Unrepresentable");
        let fits = (0..127).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(job.info().unwrap(), None, "nothing was written");
        job.set("step", &fits).unwrap();
        assert_eq!(job.require::<Value>("step").unwrap(), fits, "what is accepted can be read");
    }

    fn a_value_over_the_limit_is_refused_with_its_size(pip) {
        let job = pip.clone().with_value_limit(100).job("large").unwrap();
        job.set("step", &"x".repeat(98)).unwrap();
        let error = job.set("step", &"x".repeat(99)).unwrap_err();
        assert!(matches!(error, Error::TooLarge { size: 101, limit: 100, .. }), "{error:?}");
        assert_eq!(name_of(job.set_json("step", &format!("[{}]", "1,".repeat(60)))), "TooLarge");
        assert_eq!(job.require::<String>("step").unwrap().len(), 98);
    }

    fn large_values_go_through(pip) {
        let job = pip.job("megabytes").unwrap();
        let text = "\"quotes\" double in every envelope\\".repeat(100_000);
        job.set("step", &text).unwrap();
        assert_eq!(job.require::<String>("step").unwrap(), text);
    }

    fn names_are_any_text_within_bounds(pip) {
        for key in ["a", "Größe/±%_*?'\";--", "created", "..", " ", &"é".repeat(200)] {
            let job = pip.job(key).unwrap();
            job.set(key, &key).unwrap();
            assert_eq!(job.require::<String>(key).unwrap(), key);
            assert_eq!(job.info().unwrap().unwrap().key, key);
        }
        for name in ["", "a\nb", "\0", "\u{85}", &"é".repeat(201)] {
            assert_eq!(name_of(pip.job(name)), "InvalidName");
            assert_eq!(name_of(pip.job_in("job", name)), "InvalidName");
            assert_eq!(name_of(pip.job("job").unwrap().set(name, &1)), "InvalidName");
        }
        assert_eq!(pip.jobs(&JobFilter::default()).unwrap().len(), 6);
    }

    fn set_if_and_update_compare_revisions(pip) {
        let job = pip.job("conflicts").unwrap();
        let first = job.set_if("step", Revision::NONE, &1).unwrap();
        let error = job.set_if("step", Revision::NONE, &2).unwrap_err();
        assert_eq!(
            error,
            Error::Conflict {
                job: job.key().clone(),
                step: "step".parse().unwrap(),
                expected: Revision::NONE,
                found: first,
            }
        );
        job.set("another", &1).unwrap();
        let second = job.set_if("step", first, &2).unwrap();
        assert_eq!(name_of(job.set_if("step", first, &3)), "Conflict");
        assert_eq!(name_of(job.set_if("step", first, &2)), "Conflict", "even if the value is the same");
        assert_eq!(job.set_if("step", second, &2).unwrap(), second);
        assert_eq!(job.update("step", |old: Option<u8>| old.unwrap() * 10).unwrap(), 20);
        assert_eq!(job.update("new", |old: Option<u8>| old.map_or(1, |_| 2)).unwrap(), 1);
        let error = job.update("step", |old: Option<u8>| {
            job.set("step", &99).unwrap();
            old.unwrap() + 1
        });
        assert_eq!(name_of(error), "Conflict");
        assert_eq!(job.require::<u8>("step").unwrap(), 99, "the lost race changed nothing");
        job.remove("step").unwrap();
        assert_eq!(name_of(job.set_if("step", second, &3)), "Conflict");
        job.set_if("step", Revision::NONE, &3).unwrap();
    }

    fn every_change_is_an_event(pip) {
        let web = pip.clone().as_source(Source::Web).job("events").unwrap();
        let cli = pip.clone().as_source(Source::Cli).job("events").unwrap();
        web.set("a", &1).unwrap();
        cli.set("a", &2).unwrap();
        web.remove("a").unwrap();
        let events = web.history(None).unwrap();
        let seen: Vec<_> = events
            .iter()
            .map(|event| {
                let step = event.step.as_ref().map(ToString::to_string);
                (event.kind, step, event.value.clone(), event.previous.clone(), event.source.clone())
            })
            .collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            seen,
            [
                (EventKind::Set, text("a"), text("1"), None, Source::Web),
                (EventKind::Set, text("a"), text("2"), text("1"), Source::Cli),
                (EventKind::Remove, text("a"), None, text("2"), Source::Web),
            ]
        );
        assert!(events.is_sorted_by(|left, right| left.revision < right.revision && left.id < right.id));
        for event in &events {
            let time: jiff::Timestamp = event.time.parse().unwrap();
            assert!((time.as_second() - jiff::Timestamp::now().as_second()).abs() < 60);
            assert!(event.time.ends_with('Z') && event.time.len() == "2026-01-01T00:00:00.000000Z".len(), "{}", event.time);
        }
        let info = web.info().unwrap().unwrap();
        assert_eq!((info.revision, info.updated), (events[2].revision, events[2].time.clone()));
        web.set("b", &1).unwrap();
        assert_eq!(web.history(Some("a")).unwrap(), events);
    }

    fn undo_takes_back_one_change_after_the_other(pip) {
        let job = pip.job("undo").unwrap();
        job.set("a", &1).unwrap();
        job.set("a", &2).unwrap();
        job.set("b", &3).unwrap();
        let undone = job.undo().unwrap().unwrap();
        assert_eq!((undone.kind, undone.step.unwrap().as_str(), undone.value.as_deref()), (EventKind::Set, "b", Some("3")));
        assert_eq!(job.get::<u8>("b").unwrap(), None);
        assert_eq!(job.undo().unwrap().unwrap().previous.as_deref(), Some("1"));
        assert_eq!(job.require::<u8>("a").unwrap(), 1);
        job.set("c", &4).unwrap();
        assert_eq!(job.undo().unwrap().unwrap().step.unwrap(), "c");
        assert_eq!(job.undo().unwrap().unwrap().step.unwrap(), "a", "past what was undone before");
        assert_eq!(job.get::<u8>("a").unwrap(), None);
        assert_eq!(job.undo().unwrap(), None);
        assert_eq!(job.info().unwrap().unwrap().steps, 0);
        assert_eq!(kinds(&job).iter().filter(|kind| **kind == EventKind::Undo).count(), 4, "an undo is an event itself");
        let undos = job.history(Some("a")).unwrap();
        let last = undos.last().unwrap();
        assert_eq!((last.kind, last.value.clone(), last.previous.as_deref()), (EventKind::Undo, None, Some("1")));
    }

    fn undo_brings_removed_and_written_steps_back(pip) {
        let job = pip.job("undo-more").unwrap();
        job.set("a", &1).unwrap();
        job.record("b", &2, &recording("code", &[("a", "1")], &[])).unwrap();
        let before = job.steps().unwrap();
        job.remove("a").unwrap();
        job.undo().unwrap().unwrap();
        assert_eq!(names(&job), ["a", "b"], "at its old place");
        job.write(serde_json::from_value(json!({"b": 5, "c": 6})).unwrap()).unwrap();
        assert_eq!(names(&job), ["b", "c"]);
        let undone = job.undo().unwrap().unwrap();
        assert_eq!(undone.kind, EventKind::Set);
        let after = job.steps().unwrap();
        assert_eq!(names(&job), ["a", "b"], "a write is one change");
        assert_eq!(after[1].recording, before[1].recording, "with the record of the code");
        assert_eq!(after[1].status, StepStatus::Fresh);
        assert!(after[1].revision > before[1].revision, "a revision is never used for two values");
    }

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
        pip.undelete("hidden").unwrap();
        pip.undelete("hidden").unwrap();
        assert_eq!(job.require::<u8>("a").unwrap(), 1);
        assert_eq!(kinds(&job), [EventKind::Set, EventKind::Delete, EventKind::Undelete]);
    }

    fn write_replaces_what_is_done(pip) {
        let job = pip.job("write").unwrap();
        assert_eq!(job.write(serde_json::Map::new()).unwrap(), Revision::NONE);
        assert_eq!(job.info().unwrap(), None);
        let first = job.write(serde_json::from_value(json!({"a": 1, "b": 2, "c": u64::MAX})).unwrap()).unwrap();
        job.set("wide", &u128::MAX).unwrap();
        let before = job.steps().unwrap();
        let revision = job.write(job.read().unwrap()).unwrap();
        assert!(revision > first);
        assert_eq!(job.steps().unwrap(), before, "what was read and is written back has not changed");
        job.revert("c").unwrap();
        let mut values = job.read().unwrap();
        values.remove("a");
        values.insert("b".to_owned(), json!(20));
        job.write(values).unwrap();
        assert_eq!(job.read().unwrap(), serde_json::from_value(json!({"b": 20})).unwrap());
        assert_eq!(suggested(&job), ["c", "wide"], "what was set aside stays so");
        let last = job.history(None).unwrap().pop().unwrap();
        assert_eq!(job.history(None).unwrap().iter().filter(|event| event.change == last.change).count(), 2);
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

    fn prune_shortens_history_and_nothing_else(pip) {
        let job = pip.job("pruned").unwrap();
        for value in 0..5 {
            job.set("a", &value).unwrap();
        }
        job.set("b", &1).unwrap();
        let gone = pip.job("gone").unwrap();
        gone.set("a", &1).unwrap();
        gone.delete().unwrap();
        let all = PruneOptions { deleted_jobs: true, ..PruneOptions::default() };
        let recent = PruneOptions { older_than: std::time::Duration::from_secs(3600), ..all.clone() };
        assert_eq!(pip.prune(&recent).unwrap().events, 0);
        let only = PruneOptions { job: Some("other".parse().unwrap()), ..all.clone() };
        assert_eq!(pip.prune(&only).unwrap().events, 0);
        let before = job.steps().unwrap();
        let dry = pip.prune(&PruneOptions { dry_run: true, ..all.clone() }).unwrap();
        assert_eq!((dry.events, dry.jobs), (8, 1));
        assert_eq!(job.history(None).unwrap().len(), 6, "a dry run only counts");
        assert_eq!(pip.prune(&all).unwrap(), dry);
        assert_eq!(pip.prune(&all).unwrap().events, 0);
        assert!(job.history(None).unwrap().is_empty());
        assert_eq!(job.steps().unwrap(), before);
        assert_eq!(gone.info().unwrap(), None);
        assert_eq!(job.undo().unwrap(), None, "what is pruned cannot be taken back");
        let info = pip.location().unwrap();
        assert_eq!((info.jobs, info.steps, info.events), (1, 2, 0));
        let revision = job.set("a", &50).unwrap();
        assert!(revision > before[1].revision, "revisions go on");
        let events = job.history(None).unwrap();
        assert_eq!((events.len(), events[0].previous.as_deref()), (1, Some("4")));
        job.undo().unwrap();
        assert_eq!(job.require::<u8>("a").unwrap(), 4, "what came after can be");
        assert_eq!(job.undo().unwrap(), None);
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
