//! The server's side of SOCKS, as `ssh -D` offers it: versions 4, 4a and 5 (RFC 1928), CONNECT only, without
//! authentication, for it listens on the user's own machine.
//!
//! ```text
//! version 5: greeting -> method chosen -> request -> connect -> reply
//! version 4:                              request -> connect -> reply
//! ```

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest request: version 4a with a user and a host of 255 bytes each, and their ends.
const LONGEST: usize = 8 + 256 + 256;
/// The longest user or host.
const LONGEST_NAME: usize = 255;
const CONNECT: u8 = 1;

/// One program's dialogue, up to the reply; what follows is not SOCKS any more.
#[derive(Debug)]
pub struct Socks {
    have: usize,
    bytes: [u8; LONGEST],
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Version,
    Version4,
    Greeting,
    Version5,
    /// The request is there.
    Asked(Version),
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Four,
    Five,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// More bytes are needed.
    More,
    /// These are to be sent, and then more bytes are needed.
    Send(&'static [u8]),
    /// The program wants to be connected; answer with [`granted`](Socks::granted) or [`refused`](Socks::refused).
    Connect(Host<'a>, u16),
    /// This cannot be; what is left to do is to send these bytes and to close.
    Refuse(&'static [u8]),
}

/// Whom a program wants to be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host<'a> {
    /// A name, of visible US-ASCII characters.
    Name(&'a [u8]),
    /// An address.
    Address(IpAddr),
}

/// Why a program is not connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The server does not allow it.
    Prohibited,
    /// The host could not be reached.
    Unreachable,
    /// Anything else.
    Failed,
}

impl Default for Socks {
    fn default() -> Self {
        Self::new()
    }
}

impl Socks {
    /// Nothing has been said.
    pub const fn new() -> Self {
        Self { have: 0, bytes: [0; LONGEST], state: State::Version }
    }

    /// Takes bytes from the front, as many as the next step needs; how many, and the step. What is behind the request is
    /// not taken: it is for the host.
    pub fn take(&mut self, bytes: &[u8]) -> (usize, Step<'_>) {
        let mut taken = 0_usize;
        let mut rest = bytes.iter();
        loop {
            if let Some(reply) = self.advance() {
                return (taken, reply);
            }
            if let State::Asked(version) = self.state {
                return (taken, self.request(version));
            }
            let (Some(byte), Some(place)) = (rest.next(), self.bytes.get_mut(self.have)) else {
                return (taken, if self.have < LONGEST { Step::More } else { self.refuse(&[]) });
            };
            *place = *byte;
            self.have = self.have.saturating_add(1);
            taken = taken.saturating_add(1);
        }
    }

    /// The program is connected: what it is to be told.
    pub const fn granted(&mut self) -> &'static [u8] {
        let version = self.state;
        self.state = State::Over;
        match version {
            State::Asked(Version::Four) => &[0, 90, 0, 0, 0, 0, 0, 0],
            State::Asked(Version::Five) => &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0],
            State::Version | State::Version4 | State::Greeting | State::Version5 | State::Over => &[],
        }
    }

    /// The program is not connected: what it is to be told.
    pub const fn refused(&mut self, why: Refusal) -> &'static [u8] {
        let version = self.state;
        self.state = State::Over;
        match (version, why) {
            (State::Asked(Version::Four), _) => FOUR_REFUSED,
            (State::Asked(Version::Five), Refusal::Prohibited) => &[5, 2, 0, 1, 0, 0, 0, 0, 0, 0],
            (State::Asked(Version::Five), Refusal::Unreachable) => &[5, 4, 0, 1, 0, 0, 0, 0, 0, 0],
            (State::Asked(Version::Five), Refusal::Failed) => &[5, 1, 0, 1, 0, 0, 0, 0, 0, 0],
            (State::Version | State::Version4 | State::Greeting | State::Version5 | State::Over, _) => &[],
        }
    }

    fn said(&self) -> &[u8] {
        self.bytes.get(..self.have).unwrap_or(&self.bytes)
    }

    fn refuse(&mut self, reply: &'static [u8]) -> Step<'static> {
        self.state = State::Over;
        Step::Refuse(reply)
    }

    /// Moves on as far as what was said goes; a step if there is something to tell.
    fn advance(&mut self) -> Option<Step<'static>> {
        match (self.state, self.said()) {
            (State::Version, [4, ..]) => self.state = State::Version4,
            (State::Version, [5, ..]) => self.state = State::Greeting,
            (State::Version, [_, ..]) => return Some(self.refuse(&[])),
            (State::Version4, [4, command, _, _, address @ ..]) => {
                if *command != CONNECT {
                    return Some(self.refuse(FOUR_REFUSED));
                }
                let (address, text) = address.split_first_chunk::<4>()?;
                let texts = if has_name(*address) { 2 } else { 1 };
                match ends(text, texts) {
                    Ok(true) => self.state = State::Asked(Version::Four),
                    Ok(false) => {}
                    Err(TooLong) => return Some(self.refuse(FOUR_REFUSED)),
                }
            }
            (State::Greeting, [5, count, methods @ ..]) if methods.len() >= usize::from(*count) => {
                let known = methods.contains(&0);
                self.have = 0;
                self.state = State::Version5;
                return Some(if known { Step::Send(&[5, 0]) } else { self.refuse(&[5, 0xff]) });
            }
            (State::Version5, [version, command, _, kind, address @ ..]) => {
                let length = match (kind, address) {
                    _ if *version != 5 => return Some(self.refuse(&[])),
                    _ if *command != CONNECT => return Some(self.refuse(&[5, 7, 0, 1, 0, 0, 0, 0, 0, 0])),
                    (1, _) => 4,
                    (4, _) => 16,
                    (3, []) => return None,
                    (3, [length, ..]) => usize::from(*length).saturating_add(1),
                    _ => return Some(self.refuse(&[5, 8, 0, 1, 0, 0, 0, 0, 0, 0])),
                };
                if address.len() >= length.saturating_add(2) {
                    self.state = State::Asked(Version::Five);
                }
            }
            (State::Over, _) => return Some(Step::Refuse(&[])),
            (State::Version | State::Version4 | State::Greeting | State::Version5 | State::Asked(_), _) => {}
        }
        None
    }

    /// What is asked for, once all of it is there.
    fn request(&mut self, version: Version) -> Step<'_> {
        if version.read(self.said()).is_none() {
            return Step::Refuse(self.refused(Refusal::Failed));
        }
        version.read(self.said()).map_or(Step::Refuse(&[]), |(host, port)| Step::Connect(host, port))
    }
}

