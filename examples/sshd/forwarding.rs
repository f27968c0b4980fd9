//! What clients may have forwarded (sshd_config(5), `AllowTcpForwarding` and its like): nothing, unless the configuration
//! says so. What a login's key forbids besides is the driver's to see to.

use sanssh_core::file::Permit;
use sanssh_std::ssh_config::value::flag;
use sanssh_std::{Endpoint, Wish};
use std::path::{Path, PathBuf};

/// From where connections may be carried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Ways {
    /// From the client's side: the server connects.
    local: bool,
    /// From the server's side: the server listens.
    remote: bool,
}

/// What may be forwarded.
#[derive(Debug, Default)]
pub(crate) struct Forwarding {
    tcp: Ways,
    unix: Ways,
    /// The agent and the display of a client, for the programs of its sessions.
    agent: bool,
    display: bool,
    xauth: Option<PathBuf>,
    disabled: bool,
    /// Where to; anywhere if `None`.
    open: Option<Vec<Permit>>,
    /// Where to listen; anywhere if `None`.
    listen: Option<Vec<Permit>>,
}

impl Forwarding {
    /// Takes an option, its name in lower case. `Ok(false)`: it is none of these.
    pub(crate) fn set(&mut self, key: &str, text: &str) -> Result<bool, String> {
        match key {
            "allowtcpforwarding" => self.tcp = ways(text)?,
            "allowstreamlocalforwarding" => self.unix = ways(text)?,
            "allowagentforwarding" => self.agent = flag(text)?,
            "x11forwarding" => self.display = flag(text)?,
            "x11uselocalhost" if !flag(text)? => return Err("displays are for this machine alone".to_owned()),
            "x11uselocalhost" => {}
            "xauthlocation" => self.xauth = Some(text.into()),
            "disableforwarding" => self.disabled = flag(text)?,
            "permitopen" => self.open = permits(text, false)?,
            "permitlisten" => self.listen = permits(text, true)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Nothing is forwarded, whatever else is said.
    pub(crate) fn disable(&mut self) {
        self.disabled = true;
    }

    /// Whether there is anything that may be.
    pub(crate) fn is_any(&self) -> bool {
        let ways = [self.tcp, self.unix].iter().any(|ways| ways.local || ways.remote);
        !self.disabled && (ways || self.agent || self.display)
    }

    /// The program that keeps cookies of displays.
    pub(crate) fn xauth(&self) -> &Path {
        self.xauth.as_deref().unwrap_or_else(|| Path::new("/usr/bin/xauth"))
    }

    /// Whether a client may have this.
    pub(crate) fn permits(&self, wish: &Wish<'_>) -> bool {
        let listed = |list: &Option<Vec<Permit>>, host: &str, port: u16| {
            list.as_ref().is_none_or(|list| list.iter().any(|permit| permit.covers(host.as_bytes(), port)))
        };
        !self.disabled
            && match wish {
                Wish::Connect(Endpoint::Tcp { host, port }) => self.tcp.local && listed(&self.open, host, *port),
                Wish::Connect(Endpoint::Unix(_)) => self.unix.local,
                Wish::Listen(Endpoint::Tcp { host, port }) => self.tcp.remote && listed(&self.listen, host, *port),
                Wish::Listen(Endpoint::Unix(_)) => self.unix.remote,
                Wish::Agent => self.agent,
                Wish::Display => self.display,
            }
    }
}

fn ways(text: &str) -> Result<Ways, String> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "local" => Ways { local: true, remote: false },
        "remote" => Ways { local: false, remote: true },
        "all" => Ways { local: true, remote: true },
        _ => flag(text).map(|both| Ways { local: both, remote: both })?,
    })
}

/// Hosts with ports, `any` or `none`; `bare` lets a port stand alone.
fn permits(text: &str, bare: bool) -> Result<Option<Vec<Permit>>, String> {
    let read = |word: &str| {
        Permit::read(word.as_bytes(), bare).ok_or_else(|| format!("\"{word}\" is not of the form HOST:PORT"))
    };
    match text.split_ascii_whitespace().collect::<Vec<_>>()[..] {
        [] => Err("a value is missing".to_owned()),
        ["any"] => Ok(None),
        ["none"] => Ok(Some(Vec::new())),
        ref words => words.iter().map(|word| read(word)).collect::<Result<_, _>>().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::Forwarding;
    use sanssh_std::{Endpoint, Wish};
    use std::path::Path;

    fn forwarding(options: &[(&str, &str)]) -> Forwarding {
        let mut forwarding = Forwarding::default();
        for (key, text) in options {
            assert_eq!(forwarding.set(key, text), Ok(true), "{key} {text}");
        }
        forwarding
    }

    /// What of connecting and listening by TCP, to port 1 of `a`, then by Unix sockets, then of agent and display is
    /// permitted, a letter each.
    fn permitted(options: &[(&str, &str)]) -> String {
        let forwarding = forwarding(options);
        let (tcp, unix) = (Endpoint::from(("a", 1)), Endpoint::from(Path::new("/a")));
        let wishes = [
            Wish::Connect(&tcp),
            Wish::Listen(&tcp),
            Wish::Connect(&unix),
            Wish::Listen(&unix),
            Wish::Agent,
            Wish::Display,
        ];
        wishes
            .iter()
            .zip("clCLad".chars())
            .filter(|(wish, _)| forwarding.permits(wish))
            .map(|(_, letter)| letter)
            .collect()
    }

    #[test]
    fn nothing_is_permitted_that_nobody_allowed() {
        for (options, expected) in [
            (&[][..], ""),
            (&[("permitopen", "any"), ("permitlisten", "any")], ""),
            (&[("allowtcpforwarding", "yes")], "cl"),
            (&[("allowtcpforwarding", "Local")], "c"),
            (&[("allowtcpforwarding", "remote"), ("allowstreamlocalforwarding", "local")], "lC"),
            (&[("allowstreamlocalforwarding", "all")], "CL"),
            (&[("allowagentforwarding", "yes")], "a"),
            (&[("x11forwarding", "yes"), ("x11uselocalhost", "yes")], "d"),
            (&[("x11forwarding", "yes"), ("allowagentforwarding", "yes"), ("disableforwarding", "yes")], ""),
            (&[("allowtcpforwarding", "yes"), ("disableforwarding", "yes")], ""),
            (&[("allowtcpforwarding", "yes"), ("permitopen", "none")], "l"),
            (&[("allowtcpforwarding", "yes"), ("permitopen", "b:* a:2")], "l"),
            (&[("allowtcpforwarding", "yes"), ("permitopen", "b:1 a:*"), ("permitlisten", "2")], "c"),
            (&[("allowtcpforwarding", "yes"), ("permitlisten", "1")], "cl"),
        ] {
            assert_eq!(permitted(options), expected, "{options:?}");
            assert!(forwarding(options).is_any() || expected.is_empty());
        }
    }

    #[test]
    fn mistakes_are_told() {
        for (key, text) in [
            ("allowtcpforwarding", "some"),
            ("permitopen", ""),
            ("permitopen", "22"),
            ("permitopen", "any a:1"),
            ("permitlisten", "a:0"),
            ("x11uselocalhost", "no"),
        ] {
            assert!(Forwarding::default().set(key, text).is_err(), "{key} {text}");
        }
        assert_eq!(Forwarding::default().set("port", "1"), Ok(false));
    }
}
