//! "Did you mean": the candidate that a mistyped name is nearest to.

/// The candidate nearest to `name`, when it is near enough to be meant: a third of its letters may be wrong, at least one, or
/// `name` begins it. Two letters swapped count as one; case does not count.
///
/// ```
/// use pipulate::cell::nearest;
///
/// assert_eq!(nearest("pip_sett", ["pip_get", "pip_set"]), Some("pip_set"));
/// assert_eq!(nearest("pip_hist", ["pip_history", "pip_set"]), Some("pip_history"));
/// assert_eq!(nearest("matplotlib", ["pip_get", "pip_set"]), None);
/// ```
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // No name is longer, and the distance takes the product of both lengths.
    const LONGEST: usize = 100;
    let wanted: Vec<char> = name.chars().take(LONGEST).flat_map(char::to_lowercase).collect();
    let allowed = (wanted.len() / 3).max(1);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let letters: Vec<char> = candidate.chars().take(LONGEST).flat_map(char::to_lowercase).collect();
            let distance = distance(&wanted, &letters);
            let is_beginning = wanted.len() > 2 && letters.starts_with(&wanted);
            (distance <= allowed || is_beginning).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, left out, replaced or swapped with their neighbour: the optimal string alignment distance.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let mut changes = (last[column] + usize::from(letter != other))
                .min(last[column + 1] + 1)
                .min(current[column] + 1);
            let is_swap = row > 0 && column > 0 && *letter == to[column - 1] && from[row - 1] == *other;
            if is_swap {
                changes = changes.min(before_last[column - 1] + 1);
            }
            current.push(changes);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_name_wins() {
        let magics = ["pip_get", "pip_set", "pip_steps", "pip_undo", "who", "whos", "time"];
        for (typed, meant) in [
            ("pip_ste", Some("pip_set")),
            ("pip_stpes", Some("pip_steps")),
            ("PIP_GET", Some("pip_get")),
            ("whoz", Some("who")),
            ("tme", Some("time")),
            ("", None),
            ("q", None),
            ("frobnicate", None),
        ] {
            assert_eq!(nearest(typed, magics), meant, "{typed}");
        }
    }
}
