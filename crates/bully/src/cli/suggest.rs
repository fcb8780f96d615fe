//! The known name that a mistyped one was most likely meant to be.

/// The closest of `names` to `word`, unless even that is too far to be a slip of the fingers.
///
/// One slip is forgiven per three characters, so that short names do not all resemble each other.
pub(crate) fn closest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let scored = names.into_iter().map(|name| (slips(word, name), name));
    let (distance, name) = scored.min()?;
    let longest = word.chars().count().max(name.chars().count());
    (distance * 3 <= longest).then_some(name)
}

/// The number of characters to insert, drop, replace or swap with a neighbour to turn one word into
/// the other (optimal string alignment).
fn slips(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            let swapped =
                i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
            if swapped {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_a_missing_and_a_wrong_letter_are_one_slip_each() {
        for (word, slips_expected) in [("port", 0), ("prot", 1), ("pot", 1), ("pork", 1), ("rp", 3)]
        {
            assert_eq!(slips(word, "port"), slips_expected, "{word}");
        }
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        let names = ["nodes", "port", "log-level"];
        assert_eq!(closest("node", names), Some("nodes"));
        assert_eq!(closest("log_levle", names), Some("log-level"));
        assert_eq!(closest("observe", names), None);
        assert_eq!(closest("poxx", names), None);
        assert_eq!(closest("", names), None);
    }
}
