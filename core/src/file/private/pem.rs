//! The textual envelope of keys (RFC 7468), and the older one with headers, whose key may come from a passphrase by
//! MD5 (RFC 1421 §4.6.1.1 and OpenSSL's `PEM_read_bio`).

use super::Fault;
use crate::file::text::{unbase64, unhex};
use crate::file::{SigningKey, Unsupported};
use crate::wire::Malformed;
use aes::{Aes128, Aes192, Aes256};
use alloc::vec::Vec;
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use des::TdesEde3;
use md5::{Digest, Md5};
use zeroize::Zeroizing;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// What stands between the first line and the last.
pub(in crate::file) struct Pem<'a> {
    /// What the header `DEK-Info` says of the encryption.
    sealed: Option<&'a [u8]>,
    body: &'a [u8],
}

impl<'a> Pem<'a> {
    /// What the first block of a text says it is.
    pub(in crate::file) fn label(text: &[u8]) -> Option<&[u8]> {
        first(text).and_then(|block| label(block, BEGIN))
    }

    /// The first block of a text, if there is all of it.
    pub(in crate::file) fn decode(text: &'a [u8]) -> Option<Self> {
        let block = first(text)?;
        let mut sealed = None;
        let (_, mut body) = line(block);
        // Only headers have colons.
        while let (header, rest) = line(body)
            && header.contains(&b':')
        {
            sealed = header.strip_prefix(b"DEK-Info:").map(<[u8]>::trim_ascii).or(sealed);
            body = rest;
        }
        let end = body.windows(END.len()).position(|window| window == END)?;
        let (body, end) = body.split_at_checked(end)?;
        if label(end, END) == label(block, BEGIN) { Some(Self { sealed, body }) } else { None }
    }

    /// Reads the key inside by `decode`, decrypted by the headers if there are any.
    pub(super) fn read(
        &self,
        passphrase: Option<&[u8]>,
        decode: impl Fn(&[u8]) -> Result<SigningKey, Fault>,
    ) -> Result<SigningKey, Fault> {
        let mut bytes = self.bytes()?;
        let Some(cipher) = self.sealed else { return decode(&bytes) };
        decode(decrypt(cipher, passphrase, &mut bytes)?).map_err(Fault::under_passphrase)
    }

    /// The bytes as they stand there.
    pub(in crate::file) fn bytes(&self) -> Result<Zeroizing<Vec<u8>>, Malformed> {
        let mut dense = Zeroizing::new(Vec::with_capacity(self.body.len()));
        dense.extend(self.body.iter().filter(|byte| !byte.is_ascii_whitespace()));
        unbase64(&dense)
    }
}

/// From the first block on, or the second if the first holds curve parameters, which say nothing that the key does not.
/// Any text may stand in front.
fn first(text: &[u8]) -> Option<&[u8]> {
    let block = text.get(starts(text)?..)?;
    if label(block, BEGIN)? != b"EC PARAMETERS" {
        return Some(block);
    }
    let (_, rest) = line(block);
    rest.get(starts(rest)?..)
}

/// Where the first line that begins a block starts.
fn starts(text: &[u8]) -> Option<usize> {
    let is_line = |at: usize| at.checked_sub(1).and_then(|before| text.get(before)).is_none_or(|byte| *byte == b'\n');
    text.windows(BEGIN.len()).enumerate().find(|(at, window)| *window == BEGIN && is_line(*at)).map(|(at, _)| at)
}

/// The label of a first or last line.
fn label<'a>(text: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    let (line, _) = line(text);
    line.strip_prefix(start)?.strip_suffix(DASHES)
}

/// A line without its end, and what follows it.
fn line(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    let (line, rest) = text.split_at_checked(end).unwrap_or((text, &[]));
    (line.trim_ascii_end(), rest.get(1..).unwrap_or_default())
}

/// Decrypts in place by what `DEK-Info` says, and gives what is in front of the padding.
fn decrypt<'b>(sealed: &[u8], passphrase: Option<&[u8]>, bytes: &'b mut [u8]) -> Result<&'b [u8], Fault> {
    let comma = sealed.iter().position(|byte| *byte == b',').ok_or(Malformed)?;
    let (name, iv) = sealed.split_at_checked(comma).ok_or(Malformed)?;
    let iv = unhex(iv.get(1..).unwrap_or_default())?;
    let passphrase = passphrase.filter(|bytes| !bytes.is_empty()).ok_or(Fault::Encrypted)?;
    match name {
        b"AES-128-CBC" => cbc::<Decryptor<Aes128>, 16>(passphrase, &iv, bytes),
        b"AES-192-CBC" => cbc::<Decryptor<Aes192>, 24>(passphrase, &iv, bytes),
        b"AES-256-CBC" => cbc::<Decryptor<Aes256>, 32>(passphrase, &iv, bytes),
        b"DES-EDE3-CBC" => cbc::<Decryptor<TdesEde3>, 24>(passphrase, &iv, bytes),
        _ => Err(Unsupported::Cipher.into()),
    }
}

fn cbc<'b, C, const KEY: usize>(passphrase: &[u8], iv: &[u8], bytes: &'b mut [u8]) -> Result<&'b [u8], Fault>
where
    C: KeyIvInit + BlockModeDecrypt,
{
    let key = derive::<KEY>(passphrase, iv).ok_or(Malformed)?;
    let cipher = C::new_from_slices(&*key, iv).map_err(|_| Malformed)?;
    cipher.decrypt_padded::<Pkcs7>(bytes).map_err(|_| Fault::WrongPassphrase)
}

/// OpenSSL's `EVP_BytesToKey` with MD5 and one pass, salted by the first half of an IV. It is no work for a guesser, so
/// keys are read this way and never written.
fn derive<const KEY: usize>(passphrase: &[u8], iv: &[u8]) -> Option<Zeroizing<[u8; KEY]>> {
    let salt = iv.get(..8)?;
    let mut key = Zeroizing::new([0; KEY]);
    let mut digest = Zeroizing::new([0; 16]);
    for (n, part) in key.chunks_mut(16).enumerate() {
        let mut hash = Md5::new();
        if n > 0 {
            hash.update(*digest);
        }
        hash.update(passphrase);
        hash.update(salt);
        hash.finalize_into((&mut *digest).into());
        part.copy_from_slice(digest.get(..part.len())?);
    }
    Some(key)
}
