//! The options in front of a key in `authorized_keys` (sshd(8)): who may use it from where and until when, and what its
//! holder may do. An option that is not understood makes the whole list worthless: leaving it out could allow what it
//! forbids.

use super::address::{networks_have, patterns_take};
use super::expiry::Expiry;
use super::permit::{Permit, Tunnel};
use super::text::is_blank;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::net::IpAddr;

/// What stands in front of a key, or in a certificate, or came of both. What allows or denies the login itself is judged
/// by [`authorize`](super::authorize()); the rest are facts for a server to act upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Have a terminal.
    pub pty: bool,
    /// Forward ports, as far as [`may_open`](Self::may_open) and [`may_listen`](Self::may_listen) let it.
    pub port_forwarding: bool,
    /// Forward the agent.
    pub agent_forwarding: bool,
    /// Forward X11.
    pub x11_forwarding: bool,
    /// Have `~/.ssh/rc` run.
    pub user_rc: bool,
    /// The command that runs instead of any that the client asks for.
    pub command: Option<Vec<u8>>,
    /// Variables to set, name and value, in order; each name once.
    pub environment: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where connections may be forwarded to; anywhere if empty.
    pub permit_open: Vec<Permit>,
    /// Where connections to forward may be listened for; anywhere if empty.
    pub permit_listen: Vec<Permit>,
    /// The tunnel device to use.
    pub tunnel: Option<Tunnel>,
    /// Patterns of addresses and names that the login may come from.
    pub from: Option<Vec<u8>>,
    /// Networks that the login may come from, said by a certificate.
    pub source_address: Option<Vec<u8>>,
    /// Until when the line counts.
    pub expiry: Expiry,
    /// The key does not log in: it signs certificates that do.
    pub cert_authority: bool,
    /// Names, with commas between, one of which a certificate must hold; if there are none, it must hold the user's.
    pub principals: Option<Vec<u8>>,
    /// If it is a security key, it must have been touched.
    pub touch_required: bool,
    /// It must be a security key, and have recognised its owner by PIN or finger.
    pub verify_required: bool,
}

impl Default for Options {
    /// Without options everything is allowed; security keys are to be touched.
    fn default() -> Self {
        Self::all(true)
    }
}

/// Why options cannot be honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bad {
    /// A value, or the quotes around it, are not as they should be; or an option that stands once stands twice.
    Value,
    /// There is no such option, or not with a value, or not without.
    Unknown,
}

/// Two commands are forced, and only one can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TwoCommands;

/// Variables that one line may set; as many as sshd lets through.
const MOST_VARIABLES: usize = 1025;

impl Options {
    /// All permissions or none, and nothing else.
    pub(super) const fn all(allowed: bool) -> Self {
        Self {
            pty: allowed,
            port_forwarding: allowed,
            agent_forwarding: allowed,
            x11_forwarding: allowed,
            user_rc: allowed,
            command: None,
            environment: Vec::new(),
            permit_open: Vec::new(),
            permit_listen: Vec::new(),
            tunnel: None,
            from: None,
            source_address: None,
            expiry: Expiry { utc: None, local: None },
            cert_authority: false,
            principals: None,
            touch_required: true,
            verify_required: false,
        }
    }

