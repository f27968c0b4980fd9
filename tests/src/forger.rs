//! A scripted foreign peer that tells the machine under test any lie it likes: it frames, seals and opens packets by
//! itself, and can do the key exchange step by step, or falsify it.
//!
//! It rests on what core makes public (wire messages, the traits of cryptography, transcript and schedule), and takes
//! its cryptography from another provider than the machine's. `R` is the role of the *machine*, so
//! `Forger::<Server>::new(..)` plays a client.
//!
//! ```
//! use sanssh_core::Error;
//! use sanssh_core::role::Server;
//! use sanssh_tests::forger::{Forger, both_ways};
//!
//! both_ways(|feed| {
//!     let mut forger = Forger::<Server>::new(feed).keyed();
//!     let mut frame = forger.line.frame(&[2, 0, 0, 0, 0]);
//!     frame.padding = 3;
//!     forger.send_frame(&frame);
//!     forger.fatal(Error::Malformed(None), &[]);
//! });
//! ```

mod exchange;
mod frame;
mod login;
mod machine;
mod message;
mod offer;
mod stages;
mod verdict;
mod zip;

pub use exchange::Reply;
pub use frame::{CLEAR, Frame, Line};
pub use machine::{Answer, Machine, Policy, Question, Side};
pub use message::{
    Encode, any, blob, channel_open, encode, exec, kex_init, login, password, probe, signed, to_sign, user,
};
pub use offer::{EXTENSIONS, Proposal, STRICT, Suite};
pub use stages::{
    ED25519, IGNORE, METHODS, compressing, debug, fails, greeted, key_a, key_b, offered, p256, ping, served,
    served_with, shared,
};
pub use zip::Zipped;

use exchange::Exchange;
use sanssh_core::Config;
use sanssh_core::algorithm::Preferences;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::schedule::Direction;
use sanssh_core::crypto::soft::Soft;
use sanssh_core::crypto::{HashValue, Provider};
use sanssh_core::file::signing::SigningKey;
use sanssh_core::{Random, Seed};

/// How bytes reach the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// As much as there is in one call.
    Whole,
    /// One byte a call.
    Bytes,
}

/// Runs a case twice: fed in one piece, and byte by byte.
pub fn both_ways(case: impl Fn(Feed)) {
    case(Feed::Whole);
    case(Feed::Bytes);
}

/// Runs a generic case against both roles, both ways.
#[macro_export]
macro_rules! both_roles {
    ($case:ident) => {
        $crate::forger::both_ways($case::<sanssh_core::role::Client>);
        $crate::forger::both_ways($case::<sanssh_core::role::Server>);
    };
}

/// The peer, and the machine it plays with.
#[derive(Debug)]
pub struct Forger<R: Side, P: Provider = Fast, Q: Provider = Soft> {
    /// The machine under test.
    pub machine: Machine<R, P>,
    /// How bytes reach it.
    pub feed: Feed,
    /// Packets both ways.
    pub line: Line<Q>,
    /// What is proposed in the next KEXINIT.
    pub proposal: Proposal,
    /// The identification line, without its end.
    pub ident: Vec<u8>,
    /// The key by which it proves itself when it plays a server.
    pub key: SigningKey,
    /// What the machine sent and was not looked at: sequence numbers and payloads.
    pub heard: Vec<(u32, Vec<u8>)>,
    /// The session identifier.
    pub session: Option<HashValue>,
    exchange: Exchange<Q>,
    random: Random,
}

impl<R: Side, P: Provider, Q: Provider> Forger<R, P, Q> {
    /// A machine that knows every algorithm, which has sent its identification and KEXINIT.
    pub fn new(feed: Feed) -> Self {
        Self::with(feed, Config { preferences: Preferences::legacy(), ..crate::pair::server_config() })
    }

    /// A machine of that configuration.
    pub fn with(feed: Feed, config: Config) -> Self {
        let mut forger = Self {
            machine: Machine::new(config),
            feed,
            line: Line::new(),
            proposal: Proposal::new(Self::is_client(), &Suite::default()),
            ident: b"SSH-2.0-forger".to_vec(),
            key: SigningKey::ed25519(&[7; 32]),
            heard: Vec::new(),
            session: None,
            exchange: Exchange::default(),
            random: Random::new(&Seed::new([3; 32])),
        };
        forger.machine.pump();
        forger.hear();
        forger
    }

    /// Whether the forger plays the client.
    pub fn is_client() -> bool {
        R::SENDS == Direction::ToClient
    }

    /// Proposes these algorithms.
    #[must_use]
    pub fn proposing(mut self, suite: &Suite) -> Self {
        self.proposal = Proposal::new(Self::is_client(), suite);
        self.line.zip.method = suite.zip;
        self
    }

