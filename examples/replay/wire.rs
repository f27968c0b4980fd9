//! One direction of a session as it is on the line, opened packet by packet: the core's tap, whatever its role.

use crate::known::Keys;
use sanssh_core::algorithm::Zip;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::role::Role;
use sanssh_core::transport::{Heard, Suite, Tap};
use sanssh_core::{Error, Input};

/// Longest packet that is believed in; a recorded machine has accepted or made it.
const LONGEST: u32 = 16 << 20;
/// Memory for one payload that was compressed.
const EXPANDED: usize = 16 << 20;

/// A packet or a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// The identification, or a line before it.
    Line(Vec<u8>),
    /// A packet: its number, and its payload.
    Message(u32, Vec<u8>),
}

/// One direction.
pub(crate) trait Wire {
    /// These bytes were on the line.
    fn put(&mut self, bytes: &[u8]);
    /// The next piece, if all of it is there.
    fn next(&mut self) -> Result<Option<Piece>, Error>;
    /// What follows is under these keys.
    fn rekey(&mut self, keys: &Keys, zip: Zip, strict: bool) -> Result<(), Error>;
    /// The login is done.
    fn log_in(&mut self);
}

/// What the end of role `R` receives.
pub(crate) struct Towards<R: Role> {
    tap: Tap<R, Fast>,
    bytes: Vec<u8>,
    /// Memory for what expands, once something does.
    inflate: Vec<u8>,
}

impl<R: Role> Towards<R> {
    pub(crate) fn new() -> Self {
        Self { tap: Tap::new(), bytes: Vec::new(), inflate: Vec::new() }
    }
}

impl<R: Role> Wire for Towards<R> {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn next(&mut self) -> Result<Option<Piece>, Error> {
        let mut input = Input::new(&mut self.bytes).with_inflate(&mut self.inflate);
        let heard = match self.tap.next(&mut input, LONGEST)? {
            Some(Heard::Ident) => Some(None),
            Some(Heard::Text(line)) => Some(Some(Piece::Line(line.to_vec()))),
            Some(Heard::Packet { sequence, number, body }) => {
                Some(Some(Piece::Message(sequence, [&[number], body].concat())))
            }
            None => None,
        };
        let taken = input.taken();
        self.bytes.drain(..taken);
        Ok(heard.map(|piece| piece.unwrap_or_else(|| Piece::Line(self.tap.ident().to_vec()))))
    }

    fn rekey(&mut self, keys: &Keys, zip: Zip, strict: bool) -> Result<(), Error> {
        if zip != Zip::None {
            self.inflate.resize(EXPANDED, 0);
        }
        self.tap.rekey(Suite { cipher: keys.cipher, mac: keys.mac, zip }, &keys.keys, strict)
    }

    fn log_in(&mut self) {
        self.tap.log_in();
    }
}
