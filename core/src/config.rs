//! What the embedder decides once: preferences, sizes, limits and intervals. The default is safe and fit for a host.

use crate::algorithm::Preferences;
use crate::auth::MethodSet;
use core::time::Duration;

/// Configuration of one end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `softwareversion` of the identification line (RFC 4253 §4.2): printable US-ASCII without space or `-`. What may
    /// not stand in the line at all is left out of it.
    pub software: &'static str,
    /// Algorithms, best first. What the provider lacks is left out.
    pub preferences: Preferences,
    /// Largest `packet_length` accepted, in bytes, below 16 MiB. The driver's receive buffer must hold [`PACKET_OVERHEAD`] more.
    /// RFC 4253 §6.1 asks for 35 000 of those who want to talk to everybody.
    pub max_packet: u32,
    /// Receive window of each channel, in bytes: the memory its consumer has.
    pub window: u32,
    /// Largest data field that the peer may send on a channel, in bytes.
    pub max_data: u32,
    /// Fewest bits of an RSA modulus that is trusted.
    pub min_rsa_bits: usize,
    /// Whether to refuse every peer without strict key exchange. Even if not, chacha20-poly1305 and CBC with a MAC over
    /// encrypted packets are never used with one: they are open to the Terrapin attack (CVE-2023-48795).
    pub require_strict: bool,
    /// Server: whether clients may ask for forwarding at all: of ports, Unix sockets, displays and agents. Off, all of it
    /// is refused without a question. A client is open to nothing but what it has asked for, whatever stands here.
    pub forwarding: bool,
    /// When to change keys.
    pub rekey: Rekey,
    /// Deadlines.
    pub deadlines: Deadlines,
    /// Questions to a silent peer.
    pub keepalive: Keepalive,
    /// Limits of authentication.
    pub login: Login,
}

/// Bytes around `packet_length` and its packet: the length field and the longest MAC.
pub const PACKET_OVERHEAD: usize = 4 + 64;

/// The most that stands around a data field within a packet: its length, recipient and kind, and the longest padding.
const DATA_OVERHEAD: u32 = 1 + 13 + 255;

/// When to change keys (RFC 4253 §9, RFC 4344 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rekey {
    /// After so many bytes in one direction, at least one.
    pub bytes: u64,
    /// After so many packets in one direction, at least one and at most 2^31.
    pub packets: u64,
    /// After so much time.
    pub time: Duration,
}

/// How long to wait for the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// For the end of the first key exchange, from the start; the time a client thinks about the host key not counted.
    pub handshake: Duration,
    /// For a successful login, from the start.
    pub login: Duration,
    /// For the end of a later key exchange, from its start.
    pub rekey: Duration,
    /// For the peer's CLOSE after ours, or after its last CLOSE while it owes others.
    pub close: Duration,
}

/// Questions to a silent peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// Silence before each question; zero for none.
    pub interval: Duration,
    /// Unanswered questions after which the connection is over.
    pub count: u32,
}

/// Limits of authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Login {
    /// Server: the methods that are offered at first.
    pub methods: MethodSet,
    /// Server: failed attempts after which the connection is over; the first `none` is free.
    pub max_attempts: u32,
    /// Server: public keys that may be asked about.
    pub max_probes: u32,
    /// Server: largest `packet_length` accepted before the login is done, where [`Config::max_packet`] is not less: what
    /// a stranger can make a driver hold.
    pub max_packet: u32,
    /// Server: how long a failure is withheld, counted from the attempt, so that its time says nothing.
    pub failure_delay: Duration,
    /// Rounds of keyboard-interactive, and password changes asked for, in one connection.
    pub max_rounds: u32,
    /// Client: banners that are shown.
    pub max_banners: u32,
    /// Client: whether a login that no credential earned ends the connection.
    pub require_credential: bool,
}

impl Config {
    /// Takes back promises that a receive buffer of `memory` bytes cannot keep: packets and data fields are no larger than
    /// what fits in it.
    pub fn fit(&mut self, memory: usize) {
        let most = u32::try_from(memory.saturating_sub(PACKET_OVERHEAD)).unwrap_or(u32::MAX);
        self.max_packet = self.max_packet.min(most);
        self.max_data = self.max_data.min(self.max_packet.saturating_sub(DATA_OVERHEAD));
    }
}

impl Keepalive {
    /// How long a peer may be silent or take nothing; `None`: for ever.
    pub fn patience(&self) -> Option<Duration> {
        (!self.interval.is_zero()).then(|| self.interval.saturating_mul(self.count.saturating_add(1)))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            software: concat!("sanssh_", env!("CARGO_PKG_VERSION")),
            preferences: Preferences::default(),
            max_packet: 256 * 1024,
            window: 2 * 1024 * 1024,
            max_data: 32 * 1024,
            min_rsa_bits: 2048,
            require_strict: false,
            forwarding: false,
            rekey: Rekey::default(),
            deadlines: Deadlines::default(),
            keepalive: Keepalive::default(),
            login: Login::default(),
        }
    }
}

impl Default for Rekey {
    /// 1 GiB (RFC 4253 §9), 2^31 packets (RFC 4344 §3.1), one hour.
    fn default() -> Self {
        Self { bytes: 1 << 30, packets: 1 << 31, time: Duration::from_secs(3600) }
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(60),
            login: Duration::from_secs(120),
            rekey: Duration::from_secs(120),
            close: Duration::from_secs(60),
        }
    }
}

impl Default for Keepalive {
    /// None: a line may be dead for hours while nobody needs it.
    fn default() -> Self {
        Self { interval: Duration::ZERO, count: 3 }
    }
}

impl Default for Login {
    fn default() -> Self {
        Self {
            methods: MethodSet::PUBLIC_KEY,
            max_attempts: 6,
            max_probes: 32,
            max_packet: 35_000,
            failure_delay: Duration::from_millis(10),
            max_rounds: 16,
            max_banners: 16,
            require_credential: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Config, DATA_OVERHEAD, Keepalive, PACKET_OVERHEAD};
    use core::time::Duration;

    #[test]
    fn no_more_is_promised_than_fits() {
        let mut config = Config::default();
        config.fit(4096);
        assert_eq!(config.max_packet as usize + PACKET_OVERHEAD, 4096);
        assert_eq!(config.max_data + DATA_OVERHEAD, config.max_packet);
        let before = config.clone();
        config.fit(8192);
        assert_eq!(config, before);
        config.fit(0);
        assert_eq!((config.max_packet, config.max_data), (0, 0));
    }

    #[test]
    fn patience_ends_with_the_last_question() {
        let keepalive = |seconds, count| Keepalive { interval: Duration::from_secs(seconds), count };
        assert_eq!(keepalive(0, 3).patience(), None);
        assert_eq!(keepalive(30, 2).patience(), Some(Duration::from_secs(90)));
    }
}
