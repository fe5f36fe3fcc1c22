//! How far a loop has come, as a bar that moves.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::drawing::Drawing;
use super::outlet::{Target, try_show};
use super::{MimeBundle, Show};

/// The least time between two movements of a bar.
const PACE: Duration = Duration::from_millis(100);
/// How long the bar is as text.
const COLUMNS: usize = 20;

/// A bar that moves while something is done, and stays as it was at the end. Threads may share it.
///
/// Outside a notebook it goes to standard error: the bar where that is a terminal, else one line at the end.
///
/// ```
/// let progress = pipulate::Progress::new(300).with_label("Reading");
/// for batch in [100, 150, 50] {
///     // ...
///     progress.advance(batch);
/// }
/// ```
#[derive(Debug)]
pub struct Progress {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    label: String,
    done: usize,
    total: Option<usize>,
    started: Instant,
    /// When it was last shown.
    shown: Option<Instant>,
    id: String,
    end: Option<End>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Finished,
    Stopped,
}

impl Progress {
    /// Begins; `total` is how much there is to do.
    pub fn new(total: usize) -> Self {
        Self::start(Some(total), String::new())
    }

    /// Begins something of which nobody knows how much it is.
    pub fn unbounded() -> Self {
        Self::start(None, String::new())
    }

    fn start(total: Option<usize>, label: String) -> Self {
        let started = Instant::now();
        let mut state = State {
            label,
            done: 0,
            total,
            started,
            shown: None,
            id: new_id(),
            end: None,
        };
        state.show();
        Self {
            state: Mutex::new(state),
        }
    }

    /// Says what it is about.
    #[must_use]
    pub fn with_label(self, label: impl Into<String>) -> Self {
        {
            let mut state = self.lock();
            state.label = label.into();
            state.show();
        }
        self
    }

    /// So much more is done.
    pub fn advance(&self, more: usize) {
        let mut state = self.lock();
        let done = state.done.saturating_add(more);
        state.reach(done);
    }

    /// So much is done in all.
    pub fn set(&self, done: usize) {
        self.lock().reach(done);
    }

    /// Ends it, whether or not all is done. One that is dropped ends as stopped when not all was done.
    pub fn finish(self) {
        self.lock().finish(End::Finished);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let mut state = self.lock();
        let all = state.total.is_none_or(|total| state.done >= total);
        let end = if all && !std::thread::panicking() {
            End::Finished
        } else {
            End::Stopped
        };
        state.finish(end);
    }
}

/// Where it is now.
impl Show for Progress {
    fn mime_bundle(&self) -> MimeBundle {
        self.lock().bundle(Instant::now())
    }
}

impl State {
    fn reach(&mut self, done: usize) {
        let is_last = self.total.is_some_and(|total| self.done < total && done >= total);
        self.done = done;
        if is_last || self.shown.is_none_or(|shown| shown.elapsed() >= PACE) {
            self.show();
        }
    }

    fn finish(&mut self, end: End) {
        if self.end.is_none() {
            self.end = Some(end);
            self.show();
        }
    }

    fn show(&mut self) {
        let now = Instant::now();
        let target = match self.shown {
            None => Target::Id(&self.id),
            Some(_) => Target::Update(&self.id),
        };
        if !try_show(self.bundle(now), target) {
            self.print(now);
        }
        self.shown = Some(now);
    }

    fn print(&self, now: Instant) {
        let mut stderr = std::io::stderr().lock();
        let end = if self.end.is_some() { "\n" } else { "" };
        let line = self.text(now);
        // That a bar cannot be shown is no reason to fail.
        let _ = match (stderr.is_terminal(), self.end) {
            (true, _) => write!(stderr, "\r\x1b[K{line}{end}"),
            (false, Some(_)) => write!(stderr, "{line}{end}"),
            (false, None) => Ok(()),
        };
    }

    fn bundle(&self, now: Instant) -> MimeBundle {
        MimeBundle::new().text(self.text(now)).drawn(&Drawing::Progress {
            label: self.label.clone(),
            done: self.done,
            total: self.total,
            note: self.note(now),
        })
    }

    fn text(&self, now: Instant) -> String {
        let label = if self.label.is_empty() {
            String::new()
        } else {
            format!("{} ", self.label)
        };
        let bar = self.total.map_or_else(String::new, |total| {
            let full = (self.done.min(total) * COLUMNS).checked_div(total).unwrap_or(COLUMNS);
            format!("{}{} ", "█".repeat(full), "░".repeat(COLUMNS - full))
        });
        format!("{label}{bar}{}", self.note(now))
    }

