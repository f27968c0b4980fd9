//! OpenSSH certificates (draft-miller-ssh-cert): a key, what an authority says of it, and the authority's signature.
//!
//! [`Certificate::decode`] reads, [`Certificate::is_signed`] verifies, [`Certificate::check`] asks whether it is good
//! for a purpose. Whether the authority is trusted is for the caller's lists to say, and always to be asked.

use super::signature::{self, PublicKey};
use super::{Forged, Provider};
use crate::algorithm::HostKey;
use crate::wire::{Malformed, Reader};

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Logging in.
    User,
    /// Being a host.
    Host,
}

/// A certificate, borrowed from its blob.
#[derive(Debug, Clone, Copy)]
pub struct Certificate<'a> {
    /// The key that is certified.
    pub key: PublicKey<'a>,
    /// The authority's own number for it.
    pub serial: u64,
    /// What it is for.
    pub kind: Kind,
    /// The authority's name for it: for logs.
    pub key_id: &'a [u8],
    /// The users or hosts that it is for. Nobody, if empty.
    pub principals: Strings<'a>,
    /// From when it is valid, in seconds since 1970.
    pub valid_after: u64,
    /// Up to when it is valid, not included, in seconds since 1970.
    pub valid_before: u64,
    /// What its holder must keep to; one that is not understood makes the certificate worthless.
    pub critical: Pairs<'a>,
    /// What its holder may do; those that are not understood mean nothing.
    pub extensions: Pairs<'a>,
    /// The authority's public key blob, which is no certificate.
    pub authority: &'a [u8],
    signed: &'a [u8],
    signature: &'a [u8],
}

/// Principals of one certificate, as OpenSSH limits them.
const MOST_PRINCIPALS: usize = 256;

impl<'a> Certificate<'a> {
    /// Reads a certificate. Its keys are held to the same rules as bare ones, and an authority that is itself certified
    /// is refused.
    pub fn decode(blob: &'a [u8], min_rsa_bits: usize) -> Result<Self, Malformed> {
        let mut reader = Reader::new(blob);
        let name = reader.string()?;
        let known = HostKey::ALL.iter().find(|key| key.is_certified() && key.key_type().as_bytes() == name);
        let plain = known.ok_or(Malformed)?.plain().key_type();
        let _nonce = reader.string()?;
        let key = PublicKey::fields(plain.as_bytes(), &mut reader, min_rsa_bits)?;
        let serial = reader.u64()?;
        let kind = match reader.u32()? {
            1 => Kind::User,
            2 => Kind::Host,
            _ => return Err(Malformed),
        };
        let key_id = reader.string()?;
        let principals = Strings::new(reader.string()?)?;
        let (valid_after, valid_before) = (reader.u64()?, reader.u64()?);
        let (critical, extensions) = (Pairs::new(reader.string()?)?, Pairs::new(reader.string()?)?);
        let _reserved = reader.string()?;
        let authority = reader.string()?;
        PublicKey::decode(authority, min_rsa_bits)?;
        let end = blob.len().saturating_sub(reader.clone().rest().len());
        let signature = reader.string()?;
        reader.end()?;
        let signed = blob.get(..end).ok_or(Malformed)?;
        Ok(Self {
            key,
            serial,
            kind,
            key_id,
            principals,
            valid_after,
            valid_before,
            critical,
            extensions,
            authority,
            signed,
            signature,
        })
    }

    /// Whether the authority's signature is right, and made by one of the `allowed` algorithms.
    pub fn is_signed<P: Provider>(&self, allowed: &[HostKey]) -> Result<(), Forged> {
        let name = Reader::new(self.signature).string().map_err(|Malformed| Forged)?;
        let named = core::str::from_utf8(name).ok().and_then(HostKey::from_name);
        let algorithm = named.filter(|name| !name.is_certified() && allowed.contains(name)).ok_or(Forged)?;
        let authority = PublicKey::decode(self.authority, 0).map_err(|Malformed| Forged)?;
        signature::verify::<P>(algorithm, &authority, self.signed, self.signature).map(drop)
    }

