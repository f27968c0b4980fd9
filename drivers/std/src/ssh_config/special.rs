//! Values with a form that no other keyword has.

use super::setting::{Setting, Words, is_none, show};
use super::token::{is_name, variables};
use super::value::span;
use core::time::Duration;

/// `AddKeysToAgent`: whether keys of files are given to the agent, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddKeys {
    /// They are not.
    #[default]
    No,
    /// For so long, or for good.
    Yes(Option<Duration>),
    /// If a person agrees.
    Ask,
    /// So that each use is confirmed.
    Confirm(Option<Duration>),
}

impl Setting for AddKeys {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        let word = words.one()?;
        let life = |text: String| span(&text).map(|span| Some(span).filter(|span| !span.is_zero()));
        Ok(match word.to_ascii_lowercase().as_str() {
            "no" | "false" => Self::No,
            "yes" | "true" => Self::Yes(None),
            "ask" => Self::Ask,
            "confirm" => Self::Confirm(words.next().map(life).transpose()?.flatten()),
            _ => Self::Yes(life(word)?),
        })
    }

    fn show(&self, keyword: &str, out: &mut String) {
        match self {
            Self::No => show(keyword, "false", out),
            Self::Yes(None) => show(keyword, "true", out),
            Self::Yes(Some(life)) => show(keyword, life.as_secs(), out),
            Self::Ask => show(keyword, "ask", out),
            Self::Confirm(None) => show(keyword, "confirm", out),
            Self::Confirm(Some(life)) => show(keyword, format_args!("confirm {}", life.as_secs()), out),
        }
    }
}

/// `ForwardAgent`: which agent is lent to the host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ForwardAgent {
    /// None.
    #[default]
    No,
    /// The user's.
    Yes,
    /// The one behind this socket, or behind the one that a variable with `$` in front names.
    Socket(String),
}

impl Setting for ForwardAgent {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        let word = words.one()?;
        match super::value::flag(&word) {
            Ok(false) => Ok(Self::No),
            Ok(true) => Ok(Self::Yes),
            Err(_) => socket(word, words).map(Self::Socket),
        }
    }

    fn show(&self, keyword: &str, out: &mut String) {
        match self {
            Self::No => show(keyword, "no", out),
            Self::Yes => show(keyword, "yes", out),
            Self::Socket(path) => show(keyword, path, out),
        }
    }
}

/// `IdentityAgent`: a socket, `SSH_AUTH_SOCK`, a variable with `$` in front, or `none`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IdentityAgent(pub Option<String>);

impl Setting for IdentityAgent {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        let word = words.one()?;
        socket(word, words).map(Some).map(Self)
    }

    fn show(&self, keyword: &str, out: &mut String) {
        self.0.show(keyword, out);
    }
}

/// A path or variable whose form is right.
fn socket(word: String, words: &Words<'_>) -> Result<String, String> {
    variables(&word, words.env)?;
    match word.strip_prefix('$') {
        Some(name) if !name.starts_with('{') && !is_name(name) => Err(format!("\"{word}\" is no variable")),
        _ => Ok(word),
    }
}

/// `ControlPersist`: how long a shared connection stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ControlPersist {
    /// It does not.
    #[default]
    No,
    /// For good, or for so long when nobody uses it.
    Yes(Option<Duration>),
}

impl Setting for ControlPersist {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        let word = words.one()?;
        Ok(match word.as_str() {
            "no" | "false" => Self::No,
            "yes" | "true" => Self::Yes(None),
            _ => Self::Yes(Some(span(&word)?).filter(|span| !span.is_zero())),
        })
    }

    fn show(&self, keyword: &str, out: &mut String) {
        match self {
            Self::No => show(keyword, "no", out),
            Self::Yes(None) => show(keyword, "yes", out),
            Self::Yes(Some(span)) => show(keyword, span.as_secs(), out),
        }
    }
}

/// `EscapeChar`: what a person types at a line's start to talk to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EscapeChar(pub Option<u8>);

impl Setting for EscapeChar {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        let word = words.one()?;
        match *word.as_bytes() {
            _ if word == "none" => Ok(Self(None)),
            [byte] => Ok(Self(Some(byte))),
            [b'^', byte @ 64..128] => Ok(Self(Some(byte & 31))),
            _ => Err(format!("\"{word}\" is no character")),
        }
    }

    fn show(&self, keyword: &str, out: &mut String) {
        match self.0 {
            None => show(keyword, "none", out),
            Some(byte @ b'!'..=b'~') => show(keyword, char::from(byte), out),
            Some(byte @ 0..=31) => show(keyword, format_args!("\\^{}", char::from(byte | 64)), out),
            Some(byte) => show(keyword, format_args!("\\{byte:03o}"), out),
        }
    }
}

/// Names of services, with their byte in an IP header.
const QOS: [(&str, u8); 27] = [
    ("af11", 0x28),
    ("af12", 0x30),
    ("af13", 0x38),
    ("af21", 0x48),
    ("af22", 0x50),
    ("af23", 0x58),
    ("af31", 0x68),
    ("af32", 0x70),
    ("af33", 0x78),
    ("af41", 0x88),
    ("af42", 0x90),
    ("af43", 0x98),
    ("cs0", 0x00),
    ("cs1", 0x20),
    ("cs2", 0x40),
    ("cs3", 0x60),
    ("cs4", 0x80),
    ("cs5", 0xa0),
    ("cs6", 0xc0),
    ("cs7", 0xe0),
    ("ef", 0xb8),
    ("le", 0x04),
    ("lowdelay", 0x10),
    ("throughput", 0x08),
    ("reliability", 0x04),
    ("lowcost", 0x02),
    ("mincost", 0x02),
];

