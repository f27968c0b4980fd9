//! Certificates by hand (draft-miller-ssh-cert): every field can be falsified before an authority signs.

use crate::forger::{Encode, blob};
use sanssh_core::algorithm::HostKey;
use sanssh_core::file::SigningKey;
use sanssh_core::wire::Reader;

/// A certificate to be. Its fields stand in the order of the blob.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The type name.
    pub name: String,
    /// What makes each one different.
    pub nonce: Vec<u8>,
    /// The fields of the subject's public key, as they follow its own type name.
    pub key: Vec<u8>,
    /// The authority's number for it.
    pub serial: u64,
    /// 1 for users, 2 for hosts.
    pub kind: u32,
    /// The authority's name for it.
    pub key_id: Vec<u8>,
    /// Users or hosts.
    pub principals: Vec<String>,
    /// From when, in seconds since 1970.
    pub valid_after: u64,
    /// Up to when.
    pub valid_before: u64,
    /// Names and values.
    pub critical: Vec<(String, Vec<u8>)>,
    /// Names and values.
    pub extensions: Vec<(String, Vec<u8>)>,
    /// What nothing is defined for.
    pub reserved: Vec<u8>,
    /// The authority's public key blob.
    pub authority: Vec<u8>,
}

impl Draft {
    /// A user's certificate for a public key blob, good for the principal `user` at any time.
    ///
    /// # Panics
    /// If the blob has no type name.
    #[must_use]
    pub fn user(public: &[u8], authority: &[u8]) -> Self {
        let mut reader = Reader::new(public);
        let name = String::from_utf8_lossy(reader.string().expect("a type name")).into_owned();
        let name =
            HostKey::ALL.iter().find(|key| key.name() == name).map_or(name, |key| key.certified().key_type().into());
        Self {
            name,
            nonce: vec![0x6e; 32],
            key: reader.rest().to_vec(),
            serial: 1,
            kind: 1,
            key_id: b"by hand".to_vec(),
            principals: vec!["user".into()],
            valid_after: 0,
            valid_before: u64::MAX,
            critical: Vec::new(),
            extensions: vec![("permit-pty".into(), Vec::new())],
            reserved: Vec::new(),
            authority: authority.to_vec(),
        }
    }

    /// The same for a host, with the principal `host` and no extensions.
    #[must_use]
    pub fn host(public: &[u8], authority: &[u8]) -> Self {
        Self { kind: 2, principals: vec!["host".into()], extensions: Vec::new(), ..Self::user(public, authority) }
    }

    /// What the authority signs.
    #[must_use]
    pub fn to_sign(&self) -> Vec<u8> {
        let principals = self.principals.iter().fold(blob(), Encode::string).done();
        let options = |options: &[(String, Vec<u8>)]| {
            options.iter().fold(blob(), |list, (name, value)| list.string(name).string(value)).done()
        };
        let head = blob().string(&self.name).string(&self.nonce).raw(&self.key).raw(&self.serial.to_be_bytes());
        let head = head.u32(self.kind).string(&self.key_id).string(principals);
        let head = head.raw(&self.valid_after.to_be_bytes()).raw(&self.valid_before.to_be_bytes());
        let head = head.string(options(&self.critical)).string(options(&self.extensions));
        head.string(&self.reserved).string(&self.authority).done()
    }

    /// The certificate with this signature blob.
    #[must_use]
    pub fn with(&self, signature: &[u8]) -> Vec<u8> {
        blob().raw(&self.to_sign()).string(signature).done()
    }

    /// The certificate, signed by `authority` with its best algorithm.
    ///
    /// # Panics
    /// If the key signs nothing.
    #[must_use]
    pub fn signed(&self, authority: &SigningKey) -> Vec<u8> {
        let algorithm = *authority.algorithms().first().expect("an algorithm");
        self.with(&authority.sign(algorithm, &self.to_sign()).expect("a signature"))
    }
}

/// The value of an option that is one `string`.
#[must_use]
pub fn value(text: &str) -> Vec<u8> {
    blob().string(text).done()
}
