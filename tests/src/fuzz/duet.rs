//! Both ends of one connection under fuzz, and the bytes between them, which somebody else may add to.

use super::sides::Acts;
use super::subject::Subject;
use crate::packets;
use core::time::Duration;
use sanssh_core::algorithm::{Preferences, Zip};
use sanssh_core::channel::OpenKind;
use sanssh_core::config::{Keepalive, Rekey};
use sanssh_core::role::{Client, Server};
use sanssh_core::{Config, MIN_OUTPUT};

/// How far a connection has come before the fuzzer has its say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Fresh,
    Keyed,
    LoggedIn,
    Channel,
}

impl Stage {
    pub(super) const fn of(number: u8) -> Self {
        match number & 3 {
            0 => Self::Fresh,
            1 => Self::Keyed,
            2 => Self::LoggedIn,
            _ => Self::Channel,
        }
    }
}

/// Rounds that two honest ends need for anything they do.
const ROUNDS: usize = 200;

/// What differs between cases, as bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traits(pub(super) u8);

impl Traits {
    pub(super) const COMPRESSES: u8 = 1;
    /// Windows and packets are small, and keys change soon.
    pub(super) const SMALL: u8 = 2;
    /// Silence is asked about, strict key exchange is required, a login must be earned, and nothing is forwarded.
    pub(super) const STRICT: u8 = 4;

    const fn has(self, one: u8) -> bool {
        self.0 & one != 0
    }

    fn config(self) -> Config {
        let mut config = crate::pair::server_config();
        config.preferences = Preferences::legacy();
        config.forwarding = !self.has(Self::STRICT);
        if self.has(Self::COMPRESSES) {
            config.preferences.zips = [Zip::Zlib, Zip::ZlibDelayed, Zip::None].into_iter().collect();
        }
        if self.has(Self::SMALL) {
            config.window = 400;
            config.max_data = 150;
            config.max_packet = 35_000;
            config.rekey = Rekey { bytes: 6000, packets: 60, time: Duration::from_secs(600) };
        }
        if self.has(Self::STRICT) {
            config.require_strict = true;
            config.login.require_credential = true;
            config.login.failure_delay = Duration::from_millis(10);
            config.keepalive = Keepalive { interval: Duration::from_secs(15), count: 3 };
        }
        config
    }
}

/// A client, a server, and what is on its way.
#[derive(Debug)]
pub(super) struct Duet {
    pub(super) client: Subject<Client>,
    pub(super) server: Subject<Server>,
}

impl Duet {
    /// Two ends that have come so far.
    pub(super) fn at(stage: Stage, traits: Traits) -> Self {
        let config = traits.config();
        let mut duet = Self { client: Subject::new(config.clone(), 4), server: Subject::new(config, 4) };
        // Both may speak at once, and say who they are before anything else.
        duet.client.flush();
        duet.server.flush();
        if stage >= Stage::Keyed {
            duet.settle();
            let (client, server) = (&duet.client, &duet.server);
            assert!(client.ssh.session_id().is_some() && server.ssh.session_id().is_some(), "{client:?} {server:?}");
        }
        if stage >= Stage::LoggedIn {
            Client::log_in(&mut duet.client, 0).expect("the password may be sent");
            duet.settle();
            assert!(duet.client.ssh.is_logged_in() && duet.server.ssh.is_logged_in());
        }
        if stage >= Stage::Channel {
            duet.client.open(OpenKind::Session);
            duet.settle();
            assert!(duet.client.channels[0].open);
        }
        duet
    }

    /// Carries bytes over until nothing moves.
    pub(super) fn settle(&mut self) {
        for _ in 0..ROUNDS {
            let moved = self.carry_to_server(usize::MAX) + self.carry_to_client(usize::MAX);
            if moved + self.client.flush() + self.server.flush() == 0 {
                return;
            }
        }
        panic!("two ends talk for ever");
    }

    /// The server receives what the client sent, so many bytes of it; how many there were.
    pub(super) fn carry_to_server(&mut self, most: usize) -> usize {
        carry(&mut self.client, &mut self.server, most)
    }

    /// The client receives what the server sent.
    pub(super) fn carry_to_client(&mut self, most: usize) -> usize {
        carry(&mut self.server, &mut self.client, most)
    }
}

fn carry<F: Acts, T: Acts>(from: &mut Subject<F>, to: &mut Subject<T>, most: usize) -> usize {
    let bytes: Vec<u8> = from.sent.drain(..most.min(from.sent.len())).collect();
    to.receive(&bytes);
    bytes.len()
}

/// A packet around a payload, as the peer of a connection would send it that has keys or not.
pub(super) fn packet(payload: &[u8], keyed: bool) -> Vec<u8> {
    if keyed { packets::null_frame(payload) } else { packets::frame(payload) }
}

/// Rooms for output: none, too little for some packets, just enough, and plenty.
pub(super) const ROOMS: [usize; 6] = [0, 64, 300, MIN_OUTPUT, 4096, super::subject::OUTPUT];
