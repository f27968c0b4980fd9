//! Private keys in ASN.1: PKCS #1 (RFC 8017 A.1.2), SEC 1 (RFC 5915), PKCS #8 (RFC 5958, for Ed25519 RFC 8410), and the
//! latter under a passphrase by PBES2 (RFC 8018 §6.2, for scrypt RFC 7914 §7).

use super::{CannotWrite, Fault, Locking};
use crate::file::ecdsa::{self, Curve};
use crate::file::signing::Secret;
use crate::file::{Foreign, SigningKey, Unsupported, oid, rsa};
use crate::seed::Random;
use crate::wire::{Malformed, Mpint};
use pkcs8::der::asn1::{AnyRef, Null, ObjectIdentifier, OctetStringRef, UintRef};
use pkcs8::der::{self, Decode, Encode, SecretDocument, SliceReader};
use pkcs8::pkcs5::pbes2::{DES_EDE3_CBC_OID, Kdf, PBES2_OID, Parameters, ScryptParams};
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use zeroize::Zeroizing;

/// The most iterations of PBKDF2 that are tried, about ten seconds of them; OpenSSL makes keys with 2048.
const MAX_ITERATIONS: u32 = 10_000_000;

/// The most memory that scrypt is given, in bytes, and the most it may work through; OpenSSL makes keys with 16 MiB.
const MAX_MEMORY: u64 = 256 << 20;
const MAX_WORK: u64 = 4 << 30;

/// `RSAPrivateKey`.
pub(super) fn pkcs1(der: &[u8]) -> Result<SigningKey, Fault> {
    let key = pkcs1::RsaPrivateKey::from_der(der).map_err(|_| Malformed)?;
    let [n, e, d] = [&key.modulus, &key.public_exponent, &key.private_exponent].map(digits);
    let [p, q, q_inverse] = [&key.prime1, &key.prime2, &key.coefficient].map(digits);
    rsa::supported(n)?;
    Ok(SigningKey::rsa(&rsa::Numbers { n, e, d, q_inverse, p, q })?)
}

fn digits<'a>(number: &UintRef<'a>) -> &'a [u8] {
    Mpint::trim(number.as_bytes())
}

/// `ECPrivateKey`. PKCS #8 names the curve outside of it.
pub(super) fn sec1(der: &[u8], outside: Option<Curve>) -> Result<SigningKey, Fault> {
    let key = sec1::EcPrivateKey::from_der(der).map_err(|_| Malformed)?;
    let inside = key.parameters.and_then(|parameters| parameters.named_curve()).map(curve).transpose()?;
    let curve = match (outside, inside) {
        (Some(outside), Some(inside)) if outside != inside => return Err(Fault::Damaged),
        (outside, inside) => outside.or(inside).ok_or(Unsupported::Curve)?,
    };
    let private = SigningKey::ecdsa(curve, key.private_key)?;
    let same = key.public_key.is_none_or(|point| private.public().ends_with(point));
    if same { Ok(private) } else { Err(Fault::Damaged) }
}

fn curve(named: ObjectIdentifier) -> Result<Curve, Unsupported> {
    oid::curve(named).ok_or(Unsupported::Curve)
}

/// `PrivateKeyInfo`.
pub(super) fn pkcs8(der: &[u8]) -> Result<SigningKey, Fault> {
    let info = PrivateKeyInfoRef::from_der(der).map_err(|_| Malformed)?;
    let private = info.private_key.as_bytes();
    match info.algorithm.oid {
        oid::RSA => pkcs1(private),
        oid::EC => sec1(private, Some(curve(info.algorithm.parameters_oid().map_err(|_| Malformed)?)?)),
        oid::ED25519 => {
            let seed = <&OctetStringRef>::from_der(private).map_err(|_| Malformed)?;
            let key = SigningKey::ed25519(seed.as_bytes().try_into().map_err(|_| Malformed)?);
            let same = info.public_key.is_none_or(|public| key.public().ends_with(public.raw_bytes()));
            if same { Ok(key) } else { Err(Fault::Damaged) }
        }
        oid::DSA => Err(Unsupported::KeyType(Foreign::Dsa).into()),
        oid::ED448 => Err(Unsupported::KeyType(Foreign::Ed448).into()),
        _ => Err(Unsupported::KeyType(Foreign::Unknown).into()),
    }
}

