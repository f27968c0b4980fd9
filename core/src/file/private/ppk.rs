//! PuTTY's private key files, versions 2 and 3 (PuTTY manual, appendix C): public half, private half under AES-256-CBC
//! or not, and a MAC over everything.

use super::{Fault, PrivateKey};
use crate::file::ecdsa::Curve;
use crate::file::text::{unbase64, unhex, whole_lines};
use crate::file::{SigningKey, Unsupported, compose, rsa};
use crate::wire::{Malformed, Mpint, Reader};
use aes::Aes256;
use alloc::vec::Vec;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest, Sha1};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// What every such file begins with.
pub(super) const START: &[u8] = b"PuTTY-User-Key-File-";

/// The most memory that Argon2 is given, in KiB, and the most that it may go through in all its passes, in KiB as well;
/// PuTTY makes keys with 8 MiB and some 20 passes.
const MAX_MEMORY: u32 = 256 << 10;
const MAX_WORK: u64 = 8 << 20;

/// The file before anything is decrypted.
struct File<'a> {
    version: u8,
    kind: &'a [u8],
    cipher: &'a [u8],
    comment: &'a [u8],
    public: Zeroizing<Vec<u8>>,
    argon: Option<Argon>,
    private: Zeroizing<Vec<u8>>,
    mac: Zeroizing<Vec<u8>>,
}

/// How the passphrase becomes keys in version 3.
struct Argon {
    algorithm: Algorithm,
    params: Params,
    salt: Zeroizing<Vec<u8>>,
}

/// What a passphrase gives: 32 bytes of cipher key, an IV, and a key for the MAC.
#[derive(Default, Zeroize)]
#[zeroize(drop)]
struct Keys {
    cipher: [u8; 32],
    iv: [u8; 16],
    mac: [u8; 32],
}

pub(super) fn read(text: &[u8], passphrase: Option<&[u8]>) -> Result<PrivateKey, Fault> {
    let mut file = File::decode(text)?;
    check_type(file.kind, &file.public)?;
    let keys = match file.cipher {
        b"none" => None,
        b"aes256-cbc" => {
            let passphrase = passphrase.filter(|bytes| !bytes.is_empty()).ok_or(Fault::Encrypted)?;
            let keys = file.keys(passphrase)?;
            let cipher = cbc::Decryptor::<Aes256>::new(&keys.cipher.into(), &keys.iv.into());
            cipher.decrypt_padded::<NoPadding>(&mut file.private).map_err(|_| Malformed)?;
            Some((keys, passphrase))
        }
        _ => return Err(Unsupported::Cipher.into()),
    };
    let result = file.verify(keys.as_ref()).and_then(|()| decode(&file.public, &file.private));
    match (result, keys) {
        (Ok(key), _) => Ok(PrivateKey { key, comment: file.comment.to_vec() }),
        (Err(Malformed), Some(_)) => Err(Fault::WrongPassphrase),
        (Err(Malformed), None) => Err(Fault::Damaged),
    }
}

/// The public key blob.
pub(super) fn public(text: &[u8]) -> Result<Vec<u8>, Fault> {
    let file = File::decode(text)?;
    check_type(file.kind, &file.public)?;
    Ok(file.public.to_vec())
}

/// The declared type must be the one inside, and one that can be signed with.
fn check_type(kind: &[u8], public: &[u8]) -> Result<(), Fault> {
    if Reader::new(public).string()? != kind {
        return Err(Fault::Damaged);
    }
    super::check_public(public)
}

/// A cursor over `name: value` lines in the order that the format gives them.
struct Fields<'a, I: Iterator<Item = &'a [u8]>>(I);

impl<'a, I: Iterator<Item = &'a [u8]>> Fields<'a, I> {
    fn value(&mut self, name: &[u8]) -> Result<&'a [u8], Malformed> {
        let line = self.0.next().ok_or(Malformed)?;
        line.strip_prefix(name).and_then(|rest| rest.strip_prefix(b": ")).ok_or(Malformed)
    }

    fn number(&mut self, name: &[u8]) -> Result<u32, Malformed> {
        core::str::from_utf8(self.value(name)?).map_err(|_| Malformed)?.parse().map_err(|_| Malformed)
    }

    /// As many lines of Base64 as the value says.
    fn block(&mut self, name: &[u8]) -> Result<Zeroizing<Vec<u8>>, Malformed> {
        let count = self.number(name)?;
        let mut encoded = Zeroizing::new(Vec::new());
        // Not grown where growing would leave a copy behind.
        encoded.reserve_exact(super::MAX_FILE);
        for _ in 0..count {
            let line = self.0.next().ok_or(Malformed)?;
            if encoded.len().saturating_add(line.len()) > super::MAX_FILE {
                return Err(Malformed);
            }
            encoded.extend_from_slice(line);
        }
        unbase64(&encoded)
    }
}

