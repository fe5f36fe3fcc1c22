//! Values: what comes back, what is refused, and who wins.

use std::collections::{BTreeMap, HashMap};

use pipulate::{Error, JobFilter, Revision, StepStatus};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::suggested;
use crate::support::{name_of, on_every_store};

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
        for result in [job.finalize(), job.unfinalize(), job.delete()] {
            assert_eq!(name_of(result), "MissingJob");
        }
        assert_eq!(name_of(pip.undelete("nowhere")), "MissingJob");
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
        let error = job.require::<Option<Vec<String>>>("text").unwrap_err();
        assert_eq!(error.to_string(), "step `text` of job `types` is not an `Option<Vec<String>>`");
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

    fn json_text_is_kept_only_if_all_read_the_same_in_it(pip) {
        #[derive(Serialize)]
        struct Flat {
            price: u8,
            #[serde(flatten)]
            more: BTreeMap<String, u8>,
        }
        let job = pip.job("text").unwrap();
        let refused = |result: Result<Revision, Error>| match result.unwrap_err() {
            Error::Unrepresentable { path, reason, .. } => (path, reason),
            error => panic!("{error:?}"),
        };
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        for levels in [128, 10_000] {
            let (path, reason) = refused(job.set_json("step", &deep(levels)));
            assert_eq!((path.as_str(), reason.as_str()), ("", "it is nested more than 127 levels deep"));
        }
        for text in [r#"{"a":[{"b":1,"c":2,"b":1}]}"#, r#"{"a":[{"b":1,"\u0062":2}]}"#] {
            let (path, reason) = refused(job.set_json("step", text));
            assert_eq!((path.as_str(), reason.as_str()), ("a[0].b", "the key is there twice"));
        }
        let flat = Flat { price: 1, more: BTreeMap::from([("price".to_owned(), 2)]) };
        assert_eq!(refused(job.set("step", &flat)).0, "price");
        assert_eq!(job.info().unwrap(), None, "nothing was written");

        job.set_json("step", r#"{"a":1,"b":{"a":2}}"#).unwrap();
        let before = (job.steps().unwrap(), job.history(None).unwrap());
        refused(job.set_json("step", &deep(128)));
        refused(job.set_json("step", r#"{"a":1,"a":2}"#));
        assert_eq!((job.steps().unwrap(), job.history(None).unwrap()), before, "nothing was lost");
        job.set_json("step", &deep(127)).unwrap();
        assert_eq!(job.get_json("step").unwrap(), Some(deep(127)));
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
}