    /// Reads `option,option,...`. A later flag overrides an earlier one, so `restrict,pty` allows only terminals. Commas too
    /// many do no harm.
    pub(super) fn read(text: &[u8]) -> Result<Self, Bad> {
        let mut options = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| matches!(byte, b',' | b'=')).unwrap_or(rest.len());
            let (name, tail) = rest.split_at_checked(end).ok_or(Bad::Unknown)?;
            let name = name.to_ascii_lowercase();
            let tail = match tail {
                [b'=', tail @ ..] => {
                    let (value, tail) = quoted(tail).ok_or(Bad::Value)?;
                    options.set(&name, value)?;
                    tail
                }
                tail if name.is_empty() => tail,
                tail => {
                    options.flag(&name)?;
                    tail
                }
            };
            rest = match tail {
                [] => tail,
                [b',', tail @ ..] => tail,
                _ => return Err(Bad::Unknown),
            };
        }
        Ok(options)
    }

    /// An option with a value.
    fn set(&mut self, name: &[u8], value: Vec<u8>) -> Result<(), Bad> {
        let once = |place: &mut Option<Vec<u8>>, value| match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(Bad::Value),
        };
        match name {
            b"command" => once(&mut self.command, value)?,
            b"principals" => once(&mut self.principals, value)?,
            b"from" => once(&mut self.from, value)?,
            b"expiry-time" => self.expiry = self.expiry.and(Expiry::read(&value).ok_or(Bad::Value)?),
            b"environment" => self.variable(&value).ok_or(Bad::Value)?,
            b"permitopen" => self.permit_open.push(Permit::read(&value, false).ok_or(Bad::Value)?),
            b"permitlisten" => self.permit_listen.push(Permit::read(&value, true).ok_or(Bad::Value)?),
            b"tunnel" => self.tunnel = Some(Tunnel::read(&value).ok_or(Bad::Value)?),
            _ => return Err(Bad::Unknown),
        }
        Ok(())
    }

    /// An option without a value.
    fn flag(&mut self, name: &[u8]) -> Result<(), Bad> {
        let (wanted, name) = name.strip_prefix(b"no-").map_or((true, name), |name| (false, name));
        match name {
            b"restrict" if wanted => {
                self.pty = false;
                self.port_forwarding = false;
                self.agent_forwarding = false;
                self.x11_forwarding = false;
                self.user_rc = false;
            }
            b"cert-authority" if wanted => self.cert_authority = true,
            b"pty" => self.pty = wanted,
            b"port-forwarding" => self.port_forwarding = wanted,
            b"agent-forwarding" => self.agent_forwarding = wanted,
            b"x11-forwarding" => self.x11_forwarding = wanted,
            b"user-rc" => self.user_rc = wanted,
            b"touch-required" => self.touch_required = wanted,
            b"verify-required" => self.verify_required = wanted,
            _ => return Err(Bad::Unknown),
        }
        Ok(())
    }

    /// `NAME=value`, the name of letters, digits and underscores. The first word about a name counts.
    fn variable(&mut self, text: &[u8]) -> Option<()> {
        let equals = text.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (text.get(..equals)?, text.get(equals.saturating_add(1)..)?);
        let lawful = !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if !lawful || self.environment.len() >= MOST_VARIABLES {
            return None;
        }
        if self.environment.iter().all(|(other, _)| other != name) {
            self.environment.push((name.to_vec(), value.to_vec()));
        }
        Some(())
    }

    /// Whether the login may come from this address. Without an address, whatever asks for one denies.
    pub(super) fn may_come_from(&self, address: Option<IpAddr>, name: Option<&[u8]>) -> bool {
        let known = |list: &[u8]| address.is_some_and(|address| patterns_take(list, address, name));
        let listed = |list: &[u8]| address.and_then(|address| networks_have(list, address)).unwrap_or_default();
        self.from.as_deref().is_none_or(known) && self.source_address.as_deref().is_none_or(listed)
    }

    /// Whether a connection to this host, by the name or address that the client says, may be forwarded.
    pub fn may_open(&self, host: &[u8], port: u16) -> bool {
        self.port_forwarding && is_permitted(&self.permit_open, host, port)
    }

    /// Whether connections to this address of the server may be listened for.
    pub fn may_listen(&self, host: &[u8], port: u16) -> bool {
        self.port_forwarding && is_permitted(&self.permit_listen, host, port)
    }

    /// What is left if both count: a line and its certificate, or the credentials of a login by several. Permissions need
    /// both, requirements one; where two lists of places have none in common, no port is forwarded. Where only one word can
    /// count, it is this one's, unless it has none.
    ///
    /// # Errors
    /// Both force a command, and not the same.
    pub fn and(self, other: Self) -> Result<Self, TwoCommands> {
        let command = match (self.command, other.command) {
            (Some(one), Some(other)) if one != other => return Err(TwoCommands),
            (one, other) => one.or(other),
        };
        let permit_open = common(self.permit_open, other.permit_open);
        let permit_listen = common(self.permit_listen, other.permit_listen);
        let places = permit_open.is_some() && permit_listen.is_some();
        Ok(Self {
            pty: self.pty && other.pty,
            port_forwarding: self.port_forwarding && other.port_forwarding && places,
            agent_forwarding: self.agent_forwarding && other.agent_forwarding,
            x11_forwarding: self.x11_forwarding && other.x11_forwarding,
            user_rc: self.user_rc && other.user_rc,
            command,
            environment: or(self.environment, other.environment),
            permit_open: permit_open.unwrap_or_default(),
            permit_listen: permit_listen.unwrap_or_default(),
            tunnel: self.tunnel.or(other.tunnel),
            from: self.from.or(other.from),
            source_address: self.source_address.or(other.source_address),
            expiry: self.expiry.and(other.expiry),
            cert_authority: false,
            principals: None,
            touch_required: self.touch_required || other.touch_required,
            verify_required: self.verify_required || other.verify_required,
        })
    }
}

