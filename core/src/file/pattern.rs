//! Patterns as sshd(8) and ssh_config(5) describe them: `*` for any characters, `?` for one, `!` in front for "not this
//! one", commas between. Letter case does not count in names of hosts, and does in others.

/// The longest pattern, as in OpenSSH. A list with a longer one takes nothing, for that one may have been a negated one.
pub const LONGEST: usize = 1022;

/// Whether a list of patterns takes `name`, which letter case does not change: one of them does, and none of the negated
/// ones does.
pub fn list_takes(patterns: &[u8], name: &[u8]) -> bool {
    list_takes_by(takes, patterns, name)
}

/// The same for names that letter case changes.
pub fn list_takes_exactly(patterns: &[u8], name: &[u8]) -> bool {
    list_takes_by(takes_exactly, patterns, name)
}

fn list_takes_by(takes: fn(&[u8], &[u8]) -> bool, patterns: &[u8], name: &[u8]) -> bool {
    let mut taken = false;
    for pattern in patterns.split(|byte| *byte == b',') {
        let (negated, pattern) = match pattern.strip_prefix(b"!") {
            Some(pattern) => (true, pattern),
            None => (false, pattern),
        };
        if pattern.len() > LONGEST || (negated && takes(pattern, name)) {
            return false;
        }
        taken |= !negated && !pattern.is_empty() && takes(pattern, name);
    }
    taken
}

/// Whether one pattern takes all of `name`, which letter case does not change.
pub fn takes(pattern: &[u8], name: &[u8]) -> bool {
    takes_by(u8::eq_ignore_ascii_case, pattern, name)
}

/// Whether one pattern takes all of `name`, which letter case changes.
pub fn takes_exactly(pattern: &[u8], name: &[u8]) -> bool {
    takes_by(u8::eq, pattern, name)
}

/// Whether one pattern takes all of `name`, letters compared by `same`. Only the last `*` is ever tried again, since what
/// an earlier one took cannot matter any more; so a name's length times [`LONGEST`] bounds the work, whatever the pattern.
fn takes_by(same: fn(&u8, &u8) -> bool, pattern: &[u8], name: &[u8]) -> bool {
    if pattern.len() > LONGEST {
        return false;
    }
    let (mut pattern, mut name) = (pattern, name);
    let mut again: Option<(&[u8], &[u8])> = None;
    while let Some((first, tail)) = name.split_first() {
        match pattern.split_first() {
            Some((b'*', rest)) => {
                again = Some((rest, name));
                pattern = rest;
            }
            Some((wanted, rest)) if *wanted == b'?' || same(wanted, first) => {
                (pattern, name) = (rest, tail);
            }
            _ => {
                let Some((rest, [_, longer @ ..])) = again else { return false };
                again = Some((rest, longer));
                (pattern, name) = (rest, longer);
            }
        }
    }
    pattern.iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, list_takes, list_takes_exactly, takes, takes_exactly};

    #[test]
    fn wildcards() {
        for (pattern, name) in [("*", ""), ("*", "a.b"), ("a*c", "abbc"), ("?b*", "abc"), ("A.b", "a.B"), ("**a", "ba")]
        {
            assert!(takes(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
        for (pattern, name) in [("", "a"), ("?", ""), ("a*c", "abcd"), ("*ab*ab*", "xabx"), ("a", "ab"), ("?*?", "a")] {
            assert!(!takes(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
    }

    #[test]
    fn letter_case_counts_where_it_is_said_to() {
        assert!(takes(b"A*", b"ab") && !takes_exactly(b"A*", b"ab") && takes_exactly(b"a*", b"ab"));
        assert!(list_takes(b"!b,A", b"a") && !list_takes_exactly(b"!b,A", b"a") && list_takes_exactly(b"!B,b", b"b"));
    }

    #[test]
    fn a_negated_match_decides() {
        assert!(list_takes(b"*.x,!bad.x", b"good.x"));
        assert!(!list_takes(b"*.x,!bad.x", b"bad.x"));
        assert!(!list_takes(b"!bad.x,*.x", b"bad.x"));
        assert!(!list_takes(b"!bad.x", b"good.x"));
        assert!(!list_takes(b",,", b""));
    }

    #[test]
    fn a_list_with_an_overlong_pattern_takes_nothing() {
        let long = b"*".repeat(LONGEST + 1);
        assert!(list_takes(&[b"*,", &long[1..]].concat(), b"a"));
        assert!(list_takes(&[b"*,!b", &long[2..]].concat(), b"a"));
        assert!(!list_takes(&[b"*,", &long[..]].concat(), b"a"));
        assert!(!list_takes(&[b"*,!b", &long[1..]].concat(), b"a"));
    }

    /// Backtracking to every star would take longer than anybody lives.
    #[test]
    fn l07_many_stars_cost_no_more_than_one() {
        let pattern = [&b"*a".repeat(64)[..], b"b"].concat();
        assert!(!takes(&pattern, &b"a".repeat(10_000)));
        assert!(list_takes(&b"*".repeat(64), b"host"));
    }
}