impl Version {
    fn read(self, said: &[u8]) -> Option<(Host<'_>, u16)> {
        match self {
            Self::Four => four(said),
            Self::Five => five(said),
        }
    }
}

const FOUR_REFUSED: &[u8] = &[0, 91, 0, 0, 0, 0, 0, 0];

/// A text longer than it may be.
struct TooLong;

/// Version 4a marks by an address that nobody has that a name follows.
const fn has_name(address: [u8; 4]) -> bool {
    matches!(address, [0, 0, 0, last] if last > 0)
}

/// Whether so many texts, each with its NUL, are complete.
fn ends(text: &[u8], texts: usize) -> Result<bool, TooLong> {
    let mut parts = text.split(|byte| *byte == 0);
    if parts.clone().any(|part| part.len() > LONGEST_NAME) {
        return Err(TooLong);
    }
    // Behind the last NUL stands one more part, of nothing yet.
    Ok(parts.by_ref().count() > texts)
}

fn four(said: &[u8]) -> Option<(Host<'_>, u16)> {
    let [4, _, high, low, rest @ ..] = said else { return None };
    let (address, text) = rest.split_first_chunk::<4>()?;
    let host = if has_name(*address) {
        name(text.split(|byte| *byte == 0).nth(1)?)?
    } else {
        Host::Address(Ipv4Addr::from(*address).into())
    };
    Some((host, u16::from_be_bytes([*high, *low])))
}

fn five(said: &[u8]) -> Option<(Host<'_>, u16)> {
    let [5, _, _, kind, rest @ ..] = said else { return None };
    let (host, port) = match (kind, rest) {
        (1, _) => rest
            .split_first_chunk::<4>()
            .map(|(address, port)| (Host::Address(Ipv4Addr::from(*address).into()), port))?,
        (4, _) => rest
            .split_first_chunk::<16>()
            .map(|(address, port)| (Host::Address(Ipv6Addr::from(*address).into()), port))?,
        (3, [length, rest @ ..]) => {
            let (text, port) = rest.split_at_checked(usize::from(*length))?;
            (name(text)?, port)
        }
        _ => return None,
    };
    Some((host, u16::from_be_bytes(port.try_into().ok()?)))
}

/// What is no name is not passed on: hosts are looked up, logged and compared by programs that trust a line to be one.
fn name(text: &[u8]) -> Option<Host<'_>> {
    (!text.is_empty() && text.iter().all(u8::is_ascii_graphic)).then_some(Host::Name(text))
}

#[cfg(test)]
mod tests {
    use super::{Host, Refusal, Socks, Step};
    use alloc::string::String;
    use alloc::vec::Vec;

    /// Feeds `bytes` whole and one by one: what was sent meanwhile, and the last step in words; all else is left.
    fn talk(bytes: &[u8]) -> (Vec<u8>, String, usize) {
        let whole = run(bytes, bytes.len());
        assert_eq!(whole, run(bytes, 1), "{bytes:?}");
        whole
    }