    /// Whether the certificate is good for `kind` at `now`, in seconds since 1970, for a principal that `named` knows;
    /// what it demands besides must be kept. Without a clock none is valid.
    pub fn check(&self, kind: Kind, now: Option<u64>, named: impl Fn(&[u8]) -> bool) -> Result<Demands<'a>, Unfit> {
        if self.kind != kind {
            return Err(Unfit::Kind);
        }
        let now = now.ok_or(Unfit::NoClock)?;
        if now < self.valid_after {
            return Err(Unfit::NotYet);
        }
        if now >= self.valid_before {
            return Err(Unfit::Expired);
        }
        if !self.principals.into_iter().any(named) {
            return Err(Unfit::Principal);
        }
        self.demands()
    }

    /// Whether an extension of that name is there, such as `permit-pty`.
    pub fn permits(&self, name: &[u8]) -> bool {
        self.extensions.into_iter().any(|(other, _)| other == name)
    }

    fn demands(&self) -> Result<Demands<'a>, Unfit> {
        let mut demands = Demands::default();
        for (name, value) in self.critical {
            let value = match self.kind {
                Kind::User => value,
                // No option is defined for hosts.
                Kind::Host => return Err(Unfit::CriticalOption),
            };
            let text = || {
                let mut reader = Reader::new(value);
                let text = reader.string().and_then(|text| reader.end().map(|()| text));
                text.ok().filter(|text| !text.is_empty()).ok_or(Unfit::CriticalOption)
            };
            let again = match name {
                b"force-command" => demands.command.replace(text()?).is_some(),
                b"source-address" => demands.source_address.replace(text()?).is_some(),
                b"verify-required" => core::mem::replace(&mut demands.verified, true) || !value.is_empty(),
                _ => true,
            };
            if again {
                return Err(Unfit::CriticalOption);
            }
        }
        Ok(demands)
    }
}

/// What a user certificate demands by its critical options. Leaving one out lets in whom the authority kept out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "what a certificate demands must be kept"]
pub struct Demands<'a> {
    /// `force-command`: the command that runs instead of any other.
    pub command: Option<&'a [u8]>,
    /// `source-address`: networks that the user may come from, separated by commas.
    pub source_address: Option<&'a [u8]>,
    /// `verify-required`: the security key must have recognised its owner.
    pub verified: bool,
}

/// Why a certificate is not good for a purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// A user's where a host's is wanted, or the other way round.
    Kind,
    /// Nobody said what time it is.
    NoClock,
    /// Not valid yet.
    NotYet,
    /// Not valid any more.
    Expired,
    /// For somebody else, or for nobody.
    Principal,
    /// A critical option that is not understood, malformed, or there twice.
    CriticalOption,
}

impl core::fmt::Display for Unfit {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Kind => "the certificate is for another purpose",
            Self::NoClock => "there is no clock to check the certificate by",
            Self::NotYet => "the certificate is not valid yet",
            Self::Expired => "the certificate has expired",
            Self::Principal => "the certificate is for another name",
            Self::CriticalOption => "the certificate has a critical option that is not understood",
        })
    }
}

impl core::error::Error for Unfit {}

/// Strings one after the other, known to be well-formed.
#[derive(Debug, Clone, Copy)]
pub struct Strings<'a>(Reader<'a>);

impl<'a> Strings<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut count = 0_usize;
        while !reader.is_empty() {
            reader.string()?;
            count = count.saturating_add(1);
        }
        if count > MOST_PRINCIPALS { Err(Malformed) } else { Ok(Self(Reader::new(bytes))) }
    }
}

impl<'a> Iterator for Strings<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.0.string().ok()
    }
}

/// Names with values, known to be well-formed.
#[derive(Debug, Clone, Copy)]
pub struct Pairs<'a>(Strings<'a>);

impl<'a> Pairs<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let strings = Strings::new(bytes)?;
        if strings.count().is_multiple_of(2) { Ok(Self(strings)) } else { Err(Malformed) }
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }
}
