//! OpenSSH certificates (draft-miller-ssh-cert): a key, what an authority says of it, and the authority's signature.
//!
//! [`Certificate::decode`] reads, [`Certificate::is_signed`] verifies, [`Certificate::check`] asks whether it is good
//! for a purpose. Whether the authority is trusted is for the caller's lists to say, and always to be asked.

use super::signature::{self, PublicKey};
use super::{Forged, Provider};
use crate::algorithm::HostKey;
use crate::wire::{Malformed, Reader, Strings, word};

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

/// Most principals, and most names and values of options together: OpenSSH's limit of principals. Later passes over them
/// are thereby short.
const MOST_STRINGS: usize = 256;

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
        let principals = Strings::decode(reader.string()?, MOST_STRINGS)?;
        let (valid_after, valid_before) = (reader.u64()?, reader.u64()?);
        let (critical, extensions) = (Pairs::new(reader.string()?)?, Pairs::new(reader.string()?)?);
        let _reserved = reader.string()?;
        let authority = reader.string()?;
        PublicKey::decode(authority, min_rsa_bits)?;
        let signature = reader.string()?;
        reader.end()?;
        // What is signed ends where the signature's length begins.
        let end = blob.len().saturating_sub(signature.len()).saturating_sub(4);
        let signed = blob.get(..end).ok_or(Malformed)?;
        // Who keeps names in C would read another one there.
        if principals.chain([key_id]).any(|name| name.contains(&0)) {
            return Err(Malformed);
        }
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

    /// The algorithm that the authority's signature is said to be by, if it is one that signs certificates.
    pub fn algorithm(&self) -> Option<HostKey> {
        let name = Reader::new(self.signature).string().ok()?;
        let named = core::str::from_utf8(name).ok().and_then(HostKey::from_name);
        named.filter(|name| !name.is_certified())
    }

    /// Whether the authority's signature is right, and made by one of the `allowed` algorithms.
    pub fn is_signed<P: Provider>(&self, allowed: &[HostKey]) -> Result<(), Forged> {
        let algorithm = self.algorithm().filter(|name| allowed.contains(name)).ok_or(Forged)?;
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

    /// Whether an extension of that name is there, such as `permit-pty`. With a value it is another, which is not known.
    pub fn permits(&self, name: &[u8]) -> bool {
        self.extensions.into_iter().any(|(other, value)| other == name && value.is_empty())
    }

    fn demands(&self) -> Result<Demands<'a>, Unfit> {
        let mut demands = Demands::default();
        for (name, value) in self.critical {
            // No option is defined for hosts.
            if self.kind == Kind::Host {
                return Err(Unfit::CriticalOption);
            }
            let again = match word(name) {
                "force-command" => demands.command.replace(text(value)?).is_some(),
                "source-address" => demands.source_address.replace(text(value)?).is_some(),
                "verify-required" => core::mem::replace(&mut demands.verified, true) || !value.is_empty(),
                _ => true,
            };
            if again {
                return Err(Unfit::CriticalOption);
            }
        }
        Ok(demands)
    }
}

/// The value of an option: one `string` with something in it, but no NUL.
fn text(value: &[u8]) -> Result<&[u8], Unfit> {
    let mut reader = Reader::new(value);
    let text = reader.string().and_then(|text| reader.end().map(|()| text));
    text.ok().filter(|text| !text.is_empty() && !text.contains(&0)).ok_or(Unfit::CriticalOption)
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

/// Names with values, known to be well-formed.
#[derive(Debug, Clone, Copy)]
pub struct Pairs<'a>(Strings<'a>);

impl<'a> Pairs<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let strings = Strings::decode(bytes, MOST_STRINGS)?;
        if strings.count().is_multiple_of(2) { Ok(Self(strings)) } else { Err(Malformed) }
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }
}

#[cfg(test)]
mod tests {
    use super::{Certificate, Demands, Kind, Unfit};
    use crate::algorithm::HostKey;
    use crate::crypto::Forged;
    use crate::crypto::null::Null;
    use crate::wire::{Malformed, Sink, Writer};
    use alloc::vec::Vec;

    type Options<'a> = &'a [(&'a [u8], &'a [u8])];

