//! AES in counter mode (RFC 4344 §4) with a MAC of any implementation, over the plain packet (RFC 4253 §6.4) or over
//! the encrypted one (OpenSSH PROTOCOL §1.5).
//!
//! One key stream runs through all packets of a direction.

use super::lead;
use super::suite::clear_length;
use crate::algorithm::Mac;
use crate::crypto::{DirectionKeys, Forged, HashValue, Shape};
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A keyed MAC.
pub(crate) trait Authenticator {
    /// The code of a sequence number and what follows it.
    fn code(&self, sequence: u32, text: &[u8]) -> HashValue;
}

const BLOCK: usize = 16;

enum Stream {
    Aes128(Ctr128BE<aes::Aes128Enc>),
    Aes256(Ctr128BE<aes::Aes256Enc>),
}

impl Stream {
    fn apply(&mut self, bytes: &mut [u8]) {
        match self {
            Self::Aes128(stream) => stream.apply_keystream(bytes),
            Self::Aes256(stream) => stream.apply_keystream(bytes),
        }
    }
}

/// A key stream and a MAC.
pub(crate) struct CtrMac<A> {
    stream: Stream,
    mac: Mac,
    authenticator: A,
}

impl<A: Authenticator> CtrMac<A> {
    /// With AES-128.
    pub(crate) fn aes128(keys: &DirectionKeys, mac: Mac, authenticator: A) -> Self {
        let stream = Stream::Aes128(KeyIvInit::new((&*lead::<16>(&keys.key)).into(), (&keys.iv).into()));
        Self { stream, mac, authenticator }
    }

    /// With AES-256.
    pub(crate) fn aes256(keys: &DirectionKeys, mac: Mac, authenticator: A) -> Self {
        let stream = Stream::Aes256(KeyIvInit::new((&*lead::<32>(&keys.key)).into(), (&keys.iv).into()));
        Self { stream, mac, authenticator }
    }

    /// The shape of packets: with the MAC over the plain packet, the length is part of the first block.
    pub(crate) const fn shape(&self) -> Shape {
        let etm = self.mac.is_etm();
        Shape { block: BLOCK, length_padded: !etm, tag: self.mac.code_len(), head: if etm { 4 } else { BLOCK } }
    }

    /// Seals a packet; `None` if it has no room for the code.
    pub(crate) fn seal(&mut self, sequence: u32, packet: &mut [u8]) -> Option<()> {
        let end = packet.len().checked_sub(self.mac.code_len())?;
        let (text, tag) = packet.split_at_mut_checked(end)?;
        if self.mac.is_etm() {
            self.stream.apply(text.get_mut(4..)?);
            tag.copy_from_slice(self.authenticator.code(sequence, text).as_bytes());
        } else {
            tag.copy_from_slice(self.authenticator.code(sequence, text).as_bytes());
            self.stream.apply(text);
        }
        Some(())
    }

    /// The length; with the MAC over the plain packet, decrypts the first block for it.
    pub(crate) fn length(&mut self, head: &mut [u8]) -> u32 {
        if !self.mac.is_etm() {
            self.stream.apply(head);
        }
        clear_length(head)
    }

    /// Opens a packet that [`length`](Self::length) has seen.
    pub(crate) fn open(&mut self, sequence: u32, packet: &mut [u8]) -> Result<(), Forged> {
        let end = packet.len().checked_sub(self.mac.code_len());
        let opened = match end.and_then(|end| packet.split_at_mut_checked(end)) {
            Some((text, tag)) if self.mac.is_etm() => self.check_and_decrypt(sequence, text, tag),
            Some((text, tag)) => self.decrypt_and_check(sequence, text, tag),
            None => Err(Forged),
        };
        if opened.is_err() {
            packet.zeroize();
        }
        opened
    }

    fn check_and_decrypt(&mut self, sequence: u32, text: &mut [u8], tag: &[u8]) -> Result<(), Forged> {
        self.check(sequence, text, tag)?;
        self.stream.apply(text.get_mut(4..).ok_or(Forged)?);
        Ok(())
    }

    fn decrypt_and_check(&mut self, sequence: u32, text: &mut [u8], tag: &[u8]) -> Result<(), Forged> {
        self.stream.apply(text.get_mut(BLOCK..).ok_or(Forged)?);
        self.check(sequence, text, tag)
    }

    fn check(&self, sequence: u32, text: &[u8], tag: &[u8]) -> Result<(), Forged> {
        let code = self.authenticator.code(sequence, text);
        if code.as_bytes().ct_eq(tag).into() { Ok(()) } else { Err(Forged) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Authenticator, CtrMac};
    use crate::algorithm::Mac;
    use crate::crypto::soft::hex;
    use crate::crypto::{DirectionKeys, Forged, HashValue};

    /// No MAC worth the name.
    struct Constant;

    impl Authenticator for Constant {
        fn code(&self, _: u32, _: &[u8]) -> HashValue {
            HashValue::new(&[7; 32])
        }
    }

    fn keys(key: &str) -> DirectionKeys {
        let iv = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").try_into().unwrap();
        let mut keys = DirectionKeys { iv, key: [0; 64], mac: [0; 64] };
        keys.key[..32].copy_from_slice(&hex(key));
        keys
    }

    /// NIST SP 800-38A F.5.1 and F.5.5, first block.
    #[test]
    fn key_streams_of_nist() {
        let key = "2b7e151628aed2a6abf7158809cf4f3c00000000000000000000000000000000";
        let mut block = hex("6bc1bee22e409f96e93d7e117393172a");
        CtrMac::aes128(&keys(key), Mac::HmacSha256, Constant).stream.apply(&mut block);
        assert_eq!(block, hex("874d6191b620e3261bef6864990db6ce"));

        let key = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
        let mut block = hex("6bc1bee22e409f96e93d7e117393172a");
        CtrMac::aes256(&keys(key), Mac::HmacSha256, Constant).stream.apply(&mut block);
        assert_eq!(block, hex("601ec313775789a5b7a7f504bbf3d228"));
    }

    #[test]
    fn packets_too_short_are_forged_and_cleared() {
        for mac in [Mac::HmacSha256, Mac::HmacSha256Etm] {
            for length in 0..36 {
                let mut packet = [7; 36];
                let mut opener = CtrMac::aes128(&keys(&"00".repeat(32)), mac, Constant);
                assert_eq!(opener.open(0, &mut packet[..length]), Err(Forged));
                assert_eq!(packet[..length], [0; 36][..length]);
            }
        }
    }
}
