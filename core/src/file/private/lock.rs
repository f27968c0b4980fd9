//! How the private part of an OpenSSH key file is locked: not at all, or by a cipher keyed from a passphrase by bcrypt
//! (OpenSSH PROTOCOL.key). Every cipher that OpenSSH writes is read; what is written here is under aes256-ctr.

use super::{CannotWrite, Fault, Locking};
use crate::crypto::lean::chacha;
use crate::file::Unsupported;
use crate::wire::{Malformed, Reader, Sink};
use aes::{Aes128, Aes192, Aes256};
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use alloc::vec;
use alloc::vec::Vec;
use bcrypt_pbkdf::bcrypt_pbkdf;
use cbc::Decryptor;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use ctr::Ctr128BE;
use ctr::cipher::StreamCipher;
use des::TdesEde3;
use zeroize::Zeroizing;

/// The most rounds of bcrypt that are tried. OpenSSH makes keys with 16 or 24; a round takes about 10 ms, so this many
/// keep a host busy for ten seconds and no file keeps it longer.
pub const MAX_ROUNDS: u32 = 1024;

/// A cipher of these files.
pub(super) struct Cipher {
    name: &'static str,
    key: usize,
    iv: usize,
    /// What the length of the private part is a multiple of.
    block: usize,
    /// Bytes of tag behind the private part.
    tag: usize,
    open: Opener,
}

/// Decrypts in place by key and IV; `None` if the tag behind them is wrong.
type Opener = fn(&[u8], &[u8], &mut [u8], &[u8]) -> Option<()>;

const fn row(name: &'static str, (key, iv, block, tag): (usize, usize, usize, usize), open: Opener) -> Cipher {
    Cipher { name, key, iv, block, tag, open }
}

/// The first is for new files.
static CIPHERS: [Cipher; 10] = [
    row("aes256-ctr", (32, 16, 16, 0), ctr::<Ctr128BE<Aes256>>),
    row("aes192-ctr", (24, 16, 16, 0), ctr::<Ctr128BE<Aes192>>),
    row("aes128-ctr", (16, 16, 16, 0), ctr::<Ctr128BE<Aes128>>),
    row("aes256-cbc", (32, 16, 16, 0), cbc::<Decryptor<Aes256>>),
    row("aes192-cbc", (24, 16, 16, 0), cbc::<Decryptor<Aes192>>),
    row("aes128-cbc", (16, 16, 16, 0), cbc::<Decryptor<Aes128>>),
    row("3des-cbc", (24, 8, 8, 0), cbc::<Decryptor<TdesEde3>>),
    row("aes256-gcm@openssh.com", (32, 12, 16, 16), gcm::<Aes256Gcm>),
    row("aes128-gcm@openssh.com", (16, 12, 16, 16), gcm::<Aes128Gcm>),
    row("chacha20-poly1305@openssh.com", (64, 0, 8, 16), chacha),
];

/// What protects the private part.
pub(super) enum Lock<'a> {
    /// Nothing.
    Open,
    /// A passphrase.
    Passphrase { cipher: &'static Cipher, salt: &'a [u8], rounds: u32 },
}

impl<'a> Lock<'a> {
    /// Reads the names and options in front of the private part. A cipher without a key derivation, or the reverse, is
    /// damage.
    pub(super) fn decode(cipher: &[u8], kdf: &[u8], options: &'a [u8]) -> Result<Self, Fault> {
        match (cipher, kdf) {
            (b"none", b"none") if options.is_empty() => Ok(Self::Open),
            (b"none", _) | (_, b"none") => Err(Fault::Damaged),
            (cipher, b"bcrypt") => Self::bcrypt(cipher, options),
            _ => Err(Unsupported::Kdf.into()),
        }
    }

    fn bcrypt(name: &[u8], options: &'a [u8]) -> Result<Self, Fault> {
        let cipher = CIPHERS.iter().find(|cipher| cipher.name.as_bytes() == name).ok_or(Unsupported::Cipher)?;
        let mut reader = Reader::new(options);
        let (salt, rounds) = (reader.string()?, reader.u32()?);
        reader.end()?;
        if salt.is_empty() || rounds == 0 {
            return Err(Fault::Damaged);
        }
        if rounds > MAX_ROUNDS {
            return Err(Unsupported::Cost.into());
        }
        Ok(Self::Passphrase { cipher, salt, rounds })
    }

