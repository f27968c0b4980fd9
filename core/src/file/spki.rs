//! Public keys in ASN.1: `SubjectPublicKeyInfo` (RFC 5280 §4.1, RFC 5480, RFC 8410) and PKCS #1 (RFC 8017 A.1.1).

use super::ecdsa::Curve;
use super::{PublicKeyBuf, compose, oid};
use crate::crypto::signature::PublicKey;
use crate::wire::{Malformed, Mpint};
use alloc::vec::Vec;
use pkcs8::der::asn1::{AnyRef, BitStringRef, Null, UintRef};
use pkcs8::der::{self, Decode, Encode};
use pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

/// Reads a `SubjectPublicKeyInfo`.
pub(super) fn read(der: &[u8]) -> Result<PublicKeyBuf, Malformed> {
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| Malformed)?;
    let key = info.subject_public_key.as_bytes().ok_or(Malformed)?;
    match info.algorithm.oid {
        oid::RSA => read_pkcs1(key),
        oid::ED25519 => owned(&PublicKey::Ed25519(key.try_into().map_err(|_| Malformed)?)),
        oid::EC => {
            let named = info.algorithm.parameters_oid().map_err(|_| Malformed)?;
            match oid::curve(named).ok_or(Malformed)? {
                Curve::P256 => owned(&PublicKey::EcdsaP256(key.try_into().map_err(|_| Malformed)?)),
                Curve::P384 => owned(&PublicKey::EcdsaP384(key.try_into().map_err(|_| Malformed)?)),
                Curve::P521 => owned(&PublicKey::EcdsaP521(key.try_into().map_err(|_| Malformed)?)),
            }
        }
        _ => Err(Malformed),
    }
}

/// Reads an `RSAPublicKey`.
pub(super) fn read_pkcs1(der: &[u8]) -> Result<PublicKeyBuf, Malformed> {
    let key = pkcs1::RsaPublicKeyRef::from_der(der).map_err(|_| Malformed)?;
    let [e, n] = [&key.public_exponent, &key.modulus].map(|number| Mpint::trim(number.as_bytes()));
    owned(&PublicKey::Rsa { e, n })
}

/// The blob is checked as any other.
fn owned(key: &PublicKey<'_>) -> Result<PublicKeyBuf, Malformed> {
    PublicKeyBuf::from_blob(&compose(|sink| key.encode(sink))).map_err(|_| Malformed)
}

/// Writes a `SubjectPublicKeyInfo`; keys in security keys and certificates have none.
pub(super) fn write(key: &PublicKey<'_>) -> Option<Vec<u8>> {
    let inner;
    let (oid, named, bits): (_, _, &[u8]) = match key {
        PublicKey::Rsa { .. } => {
            inner = write_pkcs1(key)?;
            (oid::RSA, None, &inner)
        }
        PublicKey::Ed25519(key) => (oid::ED25519, None, *key),
        PublicKey::EcdsaP256(point) => (oid::EC, Some(oid::P256), *point),
        PublicKey::EcdsaP384(point) => (oid::EC, Some(oid::P384), *point),
        PublicKey::EcdsaP521(point) => (oid::EC, Some(oid::P521), *point),
        PublicKey::SkEd25519 { .. } | PublicKey::SkEcdsaP256 { .. } => return None,
    };
    let parameters = match &named {
        Some(curve) => Some(AnyRef::from(curve)),
        None => (oid == oid::RSA).then_some(Null.into()),
    };
    let algorithm = AlgorithmIdentifierRef { oid, parameters };
    let info = SubjectPublicKeyInfoRef { algorithm, subject_public_key: BitStringRef::from_bytes(bits).ok()? };
    info.to_der().ok()
}

/// Writes an `RSAPublicKey`; other keys have none.
pub(super) fn write_pkcs1(key: &PublicKey<'_>) -> Option<Vec<u8>> {
    let PublicKey::Rsa { e, n } = key else { return None };
    let uint = |digits| -> Result<_, der::Error> { UintRef::new(digits) };
    pkcs1::RsaPublicKey { modulus: uint(n).ok()?, public_exponent: uint(e).ok()? }.to_der().ok()
}