/// `IPQoS`: the service that packets ask of the network, when somebody types and when not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quality {
    /// With a terminal.
    pub interactive: Option<u8>,
    /// Without one.
    pub bulk: Option<u8>,
}

impl Quality {
    fn byte(word: &str) -> Result<Option<u8>, String> {
        if is_none(word) {
            return Ok(None);
        }
        let named = QOS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, byte)| *byte);
        let hex = || word.strip_prefix("0x").and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let byte = named.or_else(hex).or_else(|| word.parse().ok());
        byte.map(Some).ok_or_else(|| format!("\"{word}\" is no service"))
    }

    fn name(byte: Option<u8>) -> String {
        let Some(byte) = byte else { return "none".to_owned() };
        let named = QOS.iter().find(|(_, known)| *known == byte);
        named.map_or_else(|| format!("0x{byte:02x}"), |(name, _)| (*name).to_owned())
    }
}

impl Setting for Quality {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        let interactive = Self::byte(&words.one()?)?;
        let bulk = words.next().map_or(Ok(interactive), |word| Self::byte(&word))?;
        Ok(Self { interactive, bulk })
    }

    fn show(&self, keyword: &str, out: &mut String) {
        show(keyword, format_args!("{} {}", Self::name(self.interactive), Self::name(self.bulk)), out);
    }
}

/// `StreamLocalBindMask`: the mode bits that new sockets do not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mask(pub u32);

impl Setting for Mask {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        let word = words.one()?;
        let mask = u32::from_str_radix(&word, 8).ok().filter(|mask| *mask <= 0o777);
        mask.map(Self).ok_or_else(|| format!("\"{word}\" is no mask"))
    }

    fn show(&self, keyword: &str, out: &mut String) {
        show(keyword, format_args!("0{:o}", self.0), out);
    }
}

/// `TunnelDevice`: the devices here and there; any for `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Devices(pub Option<u32>, pub Option<u32>);

impl Setting for Devices {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        let word = words.one()?;
        let wrong = || format!("\"{word}\" is no device");
        let device = |text: &str| match text {
            _ if text.eq_ignore_ascii_case("any") => Ok(None),
            _ => text.parse().ok().filter(|device| *device <= 0x7fff_fffd).map(Some).ok_or_else(wrong),
        };
        let (here, there) = word.split_once(':').unwrap_or((&word, "any"));
        Ok(Self(device(here)?, device(there)?))
    }

    fn show(&self, keyword: &str, out: &mut String) {
        let name = |device: Option<u32>| device.map_or_else(|| "any".to_owned(), |device| device.to_string());
        show(keyword, format_args!("{}:{}", name(self.0), name(self.1)), out);
    }
}

/// `PermitRemoteOpen`: where connections from there may lead when they say themselves; `None` for anywhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permitted(pub Option<Vec<String>>);

impl Setting for Permitted {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        let all = words.all()?;
        let is_any = |word: &String| word.eq_ignore_ascii_case("any");
        if all.iter().any(is_any) {
            return if all.len() == 1 { Ok(Self(None)) } else { Err("\"any\" stands alone".to_owned()) };
        }
        let lawful = |word: &str| {
            word.rsplit_once(':').is_some_and(|(host, port)| {
                !host.is_empty() && (port == "*" || super::setting::port(port).is_some_and(|port| port > 0))
            })
        };
        match all.iter().find(|word| !is_none(word) && !lawful(word)) {
            Some(word) => Err(format!("\"{word}\" is not of the form HOST:PORT")),
            None => Ok(Self(Some(all))),
        }
    }

    fn show(&self, keyword: &str, out: &mut String) {
        match &self.0 {
            None => show(keyword, "any", out),
            Some(all) => show(keyword, all.join(" "), out),
        }
    }
}

/// `CanonicalizePermittedCNAMEs`: which names may lead to which.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cnames(pub Vec<(String, String)>);

impl Setting for Cnames {
    fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
        let all = words.all()?;
        let rule = |word: &String| match word.as_str() {
            "*" => Ok(("*".to_owned(), "*".to_owned())),
            _ => {
                let word = word.to_ascii_lowercase();
                let parts = word.split_once(':').filter(|(_, to)| !to.is_empty());
                parts.map(|(from, to)| (from.to_owned(), to.to_owned())).ok_or_else(|| format!("\"{word}\" is no rule"))
            }
        };
        all.iter().filter(|word| !is_none(word)).map(rule).collect::<Result<_, _>>().map(Self)
    }

    /// As OpenSSH spells it.
    fn show(&self, _: &str, out: &mut String) {
        let rules: Vec<_> = self.0.iter().map(|(from, to)| format!("{from}:{to}")).collect();
        show("canonicalizePermittedcnames", if rules.is_empty() { "none".to_owned() } else { rules.join(" ") }, out);
    }
}
