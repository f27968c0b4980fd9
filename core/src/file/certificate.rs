//! Making OpenSSH certificates (draft-miller-ssh-cert): an authority signs what it says of a key. Reading and checking
//! them is [`crypto::certificate`](crate::crypto::certificate)'s part.

use super::address::networks_have;
use super::signing::{CannotSign, SigningKey};
use super::{PublicKeyBuf, compose};
use crate::algorithm::HostKey;
use crate::crypto::certificate::{Certificate, Kind};
use crate::seed::Random;
use crate::wire::Reader;
use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv4Addr;

/// The extensions that `ssh-keygen` gives user certificates, so that their holders may do what others may.
pub const PERMIT_ALL: [Named<'static>; 5] = [
    (b"permit-X11-forwarding", b""),
    (b"permit-agent-forwarding", b""),
    (b"permit-port-forwarding", b""),
    (b"permit-pty", b""),
    (b"permit-user-rc", b""),
];

/// An option or extension by its name, with a value or an empty one.
pub type Named<'a> = (&'a [u8], &'a [u8]);

/// What an authority is to say of a key.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The key, which is no certificate itself.
    pub key: &'a PublicKeyBuf,
    /// What the certificate is for.
    pub kind: Kind,
    /// The authority's own number for it; 0 by custom where it does not count.
    pub serial: u64,
    /// The authority's name for it, which servers log.
    pub key_id: &'a [u8],
    /// The users or hosts that it is for: at least one.
    pub principals: &'a [&'a [u8]],
    /// From when it is valid, in seconds since 1970.
    pub valid_after: u64,
    /// Up to when it is valid, not included, in seconds since 1970; `u64::MAX` is for ever.
    pub valid_before: u64,
    /// What its holder must keep to, `force-command`, `source-address` or `verify-required`, in any order.
    pub critical: &'a [Named<'a>],
    /// What its holder may do, in any order: [`PERMIT_ALL`], or less.
    pub extensions: &'a [Named<'a>],
}

/// Why no certificate was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CannotCertify {
    /// The key is of a type that has no certificates, or is one.
    Key,
    /// No principals, or more than 256. A certificate for nobody would be one for everybody to some programs.
    Principals,
    /// It would never be valid.
    Validity,
    /// An option or extension without a name, or twice, or more than 128 of them.
    Options,
    /// `source-address` is no list of addresses and networks.
    Addresses,
    /// The authority did not sign.
    Sign(CannotSign),
}

impl Request<'_> {
    /// The certificate, signed by the best algorithm of the authority's key. `random` gives the nonce that no one can
    /// foresee.
    ///
    /// # Errors
    /// What no program would accept is not made.
    pub fn sign(&self, authority: &SigningKey, random: &mut Random) -> Result<PublicKeyBuf, CannotCertify> {
        let mut body = self.body(authority, random)?;
        let algorithm = authority.algorithms().first().copied().unwrap_or(HostKey::Ed25519);
        let signature = authority.sign(algorithm, &body).map_err(CannotCertify::Sign)?;
        body.extend_from_slice(&compose(|sink| sink.string(&signature)));
        Certificate::decode(&body, 0).map_err(|_| CannotCertify::Principals)?;
        PublicKeyBuf::from_blob(&body).map_err(|_| CannotCertify::Key)
    }

    /// What gets signed.
    fn body(&self, authority: &SigningKey, random: &mut Random) -> Result<Vec<u8>, CannotCertify> {
        let key = self.key.decode(0).map_err(|_| CannotCertify::Key)?;
        let kind = key.algorithm().certified().key_type();
        let mut fields = Reader::new(self.key.blob());
        fields.string().map_err(|_| CannotCertify::Key)?;
        if self.principals.is_empty() {
            return Err(CannotCertify::Principals);
        }
        if self.valid_after >= self.valid_before {
            return Err(CannotCertify::Validity);
        }
        let addresses = |(name, list): &Named<'_>| {
            *name == b"source-address" && networks_have(list, Ipv4Addr::UNSPECIFIED.into()).is_none()
        };
        if self.critical.iter().any(addresses) {
            return Err(CannotCertify::Addresses);
        }
        let principals = compose(|sink| self.principals.iter().for_each(|name| sink.string(name)));
        let (critical, extensions) = (sorted(self.critical)?, sorted(self.extensions)?);
        let nonce = random.array::<32>();
        Ok(compose(|sink| {
            sink.string(kind.as_bytes());
            sink.string(&nonce);
            sink.put(fields.clone().rest());
            sink.u64(self.serial);
            sink.u32(match self.kind {
                Kind::User => 1,
                Kind::Host => 2,
            });
            sink.string(self.key_id);
            sink.string(&principals);
            sink.u64(self.valid_after);
            sink.u64(self.valid_before);
            sink.string(&critical);
            sink.string(&extensions);
            sink.string(b"");
            sink.string(authority.public());
        }))
    }
}

