//! Random sequences of operations, on every store and beside a model so plain that it is right at a glance.

use std::collections::BTreeMap;

use pipulate::{Error, Job, JobFilter, JobInfo, Pip};
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::support;

const KEYS: [&str; 3] = ["one", "two", "three"];
const STEPS: [&str; 4] = ["a", "b", "c", "d"];

#[derive(Debug, Clone)]
enum Operation {
    Set(usize, usize, u8),
    SetIf(usize, usize, u8, bool),
    Update(usize, usize),
    Write(usize, BTreeMap<usize, u8>),
    Remove(usize, usize),
    Order(usize, Vec<usize>),
    Revert(usize, usize),
    Undo(usize),
    Fork(usize, Option<usize>, usize),
    Finalize(usize),
    Unfinalize(usize),
    Delete(usize),
    Undelete(usize),
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let job = 0..KEYS.len();
    let step = 0..STEPS.len();
    let values = prop::collection::btree_map(step.clone(), 0..3_u8, 0..4);
    let order = prop::sample::subsequence(vec![0, 1, 2, 3], 0..4).prop_shuffle();
    prop_oneof![
        8 => (job.clone(), step.clone(), 0..3_u8).prop_map(|(job, step, value)| Set(job, step, value)),
        2 => (job.clone(), step.clone(), 0..3_u8, any::<bool>()).prop_map(|(job, step, value, right)| SetIf(job, step, value, right)),
        2 => (job.clone(), step.clone()).prop_map(|(job, step)| Update(job, step)),
        2 => (job.clone(), values).prop_map(|(job, values)| Write(job, values)),
        3 => (job.clone(), step.clone()).prop_map(|(job, step)| Remove(job, step)),
        2 => (job.clone(), order).prop_map(|(job, order)| Order(job, order)),
        4 => (job.clone(), step.clone()).prop_map(|(job, step)| Revert(job, step)),
        8 => job.clone().prop_map(Undo),
        1 => (job.clone(), prop::option::of(step), job.clone()).prop_map(|(job, from, to)| Fork(job, from, to)),
        1 => job.clone().prop_map(Finalize),
        3 => job.clone().prop_map(Unfinalize),
        1 => job.clone().prop_map(Delete),
        3 => job.prop_map(Undelete),
    ]
}

/// A step: name, value, whether it is set aside.
type Step = (&'static str, Value, bool);

/// A job, as simple as can be: steps in the order in which they were set, and a copy of them for each change.
#[derive(Debug, Clone, Default)]
struct Model {
    steps: Vec<Step>,
    order: Vec<&'static str>,
    undo: Vec<(Vec<Step>, usize)>,
    events: usize,
    finalized: bool,
    deleted: bool,
}

type Jobs = BTreeMap<&'static str, Model>;

impl Model {
    fn in_order(&self) -> Vec<Step> {
        let mut steps = self.steps.clone();
        steps.sort_by_key(|(name, ..)| {
            self.order
                .iter()
                .position(|ordered| ordered == name)
                .unwrap_or(usize::MAX)
        });
        steps
    }

    /// Where a step stands, or where one would stand that only the order knows.
    fn place(&self, name: &str) -> Option<usize> {
        let steps = self.in_order();
        let rank = |name: &str| self.order.iter().position(|ordered| *ordered == name);
        steps.iter().position(|step| step.0 == name).or_else(|| {
            let place = rank(name)?;
            Some(
                steps
                    .iter()
                    .filter(|step| rank(step.0).is_some_and(|before| before < place))
                    .count(),
            )
        })
    }

    fn done(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|(.., aside)| !aside)
    }

    fn value(&self, name: &str) -> Option<Value> {
        self.done().find(|step| step.0 == name).map(|step| step.1.clone())
    }

    fn put(&mut self, name: &'static str, value: Value) {
        match self.steps.iter_mut().find(|step| step.0 == name) {
            Some(step) => *step = (name, value, false),
            None => self.steps.push((name, value, false)),
        }
    }

    /// Notes a change of the steps, made by so many events.
    fn changed(&mut self, before: Vec<Step>, events: usize) {
        self.undo.push((before, events));
        self.events += events;
    }

    fn refuses(&self) -> Option<&'static str> {
        if self.deleted {
            Some("Deleted")
        } else if self.finalized {
            Some("Finalized")
        } else {
            None
        }
    }
}

