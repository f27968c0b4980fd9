//! Where to go: `[user@]host`, with `:path` behind it for those who copy files, or `SCHEME://[user@]host[:port][/path]`.
//! An address of IPv6 stands in brackets where a port or a path may follow.

use sanssh_std::escape;
use sanssh_std::ssh_config::{Destination, after};

/// A destination without a path, as a URI of this scheme or plain.
///
/// # Errors
/// If it is none.
pub fn read(scheme: &str, text: &str) -> Result<Destination, String> {
    let shown = escape(text.as_bytes(), false);
    let wrong = || format!("\"{shown}\" is not a destination; write [user@]host or {scheme}://[user@]host[:port]");
    let uri = Destination::uri(scheme, text.as_bytes());
    uri.unwrap_or_else(|| Destination::plain(text.as_bytes())).ok_or_else(wrong)
}

/// A destination and the path there, if the text names a host: as a URI of this scheme, or by a colon before any slash.
/// The path may be empty.
///
/// # Errors
/// If the host or the port is none.
pub fn with_path(scheme: &str, text: &[u8]) -> Result<Option<(Destination, Vec<u8>)>, String> {
    let shown = escape(text, false);
    let wrong =
        || format!("\"{shown}\" is not a destination; write [user@]host:path or {scheme}://[user@]host[:port][/path]");
    if let Some(rest) = after(scheme, text) {
        let end = rest.iter().position(|b| *b == b'/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = unescape(path.strip_prefix(b"/").unwrap_or(path)).ok_or_else(wrong)?;
        return Ok(Some((Destination::authority(authority).ok_or_else(wrong)?, path)));
    }
    let Some(at) = colon(text) else { return Ok(None) };
    Ok(Some((Destination::plain(&text[..at]).ok_or_else(wrong)?, text[at + 1..].to_vec())))
}

/// The colon between host and path, if there is one before any slash and outside of brackets.
fn colon(text: &[u8]) -> Option<usize> {
    let mut bracketed = false;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'[' if at == 0 || text[at - 1] == b'@' => bracketed = true,
            b']' => bracketed = false,
            b':' if !bracketed => return Some(at).filter(|at| *at > 0),
            b'/' => return None,
            _ => {}
        }
    }
    None
}

/// Undoes what `%` escapes in URIs.
fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            plain.push(*first);
            continue;
        }
        let digits = tail.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        plain.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok().filter(|byte| *byte != 0)?);
        rest = &tail[2..];
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::{read, with_path};
    use sanssh_std::ssh_config::Destination;

    fn place(user: Option<&str>, host: &str, port: Option<u16>) -> Destination {
        Destination { user: user.map(str::to_owned), host: host.to_owned(), port }
    }

    #[test]
    fn forms() {
        for (text, user, host, port) in [
            ("host", None, "host", None),
            ("me@host", Some("me"), "host", None),
            ("me@work@host", Some("me@work"), "host", None),
            ("::1", None, "::1", None),
            ("[::1]", None, "::1", None),
            ("ssh://host", None, "host", None),
            ("ssh://me@host:2222/", Some("me"), "host", Some(2222)),
            ("ssh://[fe80::1]:22", None, "fe80::1", Some(22)),
        ] {
            assert_eq!(read("ssh", text), Ok(place(user, host, port)), "{text}");
        }
    }

    #[test]
    fn odd_ones_are_refused() {
        for text in ["", "me@", "@host", "-oX@host", "me@-host", "ssh://host:0", "ssh://host:x", "ssh://a/b", "a b"] {
            assert!(read("ssh", text).is_err(), "{text}");
        }
    }

    #[test]
    fn paths_follow_a_colon_or_in_a_uri_the_host() {
        for (text, user, host, port, path) in [
            ("host:", None, "host", None, ""),
            ("me@host:a b:c", Some("me"), "host", None, "a b:c"),
            ("me@[::1]:/x", Some("me"), "::1", None, "/x"),
            ("sftp://host", None, "host", None, ""),
            ("sftp://me@host:2222/a%20b/c", Some("me"), "host", Some(2222), "a b/c"),
            ("sftp://[::1]//etc", None, "::1", None, "/etc"),
        ] {
            let expected = Some((place(user, host, port), path.as_bytes().to_vec()));
            assert_eq!(with_path("sftp", text.as_bytes()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn names_of_files_name_no_host() {
        for text in ["host", "./a:b", "/a:b", ":a", "a/b:c", "sftp:/", "[::1]"] {
            let place = with_path("scp", text.as_bytes());
            assert!(matches!(place, Ok(None)) == (text != "sftp:/"), "{text}: {place:?}");
        }
        for text in ["-h:a", "scp://h:0/a", "scp://h/%0", "scp://h/%00", "scp://h/%zz", "scp:///a", "a@:b"] {
            assert!(with_path("scp", text.as_bytes()).is_err(), "{text}");
        }
    }
}