/// By their names, each once. A value is a `string` of its own inside the one that holds it.
fn sorted(options: &[Named<'_>]) -> Result<Vec<u8>, CannotCertify> {
    let mut options = options.to_vec();
    options.sort_unstable();
    let twice = options.windows(2).any(|pair| matches!(pair, [(one, _), (other, _)] if one == other));
    if twice || options.len() > 128 || options.iter().any(|(name, _)| name.is_empty()) {
        return Err(CannotCertify::Options);
    }
    let value = |value: &[u8]| if value.is_empty() { Vec::new() } else { compose(|sink| sink.string(value)) };
    let options: Vec<_> = options.into_iter().map(|(name, content)| (name, value(content))).collect();
    Ok(compose(|sink| {
        for (name, value) in &options {
            sink.string(name);
            sink.string(value);
        }
    }))
}

impl fmt::Display for CannotCertify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key => f.write_str("keys of this type have no certificates"),
            Self::Principals => f.write_str("a certificate names 1 to 256 principals"),
            Self::Validity => f.write_str("the certificate would never be valid"),
            Self::Options => f.write_str("options have names, each once, and are at most 128"),
            Self::Addresses => f.write_str("source-address is no list of addresses and networks"),
            Self::Sign(why) => write!(f, "the authority did not sign: {why}"),
        }
    }
}

impl core::error::Error for CannotCertify {}

#[cfg(test)]
mod tests {
    use super::{CannotCertify, PERMIT_ALL, Request};
    use crate::crypto::certificate::{Certificate, Kind};
    use crate::crypto::soft::Soft;
    use crate::file::{PublicKeyBuf, SigningKey};
    use crate::seed::{Random, Seed};
    use alloc::vec;

    fn random() -> Random {
        Random::new(&Seed::new([5; 32]))
    }

    fn request(key: &PublicKeyBuf) -> Request<'_> {
        Request {
            key,
            kind: Kind::User,
            serial: 7,
            key_id: b"me",
            principals: &[b"root", b"deploy"],
            valid_after: 100,
            valid_before: 200,
            critical: &[(b"source-address", b"192.0.2.0/24"), (b"force-command", b"date")],
            extensions: &PERMIT_ALL,
        }
    }

    #[test]
    fn what_is_made_is_good() {
        let authority = SigningKey::ed25519(&[2; 32]);
        for subject in [SigningKey::ed25519(&[1; 32]), SigningKey::ecdsa_p256(&mut random())] {
            let key = PublicKeyBuf::from_blob(subject.public()).unwrap();
            let made = request(&key).sign(&authority, &mut random()).unwrap();
            assert_eq!(
                request(&key).sign(&authority, &mut random()).as_ref(),
                Ok(&made),
                "the same seed, the same bytes"
            );
            let certificate = Certificate::decode(made.blob(), 2048).unwrap();
            assert_eq!(certificate.is_signed::<Soft>(authority.algorithms()), Ok(()));
            assert!(certificate.is_signed::<Soft>(&[]).is_err());
            let demands = certificate.check(Kind::User, Some(150), |name| name == b"deploy").unwrap();
            assert_eq!((demands.command, demands.source_address), (Some(&b"date"[..]), Some(&b"192.0.2.0/24"[..])));
            assert!(certificate.permits(b"permit-pty"));
        }
    }

    #[test]
    fn what_nobody_would_accept_is_not_made() {
        let authority = SigningKey::ed25519(&[2; 32]);
        let key = PublicKeyBuf::from_blob(SigningKey::ed25519(&[1; 32]).public()).unwrap();
        let certified = request(&key).sign(&authority, &mut random()).unwrap();
        let many = vec![&b"x"[..]; 257];
        let good = request(&key);
        let cases = [
            (Request { key: &certified, ..good }, CannotCertify::Key),
            (Request { principals: &[], ..good }, CannotCertify::Principals),
            (Request { principals: &many, ..good }, CannotCertify::Principals),
            (Request { valid_before: 100, ..good }, CannotCertify::Validity),
            (Request { extensions: &[(b"a", b""), (b"b", b""), (b"a", b"x")], ..good }, CannotCertify::Options),
            (Request { critical: &[(b"", b"")], ..good }, CannotCertify::Options),
            (Request { critical: &[(b"source-address", b"10.0.0.0/8,office")], ..good }, CannotCertify::Addresses),
            (Request { critical: &[(b"source-address", b"")], ..good }, CannotCertify::Addresses),
        ];
        for (request, why) in cases {
            assert_eq!(request.sign(&authority, &mut random()), Err(why));
        }
    }
}