/// What an operation answers, in words.
type Answer = Result<String, &'static str>;

fn set(jobs: &mut Jobs, key: &'static str, name: &'static str, value: Value) -> Answer {
    let job = jobs.entry(key).or_default();
    if let Some(error) = job.refuses() {
        return Err(error);
    }
    if job.value(name).as_ref() != Some(&value) {
        let before = job.steps.clone();
        job.put(name, value);
        job.changed(before, 1);
    }
    Ok(String::new())
}

fn on_model(jobs: &mut Jobs, operation: &Operation) -> Answer {
    match *operation {
        Operation::Set(job, step, value) => set(jobs, KEYS[job], STEPS[step], value.into()),
        Operation::SetIf(job, step, value, right) => {
            let refused = jobs.get(KEYS[job]).and_then(Model::refuses);
            match refused {
                Some(error) => Err(error),
                None if right => set(jobs, KEYS[job], STEPS[step], value.into()),
                None => Err("Conflict"),
            }
        }
        Operation::Update(job, step) => {
            let old = jobs
                .get(KEYS[job])
                .filter(|job| !job.deleted)
                .and_then(|job| job.value(STEPS[step]));
            set(jobs, KEYS[job], STEPS[step], incremented(old))
        }
        Operation::Write(job, ref values) => {
            if values.is_empty() && !jobs.contains_key(KEYS[job]) {
                return Ok(String::new());
            }
            let job = jobs.entry(KEYS[job]).or_default();
            if let Some(error) = job.refuses() {
                return Err(error);
            }
            let before = job.steps.clone();
            let mut events = 0;
            for (step, value) in values {
                if job.value(STEPS[*step]) != Some((*value).into()) {
                    job.put(STEPS[*step], (*value).into());
                    events += 1;
                }
            }
            let named: Vec<&str> = values.keys().map(|step| STEPS[*step]).collect();
            let all = job.steps.len();
            job.steps.retain(|(name, _, aside)| *aside || named.contains(name));
            events += all - job.steps.len();
            if events > 0 {
                job.changed(before, events);
            }
            Ok(String::new())
        }
        Operation::Remove(job, step) => {
            let Some(job) = jobs.get_mut(KEYS[job]) else {
                return Ok("false".to_owned());
            };
            if let Some(error) = job.refuses() {
                return Err(error);
            }
            let before = job.steps.clone();
            job.steps.retain(|(name, ..)| *name != STEPS[step]);
            let removed = job.steps != before;
            if removed {
                job.changed(before, 1);
            }
            Ok(removed.to_string())
        }
        Operation::Order(job, ref order) => {
            let order: Vec<&str> = order.iter().map(|step| STEPS[*step]).collect();
            let known = jobs.get(KEYS[job]);
            if known.map_or(&[][..], |job| &job.order) == order {
                return Ok(String::new());
            }
            if let Some(error) = known.and_then(Model::refuses) {
                return Err(error);
            }
            let job = jobs.entry(KEYS[job]).or_default();
            job.order = order;
            job.events += 1;
            Ok(String::new())
        }
        Operation::Revert(job, step) => {
            let job = jobs.get_mut(KEYS[job]).ok_or("MissingJob")?;
            if let Some(error) = job.refuses() {
                return Err(error);
            }
            let steps = job.in_order();
            let from = job.place(STEPS[step]).ok_or("MissingStep")?;
            let aside: Vec<&str> = steps[from..].iter().filter(|step| !step.2).map(|step| step.0).collect();
            let before = job.steps.clone();
            for step in job.steps.iter_mut().filter(|step| aside.contains(&step.0)) {
                step.2 = true;
            }
            if !aside.is_empty() {
                job.changed(before, aside.len());
            }
            let later: Vec<&str> = aside.into_iter().filter(|name| *name != STEPS[step]).collect();
            Ok(later.join(","))
        }
        Operation::Undo(job) => {
            let Some(job) = jobs.get_mut(KEYS[job]) else {
                return Ok("None".to_owned());
            };
            if let Some(error) = job.refuses() {
                return Err(error);
            }
            let Some((steps, events)) = job.undo.pop() else {
                return Ok("None".to_owned());
            };
            job.steps = steps;
            job.events += events;
            Ok("Some".to_owned())
        }
        Operation::Fork(job, from, to) => {
            let origin = jobs.get(KEYS[job]).ok_or("MissingJob")?.clone();
            if origin.deleted {
                return Err("Deleted");
            }
            if jobs.contains_key(KEYS[to]) {
                return Err("JobExists");
            }
            let steps = origin.in_order();
            let starts_over = match from.map(|from| STEPS[from]) {
                None => steps.len(),
                Some(from) => origin.place(from).ok_or("MissingStep")?,
            };
            let steps: Vec<Step> = steps
                .into_iter()
                .enumerate()
                .map(|(index, (name, value, aside))| (name, value, aside || index >= starts_over))
                .collect();
            let events = steps.len() + 1;
            jobs.insert(
                KEYS[to],
                Model {
                    steps,
                    order: origin.order,
                    events,
                    ..Model::default()
                },
            );
            Ok(String::new())
        }
        Operation::Finalize(job) => turn(
            jobs,
            KEYS[job],
            |job| (!job.deleted).then_some(&mut job.finalized),
            true,
        ),
        Operation::Unfinalize(job) => turn(
            jobs,
            KEYS[job],
            |job| (!job.deleted).then_some(&mut job.finalized),
            false,
        ),
        Operation::Delete(job) => {
            let finalized = jobs.get(KEYS[job]).is_some_and(|job| job.finalized && !job.deleted);
            if finalized {
                Err("Finalized")
            } else {
                turn(jobs, KEYS[job], |job| Some(&mut job.deleted), true)
            }
        }
        Operation::Undelete(job) => {
            let was_deleted = jobs.get(KEYS[job]).is_some_and(|job| job.deleted);
            turn(jobs, KEYS[job], |job| Some(&mut job.deleted), false).map(|_| was_deleted.to_string())
        }
    }
}

