//! Public keys as text: `type base64 comment` on one line, the other formats, and fingerprints. A key of a type that
//! cannot be verified here can still be recorded and compared.

use super::private::pem::Pem;
use super::text::{MAX_LINE, armor, base64, skip_blanks, unbase64, word};
use super::{Format, compose, rfc4716, spki};
use crate::algorithm::HostKey;
use crate::crypto::certificate::Certificate;
use crate::crypto::signature::{PublicKey, bit_length};
use crate::wire::{Malformed, Reader};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use base64ct::{Base64Unpadded, Encoding};
use core::fmt;
use md5::Md5;
use sha2::{Digest, Sha256};

/// An owned public key blob (RFC 4253 §6.6) of any type.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKeyBuf(Vec<u8>);

/// Bytes or text that are no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAPublicKey;

/// What a fingerprint is computed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256, shown in Base64.
    Sha256,
    /// MD5, shown in hexadecimal, as old programs do. Two keys can be made to share one.
    Md5,
}

impl Hash {
    /// The name that stands in front of the fingerprint.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA256",
            Self::Md5 => "MD5",
        }
    }

    /// The hash of a public key blob.
    pub(super) fn digest(self, blob: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(blob).to_vec(),
            Self::Md5 => Md5::digest(blob).to_vec(),
        }
    }

    /// The fingerprint of a public key blob, as OpenSSH shows it.
    pub fn fingerprint(self, blob: &[u8]) -> String {
        let digest = self.digest(blob);
        let shown = match self {
            Self::Sha256 => Base64Unpadded::encode_string(&digest),
            Self::Md5 => digest.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"),
        };
        format!("{}:{shown}", self.name())
    }
}

/// The longest type name (RFC 4251 §6).
const LONGEST_NAME: usize = 64;

impl PublicKeyBuf {
    /// A key from its parts.
    pub fn new(key: &PublicKey<'_>) -> Self {
        Self(compose(|sink| key.encode(sink)))
    }

    /// A key or certificate from its blob. Types that have an algorithm are checked in full; of others only that they have
    /// a type name.
    pub fn from_blob(blob: &[u8]) -> Result<Self, NotAPublicKey> {
        let name = kind(blob).ok_or(NotAPublicKey)?;
        let known = HostKey::ALL.iter().any(|algorithm| algorithm.key_type() == name);
        if known && subject(blob).is_none() {
            return Err(NotAPublicKey);
        }
        Ok(Self(blob.to_vec()))
    }

    /// Reads a key and its comment in any format that public keys have: on one line, as RFC 4716 has it, in PEM.
    pub fn from_text(text: &[u8]) -> Result<(Self, Vec<u8>), NotAPublicKey> {
        let text = text.trim_ascii_start();
        if rfc4716::is_begun(text) {
            return rfc4716::read(text).map_err(|Malformed| NotAPublicKey);
        }
        let read = match Pem::label(text) {
            Some(b"PUBLIC KEY") => spki::read,
            Some(b"RSA PUBLIC KEY") => spki::read_pkcs1,
            _ => return Self::read(text).map(|(key, comment)| (key, comment.to_vec())),
        };
        let bytes = Pem::decode(text).filter(|_| text.len() <= MAX_LINE).and_then(|pem| pem.bytes().ok());
        let key = read(&bytes.ok_or(NotAPublicKey)?).map_err(|Malformed| NotAPublicKey)?;
        Ok((key, Vec::new()))
    }

    /// The text of a public key file, with a comment where the format has room for one. `None` if keys of this type have
    /// no form in it; [`Format::OpenSsh`] and [`Format::Rfc4716`] have one for all.
    pub fn text(&self, format: Format, comment: &str) -> Option<String> {
        let key = || self.decode(0).ok();
        let pem = |label, der: Vec<u8>| String::from(armor(label, &der, 64).as_str());
        match format {
            Format::OpenSsh => Some(self.line(comment) + "\n"),
            Format::Rfc4716 => Some(rfc4716::write(self, comment)),
            Format::Pkcs8 => Some(pem("PUBLIC KEY", spki::write(&key()?)?)),
            Format::Pem => Some(pem("RSA PUBLIC KEY", spki::write_pkcs1(&key()?)?)),
            Format::Ppk => None,
        }
    }

    /// Reads `type base64 comment` up to the end of the line, and gives the key and the comment. The type must be the one
    /// inside the blob.
    pub fn read(text: &[u8]) -> Result<(Self, &[u8]), NotAPublicKey> {
        let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if line.len() > MAX_LINE {
            return Err(NotAPublicKey);
        }
        let (declared, rest) = word(skip_blanks(line.trim_ascii_end()));
        let (encoded, comment) = word(rest);
        let key = Self::from_blob(&unbase64(encoded).map_err(|Malformed| NotAPublicKey)?)?;
        if key.kind().as_bytes() == declared { Ok((key, comment)) } else { Err(NotAPublicKey) }
    }

    /// The key as one line without its end, followed by `comment` unless that is empty. Control characters are left out
    /// of the comment, so it stays one line.
    pub fn line(&self, comment: &str) -> String {
        let mut line = format!("{} {}", self.kind(), base64(&self.0));
        if !comment.is_empty() {
            line.push(' ');
            line.extend(comment.chars().filter(|c| !c.is_control()));
        }
        line
    }

    /// The blob.
    pub fn blob(&self) -> &[u8] {
        &self.0
    }

    /// The type name inside the blob.
    pub fn kind(&self) -> &str {
        kind(&self.0).unwrap_or_default()
    }

