//! Amounts as people read them.

/// `1 job`, `2 jobs`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A size in the largest unit that it fills, to one decimal.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")];
    for (unit, name) in UNITS {
        // What would round up to 1000 of the smaller unit is one of this.
        if bytes >= unit - unit / 20_000 {
            let tenths = (u128::from(bytes) * 10 + u128::from(unit / 2)) / u128::from(unit);
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
    }
    counted(bytes, "byte")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!(
            [0, 1, 2].map(|count| counted(count, "job")),
            ["0 jobs", "1 job", "2 jobs"]
        );
    }

    #[test]
    fn sizes_are_in_the_largest_unit_that_they_fill() {
        let check = |bytes, expected: &str| assert_eq!(size(bytes), expected, "{bytes}");
        check(0, "0 bytes");
        check(1, "1 byte");
        check(999, "999 bytes");
        check(1000, "1.0 kB");
        check(1049, "1.0 kB");
        check(1050, "1.1 kB");
        check(999_949, "999.9 kB");
        check(999_950, "1.0 MB");
        check(2 << 30, "2.1 GB");
        check(u64::MAX, "18446744073.7 GB");
    }
}
