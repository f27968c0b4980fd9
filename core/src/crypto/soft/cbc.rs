//! AES and triple DES in CBC (RFC 4253 §6.3), for peers that have nothing newer.
//!
//! The last block of a packet is the initial vector of the next one.

use super::composed::Way;
use crate::algorithm::Cipher;
use crate::crypto::DirectionKeys;
use aes::{Aes128Dec, Aes128Enc, Aes192Dec, Aes192Enc, Aes256Dec, Aes256Enc};
use cbc::cipher::{
    Block, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, KeyInit, KeyIvInit,
};
use cbc::{Decryptor, Encryptor};
use des::TdesEde3;

/// One chain of blocks through all packets of a direction.
pub(super) enum Chain {
    Aes128(End<Aes128Enc, Aes128Dec>),
    Aes192(End<Aes192Enc, Aes192Dec>),
    Aes256(End<Aes256Enc, Aes256Dec>),
    TripleDes(End<TdesEde3, TdesEde3>),
}

impl Chain {
    /// `None` for ciphers of another mode.
    pub(super) fn new(cipher: Cipher, way: Way, keys: &DirectionKeys) -> Option<Self> {
        let (key, iv) = (keys.key.get(..cipher.key_len())?, keys.iv.get(..cipher.iv_len())?);
        match cipher {
            Cipher::Aes128Cbc => End::new(way, key, iv).map(Self::Aes128),
            Cipher::Aes192Cbc => End::new(way, key, iv).map(Self::Aes192),
            Cipher::Aes256Cbc => End::new(way, key, iv).map(Self::Aes256),
            Cipher::TripleDesCbc => End::new(way, key, iv).map(Self::TripleDes),
            Cipher::Aes128Ctr | Cipher::Aes192Ctr | Cipher::Aes256Ctr => None,
            Cipher::Aes128Gcm | Cipher::Aes256Gcm | Cipher::ChaCha20Poly1305 => None,
        }
    }

    /// Bytes of a block.
    pub(super) const fn block(&self) -> usize {
        match self {
            Self::Aes128(_) | Self::Aes192(_) | Self::Aes256(_) => 16,
            Self::TripleDes(_) => 8,
        }
    }

    /// Encrypts or decrypts whole blocks; what is left over stays as it is.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        match self {
            Self::Aes128(end) => end.apply(bytes),
            Self::Aes192(end) => end.apply(bytes),
            Self::Aes256(end) => end.apply(bytes),
            Self::TripleDes(end) => end.apply(bytes),
        }
    }
}

/// The end of a chain.
pub(super) enum End<E: BlockCipherEncrypt, D: BlockCipherDecrypt> {
    Seal(Encryptor<E>),
    Open(Decryptor<D>),
}

impl<E: BlockCipherEncrypt + KeyInit, D: BlockCipherDecrypt + KeyInit> End<E, D> {
    fn new(way: Way, key: &[u8], iv: &[u8]) -> Option<Self> {
        match way {
            Way::Seal => KeyIvInit::new_from_slices(key, iv).map(Self::Seal).ok(),
            Way::Open => KeyIvInit::new_from_slices(key, iv).map(Self::Open).ok(),
        }
    }

    fn apply(&mut self, bytes: &mut [u8]) {
        match self {
            Self::Seal(chain) => chain.encrypt_blocks(Block::<E>::slice_as_chunks_mut(bytes).0),
            Self::Open(chain) => chain.decrypt_blocks(Block::<D>::slice_as_chunks_mut(bytes).0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Chain, Way};
    use crate::algorithm::Cipher;
    use crate::crypto::DirectionKeys;
    use crate::crypto::hex;

    /// Two packets one after the other, there and back.
    fn chained(cipher: Cipher, [key, iv, plain, sealed]: [&str; 4]) {
        let mut keys = DirectionKeys { iv: [0; 16], key: [0; 64], mac: [0; 64] };
        keys.key[..cipher.key_len()].copy_from_slice(&hex(key));
        keys.iv[..cipher.iv_len()].copy_from_slice(&hex(iv));
        for (way, from, to) in [(Way::Seal, plain, sealed), (Way::Open, sealed, plain)] {
            let mut chain = Chain::new(cipher, way, &keys).unwrap();
            let (mut bytes, block) = (hex(from), chain.block());
            let (first, rest) = bytes.split_at_mut(block);
            chain.apply(first);
            chain.apply(rest);
            assert_eq!(bytes, hex(to), "{cipher}");
            let mut short = [7; 7];
            chain.apply(&mut short);
            assert_eq!(short, [7; 7]);
        }
    }

    /// NIST SP 800-38A F.2, of which three blocks, and NIST's example of triple DES.
    #[test]
    fn chains_of_nist() {
        let iv = "000102030405060708090a0b0c0d0e0f";
        let plain = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52ef";
        let rows = [
            (
                Cipher::Aes128Cbc,
                "2b7e151628aed2a6abf7158809cf4f3c",
                "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b273bed6b8e3c1743b7116e69e22229516",
            ),
            (
                Cipher::Aes192Cbc,
                "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
                "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a571b242012fb7ae07fa9baac3df102e0",
            ),
            (
                Cipher::Aes256Cbc,
                "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
                "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d39f23369a9d9bacfa530e26304231461",
            ),
        ];
        for (cipher, key, sealed) in rows {
            chained(cipher, [key, iv, plain, sealed]);
        }
        let key = "0123456789abcdef23456789abcdef01456789abcdef0123";
        let sealed = "2079c3d53aa763e193b79e2569ab5262516570481f25b50f73c0bda85c8e0da7";
        chained(Cipher::TripleDesCbc, [key, "f69f2445df4f9b17", &plain[..64], sealed]);
    }
}
