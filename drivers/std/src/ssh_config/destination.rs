//! Hosts to go to, `[user@]host[:port]` or `ssh://[user@]host[:port]`, and the way there: straight, through a command, or
//! through other hosts.

use super::setting::{Setting, Words, is_none, show};
use core::fmt;

/// Most hosts on the way.
const MOST: usize = 32;

/// A host, with what else its name brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Whom to log in as.
    pub user: Option<String>,
    /// Name or address, without brackets.
    pub host: String,
    /// The port.
    pub port: Option<u16>,
}

impl Destination {
    /// Reads `[user@]host[:port]`.
    pub fn authority(text: &[u8]) -> Option<Self> {
        let (user, place) = split_user(str::from_utf8(text).ok()?);
        let colon = match place.strip_prefix('[') {
            Some(_) => place.find(']')? + 1,
            None => place.find(':').unwrap_or(place.len()),
        };
        let (host, rest) = place.split_at(colon);
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(super::setting::port(port).filter(|port| *port != 0)?),
            None if rest.is_empty() => None,
            None => return None,
        };
        Self::of(user, host, port).filter(|place| !place.host.contains('/'))
    }

    /// Reads `[user@]host`.
    pub fn plain(text: &[u8]) -> Option<Self> {
        let (user, host) = split_user(str::from_utf8(text).ok()?);
        Self::of(user, host, None)
    }

    /// Reads a destination as a URI of this scheme, without a path; `None` if it is none at all.
    pub fn uri(scheme: &str, text: &[u8]) -> Option<Option<Self>> {
        let rest = after(scheme, text)?;
        Some(Self::authority(rest.strip_suffix(b"/").unwrap_or(rest)))
    }

    fn of(user: Option<&str>, host: &str, port: Option<u16>) -> Option<Self> {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        // A name that begins like a flag would become one in whatever passes it on.
        let odd = |name: &str| name.is_empty() || name.starts_with('-') || name.contains(char::is_whitespace);
        if odd(host) || user.is_some_and(odd) {
            return None;
        }
        Some(Self { user: user.map(str::to_owned), host: host.to_owned(), port })
    }
}

/// What follows `SCHEME://`.
pub fn after<'a>(scheme: &str, text: &'a [u8]) -> Option<&'a [u8]> {
    text.strip_prefix(scheme.as_bytes())?.strip_prefix(b"://")
}

/// Names of users may contain an @, those of hosts do not.
fn split_user(place: &str) -> (Option<&str>, &str) {
    place.rsplit_once('@').map_or((None, place), |(user, host)| (Some(user), host))
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        let is_number = self.host.contains(':') || self.host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if is_number {
            write!(f, "[{}]", self.host)?
        } else {
            f.write_str(&self.host)?
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// The way to a host. `ProxyCommand` and `ProxyJump` set it, whichever comes first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Proxy {
    /// Straight.
    #[default]
    None,
    /// Through no other hosts, but through a command if one follows.
    NoJump,
    /// Through a command, with tokens.
    Command(String),
    /// Through these, first to last.
    Jump(Vec<Destination>),
}

impl Setting for Proxy {
    fn read(keyword: &str, words: &mut Words<'_>) -> Result<Self, String> {
        if keyword == "proxycommand" {
            let command = super::setting::Command::read(keyword, words)?.0;
            return Ok(command.map_or(Self::None, Self::Command));
        }
        let text = super::setting::Command::read(keyword, words)?.0.unwrap_or_default();
        let text = text.split('#').next().unwrap_or_default().trim_end();
        if text.is_empty() || is_none(text) {
            return Ok(Self::NoJump);
        }
        let read = |hop: &str| {
            let hop = hop.as_bytes();
            Destination::uri("ssh", hop).unwrap_or_else(|| Destination::authority(hop))
        };
        let hops: Option<Vec<_>> = text.split(',').map(read).collect();
        let wrong = || format!("\"{text}\" is not of the form [user@]host[:port],...");
        hops.filter(|hops| hops.len() <= MOST).map(Self::Jump).ok_or_else(wrong)
    }

    fn add(place: &mut Option<Self>, next: Self) -> Result<(), String> {
        match (&place, &next) {
            (None, _) | (Some(Self::NoJump), Self::None | Self::Command(_)) => *place = Some(next),
            (Some(_), _) => {}
        }
        Ok(())
    }

    /// Under the name that it goes by.
    fn show(&self, _: &str, out: &mut String) {
        match self {
            Self::None | Self::NoJump => {}
            Self::Command(command) => show("proxycommand", command, out),
            Self::Jump(hops) => {
                let hops: Vec<_> = hops.iter().map(ToString::to_string).collect();
                show("proxyjump", hops.join(","), out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Proxy, Setting, Words};

    fn proxy(keyword: &str, text: &str) -> Result<String, String> {
        let proxy = Proxy::read(keyword, &mut Words::single(text, &|_| None))?;
        let mut out = String::new();
        proxy.show("", &mut out);
        Ok(out)
    }

    #[test]
    fn ways_lead_through_hosts_or_a_command() {
        for (text, shown) in [
            ("gate", "proxyjump gate\n"),
            ("a,me@b:22,ssh://c:2222", "proxyjump a,me@b:22,c:2222\n"),
            ("10.0.0.1,[::1]:2", "proxyjump [10.0.0.1],[::1]:2\n"),
            ("gate # comment", "proxyjump gate\n"),
            ("none", ""),
            ("None", ""),
        ] {
            assert_eq!(proxy("proxyjump", text).as_deref(), Ok(shown), "{text}");
        }
        for text in ["a,,b", "-x", "a:0", "a b", "me@", "ssh://a/b", ","] {
            assert!(proxy("proxyjump", text).is_err(), "{text}");
        }
        assert_eq!(proxy("proxycommand", "nc %h %p # all").as_deref(), Ok("proxycommand nc %h %p # all\n"));
        assert_eq!(proxy("proxycommand", "NONE").as_deref(), Ok(""));
    }
}
