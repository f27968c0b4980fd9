//! The options in front of a key in `authorized_keys` (sshd(8)): what its holder may do. An option that is not understood
//! makes the whole list worthless, since leaving it out could allow what it forbids.

use super::text::is_blank;
use alloc::vec::Vec;

/// What the holder of a key may do. These are facts for a server to act upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Have a terminal.
    pub pty: bool,
    /// Forward ports.
    pub port_forwarding: bool,
    /// Forward the agent.
    pub agent_forwarding: bool,
    /// Forward X11.
    pub x11_forwarding: bool,
    /// Have `~/.ssh/rc` run.
    pub user_rc: bool,
    /// The command that runs instead of any that the client asks for.
    pub command: Option<Vec<u8>>,
    /// Variables to set, name and value, in order.
    pub environment: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Default for Options {
    /// Without options everything is allowed.
    fn default() -> Self {
        Self::all(true)
    }
}

/// Why options cannot be honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bad {
    /// Quotes, commas or values are not as they should be.
    Form,
    /// An option that is not implemented: its name if it is well known, or `?`.
    Unsupported(&'static str),
}

/// Options that sshd knows and that are not enforced here, for the error to name.
const OTHERS: [&str; 9] = [
    "cert-authority",
    "expiry-time",
    "from",
    "permitlisten",
    "permitopen",
    "principals",
    "tunnel",
    "no-touch-required",
    "verify-required",
];

impl Options {
    fn all(allowed: bool) -> Self {
        Self {
            pty: allowed,
            port_forwarding: allowed,
            agent_forwarding: allowed,
            x11_forwarding: allowed,
            user_rc: allowed,
            command: None,
            environment: Vec::new(),
        }
    }

    /// Reads `option,option,...`. A later option overrides an earlier one, so `restrict,pty` allows only terminals.
    pub(super) fn read(text: &[u8]) -> Result<Self, Bad> {
        let mut options = Self::default();
        let mut rest = text;
        loop {
            let end = rest.iter().position(|byte| matches!(byte, b',' | b'=')).unwrap_or(rest.len());
            let (name, tail) = rest.split_at_checked(end).ok_or(Bad::Form)?;
            let name = name.to_ascii_lowercase();
            let (value, tail) = match tail {
                [b'=', tail @ ..] => quoted(tail).map(|(value, tail)| (Some(value), tail)).ok_or(Bad::Form)?,
                tail => (None, tail),
            };
            options.apply(&name, value)?;
            rest = match tail {
                [] => return Ok(options),
                [b',', tail @ ..] => tail,
                _ => return Err(Bad::Form),
            };
        }
    }

    fn apply(&mut self, name: &[u8], value: Option<Vec<u8>>) -> Result<(), Bad> {
        match (name, value) {
            (b"command", Some(command)) if self.command.is_none() => self.command = Some(command),
            (b"environment", Some(variable)) => self.environment.push(split_variable(&variable).ok_or(Bad::Form)?),
            (b"command" | b"environment", _) => return Err(Bad::Form),
            (b"restrict", None) => {
                let (command, environment) = (self.command.take(), core::mem::take(&mut self.environment));
                *self = Self { command, environment, ..Self::all(false) };
            }
            (name, None) => *self.flag(name)? = !name.starts_with(b"no-"),
            (name, Some(_)) => return Err(unsupported(name)),
        }
        Ok(())
    }

    /// The permission that a flag is about, with or without `no-` in front.
    fn flag(&mut self, name: &[u8]) -> Result<&mut bool, Bad> {
        match name.strip_prefix(b"no-").unwrap_or(name) {
            b"pty" => Ok(&mut self.pty),
            b"port-forwarding" => Ok(&mut self.port_forwarding),
            b"agent-forwarding" => Ok(&mut self.agent_forwarding),
            b"x11-forwarding" => Ok(&mut self.x11_forwarding),
            b"user-rc" => Ok(&mut self.user_rc),
            _ => Err(unsupported(name)),
        }
    }
}

fn unsupported(name: &[u8]) -> Bad {
    Bad::Unsupported(OTHERS.into_iter().find(|other| other.as_bytes() == name).unwrap_or("?"))
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

/// `NAME=value`, the name of letters, digits and underscores as sshd takes it.
fn split_variable(text: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let equals = text.iter().position(|byte| *byte == b'=')?;
    let (name, value) = text.split_at_checked(equals)?;
    let lawful = !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    if lawful { Some((name.to_vec(), value.get(1..)?.to_vec())) } else { None }
}

#[cfg(test)]
mod tests {
    use super::{Bad, Options, split};
    use alloc::vec;

    #[test]
    fn options_apply_in_order() {
        let read = |text: &str| Options::read(text.as_bytes()).unwrap();
        assert_eq!(read("no-pty,pty"), Options::default());
        assert_eq!(read("no-X11-forwarding"), Options { x11_forwarding: false, ..Options::default() });
        assert_eq!(read("RESTRICT,pty"), Options { pty: true, ..Options::all(false) });
        assert_eq!(read("pty,restrict"), Options::all(false));
        let all = "no-pty,no-port-forwarding,no-agent-forwarding,no-x11-forwarding,no-user-rc";
        assert_eq!(read(all), Options::all(false));
    }

    #[test]
    fn values_are_unquoted() {
        let options = Options::read(br#"command="echo \"a, b\" \n",environment="A_1=x=y",restrict"#).unwrap();
        assert_eq!(options.command.as_deref(), Some(&br#"echo "a, b" \n"#[..]));
        assert_eq!(options.environment, vec![(b"A_1".to_vec(), b"x=y".to_vec())]);
        assert!(!options.pty);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let cases = [
            ("from=\"10.0.0.1\"", Bad::Unsupported("from")),
            ("pty,expiry-time=\"20300101\"", Bad::Unsupported("expiry-time")),
            ("cert-authority", Bad::Unsupported("cert-authority")),
            ("no-touch-required", Bad::Unsupported("no-touch-required")),
            ("no-restrict", Bad::Unsupported("?")),
            ("something", Bad::Unsupported("?")),
            ("pty=\"yes\"", Bad::Unsupported("?")),
            ("restrict=\"\"", Bad::Unsupported("?")),
            ("", Bad::Unsupported("?")),
            ("pty,", Bad::Unsupported("?")),
            (",pty", Bad::Unsupported("?")),
            ("command", Bad::Form),
            ("command=ls", Bad::Form),
            ("command=\"ls", Bad::Form),
            ("command=\"ls\\\"", Bad::Form),
            ("command=\"ls\"pty", Bad::Form),
            ("command=\"a\",command=\"b\"", Bad::Form),
            ("environment=\"A\"", Bad::Form),
            ("environment=\"=b\"", Bad::Form),
            ("environment=\"A-B=c\"", Bad::Form),
        ];
        for (text, expected) in cases {
            assert_eq!(Options::read(text.as_bytes()), Err(expected), "{text}");
        }
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