fn turn(jobs: &mut Jobs, key: &str, flag: impl Fn(&mut Model) -> Option<&mut bool>, to: bool) -> Answer {
    let job = jobs.get_mut(key).ok_or("MissingJob")?;
    let flag = flag(job).ok_or("Deleted")?;
    let turned = *flag != to;
    *flag = to;
    job.events += usize::from(turned);
    Ok(String::new())
}

fn incremented(old: Option<Value>) -> Value {
    (old.and_then(|old| old.as_u64()).unwrap_or(0) % 3 + 1).into()
}

fn on_store(pip: &Pip, operation: &Operation) -> Answer {
    let job = |index: usize| pip.job(KEYS[index]).unwrap();
    let answer = match operation {
        Operation::Set(key, step, value) => job(*key).set(STEPS[*step], value).map(|_| String::new()),
        Operation::SetIf(key, step, value, right) => {
            let job = job(*key);
            let now = job
                .step(STEPS[*step])
                .unwrap()
                .map_or(pipulate::Revision::NONE, |step| step.revision);
            let expected = if *right {
                now
            } else {
                pipulate::Revision::from_number(now.number() + 1000)
            };
            job.set_if(STEPS[*step], expected, value).map(|_| String::new())
        }
        Operation::Update(key, step) => job(*key).update(STEPS[*step], incremented).map(|_| String::new()),
        Operation::Write(key, values) => {
            let values: Map<String, Value> = values
                .iter()
                .map(|(step, value)| (STEPS[*step].to_owned(), (*value).into()))
                .collect();
            job(*key).write(values).map(|_| String::new())
        }
        Operation::Remove(key, step) => job(*key).remove(STEPS[*step]).map(|removed| removed.to_string()),
        Operation::Order(key, order) => {
            let order: Vec<&str> = order.iter().map(|step| STEPS[*step]).collect();
            job(*key).order(&order).map(|()| String::new())
        }
        Operation::Revert(key, step) => job(*key)
            .revert(STEPS[*step])
            .map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
        Operation::Undo(key) => job(*key).undo().map(|event| {
            if event.is_some() {
                "Some".to_owned()
            } else {
                "None".to_owned()
            }
        }),
        Operation::Fork(key, from, to) => job(*key)
            .fork(from.map(|from| STEPS[from]), KEYS[*to])
            .map(|_| String::new()),
        Operation::Finalize(key) => job(*key).finalize().map(|()| String::new()),
        Operation::Unfinalize(key) => job(*key).unfinalize().map(|()| String::new()),
        Operation::Delete(key) => job(*key).delete().map(|()| String::new()),
        Operation::Undelete(key) => pip.undelete(KEYS[*key]).map(|undeleted| undeleted.to_string()),
    };
    answer.map_err(|error: Error| error.name())
}

