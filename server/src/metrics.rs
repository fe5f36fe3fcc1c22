//! Counters, as Prometheus reads them.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::app::App;

/// What is counted of requests.
#[derive(Default)]
pub(crate) struct Metrics {
    /// By the first digit of the status.
    requests: [AtomicU64; 6],
    microseconds: AtomicU64,
}

impl Metrics {
    pub(crate) fn count(&self, status: u16, microseconds: u64) {
        let class = usize::from(status / 100).min(5);
        self.requests[class].fetch_add(1, Ordering::Relaxed);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    /// The text that `/metrics` answers.
    pub(crate) fn text(app: &App) -> String {
        let mut text = String::new();
        let mut metric = |name: &str, kind: &str, help: &str, values: &[(&str, String)]| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "# HELP pipulate_{name} {help}\n# TYPE pipulate_{name} {kind}");
            for (label, value) in values {
                let _ = writeln!(text, "pipulate_{name}{label} {value}");
            }
        };
        let requests: Vec<(String, String)> = (1..=5)
            .map(|class| {
                let count = app.metrics.requests[class].load(Ordering::Relaxed);
                (format!("{{class=\"{class}xx\"}}"), count.to_string())
            })
            .collect();
        let requests: Vec<(&str, String)> = requests
            .iter()
            .map(|(label, count)| (label.as_str(), count.clone()))
            .collect();
        metric(
            "http_requests_total",
            "counter",
            "Requests answered, by class of status.",
            &requests,
        );
        let microseconds = app.metrics.microseconds.load(Ordering::Relaxed);
        let seconds = format!("{}.{:06}", microseconds / 1_000_000, microseconds % 1_000_000);
        metric(
            "http_request_seconds_total",
            "counter",
            "Time spent on answering.",
            &[("", seconds)],
        );
        let runs = [
            ("{outcome=\"done\"}", app.runs.done.load(Ordering::Relaxed).to_string()),
            (
                "{outcome=\"failed\"}",
                app.runs.failed.load(Ordering::Relaxed).to_string(),
            ),
        ];
        metric("step_runs_total", "counter", "Steps that were run, by outcome.", &runs);
        metric(
            "jobs_running",
            "gauge",
            "Jobs of which a step runs.",
            &[("", app.runs.count().to_string())],
        );
        let (busy, idle) = app.pool.counts();
        let workers = [
            ("{state=\"busy\"}", busy.to_string()),
            ("{state=\"idle\"}", idle.to_string()),
        ];
        metric("workers", "gauge", "Worker processes.", &workers);
        metric(
            "live_pages",
            "gauge",
            "Pages that listen for changes.",
            &[("", app.live.listeners().to_string())],
        );
        text
    }
}
