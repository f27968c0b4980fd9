//! Private keys as fields, public half first: the form that OpenSSH's files and the agent's ADD messages share
//! (OpenSSH PROTOCOL.key §3, RFC 9987 §5.2).

use super::ecdsa::Curve;
use super::rsa::Numbers;
use super::signing::{Secret, Token};
use super::{SigningKey, compose};
use crate::crypto::signature::PublicKey;
use crate::wire::{Malformed, Mpint, Reader, Sink};
use alloc::vec::Vec;
use zeroize::Zeroizing;

impl SigningKey {
    /// Reads a key off the front of `reader`, and checks that its halves belong together. Keys that do not sign here are
    /// malformed, except those of security keys, whose handle is kept.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match reader.string()? {
            b"ssh-ed25519" => ed25519(reader),
            b"ssh-rsa" => rsa(reader),
            b"sk-ssh-ed25519@openssh.com" => {
                let key = reader.string()?.try_into().map_err(|_| Malformed)?;
                let public = PublicKey::SkEd25519 { key, application: reader.string()? };
                Ok(Self::in_token(&public, token(reader)?))
            }
            b"sk-ecdsa-sha2-nistp256@openssh.com" => {
                let (curve, point) = (reader.string()?, reader.string()?.try_into().map_err(|_| Malformed)?);
                let public = PublicKey::SkEcdsaP256 { point, application: reader.string()? };
                if curve == b"nistp256" && point[0] == 4 {
                    Ok(Self::in_token(&public, token(reader)?))
                } else {
                    Err(Malformed)
                }
            }
            name => ecdsa(name, reader),
        }
    }

    /// The key as [`decode`](Self::decode) reads it.
    pub fn fields(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(compose(|sink| self.put(sink)))
    }

    fn put(&self, sink: &mut dyn Sink) {
        match self.secret() {
            Secret::Ed25519(key) => {
                // The blob's fields are the first ones here too.
                sink.put(self.public());
                sink.string(&*Zeroizing::new(key.to_keypair_bytes()));
            }
            Secret::Ecdsa(key) => {
                sink.put(self.public());
                sink.mpint(&key.scalar());
            }
            Secret::Rsa(key) => {
                let Numbers { n, e, d, q_inverse, p, q } = key.numbers();
                sink.string(b"ssh-rsa");
                [n, e, d, q_inverse, p, q].into_iter().for_each(|number| sink.mpint(number));
            }
            Secret::Token(token) => {
                // The blob ends with the application.
                sink.put(self.public());
                sink.u8(token.flags);
                sink.string(&token.handle);
                sink.string(&token.reserved);
            }
        }
    }
}

/// The public key, then seed and public key once more.
fn ed25519(reader: &mut Reader<'_>) -> Result<SigningKey, Malformed> {
    let public = reader.string()?;
    let (seed, copy) = reader.string()?.split_first_chunk::<32>().ok_or(Malformed)?;
    let key = SigningKey::ed25519(seed);
    if copy == public && key.public().ends_with(public) && public.len() == 32 { Ok(key) } else { Err(Malformed) }
}

/// Curve, point, scalar.
fn ecdsa(name: &[u8], reader: &mut Reader<'_>) -> Result<SigningKey, Malformed> {
    let name = name.strip_prefix(b"ecdsa-sha2-").ok_or(Malformed)?;
    let curve = Curve::ALL.into_iter().find(|curve| curve.name().as_bytes() == name).ok_or(Malformed)?;
    let (inner, point) = (reader.string()?, reader.string()?);
    let Mpint(scalar) = reader.read()?;
    let key = SigningKey::ecdsa(curve, scalar)?;
    let same = key.public().ends_with(point) && point.first() == Some(&4);
    if inner == name && same { Ok(key) } else { Err(Malformed) }
}

/// `n`, `e`, `d`, `q^-1 mod p`, `p`, `q`.
fn rsa(reader: &mut Reader<'_>) -> Result<SigningKey, Malformed> {
    let mut next = || reader.read().map(|Mpint(digits)| digits);
    let (n, e, d) = (next()?, next()?, next()?);
    let (q_inverse, p, q) = (next()?, next()?, next()?);
    SigningKey::rsa(&Numbers { n, e, d, q_inverse, p, q })
}

/// Flags, handle, and a field that is kept as it is.
fn token(reader: &mut Reader<'_>) -> Result<Token, Malformed> {
    let (flags, handle) = (reader.u8()?, Zeroizing::new(reader.string()?.to_vec()));
    Ok(Token { flags, handle, reserved: reader.string()?.to_vec() })
}

#[cfg(test)]
mod tests {
    use crate::file::signing::{KeyType, SigningKey};
    use crate::seed::{Random, Seed};
    use crate::wire::{Malformed, Reader};

    #[test]
    fn a_key_comes_back_and_nothing_less_does() {
        let random = &mut Random::new(&Seed::new([3; 32]));
        for kind in [KeyType::Ed25519, KeyType::EcdsaP256, KeyType::EcdsaP384, KeyType::EcdsaP521, KeyType::Rsa(2048)] {
            let key = SigningKey::generate(kind, random).unwrap();
            let fields = key.fields();
            let mut reader = Reader::new(&fields);
            assert_eq!(SigningKey::decode(&mut reader).unwrap().public(), key.public());
            assert!(reader.is_empty());
            for end in 0..fields.len() {
                assert_eq!(
                    SigningKey::decode(&mut Reader::new(&fields[..end])).err(),
                    Some(Malformed),
                    "{kind:?} {end}"
                );
            }
        }
    }
}