fn compare(job: &Job, model: Option<&Model>) {
    let info = job.info().unwrap();
    let Some(model) = model else {
        assert_eq!(info, None);
        return;
    };
    let info = info.unwrap();
    assert_eq!((info.finalized, info.deleted), (model.finalized, model.deleted));
    assert_eq!(info.steps, model.done().count());
    let history = job.history(None).unwrap();
    assert_eq!(history.len(), model.events);
    assert_eq!(info.revision.number(), model.events as u64);
    // The history tells the story: following it leads to the values there are.
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    for event in &history {
        let Some(step) = &event.step else { continue };
        assert_eq!(event.previous.as_ref(), told.get(step.as_str()), "{event:?}");
        match &event.value {
            Some(value) => told.insert(step.to_string(), value.clone()),
            None => told.remove(step.as_str()),
        };
    }
    let values: BTreeMap<String, String> = model
        .steps
        .iter()
        .map(|(name, value, _)| ((*name).to_owned(), value.to_string()))
        .collect();
    assert_eq!(told, values);
    if model.deleted {
        assert!(job.steps().unwrap().is_empty() && job.read().unwrap().is_empty());
        return;
    }
    let steps: Vec<Step> = job
        .steps()
        .unwrap()
        .into_iter()
        .map(|step| {
            let name = STEPS.into_iter().find(|name| step.name == **name).unwrap();
            (name, serde_json::from_str(&step.value).unwrap(), step.suggested)
        })
        .collect();
    assert_eq!(steps, model.in_order());
    let done: Map<String, Value> = model
        .done()
        .map(|(name, value, _)| ((*name).to_owned(), value.clone()))
        .collect();
    assert_eq!(job.read().unwrap(), done);
    for name in STEPS {
        assert_eq!(job.get::<Value>(name).unwrap(), model.value(name));
    }
}

fn check(pip: &Pip, operations: &[Operation]) {
    let mut jobs = Jobs::new();
    for operation in operations {
        let mut after = jobs.clone();
        let expected = on_model(&mut after, operation);
        // What is refused changes nothing.
        if expected.is_ok() {
            jobs = after;
        }
        assert_eq!(on_store(pip, operation), expected, "{operation:?}");
        for key in KEYS {
            compare(&pip.job(key).unwrap(), jobs.get(key));
        }
        let there = KEYS.iter().filter_map(|key| pip.job(key).unwrap().info().unwrap());
        let mut listed: Vec<JobInfo> = there.filter(|info| !info.deleted).collect();
        listed.sort_by(|left, right| left.key.cmp(&right.key));
        assert_eq!(pip.jobs(&JobFilter::default()).unwrap(), listed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]
    #[test]
    fn memory_is_as_the_model(operations in prop::collection::vec(operation(), 1..60)) {
        check(&support::memory().pip, &operations);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]
    #[test]
    fn sqlite_is_as_the_model(operations in prop::collection::vec(operation(), 1..40)) {
        check(&support::sqlite().pip, &operations);
    }
}

#[cfg(unix)]
proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]
    #[test]
    fn client_is_as_the_model(operations in prop::collection::vec(operation(), 1..40)) {
        check(&support::client().pip, &operations);
    }
}
