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
