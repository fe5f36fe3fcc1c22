//! Threads that commit together.

use std::sync::Arc;
use std::thread;

use pipulate::store::sqlite::{SqliteOptions, SqliteStore};
use pipulate::{Pip, Tenant};

use crate::support;

#[test]
fn threads_lose_nothing_and_each_gets_its_own_answer() {
    let backend = support::sqlite();
    let pip = &backend.pip;
    thread::scope(|scope| {
        for number in 0..8_u32 {
            scope.spawn(move || {
                let tenant = Tenant::new(format!("tenant-{}", number % 2)).unwrap();
                let pip = pip.clone().with_tenant(tenant);
                let own = pip.job(&format!("own-{number}")).unwrap();
                let shared = pip.job("shared").unwrap();
                let locked = pip.job(&format!("locked-{number}")).unwrap();
                locked.set("step", &number).unwrap();
                locked.finalize().unwrap();
                for count in 0..50_u32 {
                    let revision = own.set("count", &count).unwrap();
                    assert_eq!(revision.number(), u64::from(count) + 1);
                    shared.set(&format!("{number}-{count}"), &count).unwrap();
                    // Refused changes leave nothing in the transactions of the others.
                    assert_eq!(support::name_of(locked.set("step", &count)), "Finalized");
                }
            });
        }
    });
    for tenant in ["tenant-0", "tenant-1"] {
        let pip = pip.clone().with_tenant(Tenant::new(tenant).unwrap());
        let shared = pip.job("shared").unwrap();
        assert_eq!(shared.read().unwrap().len(), 200);
        assert_eq!(shared.history(None).unwrap().len(), 200);
        assert_eq!(shared.info().unwrap().unwrap().steps, 200);
    }
}

#[test]
fn counting_together_counts_every_one() {
    let backend = support::sqlite();
    let job = backend.pip.job("counter").unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut counted = 0;
                while counted < 25 {
                    match job.update("count", |count: Option<u32>| count.unwrap_or(0) + 1) {
                        Ok(_) => counted += 1,
                        Err(error) => assert_eq!(error.name(), "Conflict"),
                    }
                }
            });
        }
    });
    assert_eq!(job.require::<u32>("count").unwrap(), 100);
    assert_eq!(job.history(None).unwrap().len(), 100);
}

/// The room ends while threads commit together: each gets an answer, and what was acknowledged is there.
#[test]
fn a_full_disk_fails_only_what_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipeline.db");
    let options = SqliteOptions {
        max_bytes: Some(1024 * 1024),
        ..SqliteOptions::default()
    };
    let pip = Pip::with_store(Arc::new(SqliteStore::open_with(&file, &options).unwrap()));
    let acknowledged: Vec<Vec<u32>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|number| {
                let job = pip.job(&format!("job-{number}")).unwrap();
                scope.spawn(move || {
                    let mut acknowledged = Vec::new();
                    for step in 0..20 {
                        match job.set(&format!("{step}"), &"x".repeat(16 * 1024)) {
                            Ok(_) => acknowledged.push(step),
                            Err(error) => {
                                assert_eq!(error.name(), "Full", "{error:?}");
                                assert!(
                                    error
                                        .to_string()
                                        .contains(&format!("set step `{step}` of job `job-{number}`"))
                                );
                            }
                        }
                    }
                    acknowledged
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let total: usize = acknowledged.iter().map(Vec::len).sum();
    assert!((8..80).contains(&total), "{total} fit");
    let again = Pip::open(file.to_str().unwrap()).unwrap();
    for (number, steps) in acknowledged.iter().enumerate() {
        let job = again.job(&format!("job-{number}")).unwrap();
        let there: Vec<u32> = job
            .steps()
            .unwrap()
            .iter()
            .map(|step| step.name.as_str().parse().unwrap())
            .collect();
        assert_eq!(&there, steps);
        assert_eq!(job.history(None).unwrap().len(), steps.len());
    }
    // A store without that bound goes on where this one had to stop.
    again.job("job-0").unwrap().set("more", &"x".repeat(16 * 1024)).unwrap();
}
