//! How the private part of an OpenSSH key file is locked: no cipher at all, or a cipher keyed by bcrypt from a
//! passphrase (OpenSSH PROTOCOL.key).

use super::private::MAX_ROUNDS;
use super::{KeyError, Unsupported};
use crate::algorithm::Cipher;
use crate::wire::Reader;
use aes::{Aes128, Aes256};
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use alloc::vec;
use bcrypt_pbkdf::bcrypt_pbkdf;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use zeroize::Zeroizing;

/// What protects the private part.
pub(super) enum Lock<'a> {
    /// Nothing.
    Open,
    /// A passphrase.
    Passphrase { cipher: Cipher, salt: &'a [u8], rounds: u32 },
}

/// Ciphers that files are known to use and that are not here, for the error to name.
const OTHER_CIPHERS: &[&str] = &[
    "3des-cbc",
    "aes128-cbc",
    "aes192-cbc",
    "aes256-cbc",
    "aes192-ctr",
    "chacha20-poly1305@openssh.com",
    "rijndael-cbc@lysator.liu.se",
];

impl<'a> Lock<'a> {
    /// Reads the names and options in front of the private part. A cipher without a key derivation, or the reverse, is
    /// damage.
    pub(super) fn decode(cipher: &[u8], kdf: &[u8], options: &'a [u8]) -> Result<Self, KeyError> {
        match (cipher, kdf) {
            (b"none", b"none") if options.is_empty() => Ok(Self::Open),
            (b"none", _) | (_, b"none") => Err(KeyError::Damaged),
            (cipher, b"bcrypt") => Self::bcrypt(cipher, options),
            _ => Err(Unsupported::Kdf.into()),
        }
    }

    fn bcrypt(cipher: &[u8], options: &'a [u8]) -> Result<Self, KeyError> {
        let cipher = supported(cipher)?;
        let mut reader = Reader::new(options);
        let (salt, rounds) = (reader.string()?, reader.u32()?);
        reader.end()?;
        if salt.is_empty() || rounds == 0 {
            return Err(KeyError::Damaged);
        }
        if rounds > MAX_ROUNDS {
            return Err(Unsupported::Rounds(rounds).into());
        }
        Ok(Self::Passphrase { cipher, salt, rounds })
    }

    /// What the length of the private part is a multiple of.
    pub(super) const fn block(&self) -> usize {
        match self {
            Self::Open => 8,
            Self::Passphrase { .. } => 16,
        }
    }

    /// Bytes of tag behind the private part.
    pub(super) const fn tag(&self) -> usize {
        match self {
            Self::Passphrase { cipher, .. } if cipher.is_aead() => 16,
            Self::Open | Self::Passphrase { .. } => 0,
        }
    }

    /// What it means when the private part makes no sense.
    pub(super) const fn senseless(&self) -> KeyError {
        match self {
            Self::Open => KeyError::Damaged,
            Self::Passphrase { .. } => KeyError::WrongPassphrase,
        }
    }

    /// Decrypts the private part in place. That the passphrase was right is certain only with a tag.
    pub(super) fn open(&self, passphrase: Option<&[u8]>, part: &mut [u8], tag: &[u8]) -> Result<(), KeyError> {
        let Self::Passphrase { cipher, salt, rounds } = self else { return Ok(()) };
        // OpenSSH makes no keys with an empty passphrase: to it that means "unencrypted".
        let passphrase = passphrase.filter(|bytes| !bytes.is_empty()).ok_or(KeyError::Encrypted)?;
        let mut derived = Zeroizing::new(vec![0; cipher.key_len().saturating_add(cipher.iv_len())]);
        bcrypt_pbkdf(passphrase, salt, *rounds, &mut derived).map_err(|_| KeyError::Damaged)?;
        let (key, iv) = derived.split_at_checked(cipher.key_len()).ok_or(KeyError::Damaged)?;
        decrypt(*cipher, key, iv, part, tag).ok_or(KeyError::WrongPassphrase)
    }
}

fn supported(name: &[u8]) -> Result<Cipher, Unsupported> {
    let name = core::str::from_utf8(name).unwrap_or_default();
    match Cipher::from_name(name) {
        Some(cipher @ (Cipher::Aes128Ctr | Cipher::Aes256Ctr | Cipher::Aes128Gcm | Cipher::Aes256Gcm)) => Ok(cipher),
        _ => Err(Unsupported::Cipher(OTHER_CIPHERS.iter().copied().find(|other| *other == name).unwrap_or("?"))),
    }
}

fn decrypt(cipher: Cipher, key: &[u8], iv: &[u8], part: &mut [u8], tag: &[u8]) -> Option<()> {
    match cipher {
        Cipher::Aes128Ctr => Ctr128BE::<Aes128>::new_from_slices(key, iv).ok()?.apply_keystream(part),
        Cipher::Aes256Ctr => Ctr128BE::<Aes256>::new_from_slices(key, iv).ok()?.apply_keystream(part),
        Cipher::Aes128Gcm => gcm::<Aes128Gcm>(key, iv, part, tag)?,
        Cipher::Aes256Gcm => gcm::<Aes256Gcm>(key, iv, part, tag)?,
        Cipher::ChaCha20Poly1305
        | Cipher::Aes192Ctr
        | Cipher::Aes128Cbc
        | Cipher::Aes192Cbc
        | Cipher::Aes256Cbc
        | Cipher::TripleDesCbc => return None,
    }
    Some(())
}

fn gcm<C: KeyInit + AeadInOut>(key: &[u8], iv: &[u8], part: &mut [u8], tag: &[u8]) -> Option<()> {
    let cipher = C::new_from_slice(key).ok()?;
    cipher.decrypt_inout_detached(iv.try_into().ok()?, &[], part.into(), tag.try_into().ok()?).ok()
}
