//! Where to go: `[user@]host` or `ssh://[user@]host[:port]`.
//! An address of IPv6 stands in brackets where a port may follow.

/// A host, with what else its name brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) user: Option<String>,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

impl Destination {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not a destination; write [user@]host or ssh://[user@]host[:port]");
        let (place, is_uri) = match text.strip_prefix("ssh://") {
            Some(rest) => (rest.strip_suffix('/').unwrap_or(rest), true),
            None => (text, false),
        };
        // Names of users may contain an @, those of hosts do not.
        let (user, place) = match place.rsplit_once('@') {
            Some((user, place)) => (Some(user.to_owned()), place),
            None => (None, place),
        };
        let (host, port) = if is_uri { split_port(place).ok_or_else(wrong)? } else { (place, None) };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        // A name that begins like a flag would become one in whatever passes it on.
        let odd = |name: &str| name.is_empty() || name.starts_with('-') || name.contains(char::is_whitespace);
        if odd(host) || user.as_deref().is_some_and(odd) || (is_uri && host.contains('/')) {
            return Err(wrong());
        }
        Ok(Self { user, host: host.to_owned(), port })
    }
}

fn split_port(place: &str) -> Option<(&str, Option<u16>)> {
    let colon = match place.strip_prefix('[') {
        Some(_) => place.find(']')? + 1,
        None => place.find(':').unwrap_or(place.len()),
    };
    let (host, rest) = place.split_at(colon);
    match rest.strip_prefix(':') {
        Some(port) => Some((host, Some(port.parse().ok().filter(|port| *port != 0)?))),
        None => rest.is_empty().then_some((host, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::Destination;

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
            let expected = Destination { user: user.map(str::to_owned), host: host.to_owned(), port };
            assert_eq!(Destination::read(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn odd_ones_are_refused() {
        for text in ["", "me@", "@host", "-oX@host", "me@-host", "ssh://host:0", "ssh://host:x", "ssh://a/b", "a b"] {
            assert!(Destination::read(text).is_err(), "{text}");
        }
    }
}
