//! The time and the ids of events: the one place where either is made.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};

/// The time now: UTC, RFC 3339, always with six decimals, so that times sort as text.
pub(super) fn now() -> String {
    written(told(SystemTime::now()))
}

/// The time so long ago; the beginning of time where there was no such time.
pub(super) fn ago(duration: Duration) -> String {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    let now = told(SystemTime::now());
    written(now.checked_sub(duration).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// Whether refinery can write this time down; it panics where it cannot.
#[cfg(feature = "sqlite")]
pub(super) fn is_in_our_era(clock: SystemTime) -> bool {
    /// The beginning of the year 0.
    const FIRST: i64 = -62_167_219_200;
    Timestamp::try_from(clock).is_ok_and(|timestamp| timestamp.as_second() >= FIRST)
}

/// What a clock says; the last time that can be written where it is set beyond the year 9999, and the first one before -9999.
fn told(clock: SystemTime) -> Timestamp {
    Timestamp::try_from(clock).unwrap_or(if clock < SystemTime::UNIX_EPOCH {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

fn written(timestamp: Timestamp) -> String {
    format!("{timestamp:.6}")
}

/// A `UUIDv7`, larger than all that this process made before.
///
/// The random part of the first one in a millisecond is random; each later one adds a random step to it
/// (<https://www.rfc-editor.org/rfc/rfc9562#monotonicity_counters>, method 2). The library's own generator asks the system for
/// random bytes twice an id, which is felt where a sync costs nothing.
pub(super) fn new_id() -> String {
    /// Milliseconds, and the 74 random bits.
    static LAST: Mutex<(u64, u128)> = Mutex::new((0, 0));
    let now = u64::try_from(told(SystemTime::now()).as_millisecond()).unwrap_or(0);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let (milliseconds, bits) = &mut *last;
    if now > *milliseconds {
        // The highest bit stays free for the steps.
        *last = (now, (u128::from(random()) << 64 | u128::from(random())) >> 55);
    } else {
        *bits += u128::from(random() >> 32) + 1;
    }
    let (milliseconds, bits) = *last;
    drop(last);
    written_id(milliseconds, bits)
}

fn written_id(milliseconds: u64, bits: u128) -> String {
    // 12 bits and 62: the library writes version and variant over the highest bits of either part.
    let parts = (bits >> 62) << 64 | bits & (u128::MAX >> 66);
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&parts.to_be_bytes()[6..]);
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &bytes)
        .into_uuid()
        .to_string()
}

/// Random enough for ids: a hash whose key the system gave to this thread, and which differs each time.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use std::time::{Duration, SystemTime};

    use super::{new_id, told, written, written_id};

    #[test]
    fn a_clock_that_is_set_anywhere_tells_a_time() {
        let year = Duration::from_hours(365 * 24);
        let check = |clock, expected: &str| assert_eq!(&written(told(clock))[..5], expected);
        check(SystemTime::UNIX_EPOCH, "1970-");
        check(SystemTime::UNIX_EPOCH + year * 20_000, "9999-");
        check(SystemTime::UNIX_EPOCH - year * 20_000, "-0099");
    }

    #[test]
    fn ids_are_written_in_order() {
        let check = |milliseconds, bits, expected: &str| assert_eq!(written_id(milliseconds, bits), expected);
        check(0, 0, "00000000-0000-7000-8000-000000000000");
        check(0x0123_4567_89ab, 1, "01234567-89ab-7000-8000-000000000001");
        check(1, (1 << 62) - 1, "00000000-0001-7000-bfff-ffffffffffff");
        check(1, 1 << 62, "00000000-0001-7001-8000-000000000000");
        check(1, (1 << 74) - 1, "00000000-0001-7fff-bfff-ffffffffffff");
    }

    #[test]
    fn each_id_is_larger_than_the_ones_before_and_no_two_are_equal() {
        let made: Vec<Vec<String>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..5_000).map(|_| new_id()).collect()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for ids in &made {
            assert!(ids.is_sorted_by(|left, right| left < right));
        }
        let distinct: HashSet<&String> = made.iter().flatten().collect();
        assert_eq!(distinct.len(), 20_000);
        let times: HashSet<&str> = distinct.iter().map(|id| &id[..13]).collect();
        let random: HashSet<&str> = distinct.iter().map(|id| &id[15..18]).collect();
        assert!(times.len() > 1 && random.len() > 1, "time and chance take part");
    }
}
