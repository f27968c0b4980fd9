//! Negotiation (RFC 4253 §7.1, RFC 8308 §2.1, strict key exchange): our KEXINIT, and what both KEXINITs come to.
//!
//! Our KEXINIT is a function of configuration, role and cookie, so only the cookie is kept.

use super::packet::Sealing;
use super::{AGENT_FORWARD, HOSTBOUND};
use crate::Output;
use crate::algorithm::{Cipher, HostKey, Kex, Mac, Preferences, Zip};
use crate::config::Config;
use crate::crypto::Provider;
use crate::crypto::schedule::Direction;
use crate::error::{Choice, Refused};
use crate::role::Role;
use crate::seed::Random;
use crate::wire::transport::{ExtInfo, KexInit};
use crate::wire::{Message, Names, Sink};

/// The algorithms of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite {
    /// Cipher.
    pub cipher: Cipher,
    /// MAC, unless the cipher authenticates by itself.
    pub mac: Option<Mac>,
    /// Compression.
    pub zip: Zip,
}

impl Suite {
    /// Whether packets may be left out unnoticed where counters do not start with the keys (CVE-2023-48795).
    pub(crate) fn is_exposed(&self) -> bool {
        self.cipher == Cipher::ChaCha20Poly1305 || (self.cipher.is_cbc() && self.mac.is_some_and(Mac::is_etm))
    }
}

/// What was negotiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Key exchange method.
    pub kex: Kex,
    /// Host key algorithm.
    pub host_key: HostKey,
    /// Client to server.
    pub to_server: Suite,
    /// Server to client.
    pub to_client: Suite,
    /// Whether strict key exchange is kept.
    pub strict: bool,
    /// Whether these are the connection's first keys.
    pub first: bool,
}

impl Summary {
    /// The algorithms of one direction.
    pub const fn suite(&self, direction: Direction) -> Suite {
        match direction {
            Direction::ToServer => self.to_server,
            Direction::ToClient => self.to_client,
        }
    }
}

/// Names in `kex_algorithms` that are no algorithms and can never be chosen.
const STRICT_CLIENT: &str = "kex-strict-c-v00@openssh.com";
const STRICT_SERVER: &str = "kex-strict-s-v00@openssh.com";
const EXT_INFO_CLIENT: &str = "ext-info-c";
const EXT_INFO_SERVER: &str = "ext-info-s";

const fn markers(direction: Direction) -> [&'static str; 2] {
    match direction {
        Direction::ToServer => [EXT_INFO_CLIENT, STRICT_CLIENT],
        Direction::ToClient => [EXT_INFO_SERVER, STRICT_SERVER],
    }
}

pub(crate) const fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::ToServer => Direction::ToClient,
        Direction::ToClient => Direction::ToServer,
    }
}

/// What a provider without the keys' cipher lacks.
pub(crate) const fn lacking(direction: Direction) -> Choice {
    match direction {
        Direction::ToServer => Choice::CipherToServer,
        Direction::ToClient => Choice::CipherToClient,
    }
}

/// Our KEXINIT: what is sent, and what enters the exchange hash.
pub(crate) struct Offer<'a> {
    pub(crate) preferences: &'a Preferences,
    pub(crate) cookie: [u8; 16],
    /// The markers belong in the first KEXINIT only.
    pub(crate) first: bool,
}

impl Offer<'_> {
    /// Writes the whole payload.
    pub(crate) fn encode<R: Role, P: Provider>(&self, sink: &mut dyn Sink) {
        let Preferences { kex, host_keys, ciphers, macs, zips, .. } = self.preferences;
        let markers = if self.first { &markers(R::SENDS)[..] } else { &[] };
        let kex = || kex.iter().filter(|kex| P::KEX.contains(kex)).map(|kex| kex.name()).chain(markers.iter().copied());
        let host_keys = || host_keys.iter().filter(|key| signs_or_verifies::<R, P>(**key)).map(|key| key.name());
        let ciphers = || ciphers.iter().filter(|cipher| P::CIPHERS.contains(cipher)).map(|cipher| cipher.name());
        let macs = || macs.iter().filter(|mac| P::MACS.contains(mac)).map(|mac| mac.name());
        let zips = || zips.iter().filter(|zip| P::ZIPS.contains(zip)).map(|zip| zip.name());
        sink.u8(KexInit::NUMBER);
        sink.put(&self.cookie);
        name_list(sink, kex);
        name_list(sink, host_keys);
        for _ in 0..2 {
            name_list(sink, ciphers);
        }
        for _ in 0..2 {
            name_list(sink, macs);
        }
        for _ in 0..2 {
            name_list(sink, zips);
        }
        for _ in 0..2 {
            sink.string(b"");
        }
        sink.u8(0);
        sink.u32(0);
    }
}

/// A client verifies host keys by its provider; a server's host keys sign outside.
fn signs_or_verifies<R: Role, P: Provider>(key: HostKey) -> bool {
    R::SENDS == Direction::ToClient || P::SIGNATURES.contains(&key)
}

/// Writes names as a `name-list`.
fn name_list<'n, I: Iterator<Item = &'n str>>(sink: &mut dyn Sink, names: impl Fn() -> I) {
    let length = names().map(|name| name.len().saturating_add(1)).sum::<usize>().saturating_sub(1);
    sink.u32(u32::try_from(length).unwrap_or(u32::MAX));
    for (i, name) in names().enumerate() {
        if i > 0 {
            sink.u8(b',');
        }
        sink.put(name.as_bytes());
    }
}

