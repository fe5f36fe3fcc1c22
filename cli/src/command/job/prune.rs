use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use pipulate::{JobKey, PruneOptions};

use crate::amount::counted;
use crate::store::{StoreOption, missing_job};

/// Shorten the history for good
///
/// The values that steps have now stay, but what is pruned cannot be undone or looked up any more. Nothing else ever shortens the
/// history. Finalized jobs keep theirs.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate job prune --older-than 90d --dry-run
  pipulate job prune --older-than 90d --deleted-jobs
  pipulate job prune --older-than 0s --job hello-01")]
pub(crate) struct Prune {
    /// Events older than this go: a number and s, m, h, d or w
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Duration,
    /// Only this job's history
    #[arg(long, value_name = "KEY")]
    job: Option<String>,
    /// Deleted jobs that last changed before that go altogether
    #[arg(long)]
    deleted_jobs: bool,
    /// Only count what would go
    #[arg(long)]
    dry_run: bool,
}

/// `90d` to a duration.
fn age(text: &str) -> Result<Duration, String> {
    const UNITS: [(char, u64); 5] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)];
    let parsed = UNITS.iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(*unit)?.parse().ok()?;
        number.checked_mul(*seconds).map(Duration::from_secs)
    });
    parsed.ok_or_else(|| "an age is a number and s, m, h, d or w, such as 90d".to_owned())
}

impl Prune {
    pub(crate) fn run(self, store: &StoreOption, out: &mut dyn Write) -> Result<()> {
        let pip = store.existing()?;
        if let Some(key) = &self.job
            && pip.job(key)?.info()?.is_none()
        {
            return Err(missing_job(key));
        }
        let report = pip.prune(&PruneOptions {
            older_than: self.older_than,
            job: self.job.map(JobKey::new).transpose()?,
            deleted_jobs: self.deleted_jobs,
            dry_run: self.dry_run,
        })?;
        let (remove, keep) = if self.dry_run {
            ("Would remove", "Would keep")
        } else {
            ("Removed", "Kept")
        };
        let mut removed = counted(report.events, "event");
        if self.deleted_jobs {
            removed = format!("{removed} and {}", counted(report.jobs, "deleted job"));
        }
        let mut kept = "the values that steps have".to_owned();
        if report.finalized > 0 {
            kept = format!(
                "{kept}, and the whole history of {}",
                counted(report.finalized, "finalized job")
            );
        }
        Ok(writeln!(out, "{remove} {removed}\n{keep} {kept}")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read() {
        assert_eq!(age("90d").unwrap(), Duration::from_hours(90 * 24));
        assert_eq!(age("0s").unwrap(), Duration::ZERO);
        for wrong in [
            "",
            "d",
            "90",
            "-1d",
            "1.5h",
            "1y",
            "99999999999999999999w",
            "18446744073709551615w",
        ] {
            assert!(age(wrong).is_err(), "{wrong:?}");
        }
    }
}