impl<'a> File<'a> {
    fn decode(text: &'a [u8]) -> Result<Self, Fault> {
        let mut lines = whole_lines(text);
        let first = lines.next().and_then(|line| line.strip_prefix(START)).ok_or(Malformed)?;
        let (version, kind) = match first {
            [version @ b'2'..=b'3', b':', b' ', kind @ ..] => (*version, kind),
            [b'0'..=b'9', b':', b' ', ..] => return Err(Unsupported::Version.into()),
            _ => return Err(Fault::Damaged),
        };
        let mut fields = Fields(lines);
        let cipher = fields.value(b"Encryption")?;
        let comment = fields.0.next().and_then(|line| line.strip_prefix(b"Comment:")).ok_or(Malformed)?;
        let public = fields.block(b"Public-Lines")?;
        let argon = if version == b'3' && cipher != b"none" { Some(Argon::decode(&mut fields)?) } else { None };
        let private = fields.block(b"Private-Lines")?;
        let mac = unhex(fields.value(b"Private-MAC")?)?;
        let length = if version == b'3' { 32 } else { 20 };
        if mac.len() != length || fields.0.any(|line| !line.is_empty()) {
            return Err(Fault::Damaged);
        }
        let comment = comment.strip_prefix(b" ").unwrap_or(comment);
        Ok(Self { version, kind, cipher, comment, public, argon, private, mac })
    }

    fn keys(&self, passphrase: &[u8]) -> Result<Keys, Fault> {
        let mut keys = Keys::default();
        if let Some(argon) = &self.argon {
            let mut out = Zeroizing::new([0; 80]);
            argon.derive(passphrase, &mut *out)?;
            let mut reader = Reader::new(&*out);
            keys = Keys { cipher: reader.array()?, iv: reader.array()?, mac: reader.array()? };
        } else {
            for (counter, part) in (0_u32..).zip(keys.cipher.chunks_mut(20)) {
                let digest = Zeroizing::new(<[u8; 20]>::from(
                    Sha1::new().chain_update(counter.to_be_bytes()).chain_update(passphrase).finalize(),
                ));
                let length = part.len();
                part.copy_from_slice(digest.get(..length).unwrap_or_default());
            }
        }
        Ok(keys)
    }

    /// Checks the MAC, which also tells whether the passphrase was right. Without one its key is known to everybody.
    fn verify(&self, keys: Option<&(Keys, &[u8])>) -> Result<(), Malformed> {
        let signed = Zeroizing::new(compose(|sink| {
            sink.string(self.kind);
            sink.string(self.cipher);
            sink.string(self.comment);
            sink.string(&self.public);
            sink.string(&self.private);
        }));
        let same = if self.version == b'3' {
            let key = keys.map_or(&[][..], |(keys, _)| &keys.mac);
            let mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Malformed)?.chain_update(&signed).finalize();
            mac.into_bytes().as_slice().ct_eq(&self.mac)
        } else {
            let passphrase = keys.map_or(&[][..], |(_, passphrase)| passphrase);
            let key = Sha1::new().chain_update(b"putty-private-key-file-mac-key").chain_update(passphrase).finalize();
            let key = Zeroizing::new(<[u8; 20]>::from(key));
            let mac = Hmac::<Sha1>::new_from_slice(&*key).map_err(|_| Malformed)?.chain_update(&signed).finalize();
            mac.into_bytes().as_slice().ct_eq(&self.mac)
        };
        if bool::from(same) { Ok(()) } else { Err(Malformed) }
    }
}

impl Argon {
    fn decode<'a>(fields: &mut Fields<'a, impl Iterator<Item = &'a [u8]>>) -> Result<Self, Fault> {
        let algorithm = match fields.value(b"Key-Derivation")? {
            b"Argon2d" => Algorithm::Argon2d,
            b"Argon2i" => Algorithm::Argon2i,
            b"Argon2id" => Algorithm::Argon2id,
            _ => return Err(Unsupported::Kdf.into()),
        };
        let memory = fields.number(b"Argon2-Memory")?;
        let passes = fields.number(b"Argon2-Passes")?;
        let lanes = fields.number(b"Argon2-Parallelism")?;
        if memory > MAX_MEMORY || u64::from(memory).saturating_mul(u64::from(passes)) > MAX_WORK {
            return Err(Unsupported::Cost.into());
        }
        let params = Params::new(memory, passes, lanes, Some(80)).map_err(|_| Malformed)?;
        Ok(Self { algorithm, params, salt: unhex(fields.value(b"Argon2-Salt")?)? })
    }

    fn derive(&self, passphrase: &[u8], out: &mut [u8]) -> Result<(), Malformed> {
        let mut memory = Zeroizing::new(alloc::vec![Block::default(); self.params.block_count()]);
        let argon = Argon2::new(self.algorithm, Version::V0x13, self.params.clone());
        argon.hash_password_into_with_memory(passphrase, &self.salt, out, &mut **memory).map_err(|_| Malformed)
    }
}

/// The private half, whose numbers stand behind those of the public one. Padding follows.
fn decode(blob: &[u8], private: &[u8]) -> Result<SigningKey, Malformed> {
    let (mut public, mut private) = (Reader::new(blob), Reader::new(private));
    let key = match public.string()? {
        b"ssh-ed25519" => SigningKey::ed25519(private.string()?.try_into().map_err(|_| Malformed)?),
        b"ssh-rsa" => {
            let (Mpint(e), Mpint(n)) = (public.read()?, public.read()?);
            let mut next = || private.read().map(|Mpint(digits)| digits);
            let (d, p, q, q_inverse) = (next()?, next()?, next()?, next()?);
            SigningKey::rsa(&rsa::Numbers { n, e, d, q_inverse, p, q })?
        }
        _ => {
            let name = public.string()?;
            let curve = Curve::ALL.into_iter().find(|curve| curve.name().as_bytes() == name).ok_or(Malformed)?;
            let Mpint(scalar) = private.read()?;
            SigningKey::ecdsa(curve, scalar)?
        }
    };
    if key.public() == blob { Ok(key) } else { Err(Malformed) }
}