fn or<T>(one: Vec<T>, other: Vec<T>) -> Vec<T> {
    if one.is_empty() { other } else { one }
}

/// What both lists permit, of which an empty one permits everything; `None` if that is nothing.
fn common(one: Vec<Permit>, other: Vec<Permit>) -> Option<Vec<Permit>> {
    if one.is_empty() || other.is_empty() {
        return Some(or(one, other));
    }
    let both: BTreeSet<Permit> = one.iter().flat_map(|one| other.iter().filter_map(|other| one.and(other))).collect();
    (!both.is_empty()).then(|| both.into_iter().collect())
}

fn is_permitted(permits: &[Permit], host: &[u8], port: u16) -> bool {
    permits.is_empty() || permits.iter().any(|permit| permit.covers(host, port))
}

/// Splits a line where its options end: at the first blank outside quotes. `None` if quotes stay open.
pub(super) fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut inside, mut escaped) = (false, false);
    for (at, byte) in line.iter().enumerate() {
        match byte {
            _ if is_blank(byte) && !inside => return line.split_at_checked(at),
            // A backslash counts only in front of a quote.
            b'"' if !escaped => inside = !inside,
            _ => {}
        }
        escaped = *byte == b'\\';
    }
    if inside { None } else { Some((line, &[])) }
}

