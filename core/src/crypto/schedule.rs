//! The exchange hash and the six keys (RFC 4253 §7.2 and §8), as values that are consumed in order: the hash cannot be
//! had without everything that belongs in it, nor the keys without the hash.

use super::group::Group;
use super::{Digest, DirectionKeys, HashValue, Hashing, Secret};
use crate::algorithm::Hash;
use crate::wire::Sink;
use crate::wire::transport::GroupRequest;
use zeroize::Zeroize;

/// The running exchange hash. Its parts go in as the exchange learns them, in the order of RFC 4253 §8.
#[derive(Clone)]
pub struct Transcript<D>(D);

impl<D: Digest> Transcript<D> {
    /// `V_C` and `V_S`: the identification lines without their ends.
    pub fn new(hash: Hash, client: &[u8], server: &[u8]) -> Option<Self> {
        Some(Self(D::new(hash)?).with_string(client).with_string(server))
    }

    /// A part that enters as a `string`: `I_C`, `I_S`, `K_S`, `Q_C`, `Q_S`, each at its turn.
    #[must_use]
    pub fn with_string(mut self, part: &[u8]) -> Self {
        Hashing(&mut self.0).string(part);
        self
    }

    /// What a group exchange adds in front of the shares (RFC 4419 §3): the request, and the group that it led to.
    #[must_use]
    pub fn with_group(mut self, request: &GroupRequest, group: &Group) -> Self {
        let GroupRequest { min, wanted, max } = *request;
        let mut sink = Hashing(&mut self.0);
        for bits in [min, wanted, max] {
            sink.u32(bits);
        }
        sink.mpint(group.prime());
        sink.mpint(group.generator());
        self
    }

    /// A part of `length` bytes that `write` composes, as a `string`.
    #[must_use]
    pub(crate) fn with_written(mut self, length: usize, write: impl FnOnce(&mut Hashing<'_, D>)) -> Self {
        let mut sink = Hashing(&mut self.0);
        sink.u32(u32::try_from(length).unwrap_or(u32::MAX));
        write(&mut sink);
        self
    }

    /// `K`, the last part: gives `H`, which the server signs, and the schedule. The first `H` of a connection is its
    /// session identifier.
    pub fn finish(self, secret: &Secret, session: Option<HashValue>) -> (HashValue, Schedule<D>) {
        let Self(mut digest) = self;
        secret.encode(&mut Hashing(&mut digest));
        let exchange = digest.finish();
        let mut sink = Hashing(&mut digest);
        secret.encode(&mut sink);
        sink.put(exchange.as_bytes());
        (exchange, Schedule { digest, session: session.unwrap_or(exchange) })
    }
}

impl<D> core::fmt::Debug for Transcript<D> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Transcript")
    }
}

/// What the keys of one exchange are made from. `K` itself is gone by now.
pub struct Schedule<D> {
    /// Has taken `K || H`, with which each derivation begins.
    digest: D,
    session: HashValue,
}

/// The two directions of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Client to server.
    ToServer,
    /// Server to client.
    ToClient,
}

impl<D: Digest> Schedule<D> {
    /// The session identifier.
    pub const fn session_id(&self) -> HashValue {
        self.session
    }

    /// The keys of one direction (RFC 4253 §7.2, letters A to F).
    pub fn keys(&self, direction: Direction) -> DirectionKeys {
        let [iv, key, mac] = match direction {
            Direction::ToServer => *b"ACE",
            Direction::ToClient => *b"BDF",
        };
        let mut keys = DirectionKeys { iv: [0; 16], key: [0; 64], mac: [0; 64] };
        self.derive(iv, &mut keys.iv);
        self.derive(key, &mut keys.key);
        self.derive(mac, &mut keys.mac);
        keys
    }

    /// `HASH(K || H || letter || session_id)`, then `HASH(K || H || all so far)` until there is enough.
    fn derive(&self, letter: u8, out: &mut [u8]) {
        let mut filled = 0;
        while filled < out.len() {
            let mut digest = self.digest.clone();
            let mut sink = Hashing(&mut digest);
            if filled == 0 {
                sink.u8(letter);
                sink.put(self.session.as_bytes());
            } else {
                sink.put(out.get(..filled).unwrap_or_default());
            }
            let mut value = digest.finish();
            for (to, from) in out.iter_mut().skip(filled).zip(value.as_bytes()) {
                *to = *from;
            }
            filled = filled.saturating_add(value.as_bytes().len()).min(out.len());
            value.zeroize();
        }
    }
}

impl<D> core::fmt::Debug for Schedule<D> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Schedule")
    }
}
