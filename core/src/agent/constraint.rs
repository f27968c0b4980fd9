//! What an ADD request may demand of a key's later use (RFC 9987 §5.2.7), with OpenSSH's
//! `restrict-destination-v00@openssh.com` among it. What is not known here is refused, for a key without it would be
//! weaker than its owner meant it to be.

use crate::wire::{Element, Length, Malformed, Reader, Sequence, Sink};
use core::fmt;

const LIFETIME: u8 = 1;
const CONFIRM: u8 = 2;
const EXTENSION: u8 = 255;
const RESTRICT_DESTINATION: &[u8] = b"restrict-destination-v00@openssh.com";

/// The most destinations of one key, and host keys of one hop. OpenSSH's limit is the same.
const MOST: usize = 1024;

/// What a key may be used for. The default restricts nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Constraints<'a> {
    /// Seconds after which the agent forgets the key.
    pub lifetime: Option<u32>,
    /// A person is asked before each signature.
    pub confirm: bool,
    /// Where the key may be used; `None` for anywhere.
    pub destinations: Option<Destinations<'a>>,
}

/// A list of destinations, any of which will do.
pub type Destinations<'a> = Sequence<'a, Destination<'a>>;

/// A hop that a key may be used for.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'a> {
    /// From where: a host to which the agent is forwarded, or the agent's own if name and keys are empty.
    pub from: Hop<'a>,
    /// To where.
    pub to: Hop<'a>,
}

/// One end of a hop.
#[derive(Clone, Copy)]
pub struct Hop<'a> {
    /// A pattern of user names; empty for any.
    pub user: &'a [u8],
    /// The host's name: for people, and for host certificates.
    pub host: &'a [u8],
    /// The host keys, any of which will do.
    pub keys: Sequence<'a, HopKey<'a>>,
}

/// A key of a host.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HopKey<'a> {
    /// The public key blob.
    pub key: &'a [u8],
    /// Whether it signs certificates of hosts, rather than being a host's own.
    pub authority: bool,
}

impl<'a> Destinations<'a> {
    /// What the constraint holds, as [`encode`](Self::encode) writes it. A hop that contradicts itself, and extensions
    /// of it, are refused.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Self::decode(bytes, MOST)
    }
}

impl<'a> Constraints<'a> {
    /// Reads constraints to the end. One that is not known, or stands twice, makes all of them malformed.
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut all = Self::default();
        while !reader.is_empty() {
            match reader.u8()? {
                LIFETIME if all.lifetime.is_none() => all.lifetime = Some(reader.u32()?),
                CONFIRM if !all.confirm => all.confirm = true,
                EXTENSION if all.destinations.is_none() && reader.string()? == RESTRICT_DESTINATION => {
                    all.destinations = Some(Destinations::read(reader.string()?)?);
                }
                _ => return Err(Malformed),
            }
        }
        Ok(all)
    }

    /// Whether nothing is demanded.
    pub const fn is_none(&self) -> bool {
        self.lifetime.is_none() && !self.confirm && self.destinations.is_none()
    }

    pub(super) fn encode(&self, sink: &mut dyn Sink) {
        if let Some(seconds) = self.lifetime {
            sink.u8(LIFETIME);
            sink.u32(seconds);
        }
        if self.confirm {
            sink.u8(CONFIRM);
        }
        if let Some(destinations) = self.destinations {
            sink.u8(EXTENSION);
            sink.string(RESTRICT_DESTINATION);
            nested(sink, |sink| destinations.encode(sink));
        }
    }
}

impl<'a> Element<'a> for Destination<'a> {
    /// The origin has neither name nor keys, any other end of a hop has both; only the target's user can be named.
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let mut reader = Reader::new(reader.string()?);
        let (from, to) = (Hop::read(reader.string()?)?, Hop::read(reader.string()?)?);
        let extensions = reader.string()?;
        reader.end()?;
        let whole = |hop: &Hop<'_>| !hop.host.is_empty() && !hop.keys.is_empty();
        let sound = from.user.is_empty() && (from.is_origin() || whole(&from)) && whole(&to);
        if sound && extensions.is_empty() { Ok(Self { from, to }) } else { Err(Malformed) }
    }

    fn write(&self, sink: &mut dyn Sink) {
        nested(sink, |sink| {
            nested(sink, |sink| self.from.write(sink));
            nested(sink, |sink| self.to.write(sink));
            sink.string(b"");
        });
    }
}

impl<'a> Hop<'a> {
    /// Where the agent runs.
    pub const ORIGIN: Self = Self { user: b"", host: b"", keys: Sequence::new(&[]) };

    /// Whether this is where the agent runs.
    pub const fn is_origin(&self) -> bool {
        self.host.is_empty() && self.keys.is_empty()
    }

    fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let (user, host, extensions) = (reader.string()?, reader.string()?, reader.string()?);
        let keys = Sequence::decode(reader.rest(), MOST)?;
        let text = !user.contains(&0) && !host.contains(&0);
        if text && extensions.is_empty() { Ok(Self { user, host, keys }) } else { Err(Malformed) }
    }

    fn write(&self, sink: &mut dyn Sink) {
        sink.string(self.user);
        sink.string(self.host);
        sink.string(b"");
        self.keys.encode(sink);
    }
}

impl<'a> Element<'a> for HopKey<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self { key: reader.string()?, authority: reader.u8()? != 0 })
    }

    fn write(&self, sink: &mut dyn Sink) {
        sink.string(self.key);
        sink.u8(u8::from(self.authority));
    }
}

/// A `string` of what `write` writes: it runs twice, and must write the same bytes.
fn nested(sink: &mut dyn Sink, write: impl Fn(&mut dyn Sink)) {
    let mut length = Length::default();
    write(&mut length);
    sink.u32(u32::try_from(length.0).unwrap_or(u32::MAX));
    write(sink);
}

impl fmt::Debug for Hop<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hop({} keys)", self.keys.iter().count())
    }
}

impl fmt::Debug for HopKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HopKey({} bytes, {})", self.key.len(), self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::{Constraints, Destination, Destinations, Hop, HopKey};
    use crate::wire::{Sequence, Sink};
    use alloc::vec::Vec;

    struct Bytes(Vec<u8>);

    impl Sink for Bytes {
        fn put(&mut self, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }
    }

    fn encoded(constraints: &Constraints<'_>) -> Vec<u8> {
        let mut bytes = Bytes(Vec::new());
        constraints.encode(&mut bytes);
        bytes.0
    }

    fn list(destinations: &[Destination<'_>]) -> Vec<u8> {
        encoded(&Constraints { destinations: Some(Destinations::new(destinations)), ..Constraints::default() })
    }

    const KEYS: &[HopKey<'_>] =
        &[HopKey { key: b"a key", authority: false }, HopKey { key: b"a signer", authority: true }];
    const HOST: Hop<'_> = Hop { user: b"", host: b"host", keys: Sequence::new(KEYS) };

    #[test]
    fn what_is_written_is_read() {
        let to = Hop { user: b"git*", ..HOST };
        let hops = [Destination { from: Hop::ORIGIN, to: HOST }, Destination { from: HOST, to }];
        let all = Constraints { lifetime: Some(600), confirm: true, destinations: Some(Destinations::new(&hops)) };
        let bytes = encoded(&all);
        let read = Constraints::decode(&bytes).unwrap();
        assert_eq!((read.lifetime, read.confirm), (Some(600), true));
        let destinations: Vec<_> = read.destinations.unwrap().iter().collect();
        assert!(destinations[0].from.is_origin() && !destinations[1].from.is_origin());
        assert_eq!((destinations[1].to.user, destinations[1].to.host), (&b"git*"[..], &b"host"[..]));
        assert!(destinations[1].to.keys.iter().eq(KEYS.iter().copied()));
        assert_eq!(encoded(&read), bytes);
        assert!(Constraints::decode(&[]).unwrap().is_none());
    }

    #[test]
    fn cuts_are_malformed_everywhere() {
        let bytes = list(&[Destination { from: HOST, to: HOST }]);
        assert!(Constraints::decode(&bytes).is_ok());
        for end in 1..bytes.len() {
            assert!(Constraints::decode(&bytes[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn hops_that_contradict_themselves_are_malformed() {
        let nobody = Hop { keys: Sequence::new(&[]), ..HOST };
        let nameless = Hop { host: b"", ..HOST };
        for (from, to) in [
            (Hop::ORIGIN, Hop::ORIGIN),
            (Hop::ORIGIN, nobody),
            (Hop::ORIGIN, nameless),
            (nobody, HOST),
            (nameless, HOST),
            (Hop { user: b"me", ..HOST }, HOST),
            (Hop::ORIGIN, Hop { host: b"a\0b", ..HOST }),
        ] {
            assert!(Constraints::decode(&list(&[Destination { from, to }])).is_err(), "{from:?} {to:?}");
        }
    }

    #[test]
    fn nothing_unknown_or_doubled_passes() {
        let lifetime = [1, 0, 0, 0, 9];
        assert_eq!(Constraints::decode(&lifetime).unwrap().lifetime, Some(9));
        for bytes in [&[lifetime, lifetime].concat()[..], &[2, 2], &[3, 0, 0, 0, 1], &[0], &[254]] {
            assert!(Constraints::decode(bytes).is_err(), "{bytes:?}");
        }
        let mut unknown = Bytes(b"\xff".to_vec());
        unknown.string(b"sk-provider@openssh.com");
        unknown.string(b"internal");
        assert!(Constraints::decode(&unknown.0).is_err());
    }

    #[test]
    fn the_number_of_destinations_is_limited() {
        let one = Destination { from: Hop::ORIGIN, to: HOST };
        let many = alloc::vec![one; 1025];
        assert!(Constraints::decode(&list(&many[..1024])).is_ok());
        assert!(Constraints::decode(&list(&many)).is_err());
    }
}