    /// Proposes no strict key exchange.
    #[must_use]
    pub fn lax(mut self) -> Self {
        self.proposal.kex = self.proposal.kex.replace(&format!(",{}", STRICT[usize::from(!Self::is_client())]), "");
        self
    }

    /// Has sent its identification.
    #[must_use]
    pub fn greeted(mut self) -> Self {
        let line = [&self.ident[..], b"\r\n"].concat();
        self.send_bytes(&line);
        self
    }

    /// Has sent its KEXINIT.
    #[must_use]
    pub fn offered(self) -> Self {
        let mut forger = self.greeted();
        forger.send_offer();
        forger
    }

    /// Both shares have been exchanged; its NEWKEYS is due.
    #[must_use]
    pub fn shared(self) -> Self {
        let mut forger = self.offered();
        forger.send_share();
        forger
    }

    /// Both ends are keyed; nothing was said under the keys by the forger.
    #[must_use]
    pub fn keyed(self) -> Self {
        let mut forger = self.shared();
        forger.send_new_keys();
        forger.forget();
        forger
    }

    /// The login has begun: the service is granted.
    #[must_use]
    pub fn served(self) -> Self {
        let mut forger = self.keyed();
        forger.send(&message::service(Self::is_client()));
        forger.forget();
        forger
    }

    /// Logged in.
    #[must_use]
    pub fn authenticated(self) -> Self {
        let mut forger = self.served();
        forger.machine.log_in();
        forger.hear();
        let message = if Self::is_client() { password("user", "right") } else { vec![52] };
        forger.send(&message);
        assert!(forger.machine.ssh.is_logged_in(), "logged in, over: {:?}", forger.machine.over);
        forger.forget();
        forger
    }

    /// Logged in, with a channel; the forger's number for it is 7. Returns the machine's.
    pub fn with_channel(self) -> (Self, u32) {
        let mut forger = self.authenticated();
        let number = forger.open_channel(7);
        forger.forget();
        (forger, number)
    }

    /// Opens a channel under this number; returns the machine's number.
    pub fn open_channel(&mut self, number: u32) -> u32 {
        if Self::is_client() {
            self.send(&channel_open(number, 1 << 20, 1 << 15));
            let (_, payload) = self.heard.iter().find(|(_, it)| it.first() == Some(&91)).expect("a confirmation");
            return u32::from_be_bytes(payload[5..9].try_into().expect("four bytes"));
        }
        self.machine.open();
        self.hear();
        let (_, payload) = self.heard.iter().find(|(_, it)| it.first() == Some(&90)).expect("an open");
        let theirs = u32::from_be_bytes(payload[12..16].try_into().expect("four bytes"));
        self.send(&any(91).u32(theirs).u32(number).u32(1 << 20).u32(1 << 15).done());
        theirs
    }

    /// Sends raw bytes, lets the machine go on, and hears what it says.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        match self.feed {
            Feed::Whole => self.machine.take(bytes),
            Feed::Bytes => bytes.chunks(1).for_each(|byte| self.machine.take(byte)),
        }
        self.hear();
    }

    /// Sends a frame, sealed as it is.
    pub fn send_frame(&mut self, frame: &Frame) {
        let bytes = self.line.seal(frame);
        self.send_bytes(&bytes);
    }

    /// Sends a payload in a sound packet.
    pub fn send(&mut self, payload: &[u8]) {
        let payload = self.line.zip.deflate(payload);
        let frame = self.line.frame(&payload);
        self.send_frame(&frame);
    }

    /// Sends several payloads in one flight.
    pub fn send_all(&mut self, payloads: &[&[u8]]) {
        let mut bytes = Vec::new();
        for payload in payloads {
            let payload = self.line.zip.deflate(payload);
            let frame = self.line.frame(&payload);
            bytes.extend(self.line.seal(&frame));
        }
        self.send_bytes(&bytes);
    }

    /// Lets time pass.
    pub fn wait(&mut self, seconds: u64) {
        self.machine.now = self.machine.now.after(core::time::Duration::from_secs(seconds));
        self.machine.tick();
        self.hear();
    }

    /// Opens what the machine sent.
    pub fn hear(&mut self) {
        self.line.received(&core::mem::take(&mut self.machine.sent));
        while let Some((sequence, payload)) = self.line.open() {
            self.note(&payload);
            self.heard.push((sequence, payload));
        }
    }

    /// Forgets what was heard, and what the machine was told.
    pub fn forget(&mut self) {
        self.heard.clear();
        self.machine.told.clear();
    }

    /// The numbers of the messages heard.
    pub fn numbers(&self) -> Vec<u8> {
        self.heard.iter().filter_map(|(_, payload)| payload.first().copied()).collect()
    }
}