    /// How a new file shall be locked.
    pub(super) fn new(locking: Option<&Locking<'_>>, salt: &'a [u8; 16]) -> Result<Self, CannotWrite> {
        match locking {
            None => Ok(Self::Open),
            Some(&Locking { rounds: rounds @ 1..=MAX_ROUNDS, .. }) => {
                let cipher = CIPHERS.first().ok_or(CannotWrite::Format)?;
                Ok(Self::Passphrase { cipher, salt, rounds })
            }
            Some(_) => Err(CannotWrite::Rounds),
        }
    }

    /// Writes the names and options.
    pub(super) fn encode(&self, sink: &mut dyn Sink) {
        match self {
            Self::Open => {
                sink.string(b"none");
                sink.string(b"none");
                sink.string(b"");
            }
            Self::Passphrase { cipher, salt, rounds } => {
                let options = |sink: &mut dyn Sink| {
                    sink.string(salt);
                    sink.u32(*rounds);
                };
                sink.string(cipher.name.as_bytes());
                sink.string(b"bcrypt");
                sink.string(&crate::file::compose(options));
            }
        }
    }

    /// What the length of the private part is a multiple of.
    pub(super) const fn block(&self) -> usize {
        match self {
            Self::Open => 8,
            Self::Passphrase { cipher, .. } => cipher.block,
        }
    }

    /// Bytes of tag behind the private part.
    pub(super) const fn tag(&self) -> usize {
        match self {
            Self::Open => 0,
            Self::Passphrase { cipher, .. } => cipher.tag,
        }
    }

    /// What it means when the private part makes no sense.
    pub(super) const fn senseless(&self) -> Fault {
        match self {
            Self::Open => Fault::Damaged,
            Self::Passphrase { .. } => Fault::WrongPassphrase,
        }
    }

    /// Decrypts the private part in place. That the passphrase was right is certain only with a tag.
    pub(super) fn open(&self, passphrase: Option<&[u8]>, part: &mut [u8], tag: &[u8]) -> Result<(), Fault> {
        let Self::Passphrase { cipher, .. } = self else { return Ok(()) };
        // OpenSSH makes no keys with an empty passphrase: to it that means "unencrypted".
        let passphrase = passphrase.filter(|bytes| !bytes.is_empty()).ok_or(Fault::Encrypted)?;
        let derived = self.derive(passphrase).ok_or(Malformed)?;
        let (key, iv) = derived.split_at_checked(cipher.key).ok_or(Malformed)?;
        (cipher.open)(key, iv, part, tag).ok_or(Fault::WrongPassphrase)
    }

    /// Encrypts the private part in place, by a stream that decrypts it as well.
    pub(super) fn close(&self, locking: Option<&Locking<'_>>, part: &mut [u8]) -> Option<()> {
        let Some(locking) = locking else { return Some(()) };
        self.open(Some(locking.passphrase), part, &[]).ok()
    }

    fn derive(&self, passphrase: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let Self::Passphrase { cipher, salt, rounds } = self else { return None };
        let mut derived = Zeroizing::new(vec![0; cipher.key.saturating_add(cipher.iv)]);
        bcrypt_pbkdf(passphrase, salt, *rounds, &mut derived).ok()?;
        Some(derived)
    }
}

fn ctr<C: KeyIvInit + StreamCipher>(key: &[u8], iv: &[u8], part: &mut [u8], _: &[u8]) -> Option<()> {
    C::new_from_slices(key, iv).ok()?.apply_keystream(part);
    Some(())
}

fn cbc<C: KeyIvInit + BlockModeDecrypt>(key: &[u8], iv: &[u8], part: &mut [u8], _: &[u8]) -> Option<()> {
    C::new_from_slices(key, iv).ok()?.decrypt_padded::<NoPadding>(part).ok()?;
    Some(())
}

fn gcm<C: KeyInit + AeadInOut>(key: &[u8], iv: &[u8], part: &mut [u8], tag: &[u8]) -> Option<()> {
    let cipher = C::new_from_slice(key).ok()?;
    cipher.decrypt_inout_detached(iv.try_into().ok()?, &[], part.into(), tag.try_into().ok()?).ok()
}

/// As packet number 0, all of it body; the second key, which is for lengths, goes unused.
fn chacha(key: &[u8], _: &[u8], part: &mut [u8], tag: &[u8]) -> Option<()> {
    chacha::ChaCha::new(key.try_into().ok()?).open_body(0, part, tag.try_into().ok()?).ok()
}