    fn note(&self, now: Instant) -> String {
        let elapsed = now - self.started;
        let taken = in_words(elapsed);
        let done = match self.total {
            Some(total) => format!("{} of {total}", self.done),
            None => self.done.to_string(),
        };
        match self.end {
            Some(End::Finished) => format!("{done} in {taken}"),
            Some(End::Stopped) => format!("{done}, stopped after {taken}"),
            None => match self.left(elapsed) {
                Some(left) => format!("{done}, {taken}, {} left", in_words(left)),
                None => format!("{done}, {taken}"),
            },
        }
    }

    /// How long the rest takes if it goes on as before.
    #[expect(clippy::cast_precision_loss, reason = "it is a guess")]
    fn left(&self, elapsed: Duration) -> Option<Duration> {
        let left = self.total?.checked_sub(self.done).filter(|left| *left > 0)?;
        (self.done > 0 && elapsed >= PACE)
            .then(|| Duration::try_from_secs_f64(elapsed.as_secs_f64() / self.done as f64 * left as f64).ok())
            .flatten()
    }
}

/// Not used before, also not by a cell whose process has gone back to where it was.
fn new_id() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("pipulate-progress-{}-{}-{count}", std::process::id(), now.as_nanos())
}

fn in_words(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// Shows how far a loop has come.
///
/// ```
/// let mut sum = 0;
/// for number in pipulate::progress(1..=100).with_label("Adding") {
///     sum += number;
/// }
/// assert_eq!(sum, 5050);
/// ```
pub fn progress<I: IntoIterator>(items: I) -> WithProgress<I::IntoIter> {
    WithProgress {
        items: items.into_iter(),
        label: String::new(),
        progress: None,
        is_over: false,
    }
}

/// An iterator that shows how far it has come. See [`progress`].
#[derive(Debug)]
pub struct WithProgress<I> {
    items: I,
    label: String,
    progress: Option<Progress>,
    is_over: bool,
}

impl<I> WithProgress<I> {
    /// Says what it is about.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }
}

impl<I: Iterator> Iterator for WithProgress<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        match &self.progress {
            // Who asks for the next one is done with the one before.
            Some(progress) => progress.advance(1),
            None if !self.is_over => {
                let (least, most) = self.items.size_hint();
                let total = most.filter(|most| *most == least);
                self.progress = Some(Progress::start(total, std::mem::take(&mut self.label)));
            }
            None => {}
        }
        let item = self.items.next();
        if item.is_none() {
            self.is_over = true;
            if let Some(progress) = self.progress.take() {
                progress.finish();
            }
        }
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl<I: ExactSizeIterator> ExactSizeIterator for WithProgress<I> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(done: usize, total: Option<usize>, end: Option<End>) -> State {
        State {
            label: "Load".to_owned(),
            done,
            total,
            started: Instant::now(),
            shown: None,
            id: String::new(),
            end,
        }
    }

    #[test]
    fn it_says_how_far_it_is_and_how_long_the_rest_takes() {
        for (state, seconds, expected) in [
            (
                state(5, Some(20), None),
                2,
                "Load █████░░░░░░░░░░░░░░░ 5 of 20, 2.0 s, 6.0 s left",
            ),
            (state(0, Some(20), None), 2, "Load ░░░░░░░░░░░░░░░░░░░░ 0 of 20, 2.0 s"),
            (state(0, Some(0), None), 0, "Load ████████████████████ 0 of 0, 0.0 s"),
            (state(7, None, None), 75, "Load 7, 1 min 15 s"),
            (
                state(20, Some(20), Some(End::Finished)),
                4000,
                "Load ████████████████████ 20 of 20 in 1 h 6 min",
            ),
            (
                state(10, Some(20), Some(End::Stopped)),
                12,
                "Load ██████████░░░░░░░░░░ 10 of 20, stopped after 12 s",
            ),
            (state(9, Some(3), None), 1, "Load ████████████████████ 9 of 3, 1.0 s"),
        ] {
            assert_eq!(state.text(state.started + Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn an_iterator_gives_the_same_items_and_ends_once() {
        let mut items = progress(vec![1, 2, 3]);
        assert_eq!(items.len(), 3);
        assert_eq!(items.by_ref().collect::<Vec<_>>(), [1, 2, 3]);
        assert!(items.progress.is_none());
        assert_eq!(items.next(), None);
        assert!(items.progress.is_none());
    }

    #[test]
    fn what_is_left_early_ends_as_stopped() {
        let mut items = progress(0..10);
        items.next();
        items.next();
        let progress = items.progress.as_ref().unwrap();
        assert_eq!(progress.lock().done, 1);
        assert_eq!(progress.lock().total, Some(10));
    }
}
