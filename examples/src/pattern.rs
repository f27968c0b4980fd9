//! Patterns of names with `*` and `?`, as lists of algorithms and of variables use them.
//! The whole name has to fit.

/// Whether `name` fits `pattern`.
#[must_use]
pub fn fits(pattern: &str, name: &str) -> bool {
    stars(pattern.as_bytes(), name.as_bytes(), |pattern, name| match (pattern, name) {
        ([b'?', rest @ ..], [_, tail @ ..]) => Some((rest, tail)),
        ([one, rest @ ..], [other, tail @ ..]) if one == other => Some((rest, tail)),
        _ => None,
    })
}

/// Whether a name fits a pattern in which a star takes any number of bytes. `step` gives what is left of both when the
/// pattern's next item, no star, takes the name's next byte.
pub(crate) fn stars<'p, 'n>(
    mut pattern: &'p [u8],
    mut name: &'n [u8],
    step: impl Fn(&'p [u8], &'n [u8]) -> Option<(&'p [u8], &'n [u8])>,
) -> bool {
    // Where to go on when what follows the last star turns out not to fit.
    let mut again = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            again = Some((rest, name));
            pattern = rest;
            continue;
        }
        if pattern.is_empty() && name.is_empty() {
            return true;
        }
        if let Some((rest, tail)) = step(pattern, name) {
            (pattern, name) = (rest, tail);
            continue;
        }
        let Some((rest, [_, tail @ ..])) = again else { return false };
        again = Some((rest, tail));
        (pattern, name) = (rest, tail);
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn stars_take_any_number_and_question_marks_one() {
        for (pattern, name, expected) in [
            ("LC_*", "LC_ALL", true),
            ("LC_*", "LANG", false),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*gcm*", "aes256-gcm@openssh.com", true),
            ("*a*b", "aabab", true),
            ("*a*b", "aaba", false),
            ("", "x", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