    /// The type as people call it, such as `ED25519`; of types that are not known their full name.
    pub fn short_name(&self) -> String {
        let Some(key) = subject(&self.0) else { return String::from(self.kind()) };
        let short = match key {
            PublicKey::Ed25519(_) => "ED25519",
            PublicKey::EcdsaP256(_) | PublicKey::EcdsaP384(_) | PublicKey::EcdsaP521(_) => "ECDSA",
            PublicKey::SkEd25519 { .. } => "ED25519-SK",
            PublicKey::SkEcdsaP256 { .. } => "ECDSA-SK",
            PublicKey::Rsa { .. } => "RSA",
        };
        let certified = key.algorithm().key_type() != self.kind();
        format!("{short}{}", if certified { "-CERT" } else { "" })
    }

    /// The size of the key in bits; 0 for types that are not known.
    pub fn bits(&self) -> usize {
        match subject(&self.0) {
            None => 0,
            Some(PublicKey::EcdsaP384(_)) => 384,
            Some(PublicKey::EcdsaP521(_)) => 521,
            Some(PublicKey::Rsa { n, .. }) => bit_length(n),
            Some(
                PublicKey::Ed25519(_)
                | PublicKey::EcdsaP256(_)
                | PublicKey::SkEd25519 { .. }
                | PublicKey::SkEcdsaP256 { .. },
            ) => 256,
        }
    }

    /// The key by its parts, for verifying; RSA keys of fewer bits than `min_rsa_bits` are refused.
    pub fn decode(&self, min_rsa_bits: usize) -> Result<PublicKey<'_>, Malformed> {
        PublicKey::decode(&self.0, min_rsa_bits)
    }

    /// The certificate by its parts, if it is one.
    pub fn certificate(&self) -> Result<Certificate<'_>, Malformed> {
        Certificate::decode(&self.0, 0)
    }

    /// The fingerprint, as [`fingerprint`] gives it.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.0)
    }
}

/// The blob of the key that a certificate is about; other blobs are themselves.
pub fn bare(blob: &[u8]) -> Cow<'_, [u8]> {
    match Certificate::decode(blob, 0) {
        Ok(certificate) => Cow::Owned(compose(|sink| certificate.key.encode(sink))),
        Err(Malformed) => Cow::Borrowed(blob),
    }
}

/// `SHA256:` and the hash of a public key blob in Base64 without padding, as OpenSSH shows it.
pub fn fingerprint(blob: &[u8]) -> String {
    Hash::Sha256.fingerprint(blob)
}

/// The key of a blob, or the one that it certifies; `None` if there is no algorithm for it, or it is malformed.
fn subject(blob: &[u8]) -> Option<PublicKey<'_>> {
    let bare = PublicKey::decode(blob, 0).ok();
    bare.or_else(|| Certificate::decode(blob, 0).ok().map(|certificate| certificate.key))
}

/// The type name at the front of a blob, if it is a lawful name.
fn kind(blob: &[u8]) -> Option<&str> {
    let name = Reader::new(blob).string().ok()?;
    let lawful = (1..=LONGEST_NAME).contains(&name.len()) && name.iter().all(u8::is_ascii_graphic);
    if lawful { core::str::from_utf8(name).ok() } else { None }
}

impl From<&PublicKey<'_>> for PublicKeyBuf {
    fn from(key: &PublicKey<'_>) -> Self {
        Self(compose(|sink| key.encode(sink)))
    }
}

impl fmt::Display for PublicKeyBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line(""))
    }
}

impl fmt::Debug for PublicKeyBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKeyBuf({} {})", self.kind(), self.fingerprint())
    }
}

impl fmt::Display for NotAPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a public key")
    }
}

impl core::error::Error for NotAPublicKey {}

#[cfg(test)]
mod tests {
    use super::{NotAPublicKey, PublicKeyBuf};
    use crate::file::SigningKey;
    use alloc::format;

    #[test]
    fn a_line_comes_back() {
        let key = PublicKeyBuf::from_blob(SigningKey::ed25519(&[1; 32]).public()).unwrap();
        let line = key.line("me@here and\nthere");
        assert!(line.starts_with("ssh-ed25519 AAAA") && line.ends_with(" me@here andthere"));
        assert_eq!(
            PublicKeyBuf::read(format!("  {line}\r\nssh-rsa").as_bytes()),
            Ok((key.clone(), &b"me@here andthere"[..]))
        );
        assert_eq!(PublicKeyBuf::read(key.line("").as_bytes()), Ok((key, &b""[..])));
    }

    #[test]
    fn the_declared_type_must_be_the_real_one() {
        let key = PublicKeyBuf::from_blob(SigningKey::ed25519(&[1; 32]).public()).unwrap();
        let line = key.line("").replacen("ssh-ed25519", "ssh-rsa", 1);
        assert_eq!(PublicKeyBuf::read(line.as_bytes()), Err(NotAPublicKey));
    }

    #[test]
    fn every_truncation_is_refused() {
        let blob = SigningKey::ed25519(&[1; 32]).public().to_vec();
        for end in 0..blob.len() {
            assert_eq!(PublicKeyBuf::from_blob(&blob[..end]), Err(NotAPublicKey));
        }
        let line = PublicKeyBuf::from_blob(&blob).unwrap().line("");
        for end in 0..line.len() {
            assert_eq!(PublicKeyBuf::read(&line.as_bytes()[..end]), Err(NotAPublicKey));
        }
    }

    #[test]
    fn unknown_types_are_kept_whole() {
        let blob = b"\0\0\0\x07ssh-dssanything";
        let key = PublicKeyBuf::from_blob(blob).unwrap();
        assert_eq!((key.kind(), key.blob()), ("ssh-dss", &blob[..]));
    }
}
