//! What a connection says, read as it leaves: sound packets, messages that are lawful by the table of
//! [`legality`](sanssh_core::wire::legality), and no secret before there are keys and a host key that was accepted.

use crate::packets::{self, Packet};
use sanssh_core::wire::legality::{Phase, Sender, Verdict, verdict};

/// The password, and the signature of a login, of every client that is fuzzed.
pub(super) const SECRET: &[u8] = b"correct horse battery staple";

/// Where the outgoing stream stands.
#[derive(Debug)]
pub(super) struct Watch {
    sender: Sender,
    /// Whether payloads may be compressed once there are keys; these are not read.
    zips: bool,
    greeted: bool,
    /// Between KEXINIT and NEWKEYS.
    offered: bool,
    keyed: bool,
    /// SUCCESS has left, or has come.
    pub(super) logged_in: bool,
    /// A host key was accepted.
    pub(super) trusted: bool,
}

impl Watch {
    pub(super) const fn new(sender: Sender, zips: bool) -> Self {
        Self { sender, zips, greeted: false, offered: false, keyed: false, logged_in: false, trusted: false }
    }

    /// Bytes leave: whole packets, after one whole line.
    pub(super) fn see(&mut self, mut bytes: &[u8]) {
        if !self.greeted && !bytes.is_empty() {
            let end = bytes.windows(2).position(|pair| pair == b"\r\n").expect("the identification comes first, whole");
            assert!(bytes.starts_with(b"SSH-2.0-") && end <= 253, "an identification");
            self.greeted = true;
            bytes = &bytes[end + 2..];
        }
        while !bytes.is_empty() {
            let packet = packets::first(bytes, self.keyed).expect("whole packets");
            self.frame(bytes, &packet);
            let secret = packet.payload.windows(SECRET.len()).any(|window| window == SECRET);
            assert!(!secret || self.keyed && self.trusted, "a secret leaves too early");
            bytes = &bytes[packet.end..];
            if !(self.keyed && self.zips) {
                self.message(packet.number());
            }
        }
    }

    fn frame(&self, bytes: &[u8], packet: &Packet<'_>) {
        let length = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        let padded = if self.keyed { length } else { length + 4 };
        assert!(padded.is_multiple_of(8) && bytes[4] >= 4, "{length} bytes with {} of padding", bytes[4]);
        assert!(!packet.payload.is_empty() && packet.payload.len() <= 1 << 18, "{} bytes", packet.payload.len());
    }

    fn message(&mut self, number: u8) {
        let lawful =
            |phases: &[Phase]| phases.iter().any(|phase| verdict(*phase, self.sender, number) == Verdict::Lawful);
        let fits = match (self.offered, self.keyed) {
            (false, false) => lawful(&[Phase::Start]),
            (true, false) => lawful(&[Phase::Group, Phase::GroupExchange, Phase::Exchange, Phase::NewKeys]),
            (true, true) => {
                lawful(&[Phase::RekeyGroup, Phase::RekeyGroupExchange, Phase::RekeyExchange, Phase::RekeyNewKeys])
            }
            (false, true) if self.logged_in => lawful(&[Phase::Connected]),
            (false, true) => lawful(&[Phase::Service, Phase::Login]),
        };
        assert!(fits, "message {number} leaves in {self:?}");
        match number {
            20 => self.offered = true,
            21 => {
                self.offered = false;
                self.keyed = true;
            }
            52 => self.logged_in = true,
            50 | 61 => assert!(self.trusted, "a login for a host that was not accepted"),
            _ => {}
        }
    }
}