/// What the peer's first KEXINIT says besides algorithms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Markers {
    pub(crate) strict: bool,
    pub(crate) ext_info: bool,
}

impl Markers {
    pub(crate) fn of<R: Role>(peer: &KexInit<'_>) -> Self {
        let [ext_info, strict] = markers(opposite(R::SENDS));
        Self { strict: peer.kex.contains(strict.as_bytes()), ext_info: peer.kex.contains(ext_info.as_bytes()) }
    }
}

/// Finds what both sides can do: the client's first that the server has too.
pub(crate) fn agree<R: Role, P: Provider>(
    config: &Config,
    peer: &KexInit<'_>,
    strict: bool,
    first: bool,
) -> Result<Summary, Choice> {
    let Preferences { kex, host_keys, ciphers, macs, zips, .. } = &config.preferences;
    let cipher = |list, choice| {
        choose::<R, _>(ciphers, list, |name| Cipher::from_name(name).filter(|it| P::CIPHERS.contains(it))).ok_or(choice)
    };
    let mac = |cipher: Cipher, list, choice| {
        // An AEAD needs no MAC, so none in common is no failure.
        if cipher.is_aead() {
            return Ok(None);
        }
        let common = choose::<R, _>(macs, list, |name| Mac::from_name(name).filter(|it| P::MACS.contains(it)));
        common.map(Some).ok_or(choice)
    };
    let zip = |list, choice| {
        choose::<R, _>(zips, list, |name| Zip::from_name(name).filter(|it| P::ZIPS.contains(it))).ok_or(choice)
    };
    let kex = choose::<R, _>(kex, peer.kex, |name| Kex::from_name(name).filter(|it| P::KEX.contains(it)));
    let kex = kex.ok_or(Choice::Kex)?;
    let known_key = |name: &str| HostKey::from_name(name).filter(|it| signs_or_verifies::<R, P>(*it));
    let host_key = choose::<R, _>(host_keys, peer.host_key, known_key).ok_or(Choice::HostKey)?;
    let to_server = cipher(peer.cipher_to_server, Choice::CipherToServer)?;
    let to_client = cipher(peer.cipher_to_client, Choice::CipherToClient)?;
    let to_server = Suite {
        cipher: to_server,
        mac: mac(to_server, peer.mac_to_server, Choice::MacToServer)?,
        zip: zip(peer.zip_to_server, Choice::ZipToServer)?,
    };
    let to_client = Suite {
        cipher: to_client,
        mac: mac(to_client, peer.mac_to_client, Choice::MacToClient)?,
        zip: zip(peer.zip_to_client, Choice::ZipToClient)?,
    };
    Ok(Summary { kex, host_key, to_server, to_client, strict, first })
}

/// The first of the client's list that stands in the server's.
fn choose<R: Role, T: Copy + PartialEq>(ours: &[T], theirs: Names<'_>, known: impl Fn(&str) -> Option<T>) -> Option<T> {
    let mut theirs = theirs.iter().filter_map(known);
    match R::SENDS {
        Direction::ToClient => theirs.find(|name| ours.contains(name)),
        // One pass over the peer's list, however long it is.
        Direction::ToServer => {
            let best = theirs.filter_map(|name| ours.iter().position(|own| *own == name)).min();
            best.and_then(|rank| ours.get(rank).copied())
        }
    }
}

/// Whether the peer guessed right: its first key exchange method and host key algorithm are ours too (RFC 4253 §7).
pub(crate) fn guessed_right<R: Role, P: Provider>(preferences: &Preferences, peer: &KexInit<'_>) -> bool {
    let kex = preferences.kex.iter().find(|kex| P::KEX.contains(kex)).map(|kex| kex.name());
    let key = preferences.host_keys.iter().find(|key| signs_or_verifies::<R, P>(**key)).map(|key| key.name());
    peer.kex.iter().next() == kex && peer.host_key.iter().next() == key
}

/// Writes our EXT_INFO (RFC 8308 §3.1, OpenSSH PROTOCOL §1.9).
pub(crate) fn send_extensions<R: Role, P: Provider>(
    config: &Config,
    sealing: &mut Sealing<P::Seal, P::Deflate>,
    random: &mut Random,
    output: &mut Output<'_>,
) -> Result<(), Refused> {
    let Config { preferences, forwarding, .. } = config;
    sealing.write(random, output, &|sink| {
        sink.u8(ExtInfo::NUMBER);
        match R::SENDS {
            Direction::ToClient => {
                sink.u32(3_u32.saturating_add((*forwarding).into()));
                sink.string(b"server-sig-algs");
                name_list(sink, || {
                    let signing =
                        preferences.user_keys.iter().filter(|key| !key.is_certified() && P::SIGNATURES.contains(key));
                    signing.map(|key| key.name())
                });
                sink.string(HOSTBOUND);
                sink.string(b"0");
                sink.string(b"ping@openssh.com");
                sink.string(b"0");
                if *forwarding {
                    sink.string(AGENT_FORWARD);
                    sink.string(b"0");
                }
            }
            Direction::ToServer => {
                sink.u32(1);
                sink.string(b"ext-info-in-auth@openssh.com");
                sink.string(b"0");
            }
        }
    })
}
