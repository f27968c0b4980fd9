//! AES in counter mode (RFC 4344 §4).

use crate::crypto::DirectionKeys;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};

/// What packets are padded to.
pub(super) const BLOCK: usize = 16;

/// One key stream for all packets of a direction.
pub(super) enum Stream {
    Aes128(Ctr128BE<aes::Aes128Enc>),
    #[cfg(feature = "alloc")]
    Aes192(Ctr128BE<aes::Aes192Enc>),
    Aes256(Ctr128BE<aes::Aes256Enc>),
}

impl Stream {
    pub(super) fn aes128(keys: &DirectionKeys) -> Self {
        Self::Aes128(KeyIvInit::new(keys.key::<16>().into(), (&keys.iv).into()))
    }

    #[cfg(feature = "alloc")]
    pub(super) fn aes192(keys: &DirectionKeys) -> Self {
        Self::Aes192(KeyIvInit::new(keys.key::<24>().into(), (&keys.iv).into()))
    }

    pub(super) fn aes256(keys: &DirectionKeys) -> Self {
        Self::Aes256(KeyIvInit::new(keys.key::<32>().into(), (&keys.iv).into()))
    }

    /// Encrypts, which is also how to decrypt.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        match self {
            Self::Aes128(stream) => stream.apply_keystream(bytes),
            #[cfg(feature = "alloc")]
            Self::Aes192(stream) => stream.apply_keystream(bytes),
            Self::Aes256(stream) => stream.apply_keystream(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Stream;
    use crate::crypto::DirectionKeys;
    use crate::crypto::hex;

    /// NIST SP 800-38A F.5: the first two blocks, in pieces that are none.
    fn encrypts(stream: fn(&DirectionKeys) -> Stream, key: &str, expected: &str) {
        let iv = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").try_into().unwrap();
        let mut keys = DirectionKeys { iv, key: [0; 64], mac: [0; 64] };
        let key = hex(key);
        keys.key[..key.len()].copy_from_slice(&key);
        let mut blocks = hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
        let mut stream = stream(&keys);
        stream.apply(&mut blocks[..5]);
        stream.apply(&mut blocks[5..]);
        assert_eq!(blocks, hex(expected));
    }

    #[test]
    fn key_streams_of_nist() {
        encrypts(
            Stream::aes128,
            "2b7e151628aed2a6abf7158809cf4f3c",
            "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff",
        );
        #[cfg(feature = "alloc")]
        encrypts(
            Stream::aes192,
            "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94",
        );
        encrypts(
            Stream::aes256,
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5",
        );
    }
}
