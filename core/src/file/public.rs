//! Public keys as text: `type base64 comment` on one line, and fingerprints. A key of a type that cannot be verified here
//! can still be recorded and compared.

use super::compose;
use super::text::{MAX_LINE, base64, skip_blanks, unbase64, word};
use crate::algorithm::HostKey;
use crate::crypto::certificate::Certificate;
use crate::crypto::signature::PublicKey;
use crate::wire::{Malformed, Reader};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use base64ct::{Base64Unpadded, Encoding};
use core::fmt;
use sha2::{Digest, Sha256};

/// An owned public key blob (RFC 4253 §6.6) of any type.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKeyBuf(Vec<u8>);

/// Bytes or text that are no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAPublicKey;

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
        if known && PublicKey::decode(blob, 0).is_err() && Certificate::decode(blob, 0).is_err() {
            return Err(NotAPublicKey);
        }
        Ok(Self(blob.to_vec()))
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

/// `SHA256:` and the hash of a public key blob in Base64 without padding, as OpenSSH shows it.
pub fn fingerprint(blob: &[u8]) -> String {
    format!("SHA256:{}", Base64Unpadded::encode_string(&Sha256::digest(blob)))
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
