//! One direction of somebody else's connection, opened by whoever has its keys: a capture, with the secrets that one of its
//! ends gave away (RFC 4253 §4.2 and §6). Packets are opened by what opens those of a connection; nothing is negotiated.

use super::ident::{Ident, Line};
use super::negotiate::{Suite, lacking, opposite};
use super::packet::{Opening, Packet};
use crate::Input;
use crate::crypto::{DirectionKeys, Provider};
use crate::error::Error;
use crate::role::Role;
use core::marker::PhantomData;

/// Opens what the end of role `R` received. When to change keys is the caller's to see: behind each NEWKEYS.
///
/// The keys of a direction come from [`Transcript::finish`](crate::crypto::schedule::Transcript::finish), which wants the
/// secret and what was said in the clear. What the two ends make of the packets is not checked.
pub struct Tap<R, P: Provider> {
    ident: Ident,
    opening: Opening<P::Open, P::Inflate>,
    role: PhantomData<R>,
}

/// What came off the line.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard<'b> {
    /// The identification: [`Tap::ident`] has it.
    Ident,
    /// A server's line before it, without its end.
    Text(&'b [u8]),
    /// A packet.
    Packet {
        /// Its sequence number.
        sequence: u32,
        /// The message number.
        number: u8,
        /// What stands behind the number, expanded.
        body: &'b [u8],
    },
}

impl<R: Role, P: Provider> Tap<R, P> {
    /// Nothing was heard yet.
    pub fn new() -> Self {
        Self { ident: Ident::default(), opening: Opening::new(), role: PhantomData }
    }

    /// Takes the next thing off the input; `None` until more of it is there. Packets longer than `max_packet` are
    /// malformed. After an error there is no going on.
    ///
    /// # Errors
    /// As a connection's end: [`Error::Malformed`], [`Error::Forged`], [`Error::Violation`].
    pub fn next<'b>(&mut self, input: &mut Input<'b>, max_packet: u32) -> Result<Option<Heard<'b>>, Error> {
        if !self.ident.is_complete() {
            return Ok(self.ident.read::<R>(input)?.map(|line| match line {
                Line::Ident => Heard::Ident,
                Line::Text(text) => Heard::Text(text),
            }));
        }
        let packet = self.opening.open(input, max_packet)?;
        Ok(packet.map(|Packet { sequence, number, body }| Heard::Packet { sequence, number, body }))
    }

    /// The identification line without its end; empty until it came.
    pub fn ident(&self) -> &[u8] {
        self.ident.line()
    }

    /// NEWKEYS was heard: what follows is under `keys`, and counted from zero where the exchange was `strict`.
    ///
    /// # Errors
    /// [`Error::Incompatible`]: the provider has not the cipher, or not the MAC.
    pub fn rekey(&mut self, suite: Suite, keys: &DirectionKeys, strict: bool) -> Result<(), Error> {
        let key = P::open(suite.cipher, suite.mac, keys);
        let key = key.ok_or(Error::Incompatible(lacking(opposite(R::SENDS))))?;
        self.opening.rekey(key, suite.zip, strict);
        Ok(())
    }

    /// USERAUTH_SUCCESS was said: delayed compression begins.
    pub fn log_in(&mut self) {
        self.opening.log_in();
    }
}

impl<R: Role, P: Provider> Default for Tap<R, P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R, P: Provider> core::fmt::Debug for Tap<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Tap").finish_non_exhaustive()
    }
}
