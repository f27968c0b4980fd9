//! Patterns of names with `*` and `?`, as lists of algorithms and of variables use them.
//! The whole name has to fit.

/// Whether `name` fits `pattern`.
#[must_use]
pub fn fits(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.as_bytes(), name.as_bytes());
    // Where to go on when what follows the last star turns out not to fit.
    let mut again = None;
    loop {
        match (pattern, name) {
            ([], []) => return true,
            ([b'*', rest @ ..], _) => {
                again = Some((rest, name));
                pattern = rest;
                continue;
            }
            ([b'?', rest @ ..], [_, tail @ ..]) => {
                (pattern, name) = (rest, tail);
                continue;
            }
            ([one, rest @ ..], [other, tail @ ..]) if one == other => {
                (pattern, name) = (rest, tail);
                continue;
            }
            _ => {}
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