/// The value inside quotes at the front of `text`, in which `\"` is a quote, and what follows.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut value = Vec::new();
    loop {
        match rest {
            [b'"', tail @ ..] => return Some((value, tail)),
            [b'\\', b'"', tail @ ..] => {
                value.push(b'"');
                rest = tail;
            }
            [byte, tail @ ..] => {
                value.push(*byte);
                rest = tail;
            }
            [] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bad, Options, TwoCommands, split};
    use crate::file::permit::Tunnel;
    use alloc::format;
    use alloc::vec;
    use core::net::{IpAddr, Ipv4Addr};

    fn read(text: &str) -> Options {
        Options::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn flags_apply_in_order() {
        assert_eq!(read(""), Options::default());
        assert_eq!(read("no-pty,pty"), Options::default());
        assert_eq!(read("no-X11-forwarding"), Options { x11_forwarding: false, ..Options::default() });
        assert_eq!(read("RESTRICT,pty"), Options { pty: true, ..Options::all(false) });
        assert_eq!(read("pty,restrict"), Options::all(false));
        let all = "no-pty,no-port-forwarding,no-agent-forwarding,no-x11-forwarding,no-user-rc";
        assert_eq!(read(all), Options::all(false));
        assert!(!read("no-touch-required").touch_required && read("no-touch-required,touch-required").touch_required);
        assert!(read("Verify-Required").verify_required && !read("verify-required,no-verify-required").verify_required);
        assert!(read("cert-authority").cert_authority);
    }

    #[test]
    fn commas_too_many_do_no_harm() {
        for text in [",restrict", "restrict,", "restrict,,", ",,restrict"] {
            assert_eq!(read(text), Options::all(false), "{text}");
        }
    }

    #[test]
    fn values_are_unquoted() {
        let options = read(r#"command="echo \"a, b\" \n",environment="A_1=x=y",Environment="A_1=z",restrict"#);
        assert_eq!(options.command.as_deref(), Some(&br#"echo "a, b" \n"#[..]));
        assert_eq!(options.environment, vec![(b"A_1".to_vec(), b"x=y".to_vec())], "the first word counts");
        assert!(!options.pty);
        assert_eq!(read("command=\"\"").command.as_deref(), Some(&b""[..]));
        assert_eq!(read("principals=\"a,b\"").principals.as_deref(), Some(&b"a,b"[..]));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "no-restrict",
            "no-cert-authority",
            "wizard",
            "pty=\"yes\"",
            "restrict=\"\"",
            " pty",
            "ptypty",
            "command=\"ls\"pty",
            "command=\"ls\" pty",
            "command",
            "wizard=\"x\"",
            "=\"x\"",
            "no-command=\"x\"",
            "pty,x",
        ] {
            assert_eq!(Options::read(text.as_bytes()), Err(Bad::Unknown), "{text}");
        }
        for text in [
            "command=ls",
            "command=",
            "command=\"ls",
            "command=\"ls\\\"",
            "command=\"a\",command=\"a\"",
            "from=\"*\",from=\"*\"",
            "principals=\"a\",principals=\"a\"",
            "environment=\"A\"",
            "environment=\"=b\"",
            "environment=\"A-B=c\"",
            "expiry-time=\"tomorrow\"",
            "permitopen=\"80\"",
            "permitlisten=\"x\"",
            "tunnel=\"x\"",
        ] {
            assert_eq!(Options::read(text.as_bytes()), Err(Bad::Value), "{text}");
        }
    }

    #[test]
    fn variables_are_bounded() {
        let many = |count: usize| {
            let one = |i| format!("environment=\"A{i}=\"");
            Options::read((0..count).map(one).collect::<vec::Vec<_>>().join(",").as_bytes())
        };
        assert_eq!(many(1025).unwrap().environment.len(), 1025);
        assert_eq!(many(1026), Err(Bad::Value));
    }

    #[test]
    fn forwarding_is_narrowed() {
        let options = read("permitopen=\"a:1\",permitopen=\"[::1]:*\",permitlisten=\"8080\",tunnel=\"3\"");
        assert!(options.may_open(b"a", 1) && options.may_open(b"::1", 9) && !options.may_open(b"a", 2));
        assert!(options.may_listen(b"anything", 8080) && !options.may_listen(b"", 80));
        assert_eq!(options.tunnel, Some(Tunnel::Unit(3)));
        assert!(read("").may_open(b"a", 1) && !read("restrict,permitopen=\"a:1\"").may_open(b"a", 1));
        assert!(!read("no-port-forwarding").may_listen(b"a", 1));
    }

    #[test]
    fn addresses_are_asked_for() {
        let here = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let options = read("from=\"127.0.0.0/8\"");
        assert!(options.may_come_from(here, None) && !options.may_come_from(None, Some(b"127.0.0.1")));
        assert!(read("").may_come_from(None, None));
        for (list, expected) in [("127.0.0.0/8", true), ("10.0.0.0/8", false), ("", false), ("localhost", false)] {
            let options = Options { source_address: Some(list.into()), ..options.clone() };
            assert_eq!(options.may_come_from(here, None), expected, "{list}");
            assert!(!options.may_come_from(None, None));
        }
    }

    #[test]
    fn places_need_both() {
        for (one, other) in [("permitopen", "a:1"), ("permitlisten", "a:1")].map(|(name, own)| {
            let read = |place: &str| read(&format!("{name}=\"{place}\""));
            (read(own), read("b:1"))
        }) {
            let both = one.and(other).unwrap();
            assert!(!both.may_open(b"a", 1) && !both.may_open(b"b", 1));
            assert!(!both.may_listen(b"a", 1) && !both.may_listen(b"b", 1) && !both.may_listen(b"", 0));
            assert!(!both.port_forwarding, "nor Unix sockets, of which a list of places knows nothing");
        }
    }

    #[test]
    fn permissions_need_both_and_requirements_one() {
        let both = |one: &str, other: &str| read(one).and(read(other));
        assert_eq!(both("", ""), Ok(Options::default()));
        assert_eq!(both("restrict,pty", "no-pty"), Ok(Options::all(false)));
        assert_eq!(both("no-touch-required", "no-touch-required"), Ok(read("no-touch-required")));
        assert_eq!(both("no-touch-required,cert-authority,principals=\"a\"", ""), Ok(Options::default()));
        assert_eq!(both("", "verify-required"), Ok(read("verify-required")));
        assert_eq!(both("command=\"a\"", "command=\"a\""), Ok(read("command=\"a\"")));
        assert_eq!(both("", "command=\"a\""), Ok(read("command=\"a\"")));
        assert_eq!(both("command=\"a\"", "command=\"b\""), Err(TwoCommands));
        assert_eq!(
            both("permitopen=\"a:1\",permitopen=\"b:*\"", "permitopen=\"b:1\",tunnel=\"1\""),
            Ok(read("permitopen=\"b:1\",tunnel=\"1\""))
        );
        assert_eq!(both("environment=\"A=1\"", "environment=\"B=1\""), Ok(read("environment=\"A=1\"")));
    }

    #[test]
    fn options_end_at_a_blank_outside_quotes() {
        assert_eq!(
            split(br#"command="a \" b",pty ssh-rsa"#),
            Some((&br#"command="a \" b",pty"#[..], &b" ssh-rsa"[..]))
        );
        assert_eq!(split(br#"command="a ssh-rsa"#), None);
    }
}
