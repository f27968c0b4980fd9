//! Host patterns as sshd(8) describes them: `*` for any characters, `?` for one, `!` in front for "not this one", commas
//! between. Letter case does not count.

/// Whether a list of patterns takes `name`: one of them does, and none of the negated ones does.
pub(super) fn list_takes(patterns: &[u8], name: &[u8]) -> bool {
    let mut taken = false;
    for pattern in patterns.split(|byte| *byte == b',') {
        match pattern.split_first() {
            Some((b'!', pattern)) if takes(pattern, name) => return false,
            Some((b'!', _)) | None => {}
            Some(_) => taken |= takes(pattern, name),
        }
    }
    taken
}

/// Whether one pattern takes all of `name`. Only the last `*` is ever tried again, since what an earlier one took cannot
/// matter any more; so the work is at most the product of both lengths, whatever the pattern.
pub(super) fn takes(pattern: &[u8], name: &[u8]) -> bool {
    let (mut pattern, mut name) = (pattern, name);
    let mut again: Option<(&[u8], &[u8])> = None;
    while let Some((first, tail)) = name.split_first() {
        match pattern.split_first() {
            Some((b'*', rest)) => {
                again = Some((rest, name));
                pattern = rest;
            }
            Some((wanted, rest)) if *wanted == b'?' || wanted.eq_ignore_ascii_case(first) => {
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
    use super::{list_takes, takes};

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
    fn a_negated_match_decides() {
        assert!(list_takes(b"*.x,!bad.x", b"good.x"));
        assert!(!list_takes(b"*.x,!bad.x", b"bad.x"));
        assert!(!list_takes(b"!bad.x,*.x", b"bad.x"));
        assert!(!list_takes(b"!bad.x", b"good.x"));
        assert!(!list_takes(b",,", b""));
    }

    #[test]
    fn many_stars_cost_no_more_than_one() {
        let pattern = [&b"*a".repeat(64)[..], b"b"].concat();
        assert!(!takes(&pattern, &b"a".repeat(10_000)));
    }
}