    /// What a case changes of a certificate that is good for `root` from 100 to 200.
    struct Draft<'a> {
        kind: u32,
        key_id: &'a [u8],
        principals: &'a [&'a [u8]],
        critical: Options<'a>,
        extensions: Options<'a>,
    }

    const USER: Draft<'_> =
        Draft { kind: 1, key_id: b"id", principals: &[b"root"], critical: &[], extensions: &[(b"permit-pty", b"")] };

    fn compose(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut space = [0; 8192];
        let mut writer = Writer::new(&mut space);
        write(&mut writer);
        writer.finish().unwrap().to_vec()
    }

    fn pairs(options: Options<'_>) -> Vec<u8> {
        compose(|writer| options.iter().for_each(|(name, value)| [name, value].iter().for_each(|s| writer.string(s))))
    }

    /// `Null` takes any signature that has the shape of one.
    fn signature(name: &[u8]) -> Vec<u8> {
        compose(|writer| {
            writer.string(name);
            writer.string(&[5; 64]);
        })
    }

    fn encode(draft: &Draft<'_>) -> Vec<u8> {
        compose(|writer| {
            writer.string(b"ssh-ed25519-cert-v01@openssh.com");
            writer.string(&[1; 32]);
            writer.string(&[2; 32]);
            writer.u64(7);
            writer.u32(draft.kind);
            writer.string(draft.key_id);
            writer.string(&compose(|writer| draft.principals.iter().for_each(|name| writer.string(name))));
            writer.u64(100);
            writer.u64(200);
            writer.string(&pairs(draft.critical));
            writer.string(&pairs(draft.extensions));
            writer.string(b"");
            writer.string(&compose(|writer| [&b"ssh-ed25519"[..], &[3; 32]].iter().for_each(|s| writer.string(s))));
            writer.string(&signature(b"ssh-ed25519"));
        })
    }

    /// The verdict on a draft as a user's, for `root` at 150.
    fn check(draft: &Draft<'_>) -> Result<bool, Unfit> {
        let blob = encode(draft);
        let certificate = Certificate::decode(&blob, 0).unwrap();
        certificate.check(Kind::User, Some(150), |name| name == b"root").map(|demands| demands == Demands::default())
    }

    #[test]
    fn a_certificate_is_read_field_by_field() {
        let blob = encode(&USER);
        let read = Certificate::decode(&blob, 0).unwrap();
        assert_eq!((read.serial, read.kind, read.key_id), (7, Kind::User, &b"id"[..]));
        assert_eq!((read.valid_after, read.valid_before), (100, 200));
        assert!(read.principals.eq([b"root"]) && read.critical.count() == 0);
        assert!(read.permits(b"permit-pty") && !read.permits(b"permit-agent-forwarding"));
        assert_eq!(read.is_signed::<Null>(HostKey::ALL), Ok(()));
        assert_eq!(read.is_signed::<Null>(&[]), Err(Forged));
        assert_eq!(read.signed, &blob[..blob.len() - 4 - read.signature.len()]);
    }

    #[test]
    fn time_is_asked_for() {
        let blob = encode(&USER);
        let read = Certificate::decode(&blob, 0).unwrap();
        let at = |now| read.check(Kind::User, now, |name| name == b"root").err();
        assert_eq!([at(None), at(Some(99)), at(Some(100))], [Some(Unfit::NoClock), Some(Unfit::NotYet), None]);
        assert_eq!(
            [at(Some(199)), at(Some(200)), at(Some(u64::MAX))],
            [None, Some(Unfit::Expired), Some(Unfit::Expired)]
        );
    }

    #[test]
    fn kinds_and_names_are_kept_apart() {
        assert_eq!(check(&USER), Ok(true));
        assert_eq!(check(&Draft { kind: 2, ..USER }), Err(Unfit::Kind));
        assert_eq!(check(&Draft { principals: &[], ..USER }), Err(Unfit::Principal));
        assert_eq!(
            check(&Draft { principals: &[b"a", b"roo", b"Root", b"root ", b"*"], ..USER }),
            Err(Unfit::Principal)
        );
        assert_eq!(check(&Draft { principals: &[b"a", b"root"], ..USER }), Ok(true));
    }

    #[test]
    fn critical_options_are_understood_or_the_certificate_is_worthless() {
        let value = |text: &[u8]| compose(|writer| writer.string(text));
        let (command, address, nul) = (value(b"date"), value(b"10.0.0.0/8"), value(b"da\0te"));
        let blob = encode(&Draft {
            critical: &[(b"force-command", &command), (b"source-address", &address), (b"verify-required", b"")],
            ..USER
        });
        let read = Certificate::decode(&blob, 0).unwrap();
        let demands = Demands { command: Some(b"date"), source_address: Some(b"10.0.0.0/8"), verified: true };
        assert_eq!(read.check(Kind::User, Some(150), |_| true), Ok(demands));
        let bad: [Options<'_>; 9] = [
            &[(b"unheard-of", b"")],
            &[(b"permit-pty", b"")],
            &[(b"force-command", b"date")],
            &[(b"force-command", b"")],
            &[(b"force-command", &[0; 4])],
            &[(b"force-command", &nul)],
            &[(b"force-command", &command), (b"source-address", &address), (b"force-command", &command)],
            &[(b"verify-required", b"\0\0\0\0")],
            &[(b"verify-required", b""), (b"verify-required", b"")],
        ];
        for critical in bad {
            assert_eq!(check(&Draft { critical, ..USER }), Err(Unfit::CriticalOption), "{critical:?}");
        }
        let host = encode(&Draft { kind: 2, critical: &[(b"force-command", &command)], ..USER });
        let host = Certificate::decode(&host, 0).unwrap();
        assert_eq!(host.check(Kind::Host, Some(150), |_| true), Err(Unfit::CriticalOption));
    }

    #[test]
    fn an_extension_with_a_value_is_not_the_one_without() {
        let blob = encode(&Draft { extensions: &[(b"permit-pty", b"x"), (b"unheard-of", b"x")], ..USER });
        assert!(!Certificate::decode(&blob, 0).unwrap().permits(b"permit-pty"));
        assert_eq!(check(&Draft { extensions: &[(b"unheard-of", b"x")], ..USER }), Ok(true));
    }

    #[test]
    fn names_with_nul_and_lists_without_end_are_malformed() {
        let many = [&b"root"[..]; 257];
        for draft in [
            Draft { key_id: b"id\0", ..USER },
            Draft { principals: &[b"root\0x"], ..USER },
            Draft { principals: &many, ..USER },
            Draft { kind: 0, ..USER },
            Draft { kind: 3, ..USER },
        ] {
            assert_eq!(Certificate::decode(&encode(&draft), 0).err(), Some(Malformed));
        }
        assert!(Certificate::decode(&encode(&Draft { principals: &many[1..], ..USER }), 0).is_ok());
    }
}
