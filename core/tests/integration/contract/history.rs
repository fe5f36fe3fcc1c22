//! The history: every change is an event, undo takes it back, prune shortens it.

use pipulate::{EventKind, PruneOptions, Source, StepStatus};
use serde_json::json;

use super::{kinds, names, recording};
use crate::support::on_every_store;

on_every_store! {
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
        let info_before = job.info().unwrap();
        let dry = pip.prune(&PruneOptions { dry_run: true, ..all.clone() }).unwrap();
        assert_eq!((dry.events, dry.jobs), (8, 1));
        assert_eq!(job.history(None).unwrap().len(), 6, "a dry run only counts");
        assert_eq!(pip.prune(&all).unwrap(), dry);
        assert_eq!(pip.prune(&all).unwrap().events, 0);
        assert!(job.history(None).unwrap().is_empty());
        assert_eq!(job.steps().unwrap(), before);
        assert_eq!(job.info().unwrap(), info_before, "the job is as its last change left it");
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

    fn prune_leaves_finalized_jobs_alone(pip) {
        let (open, locked) = (pip.job("open").unwrap(), pip.job("locked").unwrap());
        for job in [&open, &locked] {
            job.set("a", &1).unwrap();
            job.set("a", &2).unwrap();
        }
        locked.finalize().unwrap();
        let before = (locked.info().unwrap(), locked.history(None).unwrap());
        let all = PruneOptions::default();
        let recent = PruneOptions { older_than: std::time::Duration::from_secs(3600), ..all.clone() };
        assert_eq!(pip.prune(&recent).unwrap().finalized, 0, "it would have kept them anyway");
        let dry = pip.prune(&PruneOptions { dry_run: true, ..all.clone() }).unwrap();
        assert_eq!((dry.events, dry.jobs, dry.finalized), (2, 0, 1));
        assert_eq!(pip.prune(&all).unwrap(), dry);
        assert!(open.history(None).unwrap().is_empty());
        let named = PruneOptions { job: Some(locked.key().clone()), ..all.clone() };
        let error = pip.prune(&named).unwrap_err();
        assert_eq!(error.to_string(), "cannot prune the history: job `locked` is finalized");
        assert_eq!((locked.info().unwrap(), locked.history(None).unwrap()), before);
        locked.unfinalize().unwrap();
        assert_eq!(pip.prune(&named).unwrap().events, 4);
        assert_eq!(pip.prune(&all).unwrap().finalized, 0);
    }
}
