//! One host: a connection for each type of key, which ends as soon as the key was shown and proven.

use crate::arguments::{Job, Target, Type};
use sanssh_core::algorithm::{HostKey, list};
use sanssh_core::file::PublicKeyBuf;
use sanssh_core::file::public::fingerprint;
use sanssh_core::{Choice, Error as Ssh};
use sanssh_std::{Client, Error, HostKeyError, Hosts, Options};

/// What a host has shown, and what went wrong.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) keys: Vec<PublicKeyBuf>,
    pub(crate) faults: Vec<String>,
}

/// Keeps the key that it is asked about, and trusts none.
#[derive(Default)]
struct Keep(Option<PublicKeyBuf>);

impl Hosts for Keep {
    fn order(&mut self, _: &str, _: u16, _: &mut [HostKey]) {}

    fn decide(&mut self, _: &str, _: u16, _: HostKey, key: &[u8]) -> Result<(), HostKeyError> {
        self.0 = PublicKeyBuf::from_blob(key).ok();
        Err(HostKeyError::Refused { fingerprint: fingerprint(key) })
    }
}

/// The keys of the first address that can be reached.
pub(crate) fn keys(job: &Job, target: &Target) -> Seen {
    let mut seen = Seen::default();
    for address in &target.addresses {
        if answers(job, address, &mut seen) {
            break;
        }
    }
    seen
}

/// Asks one address for every type; `false` if nothing is there.
fn answers(job: &Job, address: &str, seen: &mut Seen) -> bool {
    for kind in &job.types {
        match key(job, address, *kind) {
            Ok(key) => seen.keys.push(key),
            Err(Error::Ssh(Ssh::Incompatible(Choice::HostKey))) if job.verbose => {
                seen.faults.push(format!("no key of the type {kind:?}"));
            }
            Err(Error::Ssh(Ssh::Incompatible(Choice::HostKey))) => {}
            Err(error @ (Error::Resolve { .. } | Error::Connect { .. })) => {
                seen.faults.push(error.to_string());
                return false;
            }
            Err(error) => seen.faults.push(error.to_string()),
        }
    }
    true
}

fn key(job: &Job, address: &str, kind: Type) -> Result<PublicKeyBuf, Error> {
    let algorithms: Vec<_> = match job.certificates {
        true => kind.algorithms().iter().map(|algorithm| algorithm.certified()).collect(),
        false => kind.algorithms().to_vec(),
    };
    let mut options =
        Options { connect_timeout: Some(job.timeout), family: job.family, channels: 1, ..Options::default() };
    options.core.preferences.host_keys = list(&algorithms);
    let mut hosts = Keep::default();
    match (Client::connect(address, job.port, &options, &mut hosts), hosts.0) {
        (Err(Error::HostKey(_)), Some(key)) => Ok(key),
        (Err(error), _) => Err(error),
        // It trusts nobody, so nobody is connected to.
        (Ok(_), _) => Err(Error::Ssh(Ssh::Untrusted)),
    }
}