    fn run(bytes: &[u8], at_a_time: usize) -> (Vec<u8>, String, usize) {
        let (mut socks, mut sent, mut at) = (Socks::new(), Vec::new(), 0);
        loop {
            let end = bytes.len().min(at + at_a_time);
            let (taken, step) = socks.take(&bytes[at..end]);
            at += taken;
            match step {
                Step::More if at == bytes.len() => return (sent, "more".into(), 0),
                Step::More => {}
                Step::Send(reply) => sent.extend_from_slice(reply),
                Step::Connect(host, port) => {
                    let host = match host {
                        Host::Name(name) => alloc::format!("name {}", core::str::from_utf8(name).unwrap()),
                        Host::Address(address) => alloc::format!("{address}"),
                    };
                    return (sent, alloc::format!("{host} {port}"), bytes.len() - at);
                }
                Step::Refuse(reply) => return (sent, alloc::format!("refuse {reply:?}"), 0),
            }
        }
    }

    #[test]
    fn version_4() {
        assert_eq!(talk(b"\x04\x01\x00\x50\xc0\x00\x02\x01me\0GET"), (Vec::new(), "192.0.2.1 80".into(), 3));
        assert_eq!(
            talk(b"\x04\x01\x01\xbb\0\0\0\x01\0host.example\0"),
            (Vec::new(), "name host.example 443".into(), 0)
        );
        let refuse: String = "refuse [0, 91, 0, 0, 0, 0, 0, 0]".into();
        assert_eq!(talk(b"\x04\x02\x00\x50\xc0\x00\x02\x01\0").1, refuse, "BIND");
        assert_eq!(talk(b"\x04\x01\x01\xbb\0\0\0\x01\0\0").1, refuse, "an empty name");
        assert_eq!(talk(b"\x04\x01\x01\xbb\0\0\0\x01\0a b\0").1, refuse, "a name with a space");
        let long = [b"\x04\x01\x01\xbb\0\0\0\x01\0", &[b'a'; 256][..]].concat();
        assert_eq!(talk(&long).1, refuse);
        let longest = [b"\x04\x01\x01\xbb\0\0\0\x01", &[b'u'; 255][..], b"\0", &[b'h'; 255], b"\0"].concat();
        assert_eq!(talk(&longest).1, alloc::format!("name {} 443", "h".repeat(255)));
        for end in 0..9 {
            assert_eq!(talk(&b"\x04\x01\x00\x50\xc0\x00\x02\x01m"[..end]).1, "more");
        }
    }

    #[test]
    fn version_5() {
        let with = |request: &[u8]| [b"\x05\x01\x00", request].concat();
        for (request, words) in [
            (&b"\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x16"[..], "192.0.2.1 22"),
            (b"\x05\x01\x00\x03\x04host\x00\x16", "name host 22"),
            (b"\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x16", "2001:db8::1 22"),
            (b"\x05\x02\x00\x01\xc0\x00\x02\x01\x00\x16", "refuse [5, 7, 0, 1, 0, 0, 0, 0, 0, 0]"),
            (b"\x05\x01\x00\x02", "refuse [5, 8, 0, 1, 0, 0, 0, 0, 0, 0]"),
            (b"\x05\x01\x00\x03\x00\x00\x16", "refuse [5, 1, 0, 1, 0, 0, 0, 0, 0, 0]"),
            (b"\x05\x01\x00\x03\x03a\0b\x00\x16", "refuse [5, 1, 0, 1, 0, 0, 0, 0, 0, 0]"),
            (b"\x04\x01\x00\x01", "refuse []"),
        ] {
            assert_eq!(talk(&with(request)), (alloc::vec![5, 0], words.into(), 0), "{request:?}");
        }
        assert_eq!(talk(b"\x05\x02\x01\x02").1, "refuse [5, 255]", "no method in common");
        assert_eq!(talk(b"\x05\x00").1, "refuse [5, 255]");
        assert_eq!(talk(b"GET / HTTP/1.1\r\n").1, "refuse []");
        let all = [b"\x05\xff", &[0; 255][..], b"\x05\x01\x00\x03\xff", &[b'h'; 255], b"\x00\x16rest"].concat();
        assert_eq!(talk(&all), (alloc::vec![5, 0], alloc::format!("name {} 22", "h".repeat(255)), 4));
    }

    #[test]
    fn what_a_program_is_told() {
        let ask = |bytes: &[u8]| {
            let mut socks = Socks::new();
            let mut rest = bytes;
            while !rest.is_empty() {
                let (taken, _) = socks.take(rest);
                rest = &rest[taken..];
            }
            socks
        };
        let four = || ask(b"\x04\x01\x00\x50\xc0\x00\x02\x01\0");
        let five = || ask(b"\x05\x01\x00\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x16");
        assert_eq!(four().granted(), [0, 90, 0, 0, 0, 0, 0, 0]);
        assert_eq!(four().refused(Refusal::Prohibited), [0, 91, 0, 0, 0, 0, 0, 0]);
        assert_eq!(five().granted(), [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(five().refused(Refusal::Prohibited)[1], 2);
        assert_eq!(five().refused(Refusal::Unreachable)[1], 4);
        assert_eq!(five().refused(Refusal::Failed)[1], 1);
        let mut socks = five();
        socks.granted();
        assert!(socks.granted().is_empty(), "once");
        assert_eq!(socks.take(b"more"), (0, Step::Refuse(&[])));
        assert!(Socks::new().granted().is_empty(), "nobody asked");
    }
}
