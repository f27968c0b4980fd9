//! Where a login may forward to and listen (sshd(8), `permitopen` and `permitlisten`), and which tunnel devices it gets.

use alloc::vec::Vec;

/// The longest name of a host, as resolvers take it.
const LONGEST_HOST: usize = 1024;
/// Stands for every host.
const ANY: &[u8] = b"*";

/// A host and a port; see [`Permit::covers`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permit {
    /// The host as it is written, without brackets; `*` for any.
    pub host: Vec<u8>,
    /// The port; `None` for any.
    pub port: Option<u16>,
}

/// A tunnel device (sshd(8), `tunnel`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tunnel {
    /// Any that is free.
    Any,
    /// The one of this number.
    Unit(u32),
}

impl Permit {
    /// Reads `host:port`, `host/port` or `[host]:port`, either of which may be `*`. `bare` lets a port stand alone.
    pub fn read(text: &[u8], bare: bool) -> Option<Self> {
        let (host, port) = match text {
            [b'[', rest @ ..] => {
                let end = rest.iter().position(|byte| *byte == b']')?;
                let (host, rest) = rest.split_at_checked(end)?;
                let [b']', b':' | b'/', port @ ..] = rest else { return None };
                (host, port)
            }
            port if bare && !text.contains(&b':') => (ANY, port),
            _ => {
                let end = text.iter().position(|byte| matches!(byte, b':' | b'/'))?;
                (text.get(..end)?, text.get(end.saturating_add(1)..)?)
            }
        };
        let port = match port {
            b"*" => None,
            port => Some(number(port, 1..=u16::MAX.into()).and_then(|port| u16::try_from(port).ok())?),
        };
        (host.len() < LONGEST_HOST).then(|| Self { host: host.to_vec(), port })
    }

    /// What both are about; `None` if that is nothing.
    pub(super) fn and(&self, other: &Self) -> Option<Self> {
        let host = if self.host == ANY { &other.host } else { &self.host };
        let port = self.port.or(other.port);
        let within = |one: &Self| (one.host == ANY || one.host == *host) && (one.port.is_none() || one.port == port);
        (within(self) && within(other)).then(|| Self { host: host.clone(), port })
    }

    /// Whether it is about this host and port. Names are compared byte by byte, as the client wrote them: a name does not
    /// stand for its addresses, nor the other way.
    pub fn covers(&self, host: &[u8], port: u16) -> bool {
        self.port.is_none_or(|own| own == port) && (self.host == ANY || self.host == host)
    }
}

impl Tunnel {
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        // The two numbers above mean "any" and "none" to those who keep it in one number.
        let unit = || number(text, 0..=0x7fff_fffd).map(Self::Unit);
        if text.eq_ignore_ascii_case(b"any") { Some(Self::Any) } else { unit() }
    }
}

fn number(text: &[u8], range: core::ops::RangeInclusive<u32>) -> Option<u32> {
    let digits = text.iter().all(u8::is_ascii_digit);
    let number = core::str::from_utf8(text).ok()?.parse().ok()?;
    (digits && range.contains(&number)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::{Permit, Tunnel};

    fn read(text: &str, bare: bool) -> Option<(alloc::vec::Vec<u8>, Option<u16>)> {
        Permit::read(text.as_bytes(), bare).map(|one| (one.host, one.port))
    }

    #[test]
    fn hosts_and_ports() {
        for (text, host, port) in [
            ("localhost:80", "localhost", Some(80)),
            ("localhost/80", "localhost", Some(80)),
            ("*:*", "*", None),
            (":65535", "", Some(65535)),
            ("[2001:db8::1]:22", "2001:db8::1", Some(22)),
        ] {
            assert_eq!(read(text, false), Some((host.as_bytes().to_vec(), port)), "{text}");
            assert_eq!(read(text, true).is_some(), text.contains(':'), "{text}");
        }
        assert_eq!(read("8080", true), Some((b"*".to_vec(), Some(8080))));
        assert_eq!(read("*", true), Some((b"*".to_vec(), None)));
        for text in
            ["", "x", "80", "x:", "x:0", "x:65536", "x:+1", "x:1:2", "::1:22", "[::1]22", "[::1", "[::1]", "x:a"]
        {
            assert_eq!(read(text, false), None, "{text}");
        }
        assert_eq!(read(&alloc::format!("{}:1", "x".repeat(1024)), false), None);
    }

    #[test]
    fn what_a_permit_covers() {
        let permit = |text: &str| Permit::read(text.as_bytes(), false).unwrap();
        assert!(permit("a.b:80").covers(b"a.b", 80));
        assert!(!permit("a.b:80").covers(b"a.b", 81) && !permit("a.b:80").covers(b"A.B", 80));
        assert!(permit("a.b:*").covers(b"a.b", 1) && permit("*:80").covers(b"anything", 80));
        assert!(!permit("*.b:80").covers(b"a.b", 80), "no patterns");
    }

    #[test]
    fn what_two_permits_have_in_common() {
        let permit = |text: &str| Permit::read(text.as_bytes(), false).unwrap();
        for (one, other, both) in [
            ("a:1", "a:1", Some("a:1")),
            ("a:*", "*:1", Some("a:1")),
            ("*:*", "a:1", Some("a:1")),
            ("*:*", "*:*", Some("*:*")),
            ("a:1", "a:2", None),
            ("a:1", "b:1", None),
            ("a:*", "b:*", None),
        ] {
            let both = both.map(permit);
            assert_eq!(
                (permit(one).and(&permit(other)), permit(other).and(&permit(one))),
                (both.clone(), both),
                "{one}"
            );
        }
    }

    #[test]
    fn tunnels() {
        assert_eq!(Tunnel::read(b"ANY"), Some(Tunnel::Any));
        assert_eq!(Tunnel::read(b"0"), Some(Tunnel::Unit(0)));
        for text in ["", "x", "-1", "1:2", "2147483646"] {
            assert_eq!(Tunnel::read(text.as_bytes()), None, "{text}");
        }
    }
}
