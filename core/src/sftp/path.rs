//! Paths as SFTP has them: bytes, components between slashes, relative ones from a start. Nothing here follows links.

use crate::Refused;

/// The component that leads upwards.
const PARENT: &[u8] = b"..";

/// The components of a path, without empty ones and those that say "here".
pub fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> + Clone {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".")
}

/// Writes the absolute form of a path into `space`: relative paths begin at `start`, which is absolute, and nothing is
/// above the root. What `space` cannot hold is [`Refused::TooLong`].
pub fn absolute<'s>(start: &[u8], path: &[u8], space: &'s mut [u8]) -> Result<&'s [u8], Refused> {
    let start = if path.first() == Some(&b'/') { &[][..] } else { start };
    let mut end = 0;
    for part in components(start).chain(components(path)) {
        if part == PARENT {
            end = space.get(..end).and_then(|kept| kept.iter().rposition(|byte| *byte == b'/')).unwrap_or(0);
            continue;
        }
        let next = part.len().saturating_add(1).saturating_add(end);
        let (slash, place) = space.get_mut(end..next).and_then(<[u8]>::split_first_mut).ok_or(Refused::TooLong)?;
        *slash = b'/';
        place.copy_from_slice(part);
        end = next;
    }
    if end == 0 {
        *space.first_mut().ok_or(Refused::TooLong)? = b'/';
        end = 1;
    }
    space.get(..end).ok_or(Refused::TooLong)
}

/// The path below the root `root`, both absolute and without `..`: empty for the root itself, `None` if it is elsewhere.
/// Components count, so `/home/u10` is not below `/home/u1`.
pub fn below<'p>(root: &[u8], path: &'p [u8]) -> Option<&'p [u8]> {
    let root = root.strip_suffix(b"/").unwrap_or(root);
    match path.strip_prefix(root)? {
        b"" => Some(b""),
        rest => rest.strip_prefix(b"/"),
    }
}

/// The name of a directory's entry, if it is one that may be made elsewhere: not the directory or the one above it, and
/// without slash and NUL.
pub fn name(bytes: &[u8]) -> Option<&[u8]> {
    let harmless = !matches!(bytes, b"" | b"." | b"..") && !bytes.iter().any(|byte| matches!(byte, b'/' | 0));
    harmless.then_some(bytes)
}

/// Whether a path could name a file: without NUL, and not of no bytes.
pub(super) fn is_sound(path: &[u8]) -> bool {
    !path.is_empty() && !path.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::{absolute, below, name};
    use crate::Refused;

    #[test]
    fn absolute_forms() {
        let table: [(&str, &str, &str); 12] = [
            ("/", "", "/"),
            ("/", "a", "/a"),
            ("/home/u", "a/b", "/home/u/a/b"),
            ("/home/u", "/a//b/", "/a/b"),
            ("/home/u", "..", "/home"),
            ("/home/u", "../../../..", "/"),
            ("/home/u", "../../../../etc", "/etc"),
            ("/home/u", "./a/./../b", "/home/u/b"),
            ("/home/u", "a/...", "/home/u/a/..."),
            ("/home/u", "/..", "/"),
            ("/home/u", ".", "/home/u"),
            ("/", "/a/b/../../c", "/c"),
        ];
        for (start, path, wanted) in table {
            let mut space = [0; 64];
            assert_eq!(
                absolute(start.as_bytes(), path.as_bytes(), &mut space),
                Ok(wanted.as_bytes()),
                "{start} {path}"
            );
        }
        assert_eq!(absolute(b"/", b"abc", &mut [0; 3]), Err(Refused::TooLong));
        assert_eq!(absolute(b"/", b"", &mut []), Err(Refused::TooLong));
    }

    #[test]
    fn below_counts_components() {
        assert_eq!(below(b"/home/u1", b"/home/u1/x"), Some(&b"x"[..]));
        assert_eq!(below(b"/home/u1", b"/home/u1"), Some(&b""[..]));
        assert_eq!(below(b"/", b"/x"), Some(&b"x"[..]));
        assert_eq!(below(b"/home/u1", b"/home/u10/x"), None);
        assert_eq!(below(b"/home/u1", b"/home"), None);
    }

    #[test]
    fn names_that_lead_nowhere_else() {
        for good in ["a", "...", " ", "-rf", "a\nb", "ü"] {
            assert!(name(good.as_bytes()).is_some(), "{good:?}");
        }
        for bad in ["", ".", "..", "/", "/x", "a/b", "a/", "a\0b", "../x"] {
            assert!(name(bad.as_bytes()).is_none(), "{bad:?}");
        }
    }
}