/// `EncryptedPrivateKeyInfo`.
pub(super) fn sealed(der: &[u8], passphrase: Option<&[u8]>) -> Result<SigningKey, Fault> {
    let (parameters, data) = sealed_parts(der)?;
    affordable(&parameters.kdf)?;
    let passphrase = passphrase.filter(|bytes| !bytes.is_empty()).ok_or(Fault::Encrypted)?;
    let mut plain = Zeroizing::new(data.to_vec());
    let plain = parameters.decrypt_in_place(passphrase, &mut plain).map_err(|_| Fault::WrongPassphrase)?;
    pkcs8(plain).map_err(Fault::under_passphrase)
}

/// How it is encrypted, and the rest. The crate that knows the parameters would panic at an IV too short for 3DES.
fn sealed_parts(der: &[u8]) -> Result<(Parameters, &[u8]), Fault> {
    let mut reader = SliceReader::new(der).map_err(|_| Malformed)?;
    let parts = der::Reader::sequence(&mut reader, |reader| {
        Ok((AlgorithmIdentifierRef::decode(reader)?, <&OctetStringRef>::decode(reader)?))
    });
    let (scheme, data): (AlgorithmIdentifierRef<'_>, &OctetStringRef) = parts.map_err(|_: der::Error| Malformed)?;
    der::Reader::finish(reader).map_err(|_| Malformed)?;
    if scheme.oid != PBES2_OID {
        return Err(Unsupported::Kdf.into());
    }
    let parts = scheme.parameters.ok_or(Malformed)?.sequence(|reader| {
        Ok::<_, der::Error>((AlgorithmIdentifierRef::decode(reader)?, AlgorithmIdentifierRef::decode(reader)?))
    });
    let (kdf, cipher): (AlgorithmIdentifierRef<'_>, AlgorithmIdentifierRef<'_>) = parts.map_err(|_| Malformed)?;
    let iv = cipher.parameters.and_then(|any| any.decode_as::<&OctetStringRef>().ok()).ok_or(Malformed)?;
    if cipher.oid == DES_EDE3_CBC_OID && iv.as_bytes().len() != 8 {
        return Err(Fault::Damaged);
    }
    let kdf = Kdf::try_from(kdf).map_err(|error| told(error, Unsupported::Kdf))?;
    let encryption = cipher.try_into().map_err(|error| told(error, Unsupported::Cipher))?;
    Ok((Parameters { kdf, encryption }, data.as_bytes()))
}

/// An algorithm that is not known, or parameters that make no sense.
fn told(error: der::Error, unknown: Unsupported) -> Fault {
    if matches!(error.kind(), der::ErrorKind::OidUnknown { .. }) { unknown.into() } else { Fault::Damaged }
}

/// Whether a key derivation costs what a key may cost.
fn affordable(kdf: &Kdf) -> Result<(), Unsupported> {
    let within = match kdf {
        Kdf::Pbkdf2(parameters) => parameters.iteration_count <= MAX_ITERATIONS,
        Kdf::Scrypt(ScryptParams { cost_parameter, block_size, parallelization, .. }) => {
            let (lanes, row) = (u64::from(*parallelization), u64::from(*block_size).saturating_mul(128));
            let memory = cost_parameter.saturating_mul(row);
            // The library takes no other costs (RFC 7914 §6), and panics at some of them.
            let lawful = *cost_parameter > 1 && cost_parameter.is_power_of_two();
            let fits = memory <= MAX_MEMORY && row.saturating_mul(lanes) <= MAX_MEMORY;
            lawful && fits && memory.saturating_mul(lanes) <= MAX_WORK
        }
        _ => return Err(Unsupported::Kdf),
    };
    if within { Ok(()) } else { Err(Unsupported::Cost) }
}

/// A key in the older form that goes with its type, and that form's label.
pub(super) fn write_old(key: &SigningKey) -> Result<(&'static str, SecretDocument), CannotWrite> {
    match key.secret() {
        Secret::Rsa(key) => Ok(("RSA PRIVATE KEY", write_pkcs1(key)?)),
        Secret::Ecdsa(key) => Ok(("EC PRIVATE KEY", write_sec1(key, true)?)),
        Secret::Ed25519(_) | Secret::Token(_) => Err(CannotWrite::KeyType),
    }
}

fn write_pkcs1(key: &rsa::Key) -> Result<SecretDocument, CannotWrite> {
    let rsa::Numbers { n, e, d, q_inverse, p, q } = key.numbers();
    let [d_p, d_q] = key.exponents().ok_or(CannotWrite::KeyType)?;
    let uint = |digits| UintRef::new(digits).map_err(|_| CannotWrite::KeyType);
    let key = pkcs1::RsaPrivateKey {
        modulus: uint(n)?,
        public_exponent: uint(e)?,
        private_exponent: uint(d)?,
        prime1: uint(p)?,
        prime2: uint(q)?,
        exponent1: uint(Mpint::trim(&d_p))?,
        exponent2: uint(Mpint::trim(&d_q))?,
        coefficient: uint(q_inverse)?,
        other_prime_infos: None,
    };
    SecretDocument::encode_msg(&key).map_err(|_| CannotWrite::KeyType)
}

fn write_sec1(key: &ecdsa::Key, named: bool) -> Result<SecretDocument, CannotWrite> {
    let (scalar, point) = (key.scalar(), key.point());
    let parameters = named.then(|| sec1::EcParameters::NamedCurve(oid::of(key.curve())));
    let key = sec1::EcPrivateKey { private_key: &scalar, parameters, public_key: Some(&point) };
    SecretDocument::encode_msg(&key).map_err(|_| CannotWrite::KeyType)
}

/// `PrivateKeyInfo` of a key.
pub(super) fn write_pkcs8(key: &SigningKey) -> Result<SecretDocument, CannotWrite> {
    match key.secret() {
        Secret::Rsa(key) => wrapped(oid::RSA, Some(Null.into()), write_pkcs1(key)?.as_bytes()),
        Secret::Ecdsa(key) => {
            let curve = oid::of(key.curve());
            wrapped(oid::EC, Some(AnyRef::from(&curve)), write_sec1(key, false)?.as_bytes())
        }
        Secret::Ed25519(key) => {
            let seed = Zeroizing::new(key.to_bytes());
            let seed = OctetStringRef::new(&*seed).and_then(|seed| seed.to_der()).map(Zeroizing::new);
            wrapped(oid::ED25519, None, &seed.map_err(|_| CannotWrite::KeyType)?)
        }
        Secret::Token(_) => Err(CannotWrite::KeyType),
    }
}

fn wrapped(oid: ObjectIdentifier, parameters: Option<AnyRef<'_>>, key: &[u8]) -> Result<SecretDocument, CannotWrite> {
    let key = OctetStringRef::new(key).map_err(|_| CannotWrite::KeyType)?;
    let info = PrivateKeyInfoRef::new(AlgorithmIdentifierRef { oid, parameters }, key);
    SecretDocument::encode_msg(&info).map_err(|_| CannotWrite::KeyType)
}

/// `EncryptedPrivateKeyInfo`, by PBKDF2 with HMAC-SHA-256 and AES-256-CBC.
pub(super) fn seal(
    plain: &SecretDocument,
    lock: &Locking<'_>,
    random: &mut Random,
) -> Result<SecretDocument, CannotWrite> {
    if !(1..=MAX_ITERATIONS).contains(&lock.rounds) {
        return Err(CannotWrite::Rounds);
    }
    let salt = random.array::<16>();
    let parameters = Parameters::generate_pbkdf2_sha256_aes256cbc(lock.rounds, &salt, random.array());
    let parameters = parameters.map_err(|_| CannotWrite::Rounds)?;
    let data = parameters.encrypt(lock.passphrase, plain.as_bytes()).map_err(|_| CannotWrite::Rounds)?;
    let encrypted_data = OctetStringRef::new(&data).map_err(|_| CannotWrite::Rounds)?;
    let info = EncryptedPrivateKeyInfoRef { encryption_algorithm: parameters.into(), encrypted_data };
    SecretDocument::encode_msg(&info).map_err(|_| CannotWrite::Rounds)
}
