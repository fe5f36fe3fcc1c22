//! How values and outputs look. All markup is in templates; what a step made itself is cleaned first.

mod json;
mod markup;
mod output;
mod value;

pub(crate) use markup::description;
pub(crate) use output::{OutputsView, outputs};
pub(crate) use value::{ValueView, one_line, value};

/// A time of the store, as people read it.
pub(crate) fn moment(time: &str) -> String {
    let (date, rest) = time.split_once('T').unwrap_or((time, ""));
    let minutes = rest.get(..5).unwrap_or(rest);
    if minutes.is_empty() {
        date.to_owned()
    } else {
        format!("{date} {minutes} UTC")
    }
}

/// How long something took.
pub(crate) fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0..1000 => format!("{milliseconds} ms"),
        1000..60_000 => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
        _ => format!("{} min {} s", milliseconds / 60_000, milliseconds / 1000 % 60),
    }
}

/// A number of things.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", thousands(number))
}

/// A number with a comma between groups of digits.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_are_for_people() {
        assert_eq!(moment("2026-11-22T17:08:09.123456Z"), "2026-11-22 17:08 UTC");
        assert_eq!(duration(7), "7 ms");
        assert_eq!(duration(61_500), "1 min 1 s");
        assert_eq!(duration(1_230), "1.2 s");
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(1_234_567, "row"), "1,234,567 rows");
    }
}
